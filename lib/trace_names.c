/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of names. Sources beyond the ABI headers: GlobalPlatform TEE Client API
 * 4.4 (codes, logins), OP-TEE OS core/include/optee_rpc_cmd.h (FS operations).
 * No name has a character that Mermaid would take for syntax (; # " or a line end).
 */
#include "trace_names.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

static const struct om_name fids[] = {
	{ OPTEE_SMC_CALLS_COUNT, "CALLS_COUNT" },
	{ OPTEE_SMC_CALLS_UID, "CALLS_UID" },
	{ OPTEE_SMC_CALLS_REVISION, "CALLS_REVISION" },
	{ OPTEE_SMC_GET_OS_UUID, "GET_OS_UUID" },
	{ OPTEE_SMC_GET_OS_REVISION, "GET_OS_REVISION" },
	{ OPTEE_SMC_GET_SHM_CONFIG, "GET_SHM_CONFIG" },
	{ OPTEE_SMC_L2CC_MUTEX, "L2CC_MUTEX" },
	{ OPTEE_SMC_EXCHANGE_CAPABILITIES, "EXCHANGE_CAPABILITIES" },
	{ OPTEE_SMC_DISABLE_SHM_CACHE, "DISABLE_SHM_CACHE" },
	{ OPTEE_SMC_ENABLE_SHM_CACHE, "ENABLE_SHM_CACHE" },
	{ OPTEE_SMC_BOOT_SECONDARY, "BOOT_SECONDARY" },
	{ OPTEE_SMC_VM_CREATED, "VM_CREATED" },
	{ OPTEE_SMC_VM_DESTROYED, "VM_DESTROYED" },
	{ OPTEE_SMC_GET_THREAD_COUNT, "GET_THREAD_COUNT" },
	{ OPTEE_SMC_ENABLE_ASYNC_NOTIF, "ENABLE_ASYNC_NOTIF" },
	{ OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, "GET_ASYNC_NOTIF_VALUE" },
	{ OPTEE_SMC_GET_PROTMEM_CONFIG, "GET_PROTMEM_CONFIG" },
	{ OPTEE_SMC_LOAD_IMAGE, "LOAD_IMAGE" },
	{ OPTEE_SMC_RETURN_FROM_RPC, "RETURN_FROM_RPC" },
	{ OPTEE_SMC_CALL_WITH_ARG, "CALL_WITH_ARG" },
	{ OPTEE_SMC_CALL_WITH_RPC_ARG, "CALL_WITH_RPC_ARG" },
	{ OPTEE_SMC_CALL_WITH_REGD_ARG, "CALL_WITH_REGD_ARG" },
};

static const struct om_name statuses[] = {
	{ OPTEE_SMC_RETURN_OK, "OK" },
	{ OPTEE_SMC_RETURN_ETHREAD_LIMIT, "ETHREAD_LIMIT" },
	{ OPTEE_SMC_RETURN_EBUSY, "EBUSY" },
	{ OPTEE_SMC_RETURN_ERESUME, "ERESUME" },
	{ OPTEE_SMC_RETURN_EBADADDR, "EBADADDR" },
	{ OPTEE_SMC_RETURN_EBADCMD, "EBADCMD" },
	{ OPTEE_SMC_RETURN_ENOMEM, "ENOMEM" },
	{ OPTEE_SMC_RETURN_ENOTAVAIL, "ENOTAVAIL" },
	{ OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, "UNKNOWN_FUNCTION" },
};

static const struct om_name rpcs[] = {
	{ OPTEE_SMC_RETURN_RPC_ALLOC, "ALLOC" },
	{ OPTEE_SMC_RETURN_RPC_FREE, "FREE" },
	{ OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, "FOREIGN_INTR" },
	{ OPTEE_SMC_RETURN_RPC_CMD, "CMD" },
};

static const struct om_name commands[] = {
	{ OPTEE_MSG_CMD_OPEN_SESSION, "OPEN_SESSION" },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, "INVOKE_COMMAND" },
	{ OPTEE_MSG_CMD_CLOSE_SESSION, "CLOSE_SESSION" },
	{ OPTEE_MSG_CMD_CANCEL, "CANCEL" },
	{ OPTEE_MSG_CMD_REGISTER_SHM, "REGISTER_SHM" },
	{ OPTEE_MSG_CMD_UNREGISTER_SHM, "UNREGISTER_SHM" },
	{ OPTEE_MSG_CMD_DO_BOTTOM_HALF, "DO_BOTTOM_HALF" },
	{ OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, "STOP_ASYNC_NOTIF" },
};

static const struct om_name rpc_commands[] = {
	{ OPTEE_RPC_CMD_LOAD_TA, "LOAD_TA" },
	{ OPTEE_RPC_CMD_RPMB, "RPMB" },
	{ OPTEE_RPC_CMD_FS, "FS" },
	{ OPTEE_RPC_CMD_GET_TIME, "GET_TIME" },
	{ OPTEE_RPC_CMD_NOTIFICATION, "NOTIFICATION" },
	{ OPTEE_RPC_CMD_SUSPEND, "SUSPEND" },
	{ OPTEE_RPC_CMD_SHM_ALLOC, "SHM_ALLOC" },
	{ OPTEE_RPC_CMD_SHM_FREE, "SHM_FREE" },
	{ OPTEE_RPC_CMD_GPROF, "GPROF" },
	{ OPTEE_RPC_CMD_SOCKET, "SOCKET" },
	{ OPTEE_RPC_CMD_FTRACE, "FTRACE" },
	{ OPTEE_RPC_CMD_SUPP_PLUGIN, "SUPP_PLUGIN" },
	{ OPTEE_RPC_CMD_BENCH_REG, "BENCH_REG" },
	{ OPTEE_RPC_CMD_I2C_TRANSFER, "I2C_TRANSFER" },
	{ OPTEE_RPC_CMD_RPMB_PROBE_RESET, "RPMB_PROBE_RESET" },
	{ OPTEE_RPC_CMD_RPMB_PROBE_NEXT, "RPMB_PROBE_NEXT" },
	{ OPTEE_RPC_CMD_RPMB_FRAMES, "RPMB_FRAMES" },
};

static const struct om_name attrs[] = {
	{ OPTEE_MSG_ATTR_TYPE_NONE, "NONE" },
	{ OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, "VALUE_INPUT" },
	{ OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, "VALUE_OUTPUT" },
	{ OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, "VALUE_INOUT" },
	{ OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, "RMEM_INPUT" },
	{ OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, "RMEM_OUTPUT" },
	{ OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, "RMEM_INOUT" },
	{ OPTEE_MSG_ATTR_TYPE_TMEM_INPUT, "TMEM_INPUT" },
	{ OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, "TMEM_OUTPUT" },
	{ OPTEE_MSG_ATTR_TYPE_TMEM_INOUT, "TMEM_INOUT" },
};

static const struct om_name teecs[] = {
	{ TEEC_SUCCESS, "TEEC_SUCCESS" },
	{ TEEC_ERROR_GENERIC, "TEEC_ERROR_GENERIC" },
	{ TEEC_ERROR_ACCESS_DENIED, "TEEC_ERROR_ACCESS_DENIED" },
	{ TEEC_ERROR_CANCEL, "TEEC_ERROR_CANCEL" },
	{ 0xffff0003u, "TEEC_ERROR_ACCESS_CONFLICT" },
	{ 0xffff0004u, "TEEC_ERROR_EXCESS_DATA" },
	{ 0xffff0005u, "TEEC_ERROR_BAD_FORMAT" },
	{ TEEC_ERROR_BAD_PARAMETERS, "TEEC_ERROR_BAD_PARAMETERS" },
	{ 0xffff0007u, "TEEC_ERROR_BAD_STATE" },
	{ TEEC_ERROR_ITEM_NOT_FOUND, "TEEC_ERROR_ITEM_NOT_FOUND" },
	{ 0xffff0009u, "TEEC_ERROR_NOT_IMPLEMENTED" },
	{ TEEC_ERROR_NOT_SUPPORTED, "TEEC_ERROR_NOT_SUPPORTED" },
	{ 0xffff000bu, "TEEC_ERROR_NO_DATA" },
	{ TEEC_ERROR_OUT_OF_MEMORY, "TEEC_ERROR_OUT_OF_MEMORY" },
	{ TEEC_ERROR_BUSY, "TEEC_ERROR_BUSY" },
	{ TEEC_ERROR_COMMUNICATION, "TEEC_ERROR_COMMUNICATION" },
	{ TEEC_ERROR_SECURITY, "TEEC_ERROR_SECURITY" },
	{ TEEC_ERROR_SHORT_BUFFER, "TEEC_ERROR_SHORT_BUFFER" },
	{ TEEC_ERROR_TARGET_DEAD, "TEEC_ERROR_TARGET_DEAD" },
	{ 0xf0100001u, "TEE_ERROR_CORRUPT_OBJECT" },
	{ 0xf0100003u, "TEE_ERROR_STORAGE_NOT_AVAILABLE" },
};

static const struct om_name origins[] = {
	{ TEEC_ORIGIN_API, "API" },
	{ TEEC_ORIGIN_COMMS, "COMMS" },
	{ TEEC_ORIGIN_TEE, "TEE" },
	{ TEEC_ORIGIN_TRUSTED_APP, "TRUSTED_APP" },
};

static const struct om_name logins[] = {
	{ 0, "PUBLIC" },
	{ 1, "USER" },
	{ 2, "GROUP" },
	{ 4, "APPLICATION" },
	{ 5, "USER_APPLICATION" },
	{ 6, "GROUP_APPLICATION" },
	{ 0x80000000u, "REE_KERNEL" },
};

static const struct om_name shm_types[] = {
	{ OPTEE_RPC_SHM_TYPE_APPL, "APPL" },
	{ OPTEE_RPC_SHM_TYPE_KERNEL, "KERNEL" },
	{ OPTEE_RPC_SHM_TYPE_GLOBAL, "GLOBAL" },
};

static const struct om_name fs_operations[] = {
	{ 0, "OPEN" },
	{ 1, "CREATE" },
	{ 2, "CLOSE" },
	{ 3, "READ" },
	{ 4, "WRITE" },
	{ 5, "TRUNCATE" },
	{ 6, "REMOVE" },
	{ 7, "RENAME" },
	{ 8, "OPENDIR" },
	{ 9, "CLOSEDIR" },
	{ 10, "READDIR" },
};

static const struct om_name notifications[] = {
	{ OPTEE_RPC_NOTIFICATION_WAIT, "WAIT" },
	{ OPTEE_RPC_NOTIFICATION_SEND, "SEND" },
};

const char *om_name_of(struct om_names names, uint64_t number)
{
	size_t i;

	for (i = 0; i < names.count; i++) {
		if (names.first[i].number == number)
			return names.first[i].text;
	}
	return NULL;
}

#define OM_NAMES_OF(function, table)						\
	struct om_names function(void)						\
	{									\
		return (struct om_names){ table, sizeof(table) / sizeof((table)[0]) }; \
	}

OM_NAMES_OF(om_names_fid, fids)
OM_NAMES_OF(om_names_status, statuses)
OM_NAMES_OF(om_names_rpc, rpcs)
OM_NAMES_OF(om_names_command, commands)
OM_NAMES_OF(om_names_rpc_command, rpc_commands)
OM_NAMES_OF(om_names_attr, attrs)
OM_NAMES_OF(om_names_teec, teecs)
OM_NAMES_OF(om_names_origin, origins)
OM_NAMES_OF(om_names_login, logins)
OM_NAMES_OF(om_names_shm_type, shm_types)
OM_NAMES_OF(om_names_fs, fs_operations)
OM_NAMES_OF(om_names_notification, notifications)

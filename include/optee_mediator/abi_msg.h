/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE's message format: the argument that a yielding call or an RPC carries.
 *
 * Layouts and constants only. Everything is little-endian. Source: OP-TEE OS,
 * core/include/optee_msg.h, core/include/optee_rpc_cmd.h, and for the error
 * codes GlobalPlatform's TEE Client API, section 4.4.2.
 */
#ifndef OPTEE_MEDIATOR_ABI_MSG_H
#define OPTEE_MEDIATOR_ABI_MSG_H

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "OP-TEE messages are little-endian and read in place: big-endian is not supported"
#endif

/* OP-TEE always shares memory in 4 KiB units, whatever the guest's page size is. */
#define OPTEE_MSG_PAGE_SIZE		4096u
#define OPTEE_MSG_PAGE_SHIFT		12

/* optee_msg_param.attr: type in bits 7:0. */
#define OPTEE_MSG_ATTR_TYPE_MASK	0xffu
#define OPTEE_MSG_ATTR_TYPE_NONE	0x0u
#define OPTEE_MSG_ATTR_TYPE_VALUE_INPUT	0x1u
#define OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT 0x2u
#define OPTEE_MSG_ATTR_TYPE_VALUE_INOUT	0x3u
#define OPTEE_MSG_ATTR_TYPE_RMEM_INPUT	0x5u
#define OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT	0x6u
#define OPTEE_MSG_ATTR_TYPE_RMEM_INOUT	0x7u
#define OPTEE_MSG_ATTR_TYPE_TMEM_INPUT	0x9u
#define OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT	0xau
#define OPTEE_MSG_ATTR_TYPE_TMEM_INOUT	0xbu
#define OPTEE_MSG_ATTR_META		(1u << 8)
#define OPTEE_MSG_ATTR_NONCONTIG	(1u << 9)
#define OPTEE_MSG_ATTR_CACHE_MASK	(7u << 16)	/* OP-TEE ignores it */

/* A value parameter, and the octets of a UUID in an OPEN_SESSION. */
struct optee_msg_param_value {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

/* Temporary memory, named by its address: that of a page list when NONCONTIG. */
struct optee_msg_param_tmem {
	uint64_t buf_ptr;
	uint64_t size;
	uint64_t shm_ref;
};

/* Registered memory: a part of a buffer, which is named by its cookie. */
struct optee_msg_param_rmem {
	uint64_t offs;
	uint64_t size;
	uint64_t shm_ref;
};

struct optee_msg_param {
	uint64_t attr;
	union {
		struct optee_msg_param_value value;
		struct optee_msg_param_tmem tmem;
		struct optee_msg_param_rmem rmem;
		uint8_t octets[24];
	} u;
};

/* The header of a message; num_params parameters follow it. */
struct optee_msg_hdr {
	uint32_t cmd;
	uint32_t func;
	uint32_t session;
	uint32_t cancel_id;
	uint32_t pad;
	uint32_t ret;
	uint32_t ret_origin;
	uint32_t num_params;
};

_Static_assert(sizeof(struct optee_msg_param) == 32, "optee_msg.h: struct optee_msg_param");
_Static_assert(sizeof(struct optee_msg_hdr) == 32, "optee_msg.h: struct optee_msg_arg, fixed part");
_Static_assert(offsetof(struct optee_msg_hdr, session) == 8, "optee_msg.h: session");
_Static_assert(offsetof(struct optee_msg_hdr, ret) == 20, "optee_msg.h: ret");
_Static_assert(offsetof(struct optee_msg_hdr, num_params) == 28, "optee_msg.h: num_params");
_Static_assert(offsetof(struct optee_msg_param_tmem, size) ==
	       offsetof(struct optee_msg_param_rmem, size), "one size field serves both");

/* The size in bytes of a message with n parameters. */
#define OPTEE_MSG_ARG_SIZE(n) \
	(sizeof(struct optee_msg_hdr) + (size_t)(n) * sizeof(struct optee_msg_param))
/* The most parameters that fit in the one page a message may occupy. */
#define OPTEE_MSG_MAX_NUM_PARAMS	127u
_Static_assert(OPTEE_MSG_ARG_SIZE(OPTEE_MSG_MAX_NUM_PARAMS) == OPTEE_MSG_PAGE_SIZE,
	       "optee_msg.h: OPTEE_MSG_MAX_NUM_PARAMS");

/*
 * The most parameters that OP-TEE accepts: 4 in a call, 2 more in OPEN_SESSION, which
 * name the TA and the client; 4 in an RPC (THREAD_RPC_MAX_NUM_PARAMS).
 */
#define OPTEE_MSG_CALL_PARAMS		4u
#define OPTEE_MSG_META_PARAMS		2u
#define OPTEE_MSG_RPC_PARAMS		4u

/* optee_msg_hdr.cmd of a call. */
#define OPTEE_MSG_CMD_OPEN_SESSION	0u
#define OPTEE_MSG_CMD_INVOKE_COMMAND	1u
#define OPTEE_MSG_CMD_CLOSE_SESSION	2u
#define OPTEE_MSG_CMD_CANCEL		3u
#define OPTEE_MSG_CMD_REGISTER_SHM	4u
#define OPTEE_MSG_CMD_UNREGISTER_SHM	5u
#define OPTEE_MSG_CMD_DO_BOTTOM_HALF	6u
#define OPTEE_MSG_CMD_STOP_ASYNC_NOTIF	7u

/* optee_msg_hdr.cmd of an RPC. */
#define OPTEE_RPC_CMD_LOAD_TA		0u
#define OPTEE_RPC_CMD_RPMB		1u
#define OPTEE_RPC_CMD_FS		2u
#define OPTEE_RPC_CMD_GET_TIME		3u
#define OPTEE_RPC_CMD_NOTIFICATION	4u
#define OPTEE_RPC_CMD_SUSPEND		5u
#define OPTEE_RPC_CMD_SHM_ALLOC		6u
#define OPTEE_RPC_CMD_SHM_FREE		7u
#define OPTEE_RPC_CMD_GPROF		9u
#define OPTEE_RPC_CMD_SOCKET		10u
#define OPTEE_RPC_CMD_FTRACE		11u
#define OPTEE_RPC_CMD_SUPP_PLUGIN	12u
#define OPTEE_RPC_CMD_BENCH_REG		20u
#define OPTEE_RPC_CMD_I2C_TRANSFER	21u
#define OPTEE_RPC_CMD_RPMB_PROBE_RESET	22u
#define OPTEE_RPC_CMD_RPMB_PROBE_NEXT	23u
#define OPTEE_RPC_CMD_RPMB_FRAMES	24u

/* SHM_ALLOC and SHM_FREE, value.a: memory for tee-supplicant, the kernel, or both. */
#define OPTEE_RPC_SHM_TYPE_APPL		0u
#define OPTEE_RPC_SHM_TYPE_KERNEL	1u
#define OPTEE_RPC_SHM_TYPE_GLOBAL	2u

/* NOTIFICATION, value.a: wait or send. */
#define OPTEE_RPC_NOTIFICATION_WAIT	0u
#define OPTEE_RPC_NOTIFICATION_SEND	1u

/*
 * A page list (NONCONTIG) is a chain of pages, each of 512 little-endian 64-bit
 * entries: 511 page addresses, then the address of the next list page. That last entry
 * has a meaning only when more addresses follow.
 */
#define OPTEE_MSG_LIST_ENTRIES		511u
#define OPTEE_MSG_LIST_NEXT		511u

/* GlobalPlatform result codes that a mediator itself answers with. */
#define TEEC_SUCCESS			0x00000000u
#define TEEC_ERROR_GENERIC		0xffff0000u
#define TEEC_ERROR_ACCESS_DENIED	0xffff0001u
#define TEEC_ERROR_CANCEL		0xffff0002u
#define TEEC_ERROR_BAD_PARAMETERS	0xffff0006u
#define TEEC_ERROR_ITEM_NOT_FOUND	0xffff0008u
#define TEEC_ERROR_NOT_SUPPORTED	0xffff000au
#define TEEC_ERROR_OUT_OF_MEMORY	0xffff000cu
#define TEEC_ERROR_BUSY			0xffff000du
#define TEEC_ERROR_COMMUNICATION	0xffff000eu
#define TEEC_ERROR_SECURITY		0xffff000fu
#define TEEC_ERROR_SHORT_BUFFER		0xffff0010u
#define TEEC_ERROR_TARGET_DEAD		0xffff3024u

/* Who reports the error, optee_msg_hdr.ret_origin. */
#define TEEC_ORIGIN_API			1u
#define TEEC_ORIGIN_COMMS		2u
#define TEEC_ORIGIN_TEE			3u
#define TEEC_ORIGIN_TRUSTED_APP		4u

#endif

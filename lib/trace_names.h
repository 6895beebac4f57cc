/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol's numbers and their names, for the trace decoder. */
#ifndef OM_LIB_TRACE_NAMES_H
#define OM_LIB_TRACE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct om_name {
	uint32_t number;
	/* Not a pointer, which would need a relocation and a data section. */
	char text[32];
};

struct om_names {
	const struct om_name *first;
	size_t count;
};

/* The name of a number, NULL when it is not in the table. */
const char *om_name_of(struct om_names names, uint64_t number);

struct om_names om_names_fid(void);		/* OPTEE_SMC_* */
struct om_names om_names_status(void);		/* OPTEE_SMC_RETURN_* but RPCs */
struct om_names om_names_rpc(void);		/* OPTEE_SMC_RETURN_RPC_* */
struct om_names om_names_command(void);		/* OPTEE_MSG_CMD_* */
struct om_names om_names_rpc_command(void);	/* OPTEE_RPC_CMD_* */
struct om_names om_names_attr(void);		/* OPTEE_MSG_ATTR_TYPE_* */
struct om_names om_names_teec(void);		/* TEEC_* results */
struct om_names om_names_origin(void);		/* TEEC_ORIGIN_* */
struct om_names om_names_login(void);		/* TEE_LOGIN_* */
struct om_names om_names_shm_type(void);	/* OPTEE_RPC_SHM_TYPE_* */
struct om_names om_names_fs(void);		/* first value of an FS request */
struct om_names om_names_notification(void);	/* OPTEE_RPC_NOTIFICATION_* */

#endif

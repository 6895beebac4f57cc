/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of requests and replies. See rpc_check.h. Independent of calls and of guests. */
#include "rpc_check.h"

#define ATTR_LIST	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* True for RPC commands that a guest serves. BENCH_REG is not one: it has an address. */
static bool is_served(uint32_t cmd)
{
	const uint32_t served = 1u << OPTEE_RPC_CMD_LOAD_TA | 1u << OPTEE_RPC_CMD_RPMB |
		1u << OPTEE_RPC_CMD_FS | 1u << OPTEE_RPC_CMD_GET_TIME |
		1u << OPTEE_RPC_CMD_NOTIFICATION | 1u << OPTEE_RPC_CMD_SUSPEND |
		1u << OPTEE_RPC_CMD_SHM_ALLOC | 1u << OPTEE_RPC_CMD_SHM_FREE |
		1u << OPTEE_RPC_CMD_GPROF | 1u << OPTEE_RPC_CMD_SOCKET |
		1u << OPTEE_RPC_CMD_FTRACE | 1u << OPTEE_RPC_CMD_SUPP_PLUGIN |
		1u << OPTEE_RPC_CMD_I2C_TRANSFER | 1u << OPTEE_RPC_CMD_RPMB_PROBE_RESET |
		1u << OPTEE_RPC_CMD_RPMB_PROBE_NEXT | 1u << OPTEE_RPC_CMD_RPMB_FRAMES;

	return cmd < 32 && (served >> cmd & 1u);
}

static bool is_allocation(uint32_t cmd)
{
	return cmd == OPTEE_RPC_CMD_SHM_ALLOC || cmd == OPTEE_RPC_CMD_SHM_FREE;
}

/* True for a parameter that names no memory by address. */
static bool is_request_param(const struct optee_msg_param *param)
{
	switch (param->attr) {
	case OPTEE_MSG_ATTR_TYPE_NONE:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
		return true;
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
		/* OP-TEE writes NULL memory so, for example to ask for the size of a TA. */
		return param->u.tmem.buf_ptr == 0 && param->u.tmem.shm_ref == 0;
	default:
		return false;
	}
}

enum om_refusal om_request_check(const struct om_request_copy *request)
{
	uint32_t i;

	if (!is_served(request->hdr.cmd) || request->hdr.num_params > OPTEE_MSG_RPC_PARAMS)
		return OM_REFUSED_REQUEST;
	if (is_allocation(request->hdr.cmd) &&
	    (request->hdr.num_params != 1 ||
	     request->param[0].attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT))
		return OM_REFUSED_REQUEST;
	for (i = 0; i < request->hdr.num_params; i++)
		if (!is_request_param(&request->param[i]))
			return OM_REFUSED_REQUEST;
	return OM_ACCEPTED;
}

enum om_reply_verdict om_reply_check(const struct optee_msg_hdr *hdr,
				     const struct optee_msg_param *param, uint64_t wanted)
{
	const struct optee_msg_param_tmem *tmem = &param->u.tmem;

	if (hdr->ret != TEEC_SUCCESS)
		return OM_REPLY_FAILED;
	if (hdr->num_params != 1 ||
	    (param->attr & OPTEE_MSG_ATTR_TYPE_MASK) != OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT)
		return OM_REPLY_MALFORMED;
	if (tmem->buf_ptr == 0 || tmem->size < wanted)
		return OM_REPLY_UNUSABLE;
	if (param->attr == ATTR_LIST)
		return OM_REPLY_LIST;
	/* Without a list OP-TEE accepts one aligned page: thread_optee_smc.c. */
	if (param->attr == OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT && tmem->size != 0 &&
	    tmem->size <= OPTEE_MSG_PAGE_SIZE)
		return OM_REPLY_PAGE;
	return OM_REPLY_UNUSABLE;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_request_check(): which of OP-TEE's requests a guest may see.
 *
 * Assumes: nothing. It is a private copy (fetch_request() in rpc.c), from a secure
 * world that may lie.
 * Proves: memory safety; no accepted parameter names memory by address, so no host
 * address reaches the guest in one (I3); at most 4 parameters; BENCH_REG and what nobody
 * knows is refused (I8); SHM_ALLOC and SHM_FREE have the one value that rpc.c reads.
 *
 * Class: quick
 * Sources: rpc_check.c
 * Unwind: 5
 *   OPTEE_MSG_RPC_PARAMS = 4 parameters.
 */
#include "proof.h"

#include "rpc_check.h"

struct om_request_copy nondet_request(void);

int main(void)
{
	struct om_request_copy request = nondet_request();
	uint32_t cmd = request.hdr.cmd;
	uint32_t i = any_below(OPTEE_MSG_RPC_PARAMS);
	uint64_t attr = request.param[i].attr;

	if (om_request_check(&request) != OM_ACCEPTED) {
		REACHED("refused");
		return 0;
	}
	PROVE(request.hdr.num_params <= OPTEE_MSG_RPC_PARAMS, "a request has at most 4 parameters");
	PROVE(cmd <= OPTEE_RPC_CMD_RPMB_FRAMES && cmd != OPTEE_RPC_CMD_BENCH_REG,
	      "an accepted request is known, and not the one that carries an address (I8)");
	PROVE(IMPLIES(cmd == OPTEE_RPC_CMD_SHM_ALLOC || cmd == OPTEE_RPC_CMD_SHM_FREE,
		      request.hdr.num_params == 1 &&
		      request.param[0].attr == OPTEE_MSG_ATTR_TYPE_VALUE_INPUT),
	      "SHM_ALLOC and SHM_FREE have one value");
	if (i >= request.hdr.num_params)
		return 0;
	PROVE(attr <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT, "attributes without a meaning are refused");
	PROVE(IMPLIES(attr >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
		      request.param[i].u.tmem.buf_ptr == 0 && request.param[i].u.tmem.shm_ref == 0),
	      "a request names no memory by address (I3)");
	if (attr >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT)
		REACHED("a NULL reference was accepted");
	return 0;
}

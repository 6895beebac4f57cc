/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of codes for refusals. Independent of guests and of calls. */
#include "refusal.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

/*
 * The codes are those of the real OP-TEE for the same mistake, so that only the origin (COMMS)
 * shows that the mediator refused: see core/tee/entry_std.c for BAD_PARAMETERS and SECURITY,
 * thread_optee_smc.c for the codes in a0.
 */
uint32_t om_refusal_smc(enum om_refusal why)
{
	switch (why) {
	case OM_REFUSED_FUNCTION:
		return OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
	case OM_REFUSED_ADDRESS:
		return OPTEE_SMC_RETURN_EBADADDR;
	case OM_REFUSED_COMMAND:
		return OPTEE_SMC_RETURN_EBADCMD;
	case OM_REFUSED_THREADS:
		return OPTEE_SMC_RETURN_ETHREAD_LIMIT;
	case OM_REFUSED_RESUME:
		return OPTEE_SMC_RETURN_ERESUME;
	default:
		return OPTEE_SMC_RETURN_OK;
	}
}

uint32_t om_refusal_teec(enum om_refusal why)
{
	switch (why) {
	case OM_REFUSED_RANGE:
		return TEEC_ERROR_SECURITY;
	case OM_REFUSED_QUOTA:
		return TEEC_ERROR_OUT_OF_MEMORY;
	case OM_REFUSED_POLICY:
		return TEEC_ERROR_ACCESS_DENIED;
	case OM_REFUSED_REQUEST:
		return TEEC_ERROR_NOT_SUPPORTED;
	case OM_REFUSED_REPLY:
		return TEEC_ERROR_COMMUNICATION;
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Just enough of an OP-TEE for embed.c to run without one: it answers the probe and
 * accepts guests. For a model that carries calls out, see tests/model.
 */
#include "pretend_optee.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

static void answer(struct om_regs *regs, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	regs->a[0] = a0;
	regs->a[1] = a1;
	regs->a[2] = a2;
	regs->a[3] = a3;
}

void pretend_optee(struct om_regs *regs)
{
	switch (regs->a[0]) {
	case OPTEE_SMC_CALLS_UID:
		answer(regs, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3);
		break;
	case OPTEE_SMC_CALLS_REVISION:
		answer(regs, OPTEE_MSG_REVISION_MAJOR, 0, 0, 0);
		break;
	case OPTEE_SMC_GET_OS_REVISION:
		answer(regs, 4, 5, 0, 0);
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		answer(regs, OPTEE_SMC_RETURN_OK, 2, 0, 0);
		break;
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		answer(regs, OPTEE_SMC_RETURN_OK,
		       OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | OPTEE_SMC_SEC_CAP_VIRTUALIZATION, 0, 0);
		break;
	case OPTEE_SMC_VM_CREATED:
	case OPTEE_SMC_VM_DESTROYED:
		answer(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
		break;
	default:
		answer(regs, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
		break;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_mediator_init(), om_learn_reserved(): any table of operations, any secure world.
 *
 * Assumes: nothing; pointers may be NULL, operations be missing, answers be any.
 * Proves: memory safety; a table with a required operation missing is refused before any
 * SMC; each SMC is a probe, bears the hypervisor's id and no argument (I10); what is
 * accepted is an OP-TEE that has threads, takes shared memory and knows guests; RPC
 * arguments behind a message only in the size that is laid out here; reserved memory is
 * told or not, page aligned, and holds all that OP-TEE said (I2).
 *
 * Class: quick
 * Sources: mediator.c secure.c
 * Model: host.c world.c
 * Unwind: 9
 *   An SMC has 8 registers.
 */
#include "world.h"


static struct om_mediator mediator;
static struct om_regs shm_config, capabilities;
static bool asked_config;

void host_secure_world(struct om_regs *regs)
{
	uint64_t fid = regs->a[0];

	PROVE(fid == OPTEE_SMC_CALLS_UID || fid == OPTEE_SMC_CALLS_REVISION ||
	      fid == OPTEE_SMC_GET_THREAD_COUNT || fid == OPTEE_SMC_EXCHANGE_CAPABILITIES ||
	      fid == OPTEE_SMC_GET_SHM_CONFIG, "the mediator itself only asks who is there");
	PROVE(regs->a[7] == OPTEE_SMC_CLIENT_HYPERVISOR && !regs->a[1] && !regs->a[2] && !regs->a[3] &&
	      !regs->a[4] && !regs->a[5] && !regs->a[6], "a probe is the hypervisor's (I10)");
	*regs = any_regs();
	if (fid == OPTEE_SMC_EXCHANGE_CAPABILITIES)
		capabilities = *regs;
	if (fid == OPTEE_SMC_GET_SHM_CONFIG) {
		asked_config = true;
		shm_config = *regs;
	}
}

/* What om_learn_reserved() made of the answer. */
static void prove_reserved(void)
{
	uint64_t base = om_low(shm_config.a[1]), size = om_low(shm_config.a[2]);

	if (mediator.reserved_size == 0) {
		REACHED("no reserved memory");
		return;
	}
	PROVE(om_low(shm_config.a[0]) == OPTEE_SMC_RETURN_OK && mediator.reserved_known,
	      "reserved memory is what OP-TEE told");
	PROVE(mediator.reserved_base % OPTEE_MSG_PAGE_SIZE == 0 && mediator.reserved_base <= base &&
	      mediator.reserved_base + mediator.reserved_size == base + size,
	      "all of it, from the beginning of its page (I2)");
	REACHED("reserved memory");
}

int main(void)
{
	bool complete;
	enum om_result result;

	host_init();
	if (any_bool())
		host_ops.pin = NULL;
	if (any_bool())
		host_ops.smc = NULL;
	if (any_bool())
		host_ops.unlock = NULL;
	complete = host_ops.pin && host_ops.smc && host_ops.unlock;

	PROVE(om_mediator_init(NULL, &host_ops, NULL) == OM_ERR_ARGUMENT &&
	      om_mediator_init(&mediator, NULL, NULL) == OM_ERR_ARGUMENT, "NULL is refused");
	result = om_mediator_init(&mediator, &host_ops, NULL);

	PROVE((result == OM_ERR_ARGUMENT) == !complete, "a table is refused when it is not complete");
	PROVE(IMPLIES(!complete, ghost.smcs == 0), "... before any SMC");
	PROVE(ghost.pinned == 0 && ghost.allocated == 0, "nothing is held");
	if (result != OM_OK) {
		REACHED("refused");
		return 0;
	}
	PROVE(mediator.ops == &host_ops && mediator.threads >= 1, "OP-TEE has threads");
	PROVE((mediator.sec_caps & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM) &&
	      (mediator.sec_caps & OPTEE_SMC_SEC_CAP_VIRTUALIZATION),
	      "OP-TEE takes shared memory and knows guests");
	PROVE(!(mediator.sec_caps & ~capabilities.a[1]) &&
	      IMPLIES(mediator.sec_caps & OPTEE_SMC_SEC_CAP_RPC_ARG,
		      (capabilities.a[3] & 0xff) == OPTEE_MSG_RPC_PARAMS),
	      "RPC arguments only in the size that is known (I8)");
	PROVE(asked_config == ((mediator.sec_caps & OPTEE_SMC_SEC_CAP_RESERVED_SHM) != 0),
	      "reserved memory is asked for where there is any");
	if (asked_config)
		prove_reserved();
	else
		PROVE(mediator.reserved_known && mediator.reserved_size == 0, "none is known to be none");
	return 0;
}

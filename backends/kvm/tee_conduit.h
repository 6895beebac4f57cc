/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conduit: implements om_host_ops.smc on a Linux TEE device.
 *
 * To the core it behaves as a virtualized OP-TEE with one guest: it answers the probe,
 * gives back all that the guest holds on VM_DESTROYED, and returns FOREIGN_INTR while a worker
 * makes the call. It returns no other RPC, because the host's tee-supplicant serves the
 * requests of the real OP-TEE.
 */
#ifndef OM_KVM_TEE_CONDUIT_H
#define OM_KVM_TEE_CONDUIT_H

#include "tee_workers.h"

struct om_tee_conduit {
	struct om_tee_calls calls;
	struct om_tee_pool pool;
	uint32_t threads;	/* the number that the guest is told */
	uint32_t wait_us;	/* how long a vCPU waits for a worker, */
	uint32_t spin_us;	/* ... and how long of that without sleeping */
};

/*
 * Opens the device at path and starts the workers. The caller has set threads, wait_us, spin_us,
 * calls.sessions and the device's os.
 * Returns OM_KVM_OK; or, with nothing held, OM_KVM_ERR_NO_MEMORY or an error of om_tee_open().
 */
int om_tee_conduit_init(struct om_tee_conduit *conduit, const char *path,
			struct om_memory *memory, uint32_t workers, uint32_t registrations);
/* Call it when OP-TEE holds nothing: after VM_DESTROYED, or if there was no VM_CREATED. */
void om_tee_conduit_exit(struct om_tee_conduit *conduit);

/* Handles an SMC of the core, on a vCPU's thread. Waits wait_us at most. */
void om_tee_smc(struct om_tee_conduit *conduit, struct om_regs *regs);

#endif

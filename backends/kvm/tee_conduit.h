/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conduit: what om_host_ops.smc is when OP-TEE is behind a Linux TEE device.
 *
 * Towards the core it is a virtualized OP-TEE with one guest: it answers the probe,
 * opens the device when the guest is created and closes it when it is destroyed,
 * and returns FOREIGN_INTR while a worker is busy. It makes no other request:
 * those of the real OP-TEE are served by the host's tee-supplicant.
 */
#ifndef OM_KVM_TEE_CONDUIT_H
#define OM_KVM_TEE_CONDUIT_H

#include "tee_workers.h"

struct om_tee_conduit {
	struct om_tee_calls calls;
	struct om_tee_pool pool;
	uint32_t threads;	/* that the guest is told of */
	uint32_t wait_us;
};

/*
 * Opens the device and starts the workers. The calls' fields are set by the
 * caller but for shm and the device's fd; threads and wait_us are set too.
 * Returns OM_KVM_OK, or what om_tee_open() and om_tee_pool_init() do.
 */
int om_tee_conduit_init(struct om_tee_conduit *conduit, struct om_memory *memory,
			uint32_t workers, uint32_t registrations);
/* Nothing is left in OP-TEE: VM_DESTROYED was called, or VM_CREATED never. */
void om_tee_conduit_exit(struct om_tee_conduit *conduit);

/* One SMC of the core's, on a vCPU's thread. Waits wait_us at most. */
void om_tee_smc(struct om_tee_conduit *conduit, struct om_regs *regs);

#endif

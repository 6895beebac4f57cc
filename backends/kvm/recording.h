/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording of the guest's calls (record.h), for a VMM that asks for one: the recorder's
 * memory, and a number for each thread that is in the library. The recorder tells CPUs apart
 * by small numbers; those of vCPUs are what the VMM likes (om_kvm_handle_exit()).
 */
#ifndef OM_KVM_RECORDING_H
#define OM_KVM_RECORDING_H

#include <pthread.h>

#include <optee_mediator/record.h>

struct om_recording {
	struct om_recorder recorder;
	struct om_record_guest guest;
	pthread_mutex_t lock;		/* om_record_config.lock */
	pthread_mutex_t numbers_lock;
	pthread_cond_t given_back;
	bool taken[OM_RECORD_CPUS];	/* by number */
	struct om_record_page *pages;
};

/*
 * config: without host and pages. host: of its operations. limits: the guest's. Returns NULL
 * when there is no memory.
 */
struct om_recording *om_recording_new(const struct om_record_config *config, void *host,
				      const struct om_limits *limits);
void om_recording_free(struct om_recording *recording);	/* NULL: does nothing */

/* For the config: clock and cpu. */
uint64_t om_recording_clock(void *host);
uint32_t om_recording_number(void *host);

/* om_guest_call() of the guest, on any thread. Waits while OM_RECORD_CPUS threads are in it. */
enum om_outcome om_recording_call(struct om_recording *recording, unsigned int vcpu,
				  struct om_regs *regs);

#endif

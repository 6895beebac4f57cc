/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: domains, vCPUs, and giving way. */
#ifndef STAND_IN_XEN_SCHED_H
#define STAND_IN_XEN_SCHED_H

#include <xen/spinlock.h>
#include <xen/types.h>

#define DOMID_IDLE	0x7fff

struct stand_in_domain;

struct domain {
	domid_t domain_id;
	struct {
		void *tee;	/* the TEE mediator's */
	} arch;
	struct stand_in_domain *own;	/* hypervisor.h */
};

struct vcpu {
	int vcpu_id;
	struct domain *domain;
};

/* The vCPU that runs on this CPU; in a domctl it is the toolstack's. */
struct vcpu *stand_in_current(void);
#define current (stand_in_current())

/* Tasklets run on it; it belongs to no domain that has a TEE. */
bool is_idle_vcpu(const struct vcpu *v);
unsigned int smp_processor_id(void);

/* Counted. Without nosync the vCPUs are out when it returns: not for one of their own. */
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);

/* True when this CPU has something else to do, an interrupt for the guest included. */
bool stand_in_preempt_check(void);
#define hypercall_preempt_check() (stand_in_preempt_check())

#endif

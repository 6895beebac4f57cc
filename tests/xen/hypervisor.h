/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hypervisor that is Xen as far as backends/xen can see, on the test host.
 *
 * include/ declares the interfaces, hypervisor.c is behind them: guest RAM, pins,
 * shadow pages and the conduit are those of tests/host, so all that it checks is
 * checked here too. On top come Xen's own rules: references to pages of any type
 * are counted, nothing is called with a page mapped or a lock held that must not
 * be, what was allocated is freed, and a domain is created, killed and trapped in
 * the order of Xen's own code (common/domain.c, arch/arm/domain.c, arch/arm/vsmc.c).
 *
 * There is one hypervisor, as in the real thing. Breaches end in test_fail().
 */
#ifndef TESTS_XEN_HYPERVISOR_H
#define TESTS_XEN_HYPERVISOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <host/host.h>

#include <xen/mm.h>
#include <xen/sched.h>

struct hypervisor {
	struct test_host *host;

	/* The machine's device tree has a node for OP-TEE. */
	bool optee_node;

	/*
	 * hypercall_preempt_check() is true at the n-th check from now, and at
	 * every n-th; 0: never. host->yield_every works as well.
	 */
	_Atomic uint64_t preempt_at;
	_Atomic uint64_t preempt_every;
	_Atomic uint64_t preempt_checks;

	/* So many tasklets run, and no more: those that are left are killed. 0: all. */
	uint32_t tasklet_runs;

	/* The n-th allocation or global mapping from now fails; 0: none. */
	_Atomic uint64_t fail_at;
	/* Free heap pages have this many address bits. */
	unsigned int heap_bits;
	/* A page whose address says that it lies that much further up; NULL: none. */
	const struct page_info *far_page;
	uint64_t far_by;

	_Atomic int64_t allocated;	/* xvmalloc memory now */
	_Atomic int64_t mapped;		/* global mappings now */
	_Atomic int64_t references;	/* to pages that are not p2m_ram_rw, now */
	_Atomic uint64_t lines;		/* on the console */
	FILE *console;			/* gets them, too, unless it is NULL */
	/* What happens while somebody takes long, unless it is NULL. */
	void (*on_softirq)(void *arg);
	void *softirq_arg;
};

extern struct hypervisor xen;

/* Behind struct domain. */
struct stand_in_domain {
	struct domain domain;
	struct test_guest *guest;
	struct vcpu vcpu[8];
	_Atomic uint32_t pauses;	/* no vCPU begins an SMC while there are any */
	_Atomic uint32_t inside;	/* vCPUs in one */
	/* One page of another type than its kind in the test host says. */
	unsigned long special_gfn;
	p2m_type_t special_type;
};

/* Boots on this host and probes for a TEE; true when the mediator took it. */
bool hypervisor_boot(struct test_host *host);
/* The last line that this thread wrote to the console. */
const char *console_line(void);
/* Somebody presses this key on the console. */
void hypervisor_press(char key);
/* Every domain is gone: fails if anything is left. */
void hypervisor_halt(void);

/* How far the creation of a domain gets. */
enum create {
	CREATE_WHOLE,
	CREATE_FAILS_SOON,	/* in arch_domain_create(), after the mediator's part */
	CREATE_FAILS_LATE,	/* in domain_create(), after arch_domain_create() */
};

/*
 * Creates a domain with so many pages of RAM. Returns 0 with *out set, or what the
 * mediator returned, or -EINVAL when the creation had to fail.
 */
int domain_create(domid_t id, uint16_t tee_type, size_t pages, enum create how,
		  struct domain **out);
/* Kills it. Returns how often that had to be continued. */
uint32_t domain_kill(struct domain *d);
/* What a first try to kill it comes to; the domain is there afterwards. */
int domain_relinquish(struct domain *d);

/*
 * An SMC of one of its vCPUs: x0..x7 in and out. x0 is UNKNOWN_FUNCTION when the
 * mediator did not take it. Tasklets that it scheduled have run when it returns. Any thread.
 */
void domain_smc(struct domain *d, unsigned int vcpu, uint64_t x[8]);

#endif

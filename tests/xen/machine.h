/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole machine for one test of backends/xen: the stand-in hypervisor, a model of
 * OP-TEE, and domains with the conformance guest in them.
 *
 * What must hold at the end of any test is checked by machine_end(). Knows neither
 * what a test proves nor anything of the mediator but its limits.
 */
#ifndef TESTS_XEN_MACHINE_H
#define TESTS_XEN_MACHINE_H

#include <conformance/client.h>
#include <conformance/guest.h>
#include <model/model.h>

#include "hypervisor.h"
#include "test.h"

#define DOMAINS		2u
#define DOMAIN_PAGES	8192u

/* Zero is: two threads of OP-TEE's, nobody in the way. */
struct machine_options {
	uint32_t secure_threads;
	uint32_t interrupt_every;	/* model_config.interrupt_every */
	uint32_t preempt_every;		/* hypervisor.h */
	uint32_t vcpus;			/* 4 */
	void (*relax)(void *ctx, unsigned int vcpu);
};

struct guest {
	struct domain *domain;		/* NULL: there is none */
	struct cg_platform platform;
	struct cg_guest *cg;
};

struct machine {
	struct machine_options options;
	struct test_host *host;
	struct model *model;
	struct guest guest[DOMAINS];	/* of domain 0 and domain 1 */
};

/* Boots it, without domains. */
void machine_begin(struct machine *m, const struct machine_options *options);
/* Creates domain i with OP-TEE, which must succeed, and its guest's client. */
void machine_add(struct machine *m, unsigned int i);
/* Kills domain i; returns how often that had to be continued. */
uint32_t machine_kill(struct machine *m, unsigned int i);
/* Kills who is left. Fails the test if anything was wrong or is left. */
void machine_end(struct machine *m);

/* A test with a machine m, without domains at first; options NULL. */
#define MACHINE_TEST(name)								\
	static void name##_on(struct machine *m);					\
	TEST(name)									\
	{										\
		struct machine m;							\
											\
		machine_begin(&m, NULL);						\
		name##_on(&m);								\
		machine_end(&m);							\
	}										\
	static void name##_on(struct machine *m __attribute__((unused)))

/* How often the secure world was told that a guest is gone. */
uint64_t machine_vms_destroyed(struct machine *m);

#endif

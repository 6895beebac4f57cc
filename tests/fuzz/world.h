/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of a fuzz target: the test host, a mediator, guests with a specification
 * beside each, and a secure world. All that targets share; what they do, they say.
 *
 * The machine is made once and swept for each input, because making it takes longer than
 * most inputs do. Every failed check aborts: for the fuzzer that is a crash.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include "host/host.h"
#include "input.h"
#include "spec.h"

#define WORLD_GUESTS	2u

/* Guest RAM, in pages. */
#define WORLD_MESSAGES	0u
#define WORLD_ARGUMENTS	4u
#define WORLD_LISTS	10u
#define WORLD_DATA	16u
#define WORLD_PAGES	32u

struct world;

struct world_guest {
	struct world *world;
	struct test_guest *test;
	struct om_guest *om;		/* NULL while there is none */
	struct spec *spec;
	struct spec_world watching;
	uint8_t *image;
	uint64_t pa[WORLD_PAGES];
	uint64_t lowest;		/* PA, and which page is how far above it */
	uint32_t page_at[WORLD_PAGES];
	bool shared[WORLD_PAGES];	/* ordinary RAM now: can be shared */
};

struct world {
	struct test_host *host;
	struct om_mediator mediator;
	struct world_guest guest[WORLD_GUESTS];
	struct input *in;
	/* The secure world, set by the target before world_begin(). */
	void (*secure)(void *arg, struct om_regs *regs);
	void *secure_arg;
	bool writes;			/* ... works on the memory that it is lent */
	uint32_t sec_caps;		/* what it says of itself at the probe */
	uint32_t threads;
	/* Optional: what authorize() answers. */
	uint32_t (*policy)(struct world *w, const struct om_request *request);
	bool aliases;			/* there is an alias() */
	/* For the next SMC only: the n-th host operation that can fails; 0: none. */
	uint32_t fault;
	bool faults_on;
	/* Guest memory changes as soon as it was read. */
	bool mutate;
};

/* The one world there is, swept: RAM zero but for the lists, no fault, nobody alive. */
struct world *world_sweep(struct input *in);
/* The secure world from now on, when somebody else has taken the host's. */
void world_take_secure(struct world *w, void (*secure)(void *arg, struct om_regs *regs),
		       void *arg);
/* om_mediator_init() and nothing else. */
enum om_result world_probe(struct world *w, bool notify);
/* A probe that must succeed, and guests. */
void world_begin(struct world *w, uint32_t guests, const struct om_limits *limits, bool notify);
/* Everybody dies, and nothing is left. */
void world_end(struct world *w);
void world_create(struct world_guest *g, const struct om_limits *limits, bool notify);
void world_destroy(struct world_guest *g);
void world_reset(struct world_guest *g);

/* An SMC of the guest, held against the specification; a0. */
uint32_t world_smc(struct world_guest *g, unsigned int vcpu, struct om_regs *regs);

/* Addresses and their contents, by number of page. */
static inline uint64_t world_ipa(uint32_t page)
{
	return TEST_IPA_BASE + (uint64_t)page * TEST_PAGE;
}
void *world_at(struct world_guest *g, uint64_t ipa);
/* RAM becomes something else, and RAM again. */
void world_set_shared(struct world_guest *g, uint32_t page, enum test_page_kind kind);

/* A cookie, of few, so that they meet; 0 among them. */
uint64_t world_cookie(struct input *in);
/* A page of the guest's: mostly one of n from first on, sometimes what cannot be shared. */
uint64_t world_pick_page(struct world_guest *g, struct input *in, uint32_t first, uint32_t n);
/* What cannot be shared, or is no page of the guest's at all. */
uint64_t world_special_page(struct world_guest *g, struct input *in);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rig of the unit tests: one mediator and one guest on the test host, and in
 * place of OP-TEE a table of answers. The rooms of the core are then called
 * through their internal headers. It knows nothing of what they do.
 *
 *	struct rig *rig = rig_new(NULL);	(NULL: RIG_DEFAULT)
 *	... om_shm_reserve(&rig->guest->shm, ...) ...
 *	rig_free(rig);				(everything must be given back)
 *
 * A check of the test host that fails, fails the cmocka test. One thread only.
 */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include <stdlib.h>
#include <string.h>

#include "test.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

#include "host/host.h"

#include "call.h"
#include "guest.h"
#include "message.h"
#include "sessions.h"
#include "shm.h"

#define RIG_GUEST	5u	/* the guest's id */
#define RIG_SESSION	0u	/* is open from the beginning, to a TA of 16 zeros that was loaded */
#define RIG_ANSWERS	16u
#define RIG_SMCS	256u

#define COUNT_OF(a)	(sizeof(a) / sizeof((a)[0]))

struct rig;

struct rig_answer {
	uint32_t fid;
	uint64_t a[4];
};

struct rig_setup {
	struct om_limits limits;
	size_t ram_pages;
	size_t trace;			/* events to record; 0: no trace operation */
	/* Called before the probe: to change answers and operations. */
	void (*prepare)(struct rig *rig);
};

struct rig {
	struct test_host *host;
	struct test_guest *ram;		/* the test host's side of the guest */
	struct om_mediator mediator;
	struct om_guest *guest;
	void *memory;			/* memory_size bytes, and a canary */
	size_t memory_size;		/* 0: a test's own memory */

	/* The secure world: what it answers, by function; else all ones in a0. */
	struct rig_answer answer[RIG_ANSWERS];
	size_t answers;
	/* Yielding calls; NULL: all return OK with nothing done. */
	void (*yielding)(struct rig *rig, struct om_regs *regs);
	void *arg;			/* the test's own */
	/* Every SMC as it came in. */
	struct om_regs smc[RIG_SMCS];
	size_t smcs;
};

extern const struct rig_setup rig_default;

/* Opens a session behind OP-TEE's back, as om_session_publish() does. */
void rig_open_session(struct rig *rig, uint32_t id, bool loaded);

/* A host without mediator and guest, with an OP-TEE that answers the probe. */
struct rig *rig_new_bare(void);
/* All of it; fails the test when it does not come up. */
struct rig *rig_new(const struct rig_setup *setup);
/* As by default, and prepared by this function. */
struct rig *rig_new_prepared(void (*prepare)(struct rig *rig));
/* Destroys the guest if there is one, checks all balances, frees all. */
void rig_free(struct rig *rig);

/* A test that is given a rig, and the same with one made by an expression. */
#define RIG_TEST(name)	RIG_TEST_BY(name, rig_new(NULL))
#define RIG_TEST_BY(name, make)								\
	static void name##_on(struct rig *rig);						\
	TEST(name)									\
	{										\
		struct rig *rig = make;							\
											\
		name##_on(rig);								\
		rig_free(rig);								\
	}										\
	static void name##_on(struct rig *rig __attribute__((unused)))

/* It is given what OP-TEE knows, too: a variable of that type, which `make` has set up. */
#define RIG_TEST_WITH(name, type, var, make)						\
	static void name##_on(struct rig *rig, type *var);				\
	TEST(name)									\
	{										\
		type var;								\
		struct rig *rig = make;							\
											\
		name##_on(rig, &var);							\
		rig_free(rig);								\
	}										\
	static void name##_on(struct rig *rig, type *var __attribute__((unused)))

/* The answer to a function; a new one of all zeros when there was none. */
struct rig_answer *rig_answer(struct rig *rig, uint32_t fid);

/* An SMC of the guest; returns its registers afterwards. */
struct om_regs rig_call(struct rig *rig, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);
/* The call whose message is in that page of the guest's. */
struct om_regs rig_send(struct rig *rig, size_t page);
/* An SMC with all the registers. */
struct om_regs rig_call_regs(struct rig *rig, struct om_regs regs);

/* The n-th page of the guest's RAM: its IPA, and the guest's own view of it. */
uint64_t rig_ipa(const struct rig *rig, size_t page);
void *rig_va(const struct rig *rig, size_t page);

/* A message in that page, of n parameters; all else is 0. */
struct om_message *rig_message(const struct rig *rig, size_t page, uint32_t cmd, uint32_t n);
/* Memory by a list: the list is in that page, its entries are the n pages after it. */
void rig_list(const struct rig *rig, struct optee_msg_param *param, uint64_t attr, size_t page,
	      uint32_t n);

/* Test host failures become cmocka failures from now on. */
void rig_fail_loudly(void);

/*
 * Calls `what` on this thread between any two instructions, every so many
 * microseconds: what another vCPU might do there. 0 ends it. Whatever it calls
 * must be safe in a signal handler.
 */
void rig_preempt(void (*what)(int signal), uint32_t microseconds);

/* Numbers that look random and are the same on every run (splitmix64). */
uint64_t rig_random(uint64_t *seed);

/*
 * All attr values worth trying, one after the other: every type with every set
 * of flags and cache bits, and with bits that nobody has defined.
 */
struct rig_attrs {
	uint32_t at;
};
/* The next one; false when there are no more. */
bool rig_next_attr(struct rig_attrs *attrs, uint64_t *attr);

#endif

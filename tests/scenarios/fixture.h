/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenario tests share: a host, a model of OP-TEE, a mediator and guests
 * in one call, with the conformance guest's client inside of each guest.
 *
 * The client (tests/conformance/client.h) plays an honest driver; a test stops it
 * where it wants to and does the rest by hand. Everything that must hold at the
 * end of any test is checked by fx_teardown(), so no test repeats it: the model
 * saw no breach of protocol, nothing is pinned, held or allocated, no host address
 * is anywhere in guest RAM, no check of the test host failed on the way.
 *
 * Must not know what a scenario proves.
 */
#ifndef TESTS_SCENARIOS_FIXTURE_H
#define TESTS_SCENARIOS_FIXTURE_H

#include <stdatomic.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

#include "conformance/client.h"
#include "host/host.h"
#include "model/model.h"
#include "test.h"

#define FX_GUESTS	4u
#define FX_SMCS		4096u	/* SMCs that are remembered */
#define FX_THREADS	4u	/* of OP-TEE's and of each guest, by default */
#define FX_STALE_COOKIE	0x123456789ull	/* what an earlier call has left in a slot */

/* Kinds of parameters; memory that is lent is named by a list of its pages. */
#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define RMEM_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT
#define RMEM_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT
#define TMEM_IN		(OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define TMEM_INOUT	(OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG)
#define ATTR_LIST	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Small enough that a test can reach every limit. */
#define FX_LIMITS { .threads = FX_THREADS, .buffers = 16, .rpc_args = 4, \
		    .pages = 4096, .list_pages = 12 }

struct fx;

struct fx_guest {
	struct fx *fx;
	struct test_guest *test;
	struct om_guest *om;		/* NULL while there is none */
	struct om_limits limits;
	struct cg_platform platform;
	struct cg_guest *cg;
};

/* An SMC as it reached the secure world, and its answer. */
struct fx_smc {
	struct om_regs in;
	struct om_regs out;
};

/* A command, and the TA that the policy was asked about. */
struct fx_asked {
	uint32_t cmd;
	uint32_t func;
	uint8_t ta[16];
};
#define FX_ASKED	256u	/* that are remembered */

struct fx {
	struct test_host *host;
	struct model *model;
	struct om_mediator mediator;
	struct fx_guest guest[FX_GUESTS];
	uint32_t guests;

	struct fx_smc *smc;
	_Atomic size_t smcs;

	/* With options.watch_tas. */
	struct fx_asked asked[FX_ASKED];
	uint32_t asked_count;
	uint32_t carried_out;
	uint32_t (*policy)(const struct om_request *request);

	/* Optional: around every SMC that a client makes. */
	void (*before_smc)(struct fx_guest *g, const uint64_t x[8]);
	void (*after_smc)(struct fx_guest *g, const uint64_t x[8]);
	void *arg;

	/* Slots that are free get junk; not where several threads call. */
	bool soils;
	/* For the few tests whose lying OP-TEE makes the mediator look guilty. */
	bool violations_expected;
	/* ... or the guest's client puzzled, or a scenario of the guest's fail. */
	bool anomalies_expected;
	bool quiet;
	/* Calls or memory are left to the guest's end. */
	bool busy_at_end;
	/* The guest writes host addresses on its own; abandoned, it leaves them in RAM. */
	bool guesses;
};

/*
 * Zero is the default of every field.
 *
 * watch_tas: what names a session, INVOKE, CANCEL or CLOSE, must get to the TA that the policy
 * was asked about, and no other: else the test fails. f->carried_out counts what got to a TA.
 * Commands that are in flight together must differ in cmd or func, by which they are told
 * apart. f->policy decides; NULL: all is allowed.
 */
struct fx_options {
	uint32_t guests;		/* 1 */
	size_t ram_pages;		/* CG_RAM_MIN */
	struct om_limits limits;	/* each that is 0: FX_LIMITS */
	const struct model_config *model;/* model_config_default(), FX_THREADS */
	bool no_notify;
	bool no_yield;
	bool authorize;			/* offer the hook; f->host->authorize to set */
	bool watch_tas;			/* see below */
	size_t trace;			/* events to keep */
};

/*
 * A test with a machine of its own, f, and its first guest, g. What must hold at the end of any
 * test is checked behind it: every guest is idle, unless the test has set f->busy_at_end.
 */
#define FX_TEST(name) FX_TEST_WITH(name, .guests = 1)
/* The same, with fields of struct fx_options. */
#define FX_TEST_WITH(name, ...)								\
	static void name##_in(struct fx *f, struct fx_guest *g);			\
	FX_TEST_BARE(name)								\
	{										\
		const struct fx_options options = { __VA_ARGS__ };			\
											\
		fx_run(name##_in, fx_new(state, &options));				\
	}										\
	static void name##_in(struct fx *f __attribute__((unused)),			\
			      struct fx_guest *g __attribute__((unused)))
void fx_run(void (*test)(struct fx *f, struct fx_guest *g), struct fx *f);

/* A test that makes its machine itself, from **state. */
#define FX_TEST_BARE(name) TEST_IN(name, NULL, fx_teardown)
int fx_teardown(void **state);

/* Host, model and the guests' RAM; no mediator yet. */
struct fx *fx_bare(void **state, const struct fx_options *options);
/* om_mediator_init() and om_guest_create(), which must succeed, on top. */
struct fx *fx_new(void **state, const struct fx_options *options);

/* Called for every new machine, before there is a mediator; NULL: nobody. */
extern void (*fx_on_new)(struct fx *f);

enum om_result fx_init(struct fx *f);
/* Creates the guest with g->limits; on error all is as before. */
enum om_result fx_create(struct fx_guest *g);
/* Destroys it, however many steps that takes; returns how many. */
uint32_t fx_destroy(struct fx_guest *g);
/* om_guest_reset() to its end; the guest's client starts over, too. */
enum om_result fx_reset(struct fx_guest *g);

/* An SMC of the guest with these registers; a0 of the answer. */
uint32_t fx_smc(struct fx_guest *g, unsigned int vcpu, struct om_regs *regs);

uint64_t fx_counter(const struct fx_guest *g, enum om_counter which);
/* SMCs that reached the secure world since the last reset. */
size_t fx_smcs(const struct fx *f);
void fx_smcs_reset(struct fx *f);
/* How many of them had this function id; the n-th of those. */
size_t fx_smcs_of(const struct fx *f, uint32_t fid);
const struct fx_smc *fx_smc_of(const struct fx *f, uint32_t fid, size_t n);

/* Nothing is pinned, charged or in flight. */
void fx_assert_idle(struct fx_guest *g);

/* The model's test TA, opened. */
uint32_t fx_session(struct fx_guest *g);
void fx_close(struct fx_guest *g, uint32_t session);
/* A call with a page of its own; always succeeds. */
void fx_call(struct cg_call *c, struct fx_guest *g, uint32_t cmd, uint32_t num_params);
void fx_invoke(struct cg_call *c, struct fx_guest *g, uint32_t session, uint32_t func);
/* An INVOKE of the test TA that does nothing but succeed. */
void fx_nop(struct cg_call *c, struct fx_guest *g, uint32_t session);
/* The call has ended with this ret, or a0 | CG_SMC_ERROR; gives its page back. */
void fx_ended(struct cg_call *c, uint64_t result);
/* Serves it to its end, or starts and serves it, which must be this one. */
void fx_finish(struct cg_call *c, uint64_t result);
void fx_do(struct cg_call *c, uint64_t result);
/* The same, refused by the mediator inside a readable message. */
void fx_refused(struct cg_call *c, uint32_t ret);
/* A buffer in guest RAM, not registered. */
void fx_buffer(struct cg_buf *b, struct fx_guest *g, uint64_t size, uint32_t offset);
/* The same, registered. */
void fx_register(struct cg_buf *b, struct fx_guest *g, uint64_t size);
/* Unregisters and frees it. */
void fx_unregister(struct cg_buf *b, struct fx_guest *g);

/* An RPC command for model_inject_rpc(), without parameters. */
struct model_rpc fx_rpc(uint32_t cmd, uint32_t num_params);
/* What came back of the last injected one; must be there. */
struct model_rpc_result fx_answered(struct fx *f, size_t i);
/* The cookie in a1:a2 of an RPC return. */
static inline uint64_t fx_cookie(const struct cg_call *c)
{
	return (uint64_t)c->a[1] << 32 | c->a[2];
}

#endif

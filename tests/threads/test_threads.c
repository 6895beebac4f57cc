/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario 60, the other half: 4 vCPUs x 3 guests, good and bad calls at random, and
 * every vCPU goes on with every other's. Meant to be run under TSan.
 *
 *   test_threads [iterations of each vCPU [seed]]
 *
 * tests/conformance/test_stress.c does the same with guests that keep to the
 * protocol. Here nobody does: ids are resumed by whoever finds them, several at
 * once, replies belong to other requests, messages and lists change while they are
 * read, and guests are reset and destroyed with all of that in flight. No result is
 * checked, as any may come; what counts is that the host, the model and TSan see
 * nothing wrong and that in the end nothing is left.
 *
 * Memory that the mediator copies is written with atomic stores, because that race
 * is the guest's right; memory that only OP-TEE works on is never touched here.
 */
#define _GNU_SOURCE
#include "scenarios/fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define GUESTS		3u
#define VCPUS		4u
#define SLOTS		256u	/* ids end in the slot: the last one of each is kept */
#define COOKIES		8u

/* Where what is in guest RAM, in pages; the client has the first ones. */
#define MESSAGES	256u
#define LISTS		264u
#define ARGUMENTS	272u
#define DATA		320u
#define DATA_PAGES	256u
#define LIST_LENGTH	200u

static uint32_t iterations = 4000;
static uint64_t first_seed = 1;

/* What a guest's vCPUs know of a suspended call. */
struct known {
	_Atomic uint64_t id_a0;	/* id << 32 | a0 of the RPC; 0: none */
	_Atomic uint64_t a1a2;
	_Atomic uint64_t where;	/* of an inline RPC argument */
};

struct guest {
	struct fx_guest *fx;
	struct known known[SLOTS];
};

struct vcpu {
	struct guest *guest;
	unsigned int index;
	uint64_t seed;
};

static uint32_t pick(struct vcpu *v, uint32_t n)
{
	return (uint32_t)((cg_random(&v->seed) >> 33) % n);
}

static uint64_t page_ipa(uint32_t page)
{
	return TEST_IPA_BASE + (uint64_t)page * TEST_PAGE;
}

static void put64(struct guest *g, uint64_t ipa, uint64_t value)
{
	uint64_t *at = test_guest_va(g->fx->test, ipa);

	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static void put_param(struct guest *g, uint64_t at, uint64_t attr, uint64_t a, uint64_t b,
		      uint64_t c)
{
	put64(g, at, attr);
	put64(g, at + 8, a);
	put64(g, at + 16, b);
	put64(g, at + 24, c);
}

static void put_hdr(struct guest *g, uint64_t at, uint32_t cmd, uint32_t func, uint32_t session,
		    uint32_t ret, uint32_t num_params)
{
	put64(g, at, cmd | (uint64_t)func << 32);
	put64(g, at + 8, session);
	put64(g, at + 16, (uint64_t)ret << 32);
	put64(g, at + 24, (uint64_t)num_params << 32);
}

static uint64_t cookie(struct vcpu *v)
{
	/* Few, so that they meet; sometimes nobody's. */
	return pick(v, 32) ? 0xc00000001ull + pick(v, COOKIES) : pick(v, 2);
}

static uint64_t list(struct vcpu *v)
{
	return page_ipa(LISTS + pick(v, 8)) | (pick(v, 4) ? 0 : pick(v, TEST_PAGE));
}

/* --- Answers ------------------------------------------------------------------------------- */

/*
 * Whoever comes late with what he knows of an older call in this slot must not hide
 * the id of the one that is there now: it would be stuck for ever.
 */
static void remember(struct guest *g, const struct om_regs *regs, uint64_t where)
{
	struct known *k = &g->known[regs->a[3] % SLOTS];
	uint64_t old = atomic_load(&k->id_a0);

	do {
		if (old >> 32 > regs->a[3])
			return;
	} while (!atomic_compare_exchange_weak(&k->id_a0, &old,
					       regs->a[3] << 32 | (uint32_t)regs->a[0]));
	atomic_store(&k->a1a2, regs->a[1] << 32 | (uint32_t)regs->a[2]);
	atomic_store(&k->where, where);
}

static bool is_rpc(uint64_t a0)
{
	return a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION &&
	       (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX;
}

static void call(struct vcpu *v, struct om_regs *regs, uint64_t where)
{
	struct guest *g = v->guest;

	test_guest_call(g->fx->test, v->index, regs);
	if (is_rpc((uint32_t)regs->a[0]))
		remember(g, regs, where);
}

/* Any answer at all, most of them to the point. */
static void answer_cmd(struct vcpu *v, uint64_t at)
{
	struct guest *g = v->guest;

	switch (pick(v, 6)) {
	case 0:
		put_hdr(g, at, pick(v, 25), 0, 0, 0, pick(v, 6));
		break;
	case 1:
	case 2:
	case 3:
		put_hdr(g, at, OPTEE_RPC_CMD_SHM_ALLOC, 0, 0, 0, 1);
		put_param(g, at + 32, ATTR_LIST, list(v), 1 + pick(v, 60 * TEST_PAGE), cookie(v));
		break;
	case 4:
		put_hdr(g, at, OPTEE_RPC_CMD_SHM_ALLOC, 0, 0, 0, 1);
		put_param(g, at + 32, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT,
			  page_ipa(DATA + pick(v, DATA_PAGES)), TEST_PAGE, cookie(v));
		break;
	default:
		put_hdr(g, at, OPTEE_RPC_CMD_GET_TIME, 0, 0, pick(v, 2) ? 0 : TEEC_ERROR_GENERIC, 1);
		break;
	}
}

static void answer(struct vcpu *v, const struct known *k, uint64_t a0, struct om_regs *regs)
{
	uint64_t named = atomic_load(&k->a1a2);
	uint64_t where = atomic_load(&k->where);
	uint64_t other;

	if (a0 == OPTEE_SMC_RETURN_RPC_ALLOC) {
		uint32_t i = pick(v, COOKIES);
		uint64_t ipa = page_ipa(ARGUMENTS + i);

		other = pick(v, 8) ? 0xc00000001ull + i : cookie(v);
		regs->a[1] = ipa >> 32;
		regs->a[2] = (uint32_t)ipa | (pick(v, 16) ? 0 : 8u);
		regs->a[4] = other >> 32;
		regs->a[5] = (uint32_t)other;
	} else if (a0 == OPTEE_SMC_RETURN_RPC_CMD) {
		if (named)
			where = page_ipa(ARGUMENTS + (uint32_t)(named - 0xc00000001ull) % COOKIES);
		if (where)
			answer_cmd(v, where);
	}
}

/* Goes on with a call of anybody's, or with one that only might be. */
static void resume_any(struct vcpu *v)
{
	struct guest *g = v->guest;
	struct known *k = &g->known[pick(v, g->fx->limits.threads)];
	uint64_t id_a0 = atomic_load(&k->id_a0);
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id_a0 >> 32 } };
	uint64_t where = atomic_load(&k->where);

	if (!pick(v, 16))
		regs.a[3] = (regs.a[3] & 0xffu) | (uint64_t)pick(v, 64) << 8;
	else
		answer(v, k, (uint32_t)id_a0, &regs);
	call(v, &regs, where);
}

/* --- Calls ----------------------------------------------------------------------------------- */

static void put_any_param(struct vcpu *v, uint64_t at)
{
	struct guest *g = v->guest;

	switch (pick(v, 5)) {
	case 0:
		put_param(g, at, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT + pick(v, 3), pick(v, 6),
			  pick(v, 6), 0);
		break;
	case 1:
	case 2:
		put_param(g, at, (OPTEE_MSG_ATTR_TYPE_TMEM_INPUT + pick(v, 3)) |
			  OPTEE_MSG_ATTR_NONCONTIG, list(v), 1 + pick(v, 40 * TEST_PAGE), 0);
		break;
	case 3:
		put_param(g, at, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT + pick(v, 3), pick(v, 64),
			  pick(v, 5000), cookie(v));
		break;
	default:
		put_param(g, at, pick(v, 16) ? 0 : cg_random(&v->seed), 0, 0, 0);
		break;
	}
}

static void begin_any(struct vcpu *v)
{
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };
	static const uint8_t funcs[] = { MODEL_TA_INTERRUPT, MODEL_TA_PAYLOAD, MODEL_TA_SUM,
					 MODEL_TA_FILL, MODEL_TA_COPY, MODEL_TA_SUSPEND_MEMREF,
					 MODEL_TA_PAYLOAD_KEEP, MODEL_TA_PAYLOAD_DROP };
	struct guest *g = v->guest;
	uint64_t at = page_ipa(MESSAGES + pick(v, 8));
	struct om_regs regs = { .a = { fids[pick(v, 2)], at >> 32, (uint32_t)at } };
	uint32_t n = 4;
	uint32_t func;
	bool sizes;

	switch (pick(v, 8)) {
	case 0:
		put_hdr(g, at, OPTEE_MSG_CMD_REGISTER_SHM, 0, 0, 0, 1);
		put_param(g, at + 32, ATTR_LIST, list(v), 1 + pick(v, 150 * TEST_PAGE), cookie(v));
		n = 1;
		break;
	case 1:
		put_hdr(g, at, OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 0, 0, 1);
		put_param(g, at + 32, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 0, 0, cookie(v));
		n = 1;
		break;
	case 2:
		put_hdr(g, at, pick(v, 12), 0, pick(v, 8), 0, pick(v, 8));
		break;
	default:
		func = funcs[pick(v, sizeof(funcs))];
		put_hdr(g, at, OPTEE_MSG_CMD_INVOKE_COMMAND, func, 1 + pick(v, 8), 0, 4);
		/* A size, or how often it leaves. */
		sizes = func == MODEL_TA_PAYLOAD || func == MODEL_TA_PAYLOAD_KEEP;
		put_param(g, at + 32, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT + (sizes ? 2 : 0),
			  pick(v, sizes ? 30 * TEST_PAGE : 4), pick(v, 3), 0);
		for (uint32_t i = 1; i < n; i++)
			put_any_param(v, at + OPTEE_MSG_ARG_SIZE(i));
		break;
	}
	/* Another vCPU may be writing the same message: n is only what was meant. */
	call(v, &regs, at + OPTEE_MSG_ARG_SIZE(n));
}

static void fast_any(struct vcpu *v)
{
	static const uint32_t fids[] = {
		OPTEE_SMC_ENABLE_SHM_CACHE, OPTEE_SMC_DISABLE_SHM_CACHE,
		OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_CALLS_UID, OPTEE_SMC_ENABLE_ASYNC_NOTIF,
		OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, OPTEE_SMC_VM_DESTROYED, 0xb2000042,
		OPTEE_SMC_EXCHANGE_CAPABILITIES,
	};
	struct om_regs regs = { .a = { fids[pick(v, 9)], pick(v, 4), pick(v, 4), pick(v, 4), 0, 0,
				       0, pick(v, 5) } };

	test_guest_call(v->guest->fx->test, v->index, &regs);
}

static void edit_any(struct vcpu *v)
{
	struct guest *g = v->guest;
	const struct test_guest *t = g->fx->test;
	const uint64_t bad[] = { 0, t->hole_ipa, t->mmio_ipa, t->reserved_ipa, page_ipa(DATA) + 8 };
	uint64_t at = page_ipa(LISTS + pick(v, 8)) + 8ull * pick(v, LIST_LENGTH);

	put64(g, at, pick(v, 32) ? page_ipa(DATA + pick(v, DATA_PAGES)) : bad[pick(v, 5)]);
	om_guest_interrupt(g->fx->om);
}

static void *vcpu_run(void *arg)
{
	struct vcpu *v = arg;

	for (uint32_t i = 0; i < iterations; i++) {
		switch (pick(v, 16)) {
		case 0:
			fast_any(v);
			break;
		case 1:
			edit_any(v);
			break;
		case 2:
		case 3:
		case 4:
			begin_any(v);
			break;
		default:
			resume_any(v);
			break;
		}
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* --- Guests' lives ------------------------------------------------------------------------------ */

static void fill_lists(struct guest *g)
{
	for (uint32_t l = 0; l < 8; l++)
		for (uint32_t i = 0; i < LIST_LENGTH; i++)
			put64(g, page_ipa(LISTS + l) + 8ull * i,
			      page_ipa(DATA + (l * 31 + i) % DATA_PAGES));
}

/* Sessions 1 to 8, for everybody. */
static void begin_guest(struct guest *g)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		atomic_store(&g->known[i].id_a0, 0);
	fill_lists(g);
	for (uint32_t i = 0; i < 8; i++)
		fx_session(g->fx);
}

/* Between two rounds every vCPU is stopped: a third of the guests dies, one reboots. */
static void next_life(struct guest *guests, uint32_t round)
{
	struct guest *dies = &guests[round % GUESTS];
	struct guest *reboots = &guests[(round + 1) % GUESTS];

	atomic_store(&dies->fx->fx->host->yield_every, round % 3);
	fx_destroy(dies->fx);
	test_guest_assert_balanced(dies->fx->test);
	cg_memory_init(dies->fx->cg, &dies->fx->platform);
	assert_int_equal(fx_create(dies->fx), OM_OK);
	begin_guest(dies);
	assert_int_equal(fx_reset(reboots->fx), OM_OK);
	begin_guest(reboots);
}

static void run_round(struct guest *guests, uint64_t seed)
{
	pthread_t thread[GUESTS * VCPUS];
	struct vcpu vcpu[GUESTS * VCPUS];

	for (uint32_t i = 0; i < GUESTS * VCPUS; i++) {
		vcpu[i] = (struct vcpu){ &guests[i / VCPUS], i % VCPUS, seed * 1000 + i + 1 };
		assert_int_equal(pthread_create(&thread[i], NULL, vcpu_run, &vcpu[i]), 0);
	}
	for (uint32_t i = 0; i < GUESTS * VCPUS; i++)
		pthread_join(thread[i], NULL);
}

#define ROUNDS 4u

static void s60_four_vcpus_of_three_hostile_guests(void **state)
{
	struct model_config config = model_config_default();
	const struct fx_options o = { .guests = GUESTS, .model = &config, .limits = {
		.threads = 6, .buffers = 6, .rpc_args = 4, .pages = 600, .list_pages = 8 } };
	static const enum om_counter must[] = {
		OM_COUNT_INTERRUPTED, OM_COUNT_PAUSED, OM_COUNT_RPC_FREE, OM_COUNT_RPC_SHM_ALLOC,
		OM_COUNT_RPC_SHM_FREE, OM_COUNT_RPC_UNDO, OM_COUNT_REFUSED_THREADS,
		OM_COUNT_REFUSED_RESUME, OM_COUNT_REFUSED_PARAMS, OM_COUNT_REFUSED_COOKIE,
		OM_COUNT_REFUSED_PAGE, OM_COUNT_REFUSED_QUOTA, OM_COUNT_REFUSED_REPLY,
	};
	static struct guest guests[GUESTS];
	uint64_t counters[OM_COUNTERS] = { 0 };
	struct fx *f;

	config.threads = 5;
	config.interrupt_every = 7;
	f = fx_new(state, &o);
	f->host->rereads_expected = true;	/* hostile messages name anything twice */
	for (uint32_t i = 0; i < GUESTS; i++) {
		guests[i].fx = &f->guest[i];
		begin_guest(&guests[i]);
	}
	for (uint32_t round = 0; round < ROUNDS; round++) {
		atomic_store(&f->host->yield_every, round % 2 ? 3 : 0);
		run_round(guests, first_seed + round);
		for (uint32_t i = 0; i < GUESTS; i++)
			for (uint32_t n = 0; n < OM_COUNTERS; n++)
				counters[n] += fx_counter(&f->guest[i], (enum om_counter)n);
		next_life(guests, round);
	}
	for (uint32_t n = 0; n < OM_COUNTERS; n++)
		print_message("%-20s %llu\n", om_counter_name((enum om_counter)n),
			      (unsigned long long)counters[n]);
	/* It was not all refused at the door. */
	for (size_t i = 0; iterations >= 1000 && i < sizeof(must) / sizeof(must[0]); i++)
		assert_true(counters[must[i]] > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(s60_four_vcpus_of_three_hostile_guests,
					  fx_teardown),
	};

	if (argc > 1)
		iterations = (uint32_t)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}

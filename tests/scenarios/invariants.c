/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invariants over whole conversations (flows.h), and those that need threads.
 *
 * Single rules are proved where their scenario is; here they are watched at every
 * step of everything.
 */
#include "flows.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* --- I1: single fetch ------------------------------------------------------------------------ */

static void count_before(struct fx_guest *g, const uint64_t x[8])
{
	(void)x;
	test_guest_count_reads(g->test);
}

static void count_after(struct fx_guest *g, const uint64_t x[8])
{
	uint32_t most = test_guest_max_reads(g->test, 0, 0);

	if (most > 1)
		test_fail("in SMC 0x%llx a byte was read %u times (I1)",
			  (unsigned long long)x[0], most);
}

FX_TEST(i1_no_byte_is_read_twice_in_one_smc)
{
	f->before_smc = count_before;
	f->after_smc = count_after;
	flows_run(&f->guest[0], true);
	fx_assert_idle(&f->guest[0]);
}

static void mutate_before(struct fx_guest *g, const uint64_t x[8])
{
	(void)x;
	test_guest_mutate(g->test, true);
}

static void mutate_after(struct fx_guest *g, const uint64_t x[8])
{
	(void)x;
	test_guest_mutate(g->test, false);
}

/* Every byte becomes junk right after it was read; nothing changes. */
FX_TEST(i1_bytes_that_change_after_the_read_change_nothing)
{
	f->before_smc = mutate_before;
	f->after_smc = mutate_after;
	for (uint32_t yield = 0; yield < 3; yield++) {
		atomic_store(&f->host->yield_every, yield);
		flows_run(&f->guest[0], true);
		fx_assert_idle(&f->guest[0]);
	}
}

/* --- I2, I4: what OP-TEE may touch ------------------------------------------------------------- */

/* The oracle is in the test host: here it gets everything to judge, interrupted anywhere. */
FX_TEST(i2_i4_every_address_is_confined_and_pinned)
{
	for (uint32_t every = 0; every < 5; every++) {
		model_config(f->model)->interrupt_every = every;
		for (uint32_t yield = 0; yield < 4; yield++) {
			atomic_store(&f->host->yield_every, yield);
			flows_run(g, true);
			fx_assert_idle(g);
			assert_int_equal(test_secure_held(f->host, 1), 0);
		}
	}
}

/* --- I3: no leak -------------------------------------------------------------------------------- */

static void leak_after(struct fx_guest *g, const uint64_t x[8])
{
	test_guest_assert_no_leak(g->test);
	test_assert_no_leak_regs(g->fx->host, x, 4);
}

FX_TEST(i3_s22_no_host_address_after_any_smc)
{
	f->after_smc = leak_after;
	flows_run(&f->guest[0], true);
}

static void pages_are_written_by(struct fx_guest *g, const uint64_t x[8])
{
	(void)x;
	assert_int_equal(atomic_load(&g->fx->guest[1].test->bytes_written), 0);
	assert_int_equal(atomic_load(&g->fx->guest[1].test->bytes_read), 0);
}

/* A guest that does nothing is not touched by what another does. */
FX_TEST_WITH(i3_other_guests_memory_is_not_touched, .guests = 2)
{
	struct fx_guest *idle = &f->guest[1];
	static uint8_t before[64 * CG_PAGE];

	memcpy(before, idle->test->ram, sizeof(before));
	f->after_smc = pages_are_written_by;
	flows_run(&f->guest[0], true);
	assert_memory_equal(before, idle->test->ram, sizeof(before));
	assert_int_equal(atomic_load(&idle->test->pages_pinned), 0);
	assert_int_equal(fx_counter(idle, OM_COUNT_FAST_CALLS), 0);
}

/* --- I5: quotas ----------------------------------------------------------------------------------- */

#define BOOK_SIZE 24u

/* Books of our own, next to the mediator's. */
struct book {
	struct cg_buf buf[BOOK_SIZE];
	bool live[BOOK_SIZE];
	uint64_t pages;
	uint64_t buffers;
};

static void register_one(struct fx_guest *g, struct book *book, uint32_t i, uint64_t random)
{
	uint32_t n = 1u + (uint32_t)(random % 60u);
	bool fits = book->pages + n <= g->limits.pages && book->buffers < g->limits.buffers;
	bool refuse = random >> 20 & 1u;

	assert_true(cg_buf_repeat(g->cg, &book->buf[i], n));
	if (fits && refuse)
		model_refuse_register(g->fx->model, TEEC_ERROR_BUSY);
	assert_int_equal(cg_register(g->cg, &book->buf[i]),
			 !fits ? TEEC_ERROR_OUT_OF_MEMORY : refuse ? TEEC_ERROR_BUSY : 0);
	book->live[i] = fits && !refuse;
	if (!book->live[i]) {
		cg_buf_free(g->cg, &book->buf[i]);
		return;
	}
	book->pages += n;
	book->buffers++;
}

static void unregister_one(struct fx_guest *g, struct book *book, uint32_t i, uint64_t random)
{
	bool refuse = random >> 20 & 1u;

	if (refuse)
		model_refuse_unregister(g->fx->model, TEEC_ERROR_BUSY);
	assert_int_equal(cg_unregister(g->cg, book->buf[i].cookie), refuse ? TEEC_ERROR_BUSY : 0);
	if (refuse)
		return;
	book->pages -= book->buf[i].pages;
	book->buffers--;
	book->live[i] = false;
	cg_buf_free(g->cg, &book->buf[i]);
}

FX_TEST_WITH(i5_quotas_are_exact_over_a_long_time, .limits.pages = 300)
{
	uint64_t seed = 0x1505;
	struct book book = { .pages = 0 };

	f->busy_at_end = true;
	for (uint32_t step = 0; step < 3000; step++) {
		uint64_t random = cg_random(&seed) >> 16;
		uint32_t i = (uint32_t)(random >> 32) % BOOK_SIZE;

		atomic_store(&f->host->yield_every, random >> 24 & 1u);
		if (book.live[i])
			unregister_one(g, &book, i, random);
		else
			register_one(g, &book, i, random);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), book.pages);
		assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), book.buffers);
		assert_int_equal(atomic_load(&g->test->pinned), book.pages);
	}
	assert_true(fx_counter(g, OM_COUNT_REFUSED_QUOTA) > 10);
	assert_true(fx_counter(g, OM_COUNT_PAGES_PEAK) > 250);
	assert_true(fx_counter(g, OM_COUNT_PAGES_PEAK) <= 300);
}

/* Nothing is taken from the host while a guest runs. */
FX_TEST(i5_shadow_pages_are_taken_at_creation_only)
{
	int64_t pages = atomic_load(&f->host->shadow_pages);

	test_host_reset_counts(f->host);
	flows_run(&f->guest[0], true);
	assert_int_equal(atomic_load(&f->host->count[TEST_OP_PAGE_ALLOC]), 0);
	assert_int_equal(atomic_load(&f->host->count[TEST_OP_PAGE_FREE]), 0);
	assert_int_equal(atomic_load(&f->host->shadow_pages), pages);
}

/* --- I6: one owner ---------------------------------------------------------------------------------- */

#define RACES	20000u

/*
 * Two vCPUs that spin on one word, so that they are at the same place within some
 * nanoseconds; the first waits a little, now more now less, for the second to come.
 */
struct race {
	struct fx_guest *g;
	_Atomic uint64_t offer;	/* number of the race << 32 | id of the call */
	_Atomic uint64_t theirs;	/* number of the race << 32 | a0 that the other got */
};

static uint64_t wait_for(_Atomic uint64_t *word, uint32_t number)
{
	uint32_t spins = 0;
	uint64_t value;

	while ((value = atomic_load(word)) >> 32 != number)
		if (++spins % 4096 == 0)
			sched_yield();
	return value;
}

static uint32_t resume_id(struct fx_guest *g, unsigned int vcpu, uint64_t id)
{
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, (uint32_t)id } };

	test_guest_call(g->test, vcpu, &regs);
	return (uint32_t)regs.a[0];
}

/* No assertion in here: cmocka's would jump off this thread's stack. */
static void *racer_run(void *arg)
{
	struct race *race = arg;

	for (uint32_t i = 1; i <= RACES; i++) {
		uint64_t id = wait_for(&race->offer, i);

		atomic_store(&race->theirs, (uint64_t)i << 32 | resume_id(race->g, 1, id));
	}
	return NULL;
}

FX_TEST_BARE(i6_s25_two_vcpus_resume_one_call_and_one_goes_on)
{
	struct fx *f = fx_new(state, NULL);
	struct fx_guest *g = &f->guest[0];
	struct race race = { .g = g };
	uint32_t session = fx_session(g);
	uint32_t bad = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, racer_run, &race), 0);
	for (uint32_t i = 1; i <= RACES; i++) {
		uint32_t mine;
		uint32_t theirs;
		struct cg_call c;

		/* One interrupt: who goes on with it ends it. */
		fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0);
		cg_start(&c);
		bad += c.a[0] != OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
		atomic_store(&race.offer, (uint64_t)i << 32 | (uint32_t)c.id);
		for (volatile uint32_t n = 0; n < i % 256; n++)
			;
		mine = resume_id(g, 0, c.id);
		theirs = (uint32_t)wait_for(&race.theirs, i);
		bad += !((mine == OPTEE_SMC_RETURN_OK && theirs == OPTEE_SMC_RETURN_ERESUME) ||
			 (theirs == OPTEE_SMC_RETURN_OK && mine == OPTEE_SMC_RETURN_ERESUME));
		c.state = CG_ENDED;
		cg_call_fini(&c);
	}
	pthread_join(thread, NULL);
	assert_int_equal(bad, 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_RESUME), RACES);
	fx_assert_idle(g);
}

/* While a vCPU is inside of a call, nobody else gets at it. */
struct intruder {
	struct fx_guest *g;
	uint64_t id;
	uint32_t tries;
};

static void intrude(void *arg, const struct model_event *e)
{
	(void)e;
	((struct intruder *)arg)->tries++;
}

static void intrude_by_op(void *arg, enum test_op op, struct test_guest *test)
{
	struct intruder *in = arg;
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, in->id } };

	/* As from another vCPU, in the middle of this one's work. */
	if (!test || op == TEST_OP_SMC)
		return;
	in->tries++;
	in->g->fx->host->on_op = NULL;
	om_guest_call(in->g->om, 3, &regs);
	in->g->fx->host->on_op = intrude_by_op;
	if (regs.a[0] != OPTEE_SMC_RETURN_ERESUME)
		test_fail("a running call was resumed (I6)");
}

FX_TEST(i6_s24_running_call_is_not_resumed)
{
	struct intruder in = { .g = g };
	struct cg_buf lent;
	struct cg_call c;

	fx_buffer(&lent, g, 40 * CG_PAGE, 0);
	model_on_return(f->model, intrude, &in);
	fx_invoke(&c, g, fx_session(g), MODEL_TA_PAYLOAD);
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 40 * CG_PAGE, 0, 0);
	cg_set_tmem(&c, 1, ATTR_LIST, &lent);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SHM_ALLOC));
	in.id = c.id;
	in.tries = 0;
	f->host->on_op_arg = &in;
	f->host->on_op = intrude_by_op;
	cg_finish(&c);
	f->host->on_op = NULL;
	assert_true(in.tries > 10);
	fx_ended(&c, TEEC_SUCCESS);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_RESUME) > 10, true);
}

/* --- I8: fail closed ----------------------------------------------------------------------------------- */

FX_TEST(i8_unknown_bits_of_attributes_make_no_call)
{
	uint32_t session = fx_session(g);
	uint32_t refused = 0;
	struct cg_buf b;

	fx_register(&b, g, CG_PAGE);
	for (uint32_t type = 0; type < 256; type++) {
		for (uint32_t bit = 7; bit < 64; bit++) {
			uint64_t attr = type | (bit < 8 ? 0 : 1ull << bit);
			bool known = type < 4 || (type >= 5 && type <= 7) || (type >= 9 && type <= 0xb);
			struct cg_call c;

			/* One bit beside the type for known ones, none for the others. */
			if (known ? bit < 8 || (bit >= 16 && bit <= 18) || (bit == 9 && type > 8) :
				    bit != 7)
				continue;
			fx_nop(&c, g, session);
			cg_set_value(&c, 3, attr, cg_buf_ptr(g->cg, &b), 8, b.cookie);
			fx_smcs_reset(f);
			cg_start(&c);
			assert_int_equal(fx_smcs(f), 0);
			fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
			refused++;
		}
	}
	assert_true(refused > 700);
	fx_unregister(&b, g);
}

/* --- I9: every exit is a state --------------------------------------------------------------------------- */

static bool is_code(uint64_t a0)
{
	return a0 <= OPTEE_SMC_RETURN_ENOTAVAIL || a0 == OPTEE_SMC_RETURN_UNKNOWN_FUNCTION ||
	       a0 == UINT64_MAX;
}

/* Whatever a guest passes, it gets an answer, and nothing stays behind. */
FX_TEST(i9_random_registers_always_have_an_answer)
{
	static const uint32_t fids[] = {
		OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG, OPTEE_SMC_CALL_WITH_REGD_ARG,
		OPTEE_SMC_RETURN_FROM_RPC, OPTEE_SMC_EXCHANGE_CAPABILITIES,
		OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_VM_DESTROYED, 0xf2000005, 0x72000004,
	};
	uint64_t seed = 0x19;

	for (uint32_t i = 0; i < 30000; i++) {
		struct om_regs regs;
		struct om_regs in;

		for (size_t n = 0; n < 8; n++)
			regs.a[n] = cg_random(&seed);
		regs.a[0] = (regs.a[0] & ~0xffffffffull) | fids[i % 9];
		if (i % 3 == 0) {
			/* A page of RAM: what is in it is the client's, or zeroes. */
			regs.a[1] = 0;
			regs.a[2] = TEST_IPA_BASE + (1500 + regs.a[2] % 500) * CG_PAGE;
		}
		in = regs;
		assert_true(test_guest_call(g->test, (unsigned int)regs.a[5], &regs));
		if (fids[i % 9] != OPTEE_SMC_EXCHANGE_CAPABILITIES)
			assert_true(is_code(regs.a[0]));
		if (regs.a[0] != OPTEE_SMC_RETURN_OK)
			for (size_t n = 1; n < 4; n++)
				assert_int_equal(regs.a[n], 0);
		for (size_t n = 4; n < 8; n++)
			assert_true(regs.a[n] == in.a[n]);
		assert_int_equal(atomic_load(&g->test->pinned), 0);
	}
	fx_assert_idle(g);
	cg_slots_are_free(g->cg);
}

/* --- I10: every call is stamped ---------------------------------------------------------------------------- */

static void assert_stamped(const struct fx_smc *smc, uint32_t id)
{
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(smc->in.a[i] >> 32, 0);
	assert_int_equal(smc->in.a[7], id);
	assert_int_equal(smc->in.a[6], 0);
	if (smc->in.a[0] == OPTEE_SMC_RETURN_FROM_RPC)
		return;
	assert_int_equal(smc->in.a[4], 0);
	assert_int_equal(smc->in.a[5], 0);
	assert_int_equal(smc->in.a[3], 0);
	assert_int_not_equal(smc->in.a[0], OPTEE_SMC_CALL_WITH_REGD_ARG);
}

FX_TEST_WITH(i10_every_smc_is_stamped_and_complete, .guests = 2)
{
	for (uint32_t i = 0; i < 2; i++) {
		fx_smcs_reset(f);
		flows_run(&f->guest[i], true);
		assert_true(fx_smcs(f) > 50 && fx_smcs(f) < FX_SMCS);
		for (size_t n = 0; n < fx_smcs(f); n++)
			assert_stamped(&f->smc[n], i + 1);
	}
}

/* --- I11: isolation of failure -------------------------------------------------------------------------------- */

/* Before each SMC of the good guest the bad one has its turn. */
static void bad_guest_turn(struct fx_guest *g, const uint64_t x[8])
{
	struct fx_guest *bad = &g->fx->guest[1];
	uint64_t *seed = g->fx->arg;
	struct om_regs regs;

	if (g == bad)
		return;
	(void)x;
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t random = cg_random(seed);

		for (size_t n = 0; n < 8; n++)
			regs.a[n] = cg_random(seed);
		regs.a[0] = (uint32_t[]){ OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_FROM_RPC,
					  OPTEE_SMC_CALL_WITH_RPC_ARG,
					  OPTEE_SMC_DISABLE_SHM_CACHE }[random % 4];
		/* Messages that are nearly good, ids that are nearly right. */
		if (random % 4 != 1) {
			uint64_t ipa = TEST_IPA_BASE + (1000 + random / 8 % 32) * CG_PAGE;
			struct optee_msg_hdr *hdr = test_guest_va(bad->test, ipa);

			regs.a[1] = 0;
			regs.a[2] = ipa;
			*hdr = (struct optee_msg_hdr){ .cmd = (uint32_t)(random >> 16 & 7u),
						       .num_params = (uint32_t)(random >> 24 & 7u) };
			for (uint32_t n = 0; n < 6; n++)
				model_param(hdr, n)->attr = n < 2 ? 0x101 :
							    cg_random(seed) & 0x3ffu;
		} else {
			regs.a[3] = (random >> 16 & 0xffu) << 8 | (random >> 8 & 3u);
		}
		test_guest_call(bad->test, i, &regs);
	}
}

FX_TEST_WITH(i11_a_guest_that_lies_hurts_itself_only, .guests = 2)
{
	uint64_t seed = 0x11;

	f->arg = &seed;
	f->before_smc = bad_guest_turn;
	for (uint32_t i = 0; i < 5; i++)
		flows_run(&f->guest[0], true);
	f->before_smc = NULL;
	fx_assert_idle(&f->guest[0]);
	assert_true(fx_counter(&f->guest[1], OM_COUNT_CALLS) > 500);
}

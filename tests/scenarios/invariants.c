/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invariants over whole conversations (flows.h).
 *
 * Single rules are proved where their scenario is; here they are watched at every
 * step of everything.
 */
#include "flows.h"

#include <string.h>

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

/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario 59: a long translation gives way, and its lists stay. */
#include "shm.h"

/* --- 59: giving way -------------------------------------------------------------------------- */

/* One long conversation: what OP-TEE is told must not depend on who interrupts. */
static uint64_t converse(struct fx_guest *g, uint32_t fid)
{
	uint32_t session = fx_session(g);
	uint64_t interrupts = 0;
	struct cg_buf b[2];
	struct cg_call c;
	uint8_t sum[2];

	fx_buffer(&b[0], g, 300 * CG_PAGE, 100);
	fx_buffer(&b[1], g, 33 * CG_PAGE, 4000);
	register_init(&c, g, &b[0]);
	c.fid = fid;
	cg_do(&c);
	interrupts += c.interrupts;
	fx_ended(&c, TEEC_SUCCESS);
	assert_translated(g, &b[0]);

	sum[0] = cg_buf_pattern(g->cg, &b[0], 1);
	sum[1] = cg_buf_pattern(g->cg, &b[1], 2);
	for (uint32_t i = 0; i < 2; i++) {
		fx_invoke(&c, g, session, MODEL_TA_SUM);
		c.fid = fid;
		cg_set_value(&c, 0, VALUE_OUT, 0, 0, 0);
		cg_set_tmem(&c, 1, TMEM_IN, &b[i]);
		cg_set_tmem(&c, 2, TMEM_IN, &b[1 - i]);
		cg_set_rmem(&c, 3, RMEM_IN, b[0].cookie, 0, 5);
		cg_do(&c);
		interrupts += c.interrupts;
		assert_int_equal(cg_param(&c, 0)->u.value.a & 0xffu, sum[i]);
		fx_ended(&c, TEEC_SUCCESS);
	}

	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD);
	c.fid = fid;
	cg_set_value(&c, 0, VALUE_INOUT, 600 * CG_PAGE, 1, 0);
	cg_do(&c);
	interrupts += c.interrupts;
	assert_int_equal(cg_param(&c, 0)->u.value.b, TEEC_SUCCESS);
	fx_ended(&c, TEEC_SUCCESS);

	unregister_init(&c, g, b[0].cookie);
	c.fid = fid;
	cg_do(&c);
	interrupts += c.interrupts;
	fx_ended(&c, TEEC_SUCCESS);
	cg_buf_free(g->cg, &b[0]);
	cg_buf_free(g->cg, &b[1]);
	fx_close(g, session);
	fx_assert_idle(g);
	return interrupts;
}

/*
 * What reached OP-TEE, without the parts that may differ: which shadow page it is.
 * Translations are compared by converse().
 */
static size_t conversation(struct fx *f, uint64_t *out, size_t max)
{
	size_t n = fx_smcs(f);

	assert_true(n <= max);
	for (size_t i = 0; i < n; i++)
		out[i] = f->smc[i].in.a[0] << 32 | (uint32_t)f->smc[i].out.a[0];
	return n;
}

static void giving_way_changes_nothing(struct fx *f, struct fx_guest *g, uint32_t fid)
{
	static uint64_t first[512];
	static uint64_t again[512];
	size_t n;

	fx_smcs_reset(f);
	assert_int_equal(converse(g, fid), 0);
	n = conversation(f, first, 512);
	for (uint32_t every = 1; every < 6; every++) {
		uint64_t interrupts;

		fx_smcs_reset(f);
		atomic_store(&f->host->yield_every, every);
		interrupts = converse(g, fid);
		atomic_store(&f->host->yield_every, 0);
		/* About one for each batch of pages, pinned and unpinned. */
		assert_true(interrupts * every > 4 * 700 / OM_PIN_BATCH);
		assert_int_equal(conversation(f, again, 512), n);
		assert_memory_equal(first, again, n * sizeof(first[0]));
	}
	assert_true(fx_counter(g, OM_COUNT_PAUSED) > 0);
	assert_int_equal(fx_counter(g, OM_COUNT_INTERRUPTED), 0);
}

FX_TEST(s59_giving_way_at_every_step_changes_nothing)
{
	giving_way_changes_nothing(f, g, OPTEE_SMC_CALL_WITH_ARG);
}

FX_TEST(s59_giving_way_with_inline_rpc_changes_nothing)
{
	giving_way_changes_nothing(f, g, OPTEE_SMC_CALL_WITH_RPC_ARG);
}

/* While it gives way nothing is half done: charged whole, and OP-TEE knows nothing. */
FX_TEST(s59_i5_paused_translation_is_charged_whole)
{
	struct cg_buf b;
	struct cg_call c;
	uint32_t pauses = 0;
	uint32_t done;

	f->busy_at_end = true;
	fx_buffer(&b, g, 300 * CG_PAGE, 0);
	atomic_store(&f->host->yield_every, 1);
	register_init(&c, g, &b);
	fx_smcs_reset(f);
	cg_start(&c);
	while (c.state == CG_WAITING) {
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		assert_int_equal(c.a[1], 0);
		assert_int_equal(c.a[2], 0);
		assert_int_equal(fx_smcs(f), 0);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 300);
		pauses++;
		/* A batch more each time, the message, and the list while it is read. */
		done = OM_PIN_BATCH * pauses < 300 ? OM_PIN_BATCH * pauses : 300;
		assert_int_equal(atomic_load(&g->test->pinned), done + 1 + (done < 300));
		cg_serve(&c);
		cg_resume(&c);
	}
	assert_in_range(pauses, 300 / OM_PIN_BATCH, 300 / OM_PIN_BATCH + 1);
	assert_int_equal(fx_counter(g, OM_COUNT_PAUSED), pauses);
	fx_ended(&c, TEEC_SUCCESS);
	assert_translated(g, &b);
}

FX_TEST_WITH(s59_host_without_should_yield_never_gives_way, .no_yield = true)
{
	assert_int_equal(converse(&f->guest[0], OPTEE_SMC_CALL_WITH_ARG), 0);
	assert_int_equal(fx_counter(&f->guest[0], OM_COUNT_PAUSED), 0);
}

/* On another vCPU, whose slot has a list of its own, and remembers where that was. */
static void another_call(struct fx_guest *g)
{
	struct cg_call c;
	struct cg_buf b;

	fx_buffer(&b, g, 20 * CG_PAGE, 0);
	register_init(&c, g, &b);
	c.vcpu = 1;
	fx_do(&c, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/*
 * OP-TEE may leave for the normal world before it has read the page lists of a
 * call; meanwhile another call comes and goes. c is stopped there, on its way to
 * the sum over mine.
 */
static void another_call_meanwhile(struct fx_guest *g, struct cg_call *c, struct cg_buf *mine)
{
	uint8_t sum = cg_buf_pattern(g->cg, mine, 1);

	another_call(g);
	cg_finish(c);
	assert_int_equal(cg_param(c, 0)->u.value.a & 0xffu, sum);
	fx_ended(c, TEEC_SUCCESS);
}

static void sum_init(struct cg_call *c, struct fx_guest *g, struct cg_buf *mine)
{
	uint32_t session = fx_session(g);

	/* What was the other slot's is now in the middle of this list. */
	another_call(g);
	fx_buffer(mine, g, 600 * CG_PAGE, 0);
	fx_invoke(c, g, session, MODEL_TA_SUM);
	cg_set_value(c, 0, VALUE_OUT, 0, 0, 0);
	cg_set_tmem(c, 1, TMEM_IN, mine);
}

FX_TEST(s50_i2_lists_stay_over_an_interrupt)
{
	struct cg_buf mine;
	struct cg_call c;

	sum_init(&c, g, &mine);
	model_config(f->model)->interrupt_every = 1;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR));
	model_config(f->model)->interrupt_every = 0;
	another_call_meanwhile(g, &c, &mine);
}

/* A thread with a cached RPC argument frees that first. */
FX_TEST(s50_i2_lists_stay_until_optee_has_read_them)
{
	struct om_regs regs = { .a = { OPTEE_SMC_ENABLE_SHM_CACHE } };
	struct cg_buf mine;
	struct cg_call c;

	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	fx_invoke(&c, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
	fx_do(&c, TEEC_SUCCESS);
	sum_init(&c, g, &mine);
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
	another_call_meanwhile(g, &c, &mine);
}

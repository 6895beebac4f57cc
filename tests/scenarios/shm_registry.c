/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 54-58: buffers are registered, used, and let go. What a guest sees of it alone:
 * tests/conformance/scenario_registry.c.
 */
#include "shm.h"

/* --- 54, 55, 58: the registry ---------------------------------------------------------------- */

/* The cookie is taken from the moment it is charged, not only when OP-TEE agrees. */
FX_TEST(s54_i7_cookie_of_a_registration_under_way_is_taken)
{
	uint32_t session = fx_session(g);
	struct cg_buf a;
	struct cg_buf b;
	struct cg_call paused;
	struct cg_call c;

	fx_buffer(&a, g, 100 * CG_PAGE, 0);
	fx_buffer(&b, g, 1, 0);
	b.cookie = a.cookie;
	register_init(&paused, g, &a);
	atomic_store(&f->host->yield_every, 1);
	cg_start(&paused);
	atomic_store(&f->host->yield_every, 0);
	assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
	/* Nor can it be used or released before it exists. */
	assert_int_equal(cg_unregister(g->cg, a.cookie), TEEC_ERROR_BAD_PARAMETERS);
	fx_nop(&c, g, session);
	cg_set_rmem(&c, 1, RMEM_IN, a.cookie, 0, 1);
	cg_do(&c);
	fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	fx_finish(&paused, TEEC_SUCCESS);
	fx_unregister(&a, g);
}

FX_TEST(s55_i4_failed_unregister_keeps_everything)
{
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 20 * CG_PAGE);
	for (uint32_t i = 0; i < 5; i++) {
		model_refuse_unregister(f->model, TEEC_ERROR_BUSY);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BUSY);
		assert_held(g, 20, 1);
		/* An error of the SMC is a failure as well. */
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ENOMEM, 0, 0, 0);
		unregister_init(&c, g, b.cookie);
		fx_do(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_ENOMEM);
		assert_held(g, 20, 1);
		assert_translated(g, &b);
		/* Its cookie is still taken, and still works. */
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
	}
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	assert_held(g, 0, 0);
	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s55_i7_buffer_being_unregistered_is_nobodys)
{
	uint32_t session = fx_session(g);
	struct cg_call under_way;
	struct cg_call c;
	struct cg_buf b;

	fx_register(&b, g, 20 * CG_PAGE);
	for (uint32_t fails = 0; fails < 2; fails++) {
		model_config(f->model)->interrupt_every = 1;
		unregister_init(&under_way, g, b.cookie);
		cg_start(&under_way);
		assert_int_equal(under_way.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		model_config(f->model)->interrupt_every = 0;
		fx_smcs_reset(f);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
		fx_nop(&c, g, session);
		cg_set_rmem(&c, 1, RMEM_IN, b.cookie, 0, 1);
		cg_do(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(fx_smcs(f), 0);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 20);
		if (!fails)
			model_refuse_unregister(f->model, TEEC_ERROR_BUSY);
		fx_finish(&under_way, fails ? TEEC_SUCCESS : TEEC_ERROR_BUSY);
	}
}

/* A buffer of 20 pages that a call in OP-TEE uses, and a call that is to release it. */
static void in_use_and_released(struct cg_call *user, struct cg_call *release, struct cg_buf *b,
				struct fx_guest *g)
{
	fx_register(b, g, 20 * CG_PAGE);
	fx_invoke(user, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(user, 0, VALUE_IN, 1, 0, 0);
	cg_set_rmem(user, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b->cookie, 0, CG_PAGE);
	assert_true(cg_until_cmd(user, OPTEE_RPC_CMD_SUSPEND));
	unregister_init(release, g, b->cookie);
}

/* Released while a call in OP-TEE uses it: that is OP-TEE's to wait for. */
FX_TEST(s55_i4_unregistered_buffer_stays_pinned_for_its_users)
{
	struct cg_call user;
	struct cg_call c;
	struct cg_buf b;

	in_use_and_released(&user, &c, &b, g);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_NOTIFICATION));
	/* The buffer, two messages and their RPC arguments. */
	assert_int_equal(atomic_load(&g->test->pinned), 24);
	fx_finish(&user, TEEC_SUCCESS);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 21);
	fx_finish(&c, TEEC_SUCCESS);
}

/*
 * OP-TEE says that a buffer is released, and goes on to use it for a call that it is busy
 * with. What holds the buffer then is that call, and nothing else.
 */
FX_TEST(s55_fault_d4_unregistered_buffer_stays_pinned_for_its_user)
{
	uint64_t pa[20];
	struct cg_call user;
	struct cg_call c;
	struct cg_buf b;

	in_use_and_released(&user, &c, &b, g);
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_OK, 0, 0, 0);
	fx_do(&c, TEEC_SUCCESS);
	/* The buffer, the user's message and its RPC argument. */
	assert_int_equal(atomic_load(&g->test->pinned), 22);
	/* The model knows nothing of its lie. */
	assert_int_equal(model_buffer_pa(f->model, g->test->id, b.cookie, pa, 20), 20);
	for (uint32_t i = 0; i < 20; i++)
		test_secure_release(f->host, g->test->id, pa[i]);
	fx_finish(&user, TEEC_SUCCESS);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	f->busy_at_end = true;
	for (uint32_t i = 0; i < 20; i++)
		test_secure_hold(f->host, g->test->id, pa[i]);
}

/*
 * Released while a call that names it is still on its way to OP-TEE: that waits
 * here, so that no call gets there with a cookie that names nothing any more.
 */
FX_TEST(s55_i7_release_waits_for_calls_on_their_way)
{
	struct cg_buf lent;
	struct cg_buf b;
	struct cg_call paused;
	struct cg_call c;

	fx_register(&b, g, CG_PAGE);
	fx_buffer(&lent, g, 100 * CG_PAGE, 0);
	fx_nop(&paused, g, fx_session(g));
	cg_set_rmem(&paused, 1, RMEM_IN, b.cookie, 0, 1);
	cg_set_tmem(&paused, 2, TMEM_IN, &lent);
	atomic_store(&f->host->yield_every, 1);
	cg_start(&paused);
	atomic_store(&f->host->yield_every, 0);
	assert_int_equal(paused.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	unregister_init(&c, g, b.cookie);
	fx_smcs_reset(f);
	cg_start(&c);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		cg_serve(&c);
		cg_resume(&c);
	}
	assert_int_equal(fx_smcs(f), 0);
	fx_finish(&paused, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
}

/* OP-TEE knows of all that a call uses once it asks for something: then it is what waits. */
FX_TEST(s55_i7_release_is_optees_when_it_knows_the_users)
{
	struct cg_buf b[2];
	struct cg_call user;
	struct cg_call c;

	for (uint32_t nth = 0; nth < 2; nth++) {
		fx_invoke(&user, g, fx_session(g), MODEL_TA_PAYLOAD);
		cg_set_value(&user, 0, VALUE_INOUT, CG_PAGE, 0, 0);
		for (uint32_t i = 0; i < 2; i++) {
			fx_register(&b[i], g, CG_PAGE);
			cg_set_rmem(&user, 1 + i, RMEM_IN, b[i].cookie, 0, 1);
		}
		assert_true(cg_until_cmd(&user, OPTEE_RPC_CMD_GET_TIME));
		unregister_init(&c, g, b[nth].cookie);
		fx_smcs_reset(f);
		cg_start(&c);
		assert_int_equal(fx_smcs(f), 1);
		fx_finish(&user, TEEC_SUCCESS);
		fx_finish(&c, TEEC_SUCCESS);
		fx_unregister(&b[1 - nth], g);
		fx_assert_idle(g);
	}
}

FX_TEST(s56_i7_ranges_outside_of_the_buffer_make_no_call)
{
	uint32_t session = fx_session(g);
	const struct { uint64_t offs, size; bool good; } ranges[] = {
		{ 0, 5000, true }, { 5000, 0, true }, { 4999, 1, true }, { 0, 5001, false },
		{ 5000, 1, false }, { 5001, 0, false }, { ~0ull, 1, false }, { 1, ~0ull, false },
		{ 2, ~0ull - 1, false }, { 1ull << 63, 1ull << 63, false }, { 1ull << 32, 0, false },
	};
	struct cg_call c;
	struct cg_buf b;

	fx_buffer(&b, g, 5000, 1000);
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		fx_nop(&c, g, session);
		cg_set_rmem(&c, 1, RMEM_IN, b.cookie, ranges[i].offs, ranges[i].size);
		fx_smcs_reset(f);
		cg_start(&c);
		assert_int_equal(fx_smcs(f), ranges[i].good);
		if (ranges[i].good)
			fx_ended(&c, TEEC_SUCCESS);
		else
			fx_refused(&c, TEEC_ERROR_SECURITY);
	}
	fx_unregister(&b, g);
}

FX_TEST_WITH(s57_i11_cookies_are_each_guests_own, .guests = 2)
{
	struct fx_guest *other = &f->guest[1];
	struct cg_buf b[2];
	struct cg_call c;

	fx_register(&b[0], g, 3 * CG_PAGE);
	fx_nop(&c, other, fx_session(other));
	cg_set_rmem(&c, 1, RMEM_IN, b[0].cookie, 0, 1);
	cg_do(&c);
	fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(cg_unregister(other->cg, b[0].cookie), TEEC_ERROR_BAD_PARAMETERS);

	/* The same name for something of its own. */
	fx_buffer(&b[1], other, 5 * CG_PAGE, 0);
	b[1].cookie = b[0].cookie;
	assert_int_equal(cg_register(other->cg, &b[1]), TEEC_SUCCESS);
	assert_translated(g, &b[0]);
	assert_translated(other, &b[1]);
	fx_unregister(&b[0], g);
	assert_translated(other, &b[1]);
	fx_unregister(&b[1], other);
	fx_assert_idle(g);
	fx_assert_idle(other);
}

FX_TEST(s58_i5_registration_that_optee_refuses_is_undone)
{
	struct cg_buf b;

	fx_buffer(&b, g, 700 * CG_PAGE, 9);
	for (uint32_t i = 0; i < 50; i++) {
		model_refuse_register(f->model, TEEC_ERROR_OUT_OF_MEMORY + i);
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_OUT_OF_MEMORY + i);
		assert_held(g, 0, 0);
		/* The cookie is free, and names nothing. */
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
	}
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	assert_translated(g, &b);
	fx_unregister(&b, g);
}

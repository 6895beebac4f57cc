/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 2-6: guests that come and go. Scenario 1, the probe: tests/unit/test_mediator.c.
 *
 * What a guest cannot provoke: who is refused and with what left behind, and in
 * which order everything is given back (I4).
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

/* --- Creation ---------------------------------------------------------------------- */

static void assert_no_vm_calls(struct fx *f)
{
	assert_int_equal(fx_smcs_of(f, OPTEE_SMC_VM_CREATED), 0);
	assert_int_equal(fx_smcs_of(f, OPTEE_SMC_VM_DESTROYED), 0);
}

FX_TEST_BARE(s02_vm_created_refused_leaves_nothing)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_ENOMEM,
					  OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0x12345678 };
	struct fx *f = fx_bare(state, NULL);
	struct fx_guest *g = &f->guest[0];

	assert_int_equal(fx_init(f), OM_OK);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		model_refuse_vm(f->model, codes[i]);
		assert_int_equal(fx_create(g), OM_ERR_REFUSED);
		assert_null(g->om);
		assert_int_equal(atomic_load(&f->host->shadow_pages), 0);
	}
	/* Nothing came to be, so there is nothing to take back. */
	assert_int_equal(fx_smcs_of(f, OPTEE_SMC_VM_DESTROYED), 0);
	assert_int_equal(fx_create(g), OM_OK);
}

FX_TEST_BARE(s02_i5_page_alloc_fails_at_every_n)
{
	struct fx *f = fx_bare(state, NULL);
	struct fx_guest *g = &f->guest[0];
	uint32_t n;

	assert_int_equal(fx_init(f), OM_OK);
	fx_smcs_reset(f);
	for (n = 1; n < 1000; n++) {
		test_host_fail(f->host, 1u << TEST_OP_PAGE_ALLOC, n, n % 2);
		if (fx_create(g) == OM_OK)
			break;
		assert_int_equal(test_host_fault_hits(f->host), 1);
		assert_int_equal(atomic_load(&f->host->shadow_pages), 0);
		assert_no_vm_calls(f);
	}
	/* One for each slot, RPC argument and list page, and none later. */
	assert_int_equal(n - 1, g->limits.threads + g->limits.rpc_args + g->limits.list_pages);
	assert_int_equal(fx_smcs_of(f, OPTEE_SMC_VM_CREATED), 1);
}

/* A backend that hands out pages which nobody may give to OP-TEE. */
static struct om_page useless_page;
static uint64_t useless_after;
static uint64_t useless_taken;
static _Alignas(4096) uint8_t useless_memory[64][4096];

static int useless_alloc(void *host, struct om_page *page)
{
	uint64_t n = useless_taken++;

	(void)host;
	*page = (struct om_page){ useless_memory[n], { TEST_SHADOW_PA_BASE + n * TEST_PAGE } };
	if (n == useless_after)
		*page = useless_page;
	return 0;
}

static void useless_free(void *host, const struct om_page *page)
{
	(void)host;
	(void)page;
	useless_taken--;
}

FX_TEST_BARE(s02_i2_shadow_page_of_no_use_is_given_back)
{
	struct fx *f = fx_bare(state, NULL);
	static const struct om_page pages[] = {
		{ useless_memory[0], { 0 } },
		{ NULL, { TEST_SHADOW_PA_BASE } },
		{ useless_memory[0], { TEST_RESERVED_PA } },
		{ useless_memory[0], { TEST_RESERVED_PA + TEST_RESERVED_SIZE - TEST_PAGE } },
	};

	f->host->ops.page_alloc = useless_alloc;
	f->host->ops.page_free = useless_free;
	assert_int_equal(fx_init(f), OM_OK);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		useless_page = pages[i];
		for (useless_after = 0; useless_after < 20; useless_after += 7) {
			useless_taken = 0;
			assert_int_equal(fx_create(&f->guest[0]), OM_ERR_NO_MEMORY);
			assert_int_equal(useless_taken, 0);
		}
	}
	assert_no_vm_calls(f);
}

static enum om_result create_as(struct fx_guest *g, uint32_t id)
{
	g->test->id = id;
	return fx_create(g);
}

FX_TEST_BARE(s03_ids_out_of_range_are_refused)
{
	struct fx *f = fx_bare(state, NULL);
	struct fx_guest *g = &f->guest[0];

	assert_int_equal(fx_init(f), OM_OK);
	fx_smcs_reset(f);
	assert_int_equal(create_as(g, 0), OM_ERR_ARGUMENT);
	assert_int_equal(create_as(g, OM_GUEST_ID_MAX + 1), OM_ERR_ARGUMENT);
	assert_int_equal(create_as(g, 0x10001), OM_ERR_ARGUMENT);
	assert_int_equal(create_as(g, 0xffffffff), OM_ERR_ARGUMENT);
	assert_int_equal(fx_smcs(f), 0);

	assert_int_equal(create_as(g, OM_GUEST_ID_MAX), OM_OK);
	assert_int_equal(f->smc[fx_smcs(f) - 1].in.a[1], OM_GUEST_ID_MAX);
	assert_int_equal(f->smc[fx_smcs(f) - 1].in.a[7], 0);
	fx_close(g, fx_session(g));
	fx_destroy(g);
	assert_int_equal(create_as(g, OM_GUEST_ID_MIN), OM_OK);
}

FX_TEST_BARE(s03_live_id_is_refused_without_a_call)
{
	static const uint32_t ids[] = { 7, 7, 31, 32, 0xfffe };
	const struct fx_options o = { .guests = 2 };
	struct fx *f = fx_bare(state, &o);
	struct fx_guest *a = &f->guest[0];
	struct fx_guest *b = &f->guest[1];

	assert_int_equal(fx_init(f), OM_OK);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(create_as(a, ids[i]), OM_OK);
		fx_smcs_reset(f);
		assert_int_equal(create_as(b, ids[i]), OM_ERR_EXISTS);
		assert_int_equal(fx_smcs(f), 0);
		/* Ids that share a word of the table do not share a fate. */
		assert_int_equal(create_as(b, ids[i] + 1), OM_OK);
		fx_close(b, fx_session(b));
		fx_destroy(b);
		b->test->id = 0;
		fx_close(a, fx_session(a));
		fx_destroy(a);
	}
}

/* A guest that is leaving still has its id. */
FX_TEST_WITH(s03_id_is_taken_until_the_end, .guests = 2)
{
	struct fx_guest *a = &f->guest[0];
	struct fx_guest *b = &f->guest[1];

	fx_destroy(b);
	atomic_store(&f->host->yield_every, 1);
	assert_int_equal(om_guest_destroy(a->om), OM_AGAIN);
	b->test->id = a->test->id;
	assert_int_equal(fx_create(b), OM_ERR_EXISTS);
	b->test->id = 2;
	fx_destroy(a);
}

/* --- The end ------------------------------------------------------------------------- */

/* All that a guest can hold at once, in every way there is to hold it. */
struct holdings {
	struct cg_buf buffer[3];
	struct cg_call waits;		/* in a command, with an RPC argument */
	struct cg_call interrupted;	/* with a temporary buffer lent */
	struct cg_call paused;		/* in the middle of its translation */
	uint32_t session;
};

static void hold_everything(struct fx_guest *g, struct holdings *h)
{
	struct cg_buf lent;
	struct cg_buf large;
	struct cg_call c;

	h->session = fx_session(g);
	for (uint32_t i = 0; i < 3; i++)
		fx_register(&h->buffer[i], g, 1u + i * 40u * CG_PAGE);
	fx_invoke(&c, g, h->session, MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 20u * CG_PAGE, 0, 0);
	fx_do(&c, TEEC_SUCCESS);

	fx_invoke(&h->waits, g, h->session, MODEL_TA_PAYLOAD);
	cg_set_value(&h->waits, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 5u * CG_PAGE, 0, 0);
	assert_true(cg_until_cmd(&h->waits, OPTEE_RPC_CMD_GET_TIME));

	fx_buffer(&lent, g, 17u * CG_PAGE, 8);
	fx_invoke(&h->interrupted, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&h->interrupted, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1000, 0, 0);
	cg_set_tmem(&h->interrupted, 1, ATTR_LIST + 1u, &lent);
	cg_start(&h->interrupted);
	assert_int_equal(h->interrupted.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);

	fx_buffer(&large, g, 100u * CG_PAGE, 0);
	fx_call(&h->paused, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	cg_set_tmem(&h->paused, 0, ATTR_LIST, &large);
	atomic_store(&g->fx->host->yield_every, 1);
	cg_start(&h->paused);
	cg_serve(&h->paused);
	cg_resume(&h->paused);
	assert_int_equal(h->paused.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	atomic_store(&g->fx->host->yield_every, 0);
	assert_true(fx_counter(g, OM_COUNT_PAGES_NOW) > 40);
	assert_true(atomic_load(&g->test->pinned) > 40);
}

/* From here on nothing may be unpinned before VM_DESTROYED has returned. */
static void watch_order(void *arg, enum test_op op, struct test_guest *test)
{
	struct fx *f = arg;

	(void)test;
	if (op == TEST_OP_UNPIN && !fx_smc_of(f, OPTEE_SMC_VM_DESTROYED, 0))
		test_fail("unpin before VM_DESTROYED (I4)");
	if (op == TEST_OP_PAGE_FREE && atomic_load(&f->guest[0].test->pinned))
		test_fail("a shadow page is freed before all is unpinned (I4)");
	if (op == TEST_OP_READ || op == TEST_OP_WRITE || op == TEST_OP_PIN)
		test_fail("operation %d on a guest that is gone", (int)op);
}

static void start_watch(struct fx *f)
{
	fx_smcs_reset(f);
	f->host->on_op_arg = f;
	f->host->on_op = watch_order;
}

FX_TEST(s04_i4_destroy_with_suspended_calls_unpins_after_vm_destroyed)
{
	struct holdings h;

	hold_everything(g, &h);
	start_watch(f);
	fx_destroy(g);
	assert_int_equal(fx_smcs(f), 1);
	assert_int_equal(f->smc[0].in.a[0], OPTEE_SMC_VM_DESTROYED);
	assert_int_equal(f->smc[0].in.a[1], 1);
	assert_int_equal(f->smc[0].in.a[7], 0);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	assert_int_equal(atomic_load(&f->host->shadow_pages), 0);
}

FX_TEST_WITH(s04_i11_one_guest_dies_and_the_other_goes_on, .guests = 2)
{
	struct fx_guest *a = &f->guest[0];
	struct fx_guest *b = &f->guest[1];
	struct holdings ha;
	struct holdings hb;
	int64_t pinned;

	f->busy_at_end = true;
	hold_everything(a, &ha);
	hold_everything(b, &hb);
	pinned = atomic_load(&b->test->pinned);
	fx_destroy(a);
	assert_int_equal(atomic_load(&b->test->pinned), pinned);

	/* Every one of its calls comes to the end it would have had. */
	cg_finish(&hb.paused);
	fx_ended(&hb.paused, TEEC_SUCCESS);
	cg_finish(&hb.interrupted);
	fx_ended(&hb.interrupted, TEEC_SUCCESS);
	cg_finish(&hb.waits);
	assert_int_equal(cg_param(&hb.waits, 0)->u.value.b, TEEC_SUCCESS);
	fx_ended(&hb.waits, TEEC_SUCCESS);
	/* And the first one's place can be taken at once. */
	cg_memory_init(a->cg, &a->platform);
	assert_int_equal(fx_create(a), OM_OK);
	fx_close(a, fx_session(a));
}

FX_TEST(s05_destroy_in_steps_ends_and_does_nothing_twice)
{
	struct holdings h;
	uint32_t shadows = g->limits.threads + g->limits.rpc_args + g->limits.list_pages;
	uint32_t steps;
	uint64_t pinned;

	hold_everything(g, &h);
	pinned = (uint64_t)atomic_load(&g->test->pinned);
	start_watch(f);
	test_host_reset_counts(f->host);
	atomic_store(&f->host->yield_every, 1);
	steps = fx_destroy(g);

	assert_true(steps > shadows);
	assert_true(steps <= pinned + g->limits.threads + shadows);
	assert_int_equal(atomic_load(&f->host->count[TEST_OP_PAGE_FREE]), shadows);
	assert_true(atomic_load(&f->host->count[TEST_OP_UNPIN]) <= pinned);
	assert_int_equal(fx_smcs(f), 1);
}

/* Between two steps: the guest's vCPUs are stopped, but should one still call ... */
FX_TEST(s05_calls_of_a_leaving_guest_are_refused)
{
	static const uint32_t fids[] = { OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALL_WITH_ARG,
					 OPTEE_SMC_RETURN_FROM_RPC, OPTEE_SMC_DISABLE_SHM_CACHE };
	struct holdings h;
	uint32_t steps = 0;

	hold_everything(g, &h);
	start_watch(f);
	atomic_store(&f->host->yield_every, 1);
	while (om_guest_destroy(g->om) == OM_AGAIN) {
		struct om_regs regs = { .a = { fids[steps++ % 4], 0, 0x40000000, h.waits.id,
					       5, 6, 7, 8 } };

		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_ENOTAVAIL);
		for (size_t i = 1; i < 4; i++)
			assert_int_equal(regs.a[i], 0);
		for (size_t i = 4; i < 8; i++)
			assert_int_equal(regs.a[i], i + 1);
		om_guest_interrupt(g->om);
	}
	assert_true(steps > 20);
	assert_int_equal(fx_smcs(f), 1);
	free(g->test->mem);
	g->om = NULL;
}

/* --- Starting over ----------------------------------------------------------------- */

static void assert_unknown_after_reset(struct fx_guest *g, const struct holdings *h)
{
	const uint64_t ids[] = { h->waits.id, h->interrupted.id, h->paused.id };
	struct cg_call again[FX_THREADS];
	struct cg_call c;
	uint32_t session;

	/* Also while new calls are suspended in the same slots. */
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		fx_invoke(&again[i], g, fx_session(g), MODEL_TA_INTERRUPT);
		cg_set_value(&again[i], 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0);
	}
	for (uint32_t i = 0; i <= FX_THREADS; i++) {
		for (size_t n = 0; n < 3; n++) {
			struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, ids[n] } };

			assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_ERESUME);
		}
		if (i < FX_THREADS)
			cg_start(&again[i]);
	}
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		fx_finish(&again[i], TEEC_SUCCESS);
	}
	session = fx_session(g);
	for (size_t i = 0; i < 3; i++) {
		fx_nop(&c, g, session);
		cg_set_rmem(&c, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, h->buffer[i].cookie, 0, 1);
		cg_do(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(cg_unregister(g->cg, h->buffer[i].cookie),
				 TEEC_ERROR_BAD_PARAMETERS);
	}
	fx_close(g, session);
	fx_assert_idle(g);
}

static void reset_forgets(struct fx *f, struct fx_guest *g, uint32_t yield_every)
{
	struct holdings h;
	int64_t shadows = atomic_load(&f->host->shadow_pages);

	for (uint32_t round = 0; round < 3; round++) {
		hold_everything(g, &h);
		start_watch(f);
		atomic_store(&f->host->yield_every, yield_every);
		assert_int_equal(fx_reset(g), OM_OK);
		atomic_store(&f->host->yield_every, 0);
		f->host->on_op = NULL;
		assert_int_equal(fx_smcs(f), 2);
		assert_int_equal(f->smc[0].in.a[0], OPTEE_SMC_VM_DESTROYED);
		assert_int_equal(f->smc[1].in.a[0], OPTEE_SMC_VM_CREATED);
		assert_int_equal(f->smc[1].in.a[1], 1);
		assert_int_equal(f->smc[1].in.a[7], 0);
		assert_int_equal(atomic_load(&f->host->shadow_pages), shadows);
		assert_int_equal(model_sessions(f->model, 1), 0);
		assert_unknown_after_reset(g, &h);
	}
}

FX_TEST(s06_reset_forgets_calls_and_cookies)
{
	reset_forgets(f, g, 0);
}

FX_TEST(s06_reset_in_steps_is_the_same)
{
	reset_forgets(f, g, 1);
}

FX_TEST(s06_reset_guest_can_reach_its_limits_again)
{
	struct cg_buf b;
	struct holdings h;

	f->busy_at_end = true;
	hold_everything(g, &h);
	assert_int_equal(fx_reset(g), OM_OK);
	for (uint32_t i = 0; i < g->limits.buffers; i++)
		fx_register(&b, g, 1);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), g->limits.buffers);
	fx_buffer(&b, g, 1, 0);
	assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_OUT_OF_MEMORY);
	cg_slots_are_free(g->cg);
}

/* A call in the middle of translating the payload that its guest replied with. */
static void hold_payload_list(struct fx_guest *g)
{
	struct cg_call c;

	fx_invoke(&c, g, fx_session(g), MODEL_TA_PAYLOAD);
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 40u * CG_PAGE, 0, 0);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SHM_ALLOC));
	assert_true(cg_serve(&c));
	atomic_store(&g->fx->host->yield_every, 1);
	cg_resume(&c);
	atomic_store(&g->fx->host->yield_every, 0);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
}

/* A call in every slot, each with a page list. */
static void list_in_every_slot(struct fx_guest *g)
{
	struct cg_call call[FX_THREADS];
	struct cg_buf b;

	fx_buffer(&b, g, CG_PAGE, 0);
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		fx_invoke(&call[i], g, fx_session(g), MODEL_TA_INTERRUPT);
		cg_set_value(&call[i], 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0);
		cg_set_tmem(&call[i], 1, ATTR_LIST, &b);
	}
	for (uint32_t i = 0; i < FX_THREADS; i++)
		cg_start(&call[i]);
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		fx_finish(&call[i], TEEC_SUCCESS);
	}
}

/* What the calls of before had of list pages comes back once, not again with the next ones. */
FX_TEST_WITH(s06_i5_list_pages_come_back_once, .limits.list_pages = 4)
{
	struct cg_buf large, most;
	struct holdings h;

	for (uint32_t round = 0; round < 3; round++) {
		hold_payload_list(g);
		hold_everything(g, &h);
		assert_int_equal(fx_reset(g), OM_OK);
		list_in_every_slot(g);
		assert_true(cg_buf_repeat(g->cg, &large, 4 * 511 + 1));
		assert_int_equal(cg_register(g->cg, &large), TEEC_ERROR_OUT_OF_MEMORY);
		cg_buf_free(g->cg, &large);
		assert_true(cg_buf_repeat(g->cg, &most, 4 * 511));
		assert_int_equal(cg_register(g->cg, &most), TEEC_SUCCESS);
		fx_unregister(&most, g);
		fx_assert_idle(g);
	}
}

FX_TEST(s06_notification_is_off_after_reset)
{
	struct om_regs regs = { .a = { OPTEE_SMC_ENABLE_ASYNC_NOTIF } };

	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	om_guest_interrupt(g->om);
	assert_int_equal(atomic_load(&g->test->notified), 1);
	assert_int_equal(fx_reset(g), OM_OK);
	om_guest_interrupt(g->om);
	assert_int_equal(atomic_load(&g->test->notified), 1);
}

/* OP-TEE does not take it back: nothing is shared, nothing is called, and later ... */
static void refuse_reset(struct fx_guest *g)
{
	/* A 64-bit identifier is no exception. */
	static const uint32_t fids[] = { OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALL_WITH_ARG,
					 OPTEE_SMC_CALLS_UID | SMCCC_FID_SMC64 };
	struct fx *f = g->fx;
	struct holdings h;

	hold_everything(g, &h);
	model_refuse_vm(f->model, OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(fx_reset(g), OM_ERR_REFUSED);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 0);
	fx_smcs_reset(f);
	for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
		struct om_regs regs = { .a = { fids[i], 0, TEST_IPA_BASE } };

		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_ENOTAVAIL);
	}
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s06_refused_reset_leaves_a_guest_to_destroy)
{
	refuse_reset(g);
	fx_destroy(g);
	/* OP-TEE does not know it: it is not told a second time. */
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s06_refused_reset_leaves_a_guest_to_reset)
{
	refuse_reset(g);
	assert_int_equal(fx_reset(g), OM_OK);
	assert_int_equal(fx_smcs(f), 1);
	assert_int_equal(f->smc[0].in.a[0], OPTEE_SMC_VM_CREATED);
	fx_close(g, fx_session(g));
}

/* A reset may turn into a destruction between two steps. */
FX_TEST(s06_destroy_goes_on_where_reset_was)
{
	struct holdings h;

	hold_everything(g, &h);
	start_watch(f);
	atomic_store(&f->host->yield_every, 1);
	assert_int_equal(om_guest_reset(g->om), OM_AGAIN);
	assert_int_equal(om_guest_reset(g->om), OM_AGAIN);
	fx_destroy(g);
	assert_int_equal(fx_smcs(f), 1);
}

/* OP-TEE may still use what was shared, so it stays; what is asked for can be asked again. */
static void not_released(struct fx_guest *g, enum om_result (*leave)(struct om_guest *guest),
			 uint64_t answer)
{
	struct fx *f = g->fx;
	struct fx_guest *other = &f->guest[1];
	struct om_regs regs = { .a = { OPTEE_SMC_ENABLE_ASYNC_NOTIF } };
	struct holdings h;
	int64_t pinned;

	hold_everything(g, &h);
	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	pinned = atomic_load(&g->test->pinned);
	start_watch(f);
	for (uint32_t i = 1; i <= 3; i++) {
		model_answer_next(f->model, OPTEE_SMC_VM_DESTROYED, answer, 0, 0, 0);
		assert_int_equal(leave(g->om), OM_ERR_NOT_RELEASED);
		assert_int_equal(fx_smcs_of(f, OPTEE_SMC_VM_DESTROYED), i);
		assert_int_equal(atomic_load(&g->test->pinned), pinned);
		/* It is nobody's, and calls nobody; its id is no other's. */
		regs.a[0] = OPTEE_SMC_CALLS_UID;
		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_ENOTAVAIL);
		om_guest_interrupt(g->om);
		assert_int_equal(atomic_load(&g->test->notified), 0);
		assert_int_equal(fx_smcs(f), i);
		assert_int_equal(create_as(other, g->test->id), OM_ERR_EXISTS);
		other->test->id = 2;
	}
	f->host->on_op = NULL;
}

FX_TEST_WITH(fault_a8_optee_does_not_let_go, .guests = 2)
{
	static const uint64_t answers[] = {
		OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_EBUSY,
		OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0x100000001,
	};

	fx_destroy(&f->guest[1]);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		not_released(g, om_guest_reset, answers[i]);
		assert_int_equal(fx_reset(g), OM_OK);
		not_released(g, om_guest_destroy, answers[i]);
		fx_destroy(g);
		cg_memory_init(g->cg, &g->platform);
		assert_int_equal(fx_create(g), OM_OK);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios 36-43: memory that OP-TEE asks for, good and bad replies, its release. */
#include "rpc.h"

#include <string.h>

/* --- SHM_ALLOC ------------------------------------------------------------------------------------ */

/* A call stopped where OP-TEE asks for this much memory. */
static void begin_shm_alloc(struct cg_call *c, struct fx_guest *g, uint32_t fid, uint64_t type,
			    uint64_t size)
{
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_SHM_ALLOC, param(VALUE_IN, type, size, 8));

	model_injected_reset(g->fx->model);
	model_inject_rpc(g->fx->model, &rpc);
	fx_nop(c, g, fx_session(g));
	c->fid = fid;
	assert_true(cg_until_cmd(c, OPTEE_RPC_CMD_SHM_ALLOC));
	assert_memory_equal(cg_rpc_param(c, 0), &rpc.param[0], sizeof(rpc.param[0]));
}

/* OP-TEE was told an error, and no address. */
static void assert_alloc_failed(struct cg_call *c, struct fx *f)
{
	struct model_rpc_result result = fx_answered(f, 0);

	assert_int_not_equal(result.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(result.param[0].attr, VALUE_IN);
	fx_finish(c, TEEC_SUCCESS);
}

/* The guest is asked to free what it allocated; then OP-TEE hears of the failure. */
static void assert_undone(struct cg_call *c, struct fx_guest *g, uint64_t type, uint64_t cookie)
{
	uint64_t undone = fx_counter(g, OM_COUNT_RPC_UNDO);
	struct model_rpc_result result;

	assert_int_equal(c->a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_true(undone > 0);
	assert_false(model_injected(g->fx->model, 0, &result));
	assert_int_equal(cg_rpc_hdr(c)->cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(cg_rpc_hdr(c)->num_params, 1);
	assert_int_equal(cg_rpc_param(c, 0)->attr, VALUE_IN);
	assert_int_equal(cg_rpc_param(c, 0)->u.value.a, type);
	assert_true(cg_rpc_param(c, 0)->u.value.b == cookie);
	assert_int_equal(cg_rpc_param(c, 0)->u.value.c, 0);
	/* Whatever the guest says to that changes nothing. */
	memset(c->rpc, 0xff, 64);
	cg_resume(c);
}

FX_TEST(s36_single_page_is_pinned_and_translated)
{
	uint64_t cookie = cg_cookie(g->cg);
	uint32_t page = cg_page_get(g->cg);
	struct model_rpc_result result;
	struct cg_call c;

	f->busy_at_end = true;
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 1, 100);
	reply(&c, param(TMEM_OUT, cg_page_ipa(g->cg, page), CG_PAGE, cookie));
	result = fx_answered(f, 0);
	assert_int_equal(result.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(result.hdr.num_params, 1);
	assert_int_equal(result.param[0].attr, TMEM_OUT);
	assert_int_equal(result.param[0].u.tmem.size, CG_PAGE);
	assert_true(result.param[0].u.tmem.shm_ref == cookie);
	assert_int_equal(result.param[0].u.tmem.buf_ptr,
			 test_guest_pa(g->test, cg_page_ipa(g->cg, page)));
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 1);
	fx_finish(&c, TEEC_SUCCESS);
	/* Nobody freed it: it stays, until the guest's end. */
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 1);
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 1);
}

FX_TEST(s36_page_list_is_pinned_and_translated)
{
	static uint64_t pa[700];
	struct cg_payload *p = g->cg->payloads;
	struct cg_call c;
	size_t n;

	f->busy_at_end = true;
	fx_invoke(&c, g, fx_session(g), MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, VALUE_INOUT, 600 * CG_PAGE, 1, 0);
	fx_do(&c, TEEC_SUCCESS);
	assert_true(p->cookie != 0);
	n = model_buffer_pa(f->model, 1, p->cookie, pa, 700);
	assert_int_equal(n, 600);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t ipa = *cg_buf_entry(g->cg, &p->buf, i);

		assert_int_equal(pa[i], test_guest_pa(g->test, ipa));
		assert_int_equal(test_guest_pins(g->test, ipa), 1);
	}
}

/* OP-TEE asks for nothing more: what it read the list from is free again all the same. */
FX_TEST_WITH(s36_i5_list_of_the_last_reply_is_given_back, .limits.list_pages = 2)
{
	struct cg_buf payload;
	struct cg_buf all;
	struct cg_call c;

	f->busy_at_end = true;
	fx_buffer(&payload, g, CG_PAGE, 0);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 100);
	reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &payload), CG_PAGE, payload.cookie));
	assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
	/* This one takes both list pages. */
	assert_true(cg_buf_repeat(g->cg, &all, OPTEE_MSG_LIST_ENTRIES + 1));
	assert_int_equal(cg_register(g->cg, &all), TEEC_SUCCESS);
}

/* By its next request OP-TEE says that it has read the list: one page serves many payloads. */
FX_TEST_WITH(s36_i5_list_of_a_reply_is_given_back_at_the_next_request, .limits.list_pages = 1)
{
	struct model_rpc again = fx_rpc(OPTEE_RPC_CMD_SHM_ALLOC, 1);
	struct cg_call c;

	f->busy_at_end = true;
	again.param[0] = param(VALUE_IN, 1, 100, 8);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 100);
	for (uint32_t i = 0; i < 3; i++) {
		struct cg_buf payload;

		fx_buffer(&payload, g, CG_PAGE, 0);
		model_inject_rpc(f->model, &again);
		cg_rpc_hdr(&c)->ret_origin = 0x77;
		reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &payload), CG_PAGE, payload.cookie));
		assert_int_equal(fx_answered(f, i).hdr.ret, TEEC_SUCCESS);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_CMD);
		/* And nothing of the last reply is in the next request. */
		assert_int_equal(cg_rpc_hdr(&c)->ret_origin, 0);
	}
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s37_i2_reply_of_another_kind_is_a_failure)
{
	static const uint64_t attrs[] = {
		0, VALUE_OUT, VALUE_IN, RMEM_OUT, RMEM_IN, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
		OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG, 0xff,
	};
	struct cg_call c;

	for (size_t i = 0; i < 2 * sizeof(attrs) / sizeof(attrs[0]); i++) {
		begin_shm_alloc(&c, g, i % 2 ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG,
				1, 100);
		reply(&c, param(attrs[i / 2], TEST_IPA_BASE + 99 * CG_PAGE, CG_PAGE, 0x1234));
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

FX_TEST(s37_i2_reply_with_unknown_bits_is_undone)
{
	static const uint64_t bits[] = { OPTEE_MSG_ATTR_META, 1u << 10, 1u << 16, 1ull << 32,
					 1ull << 63 };
	struct cg_call c;

	for (size_t i = 0; i < 5; i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 1, 100);
		reply(&c, param(ATTR_LIST | bits[i], TEST_IPA_BASE + 99 * CG_PAGE, CG_PAGE, 0x1234));
		assert_undone(&c, g, 1, 0x1234);
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

FX_TEST(s38_i6_reply_with_another_cmd_is_what_was_asked)
{
	static const uint32_t cmds[] = { OPTEE_RPC_CMD_GET_TIME, OPTEE_RPC_CMD_SHM_FREE,
					 OPTEE_RPC_CMD_FS, 0xffffffff };
	struct cg_call c;

	f->busy_at_end = true;
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t ipa = TEST_IPA_BASE + (900 + i) * CG_PAGE;
		struct model_rpc_result result;

		begin_shm_alloc(&c, g, i % 2 ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG,
				1, 100);
		cg_rpc_hdr(&c)->cmd = cmds[i];
		reply(&c, param(TMEM_OUT, ipa, 100, 0x77 + i));
		result = fx_answered(f, 0);
		assert_int_equal(result.param[0].u.tmem.buf_ptr, test_guest_pa(g->test, ipa));
		assert_int_equal(result.hdr.cmd, OPTEE_RPC_CMD_SHM_ALLOC);
		fx_finish(&c, TEEC_SUCCESS);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), i + 1);
	}
}

/* And the other way round: a reply to something else brings no memory. */
FX_TEST(s38_i6_other_replies_bring_no_memory)
{
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_GET_TIME, param(VALUE_OUT, 0, 0, 0));
	struct model_rpc_result result;
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
	cg_rpc_hdr(&c)->cmd = OPTEE_RPC_CMD_SHM_ALLOC;
	reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 99 * CG_PAGE, 100, 0x77));
	result = fx_answered(f, 0);
	/* OP-TEE reads values where it asked for values: those are the guest's. */
	assert_int_equal(result.param[0].attr, VALUE_OUT);
	assert_int_equal(result.param[0].u.value.a, TEST_IPA_BASE + 99 * CG_PAGE);
	fx_finish(&c, TEEC_SUCCESS);
}

struct bad_reply {
	uint64_t attr, ptr, size;
	uint32_t ret;		/* that OP-TEE hears, whatever the guest says to the SHM_FREE */
};

FX_TEST(s40_i8_unusable_memory_is_undone_with_type_and_cookie)
{
	const uint64_t ram = TEST_IPA_BASE + 900 * CG_PAGE;
	uint64_t *list = test_guest_va(g->test, ram);
	const struct bad_reply bad[] = {
		{ ATTR_LIST, 0, 5000, TEEC_ERROR_COMMUNICATION },	/* 39 */
		{ TMEM_OUT, 0, 5000, TEEC_ERROR_COMMUNICATION },
		/* Less than asked for, more than a page; its second entry is a hole; quota. */
		{ ATTR_LIST, ram, 4999, TEEC_ERROR_COMMUNICATION },
		{ ATTR_LIST, ram, 0, TEEC_ERROR_COMMUNICATION },
		{ TMEM_OUT, ram, 5000, TEEC_ERROR_COMMUNICATION },
		{ ATTR_LIST, ram, 5000, TEEC_ERROR_BAD_PARAMETERS },
		{ ATTR_LIST, ram, 20ull << 20, TEEC_ERROR_OUT_OF_MEMORY },
		{ ATTR_LIST, ram, ~0ull, TEEC_ERROR_BAD_PARAMETERS },
		{ ATTR_LIST, ram + 4095, ~0ull - 4096, TEEC_ERROR_BAD_PARAMETERS },
		{ ATTR_LIST, g->test->hole_ipa, 5000, TEEC_ERROR_BAD_PARAMETERS },
		{ ATTR_LIST, g->test->mmio_ipa + 1, 5000, TEEC_ERROR_BAD_PARAMETERS },
		{ ATTR_LIST, g->test->reserved_ipa, 5000, TEEC_ERROR_BAD_PARAMETERS },
	};
	struct cg_call c;

	list[0] = ram + CG_PAGE;
	list[1] = g->test->hole_ipa;
	for (uint64_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad_reply *b = &bad[i / 2];
		uint64_t cookie = cg_cookie(g->cg);

		begin_shm_alloc(&c, g, i % 2 ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG,
				i % 3, 5000);
		reply(&c, param(b->attr, b->ptr, b->size, cookie));
		assert_undone(&c, g, i % 3, cookie);
		assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), i + 1);
		assert_int_equal(fx_answered(f, 0).hdr.ret, b->ret);
		assert_int_equal(fx_answered(f, 0).hdr.ret_origin, TEEC_ORIGIN_COMMS);
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

/* The same with a host that always has something better to do, before and after the bad entry. */
FX_TEST(s40_i8_undone_while_giving_way)
{
	struct cg_buf payload;
	struct cg_call c;

	fx_buffer(&payload, g, 5 * OM_PIN_BATCH * CG_PAGE, 0);
	*cg_buf_entry(g->cg, &payload, payload.pages - 1) = g->test->mmio_ipa;
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, CG_PAGE);
	atomic_store(&f->host->yield_every, 1);
	reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &payload), payload.size, 0x5555));
	while (c.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		resume(&c);
	atomic_store(&f->host->yield_every, 0);
	assert_true(c.interrupts >= 4);
	assert_undone(&c, g, 1, 0x5555);
	assert_alloc_failed(&c, f);
	assert_int_equal(fx_counter(g, OM_COUNT_PAUSED), c.interrupts);
}

/* A list whose second page is a hole; asked for are 5000 bytes. */
static struct optee_msg_param bad_list(struct fx_guest *g, uint64_t cookie)
{
	const uint64_t ram = TEST_IPA_BASE + 900 * CG_PAGE;
	uint64_t *list = test_guest_va(g->test, ram);

	list[0] = ram + CG_PAGE;
	list[1] = g->test->hole_ipa;
	return param(ATTR_LIST, ram, 5000, cookie);
}

/* What was undone once is not the guest's to free when its next reply is bad. */
FX_TEST(s37_i7_malformed_reply_after_an_undone_one)
{
	struct model_rpc again = fx_rpc(OPTEE_RPC_CMD_SHM_ALLOC, 1);
	struct cg_call c;

	f->busy_at_end = true;
	again.param[0] = param(VALUE_IN, 1, 5000, 8);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 5000);
	model_inject_rpc(f->model, &again);
	again.param[0] = param(VALUE_IN, 1, 100, 8);
	model_inject_rpc(f->model, &again);
	reply(&c, bad_list(g, 0x5555));
	assert_undone(&c, g, 1, 0x5555);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_ALLOC);
	reply(&c, param(VALUE_OUT, 1, 2, 3));
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 1);
	assert_int_not_equal(fx_answered(f, 1).hdr.ret, TEEC_SUCCESS);
	/* Nor is there anything left of its list when a page is offered. */
	assert_non_null(c.rpc);
	reply(&c, param(TMEM_OUT, cg_page_ipa(g->cg, cg_page_get(g->cg)), CG_PAGE, 0x5556));
	assert_int_equal(fx_answered(f, 2).hdr.ret, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
}

/* As long as the guest takes to free it, its list page serves others. */
FX_TEST_WITH(s40_i5_list_of_an_undone_reply_is_given_back, .limits.list_pages = 1)
{
	struct cg_buf b;
	struct cg_call c;

	f->busy_at_end = true;
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 5000);
	reply(&c, bad_list(g, 0x5555));
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 1);
	fx_register(&b, g, 1);
	assert_undone(&c, g, 1, 0x5555);
	assert_alloc_failed(&c, f);
}

FX_TEST(s40_single_page_that_is_no_good_is_undone)
{
	const uint64_t bad[] = {
		TEST_IPA_BASE + 8, TEST_IPA_BASE + 1, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ~0ull,
	};
	struct cg_call c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 2, 100);
		reply(&c, param(TMEM_OUT, bad[i], 100, 0x5555));
		assert_undone(&c, g, 2, 0x5555);
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

FX_TEST(s40_i9_undo_that_cannot_be_written_ends_in_the_error_alone)
{
	struct cg_call c;

	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	test_host_fail(f->host, 1u << TEST_OP_WRITE, 1, false);
	reply(&c, param(TMEM_OUT, g->test->hole_ipa, 100, 0x5555));
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 0);
	assert_alloc_failed(&c, f);
}

FX_TEST(s40_reply_that_cannot_be_read_is_a_failure)
{
	struct cg_call c;

	/* What the call before has read in its slot is no reply either. */
	f->busy_at_end = true;
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 900 * CG_PAGE, 100, 0x5555));
	fx_finish(&c, TEEC_SUCCESS);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	test_host_fail(f->host, 1u << TEST_OP_READ, 1, false);
	reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 901 * CG_PAGE, 100, 0x5556));
	assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_ERROR_COMMUNICATION);
	assert_alloc_failed(&c, f);
}

/* Undoing it would have the guest free a buffer that is in use. */
FX_TEST(s40_i7_cookie_in_use_is_refused_and_not_undone)
{
	uint64_t cookies[3];
	struct cg_call holder;
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 2 * CG_PAGE);
	cookies[0] = b.cookie;
	cookies[1] = begin_waiting(&holder, g);
	cookies[2] = 0;
	for (size_t i = 0; i < 3; i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, 100);
		reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 900 * CG_PAGE, 100, cookies[i]));
		assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 0);
		assert_alloc_failed(&c, f);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 3);
	}
	fx_finish(&holder, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

FX_TEST(s40_the_guests_own_failure_is_passed_on)
{
	struct cg_call c;

	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	*cg_rpc_param(&c, 0) = param(ATTR_LIST, TEST_IPA_BASE, 100, 0x55);
	cg_rpc_hdr(&c)->ret = 0xffff4321;
	cg_rpc_hdr(&c)->ret_origin = 3;
	cg_resume(&c);
	assert_int_equal(fx_answered(f, 0).hdr.ret, 0xffff4321);
	assert_int_equal(fx_answered(f, 0).hdr.ret_origin, 3);
	assert_alloc_failed(&c, f);
}

FX_TEST(s42_i8_reply_with_other_params_than_asked_is_refused)
{
	static const uint32_t numbers[] = { 0, 2, 4, 5, 127, 0xffffffff };
	struct cg_call c;

	for (size_t i = 0; i < 6; i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
		*cg_rpc_param(&c, 0) = param(TMEM_OUT, TEST_IPA_BASE + 900 * CG_PAGE, 100, 0x55);
		cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
		cg_rpc_hdr(&c)->num_params = numbers[i];
		cg_resume(&c);
		assert_int_equal(fx_answered(f, 0).hdr.num_params, 1);
		assert_alloc_failed(&c, f);

		begin_waiting(&c, g);
		cg_serve(&c);
		cg_rpc_hdr(&c)->num_params = numbers[i];
		cg_resume(&c);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REPLY), 2 * i + 2);
		fx_finish(&c, TEEC_SUCCESS);
		fx_assert_idle(g);
	}
}

static uint32_t keep_payload(struct fx_guest *g, uint32_t session, uint64_t size)
{
	struct cg_call c;
	uint32_t handle;

	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, VALUE_INOUT, size, 1, 0);
	cg_do(&c);
	handle = (uint32_t)cg_param(&c, 0)->u.value.a;
	fx_ended(&c, TEEC_SUCCESS);
	return handle;
}

static void use_payload(struct fx_guest *g, uint32_t session, uint32_t func, uint32_t handle)
{
	struct cg_call c;

	fx_invoke(&c, g, session, func);
	cg_set_value(&c, 0, VALUE_IN, handle, 0, 0);
	fx_do(&c, TEEC_SUCCESS);
}

FX_TEST(s41_i5_payloads_are_freed_in_any_order)
{
	static const uint8_t order[] = { 3, 0, 4, 1, 2 };
	uint32_t session = fx_session(g);
	uint32_t handle[5];
	uint64_t pages = 0;

	for (uint32_t i = 0; i < 5; i++) {
		handle[i] = keep_payload(g, session, (1 + 17ull * i) * CG_PAGE);
		pages += 1u + 17u * i;
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
	}
	/* The session that asked for them is gone; they are OP-TEE's until it frees them. */
	fx_close(g, session);
	session = fx_session(g);
	for (uint32_t i = 0; i < 5; i++) {
		use_payload(g, session, MODEL_TA_PAYLOAD_CHECK, handle[order[i]]);
		use_payload(g, session, MODEL_TA_PAYLOAD_DROP, handle[order[i]]);
		pages -= 1u + 17u * order[i];
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
		assert_int_equal(atomic_load(&g->test->pinned), pages);
	}
}

FX_TEST(s43_i4_payload_outlives_its_call)
{
	uint32_t session = fx_session(g);
	uint32_t handle = keep_payload(g, session, 33 * CG_PAGE);
	struct cg_call c;

	assert_int_equal(atomic_load(&g->test->pinned), 33);
	for (uint32_t i = 0; i < 3; i++)
		use_payload(g, session, MODEL_TA_PAYLOAD_CHECK, handle);
	/* Unpinned when OP-TEE's request is shown, before the guest can reuse the pages. */
	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD_DROP);
	cg_set_value(&c, 0, VALUE_IN, handle, 0, 0);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SHM_FREE));
	assert_int_equal(atomic_load(&g->test->pinned), 2);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 1);
	fx_finish(&c, TEEC_SUCCESS);
}

/* --- 61: what may be mapped -------------------------------------------------------------------- */

#define MAPPED	40u	/* by one call; 4 more are set aside for its parameters */

/* Offers so many pages, the last of them as it says; what OP-TEE hears. */
static uint32_t offer(struct cg_call *c, struct fx_guest *g, uint32_t pages, uint64_t last)
{
	uint32_t type = 1;
	struct cg_buf b;

	fx_buffer(&b, g, pages * CG_PAGE, 0);
	begin_shm_alloc(c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, type, CG_PAGE);
	if (last)
		*cg_buf_entry(g->cg, &b, pages - 1) = last;
	if (pages > 1)
		reply(c, param(ATTR_LIST, cg_buf_ptr(g->cg, &b), b.size, b.cookie));
	else
		reply(c, param(TMEM_OUT, *cg_buf_entry(g->cg, &b, 0), CG_PAGE, b.cookie));
	if (fx_counter(g, OM_COUNT_RPC_UNDO) > 0 && c->state == CG_WAITING)
		assert_undone(c, g, type, b.cookie);
	fx_finish(c, TEEC_SUCCESS);
	return fx_answered(g->fx, 0).hdr.ret;
}

#define MAPPING(name)									\
	FX_TEST_WITH(name, .limits = { .threads = 1, .pages = 4 * MAPPED,		\
				       .call_pages = MAPPED, .mapped_pages = MAPPED + 4 })

/* All that may be mapped, refused again and again, is there for the one that is good. */
MAPPING(fault_a1_refused_payload_is_charged_to_nobody)
{
	struct cg_call c;

	f->busy_at_end = true;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(offer(&c, g, MAPPED, g->test->mmio_ipa),
				 TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(offer(&c, g, MAPPED - 1, 0), TEEC_SUCCESS);
	/* OP-TEE keeps it: mapped, and so charged, when the call is over; a single page counts. */
	assert_int_equal(offer(&c, g, MAPPED, 0), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(offer(&c, g, 1, 0), TEEC_SUCCESS);
	assert_int_equal(offer(&c, g, 1, 0), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(atomic_load(&g->test->pinned), MAPPED);
}

/* What its payload counts for, a call has again when OP-TEE frees it. */
MAPPING(fault_a1_freed_payload_is_the_calls_again)
{
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_SHM_FREE, 1);
	struct cg_buf b[2];
	struct cg_call c;

	f->busy_at_end = true;
	fx_buffer(&b[0], g, MAPPED * CG_PAGE, 0);
	fx_buffer(&b[1], g, MAPPED * CG_PAGE, 0);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, CG_PAGE);
	rpc.param[0] = param(VALUE_IN, 1, b[0].cookie, 0);
	model_inject_rpc(f->model, &rpc);
	rpc = rpc_with(OPTEE_RPC_CMD_SHM_ALLOC, param(VALUE_IN, 1, CG_PAGE, 8));
	model_inject_rpc(f->model, &rpc);
	reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &b[0]), b[0].size, b[0].cookie));
	assert_non_null(c.rpc);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_FREE);
	cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
	cg_resume(&c);
	assert_non_null(c.rpc);
	reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &b[1]), b[1].size, b[1].cookie));
	assert_int_equal(fx_answered(f, 2).hdr.ret, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 13, 17, 18, 21, 22: what OP-TEE sees of a message, also when its page does not keep
 * still, and what comes back of it, also from an OP-TEE that scribbles over its shadow.
 */
#include "fixture.h"

#include <string.h>

/* --- 13, 21, 22: what comes back ------------------------------------------------------ */

#define OUT_SIZE	0x5512u

static bool is_output(uint64_t attr)
{
	return attr & 2u;
}

static bool is_memref(uint64_t attr)
{
	return attr & 0xcu;
}

/*
 * An OP-TEE that, when a call is done, overwrites everything in the shadow that is
 * no result: with what would lead the mediator astray, and with host addresses.
 */
static void vandalize(void *arg, const struct model_event *e)
{
	uint64_t junk = TEST_SHADOW_PA_BASE + 0x1230;

	(void)arg;
	if (e->regs->a[0] != OPTEE_SMC_RETURN_OK)
		return;
	for (uint32_t i = 0; i < 6; i++) {
		struct optee_msg_param *p = model_param(e->arg, i);

		if (!is_output(p->attr) || is_memref(p->attr))
			p->u.value.b = is_output(p->attr) ? OUT_SIZE : junk;
		if (!is_output(p->attr) || is_memref(p->attr))
			p->u.value.a = junk;
		p->u.value.c = junk;
		p->attr = VALUE_INOUT;
	}
	e->arg->cmd = OPTEE_MSG_CMD_OPEN_SESSION;
	e->arg->func = (uint32_t)junk;
	e->arg->cancel_id = (uint32_t)junk;
	e->arg->pad = (uint32_t)junk;
	e->arg->num_params = UINT32_MAX;
}

/* The guest's page as it is, and as it should be in the end. */
static uint8_t expected[CG_PAGE];

static struct optee_msg_hdr *expected_hdr(void)
{
	return (struct optee_msg_hdr *)(void *)expected;
}

static struct optee_msg_param *expected_param(uint32_t i)
{
	return model_param(expected_hdr(), i);
}

/* Junk in every field and byte that means nothing, then a copy. */
static void begin_exact(struct cg_call *c)
{
	size_t size = OPTEE_MSG_ARG_SIZE(cg_hdr(c)->num_params);

	cg_hdr(c)->cancel_id = 0xc0c0c0c0;
	cg_hdr(c)->pad = 0xb0b0b0b0;
	cg_hdr(c)->ret = 0xa0a0a0a0;
	cg_hdr(c)->ret_origin = 0x90909090;
	memset(c->msg + size, 0xc3, CG_PAGE - size);
	memcpy(expected, c->msg, CG_PAGE);
}

static void end_exact(struct cg_call *c, uint32_t ret, uint32_t origin)
{
	expected_hdr()->ret = ret;
	expected_hdr()->ret_origin = origin;
	assert_int_equal(c->a[0], OPTEE_SMC_RETURN_OK);
	assert_memory_equal(c->msg, expected, CG_PAGE);
	cg_call_fini(c);
}

static void open_exactly(struct fx_guest *g)
{
	struct cg_call c;

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 6);
	cg_set_open(&c, cg_uuid_model);
	cg_set_value(&c, 2, VALUE_IN, 1, 2, 3);
	cg_set_value(&c, 3, VALUE_OUT, 4, 5, 6);
	cg_set_value(&c, 4, VALUE_INOUT, 7, 8, 9);
	cg_set_value(&c, 5, OPTEE_MSG_ATTR_TYPE_NONE, 10, 11, 12);
	cg_hdr(&c)->session = 0x5e5e5e5e;
	begin_exact(&c);
	cg_do(&c);
	expected_param(3)->u.value.a = 0;
	expected_param(3)->u.value.b = 0;
	assert_int_not_equal(cg_hdr(&c)->session, 0x5e5e5e5e);
	expected_hdr()->session = cg_hdr(&c)->session;
	end_exact(&c, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
}

static void invoke_exactly(struct fx_guest *g, uint32_t fid, uint32_t session, struct cg_buf *reg)
{
	struct cg_call c;
	struct cg_buf lent;

	fx_buffer(&lent, g, 2 * CG_PAGE, 100);
	fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
	c.fid = fid;
	cg_set_value(&c, 0, VALUE_IN, 2, 2, 3);
	cg_set_value(&c, 1, VALUE_INOUT, 0x41, 0x42, 0x43);
	cg_set_tmem(&c, 2, TMEM_INOUT, &lent);
	cg_set_rmem(&c, 3, RMEM_INOUT, reg->cookie, 5, 9);
	begin_exact(&c);
	cg_do(&c);
	expected_param(1)->u.value.a = 0x42;
	expected_param(1)->u.value.b = 0x43;
	expected_param(2)->u.tmem.size = OUT_SIZE;
	expected_param(3)->u.rmem.size = OUT_SIZE;
	assert_int_equal(c.interrupts, 2);
	end_exact(&c, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	cg_buf_free(g->cg, &lent);
}

static void session_only_exactly(struct fx_guest *g, uint32_t cmd, uint32_t session, uint32_t ret)
{
	struct cg_call c;

	fx_call(&c, g, cmd, 0);
	cg_hdr(&c)->session = session;
	begin_exact(&c);
	cg_do(&c);
	end_exact(&c, ret, TEEC_ORIGIN_TEE);
}

static void shm_exactly(struct fx_guest *g)
{
	struct cg_buf b;
	struct cg_call c;

	fx_buffer(&b, g, 600 * CG_PAGE, 77);
	fx_call(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	cg_set_tmem(&c, 0, ATTR_LIST, &b);
	begin_exact(&c);
	cg_do(&c);
	/* TMEM_OUTPUT or not: this command has no outputs. */
	end_exact(&c, TEEC_SUCCESS, 0);

	fx_call(&c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	cg_set_rmem(&c, 0, RMEM_IN, b.cookie, 1, 2);
	begin_exact(&c);
	cg_do(&c);
	end_exact(&c, TEEC_SUCCESS, 0);
	cg_buf_free(g->cg, &b);
}

FX_TEST(s13_i3_only_results_come_back)
{
	uint32_t session = fx_session(g);
	struct cg_buf reg;

	fx_register(&reg, g, 100);
	model_on_return(f->model, vandalize, NULL);
	open_exactly(g);
	invoke_exactly(g, OPTEE_SMC_CALL_WITH_ARG, session, &reg);
	shm_exactly(g);
	session_only_exactly(g, OPTEE_MSG_CMD_CANCEL, session, TEEC_SUCCESS);
	session_only_exactly(g, OPTEE_MSG_CMD_CANCEL, 0x777, TEEC_ERROR_BAD_PARAMETERS);
	session_only_exactly(g, OPTEE_MSG_CMD_CLOSE_SESSION, session, TEEC_SUCCESS);
	session_only_exactly(g, OPTEE_MSG_CMD_CLOSE_SESSION, session, TEEC_ERROR_ITEM_NOT_FOUND);
	model_on_return(f->model, NULL, NULL);
	fx_unregister(&reg, g);
}

FX_TEST(s13_i3_only_results_come_back_with_inline_rpc)
{
	uint32_t session = fx_session(g);
	struct cg_buf reg;

	f->busy_at_end = true;
	fx_register(&reg, g, 100);
	model_on_return(f->model, vandalize, NULL);
	invoke_exactly(g, OPTEE_SMC_CALL_WITH_RPC_ARG, session, &reg);
}

static void lie_about_register(void *arg, const struct model_event *e)
{
	(void)arg;
	e->arg->cmd = OPTEE_MSG_CMD_UNREGISTER_SHM;
	e->arg->num_params = 0;
	model_param(e->arg, 0)->attr = 0;
	model_param(e->arg, 0)->u.tmem.shm_ref = 0x666;
}

FX_TEST(s21_i1_completion_uses_the_private_copy)
{
	struct cg_buf b[2];

	model_on_return(f->model, lie_about_register, NULL);
	fx_register(&b[0], g, 3 * CG_PAGE);
	fx_register(&b[1], g, 5 * CG_PAGE);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 8);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 2);
	/* What is unregistered is what the guest said, not what the shadow says now. */
	fx_unregister(&b[0], g);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 5);
	model_on_return(f->model, NULL, NULL);
	fx_unregister(&b[1], g);
}

/* An OP-TEE that writes nothing: no result of an earlier call shines through. */
FX_TEST(s13_i3_untouched_results_are_zero)
{
	uint32_t session = fx_session(g);
	struct cg_call c;

	fx_invoke(&c, g, session, MODEL_TA_RETURN);
	cg_set_value(&c, 0, VALUE_IN, 0xffff7777, 0, 0);
	fx_do(&c, 0xffff7777);
	fx_call(&c, g, OPTEE_MSG_CMD_DO_BOTTOM_HALF, 0);
	cg_hdr(&c)->ret = 0x1111;
	cg_hdr(&c)->ret_origin = 0x2222;
	cg_do(&c);
	assert_int_equal(cg_hdr(&c)->ret_origin, 0);
	fx_ended(&c, TEEC_SUCCESS);
}

/* --- 22: what goes in ------------------------------------------------------------------- */

static void copy_shadow(void *arg, const struct model_event *e)
{
	memcpy(arg, e->arg, OPTEE_MSG_ARG_SIZE(6));
}

static uint8_t seen[CG_PAGE];

static struct optee_msg_hdr *seen_hdr(void)
{
	return (struct optee_msg_hdr *)(void *)seen;
}

static void assert_value(const struct optee_msg_param *p, uint64_t attr, uint64_t a, uint64_t b,
			 uint64_t c)
{
	assert_int_equal(p->attr, attr);
	assert_int_equal(p->u.value.a, a);
	assert_int_equal(p->u.value.b, b);
	assert_int_equal(p->u.value.c, c);
}

FX_TEST(s22_i3_optee_sees_the_message_and_nothing_stale)
{
	uint32_t session = fx_session(g);
	struct cg_call c;
	struct cg_buf b;

	fx_register(&b, g, 64);
	for (uint32_t round = 0; round < 2; round++) {
		fx_nop(&c, g, session);
		cg_set_value(&c, 1, VALUE_INOUT, 0xaaaa, 0xbbbb, 0xcccc);
		cg_set_rmem(&c, 2, RMEM_OUT, b.cookie, 1, 2);
		cg_set_value(&c, 3, VALUE_INOUT, 1, 1, 1);
		fx_do(&c, TEEC_SUCCESS);
	}
	model_on_enter(f->model, copy_shadow, seen);
	fx_nop(&c, g, session);
	cg_set_value(&c, 1, VALUE_OUT, 0xdddd, 0xeeee, 0xffff);
	cg_set_value(&c, 2, OPTEE_MSG_ATTR_TYPE_NONE, 0xdddd, 0xeeee, 0xffff);
	/* A NULL reference: the address is what makes it one. */
	cg_set_value(&c, 3, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_CACHE_MASK, 0, 7,
		     0x1234);
	cg_hdr(&c)->cancel_id = 0x77;
	cg_hdr(&c)->pad = 0x88;
	cg_hdr(&c)->ret = 0x99;
	cg_hdr(&c)->ret_origin = 0x99;
	test_host_reset_counts(f->host);
	fx_do(&c, TEEC_SUCCESS);
	/* Fetched at once. */
	assert_int_equal(f->host->count[TEST_OP_READ], 1);
	assert_int_equal(seen_hdr()->cmd, OPTEE_MSG_CMD_INVOKE_COMMAND);
	assert_int_equal(seen_hdr()->func, MODEL_TA_RETURN);
	assert_int_equal(seen_hdr()->session, session);
	assert_int_equal(seen_hdr()->cancel_id, 0x77);
	assert_int_equal(seen_hdr()->pad, 0);
	assert_int_equal(seen_hdr()->ret, 0);
	assert_int_equal(seen_hdr()->ret_origin, 0);
	assert_int_equal(seen_hdr()->num_params, 4);
	assert_value(model_param(seen_hdr(), 0), VALUE_IN, 0, 0, 0);
	assert_value(model_param(seen_hdr(), 1), VALUE_OUT, 0, 0, 0);
	assert_value(model_param(seen_hdr(), 2), 0, 0, 0, 0);
	/* Whatever its cookie is, nobody looks for it. */
	assert_value(model_param(seen_hdr(), 3), OPTEE_MSG_ATTR_TYPE_TMEM_INPUT, 0, 7,
		     model_param(seen_hdr(), 3)->u.tmem.shm_ref);
	fx_unregister(&b, g);
}

/* --- 17, 18: a page that does not keep still ------------------------------------------------ */

static void rewrite_page(void *arg, enum test_op op, struct test_guest *test)
{
	struct cg_call *c = arg;

	(void)test;
	if (op != TEST_OP_SMC)
		return;
	cg_hdr(c)->cmd = OPTEE_MSG_CMD_REGISTER_SHM;
	cg_hdr(c)->num_params = 99;
	cg_hdr(c)->session = 0;
	cg_hdr(c)->func = 0xffff;
	for (uint32_t i = 0; i < 4; i++)
		cg_set_value(c, i, ATTR_LIST, TEST_RESERVED_PA, 1, 1);
}

FX_TEST(s17_i1_rewritten_message_reaches_optee_in_its_first_version)
{
	uint32_t session = fx_session(g);
	struct cg_call c;

	fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, VALUE_IN, 3, 0, 0);
	cg_set_value(&c, 1, VALUE_INOUT, 10, 20, 30);
	f->host->on_op = rewrite_page;
	f->host->on_op_arg = &c;
	model_on_enter(f->model, copy_shadow, seen);
	cg_start(&c);
	cg_finish(&c);
	assert_int_equal(seen_hdr()->cmd, OPTEE_MSG_CMD_INVOKE_COMMAND);
	assert_int_equal(seen_hdr()->num_params, 4);
	assert_int_equal(seen_hdr()->session, session);
	assert_value(model_param(seen_hdr(), 1), VALUE_INOUT, 10, 20, 30);
	assert_value(model_param(seen_hdr(), 2), 0, 0, 0, 0);
	assert_int_equal(c.interrupts, 3);
	/* Where the results go is decided by the first version, too. */
	assert_int_equal(cg_param(&c, 1)->u.value.a, 11);
	assert_int_equal(cg_param(&c, 1)->u.value.b, 21);
	assert_int_equal(cg_param(&c, 2)->u.value.a, TEST_RESERVED_PA);
	f->host->on_op = NULL;
	fx_ended(&c, TEEC_SUCCESS);
}

/* Every byte changes right after the mediator has read it. */
FX_TEST(s17_i1_bytes_that_change_after_the_read_change_nothing)
{
	uint32_t session = fx_session(g);
	struct cg_buf lent;
	struct cg_call c;
	uint8_t sum;

	fx_buffer(&lent, g, 3 * CG_PAGE, 10);
	sum = cg_buf_pattern(g->cg, &lent, 1);
	fx_invoke(&c, g, session, MODEL_TA_SUM);
	cg_set_value(&c, 0, VALUE_OUT, 0, 0, 0);
	cg_set_tmem(&c, 1, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG, &lent);
	model_on_enter(f->model, copy_shadow, seen);
	test_guest_mutate(g->test, true);
	cg_start(&c);
	test_guest_mutate(g->test, false);
	/* I7: what is lent for a call has no name. */
	assert_int_equal(model_param(seen_hdr(), 1)->u.tmem.shm_ref, 0);
	assert_int_equal(cg_param(&c, 0)->u.value.a & 0xffu, sum);
	assert_int_equal(cg_param(&c, 0)->u.value.b, lent.size);
	fx_ended(&c, TEEC_SUCCESS);
}

/* UNREGISTER waits for a call on its way in; what it named then is what it releases. */
FX_TEST(s17_i1_message_that_waits_is_not_read_again)
{
	struct cg_buf b[2];
	struct cg_call user;
	struct cg_call c;

	fx_register(&b[0], g, 2 * CG_PAGE);
	fx_register(&b[1], g, 3 * CG_PAGE);
	fx_invoke(&user, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&user, 0, VALUE_IN, 1, 0, 0);
	cg_set_rmem(&user, 3, RMEM_IN, b[0].cookie, 0, 1);
	cg_start(&user);
	fx_call(&c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	/* Whatever the guest's attribute is, OP-TEE sees that of a cookie. */
	cg_set_value(&c, 0, VALUE_IN, 0, 0, b[0].cookie);
	model_on_enter(f->model, copy_shadow, seen);
	cg_start(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	cg_param(&c, 0)->u.rmem.shm_ref = b[1].cookie;
	fx_finish(&user, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
	assert_value(model_param(seen_hdr(), 0), RMEM_IN, 0, 0, b[0].cookie);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 3);
	cg_buf_free(g->cg, &b[0]);
	fx_unregister(&b[1], g);
}

static void page_goes_during_the_call(struct fx_guest *g, bool remap)
{
	static const uint8_t zeroes[CG_PAGE];
	struct cg_call c;
	uint64_t pa;

	fx_invoke(&c, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
	cg_set_value(&c, 1, VALUE_INOUT, 10, 20, 30);
	cg_start(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	pa = test_guest_pa(g->test, c.where);
	if (remap)
		test_guest_remap(g->test, c.where);
	else
		test_guest_unmap(g->test, c.where);
	assert_int_equal(test_guest_pins_pa(g->test, pa), 1);
	memcpy(expected, c.msg, CG_PAGE);
	cg_finish(&c);
	/* The result went to the page that was pinned, and nowhere else. */
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_OK);
	assert_memory_equal(c.msg, expected, CG_PAGE);
	if (remap)
		assert_memory_equal(c.msg, zeroes, CG_PAGE);
	assert_int_equal(test_guest_pins_pa(g->test, pa), 0);
	cg_call_fini(&c);
}

FX_TEST(s18_i4_message_page_unmapped_during_the_call)
{
	page_goes_during_the_call(g, false);
}

FX_TEST(s18_i4_message_page_remapped_during_the_call)
{
	page_goes_during_the_call(g, true);
}

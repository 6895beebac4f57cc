/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 13-23: yielding calls whose guest or whose OP-TEE does not keep still.
 *
 * What comes back is compared byte by byte, with an OP-TEE that scribbles over its
 * shadow; what goes in is looked at as OP-TEE finds it.
 */
#include "fixture.h"

#include <string.h>

#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define RMEM_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT
#define RMEM_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT
#define TMEM_INOUT	(OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG)

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
	fx_do(&c, TEEC_SUCCESS);
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

/* --- 14-16: refused without a call -------------------------------------------------------- */

FX_TEST(s14_i2_unusable_addresses_make_no_call)
{
	const uint64_t ipa = TEST_IPA_BASE + 100 * CG_PAGE;
	const uint64_t addresses[] = {
		0, ipa + 8, ipa + 1, ipa + 2048, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ipa | 1ull << 48,
		~0ull, ~0ull - 4095, TEST_PA_BASE, TEST_SHADOW_PA_BASE,
	};
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };
	size_t n = sizeof(addresses) / sizeof(addresses[0]);

	fx_smcs_reset(f);
	for (size_t i = 0; i < 2 * n; i++) {
		struct om_regs regs = { .a = { fids[i % 2], addresses[i / 2] >> 32,
					       (uint32_t)addresses[i / 2], 0, 5, 6, 7, 8 } };

		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_EBADADDR);
		for (size_t r = 1; r < 4; r++)
			assert_int_equal(regs.a[r], 0);
		assert_int_equal(atomic_load(&g->test->pinned), 0);
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_ADDRESS), 2 * n);
	cg_slots_are_free(g->cg);
}

FX_TEST(s15_i8_wrong_numbers_of_parameters_make_no_call)
{
	static const uint32_t numbers[] = { 0, 1, 2, 4, 5, 6, 7, 122, 123, 127, 128, 0x8000000,
					    0xffffffff };
	uint32_t session = fx_session(g);
	struct cg_call c;

	for (uint32_t inline_rpc = 0; inline_rpc < 2; inline_rpc++) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			fx_smcs_reset(f);
			fx_nop(&c, g, session);
			c.fid = inline_rpc ? OPTEE_SMC_CALL_WITH_RPC_ARG : OPTEE_SMC_CALL_WITH_ARG;
			cg_hdr(&c)->num_params = numbers[i];
			cg_start(&c);
			if (numbers[i] <= 4) {
				assert_int_equal(fx_smcs(f), 1);
				fx_ended(&c, numbers[i] ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS);
			} else {
				assert_int_equal(fx_smcs(f), 0);
				fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
			}
		}
	}
}

FX_TEST(s16_i8_unknown_commands_make_no_call)
{
	struct cg_call c;

	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t cmd = i < 40 ? 8 + i : 1u << (i - 32) | 0x80000000u;

		fx_call(&c, g, cmd, i % 5);
		memset(c.msg + OPTEE_MSG_ARG_SIZE(0), 0x5a, 128);
		memcpy(expected, c.msg, CG_PAGE);
		cg_start(&c);
		/* As with OP-TEE, a code in a0 leaves the message as it was. */
		assert_memory_equal(c.msg, expected, CG_PAGE);
		fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADCMD);
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_COMMAND), 64);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
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
	test_guest_mutate(g->test, true);
	cg_start(&c);
	test_guest_mutate(g->test, false);
	assert_int_equal(cg_param(&c, 0)->u.value.a & 0xffu, sum);
	assert_int_equal(cg_param(&c, 0)->u.value.b, lent.size);
	fx_ended(&c, TEEC_SUCCESS);
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

/* --- 19, 20: OP-TEE and the host say no ---------------------------------------------------- */

FX_TEST(s19_call_without_a_slot_makes_no_call)
{
	uint32_t session = fx_session(g);
	struct cg_call c[FX_THREADS + 1];

	for (uint32_t i = 0; i <= FX_THREADS; i++) {
		fx_invoke(&c[i], g, i < FX_THREADS ? fx_session(g) : session, MODEL_TA_INTERRUPT);
		cg_set_value(&c[i], 0, VALUE_IN, i < FX_THREADS, 0, 0);
	}
	for (uint32_t i = 0; i < FX_THREADS; i++)
		cg_start(&c[i]);
	fx_smcs_reset(f);
	cg_start(&c[FX_THREADS]);
	assert_int_equal(c[FX_THREADS].a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_THREADS), 1);
	fx_finish(&c[2], TEEC_SUCCESS);
	cg_start(&c[FX_THREADS]);
	fx_ended(&c[FX_THREADS], TEEC_SUCCESS);
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		cg_finish(&c[i]);
		if (i != 2)
			fx_ended(&c[i], TEEC_SUCCESS);
	}
}

FX_TEST(s20_busy_optee_with_nobody_else_in_flight_is_tried_again)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY };
	uint32_t session = fx_session(g);
	struct cg_buf lent;
	struct cg_call c;

	fx_buffer(&lent, g, 20 * CG_PAGE, 0);
	for (size_t i = 0; i < 2; i++) {
		/* The slot has been in OP-TEE, with another call. */
		fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
		cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
		fx_do(&c, TEEC_SUCCESS);
		fx_invoke(&c, g, session, MODEL_TA_FILL);
		cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
		cg_set_tmem(&c, 1, ATTR_LIST, &lent);
		for (uint32_t n = 0; n < 5; n++)
			model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i],
					  0xbad1, 0xbad2, 0xbad3);
		fx_smcs_reset(f);
		cg_start(&c);
		for (uint32_t n = 1; n <= 5; n++) {
			assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
			assert_int_equal(c.a[1], 0);
			assert_int_equal(c.a[2], 0);
			assert_int_equal(fx_smcs_of(f, OPTEE_SMC_CALL_WITH_ARG), n);
			cg_serve(&c);
			cg_resume(&c);
		}
		/* The same call, whole: its page list was not given back meanwhile. */
		assert_int_equal(fx_smcs_of(f, OPTEE_SMC_CALL_WITH_ARG), 6);
		assert_int_equal(fx_smcs_of(f, OPTEE_SMC_RETURN_FROM_RPC), 0);
		assert_memory_equal(&f->smc[0].in, &f->smc[5].in, sizeof(struct om_regs));
		fx_ended(&c, TEEC_SUCCESS);
		fx_assert_idle(g);
	}
	cg_buf_free(g->cg, &lent);
}

FX_TEST(s20_busy_optee_with_a_call_in_flight_is_passed_on)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY };
	uint32_t session = fx_session(g);
	struct cg_call other;
	struct cg_buf b;
	struct cg_call c;

	fx_invoke(&other, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&other, 0, VALUE_IN, 1, 0, 0);
	cg_start(&other);
	for (size_t i = 0; i < 2; i++) {
		fx_nop(&c, g, session);
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i], 0xbad1, 0xbad2, 0xbad3);
		cg_start(&c);
		for (size_t r = 1; r < 4; r++)
			assert_int_equal(c.a[r], 0);
		fx_ended(&c, CG_SMC_ERROR | codes[i]);
		assert_int_equal(atomic_load(&g->test->pinned), 1);
	}
	/* One that lends memory, and so may pause on its way out, comes back instead. */
	fx_buffer(&b, g, 20 * CG_PAGE, 0);
	for (size_t i = 0; i < 2; i++) {
		fx_call(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
		cg_set_tmem(&c, 0, ATTR_LIST, &b);
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i], 0xbad1, 0xbad2, 0xbad3);
		cg_start(&c);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		fx_finish(&c, TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	}
	fx_finish(&other, TEEC_SUCCESS);
	cg_buf_free(g->cg, &b);
}

/* A call that waits for its retry counts as in flight for the other, and ends. */
FX_TEST(s20_two_busy_calls_do_not_wait_for_each_other)
{
	uint32_t session = fx_session(g);
	struct cg_call a;
	struct cg_call b;

	fx_nop(&a, g, session);
	fx_nop(&b, g, session);
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	cg_start(&a);
	assert_int_equal(a.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	cg_start(&b);
	assert_int_equal(b.a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	cg_call_fini(&b);
	fx_finish(&a, TEEC_SUCCESS);
}

FX_TEST(s20_i8_unknown_return_codes_end_the_call)
{
	static const struct { uint64_t from; uint32_t to; } codes[] = {
		{ OPTEE_SMC_RETURN_ERESUME, OPTEE_SMC_RETURN_ERESUME },
		{ OPTEE_SMC_RETURN_EBADADDR, OPTEE_SMC_RETURN_EBADADDR },
		{ OPTEE_SMC_RETURN_EBADCMD, OPTEE_SMC_RETURN_EBADCMD },
		{ OPTEE_SMC_RETURN_ENOMEM, OPTEE_SMC_RETURN_ENOMEM },
		{ OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 8, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0x12345678, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0xfffe0000, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0x7700000000000004ull, OPTEE_SMC_RETURN_EBADADDR },
	};
	struct cg_buf b;
	struct cg_call c;

	fx_buffer(&b, g, 20 * CG_PAGE, 0);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		fx_call(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
		cg_set_tmem(&c, 0, ATTR_LIST, &b);
		memcpy(expected, c.msg, CG_PAGE);
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i].from, 1, 2, 3);
		cg_start(&c);
		for (size_t r = 1; r < 4; r++)
			assert_int_equal(c.a[r], 0);
		assert_memory_equal(c.msg, expected, CG_PAGE);
		fx_ended(&c, CG_SMC_ERROR | codes[i].to);
		fx_assert_idle(g);
	}
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/* EBUSY of a call that OP-TEE has already taken makes no sense: no retry, an end. */
FX_TEST(s20_i8_busy_in_the_middle_ends_the_call)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY,
					  OPTEE_SMC_RETURN_ERESUME };

	f->busy_at_end = true;
	/* OP-TEE's own idea of these calls stays behind. */
	for (size_t i = 0; i < 3; i++) {
		struct cg_call c;

		fx_invoke(&c, g, fx_session(g), MODEL_TA_INTERRUPT);
		cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
		cg_start(&c);
		model_answer_next(f->model, OPTEE_SMC_RETURN_FROM_RPC, codes[i], 0, 0, 0);
		cg_serve(&c);
		cg_resume(&c);
		fx_ended(&c, CG_SMC_ERROR | (codes[i] == OPTEE_SMC_RETURN_ERESUME ?
					     OPTEE_SMC_RETURN_ERESUME :
					     OPTEE_SMC_RETURN_ENOTAVAIL));
		assert_int_equal(atomic_load(&g->test->pinned), 0);
	}
}

FX_TEST(s20_i10_results_are_judged_by_their_low_halves)
{
	uint32_t session = fx_session(g);
	struct cg_call c;

	fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
	model_replace_next(f->model, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR,
			   0xffffffff00000000ull | OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, ~0ull, ~0ull,
			   0xffffffff00000000ull);
	model_replace_next(f->model, OPTEE_SMC_RETURN_OK, 0xffffffff00000000ull, ~0ull, ~0ull, ~0ull);
	cg_start(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(c.a[1], 0);
	assert_int_equal(c.a[2], 0);
	assert_int_equal(fx_counter(g, OM_COUNT_INTERRUPTED), 1);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), 0);
	fx_finish(&c, TEEC_SUCCESS);
}

/* Which error where: before the message is readable it is the SMC's. */
FX_TEST(s20_i9_host_failures_are_errors_of_the_smc)
{
	uint32_t session = fx_session(g);
	static const struct { uint32_t op; uint32_t n; uint32_t smcs; } faults[] = {
		{ TEST_OP_PIN, 1, 0 }, { TEST_OP_READ, 1, 0 }, { TEST_OP_READ, 2, 0 },
		{ TEST_OP_WRITE, 1, 1 }, { TEST_OP_WRITE, 2, 1 },
	};
	struct cg_call c;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		fx_nop(&c, g, session);
		cg_set_value(&c, 1, VALUE_OUT, 0, 0, 0);
		fx_smcs_reset(f);
		test_host_fail(f->host, 1u << faults[i].op, faults[i].n, false);
		cg_start(&c);
		assert_int_equal(test_host_fault_hits(f->host), 1);
		assert_int_equal(fx_smcs(f), faults[i].smcs);
		fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
		test_host_fail(f->host, 0, 0, false);
		fx_assert_idle(g);
	}
	/* A refusal that cannot be written is one, too. */
	fx_nop(&c, g, session);
	cg_hdr(&c)->num_params = 9;
	test_host_fail(f->host, 1u << TEST_OP_WRITE, 1, false);
	cg_start(&c);
	fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
	cg_slots_are_free(g->cg);
}

/* --- 23: messages in registered memory -------------------------------------------------------- */

static void set_carried(struct cg_call *c, struct fx_guest *g, struct cg_buf *b, uint32_t offset)
{
	cg_page_put(g->cg, c->page);
	c->page = CG_NO_PAGE;
	c->fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	c->where = b->cookie;
	c->offset = offset;
	memcpy(cg_buf_at(g->cg, b, offset), c->msg, OPTEE_MSG_ARG_SIZE(4));
	c->msg = cg_buf_at(g->cg, b, offset);
}

FX_TEST(s23_i2_registered_message_is_shadowed)
{
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 40 * CG_PAGE);
	fx_nop(&c, g, fx_session(g));
	set_carried(&c, g, &b, 37 * CG_PAGE + 256);
	fx_smcs_reset(f);
	cg_start(&c);
	assert_int_equal(fx_smcs(f), 1);
	assert_int_equal(f->smc[0].in.a[0], OPTEE_SMC_CALL_WITH_RPC_ARG);
	assert_true(test_host_is_shadow(f->host, f->smc[0].in.a[1] << 32 | f->smc[0].in.a[2]));
	assert_int_equal(f->smc[0].in.a[3], 0);
	fx_ended(&c, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/* Linux packs messages of 384 bytes into a page of its own. */
#define SLOT_SIZE	(CG_CARRIED_WORDS * sizeof(uint64_t))

static void start_in_slot(struct cg_call *c, struct fx_guest *g, uint32_t session,
			  struct cg_buf *b, uint32_t slot, uint64_t *text)
{
	fx_invoke(c, g, session, MODEL_TA_INTERRUPT);
	cg_set_value(c, 0, VALUE_IN, 2, 0, 0);
	cg_set_value(c, 1, VALUE_INOUT, slot, 20, 30);
	cg_set_value(c, 3, VALUE_INOUT, 0, slot, 30);
	memcpy(text, c->msg, SLOT_SIZE);
	set_carried(c, g, b, 0);
	c->offset = slot * (uint32_t)SLOT_SIZE;
	c->carrier = b;
	c->msg = (uint8_t *)text;
	cg_start(c);
	assert_int_equal(c->state, CG_WAITING);
}

static void ended_in_slot(struct cg_call *c, uint32_t slot)
{
	assert_int_equal(cg_param(c, 1)->u.value.a, slot + 1);
	assert_int_equal(cg_param(c, 1)->u.value.b, 21);
	fx_ended(c, TEEC_SUCCESS);
}

/* 10 slots of a page of 4 KiB, 42 of 16, 170 of 64: two neighbours at a time. */
FX_TEST(fault_b4_slots_of_larger_pages)
{
	uint32_t session = fx_session(g);

	for (uint32_t pages = 1; pages <= 16; pages *= 4) {
		uint32_t slots = pages * CG_PAGE / (uint32_t)SLOT_SIZE;
		uint64_t text[2][CG_CARRIED_WORDS];
		struct cg_call c[2];
		struct cg_buf b;

		fx_register(&b, g, pages * CG_PAGE);
		for (uint32_t slot = 0; slot + 1 < slots; slot++) {
			start_in_slot(&c[0], g, session, &b, slot, text[0]);
			start_in_slot(&c[1], g, session, &b, slot + 1, text[1]);
			cg_finish_all(c, 2);
			ended_in_slot(&c[0], slot);
			ended_in_slot(&c[1], slot + 1);
		}
		fx_unregister(&b, g);
	}
}

/* The second page stays pinned, too, and what is put there meanwhile is not looked at. */
FX_TEST(fault_b4_i4_second_page_stays_pinned)
{
	uint64_t text[CG_CARRIED_WORDS];
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 2 * CG_PAGE);
	start_in_slot(&c, g, fx_session(g), &b, 10, text);
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	assert_int_equal(atomic_load(&g->test->pinned), 2);
	/* Function and number of parameters are there: the second word of a slot on. */
	cg_hdr(&c)->num_params = 0;
	cg_hdr(&c)->func = 99;
	cg_param(&c, 1)->attr = 0xbad;
	cg_finish(&c);
	ended_in_slot(&c, 10);
	assert_int_equal(cg_hdr(&c)->num_params, 0);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	fx_assert_idle(g);
	cg_buf_free(g->cg, &b);
}

FX_TEST(s23_bad_places_make_no_call)
{
	const uint64_t size = 2 * CG_PAGE + 64;
	struct cg_buf b;
	const uint64_t offsets[] = {
		CG_PAGE - 31, 1, 4, 31, size, size - 8, size - 32, size - 184, size + 8, 3 * CG_PAGE,
		0x80000000, 0xffffffff, 0xfffffff8, 0x10000,
	};

	fx_register(&b, g, size);
	fx_smcs_reset(f);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_REGD_ARG, b.cookie >> 32,
					       (uint32_t)b.cookie, offsets[i] } };

		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_EBADADDR);
	}
	for (uint64_t cookie = 0; cookie < 3; cookie++) {
		struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_REGD_ARG, 0, cookie, 0 } };

		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_EBADADDR);
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(atomic_load(&g->test->pinned), 3);
	fx_unregister(&b, g);
	cg_slots_are_free(g->cg);
}

/* Right behind a buffer there is nothing, not even a record of its pages. */
FX_TEST(s23_end_of_a_buffer_that_fills_its_records)
{
	struct cg_buf b;

	for (uint32_t pages = OM_PIN_BATCH; pages <= 3 * OM_PIN_BATCH; pages += OM_PIN_BATCH) {
		struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_REGD_ARG } };

		fx_register(&b, g, pages * CG_PAGE);
		regs.a[1] = b.cookie >> 32;
		regs.a[2] = (uint32_t)b.cookie;
		regs.a[3] = pages * CG_PAGE;
		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_EBADADDR);
		fx_unregister(&b, g);
	}
	cg_slots_are_free(g->cg);
}

FX_TEST(s23_i4_carrier_stays_pinned_until_the_call_ends)
{
	struct cg_buf b;
	struct cg_call c;
	struct cg_call late;

	fx_register(&b, g, 3 * CG_PAGE);
	fx_invoke(&c, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
	cg_set_value(&c, 1, VALUE_INOUT, 10, 20, 30);
	set_carried(&c, g, &b, CG_PAGE);
	cg_start(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	/* OP-TEE let go of it, the mediator still has its message there. */
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	assert_int_equal(atomic_load(&g->test->pinned), 3);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 3);
	fx_nop(&late, g, fx_session(g));
	fx_smcs_reset(f);
	late.fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	late.where = b.cookie;
	cg_start(&late);
	assert_int_equal(fx_smcs(f), 0);
	fx_ended(&late, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
	cg_finish(&c);
	assert_int_equal(cg_param(&c, 1)->u.value.a, 11);
	fx_ended(&c, TEEC_SUCCESS);
	fx_assert_idle(g);
	cg_buf_free(g->cg, &b);
}

/* --- Policy ---------------------------------------------------------------------------------- */

struct policy {
	struct om_request seen[32];
	size_t n;
	uint32_t refuse_cmd;	/* OM_NO_CMD: none */
	uint32_t code;
	struct fx *f;
	size_t smcs_when_asked;
};
#define NO_CMD	0xffffffffu

static uint32_t policy_authorize(void *arg, struct test_guest *test,
				 const struct om_request *request)
{
	struct policy *p = arg;

	(void)test;
	if (p->n < 32)
		p->seen[p->n++] = *request;
	p->smcs_when_asked = fx_smcs(p->f);
	return request->cmd == p->refuse_cmd ? p->code : TEEC_SUCCESS;
}

static void set_policy(struct fx *f, struct policy *p)
{
	*p = (struct policy){ .refuse_cmd = NO_CMD, .f = f };
	f->host->authorize = policy_authorize;
	f->host->authorize_arg = p;
}

static void policy_sees_session(struct fx_guest *g, struct policy *p)
{
	static const uint8_t client[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct cg_call c;
	uint32_t session;

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(&c, cg_uuid_model);
	memcpy(cg_param(&c, 1)->u.octets, client, 16);
	cg_param(&c, 1)->u.value.c = 0x80000000;
	cg_hdr(&c)->session = 0x1234;
	cg_do(&c);
	session = cg_hdr(&c)->session;
	fx_ended(&c, TEEC_SUCCESS);
	assert_int_equal(p->n, 1);
	assert_int_equal(p->seen[0].cmd, OPTEE_MSG_CMD_OPEN_SESSION);
	assert_int_equal(p->seen[0].login, 0x80000000);
	assert_memory_equal(p->seen[0].ta_uuid, cg_uuid_model, 16);
	assert_memory_equal(p->seen[0].client_uuid, client, 16);
	assert_int_equal(p->seen[0].session, 0);

	p->n = 0;
	fx_nop(&c, g, session);
	fx_do(&c, TEEC_SUCCESS);
	fx_close(g, session);
	assert_int_equal(p->n, 2);
	assert_int_equal(p->seen[0].cmd, OPTEE_MSG_CMD_INVOKE_COMMAND);
	assert_int_equal(p->seen[0].func, MODEL_TA_RETURN);
	assert_int_equal(p->seen[1].cmd, OPTEE_MSG_CMD_CLOSE_SESSION);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(p->seen[i].session, session);
		assert_memory_equal(p->seen[i].ta_uuid, cg_uuid_model, 16);
	}
}

FX_TEST_WITH(policy_sees_what_a_session_is_for, .authorize = true)
{
	struct policy p;
	struct cg_call c;

	set_policy(f, &p);
	policy_sees_session(g, &p);

	p.n = 0;
	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 3);
	cg_set_open(&c, cg_uuid_model);
	cg_set_value(&c, 2, VALUE_IN, MODEL_TA_OPEN_FAIL, 0xffff7777, 0);
	fx_do(&c, 0xffff7777);
	/* What cannot be carried out is not asked about, nor what is malformed. */
	assert_int_equal(cg_close(g->cg, 0x777), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(p.n, 1);

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 1);
	cg_do(&c);
	fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(p.n, 1);
}

FX_TEST_WITH(policy_refusal_is_the_guests_answer_and_no_call, .authorize = true)
{
	struct policy p;
	struct cg_buf b;
	struct cg_buf reg;
	struct cg_call c;
	uint32_t session;

	set_policy(f, &p);
	fx_register(&reg, g, 64);
	fx_buffer(&b, g, 20 * CG_PAGE, 0);
	session = fx_session(g);
	p.code = 0xffff0abc;
	for (uint32_t cmd = 0; cmd <= OPTEE_MSG_CMD_STOP_ASYNC_NOTIF; cmd++) {
		uint32_t n = cmd == OPTEE_MSG_CMD_OPEN_SESSION ? 2 :
			     cmd == OPTEE_MSG_CMD_REGISTER_SHM ||
			     cmd == OPTEE_MSG_CMD_UNREGISTER_SHM;

		fx_call(&c, g, cmd, n);
		cg_hdr(&c)->session = session;
		if (cmd == OPTEE_MSG_CMD_OPEN_SESSION)
			cg_set_open(&c, cg_uuid_model);
		else if (cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			cg_set_tmem(&c, 0, ATTR_LIST, &b);
		else
			cg_set_rmem(&c, 0, RMEM_IN, reg.cookie, 0, 1);
		p.refuse_cmd = cmd;
		p.n = 0;
		fx_smcs_reset(f);
		cg_start(&c);
		fx_refused(&c, 0xffff0abc);
		assert_int_equal(p.n, 1);
		assert_int_equal(fx_smcs(f), 0);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_POLICY), cmd + 1);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 1);
		assert_int_equal(atomic_load(&g->test->pinned), 1);
	}
	p.refuse_cmd = NO_CMD;
	fx_unregister(&reg, g);
	fx_assert_idle(g);
}

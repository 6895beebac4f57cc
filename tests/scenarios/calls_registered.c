/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario 23: messages in registered buffers. */
#include "fixture.h"

#include <string.h>

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
#define SLOT_SIZE	((uint32_t)(CG_CARRIED_WORDS * sizeof(uint64_t)))

/* The message is in text, and wherever it is in the buffer, also across pages, for each SMC. */
static void carry_text(struct cg_call *c, struct fx_guest *g, struct cg_buf *b, uint32_t offset,
		       uint64_t *text)
{
	memcpy(text, c->msg, SLOT_SIZE);
	set_carried(c, g, b, 0);
	c->offset = offset;
	c->message_buffer = b;
	c->msg = (uint8_t *)text;
}

static void start_at(struct cg_call *c, struct fx_guest *g, uint32_t session, struct cg_buf *b,
		     uint32_t offset, uint64_t *text)
{
	fx_invoke(c, g, session, MODEL_TA_INTERRUPT);
	cg_set_value(c, 0, VALUE_IN, 2, 0, 0);
	cg_set_value(c, 1, VALUE_INOUT, offset, 20, 30);
	cg_set_value(c, 3, VALUE_INOUT, 0, offset, 30);
	carry_text(c, g, b, offset, text);
	cg_start(c);
	assert_int_equal(c->state, CG_WAITING);
}

static void ended_at(struct cg_call *c, uint32_t offset)
{
	assert_int_equal(cg_param(c, 1)->u.value.a, offset + 1);
	assert_int_equal(cg_param(c, 1)->u.value.b, 21);
	fx_ended(c, TEEC_SUCCESS);
}

/* 10 slots of a page of 4 KiB, 42 of 16, 170 of 64: two neighbours at a time. */
FX_TEST(fault_b4_slots_of_larger_pages)
{
	uint32_t session = fx_session(g);

	for (uint32_t pages = 1; pages <= 16; pages *= 4) {
		uint32_t size = pages * CG_PAGE;
		uint64_t text[2][CG_CARRIED_WORDS];
		struct cg_call c[2];
		struct cg_buf b;

		fx_register(&b, g, size);
		for (uint32_t at = 0; at + 2 * SLOT_SIZE <= size; at += SLOT_SIZE) {
			start_at(&c[0], g, session, &b, at, text[0]);
			start_at(&c[1], g, session, &b, at + SLOT_SIZE, text[1]);
			cg_finish_all(c, 2);
			ended_at(&c[0], at);
			ended_at(&c[1], at + SLOT_SIZE);
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
	start_at(&c, g, fx_session(g), &b, 10 * SLOT_SIZE, text);
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	assert_int_equal(atomic_load(&g->test->pinned), 2);
	/* Function and number of parameters are there: the second word of a slot on. */
	cg_hdr(&c)->num_params = 0;
	cg_hdr(&c)->func = 99;
	cg_param(&c, 1)->attr = 0xbad;
	cg_finish(&c);
	ended_at(&c, 10 * SLOT_SIZE);
	assert_int_equal(cg_hdr(&c)->num_params, 0);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	fx_assert_idle(g);
	cg_buf_free(g->cg, &b);
}

/* A page's end at every word of a message, its request, and the reply. */
FX_TEST(fault_b4_message_and_request_at_every_word)
{
	static const uint32_t edges[] = { 1, 2 * OM_PIN_BATCH - 1, 2 * OM_PIN_BATCH };
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_FS, 4);
	uint32_t session = fx_session(g);
	struct cg_buf b;

	for (uint32_t i = 0; i < 4; i++)
		rpc.param[i] = (struct optee_msg_param){ VALUE_INOUT, { {
			0x4400u + i, 0x5500u + i, 0x6600u + i } } };
	fx_register(&b, g, (2 * OM_PIN_BATCH + 1) * CG_PAGE);
	for (uint32_t n = 0; n < 3 * (SLOT_SIZE / 8 + 1); n++) {
		uint32_t offset = edges[n % 3] * CG_PAGE - n / 3 * 8;
		uint64_t text[CG_CARRIED_WORDS];
		struct model_rpc_result result;
		struct cg_call c;

		model_injected_reset(f->model);
		model_inject_rpc(f->model, &rpc);
		start_at(&c, g, session, &b, offset, text);
		assert_non_null(c.rpc);
		assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_FS);
		assert_memory_equal(cg_rpc_param(&c, 0), rpc.param, sizeof(rpc.param));
		cg_rpc_hdr(&c)->ret = 0x77;
		for (uint32_t i = 0; i < 4; i++)
			cg_rpc_param(&c, i)->u.value.b = offset + i;
		cg_resume(&c);
		result = fx_answered(f, 0);
		assert_int_equal(result.hdr.ret, 0x77);
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(result.param[i].u.value.b, offset + i);
		cg_finish(&c);
		ended_at(&c, offset);
	}
	fx_unregister(&b, g);
}

/* The end of the buffer is an end, in its last page and in the one before. */
FX_TEST(fault_b4_message_across_the_end)
{
	const uint32_t need = (uint32_t)(OPTEE_MSG_ARG_SIZE(2) + OPTEE_MSG_ARG_SIZE(4));
	const uint32_t sizes[] = { CG_PAGE, CG_PAGE + 8, CG_PAGE + need / 2, CG_PAGE + need };
	uint32_t session = fx_session(g);
	uint64_t text[CG_CARRIED_WORDS];
	struct cg_buf b;
	struct cg_call c;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fx_register(&b, g, sizes[i]);
		for (uint32_t back = 8; back <= need + 8; back += 8) {
			fx_nop(&c, g, session);
			cg_hdr(&c)->num_params = 2;
			carry_text(&c, g, &b, sizes[i] - back, text);
			fx_smcs_reset(f);
			cg_start(&c);
			assert_int_equal(fx_smcs(f), back >= need);
			fx_ended(&c, back >= need ? TEEC_SUCCESS :
				 CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
		}
		fx_unregister(&b, g);
	}
}

/* What cannot be read or written in either page ends the call; a refusal is told across them. */
FX_TEST(fault_b4_either_page_fails)
{
	static const struct {
		uint32_t back;		/* of the message, before the end of the page */
		uint32_t op, n, smcs;
	} faults[] = {
		{ 16, TEST_OP_READ, 1, 0 }, { 16, TEST_OP_READ, 2, 0 },
		/* A value of the second parameter, then ret and ret_origin. */
		{ 80, TEST_OP_WRITE, 1, 1 }, { 80, TEST_OP_WRITE, 2, 1 },
		{ 80, TEST_OP_WRITE, 3, 1 }, { 24, TEST_OP_WRITE, 2, 1 },
	};
	uint32_t session = fx_session(g);
	uint64_t text[CG_CARRIED_WORDS];
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 2 * CG_PAGE);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		fx_nop(&c, g, session);
		cg_set_value(&c, 1, VALUE_OUT, 0, 0, 0);
		carry_text(&c, g, &b, CG_PAGE - faults[i].back, text);
		fx_smcs_reset(f);
		test_host_fail(f->host, 1u << faults[i].op, faults[i].n, false);
		cg_start(&c);
		assert_int_equal(test_host_fault_hits(f->host), 1);
		assert_int_equal(fx_smcs(f), faults[i].smcs);
		fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
		test_host_fail(f->host, 0, 0, false);
		fx_nop(&c, g, session);
		cg_set_value(&c, 1, 0x80, 0, 0, 0);
		carry_text(&c, g, &b, CG_PAGE - faults[i].back, text);
		cg_start(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	}
	fx_unregister(&b, g);
}

/* OP-TEE could not map a buffer of more than 32 MiB, and so it carries no message. */
FX_TEST_WITH(fault_b4_message_far_into_a_buffer, .limits.pages = 8194, .limits.list_pages = 18)
{
	static const struct { uint32_t offset; uint64_t result; } places[] = {
		{ 511 * CG_PAGE, TEEC_SUCCESS }, { 512 * CG_PAGE, TEEC_SUCCESS },
		{ 8191 * CG_PAGE, TEEC_SUCCESS },
		/* It begins in the last page that is looked for, and ends behind it. */
		{ 8192 * CG_PAGE - 64, TEEC_SUCCESS },
		{ 8192 * CG_PAGE, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR },
		{ 8193 * CG_PAGE, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR },
	};
	uint32_t session = fx_session(g);
	uint64_t text[CG_CARRIED_WORDS];
	struct cg_buf b;
	struct cg_call c;

	/* All of them the same page. */
	assert_true(cg_buf_repeat(g->cg, &b, 8194));
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		fx_nop(&c, g, session);
		carry_text(&c, g, &b, places[i].offset, text);
		cg_start(&c);
		fx_ended(&c, places[i].result);
	}
	fx_unregister(&b, g);
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
		fx_register(&b, g, pages * CG_PAGE);
		for (uint32_t back = 0; back <= 32; back += 8) {
			struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_REGD_ARG,
						       b.cookie >> 32, (uint32_t)b.cookie,
						       pages * CG_PAGE - back } };

			assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_EBADADDR);
		}
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

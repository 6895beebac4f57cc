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
	c->message_buffer = b;
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

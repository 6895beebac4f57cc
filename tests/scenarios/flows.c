/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversations. See flows.h. Must not know how, or that, they are disturbed. */
#include "flows.h"

static void expect(bool strict, uint64_t got, uint64_t want)
{
	if (strict)
		assert_int_equal(got, want);
}

static void done(struct cg_call *c, bool strict, uint64_t want)
{
	assert_int_equal(c->state, CG_ENDED);
	expect(strict, cg_result(c), want);
	cg_call_fini(c);
}

static uint32_t open_test_ta(struct fx_guest *g, bool strict)
{
	uint32_t session;

	expect(strict, cg_open(g->cg, cg_uuid_model, &session), TEEC_SUCCESS);
	return session;
}

static void close_session(struct fx_guest *g, bool strict, uint32_t session)
{
	expect(strict, cg_close(g->cg, session), TEEC_SUCCESS);
}

static void session_with_values(struct fx_guest *g, bool strict)
{
	uint32_t session = open_test_ta(g, strict);
	struct cg_call c;

	fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, VALUE_IN, 2, 0, 0);
	cg_set_value(&c, 1, VALUE_INOUT, 5, 6, 7);
	cg_do(&c);
	expect(strict, cg_param(&c, 1)->u.value.a, 6);
	expect(strict, c.interrupts >= 2, true);
	done(&c, strict, TEEC_SUCCESS);
	fx_call(&c, g, OPTEE_MSG_CMD_CANCEL, 0);
	cg_hdr(&c)->session = session;
	cg_do(&c);
	done(&c, strict, TEEC_SUCCESS);
	close_session(g, strict, session);
}

static void lent_and_registered(struct fx_guest *g, bool strict, uint32_t fid)
{
	uint32_t session = open_test_ta(g, strict);
	struct cg_buf reg;
	struct cg_buf lent[2];
	struct cg_call c;
	uint8_t sum;

	fx_buffer(&reg, g, 40 * CG_PAGE, 0);
	expect(strict, cg_register(g->cg, &reg), TEEC_SUCCESS);
	fx_buffer(&lent[0], g, 20 * CG_PAGE, 100);
	fx_buffer(&lent[1], g, 1, 4095);
	sum = cg_buf_pattern(g->cg, &lent[0], 1);
	fx_invoke(&c, g, session, MODEL_TA_SUM);
	c.fid = fid;
	cg_set_value(&c, 0, VALUE_OUT, 0, 0, 0);
	cg_set_tmem(&c, 1, TMEM_IN, &lent[0]);
	cg_set_rmem(&c, 2, RMEM_INOUT, reg.cookie, 5, 39 * CG_PAGE);
	cg_set_tmem(&c, 3, TMEM_INOUT, &lent[1]);
	cg_do(&c);
	expect(strict, cg_param(&c, 0)->u.value.a & 0xffu, sum);
	done(&c, strict, TEEC_SUCCESS);
	expect(strict, cg_unregister(g->cg, reg.cookie), TEEC_SUCCESS);
	expect(strict, cg_unregister(g->cg, reg.cookie), TEEC_ERROR_BAD_PARAMETERS);
	close_session(g, strict, session);
	if (!strict)
		return;
	cg_buf_free(g->cg, &reg);
	cg_buf_free(g->cg, &lent[0]);
	cg_buf_free(g->cg, &lent[1]);
}

static void memory_by_arg(struct fx_guest *g, bool strict)
{
	lent_and_registered(g, strict, OPTEE_SMC_CALL_WITH_ARG);
}

static void memory_by_rpc_arg(struct fx_guest *g, bool strict)
{
	lent_and_registered(g, strict, OPTEE_SMC_CALL_WITH_RPC_ARG);
}

static void message_in_registered_memory(struct fx_guest *g, bool strict)
{
	uint32_t session = open_test_ta(g, strict);
	struct cg_buf reg;
	struct cg_call c;

	fx_buffer(&reg, g, 3 * CG_PAGE, 0);
	expect(strict, cg_register(g->cg, &reg), TEEC_SUCCESS);
	fx_invoke(&c, g, session, MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&c, 0, VALUE_IN, 2, 0, 0);
	cg_set_value(&c, 1, VALUE_INOUT, 1, 2, 3);
	cg_page_put(g->cg, c.page);
	c.page = CG_NO_PAGE;
	c.fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	c.where = reg.cookie;
	c.offset = CG_PAGE + 512;
	cg_copy(cg_buf_at(g->cg, &reg, c.offset), c.msg, OPTEE_MSG_ARG_SIZE(4));
	c.msg = cg_buf_at(g->cg, &reg, c.offset);
	cg_do(&c);
	expect(strict, cg_param(&c, 1)->u.value.a, 2);
	done(&c, strict, TEEC_SUCCESS);
	expect(strict, cg_unregister(g->cg, reg.cookie), TEEC_SUCCESS);
	close_session(g, strict, session);
	if (strict)
		cg_buf_free(g->cg, &reg);
}

static void long_list(struct fx_guest *g, bool strict)
{
	struct cg_buf b;

	fx_buffer(&b, g, 520 * CG_PAGE, 1);
	expect(strict, cg_register(g->cg, &b), TEEC_SUCCESS);
	expect(strict, cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	if (strict)
		cg_buf_free(g->cg, &b);
}

static void times(struct fx_guest *g, bool strict)
{
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };
	uint32_t session;

	expect(strict, cg_open(g->cg, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (size_t i = 0; i < 2; i++) {
		struct cg_call c;

		assert_true(cg_time_init(&c, g->cg, session));
		c.fid = fids[i];
		cg_do(&c);
		expect(strict, cg_param(&c, 0)->u.value.a, 1500000000);
		done(&c, strict, TEEC_SUCCESS);
	}
	close_session(g, strict, session);
}

static void payloads(struct fx_guest *g, bool strict)
{
	static const uint32_t funcs[] = { MODEL_TA_PAYLOAD_CHECK, MODEL_TA_PAYLOAD_DROP };
	uint32_t session = open_test_ta(g, strict);
	struct cg_call c;
	uint64_t handle;

	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD);
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	cg_set_value(&c, 0, VALUE_INOUT, 40 * CG_PAGE, OPTEE_RPC_SHM_TYPE_KERNEL, 0);
	cg_do(&c);
	expect(strict, cg_param(&c, 0)->u.value.b, TEEC_SUCCESS);
	done(&c, strict, TEEC_SUCCESS);
	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, VALUE_INOUT, 5000, OPTEE_RPC_SHM_TYPE_GLOBAL, 0);
	cg_do(&c);
	handle = cg_param(&c, 0)->u.value.a;
	done(&c, strict, TEEC_SUCCESS);
	for (size_t i = 0; i < 2; i++) {
		fx_invoke(&c, g, session, funcs[i]);
		cg_set_value(&c, 0, VALUE_IN, handle, 0, 0);
		cg_do(&c);
		done(&c, strict, TEEC_SUCCESS);
	}
	close_session(g, strict, session);
}

/* The guest names memory that cannot be had, and is asked to free it again. */
static void payload_refused(struct fx_guest *g, bool strict)
{
	uint32_t session = open_test_ta(g, strict);
	struct cg_call c;

	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD);
	cg_set_value(&c, 0, VALUE_INOUT, 5000, OPTEE_RPC_SHM_TYPE_APPL, 0);
	if (cg_until_cmd(&c, OPTEE_RPC_CMD_SHM_ALLOC)) {
		uint64_t ipa;

		cg_serve(&c);
		ipa = cg_rpc_param(&c, 0)->u.tmem.buf_ptr;
		((uint64_t *)test_guest_va(g->test, ipa))[1] = g->test->hole_ipa;
		/* It would free what it finds in its list. */
		if (cg_payload_find(g->cg, cg_rpc_param(&c, 0)->u.tmem.shm_ref))
			g->cg->payloads[0].buf.pages = 0;
		cg_resume(&c);
	}
	cg_finish(&c);
	expect(strict, cg_param(&c, 0)->u.value.b, TEEC_ERROR_OUT_OF_MEMORY);
	done(&c, strict, TEEC_SUCCESS);
	close_session(g, strict, session);
}

static void cached_arguments(struct fx_guest *g, bool strict)
{
	uint32_t out[4];

	expect(strict, cg_fast(g->cg, OPTEE_SMC_ENABLE_SHM_CACHE, 0, NULL), OPTEE_SMC_RETURN_OK);
	times(g, strict);
	times(g, strict);
	for (uint32_t i = 0; i < 8; i++) {
		if (cg_fast(g->cg, OPTEE_SMC_DISABLE_SHM_CACHE, 0, out) != OPTEE_SMC_RETURN_OK)
			break;
		cg_rpc_arg_drop(g->cg, (uint64_t)out[1] << 32 | out[2]);
	}
	expect(strict, out[0], OPTEE_SMC_RETURN_ENOTAVAIL);
}

static void unknown_ta(struct fx_guest *g, bool strict)
{
	uint32_t session;

	expect(strict, cg_open(g->cg, cg_uuid_unknown, &session), TEEC_ERROR_ITEM_NOT_FOUND);
}

static void two_calls_at_once(struct fx_guest *g, bool strict)
{
	uint32_t session[2] = { open_test_ta(g, strict), open_test_ta(g, strict) };
	struct cg_call c[2];

	for (uint32_t i = 0; i < 2; i++) {
		fx_invoke(&c[i], g, session[i], MODEL_TA_PAYLOAD);
		cg_set_value(&c[i], 0, VALUE_INOUT, (3 + i) * CG_PAGE, i, 0);
		cg_start(&c[i]);
	}
	cg_finish_all(c, 2);
	for (uint32_t i = 0; i < 2; i++) {
		expect(strict, cg_param(&c[i], 0)->u.value.b, TEEC_SUCCESS);
		done(&c[i], strict, TEEC_SUCCESS);
		close_session(g, strict, session[i]);
	}
}

static void refusals(struct fx_guest *g, bool strict)
{
	uint32_t session = open_test_ta(g, strict);
	struct cg_buf b[2];
	struct cg_call c;

	fx_buffer(&b[0], g, 3 * CG_PAGE, 0);
	fx_buffer(&b[1], g, 3 * CG_PAGE, 0);
	*cg_buf_entry(g->cg, &b[1], 2) = g->test->mmio_ipa;
	fx_nop(&c, g, session);
	cg_set_tmem(&c, 1, TMEM_IN, &b[0]);
	cg_set_tmem(&c, 2, TMEM_IN, &b[1]);
	cg_do(&c);
	done(&c, strict, TEEC_ERROR_BAD_PARAMETERS);
	fx_nop(&c, g, session);
	cg_set_rmem(&c, 1, RMEM_IN, 0x1234, 0, 1);
	cg_do(&c);
	done(&c, strict, TEEC_ERROR_BAD_PARAMETERS);
	close_session(g, strict, session);
}

const struct flow flows[] = {
	{ "session_with_values", session_with_values },
	{ "memory_by_arg", memory_by_arg },
	{ "memory_by_rpc_arg", memory_by_rpc_arg },
	{ "message_in_registered_memory", message_in_registered_memory },
	{ "long_list", long_list },
	{ "times", times },
	{ "payloads", payloads },
	{ "payload_refused", payload_refused },
	{ "cached_arguments", cached_arguments },
	{ "unknown_ta", unknown_ta },
	{ "two_calls_at_once", two_calls_at_once },
	{ "refusals", refusals },
	{ NULL, NULL },
};

void flows_run(struct fx_guest *g, bool strict)
{
	for (const struct flow *flow = flows; flow->name; flow++)
		flow->run(g, strict);
}

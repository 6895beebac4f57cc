/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of yielding calls: that they work, and what of a message comes back.
 *
 * The pseudo-TAs that every OP-TEE built with tests has do the work: invoke_tests,
 * stats, device enumeration.
 */
#include "client.h"

/* ---- that it works ---- */

static void s13_values_in_every_position(struct cg_guest *g, uint32_t session)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct cg_call c;

		/* One value inout: a becomes a + b. */
		if (!cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
			break;
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = CG_INVOKE_PARAMS;
		cg_set_value(&c, i, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 2, 3, 9);
		CG_DO(&c, "inout", TEEC_SUCCESS);
		CG_EQ(g, "a", cg_param(&c, i)->u.value.a, 5);
		CG_EQ(g, "b", cg_param(&c, i)->u.value.b, 3);
		CG_EQ(g, "c", cg_param(&c, i)->u.value.c, 9);

		/* Three in, one out: the sum of the three. */
		for (uint32_t n = 0; n < 4; n++)
			cg_set_value(&c, n, n == i ? OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT :
				     OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 10 + n, 100 + n, 0);
		cg_start(&c);
		CG_FINISH(&c, "three in", TEEC_SUCCESS);
		CG_EQ(g, "sum of a", cg_param(&c, i)->u.value.a, 46 - 10 - i);
		CG_EQ(g, "sum of b", cg_param(&c, i)->u.value.b, 406 - 100 - i);
		cg_call_fini(&c);
	}
}

static void s13_errors_of_optee_come_through(struct cg_guest *g)
{
	uint32_t session;
	struct cg_call c;
	uint64_t a = 1;

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	CG_EQ(g, "close again", cg_close(g, session), TEEC_ERROR_ITEM_NOT_FOUND);
	CG_EQ(g, "invoke a closed session", cg_add(g, session, &a, 1), TEEC_ERROR_BAD_PARAMETERS);

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 0)) {
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = 0xffff;
		CG_DO(&c, "a function the TA has not", TEEC_ERROR_BAD_PARAMETERS);
		CG_EQ(g, "origin", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void s13_cancel_of_an_idle_session(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (cg_call_init(&c, g, OPTEE_MSG_CMD_CANCEL, 0)) {
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->cancel_id = 77;
		CG_DO(&c, "cancel", TEEC_SUCCESS);
		cg_hdr(&c)->session = session + 0x1000;
		cg_start(&c);
		CG_FINISH(&c, "cancel without session", TEEC_ERROR_BAD_PARAMETERS);
		CG_EQ(g, "origin", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TEE);
		cg_call_fini(&c);
	}
}

static void s13_several_sessions(struct cg_guest *g)
{
	uint32_t sessions[8];
	uint64_t a;

	for (uint32_t i = 0; i < 8; i++) {
		CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &sessions[i]), TEEC_SUCCESS);
		CG_OK(g, "a new id", i == 0 || sessions[i] != sessions[i - 1]);
	}
	for (uint32_t i = 0; i < 8; i++) {
		a = i;
		CG_EQ(g, "invoke", cg_add(g, sessions[7 - i], &a, 1), TEEC_SUCCESS);
		CG_EQ(g, "sum", a, i + 1);
	}
	for (uint32_t i = 0; i < 8; i++)
		CG_EQ(g, "close", cg_close(g, sessions[i]), TEEC_SUCCESS);
}

static void s13_device_enumeration(struct cg_guest *g, uint32_t session)
{
	uint64_t attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
	struct cg_call c;
	struct cg_buf b;

	/* As Linux does it: first for the size, then for the UUIDs. */
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4)) {
		uint64_t need;

		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = CG_DEVICE_GET;
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, 0, 0, 0);
		cg_do(&c);
		need = cg_param(&c, 0)->u.tmem.size;
		CG_OK(g, "whole UUIDs", need % 16 == 0);
		CG_IS(g, "too short, or nothing there", cg_result(&c),
		      need ? TEEC_ERROR_SHORT_BUFFER : TEEC_SUCCESS);
		if (CG_OK(g, "memory", cg_buf_make(g, &b, need + 100, 100))) {
			cg_set_tmem(&c, 0, attr, &b);
			cg_start(&c);
			CG_FINISH(&c, "enumerate", TEEC_SUCCESS);
			CG_IS(g, "size", cg_param(&c, 0)->u.tmem.size, need);
			cg_buf_free(g, &b);
		}
		cg_call_fini(&c);
	}
}

static void s13_null_memref(struct cg_guest *g, uint32_t session)
{
	static const uint64_t attrs[] = {
		OPTEE_MSG_ATTR_TYPE_TMEM_INOUT,
		OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG,
	};
	struct cg_call c;

	if (cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4)) {
		for (unsigned int i = 0; i < 2; i++) {
			cg_hdr(&c)->session = session;
			cg_hdr(&c)->func = CG_INVOKE_NULL;
			cg_set_value(&c, 0, attrs[i], 0, 0, 0);
			cg_start(&c);
			CG_FINISH(&c, "NULL", TEEC_SUCCESS);
			/* OP-TEE forces the size of a NULL memref to 0. */
			cg_set_value(&c, 0, attrs[i], 0, 4096, 1);
			cg_start(&c);
			CG_FINISH(&c, "NULL with a size", TEEC_SUCCESS);
			CG_EQ(g, "its size", cg_param(&c, 0)->u.tmem.size, 0);
		}
		cg_call_fini(&c);
	}
}

/* The same message, but in registered memory. */
static void move_into(struct cg_call *c, const struct cg_buf *b)
{
	uint8_t *msg = cg_buf_at(c->g, b, 0);

	cg_copy(msg, c->msg, OPTEE_MSG_ARG_SIZE(cg_hdr(c)->num_params));
	c->fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	c->where = b->cookie;
	c->msg = msg;
}

/*
 * No memory, as U-Boot writes it, and what the TA says to that. b: where the message
 * lies, NULL for a page of its own.
 */
static void invoke_null(struct cg_guest *g, const uint8_t uuid[16], uint32_t func, uint64_t attr,
			uint32_t ret, uint32_t fid, const struct cg_buf *b)
{
	uint32_t session;
	struct cg_call c;

	CG_EQ(g, "open", cg_open(g, uuid, &session), TEEC_SUCCESS);
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 1)) {
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = func;
		cg_set_rmem(&c, 0, attr, 0, 0, 0);
		c.fid = fid;
		if (b)
			move_into(&c, b);
		CG_DO(&c, "no memory", ret);
		CG_EQ(g, "by the TA", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
		CG_EQ(g, "a size, if it is too short", cg_param(&c, 0)->u.rmem.size != 0,
		      ret == TEEC_ERROR_SHORT_BUFFER);
		CG_OK(g, "the same reference", cg_param(&c, 0)->attr == attr &&
		      !cg_param(&c, 0)->u.rmem.offs && !cg_param(&c, 0)->u.rmem.shm_ref);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void s13_fault_b2_null_memref_by_cookie(struct cg_guest *g)
{
	const uint32_t first = OPTEE_MSG_META_PARAMS;
	struct cg_call c;

	invoke_null(g, cg_uuid_invoke, CG_INVOKE_NULL, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT,
		    TEEC_SUCCESS, OPTEE_SMC_CALL_WITH_ARG, NULL);
	/* It wants a reference that goes both ways, and knows by now that this does not. */
	invoke_null(g, cg_uuid_invoke, CG_INVOKE_NULL, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT,
		    TEEC_ERROR_BAD_PARAMETERS, OPTEE_SMC_CALL_WITH_ARG, NULL);
	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, first + 3))
		return;
	cg_set_open(&c, cg_uuid_invoke);
	for (uint32_t i = 0; i < 3; i++)
		cg_set_rmem(&c, first + i, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT + i, 0, 0, 0);
	CG_DO(&c, "open", TEEC_SUCCESS);
	for (uint32_t i = 0; i < 3; i++)
		CG_EQ(g, "size", cg_param(&c, first + i)->u.rmem.size, 0);
	CG_EQ(g, "close", cg_close(g, cg_hdr(&c)->session), TEEC_SUCCESS);
	cg_call_fini(&c);
}

/* So it is that U-Boot asks how much memory the list of devices takes. */
static void s13_fault_b2_device_enumeration(struct cg_guest *g)
{
	invoke_null(g, cg_uuid_device, CG_DEVICE_GET, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT,
		    TEEC_ERROR_SHORT_BUFFER, OPTEE_SMC_CALL_WITH_ARG, NULL);
}

static void s23_fault_b2_null_memref_beside_an_rpc_arg(struct cg_guest *g)
{
	struct cg_buf b;

	invoke_null(g, cg_uuid_device, CG_DEVICE_GET, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT,
		    TEEC_ERROR_SHORT_BUFFER, OPTEE_SMC_CALL_WITH_RPC_ARG, NULL);
	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)))
		return;
	CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
	invoke_null(g, cg_uuid_device, CG_DEVICE_GET, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT,
		    TEEC_ERROR_SHORT_BUFFER, OPTEE_SMC_CALL_WITH_REGD_ARG, &b);
	CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
	cg_buf_free(g, &b);
}

/* With an offset or a size it is a reference to what nobody has registered. */
static void s56_fault_b2_cookie_0_is_no_buffer(struct cg_guest *g, uint32_t session)
{
	static const uint64_t parts[][2] = { { 1, 0 }, { 0, 1 }, { 0, CG_PAGE }, { 1ull << 32, 0 },
					     { 0, 1ull << 63 }, { ~0ull, 1 } };
	struct cg_call c;

	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!cg_invoke_init(&c, g, session, CG_INVOKE_NULL))
			break;
		cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 0, parts[i][0], parts[i][1]);
		cg_do(&c);
		CG_REFUSED(&c, "cookie 0", TEEC_ERROR_BAD_PARAMETERS);
		cg_call_fini(&c);
	}
}

/* ---- exactly the outputs come back (I3) ---- */

/* Surrounds a message with a pattern that must still be there afterwards. */
static void paint(struct cg_call *c)
{
	size_t used = OPTEE_MSG_ARG_SIZE(cg_hdr(c)->num_params);

	for (size_t i = used; i < CG_PAGE; i++)
		c->msg[i] = (uint8_t)(i * 31u + 5u);
	cg_hdr(c)->pad = 0x9a9a9a9a;
	cg_hdr(c)->cancel_id = 0x5c5c5c5c;
}

/* Runs a call and puts what may change back to what it was: all is as before. */
static void only_outputs(struct cg_call *c, const char *what, uint32_t outputs)
{
	struct cg_guest *g = c->g;
	uint32_t keep = cg_page_get(g);
	struct optee_msg_hdr *was;

	if (!CG_OK(g, "memory", keep != CG_NO_PAGE))
		return;
	paint(c);
	was = cg_page_va(g, keep);
	cg_hdr(c)->ret = 0x11111111;
	cg_hdr(c)->ret_origin = 0x22222222;
	cg_copy(was, c->msg, CG_PAGE);
	cg_start(c);
	cg_finish(c);
	CG_EQ(g, what, c->a[0], OPTEE_SMC_RETURN_OK);
	CG_OK(g, "ret is written", cg_hdr(c)->ret != 0x11111111);
	CG_OK(g, "origin is written", cg_hdr(c)->ret_origin != 0x22222222);
	was->ret = cg_hdr(c)->ret;
	was->ret_origin = cg_hdr(c)->ret_origin;
	if (was->cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		was->session = cg_hdr(c)->session;
	for (uint32_t i = 0; i < was->num_params; i++) {
		struct optee_msg_param *p = cg_param(c, i);
		uint8_t *old = (uint8_t *)was + OPTEE_MSG_ARG_SIZE(i);

		if (!(outputs & 1u << i))
			continue;
		/* a and b of a value; b is also where a memref has its size. */
		if ((p->attr & OPTEE_MSG_ATTR_TYPE_MASK) <= OPTEE_MSG_ATTR_TYPE_VALUE_INOUT)
			cg_copy(old + 8, &p->u.value.a, 8);
		cg_copy(old + 16, &p->u.value.b, 8);
	}
	CG_OK(g, what, cg_same(was, c->msg, CG_PAGE));
	cg_page_put(g, keep);
}

static void s13_only_outputs_come_back(struct cg_guest *g)
{
	uint32_t session = 0;
	struct cg_call c;
	struct cg_buf b;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 6))
		return;
	if (!CG_OK(g, "memory", cg_buf_make(g, &b, 6000, 77))) {
		cg_call_fini(&c);
		return;
	}
	cg_buf_pattern(g, &b, 3);
	cg_set_open(&c, cg_uuid_invoke);
	cg_set_value(&c, 2, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 2, 3);
	cg_set_value(&c, 3, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 4, 5, 6);
	cg_set_value(&c, 4, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 7, 8, 9);
	cg_set_value(&c, 5, OPTEE_MSG_ATTR_TYPE_NONE, 10, 11, 12);
	only_outputs(&c, "open", 1u << 3 | 1u << 4);
	CG_EQ(g, "opened", cg_hdr(&c)->ret, TEEC_SUCCESS);
	session = cg_hdr(&c)->session;

	cg_fill(c.msg, 0, CG_PAGE);
	cg_hdr(&c)->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	cg_hdr(&c)->func = CG_INVOKE_PARAMS;
	cg_hdr(&c)->session = session;
	cg_hdr(&c)->num_params = 4;
	cg_set_value(&c, 1, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 20, 22, 0xcccc);
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_NONE, 0xaaaa, 0xbbbb, 0xcccc);
	only_outputs(&c, "invoke, value", 1u << 1);
	CG_EQ(g, "sum", cg_param(&c, 1)->u.value.a, 42);

	cg_set_value(&c, 1, OPTEE_MSG_ATTR_TYPE_NONE, 1, 2, 3);
	cg_set_tmem(&c, 2, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG, &b);
	only_outputs(&c, "invoke, temporary buffer", 1u << 2);
	CG_EQ(g, "size", cg_param(&c, 2)->u.tmem.size, 6000);

	cg_set_tmem(&c, 2, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG, &b);
	cg_set_value(&c, 3, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 5, 6, 7);
	only_outputs(&c, "invoke that fails, inputs only", 0);
	CG_EQ(g, "refused by the TA", cg_hdr(&c)->ret, TEEC_ERROR_BAD_PARAMETERS);

	cg_hdr(&c)->cmd = OPTEE_MSG_CMD_CANCEL;
	cg_hdr(&c)->num_params = 0;
	only_outputs(&c, "cancel", 0);
	cg_hdr(&c)->cmd = OPTEE_MSG_CMD_CLOSE_SESSION;
	only_outputs(&c, "close", 0);
	CG_EQ(g, "closed", cg_hdr(&c)->ret, TEEC_SUCCESS);
	cg_buf_free(g, &b);
	cg_call_fini(&c);
}

/* A refused message is answered in ret and ret_origin and nowhere else. */
static void s13_refusal_writes_the_result_only(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
		return;
	cg_hdr(&c)->session = session;
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 1, 2, 3);
	cg_set_rmem(&c, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 0x123456789, 4, 5);
	only_outputs(&c, "refused", 0);
	CG_REFUSED(&c, "unknown cookie", TEEC_ERROR_BAD_PARAMETERS);
	cg_call_fini(&c);
}

/* An output that the TA left alone is not what the last guest left there. */
static void s22_untouched_outputs_hold_nothing_foreign(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;
	unsigned int i;

	for (i = 0; i < 8 && cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4); i++) {
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = 0xfff0;
		for (uint32_t n = 0; n < 4; n++)
			cg_set_value(&c, n, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
		CG_DO(&c, "refused by the TA", TEEC_ERROR_BAD_PARAMETERS);
		for (uint32_t n = 0; n < 4; n++) {
			CG_EQ(g, "a", cg_param(&c, n)->u.value.a, 0);
			CG_EQ(g, "b", cg_param(&c, n)->u.value.b, 0);
			CG_EQ(g, "c", cg_param(&c, n)->u.value.c, 0);
		}
		cg_call_fini(&c);
	}
}

/* ---- the guest changes its message while the call runs (I1) ---- */

static void s17_rewritten_message_changes_nothing(struct cg_guest *g, uint32_t session)
{
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };
	struct cg_call c;

	for (unsigned int i = 0; i < 2 && cg_time_init(&c, g, session); i++) {
		c.fid = fids[i];
		CG_OK(g, "stops for the time", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
		/* cmd, num_params, attributes: whatever completion could go by. */
		cg_fill(c.msg, 0xff, OPTEE_MSG_ARG_SIZE(2));
		cg_finish(&c);
		CG_EQ(g, "a0", c.a[0], OPTEE_SMC_RETURN_OK);
		CG_EQ(g, "ret arrives", cg_hdr(&c)->ret, TEEC_SUCCESS);
		CG_EQ(g, "seconds arrive", cg_param(&c, 0)->u.value.a, 1500000000);
		CG_EQ(g, "milliseconds arrive", cg_param(&c, 0)->u.value.b, 123);
		/* I3: and nothing else is written, not even what the copy had. */
		CG_EQ(g, "cmd", cg_hdr(&c)->cmd, 0xffffffff);
		CG_EQ(g, "session", cg_hdr(&c)->session, 0xffffffff);
		CG_EQ(g, "num_params", cg_hdr(&c)->num_params, 0xffffffff);
		CG_EQ(g, "attr", cg_param(&c, 0)->attr, ~0ull);
		CG_EQ(g, "c", cg_param(&c, 0)->u.value.c, ~0ull);
		cg_call_fini(&c);
	}
}

/* Every register and every message of this run has been scanned on the way. */
static const char *lacks_eyes(struct cg_guest *g)
{
	return g->platform->is_host_address ? NULL : "the platform cannot tell host addresses";
}

static void s22_no_host_address_is_ever_seen(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;
	struct cg_buf b;

	if (cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4)) {
		if (CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE, 0))) {
			cg_hdr(&c)->session = session;
			cg_hdr(&c)->func = CG_INVOKE_PARAMS;
			cg_set_tmem(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT |
				    OPTEE_MSG_ATTR_NONCONTIG, &b);
			CG_DO(&c, "ret", TEEC_SUCCESS);
			CG_OK(g, "whole page", !cg_leaks(g, c.msg, CG_PAGE));
			CG_OK(g, "list", !cg_leaks(g, cg_buf_entry(g, &b, 0), CG_PAGE));
			CG_OK(g, "data", !cg_leaks(g, cg_buf_at(g, &b, 0), CG_PAGE));
			cg_buf_free(g, &b);
		}
		cg_call_fini(&c);
	}
}

const struct cg_scenario_entry cg_scenarios_calls[] = {
	CG_IN_SESSION("13", "", cg_uuid_invoke, s13_values_in_every_position),
	CG_SCENARIO("13", "", s13_errors_of_optee_come_through),
	CG_IN_SESSION("13", "", cg_uuid_invoke, s13_cancel_of_an_idle_session),
	CG_SCENARIO("13", "", s13_several_sessions),
	CG_IN_SESSION("13", "", cg_uuid_device, s13_device_enumeration),
	CG_IN_SESSION("13", "", cg_uuid_invoke, s13_null_memref),
	CG_SCENARIO("13", "I7", s13_fault_b2_null_memref_by_cookie),
	CG_SCENARIO("13", "", s13_fault_b2_device_enumeration),
	CG_SCENARIO("23", "I7", s23_fault_b2_null_memref_beside_an_rpc_arg),
	CG_IN_SESSION("56", "I7", cg_uuid_invoke, s56_fault_b2_cookie_0_is_no_buffer),
	CG_SCENARIO("13", "I3", s13_only_outputs_come_back),
	CG_IN_SESSION("13", "I3, I9", cg_uuid_invoke, s13_refusal_writes_the_result_only),
	CG_IN_SESSION("17", "I1, I3", cg_uuid_stats, s17_rewritten_message_changes_nothing),
	CG_IN_SESSION("22", "I3", cg_uuid_invoke, s22_untouched_outputs_hold_nothing_foreign),
	CG_IN_SESSION_IF(lacks_eyes, "22", "I3", cg_uuid_invoke, s22_no_host_address_is_ever_seen),
	CG_SCENARIOS_END
};

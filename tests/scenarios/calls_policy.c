/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy is asked and told, and what its refusal is to the guest. */
#include "fixture.h"

#include <string.h>

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

/* Sessions are counted by TA, and what the policy refuses counts no more. */
FX_TEST_WITH(policy_is_told_how_many_sessions_the_ta_has, .authorize = true)
{
	const struct { const uint8_t *ta; uint32_t code, sessions; } opens[] = {
		{ cg_uuid_model, TEEC_SUCCESS, 0 }, { cg_uuid_model, TEEC_SUCCESS, 1 },
		{ cg_uuid_stats, TEEC_SUCCESS, 0 }, { cg_uuid_model, 0xffff0abc, 2 },
		{ cg_uuid_model, TEEC_SUCCESS, 2 },
	};
	uint32_t session;
	struct policy p;
	struct cg_call c;

	set_policy(f, &p);
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		p.refuse_cmd = opens[i].code ? OPTEE_MSG_CMD_OPEN_SESSION : NO_CMD;
		p.code = opens[i].code;
		p.n = 0;
		assert_int_equal(cg_open(g->cg, opens[i].ta, &session), opens[i].code);
		assert_int_equal(p.seen[0].sessions, opens[i].sessions);
	}
	assert_int_equal(fx_counter(g, OM_COUNT_SESSIONS_NOW), 4);
	fx_nop(&c, g, session);
	fx_do(&c, TEEC_SUCCESS);
	assert_int_equal(p.seen[1].cmd, OPTEE_MSG_CMD_INVOKE_COMMAND);
	assert_int_equal(p.seen[1].sessions, 0);
}

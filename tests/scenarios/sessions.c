/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions, and the TAs behind them: what was judged for one TA is never carried out by
 * another, although OP-TEE gives an id again at once; and there are only so many.
 *
 * .watch_tas holds what the policy was asked about against the TA that OP-TEE chose.
 */
#include "fixture.h"

#include <string.h>

#include "message.h"

#define LENT_PAGES	100u	/* more than are translated, or given back, in one piece */

/* TA A is the model's test TA, TA B a pseudo-TA. */
#define UUID_A	cg_uuid_model
#define UUID_B	cg_uuid_invoke

#define WATCHED(name) FX_TEST_WITH(name, .watch_tas = true)

/* Comes back, and serves what it was asked, so many times: or until the end. */
static void go_on(struct cg_call *c, uint32_t times)
{
	while (times-- && c->state == CG_WAITING) {
		cg_serve(c);
		cg_resume(c);
	}
}

static void on_session(struct cg_call *c, struct fx_guest *g, uint32_t cmd, uint32_t session,
		       uint32_t func)
{
	fx_call(c, g, cmd, 0);
	cg_hdr(c)->session = session;
	cg_hdr(c)->func = func;
}

static bool is_interrupted(const struct cg_call *c)
{
	return c->state == CG_WAITING && c->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
}

/* OP-TEE is busy, and there is nobody to wait for: the call is to come back. */
static void start_busy(struct cg_call *c, struct fx *f)
{
	model_answer_next(f->model, 0, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	cg_start(c);
	assert_true(is_interrupted(c));
}

/* A call that the CPU was taken from in its translation. */
static void start_translating(struct cg_call *c, struct fx *f, const struct cg_buf *lent)
{
	cg_set_tmem(c, 1, TMEM_IN, lent);
	atomic_store(&f->host->yield_every, 1);
	cg_start(c);
	atomic_store(&f->host->yield_every, 0);
	assert_true(is_interrupted(c));
}

/*
 * Another vCPU closes the session as far as it gets, and opens TA B. Nobody has to say
 * how: which id B has is left open.
 */
static uint32_t close_and_open_b(struct cg_call *c, struct fx_guest *g, uint32_t session)
{
	uint32_t b;

	on_session(c, g, OPTEE_MSG_CMD_CLOSE_SESSION, session, 0x77);
	c->vcpu = 1;
	cg_start(c);
	go_on(c, 3);
	assert_int_equal(cg_open(g->cg, UUID_B, &b), TEEC_SUCCESS);
	return b;
}

static void end_of_close(struct cg_call *c, struct fx_guest *g, uint32_t b)
{
	uint32_t again;

	fx_finish(c, TEEC_SUCCESS);
	fx_close(g, b);
	/* And the id is good for the next. */
	assert_int_equal(cg_open(g->cg, UUID_B, &again), TEEC_SUCCESS);
	fx_close(g, again);
	fx_assert_idle(g);
}

/* --- What was judged for one TA ------------------------------------------------------- */

static uint32_t no_invoke_of_b(const struct om_request *request)
{
	if (request->cmd == OPTEE_MSG_CMD_INVOKE_COMMAND &&
	    memcmp(request->ta_uuid, UUID_B, sizeof(request->ta_uuid)) == 0)
		return TEEC_ERROR_ACCESS_DENIED;
	return TEEC_SUCCESS;
}

/* An INVOKE on A that has to wait, while another vCPU closes A and opens B. */
static void invoke_overtaken(struct fx *f, struct fx_guest *g, bool translating)
{
	struct cg_buf lent;
	struct cg_call invoke, close;
	uint32_t b;

	f->policy = no_invoke_of_b;
	fx_buffer(&lent, g, LENT_PAGES * CG_PAGE, 0);
	for (uint32_t round = 0; round < 3; round++) {
		fx_nop(&invoke, g, fx_session(g));
		if (translating)
			start_translating(&invoke, f, &lent);
		else
			start_busy(&invoke, f);
		f->carried_out = 0;
		b = close_and_open_b(&close, g, cg_hdr(&invoke)->session);
		assert_int_equal(f->carried_out, 0);
		/* It was allowed for A: so A has it, though the policy would not for B. */
		cg_finish(&invoke);
		assert_int_equal(f->carried_out, 1);
		fx_ended(&invoke, TEEC_SUCCESS);
		fx_nop(&invoke, g, b);
		cg_start(&invoke);
		fx_refused(&invoke, TEEC_ERROR_ACCESS_DENIED);
		end_of_close(&close, g, b);
	}
	cg_buf_free(g->cg, &lent);
}

WATCHED(fault_c1_command_of_one_ta_is_never_carried_out_by_another)
{
	invoke_overtaken(f, g, true);
}

WATCHED(fault_c1_command_of_one_ta_that_finds_optee_busy)
{
	invoke_overtaken(f, g, false);
}

WATCHED(fault_c1_cancel_of_one_ta_is_never_carried_out_by_another)
{
	struct cg_call cancel, close;
	uint32_t b;

	on_session(&cancel, g, OPTEE_MSG_CMD_CANCEL, fx_session(g), 1);
	start_busy(&cancel, f);
	b = close_and_open_b(&close, g, cg_hdr(&cancel)->session);
	assert_int_equal(f->carried_out, 0);
	cg_finish(&cancel);
	assert_int_equal(f->carried_out, 1);
	fx_ended(&cancel, TEEC_SUCCESS);
	end_of_close(&close, g, b);
}

/* The second CLOSE finds nothing to close, neither A nor B. */
WATCHED(fault_c1_close_of_one_ta_is_never_carried_out_by_another)
{
	struct cg_call close[2], c;
	uint32_t b;

	on_session(&close[0], g, OPTEE_MSG_CMD_CLOSE_SESSION, fx_session(g), 1);
	start_busy(&close[0], f);
	b = close_and_open_b(&close[1], g, cg_hdr(&close[0])->session);
	assert_int_equal(f->carried_out, 0);
	fx_ended(&close[1], TEEC_ERROR_ITEM_NOT_FOUND);
	cg_finish(&close[0]);
	assert_int_equal(f->carried_out, 1);
	fx_ended(&close[0], TEEC_SUCCESS);
	/* B is open, and stays so. */
	on_session(&c, g, OPTEE_MSG_CMD_CANCEL, b, 2);
	fx_do(&c, TEEC_SUCCESS);
	fx_close(g, b);
}

/* The id of a session that is being closed names nothing, whatever becomes of it. */
WATCHED(fault_c1_closing_session_cannot_be_named)
{
	static const uint32_t cmds[] = { OPTEE_MSG_CMD_INVOKE_COMMAND, OPTEE_MSG_CMD_CANCEL };
	uint32_t session = fx_session(g);
	struct cg_call close, c;

	on_session(&close, g, OPTEE_MSG_CMD_CLOSE_SESSION, session, 1);
	start_busy(&close, f);
	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 2; i++) {
		on_session(&c, g, cmds[i], session, 2);
		fx_do(&c, TEEC_ERROR_BAD_PARAMETERS);
	}
	assert_int_equal(fx_smcs(f), 0);
	/* OP-TEE did not do it after all: open as before. */
	model_answer_next(f->model, 0, OPTEE_SMC_RETURN_EBADCMD, 0, 0, 0);
	fx_finish(&close, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADCMD);
	fx_nop(&c, g, session);
	fx_do(&c, TEEC_SUCCESS);
	fx_close(g, session);
}

/* --- What has happened is known at once -------------------------------------------------- */

/* OP-TEE has opened A, but the guest does not take the end of its call. */
static void held_back_open(struct cg_call *c, struct fx *f, const struct cg_buf *lent)
{
	struct fx_guest *g = &f->guest[0];

	fx_call(c, g, OPTEE_MSG_CMD_OPEN_SESSION, 3);
	cg_set_open(c, UUID_A);
	cg_set_tmem(c, 2, TMEM_IN, lent);
	atomic_store(&f->host->yield_every, 1);
	cg_start(c);
	while (is_interrupted(c) && cg_hdr(c)->session == 0)
		go_on(c, 1);
	atomic_store(&f->host->yield_every, 0);
	assert_true(is_interrupted(c));
	assert_int_equal(cg_hdr(c)->ret, TEEC_SUCCESS);
}

/* A CLOSE whose message is in a buffer that it is the last to use: that takes its time. */
static void held_back_close(struct cg_call *c, struct fx *f, uint32_t session)
{
	struct fx_guest *g = &f->guest[0];
	struct cg_buf b;

	fx_register(&b, g, LENT_PAGES * CG_PAGE);
	on_session(c, g, OPTEE_MSG_CMD_CLOSE_SESSION, session, 1);
	memcpy(cg_buf_at(g->cg, &b, 0), c->msg, OPTEE_MSG_ARG_SIZE(0));
	cg_page_put(g->cg, c->page);
	c->page = CG_NO_PAGE;
	c->fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	c->where = b.cookie;
	c->offset = 0;
	c->msg = cg_buf_at(g->cg, &b, 0);
	start_busy(c, f);
	fx_unregister(&b, g);
	f->carried_out = 0;
	atomic_store(&f->host->yield_every, 1);
	go_on(c, 1);
	atomic_store(&f->host->yield_every, 0);
	assert_int_equal(f->carried_out, 1);
	assert_true(is_interrupted(c));
}

WATCHED(fault_c1_done_cannot_be_held_back)
{
	struct cg_buf lent;
	struct cg_call open, close, c;
	uint32_t session, b;

	fx_buffer(&lent, g, LENT_PAGES * CG_PAGE, 0);
	held_back_open(&open, f, &lent);
	session = cg_hdr(&open)->session;
	/* The policy knows of which TA it is, before the guest takes the end. */
	fx_nop(&c, g, session);
	fx_do(&c, TEEC_SUCCESS);
	assert_int_equal(f->carried_out, 1);

	held_back_close(&close, f, session);
	assert_int_equal(cg_close(g->cg, session), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(cg_open(g->cg, UUID_B, &b), TEEC_SUCCESS);
	assert_int_equal(b, session);
	on_session(&c, g, OPTEE_MSG_CMD_CANCEL, b, 2);
	fx_do(&c, TEEC_SUCCESS);

	/* Late ends change nothing. */
	cg_finish(&close);
	assert_int_equal(close.state, CG_ENDED);
	cg_call_fini(&close);
	fx_finish(&open, TEEC_SUCCESS);
	on_session(&c, g, OPTEE_MSG_CMD_CANCEL, b, 3);
	fx_do(&c, TEEC_SUCCESS);
	fx_close(g, b);
	cg_buf_free(g->cg, &lent);
}

/* --- The limit ------------------------------------------------------------------------------ */

#define LIMIT	3u

#define LIMITED(name) FX_TEST_WITH(name, .watch_tas = true, .limits.sessions = LIMIT)

/* One more is refused, and OP-TEE not asked. */
static void expect_full(struct fx *f)
{
	struct fx_guest *g = &f->guest[0];
	uint64_t refused = fx_counter(g, OM_COUNT_REFUSED_QUOTA);
	struct cg_call c;

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(&c, UUID_A);
	fx_smcs_reset(f);
	cg_start(&c);
	fx_refused(&c, TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_QUOTA), refused + 1);
}

LIMITED(fault_c1_sessions_are_bounded)
{
	uint32_t session[LIMIT];

	for (uint32_t i = 0; i < LIMIT; i++)
		session[i] = fx_session(g);
	for (uint32_t i = 0; i < 2 * LIMIT; i++) {
		expect_full(f);
		fx_close(g, session[i % LIMIT]);
		session[i % LIMIT] = fx_session(g);
	}
	expect_full(f);
	/* A guest that starts over has all of them. */
	assert_int_equal(fx_reset(g), OM_OK);
	for (uint32_t i = 0; i < LIMIT; i++)
		session[i] = fx_session(g);
	expect_full(f);
}

static uint32_t no_open(const struct om_request *request)
{
	return request->cmd == OPTEE_MSG_CMD_OPEN_SESSION ? TEEC_ERROR_ACCESS_DENIED : TEEC_SUCCESS;
}

enum why { BY_TA, BY_POLICY, BY_OPTEE, BY_TRANSLATION, BY_COOKIE, WHYS };

/* An OPEN that comes to nothing, in each of its ways. */
static void fail_to_open(struct fx *f, enum why why, const struct cg_buf *bad)
{
	struct fx_guest *g = &f->guest[0];
	struct cg_call c;

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 3);
	cg_set_open(&c, UUID_A);
	cg_set_value(&c, 2, VALUE_IN, MODEL_TA_OPEN_FAIL, 0xffff7777, 0);
	if (why == BY_POLICY)
		f->policy = no_open;
	if (why == BY_OPTEE)
		model_answer_next(f->model, 0, OPTEE_SMC_RETURN_ENOMEM, 0, 0, 0);
	if (why == BY_TRANSLATION)
		cg_set_tmem(&c, 2, TMEM_IN, bad);
	if (why == BY_COOKIE)
		cg_set_rmem(&c, 2, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 0x777, 0, 1);
	cg_do(&c);
	assert_int_not_equal(cg_result(&c), TEEC_SUCCESS);
	cg_call_fini(&c);
	f->policy = NULL;
}

LIMITED(fault_c1_what_was_not_opened_is_not_charged)
{
	uint32_t session[LIMIT];
	struct cg_buf bad;

	fx_buffer(&bad, g, 2 * CG_PAGE, 0);
	*cg_buf_entry(g->cg, &bad, 1) = g->test->hole_ipa;
	for (uint32_t why = BY_TA; why < WHYS; why++) {
		for (uint32_t i = 0; i < 2 * LIMIT; i++)
			fail_to_open(f, (enum why)why, &bad);
		for (uint32_t i = 0; i < LIMIT; i++)
			session[i] = fx_session(g);
		expect_full(f);
		for (uint32_t i = 0; i < LIMIT; i++)
			fx_close(g, session[i]);
	}
}

/* An OPEN that has not come back is charged, so that there will be room for its session. */
LIMITED(fault_c1_opening_sessions_count)
{
	struct cg_call open;
	uint32_t session;

	fx_session(g);
	fx_session(g);
	fx_call(&open, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(&open, UUID_B);
	start_busy(&open, f);
	expect_full(f);
	cg_finish(&open);
	session = cg_hdr(&open)->session;
	fx_ended(&open, TEEC_SUCCESS);
	expect_full(f);
	fx_close(g, session);
	fx_session(g);
}

/* --- Sessions that are not there ----------------------------------------------------------- */

/* As test_model_itself has it of OP-TEE alone; here it is not even asked. */
WATCHED(fault_c1_unknown_sessions_get_what_optee_answers)
{
	static const struct {
		uint32_t cmd, ret;
	} t[] = {
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEEC_ERROR_BAD_PARAMETERS },
		{ OPTEE_MSG_CMD_CANCEL, TEEC_ERROR_BAD_PARAMETERS },
		{ OPTEE_MSG_CMD_CLOSE_SESSION, TEEC_ERROR_ITEM_NOT_FOUND },
	};
	uint32_t open = fx_session(g), closed = fx_session(g);
	const uint32_t ids[] = { 0, closed, open + OM_SESSIONS_DEFAULT, ~open, 0xffffffff };
	struct cg_call c;

	fx_close(g, closed);
	fx_smcs_reset(f);
	f->asked_count = 0;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
			on_session(&c, g, t[i].cmd, ids[k], 1);
			cg_start(&c);
			assert_int_equal(cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TEE);
			fx_ended(&c, t[i].ret);
		}
	/* What cannot be carried out is nobody's to allow. */
	assert_int_equal(f->asked_count, 0);
	assert_int_equal(fx_smcs(f), 0);
	fx_nop(&c, g, open);
	fx_do(&c, TEEC_SUCCESS);
}

/* --- Who waits ------------------------------------------------------------------------------- */

/*
 * The guest's scheduler may never run the call that is on its way in: then the session
 * stays open, for that call and for a CLOSE that comes later.
 */
WATCHED(fault_c1_close_does_not_wait_for_ever)
{
	uint32_t session = fx_session(g);
	struct cg_call invoke, close, c;

	fx_nop(&invoke, g, session);
	start_busy(&invoke, f);
	on_session(&close, g, OPTEE_MSG_CMD_CLOSE_SESSION, session, 1);
	close.vcpu = 1;
	cg_start(&close);
	fx_smcs_reset(f);
	go_on(&close, OM_WAIT_TRIES - 1);
	assert_true(is_interrupted(&close));
	go_on(&close, 1);
	assert_int_equal(fx_smcs(f), 0);
	fx_refused(&close, TEEC_ERROR_BUSY);
	/* Open as before: others can name it, and who was on the way still is. */
	fx_nop(&c, g, session);
	cg_hdr(&c)->func = MODEL_TA_INTERRUPT;
	fx_do(&c, TEEC_SUCCESS);
	fx_finish(&invoke, TEEC_SUCCESS);
	assert_int_equal(f->carried_out, 2);
	fx_close(g, session);
}

/* Who is in the TA already is OP-TEE's to wait for. */
WATCHED(close_beside_a_command_that_is_under_way)
{
	struct cg_call calls[2];

	fx_invoke(&calls[0], g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&calls[0], 0, VALUE_IN, 2, 0, 0);
	assert_true(cg_until_cmd(&calls[0], OPTEE_RPC_CMD_SUSPEND));
	on_session(&calls[1], g, OPTEE_MSG_CMD_CLOSE_SESSION, cg_hdr(&calls[0])->session, 1);
	calls[1].vcpu = 1;
	fx_smcs_reset(f);
	cg_start(&calls[1]);
	assert_int_equal(fx_smcs(f), 1);
	cg_finish_all(calls, 2);
	fx_ended(&calls[0], TEEC_SUCCESS);
	fx_ended(&calls[1], TEEC_SUCCESS);
}

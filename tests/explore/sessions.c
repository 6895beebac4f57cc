/* SPDX-License-Identifier: BSD-2-Clause */
/* Races of sessions: closed, used and given again at once. */
#include "world.h"

static void sessions_begin(void)
{
	begin();
	world.unknown = 0;
	world.refused = fx_counter(world.g, OM_COUNT_REFUSED_SESSION);
}

/* A call that names a session; who is told that there is none, was told so by the mediator. */
static uint64_t on_session(uint32_t cmd, uint32_t session, uint32_t i)
{
	uint32_t v = schedule_vcpu();
	struct cg_call *c = &world.call[v][i];

	if (cmd == OPTEE_MSG_CMD_INVOKE_COMMAND) {
		fx_nop(c, world.g, session);
	} else {
		fx_call(c, world.g, cmd, 0);
		cg_hdr(c)->session = session;
		cg_hdr(c)->func = 1 + CALLS * v + i;
	}
	c->vcpu = v;
	cg_do(c);
	world.result[v][i] = cg_result(c);
	if (world.result[v][i] != TEEC_SUCCESS && cg_hdr(c)->ret_origin == TEEC_ORIGIN_TEE)
		world.unknown++;
	cg_call_fini(c);
	return world.result[v][i];
}

static void close_it(void)
{
	on_session(OPTEE_MSG_CMD_CLOSE_SESSION, world.session, 0);
}

static void invoke_it(void)
{
	on_session(OPTEE_MSG_CMD_INVOKE_COMMAND, world.session, 0);
}

static void invoke_it_twice(void)
{
	on_session(OPTEE_MSG_CMD_INVOKE_COMMAND, world.session, 0);
	on_session(OPTEE_MSG_CMD_INVOKE_COMMAND, world.session, 1);
}

static void cancel_it(void)
{
	on_session(OPTEE_MSG_CMD_CANCEL, world.session, 0);
}

static uint32_t open_as(const uint8_t uuid[16], uint32_t i)
{
	struct cg_call *c = &world.call[schedule_vcpu()][i];
	uint32_t session;

	fx_call(c, world.g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(c, uuid);
	c->vcpu = schedule_vcpu();
	cg_do(c);
	world.result[schedule_vcpu()][i] = cg_result(c);
	session = cg_hdr(c)->session;
	cg_call_fini(c);
	return session;
}

/* OP-TEE gives the id again at once: to a session of another TA. */
static void close_and_open_another(void)
{
	close_it();
	open_as(cg_uuid_invoke, 1);
}

static void open_and_close(void)
{
	uint32_t session = open_as(cg_uuid_model, 0);

	if (world.result[schedule_vcpu()][0] == TEEC_SUCCESS)
		on_session(OPTEE_MSG_CMD_CLOSE_SESSION, session, 1);
}

/* So many are open, here and in OP-TEE; nobody was sent there with an id of none. */
static void end_with_sessions(uint32_t n)
{
	must(world.unknown == fx_counter(world.g, OM_COUNT_REFUSED_SESSION) - world.refused,
	     "OP-TEE was asked for a session that is not there");
	must(fx_counter(world.g, OM_COUNT_SESSIONS_NOW) == n &&
	     model_sessions(world.f->model, 1) == n, "sessions");
	end();
}

/* Which TA an INVOKE got to, if any, is for .watch_tas; B has its own answer to it. */
static void end_close_and_open(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "close");
	must(world.result[0][1] == TEEC_SUCCESS, "open another");
	end_with_sessions(1);
}

static void end_close_invoke(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "close");
	for (uint32_t i = 0; i < CALLS; i++)
		must(is_one_of(world.result[1][i], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS),
		     "invoke");
	/* Once it is not there, it is not there. */
	must(world.result[1][0] == TEEC_SUCCESS || world.result[1][1] != TEEC_SUCCESS,
	     "it came back");
	end_with_sessions(0);
}

static void end_one_close(void)
{
	must((world.result[0][0] == TEEC_SUCCESS) + (world.result[1][0] == TEEC_SUCCESS) == 1 &&
	     world.result[0][0] + world.result[1][0] == TEEC_ERROR_ITEM_NOT_FOUND,
	     "two ends of one session");
	end_with_sessions(0);
}

static void end_open_at_the_limit(void)
{
	for (uint32_t v = 0; v < 2; v++) {
		must(is_one_of(world.result[v][0], TEEC_SUCCESS, TEEC_ERROR_OUT_OF_MEMORY), "open");
		must(world.result[v][0] != TEEC_SUCCESS || world.result[v][1] == TEEC_SUCCESS,
		     "close");
	}
	must(world.result[0][0] == TEEC_SUCCESS || world.result[1][0] == TEEC_SUCCESS, "nobody");
	end_with_sessions(1);
}

const struct race_case races_of_sessions[] = {
	{ { "fault_c1: close + open another, invoke", 2, sessions_begin,
	    { close_and_open_another, invoke_it }, end_close_and_open }, 2, 1 },
	{ { "fault_c1: close + open another, cancel", 2, sessions_begin,
	    { close_and_open_another, cancel_it }, end_close_and_open }, 2, 1 },
	{ { "close, invoke twice", 2, sessions_begin, { close_it, invoke_it_twice },
	    end_close_invoke }, 2, 1 },
	{ { "close, close", 2, sessions_begin, { close_it, close_it }, end_one_close }, 2, 1 },
	{ { "2 x (open, close), room for one", 2, sessions_begin,
	    { open_and_close, open_and_close }, end_open_at_the_limit }, 2, 1 },
	{ { .name = NULL }, 0, 0 },
};

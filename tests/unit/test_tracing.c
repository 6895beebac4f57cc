/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace: the events of whole calls, complete, in order, with what they mean.
 * That nothing is different for the guest when nobody listens, all scenarios show.
 *
 * OP-TEE is a script here: an INVOKE that asks for an RPC argument, for the time,
 * and gives the argument back.
 */
#include "rig.h"

#include "call_state.h"

#define COOKIE		0x1122334455667788u
#define THREAD		2u
#define SESSION		0x17u
#define FUNC		0x99u

/* What every event of the recording has to be; arguments that matter. */
struct expected {
	enum om_trace_id id;
	size_t n;
	uint64_t arg[8];
	bool in_call;		/* carries the id of the call */
};

static const struct rig_setup traced = {
	.limits = { .threads = 4, .buffers = 8, .rpc_args = 4, .pages = 64, .list_pages = 4 },
	.ram_pages = 32, .trace = 256,
};

#define TRACED_TEST(name) RIG_TEST_BY(name, rig_new(&traced))

/* --- OP-TEE's part ---------------------------------------------------------------- */

struct script {
	uint32_t step;
	uint64_t message;	/* shadow pages it was given */
	uint64_t rpc_arg;
};

static void rpc_return(struct om_regs *regs, uint32_t a0, uint64_t pair)
{
	regs->a[0] = a0;
	regs->a[1] = pair >> 32;
	regs->a[2] = (uint32_t)pair;
	regs->a[3] = THREAD;
}

static void ask_for_time(struct rig *rig, const struct script *script)
{
	struct om_request_copy *arg = test_secure_access(rig->host, RIG_GUEST, script->rpc_arg,
							 TEST_PAGE, true);

	memset(arg, 0, sizeof(*arg));
	arg->hdr.cmd = OPTEE_RPC_CMD_GET_TIME;
	arg->hdr.ret = TEEC_ERROR_GENERIC;
	arg->hdr.num_params = 1;
	arg->param[0].attr = OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT;
}

static void finish(struct rig *rig, const struct script *script)
{
	struct om_message *message = test_secure_access(rig->host, RIG_GUEST, script->message,
							TEST_PAGE, true);

	message->hdr.ret = 0;
	message->hdr.ret_origin = TEEC_ORIGIN_TRUSTED_APP;
	message->param[0].u.value.a += 100;
	message->param[0].u.value.b = 200;
}

static void invoke_with_rpcs(struct rig *rig, struct om_regs *regs)
{
	struct script *script = rig->arg;

	switch (script->step++) {
	case 0:
		script->message = om_pair(regs->a[1], regs->a[2]);
		rpc_return(regs, OPTEE_SMC_RETURN_RPC_ALLOC, 4096ull << 32);
		break;
	case 1:
		script->rpc_arg = om_pair(regs->a[1], regs->a[2]);
		assert_int_equal(om_pair(regs->a[4], regs->a[5]), COOKIE);
		ask_for_time(rig, script);
		rpc_return(regs, OPTEE_SMC_RETURN_RPC_CMD, COOKIE);
		break;
	case 2:
		rpc_return(regs, OPTEE_SMC_RETURN_RPC_FREE, COOKIE);
		break;
	default:
		finish(rig, script);
		*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
		break;
	}
}

/* --- The guest's part ----------------------------------------------------------------- */

/* Returns the call's id. */
static uint32_t guest_invokes(struct rig *rig)
{
	struct om_message *message = rig_va(rig, 0);
	struct om_request_copy *arg = rig_va(rig, 1);
	struct script script = { 0 };
	struct om_regs r;
	uint32_t id;

	rig_open_session(rig, SESSION, true);
	rig->yielding = invoke_with_rpcs;
	rig->arg = &script;
	memset(message, 0, sizeof(*message));
	message->hdr = (struct optee_msg_hdr){ .cmd = OPTEE_MSG_CMD_INVOKE_COMMAND, .func = FUNC,
					       .session = SESSION, .cancel_id = 3,
					       .num_params = 2 };
	message->param[0] = (struct optee_msg_param){ .attr = OPTEE_MSG_ATTR_TYPE_VALUE_INOUT,
						      .u.value = { 1, 2, 3 } };
	r = rig_send(rig, 0);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_ALLOC);
	id = (uint32_t)r.a[3];
	r = rig_call_regs(rig, (struct om_regs){ .a = {
			  OPTEE_SMC_RETURN_FROM_RPC, 0, rig_ipa(rig, 1), id,
			  om_high(COOKIE), om_low(COOKIE) } });
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(arg->hdr.cmd, OPTEE_RPC_CMD_GET_TIME);
	arg->hdr.ret = 0;
	arg->param[0].u.value.a = 1234;
	r = rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	r = rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, 0);
	assert_int_equal(message->param[0].u.value.a, 101);
	assert_int_equal(message->param[0].u.value.b, 200);
	assert_int_equal(message->param[0].u.value.c, 3);
	assert_int_equal(script.step, 4);
	return id;
}

/* --- The recording ------------------------------------------------------------------------ */

static void expect_event(const struct om_trace_event *event, const struct expected *e, size_t at,
			 uint32_t call)
{
	size_t i;

	if (event->id != (uint32_t)e->id)
		fail_msg("event %zu is %s instead of %s", at, om_trace_name(event->id),
			 om_trace_name(e->id));
	assert_int_equal(event->guest, RIG_GUEST);
	assert_int_equal(event->vcpu, 0);
	assert_int_equal(event->call, e->in_call ? call : 0);
	for (i = 0; i < e->n; i++)
		if (event->arg[i] != e->arg[i])
			fail_msg("event %zu, %s: arg[%zu] is 0x%llx instead of 0x%llx", at,
				 om_trace_name(event->id), i, (unsigned long long)event->arg[i],
				 (unsigned long long)e->arg[i]);
	/* What the id does not define is 0. */
	for (; i < 8; i++)
		if (event->arg[i])
			fail_msg("event %zu, %s: arg[%zu] is 0x%llx, not 0", at,
				 om_trace_name(event->id), i, (unsigned long long)event->arg[i]);
}

static void expect_events(struct rig *rig, const struct expected *e, size_t n, uint32_t call)
{
	for (size_t i = 0; i < n && i < rig->host->trace_count; i++)
		expect_event(&rig->host->trace[i], &e[i], i, call);
	assert_int_equal(rig->host->trace_count, n);
}

#define STATE(from, event, to) \
	{ OM_TRACE_STATE, 3, { OM_CALL_##from, OM_EVENT_##event, OM_CALL_##to }, true }

TRACED_TEST(test_events_of_an_invoke_with_rpcs)
{
	uint32_t id = guest_invokes(rig);
	const uint64_t page = rig_ipa(rig, 0);
	const uint64_t arg_page = rig_ipa(rig, 1);
	const uint64_t shadow = rig->guest->shm.shadows[0].page.pa.raw;
	const uint64_t arg_shadow = rig->guest->shm.shadows[4].page.pa.raw;
	const struct expected events[] = {
		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_CALL_WITH_ARG, 0, page }, false },
		STATE(FREE, BEGIN, LOADING),
		{ OM_TRACE_MESSAGE, 5, { 1, FUNC, SESSION, 3, 2 }, true },
		{ OM_TRACE_MESSAGE_PARAM, 6, { 0, 3, 1, 2, 3, 1 }, true },
		{ OM_TRACE_MESSAGE_PARAM, 6, { 1, 0, 0, 0, 0, 1 }, true },
		STATE(LOADING, ENTER, SECURE),
		{ OM_TRACE_SECURE_SMC, 8, { OPTEE_SMC_CALL_WITH_ARG, om_high(shadow),
					    om_low(shadow), 0, 0, 0, 0, RIG_GUEST }, true },
		{ OM_TRACE_SECURE_RETURN, 5, { OPTEE_SMC_RETURN_RPC_ALLOC, 4096, 0, THREAD,
					       OPTEE_SMC_CALL_WITH_ARG }, true },
		STATE(SECURE, REQUEST, ASKING),
		STATE(ASKING, ASK, WAITING),
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_RPC_ALLOC, 4096, 0, id,
					      OPTEE_SMC_CALL_WITH_ARG }, false },

		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_RETURN_FROM_RPC, 0, arg_page, id,
					   om_high(COOKIE), om_low(COOKIE) }, false },
		STATE(WAITING, RESUME, REPLYING),
		{ OM_TRACE_SHARE, 3, { COOKIE, OM_SHARE_RPC_ARG, 1 }, false },
		STATE(REPLYING, ENTER, SECURE),
		{ OM_TRACE_SECURE_SMC, 8, { OPTEE_SMC_RETURN_FROM_RPC, om_high(arg_shadow),
					    om_low(arg_shadow), THREAD, om_high(COOKIE),
					    om_low(COOKIE), 0, RIG_GUEST }, true },
		{ OM_TRACE_SECURE_RETURN, 5, { OPTEE_SMC_RETURN_RPC_CMD, om_high(COOKIE),
					       om_low(COOKIE), THREAD,
					       OPTEE_SMC_RETURN_FROM_RPC }, true },
		{ OM_TRACE_REQUEST, 3, { OPTEE_RPC_CMD_GET_TIME, 1, 0 }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 0, 2, 0, 0, 0, OPTEE_RPC_CMD_GET_TIME }, true },
		STATE(SECURE, REQUEST, ASKING),
		STATE(ASKING, ASK, WAITING),
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_RPC_CMD, om_high(COOKIE),
					      om_low(COOKIE), id,
					      OPTEE_SMC_RETURN_FROM_RPC }, false },

		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id }, false },
		STATE(WAITING, RESUME, REPLYING),
		{ OM_TRACE_REPLY, 3, { OPTEE_RPC_CMD_GET_TIME, 0, 1 }, true },
		{ OM_TRACE_REPLY_PARAM, 6, { 0, 2, 1234, 0, 0, OPTEE_RPC_CMD_GET_TIME }, true },
		STATE(REPLYING, ENTER, SECURE),
		{ OM_TRACE_SECURE_SMC, 8, { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, THREAD, 0, 0, 0,
					    RIG_GUEST }, true },
		{ OM_TRACE_SECURE_RETURN, 5, { OPTEE_SMC_RETURN_RPC_FREE, om_high(COOKIE),
					       om_low(COOKIE), THREAD,
					       OPTEE_SMC_RETURN_FROM_RPC }, true },
		{ OM_TRACE_UNSHARE, 3, { COOKIE, OM_SHARE_RPC_ARG, 1 }, false },
		STATE(SECURE, REQUEST, ASKING),
		STATE(ASKING, ASK, WAITING),
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_RPC_FREE, om_high(COOKIE),
					      om_low(COOKIE), id,
					      OPTEE_SMC_RETURN_FROM_RPC }, false },

		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id }, false },
		STATE(WAITING, RESUME, REPLYING),
		STATE(REPLYING, ENTER, SECURE),
		{ OM_TRACE_SECURE_SMC, 8, { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, THREAD, 0, 0, 0,
					    RIG_GUEST }, true },
		{ OM_TRACE_SECURE_RETURN, 5, { OPTEE_SMC_RETURN_OK, 0, 0, 0,
					       OPTEE_SMC_RETURN_FROM_RPC }, true },
		{ OM_TRACE_RESULT_PARAM, 4, { 0, 3, 101, 200 }, true },
		{ OM_TRACE_RESULT, 4, { 1, 0, TEEC_ORIGIN_TRUSTED_APP, SESSION }, true },
		STATE(SECURE, END, ENDING),
		STATE(ENDING, RELEASE, FREE),
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_OK, 0, 0, 0,
					      OPTEE_SMC_RETURN_FROM_RPC }, false },
	};

	expect_events(rig, events, COUNT_OF(events), id);
}

/* OP-TEE asks for a file with three parameters, for memory, and with more than there are. */
static void ask_inline(struct rig *rig, struct om_regs *regs)
{
	static const uint32_t params[] = { 3, 1, UINT32_MAX, 0 };
	struct script *script = rig->arg;
	struct om_request_copy *arg;

	if (script->step == 0)
		script->message = om_pair(regs->a[1], regs->a[2]);
	arg = (void *)((uint8_t *)test_secure_access(rig->host, RIG_GUEST, script->message,
						     TEST_PAGE, true) + OPTEE_MSG_ARG_SIZE(0));
	memset(arg, 0, sizeof(*arg));
	for (uint32_t i = 0; i < 3; i++)
		arg->param[i] = (struct optee_msg_param){ .attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
							  .u.value = { i + 1, 5000, 0 } };
	arg->param[3] = arg->param[2];
	arg->hdr.cmd = script->step == 1 ? OPTEE_RPC_CMD_SHM_ALLOC : OPTEE_RPC_CMD_FS;
	arg->hdr.num_params = params[script->step];
	if (script->step++ < 3)
		rpc_return(regs, OPTEE_SMC_RETURN_RPC_CMD, 0);
	else
		*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
}

/* Those of requests and replies, in their order. */
static size_t keep_requests(struct rig *rig)
{
	struct om_trace_event *trace = rig->host->trace;
	size_t i, n = 0;

	for (i = 0; i < rig->host->trace_count; i++)
		if (trace[i].id == OM_TRACE_REQUEST || trace[i].id == OM_TRACE_REQUEST_PARAM ||
		    trace[i].id == OM_TRACE_REPLY || trace[i].id == OM_TRACE_REPLY_PARAM)
			trace[n++] = trace[i];
	return n;
}

/* Each parameter, both ways; and the request that is the mediator's own. */
TRACED_TEST(test_events_of_requests_and_replies)
{
	enum { FS = OPTEE_RPC_CMD_FS, ALLOC = OPTEE_RPC_CMD_SHM_ALLOC,
	       FREE = OPTEE_RPC_CMD_SHM_FREE, IN = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
	       LIST = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG };
	static const struct expected events[] = {
		{ OM_TRACE_REQUEST, 3, { FS, 3, 0 }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 0, IN, 1, 5000, 0, FS }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 1, IN, 2, 5000, 0, FS }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 2, IN, 3, 5000, 0, FS }, true },
		{ OM_TRACE_REPLY, 3, { FS, 7, 3 }, true },
		{ OM_TRACE_REPLY_PARAM, 6, { 0, 0x77, 8, 9, 10, FS }, true },
		{ OM_TRACE_REPLY_PARAM, 6, { 1, IN, 2, 5000, 0, FS }, true },
		{ OM_TRACE_REPLY_PARAM, 6, { 2, IN, 3, 5000, 0, FS }, true },
		{ OM_TRACE_REQUEST, 3, { ALLOC, 1, 0 }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 0, IN, 1, 5000, 0, ALLOC }, true },
		{ OM_TRACE_REPLY, 3, { ALLOC, 0, 1 }, true },
		{ OM_TRACE_REPLY_PARAM, 6, { 0, LIST, 0, 5000, COOKIE, ALLOC }, true },
		{ OM_TRACE_REQUEST, 3, { FREE, 1, 1 }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 0, IN, 1, COOKIE, 0, FREE }, true },
		/* Refused: no more parameters than a request can have. */
		{ OM_TRACE_REQUEST, 3, { FS, UINT32_MAX, 0 }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 0, IN, 1, 5000, 0, FS }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 1, IN, 2, 5000, 0, FS }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 2, IN, 3, 5000, 0, FS }, true },
		{ OM_TRACE_REQUEST_PARAM, 6, { 3, IN, 3, 5000, 0, FS }, true },
	};
	struct script script = { 0 };
	struct optee_msg_hdr *message = rig_va(rig, 0);
	struct om_request_copy *arg = (void *)((uint8_t *)message + OPTEE_MSG_ARG_SIZE(0));
	struct om_regs r;
	size_t n;

	rig->yielding = ask_inline;
	rig->arg = &script;
	memset(message, 0, TEST_PAGE);
	message->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	r = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, 0), 0);
	arg->hdr.ret = 7;
	arg->param[0] = (struct optee_msg_param){ .attr = 0x77, .u.value = { 8, 9, 10 } };
	r = rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
	arg->hdr.ret = 0;
	arg->param[0] = (struct optee_msg_param){ .attr = LIST,
						  .u.tmem = { 0, 5000, COOKIE } };
	r = rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
	assert_int_equal(arg->hdr.cmd, FREE);
	r = rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	r = rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);

	n = keep_requests(rig);
	for (size_t i = 0; i < n && i < COUNT_OF(events); i++)
		expect_event(&rig->host->trace[i], &events[i], i, rig->host->trace[0].call);
	assert_int_equal(n, COUNT_OF(events));
}

TRACED_TEST(test_events_of_a_fast_call)
{
	const struct expected events[] = {
		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_GET_THREAD_COUNT, 7, 8, 9 }, false },
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_OK, 4, 0, 0,
					      OPTEE_SMC_GET_THREAD_COUNT }, false },
	};

	/* The upper halves carry nothing, and are not recorded. */
	rig_call(rig, OPTEE_SMC_GET_THREAD_COUNT, 7 | 1ull << 60, 8 | 1ull << 50, 9);
	expect_events(rig, events, COUNT_OF(events), 0);
}

TRACED_TEST(test_events_of_refusals)
{
	const struct expected fast[] = {
		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_BOOT_SECONDARY }, false },
		{ OM_TRACE_REFUSED, 2, { OM_COUNT_REFUSED_FUNCTION, 0xffffffff }, false },
		{ OM_TRACE_GUEST_RETURN, 5, { 0xffffffff, 0, 0, 0, OPTEE_SMC_BOOT_SECONDARY },
		  false },
	};
	const struct expected call[] = {
		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0) }, false },
		STATE(FREE, BEGIN, LOADING),
		{ OM_TRACE_MESSAGE, 5, { 1, 0, 0, 0, 5 }, true },
		{ OM_TRACE_REFUSED, 2, { OM_COUNT_REFUSED_PARAMS, TEEC_ERROR_BAD_PARAMETERS },
		  true },
		{ OM_TRACE_RESULT, 4, { 1, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_COMMS, 0 },
		  true },
		STATE(LOADING, END, ENDING),
		STATE(ENDING, RELEASE, FREE),
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_OK, 0, 0, 0,
					      OPTEE_SMC_CALL_WITH_ARG }, false },
	};
	struct optee_msg_hdr *hdr = rig_va(rig, 0);
	uint32_t id;

	rig_call(rig, OPTEE_SMC_BOOT_SECONDARY, 0, 0, 0);
	expect_events(rig, fast, COUNT_OF(fast), 0);

	test_host_trace_reset(rig->host);
	hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	hdr->num_params = 5;
	rig_send(rig, 0);
	id = om_call_id(&rig->guest->calls[0]);
	expect_events(rig, call, COUNT_OF(call), id);
	/* A number that is no number of parameters: none of them is recorded. */
	test_host_trace_reset(rig->host);
	hdr->num_params = UINT32_MAX;
	rig->guest->calls[0].params = OM_MESSAGE_PARAMS;	/* of the call before */
	rig_send(rig, 0);
	assert_int_equal(rig->host->trace_count, COUNT_OF(call));
}

TRACED_TEST(test_events_of_a_life)
{
	const struct expected reset[] = { { OM_TRACE_GUEST, 1, { OM_GUEST_RESET }, false } };
	const struct expected destroyed[] = {
		{ OM_TRACE_GUEST, 1, { OM_GUEST_DESTROYED }, false },
	};

	/* rig_new() has thrown the count away, not the event. */
	assert_int_equal(rig->host->trace[0].id, OM_TRACE_GUEST);
	assert_int_equal(rig->host->trace[0].arg[0], OM_GUEST_CREATED);
	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	expect_events(rig, reset, COUNT_OF(reset), 0);
	test_host_trace_reset(rig->host);
	assert_int_equal(om_guest_destroy(rig->guest), OM_OK);
	expect_events(rig, destroyed, COUNT_OF(destroyed), 0);
	rig->guest = NULL;
}

/* Nothing was read, so there is nothing to show of it. */
TRACED_TEST(test_events_of_a_call_without_a_message)
{
	const struct expected events[] = {
		{ OM_TRACE_GUEST_SMC, 8, { OPTEE_SMC_CALL_WITH_ARG, 0, 8 }, false },
		STATE(FREE, BEGIN, LOADING),
		{ OM_TRACE_REFUSED, 2, { OM_COUNT_REFUSED_ADDRESS, OPTEE_SMC_RETURN_EBADADDR },
		  true },
		STATE(LOADING, END, ENDING),
		STATE(ENDING, RELEASE, FREE),
		{ OM_TRACE_GUEST_RETURN, 5, { OPTEE_SMC_RETURN_EBADADDR, 0, 0, 0,
					      OPTEE_SMC_CALL_WITH_ARG }, false },
	};

	rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, 8, 0);
	expect_events(rig, events, COUNT_OF(events), om_call_id(&rig->guest->calls[0]));
}

/* What OP-TEE lets go of is told as it is forgotten. */
TRACED_TEST(test_event_of_memory_that_is_removed)
{
	struct om_shm *shm = &rig->guest->shm;
	struct om_release release = { .head = OM_NONE };
	struct om_message *message = rig_va(rig, 0);
	const struct om_trace_event *last;
	uint32_t i;

	*(uint64_t *)rig_va(rig, 1) = rig_ipa(rig, 2);
	message->hdr.cmd = OPTEE_MSG_CMD_REGISTER_SHM;
	message->hdr.num_params = 1;
	message->param[0].attr = 0x20a;
	message->param[0].u.tmem.buf_ptr = rig_ipa(rig, 1);
	message->param[0].u.tmem.size = 0x321;
	message->param[0].u.tmem.shm_ref = COOKIE;
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_OK);
	i = om_shm_remove(shm, (om_cookie_t){ COOKIE }, OM_SHARE_REGISTERED);
	assert_int_not_equal(i, OM_NONE);
	last = &rig->host->trace[rig->host->trace_count - 1];
	assert_int_equal(last->id, OM_TRACE_UNSHARE);
	assert_int_equal(last->arg[0], COOKIE);
	assert_int_equal(last->arg[1], OM_SHARE_REGISTERED);
	om_shm_put(shm, i, &release);
	while (om_shm_release_step(shm, &release))
		continue;
}

/* A size that comes back, and what is shared and forgotten on the way. */
TRACED_TEST(test_events_of_memory)
{
	static const enum om_trace_id wanted[] = {
		OM_TRACE_SHARE, OM_TRACE_RESULT_PARAM, OM_TRACE_UNSHARE,
	};
	struct om_message *message = rig_va(rig, 0);
	uint32_t cmd, found = 0;

	*(uint64_t *)rig_va(rig, 1) = rig_ipa(rig, 2);
	for (cmd = 0; cmd < 3; cmd++) {
		message->hdr.cmd = cmd == 0 ? OPTEE_MSG_CMD_REGISTER_SHM :
				   cmd == 1 ? OPTEE_MSG_CMD_INVOKE_COMMAND :
					      OPTEE_MSG_CMD_UNREGISTER_SHM;
		message->hdr.num_params = 1;
		message->param[0].attr = cmd == 0 ? 0x20a : OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
		message->param[0].u.tmem.buf_ptr = cmd == 0 ? rig_ipa(rig, 1) : 0;
		message->param[0].u.tmem.size = 0x321;
		message->param[0].u.tmem.shm_ref = COOKIE;
		assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(message->hdr.ret, 0);
	}
	for (size_t i = 0; i < rig->host->trace_count; i++) {
		const struct om_trace_event *event = &rig->host->trace[i];

		if (found == COUNT_OF(wanted) || event->id != (uint32_t)wanted[found])
			continue;
		found++;
		assert_int_equal(event->arg[0], event->id == OM_TRACE_RESULT_PARAM ? 0 : COOKIE);
		if (event->id == OM_TRACE_RESULT_PARAM) {
			assert_int_equal(event->arg[1], OPTEE_MSG_ATTR_TYPE_RMEM_INOUT);
			assert_int_equal(event->arg[2], 0);
			assert_int_equal(event->arg[3], 0x321);
		}
	}
	assert_int_equal(found, COUNT_OF(wanted));
}

static void open_a_session(struct rig *rig, struct om_regs *regs)
{
	struct om_message *message = test_secure_access(rig->host, RIG_GUEST,
							om_pair(regs->a[1], regs->a[2]),
							TEST_PAGE, true);

	message->hdr.session = SESSION;
	*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
}

/* The session is OP-TEE's, whatever the guest has written there. */
TRACED_TEST(test_events_of_an_open)
{
	const struct expected result = { OM_TRACE_RESULT, 4, { OPTEE_MSG_CMD_OPEN_SESSION, 0, 0,
							       SESSION }, true };
	struct om_message *message = rig_message(rig, 0, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	size_t at = 0;

	message->param[0].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	message->param[1].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	rig->yielding = open_a_session;
	rig_send(rig, 0);
	while (at < rig->host->trace_count && rig->host->trace[at].id != OM_TRACE_RESULT)
		at++;
	expect_event(&rig->host->trace[at], &result, at, om_call_id(&rig->guest->calls[0]));
}

/* The vCPU that runs a step is the one that shows, also when it changes. */
TRACED_TEST(test_events_tell_the_vcpu)
{
	struct optee_msg_hdr *hdr = rig_va(rig, 0);
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0) } };
	size_t first;

	hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	rig_answer(rig, OPTEE_SMC_CALL_WITH_ARG)->a[0] = OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
	assert_true(test_guest_call(rig->ram, 3, &regs));
	first = rig->host->trace_count;
	regs.a[0] = OPTEE_SMC_RETURN_FROM_RPC;
	assert_true(test_guest_call(rig->ram, 70000, &regs));
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
	for (size_t i = 0; i < rig->host->trace_count; i++)
		assert_int_equal(rig->host->trace[i].vcpu, i < first ? 3 : 70000);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 29-44 with an OP-TEE that lies, and as the host sees them.
 *
 * The model is told to make RPCs that the real one would not (model_inject_rpc());
 * what the guest was shown and what OP-TEE was told is compared here.
 */
#include "fixture.h"

#include "call.h"

#include <string.h>

#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define RMEM_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT
#define TMEM_OUT	OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT
#define ALLOC_FILL	0xd7	/* the client's, for new RPC arguments */

static struct optee_msg_param param(uint64_t attr, uint64_t a, uint64_t b, uint64_t c)
{
	return (struct optee_msg_param){ .attr = attr, .u.value = { a, b, c } };
}

static struct model_rpc rpc_with(uint32_t cmd, struct optee_msg_param p)
{
	struct model_rpc rpc = fx_rpc(cmd, 1);

	rpc.param[0] = p;
	return rpc;
}

static struct model_rpc rpc_raw(uint32_t a0, uint64_t a1a2)
{
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_GET_TIME, 1);

	rpc.a0 = a0;
	rpc.param[0] = param(VALUE_OUT, 0, 0, 0);
	rpc.raw = true;
	rpc.a1 = (uint32_t)(a1a2 >> 32);
	rpc.a2 = (uint32_t)a1a2;
	return rpc;
}

/* --- Requests that no guest is shown (I8) -------------------------------------------------- */

static void resume(struct cg_call *c)
{
	cg_serve(c);
	cg_resume(c);
}

/* The RPC argument that the client gave last, or the room behind the message. */
static const uint8_t *argument_of(struct cg_call *c, uint8_t *fill)
{
	if (c->fid != OPTEE_SMC_CALL_WITH_ARG) {
		*fill = 0;
		return c->inline_rpc;
	}
	*fill = ALLOC_FILL;
	for (size_t i = 0; i < CG_RPC_ARGS; i++)
		if (c->g->rpc_args[i].cookie)
			return cg_page_va(c->g, c->g->rpc_args[i].page);
	return NULL;
}

static void assert_untouched(struct cg_call *c)
{
	uint8_t fill;
	const uint8_t *arg = argument_of(c, &fill);

	for (size_t i = 0; arg && i < OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS); i++)
		assert_int_equal(arg[i], fill);
}

/*
 * Has OP-TEE make this request in a call of its own: the guest sees nothing of it,
 * OP-TEE hears that it failed, the call goes on to its end.
 */
static struct model_rpc_result not_shown(struct fx_guest *g, uint32_t session, uint32_t fid,
					 const struct model_rpc *rpc)
{
	uint64_t refused = fx_counter(g, OM_COUNT_REFUSED_REQUEST);
	uint64_t cmds = fx_counter(g, OM_COUNT_RPC_CMD);
	struct model_rpc_result result;
	struct cg_call c;

	model_injected_reset(g->fx->model);
	model_inject_rpc(g->fx->model, rpc);
	fx_nop(&c, g, session);
	c.fid = fid;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR));
	assert_int_equal(c.a[1], 0);
	assert_int_equal(c.a[2], 0);
	assert_untouched(&c);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), refused + 1);
	resume(&c);
	result = fx_answered(g->fx, 0);
	/* Where a command has no argument to answer in, nothing that looks like a page. */
	assert_int_equal(result.a1, 0);
	assert_int_equal(result.a2, fx_counter(g, OM_COUNT_RPC_CMD) > cmds ? 0 : OM_NO_PAGE);
	assert_int_equal(result.a4, 0);
	assert_int_equal(result.a5, 0);
	fx_finish(&c, TEEC_SUCCESS);
	return result;
}

/* The same by cookie and inline, and told as an error in the message. */
static void not_served(struct fx_guest *g, uint32_t session, const struct model_rpc *rpc)
{
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(not_shown(g, session, fids[i], rpc).hdr.ret,
				 TEEC_ERROR_NOT_SUPPORTED);
}

FX_TEST(s30_i8_unknown_rpc_functions_are_not_shown)
{
	static const uint32_t functions[] = { 0xffff0001, 0xffff0003, 0xffff0006, 0xffff0007,
					      0xffff00ff, 0xffff1234, 0xfffffffe };
	uint32_t session = fx_session(g);

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		struct model_rpc rpc = rpc_raw(functions[i], 0x1122334455667788);

		not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc);
		not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc);
	}
}

FX_TEST(s34_i8_unknown_rpc_cookies_are_not_shown)
{
	uint32_t session = fx_session(g);
	struct model_rpc rpc;
	struct cg_buf b;

	fx_register(&b, g, CG_PAGE);
	for (uint32_t i = 0; i < 3; i++) {
		rpc = rpc_raw(0, i == 0 ? 0x1234567800000001 : i == 1 ? b.cookie : ~0ull);
		/* There is no message to answer in: it keeps what OP-TEE preset. */
		assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc).hdr.ret,
				 TEEC_ERROR_GENERIC);
		assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc).hdr.ret,
				 TEEC_ERROR_GENERIC);
	}
	/* "With the call itself", in a call that brought no room for it. */
	rpc = rpc_raw(0, 0);
	not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc);
	fx_unregister(&b, g);
}

FX_TEST(s30_i8_unknown_rpc_commands_are_not_shown)
{
	static const uint32_t cmds[] = { 8, 13, 19, OPTEE_RPC_CMD_BENCH_REG, 25, 31, 32, 35, 64 + 3,
					 0x80000003, 0xffffffff };
	uint32_t session = fx_session(g);

	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		struct model_rpc rpc = rpc_with(cmds[i], param(VALUE_IN, 1, 2, 3));

		not_served(g, session, &rpc);
	}
}

FX_TEST(s30_i3_requests_with_addresses_are_not_shown)
{
	static const uint64_t attrs[] = {
		OPTEE_MSG_ATTR_TYPE_TMEM_INPUT, TMEM_OUT, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT,
		ATTR_LIST, 4, 8, 0xc, 0xff, VALUE_IN | OPTEE_MSG_ATTR_META,
		VALUE_IN | OPTEE_MSG_ATTR_NONCONTIG, VALUE_IN | 1ull << 40,
		RMEM_IN | OPTEE_MSG_ATTR_NONCONTIG,
	};
	uint32_t session = fx_session(g);

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_FS, 4);

		/* In the last place, behind three good ones. */
		rpc.param[3] = param(attrs[i], TEST_SHADOW_PA_BASE, 1, 0);
		not_served(g, session, &rpc);
	}
}

FX_TEST(s42_i8_requests_with_too_many_params_are_not_shown)
{
	static const uint32_t numbers[] = { 5, 6, 122, 127, 128, 0x8000000, 0xffffffff };
	uint32_t session = fx_session(g);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_FS, numbers[i]);

		not_served(g, session, &rpc);
	}
}

FX_TEST(s36_i8_malformed_allocations_are_not_shown)
{
	static const uint32_t cmds[] = { OPTEE_RPC_CMD_SHM_ALLOC, OPTEE_RPC_CMD_SHM_FREE };
	uint32_t session = fx_session(g);

	for (size_t i = 0; i < 2; i++) {
		struct model_rpc rpc = fx_rpc(cmds[i], 0);

		not_served(g, session, &rpc);
		rpc = rpc_with(cmds[i], param(VALUE_OUT, 1, 100, 8));
		not_served(g, session, &rpc);
		rpc = rpc_with(cmds[i], param(VALUE_IN, 1, 100, 8));
		rpc.num_params = 2;
		not_served(g, session, &rpc);
	}
}

FX_TEST(s56_i7_requests_reach_only_the_guests_own_data)
{
	uint32_t session = fx_session(g);
	const uint32_t fs = OPTEE_RPC_CMD_FS;
	struct cg_call holder;
	struct cg_buf b;
	struct model_rpc rpc;
	uint64_t arg_cookie;
	const struct { uint64_t offs, size; } bad[] = {
		{ 0, 2 * CG_PAGE - 99 }, { 2 * CG_PAGE - 100, 1 }, { 2 * CG_PAGE - 99, 0 },
		{ ~0ull, 1 }, { 1, ~0ull }, { ~0ull, ~0ull }, { 1ull << 63, 1ull << 63 },
	};

	/* 200 bytes at offset 100 of its first page, so in one page and the next. */
	fx_buffer(&b, g, CG_PAGE, 100);
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rpc = rpc_with(fs, param(RMEM_OUT, bad[i].offs, bad[i].size, b.cookie));
		not_served(g, session, &rpc);
	}

	fx_invoke(&holder, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&holder, 0, VALUE_IN, 1, 0, 0);
	assert_true(cg_until_cmd(&holder, OPTEE_RPC_CMD_SUSPEND));
	arg_cookie = fx_cookie(&holder);
	assert_true(arg_cookie != 0);
	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t cookies[] = { 0, arg_cookie, 0x1234567, ~0ull };

		rpc = rpc_with(fs, param(RMEM_IN, 0, 1, cookies[i]));
		assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc).hdr.ret,
				 TEEC_ERROR_NOT_SUPPORTED);
	}
	fx_finish(&holder, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/*
 * OP-TEE need not clear what it does not use: where a SHM_ALLOC was answered before,
 * a translated address still stands in the shadow.
 */
FX_TEST(s30_i3_request_shows_only_what_optee_says)
{
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_FS, 4);
	const uint64_t stale = TEST_SHADOW_PA_BASE + 0x5000;
	struct cg_call c;

	rpc.param[0] = param(OPTEE_MSG_ATTR_TYPE_NONE, stale, stale, stale);
	rpc.param[1] = param(VALUE_OUT, stale, stale, stale);
	rpc.param[2] = param(VALUE_IN, 1, 2, 3);
	rpc.param[3] = param(VALUE_INOUT, 4, 5, 6);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_FS));
	for (uint32_t i = 0; i < 2; i++) {
		const struct optee_msg_param zero = { .attr = rpc.param[i].attr };

		assert_memory_equal(cg_rpc_param(&c, i), &zero, sizeof(zero));
	}
	for (uint32_t i = 2; i < 4; i++)
		assert_memory_equal(cg_rpc_param(&c, i), &rpc.param[i], sizeof(rpc.param[i]));
	fx_finish(&c, TEEC_SUCCESS);
}

/* In range, and up to the end of the last page, they are shown as they are. */
FX_TEST(s44_requests_are_counted)
{
	static const struct {
		enum om_counter which;
		uint32_t more;
	} counted[] = {
		{ OM_COUNT_CALLS, 1 }, { OM_COUNT_RESUMES, 5 }, { OM_COUNT_RPC_ALLOC, 1 },
		{ OM_COUNT_RPC_CMD, 3 }, { OM_COUNT_RPC_SHM_ALLOC, 1 },
		{ OM_COUNT_RPC_SHM_FREE, 1 }, { OM_COUNT_RPC_FREE, 1 }, { OM_COUNT_RPC_UNDO, 0 },
		{ OM_COUNT_INTERRUPTED, 0 }, { OM_COUNT_PAUSED, 0 },
	};
	uint64_t before[sizeof(counted) / sizeof(counted[0])];
	struct cg_call c;

	/* A payload of several pieces, none of which gives way, and the time. */
	fx_invoke(&c, g, fx_session(g), MODEL_TA_PAYLOAD);
	cg_set_value(&c, 0, VALUE_INOUT, 100 * CG_PAGE, 0, 0);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		before[i] = fx_counter(g, counted[i].which);
	fx_do(&c, TEEC_SUCCESS);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		assert_int_equal(fx_counter(g, counted[i].which), before[i] + counted[i].more);
}

FX_TEST(s44_request_in_a_registered_buffer_is_shown)
{
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_FS, 4);
	struct model_rpc_result result;
	struct cg_buf b;
	struct cg_call c;

	fx_buffer(&b, g, CG_PAGE, 100);
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	rpc.param[0] = param(RMEM_OUT, 0, 2 * CG_PAGE - 100, b.cookie);
	rpc.param[1] = param(RMEM_IN, 2 * CG_PAGE - 100, 0, b.cookie);
	rpc.param[2] = param(VALUE_INOUT, 1, 2, 3);
	rpc.param[3] = param(TMEM_OUT, 0, 0, 0);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_FS));
	assert_int_equal(cg_rpc_hdr(&c)->num_params, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_memory_equal(cg_rpc_param(&c, i), &rpc.param[i], sizeof(rpc.param[i]));
	/* Only outputs go back, whatever else the guest wrote. */
	cg_rpc_hdr(&c)->ret = 0xffff1111;
	for (uint32_t i = 0; i < 4; i++)
		*cg_rpc_param(&c, i) = param(~0ull, 0x1111, 0x2222, 0x3333);
	cg_resume(&c);
	result = fx_answered(f, 0);
	assert_int_equal(result.hdr.ret, 0xffff1111);
	assert_int_equal(result.hdr.num_params, 4);
	rpc.param[0].u.rmem.size = 0x2222;
	rpc.param[2].u.value.a = 0x1111;
	rpc.param[2].u.value.b = 0x2222;
	rpc.param[2].u.value.c = 0x3333;
	rpc.param[3].u.tmem.size = 0x2222;
	assert_memory_equal(result.param, rpc.param, sizeof(rpc.param));
	fx_finish(&c, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/* --- Releases of what is not there (I7) ------------------------------------------------------- */

FX_TEST(s41_i7_only_payloads_are_released_by_shm_free)
{
	uint32_t session = fx_session(g);
	struct cg_call holder;
	struct cg_buf b;
	uint64_t pages;

	fx_register(&b, g, 3 * CG_PAGE);
	fx_invoke(&holder, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&holder, 0, VALUE_IN, 1, 0, 0);
	assert_true(cg_until_cmd(&holder, OPTEE_RPC_CMD_SUSPEND));
	pages = fx_counter(g, OM_COUNT_PAGES_NOW);
	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t cookies[] = { 0, fx_cookie(&holder), b.cookie, 0x123456789 };
		struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_SHM_FREE,
						param(VALUE_IN, 0, cookies[i], 0));

		assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc).hdr.ret,
				 TEEC_ERROR_NOT_SUPPORTED);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
	}
	fx_finish(&holder, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

FX_TEST(s33_i7_only_rpc_arguments_are_released_by_free)
{
	uint32_t session = fx_session(g);
	struct cg_buf b;

	fx_register(&b, g, 3 * CG_PAGE);
	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t cookies[] = { 0, b.cookie, 0x123456789, ~0ull };
		struct model_rpc rpc = rpc_raw(OPTEE_SMC_RETURN_RPC_FREE, cookies[i]);

		not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 3);
	}
	fx_unregister(&b, g);
}

/* A call that waits in a command; its RPC argument has the cookie given back. */
static uint64_t begin_waiting(struct cg_call *c, struct fx_guest *g)
{
	fx_invoke(c, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(c, 0, VALUE_IN, 1, 0, 0);
	assert_true(cg_until_cmd(c, OPTEE_RPC_CMD_SUSPEND));
	assert_true(fx_cookie(c) != 0);
	return fx_cookie(c);
}

FX_TEST(s34_i6_argument_in_use_is_no_other_calls)
{
	uint32_t session = fx_session(g);
	uint8_t before[CG_PAGE];
	struct cg_call holder;
	struct model_rpc rpc = rpc_raw(0, begin_waiting(&holder, g));

	memcpy(before, holder.rpc, CG_PAGE);
	assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc).hdr.ret,
			 TEEC_ERROR_GENERIC);
	assert_memory_equal(before, holder.rpc, CG_PAGE);
	fx_finish(&holder, TEEC_SUCCESS);
}

/* OP-TEE has the guest free an argument that a call of the guest's is about to answer in. */
FX_TEST(s35_i4_argument_freed_under_a_waiting_call_stays_pinned)
{
	struct cg_call holder;
	struct cg_call c;
	struct model_rpc rpc = rpc_raw(OPTEE_SMC_RETURN_RPC_FREE, begin_waiting(&holder, g));
	uint64_t ipa = test_guest_ipa(g->test, holder.rpc);

	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
	assert_int_equal(test_guest_pins(g->test, ipa), 1);
	fx_finish(&c, TEEC_SUCCESS);
	assert_int_equal(test_guest_pins(g->test, ipa), 1);
	/* Answered, it is let go; OP-TEE's own FREE names what nobody knows. */
	cg_resume(&holder);
	assert_int_equal(test_guest_pins(g->test, ipa), 0);
	fx_finish(&holder, TEEC_SUCCESS);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 0);
}

/* --- Whose reply it is, and how long ------------------------------------------------------------ */

/* A call that asks for the time, and waits; its seconds are in the guest's answer. */
static void begin_time(struct cg_call *c, struct fx_guest *g, uint32_t session, uint64_t seconds)
{
	assert_true(cg_time_init(c, g->cg, session));
	assert_true(cg_until_cmd(c, OPTEE_RPC_CMD_GET_TIME));
	assert_true(fx_cookie(c) != 0);
	cg_serve(c);
	cg_rpc_param(c, 0)->u.value.a = seconds;
}

/* It goes on with what is answered already. */
static void ended_with(struct cg_call *c, uint64_t seconds)
{
	cg_resume(c);
	cg_finish(c);
	assert_int_equal(cg_param(c, 0)->u.value.a, seconds);
	fx_ended(c, TEEC_SUCCESS);
}

/* In an RPC return a1:a2 say where the request is; in the resume they say nothing. */
FX_TEST(fault_d1_reply_is_read_from_the_calls_own_argument)
{
	struct cg_call first;
	struct cg_call second;
	uint32_t session[2];
	uint64_t named;

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session[i]), TEEC_SUCCESS);
	for (unsigned int i = 0; i < 3; i++) {
		begin_time(&first, g, session[0], 111);
		begin_time(&second, g, session[1], 222);
		/* The other call's argument, one that nobody knows, none. */
		named = i == 0 ? fx_cookie(&second) : i == 1 ? 0x1234567890 : 0;
		first.x[1] = named >> 32;
		first.x[2] = (uint32_t)named;
		ended_with(&first, 111);
		ended_with(&second, 222);
	}
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(cg_close(g->cg, session[i]), TEEC_SUCCESS);
}

/* The shadow of a request, as a secure world that does not stand still has it. */
struct flipped {
	struct optee_msg_hdr *shadow;
	uint32_t to;
	enum test_op at;
};

static void find_shadow(void *arg, const struct model_event *event)
{
	struct flipped *flip = arg;

	flip->shadow = event->rpc_arg;
}

static void flip_num_params(void *arg, enum test_op op, struct test_guest *guest)
{
	struct flipped *flip = arg;

	(void)guest;
	if (op == flip->at && flip->shadow && flip->shadow->cmd == OPTEE_RPC_CMD_GET_TIME)
		flip->shadow->num_params = flip->to;
}

/* No more of the guest's page is written than OP-TEE asked for, and no less read. */
FX_TEST(fault_d2_length_is_the_requests_however_the_shadow_changes)
{
	static const uint32_t lengths[] = { 0, 2, 4, 127, UINT32_MAX };
	static const enum test_op ops[] = { TEST_OP_WRITE, TEST_OP_READ };
	struct flipped flip = { 0 };
	uint32_t session;
	struct cg_call c;

	assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session), TEEC_SUCCESS);
	model_on_return(f->model, find_shadow, &flip);
	f->host->on_op_arg = &flip;
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		const uint8_t *beyond;

		flip.at = ops[i % 2];
		flip.to = lengths[i / 2];
		f->host->on_op = flip_num_params;
		begin_time(&c, g, session, 333);
		beyond = c.rpc + OPTEE_MSG_ARG_SIZE(1);
		for (size_t at = 0; at < OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS); at++)
			assert_int_equal(beyond[at], ALLOC_FILL);
		assert_int_equal(cg_rpc_hdr(&c)->num_params, 1);
		ended_with(&c, 333);
		f->host->on_op = NULL;
	}
	model_on_return(f->model, NULL, NULL);
	assert_int_equal(cg_close(g->cg, session), TEEC_SUCCESS);
}

/* An OP-TEE that tells the guest where its memory is: the guest says what it saw, and where. */
static void tell_address(void *arg, const struct model_event *event)
{
	(void)arg;
	if (event->regs->a[0] == OPTEE_SMC_RETURN_OK)
		model_param(event->arg, 0)->u.value.a = TEST_PA_BASE + 0x5000;
}

FX_TEST(fault_g2_host_address_is_told_with_its_place)
{
	uint32_t session;
	struct cg_call c;

	f->anomalies_expected = true;
	assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session), TEEC_SUCCESS);
	begin_time(&c, g, session, 444);
	assert_int_equal(g->cg->anomalies, 0);
	model_on_return(f->model, tell_address, NULL);
	cg_resume(&c);
	cg_finish(&c);
	model_on_return(f->model, NULL, NULL);
	assert_int_equal(g->cg->anomalies, 1);
	assert_string_equal(g->cg->leak, "host address in a message");
	assert_int_equal(g->cg->leaked, TEST_PA_BASE + 0x5000);
	/* What the guest has put there itself tells it nothing. */
	cg_hdr(&c)->ret = 1;
	cg_param(&c, 1)->u.value.c = TEST_PA_BASE + 0x6000;
	cg_do(&c);
	assert_int_equal(g->cg->anomalies, 1);
	memset(c.msg, 0, CG_PAGE);
	g->cg->leaked = 0;
	cg_call_fini(&c);
	assert_int_equal(cg_close(g->cg, session), TEEC_SUCCESS);
}

/* --- RPC ALLOC ---------------------------------------------------------------------------------- */

static void answer_alloc(struct cg_call *c, uint64_t ipa, uint64_t cookie)
{
	c->x[1] = ipa >> 32;
	c->x[2] = (uint32_t)ipa;
	c->x[4] = cookie >> 32;
	c->x[5] = (uint32_t)cookie;
	fx_smcs_reset(((struct fx_guest *)c->g->platform->ctx)->fx);
	cg_resume(c);
}

/* What OP-TEE was told in the resume that answer_alloc() made. */
static void assert_told(struct fx *f, uint64_t pa, uint64_t cookie)
{
	const struct fx_smc *smc = fx_smc_of(f, OPTEE_SMC_RETURN_FROM_RPC, 0);

	assert_non_null(smc);
	assert_int_equal(smc->in.a[1] << 32 | smc->in.a[2], pa);
	assert_int_equal(smc->in.a[4] << 32 | smc->in.a[5], cookie);
	assert_int_equal(smc->in.a[6], 0);
}

static void begin_alloc(struct cg_call *c, struct fx_guest *g)
{
	fx_invoke(c, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(c, 0, VALUE_IN, 1, 0, 0);
	assert_true(cg_until(c, OPTEE_SMC_RETURN_RPC_ALLOC));
}

FX_TEST(s31_i2_good_argument_is_told_as_a_shadow_page)
{
	uint64_t cookie = cg_cookie(g->cg);
	uint32_t page = cg_page_get(g->cg);
	const struct fx_smc *smc;
	struct cg_call c;

	begin_alloc(&c, g);
	assert_true(cg_rpc_arg_add(g->cg, cookie, page));
	answer_alloc(&c, cg_page_ipa(g->cg, page), cookie);
	smc = fx_smc_of(f, OPTEE_SMC_RETURN_FROM_RPC, 0);
	assert_true(test_host_is_shadow(f->host, smc->in.a[1] << 32 | smc->in.a[2]));
	assert_told(f, smc->in.a[1] << 32 | smc->in.a[2], cookie);
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 1);
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s31_i8_bad_argument_is_told_as_failure_with_its_cookie)
{
	const uint64_t ram = TEST_IPA_BASE + 64 * CG_PAGE;
	const uint64_t bad[] = {
		0, ram + 1, ram + 8, ram + 2048, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ~0ull,
		TEST_SHADOW_PA_BASE,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t cookie = cg_cookie(g->cg);
		struct cg_call c;

		begin_alloc(&c, g);
		assert_true(cg_rpc_arg_add(g->cg, cookie, cg_page_get(g->cg)));
		answer_alloc(&c, bad[i], cookie);
		assert_told(f, OM_NO_PAGE, cookie);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REPLY), i + 1);
		/* OP-TEE has the guest free it, as if it had been good. */
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
		assert_true(fx_cookie(&c) == cookie);
		cg_finish(&c);
		cg_call_fini(&c);
		fx_assert_idle(g);
	}
}

/* OP-TEE refuses what is misaligned; 0 is a page where the machine's RAM begins there. */
FX_TEST_BARE(fault_a2_refused_argument_is_no_page_at_all)
{
	struct model_config config = model_config_default();
	struct fx_options options = { .model = &config };
	struct fx_guest *g;
	struct fx *f;

	config.ram_at_zero = true;
	f = fx_new(state, &options);
	g = &f->guest[0];
	for (unsigned int i = 0; i < 3; i++) {
		const uint64_t bad[] = { 0, g->test->hole_ipa, g->test->pa0_ipa };
		uint64_t cookie = cg_cookie(g->cg);
		const struct fx_smc *smc;
		struct cg_call c;

		begin_alloc(&c, g);
		assert_true(cg_rpc_arg_add(g->cg, cookie, cg_page_get(g->cg)));
		answer_alloc(&c, bad[i], cookie);
		smc = fx_smc_of(f, OPTEE_SMC_RETURN_FROM_RPC, 0);
		assert_int_not_equal((smc->in.a[1] << 32 | smc->in.a[2]) % CG_PAGE, 0);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
		cg_finish(&c);
		cg_call_fini(&c);
	}
	fx_assert_idle(g);
}

FX_TEST(s31_i7_cookie_of_something_live_is_not_told)
{
	struct cg_call holder;
	struct cg_call c;
	struct cg_buf b;
	uint64_t cookies[3];
	uint64_t pages;

	fx_register(&b, g, 2 * CG_PAGE);
	cookies[0] = b.cookie;
	cookies[1] = begin_waiting(&holder, g);
	cookies[2] = 0;
	pages = fx_counter(g, OM_COUNT_PAGES_NOW);
	for (size_t i = 0; i < 3; i++) {
		uint32_t page = cg_page_get(g->cg);

		begin_alloc(&c, g);
		answer_alloc(&c, cg_page_ipa(g->cg, page), cookies[i]);
		assert_told(f, OM_NO_PAGE, 0);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
		cg_finish(&c);
		cg_call_fini(&c);
		cg_page_put(g->cg, page);
	}
	fx_finish(&holder, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/* OP-TEE frees what was refused once; a second time it is nobody's. */
FX_TEST(s31_i7_refused_cookie_is_freed_once)
{
	uint64_t cookie = cg_cookie(g->cg);
	struct model_rpc rpc = rpc_raw(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)CG_PAGE << 32);
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	rpc = rpc_raw(OPTEE_SMC_RETURN_RPC_FREE, cookie);
	model_inject_rpc(f->model, &rpc);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
	assert_true(cg_rpc_arg_add(g->cg, cookie, cg_page_get(g->cg)));
	answer_alloc(&c, g->test->mmio_ipa, cookie);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	resume(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s31_i2_argument_larger_than_its_shadow_is_not_shown)
{
	uint32_t session = fx_session(g);
	static const uint32_t sizes[] = { CG_PAGE + 1, 2 * CG_PAGE, 0xffffffff };

	for (size_t i = 0; i < 3; i++) {
		struct model_rpc rpc = rpc_raw(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)sizes[i] << 32);

		not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc);
	}
}

FX_TEST(s33_i7_argument_is_forgotten_before_free_is_seen)
{
	struct cg_call c;

	begin_waiting(&c, g);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 1);
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 0);
	/* Only the message's page is still there. */
	assert_int_equal(atomic_load(&g->test->pinned), 1);
	fx_finish(&c, TEEC_SUCCESS);
}

static void argument_page_ballooned(struct fx_guest *g, bool remap)
{
	struct cg_call c;
	uint8_t before[CG_PAGE];
	uint64_t ipa;
	uint64_t pa;

	begin_waiting(&c, g);
	ipa = test_guest_ipa(g->test, c.rpc);
	pa = test_guest_pa(g->test, ipa);
	if (remap)
		test_guest_remap(g->test, ipa);
	else
		test_guest_unmap(g->test, ipa);
	memcpy(before, c.rpc, CG_PAGE);
	assert_int_equal(test_guest_pins_pa(g->test, pa), 1);
	cg_resume(&c);
	/* What is read and written is the page that was pinned. */
	assert_memory_equal(c.rpc ? c.rpc : before, before, CG_PAGE);
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
	assert_int_equal(test_guest_pins_pa(g->test, pa), 0);
	cg_finish(&c);
	cg_call_fini(&c);
}

FX_TEST(s35_i4_argument_page_unmapped_stays_pinned_until_free)
{
	argument_page_ballooned(g, false);
}

FX_TEST(s35_i4_argument_page_remapped_stays_pinned_until_free)
{
	argument_page_ballooned(g, true);
}

FX_TEST_WITH(s31_i5_one_argument_too_many_is_refused, .limits.rpc_args = 2)
{
	struct cg_call waits[2];
	struct cg_call c;

	begin_waiting(&waits[0], g);
	begin_waiting(&waits[1], g);
	for (uint32_t round = 0; round < 3; round++) {
		uint64_t quota = fx_counter(g, OM_COUNT_REFUSED_QUOTA);

		begin_alloc(&c, g);
		cg_serve(&c);
		fx_smcs_reset(f);
		cg_resume(&c);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_QUOTA), quota + 1);
		assert_told(f, OM_NO_PAGE, fx_cookie(&c));
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
		cg_finish(&c);
		cg_call_fini(&c);
		assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 2);
	}
	fx_finish(&waits[0], TEEC_SUCCESS);
	begin_waiting(&c, g);
	fx_finish(&c, TEEC_SUCCESS);
	fx_finish(&waits[1], TEEC_SUCCESS);
}

/* The host cannot write the request, or read the reply: OP-TEE hears of it. */
FX_TEST(s34_i9_unreachable_argument_fails_the_request_only)
{
	uint32_t session = fx_session(g);
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_SUSPEND, param(VALUE_IN, 1, 0, 0));
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, session);
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
	cg_serve(&c);
	test_host_fail(f->host, 1u << TEST_OP_WRITE, 1, false);
	cg_resume(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	resume(&c);
	assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
	fx_finish(&c, TEEC_SUCCESS);

	model_injected_reset(f->model);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, session);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SUSPEND));
	test_host_fail(f->host, 1u << TEST_OP_READ, 1, false);
	resume(&c);
	assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_ERROR_COMMUNICATION);
	fx_finish(&c, TEEC_SUCCESS);
}

/* --- SHM_ALLOC ------------------------------------------------------------------------------------ */

/* A call stopped where OP-TEE asks for this much memory. */
static void begin_shm_alloc(struct cg_call *c, struct fx_guest *g, uint32_t fid, uint64_t type,
			    uint64_t size)
{
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_SHM_ALLOC, param(VALUE_IN, type, size, 8));

	model_injected_reset(g->fx->model);
	model_inject_rpc(g->fx->model, &rpc);
	fx_nop(c, g, fx_session(g));
	c->fid = fid;
	assert_true(cg_until_cmd(c, OPTEE_RPC_CMD_SHM_ALLOC));
	assert_memory_equal(cg_rpc_param(c, 0), &rpc.param[0], sizeof(rpc.param[0]));
}

static void reply(struct cg_call *c, struct optee_msg_param p)
{
	cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	cg_rpc_hdr(c)->num_params = 1;
	*cg_rpc_param(c, 0) = p;
	cg_resume(c);
}

/* OP-TEE was told an error, and no address. */
static void assert_alloc_failed(struct cg_call *c, struct fx *f)
{
	struct model_rpc_result result = fx_answered(f, 0);

	assert_int_not_equal(result.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(result.param[0].attr, VALUE_IN);
	fx_finish(c, TEEC_SUCCESS);
}

/* The guest is asked to free what it allocated; then OP-TEE hears of the failure. */
static void assert_undone(struct cg_call *c, struct fx_guest *g, uint64_t type, uint64_t cookie)
{
	uint64_t undone = fx_counter(g, OM_COUNT_RPC_UNDO);
	struct model_rpc_result result;

	assert_int_equal(c->a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_true(undone > 0);
	assert_false(model_injected(g->fx->model, 0, &result));
	assert_int_equal(cg_rpc_hdr(c)->cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(cg_rpc_hdr(c)->num_params, 1);
	assert_int_equal(cg_rpc_param(c, 0)->attr, VALUE_IN);
	assert_int_equal(cg_rpc_param(c, 0)->u.value.a, type);
	assert_true(cg_rpc_param(c, 0)->u.value.b == cookie);
	assert_int_equal(cg_rpc_param(c, 0)->u.value.c, 0);
	/* Whatever the guest says to that changes nothing. */
	memset(c->rpc, 0xff, 64);
	cg_resume(c);
}

/*
 * Every answer to an ALLOC, in the order of the SMCs: a shadow page, or what OP-TEE takes
 * for no page wherever the machine's RAM begins. Returns how many were none.
 */
static uint32_t answers_without_a_page(struct fx *f)
{
	uint32_t none = 0;

	for (size_t i = 1; i < fx_smcs(f); i++) {
		const struct om_regs *in = &f->smc[i].in;
		uint64_t pa = in->a[1] << 32 | in->a[2];

		if (in->a[0] != OPTEE_SMC_RETURN_FROM_RPC ||
		    (uint32_t)f->smc[i - 1].out.a[0] != OPTEE_SMC_RETURN_RPC_ALLOC)
			continue;
		if (pa % CG_PAGE == 0)
			assert_true(test_host_is_shadow(f->host, pa));
		none += pa % CG_PAGE != 0;
	}
	return none;
}

/* What it asks for, and what the guest answers: a page that is good but for one thing. */
static void refused_alloc(struct fx *f, uint64_t size, uint64_t ipa, uint64_t cookie)
{
	struct model_rpc rpc = rpc_raw(OPTEE_SMC_RETURN_RPC_ALLOC, size << 32);
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, &f->guest[0], fx_session(&f->guest[0]));
	fx_smcs_reset(f);
	cg_start(&c);
	if (c.a[0] == OPTEE_SMC_RETURN_RPC_ALLOC) {
		c.x[1] = ipa >> 32;
		c.x[2] = (uint32_t)ipa;
		c.x[4] = cookie >> 32;
		c.x[5] = (uint32_t)cookie;
		cg_resume(&c);
	}
	fx_finish(&c, TEEC_SUCCESS);
	assert_int_equal(answers_without_a_page(f), 1);
}

FX_TEST_BARE(fault_a2_no_answer_is_a_page)
{
	struct model_config config = model_config_default();
	struct fx_options o = { .limits = FX_LIMITS, .model = &config };
	struct cg_call holder;
	struct fx_guest *g;
	struct cg_buf b;
	struct fx *f;
	uint64_t ipa;

	config.ram_at_zero = true;
	config.threads = FX_THREADS;
	o.limits.rpc_args = 1;
	f = fx_new(state, &o);
	g = &f->guest[0];
	fx_register(&b, g, CG_PAGE);
	ipa = cg_page_ipa(g->cg, cg_page_get(g->cg));
	for (uint32_t i = 0; i < 6; i++) {
		const uint64_t bad[] = { 0, ipa + 8, g->test->hole_ipa, g->test->mmio_ipa,
					 g->test->pa0_ipa, g->test->reserved_ipa };

		refused_alloc(f, CG_PAGE, bad[i], cg_cookie(g->cg));
	}
	/* A good page with a cookie that is not; one page too many; a host that fails. */
	refused_alloc(f, CG_PAGE, ipa, 0);
	refused_alloc(f, CG_PAGE, ipa, b.cookie);
	begin_waiting(&holder, g);
	refused_alloc(f, CG_PAGE, ipa, fx_cookie(&holder));
	refused_alloc(f, CG_PAGE, ipa, cg_cookie(g->cg));
	fx_finish(&holder, TEEC_SUCCESS);
	/* And what the guest is not even asked. */
	refused_alloc(f, CG_PAGE + 1, ipa, 0);
	refused_alloc(f, UINT32_MAX, ipa, 0);
	fx_unregister(&b, g);
	fx_assert_idle(g);
}

/* --- A refused cookie that names something later -------------------------------------------- */

/* A call whose OP-TEE does not free what was refused, but goes on with these requests. */
static void begin_refused(struct cg_call *c, struct fx_guest *g, uint64_t cookie,
			  const struct model_rpc *rpc, size_t n)
{
	struct model_rpc alloc = rpc_raw(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)CG_PAGE << 32);

	model_inject_rpc(g->fx->model, &alloc);
	for (size_t i = 0; i < n; i++)
		model_inject_rpc(g->fx->model, &rpc[i]);
	fx_nop(c, g, fx_session(g));
	c->fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	assert_true(cg_until(c, OPTEE_SMC_RETURN_RPC_ALLOC));
	answer_alloc(c, g->test->mmio_ipa, cookie);
	assert_told(g->fx, OM_NO_PAGE, cookie);
}

/* ALLOC refused under a cookie, ALLOC good under it, FREE of it: the page is OP-TEE's no more. */
FX_TEST(fault_b8_refused_cookie_that_becomes_a_buffer_is_freed_as_one)
{
	uint64_t cookie = cg_cookie(g->cg);
	uint32_t page = cg_page_get(g->cg);
	const struct model_rpc then[] = {
		rpc_raw(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)CG_PAGE << 32),
		rpc_raw(OPTEE_SMC_RETURN_RPC_FREE, cookie),
		rpc_raw(OPTEE_SMC_RETURN_RPC_FREE, cookie),
	};
	uint64_t refused;
	struct cg_call c;

	begin_refused(&c, g, cookie, then, 3);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_true(cg_rpc_arg_add(g->cg, cookie, page));
	answer_alloc(&c, cg_page_ipa(g->cg, page), cookie);
	/* When the guest sees the FREE, nothing of the page is held (I7). */
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 0);
	/* Once: the next names nothing. */
	refused = fx_counter(g, OM_COUNT_REFUSED_REQUEST);
	resume(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), refused + 1);
	fx_finish(&c, TEEC_SUCCESS);
}

/* The same with a payload: it is no RPC argument, and only SHM_FREE takes it. */
FX_TEST(fault_b8_refused_cookie_that_becomes_a_payload_is_freed_as_one)
{
	uint64_t cookie = cg_cookie(g->cg);
	uint64_t ipa = cg_page_ipa(g->cg, cg_page_get(g->cg));
	const struct model_rpc then[] = {
		rpc_with(OPTEE_RPC_CMD_SHM_ALLOC, param(VALUE_IN, 0, CG_PAGE, 8)),
		rpc_raw(OPTEE_SMC_RETURN_RPC_FREE, cookie),
		rpc_with(OPTEE_RPC_CMD_SHM_FREE, param(VALUE_IN, 0, cookie, 0)),
	};
	uint64_t refused = fx_counter(g, OM_COUNT_REFUSED_REQUEST);
	struct cg_call c;

	begin_refused(&c, g, cookie, then, 3);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_ALLOC);
	reply(&c, param(TMEM_OUT, ipa, CG_PAGE, cookie));
	/* FREE of it is not shown, and takes nothing away. */
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), refused + 1);
	assert_int_equal(test_guest_pins(g->test, ipa), 1);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 1);
	cg_resume(&c);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(test_guest_pins(g->test, ipa), 0);
	cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
	cg_resume(&c);
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s36_single_page_is_pinned_and_translated)
{
	uint64_t cookie = cg_cookie(g->cg);
	uint32_t page = cg_page_get(g->cg);
	struct model_rpc_result result;
	struct cg_call c;

	f->busy_at_end = true;
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 1, 100);
	reply(&c, param(TMEM_OUT, cg_page_ipa(g->cg, page), CG_PAGE, cookie));
	result = fx_answered(f, 0);
	assert_int_equal(result.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(result.hdr.num_params, 1);
	assert_int_equal(result.param[0].attr, TMEM_OUT);
	assert_int_equal(result.param[0].u.tmem.size, CG_PAGE);
	assert_true(result.param[0].u.tmem.shm_ref == cookie);
	assert_int_equal(result.param[0].u.tmem.buf_ptr,
			 test_guest_pa(g->test, cg_page_ipa(g->cg, page)));
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 1);
	fx_finish(&c, TEEC_SUCCESS);
	/* Nobody freed it: it stays, until the guest's end. */
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 1);
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 1);
}

FX_TEST(s36_page_list_is_pinned_and_translated)
{
	static uint64_t pa[700];
	struct cg_payload *p = g->cg->payloads;
	struct cg_call c;
	size_t n;

	f->busy_at_end = true;
	fx_invoke(&c, g, fx_session(g), MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, VALUE_INOUT, 600 * CG_PAGE, 1, 0);
	fx_do(&c, TEEC_SUCCESS);
	assert_true(p->cookie != 0);
	n = model_buffer_pa(f->model, 1, p->cookie, pa, 700);
	assert_int_equal(n, 600);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t ipa = *cg_buf_entry(g->cg, &p->buf, i);

		assert_int_equal(pa[i], test_guest_pa(g->test, ipa));
		assert_int_equal(test_guest_pins(g->test, ipa), 1);
	}
}

/* OP-TEE asks for nothing more: what it read the list from is free again all the same. */
FX_TEST_WITH(s36_i5_list_of_the_last_reply_is_given_back, .limits.list_pages = 2)
{
	struct cg_buf payload;
	struct cg_buf all;
	struct cg_call c;

	f->busy_at_end = true;
	fx_buffer(&payload, g, CG_PAGE, 0);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 100);
	reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &payload), CG_PAGE, payload.cookie));
	assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
	/* This one takes both list pages. */
	assert_true(cg_buf_repeat(g->cg, &all, OPTEE_MSG_LIST_ENTRIES + 1));
	assert_int_equal(cg_register(g->cg, &all), TEEC_SUCCESS);
}

/* By its next request OP-TEE says that it has read the list: one page serves many payloads. */
FX_TEST_WITH(s36_i5_list_of_a_reply_is_given_back_at_the_next_request, .limits.list_pages = 1)
{
	struct model_rpc again = fx_rpc(OPTEE_RPC_CMD_SHM_ALLOC, 1);
	struct cg_call c;

	f->busy_at_end = true;
	again.param[0] = param(VALUE_IN, 1, 100, 8);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 100);
	for (uint32_t i = 0; i < 3; i++) {
		struct cg_buf payload;

		fx_buffer(&payload, g, CG_PAGE, 0);
		model_inject_rpc(f->model, &again);
		cg_rpc_hdr(&c)->ret_origin = 0x77;
		reply(&c, param(ATTR_LIST, cg_buf_ptr(g->cg, &payload), CG_PAGE, payload.cookie));
		assert_int_equal(fx_answered(f, i).hdr.ret, TEEC_SUCCESS);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_CMD);
		/* And nothing of the last reply is in the next request. */
		assert_int_equal(cg_rpc_hdr(&c)->ret_origin, 0);
	}
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s37_i2_reply_of_another_kind_is_a_failure)
{
	static const uint64_t attrs[] = {
		0, VALUE_OUT, VALUE_IN, RMEM_OUT, RMEM_IN, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
		OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG, 0xff,
	};
	struct cg_call c;

	for (size_t i = 0; i < 2 * sizeof(attrs) / sizeof(attrs[0]); i++) {
		begin_shm_alloc(&c, g, i % 2 ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG,
				1, 100);
		reply(&c, param(attrs[i / 2], TEST_IPA_BASE + 99 * CG_PAGE, CG_PAGE, 0x1234));
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

FX_TEST(s37_i2_reply_with_unknown_bits_is_undone)
{
	static const uint64_t bits[] = { OPTEE_MSG_ATTR_META, 1u << 10, 1u << 16, 1ull << 32,
					 1ull << 63 };
	struct cg_call c;

	for (size_t i = 0; i < 5; i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 1, 100);
		reply(&c, param(ATTR_LIST | bits[i], TEST_IPA_BASE + 99 * CG_PAGE, CG_PAGE, 0x1234));
		assert_undone(&c, g, 1, 0x1234);
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

FX_TEST(s38_i6_reply_with_another_cmd_is_what_was_asked)
{
	static const uint32_t cmds[] = { OPTEE_RPC_CMD_GET_TIME, OPTEE_RPC_CMD_SHM_FREE,
					 OPTEE_RPC_CMD_FS, 0xffffffff };
	struct cg_call c;

	f->busy_at_end = true;
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t ipa = TEST_IPA_BASE + (900 + i) * CG_PAGE;
		struct model_rpc_result result;

		begin_shm_alloc(&c, g, i % 2 ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG,
				1, 100);
		cg_rpc_hdr(&c)->cmd = cmds[i];
		reply(&c, param(TMEM_OUT, ipa, 100, 0x77 + i));
		result = fx_answered(f, 0);
		assert_int_equal(result.param[0].u.tmem.buf_ptr, test_guest_pa(g->test, ipa));
		assert_int_equal(result.hdr.cmd, OPTEE_RPC_CMD_SHM_ALLOC);
		fx_finish(&c, TEEC_SUCCESS);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), i + 1);
	}
}

/* And the other way round: a reply to something else brings no memory. */
FX_TEST(s38_i6_other_replies_bring_no_memory)
{
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_GET_TIME, param(VALUE_OUT, 0, 0, 0));
	struct model_rpc_result result;
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
	cg_rpc_hdr(&c)->cmd = OPTEE_RPC_CMD_SHM_ALLOC;
	reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 99 * CG_PAGE, 100, 0x77));
	result = fx_answered(f, 0);
	/* OP-TEE reads values where it asked for values: those are the guest's. */
	assert_int_equal(result.param[0].attr, VALUE_OUT);
	assert_int_equal(result.param[0].u.value.a, TEST_IPA_BASE + 99 * CG_PAGE);
	fx_finish(&c, TEEC_SUCCESS);
}

struct bad_reply {
	uint64_t attr, ptr, size;
};

FX_TEST(s40_i8_unusable_memory_is_undone_with_type_and_cookie)
{
	const uint64_t ram = TEST_IPA_BASE + 900 * CG_PAGE;
	uint64_t *list = test_guest_va(g->test, ram);
	const struct bad_reply bad[] = {
		{ ATTR_LIST, 0, 5000 },				/* 39 */
		{ TMEM_OUT, 0, 5000 },
		{ ATTR_LIST, ram, 4999 },			/* less than asked for */
		{ ATTR_LIST, ram, 0 },
		{ TMEM_OUT, ram, 5000 },			/* more than a page */
		{ ATTR_LIST, ram, 5000 },			/* its second entry is a hole */
		{ ATTR_LIST, ram, 20ull << 20 },		/* quota */
		{ ATTR_LIST, ram, ~0ull },
		{ ATTR_LIST, ram + 4095, ~0ull - 4096 },
		{ ATTR_LIST, g->test->hole_ipa, 5000 },
		{ ATTR_LIST, g->test->mmio_ipa + 1, 5000 },
		{ ATTR_LIST, g->test->reserved_ipa, 5000 },
	};
	struct cg_call c;

	list[0] = ram + CG_PAGE;
	list[1] = g->test->hole_ipa;
	for (uint64_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad_reply *b = &bad[i / 2];
		uint64_t cookie = cg_cookie(g->cg);

		begin_shm_alloc(&c, g, i % 2 ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG,
				i % 3, 5000);
		reply(&c, param(b->attr, b->ptr, b->size, cookie));
		assert_undone(&c, g, i % 3, cookie);
		assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), i + 1);
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

/* A list whose second page is a hole; asked for are 5000 bytes. */
static struct optee_msg_param bad_list(struct fx_guest *g, uint64_t cookie)
{
	const uint64_t ram = TEST_IPA_BASE + 900 * CG_PAGE;
	uint64_t *list = test_guest_va(g->test, ram);

	list[0] = ram + CG_PAGE;
	list[1] = g->test->hole_ipa;
	return param(ATTR_LIST, ram, 5000, cookie);
}

/* What was undone once is not the guest's to free when its next reply is bad. */
FX_TEST(s37_i7_malformed_reply_after_an_undone_one)
{
	struct model_rpc again = fx_rpc(OPTEE_RPC_CMD_SHM_ALLOC, 1);
	struct cg_call c;

	again.param[0] = param(VALUE_IN, 1, 5000, 8);
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 5000);
	model_inject_rpc(f->model, &again);
	reply(&c, bad_list(g, 0x5555));
	assert_undone(&c, g, 1, 0x5555);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_ALLOC);
	reply(&c, param(VALUE_OUT, 1, 2, 3));
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 1);
	assert_int_not_equal(fx_answered(f, 1).hdr.ret, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
}

/* As long as the guest takes to free it, its list page serves others. */
FX_TEST_WITH(s40_i5_list_of_an_undone_reply_is_given_back, .limits.list_pages = 1)
{
	struct cg_buf b;
	struct cg_call c;

	f->busy_at_end = true;
	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 1, 5000);
	reply(&c, bad_list(g, 0x5555));
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 1);
	fx_register(&b, g, 1);
	assert_undone(&c, g, 1, 0x5555);
	assert_alloc_failed(&c, f);
}

FX_TEST(s40_single_page_that_is_no_good_is_undone)
{
	const uint64_t bad[] = {
		TEST_IPA_BASE + 8, TEST_IPA_BASE + 1, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ~0ull,
	};
	struct cg_call c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 2, 100);
		reply(&c, param(TMEM_OUT, bad[i], 100, 0x5555));
		assert_undone(&c, g, 2, 0x5555);
		assert_alloc_failed(&c, f);
		fx_assert_idle(g);
	}
}

FX_TEST(s40_i9_undo_that_cannot_be_written_ends_in_the_error_alone)
{
	struct cg_call c;

	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	test_host_fail(f->host, 1u << TEST_OP_WRITE, 1, false);
	reply(&c, param(TMEM_OUT, g->test->hole_ipa, 100, 0x5555));
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 0);
	assert_alloc_failed(&c, f);
}

FX_TEST(s40_reply_that_cannot_be_read_is_a_failure)
{
	struct cg_call c;

	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	test_host_fail(f->host, 1u << TEST_OP_READ, 1, false);
	reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 900 * CG_PAGE, 100, 0x5555));
	assert_alloc_failed(&c, f);
}

/* Undoing it would have the guest free a buffer that is in use. */
FX_TEST(s40_i7_cookie_in_use_is_refused_and_not_undone)
{
	uint64_t cookies[3];
	struct cg_call holder;
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 2 * CG_PAGE);
	cookies[0] = b.cookie;
	cookies[1] = begin_waiting(&holder, g);
	cookies[2] = 0;
	for (size_t i = 0; i < 3; i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, 100);
		reply(&c, param(TMEM_OUT, TEST_IPA_BASE + 900 * CG_PAGE, 100, cookies[i]));
		assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 0);
		assert_alloc_failed(&c, f);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 3);
	}
	fx_finish(&holder, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

FX_TEST(s40_the_guests_own_failure_is_passed_on)
{
	struct cg_call c;

	begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
	*cg_rpc_param(&c, 0) = param(ATTR_LIST, TEST_IPA_BASE, 100, 0x55);
	cg_rpc_hdr(&c)->ret = 0xffff4321;
	cg_resume(&c);
	assert_int_equal(fx_answered(f, 0).hdr.ret, 0xffff4321);
	assert_alloc_failed(&c, f);
}

FX_TEST(s42_i8_reply_with_other_params_than_asked_is_refused)
{
	static const uint32_t numbers[] = { 0, 2, 4, 5, 127, 0xffffffff };
	struct cg_call c;

	for (size_t i = 0; i < 6; i++) {
		begin_shm_alloc(&c, g, OPTEE_SMC_CALL_WITH_ARG, 0, 100);
		*cg_rpc_param(&c, 0) = param(TMEM_OUT, TEST_IPA_BASE + 900 * CG_PAGE, 100, 0x55);
		cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
		cg_rpc_hdr(&c)->num_params = numbers[i];
		cg_resume(&c);
		assert_int_equal(fx_answered(f, 0).hdr.num_params, 1);
		assert_alloc_failed(&c, f);

		begin_waiting(&c, g);
		cg_serve(&c);
		cg_rpc_hdr(&c)->num_params = numbers[i];
		cg_resume(&c);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REPLY), 2 * i + 2);
		fx_finish(&c, TEEC_SUCCESS);
		fx_assert_idle(g);
	}
}

static uint32_t keep_payload(struct fx_guest *g, uint32_t session, uint64_t size)
{
	struct cg_call c;
	uint32_t handle;

	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, VALUE_INOUT, size, 1, 0);
	cg_do(&c);
	handle = (uint32_t)cg_param(&c, 0)->u.value.a;
	fx_ended(&c, TEEC_SUCCESS);
	return handle;
}

static void use_payload(struct fx_guest *g, uint32_t session, uint32_t func, uint32_t handle)
{
	struct cg_call c;

	fx_invoke(&c, g, session, func);
	cg_set_value(&c, 0, VALUE_IN, handle, 0, 0);
	fx_do(&c, TEEC_SUCCESS);
}

FX_TEST(s41_i5_payloads_are_freed_in_any_order)
{
	static const uint8_t order[] = { 3, 0, 4, 1, 2 };
	uint32_t session = fx_session(g);
	uint32_t handle[5];
	uint64_t pages = 0;

	for (uint32_t i = 0; i < 5; i++) {
		handle[i] = keep_payload(g, session, (1 + 17ull * i) * CG_PAGE);
		pages += 1u + 17u * i;
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
	}
	/* The session that asked for them is gone; they are OP-TEE's until it frees them. */
	fx_close(g, session);
	session = fx_session(g);
	for (uint32_t i = 0; i < 5; i++) {
		use_payload(g, session, MODEL_TA_PAYLOAD_CHECK, handle[order[i]]);
		use_payload(g, session, MODEL_TA_PAYLOAD_DROP, handle[order[i]]);
		pages -= 1u + 17u * order[i];
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
		assert_int_equal(atomic_load(&g->test->pinned), pages);
	}
}

FX_TEST(s43_i4_payload_outlives_its_call)
{
	uint32_t session = fx_session(g);
	uint32_t handle = keep_payload(g, session, 33 * CG_PAGE);
	struct cg_call c;

	assert_int_equal(atomic_load(&g->test->pinned), 33);
	for (uint32_t i = 0; i < 3; i++)
		use_payload(g, session, MODEL_TA_PAYLOAD_CHECK, handle);
	/* Unpinned when OP-TEE's request is shown, before the guest can reuse the pages. */
	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD_DROP);
	cg_set_value(&c, 0, VALUE_IN, handle, 0, 0);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SHM_FREE));
	assert_int_equal(atomic_load(&g->test->pinned), 2);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 1);
	fx_finish(&c, TEEC_SUCCESS);
}

/* --- Whole conversations ---------------------------------------------------------------------- */

/* A supplicant with a single file: the numbers are tee-supplicant's. */
struct file {
	uint8_t data[CG_PAGE];
	size_t size;
	uint32_t requests;
};

static uint8_t *memory_of(struct cg_call *c, const struct optee_msg_param *p)
{
	struct cg_payload *payload = cg_payload_find(c->g, p->u.rmem.shm_ref);

	assert_non_null(payload);
	assert_int_equal(p->u.rmem.offs, 0);
	return cg_buf_at(c->g, &payload->buf, 0);
}

static void serve_file(struct cg_call *c, struct file *file)
{
	struct optee_msg_param *p = cg_rpc_param(c, 1);

	file->requests++;
	cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	switch (cg_rpc_param(c, 0)->u.value.a) {
	case 0:	/* OPEN */
	case 1:	/* CREATE */
		cg_rpc_param(c, 2)->u.value.a = 33;
		break;
	case 3:	/* READ */
		memcpy(memory_of(c, p), file->data, file->size);
		p->u.rmem.size = file->size;
		break;
	case 4:	/* WRITE */
		file->size = (size_t)p->u.rmem.size;
		memcpy(file->data, memory_of(c, p), file->size);
		break;
	default:
		break;
	}
}

static void files_are_written_and_read(struct fx_guest *g, uint32_t fid)
{
	static struct file file;
	struct cg_call c;

	memset(&file, 0, sizeof(file));
	fx_invoke(&c, g, fx_session(g), MODEL_TA_FS);
	c.fid = fid;
	cg_set_value(&c, 0, VALUE_IN, 3000, 0, 0);
	cg_start(&c);
	while (c.state == CG_WAITING) {
		cg_serve(&c);
		if (c.a[0] == OPTEE_SMC_RETURN_RPC_CMD && cg_rpc_hdr(&c)->cmd == OPTEE_RPC_CMD_FS)
			serve_file(&c, &file);
		cg_resume(&c);
	}
	assert_int_equal(file.requests, 7);
	fx_ended(&c, TEEC_SUCCESS);
	fx_assert_idle(g);
}

FX_TEST(s44_files_are_written_and_read)
{
	files_are_written_and_read(&f->guest[0], OPTEE_SMC_CALL_WITH_ARG);
	files_are_written_and_read(&f->guest[0], OPTEE_SMC_CALL_WITH_RPC_ARG);
}

#define IMAGE_SIZE	1200000u

/* LOAD_TA twice, as tee-supplicant does: the size, then the image. */
static void serve_image(struct cg_call *c, uint32_t *sum)
{
	struct optee_msg_param *p = cg_rpc_param(c, 1);
	struct cg_payload *payload = cg_payload_find(c->g, p->u.rmem.shm_ref);

	cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	if (payload) {
		*sum = 0;
		for (uint64_t i = 0; i < IMAGE_SIZE; i++) {
			uint8_t byte = i < 8 ? (uint8_t)(i + 1) : i < 16 ? 0 :
				       MODEL_TA_PATTERN(MODEL_TA_IMAGE_SEED, i);

			*cg_buf_at(c->g, &payload->buf, i) = byte;
			*sum += byte;
		}
	}
	p->u.rmem.size = IMAGE_SIZE;
}

FX_TEST(s44_ta_of_1200000_bytes_is_loaded)
{
	uint32_t sum = 1;
	struct cg_call c;

	fx_invoke(&c, g, fx_session(g), MODEL_TA_LOAD);
	cg_set_value(&c, 0, VALUE_OUT, 0, 0, 0);
	cg_set_value(&c, 1, VALUE_IN, 0x04030201, 0x08070605, 0);
	cg_start(&c);
	while (c.state == CG_WAITING) {
		cg_serve(&c);
		if (c.a[0] == OPTEE_SMC_RETURN_RPC_CMD &&
		    cg_rpc_hdr(&c)->cmd == OPTEE_RPC_CMD_LOAD_TA)
			serve_image(&c, &sum);
		cg_resume(&c);
	}
	assert_int_equal(cg_param(&c, 0)->u.value.a, IMAGE_SIZE);
	assert_int_equal(cg_param(&c, 0)->u.value.b, sum);
	fx_ended(&c, TEEC_SUCCESS);
}

/* Every command that a guest serves is passed on, with its values both ways. */
FX_TEST(s44_every_known_command_is_passed_on)
{
	static const uint32_t cmds[] = {
		OPTEE_RPC_CMD_LOAD_TA, OPTEE_RPC_CMD_RPMB, OPTEE_RPC_CMD_FS,
		OPTEE_RPC_CMD_GET_TIME, OPTEE_RPC_CMD_NOTIFICATION, OPTEE_RPC_CMD_SUSPEND,
		OPTEE_RPC_CMD_GPROF, OPTEE_RPC_CMD_SOCKET, OPTEE_RPC_CMD_FTRACE,
		OPTEE_RPC_CMD_SUPP_PLUGIN, OPTEE_RPC_CMD_I2C_TRANSFER,
		OPTEE_RPC_CMD_RPMB_PROBE_RESET, OPTEE_RPC_CMD_RPMB_PROBE_NEXT,
		OPTEE_RPC_CMD_RPMB_FRAMES,
	};
	uint32_t session = fx_session(g);
	struct cg_call c;

	for (uint32_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		struct model_rpc rpc = rpc_with(cmds[i], param(VALUE_INOUT, i, 2 * i, 3 * i));

		model_injected_reset(f->model);
		model_inject_rpc(f->model, &rpc);
		fx_nop(&c, g, session);
		assert_true(cg_until_cmd(&c, cmds[i]));
		assert_memory_equal(cg_rpc_param(&c, 0), &rpc.param[0], sizeof(rpc.param[0]));
		cg_rpc_hdr(&c)->ret = 0x1000 + i;
		cg_rpc_param(&c, 0)->u.value.a = 0x2000 + i;
		cg_resume(&c);
		assert_int_equal(fx_answered(f, 0).hdr.ret, 0x1000 + i);
		assert_int_equal(fx_answered(f, 0).param[0].u.value.a, 0x2000 + i);
		fx_finish(&c, TEEC_SUCCESS);
	}
}

/* --- 29: a guest that never resumes ------------------------------------------------------------- */

FX_TEST_WITH(s29_i11_calls_never_resumed_cost_their_guest_only, .guests = 2)
{
	struct fx_guest *other = &f->guest[1];
	struct cg_call stuck[FX_THREADS - 1];
	struct cg_call c;

	for (uint32_t i = 0; i < FX_THREADS - 1; i++)
		begin_waiting(&stuck[i], g);
	cg_slots_are_free(other->cg);
	for (uint32_t i = 0; i < 100; i++) {
		begin_waiting(&c, g);
		fx_finish(&c, TEEC_SUCCESS);
		fx_close(other, fx_session(other));
	}
	fx_assert_idle(other);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), FX_THREADS - 1);
	fx_destroy(g);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	fx_close(other, fx_session(other));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios 29-44: requests of a lying OP-TEE's, those that no guest is shown and the others. */
#include "rpc.h"

#include "call.h"

#include <string.h>

/* --- Requests that no guest is shown (I8) -------------------------------------------------- */

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
		struct model_rpc rpc = rpc_told(functions[i], 0x1122334455667788);

		not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc);
		not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc);
	}
}

/* What is no command has no argument to answer in, whatever came before. */
FX_TEST(s30_i6_unknown_function_after_a_command)
{
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_SUSPEND, param(VALUE_IN, 0, 0, 0));
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	rpc = rpc_told(0xffff0001, 0);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR));
	resume(&c);
	/* There is still what the guest said to the command. */
	assert_int_equal(fx_answered(f, 1).hdr.ret, TEEC_SUCCESS);
	assert_int_equal(fx_answered(f, 1).a2, OM_NO_PAGE);
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s34_i8_unknown_rpc_cookies_are_not_shown)
{
	uint32_t session = fx_session(g);
	struct model_rpc rpc;
	struct cg_buf b;

	fx_register(&b, g, CG_PAGE);
	for (uint32_t i = 0; i < 3; i++) {
		rpc = rpc_told(0, i == 0 ? 0x1234567800000001 : i == 1 ? b.cookie : ~0ull);
		/* There is no message to answer in: it keeps what OP-TEE preset. */
		assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc).hdr.ret,
				 TEEC_ERROR_GENERIC);
		assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc).hdr.ret,
				 TEEC_ERROR_GENERIC);
	}
	/* "With the call itself", in a call that brought no room for it. */
	rpc = rpc_told(0, 0);
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
	cg_rpc_hdr(&c)->ret_origin = 3;
	for (uint32_t i = 0; i < 4; i++)
		*cg_rpc_param(&c, i) = param(~0ull, 0x1111, 0x2222, 0x3333);
	cg_resume(&c);
	result = fx_answered(f, 0);
	assert_int_equal(result.hdr.ret, 0xffff1111);
	assert_int_equal(result.hdr.ret_origin, 3);
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

/* --- The TA that is asked for ------------------------------------------------------------------ */

static const uint8_t own_name[16] = { 1, 2, 3, [15] = 0xa0 };
static const uint8_t alias_name[16] = { 4, 5, 6, [15] = 0xb0 };

static void alias_of(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	(void)guest;
	if (memcmp(ta, own_name, 16) == 0)
		memcpy(alias, alias_name, 16);
}

/* What OP-TEE's request for the TA becomes before the guest sees it. */
struct asked {
	uint32_t cmd;
	uint64_t attr;
	uint8_t last;		/* octet of the name */
};

static void change_request(void *arg, const struct model_event *event)
{
	const struct asked *asked = arg;
	struct optee_msg_param *p = event->rpc_arg ? model_param(event->rpc_arg, 0) : NULL;

	if (!p || event->regs->a[0] != OPTEE_SMC_RETURN_RPC_CMD ||
	    event->rpc_arg->cmd != OPTEE_RPC_CMD_LOAD_TA)
		return;
	event->rpc_arg->cmd = asked->cmd;
	p->attr = asked->attr;
	p->u.octets[15] = asked->last;
}

/* As change_request() has it, the guest is shown it; an INVOKE has no name for the alias. */
FX_TEST_BARE(alias_only_the_ta_that_is_opened_is_renamed)
{
	const struct asked asked[] = {
		{ OPTEE_RPC_CMD_LOAD_TA, VALUE_IN, 0xb0 },
		/* A TA that the TA opens; a plugin; not the name of a TA. */
		{ OPTEE_RPC_CMD_LOAD_TA, VALUE_IN, 0xb1 },
		{ OPTEE_RPC_CMD_SUPP_PLUGIN, VALUE_IN, 0xb0 },
		{ OPTEE_RPC_CMD_LOAD_TA, VALUE_INOUT, 0xb0 },
	};
	struct fx *f = fx_bare(state, NULL);
	struct fx_guest *g = &f->guest[0];
	struct model_rpc rpc = rpc_with(OPTEE_RPC_CMD_LOAD_TA, param(VALUE_IN, 0, 0, 0));
	struct cg_call c;

	f->host->ops.alias = alias_of;
	assert_int_equal(fx_init(f), OM_OK);
	assert_int_equal(fx_create(g), OM_OK);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		uint8_t name[16];

		memcpy(name, i ? alias_name : own_name, 16);
		name[15] = i ? asked[i].last : name[15];
		model_on_return(f->model, change_request, (void *)&asked[i]);
		fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
		cg_set_open(&c, own_name);
		assert_true(cg_until_cmd(&c, asked[i].cmd));
		model_on_return(f->model, NULL, NULL);
		assert_int_equal(cg_rpc_param(&c, 0)->attr, asked[i].attr);
		assert_memory_equal(cg_rpc_param(&c, 0)->u.octets, name, 16);
		cg_finish(&c);
		cg_call_fini(&c);
	}
	memcpy(rpc.param[0].u.octets, alias_name, 16);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	/* To an INVOKE these are numbers, and the first one what it returns. */
	memcpy(cg_param(&c, 0)->u.octets, own_name, 16);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_LOAD_TA));
	assert_memory_equal(cg_rpc_param(&c, 0)->u.octets, alias_name, 16);
	fx_finish(&c, 0x030201);
	fx_assert_idle(g);
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
	for (uint32_t i = 0; i < 5; i++) {
		const uint64_t cookies[] = { 0, 1, b.cookie, FX_STALE_COOKIE, ~0ull };
		struct model_rpc rpc = rpc_told(OPTEE_SMC_RETURN_RPC_FREE, cookies[i]);

		not_shown(g, session, OPTEE_SMC_CALL_WITH_ARG, &rpc);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 3);
	}
	fx_unregister(&b, g);
}

FX_TEST(s34_i6_argument_in_use_is_no_other_calls)
{
	uint32_t session = fx_session(g);
	uint8_t before[CG_PAGE];
	struct cg_call holder;
	struct model_rpc rpc = rpc_told(0, begin_waiting(&holder, g));

	memcpy(before, holder.rpc, CG_PAGE);
	assert_int_equal(not_shown(g, session, OPTEE_SMC_CALL_WITH_RPC_ARG, &rpc).hdr.ret,
			 TEEC_ERROR_GENERIC);
	assert_memory_equal(before, holder.rpc, CG_PAGE);
	fx_finish(&holder, TEEC_SUCCESS);
}

/*
 * UNREGISTER waits for a call that names the buffer, until OP-TEE has certainly looked it up:
 * then it is OP-TEE that waits.
 */
FX_TEST(s55_i7_unregister_waits_for_the_lookup)
{
	const struct { struct model_rpc rpc; bool waits; } asked[] = {
		{ rpc_told(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)CG_PAGE << 32), true },
		{ rpc_with(OPTEE_RPC_CMD_NOTIFICATION, param(VALUE_IN, 0, 0, 0)), true },
		/* Not shown to the guest, so nothing is known of it. */
		{ rpc_with(OPTEE_RPC_CMD_BENCH_REG, param(VALUE_IN, 0, 0, 0)), true },
		{ rpc_with(OPTEE_RPC_CMD_GET_TIME, param(VALUE_OUT, 0, 0, 0)), false },
		{ rpc_with(OPTEE_RPC_CMD_SHM_ALLOC, param(VALUE_IN, 1, 100, 8)), false },
	};
	struct cg_call user;
	struct cg_call c;
	struct cg_buf b;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		fx_register(&b, g, CG_PAGE);
		model_inject_rpc(f->model, &asked[i].rpc);
		fx_nop(&user, g, fx_session(g));
		user.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
		cg_set_rmem(&user, 3, RMEM_IN, b.cookie, 0, 1);
		cg_start(&user);
		fx_call(&c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
		cg_set_rmem(&c, 0, RMEM_IN, b.cookie, 0, 0);
		fx_smcs_reset(f);
		cg_start(&c);
		assert_int_equal(fx_smcs(f), !asked[i].waits);
		/* Whatever it was, it failed. */
		if (user.a[0] == OPTEE_SMC_RETURN_RPC_ALLOC)
			answer_alloc(&user, 0, 0);
		else
			cg_resume(&user);
		fx_finish(&user, TEEC_SUCCESS);
		fx_finish(&c, TEEC_SUCCESS);
		cg_buf_free(g->cg, &b);
	}
}

/* OP-TEE has the guest free an argument that a call of the guest's is about to answer in. */
FX_TEST(s35_i4_argument_freed_under_a_waiting_call_stays_pinned)
{
	struct cg_call holder;
	struct cg_call c;
	struct model_rpc rpc = rpc_told(OPTEE_SMC_RETURN_RPC_FREE, begin_waiting(&holder, g));
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

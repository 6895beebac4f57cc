/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios 31-35: the pages that a guest gives for requests, and whose reply is in them. */
#include "rpc.h"

#include "call.h"

#include <string.h>

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
	struct model_rpc rpc = rpc_told(OPTEE_SMC_RETURN_RPC_ALLOC,
					(uint64_t)CG_PAGE << 32 | 0x5b400000);
	struct cg_call c;

	model_inject_rpc(f->model, &rpc);
	rpc = rpc_told(OPTEE_SMC_RETURN_RPC_FREE, cookie);
	model_inject_rpc(f->model, &rpc);
	model_inject_rpc(f->model, &rpc);
	rpc = rpc_told(OPTEE_SMC_RETURN_RPC_FREE, 1);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, fx_session(g));
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
	/* I3: a size is all that it asks by. */
	assert_int_equal(c.a[1], CG_PAGE);
	assert_int_equal(c.a[2], 0);
	assert_true(cg_rpc_arg_add(g->cg, cookie, cg_page_get(g->cg)));
	answer_alloc(&c, g->test->mmio_ipa, cookie);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	for (uint32_t i = 0; i < 2; i++) {
		resume(&c);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	}
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s31_i2_argument_larger_than_its_shadow_is_not_shown)
{
	uint32_t session = fx_session(g);
	static const uint32_t sizes[] = { CG_PAGE + 1, 2 * CG_PAGE, 0xffffffff };

	for (size_t i = 0; i < 3; i++) {
		struct model_rpc rpc = rpc_told(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)sizes[i] << 32);

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
	static const uint32_t cmds[] = { OPTEE_RPC_CMD_SHM_ALLOC, OPTEE_RPC_CMD_SUSPEND };
	uint32_t session = fx_session(g);
	struct model_rpc rpc;
	struct cg_call c;

	for (uint32_t i = 0; i < 2; i++) {
		rpc = rpc_with(cmds[i], param(VALUE_IN, 1, 0, 0));
		model_injected_reset(f->model);
		model_inject_rpc(f->model, &rpc);
		fx_nop(&c, g, session);
		assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		cg_serve(&c);
		test_host_fail(f->host, 1u << TEST_OP_WRITE, 1, false);
		cg_resume(&c);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		/* Nobody has the argument now: the message's page, and its own. */
		resume(&c);
		assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
		assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
		assert_int_equal(atomic_load(&g->test->pinned), 1);
		fx_finish(&c, TEEC_SUCCESS);
	}

	model_injected_reset(f->model);
	model_inject_rpc(f->model, &rpc);
	fx_nop(&c, g, session);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SUSPEND));
	test_host_fail(f->host, 1u << TEST_OP_READ, 1, false);
	resume(&c);
	assert_int_equal(fx_answered(f, 0).hdr.ret, TEEC_ERROR_COMMUNICATION);
	fx_finish(&c, TEEC_SUCCESS);
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
	struct model_rpc rpc = rpc_told(OPTEE_SMC_RETURN_RPC_ALLOC, size << 32);
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
	struct model_rpc alloc = rpc_told(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)CG_PAGE << 32);

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
		rpc_told(OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)CG_PAGE << 32),
		rpc_told(OPTEE_SMC_RETURN_RPC_FREE, cookie),
		rpc_told(OPTEE_SMC_RETURN_RPC_FREE, cookie),
		rpc_told(OPTEE_SMC_RETURN_RPC_FREE, 1),
	};
	uint64_t refused;
	struct cg_call c;

	begin_refused(&c, g, cookie, then, 4);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_true(cg_rpc_arg_add(g->cg, cookie, page));
	answer_alloc(&c, cg_page_ipa(g->cg, page), cookie);
	/* When the guest sees the FREE, nothing of the page is held (I7). */
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	assert_int_equal(test_guest_pins(g->test, cg_page_ipa(g->cg, page)), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 0);
	/* Once: the next ones name nothing. */
	refused = fx_counter(g, OM_COUNT_REFUSED_REQUEST);
	for (uint32_t i = 1; i <= 2; i++) {
		resume(&c);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), refused + i);
	}
	fx_finish(&c, TEEC_SUCCESS);
}

/* The same with a payload: it is no RPC argument, and only SHM_FREE takes it. */
FX_TEST(fault_b8_refused_cookie_that_becomes_a_payload_is_freed_as_one)
{
	uint64_t cookie = cg_cookie(g->cg);
	uint64_t ipa = cg_page_ipa(g->cg, cg_page_get(g->cg));
	const struct model_rpc then[] = {
		rpc_with(OPTEE_RPC_CMD_SHM_ALLOC, param(VALUE_IN, 0, CG_PAGE, 8)),
		rpc_told(OPTEE_SMC_RETURN_RPC_FREE, cookie),
		rpc_with(OPTEE_RPC_CMD_SHM_FREE, param(VALUE_IN, 0, cookie, 0)),
	};
	uint64_t refused = fx_counter(g, OM_COUNT_REFUSED_REQUEST);
	struct cg_call c;

	begin_refused(&c, g, cookie, then, 3);
	/* Not there where a host operation was made to fail before. */
	assert_non_null(c.rpc);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_ALLOC);
	reply(&c, param(TMEM_OUT, ipa, CG_PAGE, cookie));
	/* FREE of it is not shown, and takes nothing away. */
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), refused + 1);
	assert_int_equal(test_guest_pins(g->test, ipa), 1);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 1);
	cg_resume(&c);
	assert_non_null(c.rpc);
	assert_int_equal(cg_rpc_hdr(&c)->cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(test_guest_pins(g->test, ipa), 0);
	cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
	cg_resume(&c);
	fx_finish(&c, TEEC_SUCCESS);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The fixture of the scenario tests. See fixture.h. */
#include "fixture.h"

#include "conformance/on_host.h"

#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Failures of the test host --------------------------------------------------- */

/* Only told here: jumping out of an operation would leave locks behind. */
static void on_failure(const char *message)
{
	fprintf(stderr, "test host: %s\n", message);
}

/* --- The world around a guest ------------------------------------------------------ */

static void recording_smc(void *arg, struct om_regs *regs)
{
	struct fx *f = arg;
	size_t at = atomic_fetch_add(&f->smcs, 1);
	struct om_regs in = *regs;

	model_smc(f->model, regs);
	if (at < FX_SMCS)
		f->smc[at] = (struct fx_smc){ in, *regs };
}

/*
 * What an earlier call may have left in a slot that is free again: the beginning of a
 * call has to set all of it.
 */
static void soil_free_slots(struct om_guest *guest)
{
	for (uint32_t i = 0; i < guest->vm.limits.threads; i++) {
		struct om_call *call = &guest->calls[i];

		if (om_call_state(call) != OM_CALL_FREE)
			continue;
		call->fid = UINT32_MAX;
		call->params = OM_MESSAGE_PARAMS;
		call->kinds = UINT32_MAX;
		call->loads_ta = true;
		call->mapped.uses_window = false;
		call->waits = UINT32_MAX;
		call->translation.remaining = UINT32_MAX;
		call->in_transit = false;
		call->held_count = OPTEE_MSG_CALL_PARAMS;
		call->mapped.param_pages = UINT32_MAX;
		call->mapped.payload_pages = guest->mapping.call_pages;
		call->refused_cookie = FX_STALE_COOKIE;
		call->refusal = OM_REFUSED_QUOTA;
		call->result = UINT32_MAX;
	}
}

static void platform_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct fx_guest *g = ctx;
	struct om_regs regs;

	if (g->fx->before_smc)
		g->fx->before_smc(g, x);
	if (g->fx->soils && g->om)
		soil_free_slots(g->om);
	memcpy(regs.a, x, sizeof(regs.a));
	/* A client that is disturbed may call anybody. */
	if (!test_guest_call(g->test, vcpu, &regs) && !g->fx->quiet)
		test_fail("an SMC of the guest was not taken for the mediator's");
	memcpy(x, regs.a, sizeof(regs.a));
	if (g->fx->after_smc)
		g->fx->after_smc(g, x);
}

static void platform_log(void *ctx, const char *line)
{
	const struct fx_guest *g = ctx;

	if (!g->fx->quiet && strncmp(line, "FAIL", 4) == 0)
		test_fail("%s", line);
}

static bool platform_is_host_address(void *ctx, uint64_t value)
{
	const struct fx_guest *g = ctx;

	return on_host_is_host_address(g->test, value);
}

static void set_platform(struct fx_guest *g, const struct fx_options *o)
{
	g->platform = on_host(g->test, &g->limits);
	g->platform.ctx = g;
	g->platform.smc = platform_smc;
	g->platform.log = platform_log;
	g->platform.is_host_address = platform_is_host_address;
	g->platform.secure_threads = model_config(g->fx->model)->threads;
	g->platform.flags = CG_MODEL_TA | (o->no_notify ? 0 : CG_ASYNC_NOTIF);
	g->cg = (void *)g->test->ram;
	cg_memory_init(g->cg, &g->platform);
}

static struct om_limits with_defaults(struct om_limits limits)
{
	static const struct om_limits defaults = FX_LIMITS;
	uint32_t *const field[] = { &limits.threads, &limits.buffers, &limits.rpc_args,
				    &limits.pages, &limits.list_pages };
	const uint32_t value[] = { defaults.threads, defaults.buffers, defaults.rpc_args,
				   defaults.pages, defaults.list_pages };

	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
		if (*field[i] == 0)
			*field[i] = value[i];
	return limits;
}

static void add_guest(struct fx *f, const struct fx_options *o, uint32_t i)
{
	struct fx_guest *g = &f->guest[i];

	g->fx = f;
	g->limits = with_defaults(o->limits);
	g->test = test_guest_new(f->host, i + 1,
				 o->ram_pages ? o->ram_pages : CG_RAM_MIN / TEST_PAGE);
	set_platform(g, o);
}

/* --- Who is asked, and who carries out -------------------------------------------------- */

static uint32_t on_authorize(void *arg, struct test_guest *test, const struct om_request *request)
{
	struct fx *f = arg;
	struct fx_asked *asked = &f->asked[f->asked_count++ % FX_ASKED];

	(void)test;
	*asked = (struct fx_asked){ .cmd = request->cmd, .func = request->func };
	memcpy(asked->ta, request->ta_uuid, sizeof(asked->ta));
	return f->policy ? f->policy(request) : TEEC_SUCCESS;
}

/* The newest of those that it may be. */
static const struct fx_asked *find_asked(const struct fx *f, uint32_t cmd, uint32_t func)
{
	for (uint32_t n = f->asked_count; n > 0 && n + FX_ASKED > f->asked_count; n--) {
		const struct fx_asked *asked = &f->asked[(n - 1) % FX_ASKED];

		if (asked->cmd == cmd && asked->func == func)
			return asked;
	}
	return NULL;
}

static void on_ta(void *arg, const struct model_ta_event *e)
{
	struct fx *f = arg;
	const struct fx_asked *asked = find_asked(f, e->cmd, e->func);

	f->carried_out++;
	if (!asked)
		test_fail("command %u, func %u: the policy was never asked", e->cmd, e->func);
	else if (memcmp(asked->ta, e->ta, sizeof(asked->ta)) != 0)
		test_fail("command %u, func %u: judged for one TA, carried out by another",
			  e->cmd, e->func);
}

/* --- Beginning ------------------------------------------------------------------------ */

void (*fx_on_new)(struct fx *f);

struct fx *fx_bare(void **state, const struct fx_options *options)
{
	const struct fx_options none = { 0 };
	const struct fx_options *o = options ? options : &none;
	struct model_config config = o->model ? *o->model : model_config_default();
	struct fx *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	if (!o->model)
		config.threads = FX_THREADS;
	test_failures_reset();
	test_on_failure(on_failure);
	f->smc = calloc(FX_SMCS, sizeof(*f->smc));
	assert_non_null(f->smc);
	f->host = test_host_new();
	f->model = model_new(f->host, &config);
	f->host->smc = recording_smc;
	f->host->tee = f;
	if (o->no_notify)
		f->host->ops.notify = NULL;
	if (o->no_yield)
		f->host->ops.should_yield = NULL;
	if (o->authorize)
		test_host_authorize(f->host, NULL, NULL);
	if (o->watch_tas) {
		test_host_authorize(f->host, on_authorize, f);
		model_on_ta(f->model, on_ta, f);
	}
	if (o->trace)
		test_host_trace(f->host, o->trace);
	f->guests = o->guests ? o->guests : 1;
	for (uint32_t i = 0; i < f->guests; i++)
		add_guest(f, o, i);
	if (fx_on_new)
		fx_on_new(f);
	return f;
}

struct fx *fx_new(void **state, const struct fx_options *options)
{
	struct fx *f = fx_bare(state, options);

	assert_int_equal(fx_init(f), OM_OK);
	for (uint32_t i = 0; i < f->guests; i++)
		assert_int_equal(fx_create(&f->guest[i]), OM_OK);
	return f;
}

enum om_result fx_init(struct fx *f)
{
	return om_mediator_init(&f->mediator, &f->host->ops, f->host);
}

enum om_result fx_create(struct fx_guest *g)
{
	enum om_result result = test_guest_create(g->test, &g->fx->mediator, &g->limits);

	if (result == OM_OK)
		g->om = g->test->om;
	return result;
}

uint32_t fx_destroy(struct fx_guest *g)
{
	g->om = NULL;
	return test_guest_destroy(g->test);
}

enum om_result fx_reset(struct fx_guest *g)
{
	enum om_result result;

	do
		result = om_guest_reset(g->om);
	while (result == OM_AGAIN);
	cg_memory_init(g->cg, &g->platform);
	return result;
}

/* --- The end ------------------------------------------------------------------------ */

static void check_guest(struct fx_guest *g)
{
	if (g->om)
		fx_destroy(g);
	if (g->cg->anomalies && !g->fx->anomalies_expected)
		test_fail("guest %u: %u anomalies, the first in %s line %u", g->test->id,
			  g->cg->anomalies, g->cg->anomaly_file, g->cg->anomaly_line);
	if (g->cg->verdict.failures)
		test_fail("guest %u: %s (%s line %u)", g->test->id, g->cg->verdict.what,
			  g->cg->verdict.file, g->cg->verdict.line);
	if (!g->fx->guesses || !g->fx->quiet)
		test_guest_assert_no_leak(g->test);
}

void fx_run(void (*test)(struct fx *f, struct fx_guest *g), struct fx *f)
{
	f->soils = true;
	test(f, &f->guest[0]);
	for (uint32_t i = 0; i < f->guests; i++)
		if (f->guest[i].om && !f->busy_at_end)
			fx_assert_idle(&f->guest[i]);
}

int fx_teardown(void **state)
{
	struct fx *f = *state;

	test_host_fail(f->host, 0, 0, false);
	atomic_store(&f->host->yield_every, 0);
	f->host->on_op = NULL;
	for (uint32_t i = 0; i < f->guests; i++)
		check_guest(&f->guest[i]);
	test_host_assert_balanced(f->host);
	if (!f->violations_expected)
		model_assert_clean(f->model);
	f->host->smc = NULL;
	f->host->tee = NULL;
	model_free(f->model);
	test_host_free(f->host);
	free(f->smc);
	free(f);
	*state = NULL;
	return test_failures() ? -1 : 0;
}

/* --- Looking ------------------------------------------------------------------------ */

uint32_t fx_smc(struct fx_guest *g, unsigned int vcpu, struct om_regs *regs)
{
	assert_true(test_guest_call(g->test, vcpu, regs));
	return (uint32_t)regs->a[0];
}

uint64_t fx_counter(const struct fx_guest *g, enum om_counter which)
{
	return om_guest_counter(g->om, which);
}

size_t fx_smcs(const struct fx *f)
{
	return atomic_load(&f->smcs);
}

void fx_smcs_reset(struct fx *f)
{
	atomic_store(&f->smcs, 0);
}

const struct fx_smc *fx_smc_of(const struct fx *f, uint32_t fid, size_t n)
{
	size_t count = fx_smcs(f);

	assert_true(count <= FX_SMCS);
	for (size_t i = 0; i < count; i++)
		if (f->smc[i].in.a[0] == fid && n-- == 0)
			return &f->smc[i];
	return NULL;
}

size_t fx_smcs_of(const struct fx *f, uint32_t fid)
{
	size_t n = 0;

	while (fx_smc_of(f, fid, n))
		n++;
	return n;
}

void fx_assert_idle(struct fx_guest *g)
{
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 0);
	assert_int_equal(model_threads_in_use(g->fx->model, g->test->id), 0);
	assert_int_equal(model_buffers(g->fx->model, g->test->id), 0);
}

/* --- Doing -------------------------------------------------------------------------- */

uint32_t fx_session(struct fx_guest *g)
{
	uint32_t session;

	assert_int_equal(cg_open(g->cg, cg_uuid_model, &session), TEEC_SUCCESS);
	return session;
}

void fx_close(struct fx_guest *g, uint32_t session)
{
	assert_int_equal(cg_close(g->cg, session), TEEC_SUCCESS);
}

void fx_call(struct cg_call *c, struct fx_guest *g, uint32_t cmd, uint32_t num_params)
{
	assert_true(cg_call_init(c, g->cg, cmd, num_params));
}

void fx_invoke(struct cg_call *c, struct fx_guest *g, uint32_t session, uint32_t func)
{
	assert_true(cg_invoke_init(c, g->cg, session, func));
}

void fx_nop(struct cg_call *c, struct fx_guest *g, uint32_t session)
{
	fx_invoke(c, g, session, MODEL_TA_RETURN);
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, TEEC_SUCCESS, 0, 0);
}

void fx_ended(struct cg_call *c, uint64_t result)
{
	assert_int_equal(c->state, CG_ENDED);
	assert_int_equal(cg_result(c), result);
	cg_call_fini(c);
}

void fx_finish(struct cg_call *c, uint64_t result)
{
	cg_finish(c);
	fx_ended(c, result);
}

void fx_do(struct cg_call *c, uint64_t result)
{
	cg_do(c);
	fx_ended(c, result);
}

void fx_refused(struct cg_call *c, uint32_t ret)
{
	assert_int_equal(c->state, CG_ENDED);
	assert_int_equal(c->a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(cg_hdr(c)->ret, ret);
	assert_int_equal(cg_hdr(c)->ret_origin, TEEC_ORIGIN_COMMS);
	cg_call_fini(c);
}

void fx_buffer(struct cg_buf *b, struct fx_guest *g, uint64_t size, uint32_t offset)
{
	assert_true(cg_buf_make(g->cg, b, size, offset));
}

void fx_register(struct cg_buf *b, struct fx_guest *g, uint64_t size)
{
	fx_buffer(b, g, size, 0);
	assert_int_equal(cg_register(g->cg, b), TEEC_SUCCESS);
}

void fx_unregister(struct cg_buf *b, struct fx_guest *g)
{
	assert_int_equal(cg_unregister(g->cg, b->cookie), TEEC_SUCCESS);
	cg_buf_free(g->cg, b);
}

struct model_rpc fx_rpc(uint32_t cmd, uint32_t num_params)
{
	return (struct model_rpc){ .cmd = cmd, .num_params = num_params };
}

struct model_rpc_result fx_answered(struct fx *f, size_t i)
{
	struct model_rpc_result result;

	assert_true(model_injected(f->model, i, &result));
	return result;
}

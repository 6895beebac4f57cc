/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder: an embedder's operations and the functions of mediator.h, wrapped. See
 * record.h. It uses both as an embedder does, and knows nothing of the library's internals.
 *
 * Each record is written under the recorder's lock. So the records of all CPUs have one order,
 * and a replay follows it.
 */
#include "recording.h"

_Static_assert(sizeof(struct om_limits) == 8 * sizeof(uint32_t), "the format: CREATE");
_Static_assert(sizeof(struct om_request) == 52, "the format: AUTHORIZE");

static void record(struct om_recorder *r, enum om_record_kind kind,
		   const struct om_piece *pieces, uint32_t n)
{
	uint8_t cpu = om_recorder_cpu(r);

	om_recorder_lock(r);
	om_recorder_append(r, cpu, kind, pieces, n);
	om_recorder_unlock(r);
}

static void record_answer(struct om_recorder *r, enum om_record_kind kind, uint32_t value)
{
	const struct om_record_answer answer = { .value = value };

	record(r, kind, &(struct om_piece){ &answer, sizeof(answer) }, 1);
}

static int op_pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	const struct om_record_guest *g = guest;
	struct om_recorder *r = g->recorder;
	int result = r->config.ops->pin(g->ctx, ipa, n, pa);
	const struct om_record_pages body = { .result = result != 0, .n = (uint32_t)n };

	record(r, OM_RECORD_PIN, (struct om_piece[]){
	       { &body, sizeof(body) }, { ipa, n * sizeof(*ipa) },
	       { pa, result ? 0 : n * sizeof(*pa) } }, 3);
	return result;
}

static void op_unpin(void *guest, const om_pa_t *pa, size_t n)
{
	const struct om_record_guest *g = guest;
	struct om_recorder *r = g->recorder;
	const struct om_record_pages body = { .n = (uint32_t)n };

	record(r, OM_RECORD_UNPIN, (struct om_piece[]){
	       { &body, sizeof(body) }, { pa, n * sizeof(*pa) } }, 2);
	r->config.ops->unpin(g->ctx, pa, n);
}

static int op_read(void *guest, om_pa_t pa, void *dst, size_t len)
{
	const struct om_record_guest *g = guest;
	struct om_recorder *r = g->recorder;
	int result = r->config.ops->read(g->ctx, pa, dst, len);
	const struct om_record_copy body = { pa.raw, result != 0, (uint32_t)len };

	record(r, OM_RECORD_READ, (struct om_piece[]){
	       { &body, sizeof(body) }, { dst, result ? 0 : len } }, 2);
	return result;
}

static int op_write(void *guest, om_pa_t pa, const void *src, size_t len)
{
	const struct om_record_guest *g = guest;
	struct om_recorder *r = g->recorder;
	int result = r->config.ops->write(g->ctx, pa, src, len);
	const struct om_record_copy body = { pa.raw, result != 0, (uint32_t)len };

	record(r, OM_RECORD_WRITE, (struct om_piece[]){
	       { &body, sizeof(body) }, { src, len } }, 2);
	return result;
}

/* Begins to watch a page, which the library is about to clear. False: no room. Lock held. */
static bool watch_page(struct om_recorder *r, const struct om_page *page)
{
	uint32_t i;

	for (i = 0; i < r->config.page_count; i++) {
		struct om_record_page *free = &r->config.pages[i];

		if (free->pa)
			continue;
		om_zero(free, sizeof(*free));
		free->pa = page->pa.raw;
		free->va = page->va;
		free->argument = OM_RECORD_NONE;
		if (r->pages_used <= i)
			r->pages_used = i + 1;
		return true;
	}
	r->pages_lost++;
	return false;
}

static int op_page_alloc(void *host, struct om_page *page)
{
	struct om_recorder *r = host;
	uint8_t cpu = om_recorder_cpu(r);
	int result = r->config.ops->page_alloc(r->config.host, page);
	struct om_record_alloc body = { 0 };

	if (result) {
		body.result = OM_RECORD_NO_PAGE;
	} else {
		body.pa = page->pa.raw;
		body.result = page->va ? 0 : OM_RECORD_NO_ADDRESS;
	}
	om_recorder_lock(r);
	body.is_lost = body.result == 0 && !watch_page(r, page);
	om_recorder_append(r, cpu, OM_RECORD_PAGE_ALLOC, &(struct om_piece){ &body, sizeof(body) }, 1);
	om_recorder_unlock(r);
	return result;
}

static void op_page_free(void *host, const struct om_page *page)
{
	struct om_recorder *r = host;
	const struct om_record_alloc body = { .pa = page->pa.raw };
	uint8_t cpu = om_recorder_cpu(r);
	struct om_record_page *watched;

	om_recorder_lock(r);
	watched = om_recorder_page(r, page->pa.raw);
	if (watched)
		om_zero(watched, sizeof(*watched));
	om_recorder_append(r, cpu, OM_RECORD_PAGE_FREE, &(struct om_piece){ &body, sizeof(body) }, 1);
	om_recorder_unlock(r);
	r->config.ops->page_free(r->config.host, page);
}

/* When the lock was taken matters only while another CPU is in the library. */
static void op_lock(void *guest)
{
	const struct om_record_guest *g = guest;
	struct om_recorder *r = g->recorder;

	r->config.ops->lock(g->ctx);
	if (om_load_relaxed(&r->inside) > 1)
		record(r, OM_RECORD_LOCK, NULL, 0);
}

static void op_unlock(void *guest)
{
	const struct om_record_guest *g = guest;

	g->recorder->config.ops->unlock(g->ctx);
}

/* false is the common answer and gets no record: that of the next true says how many there were. */
static bool op_should_yield(void *host)
{
	struct om_recorder *r = host;
	uint8_t cpu = om_recorder_cpu(r);

	if (!r->config.ops->should_yield(r->config.host)) {
		r->noes[cpu]++;
		return false;
	}
	record_answer(r, OM_RECORD_YIELD, r->noes[cpu]);
	return true;
}

static void op_notify(void *guest)
{
	const struct om_record_guest *g = guest;

	record(g->recorder, OM_RECORD_NOTIFY, NULL, 0);
	g->recorder->config.ops->notify(g->ctx);
}

static uint32_t op_authorize(void *guest, const struct om_request *request)
{
	const struct om_record_guest *g = guest;
	const struct om_record_answer answer = {
		.value = g->recorder->config.ops->authorize(g->ctx, request) };

	record(g->recorder, OM_RECORD_AUTHORIZE, (struct om_piece[]){
	       { &answer, sizeof(answer) }, { request, sizeof(*request) } }, 2);
	return answer.value;
}

static void op_alias(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	const struct om_record_guest *g = guest;
	struct om_record_alias body;

	g->recorder->config.ops->alias(g->ctx, ta, alias);
	om_copy(body.ta, ta, sizeof(body.ta));
	om_copy(body.alias, alias, sizeof(body.alias));
	record(g->recorder, OM_RECORD_ALIAS, &(struct om_piece){ &body, sizeof(body) }, 1);
}

/* In this file, because the address of a function in another one takes a global offset table. */
static void op_smc(void *host, struct om_regs *regs)
{
	om_recorder_smc(host, regs);
}

/* Events are not recorded: a replay produces them again. */
static void op_trace(void *guest, const struct om_trace_event *event)
{
	const struct om_record_guest *g = guest;

	g->recorder->config.ops->trace(g->ctx, event);
}

/* An operation that the embedder does not have stays absent. */
#define WRAPPED(ops, name)	((ops)->name ? op_##name : NULL)

static struct om_host_ops wrapped(const struct om_host_ops *ops)
{
	return (struct om_host_ops){
		.pin = WRAPPED(ops, pin),
		.unpin = WRAPPED(ops, unpin),
		.read = WRAPPED(ops, read),
		.write = WRAPPED(ops, write),
		.page_alloc = WRAPPED(ops, page_alloc),
		.page_free = WRAPPED(ops, page_free),
		.smc = WRAPPED(ops, smc),
		.lock = WRAPPED(ops, lock),
		.unlock = WRAPPED(ops, unlock),
		.should_yield = WRAPPED(ops, should_yield),
		.notify = WRAPPED(ops, notify),
		.authorize = WRAPPED(ops, authorize),
		.alias = WRAPPED(ops, alias),
		.trace = WRAPPED(ops, trace),
	};
}

/* --- The functions of the library -------------------------------------------------------------- */

static bool is_usable(const struct om_record_config *c)
{
	if (!c->ops || !c->pages || (c->cpu && !c->lock) || !c->lock != !c->unlock)
		return false;
	return c->write || (c->ring && c->ring_size >= OM_RECORD_RING_MIN);
}

enum om_result om_record_init(struct om_recorder *r, const struct om_record_config *config)
{
	if (!is_usable(config))
		return OM_ERR_ARGUMENT;
	om_zero(r, sizeof(*r));
	r->config = *config;
	r->ops = wrapped(config->ops);
	om_zero(config->pages, config->page_count * sizeof(config->pages[0]));
	if (config->write)
		om_recorder_begin(r);
	return OM_OK;
}

static void enter(struct om_recorder *r, struct om_record_enter *body)
{
	uint8_t cpu = om_recorder_cpu(r);

	om_recorder_lock(r);
	om_store_relaxed(&r->inside, r->inside + 1);
	body->time = om_recorder_now(r);
	om_recorder_append(r, cpu, OM_RECORD_ENTER, &(struct om_piece){ body, sizeof(*body) }, 1);
	om_recorder_unlock(r);
}

static void leave(struct om_recorder *r, struct om_record_leave *body)
{
	uint8_t cpu = om_recorder_cpu(r);

	om_recorder_lock(r);
	body->time = om_recorder_now(r);
	om_recorder_append(r, cpu, OM_RECORD_LEAVE, &(struct om_piece){ body, sizeof(*body) }, 1);
	om_store_relaxed(&r->inside, r->inside - 1);
	om_recorder_unlock(r);
}

static enum om_result left(struct om_recorder *r, enum om_record_function function,
			   enum om_result result)
{
	struct om_record_leave body = { .function = function, .result = result };

	leave(r, &body);
	return result;
}

enum om_result om_record_mediator_init(struct om_recorder *r, struct om_mediator *m)
{
	struct om_record_enter body = { .function = OM_RECORD_MEDIATOR_INIT };

	enter(r, &body);
	return left(r, OM_RECORD_MEDIATOR_INIT, om_mediator_init(m, &r->ops, r));
}

/* Apart, so that nothing of it is on the stack while the library runs. */
static OM_NOINLINE void enter_create(const struct om_record_guest *g,
				     const struct om_limits *limits)
{
	struct om_record_enter body = { .function = OM_RECORD_GUEST_CREATE, .guest = g->id };

	if (limits)
		om_copy(body.arg, limits, sizeof(body.arg));
	enter(g->recorder, &body);
}

enum om_result om_record_guest_create(struct om_recorder *r, struct om_record_guest *g,
				      struct om_mediator *m, uint32_t id,
				      const struct om_limits *limits, void *ctx,
				      void *mem, size_t size)
{
	*g = (struct om_record_guest){ .recorder = r, .ctx = ctx, .id = id };
	enter_create(g, limits);
	return left(r, OM_RECORD_GUEST_CREATE,
		    om_guest_create(m, id, limits, g, mem, size, &g->guest));
}

/* As for enter_create(). */
static OM_NOINLINE void enter_call(const struct om_record_guest *g, unsigned int vcpu,
				   const struct om_regs *regs)
{
	struct om_record_enter body = { .function = OM_RECORD_GUEST_CALL, .guest = g->id,
					.vcpu = vcpu };
	uint32_t i;

	for (i = 0; i < 8; i++)
		body.arg[i] = (uint32_t)regs->a[i];
	enter(g->recorder, &body);
}

static OM_NOINLINE void leave_call(const struct om_record_guest *g, enum om_outcome outcome,
				   const struct om_regs *regs)
{
	struct om_record_leave body = { .function = OM_RECORD_GUEST_CALL, .result = outcome };
	uint32_t i;

	for (i = 0; i < 4; i++)
		body.a[i] = (uint32_t)regs->a[i];
	leave(g->recorder, &body);
}

enum om_outcome om_record_guest_call(struct om_record_guest *g, unsigned int vcpu,
				     struct om_regs *regs)
{
	enum om_outcome outcome;

	enter_call(g, vcpu, regs);
	outcome = om_guest_call(g->guest, vcpu, regs);
	leave_call(g, outcome, regs);
	return outcome;
}

static void enter_guest(struct om_record_guest *g, enum om_record_function function)
{
	struct om_record_enter body = { .function = function, .guest = g->id };

	enter(g->recorder, &body);
}

enum om_result om_record_guest_reset(struct om_record_guest *g)
{
	enter_guest(g, OM_RECORD_GUEST_RESET);
	return left(g->recorder, OM_RECORD_GUEST_RESET, om_guest_reset(g->guest));
}

enum om_result om_record_guest_destroy(struct om_record_guest *g)
{
	enter_guest(g, OM_RECORD_GUEST_DESTROY);
	return left(g->recorder, OM_RECORD_GUEST_DESTROY, om_guest_destroy(g->guest));
}

void om_record_guest_interrupt(struct om_record_guest *g)
{
	record_answer(g->recorder, OM_RECORD_INTERRUPT, g->id);
	om_guest_interrupt(g->guest);
}

uint64_t om_record_refusals(const struct om_guest *guest)
{
	uint64_t sum = om_guest_counter(guest, OM_COUNT_REFUSED_SESSION);
	uint32_t which;

	for (which = OM_COUNT_REFUSED_FUNCTION; which <= OM_COUNT_REFUSED_REPLY; which++)
		sum += om_guest_counter(guest, (enum om_counter)which);
	return sum;
}

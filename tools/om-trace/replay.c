/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay. See replay.h.
 *
 * The library runs with the recorder (lib/record.c) around it, on operations that answer as
 * recorded. So it makes a recording of its own, and each record of that must be the recorded
 * one, byte for byte: what the recorder writes down is compared, all of it and nothing else.
 *
 * Each CPU of the recording is a thread. One runs at a time: the one that made the next record.
 * What a CPU did between two of its records it does right after the first. That is a guess where
 * CPUs share something without an operation in between; an atomic decides, for instance, which of
 * them gets a call. A guess that leads to a difference is taken back: the CPU does it right before
 * the second record instead, and all runs again.
 */
#include "replay.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "say.h"
#include "shadow.h"

#define PAGE		4096u
struct world;

struct guest {
	uint32_t id;
	struct om_record_guest recorded;
	void *mem;
	struct world *world;
	bool is_stopped;	/* a CPU resets or destroys it */
	struct guest *next;
};

struct page {
	uint64_t pa;
	void *va;
	struct page *next;
};

/* A CPU of the recording: a thread that runs the library, when it is its turn. */
struct cpu {
	struct world *world;
	uint32_t number;
	bool is_there;
	pthread_t thread;
	pthread_cond_t turn;
	const struct guest *guest;	/* whose call it is in */
	size_t front;		/* its next record */
	size_t last;		/* the one that came last; the number of records: none */
	bool is_interrupted;
	jmp_buf stopped;	/* where to go when nothing more is replayed */
};

struct world {
	const struct recording *recording;
	size_t next;			/* the record that must come now */
	size_t *after;			/* for each record, the next of the same CPU */
	const bool *late;		/* ... and what comes behind it is done before that one */
	struct replay_result *result;
	const struct replay_edit *edit;	/* NULL: none */
	bool traced;
	bool stop;

	struct om_host_ops ops;
	struct om_recorder recorder;
	struct om_record_page *pages;
	struct om_mediator mediator;
	bool is_ready;			/* its initialisation succeeded */
	struct guest *guests;
	struct page *shadows;

	/* The record that the library is making: head first, then its body. */
	uint8_t made[UINT16_MAX];
	size_t made_len;
	size_t skip;			/* what is left of the beginning of the recording */

	struct cpu cpu[OM_RECORD_CPUS];
	struct cpu *running;
	pthread_mutex_t baton;
};

/* --- Whose turn it is ------------------------------------------------------------------------- */

static const struct record *next_record(const struct world *w)
{
	return w->next < w->recording->count ? &w->recording->record[w->next] : NULL;
}

/* The next record of this CPU's own, whenever its turn comes; NULL: it has no more. */
static const struct record *own_next(const struct world *w)
{
	size_t i = w->running->front;

	return i < w->recording->count ? &w->recording->record[i] : NULL;
}

/* The library has made the next record. */
static void pass(struct world *w)
{
	w->running->last = w->next;
	w->running->front = w->after[w->next];
	w->next++;
	w->result->records = w->next;
}

/* Nothing more is replayed: every CPU leaves the library where it is. Does not return. */
static _Noreturn void stop(struct world *w, struct cpu *self)
{
	w->stop = true;
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		if (w->cpu[i].is_there)
			pthread_cond_signal(&w->cpu[i].turn);
	longjmp(self->stopped, 1);
}

static void interrupt(struct world *w, const struct record *record);

/*
 * Gives the baton to the CPU of the next record; comes back with it, or not at all. An
 * interrupt may have come in the middle of a call.
 */
static void await_turn(struct world *w)
{
	struct cpu *self = w->running;

	for (;;) {
		const struct record *record = next_record(w);

		if (!record)
			stop(w, self);
		if (record->head.cpu != self->number) {
			w->running = &w->cpu[record->head.cpu];
			pthread_cond_signal(&w->running->turn);
			while (w->running != self && !w->stop)
				pthread_cond_wait(&self->turn, &w->baton);
			if (w->stop)
				stop(w, self);
		} else if (record->head.kind == OM_RECORD_INTERRUPT && !self->is_interrupted) {
			self->is_interrupted = true;
			interrupt(w, record);
			self->is_interrupted = false;
		} else {
			return;
		}
	}
}

static _Noreturn void differ(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void who(const struct world *w, char *buf, size_t size)
{
	for (size_t i = w->next; i-- > 0;) {
		const struct record *record = &w->recording->record[i];

		if (record->head.cpu != w->running->number)
			continue;
		if (record->head.kind == OM_RECORD_ENTER) {
			const struct om_record_enter e = record_body(record, struct om_record_enter);

			snprintf(buf, size, "guest %u, vCPU %u", e.guest, e.vcpu);
			return;
		}
	}
	snprintf(buf, size, "CPU %u", w->running->number);
}

static _Noreturn void differ(struct world *w, const char *format, ...)
{
	const struct record *record = next_record(w);
	struct replay_result *result = w->result;
	char name[64];
	va_list args;
	int n;

	who(w, name, sizeof(name));
	n = snprintf(result->why, sizeof(result->why), "differs at record %zu (byte %zu), %s: ",
		     w->next, record ? record->at : w->recording->size, name);
	va_start(args, format);
	vsnprintf(result->why + n, sizeof(result->why) - (size_t)n, format, args);
	va_end(args);
	result->differs = true;
	stop(w, w->running);
}

/* The record that must come now, of this kind: what the operation is to answer. */
static const struct record *answer(struct world *w, enum om_record_kind kind, const char *does)
{
	const struct record *record;
	char text[SAY_SIZE];

	await_turn(w);
	record = next_record(w);
	if (record->head.kind == kind)
		return record;
	say_record(record, text, sizeof(text));
	differ(w, "the library %s, recorded: %s", does, text);
}

/* --- The recorder's sink: what is made is held against what was recorded ------------------------ */

uint8_t *replay_append(uint8_t *bytes, size_t *size, const struct record *record,
		       uint32_t sequence)
{
	struct om_record_head head = record->head;
	uint64_t sum;

	head.size = (uint16_t)(sizeof(head) + record->len);
	head.sequence = sequence;
	sum = om_record_checksum(0, &head, offsetof(struct om_record_head, checksum));
	head.checksum = (uint32_t)om_record_checksum(sum, record->body, record->len);
	bytes = memory(realloc(bytes, *size + head.size));
	memcpy(bytes + *size, &head, sizeof(head));
	if (record->len)
		memcpy(bytes + *size + sizeof(head), record->body, record->len);
	*size += head.size;
	return bytes;
}

/* An edited run: what was made is kept, and whether it may be so the edit knows. */
static bool differs_from_edit(struct world *w, const struct record *record,
			      const struct record *made, char *why, size_t size)
{
	struct replay_result *result = w->result;
	size_t at = result->made_size;

	result->made = replay_append(result->made, &result->made_size, made, made->head.sequence);
	if (made->head.kind != record->head.kind)
		say_difference(record, made, why, size);
	else if (!w->edit->differs ||
		 !w->edit->differs(w->edit->arg, w->next, record, made, why, size))
		return false;
	result->made_last = at;
	return true;
}

static bool differs(struct world *w, const struct record *record, const struct record *made,
		    char *why, size_t size)
{
	if (w->edit)
		return differs_from_edit(w, record, made, why, size);
	if (w->made_len == record->head.size &&
	    memcmp(w->made + offsetof(struct om_record_head, kind),
		   w->recording->bytes + record->at + offsetof(struct om_record_head, kind),
		   w->made_len - offsetof(struct om_record_head, kind)) == 0)
		return false;
	say_difference(record, made, why, size);
	return true;
}

static void compare(struct world *w)
{
	const struct record *record = next_record(w);
	struct record made = { .body = w->made + sizeof(made.head),
			       .len = w->made_len - sizeof(made.head) };
	char text[2 * SAY_SIZE];

	memcpy(&made.head, w->made, sizeof(made.head));
	if (differs(w, record, &made, text, sizeof(text)))
		differ(w, "%s", text);
	pass(w);
}

/* Takes records in pieces. The beginning of the recording comes first and is skipped. */
static void sink(void *host, const void *bytes, size_t len)
{
	struct world *w = host;
	struct om_record_head head;

	if (w->skip) {
		w->skip -= len;
		return;
	}
	memcpy(w->made + w->made_len, bytes, len);
	w->made_len += len;
	memcpy(&head, w->made, sizeof(head));
	if (w->made_len < head.size)
		return;
	compare(w);
	w->made_len = 0;
	if (w->late[w->running->last] && own_next(w))
		await_turn(w);
}

static void recorder_lock(void *host)
{
	await_turn(host);
}

static void recorder_unlock(void *host)
{
	(void)host;
}

static uint32_t current_cpu(void *host)
{
	const struct world *w = host;

	return w->running->number;
}

static uint64_t recorded_time(void *host)
{
	const struct world *w = host;
	const struct record *record = next_record(w);
	uint64_t time = 0;

	if (record)
		record_time(record, &time);
	return time;
}

/* --- The operations ----------------------------------------------------------------------------- */

static int op_pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct guest *g = guest;
	const struct record *record = answer(g->world, OM_RECORD_PIN, "pins pages");
	const struct om_record_pages p = record_body(record, struct om_record_pages);

	(void)ipa;
	memset(pa, 0, n * sizeof(*pa));
	if (p.result)
		return -1;
	for (size_t i = 0; i < n && i < p.n; i++)
		pa[i].raw = record_word(record, sizeof(p) + p.n * sizeof(uint64_t), i);
	return 0;
}

static void op_unpin(void *guest, const om_pa_t *pa, size_t n)
{
	(void)guest, (void)pa, (void)n;
}

static int op_read(void *guest, om_pa_t pa, void *dst, size_t len)
{
	struct guest *g = guest;
	const struct record *record = answer(g->world, OM_RECORD_READ, "reads guest memory");
	const struct om_record_copy c = record_body(record, struct om_record_copy);

	(void)pa;
	if (c.result)
		return -1;
	if (c.len != len)
		differ(g->world, "the library reads %zu bytes, recorded: %u", len, c.len);
	memcpy(dst, record->body + sizeof(c), len);
	if (g->world->edit && g->world->edit->read)
		g->world->edit->read(g->world->edit->arg, record->head.cpu, dst, len);
	return 0;
}

static int op_write(void *guest, om_pa_t pa, const void *src, size_t len)
{
	struct guest *g = guest;
	const struct record *record = answer(g->world, OM_RECORD_WRITE, "writes guest memory");

	(void)pa, (void)src, (void)len;
	return record_body(record, struct om_record_copy).result ? -1 : 0;
}

static int op_page_alloc(void *host, struct om_page *page)
{
	struct world *w = host;
	const struct record *record = answer(w, OM_RECORD_PAGE_ALLOC, "asks for a shadow page");
	const struct om_record_alloc a = record_body(record, struct om_record_alloc);
	struct page *shadow;

	if (a.result == OM_RECORD_NO_PAGE)
		return -1;
	*page = (struct om_page){ .pa = { a.pa } };
	if (a.result)
		return 0;
	shadow = memory(calloc(1, sizeof(*shadow)));
	page->va = memory(aligned_alloc(PAGE, PAGE));
	*shadow = (struct page){ a.pa, page->va, w->shadows };
	w->shadows = shadow;
	return 0;
}

static void op_page_free(void *host, const struct om_page *page)
{
	struct world *w = host;

	for (struct page **at = &w->shadows; *at; at = &(*at)->next) {
		struct page *shadow = *at;

		if (shadow->va != page->va)
			continue;
		*at = shadow->next;
		free(shadow->va);
		free(shadow);
		return;
	}
}

static uint64_t *shadow_page(const struct world *w, uint64_t pa)
{
	for (const struct page *page = w->shadows; page; page = page->next)
		if (page->pa == pa)
			return page->va;
	return NULL;
}

/* What OP-TEE wrote. */
static void write_windows(struct world *w, const struct record *record)
{
	struct window window[2];
	uint64_t *page[2] = { NULL, NULL };
	size_t n = shadow_windows(record, window);

	for (size_t k = 0; k < n; k++) {
		uint64_t pa = window[k].pa;

		if (w->edit && w->edit->page)
			pa = w->edit->page(w->edit->arg, pa);
		page[k] = shadow_page(w, pa);
		if (!page[k])
			differ(w, "OP-TEE wrote to 0x%llx, which is no shadow page",
			       (unsigned long long)pa);
		for (uint32_t i = 0; i < OM_RECORD_WORDS; i++)
			shadow_word(record, &window[k], i, &page[k][i]);
	}
	if (w->edit && w->edit->written)
		w->edit->written(w->edit->arg, w->next, page);
}

static void op_smc(void *host, struct om_regs *regs)
{
	struct world *w = host;
	const struct record *record = answer(w, OM_RECORD_SMC_RETURN, "waits for OP-TEE");
	const struct om_record_smc s = record_body(record, struct om_record_smc);

	write_windows(w, record);
	for (size_t i = 0; i < 4; i++)
		regs->a[i] = s.a[i];
}

/*
 * The recorder notes a lock only when there are others in the library, and that somebody
 * else left a moment before or after cannot be seen in a recording: so the recording says.
 */
static void op_lock(void *guest)
{
	struct guest *g = guest;
	struct world *w = g->world;
	const struct record *record = own_next(w);

	w->recorder.inside = record && record->head.kind == OM_RECORD_LOCK ? 2 : 0;
}

static void op_unlock(void *guest)
{
	(void)guest;
}

static bool op_should_yield(void *host)
{
	struct world *w = host;
	const struct record *record = own_next(w);

	return record && record->head.kind == OM_RECORD_YIELD &&
	       record_body(record, struct om_record_answer).value ==
	       w->recorder.noes[w->running->number];
}

static void op_notify(void *guest)
{
	(void)guest;
}

static uint32_t op_authorize(void *guest, const struct om_request *request)
{
	struct guest *g = guest;
	const struct record *record = answer(g->world, OM_RECORD_AUTHORIZE, "asks the policy");

	(void)request;
	return record_body(record, struct om_record_answer).value;
}

static void op_alias(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	struct guest *g = guest;
	const struct record *record = answer(g->world, OM_RECORD_ALIAS, "asks for an alias");
	const struct om_record_alias a = record_body(record, struct om_record_alias);

	(void)ta;
	memcpy(alias, a.alias, sizeof(a.alias));
}

static void op_trace(void *guest, const struct om_trace_event *event)
{
	struct guest *g = guest;
	struct replay_result *result = g->world->result;

	result->event = array_grow(result->event, result->events, sizeof(*result->event));
	result->event[result->events++] = (struct replay_event){
		g->world->next, g->world->running->number, *event };
}

/* --- What the embedder called --------------------------------------------------------------------- */

static struct guest *find_guest(const struct world *w, uint32_t id)
{
	for (struct guest *g = w->guests; g; g = g->next)
		if (g->id == id)
			return g;
	return NULL;
}

static struct guest *known_guest(struct world *w, uint32_t id)
{
	struct guest *g = find_guest(w, id);

	if (!g || !g->recorded.guest)
		differ(w, "there is no guest %u", id);
	return g;
}

static void forget_guest(struct world *w, struct guest *gone)
{
	for (struct guest **at = &w->guests; *at; at = &(*at)->next) {
		if (*at != gone)
			continue;
		*at = gone->next;
		free(gone->mem);
		free(gone);
		return;
	}
}

static void create_guest(struct world *w, const struct om_record_enter *e)
{
	struct om_limits limits;
	struct guest *g = memory(calloc(1, sizeof(*g)));
	size_t size;

	memcpy(&limits, e->arg, sizeof(limits));
	size = om_guest_size(&limits);
	g->id = e->guest;
	g->world = w;
	g->mem = size && size < ((size_t)1 << 30) ? aligned_alloc(OM_GUEST_ALIGN, size) : NULL;
	g->next = w->guests;
	w->guests = g;
	if (om_record_guest_create(&w->recorder, &g->recorded, &w->mediator, e->guest, &limits, g,
				   g->mem, size) != OM_OK)
		forget_guest(w, g);
}

/*
 * A call with arguments that the library refused is skipped: not all of them are recorded, and it
 * changed nothing.
 */
static bool was_refused(struct world *w)
{
	const struct record *record = w->next + 1 < w->recording->count ?
				      &w->recording->record[w->next + 1] : NULL;

	return record && record->head.kind == OM_RECORD_LEAVE &&
	       record->head.cpu == w->running->number &&
	       record_body(record, struct om_record_leave).function != OM_RECORD_GUEST_CALL &&
	       record_body(record, struct om_record_leave).result == OM_ERR_ARGUMENT;
}

static void skip(struct world *w)
{
	struct replay_result *result = w->result;

	w->recorder.sequence++;
	if (w->edit)
		result->made = replay_append(result->made, &result->made_size, next_record(w),
					     w->recorder.sequence);
	pass(w);
}

/* Not while another CPU resets or destroys it. */
static struct guest *running_guest(struct world *w, uint32_t id)
{
	struct guest *g = known_guest(w, id);

	if (g->is_stopped)
		differ(w, "guest %u runs while it is reset or destroyed", id);
	return g;
}

static void call_guest(struct world *w, const struct om_record_enter *e)
{
	struct guest *g = running_guest(w, e->guest);
	struct cpu *self = w->running;
	struct om_regs regs;

	for (size_t i = 0; i < 8; i++)
		regs.a[i] = e->arg[i];
	self->guest = g;
	om_record_guest_call(&g->recorded, e->vcpu, &regs);
	self->guest = NULL;
	if (w->edit && w->edit->is_over && w->edit->is_over(w->edit->arg, g->recorded.guest)) {
		w->result->is_over = true;
		stop(w, self);
	}
}

/* A guest that is to be reset or destroyed: no other CPU may be in a call of it. */
static struct guest *stopped_guest(struct world *w, uint32_t id)
{
	struct guest *g = known_guest(w, id);

	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		if (w->cpu[i].guest == g || g->is_stopped)
			differ(w, "guest %u is reset or destroyed while it runs", id);
	g->is_stopped = true;
	return g;
}

static void interrupt(struct world *w, const struct record *record)
{
	struct guest *g = known_guest(w, record_body(record, struct om_record_answer).value);

	om_record_guest_interrupt(&g->recorded);
}

static void enter(struct world *w, const struct om_record_enter *e)
{
	struct guest *g;

	if (was_refused(w)) {
		skip(w);
		skip(w);
		return;
	}
	switch (e->function) {
	case OM_RECORD_MEDIATOR_INIT:
		if (w->guests)
			differ(w, "the mediator is initialised with guests alive");
		w->is_ready = om_record_mediator_init(&w->recorder, &w->mediator) == OM_OK;
		break;
	case OM_RECORD_GUEST_CREATE:
		if (!w->is_ready)
			differ(w, "a guest is created without a mediator");
		create_guest(w, e);
		break;
	case OM_RECORD_GUEST_CALL:
		call_guest(w, e);
		break;
	case OM_RECORD_GUEST_RESET:
		g = stopped_guest(w, e->guest);
		om_record_guest_reset(&g->recorded);
		g->is_stopped = false;
		break;
	default:
		g = stopped_guest(w, e->guest);
		if (om_record_guest_destroy(&g->recorded) == OM_OK)
			forget_guest(w, g);
		else
			g->is_stopped = false;
		break;
	}
}

/* Calls for a CPU the functions that its records say, one after the other. */
static void run_cpu(struct world *w)
{
	for (;;) {
		const struct record *record;
		char text[SAY_SIZE];

		await_turn(w);
		record = next_record(w);
		if (record->head.kind == OM_RECORD_ENTER) {
			struct om_record_enter e = record_body(record, struct om_record_enter);

			if (w->edit && w->edit->enter)
				w->edit->enter(w->edit->arg, record->head.cpu, &e);
			enter(w, &e);
			continue;
		}
		say_record(record, text, sizeof(text));
		differ(w, "the library has returned, recorded: %s", text);
	}
}

/* --- Threads ---------------------------------------------------------------------------------------- */

static void *cpu_main(void *arg)
{
	struct cpu *self = arg;
	struct world *w = self->world;

	pthread_mutex_lock(&w->baton);
	if (setjmp(self->stopped) == 0) {
		while (w->running != self && !w->stop)
			pthread_cond_wait(&self->turn, &w->baton);
		if (!w->stop)
			run_cpu(w);
	}
	pthread_mutex_unlock(&w->baton);
	return NULL;
}

/* Which CPUs there are, and which record of each follows which. */
static void find_cpus(struct world *w)
{
	const struct recording *r = w->recording;
	size_t last[OM_RECORD_CPUS];

	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		last[i] = r->count;
	for (size_t i = r->count; i-- > 0;) {
		uint8_t cpu = r->record[i].head.cpu;

		w->after[i] = last[cpu];
		last[cpu] = i;
		w->cpu[cpu].is_there = true;
	}
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++) {
		struct cpu *cpu = &w->cpu[i];

		cpu->world = w;
		cpu->number = i;
		cpu->front = last[i];
		cpu->last = r->count;
		pthread_cond_init(&cpu->turn, NULL);
	}
	w->running = &w->cpu[r->record[0].head.cpu];
}

static void run(struct world *w)
{
	uint32_t others = 0;

	find_cpus(w);
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		others += w->cpu[i].is_there && &w->cpu[i] != w->running;
	/* With one CPU there is nobody to wait for: on this thread, for debuggers. */
	if (!others) {
		cpu_main(w->running);
		return;
	}
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		if (w->cpu[i].is_there &&
		    pthread_create(&w->cpu[i].thread, NULL, cpu_main, &w->cpu[i]))
			abort();
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		if (w->cpu[i].is_there)
			pthread_join(w->cpu[i].thread, NULL);
}

static void set_up(struct world *w, uint32_t pages)
{
	const uint32_t flags = w->recording->begin.flags;
	struct om_record_config config = {
		.ops = &w->ops, .host = w, .write = sink, .pages = w->pages, .page_count = pages,
		.clock = flags & OM_RECORD_HAS_CLOCK ? recorded_time : NULL,
		.cpu = current_cpu, .lock = recorder_lock, .unlock = recorder_unlock,
	};

	w->ops = (struct om_host_ops){
		.pin = op_pin, .unpin = op_unpin, .read = op_read, .write = op_write,
		.page_alloc = op_page_alloc, .page_free = op_page_free, .smc = op_smc,
		.lock = op_lock, .unlock = op_unlock,
		.should_yield = flags & OM_RECORD_HAS_YIELD ? op_should_yield : NULL,
		.notify = flags & OM_RECORD_HAS_NOTIFY ? op_notify : NULL,
		.authorize = flags & OM_RECORD_HAS_AUTHORIZE ? op_authorize : NULL,
		.alias = flags & OM_RECORD_HAS_ALIAS ? op_alias : NULL,
		.trace = w->traced ? op_trace : NULL,
	};
	w->skip = sizeof(OM_RECORD_MAGIC) - 1 + sizeof(struct om_record_head) +
		  sizeof(struct om_record_begin);
	pthread_mutex_init(&w->baton, NULL);
	om_record_init(&w->recorder, &config);
}

static void tear_down(struct world *w)
{
	while (w->guests)
		forget_guest(w, w->guests);
	while (w->shadows)
		op_page_free(w, &(struct om_page){ .va = w->shadows->va });
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		pthread_cond_destroy(&w->cpu[i].turn);
	pthread_mutex_destroy(&w->baton);
	free(w->pages);
	free(w->after);
	free(w);
}

/* The most shadow pages at a time; false when the recorder had no room for one. */
static bool count_pages(const struct recording *r, uint32_t *most)
{
	uint32_t now = 0;

	*most = 1;
	for (size_t i = 0; i < r->count; i++) {
		const struct record *record = &r->record[i];
		struct om_record_alloc a;

		if (record->head.kind == OM_RECORD_PAGE_FREE)
			now -= now > 0;
		if (record->head.kind != OM_RECORD_PAGE_ALLOC)
			continue;
		a = record_body(record, struct om_record_alloc);
		if (a.is_lost)
			return false;
		now += a.result == 0;
		if (now > *most)
			*most = now;
	}
	return true;
}

static bool refuse(struct replay_result *result, const char *why)
{
	snprintf(result->why, sizeof(result->why), "%s", why);
	return false;
}

#define DOUBTS	256u

/* A run, with the guesses that are taken back in it, and those that can be after it. */
struct attempt {
	const struct recording *recording;
	const struct replay_edit *edit;
	bool *late;
	bool trace;
	uint32_t pages;
	size_t doubtful[DOUBTS];	/* guesses to take back */
	uint32_t doubts;
};

/* True when the call that begins with this record came to its end. */
static bool was_left(const struct world *w, size_t i)
{
	while (i < w->next && w->recording->record[i].head.kind != OM_RECORD_LEAVE)
		i = w->after[i];
	return i < w->next;
}

/*
 * The guesses that can be wrong: those since all CPUs that are in the library now were called.
 * The last comes first, because most wrong guesses show at once.
 */
static void note_doubts(struct attempt *a, const struct world *w)
{
	const struct recording *r = w->recording;
	uint32_t inside = 0;

	a->doubts = 0;
	for (uint32_t i = 0; i < OM_RECORD_CPUS; i++)
		inside += w->cpu[i].is_there && w->cpu[i].last < r->count &&
			  r->record[w->cpu[i].last].head.kind != OM_RECORD_LEAVE;
	for (size_t i = w->next; i-- > 0 && inside && a->doubts < DOUBTS;) {
		const struct om_record_head *head = &r->record[i].head;

		if (w->after[i] > i + 1 && w->after[i] < r->count && !a->late[i])
			a->doubtful[a->doubts++] = i;
		inside -= head->kind == OM_RECORD_ENTER && !was_left(w, i);
	}
}

static struct replay_result attempt(struct attempt *a)
{
	struct replay_result result = { .made_last = SIZE_MAX };
	struct world *w = memory(calloc(1, sizeof(*w)));

	w->recording = a->recording;
	w->late = a->late;
	w->result = &result;
	w->traced = a->trace;
	w->edit = a->edit;
	w->after = memory(calloc(a->recording->count, sizeof(*w->after)));
	w->pages = memory(calloc(a->pages, sizeof(*w->pages)));
	if (a->edit && a->edit->begin)
		a->edit->begin(a->edit->arg);
	set_up(w, a->pages);
	run(w);
	if (result.differs)
		note_doubts(a, w);
	tear_down(w);
	return result;
}

#define ATTEMPTS	2000u
/* There are many of these, and most differ for good. */
#define EDITED_ATTEMPTS	4u

/* Takes back the one guess that gets furthest; false when none gets further than before. */
static bool take_back(struct attempt *a, struct replay_result *result, uint32_t *attempts)
{
	const struct attempt before = *a;

	for (uint32_t i = 0; i < before.doubts && *attempts; i++, (*attempts)--) {
		struct replay_result other;

		a->late[before.doubtful[i]] = true;
		other = attempt(a);
		if (!other.differs || other.records > result->records) {
			free(result->event);
			free(result->made);
			*result = other;
			return true;
		}
		a->late[before.doubtful[i]] = false;
		free(other.event);
		free(other.made);
	}
	return false;
}

/* False: it cannot be tried, and why. */
static bool can_be_tried(const struct recording *r, struct replay_result *result, uint32_t *pages)
{
	if (r->count == 0)
		return refuse(result, "has nothing in it but its beginning");
	if (r->begin.flags & OM_RECORD_IS_MASKED)
		return refuse(result, "cannot be replayed: its messages are masked");
	if (!recording_is_from_the_start(r))
		return refuse(result, "cannot be replayed: it is a ring whose beginning was "
			      "overwritten; record with a larger ring or as a stream");
	if (!count_pages(r, pages))
		return refuse(result, "cannot be replayed: the recorder had no room to watch all "
			      "shadow pages; give om_record_config.pages more");
	return true;
}

static bool run_again(struct attempt *a, uint32_t attempts, struct replay_result *result)
{
	*result = (struct replay_result){ 0 };
	if (!can_be_tried(a->recording, result, &a->pages))
		return false;
	a->late = memory(calloc(a->recording->count, sizeof(*a->late)));
	*result = attempt(a);
	while (result->differs && take_back(a, result, &attempts))
		;
	free(a->late);
	return true;
}

bool replay(const struct recording *r, bool trace, struct replay_result *result)
{
	return run_again(&(struct attempt){ .recording = r, .trace = trace }, ATTEMPTS, result);
}

bool replay_edited(const struct recording *r, const struct replay_edit *edit,
		   struct replay_result *result)
{
	return run_again(&(struct attempt){ .recording = r, .edit = edit }, EDITED_ATTEMPTS,
			 result);
}

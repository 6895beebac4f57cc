/* SPDX-License-Identifier: BSD-2-Clause */
/* Bars out of records. See story.h. */
#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/abi_smc.h>

#include "array.h"
#include "replay.h"
#include "say.h"

#define NONE	SIZE_MAX
#define CALLS	4096u	/* ids that are remembered at a time */

/* Which bars a CPU is in. Bars move when the array grows, so they are named by number. */
struct at {
	size_t call;
	size_t mediator;
	size_t secure;
	uint32_t guest, vcpu;
};

/* A call that the guest has to resume. */
struct waiting {
	uint32_t guest, id;
	size_t call;
	size_t bar;	/* the guest's: what it was asked for */
};

struct teller {
	const struct recording *r;
	struct story story;
	struct at at[OM_RECORD_CPUS];
	struct waiting waiting[CALLS];
	size_t waitings;
};

static size_t begin_bar(struct teller *t, enum story_row row, const struct at *at, size_t record)
{
	struct story *s = &t->story;

	s->bar = array_grow(s->bar, s->bars, sizeof(*s->bar));
	s->bar[s->bars] = (struct story_bar){
		.row = row, .kind = STORY_OPEN, .guest = at->guest, .vcpu = at->vcpu,
		.from = record, .to = t->r->count - 1, .call = row == STORY_CALL ? NONE : at->call,
	};
	return s->bars++;
}

static void end_bar(struct teller *t, size_t bar, size_t record)
{
	if (bar == NONE)
		return;
	t->story.bar[bar].to = record;
	if (t->story.bar[bar].kind == STORY_OPEN)
		t->story.bar[bar].kind = STORY_NORMAL;
}

static void add_text(struct teller *t, size_t bar, const char *line)
{
	struct story_bar *b;
	size_t old;

	if (bar == NONE)
		return;
	b = &t->story.bar[bar];
	old = b->text ? strlen(b->text) : 0;
	b->text = memory(realloc(b->text, old + strlen(line) + 2));
	sprintf(b->text + old, "%s%s", old ? "\n" : "", line);
}

static void set_label(struct teller *t, size_t bar, const char *label)
{
	if (bar != NONE)
		snprintf(t->story.bar[bar].label, sizeof(t->story.bar[bar].label), "%.*s",
			 (int)sizeof(t->story.bar[bar].label) - 1, label);
}

/* The label is the name of what is called: the first word behind the arrow. */
static void set_first_word(struct teller *t, size_t bar, const char *line)
{
	const char *from = strstr(line, "> ");
	char word[64];

	from = from ? from : strstr(line, "- ");
	snprintf(word, sizeof(word), "%.*s", (int)sizeof(word) - 1, from ? from + 2 : line);
	word[strcspn(word, " ")] = '\0';
	set_label(t, bar, word);
}

/* "OP-TEE -> RPC CMD cookie 0x1, thread 0": how it ended, in two words at most. */
static void set_outcome(struct teller *t, size_t bar, char *line)
{
	char *from = strstr(line, "> ");
	bool is_rpc = from && strncmp(from + 2, "RPC ", 4) == 0;

	if (!from)
		return;
	from += is_rpc ? 6 : 2;
	from[strcspn(from, " ,")] = '\0';
	set_label(t, bar, strcmp(from, "FOREIGN_INTR") == 0 ? "interrupt" : from);
}

static void set_kind(struct teller *t, size_t bar, enum story_kind kind)
{
	if (bar != NONE)
		t->story.bar[bar].kind = kind;
}

/* An event in words, without guest and vCPU. */
static void words(const struct om_trace_event *event, char *buf, size_t size)
{
	char line[256];
	const char *text;

	om_trace_text(event, line, sizeof(line));
	text = strstr(line, ": ");
	snprintf(buf, size, "%s", text ? text + 2 : line);
}

static bool is_rpc(uint32_t a0)
{
	return (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX &&
	       a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

static struct waiting *find_waiting(struct teller *t, uint32_t guest, uint32_t id)
{
	for (size_t i = 0; i < t->waitings; i++)
		if (t->waiting[i].guest == guest && t->waiting[i].id == id)
			return &t->waiting[i];
	return NULL;
}

static void enter_call(struct teller *t, struct at *at, const struct om_record_enter *e, size_t i)
{
	struct waiting *w = NULL;
	char line[SAY_SIZE];

	at->call = NONE;
	if (e->arg[0] == OPTEE_SMC_RETURN_FROM_RPC)
		w = find_waiting(t, e->guest, e->arg[3]);
	if (w) {
		at->call = w->call;
		end_bar(t, w->bar, i);
		*w = t->waiting[--t->waitings];
	} else if (e->arg[0] == OPTEE_SMC_CALL_WITH_ARG ||
		   e->arg[0] == OPTEE_SMC_CALL_WITH_RPC_ARG ||
		   e->arg[0] == OPTEE_SMC_CALL_WITH_REGD_ARG) {
		at->call = begin_bar(t, STORY_CALL, at, i);
		set_label(t, at->call, "call");
	}
	at->mediator = begin_bar(t, STORY_MEDIATOR, at, i);
	say_record(&t->r->record[i], line, sizeof(line));
	add_text(t, at->mediator, line);
	if (at->call != NONE)
		set_label(t, at->mediator, w ? "goes on" : "begins");
	else
		set_first_word(t, at->mediator, line);
}

static void enter(struct teller *t, struct at *at, size_t i)
{
	const struct om_record_enter e = record_body(&t->r->record[i], struct om_record_enter);
	char line[SAY_SIZE];

	at->guest = e.guest;
	at->vcpu = e.vcpu;
	if (e.function == OM_RECORD_GUEST_CALL) {
		enter_call(t, at, &e, i);
		return;
	}
	at->call = NONE;
	at->mediator = begin_bar(t, STORY_MEDIATOR, at, i);
	say_record(&t->r->record[i], line, sizeof(line));
	add_text(t, at->mediator, line);
	set_first_word(t, at->mediator, line);
}

/* The guest goes on: it is told the result, or has to come back with an answer. */
static void leave_call(struct teller *t, struct at *at, const struct om_record_leave *l, size_t i)
{
	struct om_trace_event event = {
		.id = OM_TRACE_GUEST_RETURN, .arg = { l->a[0], l->a[1], l->a[2], l->a[3] } };
	char line[256];

	words(&event, line, sizeof(line));
	add_text(t, at->mediator, line);
	if (is_rpc(l->a[0]) && at->call != NONE) {
		size_t bar = begin_bar(t, STORY_GUEST, at, i);
		bool interrupt = l->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;

		if (interrupt) {
			set_kind(t, bar, STORY_PAUSED);
			set_label(t, bar, "interrupt");
		} else {
			set_label(t, bar, l->a[0] == OPTEE_SMC_RETURN_RPC_ALLOC ? "ALLOC" :
				  l->a[0] == OPTEE_SMC_RETURN_RPC_FREE ? "FREE" : "RPC");
		}
		add_text(t, bar, line);
		if (t->waitings < CALLS)
			t->waiting[t->waitings++] = (struct waiting){
				at->guest, l->a[3], at->call, bar };
	} else {
		end_bar(t, at->call, i);
	}
}

static void leave(struct teller *t, struct at *at, size_t i)
{
	const struct om_record_leave l = record_body(&t->r->record[i], struct om_record_leave);

	if (l.function == OM_RECORD_GUEST_CALL)
		leave_call(t, at, &l, i);
	end_bar(t, at->mediator, i);
	at->mediator = at->call = NONE;
}

static void take_record(struct teller *t, size_t i)
{
	const struct record *record = &t->r->record[i];
	struct at *at = &t->at[record->head.cpu];
	char line[SAY_SIZE];

	switch (record->head.kind) {
	case OM_RECORD_ENTER:
		enter(t, at, i);
		break;
	case OM_RECORD_LEAVE:
		leave(t, at, i);
		break;
	case OM_RECORD_SMC:
		at->secure = begin_bar(t, STORY_SECURE, at, i);
		say_record(record, line, sizeof(line));
		add_text(t, at->secure, line);
		set_first_word(t, at->secure, line);
		break;
	case OM_RECORD_SMC_RETURN:
		say_record(record, line, sizeof(line));
		add_text(t, at->secure, line);
		if (at->call != NONE)
			set_outcome(t, at->secure, line);
		end_bar(t, at->secure, i);
		at->secure = NONE;
		break;
	default:
		break;
	}
}

/* "OP-TEE asks for GET_TIME, 1 param": the name is enough. */
static void set_request(struct teller *t, size_t bar, char *line)
{
	char *name = strstr(line, " asks for ");

	name = name ? name + strlen(" asks for ") : line;
	name[strcspn(name, ",")] = '\0';
	set_label(t, bar, name);
}

/* Takes over what the library traced in this step. */
static void take_event(struct teller *t, const struct replay_event *e)
{
	const struct om_trace_event *event = &e->event;
	struct at *at = &t->at[e->cpu];
	char line[256];

	words(event, line, sizeof(line));
	switch (event->id) {
	case OM_TRACE_MESSAGE:
		add_text(t, at->mediator, line);
		add_text(t, at->call, line);
		line[strcspn(line, ",")] = '\0';
		set_label(t, at->call, line);
		break;
	case OM_TRACE_REQUEST:
		/* The guest's bar begins when the library returns: its label waits there. */
		add_text(t, at->mediator, line);
		add_text(t, at->call, line);
		set_request(t, at->mediator, line);
		break;
	case OM_TRACE_REFUSED:
		add_text(t, at->mediator, line);
		add_text(t, at->call, line);
		set_label(t, at->mediator, line);
		set_kind(t, at->mediator, STORY_REFUSED);
		set_kind(t, at->call, STORY_REFUSED);
		break;
	case OM_TRACE_MESSAGE_PARAM:
	case OM_TRACE_RESULT:
	case OM_TRACE_RESULT_PARAM:
	case OM_TRACE_REQUEST_PARAM:
	case OM_TRACE_REPLY:
	case OM_TRACE_REPLY_PARAM:
	case OM_TRACE_SHARE:
	case OM_TRACE_UNSHARE:
		add_text(t, at->mediator, line);
		if (event->id < OM_TRACE_SHARE)
			add_text(t, at->call, line);
		break;
	default:
		break;
	}
}

/* A request has its name on the mediator's bar before the guest has it. */
static void name_requests(struct story *s)
{
	for (size_t i = 0; i < s->bars; i++) {
		struct story_bar *guest = &s->bar[i];

		if (guest->row != STORY_GUEST || strcmp(guest->label, "RPC") != 0)
			continue;
		for (size_t k = i; k-- > 0;) {
			const struct story_bar *m = &s->bar[k];

			if (m->row != STORY_MEDIATOR || m->to != guest->from)
				continue;
			if (m->kind != STORY_REFUSED)
				memcpy(guest->label, m->label, sizeof(guest->label));
			if (m->text) {
				free(guest->text);
				guest->text = memory(strdup(m->text));
			}
			break;
		}
	}
}

struct story story_of(const struct recording *r)
{
	struct teller *t = memory(calloc(1, sizeof(*t)));
	struct replay_result result;
	struct story story;
	size_t next = 0;

	t->r = r;
	for (size_t i = 0; i < OM_RECORD_CPUS; i++)
		t->at[i].call = t->at[i].mediator = t->at[i].secure = NONE;
	t->story.is_explained = replay(r, true, &result);
	for (size_t i = 0; i < r->count; i++) {
		for (; next < result.events && result.event[next].record <= i; next++)
			take_event(t, &result.event[next]);
		take_record(t, i);
	}
	free(result.event);
	name_requests(&t->story);
	story = t->story;
	free(t);
	return story;
}

void story_free(struct story *s)
{
	for (size_t i = 0; i < s->bars; i++)
		free(s->bar[i].text);
	free(s->bar);
	*s = (struct story){ 0 };
}

uint32_t *story_pins(const struct recording *r)
{
	uint32_t *pins = memory(calloc(r->count + 1, sizeof(*pins)));
	uint32_t now = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct record *record = &r->record[i];

		if (record->head.kind == OM_RECORD_PIN || record->head.kind == OM_RECORD_UNPIN) {
			const struct om_record_pages p = record_body(record, struct om_record_pages);

			if (record->head.kind == OM_RECORD_PIN)
				now += p.result ? 0 : p.n;
			else
				now -= p.n < now ? p.n : now;
		}
		pins[i] = now;
	}
	return pins;
}

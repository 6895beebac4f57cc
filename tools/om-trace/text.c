/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording as lines for people. Where it can be replayed, the library says itself what a
 * message meant and why something was refused; else there is what the records say.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "replay.h"
#include "say.h"

/* Who is in the library, on each CPU, and with which functions of the ABI. */
struct who {
	uint32_t guest;
	uint32_t vcpu;
	uint32_t fid;
	uint32_t secure_fid;
};

static bool is_conversation(const struct record *record)
{
	switch (record->head.kind) {
	case OM_RECORD_ENTER:
	case OM_RECORD_LEAVE:
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
	case OM_RECORD_NOTIFY:
	case OM_RECORD_INTERRUPT:
		return true;
	default:
		return false;
	}
}

/* False for events that repeat what a record says. */
static bool is_news(const struct om_trace_event *event)
{
	switch (event->id) {
	case OM_TRACE_GUEST_SMC:
	case OM_TRACE_GUEST_RETURN:
	case OM_TRACE_SECURE_SMC:
	case OM_TRACE_SECURE_RETURN:
	case OM_TRACE_STATE:
		return false;
	default:
		return true;
	}
}

static void print_time(FILE *out, bool has_clock, uint64_t time, uint64_t start)
{
	if (has_clock)
		fprintf(out, "%12.3f us  ", (double)(time - start) / 1000.0);
}

static void print_who(FILE *out, const struct who *who)
{
	if (who->guest)
		fprintf(out, "guest %" PRIu32 " vcpu %" PRIu32 ": ", who->guest, who->vcpu);
}

static void print_events(FILE *out, bool has_clock, const struct replay_result *result,
			 size_t record, size_t *next)
{
	for (; *next < result->events && result->event[*next].record <= record; (*next)++) {
		const struct om_trace_event *event = &result->event[*next].event;
		char line[256];

		if (!is_news(event))
			continue;
		om_trace_text(event, line, sizeof(line));
		fprintf(out, "%*s%s\n", has_clock ? 21 : 4, "", line);
	}
}

/* Notes who is in the library and what was called last, which says how to read what comes back. */
static void note_who(struct who *who, const struct record *record)
{
	if (record->head.kind == OM_RECORD_ENTER) {
		const struct om_record_enter e = record_body(record, struct om_record_enter);

		*who = (struct who){ e.guest, e.vcpu, e.arg[0], 0 };
	} else if (record->head.kind == OM_RECORD_SMC) {
		who->secure_fid = record_body(record, struct om_record_smc).a[0];
	}
}

/* Returned registers in words, by the function that was called. False: another record. */
static bool say_return(const struct who *who, const struct record *record, char *line, size_t size)
{
	struct om_trace_event event = { .id = OM_TRACE_GUEST_RETURN, .arg = { [4] = who->fid } };
	bool is_new = false;
	char text[256];

	if (record->head.kind == OM_RECORD_SMC_RETURN) {
		event = say_secure_event(record, who->secure_fid);
	} else if (record->head.kind == OM_RECORD_LEAVE) {
		const struct om_record_leave l = record_body(record, struct om_record_leave);

		if (l.function != OM_RECORD_GUEST_CALL || l.result == OM_NOT_HANDLED)
			return false;
		for (size_t i = 0; i < 4; i++)
			event.arg[i] = l.a[i];
		is_new = l.result == OM_HANDLED_NEW_DRIVER;
	} else {
		return false;
	}
	om_trace_text(&event, text, sizeof(text));
	snprintf(line, size, "%s%s", strstr(text, ": ") + 2,
		 is_new ? ", who has a new driver" : "");
	return true;
}

int command_text(const struct recording *r, bool all, FILE *out)
{
	const bool has_clock = r->begin.flags & OM_RECORD_HAS_CLOCK;
	struct who who[OM_RECORD_CPUS] = { 0 };
	struct replay_result result;
	uint64_t time = 0, start = 0;
	size_t event = 0;

	if (!replay(r, true, &result))
		fprintf(out, "# %s: %s; so this is without what the library would say\n",
			r->name, result.why);
	for (size_t i = 0; i < r->count; i++) {
		const struct record *record = &r->record[i];
		char line[SAY_SIZE];

		note_who(&who[record->head.cpu], record);
		record_time(record, &time);
		if (i == 0)
			start = time;
		print_events(out, has_clock, &result, i, &event);
		if (!all && !is_conversation(record))
			continue;
		if (!say_return(&who[record->head.cpu], record, line, sizeof(line)))
			say_record(record, line, sizeof(line));
		print_time(out, has_clock, time, start);
		print_who(out, &who[record->head.cpu]);
		fprintf(out, "%s\n", line);
	}
	if (result.differs)
		fprintf(out, "# %s: %s\n", r->name, result.why);
	free(result.event);
	return 0;
}

int command_replay(const struct recording *r, FILE *out)
{
	struct replay_result result;

	if (!replay(r, false, &result)) {
		fprintf(stderr, "om-trace: %s: %s\n", r->name, result.why);
		return 2;
	}
	if (result.differs) {
		fprintf(out, "%s: %s\n", r->name, result.why);
		return 1;
	}
	fprintf(out, "%s: %zu records, recorded by %u.%u.%u, are the same with %d.%d.%d\n",
		r->name, r->count, r->begin.made_by >> 16, r->begin.made_by >> 8 & 0xff,
		r->begin.made_by & 0xff, OM_VERSION_MAJOR, OM_VERSION_MINOR, OM_VERSION_PATCH);
	return 0;
}

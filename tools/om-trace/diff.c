/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds where two runs of one program first differ. Requests and answers are compared; addresses,
 * cookies, sessions and times are not, because they differ in every run.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "replay.h"

/* How many of an event's arguments are compared; 0: the event is left out. */
static size_t compared(const struct om_trace_event *event)
{
	switch (event->id) {
	case OM_TRACE_MESSAGE:
	case OM_TRACE_REFUSED:
	case OM_TRACE_REPLY:
		return 2;	/* cmd, func; why, code; cmd, ret */
	case OM_TRACE_RESULT:
		return 3;	/* cmd, ret, ret_origin */
	case OM_TRACE_REQUEST:
		return 1;	/* cmd */
	default:
		return 0;
	}
}

/* The next event that is compared, NULL at the end. */
static const struct om_trace_event *next_event(const struct replay_result *run, size_t *at)
{
	while (*at < run->events) {
		const struct om_trace_event *event = &run->event[(*at)++].event;

		if (compared(event))
			return event;
	}
	return NULL;
}

static bool are_alike(const struct om_trace_event *a, const struct om_trace_event *b)
{
	if (!a || !b)
		return a == b;
	return a->id == b->id && memcmp(a->arg, b->arg, compared(a) * sizeof(a->arg[0])) == 0;
}

static void print_event(FILE *out, const struct recording *r, const struct om_trace_event *event)
{
	char line[256] = "has no more";

	if (event)
		om_trace_text(event, line, sizeof(line));
	fprintf(out, "  %s: %s\n", r->name, line);
}

static int compare(const struct recording *a, const struct recording *b,
		   const struct replay_result *run_a, const struct replay_result *run_b, FILE *out)
{
	const struct om_trace_event *event_a, *event_b;
	size_t at_a = 0, at_b = 0, same = 0;

	do {
		event_a = next_event(run_a, &at_a);
		event_b = next_event(run_b, &at_b);
		same++;
	} while (event_a && are_alike(event_a, event_b));
	if (!event_a && !event_b) {
		fprintf(out, "the same, in %zu steps\n", same - 1);
		return 0;
	}
	fprintf(out, "after %zu steps that are the same\n", same - 1);
	print_event(out, a, event_a);
	print_event(out, b, event_b);
	return 1;
}

int command_diff(const struct recording *a, const struct recording *b, FILE *out)
{
	struct replay_result run_a = { 0 }, run_b = { 0 };
	int status = 2;

	if (!replay(a, true, &run_a))
		fprintf(stderr, "om-trace: %s: %s\n", a->name, run_a.why);
	else if (!replay(b, true, &run_b))
		fprintf(stderr, "om-trace: %s: %s\n", b->name, run_b.why);
	else
		status = compare(a, b, &run_a, &run_b, out);
	free(run_a.event);
	free(run_b.event);
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The picture: page.html with the bars as data. And the same bars as trace events for
 * Perfetto, and the conversation as a Mermaid diagram.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "array.h"
#include "commands.h"
#include "replay.h"
#include "story.h"

/* page.html; made by CMake. DATA stands where the data goes. */
static const unsigned char page[] = {
#include "page.inc"
	0
};

#define MARK	"/*DATA*/"

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; text && *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		/* In a page nothing may look like the end of its script. */
		else if (*text == '<')
			fputs("\\u003c", out);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

/* Microseconds of a record since the first; without a clock all are 0. */
static double *times_of(const struct recording *r)
{
	double *times = memory(calloc(r->count + 1, sizeof(*times)));
	uint64_t start = 0, now = 0;

	for (size_t i = 0; i < r->count; i++) {
		record_time(&r->record[i], &now);
		if (i == 0)
			start = now;
		times[i] = (double)(now - start) / 1000.0;
	}
	return times;
}

static void put_bars(FILE *out, const struct story *s, const double *times)
{
	for (size_t i = 0; i < s->bars; i++) {
		const struct story_bar *b = &s->bar[i];

		fprintf(out, "%s\n[%d,%d,%" PRIu32 ",%" PRIu32 ",%zu,%zu,%.3f,%.3f,",
			i ? "," : "", (int)b->row, (int)b->kind, b->guest, b->vcpu, b->from, b->to,
			times[b->from], times[b->to]);
		put_string(out, b->label);
		fputc(',', out);
		put_string(out, b->text);
		fprintf(out, ",%zd]", b->call == SIZE_MAX ? (ssize_t)-1 : (ssize_t)b->call);
	}
}

static void put_pins(FILE *out, const struct recording *r, const double *times)
{
	uint32_t *pins = story_pins(r);
	uint32_t last = UINT32_MAX;
	bool first = true;

	for (size_t i = 0; i < r->count; i++) {
		if (pins[i] == last)
			continue;
		last = pins[i];
		fprintf(out, "%s[%zu,%.3f,%" PRIu32 "]", first ? "" : ",", i, times[i], last);
		first = false;
	}
	free(pins);
}

int command_html(const struct recording *r, FILE *out)
{
	const char *text = (const char *)page;
	const char *mark = strstr(text, MARK);
	struct story s = story_of(r);
	double *times = times_of(r);

	fwrite(text, 1, (size_t)(mark - text), out);
	fputs("const data={name:", out);
	put_string(out, r->name);
	fprintf(out, ",records:%zu,clock:%d,explained:%d,bars:[", r->count,
		!!(r->begin.flags & OM_RECORD_HAS_CLOCK), s.is_explained);
	put_bars(out, &s, times);
	fputs("],pins:[", out);
	put_pins(out, r, times);
	fputs("]};\n", out);
	fputs(mark + strlen(MARK), out);
	free(times);
	story_free(&s);
	return 0;
}

static const char *const rows[STORY_ROWS] = {
	[STORY_CALL] = "calls", [STORY_GUEST] = "guest", [STORY_MEDIATOR] = "mediator",
	[STORY_SECURE] = "OP-TEE",
};

int command_perfetto(const struct recording *r, FILE *out)
{
	struct story s = story_of(r);
	double *times = times_of(r);

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", out);
	for (size_t i = 0; i < s.bars; i++) {
		const struct story_bar *b = &s.bar[i];
		uint32_t thread = b->vcpu * STORY_ROWS + (uint32_t)b->row + 1;

		fprintf(out, "{\"ph\":\"M\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32
			",\"name\":\"thread_name\",\"args\":{\"name\":\"vCPU %" PRIu32 " %s\"}},\n",
			b->guest, thread, b->vcpu, rows[b->row]);
		fprintf(out, "{\"ph\":\"X\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32
			",\"ts\":%.3f,\"dur\":%.3f,\"name\":", b->guest, thread, times[b->from],
			times[b->to] - times[b->from]);
		put_string(out, b->label);
		fputs(",\"args\":{\"what\":", out);
		put_string(out, b->text);
		fprintf(out, "}}%s\n", i + 1 < s.bars ? "," : "");
	}
	fputs("]}\n", out);
	free(times);
	story_free(&s);
	return 0;
}

int command_mermaid(const struct recording *r, FILE *out)
{
	struct replay_result result;

	if (!replay(r, true, &result)) {
		fprintf(stderr, "om-trace: %s: %s\n", r->name, result.why);
		return 2;
	}
	fputs("sequenceDiagram\n    participant Guest\n    participant Mediator\n"
	      "    participant OPTEE\n", out);
	for (size_t i = 0; i < result.events; i++) {
		char line[256];

		if (om_trace_mermaid(&result.event[i].event, line, sizeof(line)))
			fprintf(out, "    %s\n", line);
	}
	free(result.event);
	return 0;
}

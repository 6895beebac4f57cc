/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: om-trace. Any bytes as a recording, with checksums taken as they are; what
 * can be read is replayed, drawn, made packets of and masked. Whatever the world of the recording
 * answers, all stay in their bounds and come to an end, and reader and replay say one line when
 * something is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "host/host.h"
#include "reader.h"
#include "replay.h"
#include "say.h"
#include "target.h"

#define MOST_MEMORY	(1u << 20)

/* Guests of any size are for a machine with more memory and time. */
static bool is_small(const struct recording *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct om_record_enter e;
		struct om_limits limits;

		if (r->record[i].head.kind != OM_RECORD_ENTER)
			continue;
		e = record_body(&r->record[i], struct om_record_enter);
		memcpy(&limits, e.arg, sizeof(limits));
		if (e.function == OM_RECORD_GUEST_CREATE && om_guest_size(&limits) > MOST_MEMORY)
			return false;
	}
	return true;
}

static void check_line(const char *line)
{
	if (!line[0] || strchr(line, '\n'))
		test_fail("om-trace: not one line: \"%s\"", line);
}

/* Nobody looks at what they write. */
static void show(const struct recording *r)
{
	FILE *out = fopen("/dev/null", "w");

	if (!out)
		abort();
	command_html(r, out);
	command_pcapng(r, out);
	command_mask(r, true, out);
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);
	struct replay_result result;
	struct recording r;
	char line[SAY_SIZE];

	if (!bytes)
		abort();
	if (size)
		memcpy(bytes, data, size);
	if (recording_parse(&r, "fuzz", bytes, size, true) != READ_WHOLE)
		check_line(r.error);
	for (size_t i = 0; i < r.count; i++) {
		say_record(&r.record[i], line, sizeof(line));
		check_line(line);
	}
	if (is_small(&r)) {
		if (!replay(&r, false, &result) || result.differs)
			check_line(result.why);
		show(&r);
	}
	recording_free(&r);
	return 0;
}

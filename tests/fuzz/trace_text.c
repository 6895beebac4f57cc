/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the trace decoder. Any event as text and as a line of a diagram, into
 * buffers of any size: always ended, never longer than said, of printable characters,
 * and a short buffer holds the beginning of what a long one holds.
 */
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/trace.h>

#include "host/host.h"
#include "input.h"
#include "target.h"

#define LONGEST 200u

typedef size_t decoder(const struct om_trace_event *event, char *buf, size_t size);

static void check(bool good, const char *what)
{
	if (!good)
		test_fail("trace: %s", what);
}

static void decode(decoder *fn, const struct om_trace_event *event, size_t size)
{
	char whole[2 * LONGEST];
	size_t length = fn(event, whole, sizeof(whole));
	char *part = malloc(size ? size : 1);
	size_t kept;

	if (!part)
		abort();
	if (length >= LONGEST)
		test_fail("trace: more than %u bytes: %s", LONGEST - 1, whole);
	check(strlen(whole) == length, "the length is not that of the line");
	for (size_t i = 0; i < length; i++)
		check(whole[i] >= ' ' && whole[i] <= '~', "a character cannot be printed");
	part[0] = '#';
	check(fn(event, part, size) == length, "the length depends on the buffer");
	kept = size && length > size - 1 ? size - 1 : length;
	if (size)
		check(strlen(part) == kept && memcmp(part, whole, kept) == 0,
		      "a short buffer holds something else");
	else
		check(part[0] == '#', "a buffer of no size is written to");
	free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	while (in.left) {
		struct om_trace_event event = {
			.id = in_rarely(&in, 16) ? in_u32(&in) : in_pick(&in, OM_TRACE_IDS + 1),
			.guest = (uint32_t)in_number(&in),
			.vcpu = in_u8(&in),
			.call = (uint32_t)in_number(&in),
		};
		size_t room = in_u8(&in);

		for (uint32_t i = 0; i < 8; i++)
			event.arg[i] = in_rarely(&in, 4) ? in_bytes(&in, 8) : in_number(&in);
		/* Registers are 32-bit: trace.h. */
		for (uint32_t i = 0; event.id <= OM_TRACE_SECURE_RETURN && i < 8; i++)
			event.arg[i] &= UINT32_MAX;
		/* The functions are what is decoded: they should be known ones most often. */
		if (in_rarely(&in, 2))
			event.arg[0] = 0xb2000000u + in_pick(&in, 24);
		check(om_trace_name(event.id) != NULL, "an event without a name");
		decode(om_trace_text, &event, room);
		decode(om_trace_mermaid, &event, room);
	}
	return 0;
}

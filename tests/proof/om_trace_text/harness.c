/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_trace_text() and om_trace_mermaid(): any event becomes a line in a buffer of any size.
 *
 * Assumes: nothing of the event, which can be a foreign one; buf has size bytes.
 * In the place of the pieces of a line stands what put_char/ and put_dec/ prove of them;
 * in the place of names any length that om_name_of/ and om_call_next/ prove.
 * Proves: memory safety; nothing but put_char() and end() moves in the buffer; a line ends
 * with a NUL where it is cut or done; no line has more than 400 characters; one of an
 * event of which trace.h's words are true has less than 200, so that 200 bytes are enough.
 *
 * Class: quick
 * Sources: trace_names.c
 * Replace: put_char:add_char put:add_text put_dec:add_dec put_hex:add_hex
 * Replace: om_name_of:any_name_of
 * Unwind: 41
 *   No text of trace_text.c has more than 40 characters; a UUID has 16 octets.
 */
#include "proof.h"

#include "trace_text.c"

#include <stdlib.h>

#include "../put_dec/pieces.h"

static char *buffer;
static size_t buffer_size;
/* A name from a table: its letters do not matter, its length is any that there is. */
static const char name[1];
static size_t name_length;

static void add(struct line *line, size_t n)
{
	PROVE(line->buf == buffer && line->size == buffer_size, "a line stays in its buffer");
	line->length += n;
}

void add_char(struct line *line, char c)
{
	(void)c;
	add(line, 1);
}

void add_text(struct line *line, const char *text)
{
	size_t n = 0;

	if (text == name) {
		n = name_length;
	} else {
		while (text[n])
			n++;
	}
	add(line, n);
}

void add_dec(struct line *line, uint64_t value)
{
	size_t n = any_size();

	ASSUME(is_dec_length(value, n));
	add(line, n);
}

void add_hex(struct line *line, uint64_t value)
{
	size_t n = any_size();

	ASSUME(is_hex_length(value, n));
	add(line, n);
}

static const char *any_name(uint32_t longest)
{
	name_length = any_below(longest + 1);
	return name;
}

const char *any_name_of(struct om_names names, uint64_t number)
{
	(void)number;
	if (any_bool())
		return NULL;
	return any_name(names.first == om_names_attr().first ? PIECE_ATTR : PIECE_NAME);
}

const char *om_counter_name(enum om_counter which)
{
	PROVE((uint32_t)which < OM_COUNTERS, "only counters are asked for their name");
	return any_bool() ? any_name(PIECE_NAME) : NULL;
}

const char *om_call_state_name(uint32_t state)
{
	(void)state;
	return any_name(PIECE_NAME);
}

const char *om_call_event_name(uint32_t event)
{
	(void)event;
	return any_name(PIECE_NAME);
}

struct om_trace_event nondet_event(void);

/* trace.h: registers have 32 bits on their way to somebody. */
static bool is_documented(const struct om_trace_event *event)
{
	uint32_t i;

	if (event->id != OM_TRACE_GUEST_SMC && event->id != OM_TRACE_SECURE_SMC)
		return true;
	for (i = 0; i < 8; i++)
		if (event->arg[i] >> 32)
			return false;
	return true;
}

int main(void)
{
	const struct om_trace_event event = nondet_event();
	bool mermaid = any_bool();
	size_t length;

	buffer_size = any_size();
	ASSUME(buffer_size <= PTRDIFF_MAX);
	buffer = malloc(buffer_size);

	length = mermaid ? om_trace_mermaid(&event, buffer, buffer_size) :
			   om_trace_text(&event, buffer, buffer_size);

	if (buffer_size)
		PROVE(buffer[length < buffer_size ? length : buffer_size - 1] == '\0',
		      "a line ends where it is cut or done");
	else
		REACHED("no room at all");
	PROVE(length <= PIECE_LINE, "no line has more than 400 characters");
	PROVE(IMPLIES(is_documented(&event), length < 200), "200 bytes are enough for any event");
	if (mermaid && length == 0)
		REACHED("nothing for a diagram");
	if (length > 150)
		REACHED("a long line");
	return 0;
}

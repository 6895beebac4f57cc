/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * put(), put_dec(), put_hex() of trace_text.c: the pieces of a line.
 *
 * Assumes: texts of at most 40 characters: om_trace_text/ unwinds no further. In the place
 * of put_char() stands what put_char/ proves of it.
 * Proves: memory safety; pieces write by put_char() alone, a text as it is and a number in
 * digits; they have the lengths that pieces.h tells om_trace_text/.
 *
 * Class: quick
 * Replace: put_char:add_char
 * Unwind: 41
 *   A text has at most 40 characters, a number of 64 bits 20 digits, or 16.
 */
#include "proof.h"

#include "trace_text.c"

#include "pieces.h"

/* The n-th character of a piece is watched; it can be any. */
static size_t watched;
static char seen;

void add_char(struct line *line, char c)
{
	if (line->length == watched)
		seen = c;
	line->length++;
}

int main(void)
{
	struct line line = { 0 };
	char text[PIECE_TEXT + 1];
	uint64_t value = any_u64();
	size_t n;

	watched = any_size();
	switch (any_below(3)) {
	case 0:
		FORGET(text, sizeof(text));
		text[PIECE_TEXT] = '\0';
		put(&line, text);
		n = line.length;
		PROVE(n <= PIECE_TEXT && text[n] == '\0', "a text is put to its end");
		if (watched < n)
			PROVE(seen == text[watched] && seen, "... as it is");
		REACHED("a text");
		break;
	case 1:
		put_dec(&line, value);
		n = line.length;
		PROVE(is_dec_length(value, n), "a decimal number has its length");
		if (watched < n)
			PROVE(seen >= '0' && seen <= '9', "... and digits");
		REACHED("a decimal number");
		break;
	default:
		put_hex(&line, value);
		n = line.length;
		PROVE(is_hex_length(value, n), "a hexadecimal number has its length");
		if (watched < n)
			PROVE((seen >= '0' && seen <= '9') || (seen >= 'a' && seen <= 'f') ||
			      (watched == 1 && seen == 'x'), "... and digits");
		REACHED("a hexadecimal number");
		break;
	}
	PROVE(!line.buf && !line.size, "a line stays in its buffer");
	return 0;
}

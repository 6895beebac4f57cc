/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * begin(), put_char(), end() of trace_text.c: all that writes to the buffer of a line. For
 * a line of any length in a buffer of any size, 0 included.
 *
 * Assumes: buf has size bytes (the contract of om_trace_text()); a line is shorter than
 * all of memory (om_trace_text/ proves that no line has more than 400 characters).
 * Proves: memory safety, and so nothing is written outside of the buffer; a character is
 * counted, whether there is room for it or not, and is there if there is; end() ends the
 * line where it is cut or done, and returns the whole line's length; what was written
 * before is left alone.
 *
 * Class: quick
 * Unwind: 1
 *   There is no loop.
 */
#include "proof.h"

#include "trace_text.c"

#include <stdlib.h>

int main(void)
{
	struct line line, before;
	size_t size = any_size(), k = any_size(), at;
	bool ends = any_bool();
	char c = (char)any_below(128), old;

	ASSUME(size <= PTRDIFF_MAX);
	line = begin(malloc(size), size);
	PROVE(line.length == 0 && line.size == size, "a line begins empty");
	line.length = any_size();
	ASSUME(line.length < SIZE_MAX - 1);
	before = line;
	/* Any place in the buffer, to be compared afterwards. */
	ASSUME(size == 0 || k < size);
	old = size ? line.buf[k] : 0;

	if (ends)
		PROVE(end(&line) == before.length, "the whole line's length is returned");
	else
		put_char(&line, c);

	PROVE(line.buf == before.buf && line.size == before.size, "a line stays in its buffer");
	PROVE(line.length == before.length + !ends, "a character is counted");
	if (size == 0) {
		REACHED("no room at all");
		return 0;
	}
	at = before.length < size ? before.length : size - 1;
	if (ends && k == at)
		PROVE(line.buf[k] == '\0', "a line ends where it is cut or done");
	else if (!ends && k == before.length && k < size - 1)
		PROVE(line.buf[k] == c, "a character is written");
	else
		PROVE(line.buf[k] == old, "all else is left alone");
	if (ends && at < before.length)
		REACHED("a line that was cut");
	return 0;
}

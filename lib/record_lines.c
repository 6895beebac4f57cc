/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording as lines of text, for where there is a console and nothing else. See record.h.
 * Knows nothing of what is in the bytes. om-trace extract reads what is written here.
 */
#include "recording.h"

/* A multiple of 3, so that only the last line is filled up. */
#define BYTES_OF_LINE	((size_t)96)

_Static_assert(OM_RECORD_LINE >= sizeof(OM_RECORD_WORD " 01234567 ") + BYTES_OF_LINE / 3 * 4,
	       "room for a line");

static char *put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *put_number(char *to, size_t number)
{
	uint32_t shift = 32;

	while (shift) {
		shift -= 4;
		*to++ = "0123456789abcdef"[number >> shift & 15];
	}
	return to;
}

/* At most three bytes as four characters of base64. */
static char *put_group(char *to, const uint8_t *from, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	uint32_t bits = (uint32_t)from[0] << 16;
	size_t i;

	if (n > 1)
		bits |= (uint32_t)from[1] << 8;
	if (n > 2)
		bits |= from[2];
	for (i = 0; i < 4; i++, bits <<= 6) {
		if (i <= n)
			*to++ = digits[bits >> 18 & 63];
		else
			*to++ = '=';
	}
	return to;
}

static char *put_bytes(char *to, const uint8_t *from, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 3)
		to = put_group(to, from + i, len - i);
	return to;
}

bool om_record_line(const void *bytes, size_t size, size_t n, char *line)
{
	size_t last = (size + BYTES_OF_LINE - 1) / BYTES_OF_LINE + 1;
	char *to = put_text(line, OM_RECORD_WORD " ");

	if (n == 0 || n == last) {
		to = put_number(put_text(to, n ? "end " : "begin "), size);
	} else if (n < last) {
		size_t at = (n - 1) * BYTES_OF_LINE;
		size_t len = size - at < BYTES_OF_LINE ? size - at : BYTES_OF_LINE;

		to = put_text(put_number(to, at), " ");
		to = put_bytes(to, (const uint8_t *)bytes + at, len);
	}
	*to = '\0';
	return n <= last;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler calls these for structure copies even when freestanding. One
 * byte at a time, since the MMU is off and unaligned accesses would fault.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	while (n--)
		*d++ = *s++;
	return to;
}

void *memset(void *to, int c, size_t n)
{
	unsigned char *d = to;

	while (n--)
		*d++ = (unsigned char)c;
	return to;
}

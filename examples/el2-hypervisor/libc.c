/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library functions that libfdt needs besides those in mem.c. As a distribution
 * compiles it, libfdt checks its stack and may use FP registers, so it may only run while
 * this core has no guest whose registers it could overwrite.
 */
#include <string.h>

#include "hyp.h"

uintptr_t __stack_chk_guard = 0x6f6d5f677561726ful;
void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	fatal("libfdt has overrun its stack");
}

void *memchr(const void *s, int c, size_t n)
{
	const uint8_t *at = s;

	for (; n; n--, at++)
		if (*at == (uint8_t)c)
			return (void *)(uintptr_t)at;
	return NULL;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do
		if (*s == (char)c)
			found = s;
	while (*s++);
	return (char *)(uintptr_t)found;
}

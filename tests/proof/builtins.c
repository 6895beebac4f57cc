/* SPDX-License-Identifier: BSD-2-Clause */
/* The compiler's builtins of mem.h that the checker knows by their usual names only. */
#include <string.h>

void *__builtin_memcpy(void *dst, const void *src, size_t len)
{
	return memcpy(dst, src, len);
}

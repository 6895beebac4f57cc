/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: memory functions; the compiler may put its own in their place. */
#ifndef STAND_IN_XEN_STRING_H
#define STAND_IN_XEN_STRING_H

#include <xen/types.h>

#define memset(dst, c, n) __builtin_memset(dst, c, n)
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)

/* A guest may write to its memory while it is copied: no race to report. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef memcpy
#define memcpy(dst, src, n) stand_in_racy_copy(dst, src, n)
#endif
#endif
void stand_in_racy_copy(void *dst, const void *src, size_t n);

#endif

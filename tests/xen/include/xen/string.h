/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: memory functions; the compiler may put its own in their place. */
#ifndef STAND_IN_XEN_STRING_H
#define STAND_IN_XEN_STRING_H

#include <xen/types.h>

#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#define memset(dst, c, n) __builtin_memset(dst, c, n)

#endif

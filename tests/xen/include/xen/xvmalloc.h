/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: memory that is contiguous in virtual addresses only. */
#ifndef STAND_IN_XEN_XVMALLOC_H
#define STAND_IN_XEN_XVMALLOC_H

#include <xen/types.h>

void *stand_in_xvzalloc(size_t size, unsigned int align);
void xvfree(void *va);

/* A zeroed structure with n elements of the array at its end, or NULL. */
#define xvzalloc_flex_struct(type, field, n) \
	((type *)stand_in_xvzalloc(__builtin_offsetof(type, field[n]), __alignof__(type)))

#define XVFREE(p) do { \
	void *to_free = (p); \
	(p) = NULL; \
	xvfree(to_free); \
} while ( 0 )

#endif

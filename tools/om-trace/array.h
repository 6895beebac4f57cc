/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of a program that ends when there is none. */
#ifndef OM_TRACE_ARRAY_H
#define OM_TRACE_ARRAY_H

#include <stdio.h>
#include <stdlib.h>

/* p, when it is memory. */
static inline void *memory(void *p)
{
	if (p)
		return p;
	perror("om-trace");
	exit(2);
}

/* An array of n elements of this size, with room for one more: twice as many when it is full. */
static inline void *array_grow(void *array, size_t n, size_t size)
{
	/* It is full whenever n is a power of two, or 0. */
	return n & (n - 1) ? array : memory(realloc(array, (n ? 2 * n : 1) * size));
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes every atomic of the library a step of the schedule.
 *
 * The library is compiled with -fsanitize=thread and linked without that sanitizer:
 * these are the functions that the compiler then calls in place of each atomic. So the
 * library needs no hooks, and no atomic can be forgotten. What is not shared between
 * vCPUs while they run is no step: explore.c says what is.
 */
#include "schedule.h"
#include "explore.h"

#include <stddef.h>

static void step(const volatile void *p)
{
	if (explore_is_shared(p))
		schedule_point();
}

#define ATOMICS(bits, type)								\
	type __tsan_atomic##bits##_load(const volatile type *p, int order);		\
	type __tsan_atomic##bits##_load(const volatile type *p, int order)		\
	{										\
		(void)order;								\
		step(p);								\
		return *p;								\
	}										\
	void __tsan_atomic##bits##_store(volatile type *p, type v, int order);		\
	void __tsan_atomic##bits##_store(volatile type *p, type v, int order)		\
	{										\
		(void)order;								\
		step(p);								\
		*p = v;									\
	}										\
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *p, type *old,	\
							  type v, int order, int fail);	\
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *p, type *old,	\
							  type v, int order, int fail)	\
	{										\
		type was;								\
											\
		(void)order, (void)fail;						\
		step(p);								\
		was = *p;								\
		if (was != *old) {							\
			*old = was;							\
			return 0;							\
		}									\
		*p = v;									\
		return 1;								\
	}										\
	READ_MODIFY_WRITE(bits, type, add, was + v)					\
	READ_MODIFY_WRITE(bits, type, sub, was - v)					\
	READ_MODIFY_WRITE(bits, type, or, was | v)					\
	READ_MODIFY_WRITE(bits, type, and, was & v)

#define READ_MODIFY_WRITE(bits, type, name, result)					\
	type __tsan_atomic##bits##_fetch_##name(volatile type *p, type v, int order);	\
	type __tsan_atomic##bits##_fetch_##name(volatile type *p, type v, int order)	\
	{										\
		type was;								\
											\
		(void)order;								\
		step(p);								\
		was = *p;								\
		*p = result;								\
		return was;								\
	}

ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

/* Plain accesses are no steps: that they are ordered by the atomics is TSan's to show. */
#define IGNORED(name, ...)		\
	void name(__VA_ARGS__);		\
	void name(__VA_ARGS__) {}

#define IGNORED_ACCESS(bytes)				\
	IGNORED(__tsan_read##bytes, void *)		\
	IGNORED(__tsan_write##bytes, void *)		\
	IGNORED(__tsan_unaligned_read##bytes, void *)	\
	IGNORED(__tsan_unaligned_write##bytes, void *)	\
	IGNORED(__tsan_volatile_read##bytes, void *)	\
	IGNORED(__tsan_volatile_write##bytes, void *)

IGNORED_ACCESS(1)
IGNORED_ACCESS(2)
IGNORED_ACCESS(4)
IGNORED_ACCESS(8)
IGNORED_ACCESS(16)
IGNORED(__tsan_read_range, void *, size_t)
IGNORED(__tsan_write_range, void *, size_t)
IGNORED(__tsan_func_entry, void *)
IGNORED(__tsan_func_exit, void)
IGNORED(__tsan_init, void)

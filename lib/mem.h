/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment of the core: copies, reads of memory that others write, atomics. All that the
 * library takes from its surroundings is in this file; its undefined symbols can only be memcpy,
 * memset, memmove and memcmp.
 */
#ifndef OM_LIB_MEM_H
#define OM_LIB_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True whatever a guest or OP-TEE does. Checked in the builds that tests run on. */
#ifdef OM_ASSERTIONS
#define om_assert(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define om_assert(condition) ((void)0)
#endif

/* Not inlined, because it would slow the common case of its callers down. */
#define OM_NOINLINE __attribute__((__noinline__))

/* For rare cases: the compiler moves their code out of the way. */
#define OM_COLD __attribute__((__cold__, __noinline__))

/*
 * Bytes behind what one CPU writes at once with another. CPUs write lines of 64 bytes, but many
 * fetch them in pairs, and so take the neighbour of what they want from the one that writes it.
 */
#define OM_APART 64u

static inline void om_copy(void *dst, const void *src, size_t len)
{
	__builtin_memcpy(dst, src, len);
}

static inline void om_zero(void *dst, size_t len)
{
	__builtin_memset(dst, 0, len);
}

static inline bool om_is_equal(const void *a, const void *b, size_t len)
{
	return __builtin_memcmp(a, b, len) == 0;
}

/*
 * All ones when i < n, else 0, without a branch. The asm hides the value of i from the compiler,
 * which would otherwise conclude i < n from the check before and drop the mask.
 */
static inline uint64_t om_below(uint32_t i, uint32_t n)
{
	uint64_t wide = i;

	__asm__("" : "+r"(wide));
	return 0 - ((wide - n) >> 63);
}

/*
 * i when i < n, else 0; n is not 0. For an index that a guest chooses, between its check and its
 * use: a CPU that mispredicts the check stays in bounds, because there is no branch here to
 * mispredict (Spectre v1). It does not replace the check: an index out of bounds has to be
 * refused. It is no barrier: only this value is bounded.
 */
static inline uint32_t om_index(uint32_t i, uint32_t n)
{
	return (uint32_t)(i & om_below(i, n));
}

/* The smaller of two, without a branch, for a length that a guest chooses; as om_index(). */
static inline uint32_t om_least(uint32_t a, uint32_t b)
{
	return b ^ (uint32_t)((a ^ b) & om_below(a, b));
}

/*
 * Reads of a shadow page. The secure world may write it at any time, so each value is loaded
 * exactly once: volatile keeps the compiler from loading it again after its check (invariant
 * I1).
 */
static inline uint32_t om_read_once32(const uint32_t *p)
{
	return *(const volatile uint32_t *)p;
}

static inline uint64_t om_read_once64(const uint64_t *p)
{
	return *(const volatile uint64_t *)p;
}

/*
 * Atomics: the compiler's builtins, because they are the same in C11 and gnu99 and need no
 * header. On aarch64 build with -mno-outline-atomics.
 */
static inline uint32_t om_load_relaxed(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint32_t om_load_acquire(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void om_store_relaxed(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static inline void om_store_release(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* Replaces expected by v, atomically; false when *p is not expected. */
static inline bool om_exchange(uint32_t *p, uint32_t expected, uint32_t v)
{
	return __atomic_compare_exchange_n(p, &expected, v, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* The ABI passes 64 bits in two registers, the high half first. */
static inline uint64_t om_pair(uint64_t high, uint64_t low)
{
	return (uint64_t)(uint32_t)high << 32 | (uint32_t)low;
}

static inline uint64_t om_high(uint64_t v)
{
	return v >> 32;
}

static inline uint64_t om_low(uint64_t v)
{
	return (uint32_t)v;
}

/* Not an index: the end of a chain, or nothing held. */
#define OM_NONE 0xffffffffu

#endif

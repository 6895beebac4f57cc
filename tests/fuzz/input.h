/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structured input: the fuzzer's bytes, taken one decision at a time.
 *
 * Never more than there are: when they are used up every decision is 0, and the same
 * bytes always give the same decisions. Numbers are little-endian.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t in_bytes(struct input *in, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n && in->left; i++, in->left--)
		value |= (uint64_t)*in->at++ << (8 * i);
	return value;
}

static inline uint8_t in_u8(struct input *in)
{
	return (uint8_t)in_bytes(in, 1);
}

static inline uint32_t in_u16(struct input *in)
{
	return (uint32_t)in_bytes(in, 2);
}

static inline uint32_t in_u32(struct input *in)
{
	return (uint32_t)in_bytes(in, 4);
}

/* One of n, at most 256. */
static inline uint32_t in_pick(struct input *in, uint32_t n)
{
	return in_u8(in) % n;
}

/* True for one byte in `of`. */
static inline bool in_rarely(struct input *in, uint32_t of)
{
	return in_u8(in) % of == of - 1;
}

/*
 * A number of any size, most often small or at an edge. Never one that could be an
 * address of the test host's: what looks like one is then a leak.
 */
static inline uint64_t in_number(struct input *in)
{
	static const uint64_t edges[] = {
		0, 1, 7, 8, 31, 32, 4095, 4096, 4097, 8192, 511 * 4096ull, 512 * 4096ull,
		UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX, UINT64_MAX - 4095,
		UINT64_MAX - 4096, UINT64_MAX - 8190, 0xfffffffffffff000u,
	};

	switch (in_pick(in, 4)) {
	case 0:
		return in_u8(in);
	case 1:
		return in_u16(in);
	case 2:
		return edges[in_pick(in, sizeof(edges) / sizeof(edges[0]))];
	default:
		return in_bytes(in, 8) & 0xf000000f3fffffffu;
	}
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the test host's own files share. Tests do not include this.
 */
#ifndef TESTS_HOST_PRIV_H
#define TESTS_HOST_PRIV_H

#include "host.h"

/* Guest page entries: the kind in the low bits, the frame above. */
#define TEST_KIND_BITS		3
#define TEST_KIND_MASK		((1u << TEST_KIND_BITS) - 1u)

/* Frame numbers: guests' RAM, the reserved memory, PA 0, shadow pages. */
#define FRAME_RESERVED		TEST_PA_PAGES
#define FRAME_PA0		(FRAME_RESERVED + TEST_RESERVED_SIZE / TEST_PAGE)
#define FRAME_SHADOW		(FRAME_PA0 + 1u)
#define FRAMES			(FRAME_SHADOW + TEST_SHADOW_PAGES)

/* Who may use a shadow page: nobody has yet, a guest id, or it is free. */
#define SHADOW_FREE		0u
#define SHADOW_UNUSED		0x10000u
#define SHADOW_OF(id)		(0x20000u | (id))

struct test_frame {
	uint8_t *_Atomic va;
	_Atomic uint32_t pins[TEST_GUESTS];
	_Atomic uint32_t held[TEST_GUESTS];
	_Atomic uint32_t shadow;	/* SHADOW_* */
	uint32_t page;			/* in its guest's map, plus 1; 0: not mapped */
};

struct test_mutation {
	uint8_t *at;
	uint8_t was;
};

/* memory.c: the frame at a PA, NULL when there is none. */
struct test_frame *frame_at(const struct test_host *h, uint64_t pa);
uint64_t frame_pa(uint32_t frame);
struct test_guest *guest_by_id(const struct test_host *h, uint32_t id);
void memory_init(struct test_host *h);
void memory_free(struct test_host *h);

/*
 * watch.c: single fetch (I1). Between begin and end, which is one SMC of a guest on this
 * thread, no byte of guest memory may be noted twice.
 */
void fetch_begin(void);
void fetch_note(const struct test_guest *g, uint64_t pa, size_t len);
void fetch_end(void);

/* watch.c: the mediator has read these bytes. */
void watch_read(struct test_guest *g, const struct test_frame *f, uint64_t pa, size_t len);
/* The mediator has written these bytes: they are no junk, even if they look it. */
void watch_write(struct test_guest *g, const uint8_t *at, size_t len);

/* host.c: true when the calling thread is between lock() and unlock(). */
bool lock_is_held(void);
/* The guest is about to go: this thread is no longer in a call of it. */
void forget_guest(const struct test_guest *g);

#endif

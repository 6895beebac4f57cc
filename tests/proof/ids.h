/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guests' ids are in use, for proofs of lifetime.c that say "Replace: live_word:ids_word":
 * the word of one guest's bit, and one that is any other's. All 2048 of them are more than
 * a checker can see through.
 */
#ifndef TESTS_PROOF_IDS_H
#define TESTS_PROOF_IDS_H

#include "world.h"

static struct {
	uint32_t id;		/* the guest's */
	uint32_t bit;
	uint32_t own, other;	/* words */
	uint32_t own_before, other_before;
} ids;

static inline void ids_init(uint32_t id)
{
	ids.id = id;
	ids.bit = 1u << id % 32;
	ids.own = ids.own_before = any_u32();
	ids.other = ids.other_before = any_u32();
}

uint32_t *ids_word(struct om_mediator *m, uint32_t id)
{
	PROVE(m == &world_mediator && id / 32 < sizeof(m->live) / sizeof(m->live[0]),
	      "an id has a word of its mediator's");
	return id / 32 == ids.id / 32 ? &ids.own : &ids.other;
}

static inline bool ids_is_taken(void)
{
	return ids.own & ids.bit;
}

static inline bool ids_was_taken(void)
{
	return ids.own_before & ids.bit;
}

static inline bool ids_others_are_kept(void)
{
	return ids.other == ids.other_before && (ids.own & ~ids.bit) == (ids.own_before & ~ids.bit);
}

#endif

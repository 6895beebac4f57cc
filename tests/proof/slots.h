/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two slots of a guest in any state, and other vCPUs that take and leave them meanwhile.
 * For proofs of how machine.c takes a call, which include machine.c itself, and say
 * "Replace: om_load_relaxed:load_among_others".
 */
#ifndef TESTS_PROOF_SLOTS_H
#define TESTS_PROOF_SLOTS_H

#include "proof.h"

#include "call.h"

#define SLOTS	2u
extern struct om_call slots[SLOTS];

/* What the others make of a slot's word right after it was looked at: anything. */
extern uint32_t slots_later[SLOTS];

/* Every word, at first and later, is any that a slot can have; all else is any. */
void slots_init(struct om_guest *guest);

/* om_load_relaxed() while others run. */
uint32_t load_among_others(const uint32_t *p);

static inline enum om_call_state state_in(uint32_t word)
{
	return (enum om_call_state)(word & 0xff);
}

static inline uint32_t generation_in(uint32_t word)
{
	return word >> 8;
}

#endif

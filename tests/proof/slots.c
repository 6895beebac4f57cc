/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots, and who else takes them. See slots.h. */
#include "slots.h"

struct om_call slots[SLOTS];
uint32_t slots_later[SLOTS];

struct om_call nondet_call(void);

static uint32_t any_word(void)
{
	uint32_t word = any_u32();

	ASSUME(state_in(word) < OM_CALL_BROKEN);
	/* A guest's memory is zeroed; a slot that was ever taken has a generation. */
	ASSUME(generation_in(word) <= 0xfffffe);
	ASSUME(generation_in(word) != 0 || state_in(word) == OM_CALL_FREE);
	return word;
}

void slots_init(struct om_guest *guest)
{
	uint32_t i;

	for (i = 0; i < SLOTS; i++) {
		slots[i] = nondet_call();
		slots[i].word = any_word();
		/* om_call_init() */
		slots[i].index = i;
		slots[i].guest = guest;
		slots_later[i] = any_word();
	}
	guest->calls = slots;
}

uint32_t load_among_others(const uint32_t *p)
{
	uint32_t word = *p, i;

	for (i = 0; i < SLOTS; i++)
		if (p == &slots[i].word)
			slots[i].word = slots_later[i];
	return word;
}

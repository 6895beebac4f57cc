/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_call_resume(): a vCPU takes the call whose id the guest gives.
 *
 * Assumes: nothing of the registers and the vCPU. One or two slots in any state of any
 * generation; between the look at a slot and the exchange others may have made anything
 * of it (slots.h). Counters of 64 bits do not overflow.
 * Proves: memory safety for any id; what is taken is a slot of this guest that had exactly
 * this id and that nobody owned, at the moment it was taken (I6); so never 0, ~0, or the
 * id of an earlier call; it goes on where it was, under the same id; what is not taken
 * does not change in a single byte.
 *
 * Class: quick
 * Sources: call_state.c
 * Model: builtin.c slots.c
 * Replace: om_load_relaxed:load_among_others
 * Unwind: 9
 *   There are two slots, and eight registers to compare.
 */
#include "slots.h"

#include "machine.c"

static struct om_guest guest;

void om_call_trace(const struct om_call *call, struct om_trace_event *event)
{
	(void)call, (void)event;
}

/* Bytes of a slot behind its word; the one that is watched can be any. */
static uint8_t byte_of(const struct om_call *call, size_t offset)
{
	return ((const uint8_t *)call)[offset];
}

int main(void)
{
	struct om_regs regs = any_regs();
	const struct om_regs from = regs;
	uint32_t id = (uint32_t)om_low(regs.a[3]), vcpu = any_u32(), i;
	uint32_t seen[SLOTS];
	uint8_t before[SLOTS];
	size_t watched = any_size();
	const struct om_call *call;

	slots_init(&guest);
	guest.vm.traced = any_bool();
	guest.vm.limits.threads = 1 + any_below(SLOTS);
	ASSUME(watched >= sizeof(slots[0].word) && watched < sizeof(slots[0]));
	for (i = 0; i < SLOTS; i++) {
		ASSUME(slots[i].counters[OM_COUNT_RESUMES] < UINT64_MAX);
		seen[i] = slots[i].word;
		before[i] = byte_of(&slots[i], watched);
	}

	call = om_call_resume(&guest, vcpu, &regs);

	for (i = 0; i < 8; i++)
		PROVE(regs.a[i] == from.a[i], "the registers are for others to answer in");
	for (i = 0; i < SLOTS; i++) {
		uint32_t now = slots[i].word;
		enum om_call_state left = state_in(slots_later[i]);

		if (call != &slots[i]) {
			PROVE(now == seen[i] || now == slots_later[i],
			      "a slot that is not taken has the word that others gave it (I6)");
			PROVE(byte_of(&slots[i], watched) == before[i],
			      "... and is not touched (I6)");
			continue;
		}
		PROVE(i < guest.vm.limits.threads && i == (id & 0xff) &&
		      generation_in(slots_later[i]) == id >> 8,
		      "what is taken has the id that the guest gave (I6)");
		PROVE(left != OM_CALL_FREE && !om_call_is_owned(left),
		      "... and nobody owned it when it was taken (I6)");
		PROVE(om_call_is_owned(state_in(now)) && (now & ~0xffu) == (id & ~0xffu) &&
		      state_in(now) == om_call_next(left, OM_EVENT_RESUME),
		      "... it goes on where it was, under the same id");
		PROVE(slots[i].vcpu == vcpu, "... and knows who runs it");
		if (i == SLOTS - 1)
			REACHED("resumed");
	}
	PROVE(IMPLIES(id == 0 || id == UINT32_MAX || id >> 8 == 0, !call), "no call has the id 0 or ~0 (I6)");
	if (!call && (id & 0xff) < guest.vm.limits.threads &&
	    generation_in(seen[id & 0xff]) == id >> 8)
		REACHED("somebody else was quicker, or owns it");
	if (!call && id == UINT32_MAX)
		REACHED("no id at all");
	return 0;
}

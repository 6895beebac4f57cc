/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_call_begin(): a vCPU takes a slot for a new call.
 *
 * Assumes: nothing of the registers and the vCPU. One or two slots in any state of any
 * generation; between the look at a slot and the exchange others may have made anything
 * of it (slots.h). Counters of 64 bits do not overflow. om_message_fetch(), proved
 * elsewhere, says anything.
 * Proves: memory safety for any vCPU; what is taken is a slot of this guest that was free
 * at the moment it was taken (I6), under a generation that its last call did not have, so
 * that no id is 0, ~0 or the last one; nothing of the call before is left in it (I9);
 * what is not taken does not change in a single byte.
 *
 * Class: long
 * Sources: call_state.c
 * Model: builtin.c slots.c
 * Replace: om_load_relaxed:load_among_others
 * Unwind: 3
 *   There are two slots.
 */
#include "slots.h"

#include "machine.c"

static struct om_guest guest;
static uint32_t fetches;
static enum om_refusal fetched;

/* The first thing that a call does; it finds the slot as it must be. */
enum om_refusal om_message_fetch(struct om_call *call, const struct om_regs *regs)
{
	(void)regs;
	PROVE(call->split == 0 && call->params == 0 && call->kinds == 0 && call->held_count == 0 &&
	      call->mapped.param_pages == 0 && call->mapped.payload_pages == 0 &&
	      call->refused_cookie == 0 && !call->waits && call->translation.remaining == 0 &&
	      call->in_transit && !call->loads_ta && call->mapped.uses_window,
	      "nothing is left of the call before (I9)");
	fetches++;
	return fetched;
}

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
	uint32_t fid = any_u32(), vcpu = any_u32(), i;
	uint32_t seen[SLOTS];
	uint8_t before[SLOTS];
	size_t watched = any_size();
	const struct om_call *call;

	slots_init(&guest);
	guest.vm.traced = any_bool();
	guest.vm.limits.threads = 1 + any_below(SLOTS);
	fetched = (enum om_refusal)any_u32();
	ASSUME(watched >= sizeof(slots[0].word) && watched < sizeof(slots[0]));
	for (i = 0; i < SLOTS; i++) {
		ASSUME(slots[i].counters[OM_COUNT_CALLS] < UINT64_MAX);
		seen[i] = slots[i].word;
		before[i] = byte_of(&slots[i], watched);
	}

	call = om_call_begin(&guest, vcpu, fid, &regs);

	for (i = 0; i < SLOTS; i++) {
		uint32_t now = slots[i].word;

		if (call != &slots[i]) {
			PROVE(now == seen[i] || now == slots_later[i],
			      "a slot that is not taken has the word that others gave it (I6)");
			PROVE(byte_of(&slots[i], watched) == before[i],
			      "... and is not touched (I6)");
			continue;
		}
		PROVE(i < guest.vm.limits.threads && state_in(slots_later[i]) == OM_CALL_FREE,
		      "what is taken was free when it was taken (I6)");
		PROVE(state_in(now) == OM_CALL_LOADING, "... and is loaded next");
		PROVE(generation_in(now) != 0 && generation_in(now) <= 0xfffffe &&
		      generation_in(now) != generation_in(slots_later[i]),
		      "... under an id that is not 0, ~0, or the last one (I6)");
		PROVE(slots[i].vcpu == vcpu && slots[i].fid == fid && slots[i].refusal == fetched,
		      "... and knows what it is, who runs it, and what was found");
		if (i == SLOTS - 1)
			REACHED("begun");
	}
	PROVE(fetches == (call != NULL), "a call that has begun is fetched once (I1)");
	if (!call && state_in(seen[0]) == OM_CALL_FREE)
		REACHED("somebody else was quicker");
	return 0;
}

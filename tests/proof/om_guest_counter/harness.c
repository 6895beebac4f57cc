/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_guest_counter(): what has been counted of a guest.
 *
 * Assumes: nothing of the number. Counters of 64 bits do not overflow.
 * Bounded: 2 calls. The loop looks at nothing but how many.
 * Proves: memory safety for any number; 0 for one that is unknown; what is held now is the
 * registry's and the sessions' own count; anything else is the sum of what the guest and
 * its calls counted.
 *
 * Class: quick
 * Sources: counters.c
 * Model: host.c world.c
 * Unwind: 3
 *   The world has 2 of anything.
 */
#include "world.h"

#define CALLS	2u

struct om_call nondet_call(void);

static struct om_call calls[CALLS];

static uint32_t parked;

uint32_t om_shm_parked(const struct om_shm *shm)
{
	(void)shm;
	return parked;
}

int main(void)
{
	uint32_t which = any_u32();
	uint64_t counted, sum;

	world_init();
	/* All that is parked is charged. */
	parked = any_u32();
	ASSUME(parked <= world_guest.shm.rpc_args_used && parked <= world_guest.shm.pages_used);
	calls[0] = nondet_call();
	calls[1] = nondet_call();
	world_guest.calls = calls;
	world_guest.vm.limits.threads = 1 + any_below(CALLS);
	if (which < OM_COUNTERS)
		ASSUME(world_guest.counters[which] <= UINT64_MAX / 4 &&
		       calls[0].counters[which] <= UINT64_MAX / 4 &&
		       calls[1].counters[which] <= UINT64_MAX / 4);

	counted = om_guest_counter(&world_guest, (enum om_counter)which);

	if (which >= OM_COUNTERS) {
		PROVE(counted == 0, "an unknown counter has counted nothing");
		REACHED("unknown");
		return 0;
	}
	switch (which) {
	case OM_COUNT_PAGES_NOW:
		PROVE(counted == world_guest.shm.pages_used - parked, "pages that are held now");
		break;
	case OM_COUNT_PAGES_PEAK:
		PROVE(counted == world_guest.shm.pages_peak, "... and were held at most");
		break;
	case OM_COUNT_BUFFERS_NOW:
		PROVE(counted == (uint64_t)world_guest.shm.buffers_used +
				 world_guest.shm.rpc_args_used - parked,
		      "buffers that are held now");
		break;
	case OM_COUNT_SESSIONS_NOW:
		PROVE(counted == world_guest.sessions.used, "sessions that are charged now");
		break;
	default:
		sum = world_guest.counters[which] + calls[0].counters[which];
		if (world_guest.vm.limits.threads == CALLS)
			sum += calls[1].counters[which];
		PROVE(counted == sum, "what the guest and its calls counted");
		REACHED("a sum");
		break;
	}
	return 0;
}

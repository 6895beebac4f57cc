/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * free_parked() in shm.c: an RPC argument that is parked gives way.
 *
 * Assumes: a valid registry (registry.h) whose buffer is an RPC argument that is parked, as
 * om_shm_free_arg/ proves that it leaves one, or is none of the kind; the lock is held.
 * Proves: memory safety; what is parked is free, with its record and its charges, and its
 * cookie names nothing (I5, I7); what is not is left alone.
 *
 * Class: long
 * Model: host.c registry.c world.c
 * Unwind: 3
 *   The world has at most 2 of anything.
 * Options: -DWORLD_BUCKETS=1u
 *   One bucket: all cookies collide, and a hash is nothing that a solver has to invert.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "registry.h"
#include "untraced.h"

#include "shm.c"

int main(void)
{
	struct registry before, expected;
	bool in_use, parked = any_bool();

	world_init();
	in_use = registry_init();
	ASSUME(IMPLIES(parked, in_use));
	if (parked)
		registry_park();
	before = registry_now();

	free_parked(&world_guest.shm);

	PROVE(ghost.unpinned == 0, "its page is unpinned since it was parked (I4)");
	if (!parked) {
		PROVE(registry_is(&before), "what is not parked is left alone");
		REACHED("not parked");
		return 0;
	}
	expected = registry_unparked(&before);
	PROVE(world_buckets[0] == OM_NONE, "its cookie names nothing (I7)");
	PROVE(registry_is(&expected), "its entry, its record and its charges are free (I5)");
	PROVE(world_record(REGISTRY_USED)->next == REGISTRY_FREE &&
	      world_record(REGISTRY_USED)->count == 0, "... and first in their pools");
	REACHED("freed");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_share_page() and om_pin_one(): a single page that a guest names becomes a buffer.
 *
 * Assumes: a valid registry (registry.h), and what its callers in rpc.c pass: one page,
 * not a temporary buffer, no lists.
 * Proves: memory safety; when refused nothing is held, nothing has changed and *index is
 * untouched; when accepted exactly one page is pinned, it is the one that is recorded,
 * usable (I2), and charged.
 *
 * Class: quick
 * Sources: page_list.c shm.c
 * Model: host.c registry.c world.c
 * Replace: free_parked:no_argument_is_parked
 * Unwind: 5
 *   The world has at most 2 of anything; one page is pinned.
 * Options: -DWORLD_BUCKETS=1u
 *   One bucket: all cookies collide, and a hash is nothing that a solver has to invert.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "registry.h"
#include "untraced.h"

#include "page_list.h"

struct om_share nondet_share(void);

int main(void)
{
	struct om_share share = nondet_share();
	struct registry before;
	uint32_t index = any_u32(), untouched = index;
	const struct om_pins *record;

	world_init();
	(void)registry_init();
	ASSUME(share.kind == OM_SHARE_RPC_ARG || share.kind == OM_SHARE_PAYLOAD);
	ASSUME(share.pages == 1 && share.lists == 0);
	ASSUME(share.entry < world_guest.vm.limits.rpc_args);
	before = registry_now();

	if (om_share_page(&world_guest.shm, &share, any_u64(), &index) != OM_ACCEPTED) {
		PROVE(ghost.pinned == ghost.unpinned && ghost.pins == 0,
		      "what was pinned is unpinned when refused (I5)");
		PROVE(index == untouched && registry_is(&before), "on error nothing changed");
		REACHED("refused");
		return 0;
	}
	record = world_record(world_buffers[index].first);
	PROVE(ghost.pinned == 1 && ghost.unpinned == 0, "one page is pinned");
	PROVE(record->count == 1 && (record->pa[0].raw == ghost.page) == (ghost.pins == 1),
	      "... and that is recorded (I4)");
	PROVE(is_usable(record->pa[0].raw), "a page that is shared is usable (I2)");
	PROVE(world_guest.shm.pages_used == before.shm.pages_used + 1, "one page is charged (I5)");
	REACHED("accepted");
	return 0;
}

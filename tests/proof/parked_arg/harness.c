/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_reserve() where an RPC argument is parked: what is kept of it is there for the next
 * ALLOC, and for nobody else.
 *
 * Assumes: a valid registry (registry.h) whose buffer is an RPC argument that is parked, as
 * om_shm_free_arg/ proves that it leaves one; free_parked() frees it, as free_parked/ proves.
 * One vCPU.
 * Proves: memory safety; an ALLOC under its cookie gets the same entry in another life
 * and nothing is charged twice; whoever else wants cookie, page or entry
 * gets them, and the charges are exact (I5); a cookie is one buffer's (I7).
 *
 * Class: quick
 * Sources: shm.c
 * Model: host.c registry.c world.c
 * Replace: free_parked:parked_is_freed
 * Unwind: 3
 *   The world has at most 2 of anything; a record is scaled down to 3 pins.
 * Options: -DWORLD_BUCKETS=1u
 *   One bucket: all cookies collide, and a hash is nothing that a solver has to invert.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "registry.h"
#include "untraced.h"

struct om_share nondet_share(void);

static struct om_buffer *const arg = &world_buffers[REGISTRY_USED];

int main(void)
{
	struct om_shm *shm = &world_guest.shm;
	struct om_share share = nondet_share();
	om_cookie_t cookie;
	uint32_t index = any_u32(), pages, args;
	uint64_t life;
	bool again;

	world_init();
	ASSUME(registry_init());
	registry_park();
	cookie.raw = arg->cookie;
	life = arg->hold >> 32;
	pages = shm->pages_used;
	args = shm->rpc_args_used;
	ASSUME((uint32_t)share.kind < OM_SHARE_TEMPORARY && share.pages >= 1 && share.lists == 0);
	ASSUME(IMPLIES(share.kind == OM_SHARE_RPC_ARG, share.pages == 1));
	ASSUME(share.entry < shm->vm.limits.rpc_args);
	again = share.kind == OM_SHARE_RPC_ARG && share.cookie.raw == cookie.raw;
	if (om_shm_reserve(shm, &share, &index, NULL) != OM_ACCEPTED) {
		PROVE(!again, "what was freed can be allocated again");
		PROVE(shm->pages_used == pages - 1 && shm->rpc_args_used == args - 1 &&
		      om_shm_parked(shm) == 0, "who is refused is not refused because of it (I5)");
		REACHED("refused");
		return 0;
	}
	PROVE(shm->pages_used - om_shm_parked(shm) == pages - 1 + share.pages,
	      "pages are charged exactly (I5)");
	PROVE(shm->rpc_args_used - om_shm_parked(shm) ==
	      args - 1 + (share.kind == OM_SHARE_RPC_ARG), "arguments are charged exactly (I5)");
	PROVE(om_low(world_buffers[index].hold) == OM_HOLD_USER &&
	      world_buffers[index].cookie == share.cookie.raw, "it has one user, its maker");
	PROVE(IMPLIES(index == REGISTRY_USED, world_buffers[index].hold >> 32 != life),
	      "it is another life (I7)");
	PROVE(IMPLIES(share.cookie.raw == cookie.raw, om_shm_parked(shm) == 0),
	      "a cookie is one buffer's (I7)");
	if (again && share.entry == REGISTRY_USED)
		PROVE(index == REGISTRY_USED && shm->pages_used == pages, "it is found where it was");
	if (again)
		REACHED("allocated again");
	else if (om_shm_parked(shm) == 0)
		REACHED("gave way");
	return 0;
}

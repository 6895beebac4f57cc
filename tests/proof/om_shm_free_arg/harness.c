/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_free_arg(), _release_step(), and _is_known(), _get(), _claim() afterwards: an RPC
 * argument that OP-TEE has freed.
 *
 * Assumes: a valid registry (registry.h); an RPC argument in it has one page (reply_alloc()
 * in rpc.c asks for one) and is live or used by who makes it. Any cookie, any place where it
 * may be. One vCPU.
 * Proves: memory safety; only a live RPC argument with this cookie is freed (I8), and all
 * else changes nothing; what is freed has no cookie (I7); when no call uses it, its page is
 * unpinned, once (I4), and it is parked as parked_arg/ assumes it; when one does, it
 * keeps its page until then (I4).
 *
 * Class: quick
 * Sources: shm.c
 * Model: host.c registry.c world.c
 * Unwind: 4
 *   The world has at most 2 of anything; a record is scaled down to 3 pins.
 * Options: -DWORLD_BUCKETS=1u
 *   One bucket: all cookies collide, and a hash is nothing that a solver has to invert.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "registry.h"
#include "untraced.h"

static struct om_buffer *const arg = &world_buffers[REGISTRY_USED];

/* Buffer 0, if in use: what else is known of an RPC argument, live or on its way. */
static void init_arg(void)
{
	const struct om_pins *record = world_record(REGISTRY_USED);

	/* A call uses a buffer as message_buffer, argument or parameter: far fewer than 2^15. */
	ASSUME((arg->hold & (OM_HOLD_IN_TRANSIT - 1)) < 1u << 15);
	if (arg->kind != OM_SHARE_RPC_ARG)
		return;
	/* Not LIVE: reserved or claimed by a call, which is a user. */
	ASSUME((arg->hold & OM_HOLD_LIVE) || (arg->hold & (OM_HOLD_IN_TRANSIT - 1)));
	/* Only parameters of a message are ever in_transit. */
	ASSUME(!(om_low(arg->hold) & ~(OM_HOLD_LIVE | (OM_HOLD_IN_TRANSIT - 1))));
	ASSUME(arg->pages == 1 && record->count == 1);
	ASSUME(world_guest.shm.rpc_args_used >= 1);
	ghost.pins = record->pa[0].raw == ghost.page;
}

/* What parked_arg/ begins with. */
static void prove_parked(const struct registry *before)
{
	struct registry parked = *before;

	parked.used.hold = before->used.hold - OM_HOLD_LIVE + OM_HOLD_PARKED;
	PROVE(registry_is(&parked) && world_record(REGISTRY_USED)->count == 0,
	      "it is parked, with all that it is charged for, and nothing else is changed");
	PROVE(om_shm_parked(&world_guest.shm) == 1, "... and counted");
}

int main(void)
{
	struct om_shm *shm = &world_guest.shm;
	struct om_release release = { OM_NONE };
	om_cookie_t cookie = { any_u64() };
	uint32_t users;
	struct registry before;
	bool there;

	world_init();
	there = registry_init();
	if (there)
		init_arg();
	before = registry_now();
	users = arg->hold & (OM_HOLD_IN_TRANSIT - 1);
	there = there && (arg->hold & OM_HOLD_LIVE) && arg->kind == OM_SHARE_RPC_ARG &&
		arg->cookie == cookie.raw;

	if (!om_shm_free_arg(shm, cookie, any_below(shm->vm.limits.rpc_args), &release)) {
		PROVE(!there, "a live argument is freed");
		PROVE(registry_is(&before) && ghost.unpinned == 0 && release.head == OM_NONE,
		      "what is not freed changes nothing");
		REACHED("not there");
		return 0;
	}
	PROVE(there, "only an RPC argument of the guest's is freed (I8)");
	PROVE(!om_shm_is_known(shm, cookie), "its cookie is free (I7)");
	PROVE(om_shm_get(shm, cookie, OM_SHARE_RPC_ARG) == OM_NONE &&
	      om_shm_claim(shm, cookie, OM_SHARE_RPC_ARG) == OM_NONE, "... and names nothing");
	PROVE(!om_shm_release_step(shm, &release), "nothing is left to release");
	PROVE(!ghost.locked, "the lock is given back");
	PROVE(ghost.unpinned == (users == 0) &&
	      IMPLIES(users == 0, ghost.pins == 0) &&
	      IMPLIES(users, ghost.pins != 0 || world_record(REGISTRY_USED)->pa[0].raw != ghost.page),
	      "its page is given back, once, unless a call still uses it (I4)");
	if (users) {
		REACHED("its page in use");
		return 0;
	}
	prove_parked(&before);
	REACHED("parked");
	return 0;
}

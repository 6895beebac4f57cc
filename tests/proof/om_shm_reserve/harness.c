/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_reserve(), _publish(), _claim(), _get(), _forget(), _put(),
 * _give_lists(), _release_step(): the whole life of a buffer, beside another one.
 *
 * Assumes: a valid registry (registry.h); that its pools are not empty when the quotas
 * admit a buffer ("The pools" in README.md). One vCPU: no other is in between.
 * Bounded: chains of one other buffer; the limit of 16 in a chain is never met.
 * Proves: memory safety; a refused buffer changes nothing; an admitted one is charged
 * exactly, within the limits (I5), and has 1 user; a cookie that is taken is refused (I7);
 * it is found by its own cookie once it is live and not before; a claimed one is not found;
 * when it is gone, all charges are refunded and all tables are as they were (I5); each of
 * its pins is given back once (I4).
 *
 * Class: long
 * Replace: free_parked:no_argument_is_parked
 * Sources: page_list.c shm.c
 * Model: host.c registry.c world.c
 * Unwind: 5
 *   The world has at most 2 of anything; a record is scaled down to 3 pins.
 * Options: -DWORLD_BUCKETS=1u --unwindset become_user.0:2,search_bucket.0:3,main.0:3
 *   One bucket: all cookies collide, and a hash is nothing that a solver has to invert. An
 *   exchange that nobody disturbs is done once.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "registry.h"
#include "untraced.h"

#include "page_list.h"

struct om_share nondet_share(void);

static void prove_charged(const struct registry *before, const struct om_share *share,
			  const struct om_buffer *buffer)
{
	const struct om_shm *a = &before->shm, *b = &world_guest.shm;
	const struct om_limits *limits = &world_guest.vm.limits;
	uint32_t buffers = share->kind == OM_SHARE_REGISTERED || share->kind == OM_SHARE_PAYLOAD;

	PROVE(b->pages_used == a->pages_used + share->pages && b->pages_used <= limits->pages,
	      "pages are charged, and within the limit (I5)");
	PROVE(b->buffers_used == a->buffers_used + buffers && b->buffers_used <= limits->buffers,
	      "a buffer is charged, and within the limit (I5)");
	PROVE(b->rpc_args_used == a->rpc_args_used + (share->kind == OM_SHARE_RPC_ARG) &&
	      b->rpc_args_used <= limits->rpc_args,
	      "an RPC argument is charged, and within the limit (I5)");
	PROVE(b->lists_left == a->lists_left - share->lists, "list pages are charged (I5)");
	PROVE((buffer->hold & 0xffff) == OM_HOLD_USER && !(buffer->hold & OM_HOLD_LIVE),
	      "a new buffer has one user and is not live");
}

/* Live, found, claimed, not found, forgotten: what a call and the next ones do. */
static void live(const struct om_share *share, uint32_t index, struct om_release *release)
{
	uint32_t found;
	bool arg = share->kind == OM_SHARE_RPC_ARG;

	if (share->kind == OM_SHARE_TEMPORARY) {
		om_shm_arrived(&world_guest.shm, index);
		om_shm_put(&world_guest.shm, index, release);
		return;
	}
	found = om_shm_get(&world_guest.shm, share->cookie, share->kind);
	PROVE(found == OM_NONE, "a reserved buffer is not found");
	om_shm_publish_put(&world_guest.shm, index);
	found = arg ? om_shm_get_arg(&world_guest.shm, share->cookie, share->entry) :
		      om_shm_get(&world_guest.shm, share->cookie, share->kind);
	PROVE(found == index, "a live buffer is found by its cookie");
	PROVE(IMPLIES(arg, om_shm_get_arg(&world_guest.shm, share->cookie, share->entry) == OM_NONE),
	      "who wants it alone does not get it twice (I6)");
	om_shm_put(&world_guest.shm, index, release);
	PROVE(om_shm_claim(&world_guest.shm, share->cookie, share->kind) == index,
	      "a live buffer can be claimed");
	PROVE(om_shm_claim(&world_guest.shm, share->cookie, share->kind) == OM_NONE,
	      "a claimed buffer cannot be claimed");
	PROVE(om_shm_get(&world_guest.shm, share->cookie, share->kind) == OM_NONE,
	      "a claimed buffer is not found");
	om_shm_forget(&world_guest.shm, index);
	PROVE(!om_shm_is_known(&world_guest.shm, share->cookie), "a forgotten cookie is free (I7)");
	om_shm_put(&world_guest.shm, index, release);
}

int main(void)
{
	struct om_share share = nondet_share();
	struct om_release release = { OM_NONE };
	struct registry before;
	struct om_buffer *used = &world_buffers[REGISTRY_USED];
	uint32_t index = any_u32(), untouched = index, list = OM_NONE, steps = 0;
	bool in_use, listed = any_bool();
	enum om_refusal why;

	world_init();
	in_use = registry_init();
	/* The callers: pages is computed from a size that is not 0; lists only for a list. */
	ASSUME((uint32_t)share.kind <= OM_SHARE_TEMPORARY && share.pages >= 1);
	ASSUME(share.entry < world_guest.vm.limits.rpc_args);
	ASSUME(listed ? share.lists >= 1 && share.kind != OM_SHARE_RPC_ARG : share.lists == 0);
	/* The free shadow pages. */
	world_guest.shm.free_lists = 1;
	world_shadows[0].next = world_shadows[1].next = OM_NONE;
	before = registry_now();

	why = om_shm_reserve(&world_guest.shm, &share, &index, listed ? &list : NULL);
	if (why != OM_ACCEPTED) {
		PROVE(index == untouched && list == OM_NONE && registry_is(&before),
		      "on error nothing changed");
		REACHED("refused");
		return 0;
	}
	PROVE(index == REGISTRY_FREE, "a buffer that was free is taken");
	PROVE(IMPLIES(share.kind != OM_SHARE_TEMPORARY, share.cookie.raw != 0 &&
		      !(in_use && used->cookie == share.cookie.raw)),
	      "a cookie in use, or 0, is refused (I7)");
	prove_charged(&before, &share, &world_buffers[index]);
	PROVE(world_buffers[index].first == REGISTRY_FREE &&
	      world_buffers[index].last == REGISTRY_FREE, "it has one record, that was free");
	/* A checker follows constants best. */
	index = REGISTRY_FREE;
	world_buffers[index].first = world_buffers[index].last = REGISTRY_FREE;
	REACHED("accepted");

	/* Some pages are pinned; the translation is proved elsewhere. */
	world_record(world_buffers[index].first)->count = any_below(OM_PIN_BATCH + 1);
	ghost.pins = OM_PIN_BATCH;
	live(&share, index, &release);
	PROVE(release.head == index, "the last user puts it on the list");
	release.head = index;
	while (om_shm_release_step(&world_guest.shm, &release))
		steps++;
	PROVE(steps == 1 && release.head == OM_NONE, "one record is one step");
	PROVE(ghost.unpinned <= OM_PIN_BATCH, "pins are given back once (I4)");
	if (listed)
		om_shm_give_lists(&world_guest.shm, list, list, share.lists);
	PROVE(registry_is(&before), "charges equal refunds, and all is as it was (I5)");
	REACHED("a whole life");
	return 0;
}

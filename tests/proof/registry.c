/* SPDX-License-Identifier: BSD-2-Clause */
/* A registry in any valid state. See registry.h. */
#include "registry.h"

/* As bucket_of() in shm.c; if it were another, no cookie would be found. */
static uint32_t bucket_of(uint64_t cookie)
{
	cookie ^= cookie >> 32;
	cookie *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(cookie >> 32) & (WORLD_BUCKETS - 1);
}

bool registry_init(void)
{
	struct om_shm *shm = &world_guest.shm;
	const struct om_limits *limits = &world_guest.vm.limits;
	struct om_buffer *used = &world_buffers[REGISTRY_USED];
	bool in_use = any_bool();
	uint32_t i;

	for (i = 0; i < WORLD_BUCKETS; i++)
		world_buckets[i] = OM_NONE;
	world_buffers[REGISTRY_FREE].next = OM_NONE;
	/* A buffer that is free has had any number of lives. */
	ASSUME(om_low(world_buffers[REGISTRY_FREE].hold) == 0);
	shm->free_buffers = REGISTRY_FREE;
	shm->free_args = REGISTRY_FREE;
	shm->free_pins = REGISTRY_FREE;
	world_record(REGISTRY_FREE)->count = 0;
	world_record(REGISTRY_FREE)->next = OM_NONE;

	/* Those of RPC arguments come first; parked_arg/ has one that is parked. */
	ASSUME(limits->rpc_args <= REGISTRY_FREE + 1);
	ASSUME(!(used->hold & OM_HOLD_PARKED));

	/* What is charged is within the limits; buffer 0 is part of it. */
	ASSUME(shm->pages_used <= limits->pages && shm->buffers_used <= limits->buffers);
	ASSUME(shm->rpc_args_used <= limits->rpc_args && shm->lists_left <= limits->list_pages);
	ASSUME(shm->pages_peak >= shm->pages_used);
	if (!in_use) {
		ASSUME(om_low(used->hold) == 0);
		return false;
	}
	ASSUME(used->cookie != 0 && used->kind < OM_SHARE_TEMPORARY);
	ASSUME(used->pages >= 1 && used->pages <= shm->pages_used);
	used->next = OM_NONE;
	used->first = used->last = REGISTRY_USED;
	ASSUME(world_record(REGISTRY_USED)->count <= OM_PIN_BATCH);
	world_record(REGISTRY_USED)->next = OM_NONE;
	world_buckets[bucket_of(used->cookie)] = REGISTRY_USED;
	return true;
}

struct registry registry_now(void)
{
	struct registry now = { .shm = world_guest.shm, .used = world_buffers[REGISTRY_USED] };
	uint32_t i;

	for (i = 0; i < WORLD_BUCKETS; i++)
		now.bucket[i] = world_buckets[i];
	return now;
}

static bool same_buffer(const struct om_buffer *a, const struct om_buffer *b)
{
	return a->cookie == b->cookie && a->next == b->next && a->hold == b->hold &&
	       a->kind == b->kind && a->first == b->first && a->last == b->last &&
	       a->pages == b->pages && a->size == b->size && a->offset == b->offset &&
	       a->shadow == b->shadow;
}

/* All but the peak, which only ever rises. */
bool registry_is(const struct registry *before)
{
	const struct om_shm *a = &before->shm, *b = &world_guest.shm;
	uint32_t i;

	for (i = 0; i < WORLD_BUCKETS; i++)
		if (before->bucket[i] != world_buckets[i])
			return false;
	return a->free_buffers == b->free_buffers && a->free_pins == b->free_pins &&
	       a->free_args == b->free_args && a->free_lists == b->free_lists &&
	       a->lists_left == b->lists_left && a->buffers_used == b->buffers_used &&
	       a->rpc_args_used == b->rpc_args_used && a->pages_used == b->pages_used &&
	       same_buffer(&before->used, &world_buffers[REGISTRY_USED]);
}

void registry_park(void)
{
	struct om_buffer *used = &world_buffers[REGISTRY_USED];

	ASSUME(used->kind == OM_SHARE_RPC_ARG && used->pages == 1);
	ASSUME(world_guest.shm.rpc_args_used >= 1);
	used->hold = (used->hold & ~(uint64_t)UINT32_MAX) | OM_HOLD_PARKED;
	world_record(REGISTRY_USED)->count = 0;
}

struct registry registry_unparked(const struct registry *parked)
{
	struct registry now = *parked;

	now.shm.pages_used--;
	now.shm.rpc_args_used--;
	now.shm.free_args = REGISTRY_USED;
	now.shm.free_pins = REGISTRY_USED;
	now.used.hold -= OM_HOLD_PARKED;
	now.used.next = REGISTRY_FREE;
	now.used.first = OM_NONE;
	now.bucket[bucket_of(parked->used.cookie)] = OM_NONE;
	return now;
}

void parked_is_freed(struct om_shm *shm)
{
	struct registry parked = registry_now();
	uint32_t i;

	PROVE(shm == &world_guest.shm && ghost.locked, "what is parked is freed with the lock held");
	if (!(parked.used.hold & OM_HOLD_PARKED))
		return;
	parked = registry_unparked(&parked);
	*shm = parked.shm;
	world_buffers[REGISTRY_USED] = parked.used;
	world_record(REGISTRY_USED)->next = REGISTRY_FREE;
	for (i = 0; i < WORLD_BUCKETS; i++)
		world_buckets[i] = parked.bucket[i];
}

void no_argument_is_parked(struct om_shm *shm)
{
	uint32_t i;

	(void)shm;
	for (i = 0; i < WORLD_BUFFERS; i++)
		PROVE(!(world_buffers[i].hold & OM_HOLD_PARKED),
		      "no RPC argument is parked here");
}

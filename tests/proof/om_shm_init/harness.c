/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_init(), _rows() and _init_row(): a registry without a buffer.
 *
 * Assumes: arrays as place() in lifetime.c makes them, of exactly as many elements as
 * om_shm_*_count() say.
 * Bounded: 1 thread, 40 pages, at most 2 of all else. Loops look at no limit but how many.
 * Proves: memory safety; every element of a pool is in it, once; nothing is charged, and
 * no cookie is found.
 *
 * Class: quick
 * Sources: shm.c
 * Model: host.c world.c
 * Unwind: 12
 *   At most 2 + 2 + 4 buffers, and 2 more records.
 * Options: -DWORLD_BUFFERS=8u -DWORLD_PINS=10u -DWORLD_BUCKETS=4u -DWORLD_SHADOWS=6u
 */
#include "world.h"
#include "untraced.h"

/* The compiler's, of which the checker knows nothing: in whole buffers, as it is used. */
void *__builtin_memset(void *dst, int c, size_t len)
{
	struct om_buffer *buffer = dst;
	size_t i;

	PROVE(c == 0 && len % sizeof(*buffer) == 0 && __CPROVER_w_ok(dst, len),
	      "whole buffers are zeroed, and no more than there are");
	for (i = 0; i < len / sizeof(*buffer); i++)
		buffer[i] = (struct om_buffer){ 0 };
	return dst;
}

/* Of a pool of n from first, element i: the next one, and none after the last. */
static bool is_chained(uint32_t next, uint32_t i, uint32_t first, uint32_t n)
{
	return next == (i + 1 < first + n ? i + 1 : OM_NONE);
}

int main(void)
{
	struct om_shm *shm = &world_guest.shm;
	const struct om_limits *limits = &world_guest.vm.limits;
	uint32_t rpc, list, buffers, pins, i;
	om_cookie_t cookie = { any_u64() };

	world_init();
	ASSUME(limits->threads <= 1 && limits->buffers <= 2 && limits->rpc_args <= 2 &&
	       limits->pages <= 40 && limits->list_pages <= 2);
	/* The shadow pages of the calls come first, or anything. */
	rpc = any_below(WORLD_SHADOWS - 3);
	list = rpc + limits->rpc_args;
	ASSUME(list + limits->list_pages <= WORLD_SHADOWS);
	buffers = om_shm_buffer_count(limits);
	pins = om_shm_pins_count(limits);
	om_shm_init(&world_guest.shm, rpc, list);
	for (i = 0; i < om_shm_rows(limits); i++)
		om_shm_init_row(&world_guest.shm, i);

	PROVE(shm->free_args == 0 && shm->free_buffers == limits->rpc_args && shm->free_pins == 0 &&
	      shm->free_lists == list, "pools begin with their first");
	i = any_below(buffers);
	PROVE(is_chained(world_buffers[i].next, i, 0, i < limits->rpc_args ? limits->rpc_args :
			 buffers), "every buffer is free");
	PROVE(world_buffers[i].cookie == 0 && world_buffers[i].hold == 0, "... and nobody's");
	PROVE(world_buffers[i].shadow == (i < limits->rpc_args ? rpc + i : OM_NONE),
	      "every RPC argument has a shadow page");
	i = any_below(pins);
	PROVE(is_chained(world_record(i)->next, i, 0, pins) && world_record(i)->count == 0,
	      "every record is free and empty");
	i = list + any_below(limits->list_pages);
	PROVE(is_chained(world_shadows[i].next, i, list, limits->list_pages),
	      "every list page is free");
	PROVE(shm->lists_left == limits->list_pages && shm->buffers_used == 0 &&
	      shm->rpc_args_used == 0 && shm->pages_used == 0 && shm->pages_peak == 0,
	      "nothing is charged (I5)");
	PROVE(!om_shm_is_known(&world_guest.shm, cookie), "no cookie is known");
	if (buffers == WORLD_BUFFERS && pins == WORLD_PINS)
		REACHED("full arrays");
	return 0;
}

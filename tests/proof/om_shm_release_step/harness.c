/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_release_step(): one batch of what a call gives back.
 *
 * One step from any point of the release of any buffer, so by induction all of it.
 *
 * Assumes: a list of buffers that are held by nobody (om_shm_put_users() in guest.h), each
 * with a record of pins or more, and charged (om_shm_reserve/).
 * Proves: memory safety; the pins of one record are given back, once, and no others (I4);
 * the record is empty and free; what is charged is refunded with the last record and
 * not before, exactly (I5), and then the buffer is free and the next one's turn; false is
 * returned when there is none left, and then nothing changes.
 *
 * Class: quick
 * Sources: shm.c
 * Model: host.c world.c
 * Unwind: 3
 *   The world has at most 2 of anything.
 */
#include "world.h"
#include "untraced.h"

#define FIRST	0u	/* the buffer, its first record */
#define NEXT	1u

static uint32_t count, unpins;

/* In the place of the host's: the record as it is, no more and no less. */
static void unpin(void *guest, const om_pa_t *pa, size_t n)
{
	(void)guest;
	PROVE(!ghost.locked, "nothing is called with the lock held");
	PROVE(pa == world_record(FIRST)->pa && n == count && n >= 1, "a record is given back (I4)");
	unpins++;
}

int main(void)
{
	struct om_shm *shm = &world_guest.shm;
	struct om_buffer *buffer = &world_buffers[FIRST];
	struct om_release release;
	struct om_shm before;
	uint32_t rest, next;
	bool counted;

	world_init();
	host_ops.unpin = unpin;
	release.head = any_bool() ? FIRST : OM_NONE;
	rest = any_bool() ? NEXT : OM_NONE;
	next = any_bool() ? NEXT : OM_NONE;
	buffer->next = next;
	buffer->first = FIRST;
	ASSUME(buffer->kind <= OM_SHARE_TEMPORARY);
	world_record(FIRST)->next = rest;
	count = world_record(FIRST)->count;
	ASSUME(count <= OM_PIN_BATCH);
	/* What is charged, this buffer included. */
	ASSUME(shm->pages_used >= buffer->pages);
	ASSUME(IMPLIES(buffer->kind == OM_SHARE_RPC_ARG, shm->rpc_args_used >= 1));
	counted = buffer->kind == OM_SHARE_REGISTERED || buffer->kind == OM_SHARE_PAYLOAD;
	ASSUME(IMPLIES(counted, shm->buffers_used >= 1));
	before = *shm;

	if (!om_shm_release_step(&world_guest.shm, &release)) {
		PROVE(before.free_pins == shm->free_pins && before.pages_used == shm->pages_used &&
		      unpins == 0 && release.head == OM_NONE, "when done nothing changes");
		REACHED("nothing to release");
		return 0;
	}
	PROVE(unpins == (count > 0), "pins are given back once (I4)");
	PROVE(world_record(FIRST)->count == 0 && shm->free_pins == FIRST &&
	      world_record(FIRST)->next == before.free_pins, "an empty record is free");
	PROVE(shm->lists_left == before.lists_left && shm->free_lists == before.free_lists &&
	      shm->pages_peak == before.pages_peak, "lists are no business of a buffer's");
	if (rest != OM_NONE) {
		PROVE(release.head == FIRST && buffer->first == rest && buffer->next == next,
		      "the buffer's next record follows");
		PROVE(shm->pages_used == before.pages_used &&
		      shm->buffers_used == before.buffers_used &&
		      shm->rpc_args_used == before.rpc_args_used &&
		      shm->free_buffers == before.free_buffers &&
		      shm->free_args == before.free_args,
		      "nothing is refunded while pins are left (I5)");
		REACHED("one record of more");
		return 0;
	}
	PROVE(shm->pages_used == before.pages_used - buffer->pages &&
	      shm->buffers_used == before.buffers_used - counted &&
	      shm->rpc_args_used == before.rpc_args_used - (buffer->kind == OM_SHARE_RPC_ARG),
	      "what was charged is refunded (I5)");
	if (buffer->kind == OM_SHARE_RPC_ARG)
		PROVE(shm->free_args == FIRST && buffer->next == before.free_args &&
		      shm->free_buffers == before.free_buffers, "the RPC argument is free");
	else
		PROVE(shm->free_buffers == FIRST && buffer->next == before.free_buffers &&
		      shm->free_args == before.free_args, "the buffer is free");
	PROVE(release.head == next, "... and the next one follows");
	REACHED("the last record");
	return 0;
}

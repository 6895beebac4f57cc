/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_shm_page(): where a page of a buffer is.
 *
 * Assumes: a buffer whose records are all full but the last, as om_translation_step/
 * leaves them; a page that it has (the contract of shm.h).
 * Bounded: 3 records. The loop remembers nothing but where it is and how far it is to go.
 * Proves: memory safety; it is the n-th that was recorded.
 *
 * Class: quick
 * Sources: shm.c
 * Model: host.c world.c
 * Unwind: 4
 *   3 records.
 * Options: -DWORLD_PINS=4u
 */
#include "world.h"
#include "untraced.h"

int main(void)
{
	/* Records in any order; the one that is left is not the buffer's. */
	static const uint32_t orders[2][3] = { { 2, 0, 3 }, { 1, 3, 0 } };
	const uint32_t *order;
	struct om_buffer *buffer = &world_buffers[1];
	uint32_t n, last = any_below(3), filled, k;

	world_init();
	order = orders[any_below(2)];
	for (k = 0; k < 3; k++) {
		world_record(order[k])->count = OM_PIN_BATCH;
		world_record(order[k])->next = k < last ? order[k + 1] : any_u32();
	}
	filled = 1 + any_below(OM_PIN_BATCH);
	world_record(order[last])->count = filled;
	world_record(order[last])->next = OM_NONE;
	buffer->first = order[0];
	buffer->last = order[last];
	buffer->pages = last * OM_PIN_BATCH + filled;

	n = any_below(buffer->pages);
	PROVE(om_shm_page(&world_guest.shm, buffer, n).raw ==
	      world_record(order[n / OM_PIN_BATCH])->pa[n % OM_PIN_BATCH].raw,
	      "a page is the one that was recorded");
	if (n >= 2 * OM_PIN_BATCH)
		REACHED("a page in the third record");
	return 0;
}

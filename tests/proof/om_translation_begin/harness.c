/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_translation_begin(), om_region_pages(): memory of any size and offset that a guest
 * names by a list.
 *
 * Assumes: a valid registry (registry.h); the kinds that message.c and rpc.c pass.
 * Proves: memory safety, and no overflow for any size and address; when nothing was
 * reserved nothing has changed and nothing is held; what is charged are exactly the pages
 * that the memory touches, and the list pages that they take (I5); OP-TEE's buf_ptr is a
 * shadow page with the guest's offset (I2); the state is one that om_translation_step/
 * assumes, and the guest's list page is pinned as long as it is to be read (I4).
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

struct om_region nondet_region(void);

#define MASK	((uint64_t)OPTEE_MSG_PAGE_SIZE - 1)

int main(void)
{
	const struct om_region region = nondet_region();
	struct om_lists lists = { .first = OM_NONE, .reserved = any_below(OM_LIMIT_LIST_PAGES) };
	struct om_translation t;
	struct registry before;
	const struct om_buffer *buffer;
	uint32_t reserved = lists.reserved;
	uint64_t bytes;
	enum om_refusal why;

	world_init();
	(void)registry_init();
	ASSUME((uint32_t)region.kind <= OM_SHARE_TEMPORARY && region.kind != OM_SHARE_RPC_ARG);
	world_guest.shm.free_lists = 1;
	world_shadows[1].page.va = world_new_list();
	before = registry_now();

	why = om_translation_begin(&world_guest.shm, &region, &lists, &t);
	if (t.buffer == OM_NONE) {
		PROVE(why != OM_ACCEPTED, "without a buffer it is refused");
		PROVE(registry_is(&before) && lists.reserved == reserved && lists.first == OM_NONE,
		      "on error nothing changed");
		PROVE(ghost.pinned == 0 && t.source.raw == 0, "... and nothing is held");
		REACHED("refused");
		return 0;
	}
	buffer = &world_buffers[t.buffer];
	bytes = (region.buf_ptr & MASK) + region.size;
	PROVE(bytes != 0 && bytes >= region.size, "there is a page, and a size does not wrap");
	PROVE(buffer->offset == (region.buf_ptr & MASK) && buffer->size == region.size,
	      "a buffer is what the guest said");
	PROVE((uint64_t)buffer->pages * OPTEE_MSG_PAGE_SIZE >= bytes &&
	      ((uint64_t)buffer->pages - 1) * OPTEE_MSG_PAGE_SIZE < bytes,
	      "the pages that the memory touches, no more and no less");
	PROVE(buffer->pages == om_region_pages(&region), "... as many as om_region_pages() says (I5)");
	PROVE(world_guest.shm.pages_used == before.shm.pages_used + buffer->pages,
	      "the pages are charged (I5)");
	PROVE(before.shm.lists_left - world_guest.shm.lists_left == lists.reserved - reserved,
	      "the list pages are charged, and the call knows how many (I5)");
	PROVE((uint64_t)(lists.reserved - reserved) * OPTEE_MSG_LIST_ENTRIES >= buffer->pages,
	      "there is a list page for all pages");
	PROVE(t.list_start == (world_shadows[t.list].page.pa.raw | buffer->offset) &&
	      is_shadow_page(t.list_start & ~MASK), "buf_ptr is a shadow page's (I2)");
	PROVE(t.list_index == 0 && t.source_index == 0 && t.remaining == buffer->pages &&
	      world_record(buffer->last)->count == 0, "the first state of a translation");
	PROVE((t.source.raw != 0) == (why == OM_ACCEPTED) &&
	      ghost.pinned - ghost.unpinned == (why == OM_ACCEPTED),
	      "the guest's list page is pinned, or nothing is (I4)");
	PROVE(IMPLIES(t.source.raw != 0, is_usable(t.source.raw) &&
		      IMPLIES(t.source.raw == ghost.page, ghost.pins == 1)),
	      "the page to read from is one that is pinned");
	if (why == OM_ACCEPTED)
		REACHED("accepted");
	else
		REACHED("reserved, but the list cannot be read");
	return 0;
}

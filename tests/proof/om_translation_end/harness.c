/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_translation_end(), om_lists_release(), om_lists_give_back(): how a translation and its
 * lists end, at any point.
 *
 * Assumes: the guest's list page is pinned if there is one (om_translation_step/); lists
 * of which all that were taken are chained (use_list() in page_list.c), and charged.
 * Proves: memory safety; a page is given back once, and no other (I4); the chain is at the
 * head of the free list pages, which follow it; the charge is refunded exactly (I5); a
 * second time changes nothing.
 *
 * Class: quick
 * Sources: page_list.c shm.c
 * Model: host.c world.c
 * Unwind: 3
 *   The world has at most 2 of anything.
 */
#include "world.h"
#include "untraced.h"

#include "page_list.h"

int main(void)
{
	struct om_shm *shm = &world_guest.shm;
	struct om_translation t;
	struct om_lists lists;
	uint32_t first, reserved, left, free_lists, twice;
	uint64_t source;

	world_init();
	source = any_u64();
	t.source.raw = source;
	/* Other pins may be there, of this page and of others. */
	ghost.pins = any_below(1000);
	ASSUME(IMPLIES(source != 0 && source == ghost.page, ghost.pins > 0));
	left = ghost.pins - (source != 0 && source == ghost.page);
	for (twice = 0; twice < 2; twice++) {
		om_translation_end(&world_guest.shm, &t);
		PROVE(t.source.raw == 0 && ghost.unpinned == (source != 0) && ghost.pins == left,
		      "the guest's list page is given back once (I4)");
	}

	/* None, one list page, or two. */
	lists.first = first = any_bool() ? OM_NONE : any_below(2);
	lists.last = any_bool() ? first : 1;
	ASSUME(first != 1 || lists.last == 1);
	if (first == 0 && lists.last == 1)
		world_shadows[0].next = 1;
	lists.reserved = reserved = any_u32();
	ASSUME(IMPLIES(first != OM_NONE, reserved >= 1));
	left = shm->lists_left;
	ASSUME(left <= world_guest.vm.limits.list_pages && reserved <= world_guest.vm.limits.list_pages - left);
	free_lists = shm->free_lists;
	for (twice = 0; twice < 2; twice++) {
		om_lists_release(&world_guest.shm, &lists);
		PROVE(shm->lists_left == left + reserved, "list pages are refunded (I5)");
		PROVE(lists.reserved == 0, "a call has no list pages any more");
		PROVE(first == OM_NONE ? shm->free_lists == free_lists :
		      shm->free_lists == first && world_shadows[lists.last].next == free_lists,
		      "list pages are free, before those that were");
	}
	if (first == 0 && lists.last == 1)
		REACHED("two list pages");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_translation_step(): up to 31 entries of a guest's page list become entries of the
 * list that OP-TEE will read.
 *
 * One step from any point of any translation, so by induction all steps of all
 * translations, however long: om_translation_begin/ proves that the first state is one
 * of those assumed here, this that the next one is.
 *
 * Assumes, of the state: `is_state` below; that a free record and a free list page are
 * there when one is needed, for which see "The pools" in README.md.
 * Proves: memory safety; every address that is written to a list is that of a page that
 * is pinned for this guest and usable, or links to a shadow page (I2), whether the step
 * is accepted or refused; nothing else in the lists changes; what is recorded as pinned
 * is what is pinned, each as often (I4, I5); each entry of the guest's list is read once
 * (I1); a list page is not held longer than it is needed; the next state `is_state`.
 *
 * Class: quick
 * Solver: kissat
 * Sources: page_list.c shm.c
 * Model: host.c world.c
 * Scale: OPTEE_MSG_LIST_ENTRIES=7u OPTEE_MSG_LIST_NEXT=7u OM_PIN_BATCH=3u
 *   Lists of 7 addresses and records of 3 pins: a formula grows with their product. The
 *   code knows both by name only. At the real sizes it is tested, not proved.
 * Unwind: 5
 *   A step is of at most OM_PIN_BATCH pages; the world has at most 4 of anything.
 */
#include "world.h"

#include "page_list.h"

#define LIST		0u	/* shadow pages */
#define OTHER_LIST	1u

static uint64_t *list_page, *other_list_page;
static struct om_lists lists;
static struct om_translation t;

/* What is true between two steps. */
static bool is_state(const struct om_buffer *buffer)
{
	return t.remaining <= buffer->pages &&
	       world_record(buffer->last)->count <= OM_PIN_BATCH &&
	       /* Both lists have the same size; the guest's and the shadow advance together. */
	       t.list_index <= OPTEE_MSG_LIST_ENTRIES &&
	       (t.remaining == 0 || t.source_index == t.list_index) &&
	       (t.source.raw != 0) == (t.remaining != 0) &&
	       t.source.raw % OPTEE_MSG_PAGE_SIZE == 0;
}

/* How often the page that is watched is recorded as pinned. */
static uint32_t recorded(void)
{
	uint32_t n = t.source.raw != 0 && t.source.raw == ghost.page;
	uint32_t i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < OM_PIN_BATCH; k++)
			n += k < world_record(i)->count && world_record(i)->pa[k].raw == ghost.page;
	return n;
}

int main(void)
{
	struct om_buffer *buffer;
	struct om_shm *shm = &world_guest.shm;
	enum om_refusal why;
	uint32_t entry, remaining, list_index, count;
	bool other;
	uint64_t before, after;

	world_init();
	world_shadows[LIST].page.va = list_page = world_new_list();
	world_shadows[OTHER_LIST].page.va = other_list_page = world_new_list();
	buffer = &world_buffers[0];

	/* Buffer 0, whose last record is 0; the list page in use is the first of two. */
	t.buffer = 0;
	t.source.raw = any_u64();
	t.source_index = any_u32();
	t.remaining = any_u32();
	t.list_index = any_u32();
	t.list_start = any_u64();
	t.list = LIST;
	lists.last = LIST;
	lists.first = any_bool() ? LIST : OTHER_LIST;
	lists.reserved = any_u32();
	buffer->last = 0;
	ASSUME(buffer->pages >= 1 && buffer->pages <= world_guest.vm.limits.pages);
	ASSUME(is_state(buffer) && t.remaining > 0);
	/* A pinned page is usable: om_pin_one(). */
	ASSUME(is_usable(t.source.raw) && !is_shadow_page(t.source.raw));

	/* What is free: an empty record (refund() in shm.c), the other list page. */
	shm->free_pins = 1;
	world_record(1)->count = 0;
	world_record(1)->next = OM_NONE;
	shm->free_lists = OTHER_LIST;
	ghost.pins = recorded();

	/* Any entry of any list page, to be compared afterwards; any entry of the guest's. */
	other = any_bool();
	entry = any_below(WORLD_ENTRIES);
	before = other ? other_list_page[entry] : list_page[entry];
	ghost.byte = any_u64();
	remaining = t.remaining;
	list_index = t.list_index;
	count = world_record(0)->count;

	why = om_translation_step(&world_guest.shm, &lists, &t);

	after = other ? other_list_page[entry] : list_page[entry];
	if (after != before && entry == OPTEE_MSG_LIST_NEXT) {
		PROVE(is_shadow_page(after), "a list page links to a shadow page (I2)");
		PROVE(after == world_shadows[t.list].page.pa.raw, "... to the one that follows");
		REACHED("a link was written");
	} else if (after != before) {
		PROVE(IMPLIES(after == ghost.page, ghost.pins > 0),
		      "an address given to OP-TEE is that of a pinned page (I2)");
		PROVE(is_usable(after), "an address given to OP-TEE is usable (I2)");
		PROVE(after % OPTEE_MSG_PAGE_SIZE == 0, "an address given to OP-TEE is a page's");
		REACHED("an address was written");
	}
	PROVE(ghost.pins == recorded(), "what is recorded as pinned is what is pinned (I4, I5)");
	PROVE(ghost.fetches <= 1, "a byte of the guest's list is read once (I1)");
	PROVE(world_record(buffer->last)->count <= OM_PIN_BATCH, "a record is not overfilled");
	PROVE(IMPLIES(buffer->last != 0, count == OM_PIN_BATCH),
	      "a record is only taken when the last is full (I5)");
	PROVE(IMPLIES(t.list != LIST, list_index == OPTEE_MSG_LIST_ENTRIES),
	      "a list page is only taken when the last is full (I5)");
	if (why == OM_ACCEPTED) {
		PROVE(t.remaining < remaining, "a step gets on");
		PROVE(is_state(buffer), "the next state is one of those assumed");
		REACHED("accepted");
	} else {
		REACHED("refused");
	}
	return 0;
}

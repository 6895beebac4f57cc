/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-list translation. This module knows guest pages and list pages, but not messages, calls,
 * or what the memory is for.
 */
#include "page_list.h"

#define IN_PAGE ((uint64_t)OPTEE_MSG_PAGE_SIZE - 1)

/* Pins the guest's list page at ipa for reading. */
static enum om_refusal open_source(struct om_shm *shm, struct om_translation *t,
				   uint64_t ipa)
{
	t->source.raw = 0;
	t->source_index = 0;
	return om_pin_one(&shm->vm, ipa, &t->source);
}

void om_translation_end(struct om_shm *shm, struct om_translation *t)
{
	if (t->source.raw == 0)
		return;
	shm->vm.ops->unpin(shm->vm.ctx, &t->source, 1);
	t->source.raw = 0;
}

/* Continues the shadow list in page i, linked from the page before. */
static OM_NOINLINE void use_list(struct om_shm *shm, struct om_lists *lists,
				 struct om_translation *t, uint32_t i)
{
	struct om_shadow *shadows = shm->shadows;

	if (lists->first == OM_NONE)
		lists->first = i;
	else
		shadows[lists->last].next = i;
	if (t->list != OM_NONE)
		((uint64_t *)shadows[t->list].page.va)[OPTEE_MSG_LIST_NEXT] =
			shadows[i].page.pa.raw;
	lists->last = i;
	t->list = i;
	t->list_index = 0;
}

uint64_t om_region_pages(const struct om_region *region)
{
	if (region->size > UINT64_MAX - 2 * IN_PAGE)
		return 0;
	/*
	 * A size of 0 is one page, as in OP-TEE: a driver may register an empty buffer. At
	 * offset 0 it is no page, and OP-TEE's own count would wrap.
	 */
	return ((region->buf_ptr & IN_PAGE) + region->size + IN_PAGE) >> OPTEE_MSG_PAGE_SHIFT;
}

enum om_refusal om_translation_begin(struct om_shm *shm, const struct om_region *region,
				     struct om_lists *lists, struct om_translation *t)
{
	struct om_share share = {
		.kind = region->kind,
		.cookie = region->cookie,
		.size = region->size,
		.offset = (uint32_t)(region->buf_ptr & IN_PAGE),
	};
	uint64_t pages = om_region_pages(region);
	uint32_t list;
	enum om_refusal why;

	t->buffer = OM_NONE;
	t->source.raw = 0;
	if (pages == 0)
		return OM_REFUSED_PARAMS;
	if (pages > shm->vm.limits.pages)
		return OM_REFUSED_QUOTA;
	share.pages = (uint32_t)pages;
	share.lists = (share.pages + OPTEE_MSG_LIST_ENTRIES - 1) / OPTEE_MSG_LIST_ENTRIES;

	why = om_shm_reserve(shm, &share, &t->buffer, &list);
	if (why != OM_ACCEPTED)
		return why;
	lists->reserved += share.lists;
	t->remaining = share.pages;
	t->list = OM_NONE;
	use_list(shm, lists, t, list);
	t->list_start = shm->shadows[t->list].page.pa.raw | share.offset;
	return open_source(shm, t, region->buf_ptr & ~IN_PAGE);
}

/* Reads n entries; each must be the address of a page. */
static enum om_refusal read_entries(struct om_shm *shm, struct om_translation *t,
				    om_ipa_t *ipa, uint32_t n)
{
	om_pa_t at = { t->source.raw + t->source_index * sizeof(uint64_t) };
	uint32_t i;

	if (shm->vm.ops->read(shm->vm.ctx, at, ipa, n * sizeof(*ipa)))
		return OM_REFUSED_PAGE;
	t->source_index += n;
	for (i = 0; i < n; i++)
		if (!om_is_page_address(ipa[i].raw))
			return OM_REFUSED_PAGE;
	return OM_ACCEPTED;
}

/* Continues in the guest's next list page, when all addresses of this one are used. */
static OM_NOINLINE enum om_refusal follow_link(struct om_shm *shm, struct om_translation *t)
{
	om_ipa_t next;
	/* The link is read only when it is needed: Linux leaves junk in an unused one. */
	enum om_refusal why = read_entries(shm, t, &next, 1);

	om_translation_end(shm, t);
	return why == OM_ACCEPTED ? open_source(shm, t, next.raw) : why;
}

/*
 * Writes n pinned pages to the shadow list. Both lists have 511 entries in a page and advance
 * together, so n pages from one list page go to one list page.
 */
static enum om_refusal emit(struct om_shm *shm, struct om_lists *lists,
			    struct om_translation *t, const om_pa_t *pa, uint32_t n)
{
	const struct om_reserved reserved = om_reserved(shm->vm.mediator);
	uint64_t *list;
	uint32_t i;

	if (t->list_index == OPTEE_MSG_LIST_ENTRIES)
		use_list(shm, lists, t, om_shm_take_list(shm));
	list = (uint64_t *)shm->shadows[t->list].page.va + t->list_index;
	t->list_index += n;
	for (i = 0; i < n; i++) {
		if (!om_is_usable(&reserved, pa[i]))
			return OM_REFUSED_PAGE;
		list[i] = pa[i].raw;
	}
	return OM_ACCEPTED;
}

enum om_refusal om_translation_step(struct om_shm *shm, struct om_lists *lists,
				    struct om_translation *t)
{
	struct om_pins *pins;
	enum om_refusal why = OM_ACCEPTED;
	uint32_t n;

	if (t->source_index == OPTEE_MSG_LIST_ENTRIES)
		why = follow_link(shm, t);
	if (why != OM_ACCEPTED)
		return why;
	pins = om_shm_next_pins(shm, &shm->buffers[t->buffer]);
	n = om_least(t->remaining, OM_PIN_BATCH - pins->count);
	n = om_least(n, OPTEE_MSG_LIST_ENTRIES - t->source_index);

	why = read_entries(shm, t, t->ipa, n);
	if (why != OM_ACCEPTED)
		return why;
	if (shm->vm.ops->pin(shm->vm.ctx, t->ipa, n, &pins->pa[pins->count]))
		return OM_REFUSED_PAGE;
	pins->count += n;
	t->remaining -= n;
	if (t->remaining == 0)
		om_translation_end(shm, t);
	return emit(shm, lists, t, &pins->pa[pins->count - n], n);
}

void om_lists_give_back(struct om_shm *shm, struct om_lists *lists)
{
	om_shm_give_lists(shm, lists->first, lists->last, lists->reserved);
	lists->first = OM_NONE;
	lists->reserved = 0;
}

enum om_refusal om_share_page(struct om_shm *shm, const struct om_share *share,
			      uint64_t ipa, uint32_t *index)
{
	om_pa_t pa;
	struct om_pins *pins;
	enum om_refusal why = om_pin_one(&shm->vm, ipa, &pa);

	if (why != OM_ACCEPTED)
		return why;
	why = om_shm_reserve(shm, share, index, NULL);
	if (why != OM_ACCEPTED) {
		shm->vm.ops->unpin(shm->vm.ctx, &pa, 1);
		return why;
	}
	pins = &shm->pins[shm->buffers[*index].first];
	pins->pa[0] = pa;
	pins->count = 1;
	return OM_ACCEPTED;
}

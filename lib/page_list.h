/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation of memory that a guest names by address: its page list becomes a list of pinned
 * physical pages, in bounded steps.
 *
 * Each entry of the guest's list is read once, into private memory. Only pinned pages are
 * written to the shadow list (invariants I1 and I2).
 */
#ifndef OM_LIB_PAGE_LIST_H
#define OM_LIB_PAGE_LIST_H

#include <optee_mediator/abi_msg.h>

#include "secure.h"
#include "shm.h"

/* A chain of shadow list pages that a call holds. */
struct om_lists {
	uint32_t first;
	uint32_t last;
	uint32_t reserved;	/* charged, whether taken or not */
};

/* A translation in progress. */
struct om_translation {
	om_pa_t source;		/* the guest's list page, pinned; raw 0: none */
	uint32_t source_index;	/* next entry there */
	uint32_t remaining;	/* pages still to pin */
	uint32_t buffer;	/* the buffer that is filled */
	uint32_t list;		/* the shadow list page that is filled */
	uint32_t list_index;
	uint64_t list_start;	/* buf_ptr for OP-TEE: first list page | offset */
	om_ipa_t ipa[OM_PIN_BATCH];	/* entries read; here because stacks are small */
};

/* Memory that a guest describes in a TMEM parameter with NONCONTIG, and its kind. */
struct om_region {
	enum om_trace_share kind;
	uint64_t buf_ptr;
	uint64_t size;
	om_cookie_t cookie;
};

/* The number of pages that a region lies in; 0 when there is no such region. */
uint64_t om_region_pages(const struct om_region *region);

/*
 * Checks size and offset, charges the quotas, reserves the buffer. t->buffer is its index, or
 * OM_NONE when nothing was reserved. The caller has to forget it and put it back, also when a
 * later step refuses it.
 */
enum om_refusal om_translation_begin(struct om_shm *shm, const struct om_region *region,
				     struct om_lists *lists, struct om_translation *t);

/*
 * Translates up to OM_PIN_BATCH more pages. The translation is done when t->remaining is 0. When
 * refused, the pages pinned so far belong to the buffer and are released with it.
 */
enum om_refusal om_translation_step(struct om_shm *shm, struct om_lists *lists,
				    struct om_translation *t);

/* Unpins the guest's list page if one is still pinned. Can be repeated. */
void om_translation_end(struct om_shm *shm, struct om_translation *t);

/* Gives the shadow list pages back after OP-TEE has read them. */
void om_lists_give_back(struct om_shm *shm, struct om_lists *lists);

static inline void om_lists_release(struct om_shm *shm, struct om_lists *lists)
{
	if (lists->reserved)
		om_lists_give_back(shm, lists);
}

static inline bool om_is_page_address(uint64_t ipa)
{
	/*
	 * Page 0 cannot be shared, because OP-TEE takes address 0 for "no memory". One
	 * comparison checks that and the alignment: rotated, the low bits of an unaligned
	 * address are on top.
	 */
	uint64_t rotated = ipa >> OPTEE_MSG_PAGE_SHIFT | ipa << (64 - OPTEE_MSG_PAGE_SHIFT);

	return rotated - 1 < UINT64_MAX >> OPTEE_MSG_PAGE_SHIFT;
}

/* Pins one page at a guest address if it can be shared. */
static inline enum om_refusal om_pin_one(const struct om_vm *vm, uint64_t ipa, om_pa_t *pa)
{
	om_ipa_t address = { ipa };
	om_pa_t pinned;

	if (!om_is_page_address(ipa) || vm->ops->pin(vm->ctx, &address, 1, &pinned))
		return OM_REFUSED_PAGE;
	if (!om_pa_is_usable(vm->mediator, pinned)) {
		vm->ops->unpin(vm->ctx, &pinned, 1);
		return OM_REFUSED_PAGE;
	}
	*pa = pinned;
	return OM_ACCEPTED;
}

/*
 * Pins a page and reserves a buffer of that page, as om_shm_reserve() does. When refused,
 * nothing is held and *index is unchanged.
 */
enum om_refusal om_share_page(struct om_shm *shm, const struct om_share *share,
			      uint64_t ipa, uint32_t *index);

#endif

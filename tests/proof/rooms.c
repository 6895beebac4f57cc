/* SPDX-License-Identifier: BSD-2-Clause */
/* shm.c and page_list.c as their callers see them. See rooms.h. */
#include "rooms.h"

#include "page_list.h"
#include "tracing.h"

#define PAGE	((uint64_t)OPTEE_MSG_PAGE_SIZE)
/* World's shadow page that translated lists begin in; 0 is the message's. */
#define LIST	1u

struct rooms rooms;

/* A reserved buffer: om_translation_begin/ proves it, om_share_page() takes one page. */
static bool is_buffer(const struct om_buffer *buffer)
{
	return buffer->pages >= 1 && buffer->pages <= world_guest.vm.limits.pages &&
	       buffer->offset < PAGE && buffer->size >= 1 &&
	       buffer->size <= buffer->pages * PAGE - buffer->offset;
}

void rooms_init(void)
{
	uint32_t i;

	rooms = (struct rooms){ .buffer = any_below(WORLD_BUFFERS) };
	for (i = 0; i < WORLD_BUFFERS; i++)
		ASSUME(is_buffer(&world_buffers[i]));
}

static void hold(uint32_t i)
{
	if (i == rooms.buffer)
		rooms.users++;
}

/* Any refusal that a room below may give. */
static enum om_refusal refusal(void)
{
	enum om_refusal why = (enum om_refusal)any_u32();

	ASSUME(why == OM_REFUSED_PARAMS || why == OM_REFUSED_COOKIE ||
	       why == OM_REFUSED_PAGE || why == OM_REFUSED_QUOTA);
	return why;
}

/* A buffer with this cookie, or none. */
static uint32_t find(uint64_t cookie, enum om_trace_share kind)
{
	uint32_t i;

	PROVE(!ghost.locked, "rooms: nothing is called with the lock held");
	if (any_bool())
		return OM_NONE;
	i = any_below(WORLD_BUFFERS);
	ASSUME(world_buffers[i].cookie == cookie && world_buffers[i].kind == (uint32_t)kind);
	hold(i);
	return i;
}

uint32_t om_shm_get(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind)
{
	(void)shm;
	return find(cookie.raw, kind);
}

uint32_t om_shm_get_in_transit(struct om_shm *shm, om_cookie_t cookie)
{
	(void)shm;
	return find(cookie.raw, OM_SHARE_REGISTERED);
}

uint32_t om_shm_claim_arrived(struct om_shm *shm, om_cookie_t cookie)
{
	(void)shm;
	return any_bool() ? OM_BUSY : find(cookie.raw, OM_SHARE_REGISTERED);
}

void om_shm_publish(struct om_shm *shm, uint32_t index)
{
	(void)shm;
	PROVE(index < WORLD_BUFFERS, "rooms: a buffer that is published is one");
	if (index == rooms.buffer)
		rooms.published++;
}

void om_shm_forget(struct om_shm *shm, uint32_t index)
{
	(void)shm;
	PROVE(index < WORLD_BUFFERS, "rooms: a buffer that is forgotten is one");
	if (index == rooms.buffer)
		rooms.forgotten++;
}

om_pa_t om_shm_page(const struct om_shm *shm, const struct om_buffer *buffer, uint32_t n)
{
	om_pa_t pa = { any_u64() };

	(void)shm;
	PROVE(n < buffer->pages, "rooms: a page of a buffer is one of its pages");
	/* What is recorded is pinned and usable: om_translation_step/, om_share_page/. */
	ASSUME(pa.raw % PAGE == 0 && is_usable(pa.raw) && !is_shadow_page(pa.raw));
	ASSUME(IMPLIES(pa.raw == ghost.page, ghost.pins > 0));
	return pa;
}

enum om_refusal om_translation_begin(struct om_shm *shm, const struct om_region *region,
				     struct om_lists *lists, struct om_translation *t)
{
	uint32_t taken = any_u32();

	PROVE(t->source.raw == 0, "rooms: no list page is left pinned by the last translation");
	PROVE(region->kind == OM_SHARE_REGISTERED || region->kind == OM_SHARE_PAYLOAD ||
	      (region->kind == OM_SHARE_TEMPORARY && region->cookie.raw == 0),
	      "rooms: what is translated has a cookie or is lent (I7)");
	t->buffer = OM_NONE;
	if (any_bool())
		return refusal();
	/* One that was free, so the call does not hold it yet. */
	t->buffer = any_below(WORLD_BUFFERS);
	ASSUME(IMPLIES(t->buffer == rooms.buffer, rooms.users == 0));
	ASSUME(world_buffers[t->buffer].cookie == region->cookie.raw);
	hold(t->buffer);
	ASSUME(taken >= 1 && taken <= shm->vm.limits.list_pages &&
	       lists->reserved <= shm->vm.limits.list_pages - taken);
	lists->reserved += taken;
	if (lists->first == OM_NONE)
		lists->first = LIST;
	lists->last = LIST;
	t->remaining = world_buffers[t->buffer].pages;
	t->list_start = world_shadows[LIST].page.pa.raw | world_buffers[t->buffer].offset;
	if (any_bool())
		return refusal();
	t->source.raw = any_u64();
	ASSUME(t->source.raw != 0);
	return OM_ACCEPTED;
}

enum om_refusal om_translation_step(struct om_shm *shm, struct om_lists *lists,
				    struct om_translation *t)
{
	(void)shm;
	PROVE(t->buffer < WORLD_BUFFERS && t->remaining > 0 && t->source.raw != 0,
	      "rooms: a step is taken while there is one to take");
	PROVE(lists->reserved > 0, "rooms: a step has a list to write to");
	/* A refused step may have got on or not, and may have let the list page go. */
	t->remaining = any_below(t->remaining);
	if (t->remaining == 0)
		t->source.raw = 0;
	if (!any_bool())
		return OM_ACCEPTED;
	if (any_bool())
		t->source.raw = 0;
	return refusal();
}

void om_translation_end(struct om_shm *shm, struct om_translation *t)
{
	(void)shm;
	t->source.raw = 0;
}

void om_lists_give_back(struct om_shm *shm, struct om_lists *lists)
{
	(void)shm;
	PROVE(lists->reserved > 0, "rooms: only what is held is given back");
	lists->first = OM_NONE;
	lists->reserved = 0;
}

void om_shm_arrived(struct om_shm *shm, uint32_t index)
{
	(void)shm;
	PROVE(world_buffers[index].hold & (OM_HOLD_LIVE - OM_HOLD_IN_TRANSIT),
	      "rooms: only who was in_transit has entered");
	world_buffers[index].hold -= OM_HOLD_IN_TRANSIT;
}

void om_shm_put(struct om_shm *shm, uint32_t index, struct om_release *release)
{
	PROVE(world_buffers[index].hold & (OM_HOLD_IN_TRANSIT - 1),
	      "rooms: only what is held is put back (I7)");
	om_shm_put_users(shm, index, OM_HOLD_USER, release);
}

bool om_shm_release_step(struct om_shm *shm, struct om_release *release)
{
	(void)shm;
	PROVE(!ghost.locked, "rooms: nothing is called with the lock held");
	if (release->head == OM_NONE)
		return false;
	PROVE(release->head < WORLD_BUFFERS && om_low(world_buffers[release->head].hold) == 0,
	      "rooms: what is released has no user left (I4)");
	/* A buffer of several records takes several steps. */
	if (rooms.records > 0 && any_bool())
		rooms.records--;
	else
		release->head = world_buffers[release->head].next;
	return true;
}

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	(void)vm, (void)vcpu, (void)call, (void)event;
}

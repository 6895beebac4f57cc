/* SPDX-License-Identifier: BSD-2-Clause */
/* The rooms below rpc.c. See rooms_rpc.h. */
#include "rooms_rpc.h"

#include "mapping.h"
#include "message_copy.h"
#include "tracing.h"

#define IN_PAGE	((uint64_t)OPTEE_MSG_PAGE_SIZE - 1)

struct rooms rooms;
struct world_message rooms_message;
struct om_request_copy rooms_arg;

struct om_request_copy nondet_request(void);
struct world_message nondet_world_message(void);

/* A page of the guest's, pinned and usable: om_pin_one(). */
static om_pa_t any_guest_page(void)
{
	om_pa_t pa = { any_u64() };

	ASSUME(!(pa.raw & IN_PAGE) && is_usable(pa.raw) && !is_shadow_page(pa.raw));
	if (pa.raw == ghost.page)
		ghost.pins++;
	return pa;
}

/*
 * Where the message is: fetch() in message.c accepts one with RPCs behind it only when
 * there is room for both.
 */
static void init_message(struct om_call *call)
{
	uint32_t i;

	call->message.hdr.num_params = OM_MESSAGE_PARAMS;
	ASSUME(call->fid == OPTEE_SMC_CALL_WITH_ARG || call->fid == OPTEE_SMC_CALL_WITH_RPC_ARG ||
	       call->fid == OPTEE_SMC_CALL_WITH_REGD_ARG);
	call->at = any_guest_page();
	i = any_below(OPTEE_MSG_PAGE_SIZE);
	ASSUME(i + sizeof(rooms_message) <= OPTEE_MSG_PAGE_SIZE);
	call->at.raw += i;
	/* As in messages.h: one in two pages is looked at as if it began with the first. */
	ASSUME(call->room >= sizeof(rooms_message) && IMPLIES(call->split, i == 0));
	rooms_message = nondet_world_message();
	world_shadows[0].page.va = &rooms_message;
}

void rooms_init(bool has_arg)
{
	struct om_call *call = &world_call;
	uint32_t i;

	world_init();
	init_message(call);
	rooms.arg_page = any_guest_page();
	rooms_arg = nondet_request();
	world_shadows[ROOMS_ARG_SHADOW].page.va = &rooms_arg;
	world_buffers[ROOMS_ARG].shadow = ROOMS_ARG_SHADOW;
	world_buffers[ROOMS_NEW].shadow = ROOMS_NEW_SHADOW;
	rooms.watched = any_u64();
	rooms.watched_bytes = any_u64();
	call->rpc_arg = has_arg ? ROOMS_ARG : OM_NONE;
	rooms.arg_users = has_arg;
	rooms.arg_came = has_arg;
	call->shadow_arg = rooms_shadow();
	ASSUME(call->arg_entry < world_guest.vm.limits.rpc_args);

	/* 64 bits do not overflow in a lifetime. */
	for (i = 0; i < OM_COUNTERS; i++)
		call->counters[i] = 0;
	/* message.c and secure_left() in machine.c are done with these. */
	call->translation.source.raw = 0;
	call->payload_lists = (struct om_lists){ .first = OM_NONE, .last = any_u32() };
	ASSUME(call->release.head == OM_NONE || call->release.head < WORLD_BUFFERS);
}

/* message_copy.c, as om_message_split/ proves it. */
int om_message_read_split(const struct om_call *call, size_t offset, void *dst, size_t len)
{
	PROVE(call->split && offset <= call->room && len <= call->room - offset,
	      "rooms: what is read is the message's (I1)");
	return host_ops.read(call->guest->vm.ctx, (om_pa_t){ call->at.raw + offset }, dst, len);
}

int om_message_write_split(const struct om_call *call, size_t offset, const void *src, size_t len)
{
	PROVE(call->split && offset <= call->room && len <= call->room - offset,
	      "rooms: what is written to is the message's (I3)");
	return host_ops.write(call->guest->vm.ctx, (om_pa_t){ call->at.raw + offset }, src, len);
}

struct om_request_copy *rooms_shadow(void)
{
	return rooms.arg_came ? &rooms_arg : &rooms_message.request;
}

uint64_t rooms_guest_arg(void)
{
	return rooms.arg_came ? rooms.arg_page.raw : world_call.at.raw + sizeof(rooms_message.message);
}

bool rooms_is_waiting(void)
{
	const struct om_call *call = &world_call;
	const struct optee_msg_hdr *asked = &call->request.hdr;

	if (call->release.head != OM_NONE || call->translation.source.raw != 0 ||
	    call->payload_lists.first != OM_NONE || call->payload_lists.reserved != 0)
		return false;
	if (call->pending == OM_PENDING_ALLOC || call->pending == OM_PENDING_FREE)
		return call->rpc_arg == OM_NONE && rooms.arg_users == 0;
	if (call->rpc_arg == OM_NONE ?
	    rooms.arg_users != 0 || call->fid == OPTEE_SMC_CALL_WITH_ARG :
	    rooms.arg_users != 1 || call->rpc_arg != ROOMS_ARG)
		return false;
	if (call->shadow_arg != rooms_shadow())
		return false;
	switch (call->pending) {
	case OM_PENDING_CMD:
		return asked->num_params <= OPTEE_MSG_RPC_PARAMS &&
		       asked->cmd != OPTEE_RPC_CMD_SHM_ALLOC;
	case OM_PENDING_SHM_ALLOC:
		return asked->num_params == 1 && asked->cmd == OPTEE_RPC_CMD_SHM_ALLOC;
	case OM_PENDING_UNDO:
		return call->refusal != OM_ACCEPTED && (uint32_t)call->refusal < OM_COUNTERS &&
		       call->payload == OM_NONE;
	default:
		return false;
	}
}

void rooms_refused(struct om_call *call, enum om_refusal why, uint32_t code)
{
	PROVE(call == &world_call && (uint32_t)why < OM_COUNTERS && why != OM_ACCEPTED &&
	      code != TEEC_SUCCESS, "rooms: a refusal can be counted, and told");
	rooms.refusals++;
}

bool rooms_is_resume(uint64_t pa, uint64_t cookie)
{
	const uint64_t *a = world_call.secure.a;

	return a[0] == OPTEE_SMC_RETURN_FROM_RPC && a[1] == om_high(pa) && a[2] == om_low(pa) &&
	       a[3] == world_call.secure_thread && a[4] == om_high(cookie) &&
	       a[5] == om_low(cookie) && a[6] == 0 && a[7] == world_guest.vm.id;
}

bool rooms_is_no_page(void)
{
	const uint64_t *a = world_call.secure.a;

	/* OP-TEE OS, thread_optee_smc.c: an address that is not aligned to 8. */
	return om_pair(a[1], a[2]) % 8 != 0;
}

bool rooms_is_return(uint64_t a0, uint64_t a1, uint64_t a2)
{
	const uint64_t *a = world_call.secure.a;

	return a[0] == a0 && a[1] == a1 && a[2] == a2;
}

/* shm.h */

/* The buffer that is named: any, held by this call from now on. */
static void name_buffer(struct om_shm *shm)
{
	struct om_buffer *named = &shm->buffers[ROOMS_NAMED];

	PROVE(rooms.named_users == 0, "rooms: one buffer is named at a time");
	/* om_translation_begin(), om_share_page(): at least a page, begins in the first. */
	named->pages = any_u32();
	named->offset = any_below(OPTEE_MSG_PAGE_SIZE);
	named->owner = any_u32();
	ASSUME(named->pages >= 1 && named->pages <= shm->vm.limits.pages);
	rooms.named_users = 1;
}

/* RPC arguments are entries below limits.rpc_args: om_shm_init/. */
static void prove_entry(const struct om_shm *shm, uint32_t entry)
{
	PROVE(entry < shm->vm.limits.rpc_args, "rooms: an argument is looked for where one can be");
}

uint32_t om_shm_get_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry)
{
	prove_entry(shm, entry);
	if (any_bool())
		return OM_NONE;
	PROVE(rooms.arg_users == 0, "rooms: one call has an argument (I6)");
	shm->buffers[ROOMS_ARG].cookie = cookie.raw;
	rooms.arg_users = 1;
	rooms.arg_came = true;
	return ROOMS_ARG;
}

bool om_shm_free_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry,
		     struct om_release *release)
{
	prove_entry(shm, entry);
	if (any_bool())
		return false;
	rooms.removals++;
	rooms.removed = cookie;
	rooms.removed_kind = OM_SHARE_RPC_ARG;
	if (any_bool())
		release->head = ROOMS_NAMED;
	return true;
}

uint32_t om_shm_get(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind)
{
	struct om_buffer *named = &shm->buffers[ROOMS_NAMED];
	uint64_t bytes;

	PROVE(kind != OM_SHARE_RPC_ARG, "rooms: one call has an argument (I6)");
	if (any_bool())
		return OM_NONE;
	name_buffer(shm);
	if (cookie.raw == rooms.watched) {
		bytes = (uint64_t)named->pages * OPTEE_MSG_PAGE_SIZE - named->offset;
		ASSUME(bytes == rooms.watched_bytes);
		rooms.lookups++;
	}
	return ROOMS_NAMED;
}

void om_shm_put(struct om_shm *shm, uint32_t index, struct om_release *release)
{
	(void)shm;
	if (index == ROOMS_ARG) {
		PROVE(rooms.arg_users == 1, "rooms: an argument is put once (I7)");
		rooms.arg_users = 0;
		/* Unpinned at once, for all that this call knows. */
		ghost.pins -= rooms.arg_page.raw == ghost.page;
	} else if (index == ROOMS_NEW) {
		PROVE(rooms.made == ROOMS_FORGOTTEN, "rooms: who gives up a buffer forgot it (I7)");
		rooms.made = ROOMS_NOTHING;
	} else {
		PROVE(index == ROOMS_NAMED && rooms.named_users == 1,
		      "rooms: a buffer that is named is put once (I7)");
		rooms.named_users = 0;
	}
	if (index == ROOMS_NEW || any_bool())
		release->head = index;
}

uint32_t om_shm_remove(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind)
{
	if (any_bool())
		return OM_NONE;
	name_buffer(shm);
	rooms.removals++;
	rooms.removed = cookie;
	rooms.removed_kind = kind;
	return ROOMS_NAMED;
}

bool om_shm_release_step(struct om_shm *shm, struct om_release *release)
{
	(void)shm;
	if (release->head == OM_NONE)
		return false;
	/* Two steps or a million: nothing else changes. */
	rooms.steps++;
	if (rooms.steps >= 2 || any_bool())
		release->head = OM_NONE;
	return true;
}

bool om_shm_is_known(struct om_shm *shm, om_cookie_t cookie)
{
	(void)shm;
	rooms.asked = cookie;
	rooms.known = any_bool();
	return rooms.known;
}

om_pa_t om_shm_first_page(const struct om_shm *shm, uint32_t index)
{
	(void)shm;
	if (index == ROOMS_ARG) {
		PROVE(rooms.arg_users == 1, "rooms: an argument is held while it is used (I4)");
		return rooms.arg_page;
	}
	PROVE(index == ROOMS_NEW && rooms.made == ROOMS_RESERVED,
	      "rooms: a buffer is held while it is used (I4)");
	return rooms.new_page;
}

void om_shm_publish_put(struct om_shm *shm, uint32_t index)
{
	PROVE(index == ROOMS_NEW && rooms.made == ROOMS_RESERVED && !rooms.source_pinned,
	      "rooms: a whole buffer is published once (I7)");
	if (rooms.new_kind == OM_SHARE_PAYLOAD) {
		PROVE(rooms.charged == shm->buffers[ROOMS_NEW].pages,
		      "rooms: what OP-TEE may map is charged before it knows of it (I5)");
		PROVE(shm->buffers[ROOMS_NEW].owner == om_call_id(&world_call),
		      "rooms: ... and the buffer knows to whom");
		rooms.charged = 0;
	}
	rooms.made = ROOMS_LIVE;
}

void om_shm_forget(struct om_shm *shm, uint32_t index)
{
	(void)shm;
	PROVE(index == ROOMS_NEW && rooms.made == ROOMS_RESERVED, "rooms: what is forgotten was made");
	rooms.made = ROOMS_FORGOTTEN;
}

/* mapping.h */

enum om_refusal om_map_payload(struct om_mapping *mapping, struct om_mapped *call, uint64_t pages)
{
	PROVE(call == &world_call.mapped && rooms.charged == 0 && rooms.made == ROOMS_NOTHING,
	      "rooms: a payload is charged once, before it is made (I5)");
	if (any_bool())
		return OM_REFUSED_QUOTA;
	ASSUME(pages <= mapping->call_pages);
	rooms.charged = pages;
	return OM_ACCEPTED;
}

void om_unmap_payload(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages)
{
	const struct om_buffer *named = &world_guest.shm.buffers[ROOMS_NAMED];
	bool own = call == &world_call.mapped;

	(void)mapping;
	PROVE(own || !call, "rooms: a call gives back from its own sum, or from none");
	if (rooms.removals > 0) {
		PROVE(rooms.named_users == 1 && pages == named->pages &&
		      own == (named->owner == om_call_id(&world_call)),
		      "rooms: what a payload was charged for is given back, to who was charged (I5)");
		rooms.unmapped++;
		return;
	}
	PROVE(own && pages == rooms.charged, "rooms: what is given back is what was charged (I5)");
	rooms.charged = 0;
}

/* page_list.h */

uint64_t om_region_pages(const struct om_region *region)
{
	(void)region;
	rooms.region_pages = any_u64();
	return rooms.region_pages;
}

static enum om_refusal any_refusal(void)
{
	if (any_bool())
		return OM_REFUSED_PAGE;
	if (any_bool())
		return OM_REFUSED_COOKIE;
	return any_bool() ? OM_REFUSED_QUOTA : OM_REFUSED_PARAMS;
}

enum om_refusal om_share_page(struct om_shm *shm, const struct om_share *share,
			      uint64_t ipa, uint32_t *index)
{
	PROVE(share->pages == 1 && share->lists == 0 &&
	      (share->kind == OM_SHARE_RPC_ARG || share->kind == OM_SHARE_PAYLOAD),
	      "rooms: what om_share_page/ assumes");
	PROVE(rooms.made == ROOMS_NOTHING, "rooms: one buffer at a time");
	prove_entry(shm, share->entry);
	if (any_bool())
		return any_refusal();
	ASSUME(share->cookie.raw != 0);
	PROVE(share->kind != OM_SHARE_PAYLOAD || rooms.charged == 1,
	      "rooms: a page is charged before it is shared (I5)");
	shm->buffers[ROOMS_NEW].pages = 1;
	rooms.made = ROOMS_RESERVED;
	rooms.new_page = any_guest_page();
	rooms.new_cookie = share->cookie;
	rooms.new_kind = share->kind;
	rooms.new_address = ipa;
	*index = ROOMS_NEW;
	return OM_ACCEPTED;
}

enum om_refusal om_translation_begin(struct om_shm *shm, const struct om_region *region,
				     struct om_lists *lists, struct om_translation *t)
{
	PROVE(region->kind == OM_SHARE_PAYLOAD && lists->first == OM_NONE && lists->reserved == 0,
	      "rooms: what om_translation_begin/ assumes");
	PROVE(rooms.made == ROOMS_NOTHING, "rooms: one buffer at a time");
	t->buffer = OM_NONE;
	t->source.raw = 0;
	if (any_bool())
		return any_refusal();
	ASSUME(region->cookie.raw != 0);
	/* First, because who never asked how many pages they are has 0 there. */
	PROVE(rooms.charged == rooms.region_pages, "rooms: a list is charged before it is shared (I5)");
	/* om_translation_begin/: it shares as many pages as om_region_pages() says. */
	ASSUME(rooms.region_pages >= 1 && rooms.region_pages <= shm->vm.limits.pages);
	shm->buffers[ROOMS_NEW].pages = (uint32_t)rooms.region_pages;
	rooms.made = ROOMS_RESERVED;
	rooms.new_cookie = region->cookie;
	rooms.new_kind = region->kind;
	rooms.new_address = region->buf_ptr;
	t->buffer = ROOMS_NEW;
	t->remaining = any_u32();
	t->list_start = shm->shadows[ROOMS_NEW_SHADOW].page.pa.raw | (region->buf_ptr & IN_PAGE);
	lists->first = lists->last = ROOMS_NEW_SHADOW;
	lists->reserved = any_u32();
	ASSUME(t->remaining >= 1 && lists->reserved >= 1);
	if (any_bool())
		return OM_REFUSED_PAGE;
	t->source = any_guest_page();
	rooms.source_pinned = true;
	return OM_ACCEPTED;
}

void om_translation_end(struct om_shm *shm, struct om_translation *t)
{
	(void)shm;
	if (t->source.raw == 0)
		return;
	PROVE(rooms.source_pinned, "rooms: a list page is unpinned once (I4)");
	rooms.source_pinned = false;
	t->source.raw = 0;
}

enum om_refusal om_translation_step(struct om_shm *shm, struct om_lists *lists,
				    struct om_translation *t)
{
	uint32_t remaining = any_u32();
	bool refused = any_bool();

	PROVE(t->buffer == ROOMS_NEW && rooms.made == ROOMS_RESERVED && lists->reserved >= 1 &&
	      t->remaining > 0 && t->source.raw != 0, "rooms: what om_translation_step/ assumes");
	ASSUME(remaining < t->remaining || (refused && remaining == t->remaining));
	/* Two steps or a million: nothing else changes. */
	rooms.steps++;
	ASSUME(rooms.steps < 2 || refused || remaining == 0);
	t->remaining = remaining;
	if (remaining == 0 || (refused && any_bool()))
		om_translation_end(shm, t);
	return refused ? OM_REFUSED_PAGE : OM_ACCEPTED;
}

void om_lists_give_back(struct om_shm *shm, struct om_lists *lists)
{
	(void)shm;
	PROVE(lists->reserved >= 1 && rooms.made != ROOMS_LIVE,
	      "rooms: a page list is given back once, and not before OP-TEE has read it (I4)");
	lists->first = OM_NONE;
	lists->reserved = 0;
}

/* tracing.h */

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	(void)vm, (void)vcpu, (void)call, (void)event;
}

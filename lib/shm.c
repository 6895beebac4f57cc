/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory registry. See shm.h for what a buffer is, and for its states. This module
 * knows pages, cookies and quotas, but neither messages nor calls.
 */
#include "shm.h"

#include <optee_mediator/abi_msg.h>

#include "tracing.h"

/*
 * The most cookies in one bucket. There are at least as many buckets as buffers, so an honest
 * guest stays far below. A guest that invents colliding cookies is refused, so every search is
 * short.
 */
#define CHAIN_MAX 16u

uint32_t om_shm_buffer_count(const struct om_limits *limits)
{
	/* A call has at most one temporary buffer for each parameter. */
	return limits->buffers + limits->rpc_args + limits->threads * OPTEE_MSG_CALL_PARAMS;
}

uint32_t om_shm_pins_count(const struct om_limits *limits)
{
	/* A buffer leaves less than one record unused, so there are always enough. */
	return limits->pages / OM_PIN_BATCH + 1 + om_shm_buffer_count(limits);
}

uint32_t om_shm_bucket_count(const struct om_limits *limits)
{
	uint32_t n = 1;

	while (n < limits->buffers + limits->rpc_args)
		n *= 2;
	return n;
}

uint32_t om_shm_rows(const struct om_limits *limits)
{
	/* There are never more buffers than records, nor more RPC arguments. */
	uint32_t n = om_shm_pins_count(limits);
	uint32_t buckets = om_shm_bucket_count(limits);

	if (n < buckets)
		n = buckets;
	return n < limits->list_pages ? limits->list_pages : n;
}

/* The link of element i in a pool of n elements that begins at `first`. */
static uint32_t next_in_pool(uint32_t first, uint32_t n, uint32_t i)
{
	return i + 1 < n ? first + i + 1 : OM_NONE;
}

void om_shm_init_row(struct om_shm *shm, uint32_t i)
{
	const struct om_limits *limits = &shm->vm.limits;
	uint32_t n = om_shm_buffer_count(limits);

	if (i < n) {
		om_zero(&shm->buffers[i], sizeof(shm->buffers[i]));
		shm->buffers[i].shadow = i < limits->rpc_args ? shm->rpc_shadow + i : OM_NONE;
		shm->buffers[i].next = next_in_pool(0, i < limits->rpc_args ? limits->rpc_args : n,
						    i);
	}
	n = om_shm_pins_count(limits);
	if (i < n) {
		shm->pins[i].next = next_in_pool(0, n, i);
		shm->pins[i].count = 0;
	}
	if (i <= shm->bucket_mask)
		shm->buckets[i] = OM_NONE;
	n = limits->list_pages;
	if (i < n)
		shm->shadows[shm->free_lists + i].next = next_in_pool(shm->free_lists, n, i);
}

void om_shm_init(struct om_shm *shm, uint32_t rpc_shadow, uint32_t list_shadow)
{
	shm->rpc_shadow = rpc_shadow;
	shm->free_args = 0;
	shm->free_buffers = shm->vm.limits.rpc_args;
	shm->free_pins = 0;
	shm->free_lists = list_shadow;
	shm->bucket_mask = om_shm_bucket_count(&shm->vm.limits) - 1;
	shm->lists_left = shm->vm.limits.list_pages;
	shm->buffers_used = 0;
	shm->rpc_args_used = 0;
	shm->pages_used = 0;
	shm->pages_peak = 0;
}

/* Hashes all bits of a cookie: Linux uses kernel pointers as cookies, others small numbers. */
static uint32_t *bucket_of(struct om_shm *shm, uint64_t cookie)
{
	cookie ^= cookie >> 32;
	cookie *= 0x9e3779b97f4a7c15u;
	return &shm->buckets[(cookie >> 32) & shm->bucket_mask];
}

static inline uint64_t cookie_of(const struct om_buffer *buffer)
{
	return __atomic_load_n(&buffer->cookie, __ATOMIC_RELAXED);
}

static inline uint64_t hold_of(const struct om_buffer *buffer)
{
	return __atomic_load_n(&buffer->hold, __ATOMIC_ACQUIRE);
}

/* Replaces old by new, atomically; false when something else is there. */
static inline bool exchange_hold(struct om_buffer *buffer, uint64_t old, uint64_t new)
{
	return __atomic_compare_exchange_n(&buffer->hold, &old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static inline bool is_it(const struct om_buffer *buffer, om_cookie_t cookie,
			 enum om_trace_share kind)
{
	return cookie_of(buffer) == cookie.raw && om_load_relaxed(&buffer->kind) == kind;
}

/*
 * Walks a chain. Without the lock, a buffer may move to another list meanwhile, and the walk
 * follows it there: it then misses the cookie or returns a wrong buffer, and the caller has to
 * search again with the lock held. *length: the number of buffers passed.
 */
static inline uint32_t search_bucket(struct om_shm *shm, const uint32_t *bucket,
				     uint64_t cookie, uint32_t *length)
{
	uint32_t i = om_load_acquire(bucket);
	uint32_t n = 0;

	while (i != OM_NONE && cookie_of(&shm->buffers[i]) != cookie) {
		if (++n == CHAIN_MAX) {
			i = OM_NONE;
			break;
		}
		i = om_load_acquire(&shm->buffers[i].next);
	}
	*length = n;
	return i;
}

static inline uint32_t search(struct om_shm *shm, uint64_t cookie, uint32_t *length)
{
	return search_bucket(shm, bucket_of(shm, cookie), cookie, length);
}

bool om_shm_is_known(struct om_shm *shm, om_cookie_t cookie)
{
	uint32_t length;
	uint32_t i;

	om_lock(&shm->vm);
	i = search(shm, cookie.raw, &length);
	om_unlock(&shm->vm);
	return i != OM_NONE && !(hold_of(&shm->buffers[i]) & OM_HOLD_PARKED);
}

uint32_t om_shm_parked(const struct om_shm *shm)
{
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < shm->vm.limits.rpc_args; i++)
		n += (hold_of(&shm->buffers[i]) & OM_HOLD_PARKED) != 0;
	return n;
}

/* Checks the quotas, before anything is taken. The caller holds the lock. */
static bool fits(const struct om_shm *shm, const struct om_share *share)
{
	const struct om_limits *limits = &shm->vm.limits;

	if (share->pages > limits->pages - shm->pages_used || share->lists > shm->lists_left)
		return false;
	switch (share->kind) {
	case OM_SHARE_RPC_ARG:
		return shm->rpc_args_used < limits->rpc_args;
	case OM_SHARE_TEMPORARY:
		return true;
	default:
		return shm->buffers_used < limits->buffers;
	}
}

static void charge(struct om_shm *shm, const struct om_share *share)
{
	shm->lists_left -= share->lists;
	om_store_relaxed(&shm->pages_used, shm->pages_used + share->pages);
	if (shm->pages_used > shm->pages_peak)
		om_store_relaxed(&shm->pages_peak, shm->pages_used);
	if (share->kind == OM_SHARE_RPC_ARG)
		om_store_relaxed(&shm->rpc_args_used, shm->rpc_args_used + 1);
	else if (share->kind != OM_SHARE_TEMPORARY)
		om_store_relaxed(&shm->buffers_used, shm->buffers_used + 1);
}

static uint32_t take_pins(struct om_shm *shm)
{
	uint32_t i = shm->free_pins;

	shm->free_pins = shm->pins[i].next;
	shm->pins[i].next = OM_NONE;
	return i;
}

/* The free entries for buffers of a kind. */
static uint32_t *pool_of(struct om_shm *shm, uint32_t kind)
{
	return kind == OM_SHARE_RPC_ARG ? &shm->free_args : &shm->free_buffers;
}

/* Takes an entry from the free list and fills it in. The caller holds the lock. */
static uint32_t make_buffer(struct om_shm *shm, const struct om_share *share)
{
	uint32_t *pool = pool_of(shm, share->kind);
	uint32_t index = *pool;
	struct om_buffer *buffer = &shm->buffers[index];

	*pool = om_load_relaxed(&buffer->next);
	__atomic_store_n(&buffer->cookie, share->cookie.raw, __ATOMIC_RELAXED);
	om_store_relaxed(&buffer->kind, share->kind);
	buffer->first = take_pins(shm);
	buffer->last = buffer->first;
	buffer->pages = share->pages;
	buffer->size = share->size;
	buffer->offset = share->offset;
	/* A temporary buffer is a parameter of a call that is in transit, like a named one. */
	__atomic_store_n(&buffer->hold, hold_of(buffer) + OM_HOLD_GENERATION + OM_HOLD_USER +
			 (share->kind == OM_SHARE_TEMPORARY ? OM_HOLD_IN_TRANSIT : 0),
			 __ATOMIC_RELAXED);
	return index;
}

/* Checks whether quotas allow it and the cookie can be taken. The caller holds the lock. */
static inline enum om_refusal check_share(struct om_shm *shm, const uint32_t *bucket,
					  const struct om_share *share)
{
	uint32_t length = 0;

	if (share->kind != OM_SHARE_TEMPORARY &&
	    (share->cookie.raw == 0 ||
	     search_bucket(shm, bucket, share->cookie.raw, &length) != OM_NONE))
		return OM_REFUSED_COOKIE;
	return length < CHAIN_MAX && fits(shm, share) ? OM_ACCEPTED : OM_REFUSED_QUOTA;
}

static inline uint32_t take_list(struct om_shm *shm)
{
	uint32_t i = shm->free_lists;

	shm->free_lists = shm->shadows[i].next;
	shm->shadows[i].next = OM_NONE;
	return i;
}

/* Takes a buffer out of its chain. The caller holds the lock. */
static inline void unlink_buffer(struct om_shm *shm, uint32_t index)
{
	struct om_buffer *buffer = &shm->buffers[index];
	uint32_t *link = bucket_of(shm, buffer->cookie);

	while (*link != index)
		link = &shm->buffers[*link].next;
	om_store_release(link, buffer->next);
}

/*
 * Frees a buffer's first record of pins; with the last one it refunds the buffer. The caller
 * holds the lock.
 */
static inline void refund(struct om_shm *shm, struct om_release *release)
{
	uint32_t index = release->head;
	struct om_buffer *buffer = &shm->buffers[index];
	struct om_pins *pins = &shm->pins[buffer->first];
	uint32_t rest = pins->next;
	uint32_t *pool;

	pins->next = shm->free_pins;
	shm->free_pins = buffer->first;
	buffer->first = rest;
	if (rest != OM_NONE)
		return;
	if (buffer->kind == OM_SHARE_RPC_ARG)
		om_store_relaxed(&shm->rpc_args_used, shm->rpc_args_used - 1);
	else if (buffer->kind != OM_SHARE_TEMPORARY)
		om_store_relaxed(&shm->buffers_used, shm->buffers_used - 1);
	om_store_relaxed(&shm->pages_used, shm->pages_used - buffer->pages);
	release->head = om_load_relaxed(&buffer->next);
	pool = pool_of(shm, buffer->kind);
	om_store_relaxed(&buffer->next, *pool);
	*pool = index;
}

/* Frees the arguments that are parked, one of which is in the way. The caller holds the lock. */
static OM_COLD void free_parked(struct om_shm *shm)
{
	uint32_t i;

	for (i = 0; i < shm->vm.limits.rpc_args; i++) {
		struct om_buffer *buffer = &shm->buffers[i];
		uint64_t hold = hold_of(buffer);
		struct om_release parked = { i };

		if (!(hold & OM_HOLD_PARKED) || !exchange_hold(buffer, hold, hold - OM_HOLD_PARKED))
			continue;
		unlink_buffer(shm, i);
		om_store_relaxed(&buffer->next, OM_NONE);
		refund(shm, &parked);
	}
}

/* Takes an argument out of its parking place, in a life of its own; false when it is not there. */
static inline bool unpark(struct om_buffer *buffer, const struct om_share *share)
{
	uint64_t old = hold_of(buffer);

	return (old & OM_HOLD_PARKED) && is_it(buffer, share->cookie, share->kind) &&
	       exchange_hold(buffer, old, old - OM_HOLD_PARKED + OM_HOLD_GENERATION +
			     OM_HOLD_USER);
}

enum om_refusal om_shm_reserve(struct om_shm *shm, const struct om_share *share,
			       uint32_t *index, uint32_t *list)
{
	uint32_t *bucket;
	enum om_refusal why;

	if (unpark(&shm->buffers[share->entry], share)) {
		*index = share->entry;
		return OM_ACCEPTED;
	}
	bucket = bucket_of(shm, share->cookie.raw);
	om_lock(&shm->vm);
	why = check_share(shm, bucket, share);
	if (why != OM_ACCEPTED) {
		free_parked(shm);
		why = check_share(shm, bucket, share);
	}
	if (why == OM_ACCEPTED) {
		charge(shm, share);
		*index = make_buffer(shm, share);
		if (share->kind != OM_SHARE_TEMPORARY) {
			om_store_relaxed(&shm->buffers[*index].next, *bucket);
			om_store_release(bucket, *index);
		}
		if (list)
			*list = take_list(shm);
	}
	om_unlock(&shm->vm);
	return why;
}

struct om_pins *om_shm_more_pins(struct om_shm *shm, struct om_buffer *buffer)
{
	uint32_t i;

	om_lock(&shm->vm);
	i = take_pins(shm);
	om_unlock(&shm->vm);
	shm->pins[buffer->last].next = i;
	buffer->last = i;
	return &shm->pins[i];
}

uint32_t om_shm_take_list(struct om_shm *shm)
{
	uint32_t i;

	om_lock(&shm->vm);
	i = take_list(shm);
	om_unlock(&shm->vm);
	return i;
}

void om_shm_give_lists(struct om_shm *shm, uint32_t first, uint32_t last, uint32_t n)
{

	om_lock(&shm->vm);
	if (first != OM_NONE) {
		shm->shadows[last].next = shm->free_lists;
		shm->free_lists = first;
	}
	shm->lists_left += n;
	om_unlock(&shm->vm);
}

#define BUSY_USERS	(OM_HOLD_LIVE - 1)
#define BUSY_IN_TRANSIT	(OM_HOLD_LIVE - OM_HOLD_IN_TRANSIT)

/* What becoming a user of a buffer demands and changes. */
struct om_use {
	uint32_t busy;		/* bits of hold that must not be set */
	uint32_t add;		/* to hold */
	uint32_t claim;		/* LIVE, so that nobody else can become a user; or 0 */
};

/*
 * Makes the caller a user of a live buffer if it has this cookie and kind. Safe without the
 * lock, because the exchange fails when the entry's generation has changed since the comparison.
 */
static inline bool become_user(struct om_buffer *buffer, om_cookie_t cookie,
			       enum om_trace_share kind, struct om_use use)
{
	uint64_t old = hold_of(buffer);

	while ((old & OM_HOLD_LIVE) && !(old & use.busy) && is_it(buffer, cookie, kind)) {
		if (exchange_hold(buffer, old, old + use.add - use.claim))
			return true;
		old = hold_of(buffer);
	}
	return false;
}

/*
 * The caller holds the lock, without which no buffer is forgotten, so the entry that is found
 * stays. Returns OM_BUSY when a bit of use.busy is set and nothing else prevents the use. A
 * buffer that is not live counts as not there, even if it becomes live at this moment.
 */
static inline uint32_t find_locked(struct om_shm *shm, om_cookie_t cookie,
				   enum om_trace_share kind, struct om_use use)
{
	uint32_t length;
	uint32_t i = search(shm, cookie.raw, &length);

	if (i == OM_NONE || !is_it(&shm->buffers[i], cookie, kind))
		return OM_NONE;
	if (become_user(&shm->buffers[i], cookie, kind, use))
		return i;
	return use.busy && (hold_of(&shm->buffers[i]) & OM_HOLD_LIVE) ? OM_BUSY : OM_NONE;
}

static OM_COLD uint32_t find(struct om_shm *shm, om_cookie_t cookie,
			     enum om_trace_share kind, struct om_use use)
{
	uint32_t i;

	om_lock(&shm->vm);
	i = find_locked(shm, cookie, kind, use);
	om_unlock(&shm->vm);
	return i;
}

/*
 * A search without the lock is believed only when it succeeds. It may miss because the chain
 * changed: a walk can end up in the free list, where an unused entry still has the cookie of its
 * last buffer.
 */
static inline uint32_t get(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind,
			   struct om_use use)
{
	uint32_t length;
	uint32_t i = search(shm, cookie.raw, &length);

	if (i != OM_NONE && become_user(&shm->buffers[i], cookie, kind, use))
		return i;
	return find(shm, cookie, kind, use);
}

uint32_t om_shm_get(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind)
{
	return get(shm, cookie, kind, (struct om_use){ .add = OM_HOLD_USER });
}

uint32_t om_shm_get_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry)
{
	const struct om_use alone = { .busy = BUSY_USERS, .add = OM_HOLD_USER };
	uint32_t i;

	/* It is most often where the call had it before. */
	if (become_user(&shm->buffers[entry], cookie, OM_SHARE_RPC_ARG, alone))
		return entry;
	i = get(shm, cookie, OM_SHARE_RPC_ARG, alone);
	return i == OM_BUSY ? OM_NONE : i;
}

uint32_t om_shm_get_in_transit(struct om_shm *shm, om_cookie_t cookie)
{
	const struct om_use use = { .add = OM_HOLD_USER + OM_HOLD_IN_TRANSIT };

	return get(shm, cookie, OM_SHARE_REGISTERED, use);
}

void om_shm_arrived(struct om_shm *shm, uint32_t index)
{
	__atomic_fetch_sub(&shm->buffers[index].hold, OM_HOLD_IN_TRANSIT, __ATOMIC_RELEASE);
}

static const struct om_use claim = { .add = OM_HOLD_USER, .claim = OM_HOLD_LIVE };

uint32_t om_shm_claim(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind)
{
	return find(shm, cookie, kind, claim);
}

uint32_t om_shm_claim_arrived(struct om_shm *shm, om_cookie_t cookie)
{
	const struct om_use use = { .busy = BUSY_IN_TRANSIT, .add = OM_HOLD_USER,
				    .claim = OM_HOLD_LIVE };

	return find(shm, cookie, OM_SHARE_REGISTERED, use);
}

static OM_COLD void trace_share(struct om_shm *shm, uint32_t index, enum om_trace_id id)
{
	const struct om_buffer *buffer = &shm->buffers[index];

	om_trace(&shm->vm, 0, 0, &(struct om_trace_event){
		 .id = id, .arg = { buffer->cookie, buffer->kind, buffer->pages } });
}

void om_shm_publish(struct om_shm *shm, uint32_t index)
{
	if (om_traced(&shm->vm))
		trace_share(shm, index, OM_TRACE_SHARE);
	__atomic_fetch_or(&shm->buffers[index].hold, OM_HOLD_LIVE, __ATOMIC_RELEASE);
}

void om_shm_publish_put(struct om_shm *shm, uint32_t index)
{
	if (om_traced(&shm->vm))
		trace_share(shm, index, OM_TRACE_SHARE);
	__atomic_fetch_add(&shm->buffers[index].hold, OM_HOLD_LIVE - OM_HOLD_USER,
			   __ATOMIC_RELEASE);
}

void om_shm_forget(struct om_shm *shm, uint32_t index)
{
	if (om_traced(&shm->vm))
		trace_share(shm, index, OM_TRACE_UNSHARE);
	om_lock(&shm->vm);
	unlink_buffer(shm, index);
	om_unlock(&shm->vm);
}

uint32_t om_shm_remove(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind)
{
	uint32_t i;

	om_lock(&shm->vm);
	i = find_locked(shm, cookie, kind, claim);
	if (i != OM_NONE)
		unlink_buffer(shm, i);
	om_unlock(&shm->vm);
	/* The caller is a user, so the entry has not been used again. */
	if (i != OM_NONE && om_traced(&shm->vm))
		trace_share(shm, i, OM_TRACE_UNSHARE);
	return i;
}

/*
 * Parks an argument that the caller has claimed and nobody else uses: its page is unpinned
 * before another call can have the entry.
 */
static inline void park(struct om_shm *shm, struct om_buffer *buffer)
{
	struct om_pins *pins = &shm->pins[buffer->first];

	shm->vm.ops->unpin(shm->vm.ctx, pins->pa, 1);
	pins->count = 0;
	__atomic_fetch_add(&buffer->hold, OM_HOLD_PARKED - OM_HOLD_USER, __ATOMIC_RELEASE);
}

bool om_shm_free_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry,
		     struct om_release *release)
{
	uint32_t i = entry;

	if (!become_user(&shm->buffers[entry], cookie, OM_SHARE_RPC_ARG, claim))
		i = om_shm_claim(shm, cookie, OM_SHARE_RPC_ARG);
	if (i == OM_NONE)
		return false;
	if ((uint32_t)hold_of(&shm->buffers[i]) != OM_HOLD_USER) {
		om_shm_forget(shm, i);
		om_shm_put(shm, i, release);
		return true;
	}
	if (om_traced(&shm->vm))
		trace_share(shm, i, OM_TRACE_UNSHARE);
	park(shm, &shm->buffers[i]);
	return true;
}

void om_shm_put(struct om_shm *shm, uint32_t index, struct om_release *release)
{
	om_shm_put_users(shm, index, OM_HOLD_USER, release);
}

bool om_shm_release_step(struct om_shm *shm, struct om_release *release)
{
	struct om_pins *pins;

	if (release->head == OM_NONE)
		return false;
	pins = &shm->pins[shm->buffers[release->head].first];
	if (pins->count)
		shm->vm.ops->unpin(shm->vm.ctx, pins->pa, pins->count);
	pins->count = 0;
	om_lock(&shm->vm);
	refund(shm, release);
	om_unlock(&shm->vm);
	return true;
}

om_pa_t om_shm_first_page(const struct om_shm *shm, uint32_t index)
{
	return shm->pins[shm->buffers[index].first].pa[0];
}

om_pa_t om_shm_page(const struct om_shm *shm, const struct om_buffer *buffer, uint32_t n)
{
	const struct om_pins *pins = &shm->pins[buffer->first];
	uint32_t left = om_index(n, buffer->pages);

	for (; left >= OM_PIN_BATCH; left -= OM_PIN_BATCH)
		pins = &shm->pins[pins->next];
	return pins->pa[left];
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory registry: every guest page that outlives a single copy.
 *
 * A *buffer* is a run of pinned guest pages with a purpose: registered by the
 * guest, allocated by the guest for OP-TEE (payload), an RPC argument, or lent for
 * one call. All but the last are found by the guest's cookie, in O(1). Its pins
 * are recorded here, in private memory, never in what the secure world can write.
 *
 * Life of a buffer, kept in `hold`:
 *
 *   reserved   not LIVE, 1 user: the call that makes it. Its cookie is taken.
 *   live       LIVE and n users: calls may get it by cookie.
 *   claimed    not LIVE, n + 1 users: one call is about to forget it; nobody
 *              else can get it, or claim it a second time. Not while a call
 *              that names it is on its way into OP-TEE.
 *   forgotten  its cookie is free; the last user to put it back releases it.
 *   released   on a call's list, pins given back batch by batch; then free.
 *
 * Locking: the guest's lock guards the tables. Getting a buffer takes no lock:
 * buffers are never moved or freed, so a stale index is harmless, and one exchange
 * makes a user only in the life in which the buffer was compared.
 */
#ifndef OM_LIB_SHM_H
#define OM_LIB_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/trace.h>

#include "mem.h"
#include "refusal.h"
#include "vm.h"

/* Pins of one batch: what pin() filled and unpin() will be given. */
struct om_pins {
	uint32_t next;
	uint32_t count;
	om_pa_t pa[OM_PIN_BATCH];
};
_Static_assert(sizeof(struct om_pins) == 256, "whole cache lines");

/*
 * hold: in the lower half LIVE, the number of users, and of how many of them OP-TEE may
 * not know yet: calls that name the buffer and are on their way in. In the upper half
 * the number of the buffer's life, so that a vCPU which has found it in one life cannot
 * become its user in the next.
 */
#define OM_HOLD_LIFE		0x100000000u
#define OM_HOLD_LIVE		0x80000000u
#define OM_HOLD_ENTERING	0x00010000u
#define OM_HOLD_USER		0x00000001u

struct om_buffer {
	uint64_t cookie;	/* read without the lock, hence atomic */
	uint32_t next;		/* in a chain, the free list or a release list; atomic */
	uint32_t kind;		/* enum om_trace_share; atomic like the cookie */
	uint64_t hold;		/* atomic */
	/* Constant while anybody holds the buffer. */
	uint32_t first;		/* its pins, in the order of its pages */
	uint32_t last;
	uint32_t pages;		/* charged */
	uint64_t size;		/* bytes, as the guest said */
	uint32_t offset;	/* of the first byte in the first page */
	uint32_t shadow;	/* RPC argument: the page that OP-TEE sees instead */
	uint32_t owner;		/* payload: id of the call that was charged: mapping.h */
} __attribute__((__aligned__(64)));	/* vCPUs with a buffer each write `hold` at once */

/* A page of the host's, shown to the secure world. */
struct om_shadow {
	struct om_page page;
	uint32_t next;		/* in a pool, or in a call's chain of list pages */
	uint32_t pad;
};

struct om_shm {
	struct om_vm vm;	/* a copy, so that it is a load nearer */
	struct om_buffer *buffers;
	struct om_pins *pins;
	struct om_shadow *shadows;
	uint32_t *buckets;
	uint32_t bucket_mask;
	/*
	 * Guarded by the guest's lock from here on; the last four are written
	 * atomically too, because counters are read without it.
	 */
	uint32_t free_buffers;
	uint32_t free_pins;
	uint32_t free_rpc_shadows;
	uint32_t free_lists;
	uint32_t lists_left;
	uint32_t buffers_used;	/* registered and payload */
	uint32_t rpc_args_used;
	uint32_t pages_used;
	uint32_t pages_peak;
};

/* Buffers to give back, linked by their `next`; belongs to one call. */
struct om_release {
	uint32_t head;
};

/* What to reserve. */
struct om_share {
	enum om_trace_share kind;
	om_cookie_t cookie;	/* unused when TEMPORARY */
	uint64_t size;
	uint32_t offset;
	uint32_t pages;		/* at least 1 */
	uint32_t lists;		/* list pages the caller will take, may be 0 */
};

/* How many of each the limits ask for. */
uint32_t om_shm_buffer_count(const struct om_limits *limits);
uint32_t om_shm_pins_count(const struct om_limits *limits);
uint32_t om_shm_bucket_count(const struct om_limits *limits);

/*
 * Makes the registry empty: nothing is charged, and each pool begins with its first
 * element. rpc_shadow, list_shadow: index of the first shadow page of each pool. Then
 * every row, which is the i-th element of each table that has one, in any order. The
 * arrays must be in place. Nobody else may be around.
 */
void om_shm_init(struct om_shm *shm, uint32_t rpc_shadow, uint32_t list_shadow);
uint32_t om_shm_rows(const struct om_limits *limits);
void om_shm_init_row(struct om_shm *shm, uint32_t i);

/*
 * Charges a new buffer to the quotas and takes its cookie; the caller is its
 * user. *index is set only when accepted, else nothing changed.
 */
enum om_refusal om_shm_reserve(struct om_shm *shm, const struct om_share *share,
			       uint32_t *index);

/*
 * The same for a buffer that OP-TEE will be given a page list of: also takes the
 * first of share->lists list pages.
 */
enum om_refusal om_shm_reserve_listed(struct om_shm *shm, const struct om_share *share,
				      uint32_t *index, uint32_t *list);

/* A new record at the end of a reserved buffer's pins; the last one must be full. */
struct om_pins *om_shm_more_pins(struct om_shm *shm, struct om_buffer *buffer);

/* The record that the next pins of a reserved buffer go to: its count is < batch. */
static inline struct om_pins *om_shm_room(struct om_shm *shm, struct om_buffer *buffer)
{
	struct om_pins *pins = &shm->pins[buffer->last];

	return pins->count < OM_PIN_BATCH ? pins : om_shm_more_pins(shm, buffer);
}

/* Takes one of the list pages that were reserved, or gives a chain of n back. */
uint32_t om_shm_take_list(struct om_shm *shm);
void om_shm_give_lists(struct om_shm *shm, uint32_t first, uint32_t last, uint32_t n);

/*
 * Finds a live buffer of this kind and becomes one of its users. Returns its
 * index or OM_NONE. alone: only if nobody else uses it.
 */
uint32_t om_shm_get(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind,
		    bool alone);

/*
 * The same for a registered buffer that a message names, and "entering" until
 * om_shm_entered(): so long it cannot be unregistered.
 */
uint32_t om_shm_get_entering(struct om_shm *shm, om_cookie_t cookie);
void om_shm_entered(struct om_shm *shm, uint32_t index);

/* Finds a live buffer, becomes a user, and makes it unfindable for everybody else. */
uint32_t om_shm_claim(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind);

/* The same for a registered buffer; OM_BUSY while a user of it is entering. */
#define OM_BUSY 0xfffffffeu
uint32_t om_shm_claim_settled(struct om_shm *shm, om_cookie_t cookie);

/*
 * Claims a live buffer and forgets its cookie at once. The caller is one of its users,
 * and the last one to put it back releases it. OM_NONE when there is none.
 */
uint32_t om_shm_remove(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind);

/* A reserved or claimed buffer: (again) findable. */
void om_shm_publish(struct om_shm *shm, uint32_t index);

/* The same, and one user less. */
void om_shm_publish_put(struct om_shm *shm, uint32_t index);

/* A reserved or claimed buffer: its cookie is free from now on. */
void om_shm_forget(struct om_shm *shm, uint32_t index);

/* One user less, which is on its way in no more. */
void om_shm_put(struct om_shm *shm, uint32_t index, struct om_release *release);

/*
 * One or more users of the same call less, OM_HOLD_USER each, OM_HOLD_ENTERING beside it if
 * they were on their way in. What is not LIVE and has no user left is released.
 */
static inline void om_shm_put_users(struct om_shm *shm, uint32_t index, uint32_t users,
				    struct om_release *release)
{
	struct om_buffer *buffer = &shm->buffers[index];

	if ((uint32_t)__atomic_fetch_sub(&buffer->hold, users, __ATOMIC_ACQ_REL) != users)
		return;
	om_store_relaxed(&buffer->next, release->head);
	release->head = index;
}

/* Unpins one batch of what is on the list; false when the list is empty. */
bool om_shm_release_step(struct om_shm *shm, struct om_release *release);

/* True when the cookie names anything, live or not. */
bool om_shm_is_known(struct om_shm *shm, om_cookie_t cookie);

/* The page of a held buffer that holds its n-th page's data. n < pages. */
om_pa_t om_shm_page(const struct om_shm *shm, const struct om_buffer *buffer, uint32_t n);

#endif

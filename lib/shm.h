/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory registry: every guest page that stays pinned beyond a single copy.
 *
 * A *buffer* is a run of pinned guest pages. Its kind says why it is shared: the guest
 * registered it, the guest allocated it for OP-TEE (payload), it is an RPC argument, or it
 * is lent for one call (temporary). All but the last are found by the guest's cookie, in
 * O(1). Pins are recorded here, in private memory that the secure world cannot write.
 *
 * States of a buffer, kept in `hold`:
 *
 *   reserved   not LIVE, 1 user: the call that makes it. Its cookie is taken.
 *   live       LIVE and n users: calls can get it by its cookie.
 *   claimed    not LIVE, n + 1 users: one call will forget it or publish it again.
 *              Nobody else can get or claim it. A buffer cannot be claimed for
 *              UNREGISTER_SHM while a call that names it is in transit.
 *   forgotten  its cookie is free; the last user to put it back releases it.
 *   released   on a call's list; its pins are given back record by record, then the
 *              entry is free.
 *   parked     an RPC argument that was freed: nothing is pinned and no call can get it, but
 *              it keeps its cookie, its charge and its entry for the next ALLOC under that
 *              cookie. Whoever is refused because of it frees it first, so to everybody else
 *              it is not there.
 *
 * Locking: the guest's lock guards the tables. Getting a buffer takes no lock: entries
 * never move, so a stale index is harmless, and the one exchange that makes a user fails
 * when the entry's generation is not the one in which the cookie was compared. Nor does
 * parking an argument and taking it again, so calls on several vCPUs that ask their guest
 * write nothing in common.
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

/* A record of pins: what one or more pin() filled, and one unpin() is given. */
struct om_pins {
	uint32_t next;
	uint32_t count;
	om_pa_t pa[OM_PIN_BATCH];
};
_Static_assert(sizeof(struct om_pins) == 256, "whole cache lines");

/*
 * hold: the lower half has LIVE or PARKED, the number of users, and the number of those that are in
 * transit: calls that name the buffer and that OP-TEE may not know yet. The upper half is the
 * generation of the entry, so that a vCPU that has found a buffer cannot become a user of the
 * next one in that entry.
 */
#define OM_HOLD_GENERATION		0x100000000u
#define OM_HOLD_LIVE		0x80000000u
#define OM_HOLD_PARKED		0x40000000u
#define OM_HOLD_IN_TRANSIT	0x00010000u
#define OM_HOLD_USER		0x00000001u

struct om_buffer {
	uint64_t cookie;	/* read without the lock, hence atomic */
	uint32_t next;		/* in a chain, the free list or a release list; atomic */
	uint32_t kind;		/* enum om_trace_share; atomic like the cookie */
	uint64_t hold;		/* atomic */
	/* Constant while the buffer has a user. */
	uint32_t first;		/* its records, in the order of its pages */
	uint32_t last;
	uint32_t pages;		/* charged */
	uint64_t size;		/* bytes, as the guest gave them */
	uint32_t offset;	/* of the first byte in the first page */
	uint32_t shadow;	/* RPC argument: the page that OP-TEE sees instead; constant */
	uint32_t owner;		/* payload: id of the call that was charged: mapping.h */
	/* vCPUs with a buffer each write `hold` at once. */
	uint8_t apart[OM_APART];
} __attribute__((__aligned__(64)));

/* A page of the host that the secure world is shown. */
struct om_shadow {
	struct om_page page;
	uint32_t next;		/* in a pool, or in a call's chain of list pages */
	uint32_t pad;
};

struct om_shm {
	struct om_vm vm;	/* a copy, which saves a load */
	struct om_buffer *buffers;
	struct om_pins *pins;
	struct om_shadow *shadows;
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t rpc_shadow;	/* the shadow page of the first RPC argument */
	/*
	 * The fields from here on are guarded by the guest's lock. The last four are also
	 * written atomically, because counters are read without the lock.
	 */
	uint32_t free_args;	/* entries from 0 on; the other kinds have those behind */
	uint32_t free_buffers;
	uint32_t free_pins;
	uint32_t free_lists;
	uint32_t lists_left;
	uint32_t buffers_used;	/* registered and payload */
	uint32_t rpc_args_used;	/* parked ones included, as in the pages */
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
	uint32_t pages;		/* at least 1; an RPC_ARG has one */
	uint32_t lists;		/* list pages the caller will take, may be 0 */
	uint32_t entry;		/* RPC_ARG: the entry in which it may be parked */
};

/* How many of each these limits need. */
uint32_t om_shm_buffer_count(const struct om_limits *limits);
uint32_t om_shm_pins_count(const struct om_limits *limits);
uint32_t om_shm_bucket_count(const struct om_limits *limits);

/*
 * Empty the registry. om_shm_init() resets the charges and the heads of the pools; rpc_shadow,
 * list_shadow: index of the first shadow page of each pool. Then om_shm_init_row() resets each
 * row, in any order; row i is the i-th element of each table that has one. The arrays must be in
 * place, and no other CPU may use them.
 */
void om_shm_init(struct om_shm *shm, uint32_t rpc_shadow, uint32_t list_shadow);
uint32_t om_shm_rows(const struct om_limits *limits);
void om_shm_init_row(struct om_shm *shm, uint32_t i);

/*
 * Charges a new buffer to the quotas and takes its cookie; the caller is its user. list: set to
 * the first of share->lists list pages, which the caller takes with it; or NULL. Sets *index when
 * accepted; otherwise nothing has changed. Takes no lock when the buffer is parked in
 * share->entry.
 */
enum om_refusal om_shm_reserve(struct om_shm *shm, const struct om_share *share,
			       uint32_t *index, uint32_t *list);

/* Adds a record to a reserved buffer, whose last record must be full. */
struct om_pins *om_shm_more_pins(struct om_shm *shm, struct om_buffer *buffer);

/* The record that takes the next pins of a reserved buffer; it is not full. */
static inline struct om_pins *om_shm_next_pins(struct om_shm *shm, struct om_buffer *buffer)
{
	struct om_pins *pins = &shm->pins[buffer->last];

	return pins->count < OM_PIN_BATCH ? pins : om_shm_more_pins(shm, buffer);
}

/* Takes one of the reserved list pages; gives a chain of n back. */
uint32_t om_shm_take_list(struct om_shm *shm);
void om_shm_give_lists(struct om_shm *shm, uint32_t first, uint32_t last, uint32_t n);

/* Finds a live buffer of this kind and makes the caller a user. Returns its index or OM_NONE. */
uint32_t om_shm_get(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind);

/*
 * As om_shm_get(), for an RPC argument that nobody else uses. entry: where it was last, below
 * om_limits.rpc_args; it is looked for elsewhere, too.
 */
uint32_t om_shm_get_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry);

/*
 * Frees an RPC argument: no call can get it any more, and its page is unpinned and its cookie
 * free, now or, if another call uses it, when that call puts it back. entry as above. False when
 * there is no such argument.
 */
bool om_shm_free_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry,
		     struct om_release *release);

/* How many RPC arguments are parked. */
uint32_t om_shm_parked(const struct om_shm *shm);

/*
 * As om_shm_get(), for a registered buffer that a message names. The user is in transit until
 * om_shm_arrived(), and the buffer cannot be unregistered meanwhile.
 */
uint32_t om_shm_get_in_transit(struct om_shm *shm, om_cookie_t cookie);
void om_shm_arrived(struct om_shm *shm, uint32_t index);

/* Finds a live buffer and makes the caller a user; from then on nobody else can get it. */
uint32_t om_shm_claim(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind);

/* As om_shm_claim(), for a registered buffer; OM_BUSY while a user of it is in transit. */
#define OM_BUSY 0xfffffffeu
uint32_t om_shm_claim_arrived(struct om_shm *shm, om_cookie_t cookie);

/*
 * Claims a live buffer and forgets its cookie in one step. The caller is a user; the last user
 * to put the buffer back releases it. OM_NONE when there is no such buffer.
 */
uint32_t om_shm_remove(struct om_shm *shm, om_cookie_t cookie, enum om_trace_share kind);

/* Makes a reserved or claimed buffer live: calls can get it. */
void om_shm_publish(struct om_shm *shm, uint32_t index);

/* Publishes a buffer, and puts it back for the caller. */
void om_shm_publish_put(struct om_shm *shm, uint32_t index);

/* Frees the cookie of a reserved or claimed buffer. */
void om_shm_forget(struct om_shm *shm, uint32_t index);

/*
 * Puts a buffer back for one or more users of the same call. users: OM_HOLD_USER for each, plus
 * OM_HOLD_IN_TRANSIT if they are in transit. A buffer that is not LIVE and has no user left goes
 * on the release list.
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

/* Puts a buffer back for a user that is not in transit any more. */
void om_shm_put(struct om_shm *shm, uint32_t index, struct om_release *release);

/* Unpins one record of the buffers on the list; false when the list is empty. */
bool om_shm_release_step(struct om_shm *shm, struct om_release *release);

/* True when the cookie is taken by a buffer, live or not, that is not parked. */
bool om_shm_is_known(struct om_shm *shm, om_cookie_t cookie);

/* The PA of the first page of a buffer that the caller uses. */
om_pa_t om_shm_first_page(const struct om_shm *shm, uint32_t index);

/* That of the n-th page. n < pages. */
om_pa_t om_shm_page(const struct om_shm *shm, const struct om_buffer *buffer, uint32_t n);

#endif

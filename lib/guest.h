/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest: its registry, its calls, its counters. */
#ifndef OM_LIB_GUEST_H
#define OM_LIB_GUEST_H

#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

#include "shm.h"

struct om_call;
struct om_session;

/* What om_guest_reset() and om_guest_destroy() have done so far. */
enum om_guest_stage {
	OM_STAGE_ALIVE = 0,
	OM_STAGE_LEAVING,	/* VM_DESTROYED was called, and OP-TEE has not said OK */
	OM_STAGE_EMPTY_REGISTRY,	/* OP-TEE has let go */
	OM_STAGE_EMPTY_CALLS,
	OM_STAGE_EMPTY,		/* nothing of the guest's is held */
	OM_STAGE_FREE_PAGES,
};

struct om_guest {
	struct om_mediator *mediator;
	const struct om_host_ops *ops;
	void *ctx;
	uint32_t id;
	bool traced;			/* somebody listens */
	uint32_t notify_enabled;	/* atomic */
	struct om_limits limits;
	uint32_t stage;			/* enum om_guest_stage */
	uint32_t cursor;		/* where the stage goes on */
	struct om_call *calls;
	struct om_shm shm;
	uint32_t mapped_own;		/* pages each call may map of its own: mapping.h */
	uint32_t mapped_left;		/* ... and all of them together beyond; atomic */
	struct om_session *sessions;
	uint32_t sessions_used;		/* charged; under the lock, and atomic */
	/* Calls count for themselves; this is for what belongs to no call. Atomic. */
	uint64_t counters[OM_COUNTERS];
};

/*
 * Counts something that no call owner counts. Calls have counters of their own,
 * written by their owner alone, so that vCPUs do not fight over a cache line.
 */
static inline void om_count_guest(struct om_guest *guest, enum om_counter which)
{
	__atomic_fetch_add(&guest->counters[which], 1, __ATOMIC_RELAXED);
}

/* Asynchronous notification takes an interrupt to inject and an OP-TEE that sends. */
static inline bool om_async_offered(const struct om_guest *guest)
{
	return guest->ops->notify &&
	       (guest->mediator->sec_caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF);
}

/* RPC arguments behind the message; om_mediator_init() hides an unknown layout. */
static inline bool om_rpc_arg_offered(const struct om_guest *guest)
{
	return guest->mediator->sec_caps & OPTEE_SMC_SEC_CAP_RPC_ARG;
}

/* True when the guest has a buffer, a session or a call, its own or an earlier kernel's. */
bool om_guest_holds(const struct om_guest *guest);

/*
 * Asks OP-TEE again where its reserved memory is. The virtualized build answers
 * "size 0" until it has run a yielding call (measured with OP-TEE 4.5).
 */
void om_learn_reserved(struct om_mediator *m);

/* The record that the next pins of a reserved buffer go to: its count is < batch. */
static inline struct om_pins *om_shm_room(struct om_guest *guest, struct om_buffer *buffer)
{
	struct om_pins *pins = &guest->shm.pins[buffer->last];

	return pins->count < OM_PIN_BATCH ? pins : om_shm_more_pins(guest, buffer);
}

/* Some users less; what is not LIVE and has no user left is released. */
static inline void om_shm_put_users(struct om_guest *guest, uint32_t index, uint32_t users,
				    struct om_release *release)
{
	struct om_buffer *buffer = &guest->shm.buffers[index];

	if ((uint32_t)__atomic_fetch_sub(&buffer->hold, users, __ATOMIC_ACQ_REL) != users)
		return;
	om_store_relaxed(&buffer->next, release->head);
	release->head = index;
}

struct om_reserved {
	uint64_t base;
	uint64_t size;
};

static inline struct om_reserved om_reserved(const struct om_mediator *m)
{
	struct om_reserved r;

	/* Who sees the size sees the base. */
	r.size = __atomic_load_n(&m->reserved_size, __ATOMIC_ACQUIRE);
	r.base = __atomic_load_n(&m->reserved_base, __ATOMIC_RELAXED);
	return r;
}

/* A page that the secure world may be given: not 0, not OP-TEE's own (I2). */
static inline bool om_is_usable(const struct om_reserved *reserved, om_pa_t pa)
{
	return pa.raw != 0 && pa.raw - reserved->base >= reserved->size;
}

static inline bool om_pa_is_usable(const struct om_mediator *m, om_pa_t pa)
{
	const struct om_reserved reserved = om_reserved(m);

	return om_is_usable(&reserved, pa);
}

#endif

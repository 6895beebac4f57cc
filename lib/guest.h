/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest: its registry, sessions, calls and counters. */
#ifndef OM_LIB_GUEST_H
#define OM_LIB_GUEST_H

#include "mapping.h"
#include "sessions.h"
#include "shm.h"
#include "vm.h"

struct om_call;

/* Progress of om_guest_reset() and om_guest_destroy(). */
enum om_guest_stage {
	OM_STAGE_ALIVE = 0,
	OM_STAGE_LEAVING,	/* VM_DESTROYED was called, and OP-TEE has not answered OK */
	OM_STAGE_EMPTY_REGISTRY,	/* OP-TEE has answered OK */
	OM_STAGE_EMPTY_CALLS,
	OM_STAGE_EMPTY,		/* the guest holds nothing */
	OM_STAGE_FREE_PAGES,
};

struct om_guest {
	struct om_vm vm;
	uint32_t notify_enabled;	/* atomic */
	uint32_t stage;			/* enum om_guest_stage */
	uint32_t cursor;		/* where the stage continues */
	struct om_call *calls;
	struct om_shm shm;
	struct om_mapping mapping;
	struct om_sessions sessions;
	/* Counts of what belongs to no call; calls have counters of their own. Atomic. */
	uint64_t counters[OM_COUNTERS];
};

/*
 * Counts what belongs to no call. Calls have counters of their own, which only their owner
 * writes, so that vCPUs do not compete for a cache line.
 */
static inline void om_count_guest(struct om_guest *guest, enum om_counter which)
{
	__atomic_fetch_add(&guest->counters[which], 1, __ATOMIC_RELAXED);
}

#endif

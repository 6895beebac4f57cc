/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest: its registry, its calls, its counters. */
#ifndef OM_LIB_GUEST_H
#define OM_LIB_GUEST_H

#include "mapping.h"
#include "sessions.h"
#include "shm.h"
#include "vm.h"

struct om_call;

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
	struct om_vm vm;
	uint32_t notify_enabled;	/* atomic */
	uint32_t stage;			/* enum om_guest_stage */
	uint32_t cursor;		/* where the stage goes on */
	struct om_call *calls;
	struct om_shm shm;
	struct om_mapping mapping;
	struct om_sessions sessions;
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

#endif

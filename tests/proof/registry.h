/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A registry in any valid state of a small world: buffer 0 is in use or not, of any kind
 * and size; buffer 1, record 1 and the shadow pages are free. What it was can be compared
 * with what it is.
 */
#ifndef TESTS_PROOF_REGISTRY_H
#define TESTS_PROOF_REGISTRY_H

#include "world.h"

#define REGISTRY_USED	0u	/* the buffer, and its record */
#define REGISTRY_FREE	1u

/* True when buffer 0 is in use. WORLD_BUFFERS and WORLD_PINS have to be 2. */
bool registry_init(void);

/* All that a refusal must leave alone, and a full life must bring back. */
struct registry {
	struct om_shm shm;
	uint32_t bucket[WORLD_BUCKETS];
	struct om_buffer used;
};

struct registry registry_now(void);
bool registry_is(const struct registry *before);

/* Buffer 0, a live RPC argument, becomes one that is parked: om_shm_free_arg/ proves it. */
void registry_park(void);
/* All that is left of it after free_parked(): free_parked/ proves it. */
struct registry registry_unparked(const struct registry *parked);

/* In place of free_parked(), where buffer 0 may be parked. */
void parked_is_freed(struct om_shm *shm);
/* In place of free_parked(), of which free_parked/ is: registry_init() parks none. */
void no_argument_is_parked(struct om_shm *shm);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What races are made of: two vCPUs of a guest on the model, begun anew for each order.
 * A race is a row of a file's table; explore.c runs all of them.
 */
#ifndef TESTS_EXPLORE_WORLD_H
#define TESTS_EXPLORE_WORLD_H

#include "scenarios/fixture.h"

#include "schedule.h"

#define CALLS	2u	/* of each vCPU */
#define SESSIONS 2u	/* of the guest: the one of begin(), and room for one */

struct world {
	struct fx *f;
	struct fx_guest *g;
	uint32_t session;
	struct cg_buf buf[2];
	struct cg_call call[SCHEDULE_VCPUS][CALLS];
	uint64_t result[SCHEDULE_VCPUS][CALLS];
	uint64_t id;
	uint64_t refused;
	uint32_t unknown;	/* answers that there is no such session */
	uint32_t ended;		/* calls that did not have to wait */
	bool sleeps[SCHEDULE_VCPUS], is_done[SCHEDULE_VCPUS];
	struct schedule_lock lock;
};

extern struct world world;

struct race_case {
	struct race race;
	uint32_t threads;
	uint32_t guests;
};

/* The last one has no name. */
extern const struct race_case races_of_calls[], races_of_sessions[], races_of_shm[];

/* A machine as good as new: a guest that was reset, with a session. */
void begin(void);
/* Nothing is left of the race. */
void end(void);

/* Made on the running vCPU; *result is OP-TEE's, or that of the SMC. */
void do_call(struct cg_call *c, uint64_t *result);

/* Ends the race with what every call had for a result, unless it is good. */
void must(bool good, const char *what);

static inline bool is_one_of(uint64_t result, uint64_t a, uint64_t b)
{
	return result == a || result == b;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the concurrency worker share. guest.h has what is for others.
 */
#ifndef CONFORMANCE_STRESS_H
#define CONFORMANCE_STRESS_H

#include "client.h"

/* More than there can be calls in flight: there is always a place. */
#define JOBS		18u
#define SHARED		4u	/* buffers that every vCPU registers and lets go */

enum job_state { JOB_EMPTY, JOB_MOVING, JOB_READY };

/* A call that waits for an RPC and for somebody to take it. */
struct job {
	uint32_t state;
	uint32_t want;		/* the ret it must end with */
	struct cg_call call;
};

/* One call, two vCPUs. The one that offers it also clears it away. */
struct race {
	uint32_t state;		/* 0 free, 1 offered, 2 joined, 3 being set up */
	uint32_t theirs;	/* a0 that the other one ended with, plus 1 */
	uint64_t x[8];
};

struct cg_stress {
	struct job jobs[JOBS];
	struct race race;
	struct cg_buf shared[SHARED];
	uint32_t page;		/* of the message that is everybody's */
	uint32_t invoke;	/* sessions that everybody uses */
	uint32_t stats;
};

/* One vCPU's own. */
struct worker {
	struct cg_guest *g;
	struct cg_stress *s;
	unsigned int vcpu;
	uint64_t seed;
	uint32_t anomalies;
};

void cg_stress_anomaly(struct worker *w, const char *file, uint32_t line);

#define EXPECT(w, cond) \
	do { \
		if (!(cond)) \
			cg_stress_anomaly(w, __FILE__, __LINE__); \
	} while (0)

/* A random number below n. */
uint32_t cg_stress_pick(struct worker *w, uint32_t n);
/* True, and an anomaly, when this has been tried too often. */
bool cg_stress_is_stuck(struct worker *w, uint32_t *tries);

/* Calls that help others to go on while they cannot. */
void cg_stress_help(struct worker *w);
void cg_stress_start(struct worker *w, struct cg_call *c);
void cg_stress_finish(struct worker *w, struct cg_call *c);
/* Both, and the result as cg_result() has it. */
uint64_t cg_stress_run(struct worker *w, struct cg_call *c);

/* One random step of good, of bad use (stress_ops.c). */
void cg_stress_good(struct worker *w);
void cg_stress_bad(struct worker *w);

#endif

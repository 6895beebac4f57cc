/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every order in which a few vCPUs can take their steps, one after the other.
 *
 * A vCPU is a coroutine. Between two steps it calls schedule_point(), and there any
 * other may go on instead. explore() runs a race again and again, each time with
 * another order, until it has seen all of those with at most so many preemptions: at
 * other times (at its end, when it waits for a lock, when it gives way on its own) a
 * vCPU is left for free. Knows nothing of what the steps are.
 */
#ifndef TESTS_EXPLORE_SCHEDULE_H
#define TESTS_EXPLORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_VCPUS	3u

struct race {
	const char *name;
	uint32_t vcpus;
	/* Called for each order: before, on each vCPU, and after. */
	void (*begin)(void);
	void (*vcpu[SCHEDULE_VCPUS])(void);
	void (*end)(void);
};

struct explored {
	uint64_t orders;
	uint64_t steps;		/* in the longest of them */
	bool complete;		/* false: stopped after so many orders */
};

/* most: stop after so many orders, 0: never. */
struct explored explore(const struct race *race, uint32_t preemptions, uint64_t most);

/* On a vCPU: somebody else may go on here. Elsewhere: does nothing. */
void schedule_point(void);
/* Somebody else goes on here, if anybody can: this one has to wait for something. */
void schedule_give_way(void);
/* The number of the running vCPU; SCHEDULE_VCPUS when there is none. */
uint32_t schedule_vcpu(void);

/* A lock between vCPUs; who waits for it cannot go on. Held: by the running vCPU. */
struct schedule_lock {
	bool taken;
	uint32_t owner;
};
void schedule_lock(struct schedule_lock *lock);
void schedule_unlock(struct schedule_lock *lock);
bool schedule_lock_is_held(const struct schedule_lock *lock);

/* Prints the order that is being run, to be found again: for a failure. */
void schedule_print(void);

#endif

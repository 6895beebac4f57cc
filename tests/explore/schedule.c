/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders of steps. See schedule.h. */
#define _GNU_SOURCE
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define STACK_BYTES	(256u * 1024u)
#define STEPS_MAX	4000u

/* A point where more than one vCPU could go on. */
struct decision {
	uint8_t enabled;	/* a bit each */
	uint8_t running;	/* who came here; SCHEDULE_VCPUS: nobody */
	uint8_t chosen;
	bool free;		/* leaving the running one here is no preemption */
	uint32_t preemptions;	/* before this one */
};

static struct decision path[STEPS_MAX];
static uint32_t at;		/* in the path */
static uint32_t known;		/* how much of it is given */
static uint32_t bound;

static const struct race *exploring;
static ucontext_t director;
static ucontext_t context[SCHEDULE_VCPUS];
static char *stack[SCHEDULE_VCPUS];
static bool done[SCHEDULE_VCPUS];
static const struct schedule_lock *waits_for[SCHEDULE_VCPUS];
static uint32_t running = SCHEDULE_VCPUS;
static uint64_t steps;

static _Noreturn void stop(const char *why)
{
	fprintf(stderr, "%s: %s\n", exploring->name, why);
	schedule_print();
	abort();
}

static uint8_t who_can(void)
{
	uint8_t enabled = 0;

	for (uint32_t i = 0; i < exploring->vcpus; i++)
		if (!done[i] && (!waits_for[i] || !waits_for[i]->taken))
			enabled |= (uint8_t)(1u << i);
	return enabled;
}

static uint32_t preemptions_after(const struct decision *d)
{
	return d->preemptions + (!d->free && d->chosen != d->running);
}

static uint8_t first_of(uint8_t set)
{
	return (uint8_t)__builtin_ctz(set);
}

/* Who goes on. free: nobody is disturbed by it. enabled is not 0. */
static uint8_t decide(uint8_t enabled, bool free)
{
	struct decision *d = &path[at];

	if (!(enabled & (enabled - 1)))
		return first_of(enabled);
	if (at == STEPS_MAX)
		stop("never ends");
	if (at >= known) {
		*d = (struct decision){
			.enabled = enabled, .running = (uint8_t)running, .free = free,
			.preemptions = at ? preemptions_after(&path[at - 1]) : 0,
		};
		/* Without a preemption first: the order of the search is by their number. */
		d->chosen = free ? first_of(enabled) : (uint8_t)running;
	} else if (d->enabled != enabled || d->running != running || d->free != free) {
		stop("does not do the same again");
	}
	return path[at++].chosen;
}

static void go_on(uint32_t next)
{
	uint32_t last = running;

	if (next == last)
		return;
	running = next;
	if (last == SCHEDULE_VCPUS)
		swapcontext(&director, &context[next]);
	else
		swapcontext(&context[last], &context[next]);
}

void schedule_point(void)
{
	if (running == SCHEDULE_VCPUS)
		return;
	steps++;
	go_on(decide(who_can(), false));
}

void schedule_give_way(void)
{
	uint8_t others;

	if (running == SCHEDULE_VCPUS)
		return;
	others = who_can() & (uint8_t)~(1u << running);
	if (others)
		go_on(decide(others, true));
}

uint32_t schedule_vcpu(void)
{
	return running;
}

void schedule_lock(struct schedule_lock *lock)
{
	schedule_point();
	while (lock->taken) {
		uint8_t others;

		waits_for[running] = lock;
		others = who_can();
		if (!others)
			stop("nobody can go on");
		go_on(decide(others, true));
	}
	if (running != SCHEDULE_VCPUS)
		waits_for[running] = NULL;
	lock->taken = true;
	lock->owner = running;
}

void schedule_unlock(struct schedule_lock *lock)
{
	if (!lock->taken || lock->owner != running)
		stop("a lock is given back by somebody else");
	lock->taken = false;
}

bool schedule_lock_is_held(const struct schedule_lock *lock)
{
	return lock->taken && lock->owner == running;
}

static void vcpu_main(void)
{
	uint8_t others;

	exploring->vcpu[running]();
	done[running] = true;
	others = who_can();
	if (others) {
		go_on(decide(others, true));
		abort();
	}
	for (uint32_t i = 0; i < exploring->vcpus; i++)
		if (!done[i])
			stop("nobody can go on");
	running = SCHEDULE_VCPUS;
	setcontext(&director);
}

static void run_once(void)
{
	at = 0;
	steps = 0;
	exploring->begin();
	for (uint32_t i = 0; i < exploring->vcpus; i++) {
		done[i] = false;
		waits_for[i] = NULL;
		if (!stack[i])
			stack[i] = malloc(STACK_BYTES);
		if (!stack[i] || getcontext(&context[i]))
			abort();
		context[i].uc_stack.ss_sp = stack[i];
		context[i].uc_stack.ss_size = STACK_BYTES;
		context[i].uc_link = NULL;
		makecontext(&context[i], vcpu_main, 0);
	}
	go_on(decide(who_can(), true));
	exploring->end();
}

/* The next one of a set after this one; 0 when there is none. */
static uint8_t next_after(uint8_t set, uint8_t i)
{
	return set & (uint8_t)~((2u << i) - 1u);
}

/* Who comes after the one that was chosen, or nobody (false). */
static bool next_choice(struct decision *d)
{
	uint8_t left;

	if (d->free) {
		left = next_after(d->enabled, d->chosen);
	} else if (d->chosen == d->running) {
		/* The running one was first; now all the others, in order. */
		left = d->preemptions < bound ? d->enabled & (uint8_t)~(1u << d->running) : 0;
	} else {
		left = next_after(d->enabled, d->chosen) & (uint8_t)~(1u << d->running);
	}
	if (!left)
		return false;
	d->chosen = first_of(left);
	return true;
}

struct explored explore(const struct race *race, uint32_t preemptions, uint64_t most)
{
	struct explored result = { 0 };

	exploring = race;
	bound = preemptions;
	known = 0;
	for (;;) {
		run_once();
		result.orders++;
		if (steps > result.steps)
			result.steps = steps;
		known = at;
		while (known && !next_choice(&path[known - 1]))
			known--;
		if (!known) {
			result.complete = true;
			return result;
		}
		if (result.orders == most)
			return result;
	}
}

void schedule_print(void)
{
	uint8_t last = SCHEDULE_VCPUS;

	fprintf(stderr, "order: vCPU from choice");
	for (uint32_t i = 0; i < at; i++) {
		if (path[i].chosen != last)
			fprintf(stderr, ", %u from %u", path[i].chosen, i);
		last = path[i].chosen;
	}
	fprintf(stderr, ", stopped at %u\n", at);
}

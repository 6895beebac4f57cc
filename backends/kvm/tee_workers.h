/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers: threads that block in OP-TEE so that no vCPU has to. There are two lanes
 * of jobs: ordinary calls, as many at once as there are workers for them, and
 * cancellations, whose one worker is never blocked by a call that it could cancel.
 *
 * A job is FREE until a vCPU takes it, and belongs to that vCPU until it is given back;
 * between STARTED and DONE a worker owns it.
 *
 * A worker that has ended a call stays awake for a moment, in case the next one comes at once.
 * The vCPU that makes it then also waits awake, for as long: so a stream of short calls is
 * handed over, and back, without a system call. This module does not know what a job does,
 * except that an INVOKE can be cancelled.
 */
#ifndef OM_KVM_TEE_WORKERS_H
#define OM_KVM_TEE_WORKERS_H

#include <pthread.h>

#include "tee_calls.h"

enum om_tee_lane {
	OM_TEE_LANE_CALLS,
	OM_TEE_LANE_CANCEL,
	OM_TEE_LANES
};

enum om_tee_job_state {
	OM_TEE_JOB_FREE,
	OM_TEE_JOB_TAKEN,
	OM_TEE_JOB_STARTED,	/* in the queue, or a worker runs it */
	OM_TEE_JOB_DONE,
};

/*
 * Whether it pays to wait awake. Each time that it was in vain, twice as many opportunities are
 * left out as before: calls may be long or rare, or both threads may share a CPU.
 */
struct om_tee_spin {
	_Atomic uint32_t left_out;	/* so many are still to be left out */
	_Atomic uint32_t backoff;	/* as many were, the last time */
};

struct om_tee_job {
	_Atomic enum om_tee_job_state state;	/* written under om_tee_pool.lock */
	enum om_tee_lane lane;
	bool awake;			/* started while a worker was awake for it */
	uint32_t cancelled;		/* in which om_tee_pool.attempt it was, last */
	struct om_tee_job *next;	/* in the queue of its lane */
	pthread_cond_t done;
	struct om_tee_call call;	/* belongs to the job's owner */
	void *message;
};

struct om_tee_pool;

struct om_tee_worker {
	struct om_tee_pool *pool;
	enum om_tee_lane lane;
	pthread_t thread;
	struct om_tee_arena arena;
};

struct om_tee_pool {
	pthread_mutex_t lock;
	pthread_cond_t work[OM_TEE_LANES];
	pthread_cond_t idle;		/* no worker has a job any more */
	struct om_tee_job *queue[OM_TEE_LANES];	/* newest first: it is never long */
	_Atomic uint32_t queued[OM_TEE_LANES];	/* its length; written under lock */
	uint32_t awake[OM_TEE_LANES];	/* workers that look for a job without sleeping */
	uint32_t spin_us;		/* for how long; 0: never */
	struct om_tee_spin worker_spin;
	struct om_tee_spin vcpu_spin;
	uint32_t busy[OM_TEE_LANES];	/* jobs taken or started */
	uint32_t limit[OM_TEE_LANES];	/* the most of those at once */
	bool quiescing;			/* started INVOKEs have to be cancelled */
	uint32_t attempt;		/* how often om_tee_pool_quiesce() has begun */
	uint32_t next_cancelled;	/* the job to look at next, to cancel it */
	struct om_wake *wake;		/* OM_WAKE_IDLE: no worker has a job any more */
	bool stopping;
	struct om_tee_worker *workers;
	uint32_t worker_count;		/* threads that were started */
	struct om_tee_job *jobs;
	uint32_t job_count;
	void (*run)(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena);
	void *ctx;
};

/*
 * Starts `workers` threads for calls and one for cancellations. run executes a job. spin_us:
 * how long a worker, or a vCPU, waits awake, if there is a CPU for each.
 * Returns OM_KVM_OK, or OM_KVM_ERR_NO_MEMORY with nothing held.
 */
int om_tee_pool_init(struct om_tee_pool *pool, struct om_wake *wake, uint32_t workers,
		     uint32_t jobs, uint32_t spin_us,
		     void (*run)(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena),
		     void *ctx);
/* Ends the workers. No job may be started, and the caller has freed their arenas. */
void om_tee_pool_exit(struct om_tee_pool *pool);

/* Takes a job for a lane; NULL when the lane is full or no job is free. */
struct om_tee_job *om_tee_pool_take(struct om_tee_pool *pool, enum om_tee_lane lane);
void om_tee_pool_give(struct om_tee_pool *pool, struct om_tee_job *job);

/* Hands a taken job to a worker. True: one is awake for it. */
bool om_tee_pool_start(struct om_tee_pool *pool, struct om_tee_job *job);

/* Waits for a started job. True: it is done, the caller owns it. False: time is up. */
bool om_tee_pool_wait(struct om_tee_pool *pool, struct om_tee_job *job, uint32_t us);

/* The state of a job, whoever owns it. */
enum om_tee_job_state om_tee_pool_state(struct om_tee_pool *pool, const struct om_tee_job *job);

/*
 * Waits until no worker has a job. Meanwhile the worker for cancellations cancels each
 * started INVOKE: once for each call of this function, and repeatedly while that fails.
 * It needs neither a free job nor memory, and goes on after this function has returned.
 * The caller has stopped all vCPUs.
 * True: no worker has a job. False: us microseconds have passed; when no worker has a job any
 * more, that is a reason to wake (OM_WAKE_IDLE).
 */
bool om_tee_pool_quiesce(struct om_tee_pool *pool, uint32_t us);

#endif

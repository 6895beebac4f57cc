/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads that wait for OP-TEE so that no vCPU has to. Jobs go in one of two
 * lanes: ordinary calls, as many at once as there are workers for them, and
 * cancellations, whose one worker is never kept busy by a call it could cancel.
 *
 * A job is FREE until it is taken, and belongs to who took it until it is given
 * back; between start and done a worker has it. Knows nothing of what jobs do.
 */
#ifndef OM_KVM_TEE_WORKERS_H
#define OM_KVM_TEE_WORKERS_H

#include <pthread.h>
#include <time.h>

#include "tee_calls.h"

enum om_tee_lane {
	OM_TEE_LANE_CALLS,
	OM_TEE_LANE_CANCEL,
	OM_TEE_LANES
};

enum om_tee_job_state {
	OM_TEE_JOB_FREE,
	OM_TEE_JOB_TAKEN,
	OM_TEE_JOB_STARTED,	/* waits for a worker or has one */
	OM_TEE_JOB_DONE,
};

struct om_tee_job {
	enum om_tee_job_state state;	/* under om_tee_pool.lock */
	enum om_tee_lane lane;
	bool given_up;			/* its cancellation was asked for by a reset */
	struct om_tee_job *next;	/* in the queue of its lane */
	pthread_cond_t done;
	struct om_tee_call call;	/* of whoever has the job */
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
	pthread_cond_t changed;		/* some job is done */
	struct om_tee_job *queue[OM_TEE_LANES];	/* newest first: it is never long */
	uint32_t busy[OM_TEE_LANES];	/* jobs taken or started, of */
	uint32_t room[OM_TEE_LANES];
	bool stopping;
	struct om_tee_worker *workers;
	uint32_t worker_count;		/* threads that run */
	struct om_tee_job *jobs;
	uint32_t job_count;
	void (*run)(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena);
	void *ctx;
};

/*
 * Starts workers threads for calls and one for cancellations. run does a job.
 * Returns OM_KVM_OK, or OM_KVM_ERR_NO_MEMORY with nothing held.
 */
int om_tee_pool_init(struct om_tee_pool *pool, uint32_t workers, uint32_t jobs,
		     void (*run)(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena),
		     void *ctx);
/* Ends the workers. No job is started. The arenas are the caller's to empty first. */
void om_tee_pool_exit(struct om_tee_pool *pool);

/* A job in a lane; NULL when the lane is full or no job is free. */
struct om_tee_job *om_tee_pool_take(struct om_tee_pool *pool, enum om_tee_lane lane);
void om_tee_pool_give(struct om_tee_pool *pool, struct om_tee_job *job);

/* Hands a taken job to a worker. */
void om_tee_pool_start(struct om_tee_pool *pool, struct om_tee_job *job);

/* Waits for a started job. True: it is done, and the caller's. False: time is up. */
bool om_tee_pool_wait(struct om_tee_pool *pool, struct om_tee_job *job, uint32_t us);

/* A moment from now on the clock that the pool waits by. */
struct timespec om_tee_deadline(uint32_t us);

/* The state of a job that somebody else may have. */
enum om_tee_job_state om_tee_pool_state(struct om_tee_pool *pool, const struct om_tee_job *job);

/*
 * A started INVOKE that was not returned before, to be cancelled: its ids. False:
 * there is none.
 */
bool om_tee_pool_find_stuck(struct om_tee_pool *pool, uint32_t *cancel_id, uint32_t *session);

/* Waits until some job ends. True: none is started any more. False: time is up. */
bool om_tee_pool_wait_idle(struct om_tee_pool *pool, const struct timespec *deadline);

#endif

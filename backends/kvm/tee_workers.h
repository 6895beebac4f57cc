/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads that wait for OP-TEE so that no vCPU has to. Jobs go in one of two
 * lanes: ordinary calls, as many at once as there are workers for them, and
 * cancellations, whose one worker is never kept busy by a call it could cancel.
 *
 * A job is FREE until it is taken, and belongs to who took it until it is given
 * back; between start and done a worker has it. Knows nothing of what jobs do, but
 * that INVOKEs can be cancelled.
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
	OM_TEE_JOB_STARTED,	/* waits for a worker or has one */
	OM_TEE_JOB_DONE,
};

struct om_tee_job {
	enum om_tee_job_state state;	/* under om_tee_pool.lock */
	enum om_tee_lane lane;
	bool cancelled;			/* as om_tee_pool_quiesce() wants */
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
	pthread_cond_t idle;		/* no worker has a job any more */
	struct om_tee_job *queue[OM_TEE_LANES];	/* newest first: it is never long */
	uint32_t busy[OM_TEE_LANES];	/* jobs taken or started, of */
	uint32_t room[OM_TEE_LANES];
	bool quiescing;			/* what is started is to be cancelled */
	uint32_t hand;			/* the job that is looked at next, to cancel it */
	int idle_fd;			/* readable: no worker has a job any more */
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

/* The state of a job that somebody else may have. */
enum om_tee_job_state om_tee_pool_state(struct om_tee_pool *pool, const struct om_tee_job *job);

/*
 * Waits until no worker has a job, and has started INVOKEs cancelled: each once, once
 * more at each call of this function, and again and again where that fails. This takes
 * neither a job nor memory, and goes on after the function returned. No vCPU runs.
 * True: none has one. False: us microseconds were not enough; idle_fd becomes readable
 * when they are done.
 */
bool om_tee_pool_quiesce(struct om_tee_pool *pool, uint32_t us);

#endif

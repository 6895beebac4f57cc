/* SPDX-License-Identifier: BSD-2-Clause */
/* The workers by themselves: what depends on which of them is awake. */
#define _GNU_SOURCE
#include "test.h"

#include <sched.h>

#include "tee_workers.h"

static atomic_bool go;
static atomic_uint ran;

/* A call, which is in OP-TEE until it may go on. */
static void run(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena)
{
	(void)ctx, (void)job, (void)arena;
	while (!go)
		sched_yield();
	ran++;
}

static struct om_tee_job *take(struct om_tee_pool *pool)
{
	struct om_tee_job *job = om_tee_pool_take(pool, OM_TEE_LANE_CALLS);

	assert_non_null(job);
	job->call.cmd = OPTEE_MSG_CMD_CLOSE_SESSION;
	return job;
}

static void finish(struct om_tee_pool *pool, struct om_tee_job *job)
{
	while (!om_tee_pool_wait(pool, job, 100000))
		;
	om_tee_pool_give(pool, job);
}

/*
 * Two calls at once, and one worker that is awake: it takes one of them, and the other one is not
 * left to it. There is no second worker, so that this one cannot be the one awake.
 */
TEST(a_worker_that_is_awake_takes_one_call)
{
	struct om_tee_pool pool;
	struct om_wake wake;
	uint32_t i;

	assert_true(om_wake_init(&wake));
	assert_int_equal(om_tee_pool_init(&pool, &wake, 1, 2, 1000, run, NULL), OM_KVM_OK);
	pool.limit[OM_TEE_LANE_CALLS] = 2;
	for (i = 0; i < 2000; i++) {
		struct om_tee_job *first = take(&pool), *second = take(&pool);
		bool awake;

		go = false;
		awake = om_tee_pool_start(&pool, first);
		awake = om_tee_pool_start(&pool, second) && awake;
		go = true;
		finish(&pool, first);
		finish(&pool, second);
		assert_false(awake);
	}
	assert_int_equal(ran, 4000);
	om_tee_pool_exit(&pool);
	om_wake_exit(&wake);
}

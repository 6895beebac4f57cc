/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads that block in OP-TEE. See tee_workers.h. */
#define _GNU_SOURCE
#include "tee_workers.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* How long to wait before a failed cancellation is tried again. */
#define RETRY_US	10000u

/* The time `us` from now, on the clock of the pool's condition variables. */
static struct timespec deadline_in(uint32_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += us / 1000000;
	t.tv_nsec += (long)(us % 1000000) * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static bool has_passed(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

/* The most opportunities to wait awake that are left out: then a try costs 2 % of its time. */
#define MOST_LEFT_OUT	1023u

static bool may_spin(struct om_tee_spin *spin)
{
	uint32_t n = spin->left_out;

	if (n)
		spin->left_out = n - 1;
	return n == 0;
}

static void note_spin(struct om_tee_spin *spin, bool in_vain)
{
	uint32_t n = in_vain ? 2 * spin->backoff + 1 : 0;

	spin->backoff = n < MOST_LEFT_OUT ? n : MOST_LEFT_OUT;
	spin->left_out = spin->backoff;
}

/* Tells the CPU that this is a loop which waits. */
static void relax(void)
{
#if defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("pause" ::: "memory");
#endif
}

/* The caller of each function from here to work() holds lock; run_job() drops it meanwhile. */

static bool is_idle(const struct om_tee_pool *pool)
{
	return !pool->busy[OM_TEE_LANE_CALLS] && !pool->busy[OM_TEE_LANE_CANCEL];
}

static void run_job(struct om_tee_worker *worker, struct om_tee_job *job)
{
	struct om_tee_pool *pool = worker->pool;

	pthread_mutex_unlock(&pool->lock);
	pool->run(pool->ctx, job, &worker->arena);
	pthread_mutex_lock(&pool->lock);
	pool->busy[worker->lane]--;
	if (!pool->quiescing || !is_idle(pool))
		return;
	pthread_cond_broadcast(&pool->idle);
	om_wake_set(pool->wake, OM_WAKE_IDLE, true);
}

/*
 * The next started INVOKE to cancel; NULL: there is none. The search begins behind the
 * last one, so that an INVOKE which cannot be cancelled does not keep others from it.
 */
static struct om_tee_job *find_stuck(struct om_tee_pool *pool)
{
	uint32_t i;

	for (i = 0; pool->quiescing && i < pool->job_count; i++) {
		struct om_tee_job *job = &pool->jobs[pool->next_cancelled++ % pool->job_count];

		if (job->state == OM_TEE_JOB_STARTED && job->cancelled != pool->attempt &&
		    job->call.cmd == OPTEE_MSG_CMD_INVOKE_COMMAND)
			return job;
	}
	return NULL;
}

/*
 * Cancels an INVOKE. Runs on the worker for cancellations only. If a CANCEL of the guest
 * keeps that worker busy, OP-TEE has no free thread, and this one would block as well.
 *
 * When om_tee_pool_quiesce() began again meanwhile, this CANCEL is one of the attempt before.
 */
static void cancel(struct om_tee_worker *worker, struct om_tee_job *stuck)
{
	struct om_tee_pool *pool = worker->pool;
	struct om_tee_job job = { .call = { .cmd = OPTEE_MSG_CMD_CANCEL,
					    .cancel_id = stuck->call.cancel_id,
					    .session = stuck->call.session } };
	uint32_t attempt = pool->attempt;
	struct timespec later;

	pool->busy[worker->lane]++;
	run_job(worker, &job);
	if (job.call.ret == TEEC_SUCCESS) {
		stuck->cancelled = attempt;
		return;
	}
	later = deadline_in(RETRY_US);
	pthread_cond_timedwait(&pool->work[worker->lane], &pool->lock, &later);
}

/*
 * Waits awake, without the lock, until there is a job or time is up. Not on the lane for
 * cancellations, which are rare.
 */
static void stay_awake(struct om_tee_worker *worker)
{
	struct om_tee_pool *pool = worker->pool;
	struct timespec deadline;

	if (!pool->spin_us || worker->lane != OM_TEE_LANE_CALLS || pool->queue[worker->lane] ||
	    !may_spin(&pool->worker_spin))
		return;
	pool->awake[worker->lane]++;
	pthread_mutex_unlock(&pool->lock);
	deadline = deadline_in(pool->spin_us);
	while (!atomic_load_explicit(&pool->queued[worker->lane], memory_order_relaxed) &&
	       !has_passed(&deadline))
		relax();
	pthread_mutex_lock(&pool->lock);
	pool->awake[worker->lane]--;
	note_spin(&pool->worker_spin, !pool->queue[worker->lane]);
}

/* Waits for the next job of a worker's lane; NULL: the pool ends. */
static struct om_tee_job *next_job(struct om_tee_worker *worker)
{
	struct om_tee_pool *pool = worker->pool;
	struct om_tee_job *job, *stuck;

	while (!(job = pool->queue[worker->lane]) && !pool->stopping) {
		stuck = worker->lane == OM_TEE_LANE_CANCEL ? find_stuck(pool) : NULL;
		if (stuck)
			cancel(worker, stuck);
		else
			pthread_cond_wait(&pool->work[worker->lane], &pool->lock);
	}
	if (job) {
		pool->queue[worker->lane] = job->next;
		pool->queued[worker->lane]--;
	}
	return job;
}

static void *work(void *arg)
{
	struct om_tee_worker *worker = arg;
	struct om_tee_job *job;

	pthread_mutex_lock(&worker->pool->lock);
	while ((job = next_job(worker))) {
		run_job(worker, job);
		job->state = OM_TEE_JOB_DONE;
		pthread_cond_signal(&job->done);
		stay_awake(worker);
	}
	pthread_mutex_unlock(&worker->pool->lock);
	return NULL;
}

/*
 * Blocks the VMM's signals, which are for its own threads, but not those that a thread
 * raises by what it does: Linux kills a process that blocks such a signal, even if the
 * VMM's handler could recover, for example from SIGBUS where guest memory has gone.
 */
static void block_signals(sigset_t *old)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&set, own[i]);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

static bool start_worker(struct om_tee_pool *pool, struct om_tee_worker *worker)
{
	sigset_t old;
	int error;

	block_signals(&old);
	error = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!error)
		pool->worker_count++;
	return !error;
}

static bool start_workers(struct om_tee_pool *pool)
{
	uint32_t n = pool->limit[OM_TEE_LANE_CALLS];
	uint32_t i;

	for (i = 0; i <= n; i++) {
		pool->workers[i].pool = pool;
		pool->workers[i].lane = i < n ? OM_TEE_LANE_CALLS : OM_TEE_LANE_CANCEL;
		if (!start_worker(pool, &pool->workers[i]))
			return false;
	}
	return true;
}

/* Waits use the monotonic clock, which cannot be set. */
static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void sync_init(struct om_tee_pool *pool)
{
	pthread_mutexattr_t attr;
	uint32_t i;

	/* It is held so briefly that to wait awake for it costs less than to sleep. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&pool->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	cond_init(&pool->idle);
	for (i = 0; i < OM_TEE_LANES; i++)
		cond_init(&pool->work[i]);
	for (i = 0; i < pool->job_count; i++)
		cond_init(&pool->jobs[i].done);
}

static void free_memory(struct om_tee_pool *pool)
{
	free(pool->workers);
	free(pool->jobs);
}

/* Who waits awake on the only CPU keeps the other from what it waits for. */
static bool has_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

int om_tee_pool_init(struct om_tee_pool *pool, struct om_wake *wake, uint32_t workers,
		     uint32_t jobs, uint32_t spin_us,
		     void (*run)(void *ctx, struct om_tee_job *job, struct om_tee_arena *arena),
		     void *ctx)
{
	*pool = (struct om_tee_pool){ .wake = wake, .run = run, .ctx = ctx, .job_count = jobs };
	pool->spin_us = has_cpus() ? spin_us : 0;
	pool->limit[OM_TEE_LANE_CALLS] = workers;
	pool->limit[OM_TEE_LANE_CANCEL] = 1;
	pool->workers = calloc(workers + 1, sizeof(*pool->workers));
	pool->jobs = calloc(jobs, sizeof(*pool->jobs));
	if (!pool->workers || !pool->jobs) {
		free_memory(pool);
		return OM_KVM_ERR_NO_MEMORY;
	}
	sync_init(pool);
	if (start_workers(pool))
		return OM_KVM_OK;
	om_tee_pool_exit(pool);
	return OM_KVM_ERR_NO_MEMORY;
}

void om_tee_pool_exit(struct om_tee_pool *pool)
{
	uint32_t i;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	for (i = 0; i < OM_TEE_LANES; i++)
		pthread_cond_broadcast(&pool->work[i]);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->worker_count; i++)
		pthread_join(pool->workers[i].thread, NULL);

	for (i = 0; i < pool->job_count; i++)
		pthread_cond_destroy(&pool->jobs[i].done);
	for (i = 0; i < OM_TEE_LANES; i++)
		pthread_cond_destroy(&pool->work[i]);
	pthread_cond_destroy(&pool->idle);
	pthread_mutex_destroy(&pool->lock);
	free_memory(pool);
}

static struct om_tee_job *free_job(struct om_tee_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->job_count; i++)
		if (pool->jobs[i].state == OM_TEE_JOB_FREE)
			return &pool->jobs[i];
	return NULL;
}

struct om_tee_job *om_tee_pool_take(struct om_tee_pool *pool, enum om_tee_lane lane)
{
	struct om_tee_job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->busy[lane] < pool->limit[lane])
		job = free_job(pool);
	if (job) {
		pool->busy[lane]++;
		job->state = OM_TEE_JOB_TAKEN;
		job->lane = lane;
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

void om_tee_pool_give(struct om_tee_pool *pool, struct om_tee_job *job)
{
	pthread_mutex_lock(&pool->lock);
	if (job->state == OM_TEE_JOB_TAKEN)
		pool->busy[job->lane]--;
	job->state = OM_TEE_JOB_FREE;
	pthread_mutex_unlock(&pool->lock);
}

bool om_tee_pool_start(struct om_tee_pool *pool, struct om_tee_job *job)
{
	enum om_tee_lane lane = job->lane;
	bool awake;

	pthread_mutex_lock(&pool->lock);
	job->state = OM_TEE_JOB_STARTED;
	job->next = pool->queue[lane];
	pool->queue[lane] = job;
	/* One worker that is awake takes one job: the others of the queue need their own. */
	awake = ++pool->queued[lane] <= pool->awake[lane];
	job->awake = awake && may_spin(&pool->vcpu_spin);
	if (!awake)
		pthread_cond_signal(&pool->work[lane]);
	pthread_mutex_unlock(&pool->lock);
	return awake;
}

/* As om_tee_pool_wait(), for spin_us at most. Once for each job, just after its start. */
static bool wait_awake(struct om_tee_pool *pool, struct om_tee_job *job, uint32_t us)
{
	struct timespec deadline = deadline_in(us < pool->spin_us ? us : pool->spin_us);
	bool done;

	job->awake = false;
	while (job->state != OM_TEE_JOB_DONE && !has_passed(&deadline))
		relax();
	done = job->state == OM_TEE_JOB_DONE;
	note_spin(&pool->vcpu_spin, !done);
	return done;
}

bool om_tee_pool_wait(struct om_tee_pool *pool, struct om_tee_job *job, uint32_t us)
{
	struct timespec deadline = deadline_in(us);
	bool done;

	if (job->awake && wait_awake(pool, job, us))
		return true;
	pthread_mutex_lock(&pool->lock);
	while (job->state == OM_TEE_JOB_STARTED &&
	       pthread_cond_timedwait(&job->done, &pool->lock, &deadline) == 0)
		;
	done = job->state == OM_TEE_JOB_DONE;
	pthread_mutex_unlock(&pool->lock);
	return done;
}

enum om_tee_job_state om_tee_pool_state(struct om_tee_pool *pool, const struct om_tee_job *job)
{
	(void)pool;
	return job->state;
}

bool om_tee_pool_quiesce(struct om_tee_pool *pool, uint32_t us)
{
	struct timespec deadline = deadline_in(us);
	bool idle;

	pthread_mutex_lock(&pool->lock);
	/* An earlier CANCEL may have reached OP-TEE before the call that it should cancel. */
	pool->attempt++;
	pool->quiescing = true;
	pthread_cond_signal(&pool->work[OM_TEE_LANE_CANCEL]);
	while (!is_idle(pool) && pthread_cond_timedwait(&pool->idle, &pool->lock, &deadline) == 0)
		;
	idle = is_idle(pool);
	pool->quiescing = !idle;
	om_wake_set(pool->wake, OM_WAKE_IDLE, false);
	pthread_mutex_unlock(&pool->lock);
	return idle;
}

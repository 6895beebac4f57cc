/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several vCPUs of one guest at once: a random mix of good and bad use.
 *
 * Calls that wait for an RPC go through a mailbox, so that one vCPU goes on with
 * what another began; now and then two of them go on with the same call. Some
 * buffers and one message page are shared on purpose. What each vCPU sees must
 * still be what one of the possible orders gives. Must not use checks of a
 * scenario (they are for one vCPU) nor wait without helping others to go on.
 */
#include "stress.h"

/* Tries after which a call is taken for lost; when something else went wrong before. */
#define PATIENCE	20000000u
#define PATIENCE_LEFT	20000u

void cg_stress_anomaly(struct worker *w, const char *file, uint32_t line)
{
	w->anomalies++;
	cg_anomaly(w->g, file, line);
}

uint32_t cg_stress_pick(struct worker *w, uint32_t n)
{
	return (uint32_t)((cg_random(&w->seed) >> 33) % n);
}

static void relax(struct worker *w)
{
	const struct cg_platform *p = w->g->platform;

	if (p->relax)
		p->relax(p->ctx, w->vcpu);
}

/* ---- the mailbox ---- */

static bool job_put(struct worker *w, const struct cg_call *c, uint32_t want)
{
	for (uint32_t i = 0; i < JOBS; i++) {
		struct job *job = &w->s->jobs[i];
		uint32_t empty = JOB_EMPTY;

		if (!__atomic_compare_exchange_n(&job->state, &empty, JOB_MOVING, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		cg_copy(&job->call, c, sizeof(*c));
		job->want = want;
		__atomic_store_n(&job->state, JOB_READY, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

static bool job_take(struct worker *w, struct cg_call *c, uint32_t *want)
{
	uint32_t start = cg_stress_pick(w, JOBS);

	for (uint32_t i = 0; i < JOBS; i++) {
		struct job *job = &w->s->jobs[(start + i) % JOBS];
		uint32_t ready = JOB_READY;

		if (!__atomic_compare_exchange_n(&job->state, &ready, JOB_MOVING, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		cg_copy(c, &job->call, sizeof(*c));
		*want = job->want;
		__atomic_store_n(&job->state, JOB_EMPTY, __ATOMIC_RELEASE);
		c->vcpu = w->vcpu;
		return true;
	}
	return false;
}

static bool jobs_left(struct worker *w)
{
	for (uint32_t i = 0; i < JOBS; i++)
		if (__atomic_load_n(&w->s->jobs[i].state, __ATOMIC_ACQUIRE) != JOB_EMPTY)
			return true;
	return false;
}

static void end_job(struct worker *w, struct cg_call *c, uint32_t want)
{
	EXPECT(w, cg_result(c) == want);
	cg_call_fini(c);
}

/* Takes somebody's call as far as it goes without waiting, and puts it back. */
void cg_stress_help(struct worker *w)
{
	struct cg_call c;
	uint32_t want;

	if (!job_take(w, &c, &want)) {
		relax(w);
		return;
	}
	while (c.state == CG_WAITING && cg_serve(&c))
		cg_resume(&c);
	if (c.state != CG_WAITING) {
		end_job(w, &c, want);
		return;
	}
	while (!job_put(w, &c, want))
		relax(w);
	relax(w);
}

/* ---- calls, helping others while they cannot go on ---- */

bool cg_stress_is_stuck(struct worker *w, uint32_t *tries)
{
	bool failed = __atomic_load_n(&w->g->anomalies, __ATOMIC_RELAXED) != 0;

	if (++*tries < (failed ? PATIENCE_LEFT : PATIENCE))
		return false;
	cg_stress_anomaly(w, __FILE__, __LINE__);
	return true;
}

void cg_stress_start(struct worker *w, struct cg_call *c)
{
	uint32_t tries = 0;

	c->vcpu = w->vcpu;
	do {
		cg_start(c);
		if (c->state == CG_WAITING || c->a[0] != OPTEE_SMC_RETURN_ETHREAD_LIMIT)
			return;
		cg_stress_help(w);
	} while (!cg_stress_is_stuck(w, &tries));
}

void cg_stress_finish(struct worker *w, struct cg_call *c)
{
	uint32_t tries = 0;

	while (c->state == CG_WAITING) {
		if (cg_serve(c)) {
			cg_resume(c);
			continue;
		}
		cg_stress_help(w);
		if (cg_stress_is_stuck(w, &tries))
			return;
	}
}

uint64_t cg_stress_run(struct worker *w, struct cg_call *c)
{
	cg_stress_start(w, c);
	cg_stress_finish(w, c);
	return cg_result(c);
}

/* ---- what others end ---- */

/* A call that asks for something: left to whoever comes first. */
static void leave_to_others(struct worker *w)
{
	uint32_t want = TEEC_SUCCESS;
	struct cg_call c;

	if (cg_stress_pick(w, 2)) {
		if (!cg_time_init(&c, w->g, w->s->stats))
			return;
	} else {
		if (!cg_call_init(&c, w->g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
			return;
		cg_set_open(&c, cg_uuid_unknown);
		want = TEEC_ERROR_ITEM_NOT_FOUND;
	}
	if (cg_stress_pick(w, 3) == 0)
		c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	cg_stress_start(w, &c);
	if (c.state == CG_WAITING && job_put(w, &c, want))
		return;
	cg_stress_finish(w, &c);
	end_job(w, &c, want);
}

/* ---- two vCPUs, one call (25) ---- */

/* Resumes until that is over: a0 of the end, or ERESUME. */
static uint32_t resume_to_the_end(struct worker *w, const uint64_t from[8])
{
	uint32_t a0;

	do {
		uint64_t x[8];

		cg_copy(x, from, sizeof(x));
		cg_smc(w->g, w->vcpu, x);
		a0 = (uint32_t)x[0];
	} while (a0 == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	return a0;
}

static void race_offer(struct worker *w, struct cg_call *c)
{
	struct race *r = &w->s->race;
	uint32_t expected = 0;
	uint32_t mine;
	uint32_t theirs = 0;

	if (!__atomic_compare_exchange_n(&r->state, &expected, 3, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	cg_copy(r->x, c->x, sizeof(r->x));
	__atomic_store_n(&r->theirs, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&r->state, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < 200 && __atomic_load_n(&r->state, __ATOMIC_ACQUIRE) == 1; i++)
		relax(w);
	expected = 1;
	if (__atomic_compare_exchange_n(&r->state, &expected, 0, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE))
		return;	/* nobody came */

	mine = resume_to_the_end(w, c->x);
	while (!(theirs = __atomic_load_n(&r->theirs, __ATOMIC_ACQUIRE)))
		relax(w);
	theirs--;
	/* Exactly one of the two brought it to its end. */
	EXPECT(w, (mine == OPTEE_SMC_RETURN_OK) != (theirs == OPTEE_SMC_RETURN_OK));
	EXPECT(w, mine == OPTEE_SMC_RETURN_ERESUME || theirs == OPTEE_SMC_RETURN_ERESUME);
	c->state = CG_ENDED;
	c->a[0] = OPTEE_SMC_RETURN_OK;
	__atomic_store_n(&r->state, 0, __ATOMIC_RELEASE);
}

static void race_join(struct worker *w)
{
	struct race *r = &w->s->race;
	uint32_t offered = 1;
	uint32_t a0;

	if (!__atomic_compare_exchange_n(&r->state, &offered, 2, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return;
	a0 = resume_to_the_end(w, r->x);
	__atomic_store_n(&r->theirs, a0 + 1, __ATOMIC_RELEASE);
}

/* Offered at its last RPC, after which there is nothing to answer. */
static void race(struct worker *w)
{
	struct cg_call c;

	if (!cg_time_init(&c, w->g, w->s->stats))
		return;
	cg_stress_start(w, &c);
	while (c.state == CG_WAITING && c.a[0] != OPTEE_SMC_RETURN_RPC_FREE) {
		if (cg_serve(&c))
			cg_resume(&c);
		else
			cg_stress_help(w);
	}
	if (c.state == CG_WAITING) {
		cg_serve(&c);
		race_offer(w, &c);
		if (c.state == CG_WAITING)
			cg_resume(&c);
	}
	cg_stress_finish(w, &c);
	end_job(w, &c, TEEC_SUCCESS);
}

/* ---- the worker ---- */

static void step(struct worker *w)
{
	static void (*const what[])(struct worker *w) = {
		cg_stress_good, cg_stress_good, cg_stress_good, cg_stress_bad, cg_stress_bad,
		leave_to_others, cg_stress_help, cg_stress_help, race, race_join, race_join,
	};

	what[cg_stress_pick(w, sizeof(what) / sizeof(what[0]))](w);
}

uint32_t cg_stress(const struct cg_platform *platform, unsigned int vcpu, uint64_t seed,
		   uint32_t iterations)
{
	struct cg_guest *g = platform->ram;
	struct worker w = { g, g->stress, vcpu, seed * 0x9e3779b97f4a7c15ull | 1, 0 };
	uint32_t tries = 0;

	for (uint32_t i = 0; i < 4; i++)
		cg_random(&w.seed);
	while (iterations--)
		step(&w);
	while (jobs_left(&w) && !cg_stress_is_stuck(&w, &tries))
		cg_stress_help(&w);
	return w.anomalies;
}

/* Of struct cg_stress, one after the other. */
#define PAGES 4u

void cg_stress_init(const struct cg_platform *platform)
{
	struct cg_guest *g = platform->ram;
	struct cg_stress *s;

	_Static_assert(sizeof(struct cg_stress) <= PAGES * CG_PAGE, "it lives in so many pages");
	cg_memory_init(g, platform);
	s = cg_page_va(g, g->first_page);
	for (uint32_t i = 0; i < PAGES; i++)
		if (!cg_page_take(g, g->first_page + i))
			CG_ANOMALY(g);
	cg_fill(s, 0, PAGES * CG_PAGE);
	s->page = cg_page_get(g);
	cg_fill(cg_page_va(g, s->page), 0, CG_PAGE);
	/* No session of anybody's in it. */
	((struct optee_msg_hdr *)cg_page_va(g, s->page))->session = 0xfffffff0;
	for (uint32_t i = 0; i < SHARED; i++)
		if (!cg_buf_make(g, &s->shared[i], 5000 + 1000 * i, 10 * i))
			CG_ANOMALY(g);
	if (cg_open(g, cg_uuid_invoke, &s->invoke) || cg_open(g, cg_uuid_stats, &s->stats))
		CG_ANOMALY(g);
	g->stress = s;
}

uint32_t cg_stress_end(const struct cg_platform *platform)
{
	struct cg_guest *g = platform->ram;
	struct cg_stress *s = g->stress;
	uint32_t out[4];

	while (cg_fast(g, OPTEE_SMC_DISABLE_SHM_CACHE, 0, out) == OPTEE_SMC_RETURN_OK)
		if (!cg_rpc_arg_drop(g, (uint64_t)out[1] << 32 | out[2]))
			CG_ANOMALY(g);
	if (out[0] != OPTEE_SMC_RETURN_ENOTAVAIL)
		CG_ANOMALY(g);
	for (uint32_t i = 0; i < SHARED; i++) {
		cg_unregister(g, s->shared[i].cookie);
		cg_buf_free(g, &s->shared[i]);
	}
	if (cg_close(g, s->stats) || cg_close(g, s->invoke) || cg_rpc_held(g))
		CG_ANOMALY(g);
	cg_page_put(g, s->page);
	/* All that is left are the pages of this state itself. */
	if (g->pages_held != PAGES)
		CG_ANOMALY(g);
	return g->anomalies;
}

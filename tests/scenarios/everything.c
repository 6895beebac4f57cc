/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario 60: the n-th host operation fails, once or for good, for every n, in all
 * conversations of flows.h and in every scenario of the conformance guest.
 *
 * Afterwards the guest can still be used, and when it is gone nothing is left. A
 * conformance scenario with very many operations is tried at some of them only;
 * with the argument --all, at all.
 */
#include "flows.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abandon.h"

/* Tries in a scenario of the conformance guest, for each way to fail. */
#define TRIES_DEFAULT	24u
static uint64_t tries = TRIES_DEFAULT;

static jmp_buf abandoned;

_Noreturn void cg_abandon(struct cg_guest *g)
{
	(void)g;
	longjmp(abandoned, 1);
}

/* A fresh guest in the same machine, and a fresh client in it. */
static void begin(struct fx_guest *g)
{
	cg_memory_init(g->cg, &g->platform);
	assert_int_equal(fx_create(g), OM_OK);
}

static void end(struct fx_guest *g)
{
	struct fx *f = g->fx;

	test_host_fail(f->host, 0, 0, false);
	fx_destroy(g);
	test_host_assert_balanced(f->host);
	model_assert_clean(f->model);
	if (test_failures())
		fail_msg("the host saw something wrong");
}

/* --- Conversations -------------------------------------------------------------------------- */

static void assert_usable(struct fx_guest *g)
{
	uint32_t session = fx_session(g);
	struct cg_call c;

	assert_int_equal(model_threads_in_use(g->fx->model, g->test->id), 0);
	fx_nop(&c, g, session);
	cg_do(&c);
	fx_ended(&c, TEEC_SUCCESS);
	fx_close(g, session);
	cg_slots_are_free(g->cg);
	assert_int_equal(g->cg->verdict.failures, 0);
	assert_int_equal(g->cg->anomalies, 0);
}

/* Returns false when there are fewer than n operations. */
static bool flow_with_fault(struct fx_guest *g, const struct flow *flow, uint64_t n, bool forever)
{
	bool hit;

	begin(g);
	test_host_fail(g->fx->host, TEST_FAULTS_ALL, n, forever);
	flow->run(g, false);
	hit = test_host_fault_hits(g->fx->host) != 0;
	test_host_fail(g->fx->host, 0, 0, false);
	assert_usable(g);
	end(g);
	return hit;
}

static void flow_with_faults(void **state)
{
	const struct flow *flow = *state;
	struct fx *f;

	f = fx_new(state, NULL);
	fx_destroy(&f->guest[0]);
	for (uint32_t yield = 0; yield < 2; yield++) {
		atomic_store(&f->host->yield_every, yield);
		for (uint32_t forever = 0; forever < 2; forever++) {
			uint64_t n = 1;

			while (flow_with_fault(&f->guest[0], flow, n, forever))
				n++;
			assert_true(n > 5);
		}
	}
}

/* --- The conformance guest's scenarios --------------------------------------------------------- */

/* Runs it as far as it goes; true when it came to its end with all checks good. */
static bool run_scenario(struct fx_guest *g, const char *name)
{
	struct cg_summary summary = { 0 };

	if (setjmp(abandoned))
		return false;
	return cg_run(&g->platform, name, &summary);
}

static uint64_t operations(struct fx *f)
{
	uint64_t sum = 0;

	for (uint32_t op = 0; op < TEST_OPS; op++)
		if (TEST_FAULTS_ALL & 1u << op)
			sum += atomic_load(&f->host->count[op]);
	return sum;
}

static void scenario_with_fault(struct fx_guest *g, const char *name, uint64_t n, bool forever)
{
	begin(g);
	test_host_fail(g->fx->host, TEST_FAULTS_ALL, n, forever);
	run_scenario(g, name);
	end(g);
}

/* Which operation fails in the i-th try: each of a few, or some of many. */
static uint64_t which(uint64_t i, uint64_t all)
{
	return all <= tries ? i + 1 : 1 + i * (all - 1) / (tries - 1);
}

static void scenario_with_faults(void **state)
{
	const char *name = *state;
	struct fx *f = fx_new(state, NULL);
	struct fx_guest *g = &f->guest[0];
	uint64_t all;

	f->quiet = true;
	f->anomalies_expected = true;
	test_host_reset_counts(f->host);
	if (!run_scenario(g, name))
		fail_msg("%s fails without any fault", name);
	all = operations(f);
	end(g);
	for (uint32_t forever = 0; forever < 2; forever++)
		for (uint64_t i = 0; i < (all < tries ? all : tries); i++)
			scenario_with_fault(g, name, which(i, all), forever);
	/* What the last faulty run saw is not what the fixture asks about. */
	cg_memory_init(g->cg, &g->platform);
}

/* --- All of them, as tests ------------------------------------------------------------------------ */

#define TESTS_MAX 400u

static struct CMUnitTest test_of(const char *name, CMUnitTestFunction fn, void *what)
{
	size_t size = strlen(name) + 32;
	char *full = malloc(size);

	assert_non_null(full);
	snprintf(full, size, "s60_faults_in_%s", name);
	return (struct CMUnitTest){ .name = full, .test_func = fn, .teardown_func = fx_teardown,
				    .initial_state = what };
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TESTS_MAX];
	struct cg_scenario_info info;
	size_t n = 0;
	int failed;

	if (argc > 1 && strcmp(argv[1], "--all") == 0)
		tries = UINT64_MAX / 2;
	for (const struct flow *flow = flows; flow->name; flow++)
		tests[n++] = test_of(flow->name, flow_with_faults, (void *)(uintptr_t)flow);
	for (uint32_t i = 0; n < TESTS_MAX && cg_scenario(i, &info); i++)
		tests[n++] = test_of(info.name, scenario_with_faults, (void *)(uintptr_t)info.name);
	failed = _cmocka_run_group_tests("everything", tests, n, NULL, NULL);
	while (n--)
		free((void *)(uintptr_t)tests[n].name);
	return failed;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario 60 for the tests beside this file: the n-th host operation fails, once and
 * for good, for every n, in every one of them.
 *
 * Linked with a scenario program, this takes the place of cmocka's runner and of its
 * assertions (the linker's --wrap). What a test expects of an undisturbed world means
 * nothing here: at the first assertion that does not hold the test is abandoned where
 * it is, as a guest that crashed. What must hold all the same is the fixture's to see:
 * the oracles of test host and model, and after the guests' end that nothing is pinned,
 * held or allocated.
 *
 * A test with very many operations is tried at some of them only; with OM_TEST_ALL in
 * the environment, at up to ALL_TRIES.
 */
#define _GNU_SOURCE	/* setitimer() */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define QUICK_TRIES	12u
#define ALL_TRIES	4000u
#define TRY_SECONDS	60	/* of the processor: a busy machine does not use them up */
#define NO_FAULT	(UINT64_C(1) << 40)

/* The test under way, and the next machine's fault. */
static const char *torturing;
static uint64_t fault_at;
static bool fault_forever;
static struct fx *machine;

static jmp_buf abandoned;
static bool in_test;

static uint64_t tries = QUICK_TRIES;

/* --- Assertions ------------------------------------------------------------------------------ */

/*
 * In the middle of an SMC the test cannot be left: a vCPU does not stop inside of the
 * hypervisor. It goes on, and is left at the next assertion outside.
 */
static void check(bool good)
{
	if (!good && in_test && !test_guest_is_calling())
		longjmp(abandoned, 1);
}

void __wrap__assert_true(uintmax_t result, const char *expression, const char *file, int line);
void __wrap__assert_true(uintmax_t result, const char *expression, const char *file, int line)
{
	(void)expression, (void)file, (void)line;
	check(result);
}

void __wrap__assert_int_equal(uintmax_t a, uintmax_t b, const char *file, int line);
void __wrap__assert_int_equal(uintmax_t a, uintmax_t b, const char *file, int line)
{
	(void)file, (void)line;
	check(a == b);
}

void __wrap__assert_int_not_equal(uintmax_t a, uintmax_t b, const char *file, int line);
void __wrap__assert_int_not_equal(uintmax_t a, uintmax_t b, const char *file, int line)
{
	(void)file, (void)line;
	check(a != b);
}

void __wrap__assert_in_range(uintmax_t value, uintmax_t min, uintmax_t max, const char *file,
			     int line);
void __wrap__assert_in_range(uintmax_t value, uintmax_t min, uintmax_t max, const char *file,
			     int line)
{
	(void)file, (void)line;
	check(value >= min && value <= max);
}

void __wrap__assert_memory_equal(const void *a, const void *b, size_t size, const char *file,
				 int line);
void __wrap__assert_memory_equal(const void *a, const void *b, size_t size, const char *file,
				 int line)
{
	(void)file, (void)line;
	check(memcmp(a, b, size) == 0);
}

void __wrap__fail(const char *file, int line);
void __wrap__fail(const char *file, int line)
{
	(void)file, (void)line;
	check(false);
}

/* --- One run ----------------------------------------------------------------------------------- */

static void arm(struct fx *f)
{
	machine = f;
	f->quiet = true;
	f->anomalies_expected = true;
	test_host_fail(f->host, TEST_FAULTS_ALL, fault_at, fault_forever);
}

/* Operations that went by since arm(); none when the test injects faults of its own. */
static uint64_t passed_by(const struct fx *f)
{
	int64_t left = atomic_load(&f->host->fault_countdown);

	return left > (int64_t)(NO_FAULT / 2) ? NO_FAULT - (uint64_t)left : 0;
}

/* What points into the stack of a test that is no more. */
static void let_go(struct fx *f)
{
	test_host_fail(f->host, 0, 0, false);
	f->before_smc = NULL;
	f->after_smc = NULL;
	f->host->on_op = NULL;
	f->host->authorize = NULL;
	model_on_enter(f->model, NULL, NULL);
	model_on_return(f->model, NULL, NULL);
	for (uint32_t i = 0; i < f->guests; i++)
		f->guest[i].cg->verdict.failures = 0;
}

/* A try that never ends: abort() keeps where it was, for a debugger. */
static void never_ends(int signal)
{
	(void)signal;
	fprintf(stderr, "%s, operation %llu fails%s: never ends\n", torturing,
		(unsigned long long)fault_at, fault_forever ? " for good" : "");
	abort();
}

/* 0: none any more. */
static void limit(time_t seconds)
{
	const struct itimerval timer = { .it_value.tv_sec = seconds };

	signal(SIGPROF, never_ends);
	setitimer(ITIMER_PROF, &timer, NULL);
}

/* Returns how many operations there were; a fault beyond the last one is none. */
static uint64_t run(const struct CMUnitTest *test, uint64_t n, bool forever)
{
	void *state = test->initial_state;
	uint64_t operations;

	torturing = test->name;
	fault_at = n;
	fault_forever = forever;
	machine = NULL;
	limit(TRY_SECONDS);
	in_test = true;
	if (!setjmp(abandoned))
		test->test_func(&state);
	in_test = false;
	limit(0);
	if (!machine)
		return 0;
	operations = passed_by(machine);
	let_go(machine);
	state = machine;
	if (fx_teardown(&state)) {
		printf("%s, operation %llu fails%s: see above\n", test->name,
		       (unsigned long long)n, forever ? " for good" : "");
		exit(1);
	}
	return operations;
}

static uint64_t torture(const struct CMUnitTest *test)
{
	uint64_t all = run(test, NO_FAULT, false);
	uint64_t n = all < tries ? all : tries;

	for (uint32_t forever = 0; forever < 2; forever++)
		for (uint64_t i = 0; i < n; i++)
			run(test, n == all ? i + 1 : 1 + i * (all - 1) / (n - 1), forever);
	printf("%-70s %8llu operations, %5llu of them fail\n", test->name,
	       (unsigned long long)all, (unsigned long long)n);
	return 2 * n;
}

/* --- All of them --------------------------------------------------------------------------------- */

int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	const char *thorough = getenv("OM_TEST_ALL");
	uint64_t runs = 0;
	size_t tortured = 0;

	(void)setup, (void)teardown;
	if (thorough && *thorough)
		tries = ALL_TRIES;
	fx_on_new = arm;
	for (size_t i = 0; i < n; i++) {
		uint64_t more = torture(&tests[i]);

		runs += more;
		tortured += more != 0;
	}
	printf("%s: %zu of %zu tests, %llu runs with a fault, nothing left behind\n", group,
	       tortured, n, (unsigned long long)runs);
	return 0;
}

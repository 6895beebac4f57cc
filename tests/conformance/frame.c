/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the conformance guest's scenarios. See frame.h. */
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TESTS_MAX 4000u

static const struct frame *frame;
static struct frame_test tests[TESTS_MAX];
static struct CMUnitTest units[TESTS_MAX];
static size_t count;

static char last_line[256];	/* of the guest's log */
static bool print;		/* all of them */

static void take_line(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(last_line, sizeof(last_line), "%s", line);
	if (print)
		printf("%s\n", line);
}

static void run_scenario(void **state)
{
	const struct frame_test *t = *state;
	struct cg_platform *platform = frame->begin(t->set_up);
	struct cg_summary summary;
	bool good;

	platform->log = take_line;
	good = cg_run(platform, t->scenario, &summary);
	if (!good || summary.skipped)
		print_message("%s\n", last_line);
	assert_true(good);
	assert_int_equal(summary.passed + summary.skipped, 1);
	frame->end();
}

static void add(size_t set_up, const char *scenario, const char *filter)
{
	struct frame_test *t = &tests[count];

	if (count == TESTS_MAX)
		abort();
	t->set_up = set_up;
	t->scenario = scenario;
	snprintf(t->name, sizeof(t->name), "%s/%s", frame->set_up(set_up), scenario);
	if (frame->applies && !frame->applies(t))
		return;
	if (!frame_begins(t->name, filter) && !frame_begins(scenario, filter))
		return;
	units[count++] = (struct CMUnitTest){
		.name = t->name, .test_func = run_scenario, .initial_state = t };
}

static int print_digests(const char *name)
{
	struct cg_platform *platform;
	struct cg_summary summary;
	size_t i = 0;

	while (name && strcmp(frame->set_up(i), name) != 0)
		if (!frame->set_up(++i))
			return 2;
	platform = frame->begin(i);
	platform->log = take_line;
	print = true;
	cg_run(platform, NULL, &summary);
	printf("%u passed, %u failed, %u skipped; %u checks, %u without means; digest %016llx\n",
	       summary.passed, summary.failed, summary.skipped, summary.checks,
	       summary.unchecked, (unsigned long long)summary.digest);
	fflush(stdout);
	frame->end();
	return summary.failed != 0;
}

int frame_main(const struct frame *of, int argc, char **argv)
{
	bool digests = argc > 1 && strcmp(argv[1], "--digests") == 0;
	const char *filter = argc > 1 + digests ? argv[1 + digests] : NULL;
	struct cg_scenario_info info;

	frame = of;
	if (digests)
		return print_digests(filter);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t s = 0; frame->set_up(s); s++)
		for (unsigned int i = 0; cg_scenario(i, &info); i++)
			add(s, info.name, filter ? filter : "");
	return _cmocka_run_group_tests(frame->group, units, count, NULL, NULL);
}

void frame_other_begin(struct frame_other *other, struct cg_guest *g, struct cg_platform *first)
{
	uint32_t session;

	assert_true(cg_buf_make(g, &other->buffer, 5000, 0));
	assert_int_equal(cg_register(g, &other->buffer), TEEC_SUCCESS);
	assert_int_equal(cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	assert_true(cg_time_init(&other->call, g, session));
	assert_true(cg_until(&other->call, OPTEE_SMC_RETURN_RPC_ALLOC));
	first->foreign_cookie = other->buffer.cookie;
	first->foreign_call = (uint32_t)other->call.id;
}

void frame_other_end(struct frame_other *other)
{
	struct cg_guest *g = other->call.g;

	cg_finish(&other->call);
	assert_int_equal(cg_result(&other->call), TEEC_SUCCESS);
	assert_int_equal(cg_unregister(g, other->buffer.cookie), TEEC_SUCCESS);
	assert_int_equal(g->anomalies, 0);
}

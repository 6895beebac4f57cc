/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the conformance guest's scenarios. See frame.h. */
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

#define TESTS_MAX 4000u

static struct frame_test tests[TESTS_MAX];
static struct CMUnitTest units[TESTS_MAX];
static size_t count;

static void add(const struct frame *frame, size_t set_up, const char *scenario, const char *filter)
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
		.name = t->name, .test_func = frame->run, .initial_state = t };
}

int frame_run(const struct frame *frame, const char *filter)
{
	struct cg_scenario_info info;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t s = 0; frame->set_up(s); s++)
		for (unsigned int i = 0; cg_scenario(i, &info); i++)
			add(frame, s, info.name, filter ? filter : "");
	return _cmocka_run_group_tests(frame->group, units, count, NULL, NULL);
}

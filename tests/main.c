/* SPDX-License-Identifier: BSD-2-Clause */
/* The main() of test programs. See test.h. Must not know what is tested. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TESTS_MAX	256u

static struct CMUnitTest tests[TESTS_MAX];
static size_t count;

void test_register(const char *name, CMUnitTestFunction run, CMFixtureFunction set_up,
		   CMFixtureFunction tear_down)
{
	if (count == TESTS_MAX)
		abort();
	tests[count++] = (struct CMUnitTest){
		.name = name, .test_func = run, .setup_func = set_up, .teardown_func = tear_down,
	};
}

/* Only those whose name is or begins with this. */
static void select_tests(const char *filter)
{
	size_t selected = 0;

	for (size_t i = 0; i < count; i++)
		if (strncmp(tests[i].name, filter, strlen(filter)) == 0)
			tests[selected++] = tests[i];
	count = selected;
}

int main(int argc, char **argv)
{
	const char *folder = strrchr(argv[0], '/');

	if (argc > 1)
		select_tests(argv[1]);
	if (count == 0) {
		fprintf(stderr, "%s: there is no such test\n", argv[0]);
		return 2;
	}
	return _cmocka_run_group_tests(folder ? folder + 1 : argv[0], tests, count, NULL, NULL);
}

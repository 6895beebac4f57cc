/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every cmocka test is written with. A test is named once, where its code is:
 *
 *	TEST(s31_i7_cookie_of_something_live_is_not_told)
 *	{
 *		... *state, if it has a set-up ...
 *	}
 *
 * It runs in the program that its file is linked into, in the order of the files and of the
 * text. main.c has the main() of these programs: their argument is a name, or how names begin.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(name)	TEST_IN(name, NULL, NULL)

/* With what is run before and after it; NULL: nothing. */
#define TEST_IN(name, set_up, tear_down)						\
	static void name(void **state);							\
	__attribute__((constructor)) static void register_##name(void)			\
	{										\
		test_register(#name, name, set_up, tear_down);				\
	}										\
	static void name(void **state __attribute__((unused)))

void test_register(const char *name, CMUnitTestFunction run, CMFixtureFunction set_up,
		   CMFixtureFunction tear_down);

#endif

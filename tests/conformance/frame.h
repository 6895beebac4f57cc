/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame in which a host program runs the conformance guest: every scenario in every
 * set-up is a test of its own, "set-up/scenario". What a set-up is the program knows.
 */
#ifndef TESTS_CONFORMANCE_FRAME_H
#define TESTS_CONFORMANCE_FRAME_H

#include "test.h"

struct frame_test {
	size_t set_up;
	const char *scenario;
	char name[120];
};

struct frame {
	const char *group;
	/* The name of the n-th set-up, NULL when there are no more. */
	const char *(*set_up)(size_t n);
	/* Runs one; *state is its struct frame_test. */
	CMUnitTestFunction run;
	/* Optional: false for a test that this program leaves out. */
	bool (*applies)(const struct frame_test *test);
};

/* All of them, or those whose name, with or without the set-up's, begins with filter. */
int frame_run(const struct frame *frame, const char *filter);

static inline bool frame_begins(const char *s, const char *beginning)
{
	while (*beginning && *s == *beginning)
		s++, beginning++;
	return *beginning == '\0';
}

#endif

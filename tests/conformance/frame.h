/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame in which a host program runs the conformance guest: every scenario in every
 * set-up is a test of its own, "set-up/scenario", in a machine of its own. What a set-up is
 * the program knows, and how a machine of it begins and ends.
 *
 *	PROGRAM [name or beginning of a name, with or without the set-up's]
 *	PROGRAM --digests SET-UP
 *
 * --digests prints the guest's own lines and no test results: to be compared with what the
 * same guest prints elsewhere.
 */
#ifndef TESTS_CONFORMANCE_FRAME_H
#define TESTS_CONFORMANCE_FRAME_H

#include "client.h"
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
	/* A machine of this set-up: the platform of the guest in it, but for its log. */
	struct cg_platform *(*begin)(size_t set_up);
	/* The guest has given back what it had; then the machine's end. */
	void (*end)(void);
	/* Optional: false for a test that this program leaves out. */
	bool (*applies)(const struct frame_test *test);
};

int frame_main(const struct frame *frame, int argc, char **argv);

/*
 * Another guest of the machine, with a buffer and a call that waits all the time. The first
 * guest gets to know their names. At the end nothing has happened to them.
 */
struct frame_other {
	struct cg_buf buffer;
	struct cg_call call;
};
void frame_other_begin(struct frame_other *other, struct cg_guest *g, struct cg_platform *first);
void frame_other_end(struct frame_other *other);

static inline bool frame_begins(const char *s, const char *beginning)
{
	while (*beginning && *s == *beginning)
		s++, beginning++;
	return *beginning == '\0';
}

#endif

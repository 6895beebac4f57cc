/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conversations that together take every way there is through the mediator, for
 * tests that disturb them at every step.
 */
#ifndef TESTS_SCENARIOS_FLOWS_H
#define TESTS_SCENARIOS_FLOWS_H

#include "fixture.h"

struct flow {
	const char *name;
	/*
	 * strict: every result must be the one of an undisturbed world. Else any
	 * result will do, and whatever the guest could not give back stays.
	 */
	void (*run)(struct fx_guest *g, bool strict);
};

/* Ends with an entry without name. */
extern const struct flow flows[];

/* All of them, one after the other. */
void flows_run(struct fx_guest *g, bool strict);

#endif

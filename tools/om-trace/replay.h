/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the library in the world of a recording. The library is that which this program is
 * linked with; the world is what the recording says it answered.
 */
#ifndef OM_TRACE_REPLAY_H
#define OM_TRACE_REPLAY_H

#include <optee_mediator/trace.h>

#include "reader.h"

/* What the library traced when it was run, on which CPU, and before which record. */
struct replay_event {
	size_t record;
	uint32_t cpu;
	struct om_trace_event event;
};

struct replay_result {
	size_t records;		/* that were the same, from the first on */
	bool differs;
	char why[1200];		/* when it differs: one line, without the file's name */
	struct replay_event *event;	/* for free(); only if asked for */
	size_t events;
};

/* False: it could not be tried, and result->why says so in a line. */
bool replay(const struct recording *r, bool trace, struct replay_result *result);

#endif

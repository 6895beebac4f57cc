/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts, for each of a guest's yielding calls, on which vCPU it began and on which it
 * ended: a guest's scheduler may move a thread whose call waits to be resumed. The library
 * does not mind. This is here to show that it happened; an embedder has no need of it.
 */
#ifndef EXAMPLES_MOVES_H
#define EXAMPLES_MOVES_H

#include <stdint.h>

#define MOVES_CPUS	8
#define MOVES_WAITING	16	/* calls in flight; more are not counted */

/* Zero it before a guest's first call. */
struct moves {
	uint64_t ended[MOVES_CPUS][MOVES_CPUS];	/* begun on the first, ended on the second */
	struct {
		uint32_t id;			/* by which it will be resumed, 0: free */
		unsigned int began;
	} waiting[MOVES_WAITING];
	uint32_t lock;
};

/*
 * After each SMC of the guest, before it runs on: x is x0..x3 as it made it, answer what it
 * gets. Any vCPU at any time.
 */
void moves_note(struct moves *m, unsigned int vcpu, const uint64_t x[], const uint64_t answer[]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts, for each of a guest's yielding calls, on which vCPU it began and on which it
 * ended: a guest's scheduler may move a thread whose call waits to be resumed. The library
 * supports that without help. This module shows that it happened; an embedder does not
 * need it.
 */
#ifndef EXAMPLES_MOVES_H
#define EXAMPLES_MOVES_H

#include <stdint.h>

#define MOVES_CPUS	8
#define MOVES_WAITING	16	/* calls in flight; more are not counted */

/* Zero it before a guest's first call. */
struct moves {
	uint64_t ended[MOVES_CPUS][MOVES_CPUS];	/* [vCPU it began on][vCPU it ended on] */
	struct {
		uint32_t id;			/* the call's id; 0: this entry is free */
		unsigned int began;
	} waiting[MOVES_WAITING];
	uint32_t lock;
};

/*
 * Call it after each SMC of the guest, before the guest continues. x: x0..x3 of the SMC;
 * answer: its results. Any vCPU at any time.
 */
void moves_note(struct moves *m, unsigned int vcpu, const uint64_t x[], const uint64_t answer[]);

#endif

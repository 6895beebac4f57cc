/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: a function that is run later, on an idle vCPU, with nothing held. */
#ifndef STAND_IN_XEN_TASKLET_H
#define STAND_IN_XEN_TASKLET_H

#include <xen/types.h>

struct tasklet {
	void (*func)(void *data);
	void *data;
	struct tasklet *next;	/* of those that are scheduled */
	bool scheduled;
};

void tasklet_init(struct tasklet *t, void (*func)(void *data), void *data);
/* Once, however often it is called before the function runs. */
void tasklet_schedule(struct tasklet *t);
/* It does not run any more, and is not scheduled; it may have been neither. */
void tasklet_kill(struct tasklet *t);

#endif

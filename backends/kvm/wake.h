/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptor that a VMM waits on after OM_KVM_AGAIN: readable while there is a reason to
 * call again. Knows nothing of what the reasons are about.
 */
#ifndef OM_KVM_WAKE_H
#define OM_KVM_WAKE_H

#include <pthread.h>
#include <stdbool.h>

enum om_wake_reason {
	OM_WAKE_IDLE = 1 << 0,		/* a reset or destruction would succeed */
	OM_WAKE_MEMORY = 1 << 1,	/* the removal of a region would succeed */
};

struct om_wake {
	pthread_mutex_t lock;	/* the innermost: nothing else is locked under it */
	int fd;			/* an eventfd; its counter is 0 when there is no reason, else 1 */
	unsigned int reasons;
};

/* False: no descriptor can be had. */
bool om_wake_init(struct om_wake *wake);
void om_wake_exit(struct om_wake *wake);

/* Adds a reason, or takes it away. */
void om_wake_set(struct om_wake *wake, enum om_wake_reason reason, bool present);

#endif

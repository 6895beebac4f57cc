/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptor to wait on. See wake.h. */
#define _GNU_SOURCE
#include "wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

bool om_wake_init(struct om_wake *wake)
{
	wake->reasons = 0;
	wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake->fd < 0)
		return false;
	pthread_mutex_init(&wake->lock, NULL);
	return true;
}

void om_wake_exit(struct om_wake *wake)
{
	pthread_mutex_destroy(&wake->lock);
	close(wake->fd);
}

void om_wake_set(struct om_wake *wake, enum om_wake_reason reason, bool present)
{
	unsigned int bit = reason;
	unsigned int before;
	eventfd_t value;

	pthread_mutex_lock(&wake->lock);
	before = wake->reasons;
	wake->reasons = present ? before | bit : before & ~bit;
	if (!before && wake->reasons)
		(void)eventfd_write(wake->fd, 1);
	else if (before && !wake->reasons)
		(void)eventfd_read(wake->fd, &value);
	pthread_mutex_unlock(&wake->lock);
}

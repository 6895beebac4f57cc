/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection of one VMM: takes its requests, and its vCPUs' calls on a thread for each,
 * and gives them to the guest. Knows the protocol (mediatord.h); of the backend it knows
 * what kvm_guest.h says.
 *
 * What the VMM sends is not trusted: a message that is not of the protocol ends the
 * connection, and with it the guest. It harms nobody else, for this process has no other.
 */
#ifndef MEDIATORD_CONNECTION_H
#define MEDIATORD_CONNECTION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "mediatord.h"

struct guest;
struct connection;

struct vcpu {
	struct connection *connection;
	unsigned int index;
	int fd;				/* our end of its channel */
	bool started;			/* its thread is to be joined */
	pthread_t thread;
};

struct connection {
	struct guest *guest;
	int fd;				/* the VMM's */
	bool greeted;			/* HELLO has come */
	const char *_Atomic broken;	/* why it ended, or NULL: the VMM closed it */
	pthread_rwlock_t calls;		/* read: a call; write: a reset */
	bool resetting;			/* written with calls held for writing */
	bool waiting;			/* something was answered AGAIN: READY is to follow */
	struct vcpu vcpu[OM_MEDIATORD_VCPUS];
};

/* fd: a connected socket, which the caller closes when connection_end() has returned. */
void connection_begin(struct connection *connection, struct guest *guest, int fd);
/* Serves the VMM until it has gone or says something that is not of the protocol. */
void connection_serve(struct connection *connection);
/* Ends the threads: none uses the guest any more. */
void connection_end(struct connection *connection);

#endif

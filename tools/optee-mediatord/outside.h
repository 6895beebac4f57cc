/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is seen of a guest from outside: its counters as OpenMetrics, its conversation with
 * OP-TEE as text. On a Unix stream socket, by HTTP/1.0, because monitoring and curl speak it:
 *
 *	GET /metrics	the counters, and the end
 *	GET /trace	a line for each event, until the reader goes; one reader at a time
 *
 * Who may connect is the operator: the socket's permissions say who that is.
 */
#ifndef MEDIATORD_OUTSIDE_H
#define MEDIATORD_OUTSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guest;
struct om_trace_event;

struct outside {
	const char *name;		/* the guest's */
	pthread_mutex_t lock;		/* what follows, but reader's being looked at */
	const struct guest *guest;	/* or NULL: it is gone */
	pid_t vmm;			/* who is connected; 0: nobody */
	uid_t user;
	atomic_int reader;		/* of the trace, or -1 */
	uint64_t lost;			/* lines that the reader was too slow for */
	int listener;
	int stop;			/* an eventfd */
	bool started;
	pthread_t thread;
};

/* listener: a socket, or -1: nobody looks. Returns false without memory or descriptors. */
bool outside_begin(struct outside *outside, const char *name, const struct guest *guest,
		   int listener);
/* A VMM is there. */
void outside_connected(struct outside *outside, pid_t vmm, uid_t user);
/* Before the guest is destroyed. */
void outside_end(struct outside *outside);

/* An event of the guest's; any thread. Costs a load when nobody reads. */
void outside_trace(struct outside *outside, const struct om_trace_event *event);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of optee-mediatord share: a daemon's guest on a fake TEE device, served by a
 * thread of this process, and the VMM's end of its connection. The driver in the guest is that
 * of the backend's tests (../kvm/rig.h), with its calls through the vCPUs' channels.
 */
#ifndef MEDIATORD_RIG_H
#define MEDIATORD_RIG_H


#include "connection.h"
#include "kvm_guest.h"
#include "kvm/rig.h"
#include "om_client.h"

/* The id of the memory at SHARED_GPA. */
#define MEMORY_ID	0x77u

struct daemon_rig {
	struct rig kvm;			/* the first member: of it tee, shared, call */
	struct guest *guest;
	struct connection connection;
	pthread_t thread;
	bool served;			/* the thread has been joined */
	struct om_client client;	/* its fd is the VMM's end */
	int file;			/* the guest's memory */
	int channel[DRIVER_SLOTS];	/* of vCPUs; -1: not open */
	uint32_t descriptors;		/* of the process, at the beginning */
};

/* The one that tests use, one at a time. */
extern struct daemon_rig daemon_rig;

/* A connection on which nothing has been said. os: of the TEE device; NULL: the fake's. */
struct daemon_rig *daemon_start_on(const struct om_kvm_os *os);
struct daemon_rig *daemon_start(void);
/* HELLO; memory MEMORY_ID at SHARED_GPA, a channel for each of the first n vCPUs. */
void daemon_greet(struct daemon_rig *rig);
void daemon_populate(struct daemon_rig *rig, uint32_t vcpus);
/* Waits until the daemon's side has ended, and says why: NULL, the VMM has gone. */
const char *daemon_served(struct daemon_rig *rig);
/* The VMM goes, if it has not; nothing is left of it, no descriptor either. */
void daemon_stop(struct daemon_rig *rig);

/* A test with a guest that has memory and two vCPUs. */
#define DAEMON_TEST(name)								\
	static void name##_on(struct daemon_rig *daemon, struct rig *rig);		\
	TEST_IN(name, daemon_set_up, daemon_tear_down)					\
	{										\
		name##_on(*state, &((struct daemon_rig *)*state)->kvm);			\
	}										\
	static void name##_on(struct daemon_rig *daemon __attribute__((unused)),	\
			      struct rig *rig __attribute__((unused)))
int daemon_set_up(void **state);
int daemon_tear_down(void **state);

#endif

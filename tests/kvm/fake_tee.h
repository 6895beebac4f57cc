/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TEE device in software, behind the system calls that the KVM backend makes:
 * contexts, sessions, registered memory, a TA, a few functions of OP-TEE's pseudo-TAs
 * invoke_tests and stats, and what Linux refuses. Failures can be injected. It
 * works on the very memory it was given, as OP-TEE does, and its descriptors are the
 * process's own.
 *
 * Facts of Linux it keeps to: a context's sessions live until its descriptor, its
 * registrations and its calls are all gone; ids belong to the context that made
 * them; the length of an argument has to be exact; an unknown session is EINVAL; a
 * CLOSE_SESSION that fails otherwise has forgotten the session all the same
 * (drivers/tee/optee/call.c); registrations are not closed on exec (since 5.17).
 */
#ifndef FAKE_TEE_H
#define FAKE_TEE_H

#include <pthread.h>

#include <optee_mediator/kvm.h>

#define FAKE_CONTEXTS	8
#define FAKE_SESSIONS	64
#define FAKE_SHMS	256

/* The TA that is there. */
extern const uint8_t fake_ta_uuid[16];

/* What it does, by func. */
enum fake_func {
	FAKE_NOTHING,
	FAKE_VALUES,	/* each VALUE: a += 1, b ^= a; c is overwritten */
	FAKE_MEMORY,	/* IN: summed up into param 3's a; OUT: filled with 0x5a; INOUT: +1 */
	FAKE_SHORT,	/* OUT, INOUT: size becomes twice what it was, SHORT_BUFFER */
	FAKE_LESS,	/* OUT, INOUT: all filled with 0xee, size becomes 3 */
	FAKE_UNTOUCHED,	/* nothing is written, sizes stay */
	FAKE_BLOCK,	/* until fake_release() or a cancellation: TEEC_ERROR_CANCEL */
	FAKE_STUBBORN,	/* until fake_release(), whatever is cancelled */
	FAKE_PEEK,	/* param 3's a: bytes not 0 of param 0's last page behind its end */
	FAKE_DIE,	/* TARGET_DEAD */
	FAKE_UNKNOWN	/* and beyond: NOT_SUPPORTED */
};

struct fake_context {
	bool used;
	bool open;		/* its descriptor: */
	int fd;
	uint32_t refs;
};

enum fake_ta {
	FAKE_TA,
	FAKE_INVOKE_TESTS,
	FAKE_STATS,
	FAKE_NO_TA
};

struct fake_session {
	uint32_t id;		/* 0: free */
	uint32_t context;
	uint32_t cancelled;	/* last cancel_id asked for, + 1 */
	uint32_t login;
	uint8_t client[16];
	enum fake_ta ta;
};

struct fake_shm {
	int32_t id;		/* 0: free */
	int fd;
	uint32_t context;
	uint8_t *va;
	uint64_t size;
};

/* A failure to come: the nth system call of this kind from now on. */
struct fake_fault {
	unsigned long request;	/* TEE_IOC_*, or one of the next two; 0: any */
	uint32_t nth;		/* 0: none */
	bool for_good;
	int error;		/* -errno */
};
#define FAKE_OPEN	1ul
#define FAKE_CLOSE	2ul

struct fake_tee {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct om_kvm_os os;	/* for the backend */
	uint32_t impl_id;
	uint32_t gen_caps;
	struct fake_context context[FAKE_CONTEXTS];
	struct fake_session session[FAKE_SESSIONS];
	struct fake_shm shm[FAKE_SHMS];
	struct fake_fault fault;
	uint32_t next_id;
	uint32_t blocked;	/* calls that wait in the TA now */
	bool released;
	uint64_t resumes;
	uint32_t in_flight;	/* ioctls now, and at most */
	uint32_t most_in_flight;
	uint32_t count[16];	/* by TEE_IOC number */
	uint32_t opens;
	bool sandboxed;		/* fcntl() makes no descriptor that is inherited */
	uint32_t descriptors;	/* of the process, at fake_init() */
	uint32_t last_cancel_id;
	uint32_t lost_cancels;	/* the next ones come before what they would cancel, */
	bool holds_cancels;	/* ... and return when this is false */
};

void fake_init(struct fake_tee *tee);
void fake_exit(struct fake_tee *tee);

/* Lets the calls that block go on, now and from now on; or block again. */
void fake_release(struct fake_tee *tee, bool released);
/* The guest resumed a call: what takes as long as that goes on. */
void fake_resumed(struct fake_tee *tee);
/* Waits until n calls block in the TA. */
void fake_wait_blocked(struct fake_tee *tee, uint32_t n);

/* The descriptors of this process; only those that a program it executes would get. */
uint32_t fake_descriptors(void);
uint32_t fake_inherited(void);

/* Contexts, sessions and registrations that are left, and descriptors of any kind. */
uint32_t fake_left(struct fake_tee *tee);
uint32_t fake_sessions(struct fake_tee *tee);
/* Linux does not know the session any more, whatever is done in it. */
void fake_forget(struct fake_tee *tee, uint32_t session);
uint32_t fake_shms(struct fake_tee *tee);

#endif

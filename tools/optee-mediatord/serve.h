/* SPDX-License-Identifier: BSD-2-Clause */
/* optee-mediatord's options, and the life of one guest. */
#ifndef MEDIATORD_SERVE_H
#define MEDIATORD_SERVE_H

#include <stdbool.h>

struct om_kvm_os;

struct options {
	const char *name;		/* the guest's, for its policy and for who looks on */
	const char *policy;		/* a file, or NULL: all TAs */
	const char *tee_device;
	bool login;
	int socket;			/* where the VMM connects: it listens */
	int control;			/* where others look on; -1: nowhere */
	bool sandbox;
	const struct om_kvm_os *os;	/* NULL: Linux' */
};

/* What the process ends with. */
enum { SERVED = 0, FAILED = 1, CANNOT_START = 2 };

/*
 * Prepares all that a guest takes, gives up the rest, waits for a VMM, serves it until it
 * goes. One line on standard error for each of these.
 */
int serve_guest(const struct options *options);

/*
 * Reads the command line, gets the sockets, and serves guest after guest: main(), but that tests
 * have a TEE device of their own, and sanitizers cannot work in the sandbox.
 */
int mediatord(int argc, char **argv, const struct om_kvm_os *os, bool sandbox);

#endif

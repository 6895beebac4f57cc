/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VMM does to have optee-mediatord serve its guest: om_client.c and .h and
 * mediatord.h are to be copied into the VMM. They need Linux' headers and a libc.
 *
 * Order: om_client_connect(); om_client_add_memory() for each region of RAM;
 * om_client_open_vcpu() for each vCPU; om_client_set_filter(), before any of them runs;
 * then om_client_handle_exit() at each KVM_EXIT_HYPERCALL.
 *
 * Functions return a value of enum om_mediatord_result, or -errno in the range below
 * OM_CLIENT_ERRNO. Those on a struct om_client are called by one thread at a time, those
 * on a vCPU's channel by that vCPU's thread: no locks are needed.
 */
#ifndef OM_CLIENT_H
#define OM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "mediatord.h"

/* An error that is not in an answer: -errno less this. */
#define OM_CLIENT_ERRNO		1000

struct om_client {
	int fd;		/* poll it: when it is readable, om_client_events(). -1: none */
	bool ready;	/* what was answered AGAIN may now succeed; the VMM clears it */
};

/*
 * Connects to the daemon's socket and agrees on the version. On an error client->fd is -1.
 * Waits while the daemon serves another guest, or has not done with one that has ended.
 */
int om_client_connect(struct om_client *client, const char *path);

/* Ends the guest's OP-TEE: its sessions are closed. The channels are closed by their owner. */
void om_client_disconnect(struct om_client *client);

/* A region of RAM: size bytes at offset of file, which may be closed afterwards. */
int om_client_add_memory(struct om_client *client, uint64_t id, uint64_t gpa, uint64_t size,
			 int file, uint64_t offset);
/* AGAIN: leave the memory as it is, and call it again when client->ready is set. */
int om_client_remove_memory(struct om_client *client, uint64_t id);
/* IN_USE: leave the memory where it is. */
int om_client_may_discard(struct om_client *client, uint64_t gpa, uint64_t size);

/* *channel: set on success; the caller closes it, after its thread has ended. */
int om_client_open_vcpu(struct om_client *client, unsigned int vcpu, int *channel);

/* All vCPUs are stopped. Waits for a second for calls to end. AGAIN: call it again. */
int om_client_reset(struct om_client *client);

/* Takes the events that have come, without waiting: see client->ready. */
int om_client_events(struct om_client *client);

/*
 * One call of the guest's: x is x0..x7, of which those of om_client_wanted() are filled in;
 * on OK and NEW_DRIVER x[0..3] are the results. On an error x[0..3] are what an OP-TEE that
 * is not there would say: when they are given to the guest, its clients get errors and it
 * lives.
 */
int om_client_call(int channel, uint64_t x[8]);

/* The registers x1..x7 that a call by this function id takes, a bit each; 0 for others. */
unsigned int om_client_wanted(uint32_t function);

struct kvm_run;

/*
 * Handles an exit of a vCPU: registers, call, registers. NOT_MINE: the VMM handles it. On
 * every other result, errors included, the guest can go on.
 */
int om_client_handle_exit(int channel, int vcpu_fd, const struct kvm_run *run);

/* Has KVM give the guest's OP-TEE calls to the VMM; before any vCPU of the VM has run. */
int om_client_set_filter(int vm_fd);

/* A result as a sentence; a static string, or strerror()'s. */
const char *om_client_text(int result);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest that this process serves: a backend for KVM, and the memory that the VMM has
 * lent. Knows the backend; must not know the protocol, nor who speaks it.
 *
 * Any function may be called on any thread; of guest_reset() the caller sees to it that no
 * guest_call() runs beside it.
 */
#ifndef MEDIATORD_KVM_GUEST_H
#define MEDIATORD_KVM_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <optee_mediator/kvm.h>

#define GUEST_REGIONS	256u

struct guest_options {
	const char *tee_device;		/* or NULL: the backend's default */
	const struct om_kvm_os *os;	/* or NULL: Linux' */
	bool login;			/* OM_KVM_LOGIN_AS_VMM: as this process' user */
	const struct om_policy *policy;	/* or NULL */
	uint32_t workers, sessions;	/* 0: the backend's defaults */
	void *user;			/* of this: */
	void (*trace)(void *user, const struct om_trace_event *event);
};

struct guest;

/* Returns a value of enum om_kvm_result. */
int guest_create(const struct guest_options *options, struct guest **out);

/*
 * The protocol's requests: they return a value of enum om_mediatord_result, and need nothing
 * of an argument. Those on memory are for one thread at a time.
 */
/* Size bytes at offset of the file, which the caller closes. */
int guest_add_memory(struct guest *guest, uint64_t id, uint64_t gpa, uint64_t size, int file,
		     uint64_t offset);
int guest_remove_memory(struct guest *guest, uint64_t id);
int guest_may_discard(struct guest *guest, uint64_t gpa, uint64_t size);
int guest_call(struct guest *guest, unsigned int vcpu, struct om_regs *regs);
/* Waits for up to a second. */
int guest_reset(struct guest *guest);
/* Readable: what returned AGAIN may now succeed. */
int guest_wait_fd(const struct guest *guest);

/* As guest_reset(); on OM_MEDIATORD_OK the guest is gone. */
int guest_destroy(struct guest *guest);

uint64_t guest_counter(const struct guest *guest, enum om_counter which);
uint64_t guest_tee_counter(const struct guest *guest, enum om_kvm_counter which);

#endif

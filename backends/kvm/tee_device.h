/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TEE device: the one file descriptor of a guest, its ioctls, and counting.
 *
 * Sessions and registered memory belong to the descriptor. Linux closes what is
 * left of them when the last reference is gone: the descriptor itself, a call that
 * is under way, and each registration, which is a descriptor of its own (Linux,
 * drivers/tee/tee_core.c, teedev_ctx_put()).
 */
#ifndef OM_KVM_TEE_DEVICE_H
#define OM_KVM_TEE_DEVICE_H

#include <stdatomic.h>

#include <optee_mediator/kvm.h>

struct om_tee_device {
	struct om_kvm_os os;
	char *path;
	int fd;			/* -1 when closed; only changes while no worker works */
	uint32_t gen_caps;	/* TEE_GEN_CAP_* */
	atomic_uint_fast64_t counts[OM_KVM_COUNTERS];
};

static inline void om_tee_count(struct om_tee_device *device, enum om_kvm_counter which,
				uint64_t n)
{
	atomic_fetch_add_explicit(&device->counts[which], n, memory_order_relaxed);
}

static inline void om_tee_uncount(struct om_tee_device *device, enum om_kvm_counter which)
{
	atomic_fetch_sub_explicit(&device->counts[which], 1, memory_order_relaxed);
}

/* Counts one more unless there are limit already; false then. */
bool om_tee_count_below(struct om_tee_device *device, enum om_kvm_counter which, uint64_t limit);

/*
 * Opens the device and asks what it is. Returns OM_KVM_OK, _ERR_NO_DEVICE,
 * _ERR_NO_ACCESS, _ERR_DEVICE, _ERR_NOT_OPTEE, _ERR_NO_SHM, with nothing open.
 */
int om_tee_open(struct om_tee_device *device);

/* Harmless when it is closed already. May take as long as closing sessions does. */
void om_tee_close(struct om_tee_device *device);

/* An ioctl on the device. Returns what it does, or -errno. */
int om_tee_ioctl(struct om_tee_device *device, unsigned long request, void *arg);

/*
 * Sees to it that a program which this process executes does not get a descriptor: it
 * would keep sessions and pinned memory alive for as long as it runs. Linux' TEE driver
 * does not do so itself (since 5.17). Returns the descriptor; or -errno, and it is closed.
 */
int om_tee_close_on_exec(struct om_tee_device *device, int fd);

/* Gives up a registration: OP-TEE has let go of the memory when this returns. */
void om_tee_unregister(struct om_tee_device *device, int fd);

/* What a client is told of a system call: TEEC_SUCCESS, or a TEEC_ERROR_* for -errno. */
uint32_t om_tee_error(int error);

/* The system calls themselves. */
extern const struct om_kvm_os om_kvm_linux;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TEE device: the one file descriptor of a guest, its ioctls, and counting.
 *
 * Sessions and registered memory belong to the descriptor. Linux closes those that are
 * left when the last reference to it is dropped. References are the descriptor itself,
 * each call in progress, and each registration, which has a descriptor of its own
 * (Linux, drivers/tee/tee_core.c, teedev_ctx_put()).
 */
#ifndef OM_KVM_TEE_DEVICE_H
#define OM_KVM_TEE_DEVICE_H

#include <stdatomic.h>

#include <optee_mediator/kvm.h>

struct om_tee_device {
	struct om_kvm_os os;
	int fd;			/* from creation to destruction */
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

/* Adds 1 to a counter that is below limit; false, and unchanged, when it is not. */
bool om_tee_count_below(struct om_tee_device *device, enum om_kvm_counter which, uint64_t limit);

/*
 * Opens the device and checks its version. Returns OM_KVM_OK; or, with nothing open,
 * _ERR_NO_DEVICE, _ERR_NO_ACCESS, _ERR_DEVICE, _ERR_NOT_OPTEE, _ERR_NO_SHM.
 */
int om_tee_open(struct om_tee_device *device, const char *path);

/* Closes the device. Blocks while Linux closes sessions that are left. */
void om_tee_close(struct om_tee_device *device);

/* Makes an ioctl on the device. Returns its result, or -errno. */
int om_tee_ioctl(struct om_tee_device *device, unsigned long request, void *arg);

/*
 * Sets close-on-exec on a descriptor: a program that inherited it would keep sessions open
 * and memory pinned for as long as it runs. Linux' TEE driver has not set it since 5.17.
 * Returns the descriptor; or -errno, and the descriptor is closed.
 */
int om_tee_close_on_exec(struct om_tee_device *device, int fd);

/* Ends a registration. When this returns, OP-TEE does not use the memory any more. */
void om_tee_unregister(struct om_tee_device *device, int fd);

/* The TEEC_* code for the result of a system call: TEEC_SUCCESS, or that of -errno. */
uint32_t om_tee_error(int error);

/* The default operations: Linux' own system calls. */
extern const struct om_kvm_os om_kvm_linux;

#endif

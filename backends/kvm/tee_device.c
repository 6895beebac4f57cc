/* SPDX-License-Identifier: BSD-2-Clause */
/* The TEE device. See tee_device.h. Independent of calls and of memory. */
#define _GNU_SOURCE
#include "tee_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tee.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <optee_mediator/abi_msg.h>

static int linux_open(void *ctx, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	(void)ctx;
	return fd < 0 ? -errno : fd;
}

static int linux_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
	int result = ioctl(fd, request, arg);

	(void)ctx;
	return result < 0 ? -errno : result;
}

static int linux_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd) ? -errno : 0;
}

const struct om_kvm_os om_kvm_linux = {
	.open = linux_open, .ioctl = linux_ioctl, .close = linux_close,
};

bool om_tee_count_below(struct om_tee_device *device, enum om_kvm_counter which, uint64_t limit)
{
	uint_fast64_t now = atomic_load_explicit(&device->counts[which], memory_order_relaxed);

	do {
		if (now >= limit)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&device->counts[which], &now, now + 1,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static int counted_ioctl(struct om_tee_device *device, int fd, unsigned long request, void *arg)
{
	int result = device->os.ioctl(device->os.ctx, fd, request, arg);

	om_tee_count(device, OM_KVM_COUNT_SYSTEM_CALLS, 1);
	if (result < 0)
		om_tee_count(device, OM_KVM_COUNT_ERRORS, 1);
	return result;
}

int om_tee_ioctl(struct om_tee_device *device, unsigned long request, void *arg)
{
	return counted_ioctl(device, device->fd, request, arg);
}

int om_tee_close_on_exec(struct om_tee_device *device, int fd)
{
	int error = counted_ioctl(device, fd, FIOCLEX, NULL);

	if (error >= 0)
		return fd;
	om_tee_unregister(device, fd);
	return error;
}

/* Checks that the device is an OP-TEE that can share memory of user space. */
static int check_version(struct om_tee_device *device)
{
	struct tee_ioctl_version_data version = { 0 };
	int error = om_tee_ioctl(device, TEE_IOC_VERSION, &version);

	/* What a file says that is no TEE device: most the first, KVM's the second. */
	if (error == -ENOTTY || error == -EINVAL)
		return OM_KVM_ERR_NOT_OPTEE;
	if (error < 0)
		return OM_KVM_ERR_DEVICE;
	/* GEN_CAP_PRIVILEGED: the device of tee-supplicant, which serves no clients. */
	if (version.impl_id != TEE_IMPL_ID_OPTEE || !(version.gen_caps & TEE_GEN_CAP_GP) ||
	    version.gen_caps & TEE_GEN_CAP_PRIVILEGED)
		return OM_KVM_ERR_NOT_OPTEE;
	if (!(version.gen_caps & TEE_GEN_CAP_REG_MEM))
		return OM_KVM_ERR_NO_SHM;
	device->gen_caps = version.gen_caps;
	return OM_KVM_OK;
}

static int open_error(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return OM_KVM_ERR_NO_DEVICE;
	case -EACCES:
	case -EPERM:
		return OM_KVM_ERR_NO_ACCESS;
	case -EBUSY:	/* tee-supplicant's device, which one process may open */
	case -EISDIR:
		return OM_KVM_ERR_NOT_OPTEE;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return OM_KVM_ERR_NO_MEMORY;
	default:
		return OM_KVM_ERR_DEVICE;
	}
}

int om_tee_open(struct om_tee_device *device, const char *path)
{
	int result;
	int fd = device->os.open(device->os.ctx, path);

	om_tee_count(device, OM_KVM_COUNT_SYSTEM_CALLS, 1);
	if (fd < 0)
		return open_error(fd);
	/* os.open may get the descriptor through a socket, which does not keep its flags. */
	device->fd = om_tee_close_on_exec(device, fd);
	if (device->fd < 0)
		return OM_KVM_ERR_DEVICE;
	result = check_version(device);
	if (result != OM_KVM_OK)
		om_tee_close(device);
	return result;
}

void om_tee_close(struct om_tee_device *device)
{
	om_tee_unregister(device, device->fd);
}

void om_tee_unregister(struct om_tee_device *device, int fd)
{
	/* The descriptor is closed even when close() returns an error. */
	om_tee_count(device, OM_KVM_COUNT_SYSTEM_CALLS, 1);
	if (device->os.close(device->os.ctx, fd) < 0)
		om_tee_count(device, OM_KVM_COUNT_ERRORS, 1);
}

/*
 * The codes are those of libteec for the same errno, so that a client in a guest sees
 * the same as one on the host (optee_client, libteec/src/tee_client_api.c).
 */
uint32_t om_tee_error(int error)
{
	if (error >= 0)
		return TEEC_SUCCESS;
	switch (error) {
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -ENOSPC:
		return TEEC_ERROR_OUT_OF_MEMORY;
	case -EINVAL:
	case -EFAULT:
		return TEEC_ERROR_BAD_PARAMETERS;
	case -EPERM:
	case -EACCES:
		return TEEC_ERROR_ACCESS_DENIED;
	case -EBUSY:
	case -EAGAIN:
		return TEEC_ERROR_BUSY;
	case -EINTR:
	case -ECANCELED:
		return TEEC_ERROR_CANCEL;
	default:
		return TEEC_ERROR_COMMUNICATION;
	}
}

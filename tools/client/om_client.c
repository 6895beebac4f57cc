/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMM's side of optee-mediatord. See om_client.h. */
#define _GNU_SOURCE
#include "om_client.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* OP-TEE's SMC interface: optee_os, core/arch/arm/include/sm/optee_smc.h. */
#define CALL_WITH_ARG		0x32000004u
#define RETURN_FROM_RPC		0x32000003u
#define EXCHANGE_CAPABILITIES	0xb2000009u
#define DISABLE_SHM_CACHE	0xb200000au
#define ENABLE_SHM_CACHE	0xb200000bu
#define CALLS_COUNT		0xbf00ff00u	/* and UID, and revision */
#define SVE_HINT		0x00010000u
#define FAST			0x80000000u
#define RETURN_FOREIGN_INTR	0xffff0004u
#define RETURN_OK		0x0u
#define RETURN_NOT_AVAILABLE	0x7u
#define UNKNOWN_FUNCTION	0xffffffffu

static int failed(int error)
{
	return -OM_CLIENT_ERRNO - error;
}

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static int send_message(int fd, struct om_mediatord_message *message, int file)
{
	struct iovec bytes = { message, sizeof(*message) };
	union control control = { .head = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr head = { .msg_iov = &bytes, .msg_iovlen = 1 };
	ssize_t n;

	if (file >= 0) {
		memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
		head.msg_control = &control;
		head.msg_controllen = sizeof(control);
	}
	do
		n = sendmsg(fd, &head, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? failed(errno) : 0;
}

/* *file: a descriptor that came along, or -1. The daemon's end is ECONNRESET. */
static int receive_message(int fd, struct om_mediatord_message *message, int *file, int flags)
{
	struct iovec bytes = { message, sizeof(*message) };
	union control control;
	struct msghdr head = {
		.msg_iov = &bytes, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	const struct cmsghdr *part;
	ssize_t n;

	*file = -1;
	do
		n = recvmsg(fd, &head, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(errno);
	part = CMSG_FIRSTHDR(&head);
	if (n && part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
		memcpy(file, CMSG_DATA(part), sizeof(*file));
	return n == sizeof(*message) ? 0 : failed(n ? EPROTO : ECONNRESET);
}

static void take_event(struct om_client *client, const struct om_mediatord_message *message)
{
	if (message->type == OM_MEDIATORD_READY)
		client->ready = true;
}

/* Sends the request and waits for its reply, which takes its place; events come first. */
static int request(struct om_client *client, struct om_mediatord_message *message, int file,
		   int *got)
{
	uint32_t type = message->type;
	int came = -1;
	int result = send_message(client->fd, message, file);

	while (!result) {
		result = receive_message(client->fd, message, &came, 0);
		if (result || message->type == type)
			break;
		take_event(client, message);
	}
	if (!result)
		result = message->result;
	if (got)
		*got = came;
	else if (came >= 0)
		close(came);
	return result;
}

int om_client_connect(struct om_client *client, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct om_mediatord_message hello = {
		.type = OM_MEDIATORD_HELLO, .arg = { OM_MEDIATORD_VERSION },
	};
	int result = 0;

	*client = (struct om_client){ .fd = -1 };
	if (strlen(path) >= sizeof(address.sun_path))
		return failed(ENAMETOOLONG);
	strcpy(address.sun_path, path);
	client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return failed(errno);
	if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)))
		result = failed(errno);
	if (!result)
		result = request(client, &hello, -1, NULL);
	if (result)
		om_client_disconnect(client);
	return result;
}

void om_client_disconnect(struct om_client *client)
{
	close(client->fd);
	client->fd = -1;
}

int om_client_add_memory(struct om_client *client, uint64_t id, uint64_t gpa, uint64_t size,
			 int file, uint64_t offset)
{
	struct om_mediatord_message message = {
		.type = OM_MEDIATORD_ADD_MEMORY, .arg = { id, gpa, size, offset },
	};

	return request(client, &message, file, NULL);
}

int om_client_remove_memory(struct om_client *client, uint64_t id)
{
	struct om_mediatord_message message = {
		.type = OM_MEDIATORD_REMOVE_MEMORY, .arg = { id },
	};

	return request(client, &message, -1, NULL);
}

int om_client_may_discard(struct om_client *client, uint64_t gpa, uint64_t size)
{
	struct om_mediatord_message message = {
		.type = OM_MEDIATORD_MAY_DISCARD, .arg = { gpa, size },
	};

	return request(client, &message, -1, NULL);
}

int om_client_open_vcpu(struct om_client *client, unsigned int vcpu, int *channel)
{
	struct om_mediatord_message message = {
		.type = OM_MEDIATORD_OPEN_VCPU, .arg = { vcpu },
	};
	int result = request(client, &message, -1, channel);

	return !result && *channel < 0 ? failed(EPROTO) : result;
}

int om_client_reset(struct om_client *client)
{
	struct om_mediatord_message message = { .type = OM_MEDIATORD_RESET };

	return request(client, &message, -1, NULL);
}

int om_client_events(struct om_client *client)
{
	struct om_mediatord_message message;
	int file, result;

	while (!(result = receive_message(client->fd, &message, &file, MSG_DONTWAIT)))
		take_event(client, &message);
	return result == failed(EAGAIN) ? 0 : result;
}

/*
 * What a guest is told when nobody serves it. Linux tells its clients of a call that is not
 * available: TEEC_ERROR_COMMUNICATION. The two about the cache it asks again, for ever, at any
 * answer but that the cache is empty, or in use (smc_abi.c, optee_disable_shm_cache()): when it
 * reboots, too.
 */
static uint32_t answer_of_nobody(uint32_t function)
{
	switch (function & ~SVE_HINT) {
	case DISABLE_SHM_CACHE:
		return RETURN_NOT_AVAILABLE;
	case ENABLE_SHM_CACHE:
		return RETURN_OK;
	default:
		return function & FAST ? UNKNOWN_FUNCTION : RETURN_NOT_AVAILABLE;
	}
}

int om_client_call(int channel, uint64_t x[8])
{
	struct om_mediatord_message message = { .type = OM_MEDIATORD_CALL };
	int file, result;

	memcpy(message.arg, x, sizeof(message.arg));
	result = send_message(channel, &message, -1);
	if (!result)
		result = receive_message(channel, &message, &file, 0);
	if (!result)
		result = message.type == OM_MEDIATORD_CALL ? message.result : failed(EPROTO);
	if (result >= 0) {
		memcpy(x, message.arg, 4 * sizeof(*x));
		return result;
	}
	x[0] = answer_of_nobody((uint32_t)x[0]);
	x[1] = x[2] = x[3] = 0;
	return result;
}

unsigned int om_client_wanted(uint32_t function)
{
	switch (function & ~SVE_HINT) {
	case CALL_WITH_ARG:
		return 1u << 1 | 1u << 2;
	case RETURN_FROM_RPC:
		return 1u << 3;
	case EXCHANGE_CAPABILITIES:
		return 1u << 1;
	default:
		return 0;
	}
}

/* What KVM forwards: all functions of the trusted OS, and the general queries. */
static const struct {
	uint32_t base;
	uint32_t count;
} ranges[] = {
	{ 0x32000000u, 0x20000u },
	{ 0xb2000000u, 0x20000u },
	{ CALLS_COUNT, 4u },
	{ CALLS_COUNT | SVE_HINT, 4u },
};
#define RANGES (sizeof(ranges) / sizeof(ranges[0]))

static bool is_mine(uint32_t function)
{
	for (size_t i = 0; i < RANGES; i++)
		if (function - ranges[i].base < ranges[i].count)
			return true;
	return false;
}

static int one_register(int vcpu_fd, unsigned long request, unsigned int n, uint64_t *value)
{
	/* KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset of x[n] in words. */
	struct kvm_one_reg reg = {
		.id = 0x6030000000100000u + 2 * (uint64_t)n, .addr = (uintptr_t)value,
	};

	return ioctl(vcpu_fd, request, &reg) < 0 ? failed(errno) : 0;
}

int om_client_handle_exit(int channel, int vcpu_fd, const struct kvm_run *run)
{
	uint32_t function = (uint32_t)run->hypercall.nr;
	uint64_t x[8] = { function };
	unsigned int n, wanted = om_client_wanted(function);
	/* A resume leaves x1..x3 as they are; a call that is interrupted returns its id in x3. */
	unsigned int returns = function & FAST ? 0xf : 0x9;
	int error = 0, result;

	if (run->exit_reason != KVM_EXIT_HYPERCALL || !is_mine(function))
		return OM_MEDIATORD_NOT_MINE;
	for (n = 1; n < 8 && !error; n++)
		if (wanted & 1u << n)
			error = one_register(vcpu_fd, KVM_GET_ONE_REG, n, &x[n]);
	if (error)
		return error;
	result = om_client_call(channel, x);
	if (result == OM_MEDIATORD_NOT_MINE)
		return result;
	if (x[0] != RETURN_FOREIGN_INTR && !(function & FAST))
		returns = 1;
	for (n = 0; n < 4 && !error; n++)
		if (returns & 1u << n)
			error = one_register(vcpu_fd, KVM_SET_ONE_REG, n, &x[n]);
	return error ? error : result;
}

struct smccc_filter {	/* struct kvm_smccc_filter, since Linux 6.4 */
	uint32_t base;
	uint32_t nr_functions;
	uint8_t action;
	uint8_t pad[15];
};

int om_client_set_filter(int vm_fd)
{
	/* Of KVM_ARM_VM_SMCCC_CTRL: KVM_ARM_VM_SMCCC_FILTER, both 0. */
	struct kvm_device_attr attr = { .group = 0, .attr = 0 };

	for (size_t i = 0; i < RANGES; i++) {
		struct smccc_filter filter = {
			.base = ranges[i].base, .nr_functions = ranges[i].count,
			.action = 2,	/* KVM_SMCCC_FILTER_FWD_TO_USER */
		};

		attr.addr = (uintptr_t)&filter;
		if (ioctl(vm_fd, KVM_SET_DEVICE_ATTR, &attr))
			return failed(errno);
	}
	return 0;
}

const char *om_client_text(int result)
{
	switch (result) {
	case OM_MEDIATORD_OK:
		return "success";
	case OM_MEDIATORD_AGAIN:
		return "not yet: ask again when an event says so";
	case OM_MEDIATORD_IN_USE:
		return "OP-TEE shares some of the memory";
	case OM_MEDIATORD_ERR_ARGUMENT:
		return "an argument is not what the protocol asks for";
	case OM_MEDIATORD_ERR_NO_MEMORY:
		return "the daemon is out of memory, regions, threads or descriptors";
	case OM_MEDIATORD_ERR_DEVICE:
		return "the TEE device failed";
	case OM_MEDIATORD_ERR_OVERLAP:
		return "the guest has memory there, or of that id, already";
	case OM_MEDIATORD_ERR_NO_REGION:
		return "there is no such memory";
	case OM_MEDIATORD_ERR_VERSION:
		return "the daemon speaks another version of the protocol";
	case OM_MEDIATORD_ERR_RESETTING:
		return "a reset has begun and has not come to its end";
	default:
		return result < -OM_CLIENT_ERRNO ? strerror(-OM_CLIENT_ERRNO - result) : "?";
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: what a VMM sends to optee-mediatord, on its connection and on a vCPU's channel:
 * messages of any size, content and order, with any number of descriptors. Every reply is one
 * that the protocol has; at the end nothing is left, no descriptor either.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "host/host.h"
#include "input.h"
#include "mediatord/rig.h"
#include "target.h"

/*
 * Descriptors go along: of the guest's memory, or of what could not be memory. Returns false
 * when the daemon has gone.
 */
static bool send_message(struct daemon_rig *rig, struct input *in, int fd,
			 const struct om_mediatord_message *message, size_t size)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)message, size };
	struct msghdr head = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint32_t files = message->type == OM_MEDIATORD_ADD_MEMORY;

	if (in_rarely(in, 16))
		files = in_pick(in, 5);
	for (uint32_t i = 0; i < files; i++) {
		int file = in_rarely(in, 8) || rig->file < 0 ? fd : rig->file;

		memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &file, sizeof(file));
	}
	if (files) {
		control.head.cmsg_len = CMSG_LEN(files * sizeof(int));
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(files * sizeof(int));
	}
	return sendmsg(fd, &head, MSG_NOSIGNAL) >= 0;
}

/* Returns false when the daemon has ended the conversation. */
static bool check_reply(struct daemon_rig *rig, int fd, uint32_t type)
{
	struct om_mediatord_message reply;
	unsigned int results = type == OM_MEDIATORD_CALL ? 4 : type == OM_MEDIATORD_HELLO;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { &reply, sizeof(reply) };
	const struct timeval patience = { .tv_sec = 20 };
	struct msghdr head;
	ssize_t n;

	/* A request that gets neither a reply nor the end is a bug, and no slow input. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do {
		head = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
					.msg_controllen = sizeof(control) };
		n = TEMP_FAILURE_RETRY(recvmsg(fd, &head, MSG_CMSG_CLOEXEC));
	} while (n == sizeof(reply) && reply.type == OM_MEDIATORD_READY && fd == rig->client.fd);
	if (n < 0 && errno == EAGAIN)
		test_fail("no answer to a request of type %u", type);
	if (n <= 0)
		return false;
	if (n != sizeof(reply) || reply.type != type)
		test_fail("a reply of %zd octets and type %u to a request of type %u", n,
			  reply.type, type);
	if (reply.result < OM_MEDIATORD_ERR_RESETTING || reply.result > OM_MEDIATORD_IN_USE)
		test_fail("result %d", reply.result);
	for (unsigned int i = results; i < 8; i++)
		if (reply.arg[i])
			test_fail("argument %u of a reply of type %u", i, type);
	if (!!head.msg_controllen != (type == OM_MEDIATORD_OPEN_VCPU && !reply.result))
		test_fail("a descriptor with a reply of type %u", type);
	if (!head.msg_controllen)
		return true;
	/* The vCPU's new channel is the one that is used. */
	if (rig->channel[0] >= 0)
		close(rig->channel[0]);
	memcpy(&rig->channel[0], CMSG_DATA(&control.head), sizeof(int));
	return true;
}

static struct om_mediatord_message make_message(struct input *in, bool call)
{
	struct om_mediatord_message message = { .type = in_pick(in, OM_MEDIATORD_CALL + 1) };

	if (call && !in_rarely(in, 8))
		message.type = OM_MEDIATORD_CALL;
	if (in_rarely(in, 16))
		message.type = in_u32(in);
	if (in_rarely(in, 16))
		message.result = (int32_t)in_u32(in);
	for (unsigned int i = 0; i < 8 && !in_rarely(in, 4); i++)
		message.arg[i] = in_rarely(in, 4) ? in_number(in) : (uint64_t)in_u8(in) * PAGE;
	if (call && !in_rarely(in, 4)) {
		static const uint32_t functions[] = {
			OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_FROM_RPC,
			OPTEE_SMC_EXCHANGE_CAPABILITIES, OPTEE_SMC_CALLS_UID,
		};

		message.arg[0] = functions[in_pick(in, 4)];
		message.arg[1] = 0;
	}
	return message;
}

/* Returns false when the conversation has ended. */
static bool say(struct daemon_rig *rig, struct input *in)
{
	bool call = rig->channel[0] >= 0 && !in_rarely(in, 3);
	struct om_mediatord_message message = make_message(in, call);
	int fd = call ? rig->channel[0] : rig->client.fd;
	size_t size = in_rarely(in, 32) ? in_pick(in, sizeof(message) + 1) : sizeof(message);

	return send_message(rig, in, fd, &message, size) && check_reply(rig, fd, message.type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct daemon_rig *rig = daemon_start();

	/* Nothing waits in a TA for what the input does not do. */
	fake_release(&rig->kvm.tee, true);
	if (!in_rarely(&in, 16)) {
		daemon_greet(rig);
		daemon_populate(rig, in_pick(&in, 2));
		/* A message of the guest's, which its calls may name. */
		for (size_t i = 0; i < 128 && in.left; i++)
			rig->kvm.shared[i] = in_rarely(&in, 2) ? 0 : in_u8(&in);
	}
	for (uint32_t i = 0; i < 32 && in.left && say(rig, &in); i++)
		;
	daemon_stop(rig);
	return 0;
}

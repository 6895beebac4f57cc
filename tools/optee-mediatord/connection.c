/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection of one VMM. See connection.h. */
#define _GNU_SOURCE
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kvm_guest.h"

_Static_assert(sizeof(struct om_mediatord_message) == 72, "mediatord.h: a message's size");

/* Room for two descriptors, that a second one is seen and closed; the kernel closes others. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(2 * sizeof(int))];
};

/* Returns how many came; *file is the first, or -1. The others are closed. */
static unsigned int take_files(struct msghdr *head, int *file)
{
	const struct cmsghdr *part = CMSG_FIRSTHDR(head);
	unsigned int n, i;
	int other;

	*file = -1;
	if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (unsigned int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	if (n)
		memcpy(file, CMSG_DATA(part), sizeof(*file));
	for (i = 1; i < n; i++) {
		memcpy(&other, CMSG_DATA(part) + i * sizeof(int), sizeof(other));
		close(other);
	}
	return n;
}

/*
 * Receives a message, and a descriptor or -1 in *file. Returns NULL; or, with nothing to be
 * closed, why the connection ends: "" when the other side has closed it.
 */
static const char *receive(int fd, struct om_mediatord_message *message, int *file)
{
	struct iovec bytes = { message, sizeof(*message) };
	union control control;
	struct msghdr head = {
		.msg_iov = &bytes, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	const char *why = NULL;
	unsigned int files;
	ssize_t n;

	do
		n = recvmsg(fd, &head, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return "";
	files = take_files(&head, file);
	if (n == 0)
		why = "";
	else if (n != sizeof(*message) || head.msg_flags & MSG_TRUNC)
		why = "a message of the wrong size";
	else if (files > 1 || head.msg_flags & MSG_CTRUNC)
		why = "too many descriptors";
	else if (message->result)
		why = "a result in a request";
	if (why && *file >= 0)
		close(*file);
	return why;
}

/* Blocks while the VMM takes nothing. Returns false when it has gone. */
static bool reply(int fd, const struct om_mediatord_message *message, int file)
{
	struct iovec bytes = { (void *)(uintptr_t)message, sizeof(*message) };
	union control control = { .head = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr head = { .msg_iov = &bytes, .msg_iovlen = 1 };
	ssize_t n;

	if (file >= 0) {
		memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(sizeof(int));
	}
	do
		n = sendmsg(fd, &head, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == sizeof(*message);
}

/* Nothing but zeros from this argument on? */
static bool is_zero_from(const struct om_mediatord_message *message, unsigned int from)
{
	for (unsigned int i = from; i < 8; i++)
		if (message->arg[i])
			return false;
	return true;
}

/*
 * The requests. Each gets a message whose unused arguments are 0, and makes the reply of it:
 * the result is returned, a descriptor is set here.
 */
struct request {
	struct om_mediatord_message message;
	int file;	/* what came along; closed by serve_one(). */
	int answer;	/* a descriptor to go along, or -1; closed by serve_one() */
};

static int serve_hello(struct connection *connection, struct request *request)
{
	if (request->message.arg[0] != OM_MEDIATORD_VERSION)
		return OM_MEDIATORD_ERR_VERSION;
	connection->greeted = true;
	return OM_MEDIATORD_OK;
}

static int serve_add_memory(struct connection *connection, struct request *request)
{
	const uint64_t *arg = request->message.arg;

	return guest_add_memory(connection->guest, arg[0], arg[1], arg[2], request->file, arg[3]);
}

static int serve_remove_memory(struct connection *connection, struct request *request)
{
	return guest_remove_memory(connection->guest, request->message.arg[0]);
}

static int serve_may_discard(struct connection *connection, struct request *request)
{
	return guest_may_discard(connection->guest, request->message.arg[0],
				 request->message.arg[1]);
}

static int serve_reset(struct connection *connection, struct request *request)
{
	int result;

	(void)request;
	pthread_rwlock_wrlock(&connection->calls);
	result = guest_reset(connection->guest);
	/* Until it succeeds nothing else may be asked of the guest. */
	connection->resetting = result != OM_MEDIATORD_OK;
	pthread_rwlock_unlock(&connection->calls);
	return result;
}

/* A call on a vCPU's channel. Returns NULL, or why the channel ends. */
static const char *serve_call(struct vcpu *vcpu)
{
	struct connection *connection = vcpu->connection;
	struct om_mediatord_message message;
	struct om_regs regs;
	int file;
	const char *why = receive(vcpu->fd, &message, &file);

	if (why)
		return why;
	if (file >= 0) {
		close(file);
		return "a descriptor with a call";
	}
	if (message.type != OM_MEDIATORD_CALL)
		return "something else than a call on a vCPU's channel";
	memcpy(regs.a, message.arg, sizeof(regs.a));
	pthread_rwlock_rdlock(&connection->calls);
	message.result = connection->resetting ? OM_MEDIATORD_ERR_RESETTING :
			 guest_call(connection->guest, vcpu->index, &regs);
	pthread_rwlock_unlock(&connection->calls);
	memset(message.arg, 0, sizeof(message.arg));
	if (message.result >= 0)
		memcpy(message.arg, regs.a, 4 * sizeof(regs.a[0]));
	return reply(vcpu->fd, &message, -1) ? NULL : "";
}

static void *serve_vcpu(void *argument)
{
	struct vcpu *vcpu = argument;
	const char *why;

	do
		why = serve_call(vcpu);
	while (!why);
	/* The VMM may close a channel, and nothing else happens; but not speak nonsense on it. */
	if (*why) {
		vcpu->connection->broken = why;
		shutdown(vcpu->connection->fd, SHUT_RDWR);
	}
	/* A message without bytes looks like the end: the VMM must not wait for its reply. */
	shutdown(vcpu->fd, SHUT_RDWR);
	return NULL;
}

static void join(struct vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	shutdown(vcpu->fd, SHUT_RDWR);
	pthread_join(vcpu->thread, NULL);
	close(vcpu->fd);
	vcpu->started = false;
}

static int serve_open_vcpu(struct connection *connection, struct request *request)
{
	uint64_t index = request->message.arg[0];
	struct vcpu *vcpu;
	int ends[2];

	if (index >= OM_MEDIATORD_VCPUS)
		return OM_MEDIATORD_ERR_ARGUMENT;
	vcpu = &connection->vcpu[index];
	join(vcpu);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return OM_MEDIATORD_ERR_NO_MEMORY;
	vcpu->connection = connection;
	vcpu->index = (unsigned int)index;
	vcpu->fd = ends[0];
	if (pthread_create(&vcpu->thread, NULL, serve_vcpu, vcpu)) {
		close(ends[0]);
		close(ends[1]);
		return OM_MEDIATORD_ERR_NO_MEMORY;
	}
	vcpu->started = true;
	request->answer = ends[1];
	return OM_MEDIATORD_OK;
}

static const struct {
	int (*serve)(struct connection *connection, struct request *request);
	unsigned int args;	/* how many it uses */
	bool file;		/* comes with a descriptor */
} requests[] = {
	[OM_MEDIATORD_HELLO] = { serve_hello, 1, false },
	[OM_MEDIATORD_ADD_MEMORY] = { serve_add_memory, 4, true },
	[OM_MEDIATORD_REMOVE_MEMORY] = { serve_remove_memory, 1, false },
	[OM_MEDIATORD_MAY_DISCARD] = { serve_may_discard, 2, false },
	[OM_MEDIATORD_OPEN_VCPU] = { serve_open_vcpu, 1, false },
	[OM_MEDIATORD_RESET] = { serve_reset, 0, false },
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

/* Why the message is none that may come now, or NULL. */
static const char *check(const struct connection *connection, const struct request *request)
{
	uint32_t type = request->message.type;

	if (type >= REQUESTS || !requests[type].serve)
		return "an unknown request";
	if (connection->greeted == (type == OM_MEDIATORD_HELLO))
		return connection->greeted ? "a second HELLO" : "a request before HELLO";
	if (requests[type].file != (request->file >= 0))
		return requests[type].file ? "a descriptor is missing" :
					     "a descriptor that the request does not take";
	if (!is_zero_from(&request->message, requests[type].args))
		return "an argument that the request does not have";
	return NULL;
}

static int perform(struct connection *connection, struct request *request)
{
	uint32_t type = request->message.type;

	if (connection->resetting && type != OM_MEDIATORD_RESET)
		return OM_MEDIATORD_ERR_RESETTING;
	return requests[type].serve(connection, request);
}

/* Returns NULL, or why the connection ends. */
static const char *serve_one(struct connection *connection)
{
	struct request request = { .answer = -1 };
	const char *why = receive(connection->fd, &request.message, &request.file);

	if (why)
		return why;
	why = check(connection, &request);
	if (!why) {
		request.message.result = perform(connection, &request);
		connection->waiting |= request.message.result == OM_MEDIATORD_AGAIN;
		memset(request.message.arg, 0, sizeof(request.message.arg));
		if (request.message.type == OM_MEDIATORD_HELLO)
			request.message.arg[0] = OM_MEDIATORD_VERSION;
		if (!reply(connection->fd, &request.message, request.answer))
			why = "";
		else if (request.message.result == OM_MEDIATORD_ERR_VERSION)
			why = "another version of the protocol";
	}
	if (request.file >= 0)
		close(request.file);
	if (request.answer >= 0)
		close(request.answer);
	return why;
}

void connection_begin(struct connection *connection, struct guest *guest, int fd)
{
	memset(connection, 0, sizeof(*connection));
	connection->guest = guest;
	connection->fd = fd;
	pthread_rwlock_init(&connection->calls, NULL);
}

/* Waits for what the VMM sends; meanwhile tells it when to ask again. */
static bool await_request(struct connection *connection)
{
	const struct om_mediatord_message ready = { .type = OM_MEDIATORD_READY };
	struct pollfd fds[2] = {
		{ .fd = connection->fd, .events = POLLIN },
		{ .fd = guest_wait_fd(connection->guest), .events = POLLIN },
	};

	while (!fds[0].revents) {
		if (poll(fds, connection->waiting ? 2 : 1, -1) < 0 && errno != EINTR)
			return false;
		if (!connection->waiting || !fds[1].revents)
			continue;
		connection->waiting = false;
		if (!reply(connection->fd, &ready, -1))
			return false;
	}
	return true;
}

void connection_serve(struct connection *connection)
{
	const char *why = "";

	while (await_request(connection)) {
		why = serve_one(connection);
		if (why)
			break;
	}
	if (*why)
		connection->broken = why;
}

void connection_end(struct connection *connection)
{
	/* A thread may wait for the VMM to take an event. */
	shutdown(connection->fd, SHUT_RDWR);
	for (unsigned int i = 0; i < OM_MEDIATORD_VCPUS; i++)
		join(&connection->vcpu[i]);
	pthread_rwlock_destroy(&connection->calls);
}

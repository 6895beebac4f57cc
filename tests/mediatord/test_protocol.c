/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VMM may send to optee-mediatord, and what ends its connection: messages malformed,
 * truncated, in the wrong order, with descriptors where none belong. After each nothing is
 * left, of the descriptors that came along neither.
 */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TYPES	(OM_MEDIATORD_CALL + 1)

/* As many as the kernel passes at once. */
#define MOST_FILES 253u

/* Arguments that each request has, and whether a descriptor goes along. */
static const unsigned int args[TYPES] = {
	[OM_MEDIATORD_HELLO] = 1, [OM_MEDIATORD_ADD_MEMORY] = 4,
	[OM_MEDIATORD_REMOVE_MEMORY] = 1, [OM_MEDIATORD_MAY_DISCARD] = 2,
	[OM_MEDIATORD_OPEN_VCPU] = 1, [OM_MEDIATORD_RESET] = 0, [OM_MEDIATORD_CALL] = 8,
};

/* Sends length bytes, with n descriptors. The other side may have gone. */
static void send_bytes(int fd, const void *bytes, size_t length, unsigned int n)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(MOST_FILES * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)bytes, length };
	struct msghdr head = { .msg_iov = &iov, .msg_iovlen = 1 };
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (unsigned int i = 0; i < n; i++)
		memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &file, sizeof(file));
	if (n) {
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	sendmsg(fd, &head, MSG_NOSIGNAL);
	close(file);
}

/* What comes next is the end, and the daemon says why. */
static void expect_end(struct daemon_rig *rig, const char *why)
{
	struct om_mediatord_message message;
	const char *broken;

	assert_true(recv(rig->client.fd, &message, sizeof(message), 0) <= 0);
	broken = daemon_served(rig);
	assert_non_null(broken);
	assert_string_equal(broken, why);
	daemon_stop(rig);
}

/* The same message on a connection of its own, after HELLO when greeted. */
static void breaks(bool greeted, const void *bytes, size_t length, unsigned int files,
		   const char *why)
{
	struct daemon_rig *rig = daemon_start();

	if (greeted)
		daemon_greet(rig);
	send_bytes(rig->client.fd, bytes, length, files);
	expect_end(rig, why);
}

static void message_breaks(bool greeted, struct om_mediatord_message message, unsigned int files,
			   const char *why)
{
	breaks(greeted, &message, sizeof(message), files, why);
}

/* A vCPU's channel, and the connection with it. */
static void call_breaks(const void *bytes, size_t length, unsigned int files, const char *why)
{
	struct daemon_rig *rig = daemon_start();

	daemon_greet(rig);
	daemon_populate(rig, 1);
	send_bytes(rig->channel[0], bytes, length, files);
	expect_end(rig, why);
}

TEST(message_of_any_other_size_ends_the_connection)
{
	uint64_t bytes[18] = { OM_MEDIATORD_HELLO, OM_MEDIATORD_VERSION };
	const size_t size = sizeof(struct om_mediatord_message);

	for (size_t length = 1; length <= sizeof(bytes); length++)
		if (length != size)
			breaks(false, bytes, length, 0, "a message of the wrong size");
	bytes[0] = OM_MEDIATORD_CALL;
	for (size_t length = 1; length <= sizeof(bytes); length += 7)
		if (length != size)
			call_breaks(bytes, length, 0, "a message of the wrong size");
}

TEST(message_without_bytes_is_the_end)
{
	struct daemon_rig *rig = daemon_start();

	send_bytes(rig->client.fd, "", 0, 2);
	assert_null(daemon_served(rig));
	daemon_stop(rig);
}

/* The VMM, which waits for a reply, learns of it; and the vCPU may have another channel. */
DAEMON_TEST(message_without_bytes_is_the_end_of_a_channel)
{
	const struct timeval minute = { .tv_sec = 60 };
	struct om_mediatord_message message;
	int old = daemon->channel[0];

	setsockopt(old, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof(minute));
	send_bytes(old, "", 0, 2);
	assert_int_equal(recv(old, &message, sizeof(message), 0), 0);
	assert_int_equal(om_client_open_vcpu(&daemon->client, 0, &daemon->channel[0]),
			 OM_MEDIATORD_OK);
	close(old);
	rig_opened(rig);
}

TEST(unknown_request_ends_the_connection)
{
	static const uint32_t types[] = { 0, OM_MEDIATORD_CALL, 8, 255, OM_MEDIATORD_READY,
					  1u << 31, UINT32_MAX };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct om_mediatord_message message = { .type = types[i] };

		message_breaks(true, message, 0, "an unknown request");
		message_breaks(false, message, 0, "an unknown request");
	}
}

TEST(request_before_hello_ends_the_connection)
{
	for (uint32_t type = OM_MEDIATORD_ADD_MEMORY; type < OM_MEDIATORD_CALL; type++)
		message_breaks(false, (struct om_mediatord_message){ .type = type },
			       type == OM_MEDIATORD_ADD_MEMORY, "a request before HELLO");
}

TEST(second_hello_ends_the_connection)
{
	message_breaks(true, (struct om_mediatord_message){ .type = OM_MEDIATORD_HELLO,
		       .arg = { OM_MEDIATORD_VERSION } }, 0, "a second HELLO");
}

TEST(result_in_a_request_ends_the_connection)
{
	struct om_mediatord_message message = { .type = OM_MEDIATORD_RESET, .result = -1 };

	message_breaks(true, message, 0, "a result in a request");
	message.type = OM_MEDIATORD_CALL;
	call_breaks(&message, sizeof(message), 0, "a result in a request");
}

TEST(argument_that_a_request_does_not_have_ends_the_connection)
{
	for (uint32_t type = OM_MEDIATORD_HELLO; type < OM_MEDIATORD_CALL; type++) {
		for (unsigned int i = args[type]; i < 8; i++) {
			struct om_mediatord_message message = { .type = type };

			message.arg[i] = 1ull << (8 * i);
			message_breaks(type != OM_MEDIATORD_HELLO, message,
				       type == OM_MEDIATORD_ADD_MEMORY,
				       "an argument that the request does not have");
		}
	}
}

TEST(descriptor_that_a_request_does_not_take_ends_the_connection)
{
	for (uint32_t type = OM_MEDIATORD_HELLO; type < OM_MEDIATORD_CALL; type++)
		message_breaks(type != OM_MEDIATORD_HELLO,
			       (struct om_mediatord_message){ .type = type },
			       type != OM_MEDIATORD_ADD_MEMORY,
			       type == OM_MEDIATORD_ADD_MEMORY ? "a descriptor is missing" :
			       "a descriptor that the request does not take");
}

TEST(descriptors_too_many_end_the_connection)
{
	static const unsigned int many[] = { 2, 3, 100, MOST_FILES };
	struct om_mediatord_message message = { .type = OM_MEDIATORD_ADD_MEMORY };

	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		message_breaks(true, message, many[i], "too many descriptors");
		breaks(true, &message, sizeof(message) - 1, many[i], "a message of the wrong size");
	}
	message.type = OM_MEDIATORD_CALL;
	call_breaks(&message, sizeof(message), 1, "a descriptor with a call");
	call_breaks(&message, sizeof(message), 2, "too many descriptors");
}

TEST(channel_takes_calls_and_nothing_else)
{
	for (uint32_t type = 0; type < TYPES; type++) {
		struct om_mediatord_message message = { .type = type };

		if (type != OM_MEDIATORD_CALL)
			call_breaks(&message, sizeof(message), 0,
				    "something else than a call on a vCPU's channel");
	}
}

TEST(another_version_is_told_ours)
{
	static const uint64_t versions[] = { 0, OM_MEDIATORD_VERSION + 1, UINT64_MAX,
					     OM_MEDIATORD_VERSION | 1ull << 32 };

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct daemon_rig *rig = daemon_start();
		struct om_mediatord_message message = {
			.type = OM_MEDIATORD_HELLO, .arg = { versions[i] },
		};

		send_bytes(rig->client.fd, &message, sizeof(message), 0);
		assert_int_equal(recv(rig->client.fd, &message, sizeof(message), 0), sizeof(message));
		assert_int_equal(message.result, OM_MEDIATORD_ERR_VERSION);
		assert_int_equal(message.arg[0], OM_MEDIATORD_VERSION);
		expect_end(rig, "another version of the protocol");
	}
}

/* The reply to this request, without a descriptor. */
static int ask(struct daemon_rig *rig, uint32_t type, uint64_t a, uint64_t b)
{
	struct om_mediatord_message message = { .type = type, .arg = { a, b } };

	send_bytes(rig->client.fd, &message, sizeof(message), 0);
	assert_int_equal(recv(rig->client.fd, &message, sizeof(message), 0), sizeof(message));
	assert_int_equal(message.type, type);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(message.arg[i], 0);
	return message.result;
}

DAEMON_TEST(wrong_arguments_are_refused_and_the_guest_goes_on)
{
	static const uint64_t vcpus[] = { OM_MEDIATORD_VCPUS, 1ull << 32, UINT64_MAX };

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ask(daemon, OM_MEDIATORD_OPEN_VCPU, vcpus[i], 0),
				 OM_MEDIATORD_ERR_ARGUMENT);
	for (uint64_t id = 0; id < 4; id++)
		assert_int_equal(ask(daemon, OM_MEDIATORD_REMOVE_MEMORY, id, 0),
				 OM_MEDIATORD_ERR_NO_REGION);
	assert_int_equal(ask(daemon, OM_MEDIATORD_MAY_DISCARD, 0, PAGE),
			 OM_MEDIATORD_ERR_NO_REGION);
	assert_int_equal(ask(daemon, OM_MEDIATORD_MAY_DISCARD, SHARED_GPA, 1),
			 OM_MEDIATORD_ERR_NO_REGION);
	assert_int_equal(ask(daemon, OM_MEDIATORD_MAY_DISCARD, SHARED_GPA, SHARED_SIZE),
			 OM_MEDIATORD_OK);
	rig_opened(rig);
}

static int add(struct daemon_rig *rig, uint64_t gpa, uint64_t size, int file, uint64_t offset)
{
	return om_client_add_memory(&rig->client, 1, gpa, size, file, offset);
}

DAEMON_TEST(memory_that_cannot_be_is_refused)
{
	const uint64_t free_gpa = 1ull << 40;
	int file = daemon->file, other[2];

	assert_int_equal(add(daemon, SHARED_GPA, PAGE, file, 0), OM_MEDIATORD_ERR_OVERLAP);
	assert_int_equal(om_client_add_memory(&daemon->client, MEMORY_ID, free_gpa, PAGE, file, 0),
			 OM_MEDIATORD_ERR_OVERLAP);
	assert_int_equal(add(daemon, free_gpa, 0, file, 0), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa + 1, PAGE, file, 0), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, PAGE + 1, file, 0), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, PAGE, file, 1), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, PAGE, file, SHARED_SIZE), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, SHARED_SIZE + PAGE, file, 0), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, SHARED_SIZE, file, PAGE), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, UINT64_MAX - PAGE + 1, file, PAGE),
			 OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, PAGE, file, UINT64_MAX - PAGE + 1),
			 OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, UINT64_MAX - PAGE + 1, PAGE, file, 0),
			 OM_MEDIATORD_ERR_ARGUMENT);
	/* What is no file cannot be lent, and neither is read from. */
	assert_int_equal(pipe2(other, O_CLOEXEC), 0);
	assert_int_equal(add(daemon, free_gpa, PAGE, other[0], 0), OM_MEDIATORD_ERR_ARGUMENT);
	assert_int_equal(add(daemon, free_gpa, PAGE, daemon->client.fd, 0), OM_MEDIATORD_ERR_ARGUMENT);
	close(other[0]);
	close(other[1]);
	/* One that may not be written to. */
	other[0] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(add(daemon, free_gpa, PAGE, other[0], 0), OM_MEDIATORD_ERR_ARGUMENT);
	close(other[0]);
	rig_opened(rig);
}

DAEMON_TEST(regions_are_bounded)
{
	uint32_t n = 0;
	int result;

	do
		result = om_client_add_memory(&daemon->client, 1000 + n, (1ull << 40) + n * PAGE,
					      PAGE, daemon->file, (n % 1024) * PAGE);
	while (result == OM_MEDIATORD_OK && ++n < 10000);
	assert_int_equal(result, OM_MEDIATORD_ERR_NO_MEMORY);
	assert_int_equal(n, GUEST_REGIONS - 1);
	/* Then one goes, and another can come. */
	assert_int_equal(om_client_remove_memory(&daemon->client, MEMORY_ID), OM_MEDIATORD_OK);
	assert_int_equal(add(daemon, SHARED_GPA, PAGE, daemon->file, 0), OM_MEDIATORD_OK);
}

/* Requests that have been sent before the reply to the first is read are served in order. */
DAEMON_TEST(requests_may_be_sent_ahead)
{
	struct om_mediatord_message message = { 0 };

	for (uint32_t i = 0; i < 20; i++) {
		message = (struct om_mediatord_message){ .type = i % 2 ? OM_MEDIATORD_RESET :
							OM_MEDIATORD_REMOVE_MEMORY };
		send_bytes(daemon->client.fd, &message, sizeof(message), 0);
	}
	for (uint32_t i = 0; i < 20; i++) {
		recv(daemon->client.fd, &message, sizeof(message), 0);
		assert_int_equal(message.type, i % 2 ? OM_MEDIATORD_RESET :
				 OM_MEDIATORD_REMOVE_MEMORY);
		assert_int_equal(message.result, i % 2 ? OM_MEDIATORD_OK :
				 OM_MEDIATORD_ERR_NO_REGION);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What is seen of a guest from outside. See outside.h. */
#define _GNU_SOURCE
#include "outside.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <optee_mediator/trace.h>

#include "kvm_guest.h"

/* A text that grows; what is too much is cut off, for which there is room enough. */
struct text {
	size_t length;
	char bytes[32768];
};

static void add(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->bytes) - text->length;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	if (n > 0)
		text->length += (size_t)n < room ? (size_t)n : room - 1;
}

static bool ends(const char *text, size_t length, const char *with)
{
	size_t n = strlen(with);

	return length >= n && strcmp(text + length - n, with) == 0;
}

/* What is now, and what only grows: OpenMetrics tells them apart by type and by name. */
static void add_metric(struct text *text, const char *group, const char *name,
		       const char *guest, uint64_t value)
{
	size_t length = strlen(name);
	bool now = ends(name, length, "_now");
	bool is_gauge = now || ends(name, length, "_peak");

	if (now)
		length -= strlen("_now");
	add(text, "# TYPE optee_mediator_%s%.*s %s\n", group, (int)length, name,
	    is_gauge ? "gauge" : "counter");
	add(text, "optee_mediator_%s%.*s%s{guest=\"%s\"} %" PRIu64 "\n", group, (int)length, name,
	    is_gauge ? "" : "_total", guest, value);
}

static void write_metrics(struct outside *outside, struct text *text)
{
	pthread_mutex_lock(&outside->lock);
	add(text, "# TYPE optee_mediator_guest info\n"
	    "optee_mediator_guest_info{guest=\"%s\",vmm=\"%d\",user=\"%u\"} 1\n",
	    outside->name, (int)outside->vmm, (unsigned int)outside->user);
	for (enum om_counter i = 0; outside->guest && i < OM_COUNTERS; i++)
		add_metric(text, "", om_counter_name(i), outside->name,
			   guest_counter(outside->guest, i));
	for (enum om_kvm_counter i = 0; outside->guest && i < OM_KVM_COUNTERS; i++)
		add_metric(text, "tee_", om_kvm_counter_name(i), outside->name,
			   guest_tee_counter(outside->guest, i));
	pthread_mutex_unlock(&outside->lock);
	add(text, "# EOF\n");
}

static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

static void serve_metrics(struct outside *outside, int fd)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: application/openmetrics-text; "
				   "version=1.0.0; charset=utf-8\r\n\r\n";
	struct text text = { 0 };

	write_metrics(outside, &text);
	if (send_all(fd, head, sizeof(head) - 1))
		send_all(fd, text.bytes, text.length);
}

/* Puts another reader, or none (-1), in the place of the one that is there. */
static void replace_reader(struct outside *outside, int fd)
{
	int before = atomic_exchange(&outside->reader, fd);

	if (before >= 0)
		close(before);
}

/* Who has read the head is told of every call that is made from then on: the reader is there
 * before the head is sent, and the lock holds back the first line until it has been. */
static void serve_trace(struct outside *outside, int fd)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n";

	pthread_mutex_lock(&outside->lock);
	replace_reader(outside, fd);
	outside->lost = 0;
	/* Nothing was sent before: there is room, and a vCPU does not wait for it. */
	if (send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(head) - 1)
		replace_reader(outside, -1);
	pthread_mutex_unlock(&outside->lock);
}

/* A vCPU never waits for who looks on. Returns false when the line is lost. */
static bool send_line(struct outside *outside, const char *line, size_t length)
{
	ssize_t n = send(outside->reader, line, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n != (ssize_t)length)
		replace_reader(outside, -1);
	return true;
}

void outside_trace(struct outside *outside, const struct om_trace_event *event)
{
	char line[256];
	size_t length;

	if (atomic_load_explicit(&outside->reader, memory_order_relaxed) < 0)
		return;
	length = om_trace_text(event, line, sizeof(line) - 1);
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	pthread_mutex_lock(&outside->lock);
	if (outside->lost && outside->reader >= 0) {
		char note[64];
		int n = snprintf(note, sizeof(note), "(%" PRIu64 " lines are lost)\n", outside->lost);

		if (send_line(outside, note, (size_t)n))
			outside->lost = 0;
	}
	if (outside->reader >= 0 && !send_line(outside, line, length))
		outside->lost++;
	pthread_mutex_unlock(&outside->lock);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Reads up to the end of a request's head, for at most a second. */
static bool read_request(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length + 1 < size) {
		ssize_t n = recv(fd, text + length, size - 1 - length, 0);

		if (n <= 0)
			return false;
		length += (size_t)n;
		text[length] = '\0';
		if (strstr(text, "\r\n\r\n"))
			return true;
	}
	return false;
}

/* The socket is closed here, or by whoever traces. */
static void serve(struct outside *outside, int fd)
{
	static const char unknown[] = "HTTP/1.0 404 Not Found\r\n\r\nThere are /metrics and /trace.\n";
	const struct timeval second = { .tv_sec = 1 };
	char request[1024];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (read_request(fd, request, sizeof(request))) {
		if (begins(request, "GET /trace ")) {
			serve_trace(outside, fd);
			return;
		}
		if (begins(request, "GET /metrics "))
			serve_metrics(outside, fd);
		else
			send_all(fd, unknown, sizeof(unknown) - 1);
	}
	close(fd);
}

static void *run(void *argument)
{
	struct outside *outside = argument;
	struct pollfd poll_for[2] = {
		{ .fd = outside->listener, .events = POLLIN },
		{ .fd = outside->stop, .events = POLLIN },
	};

	for (;;) {
		int fd;

		poll(poll_for, 2, -1);
		if (poll_for[1].revents)
			return NULL;
		fd = accept4(outside->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(outside, fd);
	}
}

bool outside_begin(struct outside *outside, const char *name, const struct guest *guest,
		   int listener)
{
	memset(outside, 0, sizeof(*outside));
	outside->name = name;
	outside->guest = guest;
	outside->listener = listener;
	outside->reader = -1;
	outside->stop = -1;
	pthread_mutex_init(&outside->lock, NULL);
	if (listener < 0)
		return true;
	outside->stop = eventfd(0, EFD_CLOEXEC);
	outside->started = outside->stop >= 0 &&
			   !pthread_create(&outside->thread, NULL, run, outside);
	return outside->started;
}

void outside_connected(struct outside *outside, pid_t vmm, uid_t user)
{
	pthread_mutex_lock(&outside->lock);
	outside->vmm = vmm;
	outside->user = user;
	pthread_mutex_unlock(&outside->lock);
}

void outside_end(struct outside *outside)
{
	if (outside->started) {
		eventfd_write(outside->stop, 1);
		pthread_join(outside->thread, NULL);
	}
	pthread_mutex_lock(&outside->lock);
	replace_reader(outside, -1);
	outside->guest = NULL;
	pthread_mutex_unlock(&outside->lock);
	if (outside->stop >= 0)
		close(outside->stop);
}

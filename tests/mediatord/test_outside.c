/* SPDX-License-Identifier: BSD-2-Clause */
/* optee-mediatord as it is seen from outside: its counters and the trace, by HTTP. */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <optee_mediator/trace.h>

#include "outside.h"

static struct outside outside;
static struct guest *guest;
static struct fake_tee tee;
static char path[64];

/* What somebody does who has read the answer's head may come before what the daemon does
 * after it has sent it. */
ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n";
	ssize_t n = __real_send(fd, bytes, length, flags);

	if (length == sizeof(head) - 1 && memcmp(bytes, head, length) == 0)
		usleep(50000);
	return n;
}

static void trace(void *user, const struct om_trace_event *event)
{
	outside_trace(user, event);
}

static int set_up(void **state)
{
	const struct guest_options options = { .os = &tee.os, .user = &outside, .trace = trace };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener;

	(void)state;
	fake_init(&tee);
	snprintf(path, sizeof(path), "/tmp/mediatord-%d", (int)getpid());
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	outside.reader = -1;
	assert_int_equal(guest_create(&options, &guest), OM_KVM_OK);
	assert_true(outside_begin(&outside, "alpha", guest, listener));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	outside_end(&outside);
	assert_int_equal(guest_destroy(guest), OM_MEDIATORD_OK);
	close(outside.listener);
	unlink(path);
	assert_int_equal(fake_left(&tee), 0);
	fake_exit(&tee);
	return 0;
}

/* An answer that does not come fails the test. */
static int ask(const char *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval long_enough = { .tv_sec = 60 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_enough, sizeof(long_enough));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* Reads until the end, or until the text is in it. */
static char *answer(int fd, const char *until)
{
	static char text[65536];
	size_t length = 0;
	ssize_t n;

	do {
		n = recv(fd, text + length, sizeof(text) - 1 - length, 0);
		length += n > 0 ? (size_t)n : 0;
		text[length] = '\0';
	} while (n > 0 && (!until || !strstr(text, until)));
	return text;
}

static void call_once(void)
{
	struct om_regs regs = { .a = { OPTEE_SMC_CALLS_UID } };

	assert_int_equal(guest_call(guest, 0, &regs), OM_MEDIATORD_OK);
}

/* OpenMetrics: names, types once and before their sample, counters by their suffix, the end. */
static void check_metrics(const char *text)
{
	const char *line = strstr(text, "\r\n\r\n") + 4;
	char type[160] = "", kind[16] = "";
	unsigned int samples = 0;

	for (; *line; line = strchr(line, '\n') + 1) {
		char name[160], labels[160], expected[200];
		unsigned long long value;

		assert_non_null(strchr(line, '\n'));
		if (strncmp(line, "# EOF\n", 6) == 0) {
			assert_string_equal(line, "# EOF\n");
			break;
		}
		if (sscanf(line, "# TYPE %159s %15s", type, kind) == 2)
			continue;
		assert_int_equal(sscanf(line, "%159[a-z0-9_]{%159[^}]} %llu", name, labels, &value), 3);
		assert_int_equal(strncmp(labels, "guest=\"alpha\"", 13), 0);
		snprintf(expected, sizeof(expected), "%s%s", type,
			 strcmp(kind, "counter") == 0 ? "_total" :
			 strcmp(kind, "info") == 0 ? "_info" : "");
		assert_string_equal(name, expected);
		samples++;
	}
	assert_int_equal(samples, 1 + OM_COUNTERS + OM_KVM_COUNTERS);
}

TEST_IN(counters_are_open_metrics, set_up, tear_down)
{
	char *text;
	int fd;

	outside_connected(&outside, 42, 1000);
	call_once();
	fd = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	text = answer(fd, NULL);
	close(fd);
	assert_int_equal(strncmp(text, "HTTP/1.0 200 OK\r\n", 17), 0);
	assert_non_null(strstr(text, "application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
	assert_non_null(strstr(text, "\noptee_mediator_guest_info{guest=\"alpha\",vmm=\"42\",user=\"1000\"} 1\n"));
	assert_non_null(strstr(text, "# TYPE optee_mediator_tee_sessions gauge\n"
			       "optee_mediator_tee_sessions{guest=\"alpha\"} 0\n"));
	check_metrics(text);
}

TEST_IN(trace_is_told_as_it_comes, set_up, tear_down)
{
	int first = ask("GET /trace HTTP/1.0\r\n\r\n"), second;

	answer(first, "\r\n\r\n");
	call_once();
	assert_non_null(strstr(answer(first, "\n"), "guest 1 vcpu 0"));
	/* Another reader takes its place. */
	second = ask("GET /trace HTTP/1.0\r\n\r\n");
	answer(second, "\r\n\r\n");
	answer(first, NULL);
	close(first);
	call_once();
	assert_non_null(strstr(answer(second, "\n"), "guest 1 vcpu 0"));
	close(second);
	/* A reader that has gone is no longer told anything. */
	call_once();
	assert_int_equal(outside.reader, -1);
}

static bool has_lost_lines(void)
{
	bool has;

	pthread_mutex_lock(&outside.lock);
	has = outside.lost;
	pthread_mutex_unlock(&outside.lock);
	return has;
}

TEST_IN(reader_that_is_too_slow_loses_lines_and_holds_up_nobody, set_up, tear_down)
{
	int fd = ask("GET /trace HTTP/1.0\r\n\r\n");
	char *text;

	answer(fd, "\r\n\r\n");
	while (!has_lost_lines())
		call_once();
	/* Room again, and the next line says it first. */
	while (has_lost_lines()) {
		text = answer(fd, "\n");
		call_once();
	}
	do
		text = answer(fd, "lost)\n");
	while (!strstr(text, "lines are lost)"));
	close(fd);
}

TEST_IN(nonsense_gets_an_error_or_nothing, set_up, tear_down)
{
	static const char *const requests[] = {
		"GET / HTTP/1.0\r\n\r\n", "POST /metrics HTTP/1.0\r\n\r\n", "GET /metricsx\r\n\r\n", "\r\n\r\n",
	};
	char flood[2048];
	int fd;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		fd = ask(requests[i]);
		assert_int_equal(strncmp(answer(fd, NULL), "HTTP/1.0 404 ", 13), 0);
		close(fd);
	}
	/* More than a request has, and one that never ends. */
	memset(flood, 'x', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	fd = ask(flood);
	assert_string_equal(answer(fd, NULL), "");
	close(fd);
	fd = ask("GET /metrics");
	assert_string_equal(answer(fd, NULL), "");
	close(fd);
}

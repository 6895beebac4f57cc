/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What optee-mediatord does when the system refuses it something: a filter, a descriptor, a
 * thread. It starts with its sandbox or not at all.
 */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <errno.h>
#include <seccomp.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "sandbox.h"
#include "serve.h"

/* The next call but so many fails; 0: none. */
static struct {
	uint32_t filter;	/* of those that make the filter */
	uint32_t prctl, eventfd, socketpair, thread;
} fails;

/* The filter that was being made. */
static struct {
	uint32_t calls, rules, loaded, released;
} filter;

static bool is_next(uint32_t *nth)
{
	return *nth && --*nth == 0;
}

static int step(void)
{
	filter.calls++;
	return is_next(&fails.filter) ? -ENOMEM : 0;
}

scmp_filter_ctx __wrap_seccomp_init(uint32_t action);
int __wrap_seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value);
int __wrap_seccomp_rule_add(scmp_filter_ctx ctx, uint32_t action, int call, unsigned int n, ...);
int __wrap_seccomp_load(scmp_filter_ctx ctx);
void __wrap_seccomp_release(scmp_filter_ctx ctx);
int __wrap_prctl(int option, ...);
int __real_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags);
int __real_socketpair(int domain, int type, int protocol, int *ends);
int __wrap_socketpair(int domain, int type, int protocol, int *ends);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *argument);

scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
	assert_int_equal(action, SCMP_ACT_KILL_PROCESS);
	return step() ? NULL : &filter;
}

int __wrap_seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value)
{
	assert_ptr_equal(ctx, &filter);
	assert_int_equal(attr, SCMP_FLTATR_CTL_TSYNC);
	assert_int_equal(value, 1);
	return step();
}

int __wrap_seccomp_rule_add(scmp_filter_ctx ctx, uint32_t action, int call, unsigned int n, ...)
{
	(void)call, (void)n;
	assert_ptr_equal(ctx, &filter);
	assert_true(action == SCMP_ACT_ALLOW || action == SCMP_ACT_ERRNO(ENOSYS));
	filter.rules++;
	return step();
}

int __wrap_seccomp_load(scmp_filter_ctx ctx)
{
	assert_ptr_equal(ctx, &filter);
	filter.loaded++;
	return step();
}

void __wrap_seccomp_release(scmp_filter_ctx ctx)
{
	(void)ctx;
	filter.released++;
}

int __wrap_prctl(int option, ...)
{
	assert_true(option == PR_SET_NO_NEW_PRIVS || option == PR_SET_DUMPABLE);
	errno = EINVAL;
	return is_next(&fails.prctl) ? -1 : 0;
}

int __wrap_eventfd(unsigned int value, int flags)
{
	errno = EMFILE;
	return is_next(&fails.eventfd) ? -1 : __real_eventfd(value, flags);
}

int __wrap_socketpair(int domain, int type, int protocol, int *ends)
{
	errno = EMFILE;
	return is_next(&fails.socketpair) ? -1 : __real_socketpair(domain, type, protocol, ends);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *argument)
{
	return is_next(&fails.thread) ? EAGAIN : __real_pthread_create(thread, attr, run, argument);
}

static int enter(uint32_t failing)
{
	memset(&filter, 0, sizeof(filter));
	fails.filter = failing;
	return sandbox_enter();
}

/* Whichever part of the filter cannot be had: none is in force, and the caller knows. */
TEST(sandbox_is_whole_or_an_error)
{
	uint32_t calls;

	assert_int_equal(enter(0), 0);
	assert_int_equal(filter.loaded, 1);
	assert_int_equal(filter.released, 1);
	calls = filter.calls;
	assert_true(filter.rules > 20 && calls == filter.rules + 3);
	for (uint32_t failing = 1; failing <= calls; failing++) {
		assert_int_equal(enter(failing), -ENOMEM);
		assert_int_equal(filter.calls, failing);
		assert_int_equal(filter.loaded, failing == calls);
		assert_int_equal(filter.released, failing > 1);
	}
}

TEST(sandbox_without_privileges_or_an_error)
{
	for (fails.prctl = 1; fails.prctl <= 2;) {
		uint32_t failing = fails.prctl;

		assert_int_equal(enter(0), -EINVAL);
		assert_int_equal(filter.calls, 0);
		fails.prctl = failing + 1;
	}
	fails.prctl = 0;
}

/* Serves nobody: it comes to nothing before that. */
static int serve_nobody(int control)
{
	static struct fake_tee tee;
	const struct options options = { .name = "alpha", .tee_device = "/dev/tee0", .socket = -1,
					 .control = control, .sandbox = true, .os = &tee.os };

	fake_init(&tee);
	return serve_guest(&options);
}

TEST(guest_is_not_served_without_a_sandbox)
{
	memset(&filter, 0, sizeof(filter));
	fails.filter = 1;
	assert_int_equal(serve_nobody(-1), CANNOT_START);
	assert_int_equal(filter.calls, 1);
}

TEST(guest_is_not_served_when_nobody_could_look_on)
{
	/* The first is the backend's own. */
	fails.eventfd = 2;
	assert_int_equal(serve_nobody(0), CANNOT_START);
	assert_int_equal(fails.eventfd, 0);
	fails.eventfd = 1;
	assert_int_equal(serve_nobody(0), CANNOT_START);
}

/* Neither a channel nor a thread: the VMM is told, and may ask again. */
DAEMON_TEST(vcpu_without_a_channel_is_an_error)
{
	int channel;

	fails.socketpair = 1;
	assert_int_equal(om_client_open_vcpu(&daemon->client, 2, &channel), OM_MEDIATORD_ERR_NO_MEMORY);
	fails.thread = 1;
	assert_int_equal(om_client_open_vcpu(&daemon->client, 2, &channel), OM_MEDIATORD_ERR_NO_MEMORY);
	assert_int_equal(om_client_open_vcpu(&daemon->client, 2, &daemon->channel[2]), OM_MEDIATORD_OK);
	rig_opened(rig);
}

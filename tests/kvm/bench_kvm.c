/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one INVOKE costs a guest on KVM, beside the least that it could: an exit, three registers
 * and the ioctl; with the backend in the VMM, and through optee-mediatord. On the TEE device in
 * software; what KVM and Linux would do is a system call that does nothing, so that each of
 * theirs takes one here as well. The daemon is a thread of this process: the messages between
 * it and the VMM are real. scripts/bench --kvm.
 *
 *	bench_kvm time		nanoseconds, and how often a thread slept, of one INVOKE
 *	bench_kvm instructions	under callgrind: leaves a dump of as many as it prints, and another
 *				of as many through the daemon
 *	bench_kvm smoke		a little of each, to see that it works
 */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <dirent.h>
#include <linux/kvm.h>
#include <linux/tee.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS		((void)0)
#define CALLGRIND_DUMP_STATS		((void)0)
#endif

#define VCPU_FD	0x7ffffff0

static uint64_t x[31];
static struct kvm_run run = { .exit_reason = KVM_EXIT_HYPERCALL };

/* The way into the kernel and back. */
static void enter_kernel(void)
{
	syscall(SYS_getppid);
}

static int access_register(unsigned long request, const struct kvm_one_reg *reg)
{
	uint64_t *value = (void *)(uintptr_t)reg->addr;

	enter_kernel();
	if (request == KVM_GET_ONE_REG)
		*value = x[(reg->id - 0x6030000000100000u) / 2];
	else
		x[(reg->id - 0x6030000000100000u) / 2] = *value;
	return 0;
}

static int bench_open(void *ctx, const char *path)
{
	struct fake_tee *tee = ctx;

	return tee->os.open(tee, path);
}

static int bench_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
	struct fake_tee *tee = ctx;

	if (fd == VCPU_FD)
		return access_register(request, arg);
	enter_kernel();
	return tee->os.ioctl(tee, fd, request, arg);
}

static int bench_close(void *ctx, int fd)
{
	struct fake_tee *tee = ctx;

	return tee->os.close(tee, fd);
}

/* The client's own ioctls are on the vCPU. */
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *arg;

	va_start(arguments, request);
	arg = va_arg(arguments, void *);
	va_end(arguments);
	return fd == VCPU_FD ? access_register(request, arg) : __real_ioctl(fd, request, arg);
}

static struct message *new_message(struct rig *rig, uint32_t session)
{
	struct message *m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);

	for (uint32_t i = 0; i < 4; i++)
		rig_value(m, i, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, i, i);
	m->hdr.session = session;
	m->hdr.func = FAKE_VALUES;
	return m;
}

/* How an INVOKE is made. */
enum way {
	FLOOR,		/* no more than there has to be */
	IN_PROCESS,
	BY_SOCKET,
};

struct guest {
	struct rig *rig;
	enum way way;
	uint32_t session;
	uint64_t gpa;		/* of the message */
};

/* The guest's exit, and what it comes back for. */
static void trap(const struct guest *guest, uint32_t fid)
{
	int result;

	run.hypercall.nr = fid;
	enter_kernel();
	if (guest->way == BY_SOCKET)
		result = om_client_handle_exit(daemon_rig.channel[0], VCPU_FD, &run);
	else
		result = om_kvm_handle_exit(guest->rig->kvm, 0, VCPU_FD, &run);
	if (result)
		abort();
}

static void invoke(const struct guest *guest)
{
	x[1] = guest->gpa >> 32;
	x[2] = (uint32_t)guest->gpa;
	trap(guest, OPTEE_SMC_CALL_WITH_ARG);
	while (x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		trap(guest, OPTEE_SMC_RETURN_FROM_RPC);
	if (x[0] != OPTEE_SMC_RETURN_OK)
		abort();
}

/* The least that an INVOKE takes, made by the thread of the vCPU. */
static void floor_of_invoke(struct fake_tee *tee, int fd, uint32_t session)
{
	union {
		struct tee_ioctl_invoke_arg arg;
		uint8_t bytes[sizeof(struct tee_ioctl_invoke_arg) +
			      4 * sizeof(struct tee_ioctl_param)];
	} u = { .arg = { .func = FAKE_VALUES, .session = session, .num_params = 4 } };
	struct tee_ioctl_buf_data data = { (uintptr_t)&u, sizeof(u) };
	struct kvm_one_reg reg = { .id = 0x6030000000100002u, .addr = (uintptr_t)&x[9] };

	for (uint32_t i = 0; i < 4; i++)
		u.arg.params[i].attr = TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT;
	enter_kernel();
	bench_ioctl(tee, VCPU_FD, KVM_GET_ONE_REG, &reg);
	bench_ioctl(tee, VCPU_FD, KVM_GET_ONE_REG, &reg);
	if (bench_ioctl(tee, fd, TEE_IOC_INVOKE, &data) || u.arg.ret)
		abort();
	bench_ioctl(tee, VCPU_FD, KVM_SET_ONE_REG, &reg);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static struct om_kvm_os os_on(struct fake_tee *tee)
{
	return (struct om_kvm_os){ tee, bench_open, bench_ioctl, bench_close };
}

static struct rig *start_in_process(uint32_t spin_us)
{
	static struct om_kvm_os os;
	struct om_kvm_config config = rig_fresh(rigs);

	os = os_on(&rigs->tee);
	config.os = &os;
	config.spin_us = spin_us;
	rig_init(rigs, &config);
	return rigs;
}

/* With the daemon's own spin_us, which is the backend's. */
static struct rig *start_daemon(void)
{
	static struct om_kvm_os os;
	struct daemon_rig *daemon;

	os = os_on(&daemon_rig.kvm.tee);
	daemon = daemon_start_on(&os);
	daemon_greet(daemon);
	daemon_populate(daemon, 1);
	return &daemon->kvm;
}

static struct guest start(uint32_t spin_us, enum way way)
{
	struct guest guest = { .way = way };
	struct message *m;

	guest.rig = way == BY_SOCKET ? start_daemon() : start_in_process(spin_us);
	guest.session = rig_opened(guest.rig);
	m = new_message(guest.rig, guest.session);
	guest.gpa = SHARED_GPA + (uint64_t)((uint8_t *)m - guest.rig->shared);
	return guest;
}

static void stop(const struct guest *guest)
{
	if (guest->way == BY_SOCKET)
		daemon_stop(&daemon_rig);
	else
		rig_exit(guest->rig);
}

/* The vCPU's thread on one CPU and the workers on another, where there are two. */
static void pin_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	if (!dir)
		abort();
	while ((entry = readdir(dir))) {
		int tid = atoi(entry->d_name);
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(tid == getpid() ? 0 : 1, &set);
		/* Where it is refused the scheduler does as it likes. */
		if (tid)
			(void)sched_setaffinity(tid, sizeof(set), &set);
	}
	closedir(dir);
}

/* The daemon's thread for the vCPU waits while the vCPU's own runs, and the other way around. */
static void pin_channel(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	(void)pthread_setaffinity_np(daemon_rig.connection.vcpu[0].thread, sizeof(set), &set);
}

/* Any CPU again, so that workers to come are free, too. */
static void unpin(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void once(const struct guest *guest)
{
	struct fake_tee *tee = &guest->rig->tee;

	if (guest->way == FLOOR)
		/* The backend's own session, on its descriptor. */
		floor_of_invoke(tee, tee->context[0].fd, tee->session[0].id);
	else
		invoke(guest);
}

/* The best of several rounds: on a busy machine the others tell about the machine. */
static void measure(const char *what, enum way way, uint32_t spin_us, uint32_t rounds, uint32_t times)
{
	struct guest guest = start(spin_us, way);
	double best = 1e18, began, took;
	long slept = 0, before;

	pin_threads();
	if (way == BY_SOCKET)
		pin_channel();
	for (uint32_t r = 0; r < rounds; r++) {
		before = sleeps();
		began = now();
		for (uint32_t i = 0; i < times; i++)
			once(&guest);
		took = (now() - began) / times;
		if (took < best) {
			best = took;
			slept = sleeps() - before;
		}
	}
	printf("time %s %.0f %.2f\n", what, best, (double)slept / times);
	stop(&guest);
	unpin();
}

static void count(enum way way, uint32_t times)
{
	struct guest guest = start(1, way);

	for (uint32_t i = 0; i < times; i++)
		once(&guest);
	CALLGRIND_ZERO_STATS;
	for (uint32_t i = 0; i < times; i++)
		once(&guest);
	CALLGRIND_DUMP_STATS;
	printf("invokes %u\n", times);
	stop(&guest);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool smoke = strcmp(mode, "smoke") == 0;
	uint32_t rounds = smoke ? 2 : 2000, times = smoke ? 20 : 50;

	if (smoke || strcmp(mode, "time") == 0) {
		measure("floor", FLOOR, 0, rounds, times);
		measure("asleep", IN_PROCESS, 1, rounds, times);
		measure("awake", IN_PROCESS, 20, rounds, times);
		measure("socket", BY_SOCKET, 20, rounds, times);
	}
	if (smoke || strcmp(mode, "instructions") == 0) {
		count(IN_PROCESS, smoke ? 20 : 500);
		count(BY_SOCKET, smoke ? 20 : 500);
	}
	return 0;
}

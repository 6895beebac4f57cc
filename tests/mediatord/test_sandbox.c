/* SPDX-License-Identifier: BSD-2-Clause */
/* What optee-mediatord can still do in its sandbox, and what ends it there. */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <fcntl.h>
#include <linux/tee.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

/* Another process. Nobody in the sandbox can ask for its id. */
static pid_t other;

/* Runs it in a child in the sandbox; the child's status as waitpid() says it. */
static int in_sandbox(void (*run)(void))
{
	pid_t pid;
	int status;

	other = getpid();
	pid = fork();
	if (pid == 0) {
		if (sandbox_enter())
			_exit(77);
		run();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void fork_again(void)
{
	fork();
}

static void use_network(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void connect_elsewhere(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void signal_others(void)
{
	kill(other, 0);
}

/* The processes of other guests have the same user. */
static void signal_anothers_thread(void)
{
	syscall(SYS_tgkill, other, other, 0);
}

static void signal_by_descriptor(void)
{
	fcntl(0, F_SETOWN, other);
}

static void trace_others(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void change_user(void)
{
	if (setuid(1))
		_exit(1);
}

static void run_data(void)
{
	mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_code(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

static void other_ioctl(void)
{
	ioctl(0, TIOCSTI, "x");
}

/* Memory of the TEE driver's own, which is nobody's share. */
static void other_tee_ioctl(void)
{
	ioctl(0, TEE_IOC_SHM_ALLOC, NULL);
}

TEST(what_a_guest_does_not_take_ends_the_process)
{
	static void (*const never[])(void) = {
		execute, fork_again, use_network, connect_elsewhere, signal_others,
		signal_anothers_thread, signal_by_descriptor, trace_others, change_user, run_data,
		make_code, other_ioctl, other_tee_ioctl,
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		int status = in_sandbox(never[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			print_message("no %zu\n", i);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

/* A guest's whole life: but for the TEE device, which is not in this process. */
static void serve(void)
{
	struct om_mediatord_message message = { .type = 1, .arg = { OM_MEDIATORD_VERSION } };
	char *memory;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		_exit(1);
	if (write(ends[0], &message, sizeof(message)) != sizeof(message) ||
	    read(ends[1], &message, sizeof(message)) != sizeof(message))
		_exit(2);
	memory = malloc(1 << 20);
	if (!memory || ioctl(ends[0], TEE_IOC_INVOKE, memory) == 0)
		_exit(3);
	free(memory);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mremap(memory, 0, PAGE, MREMAP_MAYMOVE);
	if (memory == MAP_FAILED)
		_exit(4);
	if (fcntl(ends[0], F_DUPFD_CLOEXEC, 3) < 0 || raise(SIGCHLD))
		_exit(6);
}

static void *in_thread(void *argument)
{
	serve();
	return argument;
}

static void serve_in_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, NULL) || pthread_join(thread, NULL))
		_exit(5);
}

TEST(what_a_guest_takes_is_allowed)
{
	int status = in_sandbox(serve_in_thread);

	if (status)
		print_message("status 0x%x\n", (unsigned int)status);
	assert_int_equal(status, 0);
}

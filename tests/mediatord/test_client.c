/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/client with a daemon in a process of its own: what a VMM sees of its life and death.
 * And the client's part that is about KVM, with a KVM that is a table.
 */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define VM_FD	1000
#define VCPU_FD	1001

/* The KVM. */
static struct {
	uint64_t x[31];
	unsigned int read, written;	/* registers, a bit each */
	int error;			/* what the next call fails with */
	struct {
		uint32_t base, count;
		uint8_t action, pad[15];
	} filter[8];
	unsigned int filters;
} kvm;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, void *argument);

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	if (fd != VM_FD && fd != VCPU_FD)
		return __real_ioctl(fd, request, argument);
	if (kvm.error) {
		errno = kvm.error;
		return -1;
	}
	if (fd == VM_FD) {
		const struct kvm_device_attr *attr = argument;

		assert_int_equal(request, KVM_SET_DEVICE_ATTR);
		assert_int_equal(attr->group + attr->attr, 0);
		memcpy(&kvm.filter[kvm.filters++], (void *)(uintptr_t)attr->addr, 24);
	} else {
		const struct kvm_one_reg *reg = argument;
		uint64_t n = (reg->id - 0x6030000000100000u) / 2;
		uint64_t *value = (void *)(uintptr_t)reg->addr;

		assert_true(n < 31);
		if (request == KVM_GET_ONE_REG) {
			kvm.read |= 1u << n;
			*value = kvm.x[n];
		} else {
			kvm.written |= 1u << n;
			kvm.x[n] = *value;
		}
	}
	return 0;
}

/* An exit by this function, with registers that are wrong where nobody asked for them. */
static int make_exit(int channel, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	static struct kvm_run run;

	run.exit_reason = KVM_EXIT_HYPERCALL;
	run.hypercall.nr = function;
	memset(&kvm, 0, sizeof(kvm));
	kvm.x[1] = x1;
	kvm.x[2] = x2;
	kvm.x[3] = x3;
	kvm.x[4] = 0xbad;
	return om_client_handle_exit(channel, VCPU_FD, &run);
}

DAEMON_TEST(exit_costs_as_few_registers_as_the_call_takes)
{
	uint32_t session = rig_opened(rig);
	struct message *m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	uint64_t message = (uint64_t)((uint8_t *)m - rig->shared) + SHARED_GPA;

	m->hdr.session = session;
	m->hdr.func = FAKE_BLOCK;
	assert_int_equal(make_exit(daemon->channel[1], OPTEE_SMC_CALL_WITH_ARG, message >> 32,
				   message & UINT32_MAX, 0), OM_MEDIATORD_OK);
	assert_int_equal(kvm.read, 1u << 1 | 1u << 2);
	assert_int_equal(kvm.written, 1u << 0 | 1u << 3);
	assert_int_equal(kvm.x[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fake_release(&rig->tee, true);
	do {
		assert_int_equal(make_exit(daemon->channel[0], OPTEE_SMC_RETURN_FROM_RPC, 0, 0, kvm.x[3]),
				 OM_MEDIATORD_OK);
		assert_int_equal(kvm.read, 1u << 3);
	} while (kvm.x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(kvm.written, 1u << 0);
	assert_int_equal(kvm.x[0], OPTEE_SMC_RETURN_OK);

	assert_int_equal(make_exit(daemon->channel[0], OPTEE_SMC_CALLS_UID, 0, 0, 0), OM_MEDIATORD_OK);
	assert_int_equal(kvm.read, 0);
	assert_int_equal(kvm.written, 0xf);
	assert_int_equal(kvm.x[0], 0x384fb3e0);
}

DAEMON_TEST(exit_that_is_for_others_touches_nothing)
{
	static const uint32_t others[] = { 0x84000000u, 0x31ffffffu, 0x32020000u, 0xbf00ff04u, 0 };
	struct kvm_run run = { .exit_reason = KVM_EXIT_MMIO };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(make_exit(daemon->channel[0], others[i], 1, 2, 3),
				 OM_MEDIATORD_NOT_MINE);
		assert_int_equal(kvm.read | kvm.written, 0);
	}
	run.hypercall.nr = OPTEE_SMC_CALLS_UID;
	assert_int_equal(om_client_handle_exit(daemon->channel[0], VCPU_FD, &run),
			 OM_MEDIATORD_NOT_MINE);
}

TEST(registers_are_those_that_the_backend_asks_for)
{
	static const uint32_t first[] = { 0x32000000u, 0xb2000000u, 0xbf00ff00u, 0xbf01ff00u };

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		for (uint32_t n = 0; n < (i < 2 ? 0x20000u : 4u); n++)
			assert_int_equal(om_client_wanted(first[i] + n) | 1u,
					 om_kvm_wanted_registers(first[i] + n));
}

TEST(filter_is_the_backends)
{
	static const uint32_t expected[][2] = {
		{ 0x32000000u, 0x20000u }, { 0xb2000000u, 0x20000u },
		{ 0xbf00ff00u, 4 }, { 0xbf01ff00u, 4 },
	};

	memset(&kvm, 0, sizeof(kvm));
	assert_int_equal(om_client_set_filter(VM_FD), 0);
	assert_int_equal(kvm.filters, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(kvm.filter[i].base, expected[i][0]);
		assert_int_equal(kvm.filter[i].count, expected[i][1]);
		assert_int_equal(kvm.filter[i].action, 2);
	}
	kvm.error = ENXIO;
	assert_int_equal(om_client_set_filter(VM_FD), -OM_CLIENT_ERRNO - ENXIO);
	assert_string_equal(om_client_text(-OM_CLIENT_ERRNO - ENXIO), strerror(ENXIO));
}

TEST(each_result_has_a_text)
{
	for (int i = OM_MEDIATORD_ERR_RESETTING; i <= OM_MEDIATORD_IN_USE; i++)
		if (i != OM_MEDIATORD_NOT_MINE && i != OM_MEDIATORD_NEW_DRIVER)
			assert_string_not_equal(om_client_text(i), "?");
}

/* A daemon in a process of its own, and the folder with its sockets. */
struct process {
	char folder[32];
	char socket[64];
	pid_t pid;
};

static int start_process(void **state)
{
	static struct process process;

	strcpy(process.folder, "/tmp/mediatord-XXXXXX");
	assert_non_null(mkdtemp(process.folder));
	snprintf(process.socket, sizeof(process.socket), "%s/socket", process.folder);
	process.pid = fork();
	if (process.pid == 0) {
		execl(FAKE_DAEMON, FAKE_DAEMON, "--socket", process.socket, "--name", "alpha", NULL);
		_exit(127);
	}
	/* It is there when it listens. */
	for (uint32_t i = 0; i < 1000; i++) {
		struct om_client client;

		if (om_client_connect(&client, process.socket) == 0) {
			om_client_disconnect(&client);
			break;
		}
		usleep(10000);
	}
	*state = &process;
	return 0;
}

static int stop_process(void **state)
{
	struct process *process = *state;
	int status;

	kill(process->pid, SIGTERM);
	waitpid(process->pid, &status, 0);
	unlink(process->socket);
	rmdir(process->folder);
	return 0;
}

/* The process that serves, by the connection's other end. */
static pid_t server(const struct om_client *client)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	char command[64];
	FILE *children;
	int pid = 0;

	/* Who made the socket listen is its parent. */
	assert_int_equal(getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
	snprintf(command, sizeof(command), "/proc/%d/task/%d/children", peer.pid, peer.pid);
	children = fopen(command, "re");
	assert_non_null(children);
	assert_int_equal(fscanf(children, "%d", &pid), 1);
	fclose(children);
	return pid;
}

/* A guest's memory and first vCPU on this connection. */
static int populate(struct om_client *client, int file, int *channel)
{
	assert_int_equal(om_client_add_memory(client, 1, SHARED_GPA, SHARED_SIZE, file, 0), 0);
	assert_int_equal(om_client_open_vcpu(client, 0, channel), 0);
	return 0;
}

TEST_IN(guest_lives_on_when_its_daemon_dies, start_process, stop_process)
{
	const struct process *process = *state;
	int channel, file = memfd_create("guest", MFD_CLOEXEC);
	uint64_t x[8] = { OPTEE_SMC_CALLS_UID };
	struct om_client client;

	assert_int_equal(ftruncate(file, SHARED_SIZE), 0);
	assert_int_equal(om_client_connect(&client, process->socket), 0);
	populate(&client, file, &channel);
	assert_int_equal(om_client_call(channel, x), 0);
	assert_int_equal(x[0], 0x384fb3e0);

	kill(server(&client), SIGKILL);
	/* Every call fails, in the way that a driver understands. */
	x[0] = OPTEE_SMC_CALL_WITH_ARG;
	assert_true(om_client_call(channel, x) < -OM_CLIENT_ERRNO);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	x[0] = OPTEE_SMC_RETURN_FROM_RPC;
	assert_true(om_client_call(channel, x) < -OM_CLIENT_ERRNO);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	x[0] = OPTEE_SMC_CALLS_UID;
	assert_true(om_client_call(channel, x) < -OM_CLIENT_ERRNO);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	/* At any other answer to these Linux, which asks when it reboots, waits for ever. */
	x[0] = OPTEE_SMC_DISABLE_SHM_CACHE;
	assert_true(om_client_call(channel, x) < -OM_CLIENT_ERRNO);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	x[0] = OPTEE_SMC_ENABLE_SHM_CACHE;
	assert_true(om_client_call(channel, x) < -OM_CLIENT_ERRNO);
	assert_int_equal(x[0], OPTEE_SMC_RETURN_OK);
	assert_true(om_client_reset(&client) < -OM_CLIENT_ERRNO);
	close(channel);
	om_client_disconnect(&client);

	/* The next daemon is there for the guest's next life. */
	assert_int_equal(om_client_connect(&client, process->socket), 0);
	populate(&client, file, &channel);
	x[0] = OPTEE_SMC_CALLS_UID;
	assert_int_equal(om_client_call(channel, x), 0);
	assert_int_equal(x[0], 0x384fb3e0);
	close(channel);
	om_client_disconnect(&client);
	close(file);
}

TEST_IN(next_vmm_waits_until_the_guest_before_is_gone, start_process, stop_process)
{
	const struct process *process = *state;
	struct om_client first, second;
	pid_t child;
	int status;

	assert_int_equal(om_client_connect(&first, process->socket), 0);
	child = fork();
	if (child == 0) {
		close(first.fd);
		_exit(om_client_connect(&second, process->socket) != 0);
	}
	usleep(50000);
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	om_client_disconnect(&first);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

TEST(connection_to_nobody_fails)
{
	struct om_client client;
	char path[200];

	assert_int_equal(om_client_connect(&client, "/nonexistent/socket"), -OM_CLIENT_ERRNO - ENOENT);
	assert_int_equal(client.fd, -1);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(om_client_connect(&client, path), -OM_CLIENT_ERRNO - ENAMETOOLONG);
	assert_int_equal(om_client_reset(&client), -OM_CLIENT_ERRNO - EBADF);
}

/* The daemon's exit status for these arguments; what it says goes nowhere. */
static int run_daemon(const char *const *arguments)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(127);
		execv(FAKE_DAEMON, (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) run_daemon((const char *const[]){ FAKE_DAEMON, __VA_ARGS__, NULL })

TEST(command_line_that_is_wrong_is_refused)
{
	char folder[] = "/tmp/mediatord-XXXXXX", socket[64];

	assert_non_null(mkdtemp(folder));
	snprintf(socket, sizeof(socket), "%s/socket", folder);
	assert_int_equal(RUN("--help"), 0);
	assert_int_equal(RUN("--name", "alpha"), 2);
	assert_int_equal(RUN("--nonsense"), 2);
	assert_int_equal(RUN("more"), 2);
	assert_int_equal(RUN("--socket", "/nonexistent/socket"), 2);
	assert_int_equal(RUN("--socket", socket, "--name", "a\"b"), 2);
	assert_int_equal(RUN("--socket", socket, "--name", ""), 2);
	assert_int_equal(RUN("--socket", socket, "--policy", "/nonexistent"), 2);
	assert_int_equal(RUN("--socket", socket, "--tee", "/dev/none"), 2);
	unlink(socket);
	rmdir(folder);
}

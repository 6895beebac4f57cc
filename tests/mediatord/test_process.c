/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optee-mediatord as a process: sockets that systemd passes, how it ends, and with what status.
 */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve.h"

/* A folder with what a daemon and its VMM meet by. */
static struct {
	char folder[32];
	char socket[64], control[64], policy[64];
} at;

static int set_up(void **state)
{
	(void)state;
	strcpy(at.folder, "/tmp/mediatord-XXXXXX");
	assert_non_null(mkdtemp(at.folder));
	snprintf(at.socket, sizeof(at.socket), "%s/socket", at.folder);
	snprintf(at.control, sizeof(at.control), "%s/control", at.folder);
	snprintf(at.policy, sizeof(at.policy), "%s/policy", at.folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(at.socket);
	unlink(at.control);
	unlink(at.policy);
	return rmdir(at.folder);
}

#define PROCESS_TEST(name) TEST_IN(name, set_up, tear_down)

static void write_policy(const char *text)
{
	FILE *file = fopen(at.policy, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int listen_at(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Starts a daemon; descriptors from 3 on are passed as systemd does. */
struct passed {
	const char *names;	/* $LISTEN_FDNAMES, or NULL: not set */
	const int *fds;
	int n;
	bool of_another;	/* $LISTEN_PID is another process */
};

static void pass(const struct passed *passed)
{
	char pid[16];
	int copies[4];

	if (!passed)
		return;
	for (int i = 0; i < passed->n; i++)
		copies[i] = fcntl(passed->fds[i], F_DUPFD, 10);
	for (int i = 0; i < passed->n; i++)
		dup2(copies[i], 3 + i);
	snprintf(pid, sizeof(pid), "%d", (int)getpid() + passed->of_another);
	setenv("LISTEN_PID", pid, 1);
	if (passed->names)
		setenv("LISTEN_FDNAMES", passed->names, 1);
}

static pid_t start(const char *program, const struct passed *passed, const char *const *arguments)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(127);
		pass(passed);
		execv(program, (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	return pid;
}
#define START(program, passed, ...) \
	start(program, passed, (const char *const[]){ program, __VA_ARGS__ __VA_OPT__(,) NULL })

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A daemon that systemd has started, with its sockets. */
static pid_t start_with_sockets(const char *policy)
{
	const int fds[] = { listen_at(at.control, SOCK_STREAM), listen_at(at.socket, SOCK_SEQPACKET) };
	const struct passed passed = { "control:vmm", fds, 2, false };
	pid_t pid = policy ? START(FAKE_DAEMON, &passed, "--policy", policy) :
			     START(FAKE_DAEMON, &passed, "--login");

	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void connect_to(struct om_client *client)
{
	assert_int_equal(om_client_connect(client, at.socket), OM_MEDIATORD_OK);
}

static void metrics_are_there(void)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[32];

	strcpy(address.sun_path, at.control);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	assert_int_equal(recv(fd, answer, 15, MSG_WAITALL), 15);
	assert_memory_equal(answer, "HTTP/1.0 200 OK", 15);
	close(fd);
}

PROCESS_TEST(one_guest_on_the_sockets_of_systemd)
{
	struct om_client client;
	pid_t pid;

	write_policy("workers: 1\nsessions: 3\ntas: []\n");
	pid = start_with_sockets(at.policy);
	connect_to(&client);
	metrics_are_there();
	om_client_disconnect(&client);
	assert_int_equal(status_of(pid), SERVED);
}

PROCESS_TEST(vmm_that_breaks_the_protocol_is_the_exit_status)
{
	struct om_client client;
	pid_t pid = start_with_sockets(NULL);

	connect_to(&client);
	assert_int_equal(send(client.fd, "x", 1, 0), 1);
	assert_int_equal(status_of(pid), FAILED);
	om_client_disconnect(&client);
}

PROCESS_TEST(sockets_that_are_not_passed_are_not_taken)
{
	const int fds[] = { listen_at(at.socket, SOCK_SEQPACKET) };
	static const struct {
		const char *names;
		bool of_another;
	} cases[] = { { "vmm", true }, { NULL, false }, { "", false }, { "control", false },
		      { "vm:vmmm:controls", false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct passed passed = { cases[i].names, fds, 1, cases[i].of_another };

		assert_int_equal(status_of(START(FAKE_DAEMON, &passed)), CANNOT_START);
	}
	close(fds[0]);
}

PROCESS_TEST(socket_that_does_not_listen_is_the_end)
{
	const int fds[] = { socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };
	const struct passed passed = { "vmm", fds, 1, false };

	assert_int_equal(status_of(START(FAKE_DAEMON, &passed)), CANNOT_START);
	close(fds[0]);
}

PROCESS_TEST(what_cannot_be_has_status_2)
{
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(status_of(START(FAKE_DAEMON, NULL, "--socket", path)), CANNOT_START);
	assert_int_equal(status_of(START(FAKE_DAEMON, NULL, "--socket", at.socket, "--control", path)),
			 CANNOT_START);
	write_policy("tas: {}\n");
	assert_int_equal(status_of(START(FAKE_DAEMON, NULL, "--socket", at.socket, "--policy",
					 at.policy)), CANNOT_START);
	/* The program itself, which has no TEE device here. */
	assert_int_equal(status_of(START(DAEMON, NULL, "--help")), 0);
	assert_int_equal(status_of(START(DAEMON, NULL, "--socket", at.socket, "--tee", "/dev/null")),
			 CANNOT_START);
}

/* Each life of a guest is a process; what the next one cannot have ends the daemon. */
PROCESS_TEST(daemon_outlives_the_process_of_a_guest)
{
	struct om_client client;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uint32_t tries = 0;
	pid_t pid;

	write_policy("tas: []\n");
	pid = START(FAKE_DAEMON, NULL, "--socket", at.socket, "--control", at.control, "--policy",
		    at.policy);
	while (om_client_connect(&client, at.socket) != OM_MEDIATORD_OK) {
		assert_true(++tries < 1000);
		usleep(10000);
	}
	assert_int_equal(getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
	assert_int_equal(peer.pid, pid);
	om_client_disconnect(&client);
	connect_to(&client);
	unlink(at.policy);
	/* A file that shrinks ends the process that has it mapped: by SIGBUS. */
	{
		int channel, file = memfd_create("guest", MFD_CLOEXEC);
		uint64_t x[8] = { OPTEE_SMC_CALL_WITH_ARG, 0, SHARED_GPA };

		assert_int_equal(ftruncate(file, SHARED_SIZE), 0);
		assert_int_equal(om_client_add_memory(&client, 1, SHARED_GPA, SHARED_SIZE, file, 0), 0);
		assert_int_equal(om_client_open_vcpu(&client, 0, &channel), 0);
		assert_int_equal(ftruncate(file, 0), 0);
		assert_true(om_client_call(channel, x) < -OM_CLIENT_ERRNO);
		close(channel);
		close(file);
	}
	om_client_disconnect(&client);
	assert_int_equal(status_of(pid), CANNOT_START);
}

/* A TA that ignores its cancellation: the process ends all the same, and with it the call. */
PROCESS_TEST(stubborn_ta_ends_with_the_process)
{
	struct daemon_rig *vmm = &daemon_rig;
	pid_t pid = start_with_sockets(NULL);
	struct message *m;
	uint32_t session, id;

	memset(vmm, 0, sizeof(*vmm));
	connect_to(&vmm->client);
	daemon_populate(vmm, 1);
	session = rig_opened(&vmm->kvm);
	m = rig_message(&vmm->kvm, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	m->hdr.session = session;
	m->hdr.func = FAKE_STUBBORN;
	assert_int_equal(rig_send(&vmm->kvm, 0, &id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(rig_resume(&vmm->kvm, 0, &id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	om_client_disconnect(&vmm->client);
	close(vmm->channel[0]);
	close(vmm->file);
	munmap(vmm->kvm.shared, SHARED_SIZE);
	assert_int_equal(status_of(pid), SERVED);
}

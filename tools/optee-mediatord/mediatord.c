/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of optee-mediatord, its sockets, and guest after guest. See serve.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optee_mediator/policy.h>

#include "serve.h"

static const char usage[] =
	"optee-mediatord [--socket PATH] [--control PATH] [--name GUEST] [--policy FILE]\n"
	"                [--tee DEVICE] [--login]\n"
	"\n"
	"Serves OP-TEE to a guest whose VMM connects to a Unix socket (docs/mediatord.md).\n"
	"  --socket PATH    the socket to make; without it, systemd passes one named vmm, and the\n"
	"                   process serves one guest and ends\n"
	"  --control PATH   a socket for optee-mediatorctl and monitoring; from systemd, control\n"
	"  --name GUEST     the guest's name (guest)\n"
	"  --policy FILE    which TAs the guest may use (docs/policy.md); all when not given\n"
	"  --tee DEVICE     the host's OP-TEE (/dev/tee0)\n"
	"  --login          the guest's clients may open sessions in the name of the user who runs\n"
	"                   this program, and of that user's groups\n"
	"Exit status: 0 the guest has ended, 1 its VMM broke the protocol, 2 it cannot start.\n";

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "optee-mediatord: %s: %s\n", what, why);
	exit(CANNOT_START);
}

/* Its permissions are what the umask leaves of 0777: the directory says who gets there. */
static int listen_at(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die(path, strerror(ENAMETOOLONG));
	strcpy(address.sun_path, path);
	/* What a daemon before this one has left. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8))
		die(path, strerror(errno));
	return fd;
}

/*
 * systemd's sockets (sd_listen_fds(3)): from 3 on, as many as $LISTEN_FDS says, named in
 * $LISTEN_FDNAMES, for process $LISTEN_PID.
 */
static bool inherit(struct options *options)
{
	const char *pid = getenv("LISTEN_PID"), *name = getenv("LISTEN_FDNAMES");
	int fd = 3;

	if (!pid || !name || strtol(pid, NULL, 10) != getpid())
		return false;
	for (; *name; fd++) {
		size_t length = strcspn(name, ":");

		if (length == 3 && strncmp(name, "vmm", 3) == 0)
			options->socket = fd;
		if (length == 7 && strncmp(name, "control", 7) == 0)
			options->control = fd;
		name += length + (name[length] == ':');
	}
	return options->socket >= 0;
}

/* A name goes into metrics as it is. */
static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length && length <= OM_POLICY_NAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

static void parse(struct options *options, const char **sockets, int argc, char **argv)
{
	enum { SOCKET, CONTROL, NAME, POLICY, TEE, LOGIN, HELP };
	static const struct option known[] = {
		{ "socket", required_argument, NULL, SOCKET },
		{ "control", required_argument, NULL, CONTROL },
		{ "name", required_argument, NULL, NAME },
		{ "policy", required_argument, NULL, POLICY },
		{ "tee", required_argument, NULL, TEE },
		{ "login", no_argument, NULL, LOGIN },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case SOCKET:
		case CONTROL:
			sockets[option] = optarg;
			break;
		case NAME:
			options->name = optarg;
			break;
		case POLICY:
			options->policy = optarg;
			break;
		case TEE:
			options->tee_device = optarg;
			break;
		case LOGIN:
			options->login = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			die("the command line", "try --help");
		}
	}
	if (optind != argc)
		die(argv[optind], "not an option; try --help");
	if (!is_name(options->name))
		die(options->name, "a name has 1 to 64 letters, digits, '.', '_' and '-'");
}

/* A process for each guest: what went wrong in one is not there for the next. */
static int serve_one_after_another(const struct options *options)
{
	pid_t parent = getpid();

	for (;;) {
		int status;
		pid_t child = fork();

		if (child < 0)
			die("a process for the guest", strerror(errno));
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			exit(getppid() == parent ? serve_guest(options) : CANNOT_START);
		}
		while (waitpid(child, &status, 0) < 0)
			;
		if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_START)
			return CANNOT_START;
		if (WIFSIGNALED(status))
			fprintf(stderr, "optee-mediatord: guest %s: process %d ended by signal %d\n",
				options->name, (int)child, WTERMSIG(status));
	}
}

int mediatord(int argc, char **argv, const struct om_kvm_os *os, bool sandbox)
{
	struct options options = {
		.name = "guest", .tee_device = "/dev/tee0", .socket = -1, .control = -1,
		.sandbox = sandbox, .os = os,
	};
	const char *sockets[2] = { NULL, NULL };

	parse(&options, sockets, argc, argv);
	if (!sockets[0]) {
		if (!inherit(&options))
			die("no socket", "give one with --socket, or start it by systemd");
		return serve_guest(&options);
	}
	options.socket = listen_at(sockets[0], SOCK_SEQPACKET);
	if (sockets[1])
		options.control = listen_at(sockets[1], SOCK_STREAM);
	return serve_one_after_another(&options);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of one guest. See serve.h. */
#define _GNU_SOURCE
#include "serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optee_mediator/policy.h>

#include "connection.h"
#include "kvm_guest.h"
#include "outside.h"
#include "sandbox.h"

/* One guest in a process: its parts know each other by this. */
struct service {
	struct guest *guest;
	struct connection connection;
	struct outside outside;
};

static void trace(void *user, const struct om_trace_event *event)
{
	struct service *service = user;

	outside_trace(&service->outside, event);
}

static int create(struct service *service, const struct options *options,
		  struct om_policy_file **policy)
{
	struct guest_options guest = {
		.tee_device = options->tee_device, .os = options->os, .login = options->login,
		.user = service, .trace = options->control < 0 ? NULL : trace,
	};
	struct om_policy_error error;
	int result;

	if (options->policy) {
		if (om_policy_load(options->policy, options->name, policy, &error) != OM_POLICY_OK) {
			fprintf(stderr, "optee-mediatord: %s\n", error.text);
			return CANNOT_START;
		}
		guest.policy = &(*policy)->policy;
		guest.workers = (*policy)->workers;
		guest.sessions = (*policy)->sessions;
	}
	result = guest_create(&guest, &service->guest);
	if (result != OM_KVM_OK) {
		fprintf(stderr, "optee-mediatord: %s: %s\n", options->tee_device,
			om_kvm_result_text(result));
		return CANNOT_START;
	}
	return SERVED;
}

/* Waits for a VMM. Returns its connection, or -1. */
static int await_vmm(struct service *service, const struct options *options)
{
	struct ucred vmm = { 0 };
	socklen_t size = sizeof(vmm);
	int fd;

	do
		fd = accept4(options->socket, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0) {
		fprintf(stderr, "optee-mediatord: the socket: %s\n", strerror(errno));
		return -1;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &vmm, &size);
	outside_connected(&service->outside, vmm.pid, vmm.uid);
	fprintf(stderr, "optee-mediatord: guest %s: VMM %d of user %u\n", options->name,
		(int)vmm.pid, (unsigned int)vmm.uid);
	return fd;
}

static int destroy(struct service *service)
{
	int result;
	unsigned int tries = 10;

	do
		result = guest_destroy(service->guest);
	while (result == OM_MEDIATORD_AGAIN && --tries);
	return result;
}

static int serve_connection(struct service *service, const struct options *options, int fd)
{
	const char *broken;

	connection_begin(&service->connection, service->guest, fd);
	connection_serve(&service->connection);
	connection_end(&service->connection);
	broken = service->connection.broken;
	if (broken)
		fprintf(stderr, "optee-mediatord: guest %s: the VMM sent %s\n", options->name, broken);
	return broken ? FAILED : SERVED;
}

int serve_guest(const struct options *options)
{
	static struct service service;
	struct om_policy_file *policy = NULL;
	int status = create(&service, options, &policy);
	int error, fd;

	if (status != SERVED)
		return status;
	error = options->sandbox ? sandbox_enter() : 0;
	if (error) {
		fprintf(stderr, "optee-mediatord: the sandbox: %s\n", strerror(-error));
		return CANNOT_START;
	}
	if (!outside_begin(&service.outside, options->name, service.guest, options->control)) {
		fprintf(stderr, "optee-mediatord: the control socket: %s\n", strerror(errno));
		return CANNOT_START;
	}
	fd = await_vmm(&service, options);
	status = fd < 0 ? CANNOT_START : serve_connection(&service, options, fd);
	outside_end(&service.outside);
	/* A TA may ignore its cancellation; Linux closes everything when this process exits. */
	if (destroy(&service) == OM_MEDIATORD_OK)
		om_policy_unload(policy);
	else
		fprintf(stderr, "optee-mediatord: guest %s: a call is still in OP-TEE, it ends "
			"with this process\n", options->name);
	if (fd >= 0)
		close(fd);
	return status;
}

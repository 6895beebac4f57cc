/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE for the guest through optee-mediatord: nothing of it is in this process but
 * tools/client/om_client.c, which is to be copied. optee.c has it in the process instead.
 *
 * When the daemon dies, the guest gets errors and lives; when the guest starts over, it gets
 * the OP-TEE of a new one.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "om_client.h"
#include "optee.h"
#include "vmm.h"

#define RAM_ID	1u

static struct om_client client;
static int channel[MAX_CPUS];
static atomic_bool lost;	/* the daemon, and it has been said */

static void lose(int result)
{
	if (!atomic_exchange(&lost, true))
		fprintf(stderr, "vmm: OP-TEE is lost until the guest starts over: %s\n",
			om_client_text(result));
}

/* Returns what went wrong first, or OK. */
static int connect_all(struct vmm *vmm)
{
	int result = om_client_connect(&client, vmm->options.tee_socket);

	if (!result)
		result = om_client_add_memory(&client, RAM_ID, RAM_BASE, vmm->options.memory,
					      vmm->ram_file, 0);
	for (unsigned int i = 0; i < vmm->options.cpus && !result; i++)
		result = om_client_open_vcpu(&client, i, &channel[i]);
	return result;
}

static void create(struct vmm *vmm)
{
	int result = connect_all(vmm);

	if (result)
		die("%s: %s", vmm->options.tee_socket, om_client_text(result));
	/* Last, because from here on KVM passes the guest's calls to this program. */
	result = om_client_set_filter(vmm->vm);
	if (result)
		die("KVM's SMCCC filter: %s", om_client_text(result));
}

static bool serve_exit(struct vcpu *vcpu)
{
	int result = om_client_handle_exit(channel[vcpu->index], vcpu->fd, vcpu->run);

	if (result < 0)
		lose(result);
	if (result == OM_MEDIATORD_NEW_DRIVER)
		machine_end(vcpu->vmm, NEW_KERNEL);
	return result != OM_MEDIATORD_NOT_MINE;
}

static void disconnect(struct vmm *vmm)
{
	om_client_disconnect(&client);
	for (unsigned int i = 0; i < vmm->options.cpus; i++) {
		close(channel[i]);
		channel[i] = -1;
	}
}

static void reset(struct vmm *vmm)
{
	int result;

	do
		result = om_client_reset(&client);
	while (result == OM_MEDIATORD_AGAIN);
	if (!result)
		return;
	/* Another daemon, for a guest that begins anew and holds nothing. */
	disconnect(vmm);
	lost = false;
	result = connect_all(vmm);
	if (result)
		lose(result);
}

static void destroy(struct vmm *vmm)
{
	disconnect(vmm);
}

const struct tee tee_by_socket = {
	.create = create, .exit = serve_exit, .reset = reset, .destroy = destroy,
};

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of optee-mediatord share. See rig.h. */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct daemon_rig daemon_rig;

static void *serve(void *argument)
{
	struct daemon_rig *rig = argument;

	connection_serve(&rig->connection);
	connection_end(&rig->connection);
	while (guest_destroy(rig->guest) == OM_MEDIATORD_AGAIN)
		;
	close(rig->connection.fd);
	return NULL;
}

struct daemon_rig *daemon_start_on(const struct om_kvm_os *os)
{
	struct daemon_rig *rig = &daemon_rig;
	const struct guest_options options = { .os = os ? os : &rig->kvm.tee.os };
	int ends[2];

	memset(rig, 0, sizeof(*rig));
	rig->descriptors = fake_descriptors();
	fake_init(&rig->kvm.tee);
	rig->file = -1;
	for (uint32_t i = 0; i < DRIVER_SLOTS; i++)
		rig->channel[i] = -1;
	assert_int_equal(guest_create(&options, &rig->guest), OM_KVM_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	connection_begin(&rig->connection, rig->guest, ends[0]);
	rig->client = (struct om_client){ .fd = ends[1] };
	assert_int_equal(pthread_create(&rig->thread, NULL, serve, rig), 0);
	return rig;
}

struct daemon_rig *daemon_start(void)
{
	return daemon_start_on(NULL);
}

void daemon_greet(struct daemon_rig *rig)
{
	struct om_mediatord_message hello = {
		.type = OM_MEDIATORD_HELLO, .arg = { OM_MEDIATORD_VERSION },
	};
	const struct om_mediatord_message answer = hello;

	assert_int_equal(send(rig->client.fd, &hello, sizeof(hello), 0), sizeof(hello));
	/* The fuzzer looks at the clock by a signal. */
	assert_int_equal(TEMP_FAILURE_RETRY(recv(rig->client.fd, &hello, sizeof(hello), 0)),
			 sizeof(hello));
	assert_memory_equal(&hello, &answer, sizeof(hello));
}

static int call(struct rig *kvm, uint32_t vcpu, struct om_regs *regs)
{
	struct daemon_rig *rig = (struct daemon_rig *)kvm;

	return om_client_call(rig->channel[vcpu], regs->a);
}

void daemon_populate(struct daemon_rig *rig, uint32_t vcpus)
{
	rig->file = memfd_create("guest", MFD_CLOEXEC);
	assert_true(rig->file >= 0);
	assert_int_equal(ftruncate(rig->file, SHARED_SIZE), 0);
	rig->kvm.shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, rig->file, 0);
	assert_true(rig->kvm.shared != MAP_FAILED);
	rig->kvm.call = call;
	assert_int_equal(om_client_add_memory(&rig->client, MEMORY_ID, SHARED_GPA, SHARED_SIZE,
					      rig->file, 0), OM_MEDIATORD_OK);
	for (uint32_t i = 0; i < vcpus; i++)
		assert_int_equal(om_client_open_vcpu(&rig->client, i, &rig->channel[i]),
				 OM_MEDIATORD_OK);
}

const char *daemon_served(struct daemon_rig *rig)
{
	if (!rig->served)
		pthread_join(rig->thread, NULL);
	rig->served = true;
	return rig->connection.broken;
}

void daemon_stop(struct daemon_rig *rig)
{
	om_client_disconnect(&rig->client);
	for (uint32_t i = 0; i < DRIVER_SLOTS; i++)
		if (rig->channel[i] >= 0)
			close(rig->channel[i]);
	if (rig->file >= 0)
		close(rig->file);
	daemon_served(rig);
	if (rig->kvm.shared)
		munmap(rig->kvm.shared, SHARED_SIZE);
	assert_int_equal(fake_left(&rig->kvm.tee), 0);
	fake_exit(&rig->kvm.tee);
	assert_int_equal(fake_descriptors(), rig->descriptors);
}

int daemon_set_up(void **state)
{
	struct daemon_rig *rig = daemon_start();

	daemon_greet(rig);
	daemon_populate(rig, 2);
	*state = rig;
	return 0;
}

int daemon_tear_down(void **state)
{
	daemon_stop(*state);
	return 0;
}

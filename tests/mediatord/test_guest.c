/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest whose OP-TEE is in optee-mediatord: its calls and its memory through the sockets,
 * reset, and the ends of either side.
 */
#define _GNU_SOURCE
#include "mediatord/rig.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* A TA works on a buffer of scattered pages; returns the cookie's pages to the test. */
static void use_buffer(struct rig *rig, uint32_t session, uint64_t cookie)
{
	struct message *m;
	uint64_t pages[4];

	rig_pages(pages, DATA, 4, true);
	assert_int_equal(rig_register(rig, cookie, pages, 4, 4 * PAGE), TEEC_SUCCESS);
	memset(rig_va(rig, DATA), 7, 4 * PAGE);
	m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, cookie, 0, 4 * PAGE);
	assert_int_equal(rig_invoke(rig, 1, session, FAKE_MEMORY), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 4 * PAGE; i++)
		assert_int_equal(rig_va(rig, DATA)[i], 8);
}

DAEMON_TEST(guest_uses_a_ta_through_the_daemon)
{
	uint32_t session = rig_opened(rig);
	struct message *m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

	rig_value(m, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 41, 0);
	assert_int_equal(rig_invoke(rig, 1, session, FAKE_VALUES), TEEC_SUCCESS);
	assert_int_equal(m->param[0].u.value.a, 42);
	use_buffer(rig, session, 0x1000);
	assert_int_equal(rig_unregister(rig, 0x1000), TEEC_SUCCESS);
	assert_int_equal(rig_close(rig, session), TEEC_SUCCESS);
	assert_int_equal(fake_sessions(&rig->tee), 0);
}

DAEMON_TEST(function_of_somebody_else_is_not_ours)
{
	uint64_t x[8] = { 0x84000000u, 1, 2, 3 };	/* PSCI_VERSION */

	assert_int_equal(om_client_call(daemon->channel[0], x), OM_MEDIATORD_NOT_MINE);
	assert_int_equal(x[0], 0x84000000u);
}

/* Waits for the event; other requests must not have been answered AGAIN. */
static void await_ready(struct om_client *client)
{
	struct pollfd soon = { .fd = client->fd, .events = POLLIN };

	while (!client->ready) {
		assert_int_equal(poll(&soon, 1, 10000), 1);
		assert_int_equal(om_client_events(client), 0);
	}
	client->ready = false;
}

DAEMON_TEST(memory_in_use_leaves_when_it_is_given_back)
{
	uint32_t session = rig_opened(rig);

	use_buffer(rig, session, 0x1000);
	assert_int_equal(om_client_may_discard(&daemon->client, DATA, PAGE), OM_MEDIATORD_IN_USE);
	assert_int_equal(om_client_may_discard(&daemon->client, DATA + 8 * PAGE, PAGE),
			 OM_MEDIATORD_OK);
	assert_int_equal(om_client_remove_memory(&daemon->client, MEMORY_ID), OM_MEDIATORD_AGAIN);
	assert_int_equal(om_client_events(&daemon->client), 0);
	assert_false(daemon->client.ready);
	/* It comes again in the same place while the old one leaves. */
	assert_int_equal(om_client_add_memory(&daemon->client, MEMORY_ID + 1, SHARED_GPA, SHARED_SIZE,
					      daemon->file, 0), OM_MEDIATORD_OK);
	assert_int_equal(rig_unregister(rig, 0x1000), TEEC_SUCCESS);
	await_ready(&daemon->client);
	assert_int_equal(om_client_remove_memory(&daemon->client, MEMORY_ID), OM_MEDIATORD_OK);
	assert_int_equal(om_client_may_discard(&daemon->client, DATA, PAGE), OM_MEDIATORD_OK);
	use_buffer(rig, session, 0x1000);
}

DAEMON_TEST(reset_gives_all_back)
{
	uint32_t session = rig_opened(rig);

	use_buffer(rig, session, 0x1000);
	assert_int_equal(om_client_remove_memory(&daemon->client, MEMORY_ID), OM_MEDIATORD_AGAIN);
	assert_int_equal(om_client_reset(&daemon->client), OM_MEDIATORD_OK);
	await_ready(&daemon->client);
	assert_int_equal(om_client_remove_memory(&daemon->client, MEMORY_ID), OM_MEDIATORD_OK);
	assert_int_equal(fake_sessions(&rig->tee), 0);
	assert_int_equal(fake_shms(&rig->tee), 0);
	assert_int_equal(om_client_add_memory(&daemon->client, MEMORY_ID, SHARED_GPA, SHARED_SIZE,
					      daemon->file, 0), OM_MEDIATORD_OK);
	use_buffer(rig, rig_opened(rig), 0x1000);
}

/* Begins a call of this function, which stays in the TA. */
static void begin_call(struct rig *rig, uint32_t func)
{
	struct message *m;
	uint32_t id, session = rig_opened(rig);

	m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	m->hdr.session = session;
	m->hdr.func = func;
	assert_int_equal(rig_send(rig, 1, &id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fake_wait_blocked(&rig->tee, 1);
}

DAEMON_TEST(reset_is_asked_again_and_nothing_else_is_served_meanwhile)
{
	uint64_t x[8] = { OPTEE_SMC_CALLS_COUNT };
	int channel;

	begin_call(rig, FAKE_STUBBORN);
	assert_int_equal(om_client_reset(&daemon->client), OM_MEDIATORD_AGAIN);
	assert_int_equal(om_client_call(daemon->channel[0], x), OM_MEDIATORD_ERR_RESETTING);
	assert_int_equal(om_client_may_discard(&daemon->client, DATA, PAGE),
			 OM_MEDIATORD_ERR_RESETTING);
	assert_int_equal(om_client_open_vcpu(&daemon->client, 5, &channel),
			 OM_MEDIATORD_ERR_RESETTING);
	fake_release(&rig->tee, true);
	await_ready(&daemon->client);
	assert_int_equal(om_client_reset(&daemon->client), OM_MEDIATORD_OK);
	rig_opened(rig);
}

DAEMON_TEST(channel_can_be_opened_again)
{
	uint64_t x[8] = { OPTEE_SMC_CALLS_COUNT };
	int old = daemon->channel[0];

	/* While the old one is open, and after it was closed. */
	assert_int_equal(om_client_open_vcpu(&daemon->client, 0, &daemon->channel[0]),
			 OM_MEDIATORD_OK);
	assert_true(om_client_call(old, x) < -OM_CLIENT_ERRNO);
	close(old);
	rig_opened(rig);
	close(daemon->channel[0]);
	assert_int_equal(om_client_open_vcpu(&daemon->client, 0, &daemon->channel[0]),
			 OM_MEDIATORD_OK);
	rig_opened(rig);
}

DAEMON_TEST(vmm_that_dies_in_mid_call_takes_its_guest_with_it)
{
	begin_call(rig, FAKE_BLOCK);
	/* daemon_stop(): the connection is closed, and what it held is looked for. */
}

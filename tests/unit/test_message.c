/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call, on its way through the mediator: what OP-TEE gets to see of it,
 * what comes back, and every refusal on the way. test_message_registered.c has those inside
 * of registered buffers, test_message_policy.c those that the host has a say in.
 */
#include "rig_message.h"

/* --- Every parameter there and back -------------------------------------------------- */

/* What OP-TEE sees of { 0x11, 0x22, 0x33 }, and what becomes of it in the guest. */
static const struct crossing {
	uint64_t attr;
	uint64_t seen[4];	/* attr, a, b, c */
	uint64_t back[3];	/* a, b, c */
} crossings[] = {
	{ 0, { 0, 0, 0, 0 }, { 0x11, 0x22, 0x33 } },
	{ 1, { 1, 0x11, 0x22, 0x33 }, { 0x11, 0x22, 0x33 } },
	{ 2, { 2, 0, 0, 0 }, { JUNK, JUNK, 0x33 } },
	{ 3, { 3, 0x11, 0x22, 0x33 }, { JUNK, JUNK, 0x33 } },
	{ 0x70003, { 3, 0x11, 0x22, 0x33 }, { JUNK, JUNK, 0x33 } },
	/* Registered memory: 0x33 is its cookie. */
	{ 5, { 5, 0x11, 0x22, 0x33 }, { 0x11, 0x22, 0x33 } },
	{ 6, { 6, 0x11, 0x22, 0x33 }, { 0x11, JUNK, 0x33 } },
	{ 0x10007, { 7, 0x11, 0x22, 0x33 }, { 0x11, JUNK, 0x33 } },
};

MESSAGE_TEST(test_scenario_13_every_kind_of_parameter)
{
	uint32_t first;

	register_shm(rig, 0x33, TEST_PAGE, 0);
	for (uint32_t cmd = 0; cmd < 2; cmd++) {
		first = cmd == OPTEE_MSG_CMD_OPEN_SESSION ? 2 : 0;
		for (uint32_t place = first; place < first + 4; place++) {
			for (size_t i = 0; i < COUNT_OF(crossings); i++) {
				struct om_message *message = new_message(rig, cmd, first + 4);
				struct om_message was;

				message->param[place] = (struct optee_msg_param){
					crossings[i].attr, { { 0x11, 0x22, 0x33 } } };
				message->hdr.ret = 0x99;
				message->hdr.pad = 0x98;
				memset((char *)message + sizeof(*message), 0x97, 64);
				was = *message;
				assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
				assert_memory_equal(&s->saw.param[place], crossings[i].seen, 32);
				assert_int_equal(s->saw.hdr.ret, 0);
				assert_int_equal(s->saw.hdr.pad, 0);
				/* Results, and no other byte of the page (I3). */
				memcpy(&was.param[place].u, crossings[i].back, 24);
				was.hdr.ret = 0;
				was.hdr.ret_origin = ORIGIN;
				if (cmd == OPTEE_MSG_CMD_OPEN_SESSION)
					was.hdr.session = 0x55;
				assert_memory_equal(message, &was, sizeof(was));
				assert_int_equal(((uint8_t *)message)[sizeof(was)], 0x97);
			}
		}
	}
	unregister_shm(rig, 0x33);
}

MESSAGE_TEST(test_invariant_2_null_memory_has_no_address)
{
	static const uint64_t attrs[] = { 9, 0xa, 0xb, 0x209, 0x20a, 0x20b };

	for (size_t i = 0; i < COUNT_OF(attrs); i++) {
		struct om_message *message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

		message->param[0].attr = attrs[i];
		message->param[0].u.tmem.size = 77;
		message->param[0].u.tmem.shm_ref = 0x33;
		assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
		assert_int_equal(s->saw.param[0].attr, attrs[i]);
		assert_int_equal(s->saw.param[0].u.tmem.buf_ptr, 0);
		assert_int_equal(s->saw.param[0].u.tmem.size, 77);
		assert_int_equal(message->param[0].u.tmem.size, attrs[i] & 2 ? JUNK : 77);
		assert_int_equal(message->param[0].u.tmem.shm_ref, 0x33);
	}
}

/*
 * Who names memory by cookie only writes NULL as cookie, offset and size 0. OP-TEE is
 * shown it by address, as it would look cookie 0 up, which is a page of ours there.
 */
MESSAGE_TEST(test_fault_b2_null_memory_by_cookie)
{
	static const uint64_t attrs[] = { 5, 6, 7, 0x10006 };
	static const uint64_t junk[][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 1ull << 32, 1ull << 32, 0 } };
	uint32_t first;

	for (uint32_t cmd = 0; cmd < 2; cmd++) {
		first = cmd == OPTEE_MSG_CMD_OPEN_SESSION ? 2 : 0;
		for (uint32_t place = first; place < first + 4; place++) {
			for (size_t i = 0; i < COUNT_OF(attrs); i++) {
				struct om_message *message = new_message(rig, cmd, first + 4);
				const struct optee_msg_param seen = { (attrs[i] & 0xf) + 4,
								      { { 0, 0, 0 } } };
				struct optee_msg_param back = { attrs[i], { { 0, 0, 0 } } };

				message->param[place].attr = attrs[i];
				assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
				assert_int_equal(message->hdr.ret, 0);
				assert_memory_equal(&s->saw.param[place], &seen, sizeof(seen));
				back.u.rmem.size = attrs[i] & 2 ? JUNK : 0;
				assert_memory_equal(&message->param[place], &back, sizeof(back));
			}
			for (size_t i = 0; i < COUNT_OF(junk); i++) {
				struct om_message *message = new_message(rig, cmd, first + 4);

				message->param[place].attr = OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT;
				memcpy(&message->param[place].u, junk[i], sizeof(junk[i]));
				expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS,
					       OM_COUNT_REFUSED_COOKIE);
			}
		}
	}
}

/* As OP-TEE counts it, an empty buffer is one page if it does not begin with one. */
MESSAGE_TEST(test_fault_b3_empty_buffer)
{
	struct om_message *message;

	register_shm(rig, 0x33, 0, 64);
	message = rig_va(rig, MESSAGE);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
	assert_int_equal(s->saw.param[0].u.tmem.buf_ptr % TEST_PAGE, 64);
	assert_int_equal(s->saw.param[0].u.tmem.size, 0);
	assert_int_equal(test_guest_pins(rig->ram, rig_ipa(rig, DATA)), 1);

	message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	message->param[0].u.rmem.shm_ref = 0x33;
	rig_list(rig, &message->param[1], 0x20b, LIST_PAGE, 1);
	message->param[1].u.tmem.buf_ptr |= 4095;
	message->param[1].u.tmem.size = 0;
	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
	message->param[0].u.rmem.size = 1;
	expect_refused(rig, TEEC_ERROR_SECURITY, OM_COUNT_REFUSED_RANGE);

	unregister_shm(rig, 0x33);
	assert_int_equal(rig->ram->pinned, 0);
	register_shm(rig, 0x33, 0, 0);
	message = rig_va(rig, MESSAGE);
	assert_int_equal(message->hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
}

MESSAGE_TEST(test_memory_lent_for_a_call)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);

	rig->host->rereads_expected = true;	/* one list page for all */
	for (uint32_t i = 0; i < 4; i++) {
		rig_list(rig, &message->param[i], 0x20b, LIST_PAGE, 3);
		message->param[i].u.tmem.shm_ref = 0x77;
	}
	message->param[2].attr = 0;
	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
	for (uint32_t i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		assert_int_equal(s->saw.param[i].attr, 0x20b);
		assert_int_not_equal(s->saw.param[i].u.tmem.buf_ptr, rig_ipa(rig, LIST_PAGE));
		assert_int_equal(s->saw.param[i].u.tmem.size, 3 * TEST_PAGE);
		/* I7: nobody can name it by a cookie. */
		assert_int_equal(s->saw.param[i].u.tmem.shm_ref, 0);
		assert_int_equal(message->param[i].u.tmem.buf_ptr, rig_ipa(rig, LIST_PAGE));
		assert_int_equal(message->param[i].u.tmem.size, JUNK);
	}
	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 9);
}

/* --- Where a message may lie ------------------------------------------------------------ */

MESSAGE_TEST(test_scenario_14_command_page_of_no_use)
{
	const uint64_t bad[] = {
		0, 1, rig_ipa(rig, 0) + 8, rig_ipa(rig, 0) + 2048, rig->ram->hole_ipa,
		rig->ram->readonly_ipa, rig->ram->mmio_ipa, rig->ram->reserved_ipa,
		rig->ram->pa0_ipa, rig_ipa(rig, 0) | 1ull << 63, UINT64_MAX,
	};

	new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct om_regs r = rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, bad[i] >> 32,
					    (uint32_t)bad[i], 0);

		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_EBADADDR);
		assert_int_equal(r.a[1] | r.a[2] | r.a[3], 0);
		assert_int_equal(rig->ram->pinned, 0);
	}
	assert_int_equal(s->calls, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_ADDRESS), COUNT_OF(bad));
	/* Every slot still works. */
	for (size_t i = 0; i < 8; i++)
		expect_code(rig, OPTEE_SMC_RETURN_OK);
}

MESSAGE_TEST(test_scenario_20_copies_that_fail)
{
	static const struct {
		uint32_t cmd, n;
		enum test_op op;
		uint64_t at;	/* which of them */
		bool reaches_optee;
	} cases[] = {
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 0, TEST_OP_READ, 1, false },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 1, TEST_OP_READ, 1, false },
		{ OPTEE_MSG_CMD_OPEN_SESSION, 6, TEST_OP_READ, 1, false },
		{ OPTEE_MSG_CMD_OPEN_SESSION, 6, TEST_OP_READ, 2, false },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 1, TEST_OP_PIN, 1, false },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 1, TEST_OP_WRITE, 1, true },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 1, TEST_OP_WRITE, 2, true },
		{ OPTEE_MSG_CMD_OPEN_SESSION, 2, TEST_OP_WRITE, 1, true },
		{ OPTEE_MSG_CMD_OPEN_SESSION, 2, TEST_OP_WRITE, 2, true },
		/* The first of many: what can be written after it does not make up for it. */
		{ OPTEE_MSG_CMD_OPEN_SESSION, 6, TEST_OP_WRITE, 1, true },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 4, TEST_OP_WRITE, 1, true },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 4, TEST_OP_WRITE, 2, true },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 4, TEST_OP_WRITE, 3, true },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 4, TEST_OP_WRITE, 4, true },
		/* Refused, and not even that can be told. */
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 5, TEST_OP_WRITE, 1, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct om_message *message = new_message(rig, cases[i].cmd, cases[i].n);

		/* Two values, then NULL references, whose size comes back. */
		for (size_t k = 0; k < cases[i].n && k < OM_MESSAGE_PARAMS; k++)
			if (message->param[k].attr == 0)
				message->param[k].attr = k % 4 < 2 ? OPTEE_MSG_ATTR_TYPE_VALUE_INOUT :
								     OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
		s->calls = 0;
		test_host_fail(rig->host, 1u << cases[i].op, cases[i].at, false);
		expect_code(rig, OPTEE_SMC_RETURN_EBADADDR);
		assert_int_equal(test_host_fault_hits(rig->host), 1);
		test_host_fail(rig->host, 0, 0, false);
		assert_int_equal(s->calls, cases[i].reaches_optee);
		assert_int_equal(rig->ram->pinned, 0);
	}
}

/* --- Refusals -------------------------------------------------------------------------------- */

MESSAGE_TEST(test_scenario_15_numbers_of_parameters)
{
	static const uint32_t numbers[] = { 5, 6, 7, 122, 123, 127, 128, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, numbers[i]);
		expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_PARAMS);
		new_message(rig, OPTEE_MSG_CMD_CLOSE_SESSION, numbers[i]);
		expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_PARAMS);
	}
	new_message(rig, OPTEE_MSG_CMD_OPEN_SESSION, 6);
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(s->calls, 1);
}

MESSAGE_TEST(test_scenario_16_unknown_commands)
{
	static const uint32_t cmds[] = { 8, 9, 10, 11, 12, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < COUNT_OF(cmds); i++) {
		for (uint32_t n = 0; n < 3; n++) {
			new_message(rig, cmds[i], n);
			expect_code(rig, OPTEE_SMC_RETURN_EBADCMD);
		}
	}
	assert_int_equal(s->calls, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_COMMAND),
			 3 * COUNT_OF(cmds));
}

static void expect_rmem(struct rig *rig, uint64_t cookie, uint64_t offs, uint64_t size,
			uint32_t teec, enum om_counter why)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);

	/* Behind a good one, which has to be given back. */
	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	message->param[0].u.rmem.shm_ref = 0x33;
	message->param[1].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
	message->param[1].u.rmem.offs = offs;
	message->param[1].u.rmem.size = size;
	message->param[1].u.rmem.shm_ref = cookie;
	if (teec)
		expect_refused(rig, teec, why);
	else
		expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, teec);
}

MESSAGE_TEST(test_scenario_56_registered_memory)
{
	register_shm(rig, 0x33, 5000, 100);
	share(rig, OM_SHARE_RPC_ARG, 0x44);
	expect_rmem(rig, 0x33, 0, 5000, 0, 0);
	expect_rmem(rig, 0x33, 5000, 0, 0, 0);
	expect_rmem(rig, 0x33, 4999, 1, 0, 0);
	expect_rmem(rig, 0, 0, 1, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_COOKIE);
	expect_rmem(rig, 0x34, 0, 1, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_COOKIE);
	expect_rmem(rig, 0x44, 0, 1, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_COOKIE);
	expect_rmem(rig, 0x33, 0, 5001, TEEC_ERROR_SECURITY, OM_COUNT_REFUSED_RANGE);
	expect_rmem(rig, 0x33, 1, 5000, TEEC_ERROR_SECURITY, OM_COUNT_REFUSED_RANGE);
	expect_rmem(rig, 0x33, 5001, 0, TEEC_ERROR_SECURITY, OM_COUNT_REFUSED_RANGE);
	expect_rmem(rig, 0x33, UINT64_MAX, 2, TEEC_ERROR_SECURITY, OM_COUNT_REFUSED_RANGE);
	expect_rmem(rig, 0x33, 2, UINT64_MAX, TEEC_ERROR_SECURITY, OM_COUNT_REFUSED_RANGE);
	unshare(rig, OM_SHARE_RPC_ARG, 0x44);
	/* Nobody holds it any more, so it goes at once. */
	unregister_shm(rig, 0x33);
	assert_int_equal(rig->ram->pinned, 0);
}

MESSAGE_TEST(test_scenario_49_second_of_two_lists_is_bad)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);

	rig_list(rig, &message->param[0], 0x209, LIST_PAGE, 20);
	rig_list(rig, &message->param[1], 0x209, LIST_PAGE, 20);
	message->param[1].u.tmem.buf_ptr = rig->ram->hole_ipa;
	expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_PAGE);
	assert_int_equal(rig->ram->pinned, 0);
	message->param[1].u.tmem.size = 0;
	expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_PARAMS);
	message->param[1].u.tmem.size = 1ull << 40;
	expect_refused(rig, TEEC_ERROR_OUT_OF_MEMORY, OM_COUNT_REFUSED_QUOTA);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 0);
}

/* Invariant I5: what one call may name, by address and by cookie. */
TEST(test_invariant_5_pages_of_one_call)
{
	struct rig_setup setup = rig_default;
	struct om_message *message;
	struct secure s;
	struct rig *rig;

	setup.limits.call_pages = 10;
	rig = message_rig(&s, rig_new(&setup));
	/* Not when it is registered: that is what the other quota is for. */
	register_shm(rig, 0x33, 11 * TEST_PAGE, 0);
	register_shm(rig, 0x34, 5 * TEST_PAGE, 0);
	s.calls = 0;
	message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 3);
	for (uint32_t i = 0; i < 2; i++) {
		message->param[i].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
		message->param[i].u.rmem.shm_ref = 0x34;
	}
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(s.calls, 1);
	rig_list(rig, &message->param[2], 0x209, LIST_PAGE, 1);
	expect_refused(rig, TEEC_ERROR_OUT_OF_MEMORY, OM_COUNT_REFUSED_QUOTA);
	message->param[0].u.rmem.shm_ref = 0x33;
	expect_refused(rig, TEEC_ERROR_OUT_OF_MEMORY, OM_COUNT_REFUSED_QUOTA);
	message->param[0].attr = 0;
	rig_list(rig, &message->param[2], 0x209, LIST_PAGE, 5);
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(s.calls, 2);
	rig_free(rig);
}

/* --- Registering and unregistering -------------------------------------------------------- */

MESSAGE_TEST(test_scenario_58_registration_that_optee_refuses)
{
	struct om_message *message = rig_va(rig, MESSAGE);

	s->ret = TEEC_ERROR_OUT_OF_MEMORY;
	register_shm(rig, 0x33, 20 * TEST_PAGE, 0);
	assert_int_equal(message->hdr.ret, s->ret);
	assert_int_equal(rig->ram->pinned, 0);
	assert_false(known(rig, 0x33));
	/* The same with an error code of the SMC. */
	s->code = OPTEE_SMC_RETURN_ENOMEM;
	new_message(rig, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	rig_list(rig, &message->param[0], LIST, LIST_PAGE, 3);
	message->param[0].u.tmem.shm_ref = 0x33;
	expect_code(rig, OPTEE_SMC_RETURN_ENOMEM);
	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 0);
}

MESSAGE_TEST(test_scenario_55_unregister)
{
	register_shm(rig, 0x33, 20 * TEST_PAGE, 0);
	assert_int_equal(s->saw.param[0].u.tmem.shm_ref, 0x33);
	assert_int_equal(rig->ram->pinned, 20);
	/* OP-TEE keeps it, and so does the mediator. */
	s->ret = TEEC_ERROR_BUSY;
	unregister_shm(rig, 0x33);
	assert_int_equal(rig->ram->pinned, 20);
	s->code = OPTEE_SMC_RETURN_EBADADDR;
	new_message(rig, OPTEE_MSG_CMD_UNREGISTER_SHM, 1)->param[0].u.rmem.shm_ref = 0x33;
	expect_code(rig, OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(rig->ram->pinned, 20);
	assert_true(known(rig, 0x33));
	/* It lets go; a second time there is nothing to let go of. */
	s->code = OPTEE_SMC_RETURN_OK;
	s->ret = TEEC_SUCCESS;
	unregister_shm(rig, 0x33);
	/* Whatever the guest's attribute was, OP-TEE sees a plain one. */
	assert_int_equal(s->saw.param[0].attr, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT);
	assert_int_equal(s->saw.param[0].u.rmem.shm_ref, 0x33);
	assert_int_equal(rig->ram->pinned, 0);
	new_message(rig, OPTEE_MSG_CMD_UNREGISTER_SHM, 1)->param[0].u.rmem.shm_ref = 0x33;
	expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_COOKIE);
}

/* --- Notification ---------------------------------------------------------------------------- */

/* The guest has interrupts for as long as OP-TEE has not said that it stopped. */
MESSAGE_TEST(test_notification_that_is_not_stopped)
{
	static const uint32_t rets[] = { TEEC_ERROR_GENERIC, 1, TEEC_SUCCESS };

	om_store_relaxed(&rig->guest->notify_enabled, 1);
	for (size_t i = 0; i < COUNT_OF(rets); i++) {
		s->ret = rets[i];
		new_message(rig, OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, 0);
		expect_code(rig, OPTEE_SMC_RETURN_OK);
		assert_int_equal(om_load_relaxed(&rig->guest->notify_enabled),
				 rets[i] != TEEC_SUCCESS);
	}
}

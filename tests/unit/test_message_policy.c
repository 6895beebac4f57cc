/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host's policy is asked about a message, and what becomes of its answer. */
#include "rig_message.h"

struct policy {
	uint32_t answer;
	uint32_t asked;
	struct om_request last;
};

static uint32_t authorize(void *arg, struct test_guest *guest, const struct om_request *request)
{
	struct policy *policy = arg;

	assert_int_equal(guest->id, RIG_GUEST);
	policy->asked++;
	policy->last = *request;
	return policy->answer;
}

static struct policy the_policy;

static void with_policy(struct rig *rig)
{
	the_policy = (struct policy){ 0 };
	test_host_authorize(rig->host, authorize, &the_policy);
}

#define POLICY_TEST(name) \
	RIG_TEST_WITH(name, struct secure, s, message_rig(&s, rig_new_prepared(with_policy)))

/* What the policy was asked about last: a command of the session of that TA. */
static void expect_asked(uint32_t times, uint32_t cmd, const uint8_t *ta)
{
	assert_int_equal(the_policy.asked, times);
	assert_int_equal(the_policy.last.cmd, cmd);
	assert_int_equal(the_policy.last.session, 0x55);
	assert_memory_equal(the_policy.last.ta_uuid, ta, 16);
}

POLICY_TEST(test_policy_is_asked_for_the_ta)
{
	static const uint8_t none[16];
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_OPEN_SESSION, 3);
	uint8_t ta[16];

	for (uint32_t i = 0; i < 16; i++) {
		message->param[0].u.octets[i] = (uint8_t)i;
		message->param[1].u.octets[i] = (uint8_t)(0x80 + i);
	}
	message->param[1].u.value.c = 0xffffffff80000000u;
	message->hdr.session = 0x1234;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, 0);
	memcpy(ta, message->param[0].u.octets, sizeof(ta));
	assert_int_equal(the_policy.asked, 1);
	assert_int_equal(the_policy.last.cmd, OPTEE_MSG_CMD_OPEN_SESSION);
	assert_memory_equal(the_policy.last.ta_uuid, ta, 16);
	assert_memory_equal(the_policy.last.client_uuid, message->param[1].u.octets, 16);
	assert_int_equal(the_policy.last.login, 0x80000000);
	/* No session yet, whatever the guest says. */
	assert_int_equal(the_policy.last.session, 0);
	assert_int_equal(the_policy.last.sessions, 0);

	message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	message->hdr.func = 7;
	message->hdr.session = 0x55;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	expect_asked(2, OPTEE_MSG_CMD_INVOKE_COMMAND, ta);
	assert_int_equal(the_policy.last.func, 7);
	assert_memory_equal(the_policy.last.client_uuid, none, 16);
	new_message(rig, OPTEE_MSG_CMD_CANCEL, 0)->hdr.session = 0x55;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	expect_asked(3, OPTEE_MSG_CMD_CANCEL, ta);
	new_message(rig, OPTEE_MSG_CMD_CLOSE_SESSION, 0)->hdr.session = 0x55;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	expect_asked(4, OPTEE_MSG_CMD_CLOSE_SESSION, ta);

	/* About what cannot be carried out nobody is asked. */
	new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 0)->hdr.session = 0x55;
	expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_SESSION);
	assert_int_equal(the_policy.asked, 4);
}

static struct om_message *new_open(struct rig *rig, uint8_t ta)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_OPEN_SESSION, 2);

	message->param[0].u.octets[0] = ta;
	return message;
}

/* Sessions are counted by TA, and what the policy refuses counts no more. */
POLICY_TEST(test_policy_is_told_how_many_sessions_there_are)
{
	static const struct { uint8_t ta; uint32_t answer, sessions; } cases[] = {
		{ 1, TEEC_SUCCESS, 0 }, { 1, TEEC_SUCCESS, 1 }, { 2, TEEC_SUCCESS, 0 },
		{ 1, TEEC_ERROR_OUT_OF_MEMORY, 2 }, { 1, TEEC_SUCCESS, 2 },
	};
	uint32_t before = (uint32_t)om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW);

	for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
		new_open(rig, cases[i].ta);
		s->session = 0x60 + i;
		the_policy.answer = cases[i].answer;
		if (cases[i].answer)
			expect_refused(rig, cases[i].answer, OM_COUNT_REFUSED_POLICY);
		else
			expect_code(rig, OPTEE_SMC_RETURN_OK);
		assert_int_equal(the_policy.last.sessions, cases[i].sessions);
	}
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW), before + 4);
	the_policy.answer = TEEC_SUCCESS;
	new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 0)->hdr.session = RIG_SESSION;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(the_policy.last.sessions, 0);
}

/* Between the look-up of the session and its end: as another vCPU's CLOSE has it. */
static uint32_t close_meanwhile(void *arg, struct test_guest *guest,
				const struct om_request *request)
{
	struct rig *rig = arg;
	uint32_t index = om_session_get(&rig->guest->sessions, request->session);

	assert_int_equal(guest->id, RIG_GUEST);
	assert_int_not_equal(index, OM_NONE);
	assert_true(om_session_close(&rig->guest->sessions, index));
	return TEEC_SUCCESS;
}

/* Two CLOSEs that both found the session: one of them closes it. */
POLICY_TEST(fault_c1_session_is_closed_once)
{
	uint32_t index = om_session_get(&rig->guest->sessions, RIG_SESSION);

	om_session_put(&rig->guest->sessions, index);
	test_host_authorize(rig->host, close_meanwhile, rig);
	new_message(rig, OPTEE_MSG_CMD_CLOSE_SESSION, 0)->hdr.session = RIG_SESSION;
	expect_refused(rig, TEEC_ERROR_ITEM_NOT_FOUND, OM_COUNT_REFUSED_SESSION);
	/* It is the other's to end, and who was refused does not use it. */
	assert_true(om_session_is_unused(&rig->guest->sessions, index));
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW), 1);
	om_session_reopen(&rig->guest->sessions, index);
	assert_int_equal(om_session_get(&rig->guest->sessions, RIG_SESSION), index);
}

POLICY_TEST(test_policy_refuses_with_its_own_code)
{
	uint32_t cmd;

	the_policy.answer = 0xffff0abc;
	for (cmd = 0; cmd < 8; cmd++) {
		uint32_t n = cmd == 0 ? 2 : cmd == 4 || cmd == 5;
		struct om_message *message = new_message(rig, cmd, n);

		if (cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			rig_list(rig, &message->param[0], LIST, LIST_PAGE, 1);
		expect_refused(rig, 0xffff0abc, OM_COUNT_REFUSED_POLICY);
	}
	/* What is wrong anyway is not even asked about. */
	the_policy.asked = 0;
	new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 5);
	expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_PARAMS);
	assert_int_equal(the_policy.asked, 0);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of RPCs: what the guest is shown of a request, what OP-TEE gets of a reply,
 * and what is refused on the way.
 */
#include "rig_rpc.h"

/* Registers the data pages, for messages inside. */
#define MESSAGE_BUFFER 0x2000000u

static void share_message_buffer(struct rig *rig)
{
	struct optee *o = rig->arg;
	struct om_message *message = rig_message(rig, MESSAGE, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	*o = (struct optee){ 0 };
	rig_list(rig, &message->param[0], LIST, LIST_PAGE, 2);
	message->param[0].u.tmem.shm_ref = MESSAGE_BUFFER;
	assert_int_equal(rig_send(rig, MESSAGE).a[0], OPTEE_SMC_RETURN_OK);
}

/*
 * Each attribute: what OP-TEE has there, what the guest is shown of it, and what
 * OP-TEE has after the guest wrote { 11, 12, 13 } over it. Leftovers in what has
 * no input are not for the guest (I3).
 */
static const struct crossing {
	uint64_t attr;
	uint64_t asked[3];
	uint64_t shown[3];
	uint64_t back[3];
} crossings[] = {
	{ 0, { 1, 2, 3 }, { 0, 0, 0 }, { 1, 2, 3 } },
	{ 1, { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 3 } },
	{ 2, { 1, 2, 3 }, { 0, 0, 0 }, { 11, 12, 13 } },
	{ 3, { 1, 2, 3 }, { 1, 2, 3 }, { 11, 12, 13 } },
	{ 9, { 0, 2, 0 }, { 0, 2, 0 }, { 0, 2, 0 } },
	{ 0xa, { 0, 2, 0 }, { 0, 2, 0 }, { 0, 12, 0 } },
	{ 0xb, { 0, 2, 0 }, { 0, 2, 0 }, { 0, 12, 0 } },
};

static void expect_crossing(struct rig *rig, const struct crossing *c, uint32_t place,
			    bool is_inline)
{
	struct optee *o = rig->arg;
	struct om_request_copy *arg = guest_arg(rig, is_inline);
	struct om_request_copy *request;
	struct om_request_copy shown;
	struct om_regs r;

	*o = (struct optee){ 0 };
	if (!is_inline)
		ask_alloc(o);
	request = ask_cmd(o, is_inline ? 0 : ARG_COOKIE, OPTEE_RPC_CMD_FS, 4);
	memcpy(&request->param[place].u, c->asked, 24);
	request->param[place].attr = c->attr;
	r = is_inline ? begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG) : begin_with_arg(rig);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(om_pair(r.a[1], r.a[2]), is_inline ? 0 : ARG_COOKIE);
	shown = *request;
	memcpy(&shown.param[place].u, c->shown, 24);
	assert_memory_equal(arg, &shown, sizeof(shown));
	arg->hdr.ret = 0x77;
	arg->hdr.ret_origin = 3;
	/* Not the guest's to change. */
	arg->hdr.cmd = OPTEE_RPC_CMD_SHM_ALLOC;
	for (uint32_t i = 0; i < 4; i++) {
		arg->param[i].attr = 2;
		arg->param[i].u.value.a = 11;
		arg->param[i].u.value.b = 12;
		arg->param[i].u.value.c = 13;
	}
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	expect_resumed(o, 0, 0);
	assert_int_equal(o->back.hdr.ret, 0x77);
	assert_int_equal(o->back.hdr.ret_origin, 3);
	assert_int_equal(o->back.hdr.cmd, OPTEE_RPC_CMD_FS);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(o->back.param[i].attr, i == place ? c->attr : 0);
		if (i == place)
			assert_memory_equal(&o->back.param[i].u, c->back, 24);
	}
	if (!is_inline)
		unshare(rig, OM_SHARE_RPC_ARG, ARG_COOKIE);
}

/*
 * A request in the room behind a message without parameters, offset bytes into a registered
 * buffer. Whatever the mediator reads of it is changed right after, and put back.
 */
static void expect_split_request(struct rig *rig, uint32_t offset)
{
	struct optee *o = rig->arg;
	uint8_t *at = (uint8_t *)rig_va(rig, DATA) + offset;
	struct om_request_copy *arg = (void *)(at + OPTEE_MSG_ARG_SIZE(0));
	struct om_request_copy *request;
	struct om_regs r;

	memset(rig_va(rig, DATA), 0xa5, 2 * TEST_PAGE);
	memset(at, 0, OPTEE_MSG_ARG_SIZE(0));
	((struct optee_msg_hdr *)(void *)at)->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	*o = (struct optee){ 0 };
	rig->smcs = 0;
	request = ask_cmd(o, 0, OPTEE_RPC_CMD_FS, 4);
	for (uint32_t i = 0; i < 4; i++)
		request->param[i] = (struct optee_msg_param){ OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, { {
			0x4400u + i, 0x5500u + i, 0x6600u + i } } };
	r = rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, 0, MESSAGE_BUFFER, offset);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(om_pair(r.a[1], r.a[2]), 0);
	assert_memory_equal(arg, request, sizeof(*arg));
	/* Nothing is written beside it. */
	for (uint32_t i = 0; i < 2 * TEST_PAGE; i++)
		if (i < offset || i >= offset + OPTEE_MSG_ARG_SIZE(0) + sizeof(*arg))
			assert_int_equal(((uint8_t *)rig_va(rig, DATA))[i], 0xa5);
	arg->hdr.ret = 0x77;
	arg->hdr.ret_origin = 3;
	for (uint32_t i = 0; i < 4; i++)
		arg->param[i].u.value = (struct optee_msg_param_value){ 1 + i, 11 + i, 21 + i };
	test_guest_mutate(rig->ram, true);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	test_guest_mutate(rig->ram, false);
	assert_int_equal(o->back.hdr.ret, 0x77);
	assert_int_equal(o->back.hdr.ret_origin, 3);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(o->back.param[i].u.value.a, 1 + i);
		assert_int_equal(o->back.param[i].u.value.b, 11 + i);
	}
}

/* At every word of message and argument there may be a page's end. */
RPC_TEST(fault_b4_request_across_two_pages)
{
	const uint32_t size = OPTEE_MSG_ARG_SIZE(0) + sizeof(struct om_request_copy);

	share_message_buffer(rig);
	for (uint32_t offset = TEST_PAGE - size; offset <= TEST_PAGE; offset += 8)
		expect_split_request(rig, offset);
}

/* A request that cannot be shown on either side is not, and a reply is not half a one. */
RPC_TEST(fault_b4_either_half_of_a_request_fails)
{
	static const struct {
		enum test_op op;
		uint32_t n;
	} cases[] = {
		{ TEST_OP_WRITE, 1 }, { TEST_OP_WRITE, 2 }, { TEST_OP_READ, 1 }, { TEST_OP_READ, 2 },
	};
	struct optee_msg_hdr *hdr = (void *)((uint8_t *)rig_va(rig, DATA) + TEST_PAGE - 64);

	share_message_buffer(rig);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct om_regs r;

		memset(hdr, 0, 64);
		hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
		*o = (struct optee){ 0 };
		ask_cmd(o, 0, OPTEE_RPC_CMD_FS, 4);
		if (cases[i].op == TEST_OP_WRITE)
			test_host_fail(rig->host, 1u << cases[i].op, cases[i].n, false);
		r = rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, 0, MESSAGE_BUFFER, TEST_PAGE - 64);
		if (cases[i].op == TEST_OP_READ)
			test_host_fail(rig->host, 1u << cases[i].op, cases[i].n, false);
		assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(test_host_fault_hits(rig->host), 1);
		test_host_fail(rig->host, 0, 0, false);
		assert_int_not_equal(o->back.hdr.ret, TEEC_SUCCESS);
		assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
	}
}

RPC_TEST(test_scenario_44_every_parameter_there_and_back)
{
	for (uint32_t is_inline = 0; is_inline < 2; is_inline++)
		for (uint32_t place = 0; place < 4; place++)
			for (size_t i = 0; i < COUNT_OF(crossings); i++) {
				rig->smcs = 0;
				expect_crossing(rig, &crossings[i], place, is_inline);
			}
}

RPC_TEST(test_memory_that_a_request_names)
{
	static const struct {
		uint64_t cookie, offs, size;
		bool shown;
	} cases[] = {
		/* To the end of the last page: OP-TEE counts whole ones. */
		{ 0x51, 0, 4000, true }, { 0x52, 0, 4000, true },
		{ 0x51, 4000, 0, true }, { 0x51, 3999, 1, true },
		{ 0x51, 0, 4001, false }, { 0x51, 4001, 0, false },
		{ 0x52, 1, 4000, false }, { 0x52, UINT64_MAX, 2, false },
		{ 0x51, 2, UINT64_MAX, false }, { 0x53, 0, 1, false }, { 0, 0, 1, false },
		/* An RPC argument is no data. */
		{ ARG_COOKIE, 0, 1, false },
	};

	share_data(rig, OM_SHARE_PAYLOAD, 0x51);
	share_data(rig, OM_SHARE_REGISTERED, 0x52);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (uint32_t attr = 5; attr <= 7; attr++) {
			struct optee_msg_param *param;
			struct om_regs r;

			rig->smcs = 0;
			*o = (struct optee){ 0 };
			ask_alloc(o);
			param = &ask_cmd(o, ARG_COOKIE, OPTEE_RPC_CMD_FS, 3)->param[2];
			param->attr = attr;
			param->u.rmem.offs = cases[i].offs;
			param->u.rmem.size = cases[i].size;
			param->u.rmem.shm_ref = cases[i].cookie;
			r = begin_with_arg(rig);
			if (cases[i].shown) {
				struct om_request_copy *arg = rig_va(rig, ARG);

				assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
				arg->param[2].u.rmem.size = 0x99;
				arg->param[2].u.rmem.offs = 0x98;
				assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
				assert_int_equal(o->back.param[2].u.rmem.size,
						 attr == 5 ? cases[i].size : 0x99);
				assert_int_equal(o->back.param[2].u.rmem.offs, cases[i].offs);
			} else {
				expect_not_shown(rig, r);
			}
			unshare(rig, OM_SHARE_RPC_ARG, ARG_COOKIE);
		}
	}
}

/*
 * UNREGISTER waits for a call that names the buffer, until OP-TEE has certainly
 * looked it up: then it waits itself, or does not mind (I7). Pinned it stays (I4).
 */
TEST(test_invariant_7_unregister_waits_for_the_lookup)
{
	static const struct {
		uint32_t a0, cmd;
		bool waits;
	} cases[] = {
		{ OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, true },
		{ OPTEE_SMC_RETURN_RPC_ALLOC, 0, true },
		{ OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_NOTIFICATION, true },
		{ OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_GET_TIME, false },
		{ OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_SHM_ALLOC, false },
		/* Not shown to the guest, so nothing is known of it. */
		{ OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_BENCH_REG, true },
	};
	struct optee user, unregister;
	struct rig *rig = rpc_rig(&user, NULL);
	struct om_message *message = rig_va(rig, MESSAGE);
	struct om_message *second = rig_va(rig, DATA);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct om_regs r, waiting;

		share_data(rig, OM_SHARE_REGISTERED, 0x52);
		user = (struct optee){ 0 };
		unregister = (struct optee){ 0 };
		ask(&user, cases[i].a0, 0)->arg = (struct om_request_copy){
			.hdr = { .cmd = cases[i].cmd, .num_params = 1 },
			.param = { { .attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT } } };
		rig_message(rig, MESSAGE, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
		message->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
		message->param[0].u.rmem.shm_ref = 0x52;
		user.inline_at = OPTEE_MSG_ARG_SIZE(1);
		rig->arg = &user;
		r = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, MESSAGE), 0);

		*second = *message;
		second->hdr.cmd = OPTEE_MSG_CMD_UNREGISTER_SHM;
		rig->arg = &unregister;
		waiting = rig_send(rig, DATA);
		assert_int_equal(waiting.a[0], cases[i].waits ?
				 OPTEE_SMC_RETURN_RPC_FOREIGN_INTR : OPTEE_SMC_RETURN_OK);
		assert_int_equal(test_guest_pins(rig->ram, rig_ipa(rig, SPARE)), 1);

		rig->arg = &user;
		assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
		rig->arg = &unregister;
		if (cases[i].waits)
			assert_int_equal(resume(rig, waiting).a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(second->hdr.ret, 0);
		assert_int_equal(rig->ram->pinned, 0);
	}
	rig_free(rig);
}

/* Outputs of as many parameters as were asked for; what is behind them is OP-TEE's. */
RPC_TEST(test_replies_stay_in_their_argument)
{
	static const struct {
		uint32_t n;
		uint64_t attr;
	} asked[] = {
		{ 4, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT }, { 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT },
		{ 0, 0 }, { 4, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT },
	};
	struct om_request_copy *arg = (void *)((uint8_t *)rig_va(rig, MESSAGE) +
					       OPTEE_MSG_ARG_SIZE(0));
	static const uint8_t nothing[64];
	struct om_regs r;

	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		struct om_request_copy *request = ask_cmd(o, 0, OPTEE_RPC_CMD_FS, asked[i].n);

		for (uint32_t k = 0; k < asked[i].n; k++)
			request->param[k].attr = asked[i].attr;
	}
	r = begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
		memset(arg, 0xee, sizeof(*arg));
		/* Taken for an attribute, a value to be written. */
		arg->hdr.cmd = OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT;
		arg->hdr.func = 0;
		arg->hdr.num_params = asked[i].n;
		r = resume(rig, r);
		for (uint32_t k = asked[i].n; k < OPTEE_MSG_RPC_PARAMS; k++)
			assert_memory_equal(&o->back.param[k], nothing, sizeof(o->back.param[k]));
		/* OP-TEE's memory, which the guest does not see, but nor is it the guest's. */
		o->inline_at = OPTEE_MSG_ARG_SIZE(0) + sizeof(*arg);
		assert_memory_equal(secure_arg(rig, o), nothing, sizeof(nothing));
		o->inline_at = 0;
	}
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
}

RPC_TEST(test_commands_that_no_guest_is_shown)
{
	static const uint32_t cmds[] = { 8, 13, 20, 25, 31, 32, 64, UINT32_MAX };

	for (size_t i = 0; i < COUNT_OF(cmds); i++) {
		*o = (struct optee){ 0 };
		ask_cmd(o, 0, cmds[i], 0);
		expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	}
	/* More parameters than there can be: not even fetched. */
	*o = (struct optee){ 0 };
	ask_cmd(o, 0, OPTEE_RPC_CMD_FS, UINT32_MAX);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
}

RPC_TEST(test_scenario_42_replies_that_are_refused)
{
	static const uint32_t numbers[] = { 0, 1, 3, 4, UINT32_MAX };
	struct om_request_copy *arg = guest_arg(rig, true);

	for (size_t i = 0; i <= COUNT_OF(numbers); i++) {
		struct om_regs r;

		*o = (struct optee){ 0 };
		ask_cmd(o, 0, OPTEE_RPC_CMD_FS, 2)->param[0].attr = 2;
		r = begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
		arg->hdr.ret = 0;
		arg->param[0].u.value.a = 0x99;
		/* The last one cannot even be read. */
		if (i < COUNT_OF(numbers))
			arg->hdr.num_params = numbers[i];
		else
			test_host_fail(rig->host, 1u << TEST_OP_READ, 1, false);
		assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(o->back.hdr.ret, TEEC_ERROR_COMMUNICATION);
		assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
		assert_int_equal(o->back.param[0].u.value.a, 0);
	}
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_REPLY),
			 COUNT_OF(numbers) + 1);
}

RPC_TEST(test_request_that_cannot_be_written)
{
	ask_cmd(o, 0, OPTEE_RPC_CMD_GET_TIME, 1)->param[0].attr = 2;
	test_host_fail(rig->host, 1u << TEST_OP_WRITE, 1, false);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	/* The same when it asks for memory: none was allocated. */
	*o = (struct optee){ 0 };
	ask_cmd(o, 0, OPTEE_RPC_CMD_SHM_ALLOC, 1)->param[0].attr = 1;
	test_host_fail(rig->host, 1u << TEST_OP_WRITE, 1, false);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	assert_int_equal(o->back.hdr.num_params, 1);
}

/* A shadow is one page: OP-TEE must not be led to believe in more. */
RPC_TEST(test_argument_larger_than_a_page)
{
	ask(o, OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)(TEST_PAGE + 1) << 32);
	expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPCs: functions, the pages that OP-TEE has its arguments in, and the TA that a request
 * names. test_rpc_commands.c has what is in the arguments, test_rpc_payloads.c what is
 * allocated by them.
 */
#include "rig_rpc.h"

/* --- Functions ------------------------------------------------------------------------- */

RPC_TEST(test_scenario_30_unknown_functions)
{
	static const uint32_t functions[] = {
		0xffff0001, 0xffff0003, 0xffff0006, 0xffff0007, 0xffff8000, 0xfffffffe,
	};

	for (size_t i = 0; i < COUNT_OF(functions); i++) {
		*o = (struct optee){ 0 };
		ask(o, functions[i], 0x1234500006789);
		expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
	}
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_REQUEST),
			 COUNT_OF(functions));
}

/* What is no command has no argument to answer in, whatever came before. */
RPC_TEST(test_scenario_30_unknown_function_after_a_command)
{
	struct om_request_copy answered;
	struct om_regs r;

	ask_cmd(o, 0, OPTEE_RPC_CMD_SUSPEND, 0);
	ask(o, 0xffff0001, 0);
	r = begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	r = resume(rig, r);
	answered = o->back;
	expect_no_page(rig, r);
	assert_memory_equal(&o->back, &answered, sizeof(answered));
}

RPC_TEST(test_scenario_27_interrupts)
{
	struct om_regs r;

	ask(o, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0);
	r = begin(rig, OPTEE_SMC_CALL_WITH_ARG);
	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		o->at = 0;
		rig->smcs = 0;
		r = resume(rig, r);
		expect_resumed(o, 0, 0);
	}
	r = resume(rig, r);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_INTERRUPTED), 10001);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_RESUMES), 10001);
}

/* --- RPC arguments ------------------------------------------------------------------------ */

RPC_TEST(test_scenario_33_alloc_and_free)
{
	struct om_regs r;

	ask_alloc(o);
	ask(o, OPTEE_SMC_RETURN_RPC_FREE, ARG_COOKIE);
	r = begin_with_arg(rig);
	/* OP-TEE has a shadow page, under the guest's cookie. */
	assert_true(test_host_is_shadow(rig->host, o->arg));
	expect_resumed(o, o->arg, ARG_COOKIE);
	/* Forgotten before the guest is shown it, and unpinned. */
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	assert_int_equal(om_pair(r.a[1], r.a[2]), ARG_COOKIE);
	assert_false(known(rig, ARG_COOKIE));
	assert_int_equal(rig->ram->pinned, 1);
	o->arg = 0;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	expect_resumed(o, 0, 0);
}

/* A page that cannot be used: OP-TEE is told, and has the guest free it. */
RPC_TEST(test_scenario_31_alloc_replies_of_no_use)
{
	const uint64_t pages[] = {
		0, rig_ipa(rig, ARG) + 8, rig->ram->hole_ipa, rig->ram->readonly_ipa,
		rig->ram->mmio_ipa, rig->ram->reserved_ipa, rig->ram->pa0_ipa,
	};
	struct om_regs r;

	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		*o = (struct optee){ 0 };
		ask_alloc(o);
		ask(o, OPTEE_SMC_RETURN_RPC_FREE, ARG_COOKIE);
		r = begin(rig, OPTEE_SMC_CALL_WITH_ARG);
		r = resume_alloc(rig, r, pages[i], ARG_COOKIE);
		expect_resumed(o, OM_NO_PAGE, ARG_COOKIE);
		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FREE);
		assert_int_equal(om_pair(r.a[1], r.a[2]), ARG_COOKIE);
		assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(rig->ram->pinned, 0);
	}
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_REPLY), COUNT_OF(pages));
}

/* Freed once: the guest's cookie is not good for a second one. */
RPC_TEST(test_refused_allocation_is_freed_once)
{
	static const uint64_t second[] = { ARG_COOKIE, 1, UINT64_MAX };
	struct om_regs r;

	for (size_t i = 0; i < COUNT_OF(second); i++) {
		*o = (struct optee){ 0 };
		ask_alloc(o);
		ask(o, OPTEE_SMC_RETURN_RPC_FREE, ARG_COOKIE);
		ask(o, OPTEE_SMC_RETURN_RPC_FREE, second[i]);
		r = begin(rig, OPTEE_SMC_CALL_WITH_ARG);
		r = resume_alloc(rig, r, rig->ram->hole_ipa, ARG_COOKIE);
		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FREE);
		expect_no_page(rig, resume(rig, r));
	}
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_RPC_FREE), COUNT_OF(second));
}

RPC_TEST(test_scenario_32_alloc_cookies_of_no_use)
{
	struct om_regs r;

	ask_alloc(o);
	ask_alloc(o);
	ask_alloc(o);
	r = begin_with_arg(rig);
	/* 0 is nobody's, and one in use stays with who has it. */
	r = resume_alloc(rig, r, rig_ipa(rig, SPARE), 0);
	expect_resumed(o, OM_NO_PAGE, 0);
	r = resume_alloc(rig, r, rig_ipa(rig, SPARE), ARG_COOKIE);
	expect_resumed(o, OM_NO_PAGE, 0);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->ram->pinned, 1);
	assert_true(known(rig, ARG_COOKIE));
	unshare(rig, OM_SHARE_RPC_ARG, ARG_COOKIE);
}

RPC_TEST(test_invariant_5_rpc_arguments)
{
	struct om_regs r;

	for (uint32_t i = 0; i < 5; i++)
		ask_alloc(o);
	r = begin(rig, OPTEE_SMC_CALL_WITH_ARG);
	for (uint32_t i = 0; i < 5; i++)
		r = resume_alloc(rig, r, rig_ipa(rig, DATA + i), 100 + i);
	expect_resumed(o, OM_NO_PAGE, 104);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_QUOTA), 1);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 4);
	for (uint32_t i = 0; i < 4; i++)
		unshare(rig, OM_SHARE_RPC_ARG, 100 + i);
	/* What was refused in a call that is over, no other call of the slot can free. */
	*o = (struct optee){ 0 };
	ask(o, OPTEE_SMC_RETURN_RPC_FREE, RIG_STALE_COOKIE);
	expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
}

RPC_TEST(test_scenario_34_frees_and_commands_of_unknown_cookies)
{
	static const uint64_t cookies[] = { 0, 1, 0x777, UINT64_MAX };

	for (size_t i = 0; i < COUNT_OF(cookies); i++) {
		*o = (struct optee){ 0 };
		ask(o, OPTEE_SMC_RETURN_RPC_FREE, cookies[i]);
		expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
	}
	/* A command: unknown, or inline where no room was made for it. */
	*o = (struct optee){ 0 };
	ask_cmd(o, 0x777, OPTEE_RPC_CMD_GET_TIME, 0);
	expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
	*o = (struct optee){ 0 };
	ask_cmd(o, 0, OPTEE_RPC_CMD_GET_TIME, 0);
	expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
}

/* One argument serves one request at a time. */
TEST(test_argument_that_another_call_waits_for)
{
	struct optee first, second = { 0 };
	struct rig *rig = rpc_rig(&first, NULL);
	struct om_regs r;

	ask_alloc(&first);
	ask_cmd(&first, ARG_COOKIE, OPTEE_RPC_CMD_GET_TIME, 0);
	r = begin_with_arg(rig);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	rig->arg = &second;
	ask_cmd(&second, ARG_COOKIE, OPTEE_RPC_CMD_SUSPEND, 0);
	expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
	rig->arg = &first;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	unshare(rig, OM_SHARE_RPC_ARG, ARG_COOKIE);
	rig_free(rig);
}

/* --- The TA that is asked for ------------------------------------------------------------ */

static const uint8_t own_name[16] = { 1, 2, 3, [15] = 0xa0 };
static const uint8_t alias_name[16] = { 4, 5, 6, [15] = 0xb0 };

static void alias_of(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	(void)guest;
	if (memcmp(ta, own_name, 16) == 0)
		memcpy(alias, alias_name, 16);
}

static void with_aliases(struct rig *rig)
{
	rig->host->ops.alias = alias_of;
}

/* Opens a TA, or invokes one; OP-TEE asks for something, and the guest is shown it so. */
static void shown_as(uint32_t call, uint32_t cmd, uint64_t attr, const uint8_t *asked,
		     const uint8_t *shown)
{
	bool opens = call == OPTEE_MSG_CMD_OPEN_SESSION;
	uint64_t meta = opens ? OPTEE_MSG_ATTR_META : 0;
	uint32_t n = opens ? 2 : 1;
	struct om_message *message;
	struct om_request_copy *request, *seen;
	struct optee o;
	struct rig *rig = rpc_rig(&o, with_aliases);
	struct om_regs r;

	o.inline_at = OPTEE_MSG_ARG_SIZE(n);
	request = ask_cmd(&o, 0, cmd, 1);
	request->param[0].attr = attr;
	memcpy(request->param[0].u.octets, asked, 16);
	message = rig_message(rig, MESSAGE, call, n);
	for (uint32_t i = 0; i < n; i++)
		message->param[i].attr = meta | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	/* To an INVOKE these are numbers. */
	memcpy(message->param[0].u.octets, own_name, 16);
	r = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, MESSAGE), 0);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	seen = (void *)((uint8_t *)message + OPTEE_MSG_ARG_SIZE(n));
	assert_int_equal(seen->hdr.cmd, cmd);
	assert_int_equal(seen->param[0].attr, attr);
	assert_memory_equal(seen->param[0].u.octets, shown, 16);
	r = resume(rig, r);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	/* What OP-TEE wrote stays as it was. */
	assert_memory_equal(o.back.param[0].u.octets, asked, 16);
	rig_free(rig);
}

TEST(alias_only_the_ta_that_is_opened_is_renamed)
{
	const uint32_t open = OPTEE_MSG_CMD_OPEN_SESSION;
	const uint32_t invoke = OPTEE_MSG_CMD_INVOKE_COMMAND;
	const uint64_t in = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	uint8_t other[16];

	memcpy(other, alias_name, sizeof(other));
	other[15]++;
	shown_as(open, OPTEE_RPC_CMD_LOAD_TA, in, alias_name, own_name);
	/* A TA that the TA opens; no TA is opened; a plugin; not the name of a TA. */
	shown_as(open, OPTEE_RPC_CMD_LOAD_TA, in, other, other);
	shown_as(invoke, OPTEE_RPC_CMD_LOAD_TA, in, alias_name, alias_name);
	shown_as(open, OPTEE_RPC_CMD_SUPP_PLUGIN, in, alias_name, alias_name);
	shown_as(open, OPTEE_RPC_CMD_LOAD_TA, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, alias_name,
		 alias_name);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPCs: what the guest is shown of a request, what OP-TEE gets of a reply, what
 * is refused on the way and what then happens to the memory. OP-TEE is a list of
 * requests here; after the last one it is done with the call.
 */
#include "rig.h"

#define THREAD		6u
#define ARG_COOKIE	0xa100000001u
#define LIST		(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define PAGE		OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT

/* Guest pages: the message with room behind it, the RPC argument, lists, data. */
enum { MESSAGE, ARG, LIST_PAGE, SPARE, DATA };

struct request {
	uint32_t a0;
	uint64_t pair;		/* a1:a2 */
	struct om_request_copy arg;
};

struct optee {
	struct request todo[8];
	uint32_t count;
	uint32_t at;
	uint64_t message;	/* shadow pages it was told of */
	uint64_t arg;
	size_t inline_at;	/* where an inline argument is; 0: no parameters before it */
	struct om_regs in;	/* how it was entered the last time */
	struct om_request_copy back;	/* its RPC argument then */
};

static struct om_request_copy *secure_arg(struct rig *rig, struct optee *o)
{
	uint8_t *message;

	if (o->arg)
		return test_secure_access(rig->host, RIG_GUEST, o->arg, TEST_PAGE, true);
	message = test_secure_access(rig->host, RIG_GUEST, o->message, TEST_PAGE, true);
	return (void *)(message + (o->inline_at ? o->inline_at : OPTEE_MSG_ARG_SIZE(0)));
}

static void optee(struct rig *rig, struct om_regs *regs)
{
	struct optee *o = rig->arg;
	const struct request *next = &o->todo[o->at];

	o->in = *regs;
	if (regs->a[0] != OPTEE_SMC_RETURN_FROM_RPC)
		o->message = om_pair(regs->a[1], regs->a[2]);
	else if (o->at && o->todo[o->at - 1].a0 == OPTEE_SMC_RETURN_RPC_ALLOC &&
		 !(regs->a[2] % TEST_PAGE))
		o->arg = om_pair(regs->a[1], regs->a[2]);
	o->back = *secure_arg(rig, o);
	if (o->at == o->count) {
		*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
		return;
	}
	o->at++;
	if (next->a0 == OPTEE_SMC_RETURN_RPC_CMD)
		*secure_arg(rig, o) = next->arg;
	*regs = (struct om_regs){ .a = { next->a0, next->pair >> 32, (uint32_t)next->pair,
					 THREAD } };
}

static struct rig *rpc_rig(struct optee *o, void (*prepare)(struct rig *))
{
	struct rig_setup setup = rig_default;
	struct rig *rig;

	setup.prepare = prepare;
	rig = rig_new(&setup);
	*o = (struct optee){ 0 };
	rig->yielding = optee;
	rig->arg = o;
	return rig;
}

#define RPC_TEST(name) RIG_TEST_WITH(name, struct optee, o, rpc_rig(&o, NULL))

static struct request *ask(struct optee *o, uint32_t a0, uint64_t pair)
{
	assert_true(o->count < COUNT_OF(o->todo));
	o->todo[o->count] = (struct request){ .a0 = a0, .pair = pair };
	return &o->todo[o->count++];
}

static struct om_request_copy *ask_cmd(struct optee *o, uint64_t cookie, uint32_t cmd, uint32_t n)
{
	struct request *r = ask(o, OPTEE_SMC_RETURN_RPC_CMD, cookie);

	r->arg.hdr.cmd = cmd;
	r->arg.hdr.num_params = n;
	r->arg.hdr.ret = TEEC_ERROR_GENERIC;
	return &r->arg;
}

static void ask_alloc(struct optee *o)
{
	ask(o, OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)TEST_PAGE << 32);
}

static struct om_regs begin(struct rig *rig, uint32_t fid)
{
	struct optee_msg_hdr *hdr = rig_va(rig, MESSAGE);

	memset(hdr, 0, TEST_PAGE);
	hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	return rig_call(rig, fid, 0, rig_ipa(rig, MESSAGE), 0);
}

/* The guest comes back: after an interrupt, or with the reply in memory. */
static struct om_regs resume(struct rig *rig, struct om_regs r)
{
	return rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, r.a[3]);
}

static struct om_regs resume_alloc(struct rig *rig, struct om_regs r, uint64_t ipa,
				   uint64_t cookie)
{
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_int_equal(r.a[1], TEST_PAGE);
	assert_int_equal(r.a[2], 0);
	return rig_call_regs(rig, (struct om_regs){ .a = {
			     OPTEE_SMC_RETURN_FROM_RPC, ipa >> 32, (uint32_t)ipa, r.a[3],
			     cookie >> 32, (uint32_t)cookie } });
}

/* A call whose OP-TEE has an RPC argument under ARG_COOKIE and asks on. */
static struct om_regs begin_with_arg(struct rig *rig)
{
	struct om_regs r = begin(rig, OPTEE_SMC_CALL_WITH_ARG);

	return resume_alloc(rig, r, rig_ipa(rig, ARG), ARG_COOKIE);
}

static void expect_resumed(const struct optee *o, uint64_t pa, uint64_t cookie)
{
	assert_int_equal(o->in.a[0], OPTEE_SMC_RETURN_FROM_RPC);
	assert_int_equal(om_pair(o->in.a[1], o->in.a[2]), pa);
	assert_int_equal(o->in.a[3], THREAD);
	assert_int_equal(om_pair(o->in.a[4], o->in.a[5]), cookie);
	assert_int_equal(o->in.a[6], 0);
	assert_int_equal(o->in.a[7], RIG_GUEST);
}

/* The guest is only asked to come back; then OP-TEE learns that it failed. */
/* answer: what stands where the answer to an ALLOC would, which is never a page. */
static void expect_hidden(struct rig *rig, struct om_regs r, uint64_t answer)
{
	struct optee *o = rig->arg;
	uint64_t refused = om_guest_counter(rig->guest, OM_COUNT_REFUSED_REQUEST);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(r.a[1] | r.a[2], 0);
	assert_true(refused > 0);
	r = resume(rig, r);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	expect_resumed(o, answer, 0);
}

/* A command is answered in its argument. */
static void expect_not_shown(struct rig *rig, struct om_regs r)
{
	expect_hidden(rig, r, 0);
}

/* What else there may be is answered by what cannot be taken for a page. */
static void expect_no_page(struct rig *rig, struct om_regs r)
{
	expect_hidden(rig, r, OM_NO_PAGE);
}

static void give_back_arg(struct rig *rig, uint64_t cookie)
{
	struct om_release release = { OM_NONE };
	uint32_t index = om_shm_claim(&rig->guest->shm, (om_cookie_t){ cookie }, OM_SHARE_RPC_ARG);

	assert_int_not_equal(index, OM_NONE);
	om_shm_forget(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	while (om_shm_release_step(&rig->guest->shm, &release))
		;
}

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
	assert_false(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ ARG_COOKIE }));
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
	assert_true(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ ARG_COOKIE }));
	give_back_arg(rig, ARG_COOKIE);
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
		give_back_arg(rig, 100 + i);
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
	give_back_arg(rig, ARG_COOKIE);
	rig_free(rig);
}

/* Registers the data pages, for messages inside. */
#define CARRIER_COOKIE 0x2000000u

static void share_carrier(struct rig *rig)
{
	struct optee *o = rig->arg;
	struct om_message *message = rig_va(rig, MESSAGE);
	uint64_t *list = rig_va(rig, LIST_PAGE);

	*o = (struct optee){ 0 };
	memset(message, 0, sizeof(*message));
	message->hdr.cmd = OPTEE_MSG_CMD_REGISTER_SHM;
	message->hdr.num_params = 1;
	message->param[0].attr = LIST;
	message->param[0].u.tmem.buf_ptr = rig_ipa(rig, LIST_PAGE);
	message->param[0].u.tmem.size = 2 * TEST_PAGE;
	message->param[0].u.tmem.shm_ref = CARRIER_COOKIE;
	list[0] = rig_ipa(rig, DATA);
	list[1] = rig_ipa(rig, DATA + 1);
	assert_int_equal(rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, MESSAGE), 0).a[0],
			 OPTEE_SMC_RETURN_OK);
}

/* --- Commands -------------------------------------------------------------------------------- */

/* Where the guest sees the argument: behind its message, or in a page of its own. */
static struct om_request_copy *guest_arg(struct rig *rig, bool is_inline)
{
	return is_inline ? (void *)((uint8_t *)rig_va(rig, MESSAGE) + OPTEE_MSG_ARG_SIZE(0)) :
			   rig_va(rig, ARG);
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
		give_back_arg(rig, ARG_COOKIE);
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
	r = rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, 0, CARRIER_COOKIE, offset);
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

	share_carrier(rig);
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

	share_carrier(rig);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct om_regs r;

		memset(hdr, 0, 64);
		hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
		*o = (struct optee){ 0 };
		ask_cmd(o, 0, OPTEE_RPC_CMD_FS, 4);
		if (cases[i].op == TEST_OP_WRITE)
			test_host_fail(rig->host, 1u << cases[i].op, cases[i].n, false);
		r = rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, 0, CARRIER_COOKIE, TEST_PAGE - 64);
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

/* A buffer that the guest shared, so that requests can name it. */
static void share_data(struct rig *rig, enum om_trace_share kind, uint64_t cookie)
{
	const struct om_share share = { .kind = kind, .cookie = { cookie }, .pages = 1,
					.size = 3000, .offset = 96 };
	struct om_release release = { OM_NONE };
	uint32_t index;

	assert_int_equal(om_share_page(&rig->guest->shm, &share, rig_ipa(rig, SPARE), &index),
			 OM_ACCEPTED);
	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
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
				assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
				assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
			}
			give_back_arg(rig, ARG_COOKIE);
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
		memset(message, 0, TEST_PAGE);
		message->hdr.cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
		message->hdr.num_params = 1;
		message->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
		message->param[0].u.rmem.shm_ref = 0x52;
		user.inline_at = OPTEE_MSG_ARG_SIZE(1);
		rig->arg = &user;
		r = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, MESSAGE), 0);

		*second = *message;
		second->hdr.cmd = OPTEE_MSG_CMD_UNREGISTER_SHM;
		rig->arg = &unregister;
		waiting = rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, DATA), 0);
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
		assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
		assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
	}
	/* More parameters than there can be: not even fetched. */
	*o = (struct optee){ 0 };
	ask_cmd(o, 0, OPTEE_RPC_CMD_FS, UINT32_MAX);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
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
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
	/* The same when it asks for memory: none was allocated. */
	*o = (struct optee){ 0 };
	ask_cmd(o, 0, OPTEE_RPC_CMD_SHM_ALLOC, 1)->param[0].attr = 1;
	test_host_fail(rig->host, 1u << TEST_OP_WRITE, 1, false);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
	assert_int_equal(o->back.hdr.num_params, 1);
}

/* A shadow is one page: OP-TEE must not be led to believe in more. */
RPC_TEST(test_argument_larger_than_a_page)
{
	ask(o, OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)(TEST_PAGE + 1) << 32);
	expect_no_page(rig, begin(rig, OPTEE_SMC_CALL_WITH_ARG));
}

/* --- Payloads: SHM_ALLOC and SHM_FREE ------------------------------------------------------ */

#define TYPE	OPTEE_RPC_SHM_TYPE_APPL

static struct om_regs begin_shm_alloc(struct rig *rig, uint64_t size)
{
	struct optee *o = rig->arg;
	struct optee_msg_param *param;

	rig->smcs = 0;
	*o = (struct optee){ 0 };
	param = &ask_cmd(o, 0, OPTEE_RPC_CMD_SHM_ALLOC, 1)->param[0];
	param->attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	param->u.value.a = TYPE;
	param->u.value.b = size;
	return begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
}

static void write_reply(struct rig *rig, uint64_t attr, uint64_t buf_ptr, uint64_t size,
			uint64_t cookie)
{
	struct om_request_copy *arg = guest_arg(rig, true);
	uint64_t *list = rig_va(rig, LIST_PAGE);

	for (uint32_t i = 0; i < 60; i++)
		list[i] = rig_ipa(rig, DATA + i);
	arg->hdr.ret = 0;
	arg->hdr.ret_origin = 3;
	arg->param[0].attr = attr;
	arg->param[0].u.tmem.buf_ptr = buf_ptr;
	arg->param[0].u.tmem.size = size;
	arg->param[0].u.tmem.shm_ref = cookie;
}

static void free_payload(struct rig *rig, uint64_t cookie, bool known)
{
	struct optee *o = rig->arg;
	struct optee_msg_param *param;
	struct om_regs r;

	*o = (struct optee){ 0 };
	param = &ask_cmd(o, 0, OPTEE_RPC_CMD_SHM_FREE, 1)->param[0];
	param->attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	param->u.value.a = TYPE;
	param->u.value.b = cookie;
	r = begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG);
	/* It may take its time to unpin, before the guest sees it. */
	while (known && r.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		r = resume(rig, r);
	if (!known) {
		expect_not_shown(rig, r);
		assert_int_equal(o->back.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
		return;
	}
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_false(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ cookie }));
	assert_int_equal(rig->ram->pinned, 1);
	guest_arg(rig, true)->hdr.ret = 0;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
}

RPC_TEST(test_scenario_36_good_payloads)
{
	static const struct {
		uint64_t wanted, size;
		uint32_t offset, pages;
	} lists[] = {
		{ 4096, 4096, 0, 1 }, { 4096, 4096, 1, 2 }, { 1, 60 * 4096, 0, 60 },
		{ 40 * 4096, 40 * 4096, 4095, 41 },
	};
	struct om_regs r;

	for (uint32_t yields = 0; yields < 2; yields++) {
		for (size_t i = 0; i < COUNT_OF(lists); i++) {
			r = begin_shm_alloc(rig, lists[i].wanted);
			write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE) | lists[i].offset,
				    lists[i].size, 0x51);
			rig->host->yield_every = yields;
			r = resume(rig, r);
			while (r.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
				r = resume(rig, r);
			assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
			assert_int_equal(o->back.hdr.ret, 0);
			assert_int_equal(o->back.hdr.num_params, 1);
			assert_int_equal(o->back.param[0].attr, LIST);
			assert_int_equal(o->back.param[0].u.tmem.size, lists[i].size);
			assert_int_equal(o->back.param[0].u.tmem.shm_ref, 0x51);
			assert_int_equal(o->back.param[0].u.tmem.buf_ptr % TEST_PAGE,
					 lists[i].offset);
			assert_int_equal(rig->ram->pinned, lists[i].pages);
			free_payload(rig, 0x51, true);
			rig->host->yield_every = 0;
			assert_int_equal(rig->ram->pinned, 0);
		}
	}
	/* To pin, and to unpin again. */
	assert_true(om_guest_counter(rig->guest, OM_COUNT_PAUSED) >= 4);
	r = begin_shm_alloc(rig, 100);
	write_reply(rig, PAGE, rig_ipa(rig, SPARE), 100, 0x52);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.param[0].attr, PAGE);
	assert_int_equal(o->back.param[0].u.tmem.buf_ptr,
			 test_guest_pa(rig->ram, rig_ipa(rig, SPARE)));
	free_payload(rig, 0x52, true);
	/* Twice, or what never was. */
	free_payload(rig, 0x52, false);
	free_payload(rig, 0, false);
}

/* The guest has no memory: its own words, and nothing to undo. */
RPC_TEST(test_guest_without_memory)
{
	struct om_regs r = begin_shm_alloc(rig, 4096);

	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	guest_arg(rig, true)->hdr.ret = TEEC_ERROR_OUT_OF_MEMORY;
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(o->back.hdr.ret_origin, 3);
	/* What OP-TEE finds there is its own request. */
	assert_int_equal(o->back.param[0].attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	assert_int_equal(rig->ram->pinned, 0);
}

/* The mediator's own SHM_FREE: what is asked, and what OP-TEE hears afterwards. */
static void expect_undo(struct rig *rig, struct om_regs r, uint64_t cookie, uint32_t ret)
{
	struct optee *o = rig->arg;
	const struct om_request_copy *arg = guest_arg(rig, true);

	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(arg->hdr.cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(arg->hdr.num_params, 1);
	assert_int_equal(arg->param[0].attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	assert_int_equal(arg->param[0].u.value.a, TYPE);
	assert_int_equal(arg->param[0].u.value.b, cookie);
	assert_int_equal(rig->ram->pinned, 1);
	assert_int_equal(o->at, o->count);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	expect_resumed(o, 0, 0);
	assert_int_equal(o->back.hdr.ret, ret);
	assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
	/* I2: no address of the guest's got there. */
	assert_int_equal(o->back.param[0].attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
}

RPC_TEST(test_scenario_40_replies_that_are_undone)
{
	const uint64_t list = rig_ipa(rig, LIST_PAGE), page = rig_ipa(rig, SPARE);
	const struct {
		uint64_t attr, buf_ptr, size;
		uint32_t ret;
	} cases[] = {
		{ LIST, 0, 8192, TEEC_ERROR_COMMUNICATION },
		{ LIST, list, 8191, TEEC_ERROR_COMMUNICATION },
		{ LIST | 1u << 16, list, 8192, TEEC_ERROR_COMMUNICATION },
		{ LIST | 1u << 10, list, 8192, TEEC_ERROR_COMMUNICATION },
		{ PAGE, page, 8192, TEEC_ERROR_COMMUNICATION },
		{ LIST, rig->ram->hole_ipa, 8192, TEEC_ERROR_BAD_PARAMETERS },
		/* The 62nd entry of the list is none. */
		{ LIST, list, 62 * 4096, TEEC_ERROR_BAD_PARAMETERS },
		{ LIST, list, 65 * 4096, TEEC_ERROR_OUT_OF_MEMORY },
		{ LIST, list, UINT64_MAX, TEEC_ERROR_BAD_PARAMETERS },
	};
	struct om_regs r;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			r = begin_shm_alloc(rig, 8192);
			write_reply(rig, cases[i].attr, cases[i].buf_ptr, cases[i].size, 0x51);
			/* The second time with a host that always has something better to do. */
			rig->host->yield_every = (uint32_t)k;
			r = resume(rig, r);
			while (r.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
				r = resume(rig, r);
			expect_undo(rig, r, 0x51, cases[i].ret);
			rig->host->yield_every = 0;
			assert_int_equal(rig->ram->pinned, 0);
		}
	}
	/* A single page that cannot be pinned. */
	r = begin_shm_alloc(rig, 100);
	write_reply(rig, PAGE, page + 8, 100, 0x51);
	expect_undo(rig, resume(rig, r), 0x51, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_RPC_UNDO),
			 2 * COUNT_OF(cases) + 1);
}

/* Nothing that could be undone: OP-TEE is told at once. */
static void expect_failed(struct rig *rig, struct om_regs r, uint32_t ret)
{
	struct optee *o = rig->arg;

	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, ret);
	assert_int_equal(o->back.hdr.ret_origin, TEEC_ORIGIN_COMMS);
	assert_int_equal(rig->ram->pinned, 0);
}

RPC_TEST(test_scenario_37_replies_without_an_allocation)
{
	static const uint64_t attrs[] = { 0, 1, 2, 3, 5, 6, 7, 9, 0xb, 0x209, 0x20b, 0xff };
	struct om_regs r;

	for (size_t i = 0; i < COUNT_OF(attrs); i++) {
		r = begin_shm_alloc(rig, 4096);
		write_reply(rig, attrs[i], rig_ipa(rig, LIST_PAGE), 4096, 0x51);
		expect_failed(rig, r, TEEC_ERROR_COMMUNICATION);
	}
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	guest_arg(rig, true)->hdr.num_params = 2;
	expect_failed(rig, r, TEEC_ERROR_COMMUNICATION);
	/* Cookie 0 has no name by which to free it. */
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0);
	expect_failed(rig, r, TEEC_ERROR_BAD_PARAMETERS);
	/* The reply cannot be read. */
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	test_host_fail(rig->host, 1u << TEST_OP_READ, 1, false);
	expect_failed(rig, r, TEEC_ERROR_COMMUNICATION);
	/* It is to be undone, and the guest's page cannot be written. */
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig->ram->hole_ipa, 4096, 0x51);
	test_host_fail(rig->host, 1u << TEST_OP_WRITE, 1, false);
	expect_failed(rig, r, TEEC_ERROR_BAD_PARAMETERS);
}

/* A cookie in use is somebody's: freeing it would take that away. */
RPC_TEST(test_payload_with_the_cookie_of_another)
{
	struct om_regs r;

	share_data(rig, OM_SHARE_REGISTERED, 0x51);
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, LIST, rig_ipa(rig, LIST_PAGE), 4096, 0x51);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(o->back.hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_RPC_UNDO), 0);
	assert_true(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ 0x51 }));
}

/* Nothing of all that depends on somebody listening. */
static void with_trace(struct rig *rig)
{
	test_host_trace(rig->host, 4);
}

TEST(test_payloads_while_traced)
{
	struct optee o;
	struct rig *rig = rpc_rig(&o, with_trace);
	struct om_regs r = begin_shm_alloc(rig, 4096);

	write_reply(rig, LIST, rig->ram->hole_ipa, 4096, 0x51);
	expect_undo(rig, resume(rig, r), 0x51, TEEC_ERROR_BAD_PARAMETERS);
	r = begin_shm_alloc(rig, 4096);
	write_reply(rig, PAGE, rig_ipa(rig, SPARE), 4096, 0x51);
	assert_int_equal(resume(rig, r).a[0], OPTEE_SMC_RETURN_OK);
	free_payload(rig, 0x51, true);
	/* Of more parameters than there are only those that were read are shown. */
	test_host_trace_reset(rig->host);
	o = (struct optee){ 0 };
	ask_cmd(&o, 0, OPTEE_RPC_CMD_FS, UINT32_MAX);
	expect_not_shown(rig, begin(rig, OPTEE_SMC_CALL_WITH_RPC_ARG));
	assert_true(rig->host->trace_count < 30);
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
	struct optee_msg_hdr *hdr;
	struct optee_msg_param *param;
	struct om_request_copy *request, *seen;
	struct optee o;
	struct rig *rig = rpc_rig(&o, with_aliases);
	struct om_regs r;

	o.inline_at = OPTEE_MSG_ARG_SIZE(n);
	request = ask_cmd(&o, 0, cmd, 1);
	request->param[0].attr = attr;
	memcpy(request->param[0].u.octets, asked, 16);
	hdr = rig_va(rig, MESSAGE);
	param = (void *)(hdr + 1);
	memset(hdr, 0, TEST_PAGE);
	hdr->cmd = call;
	hdr->num_params = n;
	for (uint32_t i = 0; i < n; i++)
		param[i].attr = meta | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	/* To an INVOKE these are numbers. */
	memcpy(param[0].u.octets, own_name, 16);
	r = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, MESSAGE), 0);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	seen = (void *)((uint8_t *)hdr + OPTEE_MSG_ARG_SIZE(n));
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call, on its way through the mediator: where it may lie, what
 * OP-TEE gets to see of it, what comes back, and every refusal on the way. OP-TEE
 * is a script that looks at the shadow and writes junk wherever it may write.
 */
#include "rig.h"

#define JUNK		0xeeeeeeeeeeeeeeeeu
#define ORIGIN		TEEC_ORIGIN_TRUSTED_APP
#define LIST		(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Guest pages: the message, a page list, and data from here on. */
enum { MESSAGE, LIST_PAGE, DATA };

/* A buffer of more than 32 MiB, in few pages. */
#define FAR_PAGES	8194u
#define FAR_LISTS	18u

/* What OP-TEE saw, and what it answers. */
struct secure {
	struct om_message saw;
	struct om_regs regs;
	uint32_t calls;
	uint32_t ret;
	uint32_t session;
	uint32_t code;		/* of the SMC; not OK: the message is not touched */
	uint8_t page[TEST_PAGE];	/* as it left the shadow the last time */
};

static void answer(struct rig *rig, struct om_regs *regs)
{
	struct secure *s = rig->arg;
	struct om_message *shadow = test_secure_access(rig->host, RIG_GUEST,
						       om_pair(regs->a[1], regs->a[2]),
						       TEST_PAGE, true);
	size_t size = OPTEE_MSG_ARG_SIZE(shadow->hdr.num_params);

	s->calls++;
	s->regs = *regs;
	for (uint32_t i = 3; i < 7; i++)
		assert_int_equal(regs->a[i], 0);
	assert_int_equal(regs->a[7], RIG_GUEST);
	memset(&s->saw, 0, sizeof(s->saw));
	memcpy(&s->saw, shadow, size);
	/* What is copied is the message, and no more. */
	assert_memory_equal((uint8_t *)shadow + size, s->page + size, TEST_PAGE - size);
	*regs = (struct om_regs){ .a = { s->code } };
	if (s->code != OPTEE_SMC_RETURN_OK) {
		memcpy(s->page, shadow, TEST_PAGE);
		return;
	}
	/* I3: whatever is not a result must not get through. */
	for (uint32_t i = 0; i < shadow->hdr.num_params; i++)
		shadow->param[i] = (struct optee_msg_param){ JUNK, { { JUNK, JUNK, JUNK } } };
	shadow->hdr = (struct optee_msg_hdr){ 0xeeeeeeee, 0xeeeeeeee, s->session, 0xeeeeeeee,
					      0xeeeeeeee, s->ret, ORIGIN, 0xeeeeeeee };
	memcpy(s->page, shadow, TEST_PAGE);
}

static struct rig *message_rig(struct secure *secure, void (*prepare)(struct rig *))
{
	struct rig_setup setup = rig_default;
	struct rig *rig;

	setup.prepare = prepare;
	rig = rig_new(&setup);
	*secure = (struct secure){ .session = 0x55 };
	rig->yielding = answer;
	rig->arg = secure;
	return rig;
}

#define MESSAGE_TEST(name) RIG_TEST_WITH(name, struct secure, s, message_rig(&s, NULL))

static struct om_message *new_message(struct rig *rig, uint32_t cmd, uint32_t n)
{
	struct om_message *message = rig_va(rig, MESSAGE);

	memset(message, 0, TEST_PAGE);
	message->hdr.cmd = cmd;
	message->hdr.num_params = n;
	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		message->param[0].attr = 0x101;
		message->param[1].attr = 0x101;
	}
	return message;
}

static uint64_t send(struct rig *rig)
{
	return rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, MESSAGE), 0).a[0];
}

/* Sent, refused inside the message, and OP-TEE never saw it. */
static void expect_refused(struct rig *rig, uint32_t teec, enum om_counter why)
{
	struct om_message *message = rig_va(rig, MESSAGE);
	/* A session that is not open is answered in OP-TEE's place. */
	uint32_t origin = why == OM_COUNT_REFUSED_SESSION ? TEEC_ORIGIN_TEE : TEEC_ORIGIN_COMMS;
	struct secure *s = rig->arg;
	uint64_t before = om_guest_counter(rig->guest, why);
	uint32_t calls = s->calls;

	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, teec);
	assert_int_equal(message->hdr.ret_origin, origin);
	assert_int_equal(s->calls, calls);
	assert_int_equal(om_guest_counter(rig->guest, why), before + 1);
}

static void expect_code(struct rig *rig, uint32_t code)
{
	assert_int_equal(send(rig), code);
}

/* A list of n data pages, in one piece of the guest's own numbering. */
static void make_list(struct rig *rig, struct optee_msg_param *param, uint64_t attr, uint32_t n)
{
	uint64_t *list = rig_va(rig, LIST_PAGE);

	for (uint32_t i = 0; i < n; i++)
		list[i] = rig_ipa(rig, DATA + i);
	param->attr = attr;
	param->u.tmem.buf_ptr = rig_ipa(rig, LIST_PAGE);
	param->u.tmem.size = (uint64_t)n * TEST_PAGE;
}

static void register_shm(struct rig *rig, uint64_t cookie, uint64_t size, uint32_t offset)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	make_list(rig, &message->param[0], LIST, (uint32_t)((size + offset + 4095) / 4096));
	message->param[0].u.tmem.buf_ptr |= offset;
	message->param[0].u.tmem.size = size;
	message->param[0].u.tmem.shm_ref = cookie;
	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
}

static void unregister_shm(struct rig *rig, uint64_t cookie)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);

	/* Any attribute: OP-TEE never looks at it. */
	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	message->param[0].u.rmem.shm_ref = cookie;
	assert_int_equal(send(rig), OPTEE_SMC_RETURN_OK);
}

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
	make_list(rig, &message->param[1], 0x20b, 1);
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
		make_list(rig, &message->param[i], 0x20b, 3);
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
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 1, TEST_OP_READ, 2, false },
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

static uint64_t send_registered(struct rig *rig, uint64_t cookie, uint32_t offset)
{
	return rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, cookie >> 32, (uint32_t)cookie,
			offset).a[0];
}

/* Scenario 23: the message lies inside a registered buffer, or nowhere. */
MESSAGE_TEST(test_scenario_23_registered_messages)
{
	static const struct {
		uint32_t offset;
		uint64_t code;
	} cases[] = {
		/* The data of the buffer begins 0x800 bytes into its first page. */
		{ 0, 0 },
		{ 8, 0 },
		{ 0x800, 0 },
		{ 4, OPTEE_SMC_RETURN_EBADADDR },
		{ 1, OPTEE_SMC_RETURN_EBADADDR },
		/* 192 bytes for a message without parameters and its RPC argument. */
		{ 0x800 - 192, 0 },
		{ 0x800 - 192 + 8, 0 },
		{ 0x800 - 32, 0 },
		{ 0x800 - 8, 0 },
		{ 3000 - 192, 0 },
		{ 3000 - 184, OPTEE_SMC_RETURN_EBADADDR },
		{ 3000 - 32, OPTEE_SMC_RETURN_EBADADDR },
		{ 3000 - 24, OPTEE_SMC_RETURN_EBADADDR },
		{ 3000, OPTEE_SMC_RETURN_EBADADDR },
		{ 0x80000000, OPTEE_SMC_RETURN_EBADADDR },
		{ UINT32_MAX - 7, OPTEE_SMC_RETURN_EBADADDR },
	};

	register_shm(rig, 0x1000000002, 3000, 0x800);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t *data = (uint8_t *)rig_va(rig, DATA) + 0x800;
		struct optee_msg_hdr *hdr = (void *)(data + (cases[i].offset & 0xff8));
		bool passes = cases[i].code == 0;

		memset(data, 0, 3000);
		if (cases[i].offset < 3000 - 24)
			hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
		s->calls = 0;
		assert_int_equal(send_registered(rig, 0x1000000002, cases[i].offset),
				 cases[i].code);
		assert_int_equal(s->calls, passes);
		if (passes) {
			/* OP-TEE gets a page of its own, not a cookie. */
			assert_int_equal(s->regs.a[0], OPTEE_SMC_CALL_WITH_RPC_ARG);
			assert_int_equal(hdr->ret_origin, ORIGIN);
		}
	}
	/* Cookies that are none, or not of a registered buffer. */
	assert_int_equal(send_registered(rig, 0, 0), OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(send_registered(rig, 2, 0), OPTEE_SMC_RETURN_EBADADDR);
	unregister_shm(rig, 0x1000000002);
	assert_int_equal(send_registered(rig, 0x1000000002, 0), OPTEE_SMC_RETURN_EBADADDR);
}

/* A message whose header fits, and whose parameters do not. */
MESSAGE_TEST(test_scenario_23_parameters_across_the_end)
{
	struct optee_msg_hdr *hdr;

	register_shm(rig, 2, TEST_PAGE, 0);
	hdr = (void *)((uint8_t *)rig_va(rig, DATA) + TEST_PAGE - 64);
	hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	hdr->num_params = 2;
	s->calls = 0;
	assert_int_equal(send_registered(rig, 2, TEST_PAGE - 64), OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(hdr->ret, 0);
	assert_int_equal(s->calls, 0);
	unregister_shm(rig, 2);
}

/* A message far into a large buffer: pages that are no neighbours in the host. */
MESSAGE_TEST(test_scenario_23_any_page_of_the_buffer)
{
	register_shm(rig, 2, 40 * TEST_PAGE, 0);
	for (uint32_t n = 0; n < 40; n++) {
		struct optee_msg_hdr *hdr = (void *)((uint8_t *)rig_va(rig, DATA + n) + 512);

		memset(hdr, 0, sizeof(*hdr));
		hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
		hdr->func = n;
		assert_int_equal(send_registered(rig, 2, n * TEST_PAGE + 512),
				 OPTEE_SMC_RETURN_OK);
		assert_int_equal(s->saw.hdr.func, n);
		assert_int_equal(hdr->ret_origin, ORIGIN);
	}
	unregister_shm(rig, 2);
}

/* Page n of a guest's list of many pages, all but the last the same one. */
static uint32_t far_page(uint32_t n)
{
	return n + 1 < FAR_PAGES ? FAR_LISTS : FAR_LISTS + 1;
}

/* OP-TEE could not map a buffer of more than 32 MiB, and so it carries no message. */
TEST(fault_b4_message_far_into_a_buffer)
{
	struct rig_setup setup = {
		.limits = { .threads = 1, .buffers = 1, .rpc_args = 1, .pages = FAR_PAGES,
			    .list_pages = FAR_LISTS },
		.ram_pages = FAR_LISTS + 2,
	};
	struct secure s = { .session = 1 };
	struct rig *rig = rig_new(&setup);
	struct om_message *message;
	uint32_t i;

	rig->yielding = answer;
	rig->arg = &s;
	message = new_message(rig, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	for (i = 0; i < FAR_PAGES; i++) {
		uint64_t *list = rig_va(rig, LIST_PAGE + i / OPTEE_MSG_LIST_ENTRIES);

		list[i % OPTEE_MSG_LIST_ENTRIES] = rig_ipa(rig, far_page(i));
		list[OPTEE_MSG_LIST_NEXT] = rig_ipa(rig, LIST_PAGE + i / OPTEE_MSG_LIST_ENTRIES + 1);
	}
	message->param[0].attr = LIST;
	message->param[0].u.tmem.buf_ptr = rig_ipa(rig, LIST_PAGE);
	message->param[0].u.tmem.size = (uint64_t)FAR_PAGES * TEST_PAGE;
	message->param[0].u.tmem.shm_ref = 2;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, 0);
	((struct optee_msg_hdr *)rig_va(rig, FAR_LISTS))->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	assert_int_equal(send_registered(rig, 2, 511 * TEST_PAGE), OPTEE_SMC_RETURN_OK);
	assert_int_equal(send_registered(rig, 2, 512 * TEST_PAGE), OPTEE_SMC_RETURN_OK);
	assert_int_equal(send_registered(rig, 2, 8191 * TEST_PAGE), OPTEE_SMC_RETURN_OK);
	assert_int_equal(send_registered(rig, 2, 8192 * TEST_PAGE), OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(send_registered(rig, 2, 8193 * TEST_PAGE), OPTEE_SMC_RETURN_EBADADDR);
	/* It begins in the last page that is looked for, and ends behind it. */
	((struct optee_msg_hdr *)((uint8_t *)rig_va(rig, FAR_LISTS) + TEST_PAGE - 64))->cmd =
		OPTEE_MSG_CMD_INVOKE_COMMAND;
	assert_int_equal(send_registered(rig, 2, 8192 * TEST_PAGE - 64), OPTEE_SMC_RETURN_OK);
	rig_free(rig);
}

/* --- Messages across the end of a page ---------------------------------------------------------- */

#define SPLIT_PAGES	34u	/* more than one record of pins */
#define SPLIT_COOKIE	0x1000000002u

static const uint64_t split_attrs[4] = {
	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT,
	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT,
};

/* A message of which every byte tells its place; junk around it. */
static void split_message(uint8_t *at, uint32_t cmd, uint32_t n)
{
	struct om_message *m = (void *)at;

	m->hdr = (struct optee_msg_hdr){ .cmd = cmd, .func = 0x01020304, .session = RIG_SESSION,
					 .cancel_id = 0x05060708, .pad = 0x09, .ret = 0x10,
					 .ret_origin = 0x11, .num_params = n };
	for (uint32_t i = 0; i < n; i++)
		m->param[i] = (struct optee_msg_param){ split_attrs[i % 4], { {
			0x1111111111111100u + i, 0x2222222222222200u + i,
			0x3333333333333300u + i } } };
	for (uint32_t i = 0; i < n; i++)
		if (split_attrs[i % 4] == OPTEE_MSG_ATTR_TYPE_TMEM_INOUT)
			m->param[i].u.tmem.buf_ptr = 0;
	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		m->param[0].attr = 0x101;
		m->param[1].attr = 0x101;
	}
}

/* The same after OP-TEE has answered as answer() does. */
static void split_result(const struct secure *s, uint8_t *at, uint32_t cmd, uint32_t n)
{
	struct om_message *m = (void *)at;

	m->hdr.ret = s->ret;
	m->hdr.ret_origin = ORIGIN;
	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		m->hdr.session = s->session;
	for (uint32_t i = 0; i < n; i++) {
		if (m->param[i].attr == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT ||
		    m->param[i].attr == OPTEE_MSG_ATTR_TYPE_VALUE_INOUT)
			m->param[i].u.value.a = m->param[i].u.value.b = JUNK;
		if (m->param[i].attr == OPTEE_MSG_ATTR_TYPE_TMEM_INOUT)
			m->param[i].u.tmem.size = JUNK;
	}
}

/* What OP-TEE saw is what the guest wrote, results and outputs aside. */
static void expect_seen(const struct secure *s, const uint8_t *at, uint32_t n)
{
	const struct om_message *m = (const void *)at;

	assert_int_equal(s->saw.hdr.cmd, m->hdr.cmd);
	assert_int_equal(s->saw.hdr.func, m->hdr.func);
	assert_int_equal(s->saw.hdr.session, m->hdr.session);
	assert_int_equal(s->saw.hdr.cancel_id, m->hdr.cancel_id);
	assert_int_equal(s->saw.hdr.num_params, n);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(s->saw.param[i].attr, m->param[i].attr);
		if (m->param[i].attr != OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT)
			assert_memory_equal(&s->saw.param[i].u, &m->param[i].u,
					    sizeof(m->param[i].u));
	}
}

/*
 * One message at an offset of the buffer. All that the mediator has read is changed
 * right after, and put back in the end: the results and nothing else are new then.
 */
static void expect_split(struct rig *rig, uint32_t cmd, uint32_t n, uint32_t offset)
{
	static uint8_t before[2 * TEST_PAGE];
	struct secure *s = rig->arg;
	uint32_t in = offset % TEST_PAGE;
	uint8_t *page = (uint8_t *)rig_va(rig, DATA) + offset - in;

	memset(page, 0xa5, sizeof(before));
	split_message(page + in, cmd, n);
	memcpy(before, page, sizeof(before));
	rig->smcs = 0;
	s->calls = 0;
	s->session++;
	test_guest_mutate(rig->ram, true);
	assert_int_equal(send_registered(rig, SPLIT_COOKIE, offset), OPTEE_SMC_RETURN_OK);
	test_guest_mutate(rig->ram, false);
	assert_int_equal(s->calls, 1);
	expect_seen(s, before + in, n);
	split_result(s, before + in, cmd, n);
	assert_memory_equal(page, before, sizeof(before));
	if (cmd != OPTEE_MSG_CMD_OPEN_SESSION)
		return;
	new_message(rig, OPTEE_MSG_CMD_CLOSE_SESSION, 0)->hdr.session = s->session;
	expect_code(rig, OPTEE_SMC_RETURN_OK);
}

/* At every word, from one that ends with the page to one that begins with the next. */
static void expect_split_everywhere(struct rig *rig, uint32_t cmd, uint32_t n, uint32_t page)
{
	uint32_t size = (uint32_t)(OPTEE_MSG_ARG_SIZE(n) + OPTEE_MSG_ARG_SIZE(4));
	uint32_t edge = (page + 1) * TEST_PAGE;

	for (uint32_t offset = edge - size; offset <= edge; offset += 8)
		expect_split(rig, cmd, n, offset);
}

MESSAGE_TEST(fault_b4_message_across_two_pages)
{
	static const struct {
		uint32_t cmd;
		uint32_t n;
	} cases[] = {
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 0 }, { OPTEE_MSG_CMD_INVOKE_COMMAND, 1 },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, 4 }, { OPTEE_MSG_CMD_OPEN_SESSION, 2 },
		{ OPTEE_MSG_CMD_OPEN_SESSION, 6 }, { OPTEE_MSG_CMD_CANCEL, 0 },
	};
	/* The second and the third are in two records. */
	static const uint32_t pages[] = { 0, 30, 31, SPLIT_PAGES - 3 };

	register_shm(rig, SPLIT_COOKIE, SPLIT_PAGES * TEST_PAGE, 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t k = 0; k < COUNT_OF(pages); k++)
			expect_split_everywhere(rig, cases[i].cmd, cases[i].n, pages[k]);
	unregister_shm(rig, SPLIT_COOKIE);
}

/* The end of the buffer is an end, in its last page and in the one before. */
MESSAGE_TEST(fault_b4_message_across_the_end)
{
	const uint32_t need = (uint32_t)(OPTEE_MSG_ARG_SIZE(2) + OPTEE_MSG_ARG_SIZE(4));
	uint32_t size, back;

	for (size = TEST_PAGE + 8; size <= TEST_PAGE + need; size += 8) {
		rig->smcs = 0;
		register_shm(rig, SPLIT_COOKIE, size, 0);
		for (back = 8; back <= need + 8; back += 8) {
			uint8_t *at = (uint8_t *)rig_va(rig, DATA) + size - back;
			struct om_message *m = (void *)at;

			memset(rig_va(rig, DATA), 0, 2 * TEST_PAGE);
			split_message(at, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
			s->calls = 0;
			assert_int_equal(send_registered(rig, SPLIT_COOKIE, size - back),
					 back < need ? OPTEE_SMC_RETURN_EBADADDR :
					 OPTEE_SMC_RETURN_OK);
			assert_int_equal(s->calls, back >= need);
			assert_int_equal(m->hdr.ret_origin, back < need ? 0x11 : ORIGIN);
		}
		unregister_shm(rig, SPLIT_COOKIE);
	}
}

/* What cannot be read or written on either side ends the call. */
MESSAGE_TEST(fault_b4_either_page_fails)
{
	static const struct {
		uint32_t offset;	/* of the message, before the end of the page */
		enum test_op op;
		uint32_t reads;		/* the one that fails */
		bool reaches_optee;
	} cases[] = {
		{ 16, TEST_OP_READ, 1, false }, { 16, TEST_OP_READ, 2, false },
		{ 16, TEST_OP_READ, 3, false }, { 48, TEST_OP_READ, 1, false },
		{ 48, TEST_OP_READ, 2, false }, { 48, TEST_OP_READ, 3, false },
		/* A value of the second parameter, then ret and ret_origin. */
		{ 32 + 32 + 16, TEST_OP_WRITE, 1, true }, { 32 + 32 + 16, TEST_OP_WRITE, 2, true },
		{ 32 + 32 + 16, TEST_OP_WRITE, 3, true }, { 24, TEST_OP_WRITE, 2, true },
		{ 24, TEST_OP_WRITE, 3, true },
	};

	register_shm(rig, SPLIT_COOKIE, 2 * TEST_PAGE, 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint32_t offset = TEST_PAGE - cases[i].offset;

		split_message((uint8_t *)rig_va(rig, DATA) + offset,
			      OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
		s->calls = 0;
		test_host_fail(rig->host, 1u << cases[i].op, cases[i].reads, false);
		assert_int_equal(send_registered(rig, SPLIT_COOKIE, offset),
				 OPTEE_SMC_RETURN_EBADADDR);
		assert_int_equal(test_host_fault_hits(rig->host), 1);
		test_host_fail(rig->host, 0, 0, false);
		assert_int_equal(s->calls, cases[i].reaches_optee);
	}
	unregister_shm(rig, SPLIT_COOKIE);
}

/* A refusal is told across the pages, too. */
MESSAGE_TEST(fault_b4_refusal_across_two_pages)
{
	register_shm(rig, SPLIT_COOKIE, 2 * TEST_PAGE, 0);
	for (uint32_t back = 8; back <= 64; back += 8) {
		struct om_message *m = (void *)((uint8_t *)rig_va(rig, DATA) + TEST_PAGE - back);

		split_message((uint8_t *)m, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
		m->param[0].attr = 0x80;
		s->calls = 0;
		assert_int_equal(send_registered(rig, SPLIT_COOKIE, TEST_PAGE - back),
				 OPTEE_SMC_RETURN_OK);
		assert_int_equal(m->hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_COMMS);
		assert_int_equal(s->calls, 0);
	}
	unregister_shm(rig, SPLIT_COOKIE);
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
	const struct om_share rpc_arg = { .kind = OM_SHARE_RPC_ARG, .cookie = { 0x44 },
					  .pages = 1 };
	struct om_release release = { OM_NONE };
	uint32_t index;

	register_shm(rig, 0x33, 5000, 100);
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &rpc_arg, &index), OM_ACCEPTED);
	om_shm_publish(&rig->guest->shm, index);
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
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(om_shm_claim(&rig->guest->shm, rpc_arg.cookie, OM_SHARE_RPC_ARG), index);
	om_shm_forget(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	while (om_shm_release_step(&rig->guest->shm, &release))
		;
	/* Nobody holds it any more, so it goes at once. */
	unregister_shm(rig, 0x33);
	assert_int_equal(rig->ram->pinned, 0);
}

MESSAGE_TEST(test_scenario_49_second_of_two_lists_is_bad)
{
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);

	make_list(rig, &message->param[0], 0x209, 20);
	make_list(rig, &message->param[1], 0x209, 20);
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
	struct secure s = { .session = 1 };
	struct om_message *message;
	struct rig *rig;

	setup.limits.call_pages = 10;
	rig = rig_new(&setup);
	rig->yielding = answer;
	rig->arg = &s;
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
	make_list(rig, &message->param[2], 0x209, 1);
	expect_refused(rig, TEEC_ERROR_OUT_OF_MEMORY, OM_COUNT_REFUSED_QUOTA);
	message->param[0].u.rmem.shm_ref = 0x33;
	expect_refused(rig, TEEC_ERROR_OUT_OF_MEMORY, OM_COUNT_REFUSED_QUOTA);
	message->param[0].attr = 0;
	make_list(rig, &message->param[2], 0x209, 5);
	expect_code(rig, OPTEE_SMC_RETURN_OK);
	assert_int_equal(s.calls, 2);
	rig_free(rig);
}

/* --- Registering and unregistering -------------------------------------------------------- */

MESSAGE_TEST(test_scenario_58_registration_that_optee_refuses)
{
	s->ret = TEEC_ERROR_OUT_OF_MEMORY;
	register_shm(rig, 0x33, 20 * TEST_PAGE, 0);
	assert_int_equal(((struct om_message *)rig_va(rig, MESSAGE))->hdr.ret, s->ret);
	assert_int_equal(rig->ram->pinned, 0);
	assert_false(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ 0x33 }));
	/* The same with an error code of the SMC. */
	s->code = OPTEE_SMC_RETURN_ENOMEM;
	new_message(rig, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	make_list(rig, &((struct om_message *)rig_va(rig, MESSAGE))->param[0], LIST, 3);
	((struct om_message *)rig_va(rig, MESSAGE))->param[0].u.tmem.shm_ref = 0x33;
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
	assert_true(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ 0x33 }));
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

/* --- Policy ---------------------------------------------------------------------------------- */

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

#define POLICY_TEST(name) RIG_TEST_WITH(name, struct secure, s, message_rig(&s, with_policy))

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
			make_list(rig, &message->param[0], LIST, 1);
		expect_refused(rig, 0xffff0abc, OM_COUNT_REFUSED_POLICY);
	}
	/* What is wrong anyway is not even asked about. */
	the_policy.asked = 0;
	new_message(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 5);
	expect_refused(rig, TEEC_ERROR_BAD_PARAMETERS, OM_COUNT_REFUSED_PARAMS);
	assert_int_equal(the_policy.asked, 0);
}

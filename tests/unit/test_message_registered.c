/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages inside of registered buffers: where they may lie, and across the end of a page. */
#include "rig_message.h"

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

/* A buffer of more than 32 MiB, in few pages. */
#define FAR_PAGES	8194u
#define FAR_LISTS	18u

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
	struct secure s;
	struct rig *rig = message_rig(&s, rig_new(&setup));
	struct om_message *message = new_message(rig, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	for (uint32_t i = 0; i < FAR_PAGES; i++) {
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
		{ 48, TEST_OP_READ, 1, false }, { 48, TEST_OP_READ, 2, false },
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

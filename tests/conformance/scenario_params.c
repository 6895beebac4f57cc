/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of messages that are wrong: where they are, what they claim to be.
 *
 * What is wrong with the SMC is told in a0, what is wrong inside a readable
 * message in ret with origin COMMS. Nothing of it reaches OP-TEE.
 */
#include "client.h"

/* ---- the address of the message ---- */

static void bad_address(struct cg_guest *g, const char *what, uint64_t ipa)
{
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };

	for (unsigned int i = 0; i < 2; i++) {
		uint64_t x[8] = { fids[i], ipa >> 32, (uint32_t)ipa, 0, 0, 0, 0, 0 };

		cg_smc(g, 0, x);
		CG_EQ(g, what, x[0], OPTEE_SMC_RETURN_EBADADDR);
	}
}

static void bad_address_if(struct cg_guest *g, const char *what, uint64_t ipa)
{
	uint64_t digest = g->verdict.digest;

	if (ipa)
		bad_address(g, what, ipa);
	else
		cg_unchecked(g);
	/* Not every platform has such a page: the digest is to be the same. */
	g->verdict.digest = digest;
}

static void s14_unusable_message_address_is_ebadaddr(struct cg_guest *g)
{
	const struct cg_platform *p = g->platform;
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_CLOSE_SESSION, 0))
		return;
	/* More often than there are slots: each must come back. */
	for (unsigned int i = 0; i < 40; i++) {
		bad_address(g, "1 off", c.where + 1);
		bad_address(g, "8 off", c.where + 8);
		bad_address(g, "32 off", c.where + 32);
		bad_address(g, "half a page off", c.where + CG_PAGE / 2);
		bad_address(g, "last byte", c.where + CG_PAGE - 1);
		bad_address(g, "0", 0);
		bad_address(g, "end of the address space", ~(uint64_t)(CG_PAGE - 1));
		bad_address(g, "bit 52", c.where | 1ull << 52);
		bad_address(g, "bit 63", c.where | 1ull << 63);
	}
	cg_call_fini(&c);
	bad_address_if(g, "hole", p->hole_ipa);
	bad_address_if(g, "read-only", p->readonly_ipa);
	bad_address_if(g, "device", p->mmio_ipa);
	bad_address_if(g, "reserved memory", p->reserved_ipa);
	cg_slots_are_free(g);
}

/* ---- how many parameters ---- */

struct count_case {
	uint32_t cmd;
	uint32_t num_params;
	bool taken;
};

static const struct count_case counts[] = {
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 0, true },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 4, true },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 5, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 6, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 122, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 123, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 127, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 128, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 0x80000000, false },
	{ OPTEE_MSG_CMD_INVOKE_COMMAND, 0xffffffff, false },
	{ OPTEE_MSG_CMD_OPEN_SESSION, 7, false },
	{ OPTEE_MSG_CMD_OPEN_SESSION, 127, false },
	{ OPTEE_MSG_CMD_OPEN_SESSION, 128, false },
	{ OPTEE_MSG_CMD_OPEN_SESSION, 0xffffffff, false },
	{ OPTEE_MSG_CMD_CLOSE_SESSION, 0, true },
	{ OPTEE_MSG_CMD_CLOSE_SESSION, 1, false },
	{ OPTEE_MSG_CMD_CLOSE_SESSION, 0xffffffff, false },
	{ OPTEE_MSG_CMD_CANCEL, 0, true },
	{ OPTEE_MSG_CMD_CANCEL, 1, false },
	{ OPTEE_MSG_CMD_CANCEL, 128, false },
	{ OPTEE_MSG_CMD_REGISTER_SHM, 0, false },
	{ OPTEE_MSG_CMD_REGISTER_SHM, 2, false },
	{ OPTEE_MSG_CMD_REGISTER_SHM, 128, false },
	{ OPTEE_MSG_CMD_UNREGISTER_SHM, 0, false },
	{ OPTEE_MSG_CMD_UNREGISTER_SHM, 2, false },
	{ OPTEE_MSG_CMD_UNREGISTER_SHM, 0xffffffff, false },
};

static void count_case(struct cg_guest *g, uint32_t fid, const struct count_case *t)
{
	struct cg_call c;

	if (!cg_call_init(&c, g, t->cmd, 0))
		return;
	cg_hdr(&c)->num_params = t->num_params;
	cg_hdr(&c)->session = 0xffffffff;
	c.fid = fid;
	cg_do(&c);
	if (t->taken) {
		/* Taken, and told by OP-TEE that there is no such session. */
		CG_EQ(g, "taken", c.a[0], OPTEE_SMC_RETURN_OK);
		CG_EQ(g, "by OP-TEE", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TEE);
	} else {
		CG_REFUSED(&c, "too many or too few", TEEC_ERROR_BAD_PARAMETERS);
	}
	cg_call_fini(&c);
}

static void s15_number_of_parameters(struct cg_guest *g)
{
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		count_case(g, OPTEE_SMC_CALL_WITH_ARG, &counts[i]);
	cg_slots_are_free(g);
}

static void s15_inline_rpc_arg_and_number_of_parameters(struct cg_guest *g)
{
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		count_case(g, OPTEE_SMC_CALL_WITH_RPC_ARG, &counts[i]);
	cg_slots_are_free(g);
}

static void s15_open_takes_six(struct cg_guest *g)
{
	for (uint32_t n = 0; n <= 6; n++) {
		struct cg_call c;

		if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, n))
			return;
		cg_set_open(&c, cg_uuid_invoke);
		cg_do(&c);
		/* Without its two meta parameters it is no OPEN, whoever says so. */
		CG_EQ(g, "open", cg_result(&c), n < 2 ? TEEC_ERROR_BAD_PARAMETERS : TEEC_SUCCESS);
		if (n >= 2)
			CG_EQ(g, "close", cg_close(g, cg_hdr(&c)->session), TEEC_SUCCESS);
		cg_call_fini(&c);
	}
}

/* ---- which command ---- */

static void s16_unknown_commands_are_ebadcmd(struct cg_guest *g)
{
	static const uint32_t cmds[] = { 8, 9, 10, 11, 12, 13, 0xff, 0x100, 0x10000, 0x80000000,
					 0xfffffffe, 0xffffffff };
	static const uint32_t nums[] = { 0, 2, 4, 127 };

	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		for (unsigned int n = 0; n < sizeof(nums) / sizeof(nums[0]); n++) {
			struct cg_call c;

			if (!cg_call_init(&c, g, cmds[i], nums[n]))
				return;
			cg_hdr(&c)->ret = 0x33333333;
			cg_do(&c);
			CG_EQ(g, "a0", c.a[0], OPTEE_SMC_RETURN_EBADCMD);
			CG_EQ(g, "message untouched", cg_hdr(&c)->ret, 0x33333333);
			cg_call_fini(&c);
		}
	}
	cg_slots_are_free(g);
}

/* ---- which kinds of parameters ---- */

static void bad_attr(struct cg_guest *g, uint32_t session, uint64_t attr)
{
	struct cg_call c;

	for (uint32_t i = 0; i < 4; i += 3) {
		if (!cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS))
			return;
		cg_set_value(&c, i, attr, 0, 0, 0);
		cg_do(&c);
		CG_REFUSED(&c, "attribute", TEEC_ERROR_BAD_PARAMETERS);
		cg_call_fini(&c);
	}
}

static void s15_unknown_attributes_are_refused(struct cg_guest *g)
{
	static const uint64_t attrs[] = {
		/* types that are none */
		0x4, 0x8, 0xc, 0xd, 0xe, 0xf, 0x10, 0x11, 0x1a, 0x80, 0xff,
		/* META on anything that is not OPEN's */
		0x100, 0x101, 0x102, 0x103, 0x105, 0x109, 0x30a,
		/* bits without meaning */
		0x400, 0x401, 0x801, 0x1001, 0x2001, 0x4001, 0x8003, 0x80001, 0x100003,
		0x1000001, 0x80000001, 0x100000001ull, 0x8000000000000001ull, 0xffffffffffffff01ull,
	};
	uint32_t session;

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	for (unsigned int i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		bad_attr(g, session, attrs[i]);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	cg_slots_are_free(g);
}

static void s15_cache_bits_are_tolerated(struct cg_guest *g, uint32_t session)
{
	for (uint64_t bits = 0; bits <= 7; bits++) {
		struct cg_call c;

		if (!cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS))
			break;
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT | bits << 16, 40, 2, 0);
		CG_DO(&c, "invoke", TEEC_SUCCESS);
		CG_EQ(g, "sum", cg_param(&c, 0)->u.value.a, 42);
		cg_call_fini(&c);
	}
}

/* OPEN_SESSION with something else in its third parameter, or in its first two. */
static void s15_attributes_of_open(struct cg_guest *g)
{
	static const uint64_t third[] = { 0x101, 0x102, 0x4, 0x401, 0x1ff };
	static const uint64_t meta[] = { 0, 0x1, 0x100, 0x102, 0x103, 0x109, 0x501,
					 0x100000101ull };
	struct cg_call c;

	for (unsigned int i = 0; i < sizeof(third) / sizeof(third[0]); i++) {
		if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 4))
			return;
		cg_set_open(&c, cg_uuid_invoke);
		cg_param(&c, 3)->attr = third[i];
		cg_do(&c);
		CG_REFUSED(&c, "third", TEEC_ERROR_BAD_PARAMETERS);
		cg_call_fini(&c);
	}
	for (unsigned int i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
		for (uint32_t n = 0; n < 2; n++) {
			if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
				return;
			cg_set_open(&c, cg_uuid_invoke);
			cg_param(&c, n)->attr = meta[i];
			cg_do(&c);
			/* OP-TEE would say the same with another origin. */
			CG_EQ(g, "meta", cg_result(&c), TEEC_ERROR_BAD_PARAMETERS);
			cg_call_fini(&c);
		}
	}
}

/* A contiguous buffer would be an address: only NULL may look like one. */
static void s13_contiguous_memref_is_refused(struct cg_guest *g, uint32_t session)
{
	static const uint64_t attrs[] = { OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
					  OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT,
					  OPTEE_MSG_ATTR_TYPE_TMEM_INOUT };
	uint32_t page = cg_page_get(g);

	for (unsigned int i = 0; i < 3 && page != CG_NO_PAGE; i++) {
		const uint64_t where[] = { cg_page_ipa(g, page), 1, g->platform->hole_ipa,
					   g->platform->reserved_ipa };

		for (unsigned int n = 0; n < sizeof(where) / sizeof(where[0]); n++) {
			uint64_t digest = g->verdict.digest;
			struct cg_call c;

			if (where[n] == 0) {
				cg_unchecked(g);
				continue;
			}
			if (!cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS))
				break;
			cg_set_value(&c, 0, attrs[i], where[n], 64, 0x77);
			cg_do(&c);
			CG_REFUSED(&c, "address", TEEC_ERROR_BAD_PARAMETERS);
			cg_call_fini(&c);
			/* The last two are not there on every platform. */
			if (n >= 2)
				g->verdict.digest = digest;
		}
	}
	if (page != CG_NO_PAGE)
		cg_page_put(g, page);
}

/* ---- messages inside registered buffers ---- */

/* A GET_TIME message for `offset` of a registered buffer, not started; text: room for it. */
static void regd_init(struct cg_call *c, struct cg_guest *g, const struct cg_buf *b,
		      uint32_t offset, uint32_t session, uint64_t *text)
{
	cg_fill(c, 0, sizeof(*c));
	c->g = g;
	c->fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	c->page = CG_NO_PAGE;
	c->where = b->cookie;
	c->offset = offset;
	c->message_buffer = b;
	c->msg = (uint8_t *)text;
	cg_fill(c->msg, 0, CG_CARRIED_WORDS * sizeof(uint64_t));
	cg_hdr(c)->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	cg_hdr(c)->func = CG_STATS_GET_TIME;
	cg_hdr(c)->session = session;
	cg_hdr(c)->num_params = 2;
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
	cg_set_value(c, 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
}

#define REGD_BYTES ((uint32_t)(OPTEE_MSG_ARG_SIZE(2) + OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS)))

static void regd_good(struct cg_guest *g, const struct cg_buf *b, uint32_t offset,
		      uint32_t session)
{
	uint64_t text[CG_CARRIED_WORDS];
	struct cg_call c;

	regd_init(&c, g, b, offset, session, text);
	CG_OK(g, "asks for the time", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
	CG_EQ(g, "in the message itself", c.a[1] | c.a[2], 0);
	CG_FINISH(&c, "ret", TEEC_SUCCESS);
	CG_EQ(g, "seconds", cg_param(&c, 0)->u.value.a, 1500000000);
}

/*
 * A guest with pages of 16 or 64 KiB does not care where 4 KiB end: its message may be cut
 * in the header, in a parameter, before the RPC argument and in it.
 */
static void s23_messages_across_two_pages(struct cg_guest *g, uint32_t session)
{
	struct cg_buf b;

	if (CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE - 128, 128))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		for (uint32_t offset = 8; offset < REGD_BYTES; offset += 8) {
			regd_good(g, &b, CG_PAGE - 128 - offset, session);
			regd_good(g, &b, 2 * CG_PAGE - 128 - offset, session);
		}
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
}

static void s23_messages_in_registered_memory(struct cg_guest *g, uint32_t session)
{
	struct cg_buf b;

	if (CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE, 0))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		regd_good(g, &b, 0, session);
		regd_good(g, &b, 256, session);
		regd_good(g, &b, CG_PAGE - REGD_BYTES, session);
		regd_good(g, &b, 2 * CG_PAGE + 512, session);
		regd_good(g, &b, 3 * CG_PAGE - REGD_BYTES, session);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
	/* Offsets count from where the data begins, not from the page. */
	if (CG_OK(g, "memory", cg_buf_make(g, &b, 2 * CG_PAGE - 64, 64))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		regd_good(g, &b, 0, session);
		regd_good(g, &b, CG_PAGE - 64, session);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
}

static void regd_bad(struct cg_guest *g, const char *what, uint64_t cookie, uint64_t offset)
{
	uint64_t x[8] = { OPTEE_SMC_CALL_WITH_REGD_ARG, cookie >> 32, (uint32_t)cookie, offset,
			  0, 0, 0, 0 };

	cg_smc(g, 0, x);
	CG_EQ(g, what, x[0], OPTEE_SMC_RETURN_EBADADDR);
}

/* A header that can be read, and not all that should follow. */
static void regd_cut(struct cg_guest *g, const struct cg_buf *b, uint32_t offset)
{
	struct cg_call c;

	cg_fill(&c, 0, sizeof(c));
	c.g = g;
	c.fid = OPTEE_SMC_CALL_WITH_REGD_ARG;
	c.page = CG_NO_PAGE;
	c.where = b->cookie;
	c.offset = offset;
	c.msg = cg_buf_at(g, b, offset);
	cg_fill(c.msg, 0, sizeof(struct optee_msg_hdr));
	cg_hdr(&c)->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	cg_hdr(&c)->num_params = 2;
	cg_do(&c);
	CG_EQ(g, "cut off", c.a[0], OPTEE_SMC_RETURN_EBADADDR);
}

static void s23_bad_places_in_registered_memory(struct cg_guest *g)
{
	static const uint32_t cut[] = {
		/* the message, or the RPC argument behind it, crosses the buffer's end */
		3 * CG_PAGE - REGD_BYTES + 8, 3 * CG_PAGE - 104, 3 * CG_PAGE - 96,
		3 * CG_PAGE - 64, 3 * CG_PAGE - 32,
	};
	static const uint32_t bad[] = {
		/* not even the header */
		3 * CG_PAGE - 24, 3 * CG_PAGE - 8, 3 * CG_PAGE, 3 * CG_PAGE + 8,
		0x80000000, 0xfffff000, 0xfffffff8,
		/* not aligned */
		1, 4, 12, CG_PAGE + 1,
	};
	uint32_t session;
	struct cg_buf b;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	if (CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE, 0))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		for (unsigned int i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
			regd_cut(g, &b, cut[i]);
		for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			regd_bad(g, "offset", b.cookie, bad[i]);
		/* Wherever it is read: a message that would be taken. */
		regd_good(g, &b, 0, session);
		regd_bad(g, "cookie", b.cookie + 1, 0);
		regd_bad(g, "half a cookie", b.cookie & 0xffffffff, 0);
		regd_bad(g, "cookie 0", 0, 0);
		regd_bad(g, "address as cookie", cg_page_ipa(g, b.list), 0);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		regd_bad(g, "gone", b.cookie, 0);
		cg_buf_free(g, &b);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	cg_slots_are_free(g);
}

/* The buffer with the message is unregistered while the call runs. */
static void s23_buffer_unregistered_during_the_call(struct cg_guest *g, uint32_t session)
{
	uint64_t result;
	struct cg_buf b;
	uint64_t text[CG_CARRIED_WORDS];
	struct cg_call c;

	if (CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		regd_init(&c, g, &b, 128, session, text);
		CG_OK(g, "asks for the time", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
		result = cg_unregister(g, b.cookie);
		cg_observe(g, result);
		CG_OK(g, "done, or not while it is in use",
		      result == TEEC_SUCCESS || result == TEEC_ERROR_BUSY ||
		      result == TEEC_ERROR_BAD_PARAMETERS);
		CG_FINISH(&c, "the call ends as ever", TEEC_SUCCESS);
		CG_EQ(g, "seconds", cg_param(&c, 0)->u.value.a, 1500000000);
		if (result != TEEC_SUCCESS)
			CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		regd_bad(g, "gone", b.cookie, 128);
		cg_buf_free(g, &b);
	}
}

const struct cg_scenario_entry cg_scenarios_params[] = {
	CG_SCENARIO("14", "I2, I9", s14_unusable_message_address_is_ebadaddr),
	CG_SCENARIO("15", "I8", s15_number_of_parameters),
	CG_SCENARIO("15", "I8", s15_inline_rpc_arg_and_number_of_parameters),
	CG_SCENARIO("15", "I8", s15_open_takes_six),
	CG_SCENARIO("15", "I8", s15_unknown_attributes_are_refused),
	CG_IN_SESSION("15", "I8", cg_uuid_invoke, s15_cache_bits_are_tolerated),
	CG_SCENARIO("15", "I8", s15_attributes_of_open),
	CG_SCENARIO("16", "I8", s16_unknown_commands_are_ebadcmd),
	CG_IN_SESSION("13", "I2", cg_uuid_invoke, s13_contiguous_memref_is_refused),
	CG_IN_SESSION("23", "", cg_uuid_stats, s23_messages_in_registered_memory),
	CG_IN_SESSION("23", "I1, I3", cg_uuid_stats, s23_messages_across_two_pages),
	CG_SCENARIO("23", "I2, I9", s23_bad_places_in_registered_memory),
	CG_IN_SESSION_IF(cg_lacks_calls, "23", "I4", cg_uuid_stats,
			 s23_buffer_unregistered_during_the_call),
	CG_SCENARIOS_END
};

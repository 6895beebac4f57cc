/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of payload buffers: the memory that OP-TEE asks the guest for.
 *
 * Opening a TA that is not there makes every OP-TEE ask: a page for file names,
 * then the TA's image. The guest's replies are good here, or bad in one respect.
 * What OP-TEE does after a bad one is its own business: it may ask again. So it is
 * told by the cookie what becomes of a reply, and the server has an eye on the
 * rest: to free what the guest does not hold is an anomaly.
 */
#include "client.h"

#define GOOD_ATTR (OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* What a request was, and the memory that the reply is made from. */
struct request {
	struct cg_call c;
	struct cg_buf b;
	uint64_t type;
	uint64_t size;
};

/* Runs an OPEN of an unknown TA up to its first SHM_ALLOC, with a good reply in place. */
static bool ask(struct cg_guest *g, struct request *r)
{
	struct optee_msg_param *p;

	if (!cg_call_init(&r->c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return false;
	cg_set_open(&r->c, cg_uuid_unknown);
	if (!CG_OK(g, "asks for memory", cg_until_cmd(&r->c, OPTEE_RPC_CMD_SHM_ALLOC))) {
		cg_call_fini(&r->c);
		return false;
	}
	p = cg_rpc_param(&r->c, 0);
	r->type = p->u.value.a;
	r->size = p->u.value.b;
	CG_EQ(g, "num_params", cg_rpc_hdr(&r->c)->num_params, 1);
	CG_EQ(g, "attr", p->attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
	CG_EQ(g, "type", r->type, OPTEE_RPC_SHM_TYPE_APPL);
	CG_EQ(g, "size", r->size, CG_PAGE);
	if (!CG_OK(g, "memory", cg_buf_make(g, &r->b, 3 * CG_PAGE, 0))) {
		cg_finish(&r->c);
		cg_call_fini(&r->c);
		return false;
	}
	r->b.size = r->size;
	cg_fill(cg_buf_at(g, &r->b, 0), 0xd7, CG_PAGE);
	p->attr = GOOD_ATTR;
	p->u.tmem.buf_ptr = cg_buf_ptr(g, &r->b);
	p->u.tmem.size = r->size;
	p->u.tmem.shm_ref = r->b.cookie;
	cg_rpc_hdr(&r->c)->ret = TEEC_SUCCESS;
	return true;
}

static void done(struct request *r)
{
	cg_buf_free(r->c.g, &r->b);
	cg_call_fini(&r->c);
}

/* The reply was taken: OP-TEE puts a file name there, and frees it at the end. */
static void expect_taken(struct request *r, const char *what)
{
	struct cg_guest *g = r->c.g;
	struct optee_msg_param *p;

	if (CG_OK(g, what, cg_until_cmd(&r->c, OPTEE_RPC_CMD_FS))) {
		p = cg_rpc_param(&r->c, 1);
		CG_EQ(g, "a memref", p->attr, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT);
		CG_EQ(g, "of this buffer", p->u.rmem.shm_ref == r->b.cookie, 1);
		CG_OK(g, "with something in it", *cg_buf_at(g, &r->b, p->u.rmem.offs) != 0xd7);
	}
	if (CG_OK(g, what, cg_until_cmd(&r->c, OPTEE_RPC_CMD_SHM_FREE))) {
		p = cg_rpc_param(&r->c, 0);
		CG_EQ(g, "free: type", p->u.value.a, r->type);
		CG_EQ(g, "free: cookie", p->u.value.b == r->b.cookie, 1);
		cg_rpc_hdr(&r->c)->ret = TEEC_SUCCESS;
		cg_resume(&r->c);
	}
	cg_finish(&r->c);
	CG_EQ(g, what, cg_result(&r->c), TEEC_ERROR_ITEM_NOT_FOUND);
	done(r);
}

/*
 * The reply was refused: the guest is asked to free what it offered (unless it
 * offered nothing that can be named), and OP-TEE hears that there is no memory.
 */
static void expect_refused(struct request *r, const char *what, bool undo)
{
	struct cg_guest *g = r->c.g;
	struct optee_msg_param *p;
	bool freed;

	cg_resume(&r->c);
	freed = cg_until_cmd_of(&r->c, OPTEE_RPC_CMD_SHM_FREE, r->b.cookie);
	CG_EQ(g, what, freed, undo);
	if (freed) {
		p = cg_rpc_param(&r->c, 0);
		CG_EQ(g, "num_params", cg_rpc_hdr(&r->c)->num_params, 1);
		CG_EQ(g, "attr", p->attr, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
		CG_EQ(g, "type", p->u.value.a, r->type);
		cg_rpc_hdr(&r->c)->ret = TEEC_SUCCESS;
		cg_resume(&r->c);
	}
	cg_finish(&r->c);
	CG_EQ(g, what, cg_result(&r->c), TEEC_ERROR_OUT_OF_MEMORY);
	CG_EQ(g, "origin", cg_hdr(&r->c)->ret_origin, TEEC_ORIGIN_TEE);
	done(r);
}

/* ---- good replies ---- */

static void s36_page_list_is_used(struct cg_guest *g)
{
	struct request r;

	if (!ask(g, &r))
		return;
	cg_resume(&r.c);
	expect_taken(&r, "page list");
}

static void s36_single_page_is_used(struct cg_guest *g)
{
	struct request r;

	if (!ask(g, &r))
		return;
	cg_rpc_param(&r.c, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
	cg_rpc_param(&r.c, 0)->u.tmem.buf_ptr = *cg_buf_entry(g, &r.b, 0);
	cg_resume(&r.c);
	expect_taken(&r, "single page");
}

static void s36_more_than_was_asked_for(struct cg_guest *g)
{
	struct request r;

	if (!ask(g, &r))
		return;
	cg_rpc_param(&r.c, 0)->u.tmem.size = 3 * CG_PAGE;
	cg_resume(&r.c);
	expect_taken(&r, "three pages");
	if (!ask(g, &r))
		return;
	r.b.offset = 64;
	cg_rpc_param(&r.c, 0)->u.tmem.buf_ptr |= 64;
	cg_resume(&r.c);
	expect_taken(&r, "not at the start of a page");
}

static void s38_reply_under_another_command(struct cg_guest *g)
{
	static const uint32_t cmds[] = { OPTEE_RPC_CMD_GET_TIME, OPTEE_RPC_CMD_SHM_FREE,
					 OPTEE_RPC_CMD_LOAD_TA, 0xffffffff };
	struct request r;

	/* I6: judged by what was asked. Were it passed, an IPA would reach OP-TEE. */
	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]) && ask(g, &r); i++) {
		cg_rpc_hdr(&r.c)->cmd = cmds[i];
		cg_resume(&r.c);
		expect_taken(&r, "cmd changed");
	}
	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]) && ask(g, &r); i++) {
		cg_rpc_hdr(&r.c)->cmd = cmds[i];
		*cg_buf_entry(g, &r.b, 0) |= 8;
		cg_resume(&r.c);
		*cg_buf_entry(g, &r.b, 0) &= ~8ull;
		CG_OK(g, "bad entry, cmd changed",
		      cg_until_cmd_of(&r.c, OPTEE_RPC_CMD_SHM_FREE, r.b.cookie));
		cg_rpc_hdr(&r.c)->ret = TEEC_SUCCESS;
		if (r.c.state == CG_WAITING)
			cg_resume(&r.c);
		CG_FINISH(&r.c, "refused", TEEC_ERROR_OUT_OF_MEMORY);
		done(&r);
	}
}

/* ---- bad replies ---- */

static void s37_reply_of_another_kind_is_refused(struct cg_guest *g)
{
	static const uint64_t attrs[] = { 0, 1, 2, 3, 5, 6, 7, 9, 0xb, 0x4, 0xff, 0x209, 0x20b,
					  0x101, 0x206, 0x202 };
	struct request r;

	for (unsigned int i = 0; i < sizeof(attrs) / sizeof(attrs[0]) && ask(g, &r); i++) {
		cg_rpc_param(&r.c, 0)->attr = attrs[i];
		expect_refused(&r, "attr", false);
	}
}

static void s37_unknown_bits_are_refused(struct cg_guest *g)
{
	static const uint64_t bits[] = { 0x100, 0x400, 0x800, 0x8000, 0x80000, 0x80000000,
					 1ull << 32, 1ull << 63 };
	struct request r;

	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]) && ask(g, &r); i++) {
		cg_rpc_param(&r.c, 0)->attr |= bits[i];
		cg_resume(&r.c);
		/* With or without being asked to free it: OP-TEE hears of a failure. */
		if (cg_until_cmd_of(&r.c, OPTEE_RPC_CMD_SHM_FREE, r.b.cookie)) {
			cg_rpc_hdr(&r.c)->ret = TEEC_SUCCESS;
			cg_resume(&r.c);
		}
		CG_FINISH(&r.c, "refused", TEEC_ERROR_OUT_OF_MEMORY);
		done(&r);
	}
}

static void s39_address_0_is_refused(struct cg_guest *g)
{
	static const uint64_t attrs[] = { OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, GOOD_ATTR };
	struct request r;

	for (unsigned int i = 0; i < 2 && ask(g, &r); i++) {
		cg_rpc_param(&r.c, 0)->attr = attrs[i];
		cg_rpc_param(&r.c, 0)->u.tmem.buf_ptr = 0;
		expect_refused(&r, "0", true);
	}
}

/* One entry of the list is no good; it is put right before the list is freed. */
static void bad_entry(struct cg_guest *g, const char *what, uint64_t entry)
{
	struct request r;
	uint64_t keep;

	for (uint32_t i = 0; i < 3 && ask(g, &r); i++) {
		cg_rpc_param(&r.c, 0)->u.tmem.size = 3 * CG_PAGE;
		keep = *cg_buf_entry(g, &r.b, i);
		*cg_buf_entry(g, &r.b, i) = entry;
		cg_resume(&r.c);
		*cg_buf_entry(g, &r.b, i) = keep;
		CG_EQ(g, what, cg_until_cmd_of(&r.c, OPTEE_RPC_CMD_SHM_FREE, r.b.cookie), 1);
		if (r.c.state == CG_WAITING) {
			CG_EQ(g, "type", cg_rpc_param(&r.c, 0)->u.value.a, r.type);
			cg_rpc_hdr(&r.c)->ret = TEEC_SUCCESS;
			cg_resume(&r.c);
		}
		cg_finish(&r.c);
		CG_EQ(g, what, cg_result(&r.c), TEEC_ERROR_OUT_OF_MEMORY);
		done(&r);
	}
}

static void bad_entry_if(struct cg_guest *g, const char *what, uint64_t entry)
{
	uint64_t digest = g->verdict.digest;

	if (entry)
		bad_entry(g, what, entry);
	else
		cg_unchecked(g);
	g->verdict.digest = digest;
}

static void s40_untranslatable_reply_is_undone_in_the_guest(struct cg_guest *g)
{
	bad_entry(g, "entry 0", 0);
	bad_entry(g, "entry with low bits", g->ipa + 8);
	bad_entry(g, "entry out of every range", ~(uint64_t)(CG_PAGE - 1));
	bad_entry_if(g, "entry in a hole", g->platform->hole_ipa);
	bad_entry_if(g, "entry read-only", g->platform->readonly_ipa);
	bad_entry_if(g, "entry is a device", g->platform->mmio_ipa);
	bad_entry_if(g, "entry in reserved memory", g->platform->reserved_ipa);
}

static void s40_bad_sizes_and_places_are_undone(struct cg_guest *g)
{
	static const uint64_t sizes[] = { 0, 1, CG_PAGE - 1, ~0ull, ~0ull - CG_PAGE + 2,
					  1ull << 40, 1ull << 63 };
	struct request r;

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && ask(g, &r); i++) {
		/* With an offset, so that the largest ones wrap. */
		cg_rpc_param(&r.c, 0)->u.tmem.size = sizes[i];
		cg_rpc_param(&r.c, 0)->u.tmem.buf_ptr |= 1024;
		expect_refused(&r, "size", true);
	}
	/* A single page that is not one. */
	if (ask(g, &r)) {
		cg_rpc_param(&r.c, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
		cg_rpc_param(&r.c, 0)->u.tmem.buf_ptr = *cg_buf_entry(g, &r.b, 0) + 512;
		expect_refused(&r, "not aligned", true);
	}
	if (ask(g, &r)) {
		cg_rpc_param(&r.c, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
		cg_rpc_param(&r.c, 0)->u.tmem.buf_ptr = *cg_buf_entry(g, &r.b, 0);
		cg_rpc_param(&r.c, 0)->u.tmem.size = CG_PAGE + 1;
		expect_refused(&r, "more than a page", true);
	}
}

static void s40_reply_without_or_with_a_live_cookie(struct cg_guest *g)
{
	uint32_t session;
	struct request r;
	struct cg_buf b;
	uint8_t sum;
	uint8_t want;

	if (ask(g, &r)) {
		cg_rpc_param(&r.c, 0)->u.tmem.shm_ref = 0;
		expect_refused(&r, "cookie 0", false);
	}
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	if (CG_OK(g, "memory", cg_buf_make(g, &b, 5000, 0))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		if (ask(g, &r)) {
			cg_rpc_param(&r.c, 0)->u.tmem.shm_ref = b.cookie;
			expect_refused(&r, "a live cookie", false);
		}
		/* I7: the one that had it has lost nothing. */
		want = cg_buf_pattern(g, &b, 9);
		CG_EQ(g, "still there", cg_sum(g, session, &b, 0, 5000, &sum), TEEC_SUCCESS);
		CG_EQ(g, "sum", sum, want);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void s42_reply_with_other_params_than_asked(struct cg_guest *g)
{
	static const uint32_t nums[] = { 0, 2, 4, 127, 0xffffffff };
	struct request r;

	for (unsigned int i = 0; i < sizeof(nums) / sizeof(nums[0]) && ask(g, &r); i++) {
		cg_rpc_hdr(&r.c)->num_params = nums[i];
		cg_resume(&r.c);
		if (cg_until_cmd_of(&r.c, OPTEE_RPC_CMD_SHM_FREE, r.b.cookie)) {
			cg_rpc_hdr(&r.c)->ret = TEEC_SUCCESS;
			cg_resume(&r.c);
		}
		CG_FINISH(&r.c, "refused", TEEC_ERROR_OUT_OF_MEMORY);
		done(&r);
	}
}

static void s39_guest_without_memory(struct cg_guest *g)
{
	struct request r;

	/* What else stands in the reply does not count then: nothing was allocated. */
	if (ask(g, &r)) {
		cg_rpc_hdr(&r.c)->ret = TEEC_ERROR_OUT_OF_MEMORY;
		expect_refused(&r, "ret", false);
	}
	if (ask(g, &r)) {
		cg_rpc_hdr(&r.c)->ret = 1;
		expect_refused(&r, "any ret", false);
	}
}

/* ---- what payload buffers carry ---- */

static void s44_ta_image_of_more_than_a_megabyte(struct cg_guest *g)
{
	uint32_t session;

	g->ta_size = 1258291;
	/* The image arrives, and is no TA. */
	CG_EQ(g, "open", cg_open(g, cg_uuid_unknown, &session), TEEC_ERROR_SECURITY);
	g->ta_size = 100;
	CG_EQ(g, "small image", cg_open(g, cg_uuid_unknown, &session), TEEC_ERROR_SECURITY);
	g->ta_size = 0;
	CG_EQ(g, "no image", cg_open(g, cg_uuid_unknown, &session), TEEC_ERROR_ITEM_NOT_FOUND);
}

static void s44_unknown_ta_with_inline_arguments(struct cg_guest *g)
{
	uint32_t allocs = g->served_alloc;
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return;
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	cg_set_open(&c, cg_uuid_unknown);
	CG_DO(&c, "open", TEEC_ERROR_ITEM_NOT_FOUND);
	CG_EQ(g, "session", cg_hdr(&c)->session, 0);
	CG_EQ(g, "no ALLOC", g->served_alloc - allocs, 0);
	cg_call_fini(&c);
}

static uint64_t model_value(struct cg_guest *g, uint32_t session, uint32_t func, uint64_t attr,
			    uint64_t *a, uint64_t b)
{
	struct cg_call c;
	uint64_t result;

	if (!cg_invoke_init(&c, g, session, func))
		return CG_SMC_ERROR;
	cg_set_value(&c, 0, attr, *a, b, 0);
	cg_do(&c);
	result = cg_result(&c);
	*a = cg_param(&c, 0)->u.value.a;
	cg_call_fini(&c);
	return result;
}

static void s43_payloads_outlive_their_call(struct cg_guest *g, uint32_t session)
{
	static const uint32_t order[] = { 1, 3, 0, 2 };
	uint64_t handle[4];

	for (uint32_t i = 0; i < 4; i++) {
		handle[i] = 100 + 5000 * i;
		CG_EQ(g, "keep", model_value(g, session, CG_MODEL_PAYLOAD_KEEP,
					     OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, &handle[i], i % 3),
		      TEEC_SUCCESS);
	}
	/* 41: freed in another order than they were asked for. */
	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t n = i; n < 4; n++)
			CG_EQ(g, "check", model_value(g, session, CG_MODEL_PAYLOAD_CHECK,
						      OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
						      &handle[order[n]], 0), TEEC_SUCCESS);
		CG_EQ(g, "drop", model_value(g, session, CG_MODEL_PAYLOAD_DROP,
					     OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
					     &handle[order[i]], 0), TEEC_SUCCESS);
	}
}

const struct cg_scenario_entry cg_scenarios_payload[] = {
	CG_SCENARIO("36", "I2", s36_page_list_is_used),
	CG_SCENARIO("36", "I2", s36_single_page_is_used),
	CG_SCENARIO("36", "I2", s36_more_than_was_asked_for),
	CG_SCENARIO("37", "I2, I8", s37_reply_of_another_kind_is_refused),
	CG_SCENARIO("37", "I8", s37_unknown_bits_are_refused),
	CG_SCENARIO("38", "I6", s38_reply_under_another_command),
	CG_SCENARIO("39", "I2", s39_address_0_is_refused),
	CG_SCENARIO("39", "", s39_guest_without_memory),
	CG_SCENARIO("40", "I2, I8", s40_untranslatable_reply_is_undone_in_the_guest),
	CG_SCENARIO("40", "I8", s40_bad_sizes_and_places_are_undone),
	CG_SCENARIO("40", "I7", s40_reply_without_or_with_a_live_cookie),
	CG_SCENARIO("42", "I6", s42_reply_with_other_params_than_asked),
	CG_IN_SESSION_IF(cg_lacks_model, "41, 43", "I4", cg_uuid_model,
			 s43_payloads_outlive_their_call),
	CG_SCENARIO("44", "", s44_ta_image_of_more_than_a_megabyte),
	CG_SCENARIO("44", "", s44_unknown_ta_with_inline_arguments),
	CG_SCENARIOS_END
};

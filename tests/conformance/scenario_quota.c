/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of limits: reached exactly, given back exactly (I5).
 *
 * The guest knows its limits from the platform. Pages are counted as often as
 * they are shared, so a list that names one page many times fills any quota.
 */
#include "client.h"

#define FILL_MAX 64u

/* Buffers that fill the quota of pages, up to `spare`. */
struct fill {
	struct cg_buf b[FILL_MAX];
	uint32_t n;
};

/* Whether OP-TEE itself can hold as many pages as the mediator lets through. */
static const char *lacks_pages(struct cg_guest *g)
{
	const struct cg_platform *p = g->platform;

	if (p->secure_pages == 0 || p->limits.pages <= p->secure_pages)
		return NULL;
	cg_unchecked(g);
	return "OP-TEE cannot hold as many pages as the quota";
}

static void fill(struct cg_guest *g, struct fill *f, uint32_t pages)
{
	f->n = 0;
	while (pages && f->n < FILL_MAX) {
		struct cg_buf *b = &f->b[f->n];
		uint32_t n = pages < cg_longest(g) ? pages : cg_longest(g);

		if (!CG_OK(g, "memory", cg_buf_repeat(g, b, n)))
			return;
		if (!CG_IS(g, "within the quota", cg_register(g, b), TEEC_SUCCESS)) {
			cg_buf_free(g, b);
			return;
		}
		f->n++;
		pages -= n;
	}
	CG_OK(g, "filled", pages == 0);
}

static void empty(struct cg_guest *g, struct fill *f)
{
	while (f->n--) {
		CG_IS(g, "unregister", cg_unregister(g, f->b[f->n].cookie), TEEC_SUCCESS);
		cg_buf_free(g, &f->b[f->n]);
	}
}

/* All of the quota can be had, and not a page more: nothing was lost or won. */
static void quota_is_exact(struct cg_guest *g)
{
	struct fill f;
	struct cg_buf one;
	struct cg_call c;

	fill(g, &f, g->platform->limits.pages);
	if (CG_OK(g, "memory", cg_buf_make(g, &one, 1, 0))) {
		if (cg_call_init(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1)) {
			cg_set_tmem(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT |
				    OPTEE_MSG_ATTR_NONCONTIG, &one);
			cg_do(&c);
			CG_REFUSED(&c, "one page too many", TEEC_ERROR_OUT_OF_MEMORY);
			cg_call_fini(&c);
		}
		cg_buf_free(g, &one);
	}
	empty(g, &f);
}

static void s45_quota_of_pages_to_the_last_one(struct cg_guest *g)
{
	struct fill f;
	struct cg_buf one;

	quota_is_exact(g);
	/* One less, then one more: it fits, and the next does not. */
	fill(g, &f, g->platform->limits.pages - 1);
	if (CG_OK(g, "memory", cg_buf_make(g, &one, CG_PAGE + 1, 0))) {
		CG_EQ(g, "two are too many", cg_register(g, &one), TEEC_ERROR_OUT_OF_MEMORY);
		one.size = CG_PAGE;
		CG_EQ(g, "one fits", cg_register(g, &one), TEEC_SUCCESS);
		CG_EQ(g, "unregister", cg_unregister(g, one.cookie), TEEC_SUCCESS);
		/* An offset makes the same page two. */
		one.offset = 1;
		CG_EQ(g, "two again", cg_register(g, &one), TEEC_ERROR_OUT_OF_MEMORY);
		one.offset = 0;
		cg_buf_free(g, &one);
	}
	empty(g, &f);
	quota_is_exact(g);
}

static void s45_quota_of_pages_holds_for_temporary_buffers(struct cg_guest *g)
{
	uint64_t attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	uint32_t session;
	struct fill f;
	struct cg_buf b;
	struct cg_call c;
	unsigned int i;

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	fill(g, &f, g->platform->limits.pages - 1);
	if (CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE + 1, 0))) {
		for (i = 0; i < 10 && cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS); i++) {
			cg_set_tmem(&c, 0, attr, &b);
			cg_do(&c);
			CG_REFUSED(&c, "two are too many", TEEC_ERROR_OUT_OF_MEMORY);
			cg_param(&c, 0)->u.tmem.size = CG_PAGE;
			CG_DO(&c, "one fits", TEEC_SUCCESS);
			cg_call_fini(&c);
		}
		cg_buf_free(g, &b);
	}
	empty(g, &f);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	quota_is_exact(g);
}

/* Payloads for which there is no room: each is refused and undone, and the call ends. */
static void s45_quota_of_pages_holds_for_payloads(struct cg_guest *g)
{
	struct fill f;
	struct cg_call c;
	uint32_t allocs = g->served_shm_alloc;
	uint32_t frees = g->served_shm_free;

	fill(g, &f, g->platform->limits.pages);
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2)) {
		c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
		cg_set_open(&c, cg_uuid_unknown);
		CG_DO(&c, "no room", TEEC_ERROR_OUT_OF_MEMORY);
		allocs = g->served_shm_alloc - allocs;
		CG_EQ(g, "asked for", allocs > 0, 1);
		CG_EQ(g, "undone", g->served_shm_free - frees == allocs, 1);
		cg_call_fini(&c);
	}
	empty(g, &f);
	quota_is_exact(g);
}

/* An RPC argument buffer is a page like any other. */
static void s45_quota_of_pages_holds_for_rpc_buffers(struct cg_guest *g)
{
	uint32_t frees = g->served_free;
	uint32_t session;
	struct fill f;
	struct cg_call c;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	fill(g, &f, g->platform->limits.pages);
	if (cg_time_init(&c, g, session)) {
		CG_DO(&c, "no room", TEEC_ERROR_OUT_OF_MEMORY);
		CG_EQ(g, "and asked to free it", g->served_free - frees, 1);
		cg_call_fini(&c);
	}
	empty(g, &f);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	quota_is_exact(g);
}

static const char *lacks_list_quota(struct cg_guest *g)
{
	if (g->platform->limits.pages / OPTEE_MSG_LIST_ENTRIES < g->platform->limits.list_pages)
		return "the quota of pages is reached first";
	return lacks_pages(g);
}

static void s45_longest_list(struct cg_guest *g)
{
	uint32_t n = g->platform->limits.list_pages * OPTEE_MSG_LIST_ENTRIES;
	struct cg_buf b;

	if (CG_OK(g, "memory", cg_buf_repeat(g, &b, n + 1))) {
		CG_EQ(g, "one too long", cg_register(g, &b), TEEC_ERROR_OUT_OF_MEMORY);
		b.size = (uint64_t)n * CG_PAGE;
		CG_EQ(g, "the longest", cg_register(g, &b), TEEC_SUCCESS);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
}

/* An INVOKE that names two buffers, which the TA will not take. */
static void name_two(struct cg_call *c, const struct cg_buf *a, const struct cg_buf *b)
{
	cg_set_rmem(c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, a->cookie, 0, 1);
	cg_set_rmem(c, 3, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, b->cookie, 0, 1);
	cg_do(c);
}

/* Whole buffers count, however little of them the call is about. */
static const char *lacks_call_quota(struct cg_guest *g)
{
	uint32_t n = g->platform->limits.call_pages;

	return n == 0 || n >= cg_longest(g) || n > cg_mapped_always(g) ||
	       2 * n + 1 > g->platform->limits.pages ?
		       "no such limit, or another one is reached first" : NULL;
}

static void s45_pages_of_one_call(struct cg_guest *g, uint32_t session)
{
	uint32_t n = g->platform->limits.call_pages;
	uint64_t tmem = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	struct cg_buf all;
	struct cg_buf half;
	struct cg_call c;
	uint8_t sum;

	if (CG_OK(g, "memory", cg_buf_repeat(g, &half, n / 2)) &&
	    CG_OK(g, "memory", cg_buf_repeat(g, &all, n + 1))) {
		CG_EQ(g, "register half", cg_register(g, &half), TEEC_SUCCESS);
		CG_EQ(g, "register one more", cg_register(g, &all), TEEC_SUCCESS);
		CG_EQ(g, "too many to use", cg_sum(g, session, &all, 0, 1, &sum),
		      TEEC_ERROR_OUT_OF_MEMORY);
		CG_EQ(g, "unregister", cg_unregister(g, all.cookie), TEEC_SUCCESS);
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			cg_set_tmem(&c, 0, tmem, &all);
			cg_do(&c);
			CG_REFUSED(&c, "too many in place", TEEC_ERROR_OUT_OF_MEMORY);
			cg_call_fini(&c);
		}
		all.size -= CG_PAGE;
		CG_EQ(g, "register all", cg_register(g, &all), TEEC_SUCCESS);
		CG_EQ(g, "the last one fits", cg_sum(g, session, &all, 0, 1, &sum), TEEC_SUCCESS);
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			name_two(&c, &all, &half);
			CG_REFUSED(&c, "half as much again", TEEC_ERROR_OUT_OF_MEMORY);
			name_two(&c, &half, &half);
			CG_EQ(g, "twice the half", cg_result(&c), TEEC_ERROR_BAD_PARAMETERS);
			CG_EQ(g, "gets there", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
			cg_call_fini(&c);
		}
		CG_EQ(g, "unregister", cg_unregister(g, all.cookie), TEEC_SUCCESS);
		CG_EQ(g, "unregister", cg_unregister(g, half.cookie), TEEC_SUCCESS);
		all.size += CG_PAGE;
		cg_buf_free(g, &all);
		cg_buf_free(g, &half);
	}
}

static void s47_quota_of_buffers_to_the_last_one(struct cg_guest *g)
{
	uint32_t buffers = g->platform->limits.buffers;
	uint32_t secure = g->platform->secure_pages;
	struct cg_buf b;
	uint64_t first;
	uint32_t n;

	/* In OP-TEE's heap a buffer costs as much as some eight of its pages. */
	if (buffers > g->platform->limits.pages || (secure && buffers > secure / 8)) {
		cg_skip(g, "as many buffers cannot be had");
		return;
	}
	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)))
		return;
	/* The same page under as many cookies. */
	first = b.cookie;
	for (n = 0; n < buffers; n++) {
		b.cookie = first + n;
		CG_IS(g, "within the quota", cg_register(g, &b), TEEC_SUCCESS);
	}
	b.cookie = first + n;
	CG_EQ(g, "one too many", cg_register(g, &b), TEEC_ERROR_OUT_OF_MEMORY);
	CG_EQ(g, "again", cg_register(g, &b), TEEC_ERROR_OUT_OF_MEMORY);
	CG_EQ(g, "one less", cg_unregister(g, first + buffers / 2), TEEC_SUCCESS);
	CG_EQ(g, "now it fits", cg_register(g, &b), TEEC_SUCCESS);
	b.cookie++;
	CG_EQ(g, "and the next does not", cg_register(g, &b), TEEC_ERROR_OUT_OF_MEMORY);
	for (n = 0; n <= buffers; n++)
		if (n != buffers / 2)
			CG_IS(g, "unregister", cg_unregister(g, first + n), TEEC_SUCCESS);
	cg_buf_free(g, &b);
}

/* Lists that fail at their first, a middle and their last entry, 200 times. */
static void s48_failing_lists_leave_the_quota_exact(struct cg_guest *g)
{
	static const uint32_t places[] = { 0, 30, 61 };
	uint32_t session;
	struct cg_buf b;
	struct cg_call c;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, 62 * CG_PAGE, 0)))
		return;
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 200; i++) {
		uint64_t *entry = cg_buf_entry(g, &b, places[i % 3]);
		uint64_t keep = *entry;

		*entry = i % 2 ? 0 : ~(uint64_t)(CG_PAGE - 1);
		CG_EQ(g, "register", cg_register(g, &b), TEEC_ERROR_BAD_PARAMETERS);
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			cg_set_tmem(&c, i % 4, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT |
				    OPTEE_MSG_ATTR_NONCONTIG, &b);
			cg_do(&c);
			CG_REFUSED(&c, "temporary", TEEC_ERROR_BAD_PARAMETERS);
			cg_call_fini(&c);
		}
		*entry = keep;
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	cg_buf_free(g, &b);
	if (!lacks_pages(g))
		quota_is_exact(g);
}

const struct cg_scenario_entry cg_scenarios_quota[] = {
	CG_SCENARIO_IF(lacks_pages, "45", "I5", s45_quota_of_pages_to_the_last_one),
	CG_SCENARIO_IF(lacks_pages, "45", "I5", s45_quota_of_pages_holds_for_temporary_buffers),
	CG_SCENARIO_IF(lacks_pages, "45", "I5, I8", s45_quota_of_pages_holds_for_payloads),
	CG_SCENARIO_IF(lacks_pages, "45", "I5, I8", s45_quota_of_pages_holds_for_rpc_buffers),
	CG_SCENARIO_IF(lacks_list_quota, "45", "I5", s45_longest_list),
	CG_IN_SESSION_IF(lacks_call_quota, "45", "I5", cg_uuid_invoke, s45_pages_of_one_call),
	CG_SCENARIO("47", "I5", s47_quota_of_buffers_to_the_last_one),
	CG_SCENARIO("48", "I5, I9", s48_failing_lists_leave_the_quota_exact),
	CG_SCENARIOS_END
};

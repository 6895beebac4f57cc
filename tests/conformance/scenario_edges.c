/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of the edges of RAM: its last page can be used in every way there is, and
 * the pages right before and behind it in none.
 *
 * Each way to name a page is a function of its address, which says whether the page was
 * taken. So what must be refused is refused for its place, and not for its form.
 */
#include "client.h"

#define ATTR_PAGE	OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT
#define ATTR_LIST	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Where this program sees the page; NULL when it is not the guest's. */
static uint8_t *seen(struct cg_guest *g, uint64_t ipa)
{
	uint32_t page = cg_page_at(g, ipa);

	return page == CG_NO_PAGE ? NULL : cg_page_va(g, page);
}

/* ---- what a call names ---- */

static bool as_message(struct cg_guest *g, uint64_t ipa)
{
	struct cg_call c;
	bool taken;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_CANCEL, 0))
		return false;
	c.where = ipa;
	if (seen(g, ipa))
		cg_copy(seen(g, ipa), c.msg, CG_PAGE);
	cg_do(&c);
	taken = c.a[0] == OPTEE_SMC_RETURN_OK;
	if (!taken)
		CG_EQ(g, "message", c.a[0], OPTEE_SMC_RETURN_EBADADDR);
	cg_call_fini(&c);
	return taken;
}

static bool registered(struct cg_guest *g, const struct cg_buf *b, uint64_t buf_ptr)
{
	struct cg_call c;
	bool taken;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1))
		return false;
	cg_set_value(&c, 0, ATTR_LIST, buf_ptr, b->size, b->cookie);
	cg_do(&c);
	taken = cg_result(&c) == TEEC_SUCCESS;
	if (taken)
		CG_EQ(g, "unregister", cg_unregister(g, b->cookie), TEEC_SUCCESS);
	else
		CG_REFUSED(&c, "buffer", TEEC_ERROR_BAD_PARAMETERS);
	cg_call_fini(&c);
	return taken;
}

static bool lent(struct cg_guest *g, const struct cg_buf *b, uint64_t buf_ptr)
{
	uint32_t session;
	struct cg_call c;
	bool taken = false;

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG,
			     buf_ptr, b->size, b->cookie);
		cg_do(&c);
		taken = cg_result(&c) == TEEC_SUCCESS;
		if (!taken)
			CG_REFUSED(&c, "in place", TEEC_ERROR_BAD_PARAMETERS);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	return taken;
}

/* Both, and they must agree. */
static bool shared(struct cg_guest *g, const struct cg_buf *b, uint64_t buf_ptr)
{
	bool taken = registered(g, b, buf_ptr);

	CG_OK(g, "registered as lent", lent(g, b, buf_ptr) == taken);
	return taken;
}

/* One entry of three. */
static bool as_entry(struct cg_guest *g, uint64_t ipa, uint32_t at)
{
	struct cg_buf b;
	uint64_t keep;
	bool taken;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE, 0)))
		return false;
	keep = *cg_buf_entry(g, &b, at);
	*cg_buf_entry(g, &b, at) = ipa;
	taken = shared(g, &b, cg_buf_ptr(g, &b));
	*cg_buf_entry(g, &b, at) = keep;
	cg_buf_free(g, &b);
	return taken;
}

static bool as_first_entry(struct cg_guest *g, uint64_t ipa)
{
	return as_entry(g, ipa, 0);
}

static bool as_last_entry(struct cg_guest *g, uint64_t ipa)
{
	return as_entry(g, ipa, 2);
}

/* The list itself, of one entry. */
static bool as_list(struct cg_guest *g, uint64_t ipa)
{
	struct cg_buf b;
	bool taken;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)))
		return false;
	if (seen(g, ipa))
		*(uint64_t *)(void *)seen(g, ipa) = *cg_buf_entry(g, &b, 0);
	taken = shared(g, &b, ipa);
	cg_buf_free(g, &b);
	return taken;
}

/* The second page of a list, with the last of 512 entries. */
static bool as_link(struct cg_guest *g, uint64_t ipa)
{
	uint64_t *link;
	struct cg_buf b;
	uint64_t keep;
	bool taken;

	if (!CG_OK(g, "memory", cg_buf_repeat(g, &b, OPTEE_MSG_LIST_ENTRIES + 1)))
		return false;
	link = cg_buf_entry(g, &b, OPTEE_MSG_LIST_ENTRIES - 1) + 1;
	keep = *link;
	if (seen(g, ipa))
		*(uint64_t *)(void *)seen(g, ipa) = *cg_buf_entry(g, &b, 0);
	*link = ipa;
	taken = registered(g, &b, cg_buf_ptr(g, &b));
	*link = keep;
	cg_buf_free(g, &b);
	return taken;
}

/* ---- what a reply names ---- */

static bool as_rpc_argument(struct cg_guest *g, uint64_t ipa)
{
	uint64_t cookie = cg_cookie(g);
	uint32_t page = cg_page_at(g, ipa);
	uint32_t session;
	struct cg_call c;
	bool taken = false;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "asks for a buffer", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		/* The server gives it back with the FREE: any page does where none is seen. */
		cg_rpc_arg_add(g, cookie, page == CG_NO_PAGE ? cg_page_get(g) : page);
		c.x[1] = ipa >> 32;
		c.x[2] = (uint32_t)ipa;
		c.x[4] = cookie >> 32;
		c.x[5] = (uint32_t)cookie;
		cg_resume(&c);
		taken = cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME);
		CG_FINISH(&c, "time", taken ? TEEC_SUCCESS : TEEC_ERROR_OUT_OF_MEMORY);
		cg_call_fini(&c);
	}
	/* Of the page that the caller took only one is to be given back, by the caller. */
	if (page != CG_NO_PAGE)
		CG_OK(g, "taken again", cg_page_take(g, page));
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	return taken;
}

/* A reply to SHM_ALLOC with this in it. The buffer is what the guest has allocated. */
static bool replied(struct cg_guest *g, const struct cg_buf *b, uint64_t attr, uint64_t buf_ptr)
{
	struct optee_msg_param *p;
	struct cg_call c;
	bool taken = false;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return false;
	cg_set_open(&c, cg_uuid_unknown);
	if (CG_OK(g, "asks for memory", cg_until_cmd(&c, OPTEE_RPC_CMD_SHM_ALLOC))) {
		p = cg_rpc_param(&c, 0);
		cg_payload_add(g, p->u.value.a, b);
		p->attr = attr;
		p->u.tmem.buf_ptr = buf_ptr;
		p->u.tmem.size = CG_PAGE;
		p->u.tmem.shm_ref = b->cookie;
		cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
		cg_resume(&c);
		taken = cg_until_cmd_of(&c, OPTEE_RPC_CMD_FS, b->cookie);
	}
	cg_finish(&c);
	CG_EQ(g, "open", cg_result(&c),
	      taken ? TEEC_ERROR_ITEM_NOT_FOUND : TEEC_ERROR_OUT_OF_MEMORY);
	cg_call_fini(&c);
	return taken;
}

static bool as_single_page(struct cg_guest *g, uint64_t ipa)
{
	struct cg_buf b;

	return CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)) &&
	       replied(g, &b, ATTR_PAGE, ipa);
}

/* The entry is put right when OP-TEE has seen it, or the guest could not free its pages. */
static bool as_payload(struct cg_guest *g, uint64_t ipa)
{
	struct cg_buf b;
	struct cg_buf list;
	bool taken;

	if (!CG_OK(g, "memory", cg_buf_make(g, &list, CG_PAGE, 0)))
		return false;
	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0))) {
		cg_buf_free(g, &list);
		return false;
	}
	*(uint64_t *)(void *)cg_buf_at(g, &list, 0) = ipa;
	taken = replied(g, &b, ATTR_LIST, *cg_buf_entry(g, &list, 0));
	cg_buf_free(g, &list);
	return taken;
}

static bool as_list_of_payload(struct cg_guest *g, uint64_t ipa)
{
	struct cg_buf b;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)))
		return false;
	if (seen(g, ipa))
		*(uint64_t *)(void *)seen(g, ipa) = *cg_buf_entry(g, &b, 0);
	return replied(g, &b, ATTR_LIST, ipa);
}

/* ---- the scenarios ---- */

struct way {
	const char *what;
	bool (*taken)(struct cg_guest *g, uint64_t ipa);
};

static void try(struct cg_guest *g, const struct way *ways, unsigned int n)
{
	const struct cg_platform *p = g->platform;
	uint64_t begin = p->all_size ? p->all_ipa : p->ram_ipa;
	uint64_t end = begin + (p->all_size ? p->all_size : p->ram_size);
	uint32_t last = g->pages - 1;

	if (!CG_OK(g, "the last page", cg_page_take(g, last)))
		return;
	for (unsigned int i = 0; i < n; i++) {
		CG_EQ(g, ways[i].what, ways[i].taken(g, cg_page_ipa(g, last)), true);
		CG_EQ(g, ways[i].what, ways[i].taken(g, end), false);
		CG_EQ(g, ways[i].what, ways[i].taken(g, begin - CG_PAGE), false);
		CG_EQ(g, ways[i].what, ways[i].taken(g, cg_page_ipa(g, last)), true);
	}
	cg_page_put(g, last);
	cg_slots_are_free(g);
}

static void s62_fault_g1_edges_of_ram_in_messages(struct cg_guest *g)
{
	static const struct way ways[] = {
		{ "as message", as_message },
		{ "as first entry", as_first_entry },
		{ "as last entry", as_last_entry },
		{ "as list", as_list },
		{ "as link", as_link },
	};

	try(g, ways, sizeof(ways) / sizeof(ways[0]));
}

static void s62_fault_g1_edges_of_ram_in_replies(struct cg_guest *g)
{
	static const struct way ways[] = {
		{ "as RPC argument", as_rpc_argument },
		{ "as single page", as_single_page },
		{ "as payload", as_payload },
		{ "as list of a payload", as_list_of_payload },
	};

	try(g, ways, sizeof(ways) / sizeof(ways[0]));
}

/* The pages follow one another, as in a buffer that a driver allocated in one piece. */
static void s62_fault_g1_buffer_that_runs_over_the_end(struct cg_guest *g)
{
	const struct cg_platform *p = g->platform;
	uint64_t end = p->all_size ? p->all_ipa + p->all_size : p->ram_ipa + p->ram_size;
	struct cg_buf b;
	uint64_t keep[3];

	if (!CG_OK(g, "the last page", cg_page_take(g, g->pages - 1)))
		return;
	if (CG_OK(g, "and the one before", cg_page_take(g, g->pages - 2))) {
		if (CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE, 0))) {
			for (uint32_t i = 0; i < 3; i++) {
				keep[i] = *cg_buf_entry(g, &b, i);
				*cg_buf_entry(g, &b, i) = end - (2 - i) * (uint64_t)CG_PAGE;
			}
			CG_EQ(g, "over the end", shared(g, &b, cg_buf_ptr(g, &b)), false);
			b.size = 2 * CG_PAGE;
			CG_EQ(g, "up to it", shared(g, &b, cg_buf_ptr(g, &b)), true);
			b.size++;
			CG_EQ(g, "by a byte", shared(g, &b, cg_buf_ptr(g, &b)), false);
			for (uint32_t i = 0; i < 3; i++)
				*cg_buf_entry(g, &b, i) = keep[i];
			cg_buf_free(g, &b);
		}
		cg_page_put(g, g->pages - 2);
	}
	cg_page_put(g, g->pages - 1);
}

const struct cg_scenario_entry cg_scenarios_edges[] = {
	CG_SCENARIO("62", "I2", s62_fault_g1_edges_of_ram_in_messages),
	CG_SCENARIO("62", "I2", s62_fault_g1_edges_of_ram_in_replies),
	CG_SCENARIO("62", "I2", s62_fault_g1_buffer_that_runs_over_the_end),
	CG_SCENARIOS_END
};

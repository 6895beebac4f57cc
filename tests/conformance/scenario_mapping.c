/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of what OP-TEE has to map for a guest: all that a call names, and all that
 * is allocated for OP-TEE meanwhile, whole. It has few translation tables for that, and
 * panics for every guest when they are used up; so more than its share is out of memory.
 */
#include "client.h"

#define ATTR_LIST (OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* An OPEN of a TA that is not there: one of several, which OP-TEE looks for side by side. */
static bool unknown_init(struct cg_call *c, struct cg_guest *g, uint32_t which)
{
	if (!cg_call_init(c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return false;
	cg_set_open(c, cg_uuid_unknown);
	cg_param(c, 0)->u.octets[15] = (uint8_t)which;
	return true;
}

/* Answers the pending SHM_ALLOC with a list that names one page n times, and goes on. */
static void offer(struct cg_call *c, uint32_t n)
{
	struct optee_msg_param *p = cg_rpc_param(c, 0);
	uint64_t type = p->u.value.a;
	struct cg_guest *g = c->g;
	struct cg_buf b;

	if (!CG_OK(g, "memory", cg_buf_repeat(g, &b, n) && cg_payload_add(g, type, &b))) {
		cg_rpc_hdr(c)->ret = TEEC_ERROR_OUT_OF_MEMORY;
	} else {
		p->attr = ATTR_LIST;
		p->u.tmem.buf_ptr = cg_buf_ptr(g, &b);
		p->u.tmem.size = b.size;
		p->u.tmem.shm_ref = b.cookie;
		cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	}
	cg_resume(c);
}

/* The first payload is for file names, and taken when OP-TEE asks for the TA at last. */
static bool offer_first(struct cg_call *c, uint32_t n)
{
	if (!CG_OK(c->g, "asks for memory", cg_until_cmd(c, OPTEE_RPC_CMD_SHM_ALLOC)))
		return false;
	offer(c, n);
	return cg_until_cmd(c, OPTEE_RPC_CMD_LOAD_TA);
}

/* The second one is for an image of this many pages. */
static bool offer_image(struct cg_call *c, uint32_t n)
{
	c->g->ta_size = n * CG_PAGE;
	if (!CG_OK(c->g, "asks for more", cg_until_cmd(c, OPTEE_RPC_CMD_SHM_ALLOC)))
		return false;
	offer(c, n);
	return cg_until_cmd(c, OPTEE_RPC_CMD_LOAD_TA);
}

static void end(struct cg_call *c, const char *what, uint32_t result)
{
	cg_finish(c);
	CG_EQ(c->g, what, cg_result(c), result);
	CG_EQ(c->g, "origin", cg_hdr(c)->ret_origin, TEEC_ORIGIN_TEE);
	cg_call_fini(c);
}

static void first_of(struct cg_guest *g, uint32_t n, bool fits)
{
	uint32_t allocs = g->served_shm_alloc;
	uint32_t frees = g->served_shm_free;
	struct cg_call c;

	if (!unknown_init(&c, g, 0))
		return;
	CG_EQ(g, "a payload is taken", offer_first(&c, n), fits);
	end(&c, "payload", fits ? TEEC_ERROR_ITEM_NOT_FOUND : TEEC_ERROR_OUT_OF_MEMORY);
	/* It, and what OP-TEE may have asked for when it did not get it. */
	CG_EQ(g, "and is to be freed",
	      g->served_shm_free - frees == 1 + g->served_shm_alloc - allocs, 1);
}

/* Asked for one page, the guest offers many. */
static void s61_fault_a1_payload_of_more_than_can_be_mapped(struct cg_guest *g)
{
	const uint32_t sizes[] = { cg_mapped_never(g), 2500, 3072, 4096, 8000 };

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i] < sizes[0])
			continue;
		first_of(g, sizes[i], false);
		first_of(g, cg_mapped_always(g), true);
	}
	cg_slots_are_free(g);
}

/* Of an honest guest with a TA this large OP-TEE itself asks for as much. */
static void s61_fault_a1_image_of_13_megabytes(struct cg_guest *g)
{
	uint32_t n = (13u << 20) / CG_PAGE;
	struct cg_call c;

	if (n < cg_mapped_never(g)) {
		cg_skip(g, "there is room for it");
		return;
	}
	if (unknown_init(&c, g, 0)) {
		CG_EQ(g, "a page is taken", offer_first(&c, 1), 1);
		CG_EQ(g, "the image is not", offer_image(&c, n), 0);
		end(&c, "image", TEEC_ERROR_OUT_OF_MEMORY);
	}
	g->ta_size = 0;
	first_of(g, 1, true);
	cg_slots_are_free(g);
}

static void s61_fault_a1_payloads_of_a_call_add_up(struct cg_guest *g)
{
	uint32_t half = cg_mapped_always(g) / 2;
	const uint32_t rest[] = { cg_mapped_always(g) - half, cg_mapped_never(g) - half };
	struct cg_call c;

	for (unsigned int i = 0; i < 2 && unknown_init(&c, g, 0); i++) {
		CG_EQ(g, "half is taken", offer_first(&c, half), 1);
		CG_EQ(g, "and the rest", offer_image(&c, rest[i]), !i);
		end(&c, "image", i ? TEEC_ERROR_OUT_OF_MEMORY : TEEC_ERROR_SECURITY);
		g->ta_size = 0;
	}
	cg_slots_are_free(g);
}

/* What the call itself names counts as well. */
static void s61_fault_a1_parameters_and_payloads_add_up(struct cg_guest *g)
{
	uint32_t half = cg_mapped_always(g) / 2;
	const uint32_t rest[] = { cg_mapped_always(g) - half, cg_mapped_never(g) - half };
	struct cg_call c;
	struct cg_buf b;

	if (!CG_OK(g, "memory", cg_buf_repeat(g, &b, half)))
		return;
	CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
	for (unsigned int i = 0; i < 2 && unknown_init(&c, g, 0); i++) {
		cg_hdr(&c)->num_params = 3;
		cg_set_rmem(&c, 2, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, b.cookie, 0, 1);
		CG_EQ(g, "the rest is taken", offer_first(&c, rest[i]), !i);
		end(&c, "payload", i ? TEEC_ERROR_OUT_OF_MEMORY : TEEC_ERROR_ITEM_NOT_FOUND);
	}
	CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
	cg_buf_free(g, &b);
	cg_slots_are_free(g);
}

/* Each call at its limit, as many as there are at once: the guest has one for all of them. */
static void s61_fault_a1_every_thread_at_its_limit(struct cg_guest *g)
{
	const struct cg_limits *l = &g->platform->limits;
	uint32_t all = l->mapped_pages ? l->mapped_pages : l->pages;
	uint32_t n = cg_mapped_always(g);
	uint32_t threads = cg_threads(g);
	struct cg_call calls[CG_MAX_CALLS];
	uint32_t used = 0;
	uint32_t i;

	for (i = 0; i < threads && unknown_init(&calls[i], g, i); i++) {
		bool taken = offer_first(&calls[i], n);

		if (i == 0)
			CG_EQ(g, "the first is taken", taken, true);
		cg_observe(g, taken);
		used += taken ? n : 0;
	}
	CG_OK(g, "never more than all calls may", used <= all);
	cg_finish_all(calls, i);
	while (i--)
		cg_call_fini(&calls[i]);
	first_of(g, n, true);
	cg_slots_are_free(g);
}

const struct cg_scenario_entry cg_scenarios_mapping[] = {
	CG_SCENARIO("61", "I5, I11", s61_fault_a1_payload_of_more_than_can_be_mapped),
	CG_SCENARIO("61", "I5, I11", s61_fault_a1_image_of_13_megabytes),
	CG_SCENARIO("61", "I5, I11", s61_fault_a1_payloads_of_a_call_add_up),
	CG_SCENARIO("61", "I5, I11", s61_fault_a1_parameters_and_payloads_add_up),
	CG_SCENARIO("61", "I5, I11", s61_fault_a1_every_thread_at_its_limit),
	CG_SCENARIOS_END
};

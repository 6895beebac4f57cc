/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of RPCs: their argument buffers, the cache of them, waiting.
 *
 * Calls are stopped at the RPC in question and answered by hand. Buffers that
 * OP-TEE asks for to put data in are in scenario_payload.c.
 */
#include "client.h"

static void answer_alloc(struct cg_call *c, uint64_t ipa, uint64_t cookie)
{
	c->x[1] = ipa >> 32;
	c->x[2] = (uint32_t)ipa;
	c->x[4] = cookie >> 32;
	c->x[5] = (uint32_t)cookie;
}

static uint64_t rpc_cookie(const struct cg_call *c)
{
	return (uint64_t)c->a[1] << 32 | c->a[2];
}

/* An OPEN_SESSION of a TA that is not there: needs RPCs, and no lock of a TA. */
static bool unknown_init(struct cg_call *c, struct cg_guest *g)
{
	if (!cg_call_init(c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return false;
	cg_set_open(c, cg_uuid_unknown);
	return true;
}

/* ---- the ordinary way ---- */

static void s44_time_by_every_way_to_call(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	for (unsigned int i = 0; i < 4 && cg_time_init(&c, g, session); i++) {
		uint32_t allocs = g->served_alloc;
		uint32_t frees = g->served_free;
		bool with_arg = i % 2 == 0;

		c.fid = with_arg ? OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG;
		CG_OK(g, "asks for the time", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
		CG_EQ(g, "num_params", cg_rpc_hdr(&c)->num_params, 1);
		CG_EQ(g, "attr", cg_rpc_param(&c, 0)->attr, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT);
		CG_EQ(g, "preset ret", cg_rpc_hdr(&c)->ret, TEEC_ERROR_GENERIC);
		CG_FINISH(&c, "result", TEEC_SUCCESS);
		CG_EQ(g, "seconds", cg_param(&c, 0)->u.value.a, 1500000000);
		CG_EQ(g, "milliseconds", cg_param(&c, 0)->u.value.b, 123);
		CG_EQ(g, "ALLOCs", g->served_alloc - allocs, with_arg);
		CG_EQ(g, "FREEs", g->served_free - frees, with_arg);
		cg_call_fini(&c);
	}
}

static void s44_refused_request_is_the_callers_error(struct cg_guest *g, uint32_t session)
{
	static const uint32_t codes[] = { TEEC_ERROR_GENERIC, TEEC_ERROR_NOT_SUPPORTED,
					  TEEC_ERROR_COMMUNICATION };
	struct cg_call c;

	for (unsigned int i = 0; i < 3 && cg_time_init(&c, g, session); i++) {
		CG_OK(g, "asks for the time", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
		cg_rpc_hdr(&c)->ret = codes[i];
		cg_resume(&c);
		CG_FINISH(&c, "result", codes[i]);
		CG_EQ(g, "origin", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
		cg_call_fini(&c);
	}
}

/* The reply is judged by what was asked, whatever the guest left beside it (I6). */
static void s42_scribbled_reply_is_judged_by_the_request(struct cg_guest *g)
{
	uint32_t session;
	struct cg_call c;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (unsigned int i = 0; i < 6 && cg_time_init(&c, g, session); i++) {
		struct optee_msg_hdr *rpc;

		if (!CG_OK(g, "asks", cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME))) {
			cg_call_fini(&c);
			break;
		}
		cg_serve(&c);
		rpc = cg_rpc_hdr(&c);
		switch (i) {
		case 0:
			rpc->cmd = OPTEE_RPC_CMD_SHM_ALLOC;
			break;
		case 1:
			rpc->num_params = 0xffffffff;
			break;
		case 2:
			rpc->num_params = 0;
			break;
		case 3:
			cg_rpc_param(&c, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT |
						    OPTEE_MSG_ATTR_NONCONTIG;
			break;
		case 4:
			cg_fill(rpc, 0xff, sizeof(*rpc));
			break;
		default:
			cg_fill(rpc, 0xff, CG_PAGE);
			break;
		}
		cg_resume(&c);
		cg_finish(&c);
		/* Whether such a reply is taken or refused, the call comes to its end. */
		CG_EQ(g, "ends", c.a[0], OPTEE_SMC_RETURN_OK);
		cg_observe(g, cg_hdr(&c)->ret);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	cg_slots_are_free(g);
}

/* ---- ALLOC replies that are no good ---- */

/*
 * A reply with this address: OP-TEE hears of a failure, the guest is asked to
 * free what it named, the call ends with an error.
 */
static void bad_alloc(struct cg_guest *g, uint32_t session, const char *what, uint64_t ipa)
{
	uint64_t cookie = cg_cookie(g);
	uint32_t frees = g->served_free;
	uint32_t page = cg_page_get(g);
	struct cg_call c;

	if (!CG_OK(g, "memory", page != CG_NO_PAGE))
		return;
	if (!cg_time_init(&c, g, session)) {
		cg_page_put(g, page);
		return;
	}
	CG_OK(g, "asks for a buffer", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
	cg_rpc_arg_add(g, cookie, page);
	answer_alloc(&c, ipa, cookie);
	cg_resume(&c);
	if (CG_OK(g, what, cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE)))
		CG_EQ(g, "free what was named", rpc_cookie(&c) == cookie, 1);
	cg_finish(&c);
	CG_EQ(g, "freed once", g->served_free - frees, 1);
	CG_EQ(g, what, cg_result(&c), TEEC_ERROR_OUT_OF_MEMORY);
	CG_EQ(g, "origin", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
	cg_rpc_arg_drop(g, cookie);
	cg_call_fini(&c);
}

static void bad_alloc_if(struct cg_guest *g, uint32_t session, const char *what, uint64_t ipa)
{
	uint64_t digest = g->verdict.digest;

	if (ipa)
		bad_alloc(g, session, what, ipa);
	else
		cg_unchecked(g);
	g->verdict.digest = digest;
}

static void s31_unusable_rpc_buffer_fails_in_optee_and_is_freed(struct cg_guest *g)
{
	const struct cg_platform *p = g->platform;
	uint32_t page = cg_page_get(g);
	uint64_t ipa = cg_page_ipa(g, page);
	uint32_t session;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	bad_alloc(g, session, "address 0", 0);
	bad_alloc(g, session, "8 off", ipa + 8);
	bad_alloc(g, session, "32 off", ipa + 32);
	bad_alloc(g, session, "half a page off", ipa + CG_PAGE / 2);
	bad_alloc(g, session, "1 off", ipa + 1);
	bad_alloc(g, session, "bit 52", ipa | 1ull << 52);
	bad_alloc(g, session, "end of the address space", ~(uint64_t)(CG_PAGE - 1));
	bad_alloc_if(g, session, "hole", p->hole_ipa);
	bad_alloc_if(g, session, "read-only", p->readonly_ipa);
	bad_alloc_if(g, session, "device", p->mmio_ipa);
	bad_alloc_if(g, session, "reserved memory", p->reserved_ipa);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	if (page != CG_NO_PAGE)
		cg_page_put(g, page);
	cg_slots_are_free(g);
}

/* The cookie of a live buffer: the new one is refused, the live one stays. */
static void s31_cookie_of_a_live_rpc_buffer_is_refused(struct cg_guest *g, uint32_t session)
{
	struct cg_call a;
	struct cg_call b;
	uint32_t page;

	page = cg_page_get(g);
	if (page != CG_NO_PAGE && cg_time_init(&a, g, session)) {
		CG_OK(g, "one is live", cg_until_cmd(&a, OPTEE_RPC_CMD_GET_TIME));
		if (unknown_init(&b, g)) {
			CG_OK(g, "another", cg_until(&b, OPTEE_SMC_RETURN_RPC_ALLOC));
			answer_alloc(&b, cg_page_ipa(g, page), rpc_cookie(&a));
			cg_resume(&b);
			cg_finish(&b);
			CG_EQ(g, "no FREE of the live one",
			      cg_rpc_arg_page(g, rpc_cookie(&a)) != CG_NO_PAGE, 1);
			CG_EQ(g, "fails", cg_result(&b), TEEC_ERROR_OUT_OF_MEMORY);
			cg_call_fini(&b);
		}
		CG_FINISH(&a, "the first goes on", TEEC_SUCCESS);
		CG_EQ(g, "seconds", cg_param(&a, 0)->u.value.a, 1500000000);
		cg_call_fini(&a);
	}
	if (page != CG_NO_PAGE)
		cg_page_put(g, page);
}

/* The message's own page as RPC buffer: it is shadowed twice, nobody is confused. */
static void s31_message_page_as_rpc_buffer(struct cg_guest *g, uint32_t session)
{
	uint64_t cookie = cg_cookie(g);
	struct cg_call c;

	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "asks for a buffer", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		cg_rpc_arg_add(g, cookie, c.page);
		answer_alloc(&c, c.where, cookie);
		cg_resume(&c);
		CG_OK(g, "uses it", cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
		CG_EQ(g, "FREE of it", rpc_cookie(&c) == cookie, 1);
		/* The server gives the page back, and then it is nobody's but ours. */
		cg_finish(&c);
		c.page = CG_NO_PAGE;
		CG_EQ(g, "ends", cg_result(&c), TEEC_SUCCESS);
		CG_EQ(g, "seconds", cg_param(&c, 0)->u.value.a, 1500000000);
		cg_call_fini(&c);
	}
}

static void s32_rpc_buffer_with_cookie_0_is_refused(struct cg_guest *g)
{
	uint32_t page = cg_page_get(g);
	uint32_t session;
	struct cg_call c;
	unsigned int i;

	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (i = 0; i < 40 && page != CG_NO_PAGE && cg_time_init(&c, g, session); i++) {
		uint32_t frees = g->served_free;

		CG_OK(g, "asks for a buffer", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		answer_alloc(&c, cg_page_ipa(g, page), 0);
		cg_resume(&c);
		CG_FINISH(&c, "fails", TEEC_ERROR_OUT_OF_MEMORY);
		CG_EQ(g, "nothing to free", g->served_free - frees, 0);
		cg_call_fini(&c);
	}
	if (page != CG_NO_PAGE)
		cg_page_put(g, page);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	cg_slots_are_free(g);
}

/* Linux gives a cookie to the next buffer while it still stands in the FREE. */
static void s33_cookie_is_forgotten_before_the_free_is_seen(struct cg_guest *g, uint32_t session)
{
	uint64_t cookie;
	struct cg_call a;
	struct cg_call b;
	uint32_t page;

	if (cg_time_init(&a, g, session)) {
		CG_OK(g, "at its FREE", cg_until(&a, OPTEE_SMC_RETURN_RPC_FREE));
		cookie = rpc_cookie(&a);
		cg_serve(&a);
		page = cg_page_get(g);
		if (unknown_init(&b, g)) {
			CG_OK(g, "another", cg_until(&b, OPTEE_SMC_RETURN_RPC_ALLOC));
			cg_rpc_arg_add(g, cookie, page);
			answer_alloc(&b, cg_page_ipa(g, page), cookie);
			cg_resume(&b);
			CG_OK(g, "takes the cookie", cg_until(&b, OPTEE_SMC_RETURN_RPC_CMD));
			CG_EQ(g, "and uses it", rpc_cookie(&b) == cookie, 1);
			CG_FINISH(&b, "ends", TEEC_ERROR_ITEM_NOT_FOUND);
			cg_call_fini(&b);
		}
		cg_resume(&a);
		CG_FINISH(&a, "the first ends", TEEC_SUCCESS);
		cg_call_fini(&a);
	}
}

/* ---- the cache of RPC argument buffers ---- */

static uint32_t drain_cache(struct cg_guest *g)
{
	uint32_t out[4];
	uint32_t n = 0;

	while (n < 64 && cg_fast(g, OPTEE_SMC_DISABLE_SHM_CACHE, 0, out) == OPTEE_SMC_RETURN_OK) {
		CG_OK(g, "a cookie of ours",
		      cg_rpc_arg_drop(g, (uint64_t)out[1] << 32 | out[2]));
		n++;
	}
	CG_EQ(g, "empty", out[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	return n;
}

static void s11_cache_keeps_buffers_until_it_is_drained(struct cg_guest *g)
{
	uint32_t session;
	struct cg_call c;

	CG_EQ(g, "nothing at first", drain_cache(g), 0);
	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (unsigned int round = 0; round < 3; round++) {
		uint32_t allocs = g->served_alloc;
		uint32_t frees = g->served_free;

		CG_EQ(g, "enable", cg_fast(g, OPTEE_SMC_ENABLE_SHM_CACHE, 0, NULL),
		      OPTEE_SMC_RETURN_OK);
		for (unsigned int i = 0; i < 5 && cg_time_init(&c, g, session); i++) {
			CG_DO(&c, "time", TEEC_SUCCESS);
			cg_call_fini(&c);
		}
		CG_EQ(g, "one ALLOC", g->served_alloc - allocs, 1);
		CG_EQ(g, "no FREE", g->served_free - frees, 0);
		CG_EQ(g, "one to give back", drain_cache(g), 1);
		CG_EQ(g, "once", drain_cache(g), 0);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
}

static void s11_drained_cookie_is_reusable_at_once(struct cg_guest *g, uint32_t session)
{
	uint64_t cookie = cg_cookie(g);
	struct cg_call c;

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t page = cg_page_get(g);

		CG_EQ(g, "enable", cg_fast(g, OPTEE_SMC_ENABLE_SHM_CACHE, 0, NULL),
		      OPTEE_SMC_RETURN_OK);
		if (page == CG_NO_PAGE || !cg_time_init(&c, g, session))
			break;
		CG_OK(g, "asks for a buffer", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		cg_rpc_arg_add(g, cookie, page);
		answer_alloc(&c, cg_page_ipa(g, page), cookie);
		cg_resume(&c);
		CG_FINISH(&c, "time", TEEC_SUCCESS);
		cg_call_fini(&c);
		CG_EQ(g, "one to give back", drain_cache(g), 1);
	}
}

static void s11_cache_is_busy_while_a_call_is_in_flight(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (cg_time_init(&c, g, session)) {
		CG_OK(g, "suspended", cg_until(&c, OPTEE_SMC_RETURN_RPC_ALLOC));
		CG_EQ(g, "disable", cg_fast(g, OPTEE_SMC_DISABLE_SHM_CACHE, 0, NULL),
		      OPTEE_SMC_RETURN_EBUSY);
		CG_EQ(g, "enable", cg_fast(g, OPTEE_SMC_ENABLE_SHM_CACHE, 0, NULL),
		      OPTEE_SMC_RETURN_EBUSY);
		CG_FINISH(&c, "ends", TEEC_SUCCESS);
		cg_call_fini(&c);
	}
	CG_EQ(g, "disable", drain_cache(g), 0);
}

/* A cached buffer in the way of a call that brings its own: freed first. */
static void s33_inline_argument_takes_the_place_of_a_cached_buffer(struct cg_guest *g)
{
	uint32_t session;
	uint32_t frees;
	struct cg_call c;

	CG_EQ(g, "enable", cg_fast(g, OPTEE_SMC_ENABLE_SHM_CACHE, 0, NULL), OPTEE_SMC_RETURN_OK);
	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	if (cg_time_init(&c, g, session)) {
		CG_DO(&c, "by cookie", TEEC_SUCCESS);
		frees = g->served_free;
		c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
		CG_DO(&c, "inline", TEEC_SUCCESS);
		CG_EQ(g, "FREE", g->served_free - frees, 1);
		c.fid = OPTEE_SMC_CALL_WITH_ARG;
		CG_DO(&c, "by cookie again", TEEC_SUCCESS);
		cg_call_fini(&c);
	}
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	CG_EQ(g, "drained", drain_cache(g), 1);
}

/* ---- waiting for each other ---- */

static void s44_two_calls_take_turns_on_a_mutex(struct cg_guest *g)
{
	uint32_t sessions[2];
	struct cg_call calls[2];
	uint32_t n;

	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &sessions[0]), TEEC_SUCCESS);
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &sessions[1]), TEEC_SUCCESS);
	for (n = 0; n < 2; n++) {
		if (!cg_call_init(&calls[n], g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
			break;
		cg_hdr(&calls[n])->session = sessions[n];
		cg_hdr(&calls[n])->func = CG_INVOKE_MUTEX;
		/* First a writer that takes its time, then a reader that has to wait. */
		cg_set_value(&calls[n], 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, n,
			     n ? 10 : 300000, 0);
		cg_set_value(&calls[n], 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
	}
	/* Where no interrupt comes they run one after the other: just as good. */
	for (uint32_t i = 0; i < n; i++)
		cg_start(&calls[i]);
	cg_finish_all(calls, n);
	for (uint32_t i = 0; i < n; i++) {
		CG_EQ(g, "ends", cg_result(&calls[i]), TEEC_SUCCESS);
		cg_call_fini(&calls[i]);
	}
	CG_EQ(g, "close", cg_close(g, sessions[1]), TEEC_SUCCESS);
	CG_EQ(g, "close", cg_close(g, sessions[0]), TEEC_SUCCESS);
}

const struct cg_scenario_entry cg_scenarios_rpc[] = {
	CG_IN_SESSION("44", "", cg_uuid_stats, s44_time_by_every_way_to_call),
	CG_IN_SESSION("44", "", cg_uuid_stats, s44_refused_request_is_the_callers_error),
	CG_SCENARIO_IF(cg_lacks_calls, "44", "", s44_two_calls_take_turns_on_a_mutex),
	CG_SCENARIO("42", "I6", s42_scribbled_reply_is_judged_by_the_request),
	CG_SCENARIO("31", "I2, I8", s31_unusable_rpc_buffer_fails_in_optee_and_is_freed),
	CG_IN_SESSION_IF(cg_lacks_calls, "31", "I7", cg_uuid_stats,
			 s31_cookie_of_a_live_rpc_buffer_is_refused),
	CG_IN_SESSION("31", "I7", cg_uuid_stats, s31_message_page_as_rpc_buffer),
	CG_SCENARIO("32", "I8", s32_rpc_buffer_with_cookie_0_is_refused),
	CG_IN_SESSION_IF(cg_lacks_calls, "33", "I7", cg_uuid_stats,
			 s33_cookie_is_forgotten_before_the_free_is_seen),
	CG_SCENARIO("33", "I7", s33_inline_argument_takes_the_place_of_a_cached_buffer),
	CG_SCENARIO("11", "I7", s11_cache_keeps_buffers_until_it_is_drained),
	CG_IN_SESSION("11", "I7", cg_uuid_stats, s11_drained_cookie_is_reusable_at_once),
	CG_IN_SESSION("11", "", cg_uuid_stats, s11_cache_is_busy_while_a_call_is_in_flight),
	CG_SCENARIOS_END
};

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of the registry: cookies, and what is inside of a buffer.
 *
 * REGISTER, UNREGISTER and the RMEM parameters that name what was registered.
 */
#include "client.h"

#define REGISTER_ATTR (OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* ---- REGISTER ---- */

static void bad_register(struct cg_guest *g, const char *what, uint64_t attr, uint64_t ptr,
			 uint64_t size, uint64_t cookie)
{
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1))
		return;
	cg_set_value(&c, 0, attr, ptr, size, cookie);
	cg_do(&c);
	CG_REFUSED(&c, what, TEEC_ERROR_BAD_PARAMETERS);
	cg_call_fini(&c);
}

static void s54_malformed_registrations_are_refused(struct cg_guest *g, uint32_t session)
{
	static const uint64_t attrs[] = { 0, 1, 2, 3, 5, 6, 7, 9, 0xa, 0xb, 0x209, 0x20b, 0x30a,
					  0x60a, 0x10000020aull, 0x20f, 0x201 };
	struct cg_buf b;
	uint64_t ptr;
	uint8_t sum;

	if (CG_OK(g, "memory", cg_buf_make(g, &b, 2 * CG_PAGE, 0))) {
		ptr = cg_buf_ptr(g, &b);
		for (unsigned int i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
			bad_register(g, "attr", attrs[i], ptr, b.size, b.cookie);
		bad_register(g, "no list", REGISTER_ATTR, 0, b.size, b.cookie);
		bad_register(g, "list at an offset only", REGISTER_ATTR, 8, b.size, b.cookie);
		bad_register(g, "cookie 0", REGISTER_ATTR, ptr, b.size, 0);

		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		for (unsigned int i = 0; i < 200; i++)
			bad_register(g, "live cookie", REGISTER_ATTR, ptr, b.size, b.cookie);
		*cg_buf_at(g, &b, 0) = 0;
		*cg_buf_at(g, &b, 1) = 77;
		CG_EQ(g, "and is still there", cg_sum(g, session, &b, 0, 2, &sum), TEEC_SUCCESS);
		CG_EQ(g, "sum", sum, 77);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		CG_EQ(g, "its cookie is free again", cg_register(g, &b), TEEC_SUCCESS);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b);
	}
}

static void s54_any_cookie_but_0_will_do(struct cg_guest *g, uint32_t session)
{
	static const uint64_t cookies[] = { 1, 2, 0xffffffff, 0x100000000ull, 0xffffffff00000000ull,
					    0x8000000000000000ull, ~0ull, ~0ull - 1 };
	struct cg_buf b;
	uint8_t sum;

	if (CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0))) {
		for (unsigned int i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
			b.cookie = cookies[i];
			CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		}
		/* All at once: none is taken for another. */
		for (unsigned int i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
			b.cookie = cookies[i];
			*cg_buf_at(g, &b, i) = (uint8_t)(i + 1);
			CG_EQ(g, "use", cg_sum(g, session, &b, i, 1, &sum), TEEC_SUCCESS);
			CG_EQ(g, "sum", sum, i + 1);
			CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
			CG_EQ(g, "gone", cg_sum(g, session, &b, i, 1, &sum),
			      TEEC_ERROR_BAD_PARAMETERS);
		}
		cg_buf_free(g, &b);
	}
}

/* ---- UNREGISTER ---- */

static void s55_unregister_counts_once(struct cg_guest *g)
{
	struct cg_buf b;
	struct cg_call c;

	if (!CG_OK(g, "memory", cg_buf_make(g, &b, 3 * CG_PAGE, 5)))
		return;
	CG_EQ(g, "never registered", cg_unregister(g, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
	CG_EQ(g, "cookie 0", cg_unregister(g, 0), TEEC_ERROR_BAD_PARAMETERS);
	for (unsigned int i = 0; i < 20; i++) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		CG_EQ(g, "again", cg_unregister(g, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
	}
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1)) {
		cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, b.cookie, 0, 0);
		cg_do(&c);
		CG_REFUSED(&c, "unknown", TEEC_ERROR_BAD_PARAMETERS);
		cg_call_fini(&c);
	}
	cg_buf_free(g, &b);
}

/* Buffers of every age, given back in another order than they were made. */
static void s55_many_buffers_come_and_go(struct cg_guest *g)
{
	struct cg_buf b[12];
	uint64_t seed = 0x55;
	bool live[12] = { false };
	uint32_t n;

	for (n = 0; n < 12; n++)
		if (!CG_OK(g, "memory", cg_buf_make(g, &b[n], 100 + 3000 * n, 17 * n)))
			break;
	for (uint32_t i = 0; n && i < 300; i++) {
		uint32_t k = (uint32_t)(cg_random(&seed) >> 32) % n;

		if (live[k])
			CG_EQ(g, "unregister", cg_unregister(g, b[k].cookie), TEEC_SUCCESS);
		else
			CG_EQ(g, "register", cg_register(g, &b[k]), TEEC_SUCCESS);
		live[k] = !live[k];
	}
	while (n--) {
		if (live[n])
			CG_EQ(g, "unregister", cg_unregister(g, b[n].cookie), TEEC_SUCCESS);
		cg_buf_free(g, &b[n]);
	}
}

/* ---- RMEM ---- */

static void bad_rmem(struct cg_guest *g, uint32_t session, const char *what, uint64_t cookie,
		     uint64_t offs, uint64_t size, uint32_t ret)
{
	static const uint64_t attrs[] = { OPTEE_MSG_ATTR_TYPE_RMEM_INPUT,
					  OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT,
					  OPTEE_MSG_ATTR_TYPE_RMEM_INOUT };
	struct cg_call c;

	for (unsigned int i = 0; i < 3 && cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS); i++) {
		cg_set_rmem(&c, i, attrs[i], cookie, offs, size);
		cg_do(&c);
		CG_REFUSED(&c, what, ret);
		cg_call_fini(&c);
	}
}

static void s56_rmem_stays_inside_of_its_buffer(struct cg_guest *g, uint32_t session)
{
	struct cg_buf b;
	uint8_t want;
	uint8_t sum;
	uint64_t size = 9000;

	if (CG_OK(g, "memory", cg_buf_make(g, &b, size, 200))) {
		CG_EQ(g, "register", cg_register(g, &b), TEEC_SUCCESS);
		bad_rmem(g, session, "one too many", b.cookie, 0, size + 1, TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "a page too far", b.cookie, CG_PAGE, size,
			 TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "beyond the last page", b.cookie, 4 * CG_PAGE, 1,
			 TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "behind the end", b.cookie, size, 1, TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "offs wraps", b.cookie, ~0ull, 1, TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "offs wraps to 1", b.cookie, ~0ull, 2, TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "size wraps", b.cookie, 1, ~0ull, TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "all ones", b.cookie, ~0ull, ~0ull, TEEC_ERROR_SECURITY);
		bad_rmem(g, session, "half and half", b.cookie, 1ull << 63, 1ull << 63,
			 TEEC_ERROR_SECURITY);
		want = cg_buf_pattern(g, &b, 1);
		CG_EQ(g, "all of it", cg_sum(g, session, &b, 0, size, &sum), TEEC_SUCCESS);
		CG_EQ(g, "sum", sum, want);
		CG_EQ(g, "unregister", cg_unregister(g, b.cookie), TEEC_SUCCESS);
		bad_rmem(g, session, "gone", b.cookie, 0, 1, TEEC_ERROR_BAD_PARAMETERS);
		cg_buf_free(g, &b);
	}
}

static void s56_rmem_names_only_registered_buffers(struct cg_guest *g, uint32_t session)
{
	uint64_t attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	struct cg_call c;
	struct cg_buf b;

	bad_rmem(g, session, "unknown", 0x1234567812345678ull, 0, 16, TEEC_ERROR_BAD_PARAMETERS);
	bad_rmem(g, session, "0: a message's own", 0, 0, 16, TEEC_ERROR_BAD_PARAMETERS);
	bad_rmem(g, session, "all ones", ~0ull, 0, 16, TEEC_ERROR_BAD_PARAMETERS);
	if (CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0))) {
		/* A temporary buffer's: in the same call, and after it. */
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			cg_set_tmem(&c, 0, attr, &b);
			cg_set_rmem(&c, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b.cookie, 0, 16);
			cg_do(&c);
			CG_REFUSED(&c, "of a temporary buffer", TEEC_ERROR_BAD_PARAMETERS);
			cg_call_fini(&c);
		}
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			cg_set_tmem(&c, 0, attr, &b);
			CG_DO(&c, "temporary", TEEC_SUCCESS);
			cg_call_fini(&c);
		}
		bad_rmem(g, session, "of one that was", b.cookie, 0, 16,
			 TEEC_ERROR_BAD_PARAMETERS);
		CG_EQ(g, "nor to unregister", cg_unregister(g, b.cookie),
		      TEEC_ERROR_BAD_PARAMETERS);
		cg_buf_free(g, &b);
	}
}

/* A temporary buffer under the cookie of a registered one: neither disturbs the other (I7). */
static void s56_temporary_buffer_under_a_live_cookie(struct cg_guest *g, uint32_t session)
{
	uint64_t attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	struct cg_buf reg;
	struct cg_buf tmp;
	struct cg_call c;
	uint8_t want;
	uint8_t sum;

	if (!CG_OK(g, "memory", cg_buf_make(g, &reg, 700, 0)))
		return;
	if (CG_OK(g, "memory", cg_buf_make(g, &tmp, 900, 0))) {
		CG_EQ(g, "register", cg_register(g, &reg), TEEC_SUCCESS);
		tmp.cookie = reg.cookie;
		want = cg_buf_pattern(g, &tmp, 3);
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			cg_set_tmem(&c, 0, attr, &tmp);
			CG_DO(&c, "temporary", TEEC_SUCCESS);
			CG_EQ(g, "its own data", *cg_buf_at(g, &tmp, 0), want);
			cg_call_fini(&c);
		}
		want = cg_buf_pattern(g, &reg, 4);
		CG_EQ(g, "registered", cg_sum(g, session, &reg, 0, 700, &sum), TEEC_SUCCESS);
		CG_EQ(g, "its own data", sum, want);
		CG_EQ(g, "unregister", cg_unregister(g, reg.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &tmp);
	}
	cg_buf_free(g, &reg);
}

/* While a call waits: its RPC buffer and its payload are nobody's shared memory. */
static void s56_rmem_of_rpc_buffers_is_unknown(struct cg_guest *g, uint32_t session)
{
	uint64_t rpc_cookie;
	uint64_t payload;
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return;
	cg_set_open(&c, cg_uuid_unknown);
	if (CG_OK(g, "uses a payload", cg_until_cmd(&c, OPTEE_RPC_CMD_FS))) {
		rpc_cookie = (uint64_t)c.a[1] << 32 | c.a[2];
		payload = cg_rpc_param(&c, 1)->u.rmem.shm_ref;
		bad_rmem(g, session, "RPC buffer", rpc_cookie, 0, 16, TEEC_ERROR_BAD_PARAMETERS);
		CG_EQ(g, "unregister RPC buffer", cg_unregister(g, rpc_cookie),
		      TEEC_ERROR_BAD_PARAMETERS);
		CG_EQ(g, "unregister payload", cg_unregister(g, payload),
		      TEEC_ERROR_BAD_PARAMETERS);
	}
	CG_FINISH(&c, "ends", TEEC_ERROR_ITEM_NOT_FOUND);
	cg_call_fini(&c);
}

/*
 * The mediator may stop while it translates: a buffer that the call names has been
 * checked then, and OP-TEE has not seen it yet. What is checked is what is used.
 */
static void s56_buffer_unregistered_before_the_call_reaches_optee(struct cg_guest *g, uint32_t session)
{
	uint64_t attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG;
	uint64_t result = TEEC_SUCCESS;
	struct cg_buf reg;
	struct cg_buf tmp;
	struct cg_call c;

	if (!CG_OK(g, "memory", cg_buf_make(g, &reg, CG_PAGE, 0)))
		return;
	if (CG_OK(g, "memory", cg_buf_make(g, &tmp, 100 * CG_PAGE, 0))) {
		CG_EQ(g, "register", cg_register(g, &reg), TEEC_SUCCESS);
		if (cg_invoke_init(&c, g, session, CG_INVOKE_PARAMS)) {
			struct cg_call u;

			cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, reg.cookie, 0, 64);
			cg_set_tmem(&c, 1, attr, &tmp);
			cg_start(&c);
			if (cg_call_init(&u, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1)) {
				struct cg_call both[2];

				/* It may have to wait for the other, so both go on in turn. */
				cg_set_rmem(&u, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, reg.cookie, 0, 0);
				cg_start(&u);
				cg_copy(&both[0], &u, sizeof(u));
				cg_copy(&both[1], &c, sizeof(c));
				cg_finish_all(both, 2);
				result = cg_result(&both[0]);
				CG_OK(g, "unregistered, or not while it is in use",
				      result == TEEC_SUCCESS || result == TEEC_ERROR_BUSY);
				cg_call_fini(&both[0]);
				cg_copy(&c, &both[1], sizeof(c));
			}
			/* The TA does not take these two; what counts is who says so. */
			CG_EQ(g, "the call ends", cg_result(&c), TEEC_ERROR_BAD_PARAMETERS);
			CG_IS(g, "at the TA", cg_hdr(&c)->ret_origin, TEEC_ORIGIN_TRUSTED_APP);
			cg_call_fini(&c);
		}
		if (result != TEEC_SUCCESS)
			CG_EQ(g, "unregister", cg_unregister(g, reg.cookie), TEEC_SUCCESS);
		cg_buf_free(g, &tmp);
	}
	cg_buf_free(g, &reg);
}

static void s57_another_guests_cookie_is_unknown(struct cg_guest *g)
{
	uint64_t cookie = g->platform->foreign_cookie;
	uint32_t session;

	if (!cookie) {
		cg_skip(g, "the platform has no other guest");
		return;
	}
	CG_EQ(g, "open", cg_open(g, cg_uuid_invoke, &session), TEEC_SUCCESS);
	bad_rmem(g, session, "foreign", cookie, 0, 1, TEEC_ERROR_BAD_PARAMETERS);
	CG_EQ(g, "close", cg_close(g, session), TEEC_SUCCESS);
	CG_EQ(g, "unregister", cg_unregister(g, cookie), TEEC_ERROR_BAD_PARAMETERS);
}

const struct cg_scenario_entry cg_scenarios_registry[] = {
	CG_IN_SESSION("54", "I7", cg_uuid_invoke, s54_malformed_registrations_are_refused),
	CG_IN_SESSION("54", "", cg_uuid_invoke, s54_any_cookie_but_0_will_do),
	CG_SCENARIO("55", "I7", s55_unregister_counts_once),
	CG_SCENARIO("55", "I5", s55_many_buffers_come_and_go),
	CG_IN_SESSION("56", "I2, I7", cg_uuid_invoke, s56_rmem_stays_inside_of_its_buffer),
	CG_IN_SESSION("56", "I7", cg_uuid_invoke, s56_rmem_names_only_registered_buffers),
	CG_IN_SESSION("56", "I7", cg_uuid_invoke, s56_temporary_buffer_under_a_live_cookie),
	CG_IN_SESSION_IF(cg_lacks_calls, "56", "I7", cg_uuid_invoke,
			 s56_rmem_of_rpc_buffers_is_unknown),
	CG_IN_SESSION_IF(cg_lacks_calls, "56", "I7", cg_uuid_invoke,
			 s56_buffer_unregistered_before_the_call_reaches_optee),
	CG_SCENARIO("57", "I11", s57_another_guests_cookie_is_unknown),
	CG_SCENARIOS_END
};

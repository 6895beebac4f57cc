/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of fast calls: what a guest is told, and what it may not ask for.
 *
 * Each row of the table of fast calls in docs/design.md that a guest can reach. No
 * message is involved, except to show that OP-TEE still works afterwards.
 */
#include "client.h"

/* What Linux asks when it probes, in its order. */
static void s07_linux_probe_finds_optee(struct cg_guest *g)
{
	uint32_t out[4];

	cg_fast(g, OPTEE_SMC_CALLS_UID, 0, out);
	CG_EQ(g, "uid 0", out[0], OPTEE_MSG_UID_0);
	CG_EQ(g, "uid 1", out[1], OPTEE_MSG_UID_1);
	CG_EQ(g, "uid 2", out[2], OPTEE_MSG_UID_2);
	CG_EQ(g, "uid 3", out[3], OPTEE_MSG_UID_3);
	CG_EQ(g, "major revision", cg_fast(g, OPTEE_SMC_CALLS_REVISION, 0, out),
	      OPTEE_MSG_REVISION_MAJOR);
	CG_EQ(g, "minor revision", out[1], 0);

	CG_EQ(g, "thread count", cg_fast(g, OPTEE_SMC_GET_THREAD_COUNT, 0, out),
	      OPTEE_SMC_RETURN_OK);
	CG_OK(g, "at least a thread", out[1] >= 1);
	CG_OK(g, "no more threads than calls", out[1] <= g->platform->limits.threads);
	if (g->platform->secure_threads) {
		uint32_t want = g->platform->secure_threads;

		if (want > g->platform->limits.threads)
			want = g->platform->limits.threads;
		CG_IS(g, "the smaller of both", out[1], want);
	} else {
		cg_unchecked(g);
	}

	cg_fast(g, OPTEE_SMC_GET_OS_UUID, 0, out);
	CG_EQ(g, "OS uuid 0", out[0], 0x486178e0);
	CG_EQ(g, "OS uuid 1", out[1], 0xe7f811e3);
	CG_EQ(g, "OS uuid 2", out[2], 0xbc5e0002);
	CG_EQ(g, "OS uuid 3", out[3], 0xa5d5c51b);
	/* Major and minor of the OS differ from one to the other. */
	CG_OK(g, "OS major", cg_fast(g, OPTEE_SMC_GET_OS_REVISION, 0, out) < 100);
	CG_OK(g, "count of calls", cg_fast(g, OPTEE_SMC_CALLS_COUNT, 0, NULL) > 0);
}

static void s07_only_the_low_half_of_the_id_counts(struct cg_guest *g)
{
	static const uint64_t ids[] = {
		OPTEE_SMC_CALLS_UID | 0xffffffff00000000ull,
		OPTEE_SMC_CALLS_UID | 0x0000000100000000ull,
		OPTEE_SMC_CALLS_UID | SMCCC_FID_SVE_HINT,
		OPTEE_SMC_CALLS_UID | SMCCC_FID_SVE_HINT | 0xdeadbeef00000000ull,
	};

	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		uint64_t x[8] = { ids[i], 0, 0, 0, 0, 0, 0, 0 };

		cg_smc(g, 0, x);
		CG_EQ(g, "uid 0", x[0], OPTEE_MSG_UID_0);
		CG_EQ(g, "uid 3", x[3], OPTEE_MSG_UID_3);
	}
}

static void s07_yielding_id_with_garbage_above(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;
	uint64_t a = 2;

	if (cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4)) {
		uint64_t x[8] = { OPTEE_SMC_CALL_WITH_ARG | SMCCC_FID_SVE_HINT | 5ull << 32,
				  c.where >> 32 | 0xfeed00000000ull,
				  (uint32_t)c.where | 0xfeed00000000ull, 0, 0, 0, 0, 0 };

		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = CG_INVOKE_PARAMS;
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 40, 2, 0);
		cg_smc(g, 0, x);
		/* It may have been interrupted: only then is it no OK. */
		if ((uint32_t)x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR) {
			uint64_t y[8] = { OPTEE_SMC_RETURN_FROM_RPC | 1ull << 40, 0, 0,
					  x[3] | 1ull << 63, 0, 0, 0, 0 };

			do {
				cg_copy(x, y, sizeof(x));
				cg_smc(g, 0, x);
			} while ((uint32_t)x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		}
		CG_EQ(g, "a0", x[0], OPTEE_SMC_RETURN_OK);
		CG_EQ(g, "sum", cg_param(&c, 0)->u.value.a, 42);
		cg_call_fini(&c);
	}
	CG_EQ(g, "the same as ever", cg_add(g, session, &a, 3), TEEC_SUCCESS);
	CG_EQ(g, "2 + 3", a, 5);
}

static bool is_known(uint32_t fid)
{
	static const uint32_t known[] = {
		OPTEE_SMC_CALLS_COUNT, OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALLS_REVISION,
		OPTEE_SMC_GET_OS_UUID, OPTEE_SMC_GET_OS_REVISION, OPTEE_SMC_GET_SHM_CONFIG,
		OPTEE_SMC_EXCHANGE_CAPABILITIES, OPTEE_SMC_DISABLE_SHM_CACHE,
		OPTEE_SMC_ENABLE_SHM_CACHE, OPTEE_SMC_GET_THREAD_COUNT,
		OPTEE_SMC_ENABLE_ASYNC_NOTIF, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE,
		OPTEE_SMC_RETURN_FROM_RPC, OPTEE_SMC_CALL_WITH_ARG,
		OPTEE_SMC_CALL_WITH_RPC_ARG, OPTEE_SMC_CALL_WITH_REGD_ARG,
	};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == (fid & ~SMCCC_FID_SVE_HINT))
			return true;
	return false;
}

static void expect_unknown(struct cg_guest *g, const char *what, uint32_t fid)
{
	uint64_t x[8] = { fid, 1, 0x1000, 0, 0, 0, 0, 0 };
	bool wide = fid & SMCCC_FID_SMC64;

	cg_smc(g, 0, x);
	CG_EQ(g, what, x[0], wide ? ~0ull : 0xffffffffull);
}

static void s08_functions_of_the_hypervisor_are_unknown(struct cg_guest *g)
{
	expect_unknown(g, "VM_CREATED", OPTEE_SMC_VM_CREATED);
	expect_unknown(g, "VM_DESTROYED", OPTEE_SMC_VM_DESTROYED);
	expect_unknown(g, "BOOT_SECONDARY", OPTEE_SMC_BOOT_SECONDARY);
	expect_unknown(g, "L2CC_MUTEX", OPTEE_SMC_L2CC_MUTEX);
	expect_unknown(g, "GET_PROTMEM_CONFIG", OPTEE_SMC_GET_PROTMEM_CONFIG);
	expect_unknown(g, "LOAD_IMAGE", OPTEE_SMC_LOAD_IMAGE);
	expect_unknown(g, "VM_DESTROYED, SVE hint", OPTEE_SMC_VM_DESTROYED | SMCCC_FID_SVE_HINT);
	/* This guest still exists. */
	CG_OK(g, "thread count", cg_threads(g) > 0);
}

static void s08_every_other_id_is_unknown(struct cg_guest *g)
{
	static const uint32_t kinds[] = { 0x00000000, 0x40000000, 0x80000000, 0xc0000000 };
	static const uint32_t numbers[] = { 0x15, 0x20, 0xff, 0x100, 0x2020, 0x8000, 0xfeff,
					    0xff00, 0xff02, 0xff04, 0xffff };

	for (uint32_t owner = SMCCC_OWNER_TRUSTED_APP; owner <= SMCCC_OWNER_LAST; owner++) {
		for (unsigned int k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			uint32_t base = kinds[k] | owner << SMCCC_FID_OWNER_SHIFT;

			for (uint32_t n = 0; n < 0x18; n++)
				if (!is_known(base | n))
					expect_unknown(g, "an id in the range", base | n);
			for (uint32_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
				if (!is_known(base | numbers[n]))
					expect_unknown(g, "an id above", base | numbers[n]);
		}
	}
}

static void s09_forged_client_id_is_ignored(struct cg_guest *g, uint32_t session)
{
	static const uint64_t forged[] = { 0, 1, 2, 3, 0xffff, 0x10000, ~0ull };
	struct cg_call c;

	for (unsigned int i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		uint64_t x[8] = { OPTEE_SMC_CALL_WITH_ARG, 0, 0, 0, 0, 0, 0, forged[i] };

		if (!cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
			break;
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = CG_INVOKE_PARAMS;
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, i, 7, 0);
		x[1] = c.where >> 32;
		x[2] = (uint32_t)c.where;
		cg_smc(g, 0, x);
		while ((uint32_t)x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR) {
			x[0] = OPTEE_SMC_RETURN_FROM_RPC;
			x[7] = forged[i];
			cg_smc(g, 0, x);
		}
		/* The session is this guest's own, so it was this guest that called. */
		CG_EQ(g, "a0", x[0], OPTEE_SMC_RETURN_OK);
		CG_EQ(g, "ret", cg_hdr(&c)->ret, TEEC_SUCCESS);
		CG_EQ(g, "sum", cg_param(&c, 0)->u.value.a, i + 7);
		cg_call_fini(&c);
	}
}

static void s10_capabilities_are_filtered_both_ways(struct cg_guest *g)
{
	static const uint64_t offered[] = { 0, 1, 2, 0xfffffffe, 0xffffffff,
					    0xdeadbeef00000001ull };
	uint32_t hidden = OPTEE_SMC_SEC_CAP_RESERVED_SHM | OPTEE_SMC_SEC_CAP_VIRTUALIZATION |
			  OPTEE_SMC_SEC_CAP_PROTMEM | OPTEE_SMC_SEC_CAP_DYNAMIC_PROTMEM;
	uint32_t first = 0;
	uint32_t out[4];

	for (unsigned int i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		CG_EQ(g, "a0", cg_fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, offered[i], out),
		      OPTEE_SMC_RETURN_OK);
		if (i == 0)
			first = out[1];
		CG_IS(g, "the same whatever is said", out[1], first);
		CG_EQ(g, "hidden", out[1] & hidden, 0);
		CG_EQ(g, "unknown bits", out[1] >> 10, 0);
		CG_EQ(g, "dynamic shm", out[1] & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM,
		      OPTEE_SMC_SEC_CAP_DYNAMIC_SHM);
		CG_EQ(g, "NULL memrefs", out[1] & OPTEE_SMC_SEC_CAP_MEMREF_NULL,
		      OPTEE_SMC_SEC_CAP_MEMREF_NULL);
		CG_EQ(g, "RPC arg", out[1] & OPTEE_SMC_SEC_CAP_RPC_ARG,
		      OPTEE_SMC_SEC_CAP_RPC_ARG);
		CG_EQ(g, "RPC params", out[3] & 0xff, OPTEE_MSG_RPC_PARAMS);
		CG_IS(g, "async notification",
		      !!(out[1] & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF),
		      !!(g->platform->flags & CG_ASYNC_NOTIF));
	}
}

static void s12_no_reserved_memory_for_guests(struct cg_guest *g)
{
	uint32_t out[4];

	CG_EQ(g, "a0", cg_fast(g, OPTEE_SMC_GET_SHM_CONFIG, 0, out),
	      OPTEE_SMC_RETURN_ENOTAVAIL);
}

static void s10_async_notification_on_offer(struct cg_guest *g)
{
	uint32_t out[4];
	struct cg_call c;

	if (!(g->platform->flags & CG_ASYNC_NOTIF)) {
		cg_skip(g, "asynchronous notification is not offered");
		return;
	}
	CG_EQ(g, "enable", cg_fast(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, NULL),
	      OPTEE_SMC_RETURN_OK);
	CG_EQ(g, "again", cg_fast(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, NULL),
	      OPTEE_SMC_RETURN_OK);
	CG_EQ(g, "value", cg_fast(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, out),
	      OPTEE_SMC_RETURN_OK);
	CG_OK(g, "flags", (out[2] & ~(OPTEE_SMC_ASYNC_NOTIF_VALID |
				      OPTEE_SMC_ASYNC_NOTIF_PENDING)) == 0);
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_DO_BOTTOM_HALF, 0)) {
		cg_do(&c);
		CG_EQ(g, "bottom half", c.a[0], OPTEE_SMC_RETURN_OK);
		cg_call_fini(&c);
	}
	if (cg_call_init(&c, g, OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, 0)) {
		cg_do(&c);
		CG_EQ(g, "stop", c.a[0], OPTEE_SMC_RETURN_OK);
		cg_call_fini(&c);
	}
	CG_EQ(g, "enable after stop", cg_fast(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, NULL),
	      OPTEE_SMC_RETURN_OK);
}

static void s10_async_notification_hidden(struct cg_guest *g)
{
	if (g->platform->flags & CG_ASYNC_NOTIF) {
		cg_skip(g, "asynchronous notification is offered");
		return;
	}
	expect_unknown(g, "enable", OPTEE_SMC_ENABLE_ASYNC_NOTIF);
	expect_unknown(g, "value", OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
}

const struct cg_scenario_entry cg_scenarios_fast[] = {
	CG_SCENARIO("7", "I10", s07_linux_probe_finds_optee),
	CG_SCENARIO("7", "I10", s07_only_the_low_half_of_the_id_counts),
	CG_IN_SESSION("7", "I10", cg_uuid_invoke, s07_yielding_id_with_garbage_above),
	CG_SCENARIO("8", "I8", s08_functions_of_the_hypervisor_are_unknown),
	CG_SCENARIO("8", "I8", s08_every_other_id_is_unknown),
	CG_IN_SESSION("9", "I10", cg_uuid_invoke, s09_forged_client_id_is_ignored),
	CG_SCENARIO("10", "I8", s10_capabilities_are_filtered_both_ways),
	CG_SCENARIO("10", "I8", s10_async_notification_on_offer),
	CG_SCENARIO("10", "I8", s10_async_notification_hidden),
	CG_SCENARIO("12", "I2", s12_no_reserved_memory_for_guests),
	CG_SCENARIOS_END
};

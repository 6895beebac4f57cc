/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a refused guest is told: every reason against a table of its own, and the
 * rule of docs/design.md, "which error where".
 */
#include "rig.h"

#include "refusal.h"

static const struct told {
	enum om_refusal why;
	uint32_t smc;	/* a0 */
	uint32_t teec;	/* in the message or RPC, when it gets there */
} table[] = {
	/* About the SMC itself. */
	{ OM_REFUSED_FUNCTION, 0xffffffff, 0xffff0006 },
	{ OM_REFUSED_ADDRESS, 4, 0xffff0006 },
	{ OM_REFUSED_COMMAND, 5, 0xffff0006 },
	{ OM_REFUSED_THREADS, 1, 0xffff0006 },
	{ OM_REFUSED_RESUME, 3, 0xffff0006 },
	/* Inside a readable message. */
	{ OM_REFUSED_PARAMS, 0, 0xffff0006 },
	{ OM_REFUSED_COOKIE, 0, 0xffff0006 },
	{ OM_REFUSED_RANGE, 0, 0xffff000f },
	{ OM_REFUSED_PAGE, 0, 0xffff0006 },
	{ OM_REFUSED_QUOTA, 0, 0xffff000c },
	{ OM_REFUSED_POLICY, 0, 0xffff0001 },
	{ OM_REFUSED_SESSION, 0, 0xffff0006 },
	/* Between OP-TEE and the guest. */
	{ OM_REFUSED_REQUEST, 0, 0xffff000a },
	{ OM_REFUSED_REPLY, 0, 0xffff000e },
};

TEST(test_codes_of_every_reason)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		assert_int_equal(om_refusal_smc(table[i].why), table[i].smc);
		assert_int_equal(om_refusal_teec(table[i].why), table[i].teec);
	}
}

/* Each reason is the counter of the same name, and no counter of another kind. */
TEST(test_reasons_are_counters)
{
	for (uint32_t which = 0; which < OM_COUNTERS; which++) {
		bool is_reason = !strncmp(om_counter_name((enum om_counter)which), "refused_", 8);
		bool in_table = false;

		for (size_t i = 0; i < COUNT_OF(table); i++)
			in_table |= (uint32_t)table[i].why == which;
		assert_int_equal(in_table, is_reason);
	}
}

/* Invariant I8: whatever it was, it is not taken for a success inside a message. */
TEST(test_invariant_8_nothing_refused_looks_like_success)
{
	for (uint32_t why = 0; why < 300; why++)
		assert_int_not_equal(om_refusal_teec((enum om_refusal)why), 0);
	assert_int_equal(om_refusal_teec((enum om_refusal)UINT32_MAX), 0xffff0006);
	assert_int_equal(om_refusal_smc((enum om_refusal)UINT32_MAX), 0);
}

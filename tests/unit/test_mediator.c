/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The probe: what om_mediator_init() refuses and why, what its SMCs look like,
 * and where OP-TEE's reserved memory is when it is only told later.
 */
#include "rig.h"

#define GARBAGE_HIGH 0xdeadbeef00000000u

#define BARE_TEST(name) RIG_TEST_BY(name, rig_new_bare())

/* A bare rig whose probe is expected to end so. */
static void expect_probe(struct rig *rig, enum om_result result)
{
	assert_int_equal(om_mediator_init(&rig->mediator, &rig->host->ops, rig->host), result);
	/* Nothing is held either way. */
	test_host_assert_balanced(rig->host);
}

/* --- The operations ------------------------------------------------------------ */

/* One at a time is taken out of the table. */
BARE_TEST(test_missing_operations)
{
	static const struct {
		size_t at;
		bool required;
	} ops[] = {
		{ offsetof(struct om_host_ops, pin), true },
		{ offsetof(struct om_host_ops, unpin), true },
		{ offsetof(struct om_host_ops, read), true },
		{ offsetof(struct om_host_ops, write), true },
		{ offsetof(struct om_host_ops, page_alloc), true },
		{ offsetof(struct om_host_ops, page_free), true },
		{ offsetof(struct om_host_ops, smc), true },
		{ offsetof(struct om_host_ops, lock), true },
		{ offsetof(struct om_host_ops, unlock), true },
		{ offsetof(struct om_host_ops, should_yield), false },
		{ offsetof(struct om_host_ops, notify), false },
		{ offsetof(struct om_host_ops, authorize), false },
		{ offsetof(struct om_host_ops, alias), false },
		{ offsetof(struct om_host_ops, trace), false },
	};

	/* The table above has every operation there is. */
	assert_int_equal(COUNT_OF(ops) * sizeof(void (*)(void)), sizeof(struct om_host_ops));
	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		struct om_host_ops broken = rig->host->ops;

		memset((char *)&broken + ops[i].at, 0, sizeof(void (*)(void)));
		rig->smcs = 0;
		assert_int_equal(om_mediator_init(&rig->mediator, &broken, rig->host),
				 ops[i].required ? OM_ERR_ARGUMENT : OM_OK);
		if (ops[i].required)
			assert_int_equal(rig->smcs, 0);
	}
	assert_int_equal(om_mediator_init(NULL, &rig->host->ops, rig->host), OM_ERR_ARGUMENT);
	assert_int_equal(om_mediator_init(&rig->mediator, NULL, rig->host), OM_ERR_ARGUMENT);
}

/* --- What answers ----------------------------------------------------------------- */

/* The answer to one function is changed in one register. */
TEST(test_scenario_1_probe_names_what_is_missing)
{
	static const struct {
		uint32_t fid, reg;
		uint64_t value;
		enum om_result result;
	} t[] = {
		{ OPTEE_SMC_CALLS_UID, 0, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, OM_ERR_NOT_OPTEE },
		{ OPTEE_SMC_CALLS_UID, 0, OPTEE_MSG_UID_0 ^ 1u << 31, OM_ERR_NOT_OPTEE },
		{ OPTEE_SMC_CALLS_UID, 1, OPTEE_MSG_UID_1 ^ 1u, OM_ERR_NOT_OPTEE },
		{ OPTEE_SMC_CALLS_UID, 2, OPTEE_MSG_UID_2 ^ 1u << 16, OM_ERR_NOT_OPTEE },
		{ OPTEE_SMC_CALLS_UID, 3, OPTEE_MSG_UID_3 ^ 1u << 31, OM_ERR_NOT_OPTEE },
		{ OPTEE_SMC_CALLS_REVISION, 0, 1, OM_ERR_REVISION },
		{ OPTEE_SMC_CALLS_REVISION, 0, 3, OM_ERR_REVISION },
		{ OPTEE_SMC_CALLS_REVISION, 0, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, OM_ERR_REVISION },
		/* Any minor one will do; and only the low halves count. */
		{ OPTEE_SMC_CALLS_REVISION, 1, 0, OM_OK },
		{ OPTEE_SMC_CALLS_REVISION, 1, 99, OM_OK },
		{ OPTEE_SMC_CALLS_REVISION, 0, GARBAGE_HIGH | 2, OM_OK },
		{ OPTEE_SMC_GET_THREAD_COUNT, 0, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION,
		  OM_ERR_NO_THREADS },
		{ OPTEE_SMC_GET_THREAD_COUNT, 0, OPTEE_SMC_RETURN_ENOTAVAIL, OM_ERR_NO_THREADS },
		{ OPTEE_SMC_GET_THREAD_COUNT, 1, 0, OM_ERR_NO_THREADS },
		{ OPTEE_SMC_GET_THREAD_COUNT, 1, GARBAGE_HIGH, OM_ERR_NO_THREADS },
		{ OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, OPTEE_SMC_RETURN_ENOTAVAIL,
		  OM_ERR_NO_DYNAMIC_SHM },
		{ OPTEE_SMC_EXCHANGE_CAPABILITIES, 1, 0xff & ~OPTEE_SMC_SEC_CAP_DYNAMIC_SHM,
		  OM_ERR_NO_DYNAMIC_SHM },
		{ OPTEE_SMC_EXCHANGE_CAPABILITIES, 1, 0xff & ~OPTEE_SMC_SEC_CAP_VIRTUALIZATION,
		  OM_ERR_NO_VIRTUALIZATION },
		{ OPTEE_SMC_EXCHANGE_CAPABILITIES, 1,
		  (uint64_t)OPTEE_SMC_SEC_CAP_DYNAMIC_SHM << 32, OM_ERR_NO_DYNAMIC_SHM },
		{ OPTEE_SMC_EXCHANGE_CAPABILITIES, 1,
		  OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | OPTEE_SMC_SEC_CAP_VIRTUALIZATION, OM_OK },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct rig *rig = rig_new_bare();

		rig_answer(rig, t[i].fid)->a[t[i].reg] = t[i].value;
		expect_probe(rig, t[i].result);
		rig_free(rig);
	}
}

/* An RPC argument of any size but the one laid out here is not used. */
TEST(test_rpc_argument_of_another_size_is_hidden)
{
	for (uint32_t n = 0; n < 256; n++) {
		struct rig *rig = rig_new_bare();

		/* Only the lowest byte says the number. */
		rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[3] = 0xabcd00 | n;
		expect_probe(rig, OM_OK);
		assert_int_equal(rig->mediator.sec_caps & OPTEE_SMC_SEC_CAP_RPC_ARG,
				 n == 4 ? OPTEE_SMC_SEC_CAP_RPC_ARG : 0);
		rig_free(rig);
	}
}

/* --- What is asked ------------------------------------------------------------------ */

BARE_TEST(test_invariant_10_the_probe_is_nobody_s)
{
	static const uint32_t asked[] = {
		OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALLS_REVISION, OPTEE_SMC_GET_THREAD_COUNT,
		OPTEE_SMC_EXCHANGE_CAPABILITIES, OPTEE_SMC_GET_SHM_CONFIG,
	};

	/* Whatever was in the memory before. */
	memset(&rig->mediator, 0xa5, sizeof(rig->mediator));
	expect_probe(rig, OM_OK);
	assert_int_equal(rig->smcs, COUNT_OF(asked));
	for (size_t i = 0; i < rig->smcs; i++) {
		assert_int_equal(rig->smc[i].a[0], asked[i]);
		/* All eight are set; a7 = 0 is the mediator itself. */
		for (size_t k = 1; k < 8; k++)
			assert_int_equal(rig->smc[i].a[k], 0);
	}
	assert_int_equal(rig->mediator.threads, 4);
	assert_int_equal(rig->mediator.sec_caps, 0xfd);
	for (size_t i = 0; i < COUNT_OF(rig->mediator.live); i++)
		assert_int_equal(rig->mediator.live[i], 0);
}

/* The probe stops at the first answer that is wrong. */
BARE_TEST(test_probe_asks_no_stranger)
{
	rig_answer(rig, OPTEE_SMC_CALLS_UID)->a[2] = 0;
	expect_probe(rig, OM_ERR_NOT_OPTEE);
	assert_int_equal(rig->smcs, 1);
}

/* --- OP-TEE's reserved memory -------------------------------------------------------- */

static bool usable(const struct rig *rig, uint64_t pa)
{
	return om_pa_is_usable(&rig->mediator, (om_pa_t){ pa });
}

TEST(test_invariant_2_reserved_memory)
{
	static const struct {
		uint64_t base, size;	/* as OP-TEE says */
		uint64_t first, end;	/* pages that must not be used */
	} cases[] = {
		{ 0x70000000, 0x200000, 0x70000000, 0x70200000 },
		{ 0x70000800, 0x1000, 0x70000000, 0x70002000 },
		{ 0x70000fff, 1, 0x70000000, 0x70001000 },
		{ 0x70000000, 1, 0x70000000, 0x70001000 },
		{ 0xfffff000, 0x1000, 0xfffff000, 0x100000000 },
		{ 0, 0x1000, 0, 0x1000 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct rig *rig = rig_new_bare();
		struct rig_answer *config = rig_answer(rig, OPTEE_SMC_GET_SHM_CONFIG);

		config->a[1] = cases[i].base | GARBAGE_HIGH;
		config->a[2] = cases[i].size | GARBAGE_HIGH;
		expect_probe(rig, OM_OK);
		assert_int_equal(rig->mediator.reserved_known, 1);
		for (uint64_t pa = cases[i].first; pa < cases[i].end; pa += TEST_PAGE)
			assert_false(usable(rig, pa));
		if (cases[i].first > TEST_PAGE)
			assert_true(usable(rig, cases[i].first - TEST_PAGE));
		assert_true(usable(rig, cases[i].end));
		/* 0 is how OP-TEE says "nothing". */
		assert_false(usable(rig, 0));
		rig_free(rig);
	}
}

/* Without the capability there is none, and nobody asks. */
BARE_TEST(test_no_reserved_memory)
{
	rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[1] =
		0xfd & ~OPTEE_SMC_SEC_CAP_RESERVED_SHM;
	expect_probe(rig, OM_OK);
	assert_int_equal(rig->mediator.reserved_known, 1);
	assert_int_equal(rig->mediator.reserved_size, 0);
	assert_int_equal(rig->smc[rig->smcs - 1].a[0], OPTEE_SMC_EXCHANGE_CAPABILITIES);
	assert_true(usable(rig, TEST_RESERVED_PA));
}

/* A virtualized OP-TEE only knows after its first yielding call. */
BARE_TEST(test_reserved_memory_learnt_late)
{
	struct rig_answer *config = rig_answer(rig, OPTEE_SMC_GET_SHM_CONFIG);

	config->a[1] = 0;
	config->a[2] = GARBAGE_HIGH;
	expect_probe(rig, OM_OK);
	assert_int_equal(rig->mediator.reserved_known, 0);
	assert_true(usable(rig, TEST_RESERVED_PA));

	config->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	config->a[1] = TEST_RESERVED_PA;
	config->a[2] = TEST_RESERVED_SIZE;
	om_learn_reserved(&rig->mediator);
	assert_int_equal(rig->mediator.reserved_known, 0);

	config->a[0] = OPTEE_SMC_RETURN_OK;
	om_learn_reserved(&rig->mediator);
	assert_int_equal(rig->mediator.reserved_known, 1);
	assert_false(usable(rig, TEST_RESERVED_PA));
	assert_true(usable(rig, TEST_RESERVED_PA + TEST_RESERVED_SIZE));
}

static void reserved_is_late(struct rig *rig)
{
	struct rig_answer *config = rig_answer(rig, OPTEE_SMC_GET_SHM_CONFIG);

	config->a[1] = 0;
	config->a[2] = 0;
}

/* Asked again after each yielding call until it is known, and in nobody's name. */
RIG_TEST_BY(test_reserved_memory_is_asked_for_again, rig_new_prepared(reserved_is_late))
{
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	/* The rig's call is not the guest's own here: a7 = 0 in its middle is right. */
	for (uint32_t n = 0; n < 4; n++) {
		struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0) } };

		if (n == 2) {
			rig_answer(rig, OPTEE_SMC_GET_SHM_CONFIG)->a[1] = TEST_RESERVED_PA;
			rig_answer(rig, OPTEE_SMC_GET_SHM_CONFIG)->a[2] = TEST_RESERVED_SIZE;
		}
		rig->smcs = 0;
		assert_true(om_guest_call(rig->guest, 0, &regs));
		assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(rig->smcs, n < 3 ? 2 : 1);
		assert_int_equal(rig->smc[0].a[7], RIG_GUEST);
		if (n < 3) {
			assert_int_equal(rig->smc[1].a[0], OPTEE_SMC_GET_SHM_CONFIG);
			assert_int_equal(rig->smc[1].a[7], 0);
		}
		assert_int_equal(usable(rig, TEST_RESERVED_PA), n < 2);
	}
}

/* --- Words ------------------------------------------------------------------------------ */

TEST(test_result_texts)
{
	for (uint32_t i = OM_OK; i <= OM_ERR_NOT_RELEASED; i++) {
		const char *text = om_result_text((enum om_result)i);

		assert_non_null(text);
		assert_true(strlen(text) > 5);
		assert_string_not_equal(text, "unknown result");
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(text, om_result_text((enum om_result)k));
	}
	assert_string_equal(om_result_text((enum om_result)(OM_ERR_NOT_RELEASED + 1)), "unknown result");
	assert_string_equal(om_result_text((enum om_result)-1), "unknown result");
}

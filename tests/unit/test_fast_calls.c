/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front door and the fast calls: every function identifier there is, against
 * a table of what OP-TEE's ABI says a mediator does with it.
 */
#include "rig_shm.h"

enum handling {
	DENIED,		/* UNKNOWN_FUNCTION, nothing reaches OP-TEE */
	PASSED,		/* to OP-TEE in the guest's name; the answer as it is */
	EMULATED,	/* answered here */
	FILTERED,	/* to OP-TEE, but the answer is looked at */
	YIELDING,
};

static const struct function {
	uint32_t fid;
	enum handling handling;
} functions[] = {
	{ 0xbf00ff00, EMULATED },	/* CALLS_COUNT */
	{ 0xbf00ff01, PASSED },		/* CALLS_UID */
	{ 0xbf00ff03, PASSED },		/* CALLS_REVISION */
	{ 0xb2000000, PASSED },		/* GET_OS_UUID */
	{ 0xb2000001, PASSED },		/* GET_OS_REVISION */
	{ 0x32000003, YIELDING },	/* RETURN_FROM_RPC */
	{ 0x32000004, YIELDING },	/* CALL_WITH_ARG */
	{ 0x32000012, YIELDING },	/* CALL_WITH_RPC_ARG */
	{ 0x32000013, YIELDING },	/* CALL_WITH_REGD_ARG */
	{ 0xb2000007, EMULATED },	/* GET_SHM_CONFIG */
	{ 0xb2000009, FILTERED },	/* EXCHANGE_CAPABILITIES */
	{ 0xb200000a, FILTERED },	/* DISABLE_SHM_CACHE */
	{ 0xb200000b, FILTERED },	/* ENABLE_SHM_CACHE */
	{ 0xb200000f, EMULATED },	/* GET_THREAD_COUNT */
	{ 0xb2000010, FILTERED },	/* ENABLE_ASYNC_NOTIF */
	{ 0xb2000011, FILTERED },	/* GET_ASYNC_NOTIF_VALUE */
};

static enum handling handling_of(uint32_t fid)
{
	for (size_t i = 0; i < COUNT_OF(functions); i++)
		if (functions[i].fid == fid)
			return functions[i].handling;
	return DENIED;
}

static void expect_regs(const struct om_regs *r, uint64_t a0, uint64_t a1, uint64_t a2,
			uint64_t a3)
{
	assert_int_equal(r->a[0], a0);
	assert_int_equal(r->a[1], a1);
	assert_int_equal(r->a[2], a2);
	assert_int_equal(r->a[3], a3);
}

/* The only SMC that OP-TEE saw since the last time. */
static void expect_one_smc(struct rig *rig, uint32_t fid, uint32_t a1)
{
	assert_int_equal(rig->smcs, 1);
	assert_int_equal(rig->smc[0].a[0], fid);
	assert_int_equal(rig->smc[0].a[1], a1);
	for (size_t i = 2; i < 7; i++)
		assert_int_equal(rig->smc[0].a[i], 0);
	assert_int_equal(rig->smc[0].a[7], RIG_GUEST);
	rig->smcs = 0;
}

/* --- The front door ---------------------------------------------------------------- */

/* Each identifier, with garbage wherever there may be some, and a forged a7. */
static void expect_handling(struct rig *rig, uint32_t fid)
{
	struct om_regs in = { .a = { fid, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, RIG_GUEST + 1 } };
	struct om_regs out;

	rig->smcs = 0;
	out = rig_call_regs(rig, in);
	assert_int_equal(out.a[0] >> 32, 0);
	if (handling_of(fid) == DENIED) {
		expect_regs(&out, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
		assert_int_equal(rig->smcs, 0);
	} else {
		assert_int_not_equal(out.a[0], OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	}
	if (handling_of(fid) == PASSED)
		expect_one_smc(rig, fid, 0);
	if (handling_of(fid) == EMULATED)
		assert_int_equal(rig->smcs, 0);
	assert_memory_equal(&out.a[4], &in.a[4], 4 * sizeof(in.a[4]));
}

RIG_TEST(test_scenario_8_every_function)
{
	static const uint32_t ranges[] = {
		0x32000000, 0xb2000000, 0xbf000000, 0xbf00ff00, 0x3f000000, 0xb0000000,
		0xb1000000, 0x30000000, 0xb3000000, 0xbe000000,
	};

	rig_answer(rig, OPTEE_SMC_GET_OS_UUID);
	rig_answer(rig, OPTEE_SMC_GET_OS_REVISION);
	rig_answer(rig, OPTEE_SMC_DISABLE_SHM_CACHE);
	rig_answer(rig, OPTEE_SMC_ENABLE_SHM_CACHE);
	rig_answer(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF);
	rig_answer(rig, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		for (uint32_t n = 0; n < 256; n++)
			expect_handling(rig, ranges[i] + n);
}

RIG_TEST(test_scenario_7_garbage_and_sve_hint)
{
	struct om_regs r = rig_call(rig, 0xdeadbeef00000000u | OPTEE_SMC_CALLS_UID, 0, 0, 0);

	expect_regs(&r, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3);
	expect_one_smc(rig, OPTEE_SMC_CALLS_UID, 0);
	r = rig_call(rig, OPTEE_SMC_CALLS_UID | SMCCC_FID_SVE_HINT, 0, 0, 0);
	expect_regs(&r, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3);
	/* OP-TEE is not told the hint: what it concerns was saved already. */
	expect_one_smc(rig, OPTEE_SMC_CALLS_UID, 0);
	/* A bit beside it is another function. */
	r = rig_call(rig, OPTEE_SMC_CALLS_UID | 0x20000, 0, 0, 0);
	expect_regs(&r, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
}

RIG_TEST(test_who_else_is_called)
{
	for (uint32_t owner = 0; owner < 64; owner++) {
		for (uint32_t i = 0; i < 4; i++) {
			const uint32_t fid = i << 30 | owner << 24 | 0x77;
			const struct om_regs in = { .a = { fid, 1, 2, 3, 4, 5, 6, 7 } };
			struct om_regs out = in;
			bool mine = test_guest_call(rig->ram, 0, &out);

			/* Trusted applications and the trusted OS are the mediator's. */
			assert_int_equal(mine, owner >= 48);
			if (!mine)
				assert_memory_equal(&out, &in, sizeof(in));
			else if (fid & SMCCC_FID_SMC64)
				assert_true(out.a[0] == UINT64_MAX);
			else
				assert_true(out.a[0] == UINT32_MAX);
		}
	}
	assert_int_equal(rig->smcs, 0);
}

static void hide_rpc_arg(struct rig *rig)
{
	rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[3] = 3;
}

RIG_TEST_BY(test_calls_that_are_not_offered, rig_new_prepared(hide_rpc_arg))
{
	struct om_regs r = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, 0), 0);

	expect_regs(&r, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
	r = rig_call(rig, OPTEE_SMC_CALL_WITH_REGD_ARG, 0, 1, 0);
	expect_regs(&r, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
	assert_int_equal(rig->smcs, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_FUNCTION), 2);
	/* And not shown, although OP-TEE has it. */
	r = rig_call(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, 0, 0);
	assert_int_equal(r.a[1] & OPTEE_SMC_SEC_CAP_RPC_ARG, 0);
	assert_int_equal(r.a[3], 0);
}

/* --- Emulated ---------------------------------------------------------------------- */

RIG_TEST(test_functions_are_counted)
{
	struct om_regs r = rig_call(rig, OPTEE_SMC_CALLS_COUNT, 0, 0, 0);

	expect_regs(&r, COUNT_OF(functions), 0, 0, 0);
}

RIG_TEST(test_scenario_12_no_reserved_memory_for_guests)
{
	struct om_regs r = rig_call(rig, OPTEE_SMC_GET_SHM_CONFIG, 0, 0, 0);

	expect_regs(&r, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	assert_int_equal(rig->smcs, 0);
}

TEST(test_thread_count_is_the_smaller)
{
	struct rig_setup setup = rig_default;

	for (uint32_t threads = 1; threads < 8; threads++) {
		struct rig *rig;
		struct om_regs r;

		setup.limits.threads = threads;
		rig = rig_new(&setup);	/* whose OP-TEE has 4 */
		r = rig_call(rig, OPTEE_SMC_GET_THREAD_COUNT, 0, 0, 0);
		expect_regs(&r, OPTEE_SMC_RETURN_OK, threads < 4 ? threads : 4, 0, 0);
		rig_free(rig);
	}
}

/* --- Capabilities -------------------------------------------------------------------- */

static void without_notify(struct rig *rig)
{
	rig->host->ops.notify = NULL;
}

/* Invariant I8, scenario 10: known bits that may be shown, and no others. */
static void expect_capabilities(struct rig *rig, uint64_t offered, bool async)
{
	const uint64_t shown = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 6 | 1u << 7 |
			       (async ? 1u << 5 : 0);
	struct rig_answer *answer = rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES);
	struct om_regs r;

	answer->a[1] = offered;
	answer->a[2] = 0x42;
	answer->a[3] = 0xfff04;
	r = rig_call(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, 0, 0);
	if (!(offered & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM)) {
		expect_regs(&r, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
		return;
	}
	expect_regs(&r, OPTEE_SMC_RETURN_OK, offered & shown,
		    offered & shown & 1u << 5 ? 0x42 : 0,
		    offered & shown & 1u << 6 ? 4 : 0);
}

TEST(test_scenario_10_secure_capabilities)
{
	for (uint32_t async = 0; async < 2; async++) {
		struct rig *rig = rig_new_prepared(async ? NULL : without_notify);

		for (uint32_t caps = 0; caps < 1024; caps++) {
			rig->smcs = 0;
			expect_capabilities(rig, caps, async);
		}
		for (uint32_t bit = 10; bit < 64; bit++) {
			rig->smcs = 0;
			expect_capabilities(rig, 1ull << bit | 0xff, async);
		}
		expect_capabilities(rig, UINT64_MAX, async);
		rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[0] = 7;
		rig->smcs = 0;
		assert_int_equal(rig_call(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, 0, 0).a[0],
				 OPTEE_SMC_RETURN_ENOTAVAIL);
		rig_free(rig);
	}
}

RIG_TEST(test_scenario_10_own_capabilities)
{
	for (uint32_t bit = 0; bit < 64; bit++) {
		rig_call(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, 1ull << bit, 0, 0);
		/* OP-TEE only knows the lowest, and refuses all others. */
		expect_one_smc(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, bit == 0);
	}
}

/* --- The cache of RPC arguments --------------------------------------------------------- */

static void share_rpc_arg(struct rig *rig, uint64_t cookie)
{
	const struct om_share share = { .kind = OM_SHARE_RPC_ARG, .cookie = { cookie },
					.pages = 1, .size = TEST_PAGE };
	struct om_release release = { OM_NONE };
	uint32_t index;

	assert_int_equal(om_share_page(&rig->guest->shm, &share, rig_ipa(rig, 9), &index), OM_ACCEPTED);
	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
}

static void expect_cache(struct rig *rig, uint32_t fid, uint64_t a0, uint64_t cookie)
{
	struct om_regs r;

	rig->smcs = 0;
	r = rig_call(rig, fid, 0xffff, 0xffff, 0xffff);
	expect_regs(&r, a0, cookie >> 32, (uint32_t)cookie, 0);
}

/* Scenario 11: forgotten before the guest sees its cookie, and only that one. */
RIG_TEST(test_scenario_11_cache_is_emptied)
{
	struct rig_answer *off = rig_answer(rig, OPTEE_SMC_DISABLE_SHM_CACHE);
	const uint64_t cookie = 0x1122334455667788u;

	share_rpc_arg(rig, cookie);
	share_rpc_arg(rig, cookie + 1);
	off->a[1] = cookie >> 32 | 0xabcdull << 32;
	off->a[2] = (uint32_t)cookie | 0xabcdull << 32;
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_OK, cookie);
	expect_one_smc(rig, OPTEE_SMC_DISABLE_SHM_CACHE, 0);
	assert_int_equal(rig->ram->pinned, 1);
	assert_false(known(rig, cookie));
	/* Its cookie can be used again at once; and goes again. */
	share_rpc_arg(rig, cookie);
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_OK, cookie);
	/* Unknown here: the guest is not shown it, and the loop ends. */
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_ENOTAVAIL, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_REQUEST), 1);
	off->a[2]++;
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_OK, cookie + 1);
	assert_int_equal(rig->ram->pinned, 0);
	/* Empty. */
	off->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_ENOTAVAIL, 0);
}

/* The call on another vCPU that uses an argument, and ends when this one next takes the lock. */
static struct {
	struct rig *rig;
	uint32_t arg;		/* OM_NONE: it has ended */
	void (*lock)(void *guest);
} user;

static void lock_as_it_ends(void *guest)
{
	struct om_release release = { OM_NONE };

	if (user.arg != OM_NONE)
		om_shm_put(&user.rig->guest->shm, user.arg, &release);
	assert_int_equal(release.head, OM_NONE);
	user.arg = OM_NONE;
	user.lock(guest);
}

/* Invariant I4: who was not its last user when the argument was freed may be so by the end. */
RIG_TEST(test_invariant_4_cache_is_emptied_as_its_user_ends)
{
	struct rig_answer *off = rig_answer(rig, OPTEE_SMC_DISABLE_SHM_CACHE);
	const om_cookie_t cookie = { 3 };

	share_rpc_arg(rig, cookie.raw);
	off->a[2] = cookie.raw;
	user.rig = rig;
	user.arg = om_shm_get(&rig->guest->shm, cookie, OM_SHARE_RPC_ARG);
	user.lock = rig->host->ops.lock;
	rig->host->ops.lock = lock_as_it_ends;
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_OK, cookie.raw);
	rig->host->ops.lock = user.lock;
	assert_int_equal(user.arg, OM_NONE);
	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(om_shm_parked(&rig->guest->shm), 0);
	assert_false(known(rig, cookie.raw));
}

static uint32_t suspend_a_call(struct rig *rig)
{
	struct om_regs r;

	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	rig_answer(rig, OPTEE_SMC_CALL_WITH_ARG)->a[0] = OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
	r = rig_send(rig, 0);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	return (uint32_t)r.a[3];
}

/*
 * Linux sleeps until a call of its own ends on an answer that it does not expect:
 * EBUSY while there is one, and never else.
 */
TEST(test_cache_answers_that_linux_can_live_with)
{
	static const struct {
		uint64_t from_optee;
		bool in_flight;
		uint64_t off, on;
		size_t smcs;
	} cases[] = {
		{ OPTEE_SMC_RETURN_EBUSY, false, OPTEE_SMC_RETURN_ENOTAVAIL,
		  OPTEE_SMC_RETURN_OK, 4 },
		{ OPTEE_SMC_RETURN_EBUSY, true, OPTEE_SMC_RETURN_EBUSY,
		  OPTEE_SMC_RETURN_EBUSY, 1 },
		{ OPTEE_SMC_RETURN_ENOTAVAIL, false, OPTEE_SMC_RETURN_ENOTAVAIL,
		  OPTEE_SMC_RETURN_OK, 1 },
		{ OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, true, OPTEE_SMC_RETURN_ENOTAVAIL,
		  OPTEE_SMC_RETURN_OK, 1 },
		{ 0x12345678, false, OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_OK, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct rig *rig = rig_new(NULL);

		if (cases[i].in_flight)
			suspend_a_call(rig);
		rig_answer(rig, OPTEE_SMC_DISABLE_SHM_CACHE)->a[0] = cases[i].from_optee;
		rig_answer(rig, OPTEE_SMC_ENABLE_SHM_CACHE)->a[0] = cases[i].from_optee;
		expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, cases[i].off, 0);
		assert_int_equal(rig->smcs, cases[i].smcs);
		expect_cache(rig, OPTEE_SMC_ENABLE_SHM_CACHE, cases[i].on, 0);
		assert_int_equal(rig->smcs, cases[i].smcs);
		rig_free(rig);
	}
}

/* A call that pauses on its way out, because it has much to give back. */
static void pause_an_end(struct rig *rig)
{
	struct om_message *message = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

	rig_list(rig, &message->param[0], OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG,
		 1, 60);
	rig->host->yield_every = 3;
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(om_call_state(&rig->guest->calls[0]), OM_CALL_ENDING_PAUSED);
}

/* OP-TEE has done with it: whatever OP-TEE is busy with, it is not this call. */
RIG_TEST(fault_b6_ending_call_keeps_no_cache_busy)
{
	pause_an_end(rig);
	rig_answer(rig, OPTEE_SMC_DISABLE_SHM_CACHE)->a[0] = OPTEE_SMC_RETURN_EBUSY;
	expect_cache(rig, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_ENOTAVAIL, 0);
}

/* --- Notifications ------------------------------------------------------------------------ */

static void without_async(struct rig *rig)
{
	rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[1] = 0xfd & ~(1u << 5);
}

TEST(test_notifications_where_nobody_offers_them)
{
	void (*const prepare[])(struct rig *) = { without_notify, without_async };
	static const uint32_t fids[] = {
		OPTEE_SMC_ENABLE_ASYNC_NOTIF, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE,
	};

	for (size_t i = 0; i < COUNT_OF(prepare); i++) {
		struct rig *rig = rig_new_prepared(prepare[i]);
		struct om_regs r;

		for (size_t k = 0; k < COUNT_OF(fids); k++) {
			r = rig_call(rig, fids[k], 0, 0, 0);
			expect_regs(&r, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
		}
		/* Nor the commands that belong to it. */
		rig_message(rig, 0, OPTEE_MSG_CMD_DO_BOTTOM_HALF, 0);
		r = rig_send(rig, 0);
		expect_regs(&r, OPTEE_SMC_RETURN_EBADCMD, 0, 0, 0);
		assert_int_equal(rig->smcs, 0);
		rig_free(rig);
	}
}

RIG_TEST(test_notification_values)
{
	struct rig_answer *value = rig_answer(rig, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	struct om_regs r;

	value->a[1] = 7;
	value->a[2] = UINT64_MAX;
	value->a[3] = 0x1234;
	r = rig_call(rig, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, 0, 0);
	expect_regs(&r, OPTEE_SMC_RETURN_OK, 7, 3, 0);
	expect_one_smc(rig, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0);
	value->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	r = rig_call(rig, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, 0, 0);
	expect_regs(&r, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
}

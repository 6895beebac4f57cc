/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 7-12, seen from the secure side: what of a guest's fast calls reaches
 * OP-TEE, with which registers, and what an OP-TEE that answers oddly can do.
 */
#include "fixture.h"

#define JUNK	0xfeedfacecafebeefull

/* A fast call with junk wherever nobody should look; a0. */
static uint32_t fast(struct fx_guest *g, uint64_t fid, uint64_t a1, struct om_regs *out)
{
	struct om_regs regs = { .a = { fid, a1, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK } };
	uint32_t a0 = fx_smc(g, 0, &regs);

	for (size_t i = 4; i < 8; i++)
		assert_int_equal(regs.a[i], JUNK);
	if (out)
		*out = regs;
	return a0;
}

static uint32_t fast_quiet(struct fx_guest *g, uint64_t fid)
{
	return fast(g, fid, JUNK, NULL);
}

static struct om_regs answer(struct fx_guest *g, uint32_t fid)
{
	struct om_regs out;

	fast(g, fid, JUNK, &out);
	return out;
}

static void assert_regs(const struct om_regs *regs, uint64_t a0, uint64_t a1, uint64_t a2,
			uint64_t a3)
{
	assert_int_equal(regs->a[0], a0);
	assert_int_equal(regs->a[1], a1);
	assert_int_equal(regs->a[2], a2);
	assert_int_equal(regs->a[3], a3);
}

/* --- 7: ids ---------------------------------------------------------------------- */

FX_TEST(s07_i10_junk_around_an_id_does_not_reach_optee)
{
	static const uint32_t passed[] = {
		OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALLS_REVISION, OPTEE_SMC_GET_OS_UUID,
		OPTEE_SMC_GET_OS_REVISION, OPTEE_SMC_ENABLE_ASYNC_NOTIF,
		OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, OPTEE_SMC_ENABLE_SHM_CACHE,
		OPTEE_SMC_DISABLE_SHM_CACHE,
	};
	static const uint64_t around[] = { 0, SMCCC_FID_SVE_HINT, 0xffffffff00000000ull,
					   0x8000000000000000ull | SMCCC_FID_SVE_HINT };

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		for (size_t n = 0; n < 4; n++) {
			fx_smcs_reset(f);
			fast_quiet(g, passed[i] | around[n]);
			assert_int_equal(fx_smcs(f), 1);
			assert_regs(&f->smc[0].in, passed[i], 0, 0, 0);
			for (size_t a = 4; a < 7; a++)
				assert_int_equal(f->smc[0].in.a[a], 0);
			assert_int_equal(f->smc[0].in.a[7], 1);
			assert_int_equal(fx_counter(g, OM_COUNT_FAST_CALLS), 4 * i + n + 1);
		}
	}
}

FX_TEST(s07_yielding_id_with_junk_is_the_32_bit_id)
{
	uint32_t session = fx_session(g);
	struct cg_call c;
	struct om_regs regs;

	fx_nop(&c, g, session);
	fx_smcs_reset(f);
	regs = (struct om_regs){ .a = {
		OPTEE_SMC_CALL_WITH_ARG | SMCCC_FID_SVE_HINT | 0x7777777700000000ull,
		0xffffffff00000000ull | c.where >> 32, 0xffffffff00000000ull | c.where, JUNK, JUNK,
		JUNK, JUNK, JUNK } };
	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	assert_int_equal(fx_smcs(f), 1);
	assert_int_equal(f->smc[0].in.a[0], OPTEE_SMC_CALL_WITH_ARG);
	for (size_t i = 3; i < 7; i++)
		assert_int_equal(f->smc[0].in.a[i], 0);
	cg_call_fini(&c);
}

/* --- 8: what is not for guests ------------------------------------------------------- */

static void refused_without_a_call(struct fx_guest *g, uint64_t fid)
{
	struct fx *f = g->fx;
	struct om_regs out;
	uint64_t unknown = fid & SMCCC_FID_SMC64 ? UINT64_MAX : OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;

	fx_smcs_reset(f);
	fast(g, fid, 1, &out);
	assert_regs(&out, unknown, 0, 0, 0);
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s08_i8_calls_of_the_hypervisor_make_no_call)
{
	static const uint32_t denied[] = {
		OPTEE_SMC_VM_CREATED, OPTEE_SMC_VM_DESTROYED, OPTEE_SMC_BOOT_SECONDARY,
		OPTEE_SMC_L2CC_MUTEX, OPTEE_SMC_GET_PROTMEM_CONFIG, OPTEE_SMC_LOAD_IMAGE,
	};
	size_t n = sizeof(denied) / sizeof(denied[0]);

	for (size_t i = 0; i < n; i++) {
		refused_without_a_call(g, denied[i]);
		refused_without_a_call(g, denied[i] | SMCCC_FID_SVE_HINT);
		refused_without_a_call(g, denied[i] | 0xdead00000000ull);
	}
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_FUNCTION), 3 * n);
	assert_true(model_vm_exists(f->model, 1));
}

static bool is_known(uint32_t fid)
{
	switch (fid & ~SMCCC_FID_SVE_HINT) {
	case OPTEE_SMC_CALLS_COUNT:
	case OPTEE_SMC_CALLS_UID:
	case OPTEE_SMC_CALLS_REVISION:
	case OPTEE_SMC_GET_OS_UUID:
	case OPTEE_SMC_GET_OS_REVISION:
	case OPTEE_SMC_GET_SHM_CONFIG:
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
	case OPTEE_SMC_DISABLE_SHM_CACHE:
	case OPTEE_SMC_ENABLE_SHM_CACHE:
	case OPTEE_SMC_GET_THREAD_COUNT:
	case OPTEE_SMC_ENABLE_ASYNC_NOTIF:
	case OPTEE_SMC_GET_ASYNC_NOTIF_VALUE:
	case OPTEE_SMC_RETURN_FROM_RPC:
	case OPTEE_SMC_CALL_WITH_ARG:
	case OPTEE_SMC_CALL_WITH_RPC_ARG:
	case OPTEE_SMC_CALL_WITH_REGD_ARG:
		return true;
	default:
		return false;
	}
}

FX_TEST(s08_i8_every_other_id_makes_no_call)
{
	static const uint32_t kinds[] = { 0, SMCCC_FID_FAST, SMCCC_FID_SMC64,
					  SMCCC_FID_FAST | SMCCC_FID_SMC64 };

	for (uint32_t owner = SMCCC_OWNER_TRUSTED_APP; owner <= SMCCC_OWNER_LAST; owner++) {
		for (size_t k = 0; k < 4; k++) {
			uint32_t base = kinds[k] | owner << SMCCC_FID_OWNER_SHIFT;

			for (uint32_t n = 0; n < 0x120; n++) {
				if (!is_known(base | n))
					refused_without_a_call(g, base | n);
				if (!is_known(base | 0xff00u | n))
					refused_without_a_call(g, base | 0xff00u | n);
			}
			for (uint32_t bit = 9; bit < 24; bit++)
				if (!is_known(base | 1u << bit | 4u))
					refused_without_a_call(g, base | 1u << bit | 4u);
		}
	}
}

FX_TEST(s08_other_owners_are_not_the_mediators_business)
{
	fx_smcs_reset(f);
	for (uint32_t owner = 0; owner < SMCCC_OWNER_TRUSTED_APP; owner++) {
		const struct om_regs in = { .a = { SMCCC_FID_FAST | owner << 24 | 1u, 2, 3, 4, 5,
						   6, 7, 8 } };
		struct om_regs regs = in;

		assert_false(test_guest_call(g->test, 0, &regs));
		assert_memory_equal(&regs, &in, sizeof(in));
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_FAST_CALLS), 0);
}

/* --- 9: who calls ----------------------------------------------------------------------- */

FX_TEST_WITH(s09_i10_every_call_carries_the_callers_id, .guests = 3)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct om_regs regs = { .a = { OPTEE_SMC_CALLS_UID } };
		uint32_t session;

		g = &f->guest[i];
		fx_smcs_reset(f);
		/* A forged id: another guest's, nobody's, the hypervisor's. */
		for (uint64_t forged = 0; forged < 5; forged++) {
			regs.a[0] = OPTEE_SMC_GET_OS_REVISION;
			regs.a[7] = forged;
			fx_smc(g, 0, &regs);
		}
		assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session), TEEC_SUCCESS);
		fx_close(g, session);
		assert_true(fx_smcs(f) >= 7);
		for (size_t n = 0; n < fx_smcs(f); n++)
			assert_int_equal(f->smc[n].in.a[7], g->test->id);
	}
}

/* --- 10: capabilities --------------------------------------------------------------------- */

#define CAPS_NEEDED	(OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | OPTEE_SMC_SEC_CAP_VIRTUALIZATION)
#define CAPS_SHOWN	(OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | \
			 OPTEE_SMC_SEC_CAP_MEMREF_NULL | OPTEE_SMC_SEC_CAP_ASYNC_NOTIF | \
			 OPTEE_SMC_SEC_CAP_RPC_ARG | OPTEE_SMC_SEC_CAP_RPMB_PROBE)

FX_TEST_BARE(s10_i8_capability_bits_one_by_one)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		struct model_config config = model_config_default();
		const struct fx_options o = { .model = &config };
		struct fx *f;
		struct om_regs out;

		config.sec_caps = CAPS_NEEDED | 1u << bit;
		f = fx_new(state, &o);
		assert_int_equal(fast(&f->guest[0], OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, &out),
				 OPTEE_SMC_RETURN_OK);
		assert_int_equal(out.a[1], (CAPS_NEEDED | 1u << bit) & CAPS_SHOWN);
		assert_int_equal(out.a[2], 1u << bit == OPTEE_SMC_SEC_CAP_ASYNC_NOTIF ?
				 config.max_notif_value : 0);
		assert_int_equal(out.a[3], 1u << bit == OPTEE_SMC_SEC_CAP_RPC_ARG ?
				 OPTEE_MSG_RPC_PARAMS : 0);
		if (bit < 31)
			assert_int_equal(fx_teardown(state), 0);
	}
}

FX_TEST(s10_i8_unknown_normal_world_bits_are_masked)
{
	for (uint32_t bit = 0; bit < 64; bit++) {
		fx_smcs_reset(f);
		assert_int_equal(fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, 1ull << bit, NULL),
				 OPTEE_SMC_RETURN_OK);
		assert_int_equal(fx_smcs(f), 1);
		assert_int_equal(f->smc[0].in.a[1], bit == 0);
	}
}

/* What OP-TEE said at the probe it may not say to a guest; then there is no OP-TEE. */
FX_TEST(s10_no_dynamic_shm_is_enotavail)
{
	const struct { uint64_t a0, a1; } answers[] = {
		{ OPTEE_SMC_RETURN_OK, 0 },
		{ OPTEE_SMC_RETURN_OK, ~(uint64_t)OPTEE_SMC_SEC_CAP_DYNAMIC_SHM },
		{ OPTEE_SMC_RETURN_ENOTAVAIL, ~0ull },
		{ 0x5555, ~0ull },
	};
	struct om_regs out;

	for (size_t i = 0; i < 4; i++) {
		model_answer_next(f->model, OPTEE_SMC_EXCHANGE_CAPABILITIES, answers[i].a0,
				  answers[i].a1, 0x7777, 4);
		fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, &out);
		assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	}
}

static void assert_async_hidden(struct fx_guest *g)
{
	struct om_regs out;
	struct cg_call c;

	assert_int_equal(fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, &out), OPTEE_SMC_RETURN_OK);
	assert_false(out.a[1] & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF);
	assert_int_equal(out.a[2], 0);
	refused_without_a_call(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF);
	refused_without_a_call(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	for (uint32_t cmd = OPTEE_MSG_CMD_DO_BOTTOM_HALF; cmd <= OPTEE_MSG_CMD_STOP_ASYNC_NOTIF;
	     cmd++) {
		fx_call(&c, g, cmd, 0);
		fx_do(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADCMD);
	}
	assert_int_equal(fx_smcs(g->fx), 0);
	om_guest_interrupt(g->om);
}

FX_TEST_WITH(s10_async_is_hidden_without_an_interrupt_to_inject, .no_notify = true)
{
	assert_async_hidden(g);
}

FX_TEST_BARE(s10_async_is_hidden_when_optee_has_none)
{
	struct model_config config = model_config_default();
	const struct fx_options o = { .model = &config };
	struct fx *f;

	config.async_notif = false;
	f = fx_new(state, &o);
	assert_async_hidden(&f->guest[0]);
	assert_int_equal(atomic_load(&f->guest[0].test->notified), 0);
}

static void fail_in_the_message(void *arg, const struct model_event *event)
{
	(void)arg;
	event->arg->ret = TEEC_ERROR_GENERIC;
}

FX_TEST_WITH(s10_interrupt_goes_to_guests_that_asked, .guests = 3)
{
	struct om_regs out;
	struct cg_call c;

	g = &f->guest[1];
	/* OP-TEE may refuse; then the guest has not asked. */
	model_answer_next(f->model, OPTEE_SMC_ENABLE_ASYNC_NOTIF, OPTEE_SMC_RETURN_ENOTAVAIL,
			  0, 2, 3);
	out = answer(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF);
	assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	om_guest_interrupt(g->om);
	assert_int_equal(atomic_load(&g->test->notified), 0);

	assert_int_equal(fast_quiet(g, OPTEE_SMC_ENABLE_ASYNC_NOTIF), OPTEE_SMC_RETURN_OK);
	for (uint32_t i = 0; i < 3; i++)
		om_guest_interrupt(f->guest[i].om);
	assert_int_equal(atomic_load(&f->guest[0].test->notified), 0);
	assert_int_equal(atomic_load(&g->test->notified), 1);
	assert_int_equal(atomic_load(&f->guest[2].test->notified), 0);

	/* It has interrupts for as long as OP-TEE has not said that it stopped. */
	fx_close(g, fx_session(g));
	model_on_return(f->model, fail_in_the_message, NULL);
	fx_call(&c, g, OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, 0);
	fx_do(&c, TEEC_ERROR_GENERIC);
	model_on_return(f->model, NULL, NULL);
	om_guest_interrupt(g->om);
	assert_int_equal(atomic_load(&g->test->notified), 2);

	fx_call(&c, g, OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, 0);
	fx_do(&c, TEEC_SUCCESS);
	assert_false(model_notif_started(f->model, 2));
	om_guest_interrupt(g->om);
	assert_int_equal(atomic_load(&g->test->notified), 2);
}

FX_TEST(s10_i3_notification_value_is_two_registers)
{
	struct om_regs out;

	model_notify(f->model, 1, 5);
	model_notify(f->model, 1, 9);
	out = answer(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	assert_regs(&out, OPTEE_SMC_RETURN_OK, 5, 3, 0);
	out = answer(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	assert_regs(&out, OPTEE_SMC_RETURN_OK, 9, 1, 0);
	model_answer_next(f->model, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, OPTEE_SMC_RETURN_OK, 7,
			  ~0ull, ~0ull);
	out = answer(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	assert_regs(&out, OPTEE_SMC_RETURN_OK, 7, 3, 0);
	model_answer_next(f->model, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, OPTEE_SMC_RETURN_ENOTAVAIL,
			  1, 2, 3);
	out = answer(g, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE);
	assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
}

static void assert_no_inline_rpc(struct fx_guest *g)
{
	struct om_regs out;

	assert_int_equal(fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, &out), OPTEE_SMC_RETURN_OK);
	assert_false(out.a[1] & OPTEE_SMC_SEC_CAP_RPC_ARG);
	assert_int_equal(out.a[3], 0);
	refused_without_a_call(g, OPTEE_SMC_CALL_WITH_RPC_ARG);
	refused_without_a_call(g, OPTEE_SMC_CALL_WITH_REGD_ARG);
	assert_int_equal(fx_counter(g, OM_COUNT_CALLS), 0);
}

FX_TEST_BARE(s10_other_sizes_of_rpc_arguments_are_hidden)
{
	static const uint32_t params[] = { 0, 1, 3, 5, 127, 0xff };

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		struct model_config config = model_config_default();
		const struct fx_options o = { .model = &config };

		config.rpc_params = params[i];
		assert_no_inline_rpc(&fx_new(state, &o)->guest[0]);
		if (i < 5)
			assert_int_equal(fx_teardown(state), 0);
	}
}

FX_TEST_BARE(s10_rpc_arg_not_offered_is_unknown)
{
	struct model_config config = model_config_default();
	const struct fx_options o = { .model = &config };

	config.sec_caps &= ~OPTEE_SMC_SEC_CAP_RPC_ARG;
	assert_no_inline_rpc(&fx_new(state, &o)->guest[0]);
}

FX_TEST_BARE(s10_thread_count_is_the_smaller_one)
{
	static const uint32_t threads[][3] = { { 2, 4, 2 }, { 4, 2, 2 }, { 1, 16, 1 }, { 3, 3, 3 } };

	for (size_t i = 0; i < 4; i++) {
		struct model_config config = model_config_default();
		struct fx_options o = { .model = &config, .limits = FX_LIMITS };
		struct fx *f;
		struct om_regs out;

		config.threads = threads[i][0];
		o.limits.threads = threads[i][1];
		f = fx_new(state, &o);
		fx_smcs_reset(f);
		out = answer(&f->guest[0], OPTEE_SMC_GET_THREAD_COUNT);
		assert_regs(&out, OPTEE_SMC_RETURN_OK, threads[i][2], 0, 0);
		out = answer(&f->guest[0], OPTEE_SMC_CALLS_COUNT);
		assert_int_equal(out.a[0], 16);
		/* Both are the mediator's own answers. */
		assert_int_equal(fx_smcs(f), 0);
		if (i < 3)
			assert_int_equal(fx_teardown(state), 0);
	}
}

/* --- 11: the cache of RPC arguments ------------------------------------------------------- */

/* Leaves one RPC argument per thread used in OP-TEE's cache; returns their number. */
static uint32_t fill_cache(struct fx_guest *g)
{
	struct cg_call c[FX_THREADS];
	uint32_t session[FX_THREADS];

	assert_int_equal(fast_quiet(g, OPTEE_SMC_ENABLE_SHM_CACHE), OPTEE_SMC_RETURN_OK);
	for (uint32_t i = 0; i < FX_THREADS; i++)
		assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session[i]), TEEC_SUCCESS);
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		assert_true(cg_time_init(&c[i], g->cg, session[i]));
		assert_true(cg_until_cmd(&c[i], OPTEE_RPC_CMD_GET_TIME));
	}
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		fx_finish(&c[i], TEEC_SUCCESS);
		fx_close(g, session[i]);
	}
	return FX_THREADS;
}

FX_TEST(s11_i7_drained_buffers_are_released_before_they_are_seen)
{
	uint32_t n = fill_cache(g);
	struct om_regs out;

	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), n);
	assert_int_equal(atomic_load(&g->test->pinned), n);
	while (n) {
		out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
		n--;
		assert_int_equal(out.a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(out.a[3], 0);
		assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), n);
		assert_int_equal(atomic_load(&g->test->pinned), n);
		assert_true(cg_rpc_arg_drop(g->cg, out.a[1] << 32 | out.a[2]));
	}
	for (n = 0; n < 3; n++) {
		out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
		assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	}
}

static void give_way_from_now_on(void *arg, const struct model_event *event)
{
	struct fx *f = arg;

	(void)event;
	atomic_store(&f->host->yield_every, 1);
}

/* Told EBUSY with nobody in flight, Linux would wait for ever. */
FX_TEST(s11_busy_with_nobody_in_flight_is_never_said)
{
	struct om_regs out;

	for (uint32_t n = 1; n <= 3; n++) {
		for (uint32_t i = 0; i < n; i++)
			model_answer_next(f->model, OPTEE_SMC_DISABLE_SHM_CACHE,
					  OPTEE_SMC_RETURN_EBUSY, 1, 2, 3);
		out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
		assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	}
	/* A busyness that does not end is given up on, in bounded time. */
	for (uint32_t i = 0; i < 8; i++)
		model_answer_next(f->model, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_EBUSY,
				  1, 2, 3);
	fx_smcs_reset(f);
	out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
	assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	assert_int_equal(fx_smcs(f), 4);
	for (uint32_t i = 0; i < 8; i++)
		model_answer_next(f->model, OPTEE_SMC_ENABLE_SHM_CACHE, OPTEE_SMC_RETURN_EBUSY,
				  1, 2, 3);
	assert_int_equal(fast_quiet(g, OPTEE_SMC_ENABLE_SHM_CACHE), OPTEE_SMC_RETURN_OK);
}

FX_TEST(s11_busy_while_a_call_is_in_flight_is_passed_on)
{
	struct om_regs out;
	struct cg_call c;

	fx_invoke(&c, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0);
	cg_start(&c);
	fx_smcs_reset(f);
	out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
	assert_regs(&out, OPTEE_SMC_RETURN_EBUSY, 0, 0, 0);
	out = answer(g, OPTEE_SMC_ENABLE_SHM_CACHE);
	assert_regs(&out, OPTEE_SMC_RETURN_EBUSY, 0, 0, 0);
	/* Once each: the guest is woken when its call ends. */
	assert_int_equal(fx_smcs(f), 2);
	fx_finish(&c, TEEC_SUCCESS);
	assert_int_equal(fast_quiet(g, OPTEE_SMC_ENABLE_SHM_CACHE), OPTEE_SMC_RETURN_OK);
}

/* OP-TEE has done with a call that gives back what it held: it is not what keeps OP-TEE busy. */
FX_TEST(fault_b6_ending_call_keeps_no_cache_busy)
{
	struct om_regs out;
	struct cg_buf lent;
	struct cg_call c;

	fx_buffer(&lent, g, 60 * CG_PAGE, 0);
	fx_nop(&c, g, fx_session(g));
	cg_set_tmem(&c, 1, TMEM_IN, &lent);
	model_on_return(f->model, give_way_from_now_on, f);
	cg_start(&c);
	model_on_return(f->model, NULL, NULL);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	for (uint32_t i = 0; i < 8; i++)
		model_answer_next(f->model, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_EBUSY,
				  1, 2, 3);
	out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
	assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	fx_finish(&c, TEEC_SUCCESS);
}

FX_TEST(s11_i7_cookie_that_is_no_rpc_argument_is_not_released)
{
	struct om_regs out;
	struct cg_buf b;
	uint64_t cookies[4] = { 0, 0x1234567890ull, ~0ull };

	fx_register(&b, g, 3 * CG_PAGE);
	cookies[3] = b.cookie;
	for (size_t i = 0; i < 4; i++) {
		model_answer_next(f->model, OPTEE_SMC_DISABLE_SHM_CACHE, OPTEE_SMC_RETURN_OK,
				  cookies[i] >> 32, (uint32_t)cookies[i], 0);
		out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
		assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
		assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), i + 1);
		assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), 1);
		assert_int_equal(atomic_load(&g->test->pinned), 3);
	}
	fx_unregister(&b, g);
}

FX_TEST(s11_i8_unknown_answers_end_the_loop)
{
	static const uint64_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_ENOMEM,
					  0x77, 0xffff0004, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION };
	struct om_regs out;

	for (size_t i = 0; i < 5; i++) {
		model_answer_next(f->model, OPTEE_SMC_DISABLE_SHM_CACHE, codes[i], 1, 2, 3);
		out = answer(g, OPTEE_SMC_DISABLE_SHM_CACHE);
		assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
		model_answer_next(f->model, OPTEE_SMC_ENABLE_SHM_CACHE, codes[i], 1, 2, 3);
		out = answer(g, OPTEE_SMC_ENABLE_SHM_CACHE);
		assert_regs(&out, OPTEE_SMC_RETURN_OK, 0, 0, 0);
	}
}

/* --- 12: reserved memory ------------------------------------------------------------------ */

FX_TEST(s12_reserved_memory_is_the_mediators_to_ask_for)
{
	struct om_regs out;

	fx_smcs_reset(f);
	out = answer(&f->guest[0], OPTEE_SMC_GET_SHM_CONFIG);
	assert_regs(&out, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	assert_int_equal(fx_smcs(f), 0);
}

/* A virtualized OP-TEE 4.x tells where it is only after the first yielding call. */
FX_TEST_BARE(s12_i2_reserved_memory_that_is_told_late_is_kept_out)
{
	struct model_config config = model_config_default();
	const struct fx_options o = { .model = &config };
	struct fx *f;
	struct fx_guest *g;
	struct cg_call c;
	uint32_t session;

	config.reserved_size = 0;
	config.reserved_pa = 0;
	f = fx_new(state, &o);
	g = &f->guest[0];
	model_config(f->model)->reserved_pa = TEST_RESERVED_PA;
	model_config(f->model)->reserved_size = TEST_RESERVED_SIZE;
	session = fx_session(g);

	fx_nop(&c, g, session);
	fx_smcs_reset(f);
	test_guest_set_kind(g->test, c.where, TEST_PAGE_RESERVED);
	cg_do(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_EBADADDR);
	/* And it is not asked for again and again. */
	assert_int_equal(fx_smcs(f), 0);
	cg_call_fini(&c);
	fx_assert_idle(g);
}

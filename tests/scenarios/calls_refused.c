/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios 14-16, 19, 20: calls that are refused, by the mediator, OP-TEE or the host. */
#include "fixture.h"

#include <string.h>

#include "message.h"

/* --- 14-16: refused without a call -------------------------------------------------------- */

FX_TEST(s14_i2_unusable_addresses_make_no_call)
{
	const uint64_t ipa = TEST_IPA_BASE + 100 * CG_PAGE;
	const uint64_t addresses[] = {
		0, ipa + 8, ipa + 1, ipa + 2048, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ipa | 1ull << 48,
		~0ull, ~0ull - 4095, TEST_PA_BASE, TEST_SHADOW_PA_BASE,
	};
	static const uint32_t fids[] = { OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_CALL_WITH_RPC_ARG };
	size_t n = sizeof(addresses) / sizeof(addresses[0]);

	fx_smcs_reset(f);
	for (size_t i = 0; i < 2 * n; i++) {
		struct om_regs regs = { .a = { fids[i % 2], addresses[i / 2] >> 32,
					       (uint32_t)addresses[i / 2], 0, 5, 6, 7, 8 } };

		assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_EBADADDR);
		for (size_t r = 1; r < 4; r++)
			assert_int_equal(regs.a[r], 0);
		assert_int_equal(atomic_load(&g->test->pinned), 0);
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_ADDRESS), 2 * n);
	cg_slots_are_free(g->cg);
}

FX_TEST(s15_i8_wrong_numbers_of_parameters_make_no_call)
{
	static const uint32_t numbers[] = { 0, 1, 2, 4, 5, 6, 7, 122, 123, 127, 128, 0x8000000,
					    0xffffffff };
	uint32_t session = fx_session(g);
	struct cg_call c;

	for (uint32_t inline_rpc = 0; inline_rpc < 2; inline_rpc++) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			fx_smcs_reset(f);
			fx_nop(&c, g, session);
			c.fid = inline_rpc ? OPTEE_SMC_CALL_WITH_RPC_ARG : OPTEE_SMC_CALL_WITH_ARG;
			cg_hdr(&c)->num_params = numbers[i];
			cg_start(&c);
			if (numbers[i] <= 4) {
				assert_int_equal(fx_smcs(f), 1);
				fx_ended(&c, numbers[i] ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS);
			} else {
				assert_int_equal(fx_smcs(f), 0);
				fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
			}
		}
	}
}

FX_TEST(s16_i8_unknown_commands_make_no_call)
{
	uint8_t before[CG_PAGE];
	struct cg_call c;

	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t cmd = i < 40 ? 8 + i : 1u << (i - 32) | 0x80000000u;

		fx_call(&c, g, cmd, i % 5);
		memset(c.msg + OPTEE_MSG_ARG_SIZE(0), 0x5a, 128);
		memcpy(before, c.msg, CG_PAGE);
		cg_start(&c);
		/* As with OP-TEE, a code in a0 leaves the message as it was. */
		assert_memory_equal(c.msg, before, CG_PAGE);
		fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADCMD);
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_COMMAND), 64);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
}

/* --- 19, 20: OP-TEE and the host say no ---------------------------------------------------- */

FX_TEST(s19_call_without_a_slot_makes_no_call)
{
	uint32_t session = fx_session(g);
	struct cg_call c[FX_THREADS + 1];
	struct cg_call cancel;

	for (uint32_t i = 0; i <= FX_THREADS; i++) {
		fx_invoke(&c[i], g, i < FX_THREADS ? fx_session(g) : session, MODEL_TA_INTERRUPT);
		cg_set_value(&c[i], 0, VALUE_IN, i < FX_THREADS, 0, 0);
	}
	for (uint32_t i = 0; i < FX_THREADS; i++)
		cg_start(&c[i]);
	fx_smcs_reset(f);
	cg_start(&c[FX_THREADS]);
	assert_int_equal(c[FX_THREADS].a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	/* fault_d3: a CANCEL needs a thread, too, here as in OP-TEE. */
	fx_call(&cancel, g, OPTEE_MSG_CMD_CANCEL, 0);
	cg_hdr(&cancel)->session = session;
	cg_start(&cancel);
	fx_ended(&cancel, CG_SMC_ERROR | OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_THREADS), 2);
	fx_finish(&c[2], TEEC_SUCCESS);
	cg_start(&c[FX_THREADS]);
	fx_ended(&c[FX_THREADS], TEEC_SUCCESS);
	for (uint32_t i = 0; i < FX_THREADS; i++) {
		cg_finish(&c[i]);
		if (i != 2)
			fx_ended(&c[i], TEEC_SUCCESS);
	}
}

FX_TEST(s20_busy_optee_with_nobody_else_in_flight_is_tried_again)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY };
	uint32_t session = fx_session(g);
	struct cg_buf lent;
	struct cg_call c;

	fx_buffer(&lent, g, 20 * CG_PAGE, 0);
	for (size_t i = 0; i < 2; i++) {
		/* The slot has been in OP-TEE, with another call. */
		fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
		cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
		fx_do(&c, TEEC_SUCCESS);
		fx_invoke(&c, g, session, MODEL_TA_FILL);
		cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
		cg_set_tmem(&c, 1, ATTR_LIST, &lent);
		for (uint32_t n = 0; n < 5; n++)
			model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i],
					  0xbad1, 0xbad2, 0xbad3);
		fx_smcs_reset(f);
		cg_start(&c);
		for (uint32_t n = 1; n <= 5; n++) {
			assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
			assert_int_equal(c.a[1], 0);
			assert_int_equal(c.a[2], 0);
			assert_int_equal(fx_smcs_of(f, OPTEE_SMC_CALL_WITH_ARG), n);
			cg_serve(&c);
			cg_resume(&c);
		}
		/* The same call, whole: its page list was not given back meanwhile. */
		assert_int_equal(fx_smcs_of(f, OPTEE_SMC_CALL_WITH_ARG), 6);
		assert_int_equal(fx_smcs_of(f, OPTEE_SMC_RETURN_FROM_RPC), 0);
		assert_memory_equal(&f->smc[0].in, &f->smc[5].in, sizeof(struct om_regs));
		fx_ended(&c, TEEC_SUCCESS);
		fx_assert_idle(g);
	}
	cg_buf_free(g->cg, &lent);
}

FX_TEST(s20_busy_optee_with_a_call_in_flight_is_passed_on)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY };
	uint32_t session = fx_session(g);
	struct cg_call other;
	struct cg_buf b;
	struct cg_call c;

	fx_invoke(&other, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&other, 0, VALUE_IN, 1, 0, 0);
	cg_start(&other);
	for (size_t i = 0; i < 2; i++) {
		fx_nop(&c, g, session);
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i], 0xbad1, 0xbad2, 0xbad3);
		cg_start(&c);
		for (size_t r = 1; r < 4; r++)
			assert_int_equal(c.a[r], 0);
		fx_ended(&c, CG_SMC_ERROR | codes[i]);
		assert_int_equal(atomic_load(&g->test->pinned), 1);
	}
	/* One that lends memory, and so may pause on its way out, comes back instead. */
	fx_buffer(&b, g, 20 * CG_PAGE, 0);
	for (size_t i = 0; i < 2; i++) {
		fx_call(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
		cg_set_tmem(&c, 0, ATTR_LIST, &b);
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i], 0xbad1, 0xbad2, 0xbad3);
		cg_start(&c);
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		fx_finish(&c, TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	}
	fx_finish(&other, TEEC_SUCCESS);
	cg_buf_free(g->cg, &b);
}

/* A call that waits for its retry counts as in flight for the other, and ends. */
FX_TEST(s20_two_busy_calls_do_not_wait_for_each_other)
{
	uint32_t session = fx_session(g);
	struct cg_call a;
	struct cg_call b;
	struct cg_call other;

	fx_nop(&a, g, session);
	fx_nop(&b, g, session);
	fx_invoke(&other, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&other, 0, VALUE_IN, 1, 0, 0);
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	cg_start(&a);
	assert_int_equal(a.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	cg_start(&b);
	assert_int_equal(b.a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	cg_call_fini(&b);
	/* In its slot, whose next id it has. */
	cg_start(&other);
	assert_int_equal(other.id >> 8, 2);
	/* The first one has an id, and would be resumed: it is not told, whoever is in flight. */
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	cg_serve(&a);
	cg_resume(&a);
	assert_int_equal(a.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fx_finish(&other, TEEC_SUCCESS);
	fx_finish(&a, TEEC_SUCCESS);
}

FX_TEST(s20_i8_unknown_return_codes_end_the_call)
{
	uint8_t before[CG_PAGE];
	static const struct { uint64_t from; uint32_t to; } codes[] = {
		{ OPTEE_SMC_RETURN_ERESUME, OPTEE_SMC_RETURN_ERESUME },
		{ OPTEE_SMC_RETURN_EBADADDR, OPTEE_SMC_RETURN_EBADADDR },
		{ OPTEE_SMC_RETURN_EBADCMD, OPTEE_SMC_RETURN_EBADCMD },
		{ OPTEE_SMC_RETURN_ENOMEM, OPTEE_SMC_RETURN_ENOMEM },
		{ OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 8, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0x12345678, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0xfffe0000, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0x7700000000000004ull, OPTEE_SMC_RETURN_EBADADDR },
	};
	struct cg_buf b;
	struct cg_call c;

	fx_buffer(&b, g, 20 * CG_PAGE, 0);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		fx_call(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
		cg_set_tmem(&c, 0, ATTR_LIST, &b);
		memcpy(before, c.msg, CG_PAGE);
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, codes[i].from, 1, 2, 3);
		cg_start(&c);
		for (size_t r = 1; r < 4; r++)
			assert_int_equal(c.a[r], 0);
		assert_memory_equal(c.msg, before, CG_PAGE);
		fx_ended(&c, CG_SMC_ERROR | codes[i].to);
		fx_assert_idle(g);
	}
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	fx_unregister(&b, g);
}

/* EBUSY of a call that OP-TEE has already taken makes no sense: no retry, an end. */
FX_TEST(s20_i8_busy_in_the_middle_ends_the_call)
{
	static const uint32_t codes[] = { OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY,
					  OPTEE_SMC_RETURN_ERESUME };

	f->busy_at_end = true;
	/* OP-TEE's own idea of these calls stays behind. */
	for (size_t i = 0; i < 3; i++) {
		struct cg_call c;

		fx_invoke(&c, g, fx_session(g), MODEL_TA_INTERRUPT);
		cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
		cg_start(&c);
		model_answer_next(f->model, OPTEE_SMC_RETURN_FROM_RPC, codes[i], 0, 0, 0);
		cg_serve(&c);
		cg_resume(&c);
		fx_ended(&c, CG_SMC_ERROR | (codes[i] == OPTEE_SMC_RETURN_ERESUME ?
					     OPTEE_SMC_RETURN_ERESUME :
					     OPTEE_SMC_RETURN_ENOTAVAIL));
		assert_int_equal(atomic_load(&g->test->pinned), 0);
	}
}

FX_TEST(s20_i10_results_are_judged_by_their_low_halves)
{
	uint32_t session = fx_session(g);
	struct cg_call c;

	fx_invoke(&c, g, session, MODEL_TA_INTERRUPT);
	cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
	model_replace_next(f->model, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR,
			   0xffffffff00000000ull | OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, ~0ull, ~0ull,
			   0xffffffff00000000ull);
	model_replace_next(f->model, OPTEE_SMC_RETURN_OK, 0xffffffff00000000ull, ~0ull, ~0ull, ~0ull);
	cg_start(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(c.a[1], 0);
	assert_int_equal(c.a[2], 0);
	assert_int_equal(fx_counter(g, OM_COUNT_INTERRUPTED), 1);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), 0);
	fx_smcs_reset(f);
	fx_finish(&c, TEEC_SUCCESS);
	/* I2: nothing of that goes back to OP-TEE as if it were an address of the guest's. */
	for (size_t r = 1; r < 7; r++)
		if (r != 3)
			assert_int_equal(f->smc[0].in.a[r], 0);
}

/* Which error where: before the message is readable it is the SMC's. */
FX_TEST(s20_i9_host_failures_are_errors_of_the_smc)
{
	uint32_t session = fx_session(g);
	/* What is fetched in two, and written in several: what works later makes up for nothing. */
	static const struct { uint32_t cmd, op, n, smcs; } faults[] = {
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEST_OP_PIN, 1, 0 },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEST_OP_READ, 1, 0 },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEST_OP_WRITE, 1, 1 },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEST_OP_WRITE, 2, 1 },
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEST_OP_WRITE, 3, 1 },
		{ OPTEE_MSG_CMD_OPEN_SESSION, TEST_OP_READ, 1, 0 },
		{ OPTEE_MSG_CMD_OPEN_SESSION, TEST_OP_READ, 2, 0 },
		{ OPTEE_MSG_CMD_OPEN_SESSION, TEST_OP_WRITE, 1, 1 },
		{ OPTEE_MSG_CMD_OPEN_SESSION, TEST_OP_WRITE, 2, 1 },
	};
	struct cg_call c;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		bool opens = faults[i].cmd == OPTEE_MSG_CMD_OPEN_SESSION;

		fx_call(&c, g, faults[i].cmd, opens ? 6 : 4);
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = MODEL_TA_RETURN;
		if (opens)
			cg_set_open(&c, cg_uuid_model);
		else
			cg_set_value(&c, 0, VALUE_IN, 0, 0, 0);
		cg_set_value(&c, opens ? 2 : 1, VALUE_OUT, 0, 0, 0);
		cg_set_value(&c, 3, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, 0, 0, 0);
		fx_smcs_reset(f);
		test_host_fail(f->host, 1u << faults[i].op, faults[i].n, false);
		cg_start(&c);
		assert_int_equal(test_host_fault_hits(f->host), 1);
		assert_int_equal(fx_smcs(f), faults[i].smcs);
		fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
		test_host_fail(f->host, 0, 0, false);
		fx_assert_idle(g);
	}
	/* A refusal that cannot be written is one, too. */
	fx_nop(&c, g, session);
	cg_hdr(&c)->num_params = 9;
	test_host_fail(f->host, 1u << TEST_OP_WRITE, 1, false);
	cg_start(&c);
	fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_EBADADDR);
	cg_slots_are_free(g->cg);
}

/* --- 55: what cannot be waited for ---------------------------------------------------------- */

/* A guest whose scheduler never runs the other thread, because this one comes back at once. */
FX_TEST(fault_b7_unregister_comes_to_an_end)
{
	struct cg_call user;
	struct cg_call c;
	struct cg_buf b;
	uint32_t n = 0;

	fx_register(&b, g, CG_PAGE);
	fx_invoke(&user, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&user, 0, VALUE_IN, 1, 0, 0);
	cg_set_rmem(&user, 3, RMEM_IN, b.cookie, 0, 1);
	cg_start(&user);
	fx_call(&c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	cg_set_rmem(&c, 0, RMEM_IN, b.cookie, 0, 0);
	c.vcpu = 1;
	fx_smcs_reset(f);
	for (cg_start(&c); c.state == CG_WAITING && n <= OM_WAIT_TRIES; n++) {
		cg_serve(&c);
		cg_resume(&c);
	}
	assert_int_equal(n, OM_WAIT_TRIES);
	assert_int_equal(fx_smcs(f), 0);
	fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	/* The buffer is as it was: the other call goes on, and then it is let go. */
	assert_int_equal(atomic_load(&g->test->pinned), 2);
	fx_finish(&user, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

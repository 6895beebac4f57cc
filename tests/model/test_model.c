/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model by itself, in what no guest can tell: what it holds against a mediator, where its
 * memory ends, and how it gives ids again. That its answers are the real OP-TEE's is told by
 * the conformance guest, which runs on both.
 */
#include <stdlib.h>
#include <string.h>

#include "asserts.h"

#define IPA		TEST_IPA_BASE
#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define RMEM_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT

static const uint8_t invoke_tests[16] = PTA_INVOKE_TESTS_UUID;
static const uint8_t stats[16] = PTA_STATS_UUID;
static const uint8_t test_ta[16] = MODEL_TA_UUID;

static struct om_regs as_hypervisor(struct hyper *y, uint32_t a0, uint32_t a1)
{
	struct om_regs regs = { .a = { a0, a1 } };

	y->host->ops.smc(y->host, &regs);
	for (size_t i = 0; i < 4; i++)
		regs.a[i] = (uint32_t)regs.a[i];
	return regs;
}

/* --- What no mediator may do ----------------------------------------------------------- */

HYPER_TEST(results_carry_junk_above_32_bits)
{
	struct om_regs regs = { .a = { OPTEE_SMC_CALLS_REVISION } };

	y->host->ops.smc(y->host, &regs);
	assert_int_equal(regs.a[0], 0xdeadbeef00000002ull);
	model_config(y->model)->garbage_high = false;
	regs.a[0] = OPTEE_SMC_CALLS_REVISION;
	regs.a[1] = regs.a[2] = regs.a[3] = 0;
	y->host->ops.smc(y->host, &regs);
	assert_int_equal(regs.a[0], 2);
}

HYPER_TEST(what_no_mediator_may_do_is_a_violation)
{
	static const uint32_t fast[] = {
		OPTEE_SMC_VM_CREATED, OPTEE_SMC_VM_DESTROYED, OPTEE_SMC_GET_SHM_CONFIG,
		OPTEE_SMC_L2CC_MUTEX, OPTEE_SMC_BOOT_SECONDARY, OPTEE_SMC_GET_PROTMEM_CONFIG,
		OPTEE_SMC_LOAD_IMAGE, 0xb2000099u, 0x32000005u, OPTEE_SMC_CALL_WITH_REGD_ARG,
	};
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG } };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++) {
		hyper_smc(y, fast[i], 1, 0, 0);
		assert_int_equal(model_violations(y->model), ++n);
	}
	hyper_smc(y, OPTEE_SMC_EXCHANGE_CAPABILITIES, 2, 0, 0);
	assert_int_equal(model_violations(y->model), ++n);
	hyper_smc(y, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, 0);
	assert_int_equal(model_violations(y->model), ++n);
	/* Straight to the model: the host would fail the test itself. */
	model_smc(y->model, &regs);
	assert_int_equal((uint32_t)regs.a[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(model_violations(y->model), ++n);
	assert_non_null(strstr(model_violation(y->model, n - 1), "panic"));
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_VM_CREATED, 7).a[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_VM_DESTROYED, 9).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(model_violations(y->model), n + 2);
	model_violations_reset(y->model);
}

HYPER_TEST(messages_out_of_place_are_bad_addresses)
{
	hyper_msg(y, 0, 99, 0);
	assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_EBADCMD);
	assert_int_equal(model_violations(y->model), 1);
	model_violations_reset(y->model);
	hyper_msg(y, 0, OPTEE_MSG_CMD_CLOSE_SESSION, 128);
	assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_EBADADDR);
	hyper_msg(y, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 123);
	assert_int_equal(hyper_begin(y, 0, OPTEE_SMC_CALL_WITH_RPC_ARG).a[0],
			 OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(model_violations(y->model), 2);
	hyper_msg(y, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 122);
	assert_int_equal(hyper_begin(y, 0, OPTEE_SMC_CALL_WITH_RPC_ARG).a[0],
			 OPTEE_SMC_RETURN_OK);
	assert_int_equal(hyper_smc(y, OPTEE_SMC_CALL_WITH_ARG, 5, 8, 0).a[0],
			 OPTEE_SMC_RETURN_EBADADDR);
	assert_int_equal(model_threads_in_use(y->model, 7), 0);
	model_violations_reset(y->model);
}

HYPER_TEST(ranges_and_cookies_are_judged)
{
	uint32_t session = hyper_open(y, invoke_tests);
	struct optee_msg_hdr *hdr;
	uint64_t cookie;

	assert_int_equal(hyper_register(y, IPA, 2, 0x800, 0x1000, &cookie), TEEC_SUCCESS);
	hdr = hyper_invoke(y, 0, session, PTA_INVOKE_TESTS_TRACE, 1);
	/* Whole pages minus the offset, not what was registered. */
	hyper_rmem(hdr, 0, RMEM_INOUT, 0, 0x1800, cookie);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	model_assert_clean(y->model);
	hyper_rmem(hdr, 0, RMEM_INOUT, 1, 0x1800, cookie);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_SECURITY, TEEC_ORIGIN_TEE);
	hyper_rmem(hdr, 0, RMEM_INOUT, UINT64_MAX, 2, cookie);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_SECURITY, TEEC_ORIGIN_TEE);
	hyper_rmem(hdr, 0, RMEM_INOUT, 0, 1, cookie + 1);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TEE);
	hyper_rmem(hdr, 0, RMEM_INOUT | 0x400, 0, 1, cookie);
	hyper_call(y, 0);
	assert_int_equal(model_violations(y->model), 5);
	assert_int_equal(hyper_unregister(y, cookie + 1), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(hyper_unregister(y, cookie), TEEC_SUCCESS);
	model_violations_reset(y->model);
}

HYPER_TEST(temporary_buffers_are_used_and_leak_as_they_do)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr = hyper_invoke(y, 0, session, MODEL_TA_COPY, 2);
	struct optee_msg_param *p = model_param(hdr, 0);
	uint8_t *va = test_guest_va(y->guest, IPA);
	uint64_t cookie;

	p[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG;
	p[1].attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
	memcpy(va + 100, "temporary", 10);
	cookie = hyper_share(y, IPA, 1, 100, &p[0].u.tmem.buf_ptr);
	p[0].u.tmem.size = 10;
	p[0].u.tmem.shm_ref = cookie;
	p[1].u.tmem.shm_ref = hyper_share(y, IPA + TEST_PAGE, 1, 7, &p[1].u.tmem.buf_ptr);
	p[1].u.tmem.size = 9;
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_SHORT_BUFFER, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(p[1].u.tmem.size, 10);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	assert_string_equal((char *)va + TEST_PAGE + 7, "temporary");
	assert_int_equal(model_buffers(y->model, 7), 0);
	model_assert_clean(y->model);
	/* Known by its cookie still, which nobody may ever use. */
	hdr = hyper_invoke(y, 0, session, MODEL_TA_COPY, 1);
	hyper_rmem(hdr, 0, RMEM_INOUT, 0, 1, cookie);
	hyper_call(y, 0);
	assert_int_equal(model_violations(y->model), 1);
	assert_int_equal(hyper_unregister(y, cookie), TEEC_ERROR_BAD_PARAMETERS);
	model_violations_reset(y->model);
}

HYPER_TEST(unregister_can_overtake_an_interrupted_call)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr;
	uint64_t cookie;

	hyper_register(y, IPA, 1, 0, TEST_PAGE, &cookie);
	hdr = hyper_invoke(y, 1, session, MODEL_TA_RETURN, 1);
	hyper_rmem(hdr, 0, RMEM_INOUT, 0, 16, cookie);
	model_config(y->model)->interrupt_every = 1;
	assert_int_equal(hyper_begin(y, 1, OPTEE_SMC_CALL_WITH_ARG).a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	model_config(y->model)->interrupt_every = 0;
	assert_int_equal(hyper_unregister(y, cookie), TEEC_SUCCESS);
	hyper_smc(y, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, 0);
	assert_int_equal(hdr->ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(hdr->ret_origin, TEEC_ORIGIN_TEE);
	/* Nobody did wrong; but the next one with this cookie would. */
	model_assert_clean(y->model);
	hyper_begin(y, 1, OPTEE_SMC_CALL_WITH_ARG);
	assert_int_equal(model_violations(y->model), 1);
	model_violations_reset(y->model);
}

/* Page 0 is no failure to OP-TEE: it is refused for its place, or taken. */
HYPER_TEST(fault_a2_page_0_is_an_address)
{
	uint32_t session = hyper_open(y, stats);
	struct optee_msg_hdr *hdr = hyper_invoke(y, 0, session, PTA_STATS_GET_TIME, 2);

	hyper_value(hdr, 0, VALUE_OUT, 0, 0);
	hyper_value(hdr, 1, VALUE_OUT, 0, 0);
	hyper_begin(y, 0, OPTEE_SMC_CALL_WITH_ARG);
	hyper_smc(y, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, 0);
	assert_result(hdr, TEEC_ERROR_OUT_OF_MEMORY, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(model_violations(y->model), 1);
	assert_non_null(strstr(model_violation(y->model, 0), "page 0"));
	model_violations_reset(y->model);
}

/* --- Sessions ---------------------------------------------------------------------------- */

/* As OP-TEE 4.5: one above that of the last that is open still. */
HYPER_TEST(session_ids_are_given_again)
{
	assert_int_equal(hyper_open(y, invoke_tests), 1);
	assert_int_equal(hyper_open(y, invoke_tests), 2);
	assert_int_equal(hyper_open(y, invoke_tests), 3);
	assert_int_equal(hyper_close(y, 3), TEEC_SUCCESS);
	assert_int_equal(hyper_open(y, test_ta), 3);
	assert_int_equal(hyper_close(y, 1), TEEC_SUCCESS);
	assert_int_equal(hyper_open(y, test_ta), 4);
	assert_int_equal(hyper_close(y, 4), TEEC_SUCCESS);
	assert_int_equal(hyper_close(y, 3), TEEC_SUCCESS);
	assert_int_equal(hyper_open(y, test_ta), 3);
	assert_int_equal(hyper_close(y, 2), TEEC_SUCCESS);
	assert_int_equal(hyper_close(y, 3), TEEC_SUCCESS);
	assert_int_equal(hyper_open(y, test_ta), 1);
}

/* What names no session: CLOSE alone says it in another way. */
HYPER_TEST(fault_c1_unknown_sessions_get_what_optee_answers)
{
	static const struct {
		uint32_t cmd, ret;
	} t[] = {
		{ OPTEE_MSG_CMD_INVOKE_COMMAND, TEEC_ERROR_BAD_PARAMETERS },
		{ OPTEE_MSG_CMD_CANCEL, TEEC_ERROR_BAD_PARAMETERS },
		{ OPTEE_MSG_CMD_CLOSE_SESSION, TEEC_ERROR_ITEM_NOT_FOUND },
	};
	static const uint32_t ids[] = { 0, 2, 0x7fffffff, 0xffffffff };

	assert_int_equal(hyper_open(y, invoke_tests), 1);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
			hyper_msg(y, 0, t[i].cmd, 0)->session = ids[k];
			assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_OK);
			assert_int_equal(hyper_arg(y, 0)->ret, t[i].ret);
			assert_int_equal(hyper_arg(y, 0)->ret_origin, TEEC_ORIGIN_TEE);
		}
}

/* Serves the call on a slot until it asks to wait, and that once. */
static struct om_regs begin_to_wait(struct hyper *y, uint32_t slot)
{
	struct om_regs regs = hyper_begin(y, slot, OPTEE_SMC_CALL_WITH_ARG);
	uint32_t asked;

	do {
		asked = (uint32_t)regs.a[0];
		regs = hyper_serve(y, slot, &regs);
		assert_true(regs.a[0] >= OPTEE_SMC_RETURN_RPC_PREFIX);
	} while (asked != OPTEE_SMC_RETURN_RPC_CMD);
	return regs;
}

/*
 * A session is closed while an INVOKE waits for it, and its id is another's before
 * that one looks again: it gets nowhere, whatever TA the id is of now.
 */
TEST(a_closed_session_is_nobody_elses)
{
	struct model_config config = model_config_default();
	struct om_regs regs[3];
	uint32_t session;
	struct hyper *y;

	config.threads = 3;
	y = hyper_new(&config);
	session = hyper_open(y, test_ta);
	hyper_value(hyper_invoke(y, 0, session, MODEL_TA_INTERRUPT, 1), 0, VALUE_IN, 1, 0);
	hyper_msg(y, 1, OPTEE_MSG_CMD_CLOSE_SESSION, 0)->session = session;
	hyper_value(hyper_invoke(y, 2, session, MODEL_TA_RETURN, 1), 0, VALUE_IN, TEEC_SUCCESS, 0);
	regs[0] = hyper_begin(y, 0, OPTEE_SMC_CALL_WITH_ARG);
	for (uint32_t i = 1; i < 3; i++)
		regs[i] = begin_to_wait(y, i);
	hyper_finish(y, 0, regs[0]);
	hyper_finish(y, 1, regs[1]);
	assert_int_equal(hyper_arg(y, 1)->ret, TEEC_SUCCESS);
	assert_int_equal(hyper_open(y, test_ta), session);
	assert_int_equal(hyper_finish(y, 2, regs[2]), OPTEE_SMC_RETURN_OK);
	assert_int_equal(hyper_arg(y, 2)->ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(hyper_arg(y, 2)->ret_origin, TEEC_ORIGIN_TEE);
	hyper_free(y);
}

/* --- Memory that ends ---------------------------------------------------------------------- */

/* An INVOKE that names one byte of a buffer of so many pages. */
static void use_one_byte(struct hyper *y, uint32_t session, size_t pages)
{
	struct optee_msg_hdr *hdr;
	uint64_t cookie;

	assert_int_equal(hyper_register(y, IPA, pages, 0, pages * 4096, &cookie), TEEC_SUCCESS);
	hdr = hyper_invoke(y, 0, session, MODEL_TA_SUM, 2);
	hyper_value(hdr, 0, VALUE_OUT, 0, 0);
	hyper_rmem(hdr, 1, RMEM_IN, 0, 1, cookie);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(hyper_unregister(y, cookie), TEEC_SUCCESS);
}

/* Measured: the message and 512 T - 1 pages go, one more panics. */
TEST(tables_end_somewhere)
{
	struct model_config config = model_config_default();
	uint32_t session;
	struct hyper *y;

	config.shm_tables = 3;
	y = hyper_new(&config);
	session = hyper_open(y, test_ta);
	use_one_byte(y, session, 3 * 512 - 1);
	use_one_byte(y, session, 3 * 512 - 1);
	assert_int_equal(model_violations(y->model), 0);
	use_one_byte(y, session, 3 * 512);
	assert_int_equal(model_violations(y->model), 1);
	assert_non_null(strstr(model_violation(y->model, 0), "OP-TEE panics"));
	model_violations_reset(y->model);
	hyper_free(y);
}

/* The same of a whole buffer; the call waits, with the buffer mapped. */
static struct om_regs use_and_wait(struct hyper *y, uint32_t slot, size_t pages, uint64_t *cookie)
{
	uint64_t ipa = IPA + (uint64_t)slot * 512 * 4096;
	struct optee_msg_hdr *hdr;
	uint32_t session;

	session = hyper_open(y, test_ta);
	assert_int_equal(hyper_register(y, ipa, pages, 0, pages * 4096, cookie), TEEC_SUCCESS);
	hdr = hyper_invoke(y, slot, session, MODEL_TA_SUSPEND_MEMREF, 2);
	hyper_value(hdr, 0, VALUE_IN, 1, 0);
	hyper_rmem(hdr, 1, RMEM_INOUT, 0, 1, *cookie);
	return hyper_begin(y, slot, OPTEE_SMC_CALL_WITH_RPC_ARG);
}

/* What fits in no gap goes behind everything, and tables are never given back. */
TEST(gaps_of_the_window_cost_tables)
{
	struct model_config config = model_config_default();
	uint64_t cookie[2];
	struct om_regs low;
	struct om_regs high;
	uint32_t session;
	struct hyper *y;

	config.shm_tables = 2;
	config.threads = 3;
	y = hyper_new(&config);
	session = hyper_open(y, test_ta);
	low = use_and_wait(y, 1, 400, &cookie[0]);
	high = use_and_wait(y, 2, 200, &cookie[1]);
	hyper_finish(y, 1, low);
	/* 400 of the 1,024 are free below the second one, and some 420 above it. */
	use_one_byte(y, session, 400);
	use_one_byte(y, session, 420);
	assert_int_equal(model_violations(y->model), 0);
	use_one_byte(y, session, 430);
	assert_int_equal(model_violations(y->model), 1);
	model_violations_reset(y->model);
	hyper_finish(y, 2, high);
	assert_int_equal(hyper_unregister(y, cookie[0]), TEEC_SUCCESS);
	assert_int_equal(hyper_unregister(y, cookie[1]), TEEC_SUCCESS);
	hyper_free(y);
}

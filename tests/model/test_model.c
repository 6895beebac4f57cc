/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model by itself: does it do what the real OP-TEE does? Expected values are
 * those measured on Debian's OP-TEE 4.5 or read from OP-TEE's source.
 */
#include <stdlib.h>
#include <string.h>

#include "asserts.h"

#define IPA		TEST_IPA_BASE
#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define RMEM_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT
#define RMEM_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT

static const uint8_t invoke_tests[16] = PTA_INVOKE_TESTS_UUID;
static const uint8_t device[16] = PTA_DEVICE_UUID;
static const uint8_t test_ta[16] = MODEL_TA_UUID;
static const uint8_t unknown[16] = { 0x11, 0x22, 0x33, 0x44, 5, 6, 7, 8, 9, 10, 11, 12 };

static struct om_regs as_hypervisor(struct hyper *y, uint32_t a0, uint32_t a1)
{
	struct om_regs regs = { .a = { a0, a1 } };

	y->host->ops.smc(y->host, &regs);
	for (size_t i = 0; i < 4; i++)
		regs.a[i] = (uint32_t)regs.a[i];
	return regs;
}

/* --- Fast calls ---------------------------------------------------------------------- */

HYPER_TEST(probe_answers_like_debians_build)
{
	assert_regs(as_hypervisor(y, OPTEE_SMC_CALLS_COUNT, 0), 14, 0, 0, 0);
	assert_regs(as_hypervisor(y, OPTEE_SMC_CALLS_UID, 0), 0x384fb3e0, 0xe7f811e3, 0xaf630002,
		    0xa5d5c51b);
	assert_regs(as_hypervisor(y, OPTEE_SMC_CALLS_REVISION, 0), 2, 0, 0, 0);
	assert_regs(as_hypervisor(y, OPTEE_SMC_GET_THREAD_COUNT, 0), 0, 2, 0, 0);
	assert_regs(as_hypervisor(y, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0), 0, 0xfd, 0x42, 4);
	assert_regs(as_hypervisor(y, OPTEE_SMC_GET_SHM_CONFIG, 0), 0, TEST_RESERVED_PA,
		    TEST_RESERVED_SIZE, 1);
	assert_regs(as_hypervisor(y, OPTEE_SMC_VM_DESTROYED, 7), 0, 7, 0, 0);
	assert_regs(as_hypervisor(y, OPTEE_SMC_VM_CREATED, 7), 0, 7, 0, 0);
}

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

TEST(config_changes_the_probe)
{
	struct model_config config = model_config_default();
	struct hyper *y;

	config.virtualization = false;
	config.async_notif = false;
	config.wrong_uid = true;
	config.no_thread_count = true;
	config.no_shm_config = true;
	y = hyper_new(&config);
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_CALLS_UID, 0).a[0], 0x12345678);
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0).a[1], 0xd5);
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_GET_THREAD_COUNT, 0).a[0],
			 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_GET_SHM_CONFIG, 0).a[0],
			 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	assert_int_equal(as_hypervisor(y, OPTEE_SMC_VM_CREATED, 1).a[0],
			 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	assert_int_equal(hyper_smc(y, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	hyper_free(y);
}

TEST(late_shm_config_waits_for_a_yielding_call)
{
	struct model_config config = model_config_default();
	struct hyper *y;

	config.late_shm_config = true;
	y = hyper_new(&config);
	assert_regs(as_hypervisor(y, OPTEE_SMC_GET_SHM_CONFIG, 0), 0, 0, 0, 1);
	hyper_close(y, 99);
	assert_regs(as_hypervisor(y, OPTEE_SMC_GET_SHM_CONFIG, 0), 0, TEST_RESERVED_PA,
		    TEST_RESERVED_SIZE, 1);
	hyper_free(y);
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

/* --- Sessions and parameters ----------------------------------------------------------- */

HYPER_TEST(a_session_from_open_to_close)
{
	struct optee_msg_hdr *hdr;
	uint32_t session;

	session = hyper_open(y, invoke_tests);
	assert_int_equal(session, 1);
	assert_result(hyper_arg(y, 0), TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	hdr = hyper_invoke(y, 0, session, PTA_INVOKE_TESTS_PARAMS, 1);
	hyper_value(hdr, 0, VALUE_INOUT, 2, 3);
	model_param(hdr, 0)->u.value.c = 9;
	assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_OK);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(model_param(hdr, 0)->u.value.a, 5);
	assert_int_equal(model_param(hdr, 0)->u.value.b, 3);
	assert_int_equal(model_param(hdr, 0)->u.value.c, 9);
	assert_int_equal(model_sessions(y->model, 7), 1);
	assert_int_equal(hyper_close(y, session), TEEC_SUCCESS);
	assert_int_equal(hyper_arg(y, 0)->ret_origin, TEEC_ORIGIN_TEE);
	assert_int_equal(hyper_close(y, session), TEEC_ERROR_ITEM_NOT_FOUND);
	hdr->cmd = OPTEE_MSG_CMD_CANCEL;
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TEE);
	assert_int_equal(hyper_open(y, unknown), 0);
}

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

HYPER_TEST(errors_come_from_where_the_real_ones_do)
{
	static const uint8_t null[16];
	uint32_t session = hyper_open(y, invoke_tests);
	struct optee_msg_hdr *hdr;

	hdr = hyper_invoke(y, 0, 77, PTA_INVOKE_TESTS_TRACE, 0);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TEE);
	hdr = hyper_invoke(y, 0, session, 77, 0);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TRUSTED_APP);
	hdr = hyper_invoke(y, 0, session, 0, 5);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TEE);
	hdr = hyper_invoke(y, 0, session, 0, 127);
	assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_OK);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TEE);
	assert_int_equal(hyper_open(y, null), 0);
	assert_result(hyper_arg(y, 0), TEEC_ERROR_GENERIC, TEEC_ORIGIN_TEE);
	assert_int_equal(y->logged, 0);
	hdr = hyper_msg(y, 0, 99, 0);
	assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_EBADCMD);
	assert_int_equal(hdr->ret, 0);
	model_violations_reset(y->model);
}

HYPER_TEST(messages_out_of_place_are_bad_addresses)
{
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

HYPER_TEST(devices_are_enumerated_with_short_buffer)
{
	uint32_t session = hyper_open(y, device);
	struct optee_msg_hdr *hdr = hyper_invoke(y, 0, session, PTA_DEVICE_GET, 1);
	uint64_t cookie;

	model_param(hdr, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_SHORT_BUFFER, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(model_param(hdr, 0)->u.tmem.size, 32);
	assert_int_equal(hyper_register(y, IPA, 1, 0, 4096, &cookie), TEEC_SUCCESS);
	hdr = hyper_invoke(y, 0, session, PTA_DEVICE_GET, 1);
	hyper_rmem(hdr, 0, RMEM_OUT, 8, 64, cookie);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(model_param(hdr, 0)->u.rmem.size, 32);
	assert_memory_equal((uint8_t *)test_guest_va(y->guest, IPA) + 8, invoke_tests, 16);
}

/* --- Shared memory ------------------------------------------------------------------------ */

HYPER_TEST(registered_memory_is_really_read_and_written)
{
	uint32_t session = hyper_open(y, invoke_tests);
	struct optee_msg_hdr *hdr;
	uint8_t *va = test_guest_va(y->guest, IPA);
	uint64_t cookie;

	memset(va, 0, 1100 * TEST_PAGE);
	va[4095] = 11;
	va[1100 * TEST_PAGE - 1] = 31;
	/* More than two list pages, at the last byte of the first page. */
	assert_int_equal(hyper_register(y, IPA, 1100, 4095, 1099 * TEST_PAGE + 1, &cookie),
			 TEEC_SUCCESS);
	assert_int_equal(model_buffer_pages(y->model, 7), 1100);
	hdr = hyper_invoke(y, 0, session, PTA_INVOKE_TESTS_PARAMS, 1);
	hyper_rmem(hdr, 0, RMEM_INOUT, 0, 1099 * TEST_PAGE + 1, cookie);
	hyper_call(y, 0);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(va[4095], 42);
	assert_int_equal(hyper_unregister(y, cookie), TEEC_SUCCESS);
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

HYPER_TEST(null_memrefs_are_no_memory)
{
	uint32_t session = hyper_open(y, invoke_tests);
	struct optee_msg_hdr *hdr = hyper_invoke(y, 0, session, PTA_INVOKE_TESTS_MEMREF_NULL, 1);

	model_param(hdr, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
	model_param(hdr, 0)->u.tmem.size = 0x40;
	hyper_call(y, 0);
	assert_result(hdr, TEEC_SUCCESS, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(model_param(hdr, 0)->u.tmem.size, 0);
	model_param(hdr, 0)->attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT;
	hyper_call(y, 0);
	assert_result(hdr, TEEC_ERROR_BAD_PARAMETERS, TEEC_ORIGIN_TRUSTED_APP);
}

TEST(heap_ends_somewhere)
{
	struct model_config config = model_config_default();
	struct hyper *y;
	uint64_t cookie;

	config.heap = 64 * 1024;
	y = hyper_new(&config);
	assert_int_equal(hyper_register(y, IPA, 1024 * 4 / 5, 0, 4096, &cookie), TEEC_SUCCESS);
	hyper_unregister(y, cookie);
	assert_int_equal(hyper_register(y, IPA, 2040, 0, 2040 * 4096, &cookie), TEEC_SUCCESS);
	hyper_unregister(y, cookie);
	model_config(y->model)->heap = 16 * 2040 - 1;
	assert_int_equal(hyper_register(y, IPA, 2040, 0, 2040 * 4096, &cookie),
			 TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(model_buffers(y->model, 7), 0);
	hyper_free(y);
}

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

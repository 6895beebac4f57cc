/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model by itself, second part: the RPCs it makes, in which order and with
 * what in them, as measured on Debian's OP-TEE 4.5; and what the test TA adds.
 */
#include <stdlib.h>
#include <string.h>

#include "asserts.h"

#define GUEST		7u
#define IPA		TEST_IPA_BASE
#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define RMEM_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT

static const uint8_t stats[16] = PTA_STATS_UUID;
static const uint8_t test_ta[16] = MODEL_TA_UUID;
static const uint8_t unknown[16] = { 0x11, 0x22, 0x33, 0x44, 5, 6, 7, 8, 9, 10, 11, 12 };

/* An INVOKE of the test TA on a slot with one value; the caller may add more. */
static struct optee_msg_hdr *invoke(struct hyper *y, uint32_t slot, uint32_t session,
				    uint32_t func, uint32_t attr, uint64_t a, uint64_t b)
{
	struct optee_msg_hdr *hdr = hyper_invoke(y, slot, session, func, 1);

	hyper_value(hdr, 0, attr, a, b);
	return hdr;
}

/* --- RPCs ----------------------------------------------------------------------------------- */

static void assert_log(struct hyper *y, size_t i, uint32_t a0, uint32_t cmd, uint64_t a, uint64_t b)
{
	assert_true(i < y->logged);
	assert_int_equal(y->log[i].a0, a0);
	if (a0 != OPTEE_SMC_RETURN_RPC_CMD)
		return;
	assert_int_equal(y->log[i].cmd, cmd);
	assert_int_equal(y->log[i].param[0].u.value.a, a);
	assert_int_equal(y->log[i].param[0].u.value.b, b);
}

static uint32_t get_time(struct hyper *y, uint32_t session, uint32_t fid)
{
	struct optee_msg_hdr *hdr = hyper_invoke(y, 0, session, PTA_STATS_GET_TIME, 2);

	y->logged = 0;
	hyper_value(hdr, 0, VALUE_OUT, 0, 0);
	hyper_value(hdr, 1, VALUE_OUT, 0, 0);
	hyper_finish(y, 0, hyper_begin(y, 0, fid));
	return hdr->ret;
}

HYPER_TEST(get_time_with_and_without_the_cache)
{
	uint32_t session = hyper_open(y, stats);
	struct om_regs regs;

	assert_regs(hyper_smc(y, OPTEE_SMC_DISABLE_SHM_CACHE, 0, 0, 0), 7, 0, 0, 0);
	assert_int_equal(get_time(y, session, OPTEE_SMC_CALL_WITH_ARG), TEEC_SUCCESS);
	assert_int_equal(model_param(hyper_arg(y, 0), 0)->u.value.a, 1234);
	assert_int_equal(model_param(hyper_arg(y, 0), 0)->u.value.b, 56);
	assert_int_equal(y->logged, 3);
	assert_int_equal(y->log[0].a0, OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_log(y, 1, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_GET_TIME, 0, 0);
	assert_int_equal(y->log[2].a0, OPTEE_SMC_RETURN_RPC_FREE);

	assert_regs(hyper_smc(y, OPTEE_SMC_ENABLE_SHM_CACHE, 0, 0, 0), 0, 0, 0, 0);
	get_time(y, session, OPTEE_SMC_CALL_WITH_ARG);
	assert_int_equal(y->logged, 2);
	get_time(y, session, OPTEE_SMC_CALL_WITH_ARG);
	assert_int_equal(y->logged, 1);
	/* An argument that comes inline has the cached one freed first. */
	get_time(y, session, OPTEE_SMC_CALL_WITH_RPC_ARG);
	assert_int_equal(y->logged, 2);
	assert_int_equal(y->log[0].a0, OPTEE_SMC_RETURN_RPC_FREE);
	get_time(y, session, OPTEE_SMC_CALL_WITH_ARG);
	regs = hyper_smc(y, OPTEE_SMC_DISABLE_SHM_CACHE, 0, 0, 0);
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
	hyper_unshare(y, regs.a[1] << 32 | regs.a[2]);
	assert_regs(hyper_smc(y, OPTEE_SMC_DISABLE_SHM_CACHE, 0, 0, 0), 7, 0, 0, 0);
}

HYPER_TEST(an_unknown_ta_is_looked_for_in_the_real_order)
{
	static const uint8_t fs[] = { 0, 1, 6, 0, 1, 6 };
	uint64_t half[2];

	memcpy(half, unknown, sizeof(half));
	assert_int_equal(hyper_open(y, unknown), 0);
	assert_result(hyper_arg(y, 0), TEEC_ERROR_ITEM_NOT_FOUND, TEEC_ORIGIN_TEE);
	assert_int_equal(y->logged, 11);
	assert_int_equal(y->log[0].a0, OPTEE_SMC_RETURN_RPC_ALLOC);
	assert_log(y, 1, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_SHM_ALLOC, 0, 0x1000);
	for (size_t i = 0; i < 6; i++) {
		assert_log(y, 2 + i, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_FS, fs[i], 0);
		assert_int_equal(y->log[2 + i].num_params, fs[i] == 6 ? 2 : 3);
		assert_int_equal(y->log[2 + i].param[1].u.rmem.size, 0x15e);
	}
	assert_log(y, 8, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_LOAD_TA, half[0], half[1]);
	assert_int_equal(y->log[8].param[1].attr, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT);
	assert_log(y, 9, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_SHM_FREE, 0,
		   y->log[2].param[1].u.rmem.shm_ref);
	assert_int_equal(y->log[10].a0, OPTEE_SMC_RETURN_RPC_FREE);

	y->logged = 0;
	y->alloc_ret = TEEC_ERROR_OUT_OF_MEMORY;
	assert_int_equal(hyper_open(y, unknown), 0);
	assert_result(hyper_arg(y, 0), TEEC_ERROR_OUT_OF_MEMORY, TEEC_ORIGIN_TEE);
	assert_int_equal(y->logged, 3);
}

/* What cannot be opened is removed, and memory that was refused is asked for again. */
TEST(fault_d5_optee_4_10_removes_what_it_cannot_open)
{
	static const uint8_t fs[] = { 0, 6, 1, 6, 0, 6, 1, 6 };
	struct model_config config = model_config_default();
	struct hyper *y;

	config.optee_4_10 = true;
	y = hyper_new(&config);
	assert_int_equal(hyper_open(y, unknown), 0);
	assert_result(hyper_arg(y, 0), TEEC_ERROR_ITEM_NOT_FOUND, TEEC_ORIGIN_TEE);
	assert_int_equal(y->logged, 13);
	for (size_t i = 0; i < 8; i++)
		assert_log(y, 2 + i, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_FS, fs[i], 0);

	y->logged = 0;
	y->alloc_ret = TEEC_ERROR_OUT_OF_MEMORY;
	assert_int_equal(hyper_open(y, unknown), 0);
	assert_result(hyper_arg(y, 0), TEEC_ERROR_OUT_OF_MEMORY, TEEC_ORIGIN_TEE);
	assert_int_equal(y->logged, 4);
	for (size_t i = 1; i < 3; i++)
		assert_log(y, i, OPTEE_SMC_RETURN_RPC_CMD, OPTEE_RPC_CMD_SHM_ALLOC, 0, 0x1000);
	hyper_free(y);
}

TEST(a_ta_of_1_2_mb_is_loaded)
{
	struct hyper *y = hyper_new(NULL);
	size_t size = 1200000;
	uint8_t *image = malloc(size);

	assert_non_null(image);
	for (size_t i = 0; i < size; i++)
		image[i] = i < 16 ? unknown[i] : MODEL_TA_PATTERN(MODEL_TA_IMAGE_SEED, i);
	y->image = image;
	y->image_size = size;
	assert_int_equal(hyper_open(y, unknown), 1);
	assert_int_equal(model_buffers(y->model, 7), 0);
	image[size - 1] ^= 1;
	assert_int_equal(hyper_open(y, unknown), 0);
	assert_result(hyper_arg(y, 0), TEEC_ERROR_SECURITY, TEEC_ORIGIN_TEE);
	hyper_free(y);
	free(image);
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

HYPER_TEST(refused_rpc_arguments_end_in_out_of_memory)
{
	uint32_t session = hyper_open(y, stats);
	struct optee_msg_hdr *hdr = hyper_invoke(y, 0, session, PTA_STATS_GET_TIME, 2);
	struct om_regs regs;

	hyper_value(hdr, 0, VALUE_OUT, 0, 0);
	hyper_value(hdr, 1, VALUE_OUT, 0, 0);
	regs = hyper_begin(y, 0, OPTEE_SMC_CALL_WITH_ARG);
	assert_regs(regs, OPTEE_SMC_RETURN_RPC_ALLOC, 160, 0, 0);
	/* What is misaligned, and no cookie: nothing to free. */
	regs = hyper_smc(y, OPTEE_SMC_RETURN_FROM_RPC, 0, 1, 0);
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
	assert_result(hdr, TEEC_ERROR_OUT_OF_MEMORY, TEEC_ORIGIN_TRUSTED_APP);
	/* The same with a cookie: it is freed. */
	hyper_begin(y, 0, OPTEE_SMC_CALL_WITH_ARG);
	regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 1, 0, 1, 2, 0, 7 } };
	y->host->ops.smc(y->host, &regs);
	assert_int_equal((uint32_t)regs.a[0], OPTEE_SMC_RETURN_RPC_FREE);
	assert_int_equal((uint32_t)regs.a[1], 1);
	assert_int_equal((uint32_t)regs.a[2], 2);
	assert_int_equal(hyper_finish(y, 0, hyper_smc(y, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, 0)), 0);
}

/* --- The test TA ------------------------------------------------------------------------------ */

HYPER_TEST(payloads_live_and_outlive)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr;
	uint64_t handle;

	hdr = invoke(y, 0, session, MODEL_TA_PAYLOAD, VALUE_INOUT, 10000, 1);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	assert_int_equal(model_param(hdr, 0)->u.value.b, TEEC_SUCCESS);
	assert_int_equal(model_buffers(y->model, GUEST), 0);
	hdr = invoke(y, 0, session, MODEL_TA_PAYLOAD_KEEP, VALUE_INOUT, 5000, 2);
	hyper_call(y, 0);
	handle = model_param(hdr, 0)->u.value.a;
	assert_true(handle);
	assert_int_equal(model_buffers(y->model, GUEST), 1);
	hdr = invoke(y, 0, session, MODEL_TA_PAYLOAD_CHECK, VALUE_IN, handle, 0);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	y->logged = 0;
	hdr = invoke(y, 0, session, MODEL_TA_PAYLOAD_DROP, VALUE_IN, handle, 0);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	assert_int_equal(y->log[1].cmd, OPTEE_RPC_CMD_SHM_FREE);
	assert_int_equal(y->log[1].param[0].u.value.a, 2);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_ERROR_BAD_PARAMETERS);
	y->alloc_ret = TEEC_ERROR_OUT_OF_MEMORY;
	hdr = invoke(y, 0, session, MODEL_TA_PAYLOAD, VALUE_INOUT, 10000, 0);
	hyper_call(y, 0);
	assert_int_equal(model_param(hdr, 0)->u.value.b, TEEC_ERROR_OUT_OF_MEMORY);
}

HYPER_TEST(files_and_images_go_through_payloads)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr = invoke(y, 0, session, MODEL_TA_FS, VALUE_IN, 6000, 0);
	static const uint8_t image[3] = { 1, 2, 4 };

	y->fs_ret = TEEC_SUCCESS;
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	y->image = image;
	y->image_size = sizeof(image);
	hdr = hyper_invoke(y, 0, session, MODEL_TA_LOAD, 2);
	hyper_value(hdr, 0, VALUE_OUT, 0, 0);
	hyper_value(hdr, 1, VALUE_IN, 1, 2);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	assert_int_equal(model_param(hdr, 0)->u.value.a, 3);
	assert_int_equal(model_param(hdr, 0)->u.value.b, 7);
	assert_int_equal(model_buffers(y->model, GUEST), 0);
}

HYPER_TEST(any_rpc_can_be_wished_for)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_param *wish = test_guest_va(y->guest, IPA);
	struct optee_msg_hdr *hdr;
	uint64_t cookie;

	hyper_register(y, IPA, 1, 0, TEST_PAGE, &cookie);
	wish[0].attr = VALUE_INOUT;
	hdr = hyper_invoke(y, 0, session, MODEL_TA_RPC, 3);
	hyper_value(hdr, 0, VALUE_IN, OPTEE_RPC_CMD_GET_TIME, 1);
	hyper_rmem(hdr, 1, RMEM_INOUT, 0, sizeof(*wish), cookie);
	hyper_value(hdr, 2, VALUE_OUT, 0, 0);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	assert_int_equal(wish[0].u.value.a, 1234);
	assert_int_equal(model_param(hdr, 2)->u.value.a, TEEC_SUCCESS);
	hyper_value(hdr, 0, VALUE_IN, OPTEE_RPC_CMD_SOCKET, 1);
	hyper_call(y, 0);
	assert_int_equal(model_param(hdr, 2)->u.value.a, TEEC_ERROR_NOT_SUPPORTED);
}

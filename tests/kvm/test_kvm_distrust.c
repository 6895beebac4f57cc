/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core would never send: the conduit, called directly, refuses it rather
 * than rely on it.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <stdlib.h>

#include "tee_conduit.h"

static struct {
	struct fake_tee tee;
	struct om_wake wake;
	struct om_memory memory;
	struct om_tee_conduit conduit;
	struct message *m;
} w;

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	fake_init(&w.tee);
	assert_true(om_wake_init(&w.wake));
	om_memory_init(&w.memory, &w.wake);
	w.conduit.calls.device.os = w.tee.os;
	w.conduit.calls.sessions = 2;
	w.conduit.threads = 2;
	w.conduit.wait_us = 1000;
	assert_int_equal(om_tee_conduit_init(&w.conduit, "/dev/tee0", &w.memory, 1, 2), OM_KVM_OK);
	w.m = aligned_alloc(PAGE, PAGE);
	return 0;
}

static uint32_t smc(uint32_t fid, uint32_t a3)
{
	struct om_regs regs = { .a = { fid, (uintptr_t)w.m >> 32, (uint32_t)(uintptr_t)w.m, a3 } };

	om_tee_smc(&w.conduit, &regs);
	return (uint32_t)regs.a[0];
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(smc(OPTEE_SMC_VM_DESTROYED, 0), OPTEE_SMC_RETURN_OK);
	om_tee_conduit_exit(&w.conduit);
	om_memory_exit(&w.memory);
	om_wake_exit(&w.wake);
	assert_int_equal(fake_left(&w.tee), 0);
	fake_exit(&w.tee);
	free(w.m);
	return 0;
}

#define DISTRUST_TEST(name) TEST_IN(name, setup, teardown)

static uint32_t call(uint32_t cmd, uint32_t num_params)
{
	w.m->hdr = (struct optee_msg_hdr){ .cmd = cmd, .num_params = num_params };
	assert_int_equal(smc(OPTEE_SMC_CALL_WITH_ARG, 0), OPTEE_SMC_RETURN_OK);
	assert_int_equal(w.m->hdr.ret_origin, TEEC_ORIGIN_COMMS);
	return w.m->hdr.ret;
}

DISTRUST_TEST(unknown_commands_and_counts)
{
	uint32_t calls;

	memset(w.m, 0, PAGE);
	calls = (uint32_t)w.conduit.calls.device.counts[OM_KVM_COUNT_SYSTEM_CALLS];
	assert_int_equal(call(OPTEE_MSG_CMD_DO_BOTTOM_HALF, 0), TEEC_ERROR_NOT_SUPPORTED);
	assert_int_equal(call(0x7777, 0), TEEC_ERROR_NOT_SUPPORTED);
	assert_int_equal(call(OPTEE_MSG_CMD_INVOKE_COMMAND, 5), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(call(OPTEE_MSG_CMD_OPEN_SESSION, 1), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(call(OPTEE_MSG_CMD_OPEN_SESSION, 7), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(w.conduit.calls.device.counts[OM_KVM_COUNT_SESSIONS_NOW], 0);
	assert_int_equal(w.conduit.calls.device.counts[OM_KVM_COUNT_SYSTEM_CALLS], calls);
}

DISTRUST_TEST(parameters_of_no_kind)
{
	static const uint64_t attrs[] = {
		4, 8, 0xc, 0xff, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT /* of an unknown cookie */,
	};

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		memset(w.m, 0, PAGE);
		w.m->param[1].attr = attrs[i];
		w.m->param[1].u.rmem.shm_ref = 99;
		assert_int_equal(call(OPTEE_MSG_CMD_INVOKE_COMMAND, 2), TEEC_ERROR_BAD_PARAMETERS);
	}
	/* One contiguous piece of memory by its address: there is no such. */
	memset(w.m, 0, PAGE);
	w.m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT;
	w.m->param[0].u.tmem.buf_ptr = (uintptr_t)w.m;
	w.m->param[0].u.tmem.size = 8;
	assert_int_equal(call(OPTEE_MSG_CMD_INVOKE_COMMAND, 1), TEEC_ERROR_BAD_PARAMETERS);
}

DISTRUST_TEST(buffers_that_are_unknown_or_in_use)
{
	struct om_tee_shm *shm = &w.conduit.calls.shm;
	struct om_tee_buffer *buffer;
	uint64_t *list = aligned_alloc(PAGE, PAGE);
	int32_t id;

	list[0] = (uintptr_t)w.m;
	memset(w.m, 0, PAGE);
	w.m->param[0].u.rmem.shm_ref = 5;
	assert_int_equal(call(OPTEE_MSG_CMD_UNREGISTER_SHM, 1), TEEC_ERROR_BAD_PARAMETERS);

	/* The same cookie as another's bucket does not make it the same buffer. */
	buffer = om_tee_buffer_new((uintptr_t)list, PAGE, 5);
	om_tee_shm_add(shm, buffer);
	om_tee_shm_add(shm, om_tee_buffer_new((uintptr_t)list, PAGE, 5 + (1ull << 56)));
	assert_ptr_equal(om_tee_shm_get(shm, 5), buffer);
	assert_int_equal(call(OPTEE_MSG_CMD_UNREGISTER_SHM, 1), TEEC_ERROR_BAD_PARAMETERS);
	assert_true(om_tee_buffer_register(shm, buffer, &id));
	assert_int_equal(call(OPTEE_MSG_CMD_UNREGISTER_SHM, 1), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(om_tee_shm_remove_waiting(shm, 5), OM_TEE_NOT_REMOVED);
	om_tee_shm_put(shm, buffer);
	assert_int_equal(om_tee_shm_remove(shm, 5), OM_TEE_REMOVE_WAITS);
	assert_int_equal(om_tee_shm_remove_waiting(shm, 5), OM_TEE_REMOVED);
	assert_int_equal(om_tee_shm_remove_waiting(shm, 5), OM_TEE_NOT_REMOVED);
	free(list);
}

DISTRUST_TEST(functions_and_threads_of_nobody)
{
	assert_int_equal(smc(OPTEE_SMC_RETURN_FROM_RPC, 0), OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(smc(OPTEE_SMC_RETURN_FROM_RPC, 77), OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(smc(OPTEE_SMC_CALL_WITH_RPC_ARG, 0), OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	assert_int_equal(smc(OPTEE_SMC_GET_SHM_CONFIG, 0), OPTEE_SMC_RETURN_ENOTAVAIL);
	/* A second VM_CREATED changes nothing. */
	assert_int_equal(smc(OPTEE_SMC_VM_CREATED, 0), OPTEE_SMC_RETURN_OK);
	assert_int_equal(w.tee.opens, 1);
}

DISTRUST_TEST(pages_that_never_were_pinned)
{
	const om_pa_t pa = { 0x1000 };

	om_memory_unpin(&w.memory, &pa, 1);
	assert_int_equal(om_memory_pinned(&w.memory), 0);
	assert_false(om_memory_is_shared(&w.memory, (const void *)0x1000));
}

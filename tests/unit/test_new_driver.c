/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver that begins where another one has left things: who is told, and of what. All
 * that the embedder does then is om_guest_reset(), which test_guest.c is about.
 */
#include "rig_shm.h"

#include "call.h"
#include "sessions.h"

/* Nothing is held; the rig itself opens a session. */
static struct rig *empty_rig(void)
{
	struct rig *rig = rig_new(NULL);

	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	rig->smcs = 0;
	return rig;
}

#define EMPTY_TEST(name) RIG_TEST_BY(name, empty_rig())

static enum om_outcome begin(struct rig *rig, uint64_t fid)
{
	struct om_regs regs = { .a = { fid } };

	return test_guest_call(rig->ram, 0, &regs);
}

static void expect(struct rig *rig, enum om_outcome outcome)
{
	assert_int_equal(begin(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES), outcome);
	assert_int_equal(begin(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES | SMCCC_FID_SVE_HINT), outcome);
	/* It is not the mediator that starts over: nothing happens to what is held. */
	assert_int_equal(rig->smc[rig->smcs - 1].a[0], OPTEE_SMC_EXCHANGE_CAPABILITIES);
}

EMPTY_TEST(fault_b5_first_driver_is_nobody_s_heir)
{
	expect(rig, OM_HANDLED);
	expect(rig, OM_HANDLED);
}

EMPTY_TEST(fault_b5_buffers_are_an_old_driver_s)
{
	static const enum om_trace_share kinds[] = { OM_SHARE_REGISTERED, OM_SHARE_PAYLOAD,
						     OM_SHARE_RPC_ARG };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		uint32_t index = reserve(rig, kinds[i], 0x77, 1);

		expect(rig, OM_HANDLED_NEW_DRIVER);
		drop(rig, index);
		expect(rig, OM_HANDLED);
	}
}

EMPTY_TEST(fault_b5_sessions_are_an_old_driver_s)
{
	rig_open_session(rig, 5, true);
	expect(rig, OM_HANDLED_NEW_DRIVER);
	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	rig->smcs = 0;
	expect(rig, OM_HANDLED);
}

/* In any slot, in any state but FREE. */
EMPTY_TEST(fault_b5_calls_are_an_old_driver_s)
{
	for (uint32_t i = 0; i < rig->guest->vm.limits.threads; i++)
		for (uint32_t s = OM_CALL_FREE + 1; s < OM_CALL_STATES; s++) {
			uint32_t free = rig->guest->calls[i].word;

			rig->guest->calls[i].word = free | s;
			expect(rig, OM_HANDLED_NEW_DRIVER);
			rig->guest->calls[i].word = free;
			expect(rig, OM_HANDLED);
			rig->smcs = 0;
		}
}

/* A driver that learns nothing does not begin; and no other call is a beginning. */
EMPTY_TEST(fault_b5_only_a_driver_that_begins_counts)
{
	static const uint32_t others[] = {
		OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALLS_REVISION, OPTEE_SMC_GET_OS_REVISION,
		OPTEE_SMC_GET_THREAD_COUNT, OPTEE_SMC_ENABLE_SHM_CACHE, OPTEE_SMC_DISABLE_SHM_CACHE,
		OPTEE_SMC_ENABLE_ASYNC_NOTIF, OPTEE_SMC_GET_SHM_CONFIG, OPTEE_SMC_VM_CREATED,
	};

	rig_open_session(rig, 5, true);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_int_equal(begin(rig, others[i]), OM_HANDLED);
	assert_int_equal(begin(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES | SMCCC_FID_SMC64), OM_HANDLED);
	assert_int_equal(begin(rig, 0x84000000), OM_NOT_HANDLED);
	rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[0] = OPTEE_SMC_RETURN_EBUSY;
	expect(rig, OM_HANDLED);
	rig_answer(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES)->a[0] = OPTEE_SMC_RETURN_OK;
	expect(rig, OM_HANDLED_NEW_DRIVER);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots and ids of calls where a guest cannot bring them: ids that begin anew after 16 million
 * calls, a slot behind the last, and two vCPUs between any two instructions. What a guest sees
 * of a call is in tests/scenarios/calls*.c and tests/conformance/scenario_resume.c.
 */
#include "rig.h"

#define INTERRUPT OPTEE_SMC_RETURN_RPC_FOREIGN_INTR

/* What OP-TEE answers in a0, for ever; it is called through rig->arg. */
static void answer(struct rig *rig, struct om_regs *regs)
{
	const uint64_t *a0 = rig->arg;

	*regs = (struct om_regs){ .a = { *a0, 0x11, 0x22, 0x33 } };
}

static struct rig *answering_rig(uint64_t *a0)
{
	struct rig *rig = rig_new(NULL);

	*a0 = INTERRUPT;
	rig->yielding = answer;
	rig->arg = a0;
	return rig;
}

#define CALL_TEST(name)	RIG_TEST_WITH(name, uint64_t, a0, answering_rig(&a0))

static struct om_regs begin_on(struct rig *rig, unsigned int vcpu, uint32_t page)
{
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, page) } };

	rig_message(rig, page, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_true(test_guest_call(rig->ram, vcpu, &regs));
	return regs;
}

static struct om_regs resume(struct rig *rig, uint64_t id)
{
	rig->smcs = 0;
	return rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id);
}

/* OP-TEE may have fewer threads than the guest has slots: the rest is never looked at. */
CALL_TEST(test_scenario_24_slot_behind_the_last)
{
	uint64_t first = begin_on(rig, 0, 1).a[3];
	uint64_t id = begin_on(rig, 3, 0).a[3];

	assert_int_equal(id & 0xff, 3);
	/* The first slot has a call of the same generation, which is not the one that is meant. */
	assert_int_equal(first, id - 3);
	rig->guest->vm.limits.threads = 3;
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(rig->smcs, 0);
	rig->guest->vm.limits.threads = 4;
	*a0 = OPTEE_SMC_RETURN_OK;
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(resume(rig, first).a[0], OPTEE_SMC_RETURN_OK);
}

/* Ids go round without ever being one that a guest could take for "none". */
CALL_TEST(test_ids_wrap_around)
{
	static const uint32_t generations[] = { 0, 1, 0xfffffc, 0xfffffd, 0xfffffe, 0xffffff };

	for (size_t i = 0; i < COUNT_OF(generations); i++) {
		rig->guest->calls[0].word = generations[i] << 8;
		for (size_t n = 0; n < 4; n++) {
			uint64_t id;

			*a0 = INTERRUPT;
			id = begin_on(rig, 0, 0).a[3];
			assert_int_equal(id & 0xff, 0);
			assert_int_not_equal(id, 0);
			assert_int_not_equal(id >> 8, 0xffffff);
			*a0 = OPTEE_SMC_RETURN_OK;
			assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_OK);
		}
	}
}

/*
 * OP-TEE has ended a call and given its thread to another one on another CPU, before the
 * first CPU is back from its SMC.
 */
static struct om_regs overtakes;

static void thread_is_used_again(struct rig *rig, struct om_regs *regs)
{
	uint64_t *a0 = rig->arg;

	rig->yielding = answer;
	*a0 = INTERRUPT;
	overtakes = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 1) } };
	assert_true(om_guest_call(rig->guest, 1, &overtakes));
	assert_int_equal(overtakes.a[0], INTERRUPT);
	*a0 = OPTEE_SMC_RETURN_OK;
	*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
}

CALL_TEST(fault_d3_thread_used_again_before_the_call_is_back)
{
	struct optee_msg_hdr *hdr = rig_va(rig, 1);
	uint64_t first = begin_on(rig, 0, 0).a[3];

	hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	hdr->session = RIG_SESSION;
	rig->yielding = thread_is_used_again;
	assert_int_equal(resume(rig, first).a[0], OPTEE_SMC_RETURN_OK);
	/* Both were thread 0x33 of OP-TEE's; for the guest they are two calls. */
	assert_int_equal(rig->smcs, 2);
	assert_int_equal(rig->smc[0].a[3], 0x33);
	assert_int_not_equal(overtakes.a[3], first);
	assert_int_equal(rig->ram->pinned, 1);
	assert_int_equal(resume(rig, first).a[0], OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(resume(rig, overtakes.a[3]).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->smc[0].a[3], 0x33);
	assert_int_equal(rig->ram->pinned, 0);
}

/* --- Two vCPUs ------------------------------------------------------------------------------ */

/* Every call is interrupted once; how often OP-TEE was entered again. */
static uint32_t entered;

static void racing_tee(void *arg, struct om_regs *regs)
{
	bool begins = regs->a[0] == OPTEE_SMC_CALL_WITH_ARG;

	(void)arg;
	if (regs->a[0] == OPTEE_SMC_RETURN_FROM_RPC)
		__atomic_fetch_add(&entered, 1, __ATOMIC_RELAXED);
	regs->a[0] = begins ? INTERRUPT : OPTEE_SMC_RETURN_OK;
}

/* What the other vCPU does when this one is interrupted: resumes the same call. */
static struct {
	struct rig *rig;
	uint64_t id;
	uint32_t resumed;
} other;

static void other_resumes(int signal)
{
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, other.id } };

	(void)signal;
	om_guest_call(other.rig->guest, 1, &regs);
	other.resumed += regs.a[0] == OPTEE_SMC_RETURN_OK;
}

/* I6, interrupted between any two instructions: exactly one of them goes on. */
RIG_TEST(test_scenario_25_resumed_at_any_instruction)
{
	uint32_t n, before, wrong = 0;

	entered = 0;
	rig->host->smc = racing_tee;
	other.rig = rig;
	rig_preempt(other_resumes, 20);
	for (n = 0; n < 40000; n++) {
		struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC } };

		other.id = 0;
		before = other.resumed;
		regs.a[3] = begin_on(rig, 0, 0).a[3];
		other.id = regs.a[3];
		om_guest_call(rig->guest, 0, &regs);
		other.id = 0;
		wrong += (regs.a[0] == OPTEE_SMC_RETURN_OK) + (other.resumed - before) != 1;
	}
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(entered, n);
}

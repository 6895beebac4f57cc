/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of calls have in common: an OP-TEE that answers from a list, and a guest. */
#ifndef TESTS_UNIT_RIG_CALL_H
#define TESTS_UNIT_RIG_CALL_H

#include "rig_shm.h"

#define INTERRUPT OPTEE_SMC_RETURN_RPC_FOREIGN_INTR

/* What OP-TEE answers, one after the other; the last one for ever. */
struct answers {
	uint64_t a0[8];
	uint32_t count, at;
};

static inline void answer(struct rig *rig, struct om_regs *regs)
{
	struct answers *answers = rig->arg;
	uint32_t at = answers->at + 1 < answers->count ? answers->at++ : answers->at;

	*regs = (struct om_regs){ .a = { answers->a0[at], 0x11, 0x22, 0x33 } };
}

static inline struct rig *call_rig(struct answers *answers)
{
	struct rig *rig = rig_new(NULL);

	rig->yielding = answer;
	rig->arg = answers;
	return rig;
}

/* Until the test says otherwise, OP-TEE answers with a0. */
static inline struct rig *answering_rig(struct answers *answers, uint64_t a0)
{
	*answers = (struct answers){ { a0 }, 1, 0 };
	return call_rig(answers);
}

#define CALL_TEST(name, a0) \
	RIG_TEST_WITH(name, struct answers, answers, answering_rig(&answers, a0))

static inline struct om_regs begin_on(struct rig *rig, unsigned int vcpu, uint32_t page)
{
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, page) } };

	rig_message(rig, page, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_true(test_guest_call(rig->ram, vcpu, &regs));
	return regs;
}

static inline struct om_regs resume(struct rig *rig, uint64_t id)
{
	rig->smcs = 0;
	return rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id);
}

#endif

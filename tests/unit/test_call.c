/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call as a whole: slots and ids, who may resume it, and every way in which OP-TEE can
 * end it. test_call_waits.c has those that give way and wait.
 */
#include "rig_call.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* --- Slots and ids ------------------------------------------------------------------ */

/* Scenario 19: one too many, and room again after one has ended. */
CALL_TEST(test_scenario_19_slots, INTERRUPT)
{
	uint64_t id[4];

	for (unsigned int vcpu = 0; vcpu < 9; vcpu++) {
		*answers = (struct answers){ { INTERRUPT }, 1, 0 };
		for (uint32_t i = 0; i < 4; i++) {
			/* The vCPU is a hint, and any value is safe. */
			struct om_regs r = begin_on(rig, vcpu * 0x1fffffff, i);

			assert_int_equal(r.a[0], INTERRUPT);
			assert_int_equal(r.a[1] | r.a[2], 0);
			id[i] = r.a[3];
			for (uint32_t k = 0; k < i; k++)
				assert_int_not_equal(id[k], id[i]);
		}
		assert_true(om_call_others(rig->guest, NULL));
		rig->smcs = 0;
		assert_int_equal(begin_on(rig, vcpu, 5).a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
		assert_int_equal(rig->smcs, 0);
		*answers = (struct answers){ { OPTEE_SMC_RETURN_OK }, 1, 0 };
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(resume(rig, id[(i + vcpu) % 4]).a[0],
					 OPTEE_SMC_RETURN_OK);
			assert_int_equal(begin_on(rig, vcpu, 5).a[0], OPTEE_SMC_RETURN_OK);
		}
		assert_false(om_call_others(rig->guest, NULL));
	}
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_THREADS), 9);
}

CALL_TEST(test_scenario_24_ids_that_do_not_wait, INTERRUPT)
{
	/* Of a slot that has seen many calls. */
	const uint64_t id = 0x12345700;
	const uint64_t wrong[] = {
		0, 1, 0x100, 0x12345600, id + 1, id + 0x100, id - 0x100, id ^ 0x80000000, id | 0x7f, 0xff,
		UINT32_MAX, id & 0xff, id | 0xff, 0xffffff00 | id, id + 4,
	};

	rig->guest->calls[0].word = 0x12345600;
	assert_int_equal(begin_on(rig, 0, 0).a[3], id);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct om_regs r = resume(rig, wrong[i]);

		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_ERESUME);
		assert_int_equal(r.a[1] | r.a[2] | r.a[3], 0);
		assert_int_equal(rig->smcs, 0);
	}
	answers->a0[0] = OPTEE_SMC_RETURN_OK;
	/* Garbage above the 32 bits of the id carries nothing. */
	assert_int_equal(resume(rig, id | 0xabcdull << 32).a[0], OPTEE_SMC_RETURN_OK);
	/* It has ended, and its slot's next call is another. */
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_ERESUME);
	answers->a0[0] = INTERRUPT;
	assert_int_not_equal(begin_on(rig, 0, 0).a[3], id);
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_REFUSED_RESUME),
			 COUNT_OF(wrong) + 2);
}

/* OP-TEE may have fewer threads than the guest has slots: the rest is never looked at. */
CALL_TEST(test_scenario_24_slot_behind_the_last, INTERRUPT)
{
	uint64_t id = begin_on(rig, 3, 0).a[3];

	assert_int_equal(id & 0xff, 3);
	rig->guest->vm.limits.threads = 3;
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(rig->smcs, 0);
	rig->guest->vm.limits.threads = 4;
	answers->a0[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_OK);
}

/* A running call is nobody else's to resume: tried from inside of OP-TEE. */
static void resume_while_running(struct rig *rig, struct om_regs *regs)
{
	struct om_regs again = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0,
					om_call_id(&rig->guest->calls[0]) } };

	assert_true(om_guest_call(rig->guest, 1, &again));
	assert_int_equal(again.a[0], OPTEE_SMC_RETURN_ERESUME);
	regs->a[0] = OPTEE_SMC_RETURN_OK;
}

RIG_TEST(test_scenario_24_running_call)
{
	rig->yielding = resume_while_running;
	assert_int_equal(begin_on(rig, 0, 0).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->smcs, 1);
}

/* Ids go round without ever being one that a guest could take for "none". */
CALL_TEST(test_ids_wrap_around, INTERRUPT)
{
	static const uint32_t generations[] = { 0, 1, 0xfffffc, 0xfffffd, 0xfffffe, 0xffffff };

	for (size_t i = 0; i < COUNT_OF(generations); i++) {
		rig->guest->calls[0].word = generations[i] << 8;
		for (size_t n = 0; n < 4; n++) {
			uint64_t id;

			answers->a0[0] = INTERRUPT;
			id = begin_on(rig, 0, 0).a[3];
			assert_int_equal(id & 0xff, 0);
			assert_int_not_equal(id, 0);
			assert_int_not_equal(id >> 8, 0xffffff);
			answers->a0[0] = OPTEE_SMC_RETURN_OK;
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
	struct answers *answers = rig->arg;

	rig->yielding = answer;
	answers->a0[0] = INTERRUPT;
	overtakes = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 1) } };
	assert_true(om_guest_call(rig->guest, 1, &overtakes));
	assert_int_equal(overtakes.a[0], INTERRUPT);
	answers->a0[0] = OPTEE_SMC_RETURN_OK;
	*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_OK } };
}

CALL_TEST(fault_d3_thread_used_again_before_the_call_is_back, INTERRUPT)
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

/* A CANCEL needs a thread, too: it waits for one like any other call, here as in OP-TEE. */
CALL_TEST(fault_d3_cancel_at_the_thread_limit, INTERRUPT)
{
	struct optee_msg_hdr *hdr = rig_va(rig, 5);
	struct om_regs r;
	uint64_t id[4];

	for (uint32_t i = 0; i < 4; i++)
		id[i] = begin_on(rig, i, i).a[3];
	hdr->cmd = OPTEE_MSG_CMD_CANCEL;
	hdr->session = RIG_SESSION;
	hdr->cancel_id = 8;
	rig->smcs = 0;
	r = rig_send(rig, 5);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(r.a[1] | r.a[2] | r.a[3], 0);
	assert_int_equal(rig->smcs, 0);
	assert_int_equal(rig->ram->pinned, 4);
	answers->a0[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(resume(rig, id[2]).a[0], OPTEE_SMC_RETURN_OK);
	/* The very same SMC, as Linux makes it when it is woken up. */
	rig->smcs = 0;
	r = rig_send(rig, 5);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->smcs, 1);
	for (uint32_t i = 0; i < 4; i++)
		if (i != 2)
			assert_int_equal(resume(rig, id[i]).a[0], OPTEE_SMC_RETURN_OK);
}

/* --- How OP-TEE ends a call ------------------------------------------------------------ */

TEST(test_codes_of_optee)
{
	static const struct {
		uint64_t a0;
		uint32_t code;
	} cases[] = {
		{ 0, 0 }, { 0xabcd00000000, 0 },
		{ OPTEE_SMC_RETURN_ERESUME, OPTEE_SMC_RETURN_ERESUME },
		{ OPTEE_SMC_RETURN_EBADADDR, OPTEE_SMC_RETURN_EBADADDR },
		{ OPTEE_SMC_RETURN_EBADCMD, OPTEE_SMC_RETURN_EBADCMD },
		{ OPTEE_SMC_RETURN_ENOMEM, OPTEE_SMC_RETURN_ENOMEM },
		{ OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_ENOTAVAIL },
		/* Codes that nobody has defined, and the one that is no RPC. */
		{ 8, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0xfffeffff, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ 0xfffe0005, OPTEE_SMC_RETURN_ENOTAVAIL },
		{ OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, OPTEE_SMC_RETURN_ENOTAVAIL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct answers answers = { { cases[i].a0 }, 1, 0 };
		struct rig *rig = call_rig(&answers);
		struct om_regs r = begin_on(rig, 0, 0);

		assert_int_equal(r.a[0], cases[i].code);
		/* OP-TEE leaves garbage in the others. */
		assert_int_equal(r.a[1] | r.a[2] | r.a[3], 0);
		assert_int_equal(rig->ram->pinned, 0);
		rig_free(rig);
	}
}

/*
 * Told that OP-TEE is busy, Linux sleeps until a call of its own ends. When there
 * is none it only has to come back and try again.
 */
TEST(test_busy_optee_and_a_guest_alone)
{
	static const uint32_t codes[] = {
		OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY,
	};

	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		struct answers answers = { { codes[i], codes[i], 0 }, 3, 0 };
		struct rig *rig = call_rig(&answers);
		struct om_regs r = begin_on(rig, 0, 0);
		struct om_regs first = rig->smc[0];

		assert_int_equal(r.a[0], INTERRUPT);
		r = resume(rig, r.a[3]);
		assert_int_equal(r.a[0], INTERRUPT);
		/* The very same call, since OP-TEE has not taken it. */
		assert_memory_equal(&rig->smc[0], &first, sizeof(first));
		assert_int_equal(resume(rig, r.a[3]).a[0], OPTEE_SMC_RETURN_OK);
		rig_free(rig);
	}
}

/* Whichever slots the two have. */
static void busy_beside(uint32_t code, unsigned int other, unsigned int busy)
{
	struct answers answers = { { INTERRUPT, code, code }, 3, 0 };
	struct rig *rig = call_rig(&answers);
	uint64_t id = begin_on(rig, other, 0).a[3];

	assert_int_equal(begin_on(rig, busy, 1).a[0], code);
	/* A call that OP-TEE has taken cannot be told so: it is over. */
	assert_int_equal(resume(rig, id).a[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	rig_free(rig);
}

TEST(test_busy_optee_and_another_call)
{
	static const uint32_t codes[] = {
		OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_EBUSY,
	};

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		for (unsigned int other = 0; other < 4; other++)
			for (unsigned int busy = 0; busy < 4; busy++)
				if (busy != other)
					busy_beside(codes[i], other, busy);
}

/* --- Two vCPUs ------------------------------------------------------------------------------ */

#define ROUNDS	4000u

struct race {
	struct rig *rig;
	_Atomic uint32_t arrived;
	uint64_t id;
	uint64_t a0[2];
	uint32_t entered;
};

/* Both leave it at once: no scheduler in between, as long as both are running. */
static void meet(struct race *race, uint32_t nth)
{
	uint32_t spins = 0;

	atomic_fetch_add(&race->arrived, 1);
	while (atomic_load(&race->arrived) < 2 * nth)
		if (++spins % 256 == 0)
			sched_yield();
}

static void racing_tee(void *arg, struct om_regs *regs)
{
	struct race *race = arg;
	bool begins = regs->a[0] == OPTEE_SMC_CALL_WITH_ARG;

	if (regs->a[0] == OPTEE_SMC_RETURN_FROM_RPC)
		__atomic_fetch_add(&race->entered, 1, __ATOMIC_RELAXED);
	regs->a[0] = begins ? INTERRUPT : OPTEE_SMC_RETURN_OK;
}

static void *other_vcpu(void *arg)
{
	struct race *race = arg;

	for (uint32_t n = 0; n < ROUNDS; n++) {
		struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC } };

		meet(race, 2 * n + 1);
		regs.a[3] = race->id;
		test_guest_call(race->rig->ram, 1, &regs);
		race->a0[1] = regs.a[0];
		meet(race, 2 * n + 2);
	}
	return NULL;
}

/* Invariant I6: exactly one of them goes on. */
TEST(test_scenario_25_two_vcpus_resume_one_call)
{
	struct race race = { .rig = rig_new(NULL) };
	uint32_t wrong = 0;
	pthread_t thread;

	race.rig->host->smc = racing_tee;
	race.rig->host->tee = &race;
	assert_int_equal(pthread_create(&thread, NULL, other_vcpu, &race), 0);
	for (uint32_t n = 0; n < ROUNDS; n++) {
		struct om_regs regs = begin_on(race.rig, 0, 0);

		race.id = regs.a[3];
		regs.a[0] = OPTEE_SMC_RETURN_FROM_RPC;
		meet(&race, 2 * n + 1);
		test_guest_call(race.rig->ram, 0, &regs);
		race.a0[0] = regs.a[0];
		meet(&race, 2 * n + 2);
		/* One of them OK, the other one ERESUME. */
		wrong += race.a0[0] + race.a0[1] != OPTEE_SMC_RETURN_ERESUME ||
			 (race.a0[0] != OPTEE_SMC_RETURN_OK && race.a0[1] != OPTEE_SMC_RETURN_OK);
	}
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(race.entered, ROUNDS);
	assert_int_equal(om_guest_counter(race.rig->guest, OM_COUNT_REFUSED_RESUME), ROUNDS);
	rig_free(race.rig);
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

/* The same, but interrupted between any two instructions. */
TEST(test_scenario_25_resumed_at_any_instruction)
{
	struct race both = { .rig = rig_new(NULL) };
	uint32_t n, before, wrong = 0;

	both.rig->host->smc = racing_tee;
	both.rig->host->tee = &both;
	other.rig = both.rig;
	rig_preempt(other_resumes, 20);
	for (n = 0; n < 40000; n++) {
		struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC } };

		other.id = 0;
		before = other.resumed;
		regs.a[3] = begin_on(both.rig, 0, 0).a[3];
		other.id = regs.a[3];
		om_guest_call(both.rig->guest, 0, &regs);
		other.id = 0;
		wrong += (regs.a[0] == OPTEE_SMC_RETURN_OK) + (other.resumed - before) != 1;
	}
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(both.entered, n);
	rig_free(both.rig);
}

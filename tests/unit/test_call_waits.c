/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that give way to interrupts, that are told to wait, and that wait for others. */
#include "rig_call.h"

/* --- Giving way ---------------------------------------------------------------------------- */

static void new_list(struct rig *rig, uint32_t cmd, uint64_t attr, uint32_t pages)
{
	struct om_message *message = rig_message(rig, 0, cmd, 1);

	rig_list(rig, &message->param[0], attr, 1, pages);
	message->param[0].u.tmem.shm_ref = 0x33;
}

/* Scenario 59: at every piece, and the result is the same. */
TEST(test_scenario_59_translation_that_gives_way)
{
	struct answers answers = { { OPTEE_SMC_RETURN_OK }, 1, 0 };

	for (uint32_t pages = 1; pages <= 60; pages++) {
		struct rig *rig = call_rig(&answers);
		uint32_t pauses = 0, before;
		struct om_regs r;

		new_list(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 0x209, pages);
		rig->host->yield_every = 1;
		r = rig_send(rig, 0);
		before = (uint32_t)rig->ram->pinned;
		while (r.a[0] == INTERRUPT) {
			uint64_t id = r.a[3];

			pauses++;
			r = resume(rig, id);
			/* Each piece is bounded, and its own; the last has the message, too. */
			assert_true((uint32_t)rig->ram->pinned <= before + OM_PIN_BATCH);
			assert_true((uint32_t)rig->ram->pinned + OM_PIN_BATCH + 1 >= before);
			before = (uint32_t)rig->ram->pinned;
			if (r.a[0] == INTERRUPT)
				assert_int_equal(r.a[3], id);
		}
		assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
		assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAUSED), pauses);
		/* On the way in, and on the way out. */
		assert_true(pages <= OM_PIN_BATCH || pauses >= pages / OM_PIN_BATCH);
		assert_int_equal(rig->ram->pinned, 0);
		rig_free(rig);
	}
}

/* The list turns out bad after the call gave way: all back, and the guest is told. */
CALL_TEST(test_translation_fails_after_a_pause, OPTEE_SMC_RETURN_OK)
{
	struct optee_msg_hdr *hdr = rig_va(rig, 0);
	struct om_regs r;

	new_list(rig, OPTEE_MSG_CMD_REGISTER_SHM, 0x20a, 50);
	((uint64_t *)rig_va(rig, 1))[49] = rig->ram->mmio_ipa;
	rig->host->yield_every = 1;
	r = rig_send(rig, 0);
	assert_int_equal(r.a[0], INTERRUPT);
	while (r.a[0] == INTERRUPT)
		r = resume(rig, r.a[3]);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(hdr->ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(rig->ram->pinned, 0);
	assert_false(known(rig, 0x33));
}

/* A host without the operation is never asked to give way. */
static void never_yields(struct rig *rig)
{
	rig->host->ops.should_yield = NULL;
}

RIG_TEST_BY(test_host_that_never_gives_way, rig_new_prepared(never_yields))
{
	new_list(rig, OPTEE_MSG_CMD_REGISTER_SHM, 0x20a, 60);
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->ram->pinned, 60);
	assert_int_equal(rig->host->count[TEST_OP_YIELD], 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAUSED), 0);
}

/* --- Busy, and others --------------------------------------------------------------------- */

/* In the end of a call that was told to wait: the only other one ends, and one begins. */
static struct {
	struct rig *rig;
	struct answers *answers;
	uint64_t id;		/* of the other one; 0: nothing to do */
	struct om_regs begun;
} told;

static void other_ends_and_one_begins(void *arg, enum test_op op, struct test_guest *guest)
{
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, told.id } };

	(void)arg, (void)guest;
	if (op != TEST_OP_UNPIN || told.id == 0)
		return;
	told.id = 0;
	told.answers->a0[0] = OPTEE_SMC_RETURN_OK;
	assert_true(om_guest_call(told.rig->guest, 1, &regs));
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
	told.answers->a0[0] = OPTEE_SMC_RETURN_ETHREAD_LIMIT;
	told.begun = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, 0,
					      rig_ipa(told.rig, 2) } };
	assert_true(om_guest_call(told.rig->guest, 2, &told.begun));
}

/* Who was told to wait wakes nobody up: the next one must not wait for it. */
CALL_TEST(fault_b6_who_is_told_does_not_count, INTERRUPT)
{
	((struct optee_msg_hdr *)rig_va(rig, 2))->cmd = OPTEE_MSG_CMD_CLOSE_SESSION;
	told.rig = rig;
	told.answers = answers;
	told.id = begin_on(rig, 1, 1).a[3];
	answers->a0[0] = OPTEE_SMC_RETURN_ETHREAD_LIMIT;
	rig->host->on_op = other_ends_and_one_begins;
	assert_int_equal(begin_on(rig, 0, 0).a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(told.id, 0);
	assert_int_equal(told.begun.a[0], INTERRUPT);
	answers->a0[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(resume(rig, told.begun.a[3]).a[0], OPTEE_SMC_RETURN_OK);
}

static void busy_and_from_now_on_giving_way(struct rig *rig, struct om_regs *regs)
{
	rig->host->yield_every = 1;
	answer(rig, regs);
}

/*
 * What it lent is given back in pieces: on its way out the call may pause, and then the
 * guest has its id. Linux would resume it after its sleep.
 */
CALL_TEST(fault_b6_not_told_under_an_id, INTERRUPT)
{
	struct om_regs r, other = begin_on(rig, 1, 70);

	new_list(rig, OPTEE_MSG_CMD_INVOKE_COMMAND, 0x209, 60);
	*answers = (struct answers){
		{ OPTEE_SMC_RETURN_ETHREAD_LIMIT, OPTEE_SMC_RETURN_OK }, 2, 0 };
	rig->yielding = busy_and_from_now_on_giving_way;
	r = rig_send(rig, 0);
	assert_int_equal(r.a[0], INTERRUPT);
	while (r.a[0] == INTERRUPT)
		r = resume(rig, r.a[3]);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(resume(rig, other.a[3]).a[0], OPTEE_SMC_RETURN_OK);
}

/* --- Waiting for other calls ------------------------------------------------------------------ */

static struct om_message *new_rmem(struct rig *rig, uint32_t page, uint32_t cmd)
{
	struct om_message *message = rig_message(rig, page, cmd, 1);

	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	message->param[0].u.rmem.shm_ref = 0x33;
	return message;
}

/* As with OP-TEE: a buffer is only let go of when no call uses it any more (I7). */
CALL_TEST(test_invariant_7_unregister_waits_for_users, OPTEE_SMC_RETURN_OK)
{
	struct om_message *message;
	struct om_regs user, waits;

	new_list(rig, OPTEE_MSG_CMD_REGISTER_SHM, 0x20a, 1);
	assert_int_equal(rig_send(rig, 0).a[0], 0);
	answers->a0[0] = INTERRUPT;
	new_rmem(rig, 70, OPTEE_MSG_CMD_INVOKE_COMMAND);
	user = rig_send(rig, 70);
	assert_int_equal(user.a[0], INTERRUPT);

	answers->a0[0] = OPTEE_SMC_RETURN_OK;
	message = new_rmem(rig, 71, OPTEE_MSG_CMD_UNREGISTER_SHM);
	message->hdr.ret = 0x77;
	rig->smcs = 0;
	waits = rig_send(rig, 71);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(waits.a[0], INTERRUPT);
		assert_int_equal(rig->smcs, 0);
		waits = resume(rig, waits.a[3]);
	}
	/* Others may still begin to use it, and it is not theirs alone. */
	assert_int_equal(resume(rig, user.a[3]).a[0], OPTEE_SMC_RETURN_OK);
	waits = resume(rig, waits.a[3]);
	assert_int_equal(waits.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->smcs, 1);
	assert_int_equal(message->hdr.ret, 0);
	assert_int_equal(rig->ram->pinned, 0);
	/* Somebody else was faster. */
	assert_int_equal(rig_send(rig, 71).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
}

/* OP-TEE asks for the time, with the argument behind the message: it has looked it up. */
static void asks_for_the_time(struct rig *rig, struct om_regs *regs)
{
	struct om_message *shadow = test_host_peek(rig->host, om_pair(regs->a[1], regs->a[2]));
	struct om_request_copy *request;

	assert_non_null(shadow);
	request = (void *)((uint8_t *)shadow + OPTEE_MSG_ARG_SIZE(shadow->hdr.num_params));
	memset(request, 0, sizeof(*request));
	request->hdr.cmd = OPTEE_RPC_CMD_GET_TIME;
	request->hdr.num_params = 1;
	request->param[0].attr = OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT;
	*regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_RPC_CMD, 0, 0, 0x33 } };
}

/*
 * OP-TEE says that a buffer is released, and goes on to use it for a call that it is busy
 * with. What holds the buffer then is that call, and nothing else.
 */
CALL_TEST(fault_d4_unregistered_buffer_stays_pinned_for_its_user, OPTEE_SMC_RETURN_OK)
{
	struct om_message *message;
	struct om_regs user;

	new_list(rig, OPTEE_MSG_CMD_REGISTER_SHM, 0x20a, 20);
	assert_int_equal(rig_send(rig, 0).a[0], 0);
	rig->yielding = asks_for_the_time;
	new_rmem(rig, 70, OPTEE_MSG_CMD_INVOKE_COMMAND);
	user = rig_call(rig, OPTEE_SMC_CALL_WITH_RPC_ARG, 0, rig_ipa(rig, 70), 0);
	assert_int_equal(user.a[0], OPTEE_SMC_RETURN_RPC_CMD);
	assert_int_equal(rig->ram->pinned, 21);

	rig->yielding = answer;
	message = new_rmem(rig, 71, OPTEE_MSG_CMD_UNREGISTER_SHM);
	assert_int_equal(rig_send(rig, 71).a[0], 0);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
	assert_false(known(rig, 0x33));
	assert_int_equal(rig->ram->pinned, 21);
	assert_int_equal(resume(rig, user.a[3]).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig->ram->pinned, 0);
}

/* A guest whose scheduler never runs the other thread, because this one comes back at once. */
CALL_TEST(fault_b7_unregister_comes_to_an_end, OPTEE_SMC_RETURN_OK)
{
	struct om_message *message;
	struct om_regs user, r;
	uint32_t n = 0;

	new_list(rig, OPTEE_MSG_CMD_REGISTER_SHM, 0x20a, 1);
	assert_int_equal(rig_send(rig, 0).a[0], 0);
	answers->a0[0] = INTERRUPT;
	new_rmem(rig, 70, OPTEE_MSG_CMD_INVOKE_COMMAND);
	user = rig_send(rig, 70);
	answers->a0[0] = OPTEE_SMC_RETURN_OK;

	message = new_rmem(rig, 71, OPTEE_MSG_CMD_UNREGISTER_SHM);
	rig->smcs = 0;
	r = rig_send(rig, 71);
	for (; r.a[0] == INTERRUPT && n < 100000; n++)
		r = resume(rig, r.a[3]);
	assert_int_equal(n, OM_WAIT_TRIES);
	assert_int_equal(r.a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(message->hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(message->hdr.ret_origin, TEEC_ORIGIN_COMMS);
	/* OP-TEE has heard nothing of it, and the buffer is as it was: the other call goes on. */
	assert_int_equal(rig->smcs, 0);
	assert_int_equal(rig->ram->pinned, 2);
	assert_int_equal(resume(rig, user.a[3]).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig_send(rig, 71).a[0], 0);
	assert_int_equal(message->hdr.ret, TEEC_SUCCESS);
	assert_int_equal(rig->ram->pinned, 0);
}

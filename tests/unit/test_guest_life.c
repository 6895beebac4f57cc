/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's life: the steps of reset and destroy, counters, interrupts. */
#include "rig_guest.h"

/* --- Reset and destroy ---------------------------------------------------------------- */

/* n buffers of so many pages each: what a guest leaves behind. */
static void leave_behind(struct rig *rig, uint32_t n, uint32_t pages)
{
	struct om_release release = { OM_NONE };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = reserve(rig, OM_SHARE_REGISTERED, 1 + i, pages);

		pin(rig, index, pages);
		om_shm_publish(&rig->guest->shm, index);
		om_shm_put(&rig->guest->shm, index, &release);
	}
}

/* A call that waits for its guest; returns its id. */
static uint32_t leave_a_call(struct rig *rig)
{
	struct om_regs regs;

	/* A reset has closed it. */
	if (om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW) == 0)
		rig_open_session(rig, RIG_SESSION, true);
	rig_answer(rig, OPTEE_SMC_CALL_WITH_ARG)->a[0] = OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	regs = rig_send(rig, 0);
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	return (uint32_t)regs.a[3];
}

/* Invariant I4: nothing is unpinned and no page freed before VM_DESTROYED is back. */
static void check_order(void *arg, enum test_op op, struct test_guest *guest)
{
	struct rig *rig = arg;

	(void)guest;
	if (op == TEST_OP_UNPIN || op == TEST_OP_PAGE_FREE)
		expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 1);
}

RIG_TEST(test_scenario_5_destroy_in_steps)
{
	uint32_t steps = 0;

	leave_behind(rig, 2, OM_PIN_BATCH + 1);
	leave_a_call(rig);
	assert_int_equal(rig->ram->pinned, 2 * (OM_PIN_BATCH + 1) + 1);
	rig->host->on_op = check_order;
	rig->host->on_op_arg = rig;
	rig->host->yield_every = 1;
	/* A record of pins, a call, a page: each its own step, none twice. */
	while (om_guest_destroy(rig->guest) == OM_AGAIN)
		steps++;
	assert_int_equal(steps, 2 * 2 + 4 + 12 - 1);
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 1);
	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(rig->host->shadow_pages, 0);
	rig->guest = NULL;
}

/* Every pool has all that the limits say, every cookie is free, nothing is charged. */
static void expect_empty_tables(struct rig *rig)
{
	const struct om_limits *limits = &rig->guest->vm.limits;
	const struct om_shm *shm = &rig->guest->shm;
	uint32_t i, n;

	for (i = shm->free_buffers, n = 0; i != OM_NONE; i = shm->buffers[i].next)
		n++;
	assert_int_equal(n, om_shm_buffer_count(limits) - limits->rpc_args);
	for (i = shm->free_pins, n = 0; i != OM_NONE; i = shm->pins[i].next, n++)
		assert_int_equal(shm->pins[i].count, 0);
	assert_int_equal(n, om_shm_pins_count(limits));
	for (i = shm->free_args, n = 0; i != OM_NONE; i = shm->buffers[i].next)
		n++;
	assert_int_equal(n, limits->rpc_args);
	for (i = shm->free_lists, n = 0; i != OM_NONE; i = shm->shadows[i].next)
		n++;
	assert_int_equal(n, limits->list_pages);
	assert_int_equal(shm->lists_left, limits->list_pages);
	for (i = 0; i < om_shm_bucket_count(limits); i++)
		assert_int_equal(shm->buckets[i], OM_NONE);
	assert_int_equal(shm->buffers_used | shm->rpc_args_used | shm->pages_used, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 0);
}

/* Whatever is left behind, and however much of it the next life would like to have. */
TEST(test_scenario_6_tables_are_those_of_a_new_guest)
{
	struct rig_setup setup = rig_default;

	/* So that what is behind a table is now and then the next one. */
	for (uint32_t lists = 1; lists <= 9; lists++) {
		struct rig *rig;

		setup.limits.list_pages = lists;
		rig = rig_new(&setup);
		expect_empty_tables(rig);
		leave_behind(rig, 2, OM_PIN_BATCH + 1);
		leave_a_call(rig);
		assert_int_equal(om_guest_reset(rig->guest), OM_OK);
		expect_empty_tables(rig);
		rig_free(rig);
	}
}

RIG_TEST(test_scenario_6_reset)
{
	uint32_t id, steps = 0;

	leave_behind(rig, 2, OM_PIN_BATCH + 1);
	id = leave_a_call(rig);
	rig->host->on_op = check_order;
	rig->host->on_op_arg = rig;
	rig->host->yield_every = 1;
	while (om_guest_reset(rig->guest) == OM_AGAIN)
		steps++;
	rig->host->on_op = NULL;
	rig->host->yield_every = 0;
	assert_int_equal(steps, 2 * 2 + 4);
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 1);
	expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 1);
	assert_int_equal(rig->ram->pinned, 0);
	/* Its shadow pages it keeps. */
	assert_int_equal(rig->host->shadow_pages, 12);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 0);
	assert_false(known(rig, 1));
	/* The call of its former life is unknown, and stays so. */
	assert_int_equal(rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id).a[0],
			 OPTEE_SMC_RETURN_ERESUME);
	assert_int_not_equal(leave_a_call(rig), id);
	leave_behind(rig, 2, OM_PIN_BATCH + 1);
}

RIG_TEST(test_reset_that_optee_refuses)
{
	leave_behind(rig, 1, 1);
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(om_guest_reset(rig->guest), OM_ERR_REFUSED);
	assert_int_equal(rig->ram->pinned, 0);
	/* Every call fails and none reaches OP-TEE. */
	rig->smcs = 0;
	assert_int_equal(rig_call(rig, OPTEE_SMC_GET_OS_UUID, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	/* A 64-bit identifier is no exception to that. */
	assert_int_equal(rig_call(rig, OPTEE_SMC_GET_OS_UUID | SMCCC_FID_SMC64, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(rig->smcs, 0);
	/* Another try; what OP-TEE has let go, it is not told again. */
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 0);
	expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 1);
	leave_a_call(rig);
	/* Destroyed in that state, too. */
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(om_guest_reset(rig->guest), OM_ERR_REFUSED);
}

/* OP-TEE may still use what was shared, so it stays; what is asked for can be asked again. */
static void not_released(enum om_result (*leave)(struct om_guest *guest), uint64_t answer)
{
	static _Alignas(OM_GUEST_ALIGN) uint8_t other[1u << 16];
	struct rig *rig = rig_new(NULL);

	leave_behind(rig, 2, OM_PIN_BATCH + 1);
	leave_a_call(rig);
	rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = answer;
	rig->smcs = 0;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(leave(rig->guest), OM_ERR_NOT_RELEASED);
		expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, i);
		expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 0);
		assert_int_equal(rig->host->count[TEST_OP_UNPIN], 0);
		assert_int_equal(rig->ram->pinned, 2 * (OM_PIN_BATCH + 1) + 1);
		assert_int_equal(rig->host->shadow_pages, 12);
		/* It is nobody's, and calls nobody. */
		assert_int_equal(rig_call(rig, OPTEE_SMC_GET_OS_UUID, 0, 0, 0).a[0],
				 OPTEE_SMC_RETURN_ENOTAVAIL);
		om_guest_interrupt(rig->guest);
		assert_int_equal(rig->ram->notified, 0);
		assert_int_equal(rig->smcs, i);
	}
	/* Its id is no other's. */
	assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &small, rig->ram, other,
					 sizeof(other), &rig->guest), OM_ERR_EXISTS);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(leave(rig->guest), OM_OK);
	assert_int_equal(rig->ram->pinned, 0);
	if (leave == om_guest_destroy)
		rig->guest = NULL;
	rig_free(rig);
}

TEST(fault_a8_optee_does_not_let_go)
{
	static const uint64_t answers[] = {
		OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_EBUSY,
		OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0x100000001,
	};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		not_released(om_guest_destroy, answers[i]);
		not_released(om_guest_reset, answers[i]);
	}
}

/* Asked whether to give way: how much was done since the last time. */
static struct {
	struct om_guest *guest;
	uint32_t stage, cursor;
	uint32_t asked, most;
} steps;

static bool count_and_give_way(void *host)
{
	uint32_t from = steps.guest->stage == steps.stage ? steps.cursor : 0;

	(void)host;
	if (steps.guest->cursor - from > steps.most)
		steps.most = steps.guest->cursor - from;
	steps.stage = steps.guest->stage;
	steps.cursor = steps.guest->cursor;
	return ++steps.asked % 2;
}

/*
 * However large the limits are and however little of them was used, a step is short:
 * which table is the largest makes no difference.
 */
TEST(fault_b9_steps_are_bounded)
{
	static const struct om_limits limits[] = {
		{ .threads = 4, .buffers = 16, .rpc_args = 4, .pages = 1u << 22, .list_pages = 4 },
		{ .threads = 1, .buffers = 40000, .rpc_args = 1, .pages = 64, .list_pages = 4 },
		{ .threads = 1, .buffers = 1, .rpc_args = 1, .pages = 64, .list_pages = 8000 },
	};
	static const uint32_t rows[] = { (1u << 22) / OM_PIN_BATCH, 65536, 8000 };
	struct rig_setup setup = rig_default;

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		uint32_t again = 0;
		struct rig *rig;

		setup.limits = limits[i];
		rig = rig_new(&setup);
		leave_behind(rig, 1, 40);
		leave_a_call(rig);
		rig->host->ops.should_yield = count_and_give_way;
		memset(&steps, 0, sizeof(steps));
		steps.guest = rig->guest;
		while (om_guest_reset(rig->guest) == OM_AGAIN)
			again++;
		assert_in_range(steps.most, 1, 64);
		assert_true(steps.asked >= rows[i] / 64 && again >= rows[i] / 128);
		expect_empty_tables(rig);
		leave_behind(rig, 1, 40);
		memset(&steps, 0, sizeof(steps));
		steps.guest = rig->guest;
		while (om_guest_destroy(rig->guest) == OM_AGAIN)
			;
		assert_in_range(steps.most, 1, 64);
		assert_true(steps.asked >= rows[i] / 64);
		rig->guest = NULL;
		rig_free(rig);
	}
}

/* A list page of the guest's that was being read when the guest died. */
RIG_TEST(test_destroy_in_the_middle_of_a_translation)
{
	struct om_message *message = rig_message(rig, 0, OPTEE_MSG_CMD_REGISTER_SHM, 1);

	rig_list(rig, &message->param[0],
		 OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, 1, 60);
	message->param[0].u.tmem.shm_ref = 1;
	rig->host->yield_every = 1;
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	/* Command page, list page, one batch. */
	assert_int_equal(rig->ram->pinned, 2 + OM_PIN_BATCH);
	assert_int_equal(rig->smcs, 0);
}

/* --- Counters --------------------------------------------------------------------------- */

static const char *const counter_names[] = {
	"fast_calls", "calls", "resumes", "interrupted", "paused", "rpc_alloc", "rpc_free",
	"rpc_cmd", "rpc_shm_alloc", "rpc_shm_free", "rpc_undo", "refused_function",
	"refused_address", "refused_command", "refused_threads", "refused_resume",
	"refused_params", "refused_cookie", "refused_range", "refused_page", "refused_quota",
	"refused_policy", "refused_request", "refused_reply", "pages_now", "pages_peak",
	"buffers_now", "refused_session", "sessions_now",
};

TEST(test_counter_names)
{
	/* The order is stable: this list only ever gets longer. */
	assert_int_equal(COUNT_OF(counter_names), OM_COUNTERS);
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		assert_string_equal(om_counter_name((enum om_counter)i), counter_names[i]);
	assert_null(om_counter_name(OM_COUNTERS));
	assert_null(om_counter_name((enum om_counter)-1));
}

RIG_TEST(test_counters_are_sums)
{
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		assert_int_equal(om_guest_counter(rig->guest, (enum om_counter)i),
				 i == OM_COUNT_SESSIONS_NOW);	/* the rig's */
	for (uint32_t i = OM_COUNT_FAST_CALLS; i < OM_COUNT_PAGES_NOW; i++) {
		for (uint32_t k = 0; k < i; k++)
			om_count_guest(rig->guest, (enum om_counter)i);
		for (uint32_t k = 0; k < rig->guest->vm.limits.threads; k++)
			om_count(&rig->guest->calls[k], (enum om_counter)i);
	}
	for (uint32_t i = OM_COUNT_FAST_CALLS; i < OM_COUNT_PAGES_NOW; i++)
		assert_int_equal(om_guest_counter(rig->guest, (enum om_counter)i),
				 i + rig->guest->vm.limits.threads);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNTERS), 0);
	assert_int_equal(om_guest_counter(rig->guest, (enum om_counter)-1), 0);

	leave_behind(rig, 2, 7);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 14);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 14);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 2);
}

/* --- Interrupts ---------------------------------------------------------------------------- */

RIG_TEST(test_interrupt_goes_to_who_asked_for_it)
{
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 0);
	/* OP-TEE says no: the guest has not asked for it. */
	rig_answer(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF)->a[0] = OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
	assert_int_equal(rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 0);

	rig_answer(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_OK);
	om_guest_interrupt(rig->guest);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 2);

	rig_message(rig, 0, OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, 0);
	assert_int_equal(rig_send(rig, 0).a[0], OPTEE_SMC_RETURN_OK);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 2);

	/* A guest that starts over has to ask again. */
	rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0);
	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 2);
}

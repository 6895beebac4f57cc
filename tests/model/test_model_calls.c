/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model by itself, third part: calls that are suspended, calls that wait for
 * each other, notifications, and misbehaviour on demand.
 */
#include <stdlib.h>
#include <string.h>

#include "asserts.h"

#define GUEST		7u
#define IPA		TEST_IPA_BASE
#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define RMEM_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT

static const uint8_t invoke_tests[16] = PTA_INVOKE_TESTS_UUID;
static const uint8_t test_ta[16] = MODEL_TA_UUID;

/* An INVOKE of the test TA on a slot with one value; the caller may add more. */
static struct optee_msg_hdr *invoke(struct hyper *y, uint32_t slot, uint32_t session,
				    uint32_t func, uint32_t attr, uint64_t a, uint64_t b)
{
	struct optee_msg_hdr *hdr = hyper_invoke(y, slot, session, func, 1);

	hyper_value(hdr, 0, attr, a, b);
	return hdr;
}

static struct om_regs begin(struct hyper *y, uint32_t slot)
{
	return hyper_begin(y, slot, OPTEE_SMC_CALL_WITH_ARG);
}

static struct om_regs resume(struct hyper *y, uint32_t thread)
{
	return hyper_smc(y, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, thread);
}

/* --- Suspended calls --------------------------------------------------------------------- */

HYPER_TEST(a_long_call_is_interrupted_n_times)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr = invoke(y, 0, session, MODEL_TA_INTERRUPT, VALUE_IN, 100, 0);
	struct om_regs regs = begin(y, 0);
	uint32_t n = 0;

	while (regs.a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR) {
		assert_int_equal(regs.a[1], 0);
		assert_int_equal(regs.a[2], 0);
		assert_true(model_thread_suspended(y->model, GUEST, 0));
		n++;
		regs = resume(y, (uint32_t)regs.a[3]);
	}
	assert_int_equal(n, 100);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
}

HYPER_TEST(interrupts_can_come_by_themselves)
{
	struct om_regs regs;

	model_config(y->model)->interrupt_every = 1;
	hyper_msg(y, 0, OPTEE_MSG_CMD_CLOSE_SESSION, 0);
	regs = begin(y, 0);
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(resume(y, 0).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(hyper_arg(y, 0)->ret, TEEC_ERROR_ITEM_NOT_FOUND);
}

HYPER_TEST(threads_run_out_and_come_back)
{
	uint32_t session[3];

	for (uint32_t i = 0; i < 3; i++)
		session[i] = hyper_open(y, test_ta);
	for (uint32_t i = 0; i < 3; i++)
		invoke(y, i, session[i], MODEL_TA_INTERRUPT, VALUE_IN, 1, 0);
	assert_int_equal(begin(y, 0).a[3], 0);
	assert_int_equal(begin(y, 1).a[3], 1);
	assert_int_equal(begin(y, 2).a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(hyper_smc(y, OPTEE_SMC_DISABLE_SHM_CACHE, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_EBUSY);
	assert_int_equal(hyper_smc(y, OPTEE_SMC_ENABLE_SHM_CACHE, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_EBUSY);
	assert_int_equal(resume(y, 0).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(resume(y, 0).a[0], OPTEE_SMC_RETURN_ERESUME);
	model_violations_reset(y->model);
	assert_int_equal(begin(y, 2).a[3], 0);
	assert_int_equal(model_threads_in_use(y->model, GUEST), 2);
	/* The guest dies with both of them suspended. */
}

HYPER_TEST(a_call_waits_until_it_is_cancelled)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr, *cancel;

	hdr = hyper_invoke(y, 0, session, MODEL_TA_WAIT_CANCEL, 0);
	begin(y, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(resume(y, 0).a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	cancel = hyper_msg(y, 1, OPTEE_MSG_CMD_CANCEL, 0);
	cancel->session = session;
	assert_int_equal(hyper_call(y, 1), OPTEE_SMC_RETURN_OK);
	assert_int_equal(cancel->ret, TEEC_SUCCESS);
	assert_int_equal(resume(y, 0).a[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(hdr->ret, TEEC_ERROR_CANCEL);
}

HYPER_TEST(memory_stays_held_while_a_call_is_suspended)
{
	uint32_t session = hyper_open(y, test_ta);
	uint8_t *va = test_guest_va(y->guest, IPA);
	struct optee_msg_hdr *hdr;
	uint64_t cookie;

	memset(va, 0x0f, TEST_PAGE);
	hyper_register(y, IPA, 1, 0, TEST_PAGE, &cookie);
	hdr = hyper_invoke(y, 0, session, MODEL_TA_INTERRUPT, 2);
	hyper_value(hdr, 0, VALUE_IN, 1, 0);
	hyper_rmem(hdr, 1, RMEM_INOUT, 16, 16, cookie);
	begin(y, 0);
	assert_int_equal(test_secure_held(y->host, GUEST), 2);
	resume(y, 0);
	assert_int_equal(va[15], 0x0f);
	assert_int_equal(va[16], 0xf0);
	assert_int_equal(va[31], 0xf0);
	assert_int_equal(va[32], 0x0f);
}

/* --- Calls that wait for each other --------------------------------------------------------- */

static void expect_notification(struct hyper *y, size_t i, uint32_t what, uint32_t thread)
{
	assert_int_equal(y->log[i].cmd, OPTEE_RPC_CMD_NOTIFICATION);
	assert_int_equal(y->log[i].param[0].u.value.a, what);
	assert_int_equal(y->log[i].param[0].u.value.b, 0x40 + thread);
	assert_int_equal(y->log[i].param[0].u.value.c, 0);
}

/* Serves the call on a slot until it asks to wait, and that once. */
static struct om_regs serve_wait(struct hyper *y, uint32_t slot, struct om_regs regs)
{
	size_t before;

	do {
		before = y->logged;
		regs = hyper_serve(y, slot, &regs);
		assert_true(regs.a[0] >= OPTEE_SMC_RETURN_RPC_PREFIX);
	} while (y->log[before].a0 != OPTEE_SMC_RETURN_RPC_CMD);
	return regs;
}

HYPER_TEST(a_second_writer_waits_in_the_normal_world)
{
	uint32_t one = hyper_open(y, invoke_tests), two = hyper_open(y, invoke_tests);
	struct optee_msg_hdr *first, *second;
	struct om_regs regs[2];

	first = hyper_invoke(y, 0, one, PTA_INVOKE_TESTS_MUTEX, 2);
	hyper_value(first, 0, VALUE_IN, 0, 10001);
	hyper_value(first, 1, VALUE_OUT, 0, 0);
	second = hyper_invoke(y, 1, two, PTA_INVOKE_TESTS_MUTEX, 2);
	hyper_value(second, 0, VALUE_IN, 1, 5);
	hyper_value(second, 1, VALUE_OUT, 0, 0);
	regs[0] = begin(y, 0);
	assert_int_equal(regs[0].a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	/* ALLOC, WAIT; a reply that comes too early makes it wait again. */
	regs[1] = serve_wait(y, 1, begin(y, 1));
	assert_int_equal(y->logged, 2);
	expect_notification(y, 1, OPTEE_RPC_NOTIFICATION_WAIT, 1);
	regs[1] = serve_wait(y, 1, regs[1]);
	expect_notification(y, 2, OPTEE_RPC_NOTIFICATION_WAIT, 1);
	y->logged = 0;
	assert_int_equal(hyper_finish(y, 0, resume(y, 0)), OPTEE_SMC_RETURN_OK);
	/* ALLOC, SEND, FREE */
	assert_int_equal(y->logged, 3);
	expect_notification(y, 1, OPTEE_RPC_NOTIFICATION_SEND, 1);
	assert_int_equal(hyper_finish(y, 1, regs[1]), OPTEE_SMC_RETURN_OK);
	assert_int_equal(first->ret, TEEC_SUCCESS);
	assert_int_equal(second->ret, TEEC_SUCCESS);
	assert_int_equal(model_param(second, 1)->u.value.b, 1);
}

HYPER_TEST(unregister_waits_for_who_uses_the_buffer)
{
	uint32_t session = hyper_open(y, test_ta);
	struct optee_msg_hdr *hdr;
	struct om_regs regs;
	uint64_t cookie;

	hyper_register(y, IPA, 1, 0, TEST_PAGE, &cookie);
	hdr = hyper_invoke(y, 0, session, MODEL_TA_INTERRUPT, 2);
	hyper_value(hdr, 0, VALUE_IN, 1, 0);
	hyper_rmem(hdr, 1, RMEM_INOUT, 0, 16, cookie);
	begin(y, 0);
	hdr = hyper_msg(y, 1, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	hyper_rmem(hdr, 0, RMEM_IN, 0, 0, cookie);
	regs = serve_wait(y, 1, begin(y, 1));
	expect_notification(y, 1, OPTEE_RPC_NOTIFICATION_WAIT, 1);
	y->logged = 0;
	hyper_finish(y, 0, resume(y, 0));
	expect_notification(y, 1, OPTEE_RPC_NOTIFICATION_SEND, 1);
	assert_int_equal(hyper_finish(y, 1, regs), OPTEE_SMC_RETURN_OK);
	assert_int_equal(hdr->ret, TEEC_SUCCESS);
	hyper_unshare(y, cookie);
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
	assert_int_equal(begin(y, 1).a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	model_config(y->model)->interrupt_every = 0;
	assert_int_equal(hyper_unregister(y, cookie), TEEC_SUCCESS);
	resume(y, 0);
	assert_int_equal(hdr->ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(hdr->ret_origin, TEEC_ORIGIN_TEE);
	/* Nobody did wrong; but the next one with this cookie would. */
	model_assert_clean(y->model);
	begin(y, 1);
	assert_int_equal(model_violations(y->model), 1);
	model_violations_reset(y->model);
}

HYPER_TEST(a_session_serves_one_thread_at_a_time)
{
	uint32_t session = hyper_open(y, test_ta);
	struct om_regs regs;

	invoke(y, 0, session, MODEL_TA_INTERRUPT, VALUE_IN, 1, 0);
	invoke(y, 1, session, MODEL_TA_INTERRUPT, VALUE_IN, 0, 0);
	begin(y, 0);
	regs = serve_wait(y, 1, begin(y, 1));
	expect_notification(y, 1, OPTEE_RPC_NOTIFICATION_WAIT, 1);
	hyper_finish(y, 0, resume(y, 0));
	assert_int_equal(hyper_finish(y, 1, regs), OPTEE_SMC_RETURN_OK);
	assert_int_equal(hyper_arg(y, 1)->ret, TEEC_SUCCESS);
}

/*
 * The one above is closed while an INVOKE waits for it, and its id is another's before
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
	invoke(y, 0, session, MODEL_TA_INTERRUPT, VALUE_IN, 1, 0);
	hyper_msg(y, 1, OPTEE_MSG_CMD_CLOSE_SESSION, 0)->session = session;
	invoke(y, 2, session, MODEL_TA_RETURN, VALUE_IN, TEEC_SUCCESS, 0);
	begin(y, 0);
	for (uint32_t i = 1; i < 3; i++)
		regs[i] = serve_wait(y, i, begin(y, i));
	hyper_finish(y, 0, resume(y, 0));
	hyper_finish(y, 1, regs[1]);
	assert_int_equal(hyper_arg(y, 1)->ret, TEEC_SUCCESS);
	assert_int_equal(hyper_open(y, test_ta), session);
	assert_int_equal(hyper_finish(y, 2, regs[2]), OPTEE_SMC_RETURN_OK);
	assert_int_equal(hyper_arg(y, 2)->ret, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(hyper_arg(y, 2)->ret_origin, TEEC_ORIGIN_TEE);
	hyper_free(y);
}

/* --- Notifications ------------------------------------------------------------------------------- */

static void count_irq(void *arg)
{
	++*(uint32_t *)arg;
}

HYPER_TEST(notifications_are_raised_and_taken)
{
	uint32_t session = hyper_open(y, test_ta);
	uint32_t irqs = 0;
	struct om_regs regs;

	model_config(y->model)->raise_irq = count_irq;
	model_config(y->model)->raise_irq_arg = &irqs;
	assert_int_equal(hyper_smc(y, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0).a[0], 0);
	assert_true(model_notif_started(y->model, GUEST));
	invoke(y, 0, session, MODEL_TA_NOTIFY, VALUE_IN, 17, 0);
	hyper_call(y, 0);
	model_notify(y->model, GUEST, 0);
	assert_int_equal(irqs, 2);
	regs = hyper_smc(y, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, 0, 0);
	assert_int_equal(regs.a[1], 0);
	assert_int_equal(regs.a[2], OPTEE_SMC_ASYNC_NOTIF_VALID | OPTEE_SMC_ASYNC_NOTIF_PENDING);
	regs = hyper_smc(y, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, 0, 0);
	assert_int_equal(regs.a[1], 17);
	assert_int_equal(regs.a[2], OPTEE_SMC_ASYNC_NOTIF_VALID);
	assert_int_equal(hyper_smc(y, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0, 0, 0).a[2], 0);
	hyper_msg(y, 0, OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, 0)->ret = 0x1234;
	assert_int_equal(hyper_call(y, 0), OPTEE_SMC_RETURN_OK);
	assert_int_equal(hyper_arg(y, 0)->ret, 0x1234);
	assert_false(model_notif_started(y->model, GUEST));
}

/* --- Misbehaviour ------------------------------------------------------------------------------- */

static void spoil(void *arg, const struct model_event *event)
{
	++*(uint32_t *)arg;
	event->arg->cmd = 0x77;
	event->arg->num_params = 0xffffffff;
	if (event->regs->a[0] == OPTEE_SMC_RETURN_OK)
		event->regs->a[1] = 0x5a;
}

HYPER_TEST(the_shadow_can_be_spoiled)
{
	uint32_t session = hyper_open(y, test_ta);
	struct om_regs regs;
	uint32_t n = 0;

	model_on_return(y->model, spoil, &n);
	invoke(y, 0, session, MODEL_TA_INTERRUPT, VALUE_IN, 1, 0);
	begin(y, 0);
	assert_int_equal(hyper_arg(y, 0)->cmd, 0x77);
	regs = resume(y, 0);
	assert_int_equal(regs.a[1], 0x5a);
	assert_int_equal(n, 2);
	model_on_return(y->model, NULL, NULL);
	model_on_enter(y->model, spoil, &n);
	hyper_msg(y, 0, OPTEE_MSG_CMD_CLOSE_SESSION, 0);
	assert_int_equal(begin(y, 0).a[0], OPTEE_SMC_RETURN_EBADCMD);
	assert_int_equal(n, 3);
	model_violations_reset(y->model);
}

HYPER_TEST(answers_can_be_scripted)
{
	struct om_regs regs;
	uint64_t cookie;

	model_answer_next(y->model, OPTEE_SMC_DISABLE_SHM_CACHE, 0, 1, 2, 0);
	model_answer_next(y->model, 0, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	regs = hyper_smc(y, OPTEE_SMC_DISABLE_SHM_CACHE, 0, 0, 0);
	assert_int_equal(regs.a[2], 2);
	assert_int_equal(begin(y, 0).a[0], OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	model_replace_next(y->model, OPTEE_SMC_RETURN_OK, 0xffff0042, 1, 2, 3);
	hyper_msg(y, 0, OPTEE_MSG_CMD_CLOSE_SESSION, 0);
	assert_int_equal(begin(y, 0).a[0], 0xffff0042);
	model_refuse_register(y->model, TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(hyper_register(y, IPA, 1, 0, 1, &cookie), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(hyper_register(y, IPA, 1, 0, 1, &cookie), TEEC_SUCCESS);
	model_refuse_unregister(y->model, TEEC_ERROR_BUSY);
	assert_int_equal(hyper_unregister(y, cookie), TEEC_ERROR_BUSY);
	assert_int_equal(hyper_unregister(y, cookie), TEEC_SUCCESS);
}

HYPER_TEST(rpcs_can_be_injected)
{
	uint32_t session = hyper_open(y, test_ta);
	struct model_rpc free_unknown = { .a0 = OPTEE_SMC_RETURN_RPC_FREE, .a1 = 6, .a2 = 7 };
	struct model_rpc bench = { .cmd = OPTEE_RPC_CMD_BENCH_REG, .num_params = 9 };
	struct model_rpc_result result;
	struct optee_msg_hdr *hdr;

	bench.param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
	bench.param[0].u.tmem.buf_ptr = 0x1000;
	model_inject_rpc(y->model, &free_unknown);
	model_inject_rpc(y->model, &bench);
	hdr = invoke(y, 0, session, MODEL_TA_RETURN, VALUE_IN, 0xabcd, 0);
	hyper_call(y, 0);
	assert_int_equal(hdr->ret, 0xabcd);
	/* FREE of the unknown, ALLOC, CMD, FREE. */
	assert_int_equal(y->logged, 4);
	assert_int_equal(y->log[0].a0, OPTEE_SMC_RETURN_RPC_FREE);
	assert_int_equal(y->log[2].cmd, OPTEE_RPC_CMD_BENCH_REG);
	assert_int_equal(y->log[2].num_params, 9);
	assert_int_equal(y->log[2].param[0].u.tmem.buf_ptr, 0x1000);
	assert_true(model_injected(y->model, 1, &result));
	assert_int_equal(result.hdr.ret, TEEC_ERROR_NOT_SUPPORTED);
	assert_false(model_injected(y->model, 2, &result));
}

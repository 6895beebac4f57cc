/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that take long: interrupts, the worker pool, cancellation, and what becomes
 * of calls when the guest is reset or destroyed.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <errno.h>
#include <linux/tee.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

/* One for each guest: where a test fails, workers are still in the last one's device. */
static struct rig *next_rig(void)
{
	static struct rig guests[32];
	static uint32_t used;

	assert_true(used < sizeof(guests) / sizeof(guests[0]));
	fake_init(&guests[used].tee);
	return &guests[used++];
}

static int setup(void **state)
{
	struct rig *rig = next_rig();

	rig_init(rig, NULL);
	*state = rig;
	return 0;
}

/* An INVOKE that stays in the TA, in a session of its own. */
struct stuck {
	uint32_t slot;
	uint32_t session;
	uint32_t id;
	struct message *m;
};

static struct stuck start(struct rig *rig, uint32_t slot, uint32_t func)
{
	struct stuck s = { .slot = slot };
	uint32_t a0;

	assert_int_equal(rig_open(rig, &s.session), TEEC_SUCCESS);
	s.m = rig_message(rig, slot, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	s.m->hdr.session = s.session;
	s.m->hdr.func = func;
	s.m->hdr.cancel_id = 0x1000 + slot;
	/* A worker may still be on its way out of the call before. */
	do
		a0 = rig_send(rig, slot, &s.id);
	while (a0 == OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(a0, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	return s;
}

static uint32_t end(struct rig *rig, struct stuck *s)
{
	assert_int_equal(rig_finish(rig, s->slot, s->id), OPTEE_SMC_RETURN_OK);
	return s->m->hdr.ret;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The longest time that this thread, a vCPU, ever asked to wait; however long it was in fact. */
static _Thread_local uint64_t longest_wait_us;

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *until)
{
	uint64_t end = (uint64_t)until->tv_sec * 1000000 + (uint64_t)until->tv_nsec / 1000;
	uint64_t now = now_us();

	if (end > now && end - now > longest_wait_us)
		longest_wait_us = end - now;
	return __real_pthread_cond_timedwait(cond, mutex, until);
}

RIGGED_BY(setup, a_guest_is_interrupted_while_op_tee_works)
{
	struct stuck s = start(rig, 1, FAKE_STUBBORN);
	uint64_t began;

	fake_wait_blocked(&rig->tee, 1);
	longest_wait_us = 0;
	began = now_us();
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(rig_resume(rig, 1, &s.id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	/* A millisecond each: neither a busy loop nor a vCPU that is stuck. */
	assert_true(now_us() - began >= 15000);
	assert_in_range(longest_wait_us, 1, 1000);
	assert_true(COUNT(rig, INTERRUPTED) >= 20);
	/* The others' calls go on. */
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rig, 0, s.session, FAKE_NOTHING), TEEC_SUCCESS);
	fake_release(&rig->tee, true);
	assert_int_equal(end(rig, &s), TEEC_SUCCESS);
}

RIGGED_BY(setup, only_a_call_in_flight_is_resumed)
{
	struct stuck s = start(rig, 1, FAKE_STUBBORN);
	uint32_t id = s.id + 0x100, old = s.id;

	assert_int_equal(rig_resume(rig, 1, &id), OPTEE_SMC_RETURN_ERESUME);
	id = 0;
	assert_int_equal(rig_resume(rig, 1, &id), OPTEE_SMC_RETURN_ERESUME);
	fake_release(&rig->tee, true);
	assert_int_equal(end(rig, &s), TEEC_SUCCESS);
	assert_int_equal(rig_resume(rig, 1, &old), OPTEE_SMC_RETURN_ERESUME);
}

RIGGED_BY(setup, more_calls_than_workers_are_told_to_wait)
{
	struct stuck a = start(rig, 1, FAKE_STUBBORN);
	struct stuck b = start(rig, 2, FAKE_STUBBORN);
	struct message *m;
	uint32_t id;

	fake_wait_blocked(&rig->tee, 2);
	m = rig_message(rig, 3, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	m->hdr.session = a.session;
	assert_int_equal(rig_send(rig, 3, &id), OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(COUNT(rig, REFUSED_WORKERS), 1);
	fake_release(&rig->tee, true);
	assert_int_equal(end(rig, &a), TEEC_SUCCESS);
	assert_int_equal(rig_call(rig, 3), OPTEE_SMC_RETURN_OK);
	assert_int_equal(m->hdr.ret, TEEC_SUCCESS);
	assert_int_equal(end(rig, &b), TEEC_SUCCESS);
	assert_int_equal(rig->tee.most_in_flight, 2);
}

RIGGED_BY(setup, a_call_that_is_never_fetched_keeps_no_worker)
{
	struct stuck s[6];

	/* Six calls end in OP-TEE while their guest looks elsewhere. */
	for (uint32_t i = 0; i < 6; i++) {
		fake_release(&rig->tee, false);
		s[i] = start(rig, i + 1, FAKE_STUBBORN);
		fake_wait_blocked(&rig->tee, 1);
		fake_release(&rig->tee, true);
		fake_wait_blocked(&rig->tee, 0);
	}
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rig, 0, s[0].session, FAKE_NOTHING), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(end(rig, &s[i]), TEEC_SUCCESS);
}

static uint32_t cancel(struct rig *rig, uint32_t session, uint32_t cancel_id)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_CANCEL, 0);
	uint32_t id, a0;

	m->hdr.session = session;
	m->hdr.cancel_id = cancel_id;
	/* A worker is kept for it: it is never told to wait for one. */
	a0 = rig_send(rig, 0, &id);
	if (a0 == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		a0 = rig_finish(rig, 0, id);
	assert_int_equal(a0, OPTEE_SMC_RETURN_OK);
	return m->hdr.ret;
}

RIGGED_BY(setup, cancel_gets_through_when_all_workers_are_busy)
{
	struct stuck a = start(rig, 1, FAKE_BLOCK);
	struct stuck b = start(rig, 2, FAKE_BLOCK);

	fake_wait_blocked(&rig->tee, 2);
	/* The wrong session, the wrong id: nothing happens. */
	assert_int_equal(cancel(rig, 0x7777, a.m->hdr.cancel_id), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(cancel(rig, a.session, 1), TEEC_SUCCESS);
	assert_int_equal(rig_resume(rig, 1, &a.id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);

	assert_int_equal(cancel(rig, a.session, a.m->hdr.cancel_id), TEEC_SUCCESS);
	assert_int_equal(end(rig, &a), TEEC_ERROR_CANCEL);
	assert_int_equal(rig_resume(rig, 2, &b.id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(cancel(rig, b.session, b.m->hdr.cancel_id), TEEC_SUCCESS);
	assert_int_equal(end(rig, &b), TEEC_ERROR_CANCEL);
}

RIGGED_BY(setup, what_a_call_in_flight_uses_stays)
{
	uint64_t pages[2] = { DATA, DATA + PAGE };
	struct message *m, *u;
	uint32_t session, id, unregister_id;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	assert_int_equal(rig_register(rig, 1, pages, 2, 2 * PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	m->hdr.session = session;
	m->hdr.func = FAKE_STUBBORN;
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 2 * PAGE);
	assert_int_equal(rig_send(rig, 1, &id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fake_wait_blocked(&rig->tee, 1);

	u = rig_message(rig, 2, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	u->param[0].u.rmem.shm_ref = 1;
	assert_int_equal(rig_send(rig, 2, &unregister_id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(rig_resume(rig, 2, &unregister_id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_int_equal(fake_shms(&rig->tee), 1);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_IN_USE);

	fake_release(&rig->tee, true);
	assert_int_equal(rig_finish(rig, 1, id), OPTEE_SMC_RETURN_OK);
	assert_int_equal(rig_finish(rig, 2, unregister_id), OPTEE_SMC_RETURN_OK);
	assert_int_equal(u->hdr.ret, TEEC_SUCCESS);
	assert_int_equal(fake_shms(&rig->tee), 0);
	assert_int_equal(om_kvm_may_discard(rig->kvm, DATA, PAGE), OM_KVM_OK);
}

RIGGED_BY(setup, a_guest_may_change_its_message_meanwhile)
{
	struct stuck s = start(rig, 1, FAKE_STUBBORN);

	memset(s.m, 0xff, PAGE);
	fake_release(&rig->tee, true);
	assert_int_equal(end(rig, &s), TEEC_SUCCESS);
	assert_int_equal(s.m->hdr.session, 0xffffffff);
}

/* Workers that stay awake */

static struct rig *start_awake(void)
{
	struct rig *rig = next_rig();
	struct om_kvm_config config = rig_config(rig);

	config.spin_us = 1000;
	config.wait_us = 200;
	rig_init(rig, &config);
	return rig;
}

/* So many calls in a row; fewer, when a worker was found awake for more than `enough`. */
static void call_in_a_row(struct rig *rig, uint32_t session, uint32_t calls, uint32_t enough)
{
	while (calls-- && COUNT(rig, AWAKE) <= enough) {
		rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
	}
}

/* The CPUs that this process may use, as they were. */
static cpu_set_t use_one_cpu(void)
{
	cpu_set_t all, one;
	size_t cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	return all;
}

TEST(calls_in_a_row_find_a_worker_awake)
{
	struct rig *rig = start_awake();
	cpu_set_t all;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) > 1) {
		call_in_a_row(rig, rig_opened(rig), 100000, 20);
		assert_true(COUNT(rig, AWAKE) > 20);
	}
	rig_exit(rig);
}

TEST(on_one_cpu_nobody_waits_awake)
{
	cpu_set_t all = use_one_cpu();
	struct rig *rig = start_awake();

	call_in_a_row(rig, rig_opened(rig), 200, UINT32_MAX - 1);
	assert_int_equal(COUNT(rig, AWAKE), 0);
	rig_exit(rig);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* Reset and destruction */

RIGGED_BY(setup, a_reset_leaves_nothing_behind)
{
	uint64_t pages[2] = { DATA, DATA + PAGE };
	uint32_t session, again;
	struct message *m;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	assert_int_equal(rig_register(rig, 1, pages, 2, 2 * PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 2 * PAGE);
	rig_rmem(m, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 16);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
	assert_int_equal(fake_shms(&rig->tee), 2);

	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	assert_int_equal(fake_sessions(&rig->tee), 0);
	assert_int_equal(fake_shms(&rig->tee), 0);
	assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
	assert_int_equal(COUNT(rig, REGISTRATIONS_NOW), 0);
	assert_int_equal(COUNT(rig, PINNED_NOW), 0);

	/* The guest's next life knows nothing of the first, and works. */
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(rig_unregister(rig, 1), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(rig_register(rig, 1, pages, 2, 2 * PAGE), TEEC_SUCCESS);
	assert_int_equal(rig_open(rig, &again), TEEC_SUCCESS);
}

RIGGED_BY(setup, a_reset_cancels_what_is_in_flight)
{
	struct stuck a = start(rig, 1, FAKE_BLOCK);
	struct stuck b = start(rig, 2, FAKE_BLOCK);

	fake_wait_blocked(&rig->tee, 2);
	/* It takes less than 100 ms, but on a busy machine. */
	while (om_kvm_reset(rig->kvm) == OM_KVM_AGAIN)
		;
	assert_int_equal(fake_sessions(&rig->tee), 0);
	/* The message was written before, if at all: it is the next life's memory. */
	assert_int_equal(a.m->hdr.ret, 0x11111111);
	assert_int_equal(rig_resume(rig, 1, &a.id), OPTEE_SMC_RETURN_ERESUME);
	assert_int_equal(rig_resume(rig, 2, &b.id), OPTEE_SMC_RETURN_ERESUME);
}

/* How often OP-TEE was asked to cancel something. */
static uint32_t cancels(struct rig *rig)
{
	uint32_t n;

	pthread_mutex_lock(&rig->tee.lock);
	n = rig->tee.count[_IOC_NR(TEE_IOC_CANCEL)];
	pthread_mutex_unlock(&rig->tee.lock);
	return n;
}

/* On a busy machine a worker may get to it when the reset has given up. Ten seconds, else never. */
static void wait_cancels(struct rig *rig, uint32_t n)
{
	for (uint32_t i = 0; cancels(rig) < n; i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
}

/* Whether a reset ends, of which one call would be enough on a quiet machine. */
static bool reset_ends(struct rig *rig)
{
	int result = OM_KVM_AGAIN;

	for (uint32_t i = 0; i < 20 && result == OM_KVM_AGAIN; i++)
		result = om_kvm_reset(rig->kvm);
	return result == OM_KVM_OK;
}

RIGGED_BY(setup, a_reset_says_when_a_ta_does_not_let_go)
{
	struct stuck s = start(rig, 1, FAKE_STUBBORN);
	uint32_t session;

	fake_wait_blocked(&rig->tee, 1);
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	wait_cancels(rig, 1);
	assert_int_equal(rig->tee.last_cancel_id, s.m->hdr.cancel_id);
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	wait_cancels(rig, 2);
	/* Asked once each time, not again and again. */
	assert_false(rig_is_readable(rig, 50));
	assert_int_equal(cancels(rig), 2);
	assert_int_equal(fake_sessions(&rig->tee), 1);
	fake_release(&rig->tee, true);
	assert_true(reset_ends(rig));
	assert_int_equal(fake_sessions(&rig->tee), 0);
	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
}

TEST(a_destruction_waits_for_a_ta_too)
{
	struct rig *rig = next_rig();

	rig_init(rig, NULL);
	start(rig, 1, FAKE_STUBBORN);
	start(rig, 2, FAKE_BLOCK);
	fake_wait_blocked(&rig->tee, 2);
	assert_int_equal(om_kvm_destroy(rig->kvm), OM_KVM_AGAIN);
	fake_release(&rig->tee, true);
	rig_exit(rig);
}

/* The device's failures to come, while workers use it. */
static void set_fault(struct rig *rig, struct fake_fault fault)
{
	pthread_mutex_lock(&rig->tee.lock);
	rig->tee.fault = fault;
	pthread_mutex_unlock(&rig->tee.lock);
}

/* A guest of so many threads, all of whose workers are stuck in a TA that can be cancelled. */
static struct rig *start_stuck(uint32_t threads, uint32_t unfetched)
{
	struct rig *rig = next_rig();
	struct om_kvm_config config = rig_config(rig);

	config.limits.threads = threads;
	rig_init(rig, &config);
	for (uint32_t i = 0; i < unfetched; i++) {
		fake_release(&rig->tee, false);
		start(rig, i + 1, FAKE_STUBBORN);
		fake_wait_blocked(&rig->tee, 1);
		fake_release(&rig->tee, true);
		fake_wait_blocked(&rig->tee, 0);
	}
	fake_release(&rig->tee, false);
	start(rig, unfetched + 1, FAKE_BLOCK);
	start(rig, unfetched + 2, FAKE_BLOCK);
	fake_wait_blocked(&rig->tee, 2);
	return rig;
}

TEST(fault_b11_a_cancellation_needs_no_job)
{
	struct rig *rig = start_stuck(2, 0);

	assert_true(reset_ends(rig));
	rig_exit(rig);
}

TEST(fault_b11_calls_left_unfetched_are_not_in_the_way)
{
	/* With two that are stuck these are all the threads there are. */
	struct rig *rig = start_stuck(4, 2);

	assert_true(reset_ends(rig));
	rig_exit(rig);
}

TEST(fault_b11_a_cancellation_that_fails_is_tried_again)
{
	static const int errors[] = { -ENOMEM, -EBUSY, -EINTR, -EIO };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct rig *rig = start_stuck(8, 0);

		set_fault(rig, (struct fake_fault){ TEE_IOC_CANCEL, 1, false, errors[i] });
		assert_true(reset_ends(rig));
		rig_exit(rig);
	}
}

TEST(fault_b11_each_reset_asks_anew)
{
	struct rig *rig = start_stuck(8, 0);

	/* OP-TEE took them before the calls they were for had got there. */
	rig->tee.lost_cancels = 2;
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	assert_true(reset_ends(rig));
	rig_exit(rig);
}

/* A CANCEL of the reset before, which came too early and returns late, is not one of this. */
TEST(fault_b11_a_late_cancellation_counts_for_none)
{
	struct rig *rig = start_stuck(8, 0);

	pthread_mutex_lock(&rig->tee.lock);
	rig->tee.lost_cancels = 1;
	rig->tee.holds_cancels = true;
	pthread_mutex_unlock(&rig->tee.lock);
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	wait_cancels(rig, 1);
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	pthread_mutex_lock(&rig->tee.lock);
	rig->tee.holds_cancels = false;
	pthread_cond_broadcast(&rig->tee.changed);
	pthread_mutex_unlock(&rig->tee.lock);
	/* Both are cancelled, though nobody asks any more. */
	assert_true(rig_is_readable(rig, 10000));
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	rig_exit(rig);
}

static uint32_t blocked(struct rig *rig)
{
	uint32_t n;

	pthread_mutex_lock(&rig->tee.lock);
	n = rig->tee.blocked;
	pthread_mutex_unlock(&rig->tee.lock);
	return n;
}

RIGGED_BY(setup, fault_b11_one_that_cannot_be_cancelled_is_not_in_the_way)
{
	struct stuck s = start(rig, 1, FAKE_BLOCK);

	fake_wait_blocked(&rig->tee, 1);
	/* Nobody can cancel what is done in it. */
	fake_forget(&rig->tee, s.session);
	start(rig, 2, FAKE_BLOCK);
	fake_wait_blocked(&rig->tee, 2);
	for (uint32_t i = 0; i < 20 && blocked(rig) == 2; i++)
		assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	assert_int_equal(blocked(rig), 1);
	fake_release(&rig->tee, true);
	assert_true(reset_ends(rig));
}

RIGGED_BY(setup, fault_b11_there_is_something_to_wait_on)
{
	uint32_t session;

	start(rig, 1, FAKE_STUBBORN);
	start(rig, 2, FAKE_BLOCK);
	fake_wait_blocked(&rig->tee, 2);
	assert_false(rig_is_readable(rig, 0));
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_AGAIN);
	assert_false(rig_is_readable(rig, 20));
	fake_release(&rig->tee, true);
	assert_true(rig_is_readable(rig, 10000));
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	/* It says so once, and nothing of calls as a guest makes them. */
	assert_false(rig_is_readable(rig, 0));
	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	assert_false(rig_is_readable(rig, 0));
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	assert_false(rig_is_readable(rig, 0));
}

TEST(fault_b11_it_goes_on_while_nobody_asks)
{
	struct rig *rig = start_stuck(8, 0);
	uint64_t began = now_us();

	set_fault(rig, (struct fake_fault){ TEE_IOC_CANCEL, 1, true, -ENOMEM });
	assert_int_equal(om_kvm_destroy(rig->kvm), OM_KVM_AGAIN);
	set_fault(rig, (struct fake_fault){ 0 });
	assert_true(rig_is_readable(rig, 10000));
	/* Not in a busy loop: every ten milliseconds, however many those were, and some. */
	assert_true(cancels(rig) < (now_us() - began) / 10000 + 10);
	rig_exit(rig);
}

RIGGED_BY(setup, calls_that_ended_unfetched_are_forgotten)
{
	uint64_t page = PRIVATE_GPA;
	struct message *m;
	uint32_t session, id;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	m->param[0].u.tmem.buf_ptr = rig_list(rig, 1, &page, 1);
	m->param[0].u.tmem.size = 100;
	m->hdr.session = session;
	m->hdr.func = FAKE_STUBBORN;
	assert_int_equal(rig_send(rig, 1, &id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fake_wait_blocked(&rig->tee, 1);
	fake_release(&rig->tee, true);
	fake_wait_blocked(&rig->tee, 0);
	/* Its temporary memory goes with it. */
	assert_true(reset_ends(rig));
	assert_int_equal(COUNT(rig, PINNED_NOW), 0);
}

/* The VMM has given up its right to the device, as a sandboxed one does. */
RIGGED_BY(setup, fault_e3_reset_does_not_open_the_device_again)
{
	uint32_t session, i;

	rig->tee.fault = (struct fake_fault){ FAKE_OPEN, 1, true, -EACCES };
	for (i = 0; i < 3; i++) {
		rig_opened(rig);
		rig_opened(rig);
		assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
		assert_int_equal(fake_sessions(&rig->tee), 0);
		assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
		assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	}
	assert_int_equal(rig->tee.opens, 1);
}

/* Whatever Linux says to it: the session cannot be used by the next life. */
RIGGED_BY(setup, fault_e3_reset_goes_on_when_a_session_cannot_be_closed)
{
	uint32_t first = rig_opened(rig), second = rig_opened(rig), session;

	rig_fail_next(rig, TEE_IOC_CLOSE_SESSION, -ENOMEM);
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	assert_int_equal(fake_sessions(&rig->tee), 0);
	assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
	assert_int_equal(rig_close(rig, first), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(rig_close(rig, second), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
}

RIGGED_BY(setup, two_guests_do_not_know_each_other)
{
	struct om_kvm_config config = rig_config(rig);
	uint64_t page = DATA;
	struct rig other;
	struct message *m;
	uint32_t session;

	/* On the same device. */
	memset(&other, 0, sizeof(other));
	fake_init(&other.tee);
	rig_init(&other, &config);
	assert_int_equal(rig->tee.opens, 2);
	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	assert_int_equal(rig_register(rig, 1, &page, 1, PAGE), TEEC_SUCCESS);

	m = rig_message(&other, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(&other, 0, session, FAKE_NOTHING), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(rig_close(&other, session), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(cancel(&other, session, 0), TEEC_ERROR_BAD_PARAMETERS);
	m = rig_message(&other, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 1, 0, 16);
	assert_int_equal(rig_invoke(&other, 0, session, FAKE_NOTHING), TEEC_ERROR_BAD_PARAMETERS);
	rig_exit(&other);
	/* The death of one is nothing to the other. */
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
}

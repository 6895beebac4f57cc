/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small races of two vCPUs, in every order of their steps up to a number of
 * preemptions. A step is an atomic of the library, a lock, a pin, an unpin, an SMC.
 *
 *   test_explore [preemptions [orders]]	2 and no end, unless said otherwise
 *
 * In every order: each vCPU has one of the answers it may have, what they have
 * together is possible one after the other, the oracles of test host and model saw
 * nothing wrong, no lock is held over an operation, nothing is left. The races are in calls.c,
 * sessions.c and shm.c.
 */
#include "explore.h"
#include "world.h"

#include "call.h"
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RACES_MAX 64u

static uint32_t preemptions = 2;
static uint64_t orders_most;
static uint64_t orders_all;

struct world world;

/* --- The machine ------------------------------------------------------------------------------ */

bool explore_is_shared(const volatile void *p)
{
	const struct om_guest *om = world.g ? world.g->om : NULL;
	const volatile char *at = p;
	const char *first = (const void *)om;

	if (schedule_vcpu() == SCHEDULE_VCPUS || !om ||
	    at < first || at >= first + om_guest_size(&world.g->limits))
		return false;
	for (uint32_t i = 0; i < om->vm.limits.threads; i++) {
		const struct om_call *call = &om->calls[i];

		if (at >= (const char *)call->counters &&
		    at < (const char *)(call->counters + OM_COUNTERS))
			return false;
	}
	return at < (const char *)om->counters || at >= (const char *)(om->counters + OM_COUNTERS);
}

static void lock(void *guest)
{
	(void)guest;
	schedule_lock(&world.lock);
}

static void unlock(void *guest)
{
	(void)guest;
	schedule_unlock(&world.lock);
}

static void on_op(void *arg, enum test_op op, struct test_guest *guest)
{
	(void)arg, (void)guest;
	if (schedule_vcpu() == SCHEDULE_VCPUS)
		return;
	if (schedule_lock_is_held(&world.lock))
		test_fail("operation %d with the lock held", (int)op);
	if (op == TEST_OP_PIN || op == TEST_OP_UNPIN || op == TEST_OP_SMC)
		schedule_point();
}

/* The guest's SMC; who is told to come back gives way first, or it might for ever. */
static void smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct fx_guest *g = ctx;
	struct om_regs regs;

	memcpy(regs.a, x, sizeof(regs.a));
	if (!om_guest_call(g->om, vcpu, &regs))
		test_fail("an SMC of the guest was not taken for the mediator's");
	memcpy(x, regs.a, sizeof(regs.a));
	if (x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		schedule_give_way();
}

/* The guest's client waits for another of its calls. */
static void relax(void *ctx, unsigned int vcpu)
{
	(void)ctx, (void)vcpu;
	schedule_give_way();
}

static void on_failure(const char *message)
{
	fprintf(stderr, "test host: %s\n", message);
	schedule_print();
	abort();
}

static struct fx *machine(void **state, uint32_t threads, uint32_t guests)
{
	struct model_config model = model_config_default();
	const struct fx_options o = {
		.guests = guests, .model = &model, .watch_tas = true,
		.limits = { .threads = threads, .buffers = 4, .rpc_args = 2, .pages = 64,
			    .list_pages = 4, .sessions = SESSIONS },
	};
	struct fx *f;

	model.threads = 4;
	world = (struct world){ 0 };
	f = fx_bare(state, &o);
	f->host->ops.lock = lock;
	f->host->ops.unlock = unlock;
	assert_int_equal(fx_init(f), OM_OK);
	for (uint32_t i = 0; i < guests; i++) {
		assert_int_equal(fx_create(&f->guest[i]), OM_OK);
		f->guest[i].platform.smc = smc;
		f->guest[i].platform.relax = relax;
	}
	f->host->on_op = on_op;
	test_on_failure(on_failure);
	world.f = f;
	world.g = &f->guest[0];
	return f;
}

/* --- What races are made of ------------------------------------------------------------------- */

void must(bool good, const char *what)
{
	if (!good)
		test_fail("%s: %llx %llx, %llx %llx", what,
			  (unsigned long long)world.result[0][0],
			  (unsigned long long)world.result[0][1],
			  (unsigned long long)world.result[1][0],
			  (unsigned long long)world.result[1][1]);
}

void begin(void)
{
	if (fx_reset(world.g) != OM_OK)
		test_fail("reset");
	memset(world.result, 0xff, sizeof(world.result));
	world.session = fx_session(world.g);
}

void end(void)
{
	fx_assert_idle(world.g);
	model_assert_clean(world.f->model);
	if (world.g->cg->anomalies)
		test_fail("%u anomalies", world.g->cg->anomalies);
	for (uint32_t i = 0; i < world.g->om->vm.limits.threads; i++)
		if (om_call_state(&world.g->om->calls[i]) != OM_CALL_FREE)
			test_fail("a slot is in use");
}

void do_call(struct cg_call *c, uint64_t *result)
{
	c->vcpu = schedule_vcpu();
	cg_do(c);
	*result = cg_result(c);
	/* Nothing that OP-TEE itself refuses gets there. */
	if (*result != TEEC_SUCCESS && c->a[0] == OPTEE_SMC_RETURN_OK &&
	    cg_hdr(c)->ret_origin != TEEC_ORIGIN_COMMS)
		test_fail("OP-TEE was asked for the impossible: %llx",
			  (unsigned long long)*result);
	cg_call_fini(c);
}

/* --- All of them ----------------------------------------------------------------------------------- */

static void explore_race(void **state)
{
	const struct race_case *row = *state;
	struct explored e;

	machine(state, row->threads, row->guests);
	e = explore(&row->race, preemptions, orders_most);
	orders_all += e.orders;
	printf("%-40s %9llu orders of up to %4llu steps%s\n", row->race.name,
	       (unsigned long long)e.orders, (unsigned long long)e.steps,
	       e.complete ? "" : ", and there are more");
	fflush(stdout);
	world.f->host->on_op = NULL;
}

int main(int argc, char **argv)
{
	static const struct race_case *const all[] = { races_of_calls, races_of_shm, races_of_sessions };
	struct CMUnitTest tests[RACES_MAX];
	size_t n = 0;
	int failed;

	if (argc > 1)
		preemptions = (uint32_t)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		orders_most = strtoull(argv[2], NULL, 10);
	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		for (const struct race_case *row = all[k]; row->race.name; row++) {
			if (n == RACES_MAX)
				abort();
			tests[n++] = (struct CMUnitTest){
				.name = row->race.name, .test_func = explore_race,
				.teardown_func = fx_teardown,
				.initial_state = (void *)(uintptr_t)row,
			};
		}
	failed = _cmocka_run_group_tests("explore", tests, n, NULL, NULL);
	printf("%llu orders with at most %u preemptions, in %zu races\n",
	       (unsigned long long)orders_all, preemptions, n);
	return failed;
}

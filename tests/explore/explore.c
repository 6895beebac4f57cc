/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small plays of two vCPUs, in every order of their steps up to a number of
 * preemptions. A step is an atomic of the library, a lock, a pin, an unpin, an SMC.
 *
 *   test_explore [preemptions [orders]]	2 and no end, unless said otherwise
 *
 * In every order: each vCPU has one of the answers it may have, what they have
 * together is possible one after the other, the oracles of test host and model saw
 * nothing wrong, no lock is held over an operation, nothing is left.
 */
#include "scenarios/fixture.h"

#include "explore.h"
#include "schedule.h"

#include "call.h"
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS	2u	/* of each vCPU */
#define SESSIONS 2u	/* of the guest: the one of begin(), and room for one */

static uint32_t preemptions = 2;
static uint64_t orders_most;
static uint64_t orders_all;

struct world {
	struct fx *f;
	struct fx_guest *g;
	uint32_t session;
	struct cg_buf buf[2];
	struct cg_call call[SCHEDULE_VCPUS][CALLS];
	uint64_t result[SCHEDULE_VCPUS][CALLS];
	uint64_t id;
	uint64_t refused;
	uint32_t unknown;	/* answers that there is no such session */
	uint32_t ended;		/* calls that did not have to wait */
	bool sleeps[SCHEDULE_VCPUS], is_done[SCHEDULE_VCPUS];
	struct schedule_lock lock;
};

static struct world world;

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

/* --- What plays are made of ------------------------------------------------------------------- */

static bool is_one_of(uint64_t result, uint64_t a, uint64_t b)
{
	return result == a || result == b;
}

static void must(bool good, const char *what)
{
	if (!good)
		test_fail("%s: %llx %llx, %llx %llx", what,
			  (unsigned long long)world.result[0][0],
			  (unsigned long long)world.result[0][1],
			  (unsigned long long)world.result[1][0],
			  (unsigned long long)world.result[1][1]);
}

/* A machine as good as new: a guest that was reset. */
static void begin(void *w)
{
	(void)w;
	if (fx_reset(world.g) != OM_OK)
		test_fail("reset");
	memset(world.result, 0xff, sizeof(world.result));
	world.session = fx_session(world.g);
}

static void end(void *w)
{
	(void)w;
	fx_assert_idle(world.g);
	model_assert_clean(world.f->model);
	if (world.g->cg->anomalies)
		test_fail("%u anomalies", world.g->cg->anomalies);
	for (uint32_t i = 0; i < world.g->om->vm.limits.threads; i++)
		if (om_call_state(&world.g->om->calls[i]) != OM_CALL_FREE)
			test_fail("a slot is in use");
}

static void do_call(struct cg_call *c, uint64_t *result)
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

/* --- Two calls of two vCPUs -------------------------------------------------------------------- */

static void two_invokes(void *w)
{
	(void)w;
	for (uint32_t i = 0; i < CALLS; i++) {
		struct cg_call *c = &world.call[schedule_vcpu()][i];

		fx_nop(c, world.g, world.session);
		do_call(c, &world.result[schedule_vcpu()][i]);
	}
}

static void end_all_good(void *w)
{
	for (uint32_t v = 0; v < 2; v++)
		for (uint32_t i = 0; i < CALLS; i++)
			must(world.result[v][i] == TEEC_SUCCESS, "calls");
	end(w);
}

static void end_one_slot(void *w)
{
	const uint64_t limit = CG_SMC_ERROR | OPTEE_SMC_RETURN_ETHREAD_LIMIT;
	uint32_t good = 0;

	for (uint32_t v = 0; v < 2; v++)
		for (uint32_t i = 0; i < CALLS; i++) {
			must(is_one_of(world.result[v][i], TEEC_SUCCESS, limit), "calls");
			good += world.result[v][i] == TEEC_SUCCESS;
		}
	/* Of two that meet one goes on, so at least one vCPU's second or first does. */
	must(good >= CALLS, "too few calls went on");
	end(w);
}

/* --- An OP-TEE that is busy ---------------------------------------------------------------------- */

/* Twice, whoever asks, though there are threads enough. */
static void busy_begin(void *w)
{
	begin(w);
	world.ended = 0;
	for (uint32_t v = 0; v < SCHEDULE_VCPUS; v++)
		world.sleeps[v] = world.is_done[v] = false;
	for (uint32_t i = 0; i < 2; i++)
		model_answer_next(world.f->model, 0, OPTEE_SMC_RETURN_ETHREAD_LIMIT,
				  0, 0, 0);
}

/* Until a call ends that had not ended when this one began: as Linux does it. */
static void sleep_until_one_ends(uint32_t v, uint32_t ended)
{
	world.sleeps[v] = true;
	while (world.ended == ended) {
		if (world.sleeps[1 - v] || world.is_done[1 - v])
			test_fail("a call sleeps, and there is none to wake it up");
		schedule_give_way();
	}
	world.sleeps[v] = false;
}

static void invoke_and_wait(void *w)
{
	uint32_t v = schedule_vcpu();
	struct cg_call *c = &world.call[v][0];
	const uint64_t told = CG_SMC_ERROR | OPTEE_SMC_RETURN_ETHREAD_LIMIT;
	uint32_t ended;

	(void)w;
	do {
		ended = world.ended;
		fx_nop(c, world.g, world.session);
		do_call(c, &world.result[v][0]);
		if (world.result[v][0] == told)
			sleep_until_one_ends(v, ended);
	} while (world.result[v][0] != TEEC_SUCCESS);
	world.ended++;
	world.is_done[v] = true;
}

/* DISABLE_SHM_CACHE until it is empty, beside a call. */
static void empty_cache_and_wait(void *w)
{
	uint32_t v = schedule_vcpu();
	struct om_regs regs;
	uint32_t ended;

	(void)w;
	do {
		ended = world.ended;
		regs = (struct om_regs){ .a = { OPTEE_SMC_DISABLE_SHM_CACHE } };
		if (!om_guest_call(world.g->om, v, &regs))
			test_fail("not taken");
		if (regs.a[0] == OPTEE_SMC_RETURN_EBUSY)
			sleep_until_one_ends(v, ended);
	} while (regs.a[0] != OPTEE_SMC_RETURN_ENOTAVAIL);
	world.result[v][0] = TEEC_SUCCESS;
	world.is_done[v] = true;
}

static void busy_cache_begin(void *w)
{
	busy_begin(w);
	for (uint32_t i = 0; i < 2; i++)
		model_answer_next(world.f->model, OPTEE_SMC_DISABLE_SHM_CACHE,
				  OPTEE_SMC_RETURN_EBUSY, 0, 0, 0);
}

static void end_busy(void *w)
{
	must(world.result[0][0] == TEEC_SUCCESS && world.result[1][0] == TEEC_SUCCESS, "calls");
	end(w);
}

/* --- The registry ------------------------------------------------------------------------------- */

static void buffers_begin(void *w)
{
	begin(w);
	fx_buffer(&world.buf[0], world.g, CG_PAGE, 0);
	fx_buffer(&world.buf[1], world.g, CG_PAGE, 0);
	/* Two buffers, one name. */
	world.buf[1].cookie = world.buf[0].cookie;
}

static void registered_begin(void *w)
{
	buffers_begin(w);
	if (cg_register(world.g->cg, &world.buf[0]) != TEEC_SUCCESS)
		test_fail("register");
}

static uint64_t on_buffer(uint32_t cmd, uint32_t which, uint32_t i)
{
	struct cg_call *c = &world.call[schedule_vcpu()][i];

	if (cmd == OPTEE_MSG_CMD_INVOKE_COMMAND) {
		fx_nop(c, world.g, world.session);
		cg_set_rmem(c, 1, RMEM_IN, world.buf[which].cookie, 0, 8);
	} else {
		fx_call(c, world.g, cmd, 1);
		if (cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			cg_set_tmem(c, 0, ATTR_LIST, &world.buf[which]);
		else
			cg_set_rmem(c, 0, RMEM_IN, world.buf[which].cookie, 0, 0);
	}
	do_call(c, &world.result[schedule_vcpu()][i]);
	return world.result[schedule_vcpu()][i];
}

static void register_it(void *w)
{
	(void)w;
	on_buffer(OPTEE_MSG_CMD_REGISTER_SHM, schedule_vcpu(), 0);
}

static void unregister_it(void *w)
{
	(void)w;
	on_buffer(OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 0);
}

static void use_it(void *w)
{
	(void)w;
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 0, 0);
}

static void use_it_twice(void *w)
{
	(void)w;
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 0, 0);
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 0, 1);
}

static void register_and_unregister(void *w)
{
	(void)w;
	if (on_buffer(OPTEE_MSG_CMD_REGISTER_SHM, schedule_vcpu(), 0) == TEEC_SUCCESS)
		on_buffer(OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 1);
}

static void unregister_and_register(void *w)
{
	(void)w;
	on_buffer(OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 0);
	on_buffer(OPTEE_MSG_CMD_REGISTER_SHM, 1, 1);
}

/* What is found under the one name becomes a buffer of another. */
static void two_names_begin(void *w)
{
	registered_begin(w);
	world.buf[1].cookie = world.buf[0].cookie + 1;
}

static void end_two_names(void *w)
{
	(void)w;
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	must(world.result[0][1] == TEEC_SUCCESS, "register another");
	for (uint32_t i = 0; i < CALLS; i++)
		must(is_one_of(world.result[1][i], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	must(cg_unregister(world.g->cg, world.buf[1].cookie) == TEEC_SUCCESS, "the other");
	end(NULL);
}

static uint32_t bucket_of(uint64_t cookie)
{
	const struct om_share share = { .kind = OM_SHARE_PAYLOAD, .cookie = { cookie }, .pages = 1 };
	struct om_guest *om = world.g->om;
	struct om_release release = { OM_NONE };
	uint32_t bucket = 0;
	uint32_t i;

	if (om_shm_reserve(&om->shm, &share, &i) != OM_ACCEPTED)
		test_fail("reserve");
	while (om->shm.buckets[bucket] != i)
		bucket++;
	om_shm_forget(&om->shm, i);
	om_shm_put(&om->shm, i, &release);
	while (om_shm_release_step(&om->shm, &release))
		;
	return bucket;
}

static void register_as(uint32_t which, uint64_t cookie)
{
	world.buf[which].cookie = cookie;
	if (cg_register(world.g->cg, &world.buf[which]) != TEEC_SUCCESS)
		test_fail("register");
}

static void unregister(uint64_t cookie)
{
	if (cg_unregister(world.g->cg, cookie) != TEEC_SUCCESS)
		test_fail("unregister");
}

/*
 * Both buffers are in one chain, the first one ahead. And the one that is the next to
 * be taken from the free list was, in an earlier life, the second: it still says so.
 */
static void earlier_lives_begin(void *w)
{
	const uint64_t second = 100;
	uint64_t first = second + 1;

	begin(w);
	fx_buffer(&world.buf[0], world.g, CG_PAGE, 0);
	fx_buffer(&world.buf[1], world.g, CG_PAGE, 0);
	while (bucket_of(first) != bucket_of(second))
		first++;
	register_as(1, second);
	register_as(0, 1);
	register_as(0, 2);
	unregister(second);
	unregister(2);
	unregister(1);
	register_as(1, second);
	register_as(0, first);
}

static void use_the_second(void *w)
{
	(void)w;
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 1, 0);
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 1, 1);
}

static void end_earlier_lives(void *w)
{
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	for (uint32_t i = 0; i < CALLS; i++)
		must(world.result[1][i] == TEEC_SUCCESS, "use of a buffer that is registered");
	unregister(world.buf[1].cookie);
	end(w);
}

/* After the play: what is registered now can be unregistered, once. */
static void end_with(uint32_t registered)
{
	uint64_t want = registered ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS;

	must(cg_unregister(world.g->cg, world.buf[0].cookie) == want, "what is registered");
	end(NULL);
}

static void end_register_unregister(void *w)
{
	(void)w;
	must(world.result[0][0] == TEEC_SUCCESS, "register");
	must(is_one_of(world.result[1][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "unregister");
	end_with(world.result[1][0] != TEEC_SUCCESS);
}

static void end_one_register(void *w)
{
	(void)w;
	must((world.result[0][0] == TEEC_SUCCESS) + (world.result[1][0] == TEEC_SUCCESS) == 1 &&
	     world.result[0][0] + world.result[1][0] == TEEC_ERROR_BAD_PARAMETERS,
	     "two registrations of one cookie");
	end_with(1);
}

static void end_one_unregister(void *w)
{
	(void)w;
	must((world.result[0][0] == TEEC_SUCCESS) + (world.result[1][0] == TEEC_SUCCESS) == 1 &&
	     world.result[0][0] + world.result[1][0] == TEEC_ERROR_BAD_PARAMETERS,
	     "two releases of one buffer");
	end_with(0);
}

static void end_unregister_use(void *w)
{
	(void)w;
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	must(is_one_of(world.result[1][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	end_with(0);
}

static void end_reregister_use(void *w)
{
	(void)w;
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	/* The pages still in use are charged still, but the cookie is free. */
	must(world.result[0][1] == TEEC_SUCCESS, "register again");
	for (uint32_t i = 0; i < CALLS; i++)
		must(is_one_of(world.result[1][i], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	end_with(1);
}

static void end_both_register_unregister(void *w)
{
	(void)w;
	for (uint32_t v = 0; v < 2; v++) {
		must(is_one_of(world.result[v][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS),
		     "register");
		/* What it registered nobody else has unregistered. */
		must(world.result[v][0] != TEEC_SUCCESS || world.result[v][1] == TEEC_SUCCESS,
		     "unregister");
	}
	must(world.result[0][0] == TEEC_SUCCESS || world.result[1][0] == TEEC_SUCCESS, "nobody");
	end_with(0);
}

/* --- Resume -------------------------------------------------------------------------------------- */

static void suspended_begin(void *w)
{
	struct cg_call *c = &world.call[0][0];

	begin(w);
	fx_invoke(c, world.g, world.session, MODEL_TA_INTERRUPT);
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0);
	cg_start(c);
	if (c->a[0] != OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		test_fail("no interrupt");
	world.id = c->id;
}

static void resume_it(void *w)
{
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, world.id } };

	(void)w;
	if (!om_guest_call(world.g->om, schedule_vcpu(), &regs))
		test_fail("not taken");
	world.result[schedule_vcpu()][0] = regs.a[0];
}

/* The same to the end of the call, which may have to wait for the other's; and a call. */
static void resume_and_call(void *w)
{
	struct cg_call resumed = world.call[0][0];
	struct cg_call *c = &world.call[schedule_vcpu()][1];

	(void)w;
	resumed.vcpu = schedule_vcpu();
	cg_finish(&resumed);
	world.result[schedule_vcpu()][0] = resumed.a[0];
	fx_nop(c, world.g, world.session);
	do_call(c, &world.result[schedule_vcpu()][1]);
}

static void end_one_resume(void *w)
{
	must((world.result[0][0] == OPTEE_SMC_RETURN_OK &&
	      world.result[1][0] == OPTEE_SMC_RETURN_ERESUME) ||
	     (world.result[1][0] == OPTEE_SMC_RETURN_OK &&
	      world.result[0][0] == OPTEE_SMC_RETURN_ERESUME), "two resumes of one id");
	/*
	 * The slots are looked at one after the other: the first may become free and the
	 * second be taken in between. The one that took it is in flight, so the guest may
	 * be told to wait.
	 */
	for (uint32_t v = 0; v < 2; v++)
		must(is_one_of(world.result[v][1], TEEC_SUCCESS,
			       CG_SMC_ERROR | OPTEE_SMC_RETURN_ETHREAD_LIMIT) ||
		     world.result[v][1] == UINT64_MAX, "calls after it");
	world.call[0][0].state = CG_ENDED;
	cg_call_fini(&world.call[0][0]);
	end(w);
}

/* --- The death of another guest ------------------------------------------------------------------ */

static void other_begin(void *w)
{
	struct fx_guest *other = &world.f->guest[1];

	suspended_begin(w);
	if (fx_reset(other) != OM_OK)
		test_fail("reset of the other guest");
	fx_register(&world.buf[0], other, CG_PAGE);
}

/* Its vCPUs are stopped: this is the hypervisor's own work, on some CPU. */
static void destroy_other(void *w)
{
	struct fx_guest *other = &world.f->guest[1];

	(void)w;
	while (om_guest_reset(other->om) == OM_AGAIN)
		schedule_give_way();
	world.result[1][0] = atomic_load(&other->test->pinned) == 0;
}

static void end_other(void *w)
{
	must(world.result[0][0] == OPTEE_SMC_RETURN_OK, "resume beside another guest's end");
	must(world.result[0][1] == TEEC_SUCCESS, "call beside another guest's end");
	must(world.result[1][0] == 1, "the other guest's end");
	world.call[0][0].state = CG_ENDED;
	cg_call_fini(&world.call[0][0]);
	end(w);
}

/* --- RPC arguments ------------------------------------------------------------------------------- */

static void ask_time(void *w)
{
	struct cg_call *c = &world.call[schedule_vcpu()][0];

	(void)w;
	if (!cg_invoke_init(c, world.g->cg, world.session, MODEL_TA_PAYLOAD))
		test_fail("memory");
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, CG_PAGE, 0, 0);
	do_call(c, &world.result[schedule_vcpu()][0]);
}

static void empty_cache_and_end(void *w)
{
	uint32_t out[4];

	while (cg_fast(world.g->cg, OPTEE_SMC_DISABLE_SHM_CACHE, 0, out) == OPTEE_SMC_RETURN_OK)
		if (!cg_rpc_arg_drop(world.g->cg, (uint64_t)out[1] << 32 | out[2]))
			test_fail("a cookie that is not the guest's");
	end(w);
}

static void end_rpc(void *w)
{
	must(world.result[0][0] == TEEC_SUCCESS && world.result[1][0] == TEEC_SUCCESS, "payloads");
	empty_cache_and_end(w);
}

/*
 * What was the buffer is now the RPC argument, and OP-TEE asks with it more than once.
 * Between two requests the other vCPU, which stood where it had found the buffer, goes on.
 */
static void unregister_and_ask(void *w)
{
	struct cg_call *c = &world.call[0][1];

	unregister_it(w);
	if (!cg_invoke_init(c, world.g->cg, world.session, MODEL_TA_PAYLOAD))
		test_fail("memory");
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, CG_PAGE, 0, 0);
	if (!cg_until_cmd(c, OPTEE_RPC_CMD_GET_TIME))
		test_fail("no request");
	schedule_give_way();
	cg_finish(c);
	world.result[0][1] = cg_result(c);
	cg_call_fini(c);
}

static void asking_begin(void *w)
{
	registered_begin(w);
	world.refused = fx_counter(world.g, OM_COUNT_REFUSED_REQUEST);
}

static void end_asking(void *w)
{
	must(world.result[0][0] == TEEC_SUCCESS && world.result[0][1] == TEEC_SUCCESS &&
	     fx_counter(world.g, OM_COUNT_REFUSED_REQUEST) == world.refused, "a request");
	must(is_one_of(world.result[1][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	empty_cache_and_end(w);
}

/* --- Sessions ------------------------------------------------------------------------------------- */

static void sessions_begin(void *w)
{
	begin(w);
	world.unknown = 0;
	world.refused = fx_counter(world.g, OM_COUNT_REFUSED_SESSION);
}

/* A call that names a session; who is told that there is none, was told so by the mediator. */
static uint64_t on_session(uint32_t cmd, uint32_t session, uint32_t i)
{
	uint32_t v = schedule_vcpu();
	struct cg_call *c = &world.call[v][i];

	if (cmd == OPTEE_MSG_CMD_INVOKE_COMMAND) {
		fx_nop(c, world.g, session);
	} else {
		fx_call(c, world.g, cmd, 0);
		cg_hdr(c)->session = session;
		cg_hdr(c)->func = 1 + CALLS * v + i;
	}
	c->vcpu = v;
	cg_do(c);
	world.result[v][i] = cg_result(c);
	if (world.result[v][i] != TEEC_SUCCESS && cg_hdr(c)->ret_origin == TEEC_ORIGIN_TEE)
		world.unknown++;
	cg_call_fini(c);
	return world.result[v][i];
}

static void close_it(void *w)
{
	(void)w;
	on_session(OPTEE_MSG_CMD_CLOSE_SESSION, world.session, 0);
}

static void invoke_it(void *w)
{
	(void)w;
	on_session(OPTEE_MSG_CMD_INVOKE_COMMAND, world.session, 0);
}

static void invoke_it_twice(void *w)
{
	(void)w;
	on_session(OPTEE_MSG_CMD_INVOKE_COMMAND, world.session, 0);
	on_session(OPTEE_MSG_CMD_INVOKE_COMMAND, world.session, 1);
}

static void cancel_it(void *w)
{
	(void)w;
	on_session(OPTEE_MSG_CMD_CANCEL, world.session, 0);
}

static uint32_t open_as(const uint8_t uuid[16], uint32_t i)
{
	struct cg_call *c = &world.call[schedule_vcpu()][i];
	uint32_t session;

	fx_call(c, world.g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(c, uuid);
	c->vcpu = schedule_vcpu();
	cg_do(c);
	world.result[schedule_vcpu()][i] = cg_result(c);
	session = cg_hdr(c)->session;
	cg_call_fini(c);
	return session;
}

/* OP-TEE gives the id again at once: to a session of another TA. */
static void close_and_open_another(void *w)
{
	close_it(w);
	open_as(cg_uuid_invoke, 1);
}

static void open_and_close(void *w)
{
	uint32_t session = open_as(cg_uuid_model, 0);

	(void)w;
	if (world.result[schedule_vcpu()][0] == TEEC_SUCCESS)
		on_session(OPTEE_MSG_CMD_CLOSE_SESSION, session, 1);
}

/* So many are open, here and in OP-TEE; nobody was sent there with an id of none. */
static void end_with_sessions(uint32_t n)
{
	must(world.unknown == fx_counter(world.g, OM_COUNT_REFUSED_SESSION) - world.refused,
	     "OP-TEE was asked for a session that is not there");
	must(fx_counter(world.g, OM_COUNT_SESSIONS_NOW) == n &&
	     model_sessions(world.f->model, 1) == n, "sessions");
	end(NULL);
}

/* Which TA an INVOKE got to, if any, is for .watch_tas; B has its own answer to it. */
static void end_close_and_open(void *w)
{
	(void)w;
	must(world.result[0][0] == TEEC_SUCCESS, "close");
	must(world.result[0][1] == TEEC_SUCCESS, "open another");
	end_with_sessions(1);
}

static void end_close_invoke(void *w)
{
	(void)w;
	must(world.result[0][0] == TEEC_SUCCESS, "close");
	for (uint32_t i = 0; i < CALLS; i++)
		must(is_one_of(world.result[1][i], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS),
		     "invoke");
	/* Once it is not there, it is not there. */
	must(world.result[1][0] == TEEC_SUCCESS || world.result[1][1] != TEEC_SUCCESS,
	     "it came back");
	end_with_sessions(0);
}

static void end_one_close(void *w)
{
	(void)w;
	must((world.result[0][0] == TEEC_SUCCESS) + (world.result[1][0] == TEEC_SUCCESS) == 1 &&
	     world.result[0][0] + world.result[1][0] == TEEC_ERROR_ITEM_NOT_FOUND,
	     "two ends of one session");
	end_with_sessions(0);
}

static void end_open_at_the_limit(void *w)
{
	(void)w;
	for (uint32_t v = 0; v < 2; v++) {
		must(is_one_of(world.result[v][0], TEEC_SUCCESS, TEEC_ERROR_OUT_OF_MEMORY), "open");
		must(world.result[v][0] != TEEC_SUCCESS || world.result[v][1] == TEEC_SUCCESS,
		     "close");
	}
	must(world.result[0][0] == TEEC_SUCCESS || world.result[1][0] == TEEC_SUCCESS, "nobody");
	end_with_sessions(1);
}

/* --- All of them ----------------------------------------------------------------------------------- */

static const struct cast {
	struct play play;
	uint32_t threads;
	uint32_t guests;
} casts[] = {
	{ { "2 vCPUs x 2 calls", 2, begin, { two_invokes, two_invokes }, end_all_good }, 2, 1 },
	{ { "2 vCPUs x 2 calls, one slot", 2, begin, { two_invokes, two_invokes },
	    end_one_slot }, 1, 1 },
	{ { "fault_b6: 2 vCPUs, OP-TEE is busy twice", 2, busy_begin,
	    { invoke_and_wait, invoke_and_wait }, end_busy }, 2, 1 },
	{ { "fault_b6: the same, and DISABLE_SHM_CACHE", 2, busy_cache_begin,
	    { invoke_and_wait, empty_cache_and_wait }, end_busy }, 2, 1 },
	{ { "register, unregister", 2, buffers_begin, { register_it, unregister_it },
	    end_register_unregister }, 2, 1 },
	{ { "register, register", 2, buffers_begin, { register_it, register_it },
	    end_one_register }, 2, 1 },
	{ { "unregister, unregister", 2, registered_begin, { unregister_it, unregister_it },
	    end_one_unregister }, 2, 1 },
	{ { "2 x (register, unregister)", 2, buffers_begin,
	    { register_and_unregister, register_and_unregister },
	    end_both_register_unregister }, 2, 1 },
	{ { "unregister, use", 2, registered_begin, { unregister_it, use_it },
	    end_unregister_use }, 2, 1 },
	{ { "unregister + register again, use twice", 2, registered_begin,
	    { unregister_and_register, use_it_twice }, end_reregister_use }, 2, 1 },
	{ { "unregister + register another, use twice", 2, two_names_begin,
	    { unregister_and_register, use_it_twice }, end_two_names }, 2, 1 },
	{ { "fault_b1: unregister one, use another", 2, earlier_lives_begin,
	    { unregister_it, use_the_second }, end_earlier_lives }, 2, 1 },
	{ { "resume, resume", 2, suspended_begin, { resume_it, resume_it }, end_one_resume }, 2, 1 },
	{ { "2 x (resume, call)", 2, suspended_begin, { resume_and_call, resume_and_call },
	    end_one_resume }, 2, 1 },
	{ { "resume, another guest's end", 2, other_begin, { resume_and_call, destroy_other },
	    end_other }, 2, 2 },
	{ { "fault_b10: unregister + ask, use", 2, asking_begin,
	    { unregister_and_ask, use_it }, end_asking }, 2, 1 },
	{ { "fault_c1: close + open another, invoke", 2, sessions_begin,
	    { close_and_open_another, invoke_it }, end_close_and_open }, 2, 1 },
	{ { "fault_c1: close + open another, cancel", 2, sessions_begin,
	    { close_and_open_another, cancel_it }, end_close_and_open }, 2, 1 },
	{ { "close, invoke twice", 2, sessions_begin, { close_it, invoke_it_twice },
	    end_close_invoke }, 2, 1 },
	{ { "close, close", 2, sessions_begin, { close_it, close_it }, end_one_close }, 2, 1 },
	{ { "2 x (open, close), room for one", 2, sessions_begin,
	    { open_and_close, open_and_close }, end_open_at_the_limit }, 2, 1 },
	{ { "payload, payload", 2, begin, { ask_time, ask_time }, end_rpc }, 2, 1 },
};
#define CASTS (sizeof(casts) / sizeof(casts[0]))

static void explore_cast(void **state)
{
	const struct cast *cast = *state;
	struct explored e;

	machine(state, cast->threads, cast->guests);
	e = explore(&cast->play, &world, preemptions, orders_most);
	orders_all += e.orders;
	printf("%-40s %9llu orders of up to %4llu steps%s\n", cast->play.name,
	       (unsigned long long)e.orders, (unsigned long long)e.steps,
	       e.complete ? "" : ", and there are more");
	fflush(stdout);
	world.f->host->on_op = NULL;
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[CASTS];
	int failed;

	if (argc > 1)
		preemptions = (uint32_t)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		orders_most = strtoull(argv[2], NULL, 10);
	for (size_t i = 0; i < CASTS; i++)
		tests[i] = (struct CMUnitTest){
			.name = casts[i].play.name, .test_func = explore_cast,
			.teardown_func = fx_teardown,
			.initial_state = (void *)(uintptr_t)&casts[i],
		};
	failed = _cmocka_run_group_tests("explore", tests, CASTS, NULL, NULL);
	printf("%llu orders with at most %u preemptions, in %zu plays\n",
	       (unsigned long long)orders_all, preemptions, CASTS);
	return failed;
}

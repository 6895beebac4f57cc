/* SPDX-License-Identifier: BSD-2-Clause */
/* Races of calls: their slots, an OP-TEE that is busy, resumes, and the end of another guest. */
#include "world.h"

/* --- Two calls of two vCPUs -------------------------------------------------------------------- */

static void two_invokes(void)
{
	for (uint32_t i = 0; i < CALLS; i++) {
		struct cg_call *c = &world.call[schedule_vcpu()][i];

		fx_nop(c, world.g, world.session);
		do_call(c, &world.result[schedule_vcpu()][i]);
	}
}

static void end_all_good(void)
{
	for (uint32_t v = 0; v < 2; v++)
		for (uint32_t i = 0; i < CALLS; i++)
			must(world.result[v][i] == TEEC_SUCCESS, "calls");
	end();
}

static void end_one_slot(void)
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
	end();
}

/* --- An OP-TEE that is busy ---------------------------------------------------------------------- */

/* Twice, whoever asks, though there are threads enough. */
static void busy_begin(void)
{
	begin();
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

static void invoke_and_wait(void)
{
	uint32_t v = schedule_vcpu();
	struct cg_call *c = &world.call[v][0];
	const uint64_t told = CG_SMC_ERROR | OPTEE_SMC_RETURN_ETHREAD_LIMIT;
	uint32_t ended;

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
static void empty_cache_and_wait(void)
{
	uint32_t v = schedule_vcpu();
	struct om_regs regs;
	uint32_t ended;

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

static void busy_cache_begin(void)
{
	busy_begin();
	for (uint32_t i = 0; i < 2; i++)
		model_answer_next(world.f->model, OPTEE_SMC_DISABLE_SHM_CACHE,
				  OPTEE_SMC_RETURN_EBUSY, 0, 0, 0);
}

static void end_busy(void)
{
	must(world.result[0][0] == TEEC_SUCCESS && world.result[1][0] == TEEC_SUCCESS, "calls");
	end();
}

/* --- Resume -------------------------------------------------------------------------------------- */

static void suspended_begin(void)
{
	struct cg_call *c = &world.call[0][0];

	begin();
	fx_invoke(c, world.g, world.session, MODEL_TA_INTERRUPT);
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 1, 0, 0);
	cg_start(c);
	if (c->a[0] != OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		test_fail("no interrupt");
	world.id = c->id;
}

static void resume_it(void)
{
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, world.id } };

	if (!om_guest_call(world.g->om, schedule_vcpu(), &regs))
		test_fail("not taken");
	world.result[schedule_vcpu()][0] = regs.a[0];
}

/* The same to the end of the call, which may have to wait for the other's; and a call. */
static void resume_and_call(void)
{
	struct cg_call resumed = world.call[0][0];
	struct cg_call *c = &world.call[schedule_vcpu()][1];

	resumed.vcpu = schedule_vcpu();
	cg_finish(&resumed);
	world.result[schedule_vcpu()][0] = resumed.a[0];
	fx_nop(c, world.g, world.session);
	do_call(c, &world.result[schedule_vcpu()][1]);
}

static void end_one_resume(void)
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
	end();
}

/* --- The death of another guest ------------------------------------------------------------------ */

static void other_begin(void)
{
	struct fx_guest *other = &world.f->guest[1];

	suspended_begin();
	if (fx_reset(other) != OM_OK)
		test_fail("reset of the other guest");
	fx_register(&world.buf[0], other, CG_PAGE);
}

/* Its vCPUs are stopped: this is the hypervisor's own work, on some CPU. */
static void destroy_other(void)
{
	struct fx_guest *other = &world.f->guest[1];

	while (om_guest_reset(other->om) == OM_AGAIN)
		schedule_give_way();
	world.result[1][0] = atomic_load(&other->test->pinned) == 0;
}

static void end_other(void)
{
	must(world.result[0][0] == OPTEE_SMC_RETURN_OK, "resume beside another guest's end");
	must(world.result[0][1] == TEEC_SUCCESS, "call beside another guest's end");
	must(world.result[1][0] == 1, "the other guest's end");
	world.call[0][0].state = CG_ENDED;
	cg_call_fini(&world.call[0][0]);
	end();
}

const struct race_case races_of_calls[] = {
	{ { "2 vCPUs x 2 calls", 2, begin, { two_invokes, two_invokes }, end_all_good }, 2, 1 },
	{ { "2 vCPUs x 2 calls, one slot", 2, begin, { two_invokes, two_invokes },
	    end_one_slot }, 1, 1 },
	{ { "fault_b6: 2 vCPUs, OP-TEE is busy twice", 2, busy_begin,
	    { invoke_and_wait, invoke_and_wait }, end_busy }, 2, 1 },
	{ { "fault_b6: the same, and DISABLE_SHM_CACHE", 2, busy_cache_begin,
	    { invoke_and_wait, empty_cache_and_wait }, end_busy }, 2, 1 },
	{ { "resume, resume", 2, suspended_begin, { resume_it, resume_it }, end_one_resume }, 2, 1 },
	{ { "2 x (resume, call)", 2, suspended_begin, { resume_and_call, resume_and_call },
	    end_one_resume }, 2, 1 },
	{ { "resume, another guest's end", 2, other_begin, { resume_and_call, destroy_other },
	    end_other }, 2, 2 },
	{ { .name = NULL }, 0, 0 },
};

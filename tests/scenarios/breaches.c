/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes between two steps of the mediator where a recording has no place for it: an OP-TEE
 * that changes its pages while it does not run, another vCPU's call within this one's.
 */
#include "fixture.h"

#include "call.h"

/* --- I1: single fetch ---------------------------------------------------------------------- */

static void keep_shadow(void *arg, const struct model_event *event)
{
	*(struct model_event *)arg = *event;
}

/* What OP-TEE's pages say once the guest was asked decides nothing about the reply. */
FX_TEST(s44_i1_reply_is_taken_as_the_request_was_fetched)
{
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_SUSPEND, 2);
	struct model_rpc_result result;
	struct model_event shadow;
	struct cg_call c;

	rpc.param[0] = (struct optee_msg_param){ VALUE_IN, { { 0x11, 0x22, 0 } } };
	rpc.param[1].attr = VALUE_OUT;
	model_inject_rpc(f->model, &rpc);
	model_on_return(f->model, keep_shadow, &shadow);
	fx_nop(&c, g, fx_session(g));
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_SUSPEND));
	model_on_return(f->model, NULL, NULL);
	shadow.arg->num_params = 1;
	model_param(shadow.rpc_arg, 0)->attr = VALUE_OUT;
	cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
	cg_rpc_param(&c, 0)->u.value.a = 0x77;
	cg_rpc_param(&c, 1)->u.value.a = 0x78;
	cg_resume(&c);
	result = fx_answered(f, 0);
	assert_int_equal(result.hdr.ret, TEEC_SUCCESS);
	assert_int_equal(result.param[0].u.value.a, 0x11);
	assert_int_equal(result.param[1].u.value.a, 0x78);
	fx_finish(&c, TEEC_SUCCESS);
}

/* --- I4: pinned while used ------------------------------------------------------------------ */

/* The call on another vCPU that uses an argument ends when this one next takes the lock. */
static struct {
	struct om_shm *shm;
	uint32_t arg;		/* OM_NONE: it has ended */
	void (*lock)(void *guest);
} user;

static void lock_as_it_ends(void *guest)
{
	struct om_release release = { OM_NONE };

	if (user.arg != OM_NONE)
		om_shm_put(user.shm, user.arg, &release);
	user.arg = OM_NONE;
	user.lock(guest);
}

/* Who was not its last user when the argument was freed may be so by the end. */
FX_TEST(s11_i4_cache_is_emptied_as_its_user_ends)
{
	struct om_regs regs = { .a = { OPTEE_SMC_ENABLE_SHM_CACHE } };
	om_cookie_t cookie;
	uint32_t session;
	struct cg_call c;

	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session), TEEC_SUCCESS);
	assert_true(cg_time_init(&c, g->cg, session));
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_GET_TIME));
	cookie.raw = fx_cookie(&c);
	fx_finish(&c, TEEC_SUCCESS);
	user.shm = &g->om->shm;
	user.arg = om_shm_get(user.shm, cookie, OM_SHARE_RPC_ARG);
	user.lock = f->host->ops.lock;
	f->host->ops.lock = lock_as_it_ends;
	regs = (struct om_regs){ .a = { OPTEE_SMC_DISABLE_SHM_CACHE } };
	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	f->host->ops.lock = user.lock;
	assert_int_equal(user.arg, OM_NONE);
	assert_int_equal(atomic_load(&g->test->pinned), 0);
	assert_true(cg_rpc_arg_drop(g->cg, cookie.raw));
}

/* --- One session, two ends ------------------------------------------------------------------ */

/* Between the look-up of the session and its end another vCPU's CLOSE comes. */
static uint32_t close_meanwhile(void *arg, struct test_guest *test,
				const struct om_request *request)
{
	struct cg_call *other = arg;
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG, other->where >> 32,
				       (uint32_t)other->where } };

	if (request->cmd != OPTEE_MSG_CMD_CLOSE_SESSION || other->state != CG_IDLE)
		return TEEC_SUCCESS;
	other->state = CG_ENDED;
	om_guest_call(test->om, 1, &regs);
	other->a[0] = (uint32_t)regs.a[0];
	other->id = regs.a[3];
	return TEEC_SUCCESS;
}

/* Two that both found it: one of them closes it, and waits for the other to be refused. */
FX_TEST_WITH(fault_c1_session_is_closed_once, .authorize = true)
{
	uint32_t session = fx_session(g);
	struct cg_call other;
	struct cg_call c;
	struct om_regs regs;

	fx_call(&other, g, OPTEE_MSG_CMD_CLOSE_SESSION, 0);
	cg_hdr(&other)->session = session;
	f->host->authorize = close_meanwhile;
	f->host->authorize_arg = &other;
	fx_call(&c, g, OPTEE_MSG_CMD_CLOSE_SESSION, 0);
	cg_hdr(&c)->session = session;
	fx_smcs_reset(f);
	cg_start(&c);
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_SESSION), 1);
	fx_ended(&c, TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(other.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, other.id } };
	assert_int_equal(fx_smc(g, 1, &regs), OPTEE_SMC_RETURN_OK);
	other.a[0] = OPTEE_SMC_RETURN_OK;
	fx_ended(&other, TEEC_SUCCESS);
	assert_int_equal(fx_counter(g, OM_COUNT_SESSIONS_NOW), 0);
}

/* --- Who is told to wait -------------------------------------------------------------------- */

/* In the end of a call that was told to wait: the only other one ends, and one begins. */
static struct {
	struct model *model;
	uint64_t id;		/* of the other one; 0: nothing to do */
	struct om_regs begun;
} told;

static void other_ends_and_one_begins(void *arg, enum test_op op, struct test_guest *test)
{
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, told.id } };

	(void)arg;
	if (op != TEST_OP_UNPIN || told.id == 0)
		return;
	told.id = 0;
	om_guest_call(test->om, 1, &regs);
	model_answer_next(told.model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT,
			  0, 0, 0);
	om_guest_call(test->om, 2, &told.begun);
}

/* Who was told to wait wakes nobody up: the next one must not wait for it. */
FX_TEST(fault_b6_who_is_told_does_not_count)
{
	struct cg_call c, other, last;

	fx_invoke(&other, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&other, 0, VALUE_IN, 1, 0, 0);
	fx_nop(&last, g, fx_session(g));
	fx_nop(&c, g, fx_session(g));
	cg_start(&other);
	told.model = f->model;
	told.id = other.id;
	told.begun = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, last.where >> 32,
					      (uint32_t)last.where } };
	model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ETHREAD_LIMIT, 0, 0, 0);
	f->host->on_op = other_ends_and_one_begins;
	cg_start(&c);
	f->host->on_op = NULL;
	fx_ended(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_ETHREAD_LIMIT);
	assert_int_equal(told.id, 0);
	assert_int_equal(told.begun.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	told.begun = (struct om_regs){ .a = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, told.begun.a[3] } };
	assert_int_equal(fx_smc(g, 2, &told.begun), OPTEE_SMC_RETURN_OK);
	other.state = CG_ENDED;
	cg_call_fini(&other);
	last.state = CG_ENDED;
	fx_ended(&last, TEEC_SUCCESS);
}

/* --- 61: what may be mapped ------------------------------------------------------------------ */

/* OP-TEE has opened a session, and asks for this before it says so. */
static void ask_at_the_end(void *arg, const struct model_event *event)
{
	struct optee_msg_hdr *rpc = (void *)((uint8_t *)event->arg + OPTEE_MSG_ARG_SIZE(2));

	if (event->arg->cmd != OPTEE_MSG_CMD_OPEN_SESSION ||
	    event->regs->a[0] != OPTEE_SMC_RETURN_OK)
		return;
	*rpc = (struct optee_msg_hdr){ .cmd = *(const uint32_t *)arg };
	*event->regs = (struct om_regs){ .a = { OPTEE_SMC_RETURN_RPC_CMD } };
}

static uint32_t session_after(struct fx_guest *g, uint32_t cmd)
{
	uint32_t session;
	struct cg_call c;

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(&c, cg_uuid_model);
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	model_on_return(g->fx->model, ask_at_the_end, &cmd);
	assert_true(cg_until_cmd(&c, cmd));
	model_on_return(g->fx->model, NULL, NULL);
	cg_rpc_hdr(&c)->ret = TEEC_SUCCESS;
	model_answer_next(g->fx->model, OPTEE_SMC_RETURN_FROM_RPC, OPTEE_SMC_RETURN_OK, 0, 0, 0);
	cg_resume(&c);
	session = cg_hdr(&c)->session;
	fx_ended(&c, TEEC_SUCCESS);
	return session;
}

/* What a session's calls name is mapped as well, when its TA was not loaded into memory. */
FX_TEST_WITH(s61_i5_parameters_of_all_calls_are_charged, .limits = { .threads = 2,
	     .pages = 160, .call_pages = 40, .mapped_pages = 40 })
{
	uint32_t session = session_after(g, OPTEE_RPC_CMD_FS);
	struct cg_call other;
	struct cg_call c;
	struct cg_buf b;

	fx_register(&b, g, 30 * CG_PAGE);
	fx_invoke(&other, g, fx_session(g), MODEL_TA_INTERRUPT);
	cg_set_value(&other, 0, VALUE_IN, 1, 0, 0);
	cg_set_rmem(&other, 3, RMEM_IN, b.cookie, 0, 1);
	cg_start(&other);
	fx_nop(&c, g, session);
	cg_set_rmem(&c, 3, RMEM_IN, b.cookie, 0, 1);
	cg_start(&c);
	fx_refused(&c, TEEC_ERROR_OUT_OF_MEMORY);
	/* Of what is opened nobody knows yet. */
	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 3);
	cg_set_open(&c, cg_uuid_model);
	cg_set_rmem(&c, 2, RMEM_IN, b.cookie, 0, 1);
	cg_start(&c);
	fx_refused(&c, TEEC_ERROR_OUT_OF_MEMORY);
	/* A TA that was loaded has its own memory mapped. */
	fx_nop(&c, g, session_after(g, OPTEE_RPC_CMD_LOAD_TA));
	cg_set_rmem(&c, 3, RMEM_IN, b.cookie, 0, 1);
	fx_do(&c, TEEC_SUCCESS);
	fx_finish(&other, TEEC_SUCCESS);
	fx_nop(&c, g, session);
	cg_set_rmem(&c, 3, RMEM_IN, b.cookie, 0, 1);
	fx_do(&c, TEEC_SUCCESS);
	fx_unregister(&b, g);
}

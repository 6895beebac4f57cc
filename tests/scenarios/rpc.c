/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scenarios of RPCs share. See rpc.h. */
#include "rpc.h"

#include "call.h"

struct optee_msg_param param(uint64_t attr, uint64_t a, uint64_t b, uint64_t c)
{
	return (struct optee_msg_param){ .attr = attr, .u.value = { a, b, c } };
}

struct model_rpc rpc_with(uint32_t cmd, struct optee_msg_param p)
{
	struct model_rpc rpc = fx_rpc(cmd, 1);

	rpc.param[0] = p;
	return rpc;
}

struct model_rpc rpc_told(uint32_t a0, uint64_t a1a2)
{
	struct model_rpc rpc = fx_rpc(OPTEE_RPC_CMD_GET_TIME, 1);

	rpc.a0 = a0;
	rpc.param[0] = param(VALUE_OUT, 0, 0, 0);
	rpc.raw = true;
	rpc.a1 = (uint32_t)(a1a2 >> 32);
	rpc.a2 = (uint32_t)a1a2;
	return rpc;
}

void resume(struct cg_call *c)
{
	cg_serve(c);
	cg_resume(c);
}

/* The RPC argument that the client gave last, or the room behind the message. */
static const uint8_t *argument_of(struct cg_call *c, uint8_t *fill)
{
	if (c->fid != OPTEE_SMC_CALL_WITH_ARG) {
		*fill = 0;
		return c->inline_rpc;
	}
	*fill = ALLOC_FILL;
	for (size_t i = 0; i < CG_RPC_ARGS; i++)
		if (c->g->rpc_args[i].cookie)
			return cg_page_va(c->g, c->g->rpc_args[i].page);
	return NULL;
}

static void assert_untouched(struct cg_call *c)
{
	uint8_t fill;
	const uint8_t *arg = argument_of(c, &fill);

	for (size_t i = 0; arg && i < OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS); i++)
		assert_int_equal(arg[i], fill);
}

struct model_rpc_result not_shown(struct fx_guest *g, uint32_t session, uint32_t fid,
				  const struct model_rpc *rpc)
{
	uint64_t refused = fx_counter(g, OM_COUNT_REFUSED_REQUEST);
	uint64_t cmds = fx_counter(g, OM_COUNT_RPC_CMD);
	struct model_rpc_result result;
	struct cg_call c;

	model_injected_reset(g->fx->model);
	model_inject_rpc(g->fx->model, rpc);
	fx_nop(&c, g, session);
	c.fid = fid;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR));
	assert_int_equal(c.a[1], 0);
	assert_int_equal(c.a[2], 0);
	assert_untouched(&c);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_REQUEST), refused + 1);
	resume(&c);
	result = fx_answered(g->fx, 0);
	/* Where a command has no argument to answer in, nothing that looks like a page. */
	assert_int_equal(result.a1, 0);
	assert_int_equal(result.a2, fx_counter(g, OM_COUNT_RPC_CMD) > cmds ? 0 : OM_NO_PAGE);
	assert_int_equal(result.a4, 0);
	assert_int_equal(result.a5, 0);
	fx_finish(&c, TEEC_SUCCESS);
	return result;
}

uint64_t begin_waiting(struct cg_call *c, struct fx_guest *g)
{
	fx_invoke(c, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(c, 0, VALUE_IN, 1, 0, 0);
	assert_true(cg_until_cmd(c, OPTEE_RPC_CMD_SUSPEND));
	assert_true(fx_cookie(c) != 0);
	return fx_cookie(c);
}

void answer_alloc(struct cg_call *c, uint64_t ipa, uint64_t cookie)
{
	c->x[1] = ipa >> 32;
	c->x[2] = (uint32_t)ipa;
	c->x[4] = cookie >> 32;
	c->x[5] = (uint32_t)cookie;
	fx_smcs_reset(((struct fx_guest *)c->g->platform->ctx)->fx);
	cg_resume(c);
}

void assert_told(struct fx *f, uint64_t pa, uint64_t cookie)
{
	const struct fx_smc *smc = fx_smc_of(f, OPTEE_SMC_RETURN_FROM_RPC, 0);

	assert_non_null(smc);
	assert_int_equal(smc->in.a[1] << 32 | smc->in.a[2], pa);
	assert_int_equal(smc->in.a[4] << 32 | smc->in.a[5], cookie);
	assert_int_equal(smc->in.a[6], 0);
}

void reply(struct cg_call *c, struct optee_msg_param p)
{
	cg_rpc_hdr(c)->ret = TEEC_SUCCESS;
	cg_rpc_hdr(c)->num_params = 1;
	*cg_rpc_param(c, 0) = p;
	cg_resume(c);
}

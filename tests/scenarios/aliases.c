/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aliases: OP-TEE knows a TA by another UUID than the guest does. OP-TEE is asked for the
 * alias; guest, policy and trace see the TA's own name, in LOAD_TA too.
 */
#include "fixture.h"

#include <string.h>

#define EVENTS		4096u

/* What the guest calls the model's test TA, and a TA that is to be loaded. */
static const uint8_t own_model[16] = { 0x11, 0x22, 0x33, 0x44, [15] = 0xa1 };
static const uint8_t own_loaded[16] = { 0x11, 0x22, 0x33, 0x44, [15] = 0xa2 };
static const uint8_t alias_loaded[16] = { 0x77, 0x66, 0x55, 0x44, [15] = 0xb2 };

static uint32_t asked_for_alias;

static void alias_of(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	(void)guest;
	asked_for_alias++;
	/* It is given the TA's own name to begin with. */
	if (memcmp(ta, alias, 16) != 0)
		test_fail("alias() is not given the TA's own name");
	if (memcmp(ta, own_model, 16) == 0)
		memcpy(alias, cg_uuid_model, 16);
	if (memcmp(ta, own_loaded, 16) == 0)
		memcpy(alias, alias_loaded, 16);
}

static struct fx *aliased(void **state)
{
	const struct fx_options o = { .authorize = true, .trace = EVENTS };
	struct fx *f = fx_bare(state, &o);

	f->host->ops.alias = alias_of;
	assert_int_equal(fx_init(f), OM_OK);
	assert_int_equal(fx_create(&f->guest[0]), OM_OK);
	return f;
}

/* Which TA carries commands out, and which one the policy was asked about last. */
static uint8_t carried_by[16], asked_about[16];

static void on_ta(void *arg, const struct model_ta_event *e)
{
	(void)arg;
	memcpy(carried_by, e->ta, sizeof(carried_by));
}

static uint32_t on_authorize(void *arg, struct test_guest *guest, const struct om_request *request)
{
	(void)arg, (void)guest;
	memcpy(asked_about, request->ta_uuid, sizeof(asked_about));
	return TEEC_SUCCESS;
}

static bool is_traced(const struct fx *f, const uint8_t uuid[16])
{
	size_t n = atomic_load(&f->host->trace_count);
	uint64_t half[2];

	memcpy(half, uuid, sizeof(half));
	for (size_t i = 0; i < n && i < EVENTS; i++)
		if (f->host->trace[i].arg[2] == half[0] && f->host->trace[i].arg[3] == half[1])
			return true;
	return false;
}

FX_TEST_BARE(optee_is_asked_for_the_alias)
{
	struct fx *f = aliased(state);
	struct fx_guest *g = &f->guest[0];
	struct cg_call c;
	uint32_t session;

	test_host_authorize(f->host, on_authorize, f);
	model_on_ta(f->model, on_ta, f);
	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(&c, own_model);
	cg_do(&c);
	/* The guest's message is as it was. */
	assert_memory_equal(cg_param(&c, 0)->u.octets, own_model, 16);
	session = cg_hdr(&c)->session;
	fx_ended(&c, TEEC_SUCCESS);
	assert_memory_equal(asked_about, own_model, 16);

	fx_nop(&c, g, session);
	cg_do(&c);
	fx_ended(&c, TEEC_SUCCESS);
	assert_memory_equal(carried_by, cg_uuid_model, 16);
	assert_memory_equal(asked_about, own_model, 16);
	assert_true(is_traced(f, own_model));
	assert_false(is_traced(f, cg_uuid_model));
	fx_close(g, session);
	fx_assert_idle(g);
}

FX_TEST_BARE(a_ta_without_an_alias_is_itself)
{
	struct fx *f = aliased(state);
	struct fx_guest *g = &f->guest[0];

	asked_for_alias = 0;
	fx_close(g, fx_session(g));
	assert_int_equal(asked_for_alias, 1);
	fx_assert_idle(g);
}

/* The request that the guest is shown names its own TA, and OP-TEE's page still the alias. */
FX_TEST_BARE(load_ta_shows_the_guests_name)
{
	struct fx *f = aliased(state);
	struct fx_guest *g = &f->guest[0];
	const struct fx_smc *smc;
	const struct optee_msg_param *param;
	struct cg_call c;

	fx_call(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2);
	cg_set_open(&c, own_loaded);
	fx_smcs_reset(f);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_LOAD_TA));
	assert_int_equal(cg_rpc_param(&c, 0)->attr, VALUE_IN);
	assert_memory_equal(cg_rpc_param(&c, 0)->u.octets, own_loaded, 16);
	smc = fx_smc_of(f, (uint32_t)c.fid, 0);
	assert_non_null(smc);
	param = test_secure_access(f->host, g->test->id, smc->in.a[1] << 32 | smc->in.a[2],
				   OPTEE_MSG_ARG_SIZE(2), false);
	assert_memory_equal((const uint8_t *)param + OPTEE_MSG_ARG_SIZE(0) +
			    offsetof(struct optee_msg_param, u), alias_loaded, 16);
	assert_false(is_traced(f, alias_loaded));
	assert_true(is_traced(f, own_loaded));
	cg_finish(&c);
	assert_int_equal(cg_result(&c), TEEC_ERROR_ITEM_NOT_FOUND);
	cg_call_fini(&c);
	fx_assert_idle(g);
}

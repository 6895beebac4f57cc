/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's pseudo-TAs: invoke_tests, stats, device; and who is behind a session.
 *
 * Semantics of OP-TEE's core/pta, as far as the normal world can see them.
 */
#include <string.h>

#include "model_priv.h"

/* Turns of a mutex test's loop between two foreign interrupts. */
#define MUTEX_TURNS	10000u

#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define MEMREF_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT
#define MEMREF_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT

static const uint8_t invoke_tests_uuid[16] = PTA_INVOKE_TESTS_UUID;
static const uint8_t stats_uuid[16] = PTA_STATS_UUID;
static const uint8_t device_uuid[16] = PTA_DEVICE_UUID;
static const uint8_t test_uuid[16] = MODEL_TA_UUID;
/* The random number generator's, ab7a617c-b8e7-4d8f-8301-d09b61036b64. */
static const uint8_t rng_uuid[16] = {
	0xab, 0x7a, 0x61, 0x7c, 0xb8, 0xe7, 0x4d, 0x8f,
	0x83, 0x01, 0xd0, 0x9b, 0x61, 0x03, 0x6b, 0x64,
};

enum mta ta_of_uuid(const uint8_t uuid[16])
{
	if (!memcmp(uuid, invoke_tests_uuid, 16))
		return MTA_INVOKE_TESTS;
	if (!memcmp(uuid, stats_uuid, 16))
		return MTA_STATS;
	if (!memcmp(uuid, device_uuid, 16))
		return MTA_DEVICE;
	if (!memcmp(uuid, test_uuid, 16))
		return MTA_TEST;
	return MTA_NONE;
}

static bool types_are(const struct mthread *t, uint32_t t0, uint32_t t1, uint32_t t2, uint32_t t3)
{
	const struct mparam *p = t->run.param;

	return p[0].type == t0 && p[1].type == t1 && p[2].type == t2 && p[3].type == t3;
}

/* --- invoke_tests ------------------------------------------------------------------- */

static void sum_piece(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	uint8_t *sum = arg;

	(void)at;
	for (size_t i = 0; i < n; i++)
		*sum = (uint8_t)(*sum + p[i]);
}

static uint32_t sum_memref(struct mthread *t, struct mparam *p)
{
	uint8_t sum = 0;

	if (!p->size || !p->mobj) {
		violation(t->guest->model, "guest %u: an empty memref in the parameter test "
			  "would crash the real OP-TEE: no test of ours", t->guest->id);
		return TEEC_ERROR_BAD_PARAMETERS;
	}
	if (!mobj_walk(p->mobj, p->offs, p->size, false, sum_piece, &sum) ||
	    !mobj_copy(p->mobj, p->offs, &sum, 1, true))
		return TEEC_ERROR_GENERIC;
	return TEEC_SUCCESS;
}

/* One in/out value or memref and nothing else, or one output and three inputs. */
static uint32_t param_test(struct mthread *t)
{
	struct mparam *p = t->run.param;
	uint32_t special = 4, in = 0, none = 0, a = 0, b = 0;

	for (uint32_t i = 0; i < 4; i++) {
		if (!p[i].type) {
			none++;
		} else if (p[i].type == VALUE_IN) {
			in++;
			a += p[i].a;
			b += p[i].b;
		} else {
			special = i;
		}
	}
	if (special == 4)
		return TEEC_ERROR_BAD_PARAMETERS;
	if (none == 3 && p[special].type == VALUE_INOUT)
		p[special].a += p[special].b;
	else if (none == 3 && p[special].type == MEMREF_INOUT)
		return sum_memref(t, &p[special]);
	else if (in == 3 && p[special].type == VALUE_OUT)
		p[special] = (struct mparam){ .type = VALUE_OUT, .a = a, .b = b };
	else
		return TEEC_ERROR_BAD_PARAMETERS;
	return TEEC_SUCCESS;
}

static uint32_t null_test(struct mthread *t)
{
	if (!types_are(t, MEMREF_INOUT, 0, 0, 0) || t->run.param[0].size)
		return TEEC_ERROR_BAD_PARAMETERS;
	return TEEC_SUCCESS;
}

static bool mutex_free_for(const struct mguest *g, bool reader)
{
	return reader ? g->mutex >= 0 : !g->mutex;
}

static void mutex_work(struct mguest *g, bool reader, uint32_t turns, uint32_t *ret)
{
	if (reader && g->val0 * 2 != g->val1)
		*ret = TEE_ERROR_BAD_STATE;
	if (!reader) {
		g->val0 += turns;
		g->val1 += 2ull * turns;
	}
}

/* param 0: {0 writer, 1 reader; turns}. param 1: how many waited, how many worked. */
static bool mutex_test(struct mthread *t)
{
	struct mguest *g = t->guest;
	struct mrun *r = &t->run;
	uint32_t reader = r->param[0].a;

	PT_BEGIN(&r->pt_fn)
	r->ret = TEEC_ERROR_BAD_PARAMETERS;
	if (!types_are(t, VALUE_IN, VALUE_OUT, 0, 0) || reader > 1)
		PT_EXIT(&r->pt_fn);
	r->param[1].a = ++g->before[reader];
	while (!mutex_free_for(g, reader))
		PT_CALL(&r->pt_fn, wait_on(t, &g->mutex_wait, reader));
	g->mutex = reader ? g->mutex + 1 : -1;
	g->before[reader]--;
	r->param[1].b = ++g->during[reader];
	r->ret = TEEC_SUCCESS;
	for (r->n = r->param[0].b; r->n > MUTEX_TURNS; r->n -= MUTEX_TURNS) {
		mutex_work(g, reader, MUTEX_TURNS, &r->ret);
		PT_CALL(&r->pt_fn, leave_foreign_intr(t));
	}
	mutex_work(g, reader, (uint32_t)r->n, &r->ret);
	g->during[reader]--;
	g->mutex = reader ? g->mutex - 1 : 0;
	if (!g->mutex)
		PT_CALL(&r->pt_fn, wake_one_kind(t, &g->mutex_wait));
	PT_END(&r->pt_fn);
}

static bool invoke_tests(struct mthread *t)
{
	switch (t->run.func) {
	case PTA_INVOKE_TESTS_TRACE:
	case PTA_INVOKE_TESTS_SELF:
		t->run.ret = TEEC_SUCCESS;
		return true;
	case PTA_INVOKE_TESTS_PARAMS:
		t->run.ret = param_test(t);
		return true;
	case PTA_INVOKE_TESTS_MUTEX:
		return mutex_test(t);
	case PTA_INVOKE_TESTS_MEMREF_NULL:
		t->run.ret = null_test(t);
		return true;
	default:
		t->run.ret = TEEC_ERROR_BAD_PARAMETERS;
		return true;
	}
}

/* --- stats ---------------------------------------------------------------------------- */

static bool stats(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	r->ret = TEEC_ERROR_BAD_PARAMETERS;
	if (r->func != PTA_STATS_GET_TIME || !types_are(t, VALUE_OUT, VALUE_OUT, 0, 0))
		PT_EXIT(&r->pt_fn);
	rparam_value(rpc_begin(t, OPTEE_RPC_CMD_GET_TIME, 1), VALUE_OUT, 0, 0, 0);
	PT_CALL(&r->pt_fn, rpc_cmd(t));
	r->ret = r->rpc_ret;
	if (r->ret)
		PT_EXIT(&r->pt_fn);
	r->param[0].a = (uint32_t)r->rpc[0].a;
	r->param[0].b = (uint32_t)r->rpc[0].b / 1000000u;
	r->param[1].a = 1;
	r->param[1].b = 0;
	PT_END(&r->pt_fn);
}

/* --- device --------------------------------------------------------------------------- */

static uint32_t device(struct mthread *t)
{
	const uint8_t *const uuid[] = { invoke_tests_uuid, rng_uuid };
	struct mparam *p = &t->run.param[0];
	uint64_t size = p->size;
	uint64_t at = 0;

	if (t->run.func > PTA_DEVICE_GET_SUPP)
		return TEE_ERROR_NOT_IMPLEMENTED;
	if (!types_are(t, MEMREF_OUT, 0, 0, 0))
		return TEEC_ERROR_BAD_PARAMETERS;
	for (size_t i = 0; t->run.func == PTA_DEVICE_GET && i < 2; i++, at += 16) {
		uint8_t octets[16];

		memcpy(octets, uuid[i], sizeof(octets));
		if (at + 16 <= size && p->mobj)
			mobj_copy(p->mobj, p->offs + at, octets, sizeof(octets), true);
	}
	p->size = at;
	return at > size ? TEEC_ERROR_SHORT_BUFFER : TEEC_SUCCESS;
}

/* Runs func of the session's TA; result in run.ret and run.param. */
bool ta_invoke(struct mthread *t)
{
	switch (t->run.ses->ta) {
	case MTA_INVOKE_TESTS:
		return invoke_tests(t);
	case MTA_STATS:
		return stats(t);
	case MTA_DEVICE:
		t->run.ret = device(t);
		return true;
	default:
		return test_ta_invoke(t);
	}
}

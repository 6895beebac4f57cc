/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's own test TA: what no TA of a real OP-TEE does on demand. See
 * model_ta.h for what each function takes and gives.
 *
 * Each function is a protothread on run.pt_fn; run.n, m, sum, size, code, handle
 * and kept are its own, zero at first.
 */
#include <string.h>

#include "model_priv.h"

#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define MEMREF_IN	OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define MEMREF_OUT	OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT
#define MEMREF_INOUT	OPTEE_MSG_ATTR_TYPE_RMEM_INOUT

#define PAYLOAD_SEED	0x5au
#define FILE_SEED	0xf5u

static bool type_is(const struct mthread *t, uint32_t i, uint32_t type)
{
	return t->run.param[i].type == type;
}

/* --- Bytes ----------------------------------------------------------------------------- */

struct pattern {
	uint8_t seed;
	bool write;
	bool good;
};

static void pattern_piece(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	struct pattern *c = arg;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = MODEL_TA_PATTERN(c->seed, at + i);

		if (c->write)
			p[i] = byte;
		else if (p[i] != byte)
			c->good = false;
	}
}

/* Writes the pattern, or returns whether it is there. */
static bool pattern(struct mobj *o, uint64_t offs, uint64_t size, uint8_t seed, bool write)
{
	struct pattern c = { .seed = seed, .write = write, .good = true };

	return mobj_walk(o, offs, size, write, pattern_piece, &c) && c.good;
}

static void invert_piece(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	(void)arg;
	(void)at;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)~p[i];
}

static void sum_piece(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	uint64_t *sum = arg;

	(void)at;
	for (size_t i = 0; i < n; i++)
		*sum += p[i];
}

/* --- Time that passes ------------------------------------------------------------------- */

static uint32_t touch_params(struct mthread *t)
{
	for (uint32_t i = 1; i < 4; i++) {
		struct mparam *p = &t->run.param[i];

		if (p->type == VALUE_INOUT) {
			p->a++;
			p->b++;
		}
		if (p->type == MEMREF_INOUT && p->mobj &&
		    !mobj_walk(p->mobj, p->offs, p->size, true, invert_piece, NULL))
			return TEEC_ERROR_GENERIC;
	}
	return TEEC_SUCCESS;
}

static bool interrupt(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	if (!type_is(t, 0, VALUE_IN))
		PT_EXIT(&r->pt_fn);
	for (r->n = 0; r->n < r->param[0].a; r->n++) {
		if (r->func == MODEL_TA_INTERRUPT) {
			PT_CALL(&r->pt_fn, leave_foreign_intr(t));
		} else {
			rparam_value(rpc_begin(t, OPTEE_RPC_CMD_SUSPEND, 1), VALUE_IN, 1, 0, 0);
			PT_CALL(&r->pt_fn, rpc_cmd(t));
		}
	}
	r->ret = touch_params(t);
	PT_END(&r->pt_fn);
}

static bool wait_cancel(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	while (!r->ses->cancel)
		PT_CALL(&r->pt_fn, leave_foreign_intr(t));
	r->ses->cancel = false;
	r->ret = TEEC_ERROR_CANCEL;
	PT_END(&r->pt_fn);
}

/* --- Payloads --------------------------------------------------------------------------- */

static bool payload(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	if (!type_is(t, 0, VALUE_INOUT))
		PT_EXIT(&r->pt_fn);
	r->pl_size = r->param[0].a;
	r->pl_type = r->param[0].b;
	PT_CALL(&r->pt_fn, payload_alloc(t));
	r->ret = TEEC_SUCCESS;
	r->param[0].b = r->pl ? TEEC_SUCCESS : TEEC_ERROR_OUT_OF_MEMORY;
	if (!r->pl)
		PT_EXIT(&r->pt_fn);
	pattern(r->pl, 0, r->pl_size, PAYLOAD_SEED, true);
	rparam_value(rpc_begin(t, OPTEE_RPC_CMD_GET_TIME, 1), VALUE_OUT, 0, 0, 0);
	PT_CALL(&r->pt_fn, rpc_cmd(t));
	if (!pattern(r->pl, 0, r->pl_size, PAYLOAD_SEED, false))
		r->param[0].b = TEEC_ERROR_GENERIC;
	PT_CALL(&r->pt_fn, payload_free(t));
	PT_END(&r->pt_fn);
}

/* A handle is the place in the guest's table, its type in the bits above. */
static uint32_t keep(struct mguest *g, struct mobj *o, uint32_t type)
{
	for (uint32_t i = 0; i < MODEL_KEPT; i++)
		if (!g->kept[i]) {
			g->kept[i] = o;
			return (i + 1) | type << 8;
		}
	return 0;
}

static struct mobj *kept_at(struct mthread *t)
{
	uint32_t i = (t->run.param[0].a & 0xffu) - 1;

	return i < MODEL_KEPT ? t->guest->kept[i] : NULL;
}

static bool payload_keep(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	if (!type_is(t, 0, VALUE_INOUT))
		PT_EXIT(&r->pt_fn);
	r->pl_size = r->param[0].a;
	r->pl_type = r->param[0].b;
	PT_CALL(&r->pt_fn, payload_alloc(t));
	r->ret = TEEC_ERROR_OUT_OF_MEMORY;
	if (!r->pl)
		PT_EXIT(&r->pt_fn);
	pattern(r->pl, 0, r->pl->size, PAYLOAD_SEED, true);
	r->param[0].a = keep(t->guest, r->pl, r->pl_type);
	if (r->param[0].a) {
		r->ret = TEEC_SUCCESS;
		PT_EXIT(&r->pt_fn);
	}
	PT_CALL(&r->pt_fn, payload_free(t));
	PT_END(&r->pt_fn);
}

static bool payload_check(struct mthread *t)
{
	struct mobj *o = kept_at(t);

	if (!type_is(t, 0, VALUE_IN))
		return true;
	t->run.ret = o && pattern(o, 0, o->size, PAYLOAD_SEED, false) ? TEEC_SUCCESS :
		     TEEC_ERROR_GENERIC;
	return true;
}

static bool payload_drop(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	r->pl = kept_at(t);
	if (!type_is(t, 0, VALUE_IN) || !r->pl)
		PT_EXIT(&r->pt_fn);
	t->guest->kept[(r->param[0].a & 0xffu) - 1] = NULL;
	r->pl_type = r->param[0].a >> 8;
	PT_CALL(&r->pt_fn, payload_free(t));
	r->ret = TEEC_SUCCESS;
	PT_END(&r->pt_fn);
}

/* --- Images and files -------------------------------------------------------------------- */

static bool load(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	if (!type_is(t, 0, VALUE_OUT) || !type_is(t, 1, VALUE_IN))
		PT_EXIT(&r->pt_fn);
	memset(r->uuid, 0, sizeof(r->uuid));
	memcpy(r->uuid, &r->param[1].a, sizeof(r->param[1].a));
	memcpy(r->uuid + 4, &r->param[1].b, sizeof(r->param[1].b));
	PT_CALL(&r->pt_fn, rpc_load(t));
	if (r->ret)
		PT_EXIT(&r->pt_fn);
	mobj_walk(r->pl, 0, r->size, false, sum_piece, &r->sum);
	PT_CALL(&r->pt_fn, payload_free(t));
	r->param[0].a = (uint32_t)r->size;
	r->param[0].b = (uint32_t)r->sum;
	PT_END(&r->pt_fn);
}

/* What is read back is not what was written, as long as nobody has read it. */
static void spoil_buffer(struct mrun *r)
{
	if (r->fs)
		mobj_walk(r->fs, 0, r->fs_size, true, invert_piece, NULL);
}

static bool files(struct mthread *t)
{
	static const uint8_t steps[] = {
		FS_CREATE, FS_WRITE, FS_CLOSE, FS_OPEN, FS_READ, FS_CLOSE, FS_REMOVE,
	};
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_fn)
	if (!type_is(t, 0, VALUE_IN))
		PT_EXIT(&r->pt_fn);
	r->fs_size = r->param[0].a;
	for (r->n = 0; r->n < sizeof(steps); r->n++) {
		r->fs_func = steps[r->n];
		if (r->fs_func == FS_READ)
			spoil_buffer(r);
		PT_CALL(&r->pt_fn, fs_rpc(t));
		r->ret = r->fs_ret;
		if (r->ret)
			PT_EXIT(&r->pt_fn);
		if (r->fs_func == FS_READ && !pattern(r->fs, 0, r->fs_size, FILE_SEED, false))
			r->code = TEEC_ERROR_GENERIC;
	}
	r->ret = r->code;
	PT_END(&r->pt_fn);
}

/* --- At once -------------------------------------------------------------------------------- */

static uint32_t copy(struct mthread *t)
{
	struct mparam *in = &t->run.param[0], *out = &t->run.param[1];
	uint64_t size = in->size;
	uint8_t buf[512];

	if (!type_is(t, 0, MEMREF_IN) || !type_is(t, 1, MEMREF_OUT))
		return TEEC_ERROR_BAD_PARAMETERS;
	if (out->size < size) {
		out->size = size;
		return TEEC_ERROR_SHORT_BUFFER;
	}
	for (uint64_t at = 0; at < size; at += sizeof(buf)) {
		size_t n = size - at < sizeof(buf) ? (size_t)(size - at) : sizeof(buf);

		if (!mobj_copy(in->mobj, in->offs + at, buf, n, false) ||
		    !mobj_copy(out->mobj, out->offs + at, buf, n, true))
			return TEEC_ERROR_GENERIC;
	}
	out->size = size;
	return TEEC_SUCCESS;
}

static uint32_t fill(struct mthread *t)
{
	struct mparam *p = &t->run.param[1];

	if (!type_is(t, 0, VALUE_IN) || !type_is(t, 1, MEMREF_OUT))
		return TEEC_ERROR_BAD_PARAMETERS;
	if (p->mobj && !pattern(p->mobj, p->offs, p->size, (uint8_t)t->run.param[0].a, true))
		return TEEC_ERROR_GENERIC;
	return TEEC_SUCCESS;
}

static uint32_t sum(struct mthread *t)
{
	struct mparam *p = &t->run.param[1];
	uint64_t total = 0;

	if (!type_is(t, 0, VALUE_OUT) || !type_is(t, 1, MEMREF_IN))
		return TEEC_ERROR_BAD_PARAMETERS;
	if (p->mobj && !mobj_walk(p->mobj, p->offs, p->size, false, sum_piece, &total))
		return TEEC_ERROR_GENERIC;
	t->run.param[0].a = (uint32_t)total;
	t->run.param[0].b = (uint32_t)p->size;
	return TEEC_SUCCESS;
}

static uint32_t at_once(struct mthread *t)
{
	switch (t->run.func) {
	case MODEL_TA_COPY:
		return copy(t);
	case MODEL_TA_FILL:
		return fill(t);
	case MODEL_TA_SUM:
		return sum(t);
	case MODEL_TA_RETURN:
		return type_is(t, 0, VALUE_IN) ? t->run.param[0].a : TEEC_ERROR_BAD_PARAMETERS;
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

uint32_t test_ta_open(struct mthread *t)
{
	const struct mparam *p = &t->run.param[0];

	return p->type == VALUE_IN && p->a == MODEL_TA_OPEN_FAIL ? p->b : TEEC_SUCCESS;
}

bool test_ta_invoke(struct mthread *t)
{
	/* What a function that does not like its parameters leaves behind. */
	if (!t->run.pt_fn)
		t->run.ret = TEEC_ERROR_BAD_PARAMETERS;
	switch (t->run.func) {
	case MODEL_TA_INTERRUPT:
	case MODEL_TA_SUSPEND_MEMREF:
		return interrupt(t);
	case MODEL_TA_PAYLOAD:
		return payload(t);
	case MODEL_TA_PAYLOAD_KEEP:
		return payload_keep(t);
	case MODEL_TA_PAYLOAD_CHECK:
		return payload_check(t);
	case MODEL_TA_PAYLOAD_DROP:
		return payload_drop(t);
	case MODEL_TA_LOAD:
		return load(t);
	case MODEL_TA_WAIT_CANCEL:
		return wait_cancel(t);
	case MODEL_TA_FS:
		return files(t);
	default:
		t->run.ret = at_once(t);
		return true;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The normal-world side of RPCs, as a driver and a supplicant would serve them.
 *
 * Requests are answered honestly here; a scenario that wants to lie stops at the
 * request and answers itself. Must not know which call a request belongs to.
 */
#include "client.h"

/* The time of this guest: fixed, so that it shows up unchanged in results. */
#define TIME_SECONDS	1500000000u
#define TIME_NANOS	123000000u

/* ---- RPC argument buffers ---- */

static struct cg_rpc_arg *rpc_arg_find(struct cg_guest *g, uint64_t cookie)
{
	for (unsigned int i = 0; i < CG_RPC_ARGS; i++)
		if (g->rpc_args[i].cookie == cookie)
			return &g->rpc_args[i];
	return NULL;
}

bool cg_rpc_arg_add(struct cg_guest *g, uint64_t cookie, uint32_t page)
{
	struct cg_rpc_arg *arg;

	cg_lock(g);
	arg = rpc_arg_find(g, 0);
	if (arg) {
		arg->cookie = cookie;
		arg->page = page;
	}
	cg_unlock(g);
	return arg != NULL;
}

uint32_t cg_rpc_arg_page(struct cg_guest *g, uint64_t cookie)
{
	uint32_t page = CG_NO_PAGE;
	struct cg_rpc_arg *arg;

	if (cookie == 0)
		return page;
	cg_lock(g);
	arg = rpc_arg_find(g, cookie);
	if (arg)
		page = arg->page;
	cg_unlock(g);
	return page;
}

bool cg_rpc_arg_drop(struct cg_guest *g, uint64_t cookie)
{
	uint32_t page = CG_NO_PAGE;
	struct cg_rpc_arg *arg;

	if (cookie == 0)
		return false;
	cg_lock(g);
	arg = rpc_arg_find(g, cookie);
	if (arg) {
		page = arg->page;
		arg->cookie = 0;
	}
	cg_unlock(g);
	if (page == CG_NO_PAGE)
		return false;
	cg_page_put(g, page);
	return true;
}

/* ---- payload buffers ---- */

static struct cg_payload *payload_find(struct cg_guest *g, uint64_t cookie)
{
	for (unsigned int i = 0; i < CG_PAYLOADS; i++)
		if (g->payloads[i].cookie == cookie)
			return &g->payloads[i];
	return NULL;
}

struct cg_payload *cg_payload_find(struct cg_guest *g, uint64_t cookie)
{
	struct cg_payload *p;

	if (cookie == 0)
		return NULL;
	cg_lock(g);
	p = payload_find(g, cookie);
	cg_unlock(g);
	return p;
}

bool cg_payload_add(struct cg_guest *g, uint64_t type, const struct cg_buf *b)
{
	struct cg_payload *p;

	cg_lock(g);
	p = payload_find(g, 0);
	if (p) {
		p->type = type;
		cg_copy(&p->buf, b, sizeof(*b));
		p->cookie = b->cookie;
	}
	cg_unlock(g);
	return p != NULL;
}

bool cg_payload_drop(struct cg_guest *g, uint64_t type, uint64_t cookie)
{
	struct cg_payload *p;
	struct cg_buf b;

	if (cookie == 0)
		return false;
	cg_lock(g);
	p = payload_find(g, cookie);
	if (p && p->type == type) {
		cg_copy(&b, &p->buf, sizeof(b));
		p->cookie = 0;
	} else {
		p = NULL;
	}
	cg_unlock(g);
	if (!p)
		return false;
	cg_buf_free(g, &b);
	return true;
}

void cg_rpc_forget(struct cg_guest *g)
{
	for (unsigned int i = 0; i < CG_RPC_ARGS; i++)
		cg_rpc_arg_drop(g, g->rpc_args[i].cookie);
	for (unsigned int i = 0; i < CG_PAYLOADS; i++)
		cg_payload_drop(g, g->payloads[i].type, g->payloads[i].cookie);
}

uint32_t cg_rpc_held(struct cg_guest *g)
{
	uint32_t held = 0;

	for (unsigned int i = 0; i < CG_RPC_ARGS; i++)
		held += g->rpc_args[i].cookie != 0;
	for (unsigned int i = 0; i < CG_PAYLOADS; i++)
		held += g->payloads[i].cookie != 0;
	return held;
}

/* ---- requests ---- */

static void count(uint32_t *counter)
{
	__atomic_fetch_add(counter, 1u, __ATOMIC_RELAXED);
}

static void serve_alloc(struct cg_call *c)
{
	struct cg_guest *g = c->g;
	uint32_t page = cg_page_get(g);
	uint64_t cookie = cg_cookie(g);
	uint64_t ipa = 0;

	count(&g->served_alloc);
	if (page != CG_NO_PAGE && (c->a[1] > CG_PAGE || !cg_rpc_arg_add(g, cookie, page))) {
		cg_page_put(g, page);
		page = CG_NO_PAGE;
	}
	if (page == CG_NO_PAGE) {
		CG_ANOMALY(g);
		cookie = 0;
	} else {
		cg_fill(cg_page_va(g, page), 0xd7, CG_PAGE);
		ipa = cg_page_ipa(g, page);
	}
	c->x[1] = ipa >> 32;
	c->x[2] = (uint32_t)ipa;
	c->x[4] = cookie >> 32;
	c->x[5] = (uint32_t)cookie;
}

static uint32_t serve_shm_alloc(struct cg_call *c)
{
	struct optee_msg_param *p = cg_rpc_param(c, 0);
	uint64_t type = p->u.value.a;
	uint64_t size = p->u.value.b;
	struct cg_guest *g = c->g;
	struct cg_buf b;

	count(&g->served_shm_alloc);
	if (p->attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT || size == 0)
		return TEEC_ERROR_BAD_PARAMETERS;
	if (!cg_buf_make(g, &b, size, 0))
		return TEEC_ERROR_OUT_OF_MEMORY;
	if (!cg_payload_add(g, type, &b)) {
		cg_buf_free(g, &b);
		return TEEC_ERROR_OUT_OF_MEMORY;
	}
	p->attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
	p->u.tmem.buf_ptr = cg_buf_ptr(g, &b);
	p->u.tmem.size = size;
	p->u.tmem.shm_ref = b.cookie;
	return TEEC_SUCCESS;
}

static uint32_t serve_shm_free(struct cg_call *c)
{
	struct optee_msg_param *p = cg_rpc_param(c, 0);

	count(&c->g->served_shm_free);
	if (p->attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT ||
	    !cg_payload_drop(c->g, p->u.value.a, p->u.value.b))
		CG_ANOMALY(c->g);
	return TEEC_SUCCESS;
}

static void fill_with_ta(struct cg_guest *g, const struct cg_buf *b)
{
	if (!g->ta)
		cg_buf_pattern(g, b, 1);
	for (uint32_t at = 0; g->ta && at < g->ta_size; at += CG_PAGE) {
		uint32_t left = g->ta_size - at;

		cg_copy(cg_buf_at(g, b, at), g->ta + at, left < CG_PAGE ? left : CG_PAGE);
	}
}

/* A first request asks for the size, a second one brings the memory. */
static uint32_t serve_load_ta(struct cg_call *c)
{
	struct optee_msg_param *p = cg_rpc_param(c, 1);
	struct cg_guest *g = c->g;
	struct cg_payload *payload;

	if (g->ta_size == 0)
		return TEEC_ERROR_ITEM_NOT_FOUND;
	if (p->u.rmem.size >= g->ta_size) {
		payload = cg_payload_find(g, p->u.rmem.shm_ref);
		if (p->attr != OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT || !payload)
			CG_ANOMALY(g);
		else
			fill_with_ta(g, &payload->buf);
	}
	p->u.rmem.size = g->ta_size;
	return TEEC_SUCCESS;
}

/* Sets ret; false when the request has to wait for its notification. */
static bool serve_notification(struct cg_call *c, uint32_t *ret)
{
	struct optee_msg_param *p = cg_rpc_param(c, 0);
	uint64_t value = p->u.value.b;
	uint32_t bit = 1u << (value % 32u);
	uint32_t *word = &c->g->notified[value / 32u % (CG_NOTIFS / 32u)];

	*ret = TEEC_SUCCESS;
	if (p->attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT || value >= CG_NOTIFS)
		*ret = TEEC_ERROR_BAD_PARAMETERS;
	else if (p->u.value.a == OPTEE_RPC_NOTIFICATION_SEND)
		__atomic_fetch_or(word, bit, __ATOMIC_RELEASE);
	else if (p->u.value.a == OPTEE_RPC_NOTIFICATION_WAIT)
		return __atomic_fetch_and(word, ~bit, __ATOMIC_ACQUIRE) & bit;
	else
		*ret = TEEC_ERROR_BAD_PARAMETERS;
	return true;
}

static bool serve_cmd(struct cg_call *c)
{
	struct optee_msg_hdr *rpc = cg_rpc_hdr(c);
	uint32_t ret = TEEC_ERROR_NOT_SUPPORTED;

	switch (rpc->cmd) {
	case OPTEE_RPC_CMD_GET_TIME:
		cg_rpc_param(c, 0)->u.value.a = TIME_SECONDS;
		cg_rpc_param(c, 0)->u.value.b = TIME_NANOS;
		ret = TEEC_SUCCESS;
		break;
	case OPTEE_RPC_CMD_NOTIFICATION:
		if (!serve_notification(c, &ret))
			return false;
		break;
	case OPTEE_RPC_CMD_SUSPEND:
		ret = TEEC_SUCCESS;
		break;
	case OPTEE_RPC_CMD_SHM_ALLOC:
		ret = serve_shm_alloc(c);
		break;
	case OPTEE_RPC_CMD_SHM_FREE:
		ret = serve_shm_free(c);
		break;
	case OPTEE_RPC_CMD_LOAD_TA:
		ret = serve_load_ta(c);
		break;
	case OPTEE_RPC_CMD_FS:
		ret = c->g->serve_fs ? c->g->serve_fs(c) : TEEC_ERROR_ITEM_NOT_FOUND;
		break;
	default:
		break;
	}
	rpc->ret = ret;
	count(&c->g->served_cmd);
	return true;
}

bool cg_serve(struct cg_call *c)
{
	struct cg_guest *g = c->g;

	switch (c->a[0]) {
	case OPTEE_SMC_RETURN_RPC_ALLOC:
		serve_alloc(c);
		return true;
	case OPTEE_SMC_RETURN_RPC_FREE:
		count(&g->served_free);
		if (!cg_rpc_arg_drop(g, (uint64_t)c->a[1] << 32 | c->a[2]))
			CG_ANOMALY(g);
		return true;
	case OPTEE_SMC_RETURN_RPC_FOREIGN_INTR:
		count(&g->served_interrupt);
		return true;
	case OPTEE_SMC_RETURN_RPC_CMD:
		/* Without a message it was counted already; it is not answered. */
		return c->rpc ? serve_cmd(c) : true;
	default:
		/* I8: an RPC nobody knows must not get here. */
		CG_ANOMALY(g);
		return true;
	}
}

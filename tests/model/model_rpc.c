/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a model thread leaves for the normal world: foreign interrupts, RPC
 * arguments and their cache, RPC commands, payload buffers, waiting.
 *
 * All functions returning bool are protothreads, see model_priv.h. The order of
 * RPCs and the checks of replies are those of OP-TEE's thread_optee_smc.c.
 */
#include <string.h>

#include "model_priv.h"

#define RPC_ARG_SIZE	OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS)

static uint32_t high(uint64_t x)
{
	return (uint32_t)(x >> 32);
}

static uint32_t low(uint64_t x)
{
	return (uint32_t)x;
}

bool leave_foreign_intr(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_raw)
	r->out[0] = OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
	r->out[1] = 0;
	r->out[2] = 0;
	r->copy_args = false;
	PT_LEAVE(&r->pt_raw);
	PT_END(&r->pt_raw);
}

bool rpc_raw(struct mthread *t, uint32_t a0, uint64_t a1a2)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_raw)
	r->out[0] = a0;
	r->out[1] = high(a1a2);
	r->out[2] = low(a1a2);
	r->copy_args = true;
	PT_LEAVE(&r->pt_raw);
	PT_END(&r->pt_raw);
}

/* Gives back the thread's RPC argument, if there is one of its own. */
bool rpc_free_arg(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_alloc)
	r->rpc_cookie = t->rpc_mobj ? t->rpc_mobj->cookie : 0;
	mobj_free(t->rpc_mobj);
	t->rpc_mobj = NULL;
	t->rpc_arg_pa = 0;
	if (r->rpc_cookie)
		PT_CALL(&r->pt_alloc, rpc_raw(t, OPTEE_SMC_RETURN_RPC_FREE, r->rpc_cookie));
	PT_END(&r->pt_alloc);
}

/* What the reply to RPC ALLOC is good for. */
static void take_rpc_arg(struct mthread *t, uint64_t pa, uint64_t cookie)
{
	struct model *m = t->guest->model;

	/* Only what is misaligned, or not the normal world's RAM, is no page to OP-TEE. */
	if (!pa)
		violation(m, "guest %u: ALLOC is answered with page 0 (I2)", t->guest->id);
	if (pa & (OPTEE_MSG_PAGE_SIZE - 1u) || (!pa && !m->config.ram_at_zero))
		return;
	t->rpc_mobj = mobj_new(t->guest, MOBJ_RPC_ARG, &pa, 1, 0, cookie);
	if (t->rpc_mobj)
		t->rpc_arg_pa = pa;
}

/* Makes sure there is an RPC argument: t->rpc_arg_pa, 0 if there is none to be had. */
bool rpc_get_arg(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_alloc)
	if (t->rpc_arg_pa)
		PT_EXIT(&r->pt_alloc);
	PT_CALL(&r->pt_alloc, rpc_raw(t, OPTEE_SMC_RETURN_RPC_ALLOC, (uint64_t)RPC_ARG_SIZE << 32));
	r->rpc_cookie = (uint64_t)r->in[2] << 32 | r->in[3];
	take_rpc_arg(t, (uint64_t)r->in[0] << 32 | r->in[1], r->rpc_cookie);
	if (!t->rpc_arg_pa && r->rpc_cookie)
		PT_CALL(&r->pt_alloc, rpc_raw(t, OPTEE_SMC_RETURN_RPC_FREE, r->rpc_cookie));
	PT_END(&r->pt_alloc);
}

struct rparam *rpc_begin(struct mthread *t, uint32_t cmd, uint32_t num)
{
	t->run.rpc_cmd = cmd;
	t->run.rpc_num = num;
	memset(t->run.rpc, 0, sizeof(t->run.rpc));
	return t->run.rpc;
}

static struct optee_msg_hdr *rpc_hdr(struct mthread *t)
{
	if (!t->rpc_arg_pa)
		return NULL;
	return mem_at(t->guest, t->rpc_arg_pa, RPC_ARG_SIZE, true);
}

static bool is_memref(uint64_t attr)
{
	return attr >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && attr <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

static void put_param(struct optee_msg_param *p, const struct rparam *r)
{
	p->attr = r->attr;
	p->u.value.a = r->a;
	p->u.value.b = r->b;
	p->u.value.c = r->c;
	if (r->raw || !is_memref(r->attr))
		return;
	if (r->mobj) {
		p->u.rmem.shm_ref = r->mobj->cookie;
	} else {
		p->attr = r->attr - OPTEE_MSG_ATTR_TYPE_RMEM_INPUT + OPTEE_MSG_ATTR_TYPE_TMEM_INPUT;
		memset(&p->u, 0, sizeof(p->u));
		p->u.tmem.size = r->b;
	}
}

static bool put_request(struct mthread *t)
{
	struct mrun *r = &t->run;
	struct optee_msg_hdr *hdr = rpc_hdr(t);
	uint32_t n = r->rpc_num < OPTEE_MSG_RPC_PARAMS ? r->rpc_num : OPTEE_MSG_RPC_PARAMS;

	if (!hdr)
		return false;
	memset(hdr, 0, OPTEE_MSG_ARG_SIZE(n));
	hdr->cmd = r->rpc_cmd;
	hdr->num_params = r->rpc_num;
	hdr->ret = TEEC_ERROR_GENERIC;
	for (uint32_t i = 0; i < n; i++)
		put_param(model_param(hdr, i), &r->rpc[i]);
	return true;
}

static void get_reply(struct mthread *t)
{
	struct mrun *r = &t->run;
	struct optee_msg_hdr *hdr = rpc_hdr(t);

	r->rpc_ret = TEEC_ERROR_GENERIC;
	if (!hdr)
		return;
	for (uint32_t i = 0; i < r->rpc_num && i < OPTEE_MSG_RPC_PARAMS; i++) {
		const struct optee_msg_param *p = model_param(hdr, i);

		switch (r->rpc[i].attr) {
		case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
		case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
			r->rpc[i].a = p->u.value.a;
			r->rpc[i].b = p->u.value.b;
			r->rpc[i].c = p->u.value.c;
			break;
		case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
		case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
			r->rpc[i].b = p->u.rmem.size;
			break;
		default:
			break;
		}
	}
	r->rpc_ret = hdr->ret;
}

/* An RPC command set up by rpc_begin(); result in rpc_ret and rpc[]. */
bool rpc_cmd(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_cmd)
	PT_CALL(&r->pt_cmd, rpc_get_arg(t));
	r->rpc_ret = TEEC_ERROR_OUT_OF_MEMORY;
	if (!put_request(t))
		PT_EXIT(&r->pt_cmd);
	PT_CALL(&r->pt_cmd, rpc_raw(t, OPTEE_SMC_RETURN_RPC_CMD,
				    t->rpc_mobj ? t->rpc_mobj->cookie : 0));
	get_reply(t);
	PT_END(&r->pt_cmd);
}

/* --- Payload buffers ---------------------------------------------------------- */

/*
 * Judges a SHM_ALLOC reply. Returns true when the buffer, if OP-TEE has no use for
 * it, has to be freed by a SHM_FREE of OP-TEE's own.
 */
static bool take_payload(struct mthread *t)
{
	struct mrun *r = &t->run;
	struct optee_msg_hdr *hdr = rpc_hdr(t);
	struct optee_msg_param *p = hdr ? model_param(hdr, 0) : NULL;
	uint64_t pa;

	r->pl = NULL;
	if (!hdr || hdr->ret || hdr->num_params != 1)
		return false;
	if (p->attr != OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT &&
	    p->attr != (OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG))
		return false;
	if (p->u.tmem.size < r->pl_size)
		return false;
	pa = p->u.tmem.buf_ptr;
	r->pl_cookie = p->u.tmem.shm_ref;
	if (!pa) {
		violation(t->guest->model, "guest %u: SHM_ALLOC is answered with address 0",
			  t->guest->id);
		return true;
	}
	if (p->attr != OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT)
		r->pl = mobj_from_list(t->guest, MOBJ_PAYLOAD, pa, p->u.tmem.size, r->pl_cookie);
	else if (!(pa & (OPTEE_MSG_PAGE_SIZE - 1u)) && p->u.tmem.size <= OPTEE_MSG_PAGE_SIZE)
		r->pl = mobj_new(t->guest, MOBJ_PAYLOAD, &pa, 1, 0, r->pl_cookie);
	return !r->pl;
}

/* SHM_ALLOC of pl_size bytes and pl_type into pl, NULL if there are none. */
bool payload_alloc(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_payload)
	rparam_value(rpc_begin(t, OPTEE_RPC_CMD_SHM_ALLOC, 1), OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
		     r->pl_type, r->pl_size, 8);
	PT_CALL(&r->pt_payload, rpc_cmd(t));
	if (!take_payload(t))
		PT_EXIT(&r->pt_payload);
	rparam_value(rpc_begin(t, OPTEE_RPC_CMD_SHM_FREE, 1), OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
		     r->pl_type, r->pl_cookie, 0);
	PT_CALL(&r->pt_payload, rpc_cmd(t));
	PT_END(&r->pt_payload);
}

/* SHM_FREE of pl, which is forgotten first. */
bool payload_free(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_payload)
	if (!r->pl)
		PT_EXIT(&r->pt_payload);
	rparam_value(rpc_begin(t, OPTEE_RPC_CMD_SHM_FREE, 1), OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
		     r->pl_type, r->pl->cookie, 0);
	/* First the argument, then the buffer, then the RPC: so the real one. */
	PT_CALL(&r->pt_payload, rpc_get_arg(t));
	mobj_free(r->pl);
	r->pl = NULL;
	if (t->rpc_arg_pa)
		PT_CALL(&r->pt_payload, rpc_cmd(t));
	PT_END(&r->pt_payload);
}

/* --- Waiting for each other --------------------------------------------------- */

static uint64_t notification_of(struct mthread *t, uint32_t thread)
{
	return (t->guest->model->config.async_notif ? 64u : 0u) + thread;
}

static void begin_notification(struct mthread *t, uint32_t what, uint32_t thread)
{
	rparam_value(rpc_begin(t, OPTEE_RPC_CMD_NOTIFICATION, 1), OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
		     what, notification_of(t, thread), 0);
}

/* Waits once; the normal world may lie, so the caller looks again afterwards. */
bool wait_on(struct mthread *t, struct mwait *w, bool reader)
{
	struct mrun *r = &t->run;
	uint32_t me = 1u << t->index;

	PT_BEGIN(&r->pt_wait)
	w->waiting |= me;
	w->readers = reader ? w->readers | me : w->readers & ~me;
	w->done &= ~me;
	begin_notification(t, OPTEE_RPC_NOTIFICATION_WAIT, t->index);
	PT_CALL(&r->pt_wait, rpc_cmd(t));
	w->waiting &= ~me;
	w->done &= ~me;
	PT_END(&r->pt_wait);
}

static bool next_to_wake(struct mwait *w, bool any, bool reader, uint32_t *thread)
{
	for (uint32_t i = 0; i < MODEL_THREADS_MAX; i++) {
		uint32_t bit = 1u << i;

		if (!(w->waiting & ~w->done & bit))
			continue;
		if (!any && !!(w->readers & bit) != reader)
			continue;
		w->done |= bit;
		*thread = i;
		return true;
	}
	return false;
}

/* Wakes the first that waits; if it is a reader, the other readers too. */
bool wake_one_kind(struct mthread *t, struct mwait *w)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_wake)
	if (!next_to_wake(w, true, false, &r->wake))
		PT_EXIT(&r->pt_wake);
	while (true) {
		/* Woken by nobody, the last waiter may have freed what it waited on. */
		r->wake_more = w->readers & (1u << r->wake);
		begin_notification(t, OPTEE_RPC_NOTIFICATION_SEND, r->wake);
		PT_CALL(&r->pt_wake, rpc_cmd(t));
		if (!r->wake_more || !next_to_wake(w, false, true, &r->wake))
			break;
	}
	PT_END(&r->pt_wake);
}

/* --- RPCs that a test asked for ------------------------------------------------ */

static void begin_injected(struct mthread *t)
{
	const struct model_rpc *rpc = &t->guest->model->inject[0];
	struct rparam *p = rpc_begin(t, rpc->cmd, rpc->num_params);

	for (size_t i = 0; i < 4; i++)
		p[i] = (struct rparam){ .attr = rpc->param[i].attr,
					.a = rpc->param[i].u.value.a,
					.b = rpc->param[i].u.value.b,
					.c = rpc->param[i].u.value.c, .raw = true };
}

static void end_injected(struct mthread *t)
{
	struct model *m = t->guest->model;
	struct optee_msg_hdr *hdr = rpc_hdr(t);
	struct model_rpc_result *result;

	if (m->results == MODEL_RESULTS)
		return;
	result = &m->result[m->results++];
	memset(result, 0, sizeof(*result));
	result->a1 = t->run.in[0];
	result->a2 = t->run.in[1];
	result->a4 = t->run.in[2];
	result->a5 = t->run.in[3];
	if (!hdr)
		return;
	memcpy(&result->hdr, hdr, sizeof(result->hdr));
	memcpy(result->param, model_param(hdr, 0), sizeof(result->param));
}

static bool injected_is_cmd(const struct model_rpc *rpc)
{
	return !rpc->a0 || rpc->a0 == OPTEE_SMC_RETURN_RPC_CMD;
}

static void pop_injected(struct mthread *t)
{
	struct model *m = t->guest->model;

	/* In the way of a second thread that also wants them: first come. */
	t->run.n = m->inject[0].a0 ? m->inject[0].a0 : OPTEE_SMC_RETURN_RPC_CMD;
	t->run.m = (uint64_t)m->inject[0].a1 << 32 | m->inject[0].a2;
	if (injected_is_cmd(&m->inject[0]) && !m->inject[0].raw)
		t->run.m = t->rpc_mobj ? t->rpc_mobj->cookie : 0;
	m->injects--;
	memmove(&m->inject[0], &m->inject[1], m->injects * sizeof(m->inject[0]));
}

bool inject_rpcs(struct mthread *t)
{
	struct model *m = t->guest->model;
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_inject)
	while (m->injects) {
		if (injected_is_cmd(&m->inject[0]))
			PT_CALL(&r->pt_inject, rpc_get_arg(t));
		if (!m->injects)
			break;
		begin_injected(t);
		if (injected_is_cmd(&m->inject[0]))
			put_request(t);
		pop_injected(t);
		PT_CALL(&r->pt_inject, rpc_raw(t, (uint32_t)r->n, r->m));
		end_injected(t);
	}
	r->n = 0;
	r->m = 0;
	PT_END(&r->pt_inject);
}

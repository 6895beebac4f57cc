/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's commands: OP-TEE's entry_std.c, and the sessions behind it.
 *
 * Return codes, origins and what is written back are those of the real one. What
 * a TA does is in model_pta.c and model_test_ta.c.
 */
#include <string.h>

#include "model_priv.h"

#define ATTR_META_VALUE	(OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT)
#define ATTR_REGISTER	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

struct optee_msg_hdr *msg_hdr(struct mthread *t)
{
	return mem_at(t->guest, t->run.arg_pa, OPTEE_MSG_PAGE_SIZE, true);
}

struct optee_msg_param *msg_param(struct mthread *t, uint32_t i)
{
	return model_param(msg_hdr(t), i);
}

/* --- Parameters -------------------------------------------------------------------- */

static uint32_t in_tmem(struct mthread *t, const struct optee_msg_param *p, struct mparam *to)
{
	/* NULL: no memory, whatever the size says. */
	if (!p->u.tmem.buf_ptr)
		return TEEC_SUCCESS;
	if (!(p->attr & OPTEE_MSG_ATTR_NONCONTIG)) {
		violation(t->guest->model, "guest %u: TMEM with an address and not NONCONTIG",
			  t->guest->id);
		return TEEC_ERROR_BAD_PARAMETERS;
	}
	to->mobj = mobj_from_list(t->guest, MOBJ_TEMPORARY, p->u.tmem.buf_ptr, p->u.tmem.size,
				  p->u.tmem.shm_ref);
	if (!to->mobj)
		return TEEC_ERROR_BAD_PARAMETERS;
	to->size = p->u.tmem.size;
	return TEEC_SUCCESS;
}

static uint32_t in_rmem(struct mthread *t, const struct optee_msg_param *p, struct mparam *to)
{
	struct mguest *g = t->guest;
	struct mobj *o = mobj_find(g, p->u.rmem.shm_ref);

	if (!p->u.rmem.shm_ref)
		violation(g->model, "guest %u: RMEM with cookie 0 reaches OP-TEE (I7)", g->id);
	if (!o) {
		/* It may have been known when the mediator let the call pass. */
		if (!mobj_gone_since(g, p->u.rmem.shm_ref, t->run.gone_before))
			violation(g->model, "guest %u: RMEM with unknown cookie 0x%llx (I7)",
				  g->id, (unsigned long long)p->u.rmem.shm_ref);
		return TEEC_ERROR_BAD_PARAMETERS;
	}
	/* OP-TEE would take these: messages, and temporary buffers it lost track of. */
	if (o->kind != MOBJ_REGISTERED && o->kind != MOBJ_PAYLOAD) {
		violation(g->model, "guest %u: RMEM cookie 0x%llx is no data buffer's (I7)",
			  g->id, (unsigned long long)o->cookie);
		return TEEC_ERROR_BAD_PARAMETERS;
	}
	o->refs++;
	to->mobj = o;
	to->offs = p->u.rmem.offs;
	to->size = p->u.rmem.size;
	if (to->offs > UINT64_MAX - to->size || to->offs + to->size > o->size) {
		violation(g->model, "guest %u: RMEM 0x%llx + 0x%llx is outside of its buffer (I7)",
			  g->id, (unsigned long long)to->offs, (unsigned long long)to->size);
		return TEEC_ERROR_SECURITY;
	}
	return TEEC_SUCCESS;
}

/*
 * Attributes that OP-TEE takes without a word. Bits above the type of an RMEM make
 * OP-TEE 4.5 to 4.10 keep a reference for ever: UNREGISTER would never come back.
 */
static void check_attr(struct mthread *t, uint64_t attr, uint32_t type)
{
	const uint64_t known = OPTEE_MSG_ATTR_TYPE_MASK | OPTEE_MSG_ATTR_META |
			       OPTEE_MSG_ATTR_NONCONTIG | OPTEE_MSG_ATTR_CACHE_MASK;
	bool rmem = type >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT &&
		    type <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;

	if (type == 4 || type == 8 || type > OPTEE_MSG_ATTR_TYPE_TMEM_INOUT || attr & ~known)
		violation(t->guest->model, "guest %u: parameter attribute 0x%llx (I8)",
			  t->guest->id, (unsigned long long)attr);
	if (rmem && attr != type)
		violation(t->guest->model, "guest %u: RMEM attribute 0x%llx has more than a type",
			  t->guest->id, (unsigned long long)attr);
}

static uint32_t in_param(struct mthread *t, uint32_t i)
{
	struct mrun *r = &t->run;
	const struct optee_msg_param *p = msg_param(t, r->first + i);
	struct mparam *to = &r->param[i];
	uint32_t type = (uint32_t)(p->attr & OPTEE_MSG_ATTR_TYPE_MASK);

	check_attr(t, p->attr, type);
	if (p->attr & OPTEE_MSG_ATTR_META)
		return TEEC_ERROR_BAD_PARAMETERS;
	switch (type) {
	case OPTEE_MSG_ATTR_TYPE_NONE:
		return TEEC_SUCCESS;
	case OPTEE_MSG_ATTR_TYPE_VALUE_INPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
		to->type = type;
		to->a = (uint32_t)p->u.value.a;
		to->b = (uint32_t)p->u.value.b;
		return TEEC_SUCCESS;
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
		to->type = type - OPTEE_MSG_ATTR_TYPE_TMEM_INPUT + OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
		return in_tmem(t, p, to);
	case OPTEE_MSG_ATTR_TYPE_RMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
		to->type = type;
		return in_rmem(t, p, to);
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

static uint32_t copy_in(struct mthread *t, uint32_t first)
{
	struct mrun *r = &t->run;
	uint32_t n = r->num_params - first;
	uint32_t res = TEEC_SUCCESS;

	r->first = first;
	if (n > OPTEE_MSG_CALL_PARAMS)
		return TEEC_ERROR_BAD_PARAMETERS;
	r->params = n;
	for (uint32_t i = 0; i < n && !res; i++)
		res = in_param(t, i);
	return res;
}

static void copy_out(struct mthread *t)
{
	struct mrun *r = &t->run;

	for (uint32_t i = 0; i < r->params; i++) {
		struct optee_msg_param *p = msg_param(t, r->first + i);
		const struct mparam *from = &r->param[i];

		switch (from->type) {
		case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
		case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
			p->u.value.a = from->a;
			p->u.value.b = from->b;
			break;
		case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
		case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
			p->u.rmem.size = from->size;
			break;
		default:
			break;
		}
	}
}

/* Gives the call's memory back; the last user of a buffer wakes who waits for it. */
static bool put_params(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_put)
	for (r->i = 0; r->i < OPTEE_MSG_CALL_PARAMS; r->i++) {
		r->shm = r->param[r->i].mobj;
		r->param[r->i].mobj = NULL;
		if (!r->shm)
			continue;
		if (r->shm->kind == MOBJ_TEMPORARY) {
			mobj_drop_temporary(r->shm);
			continue;
		}
		r->shm->refs--;
		if (!r->shm->refs && r->shm->releasing)
			PT_CALL(&r->pt_put, wake_one_kind(t, &r->shm->wait));
	}
	PT_END(&r->pt_put);
}

/* A TA that runs in OP-TEE itself sees the call's buffers, whole ones, in its window. */
static uint32_t map_params(struct mthread *t)
{
	for (uint32_t i = 0; i < t->run.params; i++) {
		struct mparam *p = &t->run.param[i];

		if (!p->mobj || !p->size)
			continue;
		if (!window_map(p->mobj))
			return TEEC_ERROR_OUT_OF_MEMORY;
		p->mapped = true;
	}
	return TEEC_SUCCESS;
}

static void unmap_params(struct mthread *t)
{
	for (uint32_t i = 0; i < t->run.params; i++) {
		struct mparam *p = &t->run.param[i];

		if (p->mapped)
			window_unmap(p->mobj);
		p->mapped = false;
	}
}

static void set_result(struct mthread *t)
{
	msg_hdr(t)->ret = t->run.ret;
	msg_hdr(t)->ret_origin = t->run.origin;
}

/* --- Sessions ------------------------------------------------------------------------ */

static struct msession *find_session(struct mguest *g, uint32_t id)
{
	for (size_t i = 0; id && i < MODEL_SESSIONS; i++)
		if (g->session[i].id == id)
			return &g->session[i];
	return NULL;
}

/*
 * As OP-TEE 4.5 does it: one more than that of the session which was opened last and is
 * open still. So the id of a session that was closed is given to the very next one.
 */
static uint32_t new_session_id(struct mguest *g)
{
	const struct msession *last = NULL;
	uint32_t id;

	for (size_t i = 0; i < MODEL_SESSIONS; i++) {
		const struct msession *s = &g->session[i];

		if (s->id && (!last || s->opened > last->opened))
			last = s;
	}
	id = last ? last->id + 1 : 1;
	while (!id || find_session(g, id))
		id++;
	return id;
}

static struct msession *new_session(struct mguest *g, enum mta ta, const uint8_t uuid[16])
{
	for (size_t i = 0; i < MODEL_SESSIONS; i++) {
		struct msession *s = &g->session[i];

		if (s->id || s->users)
			continue;
		*s = (struct msession){ .id = new_session_id(g), .ta = ta, .opened = ++g->opened };
		memcpy(s->uuid, uuid, sizeof(s->uuid));
		return s;
	}
	return NULL;
}

/*
 * A session is used by one thread at a time; others wait in the normal world, and
 * look again. Closed meanwhile, it is unknown, whoever has its id now: run.ses is NULL.
 */
static bool get_session(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_ta)
	r->ses = find_session(t->guest, r->session);
	if (!r->ses)
		PT_EXIT(&r->pt_ta);
	r->ses->users++;
	while (r->ses->id && r->ses->busy)
		PT_CALL(&r->pt_ta, wait_on(t, &r->ses->wait, false));
	if (r->ses->id) {
		r->ses->busy = true;
	} else {
		r->ses->users--;
		r->ses = NULL;
	}
	PT_END(&r->pt_ta);
}

/* Ends the session, too, when its id is 0. */
static bool put_session(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_ta)
	r->ses->busy = false;
	PT_CALL(&r->pt_ta, wake_one_kind(t, &r->ses->wait));
	r->ses->users--;
	r->ses = NULL;
	PT_END(&r->pt_ta);
}

/* A command has got to a session. */
static void tell_of_ta(struct mthread *t, const struct msession *s)
{
	const struct model *m = t->guest->model;
	struct model_ta_event event = {
		.guest = t->guest->id, .cmd = t->run.cmd, .func = msg_hdr(t)->func,
		.session = s->id,
	};

	if (!m->on_ta)
		return;
	memcpy(event.ta, s->uuid, sizeof(event.ta));
	m->on_ta(m->on_ta_arg, &event);
}

static uint32_t open_meta(struct mthread *t)
{
	static const uint32_t logins[] = { 0, 1, 2, 4, 5, 6, 0x80000000u };
	struct mrun *r = &t->run;

	if (r->num_params < OPTEE_MSG_META_PARAMS)
		return TEEC_ERROR_BAD_PARAMETERS;
	if (msg_param(t, 0)->attr != ATTR_META_VALUE || msg_param(t, 1)->attr != ATTR_META_VALUE)
		return TEEC_ERROR_BAD_PARAMETERS;
	memcpy(r->uuid, msg_param(t, 0)->u.octets, sizeof(r->uuid));
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++)
		if ((uint32_t)msg_param(t, 1)->u.value.c == logins[i])
			return TEEC_SUCCESS;
	return TEEC_ERROR_BAD_PARAMETERS;
}

/* The TA is there; it may still refuse. Its own results have its own origin. */
static void enter_open(struct mthread *t, enum mta ta)
{
	struct mrun *r = &t->run;
	struct msession *s = NULL;

	r->origin = TEEC_ORIGIN_TRUSTED_APP;
	r->ret = ta == MTA_TEST ? test_ta_open(t) : TEEC_SUCCESS;
	if (!r->ret)
		s = new_session(t->guest, ta, r->uuid);
	if (!r->ret && !s) {
		r->ret = TEEC_ERROR_OUT_OF_MEMORY;
		r->origin = TEEC_ORIGIN_TEE;
	}
	r->session = s ? s->id : 0;
}

static bool uuid_is_null(const struct mrun *r)
{
	static const uint8_t null[sizeof(r->uuid)];

	return !memcmp(r->uuid, null, sizeof(null));
}

static bool open_session(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_std)
	r->session = 0;
	r->origin = TEEC_ORIGIN_TEE;
	r->ret = open_meta(t);
	if (r->ret)
		goto out;
	r->ret = copy_in(t, OPTEE_MSG_META_PARAMS);
	if (r->ret)
		goto put;
	if (ta_of_uuid(r->uuid) != MTA_NONE) {
		enter_open(t, ta_of_uuid(r->uuid));
	} else if (uuid_is_null(r)) {
		r->ret = TEEC_ERROR_GENERIC;
	} else {
		PT_CALL(&r->pt_std, load_ta(t));
		if (!r->ret)
			enter_open(t, MTA_TEST);
	}
	copy_out(t);
put:
	PT_CALL(&r->pt_std, put_params(t));
out:
	msg_hdr(t)->session = r->session;
	set_result(t);
	PT_END(&r->pt_std);
}

static bool close_session(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_std)
	r->session = msg_hdr(t)->session;
	r->origin = TEEC_ORIGIN_TEE;
	r->ret = TEEC_ERROR_BAD_PARAMETERS;
	if (r->num_params)
		goto out;
	PT_CALL(&r->pt_std, get_session(t));
	r->ret = TEEC_ERROR_ITEM_NOT_FOUND;
	if (!r->ses)
		goto out;
	r->ret = TEEC_SUCCESS;
	tell_of_ta(t, r->ses);
	r->ses->id = 0;
	PT_CALL(&r->pt_std, put_session(t));
out:
	set_result(t);
	PT_END(&r->pt_std);
}

static bool invoke_command(struct mthread *t)
{
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_std)
	r->origin = TEEC_ORIGIN_TEE;
	r->ret = copy_in(t, 0);
	if (r->ret)
		goto put;
	r->session = msg_hdr(t)->session;
	r->func = msg_hdr(t)->func;
	PT_CALL(&r->pt_std, get_session(t));
	r->ret = TEEC_ERROR_BAD_PARAMETERS;
	if (!r->ses)
		goto put;
	tell_of_ta(t, r->ses);
	PT_CALL(&r->pt_std, inject_rpcs(t));
	r->ret = map_params(t);
	if (!r->ret) {
		r->origin = TEEC_ORIGIN_TRUSTED_APP;
		PT_CALL(&r->pt_std, ta_invoke(t));
	}
	unmap_params(t);
	PT_CALL(&r->pt_std, put_session(t));
	copy_out(t);
put:
	PT_CALL(&r->pt_std, put_params(t));
	set_result(t);
	PT_END(&r->pt_std);
}

static void cancel(struct mthread *t)
{
	struct msession *s = find_session(t->guest, msg_hdr(t)->session);

	t->run.origin = TEEC_ORIGIN_TEE;
	t->run.ret = TEEC_ERROR_BAD_PARAMETERS;
	if (!t->run.num_params && s) {
		tell_of_ta(t, s);
		s->cancel = true;
		t->run.ret = TEEC_SUCCESS;
	}
	set_result(t);
}

/* --- Shared memory --------------------------------------------------------------------- */

static void register_shm(struct mthread *t)
{
	struct mguest *g = t->guest;
	struct model *m = g->model;
	const struct optee_msg_param *p = msg_param(t, 0);
	uint32_t refused = m->refuse_register;

	/* Only ret is written, not its origin. */
	msg_hdr(t)->ret = TEEC_ERROR_BAD_PARAMETERS;
	if (t->run.num_params != 1 || p->attr != ATTR_REGISTER || !p->u.tmem.buf_ptr) {
		violation(m, "guest %u: a malformed REGISTER_SHM is forwarded", g->id);
		return;
	}
	m->refuse_register = 0;
	if (refused)
		msg_hdr(t)->ret = refused;
	else if (mobj_from_list(g, MOBJ_REGISTERED, p->u.tmem.buf_ptr, p->u.tmem.size,
				p->u.tmem.shm_ref))
		msg_hdr(t)->ret = TEEC_SUCCESS;
}

static bool unregister_shm(struct mthread *t)
{
	struct mguest *g = t->guest;
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_std)
	if (r->num_params != 1) {
		msg_hdr(t)->ret_origin = TEEC_ORIGIN_TEE;
		msg_hdr(t)->ret = TEEC_ERROR_BAD_PARAMETERS;
		PT_EXIT(&r->pt_std);
	}
	r->ret = g->model->refuse_unregister;
	g->model->refuse_unregister = 0;
	if (r->ret)
		goto out;
	r->ret = TEEC_ERROR_BAD_PARAMETERS;
	r->shm = mobj_find(g, msg_param(t, 0)->u.rmem.shm_ref);
	if (!r->shm || r->shm->kind != MOBJ_REGISTERED || r->shm->releasing)
		goto out;
	r->shm->releasing = true;
	r->shm->refs--;
	while (r->shm->refs)
		PT_CALL(&r->pt_std, wait_on(t, &r->shm->wait, false));
	mobj_unregister(r->shm);
	r->ret = TEEC_SUCCESS;
out:
	msg_hdr(t)->ret = r->ret;
	PT_END(&r->pt_std);
}

/* --- Dispatch ---------------------------------------------------------------------------- */

static bool async_event(struct mthread *t)
{
	struct mguest *g = t->guest;

	/* Only the SMC's result says anything: no field of the message is written. */
	if (!g->model->config.async_notif)
		t->run.rv = OPTEE_SMC_RETURN_EBADCMD;
	else if (t->run.cmd == OPTEE_MSG_CMD_STOP_ASYNC_NOTIF)
		g->notif_started = false;
	return true;
}

static bool run_command(struct mthread *t)
{
	switch (t->run.cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return open_session(t);
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		return invoke_command(t);
	case OPTEE_MSG_CMD_CLOSE_SESSION:
		return close_session(t);
	case OPTEE_MSG_CMD_CANCEL:
		cancel(t);
		return true;
	case OPTEE_MSG_CMD_REGISTER_SHM:
		register_shm(t);
		return true;
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		return unregister_shm(t);
	case OPTEE_MSG_CMD_DO_BOTTOM_HALF:
	case OPTEE_MSG_CMD_STOP_ASYNC_NOTIF:
		return async_event(t);
	default:
		violation(t->guest->model, "guest %u: command %u is forwarded (I8)", t->guest->id,
			  t->run.cmd);
		t->run.rv = OPTEE_SMC_RETURN_EBADCMD;
		return true;
	}
}

bool std_entry(struct mthread *t)
{
	/* Once: a command that comes back from an RPC is what it was. */
	if (!t->run.pt_std)
		t->run.cmd = msg_hdr(t)->cmd;
	return run_command(t);
}

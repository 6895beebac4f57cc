/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification of RPCs: which requests a guest is shown, and what OP-TEE gets for
 * the guest's answer. See spec.h. Must not know what the call was about.
 */
#include "spec_priv.h"

#include <string.h>

/* --- OP-TEE asks ------------------------------------------------------------------------ */

static void show(struct spec *s, enum spec_pending next, uint64_t a0, uint64_t a1, uint64_t a2)
{
	spec_set_outcome(s, a0, a1, a2, true, false);
	s->outcome.next = next;
	s->now->pending = next;
}

/* Not shown: the guest only comes back, and then OP-TEE learns that it failed. */
static void hide(struct spec *s, enum spec_answer answer)
{
	struct spec_call *c = s->now;

	s->must_hide = SPEC_WHY(REQUEST);
	spec_put_arg(s, c);
	c->answer = answer;
	c->hidden = true;
	show(s, SPEC_INTERRUPTED, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0);
}

/* OP-TEE lets go of it; the cookie can be used again at once. */
static void forget(struct spec *s, struct spec_buffer *b)
{
	/* A list of its pages says nothing any more. */
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].payload_list.pa == b->pa)
			s->call[i].payload_list.start = 0;
	spec_buffer_release(s, b);
	spec_buffer_forget(b);
	b->users++;
	spec_buffer_put(s, b);
}

static void asked_free(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;
	uint64_t cookie = spec_pair((uint32_t)regs->a[1], regs->a[2]);
	struct spec_buffer *b = spec_find_live(s, cookie, SPEC_RPC_ARG);

	if (cookie && cookie == c->refused_cookie) {
		c->refused_cookie = 0;
	} else if (b) {
		forget(s, b);
	} else {
		hide(s, SPEC_NOTHING);
		return;
	}
	show(s, SPEC_ASKED_FREE, OPTEE_SMC_RETURN_RPC_FREE, cookie >> 32, (uint32_t)cookie);
}

static bool is_served(uint32_t cmd)
{
	return (cmd <= OPTEE_RPC_CMD_SHM_FREE) ||
	       (cmd >= OPTEE_RPC_CMD_GPROF && cmd <= OPTEE_RPC_CMD_SUPP_PLUGIN) ||
	       (cmd >= OPTEE_RPC_CMD_I2C_TRANSFER && cmd <= OPTEE_RPC_CMD_RPMB_FRAMES);
}

static bool is_between(uint64_t attr, uint64_t first, uint64_t last)
{
	return attr >= first && attr <= last;
}

static bool is_rmem(uint64_t attr)
{
	return is_between(attr, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT);
}

static bool is_tmem(uint64_t attr)
{
	return is_between(attr, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT);
}

/* Memory of the guest's, by whole pages: those are what OP-TEE counts. */
static bool is_within(struct spec *s, const struct optee_msg_param_rmem *rmem)
{
	const struct spec_buffer *b = spec_find_live(s, rmem->shm_ref, SPEC_PAYLOAD);
	uint64_t size;

	if (!b)
		b = spec_find_live(s, rmem->shm_ref, SPEC_REGISTERED);
	if (!b)
		return false;
	size = (uint64_t)b->pages * OPTEE_MSG_PAGE_SIZE - b->offset;
	return rmem->offs <= size && rmem->size <= size - rmem->offs;
}

static bool can_be_shown(struct spec *s, const struct optee_msg_param *p)
{
	if (is_rmem(p->attr))
		return is_within(s, &p->u.rmem);
	if (is_tmem(p->attr))
		return !p->u.tmem.buf_ptr && !p->u.tmem.shm_ref;
	return p->attr <= OPTEE_MSG_ATTR_TYPE_VALUE_INOUT;
}

/* True for a request that goes to the guest; the payload of a SHM_FREE is gone then. */
static bool judge(struct spec *s)
{
	const struct spec_rpc *r = &s->now->request;
	bool frees = r->hdr.cmd == OPTEE_RPC_CMD_SHM_FREE;
	struct spec_buffer *b;

	if (!is_served(r->hdr.cmd) || r->hdr.num_params > OPTEE_MSG_RPC_PARAMS)
		return false;
	if ((frees || r->hdr.cmd == OPTEE_RPC_CMD_SHM_ALLOC) &&
	    (r->hdr.num_params != 1 || r->param[0].attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT))
		return false;
	for (uint32_t i = 0; i < r->hdr.num_params; i++)
		if (!can_be_shown(s, &r->param[i]))
			return false;
	if (!frees)
		return true;
	b = spec_find_live(s, r->param[0].u.value.b, SPEC_PAYLOAD);
	if (!b)
		return false;
	spec_unmap_payload(s, s->now, b);
	forget(s, b);
	return true;
}

/* The TA that is being opened the guest knows by its own name. */
static void rename_ta(const struct spec *s, struct spec_rpc *r)
{
	const struct spec_call *c = s->now;
	uint8_t alias[16];

	if (!s->config.aliases || !c->opens || r->hdr.cmd != OPTEE_RPC_CMD_LOAD_TA ||
	    r->param[0].attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT)
		return;
	spec_alias(c->param[0].u.octets, alias);
	if (memcmp(r->param[0].u.octets, alias, sizeof(alias)) == 0)
		memcpy(r->param[0].u.octets, c->param[0].u.octets, sizeof(alias));
}

/* The request as the guest finds it: what has no input says nothing (I3). */
static void write_request(struct spec *s, const struct spec_rpc *request)
{
	struct spec_rpc r = *request;

	r.hdr = (struct optee_msg_hdr){ .cmd = request->hdr.cmd, .ret = request->hdr.ret,
					.num_params = request->hdr.num_params };
	for (uint32_t i = 0; i < r.hdr.num_params; i++)
		if (r.param[i].attr == OPTEE_MSG_ATTR_TYPE_NONE ||
		    r.param[i].attr == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT)
			memset(&r.param[i].u, 0, sizeof(r.param[i].u));
	rename_ta(s, &r);
	spec_add_request(s, &r, (uint32_t)OPTEE_MSG_ARG_SIZE(r.hdr.num_params));
}

static bool find_arg(struct spec *s, uint64_t cookie)
{
	struct spec_call *c = s->now;

	c->answer_at = c->secure_at + OPTEE_MSG_ARG_SIZE(c->params);
	if (!cookie)
		return c->fid != OPTEE_SMC_CALL_WITH_ARG;
	c->arg = spec_find_live(s, cookie, SPEC_RPC_ARG);
	/* One that answers another call's request now cannot answer this one's. */
	if (c->arg && c->arg->users)
		c->arg = NULL;
	if (!c->arg)
		return false;
	c->arg->users++;
	c->answer_at = c->arg->shadow;
	return true;
}

static void asked_cmd(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;
	uint64_t cookie = spec_pair((uint32_t)regs->a[1], regs->a[2]);
	const struct spec_rpc *shadow;

	if (!find_arg(s, cookie)) {
		c->answer_at = 0;
		hide(s, SPEC_NOTHING);
		return;
	}
	shadow = s->world->secure(s->world->ctx, c->answer_at, sizeof(*shadow));
	if (!shadow)
		return;
	c->request = *shadow;
	c->loads_ta |= c->request.hdr.cmd == OPTEE_RPC_CMD_LOAD_TA;
	c->judged = false;
	if (!judge(s)) {
		hide(s, SPEC_FAILURE);
		return;
	}
	show(s, c->request.hdr.cmd == OPTEE_RPC_CMD_SHM_ALLOC ? SPEC_ASKED_SHM_ALLOC :
	     SPEC_ASKED_CMD, OPTEE_SMC_RETURN_RPC_CMD, cookie >> 32, (uint32_t)cookie);
	write_request(s, &c->request);
}

void spec_rpc_asked(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;

	c->answer = SPEC_NOTHING;
	c->answer_at = 0;
	c->hidden = false;
	c->for_page = false;
	if ((uint32_t)regs->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR) {
		show(s, SPEC_INTERRUPTED, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0);
		return;
	}
	c->late = false;
	c->for_page = (uint32_t)regs->a[0] != OPTEE_SMC_RETURN_RPC_CMD &&
		      (uint32_t)regs->a[0] != OPTEE_SMC_RETURN_RPC_FREE;
	/* Asking again, OP-TEE has read what the last reply brought. */
	s->lists -= c->payload_lists;
	c->payload_lists = 0;
	c->payload_list.start = 0;
	switch ((uint32_t)regs->a[0]) {
	case OPTEE_SMC_RETURN_RPC_ALLOC:
		if ((uint32_t)regs->a[1] > OPTEE_MSG_PAGE_SIZE)
			hide(s, SPEC_NOTHING);
		else
			show(s, SPEC_ASKED_ALLOC, OPTEE_SMC_RETURN_RPC_ALLOC,
			     (uint32_t)regs->a[1], 0);
		break;
	case OPTEE_SMC_RETURN_RPC_FREE:
		asked_free(s, regs);
		break;
	case OPTEE_SMC_RETURN_RPC_CMD:
		asked_cmd(s, regs);
		break;
	default:
		hide(s, SPEC_NOTHING);
		break;
	}
}

/* --- The guest answers --------------------------------------------------------------------- */

static bool fetch_reply(struct spec *s)
{
	struct spec_call *c = s->now;
	uint64_t len = OPTEE_MSG_ARG_SIZE(c->request.hdr.num_params);
	uint64_t last = spec_argument_at(c, len - 1);

	spec_visit(s, spec_argument_at(c, 0));
	if (last / OPTEE_MSG_PAGE_SIZE != spec_argument_at(c, 0) / OPTEE_MSG_PAGE_SIZE)
		spec_visit(s, last);
	for (uint64_t i = 0; i < len; i++) {
		const uint8_t *image = s->world->image(s->world->ctx, spec_argument_at(c, i));

		if (!image)
			return false;
		((uint8_t *)&c->reply)[i] = *image;
	}
	return true;
}

static void check_cookie(struct spec *s, uint64_t cookie, uint32_t why)
{
	const struct spec_buffer *b = spec_find(s, cookie);

	if (b && !b->perhaps)
		s->must_refuse |= why;
	else if (b)
		s->may_refuse |= why;
}

static void replied_alloc(struct spec *s, const struct om_regs *regs)
{
	uint64_t cookie = spec_pair((uint32_t)regs->a[4], regs->a[5]);

	check_cookie(s, cookie, SPEC_WHY(REPLY));
	if (!cookie || !s->world->page(s->world->ctx,
				       spec_pair((uint32_t)regs->a[1], regs->a[2]), &s->reply_pa))
		s->must_refuse |= SPEC_WHY(REPLY);
	spec_quota(s, 1, 0, 0, 1);
}

static void replied_cmd(struct spec *s)
{
	struct spec_call *c = s->now;

	if (!fetch_reply(s) || c->reply.hdr.num_params != c->request.hdr.num_params) {
		s->must_refuse = SPEC_WHY(REPLY);
		c->answer = SPEC_FAILURE;
	}
}

/* Sharing what the guest allocated; sets what is wrong with it. */
static void take_payload(struct spec *s, const struct optee_msg_param *p)
{
	struct spec_call *c = s->now;
	const struct optee_msg_param_tmem *tmem = &p->u.tmem;
	bool list = p->attr == SPEC_LIST_ATTR;
	uint32_t pages = 1;
	uint32_t lists = 0;
	bool good;

	if (list)
		s->must_refuse |= spec_size_reasons(s, tmem->buf_ptr, tmem->size);
	if (list && !s->must_refuse) {
		pages = (uint32_t)spec_pages_of(tmem->buf_ptr, tmem->size);
		lists = (pages + OPTEE_MSG_LIST_ENTRIES - 1) / OPTEE_MSG_LIST_ENTRIES;
	}
	if (!s->must_refuse)
		spec_map_quota(s, 0, pages);
	if (!tmem->shm_ref)
		s->must_refuse |= SPEC_WHY(COOKIE) | SPEC_WHY(PAGE);
	if (!s->must_refuse)
		spec_quota(s, pages, lists, 1, 0);
	if (s->must_refuse) {
		/* A page that cannot be had at all is found out first, or after. */
		s->may_refuse |= SPEC_WHY(PAGE);
		return;
	}
	c->payload = spec_buffer_new(s, SPEC_PAYLOAD, tmem->shm_ref, tmem->size,
				     tmem->buf_ptr % OPTEE_MSG_PAGE_SIZE, pages);
	c->payload->perhaps = s->may_refuse != 0;
	c->payload_lists = lists;
	s->lists += lists;
	c->exact = true;
	good = list ? spec_walk_guest(s, tmem->buf_ptr, pages, c->payload->pa) :
	       s->world->page(s->world->ctx, tmem->buf_ptr, &c->payload->pa[0]);
	/* Of a single page it is not said how its address is wrong. */
	if (!good)
		s->must_refuse |= SPEC_WHY(PAGE) | (list ? 0 : SPEC_WHY(ADDRESS) | SPEC_WHY(PARAMS));
}

/* OP-TEE never gets it, so the guest is asked to free it again. */
static void undo(struct spec *s)
{
	struct spec_call *c = s->now;
	const uint64_t cookie = c->arg ? c->arg->cookie : 0;
	const struct spec_rpc request = {
		.hdr = { .cmd = OPTEE_RPC_CMD_SHM_FREE, .num_params = 1 },
		.param[0] = { .attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
			      .u.value = { .a = c->request.param[0].u.value.a,
					   .b = c->reply.param[0].u.tmem.shm_ref } },
	};

	spec_set_outcome(s, OPTEE_SMC_RETURN_RPC_CMD, cookie >> 32, (uint32_t)cookie, true, false);
	s->outcome.next = SPEC_ASKED_UNDO;
	write_request(s, &request);
}

static void judge_payload(struct spec *s)
{
	struct spec_call *c = s->now;
	const struct optee_msg_param *p = &c->reply.param[0];
	const uint64_t wanted = c->request.param[0].u.value.b;
	bool page;
	bool fits;

	if (!fetch_reply(s))
		return;
	page = p->attr == OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
	fits = p->u.tmem.size >= wanted &&
	       (!page || (p->u.tmem.size && p->u.tmem.size <= OPTEE_MSG_PAGE_SIZE));
	c->can_undo = false;
	if (c->reply.hdr.ret)
		return;
	if (c->reply.hdr.num_params != 1 ||
	    (p->attr & OPTEE_MSG_ATTR_TYPE_MASK) != OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT) {
		s->must_refuse = SPEC_WHY(REPLY);
		return;
	}
	check_cookie(s, p->u.tmem.shm_ref, SPEC_WHY(COOKIE));
	if (s->must_refuse)
		return;
	c->can_undo = p->u.tmem.shm_ref != 0;
	if (!p->u.tmem.buf_ptr || !fits || (!page && p->attr != SPEC_LIST_ATTR))
		s->must_refuse = SPEC_WHY(REPLY);
	else
		take_payload(s, p);
}

static void replied_shm_alloc(struct spec *s)
{
	struct spec_call *c = s->now;

	if (c->judged) {
		/* Broken off while its list was translated. */
		s->may_refuse = SPEC_WHY(PAGE) | SPEC_WHY(QUOTA) | SPEC_WHY(COOKIE) |
				SPEC_WHY(PARAMS) | SPEC_WHY(REPLY) | SPEC_WHY(ADDRESS);
		c->exact = false;
	} else {
		judge_payload(s);
		c->judged = true;
	}
	/* A cookie that is in use is not given to the guest to free. */
	s->may_enter = !s->must_refuse || !c->can_undo || s->may_refuse & SPEC_WHY(COOKIE);
	if ((s->must_refuse || s->may_refuse) && c->can_undo)
		undo(s);
}

void spec_rpc_resume(struct spec *s, const struct om_regs *regs)
{
	s->may_enter = true;
	s->must_enter = true;
	switch (s->now->pending) {
	case SPEC_ASKED_ALLOC:
		replied_alloc(s, regs);
		break;
	case SPEC_ASKED_CMD:
		replied_cmd(s);
		break;
	case SPEC_ASKED_SHM_ALLOC:
		s->must_enter = false;
		replied_shm_alloc(s);
		break;
	case SPEC_ASKED_UNDO:
		s->now->answer = SPEC_FAILURE;
		break;
	default:
		break;
	}
}

/* --- OP-TEE goes on ---------------------------------------------------------------------------- */

/*
 * No page, for who asked for one. Not 0: where the normal world's RAM begins at 0 that is
 * a page like others. OP-TEE refuses an address that is not aligned, and nothing else.
 */
static bool is_no_page(uint64_t pa)
{
	return pa % OPTEE_MSG_PAGE_SIZE != 0;
}

/* In registers. What was hidden and is not known may have been a request for a page. */
static bool is_no_answer(const struct spec_call *c, uint64_t pa)
{
	return (!pa && !c->for_page) || (c->hidden && is_no_page(pa));
}

/* What was refused under a cookie is not what has the cookie now. */
static void take_cookie(struct spec_call *c, uint64_t cookie)
{
	if (c->refused_cookie == cookie)
		c->refused_cookie = 0;
}

static void got_alloc(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;
	uint64_t pa = spec_pair(regs->a[1], regs->a[2]);
	uint64_t cookie = spec_pair(regs->a[4], regs->a[5]);
	uint64_t own = spec_pair((uint32_t)s->in.a[4], s->in.a[5]);
	const struct spec_buffer *known = spec_find(s, own);
	struct spec_buffer *b;

	if (is_no_page(pa)) {
		spec_check(s, s->must_refuse || s->may_refuse, "a good page for RPCs is not taken");
		spec_check(s, known ? cookie == 0 || (known->perhaps && cookie == own) :
			   cookie == own, "OP-TEE is told another cookie to free (I7)");
		c->refused_cookie = cookie;
		return;
	}
	spec_check(s, !s->must_refuse, "a page for RPCs is taken that must not be");
	spec_check(s, cookie == own, "an RPC argument has another cookie");
	spec_check(s, !s->world->image(s->world->ctx, pa) &&
		   s->world->secure(s->world->ctx, pa, OPTEE_MSG_PAGE_SIZE),
		   "OP-TEE gets the guest's own page for RPCs (I1, I2)");
	s->may_refuse = 0;
	take_cookie(c, own);
	b = spec_buffer_new(s, SPEC_RPC_ARG, own, OPTEE_MSG_PAGE_SIZE, 0, 1);
	b->shadow = pa;
	b->pa[0] = s->reply_pa;
	b->live = true;
	b->users = 0;
	spec_buffer_hold(s, b);
}

static bool is_out(uint64_t attr)
{
	return is_between(attr, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT);
}

static bool is_mem_out(uint64_t attr)
{
	return (is_rmem(attr) && attr != OPTEE_MSG_ATTR_TYPE_RMEM_INPUT) ||
	       (is_tmem(attr) && attr != OPTEE_MSG_ATTR_TYPE_TMEM_INPUT);
}

/* Results of a reply, by what was asked; all else is as OP-TEE left it. */
static void got_reply(struct spec *s, const struct spec_rpc *shadow, bool outputs)
{
	const struct spec_call *c = s->now;
	struct spec_rpc want = c->request;

	for (uint32_t i = 0; outputs && i < want.hdr.num_params; i++) {
		if (is_out(want.param[i].attr))
			want.param[i].u.value = c->reply.param[i].u.value;
		else if (is_mem_out(want.param[i].attr))
			want.param[i].u.rmem.size = c->reply.param[i].u.rmem.size;
	}
	want.hdr.ret = c->reply.hdr.ret;
	want.hdr.ret_origin = c->reply.hdr.ret_origin;
	spec_check(s, memcmp(&want, shadow, sizeof(want)) == 0,
		   "OP-TEE gets another reply than the guest gave (I1, I6)");
}

static void got_payload(struct spec *s, const struct spec_rpc *shadow)
{
	struct spec_call *c = s->now;
	const struct optee_msg_param *own = &c->reply.param[0];
	const struct optee_msg_param_tmem *tmem = &shadow->param[0].u.tmem;
	struct spec_buffer *b = c->payload;

	spec_check(s, b && !s->must_refuse, "OP-TEE gets a payload that must be refused");
	spec_check(s, shadow->hdr.num_params == 1 && shadow->param[0].attr == own->attr &&
		   tmem->size == own->u.tmem.size && tmem->shm_ref == own->u.tmem.shm_ref,
		   "OP-TEE gets another payload than the guest named (I1)");
	if (!b)
		return;
	s->may_refuse = 0;
	if (own->attr != SPEC_LIST_ATTR) {
		spec_check(s, tmem->buf_ptr == b->pa[0], "a payload is another page (I2)");
	} else {
		spec_check(s, tmem->buf_ptr % OPTEE_MSG_PAGE_SIZE == b->offset,
			   "a payload begins elsewhere");
		if (c->exact)
			spec_check_list(s, tmem->buf_ptr, b->pages, b->pa);
		else
			spec_read_list(s, tmem->buf_ptr, b->pages, b->pa);
		c->payload_list = (struct spec_list){ .start = tmem->buf_ptr, .size = b->pages,
						      .pa = b->pa };
	}
	b->perhaps = false;
	b->live = true;
	b->users--;
	spec_buffer_hold(s, b);
	spec_map_payload(s, c, b);
	take_cookie(c, b->cookie);
	c->payload = NULL;
}

void spec_rpc_drop(struct spec *s, struct spec_call *c)
{
	s->lists -= c->payload_lists;
	c->payload_lists = 0;
	if (!c->payload)
		return;
	spec_buffer_forget(c->payload);
	spec_buffer_put(s, c->payload);
	c->payload = NULL;
}

void spec_rpc_check_failure(struct spec *s)
{
	const struct spec_call *c = s->now;
	const struct optee_msg_hdr *hdr = NULL;

	if (c->answer_at)
		hdr = s->world->secure(s->world->ctx, c->answer_at, sizeof(*hdr));
	spec_check(s, !hdr || hdr->ret != TEEC_SUCCESS, "OP-TEE is not told of a failure (I8)");
}

static void got_answer(struct spec *s)
{
	struct spec_call *c = s->now;
	const struct spec_rpc *shadow;

	if (!c->answer_at)
		return;
	shadow = s->world->secure(s->world->ctx, c->answer_at, sizeof(*shadow));
	if (!shadow)
		return;
	if (c->pending == SPEC_ASKED_SHM_ALLOC && !c->reply.hdr.ret && !shadow->hdr.ret) {
		got_payload(s, shadow);
	} else if (c->pending == SPEC_ASKED_SHM_ALLOC && !c->reply.hdr.ret) {
		spec_check(s, s->must_refuse || s->may_refuse, "a good payload is not taken");
		spec_rpc_drop(s, c);
	} else if (c->pending == SPEC_ASKED_SHM_ALLOC) {
		got_reply(s, shadow, false);
	} else if (c->pending == SPEC_ASKED_UNDO || c->answer == SPEC_FAILURE) {
		/* Of a hidden request it was told at once: others may have its buffer now. */
		if (c->pending != SPEC_INTERRUPTED)
			spec_rpc_check_failure(s);
	} else if (c->pending == SPEC_ASKED_CMD) {
		got_reply(s, shadow, true);
	}
}

void spec_rpc_entered(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;

	spec_check(s, regs->a[0] == OPTEE_SMC_RETURN_FROM_RPC && regs->a[3] == c->thread &&
		   !regs->a[6], "OP-TEE is resumed with other registers (I6, I10)");
	spec_check(s, c->pending == SPEC_ASKED_ALLOC ||
		   (is_no_answer(c, spec_pair(regs->a[1], regs->a[2])) && !regs->a[4] &&
		    !regs->a[5]),
		   "OP-TEE is resumed with an address that it did not ask for (I2, I6)");
	/* Until the call is over, or has asked again, OP-TEE may read its lists. */
	for (uint32_t i = 0; i < c->lents; i++)
		spec_check_list(s, c->lent[i].start, (uint32_t)c->lent[i].size, c->lent[i].pa);
	if (c->payload_list.start)
		spec_check_list(s, c->payload_list.start, (uint32_t)c->payload_list.size,
				c->payload_list.pa);
	if (c->pending == SPEC_ASKED_ALLOC)
		got_alloc(s, regs);
	else
		got_answer(s);
	spec_put_arg(s, c);
	/* An undo that did not come to it. */
	s->decided = false;
}

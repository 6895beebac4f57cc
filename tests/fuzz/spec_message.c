/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification of messages: what is refused and why, what OP-TEE is shown, and what
 * the guest gets back. See spec.h. Must not know RPCs.
 */
#include "spec_priv.h"

#include <string.h>

/* docs/design.md: of a larger buffer, 32 MiB, OP-TEE has no message either. */
#define MESSAGE_BUFFER_PAGES	8192u

/* --- Where it is, and what it says ---------------------------------------------------- */

static bool locate_page(struct spec *s, const struct om_regs *regs, uint32_t *room)
{
	*room = OPTEE_MSG_PAGE_SIZE;
	return s->world->page(s->world->ctx, spec_pair((uint32_t)regs->a[1], regs->a[2]),
			      &s->now->at);
}

static bool locate_carried(struct spec *s, const struct om_regs *regs, uint32_t *room)
{
	uint64_t cookie = spec_pair((uint32_t)regs->a[1], regs->a[2]);
	struct spec_buffer *b = spec_find_live(s, cookie, SPEC_REGISTERED);
	uint32_t offset = (uint32_t)regs->a[3];
	uint64_t at;

	if (!b || offset >= b->size)
		return false;
	at = (uint64_t)b->offset + offset;
	if (at % sizeof(uint64_t) || at / OPTEE_MSG_PAGE_SIZE >= MESSAGE_BUFFER_PAGES)
		return false;
	/* More than two pages there is no use for. */
	*room = (uint32_t)spec_min(OPTEE_MSG_PAGE_SIZE, b->size - offset);
	s->now->at = b->pa[at / OPTEE_MSG_PAGE_SIZE] + at % OPTEE_MSG_PAGE_SIZE;
	if (at / OPTEE_MSG_PAGE_SIZE + 1 < b->pages)
		s->now->next = b->pa[at / OPTEE_MSG_PAGE_SIZE + 1];
	s->now->message_buffer = b;
	b->users++;
	return true;
}

/* Parameters that a command may have, as min and max; false: there is no such command. */
static bool params_of(const struct spec *s, uint32_t cmd, uint32_t *min, uint32_t *max)
{
	*min = 0;
	*max = 0;
	switch (cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		*min = OPTEE_MSG_META_PARAMS;
		*max = SPEC_PARAMS;
		return true;
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		*max = OPTEE_MSG_CALL_PARAMS;
		return true;
	case OPTEE_MSG_CMD_REGISTER_SHM:
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		*min = 1;
		*max = 1;
		return true;
	case OPTEE_MSG_CMD_CLOSE_SESSION:
	case OPTEE_MSG_CMD_CANCEL:
		return true;
	case OPTEE_MSG_CMD_DO_BOTTOM_HALF:
	case OPTEE_MSG_CMD_STOP_ASYNC_NOTIF:
		return s->config.async;
	default:
		return false;
	}
}

static uint64_t type_of(const struct optee_msg_param *p)
{
	return p->attr & OPTEE_MSG_ATTR_TYPE_MASK;
}

static bool is_value_out(const struct optee_msg_param *p)
{
	return type_of(p) == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT ||
	       type_of(p) == OPTEE_MSG_ATTR_TYPE_VALUE_INOUT;
}

static bool is_rmem(const struct optee_msg_param *p)
{
	return type_of(p) >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT &&
	       type_of(p) <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

/* NULL memory, as those write it who name memory by cookie only. */
static bool is_null_rmem(const struct optee_msg_param *p)
{
	return is_rmem(p) && !p->u.rmem.offs && !p->u.rmem.size && !p->u.rmem.shm_ref;
}

static bool is_tmem(const struct optee_msg_param *p)
{
	return type_of(p) >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT &&
	       type_of(p) <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
}

static bool is_list(const struct optee_msg_param *p)
{
	return is_tmem(p) && p->u.tmem.buf_ptr != 0;
}

static bool is_mem_out(const struct optee_msg_param *p)
{
	return (is_rmem(p) && type_of(p) != OPTEE_MSG_ATTR_TYPE_RMEM_INPUT) ||
	       (is_tmem(p) && type_of(p) != OPTEE_MSG_ATTR_TYPE_TMEM_INPUT);
}

/* A parameter of a call, as the guest may write it. */
static bool is_good(const struct optee_msg_param *p)
{
	uint64_t known = OPTEE_MSG_ATTR_TYPE_MASK | OPTEE_MSG_ATTR_CACHE_MASK;

	if (is_tmem(p))
		return !(p->attr & ~(known | OPTEE_MSG_ATTR_NONCONTIG)) &&
		       (p->attr & OPTEE_MSG_ATTR_NONCONTIG || !p->u.tmem.buf_ptr);
	return !(p->attr & ~known) &&
	       (type_of(p) <= OPTEE_MSG_ATTR_TYPE_VALUE_INOUT || is_rmem(p));
}

static uint32_t first_param(const struct spec_call *c)
{
	return c->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION ? OPTEE_MSG_META_PARAMS : 0;
}

static bool params_are_good(const struct spec_call *c)
{
	const uint64_t meta = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;

	if (c->hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM)
		return c->param[0].attr == SPEC_LIST_ATTR && c->param[0].u.tmem.buf_ptr;
	if (c->hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
		return true;
	for (uint32_t i = 0; i < first_param(c); i++)
		if (c->param[i].attr != meta)
			return false;
	for (uint32_t i = first_param(c); i < c->params; i++)
		if (!is_good(&c->param[i]))
			return false;
	return true;
}

/* Copies a part of it; false: that is not the guest's RAM. */
static bool copy_message(struct spec *s, uint64_t offset, void *to, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		const uint8_t *at = s->world->image(s->world->ctx,
						    spec_message_at(s->now, offset + i));

		if (!at)
			return false;
		((uint8_t *)to)[i] = *at;
	}
	return true;
}

/* Copies it; what is wrong with it in itself. */
static uint32_t read_message(struct spec *s, uint32_t room)
{
	struct spec_call *c = s->now;
	uint32_t min, max;
	uint64_t size;
	bool known;

	if (room < sizeof(c->hdr) || !copy_message(s, 0, &c->hdr, sizeof(c->hdr)))
		return SPEC_WHY(ADDRESS);
	spec_visit(s, c->at);
	known = params_of(s, c->hdr.cmd, &min, &max);
	size = OPTEE_MSG_ARG_SIZE(c->hdr.num_params);
	if (c->fid != OPTEE_SMC_CALL_WITH_ARG)
		size += OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS);
	/* OP-TEE does not take what is not all there: thread_optee_smc.c, get_msg_arg(). */
	if (c->hdr.num_params <= max && size > room)
		return SPEC_WHY(ADDRESS);
	if (!known)
		return SPEC_WHY(COMMAND);
	if (c->hdr.num_params < min || c->hdr.num_params > max)
		return SPEC_WHY(PARAMS);
	c->params = c->hdr.num_params;
	if (!copy_message(s, sizeof(c->hdr), c->param, c->params * sizeof(c->param[0])))
		return SPEC_WHY(ADDRESS);
	if (spec_message_at(c, size - 1) != c->at + size - 1)
		spec_visit(s, c->next);
	return params_are_good(c) ? 0 : SPEC_WHY(PARAMS);
}

/* --- The memory it names ----------------------------------------------------------------- */

static void look_at_rmem(struct spec *s, const struct optee_msg_param_rmem *rmem,
			 uint64_t *call_pages)
{
	struct spec_call *c = s->now;
	struct spec_buffer *b = spec_find_live(s, rmem->shm_ref, SPEC_REGISTERED);

	if (!b) {
		s->must_refuse |= SPEC_WHY(COOKIE);
		return;
	}
	if (rmem->offs > b->size || rmem->size > b->size - rmem->offs)
		s->must_refuse |= SPEC_WHY(RANGE);
	*call_pages += b->pages;
	b->users++;
	c->held[c->helds++] = b;
}

static void look_at_list(struct spec *s, const struct optee_msg_param_tmem *tmem,
			 uint64_t *call_pages)
{
	struct spec_call *c = s->now;
	uint64_t *pa = &c->lent_pa[c->lent_pages];
	uint32_t why = spec_size_reasons(s, tmem->buf_ptr, tmem->size);
	uint32_t n;

	if (why) {
		s->must_refuse |= why;
		return;
	}
	n = (uint32_t)spec_pages_of(tmem->buf_ptr, tmem->size);
	*call_pages += n;
	if (c->lent_pages + n > SPEC_PAGES) {
		s->must_refuse |= SPEC_WHY(QUOTA);
		return;
	}
	if (!spec_walk_guest(s, tmem->buf_ptr, n, pa))
		s->must_refuse |= SPEC_WHY(PAGE);
	c->lent[c->lents++] = (struct spec_list){ .size = n, .pa = pa };
	c->lent_pages += n;
	c->lists += (n + OPTEE_MSG_LIST_ENTRIES - 1) / OPTEE_MSG_LIST_ENTRIES;
}

static void look_at_memory(struct spec *s)
{
	struct spec_call *c = s->now;
	uint64_t call_pages = 0;

	for (uint32_t i = first_param(c); i < c->params; i++)
		if (is_rmem(&c->param[i]) && !is_null_rmem(&c->param[i]))
			look_at_rmem(s, &c->param[i].u.rmem, &call_pages);
		else if (is_list(&c->param[i]))
			look_at_list(s, &c->param[i].u.tmem, &call_pages);
	spec_map_quota(s, call_pages, 0);
	c->named_pages = (uint32_t)spec_min(call_pages, UINT32_MAX);
	if (c->lents)
		spec_quota(s, c->lent_pages, c->lists, 0, 0);
}

static void check_new_cookie(struct spec *s, uint64_t cookie)
{
	const struct spec_buffer *b = spec_find(s, cookie);

	if (!cookie || (b && !b->perhaps))
		s->must_refuse |= SPEC_WHY(COOKIE);
	else if (b)
		s->may_refuse |= SPEC_WHY(COOKIE);
}

static void look_at_register(struct spec *s)
{
	struct spec_call *c = s->now;
	const struct optee_msg_param_tmem *tmem = &c->param[0].u.tmem;
	uint32_t n;

	check_new_cookie(s, tmem->shm_ref);
	s->must_refuse |= spec_size_reasons(s, tmem->buf_ptr, tmem->size);
	if (s->must_refuse)
		return;
	n = (uint32_t)spec_pages_of(tmem->buf_ptr, tmem->size);
	c->lists = (n + OPTEE_MSG_LIST_ENTRIES - 1) / OPTEE_MSG_LIST_ENTRIES;
	spec_quota(s, n, c->lists, 1, 0);
	if (s->must_refuse)
		return;
	c->target = spec_buffer_new(s, SPEC_REGISTERED, tmem->shm_ref, tmem->size,
				     tmem->buf_ptr % OPTEE_MSG_PAGE_SIZE, n);
	c->target->perhaps = s->may_refuse != 0;
	s->lists += c->lists;
	if (!spec_walk_guest(s, tmem->buf_ptr, n, c->target->pa))
		s->must_refuse |= SPEC_WHY(PAGE);
}

/* UNREGISTER waits for calls that are on their way to OP-TEE with the buffer. */
static void look_at_unregister(struct spec *s)
{
	const struct spec_buffer *b = spec_find_live(s, s->now->param[0].u.rmem.shm_ref,
						     SPEC_REGISTERED);

	if (!b) {
		s->must_refuse |= SPEC_WHY(COOKIE);
		return;
	}
	/* No input is long enough for it to be refused because it waited too long. */
	for (uint32_t i = 0; i < SPEC_CALLS; i++) {
		const struct spec_call *c = &s->call[i];

		for (uint32_t n = 0; c->used && c->entering && n < c->helds; n++)
			s->must_wait |= c->held[n] == b;
	}
}

static void look(struct spec *s)
{
	struct spec_call *c = s->now;

	spec_session_begin(s);
	switch (c->hdr.cmd) {
	case OPTEE_MSG_CMD_REGISTER_SHM:
		look_at_register(s);
		break;
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		look_at_unregister(s);
		break;
	default:
		look_at_memory(s);
		break;
	}
	s->may_enter = !s->must_wait;
}

void spec_message_begin(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;
	bool carried = c->fid == OPTEE_SMC_CALL_WITH_REGD_ARG;
	uint32_t room = 0;
	uint32_t why;

	c->exact = true;
	if (!(carried ? locate_carried(s, regs, &room) : locate_page(s, regs, &room))) {
		s->must_refuse = SPEC_WHY(ADDRESS);
		return;
	}
	why = read_message(s, room);
	if (why)
		s->must_refuse = why;
	else
		look(s);
}

void spec_message_again(struct spec *s)
{
	struct spec_call *c = s->now;

	if (c->ready) {
		s->must_enter = true;
		s->may_enter = true;
		return;
	}
	if (c->hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM) {
		if (c->target)
			s->may_enter = true;
		else
			look(s);
		return;
	}
	if (c->hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION) {
		spec_session_wait(s);
		s->may_enter = !s->must_wait;
		return;
	}
	/* The list may have changed meanwhile, and what others share. */
	c->exact = false;
	s->may_enter = true;
	s->may_refuse = SPEC_WHY(PAGE) | SPEC_WHY(QUOTA) | SPEC_WHY(PARAMS) | SPEC_WHY(COOKIE);
}

void spec_message_policy(struct spec *s, const struct om_request *r)
{
	const struct spec_call *c = s->now;
	bool opens = c->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION;
	const struct spec_session *session = c->closes ? c->closes : c->session;
	static const uint8_t none[16];
	const uint8_t *ta = opens ? c->param[0].u.octets : session ? session->ta : none;

	spec_check(s, r->cmd == c->hdr.cmd && r->func == c->hdr.func &&
		   r->session == (session ? session->id : 0),
		   "the policy is asked about another request");
	spec_check(s, memcmp(r->ta_uuid, ta, 16) == 0, "the policy is asked about another TA");
	spec_check(s, memcmp(r->client_uuid, opens ? c->param[1].u.octets : none, 16) == 0 &&
		   r->login == (opens ? (uint32_t)c->param[1].u.value.c : 0),
		   "the policy is asked about another session");
	spec_check(s, r->sessions == (opens ? spec_sessions_of(s, ta) : 0),
		   "the policy is told another number of sessions");
}

/* --- What OP-TEE gets -------------------------------------------------------------------- */

static void check_header(struct spec *s, const struct optee_msg_hdr *hdr)
{
	const struct optee_msg_hdr *own = &s->now->hdr;

	spec_check(s, hdr->cmd == own->cmd && hdr->func == own->func &&
		   hdr->session == own->session && hdr->cancel_id == own->cancel_id &&
		   hdr->num_params == own->num_params,
		   "OP-TEE gets another header than the guest wrote (I1)");
	spec_check(s, !hdr->pad && !hdr->ret && !hdr->ret_origin,
		   "OP-TEE gets a header that is not clean");
}

static bool same_value(const struct optee_msg_param *a, const struct optee_msg_param *b)
{
	return memcmp(&a->u, &b->u, sizeof(a->u)) == 0;
}

static bool is_clean(const struct optee_msg_param *p)
{
	static const struct optee_msg_param zero;

	return same_value(p, &zero);
}

static void enter_list(struct spec *s, const struct optee_msg_param_tmem *shown,
		       const struct optee_msg_param_tmem *own, uint64_t cookie,
		       uint64_t *pa, uint32_t n)
{
	spec_check(s, shown->size == own->size && shown->shm_ref == cookie &&
		   shown->buf_ptr % OPTEE_MSG_PAGE_SIZE == own->buf_ptr % OPTEE_MSG_PAGE_SIZE,
		   "OP-TEE gets another buffer than the guest shared (I2, I7)");
	if (s->now->exact)
		spec_check_list(s, shown->buf_ptr, n, pa);
	else
		spec_read_list(s, shown->buf_ptr, n, pa);
}

/* OP-TEE is asked for the TA by the name that it has for it. */
static void enter_ta(struct spec *s, const struct optee_msg_param *shown,
		     const struct optee_msg_param *own)
{
	struct optee_msg_param want = *own;

	spec_alias(own->u.octets, want.u.octets);
	spec_check(s, same_value(shown, &want), "OP-TEE is not asked for the TA's alias");
}

static void enter_param(struct spec *s, const struct optee_msg_param *shown, uint32_t i,
			uint32_t *list)
{
	struct spec_call *c = s->now;
	const struct optee_msg_param *own = &c->param[i];
	uint64_t attr = i < first_param(c) ? own->attr :
			own->attr & ~(uint64_t)OPTEE_MSG_ATTR_CACHE_MASK;

	/* OP-TEE must not look up a cookie that nobody has given. */
	if (i >= first_param(c) && is_null_rmem(own))
		attr += OPTEE_MSG_ATTR_TYPE_TMEM_INPUT - OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	spec_check(s, shown->attr == attr, "OP-TEE gets another attribute (I1, I8)");
	if (i == 0 && s->config.aliases && c->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		enter_ta(s, shown, own);
		return;
	}
	if (i >= first_param(c) && is_list(own)) {
		struct spec_list *l = &c->lent[(*list)++];

		l->start = shown->u.tmem.buf_ptr;
		enter_list(s, &shown->u.tmem, &own->u.tmem, 0,
			   &c->lent_pa[l->pa - c->lent_pa], (uint32_t)l->size);
		return;
	}
	/* What has no input may be shown as nothing. */
	if ((type_of(own) == OPTEE_MSG_ATTR_TYPE_NONE ||
	     type_of(own) == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT) && is_clean(shown))
		return;
	if (is_tmem(own)) {
		spec_check(s, shown->u.tmem.buf_ptr == 0 && shown->u.tmem.size == own->u.tmem.size,
			   "OP-TEE gets memory for a NULL reference (I2)");
		return;
	}
	spec_check(s, same_value(shown, own), "OP-TEE gets another value than the guest wrote (I1)");
}

static void enter_register(struct spec *s, const struct optee_msg_param *shown)
{
	struct spec_call *c = s->now;

	spec_check(s, shown->attr == c->param[0].attr, "REGISTER_SHM has another attribute");
	if (!c->target)
		return;
	c->target->perhaps = false;
	c->lent[0] = (struct spec_list){ .start = shown->u.tmem.buf_ptr,
					 .size = c->target->pages, .pa = c->target->pa };
	c->lents = 1;
	enter_list(s, &shown->u.tmem, &c->param[0].u.tmem, c->target->cookie, c->target->pa,
		   c->target->pages);
	spec_buffer_hold(s, c->target);
}

void spec_message_claim(struct spec *s)
{
	struct spec_call *c = s->now;
	struct spec_buffer *b = spec_find_live(s, c->param[0].u.rmem.shm_ref, SPEC_REGISTERED);

	if (!b || c->target || c->hdr.cmd != OPTEE_MSG_CMD_UNREGISTER_SHM)
		return;
	c->target = b;
	b->live = false;
	b->users++;
}

static void enter_unregister(struct spec *s, const struct optee_msg_param *shown)
{
	spec_check(s, shown->u.rmem.shm_ref == s->now->param[0].u.rmem.shm_ref,
		   "another buffer is unregistered");
	spec_message_claim(s);
}

void spec_message_entered(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;
	bool inline_rpc = c->fid != OPTEE_SMC_CALL_WITH_ARG;
	const uint64_t pa = spec_pair(regs->a[1], regs->a[2]);
	const struct optee_msg_hdr *hdr = s->world->secure(s->world->ctx, pa, OPTEE_MSG_PAGE_SIZE);
	const struct optee_msg_param *param = (const void *)(hdr + 1);
	uint32_t list = 0;

	spec_check(s, regs->a[0] == (inline_rpc ? OPTEE_SMC_CALL_WITH_RPC_ARG :
				     OPTEE_SMC_CALL_WITH_ARG) && !regs->a[3] && !regs->a[4] &&
		   !regs->a[5] && !regs->a[6], "a call has other registers (I10)");
	spec_check(s, !s->config.policy || s->policy_asked || c->resumed,
		   "the policy was not asked");
	c->secure_at = pa;
	if (!hdr)
		return;
	check_header(s, hdr);
	for (uint32_t i = 0; i < c->params; i++) {
		if (c->hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			enter_register(s, &param[i]);
		else if (c->hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
			enter_unregister(s, &param[i]);
		else
			enter_param(s, &param[i], i, &list);
	}
	if (c->ready || c->hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM)
		return;
	s->pages += c->lent_pages;
	s->lists += c->lists;
	spec_lent_hold(s, c);
}

/* --- What comes back ----------------------------------------------------------------------- */

static void settle_session(struct spec *s, const struct optee_msg_hdr *shadow)
{
	struct spec_call *c = s->now;

	/* Whatever it says of it, a session that OP-TEE was told to close is closed. */
	if (c->hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		spec_session_closed(c);
	else if (c->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION && shadow->ret == TEEC_SUCCESS)
		spec_session_opened(s, shadow->session);
	spec_session_undo(s, c);
}

static void settle(struct spec *s, bool success)
{
	struct spec_call *c = s->now;
	bool registers = c->hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM;

	if (!c->target)
		return;
	if (success == registers) {
		c->target->live = true;
		return;
	}
	spec_buffer_release(s, c->target);
	spec_buffer_forget(c->target);
}

static void put_outputs(struct spec *s, const struct optee_msg_param *shadow)
{
	struct spec_call *c = s->now;

	if (c->hdr.cmd != OPTEE_MSG_CMD_OPEN_SESSION &&
	    c->hdr.cmd != OPTEE_MSG_CMD_INVOKE_COMMAND)
		return;
	for (uint32_t i = first_param(c); i < c->params; i++) {
		uint64_t at = OPTEE_MSG_ARG_SIZE(i);

		if (is_value_out(&c->param[i]))
			spec_add_result(s, at + offsetof(struct optee_msg_param, u.value.a),
					&shadow[i].u.value.a, 2 * sizeof(uint64_t));
		else if (is_mem_out(&c->param[i]))
			spec_add_result(s, at + offsetof(struct optee_msg_param, u.rmem.size),
					&shadow[i].u.rmem.size, sizeof(uint64_t));
	}
}

void spec_message_finished(struct spec *s)
{
	struct spec_call *c = s->now;
	const struct optee_msg_hdr *hdr = s->world->secure(s->world->ctx, c->secure_at,
							   OPTEE_MSG_PAGE_SIZE);
	uint32_t cmd = c->hdr.cmd;

	if (!hdr)
		return;
	spec_lent_release(s, c);
	settle(s, hdr->ret == TEEC_SUCCESS);
	settle_session(s, hdr);
	spec_set_outcome(s, OPTEE_SMC_RETURN_OK, 0, 0, false, true);
	put_outputs(s, (const void *)(hdr + 1));
	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		spec_add_result(s, offsetof(struct optee_msg_hdr, session), &hdr->session,
				sizeof(hdr->session));
	spec_add_result(s, offsetof(struct optee_msg_hdr, ret), &hdr->ret,
			sizeof(hdr->ret) + sizeof(hdr->ret_origin));
	if (cmd == OPTEE_MSG_CMD_STOP_ASYNC_NOTIF && hdr->ret == TEEC_SUCCESS)
		s->notified = false;
}

void spec_message_failed(struct spec *s)
{
	spec_lent_release(s, s->now);
	settle(s, false);
	spec_session_undo(s, s->now);
}

void spec_call_end(struct spec *s, struct spec_call *c)
{
	bool charged = c->secure_at && c->hdr.cmd != OPTEE_MSG_CMD_REGISTER_SHM;

	for (uint32_t i = 0; i < c->helds; i++)
		spec_buffer_put(s, c->held[i]);
	if (c->message_buffer)
		spec_buffer_put(s, c->message_buffer);
	if (c->arg)
		spec_buffer_put(s, c->arg);
	spec_rpc_drop(s, c);
	spec_session_undo(s, c);
	if (c->target) {
		if (!c->secure_at && c->hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			spec_buffer_forget(c->target);
		spec_buffer_put(s, c->target);
		if (c->hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			s->lists -= c->lists;
	}
	if (charged) {
		s->pages -= c->lent_pages;
		s->lists -= c->lists;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification: an SMC from its beginning to its end. See spec.h. Must not know what
 * is in a message or a request.
 */
#include "spec_priv.h"

#include <string.h>

bool spec_check(struct spec *s, bool good, const char *what)
{
	if (!good && !s->world->excused(s->world->ctx))
		s->world->fail(s->world->ctx, what);
	return good;
}

/* --- Outcomes ----------------------------------------------------------------------- */

void spec_set_outcome(struct spec *s, uint64_t a0, uint64_t a1, uint64_t a2, bool id, bool ends)
{
	memset(&s->outcome, 0, sizeof(s->outcome));
	s->outcome.a[0] = a0;
	s->outcome.a[1] = a1;
	s->outcome.a[2] = a2;
	s->outcome.id_in_a3 = id;
	s->outcome.ends = ends;
	s->decided = true;
}

void spec_add_write(struct spec *s, uint64_t pa, const void *data, uint32_t len)
{
	struct spec_outcome *o = &s->outcome;

	o->write[o->writes].pa = pa;
	o->write[o->writes].len = len;
	o->write[o->writes].from = o->used;
	memcpy(&o->data[o->used], data, len);
	o->used += len;
	o->writes++;
}

uint64_t spec_message_at(const struct spec_call *c, uint64_t offset)
{
	uint64_t pa = c->at + offset;

	return pa / OPTEE_MSG_PAGE_SIZE == c->at / OPTEE_MSG_PAGE_SIZE ? pa :
	       c->next + pa % OPTEE_MSG_PAGE_SIZE;
}

uint64_t spec_argument_at(const struct spec_call *c, uint64_t offset)
{
	return c->arg ? c->arg->pa[0] + offset :
	       spec_message_at(c, OPTEE_MSG_ARG_SIZE(c->params) + offset);
}

/* Words of 4 bytes never lie in two pages; neighbours are written as one. */
static void add_words(struct spec *s, uint64_t (*at)(const struct spec_call *, uint64_t),
		      uint64_t offset, const uint8_t *data, uint32_t len)
{
	const uint32_t word = sizeof(uint32_t);
	uint32_t from = 0;

	for (uint32_t i = word; i <= len; i += word)
		if (i == len || at(s->now, offset + i) != at(s->now, offset + i - word) + word) {
			spec_add_write(s, at(s->now, offset + from), data + from, i - from);
			from = i;
		}
}

void spec_add_result(struct spec *s, uint64_t offset, const void *data, uint32_t len)
{
	add_words(s, spec_message_at, offset, data, len);
}

void spec_add_request(struct spec *s, const void *data, uint32_t len)
{
	add_words(s, spec_argument_at, 0, data, len);
}

static void apply_writes(struct spec *s, struct spec_outcome *o)
{
	for (uint32_t i = 0; i < o->writes; i++) {
		uint8_t *at = s->world->image(s->world->ctx, o->write[i].pa);

		if (spec_check(s, at, "the outcome lies outside of the guest's memory"))
			memcpy(at, &o->data[o->write[i].from], o->write[i].len);
	}
	o->writes = 0;
}

bool spec_others_paused(const struct spec *s)
{
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used && (s->call[i].paused || s->call[i].late))
			return true;
	return false;
}

bool spec_is_settled(const struct spec *s)
{
	return !spec_others_paused(s);
}

uint32_t spec_calls(const struct spec *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		n += s->call[i].used;
	return n;
}

uint32_t spec_calls_under_way(const struct spec *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		n += s->call[i].used && !(s->call[i].pending == SPEC_HELD_BACK &&
					  s->call[i].held_back.ends);
	return n;
}

const struct spec_call *spec_suspended(const struct spec *s, uint32_t n)
{
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used && n-- == 0)
			return &s->call[i];
	return NULL;
}

uint64_t spec_pinned(const struct spec *s)
{
	uint64_t n = s->pages;

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		n += s->call[i].used && s->call[i].fid != OPTEE_SMC_CALL_WITH_REGD_ARG;
	return n;
}

/* --- An SMC ------------------------------------------------------------------------------ */

/* Once for each SMC: nothing counts between two of them. */
static void read_counters(struct spec *s)
{
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		s->after[i] = s->world->counter(s->world->ctx, (enum om_counter)i);
}

void spec_begin(struct spec *s, const struct spec_world *world, const struct spec_config *config)
{
	memset(s, 0, offsetof(struct spec, pa));
	s->world = world;
	s->config = *config;
	if (!s->config.limits.mapped_pages)
		s->config.limits.mapped_pages = OM_MAPPED_PAGES_DEFAULT;
	if (!s->config.limits.call_pages)
		s->config.limits.call_pages = s->config.limits.mapped_pages;
	if (!s->config.limits.sessions)
		s->config.limits.sessions = OM_SESSIONS_DEFAULT;
	read_counters(s);
}

void spec_restart(struct spec *s)
{
	const struct spec_config config = s->config;
	const struct spec_world *world = s->world;
	uint32_t old[SPEC_OLD_IDS];

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used)
			s->old_ids[s->ended++ % SPEC_OLD_IDS] = s->call[i].id;
	memcpy(old, s->old_ids, sizeof(old));
	spec_begin(s, world, &config);
	memcpy(s->old_ids, old, sizeof(old));
}

void spec_end(struct spec *s)
{
	for (uint32_t i = 0; i < SPEC_BUFFERS; i++)
		spec_buffer_release(s, &s->buffer[i]);
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		spec_lent_release(s, &s->call[i]);
}

static void refuse_smc(struct spec *s, uint32_t code, uint32_t why)
{
	s->smc = SPEC_REFUSED;
	s->must_refuse = why;
	spec_set_outcome(s, code, 0, 0, false, false);
}

static void begin(struct spec *s)
{
	uint32_t i = 0;

	if (spec_calls(s) >= s->config.limits.threads) {
		refuse_smc(s, OPTEE_SMC_RETURN_ETHREAD_LIMIT, SPEC_WHY(THREADS));
		return;
	}
	while (s->call[i].used)
		i++;
	s->smc = SPEC_BEGIN;
	s->now = &s->call[i];
	memset(s->now, 0, offsetof(struct spec_call, lent_pa));
	s->now->used = true;
	s->now->fid = s->fid;
	s->now->entering = true;
	s->now->serial = ++s->begun;
	spec_message_begin(s, &s->in);
}

static void resume(struct spec *s)
{
	uint32_t id = (uint32_t)s->in.a[3];
	struct spec_call *c = NULL;

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used && s->call[i].id == id)
			c = &s->call[i];
	if (!c) {
		refuse_smc(s, OPTEE_SMC_RETURN_ERESUME, SPEC_WHY(RESUME));
		return;
	}
	s->smc = SPEC_RESUME;
	s->now = c;
	c->resumed = true;
	c->paused = false;
	if (c->pending == SPEC_HELD_BACK) {
		s->outcome = c->held_back;
		s->decided = true;
	} else if (c->pending == SPEC_LOADING) {
		spec_message_again(s);
	} else {
		spec_rpc_resume(s, &s->in);
	}
}

void spec_guest_enters(struct spec *s, const struct om_regs *regs, bool yields)
{
	memcpy(s->before, s->after, sizeof(s->before));
	s->in = *regs;
	s->fid = (uint32_t)regs->a[0] & ~SMCCC_FID_SVE_HINT;
	s->yields = yields;
	s->now = NULL;
	s->entered = 0;
	s->may_enter = false;
	s->must_enter = false;
	s->must_refuse = 0;
	s->may_refuse = 0;
	s->must_hide = 0;
	s->must_wait = false;
	s->decided = false;
	s->read_twice = false;
	s->visits = 0;
	s->policy_asked = false;
	if (s->dead) {
		s->smc = SPEC_REFUSED;
		spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
	} else if (s->fid == OPTEE_SMC_RETURN_FROM_RPC) {
		resume(s);
	} else if (s->fid == OPTEE_SMC_CALL_WITH_ARG ||
		   ((s->fid == OPTEE_SMC_CALL_WITH_RPC_ARG ||
		     s->fid == OPTEE_SMC_CALL_WITH_REGD_ARG) && s->config.rpc_arg)) {
		begin(s);
	} else if (s->fid == OPTEE_SMC_CALL_WITH_RPC_ARG ||
		   s->fid == OPTEE_SMC_CALL_WITH_REGD_ARG) {
		refuse_smc(s, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, SPEC_WHY(FUNCTION));
	} else {
		spec_fast_enters(s);
	}
}

void spec_secure_enters(struct spec *s, const struct om_regs *regs)
{
	s->entered++;
	if (s->smc == SPEC_FAST) {
		spec_fast_entered(s, regs);
		return;
	}
	spec_check(s, s->smc == SPEC_BEGIN || s->smc == SPEC_RESUME,
		   "OP-TEE is entered for an SMC that was to be refused (I8)");
	if (!s->now)
		return;
	spec_check(s, s->entered == 1, "OP-TEE is entered twice for one SMC of the guest");
	spec_check(s, s->may_enter, "OP-TEE is entered when it must not be");
	spec_check(s, s->now->pending != SPEC_LOADING || !s->must_refuse,
		   "OP-TEE is entered with a message that is refused (I8)");
	if (s->now->pending == SPEC_LOADING) {
		s->may_refuse = 0;
		spec_message_entered(s, regs);
	} else {
		spec_rpc_entered(s, regs);
	}
	spec_session_entered(s);
}

static void secure_failed(struct spec *s, uint32_t code)
{
	struct spec_call *c = s->now;
	bool busy = code == OPTEE_SMC_RETURN_ETHREAD_LIMIT || code == OPTEE_SMC_RETURN_EBUSY;

	/* Told to wait only while another one is under way, and never under an id. */
	if (busy && !c->entered && (c->resumed || c->lists || spec_calls_under_way(s) == 1)) {
		c->ready = true;
		spec_set_outcome(s, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0, true, false);
		return;
	}
	if (code > OPTEE_SMC_RETURN_ENOTAVAIL || (busy && c->entered))
		code = OPTEE_SMC_RETURN_ENOTAVAIL;
	spec_message_failed(s);
	spec_set_outcome(s, code, 0, 0, false, true);
}

void spec_secure_returns(struct spec *s, const struct om_regs *regs)
{
	uint32_t code = (uint32_t)regs->a[0];

	if (s->smc == SPEC_FAST) {
		spec_fast_returned(s, regs);
		return;
	}
	if (!s->now)
		return;
	if (code == OPTEE_SMC_RETURN_OK) {
		spec_message_finished(s);
	} else if (code >> 16 == 0xffffu && code != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION) {
		s->now->entered = true;
		s->now->thread = (uint32_t)regs->a[3];
		spec_rpc_asked(s, regs);
	} else {
		secure_failed(s, code);
	}
}

void spec_policy(struct spec *s, const struct om_request *request, uint32_t code)
{
	spec_check(s, s->config.policy && s->now && s->smc != SPEC_REFUSED,
		   "the policy is asked about nothing");
	if (!s->now)
		return;
	spec_message_policy(s, request);
	spec_check(s, !s->policy_asked && s->smc == SPEC_BEGIN && !s->entered,
		   "the policy is not asked once before OP-TEE sees it");
	spec_check(s, !(s->must_refuse & SPEC_WHY(SESSION)),
		   "the policy is asked about a session that is not open");
	s->policy_asked = true;
	s->policy_code = code;
	if (code)
		s->must_refuse |= SPEC_WHY(POLICY);
}

/* --- What the guest gets --------------------------------------------------------------------- */

static void check_id(struct spec *s, uint32_t id)
{
	const struct spec_call *c = s->now;

	if (c->id) {
		spec_check(s, id == c->id, "a call's id has changed (I6)");
		return;
	}
	spec_check(s, id != 0 && id != UINT32_MAX, "a call's id is no id");
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		spec_check(s, !s->call[i].used || s->call[i].id != id, "two calls have one id (I6)");
	for (uint32_t i = 0; i < SPEC_OLD_IDS; i++)
		spec_check(s, !id || s->old_ids[i] != id, "an id is used again (I6)");
}

static bool is_interrupt(const struct om_regs *regs)
{
	return regs->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR && !regs->a[1] && !regs->a[2];
}

static bool is_outcome(const struct spec *s, const struct om_regs *regs)
{
	const struct spec_outcome *o = &s->outcome;

	return s->decided && regs->a[0] == o->a[0] && regs->a[1] == o->a[1] &&
	       regs->a[2] == o->a[2] && (o->id_in_a3 || regs->a[3] == o->a[3]);
}

static uint32_t smc_code(enum om_counter why)
{
	switch (why) {
	case OM_COUNT_REFUSED_ADDRESS:
		return OPTEE_SMC_RETURN_EBADADDR;
	case OM_COUNT_REFUSED_COMMAND:
		return OPTEE_SMC_RETURN_EBADCMD;
	default:
		return OPTEE_SMC_RETURN_OK;
	}
}

static uint32_t ret_code(const struct spec *s, enum om_counter why)
{
	switch (why) {
	case OM_COUNT_REFUSED_RANGE:
		return TEEC_ERROR_SECURITY;
	case OM_COUNT_REFUSED_QUOTA:
		return TEEC_ERROR_OUT_OF_MEMORY;
	case OM_COUNT_REFUSED_POLICY:
		return s->policy_code;
	case OM_COUNT_REFUSED_SESSION:
		/* As OP-TEE says it itself. */
		return s->now->hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION ?
		       TEEC_ERROR_ITEM_NOT_FOUND : TEEC_ERROR_BAD_PARAMETERS;
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

static uint32_t ret_origin(enum om_counter why)
{
	return why == OM_COUNT_REFUSED_SESSION ? TEEC_ORIGIN_TEE : TEEC_ORIGIN_COMMS;
}

/* ret, and the origin of it. */
static uint64_t told_at(const struct spec_call *c, uint32_t i)
{
	return spec_message_at(c, offsetof(struct optee_msg_hdr, ret) + i * sizeof(uint32_t));
}

/* A message that OP-TEE never saw: one of the reasons must be what the guest is told. */
static void check_refused(struct spec *s, uint64_t a0)
{
	const struct spec_call *c = s->now;
	uint32_t told[2] = { 0, 0 };
	bool good = false;

	for (uint32_t i = 0; a0 == OPTEE_SMC_RETURN_OK && c->at && i < 2; i++)
		memcpy(&told[i], s->world->actual(s->world->ctx, told_at(c, i)), sizeof(told[i]));
	for (uint32_t i = 0; i < SPEC_REASONS; i++) {
		enum om_counter why = (enum om_counter)(OM_COUNT_REFUSED_FUNCTION + i);

		if (!((s->must_refuse | s->may_refuse) & (1u << i)))
			continue;
		good |= a0 == smc_code(why) &&
			(smc_code(why) || (c->at && told[0] == ret_code(s, why) &&
					   told[1] == ret_origin(why)));
	}
	if (!spec_check(s, good, "a message is not answered as it should be") ||
	    a0 != OPTEE_SMC_RETURN_OK)
		return;
	for (uint32_t i = 0; i < 2; i++) {
		uint8_t *image = s->world->image(s->world->ctx, told_at(c, i));

		if (image)
			memcpy(image, &told[i], sizeof(told[i]));
	}
}

static uint64_t since(const struct spec *s, enum om_counter which)
{
	return s->after[which] - s->before[which];
}

static uint64_t refusals(const struct spec *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < SPEC_REASONS; i++)
		if (spec_is_reason(OM_COUNT_REFUSED_FUNCTION + i))
			n += since(s, (enum om_counter)(OM_COUNT_REFUSED_FUNCTION + i));
	return n;
}

static void end_now(struct spec *s)
{
	s->old_ids[s->ended++ % SPEC_OLD_IDS] = s->now->id;
	spec_call_end(s, s->now);
	s->now->used = false;
}

/* The mediator broke off: what it has still to do is done when the guest comes back. */
static void hold_back(struct spec *s)
{
	struct spec_call *c = s->now;

	c->paused = !s->must_wait;
	c->spoiled |= s->world->excused(s->world->ctx);
	if (!s->decided && c->pending == SPEC_LOADING && refusals(s)) {
		check_refused(s, OPTEE_SMC_RETURN_OK);
		if (c->target && !c->target->live)
			spec_buffer_forget(c->target);
		spec_session_undo(s, c);
		spec_set_outcome(s, OPTEE_SMC_RETURN_OK, 0, 0, false, true);
	}
	if (!s->decided && c->pending == SPEC_LOADING && s->may_enter)
		spec_message_claim(s);
	if (s->decided && s->outcome.ends)
		c->entering = false;
	if (c->payload)
		c->payload->perhaps = true;
	/* Loading, or translating a reply: judged again then. */
	if (!s->decided || (c->pending == SPEC_ASKED_SHM_ALLOC && !s->entered))
		return;
	if (s->outcome.ends)
		apply_writes(s, &s->outcome);
	c->held_back = s->outcome;
	c->pending = SPEC_HELD_BACK;
}

/* An SMC that cannot be foretold: believes what it sees. */
static void follow(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;

	if (regs->a[0] >> 16 != 0xffffu || regs->a[0] == OPTEE_SMC_RETURN_UNKNOWN_FUNCTION) {
		end_now(s);
		return;
	}
	c->id = (uint32_t)regs->a[3];
	c->paused = s->yields;
	if (regs->a[0] == OPTEE_SMC_RETURN_RPC_CMD) {
		spec_rpc_drop(s, c);
		c->pending = SPEC_ASKED_UNDO;
	} else if (c->pending >= SPEC_ASKED_ALLOC && c->pending <= SPEC_ASKED_UNDO && s->entered) {
		/* The request could not be shown. */
		spec_put_arg(s, c);
		c->pending = SPEC_INTERRUPTED;
		c->answer = SPEC_FAILURE;
	}
}

/* An operation of the host failed, and so OP-TEE's request cannot be shown. */
static bool is_lost(const struct spec *s)
{
	return s->world->excused(s->world->ctx) && !s->must_hide &&
	       since(s, OM_COUNT_REFUSED_REQUEST);
}

static void check_call(struct spec *s, const struct om_regs *regs)
{
	struct spec_call *c = s->now;

	spec_check(s, s->entered || !s->must_enter, "OP-TEE is not entered");
	if (is_outcome(s, regs)) {
		if (s->outcome.id_in_a3) {
			check_id(s, (uint32_t)regs->a[3]);
			c->id = (uint32_t)regs->a[3];
		}
		apply_writes(s, &s->outcome);
		if (s->outcome.next == SPEC_ASKED_UNDO)
			spec_rpc_drop(s, c);
		/* A request that OP-TEE only makes when it has looked up all that is named. */
		if ((s->outcome.next == SPEC_ASKED_CMD || s->outcome.next == SPEC_ASKED_SHM_ALLOC) &&
		    c->request.hdr.cmd != OPTEE_RPC_CMD_NOTIFICATION)
			c->entering = false;
		c->pending = (enum spec_pending)s->outcome.next;
		if (c->pending == SPEC_INTERRUPTED && c->answer == SPEC_FAILURE)
			spec_rpc_check_failure(s);
		if (s->outcome.ends)
			end_now(s);
		return;
	}
	if (is_interrupt(regs) && (s->yields || s->must_wait) && !is_lost(s)) {
		check_id(s, (uint32_t)regs->a[3]);
		c->id = (uint32_t)regs->a[3];
		hold_back(s);
		return;
	}
	if (s->world->excused(s->world->ctx) ||
	    (c->spoiled && regs->a[0] == OPTEE_SMC_RETURN_EBADADDR)) {
		follow(s, regs);
		return;
	}
	spec_check(s, !s->entered && !s->decided && c->pending == SPEC_LOADING,
		   "the guest gets something else than is specified");
	spec_check(s, !regs->a[1] && !regs->a[2] && !regs->a[3], "a refusal says more than its code");
	check_refused(s, regs->a[0]);
	end_now(s);
}

static void check_counters(struct spec *s)
{
	uint32_t allowed = s->must_refuse | s->may_refuse | s->must_hide;
	uint64_t hidden = s->must_hide ? 1 : 0;
	uint64_t least = hidden + (s->must_refuse ? 1 : 0);
	uint64_t most = hidden + (s->must_refuse | s->may_refuse ? 1 : 0);
	uint64_t n = refusals(s);

	/* Broken off, it will be refused later. */
	if (s->now && s->now->used && s->now->paused)
		least = 0;
	for (uint32_t i = 0; i < SPEC_REASONS; i++) {
		uint64_t counted = since(s, (enum om_counter)(OM_COUNT_REFUSED_FUNCTION + i));

		if (!spec_is_reason(OM_COUNT_REFUSED_FUNCTION + i))
			continue;
		spec_check(s, !counted || (allowed & (1u << i)), "a refusal is counted as another");
	}
	spec_check(s, n >= least && n <= most, "refusals are not counted");
	spec_check(s, since(s, OM_COUNT_FAST_CALLS) == (s->smc == SPEC_FAST) &&
		   since(s, OM_COUNT_CALLS) == (s->smc == SPEC_BEGIN) &&
		   since(s, OM_COUNT_RESUMES) == (s->smc == SPEC_RESUME), "calls are not counted");
	spec_check(s, s->after[OM_COUNT_SESSIONS_NOW] == spec_sessions(s),
		   "the sessions charged are not those open (I5)");
	if (!spec_is_settled(s))
		return;
	spec_check(s, s->after[OM_COUNT_PAGES_NOW] == s->pages,
		   "the pages charged are not the pages shared (I5)");
	spec_check(s, s->after[OM_COUNT_BUFFERS_NOW] == s->buffers + s->rpc_args,
		   "the buffers charged are not those shared (I5)");
}

void spec_guest_returns(struct spec *s, const struct om_regs *regs)
{
	bool wide = s->smc == SPEC_FAST && s->outcome.a[0] == UINT64_MAX;

	read_counters(s);
	for (uint32_t i = 0; i < 4; i++)
		spec_check(s, regs->a[i] >> 32 == 0 || (wide && i == 0),
			   "a result has bits above 31 (I10)");
	for (uint32_t i = 4; i < 8; i++)
		spec_check(s, regs->a[i] == s->in.a[i], "a4..a7 have changed");
	if (s->now) {
		check_call(s, regs);
	} else {
		spec_check(s, s->entered || !s->must_enter, "a fast call is not forwarded");
		s->decided = true;
		spec_check(s, is_outcome(s, regs), "an SMC is not answered as specified");
	}
	check_counters(s);
}

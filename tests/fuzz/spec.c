/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification: an SMC from its beginning to its end, fast calls, buffers and
 * quotas. See spec.h. Must not know what is in a message or a request.
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

static void apply_writes(struct spec *s, struct spec_outcome *o)
{
	for (uint32_t i = 0; i < o->writes; i++) {
		uint8_t *at = s->world->image(s->world->ctx, o->write[i].pa);

		if (spec_check(s, at, "the outcome lies outside of the guest's memory"))
			memcpy(at, &o->data[o->write[i].from], o->write[i].len);
	}
	o->writes = 0;
}

/* --- Buffers ------------------------------------------------------------------------ */

struct spec_buffer *spec_find(struct spec *s, uint64_t cookie)
{
	struct spec_buffer *found = NULL;

	for (uint32_t i = 0; i < SPEC_BUFFERS; i++)
		if (s->buffer[i].known && s->buffer[i].cookie == cookie &&
		    (!found || found->perhaps))
			found = &s->buffer[i];
	return found;
}

struct spec_buffer *spec_find_live(struct spec *s, uint64_t cookie, enum spec_kind kind)
{
	for (uint32_t i = 0; i < SPEC_BUFFERS; i++)
		if (s->buffer[i].live && s->buffer[i].kind == kind &&
		    s->buffer[i].cookie == cookie)
			return &s->buffer[i];
	return NULL;
}

struct spec_buffer *spec_buffer_new(struct spec *s, enum spec_kind kind, uint64_t cookie,
				    uint64_t size, uint32_t offset, uint32_t pages)
{
	uint32_t i = 0;

	while (i < SPEC_BUFFERS && s->buffer[i].charged)
		i++;
	if (i == SPEC_BUFFERS || pages > SPEC_PAGES) {
		s->world->fail(s->world->ctx, "more is shared than any limit allows (I5)");
		i = 0;
	}
	s->buffer[i] = (struct spec_buffer){
		.charged = true, .known = true, .kind = kind, .users = 1, .cookie = cookie,
		.size = size, .offset = offset, .pages = pages, .pa = s->pa[i],
	};
	s->pages += pages;
	s->rpc_args += kind == SPEC_RPC_ARG;
	s->buffers += kind != SPEC_RPC_ARG;
	return &s->buffer[i];
}

void spec_buffer_forget(struct spec_buffer *b)
{
	b->known = false;
	b->live = false;
}

void spec_buffer_put(struct spec *s, struct spec_buffer *b)
{
	b->users--;
	if (b->known || b->users)
		return;
	b->charged = false;
	s->pages -= b->pages;
	s->rpc_args -= b->kind == SPEC_RPC_ARG;
	s->buffers -= b->kind != SPEC_RPC_ARG;
}

static void hold_pages(struct spec *s, const uint64_t *pa, uint32_t n, bool *held)
{
	for (uint32_t i = 0; !*held && i < n; i++)
		s->world->hold(s->world->ctx, pa[i]);
	*held = true;
}

static void release_pages(struct spec *s, const uint64_t *pa, uint32_t n, bool *held)
{
	for (uint32_t i = 0; *held && i < n; i++)
		s->world->release(s->world->ctx, pa[i]);
	*held = false;
}

void spec_buffer_hold(struct spec *s, struct spec_buffer *b)
{
	hold_pages(s, b->pa, b->pages, &b->held);
}

void spec_buffer_release(struct spec *s, struct spec_buffer *b)
{
	release_pages(s, b->pa, b->pages, &b->held);
}

void spec_lent_hold(struct spec *s, struct spec_call *c)
{
	hold_pages(s, c->lent_pa, c->lent_pages, &c->lent_held);
}

void spec_lent_release(struct spec *s, struct spec_call *c)
{
	release_pages(s, c->lent_pa, c->lent_pages, &c->lent_held);
}

bool spec_others_paused(const struct spec *s)
{
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used && s->call[i].paused)
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

/* --- Quotas and page lists ------------------------------------------------------------ */

uint32_t spec_size_reasons(const struct spec *s, uint64_t buf_ptr, uint64_t size)
{
	/* What wraps is bad, and is too much as well: either may be said. */
	if (size == 0)
		return SPEC_WHY(PARAMS);
	if (size > UINT64_MAX - 2 * OPTEE_MSG_PAGE_SIZE)
		return SPEC_WHY(PARAMS) | SPEC_WHY(QUOTA);
	return spec_pages_of(buf_ptr, size) > s->config.limits.pages ? SPEC_WHY(QUOTA) : 0;
}

void spec_quota(struct spec *s, uint64_t pages, uint64_t lists, uint32_t buffers,
		uint32_t rpc_args)
{
	const struct om_limits *l = &s->config.limits;
	bool over = s->pages + pages > l->pages || s->lists + lists > l->list_pages ||
		    s->buffers + buffers > l->buffers || s->rpc_args + rpc_args > l->rpc_args;

	if (spec_others_paused(s))
		s->may_refuse |= SPEC_WHY(QUOTA);
	else if (over)
		s->must_refuse |= SPEC_WHY(QUOTA);
}

static uint64_t word_at(struct spec *s, uint64_t page, uint32_t i)
{
	const uint8_t *at = s->world->image(s->world->ctx, page);
	uint64_t word = 0;

	if (at)
		memcpy(&word, at + i * sizeof(word), sizeof(word));
	return word;
}

void spec_visit(struct spec *s, uint64_t pa)
{
	pa &= ~((uint64_t)OPTEE_MSG_PAGE_SIZE - 1);
	for (uint32_t i = 0; i < s->visits; i++)
		s->read_twice |= s->visited[i] == pa;
	if (s->visits == SPEC_VISITED)
		s->read_twice = true;
	else
		s->visited[s->visits++] = pa;
}

static bool walk(struct spec *s, uint64_t buf_ptr, uint32_t n, uint64_t *pa)
{
	uint64_t list = buf_ptr & ~((uint64_t)OPTEE_MSG_PAGE_SIZE - 1);
	uint64_t at;

	if (!s->world->page(s->world->ctx, list, &at))
		return false;
	spec_visit(s, at);
	for (uint32_t i = 0; i < n; i++) {
		if (i && i % OPTEE_MSG_LIST_ENTRIES == 0) {
			if (!s->world->page(s->world->ctx, word_at(s, at, OPTEE_MSG_LIST_NEXT),
					    &at))
				return false;
			spec_visit(s, at);
		}
		if (!s->world->page(s->world->ctx, word_at(s, at, i % OPTEE_MSG_LIST_ENTRIES),
				    &pa[i]))
			return false;
	}
	return true;
}

bool spec_walk_guest(struct spec *s, uint64_t buf_ptr, uint32_t n, uint64_t *pa)
{
	bool good = walk(s, buf_ptr, n, pa);

	if (s->mutates && s->read_twice) {
		s->now->exact = false;
		s->may_refuse |= SPEC_WHY(PAGE);
	}
	return good;
}

void spec_read_list(struct spec *s, uint64_t start, uint32_t n, uint64_t *pa)
{
	uint64_t page = start & ~((uint64_t)OPTEE_MSG_PAGE_SIZE - 1);
	const uint64_t *list = s->world->secure(s->world->ctx, page, OPTEE_MSG_PAGE_SIZE);

	for (uint32_t i = 0; i < n; i++) {
		if (i && i % OPTEE_MSG_LIST_ENTRIES == 0 && list)
			list = s->world->secure(s->world->ctx, list[OPTEE_MSG_LIST_NEXT],
						OPTEE_MSG_PAGE_SIZE);
		pa[i] = list ? list[i % OPTEE_MSG_LIST_ENTRIES] : 0;
		s->world->secure(s->world->ctx, pa[i], 1);
	}
}

void spec_check_list(struct spec *s, uint64_t start, uint32_t n, const uint64_t *pa)
{
	uint64_t seen[SPEC_PAGES];

	spec_read_list(s, start, n, seen);
	spec_check(s, memcmp(seen, pa, n * sizeof(*pa)) == 0,
		   "a page list does not name the pages that the guest shared (I2)");
}

/* --- Fast calls ------------------------------------------------------------------------- */

static bool is_pass(uint32_t fid)
{
	return fid == OPTEE_SMC_CALLS_UID || fid == OPTEE_SMC_CALLS_REVISION ||
	       fid == OPTEE_SMC_GET_OS_UUID || fid == OPTEE_SMC_GET_OS_REVISION;
}

static bool is_notification(uint32_t fid)
{
	return fid == OPTEE_SMC_ENABLE_ASYNC_NOTIF || fid == OPTEE_SMC_GET_ASYNC_NOTIF_VALUE;
}

static bool is_forwarded(const struct spec *s, uint32_t fid)
{
	return is_pass(fid) || fid == OPTEE_SMC_EXCHANGE_CAPABILITIES ||
	       fid == OPTEE_SMC_DISABLE_SHM_CACHE || fid == OPTEE_SMC_ENABLE_SHM_CACHE ||
	       (is_notification(fid) && s->config.async);
}

/* 18 functions are answered when notification is offered or not: docs/design.md. */
#define FUNCTIONS 16u

static void fast_enters(struct spec *s)
{
	s->smc = SPEC_FAST;
	if (is_forwarded(s, s->fid)) {
		s->must_enter = true;
		s->may_enter = true;
		return;
	}
	switch (s->fid) {
	case OPTEE_SMC_CALLS_COUNT:
		spec_set_outcome(s, FUNCTIONS, 0, 0, false, false);
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		spec_set_outcome(s, OPTEE_SMC_RETURN_OK, s->config.limits.threads, 0, false, false);
		break;
	case OPTEE_SMC_GET_SHM_CONFIG:
		spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
		break;
	default:
		/* An SMC64 identifier's answer is 64 bits wide (SMCCC). */
		spec_set_outcome(s, s->fid & SMCCC_FID_SMC64 ? UINT64_MAX :
				 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, false, false);
		s->must_refuse = SPEC_WHY(FUNCTION);
		break;
	}
}

static void fast_secure_enters(struct spec *s, const struct om_regs *regs)
{
	uint32_t nsec = s->fid == OPTEE_SMC_EXCHANGE_CAPABILITIES ?
			(uint32_t)s->in.a[1] & OPTEE_SMC_NSEC_CAP_UNIPROCESSOR : 0;
	bool cache = s->fid == OPTEE_SMC_DISABLE_SHM_CACHE || s->fid == OPTEE_SMC_ENABLE_SHM_CACHE;

	spec_check(s, s->must_enter, "a fast call is forwarded that must not be (I8)");
	/* A busy OP-TEE may be asked again, a few times. */
	spec_check(s, s->entered == 1 || (cache && !s->decided && s->entered <= 4),
		   "a fast call is forwarded again");
	spec_check(s, regs->a[0] == s->fid && regs->a[1] == nsec && !regs->a[2] && !regs->a[3] &&
		   !regs->a[4] && !regs->a[5] && !regs->a[6],
		   "a fast call is forwarded with other registers (I8, I10)");
}

static void capabilities(struct spec *s, const struct om_regs *r)
{
	uint32_t shown = OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
			 OPTEE_SMC_SEC_CAP_MEMREF_NULL | OPTEE_SMC_SEC_CAP_RPMB_PROBE;
	uint32_t caps = (uint32_t)r->a[1];

	if (s->config.async)
		shown |= OPTEE_SMC_SEC_CAP_ASYNC_NOTIF;
	if (s->config.rpc_arg)
		shown |= OPTEE_SMC_SEC_CAP_RPC_ARG;
	if ((uint32_t)r->a[0] != OPTEE_SMC_RETURN_OK || !(caps & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM)) {
		spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
		return;
	}
	caps &= shown;
	spec_set_outcome(s, OPTEE_SMC_RETURN_OK, caps,
			 caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF ? (uint32_t)r->a[2] : 0, false, false);
	s->outcome.a[3] = caps & OPTEE_SMC_SEC_CAP_RPC_ARG ? OPTEE_MSG_RPC_PARAMS : 0;
}

static void cache_off(struct spec *s, const struct om_regs *r)
{
	uint64_t cookie = spec_pair((uint32_t)r->a[1], r->a[2]);
	struct spec_buffer *b = spec_find_live(s, cookie, SPEC_RPC_ARG);

	if ((uint32_t)r->a[0] == OPTEE_SMC_RETURN_OK && b) {
		spec_buffer_release(s, b);
		spec_buffer_forget(b);
		b->users++;
		spec_buffer_put(s, b);
		spec_set_outcome(s, OPTEE_SMC_RETURN_OK, cookie >> 32, (uint32_t)cookie, false,
				 false);
		return;
	}
	if ((uint32_t)r->a[0] == OPTEE_SMC_RETURN_OK)
		s->must_hide = SPEC_WHY(REQUEST);
	spec_set_outcome(s, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, false, false);
}

static void fast_secure_returns(struct spec *s, const struct om_regs *r)
{
	uint32_t code = (uint32_t)r->a[0];
	bool off = s->fid == OPTEE_SMC_DISABLE_SHM_CACHE;

	switch (s->fid) {
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		capabilities(s, r);
		break;
	case OPTEE_SMC_DISABLE_SHM_CACHE:
	case OPTEE_SMC_ENABLE_SHM_CACHE:
		if (code == OPTEE_SMC_RETURN_EBUSY && spec_calls(s)) {
			spec_set_outcome(s, code, 0, 0, false, false);
		} else if (code == OPTEE_SMC_RETURN_EBUSY) {
			/* Linux would sleep for ever: never told so. */
			spec_set_outcome(s, off ? OPTEE_SMC_RETURN_ENOTAVAIL : OPTEE_SMC_RETURN_OK,
					 0, 0, false, false);
			s->decided = false;
		} else if (off) {
			cache_off(s, r);
		} else {
			spec_set_outcome(s, OPTEE_SMC_RETURN_OK, 0, 0, false, false);
		}
		break;
	case OPTEE_SMC_ENABLE_ASYNC_NOTIF:
		spec_set_outcome(s, code, 0, 0, false, false);
		break;
	case OPTEE_SMC_GET_ASYNC_NOTIF_VALUE:
		spec_set_outcome(s, code, 0, 0, false, false);
		if (code == OPTEE_SMC_RETURN_OK) {
			s->outcome.a[1] = (uint32_t)r->a[1];
			s->outcome.a[2] = r->a[2] & (OPTEE_SMC_ASYNC_NOTIF_VALID |
						     OPTEE_SMC_ASYNC_NOTIF_PENDING);
		}
		break;
	default:
		spec_set_outcome(s, code, (uint32_t)r->a[1], (uint32_t)r->a[2], false, false);
		s->outcome.a[3] = (uint32_t)r->a[3];
		break;
	}
}

/* --- An SMC ------------------------------------------------------------------------------ */

void spec_begin(struct spec *s, const struct spec_world *world, const struct spec_config *config)
{
	memset(s, 0, offsetof(struct spec, pa));
	s->world = world;
	s->config = *config;
	if (!s->config.limits.call_pages)
		s->config.limits.call_pages = s->config.limits.pages;
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
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		s->before[i] = s->world->counter(s->world->ctx, (enum om_counter)i);
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
	s->policy_told = false;
	s->policy_to_tell = false;
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
		fast_enters(s);
	}
}

void spec_secure_enters(struct spec *s, const struct om_regs *regs)
{
	s->entered++;
	if (s->smc == SPEC_FAST) {
		fast_secure_enters(s, regs);
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
}

static void secure_failed(struct spec *s, uint32_t code)
{
	struct spec_call *c = s->now;
	bool busy = code == OPTEE_SMC_RETURN_ETHREAD_LIMIT || code == OPTEE_SMC_RETURN_EBUSY;

	if (busy && !c->entered && (c->resumed || spec_calls(s) == 1)) {
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
		fast_secure_returns(s, regs);
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
	if (request->stage == OM_REQUEST_ASKED) {
		spec_check(s, !s->policy_asked && s->smc == SPEC_BEGIN && !s->entered,
			   "the policy is not asked once before OP-TEE sees it");
		s->policy_asked = true;
		s->policy_code = code;
		if (code)
			s->must_refuse |= SPEC_WHY(POLICY);
	} else {
		spec_check(s, s->policy_to_tell && !s->policy_told,
			   "the policy is told of what was not done");
		s->policy_told = true;
	}
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
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

/* A message that OP-TEE never saw: one of the reasons must be what the guest is told. */
static void check_refused(struct spec *s, uint64_t a0)
{
	const struct spec_call *c = s->now;
	const size_t ret_at = offsetof(struct optee_msg_hdr, ret);
	uint32_t told[2] = { 0, 0 };
	uint8_t *image;
	bool good = false;

	if (a0 == OPTEE_SMC_RETURN_OK && c->at)
		memcpy(told, s->world->actual(s->world->ctx, c->at + ret_at), sizeof(told));
	for (uint32_t i = 0; i < SPEC_REASONS; i++) {
		enum om_counter why = (enum om_counter)(OM_COUNT_REFUSED_FUNCTION + i);

		if (!((s->must_refuse | s->may_refuse) & (1u << i)))
			continue;
		good |= a0 == smc_code(why) &&
			(smc_code(why) || (c->at && told[0] == ret_code(s, why) &&
					   told[1] == TEEC_ORIGIN_COMMS));
	}
	if (!spec_check(s, good, "a message is not answered as it should be") ||
	    a0 != OPTEE_SMC_RETURN_OK)
		return;
	image = s->world->image(s->world->ctx, c->at + ret_at);
	if (image)
		memcpy(image, told, sizeof(told));
}

static uint64_t since(const struct spec *s, enum om_counter which)
{
	return s->world->counter(s->world->ctx, which) - s->before[which];
}

static uint64_t refusals(const struct spec *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < SPEC_REASONS; i++)
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
	if (!s->decided && c->pending == SPEC_LOADING && refusals(s)) {
		check_refused(s, OPTEE_SMC_RETURN_OK);
		if (c->subject && !c->subject->live)
			spec_buffer_forget(c->subject);
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
		if (c->arg)
			spec_buffer_put(s, c->arg);
		c->arg = NULL;
		c->pending = SPEC_INTERRUPTED;
		c->answer = SPEC_FAILURE;
	}
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
		if (s->outcome.ends)
			end_now(s);
		return;
	}
	if (is_interrupt(regs) && (s->yields || s->must_wait)) {
		check_id(s, (uint32_t)regs->a[3]);
		c->id = (uint32_t)regs->a[3];
		hold_back(s);
		return;
	}
	if (s->world->excused(s->world->ctx)) {
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
	uint64_t least = (s->must_refuse != 0) + (s->must_hide != 0);
	uint64_t most = ((s->must_refuse | s->may_refuse) != 0) + (s->must_hide != 0);
	uint64_t n = refusals(s);

	/* Broken off, it will be refused later. */
	if (s->now && s->now->used && s->now->paused)
		least = 0;
	for (uint32_t i = 0; i < SPEC_REASONS; i++) {
		uint64_t counted = since(s, (enum om_counter)(OM_COUNT_REFUSED_FUNCTION + i));

		spec_check(s, !counted || (allowed & (1u << i)), "a refusal is counted as another");
	}
	spec_check(s, n >= least && n <= most, "refusals are not counted");
	spec_check(s, since(s, OM_COUNT_FAST_CALLS) == (s->smc == SPEC_FAST) &&
		   since(s, OM_COUNT_CALLS) == (s->smc == SPEC_BEGIN) &&
		   since(s, OM_COUNT_RESUMES) == (s->smc == SPEC_RESUME), "calls are not counted");
	if (!spec_is_settled(s))
		return;
	spec_check(s, s->world->counter(s->world->ctx, OM_COUNT_PAGES_NOW) == s->pages,
		   "the pages charged are not the pages shared (I5)");
	spec_check(s, s->world->counter(s->world->ctx, OM_COUNT_BUFFERS_NOW) ==
		   s->buffers + s->rpc_args, "the buffers charged are not those shared (I5)");
}

void spec_guest_returns(struct spec *s, const struct om_regs *regs)
{
	bool wide = s->smc == SPEC_FAST && s->outcome.a[0] == UINT64_MAX;

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
	spec_check(s, s->policy_told == s->policy_to_tell, "the policy is not told");
	check_counters(s);
}

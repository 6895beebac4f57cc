/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification of shared memory: buffers and their cookies, quotas, page lists. See
 * spec.h. Must not know messages, requests or calls.
 */
#include "spec_priv.h"

#include <string.h>

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

void spec_put_arg(struct spec *s, struct spec_call *c)
{
	if (!c->arg)
		return;
	/* limits.h, rpc_args: one that was taken from OP-TEE counts until the call returns. */
	c->late |= !c->arg->known;
	spec_buffer_put(s, c->arg);
	c->arg = NULL;
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

/* --- Quotas and page lists ------------------------------------------------------------ */

uint32_t spec_size_reasons(const struct spec *s, uint64_t buf_ptr, uint64_t size)
{
	/* What wraps is bad, and is too much as well: either may be said. */
	if (size == 0 && buf_ptr % OPTEE_MSG_PAGE_SIZE == 0)
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

/* Pages of its parameters that each call has to itself. */
static uint64_t own_pages(const struct om_limits *l)
{
	return spec_min(SPEC_OWN_PAGES, l->mapped_pages / l->threads);
}

/*
 * What of so many pages that parameters of the call name is in the window that calls
 * share: what a TA that was loaded is given is not mapped there.
 */
static uint64_t beyond_own(const struct spec *s, const struct spec_call *c, uint64_t pages)
{
	uint64_t own = own_pages(&s->config.limits);

	return !c->elsewhere && pages > own ? pages - own : 0;
}

/* Pages that calls share, and how many of them are in use. */
static bool mapped_are_over(const struct spec *s, uint64_t params, uint64_t payload)
{
	const struct om_limits *l = &s->config.limits;
	uint64_t used = s->payload_pages + payload + beyond_own(s, s->now, params);

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used && &s->call[i] != s->now)
			used += beyond_own(s, &s->call[i], s->call[i].named_pages);
	return used > l->mapped_pages - own_pages(l) * l->threads;
}

void spec_map_quota(struct spec *s, uint64_t params, uint64_t payload)
{
	const struct spec_call *c = s->now;
	uint64_t most = s->config.limits.call_pages;

	params += c->named_pages;
	payload += params;
	if (payload + c->payload_pages > most)
		s->must_refuse |= SPEC_WHY(QUOTA);
	else if (payload + c->payload_pages_most > most)
		s->may_refuse |= SPEC_WHY(QUOTA);
	if (spec_others_paused(s))
		s->may_refuse |= SPEC_WHY(QUOTA);
	else if (mapped_are_over(s, params, payload - params))
		s->must_refuse |= SPEC_WHY(QUOTA);
}

void spec_map_payload(struct spec *s, struct spec_call *c, struct spec_buffer *b)
{
	b->owner = c->serial;
	c->payload_pages += b->pages;
	c->payload_pages_most += b->pages;
	s->payload_pages += b->pages;
}

void spec_unmap_payload(struct spec *s, struct spec_call *c, const struct spec_buffer *b)
{
	s->payload_pages -= b->pages;
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		if (s->call[i].used && s->call[i].serial == b->owner)
			s->call[i].payload_pages -= b->pages;
	if (c->serial == b->owner)
		c->payload_pages_most -= b->pages;
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's shared memory: page lists read at registration, pages recorded, and
 * every byte reached through the test host's oracle.
 *
 * As in OP-TEE, all of it is in one space of cookies, command pages and list
 * pages under cookie 0. What the real one does not check and the mediator must,
 * is a violation here. It knows nothing of commands or RPCs.
 */
#include <stdlib.h>
#include <string.h>

#include "model_priv.h"

#define PAGE_MASK	(OPTEE_MSG_PAGE_SIZE - 1u)

void *mem_at(struct mguest *g, uint64_t pa, size_t len, bool write)
{
	return test_secure_access(g->model->host, g->id, pa, len, write);
}

static uint32_t bucket_of(uint64_t cookie)
{
	return (uint32_t)((cookie * 0x9e3779b97f4a7c15ull) >> 52) % MODEL_BUCKETS;
}

/* Kinds that RMEM parameters and UNREGISTER look for by cookie. */
static bool is_listed(const struct mobj *o)
{
	return o->kind != MOBJ_ARG;
}

/* Others are while a TA runs that was given them. */
static bool stays_mapped(const struct mobj *o)
{
	return o->kind == MOBJ_ARG || o->kind == MOBJ_PAYLOAD || o->kind == MOBJ_RPC_ARG;
}

/* Data is the guest's, messages and lists are the mediator's own. */
static void check_page(struct mguest *g, enum mobj_kind kind, uint64_t pa)
{
	bool shadow = test_host_is_shadow(g->model->host, pa);
	bool message = kind == MOBJ_ARG || kind == MOBJ_RPC_ARG;

	if (message && !shadow)
		violation(g->model, "guest %u: a message at 0x%llx is not in a shadow page (I1)",
			  g->id, (unsigned long long)pa);
	if (!message && shadow)
		violation(g->model, "guest %u: shadow page 0x%llx is shared as data (I2)",
			  g->id, (unsigned long long)pa);
}

static void check_cookie(struct mguest *g, enum mobj_kind kind, uint64_t cookie)
{
	static const char *const name[] = {
		"command", "registered buffer", "temporary buffer", "payload", "RPC argument",
	};
	struct mobj *other = mobj_find(g, cookie);

	if (kind == MOBJ_ARG)
		return;
	if (!cookie && kind != MOBJ_TEMPORARY)
		violation(g->model, "guest %u: a %s has cookie 0", g->id, name[kind]);
	/* A temporary buffer is never looked up itself, but it hides what is older. */
	if (other && (kind != MOBJ_TEMPORARY || other->kind != MOBJ_TEMPORARY) && !other->leaked)
		violation(g->model, "guest %u: cookie 0x%llx of a %s is that of a live %s", g->id,
			  (unsigned long long)cookie, name[kind], name[other->kind]);
}

struct mobj *mobj_new(struct mguest *g, enum mobj_kind kind, const uint64_t *pa, size_t pages,
		      uint64_t offset, uint64_t cookie)
{
	struct model *m = g->model;
	struct mobj *o;

	for (size_t i = 0; i < pages; i++) {
		if (pa[i] & PAGE_MASK) {
			violation(m, "guest %u: page address 0x%llx has low bits", g->id,
				  (unsigned long long)pa[i]);
			return NULL;
		}
		if (!mem_at(g, pa[i], OPTEE_MSG_PAGE_SIZE, true))
			return NULL;
		check_page(g, kind, pa[i]);
	}
	check_cookie(g, kind, cookie);

	o = calloc(1, sizeof(*o) + pages * sizeof(uint64_t));
	if (!o)
		abort();
	o->guest = g;
	o->kind = kind;
	o->cookie = cookie;
	o->offset = offset;
	o->size = (uint64_t)pages * OPTEE_MSG_PAGE_SIZE - offset;
	o->pages = pages;
	o->refs = 1;
	memcpy(o->pa, pa, pages * sizeof(uint64_t));
	if (stays_mapped(o) && !window_map(o)) {
		free(o);
		return NULL;
	}
	for (size_t i = 0; i < pages; i++)
		test_secure_hold(m->host, g->id, pa[i]);
	if (is_listed(o)) {
		o->next = g->bucket[bucket_of(cookie)];
		g->bucket[bucket_of(cookie)] = o;
		g->buffers++;
	}
	return o;
}

static void let_go(struct mobj *o)
{
	struct mguest *g = o->guest;

	for (size_t i = 0; i < o->pages; i++)
		test_secure_release(g->model->host, g->id, o->pa[i]);
	while (o->maps)
		window_unmap(o);
	if (is_listed(o))
		g->buffers--;
}

void mobj_free(struct mobj *o)
{
	struct mguest *g;
	struct mobj **at;

	if (!o)
		return;
	g = o->guest;
	if (!o->leaked)
		let_go(o);
	if (is_listed(o)) {
		at = &g->bucket[bucket_of(o->cookie)];
		while (*at != o)
			at = &(*at)->next;
		*at = o->next;
	}
	free(o);
}

/*
 * OP-TEE 4.5 to 4.10 lose a reference here: the buffer can be reached by its cookie
 * for as long as the guest lives. It does not use the pages any more unless it is
 * asked to, so it does not hold them either. The oldest is forgotten in the end,
 * only because a test machine's memory is not endless.
 */
void mobj_drop_temporary(struct mobj *o)
{
	struct mguest *g = o->guest;
	struct mobj **slot = &g->leaked[g->leaks % MODEL_LEAKED];

	let_go(o);
	o->leaked = true;
	mobj_free(*slot);
	*slot = o;
	g->leaks++;
}

void mobj_unregister(struct mobj *o)
{
	struct mguest *g = o->guest;

	g->gone[g->gone_count++ % MODEL_GONE] = o->cookie;
	mobj_free(o);
}

bool mobj_gone_since(struct mguest *g, uint64_t cookie, uint64_t gone_before)
{
	for (uint64_t i = gone_before; i < g->gone_count; i++)
		if (g->gone[i % MODEL_GONE] == cookie)
			return true;
	return false;
}

struct mobj *mobj_find(struct mguest *g, uint64_t cookie)
{
	for (struct mobj *o = g->bucket[bucket_of(cookie)]; o; o = o->next)
		if (o->cookie == cookie)
			return o;
	return NULL;
}

/* The list page at pa, through the oracle; it has to be the mediator's own. */
static const uint64_t *list_page(struct mguest *g, uint64_t pa)
{
	if (pa & PAGE_MASK) {
		violation(g->model, "guest %u: list page 0x%llx is not aligned", g->id,
			  (unsigned long long)pa);
		return NULL;
	}
	if (!test_host_is_shadow(g->model->host, pa))
		violation(g->model, "guest %u: list page 0x%llx is not a shadow page (I1)", g->id,
			  (unsigned long long)pa);
	if (!window_has_room_for_a_list(g))
		return NULL;
	return mem_at(g, pa, OPTEE_MSG_PAGE_SIZE, false);
}

/* As msg_param.c walks it: the link is read only when an entry beyond it is due. */
static bool read_list(struct mguest *g, uint64_t list, uint64_t *pa, size_t pages)
{
	const uint64_t *entry = list_page(g, list);

	for (size_t i = 0, at = 0; i < pages; i++, at++) {
		if (!entry)
			return false;
		if (at == OPTEE_MSG_LIST_NEXT) {
			entry = list_page(g, entry[at]);
			if (!entry)
				return false;
			at = 0;
		}
		pa[i] = entry[at];
	}
	return true;
}

struct mobj *mobj_from_list(struct mguest *g, enum mobj_kind kind, uint64_t buf_ptr,
			    uint64_t size, uint64_t cookie)
{
	uint64_t offset = buf_ptr & PAGE_MASK;
	struct mobj *o = NULL;
	uint64_t *pa;
	size_t pages;

	if (size > UINT64_MAX - offset || size + offset == 0) {
		violation(g->model, "guest %u: a buffer of size 0x%llx at offset 0x%llx", g->id,
			  (unsigned long long)size, (unsigned long long)offset);
		return NULL;
	}
	if (size > 1ull << 40)
		return NULL;
	pages = (size_t)((size + offset - 1) / OPTEE_MSG_PAGE_SIZE + 1);
	pa = calloc(pages, sizeof(*pa));
	if (!pa)
		return NULL;
	if (read_list(g, buf_ptr - offset, pa, pages))
		o = mobj_new(g, kind, pa, pages, offset, cookie);
	free(pa);
	return o;
}

bool mobj_walk(struct mobj *o, uint64_t offs, uint64_t len, bool write,
	       void (*fn)(void *arg, uint64_t at, uint8_t *p, size_t n), void *arg)
{
	uint64_t at = 0;

	while (at < len) {
		uint64_t full = o->offset + offs + at;
		uint64_t n = OPTEE_MSG_PAGE_SIZE - (full & PAGE_MASK);
		uint64_t page = full / OPTEE_MSG_PAGE_SIZE;
		uint8_t *p;

		if (n > len - at)
			n = len - at;
		if (page >= o->pages)
			return false;
		p = mem_at(o->guest, o->pa[page] + (full & PAGE_MASK), (size_t)n, write);
		if (!p)
			return false;
		fn(arg, at, p, (size_t)n);
		at += n;
	}
	return true;
}

struct copy {
	uint8_t *buf;
	bool write;
};

static void copy_piece(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	struct copy *c = arg;

	if (c->write)
		memcpy(p, c->buf + at, n);
	else
		memcpy(c->buf + at, p, n);
}

bool mobj_copy(struct mobj *o, uint64_t offs, void *buf, size_t len, bool write)
{
	struct copy c = { .buf = buf, .write = write };

	return mobj_walk(o, offs, len, write, copy_piece, &c);
}

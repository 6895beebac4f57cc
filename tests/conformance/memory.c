/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's memory: pages, page lists, and the few mem functions it needs.
 *
 * Pages are handed out far from each other, so that nothing that is taken for
 * contiguous by mistake ever works. Must not know of messages or calls.
 */
#include "client.h"

/* ---- helpers that a libc would have ---- */

void cg_copy(void *dst, const void *src, size_t len)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	while (len--)
		*d++ = *s++;
}

void cg_fill(void *dst, uint8_t value, size_t len)
{
	uint8_t *d = dst;

	while (len--)
		*d++ = value;
}

bool cg_same(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a;
	const uint8_t *y = b;

	while (len--)
		if (*x++ != *y++)
			return false;
	return true;
}

/* xorshift64*; the state must not be 0. */
uint64_t cg_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

void cg_lock(struct cg_guest *g)
{
	while (__atomic_exchange_n(&g->lock, 1u, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&g->lock, __ATOMIC_RELAXED))
			;
}

void cg_unlock(struct cg_guest *g)
{
	__atomic_store_n(&g->lock, 0u, __ATOMIC_RELEASE);
}

/* ---- pages ---- */

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Places the allocator's bitmap behind struct cg_guest, at the start of RAM. */
void cg_memory_init(struct cg_guest *g, const struct cg_platform *platform)
{
	size_t head = (sizeof(*g) + 63u) & ~(size_t)63u;
	uint32_t words;
	uint32_t n;

	cg_fill(g, 0, sizeof(*g));
	g->platform = platform;
	g->ram = platform->ram;
	g->ipa = platform->ram_ipa;
	g->pages = (uint32_t)(platform->ram_size / CG_PAGE);
	g->used = (uint64_t *)(void *)(g->ram + head);
	words = (g->pages + 63u) / 64u;
	cg_fill(g->used, 0, words * sizeof(uint64_t));
	g->first_page = (uint32_t)((head + words * sizeof(uint64_t) + CG_PAGE - 1) / CG_PAGE);

	/* About the golden ratio of what there is: neighbours in time end up far apart. */
	n = g->pages - g->first_page;
	g->stride = n / 1000u * 618u + 7u;
	while (gcd(g->stride, n) != 1u)
		g->stride++;
	g->next_cookie = 1;
}

bool cg_page_take(struct cg_guest *g, uint32_t page)
{
	uint64_t bit = 1ull << (page % 64u);

	/* Acquire: what the page's last user did with it is over. */
	if (__atomic_fetch_or(&g->used[page / 64u], bit, __ATOMIC_ACQUIRE) & bit)
		return false;
	__atomic_fetch_add(&g->pages_held, 1u, __ATOMIC_RELAXED);
	return true;
}

uint32_t cg_page_get(struct cg_guest *g)
{
	uint32_t n = g->pages - g->first_page;

	for (uint32_t tries = 0; tries < n; tries++) {
		uint32_t at = __atomic_fetch_add(&g->cursor, 1u, __ATOMIC_RELAXED);
		uint32_t page = g->first_page + (uint32_t)((uint64_t)(at % n) * g->stride % n);

		if (cg_page_take(g, page))
			return page;
	}
	return CG_NO_PAGE;
}

void cg_page_put(struct cg_guest *g, uint32_t page)
{
	uint64_t bit = 1ull << (page % 64u);

	if (page < g->first_page || page >= g->pages) {
		CG_ANOMALY(g);
		return;
	}
	__atomic_fetch_sub(&g->pages_held, 1u, __ATOMIC_RELAXED);
	if (!(__atomic_fetch_and(&g->used[page / 64u], ~bit, __ATOMIC_RELEASE) & bit))
		CG_ANOMALY(g);
}

void *cg_page_va(struct cg_guest *g, uint32_t page)
{
	return g->ram + (size_t)page * CG_PAGE;
}

uint64_t cg_page_ipa(struct cg_guest *g, uint32_t page)
{
	return g->ipa + (uint64_t)page * CG_PAGE;
}

uint32_t cg_page_at(struct cg_guest *g, uint64_t ipa)
{
	uint64_t page = (ipa - g->ipa) / CG_PAGE;

	if (ipa < g->ipa || page < g->first_page || page >= g->pages)
		return CG_NO_PAGE;
	return (uint32_t)page;
}

/* ---- buffers ---- */

/* Both halves are in use, so that a swapped register pair shows. */
uint64_t cg_cookie(struct cg_guest *g)
{
	uint64_t n = __atomic_fetch_add(&g->next_cookie, 1u, __ATOMIC_RELAXED);

	return 0xc00c1e0000000000ull | n << 32 | (n * 0x10001u & 0xffffffffu);
}

static uint64_t *list_va(struct cg_guest *g, uint32_t page)
{
	return (uint64_t *)cg_page_va(g, page);
}

uint64_t *cg_buf_entry(struct cg_guest *g, const struct cg_buf *b, uint32_t i)
{
	uint64_t *list = list_va(g, b->list);

	for (; i >= OPTEE_MSG_LIST_ENTRIES; i -= OPTEE_MSG_LIST_ENTRIES)
		list = list_va(g, cg_page_at(g, list[OPTEE_MSG_LIST_NEXT]));
	return &list[i];
}

uint64_t cg_buf_ptr(struct cg_guest *g, const struct cg_buf *b)
{
	return cg_page_ipa(g, b->list) | b->offset;
}

uint8_t *cg_buf_at(struct cg_guest *g, const struct cg_buf *b, uint64_t pos)
{
	uint64_t at = b->offset + pos;
	uint64_t ipa = *cg_buf_entry(g, b, (uint32_t)(at / CG_PAGE));

	return (uint8_t *)cg_page_va(g, cg_page_at(g, ipa)) + at % CG_PAGE;
}

/*
 * Appends one entry. The `next` of every list page starts as junk, as Linux
 * leaves it, and only becomes an address when there is more to come.
 */
static bool append(struct cg_guest *g, struct cg_buf *b, uint32_t *last, uint64_t ipa)
{
	uint32_t i = b->pages % OPTEE_MSG_LIST_ENTRIES;

	if (i == 0) {
		uint32_t page = cg_page_get(g);

		if (page == CG_NO_PAGE)
			return false;
		cg_fill(cg_page_va(g, page), 0xa5, CG_PAGE);
		if (b->pages == 0)
			b->list = page;
		else
			list_va(g, *last)[OPTEE_MSG_LIST_NEXT] = cg_page_ipa(g, page);
		*last = page;
	}
	list_va(g, *last)[i] = ipa;
	b->pages++;
	return true;
}

static void buf_init(struct cg_guest *g, struct cg_buf *b, uint64_t size, uint32_t offset)
{
	cg_fill(b, 0, sizeof(*b));	/* what lies between its members, too */
	b->list = CG_NO_PAGE;
	b->offset = offset;
	b->size = size;
	b->cookie = cg_cookie(g);
}

bool cg_buf_make(struct cg_guest *g, struct cg_buf *b, uint64_t size, uint32_t offset)
{
	uint64_t n = (offset + size + CG_PAGE - 1) / CG_PAGE;
	uint32_t last = CG_NO_PAGE;

	buf_init(g, b, size, offset);
	while (n--) {
		uint32_t page = cg_page_get(g);

		if (page == CG_NO_PAGE || !append(g, b, &last, cg_page_ipa(g, page))) {
			if (page != CG_NO_PAGE)
				cg_page_put(g, page);
			cg_buf_free(g, b);
			return false;
		}
	}
	return true;
}

bool cg_buf_repeat(struct cg_guest *g, struct cg_buf *b, uint32_t n)
{
	uint32_t page = cg_page_get(g);
	uint32_t last = CG_NO_PAGE;

	buf_init(g, b, (uint64_t)n * CG_PAGE, 0);
	if (page == CG_NO_PAGE)
		return false;
	b->repeat = true;
	while (n--) {
		if (!append(g, b, &last, cg_page_ipa(g, page))) {
			if (b->pages == 0)
				cg_page_put(g, page);
			cg_buf_free(g, b);
			return false;
		}
	}
	return true;
}

void cg_buf_free(struct cg_guest *g, struct cg_buf *b)
{
	uint32_t list = b->list;
	uint32_t left = b->pages;
	bool first = true;

	while (left) {
		uint32_t n = left < OPTEE_MSG_LIST_ENTRIES ? left : OPTEE_MSG_LIST_ENTRIES;
		uint64_t next = list_va(g, list)[OPTEE_MSG_LIST_NEXT];

		for (uint32_t i = 0; i < n; i++) {
			if (first || !b->repeat)
				cg_page_put(g, cg_page_at(g, list_va(g, list)[i]));
			first = false;
		}
		cg_page_put(g, list);
		left -= n;
		list = left ? cg_page_at(g, next) : CG_NO_PAGE;
	}
	b->pages = 0;
}

uint8_t cg_buf_pattern(struct cg_guest *g, const struct cg_buf *b, uint64_t seed)
{
	uint64_t left = b->size;
	uint64_t pos = 0;
	uint8_t sum = 0;

	/* A page at a time: finding a page walks the list. */
	while (left) {
		uint64_t n = CG_PAGE - (b->offset + pos) % CG_PAGE;
		uint8_t *at = cg_buf_at(g, b, pos);

		if (n > left)
			n = left;
		for (uint64_t i = 0; i < n; i++) {
			at[i] = (uint8_t)((pos + i) * 7u + (pos >> 12) * 13u + seed);
			sum = (uint8_t)(sum + at[i]);
		}
		pos += n;
		left -= n;
	}
	return sum;
}

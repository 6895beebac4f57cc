/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's memory: physical frames, guests' maps, pins and holds.
 *
 * A guest's RAM is one mapping in the test process, in IPA order, so that a guest
 * program can use plain pointers. Which PA a page has is only an entry in a table
 * of frames, and is scattered. This file knows nothing of the operations.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host_priv.h"

#define SPECIAL_PAGES	5u
#define BALLOON_JUNK	0xe5

static void *map_pages(size_t pages)
{
	void *p = mmap(NULL, pages * TEST_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("test host: mmap");
		abort();
	}
	return p;
}

uint64_t frame_pa(uint32_t frame)
{
	if (frame >= FRAME_SHADOW)
		return TEST_SHADOW_PA_BASE + (uint64_t)(frame - FRAME_SHADOW) * TEST_PAGE;
	if (frame == FRAME_PA0)
		return 0;
	if (frame >= FRAME_RESERVED)
		return TEST_RESERVED_PA + (uint64_t)(frame - FRAME_RESERVED) * TEST_PAGE;
	return TEST_PA_BASE + (uint64_t)frame * TEST_PAGE;
}

struct test_frame *frame_at(const struct test_host *h, uint64_t pa)
{
	if (pa - TEST_PA_BASE < (uint64_t)TEST_PA_PAGES * TEST_PAGE)
		return &h->frame[(pa - TEST_PA_BASE) / TEST_PAGE];
	if (pa - TEST_SHADOW_PA_BASE < (uint64_t)TEST_SHADOW_PAGES * TEST_PAGE)
		return &h->frame[FRAME_SHADOW + (pa - TEST_SHADOW_PA_BASE) / TEST_PAGE];
	if (pa - TEST_RESERVED_PA < TEST_RESERVED_SIZE)
		return &h->frame[FRAME_RESERVED + (pa - TEST_RESERVED_PA) / TEST_PAGE];
	if (pa < TEST_PAGE)
		return &h->frame[FRAME_PA0];
	return NULL;
}

struct test_guest *guest_by_id(const struct test_host *h, uint32_t id)
{
	for (size_t i = 0; i < TEST_GUESTS; i++)
		if (h->guest[i] && h->guest[i]->id == id)
			return h->guest[i];
	return NULL;
}

void memory_init(struct test_host *h)
{
	const size_t fixed = TEST_RESERVED_SIZE / TEST_PAGE + 1;

	/* Mapped rather than allocated: pages of it that are not used cost nothing. */
	h->frame = map_pages(FRAMES * sizeof(*h->frame) / TEST_PAGE + 1);
	h->shadow = map_pages(TEST_SHADOW_PAGES);
	h->reserved = map_pages(fixed);
	for (uint32_t i = 0; i < fixed; i++)
		atomic_init(&h->frame[FRAME_RESERVED + i].va, h->reserved + i * TEST_PAGE);

	h->shadow_free = calloc(TEST_SHADOW_PAGES, sizeof(*h->shadow_free));
	if (!h->shadow_free)
		abort();
	/* Neither PA nor VA order is the order of allocation, nor each other's. */
	for (uint32_t i = 0; i < TEST_SHADOW_PAGES; i++) {
		uint32_t at = (i * 2731u) % TEST_SHADOW_PAGES;

		atomic_init(&h->frame[FRAME_SHADOW + i].va, h->shadow + at * TEST_PAGE);
		h->shadow_free[i] = (i * 5741u + 77u) % TEST_SHADOW_PAGES;
	}
	h->shadow_free_count = TEST_SHADOW_PAGES;
}

void memory_free(struct test_host *h)
{
	munmap(h->frame, (FRAMES * sizeof(*h->frame) / TEST_PAGE + 1) * TEST_PAGE);
	munmap(h->shadow, (size_t)TEST_SHADOW_PAGES * TEST_PAGE);
	munmap(h->reserved, TEST_RESERVED_SIZE + TEST_PAGE);
	free(h->shadow_free);
}

static size_t gcd(size_t a, size_t b)
{
	while (b) {
		size_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* An odd walk through n frames that visits each once and no two in a row. */
static size_t scatter_step(size_t n)
{
	size_t step = n * 5 / 8 + 1;

	while (gcd(step, n) != 1)
		step++;
	return step;
}

static void set_page(struct test_guest *g, size_t i, enum test_page_kind kind, uint32_t frame)
{
	atomic_store(&g->page[i], (frame << TEST_KIND_BITS) | (uint32_t)kind);
}

static void back_page(struct test_guest *g, size_t i, enum test_page_kind kind, uint32_t frame)
{
	struct test_frame *f = &g->host->frame[frame];

	atomic_store(&f->va, g->ram + i * TEST_PAGE);
	f->page = (uint32_t)i + 1;
	set_page(g, i, kind, frame);
}

static uint64_t add_special(struct test_guest *g, size_t i, enum test_page_kind kind,
			    uint32_t frame)
{
	if (kind == TEST_PAGE_READONLY)
		back_page(g, i, kind, frame);
	else
		set_page(g, i, kind, frame);
	return g->ipa + i * TEST_PAGE;
}

struct test_guest *test_guest_new(struct test_host *h, uint32_t id, size_t pages)
{
	struct test_guest *g = calloc(1, sizeof(*g));
	size_t all = pages + SPECIAL_PAGES;
	size_t step = scatter_step(pages);
	uint32_t first = (uint32_t)h->frames_used;

	if (!g || h->frames_used + all > TEST_PA_PAGES)
		abort();
	while (g->index < TEST_GUESTS && h->guest[g->index])
		g->index++;
	if (g->index == TEST_GUESTS)
		abort();
	h->frames_used += pages + 1;
	g->host = h;
	g->id = id;
	g->ipa = TEST_IPA_BASE;
	g->ram_pages = pages;
	g->pages = all;
	g->ram = map_pages(all);
	g->page = calloc(all, sizeof(*g->page));
	if (!g->page)
		abort();
	pthread_mutex_init(&g->mutex, NULL);
	for (size_t i = 0; i < pages; i++)
		back_page(g, i, TEST_PAGE_RAM, first + (uint32_t)(i * step % pages));
	g->hole_ipa = add_special(g, pages, TEST_PAGE_HOLE, 0);
	g->readonly_ipa = add_special(g, pages + 1, TEST_PAGE_READONLY,
				      first + (uint32_t)pages);
	g->mmio_ipa = add_special(g, pages + 2, TEST_PAGE_MMIO, 0);
	g->reserved_ipa = add_special(g, pages + 3, TEST_PAGE_RESERVED,
				      FRAME_RESERVED + g->index);
	g->pa0_ipa = add_special(g, pages + 4, TEST_PAGE_PA0, FRAME_PA0);
	h->guest[g->index] = g;
	return g;
}

void test_guest_free(struct test_guest *g)
{
	struct test_host *h = g->host;

	forget_guest(g);
	for (uint32_t i = 0; i < FRAME_SHADOW && i < h->frames_used; i++) {
		struct test_frame *f = &h->frame[i];
		uint8_t *va = atomic_load(&f->va);

		if (!va || va < g->ram || va >= g->ram + g->pages * TEST_PAGE)
			continue;
		atomic_store(&f->va, NULL);
		f->page = 0;
		atomic_store(&f->pins[g->index], 0);
		atomic_store(&f->held[g->index], 0);
	}
	h->guest[g->index] = NULL;
	munmap(g->ram, g->pages * TEST_PAGE);
	pthread_mutex_destroy(&g->mutex);
	free((void *)g->page);
	free(g->reads);
	free(g->mutation);
	free(g);
}

void *test_guest_va(const struct test_guest *g, uint64_t ipa)
{
	if (ipa - g->ipa >= (uint64_t)g->pages * TEST_PAGE) {
		test_fail("guest %u: IPA 0x%llx is not in its RAM", g->id,
			  (unsigned long long)ipa);
		return NULL;
	}
	return g->ram + (ipa - g->ipa);
}

uint64_t test_guest_ipa(const struct test_guest *g, const void *va)
{
	uint64_t offset = (uint64_t)((const uint8_t *)va - g->ram);

	if (offset >= (uint64_t)g->pages * TEST_PAGE)
		test_fail("guest %u: %p is not in its RAM", g->id, va);
	return g->ipa + offset;
}

static size_t page_index(const struct test_guest *g, uint64_t ipa)
{
	uint64_t i = (ipa - g->ipa) / TEST_PAGE;

	if (i >= g->pages) {
		test_fail("guest %u: IPA 0x%llx is not in its window", g->id,
			  (unsigned long long)ipa);
		return 0;
	}
	return (size_t)i;
}

uint64_t test_guest_pa(const struct test_guest *g, uint64_t ipa)
{
	uint32_t entry = atomic_load(&g->page[page_index(g, ipa)]);

	switch (entry & TEST_KIND_MASK) {
	case TEST_PAGE_RAM:
	case TEST_PAGE_READONLY:
	case TEST_PAGE_RESERVED:
		return frame_pa(entry >> TEST_KIND_BITS) + ipa % TEST_PAGE;
	default:
		return 0;
	}
}

enum test_page_kind test_guest_kind(const struct test_guest *g, uint64_t ipa)
{
	uint64_t i = (ipa - g->ipa) / TEST_PAGE;

	if (ipa < g->ipa || i >= g->pages)
		return TEST_PAGE_HOLE;
	return atomic_load(&g->page[i]) & TEST_KIND_MASK;
}

void test_guest_set_kind(struct test_guest *g, uint64_t ipa, enum test_page_kind kind)
{
	size_t i = page_index(g, ipa);
	uint32_t frame = atomic_load(&g->page[i]) >> TEST_KIND_BITS;

	if (kind == TEST_PAGE_RESERVED)
		frame = FRAME_RESERVED + TEST_GUESTS + g->index;
	else if (kind == TEST_PAGE_PA0)
		frame = FRAME_PA0;
	set_page(g, i, kind, frame);
}

void test_guest_unmap(struct test_guest *g, uint64_t ipa)
{
	size_t i = page_index(g, ipa);
	uint32_t frame = atomic_load(&g->page[i]) >> TEST_KIND_BITS;
	struct test_frame *f = &g->host->frame[frame];
	uint8_t *slot = g->ram + i * TEST_PAGE;
	uint8_t *away;

	if (f->page != i + 1) {
		test_fail("guest %u: IPA 0x%llx has no frame of its own", g->id,
			  (unsigned long long)ipa);
		return;
	}
	/* The frame lives on, as long as somebody has it pinned; never freed here. */
	away = map_pages(1);
	memcpy(away, slot, TEST_PAGE);
	atomic_store(&f->va, away);
	f->page = 0;
	memset(slot, BALLOON_JUNK, TEST_PAGE);
	set_page(g, i, TEST_PAGE_HOLE, 0);
}

void test_guest_remap(struct test_guest *g, uint64_t ipa)
{
	size_t i = page_index(g, ipa);

	if ((atomic_load(&g->page[i]) & TEST_KIND_MASK) != TEST_PAGE_HOLE)
		test_guest_unmap(g, ipa);
	if (g->host->frames_used == TEST_PA_PAGES)
		abort();
	memset(g->ram + i * TEST_PAGE, 0, TEST_PAGE);
	back_page(g, i, TEST_PAGE_RAM, (uint32_t)g->host->frames_used++);
}

uint32_t test_guest_pins_pa(const struct test_guest *g, uint64_t pa)
{
	struct test_frame *f = frame_at(g->host, pa);

	return f ? atomic_load(&f->pins[g->index]) : 0;
}

uint32_t test_guest_pins(const struct test_guest *g, uint64_t ipa)
{
	uint64_t pa = test_guest_pa(g, ipa);

	return pa ? test_guest_pins_pa(g, pa) : 0;
}

void *test_host_peek(struct test_host *h, uint64_t pa)
{
	struct test_frame *f = frame_at(h, pa);
	uint8_t *va = f ? atomic_load(&f->va) : NULL;

	return va ? va + pa % TEST_PAGE : NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test host's eyes: what the secure world may touch, what the mediator read,
 * what leaked to a guest, what was not given back. And the fault script, which
 * host.c follows.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_priv.h"

/* --- The oracle for the secure world ---------------------------------------- */

static bool shadow_usable(struct test_frame *f, uint32_t guest_id)
{
	uint32_t user = SHADOW_UNUSED;

	/* The first guest that a shadow page is used for is the only one. */
	if (atomic_compare_exchange_strong(&f->shadow, &user, SHADOW_OF(guest_id)))
		return true;
	return user == SHADOW_OF(guest_id);
}

void *test_secure_access(struct test_host *h, uint32_t guest_id, uint64_t pa,
			 size_t len, bool write)
{
	const char *what = write ? "writes" : "reads";
	struct test_guest *g = guest_by_id(h, guest_id);
	struct test_frame *f = frame_at(h, pa);
	const char *why = NULL;
	uint8_t *va = f ? atomic_load(&f->va) : NULL;

	if (pa < TEST_PAGE)
		why = "which is page 0";
	else if (!f || !va)
		why = "which is no memory";
	else if (f >= &h->frame[FRAME_RESERVED] && f < &h->frame[FRAME_PA0])
		why = "which is its own reserved memory";
	else if (len > TEST_PAGE - pa % TEST_PAGE)
		why = "and leaves the page";
	else if (!g)
		why = "for a guest that does not exist";
	else if (f >= &h->frame[FRAME_SHADOW] && atomic_load(&f->shadow) == SHADOW_FREE)
		why = "which is a free page";
	else if (f >= &h->frame[FRAME_SHADOW] && !shadow_usable(f, guest_id))
		why = "which is another guest's shadow page";
	else if (f < &h->frame[FRAME_RESERVED] && !atomic_load(&f->pins[g->index]))
		why = "which is not pinned for it";
	if (!why)
		return va + pa % TEST_PAGE;
	test_fail("OP-TEE %s for guest %u 0x%llx + %zu, %s (I2)", what, guest_id,
		  (unsigned long long)pa, len, why);
	return NULL;
}

bool test_host_is_shadow(struct test_host *h, uint64_t pa)
{
	struct test_frame *f = frame_at(h, pa);

	return f && f >= &h->frame[FRAME_SHADOW] && atomic_load(&f->shadow) != SHADOW_FREE;
}

static _Atomic uint32_t *held_count(struct test_host *h, uint32_t guest_id, uint64_t pa)
{
	struct test_guest *g = guest_by_id(h, guest_id);
	struct test_frame *f = frame_at(h, pa);

	return g && f ? &f->held[g->index] : NULL;
}

void test_secure_hold(struct test_host *h, uint32_t guest_id, uint64_t pa)
{
	_Atomic uint32_t *held = held_count(h, guest_id, pa);

	if (!held)
		return;
	atomic_fetch_add(held, 1);
	atomic_fetch_add(&guest_by_id(h, guest_id)->held, 1);
}

void test_secure_release(struct test_host *h, uint32_t guest_id, uint64_t pa)
{
	_Atomic uint32_t *held = held_count(h, guest_id, pa);

	if (!held || !atomic_load(held))
		return;
	atomic_fetch_sub(held, 1);
	atomic_fetch_sub(&guest_by_id(h, guest_id)->held, 1);
}

int64_t test_secure_held(struct test_host *h, uint32_t guest_id)
{
	struct test_guest *g = guest_by_id(h, guest_id);

	return g ? atomic_load(&g->held) : 0;
}

/* --- Single fetch --------------------------------------------------------------- */

/* A list page for every 511 pages of the largest buffer, and 17 reads of each. */
#define FETCHES	8192u

static _Thread_local struct fetch {
	uint64_t first;
	uint64_t last;
} fetches[FETCHES];
static _Thread_local size_t fetch_count;
static _Thread_local bool fetching;

void fetch_begin(void)
{
	fetching = true;
	fetch_count = 0;
}

void fetch_note(const struct test_guest *g, uint64_t pa, size_t len)
{
	if (!fetching || len == 0 || g->host->rereads_expected)
		return;
	for (size_t i = 0; i < fetch_count; i++)
		if (pa <= fetches[i].last && pa + len > fetches[i].first) {
			test_fail("guest %u: PA 0x%llx + %zu is read twice in one SMC (I1)",
				  g->id, (unsigned long long)pa, len);
			return;
		}
	if (fetch_count == FETCHES) {
		test_fail("guest %u: more than %u reads in one SMC", g->id, FETCHES);
		return;
	}
	fetches[fetch_count++] = (struct fetch){ pa, pa + len - 1 };
}

void fetch_end(void)
{
	fetching = false;
}

/* --- What the mediator read --------------------------------------------------- */

static void remember(struct test_guest *g, uint8_t *at)
{
	if (g->mutation_count == g->mutation_size) {
		g->mutation_size = g->mutation_size ? 2 * g->mutation_size : 4096;
		g->mutation = realloc(g->mutation, g->mutation_size * sizeof(*g->mutation));
		if (!g->mutation)
			abort();
	}
	g->mutation[g->mutation_count++] = (struct test_mutation){ .at = at, .was = *at };
	*at ^= UINT8_MAX;
}

void watch_read(struct test_guest *g, const struct test_frame *f, uint64_t pa, size_t len)
{
	uint8_t *va = atomic_load(&f->va) + pa % TEST_PAGE;

	for (size_t i = 0; i < len; i++) {
		if (g->reads && f->page && f->page <= g->ram_pages) {
			uint8_t *n = &g->reads[va + i - g->ram];

			if (*n < UINT8_MAX)
				(*n)++;
		}
		if (g->mutate)
			remember(g, va + i);
	}
}

void test_guest_count_reads(struct test_guest *g)
{
	free(g->reads);
	g->reads = calloc(g->ram_pages, TEST_PAGE);
	if (!g->reads)
		abort();
}

void watch_write(struct test_guest *g, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < g->mutation_count; i++)
		if (g->mutation[i].at >= at && g->mutation[i].at < at + len)
			g->mutation[i].at = NULL;
}

uint32_t test_guest_max_reads(const struct test_guest *g, uint64_t ipa, size_t len)
{
	size_t first = ipa ? (size_t)(ipa - g->ipa) : 0;
	size_t end = ipa ? first + len : g->ram_pages * TEST_PAGE;
	uint8_t most = 0;

	if (!g->reads || end > g->ram_pages * TEST_PAGE) {
		test_fail("guest %u: reads are not counted there", g->id);
		return 0;
	}
	for (size_t i = first; i < end; i++)
		if (g->reads[i] > most)
			most = g->reads[i];
	return most;
}

void test_guest_mutate(struct test_guest *g, bool on)
{
	g->mutate = on;
	if (on)
		return;
	/* Backwards: a byte that was read twice gets its first value back. */
	while (g->mutation_count) {
		struct test_mutation *m = &g->mutation[--g->mutation_count];
		uint8_t junk = m->was ^ UINT8_MAX;

		if (m->at && *m->at == junk)
			*m->at = m->was;
	}
}

/* --- Leaks --------------------------------------------------------------------- */

bool test_host_is_host_address(const struct test_host *h, uint64_t value)
{
	uintptr_t shadow = (uintptr_t)h->shadow;

	if (value - TEST_PA_BASE < (uint64_t)TEST_PA_PAGES * TEST_PAGE ||
	    value - TEST_SHADOW_PA_BASE < (uint64_t)TEST_SHADOW_PAGES * TEST_PAGE)
		return true;
	/* A low address, as under valgrind, looks like any other number. */
	return (uint64_t)shadow >> 32 && value - shadow < (uint64_t)TEST_SHADOW_PAGES * TEST_PAGE;
}

void test_assert_no_leak_regs(const struct test_host *h, const uint64_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (test_host_is_host_address(h, a[i]))
			test_fail("host address 0x%llx in register %zu (I3)",
				  (unsigned long long)a[i], i);
		/* A pair, high word first, is how the ABI passes an address. */
		if (i + 1 < n && test_host_is_host_address(h, a[i] << 32 |
							   (a[i + 1] & UINT32_MAX)))
			test_fail("host address in registers %zu and %zu (I3)", i, i + 1);
	}
}

static void assert_no_leak_page(const struct test_guest *g, size_t page)
{
	size_t first = page * TEST_PAGE;
	size_t end = g->ram_pages * TEST_PAGE - sizeof(uint32_t);

	for (size_t i = first; i < first + TEST_PAGE && i < end; i += sizeof(uint32_t)) {
		uint64_t value;

		memcpy(&value, g->ram + i, sizeof(value));
		if (value && test_host_is_host_address(g->host, value))
			test_fail("guest %u: host address 0x%llx at IPA 0x%llx (I3)", g->id,
				  (unsigned long long)value,
				  (unsigned long long)(g->ipa + i));
	}
}

/*
 * Most of a guest's RAM is never touched, and looking at it would have the kernel back
 * it with pages. /proc/self/pagemap knows: bits 63 and 62 of a page's word say that it is
 * in memory or in swap (the kernel's admin-guide/mm/pagemap). Without it all is looked at.
 */
#define PAGEMAP_TOUCHED	(3ull << 62)

void test_guest_assert_no_leak(const struct test_guest *g)
{
	bool same_pages = sysconf(_SC_PAGESIZE) == TEST_PAGE;
	int map = same_pages ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
	uint64_t word[512];
	size_t known = 0;

	for (size_t page = 0; page < g->ram_pages; page++) {
		size_t at = page % 512;

		if (at == 0) {
			off_t from = (off_t)(((uintptr_t)g->ram / TEST_PAGE + page) * sizeof(word[0]));
			ssize_t got = pread(map, word, sizeof(word), from);

			known = got > 0 ? (size_t)got / sizeof(word[0]) : 0;
		}
		if (at >= known || (word[at] & PAGEMAP_TOUCHED))
			assert_no_leak_page(g, page);
	}
	if (map >= 0)
		close(map);
}

/* --- Balances ------------------------------------------------------------------- */

static void report_pins(struct test_guest *g)
{
	struct test_host *h = g->host;

	for (uint32_t i = 0; i < FRAMES; i++)
		if (atomic_load(&h->frame[i].pins[g->index])) {
			test_fail("guest %u: %lld pins left, one at PA 0x%llx", g->id,
				  (long long)atomic_load(&g->pinned),
				  (unsigned long long)frame_pa(i));
			return;
		}
	test_fail("guest %u: the number of pins is %lld", g->id,
		  (long long)atomic_load(&g->pinned));
}

void test_guest_assert_balanced(struct test_guest *g)
{
	int64_t held;

	if (lock_is_held())
		test_fail("guest %u: the lock is held", g->id);
	if (atomic_load(&g->pinned))
		report_pins(g);
	held = test_secure_held(g->host, g->id);
	if (held)
		test_fail("guest %u: OP-TEE holds %lld pages", g->id, (long long)held);
}

void test_host_assert_balanced(struct test_host *h)
{
	for (size_t i = 0; i < TEST_GUESTS; i++)
		if (h->guest[i])
			test_guest_assert_balanced(h->guest[i]);
	if (atomic_load(&h->shadow_pages))
		test_fail("%lld shadow pages left", (long long)atomic_load(&h->shadow_pages));
}

/* --- Faults and counts ------------------------------------------------------------ */

void test_host_fail(struct test_host *h, uint32_t ops, uint64_t n, bool forever)
{
	atomic_store(&h->fault_ops, n ? ops : 0);
	atomic_store(&h->fault_countdown, (int64_t)n);
	atomic_store(&h->fault_hits, 0);
	h->fault_forever = forever;
}

uint64_t test_host_fault_hits(struct test_host *h)
{
	return atomic_load(&h->fault_hits);
}

void test_host_reset_counts(struct test_host *h)
{
	for (size_t i = 0; i < TEST_OPS; i++)
		atomic_store(&h->count[i], 0);
	for (size_t i = 0; i < TEST_GUESTS; i++) {
		if (!h->guest[i])
			continue;
		atomic_store(&h->guest[i]->pages_pinned, 0);
		atomic_store(&h->guest[i]->bytes_read, 0);
		atomic_store(&h->guest[i]->bytes_written, 0);
		atomic_store(&h->guest[i]->notified, 0);
	}
}

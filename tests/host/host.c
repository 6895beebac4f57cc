/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations of the test host, each with the checks of its contract.
 *
 * Called by the mediator on vCPU threads, so everything here is atomic or under
 * the host's mutex. What a page is, memory.c knows.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/abi_smc.h>

#include "host_priv.h"

#define SHADOW_POISON	0xdf

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#endif

static _Thread_local struct test_guest *lock_held;
static _Thread_local struct test_guest *calling;

static void (*_Atomic failure_handler)(const char *message);
static _Atomic uint64_t failures;

void test_fail(const char *format, ...)
{
	char message[512];
	void (*handler)(const char *) = atomic_load(&failure_handler);
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	atomic_fetch_add(&failures, 1);
	if (handler) {
		handler(message);
		return;
	}
	fprintf(stderr, "test host: %s\n", message);
	abort();
}

/* The first since test_collect_failures(). */
static char first_failure[512];

static void collect(const char *message)
{
	if (!first_failure[0])
		snprintf(first_failure, sizeof(first_failure), "%s", message);
}

void test_collect_failures(void)
{
	first_failure[0] = '\0';
	test_failures_reset();
	test_on_failure(collect);
}

const char *test_first_failure(void)
{
	return first_failure[0] ? first_failure : NULL;
}

void test_on_failure(void (*handler)(const char *message))
{
	atomic_store(&failure_handler, handler);
}

uint64_t test_failures(void)
{
	return atomic_load(&failures);
}

void test_failures_reset(void)
{
	atomic_store(&failures, 0);
}

bool lock_is_held(void)
{
	return lock_held != NULL;
}

/* A failure handler that jumped out of a call leaves these behind. */
void forget_guest(const struct test_guest *g)
{
	if (lock_held == g) {
		pthread_mutex_unlock(&lock_held->mutex);
		lock_held = NULL;
	}
	if (calling == g)
		calling = NULL;
}

void test_guest_enter(struct test_guest *g)
{
	calling = g;
	fetch_begin();
	if (g->host->mutate_always)
		test_guest_mutate(g, true);
}

bool test_guest_is_calling(void)
{
	return calling != NULL;
}

void test_guest_leave(struct test_guest *g)
{
	if (g->host->mutate_always)
		test_guest_mutate(g, false);
	fetch_end();
	if (lock_held) {
		test_fail("guest %u: a call came back with the lock held", g->id);
		lock_held = NULL;
	}
	calling = NULL;
}

/* --- What all operations begin with --------------------------------------- */

static void count_op(struct test_host *h, enum test_op op)
{
	atomic_fetch_add_explicit(&h->count[op], 1, memory_order_relaxed);
	if (lock_held)
		test_fail("operation %d is called with guest %u's lock held", (int)op,
			  lock_held->id);
}

/* True when the fault script wants this one to fail. */
static bool fault_due(struct test_host *h, enum test_op op)
{
	int64_t left;

	if (!(atomic_load_explicit(&h->fault_ops, memory_order_relaxed) & (1u << op)))
		return false;
	left = atomic_fetch_sub(&h->fault_countdown, 1);
	if (left > 1 || (left < 1 && !h->fault_forever))
		return false;
	atomic_fetch_add(&h->fault_hits, 1);
	return true;
}

static bool begin_op(struct test_host *h, enum test_op op, struct test_guest *g)
{
	count_op(h, op);
	if (h->on_op)
		h->on_op(h->on_op_arg, op, g);
	return fault_due(h, op);
}

static void raise_peak(_Atomic int64_t *peak, int64_t now)
{
	int64_t old = atomic_load_explicit(peak, memory_order_relaxed);

	while (old < now && !atomic_compare_exchange_weak(peak, &old, now))
		;
}

/* --- Guest memory ---------------------------------------------------------- */

static uint32_t pinnable_frame(struct test_guest *g, uint64_t ipa)
{
	uint64_t i = (ipa - g->ipa) / TEST_PAGE;
	uint32_t entry;

	if (ipa < g->ipa || i >= g->pages)
		return FRAMES;
	entry = atomic_load_explicit(&g->page[i], memory_order_relaxed);
	switch (entry & TEST_KIND_MASK) {
	case TEST_PAGE_RAM:
	case TEST_PAGE_RESERVED:
	case TEST_PAGE_PA0:
		return entry >> TEST_KIND_BITS;
	default:
		return FRAMES;
	}
}

/*
 * Another vCPU may pin and share the same page between two looks at it: only what
 * was true before and after is a failure.
 */
static bool is_last_pin_of_held(struct test_frame *f, const struct test_guest *g)
{
	for (uint32_t i = 0; i < 3; i++)
		if (atomic_load(&f->pins[g->index]) != 1 || !atomic_load(&f->held[g->index]))
			return false;
	return true;
}

static void op_unpin_some(struct test_guest *g, const om_pa_t *pa, size_t n)
{
	struct test_host *h = g->host;

	for (size_t i = 0; i < n; i++) {
		struct test_frame *f = frame_at(h, pa[i].raw);
		uint32_t before;

		if (!f || pa[i].raw % TEST_PAGE) {
			test_fail("unpin: PA 0x%llx is no page", (unsigned long long)pa[i].raw);
			continue;
		}
		before = atomic_load(&f->pins[g->index]);
		if (is_last_pin_of_held(f, g))
			test_fail("unpin: guest %u PA 0x%llx is still shared with OP-TEE (I4)",
				  g->id, (unsigned long long)pa[i].raw);
		if (!before) {
			test_fail("unpin: guest %u PA 0x%llx is not pinned", g->id,
				  (unsigned long long)pa[i].raw);
			continue;
		}
		atomic_fetch_sub(&f->pins[g->index], 1);
		atomic_fetch_sub(&g->pinned, 1);
	}
}

static int op_pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct test_guest *g = guest;
	struct test_host *h = g->host;
	bool fault = begin_op(h, TEST_OP_PIN, g);

	if (!n || n > OM_PIN_BATCH)
		test_fail("pin: %zu pages at a time", n);
	atomic_fetch_add_explicit(&g->pages_pinned, n, memory_order_relaxed);
	if (fault)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint32_t frame = pinnable_frame(g, ipa[i].raw);

		if (ipa[i].raw % TEST_PAGE)
			test_fail("pin: IPA 0x%llx is not page-aligned",
				  (unsigned long long)ipa[i].raw);
		if (frame == FRAMES) {
			op_unpin_some(g, pa, i);
			return -1;
		}
		atomic_fetch_add(&h->frame[frame].pins[g->index], 1);
		pa[i].raw = frame_pa(frame);
		raise_peak(&g->pinned_peak, atomic_fetch_add(&g->pinned, 1) + 1);
	}
	return 0;
}

static void op_unpin(void *guest, const om_pa_t *pa, size_t n)
{
	struct test_guest *g = guest;

	begin_op(g->host, TEST_OP_UNPIN, g);
	if (!n || n > OM_PIN_BATCH)
		test_fail("unpin: %zu pages at a time", n);
	op_unpin_some(g, pa, n);
}

/* Where the range is, or NULL after a failure: it must be pinned and in one page. */
static uint8_t *pinned_range(struct test_guest *g, om_pa_t pa, size_t len, const char *what)
{
	struct test_frame *f = frame_at(g->host, pa.raw);
	uint8_t *va = f ? atomic_load(&f->va) : NULL;

	if (len > TEST_PAGE - pa.raw % TEST_PAGE)
		test_fail("%s: 0x%llx + %zu leaves its page", what,
			  (unsigned long long)pa.raw, len);
	else if (!va || !atomic_load(&f->pins[g->index]))
		test_fail("%s: guest %u PA 0x%llx is not pinned", what, g->id,
			  (unsigned long long)pa.raw);
	else
		return va + pa.raw % TEST_PAGE;
	return NULL;
}

/*
 * A guest may write to its memory while the mediator copies it: that is the race
 * the mediator has to survive, and not one to report.
 */
static void copy_racy(void *dst, const void *src, size_t len)
{
#ifdef TEST_TSAN
	for (size_t i = 0; i < len; i++)
		__atomic_store_n((uint8_t *)dst + i,
				 __atomic_load_n((const uint8_t *)src + i, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
#else
	memcpy(dst, src, len);
#endif
}

static int op_read(void *guest, om_pa_t pa, void *dst, size_t len)
{
	struct test_guest *g = guest;
	bool fault = begin_op(g->host, TEST_OP_READ, g);
	uint8_t *src = pinned_range(g, pa, len, "read");

	atomic_fetch_add_explicit(&g->bytes_read, len, memory_order_relaxed);
	if (!src || fault)
		return -1;
	copy_racy(dst, src, len);
	fetch_note(g, pa.raw, len);
	if (g->reads || g->mutate)
		watch_read(g, frame_at(g->host, pa.raw), pa.raw, len);
	return 0;
}

static int op_write(void *guest, om_pa_t pa, const void *src, size_t len)
{
	struct test_guest *g = guest;
	bool fault = begin_op(g->host, TEST_OP_WRITE, g);
	uint8_t *dst = pinned_range(g, pa, len, "write");

	atomic_fetch_add_explicit(&g->bytes_written, len, memory_order_relaxed);
	if (!dst || fault)
		return -1;
	copy_racy(dst, src, len);
	if (g->mutate)
		watch_write(g, dst, len);
	return 0;
}

/* --- Shadow pages ----------------------------------------------------------- */

static int op_page_alloc(void *host, struct om_page *page)
{
	struct test_host *h = host;
	struct test_frame *f;
	uint32_t frame = FRAMES;

	if (begin_op(h, TEST_OP_PAGE_ALLOC, NULL))
		return -1;
	pthread_mutex_lock(&h->mutex);
	if (h->shadow_free_count)
		frame = FRAME_SHADOW + h->shadow_free[--h->shadow_free_count];
	pthread_mutex_unlock(&h->mutex);
	if (frame == FRAMES)
		return -1;
	f = &h->frame[frame];
	page->va = atomic_load(&f->va);
	page->pa.raw = frame_pa(frame);
	/* As a heap does: with what somebody left in it. */
	memset(page->va, 0x5c, TEST_PAGE);
	atomic_store(&f->shadow, SHADOW_UNUSED);
	raise_peak(&h->shadow_pages_peak, atomic_fetch_add(&h->shadow_pages, 1) + 1);
	return 0;
}

static void op_page_free(void *host, const struct om_page *page)
{
	struct test_host *h = host;
	struct test_frame *f = frame_at(h, page->pa.raw);

	begin_op(h, TEST_OP_PAGE_FREE, NULL);
	if (!f || f < &h->frame[FRAME_SHADOW] || page->va != atomic_load(&f->va) ||
	    atomic_load(&f->shadow) == SHADOW_FREE) {
		test_fail("page_free: PA 0x%llx VA %p is no shadow page",
			  (unsigned long long)page->pa.raw, page->va);
		return;
	}
	for (size_t i = 0; i < TEST_GUESTS; i++)
		if (atomic_load(&f->held[i]))
			test_fail("page_free: PA 0x%llx is still used by OP-TEE (I4)",
				  (unsigned long long)page->pa.raw);
	memset(page->va, SHADOW_POISON, TEST_PAGE);
	atomic_store(&f->shadow, SHADOW_FREE);
	atomic_fetch_sub(&h->shadow_pages, 1);
	pthread_mutex_lock(&h->mutex);
	h->shadow_free[h->shadow_free_count++] = (uint32_t)(f - &h->frame[FRAME_SHADOW]);
	pthread_mutex_unlock(&h->mutex);
}

/* --- The conduit and the rest ------------------------------------------------ */

/* Calls that the mediator may make in its own name, a7 = 0. */
static bool hypervisor_call(uint64_t fid)
{
	switch (fid) {
	case OPTEE_SMC_CALLS_COUNT:
	case OPTEE_SMC_CALLS_UID:
	case OPTEE_SMC_CALLS_REVISION:
	case OPTEE_SMC_GET_OS_UUID:
	case OPTEE_SMC_GET_OS_REVISION:
	case OPTEE_SMC_GET_SHM_CONFIG:
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
	case OPTEE_SMC_GET_THREAD_COUNT:
	case OPTEE_SMC_VM_CREATED:
	case OPTEE_SMC_VM_DESTROYED:
		return true;
	default:
		return false;
	}
}

static void check_stamp(struct test_host *h, const struct om_regs *regs)
{
	uint64_t a7 = regs->a[7];

	for (size_t i = 0; i < 8; i++)
		if (regs->a[i] >> 32)
			test_fail("smc: a%zu is 0x%llx, not 32-bit (I10)", i,
				  (unsigned long long)regs->a[i]);
	/* The reserved memory's place may only be known later than at the probe. */
	if (regs->a[0] == OPTEE_SMC_GET_SHM_CONFIG && !a7)
		return;
	if (calling && a7 != calling->id)
		test_fail("smc 0x%llx: a7 is 0x%llx in a call of guest %u (I10)",
			  (unsigned long long)regs->a[0], (unsigned long long)a7, calling->id);
	else if (!calling && !a7 && !hypervisor_call(regs->a[0]))
		test_fail("smc 0x%llx: with a7 = 0 (I10)", (unsigned long long)regs->a[0]);
	else if (a7 && !guest_by_id(h, (uint32_t)a7))
		test_fail("smc 0x%llx: a7 is 0x%llx, nobody's", (unsigned long long)regs->a[0],
			  (unsigned long long)a7);
}

static void op_smc(void *host, struct om_regs *regs)
{
	struct test_host *h = host;

	begin_op(h, TEST_OP_SMC, calling);
	check_stamp(h, regs);
	if (!h->smc) {
		test_fail("smc: there is no secure world");
		return;
	}
	h->smc(h->tee, regs);
}

static void op_lock(void *guest)
{
	struct test_guest *g = guest;

	count_op(g->host, TEST_OP_LOCK);
	pthread_mutex_lock(&g->mutex);
	lock_held = g;
}

static void op_unlock(void *guest)
{
	struct test_guest *g = guest;

	if (lock_held != g) {
		test_fail("unlock: this thread does not hold guest %u's lock", g->id);
		return;
	}
	lock_held = NULL;
	pthread_mutex_unlock(&g->mutex);
}

static bool op_should_yield(void *host)
{
	struct test_host *h = host;
	uint32_t every = atomic_load_explicit(&h->yield_every, memory_order_relaxed);

	begin_op(h, TEST_OP_YIELD, NULL);
	return every && atomic_load(&h->count[TEST_OP_YIELD]) % every == 0;
}

static void op_notify(void *guest)
{
	struct test_guest *g = guest;

	begin_op(g->host, TEST_OP_NOTIFY, g);
	atomic_fetch_add(&g->notified, 1);
}

static uint32_t op_authorize(void *guest, const struct om_request *request)
{
	struct test_guest *g = guest;
	struct test_host *h = g->host;

	begin_op(h, TEST_OP_AUTHORIZE, g);
	return h->authorize ? h->authorize(h->authorize_arg, g, request) : 0;
}

static void op_trace(void *guest, const struct om_trace_event *event)
{
	struct test_guest *g = guest;
	struct test_host *h = g->host;
	size_t at;

	count_op(h, TEST_OP_TRACE);
	at = atomic_fetch_add(&h->trace_count, 1);
	if (at < h->trace_size)
		h->trace[at] = *event;
}

/* --- Set-up ------------------------------------------------------------------ */

struct test_host *test_host_new(void)
{
	struct test_host *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->mutate_always = getenv("OM_TEST_MUTATE") != NULL;
	h->ops = (struct om_host_ops){
		.pin = op_pin,
		.unpin = op_unpin,
		.read = op_read,
		.write = op_write,
		.page_alloc = op_page_alloc,
		.page_free = op_page_free,
		.smc = op_smc,
		.lock = op_lock,
		.unlock = op_unlock,
		.should_yield = op_should_yield,
		.notify = op_notify,
	};
	pthread_mutex_init(&h->mutex, NULL);
	memory_init(h);
	return h;
}

void test_host_free(struct test_host *h)
{
	for (size_t i = 0; i < TEST_GUESTS; i++)
		if (h->guest[i])
			test_guest_free(h->guest[i]);
	memory_free(h);
	pthread_mutex_destroy(&h->mutex);
	free(h->trace);
	free(h);
}

void test_host_authorize(struct test_host *h,
			 uint32_t (*fn)(void *arg, struct test_guest *guest,
					const struct om_request *request), void *arg)
{
	h->authorize = fn;
	h->authorize_arg = arg;
	h->ops.authorize = op_authorize;
}

void test_host_trace(struct test_host *h, size_t size)
{
	free(h->trace);
	h->trace = calloc(size, sizeof(*h->trace));
	if (!h->trace)
		abort();
	h->trace_size = size;
	h->ops.trace = op_trace;
}

void test_host_trace_reset(struct test_host *h)
{
	atomic_store(&h->trace_count, 0);
}

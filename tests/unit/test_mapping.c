/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of what OP-TEE maps: what a call is charged, what it gets back, and what
 * all calls of a guest have together. Knows pages, not buffers.
 */
#define _GNU_SOURCE	/* MAP_ANONYMOUS */

#include "rig.h"

#include <sys/mman.h>

#include "mapping.h"

#define THREADS	4u
#define OWN	4u	/* pages that a call's parameters have for themselves, at most */

/* A guest with these limits; its calls are as at their beginning. */
static struct rig *new_rig(uint32_t mapped_pages, uint32_t call_pages)
{
	struct rig_setup setup = rig_default;
	struct rig *rig;

	setup.limits.threads = THREADS;
	setup.limits.mapped_pages = mapped_pages;
	setup.limits.call_pages = call_pages;
	rig = rig_new(&setup);
	for (uint32_t i = 0; i < THREADS; i++) {
		rig->guest->calls[i].mapped.uses_window = true;
		rig->guest->calls[i].mapped.param_pages = 0;
		rig->guest->calls[i].mapped.payload_pages = 0;
	}
	return rig;
}

#define MAPPING_TEST(name, mapped_pages, call_pages) \
	RIG_TEST_BY(name, new_rig(mapped_pages, call_pages))

static enum om_refusal map_param(struct om_call *call, uint32_t pages)
{
	return om_map_param(&call->guest->mapping, &call->mapped, pages);
}

static enum om_refusal map_payload(struct om_call *call, uint64_t pages)
{
	return om_map_payload(&call->guest->mapping, &call->mapped, pages);
}

static void unmap_params(struct om_call *call)
{
	om_unmap_params(&call->guest->mapping, &call->mapped);
}

static void unmap_payload(struct om_call *call, uint32_t pages)
{
	om_unmap_payload(&call->guest->mapping, &call->mapped, pages);
}

/* --- How the limits are divided ------------------------------------------------- */

TEST(test_the_calls_own_pages)
{
	static const struct {
		uint32_t mapped, own;
	} t[] = {
		{ 1, 0 }, { 3, 0 }, { 4, 1 }, { 7, 1 }, { 8, 2 }, { 15, 3 }, { 16, 4 },
		{ 17, 4 }, { 20, 4 }, { 700, 4 }, { OM_LIMIT_PAGES, 4 },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct rig *rig = new_rig(t[i].mapped, 0);

		assert_int_equal(rig->guest->mapping.own, t[i].own);
		/* Not one page is lost, and none is there twice. */
		assert_int_equal(rig->guest->mapping.left + THREADS * t[i].own, t[i].mapped);
		rig_free(rig);
	}
}

/* So that small calls on several vCPUs have no word in common: here it cannot be written. */
MAPPING_TEST(test_small_calls_write_nothing_in_common, 100, 50)
{
	struct om_mapping *mapping = mmap(NULL, TEST_PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct om_mapped *mapped = &rig->guest->calls[0].mapped;

	assert_ptr_not_equal(mapping, MAP_FAILED);
	*mapping = rig->guest->mapping;
	assert_int_equal(mprotect(mapping, TEST_PAGE, PROT_READ), 0);
	for (uint32_t i = 0; i < OWN; i++)
		assert_int_equal(om_map_param(mapping, mapped, 1), OM_ACCEPTED);
	om_unmap_params(mapping, mapped);
	munmap(mapping, TEST_PAGE);
}

/* --- A long random walk ------------------------------------------------------------- */

struct call {
	uint32_t params;
	uint32_t payloads;	/* that are its own account's */
	bool uses_window;
};

struct walk {
	struct rig *rig;
	uint32_t pages, call_pages;
	struct call call[THREADS];
	uint32_t payloads;	/* of all calls, of those that are over, too */
	uint64_t seed;
};

static uint32_t pick(struct walk *w, uint32_t n)
{
	return (uint32_t)(rig_random(&w->seed) % n);
}

/* Now and then more bits than the account has, and sums that would wrap. */
static uint32_t pick_pages(struct walk *w)
{
	return pick(w, 8) ? pick(w, w->call_pages + 2) : UINT32_MAX - pick(w, w->call_pages + 2);
}

static uint32_t own_pages(const struct walk *w)
{
	return w->pages / THREADS < OWN ? w->pages / THREADS : OWN;
}

/* What is taken of the pages that all share: payloads, and parameters beyond a call's own pages. */
static uint64_t shared(const struct walk *w)
{
	uint64_t sum = w->payloads;

	for (uint32_t i = 0; i < THREADS; i++)
		if (w->call[i].uses_window && w->call[i].params > own_pages(w))
			sum += w->call[i].params - own_pages(w);
	return sum;
}

static uint64_t shared_most(const struct walk *w)
{
	return w->pages - own_pages(w) * THREADS;
}

static void walk_map_param(struct walk *w, uint32_t i)
{
	uint32_t pages = pick_pages(w), before = w->call[i].params;
	bool fits = pages <= w->call_pages && before + pages <= w->call_pages;

	/* They are mapped before OP-TEE can ask for anything. */
	if (w->call[i].payloads)
		return;
	if (fits) {
		w->call[i].params += pages;
		fits = shared(w) <= shared_most(w);
	}
	if (!fits)
		w->call[i].params = before;
	assert_int_equal(map_param(&w->rig->guest->calls[i], pages),
			 fits ? OM_ACCEPTED : OM_REFUSED_QUOTA);
}

static void walk_map_payload(struct walk *w, uint32_t i)
{
	uint64_t pages = pick_pages(w) + ((uint64_t)(pick(w, 8) == 0) << 32);
	bool fits = w->call[i].params + w->call[i].payloads + pages <= w->call_pages &&
		    shared(w) + pages <= shared_most(w);

	assert_int_equal(map_payload(&w->rig->guest->calls[i], pages),
			 fits ? OM_ACCEPTED : OM_REFUSED_QUOTA);
	if (!fits)
		return;
	w->call[i].payloads += (uint32_t)pages;
	w->payloads += (uint32_t)pages;
}

/*
 * OP-TEE may free with one call what it allocated with another, which may be over; an id comes
 * again after 2^24 calls of a slot, and then a payload may be of an older call.
 */
static void walk_unmap_payload(struct walk *w, uint32_t i)
{
	uint32_t pages = w->payloads ? 1 + pick(w, w->payloads) : 0;
	bool own = pick(w, 2);

	om_unmap_payload(&w->rig->guest->mapping, own ? &w->rig->guest->calls[i].mapped : NULL,
			 pages);
	w->payloads -= pages;
	if (own && pages <= w->call[i].payloads)
		w->call[i].payloads -= pages;
}

/* The slot's next call; what it is given is mapped in a TA that was loaded, or in OP-TEE. */
static void walk_next_call(struct walk *w, uint32_t i)
{
	struct om_mapped *mapped = &w->rig->guest->calls[i].mapped;

	unmap_params(&w->rig->guest->calls[i]);
	w->call[i] = (struct call){ .uses_window = pick(w, 2) };
	mapped->uses_window = w->call[i].uses_window;
	mapped->payload_pages = 0;
}

static void walk_step(struct walk *w)
{
	uint32_t i = pick(w, THREADS);

	switch (pick(w, 8)) {
	case 0: case 1: case 2:
		walk_map_param(w, i);
		break;
	case 3: case 4:
		walk_map_payload(w, i);
		break;
	case 5:
		unmap_params(&w->rig->guest->calls[i]);
		w->call[i].params = 0;
		break;
	case 6:
		walk_unmap_payload(w, i);
		break;
	default:
		walk_next_call(w, i);
		break;
	}
}

static void walk(uint32_t mapped_pages, uint32_t call_pages)
{
	struct walk w = { .rig = new_rig(mapped_pages, call_pages), .pages = mapped_pages,
			  .call_pages = call_pages, .seed = 2026 };

	for (uint32_t i = 0; i < THREADS; i++)
		w.call[i].uses_window = true;
	for (uint32_t n = 0; n < 40000; n++) {
		walk_step(&w);
		for (uint32_t i = 0; i < THREADS; i++) {
			const struct om_mapped *mapped = &w.rig->guest->calls[i].mapped;

			assert_int_equal(mapped->param_pages, w.call[i].params);
			assert_int_equal(mapped->payload_pages, w.call[i].payloads);
		}
		assert_int_equal(w.rig->guest->mapping.left, shared_most(&w) - shared(&w));
	}
	/* A guest that starts over has all of it again. */
	assert_int_equal(om_guest_reset(w.rig->guest), OM_OK);
	assert_int_equal(w.rig->guest->mapping.left, shared_most(&w));
	rig_free(w.rig);
}

/* Invariant I5: to the last page of a call, and of all; fewer pages than threads: none is own. */
TEST(test_invariant_5_random_walk)
{
	walk(THREADS * OWN + 10, 20);
	walk(THREADS * OWN + 10, 1000);
	walk(1000, 50);
	walk(2 * THREADS + 1, 6);
	walk(THREADS - 1, 3);
}

/* --- Several vCPUs ----------------------------------------------------------------------- */

static struct om_call *others_call;

/* Another vCPU maps and unmaps between two instructions of this one. */
static void other_vcpu(int signal)
{
	(void)signal;
	if (others_call->mapped.payload_pages) {
		unmap_payload(others_call, others_call->mapped.payload_pages);
		return;
	}
	/* There may be no room. */
	(void)map_payload(others_call, 7);
}

MAPPING_TEST(test_invariant_5_charged_at_any_instruction, THREADS * OWN + 10, 0)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = &guest->calls[0];
	uint32_t n, wrong = 0;

	others_call = &guest->calls[1];
	rig_preempt(other_vcpu, 20);
	for (n = 0; n < 400000; n++) {
		bool fits = map_param(call, OWN + 1 + n % 10) == OM_ACCEPTED;

		wrong += om_load_relaxed(&guest->mapping.left) > 10;
		wrong += fits != (call->mapped.param_pages != 0);
		unmap_params(call);
	}
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	if (others_call->mapped.payload_pages)
		other_vcpu(0);
	assert_int_equal(guest->mapping.left, 10);
}

static void other_takes_one(int signal)
{
	(void)signal;
	(void)map_payload(others_call, 1);
}

/* What is left never is again what it was: who does not look again would try for ever. */
MAPPING_TEST(test_invariant_5_charged_while_there_is_less_and_less, THREADS * OWN + 1000000, 0)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = &guest->calls[0];
	uint32_t wrong = 0;

	others_call = &guest->calls[1];
	rig_preempt(other_takes_one, 20);
	for (uint32_t n = 0; n < 400000; n++) {
		wrong += map_param(call, OWN + 1) != OM_ACCEPTED;
		unmap_params(call);
	}
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(guest->mapping.left, 1000000 - others_call->mapped.payload_pages);
}

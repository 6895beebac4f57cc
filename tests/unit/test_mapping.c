/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of what OP-TEE maps: what a call is charged, what it gets back, and what
 * all calls of a guest have together. Knows pages, not buffers.
 */
#define _GNU_SOURCE	/* MAP_ANONYMOUS */

#include "rig.h"

#include <pthread.h>
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

/* owner: the id of the call that was charged, which may be another one or over. */
static void unmap_payload(struct om_call *call, uint32_t owner, uint32_t pages)
{
	om_unmap_payload(&call->guest->mapping, owner == om_call_id(call) ? &call->mapped : NULL,
			 pages);
}

static void param(struct om_call *call, uint32_t pages)
{
	assert_int_equal(map_param(call, pages), OM_ACCEPTED);
}

static void payload(struct om_call *call, uint64_t pages)
{
	assert_int_equal(map_payload(call, pages), OM_ACCEPTED);
}

static void no_param(struct om_call *call, uint32_t pages)
{
	const uint32_t sum = call->mapped.param_pages, left = call->guest->mapping.left;

	assert_int_equal(map_param(call, pages), OM_REFUSED_QUOTA);
	assert_int_equal(call->mapped.param_pages, sum);
	assert_int_equal(call->guest->mapping.left, left);
}

static void no_payload(struct om_call *call, uint64_t pages)
{
	const uint32_t sum = call->mapped.payload_pages, left = call->guest->mapping.left;

	assert_int_equal(map_payload(call, pages), OM_REFUSED_QUOTA);
	assert_int_equal(call->mapped.payload_pages, sum);
	assert_int_equal(call->guest->mapping.left, left);
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

TEST(test_limits_that_are_not_given)
{
	struct rig *rig = new_rig(0, 0);

	assert_int_equal(rig->guest->vm.limits.mapped_pages, OM_MAPPED_PAGES_DEFAULT);
	assert_int_equal(rig->guest->vm.limits.call_pages, OM_MAPPED_PAGES_DEFAULT);
	rig_free(rig);
	rig = new_rig(0, 5);
	assert_int_equal(rig->guest->vm.limits.mapped_pages, OM_MAPPED_PAGES_DEFAULT);
	assert_int_equal(rig->guest->vm.limits.call_pages, 5);
	rig_free(rig);
	rig = new_rig(5, 0);
	assert_int_equal(rig->guest->vm.limits.call_pages, 5);
	rig_free(rig);
}

/* --- Parameters ------------------------------------------------------------------- */

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

/* Within its own pages a call touches nothing that others use; beyond, to the last one. */
MAPPING_TEST(test_invariant_5_parameters_to_the_last_page, THREADS * OWN + 10, 0)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = guest->calls;

	param(&call[0], OWN - 1);
	param(&call[0], 1);
	assert_int_equal(guest->mapping.left, 10);
	param(&call[0], 1);
	assert_int_equal(guest->mapping.left, 9);
	no_param(&call[0], 10);
	param(&call[0], 9);
	assert_int_equal(guest->mapping.left, 0);
	no_param(&call[0], 1);
	/* The others have their own pages still, in one buffer or in several. */
	no_param(&call[1], OWN + 1);
	param(&call[1], OWN);
	no_param(&call[1], 1);
	param(&call[2], 1);
	param(&call[2], OWN - 1);
	no_param(&call[2], 1);
	/* A buffer of the call's own and shared pages at once. */
	unmap_params(&call[0]);
	assert_int_equal(call[0].mapped.param_pages, 0);
	assert_int_equal(guest->mapping.left, 10);
	param(&call[3], 1);
	param(&call[3], OWN - 1 + 10);
	assert_int_equal(guest->mapping.left, 0);
	param(&call[0], OWN);
	no_param(&call[0], 1);
	unmap_params(&call[0]);
	unmap_params(&call[1]);
	unmap_params(&call[2]);
	/* They took none that are shared, and give none back. */
	assert_int_equal(guest->mapping.left, 0);
	unmap_params(&call[3]);
	assert_int_equal(guest->mapping.left, 10);
	unmap_params(&call[3]);
	assert_int_equal(guest->mapping.left, 10);
}

/* What a loaded TA is given is mapped in the TA: nobody else's pages get fewer. */
MAPPING_TEST(test_parameters_of_a_loaded_ta, THREADS * OWN + 10, 1000)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = guest->calls;

	call[0].mapped.uses_window = false;
	param(&call[0], 999);
	no_param(&call[0], 2);
	param(&call[0], 1);
	no_param(&call[0], 1);
	assert_int_equal(guest->mapping.left, 10);
	/* But what it allocates for OP-TEE is: a call of another TA has less. */
	unmap_params(&call[0]);
	assert_int_equal(guest->mapping.left, 10);
	payload(&call[0], 10);
	no_param(&call[1], OWN + 1);
	param(&call[1], OWN);
	unmap_params(&call[1]);
	unmap_payload(&call[0], om_call_id(&call[0]), 10);
	assert_int_equal(guest->mapping.left, 10);
}

/* call_pages bounds a call by itself, however much there is for all. */
MAPPING_TEST(test_invariant_5_pages_of_a_call, OM_LIMIT_PAGES, 50)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = &guest->calls[0];
	const uint32_t left = guest->mapping.left;

	no_param(call, 51);
	no_param(call, UINT32_MAX);
	no_payload(call, 51);
	param(call, 20);
	/* Sums that would wrap. */
	no_param(call, UINT32_MAX - 19);
	no_param(call, UINT32_MAX);
	no_param(call, 31);
	no_payload(call, 31);
	param(call, 0);
	payload(call, 0);
	payload(call, 29);
	no_payload(call, 2);
	payload(call, 1);
	no_payload(call, 1);
	/* More bits than the account has. */
	no_payload(call, UINT64_MAX);
	no_payload(call, 1ull << 32);
	no_payload(call, (1ull << 32) + 1);
	unmap_payload(call, om_call_id(call), 29);
	unmap_payload(call, om_call_id(call), 1);
	unmap_params(call);
	param(call, 50);
	unmap_params(call);
	payload(call, 50);
	unmap_payload(call, om_call_id(call), 50);
	assert_int_equal(call->mapped.payload_pages, 0);
	assert_int_equal(guest->mapping.left, left);
}

/* --- Payloads ------------------------------------------------------------------------ */

/* A payload is OP-TEE's own business: nothing of it is the call's own pages. */
MAPPING_TEST(test_invariant_5_payloads_to_the_last_page, THREADS * OWN + 10, 0)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = guest->calls;

	no_payload(&call[0], 11);
	payload(&call[0], 4);
	payload(&call[1], 5);
	no_payload(&call[2], 2);
	payload(&call[2], 1);
	no_payload(&call[3], 1);
	payload(&call[3], 0);
	param(&call[3], OWN);
	no_param(&call[3], 1);
	unmap_payload(&call[1], om_call_id(&call[1]), 5);
	param(&call[3], 5);
	no_payload(&call[1], 1);
	unmap_params(&call[3]);
	unmap_payload(&call[0], om_call_id(&call[0]), 4);
	unmap_payload(&call[2], om_call_id(&call[2]), 1);
	assert_int_equal(guest->mapping.left, 10);
}

/* Fewer pages than there are threads: none is a call's own. */
MAPPING_TEST(test_invariant_5_fewer_pages_than_threads, THREADS - 1, 0)
{
	struct om_call *call = rig->guest->calls;

	param(&call[0], 2);
	payload(&call[1], 1);
	no_param(&call[2], 1);
	no_payload(&call[3], 1);
	param(&call[2], 0);
	unmap_params(&call[0]);
	param(&call[2], 2);
	unmap_params(&call[2]);
	unmap_payload(&call[1], om_call_id(&call[1]), 1);
	assert_int_equal(rig->guest->mapping.left, THREADS - 1);
}

/* OP-TEE may free with one call what it allocated with another. */
MAPPING_TEST(test_a_payload_that_another_call_frees, 100, 20)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = guest->calls;
	const uint32_t left = guest->mapping.left;

	payload(&call[0], 12);
	payload(&call[1], 7);
	unmap_payload(&call[1], om_call_id(&call[0]), 12);
	assert_int_equal(guest->mapping.left, left - 7);
	/* The other's sum is its own; this one still has what it was charged for. */
	assert_int_equal(call[1].mapped.payload_pages, 7);
	assert_int_equal(call[0].mapped.payload_pages, 12);
	no_payload(&call[0], 9);
	payload(&call[0], 8);
	unmap_payload(&call[0], om_call_id(&call[0]), 8);
	unmap_payload(&call[0], om_call_id(&call[1]), 7);
	assert_int_equal(guest->mapping.left, left);
}

/* The slot's next call has the same index, and another id. */
MAPPING_TEST(test_a_payload_that_outlives_its_call, 100, 20)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = &guest->calls[0];
	const uint32_t left = guest->mapping.left;
	const uint32_t first = om_call_id(call);

	payload(call, 12);
	/* The next generation, as take() makes it; nothing is charged to it yet. */
	call->word += 1u << 8;
	assert_int_not_equal(om_call_id(call), first);
	call->mapped.payload_pages = 0;
	payload(call, 20);
	unmap_payload(call, first, 12);
	assert_int_equal(call->mapped.payload_pages, 20);
	no_payload(call, 1);
	assert_int_equal(guest->mapping.left, left - 20);
	unmap_payload(call, om_call_id(call), 20);
	assert_int_equal(call->mapped.payload_pages, 0);
	assert_int_equal(guest->mapping.left, left);
}

/* An id comes again after 2^24 calls of its slot, and OP-TEE may keep a payload as long. */
MAPPING_TEST(test_i5_a_payload_of_an_older_call_with_the_same_id, 0, 0)
{
	struct om_guest *guest = rig->guest;
	struct om_call *call = &guest->calls[0];
	const uint32_t left = guest->mapping.left;

	payload(call, 5);
	/* The call is over, and the next one with its id has 2 pages of its own. */
	call->mapped.payload_pages = 0;
	payload(call, 2);

	unmap_payload(call, om_call_id(call), 5);
	assert_int_equal(call->mapped.payload_pages, 2);
	no_payload(call, guest->vm.limits.call_pages);
	unmap_payload(call, om_call_id(call), 2);
	assert_int_equal(call->mapped.payload_pages, 0);
	/* Nor is what another call was charged for. */
	payload(&guest->calls[1], 3);
	unmap_payload(call, om_call_id(&guest->calls[1]), 3);
	assert_int_equal(call->mapped.payload_pages, 0);
	assert_int_equal(guest->mapping.left, left);
}

/* A guest that starts over has all of it again. */
MAPPING_TEST(test_all_is_there_after_a_reset, 30, 0)
{
	struct om_guest *guest = rig->guest;
	enum om_result result;

	payload(&guest->calls[0], 9);
	param(&guest->calls[1], OWN + 1);
	do
		result = om_guest_reset(guest);
	while (result == OM_AGAIN);
	assert_int_equal(result, OM_OK);
	assert_int_equal(guest->mapping.left, 30 - THREADS * OWN);
	assert_int_equal(guest->mapping.own, OWN);
}

/* --- Several vCPUs ----------------------------------------------------------------------- */

static struct om_call *others_call;

/* Another vCPU maps and unmaps between two instructions of this one. */
static void other_vcpu(int signal)
{
	(void)signal;
	if (others_call->mapped.payload_pages) {
		unmap_payload(others_call, om_call_id(others_call), others_call->mapped.payload_pages);
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

#define ROUNDS	300000u
#define ROOM	10u

/* What all have taken of the shared pages, by their own count: never more than there are. */
static uint32_t taken, too_much;

static void *take_and_give(void *arg)
{
	struct om_call *call = arg;
	uint32_t n;

	for (n = 0; n < ROUNDS; n++) {
		uint32_t pages = 1 + n % ROOM;

		if (map_payload(call, pages) != OM_ACCEPTED)
			continue;
		if (__atomic_add_fetch(&taken, pages, __ATOMIC_SEQ_CST) > ROOM)
			__atomic_fetch_add(&too_much, 1, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&taken, pages, __ATOMIC_SEQ_CST);
		unmap_payload(call, om_call_id(call), pages);
	}
	return NULL;
}

MAPPING_TEST(test_invariant_5_never_more_than_there_are, THREADS * OWN + ROOM, 0)
{
	pthread_t thread;

	taken = too_much = 0;
	assert_int_equal(pthread_create(&thread, NULL, take_and_give, &rig->guest->calls[1]), 0);
	take_and_give(&rig->guest->calls[0]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(too_much, 0);
	assert_int_equal(rig->guest->mapping.left, ROOM);
}

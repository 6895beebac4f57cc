/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-list translation: lists of every awkward length, what is read of them and
 * how often, what OP-TEE is given instead, and that a failure at any entry or any
 * host operation leaves nothing behind.
 */
#include "rig_shm.h"

#include "page_list.h"

#define ENTRIES		511u	/* addresses in a list page */
#define LINK		511u	/* where the next one is */
#define PAGES_MAX	5000u
#define PAGES_LARGE	16384u	/* 64 MiB, every page of the RAM several times */
#define LISTS_MAX	33u
/* The guest's RAM: data pages first, then the list pages. */
#define RAM_PAGES	(PAGES_MAX + LISTS_MAX + 1u)
#define JUNK		0x5a5a5a5a5a5a5a5au

static const struct rig_setup setup = {
	.limits = { .threads = 1, .buffers = 4, .rpc_args = 1, .pages = PAGES_LARGE,
		    .list_pages = LISTS_MAX },
	.ram_pages = RAM_PAGES,
};

static const uint32_t lengths[] = {
	1, 14, 15, 16, 30, OM_PIN_BATCH - 1, OM_PIN_BATCH, OM_PIN_BATCH + 1, 2 * OM_PIN_BATCH,
	510, 511, 512, 1022, 1023, PAGES_MAX,
};

/* A list in guest memory, and one translation of it. */
struct job {
	struct rig *rig;
	uint32_t pages;
	struct om_region region;
	struct om_lists lists;
	struct om_translation t;
	uint32_t steps;
};

/* The data page behind the n-th entry: never the next one of the one before. */
static uint64_t data_ipa(const struct job *job, uint32_t n)
{
	return rig_ipa(job->rig, (n * 1237u + 11u) % PAGES_MAX);
}

static uint64_t *guest_list(const struct job *job, uint32_t n)
{
	/* Backwards, so that no list page follows the one before. */
	return rig_va(job->rig, RAM_PAGES - 2 - n);
}

static uint64_t *guest_entry(const struct job *job, uint32_t n)
{
	return &guest_list(job, n / ENTRIES)[n % ENTRIES];
}

static uint32_t list_pages(uint32_t pages)
{
	return (pages + ENTRIES - 1) / ENTRIES;
}

static void write_list(struct job *job)
{
	uint32_t last = list_pages(job->pages) - 1;

	for (uint32_t i = 0; i <= last; i++) {
		memset(guest_list(job, i), 0xa7, TEST_PAGE);
		guest_list(job, i)[LINK] = i == last ? JUNK :
			test_guest_ipa(job->rig->ram, guest_list(job, i + 1));
	}
	for (uint32_t i = 0; i < job->pages; i++)
		*guest_entry(job, i) = data_ipa(job, i);
}

static struct job job_new(struct rig *rig, uint32_t pages, uint32_t offset)
{
	struct job job = { .rig = rig, .pages = pages };

	job.region = (struct om_region){
		.kind = OM_SHARE_TEMPORARY,
		.buf_ptr = test_guest_ipa(rig->ram, guest_list(&job, 0)) | offset,
		.size = (uint64_t)pages * TEST_PAGE - offset,
	};
	job.lists.first = OM_NONE;
	write_list(&job);
	return job;
}

static enum om_refusal translate(struct job *job)
{
	enum om_refusal why = om_translation_begin(&job->rig->guest->shm, &job->region, &job->lists,
						   &job->t);
	uint32_t before = job->pages;

	while (why == OM_ACCEPTED && job->t.remaining) {
		assert_true(job->t.remaining <= before);
		before = job->t.remaining;
		why = om_translation_step(&job->rig->guest->shm, &job->lists, &job->t);
		/* Each step is bounded and gets on. */
		assert_true(before - job->t.remaining <= OM_PIN_BATCH);
		job->steps++;
	}
	return why;
}

static void release(struct rig *rig, uint32_t buffer)
{
	struct om_release list = { OM_NONE };

	let_go(rig, buffer, &list);
	drain(rig, &list);
}

/* What whoever asked for it does in the end, after success and refusal alike. */
static void job_end(struct job *job)
{
	struct om_guest *guest = job->rig->guest;

	/* Harmless to repeat, so that every way out can do it. */
	om_translation_end(&guest->shm, &job->t);
	om_translation_end(&guest->shm, &job->t);
	om_lists_release(&guest->shm, &job->lists);
	om_lists_release(&guest->shm, &job->lists);
	if (job->t.buffer != OM_NONE)
		release(job->rig, job->t.buffer);
	assert_int_equal(job->rig->ram->pinned, 0);
	assert_int_equal(guest->shm.pages_used, 0);
	assert_int_equal(guest->shm.buffers_used, 0);
	assert_int_equal(guest->shm.lists_left, guest->vm.limits.list_pages);
}

/* --- What comes out ----------------------------------------------------------- */

/* Follows the shadow list as OP-TEE does, which may only go to shadow pages. */
static void expect_shadow_list(const struct job *job, uint32_t offset)
{
	const struct om_guest *guest = job->rig->guest;
	const struct om_buffer *buffer = &guest->shm.buffers[job->t.buffer];
	uint64_t at = job->t.list_start;
	const uint64_t *list = NULL;
	uint32_t i;

	assert_int_equal(at % TEST_PAGE, offset);
	at -= offset;
	for (i = 0; i < job->pages; i++) {
		uint64_t pa = test_guest_pa(job->rig->ram, data_ipa(job, i));

		if (i % ENTRIES == 0) {
			if (i)
				at = list[LINK];
			assert_true(test_host_is_shadow(job->rig->host, at));
			list = test_host_peek(job->rig->host, at);
		}
		assert_int_equal(list[i % ENTRIES], pa);
		assert_int_equal(om_shm_page(&guest->shm, buffer, i).raw, pa);
	}
	assert_int_equal(buffer->offset, offset);
	assert_int_equal(buffer->size, job->region.size);
	assert_int_equal(buffer->pages, job->pages);
}

/* Invariant I1: each entry once, each link that is needed once, and no more. */
static void expect_reads(const struct job *job)
{
	struct test_guest *ram = job->rig->ram;
	uint32_t links = list_pages(job->pages) - 1;
	uint32_t i;

	assert_int_equal(ram->bytes_read, 8u * (job->pages + links));
	assert_int_equal(test_guest_max_reads(ram, 0, 0), 1);
	for (i = 0; i <= links; i++) {
		uint64_t at = test_guest_ipa(ram, guest_list(job, i));
		uint32_t used = i < links ? ENTRIES : job->pages - i * ENTRIES;

		assert_int_equal(test_guest_max_reads(ram, at + 8 * used,
						      8 * (ENTRIES - used) + 1), i < links);
		assert_int_equal(test_guest_max_reads(ram, at + 8 * LINK, 8), i < links);
	}
	for (i = 0; i < job->pages; i++)
		assert_int_equal(test_guest_max_reads(ram, test_guest_ipa(ram,
				 guest_entry(job, i)), 8), 1);
}

static void expect_translation(struct rig *rig, uint32_t pages, uint32_t offset, uint64_t size)
{
	struct job job = job_new(rig, pages, offset);

	job.region.size = size;
	test_host_reset_counts(rig->host);
	test_guest_count_reads(rig->ram);
	assert_int_equal(translate(&job), OM_ACCEPTED);
	/* The list page is held as long as it is read, the data pages stay. */
	assert_int_equal(rig->ram->pinned, pages);
	expect_shadow_list(&job, offset);
	expect_reads(&job);
	/* Batched: at most one step more than full batches for each list page. */
	assert_true(job.steps <= pages / OM_PIN_BATCH + 2 * list_pages(pages));
	assert_int_equal(rig->guest->shm.pages_used, pages);
	assert_int_equal(job.lists.reserved, list_pages(pages));
	/* OP-TEE has read the list: its pages go, the data stays pinned (I4). */
	om_lists_release(&rig->guest->shm, &job.lists);
	assert_int_equal(rig->ram->pinned, pages);
	job_end(&job);
}

#define LIST_TEST(name) RIG_TEST_BY(name, rig_new(&setup))

LIST_TEST(test_lists_of_every_awkward_length)
{
	static const uint32_t offsets[] = { 0, 1, 4095 };

	for (size_t n = 0; n < COUNT_OF(lengths); n++) {
		for (size_t o = 0; o < COUNT_OF(offsets); o++) {
			uint64_t most = (uint64_t)lengths[n] * TEST_PAGE - offsets[o];
			/* The smallest size that still needs the last page. */
			uint64_t least = most > TEST_PAGE ? most - TEST_PAGE + 1 : 1;

			expect_translation(rig, lengths[n], offsets[o], most);
			expect_translation(rig, lengths[n], offsets[o], least);
		}
	}
}

/*
 * Batches and list pages do not divide each other: in a list this long a batch
 * begins at every place of a list page there is.
 */
LIST_TEST(test_a_long_list)
{
	expect_translation(rig, PAGES_LARGE, 0, (uint64_t)PAGES_LARGE * TEST_PAGE);
	expect_translation(rig, PAGES_LARGE, 1, (uint64_t)PAGES_LARGE * TEST_PAGE - 1);
}

/* Two at a time have no page in common, and the lists do not mix. */
LIST_TEST(test_two_translations_step_by_step)
{
	struct job a = job_new(rig, 1023, 0);
	struct job b = job_new(rig, 1023, 5);
	struct om_guest *guest = rig->guest;
	enum om_refusal why = OM_ACCEPTED;

	/* Both read the one list that is there. */
	assert_int_equal(om_translation_begin(&guest->shm, &a.region, &a.lists, &a.t), OM_ACCEPTED);
	assert_int_equal(om_translation_begin(&guest->shm, &b.region, &b.lists, &b.t), OM_ACCEPTED);
	while (a.t.remaining || b.t.remaining) {
		struct job *job = a.t.remaining >= b.t.remaining ? &a : &b;

		why = om_translation_step(&guest->shm, &job->lists, &job->t);
		assert_int_equal(why, OM_ACCEPTED);
	}
	assert_int_equal(rig->ram->pinned, 2 * 1023);
	expect_shadow_list(&a, 0);
	expect_shadow_list(&b, 5);
	om_lists_release(&guest->shm, &a.lists);
	expect_shadow_list(&b, 5);
	om_lists_release(&guest->shm, &b.lists);
	release(rig, b.t.buffer);
	job_end(&a);
}

/* A call's slot remembers the list page of the call before: by now it may be another's. */
LIST_TEST(test_invariant_11_list_page_of_before_is_not_written)
{
	struct om_guest *guest = rig->guest;
	struct job first = job_new(rig, 1, 0);
	struct job other = job_new(rig, ENTRIES + 1, 0);
	struct job next = job_new(rig, 1, 0);

	assert_int_equal(translate(&first), OM_ACCEPTED);
	next.t.list = first.t.list;
	job_end(&first);
	write_list(&other);
	assert_int_equal(translate(&other), OM_ACCEPTED);
	assert_int_equal(other.lists.first, next.t.list);
	assert_int_equal(translate(&next), OM_ACCEPTED);
	expect_shadow_list(&other, 0);
	om_lists_release(&guest->shm, &next.lists);
	release(rig, next.t.buffer);
	job_end(&other);
}

/* Several lists of one call are one chain, given back at once. */
LIST_TEST(test_lists_of_one_call_are_given_back_together)
{
	struct job job = job_new(rig, 600, 0);
	struct job second = job_new(rig, 600, 0);

	assert_int_equal(translate(&job), OM_ACCEPTED);
	second.lists = job.lists;
	assert_int_equal(translate(&second), OM_ACCEPTED);
	assert_int_equal(second.lists.reserved, 4);
	expect_shadow_list(&job, 0);
	expect_shadow_list(&second, 0);
	om_lists_release(&rig->guest->shm, &second.lists);
	assert_int_equal(rig->guest->shm.lists_left, setup.limits.list_pages);
	job.lists = second.lists;
	release(rig, second.t.buffer);
	job_end(&job);
}

/* The guest changes each entry right after it was read: I1 against races. */
LIST_TEST(test_invariant_1_list_changes_while_it_is_read)
{
	struct job job = job_new(rig, 1023, 0);

	test_guest_mutate(rig->ram, true);
	assert_int_equal(translate(&job), OM_ACCEPTED);
	expect_shadow_list(&job, 0);
	test_guest_mutate(rig->ram, false);
	job_end(&job);
}

/* A page twice in a list is pinned twice and counts twice. */
LIST_TEST(test_same_page_again_and_again)
{
	struct job job = job_new(rig, 40, 0);

	for (uint32_t i = 0; i < 40; i++)
		*guest_entry(&job, i) = data_ipa(&job, 0);
	assert_int_equal(translate(&job), OM_ACCEPTED);
	assert_int_equal(rig->ram->pinned, 40);
	assert_int_equal(test_guest_pins(rig->ram, data_ipa(&job, 0)), 40);
	assert_int_equal(rig->guest->shm.pages_used, 40);
	job_end(&job);
}

/* --- What is refused ------------------------------------------------------------- */

LIST_TEST(test_sizes_and_quotas)
{
	static const struct {
		uint32_t offset;
		uint64_t size;
		enum om_refusal why;
	} cases[] = {
		{ 0, 0, OM_REFUSED_PARAMS },
		{ 0, UINT64_MAX, OM_REFUSED_PARAMS },
		{ 4095, UINT64_MAX, OM_REFUSED_PARAMS },
		{ 4095, UINT64_MAX - 4095, OM_REFUSED_PARAMS },
		{ 4095, UINT64_MAX - 8190, OM_REFUSED_QUOTA },
		{ 0, 1ull << 63, OM_REFUSED_QUOTA },
		/* The number of pages would be right in 32 bits. */
		{ 0, (1ull << 44) + TEST_PAGE, OM_REFUSED_QUOTA },
		/* More than the guest may pin; more lists than there are. */
		{ 0, (uint64_t)PAGES_LARGE * TEST_PAGE + 1, OM_REFUSED_QUOTA },
		{ 4095, (uint64_t)PAGES_LARGE * TEST_PAGE, OM_REFUSED_QUOTA },
	};

	test_host_reset_counts(rig->host);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct job job = job_new(rig, 1, cases[i].offset);

		job.region.size = cases[i].size;
		job.t.buffer = 0;
		assert_int_equal(translate(&job), cases[i].why);
		assert_int_equal(job.t.buffer, OM_NONE);
		assert_int_equal(job.lists.reserved, 0);
		job_end(&job);
	}
	/* Refused before anything is taken: nothing was pinned at all. */
	assert_int_equal(rig->host->count[TEST_OP_PIN], 0);
}

TEST(test_invariant_5_list_pages_of_the_guest)
{
	struct rig_setup small = setup;
	struct rig *rig;
	struct job job;

	small.limits.list_pages = 2;
	rig = rig_new(&small);
	job = job_new(rig, 2 * ENTRIES + 1, 0);
	assert_int_equal(translate(&job), OM_REFUSED_QUOTA);
	job_end(&job);
	job = job_new(rig, 2 * ENTRIES, 0);
	assert_int_equal(translate(&job), OM_ACCEPTED);
	job_end(&job);
	rig_free(rig);
}

enum { BAD_KINDS = 9 };

/* Makes an entry one that cannot be shared, one way or another. */
static uint64_t bad_address(const struct rig *rig, uint32_t kind, uint64_t good)
{
	const uint64_t bad[BAD_KINDS] = {
		0, good | 1, good | 0x800, rig->ram->hole_ipa, rig->ram->readonly_ipa,
		rig->ram->mmio_ipa, rig->ram->reserved_ipa, rig->ram->pa0_ipa,
		0xfffffffffffff000u,
	};

	return bad[kind % BAD_KINDS];
}

static void expect_refusal(struct rig *rig, struct job *job, uint64_t *entry, uint64_t bad)
{
	uint64_t good = *entry;

	*entry = bad;
	assert_int_equal(translate(job), OM_REFUSED_PAGE);
	job_end(job);
	*entry = good;
	job->steps = 0;
	assert_int_equal(rig->ram->pinned, 0);
}

LIST_TEST(test_invariant_2_failure_at_each_entry)
{
	static const uint32_t some[] = {
		1, OM_PIN_BATCH - 1, OM_PIN_BATCH, OM_PIN_BATCH + 1, 2 * OM_PIN_BATCH, 512, 1023,
	};
	uint32_t i;

	for (size_t n = 0; n < COUNT_OF(some); n++) {
		struct job job = job_new(rig, some[n], 0);

		for (i = 0; i < some[n]; i++) {
			uint64_t *entry = guest_entry(&job, i);

			expect_refusal(rig, &job, entry, bad_address(rig, i, *entry));
		}
		/* Every kind at the first and the last. */
		for (i = 0; i < BAD_KINDS; i++) {
			uint64_t *first = guest_entry(&job, 0);
			uint64_t *last = guest_entry(&job, some[n] - 1);

			expect_refusal(rig, &job, first, bad_address(rig, i, *first));
			expect_refusal(rig, &job, last, bad_address(rig, i, *last));
		}
		/* It was the entry's fault alone. */
		assert_int_equal(translate(&job), OM_ACCEPTED);
		expect_shadow_list(&job, 0);
		job_end(&job);
	}
}

LIST_TEST(test_invariant_2_bad_links)
{
	struct job job = job_new(rig, 1023, 0);
	uint64_t buf_ptr = job.region.buf_ptr;

	for (uint32_t kind = 0; kind < BAD_KINDS; kind++)
		for (uint32_t i = 0; i < 2; i++)
			expect_refusal(rig, &job, &guest_list(&job, i)[LINK],
				       bad_address(rig, kind, guest_list(&job, i)[LINK]));
	/* The first list page; its low bits are the offset of the data. */
	for (uint32_t kind = 3; kind < BAD_KINDS; kind++) {
		job.region.buf_ptr = bad_address(rig, kind, buf_ptr);
		assert_int_equal(translate(&job), OM_REFUSED_PAGE);
		/* What was reserved is the caller's to give back. */
		assert_int_not_equal(job.t.buffer, OM_NONE);
		job_end(&job);
	}
	job.region.buf_ptr = 0x123;
	assert_int_equal(translate(&job), OM_REFUSED_PAGE);
	job_end(&job);
}

/* Every host operation on the way fails once, then every one from there on. */
LIST_TEST(test_every_host_operation_fails)
{
	uint64_t n;

	for (uint64_t forever = 0; forever < 2; forever++) {
		for (n = 1;; n++) {
			struct job job = job_new(rig, 1030, 77);
			enum om_refusal why;

			test_host_fail(rig->host, TEST_FAULTS_ALL, n, forever);
			why = translate(&job);
			if (!test_host_fault_hits(rig->host)) {
				assert_int_equal(why, OM_ACCEPTED);
				test_host_fail(rig->host, 0, 0, false);
				job_end(&job);
				break;
			}
			assert_int_equal(why, OM_REFUSED_PAGE);
			test_host_fail(rig->host, 0, 0, false);
			job_end(&job);
		}
		assert_true(n > 2 * 1030 / OM_PIN_BATCH);
	}
}

/* Scenario 48: 200 times, and exactly nothing is missing. */
LIST_TEST(test_quota_is_exact_after_many_failures)
{
	struct job job = job_new(rig, PAGES_MAX, 0);

	for (uint32_t i = 0; i < 200; i++) {
		uint64_t *entry = guest_entry(&job, i % 3 == 0 ? 0 :
					      i % 3 == 1 ? PAGES_MAX / 2 : PAGES_MAX - 1);

		expect_refusal(rig, &job, entry, 0);
	}
	/* All that it needs is still there. */
	assert_int_equal(translate(&job), OM_ACCEPTED);
	job_end(&job);
}

/* --- Single pages ------------------------------------------------------------------ */

LIST_TEST(test_pin_one)
{
	om_pa_t pa = { 0x1234 };
	uint32_t kind;

	for (kind = 0; kind < BAD_KINDS; kind++) {
		uint64_t bad = bad_address(rig, kind, rig_ipa(rig, 3));

		assert_int_equal(om_pin_one(&rig->guest->vm, bad, &pa), OM_REFUSED_PAGE);
		assert_int_equal(pa.raw, 0x1234);
		assert_int_equal(rig->ram->pinned, 0);
	}
	assert_int_equal(om_pin_one(&rig->guest->vm, rig_ipa(rig, 3), &pa), OM_ACCEPTED);
	assert_int_equal(pa.raw, test_guest_pa(rig->ram, rig_ipa(rig, 3)));
	rig->host->ops.unpin(rig->ram, &pa, 1);
}

LIST_TEST(test_share_one_page)
{
	const struct om_share page = { .kind = OM_SHARE_RPC_ARG, .cookie = { 5 }, .pages = 1,
				       .size = TEST_PAGE };
	uint32_t index = 77, i;

	for (i = 0; i < BAD_KINDS; i++)
		assert_int_equal(om_share_page(&rig->guest->shm, &page,
					       bad_address(rig, i, rig_ipa(rig, 3)), &index),
				 OM_REFUSED_PAGE);
	assert_int_equal(index, 77);
	assert_int_equal(rig->guest->shm.pages_used, 0);
	assert_int_equal(om_share_page(&rig->guest->shm, &page, rig_ipa(rig, 3), &index), OM_ACCEPTED);
	assert_int_equal(om_shm_page(&rig->guest->shm, &rig->guest->shm.buffers[index], 0).raw,
			 test_guest_pa(rig->ram, rig_ipa(rig, 3)));
	/* The cookie is in use now: the page that was pinned for it goes again. */
	i = 77;
	assert_int_equal(om_share_page(&rig->guest->shm, &page, rig_ipa(rig, 4), &i),
			 OM_REFUSED_COOKIE);
	assert_int_equal(i, 77);
	assert_int_equal(rig->ram->pinned, 1);
	om_shm_forget(&rig->guest->shm, index);
	release(rig, index);
}

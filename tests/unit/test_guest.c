/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory and its beginning: how much it needs and that it stays inside, and what
 * om_guest_create() refuses. test_guest_life.c has the rest of its life.
 */
#include "rig_guest.h"

#define GUARD	0xc7

static const struct om_limits normal = OM_LIMITS_DEFAULT;

/* One limit at a time. */
static const struct {
	size_t at;
	uint32_t min, max;
	bool costs;
} bounds[] = {
	{ offsetof(struct om_limits, threads), 1, OM_LIMIT_THREADS, true },
	{ offsetof(struct om_limits, buffers), 1, OM_LIMIT_BUFFERS, true },
	{ offsetof(struct om_limits, rpc_args), 1, OM_LIMIT_RPC_ARGS, true },
	{ offsetof(struct om_limits, pages), 1, OM_LIMIT_PAGES, true },
	{ offsetof(struct om_limits, list_pages), 1, OM_LIMIT_LIST_PAGES, true },
	{ offsetof(struct om_limits, call_pages), 0, OM_LIMIT_PAGES, false },
	{ offsetof(struct om_limits, mapped_pages), 0, OM_LIMIT_PAGES, false },
	{ offsetof(struct om_limits, sessions), 0, OM_LIMIT_SESSIONS, true },
};
#define BUFFERS	1	/* of them */
#define PAGES	3

static size_t size_with(struct om_limits limits, size_t which, uint32_t value)
{
	memcpy((char *)&limits + bounds[which].at, &value, sizeof(value));
	return om_guest_size(&limits);
}

/* --- How much memory ------------------------------------------------------------ */

TEST(test_invariant_5_range_of_each_limit)
{
	assert_int_equal(COUNT_OF(bounds) * sizeof(uint32_t), sizeof(struct om_limits));
	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		assert_int_equal(size_with(normal, i, 0) == 0, bounds[i].min > 0);
		assert_int_not_equal(size_with(normal, i, 1), 0);
		assert_int_not_equal(size_with(normal, i, bounds[i].max), 0);
		assert_int_equal(size_with(normal, i, bounds[i].max + 1), 0);
		assert_int_equal(size_with(normal, i, 0x80000000), 0);
		assert_int_equal(size_with(normal, i, UINT32_MAX), 0);
	}
	assert_int_equal(om_guest_size(NULL), 0);
}

TEST(test_size_grows_with_each_limit)
{
	size_t before, last;

	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		before = 0;
		for (uint32_t value = 1; value <= bounds[i].max; value += 1 + value / 7) {
			last = size_with(small, i, value);
			assert_true(last >= before);
			assert_int_equal(last % OM_GUEST_ALIGN, 0);
			before = last;
		}
		last = size_with(small, i, bounds[i].max);
		assert_int_equal(last > om_guest_size(&small), bounds[i].costs);
	}
}

/* What limits.h tells embedders of the cost. */
TEST(test_size_is_what_the_header_says)
{
	const uint32_t pages = 1u << 20;
	size_t base, more;

	assert_in_range(om_guest_size(&normal), 590 * 1024, 630 * 1024);
	base = size_with(normal, PAGES, pages);
	more = size_with(normal, PAGES, 2 * pages);
	/* 8.3 bytes a page. */
	assert_in_range((more - base) * 100 / pages, 820, 840);
	/* 390 bytes a buffer: its pins, itself, and its place in the table. */
	base = size_with(normal, BUFFERS, 1u << 16);
	more = size_with(normal, BUFFERS, 1u << 17);
	assert_in_range((more - base) >> 16, 380, 400);
}

/* Every table, where it is: in order, aligned, and the last one ends at the end. */
RIG_TEST(test_layout_has_no_holes)
{
	const struct om_guest *guest = rig->guest;
	const struct om_limits *l = &guest->vm.limits;
	const struct {
		const void *at;
		size_t size;
	} tables[] = {
		{ guest, sizeof(*guest) },
		{ guest->calls, l->threads * sizeof(*guest->calls) },
		{ guest->shm.pins, om_shm_pins_count(l) * sizeof(*guest->shm.pins) },
		{ guest->shm.buffers, om_shm_buffer_count(l) * sizeof(*guest->shm.buffers) },
		{ guest->sessions.table, l->sessions * sizeof(*guest->sessions.table) },
		{ guest->shm.shadows, (l->threads + l->rpc_args + l->list_pages) *
				      sizeof(*guest->shm.shadows) },
		{ guest->shm.buckets, om_shm_bucket_count(l) * sizeof(*guest->shm.buckets) },
	};
	const uint8_t *end = rig->memory;

	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		const uint8_t *at = tables[i].at;

		assert_int_equal((uintptr_t)at % OM_GUEST_ALIGN, 0);
		assert_true(at >= end && at < end + OM_GUEST_ALIGN);
		end = at + tables[i].size;
	}
	assert_true(end <= (uint8_t *)rig->memory + om_guest_size(l));
	assert_true(end + OM_GUEST_ALIGN > (uint8_t *)rig->memory + om_guest_size(l));
}

/* Registers as many buffers as there can be, so that every table is written. */
static void use_everything(struct rig *rig)
{
	const struct om_limits *l = &rig->guest->vm.limits;
	uint32_t index[64], n = l->buffers + l->rpc_args;

	for (uint32_t i = 0; i < n; i++)
		index[i] = reserve(rig, i < l->buffers ? OM_SHARE_PAYLOAD : OM_SHARE_RPC_ARG,
				   1 + i, 1);
	for (uint32_t i = 0; i < n; i++)
		drop(rig, index[i]);
}

/* Not a byte before, nor after, for limits of every kinds. */
TEST(test_guest_stays_inside_its_memory)
{
	uint64_t seed = 7;

	for (uint32_t round = 0; round < 200; round++) {
		struct om_limits l = {
			.threads = 1 + (uint32_t)(rig_random(&seed) % 16),
			.buffers = 1 + (uint32_t)(rig_random(&seed) % 32),
			.rpc_args = 1 + (uint32_t)(rig_random(&seed) % 16),
			.pages = 64 + (uint32_t)(rig_random(&seed) % 100),
			.list_pages = 1 + (uint32_t)(rig_random(&seed) % 9),
		};
		struct rig *rig = rig_new_bare();
		size_t size = om_guest_size(&l);
		/* As the guest's memory would be, with a red zone right behind it. */
		uint8_t *memory = aligned_alloc(OM_GUEST_ALIGN, size + 2 * OM_GUEST_ALIGN);
		uint8_t *at = memory + OM_GUEST_ALIGN;

		assert_non_null(memory);
		memset(memory, GUARD, size + 2 * OM_GUEST_ALIGN);
		rig->ram = test_guest_new(rig->host, RIG_GUEST, 4);
		assert_int_equal(om_mediator_init(&rig->mediator, &rig->host->ops, rig->host),
				 OM_OK);
		assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &l, rig->ram, at,
						 size, &rig->guest), OM_OK);
		assert_ptr_equal(rig->guest, at);
		/* No more calls than OP-TEE has threads, which is 4 here. */
		assert_int_equal(rig->guest->vm.limits.threads, l.threads < 4 ? l.threads : 4);
		assert_int_equal(rig->host->shadow_pages,
				 rig->guest->vm.limits.threads + l.rpc_args + l.list_pages);
		use_everything(rig);
		assert_int_equal(om_guest_destroy(rig->guest), OM_OK);
		rig->guest = NULL;
		for (uint32_t i = 0; i < OM_GUEST_ALIGN; i++) {
			assert_int_equal(memory[i], GUARD);
			assert_int_equal(at[size + i], GUARD);
		}
		free(memory);
		rig_free(rig);
	}
}

/* --- Creation ---------------------------------------------------------------------- */

static struct rig *rig_without_guest(void)
{
	struct rig *rig = rig_new_bare();

	rig->ram = test_guest_new(rig->host, RIG_GUEST, 4);
	assert_int_equal(om_mediator_init(&rig->mediator, &rig->host->ops, rig->host), OM_OK);
	rig->memory = aligned_alloc(OM_GUEST_ALIGN, om_guest_size(&small) + OM_GUEST_ALIGN);
	assert_non_null(rig->memory);
	rig->smcs = 0;
	return rig;
}

#define CREATE_TEST(name) RIG_TEST_BY(name, rig_without_guest())

static enum om_result create(struct rig *rig, uint32_t id)
{
	return om_guest_create(&rig->mediator, id, &small, rig->ram, rig->memory,
			       om_guest_size(&small), &rig->guest);
}

CREATE_TEST(test_arguments_of_create)
{
	struct om_mediator *m = &rig->mediator;
	uint8_t *mem = rig->memory;
	size_t size = om_guest_size(&small);
	struct om_limits none = small;
	struct om_guest *out = NULL;

	none.pages = 0;
	assert_int_equal(om_guest_create(NULL, 1, &small, NULL, mem, size, &out), OM_ERR_ARGUMENT);
	assert_int_equal(om_guest_create(m, 1, NULL, NULL, mem, size, &out), OM_ERR_ARGUMENT);
	assert_int_equal(om_guest_create(m, 1, &none, NULL, mem, size, &out), OM_ERR_ARGUMENT);
	assert_int_equal(om_guest_create(m, 1, &small, NULL, NULL, size, &out), OM_ERR_ARGUMENT);
	assert_int_equal(om_guest_create(m, 1, &small, NULL, mem, size, NULL), OM_ERR_ARGUMENT);
	assert_int_equal(om_guest_create(m, 1, &small, NULL, mem, size - 1, &out),
			 OM_ERR_ARGUMENT);
	assert_int_equal(om_guest_create(m, 1, &small, NULL, mem, 0, &out), OM_ERR_ARGUMENT);
	for (uint32_t shift = 1; shift < OM_GUEST_ALIGN; shift++)
		assert_int_equal(om_guest_create(m, 1, &small, NULL, mem + shift, size, &out),
				 OM_ERR_ARGUMENT);
	/* Scenario 3: ids that nobody can have. */
	assert_int_equal(create(rig, 0), OM_ERR_ARGUMENT);
	assert_int_equal(create(rig, 0x10000), OM_ERR_ARGUMENT);
	assert_int_equal(create(rig, UINT32_MAX), OM_ERR_ARGUMENT);
	assert_null(out);
	assert_null(rig->guest);
	assert_int_equal(rig->smcs, 0);
	assert_int_equal(rig->host->count[TEST_OP_PAGE_ALLOC], 0);
}

CREATE_TEST(test_scenario_3_one_guest_an_id)
{
	static const uint32_t ids[] = { 1, 31, 32, 33, 0xfffe, 0xffff };
	size_t size = om_guest_size(&small);
	void *other = aligned_alloc(OM_GUEST_ALIGN, size);
	struct om_guest *twin = NULL;
	size_t smcs;

	assert_non_null(other);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		assert_int_equal(create(rig, ids[i]), OM_OK);
		smcs = rig->smcs;
		assert_int_equal(om_guest_create(&rig->mediator, ids[i], &small, NULL, other, size,
						 &twin), OM_ERR_EXISTS);
		assert_null(twin);
		assert_int_equal(rig->smcs, smcs);
		/* Its neighbours are others. */
		if (ids[i] > 1) {
			assert_int_equal(om_guest_create(&rig->mediator, ids[i] - 1, &small, NULL,
							 other, size, &twin), OM_OK);
			assert_int_equal(om_guest_destroy(twin), OM_OK);
			twin = NULL;
		}
		/* Free again once it is gone. */
		assert_int_equal(om_guest_destroy(rig->guest), OM_OK);
		rig->guest = NULL;
	}
	free(other);
}

CREATE_TEST(test_scenario_2_vm_created_refused)
{
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(create(rig, RIG_GUEST), OM_ERR_REFUSED);
	assert_null(rig->guest);
	assert_int_equal(rig->host->shadow_pages, 0);
	assert_int_equal(rig->host->shadow_pages_peak, 3);
	expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 1);
	/* OP-TEE never had it, so there is nothing to destroy. */
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 0);
	/* The id is not used up. */
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(create(rig, RIG_GUEST), OM_OK);
}

CREATE_TEST(test_scenario_20_no_page)
{
	for (uint64_t n = 1; n <= 3; n++) {
		test_host_fail(rig->host, 1u << TEST_OP_PAGE_ALLOC, n, false);
		assert_int_equal(create(rig, RIG_GUEST), OM_ERR_NO_MEMORY);
		assert_int_equal(rig->host->shadow_pages, 0);
		assert_int_equal(rig->smcs, 0);
	}
	test_host_fail(rig->host, 0, 0, false);
	assert_int_equal(create(rig, RIG_GUEST), OM_OK);
}

/* A host that gives pages of no use. */
static uint32_t bad_page_number;
static uint32_t bad_page_kind;
static uint32_t pages_out;

static int bad_page_alloc(void *host, struct om_page *page)
{
	static uint8_t contents[TEST_PAGE];

	(void)host;
	*page = (struct om_page){ contents, { 0x10000 } };
	if (pages_out++ == bad_page_number) {
		if (bad_page_kind == 0)
			page->va = NULL;
		else
			page->pa.raw = bad_page_kind == 1 ? 0 : TEST_RESERVED_PA;
	}
	return 0;
}

static void bad_page_free(void *host, const struct om_page *page)
{
	(void)host;
	(void)page;
	pages_out--;
}

CREATE_TEST(test_invariant_2_unusable_shadow_pages)
{
	rig->host->ops.page_alloc = bad_page_alloc;
	rig->host->ops.page_free = bad_page_free;
	for (bad_page_kind = 0; bad_page_kind < 3; bad_page_kind++) {
		for (bad_page_number = 0; bad_page_number < 3; bad_page_number++) {
			pages_out = 0;
			assert_int_equal(create(rig, RIG_GUEST), OM_ERR_NO_MEMORY);
			/* The one of no use was the host's, too. */
			assert_int_equal(pages_out, 0);
		}
	}
	assert_null(rig->guest);
}

/* OP-TEE sees whole pages. The test host gives them as a heap does, with leftovers. */
RIG_TEST(fault_a9_pages_are_cleared)
{
	static const uint8_t zero[TEST_PAGE];
	const struct om_limits *l = &rig->guest->vm.limits;

	for (uint32_t i = 0; i < l->threads + l->rpc_args + l->list_pages; i++)
		assert_memory_equal(rig->guest->shm.shadows[i].page.va, zero, TEST_PAGE);
}

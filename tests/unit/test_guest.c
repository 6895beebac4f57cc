/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory and life: how much it needs and that it stays inside, what
 * om_guest_create() refuses, the steps of reset and destroy, counters, interrupts.
 */
#include "rig.h"

#define GUARD	0xc7

static const struct om_limits small = {
	.threads = 1, .buffers = 1, .rpc_args = 1, .pages = 1, .list_pages = 1,
};
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

	assert_in_range(om_guest_size(&normal), 490 * 1024, 530 * 1024);
	base = size_with(normal, PAGES, pages);
	more = size_with(normal, PAGES, 2 * pages);
	/* 8.3 bytes a page. */
	assert_in_range((more - base) * 100 / pages, 820, 840);
	/* 330 bytes a buffer: its pins, itself, and its place in the table. */
	base = size_with(normal, BUFFERS, 1u << 16);
	more = size_with(normal, BUFFERS, 1u << 17);
	assert_in_range((more - base) >> 16, 320, 340);
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
static void use_everything(struct om_guest *guest)
{
	struct om_release release = { OM_NONE };
	uint32_t i, index[64], n = guest->vm.limits.buffers + guest->vm.limits.rpc_args;

	for (i = 0; i < n; i++) {
		const struct om_share share = {
			.kind = i < guest->vm.limits.buffers ? OM_SHARE_PAYLOAD : OM_SHARE_RPC_ARG,
			.cookie = { 1 + i }, .pages = 1, .size = TEST_PAGE,
		};

		assert_int_equal(om_shm_reserve(&guest->shm, &share, &index[i]), OM_ACCEPTED);
	}
	for (i = 0; i < n; i++) {
		om_shm_forget(&guest->shm, index[i]);
		om_shm_put(&guest->shm, index[i], &release);
	}
	while (om_shm_release_step(&guest->shm, &release))
		;
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
		struct om_guest *guest = NULL;

		assert_non_null(memory);
		memset(memory, GUARD, size + 2 * OM_GUEST_ALIGN);
		rig->ram = test_guest_new(rig->host, RIG_GUEST, 4);
		assert_int_equal(om_mediator_init(&rig->mediator, &rig->host->ops, rig->host),
				 OM_OK);
		assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &l, rig->ram, at,
						 size, &guest), OM_OK);
		assert_ptr_equal(guest, at);
		/* No more calls than OP-TEE has threads, which is 4 here. */
		assert_int_equal(guest->vm.limits.threads, l.threads < 4 ? l.threads : 4);
		assert_int_equal(rig->host->shadow_pages,
				 guest->vm.limits.threads + l.rpc_args + l.list_pages);
		use_everything(guest);
		assert_int_equal(om_guest_destroy(guest), OM_OK);
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

static void expect_vm_smcs(const struct rig *rig, uint32_t fid, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < rig->smcs; i++) {
		if (rig->smc[i].a[0] != fid)
			continue;
		found++;
		assert_int_equal(rig->smc[i].a[1], RIG_GUEST);
		for (size_t k = 2; k < 8; k++)
			assert_int_equal(rig->smc[i].a[k], 0);
	}
	assert_int_equal(found, n);
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

/* --- Reset and destroy ---------------------------------------------------------------- */

/* Pins for n buffers of p pages each; what a guest leaves behind. */
static void leave_behind(struct rig *rig, uint32_t n, uint32_t pages)
{
	struct om_release release = { OM_NONE };
	uint32_t index;

	for (uint32_t i = 0; i < n; i++) {
		const struct om_share share = { .kind = OM_SHARE_REGISTERED, .cookie = { 1 + i },
						.pages = pages };

		assert_int_equal(om_shm_reserve(&rig->guest->shm, &share, &index), OM_ACCEPTED);
		for (uint32_t k = 0; k < pages; k++) {
			om_ipa_t ipa = { rig_ipa(rig, k) };
			struct om_pins *pins = om_shm_next_pins(&rig->guest->shm,
							   &rig->guest->shm.buffers[index]);

			assert_int_equal(rig->host->ops.pin(rig->ram, &ipa, 1,
							    &pins->pa[pins->count++]), 0);
		}
		om_shm_publish(&rig->guest->shm, index);
		om_shm_put(&rig->guest->shm, index, &release);
	}
}

/* A call that waits for its guest; returns its id. */
static uint32_t leave_a_call(struct rig *rig)
{
	struct optee_msg_hdr *hdr = rig_va(rig, 0);
	struct om_regs regs;

	/* A reset has closed it. */
	if (om_guest_counter(rig->guest, OM_COUNT_SESSIONS_NOW) == 0)
		rig_open_session(rig, RIG_SESSION, true);
	rig_answer(rig, OPTEE_SMC_CALL_WITH_ARG)->a[0] = OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;
	hdr->cmd = OPTEE_MSG_CMD_INVOKE_COMMAND;
	regs = rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0), 0);
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	return (uint32_t)regs.a[3];
}

/* Invariant I4: nothing is unpinned and no page freed before VM_DESTROYED is back. */
static void check_order(void *arg, enum test_op op, struct test_guest *guest)
{
	struct rig *rig = arg;

	(void)guest;
	if (op == TEST_OP_UNPIN || op == TEST_OP_PAGE_FREE)
		expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 1);
}

RIG_TEST(test_scenario_5_destroy_in_steps)
{
	uint32_t steps = 0;

	leave_behind(rig, 2, OM_PIN_BATCH + 1);
	leave_a_call(rig);
	assert_int_equal(rig->ram->pinned, 2 * (OM_PIN_BATCH + 1) + 1);
	rig->host->on_op = check_order;
	rig->host->on_op_arg = rig;
	rig->host->yield_every = 1;
	/* A record of pins, a call, a page: each its own step, none twice. */
	while (om_guest_destroy(rig->guest) == OM_AGAIN)
		steps++;
	assert_int_equal(steps, 2 * 2 + 4 + 12 - 1);
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 1);
	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(rig->host->shadow_pages, 0);
	rig->guest = NULL;
}

/* Every pool has all that the limits say, every cookie is free, nothing is charged. */
static void expect_empty_tables(struct rig *rig)
{
	const struct om_limits *limits = &rig->guest->vm.limits;
	const struct om_shm *shm = &rig->guest->shm;
	uint32_t i, n;

	for (i = shm->free_buffers, n = 0; i != OM_NONE; i = shm->buffers[i].next)
		n++;
	assert_int_equal(n, om_shm_buffer_count(limits));
	for (i = shm->free_pins, n = 0; i != OM_NONE; i = shm->pins[i].next, n++)
		assert_int_equal(shm->pins[i].count, 0);
	assert_int_equal(n, om_shm_pins_count(limits));
	for (i = shm->free_rpc_shadows, n = 0; i != OM_NONE; i = shm->shadows[i].next)
		n++;
	assert_int_equal(n, limits->rpc_args);
	for (i = shm->free_lists, n = 0; i != OM_NONE; i = shm->shadows[i].next)
		n++;
	assert_int_equal(n, limits->list_pages);
	assert_int_equal(shm->lists_left, limits->list_pages);
	for (i = 0; i < om_shm_bucket_count(limits); i++)
		assert_int_equal(shm->buckets[i], OM_NONE);
	assert_int_equal(shm->buffers_used | shm->rpc_args_used | shm->pages_used, 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 0);
}

/* Whatever is left behind, and however much of it the next life would like to have. */
TEST(test_scenario_6_tables_are_those_of_a_new_guest)
{
	struct rig_setup setup = rig_default;

	/* So that what is behind a table is now and then the next one. */
	for (uint32_t lists = 1; lists <= 9; lists++) {
		struct rig *rig;

		setup.limits.list_pages = lists;
		rig = rig_new(&setup);
		expect_empty_tables(rig);
		leave_behind(rig, 2, OM_PIN_BATCH + 1);
		leave_a_call(rig);
		assert_int_equal(om_guest_reset(rig->guest), OM_OK);
		expect_empty_tables(rig);
		rig_free(rig);
	}
}

RIG_TEST(test_scenario_6_reset)
{
	uint32_t id, steps = 0;

	leave_behind(rig, 2, OM_PIN_BATCH + 1);
	id = leave_a_call(rig);
	rig->host->on_op = check_order;
	rig->host->on_op_arg = rig;
	rig->host->yield_every = 1;
	while (om_guest_reset(rig->guest) == OM_AGAIN)
		steps++;
	rig->host->on_op = NULL;
	rig->host->yield_every = 0;
	assert_int_equal(steps, 2 * 2 + 4);
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 1);
	expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 1);
	assert_int_equal(rig->ram->pinned, 0);
	/* Its shadow pages it keeps. */
	assert_int_equal(rig->host->shadow_pages, 12);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 0);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 0);
	assert_false(om_shm_is_known(&rig->guest->shm, (om_cookie_t){ 1 }));
	/* The call of its former life is unknown, and stays so. */
	assert_int_equal(rig_call(rig, OPTEE_SMC_RETURN_FROM_RPC, 0, 0, id).a[0],
			 OPTEE_SMC_RETURN_ERESUME);
	assert_int_not_equal(leave_a_call(rig), id);
	leave_behind(rig, 2, OM_PIN_BATCH + 1);
}

RIG_TEST(test_reset_that_optee_refuses)
{
	leave_behind(rig, 1, 1);
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(om_guest_reset(rig->guest), OM_ERR_REFUSED);
	assert_int_equal(rig->ram->pinned, 0);
	/* Every call fails and none reaches OP-TEE. */
	rig->smcs = 0;
	assert_int_equal(rig_call(rig, OPTEE_SMC_GET_OS_UUID, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0), 0).a[0],
			 OPTEE_SMC_RETURN_ENOTAVAIL);
	/* A 64-bit identifier is no exception to that. */
	assert_int_equal(rig_call(rig, OPTEE_SMC_GET_OS_UUID | SMCCC_FID_SMC64, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(rig->smcs, 0);
	/* Another try; what OP-TEE has let go, it is not told again. */
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, 0);
	expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 1);
	leave_a_call(rig);
	/* Destroyed in that state, too. */
	rig_answer(rig, OPTEE_SMC_VM_CREATED)->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	assert_int_equal(om_guest_reset(rig->guest), OM_ERR_REFUSED);
}

/* OP-TEE may still use what was shared, so it stays; what is asked for can be asked again. */
static void not_released(enum om_result (*leave)(struct om_guest *guest), uint64_t answer)
{
	static _Alignas(OM_GUEST_ALIGN) uint8_t other[1u << 16];
	struct rig *rig = rig_new(NULL);

	leave_behind(rig, 2, OM_PIN_BATCH + 1);
	leave_a_call(rig);
	rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = answer;
	rig->smcs = 0;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(leave(rig->guest), OM_ERR_NOT_RELEASED);
		expect_vm_smcs(rig, OPTEE_SMC_VM_DESTROYED, i);
		expect_vm_smcs(rig, OPTEE_SMC_VM_CREATED, 0);
		assert_int_equal(rig->host->count[TEST_OP_UNPIN], 0);
		assert_int_equal(rig->ram->pinned, 2 * (OM_PIN_BATCH + 1) + 1);
		assert_int_equal(rig->host->shadow_pages, 12);
		/* It is nobody's, and calls nobody. */
		assert_int_equal(rig_call(rig, OPTEE_SMC_GET_OS_UUID, 0, 0, 0).a[0],
				 OPTEE_SMC_RETURN_ENOTAVAIL);
		om_guest_interrupt(rig->guest);
		assert_int_equal(rig->ram->notified, 0);
		assert_int_equal(rig->smcs, i);
	}
	/* Its id is no other's. */
	assert_int_equal(om_guest_create(&rig->mediator, RIG_GUEST, &small, rig->ram, other,
					 sizeof(other), &rig->guest), OM_ERR_EXISTS);
	rig_answer(rig, OPTEE_SMC_VM_DESTROYED)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(leave(rig->guest), OM_OK);
	assert_int_equal(rig->ram->pinned, 0);
	if (leave == om_guest_destroy)
		rig->guest = NULL;
	rig_free(rig);
}

TEST(fault_a8_optee_does_not_let_go)
{
	static const uint64_t answers[] = {
		OPTEE_SMC_RETURN_ENOTAVAIL, OPTEE_SMC_RETURN_EBUSY,
		OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0x100000001,
	};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		not_released(om_guest_destroy, answers[i]);
		not_released(om_guest_reset, answers[i]);
	}
}

/* Asked whether to give way: how much was done since the last time. */
static struct {
	struct om_guest *guest;
	uint32_t stage, cursor;
	uint32_t asked, most;
} steps;

static bool count_and_give_way(void *host)
{
	uint32_t from = steps.guest->stage == steps.stage ? steps.cursor : 0;

	(void)host;
	if (steps.guest->cursor - from > steps.most)
		steps.most = steps.guest->cursor - from;
	steps.stage = steps.guest->stage;
	steps.cursor = steps.guest->cursor;
	return ++steps.asked % 2;
}

/*
 * However large the limits are and however little of them was used, a step is short:
 * which table is the largest makes no difference.
 */
TEST(fault_b9_steps_are_bounded)
{
	static const struct om_limits limits[] = {
		{ .threads = 4, .buffers = 16, .rpc_args = 4, .pages = 1u << 22, .list_pages = 4 },
		{ .threads = 1, .buffers = 40000, .rpc_args = 1, .pages = 64, .list_pages = 4 },
		{ .threads = 1, .buffers = 1, .rpc_args = 1, .pages = 64, .list_pages = 8000 },
	};
	static const uint32_t rows[] = { (1u << 22) / OM_PIN_BATCH, 65536, 8000 };
	struct rig_setup setup = rig_default;

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		uint32_t again = 0;
		struct rig *rig;

		setup.limits = limits[i];
		rig = rig_new(&setup);
		leave_behind(rig, 1, 40);
		leave_a_call(rig);
		rig->host->ops.should_yield = count_and_give_way;
		memset(&steps, 0, sizeof(steps));
		steps.guest = rig->guest;
		while (om_guest_reset(rig->guest) == OM_AGAIN)
			again++;
		assert_in_range(steps.most, 1, 64);
		assert_true(steps.asked >= rows[i] / 64 && again >= rows[i] / 128);
		expect_empty_tables(rig);
		leave_behind(rig, 1, 40);
		memset(&steps, 0, sizeof(steps));
		steps.guest = rig->guest;
		while (om_guest_destroy(rig->guest) == OM_AGAIN)
			;
		assert_in_range(steps.most, 1, 64);
		assert_true(steps.asked >= rows[i] / 64);
		rig->guest = NULL;
		rig_free(rig);
	}
}

/* A list page of the guest's that was being read when the guest died. */
RIG_TEST(test_destroy_in_the_middle_of_a_translation)
{
	struct om_message *message = rig_va(rig, 0);
	uint64_t *list = rig_va(rig, 1);

	for (uint32_t i = 0; i < 60; i++)
		list[i] = rig_ipa(rig, 2 + i);
	message->hdr.cmd = OPTEE_MSG_CMD_REGISTER_SHM;
	message->hdr.num_params = 1;
	message->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG;
	message->param[0].u.tmem.buf_ptr = rig_ipa(rig, 1);
	message->param[0].u.tmem.size = 60 * TEST_PAGE;
	message->param[0].u.tmem.shm_ref = 1;
	rig->host->yield_every = 1;
	assert_int_equal(rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0), 0).a[0],
			 OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	/* Command page, list page, one batch. */
	assert_int_equal(rig->ram->pinned, 2 + OM_PIN_BATCH);
	assert_int_equal(rig->smcs, 0);
}

/* --- Counters --------------------------------------------------------------------------- */

static const char *const counter_names[] = {
	"fast_calls", "calls", "resumes", "interrupted", "paused", "rpc_alloc", "rpc_free",
	"rpc_cmd", "rpc_shm_alloc", "rpc_shm_free", "rpc_undo", "refused_function",
	"refused_address", "refused_command", "refused_threads", "refused_resume",
	"refused_params", "refused_cookie", "refused_range", "refused_page", "refused_quota",
	"refused_policy", "refused_request", "refused_reply", "pages_now", "pages_peak",
	"buffers_now", "refused_session", "sessions_now",
};

TEST(test_counter_names)
{
	/* The order is stable: this list only ever gets longer. */
	assert_int_equal(COUNT_OF(counter_names), OM_COUNTERS);
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		assert_string_equal(om_counter_name((enum om_counter)i), counter_names[i]);
	assert_null(om_counter_name(OM_COUNTERS));
	assert_null(om_counter_name((enum om_counter)-1));
}

RIG_TEST(test_counters_are_sums)
{
	for (uint32_t i = 0; i < OM_COUNTERS; i++)
		assert_int_equal(om_guest_counter(rig->guest, (enum om_counter)i),
				 i == OM_COUNT_SESSIONS_NOW);	/* the rig's */
	for (uint32_t i = OM_COUNT_FAST_CALLS; i < OM_COUNT_PAGES_NOW; i++) {
		for (uint32_t k = 0; k < i; k++)
			om_count_guest(rig->guest, (enum om_counter)i);
		for (uint32_t k = 0; k < rig->guest->vm.limits.threads; k++)
			om_count(&rig->guest->calls[k], (enum om_counter)i);
	}
	for (uint32_t i = OM_COUNT_FAST_CALLS; i < OM_COUNT_PAGES_NOW; i++)
		assert_int_equal(om_guest_counter(rig->guest, (enum om_counter)i),
				 i + rig->guest->vm.limits.threads);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNTERS), 0);
	assert_int_equal(om_guest_counter(rig->guest, (enum om_counter)-1), 0);

	leave_behind(rig, 2, 7);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_NOW), 14);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_PAGES_PEAK), 14);
	assert_int_equal(om_guest_counter(rig->guest, OM_COUNT_BUFFERS_NOW), 2);
}

/* --- Interrupts ---------------------------------------------------------------------------- */

RIG_TEST(test_interrupt_goes_to_who_asked_for_it)
{
	struct optee_msg_hdr *hdr = rig_va(rig, 0);

	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 0);
	/* OP-TEE says no: the guest has not asked for it. */
	rig_answer(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF)->a[0] = OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
	assert_int_equal(rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 0);

	rig_answer(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF)->a[0] = OPTEE_SMC_RETURN_OK;
	assert_int_equal(rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0).a[0],
			 OPTEE_SMC_RETURN_OK);
	om_guest_interrupt(rig->guest);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 2);

	hdr->cmd = OPTEE_MSG_CMD_STOP_ASYNC_NOTIF;
	assert_int_equal(rig_call(rig, OPTEE_SMC_CALL_WITH_ARG, 0, rig_ipa(rig, 0), 0).a[0],
			 OPTEE_SMC_RETURN_OK);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 2);

	/* A guest that starts over has to ask again. */
	rig_call(rig, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0, 0, 0);
	assert_int_equal(om_guest_reset(rig->guest), OM_OK);
	om_guest_interrupt(rig->guest);
	assert_int_equal(rig->ram->notified, 2);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory: how much it needs and that it stays inside; the arguments of
 * om_guest_create(), how short the steps of an end are, and counters. The rest of its life:
 * tests/scenarios/lifetime.c.
 */
#include "rig_shm.h"

#define GUARD	0xc7

static const struct om_limits normal = OM_LIMITS_DEFAULT;
static const struct om_limits small = {
	.threads = 1, .buffers = 1, .rpc_args = 1, .pages = 1, .list_pages = 1,
};

/* One limit at a time. */
static const struct {
	size_t at;
	uint32_t min, max;
} bounds[] = {
	{ offsetof(struct om_limits, threads), 1, OM_LIMIT_THREADS },
	{ offsetof(struct om_limits, buffers), 1, OM_LIMIT_BUFFERS },
	{ offsetof(struct om_limits, rpc_args), 1, OM_LIMIT_RPC_ARGS },
	{ offsetof(struct om_limits, pages), 1, OM_LIMIT_PAGES },
	{ offsetof(struct om_limits, list_pages), 1, OM_LIMIT_LIST_PAGES },
	{ offsetof(struct om_limits, call_pages), 0, OM_LIMIT_PAGES },
	{ offsetof(struct om_limits, mapped_pages), 0, OM_LIMIT_PAGES },
	{ offsetof(struct om_limits, sessions), 0, OM_LIMIT_SESSIONS },
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

RIG_TEST_BY(test_arguments_of_create, rig_without_guest())
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
	assert_null(out);
	assert_int_equal(rig->smcs, 0);
	assert_int_equal(rig->host->count[TEST_OP_PAGE_ALLOC], 0);
}

/* What is not given is a default. */
TEST(test_limits_that_are_not_given)
{
	static const struct {
		uint32_t call_pages, mapped_pages, call_want, mapped_want;
	} t[] = {
		{ 0, 0, OM_MAPPED_PAGES_DEFAULT, OM_MAPPED_PAGES_DEFAULT },
		{ 5, 0, 5, OM_MAPPED_PAGES_DEFAULT }, { 0, 5, 5, 5 }, { 7, 5, 7, 5 },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct rig_setup setup = rig_default;
		struct rig *rig;

		setup.limits.call_pages = t[i].call_pages;
		setup.limits.mapped_pages = t[i].mapped_pages;
		setup.limits.sessions = 0;
		rig = rig_new(&setup);
		assert_int_equal(rig->guest->vm.limits.call_pages, t[i].call_want);
		assert_int_equal(rig->guest->vm.limits.mapped_pages, t[i].mapped_want);
		assert_int_equal(rig->guest->vm.limits.sessions, OM_SESSIONS_DEFAULT);
		rig_free(rig);
	}
}

/* OP-TEE sees whole pages. The test host gives them as a heap does, with leftovers. */
RIG_TEST(fault_a9_pages_are_cleared)
{
	static const uint8_t zero[TEST_PAGE];
	const struct om_limits *l = &rig->guest->vm.limits;

	for (uint32_t i = 0; i < l->threads + l->rpc_args + l->list_pages; i++)
		assert_memory_equal(rig->guest->shm.shadows[i].page.va, zero, TEST_PAGE);
}

/* --- The end ------------------------------------------------------------------------- */

/* n buffers of so many pages each: what a guest leaves behind. */
static void leave_behind(struct rig *rig, uint32_t n, uint32_t pages)
{
	struct om_release release = { OM_NONE };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = reserve(rig, OM_SHARE_REGISTERED, 1 + i, pages);

		pin(rig, index, pages);
		om_shm_publish(&rig->guest->shm, index);
		om_shm_put(&rig->guest->shm, index, &release);
	}
}

/* Every pool has all that the limits say, every cookie is free, nothing is charged. */
static void expect_empty_tables(struct rig *rig)
{
	static const struct om_session no_session;
	const struct om_limits *limits = &rig->guest->vm.limits;
	const struct om_shm *shm = &rig->guest->shm;
	uint32_t i, n;

	for (i = shm->free_buffers, n = 0; i != OM_NONE; i = shm->buffers[i].next)
		n++;
	assert_int_equal(n, om_shm_buffer_count(limits) - limits->rpc_args);
	for (i = shm->free_pins, n = 0; i != OM_NONE; i = shm->pins[i].next, n++)
		assert_int_equal(shm->pins[i].count, 0);
	assert_int_equal(n, om_shm_pins_count(limits));
	for (i = shm->free_args, n = 0; i != OM_NONE; i = shm->buffers[i].next)
		n++;
	assert_int_equal(n, limits->rpc_args);
	for (i = shm->free_lists, n = 0; i != OM_NONE; i = shm->shadows[i].next)
		n++;
	assert_int_equal(n, limits->list_pages);
	assert_int_equal(shm->lists_left, limits->list_pages);
	for (i = 0; i < om_shm_bucket_count(limits); i++)
		assert_int_equal(shm->buckets[i], OM_NONE);
	/* Every RPC argument has a shadow page, its own, behind those of the calls. */
	for (i = 0; i < om_shm_buffer_count(limits); i++)
		assert_int_equal(shm->buffers[i].shadow,
				 i < limits->rpc_args ? limits->threads + i : OM_NONE);
	/* But for the rig's, which is open until there was a reset. */
	for (i = 0; i < limits->sessions && rig->guest->sessions.used == 0; i++)
		assert_memory_equal(&rig->guest->sessions.table[i], &no_session, sizeof(no_session));
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
		assert_int_equal(om_guest_reset(rig->guest), OM_OK);
		expect_empty_tables(rig);
		rig_free(rig);
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

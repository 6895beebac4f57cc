/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios 45-59 from the host's side: pins, charges and list pages, exact after
 * every success, failure and interruption; and which pages OP-TEE came to know.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_IN	OPTEE_MSG_ATTR_TYPE_VALUE_INPUT
#define VALUE_OUT	OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT
#define VALUE_INOUT	OPTEE_MSG_ATTR_TYPE_VALUE_INOUT
#define RMEM_IN		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT
#define TMEM_IN		(OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define TMEM_INOUT	(OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG)

static void register_init(struct cg_call *c, struct fx_guest *g, const struct cg_buf *b)
{
	fx_call(c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	cg_set_tmem(c, 0, ATTR_LIST, b);
}

static void unregister_init(struct cg_call *c, struct fx_guest *g, uint64_t cookie)
{
	fx_call(c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	cg_set_rmem(c, 0, RMEM_IN, cookie, 0, 0);
}

static void assert_held(struct fx_guest *g, uint64_t pages, uint64_t buffers)
{
	assert_int_equal(atomic_load(&g->test->pinned), pages);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), buffers);
}

/* What OP-TEE took for the buffer is what the guest put into its list. */
static void assert_translated(struct fx_guest *g, const struct cg_buf *b)
{
	uint64_t *pa = calloc(b->pages, sizeof(*pa));

	assert_non_null(pa);
	assert_int_equal(model_buffer_pa(g->fx->model, g->test->id, b->cookie, pa, b->pages),
			 b->pages);
	for (uint32_t i = 0; i < b->pages; i++) {
		uint64_t ipa = *cg_buf_entry(g->cg, b, i);

		assert_int_equal(pa[i], test_guest_pa(g->test, ipa));
		assert_true(test_guest_pins(g->test, ipa) > 0);
	}
	free(pa);
}

/* --- 45-47: quotas -------------------------------------------------------------------------- */

FX_TEST_WITH(s45_i5_quota_of_pages_is_exact, .limits.pages = 200)
{
	struct cg_buf b[3];
	struct cg_call c;

	fx_buffer(&b[0], g, 200 * CG_PAGE, 1);		/* 201 pages */
	fx_buffer(&b[1], g, 199 * CG_PAGE, 4095);	/* 200 pages */
	fx_buffer(&b[2], g, 1, 4095);
	for (uint32_t round = 0; round < 5; round++) {
		fx_smcs_reset(f);
		register_init(&c, g, &b[0]);
		cg_do(&c);
		fx_refused(&c, TEEC_ERROR_OUT_OF_MEMORY);
		assert_int_equal(fx_smcs(f), 0);
		assert_held(g, 0, 0);
		assert_int_equal(cg_register(g->cg, &b[1]), TEEC_SUCCESS);
		assert_held(g, 200, 1);
		register_init(&c, g, &b[2]);
		cg_do(&c);
		fx_refused(&c, TEEC_ERROR_OUT_OF_MEMORY);
		assert_held(g, 200, 1);
		assert_int_equal(cg_unregister(g->cg, b[1].cookie), TEEC_SUCCESS);
		assert_held(g, 0, 0);
	}
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_QUOTA), 10);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_PEAK), 200);
}

FX_TEST_WITH(s45_64_mib_are_registered, .ram_pages = 17000, .limits = {
	     .threads = 2, .buffers = 4, .rpc_args = 2, .pages = 16384, .list_pages = 33 })
{
	struct cg_buf b;

	fx_register(&b, g, 64u << 20);
	assert_held(g, 16384, 1);
	assert_translated(g, &b);
	fx_unregister(&b, g);
	fx_assert_idle(g);
}

FX_TEST_WITH(s45_i5_quota_of_list_pages_is_exact, .limits.list_pages = 2)
{
	struct cg_buf large;
	struct cg_buf most;
	struct cg_buf small;
	struct cg_call paused;

	assert_true(cg_buf_repeat(g->cg, &large, 1023));
	assert_true(cg_buf_repeat(g->cg, &most, 1022));
	fx_buffer(&small, g, 1, 0);
	for (uint32_t round = 0; round < 3; round++) {
		assert_int_equal(cg_register(g->cg, &large), TEEC_ERROR_OUT_OF_MEMORY);
		assert_held(g, 0, 0);
		/* Held while OP-TEE reads, not while the buffer is shared. */
		assert_int_equal(cg_register(g->cg, &most), TEEC_SUCCESS);
		assert_int_equal(cg_register(g->cg, &small), TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, small.cookie), TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, most.cookie), TEEC_SUCCESS);
		/* While one is translated there is none for another. */
		register_init(&paused, g, &most);
		atomic_store(&f->host->yield_every, 1);
		cg_start(&paused);
		atomic_store(&f->host->yield_every, 0);
		assert_int_equal(paused.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		assert_int_equal(cg_register(g->cg, &small), TEEC_ERROR_OUT_OF_MEMORY);
		fx_finish(&paused, TEEC_SUCCESS);
		assert_int_equal(cg_register(g->cg, &small), TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, small.cookie), TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, most.cookie), TEEC_SUCCESS);
		fx_assert_idle(g);
	}
}

FX_TEST(s46_sizes_that_wrap_are_refused_before_anything_is_taken)
{
	const uint64_t list = TEST_IPA_BASE + 99 * CG_PAGE;
	const struct { uint64_t ptr, size; uint32_t ret; } bad[] = {
		{ list, 0, TEEC_ERROR_BAD_PARAMETERS },
		{ list, ~0ull, TEEC_ERROR_BAD_PARAMETERS },
		{ list + 1, ~0ull, TEEC_ERROR_BAD_PARAMETERS },
		{ list + 4095, ~0ull - 4094, TEEC_ERROR_BAD_PARAMETERS },
		{ list, 1ull << 63, TEEC_ERROR_OUT_OF_MEMORY },
		{ list, 1ull << 44, TEEC_ERROR_OUT_OF_MEMORY },
		{ list, (1ull << 44) + 1, TEEC_ERROR_OUT_OF_MEMORY },
	};
	struct cg_call c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fx_call(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
		cg_set_value(&c, 0, ATTR_LIST, bad[i].ptr, bad[i].size, 0x77);
		test_host_reset_counts(f->host);
		cg_start(&c);
		fx_refused(&c, bad[i].ret);
		/* The message's own page, and no other. */
		assert_int_equal(atomic_load(&f->host->count[TEST_OP_PIN]), 1);
		assert_int_equal(atomic_load(&f->host->count[TEST_OP_SMC]), 0);
		assert_held(g, 0, 0);
	}
}

FX_TEST(s47_i5_quota_of_buffers_is_exact)
{
	struct cg_buf b[17];

	f->busy_at_end = true;
	for (uint32_t i = 0; i < 17; i++)
		fx_buffer(&b[i], g, 1, 0);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(cg_register(g->cg, &b[i]), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(cg_register(g->cg, &b[16]), TEEC_ERROR_OUT_OF_MEMORY);
		assert_held(g, 16, 16);
		assert_int_equal(cg_unregister(g->cg, b[i].cookie), TEEC_SUCCESS);
		assert_int_equal(cg_register(g->cg, &b[16]), TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, b[16].cookie), TEEC_SUCCESS);
		assert_int_equal(cg_register(g->cg, &b[i]), TEEC_SUCCESS);
	}
	assert_held(g, 16, 16);
}

/* Payloads come out of the same quota; refused, they are undone in the guest. */
FX_TEST_WITH(s47_i5_quota_of_buffers_counts_payloads, .limits.buffers = 1)
{
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 1);
	fx_invoke(&c, g, fx_session(g), MODEL_TA_PAYLOAD);
	cg_set_value(&c, 0, VALUE_INOUT, 10, 0, 0);
	cg_do(&c);
	assert_int_equal(cg_param(&c, 0)->u.value.b, TEEC_ERROR_OUT_OF_MEMORY);
	fx_ended(&c, TEEC_SUCCESS);
	assert_int_equal(fx_counter(g, OM_COUNT_RPC_UNDO), 1);
	assert_held(g, 1, 1);
	fx_unregister(&b, g);
}

/* --- 48, 49: lists that fail ---------------------------------------------------------------- */

#define LONG_LIST	1100u

FX_TEST(s48_i5_list_that_fails_anywhere_leaves_nothing)
{
	struct cg_buf b;
	struct cg_call c;

	assert_true(cg_buf_repeat(g->cg, &b, LONG_LIST));
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t at = i == 0 ? 0 : i == 1 ? LONG_LIST - 1 : i == 2 ? 510 : i == 3 ? 511 :
			      i * 67 % LONG_LIST;
		uint64_t *entry = cg_buf_entry(g->cg, &b, at);
		uint64_t was = *entry;

		*entry = i % 2 ? g->test->hole_ipa : was + 8;
		atomic_store(&f->host->yield_every, i % 3);
		register_init(&c, g, &b);
		fx_smcs_reset(f);
		cg_do(&c);
		atomic_store(&f->host->yield_every, 0);
		assert_int_equal(fx_smcs(f), 0);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		assert_held(g, 0, 0);
		*entry = was;
	}
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_PAGE), 200);
	/* List pages and cookie are back, too. */
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
		assert_held(g, LONG_LIST, 1);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	}
}

FX_TEST(s48_i5_host_failures_on_the_way_leave_nothing)
{
	static const uint32_t ops[] = { 1u << TEST_OP_PIN, 1u << TEST_OP_READ };
	struct cg_buf b;
	struct cg_call c;

	assert_true(cg_buf_repeat(g->cg, &b, LONG_LIST));
	for (uint32_t i = 0; i < 2; i++) {
		/* Behind the message's own: 1 pin, 2 reads. */
		for (uint32_t n = 3; ; n++) {
			register_init(&c, g, &b);
			test_host_fail(f->host, ops[i], n, false);
			cg_do(&c);
			if (!test_host_fault_hits(f->host))
				break;
			fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
			assert_held(g, 0, 0);
		}
		test_host_fail(f->host, 0, 0, false);
		fx_ended(&c, TEEC_SUCCESS);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	}
}

FX_TEST(s49_i5_second_buffer_bad_releases_the_first)
{
	uint32_t session = fx_session(g);
	struct cg_buf b[3];
	struct cg_buf reg;
	struct cg_call c;

	fx_register(&reg, g, 10);
	for (uint32_t i = 0; i < 3; i++)
		fx_buffer(&b[i], g, (20 + i) * CG_PAGE, 0);
	*cg_buf_entry(g->cg, &b[2], 21) = g->test->mmio_ipa;
	for (uint32_t i = 0; i < 20; i++) {
		fx_invoke(&c, g, session, MODEL_TA_RETURN);
		cg_set_rmem(&c, 0, RMEM_IN, reg.cookie, 0, 10);
		for (uint32_t n = 0; n < 3; n++)
			cg_set_tmem(&c, n + 1, TMEM_IN, &b[n]);
		fx_smcs_reset(f);
		atomic_store(&f->host->yield_every, i % 2);
		cg_do(&c);
		atomic_store(&f->host->yield_every, 0);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(fx_smcs(f), 0);
		assert_held(g, 1, 1);
	}
	/* What the call had held can be given back: nobody holds it any more. */
	fx_unregister(&reg, g);
}

/* --- 50-53: lists --------------------------------------------------------------------------- */

FX_TEST(s50_i2_chains_of_every_length_are_translated)
{
	static const uint32_t lengths[] = {
		1, 2, OM_PIN_BATCH - 1, OM_PIN_BATCH, OM_PIN_BATCH + 1, 2 * OM_PIN_BATCH,
		510, 511, 512, 513, 1021, 1022, 1023,
	};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct cg_buf b;

		/* The client leaves junk in a link that is not used. */
		fx_register(&b, g, (uint64_t)lengths[i] * CG_PAGE);
		assert_held(g, lengths[i], 1);
		assert_translated(g, &b);
		fx_unregister(&b, g);
	}
}

FX_TEST(s51_i1_each_entry_is_read_once)
{
	struct cg_buf b;
	struct cg_call c;
	uint64_t pages;

	fx_buffer(&b, g, 1200 * CG_PAGE, 0);
	for (uint32_t yield = 0; yield < 3; yield++) {
		register_init(&c, g, &b);
		atomic_store(&f->host->yield_every, yield);
		test_guest_count_reads(g->test);
		test_guest_mutate(g->test, true);
		pages = atomic_load(&g->test->pages_pinned);
		cg_do(&c);
		assert_int_equal(test_guest_max_reads(g->test, 0, 0), 1);
		test_guest_mutate(g->test, false);
		fx_ended(&c, TEEC_SUCCESS);
		/* 1200, the message, and three list pages, each once. */
		assert_int_equal(atomic_load(&g->test->pages_pinned) - pages, 1204);
		assert_translated(g, &b);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	}
}

/* Rotates what is not yet read before every read: whatever is pinned is what is sent. */
struct editor {
	struct fx_guest *g;
	struct cg_buf *b;
	uint32_t steps;
};

static void edit_list(void *arg, enum test_op op, struct test_guest *test)
{
	struct editor *e = arg;

	(void)test;
	if (op != TEST_OP_READ && op != TEST_OP_PIN)
		return;
	e->steps++;
	for (uint32_t i = 0; i < e->b->pages; i += 7) {
		uint64_t *a = cg_buf_entry(e->g->cg, e->b, i);
		uint64_t *b = cg_buf_entry(e->g->cg, e->b, (i + e->steps) % e->b->pages);
		uint64_t t = *a;

		*a = *b;
		*b = t;
	}
}

FX_TEST(s51_i2_what_is_pinned_is_what_is_sent)
{
	struct cg_buf b;
	struct editor e = { g, &b, 0 };
	struct cg_call c;
	uint64_t pa[600];

	/* The list is changed already, and changes are carried from entry to entry. */
	f->host->mutate_always = false;
	fx_buffer(&b, g, 600 * CG_PAGE, 0);
	register_init(&c, g, &b);
	f->host->on_op_arg = &e;
	f->host->on_op = edit_list;
	cg_start(&c);
	f->host->on_op = NULL;
	assert_true(e.steps > 40);
	fx_ended(&c, TEEC_SUCCESS);
	/* The oracle saw each pinned; and as often as it is in OP-TEE's list. */
	assert_int_equal(model_buffer_pa(f->model, 1, b.cookie, pa, 600), 600);
	for (uint32_t i = 0; i < 600; i++) {
		uint32_t times = 0;

		for (uint32_t n = 0; n < 600; n++)
			times += pa[n] == pa[i];
		assert_int_equal(test_guest_pins_pa(g->test, pa[i]), times);
	}
	assert_held(g, 600, 1);
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
}

/* A list page that goes away while a pause lasts: it is pinned, too. */
FX_TEST(s51_i4_list_page_ballooned_during_a_pause)
{
	uint64_t want[100];
	uint64_t pa[100];
	struct cg_buf b;
	struct cg_call c;
	uint64_t ipa;

	f->busy_at_end = true;
	fx_buffer(&b, g, 100 * CG_PAGE, 0);
	for (uint32_t i = 0; i < 100; i++)
		want[i] = test_guest_pa(g->test, *cg_buf_entry(g->cg, &b, i));
	ipa = cg_page_ipa(g->cg, b.list);
	register_init(&c, g, &b);
	atomic_store(&f->host->yield_every, 1);
	cg_start(&c);
	assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	test_guest_remap(g->test, ipa);
	fx_finish(&c, TEEC_SUCCESS);
	assert_int_equal(model_buffer_pa(f->model, 1, b.cookie, pa, 100), 100);
	assert_memory_equal(pa, want, sizeof(want));
	assert_held(g, 100, 1);
}

FX_TEST(s52_i5_pages_shared_twice_count_twice)
{
	struct cg_buf a;
	struct cg_buf b;
	uint64_t ipa;
	uint64_t cookie;

	assert_true(cg_buf_repeat(g->cg, &a, 20));
	b = a;
	b.cookie = cookie = cg_cookie(g->cg);
	ipa = *cg_buf_entry(g->cg, &a, 0);
	assert_int_equal(cg_register(g->cg, &a), TEEC_SUCCESS);
	assert_int_equal(test_guest_pins(g->test, ipa), 20);
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	assert_int_equal(test_guest_pins(g->test, ipa), 40);
	assert_held(g, 40, 2);
	assert_int_equal(cg_unregister(g->cg, a.cookie), TEEC_SUCCESS);
	assert_int_equal(test_guest_pins(g->test, ipa), 20);
	assert_int_equal(cg_unregister(g->cg, cookie), TEEC_SUCCESS);
}

FX_TEST(s53_i2_entries_that_cannot_be_shared_make_no_call)
{
	struct cg_buf b;
	const uint64_t ram = TEST_IPA_BASE + 900 * CG_PAGE;
	const uint64_t bad[] = {
		0, ram + 1, ram + 8, ram + 4095, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ram | 1ull << 52,
		~0ull, ~4095ull, TEST_PA_BASE, TEST_SHADOW_PA_BASE, TEST_RESERVED_PA,
	};
	static const uint32_t places[] = { 0, 1, OM_PIN_BATCH - 1, OM_PIN_BATCH,
					   2 * OM_PIN_BATCH, 510, 511, 599 };

	f->guesses = true;
	assert_true(cg_buf_repeat(g->cg, &b, 600));
	fx_smcs_reset(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
			uint64_t *entry = cg_buf_entry(g->cg, &b, places[p]);
			uint64_t was = *entry;

			*entry = bad[i];
			assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
			assert_held(g, 0, 0);
			*entry = was;
		}
	}
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s53_i2_links_that_cannot_be_followed_make_no_call)
{
	struct cg_buf b;
	const uint64_t bad[] = {
		0, TEST_IPA_BASE + 8, TEST_IPA_BASE + 1, g->test->hole_ipa, g->test->readonly_ipa,
		g->test->mmio_ipa, g->test->reserved_ipa, g->test->pa0_ipa, ~0ull,
	};
	uint64_t *link;

	f->busy_at_end = true;
	assert_true(cg_buf_repeat(g->cg, &b, 600));
	link = (uint64_t *)cg_page_va(g->cg, b.list) + OPTEE_MSG_LIST_NEXT;
	fx_smcs_reset(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*link = bad[i];
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
		assert_held(g, 0, 0);
	}
	/* A list that is its own continuation ends where its size says. */
	*link = cg_page_ipa(g->cg, b.list);
	f->host->rereads_expected = true;
	f->host->mutate_always = false;
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	assert_held(g, 600, 1);
	assert_int_equal(fx_smcs(f), 1);
}

/* --- 54, 55, 58: the registry ---------------------------------------------------------------- */

FX_TEST(s54_i8_malformed_registrations_release_nothing)
{
	struct cg_buf live;
	struct cg_buf b;
	struct cg_call c;

	fx_register(&live, g, 5 * CG_PAGE);
	fx_buffer(&b, g, 3 * CG_PAGE, 0);
	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 13; i++) {
		const uint64_t attrs[] = {
			VALUE_IN, TMEM_IN, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, TMEM_INOUT, 0,
			OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, ATTR_LIST | OPTEE_MSG_ATTR_META,
			ATTR_LIST | 1u << 16, ATTR_LIST | 1ull << 32,
		};

		register_init(&c, g, &b);
		if (i < 9)
			cg_param(&c, 0)->attr = attrs[i];
		else if (i < 11)
			cg_hdr(&c)->num_params = i == 9 ? 0 : 2;
		else if (i == 11)
			cg_param(&c, 0)->u.tmem.buf_ptr = 0;
		else
			cg_param(&c, 0)->u.tmem.shm_ref = 0;
		cg_start(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		assert_held(g, 5, 1);
	}
	/* A cookie that is taken: the live one is not touched. */
	b.cookie = live.cookie;
	assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(fx_smcs(f), 0);
	assert_held(g, 5, 1);
	assert_translated(g, &live);
	fx_unregister(&live, g);
}

/* The cookie is taken from the moment it is charged, not only when OP-TEE agrees. */
FX_TEST(s54_i7_cookie_of_a_registration_under_way_is_taken)
{
	uint32_t session = fx_session(g);
	struct cg_buf a;
	struct cg_buf b;
	struct cg_call paused;
	struct cg_call c;

	fx_buffer(&a, g, 100 * CG_PAGE, 0);
	fx_buffer(&b, g, 1, 0);
	b.cookie = a.cookie;
	register_init(&paused, g, &a);
	atomic_store(&f->host->yield_every, 1);
	cg_start(&paused);
	atomic_store(&f->host->yield_every, 0);
	assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
	/* Nor can it be used or released before it exists. */
	assert_int_equal(cg_unregister(g->cg, a.cookie), TEEC_ERROR_BAD_PARAMETERS);
	fx_nop(&c, g, session);
	cg_set_rmem(&c, 1, RMEM_IN, a.cookie, 0, 1);
	cg_do(&c);
	fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	fx_finish(&paused, TEEC_SUCCESS);
	fx_unregister(&a, g);
}

FX_TEST(s55_i4_failed_unregister_keeps_everything)
{
	struct cg_buf b;
	struct cg_call c;

	fx_register(&b, g, 20 * CG_PAGE);
	for (uint32_t i = 0; i < 5; i++) {
		model_refuse_unregister(f->model, TEEC_ERROR_BUSY);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BUSY);
		assert_held(g, 20, 1);
		/* An error of the SMC is a failure as well. */
		model_answer_next(f->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_ENOMEM, 0, 0, 0);
		unregister_init(&c, g, b.cookie);
		fx_do(&c, CG_SMC_ERROR | OPTEE_SMC_RETURN_ENOMEM);
		assert_held(g, 20, 1);
		assert_translated(g, &b);
		/* Its cookie is still taken, and still works. */
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
	}
	assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_SUCCESS);
	assert_held(g, 0, 0);
	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s55_i7_buffer_being_unregistered_is_nobodys)
{
	uint32_t session = fx_session(g);
	struct cg_call under_way;
	struct cg_call c;
	struct cg_buf b;

	fx_register(&b, g, 20 * CG_PAGE);
	for (uint32_t fails = 0; fails < 2; fails++) {
		model_config(f->model)->interrupt_every = 1;
		unregister_init(&under_way, g, b.cookie);
		cg_start(&under_way);
		assert_int_equal(under_way.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		model_config(f->model)->interrupt_every = 0;
		fx_smcs_reset(f);
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
		fx_nop(&c, g, session);
		cg_set_rmem(&c, 1, RMEM_IN, b.cookie, 0, 1);
		cg_do(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		assert_int_equal(fx_smcs(f), 0);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 20);
		if (!fails)
			model_refuse_unregister(f->model, TEEC_ERROR_BUSY);
		fx_finish(&under_way, fails ? TEEC_SUCCESS : TEEC_ERROR_BUSY);
	}
}

/*
 * Released while a call in OP-TEE uses it: that is OP-TEE's to wait for. Here the release
 * holds the buffer, too; that its user alone keeps it pinned is shown in test_call.c.
 */
FX_TEST(s55_i4_unregistered_buffer_stays_pinned_for_its_users)
{
	struct cg_call user;
	struct cg_call c;
	struct cg_buf b;

	fx_register(&b, g, 20 * CG_PAGE);
	fx_invoke(&user, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&user, 0, VALUE_IN, 1, 0, 0);
	cg_set_rmem(&user, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b.cookie, 0, CG_PAGE);
	assert_true(cg_until_cmd(&user, OPTEE_RPC_CMD_SUSPEND));
	unregister_init(&c, g, b.cookie);
	assert_true(cg_until_cmd(&c, OPTEE_RPC_CMD_NOTIFICATION));
	/* The buffer, two messages and their RPC arguments. */
	assert_int_equal(atomic_load(&g->test->pinned), 24);
	fx_finish(&user, TEEC_SUCCESS);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 21);
	fx_finish(&c, TEEC_SUCCESS);
}

/*
 * Released while a call that names it is still on its way to OP-TEE: that waits
 * here, so that no call gets there with a cookie that names nothing any more.
 */
FX_TEST(s55_i7_release_waits_for_calls_on_their_way)
{
	struct cg_buf lent;
	struct cg_buf b;
	struct cg_call paused;
	struct cg_call c;

	fx_register(&b, g, CG_PAGE);
	fx_buffer(&lent, g, 100 * CG_PAGE, 0);
	fx_nop(&paused, g, fx_session(g));
	cg_set_rmem(&paused, 1, RMEM_IN, b.cookie, 0, 1);
	cg_set_tmem(&paused, 2, TMEM_IN, &lent);
	atomic_store(&f->host->yield_every, 1);
	cg_start(&paused);
	atomic_store(&f->host->yield_every, 0);
	assert_int_equal(paused.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	unregister_init(&c, g, b.cookie);
	fx_smcs_reset(f);
	cg_start(&c);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		cg_serve(&c);
		cg_resume(&c);
	}
	assert_int_equal(fx_smcs(f), 0);
	fx_finish(&paused, TEEC_SUCCESS);
	fx_finish(&c, TEEC_SUCCESS);
}

/* OP-TEE knows of all that a call uses once it asks for something: then it is what waits. */
FX_TEST(s55_i7_release_is_optees_when_it_knows_the_users)
{
	struct cg_buf b[2];
	struct cg_call user;
	struct cg_call c;

	for (uint32_t nth = 0; nth < 2; nth++) {
		fx_invoke(&user, g, fx_session(g), MODEL_TA_PAYLOAD);
		cg_set_value(&user, 0, VALUE_INOUT, CG_PAGE, 0, 0);
		for (uint32_t i = 0; i < 2; i++) {
			fx_register(&b[i], g, CG_PAGE);
			cg_set_rmem(&user, 1 + i, RMEM_IN, b[i].cookie, 0, 1);
		}
		assert_true(cg_until_cmd(&user, OPTEE_RPC_CMD_GET_TIME));
		unregister_init(&c, g, b[nth].cookie);
		fx_smcs_reset(f);
		cg_start(&c);
		assert_int_equal(fx_smcs(f), 1);
		fx_finish(&user, TEEC_SUCCESS);
		fx_finish(&c, TEEC_SUCCESS);
		fx_unregister(&b[1 - nth], g);
		fx_assert_idle(g);
	}
}

FX_TEST(s56_i7_cookies_of_other_kinds_make_no_call)
{
	uint32_t session = fx_session(g);
	struct cg_call holder;
	struct cg_call c;
	uint64_t cookies[5] = { 0, 0x12345 };

	f->busy_at_end = true;
	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD_KEEP);
	cg_set_value(&c, 0, VALUE_INOUT, 3 * CG_PAGE, 1, 0);
	fx_do(&c, TEEC_SUCCESS);
	cookies[2] = g->cg->payloads[0].cookie;
	fx_invoke(&holder, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&holder, 0, VALUE_IN, 1, 0, 0);
	assert_true(cg_until_cmd(&holder, OPTEE_RPC_CMD_SUSPEND));
	cookies[3] = fx_cookie(&holder);
	cookies[4] = ~0ull;
	fx_smcs_reset(f);
	for (uint32_t i = 0; i < 5; i++) {
		fx_nop(&c, g, session);
		cg_set_rmem(&c, 1, RMEM_IN, cookies[i], 0, 1);
		cg_start(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
		unregister_init(&c, g, cookies[i]);
		cg_start(&c);
		fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	}
	assert_int_equal(fx_smcs(f), 0);
	assert_int_equal(fx_counter(g, OM_COUNT_REFUSED_COOKIE), 10);
	fx_finish(&holder, TEEC_SUCCESS);
}

FX_TEST(s56_i7_ranges_outside_of_the_buffer_make_no_call)
{
	uint32_t session = fx_session(g);
	const struct { uint64_t offs, size; bool good; } ranges[] = {
		{ 0, 5000, true }, { 5000, 0, true }, { 4999, 1, true }, { 0, 5001, false },
		{ 5000, 1, false }, { 5001, 0, false }, { ~0ull, 1, false }, { 1, ~0ull, false },
		{ 2, ~0ull - 1, false }, { 1ull << 63, 1ull << 63, false }, { 1ull << 32, 0, false },
	};
	struct cg_call c;
	struct cg_buf b;

	fx_buffer(&b, g, 5000, 1000);
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		fx_nop(&c, g, session);
		cg_set_rmem(&c, 1, RMEM_IN, b.cookie, ranges[i].offs, ranges[i].size);
		fx_smcs_reset(f);
		cg_start(&c);
		assert_int_equal(fx_smcs(f), ranges[i].good);
		if (ranges[i].good)
			fx_ended(&c, TEEC_SUCCESS);
		else
			fx_refused(&c, TEEC_ERROR_SECURITY);
	}
	fx_unregister(&b, g);
}

FX_TEST_WITH(s57_i11_cookies_are_each_guests_own, .guests = 2)
{
	struct fx_guest *other = &f->guest[1];
	struct cg_buf b[2];
	struct cg_call c;

	fx_register(&b[0], g, 3 * CG_PAGE);
	fx_nop(&c, other, fx_session(other));
	cg_set_rmem(&c, 1, RMEM_IN, b[0].cookie, 0, 1);
	cg_do(&c);
	fx_refused(&c, TEEC_ERROR_BAD_PARAMETERS);
	assert_int_equal(cg_unregister(other->cg, b[0].cookie), TEEC_ERROR_BAD_PARAMETERS);

	/* The same name for something of its own. */
	fx_buffer(&b[1], other, 5 * CG_PAGE, 0);
	b[1].cookie = b[0].cookie;
	assert_int_equal(cg_register(other->cg, &b[1]), TEEC_SUCCESS);
	assert_translated(g, &b[0]);
	assert_translated(other, &b[1]);
	fx_unregister(&b[0], g);
	assert_translated(other, &b[1]);
	fx_unregister(&b[1], other);
	fx_assert_idle(g);
	fx_assert_idle(other);
}

FX_TEST(s58_i5_registration_that_optee_refuses_is_undone)
{
	struct cg_buf b;

	fx_buffer(&b, g, 700 * CG_PAGE, 9);
	for (uint32_t i = 0; i < 50; i++) {
		model_refuse_register(f->model, TEEC_ERROR_OUT_OF_MEMORY + i);
		assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_OUT_OF_MEMORY + i);
		assert_held(g, 0, 0);
		/* The cookie is free, and names nothing. */
		assert_int_equal(cg_unregister(g->cg, b.cookie), TEEC_ERROR_BAD_PARAMETERS);
	}
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	assert_translated(g, &b);
	fx_unregister(&b, g);
}

/* --- 59: giving way -------------------------------------------------------------------------- */

/* One long conversation: what OP-TEE is told must not depend on who interrupts. */
static uint64_t converse(struct fx_guest *g, uint32_t fid)
{
	uint32_t session = fx_session(g);
	uint64_t interrupts = 0;
	struct cg_buf b[2];
	struct cg_call c;
	uint8_t sum[2];

	fx_buffer(&b[0], g, 300 * CG_PAGE, 100);
	fx_buffer(&b[1], g, 33 * CG_PAGE, 4000);
	register_init(&c, g, &b[0]);
	c.fid = fid;
	cg_do(&c);
	interrupts += c.interrupts;
	fx_ended(&c, TEEC_SUCCESS);
	assert_translated(g, &b[0]);

	sum[0] = cg_buf_pattern(g->cg, &b[0], 1);
	sum[1] = cg_buf_pattern(g->cg, &b[1], 2);
	for (uint32_t i = 0; i < 2; i++) {
		fx_invoke(&c, g, session, MODEL_TA_SUM);
		c.fid = fid;
		cg_set_value(&c, 0, VALUE_OUT, 0, 0, 0);
		cg_set_tmem(&c, 1, TMEM_IN, &b[i]);
		cg_set_tmem(&c, 2, TMEM_IN, &b[1 - i]);
		cg_set_rmem(&c, 3, RMEM_IN, b[0].cookie, 0, 5);
		cg_do(&c);
		interrupts += c.interrupts;
		assert_int_equal(cg_param(&c, 0)->u.value.a & 0xffu, sum[i]);
		fx_ended(&c, TEEC_SUCCESS);
	}

	fx_invoke(&c, g, session, MODEL_TA_PAYLOAD);
	c.fid = fid;
	cg_set_value(&c, 0, VALUE_INOUT, 600 * CG_PAGE, 1, 0);
	cg_do(&c);
	interrupts += c.interrupts;
	assert_int_equal(cg_param(&c, 0)->u.value.b, TEEC_SUCCESS);
	fx_ended(&c, TEEC_SUCCESS);

	unregister_init(&c, g, b[0].cookie);
	c.fid = fid;
	cg_do(&c);
	interrupts += c.interrupts;
	fx_ended(&c, TEEC_SUCCESS);
	cg_buf_free(g->cg, &b[0]);
	cg_buf_free(g->cg, &b[1]);
	fx_close(g, session);
	fx_assert_idle(g);
	return interrupts;
}

/*
 * What reached OP-TEE, without the parts that may differ: which shadow page it is.
 * Translations are compared by converse().
 */
static size_t conversation(struct fx *f, uint64_t *out, size_t max)
{
	size_t n = fx_smcs(f);

	assert_true(n <= max);
	for (size_t i = 0; i < n; i++)
		out[i] = f->smc[i].in.a[0] << 32 | (uint32_t)f->smc[i].out.a[0];
	return n;
}

static void giving_way_changes_nothing(struct fx *f, struct fx_guest *g, uint32_t fid)
{
	static uint64_t first[512];
	static uint64_t again[512];
	size_t n;

	fx_smcs_reset(f);
	assert_int_equal(converse(g, fid), 0);
	n = conversation(f, first, 512);
	for (uint32_t every = 1; every < 6; every++) {
		uint64_t interrupts;

		fx_smcs_reset(f);
		atomic_store(&f->host->yield_every, every);
		interrupts = converse(g, fid);
		atomic_store(&f->host->yield_every, 0);
		/* About one for each batch of pages, pinned and unpinned. */
		assert_true(interrupts * every > 4 * 700 / OM_PIN_BATCH);
		assert_int_equal(conversation(f, again, 512), n);
		assert_memory_equal(first, again, n * sizeof(first[0]));
	}
	assert_true(fx_counter(g, OM_COUNT_PAUSED) > 0);
	assert_int_equal(fx_counter(g, OM_COUNT_INTERRUPTED), 0);
}

FX_TEST(s59_giving_way_at_every_step_changes_nothing)
{
	giving_way_changes_nothing(f, g, OPTEE_SMC_CALL_WITH_ARG);
}

FX_TEST(s59_giving_way_with_inline_rpc_changes_nothing)
{
	giving_way_changes_nothing(f, g, OPTEE_SMC_CALL_WITH_RPC_ARG);
}

/* While it gives way nothing is half done: charged whole, and OP-TEE knows nothing. */
FX_TEST(s59_i5_paused_translation_is_charged_whole)
{
	struct cg_buf b;
	struct cg_call c;
	uint32_t pauses = 0;
	uint32_t done;

	f->busy_at_end = true;
	fx_buffer(&b, g, 300 * CG_PAGE, 0);
	atomic_store(&f->host->yield_every, 1);
	register_init(&c, g, &b);
	fx_smcs_reset(f);
	cg_start(&c);
	while (c.state == CG_WAITING) {
		assert_int_equal(c.a[0], OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
		assert_int_equal(c.a[1], 0);
		assert_int_equal(c.a[2], 0);
		assert_int_equal(fx_smcs(f), 0);
		assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), 300);
		pauses++;
		/* A batch more each time, the message, and the list while it is read. */
		done = OM_PIN_BATCH * pauses < 300 ? OM_PIN_BATCH * pauses : 300;
		assert_int_equal(atomic_load(&g->test->pinned), done + 1 + (done < 300));
		cg_serve(&c);
		cg_resume(&c);
	}
	assert_in_range(pauses, 300 / OM_PIN_BATCH, 300 / OM_PIN_BATCH + 1);
	assert_int_equal(fx_counter(g, OM_COUNT_PAUSED), pauses);
	fx_ended(&c, TEEC_SUCCESS);
	assert_translated(g, &b);
}

FX_TEST_WITH(s59_host_without_should_yield_never_gives_way, .no_yield = true)
{
	assert_int_equal(converse(&f->guest[0], OPTEE_SMC_CALL_WITH_ARG), 0);
	assert_int_equal(fx_counter(&f->guest[0], OM_COUNT_PAUSED), 0);
}

/*
 * OP-TEE may leave for the normal world before it has read the page lists of a
 * call; meanwhile another call comes and goes. c is stopped there, on its way to
 * the sum over mine.
 */
static void another_call_meanwhile(struct fx_guest *g, struct cg_call *c, struct cg_buf *mine)
{
	uint8_t sum = cg_buf_pattern(g->cg, mine, 1);
	struct cg_buf other;

	fx_register(&other, g, 20 * CG_PAGE);
	fx_unregister(&other, g);
	cg_finish(c);
	assert_int_equal(cg_param(c, 0)->u.value.a & 0xffu, sum);
	fx_ended(c, TEEC_SUCCESS);
}

static void sum_init(struct cg_call *c, struct fx_guest *g, struct cg_buf *mine)
{
	uint32_t session = fx_session(g);

	fx_buffer(mine, g, 20 * CG_PAGE, 0);
	fx_invoke(c, g, session, MODEL_TA_SUM);
	cg_set_value(c, 0, VALUE_OUT, 0, 0, 0);
	cg_set_tmem(c, 1, TMEM_IN, mine);
}

FX_TEST(s50_i2_lists_stay_over_an_interrupt)
{
	struct cg_buf mine;
	struct cg_call c;

	sum_init(&c, g, &mine);
	model_config(f->model)->interrupt_every = 1;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR));
	model_config(f->model)->interrupt_every = 0;
	another_call_meanwhile(g, &c, &mine);
}

/* A thread with a cached RPC argument frees that first. */
FX_TEST(s50_i2_lists_stay_until_optee_has_read_them)
{
	struct om_regs regs = { .a = { OPTEE_SMC_ENABLE_SHM_CACHE } };
	struct cg_buf mine;
	struct cg_call c;

	assert_int_equal(fx_smc(g, 0, &regs), OPTEE_SMC_RETURN_OK);
	fx_invoke(&c, g, fx_session(g), MODEL_TA_SUSPEND_MEMREF);
	cg_set_value(&c, 0, VALUE_IN, 1, 0, 0);
	fx_do(&c, TEEC_SUCCESS);
	sum_init(&c, g, &mine);
	c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	assert_true(cg_until(&c, OPTEE_SMC_RETURN_RPC_FREE));
	another_call_meanwhile(g, &c, &mine);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios 45-53: quotas of shared memory, and the lists that name its pages. */
#include "shm.h"

#include <stdlib.h>

void register_init(struct cg_call *c, struct fx_guest *g, const struct cg_buf *b)
{
	fx_call(c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1);
	cg_set_tmem(c, 0, ATTR_LIST, b);
}

void unregister_init(struct cg_call *c, struct fx_guest *g, uint64_t cookie)
{
	fx_call(c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1);
	cg_set_rmem(c, 0, RMEM_IN, cookie, 0, 0);
}

void assert_held(struct fx_guest *g, uint64_t pages, uint64_t buffers)
{
	assert_int_equal(atomic_load(&g->test->pinned), pages);
	assert_int_equal(fx_counter(g, OM_COUNT_PAGES_NOW), pages);
	assert_int_equal(fx_counter(g, OM_COUNT_BUFFERS_NOW), buffers);
}

void assert_translated(struct fx_guest *g, const struct cg_buf *b)
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
		{ list + 4095, ~0ull - 8189, TEEC_ERROR_BAD_PARAMETERS },
		{ list + 4095, ~0ull - 8190, TEEC_ERROR_OUT_OF_MEMORY },
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
		uint64_t *last;
		struct cg_buf b;

		fx_buffer(&b, g, (uint64_t)lengths[i] * CG_PAGE, 0);
		test_guest_count_reads(g->test);
		assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
		/* What is behind, a link too, is not read: the client leaves junk there. */
		last = cg_buf_entry(g->cg, &b, lengths[i] - 1);
		assert_int_equal(test_guest_max_reads(g->test, test_guest_ipa(g->test, last), 8), 1);
		assert_int_equal(test_guest_max_reads(g->test, test_guest_ipa(g->test, last + 1), 8),
				 0);
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

/* Entries, and the link to the second list page. */
FX_TEST(s53_i2_pages_that_cannot_be_shared_make_no_call)
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
		for (size_t p = 0; p <= sizeof(places) / sizeof(places[0]); p++) {
			uint64_t *entry = p < sizeof(places) / sizeof(places[0]) ?
					  cg_buf_entry(g->cg, &b, places[p]) :
					  cg_buf_entry(g->cg, &b, OPTEE_MSG_LIST_NEXT - 1) + 1;
			uint64_t was = *entry;

			*entry = bad[i];
			assert_int_equal(cg_register(g->cg, &b), TEEC_ERROR_BAD_PARAMETERS);
			assert_held(g, 0, 0);
			*entry = was;
		}
	}
	assert_int_equal(fx_smcs(f), 0);
}

FX_TEST(s53_i2_list_that_is_its_own_continuation_ends_where_its_size_says)
{
	struct cg_buf b;

	f->busy_at_end = true;
	assert_true(cg_buf_repeat(g->cg, &b, 600));
	((uint64_t *)cg_page_va(g->cg, b.list))[OPTEE_MSG_LIST_NEXT] = cg_page_ipa(g->cg, b.list);
	f->host->rereads_expected = true;
	f->host->mutate_always = false;
	fx_smcs_reset(f);
	assert_int_equal(cg_register(g->cg, &b), TEEC_SUCCESS);
	assert_held(g, 600, 1);
	assert_int_equal(fx_smcs(f), 1);
}

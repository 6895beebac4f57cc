/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test host by itself: does it see what it is there to see? Failures are
 * collected instead of ending the test.
 */
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/abi_smc.h>

#include "host.h"
#include "test.h"

#define ID	3u

static char last[512];

static void collect(const char *message)
{
	strncpy(last, message, sizeof(last) - 1);
}

/* Exactly one failure since the last time, and it says this. */
static void assert_failed(const char *text)
{
	assert_int_equal(test_failures(), 1);
	assert_non_null(strstr(last, text));
	test_failures_reset();
}

static int set_up(void **state)
{
	struct test_host *h = test_host_new();

	test_on_failure(collect);
	test_failures_reset();
	test_guest_new(h, ID, 64);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct test_host *h = *state;

	test_host_assert_balanced(h);
	test_host_free(h);
	test_on_failure(NULL);
	return test_failures() ? -1 : 0;
}

/* A test with a host h and a guest g in it. */
#define HOST_TEST(name)									\
	static void name##_on(struct test_host *h, struct test_guest *g);		\
	TEST_IN(name, set_up, tear_down)						\
	{										\
		struct test_host *h = *state;						\
											\
		name##_on(h, h->guest[0]);						\
	}										\
	static void name##_on(struct test_host *h __attribute__((unused)),		\
			      struct test_guest *g __attribute__((unused)))

static int pin(struct test_guest *g, uint64_t ipa, om_pa_t *pa)
{
	om_ipa_t page = { ipa };

	return g->host->ops.pin(g, &page, 1, pa);
}

static void unpin(struct test_guest *g, om_pa_t pa)
{
	g->host->ops.unpin(g, &pa, 1);
}

/* --- Memory -------------------------------------------------------------------------------- */

HOST_TEST(ipa_is_contiguous_and_pa_is_not)
{
	uint8_t *va = test_guest_va(g, g->ipa);
	size_t neighbours = 0;

	for (size_t i = 0; i < 64; i++) {
		uint64_t ipa = g->ipa + i * TEST_PAGE;

		assert_ptr_equal(test_guest_va(g, ipa), va + i * TEST_PAGE);
		assert_int_equal(test_guest_ipa(g, va + i * TEST_PAGE), ipa);
		assert_true(test_host_is_host_address(h, test_guest_pa(g, ipa)));
		assert_ptr_equal(test_host_peek(h, test_guest_pa(g, ipa)), va + i * TEST_PAGE);
		neighbours += i && test_guest_pa(g, ipa) == test_guest_pa(g, ipa - 1) + 1;
	}
	assert_int_equal(neighbours, 0);
	assert_false(test_host_is_host_address(h, g->ipa));
}

HOST_TEST(access_needs_a_pin_and_one_page)
{
	const struct om_host_ops *ops = &g->host->ops;
	om_pa_t pa = { test_guest_pa(g, g->ipa) };
	char buf[16] = "abc";

	assert_int_not_equal(ops->read(g, pa, buf, 4), 0);
	assert_failed("not pinned");
	pin(g, g->ipa, &pa);
	assert_int_equal(ops->write(g, (om_pa_t){ pa.raw + 8 }, buf, 4), 0);
	assert_string_equal((char *)test_guest_va(g, g->ipa) + 8, "abc");
	ops->read(g, (om_pa_t){ pa.raw + 4090 }, buf, 7);
	assert_failed("leaves its page");
	unpin(g, pa);
	unpin(g, pa);
	assert_failed("is not pinned");
	assert_int_equal(atomic_load(&g->bytes_written), 4);
}

HOST_TEST(a_ballooned_page_lives_while_it_is_pinned)
{
	const struct om_host_ops *ops = &g->host->ops;
	uint32_t *va = test_guest_va(g, g->ipa);
	uint32_t word = 0;
	om_pa_t pa, again;

	*va = 0x1234;
	pin(g, g->ipa, &pa);
	test_guest_unmap(g, g->ipa);
	assert_int_not_equal(*va, 0x1234);
	assert_int_not_equal(pin(g, g->ipa, &again), 0);
	test_guest_remap(g, g->ipa);
	assert_int_equal(*va, 0);
	pin(g, g->ipa, &again);
	assert_int_not_equal(pa.raw, again.raw);
	assert_int_equal(ops->read(g, pa, &word, 4), 0);
	assert_int_equal(word, 0x1234);
	word = 0x5678;
	ops->write(g, pa, &word, 4);
	assert_int_equal(*va, 0);
	assert_int_equal(*(uint32_t *)test_host_peek(g->host, pa.raw), 0x5678);
	unpin(g, pa);
	unpin(g, again);
}

HOST_TEST(shadow_pages_are_counted_and_not_clear)
{
	struct om_page page, other;
	uint8_t *va;

	assert_int_equal(h->ops.page_alloc(h, &page), 0);
	assert_int_equal(h->ops.page_alloc(h, &other), 0);
	va = page.va;
	for (size_t i = 0; i < TEST_PAGE; i++)
		assert_int_not_equal(va[i], 0);
	memset(va, 1, TEST_PAGE);
	test_host_assert_balanced(h);
	assert_failed("2 shadow pages left");
	h->ops.page_free(h, &page);
	h->ops.page_free(h, &page);
	assert_failed("no shadow page");
	h->ops.page_free(h, &other);
}

/* --- The oracle ------------------------------------------------------------------------------ */

HOST_TEST(the_secure_world_is_confined)
{
	struct test_guest *other = test_guest_new(h, ID + 1, 4);
	struct om_page page;
	om_pa_t pa;

	h->ops.page_alloc(h, &page);
	pin(g, g->ipa, &pa);
	assert_ptr_equal(test_secure_access(h, ID, page.pa.raw + 8, 8, true),
			 (uint8_t *)page.va + 8);
	assert_ptr_equal(test_secure_access(h, ID, pa.raw, TEST_PAGE, true),
			 test_guest_va(g, g->ipa));
	assert_null(test_secure_access(h, other->id, page.pa.raw, 1, true));
	assert_failed("another guest's shadow page");
	assert_null(test_secure_access(h, other->id, pa.raw, 1, false));
	assert_failed("not pinned for it");
	assert_null(test_secure_access(h, ID, g->ipa, 1, false));
	assert_failed("no memory");
	assert_null(test_secure_access(h, ID, 0, 1, false));
	assert_failed("page 0");
	assert_null(test_secure_access(h, ID, TEST_RESERVED_PA, 1, false));
	assert_failed("reserved");
	assert_null(test_secure_access(h, ID, pa.raw + 1, TEST_PAGE, false));
	assert_failed("leaves the page");
	unpin(g, pa);
	assert_null(test_secure_access(h, ID, pa.raw, 1, false));
	assert_failed("not pinned for it");
	h->ops.page_free(h, &page);
	assert_null(test_secure_access(h, ID, page.pa.raw, 1, false));
	assert_failed("free page");
}

HOST_TEST(what_is_shared_must_stay)
{
	struct om_page page;
	om_pa_t pa;

	h->ops.page_alloc(h, &page);
	pin(g, g->ipa, &pa);
	pin(g, g->ipa, &pa);
	test_secure_hold(h, ID, pa.raw);
	test_secure_hold(h, ID, page.pa.raw);
	assert_int_equal(test_secure_held(h, ID), 2);
	unpin(g, pa);
	assert_int_equal(test_failures(), 0);
	unpin(g, pa);
	assert_failed("I4");
	h->ops.page_free(h, &page);
	assert_failed("I4");
	test_secure_release(h, ID, pa.raw);
	test_secure_release(h, ID, page.pa.raw);
}

/* --- Contracts -------------------------------------------------------------------------------- */

static void nop_smc(void *tee, struct om_regs *regs)
{
	(void)tee;
	regs->a[0] = 0;
}

HOST_TEST(locks_are_never_held_across_an_operation)
{
	om_pa_t pa;

	h->ops.lock(g);
	pin(g, g->ipa, &pa);
	assert_failed("lock held");
	h->ops.unlock(g);
	h->ops.unlock(h->guest[0]);
	assert_failed("does not hold");
	h->ops.lock(g);
	unpin(g, pa);
	assert_int_equal(test_failures(), 1);
	h->ops.unlock(g);
	test_failures_reset();
}

HOST_TEST(smcs_are_stamped)
{
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_ARG } };

	h->smc = nop_smc;
	h->ops.smc(h, &regs);
	assert_failed("a7 = 0");
	regs.a[0] = OPTEE_SMC_CALLS_UID;
	h->ops.smc(h, &regs);
	assert_int_equal(test_failures(), 0);
	test_guest_enter(g);
	regs = (struct om_regs){ .a = { OPTEE_SMC_CALLS_UID } };
	h->ops.smc(h, &regs);
	assert_failed("in a call of guest");
	regs = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, 1ull << 32, 0, 0, 0, 0, 0, ID } };
	h->ops.smc(h, &regs);
	assert_failed("not 32-bit");
	test_guest_leave(g);
	regs = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, 0, 0, 0, 0, 0, 0, 99 } };
	h->ops.smc(h, &regs);
	assert_failed("nobody's");
}

HOST_TEST(the_nth_operation_fails)
{
	om_pa_t pa;
	char c;

	test_host_fail(h, 1u << TEST_OP_PIN | 1u << TEST_OP_READ, 2, false);
	assert_int_equal(pin(g, g->ipa, &pa), 0);
	assert_int_equal(h->ops.write(g, pa, "x", 1), 0);
	assert_int_not_equal(h->ops.read(g, pa, &c, 1), 0);
	assert_int_equal(h->ops.read(g, pa, &c, 1), 0);
	assert_int_equal(test_host_fault_hits(h), 1);
	test_host_fail(h, TEST_FAULTS_ALL, 1, true);
	assert_int_not_equal(h->ops.read(g, pa, &c, 1), 0);
	assert_int_not_equal(h->ops.read(g, pa, &c, 1), 0);
	assert_int_equal(test_host_fault_hits(h), 2);
	test_host_fail(h, 0, 0, false);
	assert_int_equal(h->ops.read(g, pa, &c, 1), 0);
	unpin(g, pa);
	assert_int_equal(atomic_load(&h->count[TEST_OP_READ]), 5);
	test_host_reset_counts(h);
	assert_int_equal(atomic_load(&h->count[TEST_OP_READ]), 0);
}

/* --- Watching -------------------------------------------------------------------------------- */

HOST_TEST(reads_are_counted_and_bytes_mutate)
{
	uint8_t *va = test_guest_va(g, g->ipa);
	char buf[8];
	om_pa_t pa;

	memcpy(va, "constant", 8);
	pin(g, g->ipa, &pa);
	test_guest_count_reads(g);
	h->ops.read(g, pa, buf, 4);
	h->ops.read(g, (om_pa_t){ pa.raw + 4 }, buf, 4);
	assert_int_equal(test_guest_max_reads(g, 0, 0), 1);
	h->ops.read(g, (om_pa_t){ pa.raw + 3 }, buf, 2);
	assert_int_equal(test_guest_max_reads(g, g->ipa, 3), 1);
	assert_int_equal(test_guest_max_reads(g, g->ipa, 4), 2);

	test_guest_mutate(g, true);
	h->ops.read(g, pa, buf, 8);
	assert_memory_equal(buf, "constant", 8);
	assert_memory_not_equal(va, "constant", 8);
	h->ops.read(g, pa, buf, 8);
	assert_memory_not_equal(buf, "constant", 8);
	h->ops.write(g, (om_pa_t){ pa.raw + 7 }, "s", 1);
	test_guest_mutate(g, false);
	assert_memory_equal(va, "constans", 8);
	unpin(g, pa);
}

HOST_TEST(leaks_are_found)
{
	uint8_t *va = test_guest_va(g, g->ipa + 5 * TEST_PAGE);
	uint64_t pa = test_guest_pa(g, g->ipa) + 0x123;
	const uint64_t pair[4] = { 1, pa >> 32, (uint32_t)pa, 0 };
	struct om_page page;

	test_guest_assert_no_leak(g);
	assert_int_equal(test_failures(), 0);
	memcpy(va + 4, &pa, sizeof(pa));
	test_guest_assert_no_leak(g);
	assert_failed("I3");
	h->ops.page_alloc(h, &page);
	memcpy(va + 4, &page.va, sizeof(page.va));
	test_guest_assert_no_leak(g);
	assert_failed("I3");
	memset(va + 4, 0, sizeof(page.va));
	memcpy(va + TEST_PAGE - 4, &pa, sizeof(pa));	/* in two pages */
	test_guest_assert_no_leak(g);
	assert_failed("I3");
	test_assert_no_leak_regs(h, pair, 4);
	assert_failed("registers 1 and 2");
	h->ops.page_free(h, &page);
}

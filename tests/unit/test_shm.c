/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory registry: the life of a buffer, its quotas to the last unit,
 * and its pools. Cookies that collide: test_shm_cookies.c.
 */
#include "rig_shm.h"

/* --- The life of a buffer --------------------------------------------------- */

RIG_TEST(test_life_of_a_buffer)
{
	struct om_release release = { OM_NONE };
	const uint32_t pages = OM_PIN_BATCH + 5;
	uint32_t index = reserve(rig, OM_SHARE_REGISTERED, 0x77, pages);

	/* Reserved: the cookie is taken, but nobody can get it. */
	assert_true(known(rig, 0x77));
	assert_int_equal(get(rig, OM_SHARE_REGISTERED, 0x77, false), OM_NONE);
	assert_int_equal(om_shm_claim(&rig->guest->shm, (om_cookie_t){ 0x77 }, OM_SHARE_REGISTERED),
			 OM_NONE);
	pin(rig, index, pages);
	expect_usage(rig, 1, 0, pages);

	/* Live: anybody can, any number of times. */
	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(release.head, OM_NONE);
	assert_int_equal(get(rig, OM_SHARE_REGISTERED, 0x77, false), index);
	assert_int_equal(get(rig, OM_SHARE_REGISTERED, 0x77, false), index);

	/* Claimed: nobody else gets it, nobody else claims it. */
	assert_int_equal(om_shm_claim(&rig->guest->shm, (om_cookie_t){ 0x77 }, OM_SHARE_REGISTERED),
			 index);
	assert_int_equal(get(rig, OM_SHARE_REGISTERED, 0x77, false), OM_NONE);
	assert_int_equal(om_shm_claim(&rig->guest->shm, (om_cookie_t){ 0x77 }, OM_SHARE_REGISTERED),
			 OM_NONE);
	assert_true(known(rig, 0x77));

	/* Forgotten: the cookie is free at once (I7), the pages are not yet (I4). */
	om_shm_forget(&rig->guest->shm, index);
	assert_false(known(rig, 0x77));
	om_shm_put(&rig->guest->shm, index, &release);
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(release.head, OM_NONE);
	assert_int_equal(rig->ram->pinned, pages);
	expect_usage(rig, 1, 0, pages);

	/* Released by the last user, a batch at a time. */
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(release.head, index);
	assert_true(om_shm_release_step(&rig->guest->shm, &release));
	assert_int_equal(rig->ram->pinned, 5);
	expect_usage(rig, 1, 0, pages);
	assert_true(om_shm_release_step(&rig->guest->shm, &release));
	assert_int_equal(rig->ram->pinned, 0);
	expect_usage(rig, 0, 0, 0);
	assert_false(om_shm_release_step(&rig->guest->shm, &release));
	assert_int_equal(rig->guest->shm.pages_peak, pages);
}

/* UNREGISTER that OP-TEE refused: all as before. */
RIG_TEST(test_claimed_and_published_again)
{
	struct om_release release = { OM_NONE };
	uint32_t index = share(rig, OM_SHARE_REGISTERED, 9);

	assert_int_equal(om_shm_claim(&rig->guest->shm, (om_cookie_t){ 9 }, OM_SHARE_REGISTERED), index);
	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(release.head, OM_NONE);
	assert_int_equal(get(rig, OM_SHARE_REGISTERED, 9, false), index);
	om_shm_put(&rig->guest->shm, index, &release);
	unshare(rig, OM_SHARE_REGISTERED, 9);
	expect_usage(rig, 0, 0, 0);
}

/* What UNREGISTER waits for: calls that name it and are on their way to OP-TEE. */
RIG_TEST(test_claimed_when_nobody_enters_with_it)
{
	const om_cookie_t cookie = { 9 };
	struct om_guest *guest = rig->guest;
	struct om_release release = { OM_NONE };
	uint32_t index = share(rig, OM_SHARE_REGISTERED, 9);

	share(rig, OM_SHARE_PAYLOAD, 10);
	/* Unknown, or of another kind. */
	assert_int_equal(om_shm_claim_arrived(&guest->shm, (om_cookie_t){ 8 }), OM_NONE);
	assert_int_equal(om_shm_claim_arrived(&guest->shm, (om_cookie_t){ 10 }), OM_NONE);
	assert_int_equal(om_shm_get_in_transit(&guest->shm, (om_cookie_t){ 10 }), OM_NONE);

	/* It stays live meanwhile, and others can begin to use it. */
	assert_int_equal(om_shm_get_in_transit(&guest->shm, cookie), index);
	assert_int_equal(om_shm_claim_arrived(&guest->shm, cookie), OM_BUSY);
	assert_int_equal(om_shm_get_in_transit(&guest->shm, cookie), index);
	om_shm_arrived(&guest->shm, index);
	assert_int_equal(om_shm_claim_arrived(&guest->shm, cookie), OM_BUSY);
	om_shm_put_users(&guest->shm, index, OM_HOLD_USER + OM_HOLD_IN_TRANSIT,
				 &release);
	/* One user is left, and OP-TEE knows of it. */
	assert_int_equal(om_shm_claim_arrived(&guest->shm, cookie), index);
	/* Claimed by then: not busy, gone. */
	assert_int_equal(om_shm_claim_arrived(&guest->shm, cookie), OM_NONE);
	assert_int_equal(om_shm_get_in_transit(&guest->shm, cookie), OM_NONE);
	om_shm_forget(&guest->shm, index);
	om_shm_put(&guest->shm, index, &release);
	assert_int_equal(release.head, OM_NONE);
	om_shm_put(&guest->shm, index, &release);
	assert_int_equal(release.head, index);
	drain(rig, &release);
	expect_usage(rig, 1, 0, 1);
	unshare(rig, OM_SHARE_PAYLOAD, 10);
}

/* Reserved, then the translation failed: never was live. */
RIG_TEST(test_reserved_and_forgotten)
{
	struct om_release release = { OM_NONE };
	uint32_t index = reserve(rig, OM_SHARE_PAYLOAD, 9, 5);

	om_shm_forget(&rig->guest->shm, index);
	assert_false(known(rig, 9));
	om_shm_put(&rig->guest->shm, index, &release);
	/* Nothing was pinned: the step has nothing to unpin, only to refund. */
	assert_true(om_shm_release_step(&rig->guest->shm, &release));
	assert_int_equal(rig->host->count[TEST_OP_UNPIN], 0);
	expect_usage(rig, 0, 0, 0);
}

RIG_TEST(test_alone_means_no_other_user)
{
	struct om_release release = { OM_NONE };
	uint32_t index = reserve(rig, OM_SHARE_RPC_ARG, 3, 1);

	om_shm_publish(&rig->guest->shm, index);
	/* Its maker still has it. */
	assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, true), OM_NONE);
	assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, false), index);
	om_shm_put(&rig->guest->shm, index, &release);
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, true), index);
	assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, true), OM_NONE);
	om_shm_put(&rig->guest->shm, index, &release);
	unshare(rig, OM_SHARE_RPC_ARG, 3);
}

/* An argument of one pinned page, live and then freed, while nobody else used it. */
static uint32_t park(struct rig *rig, uint64_t cookie)
{
	struct om_release release = { OM_NONE };
	uint32_t index = reserve(rig, OM_SHARE_RPC_ARG, cookie, 1);

	pin(rig, index, 1);
	om_shm_publish_put(&rig->guest->shm, index);
	assert_true(om_shm_free_arg(&rig->guest->shm, (om_cookie_t){ cookie }, index, &release));
	assert_int_equal(release.head, OM_NONE);
	return index;
}

RIG_TEST(test_scenario_33_freed_argument_holds_nothing)
{
	struct om_release release = { OM_NONE };
	uint32_t index = park(rig, 3);

	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(om_shm_parked(&rig->guest->shm), 1);
	expect_usage(rig, 0, 0, 0);
	assert_false(known(rig, 3));
	assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, false), OM_NONE);
	assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, true), OM_NONE);
	assert_false(om_shm_free_arg(&rig->guest->shm, (om_cookie_t){ 3 }, index, &release));
}

/* It comes back as a new buffer, whether it is found at once or looked for. */
RIG_TEST(test_scenario_33_freed_argument_is_allocated_again)
{
	for (uint32_t entry = 0; entry < rig->guest->vm.limits.rpc_args; entry++) {
		struct om_share s = share_of(OM_SHARE_RPC_ARG, 3, 1);
		uint32_t index = park(rig, 3);
		uint64_t hold = rig->guest->shm.buffers[index].hold;

		s.entry = entry;
		assert_int_equal(om_shm_reserve(&rig->guest->shm, &s, &index, NULL), OM_ACCEPTED);
		assert_int_equal(om_shm_parked(&rig->guest->shm), 0);
		assert_true(rig->guest->shm.buffers[index].hold >> 32 > hold >> 32);
		expect_usage(rig, 0, 1, 1);
		assert_int_equal(get(rig, OM_SHARE_RPC_ARG, 3, false), OM_NONE);
		om_shm_publish_put(&rig->guest->shm, index);
		unshare(rig, OM_SHARE_RPC_ARG, 3);
	}
}

/* Invariant I5: whoever needs its cookie, its page or its entry gets it. */
RIG_TEST(test_invariant_5_freed_argument_is_in_nobodys_way)
{
	const struct om_limits *limits = &rig->guest->vm.limits;
	uint32_t i;

	park(rig, 3);
	share(rig, OM_SHARE_REGISTERED, 3);
	assert_int_equal(om_shm_parked(&rig->guest->shm), 0);
	unshare(rig, OM_SHARE_REGISTERED, 3);

	park(rig, 3);
	i = reserve(rig, OM_SHARE_REGISTERED, 4, limits->pages);
	assert_int_equal(om_shm_parked(&rig->guest->shm), 0);
	drop(rig, i);

	for (i = 0; i < limits->rpc_args; i++)
		park(rig, 100 + i);
	assert_int_equal(om_shm_parked(&rig->guest->shm), limits->rpc_args);
	for (i = 0; i < limits->rpc_args; i++)
		share(rig, OM_SHARE_RPC_ARG, 200 + i);
	for (i = 0; i < limits->rpc_args; i++)
		unshare(rig, OM_SHARE_RPC_ARG, 200 + i);
	expect_usage(rig, 0, 0, 0);
}

/* A secure world that frees what another call of the guest's is asked with. */
RIG_TEST(test_invariant_7_argument_is_freed_under_its_user)
{
	struct om_release release = { OM_NONE };
	uint32_t index = reserve(rig, OM_SHARE_RPC_ARG, 3, 1);

	pin(rig, index, 1);
	om_shm_publish(&rig->guest->shm, index);
	assert_true(om_shm_free_arg(&rig->guest->shm, (om_cookie_t){ 3 }, index, &release));
	assert_int_equal(om_shm_parked(&rig->guest->shm), 0);
	assert_int_equal(rig->ram->pinned, 1);
	assert_false(known(rig, 3));
	om_shm_put(&rig->guest->shm, index, &release);
	drain(rig, &release);
	assert_int_equal(rig->ram->pinned, 0);
	expect_usage(rig, 0, 0, 0);
}

/* Invariant I7: an RPC argument's cookie is no data buffer's, and so on. */
RIG_TEST(test_invariant_7_a_cookie_is_of_one_kind)
{
	static const enum om_trace_share kinds[] = {
		OM_SHARE_REGISTERED, OM_SHARE_PAYLOAD, OM_SHARE_RPC_ARG,
	};
	size_t i;
	uint32_t k;

	for (i = 0; i < COUNT_OF(kinds); i++) {
		uint32_t index = share(rig, kinds[i], 100 + i);
		struct om_release release = { OM_NONE };

		for (k = 0; k < KINDS; k++) {
			bool same = k == (uint32_t)kinds[i];
			om_cookie_t cookie = { 100 + i };

			assert_int_equal(get(rig, (enum om_trace_share)k, cookie.raw, false),
					 same ? index : OM_NONE);
			if (same)
				om_shm_put(&rig->guest->shm, index, &release);
			else
				assert_int_equal(om_shm_claim(&rig->guest->shm, cookie,
							      (enum om_trace_share)k), OM_NONE);
		}
	}
	for (i = 0; i < COUNT_OF(kinds); i++)
		unshare(rig, kinds[i], 100 + i);
}

/* Memory that is lent for a call has no cookie that anybody could name. */
RIG_TEST(test_invariant_7_temporary_buffers_have_no_cookie)
{
	struct om_release release = { OM_NONE };
	uint32_t first = reserve(rig, OM_SHARE_TEMPORARY, 0, 1);
	uint32_t second = reserve(rig, OM_SHARE_TEMPORARY, 0x55, 1);

	assert_int_not_equal(first, second);
	assert_false(known(rig, 0));
	assert_false(known(rig, 0x55));
	assert_int_equal(get(rig, OM_SHARE_TEMPORARY, 0x55, false), OM_NONE);
	expect_usage(rig, 0, 0, 2);
	let_go(rig, first, &release);
	let_go(rig, second, &release);
	drain(rig, &release);
	expect_usage(rig, 0, 0, 0);
}

RIG_TEST(test_cookies_that_are_refused)
{
	uint32_t kind, index = OM_NONE;

	share(rig, OM_SHARE_REGISTERED, 7);
	for (kind = 0; kind < KINDS; kind++) {
		struct om_share zero = share_of((enum om_trace_share)kind, 0, 1);
		struct om_share twice = share_of((enum om_trace_share)kind, 7, 1);

		if (kind == OM_SHARE_TEMPORARY)
			continue;
		assert_int_equal(om_shm_reserve(&rig->guest->shm, &zero, &index, NULL), OM_REFUSED_COOKIE);
		assert_int_equal(om_shm_reserve(&rig->guest->shm, &twice, &index, NULL), OM_REFUSED_COOKIE);
	}
	assert_int_equal(index, OM_NONE);
	expect_usage(rig, 1, 0, 1);
	/* A cookie that is wrong and a quota that is full: the cookie is told. */
	index = reserve(rig, OM_SHARE_REGISTERED, 8, 63);
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &(struct om_share){
			 .kind = OM_SHARE_REGISTERED, .cookie = { 7 }, .pages = 1 }, &kind, NULL),
			 OM_REFUSED_COOKIE);
	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &(struct om_release){ OM_NONE });
	unshare(rig, OM_SHARE_REGISTERED, 8);
	unshare(rig, OM_SHARE_REGISTERED, 7);
}

/* --- Quotas ------------------------------------------------------------------- */

/* Invariant I5: n are accepted, one more is not, and after one is gone it is. */
static void expect_quota(struct rig *rig, enum om_trace_share kind, uint32_t n)
{
	const struct om_share more = share_of(kind, 5000, 1);
	uint32_t before = rig->guest->shm.pages_used;
	uint32_t index = OM_NONE;

	for (uint32_t i = 0; i < n; i++)
		share(rig, kind, 1000 + i);
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &more, &index, NULL), OM_REFUSED_QUOTA);
	assert_int_equal(index, OM_NONE);
	assert_false(known(rig, 5000));
	assert_int_equal(rig->guest->shm.pages_used, before + n);
	unshare(rig, kind, 1000 + n / 2);
	share(rig, kind, 5000);
	unshare(rig, kind, 5000);
	for (uint32_t i = 0; i < n; i++)
		if (i != n / 2)
			unshare(rig, kind, 1000 + i);
	assert_int_equal(rig->guest->shm.pages_used, before);
}

RIG_TEST(test_invariant_5_number_of_buffers)
{
	expect_quota(rig, OM_SHARE_REGISTERED, 8);
	expect_quota(rig, OM_SHARE_PAYLOAD, 8);
	/* Registered and allocated ones share a quota; RPC arguments have another. */
	share(rig, OM_SHARE_REGISTERED, 1);
	share(rig, OM_SHARE_PAYLOAD, 2);
	expect_quota(rig, OM_SHARE_PAYLOAD, 6);
	expect_quota(rig, OM_SHARE_RPC_ARG, 4);
	unshare(rig, OM_SHARE_REGISTERED, 1);
	unshare(rig, OM_SHARE_PAYLOAD, 2);
	expect_usage(rig, 0, 0, 0);
}

RIG_TEST(test_invariant_5_number_of_pages)
{
	static const uint32_t first[] = { 1, OM_PIN_BATCH, OM_PIN_BATCH + 1, 63, 64 };

	for (size_t i = 0; i < COUNT_OF(first); i++) {
		struct om_release release = { OM_NONE };
		uint32_t left = 64 - first[i], index = OM_NONE, other = OM_NONE;
		struct om_share more = share_of(OM_SHARE_PAYLOAD, 2, left + 1);

		index = reserve(rig, OM_SHARE_REGISTERED, 1, first[i]);
		assert_int_equal(om_shm_reserve(&rig->guest->shm, &more, &other, NULL), OM_REFUSED_QUOTA);
		/* As many as there can be, so that a sum would wrap. */
		more.pages = UINT32_MAX;
		assert_int_equal(om_shm_reserve(&rig->guest->shm, &more, &other, NULL), OM_REFUSED_QUOTA);
		assert_int_equal(other, OM_NONE);
		if (left) {
			other = reserve(rig, OM_SHARE_TEMPORARY, 0, left);
			let_go(rig, other, &release);
		}
		om_shm_forget(&rig->guest->shm, index);
		let_go(rig, index, &release);
		drain(rig, &release);
		expect_usage(rig, 0, 0, 0);
	}
	assert_int_equal(rig->guest->shm.pages_peak, 64);
}

RIG_TEST(test_invariant_5_number_of_list_pages)
{
	struct om_share share_lists = share_of(OM_SHARE_TEMPORARY, 0, 1);
	struct om_release release = { OM_NONE };
	const uint32_t first_list = 4 + 4;	/* behind threads and RPC arguments */
	uint32_t index, other = OM_NONE, taken[4], i, seen = 0;

	share_lists.lists = 3;
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &share_lists, &index, NULL), OM_ACCEPTED);
	share_lists.lists = 2;
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &share_lists, &other, NULL), OM_REFUSED_QUOTA);
	assert_int_equal(other, OM_NONE);
	share_lists.lists = UINT32_MAX;
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &share_lists, &other, NULL), OM_REFUSED_QUOTA);
	share_lists.lists = 1;
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &share_lists, &other, NULL), OM_ACCEPTED);

	/* Each page once, each from the right pool. */
	for (i = 0; i < 4; i++) {
		taken[i] = om_shm_take_list(&rig->guest->shm);
		assert_in_range(taken[i], first_list, first_list + 3);
		assert_false(seen >> taken[i] & 1u);
		seen |= 1u << taken[i];
		assert_int_equal(rig->guest->shm.shadows[taken[i]].next, OM_NONE);
	}
	/* Given back as chains, and as a promise that was never used. */
	rig->guest->shm.shadows[taken[0]].next = taken[1];
	om_shm_give_lists(&rig->guest->shm, taken[0], taken[1], 2);
	assert_int_equal(rig->guest->shm.lists_left, 2);
	om_shm_give_lists(&rig->guest->shm, taken[2], taken[2], 1);
	om_shm_give_lists(&rig->guest->shm, taken[3], taken[3], 1);
	assert_int_equal(rig->guest->shm.lists_left, 4);
	share_lists.lists = 4;
	let_go(rig, other, &release);
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &share_lists, &other, NULL), OM_ACCEPTED);
	assert_int_equal(rig->guest->shm.lists_left, 0);
	om_shm_give_lists(&rig->guest->shm, OM_NONE, OM_NONE, 4);
	assert_int_equal(rig->guest->shm.lists_left, 4);
	let_go(rig, index, &release);
	let_go(rig, other, &release);
	drain(rig, &release);
}

/* Every RPC argument has a shadow page, its own, from its own pool. */
RIG_TEST(test_rpc_arguments_have_a_shadow_each)
{
	uint32_t i, seen;

	for (uint32_t round = 0; round < 5; round++) {
		for (i = 0, seen = 0; i < 4; i++) {
			uint32_t index = share(rig, OM_SHARE_RPC_ARG, 10 + i);
			uint32_t shadow = rig->guest->shm.buffers[index].shadow;

			assert_in_range(shadow, 4, 7);
			assert_false(seen >> shadow & 1u);
			seen |= 1u << shadow;
		}
		/* In another order than they were taken. */
		for (i = 0; i < 4; i++)
			unshare(rig, OM_SHARE_RPC_ARG, 10 + (i * 3 + round) % 4);
	}
	i = share(rig, OM_SHARE_REGISTERED, 1);
	assert_int_equal(rig->guest->shm.buffers[i].shadow, OM_NONE);
	unshare(rig, OM_SHARE_REGISTERED, 1);
}

/*
 * Invariant I5: all quotas used up, and pages spread over buffers so that the
 * records of pins are as empty as can be: there is a record for each pin.
 */
static void fill_everything(struct rig *rig, uint32_t pages)
{
	const struct om_limits *l = &rig->guest->vm.limits;
	uint32_t n = l->buffers + l->rpc_args + l->threads * OPTEE_MSG_CALL_PARAMS;
	uint32_t index[32], i, spare = pages - n;
	struct om_release release = { OM_NONE };

	assert_true(n <= COUNT_OF(index) && pages >= n);
	for (i = 0; i < n; i++) {
		enum om_trace_share kind = i < l->buffers ? OM_SHARE_REGISTERED :
			i < l->buffers + l->rpc_args ? OM_SHARE_RPC_ARG : OM_SHARE_TEMPORARY;
		/* One page more than fills its records, as long as there are any. */
		uint32_t more = spare / OM_PIN_BATCH / (n - i) * OM_PIN_BATCH;

		if (i + 1 == n)
			more = spare;
		index[i] = reserve(rig, kind, 100 + i, 1 + more);
		pin(rig, index[i], 1 + more);
		spare -= more;
	}
	assert_int_equal(rig->guest->shm.pages_used, pages);
	for (i = 0; i < n; i++) {
		if (i < l->buffers + l->rpc_args)
			om_shm_forget(&rig->guest->shm, index[i]);
		let_go(rig, index[i], &release);
	}
	drain(rig, &release);
	expect_usage(rig, 0, 0, 0);
}

static uint32_t chain_length(const struct om_pins *pins, uint32_t first)
{
	uint32_t n = 0;

	for (; first != OM_NONE; first = pins[first].next)
		n++;
	return n;
}

TEST(test_invariant_5_pin_records_never_run_out)
{
	struct rig_setup setup = rig_default;

	for (uint32_t pages = 28; pages <= 28 + 4 * OM_PIN_BATCH; pages++) {
		struct rig *rig;
		uint32_t records;

		setup.limits.pages = pages;
		rig = rig_new(&setup);
		records = chain_length(rig->guest->shm.pins, rig->guest->shm.free_pins);
		assert_int_equal(records, om_shm_pins_count(&setup.limits));
		fill_everything(rig, pages);
		/* And none is lost: twice more. */
		fill_everything(rig, pages);
		assert_int_equal(chain_length(rig->guest->shm.pins, rig->guest->shm.free_pins),
				 records);
		rig_free(rig);
	}
}

RIG_TEST(test_pages_of_a_buffer_in_their_order)
{
	struct om_release release = { OM_NONE };
	uint32_t index = reserve(rig, OM_SHARE_REGISTERED, 1, 50);
	const struct om_buffer *buffer = &rig->guest->shm.buffers[index];

	pin(rig, index, 50);
	for (uint32_t n = 0; n < 50; n++)
		assert_int_equal(om_shm_page(&rig->guest->shm, buffer, n).raw,
				 test_guest_pa(rig->ram, rig_ipa(rig, 50 - n)));
	om_shm_forget(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	drain(rig, &release);
}

/* Sizes of the tables, for odd limits: enough, and a power of two where it must. */
TEST(test_sizes_of_tables)
{
	struct om_limits l = { .threads = 1, .rpc_args = 1, .pages = 1, .list_pages = 1 };
	uint32_t n;

	for (l.buffers = 1; l.buffers < 300; l.buffers++) {
		n = om_shm_bucket_count(&l);
		assert_int_equal(n & (n - 1), 0);
		assert_true(n >= l.buffers + l.rpc_args && n < 2 * (l.buffers + l.rpc_args));
		assert_int_equal(om_shm_buffer_count(&l), l.buffers + 1 + 4);
	}
	l = (struct om_limits){ OM_LIMIT_THREADS, OM_LIMIT_BUFFERS, OM_LIMIT_RPC_ARGS,
				OM_LIMIT_PAGES, OM_LIMIT_LIST_PAGES, 0, 0, 0 };
	assert_int_equal(om_shm_bucket_count(&l), 1u << 21);
	assert_int_equal(om_shm_buffer_count(&l), (1u << 20) + 1024 + 512);
	assert_int_equal(om_shm_pins_count(&l),
			 (1u << 26) / OM_PIN_BATCH + 1 + (1u << 20) + 1024 + 512);
}

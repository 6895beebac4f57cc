/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory registry and a guest that chooses its cookies: how long a
 * chain may get, and that honest guests never notice.
 */
#include "rig_shm.h"

#define CHAIN 16u	/* the most in one bucket */

static const struct rig_setup many_buffers = {
	.limits = { .threads = 1, .buffers = 60, .rpc_args = 4, .pages = 200, .list_pages = 1 },
	.ram_pages = 64,
};

static void expect_all_found(struct rig *rig, const uint64_t *cookie, uint32_t n, uint32_t but)
{
	struct om_release release = { OM_NONE };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = get(rig, OM_SHARE_REGISTERED, cookie[i], false);

		assert_int_equal(known(rig, cookie[i]), i != but);
		if (i == but) {
			assert_int_equal(index, OM_NONE);
			continue;
		}
		assert_int_equal(rig->guest->shm.buffers[index].cookie, cookie[i]);
		om_shm_put(&rig->guest->shm, index, &release);
	}
}

RIG_TEST_BY(test_invariant_5_colliding_cookies, rig_new(&many_buffers))
{
	struct om_release release = { OM_NONE };
	uint64_t cookie[CHAIN + 1];
	uint64_t elsewhere = 1;
	struct om_share more;
	uint32_t index = OM_NONE;

	find_colliding(rig, cookie, COUNT_OF(cookie), 0x10000);
	while (bucket_of(rig, elsewhere) == bucket_of(rig, cookie[0]))
		elsewhere++;
	for (uint32_t i = 0; i < CHAIN; i++)
		share(rig, OM_SHARE_REGISTERED, cookie[i]);
	expect_all_found(rig, cookie, CHAIN, OM_NONE);

	/* One too many: the guest's own fault, and nothing is charged. */
	more = share_of(OM_SHARE_PAYLOAD, cookie[CHAIN], 1);
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &more, &index, NULL), OM_REFUSED_QUOTA);
	assert_int_equal(index, OM_NONE);
	expect_usage(rig, CHAIN, 0, CHAIN);
	assert_false(known(rig, cookie[CHAIN]));
	assert_int_equal(get(rig, OM_SHARE_REGISTERED, cookie[CHAIN], false), OM_NONE);
	assert_int_equal(om_shm_claim(&rig->guest->shm, more.cookie, OM_SHARE_REGISTERED), OM_NONE);
	/* One that is in the full chain is a duplicate, the last one, too. */
	more.cookie.raw = cookie[0];
	assert_int_equal(om_shm_reserve(&rig->guest->shm, &more, &index, NULL), OM_REFUSED_COOKIE);
	/* Temporary memory has no cookie and does not care; nor do other buckets. */
	index = reserve(rig, OM_SHARE_TEMPORARY, cookie[CHAIN], 1);
	let_go(rig, index, &release);
	drain(rig, &release);
	share(rig, OM_SHARE_REGISTERED, elsewhere);
	unshare(rig, OM_SHARE_REGISTERED, elsewhere);

	/* First, middle and last link go and come back; the others stay found. */
	for (uint32_t i = 0; i < CHAIN; i++) {
		unshare(rig, OM_SHARE_REGISTERED, cookie[i]);
		expect_all_found(rig, cookie, CHAIN, i);
		share(rig, OM_SHARE_REGISTERED, cookie[CHAIN]);
		unshare(rig, OM_SHARE_REGISTERED, cookie[CHAIN]);
		share(rig, OM_SHARE_REGISTERED, cookie[i]);
	}
	for (uint32_t i = 0; i < CHAIN; i++)
		unshare(rig, OM_SHARE_REGISTERED, cookie[i]);
	expect_usage(rig, 0, 0, 0);
}

/* What guests really use as cookies spreads: no chain gets near its end. */
TEST(test_honest_cookies_do_not_collide)
{
	static const struct {
		uint64_t first, step;
	} habits[] = {
		{ 1, 1 },
		{ 0xffff000008000000, 64 },	/* Linux: addresses of struct tee_shm */
		{ 0xffff800012345678, 0x100 },
		{ 0x40000000, 4096 },		/* addresses of the pages themselves */
		{ 0x80000000, 0x200000 },
		{ 1ull << 32, 1ull << 32 },
	};
	struct rig_setup setup = many_buffers;
	struct rig *rig;

	setup.limits.buffers = 1024;
	setup.limits.pages = 1024;
	rig = rig_new(&setup);
	for (size_t h = 0; h < COUNT_OF(habits); h++) {
		for (uint32_t i = 0; i < 1024; i++)
			share(rig, OM_SHARE_REGISTERED, habits[h].first + i * habits[h].step);
		for (uint32_t i = 0; i < 1024; i++)
			unshare(rig, OM_SHARE_REGISTERED, habits[h].first + i * habits[h].step);
	}
	rig_free(rig);
}

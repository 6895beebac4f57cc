/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short words for the steps of the shared-memory registry, each with the checks that
 * always hold: for its own tests, and for those that need a buffer.
 */
#ifndef TESTS_UNIT_RIG_SHM_H
#define TESTS_UNIT_RIG_SHM_H

#include "rig.h"

#define KINDS 4u	/* enum om_trace_share */

static inline struct om_share share_of(enum om_trace_share kind, uint64_t cookie, uint32_t pages)
{
	return (struct om_share){ .kind = kind, .cookie = { cookie }, .pages = pages,
				  .size = (uint64_t)pages * TEST_PAGE };
}

static inline uint32_t reserve(struct rig *rig, enum om_trace_share kind, uint64_t cookie,
			uint32_t pages)
{
	const struct om_share share = share_of(kind, cookie, pages);
	uint32_t index = OM_NONE;

	assert_int_equal(om_shm_reserve(&rig->guest->shm, &share, &index, NULL), OM_ACCEPTED);
	assert_true(index < om_shm_buffer_count(&rig->guest->vm.limits));
	return index;
}

/* Reserved, pinned, published, and its maker gone. */
static inline uint32_t share(struct rig *rig, enum om_trace_share kind, uint64_t cookie)
{
	struct om_release release = { OM_NONE };
	uint32_t index = reserve(rig, kind, cookie, 1);

	om_shm_publish(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	assert_int_equal(release.head, OM_NONE);
	return index;
}

/* A use ends; memory that is lent for a call is "in_transit" from the beginning. */
static inline void let_go(struct rig *rig, uint32_t index, struct om_release *release)
{
	if (rig->guest->shm.buffers[index].kind == OM_SHARE_TEMPORARY)
		om_shm_put_users(&rig->guest->shm, index, OM_HOLD_USER + OM_HOLD_IN_TRANSIT,
				 release);
	else
		om_shm_put(&rig->guest->shm, index, release);
}

static inline void drain(struct rig *rig, struct om_release *release)
{
	while (om_shm_release_step(&rig->guest->shm, release))
		;
}

/* Nobody can name it any more, and the hold is the last one. */
static inline void drop(struct rig *rig, uint32_t index)
{
	struct om_release release = { OM_NONE };

	om_shm_forget(&rig->guest->shm, index);
	om_shm_put(&rig->guest->shm, index, &release);
	drain(rig, &release);
}

static inline void unshare(struct rig *rig, enum om_trace_share kind, uint64_t cookie)
{
	uint32_t index = om_shm_claim(&rig->guest->shm, (om_cookie_t){ cookie }, kind);

	assert_int_not_equal(index, OM_NONE);
	drop(rig, index);
}

/* alone: an RPC argument, and only when nobody else uses it. */
static inline uint32_t get(struct rig *rig, enum om_trace_share kind, uint64_t cookie, bool alone)
{
	if (alone)
		return om_shm_get_arg(&rig->guest->shm, (om_cookie_t){ cookie }, 0);
	return om_shm_get(&rig->guest->shm, (om_cookie_t){ cookie }, kind);
}

static inline bool known(struct rig *rig, uint64_t cookie)
{
	return om_shm_is_known(&rig->guest->shm, (om_cookie_t){ cookie });
}

/* Pins n pages for a reserved buffer, in records as the translation fills them. */
static inline void pin(struct rig *rig, uint32_t index, uint32_t n)
{
	struct om_buffer *buffer = &rig->guest->shm.buffers[index];
	om_ipa_t ipa[OM_PIN_BATCH];
	uint32_t i;

	while (n) {
		struct om_pins *pins = om_shm_next_pins(&rig->guest->shm, buffer);
		uint32_t batch = OM_PIN_BATCH - pins->count;

		assert_true(batch >= 1 && batch <= OM_PIN_BATCH);
		if (batch > n)
			batch = n;
		for (i = 0; i < batch; i++)
			ipa[i].raw = rig_ipa(rig, (n - i) % rig->ram->ram_pages);
		assert_int_equal(rig->host->ops.pin(rig->ram, ipa, batch,
						    &pins->pa[pins->count]), 0);
		pins->count += batch;
		n -= batch;
	}
}

static inline void expect_usage(struct rig *rig, uint32_t buffers, uint32_t rpc_args,
				uint32_t pages)
{
	assert_int_equal(rig->guest->shm.buffers_used, buffers);
	assert_int_equal(rig->guest->shm.rpc_args_used - om_shm_parked(&rig->guest->shm), rpc_args);
	assert_int_equal(rig->guest->shm.pages_used - om_shm_parked(&rig->guest->shm), pages);
}

/* The bucket that a cookie falls into: seen from outside, whatever the hash is. */
static inline uint32_t bucket_of(struct rig *rig, uint64_t cookie)
{
	struct om_shm *shm = &rig->guest->shm;
	uint32_t index = share(rig, OM_SHARE_REGISTERED, cookie);
	uint32_t bucket = 0;

	while (shm->buckets[bucket] != index)
		bucket++;
	assert_true(bucket <= shm->bucket_mask);
	unshare(rig, OM_SHARE_REGISTERED, cookie);
	assert_int_equal(shm->buckets[bucket], OM_NONE);
	return bucket;
}

static inline void find_colliding(struct rig *rig, uint64_t *cookie, uint32_t n, uint64_t from)
{
	uint32_t bucket = bucket_of(rig, from);
	uint32_t i = 0;

	for (; i < n; from++)
		if (bucket_of(rig, from) == bucket)
			cookie[i++] = from;
}

#endif

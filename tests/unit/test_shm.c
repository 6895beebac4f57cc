/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pools of the shared-memory registry: they are large enough. What is in them:
 * test_shm_walk.c; cookies that collide: test_shm_cookies.c.
 */
#include "rig_shm.h"

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

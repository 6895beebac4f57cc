/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conduit's memory: how what a guest shares gets to the TA, in place, by an alias or as a
 * copy; what is registered with the device, and when it is given up.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <errno.h>
#include <linux/tee.h>

/* Memory */

struct shape {
	const char *name;
	uint64_t gpa;
	bool backwards;
	uint32_t in_place, aliased, copied;	/* how a large reference gets there */
};

static const struct shape shapes[] = {
	{ "in order", DATA, false, 1, 0, 0 },
	{ "in order, private", PRIVATE_GPA, false, 1, 0, 0 },
	{ "scattered", DATA, true, 0, 1, 0 },
	{ "scattered, private", PRIVATE_GPA, true, 0, 0, 1 },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* The byte at an offset of a buffer whose pages these are. */
static uint8_t *at(struct rig *rig, const uint64_t *pages, uint64_t offset)
{
	offset += pages[0] % PAGE;
	return rig_va(rig, (pages[offset / PAGE] & ~(uint64_t)(PAGE - 1)) + offset % PAGE);
}

static void fill(struct rig *rig, const uint64_t *pages, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		*at(rig, pages, i) = (uint8_t)(i * 7 + i / PAGE);
}

/* From offs on, size bytes were incremented; all others are as they were. */
static void check_incremented(struct rig *rig, const uint64_t *pages, uint64_t total,
			      uint64_t offs, uint64_t size)
{
	for (uint64_t i = 0; i < total; i++)
		assert_int_equal(*at(rig, pages, i),
				 (uint8_t)(i * 7 + i / PAGE + (i - offs < size)));
}

RIGGED(large_buffers_get_there_in_the_right_way)
{
	const uint64_t total = 7 * PAGE + 100, offs = 123, size = 6 * PAGE + 7;
	uint32_t session = rig_opened(rig);
	uint64_t pages[8];

	for (size_t i = 0; i < SHAPES; i++) {
		const struct shape *s = &shapes[i];
		uint32_t in_place = COUNT(rig, IN_PLACE), aliased = COUNT(rig, ALIASED);
		uint32_t copied = COUNT(rig, COPIED);
		struct message *m;

		rig_pages(pages, s->gpa, 8, s->backwards);
		pages[0] += 200;
		fill(rig, pages, total);
		assert_int_equal(rig_register(rig, 9, pages, 8, total), TEEC_SUCCESS);
		m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);
		rig_rmem(m, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 9, offs, size);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
		assert_true(m->param[1].u.rmem.size == size);
		check_incremented(rig, pages, total, offs, size);
		assert_int_equal(COUNT(rig, IN_PLACE) - in_place, s->in_place);
		assert_int_equal(COUNT(rig, ALIASED) - aliased, s->aliased);
		assert_int_equal(COUNT(rig, COPIED) - copied, s->copied);
		assert_int_equal(rig_unregister(rig, 9), TEEC_SUCCESS);
		assert_int_equal(COUNT(rig, REGISTRATIONS_NOW), 0);
	}
}

RIGGED(registering_waits_for_the_first_use)
{
	uint32_t session = rig_opened(rig);
	uint32_t calls = COUNT(rig, SYSTEM_CALLS);
	struct message *m;
	uint64_t pages[4];

	rig_pages(pages, DATA, 4, false);
	assert_int_equal(rig_register(rig, 1, pages, 4, 4 * PAGE), TEEC_SUCCESS);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(COUNT(rig, SYSTEM_CALLS), calls);

	assert_int_equal(rig_register(rig, 1, pages, 4, 4 * PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 1, 0, 4 * PAGE);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_SUCCESS);
	/* Registered once, which is two system calls, used twice. */
	assert_int_equal(fake_shms(&rig->tee), 1);
	assert_int_equal(COUNT(rig, SYSTEM_CALLS), calls + 4);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(fake_shms(&rig->tee), 0);
}

RIGGED(small_references_are_copied)
{
	const uint64_t total = 3 * PAGE;
	uint32_t session = rig_opened(rig);
	struct message *m;
	uint64_t pages[3];

	rig_pages(pages, PRIVATE_GPA, 3, true);
	fill(rig, pages, total);
	assert_int_equal(rig_register(rig, 5, pages, 3, total), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);
	/* Across a page's end, and two at once. */
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 5, PAGE - 50, 100);
	rig_rmem(m, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 5, 0, PAGE);
	rig_value(m, 3, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	check_incremented(rig, pages, total, PAGE - 50, 100);
	assert_int_equal(COUNT(rig, COPIED), 2);
	assert_int_equal(COUNT(rig, COPIED_BYTES), 100 + PAGE);
	/* The arena, and nothing of the guest's. */
	assert_int_equal(fake_shms(&rig->tee), 1);
	assert_int_equal(COUNT(rig, REGISTRATIONS_NOW), 0);
	assert_int_equal(rig_unregister(rig, 5), TEEC_SUCCESS);
}

RIGGED(inputs_arrive)
{
	uint32_t session = rig_opened(rig);
	uint64_t pages[20], expected, i;

	for (size_t k = 0; k < SHAPES; k++) {
		struct message *m;

		rig_pages(pages, shapes[k].gpa, 20, shapes[k].backwards);
		fill(rig, pages, 20 * PAGE);
		for (i = 0, expected = 0; i < 20 * PAGE; i++)
			expected += *at(rig, pages, i);
		m = rig_message(rig, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);
		m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | OPTEE_MSG_ATTR_NONCONTIG;
		m->param[0].u.tmem.buf_ptr = rig_list(rig, 1, pages, 20);
		m->param[0].u.tmem.size = 20 * PAGE;
		rig_value(m, 3, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 0, 0);
		assert_int_equal(rig_invoke(rig, 1, session, FAKE_MEMORY), TEEC_SUCCESS);
		assert_true(m->param[3].u.value.a == expected);
		/* An input's memory is as it was. */
		for (i = 0; i < 20 * PAGE; i++)
			assert_int_equal(*at(rig, pages, i), (uint8_t)(i * 7 + i / PAGE));
	}
}

RIGGED(lists_of_many_pages_are_followed)
{
	static uint64_t pages[600];
	uint32_t session = rig_opened(rig);

	/* Around the end of a list page, whose last entry may be junk. */
	for (uint32_t n = 510; n <= 513; n++) {
		struct message *m;

		rig_pages(pages, DATA, n, true);
		fill(rig, pages, n * PAGE);
		assert_int_equal(rig_register(rig, 1, pages, n, n * PAGE), TEEC_SUCCESS);
		m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
		rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, PAGE, (n - 1) * PAGE);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
		check_incremented(rig, pages, n * PAGE, PAGE, (n - 1) * PAGE);
		assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	}
	assert_int_equal(COUNT(rig, ALIASED), 4);
}

RIGGED(no_more_comes_back_than_there_is_room)
{
	const uint64_t size = 2000;
	uint32_t session = rig_opened(rig);
	uint64_t page = PRIVATE_GPA;
	struct message *m;

	assert_int_equal(rig_register(rig, 1, &page, 1, PAGE), TEEC_SUCCESS);
	memset(rig->private, 0x11, PAGE);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, 1, 8, size);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_SHORT), TEEC_ERROR_SHORT_BUFFER);
	/* The size it takes, and memory as it was. */
	assert_true(m->param[0].u.rmem.size == 2 * size);
	for (uint64_t i = 0; i < PAGE; i++)
		assert_int_equal(rig->private[i], 0x11);

	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, 1, 8, size);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_LESS), TEEC_SUCCESS);
	assert_true(m->param[0].u.rmem.size == 3);
	for (uint64_t i = 0; i < PAGE; i++)
		assert_int_equal(rig->private[i], i >= 8 && i < 11 ? 0xee : 0x11);
}

TEST(no_stale_bytes_reach_guest_or_ta)
{
	struct om_kvm_config config = rig_fresh(rigs);
	uint64_t pages[2] = { PRIVATE_GPA, PRIVATE_GPA + PAGE };
	struct rig *rig = rigs;
	struct message *m;
	uint32_t session;

	/* One worker, one arena: the next call finds what the last one left there. */
	config.workers = 1;
	rig_init(rigs, &config);
	session = rig_opened(rig);

	assert_int_equal(rig_register(rig, 1, pages, 2, 2 * PAGE), TEEC_SUCCESS);
	/* Somebody's secret goes through the arena. */
	memset(rig->private, 0x99, 2 * PAGE);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, PAGE);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_UNTOUCHED), TEEC_SUCCESS);

	/* A TA that writes nothing gives nothing away, and sees nothing. */
	memset(rig->private, 0x22, 2 * PAGE);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, 1, 0, 100);
	rig_value(m, 3, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_PEEK), TEEC_SUCCESS);
	assert_int_equal(m->param[3].u.value.a, 0);
	for (uint64_t i = 0; i < 2 * PAGE; i++)
		assert_int_equal(rig->private[i], 0x22);
	rig_exit(rig);
}

RIGGED(null_and_empty_references_pass)
{
	uint32_t session = rig_opened(rig);
	uint64_t page = DATA;
	struct message *m;

	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 2);
	m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT;
	m->param[0].u.tmem.size = 0;
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	assert_int_equal(m->param[0].u.tmem.size, 0);

	assert_int_equal(rig_register(rig, 1, &page, 1, PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 10, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
}

TEST(a_null_reference_needs_the_host_to_know_it)
{
	struct om_kvm_config config = rig_fresh(rigs);
	struct message *m;
	uint32_t session;

	rigs->tee.gen_caps &= ~(uint32_t)TEE_GEN_CAP_MEMREF_NULL;
	rig_init(rigs, &config);
	session = rig_opened(rigs);
	m = rig_message(rigs, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT;
	assert_int_equal(rig_invoke(rigs, 0, session, FAKE_MEMORY), TEEC_ERROR_BAD_PARAMETERS);
	rig_exit(rigs);
}

RIGGED(a_large_arena_is_not_kept)
{
	static uint64_t pages[400];
	uint32_t session = rig_opened(rig);
	struct message *m;

	rig_pages(pages, PRIVATE_GPA, 400, true);
	assert_int_equal(rig_register(rig, 1, pages, 400, 400 * PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 400 * PAGE);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	assert_int_equal(COUNT(rig, COPIED_BYTES), 400 * PAGE);
	assert_int_equal(fake_shms(&rig->tee), 0);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 200 * PAGE);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	assert_int_equal(fake_shms(&rig->tee), 1);
}

/* Limits */

TEST(sessions_are_limited)
{
	struct om_kvm_config config = rig_fresh(rigs);
	uint32_t session[3], calls;

	config.sessions = 2;
	rig_init(rigs, &config);
	session[0] = rig_opened(rigs);
	session[1] = rig_opened(rigs);
	calls = COUNT(rigs, SYSTEM_CALLS);
	assert_int_equal(rig_open(rigs, &session[2]), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(COUNT(rigs, SYSTEM_CALLS), calls);
	assert_int_equal(COUNT(rigs, REFUSED_SESSIONS), 1);
	assert_int_equal(rig_close(rigs, session[0]), TEEC_SUCCESS);
	rig_opened(rigs);
	rig_exit(rigs);
}

/* Registers pages 2i and 2i+1 from DATA on under cookie i + 1. */
static void register_pair(struct rig *rig, uint32_t i)
{
	uint64_t pages[2];

	rig_pages(pages, DATA + 2 * i * PAGE, 2, false);
	assert_int_equal(rig_register(rig, i + 1, pages, 2, 2 * PAGE), TEEC_SUCCESS);
}

static void use_pair(struct rig *rig, uint32_t session, uint32_t i)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);

	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, i + 1, 0, 2 * PAGE);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
}

TEST(registrations_are_limited_by_giving_up_idle_ones)
{
	struct om_kvm_config config = rig_fresh(rigs);
	uint32_t session;

	config.registrations = 3;
	rig_init(rigs, &config);
	session = rig_opened(rigs);
	for (uint32_t i = 0; i < 6; i++)
		register_pair(rigs, i);
	for (uint32_t round = 1; round <= 3; round++)
		for (uint32_t i = 0; i < 6; i++) {
			use_pair(rigs, session, i);
			assert_true(fake_shms(&rigs->tee) <= 3);
			assert_int_equal(rig_va(rigs, DATA + 2 * i * PAGE)[5], round);
		}
	assert_int_equal(COUNT(rigs, REGISTRATIONS_NOW), 3);
	assert_true(COUNT(rigs, EVICTED) >= 9);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(rig_unregister(rigs, i + 1), TEEC_SUCCESS);
	assert_int_equal(fake_shms(&rigs->tee), 0);
	rig_exit(rigs);
}

TEST(without_an_idle_one_the_memory_is_copied)
{
	struct om_kvm_config config = rig_fresh(rigs);
	struct message *m;
	uint32_t session, id;

	config.registrations = 1;
	rig_init(rigs, &config);
	session = rig_opened(rigs);
	register_pair(rigs, 0);
	register_pair(rigs, 1);
	m = rig_message(rigs, 1, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	m->hdr.session = session;
	m->hdr.func = FAKE_STUBBORN;
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, 1, 0, 2 * PAGE);
	assert_int_equal(rig_send(rigs, 1, &id), OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	fake_wait_blocked(&rigs->tee, 1);
	use_pair(rigs, session, 1);
	assert_int_equal(COUNT(rigs, COPIED), 1);
	assert_int_equal(COUNT(rigs, EVICTED), 0);
	fake_release(&rigs->tee, true);
	assert_int_equal(rig_finish(rigs, 1, id), OPTEE_SMC_RETURN_OK);
	rig_exit(rigs);
}

/* Policy */

RIGGED(memory_that_cannot_be_registered_is_copied)
{
	static const int errors[] = { -EINVAL, -EFAULT, -ENOMEM, -EMFILE, -EOPNOTSUPP };
	uint32_t session = rig_opened(rig);

	for (uint32_t i = 0; i < 5; i++) {
		uint32_t copied = COUNT(rig, COPIED);

		register_pair(rig, i);
		rig_fail_next(rig, TEE_IOC_SHM_REGISTER, errors[i]);
		use_pair(rig, session, i);
		assert_int_equal(COUNT(rig, COPIED), copied + 1);
		assert_int_equal(rig_va(rig, DATA + 2 * i * PAGE)[77], 1);
		/* Next time it may work; where it never will it is not tried again. */
		use_pair(rig, session, i);
		assert_int_equal(COUNT(rig, COPIED), copied + 1 +
				 (errors[i] == -EFAULT || errors[i] == -EOPNOTSUPP));
		assert_int_equal(rig_va(rig, DATA + 2 * i * PAGE)[77], 2);
		assert_int_equal(rig_unregister(rig, i + 1), TEEC_SUCCESS);
	}
}

RIGGED(without_memory_for_copies_the_call_fails)
{
	uint32_t session = rig_opened(rig);
	uint64_t page = DATA;
	struct message *m;

	assert_int_equal(rig_register(rig, 1, &page, 1, PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 16);
	rig_fail_next(rig, TEE_IOC_SHM_REGISTER, -EINVAL);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_COMMS);
	assert_int_equal(rig_va(rig, DATA)[0], 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	assert_int_equal(rig_va(rig, DATA)[0], 1);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(COUNT(rig, PINNED_NOW), 0);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conduit: OP-TEE's ABI above, ioctls below, on a TEE device in software. What
 * calls carry there and back, how memory gets there, limits, errors, policy.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <errno.h>
#include <linux/tee.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <optee_mediator/trace.h>

#define DATA		(SHARED_GPA + DRIVER_PAGES * PAGE)
#define COUNT(rig, what) ((unsigned int)om_kvm_counter((rig)->kvm, OM_KVM_COUNT_##what))

static struct rig rigs[1];

static struct rig *start(const struct om_kvm_config *config)
{
	rig_init(rigs, config);
	return rigs;
}

static struct om_kvm_config fresh(void)
{
	memset(rigs, 0, sizeof(rigs));
	fake_init(&rigs->tee);
	return rig_config(rigs);
}

static int setup(void **state)
{
	struct om_kvm_config config = fresh();

	*state = start(&config);
	return 0;
}

static uint32_t opened(struct rig *rig)
{
	uint32_t session;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	assert_int_not_equal(session, 0);
	return session;
}

/* Creation */

TEST(a_missing_or_wrong_device_is_named)
{
	static const struct {
		unsigned long request;
		int error;
		int result;
	} cases[] = {
		{ FAKE_OPEN, -ENOENT, OM_KVM_ERR_NO_DEVICE },
		{ FAKE_OPEN, -ENODEV, OM_KVM_ERR_NO_DEVICE },
		{ FAKE_OPEN, -EACCES, OM_KVM_ERR_NO_ACCESS },
		{ FAKE_OPEN, -EPERM, OM_KVM_ERR_NO_ACCESS },
		{ FAKE_OPEN, -EMFILE, OM_KVM_ERR_DEVICE },
		{ TEE_IOC_VERSION, -EIO, OM_KVM_ERR_DEVICE },
		{ FIOCLEX, -EIO, OM_KVM_ERR_DEVICE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct om_kvm_config config = fresh();

		rigs->tee.fault = (struct fake_fault){ cases[i].request, 1, true, cases[i].error };
		assert_int_equal(rig_try(rigs, &config), cases[i].result);
		assert_int_equal(fake_left(&rigs->tee), 0);
		fake_exit(&rigs->tee);
	}
}

TEST(another_tee_is_refused)
{
	static const struct {
		uint32_t impl_id;
		uint32_t gen_caps;
		int result;
	} cases[] = {
		{ TEE_IMPL_ID_AMDTEE, TEE_GEN_CAP_GP | TEE_GEN_CAP_REG_MEM, OM_KVM_ERR_NOT_OPTEE },
		{ TEE_IMPL_ID_OPTEE, TEE_GEN_CAP_REG_MEM, OM_KVM_ERR_NOT_OPTEE },
		{ TEE_IMPL_ID_OPTEE, TEE_GEN_CAP_GP | TEE_GEN_CAP_REG_MEM | TEE_GEN_CAP_PRIVILEGED,
		  OM_KVM_ERR_NOT_OPTEE },
		{ TEE_IMPL_ID_OPTEE, TEE_GEN_CAP_GP, OM_KVM_ERR_NO_SHM },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct om_kvm_config config = fresh();

		rigs->tee.impl_id = cases[i].impl_id;
		rigs->tee.gen_caps = cases[i].gen_caps;
		assert_int_equal(rig_try(rigs, &config), cases[i].result);
		assert_int_equal(fake_left(&rigs->tee), 0);
		fake_exit(&rigs->tee);
	}
}

TEST(configs_out_of_range_are_refused)
{
	struct om_kvm_config config = fresh(), good = config;
	struct om_kvm_os half = rigs->tee.os;

	config.workers = 65;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	config = good;
	config.sessions = 4097;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	config = good;
	config.registrations = 4097;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	config = good;
	config.wait_us = 100001;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	config = good;
	config.login = (enum om_kvm_login)2;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	config = good;
	config.limits.threads = 0;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	config = good;
	half.close = NULL;
	config.os = &half;
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_create(&good, NULL), OM_KVM_ERR_ARGUMENT);
	config = good;
	config.tee_device = "/nowhere/tee0";
	assert_int_equal(rig_try(rigs, &config), OM_KVM_ERR_NO_DEVICE);
	fake_exit(&rigs->tee);
}

TEST(the_real_device_is_opened_by_default)
{
	struct om_kvm_config config = { .tee_device = "/nowhere/tee0" };
	struct om_kvm *kvm;

	assert_int_equal(om_kvm_create(&config, &kvm), OM_KVM_ERR_NO_DEVICE);
	config.tee_device = "/dev/null";
	assert_int_equal(om_kvm_create(&config, &kvm), OM_KVM_ERR_DEVICE);
}

RIGGED(one_descriptor_for_each_guest)
{
	struct rig *rig = *state;

	assert_int_equal(rig->tee.opens, 1);
	opened(rig);
	opened(rig);
	assert_int_equal(rig->tee.opens, 1);
}

/* The probe, as Linux and others make it */

static struct om_regs fast(struct rig *rig, uint32_t fid, uint32_t a1)
{
	struct om_regs regs = { .a = { fid, a1 } };

	assert_int_equal(om_kvm_call(rig->kvm, 0, &regs), OM_KVM_OK);
	return regs;
}

RIGGED(a_guest_can_probe)
{
	struct rig *rig = *state;
	struct om_regs r;

	assert_int_equal(fast(rig, OPTEE_SMC_CALLS_REVISION, 0).a[0], 2);
	r = fast(rig, OPTEE_SMC_GET_OS_UUID, 0);
	assert_true(r.a[0] == 0x486178e0 && r.a[3] == 0xa5d5c51b);
	assert_int_equal(fast(rig, OPTEE_SMC_GET_OS_REVISION, 0).a[0], 0);
	r = fast(rig, OPTEE_SMC_GET_THREAD_COUNT, 0);
	assert_true(r.a[0] == OPTEE_SMC_RETURN_OK && r.a[1] == 8);
	assert_int_equal(fast(rig, OPTEE_SMC_GET_SHM_CONFIG, 0).a[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(fast(rig, OPTEE_SMC_DISABLE_SHM_CACHE, 0).a[0], OPTEE_SMC_RETURN_ENOTAVAIL);
	assert_int_equal(fast(rig, OPTEE_SMC_ENABLE_SHM_CACHE, 0).a[0], OPTEE_SMC_RETURN_OK);
	r = fast(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, OPTEE_SMC_NSEC_CAP_UNIPROCESSOR);
	assert_int_equal(r.a[1], OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM |
				 OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | OPTEE_SMC_SEC_CAP_MEMREF_NULL);
	assert_int_equal(COUNT(rig, CALLS), 0);
}

TEST(what_the_host_lacks_is_not_offered)
{
	struct om_kvm_config config = fresh();
	struct om_regs r;

	rigs->tee.gen_caps &= ~(uint32_t)TEE_GEN_CAP_MEMREF_NULL;
	start(&config);
	r = fast(rigs, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0);
	assert_false(r.a[1] & OPTEE_SMC_SEC_CAP_MEMREF_NULL);
	rig_exit(rigs);
}

/* Sessions and values */

RIGGED(a_session_lives_from_open_to_close)
{
	struct rig *rig = *state;
	uint32_t session = opened(rig);

	assert_int_equal(COUNT(rig, SESSIONS_NOW), 1);
	assert_int_equal(fake_sessions(&rig->tee), 1);
	assert_int_equal(rig_close(rig, session), TEEC_SUCCESS);
	assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
	assert_int_equal(rig_close(rig, session), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
	rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_NOTHING), TEEC_ERROR_BAD_PARAMETERS);
}

RIGGED(an_unknown_ta_is_reported_as_the_tee_does)
{
	static const uint8_t uuid[16] = { 1 };
	struct rig *rig = *state;
	const struct message *m = (const void *)rig_va(rig, SHARED_GPA);
	uint32_t session;

	assert_int_equal(rig_open_as(rig, uuid, 0, &session), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_TEE);
	assert_int_equal(session, 0);
	assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
}

RIGGED(values_go_there_and_back)
{
	struct rig *rig = *state;
	uint32_t session = opened(rig);
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);

	rig_value(m, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, 10, 20);
	rig_value(m, 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 77, 88);
	rig_value(m, 2, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 0x100000000u, 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_VALUES), TEEC_SUCCESS);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_TRUSTED_APP);
	assert_true(m->param[0].u.value.a == 10 && m->param[0].u.value.b == 20);
	/* What only comes back is not sent: the guest's 77 is not there. */
	assert_true(m->param[1].u.value.a == 1 && m->param[1].u.value.b == 1);
	assert_true(m->param[2].u.value.a == 0x100000001u);
	/* c never comes back (OP-TEE, entry_std.c). */
	assert_true(m->param[1].u.value.c == 0x3333 && m->param[2].u.value.c == 0x3333);
	assert_true(m->param[3].attr == 0);
}

RIGGED(errors_of_a_ta_are_its_own)
{
	struct rig *rig = *state;
	uint32_t session = opened(rig);
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);

	assert_int_equal(rig_invoke(rig, 0, session, FAKE_DIE), TEEC_ERROR_TARGET_DEAD);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_UNKNOWN), TEEC_ERROR_NOT_SUPPORTED);
	/* A dead TA's session is there until the guest closes it. */
	assert_int_equal(rig_close(rig, session), TEEC_SUCCESS);
}

RIGGED(open_has_parameters_too)
{
	struct rig *rig = *state;
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_OPEN_SESSION, 6);

	m->param[0].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	m->param[1].attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	memcpy(m->param[0].u.octets, fake_ta_uuid, 16);
	rig_value(m, 2, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 5, 5);
	rig_value(m, 5, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0);
	assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
	assert_int_equal(m->hdr.ret, TEEC_SUCCESS);
	assert_true(m->param[2].u.value.a == 6 && m->param[2].u.value.b == (5 ^ 6));
	assert_int_equal(m->param[5].u.value.a, 1);
}

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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct rig *rig = *state;
	uint32_t session = opened(rig);

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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct om_kvm_config config = fresh();
	uint64_t pages[2] = { PRIVATE_GPA, PRIVATE_GPA + PAGE };
	struct rig *rig;
	struct message *m;
	uint32_t session;

	/* One worker, one arena: the next call finds what the last one left there. */
	config.workers = 1;
	rig = start(&config);
	session = opened(rig);

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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct om_kvm_config config = fresh();
	struct message *m;
	uint32_t session;

	rigs->tee.gen_caps &= ~(uint32_t)TEE_GEN_CAP_MEMREF_NULL;
	start(&config);
	session = opened(rigs);
	m = rig_message(rigs, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	m->param[0].attr = OPTEE_MSG_ATTR_TYPE_TMEM_INPUT;
	assert_int_equal(rig_invoke(rigs, 0, session, FAKE_MEMORY), TEEC_ERROR_BAD_PARAMETERS);
	rig_exit(rigs);
}

RIGGED(a_large_arena_is_not_kept)
{
	static uint64_t pages[400];
	struct rig *rig = *state;
	uint32_t session = opened(rig);
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
	struct om_kvm_config config = fresh();
	uint32_t session[3], calls;

	config.sessions = 2;
	start(&config);
	session[0] = opened(rigs);
	session[1] = opened(rigs);
	calls = COUNT(rigs, SYSTEM_CALLS);
	assert_int_equal(rig_open(rigs, &session[2]), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(COUNT(rigs, SYSTEM_CALLS), calls);
	assert_int_equal(COUNT(rigs, REFUSED_SESSIONS), 1);
	assert_int_equal(rig_close(rigs, session[0]), TEEC_SUCCESS);
	opened(rigs);
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
	struct om_kvm_config config = fresh();
	uint32_t session;

	config.registrations = 3;
	start(&config);
	session = opened(rigs);
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
	struct om_kvm_config config = fresh();
	struct message *m;
	uint32_t session, id;

	config.registrations = 1;
	start(&config);
	session = opened(rigs);
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

RIGGED(the_device_ta_is_not_there)
{
	static const uint8_t uuid[16] = {
		0x70, 0x11, 0xa6, 0x88, 0xdd, 0xde, 0x40, 0x53,
		0xa5, 0xa9, 0x7b, 0x3c, 0x4d, 0xdf, 0x13, 0xb8,
	};
	struct rig *rig = *state;
	uint32_t calls = COUNT(rig, SYSTEM_CALLS);
	uint32_t session;

	assert_int_equal(rig_open_as(rig, uuid, 0, &session), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(COUNT(rig, REFUSED_DEVICES), 1);
	assert_int_equal(COUNT(rig, SYSTEM_CALLS), calls);
}

static const uint32_t logins[] = {
	TEE_IOCTL_LOGIN_USER, TEE_IOCTL_LOGIN_GROUP, TEE_IOCTL_LOGIN_APPLICATION,
	TEE_IOCTL_LOGIN_USER_APPLICATION, TEE_IOCTL_LOGIN_GROUP_APPLICATION,
	TEE_IOCTL_LOGIN_REE_KERNEL, TEE_IOCTL_LOGIN_REE_KERNEL_MAX, 0xc0000000,
};
#define LOGINS (sizeof(logins) / sizeof(logins[0]))

RIGGED(only_public_logins_pass)
{
	struct rig *rig = *state;
	uint32_t calls = COUNT(rig, SYSTEM_CALLS);
	uint32_t session;

	for (size_t i = 0; i < LOGINS; i++)
		assert_int_equal(rig_open_as(rig, fake_ta_uuid, logins[i], &session),
				 TEEC_ERROR_ACCESS_DENIED);
	assert_int_equal(COUNT(rig, REFUSED_LOGIN), LOGINS);
	assert_int_equal(COUNT(rig, SYSTEM_CALLS), calls);
}

TEST(as_the_vmm_users_and_groups_pass)
{
	static const uint8_t none[16];
	struct om_kvm_config config = fresh();
	gid_t group = getegid();
	uint8_t expected[16] = { 0 };
	uint32_t session;

	config.login = OM_KVM_LOGIN_AS_VMM;
	start(&config);
	for (size_t i = 0; i < LOGINS; i++)
		assert_int_equal(rig_open_as(rigs, fake_ta_uuid, logins[i], &session),
				 i < 2 ? TEEC_SUCCESS : TEEC_ERROR_ACCESS_DENIED);
	/* The UUID the guest claims goes nowhere. */
	assert_int_equal(rigs->tee.session[0].login, TEE_IOCTL_LOGIN_USER);
	assert_memory_equal(rigs->tee.session[0].client, none, sizeof(none));
	memcpy(expected, &group, sizeof(group));
	assert_int_equal(rigs->tee.session[1].login, TEE_IOCTL_LOGIN_GROUP);
	assert_memory_equal(rigs->tee.session[1].client, expected, sizeof(expected));
	rig_exit(rigs);
}

static uint32_t asked, events;

static uint32_t deny_invokes(void *user, const struct om_request *request)
{
	assert_ptr_equal(user, rigs);
	asked++;
	return request->cmd == OPTEE_MSG_CMD_INVOKE_COMMAND ? TEEC_ERROR_SECURITY : TEEC_SUCCESS;
}

static void count_event(void *user, const struct om_trace_event *event)
{
	assert_ptr_equal(user, rigs);
	events += event->id != 0;
}

TEST(a_policy_and_a_trace_of_the_vmms_own)
{
	static const uint8_t unknown[16] = { 1 };
	struct om_kvm_config config = fresh();
	uint32_t session;

	asked = events = 0;
	config.authorize = deny_invokes;
	config.trace = count_event;
	start(&config);
	session = opened(rigs);
	rig_message(rigs, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rigs, 0, session, FAKE_NOTHING), TEEC_ERROR_SECURITY);
	/* OPEN and INVOKE. */
	assert_int_equal(asked, 2);
	assert_true(events > 0);
	/* The backend's own policy comes first. */
	assert_int_equal(rig_open_as(rigs, unknown, 1, &session), TEEC_ERROR_ACCESS_DENIED);
	assert_int_equal(asked, 2);
	rig_exit(rigs);
}

/* The guest has the TA under a name of its own, and under no other. */
TEST(a_policy_as_a_table_with_an_alias)
{
	static const struct om_policy_range nothing = { FAKE_NOTHING, FAKE_NOTHING };
	struct om_policy_ta ta = { .uuid = { 0x42 }, .logins = OM_POLICY_LOGIN_PUBLIC,
				   .ranges = &nothing, .range_count = 1 };
	const struct om_policy policy = { .tas = &ta, .ta_count = 1 };
	struct om_kvm_config config = fresh();
	uint32_t session, none;
	uint64_t calls;

	memcpy(ta.alias, fake_ta_uuid, sizeof(ta.alias));
	asked = 0;
	config.policy = &policy;
	config.authorize = deny_invokes;
	start(&config);
	assert_int_equal(rig_open_as(rigs, ta.uuid, TEE_IOCTL_LOGIN_PUBLIC, &session), TEEC_SUCCESS);
	assert_int_equal(asked, 1);
	calls = COUNT(rigs, SYSTEM_CALLS);
	assert_int_equal(rig_open_as(rigs, fake_ta_uuid, TEE_IOCTL_LOGIN_PUBLIC, &none),
			 TEEC_ERROR_ITEM_NOT_FOUND);
	rig_message(rigs, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	assert_int_equal(rig_invoke(rigs, 0, session, FAKE_NOTHING + 1), TEEC_ERROR_ACCESS_DENIED);
	/* What the policy refuses, the VMM is not asked about. */
	assert_int_equal(asked, 1);
	assert_int_equal(COUNT(rigs, SYSTEM_CALLS), calls);
	rig_exit(rigs);
}

/* Errors of the device */

static const struct {
	int error;
	uint32_t ret;
} error_table[] = {
	{ -ENOMEM, TEEC_ERROR_OUT_OF_MEMORY }, { -EMFILE, TEEC_ERROR_OUT_OF_MEMORY },
	{ -ENFILE, TEEC_ERROR_OUT_OF_MEMORY }, { -ENOSPC, TEEC_ERROR_OUT_OF_MEMORY },
	{ -EINVAL, TEEC_ERROR_BAD_PARAMETERS }, { -EFAULT, TEEC_ERROR_BAD_PARAMETERS },
	{ -EPERM, TEEC_ERROR_ACCESS_DENIED }, { -EACCES, TEEC_ERROR_ACCESS_DENIED },
	{ -EBUSY, TEEC_ERROR_BUSY }, { -EAGAIN, TEEC_ERROR_BUSY },
	{ -EINTR, TEEC_ERROR_CANCEL }, { -ECANCELED, TEEC_ERROR_CANCEL },
	{ -EIO, TEEC_ERROR_COMMUNICATION }, { -ENODEV, TEEC_ERROR_COMMUNICATION },
};

static void fail_next(struct rig *rig, unsigned long request, int error)
{
	rig->tee.fault = (struct fake_fault){ request, 1, false, error };
}

RIGGED(each_ioctls_errors_are_told)
{
	struct rig *rig = *state;
	uint32_t session, other;

	for (size_t i = 0; i < sizeof(error_table) / sizeof(error_table[0]); i++) {
		struct message *m;
		uint32_t ret = error_table[i].ret;

		fail_next(rig, TEE_IOC_OPEN_SESSION, error_table[i].error);
		assert_int_equal(rig_open(rig, &other), ret);
		assert_int_equal(other, 0);
		session = opened(rig);

		m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
		rig_value(m, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 5, 6);
		fail_next(rig, TEE_IOC_INVOKE, error_table[i].error);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_VALUES), ret);
		assert_int_equal(m->hdr.ret_origin, error_table[i].error == -EINVAL ?
				 TEEC_ORIGIN_TEE : TEEC_ORIGIN_COMMS);
		assert_true(m->param[0].u.value.a == 5 && m->param[0].u.value.b == 6);

		m = rig_message(rig, 0, OPTEE_MSG_CMD_CANCEL, 0);
		m->hdr.session = session;
		fail_next(rig, TEE_IOC_CANCEL, error_table[i].error);
		assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
		assert_int_equal(m->hdr.ret, ret);

		fail_next(rig, TEE_IOC_CLOSE_SESSION, error_table[i].error);
		/* Of all that EINVAL can mean, this one is known: no such session. */
		if (error_table[i].error == -EINVAL)
			ret = TEEC_ERROR_ITEM_NOT_FOUND;
		assert_int_equal(rig_close(rig, session), ret);
	}
}

TEST(fault_b12_a_session_that_linux_forgot_counts_no_more)
{
	struct om_kvm_config config = fresh();
	uint32_t session;

	config.sessions = 1;
	start(&config);
	for (size_t i = 0; i < sizeof(error_table) / sizeof(error_table[0]); i++) {
		/* The one error that leaves Linux as it was: but it says that there is none. */
		if (error_table[i].error == -EINVAL)
			continue;
		session = opened(rigs);
		fail_next(rigs, TEE_IOC_CLOSE_SESSION, error_table[i].error);
		assert_int_not_equal(rig_close(rigs, session), TEEC_SUCCESS);
		assert_int_equal(fake_sessions(&rigs->tee), 0);
		assert_int_equal(COUNT(rigs, SESSIONS_NOW), 0);
	}
	/* Nor does what never was one make room for one more. */
	assert_int_equal(rig_close(rigs, 77), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(COUNT(rigs, SESSIONS_NOW), 0);
	opened(rigs);
	assert_int_equal(rig_open(rigs, &session), TEEC_ERROR_OUT_OF_MEMORY);
	rig_exit(rigs);
}

RIGGED(memory_that_cannot_be_registered_is_copied)
{
	static const int errors[] = { -EINVAL, -EFAULT, -ENOMEM, -EMFILE, -EOPNOTSUPP };
	struct rig *rig = *state;
	uint32_t session = opened(rig);

	for (uint32_t i = 0; i < 5; i++) {
		uint32_t copied = COUNT(rig, COPIED);

		register_pair(rig, i);
		fail_next(rig, TEE_IOC_SHM_REGISTER, errors[i]);
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
	struct rig *rig = *state;
	uint32_t session = opened(rig);
	uint64_t page = DATA;
	struct message *m;

	assert_int_equal(rig_register(rig, 1, &page, 1, PAGE), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, 1, 0, 16);
	fail_next(rig, TEE_IOC_SHM_REGISTER, -EINVAL);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_COMMS);
	assert_int_equal(rig_va(rig, DATA)[0], 0);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_MEMORY), TEEC_SUCCESS);
	assert_int_equal(rig_va(rig, DATA)[0], 1);
	assert_int_equal(rig_unregister(rig, 1), TEEC_SUCCESS);
	assert_int_equal(COUNT(rig, PINNED_NOW), 0);
}

TEST(words_for_everything)
{
	for (int i = OM_KVM_ERR_REGISTERS; i <= OM_KVM_NEW_DRIVER; i++)
		assert_string_not_equal(om_kvm_result_text(i), "unknown result");
	assert_string_equal(om_kvm_result_text(OM_KVM_ERR_REGISTERS - 1), "unknown result");
	assert_string_equal(om_kvm_result_text(OM_KVM_NEW_DRIVER + 1), "unknown result");
	for (int i = 0; i < OM_KVM_COUNTERS; i++)
		assert_non_null(om_kvm_counter_name((enum om_kvm_counter)i));
	assert_null(om_kvm_counter_name(OM_KVM_COUNTERS));
}

RIGGED(counters_can_be_read)
{
	struct rig *rig = *state;

	opened(rig);
	assert_int_equal(COUNT(rig, CALLS), 1);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNTERS), 0);
	assert_int_equal(om_guest_counter(om_kvm_guest(rig->kvm), OM_COUNT_CALLS), 1);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conduit: OP-TEE's ABI above, ioctls below, on a TEE device in software. What
 * calls carry there and back, errors, policy. Memory: test_kvm_conduit_memory.c.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <errno.h>
#include <linux/tee.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <optee_mediator/trace.h>

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
		{ FAKE_OPEN, -EIO, OM_KVM_ERR_DEVICE },
		{ FAKE_OPEN, -EMFILE, OM_KVM_ERR_NO_MEMORY },
		{ FAKE_OPEN, -ENFILE, OM_KVM_ERR_NO_MEMORY },
		{ FAKE_OPEN, -ENOMEM, OM_KVM_ERR_NO_MEMORY },
		/* fault E2: /dev/teepriv0 while tee-supplicant runs; then /dev/kvm */
		{ FAKE_OPEN, -EBUSY, OM_KVM_ERR_NOT_OPTEE },
		{ TEE_IOC_VERSION, -EINVAL, OM_KVM_ERR_NOT_OPTEE },
		{ TEE_IOC_VERSION, -EIO, OM_KVM_ERR_DEVICE },
		{ FIOCLEX, -EIO, OM_KVM_ERR_DEVICE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct om_kvm_config config = rig_fresh(rigs);

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
		struct om_kvm_config config = rig_fresh(rigs);

		rigs->tee.impl_id = cases[i].impl_id;
		rigs->tee.gen_caps = cases[i].gen_caps;
		assert_int_equal(rig_try(rigs, &config), cases[i].result);
		assert_int_equal(fake_left(&rigs->tee), 0);
		fake_exit(&rigs->tee);
	}
}

TEST(configs_out_of_range_are_refused)
{
	struct om_kvm_config config = rig_fresh(rigs), good = config;
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
	config.spin_us = 1001;
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

/* A config of a version to come: what it adds is an error, unless it is 0. */
TEST(fault_e3_a_config_tells_its_size)
{
	struct {
		struct om_kvm_config config;
		uint64_t new_field;
	} later = { .config = rig_fresh(rigs) };

	later.config.size = 0;
	assert_int_equal(rig_try(rigs, &later.config), OM_KVM_ERR_ARGUMENT);
	later.config.size = sizeof(later.config) - 1;
	assert_int_equal(rig_try(rigs, &later.config), OM_KVM_ERR_ARGUMENT);
	later.config.size = sizeof(later);
	later.new_field = 1ull << 63;
	assert_int_equal(rig_try(rigs, &later.config), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(rigs->tee.opens, 0);
	later.new_field = 0;
	rig_init(rigs, &later.config);
	rig_exit(rigs);
}

TEST(the_real_device_is_opened_by_default)
{
	struct om_kvm_config config = { .size = sizeof(config), .tee_device = "/nowhere/tee0" };
	struct om_kvm *kvm;

	assert_int_equal(om_kvm_create(&config, &kvm), OM_KVM_ERR_NO_DEVICE);
}

/* With the system calls themselves: what these files answer is the kernel's. */
TEST(fault_e2_a_file_that_is_no_tee_device_is_named_so)
{
	static const char *const files[] = { "/dev/null", "/dev" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct om_kvm_config config = { .size = sizeof(config), .tee_device = files[i] };
		struct om_kvm *kvm;

		assert_int_equal(om_kvm_create(&config, &kvm), OM_KVM_ERR_NOT_OPTEE);
	}
}

RIGGED(one_descriptor_for_each_guest)
{
	assert_int_equal(rig->tee.opens, 1);
	rig_opened(rig);
	rig_opened(rig);
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
	struct om_kvm_config config = rig_fresh(rigs);
	struct om_regs r;

	rigs->tee.gen_caps &= ~(uint32_t)TEE_GEN_CAP_MEMREF_NULL;
	rig_init(rigs, &config);
	r = fast(rigs, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0);
	assert_false(r.a[1] & OPTEE_SMC_SEC_CAP_MEMREF_NULL);
	rig_exit(rigs);
}

/* Sessions and values */

RIGGED(a_session_lives_from_open_to_close)
{
	uint32_t session = rig_opened(rig);

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
	const struct message *m = (const void *)rig_va(rig, SHARED_GPA);
	uint32_t session;

	assert_int_equal(rig_open_as(rig, uuid, 0, &session), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_TEE);
	assert_int_equal(session, 0);
	assert_int_equal(COUNT(rig, SESSIONS_NOW), 0);
}

RIGGED(values_go_there_and_back)
{
	uint32_t session = rig_opened(rig);
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
	uint32_t session = rig_opened(rig);
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);

	assert_int_equal(rig_invoke(rig, 0, session, FAKE_DIE), TEEC_ERROR_TARGET_DEAD);
	assert_int_equal(m->hdr.ret_origin, TEEC_ORIGIN_TRUSTED_APP);
	assert_int_equal(rig_invoke(rig, 0, session, FAKE_UNKNOWN), TEEC_ERROR_NOT_SUPPORTED);
	/* A dead TA's session is there until the guest closes it. */
	assert_int_equal(rig_close(rig, session), TEEC_SUCCESS);
}

RIGGED(open_has_parameters_too)
{
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

RIGGED(the_device_ta_is_not_there)
{
	static const uint8_t uuid[16] = {
		0x70, 0x11, 0xa6, 0x88, 0xdd, 0xde, 0x40, 0x53,
		0xa5, 0xa9, 0x7b, 0x3c, 0x4d, 0xdf, 0x13, 0xb8,
	};
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
	struct om_kvm_config config = rig_fresh(rigs);
	gid_t group = getegid();
	uint8_t expected[16] = { 0 };
	uint32_t session;

	config.login = OM_KVM_LOGIN_AS_VMM;
	rig_init(rigs, &config);
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
	struct om_kvm_config config = rig_fresh(rigs);
	uint32_t session;

	asked = events = 0;
	config.authorize = deny_invokes;
	config.trace = count_event;
	rig_init(rigs, &config);
	session = rig_opened(rigs);
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
	struct om_kvm_config config = rig_fresh(rigs);
	uint32_t session, none;
	uint64_t calls;

	memcpy(ta.alias, fake_ta_uuid, sizeof(ta.alias));
	asked = 0;
	config.policy = &policy;
	config.authorize = deny_invokes;
	rig_init(rigs, &config);
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

/* A TA with a limit of its own: as at the limit of all, and a session that is closed is given back. */
TEST(a_policy_limits_the_sessions_of_a_ta)
{
	static const uint8_t other[16] = { 0x43 };
	struct om_policy_ta tas[2] = {
		{ .logins = OM_POLICY_LOGIN_PUBLIC, .sessions = 2 },
		{ .uuid = { 0x43 }, .logins = OM_POLICY_LOGIN_PUBLIC },
	};
	const struct om_policy policy = { .tas = tas, .ta_count = 2 };
	struct om_kvm_config config = rig_fresh(rigs);
	uint32_t session, none;

	memcpy(tas[0].uuid, fake_ta_uuid, sizeof(tas[0].uuid));
	memcpy(tas[1].alias, fake_ta_uuid, sizeof(tas[1].alias));
	config.policy = &policy;
	rig_init(rigs, &config);
	rig_opened(rigs);
	session = rig_opened(rigs);
	assert_int_equal(rig_open(rigs, &none), TEEC_ERROR_OUT_OF_MEMORY);
	assert_int_equal(fake_sessions(&rigs->tee), 2);
	/* It is nobody else's limit. */
	assert_int_equal(rig_open_as(rigs, other, TEE_IOCTL_LOGIN_PUBLIC, &none), TEEC_SUCCESS);
	assert_int_equal(rig_close(rigs, session), TEEC_SUCCESS);
	rig_opened(rigs);
	assert_int_equal(rig_open(rigs, &none), TEEC_ERROR_OUT_OF_MEMORY);
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

RIGGED(each_ioctls_errors_are_told)
{
	uint32_t session, other;

	for (size_t i = 0; i < sizeof(error_table) / sizeof(error_table[0]); i++) {
		struct message *m;
		uint32_t ret = error_table[i].ret;

		rig_fail_next(rig, TEE_IOC_OPEN_SESSION, error_table[i].error);
		assert_int_equal(rig_open(rig, &other), ret);
		assert_int_equal(other, 0);
		session = rig_opened(rig);

		m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 1);
		rig_value(m, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 5, 6);
		rig_fail_next(rig, TEE_IOC_INVOKE, error_table[i].error);
		assert_int_equal(rig_invoke(rig, 0, session, FAKE_VALUES), ret);
		assert_int_equal(m->hdr.ret_origin, error_table[i].error == -EINVAL ?
				 TEEC_ORIGIN_TEE : TEEC_ORIGIN_COMMS);
		assert_true(m->param[0].u.value.a == 5 && m->param[0].u.value.b == 6);

		m = rig_message(rig, 0, OPTEE_MSG_CMD_CANCEL, 0);
		m->hdr.session = session;
		rig_fail_next(rig, TEE_IOC_CANCEL, error_table[i].error);
		assert_int_equal(rig_call(rig, 0), OPTEE_SMC_RETURN_OK);
		assert_int_equal(m->hdr.ret, ret);

		rig_fail_next(rig, TEE_IOC_CLOSE_SESSION, error_table[i].error);
		/* Of all that EINVAL can mean, this one is known: no such session. */
		if (error_table[i].error == -EINVAL)
			ret = TEEC_ERROR_ITEM_NOT_FOUND;
		assert_int_equal(rig_close(rig, session), ret);
	}
}

TEST(fault_b12_a_session_that_linux_forgot_counts_no_more)
{
	struct om_kvm_config config = rig_fresh(rigs);
	uint32_t session;

	config.sessions = 1;
	rig_init(rigs, &config);
	for (size_t i = 0; i < sizeof(error_table) / sizeof(error_table[0]); i++) {
		session = rig_opened(rigs);
		rig_fail_next(rigs, TEE_IOC_CLOSE_SESSION, error_table[i].error);
		/* Linux says EINVAL when it has no such session. */
		if (error_table[i].error == -EINVAL)
			fake_forget(&rigs->tee, session);
		assert_int_not_equal(rig_close(rigs, session), TEEC_SUCCESS);
		assert_int_equal(fake_sessions(&rigs->tee), 0);
		assert_int_equal(COUNT(rigs, SESSIONS_NOW), 0);
	}
	/* Nor does what never was one make room for one more. */
	assert_int_equal(rig_close(rigs, 77), TEEC_ERROR_ITEM_NOT_FOUND);
	assert_int_equal(COUNT(rigs, SESSIONS_NOW), 0);
	rig_opened(rigs);
	assert_int_equal(rig_open(rigs, &session), TEEC_ERROR_OUT_OF_MEMORY);
	rig_exit(rigs);
}

TEST(words_for_everything)
{
	for (int i = OM_KVM_ERR_REGISTERS; i <= OM_KVM_IN_USE; i++)
		assert_string_not_equal(om_kvm_result_text(i), "unknown result");
	assert_string_equal(om_kvm_result_text(OM_KVM_ERR_REGISTERS - 1), "unknown result");
	assert_string_equal(om_kvm_result_text(OM_KVM_IN_USE + 1), "unknown result");
	for (int i = 0; i < OM_KVM_COUNTERS; i++)
		assert_non_null(om_kvm_counter_name((enum om_kvm_counter)i));
	assert_null(om_kvm_counter_name(OM_KVM_COUNTERS));
}

RIGGED(counters_can_be_read)
{
	rig_opened(rig);
	assert_int_equal(COUNT(rig, CALLS), 1);
	assert_int_equal(om_kvm_counter(rig->kvm, OM_KVM_COUNTERS), 0);
	assert_int_equal(om_guest_counter(om_kvm_guest(rig->kvm), OM_COUNT_CALLS), 1);
}

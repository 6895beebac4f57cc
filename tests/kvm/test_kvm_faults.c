/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every system call on the TEE device fails, one after the other, once and from
 * then on, with each of a few errors, while a guest does all a guest can do. What
 * is left at the end is nothing: no session, registration, descriptor, pin.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <errno.h>

static const int errors[] = { -ENOMEM, -EINVAL, -EFAULT, -EIO };

/* Sizes and results do not matter here, only that everything ends. */
static void use(struct rig *rig, uint64_t cookie, uint32_t session, uint64_t size)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 4);

	rig_rmem(m, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, cookie, 0, size);
	rig_rmem(m, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, cookie, 3, 5);
	rig_value(m, 3, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, 0, 0);
	(void)rig_invoke(rig, 0, session, FAKE_MEMORY);
}

static void live(struct rig *rig)
{
	uint64_t pages[4];
	uint32_t session[2];

	(void)rig_open(rig, &session[0]);
	(void)rig_open(rig, &session[1]);
	for (uint32_t i = 0; i < 3; i++) {
		rig_pages(pages, i == 2 ? PRIVATE_GPA : DATA + 8 * i * PAGE, 4, i > 0);
		if (rig_register(rig, i + 1, pages, 4, 4 * PAGE) != TEEC_SUCCESS)
			continue;
		use(rig, i + 1, session[0], 4 * PAGE);
		use(rig, i + 1, session[0], 100);
	}
	(void)rig_close(rig, session[0]);
	(void)rig_unregister(rig, 1);
	(void)rig_unregister(rig, 3);
	if (om_kvm_reset(rig->kvm) == OM_KVM_OK) {
		(void)rig_open(rig, &session[0]);
		rig_pages(pages, DATA, 2, false);
		(void)rig_register(rig, 7, pages, 2, 2 * PAGE);
		use(rig, 7, session[0], 2 * PAGE);
	}
}

/* One life with a fault. True: the fault did not come, there are no more calls. */
static bool run(uint32_t nth, bool for_good, int error)
{
	static struct rig rig;
	struct om_kvm_config config;
	bool over;

	memset(&rig, 0, sizeof(rig));
	fake_init(&rig.tee);
	config = rig_config(&rig);
	/* So that registrations are given up, too. */
	config.registrations = 2;
	rig.tee.fault = (struct fake_fault){ 0, nth, for_good, error };
	if (rig_try(&rig, &config) != OM_KVM_OK) {
		assert_int_equal(fake_left(&rig.tee), 0);
		fake_exit(&rig.tee);
		return false;
	}
	live(&rig);
	/* Closing may fail; what is left is told by the device. */
	over = !for_good && rig.tee.fault.nth != 0;
	rig_exit(&rig);
	return over;
}

TEST(once)
{
	uint32_t nth, tried = 0;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		for (nth = 1; !run(nth, false, errors[i]); nth++)
			tried++;
	/* A life is some forty system calls. */
	assert_true(tried > 100);
	print_message("%u faults\n", tried);
}

TEST(from_then_on)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		for (uint32_t nth = 1; nth <= 60; nth++)
			(void)run(nth, true, errors[i]);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trap, against a KVM that is a table: what the filter asks for and what its
 * errors mean, and which registers of recorded exits are read and written.
 */
#include "rig.h"

#include <errno.h>
#include <linux/kvm.h>

#define VM_FD	7
#define VCPU_FD	8

struct filter {
	uint32_t base;
	uint32_t count;
	uint8_t action;
	uint8_t pad[15];
};

static struct {
	int has_attr;		/* what KVM_HAS_DEVICE_ATTR answers */
	int set_attr;		/* ... and KVM_SET_DEVICE_ATTR */
	struct filter filter[4];
	uint32_t filters;
	uint64_t x[31];
	uint32_t read;		/* registers that were, one bit each */
	uint32_t written;
	int one_reg;		/* 0, or what these fail with */
	struct fake_tee *tee;
} kvm;

static int one_reg(unsigned long request, const struct kvm_one_reg *reg)
{
	uint64_t n = (reg->id - 0x6030000000100000u) / 2;
	uint64_t *value = (void *)(uintptr_t)reg->addr;

	if (kvm.one_reg)
		return kvm.one_reg;
	/* KVM_REG_ARM_CORE_REG(regs.regs[n]): an offset in 32-bit words. */
	if (n > 30 || reg->id % 2)
		return -ENOENT;
	if (request == KVM_GET_ONE_REG) {
		kvm.read |= 1u << n;
		*value = kvm.x[n];
	} else {
		kvm.written |= 1u << n;
		kvm.x[n] = *value;
	}
	return 0;
}

static int kvm_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
	const struct kvm_device_attr *attr = arg;

	if (fd == VCPU_FD)
		return one_reg(request, arg);
	if (fd != VM_FD)
		return kvm.tee->os.ioctl(kvm.tee, fd, request, arg);
	(void)ctx;
	assert_int_equal(attr->group, 0);
	assert_int_equal(attr->attr, 0);
	if (request == KVM_HAS_DEVICE_ATTR)
		return kvm.has_attr;
	assert_int_equal(request, KVM_SET_DEVICE_ATTR);
	memcpy(&kvm.filter[kvm.filters++], (const void *)(uintptr_t)attr->addr,
	       sizeof(kvm.filter[0]));
	return kvm.set_attr;
}

static int kvm_open(void *ctx, const char *path)
{
	(void)ctx;
	return kvm.tee->os.open(kvm.tee, path);
}

static int kvm_close(void *ctx, int fd)
{
	(void)ctx;
	return kvm.tee->os.close(kvm.tee, fd);
}

static const struct om_kvm_os os = { .open = kvm_open, .ioctl = kvm_ioctl, .close = kvm_close };

static int setup(void **state)
{
	struct om_kvm_config config = rig_fresh(rigs);

	memset(&kvm, 0, sizeof(kvm));
	kvm.tee = &rigs->tee;
	config.os = &os;
	rig_init(rigs, &config);
	*state = rigs;
	return 0;
}

RIGGED_BY(setup, filter_forwards_op_tees_ranges)
{
	static const struct filter expected[] = {
		{ .base = 0x32000000, .count = 0x20000, .action = 2 },
		{ .base = 0xb2000000, .count = 0x20000, .action = 2 },
		{ .base = 0xbf00ff00, .count = 4, .action = 2 },
		{ .base = 0xbf01ff00, .count = 4, .action = 2 },
	};

	assert_int_equal(om_kvm_set_filter(VM_FD, &os), OM_KVM_OK);
	assert_int_equal(kvm.filters, 4);
	/* The padding has to be 0. */
	assert_memory_equal(kvm.filter, expected, sizeof(expected));
}

RIGGED_BY(setup, filter_errors_say_what_is_wrong)
{
	static const struct {
		int error;
		int result;
	} cases[] = {
		{ -EBUSY, OM_KVM_ERR_VCPU_RAN },
		{ -EEXIST, OM_KVM_ERR_FILTER_SET },
		{ -EINVAL, OM_KVM_ERR_FILTER },
		{ -EPERM, OM_KVM_ERR_FILTER },
		{ -ENXIO, OM_KVM_ERR_NO_FILTER },
		{ -ENOTTY, OM_KVM_ERR_NO_FILTER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kvm.set_attr = cases[i].error;
		kvm.filters = 0;
		assert_int_equal(om_kvm_set_filter(VM_FD, &os), cases[i].result);
		assert_int_equal(kvm.filters, 1);
	}
	/* Linux before 6.4, and any other architecture. */
	kvm.has_attr = -ENXIO;
	kvm.filters = 0;
	assert_int_equal(om_kvm_set_filter(VM_FD, &os), OM_KVM_ERR_NO_FILTER);
	assert_int_equal(kvm.filters, 0);
	assert_int_equal(om_kvm_set_filter(-1, &os), OM_KVM_ERR_ARGUMENT);
	/* Through the real system call: nothing, and something that is no VM. */
	assert_int_equal(om_kvm_set_filter(0x7fffffff, NULL), OM_KVM_ERR_ARGUMENT);
	assert_int_equal(om_kvm_set_filter(0, NULL), OM_KVM_ERR_NO_FILTER);
}

/* A KVM_EXIT_HYPERCALL with the guest's registers; what it returned. */
static int exit_with(struct rig *rig, uint64_t nr, uint64_t x1, uint64_t x2, uint64_t x3)
{
	struct kvm_run run = { .exit_reason = KVM_EXIT_HYPERCALL };

	for (int i = 0; i < 31; i++)
		kvm.x[i] = 0x6a7ba6e000000000u + (unsigned int)i;
	kvm.x[0] = 0xdead000000000000u | nr;
	kvm.x[1] = x1;
	kvm.x[2] = x2;
	kvm.x[3] = x3;
	kvm.read = kvm.written = 0;
	run.hypercall.nr = nr;
	return om_kvm_handle_exit(rig->kvm, 0, VCPU_FD, &run);
}

RIGGED_BY(setup, uid_is_answered_in_four_registers)
{
	assert_int_equal(exit_with(rig, OPTEE_SMC_CALLS_UID, 1, 2, 3), OM_KVM_OK);
	assert_int_equal(kvm.read, 0);
	assert_int_equal(kvm.written, 0xf);
	assert_int_equal(kvm.x[0], 0x384fb3e0);
	assert_int_equal(kvm.x[1], 0xe7f811e3);
	assert_int_equal(kvm.x[2], 0xaf630002);
	assert_int_equal(kvm.x[3], 0xa5d5c51b);
	assert_true(kvm.x[4] == 0x6a7ba6e000000004u);
	assert_int_equal(exit_with(rig, OPTEE_SMC_CALLS_UID | SMCCC_FID_SVE_HINT, 1, 2, 3),
			 OM_KVM_OK);
	assert_int_equal(kvm.x[0], 0x384fb3e0);
}

RIGGED_BY(setup, capabilities_take_one_register)
{
	assert_int_equal(exit_with(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES,
				   0xffffffff00000001u, 2, 3), OM_KVM_OK);
	assert_int_equal(kvm.read, 1u << 1);
	assert_int_equal(kvm.x[0], OPTEE_SMC_RETURN_OK);
	assert_int_equal(kvm.x[1], OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM |
				   OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | OPTEE_SMC_SEC_CAP_MEMREF_NULL);
	assert_int_equal(kvm.x[2], 0);
	assert_int_equal(kvm.x[3], 0);
}

/* The VMM hears of it and the guest gets its answer; nothing else happens by itself. */
RIGGED_BY(setup, fault_b5_new_driver_is_told)
{
	uint32_t session;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(exit_with(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, 2, 3),
				 OM_KVM_NEW_DRIVER);
		assert_int_equal(kvm.x[0], OPTEE_SMC_RETURN_OK);
		assert_true(kvm.x[1] & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM);
		assert_int_equal(fake_sessions(&rig->tee), 1);
	}
	assert_int_equal(om_kvm_reset(rig->kvm), OM_KVM_OK);
	assert_int_equal(fake_sessions(&rig->tee), 0);
	assert_int_equal(exit_with(rig, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, 2, 3), OM_KVM_OK);
}

RIGGED_BY(setup, a_call_takes_two_registers_and_answers_in_one)
{
	struct message *m = rig_message(rig, 0, OPTEE_MSG_CMD_REGISTER_SHM, 0);

	assert_int_equal(exit_with(rig, OPTEE_SMC_CALL_WITH_ARG, 0xffffffff00000000u,
				   0xffffffff00000000u | SHARED_GPA, 3), OM_KVM_OK);
	assert_int_equal(kvm.read, 1u << 1 | 1u << 2);
	assert_int_equal(kvm.written, 1u << 0);
	assert_true(kvm.x[0] == OPTEE_SMC_RETURN_OK);
	assert_int_equal(m->hdr.ret, TEEC_ERROR_BAD_PARAMETERS);
}

RIGGED_BY(setup, an_interrupted_call_is_known_by_x3)
{
	struct message *m;
	uint32_t session;
	uint64_t id;

	assert_int_equal(rig_open(rig, &session), TEEC_SUCCESS);
	m = rig_message(rig, 0, OPTEE_MSG_CMD_INVOKE_COMMAND, 0);
	m->hdr.session = session;
	m->hdr.func = FAKE_BLOCK;
	assert_int_equal(exit_with(rig, OPTEE_SMC_CALL_WITH_ARG, 0, SHARED_GPA, 3), OM_KVM_OK);
	assert_int_equal(kvm.written, 1u << 0 | 1u << 3);
	assert_true(kvm.x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	id = kvm.x[3];
	assert_true(id != 0 && id <= UINT32_MAX);

	assert_int_equal(exit_with(rig, OPTEE_SMC_RETURN_FROM_RPC, 1, 2, id), OM_KVM_OK);
	assert_int_equal(kvm.read, 1u << 3);
	assert_int_equal(kvm.written, 1u << 0);
	assert_int_equal(exit_with(rig, OPTEE_SMC_RETURN_FROM_RPC | SMCCC_FID_SVE_HINT, 1, 2, id),
			 OM_KVM_OK);
	assert_int_equal(kvm.read, 1u << 3);
	assert_int_equal(kvm.written, 1u << 0);
	assert_true(kvm.x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR && kvm.x[3] == id);

	fake_release(&rig->tee, true);
	do
		assert_int_equal(exit_with(rig, OPTEE_SMC_RETURN_FROM_RPC, 1, 2, id), OM_KVM_OK);
	while (kvm.x[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR);
	assert_true(kvm.x[0] == OPTEE_SMC_RETURN_OK);
	assert_int_equal(m->hdr.ret, TEEC_SUCCESS);
}

/* A VMM that has the registers elsewhere reads three of them, not eight. */
RIGGED_BY(setup, fault_e3_a_vmm_is_told_which_registers_a_call_takes)
{
	static const struct {
		uint32_t fid;
		unsigned int wanted;
	} cases[] = {
		{ OPTEE_SMC_CALL_WITH_ARG, 0x7 }, { OPTEE_SMC_RETURN_FROM_RPC, 0x9 },
		{ OPTEE_SMC_CALL_WITH_ARG | SMCCC_FID_SVE_HINT, 0x7 },
		{ OPTEE_SMC_EXCHANGE_CAPABILITIES, 0x3 }, { OPTEE_SMC_CALLS_UID, 0x1 },
		{ OPTEE_SMC_VM_DESTROYED, 0x1 }, { 0x84000000 /* PSCI */, 0 }, { 0, 0 },
	};
	struct om_regs regs = { .a = { OPTEE_SMC_RETURN_RPC_FOREIGN_INTR } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(om_kvm_wanted_registers(cases[i].fid), cases[i].wanted);
	assert_int_equal(om_kvm_changed_registers(OPTEE_SMC_CALL_WITH_ARG, &regs), 0x9);
	assert_int_equal(om_kvm_changed_registers(OPTEE_SMC_RETURN_FROM_RPC, &regs), 0x1);
	assert_int_equal(om_kvm_changed_registers(OPTEE_SMC_CALLS_UID, &regs), 0xf);

	/* The others may be anything. */
	regs = (struct om_regs){ .a = { OPTEE_SMC_CALL_WITH_ARG, 0, SHARED_GPA, 5, 5, 5, 5, 5 } };
	rig_message(rig, 0, OPTEE_MSG_CMD_REGISTER_SHM, 0);
	assert_int_equal(om_kvm_call(rig->kvm, 0, &regs), OM_KVM_OK);
	assert_int_equal(om_kvm_changed_registers(OPTEE_SMC_CALL_WITH_ARG, &regs), 0x1);
}

RIGGED_BY(setup, unknown_functions_in_the_ranges_are_refused)
{
	static const uint32_t fids[] = {
		0x32000000, 0x3200ffff, 0xb2001234, OPTEE_SMC_VM_CREATED, OPTEE_SMC_VM_DESTROYED,
		OPTEE_SMC_CALL_WITH_RPC_ARG, OPTEE_SMC_CALL_WITH_REGD_ARG, 0xbf00ff02,
		OPTEE_SMC_ENABLE_ASYNC_NOTIF, OPTEE_SMC_L2CC_MUTEX,
	};

	for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
		assert_int_equal(exit_with(rig, fids[i], 1, 2, 3), OM_KVM_OK);
		assert_true(kvm.x[0] == OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
	}
}

RIGGED_BY(setup, exits_of_others_are_left_alone)
{
	static const uint32_t fids[] = {
		0x84000000 /* PSCI */, 0x31ffffff, 0x32020000, 0xb2020000, 0xbf00fefe, 0xbf00ff04,
		0xb0000000 /* a trusted application's */, 0xc2000000, 0xf2000000,
	};
	struct kvm_run run = { .exit_reason = KVM_EXIT_MMIO };
	struct om_regs regs = { .a = { 0x84000000, 1, 2, 3 } };

	for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
		assert_int_equal(exit_with(rig, fids[i], 1, 2, 3), OM_KVM_NOT_MINE);
		assert_int_equal(kvm.read | kvm.written, 0);
	}
	run.hypercall.nr = OPTEE_SMC_CALLS_UID;
	assert_int_equal(om_kvm_handle_exit(rig->kvm, 0, VCPU_FD, &run), OM_KVM_NOT_MINE);
	assert_int_equal(om_kvm_call(rig->kvm, 0, &regs), OM_KVM_NOT_MINE);
	assert_int_equal(regs.a[0], 0x84000000);
}

RIGGED_BY(setup, registers_out_of_reach_are_an_error)
{
	kvm.one_reg = -EINTR;
	assert_int_equal(exit_with(rig, OPTEE_SMC_CALL_WITH_ARG, 1, 2, 3), OM_KVM_ERR_REGISTERS);
	assert_int_equal(exit_with(rig, OPTEE_SMC_CALLS_UID, 1, 2, 3), OM_KVM_ERR_REGISTERS);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trap. See trap.h.
 *
 * Facts from Linux: arch/arm64/include/uapi/asm/kvm.h (the filter),
 * Documentation/virt/kvm/api.rst, "KVM_EXIT_HYPERCALL" and "KVM_SET_ONE_REG".
 * The names are our own, so that this compiles on any architecture and with headers
 * older than the filter.
 */
#include "trap.h"

#include <errno.h>
#include <sys/ioctl.h>

#include <optee_mediator/abi_smc.h>

/* KVM_SET_DEVICE_ATTR on the VM: KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER. */
#define SMCCC_CTRL		0u
#define SMCCC_FILTER		0u
#define SMCCC_FWD_TO_USER	2u	/* KVM_SMCCC_FILTER_FWD_TO_USER */

struct smccc_filter {	/* struct kvm_smccc_filter */
	uint32_t base;
	uint32_t nr_functions;
	uint8_t action;
	uint8_t pad[15];
};
_Static_assert(sizeof(struct smccc_filter) == 24, "asm/kvm.h: struct kvm_smccc_filter");

/* KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset of x[n] in 32-bit words. */
#define REG_X(n)		(0x6030000000100000u + 2 * (uint64_t)(n))

/*
 * All functions of the trusted OS' first owner (50), and the general queries of the last
 * (63), each with and without SMCCC_FID_SVE_HINT, which is bit 16.
 */
static const struct {
	uint32_t base;
	uint32_t count;
} ranges[] = {
	{ 0x32000000u, 0x20000u },		/* yielding calls */
	{ 0xb2000000u, 0x20000u },		/* fast calls */
	{ OPTEE_SMC_CALLS_COUNT, 4u },		/* count, UID, reserved, revision */
	{ OPTEE_SMC_CALLS_COUNT | SMCCC_FID_SVE_HINT, 4u },
};
#define RANGES (sizeof(ranges) / sizeof(ranges[0]))

bool om_trap_is_mine(uint32_t fid)
{
	size_t i;

	for (i = 0; i < RANGES; i++)
		if (fid - ranges[i].base < ranges[i].count)
			return true;
	return false;
}

static int filter_error(int error)
{
	switch (error) {
	case -EBUSY:
		return OM_KVM_ERR_VCPU_RAN;
	case -EEXIST:
		return OM_KVM_ERR_FILTER_SET;
	case -ENXIO:
	case -ENOTTY:
		return OM_KVM_ERR_NO_FILTER;
	default:
		return OM_KVM_ERR_FILTER;
	}
}

int om_trap_set_filter(const struct om_kvm_os *os, int vm_fd)
{
	struct kvm_device_attr attr = { .group = SMCCC_CTRL, .attr = SMCCC_FILTER };
	int result;
	size_t i;

	/* There is no KVM_CAP_* for it, and old kernels know no attributes of a VM at all. */
	result = os->ioctl(os->ctx, vm_fd, KVM_HAS_DEVICE_ATTR, &attr);
	if (result < 0)
		return result == -EBADF ? OM_KVM_ERR_ARGUMENT : OM_KVM_ERR_NO_FILTER;
	for (i = 0; i < RANGES; i++) {
		struct smccc_filter filter = {
			.base = ranges[i].base,
			.nr_functions = ranges[i].count,
			.action = SMCCC_FWD_TO_USER,
		};

		attr.addr = (uintptr_t)&filter;
		result = os->ioctl(os->ctx, vm_fd, KVM_SET_DEVICE_ATTR, &attr);
		if (result < 0)
			return filter_error(result);
	}
	return OM_KVM_OK;
}

#define X(n) (1u << (n))

/*
 * Reading a register costs some thousands of instructions. A resume has only x3, because the
 * only request that the guest ever gets is FOREIGN_INTR, to which there is no reply.
 */
unsigned int om_trap_wanted(uint32_t fid)
{
	if (!om_trap_is_mine(fid))
		return 0;
	switch (fid & ~SMCCC_FID_SVE_HINT) {
	case OPTEE_SMC_CALL_WITH_ARG:
		return X(0) | X(1) | X(2);
	case OPTEE_SMC_RETURN_FROM_RPC:
		return X(0) | X(3);
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		return X(0) | X(1);
	default:
		return X(0);
	}
}

static int one_reg(const struct om_kvm_os *os, int vcpu_fd, unsigned long request,
		   unsigned int n, const uint64_t *value)
{
	struct kvm_one_reg reg = { .id = REG_X(n), .addr = (uintptr_t)value };
	int result = os->ioctl(os->ctx, vcpu_fd, request, &reg);

	return result < 0 ? result : 0;
}

int om_trap_read(const struct om_kvm_os *os, int vcpu_fd, const struct kvm_run *run,
		 struct om_regs *regs)
{
	uint32_t fid = (uint32_t)run->hypercall.nr;
	unsigned int wanted = om_trap_wanted(fid);
	unsigned int n;
	int result = 0;

	*regs = (struct om_regs){ .a = { fid } };
	for (n = 1; n < 8 && !result; n++)
		if (wanted & X(n))
			result = one_reg(os, vcpu_fd, KVM_GET_ONE_REG, n, &regs->a[n]);
	return result;
}

/*
 * A finished call returns x0; an interrupted one also its id in x3, where a resume has it
 * already. Fast calls are rare, and some return all four.
 */
unsigned int om_trap_changed(uint32_t fid, const struct om_regs *regs)
{
	bool interrupted = regs->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR;

	if (fid & SMCCC_FID_FAST)
		return X(0) | X(1) | X(2) | X(3);
	if ((fid & ~SMCCC_FID_SVE_HINT) == OPTEE_SMC_RETURN_FROM_RPC || !interrupted)
		return X(0);
	return X(0) | X(3);
}

int om_trap_write(const struct om_kvm_os *os, int vcpu_fd, uint32_t fid,
		  const struct om_regs *regs)
{
	unsigned int changed = om_trap_changed(fid, regs);
	unsigned int n;
	int result = 0;

	for (n = 0; n < 4 && !result; n++)
		if (changed & X(n))
			result = one_reg(os, vcpu_fd, KVM_SET_ONE_REG, n, &regs->a[n]);
	return result;
}

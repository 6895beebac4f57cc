/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps from guests: SMCs and HVCs, emulated devices, crashes.
 *
 * An OP-TEE call goes to the mediator, whether it is made with SMC or HVC. PSCI and the
 * hypercalls of guest_info.h are answered here, others are NOT_SUPPORTED. Any other trap
 * ends the guest.
 */
#include "hyp.h"

#define EC_HVC		0x16
#define EC_SMC		0x17
#define EC_SYSREG	0x18
#define EC_DATA_ABORT	0x24

/* ESR of a data abort, of an access to a system register. */
#define ABORT_VALID	(1u << 24)	/* ISV: the rest says how it was made */
#define ABORT_SIZE(esr)	(1u << ((esr) >> 22 & 3))
#define ABORT_REG(esr)	((esr) >> 16 & 31)
#define ABORT_WRITE	(1u << 6)
#define SYSREG_NAME	0x3ffc1fu	/* with the direction */
#define SYSREG_SGI1R	0x3a3016u	/* ICC_SGI1R_EL1, written */
#define SYSREG_REG(esr)	((esr) >> 5 & 31)
#define ZERO_REG	31

#define PSCI_VERSION	0x84000000
#define PSCI_CPU_OFF	0x84000002
#define PSCI_CPU_ON	0xc4000003
#define PSCI_AFFINITY_INFO 0xc4000004
#define PSCI_SYSTEM_OFF	0x84000008
#define PSCI_SYSTEM_RESET 0x84000009
#define PSCI_FEATURES	0x8400000a
#define SMCCC_VERSION	0x80000000
#define SMCCC_ARCH_FEATURES 0x80000001

#define NOT_SUPPORTED	(~0ull)
#define INVALID		(-2ull)
#define ALREADY_ON	(-4ull)
#define IS_ON		0ull
#define IS_OFF		1ull

static uint64_t cpu_on(struct guest *g, uint64_t target, uint64_t entry, uint64_t context)
{
	struct vcpu *v = &g->vcpu0[target % CPUS];

	if (target >= g->vcpus)
		return INVALID;
	if (__atomic_load_n(&v->state, __ATOMIC_ACQUIRE) != VCPU_OFF)
		return ALREADY_ON;
	v->entry = entry;
	v->context = context;
	__atomic_store_n(&v->state, VCPU_ON, __ATOMIC_RELEASE);
	irq_kick(v->cpu);
	return 0;
}

/* vcpu_leave() completes it; until then other vCPUs see this one as on. */
static uint64_t cpu_off(struct vcpu *v)
{
	__atomic_store_n(&v->state, VCPU_LEAVING, __ATOMIC_RELAXED);
	return 0;
}

/* Supports affinity level 0 only, which is that of a vCPU. */
static uint64_t affinity_info(const struct guest *g, uint64_t target, uint64_t level)
{
	if (target >= g->vcpus || level)
		return INVALID;
	return __atomic_load_n(&g->vcpu0[target % CPUS].state, __ATOMIC_ACQUIRE) == VCPU_OFF ?
	       IS_OFF : IS_ON;
}

/* Functions of PSCI and SMCCC that are there; there are no workarounds for errata. */
static uint64_t features(uint32_t function)
{
	switch (function) {
	case PSCI_VERSION:
	case PSCI_CPU_OFF:
	case PSCI_CPU_ON:
	case PSCI_AFFINITY_INFO:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_FEATURES:
	case SMCCC_VERSION:
	case SMCCC_ARCH_FEATURES:
		return 0;
	default:
		return NOT_SUPPORTED;
	}
}

/* The guest ends itself. */
static uint64_t leave(struct vcpu *v, const char *how, uint64_t exit_code)
{
	if (guest_stop(v, how)) {
		v->guest->exit_code = exit_code;
		v->guest->done = true;
	}
	return 0;
}

static uint64_t hypercall(struct vcpu *v, const uint64_t x[8])
{
	switch ((uint32_t)x[0]) {
	case PSCI_VERSION:
	case SMCCC_VERSION:
		return 0x10001;
	case PSCI_CPU_OFF:
		return cpu_off(v);
	case PSCI_CPU_ON:
		return cpu_on(v->guest, x[1], x[2], x[3]);
	case PSCI_AFFINITY_INFO:
		return affinity_info(v->guest, x[1], x[2]);
	case PSCI_FEATURES:
	case SMCCC_ARCH_FEATURES:
		return features((uint32_t)x[1]);
	case PSCI_SYSTEM_OFF:
		return leave(v, "switched itself off", 0);
	case PSCI_SYSTEM_RESET:
		return leave(v, "asked for a reset, which is not what it was to do", 1);
	case HVC_PUTC:
		guest_putc(v->guest, (char)x[1]);
		return 0;
	case HVC_EXIT:
		return leave(v, x[1] ? "ended, with failures" : "ended, all was well", x[1]);
	default:
		return NOT_SUPPORTED;
	}
}

static uint64_t fault_ipa(void)
{
	return (read_reg(hpfar_el2) & ~0xful) << 8 | (read_reg(far_el2) & (PAGE - 1));
}

static void crash(struct vcpu *v, uint64_t esr)
{
	say("hypervisor: guest %u: vCPU %u crashes: esr %lx pc %lx IPA %lx\n", v->guest->id,
	    v->index, esr, v->frame.elr, fault_ipa());
	guest_stop(v, "crashed");
}

static bool call(struct vcpu *v, uint64_t esr)
{
	if (esr & 0xffff)
		return false;	/* no interface uses another immediate than 0 */
	/* Each character for the console is one of ours; a recording can do without them. */
	if ((uint32_t)v->frame.x[0] == HVC_PUTC || !backend_smc(v, v->frame.x))
		v->frame.x[0] = hypercall(v, v->frame.x);
	return true;
}

/* An access to an address without memory: emulates a device, if there is one. */
static bool device(struct vcpu *v, uint64_t esr)
{
	unsigned int reg = ABORT_REG(esr);
	bool write = esr & ABORT_WRITE;
	uint64_t mask = ~0ull >> (64 - 8 * ABORT_SIZE(esr));
	uint64_t value = write && reg != ZERO_REG ? v->frame.x[reg] & mask : 0;
	uint64_t ipa = fault_ipa();

	if (!(esr & ABORT_VALID))
		return false;
	if (ipa - GUEST_UART_IPA < GUEST_UART_SIZE)
		value = guest_uart(v->guest, ipa - GUEST_UART_IPA, write, value);
	else if (ipa - GUEST_GICD_IPA < GUEST_GICD_SIZE)
		value = vgic_distributor(v, ipa - GUEST_GICD_IPA, write, value);
	else if (ipa - GUEST_GICR_IPA < v->guest->vcpus * (uint64_t)GUEST_GICR_SIZE)
		value = vgic_redistributor(v, ipa - GUEST_GICR_IPA, write, value);
	else
		return false;
	if (!write && reg != ZERO_REG)
		v->frame.x[reg] = value & mask;
	return true;
}

static bool system_register(struct vcpu *v, uint64_t esr)
{
	unsigned int reg = SYSREG_REG(esr);

	if ((esr & (SYSREG_NAME | 1)) != SYSREG_SGI1R)
		return false;
	vgic_sgi(v, reg == ZERO_REG ? 0 : v->frame.x[reg]);
	return true;
}

static void trap(struct vcpu *v)
{
	uint64_t esr = read_reg(esr_el2);
	uint32_t ec = (uint32_t)(esr >> 26);
	bool done;

	switch (ec) {
	case EC_HVC:
	case EC_SMC:
		done = call(v, esr);
		break;
	case EC_DATA_ABORT:
		done = device(v, esr);
		break;
	case EC_SYSREG:
		done = system_register(v, esr);
		break;
	default:
		done = false;
	}
	if (!done)
		crash(v, esr);
	else if (ec != EC_HVC)
		v->frame.elr += 4;	/* the hardware does it for an HVC alone */
}

void vcpu_exit(struct vcpu *v, bool irq)
{
	if (irq)
		irq_handle(v);
	else
		trap(v);
	vcpu_leave(v);
	vgic_flush(v);
}

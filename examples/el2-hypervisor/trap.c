/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guests do that comes out at EL2: SMCs and HVCs, and crashes.
 *
 * An OP-TEE call goes to the mediator whichever of the two instructions it is made
 * with. What is neither that, nor PSCI, nor a hypercall of ours ends the guest.
 */
#include "hyp.h"

#define EC_HVC		0x16
#define EC_SMC		0x17

#define PSCI_VERSION	0x84000000
#define PSCI_CPU_ON	0xc4000003
#define PSCI_SYSTEM_OFF	0x84000008
#define SMCCC_VERSION	0x80000000

#define NOT_SUPPORTED	(~0ull)
#define INVALID		(-2ull)
#define ALREADY_ON	(-4ull)

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

static uint64_t hypercall(struct vcpu *v, const uint64_t x[8])
{
	switch ((uint32_t)x[0]) {
	case PSCI_VERSION:
	case SMCCC_VERSION:
		return 0x10001;
	case PSCI_CPU_ON:
		return cpu_on(v->guest, x[1], x[2], x[3]);
	case HVC_PUTC:
		guest_putc(v->guest, (char)x[1]);
		return 0;
	case HVC_EXIT:
		if (guest_stop(v, x[1] ? "ended, with failures" : "ended, all was well")) {
			v->guest->exit_code = x[1];
			v->guest->done = true;
		}
		return 0;
	case PSCI_SYSTEM_OFF:
		guest_stop(v, "switched itself off");
		return 0;
	default:
		return NOT_SUPPORTED;
	}
}

static void crash(struct vcpu *v, uint64_t esr)
{
	uint64_t ipa = (read_reg(hpfar_el2) & ~0xful) << 8 | (read_reg(far_el2) & (PAGE - 1));

	say("hypervisor: guest %u: vCPU %u crashes: esr %lx pc %lx IPA %lx\n", v->guest->id,
	    v->index, esr, v->frame.elr, ipa);
	guest_stop(v, "crashed");
}

static void trap(struct vcpu *v)
{
	uint64_t esr = read_reg(esr_el2);
	uint32_t ec = (uint32_t)(esr >> 26);

	/* A nonzero immediate is nobody's; an SMC, unlike an HVC, is yet to be skipped. */
	if ((ec != EC_HVC && ec != EC_SMC) || (esr & 0xffff)) {
		crash(v, esr);
		return;
	}
	if (ec == EC_SMC)
		v->frame.elr += 4;
	if (!backend_smc(v, v->frame.x))
		v->frame.x[0] = hypercall(v, v->frame.x);
}

void vcpu_exit(struct vcpu *v, bool irq)
{
	if (irq)
		irq_handle();
	else
		trap(v);
	vcpu_leave(v);
	irq_inject_pending(v);
}

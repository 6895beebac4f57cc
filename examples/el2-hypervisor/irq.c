/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts, on a GICv3.
 *
 * All come to EL2 first (HCR_EL2.IMO). Three are known: each guest's own virtual
 * timer, which it gets through a list register tied to the real interrupt; OP-TEE's
 * notification, which is for every guest that asked for it; and an SGI, by which
 * one core makes another come out of its guest, or out of the secure world.
 *
 * An interrupt that arrives while OP-TEE runs makes OP-TEE return FOREIGN_INTR. Nothing
 * needs to be done about it: the guest is entered, is interrupted at once, comes
 * here, and resumes its call when it has had its interrupt.
 */
#include "hyp.h"

#define SGI_KICK	0
#define SPURIOUS	1020

/* System registers by encoding: older assemblers lack the names. */
#define ICC_PMR		s3_0_c4_c6_0
#define ICC_IAR1	s3_0_c12_c12_0
#define ICC_EOIR1	s3_0_c12_c12_1
#define ICC_DIR		s3_0_c12_c11_1
#define ICC_SGI1R	s3_0_c12_c11_5
#define ICC_CTLR	s3_0_c12_c12_4
#define ICC_SRE_EL2	s3_4_c12_c9_5
#define ICC_IGRPEN1	s3_0_c12_c12_7
#define ICH_HCR		s3_4_c12_c11_0
#define ICH_VMCR	s3_4_c12_c11_7
/* One list register for each of the two interrupts a guest can have. */
#define ICH_LR_TIMER	s3_4_c12_c12_0
#define ICH_LR_NOTIFY	s3_4_c12_c12_1
#define read_icc(reg)	   read_icc_(reg)
#define read_icc_(reg)	   read_reg(reg)
#define write_icc(reg, v)  write_icc_(reg, v)
#define write_icc_(reg, v) write_reg(reg, v)

#define LR_PENDING	(1ull << 62)
#define LR_STATE	(3ull << 62)
#define LR_HW		(1ull << 61)	/* deactivated with the real one, at bit 32 */
#define LR_GROUP1	(1ull << 60)
#define LR_PRIORITY	(0x80ull << 48)

#define GICD_IROUTER	0x6000
#define GICR_SGI	0x10000
#define ISENABLER	0x100
#define ICACTIVER	0x380

static uint64_t sgi_frame(unsigned int cpu)
{
	return GICR + cpu * GICR_STRIDE + GICR_SGI;
}

void irq_init(unsigned int cpu)
{
	if (cpu == 0) {
		mmio_write(GICD, 0x12);	/* affinity routing, group 1 */
		mmio_write(GICD + GICD_IROUTER + 8 * GUEST_NOTIFY_INTID, 0);	/* to CPU 0 */
		mmio_write(GICD + ISENABLER + GUEST_NOTIFY_INTID / 32 * 4,
			   1u << GUEST_NOTIFY_INTID % 32);
	}
	mmio_write(sgi_frame(cpu) + ISENABLER, 1u << SGI_KICK | 1u << GUEST_TIMER_INTID);
	write_icc(ICC_SRE_EL2, 0xf);
	isb();
	write_icc(ICC_PMR, 0xff);
	write_icc(ICC_CTLR, 1 << 1);	/* EOIR drops the priority, DIR deactivates */
	write_icc(ICC_IGRPEN1, 1);
	isb();
}

/* Forgets what the vCPU had pending, and its timer. */
void irq_reset_vcpu(void)
{
	write_reg(cntv_ctl_el0, 0);
	write_icc(ICH_LR_TIMER, 0);
	write_icc(ICH_LR_NOTIFY, 0);
	write_icc(ICH_VMCR, 0);
	write_icc(ICH_HCR, 1);
	isb();
	mmio_write(sgi_frame((unsigned int)read_reg(mpidr_el1) & 0xff) + ICACTIVER,
		   1u << GUEST_TIMER_INTID);
}

void irq_kick(unsigned int cpu)
{
	__asm__ volatile("dsb ish" : : : "memory");	/* what it is kicked for comes first */
	write_icc(ICC_SGI1R, (uint64_t)SGI_KICK << 24 | 1u << cpu);
	isb();
}

bool irq_waiting(void)
{
	return read_reg(isr_el1) & 1u << 7;
}

void irq_inject_pending(struct vcpu *v)
{
	if (!__atomic_exchange_n(&v->notified, 0, __ATOMIC_ACQUIRE))
		return;
	/* If the guest is still at the last one, it becomes pending once more. */
	write_icc(ICH_LR_NOTIFY, (read_icc(ICH_LR_NOTIFY) & LR_STATE) | LR_PENDING | LR_GROUP1 |
		  LR_PRIORITY | GUEST_NOTIFY_INTID);
}

void irq_handle(void)
{
	uint32_t intid = (uint32_t)read_icc(ICC_IAR1);

	if (intid >= SPURIOUS)
		return;
	switch (intid) {
	case GUEST_TIMER_INTID:
		/* Active until the guest is done with it, so it does not come again. */
		write_icc(ICH_LR_TIMER, LR_PENDING | LR_HW | LR_GROUP1 | LR_PRIORITY |
			  (uint64_t)GUEST_TIMER_INTID << 32 | GUEST_TIMER_INTID);
		break;
	case GUEST_NOTIFY_INTID:
		backend_interrupt();
		break;
	}
	write_icc(ICC_EOIR1, intid);
	if (intid != GUEST_TIMER_INTID)
		write_icc(ICC_DIR, intid);
	isb();
}

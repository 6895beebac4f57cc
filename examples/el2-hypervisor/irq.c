/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical interrupts, on a GICv3.
 *
 * All of them are taken to EL2 (HCR_EL2.IMO). There are four: the virtual timer of a
 * guest, which is passed to it through a list register that is tied to the physical
 * interrupt; OP-TEE's notification, for every guest that asked for it; an SGI with which
 * one core makes another leave its guest, or the secure world; and the maintenance
 * interrupt, when list registers are free again. Guests never access this GIC: see vgic.c.
 *
 * When an interrupt arrives while OP-TEE runs, OP-TEE returns FOREIGN_INTR. That needs no
 * code: the guest is entered, is interrupted at once, comes here, and resumes its call
 * after it has handled its interrupt.
 */
#include "hyp.h"

#define SGI_KICK	0
#define PPI_MAINTENANCE	25
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

#define GICD_IROUTER	0x6000
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
	mmio_write(sgi_frame(cpu) + ISENABLER,
		   1u << SGI_KICK | 1u << PPI_MAINTENANCE | 1u << GUEST_TIMER_INTID);
	write_sys(ICC_SRE_EL2, 0xf);
	isb();
	write_sys(ICC_PMR, 0xff);
	write_sys(ICC_CTLR, 1 << 1);	/* EOIR drops the priority, DIR deactivates */
	write_sys(ICC_IGRPEN1, 1);
	isb();
}

/* Drops the vCPU's pending interrupts, and stops its timer. */
void irq_reset_vcpu(struct vcpu *v)
{
	write_reg(cntv_ctl_el0, 0);
	vgic_reset(v);
	mmio_write(sgi_frame(v->cpu) + ICACTIVER, 1u << GUEST_TIMER_INTID);
}

void irq_kick(unsigned int cpu)
{
	__asm__ volatile("dsb ish" : : : "memory");	/* the reason is visible first */
	write_sys(ICC_SGI1R, (uint64_t)SGI_KICK << 24 | 1u << cpu);
	isb();
}

bool irq_waiting(void)
{
	return read_reg(isr_el1) & 1u << 7;
}

/* Takes an interrupt. v: the vCPU of this core, whether it runs or not. */
void irq_handle(struct vcpu *v)
{
	uint32_t intid = (uint32_t)read_sys(ICC_IAR1);

	if (intid >= SPURIOUS)
		return;
	switch (intid) {
	case GUEST_TIMER_INTID:
		/* It stays active until the guest deactivates it, so it is not raised again. */
		vgic_raise(v, intid);
		break;
	case GUEST_NOTIFY_INTID:
		backend_interrupt();
		break;
	case PPI_MAINTENANCE:
		vgic_maintain();
		break;
	}
	write_sys(ICC_EOIR1, intid);
	if (intid != GUEST_TIMER_INTID)
		write_sys(ICC_DIR, intid);
	isb();
}

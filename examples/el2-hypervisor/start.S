/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entry of both cores, with the MMU off, and the exception vectors. TPIDR_EL2 points
 * to the vCPU, whose frame holds the guest's registers. When cpu_main() or vcpu_exit()
 * returns, the vCPU runs with the registers of its frame.
 */
#define SCTLR_EL2	0x30c5183d	/* RES1, MMU, caches, stack alignment */
/* 39-bit addresses of 4 KiB granules, 40-bit PAs, cacheable walks. */
#define TCR_EL2		0x80823519
#define MAIR_EL2	0xff04		/* 0: device, 1: cacheable */
#define FRAME_X(n)	((n) * 8)
#define FRAME_ELR	(31 * 8)

	.section .text.start, "ax"
	.global start
start:
	ldr	x1, =bss_start
	ldr	x2, =bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b
2:	mov	x0, #0
	/* CPU_ON enters here with the CPU's number in x0. */
	.global start_secondary
start_secondary:
	ldr	x1, =stacks_end
	sub	x1, x1, x0, lsl #14	// 16 KiB each
	mov	sp, x1
	adr	x1, vectors
	msr	vbar_el2, x1
	ldr	x1, =boot_table
	msr	ttbr0_el2, x1
	ldr	x1, =TCR_EL2
	msr	tcr_el2, x1
	mov	x1, #MAIR_EL2
	msr	mair_el2, x1
	tlbi	alle2
	dsb	sy
	isb
	ldr	x1, =SCTLR_EL2
	msr	sctlr_el2, x1
	isb
	bl	cpu_main

run:	mrs	x0, tpidr_el2
	ldp	x1, x2, [x0, #FRAME_ELR]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	ldr	x30, [x0, #FRAME_X(30)]
	ldp	x28, x29, [x0, #FRAME_X(28)]
	ldp	x26, x27, [x0, #FRAME_X(26)]
	ldp	x24, x25, [x0, #FRAME_X(24)]
	ldp	x22, x23, [x0, #FRAME_X(22)]
	ldp	x20, x21, [x0, #FRAME_X(20)]
	ldp	x18, x19, [x0, #FRAME_X(18)]
	ldp	x16, x17, [x0, #FRAME_X(16)]
	ldp	x14, x15, [x0, #FRAME_X(14)]
	ldp	x12, x13, [x0, #FRAME_X(12)]
	ldp	x10, x11, [x0, #FRAME_X(10)]
	ldp	x8, x9, [x0, #FRAME_X(8)]
	ldp	x6, x7, [x0, #FRAME_X(6)]
	ldp	x4, x5, [x0, #FRAME_X(4)]
	ldp	x2, x3, [x0, #FRAME_X(2)]
	ldp	x0, x1, [x0]
	eret

	.macro	from_guest irq
	.balign	0x80
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\irq
	b	save
	.endm
	.macro	unexpected
	.balign	0x80
	b	vectors_unexpected
	.endm

	.balign	0x800
vectors:
	.rept	8		// from EL2 itself: a fault of the hypervisor
	unexpected
	.endr
	.rept	2		// AArch64, AArch32: exits of guests
	from_guest 0		// synchronous
	from_guest 1		// IRQ
	unexpected		// FIQ: goes to EL3
	from_guest 0		// SError
	.endr

vectors_unexpected:
	mrs	x0, esr_el2
	mrs	x1, elr_el2
	mrs	x2, far_el2
	b	unexpected_exception

save:	mrs	x0, tpidr_el2
	stp	x2, x3, [x0, #FRAME_X(2)]
	stp	x4, x5, [x0, #FRAME_X(4)]
	stp	x6, x7, [x0, #FRAME_X(6)]
	stp	x8, x9, [x0, #FRAME_X(8)]
	stp	x10, x11, [x0, #FRAME_X(10)]
	stp	x12, x13, [x0, #FRAME_X(12)]
	stp	x14, x15, [x0, #FRAME_X(14)]
	stp	x16, x17, [x0, #FRAME_X(16)]
	stp	x18, x19, [x0, #FRAME_X(18)]
	stp	x20, x21, [x0, #FRAME_X(20)]
	stp	x22, x23, [x0, #FRAME_X(22)]
	stp	x24, x25, [x0, #FRAME_X(24)]
	stp	x26, x27, [x0, #FRAME_X(26)]
	stp	x28, x29, [x0, #FRAME_X(28)]
	str	x30, [x0, #FRAME_X(30)]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [x0, #FRAME_ELR]
	bl	vcpu_exit
	b	run

	/* void smc(uint64_t x[8]): x0-x7 in, x0-x3 out */
	.text
	.global smc
smc:
	str	x0, [sp, #-16]!
	mov	x8, x0
	ldp	x0, x1, [x8]
	ldp	x2, x3, [x8, #16]
	ldp	x4, x5, [x8, #32]
	ldp	x6, x7, [x8, #48]
	smc	#0
	ldr	x8, [sp], #16
	stp	x0, x1, [x8]
	stp	x2, x3, [x8, #16]
	ret

	/*
	 * The hypervisor's identity map: 1 GiB of devices, then RAM for the rest of
	 * 32 GiB. A product would make its own code read-only and its data not
	 * executable.
	 */
	.section .data
	.balign	4096
boot_table:
	.quad	0x0040000000000441		// block, AP[1], AF, index 0, XN
	.set	at, 0x40000000
	.rept	31
	.quad	at | 0x745			// block, AP[1], inner shareable, AF, index 1
	.set	at, at + 0x40000000
	.endr
	.fill	512 - 32, 8, 0

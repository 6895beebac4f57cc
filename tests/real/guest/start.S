/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest's first instructions at EL1, on each vCPU, and its
 * exceptions. The MMU is on, addresses are as they are: without it memory would be
 * Device memory, where neither exclusives nor unaligned accesses work.
 */
#include "exception.h"

#define SCTLR_EL1	0x30d0180d	/* RES1, MMU, caches, stack alignment */
/* 39-bit addresses, 4 KiB granules, no TTBR1, 40-bit IPAs, cacheable walks. */
#define TCR_EL1		0x200803519
#define MAIR_EL1	0xff
#define MEMORY		0x701		/* block, index 0, inner shareable, AF */

	.section .text.start, "ax"
	.global start
start:
	mov	x19, x0			// GUEST_INFO_IPA
	ldr	x1, =bss_start
	ldr	x2, =bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b
2:	ldr	x1, =stack0
	b	3f

	/* CPU_ON enters here. */
	.global start_secondary
start_secondary:
	mov	x19, x0
	ldr	x1, =stack1
3:	mov	sp, x1
	adr	x1, vectors
	msr	vbar_el1, x1
	ldr	x1, =table
	msr	ttbr0_el1, x1
	ldr	x1, =TCR_EL1
	msr	tcr_el1, x1
	mov	x1, #MAIR_EL1
	msr	mair_el1, x1
	tlbi	vmalle1
	dsb	sy
	isb
	ldr	x1, =SCTLR_EL1
	msr	sctlr_el1, x1
	isb
	mov	x0, x19
	mrs	x1, mpidr_el1
	tst	x1, #0xff
	b.ne	4f
	bl	guest_main
4:	bl	guest_secondary

	one_exception

	/* IRQs are the only exception that is expected. */
exception:
	save_registers
	mrs	x0, isr_el1
	tbz	x0, #7, 5f
	bl	guest_irq
	restore_registers
	eret
5:	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	b	guest_fault

	/* void smc_call(uint64_t x[8]), void hvc_call(uint64_t x[8]): all of x0-x7 in and out */
	.macro	call name, instruction
	.global	\name
\name:	str	x0, [sp, #-16]!
	mov	x8, x0
	ldp	x0, x1, [x8]
	ldp	x2, x3, [x8, #16]
	ldp	x4, x5, [x8, #32]
	ldp	x6, x7, [x8, #48]
	\instruction #0
	ldr	x8, [sp], #16
	stp	x0, x1, [x8]
	stp	x2, x3, [x8, #16]
	stp	x4, x5, [x8, #32]
	stp	x6, x7, [x8, #48]
	ret
	.endm
	.text
	call	smc_call, smc
	call	hvc_call, hvc

	.section .rodata
	.balign	4096
table:	.quad	0, 0, 0x80000000 | MEMORY
	.fill	512 - 3, 8, 0

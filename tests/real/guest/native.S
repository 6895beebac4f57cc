/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * native.c's entry at EL2, with MMU and caches off, on each CPU, and its one exception: the
 * guest's hypercalls.
 */
#include "exception.h"
#include "guest_info.h"

#define SPSR_EL1H	0x3c5

	.section .text.start, "ax"
	.global start
start:
	ldr	x1, =stack0
	mov	sp, x1
	bl	native_main
	ldr	x0, =GUEST_INFO_IPA
	ldr	x1, =GUEST_IMAGE_IPA
	b	enter

	/* The firmware's CPU_ON enters here. */
	.global start_secondary
start_secondary:
	ldr	x1, =stack1
	mov	sp, x1
	ldr	x2, =secondary
	ldp	x1, x0, [x2]
enter:	msr	elr_el2, x1
	mov	x1, #SPSR_EL1H
	msr	spsr_el2, x1
	adr	x1, vectors
	msr	vbar_el2, x1
	isb
	eret

	one_exception

exception:
	save_registers
	mov	x0, sp
	bl	native_call
	restore_registers
	eret

	/* void smc_call(uint64_t x[8]): x0-x3 in, x0 out */
	.text
	.global smc_call
smc_call:
	str	x0, [sp, #-16]!
	mov	x8, x0
	ldp	x0, x1, [x8]
	ldp	x2, x3, [x8, #16]
	smc	#0
	ldr	x8, [sp], #16
	str	x0, [x8]
	ret

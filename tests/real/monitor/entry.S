/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reset and exception entry of the test monitor. Everything ends up in
 * monitor_main(frame, why) with the interrupted registers in a frame on this
 * CPU's stack; whatever the frame holds when it returns is what runs next. A
 * world switch is therefore a change of the frame, made in C.
 */
#include "platform.h"

#define WHY_RESET 0
#define WHY_SYNC 1
#define WHY_FIQ 2
#define WHY_OTHER 3

	.section .text.reset, "ax"
	.global reset
reset:
	/*
	 * EL3 runs with MMU and caches off: the RES1 bits of SCTLR_EL3 alone.
	 * It never returns to a point it has not seen, so SError and debug
	 * need no care.
	 */
	ldr	x0, =0x30c50830
	msr	sctlr_el3, x0
	adr	x0, vectors
	msr	vbar_el3, x0
	msr	cptr_el3, xzr		// nobody traps FP: OP-TEE saves it lazily
	isb

	mrs	x0, mpidr_el1
	and	x0, x0, #0xff
	cmp	x0, #MAX_CPUS
	b.hs	dead
	ldr	x1, =stacks_end
	mov	x2, #STACK_SIZE
	msub	x1, x0, x2, x1
	mov	sp, x1
	sub	sp, sp, #FRAME_SIZE
	mov	x1, #WHY_RESET
	b	call_main

dead:	wfe
	b	dead

	.macro	entry why
	.balign	0x80
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x1, #\why
	b	save
	.endm

	.balign	0x800
vectors:
	.rept	8			// from EL3 itself: a fault of the monitor
	entry	WHY_OTHER
	.endr
	entry	WHY_SYNC		// from EL2, EL1 and EL0
	entry	WHY_OTHER
	entry	WHY_FIQ
	entry	WHY_OTHER
	.rept	4			// AArch32 is not served
	entry	WHY_OTHER
	.endr

	.balign	0x80
save:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x2, elr_el3
	stp	x30, x2, [sp, #240]
	mrs	x2, spsr_el3
	str	x2, [sp, #256]

call_main:
	mov	x0, sp
	bl	monitor_main

	ldr	x2, [sp, #256]
	msr	spsr_el3, x2
	ldp	x30, x2, [sp, #240]
	msr	elr_el3, x2
	ldp	x28, x29, [sp, #224]
	ldp	x26, x27, [sp, #208]
	ldp	x24, x25, [sp, #192]
	ldp	x22, x23, [sp, #176]
	ldp	x20, x21, [sp, #160]
	ldp	x18, x19, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp], #FRAME_SIZE
	eret

	/* OP-TEE travels in the flash image; the loader cannot reach secure RAM. */
	.section .optee, "a"
	.balign	8
	.global optee_header, optee_image, optee_image_end
optee_header:
	.incbin	OPTEE_HEADER
	.balign	8
optee_image:
	.incbin	OPTEE_IMAGE
optee_image_end:

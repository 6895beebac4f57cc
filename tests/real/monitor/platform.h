/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine: QEMU's "virt" with secure=on, virtualization=on and GICv3, and
 * the places OP-TEE's build for it expects. Shared by C, assembly and the
 * linker script, so numbers only.
 */
#ifndef TESTS_REAL_PLATFORM_H
#define TESTS_REAL_PLATFORM_H

#define MAX_CPUS 4

#define FLASH_BASE 0x00000000 /* secure flash: what -bios loads */
#define FLASH_SIZE 0x04000000
#define SRAM_BASE 0x0e000000 /* secure; OP-TEE begins 1 MiB further up */
#define SRAM_SIZE 0x00100000
#define OPTEE_BASE 0x0e100000
#define OPTEE_SIZE 0x00f00000

#define GICD_BASE 0x08000000
#define GICR_BASE 0x080a0000
#define GICR_STRIDE 0x20000
#define UART0_BASE 0x09000000
#define GPIO_BASE 0x090b0000 /* secure PL061: pin 0 powers off, pin 1 resets */

#define DTB_BASE 0x40000000    /* QEMU puts its device tree there */
#define NORMAL_BASE 0x48000000 /* where the normal world is entered, at EL2 */

#define COUNTER_HZ 62500000

#define STACK_SIZE 4096
#define FRAME_SIZE 272 /* x0-x30, ELR, SPSR, rounded up to 16 */

#endif

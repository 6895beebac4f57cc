/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the conformance guest is told about itself: a page at GUEST_INFO_IPA that it may
 * only read, in place of a device tree, and the hypercalls that it can make. Used by the
 * hypervisor and by its guest.
 */
#ifndef EL2_GUEST_INFO_H
#define EL2_GUEST_INFO_H

/* The guest's address space. The same for both guests, and far from any PA. */
#define GUEST_IMAGE_IPA		0x80000000	/* also the entry; x0 = GUEST_INFO_IPA */
#define GUEST_IMAGE_SIZE	0x00100000
#define GUEST_DEVICE_IPA	0x801fc000	/* the clock (PL031), read-only */
#define GUEST_RESERVED_IPA	0x801fd000	/* OP-TEE's reserved memory: to be refused */
#define GUEST_INFO_IPA		0x801fe000	/* RAM, read-only */
#define GUEST_HOLE_IPA		0x801ff000	/* nothing */
#define GUEST_RAM_IPA		0x80200000
#define GUEST_RAM_SIZE		0x02000000

#define LINUX_RAM_SIZE		0x20000000

/* The same for both kinds of guest; these are emulated. */
#define GUEST_UART_IPA		0x1c090000	/* SBSA generic UART, output only */
#define GUEST_UART_SIZE		0x00001000
#define GUEST_GICD_IPA		0x2f000000
#define GUEST_GICD_SIZE		0x00010000
#define GUEST_GICR_IPA		0x2f100000
#define GUEST_GICR_SIZE		0x00020000	/* for each vCPU */

#define GUEST_UART_INTID	33		/* is never raised */
#define GUEST_TIMER_INTID	27		/* EL1 virtual timer */
#define GUEST_NOTIFY_INTID	219		/* as OP-TEE names it in the device tree */

/* Hypercalls: HVC #0 with the number in w0, as SMCCC's vendor-specific range. */
#define HVC_PUTC		0x86000000	/* x1: a character */
#define HVC_EXIT		0x86000001	/* x1: 0 when all went well; no return */

#ifndef __ASSEMBLER__
#include <stdint.h>

#define GUEST_RANGES 3

#define BENCH_COUNT	1	/* instructions, where they can be counted exactly */
#define BENCH_RACE	2	/* throughput of one vCPU or guest, and of two */

struct guest_info {
	uint32_t id;
	uint32_t vcpus;
	uint32_t life;		/* how often it was created before */
	uint32_t lives;		/* more than 1: it will be killed, and has to crash */
	uint32_t trace;		/* nonzero: its calls are traced, so it makes few */
	uint32_t bench;		/* nonzero, BENCH_*: it measures, without interrupts */
	/* The struct om_limits it was created with. */
	uint32_t threads, buffers, rpc_args, pages, list_pages, call_pages, mapped_pages;
	/* Host addresses, none of which the guest must ever see. */
	struct {
		uint64_t base, size;
	} host[GUEST_RANGES];
	char only[64];		/* run only the scenarios whose names begin with this */
};
#endif
#endif

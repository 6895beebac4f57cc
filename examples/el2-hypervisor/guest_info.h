/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest is told about itself: a page at GUEST_INFO_IPA that it may only
 * read, and the calls it can make to the hypervisor. A stand-in for the device
 * tree that a real guest would get. Shared by the hypervisor and its guest.
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

#define GUEST_UART_INTID	33		/* never comes */
#define GUEST_TIMER_INTID	27		/* EL1 virtual timer */
#define GUEST_NOTIFY_INTID	219		/* as OP-TEE names it in the device tree */

/* Hypercalls: HVC #0 with the number in w0, as SMCCC's vendor-specific range. */
#define HVC_PUTC		0x86000000	/* x1: a character */
#define HVC_EXIT		0x86000001	/* x1: 0 when all went well; no return */

#ifndef __ASSEMBLER__
#include <stdint.h>

#define GUEST_RANGES 3

struct guest_info {
	uint32_t id;
	uint32_t vcpus;
	uint32_t life;		/* 0 at first, one more each time it is created again */
	uint32_t lives;		/* more than 1: it is to be killed, and to crash */
	uint32_t trace;		/* nonzero: somebody reads along, be brief */
	/* The struct om_limits it was created with. */
	uint32_t threads, buffers, rpc_args, pages, list_pages, call_pages, mapped_pages;
	/* For a guest that tests: addresses of the host's that it must never see. */
	struct {
		uint64_t base, size;
	} host[GUEST_RANGES];
	char only[64];		/* run only the scenarios whose names begin so */
};
#endif
#endif

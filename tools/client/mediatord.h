/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol between a VMM and optee-mediatord, which stands between one guest and the
 * host's OP-TEE. docs/mediatord.md describes it. C11 and C++; needs no other file of ours.
 *
 * The VMM connects to a Unix socket of type SOCK_SEQPACKET; the connection is the guest.
 * Every message, either way, is one struct om_mediatord_message, whole, in the byte order
 * of the machine. A request is answered by one message of the same type. What a request or
 * a reply does not use is 0.
 */
#ifndef OPTEE_MEDIATOR_MEDIATORD_H
#define OPTEE_MEDIATOR_MEDIATORD_H

#include <stdint.h>

#define OM_MEDIATORD_VERSION	1u

/* vCPUs of a guest are numbered from 0 to one less. */
#define OM_MEDIATORD_VCPUS	64u

struct om_mediatord_message {
	uint32_t type;		/* enum om_mediatord_type */
	int32_t result;		/* of a reply: enum om_mediatord_result; else 0 */
	uint64_t arg[8];	/* by type, see there */
};

enum om_mediatord_type {
	/* The first request. arg[0]: OM_MEDIATORD_VERSION. Reply: arg[0], the daemon's. */
	OM_MEDIATORD_HELLO = 1,
	/*
	 * RAM of the guest. With one descriptor (SCM_RIGHTS) of a file that can be mapped
	 * shared: a memfd, or a file on tmpfs or hugetlbfs. arg[0]: the VMM's own id for it,
	 * which no other region has; arg[1]: its address in the guest, arg[2]: its size,
	 * arg[3]: its offset in the file, all three multiples of the page size.
	 */
	OM_MEDIATORD_ADD_MEMORY,
	/*
	 * arg[0]: the id. No call can share the region any more. AGAIN: OP-TEE shares some of
	 * it; leave it as it is, and ask again when READY comes.
	 */
	OM_MEDIATORD_REMOVE_MEMORY,
	/*
	 * May these pages be discarded (balloon)? arg[0]: address in the guest, arg[1]: size.
	 * IN_USE: not now.
	 */
	OM_MEDIATORD_MAY_DISCARD,
	/*
	 * A channel for the calls of a vCPU. arg[0]: its number. The reply carries a
	 * descriptor: a socket like this one, on which only CALL is spoken. A channel that
	 * the vCPU had before is closed.
	 */
	OM_MEDIATORD_OPEN_VCPU,
	/*
	 * The guest starts over; its memory and vCPUs stay. No CALL may be unanswered. AGAIN:
	 * a call is still in OP-TEE; ask again when READY comes, or after a second, and until
	 * the result is OK ask for nothing else.
	 */
	OM_MEDIATORD_RESET,
	/*
	 * On a vCPU's channel only: the guest made an SMC or HVC for OP-TEE. arg: x0..x7, of
	 * which those that the function does not take may be 0. Reply: arg[0..3], what x0..x3
	 * shall be.
	 */
	OM_MEDIATORD_CALL,
	/* From the daemon, at any time: what was answered AGAIN may now succeed. */
	OM_MEDIATORD_READY = 256,
};

enum om_mediatord_result {
	OM_MEDIATORD_OK = 0,
	OM_MEDIATORD_NOT_MINE,		/* CALL: not for OP-TEE; the VMM handles this exit */
	OM_MEDIATORD_AGAIN,		/* not yet: READY follows, then ask again */
	OM_MEDIATORD_NEW_DRIVER,	/* CALL: handled, but the guest runs another kernel: RESET */
	OM_MEDIATORD_IN_USE,		/* OP-TEE shares some of it */

	OM_MEDIATORD_ERR_ARGUMENT = -1,	/* an argument is not what its comment asks */
	OM_MEDIATORD_ERR_NO_MEMORY = -2, /* of memory, regions, threads or descriptors */
	OM_MEDIATORD_ERR_OVERLAP = -3,	/* the guest has memory there, or of that id */
	OM_MEDIATORD_ERR_NO_REGION = -4, /* there is no such memory */
	OM_MEDIATORD_ERR_DEVICE = -5,	/* the TEE device failed */
	OM_MEDIATORD_ERR_VERSION = -6,	/* HELLO: the daemon speaks another version */
	OM_MEDIATORD_ERR_RESETTING = -7, /* only RESET is served until it returns OK */
};

#endif

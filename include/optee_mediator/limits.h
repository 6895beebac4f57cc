/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits (quotas) of what one guest may make the mediator and OP-TEE hold.
 *
 * Every limit is charged before use and refunded exactly. All memory behind the
 * limits is taken when the guest is created, so a guest that reaches a limit gets an
 * error and the host never runs out of memory (invariant I5).
 */
#ifndef OPTEE_MEDIATOR_LIMITS_H
#define OPTEE_MEDIATOR_LIMITS_H

#include <stdint.h>

/* Upper bounds of the limits below; om_guest_size() refuses anything above. */
#define OM_LIMIT_THREADS	128u
#define OM_LIMIT_BUFFERS	(1u << 20)
#define OM_LIMIT_RPC_ARGS	1024u
#define OM_LIMIT_PAGES		(1u << 26)	/* 256 GiB */
#define OM_LIMIT_LIST_PAGES	(1u << 20)
#define OM_LIMIT_SESSIONS	4096u

/*
 * A stock build of OP-TEE has translation tables for 2,048 pages of the window. The
 * default is about a third of that, because OP-TEE allocates the window first fit: what
 * it has unmapped may be gaps too small for the next buffer. docs/porting.md has the
 * figures.
 */
#define OM_MAPPED_PAGES_DEFAULT	700u

/* More than any Linux guest of docs/guests.md has used. */
#define OM_SESSIONS_DEFAULT	256u

struct om_limits {
	/*
	 * Calls in flight at once, suspended ones included: 1..OM_LIMIT_THREADS.
	 * One more is answered ETHREAD_LIMIT. If OP-TEE has fewer threads for a
	 * guest, their number is the limit.
	 */
	uint32_t threads;

	/*
	 * Shared buffers: those the guest registered (REGISTER_SHM) and those it
	 * allocated for OP-TEE (SHM_ALLOC). 1..OM_LIMIT_BUFFERS. One more is
	 * answered TEEC_ERROR_OUT_OF_MEMORY. About 390 bytes each.
	 */
	uint32_t buffers;

	/*
	 * RPC argument buffers (RPC ALLOC): 1..OM_LIMIT_RPC_ARGS. OP-TEE keeps
	 * at most one per secure thread; one that DISABLE_SHM_CACHE takes from it
	 * counts until that call returns, so allow one more for each vCPU that
	 * may issue it while calls run. One shadow page each.
	 */
	uint32_t rpc_args;

	/*
	 * Guest pages of 4 KiB, whatever the size of its own (with pages of 64 KiB it
	 * shares 16 at least), pinned for all of the above and for temporary
	 * buffers of calls: 1..OM_LIMIT_PAGES. One more is answered
	 * TEEC_ERROR_OUT_OF_MEMORY. A page shared twice counts twice. The
	 * library keeps 8.3 bytes for each.
	 */
	uint32_t pages;

	/*
	 * Shadow pages for translated page lists, 511 addresses in each, taken only
	 * while OP-TEE reads a list: 1..OM_LIMIT_LIST_PAGES. The largest buffer
	 * a guest can share is this many times 511 pages.
	 */
	uint32_t list_pages;

	/*
	 * Pages that OP-TEE may have to map for one call: the whole of every buffer
	 * that the call names, and all that is allocated for OP-TEE during the call
	 * (SHM_ALLOC). 0..OM_LIMIT_PAGES; 0: only mapped_pages limits a call. Beyond
	 * it the guest, or OP-TEE where it asked, is answered
	 * TEEC_ERROR_OUT_OF_MEMORY.
	 */
	uint32_t call_pages;

	/*
	 * Pages of the window: the address space in which OP-TEE's core maps memory of
	 * this guest. Counted for all calls of the guest together are what is allocated
	 * for OP-TEE, and the parameters of commands for TAs that are built into it.
	 * OP-TEE maps the parameters of a TA that it loaded elsewhere. Up to 4 pages
	 * are set aside for the parameters of each thread's call.
	 * 0..OM_LIMIT_PAGES; 0: OM_MAPPED_PAGES_DEFAULT. Beyond it the answer is as above.
	 * OP-TEE *panics*, for all guests, when it has no table left for the next
	 * 2 MiB of that window: docs/porting.md says what a build can map.
	 */
	uint32_t mapped_pages;

	/*
	 * Sessions open at once: 0..OM_LIMIT_SESSIONS; 0: OM_SESSIONS_DEFAULT. One
	 * more is answered TEEC_ERROR_OUT_OF_MEMORY. 128 bytes each.
	 */
	uint32_t sessions;
};

/*
 * More than a Linux guest needs: 64 MiB shared at a time, in up to 1024
 * buffers, 4 MiB of them in one call, 256 sessions.
 * Costs about 610 KiB of private memory and 81 shadow pages.
 */
#define OM_LIMITS_DEFAULT { \
	.threads = 16, .buffers = 1024, .rpc_args = 16, \
	.pages = 16384, .list_pages = 49, .call_pages = 1040, \
	.mapped_pages = 0, .sessions = 0, \
}

#endif

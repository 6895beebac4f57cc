/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A yielding call: one slot of a guest, from its first SMC through every RPC
 * return to its end. Everything here but `word` belongs to the vCPU that owns the
 * call (see call_state.h), is private memory, and is what decisions are made on.
 */
#ifndef OM_LIB_CALL_H
#define OM_LIB_CALL_H

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "call_state.h"
#include "guest.h"
#include "message_check.h"
#include "page_list.h"
#include "rpc_check.h"
#include "tracing.h"

/* Which request waits for the guest's reply. */
enum om_pending {
	OM_PENDING_NONE,
	OM_PENDING_ALLOC,
	OM_PENDING_FREE,
	OM_PENDING_CMD,
	OM_PENDING_SHM_ALLOC,	/* a CMD whose reply brings an address */
	OM_PENDING_UNDO,	/* the mediator's own SHM_FREE */
};

struct om_call {
	/* Generation in the upper 24 bits, enum om_call_state in the lower 8. Atomic. */
	uint32_t word;
	uint32_t index;			/* of the slot */
	struct om_guest *guest;
	uint32_t vcpu;			/* that runs it now; for the trace */
	uint32_t fid;			/* OPTEE_SMC_CALL_WITH_* of the guest */

	/* The guest's message. */
	om_pa_t page;			/* pinned for this call, or raw 0 */
	om_pa_t at;			/* where the message is, inside a pinned page; see split */
	uint32_t room;			/* bytes from there to the end of page or buffer */
	uint32_t split;			/* it begins so far behind `at` and goes on at `next`; or 0 */
	om_pa_t next;			/* split: the page, pinned, that follows in the buffer */
	uint32_t carrier;		/* REGD_ARG: the buffer that holds it */
	struct om_message message;
	uint32_t params;		/* that were fetched */
	uint32_t shape;			/* OM_SHAPE_*; LIST: still to be translated */
	uint32_t policy;		/* what authorize() said */
	uint32_t waits;			/* times it has waited for other calls; 0: does not */

	/* How far it has come. Side by side, for the beginning of a call sets all. */
	bool fetched;			/* the header at least: it can carry an answer */
	bool resumed;			/* the guest was given the id at least once */
	bool translating;		/* a translation is under way */
	bool entered;			/* OP-TEE has taken the call */
	bool entering;			/* ... but may not have looked at its parameters */
	bool judged;			/* request or reply: fetched and judged */
	bool holds_more;		/* some of subject .. lists, carrier, payload_lists */

	/*
	 * What the call holds. Nothing while the slot is free: the end of a call
	 * leaves it so, as om_call_init() did, and the next call relies on that.
	 */
	uint32_t held[OPTEE_MSG_CALL_PARAMS];	/* buffers its parameters name */
	uint32_t held_count;
	struct om_mapped mapped;	/* what OP-TEE has to map for it */
	uint32_t subject;		/* the buffer it registers or unregisters */
	uint32_t session;		/* that it names, until OP-TEE has looked it up */
	uint32_t closes;		/* the session it is to close */
	bool opens;			/* a session was charged for it */
	bool loads_ta;			/* OP-TEE asked for a TA in the course of it */
	struct om_lists lists;		/* translated page lists of its parameters */
	struct om_release release;	/* buffers to give back */

	/* A translation under way; goes on after a pause. */
	struct om_translation translation;

	/* OP-TEE's side. */
	struct om_regs secure;		/* what the next SMC says, then a0..a3 of its return */
	uint32_t secure_thread;

	/* The RPC under way. */
	enum om_pending pending;
	struct om_request_copy request;	/* the reply is judged by it */
	struct om_request_copy reply;	/* here because stacks are small */
	uint32_t rpc_arg;		/* buffer it came in until answered, else OM_NONE */
	uint32_t payload;		/* SHM_ALLOC: the buffer being made */
	uint32_t payload_charge;	/* its pages, as charged: mapping.h */
	struct om_lists payload_lists;	/* its page list, until the next request */
	enum om_refusal refusal;	/* of the request or the reply, if any */
	uint64_t undo_type;		/* SHM_ALLOC: who was asked to allocate */
	uint64_t undo_cookie;		/* what the guest has to free again, 0: nothing */
	uint64_t refused_cookie;	/* of a refused RPC ALLOC, 0: none */

	/* The end. */
	uint32_t result;		/* a0 for the guest */

	struct om_shadow *shadow;	/* the message as OP-TEE sees it */
	uint64_t counters[OM_COUNTERS];	/* written by the owner, read by anybody */
} __attribute__((__aligned__(64)));

/*
 * For the rooms that carry a call on (message.c, rpc.c).
 */

/*
 * The answer to an ALLOC that brings no page. Not 0: where the normal world's RAM
 * begins at 0, OP-TEE takes that for a page. What is misaligned it never takes (OP-TEE OS,
 * thread_optee_smc.c, thread_rpc_alloc_arg()).
 */
#define OM_NO_PAGE 1u

/*
 * The way back into OP-TEE. pa, cookie: the answer to an ALLOC, OM_NO_PAGE when there
 * is none; 0 for other requests, whose answers are in memory.
 */
void om_set_resume(struct om_call *call, uint64_t pa, uint64_t cookie);

/* Gives back what is on the release list; false: interrupted, there is more. */
bool om_release_some(struct om_call *call);

static inline bool om_release(struct om_call *call)
{
	return call->release.head == OM_NONE || om_release_some(call);
}

/* Counts a refusal and traces it with the code that is given. */
OM_COLD void om_refused(struct om_call *call, enum om_refusal why, uint32_t code);

/* Hands out an event of this call's; a parameter of a message: index, attr, a, b, c, cmd. */
OM_COLD void om_call_trace(const struct om_call *call, struct om_trace_event *event);
OM_COLD void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
			    const struct optee_msg_param *param, uint32_t cmd);

/* Fills a new slot; the shadow page must be in place. */
void om_call_init(struct om_call *call, struct om_guest *guest, uint32_t index);

/*
 * True when a call other than this one (NULL: any) is in flight and not yet ending, so
 * that a guest which waits for one to end is woken up. Calls that find no slot need not
 * ask: not all that have one can have been told to wait.
 */
bool om_call_others(const struct om_guest *guest, const struct om_call *call);

#define OM_CALL_STATE_MASK	0xffu	/* of `word` */

/* What the guest sees in a3 of an RPC return: generation and slot. Never 0 nor ~0. */
static inline uint32_t om_call_id(const struct om_call *call)
{
	return (om_load_relaxed(&call->word) & ~OM_CALL_STATE_MASK) | call->index;
}

static inline enum om_call_state om_call_state(const struct om_call *call)
{
	return (enum om_call_state)(om_load_relaxed(&call->word) & OM_CALL_STATE_MASK);
}

/* What the guest gets: an RPC, with the call's id in a3. */
static inline void om_set_return(const struct om_call *call, struct om_regs *regs,
				 uint64_t a0, uint64_t a1, uint64_t a2)
{
	regs->a[0] = a0;
	regs->a[1] = a1;
	regs->a[2] = a2;
	regs->a[3] = om_call_id(call);
}

/* The same for FOREIGN_INTR: take your interrupts and come back. */
static inline void om_set_interrupted(const struct om_call *call, struct om_regs *regs)
{
	om_set_return(call, regs, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0);
}

static inline void om_count(struct om_call *call, enum om_counter which)
{
	uint64_t *counter = &call->counters[which];

	/* One writer: an increment needs no atomic read-modify-write. */
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
}

#endif

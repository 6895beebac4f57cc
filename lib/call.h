/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A yielding call: a slot of a guest, from the call's first SMC through every RPC return to its
 * end. All fields but `word` belong to the vCPU that owns the call (call_state.h). They are
 * private memory, and all decisions are made on them.
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

/* The request that waits for the guest's reply. */
enum om_pending {
	OM_PENDING_NONE,
	OM_PENDING_ALLOC,
	OM_PENDING_FREE,
	OM_PENDING_CMD,
	OM_PENDING_SHM_ALLOC,	/* a CMD whose reply has an address */
	OM_PENDING_UNDO,	/* a SHM_FREE by the mediator itself */
};

struct om_call {
	/* Generation in the upper 24 bits, enum om_call_state in the lower 8. Atomic. */
	uint32_t word;
	uint32_t index;			/* of the slot */
	struct om_guest *guest;
	uint32_t vcpu;			/* the vCPU that runs it; for the trace */
	uint32_t fid;			/* OPTEE_SMC_CALL_WITH_* of the guest */

	/* The guest's message. */
	om_pa_t page;			/* pinned for this call; raw 0: none */
	om_pa_t at;			/* address of the message in a pinned page; see split */
	uint32_t room;			/* bytes from there to the end of page or buffer */
	uint32_t message_buffer;	/* REGD_ARG: the buffer in which it lies */
	om_pa_t next;			/* split: the next page of the buffer, pinned */
	struct om_message message;
	uint32_t policy;		/* the answer of authorize() */
	bool in_transit;		/* OP-TEE may not have looked up what it names */
	bool loads_ta;			/* OP-TEE asked for a TA during the call */
	/* Side by side, because the start of a call zeroes these six. */
	uint32_t split;			/* not 0: begins so far behind `at`, ends in `next` */
	uint32_t params;		/* parameters that were fetched */
	uint32_t kinds;			/* OM_PARAMS_*; LIST: still to be translated */
	uint32_t waits;			/* CLAIMING: how often it has waited for other calls */
	uint32_t held_count;		/* buffers that its parameters name: held[] */
	struct om_mapped mapped;	/* pages that OP-TEE has to map for it */

	/*
	 * What the call holds. A free slot holds nothing: om_call_init() and the end of each
	 * call see to that, and the next call relies on it.
	 */
	uint32_t held[OPTEE_MSG_CALL_PARAMS];	/* the first held_count */
	uint32_t target;		/* the buffer it registers or unregisters */
	uint32_t session;		/* the session it names, until OP-TEE has looked it up */
	uint32_t closes;		/* the session that it closes */
	uint32_t opens;			/* the session that it opens */
	struct om_lists lists;		/* translated page lists of its parameters */
	struct om_release release;	/* buffers to give back */

	/* A translation in progress; it continues after a pause. */
	struct om_translation translation;

	/* OP-TEE's side. */
	struct om_regs secure;		/* the next SMC, then a0..a3 of its return */
	uint32_t secure_thread;

	/* The RPC in progress. */
	enum om_pending pending;
	struct om_request_copy request;	/* the reply is checked by it */
	struct om_request_copy reply;	/* here because stacks are small */
	uint32_t rpc_arg;		/* its buffer until it is answered, else OM_NONE */
	uint32_t arg_entry;		/* the buffer of the last one in this slot; a guess */
	struct om_request_copy *shadow_arg;	/* the argument as OP-TEE sees it */
	uint32_t payload;		/* SHM_ALLOC: the buffer that is made */
	uint32_t payload_charge;	/* the pages charged for it: mapping.h */
	struct om_lists payload_lists;	/* its page list, until the next request */
	enum om_refusal refusal;	/* of the request or the reply, if any */
	uint64_t undo_type;		/* SHM_ALLOC: the type of the allocation */
	uint64_t undo_cookie;		/* the cookie that the guest has to free; 0: none */
	uint64_t refused_cookie;	/* of a refused RPC ALLOC, 0: none */

	/* The result. */
	uint32_t result;		/* a0 for the guest */

	struct om_shadow *shadow;	/* the message as OP-TEE sees it */
	uint64_t counters[OM_COUNTERS];	/* written by the owner, read by anybody */
} __attribute__((__aligned__(64)));

/* For message.c, rpc.c and machine.c. */

/*
 * The answer to an ALLOC for which there is no page. Not 0: OP-TEE accepts page 0 where the
 * normal world's RAM begins there. It never accepts a misaligned address (OP-TEE OS,
 * thread_optee_smc.c, thread_rpc_alloc_arg()).
 */
#define OM_NO_PAGE 1u

/*
 * Sets call->secure to resume OP-TEE. pa, cookie: the answer to an ALLOC, OM_NO_PAGE when there
 * is no page; 0 for other requests, whose answers are in memory.
 */
static inline void om_set_resume(struct om_call *call, uint64_t pa, uint64_t cookie)
{
	call->secure = (struct om_regs){ .a = {
		OPTEE_SMC_RETURN_FROM_RPC, om_high(pa), om_low(pa), call->secure_thread,
		om_high(cookie), om_low(cookie), 0, call->guest->vm.id } };
}

/* Releases the buffers on the release list; false: an interrupt is pending and some are left. */
bool om_release_some(struct om_call *call);

static inline bool om_release(struct om_call *call)
{
	return call->release.head == OM_NONE || om_release_some(call);
}

/* Counts a refusal, and traces it with the code that is given out. */
OM_COLD void om_refused(struct om_call *call, enum om_refusal why, uint32_t code);

/* Trace an event of this call; a parameter of a message: index, attr, a, b, c, cmd. */
OM_COLD void om_call_trace(const struct om_call *call, struct om_trace_event *event);
OM_COLD void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
			    const struct optee_msg_param *param, uint32_t cmd);

/* Sets up a slot; its shadow page must be in place. */
void om_call_init(struct om_call *call, struct om_guest *guest, uint32_t index);

/*
 * True when a call other than this one (NULL: any call) is in flight and not ending, so that a
 * guest that waits for a call to end will be woken up. A call that finds no slot need not ask:
 * not all calls that have one can have been told to wait.
 */
bool om_call_others(const struct om_guest *guest, const struct om_call *call);

#define OM_CALL_STATE_MASK	0xffu	/* of `word` */

/* The id that the guest sees in a3 of an RPC return: generation and slot. Never 0 nor ~0. */
static inline uint32_t om_call_id(const struct om_call *call)
{
	return (om_load_relaxed(&call->word) & ~OM_CALL_STATE_MASK) | call->index;
}

static inline enum om_call_state om_call_state(const struct om_call *call)
{
	return (enum om_call_state)(om_load_relaxed(&call->word) & OM_CALL_STATE_MASK);
}

/* What the call has, for om_call_may_have(). */
static inline uint32_t om_call_has(const struct om_call *call)
{
	return (call->page.raw || call->message_buffer != OM_NONE) * OM_HAS_MESSAGE |
	       call->in_transit * OM_HAS_TRANSIT |
	       (call->target != OM_NONE) * OM_HAS_TARGET |
	       (call->lists.reserved != 0) * OM_HAS_LISTS |
	       (call->session != OM_NONE) * OM_HAS_SESSION |
	       (call->opens != OM_NONE) * OM_HAS_OPEN |
	       (call->closes != OM_NONE) * OM_HAS_CLOSE |
	       (call->translation.source.raw != 0) * OM_HAS_SOURCE |
	       (call->rpc_arg != OM_NONE) * OM_HAS_ARG |
	       (call->payload_lists.reserved != 0) * OM_HAS_PAYLOAD |
	       (call->release.head != OM_NONE) * OM_HAS_RELEASE;
}

static inline void om_count(struct om_call *call, enum om_counter which)
{
	uint64_t *counter = &call->counters[which];

	/* There is one writer, so an increment needs no atomic read-modify-write. */
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
}

#endif

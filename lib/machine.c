/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The call-state machine. See machine.h. It takes a slot, runs the steps of the call, and is the
 * only place that changes a call's state. message.c and rpc.c implement the steps.
 */
#include "machine.h"

#include <optee_mediator/abi_smc.h>

#include "mapping.h"
#include "message.h"
#include "rpc.h"
#include "secure.h"
#include "sessions.h"

#define STATE_BITS	8
#define INDEX_MASK	0xffu
#define GENERATION_MAX	0xfffffeu	/* so no id is 0xffffffff */

_Static_assert(OM_LIMIT_THREADS <= INDEX_MASK, "the slot has 8 bits in a call id");

/* Continues to load, piece by piece; false when the call has to pause. */
static OM_NOINLINE bool load_more(struct om_call *call)
{
	while (call->refusal == OM_ACCEPTED && !om_message_is_loaded(call)) {
		call->refusal = om_message_load(call);
		if (call->refusal == OM_ACCEPTED && om_should_yield(&call->guest->vm))
			return false;
	}
	return true;
}

/* The message is complete, or refused. */
static inline enum om_call_event loaded(struct om_call *call)
{
	if (call->refusal != OM_ACCEPTED) {
		om_message_refuse(call, call->refusal);
		return OM_EVENT_END;
	}
	om_message_emit(call);
	return OM_EVENT_ENTER;
}

/* LOADING: prepares the call for OP-TEE. */
static inline enum om_call_event load(struct om_call *call)
{
	if (!om_message_is_loaded(call) && !load_more(call))
		return OM_EVENT_PAUSE;
	if (call->refusal == OM_ACCEPTED && om_message_claims(call))
		return OM_EVENT_CLAIM;
	return loaded(call);
}

/* CLAIMING: takes away what the message ends, and waits for calls in transit to it. */
static OM_NOINLINE enum om_call_event claim(struct om_call *call)
{
	call->refusal = om_message_claim(call);
	if (call->refusal == OM_ACCEPTED && call->waits)
		return OM_EVENT_PAUSE;
	return loaded(call);
}

static bool is_rpc(uint32_t a0)
{
	return (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX &&
	       a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

/* True for the SMC of a guest that has the call's id: regs are still its own. */
static bool is_resume(const struct om_regs *regs)
{
	return ((uint32_t)regs->a[0] & ~SMCCC_FID_SVE_HINT) == OPTEE_SMC_RETURN_FROM_RPC;
}

/*
 * Decides whether the guest is told that OP-TEE is busy. Linux then sleeps until another of its
 * calls ends, and starts this one again. Without another call it would sleep for ever, and so
 * would two calls that count each other. So a call that is told so is ENDING from then on, which
 * is decided under the lock. The guest is not told so when it has the call's id, because it
 * would resume the call, nor when the call may have to pause in ENDING, because it lends memory.
 */
static bool ends_busy(struct om_call *call, const struct om_regs *regs)
{
	struct om_guest *guest = call->guest;
	bool others;

	if (is_resume(regs) || call->lists.first != OM_NONE)
		return false;
	om_lock(&guest->vm);
	others = om_call_others(guest, call);
	if (others)
		om_store_relaxed(&call->word, (om_load_relaxed(&call->word) & ~OM_CALL_STATE_MASK) |
				 OM_CALL_ENDING);
	om_unlock(&guest->vm);
	return others;
}

/* OP-TEE ended the call with an error code in a0. fid: what it was called with. */
static OM_COLD enum om_call_event secure_done(struct om_call *call, uint64_t fid, uint32_t code,
					      const struct om_regs *regs)
{
	bool busy = code == OPTEE_SMC_RETURN_ETHREAD_LIMIT || code == OPTEE_SMC_RETURN_EBUSY;
	bool accepted = fid == OPTEE_SMC_RETURN_FROM_RPC;

	if (busy && !accepted && !ends_busy(call, regs)) {
		/* The guest resumes, and OP-TEE is asked again. */
		om_message_address(call);
		return OM_EVENT_INTERRUPT;
	}
	/* An unknown code, or one that has no meaning here: the call is over. */
	if (code > OPTEE_SMC_RETURN_ENOTAVAIL || (busy && accepted))
		code = OPTEE_SMC_RETURN_ENOTAVAIL;
	om_message_fail(call, code);
	return OM_EVENT_END;
}

/*
 * True for a request that OP-TEE makes only after it has looked up all that the message names.
 * Before that it may empty its cache (FREE), get a buffer for requests (ALLOC), or wait for a
 * lock of its own (NOTIFICATION).
 */
static bool is_past_lookup(const struct om_call *call)
{
	return call->pending == OM_PENDING_SHM_ALLOC ||
	       (call->pending == OM_PENDING_CMD &&
		call->request.hdr.cmd != OPTEE_RPC_CMD_NOTIFICATION);
}

/* Call it when OP-TEE has looked the session up, or never will. */
static inline void put_session(struct om_call *call)
{
	if (call->session != OM_NONE)
		om_session_put(&call->guest->sessions, call->session);
	call->session = OM_NONE;
}

/* REPLYING: takes the guest's reply. */
static inline enum om_call_event reply(struct om_call *call, const struct om_regs *regs)
{
	return om_rpc_reply(call, regs) ? OM_EVENT_SHARE : OM_EVENT_ENTER;
}

/* OP-TEE has looked up what the call names. */
static OM_NOINLINE void arrive(struct om_call *call)
{
	uint32_t i;

	for (i = 0; i < call->held_count; i++)
		om_shm_arrived(&call->guest->shm, call->held[i]);
	put_session(call);
	call->in_transit = false;
}

/*
 * ASKING: passes the request to the guest. The call is no longer in transit when the request
 * shows that OP-TEE has looked up what it names.
 */
static inline enum om_call_event ask(struct om_call *call)
{
	enum om_call_event event = om_rpc_ask(call);

	if (event != OM_EVENT_ASK)
		return event;
	if (call->in_transit && is_past_lookup(call))
		arrive(call);
	return OM_EVENT_ASK;
}

static OM_COLD void trace_secure_smc(const struct om_call *call)
{
	const uint64_t *a = call->secure.a;

	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_SECURE_SMC,
		 .arg = { a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7] } });
}

static OM_COLD void trace_secure_return(const struct om_call *call, uint64_t fid)
{
	const uint64_t *a = call->secure.a;

	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_SECURE_RETURN,
		 .arg = { (uint32_t)a[0], (uint32_t)a[1], (uint32_t)a[2], (uint32_t)a[3], fid } });
}

/* OP-TEE returned from the call with a request, or because of an interrupt. */
static inline enum om_call_event secure_left(struct om_call *call)
{
	const uint64_t *a = call->secure.a;

	call->secure_thread = (uint32_t)a[3];
	if (a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR) {
		/* OP-TEE may be reading a page list, so the lists stay. */
		om_count(call, OM_COUNT_INTERRUPTED);
		om_set_resume(call, 0, 0);
		return OM_EVENT_INTERRUPT;
	}
	/* A new request means that OP-TEE has read the list of the last reply. */
	om_lists_release(&call->guest->shm, &call->payload_lists);
	om_rpc_accept(call);
	return OM_EVENT_REQUEST;
}

/* SECURE: makes the SMC, and handles what OP-TEE returns. */
static inline enum om_call_event enter(struct om_call *call, const struct om_regs *regs)
{
	const struct om_vm *vm = &call->guest->vm;
	uint64_t fid = call->secure.a[0];
	uint32_t code;

	if (om_traced(vm))
		trace_secure_smc(call);
	code = om_yielding_smc(vm, &call->secure);
	if (om_traced(vm))
		trace_secure_return(call, fid);

	if (code == OPTEE_SMC_RETURN_OK) {
		om_message_finish(call);
		return OM_EVENT_END;
	}
	return is_rpc(code) ? secure_left(call) : secure_done(call, fid, code, regs);
}

static void put(struct om_call *call, uint32_t *index)
{
	if (*index != OM_NONE)
		om_shm_put(&call->guest->shm, *index, &call->release);
	*index = OM_NONE;
}

/* Puts back what only some calls hold. */
static OM_NOINLINE void put_more(struct om_call *call)
{
	om_translation_end(&call->guest->shm, &call->translation);
	om_lists_release(&call->guest->shm, &call->lists);
	om_lists_release(&call->guest->shm, &call->payload_lists);
	put(call, &call->target);
	put(call, &call->message_buffer);
}

/*
 * True when put_more() has something to put back; of two indices, or OM_NONE, none is ~0. A page
 * list that is read has list pages of ours, or is the target's.
 */
static inline bool holds_more(const struct om_call *call)
{
	bool holds = (call->target & call->message_buffer) != OM_NONE ||
		     (call->lists.reserved | call->payload_lists.reserved) != 0;

	om_assert(holds || call->translation.source.raw == 0);
	return holds;
}

/* Puts back the buffers that its parameters name. */
static inline void put_held(struct om_call *call, struct om_guest *guest)
{
	uint32_t users = call->in_transit ? OM_HOLD_USER + OM_HOLD_IN_TRANSIT : OM_HOLD_USER;
	uint32_t i = call->held_count;

	while (i)
		om_shm_put_users(&guest->shm, call->held[--i], users, &call->release);
	call->held_count = 0;
	om_unmap_params(&call->guest->mapping, &call->mapped);
}

/* ENDING: every call ends here, and gives back all it holds in reverse order. */
static inline enum om_call_event end(struct om_call *call)
{
	struct om_guest *guest = call->guest;

	if (holds_more(call))
		put_more(call);
	put_session(call);
	put_held(call, guest);
	if (call->page.raw)
		guest->vm.ops->unpin(guest->vm.ctx, &call->page, 1);
	call->page.raw = 0;
	return om_release(call) ? OM_EVENT_RELEASE : OM_EVENT_PAUSE;
}

static OM_COLD void trace_state(const struct om_call *call, enum om_call_state from,
				enum om_call_event event, enum om_call_state to)
{
	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_STATE, .arg = { from, event, to } });
}

static inline void note_state(struct om_call *call, enum om_call_state from,
			      enum om_call_event event, enum om_call_state to)
{
	if (event == OM_EVENT_PAUSE)
		om_count(call, OM_COUNT_PAUSED);
	if (om_traced(&call->guest->vm))
		trace_state(call, from, event, to);
}

/*
 * What the guest gets when its call goes to this state, which nobody owns: the result; OP-TEE's
 * request in OP-TEE's own registers, with the call's id for the thread; or FOREIGN_INTR, so that
 * it takes its interrupts and resumes.
 */
static inline void answer(const struct om_call *call, enum om_call_state to, uint32_t id,
			  struct om_regs *regs)
{
	const uint64_t *a = call->secure.a;

	if (to == OM_CALL_FREE)
		om_set_regs(regs, call->result, 0, 0, 0);
	else if (to == OM_CALL_WAITING)
		om_set_regs(regs, a[0], a[1], a[2], id);
	else
		om_set_regs(regs, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0, id);
}

/*
 * Moves an owned call to its next state. The store is the last access to the call: if nobody
 * owns it in that state, another vCPU may resume it at once.
 */
static inline enum om_call_state advance(struct om_call *call, enum om_call_state from,
					 enum om_call_event event, struct om_regs *regs)
{
	enum om_call_state to = om_call_next(from, event);
	uint32_t life = om_load_relaxed(&call->word) & ~OM_CALL_STATE_MASK;

	note_state(call, from, event, to);
	om_assert(om_call_may_have(to, om_call_has(call)));
	if (!om_call_is_owned(to))
		answer(call, to, life | call->index, regs);
	om_store_release(&call->word, life | to);
	return to;
}

/*
 * The order is that of the states of an owned call: each is followed by a later one, until
 * nobody owns the call.
 */
void om_call_run(struct om_call *call, struct om_regs *regs)
{
	enum om_call_state state = om_call_state(call);

	om_assert(om_call_may_have(state, om_call_has(call)));
	if (state == OM_CALL_LOADING)
		state = advance(call, state, load(call), regs);
	if (state == OM_CALL_CLAIMING)
		state = advance(call, state, claim(call), regs);
	if (state == OM_CALL_REPLYING)
		state = advance(call, state, reply(call, regs), regs);
	if (state == OM_CALL_SHARING)
		state = advance(call, state, om_rpc_share(call), regs);
	if (state == OM_CALL_SECURE)
		state = advance(call, state, enter(call, regs), regs);
	if (state == OM_CALL_ASKING)
		state = advance(call, state, ask(call), regs);
	if (state == OM_CALL_ENDING)
		(void)advance(call, state, end(call), regs);
}

/* Takes a call that nobody owns, by one atomic exchange (I6). */
static inline bool take(struct om_call *call, uint32_t word, enum om_call_event event,
			uint32_t generation, unsigned int vcpu)
{
	enum om_call_state from = (enum om_call_state)(word & OM_CALL_STATE_MASK);
	enum om_call_state to = om_call_next(from, event);

	if (to == OM_CALL_BROKEN ||
	    !om_exchange(&call->word, word, generation << STATE_BITS | to))
		return false;
	call->vcpu = vcpu;
	note_state(call, from, event, to);
	return true;
}

/* Takes a slot if it is free, under a new generation. */
static inline bool take_slot(struct om_call *call, unsigned int vcpu)
{
	uint32_t word = om_load_relaxed(&call->word);
	uint32_t generation = word >> STATE_BITS;

	/* As the table says; but then the step is known here. */
	if ((word & OM_CALL_STATE_MASK) != OM_CALL_FREE)
		return false;
	generation = generation < GENERATION_MAX ? generation + 1 : 1;
	return take(call, word, OM_EVENT_BEGIN, generation, vcpu);
}

/* Takes any other slot, when that of the vCPU's number is not free. */
static OM_NOINLINE struct om_call *take_other(struct om_guest *guest, uint32_t first,
					      unsigned int vcpu)
{
	uint32_t threads = guest->vm.limits.threads;
	uint32_t n;

	for (n = 1; n < threads; n++) {
		struct om_call *call = &guest->calls[(first + n) % threads];

		if (take_slot(call, vcpu))
			return call;
	}
	return NULL;
}

static inline struct om_call *take_free(struct om_guest *guest, unsigned int vcpu)
{
	uint32_t threads = guest->vm.limits.threads;
	uint32_t own = vcpu < threads ? vcpu : vcpu % threads;
	struct om_call *call = &guest->calls[own];

	return take_slot(call, vcpu) ? call : take_other(guest, own, vcpu);
}

struct om_call *om_call_begin(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
			      const struct om_regs *regs)
{
	struct om_call *call = take_free(guest, vcpu);

	if (!call)
		return NULL;
	om_count(call, OM_COUNT_CALLS);
	call->fid = fid;
	call->in_transit = true;
	call->loads_ta = false;
	call->split = 0;
	call->params = 0;
	call->kinds = 0;
	call->waits = 0;
	call->held_count = 0;
	call->mapped.param_pages = 0;
	call->mapped.payload_pages = 0;
	call->mapped.uses_window = true;
	call->translation.remaining = 0;
	call->refused_cookie = 0;
	call->refusal = om_message_fetch(call, regs);
	return call;
}

struct om_call *om_call_resume(struct om_guest *guest, unsigned int vcpu,
			       const struct om_regs *regs)
{
	uint32_t id = (uint32_t)regs->a[3];
	uint32_t index = id & INDEX_MASK;
	uint32_t generation = id >> STATE_BITS;
	struct om_call *call;
	uint32_t word;

	if (index >= guest->vm.limits.threads || generation == 0)
		return NULL;
	call = &guest->calls[om_index(index, guest->vm.limits.threads)];
	word = om_load_relaxed(&call->word);
	if (word >> STATE_BITS != generation ||
	    !take(call, word, OM_EVENT_RESUME, generation, vcpu))
		return NULL;
	om_count(call, OM_COUNT_RESUMES);
	return call;
}

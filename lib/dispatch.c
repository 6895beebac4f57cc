/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides which SMCs are the mediator's and which module handles each, and refuses them. This
 * module knows function identifiers, but not what the calls do.
 */
#include "fast_calls.h"
#include "lifetime.h"
#include "machine.h"
#include "secure.h"

static OM_COLD void trace_refused(const struct om_guest *guest, unsigned int vcpu,
				  enum om_refusal why, uint32_t code)
{
	om_trace(&guest->vm, vcpu, 0, &(struct om_trace_event){
		 .id = OM_TRACE_REFUSED, .arg = { why, code } });
}

/* Answers an SMC that is refused, and counts and traces the refusal. */
static OM_COLD void refuse(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
			   enum om_refusal why, struct om_regs *regs)
{
	uint32_t code = om_refusal_smc(why);

	om_count_guest(guest, (enum om_counter)why);
	if (om_traced(&guest->vm))
		trace_refused(guest, vcpu, why, code);
	/* All SMC64 identifiers are unknown; the code for that is a 64-bit -1. */
	om_set_regs(regs, fid & SMCCC_FID_SMC64 ? UINT64_MAX : code, 0, 0, 0);
}

/*
 * True when a driver has just started in a guest that holds something, which then is its
 * predecessor's. Every driver makes this call once, when it starts; no other call shows that the
 * guest's kernel has been replaced.
 */
static bool is_new_driver(const struct om_guest *guest, uint32_t fid, const struct om_regs *regs)
{
	return fid == OPTEE_SMC_EXCHANGE_CAPABILITIES &&
	       regs->a[0] == OPTEE_SMC_RETURN_OK && om_guest_holds(guest);
}

static enum om_refusal yielding_call(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
				     struct om_regs *regs)
{
	struct om_call *call;

	if (fid == OPTEE_SMC_RETURN_FROM_RPC) {
		call = om_call_resume(guest, vcpu, regs);
		if (!call)
			return OM_REFUSED_RESUME;
	} else {
		if (fid != OPTEE_SMC_CALL_WITH_ARG && !om_rpc_arg_offered(&guest->vm))
			return OM_REFUSED_FUNCTION;
		call = om_call_begin(guest, vcpu, fid, regs);
		if (!call)
			return OM_REFUSED_THREADS;
	}
	om_call_run(call, regs);
	return OM_ACCEPTED;
}

static enum om_outcome dispatch(struct om_guest *guest, unsigned int vcpu, struct om_regs *regs)
{
	/* The SVE hint does not change which function is called. */
	uint32_t fid = (uint32_t)regs->a[0] & ~SMCCC_FID_SVE_HINT;
	enum om_refusal why;

	if (guest->stage != OM_STAGE_ALIVE) {
		om_set_regs(regs, OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
		return OM_HANDLED;
	}
	switch (fid) {
	case OPTEE_SMC_RETURN_FROM_RPC:
	case OPTEE_SMC_CALL_WITH_RPC_ARG:
	case OPTEE_SMC_CALL_WITH_REGD_ARG:
	case OPTEE_SMC_CALL_WITH_ARG:
		why = yielding_call(guest, vcpu, fid, regs);
		break;
	default:
		why = om_fast_call(guest, fid, regs);
		break;
	}
	if (why != OM_ACCEPTED)
		refuse(guest, vcpu, fid, why, regs);
	return is_new_driver(guest, fid, regs) ? OM_HANDLED_NEW_DRIVER : OM_HANDLED;
}

static OM_COLD void trace_smc(const struct om_guest *guest, unsigned int vcpu,
			      const struct om_regs *regs)
{
	struct om_trace_event event = { .id = OM_TRACE_GUEST_SMC };
	size_t i;

	for (i = 0; i < sizeof(regs->a) / sizeof(regs->a[0]); i++)
		event.arg[i] = (uint32_t)regs->a[i];
	om_trace(&guest->vm, vcpu, 0, &event);
}

static OM_COLD void trace_return(const struct om_guest *guest, unsigned int vcpu, uint32_t fid,
				 const struct om_regs *regs)
{
	const uint64_t *a = regs->a;

	om_trace(&guest->vm, vcpu, 0, &(struct om_trace_event){
		 .id = OM_TRACE_GUEST_RETURN,
		     .arg = { (uint32_t)a[0], (uint32_t)a[1], (uint32_t)a[2],
			  (uint32_t)a[3], fid } });
}

enum om_outcome om_guest_call(struct om_guest *guest, unsigned int vcpu, struct om_regs *regs)
{
	uint32_t fid = (uint32_t)regs->a[0];
	uint32_t owner = fid >> SMCCC_FID_OWNER_SHIFT & SMCCC_FID_OWNER_MASK;
	enum om_outcome outcome;

	if (owner < SMCCC_OWNER_TRUSTED_APP)
		return OM_NOT_HANDLED;
	if (om_traced(&guest->vm))
		trace_smc(guest, vcpu, regs);
	outcome = dispatch(guest, vcpu, regs);
	if (om_traced(&guest->vm))
		trace_return(guest, vcpu, fid, regs);
	return outcome;
}

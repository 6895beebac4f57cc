/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The call-state machine: runs a call from the guest's SMC to the point where the guest has to
 * act, or to its end. call_state.h defines the states.
 */
#ifndef OM_LIB_MACHINE_H
#define OM_LIB_MACHINE_H

#include "call.h"

/*
 * Begins a call (CALL_WITH_ARG, CALL_WITH_RPC_ARG, CALL_WITH_REGD_ARG). The vCPU owns it and
 * passes it to om_call_run(). NULL when all slots are taken.
 */
struct om_call *om_call_begin(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
			      const struct om_regs *regs);

/* Takes the call that RETURN_FROM_RPC names. NULL when it cannot be resumed. */
struct om_call *om_call_resume(struct om_guest *guest, unsigned int vcpu,
			       const struct om_regs *regs);

/* Runs an owned call until nobody owns it; sets regs to what the guest gets. */
void om_call_run(struct om_call *call, struct om_regs *regs);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The call-state machine: from the guest's SMC to the point where the guest has to do
 * something, or the call is over. call_state.h says which states there are.
 */
#ifndef OM_LIB_MACHINE_H
#define OM_LIB_MACHINE_H

#include "call.h"

/*
 * CALL_WITH_ARG, CALL_WITH_RPC_ARG, CALL_WITH_REGD_ARG: a call that the vCPU owns, for
 * om_call_run(). NULL when all slots are taken.
 */
struct om_call *om_call_begin(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
			      const struct om_regs *regs);

/* The same for RETURN_FROM_RPC. NULL when there is no such call to be resumed. */
struct om_call *om_call_resume(struct om_guest *guest, unsigned int vcpu,
			       const struct om_regs *regs);

/* Runs an owned call until it belongs to nobody; regs are what the guest gets. */
void om_call_run(struct om_call *call, struct om_regs *regs);

#endif

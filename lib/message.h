/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call: fetched once, checked, translated, shadowed for OP-TEE,
 * and its results brought back. Invariants I1, I2, I3 and I7 are kept here.
 */
#ifndef OM_LIB_MESSAGE_H
#define OM_LIB_MESSAGE_H

#include "call.h"

/*
 * Brings the call from the guest's registers to the next point of its loading:
 * fetches, checks, asks the policy, gets what it names by cookie. Call once.
 */
enum om_refusal om_message_fetch(struct om_call *call, const struct om_regs *regs);

/*
 * How often UNREGISTER_SHM and CLOSE_SESSION come back for calls that are on their way in:
 * some 10 ms.
 */
#define OM_WAIT_TRIES	4096u

/*
 * Does a bounded piece of what is left: translates what the message names by
 * address, takes the buffer it unregisters or the session it closes.
 */
enum om_refusal om_message_load(struct om_call *call);

/* True when om_message_load() has nothing left to do. */
static inline bool om_message_is_loaded(const struct om_call *call)
{
	if (om_shape_params(call->shape, OM_SHAPE_LIST))
		return false;
	switch (call->message.hdr.cmd) {
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		return call->subject != OM_NONE;
	case OPTEE_MSG_CMD_CLOSE_SESSION:
		return call->closes != OM_NONE && !call->waits;
	default:
		return true;
	}
}

/* Writes the shadow that OP-TEE will read, and the SMC that says where it is. */
void om_message_emit(struct om_call *call);

/* That SMC alone: the shadow is as it was written, or OP-TEE did not touch it. */
void om_message_address(struct om_call *call);

/*
 * OP-TEE is done: takes the results from the shadow, carries out what they mean
 * for the registry, and writes the outputs to the guest. Sets call->result.
 */
void om_message_finish(struct om_call *call);

/* The call ends without a result of OP-TEE's: tells the guest why. */
void om_message_refuse(struct om_call *call, enum om_refusal why);

/* OP-TEE answered the SMC with an error code: the message is as it was. */
void om_message_fail(struct om_call *call, uint32_t code);

#endif

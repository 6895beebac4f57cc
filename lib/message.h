/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call: fetches it once, checks and translates it, writes the shadow for
 * OP-TEE, and brings the results back. Keeps the invariants I1, I2, I3 and I7.
 */
#ifndef OM_LIB_MESSAGE_H
#define OM_LIB_MESSAGE_H

#include "call.h"

/*
 * Fetches and checks the message that the registers name, asks the policy, and gets the buffers
 * that it names by cookie. Called once for each call.
 */
enum om_refusal om_message_fetch(struct om_call *call, const struct om_regs *regs);

/* How often UNREGISTER_SHM and CLOSE_SESSION wait for calls in transit: some 10 ms. */
#define OM_WAIT_TRIES	4096u

/* Translates a bounded piece of what the message names by address. */
enum om_refusal om_message_load(struct om_call *call);

/* True when om_message_load() has nothing left to do. */
static inline bool om_message_is_loaded(const struct om_call *call)
{
	return om_params_of(call->kinds, OM_PARAMS_LIST) == 0;
}

/* True for a message that ends a buffer or a session, which om_message_claim() has to claim. */
static inline bool om_message_claims(const struct om_call *call)
{
	return call->message.hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM ||
	       call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION;
}

/*
 * Claims the buffer that the message unregisters or the session that it closes. Accepted with
 * call->waits other than 0: calls are in transit to it, and the claim has to be tried again.
 */
enum om_refusal om_message_claim(struct om_call *call);

/* Writes the shadow that OP-TEE will read, and the registers that give its address. */
void om_message_emit(struct om_call *call);

/* Writes those registers alone: OP-TEE has not changed the shadow. */
void om_message_address(struct om_call *call);

/*
 * Called when OP-TEE is done: takes the results from the shadow, updates registry and sessions
 * accordingly, and writes the outputs to the guest. Sets call->result.
 */
void om_message_finish(struct om_call *call);

/* Called when the call ends without a result of OP-TEE: tells the guest why. */
void om_message_refuse(struct om_call *call, enum om_refusal why);

/* Called when OP-TEE answered the SMC with an error code: the message is unchanged. */
void om_message_fail(struct om_call *call, uint32_t code);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPCs: what OP-TEE asks of the guest in the middle of a call, and the reply.
 *
 * The request is fetched once from the shadow, checked, and what it releases is
 * forgotten before the guest can see it (I7). The reply is judged by the private
 * record of what was asked, whatever the guest wrote elsewhere (I6).
 */
#ifndef OM_LIB_RPC_H
#define OM_LIB_RPC_H

#include "call.h"

/*
 * OP-TEE returned with an RPC (call->secure). Prepares it for the guest and
 * fills regs. Returns OM_EVENT_ASK; OM_EVENT_PAUSE; or OM_EVENT_INTERRUPT when
 * the guest is not shown it and OP-TEE will be told that it failed.
 */
enum om_call_event om_rpc_ask(struct om_call *call, struct om_regs *regs);

/*
 * The guest replied: regs are its own. Prepares the way back. Returns OM_EVENT_ENTER;
 * OM_EVENT_PAUSE; or OM_EVENT_ASK when the guest first has to free something.
 */
enum om_call_event om_rpc_reply(struct om_call *call, struct om_regs *regs);

#endif

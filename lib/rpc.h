/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPCs: requests of OP-TEE to the guest in the middle of a call, and the replies.
 *
 * A request is fetched once from the shadow and checked, and what it releases is forgotten
 * before the guest sees it (I7). A reply is checked by the private copy of the request,
 * whatever the guest has written elsewhere (I6).
 */
#ifndef OM_LIB_RPC_H
#define OM_LIB_RPC_H

#include "call.h"

/*
 * Prepares an RPC of OP-TEE (call->secure) for the guest and fills regs. Returns OM_EVENT_ASK;
 * OM_EVENT_PAUSE; or OM_EVENT_INTERRUPT when the guest must not see the request, and OP-TEE will
 * be told that it failed.
 */
enum om_call_event om_rpc_ask(struct om_call *call, struct om_regs *regs);

/*
 * Handles the guest's reply; regs are the guest's. Prepares call->secure. Returns
 * OM_EVENT_ENTER; OM_EVENT_PAUSE; or OM_EVENT_ASK when the guest first has to free memory.
 */
enum om_call_event om_rpc_reply(struct om_call *call, struct om_regs *regs);

#endif

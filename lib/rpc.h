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
 * Fetches and checks an RPC of OP-TEE (call->secure), and forgets what it releases. Sets
 * call->refusal.
 */
void om_rpc_accept(struct om_call *call);

/*
 * Shows an accepted request to the guest, whose registers are then those of call->secure.
 * Returns OM_EVENT_ASK; OM_EVENT_PAUSE; or OM_EVENT_INTERRUPT when the guest must not see the
 * request: call->secure tells OP-TEE that it failed.
 */
enum om_call_event om_rpc_ask(struct om_call *call);

/*
 * Handles the guest's reply; regs are the guest's. Returns true when the reply may have memory,
 * which om_rpc_share() takes; else OP-TEE can be entered, with call->secure.
 */
bool om_rpc_reply(struct om_call *call, const struct om_regs *regs);

/*
 * Translates that memory. Returns OM_EVENT_ENTER, with call->secure prepared; OM_EVENT_PAUSE; or
 * OM_EVENT_ASK when the guest first has to free the memory: its registers are those of
 * call->secure once more.
 */
enum om_call_event om_rpc_share(struct om_call *call);

#endif

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
 * Whether a request is one that a guest may see: known command, parameters without
 * host addresses. A pure function of the private copy.
 */
enum om_refusal om_request_check(const struct om_request_copy *request);

/* What a reply to SHM_ALLOC is worth. */
enum om_reply_verdict {
	OM_REPLY_FAILED,	/* the guest says it has no memory */
	OM_REPLY_MALFORMED,	/* not even the name of an allocation */
	OM_REPLY_UNUSABLE,	/* an allocation, but not one OP-TEE may have */
	OM_REPLY_LIST,		/* a page list to translate */
	OM_REPLY_PAGE,		/* a single page to translate */
};

/*
 * Judges the reply to SHM_ALLOC. hdr, param: as the guest wrote them, fetched.
 * wanted: bytes that OP-TEE asked for. A pure function.
 */
enum om_reply_verdict om_reply_check(const struct optee_msg_hdr *hdr,
				     const struct optee_msg_param *param, uint64_t wanted);

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

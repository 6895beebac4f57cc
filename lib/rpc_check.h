/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest may see of a request of OP-TEE's, and what OP-TEE may get of the reply, as
 * pure functions of the private copies.
 */
#ifndef OM_LIB_RPC_CHECK_H
#define OM_LIB_RPC_CHECK_H

#include <optee_mediator/abi_msg.h>

#include "refusal.h"

/* A request of OP-TEE's or the guest's reply, as it was fetched, once. */
struct om_request_copy {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[OPTEE_MSG_RPC_PARAMS];
};

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

#endif

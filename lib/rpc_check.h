/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks whether a guest may see a request of OP-TEE, and whether OP-TEE may have the reply, as
 * pure functions of the private copies.
 */
#ifndef OM_LIB_RPC_CHECK_H
#define OM_LIB_RPC_CHECK_H

#include <optee_mediator/abi_msg.h>

#include "refusal.h"

/* The private copy of a request or of a reply. */
struct om_request_copy {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[OPTEE_MSG_RPC_PARAMS];
};

/*
 * Checks that a guest may see a request: a known command, parameters without host addresses. A
 * pure function of the private copy.
 */
enum om_refusal om_request_check(const struct om_request_copy *request);

/* Results of the check of a reply to SHM_ALLOC. */
enum om_reply_verdict {
	OM_REPLY_FAILED,	/* the guest reports that it has no memory */
	OM_REPLY_MALFORMED,	/* it does not even name an allocation */
	OM_REPLY_UNUSABLE,	/* an allocation that OP-TEE must not be given */
	OM_REPLY_LIST,		/* a page list to translate */
	OM_REPLY_PAGE,		/* a single page to translate */
};

/*
 * Checks a reply to SHM_ALLOC. hdr, param: the private copy. wanted: the bytes that OP-TEE asked
 * for. A pure function.
 */
enum om_reply_verdict om_reply_check(const struct optee_msg_hdr *hdr,
				     const struct optee_msg_param *param, uint64_t wanted);

#endif

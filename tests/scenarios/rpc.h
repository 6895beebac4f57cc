/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenarios of RPCs share: the model is told to make requests that the real OP-TEE
 * would not (model_inject_rpc()), and what the guest was shown and what OP-TEE was told is
 * compared.
 */
#ifndef TESTS_SCENARIOS_RPC_H
#define TESTS_SCENARIOS_RPC_H

#include "fixture.h"

#define TMEM_OUT	OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT
#define ALLOC_FILL	0xd7	/* the client's, for new RPC arguments */

/* A parameter; a request with one; a return with these registers, a command when a0 is 0. */
struct optee_msg_param param(uint64_t attr, uint64_t a, uint64_t b, uint64_t c);
struct model_rpc rpc_with(uint32_t cmd, struct optee_msg_param p);
struct model_rpc rpc_told(uint32_t a0, uint64_t a1a2);

/* Serves the pending request and goes on. */
void resume(struct cg_call *c);

/*
 * Has OP-TEE make this request in a call of its own: the guest sees nothing of it,
 * OP-TEE hears that it failed, the call goes on to its end.
 */
struct model_rpc_result not_shown(struct fx_guest *g, uint32_t session, uint32_t fid,
				  const struct model_rpc *rpc);

/* A call that waits in a command; its RPC argument has the cookie given back. */
uint64_t begin_waiting(struct cg_call *c, struct fx_guest *g);

/* Answers an ALLOC. */
void answer_alloc(struct cg_call *c, uint64_t ipa, uint64_t cookie);
/* What OP-TEE was told in the resume that answer_alloc() made. */
void assert_told(struct fx *f, uint64_t pa, uint64_t cookie);

/* Answers a command with this parameter. */
void reply(struct cg_call *c, struct optee_msg_param p);

#endif

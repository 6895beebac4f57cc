/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that replies to what it was asked. rpc.c is included here, as rooms_rpc.h
 * wants it.
 */
#ifndef TESTS_PROOF_REPLIES_H
#define TESTS_PROOF_REPLIES_H

#include "rooms_rpc.h"

#include "rpc.c"

struct om_request_copy nondet_request(void);

/* The guest's registers, and what was there before: shadow and request. */
static struct om_regs regs;
static struct om_request_copy old_shadow, asked;
static uint32_t reads;
static bool read_failed;

/* In place of the host's, which knows words and no fields. */
static int read_reply(void *guest, om_pa_t pa, void *dst, size_t len)
{
	struct om_call *call = &world_call;

	(void)guest;
	PROVE(dst == &call->reply && len == OPTEE_MSG_ARG_SIZE(asked.hdr.num_params) &&
	      len <= sizeof(call->reply), "a reply is read as far as was asked, into private memory (I6)");
	PROVE(pa.raw == rooms_guest_arg(), "... from where the request was written, which is pinned");
	reads++;
	/* Anything, and as much when it failed. */
	call->reply = nondet_request();
	read_failed = any_bool();
	return read_failed ? -1 : 0;
}

/* A call whose guest has come back with this pending. */
static void replies_init(enum om_pending pending, bool has_arg)
{
	struct om_call *call = &world_call;

	rooms_init(has_arg);
	host_ops.read = read_reply;
	call->pending = pending;
	ASSUME(rooms_is_waiting());
	regs = any_regs();
	old_shadow = *rooms_shadow();
	asked = call->request;
}

static bool is_same_param(const struct optee_msg_param *a, const struct optee_msg_param *b)
{
	return a->attr == b->attr && a->u.value.a == b->u.value.a &&
	       a->u.value.b == b->u.value.b && a->u.value.c == b->u.value.c;
}

/* All of a header but ret and ret_origin. */
static bool header_is_kept(void)
{
	const struct optee_msg_hdr *a = &rooms_shadow()->hdr, *b = &old_shadow.hdr;

	return a->cmd == b->cmd && a->func == b->func && a->session == b->session &&
	       a->cancel_id == b->cancel_id && a->pad == b->pad && a->num_params == b->num_params;
}

/* The parameters from this one on. */
static bool params_are_kept(uint32_t first)
{
	uint32_t i;

	for (i = first; i < OPTEE_MSG_RPC_PARAMS; i++)
		if (!is_same_param(&rooms_shadow()->param[i], &old_shadow.param[i]))
			return false;
	return true;
}

static bool is_told(uint32_t ret, uint32_t origin)
{
	return rooms_shadow()->hdr.ret == ret && rooms_shadow()->hdr.ret_origin == origin;
}

static bool is_told_of(enum om_refusal why)
{
	return why != OM_ACCEPTED && is_told(om_refusal_teec(why), TEEC_ORIGIN_COMMS) &&
	       rooms_shadow()->hdr.ret != TEEC_SUCCESS;
}

/* What has to be true on every way back into OP-TEE. */
static void prove_entered(bool entered)
{
	PROVE(entered, "OP-TEE goes on");
	PROVE(world_call.rpc_arg == OM_NONE && rooms.arg_users == 0, "the argument is put (I9)");
}

#endif

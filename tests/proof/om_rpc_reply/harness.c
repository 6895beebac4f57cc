/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_rpc_reply(): any reply of a guest, to any request but SHM_ALLOC, which is
 * reply_shm_alloc/.
 *
 * Assumes: rooms_is_waiting(), what om_rpc_ask/ and reply_shm_alloc/ prove of a call
 * whose guest was asked; the rooms below keep their contracts (rooms_rpc.h).
 * Proves: memory safety; a reply is fetched once (I1), from the page that the request was
 * written to, and judged by the private request (I6): into the shadow go the values and
 * sizes that were asked for, ret and ret_origin, and nothing else; what is no reply is an
 * error to OP-TEE, with no output (I8); the page of a reply to ALLOC is pinned for what
 * the guest named, OP-TEE gets a shadow page for it (I2), and the cookie alone when it was
 * refused, but not the cookie of anything in use (I7); the argument of a request is put
 * exactly once, and no call that goes back into OP-TEE has one (I9); the SMC that resumes
 * OP-TEE has 32 bits, OP-TEE's thread and the guest's id (I10).
 *
 * Class: quick
 * Solver: kissat
 * Sources: call.c refusal.c rpc_check.c
 * Model: builtin.c host.c rooms_rpc.c world.c
 * Unwind: 5
 *   OPTEE_MSG_RPC_PARAMS = 4 parameters; the world has 3 of anything.
 * Options: -DWORLD_BUFFERS=3u -DWORLD_SHADOWS=3u -DWORLD_BUCKETS=1u
 * Options: --unwindset rooms_init.0:30
 *   There are 29 counters.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "replies.h"

static void prove_alloc(void)
{
	struct om_call *call = &world_call;
	bool shares;
	uint64_t cookie, refused;

	replies_init(OM_PENDING_ALLOC, false);
	refused = call->refused_cookie;
	cookie = om_pair(regs.a[4], regs.a[5]);

	shares = om_rpc_reply(call, &regs);

	prove_entered(!shares);
	PROVE(reads == 0, "the reply to ALLOC is in registers");
	if (rooms.made != ROOMS_NOTHING) {
		PROVE(rooms.made == ROOMS_LIVE && rooms.new_kind == OM_SHARE_RPC_ARG &&
		      rooms.new_cookie.raw == cookie &&
		      rooms.new_address == om_pair(regs.a[1], regs.a[2]),
		      "what is made is what the guest named");
		PROVE(rooms_is_resume(world_shadows[ROOMS_NEW_SHADOW].page.pa.raw, cookie),
		      "OP-TEE gets a shadow page (I2, I10)");
		PROVE(rooms.refusals == 0, "what was refused is not given");
		PROVE(call->refused_cookie == (refused == cookie ? 0 : refused),
		      "a cookie that is a buffer's is no refused one (I7)");
		REACHED("ALLOC was given");
		return;
	}
	PROVE(rooms.refusals == 1, "a refusal is counted");
	PROVE(rooms_is_resume(OM_NO_PAGE, call->refused_cookie) && rooms_is_no_page(),
	      "OP-TEE gets no page, not even page 0 (I2, I8, I10)");
	PROVE(rooms.asked.raw == cookie && call->refused_cookie == (rooms.known ? 0 : cookie),
	      "the guest is to free what it allocated, and nothing in use (I7, I8)");
	REACHED("ALLOC was refused");
}

static void prove_free(void)
{
	bool shares;

	replies_init(OM_PENDING_FREE, false);

	shares = om_rpc_reply(&world_call, &regs);

	prove_entered(!shares);
	PROVE(reads == 0 && rooms.refusals == 0 && rooms_is_resume(0, 0),
	      "there is nothing to say to FREE (I10)");
	REACHED("FREE");
}

/* A parameter of the shadow, of what was asked and of the reply. */
static bool is_output(uint32_t i)
{
	const struct optee_msg_param *now = &rooms_shadow()->param[i];
	const struct optee_msg_param *before = &old_shadow.param[i];
	const struct optee_msg_param *reply = &world_call.reply.param[i];
	uint64_t attr = asked.param[i].attr;
	bool value = attr == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT ||
		     attr == OPTEE_MSG_ATTR_TYPE_VALUE_INOUT;
	bool size = attr == OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT ||
		    attr == OPTEE_MSG_ATTR_TYPE_RMEM_INOUT ||
		    attr == OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT ||
		    attr == OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;

	/* The size is where b is: abi_msg.h. */
	return now->attr == before->attr &&
	       now->u.value.a == (value ? reply->u.value.a : before->u.value.a) &&
	       now->u.value.b == (value || size ? reply->u.value.b : before->u.value.b) &&
	       now->u.value.c == (value ? reply->u.value.c : before->u.value.c);
}

static void prove_cmd(bool has_arg)
{
	struct om_call *call = &world_call;
	bool shares;
	uint32_t i;

	replies_init(OM_PENDING_CMD, has_arg);

	shares = om_rpc_reply(call, &regs);

	prove_entered(!shares);
	PROVE(reads == 1, "a reply is fetched once (I1)");
	PROVE(rooms_is_resume(0, 0), "OP-TEE goes on with its own thread (I10)");
	PROVE(header_is_kept(), "OP-TEE's header stays as it was, but for ret");
	if (read_failed || call->reply.hdr.num_params != asked.hdr.num_params) {
		PROVE(is_told_of(OM_REFUSED_REPLY) && rooms.refusals == 1,
		      "OP-TEE learns that there is no reply (I8)");
		PROVE(params_are_kept(0), "... and gets no output");
		REACHED("no reply");
		return;
	}
	PROVE(is_told(call->reply.hdr.ret, call->reply.hdr.ret_origin) && rooms.refusals == 0,
	      "OP-TEE gets the guest's result");
	for (i = 0; i < OPTEE_MSG_RPC_PARAMS; i++)
		PROVE(i < asked.hdr.num_params ? is_output(i) :
		      is_same_param(&rooms_shadow()->param[i], &old_shadow.param[i]),
		      "OP-TEE gets the outputs that it asked for, and no more (I2, I6)");
	REACHED("a reply");
}

static void prove_undo(bool has_arg)
{
	bool shares;

	replies_init(OM_PENDING_UNDO, has_arg);

	shares = om_rpc_reply(&world_call, &regs);

	prove_entered(!shares);
	PROVE(reads == 0, "what a guest says to SHM_FREE is of no interest");
	PROVE(rooms_is_resume(0, 0), "OP-TEE goes on with its own thread (I10)");
	PROVE(header_is_kept() && params_are_kept(0) && is_told_of(world_call.refusal),
	      "OP-TEE learns why it got no memory (I8)");
	REACHED("undone");
}

/* Each of them for itself: then what is pending is a number, and not a variable. */
int main(void)
{
	bool has_arg = any_bool();

	switch (any_below(4)) {
	case 0:
		prove_alloc();
		break;
	case 1:
		prove_free();
		break;
	case 2:
		if (has_arg)
			prove_cmd(true);
		else
			prove_cmd(false);
		break;
	default:
		if (has_arg)
			prove_undo(true);
		else
			prove_undo(false);
		break;
	}
	return 0;
}

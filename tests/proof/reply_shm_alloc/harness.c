/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_rpc_reply() and om_rpc_share(): any reply of a guest to SHM_ALLOC, and every piece of what follows,
 * by induction: a call that paused is one of those that this harness begins with.
 *
 * Assumes: rooms_is_waiting(), what om_rpc_ask/ proves of a call whose guest was asked, or
 * is_paused(), proved here; the rooms below keep their contracts (rooms_rpc.h).
 * Proves: memory safety; the reply is fetched once (I1), from the page that the request
 * was written to, and never again after a pause; OP-TEE gets memory only when the guest
 * said it succeeded, all of it is translated and pinned and it is as large as was asked
 * for: a shadow page list or the pinned page, under the guest's cookie (I2); else an error
 * and no memory (I8); what is refused leaves no buffer, list page or pin behind, and the
 * guest is asked to free it, by a request that is private and names nothing in use (I7,
 * I8); what OP-TEE may have to map is charged before it learns of it, to this call, and
 * given back when it does not get it (I5); the argument is put exactly once, when OP-TEE
 * goes on, and a call that pauses keeps all it has and can go on (I9); registers as I10
 * wants them.
 *
 * Class: quick
 * Solver: kissat
 * Sources: call.c refusal.c rpc_check.c
 * Model: builtin.c host.c rooms_rpc.c world.c
 * Unwind: 5
 *   OPTEE_MSG_RPC_PARAMS = 4 parameters; two steps of a translation or a release, which
 *   are as good as a million (rooms_rpc.c); the world has 3 of anything.
 * Options: -DWORLD_BUFFERS=3u -DWORLD_SHADOWS=3u -DWORLD_BUCKETS=1u
 * Options: --unwindset rooms_init.0:30
 *   There are 29 counters.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "replies.h"

#define LIST	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

static uint32_t writes;
static bool write_failed;
/* How much OP-TEE asked for: the request in private memory is used for the answer, too. */
static uint64_t wanted;
/* OP-TEE's registers, which the guest had with the request. */
static struct om_regs secure;

/* The guest sees one thing here: a SHM_FREE, with nothing in it but its own cookie. */
static int write_request(void *guest, om_pa_t pa, const void *src, size_t len)
{
	const struct om_request_copy *request = &world_call.request;
	const struct optee_msg_hdr *hdr = &request->hdr;
	const struct optee_msg_param *param = &request->param[0];

	(void)guest;
	PROVE(src == request && len == OPTEE_MSG_ARG_SIZE(1) && pa.raw == rooms_guest_arg(),
	      "a request is written from private memory, to where OP-TEE's was (I6)");
	PROVE(hdr->cmd == OPTEE_RPC_CMD_SHM_FREE && hdr->num_params == 1 && hdr->func == 0 &&
	      hdr->session == 0 && hdr->cancel_id == 0 && hdr->pad == 0 && hdr->ret == 0 &&
	      hdr->ret_origin == 0 && param->attr == OPTEE_MSG_ATTR_TYPE_VALUE_INPUT &&
	      param->u.value.a == world_call.undo_type &&
	      param->u.value.b == world_call.undo_cookie && param->u.value.c == 0,
	      "the guest is asked to free what it named, and is told nothing else (I3, I8)");
	writes++;
	write_failed = any_bool();
	return write_failed ? -1 : 0;
}

/* Nothing is held of what the reply named. */
static bool has_nothing(void)
{
	const struct om_call *call = &world_call;

	return rooms.made == ROOMS_NOTHING && !rooms.source_pinned && call->payload == OM_NONE &&
	       call->translation.source.raw == 0 && call->payload_lists.reserved == 0 &&
	       rooms.charged == 0;
}

/* A list of the guest's is being read: what OP-TEE will get is decided, but for its pages. */
static bool is_translating(void)
{
	const struct om_call *call = &world_call;
	const struct om_translation *t = &call->translation;
	const struct optee_msg_param *param = &call->request.param[0];

	return call->refusal == OM_ACCEPTED && rooms.made == ROOMS_RESERVED &&
	       rooms.new_kind == OM_SHARE_PAYLOAD && rooms.source_pinned &&
	       call->payload == ROOMS_NEW && t->buffer == ROOMS_NEW && t->remaining > 0 &&
	       t->source.raw != 0 && call->payload_lists.reserved > 0 &&
	       t->list_start - t->list_start % OPTEE_MSG_PAGE_SIZE ==
		       world_shadows[ROOMS_NEW_SHADOW].page.pa.raw &&
	       param->attr == LIST && param->u.tmem.shm_ref == rooms.new_cookie.raw &&
	       param->u.tmem.size >= wanted && call->request.hdr.ret == TEEC_SUCCESS &&
	       call->undo_cookie == rooms.new_cookie.raw && call->release.head == OM_NONE &&
	       rooms.charged == world_buffers[ROOMS_NEW].pages &&
	       call->payload_charge == rooms.charged;
}

/* It was refused, and what it held is being given back. */
static bool is_dropping(void)
{
	const struct om_call *call = &world_call;

	return call->refusal != OM_ACCEPTED && (uint32_t)call->refusal < OM_COUNTERS &&
	       has_nothing() && call->payload_charge == 0 && call->release.head < WORLD_BUFFERS;
}

static bool is_paused(void)
{
	const struct om_call *call = &world_call;

	return call->pending == OM_PENDING_SHM_ALLOC &&
	       (rooms.arg_came ? call->rpc_arg == ROOMS_ARG && rooms.arg_users == 1 :
			call->rpc_arg == OM_NONE && call->fid != OPTEE_SMC_CALL_WITH_ARG) &&
	       (is_translating() || is_dropping());
}

static void prove_given(void)
{
	const struct om_call *call = &world_call;
	const struct optee_msg_param *param = &rooms_shadow()->param[0];
	const struct optee_msg_param_tmem *tmem = &param->u.tmem;
	uint64_t page = tmem->buf_ptr - tmem->buf_ptr % OPTEE_MSG_PAGE_SIZE;

	PROVE(rooms.new_kind == OM_SHARE_PAYLOAD && tmem->shm_ref == rooms.new_cookie.raw,
	      "OP-TEE knows the memory by the guest's cookie (I7)");
	PROVE(param->attr == LIST || param->attr == OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT,
	      "memory is a list or a page");
	if (param->attr == LIST)
		PROVE(page == world_shadows[ROOMS_NEW_SHADOW].page.pa.raw &&
		      call->payload_lists.reserved > 0,
		      "a list is a shadow page, which stays until OP-TEE has read it (I2, I4)");
	else
		PROVE(page == rooms.new_page.raw && tmem->size <= OPTEE_MSG_PAGE_SIZE &&
		      IMPLIES(page == ghost.page, ghost.pins > 0), "a page is pinned (I2)");
	PROVE(call->refused_cookie == 0 || call->refused_cookie != rooms.new_cookie.raw,
	      "a cookie that is a payload's is no refused one (I7)");
	PROVE(tmem->size >= wanted, "OP-TEE gets as much as it asked for");
	PROVE(rooms_shadow()->hdr.num_params == 1 && params_are_kept(1), "... and nothing else");
	PROVE(is_told(TEEC_SUCCESS, call->request.hdr.ret_origin) && rooms.refusals == 0,
	      "... when the guest succeeded, and was not refused (I8)");
	PROVE(!rooms.source_pinned && call->translation.remaining == 0,
	      "the guest's list is read to its end");
	if (param->attr == LIST)
		REACHED("a list");
	else
		REACHED("a page");
}

static void prove_denied(void)
{
	PROVE(has_nothing() && world_call.release.head != ROOMS_NEW,
	      "what OP-TEE does not get leaves nothing behind (I8)");
	PROVE(header_is_kept() && params_are_kept(0), "OP-TEE gets no memory (I2)");
	PROVE(rooms_shadow()->hdr.ret != TEEC_SUCCESS, "OP-TEE learns that there is none (I8)");
	if (rooms.refusals == 0) {
		PROVE(is_told(world_call.request.hdr.ret, world_call.request.hdr.ret_origin),
		      "the guest's failure is the guest's");
		REACHED("the guest has none");
		return;
	}
	PROVE(rooms.refusals == 1 && is_told_of(world_call.refusal), "a refusal is told, and counted");
	PROVE(writes == 0 ? world_call.undo_cookie == 0 : write_failed,
	      "the guest is to free it, if it can be told what");
	REACHED("refused");
}

static void prove_undone(void)
{
	PROVE(writes == 1 && !write_failed, "the guest has the request");
	PROVE(rooms_is_waiting() && world_call.pending == OM_PENDING_UNDO,
	      "its reply is what om_rpc_reply/ assumes");
	PROVE(rooms_is_return(secure.a[0], secure.a[1], secure.a[2]),
	      "the guest gets a request, in the argument that it replied in");
	PROVE(has_nothing(), "what is to be freed is not held (I7)");
	PROVE(rooms.refusals == 1, "a refusal is counted");
	PROVE(header_is_kept() && params_are_kept(0) &&
	      is_told(old_shadow.hdr.ret, old_shadow.hdr.ret_origin),
	      "OP-TEE's request stays as it was");
	REACHED("to be undone");
}

/* What is true whenever om_rpc_share() returns. */
static void prove_returned(enum om_call_event event, bool first)
{
	PROVE(reads == (first ? 1 : 0), "a reply is fetched once (I1)");
	PROVE(IMPLIES(first, world_call.undo_type == asked.param[0].u.value.a),
	      "who was asked to allocate is who is asked to free");
	/* Only a cookie that was looked up, and that nothing had, is to be freed. */
	PROVE(IMPLIES(first && world_call.undo_cookie != 0,
		      world_call.undo_cookie == rooms.asked.raw && !rooms.known),
	      "nothing in use is freed (I7)");
	switch (event) {
	case OM_EVENT_ENTER:
		prove_entered(event == OM_EVENT_ENTER);
		PROVE(rooms_is_resume(0, 0), "OP-TEE goes on with its own thread (I10)");
		if (rooms.made == ROOMS_LIVE)
			prove_given();
		else
			prove_denied();
		break;
	case OM_EVENT_ASK:
		prove_undone();
		break;
	default:
		PROVE(event == OM_EVENT_PAUSE, "there is nothing else");
		PROVE(is_paused(), "a call that pauses can go on (I9)");
		PROVE(header_is_kept() && params_are_kept(0) && rooms.refusals == 0,
		      "OP-TEE sees nothing of it");
		if (world_call.refusal == OM_ACCEPTED)
			REACHED("paused in a list");
		else
			REACHED("paused in giving back");
		break;
	}
}

static void prove_first(bool has_arg)
{
	replies_init(OM_PENDING_SHM_ALLOC, has_arg);
	host_ops.write = write_request;
	wanted = asked.param[0].u.value.b;
	secure = world_call.secure;

	PROVE(om_rpc_reply(&world_call, &regs), "a reply with memory is shared");
	prove_returned(om_rpc_share(&world_call), true);
}

/* A call that has paused: what was made of its reply is as if the rooms had made it. */
static void prove_resumed(bool has_arg)
{
	struct om_call *call = &world_call;

	rooms_init(has_arg);
	host_ops.read = read_reply;
	host_ops.write = write_request;
	call->pending = OM_PENDING_SHM_ALLOC;
	wanted = any_u64();
	if (any_bool()) {
		rooms.made = ROOMS_RESERVED;
		rooms.new_kind = OM_SHARE_PAYLOAD;
		rooms.new_cookie.raw = any_u64();
		rooms.source_pinned = true;
		call->translation.source.raw = any_u64();
		call->payload_lists.first = ROOMS_NEW_SHADOW;
		call->payload_lists.reserved = any_u32();
		rooms.charged = any_u32();
	}
	ASSUME(is_paused());
	secure = call->secure;
	old_shadow = *rooms_shadow();
	asked = call->request;

	prove_returned(om_rpc_share(call), false);
}

/* Each of them for itself: then where the request came in is a number, and not a variable. */
int main(void)
{
	switch (any_below(4)) {
	case 0:
		prove_first(true);
		break;
	case 1:
		prove_first(false);
		break;
	case 2:
		prove_resumed(true);
		break;
	default:
		prove_resumed(false);
		break;
	}
	return 0;
}

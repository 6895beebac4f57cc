/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_rpc_accept() and om_rpc_ask(): any request of OP-TEE, honest or not, and a call that paused before it was
 * shown, by induction: it is one of those that this harness begins with.
 *
 * Assumes: what secure_left() in machine.c leaves: OP-TEE's registers of 32 bits, no argument
 * (om_rpc_reply/ and reply_shm_alloc/ prove that nobody enters OP-TEE with one), no page
 * list of the last reply; or is_paused(), proved here; the rooms below keep their
 * contracts (rooms_rpc.h).
 * Proves: memory safety; a request is copied before it is judged and is judged once (I6);
 * what a guest is shown is that copy, in the page of its own message or argument, and
 * names no address, nothing that OP-TEE had not to tell, and no memory but what this guest
 * shared, inside its pages (I3); the cookie of FREE and SHM_FREE is forgotten before the
 * guest is told (I7), and what OP-TEE had mapped of it given back once (I5); an ALLOC that
 * is refused is answered with no page, not even page 0 (I2); what the guest owes then is
 * what om_rpc_reply/ and reply_shm_alloc/ assume; a TA that has an alias is asked for by its
 * own name; what is not shown is an error to OP-TEE,
 * and the argument is put (I8, I9); registers as I10 wants them.
 *
 * Class: long
 * Solver: kissat
 * Arrays: elements
 * Cases: 8
 * Sources: call.c refusal.c rpc_check.c
 * Model: builtin.c host.c rooms_rpc.c world.c
 * Unwind: 5
 *   OPTEE_MSG_RPC_PARAMS = 4 parameters; two steps of a release are as good as a million
 *   (rooms_rpc.c); the world has 3 of anything.
 * Options: -DWORLD_BUFFERS=3u -DWORLD_SHADOWS=3u -DWORLD_BUCKETS=1u
 * Options: --unwindset rooms_init.0:30,memcmp.0:17
 *   There are 29 counters; a UUID has 16 octets.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "replies.h"

static uint32_t writes;
static bool write_failed, loads_ta, judged_now;
/* What OP-TEE wants, as it came, and both places that a request can be in. */
static struct om_regs secure;
static struct om_request_copy old_inline, old_arg;

static bool is_told_nothing(const struct optee_msg_param *param)
{
	return param->u.value.a == 0 && param->u.value.b == 0 && param->u.value.c == 0;
}

/* Memory of the cookie that is watched: it was looked up, and all of it is shared. */
static bool is_shared(const struct optee_msg_param *param)
{
	const struct optee_msg_param_rmem *rmem = &param->u.rmem;

	return rmem->shm_ref != rooms.watched ||
	       (rooms.lookups > 0 && rmem->offs <= rooms.watched_bytes &&
		rmem->size <= rooms.watched_bytes - rmem->offs);
}

/* A guest may see this parameter. */
static bool is_harmless(const struct optee_msg_param *param)
{
	switch (param->attr) {
	case OPTEE_MSG_ATTR_TYPE_NONE:
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
		return is_told_nothing(param);
	case OPTEE_MSG_ATTR_TYPE_VALUE_INPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
		return true;
	case OPTEE_MSG_ATTR_TYPE_RMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
		return is_shared(param);
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
		return param->u.tmem.buf_ptr == 0 && param->u.tmem.shm_ref == 0;
	default:
		return false;
	}
}

/* What was judged, and found to be for the guest. */
static bool is_harmless_request(void)
{
	const struct om_request_copy *request = &world_call.request;
	const struct optee_msg_hdr *hdr = &request->hdr;
	uint32_t i;

	/* A request has cmd, ret and num_params; nothing else of the header is OP-TEE's to say. */
	if (hdr->func != 0 || hdr->session != 0 || hdr->cancel_id != 0 || hdr->pad != 0 ||
	    hdr->ret_origin != 0 || hdr->num_params > OPTEE_MSG_RPC_PARAMS)
		return false;
	for (i = 0; i < OPTEE_MSG_RPC_PARAMS; i++)
		if (i < hdr->num_params && !is_harmless(&request->param[i]))
			return false;
	return true;
}

static int write_request(void *guest, om_pa_t pa, const void *src, size_t len)
{
	const struct om_request_copy *request = &world_call.request;

	(void)guest;
	PROVE(src == request && len == OPTEE_MSG_ARG_SIZE(request->hdr.num_params) &&
	      len <= sizeof(*request), "a request is written from private memory (I6)");
	PROVE(pa.raw == rooms_guest_arg(), "... to where the guest looks for it, which is pinned");
	PROVE(is_harmless_request(), "a guest sees no address and no other's memory (I3)");
	PROVE(world_call.release.head == OM_NONE,
	      "what OP-TEE let go of is unpinned before the guest hears of it (I7)");
	writes++;
	write_failed = any_bool();
	return write_failed ? -1 : 0;
}

static bool has_argument(void)
{
	const struct om_call *call = &world_call;
	uint64_t cookie = om_pair(secure.a[1], secure.a[2]);

	return rooms.arg_came ? call->rpc_arg == ROOMS_ARG && rooms.arg_users == 1 &&
	       world_buffers[ROOMS_ARG].cookie == cookie :
	       call->rpc_arg == OM_NONE && rooms.arg_users == 0 && cookie == 0 &&
	       call->fid != OPTEE_SMC_CALL_WITH_ARG;
}

static bool has_no_argument(void)
{
	return world_call.rpc_arg == OM_NONE && rooms.arg_users == 0;
}

/* Judged, and on its way to the guest but for what has to be given back first. */
static bool is_judged(void)
{
	const struct om_call *call = &world_call;
	const struct optee_msg_hdr *hdr = &call->request.hdr;
	bool allocation = hdr->cmd == OPTEE_RPC_CMD_SHM_ALLOC;

	if (call->refusal != OM_ACCEPTED)
		return call->refusal == OM_REFUSED_REQUEST &&
		       (call->pending == OM_PENDING_CMD ? has_argument() :
			call->pending == OM_PENDING_NONE && has_no_argument());
	switch (call->pending) {
	case OM_PENDING_ALLOC:
		return has_no_argument() && (uint32_t)secure.a[0] == OPTEE_SMC_RETURN_RPC_ALLOC &&
		       secure.a[1] <= OPTEE_MSG_PAGE_SIZE && call->secure.a[2] == 0;
	case OM_PENDING_FREE:
		return has_no_argument() && (uint32_t)secure.a[0] == OPTEE_SMC_RETURN_RPC_FREE;
	case OM_PENDING_CMD:
	case OM_PENDING_SHM_ALLOC:
		return has_argument() && is_harmless_request() &&
		       (call->pending == OM_PENDING_SHM_ALLOC) == allocation &&
		       IMPLIES(allocation, hdr->num_params == 1);
	default:
		return false;
	}
}

/* What was asked is what OP-TEE returned with. */
static bool is_what_it_asks(void)
{
	uint32_t asks = (uint32_t)world_call.secure.a[0];

	switch (world_call.pending) {
	case OM_PENDING_ALLOC:
		return asks == OPTEE_SMC_RETURN_RPC_ALLOC;
	case OM_PENDING_FREE:
		return asks == OPTEE_SMC_RETURN_RPC_FREE;
	case OM_PENDING_CMD:
	case OM_PENDING_SHM_ALLOC:
		return asks == OPTEE_SMC_RETURN_RPC_CMD;
	default:
		return true;
	}
}

static bool is_paused(void)
{
	const struct om_call *call = &world_call;

	return is_what_it_asks() && call->release.head < WORLD_BUFFERS && is_judged() &&
	       call->translation.source.raw == 0 && call->payload_lists.reserved == 0;
}

/* The registers that OP-TEE left are needed until the guest has the request. */
static bool secure_is_kept(void)
{
	const uint64_t *a = world_call.secure.a;

	return a[0] == secure.a[0] && a[1] == secure.a[1] &&
	       a[2] == (world_call.pending == OM_PENDING_ALLOC ? 0 : secure.a[2]);
}

/* OP-TEE asks for the TA that the call opens: the guest is told its own name. */
static void prove_named(void)
{
	const struct om_call *call = &world_call;
	const struct optee_msg_param *asked = &call->request.param[0];

	if (!judged_now || !host_ops.alias || call->opens == OM_NONE ||
	    call->request.hdr.cmd != OPTEE_RPC_CMD_LOAD_TA || call->request.hdr.num_params == 0 ||
	    asked->attr != OPTEE_MSG_ATTR_TYPE_VALUE_INPUT)
		return;
	PROVE(!om_is_equal(asked->u.octets, ghost.alias, sizeof(ghost.alias)) ||
	      om_is_equal(call->message.param[0].u.octets, ghost.alias, sizeof(ghost.alias)),
	      "the guest is asked for its TA by its own name for it (I7)");
	REACHED("a TA with an alias");
}

static void prove_shown(void)
{
	struct om_call *call = &world_call;
	uint64_t cookie = call->rpc_arg == OM_NONE ? 0 : world_buffers[ROOMS_ARG].cookie;

	PROVE(rooms_is_waiting(), "what the guest owes is what om_rpc_reply/ assumes (I9)");
	PROVE(rooms.refusals == 0, "what is shown was not refused");
	PROVE(call->release.head == OM_NONE, "what OP-TEE let go of is given back (I7)");
	switch (call->pending) {
	case OM_PENDING_ALLOC:
		PROVE(rooms_is_return(OPTEE_SMC_RETURN_RPC_ALLOC, secure.a[1], 0) &&
		      secure.a[1] <= OPTEE_MSG_PAGE_SIZE, "ALLOC is of one page at most");
		PROVE(writes == 0, "ALLOC is in registers");
		REACHED("ALLOC");
		break;
	case OM_PENDING_FREE:
		PROVE(rooms_is_return(OPTEE_SMC_RETURN_RPC_FREE, secure.a[1], secure.a[2]),
		      "FREE names what OP-TEE named");
		PROVE(writes == 0, "FREE is in registers");
		REACHED("FREE");
		break;
	default:
		PROVE(writes == 1 && !write_failed, "the guest has the request");
		PROVE(rooms_is_return(OPTEE_SMC_RETURN_RPC_CMD, om_high(cookie), om_low(cookie)),
		      "the guest is told which argument it is in");
		prove_named();
		if (call->pending == OM_PENDING_SHM_ALLOC)
			REACHED("SHM_ALLOC");
		else
			REACHED("CMD");
		break;
	}
}

/* Nothing but its header's ret and ret_origin is written to a shadow page here. */
static void prove_not_shown(void)
{
	bool answered = rooms.arg_came || world_call.pending == OM_PENDING_CMD ||
			world_call.pending == OM_PENDING_SHM_ALLOC;

	PROVE(rooms.refusals == 1 && world_call.refusal != OM_ACCEPTED, "a refusal is counted");
	PROVE(rooms_is_resume(answered ? 0 : OM_NO_PAGE, 0), "OP-TEE goes on with its own thread (I10)");
	PROVE(IMPLIES(!answered || (uint32_t)secure.a[0] == OPTEE_SMC_RETURN_RPC_ALLOC,
		      rooms_is_no_page()), "a refused ALLOC is answered with no page, not even page 0 (I2)");
	PROVE(has_no_argument(), "the argument is put (I9)");
	PROVE(writes == 0 || write_failed, "the guest has not seen it");
	PROVE(header_is_kept() && params_are_kept(0), "OP-TEE's request stays as it was");
	if (answered) {
		PROVE(is_told_of(world_call.refusal), "OP-TEE learns that it failed (I8)");
		REACHED("a command is not shown");
	} else {
		REACHED("a request is not shown");
	}
}

/* What OP-TEE takes back, the guest may use again: it has to be forgotten. */
static void prove_forgotten(bool first)
{
	const struct om_call *call = &world_call;
	bool arg = call->pending == OM_PENDING_FREE;
	bool payload = call->pending == OM_PENDING_CMD && call->refusal == OM_ACCEPTED &&
		       call->request.hdr.cmd == OPTEE_RPC_CMD_SHM_FREE;

	if (!first) {
		PROVE(rooms.removals == 0, "what was judged is not judged again");
		return;
	}
	PROVE(rooms.removals <= 1, "one thing is freed at a time");
	PROVE(rooms.unmapped == (rooms.removals == 1 && rooms.removed_kind == OM_SHARE_PAYLOAD),
	      "what OP-TEE mapped of a payload is given back once, when it frees it (I5)");
	if (rooms.unmapped)
		REACHED("a payload is given back");
	if (arg && rooms.removals == 0)
		PROVE(call->refused_cookie == 0, "a refused cookie is freed once");
	else if (arg)
		PROVE(rooms.removed.raw == om_pair(secure.a[1], secure.a[2]) &&
		      rooms.removed_kind == OM_SHARE_RPC_ARG, "FREE frees an argument (I7)");
	if (payload)
		PROVE(rooms.removals == 1 && rooms.removed_kind == OM_SHARE_PAYLOAD &&
		      rooms.removed.raw == call->request.param[0].u.value.b,
		      "SHM_FREE frees a payload (I7)");
}

static bool is_load(void)
{
	return world_call.pending == OM_PENDING_CMD &&
	       world_call.request.hdr.cmd == OPTEE_RPC_CMD_LOAD_TA &&
	       (world_call.refusal == OM_ACCEPTED || write_failed);
}

static void prove_returned(enum om_call_event event, bool first)
{
	old_shadow = rooms.arg_came ? old_arg : old_inline;
	PROVE(reads == 0, "a request comes from OP-TEE alone");
	PROVE(rooms.named_users == 0 && rooms.charged == 0, "what was looked up is put (I9)");
	prove_forgotten(first);
	PROVE(world_call.loads_ta == (loads_ta || (first && is_load())),
	      "a TA is one that is loaded when OP-TEE asks for it, and only then (I5)");
	switch (event) {
	case OM_EVENT_ASK:
		prove_shown();
		break;
	case OM_EVENT_INTERRUPT:
		prove_not_shown();
		break;
	default:
		PROVE(event == OM_EVENT_PAUSE, "there is nothing else");
		PROVE(is_paused() && secure_is_kept(), "a call that pauses can go on (I9)");
		PROVE(writes == 0 && rooms.refusals == 0, "... and nobody has been told anything");
		REACHED("paused");
		break;
	}
}

/* A call that comes from OP-TEE, or paused; with an argument, if it has one by then. */
static void init(bool has_arg)
{
	uint32_t i;

	rooms_init(has_arg);
	host_ops.read = read_reply;
	host_ops.write = write_request;
	for (i = 0; i < 4; i++)
		world_call.secure.a[i] = any_u32();
	loads_ta = world_call.loads_ta = any_bool();
	secure = world_call.secure;
	old_inline = rooms_message.request;
	old_arg = rooms_arg;
}

/* What OP-TEE left: a0, and a cookie or none. */
static void prove_first(uint64_t a0, bool has_cookie)
{
	init(false);
	judged_now = true;
	world_call.secure.a[0] = a0;
	if (has_cookie)
		ASSUME(world_call.secure.a[1] != 0 || world_call.secure.a[2] != 0);
	else
		world_call.secure.a[1] = world_call.secure.a[2] = 0;
	secure = world_call.secure;

	om_rpc_accept(&world_call);
	prove_returned(om_rpc_ask(&world_call), true);
}

/* What is neither ALLOC nor FREE nor a command: is_rpc() in machine.c lets some through. */
static uint64_t any_other(void)
{
	uint64_t a0 = any_u32();

	ASSUME(a0 != OPTEE_SMC_RETURN_RPC_ALLOC && a0 != OPTEE_SMC_RETURN_RPC_FREE &&
	       a0 != OPTEE_SMC_RETURN_RPC_CMD);
	return a0;
}

static void prove_resumed(bool has_arg)
{
	init(has_arg);
	/* What memory names was looked up before the pause. */
	rooms.lookups = 1;
	ASSUME(is_paused());

	prove_returned(om_rpc_ask(&world_call), false);
}

/* Each of them for itself: then what is asked is a number, and not a variable. */
int main(void)
{
	switch (CASE) {
	case 0:
		prove_first(OPTEE_SMC_RETURN_RPC_ALLOC, true);
		break;
	case 1:
		prove_first(OPTEE_SMC_RETURN_RPC_ALLOC, false);
		break;
	case 2:
		prove_first(OPTEE_SMC_RETURN_RPC_FREE, any_bool());
		break;
	case 3:
		prove_first(OPTEE_SMC_RETURN_RPC_CMD, true);
		break;
	case 4:
		prove_first(OPTEE_SMC_RETURN_RPC_CMD, false);
		break;
	case 5:
		prove_first(any_other(), any_bool());
		break;
	case 6:
		prove_resumed(true);
		break;
	default:
		prove_resumed(false);
		break;
	}
	return 0;
}

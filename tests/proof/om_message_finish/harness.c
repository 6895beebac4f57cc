/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_finish(), om_message_refuse() and om_message_fail(): the end of a call, for
 * its message.
 *
 * Assumes: a sound message (messages.h) in a page that is pinned; of the registry what
 * rooms.h says, of sessions what accounts.h says. Nothing of the shadow: OP-TEE may write
 * anything to it, and its header again between any two operations of the host.
 * Proves: memory safety; a byte that is written to the guest is one of ret, ret_origin,
 * the session of an OPEN_SESSION, a and b of an output value or the size of an output
 * memory, by the private copy and whatever the shadow says of itself (I1, I3, I6); it is
 * written once, inside `room`, to a page that is pinned; when refused it is ret and
 * ret_origin alone, and what the table in refusal.c says; a buffer is settled once, as the
 * guest is told: kept by a registration that succeeded and a release that failed,
 * forgotten otherwise (I7); a session that was charged is open under the id that the guest
 * is told, or refunded, and one that closes is ended or open again, once and as the guest
 * is told (I5); ret is written last; EBADADDR when anything was not.
 *
 * Class: long
 * Sources: message.c message_check.c refusal.c
 * Model: accounts.c builtin.c host.c messages.c rooms.c world.c
 * Unwind: 7
 *   There are at most OM_MESSAGE_PARAMS = 6 parameters.
 */
#include "accounts.h"
#include "messages.h"
#include "rooms.h"

static struct world_message shadow;
struct world_message nondet_world_message(void);
struct optee_msg_hdr nondet_hdr(void);

/* The host's own write(), which is looked at here first. */
static int (*host_write)(void *guest, om_pa_t pa, const void *src, size_t len);

/* A byte of the message that is watched, which can be any, and what became of it. */
static struct {
	uint64_t offset;
	bool may_be_written;
	uint32_t writes;
} byte;
static bool write_failed, ret_written;
static uint32_t ret, origin, session;
static uint32_t refusals;
/* What the call had to do with a session, at first. */
static struct {
	uint32_t session, closes;
	uint32_t opens;
} before;

void om_refused(struct om_call *call, enum om_refusal why, uint32_t code)
{
	(void)call, (void)why, (void)code;
	refusals++;
}

static bool lies_in(uint64_t offset, uint64_t first, uint64_t len)
{
	return offset >= first && offset - first < len;
}

/* OP-TEE returns values in the parameter. */
static bool is_value_out(const struct optee_msg_param *param)
{
	uint64_t type = param->attr & OPTEE_MSG_ATTR_TYPE_MASK;

	return type == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT || type == OPTEE_MSG_ATTR_TYPE_VALUE_INOUT;
}

/* What a guest may be told: by its own message, as it was fetched. */
static bool may_be_written(const struct om_call *call, uint64_t offset)
{
	/* The header is as long as a parameter. */
	uint64_t i = offset / sizeof(struct optee_msg_param);
	uint64_t in = offset % sizeof(struct optee_msg_param);

	if (lies_in(offset, offsetof(struct optee_msg_hdr, ret), 2 * sizeof(uint32_t)))
		return true;
	if (lies_in(offset, offsetof(struct optee_msg_hdr, session), sizeof(uint32_t)))
		return call->message.hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION;
	if (offset < sizeof(struct optee_msg_hdr) || i > call->params)
		return false;
	if (lies_in(in, offsetof(struct optee_msg_param, u.value.a), 2 * sizeof(uint64_t)) &&
	    is_value_out(&call->message.param[i - 1]))
		return true;
	return lies_in(in, offsetof(struct optee_msg_param, u.rmem.size), sizeof(uint64_t)) &&
	       (om_params_of(call->kinds, OM_PARAMS_SIZE) >> (i - 1) & 1);
}

static int write(void *guest, om_pa_t pa, const void *src, size_t len)
{
	const struct om_call *call = &world_call;
	uint64_t offset = pa.raw - call->at.raw;

	PROVE(pa.raw >= call->at.raw && offset < call->room && len <= call->room - offset,
	      "a write stays inside the message's room (I3)");
	PROVE(!ret_written, "ret is written last: results are complete then");
	if (lies_in(byte.offset, offset, len)) {
		PROVE(byte.may_be_written, "only results are written (I3)");
		byte.writes++;
	}
	if (offset == offsetof(struct optee_msg_hdr, ret)) {
		ret = *(const uint32_t *)src;
		origin = ((const uint32_t *)src)[1];
		ret_written = true;
	}
	if (offset == offsetof(struct optee_msg_hdr, session))
		session = *(const uint32_t *)src;
	/* Meanwhile the secure world writes again what decides. */
	shadow.message.hdr = nondet_hdr();
	if (host_write(guest, pa, src, len) == 0)
		return 0;
	write_failed = true;
	return -1;
}

/* The buffer that the call is about: kept or not. */
static void prove_settled(const struct om_call *call, bool success)
{
	bool kept = success == (call->message.hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM);

	if (call->target != rooms.buffer) {
		PROVE(rooms.published == 0 && rooms.forgotten == 0, "no other buffer is settled");
		return;
	}
	PROVE(rooms.published == kept && rooms.forgotten == !kept,
	      "a buffer is settled once, and as the guest is told (I7)");
	REACHED("a buffer was settled");
}

/* The session that the call opens or closes. */
static void prove_session(const struct om_call *call, bool opened, bool closed)
{
	bool opens = before.opens != OM_NONE, closes = before.closes != OM_NONE;

	PROVE(accounts_are_recorded(call) && call->opens == OM_NONE && call->closes == OM_NONE,
	      "what the call was charged for is settled (I5)");
	PROVE(accounts.published == (opens && opened) && accounts.cancelled == (opens && !opened),
	      "a session is open as the guest is told, or refunded (I5)");
	PROVE(accounts.ended == (closes && closed) && accounts.reopened == (closes && !closed),
	      "a session is closed as the guest is told, or open again");
	PROVE(call->session == before.session, "who uses a session does so until the end");
	if (opens)
		REACHED("a session was opened, or not");
	if (closes)
		REACHED("a session was closed, or not");
}

static void finish(struct om_call *call)
{
	om_message_finish(call);
	/* Whatever OP-TEE says to CLOSE_SESSION, it has no such session then. */
	prove_session(call, ret == TEEC_SUCCESS, true);
	PROVE(IMPLIES(accounts.published, accounts.published_id == session),
	      "a session is open under the id that the guest is told");
	PROVE(ret_written, "the guest is told what became of it (I9)");
	PROVE(call->result == (write_failed ? OPTEE_SMC_RETURN_EBADADDR : OPTEE_SMC_RETURN_OK),
	      "what could not be written is an error, all else is in the message");
	PROVE(IMPLIES(byte.may_be_written, byte.writes == 1),
	      "each result is written once");
	prove_settled(call, ret == TEEC_SUCCESS);
	if (byte.writes && byte.offset > sizeof(struct optee_msg_hdr))
		REACHED("an output was written");
}

/* As OP-TEE would say it of a session that is not open, or cannot be closed now. */
static uint32_t told(const struct om_call *call, enum om_refusal why, bool closes)
{
	if (why == OM_REFUSED_POLICY)
		return call->policy;
	if (why == OM_REFUSED_SESSION && call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		return closes ? TEEC_ERROR_BUSY : TEEC_ERROR_ITEM_NOT_FOUND;
	return om_refusal_teec(why);
}

static void refuse(struct om_call *call)
{
	enum om_refusal why = (enum om_refusal)any_u32();
	bool closes = call->closes != OM_NONE;

	/* om_message_fetch/: a reason is only written to a message that is there. */
	ASSUME(why != OM_ACCEPTED);
	om_message_refuse(call, why);
	prove_session(call, false, false);
	PROVE(refusals == 1, "a refusal is counted");
	PROVE(ret_written == (om_refusal_smc(why) == OPTEE_SMC_RETURN_OK),
	      "the reason is in a0 or in the message");
	PROVE(IMPLIES(ret_written, ret == told(call, why, closes) && origin ==
		      (why == OM_REFUSED_SESSION && !closes ? TEEC_ORIGIN_TEE :
		       TEEC_ORIGIN_COMMS)),
	      "... and is the one in the table");
	PROVE(IMPLIES(!ret_written, call->result == om_refusal_smc(why)), "... in a0");
	prove_settled(call, false);
	REACHED("refused");
}

static void begin(const struct om_call *call)
{
	accounts_take_over(call);
	before.session = call->session;
	before.closes = call->closes;
	before.opens = call->opens;
}

int main(void)
{
	struct om_call *call = &world_call;
	bool ends = any_bool();

	world_init();
	rooms_init();
	shadow = nondet_world_message();
	world_shadows[0].page.va = &shadow;
	host_write = host_ops.write;
	host_ops.write = write;
	byte.offset = any_u64();
	ASSUME(call->target == OM_NONE || call->target < WORLD_BUFFERS);
	/* The page that the message is in is pinned until om_call_run() has ended it. */
	ghost.pins = any_below(2);
	ASSUME(IMPLIES(message_page(call) == ghost.page, ghost.pins > 0));

	if (ends) {
		ASSUME(message_is_ready(call));
		byte.may_be_written = may_be_written(call, byte.offset);
		begin(call);
		if (any_bool()) {
			finish(call);
			return 0;
		}
		om_message_fail(call, any_u32());
		PROVE(!ret_written && byte.writes == 0, "a message is left alone when a0 says it all");
		prove_settled(call, false);
		prove_session(call, false, false);
		REACHED("failed");
		return 0;
	}
	/* Refused at any point of its loading, so that nothing but its place is sound. */
	ASSUME(message_is_placed(call) &&
	       call->room <= OPTEE_MSG_PAGE_SIZE - call->at.raw % OPTEE_MSG_PAGE_SIZE);
	ASSUME(call->room >= sizeof(struct optee_msg_hdr));
	byte.may_be_written = lies_in(byte.offset, offsetof(struct optee_msg_hdr, ret),
				      2 * sizeof(uint32_t));
	ASSUME(call->closes == OM_NONE || call->closes < WORLD_SESSIONS);
	begin(call);
	refuse(call);
	return 0;
}

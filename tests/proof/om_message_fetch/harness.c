/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_fetch(): a guest's SMC becomes a private copy of its message.
 *
 * By all three ways: the page of CALL_WITH_ARG and CALL_WITH_RPC_ARG, the registered
 * buffer of CALL_WITH_REGD_ARG.
 *
 * Assumes: what om_call_begin() set and the end of the last call left, for which see
 * om_call_begin/ and om_call_run/; of the registry what rooms.h says, of sessions and of
 * what is mapped what accounts.h says.
 * Proves: memory safety; every byte of the guest is fetched at most once (I1), from a page
 * that is pinned, inside `room`; an accepted message is sound (messages.h), so that what
 * OP-TEE will have to map for it is charged (I5); it has the policy's consent, which was
 * told the TA that will carry it out, and each RMEM lies inside a registered buffer that
 * the call holds, named by its cookie (I7); an OPEN_SESSION is charged for a session, a
 * command for a session is a user of one that is open under its id; accepted or refused,
 * what is held is recorded in the call, as often as it is held (I9); the message lies in
 * its page or buffer, in one page or two that are pinned; nothing is written.
 *
 * Class: long
 * Sources: message.c message_check.c
 * Model: accounts.c builtin.c host.c messages.c rooms.c world.c
 * Unwind: 7
 *   There are at most OM_MESSAGE_PARAMS = 6 parameters; the world has fewer things.
 * Options: --unwindset read.0:25 --unwindset is_ta.0:17
 *   24 words are read for them; a TA's name has 16 octets.
 */
#include "accounts.h"
#include "messages.h"
#include "rooms.h"

void om_refused(struct om_call *call, enum om_refusal why, uint32_t code)
{
	(void)call, (void)why, (void)code;
}

/* How often the call says that it holds the buffer that is watched. */
static uint32_t recorded(const struct om_call *call)
{
	uint32_t n = call->message_buffer == rooms.buffer;
	uint32_t k;

	for (k = 0; k < call->held_count; k++)
		n += call->held[k] == rooms.buffer;
	return n;
}

/* Whether the call holds a buffer that this RMEM lies in. */
static bool is_inside(const struct om_call *call, const struct optee_msg_param_rmem *rmem)
{
	uint32_t k;

	for (k = 0; k < call->held_count; k++) {
		const struct om_buffer *buffer = &world_buffers[call->held[k]];

		if (buffer->cookie == rmem->shm_ref && buffer->kind == OM_SHARE_REGISTERED &&
		    rmem->offs <= buffer->size && rmem->size <= buffer->size - rmem->offs)
			return true;
	}
	return false;
}

static bool is_ta(const uint8_t *ta, const uint8_t *wanted)
{
	uint32_t i;

	for (i = 0; i < OM_TA_UUID_SIZE; i++)
		if (ta[i] != (wanted ? wanted[i] : 0))
			return false;
	return true;
}

/* In place of the host's: what is it that a policy judges? */
static uint32_t authorize(void *guest, const struct om_request *request)
{
	const struct om_message *message = &world_call.message;
	const uint8_t *ta = NULL;

	(void)guest;
	PROVE(!ghost.locked, "host: nothing is called with the lock held");
	if (accounts.user_of != OM_NONE)
		ta = world_sessions[accounts.user_of].ta;
	else if (message->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		ta = message->param[0].u.octets;
	PROVE(request->cmd == message->hdr.cmd && request->func == message->hdr.func &&
	      request->session == (accounts.user_of == OM_NONE ? 0 : accounts.got),
	      "a policy judges the private copy (I1)");
	PROVE(is_ta(request->ta_uuid, ta),
	      "... and the TA that is asked for, or whose session is in use from now on");
	PROVE(request->sessions == (message->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION ?
				    accounts.others : 0), "... and how many sessions the TA has");
	PROVE(IMPLIES(message->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION, accounts.opens != OM_NONE),
	      "... this one being charged, so that no two are the last (I5)");
	return any_u32();
}

static void prove_accepted(const struct om_call *call)
{
	uint32_t i = any_below(OM_MESSAGE_PARAMS);

	PROVE(message_has_place(call), "there is room for an accepted message, and for RPCs");
	PROVE(message_is_sound(call) && call->translation.remaining == 0, "an accepted message is sound");
	PROVE(message_param_is_sound(call, i), "... and so is each parameter (I2)");
	PROVE(call->kinds >> (5 * OM_MESSAGE_PARAMS) == 0, "... and its kinds");
	PROVE(IMPLIES(om_params_of(call->kinds, OM_PARAMS_RMEM) >> i & 1,
		      is_inside(call, &call->message.param[i].u.rmem)),
	      "an RMEM lies inside a registered buffer that is held (I7)");
	PROVE(IMPLIES(host_ops.authorize, call->policy == TEEC_SUCCESS),
	      "what the policy refuses is not accepted (I8)");
	PROVE(IMPLIES(call->session != OM_NONE, accounts.got == call->message.hdr.session),
	      "the session that is in use is the one that is named");
	REACHED("accepted");
	if (call->session != OM_NONE)
		REACHED("a session is in use");
	if (call->opens != OM_NONE)
		REACHED("a session is charged");
	if (call->fid == OPTEE_SMC_CALL_WITH_REGD_ARG && call->held_count == 4)
		REACHED("a message in a buffer names four");
	if (call->split && call->params == OM_MESSAGE_PARAMS)
		REACHED("a message in two pages");
	if (om_params_of(call->kinds, OM_PARAMS_LIST))
		REACHED("a message with a list to translate");
}

int main(void)
{
	struct om_call *call = &world_call;
	const struct om_regs regs = any_regs();
	enum om_refusal why;

	world_init();
	rooms_init();
	accounts_init();
	if (host_ops.authorize)
		host_ops.authorize = authorize;
	ASSUME(call->fid == OPTEE_SMC_CALL_WITH_ARG || call->fid == OPTEE_SMC_CALL_WITH_RPC_ARG ||
	       call->fid == OPTEE_SMC_CALL_WITH_REGD_ARG);
	/* om_call_begin() */
	ASSUME(call->split == 0 && call->params == 0 && call->kinds == 0 && call->held_count == 0 &&
	       call->mapped.param_pages == 0 && call->mapped.payload_pages == 0 &&
	       call->translation.remaining == 0);
	/* A slot that is free holds nothing. */
	ASSUME(call->page.raw == 0 && call->message_buffer == OM_NONE && call->target == OM_NONE &&
	       call->translation.source.raw == 0);
	ASSUME(call->session == OM_NONE && call->closes == OM_NONE && call->opens == OM_NONE);
	call->mapped.uses_window = true;
	/* Others may have pinned the page that is watched, too. */
	ghost.pins = any_below(2);
	ghost.pinned = ghost.unpinned = 0;

	why = om_message_fetch(call, &regs);

	PROVE(ghost.fetches <= 1, "a byte of the guest's is fetched once (I1)");
	PROVE(ghost.pinned - ghost.unpinned == (call->page.raw != 0),
	      "the page that is pinned is recorded (I4, I9)");
	PROVE(IMPLIES(call->page.raw == ghost.page && call->page.raw, ghost.pins > 0),
	      "... and is the one that is pinned");
	PROVE(IMPLIES(call->page.raw, is_usable(call->page.raw)), "... and usable (I2)");
	PROVE(recorded(call) == rooms.users, "each buffer that is held is recorded (I9)");
	PROVE(accounts_are_recorded(call),
	      "... and so is each session and page that is charged (I5, I9)");
	PROVE(call->mapped.uses_window == (call->session == OM_NONE || !world_sessions[call->session].loaded),
	      "what a loaded TA maps is not charged to OP-TEE's window, all else is (I5)");
	PROVE(call->closes == OM_NONE, "no session is closed yet");
	PROVE(IMPLIES(call->opens != OM_NONE, call->message.hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION),
	      "a session is charged to who opens one");
	PROVE(IMPLIES(call->session != OM_NONE, accounts_names_session(call)),
	      "... and used by who names one");
	PROVE(IMPLIES(why != OM_REFUSED_ADDRESS && call->message_buffer != OM_NONE,
		      call->room <= world_buffers[call->message_buffer].size - om_low(regs.a[3])),
	      "a message in a buffer does not go past its end (I2)");
	PROVE(call->target == OM_NONE && rooms.published == 0 && rooms.forgotten == 0,
	      "no buffer is touched yet");
	/* om_message_refuse() writes there. */
	PROVE(IMPLIES(why != OM_REFUSED_ADDRESS, call->room >= sizeof(struct optee_msg_hdr) &&
		      message_is_placed(call) &&
		      call->room <= OPTEE_MSG_PAGE_SIZE - call->at.raw % OPTEE_MSG_PAGE_SIZE &&
		      IMPLIES(message_page(call) == ghost.page, ghost.pins > 0)),
	      "a message that was fetched lies in a pinned page, or two (I4)");
	PROVE(IMPLIES(call->split, call->message_buffer != OM_NONE &&
		      (world_buffers[call->message_buffer].offset + om_low(regs.a[3])) %
		      OPTEE_MSG_PAGE_SIZE == call->split), "... where the guest said it is");
	if (why == OM_ACCEPTED)
		prove_accepted(call);
	else if (call->held_count)
		REACHED("refused with a buffer in hand");
	return 0;
}

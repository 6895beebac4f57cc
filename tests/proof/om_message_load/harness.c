/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_load(): a piece of a page list is translated; om_message_claim(): the buffer that
 * is to be unregistered is claimed, or the session that is to be closed is taken.
 *
 * One piece from any point of any message, so by induction all pieces of all messages.
 *
 * Assumes: a sound message (messages.h) that is not loaded yet; that what the call holds
 * is recorded; of the registry what rooms.h says, of sessions and of what is mapped what
 * accounts.h says.
 * Proves: memory safety; when accepted the message is still sound, so that memory named by
 * address is a shadow page once it is translated (I2) and lent memory has no cookie (I7);
 * a piece gets on, or waits for others; accepted or refused, what is held is recorded in
 * the call, as often as it is held, to be given back (I9); a call holds no more pages than
 * it may, and what it lends is charged (I5); a session is closed by its user, and the
 * CLOSE is loaded when nobody else is on the way to it; nothing of the guest's is read or
 * written.
 *
 * Class: long
 * Sources: message.c message_check.c
 * Model: accounts.c builtin.c host.c messages.c rooms.c world.c
 * Unwind: 7
 *   There are at most OM_MESSAGE_PARAMS = 6 parameters; the world has fewer things.
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
	uint32_t n = call->target == rooms.buffer;
	uint32_t k;

	for (k = 0; k < OPTEE_MSG_CALL_PARAMS; k++)
		n += k < call->held_count && call->held[k] == rooms.buffer;
	return n;
}

/* A page list that is read has list pages of ours, or is the target's. */
static bool is_translated_for(const struct om_call *call)
{
	return call->translation.source.raw == 0 || call->lists.reserved > 0 ||
	       call->target != OM_NONE;
}

static bool has_no_params(uint32_t cmd)
{
	return cmd == OPTEE_MSG_CMD_CLOSE_SESSION ||
	       cmd == OPTEE_MSG_CMD_REGISTER_SHM || cmd == OPTEE_MSG_CMD_UNREGISTER_SHM;
}

int main(void)
{
	struct om_call *call = &world_call;
	uint32_t i = any_below(OM_MESSAGE_PARAMS);
	uint32_t kinds, remaining, cmd;
	enum om_refusal why;

	world_init();
	rooms_init();
	ASSUME(message_is_all_sound(call) && !message_is_ready(call));
	cmd = call->message.hdr.cmd;
	/* Only parameters hold any. */
	ASSUME(IMPLIES(has_no_params(cmd), call->held_count == 0));
	/* Only om_message_claim() waits, so often; om_call_begin() says that nobody does. */
	ASSUME(call->waits <= OM_WAIT_TRIES);
	ASSUME(IMPLIES(call->waits, cmd == OPTEE_MSG_CMD_UNREGISTER_SHM ||
		       (cmd == OPTEE_MSG_CMD_CLOSE_SESSION && call->closes != OM_NONE)));
	ASSUME(is_translated_for(call));
	ASSUME(IMPLIES(om_message_claims(call), call->lists.reserved == 0));
	accounts_take_over(call);
	/* shm.c charged them. */
	ASSUME(call->lists.reserved <= world_guest.vm.limits.list_pages);
	rooms.users = recorded(call);
	kinds = call->kinds;
	remaining = call->translation.remaining;

	why = om_message_is_loaded(call) ? om_message_claim(call) : om_message_load(call);

	PROVE(recorded(call) == rooms.users, "each buffer that is held is recorded (I9)");
	PROVE(accounts_are_recorded(call),
	      "... and so is each session and page that is charged (I5, I9)");
	PROVE(call->held_count <= OPTEE_MSG_CALL_PARAMS &&
	      call->mapped.param_pages <= world_guest.vm.limits.call_pages,
	      "a call holds no more than it may (I5)");
	PROVE(ghost.fetches == 0 && ghost.pinned == 0 && ghost.unpinned == 0,
	      "the guest's message is not looked at again (I1)");
	PROVE(is_translated_for(call), "a page list is read for something that the call holds (I4)");
	PROVE(IMPLIES(om_message_claims(call), call->lists.reserved == 0),
	      "... and what a message ends has none");
	PROVE(rooms.published == 0 && rooms.forgotten == 0, "no buffer is settled yet");
	if (why != OM_ACCEPTED) {
		PROVE(IMPLIES(call->closes != OM_NONE, call->waits > OM_WAIT_TRIES && !accounts.is_unused),
		      "who closes a session is only refused because others do not arrive");
		if (call->closes != OM_NONE)
			REACHED("has waited too often");
		REACHED("refused");
		return 0;
	}
	PROVE(message_is_sound(call) && message_has_place(call), "the message stays sound");
	PROVE(message_param_is_sound(call, i), "... and so does each parameter (I2, I7)");
	PROVE(call->waits || call->kinds < kinds || call->target != OM_NONE ||
	      call->closes != OM_NONE ||
	      (call->translation.remaining && (!remaining || call->translation.remaining < remaining)),
	      "a piece gets on, or waits for others");
	PROVE(IMPLIES(call->waits, !message_is_ready(call)), "who waits is not ready");
	PROVE(call->waits <= OM_WAIT_TRIES, "... and does not wait for ever");
	if (call->closes != OM_NONE && message_is_ready(call)) {
		PROVE(accounts.is_unused, "a session is closed when nobody is on the way to it");
		REACHED("a session closes");
	}
	if (message_is_ready(call))
		REACHED("loaded");
	if (call->translation.remaining)
		REACHED("a list has more to translate");
	if (call->waits && call->closes == OM_NONE)
		REACHED("an unregistration waits");
	if (call->waits && call->closes != OM_NONE)
		REACHED("a session that closes waits");
	return 0;
}

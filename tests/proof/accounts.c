/* SPDX-License-Identifier: BSD-2-Clause */
/* sessions.c and mapping.c as message.c and machine.c see them. See accounts.h. */
#include "accounts.h"

#include "mapping.h"

struct accounts accounts;

void accounts_init(void)
{
	accounts = (struct accounts){ .user_of = OM_NONE, .closes = OM_NONE, .opens = OM_NONE };
}

bool accounts_are_recorded(const struct om_call *call)
{
	return call->session == accounts.user_of && call->closes == accounts.closes &&
	       call->opens == accounts.opens && call->mapped.param_pages == accounts.pages;
}

bool accounts_names_session(const struct om_call *call)
{
	uint32_t cmd = call->message.hdr.cmd;

	return cmd == OPTEE_MSG_CMD_INVOKE_COMMAND || cmd == OPTEE_MSG_CMD_CLOSE_SESSION ||
	       cmd == OPTEE_MSG_CMD_CANCEL;
}

void accounts_take_over(const struct om_call *call)
{
	accounts_init();
	accounts.user_of = call->session;
	accounts.closes = call->closes;
	accounts.is_unused = call->closes != OM_NONE && !call->waits;
	accounts.opens = call->opens;
	accounts.pages = call->mapped.param_pages;
	accounts.window = call->mapped.uses_window;
}

uint64_t accounts_held_pages(const struct om_call *call)
{
	uint64_t pages = 0;
	uint32_t k;

	for (k = 0; k < OPTEE_MSG_CALL_PARAMS; k++)
		if (k < call->held_count)
			pages += world_buffers[call->held[k]].pages;
	return pages;
}

/* sessions.h */

uint32_t om_session_reserve(struct om_sessions *sessions, const uint8_t *ta, uint32_t *others)
{
	const uint8_t *asked = world_call.message.param[0].u.octets;

	(void)sessions;
	PROVE(accounts.opens == OM_NONE && !ghost.locked,
	      "accounts: a call is charged for one session (I5)");
	PROVE(ta == asked, "accounts: a session is the TA's that was asked for, in the private copy");
	*others = accounts.others = any_u32();
	accounts.opens = any_bool() ? OM_NONE : any_below(WORLD_SESSIONS);
	return accounts.opens;
}

void om_session_publish(struct om_sessions *sessions, uint32_t index, uint32_t id, bool loaded)
{
	(void)sessions;
	PROVE(index < WORLD_SESSIONS && index == accounts.opens,
	      "accounts: a session was charged before it is open (I5)");
	PROVE(loaded == world_call.loads_ta, "accounts: ... and was loaded if OP-TEE asked for it");
	accounts.opens = OM_NONE;
	accounts.published++;
	accounts.published_id = id;
}

uint32_t om_session_get(struct om_sessions *sessions, uint32_t id)
{
	(void)sessions;
	PROVE(accounts.user_of == OM_NONE && !ghost.locked, "accounts: a call uses one session");
	accounts.got = id;
	if (any_bool())
		return OM_NONE;
	accounts.user_of = any_below(WORLD_SESSIONS);
	return accounts.user_of;
}

void om_session_put(struct om_sessions *sessions, uint32_t index)
{
	(void)sessions;
	PROVE(index < WORLD_SESSIONS && index == accounts.user_of && !ghost.locked,
	      "accounts: a user of a session is put once");
	accounts.user_of = OM_NONE;
}

bool om_session_close(struct om_sessions *sessions, uint32_t index)
{
	(void)sessions;
	PROVE(index < WORLD_SESSIONS && index == accounts.user_of && accounts.closes == OM_NONE &&
	      !ghost.locked, "accounts: who closes a session is its user");
	if (any_bool())
		return false;
	accounts.closes = index;
	accounts.is_unused = false;
	accounts.user_of = OM_NONE;
	return true;
}

bool om_session_is_unused(const struct om_sessions *sessions, uint32_t index)
{
	(void)sessions;
	PROVE(index < WORLD_SESSIONS && index == accounts.closes,
	      "accounts: who waits for a session closes it");
	accounts.is_unused = any_bool();
	return accounts.is_unused;
}

/* What is true of both ends of a closing. */
static void leave(uint32_t index)
{
	PROVE(index < WORLD_SESSIONS && index == accounts.closes,
	      "accounts: a session that closes is ended or reopened once");
	accounts.closes = OM_NONE;
}

void om_session_end(struct om_sessions *sessions, uint32_t index)
{
	(void)sessions;
	if (accounts.opens != OM_NONE && index == accounts.opens) {
		accounts.opens = OM_NONE;
		accounts.cancelled++;
		return;
	}
	leave(index);
	PROVE(accounts.is_unused, "accounts: a session ends when nobody is on the way to it");
	accounts.ended++;
}

void om_session_reopen(struct om_sessions *sessions, uint32_t index)
{
	(void)sessions;
	leave(index);
	accounts.reopened++;
}

/* mapping.h */

enum om_refusal om_map_param(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages)
{
	PROVE(pages <= OM_LIMIT_PAGES && call->payload_pages == 0,
	      "accounts: what om_map_param/ assumes");
	if (any_bool())
		return OM_REFUSED_QUOTA;
	ASSUME(pages <= mapping->call_pages - call->param_pages);
	PROVE(accounts.pages == 0 || accounts.window == call->uses_window,
	      "accounts: all of a call's parameters are mapped in one place");
	call->param_pages += pages;
	accounts.pages += pages;
	accounts.window = call->uses_window;
	return OM_ACCEPTED;
}

void om_unmap_params(struct om_mapping *mapping, struct om_mapped *call)
{
	(void)mapping;
	PROVE(call->param_pages == accounts.pages &&
	      (accounts.pages == 0 || call->uses_window == accounts.window),
	      "accounts: what was charged is given back (I5)");
	call->param_pages = 0;
	accounts.pages = 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The specification of sessions: which TA each belongs to, who may name it, and when it
 * can be closed. See spec.h. Must not know what a command does.
 */
#include "spec_priv.h"

#include <string.h>

static bool names_session(uint32_t cmd)
{
	return cmd == OPTEE_MSG_CMD_INVOKE_COMMAND || cmd == OPTEE_MSG_CMD_CLOSE_SESSION ||
	       cmd == OPTEE_MSG_CMD_CANCEL;
}

/* Calls that OP-TEE may not have looked the session up for yet. */
static uint32_t on_the_way(const struct spec *s, const struct spec_session *session)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		n += s->call[i].used && s->call[i].entering && s->call[i].session == session;
	return n;
}

static bool is_charged(const struct spec *s, const struct spec_session *session)
{
	return session->state == SPEC_OPEN || session->state == SPEC_CLOSING ||
	       (session->state == SPEC_STALE && on_the_way(s, session));
}

uint32_t spec_sessions(const struct spec *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPEC_SESSIONS; i++)
		n += is_charged(s, &s->session[i]);
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		n += s->call[i].used && s->call[i].opens;
	return n;
}

uint32_t spec_sessions_of(const struct spec *s, const uint8_t *ta)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPEC_SESSIONS; i++)
		n += is_charged(s, &s->session[i]) && memcmp(s->session[i].ta, ta, 16) == 0;
	for (uint32_t i = 0; i < SPEC_CALLS; i++)
		n += s->call[i].used && s->call[i].opens && &s->call[i] != s->now &&
		     memcmp(s->call[i].param[0].u.octets, ta, 16) == 0;
	return n;
}

const struct spec_session *spec_open_session(const struct spec *s, uint32_t n)
{
	for (uint32_t i = 0; i < SPEC_SESSIONS; i++)
		if (s->session[i].state == SPEC_OPEN && n-- == 0)
			return &s->session[i];
	return NULL;
}

static struct spec_session *find(struct spec *s, uint32_t id)
{
	for (uint32_t i = 0; i < SPEC_SESSIONS; i++)
		if (s->session[i].state == SPEC_OPEN && s->session[i].id == id)
			return &s->session[i];
	return NULL;
}

void spec_session_begin(struct spec *s)
{
	struct spec_call *c = s->now;

	if (c->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		c->opens = spec_sessions(s) < s->config.limits.sessions;
		if (!c->opens)
			s->must_refuse |= SPEC_WHY(QUOTA);
		return;
	}
	if (!names_session(c->hdr.cmd))
		return;
	c->session = find(s, c->hdr.session);
	c->elsewhere = c->session && c->session->loaded;
	if (!c->session)
		s->must_refuse |= SPEC_WHY(SESSION);
	else if (c->hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		spec_session_wait(s);
}

void spec_session_wait(struct spec *s)
{
	struct spec_call *c = s->now;

	/* It is not one of those it waits for. */
	if (c->session) {
		c->closes = c->session;
		c->session = NULL;
		c->closes->state = SPEC_CLOSING;
	}
	s->must_wait |= c->closes && on_the_way(s, c->closes);
}

/*
 * What was judged for one TA is never carried out by another: until OP-TEE has looked
 * the session up, it cannot have been told to close it. That it gives the id of an open
 * session again is its own fault.
 */
void spec_session_entered(struct spec *s)
{
	struct spec_call *c = s->now;

	if (c->closes)
		c->closes->closed = true;
	if (c->entering && names_session(c->hdr.cmd) && c->session)
		spec_check(s, c->session->state == SPEC_STALE || !c->session->closed,
			   "a command reaches OP-TEE when its session may be another TA's");
}

/* The newest has the id; those that named the older one are on their way still. */
static void give_up(struct spec_session *session)
{
	session->state = SPEC_STALE;
}

/* Loaded once, a TA stays so for as long as there is a session with it. */
static bool is_loaded(const struct spec *s, const uint8_t *ta)
{
	for (uint32_t i = 0; i < SPEC_SESSIONS; i++)
		if (is_charged(s, &s->session[i]) && s->session[i].loaded &&
		    memcmp(s->session[i].ta, ta, sizeof(s->session[i].ta)) == 0)
			return true;
	return false;
}

void spec_session_opened(struct spec *s, uint32_t id)
{
	struct spec_call *c = s->now;
	struct spec_session *old = find(s, id);
	const uint8_t *ta = c->param[0].u.octets;
	bool loaded = c->loads_ta || is_loaded(s, ta);
	uint32_t i = 0;

	if (old)
		give_up(old);
	c->opens = false;
	while (i < SPEC_SESSIONS && is_charged(s, &s->session[i]))
		i++;
	if (i == SPEC_SESSIONS) {
		s->world->fail(s->world->ctx, "more sessions are open than any limit allows (I5)");
		i = 0;
	}
	s->session[i] = (struct spec_session){ .state = SPEC_OPEN, .id = id, .loaded = loaded };
	memcpy(s->session[i].ta, ta, sizeof(s->session[i].ta));
}

void spec_session_closed(struct spec_call *c)
{
	if (c->closes)
		c->closes->state = SPEC_CLOSED;
	c->closes = NULL;
}

void spec_session_undo(struct spec *s, struct spec_call *c)
{
	c->opens = false;
	if (!c->closes)
		return;
	c->closes->closed = false;
	if (find(s, c->closes->id))
		give_up(c->closes);
	else
		c->closes->state = SPEC_OPEN;
	c->closes = NULL;
}

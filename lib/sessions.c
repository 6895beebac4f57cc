/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of sessions. See sessions.h. Knows ids and TAs; knows no messages. */
#include "sessions.h"

/* The lower half of an entry's word: one of these, and the users. */
#define FREE	0u
#define OPEN	0x80000000u
#define CLOSING	0x40000000u
#define STALE	0x20000000u
#define USER	0x00000001u
#define USERS	0x0000ffffu	/* a call is one at most: OM_LIMIT_THREADS */

#define ID_SHIFT 32

static uint64_t word_of(const struct om_session *session)
{
	return __atomic_load_n(&session->word, __ATOMIC_ACQUIRE);
}

static void set_word(struct om_session *session, uint64_t word)
{
	__atomic_store_n(&session->word, word, __ATOMIC_RELEASE);
}

static uint32_t state_of(uint64_t word)
{
	return (uint32_t)word & ~USERS;
}

static uint32_t id_of(uint64_t word)
{
	return (uint32_t)(word >> ID_SHIFT);
}

void om_sessions_init(struct om_guest *guest)
{
	om_store_relaxed(&guest->sessions_used, 0);
}

void om_sessions_init_row(struct om_guest *guest, uint32_t i)
{
	if (i < guest->limits.sessions)
		om_zero(&guest->sessions[i], sizeof(guest->sessions[i]));
}

static void lock(struct om_guest *guest)
{
	guest->ops->lock(guest->ctx);
}

static void unlock(struct om_guest *guest)
{
	guest->ops->unlock(guest->ctx);
}

static bool is_open(uint64_t word, uint32_t id)
{
	return state_of(word) == OPEN && id_of(word) == id;
}

bool om_session_reserve(struct om_guest *guest)
{
	bool fits;

	lock(guest);
	fits = guest->sessions_used < guest->limits.sessions;
	if (fits)
		om_store_relaxed(&guest->sessions_used, guest->sessions_used + 1);
	unlock(guest);
	return fits;
}

/* One session less. Lock held. */
static void refund(struct om_guest *guest)
{
	om_store_relaxed(&guest->sessions_used, guest->sessions_used - 1);
}

/* The entry is nobody's any more. Lock held. */
static void end(struct om_guest *guest, struct om_session *session)
{
	set_word(session, FREE);
	refund(guest);
}

void om_session_cancel(struct om_guest *guest)
{
	lock(guest);
	refund(guest);
	unlock(guest);
}

/* Where a session with this id is looked for first. */
static uint32_t place_of(const struct om_guest *guest, uint32_t id)
{
	return id % guest->limits.sessions;
}

/* The open session with this id, OM_NONE when there is none. Lock held. */
static uint32_t find(const struct om_guest *guest, uint32_t id)
{
	uint32_t n = guest->limits.sessions;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (is_open(word_of(&guest->sessions[i]), id))
			return i;
	return OM_NONE;
}

/* A free entry; there is one, because each session was charged. Lock held. */
static uint32_t find_free(const struct om_guest *guest, uint32_t id)
{
	uint32_t i = place_of(guest, id);

	while (state_of(word_of(&guest->sessions[i])) != FREE)
		i = (i + 1) % guest->limits.sessions;
	return i;
}

/*
 * OP-TEE gave the id of a session again. Its users are on their way in still, and the
 * last of them frees the entry. from: the state it is in. Lock held.
 */
static void make_stale(struct om_guest *guest, uint32_t index, uint32_t from)
{
	struct om_session *session = &guest->sessions[index];
	uint64_t word = __atomic_sub_fetch(&session->word, from - STALE, __ATOMIC_ACQ_REL);

	if ((uint32_t)word == STALE)
		end(guest, session);
}

/* True when the TA was loaded for a session that is open. Lock held. */
static bool is_loaded(const struct om_guest *guest, const uint8_t *ta)
{
	const struct om_session *session = guest->sessions;
	uint32_t n;

	for (n = guest->limits.sessions; n; n--, session++)
		if (state_of(word_of(session)) != FREE && session->loaded &&
		    om_is_equal(session->ta, ta, sizeof(session->ta)))
			return true;
	return false;
}

void om_session_publish(struct om_guest *guest, uint32_t id, const uint8_t *ta, bool loaded)
{
	struct om_session *session;
	uint32_t old;

	lock(guest);
	loaded = loaded || is_loaded(guest, ta);
	old = find(guest, id);
	if (old != OM_NONE)
		make_stale(guest, old, OPEN);
	session = &guest->sessions[find_free(guest, id)];
	om_copy(session->ta, ta, sizeof(session->ta));
	session->loaded = loaded;
	set_word(session, (uint64_t)id << ID_SHIFT | OPEN);
	unlock(guest);
}

/* Becomes a user of an entry if it is the open session with this id. */
static bool become_user(struct om_session *session, uint32_t id)
{
	uint64_t word = word_of(session);

	while (is_open(word, id))
		if (__atomic_compare_exchange_n(&session->word, &word, word + USER, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static OM_NOINLINE uint32_t get_locked(struct om_guest *guest, uint32_t id)
{
	uint32_t i;

	lock(guest);
	i = find(guest, id);
	/* It stays open for as long as the lock is held. */
	if (i != OM_NONE)
		(void)become_user(&guest->sessions[i], id);
	unlock(guest);
	return i;
}

uint32_t om_session_get(struct om_guest *guest, uint32_t id)
{
	uint32_t i = place_of(guest, id);

	return become_user(&guest->sessions[i], id) ? i : get_locked(guest, id);
}

void om_session_put(struct om_guest *guest, uint32_t index)
{
	struct om_session *session = &guest->sessions[index];
	uint64_t word = __atomic_sub_fetch(&session->word, USER, __ATOMIC_ACQ_REL);

	if ((uint32_t)word != STALE)
		return;
	lock(guest);
	end(guest, session);
	unlock(guest);
}

bool om_session_close(struct om_guest *guest, uint32_t index)
{
	struct om_session *session = &guest->sessions[index];
	bool open;

	lock(guest);
	open = state_of(word_of(session)) == OPEN;
	if (open)
		__atomic_fetch_sub(&session->word, OPEN - CLOSING + USER, __ATOMIC_ACQ_REL);
	unlock(guest);
	return open;
}

bool om_session_is_unused(const struct om_guest *guest, uint32_t index)
{
	return (word_of(&guest->sessions[index]) & USERS) == 0;
}

void om_session_end(struct om_guest *guest, uint32_t index)
{
	lock(guest);
	end(guest, &guest->sessions[index]);
	unlock(guest);
}

void om_session_reopen(struct om_guest *guest, uint32_t index)
{
	struct om_session *session = &guest->sessions[index];

	lock(guest);
	/* OP-TEE may have given the id again in the meantime: the newest has it. */
	if (find(guest, id_of(word_of(session))) != OM_NONE)
		make_stale(guest, index, CLOSING);
	else
		__atomic_fetch_add(&session->word, OPEN - CLOSING, __ATOMIC_ACQ_REL);
	unlock(guest);
}

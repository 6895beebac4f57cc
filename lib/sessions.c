/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of sessions. See sessions.h. This module knows ids and TAs, but no messages. */
#include "sessions.h"

/* The lower half of an entry's word: one of these states, and the number of users. */
#define FREE	0u
#define OPENING	0x10000000u
#define OPEN	0x80000000u
#define CLOSING	0x40000000u
#define STALE	0x20000000u
#define USER	0x00000001u
#define USERS	0x0000ffffu	/* at most one for each call: OM_LIMIT_THREADS */

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

void om_sessions_init(struct om_sessions *sessions)
{
	om_store_relaxed(&sessions->used, 0);
}

void om_sessions_init_row(struct om_sessions *sessions, uint32_t i)
{
	if (i < sessions->count)
		om_zero(&sessions->table[i], sizeof(sessions->table[i]));
}

static bool is_open(uint64_t word, uint32_t id)
{
	return state_of(word) == OPEN && id_of(word) == id;
}

/* True when an entry is not free and has this TA. The caller holds the lock. */
static bool has_ta(const struct om_session *session, const uint8_t *ta)
{
	return state_of(word_of(session)) != FREE &&
	       om_is_equal(session->ta, ta, sizeof(session->ta));
}

/* Looks for a free entry, and counts those of the TA. The caller holds the lock. */
static uint32_t survey(const struct om_sessions *sessions, const uint8_t *ta, uint32_t *others)
{
	uint32_t n = sessions->count, entry = OM_NONE;
	uint32_t i;

	*others = 0;
	for (i = 0; i < n; i++) {
		if (state_of(word_of(&sessions->table[i])) == FREE)
			entry = i;
		else
			*others += has_ta(&sessions->table[i], ta);
	}
	return entry;
}

uint32_t om_session_reserve(struct om_sessions *sessions, const uint8_t *ta, uint32_t *others)
{
	uint32_t i;

	om_lock(sessions->vm);
	i = survey(sessions, ta, others);
	if (i != OM_NONE) {
		om_copy(sessions->table[i].ta, ta, OM_TA_UUID_SIZE);
		sessions->table[i].loaded = false;
		set_word(&sessions->table[i], OPENING);
		om_store_relaxed(&sessions->used, sessions->used + 1);
	}
	om_unlock(sessions->vm);
	return i;
}

/* Frees and refunds the entry. The caller holds the lock. */
static void end(struct om_sessions *sessions, struct om_session *session)
{
	set_word(session, FREE);
	om_store_relaxed(&sessions->used, sessions->used - 1);
}

/* The entry that a session with this id has if it is free. */
static uint32_t place_of(const struct om_sessions *sessions, uint32_t id)
{
	return id % sessions->count;
}

/* The open session with this id, or OM_NONE. The caller holds the lock. */
static uint32_t find(const struct om_sessions *sessions, uint32_t id)
{
	uint32_t n = sessions->count;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (is_open(word_of(&sessions->table[i]), id))
			return i;
	return OM_NONE;
}

/* A free entry. There is one, because the caller has freed one. The caller holds the lock. */
static uint32_t find_free(const struct om_sessions *sessions, uint32_t id)
{
	uint32_t i = place_of(sessions, id);

	while (state_of(word_of(&sessions->table[i])) != FREE)
		i = (i + 1) % sessions->count;
	return i;
}

/*
 * Marks a session as stale whose id OP-TEE gave again. Its users are still in transit, and the
 * last one frees the entry. from: its state. The caller holds the lock.
 */
static void make_stale(struct om_sessions *sessions, uint32_t index, uint32_t from)
{
	struct om_session *session = &sessions->table[index];
	uint64_t word = __atomic_sub_fetch(&session->word, from - STALE, __ATOMIC_ACQ_REL);

	if ((uint32_t)word == STALE)
		end(sessions, session);
}

/* True when an open session has this TA as a loaded one. The caller holds the lock. */
static bool is_loaded(const struct om_sessions *sessions, const uint8_t *ta)
{
	const struct om_session *session = sessions->table;
	uint32_t n;

	for (n = sessions->count; n; n--, session++)
		if (session->loaded && has_ta(session, ta))
			return true;
	return false;
}

void om_session_publish(struct om_sessions *sessions, uint32_t index, uint32_t id, bool loaded)
{
	struct om_session *opening = &sessions->table[index];
	struct om_session *session;
	uint32_t old;

	om_lock(sessions->vm);
	loaded = loaded || is_loaded(sessions, opening->ta);
	old = find(sessions, id);
	if (old != OM_NONE)
		make_stale(sessions, old, OPEN);
	set_word(opening, FREE);
	session = &sessions->table[find_free(sessions, id)];
	if (session != opening)
		om_copy(session->ta, opening->ta, sizeof(session->ta));
	session->loaded = loaded;
	set_word(session, (uint64_t)id << ID_SHIFT | OPEN);
	om_unlock(sessions->vm);
}

/* Makes the caller a user of an entry if it is the open session with this id. */
static bool become_user(struct om_session *session, uint32_t id)
{
	uint64_t word = word_of(session);

	while (is_open(word, id))
		if (__atomic_compare_exchange_n(&session->word, &word, word + USER, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static OM_NOINLINE uint32_t get_locked(struct om_sessions *sessions, uint32_t id)
{
	uint32_t i;

	om_lock(sessions->vm);
	i = find(sessions, id);
	/* It cannot be closed while the lock is held. */
	if (i != OM_NONE)
		(void)become_user(&sessions->table[i], id);
	om_unlock(sessions->vm);
	return i;
}

uint32_t om_session_get(struct om_sessions *sessions, uint32_t id)
{
	uint32_t i = place_of(sessions, id);

	return become_user(&sessions->table[i], id) ? i : get_locked(sessions, id);
}

void om_session_put(struct om_sessions *sessions, uint32_t index)
{
	struct om_session *session = &sessions->table[index];
	uint64_t word = __atomic_sub_fetch(&session->word, USER, __ATOMIC_ACQ_REL);

	if ((uint32_t)word != STALE)
		return;
	om_lock(sessions->vm);
	end(sessions, session);
	om_unlock(sessions->vm);
}

bool om_session_close(struct om_sessions *sessions, uint32_t index)
{
	struct om_session *session = &sessions->table[index];
	bool open;

	om_lock(sessions->vm);
	open = state_of(word_of(session)) == OPEN;
	if (open)
		__atomic_fetch_sub(&session->word, OPEN - CLOSING + USER, __ATOMIC_ACQ_REL);
	om_unlock(sessions->vm);
	return open;
}

bool om_session_is_unused(const struct om_sessions *sessions, uint32_t index)
{
	return (word_of(&sessions->table[index]) & USERS) == 0;
}

void om_session_end(struct om_sessions *sessions, uint32_t index)
{
	om_lock(sessions->vm);
	end(sessions, &sessions->table[index]);
	om_unlock(sessions->vm);
}

void om_session_reopen(struct om_sessions *sessions, uint32_t index)
{
	struct om_session *session = &sessions->table[index];

	om_lock(sessions->vm);
	/* If OP-TEE has given the id to a newer session meanwhile, that one keeps it. */
	if (find(sessions, id_of(word_of(session))) != OM_NONE)
		make_stale(sessions, index, CLOSING);
	else
		__atomic_fetch_add(&session->word, OPEN - CLOSING, __ATOMIC_ACQ_REL);
	om_unlock(sessions->vm);
}

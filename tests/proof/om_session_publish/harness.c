/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sessions.c, all but om_session_get(): the life of a session in the table.
 *
 * One step from any table that is valid, by induction: is_valid() is assumed of the table
 * that a function finds and proved of the one that it leaves. Between any two looks at a
 * word, calls on other vCPUs come and go: they become users of what is open, and users
 * of anything go, for neither takes the lock.
 *
 * Assumes: what sessions.h asks of its callers: who puts or closes a session is a user of
 * it; who ends or reopens one closed it, and who ends it has seen it unused; who publishes
 * one reserved it, and so may who ends it (om_message_finish/, om_call_run/).
 * Bounded: 3 entries. The functions look at nothing but how many there are.
 * Proves: memory safety; an id is open once at most; sessions that are charged are those
 * in the table, never more than the limit (I5), and who asks for one is told how many its TA
 * has; an entry is freed
 * and refunded once, when nobody uses it; users are counted exactly; who closes a session
 * is the only one who does, and a session that closes or whose id was given again is not
 * open; a session belongs to the TA that it was opened for, and knows whether that was
 * loaded; what a function is not about
 * is left alone; the table is only changed under the lock.
 *
 * Class: long
 * Model: builtin.c
 * Replace: word_of:word_among_others
 * Unwind: 6
 *   The table has 3 entries; a table that is longer is gone through beside it.
 * Options: --unwindset is_same_ta.0:17 --unwindset memcmp.0:17
 *   A TA's name has 16 octets.
 */
#include "proof.h"

#include "sessions.c"

#define ENTRIES	3u

struct om_session nondet_session(void);

static struct om_vm vm;
static struct om_sessions sessions = { .vm = &vm };
static struct om_session table[ENTRIES], before[ENTRIES];
static struct om_host_ops ops;

static struct {
	bool locked;
	uint32_t taken;		/* how often the lock was */
	uint32_t used;		/* charged, at first */
	uint32_t user_of;	/* the entry that the caller is a user of, if any */
} seen;

static void take_lock(void *ctx)
{
	(void)ctx;
	PROVE(!seen.locked, "the lock is not taken twice");
	seen.locked = true;
	seen.taken++;
}

static void give_lock(void *ctx)
{
	(void)ctx;
	PROVE(seen.locked, "the lock is given back once");
	seen.locked = false;
}

static uint32_t state_in(const struct om_session *session)
{
	return (uint32_t)om_low(session->word) & ~USERS;
}

static uint32_t users_in(const struct om_session *session)
{
	return (uint32_t)om_low(session->word) & USERS;
}

static uint32_t id_in(const struct om_session *session)
{
	return (uint32_t)om_high(session->word);
}

static bool is_state(uint32_t state)
{
	return state == FREE || state == OPENING || state == OPEN || state == CLOSING || state == STALE;
}

/* Users of an entry come and go, but for the caller; the state is not theirs to change. */
static void disturb(uint32_t i)
{
	uint32_t users = any_below(OM_LIMIT_THREADS);

	ASSUME(IMPLIES(seen.user_of == i, users >= 1));
	if (state_in(&table[i]) == OPEN ||
	    (state_in(&table[i]) != FREE && users < users_in(&table[i])))
		table[i].word = table[i].word - users_in(&table[i]) + users;
}

/* A look at an entry's word while others run. */
uint64_t word_among_others(const struct om_session *session)
{
	uint64_t word = session->word;
	uint32_t i;

	for (i = 0; i < ENTRIES; i++)
		if (session == &table[i] && any_bool())
			disturb(i);
	return word;
}

/* The compiler's, of which the checker knows nothing: one entry. */
void *__builtin_memset(void *dst, int c, size_t len)
{
	uint32_t i;

	for (i = 0; i < ENTRIES; i++)
		if (dst == &table[i])
			break;
	PROVE(i < sessions.count && c == 0 && len == sizeof(table[0]),
	      "an entry of the table is emptied, and nothing else");
	table[i] = (struct om_session){ 0 };
	return dst;
}

/* What is true of the table whenever nobody has the lock. */
static bool is_valid(void)
{
	uint32_t used = 0, i, k;

	for (i = 0; i < sessions.count; i++) {
		if (!is_state(state_in(&table[i])) || users_in(&table[i]) > OM_LIMIT_THREADS ||
		    ((state_in(&table[i]) == FREE || state_in(&table[i]) == OPENING) &&
		     users_in(&table[i]) != 0))
			return false;
		used += state_in(&table[i]) != FREE;
		for (k = 0; k < i; k++)
			if (state_in(&table[i]) == OPEN && state_in(&table[k]) == OPEN &&
			    id_in(&table[i]) == id_in(&table[k]))
				return false;
	}
	return sessions.used == used;
}

static bool is_same_ta(const uint8_t *a, const uint8_t *b)
{
	uint32_t i;

	for (i = 0; i < OM_TA_UUID_SIZE; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* An entry means what it meant: users come and go. */
static bool is_kept(uint32_t i)
{
	return state_in(&table[i]) == state_in(&before[i]) &&
	       (state_in(&table[i]) == FREE || (id_in(&table[i]) == id_in(&before[i]) &&
						table[i].loaded == before[i].loaded &&
						is_same_ta(table[i].ta, before[i].ta)));
}

static bool all_are_kept_but(uint32_t but)
{
	uint32_t i;

	for (i = 0; i < ENTRIES; i++)
		if (i != but && !is_kept(i))
			return false;
	return true;
}

/* The open session with this id. */
static uint32_t open_one(const struct om_session *entries, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < sessions.count; i++)
		if (state_in(&entries[i]) == OPEN && id_in(&entries[i]) == id)
			return i;
	return OM_NONE;
}

static void prove_init(void)
{
	uint32_t i, rows = any_below(2 * ENTRIES);

	/* Row by row, of as many as the longest of a guest's tables has. */
	ASSUME(rows >= sessions.count);
	om_sessions_init(&sessions);
	for (i = 0; i < rows; i++)
		om_sessions_init_row(&sessions, i);
	PROVE(is_valid(), "a new table is valid");
	for (i = 0; i < sessions.count; i++)
		PROVE(state_in(&table[i]) == FREE, "... and empty");
	REACHED("a new table");
}

/* How many entries the TA has. */
static uint32_t entries_of(const uint8_t *ta)
{
	uint32_t i, n = 0;

	for (i = 0; i < sessions.count; i++)
		n += state_in(&before[i]) != FREE && is_same_ta(before[i].ta, ta);
	return n;
}

static void prove_reserve(void)
{
	const uint8_t ta[OM_TA_UUID_SIZE] = { any_u8(), any_u8(), any_u8() };
	uint32_t others, now = om_session_reserve(&sessions, ta, &others);

	PROVE(is_valid(), "a session is charged exactly, within the limit (I5)");
	PROVE((now == OM_NONE) == (seen.used == sessions.count),
	      "a session is refused at the limit, and not before");
	PROVE(others == entries_of(ta), "who asks is told how many sessions the TA has");
	PROVE(all_are_kept_but(now), "no other session is touched");
	if (now == OM_NONE) {
		REACHED("at the limit");
		return;
	}
	PROVE(now < sessions.count && state_in(&before[now]) == FREE, "an entry that is taken was free");
	PROVE(state_in(&table[now]) == OPENING && is_same_ta(table[now].ta, ta),
	      "... and is the TA's, but not open");
	REACHED("charged");
}

/* What becomes of an open session whose id OP-TEE gave again. */
static void prove_replaced(uint32_t old, uint32_t now)
{
	PROVE(old == now || state_in(&table[old]) == STALE || state_in(&table[old]) == FREE,
	      "of two sessions with one id only the newer is open");
	PROVE(IMPLIES(old != now, sessions.used ==
		      seen.used - (state_in(&table[old]) == FREE)),
	      "... and the older is refunded once it is nobody's");
	if (old != now && state_in(&table[old]) == STALE)
		REACHED("an id is given again under a user");
}

/* A TA for which OP-TEE asked already, in a session that is there still. */
static bool was_loaded(const uint8_t *ta)
{
	uint32_t i;

	for (i = 0; i < sessions.count; i++)
		if (state_in(&before[i]) != FREE && before[i].loaded && is_same_ta(before[i].ta, ta))
			return true;
	return false;
}

static void prove_publish(uint32_t opening)
{
	const uint8_t *ta = before[opening].ta;
	uint32_t id = any_u32(), old = open_one(before, id), now, i;
	bool loaded = any_bool();

	ASSUME(state_in(&table[opening]) == OPENING);
	om_session_publish(&sessions, opening, id, loaded);
	now = open_one(table, id);
	PROVE(is_valid(), "a session in the table was charged, and an id is open once (I5)");
	PROVE(now != OM_NONE && is_same_ta(table[now].ta, ta),
	      "a session belongs to the TA that it was opened for");
	PROVE(IMPLIES(now != OM_NONE, table[now].loaded == (loaded || was_loaded(ta))),
	      "... which was loaded for it, or for another session that is there");
	PROVE(IMPLIES(now != OM_NONE && now != old && now != opening,
		      state_in(&before[now]) == FREE), "an entry that it moves to was free");
	PROVE(now == opening || state_in(&table[opening]) == FREE, "... and its own is then");
	PROVE(IMPLIES(now != OM_NONE, users_in(&table[now]) == 0), "... and is nobody's yet");
	for (i = 0; i < ENTRIES; i++)
		PROVE(i == now || i == old || i == opening || is_kept(i), "no other session is touched");
	if (old == OM_NONE)
		PROVE(sessions.used == seen.used, "a session is charged once");
	else
		prove_replaced(old, now);
	if (now == opening)
		REACHED("opened where it was charged");
	else
		REACHED("opened at its place");
}

static void prove_put(uint32_t i)
{
	uint64_t word = table[i].word;

	ASSUME(users_in(&table[i]) >= 1);
	om_session_put(&sessions, i);
	PROVE(is_valid() && all_are_kept_but(i), "one user less, and nothing else");
	if (om_low(word) == STALE + USER) {
		PROVE(state_in(&table[i]) == FREE && sessions.used == seen.used - 1,
		      "the last user of a stale session frees it");
		REACHED("freed by its last user");
	} else {
		PROVE(table[i].word == word - USER && sessions.used == seen.used,
		      "... of what is not stale, only that");
		PROVE(seen.taken == 0, "a user of an open session takes no lock");
		REACHED("one user less");
	}
}

static void prove_close(uint32_t i)
{
	bool closed;

	ASSUME(users_in(&table[i]) >= 1);
	seen.user_of = i;
	closed = om_session_close(&sessions, i);
	PROVE(is_valid() && all_are_kept_but(i) && sessions.used == seen.used,
	      "a session that closes is charged still");
	PROVE(closed == (state_in(&before[i]) == OPEN), "a session is closed by one call alone");
	PROVE(id_in(&table[i]) == id_in(&before[i]), "... and known by its id");
	if (closed) {
		PROVE(state_in(&table[i]) == CLOSING && open_one(table, id_in(&before[i])) == OM_NONE,
		      "a session that closes cannot be named any more");
		REACHED("closing");
	} else {
		PROVE(is_kept(i) && users_in(&table[i]) >= 1, "who does not close it is still a user");
		REACHED("somebody else closes it");
	}
}

static void prove_is_unused(uint32_t i)
{
	uint32_t users = users_in(&table[i]);

	PROVE(om_session_is_unused(&sessions, i) == (users == 0), "who is on the way in is waited for");
	PROVE(is_valid() && all_are_kept_but(OM_NONE), "... and a look changes nothing");
	REACHED("looked at");
}

static void prove_end(uint32_t i)
{
	ASSUME(om_low(table[i].word) == CLOSING || om_low(table[i].word) == OPENING);
	om_session_end(&sessions, i);
	PROVE(is_valid() && all_are_kept_but(i) && state_in(&table[i]) == FREE &&
	      sessions.used == seen.used - 1,
	      "a session that is closed, or was not opened, is freed, and refunded once");
	if (state_in(&before[i]) == OPENING)
		REACHED("not opened");
	else
		REACHED("closed");
}

static void prove_reopen(uint32_t i)
{
	uint32_t newer = open_one(before, id_in(&before[i]));

	ASSUME(state_in(&table[i]) == CLOSING);
	om_session_reopen(&sessions, i);
	PROVE(is_valid() && all_are_kept_but(i), "a session that was not closed is as it was");
	if (newer == OM_NONE) {
		PROVE(state_in(&table[i]) == OPEN && id_in(&table[i]) == id_in(&before[i]) &&
		      is_same_ta(table[i].ta, before[i].ta) && sessions.used == seen.used,
		      "... and can be named again");
		REACHED("open again");
	} else {
		prove_replaced(i, OM_NONE);
		REACHED("its id was given again");
	}
}

static void init(void)
{
	uint32_t i;

	ops.lock = take_lock;
	ops.unlock = give_lock;
	vm.ops = &ops;
	sessions.table = table;
	sessions.used = seen.used = any_u32();
	sessions.count = 1 + any_below(ENTRIES);
	seen.user_of = OM_NONE;
	for (i = 0; i < ENTRIES; i++) {
		table[i] = nondet_session();
		table[i].loaded = any_bool();
		before[i] = table[i];
	}
}

/* What happens to a session that is there. */
static void prove_entry(uint32_t i)
{
	ASSUME(state_in(&table[i]) != FREE);
	switch (any_below(5)) {
	case 0:
		prove_put(i);
		break;
	case 1:
		prove_close(i);
		break;
	case 2:
		prove_is_unused(i);
		break;
	case 3:
		prove_end(i);
		break;
	default:
		prove_reopen(i);
		break;
	}
}

int main(void)
{
	init();
	if (any_bool()) {
		prove_init();
		return 0;
	}
	ASSUME(is_valid());
	switch (any_below(3)) {
	case 0:
		prove_reserve();
		break;
	case 1:
		prove_publish(any_below(sessions.count));
		break;
	default:
		prove_entry(any_below(sessions.count));
		break;
	}
	PROVE(!seen.locked, "the lock is given back");
	return 0;
}

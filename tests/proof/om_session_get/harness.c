/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_session_get(): a call becomes a user of the session that it names.
 *
 * Assumes: a table that others change meanwhile as sessions.h allows: anything may become
 * of an entry that this call does not use; one that it uses stays what it is, and may
 * close or become stale; under the lock an open session stays open. One that is open is
 * there once (om_session_publish/).
 * Bounded: 3 entries.
 * Proves: memory safety; what is got was open, and had this id, when the call became its
 * user, and keeps both TA and entry until it is put; the call is its user once, and of
 * nothing else; a miss is only believed under the lock: no open session has the id then.
 *
 * Class: quick
 * Replace: word_of:word_among_others
 * Unwind: 5
 *   The table has 3 entries; an exchange that fails has seen what is there now.
 */
#include "proof.h"

#include "sessions.c"

#define ENTRIES	3u

static struct om_vm vm;
static struct om_sessions sessions = { .vm = &vm };
static struct om_session table[ENTRIES];
static struct om_host_ops ops;

/* The words as others left them: what differs is this call's doing. */
static uint64_t left[ENTRIES];

static struct {
	bool locked;
	uint32_t user_of;	/* the entry that the call is a user of */
	bool was_missing;	/* when the lock was given back: nothing open has the id */
	uint32_t wanted;
	uint32_t looks;
} seen;

static uint32_t state_in(uint64_t word)
{
	return (uint32_t)om_low(word) & ~USERS;
}

static uint32_t users_in(uint64_t word)
{
	return (uint32_t)om_low(word) & USERS;
}

static bool is_wanted(uint64_t word)
{
	return state_in(word) == OPEN && om_high(word) == seen.wanted;
}

/* What the call has done since others left the table. */
static void notice(void)
{
	uint32_t i;

	for (i = 0; i < ENTRIES; i++) {
		if (table[i].word == left[i])
			continue;
		PROVE(i < sessions.count && seen.user_of == OM_NONE,
		      "a call is a user once, of an entry that is there");
		PROVE(is_wanted(left[i]) && table[i].word == left[i] + USER,
		      "what gets a user is open under its id, and gets nothing else");
		seen.user_of = i;
		left[i] = table[i].word;
	}
}

/* Others have done something to this entry, or nothing. */
static void disturb(uint32_t i)
{
	uint64_t word = any_u64(), old = left[i];
	uint32_t state = state_in(word);

	if (any_bool())
		return;
	ASSUME(state == FREE || state == OPEN || state == CLOSING || state == STALE);
	ASSUME(users_in(word) < OM_LIMIT_THREADS && IMPLIES(state == FREE, users_in(word) == 0));
	if (seen.user_of == i)
		ASSUME(om_high(word) == om_high(old) && users_in(word) >= 1 && state != FREE);
	if (seen.locked)
		ASSUME(state == state_in(old) && om_high(word) == om_high(old));
	table[i].word = left[i] = word;
}

static void disturb_all(void)
{
	uint32_t i, n = 0;

	notice();
	for (i = 0; i < ENTRIES; i++) {
		disturb(i);
		n += i < sessions.count && is_wanted(table[i].word);
	}
	ASSUME(n <= 1);
}

/* A look at an entry's word while others run. */
uint64_t word_among_others(const struct om_session *session)
{
	uint64_t word = session->word;

	seen.looks++;
	disturb_all();
	return word;
}

static void take_lock(void *ctx)
{
	(void)ctx;
	PROVE(!seen.locked, "the lock is not taken twice");
	disturb_all();
	seen.locked = true;
}

static void give_lock(void *ctx)
{
	uint32_t i;

	(void)ctx;
	PROVE(seen.locked, "the lock is given back once");
	notice();
	seen.was_missing = true;
	for (i = 0; i < ENTRIES; i++)
		if (i < sessions.count && is_wanted(table[i].word))
			seen.was_missing = false;
	seen.locked = false;
	disturb_all();
}

int main(void)
{
	uint32_t got, i;

	ops.lock = take_lock;
	ops.unlock = give_lock;
	vm.ops = &ops;
	sessions.table = table;
	sessions.count = 1 + any_below(ENTRIES);
	seen.user_of = OM_NONE;
	seen.wanted = any_u32();
	for (i = 0; i < ENTRIES; i++)
		left[i] = table[i].word;
	disturb_all();

	got = om_session_get(&sessions, seen.wanted);

	notice();
	PROVE(!seen.locked, "the lock is given back");
	PROVE(got == seen.user_of, "what is got has one user more, and nothing else has");
	if (got == OM_NONE) {
		PROVE(seen.was_missing, "a miss is only believed under the lock");
		REACHED("missed");
		return 0;
	}
	PROVE(om_high(table[got].word) == seen.wanted && users_in(table[got].word) >= 1,
	      "... and is the same until it is put");
	if (seen.looks > 1)
		REACHED("got under the lock");
	else
		REACHED("got without the lock");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of sessions: which TA an id stands for, who is on the way in with it, and
 * how many there are; compared all the way with a table of the test's own. Knows no messages.
 */
#include "rig.h"

#define LIMIT	3u	/* of sessions */

static const uint8_t ta_a[OM_TA_UUID_SIZE] = { 0xa, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
					       14, 15 };
/* As ta_a but for the last octet. */
static const uint8_t ta_b[OM_TA_UUID_SIZE] = { 0xa, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
					       14, 16 };

/* How often the lock was taken, and whether it is. */
static uint32_t locks, locked;

static void count_lock(void *guest)
{
	(void)guest;
	locks++;
	om_store_release(&locked, 1);
}

static void count_unlock(void *guest)
{
	(void)guest;
	om_store_release(&locked, 0);
}

static void count_locks(struct rig *rig)
{
	rig->host->ops.lock = count_lock;
	rig->host->ops.unlock = count_unlock;
}

/* An empty table; behind it is, for who goes too far, one more session that is open. */
static struct rig *new_rig(void)
{
	static struct om_session table[LIMIT + 2];
	struct rig_setup setup = rig_default;
	struct om_sessions *sessions;
	uint32_t index, others;
	struct rig *rig;

	setup.limits.sessions = LIMIT;
	setup.prepare = count_locks;
	rig = rig_new(&setup);
	sessions = &rig->guest->sessions;
	memset(table, 0, sizeof(table));
	sessions->table = table;
	sessions->count = LIMIT + 1;
	index = om_session_reserve(sessions, ta_a, &others);
	om_session_publish(sessions, index, UINT32_MAX, true);
	sessions->count = LIMIT;
	om_sessions_init(sessions);
	return rig;
}

/* --- A long random walk --------------------------------------------------------- */

enum state { FREE, OPENING, OPEN, CLOSING, STALE };

struct entry {
	enum state state;
	uint32_t id;
	uint32_t users;
	const uint8_t *ta;
	bool loaded;
};

struct walk {
	struct rig *rig;
	struct om_sessions *sessions;
	struct entry entry[LIMIT];	/* as the table has them */
	uint64_t seed;
};

static uint32_t pick(struct walk *w, uint32_t n)
{
	return (uint32_t)(rig_random(&w->seed) % n);
}

/* They are OP-TEE's to choose: any 32 bits, at the edges of them, too. Some have one place. */
static uint32_t pick_id(struct walk *w)
{
	static const uint32_t ids[] = { 0, 1, LIMIT - 1, 2 * LIMIT - 1, 0x80000000, UINT32_MAX };

	return ids[pick(w, COUNT_OF(ids))];
}

static uint32_t open_with(const struct walk *w, uint32_t id)
{
	for (uint32_t i = 0; i < LIMIT; i++)
		if (w->entry[i].state == OPEN && w->entry[i].id == id)
			return i;
	return OM_NONE;
}

/* Invariant I5: there is room for so many; whatever state they are in, those of a TA are told. */
static void walk_reserve(struct walk *w)
{
	const uint8_t *ta = pick(w, 2) ? ta_a : ta_b;
	uint32_t used = 0, others = 0, told, index;

	for (uint32_t i = 0; i < LIMIT; i++) {
		used += w->entry[i].state != FREE;
		others += w->entry[i].state != FREE && w->entry[i].ta == ta;
	}
	index = om_session_reserve(w->sessions, ta, &told);
	assert_int_equal(told, others);
	assert_int_equal(index == OM_NONE, used == LIMIT);
	if (index == OM_NONE)
		return;
	assert_int_equal(w->entry[index].state, FREE);
	w->entry[index] = (struct entry){ .state = OPENING, .ta = ta };
}

/* Its users are for its TA to the end; the last of them frees the entry. */
static void goes_stale(struct entry *e)
{
	e->state = e->users ? STALE : FREE;
}

/* OP-TEE has opened it, perhaps under an id that it gives again; it goes where its id says. */
static void walk_publish(struct walk *w, uint32_t i)
{
	uint32_t id = pick_id(w), at = id % LIMIT, old = open_with(w, id);
	struct entry new = w->entry[i];
	bool loaded = pick(w, 4) == 0;

	new.state = OPEN;
	new.id = id;
	new.loaded = loaded;
	/* What is loaded for one, of whatever state, is for the next. */
	for (uint32_t k = 0; k < LIMIT; k++)
		new.loaded |= w->entry[k].state != FREE && w->entry[k].ta == new.ta &&
			      w->entry[k].loaded;
	om_session_publish(w->sessions, i, id, loaded);
	if (old != OM_NONE)
		goes_stale(&w->entry[old]);
	w->entry[i].state = FREE;
	while (w->entry[at].state != FREE)
		at = (at + 1) % LIMIT;
	w->entry[at] = new;
}

/* Where its id says it should be, a session is named without the lock. */
static void walk_get(struct walk *w)
{
	uint32_t id = pick_id(w), index = open_with(w, id);

	locks = 0;
	assert_int_equal(om_session_get(w->sessions, id), index);
	assert_int_equal(locks, index != id % LIMIT);
	if (index != OM_NONE)
		w->entry[index].users++;
}

/* Only what frees an entry needs the lock. */
static void walk_put(struct walk *w, uint32_t i)
{
	bool frees = --w->entry[i].users == 0 && w->entry[i].state == STALE;

	locks = 0;
	om_session_put(w->sessions, i);
	assert_int_equal(locks, frees);
	if (frees)
		w->entry[i].state = FREE;
}

/* A user closes it, and is none any more. What is stale or closing cannot be closed. */
static void walk_close(struct walk *w, uint32_t i)
{
	bool open = w->entry[i].state == OPEN;

	assert_int_equal(om_session_close(w->sessions, i), open);
	if (!open)
		return;
	w->entry[i].state = CLOSING;
	w->entry[i].users--;
}

/* OP-TEE was not asked, or did not do it: if it gave the id again (it lies), the newest stays. */
static void walk_reopen(struct walk *w, uint32_t i)
{
	om_session_reopen(w->sessions, i);
	if (open_with(w, w->entry[i].id) == OM_NONE)
		w->entry[i].state = OPEN;
	else
		goes_stale(&w->entry[i]);
}

static void walk_end(struct walk *w, uint32_t i)
{
	om_session_end(w->sessions, i);
	w->entry[i].state = FREE;
}

/* Invariant I9: a guest that starts over has none, whatever state they were in. */
static void walk_reset(struct walk *w)
{
	assert_int_equal(om_guest_reset(w->rig->guest), OM_OK);
	memset(w->entry, 0, sizeof(w->entry));
}

static void walk_step(struct walk *w)
{
	uint32_t i = pick(w, LIMIT);
	const struct entry *e = &w->entry[i];

	switch (pick(w, 8)) {
	case 0: case 1:
		walk_reserve(w);
		break;
	case 2: case 3:
		walk_get(w);
		break;
	case 4:
		if (e->users)
			walk_close(w, i);
		break;
	case 5: case 6:
		if (e->state == OPENING)
			walk_publish(w, i);
		else if (e->users)
			walk_put(w, i);
		else if (e->state == CLOSING)
			walk_end(w, i);
		break;
	default:
		if (e->state == CLOSING)
			walk_reopen(w, i);
		else if (e->state == OPENING && pick(w, 2))
			walk_end(w, i);
		else if (pick(w, 1000) == 0)
			walk_reset(w);
		break;
	}
}

static void walk_compare(const struct walk *w)
{
	uint32_t used = 0;

	assert_int_equal(locked, 0);
	for (uint32_t i = 0; i < LIMIT; i++) {
		const struct entry *e = &w->entry[i];

		assert_int_equal(om_session_is_unused(w->sessions, i), e->users == 0);
		if (e->state == FREE)
			continue;
		used++;
		assert_memory_equal(w->sessions->table[i].ta, e->ta, OM_TA_UUID_SIZE);
		assert_int_equal(w->sessions->table[i].loaded, e->loaded);
	}
	assert_int_equal(w->sessions->used, used);
}

RIG_TEST_BY(test_random_walk_of_sessions, new_rig())
{
	struct walk w = { .rig = rig, .sessions = &rig->guest->sessions, .seed = 2026 };

	for (uint32_t i = 0; i < 200000; i++) {
		walk_step(&w);
		walk_compare(&w);
	}
}

/* --- Without the lock --------------------------------------------------------------------- */
/*
 * Another vCPU closes and opens sessions under the one id, for one TA and the other by
 * turns, as honest calls and a lying OP-TEE have it; or it is a user of one.
 */
static struct {
	struct om_guest *guest;
	uint32_t turn;
	uint32_t held;		/* OM_NONE: it is no user */
} other;

static void other_opens(const uint8_t *ta)
{
	uint32_t others;
	uint32_t index = om_session_reserve(&other.guest->sessions, ta, &others);

	if (index != OM_NONE)
		om_session_publish(&other.guest->sessions, index, 7, false);
}

/* Where calls that are on their way in are left alone, the next TA has the id. */
static void other_closes_and_opens(void)
{
	const uint8_t *ta = other.turn % 4 < 2 ? ta_a : ta_b;
	uint32_t index = om_session_get(&other.guest->sessions, 7);

	if (index == OM_NONE)
		return;
	if (!om_session_close(&other.guest->sessions, index)) {
		om_session_put(&other.guest->sessions, index);
		return;
	}
	if (!om_session_is_unused(&other.guest->sessions, index)) {
		om_session_reopen(&other.guest->sessions, index);
		return;
	}
	om_session_end(&other.guest->sessions, index);
	other_opens(ta);
}

static void other_vcpu(int signal)
{
	(void)signal;
	/* On one thread nobody could wait for the lock. */
	if (om_load_acquire(&locked))
		return;
	other.turn++;
	if (other.held != OM_NONE) {
		om_session_put(&other.guest->sessions, other.held);
		other.held = OM_NONE;
	} else if (other.turn % 3 == 0) {
		other.held = om_session_get(&other.guest->sessions, 7);
	} else if (other.turn % 7 == 0) {
		other_opens(other.turn % 2 ? ta_a : ta_b);
	} else {
		other_closes_and_opens();
	}
}

/* What tells the two TAs apart, loaded anew each time. */
static uint8_t last_octet(struct om_guest *guest, uint32_t index)
{
	const volatile uint8_t *ta = guest->sessions.table[index].ta;

	return ta[OM_TA_UUID_SIZE - 1];
}

/* A user's TA is the same from beginning to end; the number of times that it was not. */
static uint32_t use_many_times(struct om_guest *guest, uint32_t times)
{
	uint32_t wrong = 0;

	for (uint32_t n = 0; n < times; n++) {
		uint32_t index = om_session_get(&guest->sessions, 7);
		uint8_t last;

		if (index == OM_NONE)
			continue;
		last = last_octet(guest, index);
		wrong += last != ta_a[OM_TA_UUID_SIZE - 1] && last != ta_b[OM_TA_UUID_SIZE - 1];
		wrong += om_session_is_unused(&guest->sessions, index);
		wrong += last_octet(guest, index) != last;
		om_session_put(&guest->sessions, index);
	}
	return wrong;
}

RIG_TEST_BY(fault_c1_a_user_keeps_its_ta_at_any_instruction, new_rig())
{
	uint32_t wrong;

	memset(&other, 0, sizeof(other));
	other.guest = rig->guest;
	other.held = OM_NONE;
	other_opens(ta_a);
	rig_preempt(other_vcpu, 20);
	wrong = use_many_times(rig->guest, 400000);
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	/* Nobody is left who uses one, and so one entry is taken, of the one that is open. */
	if (other.held != OM_NONE)
		om_session_put(&rig->guest->sessions, other.held);
	assert_int_equal(rig->guest->sessions.used, 1);
	assert_int_not_equal(om_session_get(&rig->guest->sessions, 7), OM_NONE);
}

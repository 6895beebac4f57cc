/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of sessions: which TA an id stands for, who is on the way in with it, and
 * how many there are. Knows no messages.
 */
#include "rig.h"

#include <pthread.h>
#include <sched.h>

#define LIMIT	4u	/* of sessions, RIG_SESSION included */

static const struct rig_setup small = {
	.limits = { .threads = 4, .buffers = 8, .rpc_args = 4, .pages = 64, .list_pages = 4,
		    .sessions = LIMIT },
	.ram_pages = 128,
};

static const uint8_t ta_a[OM_TA_UUID_SIZE] = { 0xa, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
					       14, 15 };
/* As ta_a but for the last octet. */
static const uint8_t ta_b[OM_TA_UUID_SIZE] = { 0xa, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
					       14, 16 };

/* A session that is charged; OM_NONE at the limit. */
static uint32_t reserve(struct om_guest *guest, const uint8_t *ta)
{
	uint32_t others;

	return om_session_reserve(&guest->sessions, ta, &others);
}

static void assert_full(struct rig *rig)
{
	assert_int_equal(reserve(rig->guest, ta_a), OM_NONE);
}

static void open_as(struct rig *rig, uint32_t id, const uint8_t *ta, bool loaded)
{
	uint32_t index = reserve(rig->guest, ta);

	assert_int_not_equal(index, OM_NONE);
	om_session_publish(&rig->guest->sessions, index, id, loaded);
}

/* The session with this id, which must be open for this TA; a user is the caller's. */
static uint32_t get(struct rig *rig, uint32_t id, const uint8_t *ta)
{
	uint32_t index = om_session_get(&rig->guest->sessions, id);

	assert_true(index < rig->guest->vm.limits.sessions);
	assert_memory_equal(rig->guest->sessions.table[index].ta, ta, OM_TA_UUID_SIZE);
	return index;
}

static void assert_none(struct rig *rig, uint32_t id)
{
	assert_int_equal(om_session_get(&rig->guest->sessions, id), OM_NONE);
}

static bool is_loaded(struct rig *rig, uint32_t id)
{
	uint32_t index = om_session_get(&rig->guest->sessions, id);
	bool loaded;

	assert_int_not_equal(index, OM_NONE);
	loaded = rig->guest->sessions.table[index].loaded;
	om_session_put(&rig->guest->sessions, index);
	return loaded;
}

static uint32_t begin_close(struct rig *rig, uint32_t id)
{
	uint32_t index = om_session_get(&rig->guest->sessions, id);

	assert_int_not_equal(index, OM_NONE);
	assert_true(om_session_close(&rig->guest->sessions, index));
	return index;
}

static void close_it(struct rig *rig, uint32_t id)
{
	uint32_t index = begin_close(rig, id);

	assert_true(om_session_is_unused(&rig->guest->sessions, index));
	om_session_end(&rig->guest->sessions, index);
}

/* An empty table, of so many entries. */
static struct rig *new_rig(uint32_t limit, void (*prepare)(struct rig *rig))
{
	struct rig_setup setup = small;
	struct rig *rig;

	setup.limits.sessions = limit;
	setup.prepare = prepare;
	rig = rig_new(&setup);
	close_it(rig, RIG_SESSION);
	assert_int_equal(rig->guest->sessions.used, 0);
	return rig;
}

#define SESSIONS_TEST(name) RIG_TEST_BY(name, new_rig(LIMIT, NULL))

/* --- The life of a session ------------------------------------------------------ */

SESSIONS_TEST(test_life_of_a_session)
{
	struct om_guest *guest = rig->guest;
	uint32_t index;

	/* Reserved: charged, and nobody can name it. */
	assert_none(rig, 7);
	index = reserve(guest, ta_a);
	assert_int_not_equal(index, OM_NONE);
	assert_int_equal(guest->sessions.used, 1);
	assert_none(rig, 7);
	assert_none(rig, 0);
	/* Open: anybody can, any number of times. */
	om_session_publish(&guest->sessions, index, 7, false);
	assert_int_equal(guest->sessions.used, 1);
	index = get(rig, 7, ta_a);
	assert_int_equal(get(rig, 7, ta_a), index);
	assert_int_equal(get(rig, 7, ta_a), index);
	assert_false(om_session_is_unused(&guest->sessions, index));
	/* Closing: nobody new, and it waits for those before; its closer is none of them. */
	assert_true(om_session_close(&guest->sessions, index));
	assert_none(rig, 7);
	assert_false(om_session_close(&guest->sessions, index));
	assert_false(om_session_is_unused(&guest->sessions, index));
	om_session_put(&guest->sessions, index);
	assert_false(om_session_is_unused(&guest->sessions, index));
	om_session_put(&guest->sessions, index);
	assert_true(om_session_is_unused(&guest->sessions, index));
	assert_int_equal(guest->sessions.used, 1);
	/* Ended. */
	om_session_end(&guest->sessions, index);
	assert_int_equal(guest->sessions.used, 0);
	assert_none(rig, 7);
}

SESSIONS_TEST(test_reserved_and_not_opened)
{
	uint32_t index = reserve(rig->guest, ta_a);

	assert_int_equal(rig->guest->sessions.used, 1);
	om_session_end(&rig->guest->sessions, index);
	assert_int_equal(rig->guest->sessions.used, 0);
}

/* OP-TEE was not asked, or did not do it: open again, whoever uses it still. */
SESSIONS_TEST(test_closing_and_open_again)
{
	struct om_guest *guest = rig->guest;
	uint32_t index = OM_NONE;

	for (uint32_t users = 0; users <= 3; users++) {
		open_as(rig, 7, ta_a, false);
		for (uint32_t i = 0; i < users; i++)
			index = get(rig, 7, ta_a);
		index = begin_close(rig, 7);
		assert_none(rig, 7);
		om_session_reopen(&guest->sessions, index);
		assert_int_equal(guest->sessions.used, 1);
		assert_int_equal(get(rig, 7, ta_a), index);
		om_session_put(&guest->sessions, index);
		for (uint32_t i = 0; i < users; i++) {
			assert_false(om_session_is_unused(&guest->sessions, index));
			om_session_put(&guest->sessions, index);
		}
		assert_true(om_session_is_unused(&guest->sessions, index));
		/* As good as new. */
		close_it(rig, 7);
		assert_int_equal(guest->sessions.used, 0);
	}
}

/* Invariant I9: a guest that starts over has none, whatever state they were in. */
SESSIONS_TEST(test_invariant_9_none_after_a_reset)
{
	struct om_guest *guest = rig->guest;
	enum om_result result;

	open_as(rig, 1, ta_a, true);
	open_as(rig, 2, ta_a, true);
	begin_close(rig, 1);
	get(rig, 2, ta_a);
	open_as(rig, 2, ta_b, true);
	get(rig, 2, ta_b);
	assert_int_not_equal(reserve(guest, ta_a), OM_NONE);
	do
		result = om_guest_reset(guest);
	while (result == OM_AGAIN);
	assert_int_equal(result, OM_OK);
	assert_int_equal(guest->sessions.used, 0);
	for (uint32_t i = 0; i < LIMIT; i++) {
		assert_none(rig, i);
		open_as(rig, i, ta_a, false);
		/* What was loaded in the life before is not in this one. */
		assert_false(is_loaded(rig, i));
	}
	assert_full(rig);
}

/* --- Ids -------------------------------------------------------------------------- */

static uint32_t locks;

static void count_lock(void *guest)
{
	(void)guest;
	locks++;
}

static void no_unlock(void *guest)
{
	(void)guest;
}

static void count_locks(struct rig *rig)
{
	rig->host->ops.lock = count_lock;
	rig->host->ops.unlock = no_unlock;
}

/* They are OP-TEE's to choose: any 32 bits, at the edges of them, too. */
SESSIONS_TEST(test_any_id)
{
	static const uint32_t ids[] = { 0, 1, LIMIT - 1, LIMIT, 0x7fffffff, 0x80000000,
					0xfffffffe, 0xffffffff };

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		uint32_t index;

		open_as(rig, ids[i], ta_a, false);
		for (size_t k = 0; k < COUNT_OF(ids); k++)
			if (k != i)
				assert_none(rig, ids[k]);
		index = get(rig, ids[i], ta_a);
		om_session_put(&rig->guest->sessions, index);
		close_it(rig, ids[i]);
		/* A free entry still has its bits: 0 is no session's by itself. */
		assert_none(rig, ids[i]);
	}
}

/* Where its id says it should be, a session is named without the lock; else with it. */
RIG_TEST_BY(test_ids_that_collide_in_a_place, new_rig(LIMIT, count_locks))
{
	uint32_t index[LIMIT];

	/* All want the last place, so they go on from the first. */
	for (uint32_t i = 0; i < LIMIT; i++) {
		open_as(rig, LIMIT - 1 + i * LIMIT, i % 2 ? ta_b : ta_a, false);
		locks = 0;
		index[i] = get(rig, LIMIT - 1 + i * LIMIT, i % 2 ? ta_b : ta_a);
		assert_int_equal(index[i], (LIMIT - 1 + i) % LIMIT);
		assert_int_equal(locks, i == 0 ? 0 : 1);
		om_session_put(&rig->guest->sessions, index[i]);
		assert_int_equal(locks, i == 0 ? 0 : 1);
	}
	assert_none(rig, 0);
	/* The first goes; the others are found as before. */
	close_it(rig, LIMIT - 1);
	for (uint32_t i = 1; i < LIMIT; i++) {
		assert_int_equal(get(rig, LIMIT - 1 + i * LIMIT, i % 2 ? ta_b : ta_a), index[i]);
		om_session_put(&rig->guest->sessions, index[i]);
	}
	assert_none(rig, LIMIT - 1);
	/* What comes takes the one free place, far from its own. */
	open_as(rig, 0, ta_a, false);
	assert_int_equal(get(rig, 0, ta_a), LIMIT - 1);
	om_session_put(&rig->guest->sessions, LIMIT - 1);
}

/* --- An id that OP-TEE gives again --------------------------------------------------- */

/* It was open, and nobody was on the way in with it: gone at once. */
SESSIONS_TEST(test_given_again_while_open)
{
	uint32_t index;

	open_as(rig, 7, ta_a, false);
	open_as(rig, 7, ta_b, false);
	assert_int_equal(rig->guest->sessions.used, 1);
	index = get(rig, 7, ta_b);
	om_session_put(&rig->guest->sessions, index);
	close_it(rig, 7);
	assert_none(rig, 7);
}

/* Its users are for the first TA to the end; the last of them frees the entry. */
SESSIONS_TEST(test_given_again_while_in_use)
{
	struct om_guest *guest = rig->guest;
	uint32_t first, second;

	open_as(rig, 7, ta_a, false);
	first = get(rig, 7, ta_a);
	get(rig, 7, ta_a);
	open_as(rig, 7, ta_b, false);
	assert_int_equal(guest->sessions.used, 2);
	second = get(rig, 7, ta_b);
	assert_int_not_equal(first, second);
	assert_memory_equal(guest->sessions.table[first].ta, ta_a, OM_TA_UUID_SIZE);
	/* A CLOSE that named the first cannot close the second. */
	assert_false(om_session_close(&guest->sessions, first));
	om_session_put(&guest->sessions, first);
	assert_int_equal(guest->sessions.used, 2);
	assert_memory_equal(guest->sessions.table[first].ta, ta_a, OM_TA_UUID_SIZE);
	om_session_put(&guest->sessions, first);
	assert_int_equal(guest->sessions.used, 1);
	/* That of the second does not end the first's. */
	om_session_put(&guest->sessions, second);
	close_it(rig, 7);
	assert_int_equal(guest->sessions.used, 0);
}

/* OP-TEE closed it, gave the id again, and only then the CLOSE comes back. */
SESSIONS_TEST(test_given_again_while_closing)
{
	struct om_guest *guest = rig->guest;
	uint32_t first, second;

	open_as(rig, 7, ta_a, false);
	first = begin_close(rig, 7);
	open_as(rig, 7, ta_b, false);
	assert_int_equal(guest->sessions.used, 2);
	second = get(rig, 7, ta_b);
	assert_int_not_equal(first, second);
	om_session_end(&guest->sessions, first);
	assert_int_equal(guest->sessions.used, 1);
	om_session_put(&guest->sessions, second);
	assert_int_equal(get(rig, 7, ta_b), second);
	om_session_put(&guest->sessions, second);
}

/* The same, and then OP-TEE says that it did not close it (it lies): the newest stays. */
SESSIONS_TEST(test_given_again_and_not_closed)
{
	struct om_guest *guest = rig->guest;
	uint32_t first;

	for (uint32_t users = 0; users <= 2; users++) {
		open_as(rig, 7, ta_a, false);
		for (uint32_t i = 0; i < users; i++)
			get(rig, 7, ta_a);
		first = begin_close(rig, 7);
		open_as(rig, 7, ta_b, false);
		om_session_reopen(&guest->sessions, first);
		for (uint32_t i = 0; i < users; i++) {
			assert_int_equal(guest->sessions.used, 2);
			assert_memory_equal(guest->sessions.table[first].ta, ta_a, OM_TA_UUID_SIZE);
			assert_false(om_session_close(&guest->sessions, first));
			om_session_put(&guest->sessions, first);
		}
		assert_int_equal(guest->sessions.used, 1);
		om_session_put(&guest->sessions, get(rig, 7, ta_b));
		close_it(rig, 7);
	}
	/* Another session that is open does not have the id. */
	open_as(rig, 7, ta_a, false);
	open_as(rig, 8, ta_b, false);
	om_session_reopen(&guest->sessions, begin_close(rig, 7));
	om_session_put(&guest->sessions, get(rig, 7, ta_a));
	assert_int_equal(guest->sessions.used, 2);
}

/* --- The limit ------------------------------------------------------------------------- */

/* Invariant I5: n are accepted, one more is not, and after one has ended it is. */
TEST(test_invariant_5_number_of_sessions)
{
	static const uint32_t limits[] = { 1, 2, 3, LIMIT, 0, OM_LIMIT_SESSIONS };

	for (size_t l = 0; l < COUNT_OF(limits); l++) {
		struct rig *rig = new_rig(limits[l], NULL);
		uint32_t n = limits[l] ? limits[l] : OM_SESSIONS_DEFAULT;
		uint32_t index;

		assert_int_equal(rig->guest->vm.limits.sessions, n);
		for (uint32_t i = 0; i < n; i++)
			open_as(rig, i * 3, ta_a, false);
		assert_full(rig);
		assert_int_equal(rig->guest->sessions.used, n);
		/* One that closes counts until it has. */
		index = begin_close(rig, n / 2 * 3);
		assert_full(rig);
		om_session_end(&rig->guest->sessions, index);
		index = reserve(rig->guest, ta_b);
		assert_int_not_equal(index, OM_NONE);
		/* One that is not open yet counts, too. */
		assert_full(rig);
		om_session_end(&rig->guest->sessions, index);
		open_as(rig, UINT32_MAX, ta_b, false);
		om_session_put(&rig->guest->sessions, get(rig, UINT32_MAX, ta_b));
		assert_full(rig);
		rig_free(rig);
	}
}

/* An entry that its users keep is charged, so that there always is a free one. */
RIG_TEST_BY(test_invariant_5_stale_sessions_count, new_rig(2, NULL))
{
	struct om_guest *guest = rig->guest;
	uint32_t first, second;

	open_as(rig, 7, ta_a, false);
	first = get(rig, 7, ta_a);
	open_as(rig, 7, ta_b, false);
	second = get(rig, 7, ta_b);
	assert_full(rig);
	om_session_put(&guest->sessions, first);
	open_as(rig, 7, ta_a, false);
	assert_int_equal(get(rig, 7, ta_a), first);
	assert_full(rig);
	om_session_put(&guest->sessions, second);
	om_session_put(&guest->sessions, first);
	open_as(rig, 8, ta_a, false);
}

/* How many others the TA of a new session has, of which there is room. */
static uint32_t others_of(struct rig *rig, const uint8_t *ta)
{
	uint32_t others = UINT32_MAX;
	uint32_t index = om_session_reserve(&rig->guest->sessions, ta, &others);

	assert_int_not_equal(index, OM_NONE);
	om_session_end(&rig->guest->sessions, index);
	return others;
}

/* Whatever state they are in, until they are nobody's any more. */
RIG_TEST_BY(test_sessions_of_a_ta_are_counted, new_rig(8, NULL))
{
	struct om_sessions *sessions = &rig->guest->sessions;
	uint32_t opening, user, closing;

	assert_int_equal(others_of(rig, ta_a), 0);
	opening = reserve(rig->guest, ta_a);
	assert_int_equal(others_of(rig, ta_a), 1);
	assert_int_equal(others_of(rig, ta_b), 0);
	om_session_publish(sessions, opening, 7, false);
	assert_int_equal(others_of(rig, ta_a), 1);
	/* Under a user; then OP-TEE gives the id again. */
	user = get(rig, 7, ta_a);
	open_as(rig, 7, ta_b, false);
	assert_int_equal(others_of(rig, ta_a), 1);
	assert_int_equal(others_of(rig, ta_b), 1);
	om_session_put(sessions, user);
	assert_int_equal(others_of(rig, ta_a), 0);

	open_as(rig, 8, ta_b, true);
	open_as(rig, 16, ta_b, false);
	assert_int_equal(others_of(rig, ta_b), 3);
	closing = begin_close(rig, 8);
	assert_int_equal(others_of(rig, ta_b), 3);
	om_session_end(sessions, closing);
	assert_int_equal(others_of(rig, ta_b), 2);
	/* What is opened keeps its TA, wherever it comes to lie. */
	om_session_put(sessions, get(rig, 7, ta_b));
	om_session_put(sessions, get(rig, 16, ta_b));
}

/* At the limit of all sessions those of a TA are still told. */
SESSIONS_TEST(test_sessions_of_a_ta_are_counted_at_the_limit)
{
	uint32_t others = UINT32_MAX;

	for (uint32_t i = 0; i < LIMIT; i++)
		open_as(rig, i, i ? ta_a : ta_b, false);
	assert_int_equal(om_session_reserve(&rig->guest->sessions, ta_a, &others), OM_NONE);
	assert_int_equal(others, LIMIT - 1);
}

/* --- TAs that were loaded ---------------------------------------------------------------- */

SESSIONS_TEST(test_what_is_loaded_for_one_is_for_the_next)
{
	struct om_guest *guest = rig->guest;
	uint32_t index;

	open_as(rig, 1, ta_a, false);
	assert_false(is_loaded(rig, 1));
	open_as(rig, 2, ta_a, true);
	assert_true(is_loaded(rig, 2));
	/* Not for the one before: it is what it was when it was opened. */
	assert_false(is_loaded(rig, 1));
	open_as(rig, 3, ta_a, false);
	assert_true(is_loaded(rig, 3));
	open_as(rig, 4, ta_b, false);
	assert_false(is_loaded(rig, 4));
	close_it(rig, 4);
	/* The one that it was loaded for goes; the next still has it, and hands it on. */
	close_it(rig, 2);
	open_as(rig, 4, ta_a, false);
	assert_true(is_loaded(rig, 4));
	close_it(rig, 3);
	/* Also while it is closing: OP-TEE may do so after it has opened the next. */
	index = begin_close(rig, 4);
	open_as(rig, 5, ta_a, false);
	assert_true(is_loaded(rig, 5));
	om_session_end(&guest->sessions, index);
	close_it(rig, 5);
	/* Gone with the last one, though a session that never had it is open still. */
	open_as(rig, 6, ta_a, false);
	assert_false(is_loaded(rig, 6));
}

/* OP-TEE gave the id again: the TA of those who are on their way is loaded still. */
SESSIONS_TEST(test_what_is_loaded_for_a_stale_one_is_for_the_next)
{
	uint32_t index;

	open_as(rig, 1, ta_a, true);
	index = get(rig, 1, ta_a);
	open_as(rig, 1, ta_b, false);
	assert_false(is_loaded(rig, 1));
	open_as(rig, 2, ta_a, false);
	assert_true(is_loaded(rig, 2));
	close_it(rig, 2);
	om_session_put(&rig->guest->sessions, index);
	open_as(rig, 2, ta_a, false);
	assert_false(is_loaded(rig, 2));
}

/* --- Without the lock --------------------------------------------------------------------- */

/*
 * Another vCPU closes and opens sessions under the one id, for one TA and the other by
 * turns, as honest calls and a lying OP-TEE have it; or it is a user of one.
 */
static struct {
	struct om_guest *guest;
	uint32_t lock;		/* a spin lock: atomic */
	uint32_t turn;
	uint32_t held;		/* OM_NONE: it is no user */
} other;

static void spin_lock(void *guest)
{
	(void)guest;
	while (!om_exchange(&other.lock, 0, 1))
		sched_yield();
}

static void spin_unlock(void *guest)
{
	(void)guest;
	om_store_release(&other.lock, 0);
}

static void with_spin_lock(struct rig *rig)
{
	rig->host->ops.lock = spin_lock;
	rig->host->ops.unlock = spin_unlock;
}

static void other_opens(const uint8_t *ta)
{
	uint32_t index = reserve(other.guest, ta);

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

static void other_goes_on(void)
{
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

static void other_vcpu(int signal)
{
	(void)signal;
	/* On one thread nobody could wait for the lock. */
	if (!om_load_acquire(&other.lock))
		other_goes_on();
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

static struct rig *race_rig(void)
{
	struct rig *rig;

	memset(&other, 0, sizeof(other));
	rig = new_rig(LIMIT, with_spin_lock);
	other.guest = rig->guest;
	other.held = OM_NONE;
	open_as(rig, 7, ta_a, false);
	return rig;
}

/* Nobody is left who uses one, and so one entry is taken, of the one that is open. */
static void end_race(struct rig *rig)
{
	if (other.held != OM_NONE)
		om_session_put(&rig->guest->sessions, other.held);
	assert_int_equal(rig->guest->sessions.used, 1);
	close_it(rig, 7);
	assert_none(rig, 7);
	assert_int_equal(rig->guest->sessions.used, 0);
	rig_free(rig);
}

TEST(fault_c1_a_user_keeps_its_ta_at_any_instruction)
{
	struct rig *rig = race_rig();
	uint32_t wrong;

	rig_preempt(other_vcpu, 20);
	wrong = use_many_times(rig->guest, 400000);
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	end_race(rig);
}

#define TIMES	100000u

static void *other_thread(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < TIMES; n++)
		other_goes_on();
	return NULL;
}

TEST(fault_c1_a_user_keeps_its_ta_beside_another_thread)
{
	struct rig *rig = race_rig();
	pthread_t thread;
	uint32_t wrong;

	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	wrong = use_many_times(rig->guest, TIMES);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(wrong, 0);
	end_race(rig);
}

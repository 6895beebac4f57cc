/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which session belongs to which TA.
 *
 * OP-TEE gives an id to each session, and gives it again as soon as the session is
 * closed. A command that was checked for one TA must never be carried out by another TA
 * that has the id by then. So the table counts the calls that are in transit with a
 * session, and a session is closed only when there is none.
 *
 * States of an entry, kept in `word` beside the number of users, which are calls in transit:
 *
 *   free      not used
 *   opening   charged for an OPEN_SESSION: it has a TA, but no id, because OP-TEE chooses it
 *   open      OP-TEE opened the session and calls can name it
 *   closing   a CLOSE_SESSION of the guest has claimed it: no new call can name it, and
 *             the CLOSE goes to OP-TEE when it has no users any more
 *   stale     OP-TEE gave the id again although the session was open: no call can name
 *             it, and the last user frees the entry
 *
 * An entry is charged as long as it is not free. One that is opened moves to the place that
 * follows from its id, if that is free.
 *
 * Locking: the guest's lock guards the table. A session that is at the place which follows
 * from its id is taken without the lock: one atomic exchange of id, state and users makes
 * the caller a user, or fails. When it fails, the session is searched under the lock.
 */
#ifndef OM_LIB_SESSIONS_H
#define OM_LIB_SESSIONS_H

#include "mem.h"
#include "vm.h"

#define OM_TA_UUID_SIZE 16u

struct om_session {
	uint64_t word;		/* atomic: the id in the upper half, state and users in the lower */
	/* Constant while the entry has a user. */
	uint8_t ta[OM_TA_UUID_SIZE];
	bool loaded;		/* the TA was loaded from the guest, and is not built into OP-TEE */
	/* vCPUs with a session each write `word` at once. */
	uint8_t apart[OM_APART];
} __attribute__((__aligned__(64)));

struct om_sessions {
	const struct om_vm *vm;
	struct om_session *table;
	uint32_t count;		/* number of entries: the limit */
	uint32_t used;		/* entries that are not free; under the lock, and atomic */
};

/* The UUID under which OP-TEE knows a TA of the guest. */
static inline void om_ta_alias(const struct om_vm *vm, const uint8_t *ta, uint8_t *alias)
{
	om_copy(alias, ta, OM_TA_UUID_SIZE);
	if (vm->ops->alias)
		vm->ops->alias(vm->ctx, ta, alias);
}

/*
 * Empty the table: om_sessions_init() resets the charges, om_sessions_init_row() entry i, if
 * there is one, in any order. No other CPU may use the table.
 */
void om_sessions_init(struct om_sessions *sessions);
void om_sessions_init_row(struct om_sessions *sessions, uint32_t i);

/*
 * Charges a session with this TA for an OPEN_SESSION. Returns its index, or OM_NONE at the limit.
 * others: set to the number of entries that the TA has already.
 */
uint32_t om_session_reserve(struct om_sessions *sessions, const uint8_t *ta, uint32_t *others);

/*
 * Turns a reserved session into an open one under this id. loaded: OP-TEE asked for the TA
 * during the call; a TA that was loaded for another open session counts as loaded, too.
 */
void om_session_publish(struct om_sessions *sessions, uint32_t index, uint32_t id, bool loaded);

/*
 * Makes the caller a user of an open session, which cannot be closed until om_session_put().
 * Returns its index, or OM_NONE when no open session has the id.
 */
uint32_t om_session_get(struct om_sessions *sessions, uint32_t id);
void om_session_put(struct om_sessions *sessions, uint32_t index);

/*
 * Claims a session for its CLOSE: no call can name it any more, and the caller is no longer a
 * user. The caller then calls one of the two functions below, om_session_end() only when
 * om_session_is_unused(). False when another call closes it; the caller is still a user then.
 */
bool om_session_close(struct om_sessions *sessions, uint32_t index);
bool om_session_is_unused(const struct om_sessions *sessions, uint32_t index);

/* Frees and refunds a session that OP-TEE has closed or does not know, or did not open. */
void om_session_end(struct om_sessions *sessions, uint32_t index);

/* Opens a session again whose CLOSE did not reach OP-TEE; its users keep it. */
void om_session_reopen(struct om_sessions *sessions, uint32_t index);

#endif

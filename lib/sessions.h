/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which session belongs to which TA.
 *
 * OP-TEE gives an id to each session, and gives it again as soon as the session is
 * closed. A command that was checked for one TA must never be carried out by the next
 * that has the id. So the table knows who is on the way into OP-TEE with a session, and
 * a session is only closed when nobody is.
 *
 * Life of an entry, kept in `word` beside the number of calls on their way in:
 *
 *   free      nobody's
 *   open      OP-TEE opened it and calls may name it
 *   closing   a CLOSE_SESSION of the guest's has it: no new call can name it, the CLOSE
 *             goes to OP-TEE when the calls before it have arrived there
 *   stale     OP-TEE gave its id again although it was open: nobody can name it, the
 *             last call that did frees it
 *
 * What OPEN_SESSION asks for is charged first and has no entry yet: its id is OP-TEE's
 * to choose.
 *
 * Locking: the guest's lock guards the table. Naming a session takes no lock when it is
 * where its id says it should be: one atomic exchange of id, state and users makes a user,
 * or does not. When it does not, the session is looked for under the lock.
 */
#ifndef OM_LIB_SESSIONS_H
#define OM_LIB_SESSIONS_H

#include "mem.h"
#include "vm.h"

#define OM_TA_UUID_SIZE 16u

struct om_session {
	uint64_t word;		/* atomic: OP-TEE's id above, below it state and users */
	/* Constant while anybody uses the entry. */
	uint8_t ta[OM_TA_UUID_SIZE];
	bool loaded;		/* the TA was loaded from the guest: no part of OP-TEE */
} __attribute__((__aligned__(64)));	/* vCPUs with a session each write `word` at once */

struct om_sessions {
	const struct om_vm *vm;
	struct om_session *table;
	uint32_t count;		/* entries, and so the limit */
	uint32_t used;		/* charged; under the lock, and atomic */
};

/* As which UUID OP-TEE knows a TA of the guest's. */
static inline void om_ta_alias(const struct om_vm *vm, const uint8_t *ta, uint8_t *alias)
{
	om_copy(alias, ta, OM_TA_UUID_SIZE);
	if (vm->ops->alias)
		vm->ops->alias(vm->ctx, ta, alias);
}

/*
 * Makes the table empty: nothing is charged; then every row, which is an entry, if there
 * are so many, in any order. Nobody else may be around.
 */
void om_sessions_init(struct om_sessions *sessions);
void om_sessions_init_row(struct om_sessions *sessions, uint32_t i);

/* Charges a session that is to be opened; false at the limit. */
bool om_session_reserve(struct om_sessions *sessions);

/* It was not opened. */
void om_session_cancel(struct om_sessions *sessions);

/*
 * It was, under this id: a reserved session becomes an open one. loaded: OP-TEE asked
 * for the TA meanwhile; a TA that has been loaded for another session is so, too.
 */
void om_session_publish(struct om_sessions *sessions, uint32_t id, const uint8_t *ta, bool loaded);

/*
 * Becomes a user of an open session: until om_session_put() it cannot be closed.
 * Returns its index, or OM_NONE when no open session has the id.
 */
uint32_t om_session_get(struct om_sessions *sessions, uint32_t id);
void om_session_put(struct om_sessions *sessions, uint32_t index);

/*
 * The caller, a user, is to close the session: nobody else can name it any more. False,
 * and still a user, when somebody else closes it. The caller is not among its users then
 * and calls one of the two below: om_session_end() only when om_session_is_unused().
 */
bool om_session_close(struct om_sessions *sessions, uint32_t index);
bool om_session_is_unused(const struct om_sessions *sessions, uint32_t index);

/* OP-TEE has closed it, or does not know it any more: refunded. */
void om_session_end(struct om_sessions *sessions, uint32_t index);

/* OP-TEE was not asked, or did not do it: open again, for those who still use it too. */
void om_session_reopen(struct om_sessions *sessions, uint32_t index);

#endif

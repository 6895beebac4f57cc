/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sessions.c and mapping.c as message.c and machine.c see them: any result that their headers
 * allow. That the real ones keep it is proved in om_session_get/, om_session_publish/ and
 * om_map_param/. They look on, too: what a call has charged and what it uses, so that each
 * is given back once.
 */
#ifndef TESTS_PROOF_ACCOUNTS_H
#define TESTS_PROOF_ACCOUNTS_H

#include "world.h"

struct accounts {
	/* Sessions: a call has to do with one at most. */
	uint32_t user_of;	/* the entry that the call is a user of, or OM_NONE */
	uint32_t closes;	/* the one that it closes, or OM_NONE */
	bool is_unused;		/* ... and that was seen without users */
	uint32_t opens;		/* the one that is charged for it, or OM_NONE */
	uint32_t others;	/* ... and so many its TA had already */
	uint32_t published;
	uint32_t published_id;
	uint32_t cancelled;
	uint32_t ended;
	uint32_t reopened;
	uint32_t got;		/* the id that was asked for last */
	/* Pages that are charged for the call's parameters, and whether to the window. */
	uint32_t pages;
	bool window;
};

extern struct accounts accounts;

/* A call that has nothing. world_init() comes first. */
void accounts_init(void);

/* The call says what it has, no more and no less, so that it can be given back (I9). */
bool accounts_are_recorded(const struct om_call *call);

/* Its command is one for a session that is open. */
bool accounts_names_session(const struct om_call *call);

/* As if accounts had been kept since the call began: they are what it says. */
void accounts_take_over(const struct om_call *call);

/* What all the buffers that its parameters name have, in pages. */
uint64_t accounts_held_pages(const struct om_call *call);

#endif

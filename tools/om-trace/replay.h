/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the library again: the one that this program is linked with, on operations that answer
 * as they did when the recording was made.
 */
#ifndef OM_TRACE_REPLAY_H
#define OM_TRACE_REPLAY_H

#include <optee_mediator/trace.h>

#include "reader.h"

/*
 * A run in a world that is not quite the recorded one: of it a recording is made anew. The
 * functions are called with arg; those that are NULL change nothing.
 */
struct replay_edit {
	void *arg;
	/* A run begins, perhaps not the first: guesses are taken back. */
	void (*begin)(void *arg);
	/* The arguments of a function of the library. */
	void (*enter)(void *arg, uint8_t cpu, struct om_record_enter *e);
	/* What was read of the guest. */
	void (*read)(void *arg, uint8_t cpu, void *bytes, size_t len);
	/* The shadow page that is in the place of this one; NULL: each is what it was. */
	uint64_t (*page)(void *arg, uint64_t pa);
	/*
	 * What OP-TEE wrote, as record number i says, is in these pages: the message's, and that
	 * of an argument. NULL: there is none.
	 */
	void (*written)(void *arg, size_t i, uint64_t *page[2]);
	/*
	 * The record that was made in place of record number i of the recording: true when that is a
	 * difference, and `why` says which. NULL: there is none, as long as they are of a kind.
	 */
	bool (*differs)(void *arg, size_t i, const struct record *recorded,
			const struct record *made, char *why, size_t size);
	/* After each call of a guest: true when nothing more is to be replayed. */
	bool (*is_over)(void *arg, const struct om_guest *guest);
};

/* What the library traced when it was run, on which CPU, and before which record. */
struct replay_event {
	size_t record;
	uint32_t cpu;
	struct om_trace_event event;
};

struct replay_result {
	size_t records;		/* that were the same, from the first on */
	bool differs;
	char why[1200];		/* when it differs: one line, without the file's name */
	struct replay_event *event;	/* for free(); only if asked for */
	size_t events;
	uint8_t *made;		/* for free(); only of an edited run: the records that were made */
	size_t made_size;
	size_t made_last;	/* where the one that differs begins, SIZE_MAX: none was made */
	bool is_over;		/* is_over() said so */
};

/* False: it could not be tried, and result->why says so in a line. */
bool replay(const struct recording *r, bool trace, struct replay_result *result);
bool replay_edited(const struct recording *r, const struct replay_edit *edit,
		   struct replay_result *result);

/* Adds a record with this sequence number to bytes, for free(), of which there are *size. */
uint8_t *replay_append(uint8_t *bytes, size_t *size, const struct record *record,
		       uint32_t sequence);

#endif

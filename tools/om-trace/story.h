/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes bars of a recording: who worked when, on which vCPU, for which call, and what was waited
 * for. html.c draws them.
 */
#ifndef OM_TRACE_STORY_H
#define OM_TRACE_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h"

enum story_row {
	STORY_CALL,	/* from the guest's first SMC of a call to its last answer */
	STORY_GUEST,	/* the guest has a request of OP-TEE's, or takes an interrupt */
	STORY_MEDIATOR,
	STORY_SECURE,	/* OP-TEE runs */
	STORY_ROWS
};

enum story_kind {
	STORY_NORMAL,
	STORY_PAUSED,	/* an interrupt, or the mediator gave way */
	STORY_REFUSED,
	STORY_OPEN,	/* has no end in the recording */
};

struct story_bar {
	enum story_row row;
	enum story_kind kind;
	uint32_t guest, vcpu;
	size_t from, to;	/* records */
	size_t call;		/* the bar of the call that this is about; SIZE_MAX: none */
	char label[64];
	char *text;		/* lines for who wants to know more */
};

struct story {
	struct story_bar *bar;
	size_t bars;
	bool is_explained;	/* the recording could be replayed: there are reasons */
};

struct story story_of(const struct recording *r);
void story_free(struct story *s);

/* Pages pinned after each record; an array of r->count, for free(). */
uint32_t *story_pins(const struct recording *r);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was in the shadow pages. A recording has the words of a page that changed; this adds
 * them up. Knows the format, nothing of messages.
 */
#ifndef OM_TRACE_SHADOW_H
#define OM_TRACE_SHADOW_H

#include "reader.h"

/* The beginning of a page, as it was recorded last. */
struct shadow {
	uint64_t pa;
	uint64_t word[OM_RECORD_WORDS];
	uint64_t known;		/* a bit for each word */
	bool asks;		/* for who shows it: an RPC is in the argument behind the message */
};

struct shadows {
	struct shadow *page;
	size_t count;
};

/* A window of a record: which page, which words, where they are in the body. */
struct window {
	uint64_t pa;
	uint64_t changed;
	size_t at;
};

/* The windows of an SMC or its return, up to two; returns how many. */
size_t shadow_windows(const struct record *record, struct window window[2]);

/* The n-th word of a window; false when it is not in the record. */
bool shadow_word(const struct record *record, const struct window *w, uint32_t n, uint64_t *word);

/* Takes over what a record says: a new page, or words of one. */
void shadow_take(struct shadows *s, const struct record *record);

/* The page with this address, made when it is not there; valid until the next is made. */
struct shadow *shadow_at(struct shadows *s, uint64_t pa);
void shadow_free(struct shadows *s);

#endif

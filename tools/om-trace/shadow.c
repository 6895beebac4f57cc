/* SPDX-License-Identifier: BSD-2-Clause */
/* The content of shadow pages. See shadow.h. */
#include "shadow.h"

#include <string.h>

#include "array.h"

size_t shadow_windows(const struct record *record, struct window window[2])
{
	uint32_t n = record_body(record, struct om_record_smc).windows;
	size_t at = sizeof(struct om_record_smc);

	for (uint32_t i = 0; i < n; i++) {
		struct om_record_window head;

		memcpy(&head, record->body + at, sizeof(head));
		at += sizeof(head);
		window[i] = (struct window){ head.pa, head.changed, at };
		at += (size_t)__builtin_popcountll(head.changed) * sizeof(uint64_t);
	}
	return n;
}

bool shadow_word(const struct record *record, const struct window *w, uint32_t n, uint64_t *word)
{
	uint64_t before = w->changed & ((1ull << n) - 1);

	if (!(w->changed >> n & 1))
		return false;
	*word = record_word(record, w->at, (size_t)__builtin_popcountll(before));
	return true;
}

struct shadow *shadow_at(struct shadows *s, uint64_t pa)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->page[i].pa == pa)
			return &s->page[i];
	s->page = array_grow(s->page, s->count, sizeof(*s->page));
	s->page[s->count] = (struct shadow){ .pa = pa };
	return &s->page[s->count++];
}

/* What is recorded of a page is recorded against a page of zeros. */
static void take_page(struct shadows *s, const struct record *record)
{
	const struct om_record_alloc a = record_body(record, struct om_record_alloc);

	if (a.result == 0)
		*shadow_at(s, a.pa) = (struct shadow){
			.pa = a.pa, .known = (1ull << OM_RECORD_WORDS) - 1 };
}

static void take_words(struct shadows *s, const struct record *record)
{
	struct window window[2];
	size_t n = shadow_windows(record, window);

	for (size_t w = 0; w < n; w++) {
		struct shadow *page = shadow_at(s, window[w].pa);

		for (uint32_t i = 0; i < OM_RECORD_WORDS; i++)
			shadow_word(record, &window[w], i, &page->word[i]);
		page->known |= window[w].changed;
	}
}

void shadow_take(struct shadows *s, const struct record *record)
{
	switch (record->head.kind) {
	case OM_RECORD_PAGE_ALLOC:
		take_page(s, record);
		break;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		take_words(s, record);
		break;
	default:
		break;
	}
}

void shadow_free(struct shadows *s)
{
	free(s->page);
	*s = (struct shadows){ 0 };
}

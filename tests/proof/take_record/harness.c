/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of recordings (tools/om-trace/reader.c): take() and fits(), on a file of any bytes,
 * and what relies on them.
 *
 * Assumes: a file of any size and content; a record is looked for at an offset in it.
 * recording_parse() goes from record to record by their sizes, and refuses those whose checksum
 * is wrong; so here all are right. What the file holds is a function of the offset, word by word,
 * which is all that copies of it can tell.
 * Proves: memory safety; a record that is taken lies in the file; of one that fits its kind each
 * address, byte and word that its own counts name lies in the record.
 *
 * Class: quick
 * Unwind: 5
 *   A record has two windows at most, which fits() has to see to: a third would be seen.
 * Options: --unwindset copy_file.0:8
 *   The largest struct, om_record_enter, has 7 words.
 */
#include "proof.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t *file;
uint64_t __CPROVER_uninterpreted_word(size_t offset);

/* Reading the file: what a copy needs is there, and holds what it always does. */
static void *copy_file(void *to, const void *from, size_t n)
{
	size_t offset = (size_t)((const uint8_t *)from - file);
	uint64_t word;

	PROVE(__CPROVER_r_ok(from, n), "what is read is in the file");
	for (size_t i = 0; i < n / 8; i++)
		((uint64_t *)to)[i] = __CPROVER_uninterpreted_word(offset + 8 * i);
	if (n % 8) {
		word = __CPROVER_uninterpreted_word(offset + n / 8 * 8);
		((uint32_t *)to)[n / 8 * 2] = (uint32_t)(word & UINT32_MAX);
	}
	return to;
}

#define memcpy	copy_file
#include "reader.c"
#include "shadow.c"

/* What is in a record of pages, as replay.c and say.c read it. */
static void use_pages(const struct record *record)
{
	const struct om_record_pages p = record_body(record, struct om_record_pages);
	size_t i = any_below(OM_PIN_BATCH);

	if (i >= p.n)
		return;
	record_word(record, sizeof(p), i);
	if (record->head.kind == OM_RECORD_PIN && p.result == 0) {
		record_word(record, sizeof(p) + p.n * sizeof(uint64_t), i);
		REACHED("a page that is pinned");
	}
}

static void use_copy(const struct record *record)
{
	const struct om_record_copy c = record_body(record, struct om_record_copy);
	size_t i = any_size();

	if (record->head.kind == OM_RECORD_READ && c.result)
		return;
	ASSUME(i < c.len);
	PROVE(sizeof(c) + i < record->len, "a byte that was copied is in the record");
	REACHED("a byte that was copied");
}

static void use_windows(const struct record *record)
{
	struct window window[2];
	size_t n = shadow_windows(record, window);
	uint64_t word;

	PROVE(n <= 2, "there are two windows at most");
	for (size_t i = 0; i < n; i++)
		if (shadow_word(record, &window[i], any_below(OM_RECORD_WORDS), &word))
			REACHED("a word of a window");
}

static void use(const struct record *record)
{
	struct om_request request;
	uint64_t time;

	record_time(record, &time);
	switch (record->head.kind) {
	case OM_RECORD_LEAVE:
		record_body(record, struct om_record_leave);
		break;
	case OM_RECORD_PIN:
	case OM_RECORD_UNPIN:
		use_pages(record);
		break;
	case OM_RECORD_READ:
	case OM_RECORD_WRITE:
		use_copy(record);
		break;
	case OM_RECORD_PAGE_ALLOC:
	case OM_RECORD_PAGE_FREE:
		record_body(record, struct om_record_alloc);
		break;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		use_windows(record);
		break;
	case OM_RECORD_YIELD:
	case OM_RECORD_INTERRUPT:
		record_body(record, struct om_record_answer);
		break;
	case OM_RECORD_AUTHORIZE:
		memcpy(&request, record->body + sizeof(struct om_record_answer), sizeof(request));
		break;
	case OM_RECORD_ALIAS:
		record_body(record, struct om_record_alias);
		break;
	default:
		break;
	}
}

int main(void)
{
	size_t size = any_size(), at = any_size();
	struct recording r = { .bytes = malloc(size), .size = size };
	struct record record;

	file = r.bytes;
	ASSUME(size < (size_t)1 << 40 && at <= size);
	if (!take(&r, at, &record)) {
		REACHED("a file that ends");
		return 0;
	}
	if (record.head.size < sizeof(record.head)) {
		REACHED("a size that is too small");
		return 0;
	}
	PROVE(record.len <= size && record.body >= r.bytes &&
	      (size_t)(record.body - r.bytes) <= size - record.len, "a record lies in the file");
	/* Only within this record. */
	record.body = malloc(record.len);
	file = record.body;
	if (!fits(&record)) {
		REACHED("a record that does not fit");
		return 0;
	}
	use(&record);
	return 0;
}

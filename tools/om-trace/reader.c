/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading recordings. See reader.h. */
#include "reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef OM_TRACE_ZSTD
#include <zstd.h>
#endif

#include "array.h"

#define ZSTD_MAGIC	"\x28\xb5\x2f\xfd"
#define MAGIC_SIZE	(sizeof(OM_RECORD_MAGIC) - 1)
/* The most that a compressed file may hold: a small one can be made to fill all memory. */
#define SIZE_MAX_READ	((size_t)1 << 32)

static const char *const kind_names[OM_RECORD_KINDS] = {
	[OM_RECORD_BEGIN] = "begin",
	[OM_RECORD_ENTER] = "enter",
	[OM_RECORD_LEAVE] = "leave",
	[OM_RECORD_PIN] = "pin",
	[OM_RECORD_UNPIN] = "unpin",
	[OM_RECORD_READ] = "read",
	[OM_RECORD_WRITE] = "write",
	[OM_RECORD_PAGE_ALLOC] = "page alloc",
	[OM_RECORD_PAGE_FREE] = "page free",
	[OM_RECORD_SMC] = "smc",
	[OM_RECORD_SMC_RETURN] = "smc return",
	[OM_RECORD_YIELD] = "yield",
	[OM_RECORD_LOCK] = "lock",
	[OM_RECORD_AUTHORIZE] = "authorize",
	[OM_RECORD_NOTIFY] = "notify",
	[OM_RECORD_INTERRUPT] = "interrupt",
	[OM_RECORD_ALIAS] = "alias",
};

const char *record_kind_name(uint32_t kind)
{
	return kind < OM_RECORD_KINDS && kind_names[kind] ? kind_names[kind] : "?";
}

const void *record_copy(void *to, const struct record *record, size_t size)
{
	memcpy(to, record->body, size);
	return to;
}

uint64_t record_word(const struct record *record, size_t skip, size_t n)
{
	uint64_t word;

	memcpy(&word, record->body + skip + n * sizeof(word), sizeof(word));
	return word;
}

bool record_time(const struct record *record, uint64_t *time)
{
	switch (record->head.kind) {
	case OM_RECORD_ENTER:
		*time = record_body(record, struct om_record_enter).time;
		return true;
	case OM_RECORD_LEAVE:
		*time = record_body(record, struct om_record_leave).time;
		return true;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		*time = record_body(record, struct om_record_smc).time;
		return true;
	default:
		return false;
	}
}

bool recording_is_from_the_start(const struct recording *r)
{
	return r->count == 0 || r->record[0].head.sequence == 1;
}

static enum reading fail(struct recording *r, enum reading how, const char *format, ...)
{
	va_list args;
	int n = snprintf(r->error, sizeof(r->error), "%s: ", r->name);

	va_start(args, format);
	vsnprintf(r->error + n, sizeof(r->error) - (size_t)n, format, args);
	va_end(args);
	if (how == READ_BAD) {
		free(r->record);
		r->record = NULL;
		r->count = 0;
	}
	return how;
}

/* Bytes of a window at this place in a body, 0 when it does not fit. */
static size_t window_size(const struct record *record, size_t at)
{
	struct om_record_window window;
	size_t size;

	if (record->len < at + sizeof(window))
		return 0;
	memcpy(&window, record->body + at, sizeof(window));
	size = sizeof(window) + (size_t)__builtin_popcountll(window.changed) * sizeof(uint64_t);
	return window.changed >> OM_RECORD_WORDS || record->len < at + size ? 0 : size;
}

static bool windows_fit(const struct record *record)
{
	size_t at = sizeof(struct om_record_smc);
	uint32_t n;

	if (record->len < at)
		return false;
	n = record_body(record, struct om_record_smc).windows;
	if (n > 2)
		return false;
	for (; n > 0; n--) {
		size_t size = window_size(record, at);

		if (size == 0)
			return false;
		at += size;
	}
	return record->len == at;
}

static bool pages_fit(const struct record *record)
{
	struct om_record_pages pages;
	size_t lists = 1;

	if (record->len < sizeof(pages))
		return false;
	pages = record_body(record, struct om_record_pages);
	if (record->head.kind == OM_RECORD_PIN && pages.result == 0)
		lists = 2;
	return pages.n <= OM_PIN_BATCH && pages.n > 0 &&
	       record->len == sizeof(pages) + lists * pages.n * sizeof(uint64_t);
}

static bool copy_fits(const struct record *record)
{
	struct om_record_copy copy;

	if (record->len < sizeof(copy))
		return false;
	copy = record_body(record, struct om_record_copy);
	if (record->head.kind == OM_RECORD_READ && copy.result)
		return record->len == sizeof(copy);
	return record->len == sizeof(copy) + copy.len;
}

static bool enter_fits(const struct record *record)
{
	uint32_t function;

	if (record->len != sizeof(struct om_record_enter))
		return false;
	function = record_body(record, struct om_record_enter).function;
	return function > 0 && function < OM_RECORD_FUNCTIONS;
}

/* True when the body is as long as its kind and its own counts say. */
static bool fits(const struct record *record)
{
	switch (record->head.kind) {
	case OM_RECORD_ENTER:
		return enter_fits(record);
	case OM_RECORD_LEAVE:
		return record->len == sizeof(struct om_record_leave);
	case OM_RECORD_PIN:
	case OM_RECORD_UNPIN:
		return pages_fit(record);
	case OM_RECORD_READ:
	case OM_RECORD_WRITE:
		return copy_fits(record);
	case OM_RECORD_PAGE_ALLOC:
	case OM_RECORD_PAGE_FREE:
		return record->len == sizeof(struct om_record_alloc);
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		return windows_fit(record);
	case OM_RECORD_YIELD:
	case OM_RECORD_INTERRUPT:
		return record->len == sizeof(struct om_record_answer);
	case OM_RECORD_AUTHORIZE:
		return record->len == sizeof(struct om_record_answer) + sizeof(struct om_request);
	case OM_RECORD_ALIAS:
		return record->len == sizeof(struct om_record_alias);
	case OM_RECORD_LOCK:
	case OM_RECORD_NOTIFY:
		return record->len == 0;
	default:
		return false;
	}
}

static bool is_intact(const struct recording *r, const struct record *record)
{
	uint64_t sum = om_record_checksum(0, r->bytes + record->at,
					  offsetof(struct om_record_head, checksum));

	return record->head.checksum ==
	       (uint32_t)om_record_checksum(sum, record->body, record->len);
}

/* The record at this offset; false when the file ends before it does. */
static bool take(const struct recording *r, size_t at, struct record *record)
{
	if (r->size - at < sizeof(record->head))
		return false;
	memcpy(&record->head, r->bytes + at, sizeof(record->head));
	record->at = at;
	record->body = r->bytes + at + sizeof(record->head);
	record->len = record->head.size < sizeof(record->head) ? 0 :
		      record->head.size - sizeof(record->head);
	return r->size - at >= record->head.size;
}

/* Gives a record its checksum. */
static void sum_up(struct recording *r, struct record *record)
{
	uint64_t sum = om_record_checksum(0, &record->head,
					  offsetof(struct om_record_head, checksum));

	record->head.checksum = (uint32_t)om_record_checksum(sum, record->body, record->len);
	memcpy(r->bytes + record->at, &record->head, sizeof(record->head));
}

static enum reading parse_begin(struct recording *r, bool unsummed, size_t *at, bool *is_bare)
{
	struct record first;

	if (r->size < MAGIC_SIZE || memcmp(r->bytes, OM_RECORD_MAGIC, MAGIC_SIZE) != 0)
		return fail(r, READ_BAD, "is no recording: it does not begin with %s",
			    OM_RECORD_MAGIC);
	if (!take(r, MAGIC_SIZE, &first))
		return fail(r, READ_BAD, "is cut at byte %zu, in its first record", r->size);
	if (first.head.size != sizeof(first.head) + sizeof(r->begin) ||
	    first.head.kind != OM_RECORD_BEGIN || (!unsummed && !is_intact(r, &first)))
		return fail(r, READ_BAD, "is altered: the first record, at byte %zu, is not what "
			    "a recording begins with", first.at);
	r->begin = record_body(&first, struct om_record_begin);
	if (r->begin.version != OM_RECORD_VERSION)
		return fail(r, READ_BAD, "has version %u of the format, and this om-trace reads "
			    "%u: use the one that came with what recorded it",
			    r->begin.version, OM_RECORD_VERSION);
	*at = MAGIC_SIZE + first.head.size;
	*is_bare = r->begin.flags & OM_RECORD_IS_BARE;
	if (*is_bare) {
		r->begin.flags &= ~OM_RECORD_IS_BARE;
		memcpy(r->bytes + first.at + sizeof(first.head), &r->begin, sizeof(r->begin));
		sum_up(r, &first);
	}
	return READ_WHOLE;
}

static enum reading check_record(struct recording *r, const struct record *record, bool unsummed)
{
	size_t n = r->count;

	if (record->head.size < sizeof(record->head))
		return fail(r, READ_BAD, "is altered: record %zu at byte %zu says that it has %u "
			    "bytes", n, record->at, record->head.size);
	if (!unsummed && !is_intact(r, record))
		return fail(r, READ_BAD, "is altered: the checksum of record %zu at byte %zu (%s) "
			    "is wrong", n, record->at, record_kind_name(record->head.kind));
	if (!fits(record))
		return fail(r, READ_BAD, "record %zu at byte %zu (%s) is malformed", n, record->at,
			    record_kind_name(record->head.kind));
	if (n && record->head.sequence != r->record[n - 1].head.sequence + 1)
		return fail(r, READ_BAD, "is altered: at byte %zu record number %u follows number "
			    "%u", record->at, record->head.sequence,
			    r->record[n - 1].head.sequence);
	return READ_WHOLE;
}

enum reading recording_parse(struct recording *r, const char *name, uint8_t *bytes, size_t size,
			     bool unsummed)
{
	size_t at = 0;
	bool is_bare = false;

	*r = (struct recording){ .bytes = bytes, .size = size };
	snprintf(r->name, sizeof(r->name), "%s", name);
	if (parse_begin(r, unsummed, &at, &is_bare) != READ_WHOLE)
		return READ_BAD;
	while (at < size) {
		struct record record;

		if (!take(r, at, &record))
			return fail(r, READ_CUT, "is cut at byte %zu, in record %zu, or that "
				    "record's size is altered; what is before it is good", size,
				    r->count);
		if (is_bare) {
			record.head.sequence = (uint32_t)r->count + 1;
			sum_up(r, &record);
		}
		if (check_record(r, &record, unsummed) != READ_WHOLE)
			return READ_BAD;
		r->record = array_grow(r->record, r->count, sizeof(*r->record));
		r->record[r->count++] = record;
		at += record.head.size;
	}
	return READ_WHOLE;
}

void recording_free(struct recording *r)
{
	free(r->record);
	free(r->bytes);
	*r = (struct recording){ 0 };
}

/* --- Files ------------------------------------------------------------------------------------ */

static uint8_t *read_all(FILE *file, size_t *size)
{
	size_t room = 1 << 16;
	uint8_t *bytes = malloc(room);

	*size = 0;
	while (bytes) {
		size_t n = fread(bytes + *size, 1, room - *size, file);

		*size += n;
		if (n == 0)
			break;
		if (*size == room) {
			uint8_t *more = realloc(bytes, room *= 2);

			if (!more)
				free(bytes);
			bytes = more;
		}
	}
	if (bytes && ferror(file)) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

#ifdef OM_TRACE_ZSTD
/* Of a file that is cut, as much as is there. NULL: it is damaged, or too large. */
static uint8_t *decompress(const uint8_t *from, size_t size, size_t *out_size, bool *is_cut)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = { from, size, 0 };
	ZSTD_outBuffer out = { malloc(1 << 20), 1 << 20, 0 };
	size_t left = 1;

	while (out.dst && left && in.pos < in.size + (out.pos == out.size)) {
		if (out.pos == out.size) {
			uint8_t *more = out.size < SIZE_MAX_READ ?
					realloc(out.dst, out.size * 2) : NULL;

			if (!more)
				free(out.dst);
			out.dst = more;
			out.size *= 2;
			continue;
		}
		left = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(left)) {
			free(out.dst);
			out.dst = NULL;
		}
	}
	ZSTD_freeDStream(stream);
	*out_size = out.pos;
	*is_cut = left != 0;
	return out.dst;
}
#endif

static enum reading unpack(struct recording *r, uint8_t *bytes, size_t size)
{
	char name[sizeof(r->name)];
	enum reading reading;
	bool is_cut = false;

	memcpy(name, r->name, sizeof(name));
	if (size >= 4 && memcmp(bytes, ZSTD_MAGIC, 4) == 0) {
#ifdef OM_TRACE_ZSTD
		uint8_t *plain = decompress(bytes, size, &size, &is_cut);

		free(bytes);
		if (!plain)
			return fail(r, READ_BAD, "is compressed by zstd, and damaged");
		bytes = plain;
#else
		free(bytes);
		return fail(r, READ_BAD, "is compressed: run zstd -d on it, or build om-trace "
			    "with libzstd-dev");
#endif
	}
	reading = recording_parse(r, name, bytes, size, false);
	/* By chance what is there may end with a record. */
	if (reading == READ_WHOLE && is_cut)
		return fail(r, READ_CUT, "is compressed by zstd, and cut; what is there is good");
	return reading;
}

enum reading recording_load(struct recording *r, const char *name)
{
	bool is_input = strcmp(name, "-") == 0;
	FILE *file = is_input ? stdin : fopen(name, "rb");
	uint8_t *bytes;
	size_t size = 0;

	*r = (struct recording){ 0 };
	snprintf(r->name, sizeof(r->name), "%s", is_input ? "standard input" : name);
	if (!file)
		return fail(r, READ_BAD, "%s", strerror(errno));
	errno = 0;
	bytes = read_all(file, &size);
	if (!is_input)
		fclose(file);
	if (!bytes)
		return fail(r, READ_BAD, "%s", strerror(errno ? errno : ENOMEM));
	return unpack(r, bytes, size);
}

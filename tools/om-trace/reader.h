/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a recording into memory and checks it, so that the lengths in its records can be relied
 * on. Knows the format (record.h), and nothing of what a record means.
 */
#ifndef OM_TRACE_READER_H
#define OM_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/record.h>

struct record {
	struct om_record_head head;
	const uint8_t *body;	/* unaligned */
	size_t len;		/* of the body */
	size_t at;		/* its offset in the file */
};

enum reading {
	READ_WHOLE,
	READ_CUT,	/* ends in the middle of a record; those before are good */
	READ_BAD,	/* foreign, altered or unreadable: no record is there */
};

struct recording {
	char name[256];		/* of the file, for messages */
	uint8_t *bytes;
	size_t size;
	struct om_record_begin begin;
	struct record *record;	/* those after OM_RECORD_BEGIN */
	size_t count;
	char error[400];	/* one line, when reading was not READ_WHOLE */
};

/* Reads a file, as it is or compressed by zstd; "-" is the standard input. */
enum reading recording_load(struct recording *r, const char *name);

/*
 * Makes a recording of bytes, which come from malloc and belong to it from now on. `unsummed`:
 * checksums are not checked, for a fuzzer.
 */
enum reading recording_parse(struct recording *r, const char *name, uint8_t *bytes, size_t size,
			     bool unsummed);
void recording_free(struct recording *r);

/* False: a ring whose oldest records were overwritten. It can be looked at, not replayed. */
bool recording_is_from_the_start(const struct recording *r);

/* The beginning of a record's body, as a struct; what is behind it. */
#define record_body(record, type)	(*(const type *)record_copy(&(type){ 0 }, (record), sizeof(type)))
const void *record_copy(void *to, const struct record *record, size_t size);
/* The n-th 64-bit word behind the first `skip` bytes of the body. */
uint64_t record_word(const struct record *record, size_t skip, size_t n);

/* The time that a record has; false when its kind has none. */
bool record_time(const struct record *record, uint64_t *time);

/* A kind's name as in record.h, in lower case with spaces; "?" for an unknown one. */
const char *record_kind_name(uint32_t kind);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording out of a log: the lines of om_record_line(), whatever else is in them and between
 * them. A console may have lost some: what is before the first that is not there is good.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

#include "array.h"

#define WORD	OM_RECORD_WORD " "

/* The recording that the log has last. */
struct extract {
	const char *name;	/* of the log */
	unsigned long line;
	uint8_t *bytes;
	size_t used;
	size_t size;		/* as its first line says */
	enum { NONE, OPEN, WHOLE, BROKEN } state;
};

static int value_of(char digit)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *at = digit ? strchr(digits, digit) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Four characters as up to three bytes. Returns how many, 0 when they are none. */
static size_t group(const char *from, uint8_t to[3])
{
	size_t n = from[3] != '=' ? 3 : from[2] != '=' ? 2 : 1;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i <= n ? value_of(from[i]) : 0;

		if (value < 0)
			return 0;
		bits = bits << 6 | (uint32_t)value;
	}
	for (size_t i = 0; i < 3; i++)
		to[i] = (uint8_t)(bits >> (16 - 8 * i));
	return n;
}

static void broken(struct extract *e, const char *why)
{
	fprintf(stderr, "om-trace: %s:%lu: %s; the %zu bytes before it are good\n", e->name, e->line,
		why, e->used);
	e->state = BROKEN;
}

static void take_bytes(struct extract *e, size_t at, const char *text)
{
	size_t n = 3;

	if (e->state != OPEN)
		return;
	if (at != e->used) {
		broken(e, "lines of the recording are missing here");
		return;
	}
	for (; n == 3 && strlen(text) >= 4; text += 4) {
		uint8_t bytes[3];

		n = group(text, bytes);
		for (size_t i = 0; i < n && e->used < e->size; i++) {
			e->bytes = array_grow(e->bytes, e->used, 1);
			e->bytes[e->used++] = bytes[i];
		}
	}
	if (*text)
		broken(e, "this line of the recording is damaged");
}

static void end(struct extract *e, size_t size)
{
	if (e->state != OPEN)
		return;
	if (size == e->size && e->used == size)
		e->state = WHOLE;
	else
		broken(e, "lines of the recording are missing here");
}

static void take_line(struct extract *e, char *line)
{
	const char *at = strstr(line, WORD);
	unsigned long size;
	int n = 0;

	e->line++;
	line[strcspn(line, "\r\n")] = '\0';
	if (!at)
		return;
	at += strlen(WORD);
	if (sscanf(at, "begin %8lx", &size) == 1) {
		e->used = 0;
		e->size = size;
		e->state = OPEN;
	} else if (sscanf(at, "end %8lx", &size) == 1) {
		end(e, size);
	} else if (sscanf(at, "%8lx %n", &size, &n) == 1 && n) {
		take_bytes(e, size, at + n);
	}
}

static bool take_log(struct extract *e, const char *name)
{
	bool is_input = strcmp(name, "-") == 0;
	FILE *log = is_input ? stdin : fopen(name, "rb");
	char *line = NULL;
	size_t room = 0;
	bool good;

	e->name = is_input ? "standard input" : name;
	errno = 0;
	while (log && getline(&line, &room, log) > 0)
		take_line(e, line);
	good = log && !ferror(log);
	if (!good)
		fprintf(stderr, "om-trace: %s: %s\n", e->name, strerror(errno));
	if (log && !is_input)
		fclose(log);
	free(line);
	return good;
}

int command_extract(const char *name, FILE *out)
{
	struct extract e = { 0 };
	int status = 2;

	if (take_log(&e, name)) {
		if (e.state == OPEN)
			broken(&e, "the log ends within the recording");
		if (e.state == NONE) {
			fprintf(stderr, "om-trace: %s has no recording: no line with \"%sbegin\"\n",
				e.name, WORD);
		} else {
			fwrite(e.bytes, 1, e.used, out);
			status = e.state == WHOLE ? 0 : 1;
		}
	}
	free(e.bytes);
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording without secrets, to be shown to others.
 *
 * The library passes the values of a TA's parameters on and decides nothing by them. So it is
 * run once more with zeros in their place, wherever a guest or OP-TEE wrote one, and the
 * recording of that run has none of them and can be replayed as the first could. What cannot be
 * replayed does not say which of its bytes are values: there all bytes of memory go.
 */
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "array.h"
#include "commands.h"
#include "replay.h"
#include "shadow.h"

/* --- Which bytes are values ---------------------------------------------------------------------- */

/* A message, or an RPC argument, as its bytes come by in order. */
struct stream {
	enum { NOTHING, MESSAGE, ARGUMENT } what;
	uint32_t at;		/* bytes that have come by */
	struct optee_msg_hdr hdr;
	uint8_t attr[8];	/* of the parameter that comes by now */
};

/* Values by which the library decides, and those that name TAs, stay. */
static bool has_secrets(const struct stream *s)
{
	if (s->what == MESSAGE)
		return s->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION ||
		       s->hdr.cmd == OPTEE_MSG_CMD_INVOKE_COMMAND;
	return s->hdr.cmd != OPTEE_RPC_CMD_SHM_ALLOC && s->hdr.cmd != OPTEE_RPC_CMD_SHM_FREE &&
	       s->hdr.cmd != OPTEE_RPC_CMD_LOAD_TA;
}

static bool is_value(const struct stream *s)
{
	return s->attr[0] >= OPTEE_MSG_ATTR_TYPE_VALUE_INPUT &&
	       s->attr[0] <= OPTEE_MSG_ATTR_TYPE_VALUE_INOUT && !(s->attr[1] & 1);
}

static void mask_byte(struct stream *s, uint8_t *byte)
{
	uint32_t at = s->at++, in_param;

	if (at < sizeof(s->hdr)) {
		((uint8_t *)&s->hdr)[at] = *byte;
		return;
	}
	in_param = (at - (uint32_t)sizeof(s->hdr)) % sizeof(struct optee_msg_param);
	if (in_param < sizeof(s->attr))
		s->attr[in_param] = *byte;
	else if (has_secrets(s) && is_value(s))
		*byte = 0;
}

static bool is_over(const struct stream *s)
{
	return s->at >= sizeof(s->hdr) &&
	       s->at >= OPTEE_MSG_ARG_SIZE(s->hdr.num_params % (OPTEE_MSG_MAX_NUM_PARAMS + 1));
}

/* As many of these bytes as belong to the message; returns how many those are. */
static size_t mask_bytes(struct stream *s, uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len && !is_over(s); i++)
		mask_byte(s, bytes + i);
	return i;
}

/* The library fetches this much of a message at once, and does not use what lies behind it. */
#define FIRST_FETCH	OPTEE_MSG_ARG_SIZE(OPTEE_MSG_CALL_PARAMS)

/* What the library reads of a guest: a message, in up to two pages, then lists. */
static void mask_read(struct stream *s, uint8_t *bytes, size_t len)
{
	size_t n;

	if (is_over(s) && (s->at >= FIRST_FETCH || len != FIRST_FETCH - s->at)) {
		s->what = NOTHING;
		return;
	}
	n = mask_bytes(s, bytes, len);
	memset(bytes + n, 0, len - n);
	s->at += (uint32_t)(len - n);
}

/* --- The run without values ------------------------------------------------------------------------ */

/* A call that waits for the guest's reply to a command. */
struct asked {
	uint32_t guest, id;
};

struct mask {
	const struct recording *r;
	struct stream stream[OM_RECORD_CPUS];	/* what the library reads of the guest */
	uint32_t guest[OM_RECORD_CPUS];
	struct asked *asked;
	size_t count;
};

static void begin(void *arg)
{
	struct mask *m = arg;

	free(m->asked);
	*m = (struct mask){ .r = m->r };
}

static bool take_asked(struct mask *m, uint32_t guest, uint32_t id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->asked[i].guest != guest || m->asked[i].id != id)
			continue;
		m->asked[i] = m->asked[--m->count];
		return true;
	}
	return false;
}

static void enter(void *arg, uint8_t cpu, struct om_record_enter *e)
{
	struct mask *m = arg;
	struct stream *s = &m->stream[cpu];

	*s = (struct stream){ .what = NOTHING };
	m->guest[cpu] = e->guest;
	if (e->function != OM_RECORD_GUEST_CALL)
		return;
	if (e->arg[0] == OPTEE_SMC_CALL_WITH_ARG || e->arg[0] == OPTEE_SMC_CALL_WITH_RPC_ARG ||
	    e->arg[0] == OPTEE_SMC_CALL_WITH_REGD_ARG)
		s->what = MESSAGE;
	else if (e->arg[0] == OPTEE_SMC_RETURN_FROM_RPC && take_asked(m, e->guest, e->arg[3]))
		s->what = ARGUMENT;
}

static void read_guest(void *arg, uint8_t cpu, void *bytes, size_t len)
{
	struct mask *m = arg;

	if (m->stream[cpu].what != NOTHING)
		mask_read(&m->stream[cpu], bytes, len);
}

static void written(void *arg, size_t i, uint64_t *page[2])
{
	const struct mask *m = arg;
	const struct om_record_smc s = record_body(&m->r->record[i], struct om_record_smc);
	bool asks = s.a[0] == OPTEE_SMC_RETURN_RPC_CMD;
	struct stream message = { .what = MESSAGE }, argument = { .what = ARGUMENT };
	size_t size;

	if (!page[0])
		return;
	mask_bytes(&message, (uint8_t *)page[0], OM_RECORD_WINDOW);
	size = OPTEE_MSG_ARG_SIZE(message.hdr.num_params);
	if (page[1])
		mask_bytes(&argument, (uint8_t *)page[1], OM_RECORD_WINDOW);
	else if (asks && size < OM_RECORD_WINDOW)
		mask_bytes(&argument, (uint8_t *)page[0] + size, OM_RECORD_WINDOW - size);
}

/* What differs is a value; here only what the guest will be asked is noted. */
static bool note(void *arg, size_t i, const struct record *recorded, const struct record *made,
		 char *why, size_t size)
{
	struct mask *m = arg;
	struct om_record_leave l;

	(void)i, (void)recorded, (void)why, (void)size;
	if (made->head.kind != OM_RECORD_LEAVE)
		return false;
	l = record_body(made, struct om_record_leave);
	if (l.function != OM_RECORD_GUEST_CALL || l.a[0] != OPTEE_SMC_RETURN_RPC_CMD)
		return false;
	m->asked = array_grow(m->asked, m->count, sizeof(*m->asked));
	m->asked[m->count++] = (struct asked){ m->guest[made->head.cpu], l.a[3] };
	return false;
}

static void write_beginning(const struct recording *r, uint32_t flags, FILE *out)
{
	struct om_record_begin begin = r->begin;
	struct record record = { .head = { .kind = OM_RECORD_BEGIN },
				 .body = (const uint8_t *)&begin, .len = sizeof(begin) };
	uint8_t *bytes;
	size_t size = 0;

	begin.flags |= flags;
	bytes = replay_append(NULL, &size, &record, 0);
	fputs(OM_RECORD_MAGIC, out);
	fwrite(bytes, 1, size, out);
	free(bytes);
}

static int refuse(const struct recording *r, const char *why)
{
	fprintf(stderr, "om-trace: %s: %s; mask --all removes all that was in memory\n", r->name, why);
	return 2;
}

static int mask_values(const struct recording *r, FILE *out)
{
	struct mask *m = memory(calloc(1, sizeof(*m)));
	const struct replay_edit edit = { .arg = m, .begin = begin, .enter = enter,
					  .read = read_guest, .written = written, .differs = note };
	struct replay_result result;
	int status = 0;

	m->r = r;
	if (!replay(r, false, &result) || result.differs) {
		free(m);
		return refuse(r, result.why);
	}
	replay_edited(r, &edit, &result);
	if (result.differs) {
		status = refuse(r, result.why);
	} else {
		write_beginning(r, 0, out);
		fwrite(result.made, 1, result.made_size, out);
	}
	free(result.made);
	free(m->asked);
	free(m);
	return status;
}

/* --- All bytes ----------------------------------------------------------------------------------- */

/* Zeros from there to the end of the body. */
static void clear(uint8_t *body, size_t from, size_t len)
{
	if (from < len)
		memset(body + from, 0, len - from);
}

static void clear_record(const struct record *record, uint8_t *body)
{
	struct window window[2];
	size_t n;

	switch (record->head.kind) {
	case OM_RECORD_READ:
	case OM_RECORD_WRITE:
		clear(body, sizeof(struct om_record_copy), record->len);
		break;
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:
		n = shadow_windows(record, window);
		for (size_t w = 0; w < n; w++)
			clear(body, window[w].at, window[w].at + sizeof(uint64_t) *
			      (size_t)__builtin_popcountll(window[w].changed));
		break;
	case OM_RECORD_AUTHORIZE:
		clear(body, sizeof(struct om_record_answer), record->len);
		break;
	case OM_RECORD_ALIAS:
		clear(body, 0, record->len);
		break;
	default:
		break;
	}
}

static int mask_all(const struct recording *r, FILE *out)
{
	write_beginning(r, OM_RECORD_IS_MASKED, out);
	for (size_t i = 0; i < r->count; i++) {
		struct record record = r->record[i];
		uint8_t body[UINT16_MAX], *bytes;
		size_t size = 0;

		memcpy(body, record.body, record.len);
		clear_record(&record, body);
		record.body = body;
		bytes = replay_append(NULL, &size, &record, record.head.sequence);
		fwrite(bytes, 1, size, out);
		free(bytes);
	}
	return 0;
}

int command_mask(const struct recording *r, bool all, FILE *out)
{
	return all ? mask_all(r, out) : mask_values(r, out);
}

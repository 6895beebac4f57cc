/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder by itself, and the reader and the replay on recordings that are not as they
 * should be. That whole conversations are recorded and replayed: shim.c.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "replay.h"
#include "say.h"

/* --- Recording ---------------------------------------------------------------------------------- */

RECORD_TEST(a_stream_is_replayed)
{
	struct machine *m = machine_new(state);
	struct replay_result result;
	struct recording r;
	uint64_t refusals;

	machine_start(m);
	converse(m);
	refusals = om_record_refusals(m->recorded.guest);
	assert_true(refusals > 0);
	machine_end(m);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_true(replay(&r, true, &result));
	assert_false(result.differs);
	assert_int_equal(result.records, r.count);
	/* The library itself says what was refused. */
	for (size_t i = 0; i < result.events; i++)
		refusals -= result.event[i].event.id == OM_TRACE_REFUSED;
	assert_int_equal(refusals, 0);
	free(result.event);
	recording_free(&r);
	/* A stream cannot be dumped. */
	m->stream->used = 0;
	om_record_dump(&m->recorder, bytes_put, m->stream);
	assert_int_equal(m->stream->used, 0);
}

static void lock_nothing(void *host)
{
	(void)host;
}

/* Every TA by its own name, the test TA's written anew. */
static void alias(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	(void)guest;
	if (memcmp(ta, cg_uuid_model, 16) == 0)
		alias[0] = 0x8f;
}

static uint32_t cpu_7(void *host)
{
	(void)host;
	return 7;
}

RECORD_TEST(a_configuration_is_complete_or_refused)
{
	struct machine *m = machine_new(state);
	static uint8_t ring[OM_RECORD_RING_MIN];
	struct om_record_config c = m->config;

	c.ops = NULL;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_ERR_ARGUMENT);
	c = m->config;
	c.pages = NULL;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_ERR_ARGUMENT);
	c = m->config;
	c.write = NULL;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_ERR_ARGUMENT);
	c.ring = ring;
	c.ring_size = sizeof(ring) - 1;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_ERR_ARGUMENT);
	c.ring_size = sizeof(ring);
	assert_int_equal(om_record_init(&m->recorder, &c), OM_OK);
	c.cpu = cpu_7;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_ERR_ARGUMENT);
	c.lock = lock_nothing;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_ERR_ARGUMENT);
	c.unlock = lock_nothing;
	assert_int_equal(om_record_init(&m->recorder, &c), OM_OK);
}

RECORD_TEST(operations_that_are_not_there_stay_so)
{
	struct machine *m = machine_new(state);
	static const struct om_host_ops none;
	struct recording r;
	struct replay_result result;

	m->config.ops = &none;
	assert_int_equal(om_record_init(&m->recorder, &m->config), OM_OK);
	assert_memory_equal(&m->recorder.ops, &none, sizeof(none));
	assert_int_equal(om_record_mediator_init(&m->recorder, &m->mediator), OM_ERR_ARGUMENT);
	/* What was refused for its arguments is passed over. */
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_true(replay(&r, false, &result));
	assert_false(result.differs);
	assert_int_equal(result.records, 2);
	recording_free(&r);
}

RECORD_TEST(all_operations_and_no_clock)
{
	struct machine *m = machine_new(state);
	struct om_regs regs = { .a = { OPTEE_SMC_ENABLE_ASYNC_NOTIF } };
	struct replay_result result;
	struct recording r;

	test_host_authorize(m->host, NULL, NULL);
	test_host_trace(m->host, 1000);
	m->host->ops.alias = alias;
	m->config.clock = NULL;
	m->config.cpu = cpu_7;
	m->config.lock = m->config.unlock = lock_nothing;
	machine_start(m);
	om_record_guest_call(&m->recorded, 0, &regs);
	assert_int_equal(regs.a[0], OPTEE_SMC_RETURN_OK);
	om_record_guest_interrupt(&m->recorded);
	assert_int_equal(m->guest->notified, 1);
	atomic_store(&m->host->yield_every, 3);
	converse(m);
	assert_true(m->host->trace_count > 0);
	while (om_record_guest_reset(&m->recorded) == OM_AGAIN)
		;
	om_record_guest_interrupt(&m->recorded);
	/* No guest without limits. */
	assert_int_equal(om_record_guest_create(&m->recorder, &(struct om_record_guest){ 0 },
						&m->mediator, 2, NULL, m->guest, NULL, 0),
			 OM_ERR_ARGUMENT);
	machine_end(m);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_int_equal(r.begin.flags, OM_RECORD_HAS_YIELD | OM_RECORD_HAS_NOTIFY |
			 OM_RECORD_HAS_AUTHORIZE | OM_RECORD_HAS_ALIAS);
	for (size_t i = 0; i < r.count; i++)
		assert_int_equal(r.record[i].head.cpu, 7);
	assert_true(replay(&r, false, &result));
	assert_string_equal(result.why, "");
	recording_free(&r);
}

/* A ring that is large enough holds all; a small one whole records up to the last. */
/* As long as any, and what is behind it is not touched. */
TEST(bytes_are_lines_of_text)
{
	static const struct {
		size_t size;
		const char *last;
	} cases[] = {
		{ 1, "omrec 00000000 +w==" }, { 2, "omrec 00000000 +/8=" },
		{ 3, "omrec 00000000 +///" }, { 97, "omrec 00000060 Lg==" },
	};
	char line[OM_RECORD_LINE + 1];
	uint8_t bytes[97];

	memset(bytes, '.', sizeof(bytes));
	bytes[0] = 0xfb;
	bytes[1] = bytes[2] = 0xff;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t size = cases[i].size, lines = (size + 95) / 96;
		char end[OM_RECORD_LINE];

		memset(line, 'x', sizeof(line));
		assert_true(om_record_line(bytes, size, lines, line));
		assert_string_equal(line, cases[i].last);
		snprintf(end, sizeof(end), "omrec end %08zx", size);
		assert_true(om_record_line(bytes, size, lines + 1, line));
		assert_string_equal(line, end);
		assert_false(om_record_line(bytes, size, lines + 2, line));
	}
	assert_true(om_record_line(bytes, 97, 0, line));
	assert_string_equal(line, "omrec begin 00000061");
	assert_true(om_record_line(bytes, 97, 1, line));
	assert_int_equal(strlen(line), OM_RECORD_LINE - 1);
	assert_int_equal(line[OM_RECORD_LINE], 'x');
	assert_true(om_record_line(bytes, 0, 1, line));
	assert_string_equal(line, "omrec end 00000000");
	assert_false(om_record_line(bytes, 0, 2, line));
}

RECORD_TEST(a_ring_keeps_the_newest)
{
	struct machine *m = machine_new(state);
	static uint8_t ring[1 << 17];
	struct replay_result result;
	struct recording r;
	uint32_t last;

	m->config.write = NULL;
	m->config.ring = ring;
	m->config.ring_size = sizeof(ring);
	machine_start(m);
	converse(m);
	om_record_dump(&m->recorder, bytes_put, m->stream);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_true(r.begin.flags & OM_RECORD_IS_RING);
	assert_true(replay(&r, false, &result));
	assert_false(result.differs);
	recording_free(&r);
	for (uint32_t i = 0; i < 100; i++)
		converse(m);
	last = m->recorder.sequence;
	m->stream->used = 0;
	om_record_dump(&m->recorder, bytes_put, m->stream);
	assert_true(m->stream->used > sizeof(ring) - OM_RECORD_RING_MIN);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_true(r.record[0].head.sequence > 1);
	assert_int_equal(r.record[r.count - 1].head.sequence, last);
	assert_false(replay(&r, false, &result));
	assert_non_null(strstr(result.why, "overwritten"));
	recording_free(&r);
	machine_end(m);
}

/* Of an odd size, so that records are cut by its end anywhere. */
RECORD_TEST(a_small_ring_is_whole_however_it_is_cut)
{
	struct machine *m = machine_new(state);
	static uint8_t ring[OM_RECORD_RING_MIN + 1];

	m->config.write = NULL;
	m->config.ring = ring;
	m->config.ring_size = sizeof(ring);
	machine_start(m);
	for (uint32_t i = 0; i < 500; i++) {
		struct recording r;

		converse(m);
		m->stream->used = 0;
		om_record_dump(&m->recorder, bytes_put, m->stream);
		r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
		assert_int_equal(r.record[r.count - 1].head.sequence, m->recorder.sequence);
		recording_free(&r);
	}
	machine_end(m);
}

/* What is not watched is no reason to fail, whichever page it is. */
RECORD_TEST(too_few_pages_are_told)
{
	struct machine *m = machine_new(state);

	for (uint32_t pages = 0; pages <= OM_RECORD_PAGES(limits); pages++) {
		struct replay_result result;
		struct recording r;

		m->stream->used = 0;
		m->config.page_count = pages;
		machine_start(m);
		converse(m);
		ask_time(m);
		machine_end(m);
		free(m->client);
		m->client = NULL;
		assert_int_equal(m->recorder.pages_lost, OM_RECORD_PAGES(limits) - pages);
		r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
		if (pages == OM_RECORD_PAGES(limits)) {
			assert_true(replay(&r, false, &result));
			assert_string_equal(result.why, "");
		} else {
			assert_false(replay(&r, false, &result));
			assert_non_null(strstr(result.why, "om_record_config.pages"));
		}
		recording_free(&r);
	}
}

RECORD_TEST(a_host_that_fails_is_recorded)
{
	struct machine *m = machine_new(state);
	struct replay_result result;
	struct recording r;

	machine_start(m);
	for (uint64_t n = 1; n < 12; n++) {
		uint32_t session;

		test_host_fail(m->host, TEST_FAULTS_ALL, n, false);
		if (cg_open(m->client, cg_uuid_model, &session) == TEEC_SUCCESS)
			cg_close(m->client, session);
	}
	test_host_fail(m->host, 0, 0, false);
	/* And an OP-TEE that does not know its own functions any more. */
	model_answer_next(m->model, OPTEE_SMC_CALL_WITH_ARG, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION,
			  0, 0, 0);
	assert_int_not_equal(cg_open(m->client, cg_uuid_model, &(uint32_t){ 0 }), TEEC_SUCCESS);
	machine_end(m);
	test_host_fail(m->host, 1u << TEST_OP_PAGE_ALLOC, 3, false);
	assert_int_equal(om_record_guest_create(&m->recorder, &m->recorded, &m->mediator, 1,
						&limits, m->guest, m->memory,
						om_guest_size(&limits)), OM_ERR_NO_MEMORY);
	test_host_fail(m->host, 0, 0, false);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_true(replay(&r, false, &result));
	assert_string_equal(result.why, "");
	recording_free(&r);
}

/* --- Reading ------------------------------------------------------------------------------------ */

static void record_a_little(struct machine *m)
{
	machine_start(m);
	converse(m);
	machine_end(m);
}

/* A size that is too large may look like a cut: what is said to be good is before it. */
RECORD_TEST(every_altered_byte_is_noticed)
{
	struct machine *m = machine_new(state);

	record_a_little(m);
	for (size_t i = 0; i < m->stream->used; i += i < 2000 ? 1 : 97) {
		struct recording r;
		enum reading reading;

		m->stream->at[i] ^= 0x10;
		reading = bytes_parse(&r, m->stream, m->stream->used);
		m->stream->at[i] ^= 0x10;
		assert_int_not_equal(reading, READ_WHOLE);
		assert_null(strchr(r.error, '\n'));
		if (reading == READ_BAD)
			assert_int_equal(r.count, 0);
		else
			assert_true(r.record[r.count - 1].at +
				    r.record[r.count - 1].head.size <= i);
		recording_free(&r);
	}
}

/* What a file without numbers and checksums lacks is there when it was read. */
RECORD_TEST(a_bare_file_is_completed)
{
	struct machine *m = machine_new(state);
	struct om_record_begin begin;
	struct recording whole, r;
	struct record first;

	record_a_little(m);
	whole = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	first = (struct record){ .at = 8, .len = sizeof(begin) };
	memcpy(&begin, m->stream->at + 20, sizeof(begin));
	begin.flags |= OM_RECORD_IS_BARE;
	memcpy(m->stream->at + 20, &begin, sizeof(begin));
	sum_again(m->stream, &first);
	for (size_t i = 0; i < whole.count; i++)
		memset(m->stream->at + whole.record[i].at + 4, 0, 8);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_int_equal(r.begin.flags, whole.begin.flags);
	assert_int_equal(r.size, whole.size);
	assert_memory_equal(r.bytes, whole.bytes, whole.size);
	assert_int_equal(r.record[r.count - 1].head.sequence, r.count);
	recording_free(&r);
	/* A record that has no room for its head ends it, as ever. */
	memset(m->stream->at + whole.record[1].at, 0, 2);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	recording_free(&r);
	recording_free(&whole);
}

RECORD_TEST(a_cut_file_is_good_up_to_there)
{
	struct machine *m = machine_new(state);
	struct recording whole;

	record_a_little(m);
	whole = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	for (size_t size = 0; size < m->stream->used; size += 1 + size / 100) {
		size_t good = 0;
		bool at_an_end;
		struct recording r;

		while (good < whole.count &&
		       whole.record[good].at + whole.record[good].head.size <= size)
			good++;
		at_an_end = size >= whole.record[0].at &&
			    (good == 0 ? size == whole.record[0].at :
			     whole.record[good - 1].at + whole.record[good - 1].head.size == size);
		if (size < whole.record[0].at) {
			r = bytes_read(m->stream, size, READ_BAD);
		} else if (at_an_end) {
			r = bytes_read(m->stream, size, READ_WHOLE);
		} else {
			char where[32];

			r = bytes_read(m->stream, size, READ_CUT);
			snprintf(where, sizeof(where), "at byte %zu", size);
			assert_non_null(strstr(r.error, where));
		}
		assert_int_equal(r.count, good);
		recording_free(&r);
	}
	recording_free(&whole);
}

RECORD_TEST(a_foreign_file_is_refused)
{
	struct machine *m = machine_new(state);
	struct recording r;

	bytes_put(m->stream, "\x7f" "ELF and so on, and so on", 26);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	assert_string_equal(r.error, "test: is no recording: it does not begin with OMRECORD");
	recording_free(&r);
	assert_int_equal(recording_load(&r, "/nowhere/to/be/found"), READ_BAD);
	assert_string_equal(r.error, "/nowhere/to/be/found: No such file or directory");
}

RECORD_TEST(another_version_is_refused)
{
	struct machine *m = machine_new(state);
	const struct record first = { .at = 8, .len = sizeof(struct om_record_begin) };
	struct recording r;

	record_a_little(m);
	m->stream->at[8 + sizeof(struct om_record_head)] = 2;
	sum_again(m->stream, &first);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	assert_non_null(strstr(r.error, "version 2"));
	recording_free(&r);
}

/* A body with 1 in each of its words: how long the record must be that it is in. */
static size_t length_of(enum om_record_kind kind)
{
	switch (kind) {
	case OM_RECORD_ENTER:
		return sizeof(struct om_record_enter);
	case OM_RECORD_LEAVE:
		return sizeof(struct om_record_leave);
	case OM_RECORD_PIN:		/* refused */
	case OM_RECORD_UNPIN:
		return sizeof(struct om_record_pages) + sizeof(uint64_t);
	case OM_RECORD_READ:		/* failed */
		return sizeof(struct om_record_copy);
	case OM_RECORD_WRITE:
		return sizeof(struct om_record_copy) + 1;
	case OM_RECORD_PAGE_ALLOC:
	case OM_RECORD_PAGE_FREE:
		return sizeof(struct om_record_alloc);
	case OM_RECORD_SMC:
	case OM_RECORD_SMC_RETURN:	/* one window, two bits in its mask */
		return sizeof(struct om_record_smc) + sizeof(struct om_record_window) +
		       2 * sizeof(uint64_t);
	case OM_RECORD_YIELD:
	case OM_RECORD_INTERRUPT:
		return sizeof(struct om_record_answer);
	case OM_RECORD_AUTHORIZE:
		return sizeof(struct om_record_answer) + sizeof(struct om_request);
	case OM_RECORD_ALIAS:
		return sizeof(struct om_record_alias);
	case OM_RECORD_LOCK:
	case OM_RECORD_NOTIFY:
		return 0;
	default:
		return SIZE_MAX;
	}
}

/* The beginning of a recording; what follows is put behind it. */
static void put_beginning(struct machine *m)
{
	assert_int_equal(om_record_init(&m->recorder, &m->config), OM_OK);
}

static void put_record(struct machine *m, enum om_record_kind kind, uint8_t cpu, const void *body,
		       size_t len, uint32_t sequence)
{
	const struct record record = { .head = { .kind = (uint8_t)kind, .cpu = cpu },
				       .body = body, .len = len };
	uint8_t *bytes;
	size_t size = 0;

	bytes = replay_append(NULL, &size, &record, sequence);
	bytes_put(m->stream, bytes, size);
	free(bytes);
}

RECORD_TEST(a_record_is_as_long_as_its_kind_says)
{
	struct machine *m = machine_new(state);
	uint32_t body[64];
	size_t start;

	for (size_t i = 0; i < 64; i++)
		body[i] = 1;
	put_beginning(m);
	start = m->stream->used;
	for (uint32_t kind = 0; kind <= OM_RECORD_KINDS; kind++) {
		for (size_t len = 0; len <= sizeof(body); len++) {
			bool fits = len == length_of(kind);
			struct recording r;

			m->stream->used = start;
			put_record(m, kind, 0, body, len, 1);
			r = bytes_read(m->stream, m->stream->used, fits ? READ_WHOLE : READ_BAD);
			if (!fits)
				assert_non_null(strstr(r.error, "record 0 at byte 36 ("));
			recording_free(&r);
		}
	}
}

/* Counts that are larger than anything the recorder writes. */
RECORD_TEST(counts_are_bounded)
{
	struct machine *m = machine_new(state);
	struct om_record_smc smc = { .windows = 3 };
	struct om_record_enter e = { .function = OM_RECORD_FUNCTIONS };
	uint64_t pages[1 + OM_PIN_BATCH + 1] = { (uint64_t)(OM_PIN_BATCH + 1) << 32 };
	uint64_t window[2 + sizeof(smc) / 8] = { 0 };
	size_t start;
	struct recording r;

	put_beginning(m);
	start = m->stream->used;
	put_record(m, OM_RECORD_SMC, 0, &smc, sizeof(smc), 1);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	assert_non_null(strstr(r.error, "(smc) is malformed"));
	recording_free(&r);
	m->stream->used = start;
	put_record(m, OM_RECORD_ENTER, 0, &e, sizeof(e), 1);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	recording_free(&r);
	m->stream->used = start;
	put_record(m, OM_RECORD_UNPIN, 0, pages, sizeof(pages), 1);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	recording_free(&r);
	/* A word behind the window. */
	smc.windows = 1;
	memcpy(window, &smc, sizeof(smc));
	window[sizeof(smc) / 8 + 1] = 1ull << OM_RECORD_WORDS;
	m->stream->used = start;
	put_record(m, OM_RECORD_SMC, 0, window, sizeof(window), 1);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	recording_free(&r);
	/* Numbers with a gap; a record that is shorter than its head. */
	m->stream->used = start;
	put_record(m, OM_RECORD_NOTIFY, 0, NULL, 0, 1);
	put_record(m, OM_RECORD_NOTIFY, 0, NULL, 0, 3);
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	assert_non_null(strstr(r.error, "at byte 48 record number 3 follows number 1"));
	recording_free(&r);
	m->stream->at[start] = 5;
	r = bytes_read(m->stream, m->stream->used, READ_BAD);
	assert_non_null(strstr(r.error, "record 0 at byte 36 says that it has 5 bytes"));
	recording_free(&r);
}

/* --- Replay --------------------------------------------------------------------------------------- */

/*
 * Every record in turn, altered in one byte of its body and summed up again: another answer
 * of the world, or another deed of the library. The replay must notice, or what was altered
 * says nothing: the time, and what OP-TEE leaves in registers that nobody reads.
 */
RECORD_TEST(another_world_or_library_is_noticed)
{
	struct machine *m = machine_new(state);
	uint32_t noticed[OM_RECORD_KINDS] = { 0 };
	struct recording whole;

	record_a_little(m);
	whole = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	for (size_t i = 0; i < whole.count; i++) {
		const struct record *record = &whole.record[i];
		struct replay_result result;
		struct recording r;
		uint8_t *byte = m->stream->at + record->at + sizeof(record->head) +
				(record->head.kind == OM_RECORD_READ ||
				 record->head.kind == OM_RECORD_WRITE ? 0 : record->len - 1);
		uint8_t *copy = malloc(m->stream->used);

		*byte ^= 1;
		sum_again(m->stream, record);
		memcpy(copy, m->stream->at, m->stream->used);
		if (recording_parse(&r, "test", copy, m->stream->used, false) == READ_WHOLE &&
		    replay(&r, false, &result) && result.differs) {
			noticed[record->head.kind]++;
			assert_true(result.records >= i || record->head.kind == OM_RECORD_PAGE_ALLOC);
			assert_null(strchr(result.why, '\n'));
		}
		recording_free(&r);
		*byte ^= 1;
		sum_again(m->stream, record);
	}
	for (uint32_t kind = OM_RECORD_READ; kind <= OM_RECORD_WRITE; kind++)
		assert_true(noticed[kind] > 0);
	assert_true(noticed[OM_RECORD_PIN] > 0);
	assert_true(noticed[OM_RECORD_UNPIN] > 0);
	assert_true(noticed[OM_RECORD_LEAVE] > 0);
	assert_true(noticed[OM_RECORD_SMC] > 0);
	recording_free(&whole);
}

RECORD_TEST(a_difference_is_told_in_words)
{
	struct machine *m = machine_new(state);
	struct recording whole, r;
	struct replay_result result;
	size_t i = 0;

	record_a_little(m);
	whole = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	while (whole.record[i].head.kind != OM_RECORD_WRITE)
		i++;
	m->stream->at[whole.record[i].at + whole.record[i].head.size - 1] ^= 0x40;
	sum_again(m->stream, &whole.record[i]);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_true(replay(&r, false, &result));
	assert_true(result.differs);
	assert_int_equal(result.records, i);
	assert_non_null(strstr(result.why, "guest 1, vCPU 0: the library writes"));
	assert_non_null(strstr(result.why, "recorded 0x40"));
	recording_free(&r);
	recording_free(&whole);
}

RECORD_TEST(nothing_recorded_cannot_be_replayed)
{
	struct machine *m = machine_new(state);
	struct replay_result result;
	struct recording r;

	assert_int_equal(om_record_init(&m->recorder, &m->config), OM_OK);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	assert_int_equal(r.count, 0);
	assert_false(replay(&r, false, &result));
	recording_free(&r);
}

/* A recording that begins with these records of another one, and is then composed. */
static void put_start(struct machine *m, const struct recording *from, size_t records)
{
	m->stream->used = 0;
	put_beginning(m);
	for (size_t i = 0; i < records; i++)
		put_record(m, from->record[i].head.kind, from->record[i].head.cpu,
			   from->record[i].body, from->record[i].len, (uint32_t)i + 1);
}

static void put_enter(struct machine *m, enum om_record_function function, uint32_t guest,
		      uint8_t cpu, size_t sequence)
{
	const struct om_record_enter e = { .function = function, .guest = guest };

	put_record(m, OM_RECORD_ENTER, cpu, &e, sizeof(e), (uint32_t)sequence);
}

static void check_why(struct machine *m, const char *words)
{
	struct recording r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	struct replay_result result;

	assert_true(replay(&r, false, &result));
	assert_true(result.differs);
	if (!strstr(result.why, words))
		fail_msg("\"%s\" does not say \"%s\"", result.why, words);
	recording_free(&r);
}

/* What no recorder writes down, since no embedder may do it. */
RECORD_TEST(worlds_that_cannot_be)
{
	struct machine *m = machine_new(state);
	struct om_record_enter create;
	struct recording r;
	size_t n = 0, i = 0;

	record_a_little(m);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	while (r.record[n].head.kind != OM_RECORD_LEAVE ||
	       record_body(&r.record[n], struct om_record_leave).function != OM_RECORD_GUEST_CREATE)
		i = r.record[n++].head.kind == OM_RECORD_LEAVE ? n + 1 : i;
	create = record_body(&r.record[i - 1], struct om_record_enter);
	n++;
	put_start(m, &r, n);
	put_enter(m, OM_RECORD_GUEST_CALL, 9, 0, n + 1);
	check_why(m, "there is no guest 9");
	put_start(m, &r, n);
	put_enter(m, OM_RECORD_MEDIATOR_INIT, 0, 0, n + 1);
	check_why(m, "the mediator is initialised with guests alive");
	put_start(m, &r, n);
	put_enter(m, OM_RECORD_GUEST_RESET, 1, 0, n + 1);
	put_enter(m, OM_RECORD_GUEST_CALL, 1, 1, n + 2);
	check_why(m, "guest 1 runs while it is reset or destroyed");
	put_start(m, &r, n);
	put_enter(m, OM_RECORD_GUEST_CALL, 1, 0, n + 1);
	put_enter(m, OM_RECORD_GUEST_RESET, 1, 1, n + 2);
	check_why(m, "guest 1 is reset or destroyed while it runs");
	put_start(m, &r, n);
	put_record(m, OM_RECORD_NOTIFY, 0, NULL, 0, (uint32_t)n + 1);
	check_why(m, "the library has returned, recorded: raises");
	put_start(m, &r, 0);
	create.function = OM_RECORD_GUEST_CREATE;
	put_record(m, OM_RECORD_ENTER, 0, &create, sizeof(create), 1);
	check_why(m, "a guest is created without a mediator");
	recording_free(&r);
}

/* The first record of a kind with a body of this length at least. */
static size_t find(const struct recording *r, enum om_record_kind kind, size_t len)
{
	size_t i = 0;

	while (r->record[i].head.kind != kind || r->record[i].len < len)
		i++;
	return i;
}

RECORD_TEST(answers_that_cannot_be)
{
	struct machine *m = machine_new(state);
	uint8_t body[4096];
	struct om_record_copy copy;
	struct recording r;
	char words[64];
	size_t i;

	record_a_little(m);
	r = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	/* A shorter read than the library asked for. */
	i = find(&r, OM_RECORD_READ, sizeof(copy) + 32);
	copy = record_body(&r.record[i], struct om_record_copy);
	memcpy(body, r.record[i].body, r.record[i].len);
	copy.len--;
	memcpy(body, &copy, sizeof(copy));
	put_start(m, &r, i);
	put_record(m, OM_RECORD_READ, 0, body, r.record[i].len - 1, (uint32_t)i + 1);
	snprintf(words, sizeof(words), "the library reads %u bytes, recorded: %u", copy.len + 1,
		 copy.len);
	check_why(m, words);
	/* OP-TEE writes to a page that it was never given. */
	i = find(&r, OM_RECORD_SMC_RETURN, sizeof(struct om_record_smc) + 16);
	memcpy(body, r.record[i].body, r.record[i].len);
	body[sizeof(struct om_record_smc) + 7] ^= 1;
	put_start(m, &r, i);
	put_record(m, OM_RECORD_SMC_RETURN, 0, body, r.record[i].len, (uint32_t)i + 1);
	check_why(m, "which is no shadow page");
	recording_free(&r);
}

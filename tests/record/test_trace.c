/* SPDX-License-Identifier: BSD-2-Clause */
/* What om-trace makes of a recording: a smaller one that fails alike, one without secrets. */
#define _POSIX_C_SOURCE 200809L
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "commands.h"
#include "replay.h"

static struct recording whole_of(const struct machine *m)
{
	return bytes_read(m->stream, m->stream->used, READ_WHOLE);
}

/* A recording that a command has written. */
struct output {
	FILE *file;
	char *bytes;
	size_t size;
};

static void open_output(struct output *o)
{
	o->file = open_memstream(&o->bytes, &o->size);
	assert_non_null(o->file);
}

static struct recording take_output(struct output *o)
{
	struct recording r;

	fclose(o->file);
	assert_int_equal(recording_parse(&r, "output", (uint8_t *)o->bytes, o->size, false),
			 READ_WHOLE);
	return r;
}

/* The SMCs of guests. */
static uint32_t smcs(const struct recording *r)
{
	uint32_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		if (r->record[i].head.kind == OM_RECORD_ENTER)
			n += record_body(&r->record[i], struct om_record_enter).function ==
			     OM_RECORD_GUEST_CALL;
	return n;
}

/* Behind "differs at record 17 (byte 1234), ", and behind ids that are others in a part. */
static const char *reason(const struct replay_result *result)
{
	const char *but = strstr(result->why, ", but ");

	return but ? but : strchr(result->why, ',');
}

/* --- Shrinking ----------------------------------------------------------------------------------- */

/* A session with calls and RPCs in it; more than a hundred SMCs with what is beside it. */
static void talk(struct machine *m)
{
	uint64_t value = 1;
	uint32_t session;

	for (uint32_t i = 0; i < 8; i++)
		converse(m);
	assert_int_equal(cg_open(m->client, cg_uuid_invoke, &session), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(cg_add(m->client, session, &value, i), TEEC_SUCCESS);
		ask_time(m);
	}
	assert_int_equal(cg_close(m->client, session), TEEC_SUCCESS);
}

/* The machine in which that was said, and its recording. */
static struct machine *record_talk(void **state, struct recording *r)
{
	struct machine *m = machine_new(state);

	machine_start(m);
	talk(m);
	machine_end(m);
	*r = whole_of(m);
	return m;
}

/* The n-th record of a kind whose body has at least so many bytes, from the end. */
static size_t find_last(const struct recording *r, enum om_record_kind kind, size_t len,
			uint32_t nth)
{
	size_t i = r->count;

	do
		i--;
	while (r->record[i].head.kind != kind || r->record[i].len < len || nth-- > 0);
	return i;
}

/*
 * Alters a byte of that record, shrinks, and holds the result against the whole: it differs in
 * the same words, and has these SMCs at most.
 */
static void shrink_planted(struct machine *m, size_t i, size_t byte, uint32_t most)
{
	struct recording whole = whole_of(m), shrunk, altered;
	struct replay_result before, after;
	struct output o;

	open_output(&o);
	m->stream->at[whole.record[i].at + sizeof(struct om_record_head) + byte] ^= 0x40;
	sum_again(m->stream, &whole.record[i]);
	altered = whole_of(m);
	assert_true(replay(&altered, false, &before));
	assert_true(before.differs);
	assert_int_equal(before.records, i);
	assert_int_equal(command_shrink(&altered, NULL, o.file), 0);
	shrunk = take_output(&o);
	assert_true(replay(&shrunk, false, &after));
	assert_true(after.differs);
	assert_string_equal(reason(&after), reason(&before));
	assert_int_equal(after.records, shrunk.count - 1);
	assert_in_range(smcs(&shrunk), 1, most);
	recording_free(&shrunk);
	recording_free(&altered);
	recording_free(&whole);
}

RECORD_TEST(a_wrong_answer_shrinks_to_its_call_and_session)
{
	struct recording r;
	struct machine *m = record_talk(state, &r);
	size_t i;

	assert_true(smcs(&r) > 150);
	/* The result of a call with three RPCs; the open of its session, too. */
	i = find_last(&r, OM_RECORD_WRITE, sizeof(struct om_record_copy) + 8, 12);
	recording_free(&r);
	shrink_planted(m, i, sizeof(struct om_record_copy), 5);
}

RECORD_TEST(a_wrong_register_shrinks)
{
	struct recording r;
	struct machine *m = record_talk(state, &r);
	size_t i;

	i = find_last(&r, OM_RECORD_LEAVE, 0, 40);
	recording_free(&r);
	shrink_planted(m, i, offsetof(struct om_record_leave, a[1]), 5);
}

RECORD_TEST(a_wrong_word_of_a_shadow_page_shrinks)
{
	struct recording r;
	struct machine *m = record_talk(state, &r);
	size_t i;

	i = find_last(&r, OM_RECORD_SMC, sizeof(struct om_record_smc) +
		      sizeof(struct om_record_window) + 8, 30);
	recording_free(&r);
	shrink_planted(m, i, sizeof(struct om_record_smc) + sizeof(struct om_record_window), 4);
}

/* Another operation than the library's: no record is made that could differ. */
RECORD_TEST(a_wrong_operation_shrinks)
{
	struct recording r;
	struct machine *m = record_talk(state, &r);
	size_t i;

	i = find_last(&r, OM_RECORD_READ, 0, 10);
	m->stream->at[r.record[i].at + offsetof(struct om_record_head, kind)] = OM_RECORD_WRITE;
	r.record[i].head.kind = OM_RECORD_WRITE;
	sum_again(m->stream, &r.record[i]);
	recording_free(&r);
	shrink_planted(m, i, 0, 5);
}

RECORD_TEST(a_counter_is_kept)
{
	struct recording r, shrunk;
	struct replay_result result;
	struct output o;
	uint32_t refusals = 0;

	(void)record_talk(state, &r);
	open_output(&o);
	/* converse() registers a buffer twice. */
	assert_int_equal(command_shrink(&r, "refused_cookie", o.file), 0);
	shrunk = take_output(&o);
	assert_int_equal(smcs(&shrunk), 2);
	assert_true(replay(&shrunk, true, &result));
	assert_false(result.differs);
	for (size_t i = 0; i < result.events; i++)
		refusals += result.event[i].event.id == OM_TRACE_REFUSED;
	assert_int_equal(refusals, 1);
	free(result.event);
	recording_free(&shrunk);
	/* What does not happen, or is unknown, or does not fail, cannot be shrunk. */
	assert_int_equal(command_shrink(&r, "refused_policy", stdout), 2);
	assert_int_equal(command_shrink(&r, "refused_everything", stdout), 2);
	assert_int_equal(command_shrink(&r, NULL, stdout), 2);
	recording_free(&r);
}

/* --- Masking -------------------------------------------------------------------------------------- */

#define SECRET	0x5ec4e75ec4e75ec4u

static uint32_t count_secrets(const struct recording *r)
{
	const uint64_t secret = SECRET;
	uint32_t n = 0;

	for (size_t i = 0; i + sizeof(secret) <= r->size; i++)
		n += memcmp(r->bytes + i, &secret, sizeof(secret)) == 0;
	return n;
}

/* In, out and as an RPC's reply: the model inverts nothing of it. */
static void tell_secrets(struct machine *m)
{
	struct cg_call c;
	uint64_t value = SECRET - 1;
	uint32_t session;

	assert_int_equal(cg_open(m->client, cg_uuid_invoke, &session), TEEC_SUCCESS);
	assert_int_equal(cg_add(m->client, session, &value, 1), TEEC_SUCCESS);
	assert_true(cg_invoke_init(&c, m->client, session, CG_INVOKE_NULL));
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT, SECRET, SECRET, SECRET);
	cg_do(&c);
	cg_call_fini(&c);
	/* And behind a message, which the library reads with it. */
	assert_true(cg_call_init(&c, m->client, OPTEE_MSG_CMD_CLOSE_SESSION, 0));
	cg_hdr(&c)->session = session;
	*(uint64_t *)(void *)(cg_hdr(&c) + 1) = SECRET;
	cg_do(&c);
	cg_call_fini(&c);
	ask_time(m);
}

RECORD_TEST(values_are_masked_and_the_rest_is_replayed)
{
	struct machine *m = machine_new(state);
	struct recording r, masked;
	struct replay_result result;
	struct output o;

	machine_start(m);
	converse(m);
	tell_secrets(m);
	machine_end(m);
	r = whole_of(m);
	assert_in_range(count_secrets(&r), 5, 100);
	open_output(&o);
	assert_int_equal(command_mask(&r, false, o.file), 0);
	masked = take_output(&o);
	assert_int_equal(count_secrets(&masked), 0);
	assert_int_equal(masked.count, r.count);
	assert_int_equal(masked.begin.flags, r.begin.flags);
	assert_true(replay(&masked, false, &result));
	assert_string_equal(result.why, "");
	/* Sessions, functions and refusals are what they were. */
	assert_int_equal(command_diff(&r, &masked, stdout), 0);
	recording_free(&masked);
	recording_free(&r);
}

/* A ring that has lost its beginning, or a run of another library: all goes, and is said to. */
RECORD_TEST(what_cannot_be_replayed_is_masked_as_a_whole)
{
	struct machine *m = machine_new(state);
	static uint8_t ring[OM_RECORD_RING_MIN];
	struct recording r, masked;
	struct replay_result result;
	struct output o;

	m->config.write = NULL;
	m->config.ring = ring;
	m->config.ring_size = sizeof(ring);
	machine_start(m);
	converse(m);
	tell_secrets(m);
	om_record_dump(&m->recorder, bytes_put, m->stream);
	machine_end(m);
	r = whole_of(m);
	assert_in_range(count_secrets(&r), 5, 100);
	assert_int_equal(command_mask(&r, false, stdout), 2);
	open_output(&o);
	assert_int_equal(command_mask(&r, true, o.file), 0);
	masked = take_output(&o);
	assert_int_equal(count_secrets(&masked), 0);
	assert_int_equal(masked.count, r.count);
	assert_int_equal(masked.begin.flags, r.begin.flags | OM_RECORD_IS_MASKED);
	assert_false(replay(&masked, false, &result));
	assert_string_equal(result.why, "cannot be replayed: its messages are masked");
	/* Who called whom when is there still. */
	assert_int_equal(smcs(&masked), smcs(&r));
	recording_free(&masked);
	recording_free(&r);
}

/* --- Looking --------------------------------------------------------------------------------------- */

#define FORBIDDEN	77u	/* a function of a TA */

static uint32_t forbid(void *arg, struct test_guest *guest, const struct om_request *request)
{
	(void)arg, (void)guest;
	return request->func == FORBIDDEN ? TEEC_ERROR_ACCESS_DENIED : TEEC_SUCCESS;
}

static void alias(void *guest, const uint8_t ta[16], uint8_t other[16])
{
	(void)guest, (void)ta, (void)other;
}

static void call(struct machine *m, uint32_t fid)
{
	struct om_regs regs = { .a = { fid } };

	om_record_guest_call(&m->recorded, 0, &regs);
}

/* Every kind of record, and every answer of a host that fails. */
static void do_everything(struct machine *m)
{
	struct cg_buf buf;
	struct cg_call c;
	uint32_t session;

	test_host_authorize(m->host, forbid, NULL);
	m->host->ops.alias = alias;
	machine_start(m);
	call(m, OPTEE_SMC_EXCHANGE_CAPABILITIES);
	call(m, OPTEE_SMC_ENABLE_ASYNC_NOTIF);
	call(m, 0x84000000);
	om_record_guest_interrupt(&m->recorded);
	converse(m);
	ask_time(m);
	assert_int_equal(cg_open(m->client, cg_uuid_invoke, &session), TEEC_SUCCESS);
	assert_true(cg_invoke_init(&c, m->client, session, FORBIDDEN));
	cg_do(&c);
	cg_call_fini(&c);
	/* A list of more than three pages, and an interrupt while it is translated. */
	atomic_store(&m->host->yield_every, 2);
	assert_true(cg_buf_make(m->client, &buf, 200000, 0));
	assert_int_equal(cg_register(m->client, &buf), TEEC_SUCCESS);
	atomic_store(&m->host->yield_every, 0);
	/* A resume of nothing, and a new driver in a guest that holds a buffer. */
	call(m, OPTEE_SMC_RETURN_FROM_RPC);
	call(m, OPTEE_SMC_EXCHANGE_CAPABILITIES);
	for (uint64_t n = 1; n < 12; n++) {
		test_host_fail(m->host, TEST_FAULTS_ALL, n, false);
		if (cg_call_init(&c, m->client, OPTEE_MSG_CMD_OPEN_SESSION, 2)) {
			cg_set_open(&c, cg_uuid_model);
			cg_do(&c);
			cg_call_fini(&c);
		}
	}
	test_host_fail(m->host, 0, 0, false);
	machine_end(m);
	test_host_fail(m->host, 1u << TEST_OP_PAGE_ALLOC, 3, false);
	om_record_guest_create(&m->recorder, &m->recorded, &m->mediator, 1, &limits, m->guest,
			       m->memory, om_guest_size(&limits));
	test_host_fail(m->host, 0, 0, false);
}

/* What a command writes, as a string for free(). */
static char *written_by(int (*command)(const struct recording *, FILE *), const struct recording *r)
{
	struct output o;

	open_output(&o);
	assert_int_equal(command(r, o.file), 0);
	fclose(o.file);
	return o.bytes;
}

static int text_all(const struct recording *r, FILE *out)
{
	return command_text(r, true, out);
}

static void check_words(char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strstr(text, *words))
			fail_msg("\"%s\" is missing", *words);
	free(text);
}

RECORD_TEST(every_record_has_its_words)
{
	struct machine *m = machine_new(state);
	struct recording r;
	uint32_t seen[OM_RECORD_KINDS] = { 0 };

	do_everything(m);
	r = whole_of(m);
	for (size_t i = 0; i < r.count; i++)
		seen[r.record[i].head.kind]++;
	for (uint32_t kind = OM_RECORD_ENTER; kind < OM_RECORD_KINDS; kind++)
		if (kind != OM_RECORD_LOCK && !seen[kind])
			fail_msg("no record of kind \"%s\"", record_kind_name(kind));
	check_words(written_by(text_all, &r), (const char *const[]){
		"not the mediator's: ", "who has a new driver", "pins 31 pages 0x", " and 28 more at",
		": the host refuses", ": the host could not", "the host has none",
		"has to give way", "asks the policy about command 1", "asks as which TA",
		"raises the guest's notification", "OP-TEE's notification interrupt for guest 1",
		"takes a shadow page", "gives the shadow page", "writes", "unpins 1 page 0x",
		"refused_cookie", "refused_policy", "refused_resume", NULL });
	check_words(written_by(command_html, &r), (const char *const[]){
		"refused_cookie", "\"interrupt\"", "GET_TIME", "\"ALLOC\"", "\"FREE\"", NULL });
	check_words(written_by(command_perfetto, &r), (const char *const[]){
		"GET_TIME", "\"name\":\"vCPU 0 calls\"", NULL });
	check_words(written_by(command_mermaid, &r), (const char *const[]){
		"sequenceDiagram", "refused_cookie", NULL });
	free(written_by(command_pcapng, &r));
	recording_free(&r);
}

RECORD_TEST(what_is_masked_can_be_looked_at)
{
	struct machine *m = machine_new(state);
	struct recording r, masked;
	struct output o;

	/* A name that a page's script has to be kept from. */
	m->config.clock = NULL;
	do_everything(m);
	r = whole_of(m);
	open_output(&o);
	assert_int_equal(command_mask(&r, true, o.file), 0);
	masked = take_output(&o);
	snprintf(masked.name, sizeof(masked.name), "a \"<script>\"");
	check_words(written_by(text_all, &masked), (const char *const[]){
		"its messages are masked", "asks the policy about command 0", NULL });
	check_words(written_by(command_html, &masked), (const char *const[]){
		"explained:0", "a \\\"\\u003cscript>\\\"", NULL });
	free(written_by(command_pcapng, &masked));
	assert_int_equal(command_mermaid(&masked, stdout), 2);
	assert_int_equal(command_diff(&masked, &r, stdout), 2);
	assert_int_equal(command_diff(&r, &masked, stdout), 2);
	assert_int_equal(command_replay(&masked, stdout), 2);
	recording_free(&masked);
	recording_free(&r);
}

/* A run that ends before another one does. */
RECORD_TEST(two_runs_differ_by_their_lengths)
{
	struct machine *m = machine_new(state);
	struct recording r, start;
	struct output o;

	machine_start(m);
	converse(m);
	start = bytes_read(m->stream, m->stream->used, READ_WHOLE);
	converse(m);
	machine_end(m);
	r = whole_of(m);
	open_output(&o);
	assert_int_equal(command_diff(&start, &r, o.file), 1);
	fclose(o.file);
	check_words(o.bytes, (const char *const[]){ "has no more", NULL });
	open_output(&o);
	assert_int_equal(command_diff(&r, &start, o.file), 1);
	fclose(o.file);
	check_words(o.bytes, (const char *const[]){ "has no more", NULL });
	recording_free(&start);
	recording_free(&r);
}

/* The text ends with the difference, and the replay says it. */
RECORD_TEST(a_difference_is_at_the_end_of_the_text)
{
	struct machine *m = machine_new(state);
	struct recording r, altered;
	struct output o;
	size_t i;

	machine_start(m);
	converse(m);
	machine_end(m);
	r = whole_of(m);
	i = find_last(&r, OM_RECORD_LEAVE, 0, 3);
	m->stream->at[r.record[i].at + sizeof(struct om_record_head) +
		      offsetof(struct om_record_leave, a)] ^= 1;
	sum_again(m->stream, &r.record[i]);
	altered = whole_of(m);
	check_words(written_by(text_all, &altered), (const char *const[]){
		"# test: differs at record", "a0 is 0x0, recorded 0x1", NULL });
	open_output(&o);
	assert_int_equal(command_replay(&altered, o.file), 1);
	fclose(o.file);
	check_words(o.bytes, (const char *const[]){ "a0 is 0x0, recorded 0x1", NULL });
	assert_int_equal(command_mask(&altered, false, stdout), 2);
	recording_free(&altered);
	recording_free(&r);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/xen with OPTEE_MEDIATOR_RECORD: a conversation of a domain's, the key on the console,
 * its log, and a recording out of that.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asm/tee/tee.h>
#include <model/model_ta.h>

#include "commands.h"
#include "replay.h"

#define KEY	'O'
#define RING	((size_t)CONFIG_OPTEE_MEDIATOR_RECORD_KIB << 10)

static char log_name[64], recording_name[64];

/* The console's log from here on. */
static void log_begins(void)
{
	snprintf(log_name, sizeof(log_name), "xen-ring-%ld.log", (long)getpid());
	xen.console = fopen(log_name, "w");
	assert_non_null(xen.console);
}

static void log_ends(void)
{
	assert_int_equal(fclose(xen.console), 0);
	xen.console = NULL;
}

/* What om-trace makes of the log. */
static int extract(struct recording *r, enum reading reading)
{
	FILE *out;
	int status;

	snprintf(recording_name, sizeof(recording_name), "xen-ring-%ld.omrec", (long)getpid());
	out = fopen(recording_name, "wb");
	assert_non_null(out);
	status = command_extract(log_name, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(recording_load(r, recording_name), reading);
	remove(log_name);
	remove(recording_name);
	return status;
}

#define CALLS	5u	/* of converse() */

/* A session, a buffer, and a refusal. */
static void converse(struct guest *g)
{
	struct cg_buf buf;
	uint32_t session;

	assert_int_equal(cg_open(g->cg, cg_uuid_model, &session), TEEC_SUCCESS);
	assert_true(cg_buf_make(g->cg, &buf, 10000, 0));
	assert_int_equal(cg_register(g->cg, &buf), TEEC_SUCCESS);
	assert_int_not_equal(cg_register(g->cg, &buf), TEEC_SUCCESS);
	assert_int_equal(cg_unregister(g->cg, buf.cookie), TEEC_SUCCESS);
	assert_int_equal(cg_close(g->cg, session), TEEC_SUCCESS);
}

static void assert_replays(const struct recording *r)
{
	struct replay_result result;

	assert_true(replay(r, false, &result));
	if (result.differs)
		fail_msg("%s", result.why);
	assert_int_equal(result.records, r->count);
}

/* So many ENTER records of this function. */
static size_t count(const struct recording *r, enum om_record_function function)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->record[i].head.kind == OM_RECORD_ENTER &&
		     record_body(&r->record[i], struct om_record_enter).function == function;
	return n;
}

MACHINE_TEST(key_writes_what_replays_without_a_difference)
{
	struct recording r;

	log_begins();
	machine_add(m, 0);
	machine_add(m, 1);
	converse(&m->guest[1]);
	machine_kill(m, 1);
	hypervisor_press(KEY);
	log_ends();
	assert_int_equal(extract(&r, READ_WHOLE), 0);
	assert_true(r.begin.flags & OM_RECORD_IS_RING);
	assert_true(r.begin.flags & OM_RECORD_HAS_CLOCK);
	assert_int_equal(r.begin.pages_lost, 0);
	assert_int_equal(count(&r, OM_RECORD_GUEST_CREATE), 2);
	assert_int_equal(count(&r, OM_RECORD_GUEST_DESTROY), 1);
	assert_int_equal(count(&r, OM_RECORD_GUEST_CALL), CALLS);
	assert_replays(&r);
	recording_free(&r);
}

MACHINE_TEST(last_of_several_recordings_is_taken)
{
	struct recording r;

	log_begins();
	machine_add(m, 1);
	hypervisor_press(KEY);
	converse(&m->guest[1]);
	hypervisor_press(KEY);
	log_ends();
	assert_int_equal(extract(&r, READ_WHOLE), 0);
	assert_int_equal(count(&r, OM_RECORD_GUEST_CALL), CALLS);
	assert_replays(&r);
	recording_free(&r);
}

MACHINE_TEST(ring_that_was_overwritten_has_the_last_calls)
{
	struct om_record_enter last;
	struct recording r;
	size_t at;

	log_begins();
	machine_add(m, 1);
	for (uint32_t i = 0; i < RING / 2000; i++)
		converse(&m->guest[1]);
	hypervisor_press(KEY);
	log_ends();
	assert_int_equal(extract(&r, READ_WHOLE), 0);
	assert_false(recording_is_from_the_start(&r));
	assert_true(r.size > RING - 2000 && r.size <= RING + 36);
	assert_int_equal(r.record[r.count - 1].head.kind, OM_RECORD_LEAVE);
	for (at = r.count; r.record[at - 1].head.kind != OM_RECORD_ENTER; at--)
		;
	last = record_body(&r.record[at - 1], struct om_record_enter);
	assert_int_equal(last.guest, 2);
	recording_free(&r);
}

/* What else happens while the console is written to. */
struct meanwhile {
	struct machine *m;
	unsigned int lines;
};

static void call_and_press(void *arg)
{
	struct meanwhile *meanwhile = arg;

	/* A line of a guest's console, and somebody who is in a hurry. */
	fprintf(xen.console, "(d1) [    1.000000] omrec: a word of a guest's\r\n");
	if (meanwhile->lines++ % 16)
		return;
	converse(&meanwhile->m->guest[1]);
	hypervisor_press(KEY);
}

MACHINE_TEST(calls_go_on_while_it_is_written)
{
	struct meanwhile meanwhile = { .m = m };
	struct recording r;
	uint64_t lines;

	log_begins();
	machine_add(m, 1);
	converse(&m->guest[1]);
	xen.on_softirq = call_and_press;
	xen.softirq_arg = &meanwhile;
	lines = atomic_load(&xen.lines);
	hypervisor_press(KEY);
	lines = atomic_load(&xen.lines) - lines;
	xen.on_softirq = NULL;
	log_ends();
	assert_int_equal(extract(&r, READ_WHOLE), 0);
	/* A refusal in a debug build is a line, too. */
	assert_true(lines >= meanwhile.lines && meanwhile.lines == (r.size + 95) / 96 + 2);
	/* Nothing of what came after the key. */
	assert_int_equal(count(&r, OM_RECORD_GUEST_CALL), CALLS);
	assert_replays(&r);
	recording_free(&r);
	/* And the key works again. */
	log_begins();
	hypervisor_press(KEY);
	log_ends();
	assert_int_equal(extract(&r, READ_WHOLE), 0);
	assert_int_equal(count(&r, OM_RECORD_GUEST_CALL), CALLS * (1 + (meanwhile.lines + 15) / 16));
	recording_free(&r);
}

/* More domains than there is room for: they work, and what is not recorded is said. */
MACHINE_TEST(domains_beyond_the_room_are_served)
{
	struct domain *more[CONFIG_OPTEE_MEDIATOR_RECORD_DOMAINS];
	struct recording r;

	log_begins();
	for (domid_t i = 0; i < CONFIG_OPTEE_MEDIATOR_RECORD_DOMAINS; i++)
		assert_int_equal(domain_create((domid_t)(i + 8), XEN_DOMCTL_CONFIG_TEE_OPTEE, 16,
					       CREATE_WHOLE, &more[i]), 0);
	machine_add(m, 1);
	converse(&m->guest[1]);
	hypervisor_press(KEY);
	log_ends();
	assert_int_equal(extract(&r, READ_WHOLE), 0);
	assert_true(r.begin.pages_lost > 0);
	recording_free(&r);
	for (domid_t i = 0; i < CONFIG_OPTEE_MEDIATOR_RECORD_DOMAINS; i++)
		domain_kill(more[i]);
}

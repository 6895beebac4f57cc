/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records whatever a test program does with the library, and replays it: every test of the
 * scenarios, of the conformance guest and of the threads is a test of recorder and replay.
 *
 * The linker puts these functions in the place of the library's (--wrap), for the tests'
 * own calls. A recording ends when the next mediator is initialised, or with the program;
 * then it is replayed, and a difference ends the program.
 *
 * With several threads one is in the library at a time, and any other goes on at a record or
 * during an SMC: so a recording says all of their order, and every replay has to succeed.
 *
 * OM_TEST_RECORD=FOLDER keeps the recordings there, too, numbered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <optee_mediator/record.h>

#include "replay.h"
#include "wrap.h"

#define GUESTS	64u
#define PAGES	8192u

static struct om_recorder recorder;
static struct om_record_page pages[PAGES];
static struct om_record_guest *guests[GUESTS];

static uint8_t *bytes;
static size_t used, room;
static unsigned int recordings;
static unsigned long long records;

static pthread_mutex_t library_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t shim_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Who is in the library now has a number of its own; the recorder's own calls go through. */
static bool taken[OM_RECORD_CPUS];
static _Thread_local uint32_t number;
static _Thread_local uint32_t depth;
/* A replay runs the library on threads of its own; the tests' have ended. */
static bool is_replaying;

/* True for a call of the recorder's or of a replay: it is for the library itself. */
static bool is_own(void)
{
	return depth || is_replaying;
}

static void enter(void)
{
	pthread_mutex_lock(&shim_mutex);
	for (number = 0; number < OM_RECORD_CPUS - 1 && taken[number]; number++)
		;
	taken[number] = true;
	pthread_mutex_unlock(&shim_mutex);
	depth++;
	pthread_mutex_lock(&library_mutex);
}

static void leave(void)
{
	pthread_mutex_unlock(&library_mutex);
	depth--;
	pthread_mutex_lock(&shim_mutex);
	taken[number] = false;
	pthread_mutex_unlock(&shim_mutex);
}

static void write_bytes(void *host, const void *from, size_t len)
{
	(void)host;
	if (used + len > room) {
		room = room ? 2 * room : 1 << 20;
		bytes = realloc(bytes, room);
		if (!bytes)
			abort();
	}
	memcpy(bytes + used, from, len);
	used += len;
}

static uint64_t now(void *host)
{
	struct timespec t;

	(void)host;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t cpu(void *host)
{
	(void)host;
	return number;
}

/* The place where another thread may go on. */
static void lock(void *host)
{
	(void)host;
	pthread_mutex_unlock(&library_mutex);
	sched_yield();
	pthread_mutex_lock(&library_mutex);
}

static void unlock(void *host)
{
	(void)host;
}

/* --- The test's operations, with the mutex in mind --------------------------------------------- */

static const struct om_host_ops *inner;

static void op_smc(void *host, struct om_regs *regs)
{
	pthread_mutex_unlock(&library_mutex);
	inner->smc(host, regs);
	pthread_mutex_lock(&library_mutex);
}

/* The mutex is enough, and the guest's lock would be held over a record. */
static void op_no_lock(void *guest)
{
	(void)guest;
}

static struct om_host_ops shimmed(const struct om_host_ops *ops)
{
	struct om_host_ops shim = *ops;

	inner = ops;
	if (shim.smc)
		shim.smc = op_smc;
	if (shim.lock && shim.unlock)
		shim.lock = shim.unlock = op_no_lock;
	return shim;
}

static void keep(void)
{
	const char *folder = getenv("OM_TEST_RECORD");
	char name[4096];
	FILE *file;

	if (!folder)
		return;
	snprintf(name, sizeof(name), "%s/%s-%03u.omrec", folder, program_invocation_short_name,
		 recordings);
	file = fopen(name, "wb");
	if (!file || fwrite(bytes, 1, used, file) != used || fclose(file)) {
		perror(name);
		abort();
	}
}

/* The recording that was made up to here is replayed. */
static void verify(void)
{
	struct recording r;
	struct replay_result result;
	char name[64];

	if (!used)
		return;
	recordings++;
	keep();
	snprintf(name, sizeof(name), "recording %u", recordings);
	is_replaying = true;
	if (recording_parse(&r, name, bytes, used, false) != READ_WHOLE) {
		fprintf(stderr, "%s\n", r.error);
		_exit(1);
	}
	if (!replay(&r, false, &result) || result.differs || result.records != r.count) {
		fprintf(stderr, "%s: %s (%zu of %zu records)\n", name, result.why,
			result.records, r.count);
		_exit(1);
	}
	is_replaying = false;
	records += r.count;
	recording_free(&r);
	bytes = NULL;
	used = room = 0;
}

static void at_exit(void)
{
	verify();
	printf("%u recordings with %llu records were replayed\n", recordings, records);
}

/*
 * A test in which OP-TEE writes to a shadow page after its SMC has returned. No operation
 * tells the recorder of that; docs/recording.md says so.
 */
__attribute__((constructor))
static void skip_what_cannot_be_recorded(void)
{
	cmocka_set_skip_filter("fault_d2_length_is_the_requests_however_the_shadow_changes");
}

static const struct om_record_config config = {
	.write = write_bytes, .pages = pages, .page_count = PAGES,
	.clock = now, .cpu = cpu, .lock = lock, .unlock = unlock,
};

enum om_result __wrap_om_mediator_init(struct om_mediator *m, const struct om_host_ops *ops,
				       void *host)
{
	static struct om_host_ops shim;
	struct om_record_config c = config;
	enum om_result result;

	if (is_own() || !ops)
		return __real_om_mediator_init(m, ops, host);
	if (!recordings && !used)
		atexit(at_exit);
	verify();
	shim = shimmed(ops);
	c.ops = &shim;
	c.host = host;
	om_record_init(&recorder, &c);
	enter();
	result = om_record_mediator_init(&recorder, m);
	leave();
	return result;
}

static struct om_record_guest *find(const struct om_guest *guest)
{
	struct om_record_guest *found = NULL;

	pthread_mutex_lock(&shim_mutex);
	for (uint32_t i = 0; i < GUESTS && !found; i++)
		if (guests[i] && guests[i]->guest == guest)
			found = guests[i];
	pthread_mutex_unlock(&shim_mutex);
	if (!found)
		abort();
	return found;
}

static void remember(struct om_record_guest *g)
{
	uint32_t i = 0;

	pthread_mutex_lock(&shim_mutex);
	while (guests[i])
		if (++i == GUESTS)
			abort();
	guests[i] = g;
	pthread_mutex_unlock(&shim_mutex);
}

static void forget(const struct om_record_guest *gone)
{
	pthread_mutex_lock(&shim_mutex);
	for (uint32_t i = 0; i < GUESTS; i++)
		if (guests[i] == gone)
			guests[i] = NULL;
	pthread_mutex_unlock(&shim_mutex);
}

enum om_result __wrap_om_guest_create(struct om_mediator *m, uint32_t id,
				      const struct om_limits *limits, void *ctx, void *mem,
				      size_t size, struct om_guest **out)
{
	struct om_record_guest *g;
	enum om_result result;

	if (is_own() || !m || !out)
		return __real_om_guest_create(m, id, limits, ctx, mem, size, out);
	g = calloc(1, sizeof(*g));
	if (!g)
		abort();
	enter();
	result = om_record_guest_create(&recorder, g, m, id, limits, ctx, mem, size);
	leave();
	if (result != OM_OK) {
		free(g);
		return result;
	}
	remember(g);
	*out = g->guest;
	return result;
}

enum om_outcome __wrap_om_guest_call(struct om_guest *guest, unsigned int vcpu,
				     struct om_regs *regs)
{
	enum om_outcome outcome;

	if (is_own())
		return __real_om_guest_call(guest, vcpu, regs);
	enter();
	outcome = om_record_guest_call(find(guest), vcpu, regs);
	leave();
	return outcome;
}

enum om_result __wrap_om_guest_reset(struct om_guest *guest)
{
	enum om_result result;

	if (is_own())
		return __real_om_guest_reset(guest);
	enter();
	result = om_record_guest_reset(find(guest));
	leave();
	return result;
}

enum om_result __wrap_om_guest_destroy(struct om_guest *guest)
{
	struct om_record_guest *g;
	enum om_result result;

	if (is_own())
		return __real_om_guest_destroy(guest);
	g = find(guest);
	enter();
	result = om_record_guest_destroy(g);
	leave();
	if (result == OM_OK) {
		forget(g);
		free(g);
	}
	return result;
}

void __wrap_om_guest_interrupt(struct om_guest *guest)
{
	if (is_own()) {
		__real_om_guest_interrupt(guest);
		return;
	}
	enter();
	om_record_guest_interrupt(find(guest));
	leave();
}

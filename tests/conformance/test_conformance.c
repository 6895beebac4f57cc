/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest on the host: the mediator, the model for OP-TEE.
 *
 * Every scenario is a test of its own, in a machine of its own, once in each of
 * several set-ups, and each with the habits of every OP-TEE that the model knows; its
 * name is the set-up's and the scenario's. Beside what the guest sees, the model and
 * the test host must have seen nothing wrong, and nothing may be held when the guest
 * is gone. This file knows all of them; the guest knows none.
 *
 *   test_conformance [name or beginning of a name]
 *   test_conformance --digests [set-up]
 *
 * --digests prints the guest's own lines and no test results: to be compared
 * with what the same guest prints elsewhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <host/host.h>
#include <model/model.h>
#include <model/model_ta.h>
#include <optee_mediator/mediator.h>

#include "client.h"
#include "frame.h"
#include "guest.h"
#include "test.h"

/* The guest's copies of what the model's TA understands. */
_Static_assert(CG_MODEL_INTERRUPT == MODEL_TA_INTERRUPT, "model_ta.h");
_Static_assert(CG_MODEL_PAYLOAD == MODEL_TA_PAYLOAD, "model_ta.h");
_Static_assert(CG_MODEL_PAYLOAD_KEEP == MODEL_TA_PAYLOAD_KEEP, "model_ta.h");
_Static_assert(CG_MODEL_PAYLOAD_CHECK == MODEL_TA_PAYLOAD_CHECK, "model_ta.h");
_Static_assert(CG_MODEL_PAYLOAD_DROP == MODEL_TA_PAYLOAD_DROP, "model_ta.h");
_Static_assert(CG_MODEL_WAIT_CANCEL == MODEL_TA_WAIT_CANCEL, "model_ta.h");
_Static_assert(CG_MODEL_SUSPEND_MEMREF == MODEL_TA_SUSPEND_MEMREF, "model_ta.h");

struct set_up {
	const char *name;
	struct om_limits limits;
	uint32_t secure_threads;
	uint32_t ram_pages;
	bool notify;		/* the backend can inject the interrupt */
	uint32_t yield_every;
	uint32_t interrupt_every;
	bool real;		/* nothing that a real OP-TEE has not, and no other guest */
	uint32_t secure_pages;	/* guest.h */
	uint32_t vcpus;		/* 0: 4 */
	bool constants;		/* the host's addresses are like the guest's numbers */
};

#define REAL_LIMITS { .threads = 2, .buffers = 128, .rpc_args = 8, .pages = 2200, \
		      .list_pages = 4, .call_pages = 600 }

#define WIDE_LIMITS { .threads = 2, .buffers = 128, .rpc_args = 8, .pages = 10000, \
		      .list_pages = 20, .call_pages = 600 }

static const struct set_up set_ups[] = {
	/* As an embedder would have it, on OP-TEE as Debian builds it. */
	{ .name = "default", .limits = OM_LIMITS_DEFAULT, .secure_threads = 2,
	  .ram_pages = 8192, .notify = true },
	/* Every limit within reach, the least RAM, no notifications. */
	{ .name = "narrow", .limits = { .threads = 3, .buffers = 24, .rpc_args = 4,
					.pages = 1500, .list_pages = 2, .call_pages = 700,
					.mapped_pages = 900, .sessions = 16 },
	  .secure_threads = 5, .ram_pages = CG_RAM_MIN / TEST_PAGE },
	/* Somebody always wants the CPU; one thread only. */
	{ .name = "yielding", .limits = { .threads = 4, .buffers = 64, .rpc_args = 4,
					  .pages = 2100, .list_pages = 5 },
	  .secure_threads = 1, .ram_pages = 4096, .notify = true,
	  .yield_every = 1, .interrupt_every = 2 },
	/* Interrupts and yields that fall anywhere. */
	{ .name = "interrupted", .limits = { .threads = 4, .buffers = 64, .rpc_args = 8,
					     .pages = 2100, .list_pages = 5 },
	  .secure_threads = 4, .ram_pages = 4096, .notify = true,
	  .yield_every = 7, .interrupt_every = 3 },
	/* What examples/el2-hypervisor gives its guests: tests/real compares the two. */
	{ .name = "real", .limits = REAL_LIMITS, .secure_threads = 2, .secure_pages = 11000,
	  .ram_pages = 8192, .notify = true, .interrupt_every = 5, .real = true, .vcpus = 1 },
	{ .name = "real-smp", .limits = REAL_LIMITS, .secure_threads = 2, .secure_pages = 11000,
	  .ram_pages = 8192, .notify = true, .interrupt_every = 5, .real = true, .vcpus = 2 },
	/* The same with pages=10000: lists as long as a Linux guest's. */
	{ .name = "real-wide", .limits = WIDE_LIMITS, .secure_threads = 2, .secure_pages = 11000,
	  .ram_pages = 8192, .notify = true, .interrupt_every = 5, .real = true, .vcpus = 1 },
	/* A host whose ranges hold numbers that the guest writes itself. */
	{ .name = "fault_g2_constants", .limits = OM_LIMITS_DEFAULT, .secure_threads = 2,
	  .ram_pages = 8192, .notify = true, .constants = true },
};

/* The machine of one test. */
struct world {
	const struct set_up *set_up;
	struct test_host *host;
	struct model *model;
	struct om_mediator mediator;
	struct test_guest *guest;
	struct test_guest *other;
	void *guest_mem;
	void *other_mem;
	struct cg_platform platform;
	struct cg_platform other_platform;
	/* The other guest's, alive all the time. */
	struct cg_call other_call;
	struct cg_buf other_buf;
	char line[256];		/* the last one of the guest's log */
	bool print;
};

static struct world *current;
static char first_failure[256];

static void on_failure(const char *message)
{
	if (first_failure[0] == '\0')
		snprintf(first_failure, sizeof(first_failure), "%s", message);
}

/* ---- the platform ---- */

static void vm_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct test_guest *guest = ctx;
	struct om_regs regs;

	memcpy(regs.a, x, sizeof(regs.a));
	switch (test_guest_call(guest, vcpu, &regs)) {
	case OM_NOT_HANDLED:
		test_fail("an SMC of the guest's was not the mediator's: 0x%llx",
			  (unsigned long long)x[0]);
		break;
	case OM_HANDLED_NEW_DRIVER:
		while (om_guest_reset(guest->om) == OM_AGAIN)
			;
		break;
	default:
		break;
	}
	memcpy(x, regs.a, sizeof(regs.a));
}

/* A filling, words of the OS's and API's UUIDs, of TAs' UUIDs, the time that is served. */
static const uint64_t constants[] = {
	0x5c5c5c5c, 0x5c5c5c5c5c5c5c5c, 0xd7d7d7d7, 0xa5a5a5a5, 0x486178e0, 0xe7f811e3,
	0xbc5e0002, 0xa5d5c51b, 0x384fb3e0, 0xaf630002, 0x405b6ad9, 0x1bc6d5a5, 1500000000,
};
#define CONSTANTS (sizeof(constants) / sizeof(constants[0]))

static bool vm_is_host_address(void *ctx, uint64_t value)
{
	struct test_guest *guest = ctx;

	/* Numbers of the guest's own that a host may well have as addresses. */
	for (size_t i = 0; current->set_up->constants && i < CONSTANTS; i++)
		if (value - (constants[i] & ~0xfffull) < TEST_PAGE)
			return true;
	return test_host_is_host_address(guest->host, value);
}

static void vm_log(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(current->line, sizeof(current->line), "%s", line);
	if (current->print)
		printf("%s\n", line);
}

static void fill_platform(struct cg_platform *p, const struct set_up *s, struct test_guest *guest)
{
	memset(p, 0, sizeof(*p));
	p->ctx = guest;
	p->smc = vm_smc;
	p->log = vm_log;
	p->is_host_address = vm_is_host_address;
	p->ram = guest->ram;
	p->ram_ipa = guest->ipa;
	p->ram_size = (uint64_t)guest->ram_pages * TEST_PAGE;
	p->hole_ipa = guest->hole_ipa;
	p->readonly_ipa = guest->readonly_ipa;
	p->mmio_ipa = guest->mmio_ipa;
	p->reserved_ipa = guest->reserved_ipa;
	p->limits.threads = s->limits.threads;
	p->limits.buffers = s->limits.buffers;
	p->limits.rpc_args = s->limits.rpc_args;
	p->limits.pages = s->limits.pages;
	p->limits.list_pages = s->limits.list_pages;
	p->limits.call_pages = s->limits.call_pages;
	p->limits.mapped_pages = s->limits.mapped_pages ? s->limits.mapped_pages :
							   OM_MAPPED_PAGES_DEFAULT;
	p->secure_threads = s->secure_threads;
	p->secure_pages = s->secure_pages;
	p->vcpus = s->vcpus ? s->vcpus : 4;
	p->flags = CG_NEW_DRIVER | (s->real ? 0 : CG_MODEL_TA) | (s->notify ? CG_ASYNC_NOTIF : 0) |
		   (s->interrupt_every ? CG_INTERRUPTS : 0);
}

/* ---- a world ---- */

static void *new_guest(struct world *w, uint32_t id, uint32_t pages, struct test_guest **guest)
{
	size_t size = om_guest_size(&w->set_up->limits);
	void *mem = aligned_alloc(OM_GUEST_ALIGN,
				  (size + OM_GUEST_ALIGN - 1) / OM_GUEST_ALIGN * OM_GUEST_ALIGN);

	assert_non_null(mem);
	*guest = test_guest_new(w->host, id, pages);
	assert_int_equal(om_guest_create(&w->mediator, id, &w->set_up->limits, *guest, mem, size,
					 &(*guest)->om), OM_OK);
	return mem;
}

/* Another guest of the same mediator, with a buffer and a call that waits. */
static void start_other(struct world *w)
{
	struct cg_guest *g = (struct cg_guest *)(void *)w->other->ram;
	uint32_t session;

	fill_platform(&w->other_platform, w->set_up, w->other);
	cg_memory_init(g, &w->other_platform);
	assert_true(cg_buf_make(g, &w->other_buf, 5000, 0));
	assert_int_equal(cg_register(g, &w->other_buf), TEEC_SUCCESS);
	assert_int_equal(cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	assert_true(cg_time_init(&w->other_call, g, session));
	assert_true(cg_until(&w->other_call, OPTEE_SMC_RETURN_RPC_ALLOC));
}

static void finish_other(struct world *w)
{
	struct cg_guest *g = (struct cg_guest *)(void *)w->other->ram;

	cg_finish(&w->other_call);
	assert_int_equal(cg_result(&w->other_call), TEEC_SUCCESS);
	assert_int_equal(cg_unregister(g, w->other_buf.cookie), TEEC_SUCCESS);
	assert_int_equal(g->anomalies, 0);
}

static void world_begin(struct world *w, const struct set_up *s, bool optee_4_10)
{
	struct model_config config = model_config_default();

	memset(w, 0, sizeof(*w));
	w->set_up = s;
	current = w;
	first_failure[0] = '\0';
	test_failures_reset();
	test_on_failure(on_failure);
	w->host = test_host_new();
	config.threads = s->secure_threads;
	config.optee_4_10 = optee_4_10;
	config.interrupt_every = s->interrupt_every;
	w->model = model_new(w->host, &config);
	if (!s->notify)
		w->host->ops.notify = NULL;
	w->host->yield_every = s->yield_every;
	assert_int_equal(om_mediator_init(&w->mediator, &w->host->ops, w->host), OM_OK);
	w->guest_mem = new_guest(w, 1, s->ram_pages, &w->guest);
	w->other_mem = new_guest(w, 2, CG_RAM_MIN / TEST_PAGE, &w->other);
	start_other(w);
	fill_platform(&w->platform, s, w->guest);
	if (s->real)
		return;
	w->platform.foreign_cookie = w->other_buf.cookie;
	w->platform.foreign_call = (uint32_t)w->other_call.id;
}

static void destroy(struct test_guest *guest, void *mem)
{
	while (om_guest_destroy(guest->om) == OM_AGAIN)
		;
	guest->om = NULL;
	free(mem);
}

static void world_end(struct world *w)
{
	/* The guest has given back what it had, sessions too. */
	assert_int_equal(model_threads_in_use(w->model, 1), 0);
	assert_int_equal(model_sessions(w->model, 1), 0);
	assert_int_equal(model_buffers(w->model, 1), 0);
	assert_int_equal(w->guest->pinned, 0);
	assert_int_equal(om_guest_counter(w->guest->om, OM_COUNT_PAGES_NOW), 0);
	assert_int_equal(om_guest_counter(w->guest->om, OM_COUNT_BUFFERS_NOW), 0);
	test_guest_assert_no_leak(w->guest);
	finish_other(w);
	destroy(w->guest, w->guest_mem);
	destroy(w->other, w->other_mem);
	test_host_assert_balanced(w->host);
	if (model_violations(w->model))
		on_failure(model_violation(w->model, 0));
	model_free(w->model);
	test_host_free(w->host);
	if (first_failure[0])
		fail_msg("%s", first_failure);
}

/* ---- the tests ---- */

#define SET_UPS (sizeof(set_ups) / sizeof(set_ups[0]))

/* Each set-up twice: with OP-TEE 4.5, then as NAME-4.10. */
static const char *set_up_name(size_t n)
{
	static char name[64];

	if (n >= 2 * SET_UPS)
		return NULL;
	snprintf(name, sizeof(name), "%s%s", set_ups[n / 2].name, n % 2 ? "-4.10" : "");
	return name;
}

static void run_scenario(void **state)
{
	const struct frame_test *t = *state;
	struct cg_summary summary;
	struct world w;
	bool good;

	world_begin(&w, &set_ups[t->set_up / 2], t->set_up % 2);
	good = cg_run(&w.platform, t->scenario, &summary);
	if (!good)
		print_message("%s\n", w.line);
	assert_true(good);
	assert_int_equal(summary.passed + summary.skipped, 1);
	world_end(&w);
	if (summary.skipped)
		print_message("%s\n", w.line);
}

static int print_digests(const char *name)
{
	struct cg_summary summary;
	struct world w;
	size_t i = 0;

	while (name && strcmp(set_up_name(i), name) != 0)
		if (!set_up_name(++i))
			return 2;
	world_begin(&w, &set_ups[i / 2], i % 2);
	w.print = true;
	cg_run(&w.platform, NULL, &summary);
	printf("%u passed, %u failed, %u skipped; %u checks, %u without means; digest %016llx\n",
	       summary.passed, summary.failed, summary.skipped, summary.checks,
	       summary.unchecked, (unsigned long long)summary.digest);
	fflush(stdout);
	world_end(&w);
	return summary.failed != 0;
}

int main(int argc, char **argv)
{
	static const struct frame frame = {
		.group = "conformance", .set_up = set_up_name, .run = run_scenario,
	};
	bool digests = argc > 1 && strcmp(argv[1], "--digests") == 0;
	const char *filter = argc > 1 + digests ? argv[1 + digests] : NULL;

	return digests ? print_digests(filter) : frame_run(&frame, filter);
}

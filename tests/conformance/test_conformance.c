/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest on the host: the mediator, the model for OP-TEE.
 *
 * Every scenario is a test of its own, in a machine of its own, once in each of
 * several set-ups, and each with the habits of every OP-TEE that the model knows; its
 * name is the set-up's and the scenario's. Beside what the guest sees, the model and
 * the test host must have seen nothing wrong, and nothing may be held when the guest
 * is gone. This file knows all of them; the guest knows none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <model/model.h>
#include <model/model_ta.h>
#include <optee_mediator/mediator.h>

#include "frame.h"
#include "on_host.h"

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
static struct world {
	const struct set_up *set_up;
	struct test_host *host;
	struct model *model;
	struct om_mediator mediator;
	struct test_guest *guest;
	struct cg_platform platform;
	/* The other guest, alive all the time. */
	struct test_guest *other;
	struct cg_platform other_platform;
	struct frame_other busy;
} world;

/* A filling, words of the OS's and API's UUIDs, of TAs' UUIDs, the time that is served. */
static const uint64_t constants[] = {
	0x5c5c5c5c, 0x5c5c5c5c5c5c5c5c, 0xd7d7d7d7, 0xa5a5a5a5, 0x486178e0, 0xe7f811e3,
	0xbc5e0002, 0xa5d5c51b, 0x384fb3e0, 0xaf630002, 0x405b6ad9, 0x1bc6d5a5, 1500000000,
};
#define CONSTANTS (sizeof(constants) / sizeof(constants[0]))

static bool is_host_address(void *guest, uint64_t value)
{
	/* Numbers of the guest's own that a host may well have as addresses. */
	for (size_t i = 0; world.set_up->constants && i < CONSTANTS; i++)
		if (value - (constants[i] & ~0xfffull) < TEST_PAGE)
			return true;
	return on_host_is_host_address(guest, value);
}

static struct test_guest *new_guest(struct world *w, uint32_t id, uint32_t pages,
				    struct cg_platform *p)
{
	const struct set_up *s = w->set_up;
	struct test_guest *guest = test_guest_new(w->host, id, pages);

	assert_int_equal(test_guest_create(guest, &w->mediator, &s->limits), OM_OK);
	*p = on_host(guest, &s->limits);
	p->is_host_address = is_host_address;
	p->secure_threads = s->secure_threads;
	p->secure_pages = s->secure_pages;
	p->vcpus = s->vcpus ? s->vcpus : 4;
	p->flags = CG_NEW_DRIVER | (s->real ? 0 : CG_MODEL_TA) | (s->notify ? CG_ASYNC_NOTIF : 0) |
		   (s->interrupt_every ? CG_INTERRUPTS : 0);
	return guest;
}

/* Another guest of the same mediator, with a buffer and a call that waits. */
static void start_other(struct world *w)
{
	struct cg_guest *g = (struct cg_guest *)(void *)w->other->ram;

	cg_memory_init(g, &w->other_platform);
	frame_other_begin(&w->busy, g, &w->platform);
	if (!w->set_up->real)
		return;
	w->platform.foreign_cookie = 0;
	w->platform.foreign_call = 0;
}

static void world_begin(struct world *w, const struct set_up *s, bool optee_4_10)
{
	struct model_config config = model_config_default();

	memset(w, 0, sizeof(*w));
	w->set_up = s;
	test_collect_failures();
	w->host = test_host_new();
	config.threads = s->secure_threads;
	config.optee_4_10 = optee_4_10;
	config.interrupt_every = s->interrupt_every;
	w->model = model_new(w->host, &config);
	if (!s->notify)
		w->host->ops.notify = NULL;
	w->host->yield_every = s->yield_every;
	assert_int_equal(om_mediator_init(&w->mediator, &w->host->ops, w->host), OM_OK);
	w->guest = new_guest(w, 1, s->ram_pages, &w->platform);
	w->other = new_guest(w, 2, CG_RAM_MIN / TEST_PAGE, &w->other_platform);
	start_other(w);
}

static void world_end(void)
{
	struct world *w = &world;

	/* The guest has given back what it had, sessions too. */
	assert_int_equal(model_threads_in_use(w->model, 1), 0);
	assert_int_equal(model_sessions(w->model, 1), 0);
	assert_int_equal(model_buffers(w->model, 1), 0);
	assert_int_equal(w->guest->pinned, 0);
	assert_int_equal(om_guest_counter(w->guest->om, OM_COUNT_PAGES_NOW), 0);
	assert_int_equal(om_guest_counter(w->guest->om, OM_COUNT_BUFFERS_NOW), 0);
	test_guest_assert_no_leak(w->guest);
	frame_other_end(&w->busy);
	test_guest_destroy(w->guest);
	test_guest_destroy(w->other);
	test_host_assert_balanced(w->host);
	model_assert_clean(w->model);
	model_free(w->model);
	test_host_free(w->host);
	if (test_first_failure())
		fail_msg("%s", test_first_failure());
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

static struct cg_platform *begin(size_t n)
{
	world_begin(&world, &set_ups[n / 2], n % 2);
	return &world.platform;
}

int main(int argc, char **argv)
{
	static const struct frame frame = {
		.group = "conformance", .set_up = set_up_name, .begin = begin, .end = world_end,
	};

	return frame_main(&frame, argc, argv);
}

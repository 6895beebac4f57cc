/* SPDX-License-Identifier: BSD-2-Clause */
/* The world of a fuzz target. See world.h. Must not know what a message is. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_PAGES (WORLD_DATA - WORLD_LISTS)

/* --- What the specification sees of it --------------------------------------------------- */

static bool on_page(void *ctx, uint64_t ipa, uint64_t *pa)
{
	const struct world_guest *g = ctx;
	uint64_t i = (ipa - TEST_IPA_BASE) / TEST_PAGE;

	if (ipa % TEST_PAGE || ipa < TEST_IPA_BASE || i >= WORLD_PAGES || !g->shared[i])
		return false;
	*pa = g->pa[i];
	return true;
}

static uint8_t *ram_at(const struct world_guest *g, uint8_t *ram, uint64_t pa)
{
	uint64_t i = (pa - g->lowest) / TEST_PAGE;

	return pa < g->lowest || i >= WORLD_PAGES ? NULL :
	       ram + g->page_at[i] * TEST_PAGE + pa % TEST_PAGE;
}

static uint8_t *on_image(void *ctx, uint64_t pa)
{
	struct world_guest *g = ctx;

	return ram_at(g, g->image, pa);
}

static const uint8_t *on_actual(void *ctx, uint64_t pa)
{
	struct world_guest *g = ctx;

	return ram_at(g, g->test->ram, pa);
}

static const void *on_secure(void *ctx, uint64_t pa, size_t len)
{
	struct world_guest *g = ctx;

	return test_secure_access(g->world->host, g->test->id, pa, len, false);
}

static void on_hold(void *ctx, uint64_t pa)
{
	struct world_guest *g = ctx;

	test_secure_hold(g->world->host, g->test->id, pa);
}

static void on_release(void *ctx, uint64_t pa)
{
	struct world_guest *g = ctx;

	test_secure_release(g->world->host, g->test->id, pa);
}

static bool on_excused(void *ctx)
{
	struct world_guest *g = ctx;

	return test_host_fault_hits(g->world->host) != 0;
}

static uint64_t on_counter(void *ctx, enum om_counter which)
{
	struct world_guest *g = ctx;

	return om_guest_counter(g->om, which);
}

static void on_fail(void *ctx, const char *what)
{
	struct world_guest *g = ctx;

	test_fail("guest %u: %s", g->test->id, what);
}

static const struct spec_world watching = {
	.page = on_page, .image = on_image, .actual = on_actual, .secure = on_secure,
	.hold = on_hold, .release = on_release, .excused = on_excused, .counter = on_counter,
	.fail = on_fail,
};

/* --- The machine ---------------------------------------------------------------------------- */

static struct world_guest *alive(struct world *w, uint32_t id)
{
	for (uint32_t i = 0; i < WORLD_GUESTS; i++)
		if (w->guest[i].om && w->guest[i].test->id == id)
			return &w->guest[i];
	return NULL;
}

/* What OP-TEE itself writes to guest memory is as it should be. */
static void secure_that_writes(struct world *w, struct world_guest *g, struct om_regs *regs)
{
	static uint8_t before[WORLD_PAGES * TEST_PAGE];
	const uint8_t *ram = g->test->ram;

	memcpy(before, ram, sizeof(before));
	w->secure(w->secure_arg, regs);
	if (memcmp(before, ram, sizeof(before)) == 0)
		return;
	for (size_t i = 0; i < sizeof(before); i++)
		if (before[i] != ram[i])
			g->image[i] = ram[i];
}

static void secure_smc(void *arg, struct om_regs *regs)
{
	struct world *w = arg;
	struct world_guest *g = regs->a[7] ? alive(w, (uint32_t)regs->a[7]) : NULL;

	if (g)
		spec_secure_enters(g->spec, regs);
	if (g && w->writes)
		secure_that_writes(w, g, regs);
	else
		w->secure(w->secure_arg, regs);
	if (g)
		spec_secure_returns(g->spec, regs);
}

static uint32_t authorize(void *arg, struct test_guest *guest, const struct om_request *request)
{
	struct world *w = arg;
	struct world_guest *g = &w->guest[guest->id - 1];
	uint32_t code = w->policy ? w->policy(w, request) : 0;

	spec_policy(g->spec, request, code);
	return code;
}

static void alias_of(void *guest, const uint8_t ta[16], uint8_t alias[16])
{
	(void)guest;
	if (memcmp(alias, ta, 16) != 0)
		test_fail("alias() is not given the TA's own UUID");
	spec_alias(ta, alias);
}

static void make_guest(struct world *w, uint32_t i)
{
	struct world_guest *g = &w->guest[i];

	g->world = w;
	g->test = test_guest_new(w->host, i + 1, WORLD_PAGES);
	g->spec = calloc(1, sizeof(*g->spec));
	g->image = malloc(WORLD_PAGES * TEST_PAGE);
	if (!g->spec || !g->image)
		abort();
	g->lowest = UINT64_MAX;
	for (uint32_t n = 0; n < WORLD_PAGES; n++) {
		g->pa[n] = test_guest_pa(g->test, world_ipa(n));
		if (g->pa[n] < g->lowest)
			g->lowest = g->pa[n];
	}
	/* Scattered, but among themselves. */
	for (uint32_t n = 0; n < WORLD_PAGES; n++)
		g->page_at[(g->pa[n] - g->lowest) / TEST_PAGE] = n;
}

/* Lists are long from the start, so that an input has only to spoil them. */
static void sweep_guest(struct world_guest *g)
{
	memset(g->test->ram, 0, WORLD_PAGES * TEST_PAGE);
	for (uint32_t l = 0; l < LIST_PAGES; l++) {
		uint64_t *list = world_at(g, world_ipa(WORLD_LISTS + l));

		for (uint32_t i = 0; i < OPTEE_MSG_LIST_ENTRIES; i++)
			list[i] = world_ipa(WORLD_DATA + (l * 5 + i) % (WORLD_PAGES - WORLD_DATA));
		list[OPTEE_MSG_LIST_NEXT] = world_ipa(WORLD_LISTS + (l + 1) % LIST_PAGES);
	}
	for (uint32_t i = 0; i < WORLD_PAGES; i++)
		if (!g->shared[i]) {
			test_guest_set_kind(g->test, world_ipa(i), TEST_PAGE_RAM);
			g->shared[i] = true;
		}
}

void world_take_secure(struct world *w, void (*secure)(void *arg, struct om_regs *regs),
		       void *arg)
{
	w->secure = secure;
	w->secure_arg = arg;
	w->writes = false;
	w->host->smc = secure_smc;
	w->host->tee = w;
}

struct world *world_sweep(struct input *in)
{
	static struct world world;
	struct world *w = &world;

	if (!w->host) {
		w->host = test_host_new();
		for (uint32_t i = 0; i < WORLD_GUESTS; i++)
			make_guest(w, i);
	}
	/* Two parameters may name one list page. What else is read twice, mutation shows. */
	w->host->rereads_expected = true;
	w->in = in;
	world_take_secure(w, NULL, NULL);
	w->host->ops.authorize = NULL;
	atomic_store(&w->host->yield_every, 0);
	test_host_reset_counts(w->host);
	test_host_fail(w->host, 0, 0, false);
	w->policy = NULL;
	w->aliases = false;
	w->fault = 0;
	w->faults_on = false;
	w->mutate = false;
	for (uint32_t i = 0; i < WORLD_GUESTS; i++)
		sweep_guest(&w->guest[i]);
	return w;
}

/* Any event can be told in a line; FUZZ_TRACE=1: to a person who looks at one input. */
static void take_event(void *guest, const struct om_trace_event *event)
{
	char line[256];

	(void)guest;
	if (om_trace_text(event, line, sizeof(line)) >= sizeof(line))
		test_fail("an event is longer than a line: %s", line);
	if (getenv("FUZZ_TRACE"))
		fprintf(stderr, "%s\n", line);
}

enum om_result world_probe(struct world *w, bool notify)
{
	static struct om_host_ops ops;

	if (w->policy)
		test_host_authorize(w->host, authorize, w);
	ops = w->host->ops;
	if (!notify)
		ops.notify = NULL;
	if (w->aliases)
		ops.alias = alias_of;
	/* It costs time: an eighth of the inputs, by their length, is traced. */
	if (getenv("FUZZ_TRACE") || w->in->left % 8 == 0)
		ops.trace = take_event;
	return om_mediator_init(&w->mediator, &ops, w->host);
}

static struct spec_config spec_config_of(const struct world_guest *g, const struct om_limits *limits,
					 bool notify)
{
	const struct world *w = g->world;
	struct spec_config config = {
		.id = g->test->id,
		.limits = *limits,
		.async = notify && (w->sec_caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF),
		.rpc_arg = w->sec_caps & OPTEE_SMC_SEC_CAP_RPC_ARG,
		.policy = w->policy != NULL,
		.aliases = w->aliases,
	};

	if (config.limits.threads > w->threads)
		config.limits.threads = w->threads;
	return config;
}

void world_create(struct world_guest *g, const struct om_limits *limits, bool notify)
{
	struct spec_config config = spec_config_of(g, limits, notify);

	if (test_guest_create(g->test, &g->world->mediator, limits) != OM_OK)
		test_fail("guest %u cannot be created", g->test->id);
	g->om = g->test->om;
	g->watching = watching;
	g->watching.ctx = g;
	spec_begin(g->spec, &g->watching, &config);
}

void world_destroy(struct world_guest *g)
{
	spec_end(g->spec);
	test_guest_destroy(g->test);
	g->om = NULL;
	test_guest_assert_balanced(g->test);
}

void world_reset(struct world_guest *g)
{
	enum om_result result;

	spec_end(g->spec);
	do
		result = om_guest_reset(g->om);
	while (result == OM_AGAIN);
	test_guest_assert_balanced(g->test);
	spec_restart(g->spec);
	g->spec->dead = result != OM_OK;
	if (result != OM_OK && result != OM_ERR_REFUSED)
		test_fail("guest %u: reset returns %d", g->test->id, (int)result);
}

void world_begin(struct world *w, uint32_t guests, const struct om_limits *limits, bool notify)
{
	if (world_probe(w, notify) != OM_OK)
		test_fail("an OP-TEE is refused");
	for (uint32_t i = 0; i < guests; i++)
		world_create(&w->guest[i], limits, notify);
}

void world_end(struct world *w)
{
	test_host_fail(w->host, 0, 0, false);
	for (uint32_t i = 0; i < WORLD_GUESTS; i++) {
		if (w->guest[i].om)
			world_destroy(&w->guest[i]);
	}
	test_host_assert_balanced(w->host);
}

/* --- An SMC ----------------------------------------------------------------------------------- */

static void check_memory(struct world_guest *g)
{
	const uint8_t *ram = g->test->ram;
	size_t i = 0;

	if (test_host_fault_hits(g->world->host) ||
	    memcmp(ram, g->image, WORLD_PAGES * TEST_PAGE) == 0)
		return;
	while (ram[i] == g->image[i])
		i++;
	test_fail("guest %u: byte 0x%zx of its RAM is 0x%02x and not 0x%02x (I3)", g->test->id, i,
		  ram[i], g->image[i]);
}

/*
 * Where nothing is foretold: no host address is in what has changed. What the guest wrote
 * itself may look like one.
 */
static void check_leaks(struct world_guest *g)
{
	const uint8_t *ram = g->test->ram;
	uint64_t value;

	if (memcmp(ram, g->image, WORLD_PAGES * TEST_PAGE) == 0)
		return;
	for (size_t i = 0; i + sizeof(value) <= WORLD_PAGES * TEST_PAGE; i += sizeof(uint32_t)) {
		memcpy(&value, ram + i, sizeof(value));
		if (memcmp(ram + i, g->image + i, sizeof(value)) != 0 &&
		    test_host_is_host_address(g->world->host, value))
			test_fail("guest %u: host address 0x%llx at IPA 0x%llx (I3)", g->test->id,
				  (unsigned long long)value,
				  (unsigned long long)(g->test->ipa + i));
	}
}

static void check_pins(struct world_guest *g)
{
	const struct spec *s = g->spec;
	uint64_t pinned = (uint64_t)atomic_load(&g->test->pinned);

	if (spec_is_settled(s) && pinned != spec_pinned(s) &&
	    !test_host_fault_hits(g->world->host))
		test_fail("guest %u: %llu pages are pinned and not %llu (I4, I5)", g->test->id,
			  (unsigned long long)pinned, (unsigned long long)spec_pinned(s));
}

uint32_t world_smc(struct world_guest *g, unsigned int vcpu, struct om_regs *regs)
{
	struct world *w = g->world;

	memcpy(g->image, g->test->ram, WORLD_PAGES * TEST_PAGE);
	test_host_fail(w->host, w->fault ? TEST_FAULTS_ALL : 0, w->fault, w->faults_on);
	w->fault = 0;
	g->spec->mutates = w->mutate || w->host->mutate_always;
	spec_guest_enters(g->spec, regs, atomic_load(&w->host->yield_every) != 0);
	if (w->mutate)
		test_guest_mutate(g->test, true);
	if (!test_guest_call(g->test, vcpu, regs))
		test_fail("an SMC of the guest was not taken for the mediator's");
	if (w->mutate)
		test_guest_mutate(g->test, false);
	spec_guest_returns(g->spec, regs);
	check_memory(g);
	check_pins(g);
	if (test_host_fault_hits(w->host)) {
		test_assert_no_leak_regs(w->host, regs->a, 4);
		check_leaks(g);
	}
	test_host_fail(w->host, 0, 0, false);
	return (uint32_t)regs->a[0];
}

/* --- Places -------------------------------------------------------------------------------------- */

void *world_at(struct world_guest *g, uint64_t ipa)
{
	return test_guest_va(g->test, ipa);
}

void world_set_shared(struct world_guest *g, uint32_t page, enum test_page_kind kind)
{
	test_guest_set_kind(g->test, world_ipa(page), kind);
	g->shared[page] = kind == TEST_PAGE_RAM;
}

uint64_t world_cookie(struct input *in)
{
	uint32_t i = in_pick(in, 12);

	return i ? 0xa0000c000ull + i : 0;
}

uint64_t world_special_page(struct world_guest *g, struct input *in)
{
	const struct test_guest *t = g->test;
	const uint64_t special[] = { t->hole_ipa, t->readonly_ipa, t->mmio_ipa, t->reserved_ipa,
				     t->pa0_ipa, 0, UINT64_MAX, TEST_IPA_BASE - TEST_PAGE,
				     0xfffffffffffff000u };

	return special[in_pick(in, sizeof(special) / sizeof(special[0]))];
}

uint64_t world_pick_page(struct world_guest *g, struct input *in, uint32_t first, uint32_t n)
{
	uint8_t i = in_u8(in);

	if (i < 224)
		return world_ipa(first + i % n);
	if (i < 240)
		return world_special_page(g, in);
	return world_ipa(i % WORLD_PAGES) + (i % 3 == 0 ? 8 * (i % 16u) : 0);
}

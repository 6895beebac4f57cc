/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The concurrency worker on the host: several guests, several vCPUs of each, all
 * at once through one mediator. Meant to be built with TSan (and TEST_TSAN) too.
 *
 *   test_stress [iterations of each vCPU [seed]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sched.h>

#include <host/host.h>
#include <model/model.h>
#include <optee_mediator/mediator.h>

#include "client.h"
#include "guest.h"
#include "test.h"

#define GUESTS	3u
#define VCPUS	4u

struct guest {
	struct test_guest *test;
	void *mem;
	struct cg_platform platform;
};

struct vcpu {
	pthread_t thread;
	struct guest *guest;
	unsigned int index;
	uint32_t anomalies;
};

static uint32_t iterations = 3000;
static uint64_t seed = 1;

/* The first failures of the host and the model; any thread. */
static void on_failure(const char *message)
{
	if (test_failures() <= 5)
		fprintf(stderr, "%s\n", message);
}

static void vm_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct test_guest *guest = ctx;
	struct om_regs regs;

	memcpy(regs.a, x, sizeof(regs.a));
	if (!test_guest_call(guest, vcpu, &regs))
		test_fail("an SMC of the guest's was not the mediator's");
	memcpy(x, regs.a, sizeof(regs.a));
}

static void vm_relax(void *ctx, unsigned int vcpu)
{
	(void)ctx;
	(void)vcpu;
	sched_yield();
}

static bool vm_is_host_address(void *ctx, uint64_t value)
{
	struct test_guest *guest = ctx;

	return test_host_is_host_address(guest->host, value);
}

static void guest_begin(struct guest *g, struct om_mediator *mediator, struct test_host *host,
			uint32_t id)
{
	/* One argument for each of OP-TEE's threads, and one that each vCPU takes away. */
	const struct om_limits limits = { .threads = 8, .buffers = 128, .rpc_args = 8 + VCPUS,
					  .pages = 4096, .list_pages = 64 };
	size_t size = om_guest_size(&limits);
	struct cg_platform *p = &g->platform;

	g->mem = aligned_alloc(OM_GUEST_ALIGN,
			       (size + OM_GUEST_ALIGN - 1) / OM_GUEST_ALIGN * OM_GUEST_ALIGN);
	assert_non_null(g->mem);
	g->test = test_guest_new(host, id, CG_RAM_MIN / TEST_PAGE);
	assert_int_equal(om_guest_create(mediator, id, &limits, g->test, g->mem, size,
					 &g->test->om), OM_OK);
	memset(p, 0, sizeof(*p));
	p->ctx = g->test;
	p->smc = vm_smc;
	p->relax = vm_relax;
	p->is_host_address = vm_is_host_address;
	p->ram = g->test->ram;
	p->ram_ipa = g->test->ipa;
	p->ram_size = (uint64_t)g->test->ram_pages * TEST_PAGE;
	p->hole_ipa = g->test->hole_ipa;
	p->mmio_ipa = g->test->mmio_ipa;
	p->reserved_ipa = g->test->reserved_ipa;
	p->limits.threads = limits.threads;
	p->limits.buffers = limits.buffers;
	p->limits.rpc_args = limits.rpc_args;
	p->limits.pages = limits.pages;
	p->limits.list_pages = limits.list_pages;
	p->vcpus = VCPUS;
	cg_stress_init(p);
}

static void *vcpu_run(void *arg)
{
	struct vcpu *v = arg;

	v->anomalies = cg_stress(&v->guest->platform, v->index,
				 seed * 100 + v->guest->test->id * 10 + v->index, iterations);
	return NULL;
}

static void run(uint32_t threads, uint32_t interrupt_every, uint32_t yield_every)
{
	struct model_config config = model_config_default();
	struct om_mediator *mediator = malloc(sizeof(*mediator));
	struct test_host *host = test_host_new();
	struct vcpu vcpus[GUESTS * VCPUS];
	struct guest guests[GUESTS];
	struct model *model;
	uint32_t anomalies = 0;

	test_failures_reset();
	test_on_failure(on_failure);
	config.threads = threads;
	config.interrupt_every = interrupt_every;
	model = model_new(host, &config);
	host->yield_every = yield_every;
	assert_non_null(mediator);
	assert_int_equal(om_mediator_init(mediator, &host->ops, host), OM_OK);
	for (uint32_t i = 0; i < GUESTS; i++)
		guest_begin(&guests[i], mediator, host, i + 1);
	for (uint32_t i = 0; i < GUESTS * VCPUS; i++) {
		vcpus[i].guest = &guests[i / VCPUS];
		vcpus[i].index = i % VCPUS;
		assert_int_equal(pthread_create(&vcpus[i].thread, NULL, vcpu_run, &vcpus[i]), 0);
	}
	for (uint32_t i = 0; i < GUESTS * VCPUS; i++) {
		pthread_join(vcpus[i].thread, NULL);
		anomalies += vcpus[i].anomalies;
	}
	for (uint32_t i = 0; i < GUESTS; i++) {
		const struct cg_guest *g = guests[i].platform.ram;

		anomalies += cg_stress_end(&guests[i].platform);
		if (g->anomalies)
			print_error("guest %u: %s line %u\n", i + 1, g->anomaly_file,
				    g->anomaly_line);
		assert_int_equal(guests[i].test->pinned, 0);
		assert_int_equal(om_guest_counter(guests[i].test->om, OM_COUNT_PAGES_NOW), 0);
		assert_int_equal(om_guest_counter(guests[i].test->om, OM_COUNT_BUFFERS_NOW), 0);
		assert_int_equal(model_threads_in_use(model, i + 1), 0);
		assert_int_equal(model_buffers(model, i + 1), 0);
		while (om_guest_destroy(guests[i].test->om) == OM_AGAIN)
			;
		free(guests[i].mem);
	}
	for (uint32_t i = 0; i < model_violations(model) && i < 5; i++)
		print_error("model: %s\n", model_violation(model, i));
	assert_int_equal(anomalies, 0);
	test_host_assert_balanced(host);
	assert_int_equal(model_violations(model), 0);
	assert_int_equal(test_failures(), 0);
	model_free(model);
	test_host_free(host);
	free(mediator);
}

static void three_guests_of_four_vcpus_with_few_threads(void **state)
{
	(void)state;
	run(2, 0, 0);
}

static void three_guests_of_four_vcpus_with_many_threads(void **state)
{
	(void)state;
	run(8, 5, 0);
}

static void three_guests_of_four_vcpus_preempted_all_the_time(void **state)
{
	(void)state;
	run(4, 3, 3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_guests_of_four_vcpus_with_few_threads),
		cmocka_unit_test(three_guests_of_four_vcpus_with_many_threads),
		cmocka_unit_test(three_guests_of_four_vcpus_preempted_all_the_time),
	};

	if (argc > 1)
		iterations = (uint32_t)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}

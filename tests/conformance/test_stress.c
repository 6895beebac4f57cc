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

#include <model/model.h>
#include <optee_mediator/mediator.h>

#include "client.h"
#include "on_host.h"
#include "test.h"

#define GUESTS	3u
#define VCPUS	4u

struct guest {
	struct test_guest *test;
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

static void vm_relax(void *ctx, unsigned int vcpu)
{
	(void)ctx;
	(void)vcpu;
	sched_yield();
}

static void guest_begin(struct guest *g, struct om_mediator *mediator, struct test_host *host,
			uint32_t id)
{
	/* One argument for each of OP-TEE's threads, and one that each vCPU takes away. */
	const struct om_limits limits = { .threads = 8, .buffers = 128, .rpc_args = 8 + VCPUS,
					  .pages = 4096, .list_pages = 64 };

	g->test = test_guest_new(host, id, CG_RAM_MIN / TEST_PAGE);
	assert_int_equal(test_guest_create(g->test, mediator, &limits), OM_OK);
	g->platform = on_host(g->test, &limits);
	g->platform.relax = vm_relax;
	g->platform.vcpus = VCPUS;
	cg_stress_init(&g->platform);
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
		test_guest_destroy(guests[i].test);
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

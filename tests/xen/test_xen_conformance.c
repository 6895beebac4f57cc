/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest in a domain of Xen's: library and backend together, the
 * stand-in for the hypervisor, the model for OP-TEE.
 *
 * Every scenario is a test of its own, in a machine of its own, once undisturbed and
 * once for each way of being preempted. Another domain with calls and memory of its
 * own is there all the time. At the end both are killed, and nothing may be left.
 *
 *   test_xen_conformance [name or beginning of a name]
 */
#include "machine.h"

#include <stdio.h>
#include <string.h>

static const struct set_up {
	const char *name;
	struct machine_options options;
} set_ups[] = {
	{ .name = "undisturbed" },
	{ .name = "every_check", .options = { .preempt_every = 1, .interrupt_every = 2,
					      .secure_threads = 1 } },
	{ .name = "every_7th_check", .options = { .preempt_every = 7, .interrupt_every = 3,
						  .secure_threads = 5 } },
};

struct test {
	const struct set_up *set_up;
	const char *scenario;
	char name[120];
};

/* What the other domain has going on. */
struct busy {
	struct cg_buf buffer;
	struct cg_call call;
};

static void make_busy(struct guest *g, struct busy *b)
{
	uint32_t session;

	assert_true(cg_buf_make(g->cg, &b->buffer, 5000, 0));
	assert_int_equal(cg_register(g->cg, &b->buffer), TEEC_SUCCESS);
	assert_int_equal(cg_open(g->cg, cg_uuid_stats, &session), TEEC_SUCCESS);
	assert_true(cg_time_init(&b->call, g->cg, session));
	assert_true(cg_until(&b->call, OPTEE_SMC_RETURN_RPC_ALLOC));
}

static void run_scenario(void **state)
{
	const struct test *t = *state;
	struct cg_summary summary;
	struct machine m;
	struct guest *g = &m.guest[1];
	struct busy busy;

	machine_begin(&m, &t->set_up->options);
	machine_add(&m, 0);
	machine_add(&m, 1);
	make_busy(&m.guest[0], &busy);
	g->platform.foreign_cookie = busy.buffer.cookie;
	g->platform.foreign_call = (uint32_t)busy.call.id;
	cg_run(&g->platform, t->scenario, &summary);
	if (summary.failed || summary.skipped)
		print_message("%s\n", m.line);
	assert_int_equal(summary.failed, 0);
	assert_int_equal(summary.passed + summary.skipped, 1);
	/* It has given back what it had, and the other one never noticed. */
	assert_int_equal(model_threads_in_use(m.model, 2), 0);
	assert_int_equal(model_buffers(m.model, 2), 0);
	assert_int_equal(atomic_load(&g->domain->own->guest->pinned), 0);
	test_guest_assert_no_leak(g->domain->own->guest);
	cg_finish(&busy.call);
	assert_int_equal(cg_result(&busy.call), TEEC_SUCCESS);
	assert_int_equal(cg_unregister(m.guest[0].cg, busy.buffer.cookie), TEEC_SUCCESS);
	assert_int_equal(m.guest[0].cg->anomalies, 0);
	machine_end(&m);
}

#define SET_UPS		(sizeof(set_ups) / sizeof(set_ups[0]))
#define SCENARIOS_MAX	200u

static struct test tests[SET_UPS * SCENARIOS_MAX];
static struct CMUnitTest units[SET_UPS * SCENARIOS_MAX];

int main(int argc, char **argv)
{
	const char *filter = argc > 1 ? argv[1] : "";
	struct cg_scenario_info info;
	size_t n = 0;

	for (size_t s = 0; s < SET_UPS; s++) {
		for (unsigned int i = 0; i < SCENARIOS_MAX && cg_scenario(i, &info); i++) {
			struct test *t = &tests[n];

			t->set_up = &set_ups[s];
			t->scenario = info.name;
			snprintf(t->name, sizeof(t->name), "%s/%s", set_ups[s].name, info.name);
			if (strncmp(t->name, filter, strlen(filter)) &&
			    strncmp(info.name, filter, strlen(filter)))
				continue;
			units[n].name = t->name;
			units[n].test_func = run_scenario;
			units[n].initial_state = t;
			n++;
		}
	}
	return _cmocka_run_group_tests("xen_conformance", units, n, NULL, NULL);
}

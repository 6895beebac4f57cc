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

#include <conformance/frame.h>

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

#define SET_UPS		(sizeof(set_ups) / sizeof(set_ups[0]))

static const char *set_up_name(size_t n)
{
	return n < SET_UPS ? set_ups[n].name : NULL;
}

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
	const struct frame_test *t = *state;
	struct cg_summary summary;
	struct machine m;
	struct guest *g = &m.guest[1];
	struct busy busy;

	machine_begin(&m, &set_ups[t->set_up].options);
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

int main(int argc, char **argv)
{
	static const struct frame frame = {
		.group = "xen_conformance", .set_up = set_up_name, .run = run_scenario,
	};

	return frame_run(&frame, argc > 1 ? argv[1] : NULL);
}

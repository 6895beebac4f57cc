/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest in a domain of Xen's: library and backend together, the
 * stand-in for the hypervisor, the model for OP-TEE.
 *
 * Every scenario is a test of its own, in a machine of its own, once undisturbed and
 * once for each way of being preempted. Another domain with calls and memory of its
 * own is there all the time. At the end both are killed, and nothing may be left.
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

static struct machine machine;
static struct frame_other busy;

static struct cg_platform *begin(size_t n)
{
	struct cg_platform *platform = &machine.guest[1].platform;

	machine_begin(&machine, &set_ups[n].options);
	machine_add(&machine, 0);
	machine_add(&machine, 1);
	frame_other_begin(&busy, machine.guest[0].cg, platform);
	return platform;
}

static void end(void)
{
	const struct test_guest *guest = machine.guest[1].domain->own->guest;

	/* It has given back what it had, and the other one never noticed. */
	assert_int_equal(model_threads_in_use(machine.model, 2), 0);
	assert_int_equal(model_buffers(machine.model, 2), 0);
	assert_int_equal(atomic_load(&guest->pinned), 0);
	test_guest_assert_no_leak(guest);
	frame_other_end(&busy);
	machine_end(&machine);
}

int main(int argc, char **argv)
{
	static const struct frame frame = {
		.group = "xen_conformance", .set_up = set_up_name, .begin = begin, .end = end,
	};

	return frame_main(&frame, argc, argv);
}

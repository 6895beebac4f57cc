/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the messages of a guest. A few buffers are registered, then come calls of
 * any command, with any parameters, in a page or in a registered buffer. OP-TEE asks for
 * nothing, but its results are anything.
 */
#include "guest.h"
#include "target.h"
#include "tee.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct om_limits limits = {
		.threads = 3, .buffers = 5, .rpc_args = 3, .pages = 600, .list_pages = 4,
		.call_pages = 300, .mapped_pages = 320, .sessions = 4,
	};
	struct input in = { data, size };
	struct world *w = world_sweep(&in);
	struct world_guest *g = &w->guest[0];
	struct input none = { NULL, 0 };

	tee_begin(w, in_rarely(&in, 2) ? TEE_RAVES : TEE_DOES);
	world_begin(w, 1, &limits, in_rarely(&in, 2));
	guest_open_sessions(g, 2);
	/* With an input that is used up, OP-TEE agrees to everything. */
	w->in = &none;
	guest_register(g, 0, 5000, 0xa0000c001);
	guest_register(g, 1, 2 * TEST_PAGE, 0xa0000c002);
	w->in = &in;
	w->mutate = in_rarely(&in, 2);
	for (uint32_t i = 0; i < 24 && in.left; i++) {
		guest_call_any(g);
		guest_finish(g, 3);
	}
	world_end(w);
	return 0;
}

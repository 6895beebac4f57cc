/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: RPCs. OP-TEE asks for anything in the middle of a call, and the guest
 * answers with anything.
 */
#include "guest.h"
#include "target.h"
#include "tee.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct om_limits limits = {
		.threads = 2, .buffers = 4, .rpc_args = 3, .pages = 560, .list_pages = 3,
		.mapped_pages = 600, .sessions = 2,
	};
	struct input in = { data, size };
	struct world *w = world_sweep(&in);
	struct world_guest *g = &w->guest[0];
	struct input none = { NULL, 0 };

	/* By its length, so that no byte is used up: what OP-TEE can map is soon all in use. */
	if (size % 2) {
		limits.call_pages = 100;
		limits.mapped_pages = 120;
	}
	tee_begin(w, in_rarely(&in, 2) ? TEE_RAVES : TEE_ASKS);
	world_begin(w, 1, &limits, false);
	guest_open_sessions(g, 2);
	w->in = &none;
	guest_register(g, 0, 5000, 0xa0000c001);
	w->in = &in;
	w->mutate = in_rarely(&in, 2);
	for (uint32_t i = 0; i < 48 && in.left; i++) {
		if (spec_calls(g->spec) < (in_rarely(&in, 8) ? 2u : 1u))
			guest_call(g, OPTEE_MSG_CMD_INVOKE_COMMAND);
		else if (in_rarely(&in, 16))
			guest_fast(g);
		else
			guest_resume(g);
	}
	guest_finish(g, 16);
	world_end(w);
	return 0;
}

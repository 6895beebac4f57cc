/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: shared memory. Buffers and arguments come and go under few cookies, at
 * their quotas, while calls that name them are on their way, in OP-TEE, or suspended.
 */
#include "guest.h"
#include "target.h"
#include "tee.h"

static void step(struct world_guest *g)
{
	struct input *in = g->world->in;

	switch (in_pick(in, 16)) {
	case 0:
	case 1:
	case 2:
		guest_register(g, in_pick(in, 6), 1 + (uint64_t)in_u8(in) * 1024, world_cookie(in));
		break;
	case 3:
	case 4:
	case 5:
		guest_call(g, OPTEE_MSG_CMD_UNREGISTER_SHM);
		break;
	case 6:
	case 7:
	case 8:
		guest_call(g, OPTEE_MSG_CMD_INVOKE_COMMAND);
		break;
	case 9:
		guest_fast(g);
		break;
	case 10:
		guest_call(g, OPTEE_MSG_CMD_REGISTER_SHM);
		break;
	case 11:
		guest_resume(g);
		break;
	default:
		/* Without a call there is nothing to go on with. */
		if (spec_calls(g->spec))
			guest_resume(g);
		else
			guest_call(g, OPTEE_MSG_CMD_INVOKE_COMMAND);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct om_limits limits = {
		.threads = 5, .buffers = 4, .rpc_args = 3, .pages = 100, .list_pages = 4,
		.call_pages = 48, .mapped_pages = 90, .sessions = 2,
	};
	struct input in = { data, size };
	struct world *w = world_sweep(&in);
	struct world_guest *g = &w->guest[0];

	tee_begin(w, in_rarely(&in, 4) ? TEE_RAVES : TEE_ASKS);
	world_begin(w, 1, &limits, false);
	guest_open_sessions(g, 2);
	if (in_rarely(&in, 4))
		atomic_store(&w->host->yield_every, 1 + in_pick(&in, 3));
	for (uint32_t i = 0; i < 64 && in.left; i++)
		step(g);
	guest_finish(g, 16);
	world_end(w);
	return 0;
}

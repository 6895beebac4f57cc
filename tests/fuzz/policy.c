/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: authorize(). A policy that refuses as the input says is asked once about
 * each good message, and about just what OP-TEE then gets. Some TAs it keeps the guest
 * from whatever the input says: none of those ever carries out a command, although there
 * are sessions with them and OP-TEE uses the id of a session again as soon as it is closed.
 * For every second input OP-TEE knows each TA by an alias.
 */
#include "guest.h"
#include "target.h"
#include "tee.h"

static bool is_kept(uint32_t cmd, const uint8_t *ta)
{
	return cmd == OPTEE_MSG_CMD_INVOKE_COMMAND && ta[0] & 1;
}

static void carried_out(struct world_guest *g, uint32_t cmd, const uint8_t *ta)
{
	if (is_kept(cmd, ta))
		test_fail("guest %u: a command is carried out by a TA that it is kept from",
			  g->test->id);
}

static uint32_t decide(struct world *w, const struct om_request *request)
{
	if (is_kept(request->cmd, request->ta_uuid))
		return TEEC_ERROR_ACCESS_DENIED;
	return in_rarely(w->in, 3) ? TEEC_ERROR_GENERIC | in_u8(w->in) : TEEC_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct om_limits limits = {
		.threads = 3, .buffers = 3, .rpc_args = 2, .pages = 64, .list_pages = 2,
		.sessions = 4,
	};
	struct input in = { data, size };
	struct world *w = world_sweep(&in);
	struct world_guest *g = &w->guest[0];

	tee_begin(w, in_rarely(&in, 2) ? TEE_ASKS : TEE_DOES)->carried_out = carried_out;
	w->policy = decide;
	/* By its length, so that no input means something else without them. */
	w->aliases = size % 2;
	world_begin(w, 1, &limits, in_rarely(&in, 2));
	w->mutate = in_rarely(&in, 2);
	for (uint32_t i = 0; i < 32 && in.left; i++) {
		switch (in_pick(&in, 8)) {
		case 0:
		case 1:
		case 2:
			guest_call(g, OPTEE_MSG_CMD_OPEN_SESSION);
			break;
		case 3:
			guest_call(g, OPTEE_MSG_CMD_CLOSE_SESSION);
			break;
		case 4:
			guest_resume(g);
			break;
		default:
			guest_call_any(g);
			break;
		}
	}
	guest_finish(g, 16);
	world_end(w);
	return 0;
}

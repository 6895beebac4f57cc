/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: page lists. Lists of any length with bad entries and links anywhere, lent
 * for a call, registered, or as the answer to SHM_ALLOC; translated in pieces, while the
 * guest changes them.
 */
#include <string.h>

#include "guest.h"
#include "target.h"
#include "tee.h"

/* An INVOKE that lends memory; OP-TEE asks for some more behind the message. */
static void lend(struct world_guest *g)
{
	struct input *in = g->world->in;
	struct optee_msg_hdr hdr = { .cmd = OPTEE_MSG_CMD_INVOKE_COMMAND,
				     .session = spec_open_session(g->spec, 0)->id };
	uint64_t ipa = world_ipa(WORLD_MESSAGES + 1);
	uint8_t *at = world_at(g, ipa);
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_RPC_ARG, ipa >> 32, ipa } };

	hdr.num_params = 1 + in_pick(in, 2);
	memcpy(at, &hdr, sizeof(hdr));
	for (uint32_t i = 0; i < hdr.num_params; i++) {
		uint32_t pages = in_rarely(in, 2) ? in_u16(in) % 1200 : in_pick(in, 40);
		struct optee_msg_param p = {
			.attr = (OPTEE_MSG_ATTR_TYPE_TMEM_INPUT + in_pick(in, 3)) |
				OPTEE_MSG_ATTR_NONCONTIG,
			.u.tmem = { .buf_ptr = world_ipa(WORLD_LISTS + in_pick(in, 6)) +
					       (in_rarely(in, 2) ? in_u16(in) % TEST_PAGE : 0),
				    .size = (uint64_t)pages * TEST_PAGE + in_pick(in, 2) },
		};

		memcpy(at + OPTEE_MSG_ARG_SIZE(i), &p, sizeof(p));
	}
	world_smc(g, 0, &regs);
}

static void step(struct world_guest *g)
{
	struct input *in = g->world->in;

	switch (in_pick(in, 8)) {
	case 0:
	case 1:
	case 2:
		guest_edit(g);
		break;
	case 3:
		guest_register(g, in_pick(in, 6), 1 + (uint64_t)in_u16(in) * 64, world_cookie(in));
		break;
	case 4:
		guest_call(g, in_rarely(in, 2) ? OPTEE_MSG_CMD_REGISTER_SHM :
			   OPTEE_MSG_CMD_UNREGISTER_SHM);
		break;
	case 5:
		lend(g);
		break;
	default:
		guest_resume(g);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct om_limits limits = {
		.threads = 2, .buffers = 4, .rpc_args = 2, .pages = 1150, .list_pages = 4,
		.mapped_pages = 1600, .sessions = 1,
	};
	struct input in = { data, size };
	struct world *w = world_sweep(&in);

	tee_begin(w, in_rarely(&in, 2) ? TEE_ASKS : TEE_DOES);
	world_begin(w, 1, &limits, false);
	guest_open_sessions(&w->guest[0], 1);
	atomic_store(&w->host->yield_every, in_pick(&in, 4));
	w->mutate = in_rarely(&in, 2);
	for (uint32_t i = 0; i < 32 && in.left; i++)
		step(&w->guest[0]);
	guest_finish(&w->guest[0], 16);
	world_end(w);
	return 0;
}

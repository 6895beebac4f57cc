/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: whole lives. Two guests with several vCPUs whose SMCs come in the order
 * of the input: a call waits for its RPC while others begin, go on and end. Above them
 * guests that lie; below an OP-TEE that lies, or the model of an honest one; the host
 * fails at any operation, memory changes under the mediator's eyes, guests are reset and
 * die at any moment. In the end nothing is left.
 */
#include "guest.h"
#include "model/model.h"
#include "target.h"
#include "tee.h"

static const struct om_limits limits = {
	.threads = 4, .buffers = 4, .rpc_args = 3, .pages = 560, .list_pages = 3,
	.call_pages = 300, .mapped_pages = 400, .sessions = 4,
};

static void model_secure(void *arg, struct om_regs *regs)
{
	model_smc(arg, regs);
}

/* The model is made for each input: it remembers what a guest did. */
static struct model *begin_model(struct world *w)
{
	struct model_config config = model_config_default();
	struct model *m;

	config.threads = 4;
	config.interrupt_every = in_pick(w->in, 4) * 3;
	/* Whether OP-TEE still knows a lent buffer is its own affair. */
	m = model_new(w->host, &config);
	world_take_secure(w, model_secure, m);
	w->writes = true;
	w->sec_caps = config.sec_caps;
	w->threads = config.threads;
	return m;
}

/* What an honest guest begins with, so that the model's TAs are reached. */
static void open_session(struct world_guest *g)
{
	static const uint8_t uuids[][16] = { MODEL_TA_UUID, PTA_INVOKE_TESTS_UUID, PTA_STATS_UUID };
	uint64_t ipa = world_ipa(WORLD_MESSAGES + 2);
	uint64_t *at = world_at(g, ipa);
	const uint8_t *uuid = uuids[in_pick(g->world->in, 3)];
	struct om_regs regs = { .a = { OPTEE_SMC_CALL_WITH_RPC_ARG, ipa >> 32, ipa } };

	for (uint32_t i = 0; i < 12; i++)
		at[i] = 0;
	at[3] = 2ull << 32;
	for (uint32_t i = 0; i < 2; i++)
		at[4 + 4 * i] = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	for (uint32_t i = 0; i < 16; i++)
		((uint8_t *)&at[5])[i] = uuid[i];
	world_smc(g, 0, &regs);
}

/* The test TA does most of what a TA can; its functions have small numbers. */
static void invoke_session(struct world_guest *g)
{
	struct input *in = g->world->in;
	uint64_t ipa = world_ipa(WORLD_MESSAGES + 3);
	uint64_t *at = world_at(g, ipa);
	struct om_regs regs = { .a = { in_rarely(in, 2) ? OPTEE_SMC_CALL_WITH_RPC_ARG :
				       OPTEE_SMC_CALL_WITH_ARG, ipa >> 32, ipa } };

	guest_write(g, (uint8_t *)at, OPTEE_MSG_CMD_INVOKE_COMMAND);
	at[0] = OPTEE_MSG_CMD_INVOKE_COMMAND | (uint64_t)in_pick(in, 15) << 32;
	at[1] = guest_session(g);
	at[4] = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT + in_pick(in, 3);
	at[5] = in_u16(in);
	at[6] = in_pick(in, 4);
	world_smc(g, in_pick(in, 4), &regs);
}

/* Without a session there is nothing to invoke. */
static void invoke(struct world_guest *g)
{
	if (spec_open_session(g->spec, 0))
		invoke_session(g);
	else
		open_session(g);
}

/* The notification interrupt is one for all; who did not ask for it does not get it. */
static void interrupt(struct world_guest *g)
{
	struct om_regs ask = { .a = { OPTEE_SMC_ENABLE_ASYNC_NOTIF } };
	uint64_t before;

	if (in_rarely(g->world->in, 2))
		world_smc(g, 0, &ask);
	before = atomic_load(&g->test->notified);
	om_guest_interrupt(g->om);
	if (atomic_load(&g->test->notified) - before != g->spec->notified)
		test_fail("guest %u: a notification is lost, or not its own", g->test->id);
}

static void disturb(struct world *w, struct world_guest *g, struct tee *tee)
{
	struct input *in = w->in;

	switch (in_pick(in, 8)) {
	case 0:
		world_reset(g);
		break;
	case 1:
		world_destroy(g);
		world_create(g, &limits, true);
		break;
	case 2:
		/* OP-TEE does not take the guest back: it can only be reset, or die. */
		if (tee) {
			tee->refuses_vm = true;
			world_reset(g);
		}
		break;
	case 3:
		atomic_store(&w->host->yield_every, in_pick(in, 4));
		break;
	case 4:
		w->mutate = !w->mutate;
		break;
	case 5:
		interrupt(g);
		break;
	default:
		w->fault = 1 + in_pick(in, 12);
		w->faults_on = in_rarely(in, 4);
		break;
	}
}

static void step(struct world *w, struct tee *tee)
{
	struct input *in = w->in;
	uint8_t what = in_u8(in);
	struct world_guest *g = &w->guest[what >> 7];

	switch (what % 32) {
	case 0:
	case 1:
		guest_call_any(g);
		break;
	case 2:
	case 3:
	case 4:
		invoke(g);
		break;
	case 5:
		guest_register(g, in_pick(in, 6), 1 + (uint64_t)in_u8(in) * 2048, world_cookie(in));
		break;
	case 6:
		guest_call(g, OPTEE_MSG_CMD_UNREGISTER_SHM);
		break;
	case 7:
		guest_fast(g);
		break;
	case 8:
		guest_edit(g);
		break;
	case 9:
	case 10:
	case 11:
		disturb(w, g, tee);
		break;
	case 12:
		open_session(g);
		break;
	case 13:
		guest_resume(g);
		break;
	default:
		/* Without a call there is nothing to go on with. */
		if (spec_calls(g->spec))
			guest_resume(g);
		else
			invoke(g);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct world *w = world_sweep(&in);
	struct model *model = NULL;
	struct tee *tee = NULL;

	switch (in_pick(&in, 3)) {
	case 0:
		model = begin_model(w);
		break;
	case 1:
		tee = tee_begin(w, TEE_ASKS);
		break;
	default:
		tee = tee_begin(w, TEE_RAVES);
		break;
	}
	world_begin(w, WORLD_GUESTS, &limits, true);
	if (in_rarely(&in, 3))
		atomic_store(&w->host->yield_every, 1 + in_pick(&in, 3));
	w->mutate = in_rarely(&in, 4);
	for (uint32_t i = 0; i < 96 && in.left; i++)
		step(w, tee);
	world_end(w);
	if (model) {
		model_assert_clean(model);
		model_free(model);
	}
	return 0;
}

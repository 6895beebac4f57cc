/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the probe and fast calls. An OP-TEE that answers the probe with anything,
 * then any function identifier with anything in the registers, answered by anything.
 */
#include <string.h>

#include "guest.h"
#include "target.h"
#include "tee.h"

/* An OP-TEE at the probe. */
struct liar {
	struct input *in;
	struct om_regs answer[4];	/* UID, revision, thread count, capabilities */
	uint32_t smcs;
};

static void lie(void *arg, struct om_regs *r)
{
	struct liar *liar = arg;
	static const uint32_t order[] = { OPTEE_SMC_CALLS_UID, OPTEE_SMC_CALLS_REVISION,
					  OPTEE_SMC_GET_THREAD_COUNT,
					  OPTEE_SMC_EXCHANGE_CAPABILITIES };
	uint32_t i = 0;

	while (i < 4 && order[i] != r->a[0])
		i++;
	if (r->a[7] || r->a[1] || r->a[2] || r->a[3] || r->a[4] || r->a[5] || r->a[6])
		test_fail("the probe's registers are not clean (I10)");
	if (i == 4 && r->a[0] != OPTEE_SMC_GET_SHM_CONFIG)
		test_fail("the probe asks for 0x%llx", (unsigned long long)r->a[0]);
	liar->smcs++;
	memcpy(r->a, liar->answer[i % 4].a, 4 * sizeof(r->a[0]));
}

/* Right answers, but for what the input changes. */
static void think_up(struct liar *l)
{
	static const uint32_t right[4][4] = {
		{ OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3 },
		{ OPTEE_MSG_REVISION_MAJOR, 0, 0, 0 },
		{ OPTEE_SMC_RETURN_OK, 2, 0, 0 },
		{ OPTEE_SMC_RETURN_OK, 0xfd, 64, OPTEE_MSG_RPC_PARAMS },
	};
	uint64_t junk = in_u8(l->in);

	for (uint32_t i = 0; i < 16; i++)
		l->answer[i / 4].a[i % 4] = right[i / 4][i % 4] | junk << 40;
	for (uint32_t n = in_pick(l->in, 4); n; n--) {
		uint8_t i = in_u8(l->in);

		l->answer[i / 4 % 4].a[i % 4] = in_number(l->in);
	}
}

static enum om_result expected(const struct liar *l)
{
	uint32_t a[4][4];

	for (uint32_t i = 0; i < 16; i++)
		a[i / 4][i % 4] = (uint32_t)l->answer[i / 4].a[i % 4];
	if (a[0][0] != OPTEE_MSG_UID_0 || a[0][1] != OPTEE_MSG_UID_1 ||
	    a[0][2] != OPTEE_MSG_UID_2 || a[0][3] != OPTEE_MSG_UID_3)
		return OM_ERR_NOT_OPTEE;
	if (a[1][0] != OPTEE_MSG_REVISION_MAJOR)
		return OM_ERR_REVISION;
	if (a[2][0] || !a[2][1])
		return OM_ERR_NO_THREADS;
	if (a[3][0] || !(a[3][1] & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM))
		return OM_ERR_NO_DYNAMIC_SHM;
	return a[3][1] & OPTEE_SMC_SEC_CAP_VIRTUALIZATION ? OM_OK : OM_ERR_NO_VIRTUALIZATION;
}

static void probe(struct world *w)
{
	struct liar liar = { .in = w->in };
	enum om_result result;

	think_up(&liar);
	w->secure = lie;
	w->secure_arg = &liar;
	result = world_probe(w, true);
	if (result != expected(&liar))
		test_fail("the probe says %d and not %d", (int)result, (int)expected(&liar));
	if (liar.smcs > 5)
		test_fail("the probe takes %u SMCs", liar.smcs);
	test_host_assert_balanced(w->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct om_limits limits = {
		.threads = 7, .buffers = 2, .rpc_args = 2, .pages = 4, .list_pages = 1,
	};
	struct input in = { data, size };
	struct world *w = world_sweep(&in);
	struct tee *tee;

	probe(w);
	tee = tee_begin(w, TEE_RAVES);
	if (in_rarely(&in, 2))
		w->sec_caps &= ~OPTEE_SMC_SEC_CAP_RPC_ARG;
	if (in_rarely(&in, 2))
		w->sec_caps &= ~OPTEE_SMC_SEC_CAP_ASYNC_NOTIF;
	world_begin(w, 1, &limits, in_rarely(&in, 2));
	guest_open_sessions(&w->guest[0], 1);
	for (uint32_t i = 0; i < 32 && in.left; i++) {
		tee->mood = in_rarely(&in, 4) ? TEE_DOES : TEE_RAVES;
		if (in_rarely(&in, 8))
			guest_call_any(&w->guest[0]);
		else
			guest_fast(&w->guest[0]);
	}
	world_end(w);
	return 0;
}

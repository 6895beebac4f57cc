/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of a kernel that another one replaces (kexec): nobody tells the hypervisor,
 * and what the old kernel held is of no use to anybody any more.
 */
#include "client.h"

#define KERNELS		3u
#define FIRST_COOKIE	0x4b00000000ull

/* What a kernel leaves behind. */
struct kernel {
	uint32_t buffers;	/* under FIRST_COOKIE and up */
	uint32_t session;
	struct cg_call call;	/* in the middle of a request, if it asks for anything */
};

/* As many buffers as the quota has, all of them the same page. */
static uint32_t register_all(struct cg_guest *g, struct cg_buf *b)
{
	uint32_t n = 0;

	do
		b->cookie = FIRST_COOKIE + n++;
	while (cg_register(g, b) == TEEC_SUCCESS);
	return n - 1;
}

static void live(struct cg_guest *g, struct kernel *k, struct cg_buf *b)
{
	CG_EQ(g, "open", cg_open(g, cg_uuid_stats, &k->session), TEEC_SUCCESS);
	k->buffers = register_all(g, b);
	if (cg_call_init(&k->call, g, OPTEE_MSG_CMD_OPEN_SESSION, 2)) {
		cg_set_open(&k->call, cg_uuid_unknown);
		cg_start(&k->call);
		cg_until(&k->call, OPTEE_SMC_RETURN_RPC_CMD);
	}
}

/* Nothing of the old kernel's names anything. */
static void is_gone(struct cg_guest *g, struct kernel *k)
{
	uint64_t x[8] = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, k->call.id };
	struct cg_call c;

	if (k->call.state == CG_WAITING) {
		cg_smc(g, 0, x);
		CG_IS(g, "its call", (uint32_t)x[0], OPTEE_SMC_RETURN_ERESUME);
	}
	k->call.state = CG_ENDED;
	cg_call_fini(&k->call);
	CG_EQ(g, "its buffer", cg_unregister(g, FIRST_COOKIE), TEEC_ERROR_BAD_PARAMETERS);
	if (cg_time_init(&c, g, k->session)) {
		CG_DO(&c, "its session", TEEC_ERROR_BAD_PARAMETERS);
		cg_call_fini(&c);
	}
}

static void s63_fault_b5_new_kernel_finds_nothing_of_the_old_one(struct cg_guest *g)
{
	struct kernel k;
	struct cg_buf b;
	uint32_t buffers = 0;

	if (!(g->platform->flags & CG_NEW_DRIVER)) {
		cg_skip(g, "the hypervisor resets OP-TEE for no new driver");
		return;
	}
	if (!CG_OK(g, "memory", cg_buf_make(g, &b, CG_PAGE, 0)))
		return;
	for (unsigned int i = 0; i < KERNELS; i++) {
		live(g, &k, &b);
		if (i == 0)
			buffers = k.buffers;
		CG_IS(g, "all of the quota", k.buffers, buffers);
		CG_EQ(g, "a driver begins", cg_fast(g, OPTEE_SMC_EXCHANGE_CAPABILITIES, 0, NULL),
		      OPTEE_SMC_RETURN_OK);
		cg_rpc_forget(g);
		is_gone(g, &k);
	}
	CG_OK(g, "there is a quota", buffers > 0);
	cg_slots_are_free(g);
	cg_buf_free(g, &b);
}

const struct cg_scenario_entry cg_scenarios_kexec[] = {
	CG_SCENARIO("63", "I4, I5, I6", s63_fault_b5_new_kernel_finds_nothing_of_the_old_one),
	CG_SCENARIOS_END
};

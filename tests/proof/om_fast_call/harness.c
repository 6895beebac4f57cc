/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_fast_call() and om_fast_smc(): any fast call of a guest, any answer of OP-TEE's.
 *
 * Assumes: a guest's function id and registers are any. om_shm_free_arg() either changes
 * nothing or forgets the cookie, and leaves at most one step to take (om_shm_free_arg/).
 * om_call_others(), which says whether a call is in flight, is any answer each time, as
 * other vCPUs begin and end calls.
 * Proves: memory safety; nothing but what is listed here is ever forwarded (I8), under the
 * guest's id and with no argument but UNIPROCESSOR (I10); a0..a3 of the guest have 32 bits,
 * the rest is as it was; of capabilities only known ones are shown; the cookie that
 * DISABLE_SHM_CACHE tells is forgotten by then, once, and its page released (I7, I4), and
 * whatever else OP-TEE answers changes nothing; EBUSY is only told while another call is
 * in flight.
 *
 * Class: quick
 * Sources: fast_calls.c secure.c
 * Model: builtin.c host.c registry.c world.c
 * Unwind: 5
 *   The world has at most 2 of anything; BUSY_TRIES is 4.
 * Options: --unwindset action_of.0:19,count_functions.0:19,is_32_bit.0:9
 *   The table has 18 rows, an SMC 8 registers.
 */
#include "registry.h"
#include "untraced.h"

/* What OP-TEE answered last, and whether a call was in flight when last asked. */
static struct om_regs answer;
static bool others;
static uint32_t asked_for;	/* the guest's function */

/* How often a cookie was to be freed, whether it was, and what is left to release. */
static uint32_t frees;
static bool freed;
static uint32_t to_release = OM_NONE;

bool om_shm_free_arg(struct om_shm *shm, om_cookie_t cookie, uint32_t entry,
		     struct om_release *release)
{
	PROVE(shm == &world_guest.shm && entry < shm->vm.limits.rpc_args &&
	      release->head == OM_NONE && !ghost.locked, "an entry of this guest is freed");
	PROVE(ghost.smcs > 0 && asked_for == OPTEE_SMC_DISABLE_SHM_CACHE &&
	      om_low(answer.a[0]) == OPTEE_SMC_RETURN_OK &&
	      cookie.raw == om_pair(answer.a[1], answer.a[2]),
	      "no other function touches the registry, and only OP-TEE's cookie is freed");
	frees++;
	freed = any_bool();
	/* A call still used it, but has put it back meanwhile. */
	if (freed && any_bool())
		to_release = REGISTRY_USED;
	release->head = to_release;
	return freed;
}

bool om_shm_release_step(struct om_shm *shm, struct om_release *release)
{
	PROVE(shm == &world_guest.shm && freed && release->head == to_release && !ghost.locked,
	      "what was freed is released");
	to_release = OM_NONE;
	if (release->head == OM_NONE)
		return false;
	release->head = OM_NONE;
	return true;
}

bool om_call_others(const struct om_guest *guest, const struct om_call *call)
{
	PROVE(guest == &world_guest && !call, "any call of this guest counts");
	others = any_bool();
	return others;
}

/* What may go to OP-TEE for a guest: the table of docs/design.md, said once more. */
static bool is_forwarded(uint32_t fid)
{
	bool notify = host_ops.notify && (world_mediator.sec_caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF);

	switch (fid) {
	case OPTEE_SMC_CALLS_UID:
	case OPTEE_SMC_CALLS_REVISION:
	case OPTEE_SMC_GET_OS_UUID:
	case OPTEE_SMC_GET_OS_REVISION:
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
	case OPTEE_SMC_DISABLE_SHM_CACHE:
	case OPTEE_SMC_ENABLE_SHM_CACHE:
		return true;
	case OPTEE_SMC_ENABLE_ASYNC_NOTIF:
	case OPTEE_SMC_GET_ASYNC_NOTIF_VALUE:
		return notify;
	default:
		return false;
	}
}

static bool is_answered_here(uint32_t fid)
{
	return fid == OPTEE_SMC_CALLS_COUNT || fid == OPTEE_SMC_GET_THREAD_COUNT ||
	       fid == OPTEE_SMC_GET_SHM_CONFIG;
}

void host_secure_world(struct om_regs *regs)
{
	const uint64_t *a = regs->a;
	bool asks = a[0] == OPTEE_SMC_EXCHANGE_CAPABILITIES;

	PROVE(a[0] == asked_for && is_forwarded(asked_for), "only known functions are forwarded (I8)");
	PROVE(a[7] == world_guest.vm.id, "a forwarded call bears the guest's id (I10)");
	PROVE(!(a[1] & ~(uint64_t)(asks ? OPTEE_SMC_NSEC_CAP_UNIPROCESSOR : 0)) &&
	      !a[2] && !a[3] && !a[4] && !a[5] && !a[6],
	      "nothing of the guest's but UNIPROCESSOR is forwarded (I8)");
	*regs = any_regs();
	answer = *regs;
}

static bool has_result(const struct om_regs *regs, uint64_t a0, uint64_t a1)
{
	return regs->a[0] == a0 && regs->a[1] == a1 && regs->a[2] == 0 && regs->a[3] == 0;
}

static void prove_capabilities(const struct om_regs *regs)
{
	uint64_t caps = regs->a[1];
	const uint64_t always = OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
				OPTEE_SMC_SEC_CAP_MEMREF_NULL | OPTEE_SMC_SEC_CAP_RPMB_PROBE;

	if (regs->a[0] != OPTEE_SMC_RETURN_OK) {
		PROVE(has_result(regs, OPTEE_SMC_RETURN_ENOTAVAIL, 0), "a refusal says nothing else");
		return;
	}
	PROVE(om_low(answer.a[0]) == OPTEE_SMC_RETURN_OK &&
	      (caps & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM), "without DYNAMIC_SHM there is no OP-TEE");
	PROVE(!(caps & ~answer.a[1]), "a guest is shown what OP-TEE can");
	PROVE(!(caps & ~(always | OPTEE_SMC_SEC_CAP_ASYNC_NOTIF | OPTEE_SMC_SEC_CAP_RPC_ARG)),
	      "a capability that is hidden or unknown is not shown (I8)");
	PROVE(IMPLIES(caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF, om_async_offered(&world_guest.vm)) &&
	      IMPLIES(caps & OPTEE_SMC_SEC_CAP_RPC_ARG, om_rpc_arg_offered(&world_guest.vm)),
	      "what is shown is offered");
	PROVE(regs->a[2] == ((caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF) ? om_low(answer.a[2]) : 0) &&
	      regs->a[3] == ((caps & OPTEE_SMC_SEC_CAP_RPC_ARG) ? OPTEE_MSG_RPC_PARAMS : 0),
	      "a number comes with its capability alone");
	REACHED("capabilities");
}

static void prove_cache_off(const struct om_regs *regs)
{
	if (regs->a[0] != OPTEE_SMC_RETURN_OK) {
		PROVE(has_result(regs, regs->a[0], 0) && !freed,
		      "without a cookie that is told nothing changes");
		if (frees)
			REACHED("no argument of the guest's");
		return;
	}
	PROVE(om_low(answer.a[0]) == OPTEE_SMC_RETURN_OK &&
	      om_pair(regs->a[1], regs->a[2]) == om_pair(answer.a[1], answer.a[2]) &&
	      regs->a[3] == 0, "the cookie that is told is OP-TEE's");
	PROVE(freed && frees == 1, "a cookie is forgotten before it is told (I7)");
	PROVE(to_release == OM_NONE, "its page is released before it is told (I4)");
	REACHED("a cookie");
}

static void prove_result(const struct om_regs *regs)
{
	switch (asked_for) {
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		prove_capabilities(regs);
		break;
	case OPTEE_SMC_GET_SHM_CONFIG:
		PROVE(has_result(regs, OPTEE_SMC_RETURN_ENOTAVAIL, 0), "no guest has reserved memory");
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		PROVE(has_result(regs, OPTEE_SMC_RETURN_OK, world_guest.vm.limits.threads),
		      "a guest has as many threads as slots");
		break;
	case OPTEE_SMC_CALLS_UID:
	case OPTEE_SMC_CALLS_REVISION:
	case OPTEE_SMC_GET_OS_UUID:
	case OPTEE_SMC_GET_OS_REVISION:
		PROVE(regs->a[0] == om_low(answer.a[0]) && regs->a[1] == om_low(answer.a[1]) &&
		      regs->a[2] == om_low(answer.a[2]) && regs->a[3] == om_low(answer.a[3]),
		      "who OP-TEE is, is told as it says");
		break;
	case OPTEE_SMC_ENABLE_SHM_CACHE:
		PROVE(has_result(regs, regs->a[0], 0) && (regs->a[0] == OPTEE_SMC_RETURN_OK ||
		      regs->a[0] == OPTEE_SMC_RETURN_EBUSY), "a cache is on, or a call is under way");
		break;
	default:
		break;
	}
	if (asked_for == OPTEE_SMC_DISABLE_SHM_CACHE || asked_for == OPTEE_SMC_ENABLE_SHM_CACHE)
		PROVE(IMPLIES(regs->a[0] == OPTEE_SMC_RETURN_EBUSY, others),
		      "EBUSY is only told while another call is in flight");
	if (regs->a[0] == OPTEE_SMC_RETURN_EBUSY && others)
		REACHED("EBUSY");
}

int main(void)
{
	struct om_regs regs = any_regs(), old = regs;
	struct registry before;
	bool forwarded, refused;
	uint32_t i, notify;

	world_init();
	before = registry_now();
	notify = world_guest.notify_enabled;
	asked_for = any_u32();
	forwarded = is_forwarded(asked_for);

	refused = om_fast_call(&world_guest, asked_for, &regs) != OM_ACCEPTED;

	for (i = 0; i < 4; i++) {
		PROVE(refused ? regs.a[i] == old.a[i] : regs.a[i] <= UINT32_MAX,
		      "results have 32 bits (I10); there are none when it is refused");
		PROVE(regs.a[i + 4] == old.a[i + 4], "a4..a7 are as they were");
	}
	PROVE(IMPLIES(!forwarded, ghost.smcs == 0), "what is not forwarded makes no SMC (I8)");
	PROVE(!ghost.locked, "the lock is given back");
	PROVE(world_guest.counters[OM_COUNT_FAST_CALLS] == 1 &&
	      refused == !(forwarded || is_answered_here(asked_for)),
	      "a fast call is counted, and refused when it is not a guest's");
	PROVE(world_guest.notify_enabled == notify || (asked_for == OPTEE_SMC_ENABLE_ASYNC_NOTIF &&
	      om_async_offered(&world_guest.vm) && regs.a[0] == OPTEE_SMC_RETURN_OK),
	      "notification is enabled where it is offered, and OP-TEE agrees");
	PROVE(registry_is(&before) && ghost.pins == 0 && ghost.unpinned == 0,
	      "nothing but om_shm_free_arg() changes the registry, or unpins");
	PROVE(asked_for == OPTEE_SMC_DISABLE_SHM_CACHE || frees == 0,
	      "no other function touches the registry");
	if (refused) {
		REACHED("refused");
		return 0;
	}
	prove_result(&regs);
	if (asked_for == OPTEE_SMC_DISABLE_SHM_CACHE)
		prove_cache_off(&regs);
	return 0;
}

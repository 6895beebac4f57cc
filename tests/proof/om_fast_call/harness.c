/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_fast_call() and om_fast_smc(): any fast call of a guest, any answer of OP-TEE's.
 *
 * Assumes: a guest's function id and registers are any. A valid registry (registry.h);
 * an RPC argument in it has one page and a shadow (reply_alloc() in rpc.c asks for one
 * page, make_buffer() in shm.c takes the shadow). om_call_others(), which says whether a
 * call is in flight, is any answer each time, as other vCPUs begin and end calls.
 * Proves: memory safety; nothing but what is listed here is ever forwarded (I8), under the
 * guest's id and with no argument but UNIPROCESSOR (I10); a0..a3 of the guest have 32 bits,
 * the rest is as it was; of capabilities only known ones are shown; the cookie that
 * DISABLE_SHM_CACHE tells is forgotten by then, its page unpinned unless a call still uses
 * it (I7, I4), and whatever else OP-TEE answers changes nothing; EBUSY is only told while
 * another call is in flight.
 *
 * Class: long
 * Sources: fast_calls.c secure.c shm.c
 * Model: builtin.c host.c registry.c world.c
 * Unwind: 5
 *   The world has at most 2 of anything; BUSY_TRIES is 4.
 * Options: -DWORLD_BUCKETS=1u
 * Options: --unwindset action_of.0:19,count_functions.0:19,is_32_bit.0:9
 *   The table has 18 rows, an SMC 8 registers. One bucket: all cookies collide, and a hash
 *   is nothing that a solver has to invert.
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "registry.h"

#include "tracing.h"

/* What OP-TEE answered last, and whether a call was in flight when last asked. */
static struct om_regs answer;
static bool others;
static uint32_t asked_for;	/* the guest's function */

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	(void)vm, (void)vcpu, (void)call, (void)event;
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

/* was_live: the buffer could be found; users: how many calls used it besides. */
static void prove_cache_off(const struct om_regs *regs, const struct registry *before,
			    bool was_live, uint32_t users)
{
	om_cookie_t cookie = { om_pair(regs->a[1], regs->a[2]) };

	if (regs->a[0] != OPTEE_SMC_RETURN_OK) {
		PROVE(has_result(regs, regs->a[0], 0) && registry_is(before) && ghost.unpinned == 0,
		      "without a cookie that is told nothing changes");
		return;
	}
	PROVE(om_low(answer.a[0]) == OPTEE_SMC_RETURN_OK &&
	      cookie.raw == om_pair(answer.a[1], answer.a[2]) && regs->a[3] == 0,
	      "the cookie that is told is OP-TEE's");
	PROVE(was_live && before->used.kind == OM_SHARE_RPC_ARG && cookie.raw == before->used.cookie,
	      "only an RPC argument of the guest's leaves the cache (I8)");
	PROVE(!om_shm_is_known(&world_guest.shm, cookie), "a cookie is forgotten before it is told (I7)");
	PROVE(ghost.unpinned == (users == 0) && IMPLIES(users, ghost.pins != 0 ||
	      world_record(REGISTRY_USED)->pa[0].raw != ghost.page),
	      "its page is unpinned, unless a call still uses it (I4)");
	if (users)
		REACHED("a cookie, and its page in use");
	else
		REACHED("a cookie, and its page gone");
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

/* Buffer 0, if in use: what else is known of an RPC argument, live or on its way. */
static void init_used(struct om_buffer *used)
{
	const struct om_pins *record = world_record(REGISTRY_USED);

	/* A call uses a buffer as message_buffer, argument or parameter: far fewer than 2^15. */
	ASSUME((used->hold & (OM_HOLD_IN_TRANSIT - 1)) < 1u << 15);
	if (used->kind != OM_SHARE_RPC_ARG)
		return;
	/* Not LIVE: reserved or claimed by a call, which is a user. */
	ASSUME((used->hold & OM_HOLD_LIVE) || (used->hold & (OM_HOLD_IN_TRANSIT - 1)));
	/* Only parameters of a message are ever in_transit. */
	ASSUME(!(used->hold & ~(OM_HOLD_LIVE | (OM_HOLD_IN_TRANSIT - 1))));
	ASSUME(used->pages == 1 && record->count == 1 && used->shadow == 0);
	ASSUME(world_guest.shm.rpc_args_used >= 1);
	ghost.pins = record->pa[0].raw == ghost.page;
}

int main(void)
{
	struct om_regs regs = any_regs(), old = regs;
	struct om_buffer *used = &world_buffers[REGISTRY_USED];
	struct registry before;
	bool in_use, forwarded, refused;
	uint32_t i, notify;

	world_init();
	in_use = registry_init();
	if (in_use)
		init_used(used);
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
	if (refused) {
		PROVE(registry_is(&before) && ghost.unpinned == 0, "what is refused changes nothing");
		REACHED("refused");
		return 0;
	}
	prove_result(&regs);
	if (asked_for == OPTEE_SMC_DISABLE_SHM_CACHE)
		prove_cache_off(&regs, &before, in_use && (before.used.hold & OM_HOLD_LIVE),
				before.used.hold & (OM_HOLD_IN_TRANSIT - 1));
	else
		PROVE(registry_is(&before) && ghost.unpinned == 0,
		      "no other function touches the registry");
	return 0;
}

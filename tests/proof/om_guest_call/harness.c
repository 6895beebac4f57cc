/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_guest_call(): whose an SMC is, which room handles it, and what a refused one is told.
 *
 * Assumes: nothing of the registers and of the guest's stage. Of machine.c and fast_calls.c
 * what is written at their models here.
 * Proves: memory safety; an SMC is taken when it is in the range of trusted OS and
 * applications, and all of it is left alone otherwise; bits 63:32 of what the guest passes
 * decide nothing, nor does the SVE hint (I10); a guest that is not alive gets ENOTAVAIL,
 * and nothing of its is forwarded; a yielding call is begun or resumed, and run when there
 * is one to run; a call with room for RPCs only where OP-TEE's are known (I8); everything
 * else is a fast call, once; an identifier of SMC64 is told -1 in 64 bits; a4..a7 stay;
 * of a new driver the caller is told when there is one and the guest holds something.
 *
 * Class: quick
 * Sources: dispatch.c refusal.c
 * Model: host.c world.c
 * Unwind: 9
 *   An SMC has eight registers; the world has fewer things.
 */
#include "world.h"

#include "tracing.h"

static struct {
	uint32_t begun, resumed, run, fast;
	uint32_t fid;
	bool refused;
	bool holds;
} seen;

bool om_guest_holds(const struct om_guest *guest)
{
	(void)guest;
	return seen.holds;
}

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	(void)vm, (void)vcpu;
	PROVE(call == 0, "an SMC is of no call");
	PROVE(event->arg[0] >> 32 == 0, "a trace shows registers of 32 bits");
}

/* A call to run, or none. */
static struct om_call *any_call(void)
{
	seen.refused = any_bool();
	return seen.refused ? NULL : &world_call;
}

struct om_call *om_call_begin(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
			      const struct om_regs *regs)
{
	(void)guest, (void)vcpu, (void)regs;
	seen.begun++;
	seen.fid = fid;
	return any_call();
}

struct om_call *om_call_resume(struct om_guest *guest, unsigned int vcpu,
			       const struct om_regs *regs)
{
	(void)guest, (void)vcpu, (void)regs;
	seen.resumed++;
	return any_call();
}

void om_call_run(struct om_call *call, struct om_regs *regs)
{
	uint32_t i;

	PROVE(call == &world_call && !seen.refused && seen.begun + seen.resumed == 1,
	      "a call is run that was begun or resumed");
	seen.run++;
	for (i = 0; i < 4; i++)
		regs->a[i] = any_u32();
}

enum om_refusal om_fast_call(struct om_guest *guest, uint32_t fid, struct om_regs *regs)
{
	uint32_t i;

	(void)guest;
	PROVE(!(fid & SMCCC_FID_SVE_HINT), "a fast call gets no SVE hint");
	seen.fast++;
	seen.fid = fid;
	/* The table has no function of SMC64. */
	seen.refused = (fid & SMCCC_FID_SMC64) || any_bool();
	if (seen.refused)
		return OM_REFUSED_FUNCTION;
	for (i = 0; i < 4; i++)
		regs->a[i] = any_u32();
	return OM_ACCEPTED;
}

static bool is_yielding(uint32_t fid)
{
	return fid == OPTEE_SMC_CALL_WITH_ARG || fid == OPTEE_SMC_CALL_WITH_RPC_ARG ||
	       fid == OPTEE_SMC_CALL_WITH_REGD_ARG || fid == OPTEE_SMC_RETURN_FROM_RPC;
}

/* What a guest is told that is refused. */
static uint32_t code_of(uint32_t fid, bool unknown)
{
	if (unknown || !is_yielding(fid))
		return OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
	return fid == OPTEE_SMC_RETURN_FROM_RPC ? OPTEE_SMC_RETURN_ERESUME :
						  OPTEE_SMC_RETURN_ETHREAD_LIMIT;
}

static uint64_t refusals(void)
{
	return world_guest.counters[OM_COUNT_REFUSED_FUNCTION] +
	       world_guest.counters[OM_COUNT_REFUSED_THREADS] +
	       world_guest.counters[OM_COUNT_REFUSED_RESUME];
}

static void prove_dispatched(uint32_t fid, const struct om_regs *regs)
{
	bool offered = world_mediator.sec_caps & OPTEE_SMC_SEC_CAP_RPC_ARG;
	bool inline_rpc = fid == OPTEE_SMC_CALL_WITH_RPC_ARG ||
			  fid == OPTEE_SMC_CALL_WITH_REGD_ARG;

	PROVE(seen.begun + seen.resumed + seen.fast == !(inline_rpc && !offered),
	      "one room handles an SMC, if any does");
	PROVE(seen.resumed == (fid == OPTEE_SMC_RETURN_FROM_RPC), "a resume is one");
	PROVE(seen.begun == (fid == OPTEE_SMC_CALL_WITH_ARG || (inline_rpc && offered)),
	      "a call begins, with room for RPCs only where it is known (I8)");
	PROVE(seen.fast == !is_yielding(fid), "what is not a yielding call is a fast call");
	PROVE(IMPLIES(seen.begun || seen.fast, seen.fid == fid),
	      "a room gets the identifier that the guest passed");
	PROVE((seen.run == seen.begun + seen.resumed && !(seen.refused && !seen.fast)) ||
	      (seen.run == 0 && (seen.refused || seen.begun + seen.resumed == 0)),
	      "a call that there is is run, once (I6)");
	PROVE((fid & SMCCC_FID_SMC64) ? regs->a[0] == UINT64_MAX : regs->a[0] >> 32 == 0,
	      "a0 has 32 bits, or is -1 for SMC64 (I10)");
	PROVE(IMPLIES(seen.refused || (inline_rpc && !offered), refusals() == 1 &&
		      (uint32_t)om_low(regs->a[0]) == code_of(fid, inline_rpc && !offered)),
	      "who is refused is told so, once, and what is not offered is unknown (I8)");
	if (seen.run)
		REACHED("a call is run");
	if (seen.fast)
		REACHED("a fast call");
	if (inline_rpc && !offered)
		REACHED("refused");
}

int main(void)
{
	struct om_regs regs = any_regs();
	const struct om_regs from = regs;
	uint32_t fid = (uint32_t)om_low(regs.a[0]) & ~SMCCC_FID_SVE_HINT;
	uint32_t owner = fid >> SMCCC_FID_OWNER_SHIFT & SMCCC_FID_OWNER_MASK;
	uint32_t i;
	enum om_outcome outcome;

	world_init();
	world_guest.stage = any_u32();
	seen.holds = any_bool();
	outcome = om_guest_call(&world_guest, any_u32(), &regs);

	PROVE((outcome != OM_NOT_HANDLED) == (owner >= SMCCC_OWNER_TRUSTED_APP),
	      "an SMC for trusted software is taken");
	PROVE((outcome == OM_HANDLED_NEW_DRIVER) ==
	      (world_guest.stage == OM_STAGE_ALIVE && seen.holds &&
	       fid == OPTEE_SMC_EXCHANGE_CAPABILITIES && regs.a[0] == OPTEE_SMC_RETURN_OK),
	      "a driver that begins where things are held is new, nothing else is");
	PROVE(regs.a[4] == from.a[4] && regs.a[5] == from.a[5] && regs.a[6] == from.a[6] &&
	      regs.a[7] == from.a[7], "a4..a7 are the guest's own");
	PROVE(ghost.smcs == 0, "dispatch itself forwards nothing");
	if (outcome == OM_HANDLED_NEW_DRIVER)
		REACHED("a new driver");
	if (outcome == OM_NOT_HANDLED) {
		for (i = 0; i < 4; i++)
			PROVE(regs.a[i] == from.a[i], "what is not taken is left alone");
		PROVE(seen.begun + seen.resumed + seen.run + seen.fast == 0, "... by everybody");
		REACHED("not taken");
		return 0;
	}
	PROVE(regs.a[1] >> 32 == 0 && regs.a[2] >> 32 == 0 && regs.a[3] >> 32 == 0,
	      "a1..a3 are results, in 32 bits (I10)");
	if (world_guest.stage != OM_STAGE_ALIVE) {
		PROVE(regs.a[0] == OPTEE_SMC_RETURN_ENOTAVAIL && regs.a[1] == 0 &&
		      regs.a[2] == 0 && regs.a[3] == 0, "who is not alive gets ENOTAVAIL");
		PROVE(seen.begun + seen.resumed + seen.run + seen.fast == 0,
		      "... and nothing of its is forwarded");
		REACHED("not alive");
		return 0;
	}
	prove_dispatched(fid, &regs);
	return 0;
}

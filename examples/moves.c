/* SPDX-License-Identifier: BSD-2-Clause */
/* See moves.h. */
#include "moves.h"

#include <stdbool.h>

#include <optee_mediator/abi_smc.h>

static void lock(struct moves *m)
{
	while (__atomic_exchange_n(&m->lock, 1, __ATOMIC_ACQUIRE))
		;
}

static void unlock(struct moves *m)
{
	__atomic_store_n(&m->lock, 0, __ATOMIC_RELEASE);
}

static bool waits(uint32_t a0)
{
	return (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX &&
	       a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

/*
 * A new call takes a free entry and keeps it only if it has to wait for a resume. A call
 * that was refused is not counted.
 */
void moves_note(struct moves *m, unsigned int vcpu, const uint64_t x[], const uint64_t answer[])
{
	uint32_t fid = (uint32_t)x[0] & ~SMCCC_FID_SVE_HINT;
	bool waiting = waits((uint32_t)answer[0]);
	bool over = (uint32_t)answer[0] == OPTEE_SMC_RETURN_OK;
	bool resumed = fid == OPTEE_SMC_RETURN_FROM_RPC;
	uint32_t id = resumed ? (uint32_t)x[3] : 0;
	unsigned int i;

	if ((fid & SMCCC_FID_FAST) || (!waiting && !over) || vcpu >= MOVES_CPUS)
		return;
	lock(m);
	for (i = 0; i < MOVES_WAITING && m->waiting[i].id != id; i++)
		;
	if (i < MOVES_WAITING) {
		if (!resumed)
			m->waiting[i].began = vcpu;
		m->waiting[i].id = waiting ? (uint32_t)answer[3] : 0;
		if (over)
			m->ended[m->waiting[i].began][vcpu]++;
	}
	unlock(m);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place(): a guest is laid out in its memory.
 *
 * Assumes: memory of exactly the size that om_guest_size() asks for, aligned.
 * Bounded: 1 call, 1 buffer, 1 page of each quota: how large the parts are for any limits
 * is om_guest_size/.
 * Proves: memory safety; all of the memory is zeroed, so nothing is left of who had it; each
 * table lies where there is room for it; what the guest is told is what was given; no more
 * calls than OP-TEE has threads.
 *
 * Class: quick
 * Sources: shm.c
 * Unwind: 5
 *   om_shm_bucket_count() doubles once.
 */
#include "proof.h"

#include "lifetime.c"

#define CALLS	1u
#define SESSIONS	1u
#define BUFFERS	(2u + CALLS * OPTEE_MSG_CALL_PARAMS)
#define ALIGNED	__attribute__((__aligned__(OM_GUEST_ALIGN)))

/* What a guest's memory is for; each part begins where it may. */
static struct memory {
	struct om_guest guest ALIGNED;
	struct om_call calls[CALLS] ALIGNED;
	struct om_pins pins[1 + BUFFERS] ALIGNED;
	struct om_buffer buffers[BUFFERS] ALIGNED;
	struct om_session sessions[SESSIONS] ALIGNED;
	struct om_shadow shadows[CALLS + 2] ALIGNED;
	uint32_t buckets[2] ALIGNED;
} memory;

static struct om_mediator mediator;
static uint32_t zeroed;

/* The compiler's, of which the checker knows nothing: all of the guest's memory. */
void *__builtin_memset(void *dst, int c, size_t len)
{
	PROVE(dst == &memory && c == 0 && len == sizeof(memory), "all of a guest's memory is zeroed");
	zeroed++;
	memory.guest = (struct om_guest){ 0 };
	return dst;
}

int main(void)
{
	static struct om_host_ops ops;
	struct om_limits limits = {
		.threads = CALLS, .buffers = 1, .rpc_args = 1, .pages = 1, .list_pages = 1,
		.call_pages = any_u32(),
		.mapped_pages = any_u32(), .sessions = SESSIONS,
	};
	uint32_t id = any_u32();
	const struct om_guest *guest;
	const struct om_shm *shm;

	ASSUME(limits.call_pages <= OM_LIMIT_PAGES && limits.mapped_pages <= OM_LIMIT_PAGES);
	mediator.ops = &ops;
	mediator.threads = any_u32();
	PROVE(om_guest_size(&limits) == sizeof(memory), "what is asked for is what is laid out");

	guest = place(&mediator, id, &limits, &zeroed, &memory);

	shm = &guest->shm;
	PROVE(guest == &memory.guest && guest->calls == memory.calls && shm->pins == memory.pins &&
	      shm->buffers == memory.buffers && guest->sessions.table == memory.sessions &&
	      shm->shadows == memory.shadows &&
	      shm->buckets == memory.buckets, "each table lies where there is room for it");
	PROVE(zeroed == 1, "nothing is left of who had the memory");
	PROVE(guest->vm.mediator == &mediator && guest->vm.ops == &ops && guest->vm.ctx == &zeroed &&
	      guest->vm.id == id && !guest->vm.traced && guest->stage == OM_STAGE_ALIVE,
	      "a guest knows what it was told");
	PROVE(guest->vm.limits.threads == (mediator.threads < CALLS ? mediator.threads : CALLS),
	      "no more calls than OP-TEE has threads");
	PROVE(guest->vm.limits.mapped_pages ==
	      (limits.mapped_pages ? limits.mapped_pages : OM_MAPPED_PAGES_DEFAULT),
	      "OP-TEE may have to map as many pages as was said, or as a stock build bears");
	PROVE(guest->vm.limits.call_pages ==
	      (limits.call_pages ? limits.call_pages : guest->vm.limits.mapped_pages),
	      "... of which a call may have as many as was said, or all");
	PROVE(guest->vm.limits.sessions == SESSIONS, "... and as many sessions as there is room for");
	REACHED("laid out");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_guest_size(): how much memory a guest with these limits needs.
 *
 * Assumes: nothing; limits may be NULL. size_t has 64 bits, as on every processor that
 * OP-TEE and a hypervisor share.
 * Proves: no overflow anywhere in the layout, for all limits; 0 exactly for a limit
 * out of its range; else a multiple of OM_GUEST_ALIGN, with room for all that is laid out.
 *
 * Class: quick
 * Sources: lifetime.c shm.c
 * Unwind: 23
 *   om_shm_bucket_count() doubles up to OM_LIMIT_BUFFERS + OM_LIMIT_RPC_ARGS < 2^21.
 */
#include "proof.h"

#include "call.h"
#include "sessions.h"

struct om_limits nondet_limits(void);

static bool in_range(uint32_t n, uint32_t max)
{
	return n >= 1 && n <= max;
}

int main(void)
{
	const struct om_limits limits = nondet_limits();
	size_t size = om_guest_size(&limits);
	bool valid = in_range(limits.threads, OM_LIMIT_THREADS) &&
		     in_range(limits.buffers, OM_LIMIT_BUFFERS) &&
		     in_range(limits.rpc_args, OM_LIMIT_RPC_ARGS) &&
		     in_range(limits.pages, OM_LIMIT_PAGES) &&
		     in_range(limits.list_pages, OM_LIMIT_LIST_PAGES) &&
		     limits.call_pages <= OM_LIMIT_PAGES &&
		     limits.mapped_pages <= OM_LIMIT_PAGES &&
		     limits.sessions <= OM_LIMIT_SESSIONS;

	PROVE(om_guest_size(NULL) == 0, "no limits are refused");
	PROVE((size != 0) == valid, "limits are refused exactly when one is out of its range");
	PROVE(size % OM_GUEST_ALIGN == 0, "the size keeps the alignment");
	if (!valid) {
		REACHED("refused");
		return 0;
	}
	PROVE(size >= sizeof(struct om_guest) + limits.threads * sizeof(struct om_call),
	      "there is room for the guest and its calls");
	PROVE(size >= (limits.sessions ? limits.sessions : OM_SESSIONS_DEFAULT) *
		      sizeof(struct om_session), "... and for its sessions");
	PROVE(size <= SIZE_MAX / 2, "the size can be counted on");
	REACHED("accepted");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* SMCs to OP-TEE. See secure.h. This module knows registers, but not what they mean. */
#include "secure.h"

#include <optee_mediator/abi_msg.h>

struct om_regs om_fast_smc(const struct om_mediator *m, uint32_t fid, uint32_t a1,
			   uint32_t client)
{
	struct om_regs r = { .a = { fid, a1, 0, 0, 0, 0, 0, client } };

	m->ops->smc(m->host, &r);
	om_cut_results(&r);
	return r;
}

void om_learn_reserved(struct om_mediator *m)
{
	struct om_regs r = om_fast_smc(m, OPTEE_SMC_GET_SHM_CONFIG, 0,
				       OPTEE_SMC_CLIENT_HYPERVISOR);
	uint64_t base = r.a[1] & ~((uint64_t)OPTEE_MSG_PAGE_SIZE - 1);

	if (r.a[0] != OPTEE_SMC_RETURN_OK || r.a[2] == 0)
		return;
	/* om_reserved() reads them in the opposite order. */
	__atomic_store_n(&m->reserved_base, base, __ATOMIC_RELAXED);
	__atomic_store_n(&m->reserved_size, r.a[2] + (r.a[1] - base), __ATOMIC_RELEASE);
	om_store_relaxed(&m->reserved_known, 1);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* From an SMC to the room that handles it. */
#ifndef OM_LIB_DISPATCH_H
#define OM_LIB_DISPATCH_H

#include "guest.h"
#include "refusal.h"

/* Counts and traces the refusal of an SMC that belongs to no call, and answers it. */
OM_COLD void om_refuse_smc(struct om_guest *guest, unsigned int vcpu, enum om_refusal why,
			   struct om_regs *regs);

/* Handles a fast call; fid has no SVE hint. */
void om_fast_call(struct om_guest *guest, unsigned int vcpu, uint32_t fid,
		  struct om_regs *regs);

/* One fast call to OP-TEE: a0..a3 back, 32-bit; client is a7. */
struct om_regs om_fast_smc(const struct om_mediator *m, uint32_t fid, uint32_t a1,
			   uint32_t client);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* How the core reports a step: a test when nobody listens, an event otherwise. */
#ifndef OM_LIB_TRACING_H
#define OM_LIB_TRACING_H

#include <optee_mediator/trace.h>

#include "guest.h"
#include "mem.h"

struct om_call;

static inline bool om_traced(const struct om_guest *guest)
{
	return guest->traced;
}

/* call: NULL for what belongs to no call. n: up to 8. Only when om_traced(). */
OM_COLD void om_trace(const struct om_guest *guest, const struct om_call *call, enum om_trace_id id,
		      const uint64_t *arg, size_t n);

/* An SMC of the guest's or what it returns: before or after any call. */
OM_COLD void om_trace_guest_regs(const struct om_guest *guest, unsigned int vcpu,
				 enum om_trace_id id, const struct om_regs *regs, size_t n);

/* The same for the parameters of a message: index, attr, a, b, c, cmd. */
struct optee_msg_param;
OM_COLD void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
			    const struct optee_msg_param *param, uint32_t cmd);

#endif

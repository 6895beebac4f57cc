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

/*
 * Says whose event it is and hands it out. event: its id and its arguments, the only
 * copy there is: stacks are small. call: NULL for what belongs to no call. Only when
 * om_traced().
 */
OM_COLD void om_trace(const struct om_guest *guest, const struct om_call *call,
		      struct om_trace_event *event);

/* The same for what is about an SMC of the guest's and no call. event->call is 0. */
OM_COLD void om_trace_smc(const struct om_guest *guest, unsigned int vcpu,
			  struct om_trace_event *event);

/* A parameter of a message: index, attr, a, b, c, cmd. */
struct optee_msg_param;
OM_COLD void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
			    const struct optee_msg_param *param, uint32_t cmd);

#endif

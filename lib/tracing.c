/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands events to the embedder. What they look like to a person: trace_text.c. */
#include "tracing.h"

#include "call.h"

void om_trace(const struct om_guest *guest, const struct om_call *call,
	      struct om_trace_event *event)
{
	event->guest = guest->id;
	event->vcpu = call ? call->vcpu : 0;
	event->call = call ? om_call_id(call) : 0;
	guest->ops->trace(guest->ctx, event);
}

void om_trace_smc(const struct om_guest *guest, unsigned int vcpu,
		  struct om_trace_event *event)
{
	event->guest = guest->id;
	event->vcpu = vcpu;
	guest->ops->trace(guest->ctx, event);
}

void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
		    const struct optee_msg_param *param, uint32_t cmd)
{
	om_trace(call->guest, call, &(struct om_trace_event){
		 .id = id, .arg = { index, param->attr, param->u.value.a, param->u.value.b,
				    param->u.value.c, cmd } });
}

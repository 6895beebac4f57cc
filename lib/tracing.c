/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands events to the embedder. What they look like to a person: trace_text.c. */
#include "tracing.h"

#include "call.h"

void om_trace(const struct om_guest *guest, const struct om_call *call, enum om_trace_id id,
	      const uint64_t *arg, size_t n)
{
	struct om_trace_event event = {
		.id = id,
		.guest = guest->id,
		.vcpu = call ? call->vcpu : 0,
		.call = call ? om_call_id(call) : 0,
	};

	om_copy(event.arg, arg, n * sizeof(*arg));
	guest->ops->trace(guest->ctx, &event);
}

void om_trace_guest_regs(const struct om_guest *guest, unsigned int vcpu, enum om_trace_id id,
			 const struct om_regs *regs, size_t n)
{
	struct om_trace_event event = { .id = id, .guest = guest->id, .vcpu = vcpu };
	size_t i;

	for (i = 0; i < n; i++)
		event.arg[i] = (uint32_t)regs->a[i];
	guest->ops->trace(guest->ctx, &event);
}

void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
		    const struct optee_msg_param *param, uint32_t cmd)
{
	om_trace(call->guest, call, id, (const uint64_t[]){
		 index, param->attr, param->u.value.a, param->u.value.b,
		 param->u.value.c, cmd }, 6);
}

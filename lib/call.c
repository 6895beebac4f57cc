/* SPDX-License-Identifier: BSD-2-Clause */
/* A call's data, and what its steps share. See call.h. Independent of steps and of states. */
#include "call.h"

void om_call_init(struct om_call *call, struct om_guest *guest, uint32_t index)
{
	/* A reset keeps the generation, so that old ids stay unknown. */
	call->word &= ~OM_CALL_STATE_MASK;
	call->index = index;
	call->guest = guest;
	call->shadow = &guest->shm.shadows[index];
	call->page.raw = 0;
	call->target = OM_NONE;
	call->session = OM_NONE;
	call->closes = OM_NONE;
	call->opens = OM_NONE;
	call->message_buffer = OM_NONE;
	call->rpc_arg = OM_NONE;
	call->arg_entry = 0;
	call->lists.first = OM_NONE;
	call->lists.reserved = 0;
	call->payload_lists.first = OM_NONE;
	call->payload_lists.reserved = 0;
	call->release.head = OM_NONE;
	call->translation.source.raw = 0;
}

bool om_call_others(const struct om_guest *guest, const struct om_call *call)
{
	uint32_t i;

	for (i = 0; i < guest->vm.limits.threads; i++) {
		enum om_call_state state = om_call_state(&guest->calls[i]);

		if (&guest->calls[i] != call && state != OM_CALL_FREE &&
		    state != OM_CALL_ENDING && state != OM_CALL_ENDING_PAUSED)
			return true;
	}
	return false;
}

bool om_release_some(struct om_call *call)
{
	while (om_shm_release_step(&call->guest->shm, &call->release))
		if (call->release.head != OM_NONE && om_should_yield(&call->guest->vm))
			return false;
	return true;
}

void om_refused(struct om_call *call, enum om_refusal why, uint32_t code)
{
	om_count(call, (enum om_counter)why);
	if (om_traced(&call->guest->vm))
		om_call_trace(call, &(struct om_trace_event){
			 .id = OM_TRACE_REFUSED, .arg = { why, code } });
}

void om_call_trace(const struct om_call *call, struct om_trace_event *event)
{
	om_trace(&call->guest->vm, call->vcpu, om_call_id(call), event);
}

void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
		    const struct optee_msg_param *param, uint32_t cmd)
{
	/* No initializer, because to clear the rest first takes more of the stack. */
	struct om_trace_event event;

	event.id = id;
	event.arg[0] = index;
	event.arg[1] = param->attr;
	event.arg[2] = param->u.value.a;
	event.arg[3] = param->u.value.b;
	event.arg[4] = param->u.value.c;
	event.arg[5] = cmd;
	event.arg[6] = 0;
	event.arg[7] = 0;
	om_call_trace(call, &event);
}

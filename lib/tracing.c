/* SPDX-License-Identifier: BSD-2-Clause */
/* Passes events to the embedder. trace_text.c turns them into text. */
#include "tracing.h"

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	event->guest = vm->id;
	event->vcpu = vcpu;
	event->call = call;
	vm->ops->trace(vm->ctx, event);
}

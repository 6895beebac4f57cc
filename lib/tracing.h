/* SPDX-License-Identifier: BSD-2-Clause */
/* How the core reports a step: a test when nobody listens, an event otherwise. */
#ifndef OM_LIB_TRACING_H
#define OM_LIB_TRACING_H

#include <optee_mediator/trace.h>

#include "mem.h"
#include "vm.h"

static inline bool om_traced(const struct om_vm *vm)
{
	return vm->traced;
}

/*
 * Says whose event it is and hands it out. event: its id and its arguments, the only
 * copy there is, because stacks are small. call: the id of the call that it belongs to, or
 * 0. Only when om_traced().
 */
OM_COLD void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
		      struct om_trace_event *event);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports the steps of the core as events; without a listener each costs one test. */
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
 * Completes an event and passes it to the embedder. event: id and arguments; it is changed in
 * place, because stacks are small. call: the id of its call, or 0. Call it only when
 * om_traced().
 */
OM_COLD void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
		      struct om_trace_event *event);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of om_trace(), in proofs that are not about what is traced. */
#ifndef TESTS_PROOF_UNTRACED_H
#define TESTS_PROOF_UNTRACED_H

#include "tracing.h"

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	(void)vm, (void)vcpu, (void)call, (void)event;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* OP-TEE for the guest: the five places where a VMM meets the backend. */
#ifndef KVM_VMM_OPTEE_H
#define KVM_VMM_OPTEE_H

#include <stdbool.h>

struct vmm;
struct vcpu;

/* On a machine with its memory, none of whose vCPUs has run. Cannot fail: see die(). */
void optee_create(struct vmm *vmm);
/* On the vCPU's thread, at an exit of it. Returns false for exits that are not OP-TEE's. */
bool optee_exit(struct vcpu *vcpu);
/* With all vCPUs stopped: before the guest starts over, and when it is gone. */
void optee_reset(struct vmm *vmm);
void optee_destroy(struct vmm *vmm);

#endif

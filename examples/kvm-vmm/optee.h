/* SPDX-License-Identifier: BSD-2-Clause */
/* OP-TEE for the guest: the five places where a VMM calls the backend. */
#ifndef KVM_VMM_OPTEE_H
#define KVM_VMM_OPTEE_H

#include <stdbool.h>

struct vmm;
struct vcpu;

/* When the machine has its memory and no vCPU has run. On an error the program ends. */
void optee_create(struct vmm *vmm);
/* On the vCPU's thread, at each exit. Returns false for exits that are not for OP-TEE. */
bool optee_exit(struct vcpu *vcpu);
/* With all vCPUs stopped: when the guest is reset, and when it has ended. */
void optee_reset(struct vmm *vmm);
void optee_destroy(struct vmm *vmm);

#endif

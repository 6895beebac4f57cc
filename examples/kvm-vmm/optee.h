/* SPDX-License-Identifier: BSD-2-Clause */
/* OP-TEE for the guest: the four places where a VMM has to do with it. */
#ifndef KVM_VMM_OPTEE_H
#define KVM_VMM_OPTEE_H

#include <stdbool.h>

struct vmm;
struct vcpu;

struct tee {
	/* When the machine has its memory and no vCPU has run. On an error the program ends. */
	void (*create)(struct vmm *vmm);
	/* On the vCPU's thread, at each exit. Returns false for exits that are not for OP-TEE. */
	bool (*exit)(struct vcpu *vcpu);
	/* With all vCPUs stopped: when the guest is reset, and when it has ended. */
	void (*reset)(struct vmm *vmm);
	void (*destroy)(struct vmm *vmm);
};

/* optee.c: with the backend in this process, which opens the TEE device. */
extern const struct tee tee_in_process;
/* socket.c: through optee-mediatord. */
extern const struct tee tee_by_socket;

#endif

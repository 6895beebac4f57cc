/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trap: which function ids come to user space, and the registers of a call.
 * Knows KVM's interface; knows nothing of OP-TEE but how many registers each of
 * its functions takes and gives.
 */
#ifndef OM_KVM_TRAP_H
#define OM_KVM_TRAP_H

#include <linux/kvm.h>

#include <optee_mediator/kvm.h>

/* As om_kvm_set_filter(). */
int om_trap_set_filter(const struct om_kvm_os *os, int vm_fd);

/* True for a function id in the ranges of the filter. */
bool om_trap_is_mine(uint32_t fid);

/*
 * Sets regs to what the guest called with: x0 from the exit, and of the others
 * those that the function takes; the rest is 0. Returns 0, or -errno.
 */
int om_trap_read(const struct om_kvm_os *os, int vcpu_fd, const struct kvm_run *run,
		 struct om_regs *regs);

/* Writes the results of function fid that mean something. Returns 0, or -errno. */
int om_trap_write(const struct om_kvm_os *os, int vcpu_fd, uint32_t fid,
		  const struct om_regs *regs);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trap: which function ids KVM passes to user space, and the registers of a call.
 * This module knows KVM's interface; of OP-TEE it knows only which registers each
 * function takes and returns.
 */
#ifndef OM_KVM_TRAP_H
#define OM_KVM_TRAP_H

#include <linux/kvm.h>

#include <optee_mediator/kvm.h>

/* As om_kvm_set_filter(). */
int om_trap_set_filter(const struct om_kvm_os *os, int vm_fd);

/* True for a function id in the ranges of the filter. */
bool om_trap_is_mine(uint32_t fid);

/* As om_kvm_wanted_registers() and om_kvm_changed_registers(). */
unsigned int om_trap_wanted(uint32_t fid);
unsigned int om_trap_changed(uint32_t fid, const struct om_regs *regs);

/*
 * Reads the guest's registers into regs: x0 from the exit, and those of x1..x7 that the
 * function takes; the others are 0. Returns 0, or -errno.
 */
int om_trap_read(const struct om_kvm_os *os, int vcpu_fd, const struct kvm_run *run,
		 struct om_regs *regs);

/* Writes those result registers that function fid has. Returns 0, or -errno. */
int om_trap_write(const struct om_kvm_os *os, int vcpu_fd, uint32_t fid,
		  const struct om_regs *regs);

#endif

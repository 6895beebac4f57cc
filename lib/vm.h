/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest is to its hypervisor and to OP-TEE: the arguments of host operations, the id in
 * a7, the limits. Constant from om_guest_create() on. Independent of what the guest holds.
 */
#ifndef OM_LIB_VM_H
#define OM_LIB_VM_H

#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

struct om_vm {
	struct om_mediator *mediator;
	const struct om_host_ops *ops;
	void *ctx;
	uint32_t id;
	bool traced;			/* ops->trace is set */
	struct om_limits limits;
};

static inline void om_lock(const struct om_vm *vm)
{
	vm->ops->lock(vm->ctx);
}

static inline void om_unlock(const struct om_vm *vm)
{
	vm->ops->unlock(vm->ctx);
}

/* True when this CPU has something more urgent to do. */
static inline bool om_should_yield(const struct om_vm *vm)
{
	return vm->ops->should_yield && vm->ops->should_yield(vm->mediator->host);
}

/* Asynchronous notification needs an interrupt to inject and an OP-TEE that supports it. */
static inline bool om_async_offered(const struct om_vm *vm)
{
	return vm->ops->notify && (vm->mediator->sec_caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF);
}

/* RPC arguments behind the message; om_mediator_init() clears the bit for another layout. */
static inline bool om_rpc_arg_offered(const struct om_vm *vm)
{
	return vm->mediator->sec_caps & OPTEE_SMC_SEC_CAP_RPC_ARG;
}

#endif

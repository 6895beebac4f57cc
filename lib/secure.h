/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMCs to OP-TEE, and OP-TEE's reserved memory. Every SMC of the library is made here. The
 * caller sets all eight registers, and results are cut to 32 bits before they are used
 * (invariant I10).
 */
#ifndef OM_LIB_SECURE_H
#define OM_LIB_SECURE_H

#include "mem.h"
#include "vm.h"

/* Makes a fast call; client is a7. Returns a0..a3; the other registers have no meaning. */
struct om_regs om_fast_smc(const struct om_mediator *m, uint32_t fid, uint32_t a1,
			   uint32_t client);

/*
 * Asks OP-TEE where its reserved memory is. The virtualized build answers "size 0" until
 * it has run a yielding call (measured with OP-TEE 4.5), so it is asked after each one
 * until it has said.
 */
void om_learn_reserved(struct om_mediator *m);

/* Sets what a guest gets of the registers. */
static inline void om_set_regs(struct om_regs *regs, uint64_t a0, uint64_t a1, uint64_t a2,
			       uint64_t a3)
{
	regs->a[0] = a0;
	regs->a[1] = a1;
	regs->a[2] = a2;
	regs->a[3] = a3;
}

static inline void om_cut_results(struct om_regs *regs)
{
	uint32_t i;

	for (i = 0; i < 4; i++)
		regs->a[i] = (uint32_t)regs->a[i];
}

/*
 * The SMC of a yielding call, as regs say. Returns a0; a0..a3 in regs are OP-TEE's, and cut
 * unless a0 is OK: then the others mean nothing.
 */
static inline uint32_t om_yielding_smc(const struct om_vm *vm, struct om_regs *regs)
{
	struct om_mediator *m = vm->mediator;
	uint32_t code;

	vm->ops->smc(m->host, regs);
	if (!om_load_relaxed(&m->reserved_known))
		om_learn_reserved(m);
	code = (uint32_t)regs->a[0];
	if (code != OPTEE_SMC_RETURN_OK)
		om_cut_results(regs);
	return code;
}

struct om_reserved {
	uint64_t base;
	uint64_t size;
};

static inline struct om_reserved om_reserved(const struct om_mediator *m)
{
	struct om_reserved r;

	/*
	 * The size is published after the base, so a size other than 0 means that the base is
	 * valid.
	 */
	r.size = __atomic_load_n(&m->reserved_size, __ATOMIC_ACQUIRE);
	r.base = __atomic_load_n(&m->reserved_base, __ATOMIC_RELAXED);
	return r;
}

/* True when the secure world may be given this page: not page 0, not OP-TEE's own (I2). */
static inline bool om_is_usable(const struct om_reserved *reserved, om_pa_t pa)
{
	return pa.raw != 0 && pa.raw - reserved->base >= reserved->size;
}

static inline bool om_pa_is_usable(const struct om_mediator *m, om_pa_t pa)
{
	const struct om_reserved reserved = om_reserved(m);

	return om_is_usable(&reserved, pa);
}

#endif

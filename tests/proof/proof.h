/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a proof. CBMC explores every value of what is called any_*() here:
 * nothing is known of it but its type and what is assumed afterwards.
 */
#ifndef TESTS_PROOF_PROOF_H
#define TESTS_PROOF_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

/* What the caller of the function guarantees; every one is justified in the harness. */
#define ASSUME(condition)	__CPROVER_assume(condition)
/* What has to hold, whatever happened. */
#define PROVE(condition, text)	__CPROVER_assert(condition, text)
/* A place that has to be reachable, or the proof would be about nothing. */
#define REACHED(text)		__CPROVER_assert(0, "reached: " text)
/* Memory that now holds anything. */
#define FORGET(p, len)		__CPROVER_havoc_slice(p, len)

#define IMPLIES(a, b)		(!(a) || (b))

/* Without a body, and so of any value. */
uint8_t nondet_u8(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);
_Bool nondet_choice(void);
int nondet_int(void);
struct om_regs nondet_regs(void);

#define any_u8()	nondet_u8()
#define any_u32()	nondet_u32()
#define any_u64()	nondet_u64()
#define any_size()	nondet_size()
#define any_int()	nondet_int()
#define any_regs()	nondet_regs()
/* true or false, and not one of the other values that a byte can have. */
#define any_bool()	(nondet_choice() ? true : false)

/* One that is below n. */
static inline uint32_t any_below(uint32_t n)
{
	uint32_t i = nondet_u32();

	ASSUME(i < n);
	return i;
}

#endif

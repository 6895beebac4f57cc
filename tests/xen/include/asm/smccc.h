/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: calls to the secure world. */
#ifndef STAND_IN_ASM_SMCCC_H
#define STAND_IN_ASM_SMCCC_H

#include <xen/types.h>

struct arm_smccc_res {
	unsigned long a0, a1, a2, a3;
};

/*
 * Xen's takes one to eight arguments, and what is not given is whatever the
 * register held. Here all eight have to be given.
 */
#define arm_smccc_smc(a0, a1, a2, a3, a4, a5, a6, a7, res) \
	stand_in_smc((const uint64_t[8]){ a0, a1, a2, a3, a4, a5, a6, a7 }, res)
void stand_in_smc(const uint64_t a[8], struct arm_smccc_res *res);

#endif

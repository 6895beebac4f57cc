/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PRETEND_OPTEE_H
#define PRETEND_OPTEE_H

#include <optee_mediator/host.h>

/* Answers an SMC like an OP-TEE that has nothing to offer. */
void pretend_optee(struct om_regs *regs);

#endif

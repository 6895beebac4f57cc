/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PRETEND_OPTEE_H
#define PRETEND_OPTEE_H

#include <optee_mediator/host.h>

/* Answers an SMC as an OP-TEE without any TA would. */
void pretend_optee(struct om_regs *regs);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why something is refused, and what the guest is told.
 *
 * A refusal has the name of the counter that counts it. A problem with the SMC itself is
 * reported as a code in a0; a problem inside a readable message as a0 = OK and a TEEC code
 * in the message.
 */
#ifndef OM_LIB_REFUSAL_H
#define OM_LIB_REFUSAL_H

#include <stdint.h>

#include <optee_mediator/mediator.h>

enum om_refusal {
	OM_ACCEPTED = 0,
	OM_REFUSED_FUNCTION = OM_COUNT_REFUSED_FUNCTION,
	OM_REFUSED_ADDRESS = OM_COUNT_REFUSED_ADDRESS,
	OM_REFUSED_COMMAND = OM_COUNT_REFUSED_COMMAND,
	OM_REFUSED_THREADS = OM_COUNT_REFUSED_THREADS,
	OM_REFUSED_RESUME = OM_COUNT_REFUSED_RESUME,
	OM_REFUSED_PARAMS = OM_COUNT_REFUSED_PARAMS,
	OM_REFUSED_COOKIE = OM_COUNT_REFUSED_COOKIE,
	OM_REFUSED_RANGE = OM_COUNT_REFUSED_RANGE,
	OM_REFUSED_PAGE = OM_COUNT_REFUSED_PAGE,
	OM_REFUSED_QUOTA = OM_COUNT_REFUSED_QUOTA,
	OM_REFUSED_POLICY = OM_COUNT_REFUSED_POLICY,
	OM_REFUSED_REQUEST = OM_COUNT_REFUSED_REQUEST,
	OM_REFUSED_REPLY = OM_COUNT_REFUSED_REPLY,
	OM_REFUSED_SESSION = OM_COUNT_REFUSED_SESSION,
};

/* The code for a0; OPTEE_SMC_RETURN_OK when the message has the reason. */
uint32_t om_refusal_smc(enum om_refusal why);

/* The TEEC code for the message, or for OP-TEE's request. */
uint32_t om_refusal_teec(enum om_refusal why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks whether OP-TEE may see a message, as a pure function of the private copy.
 *
 * The same pass makes of the parameters what OP-TEE will be shown, and sorts them into kinds, by
 * what has to be done with them, so that no later step looks at an attribute again.
 */
#ifndef OM_LIB_MESSAGE_CHECK_H
#define OM_LIB_MESSAGE_CHECK_H

#include <optee_mediator/abi_msg.h>

#include "mem.h"
#include "refusal.h"

#define OM_MESSAGE_PARAMS	(OPTEE_MSG_META_PARAMS + OPTEE_MSG_CALL_PARAMS)

/* The guest's message: as it was fetched, once; from om_message_check() on, as OP-TEE sees it. */
struct om_message {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[OM_MESSAGE_PARAMS];
};

/*
 * The kinds of a message's parameters: a mask with six bits for each kind, a bit for each
 * parameter that is of that kind.
 */
#define OM_PARAMS_RMEM	(1u << 0)	/* names a registered buffer */
#define OM_PARAMS_LIST	(1u << 6)	/* names memory by a page list */
#define OM_PARAMS_VALUE	(1u << 12)	/* OP-TEE returns a and b */
#define OM_PARAMS_SIZE	(1u << 18)	/* OP-TEE returns a size */

/* The parameters of one kind, as bits 5:0. */
static inline uint32_t om_params_of(uint32_t kinds, uint32_t kind)
{
	return kinds / kind & ((1u << OM_MESSAGE_PARAMS) - 1);
}

/* Removes the lowest parameter from a mask and returns its number; *params is not 0. */
static inline uint32_t om_next_param(uint32_t *params)
{
	uint32_t i = (uint32_t)__builtin_ctz(*params);

	*params &= *params - 1;
	return i;
}

/* How many parameters a command has. */
struct om_message_rule {
	uint8_t min;
	uint8_t max;
};

#define OM_MESSAGE_RULES (OPTEE_MSG_CMD_STOP_ASYNC_NOTIF + 1u)
extern const struct om_message_rule om_message_rules[OM_MESSAGE_RULES];

/* The rule of a known command; for an unknown one, some rule without meaning. */
static inline const struct om_message_rule *om_message_rule(uint32_t cmd)
{
	return &om_message_rules[om_index(cmd, OM_MESSAGE_RULES)];
}

/* The most parameters that a command may carry; 0 for an unknown one. */
static inline uint32_t om_message_max_params(uint32_t cmd)
{
	return cmd < OM_MESSAGE_RULES ? om_message_rule(cmd)->max : 0;
}

/*
 * Checks a message and sorts its parameters. async: notification is offered to this guest. Looks
 * at no more parameters than the command may have. When accepted, sets *kinds, and the parameters
 * have no bits that OP-TEE ignores and nothing that it does not read; memory that is NULL is named
 * by address.
 */
enum om_refusal om_message_check(struct om_message *message, bool async, uint32_t *kinds);

#endif

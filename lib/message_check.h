/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What OP-TEE may see of a message, as a pure function of the private copy.
 *
 * The same pass that judges the parameters sorts them by what has to be done with
 * them, so that nobody looks at an attribute again.
 */
#ifndef OM_LIB_MESSAGE_CHECK_H
#define OM_LIB_MESSAGE_CHECK_H

#include <optee_mediator/abi_msg.h>

#include "mem.h"
#include "refusal.h"

#define OM_MESSAGE_PARAMS	(OPTEE_MSG_META_PARAMS + OPTEE_MSG_CALL_PARAMS)

/* The guest's message as it was fetched, once. */
struct om_message {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[OM_MESSAGE_PARAMS];
};

/*
 * The shape of a message: for each thing there is to do, six bits that tell for
 * which parameters.
 */
#define OM_SHAPE_RMEM	(1u << 0)	/* names a registered buffer */
#define OM_SHAPE_LIST	(1u << 6)	/* names memory by a page list */
#define OM_SHAPE_VALUE	(1u << 12)	/* OP-TEE returns a and b */
#define OM_SHAPE_SIZE	(1u << 18)	/* OP-TEE returns a size */
#define OM_SHAPE_EMPTY	(1u << 24)	/* OP-TEE is given nothing, memory is NULL */

/* The parameters of one kind, as bits 5:0. */
static inline uint32_t om_shape_params(uint32_t shape, uint32_t kind)
{
	return shape / kind & ((1u << OM_MESSAGE_PARAMS) - 1);
}

/* Takes the lowest of some parameters and tells its number; *params is not 0. */
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

/* The rule of a known command; of no meaning, but there, for an unknown one. */
static inline const struct om_message_rule *om_message_rule(uint32_t cmd)
{
	return &om_message_rules[om_index(cmd, OM_MESSAGE_RULES)];
}

/* The most parameters that a command may carry; 0 for an unknown one. */
static inline uint32_t om_message_max_params(uint32_t cmd)
{
	return cmd < OM_MESSAGE_RULES ? om_message_rule(cmd)->max : 0;
}

/* attr without the bits that mean nothing to OP-TEE. */
static inline uint64_t om_attr(const struct optee_msg_param *param)
{
	return param->attr & ~(uint64_t)OPTEE_MSG_ATTR_CACHE_MASK;
}

/*
 * Judges and sorts. async: notification is offered to this guest. Reads no more
 * parameters than the command may carry. *shape is set when accepted.
 */
enum om_refusal om_message_check(const struct om_message *message, bool async,
				 uint32_t *shape);

#endif

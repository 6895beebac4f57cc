/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of a message. See message_check.h. Independent of guests and of calls. */
#include "message_check.h"

#include "mem.h"

#define ATTR_REGISTER	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define ATTR_OPEN_META	(OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT)

const struct om_message_rule om_message_rules[OM_MESSAGE_RULES] = {
	[OPTEE_MSG_CMD_OPEN_SESSION] = { OPTEE_MSG_META_PARAMS, OM_MESSAGE_PARAMS },
	[OPTEE_MSG_CMD_INVOKE_COMMAND] = { 0, OPTEE_MSG_CALL_PARAMS },
	[OPTEE_MSG_CMD_CLOSE_SESSION] = { 0, 0 },
	[OPTEE_MSG_CMD_CANCEL] = { 0, 0 },
	[OPTEE_MSG_CMD_REGISTER_SHM] = { 1, 1 },
	[OPTEE_MSG_CMD_UNREGISTER_SHM] = { 1, 1 },
	[OPTEE_MSG_CMD_DO_BOTTOM_HALF] = { 0, 0 },
	[OPTEE_MSG_CMD_STOP_ASYNC_NOTIF] = { 0, 0 },
};

/* For a valid parameter; no kinds themselves, sort_params() drops them. */
#define GOOD	(1u << 31)	/* there is no more to do here */
#define EMPTY	(1u << 24)	/* OP-TEE reads nothing of it */

/* The kinds of parameters without an address, by type. Others are 0 here. */
#define PLAIN_TYPES 16u
static const uint32_t plain_types[PLAIN_TYPES] = {
	[OPTEE_MSG_ATTR_TYPE_NONE] = EMPTY,
	[OPTEE_MSG_ATTR_TYPE_VALUE_INPUT] = GOOD,
	[OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT] = EMPTY | OM_PARAMS_VALUE,
	[OPTEE_MSG_ATTR_TYPE_VALUE_INOUT] = GOOD | OM_PARAMS_VALUE,
	[OPTEE_MSG_ATTR_TYPE_RMEM_INPUT] = OM_PARAMS_RMEM,
	[OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT] = OM_PARAMS_RMEM | OM_PARAMS_SIZE,
	[OPTEE_MSG_ATTR_TYPE_RMEM_INOUT] = OM_PARAMS_RMEM | OM_PARAMS_SIZE,
};

/*
 * Memory named by address. It has to be a page list, because contiguous guest memory need not be
 * contiguous in the host, and OP-TEE accepts contiguous memory only from its reserved memory,
 * which no guest has. Address 0 is a NULL memory reference.
 */
static uint32_t sort_tmem(const struct optee_msg_param *param)
{
	uint64_t type = param->attr & ~(uint64_t)OPTEE_MSG_ATTR_NONCONTIG;
	uint32_t size = type == OPTEE_MSG_ATTR_TYPE_TMEM_INPUT ? 0 : OM_PARAMS_SIZE;

	if (type < OPTEE_MSG_ATTR_TYPE_TMEM_INPUT || type > OPTEE_MSG_ATTR_TYPE_TMEM_INOUT)
		return 0;
	if (param->u.tmem.buf_ptr == 0)
		return GOOD | size;
	return param->attr != type ? GOOD | size | OM_PARAMS_LIST : 0;
}

/*
 * Memory named by cookie. U-Boot and Zephyr write a NULL memory reference with cookie, offset
 * and size 0. It must not be looked up, neither here nor by OP-TEE, where cookie 0 names a page
 * of the mediator: OP-TEE is shown NULL memory by address. With an offset or a size, cookie 0 is
 * an unknown cookie.
 */
static inline uint32_t sort_rmem(struct optee_msg_param *param, uint32_t bits)
{
	const struct optee_msg_param_rmem *rmem = &param->u.rmem;

	if (rmem->shm_ref | rmem->offs | rmem->size)
		return bits;
	param->attr += OPTEE_MSG_ATTR_TYPE_TMEM_INPUT - OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	return (bits | GOOD) - OM_PARAMS_RMEM;
}

static inline uint32_t sort_plain(uint64_t attr)
{
	return attr < PLAIN_TYPES ? plain_types[om_index((uint32_t)attr, PLAIN_TYPES)] : 0;
}

/* Other parameters: with bits that OP-TEE ignores, by address, or invalid. */
static OM_NOINLINE uint32_t sort_other(struct optee_msg_param *param)
{
	uint32_t bits;

	param->attr &= ~(uint64_t)OPTEE_MSG_ATTR_CACHE_MASK;
	bits = sort_plain(param->attr);
	return bits ? bits : sort_tmem(param);
}

/* Sorts a parameter that is not GOOD as it is. Returns 0 when it is invalid. */
static inline uint32_t sort_more(struct optee_msg_param *param, uint32_t bits)
{
	if (!bits)
		bits = sort_other(param);
	if ((bits & EMPTY) != 0)
		om_zero(&param->u, sizeof(param->u));
	return (bits & OM_PARAMS_RMEM) != 0 ? sort_rmem(param, bits) : bits;
}

static enum om_refusal sort_params(struct om_message *message, uint32_t first, uint32_t *kinds)
{
	uint32_t n = message->hdr.num_params;
	uint32_t sorted = 0;
	uint32_t i;

	for (i = first; i < n; i++) {
		uint32_t bits = sort_plain(message->param[i].attr);

		if ((bits & GOOD) == 0)
			bits = sort_more(&message->param[i], bits);
		if (!bits)
			return OM_REFUSED_PARAMS;
		sorted |= bits << i;
	}
	*kinds = sorted & (EMPTY - 1);
	return OM_ACCEPTED;
}

static enum om_refusal sort_open(struct om_message *message, uint32_t *kinds)
{
	if (message->param[0].attr != ATTR_OPEN_META || message->param[1].attr != ATTR_OPEN_META)
		return OM_REFUSED_PARAMS;
	return sort_params(message, OPTEE_MSG_META_PARAMS, kinds);
}

static enum om_refusal sort_register(const struct om_message *message, uint32_t *kinds)
{
	if (message->param[0].attr != ATTR_REGISTER || message->param[0].u.tmem.buf_ptr == 0)
		return OM_REFUSED_PARAMS;
	*kinds = OM_PARAMS_LIST;
	return OM_ACCEPTED;
}

enum om_refusal om_message_check(struct om_message *message, bool async, uint32_t *kinds)
{
	uint32_t cmd = message->hdr.cmd;
	const struct om_message_rule *rule = om_message_rule(cmd);

	if (cmd >= (async ? OM_MESSAGE_RULES : OPTEE_MSG_CMD_DO_BOTTOM_HALF))
		return OM_REFUSED_COMMAND;
	if (message->hdr.num_params < rule->min || message->hdr.num_params > rule->max)
		return OM_REFUSED_PARAMS;
	switch (cmd) {
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		return sort_params(message, 0, kinds);
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return sort_open(message, kinds);
	case OPTEE_MSG_CMD_REGISTER_SHM:
		return sort_register(message, kinds);
	default:
		/* UNREGISTER_SHM: OP-TEE reads the cookie whatever the attribute. */
		*kinds = 0;
		return OM_ACCEPTED;
	}
}

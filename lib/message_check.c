/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of a message. See message_check.h. Knows no guest and no call. */
#include "message_check.h"

#define ATTR_REGISTER	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define ATTR_OPEN_META	(OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT)

/* How many parameters a command has. */
struct rule {
	uint8_t min;
	uint8_t max;
};

static const struct rule rules[] = {
	[OPTEE_MSG_CMD_OPEN_SESSION] = { OPTEE_MSG_META_PARAMS, OM_MESSAGE_PARAMS },
	[OPTEE_MSG_CMD_INVOKE_COMMAND] = { 0, OPTEE_MSG_CALL_PARAMS },
	[OPTEE_MSG_CMD_CLOSE_SESSION] = { 0, 0 },
	[OPTEE_MSG_CMD_CANCEL] = { 0, 0 },
	[OPTEE_MSG_CMD_REGISTER_SHM] = { 1, 1 },
	[OPTEE_MSG_CMD_UNREGISTER_SHM] = { 1, 1 },
	[OPTEE_MSG_CMD_DO_BOTTOM_HALF] = { 0, 0 },
	[OPTEE_MSG_CMD_STOP_ASYNC_NOTIF] = { 0, 0 },
};
#define KNOWN (sizeof(rules) / sizeof(rules[0]))

/* Types that carry no address. What is not named here is not plain. */
#define PLAIN (1u << 31)

static const uint32_t plain_types[16] = {
	[OPTEE_MSG_ATTR_TYPE_NONE] = PLAIN | OM_SHAPE_EMPTY,
	[OPTEE_MSG_ATTR_TYPE_VALUE_INPUT] = PLAIN,
	[OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT] = PLAIN | OM_SHAPE_VALUE | OM_SHAPE_EMPTY,
	[OPTEE_MSG_ATTR_TYPE_VALUE_INOUT] = PLAIN | OM_SHAPE_VALUE,
	[OPTEE_MSG_ATTR_TYPE_RMEM_INPUT] = PLAIN | OM_SHAPE_RMEM,
	[OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT] = PLAIN | OM_SHAPE_RMEM | OM_SHAPE_SIZE,
	[OPTEE_MSG_ATTR_TYPE_RMEM_INOUT] = PLAIN | OM_SHAPE_RMEM | OM_SHAPE_SIZE,
};

uint32_t om_message_max_params(uint32_t cmd)
{
	return cmd < KNOWN ? rules[cmd].max : 0;
}

/*
 * Memory named by address. It has to be a page list: one contiguous piece of guest
 * memory need not be one in the host, and OP-TEE takes such only from its reserved
 * memory, which no guest has. Without an address it is a NULL memory reference.
 */
static bool sort_tmem(const struct optee_msg_param *param, uint32_t *shape)
{
	uint64_t attr = om_attr(param);
	uint64_t type = attr & ~(uint64_t)OPTEE_MSG_ATTR_NONCONTIG;

	if (type < OPTEE_MSG_ATTR_TYPE_TMEM_INPUT || type > OPTEE_MSG_ATTR_TYPE_TMEM_INOUT)
		return false;
	*shape = type == OPTEE_MSG_ATTR_TYPE_TMEM_INPUT ? 0 : OM_SHAPE_SIZE;
	if (param->u.tmem.buf_ptr == 0)
		return true;
	*shape |= OM_SHAPE_LIST;
	return attr != type;
}

static bool sort_params(const struct om_message *message, uint32_t first, uint32_t *shape)
{
	uint32_t i;

	*shape = 0;
	for (i = first; i < message->hdr.num_params; i++) {
		uint64_t attr = om_attr(&message->param[i]);
		uint32_t bits = attr < 16 ? plain_types[attr] : 0;

		if (!(bits & PLAIN) && !sort_tmem(&message->param[i], &bits))
			return false;
		*shape |= (bits & ~PLAIN) << i;
	}
	return true;
}

static bool sort_open(const struct om_message *message, uint32_t *shape)
{
	return message->param[0].attr == ATTR_OPEN_META &&
	       message->param[1].attr == ATTR_OPEN_META &&
	       sort_params(message, OPTEE_MSG_META_PARAMS, shape);
}

static bool sort_register(const struct om_message *message, uint32_t *shape)
{
	*shape = OM_SHAPE_LIST;
	return message->param[0].attr == ATTR_REGISTER && message->param[0].u.tmem.buf_ptr != 0;
}

enum om_refusal om_message_check(const struct om_message *message, bool async,
				 uint32_t *shape)
{
	uint32_t cmd = message->hdr.cmd;
	bool good;

	if (cmd >= (async ? KNOWN : OPTEE_MSG_CMD_DO_BOTTOM_HALF))
		return OM_REFUSED_COMMAND;
	if (message->hdr.num_params < rules[cmd].min || message->hdr.num_params > rules[cmd].max)
		return OM_REFUSED_PARAMS;
	switch (cmd) {
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		good = sort_params(message, 0, shape);
		break;
	case OPTEE_MSG_CMD_OPEN_SESSION:
		good = sort_open(message, shape);
		break;
	case OPTEE_MSG_CMD_REGISTER_SHM:
		good = sort_register(message, shape);
		break;
	default:
		/* UNREGISTER_SHM: OP-TEE reads the cookie whatever attr says. */
		*shape = 0;
		good = true;
		break;
	}
	return good ? OM_ACCEPTED : OM_REFUSED_PARAMS;
}

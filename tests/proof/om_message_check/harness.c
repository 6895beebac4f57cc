/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_check(): what of a message OP-TEE may see.
 *
 * Assumes: nothing of the message. It is a private copy (fetch() in message.c).
 * Proves: memory safety; an accepted message has no more parameters than its command
 * may carry and than there is room for; what names memory by address is a page list and
 * marked LIST, to be translated, or a NULL reference; what names it by cookie is marked
 * RMEM, to be looked up, and a NULL reference becomes one by address; what OP-TEE does not
 * read is 0, and the rest is as the guest wrote it; nothing of a reserved type, without a
 * meaning or contiguous is accepted; a refused message leaves *kinds alone.
 *
 * Class: quick
 * Sources: message_check.c
 * Unwind: 7
 *   There are at most OM_MESSAGE_PARAMS = 6 parameters.
 */
#include "proof.h"

#include "message_check.h"

struct om_message nondet_message(void);

static bool has(uint32_t kinds, uint32_t kind, uint32_t i)
{
	return om_params_of(kinds, kind) >> i & 1;
}

static bool is_tmem(const struct optee_msg_param *param)
{
	uint64_t type = param->attr & OPTEE_MSG_ATTR_TYPE_MASK;

	return type >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
}

static bool is_rmem(const struct optee_msg_param *param)
{
	uint64_t type = param->attr & OPTEE_MSG_ATTR_TYPE_MASK;

	return type >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

static bool is_null(const struct optee_msg_param *param)
{
	return param->u.rmem.offs == 0 && param->u.rmem.size == 0 && param->u.rmem.shm_ref == 0;
}

/* All that a parameter may have set: a type, and how it is to be understood. */
static bool is_known(uint64_t attr)
{
	return !(attr & ~(uint64_t)(OPTEE_MSG_ATTR_TYPE_MASK | OPTEE_MSG_ATTR_META |
				    OPTEE_MSG_ATTR_NONCONTIG));
}

/* What OP-TEE is shown of a parameter, against what the guest wrote. */
static void prove_shown(const struct optee_msg_param *param, const struct optee_msg_param *wrote)
{
	uint64_t attr = wrote->attr & ~(uint64_t)OPTEE_MSG_ATTR_CACHE_MASK;

	if (attr == OPTEE_MSG_ATTR_TYPE_NONE || attr == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT) {
		PROVE(is_null(param), "what OP-TEE does not read is 0 (I3)");
		REACHED("nothing to read");
	} else {
		PROVE(param->u.value.a == wrote->u.value.a && param->u.value.b == wrote->u.value.b &&
		      param->u.value.c == wrote->u.value.c, "the rest is the guest's own (I1)");
	}
	if (is_rmem(wrote) && is_null(wrote)) {
		PROVE(param->attr == attr - OPTEE_MSG_ATTR_TYPE_RMEM_INPUT +
		      OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
		      "memory that is not there is shown by address, with its direction (I2)");
		REACHED("a cookie that names nothing");
	} else {
		PROVE(param->attr == attr, "... and so is its type (I1)");
	}
}

static void prove_accepted(const struct om_message *message, const struct om_message *before,
			   uint32_t kinds, bool async)
{
	uint32_t cmd = message->hdr.cmd, n = message->hdr.num_params;
	uint32_t i = any_below(OM_MESSAGE_PARAMS);
	const struct optee_msg_param *param = &message->param[i];

	PROVE(cmd <= OPTEE_MSG_CMD_STOP_ASYNC_NOTIF, "an accepted command is known (I8)");
	PROVE(async || cmd < OPTEE_MSG_CMD_DO_BOTTOM_HALF,
	      "notification commands only where notification is offered (I8)");
	PROVE(n <= OM_MESSAGE_PARAMS && n <= om_message_max_params(cmd),
	      "an accepted message has no more parameters than its command");
	PROVE(kinds >> (4 * OM_MESSAGE_PARAMS) == 0, "there are four kinds of parameters");
	if (i >= n) {
		PROVE(!has(kinds, OM_PARAMS_LIST, i) && !has(kinds, OM_PARAMS_RMEM, i) &&
		      !has(kinds, OM_PARAMS_VALUE, i) && !has(kinds, OM_PARAMS_SIZE, i),
		      "what is not there has nothing to do");
		return;
	}
	if (cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
		return;		/* its attribute is ignored; message.c shows OP-TEE its own */
	PROVE(is_known(param->attr), "attributes without a meaning are refused (I8)");
	PROVE(IMPLIES(is_tmem(param) && param->u.tmem.buf_ptr != 0,
		      has(kinds, OM_PARAMS_LIST, i) && (param->attr & OPTEE_MSG_ATTR_NONCONTIG)),
	      "memory named by address is a list to be translated (I2)");
	PROVE(IMPLIES(has(kinds, OM_PARAMS_LIST, i), is_tmem(param) && param->u.tmem.buf_ptr != 0),
	      "only a list is translated");
	PROVE(is_rmem(param) == has(kinds, OM_PARAMS_RMEM, i),
	      "what names a registered buffer is looked up (I7)");
	PROVE(IMPLIES(is_rmem(param), !is_null(param)), "OP-TEE does not look cookie 0 up (I7)");
	prove_shown(param, &before->param[i]);
	REACHED("a parameter was accepted");
	if (has(kinds, OM_PARAMS_LIST, i))
		REACHED("a list was accepted");
}

int main(void)
{
	struct om_message message = nondet_message(), wrote = message;
	bool async = any_bool();
	uint32_t before = any_u32(), kinds = before;

	if (om_message_check(&message, async, &kinds) == OM_ACCEPTED) {
		prove_accepted(&message, &wrote, kinds, async);
	} else {
		PROVE(kinds == before, "on error nothing changed");
		REACHED("refused");
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_message_emit() and om_message_address(): what OP-TEE gets to see of a message, and
 * the SMC that says where it is.
 *
 * Assumes: a sound message (messages.h) that is loaded; the shadow page holds anything.
 * Proves: memory safety; header and parameters are those of the private copy; memory
 * named by address is at a shadow page or NULL (I2); a buffer is registered and
 * unregistered by the cookie that the call has taken (I7); what OP-TEE has no use for is 0,
 * as are the results (I3); what lies behind the message is untouched; a TA that has an alias
 * is asked for by it; the SMC names the shadow page, has a7 of the guest and 32 bits in each
 * register (I10); nothing of the guest's is read or written.
 *
 * Class: quick
 * Sources: message.c message_check.c
 * Model: accounts.c host.c messages.c rooms.c world.c
 * Unwind: 7
 *   There are at most OM_MESSAGE_PARAMS = 6 parameters.
 */
#include <string.h>

#include "messages.h"
#include "rooms.h"

/* The shadow page, as far as a message and an RPC argument behind it go. */
static struct world_message shadow;

struct world_message nondet_world_message(void);

void om_refused(struct om_call *call, enum om_refusal why, uint32_t code)
{
	(void)call, (void)why, (void)code;
}

/*
 * A message is copied parameter by parameter here, because a copy of any length is a formula
 * that no solver comes to the end of.
 */
void *__builtin_memcpy(void *dst, const void *src, size_t len)
{
	struct om_message *to = dst;
	const struct om_message *from = src;
	uint32_t i;

	if (len == OM_TA_UUID_SIZE)
		return memcpy(dst, src, OM_TA_UUID_SIZE);
	PROVE(dst == &shadow && src == &world_call.message &&
	      len == OPTEE_MSG_ARG_SIZE(world_call.params), "the message is copied");
	to->hdr = from->hdr;
	for (i = 0; i < OM_MESSAGE_PARAMS; i++)
		if (i < world_call.params)
			to->param[i] = from->param[i];
	return dst;
}

static bool is_tmem(uint64_t attr)
{
	uint64_t type = attr & OPTEE_MSG_ATTR_TYPE_MASK;

	return type >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
}

static bool is_rmem(uint64_t attr)
{
	return attr >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && attr <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

/* An octet of the TA's UUID, which can be any. */
static void prove_ta(const struct optee_msg_param *copy, const struct optee_msg_param *seen)
{
	uint32_t k = any_below(sizeof(ghost.alias));

	PROVE(seen->u.octets[k] == (host_ops.alias ? ((const uint8_t *)ghost.alias)[k] :
						     copy->u.octets[k]),
	      "OP-TEE is asked for the TA that it knows by the alias (I7)");
	PROVE(seen->u.value.c == copy->u.value.c, "... and nothing else of it changes");
	if (host_ops.alias)
		REACHED("a TA with an alias");
}

static void prove_param(const struct om_call *call, uint32_t i)
{
	const struct optee_msg_param *copy = &call->message.param[i];
	const struct optee_msg_param *seen = &shadow.message.param[i];
	const struct optee_msg_param_value *value = &seen->u.value;

	PROVE(seen->attr == copy->attr, "OP-TEE sees the attribute that was checked (I1)");
	PROVE(IMPLIES(is_rmem(seen->attr) && call->message.hdr.cmd != OPTEE_MSG_CMD_UNREGISTER_SHM,
		      seen->u.rmem.offs || seen->u.rmem.size || seen->u.rmem.shm_ref),
	      "OP-TEE does not look cookie 0 up (I7)");
	if (is_tmem(seen->attr)) {
		PROVE(seen->u.tmem.buf_ptr == 0 ||
		      is_shadow_page(seen->u.tmem.buf_ptr & ~(uint64_t)(OPTEE_MSG_PAGE_SIZE - 1)),
		      "memory by address is at a shadow page, or NULL (I2)");
		PROVE(IMPLIES(seen->u.tmem.buf_ptr && call->message.hdr.cmd !=
			      OPTEE_MSG_CMD_REGISTER_SHM, seen->u.tmem.shm_ref == 0),
		      "memory that is lent has no cookie (I7)");
		REACHED("memory by address");
	}
	if (seen->attr == OPTEE_MSG_ATTR_TYPE_NONE || seen->attr == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT) {
		PROVE(value->a == 0 && value->b == 0 && value->c == 0,
		      "what OP-TEE has no use for is 0");
		REACHED("a parameter that is given nothing");
	} else if (i == 0 && call->message.hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		prove_ta(copy, seen);
	} else {
		PROVE(value->a == copy->u.value.a && value->b == copy->u.value.b &&
		      value->c == copy->u.value.c, "the rest is that of the private copy (I1)");
	}
	if (call->message.hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
		PROVE(seen->attr == OPTEE_MSG_ATTR_TYPE_RMEM_INPUT,
		      "an unregistration names a cookie, whatever the guest said");
	if (call->target != OM_NONE)
		PROVE(seen->u.rmem.shm_ref == world_buffers[call->target].cookie,
		      "a buffer is (un)registered by the cookie that is taken (I7)");
}

int main(void)
{
	struct om_call *call = &world_call;
	const struct optee_msg_hdr *hdr = &call->message.hdr;
	const struct optee_msg_hdr *seen = &shadow.message.hdr;
	uint64_t pa;
	uint32_t i = any_below(OM_MESSAGE_PARAMS);
	/* A word of what lies in the page, to be compared. */
	uint32_t word = any_below(sizeof(shadow) / sizeof(uint64_t));
	const uint64_t *words = (const uint64_t *)&shadow;
	uint64_t before;

	world_init();
	shadow = nondet_world_message();
	rooms_init();
	world_shadows[0].page.va = &shadow;
	pa = world_shadows[0].page.pa.raw;
	ASSUME(message_is_ready(call));
	before = words[word];

	om_message_emit(call);

	PROVE(seen->cmd == hdr->cmd && seen->func == hdr->func && seen->session == hdr->session &&
	      seen->cancel_id == hdr->cancel_id && seen->num_params == hdr->num_params,
	      "OP-TEE sees the header that was checked (I1)");
	PROVE(seen->ret == 0 && seen->ret_origin == 0 && seen->pad == 0,
	      "results are 0, for some commands leave them as they are (I3)");
	if (i < call->params)
		prove_param(call, i);
	if (word * sizeof(uint64_t) >= OPTEE_MSG_ARG_SIZE(call->params))
		PROVE(words[word] == before, "what lies behind the message is untouched");
	PROVE(call->secure.a[0] == (call->fid == OPTEE_SMC_CALL_WITH_ARG ?
				    OPTEE_SMC_CALL_WITH_ARG : OPTEE_SMC_CALL_WITH_RPC_ARG),
	      "a call that OP-TEE knows, with room for RPCs if the guest's has");
	PROVE(call->secure.a[1] == om_high(pa) && call->secure.a[2] == om_low(pa),
	      "the message is the shadow page, in 32 bits each (I2, I10)");
	PROVE(call->secure.a[3] == 0 && call->secure.a[4] == 0 && call->secure.a[5] == 0 &&
	      call->secure.a[6] == 0, "nothing else is said");
	PROVE(call->secure.a[7] == world_guest.vm.id, "a call is stamped with its guest (I10)");
	PROVE(ghost.fetches == 0 && ghost.pinned == 0, "the guest's memory is left alone (I1)");
	REACHED("the end");
	return 0;
}

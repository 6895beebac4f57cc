/* SPDX-License-Identifier: BSD-2-Clause */
/* What is true of a call's message between its steps. See messages.h. */
#include "accounts.h"
#include "messages.h"

#include "message.h"
#include "message_copy.h"

#define PAGE	((uint64_t)OPTEE_MSG_PAGE_SIZE)
#define LISTED	((uint64_t)OPTEE_MSG_ATTR_NONCONTIG)

uint64_t message_page(const struct om_call *call)
{
	return call->at.raw - call->at.raw % PAGE;
}

bool message_has_place(const struct om_call *call)
{
	size_t rpc = call->fid == OPTEE_SMC_CALL_WITH_ARG ? 0 :
		     OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS);

	return message_is_placed(call) && call->room <= PAGE - call->at.raw % PAGE && call->params <= OM_MESSAGE_PARAMS &&
	       call->room >= OPTEE_MSG_ARG_SIZE(call->params) + rpc;
}

bool message_is_placed(const struct om_call *call)
{
	if (!call->split)
		return true;
	return call->at.raw % PAGE == 0 && call->next.raw % PAGE == 0 && call->split < PAGE &&
	       call->split % sizeof(uint64_t) == 0 && call->room <= PAGE &&
	       IMPLIES(call->next.raw == ghost.page, ghost.pins > 0);
}

/* message_copy.c, as om_message_split/ proves it. */
int om_message_read_split(const struct om_call *call, size_t offset, void *dst, size_t len)
{
	PROVE(call->split && message_is_placed(call) && offset <= call->room &&
	      len <= call->room - offset, "messages: what is read is the message's (I1)");
	return host_ops.read(call->guest->vm.ctx, (om_pa_t){ call->at.raw + offset }, dst, len);
}

int om_message_write_split(const struct om_call *call, size_t offset, const void *src, size_t len)
{
	PROVE(call->split && message_is_placed(call) && offset <= call->room &&
	      len <= call->room - offset, "messages: what is written to is the message's (I3)");
	return host_ops.write(call->guest->vm.ctx, (om_pa_t){ call->at.raw + offset }, src, len);
}

static uint32_t lists_left(const struct om_call *call)
{
	return (uint32_t)__builtin_popcount(om_params_of(call->kinds, OM_PARAMS_LIST));
}

/* It uses a session exactly if its command names one, and none but CLOSE closes it. */
static bool has_its_session(const struct om_call *call)
{
	switch (call->message.hdr.cmd) {
	case OPTEE_MSG_CMD_CLOSE_SESSION:
		if (call->closes != OM_NONE)
			return call->closes < WORLD_SESSIONS && call->session == OM_NONE &&
			       call->opens == OM_NONE;
		/* fall through */
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
	case OPTEE_MSG_CMD_CANCEL:
		return call->session < WORLD_SESSIONS && call->closes == OM_NONE &&
		       call->opens == OM_NONE;
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return call->session == OM_NONE && call->closes == OM_NONE &&
		       call->opens < WORLD_SESSIONS;
	default:
		return call->session == OM_NONE && call->closes == OM_NONE &&
		       call->opens == OM_NONE;
	}
}

bool message_is_sound(const struct om_call *call)
{
	uint32_t cmd = call->message.hdr.cmd;
	const struct om_translation *t = &call->translation;
	uint32_t k;

	if (cmd >= OM_MESSAGE_RULES || call->params != call->message.hdr.num_params ||
	    call->params < om_message_rules[cmd].min || call->params > om_message_rules[cmd].max)
		return false;
	/* Only these two are about a buffer. */
	if (call->target != OM_NONE &&
	    (call->target >= WORLD_BUFFERS || (cmd != OPTEE_MSG_CMD_REGISTER_SHM &&
						cmd != OPTEE_MSG_CMD_UNREGISTER_SHM)))
		return false;
	/* There is a place for every buffer that is named or still to be lent. */
	if (call->held_count > OPTEE_MSG_CALL_PARAMS ||
	    call->held_count + lists_left(call) > OPTEE_MSG_CALL_PARAMS + (call->translation.remaining ? 1 : 0))
		return false;
	/* All that OP-TEE will have to map is charged (I5). */
	for (k = 0; k < OPTEE_MSG_CALL_PARAMS; k++)
		if (k < call->held_count && call->held[k] >= WORLD_BUFFERS)
			return false;
	if (call->mapped.param_pages != accounts_held_pages(call) || call->mapped.payload_pages != 0 ||
	    call->mapped.param_pages > world_guest.vm.limits.call_pages || !has_its_session(call))
		return false;
	/* A translation that is under way has been begun, and one that is not holds nothing. */
	if (t->remaining)
		return lists_left(call) > 0 && t->buffer < WORLD_BUFFERS && t->source.raw != 0 && call->lists.reserved > 0;
	return t->source.raw == 0;
}

/* Nothing that OP-TEE could look at or look up; memory by cookie never is: it would be NULL. */
static bool is_empty(const struct optee_msg_param *param)
{
	return param->u.value.a == 0 && param->u.value.b == 0 && param->u.value.c == 0;
}

/* What one parameter's kinds has to be; LIST aside. */
static uint32_t kinds_of(const struct optee_msg_param *param)
{
	switch (param->attr) {
	case OPTEE_MSG_ATTR_TYPE_NONE:
		return is_empty(param) ? 0 : UINT32_MAX;
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
		return is_empty(param) ? OM_PARAMS_VALUE : UINT32_MAX;
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
		return OM_PARAMS_VALUE;
	case OPTEE_MSG_ATTR_TYPE_RMEM_INPUT:
		return is_empty(param) ? UINT32_MAX : OM_PARAMS_RMEM;
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
		return is_empty(param) ? UINT32_MAX : OM_PARAMS_RMEM | OM_PARAMS_SIZE;
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | LISTED:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | LISTED:
		return OM_PARAMS_SIZE;
	case OPTEE_MSG_ATTR_TYPE_VALUE_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT | LISTED:
		return 0;
	default:
		return UINT32_MAX;	/* never accepted */
	}
}

static bool is_tmem(uint64_t attr)
{
	uint64_t type = attr & OPTEE_MSG_ATTR_TYPE_MASK;

	return type >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
}

/* Memory by address: to be translated, translated, or NULL (I2). */
static bool tmem_is_sound(const struct om_call *call, uint32_t i, bool listed)
{
	const struct optee_msg_param *param = &call->message.param[i];
	const struct optee_msg_param_tmem *tmem = &param->u.tmem;
	uint32_t lists = om_params_of(call->kinds, OM_PARAMS_LIST);
	bool begun = call->translation.remaining && lists && om_next_param(&lists) == i;

	if (tmem->buf_ptr == 0)
		return !listed;
	if (!(param->attr & LISTED))
		return false;
	if (listed && !begun)
		return true;
	/* Memory that is lent has no cookie (I7). */
	return is_shadow_page(tmem->buf_ptr - tmem->buf_ptr % PAGE) &&
	       (call->message.hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM || tmem->shm_ref == 0);
}

/* What a message registers or unregisters is named by the cookie that is taken (I7). */
static bool names_target(const struct om_call *call, uint64_t cookie)
{
	return call->target < WORLD_BUFFERS && world_buffers[call->target].cookie == cookie;
}

bool message_param_is_sound(const struct om_call *call, uint32_t i)
{
	const struct optee_msg_param *param = &call->message.param[i];
	uint32_t cmd = call->message.hdr.cmd;
	uint32_t kinds = call->kinds >> i &
		(OM_PARAMS_RMEM | OM_PARAMS_LIST | OM_PARAMS_VALUE | OM_PARAMS_SIZE);
	bool listed = kinds & OM_PARAMS_LIST;

	if (i >= call->params)
		return kinds == 0;
	switch (cmd) {
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		return kinds == 0 && (call->target == OM_NONE ||
				      (param->attr == OPTEE_MSG_ATTR_TYPE_RMEM_INPUT &&
				       names_target(call, param->u.rmem.shm_ref)));
	case OPTEE_MSG_CMD_REGISTER_SHM:
		return kinds == (kinds & OM_PARAMS_LIST) && tmem_is_sound(call, i, listed) &&
		       param->attr == (OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | LISTED) &&
		       param->u.tmem.buf_ptr != 0 &&
		       (listed && !call->translation.remaining ? call->target == OM_NONE :
			names_target(call, param->u.tmem.shm_ref));
	case OPTEE_MSG_CMD_OPEN_SESSION:
		if (i < OPTEE_MSG_META_PARAMS)
			return kinds == 0 && param->attr == (OPTEE_MSG_ATTR_META |
							     OPTEE_MSG_ATTR_TYPE_VALUE_INPUT);
		break;
	default:
		break;
	}
	return (kinds & ~OM_PARAMS_LIST) == kinds_of(param) &&
	       (is_tmem(param->attr) ? tmem_is_sound(call, i, listed) : !listed);
}

bool message_is_all_sound(const struct om_call *call)
{
	uint32_t i;

	for (i = 0; i < OM_MESSAGE_PARAMS; i++)
		if (!message_param_is_sound(call, i))
			return false;
	return message_has_place(call) && message_is_sound(call) &&
	       call->kinds >> (4 * OM_MESSAGE_PARAMS) == 0;
}

bool message_is_ready(const struct om_call *call)
{
	if (!message_is_all_sound(call) || !om_message_is_loaded(call))
		return false;
	if (call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		return call->closes != OM_NONE && !call->waits;
	return call->message.hdr.cmd != OPTEE_MSG_CMD_UNREGISTER_SHM || call->target != OM_NONE;
}

void om_call_trace(const struct om_call *call, struct om_trace_event *event)
{
	(void)call, (void)event;
}

void om_trace_param(const struct om_call *call, enum om_trace_id id, uint32_t index,
		    const struct optee_msg_param *param, uint32_t cmd)
{
	(void)call, (void)id, (void)index, (void)cmd;
	PROVE(__CPROVER_r_ok(param, sizeof(*param)), "rooms: a parameter that is traced is there");
}

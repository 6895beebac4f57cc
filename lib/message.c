/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call. See message.h. Knows commands and parameters; knows
 * nothing of RPCs, states, and how the SMC is made.
 */
#include "message.h"

#include <optee_mediator/abi_smc.h>

#include "tracing.h"

#define ATTR_REGISTER	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)
#define ATTR_OPEN_META	(OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT)

/* Bits of attr that decide something; the cache bits mean nothing to OP-TEE. */
static uint64_t attr_of(const struct optee_msg_param *param)
{
	return param->attr & ~(uint64_t)OPTEE_MSG_ATTR_CACHE_MASK;
}

static uint32_t type_of(const struct optee_msg_param *param)
{
	return (uint32_t)(param->attr & OPTEE_MSG_ATTR_TYPE_MASK);
}

static bool is_value(uint32_t type)
{
	return type >= OPTEE_MSG_ATTR_TYPE_VALUE_INPUT && type <= OPTEE_MSG_ATTR_TYPE_VALUE_INOUT;
}

static bool is_rmem(uint32_t type)
{
	return type >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

static bool is_tmem(uint32_t type)
{
	return type >= OPTEE_MSG_ATTR_TYPE_TMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_TMEM_INOUT;
}

/* In each family of types: 1 input, 2 output, 3 both; the families are 4 apart. */
static bool is_output(uint32_t type)
{
	return (type & 2u) != 0;
}

static bool is_input(uint32_t type)
{
	return (type & 1u) != 0;
}

/* A page list to translate; without an address it is a NULL memory reference. */
static bool has_address(const struct optee_msg_param *param)
{
	return is_tmem(type_of(param)) && param->u.tmem.buf_ptr != 0;
}

/* A parameter that any command with parameters of its own may have. */
static bool is_plain_param(const struct optee_msg_param *param)
{
	uint64_t attr = attr_of(param);
	uint32_t type = type_of(param);

	if (type == OPTEE_MSG_ATTR_TYPE_NONE || is_value(type) || is_rmem(type))
		return attr == type;
	if (!is_tmem(type))
		return false;
	/*
	 * One contiguous piece of guest memory need not be one in the host. OP-TEE
	 * takes such only from its reserved memory, which no guest has.
	 */
	return attr == (type | (uint64_t)OPTEE_MSG_ATTR_NONCONTIG) ||
	       (attr == type && param->u.tmem.buf_ptr == 0);
}

static enum om_refusal check_params(const struct om_message *message, uint32_t first)
{
	uint32_t i;

	for (i = first; i < message->hdr.num_params; i++)
		if (!is_plain_param(&message->param[i]))
			return OM_REFUSED_PARAMS;
	return OM_ACCEPTED;
}

static enum om_refusal check_open(const struct om_message *message)
{
	if (message->hdr.num_params < OPTEE_MSG_META_PARAMS ||
	    message->param[0].attr != ATTR_OPEN_META ||
	    message->param[1].attr != ATTR_OPEN_META)
		return OM_REFUSED_PARAMS;
	return check_params(message, OPTEE_MSG_META_PARAMS);
}

static enum om_refusal check_register(const struct om_message *message)
{
	if (message->hdr.num_params != 1 || message->param[0].attr != ATTR_REGISTER ||
	    message->param[0].u.tmem.buf_ptr == 0)
		return OM_REFUSED_PARAMS;
	return OM_ACCEPTED;
}

/* What a command may carry at most; the exact number is checked with the rest. */
static uint32_t max_params(uint32_t cmd)
{
	switch (cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return OM_MESSAGE_PARAMS;
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		return OPTEE_MSG_CALL_PARAMS;
	case OPTEE_MSG_CMD_REGISTER_SHM:
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		return 1;
	default:
		return 0;
	}
}

static bool is_known(uint32_t cmd, bool async)
{
	return cmd <= OPTEE_MSG_CMD_UNREGISTER_SHM ||
	       (async && cmd <= OPTEE_MSG_CMD_STOP_ASYNC_NOTIF);
}

enum om_refusal om_message_check(const struct om_message *message, bool async)
{
	if (!is_known(message->hdr.cmd, async))
		return OM_REFUSED_COMMAND;
	if (message->hdr.num_params > max_params(message->hdr.cmd))
		return OM_REFUSED_PARAMS;
	switch (message->hdr.cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		return check_open(message);
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		return check_params(message, 0);
	case OPTEE_MSG_CMD_REGISTER_SHM:
		return check_register(message);
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		/* OP-TEE reads the cookie whatever attr says; so do we. */
		return message->hdr.num_params == 1 ? OM_ACCEPTED : OM_REFUSED_PARAMS;
	default:
		return OM_ACCEPTED;
	}
}

/* The command page of CALL_WITH_ARG and CALL_WITH_RPC_ARG. */
static enum om_refusal locate_page(struct om_call *call, const struct om_regs *regs)
{
	uint64_t ipa = om_pair(regs->a[1], regs->a[2]);

	if (om_pin_one(call->guest, ipa, &call->page) != OM_ACCEPTED)
		return OM_REFUSED_ADDRESS;
	call->at = call->page;
	call->room = OPTEE_MSG_PAGE_SIZE;
	return OM_ACCEPTED;
}

/*
 * The message of CALL_WITH_REGD_ARG lies in a registered buffer. It has to lie in
 * one page of it: pages that follow each other for the guest need not do so here.
 */
static enum om_refusal locate_registered(struct om_call *call, const struct om_regs *regs)
{
	struct om_guest *guest = call->guest;
	om_cookie_t cookie = { om_pair(regs->a[1], regs->a[2]) };
	uint32_t offset = (uint32_t)regs->a[3];
	const struct om_buffer *buffer;
	uint64_t position;
	uint64_t room;

	call->carrier = om_shm_get(guest, cookie, OM_SHARE_REGISTERED, false, &call->release);
	if (call->carrier == OM_NONE)
		return OM_REFUSED_ADDRESS;
	buffer = &guest->shm.buffers[call->carrier];
	position = (uint64_t)buffer->offset + offset;
	if (offset >= buffer->size || position % sizeof(uint64_t))
		return OM_REFUSED_ADDRESS;
	room = OPTEE_MSG_PAGE_SIZE - position % OPTEE_MSG_PAGE_SIZE;
	if (room > buffer->size - offset)
		room = buffer->size - offset;
	call->room = (uint32_t)room;
	call->at = om_shm_page(guest, buffer, (uint32_t)(position >> OPTEE_MSG_PAGE_SHIFT));
	call->at.raw += position % OPTEE_MSG_PAGE_SIZE;
	return OM_ACCEPTED;
}

static enum om_refusal locate(struct om_call *call, const struct om_regs *regs)
{
	if (call->fid == OPTEE_SMC_CALL_WITH_REGD_ARG)
		return locate_registered(call, regs);
	return locate_page(call, regs);
}

static void trace_message(struct om_call *call)
{
	const struct optee_msg_hdr *hdr = &call->message.hdr;
	uint32_t i;

	om_trace(call->guest, call, OM_TRACE_MESSAGE, (const uint64_t[]){
		 hdr->cmd, hdr->func, hdr->session, hdr->cancel_id, hdr->num_params }, 5);
	if (hdr->num_params > OM_MESSAGE_PARAMS)
		return;
	for (i = 0; i < hdr->num_params; i++)
		om_trace_param(call, OM_TRACE_MESSAGE_PARAM, i, &call->message.param[i], hdr->cmd);
}

/* The one fetch: header, then as many parameters as there is use for. */
static enum om_refusal fetch(struct om_call *call)
{
	const struct om_host_ops *ops = call->guest->ops;
	struct om_message *message = &call->message;
	om_pa_t params = { call->at.raw + sizeof(message->hdr) };
	uint32_t n;

	if (call->room < sizeof(message->hdr) ||
	    ops->read(call->guest->ctx, call->at, &message->hdr, sizeof(message->hdr)))
		return OM_REFUSED_ADDRESS;
	/* From here on the message is readable, and can carry the answer. */
	call->fetched = true;
	n = message->hdr.num_params;
	if (n > OM_MESSAGE_PARAMS || n > max_params(message->hdr.cmd))
		return OM_ACCEPTED;	/* the check will refuse it */
	if (OPTEE_MSG_ARG_SIZE(n) > call->room)
		return OM_REFUSED_PARAMS;
	if (n && ops->read(call->guest->ctx, params, message->param, n * sizeof(message->param[0])))
		return OM_REFUSED_ADDRESS;
	return OM_ACCEPTED;
}

/* CALL_WITH_RPC_ARG and _REGD_ARG: room for RPCs follows the message. */
static bool has_inline_rpc(const struct om_call *call)
{
	return call->fid != OPTEE_SMC_CALL_WITH_ARG;
}

static enum om_refusal check(struct om_call *call)
{
	uint32_t n = call->message.hdr.num_params;
	enum om_refusal why = om_message_check(&call->message, om_async_offered(call->guest));

	if (why == OM_ACCEPTED && has_inline_rpc(call) &&
	    OPTEE_MSG_ARG_SIZE(n) + OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS) > call->room)
		why = OM_REFUSED_PARAMS;
	return why;
}

static uint32_t ask_policy(struct om_call *call, enum om_request_stage stage)
{
	const struct om_message *message = &call->message;
	struct om_request request = {
		.stage = stage,
		.cmd = message->hdr.cmd,
		.func = message->hdr.func,
		.session = message->hdr.session,
	};

	if (!call->guest->ops->authorize)
		return TEEC_SUCCESS;
	if (request.cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		if (stage == OM_REQUEST_ASKED)
			request.session = 0;
		om_copy(request.ta_uuid, message->param[0].u.octets, sizeof(request.ta_uuid));
		om_copy(request.client_uuid, message->param[1].u.octets,
			sizeof(request.client_uuid));
		request.login = (uint32_t)message->param[1].u.value.c;
	}
	return call->guest->ops->authorize(call->guest->ctx, &request);
}

/* A registered buffer that a parameter names: held for the length of the call. */
static enum om_refusal get_buffer(struct om_call *call, const struct optee_msg_param_rmem *rmem)
{
	om_cookie_t cookie = { rmem->shm_ref };
	uint32_t i = om_shm_get(call->guest, cookie, OM_SHARE_REGISTERED, false, &call->release);
	uint64_t size;

	if (i == OM_NONE)
		return OM_REFUSED_COOKIE;
	call->held[call->held_count++] = i;
	size = call->guest->shm.buffers[i].size;
	if (rmem->offs > size || rmem->size > size - rmem->offs)
		return OM_REFUSED_RANGE;
	return OM_ACCEPTED;
}

static enum om_refusal get_buffers(struct om_call *call)
{
	const struct om_message *message = &call->message;
	enum om_refusal why = OM_ACCEPTED;
	uint32_t i;

	if (message->hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM) {
		om_cookie_t cookie = { message->param[0].u.rmem.shm_ref };

		call->subject = om_shm_claim(call->guest, cookie, OM_SHARE_REGISTERED);
		return call->subject == OM_NONE ? OM_REFUSED_COOKIE : OM_ACCEPTED;
	}
	for (i = 0; i < message->hdr.num_params && why == OM_ACCEPTED; i++)
		if (is_rmem(type_of(&message->param[i])))
			why = get_buffer(call, &message->param[i].u.rmem);
	return why;
}

enum om_refusal om_message_fetch(struct om_call *call, const struct om_regs *regs)
{
	enum om_refusal why = locate(call, regs);

	if (why == OM_ACCEPTED)
		why = fetch(call);
	if (call->fetched && om_traced(call->guest))
		trace_message(call);
	if (why == OM_ACCEPTED)
		why = check(call);
	if (why != OM_ACCEPTED)
		return why;
	call->policy = ask_policy(call, OM_REQUEST_ASKED);
	if (call->policy != TEEC_SUCCESS)
		return OM_REFUSED_POLICY;
	return get_buffers(call);
}

/* Where the translated parameter goes: into the shadow, at once. */
static struct optee_msg_param *shadow_param(struct om_call *call, uint32_t i)
{
	return &((struct om_message *)call->shadow->page.va)->param[i];
}

static enum om_refusal begin_translation(struct om_call *call, uint32_t i)
{
	const struct optee_msg_param_tmem *tmem = &call->message.param[i].u.tmem;
	bool registers = call->message.hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM;
	struct om_region region = {
		.kind = registers ? OM_SHARE_REGISTERED : OM_SHARE_TEMPORARY,
		.buf_ptr = tmem->buf_ptr,
		.size = tmem->size,
		/*
		 * Memory that is only lent has no cookie for OP-TEE either: 0 is
		 * one that no message can name (invariant I7).
		 */
		.cookie = { registers ? tmem->shm_ref : 0 },
	};
	enum om_refusal why = om_translation_begin(call->guest, &region, &call->lists,
						   &call->translation);

	call->translating = true;
	if (registers)
		call->subject = call->translation.buffer;
	else if (call->translation.buffer != OM_NONE)
		call->held[call->held_count++] = call->translation.buffer;
	if (why == OM_ACCEPTED) {
		shadow_param(call, i)->u.tmem.buf_ptr = call->translation.list_start;
		shadow_param(call, i)->u.tmem.shm_ref = region.cookie.raw;
	}
	return why;
}

enum om_refusal om_message_translate(struct om_call *call, bool *done)
{
	const struct om_message *message = &call->message;
	enum om_refusal why = OM_ACCEPTED;

	while (call->loading < message->hdr.num_params &&
	       !has_address(&message->param[call->loading]))
		call->loading++;
	*done = call->loading == message->hdr.num_params ||
		message->hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM;
	if (*done)
		return OM_ACCEPTED;
	if (!call->translating)
		why = begin_translation(call, call->loading);
	if (why == OM_ACCEPTED)
		why = om_translation_step(call->guest, &call->lists, &call->translation);
	if (why == OM_ACCEPTED && call->translation.remaining == 0) {
		call->translating = false;
		call->loading++;
	}
	return why;
}

/* What OP-TEE gets to see of a parameter; translated addresses are in place. */
static void emit_param(struct optee_msg_param *shadow, const struct optee_msg_param *param)
{
	uint32_t type = type_of(param);

	shadow->attr = attr_of(param);
	if (is_tmem(type)) {
		if (!has_address(param)) {
			shadow->u.tmem.buf_ptr = 0;
			shadow->u.tmem.shm_ref = 0;
		}
		shadow->u.tmem.size = param->u.tmem.size;
	} else if (is_rmem(type) || (is_value(type) && is_input(type))) {
		shadow->u = param->u;
	} else {
		om_zero(&shadow->u, sizeof(shadow->u));
	}
}

void om_message_emit(struct om_call *call)
{
	const struct om_message *message = &call->message;
	struct om_message *shadow = call->shadow->page.va;
	uint64_t pa = call->shadow->page.pa.raw;
	uint32_t i;

	shadow->hdr = message->hdr;
	shadow->hdr.pad = 0;
	shadow->hdr.ret = 0;
	shadow->hdr.ret_origin = 0;
	for (i = 0; i < message->hdr.num_params; i++)
		emit_param(&shadow->param[i], &message->param[i]);
	if (message->hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
		shadow->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;

	/* OP-TEE never needs to know that the guest's message was in a buffer. */
	call->to_secure = (struct om_regs){ .a = {
		has_inline_rpc(call) ? OPTEE_SMC_CALL_WITH_RPC_ARG : OPTEE_SMC_CALL_WITH_ARG,
		om_high(pa), om_low(pa), 0, 0, 0, 0, call->guest->id } };
}

/* The outputs of one parameter, straight from the shadow, each loaded once. */
static int write_param(struct om_call *call, uint32_t i)
{
	const struct optee_msg_param *shadow = shadow_param(call, i);
	uint32_t type = type_of(&call->message.param[i]);
	uint64_t at = call->at.raw + OPTEE_MSG_ARG_SIZE(i) + offsetof(struct optee_msg_param, u);
	struct optee_msg_param out = { .attr = type };

	if (!is_output(type))
		return 0;
	if (is_value(type)) {
		out.u.value.a = om_read_once64(&shadow->u.value.a);
		out.u.value.b = om_read_once64(&shadow->u.value.b);
	} else {
		out.u.rmem.size = om_read_once64(&shadow->u.rmem.size);
	}
	if (om_traced(call->guest))
		om_trace_param(call, OM_TRACE_RESULT_PARAM, i, &out, call->message.hdr.cmd);
	if (is_value(type))
		return call->guest->ops->write(call->guest->ctx, (om_pa_t){ at }, &out.u,
					       2 * sizeof(uint64_t));
	return call->guest->ops->write(call->guest->ctx,
				       (om_pa_t){ at + offsetof(struct optee_msg_param_rmem, size) },
				       &out.u.rmem.size, sizeof(uint64_t));
}

/* Only these two commands have outputs: OP-TEE reads, but never writes, the rest. */
static int write_params(struct om_call *call)
{
	uint32_t cmd = call->message.hdr.cmd;
	int failed = 0;
	uint32_t i;

	if (cmd != OPTEE_MSG_CMD_OPEN_SESSION && cmd != OPTEE_MSG_CMD_INVOKE_COMMAND)
		return 0;
	for (i = 0; i < call->message.hdr.num_params; i++)
		failed |= write_param(call, i);
	return failed;
}

/* ret and ret_origin lie side by side. The last write: results are complete. */
static int write_ret(struct om_call *call, uint32_t ret, uint32_t origin)
{
	const uint32_t out[2] = { ret, origin };
	om_pa_t at = { call->at.raw + offsetof(struct optee_msg_hdr, ret) };

	if (om_traced(call->guest))
		om_trace(call->guest, call, OM_TRACE_RESULT, (const uint64_t[]){
			 call->message.hdr.cmd, ret, origin, call->message.hdr.session }, 4);
	return call->guest->ops->write(call->guest->ctx, at, out, sizeof(out));
}

static int write_session(struct om_call *call, uint32_t session)
{
	om_pa_t at = { call->at.raw + offsetof(struct optee_msg_hdr, session) };

	return call->guest->ops->write(call->guest->ctx, at, &session, sizeof(session));
}

/*
 * What the end of the call means for the buffer it was about: a registration that
 * succeeded and a release that failed leave it shared, the other two do not.
 */
static void settle(struct om_call *call, bool success)
{
	bool registers = call->message.hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM;

	if (call->subject == OM_NONE)
		return;
	if (success == registers)
		om_shm_publish(call->guest, call->subject);
	else
		om_shm_forget(call->guest, call->subject);
}

/* Commands whose success means something beyond the message. */
static void note_success(struct om_call *call)
{
	switch (call->message.hdr.cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
	case OPTEE_MSG_CMD_CLOSE_SESSION:
		(void)ask_policy(call, OM_REQUEST_DONE);
		break;
	case OPTEE_MSG_CMD_STOP_ASYNC_NOTIF:
		om_store_relaxed(&call->guest->notify_enabled, 0);
		break;
	default:
		break;
	}
}

void om_message_finish(struct om_call *call)
{
	const struct optee_msg_hdr *shadow = call->shadow->page.va;
	bool opens = call->message.hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION;
	uint32_t ret = om_read_once32(&shadow->ret);
	uint32_t origin = om_read_once32(&shadow->ret_origin);
	int failed;

	if (opens)
		call->message.hdr.session = om_read_once32(&shadow->session);
	settle(call, ret == TEEC_SUCCESS);
	if (ret == TEEC_SUCCESS)
		note_success(call);
	failed = write_params(call);
	if (opens)
		failed |= write_session(call, call->message.hdr.session);
	failed |= write_ret(call, ret, origin);
	call->result = failed ? OPTEE_SMC_RETURN_EBADADDR : OPTEE_SMC_RETURN_OK;
}

void om_message_refuse(struct om_call *call, enum om_refusal why)
{
	uint32_t code = om_refusal_smc(why);
	uint32_t ret = why == OM_REFUSED_POLICY ? call->policy : om_refusal_teec(why);

	settle(call, false);
	om_refused(call, why, code ? code : ret);
	if (code == OPTEE_SMC_RETURN_OK && write_ret(call, ret, TEEC_ORIGIN_COMMS))
		code = OPTEE_SMC_RETURN_EBADADDR;
	call->result = code;
}

void om_message_fail(struct om_call *call, uint32_t code)
{
	settle(call, false);
	call->result = code;
}

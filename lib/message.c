/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call. See message.h. Knows commands and what their parameters
 * name; knows nothing of RPCs, states, and how the SMC is made.
 */
#include "message.h"

#include <optee_mediator/abi_smc.h>

#include "tracing.h"

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
 * And in one of the first, so that finding the page takes no longer in a large one.
 */
#define REGD_ARG_PAGES 512u

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
	if (offset >= buffer->size || position % sizeof(uint64_t) ||
	    position >= (uint64_t)REGD_ARG_PAGES << OPTEE_MSG_PAGE_SHIFT)
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

static void trace_message(const struct om_call *call)
{
	const struct optee_msg_hdr *hdr = &call->message.hdr;
	uint32_t i;

	om_trace(call->guest, call, OM_TRACE_MESSAGE, (const uint64_t[]){
		 hdr->cmd, hdr->func, hdr->session, hdr->cancel_id, hdr->num_params }, 5);
	for (i = 0; i < call->params; i++)
		om_trace_param(call, OM_TRACE_MESSAGE_PARAM, i, &call->message.param[i], hdr->cmd);
}

/* The one fetch: header, then as many parameters as there is use for. */
static enum om_refusal fetch(struct om_call *call)
{
	struct om_guest *guest = call->guest;
	struct om_message *message = &call->message;
	om_pa_t params = { call->at.raw + sizeof(message->hdr) };
	uint32_t n;

	if (call->room < sizeof(message->hdr) ||
	    guest->ops->read(guest->ctx, call->at, &message->hdr, sizeof(message->hdr)))
		return OM_REFUSED_ADDRESS;
	/* From here on the message is readable, and can carry the answer. */
	call->fetched = true;
	n = message->hdr.num_params;
	if (n == 0 || n > om_message_max_params(message->hdr.cmd))
		return OM_ACCEPTED;	/* too many are for the check to refuse */
	if (OPTEE_MSG_ARG_SIZE(n) > call->room)
		return OM_REFUSED_PARAMS;
	if (guest->ops->read(guest->ctx, params, message->param, n * sizeof(message->param[0])))
		return OM_REFUSED_ADDRESS;
	call->params = n;
	return OM_ACCEPTED;
}

/* CALL_WITH_RPC_ARG and _REGD_ARG: room for RPCs follows the message. */
static bool has_inline_rpc(const struct om_call *call)
{
	return call->fid != OPTEE_SMC_CALL_WITH_ARG;
}

static enum om_refusal check(struct om_call *call)
{
	enum om_refusal why = om_message_check(&call->message, om_async_offered(call->guest),
					       &call->shape);

	if (why == OM_ACCEPTED && has_inline_rpc(call) &&
	    OPTEE_MSG_ARG_SIZE(call->params) + OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS) > call->room)
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

/* A buffer of a parameter's, held for the length of the call. */
static enum om_refusal hold(struct om_call *call, uint32_t index)
{
	uint32_t pages = call->guest->shm.buffers[index].pages;

	call->held[call->held_count++] = index;
	if (pages > call->guest->limits.call_pages - call->held_pages)
		return OM_REFUSED_QUOTA;
	call->held_pages += pages;
	return OM_ACCEPTED;
}

/* A registered buffer that a parameter names. */
static enum om_refusal get_buffer(struct om_call *call, const struct optee_msg_param_rmem *rmem)
{
	om_cookie_t cookie = { rmem->shm_ref };
	uint32_t i = om_shm_get_entering(call->guest, cookie, &call->release);
	enum om_refusal why;
	uint64_t size;

	if (i == OM_NONE)
		return OM_REFUSED_COOKIE;
	why = hold(call, i);
	if (why != OM_ACCEPTED)
		return why;
	size = call->guest->shm.buffers[i].size;
	if (rmem->offs > size || rmem->size > size - rmem->offs)
		return OM_REFUSED_RANGE;
	return OM_ACCEPTED;
}

static enum om_refusal get_buffers(struct om_call *call)
{
	uint32_t params = om_shape_params(call->shape, OM_SHAPE_RMEM);
	enum om_refusal why = OM_ACCEPTED;

	while (params && why == OM_ACCEPTED)
		why = get_buffer(call, &call->message.param[om_next_param(&params)].u.rmem);
	return why;
}

enum om_refusal om_message_fetch(struct om_call *call, const struct om_regs *regs)
{
	enum om_refusal why = locate(call, regs);

	if (why == OM_ACCEPTED)
		why = fetch(call);
	if (om_traced(call->guest) && call->fetched)
		trace_message(call);
	if (why == OM_ACCEPTED)
		why = check(call);
	if (why != OM_ACCEPTED)
		return why;
	call->loading = om_shape_params(call->shape, OM_SHAPE_LIST);
	if (call->guest->ops->authorize) {
		call->policy = ask_policy(call, OM_REQUEST_ASKED);
		if (call->policy != TEEC_SUCCESS)
			return OM_REFUSED_POLICY;
	}
	return get_buffers(call);
}

static enum om_refusal begin_translation(struct om_call *call, struct optee_msg_param_tmem *tmem)
{
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
	else if (call->translation.buffer != OM_NONE && hold(call, call->translation.buffer))
		why = OM_REFUSED_QUOTA;
	/* In the private copy: from there it will be shown to OP-TEE. */
	tmem->buf_ptr = call->translation.list_start;
	tmem->shm_ref = region.cookie.raw;
	return why;
}

static enum om_refusal translate(struct om_call *call)
{
	uint32_t i = (uint32_t)__builtin_ctz(call->loading);
	enum om_refusal why = OM_ACCEPTED;

	if (!call->translating)
		why = begin_translation(call, &call->message.param[i].u.tmem);
	if (why == OM_ACCEPTED)
		why = om_translation_step(call->guest, &call->lists, &call->translation);
	if (why == OM_ACCEPTED && call->translation.remaining == 0) {
		call->translating = false;
		call->loading &= call->loading - 1;
	}
	return why;
}

/*
 * Takes the buffer that is to be unregistered. Calls that use it in OP-TEE are
 * OP-TEE's to wait for. Those that are still on their way there are waited for
 * here: else they would reach it with a cookie that names nothing any more, or
 * already something else (invariant I7).
 */
static enum om_refusal claim(struct om_call *call)
{
	om_cookie_t cookie = { call->message.param[0].u.rmem.shm_ref };
	uint32_t i = om_shm_claim_settled(call->guest, cookie);

	call->waiting = i == OM_BUSY;
	if (i == OM_NONE)
		return OM_REFUSED_COOKIE;
	if (i != OM_BUSY)
		call->subject = i;
	return OM_ACCEPTED;
}

enum om_refusal om_message_load(struct om_call *call)
{
	if (call->loading)
		return translate(call);
	if (call->message.hdr.cmd == OPTEE_MSG_CMD_UNREGISTER_SHM && call->subject == OM_NONE)
		return claim(call);
	return OM_ACCEPTED;
}

/* OP-TEE is given a copy of the copy, without what it has no use for. */
static void emit_params(const struct om_call *call, struct optee_msg_param *shadow)
{
	const struct optee_msg_param *param = call->message.param;
	uint32_t empty = om_shape_params(call->shape, OM_SHAPE_EMPTY);
	uint32_t i;

	for (i = 0; i < call->params; i++) {
		shadow[i].attr = om_attr(&param[i]);
		shadow[i].u = param[i].u;
	}
	while (empty) {
		i = om_next_param(&empty);
		om_zero(&shadow[i].u, sizeof(shadow[i].u));
	}
}

void om_message_emit(struct om_call *call)
{
	const struct optee_msg_hdr *hdr = &call->message.hdr;
	struct om_message *shadow = call->shadow->page.va;
	uint64_t pa = call->shadow->page.pa.raw;

	/* Results are zeroed: some commands leave them as they are. */
	shadow->hdr = (struct optee_msg_hdr){
		.cmd = hdr->cmd, .func = hdr->func, .session = hdr->session,
		.cancel_id = hdr->cancel_id, .num_params = hdr->num_params,
	};
	emit_params(call, shadow->param);
	if (hdr->cmd == OPTEE_MSG_CMD_UNREGISTER_SHM)
		shadow->param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;

	/* OP-TEE never needs to know that the guest's message was in a buffer. */
	call->to_secure = (struct om_regs){ .a = {
		has_inline_rpc(call) ? OPTEE_SMC_CALL_WITH_RPC_ARG : OPTEE_SMC_CALL_WITH_ARG,
		om_high(pa), om_low(pa), 0, 0, 0, 0, call->guest->id } };
}

/* Where the guest looks for an output of its i-th parameter. */
static om_pa_t guest_output(const struct om_call *call, uint32_t i, size_t offset)
{
	return (om_pa_t){ call->at.raw + OPTEE_MSG_ARG_SIZE(i) +
			  offsetof(struct optee_msg_param, u) + offset };
}

static const struct optee_msg_param *shadow_param(const struct om_call *call, uint32_t i)
{
	return &((const struct om_message *)call->shadow->page.va)->param[i];
}

static void trace_output(const struct om_call *call, uint32_t i, uint64_t a, uint64_t b)
{
	om_trace(call->guest, call, OM_TRACE_RESULT_PARAM, (const uint64_t[]){
		 i, call->message.param[i].attr & OPTEE_MSG_ATTR_TYPE_MASK, a, b }, 4);
}

/* Outputs go straight from the shadow to the guest, each word loaded once. */
static int write_value(struct om_call *call, uint32_t i)
{
	const struct optee_msg_param_value *value = &shadow_param(call, i)->u.value;
	const uint64_t out[2] = { om_read_once64(&value->a), om_read_once64(&value->b) };

	if (om_traced(call->guest))
		trace_output(call, i, out[0], out[1]);
	return call->guest->ops->write(call->guest->ctx, guest_output(call, i, 0),
				       out, sizeof(out));
}

static int write_size(struct om_call *call, uint32_t i)
{
	const uint64_t out = om_read_once64(&shadow_param(call, i)->u.rmem.size);

	if (om_traced(call->guest))
		trace_output(call, i, 0, out);
	return call->guest->ops->write(call->guest->ctx, guest_output(call, i,
				       offsetof(struct optee_msg_param_rmem, size)),
				       &out, sizeof(out));
}

static int write_outputs(struct om_call *call)
{
	uint32_t values = om_shape_params(call->shape, OM_SHAPE_VALUE);
	uint32_t sizes = om_shape_params(call->shape, OM_SHAPE_SIZE);
	int failed = 0;

	while (values)
		failed |= write_value(call, om_next_param(&values));
	while (sizes)
		failed |= write_size(call, om_next_param(&sizes));
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

/* The session that was opened, 0 when none was. */
static int write_session(struct om_call *call)
{
	const struct optee_msg_hdr *shadow = call->shadow->page.va;
	om_pa_t at = { call->at.raw + offsetof(struct optee_msg_hdr, session) };

	call->message.hdr.session = om_read_once32(&shadow->session);
	return call->guest->ops->write(call->guest->ctx, at, &call->message.hdr.session,
				       sizeof(call->message.hdr.session));
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

/* What commands other than INVOKE mean beyond their outputs. */
static int finish_command(struct om_call *call, bool success)
{
	uint32_t cmd = call->message.hdr.cmd;
	int failed = 0;

	settle(call, success);
	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		failed = write_session(call);
	if (!success)
		return failed;
	if (cmd == OPTEE_MSG_CMD_STOP_ASYNC_NOTIF)
		om_store_relaxed(&call->guest->notify_enabled, 0);
	if (call->guest->ops->authorize &&
	    (cmd == OPTEE_MSG_CMD_OPEN_SESSION || cmd == OPTEE_MSG_CMD_CLOSE_SESSION))
		(void)ask_policy(call, OM_REQUEST_DONE);
	return failed;
}

void om_message_finish(struct om_call *call)
{
	const struct optee_msg_hdr *shadow = call->shadow->page.va;
	uint32_t ret = om_read_once32(&shadow->ret);
	uint32_t origin = om_read_once32(&shadow->ret_origin);
	int failed = 0;

	if (call->message.hdr.cmd != OPTEE_MSG_CMD_INVOKE_COMMAND)
		failed = finish_command(call, ret == TEEC_SUCCESS);
	/* REGISTER_SHM has none: its shape says so. */
	failed |= write_outputs(call);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPCs. See rpc.h. This module knows requests and replies; of the call's message it knows only
 * where an RPC argument lies behind it.
 */
#include "rpc.h"

#include <optee_mediator/abi_smc.h>

#include "mapping.h"
#include "message_copy.h"
#include "sessions.h"

/* The offset of the RPC argument that follows the message. */
static size_t arg_offset(const struct om_call *call)
{
	return OPTEE_MSG_ARG_SIZE(call->message.hdr.num_params);
}

/* Reads the RPC argument of the guest: in a page that it allocated, or behind the message. */
static int read_arg(const struct om_call *call, void *dst, size_t len)
{
	const struct om_guest *guest = call->guest;

	if (call->rpc_arg == OM_NONE)
		return om_message_read(call, arg_offset(call), dst, len);
	return guest->vm.ops->read(guest->vm.ctx, om_shm_first_page(&guest->shm, call->rpc_arg),
				   dst, len);
}

static int write_arg(const struct om_call *call, const void *src, size_t len)
{
	const struct om_guest *guest = call->guest;

	if (call->rpc_arg == OM_NONE)
		return om_message_write(call, arg_offset(call), src, len);
	return guest->vm.ops->write(guest->vm.ctx, om_shm_first_page(&guest->shm, call->rpc_arg),
				    src, len);
}

/* Writes the answer to the shadow, and puts the RPC argument back until the next request. */
static void answer(struct om_call *call, uint32_t ret, uint32_t origin)
{
	struct om_request_copy *shadow = call->shadow_arg;

	shadow->hdr.ret = ret;
	shadow->hdr.ret_origin = origin;
	if (call->rpc_arg != OM_NONE)
		om_shm_put(&call->guest->shm, call->rpc_arg, &call->release);
	call->rpc_arg = OM_NONE;
	om_set_resume(call, 0, 0);
}

/* FREE: removes an RPC argument, so that its cookie is free before the guest sees it (I7). */
static enum om_refusal accept_free(struct om_call *call)
{
	om_cookie_t cookie = { om_pair(call->secure.a[1], call->secure.a[2]) };

	if (cookie.raw != 0 && cookie.raw == call->refused_cookie) {
		/* It was refused here, but the guest has allocated it. */
		call->refused_cookie = 0;
	} else if (!om_shm_free_arg(&call->guest->shm, cookie, call->arg_entry, &call->release)) {
		return OM_REFUSED_REQUEST;
	}
	om_count(call, OM_COUNT_RPC_FREE);
	call->pending = OM_PENDING_FREE;
	return OM_ACCEPTED;
}

/* False for a parameter without input: its words are those of an earlier request (I3). */
static bool says_something(uint64_t attr)
{
	return attr != OPTEE_MSG_ATTR_TYPE_NONE && attr != OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT;
}

/* Fetches a request: loads each word of the shadow once. */
static void fetch_request(struct om_call *call)
{
	const struct om_request_copy *shadow = call->shadow_arg;
	struct om_request_copy *request = &call->request;
	uint32_t i;

	om_zero(&request->hdr, sizeof(request->hdr));
	request->hdr.cmd = om_read_once32(&shadow->hdr.cmd);
	request->hdr.ret = om_read_once32(&shadow->hdr.ret);
	request->hdr.num_params = om_read_once32(&shadow->hdr.num_params);
	for (i = 0; i < request->hdr.num_params && i < OPTEE_MSG_RPC_PARAMS; i++) {
		struct optee_msg_param *param = &request->param[i];

		param->attr = om_read_once64(&shadow->param[i].attr);
		if (!says_something(param->attr)) {
			om_zero(&param->u, sizeof(param->u));
			continue;
		}
		param->u.value.a = om_read_once64(&shadow->param[i].u.value.a);
		param->u.value.b = om_read_once64(&shadow->param[i].u.value.b);
		param->u.value.c = om_read_once64(&shadow->param[i].u.value.c);
	}
}

/*
 * Asks the guest for the TA of its OPEN_SESSION under the guest's UUID, not under the alias. A
 * TA that another TA opens is asked for under OP-TEE's UUID.
 */
static OM_COLD void rename_ta(struct om_call *call)
{
	const uint8_t *ta = call->message.param[0].u.octets;
	struct optee_msg_param *asked = &call->request.param[0];
	uint8_t alias[OM_TA_UUID_SIZE];

	om_ta_alias(&call->guest->vm, ta, alias);
	if (asked->attr == OPTEE_MSG_ATTR_TYPE_VALUE_INPUT &&
	    om_is_equal(asked->u.octets, alias, sizeof(alias)))
		om_copy(asked->u.octets, ta, sizeof(alias));
}

static inline void name_ta(struct om_call *call)
{
	if (call->opens != OM_NONE && call->request.hdr.cmd == OPTEE_RPC_CMD_LOAD_TA)
		rename_ta(call);
}

static bool is_rmem(uint64_t attr)
{
	return attr >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && attr <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

/*
 * Memory that a request names must be a buffer of the guest and lie inside its pages. OP-TEE
 * counts whole pages, so it may use the rest of the last one.
 */
static enum om_refusal check_memory(struct om_call *call, const struct optee_msg_param_rmem *rmem)
{
	struct om_guest *guest = call->guest;
	om_cookie_t cookie = { rmem->shm_ref };
	const struct om_buffer *buffer;
	uint64_t size;
	uint32_t i = om_shm_get(&guest->shm, cookie, OM_SHARE_PAYLOAD);

	if (i == OM_NONE)
		i = om_shm_get(&guest->shm, cookie, OM_SHARE_REGISTERED);
	if (i == OM_NONE)
		return OM_REFUSED_REQUEST;
	buffer = &guest->shm.buffers[i];
	size = ((uint64_t)buffer->pages << OPTEE_MSG_PAGE_SHIFT) - buffer->offset;
	om_shm_put(&guest->shm, i, &call->release);
	if (rmem->offs > size || rmem->size > size - rmem->offs)
		return OM_REFUSED_REQUEST;
	return OM_ACCEPTED;
}

static enum om_refusal check_request(struct om_call *call)
{
	const struct om_request_copy *request = &call->request;
	enum om_refusal why = om_request_check(request);
	uint32_t i;

	for (i = 0; why == OM_ACCEPTED && i < request->hdr.num_params; i++)
		if (is_rmem(request->param[i].attr))
			why = check_memory(call, &request->param[i].u.rmem);
	return why;
}

/* SHM_FREE: the cookie is free before the guest sees the request (I7). */
static enum om_refusal free_payload(struct om_call *call)
{
	struct om_guest *guest = call->guest;
	om_cookie_t cookie = { call->request.param[0].u.value.b };
	uint32_t i = om_shm_remove(&guest->shm, cookie, OM_SHARE_PAYLOAD);

	if (i == OM_NONE)
		return OM_REFUSED_REQUEST;
	om_unmap_payload(&guest->mapping,
			 guest->shm.buffers[i].owner == om_call_id(call) ? &call->mapped : NULL,
			 guest->shm.buffers[i].pages);
	om_shm_put(&guest->shm, i, &call->release);
	return OM_ACCEPTED;
}

static OM_COLD void trace_request_header(const struct om_call *call, bool own)
{
	const struct optee_msg_hdr *hdr = &call->request.hdr;

	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_REQUEST, .arg = { hdr->cmd, hdr->num_params, own } });
}

static OM_COLD void trace_request(const struct om_call *call, bool own)
{
	const struct om_request_copy *request = &call->request;
	uint32_t i;

	trace_request_header(call, own);
	for (i = 0; i < request->hdr.num_params && i < OPTEE_MSG_RPC_PARAMS; i++)
		om_trace_param(call, OM_TRACE_REQUEST_PARAM, i, &request->param[i],
			       request->hdr.cmd);
}

/*
 * Gets the RPC argument of a command: behind the message, or in a page of its own. False when
 * OP-TEE names an unknown one.
 */
static bool find_arg(struct om_call *call)
{
	struct om_shm *shm = &call->guest->shm;
	om_cookie_t cookie = { om_pair(call->secure.a[1], call->secure.a[2]) };

	if (cookie.raw == 0) {
		call->shadow_arg = (void *)((uint8_t *)call->shadow->page.va + arg_offset(call));
		return call->fid != OPTEE_SMC_CALL_WITH_ARG;
	}
	call->rpc_arg = om_shm_get_arg(shm, cookie, call->arg_entry);
	if (call->rpc_arg == OM_NONE)
		return false;
	call->arg_entry = call->rpc_arg;
	call->shadow_arg = shm->shadows[shm->buffers[call->rpc_arg].shadow].page.va;
	return true;
}

/* CMD: fetches and checks the request, and removes what it releases. */
static OM_NOINLINE enum om_refusal accept_cmd(struct om_call *call)
{
	enum om_refusal why;

	if (!find_arg(call))
		return OM_REFUSED_REQUEST;
	om_count(call, OM_COUNT_RPC_CMD);
	call->pending = OM_PENDING_CMD;
	fetch_request(call);
	name_ta(call);
	if (om_traced(&call->guest->vm))
		trace_request(call, false);
	why = check_request(call);
	if (why == OM_ACCEPTED && call->request.hdr.cmd == OPTEE_RPC_CMD_SHM_FREE) {
		om_count(call, OM_COUNT_RPC_SHM_FREE);
		why = free_payload(call);
	} else if (why == OM_ACCEPTED && call->request.hdr.cmd == OPTEE_RPC_CMD_SHM_ALLOC) {
		om_count(call, OM_COUNT_RPC_SHM_ALLOC);
		call->pending = OM_PENDING_SHM_ALLOC;
	} else if (why == OM_ACCEPTED && call->request.hdr.cmd == OPTEE_RPC_CMD_LOAD_TA) {
		call->loads_ta = true;
	}
	return why;
}

static enum om_refusal accept_request(struct om_call *call)
{
	call->pending = OM_PENDING_NONE;
	switch ((uint32_t)call->secure.a[0]) {
	case OPTEE_SMC_RETURN_RPC_ALLOC:
		/* OP-TEE will be given one shadow page, so it must not ask for more. */
		if (call->secure.a[1] > OPTEE_MSG_PAGE_SIZE)
			return OM_REFUSED_REQUEST;
		om_count(call, OM_COUNT_RPC_ALLOC);
		call->pending = OM_PENDING_ALLOC;
		call->secure.a[2] = 0;	/* without meaning, so the guest need not see it */
		return OM_ACCEPTED;
	case OPTEE_SMC_RETURN_RPC_FREE:
		return accept_free(call);
	case OPTEE_SMC_RETURN_RPC_CMD:
		return accept_cmd(call);
	default:
		return OM_REFUSED_REQUEST;
	}
}

void om_rpc_accept(struct om_call *call)
{
	call->refusal = accept_request(call);
}

/* Writes the request to the guest's RPC argument. */
static enum om_refusal show_cmd(struct om_call *call)
{
	uint32_t n = om_index(call->request.hdr.num_params, OPTEE_MSG_RPC_PARAMS + 1);

	if (write_arg(call, &call->request, OPTEE_MSG_ARG_SIZE(n)))
		return OM_REFUSED_REQUEST;
	return OM_ACCEPTED;
}

/* Shows the request. ALLOC and FREE are about the RPC argument itself: registers are enough. */
static enum om_refusal show_request(struct om_call *call)
{
	if (call->pending == OM_PENDING_ALLOC || call->pending == OM_PENDING_FREE)
		return OM_ACCEPTED;
	return show_cmd(call);
}

enum om_call_event om_rpc_ask(struct om_call *call)
{
	/* Releases before the guest sees the request; unpinning a large payload may pause. */
	if (!om_release(call))
		return OM_EVENT_PAUSE;
	if (call->refusal == OM_ACCEPTED)
		call->refusal = show_request(call);
	if (call->refusal == OM_ACCEPTED)
		return OM_EVENT_ASK;

	/* The guest is not shown the request: it resumes, and OP-TEE is told that it failed. */
	om_refused(call, call->refusal, om_refusal_teec(call->refusal));
	om_set_resume(call, OM_NO_PAGE, 0);
	if (call->pending == OM_PENDING_CMD || call->pending == OM_PENDING_SHM_ALLOC)
		answer(call, om_refusal_teec(call->refusal), TEEC_ORIGIN_COMMS);
	return OM_EVENT_INTERRUPT;
}

/* The refused cookie now names a buffer, so a FREE of it is that of the buffer. */
static void forget_refused(struct om_call *call, om_cookie_t cookie)
{
	if (call->refused_cookie == cookie.raw)
		call->refused_cookie = 0;
}

/* Reply to ALLOC: pins the guest's page, and gives OP-TEE a shadow page instead. */
static OM_NOINLINE void reply_alloc(struct om_call *call, const struct om_regs *regs)
{
	uint64_t ipa = om_pair(regs->a[1], regs->a[2]);
	const struct om_share share = {
		.kind = OM_SHARE_RPC_ARG, .size = OPTEE_MSG_PAGE_SIZE, .pages = 1,
		.cookie = { om_pair(regs->a[4], regs->a[5]) }, .entry = call->arg_entry,
	};
	const struct om_shm *shm = &call->guest->shm;
	uint32_t i;
	enum om_refusal why = om_share_page(&call->guest->shm, &share, ipa, &i);

	if (why == OM_ACCEPTED) {
		call->arg_entry = i;
		om_set_resume(call, shm->shadows[shm->buffers[i].shadow].page.pa.raw,
			      share.cookie.raw);
		om_shm_publish_put(&call->guest->shm, i);
		forget_refused(call, share.cookie);
		return;
	}
	om_refused(call, why == OM_REFUSED_QUOTA ? why : OM_REFUSED_REPLY, om_refusal_teec(why));
	/*
	 * Given a cookie, OP-TEE makes the guest free the page. It is not given the cookie of a
	 * buffer in use, which has to stay.
	 */
	call->refused_cookie =
		om_shm_is_known(&call->guest->shm, share.cookie) ? 0 : share.cookie.raw;
	om_set_resume(call, OM_NO_PAGE, call->refused_cookie);
}

static OM_COLD void trace_reply_header(const struct om_call *call)
{
	const struct optee_msg_hdr *reply = &call->reply.hdr;

	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_REPLY,
		 .arg = { call->request.hdr.cmd, reply->ret, reply->num_params } });
}

static OM_COLD void trace_reply(const struct om_call *call)
{
	const struct optee_msg_hdr *asked = &call->request.hdr;
	uint32_t i;

	trace_reply_header(call);
	for (i = 0; i < asked->num_params; i++)
		om_trace_param(call, OM_TRACE_REPLY_PARAM, i, &call->reply.param[i], asked->cmd);
}

/* Fetches a reply, with as many parameters as the request has. */
static bool fetch_reply(struct om_call *call)
{
	if (read_arg(call, &call->reply, OPTEE_MSG_ARG_SIZE(call->request.hdr.num_params)))
		return false;
	if (om_traced(&call->guest->vm))
		trace_reply(call);
	return true;
}

/* Copies an output of the reply to the shadow, by the attribute of the request. */
static void take_output(struct optee_msg_param *shadow, const struct optee_msg_param *asked,
			const struct optee_msg_param *reply)
{
	switch (asked->attr) {
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
		shadow->u.value = reply->u.value;
		break;
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
		shadow->u.rmem.size = reply->u.rmem.size;
		break;
	default:
		break;
	}
}

static OM_NOINLINE void reply_cmd(struct om_call *call)
{
	struct om_request_copy *shadow = call->shadow_arg;
	const struct om_request_copy *reply = &call->reply;
	uint32_t i;

	if (!fetch_reply(call) ||
	    reply->hdr.num_params != call->request.hdr.num_params) {
		om_refused(call, OM_REFUSED_REPLY, om_refusal_teec(OM_REFUSED_REPLY));
		answer(call, om_refusal_teec(OM_REFUSED_REPLY), TEEC_ORIGIN_COMMS);
		return;
	}
	for (i = 0; i < call->request.hdr.num_params; i++)
		take_output(&shadow->param[i], &call->request.param[i], &reply->param[i]);
	answer(call, reply->hdr.ret, reply->hdr.ret_origin);
}

static enum om_refusal charge_payload(struct om_call *call, uint64_t pages)
{
	enum om_refusal why = om_map_payload(&call->guest->mapping, &call->mapped, pages);

	if (why == OM_ACCEPTED)
		call->payload_charge = (uint32_t)pages;
	return why;
}

/* Begins to share the payload that the guest allocated; the buffer is call->payload. */
static OM_NOINLINE enum om_refusal begin_list(struct om_call *call)
{
	const struct optee_msg_param_tmem *tmem = &call->reply.param[0].u.tmem;
	const struct om_region region = {
		.kind = OM_SHARE_PAYLOAD, .buf_ptr = tmem->buf_ptr, .size = tmem->size,
		.cookie = { tmem->shm_ref },
	};
	struct om_translation *t = &call->translation;
	enum om_refusal why = charge_payload(call, om_region_pages(&region));

	if (why != OM_ACCEPTED)
		return why;
	why = om_translation_begin(&call->guest->shm, &region, &call->payload_lists, t);
	call->payload = t->buffer;
	return why;
}

/* The same for a payload of one page, which needs no list. */
static OM_NOINLINE enum om_refusal begin_page(struct om_call *call)
{
	const struct optee_msg_param_tmem *tmem = &call->reply.param[0].u.tmem;
	const struct om_share page = {
		.kind = OM_SHARE_PAYLOAD, .cookie = { tmem->shm_ref },
		.size = tmem->size, .pages = 1,
	};
	enum om_refusal why = charge_payload(call, 1);

	if (why != OM_ACCEPTED)
		return why;
	call->translation.source.raw = 0;
	call->translation.remaining = 0;
	why = om_share_page(&call->guest->shm, &page, tmem->buf_ptr, &call->payload);
	if (why == OM_ACCEPTED)
		call->translation.list_start =
			om_shm_first_page(&call->guest->shm, call->payload).raw;
	return why;
}

/* Fetches and checks the reply to SHM_ALLOC, and begins to share the payload. */
static enum om_refusal accept_payload(struct om_call *call)
{
	const struct om_request_copy *reply = &call->reply;
	enum om_reply_verdict verdict;
	om_cookie_t cookie;

	call->payload = OM_NONE;
	call->payload_charge = 0;
	call->undo_cookie = 0;
	if (!fetch_reply(call))
		return OM_REFUSED_REPLY;
	verdict = om_reply_check(&reply->hdr, &reply->param[0], call->request.param[0].u.value.b);
	call->request.hdr.ret = reply->hdr.ret;
	call->request.hdr.ret_origin = reply->hdr.ret_origin;
	if (verdict == OM_REPLY_FAILED)
		return OM_ACCEPTED;
	if (verdict == OM_REPLY_MALFORMED)
		return OM_REFUSED_REPLY;
	/* From here on the guest has to free the payload if it is refused. */
	cookie.raw = reply->param[0].u.tmem.shm_ref;
	if (om_shm_is_known(&call->guest->shm, cookie))
		return OM_REFUSED_COOKIE;
	call->undo_cookie = cookie.raw;
	if (verdict == OM_REPLY_UNUSABLE)
		return OM_REFUSED_REPLY;
	/* What OP-TEE will read, except the address. */
	call->request.param[0].attr = reply->param[0].attr;
	call->request.param[0].u.tmem = reply->param[0].u.tmem;
	return verdict == OM_REPLY_LIST ? begin_list(call) : begin_page(call);
}

/* Gives OP-TEE the payload, or the guest's own error. */
static void give_payload(struct om_call *call)
{
	struct om_request_copy *shadow = call->shadow_arg;

	if (call->payload != OM_NONE) {
		shadow->hdr.num_params = 1;
		shadow->param[0].attr = call->request.param[0].attr;
		shadow->param[0].u.tmem = call->request.param[0].u.tmem;
		shadow->param[0].u.tmem.buf_ptr = call->translation.list_start;
		call->guest->shm.buffers[call->payload].owner = om_call_id(call);
		om_shm_publish_put(&call->guest->shm, call->payload);
		forget_refused(call, (om_cookie_t){ call->undo_cookie });
	}
	call->payload = OM_NONE;
	answer(call, call->request.hdr.ret, call->request.hdr.ret_origin);
}

static void drop_payload(struct om_call *call)
{
	om_translation_end(&call->guest->shm, &call->translation);
	om_lists_release(&call->guest->shm, &call->payload_lists);
	om_unmap_payload(&call->guest->mapping, &call->mapped, call->payload_charge);
	call->payload_charge = 0;
	if (call->payload != OM_NONE) {
		om_shm_forget(&call->guest->shm, call->payload);
		om_shm_put(&call->guest->shm, call->payload, &call->release);
	}
	call->payload = OM_NONE;
}

/*
 * OP-TEE does not free what it was not given, so the mediator asks the guest to free it, with a
 * SHM_FREE in the same RPC argument. If that cannot be written, the guest keeps its memory, and
 * OP-TEE gets its error nevertheless.
 */
static bool ask_undo(struct om_call *call)
{
	struct om_request_copy *request = &call->request;

	if (call->undo_cookie == 0)
		return false;
	om_zero(request, sizeof(*request));
	request->hdr.cmd = OPTEE_RPC_CMD_SHM_FREE;
	request->hdr.num_params = 1;
	request->param[0].attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	request->param[0].u.value.a = call->undo_type;
	request->param[0].u.value.b = call->undo_cookie;
	if (show_cmd(call) != OM_ACCEPTED)
		return false;
	if (om_traced(&call->guest->vm))
		trace_request(call, true);
	om_count(call, OM_COUNT_RPC_UNDO);
	call->pending = OM_PENDING_UNDO;
	return true;
}

/* Translates in bounded pieces; false when the call has to pause. */
static bool translate_payload(struct om_call *call)
{
	struct om_translation *t = &call->translation;

	while (call->refusal == OM_ACCEPTED && call->payload != OM_NONE && t->remaining) {
		call->refusal = om_translation_step(&call->guest->shm, &call->payload_lists, t);
		if (om_should_yield(&call->guest->vm) && call->refusal == OM_ACCEPTED &&
		    t->remaining)
			return false;
	}
	return true;
}

enum om_call_event om_rpc_share(struct om_call *call)
{
	if (!translate_payload(call))
		return OM_EVENT_PAUSE;
	if (call->refusal == OM_ACCEPTED) {
		give_payload(call);
		return OM_EVENT_ENTER;
	}
	drop_payload(call);
	if (!om_release(call))
		return OM_EVENT_PAUSE;
	om_refused(call, call->refusal, om_refusal_teec(call->refusal));
	if (ask_undo(call))
		return OM_EVENT_ASK;
	answer(call, om_refusal_teec(call->refusal), TEEC_ORIGIN_COMMS);
	return OM_EVENT_ENTER;
}

bool om_rpc_reply(struct om_call *call, const struct om_regs *regs)
{
	switch (call->pending) {
	case OM_PENDING_ALLOC:
		reply_alloc(call, regs);
		return false;
	case OM_PENDING_FREE:
		om_set_resume(call, 0, 0);
		return false;
	case OM_PENDING_SHM_ALLOC:
		call->undo_type = call->request.param[0].u.value.a;
		call->refusal = accept_payload(call);
		return true;
	case OM_PENDING_UNDO:
		answer(call, om_refusal_teec(call->refusal), TEEC_ORIGIN_COMMS);
		return false;
	default:
		reply_cmd(call);
		return false;
	}
}

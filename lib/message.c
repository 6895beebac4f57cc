/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of a call. See message.h. This module knows commands and what their parameters
 * name, but not RPCs, states, or how the SMC is made.
 */
#include "message.h"

#include <optee_mediator/abi_smc.h>

#include "mapping.h"
#include "message_copy.h"
#include "sessions.h"

/* Pins the message's page of CALL_WITH_ARG and CALL_WITH_RPC_ARG. */
static enum om_refusal locate_page(struct om_call *call, const struct om_regs *regs)
{
	uint64_t ipa = om_pair(regs->a[1], regs->a[2]);

	if (om_pin_one(&call->guest->vm, ipa, &call->page) != OM_ACCEPTED)
		return OM_REFUSED_ADDRESS;
	call->at = call->page;
	call->room = OPTEE_MSG_PAGE_SIZE;
	return OM_ACCEPTED;
}

/* The most bytes of a message with an RPC argument behind it. */
#define MESSAGE_SPACE	(OPTEE_MSG_ARG_SIZE(OM_MESSAGE_PARAMS) + \
			 OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS))

/*
 * Finds the message in its buffer. The buffer's pages need not follow each other in the host, so
 * a message that crosses the end of a page needs both. `at` is set to the message's start only
 * if it lies in one page: then there is nothing to mispredict.
 */
static OM_NOINLINE void place(struct om_call *call, const struct om_buffer *buffer,
			      uint64_t position)
{
	uint32_t page = (uint32_t)(position >> OPTEE_MSG_PAGE_SHIFT);
	uint32_t in = (uint32_t)position % OPTEE_MSG_PAGE_SIZE;
	uint64_t left = buffer->offset + buffer->size - position;
	uint32_t room = OPTEE_MSG_PAGE_SIZE - in;

	call->at = om_shm_page(&call->guest->shm, buffer, page);
	if (room < MESSAGE_SPACE && room < left) {
		call->next = om_shm_page(&call->guest->shm, buffer, page + 1);
		call->split = in;
		room = MESSAGE_SPACE;
	} else {
		/* fetch() refuses a header that does not fit. */
		call->at.raw += om_index(in, OPTEE_MSG_PAGE_SIZE -
					 sizeof(struct optee_msg_hdr) + 1);
	}
	if (room > left)
		room = (uint32_t)left;
	call->room = room;
}

/*
 * The message of CALL_WITH_REGD_ARG may lie anywhere in a registered buffer, also across the end
 * of 4 KiB when the guest's pages are larger. OP-TEE maps the whole buffer in its window of 32
 * MiB (OP-TEE OS, core_mmu.c, SHM_VASPACE_SIZE) and finds no message beyond that.
 */
#define REGD_ARG_PAGES 8192u

static OM_NOINLINE enum om_refusal locate_registered(struct om_call *call,
						      const struct om_regs *regs)
{
	struct om_guest *guest = call->guest;
	om_cookie_t cookie = { om_pair(regs->a[1], regs->a[2]) };
	uint32_t offset = (uint32_t)regs->a[3];
	const struct om_buffer *buffer;
	uint64_t position;

	call->message_buffer = om_shm_get(&guest->shm, cookie, OM_SHARE_REGISTERED);
	if (call->message_buffer == OM_NONE)
		return OM_REFUSED_ADDRESS;
	buffer = &guest->shm.buffers[call->message_buffer];
	position = (uint64_t)buffer->offset + offset;
	if (offset >= buffer->size || position % sizeof(uint64_t) ||
	    position >= (uint64_t)REGD_ARG_PAGES << OPTEE_MSG_PAGE_SHIFT)
		return OM_REFUSED_ADDRESS;
	place(call, buffer, position);
	return OM_ACCEPTED;
}

static enum om_refusal locate(struct om_call *call, const struct om_regs *regs)
{
	if (call->fid == OPTEE_SMC_CALL_WITH_REGD_ARG)
		return locate_registered(call, regs);
	return locate_page(call, regs);
}

static OM_COLD void trace_header(const struct om_call *call)
{
	const struct optee_msg_hdr *hdr = &call->message.hdr;

	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_MESSAGE,
		 .arg = { hdr->cmd, hdr->func, hdr->session, hdr->cancel_id, hdr->num_params } });
}

static OM_COLD void trace_message(const struct om_call *call)
{
	const struct om_message *message = &call->message;
	uint32_t i;

	trace_header(call);
	for (i = 0; i < call->params; i++)
		om_trace_param(call, OM_TRACE_MESSAGE_PARAM, i, &message->param[i],
			       message->hdr.cmd);
}

/* CALL_WITH_RPC_ARG and _REGD_ARG: an RPC argument follows the message. */
static bool has_inline_rpc(const struct om_call *call)
{
	return call->fid != OPTEE_SMC_CALL_WITH_ARG;
}

/* True when a message with so many parameters fits, with the RPC argument behind it. */
static bool has_room(const struct om_call *call, uint32_t params)
{
	size_t behind = has_inline_rpc(call) ? OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS) : 0;

	return OPTEE_MSG_ARG_SIZE(params) + behind <= call->room;
}

/* What is fetched at once: enough for all commands but an OPEN_SESSION with parameters. */
#define FIRST_PARAMS	OPTEE_MSG_CALL_PARAMS
#define FIRST_FETCH	OPTEE_MSG_ARG_SIZE(FIRST_PARAMS)

/* Fetches the parameters that did not come with the header. */
static OM_NOINLINE enum om_refusal fetch_more(struct om_call *call, uint32_t params)
{
	/* Bounded by the guest's space, where the header takes that of one; then by our own. */
	uint32_t n = om_index(params, call->room / sizeof(call->message.param[0]));

	n = om_index(n - FIRST_PARAMS, OM_MESSAGE_PARAMS - FIRST_PARAMS + 1);
	if (om_message_read(call, FIRST_FETCH, &call->message.param[FIRST_PARAMS],
			    n * sizeof(call->message.param[0])))
		return OM_REFUSED_ADDRESS;
	return OM_ACCEPTED;
}

/* Finds out how many parameters the message has, and sees to it that they are fetched. */
static inline enum om_refusal fetch_params(struct om_call *call)
{
	uint32_t asked = call->message.hdr.num_params;

	if (asked > om_message_max_params(call->message.hdr.cmd))
		return OM_ACCEPTED;	/* the check refuses them */
	/* OP-TEE refuses a message that is cut off: thread_optee_smc.c, get_msg_arg(). */
	if (!has_room(call, asked) ||
	    (asked > FIRST_PARAMS && fetch_more(call, asked) != OM_ACCEPTED))
		return OM_REFUSED_ADDRESS;
	call->params = asked;
	return OM_ACCEPTED;
}

/* Fetches the message, each byte once. What lies behind it, and was fetched too, is not used. */
static inline enum om_refusal fetch(struct om_call *call)
{
	enum om_refusal why;

	if (call->room < sizeof(call->message.hdr) ||
	    om_message_read(call, 0, &call->message, om_least(call->room, FIRST_FETCH)))
		return OM_REFUSED_ADDRESS;
	why = fetch_params(call);
	if (om_traced(&call->guest->vm))
		trace_message(call);
	return why;
}

/*
 * Makes the call a user of the session that it names, which ties it to one TA, or charges the one
 * that it opens. others: set to the number of those that the TA has already.
 */
static inline enum om_refusal get_session(struct om_call *call, uint32_t *others)
{
	switch (call->message.hdr.cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		call->opens = om_session_reserve(&call->guest->sessions,
						 call->message.param[0].u.octets, others);
		return call->opens != OM_NONE ? OM_ACCEPTED : OM_REFUSED_QUOTA;
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
	case OPTEE_MSG_CMD_CLOSE_SESSION:
	case OPTEE_MSG_CMD_CANCEL:
		call->session = om_session_get(&call->guest->sessions, call->message.hdr.session);
		if (call->session == OM_NONE)
			return OM_REFUSED_SESSION;
		call->mapped.uses_window = !call->guest->sessions.table[call->session].loaded;
		return OM_ACCEPTED;
	default:
		return OM_ACCEPTED;
	}
}

static OM_COLD enum om_refusal ask_policy(struct om_call *call, uint32_t others)
{
	const struct om_message *message = &call->message;
	const struct om_guest *guest = call->guest;
	struct om_request request = { .cmd = message->hdr.cmd, .func = message->hdr.func };

	if (call->session != OM_NONE) {
		request.session = message->hdr.session;
		om_copy(request.ta_uuid, guest->sessions.table[call->session].ta,
			sizeof(request.ta_uuid));
	} else if (request.cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		om_copy(request.ta_uuid, message->param[0].u.octets, sizeof(request.ta_uuid));
		om_copy(request.client_uuid, message->param[1].u.octets,
			sizeof(request.client_uuid));
		request.login = (uint32_t)message->param[1].u.value.c;
		request.sessions = others;
	}
	call->policy = guest->vm.ops->authorize(guest->vm.ctx, &request);
	return call->policy == TEEC_SUCCESS ? OM_ACCEPTED : OM_REFUSED_POLICY;
}

/* Gets or charges the session, and asks the policy. */
static inline enum om_refusal admit(struct om_call *call, struct om_guest *guest)
{
	uint32_t others = 0;
	enum om_refusal why = get_session(call, &others);

	/* The policy comes after the charge, so that two OPENs at once are not both the last. */
	if (why == OM_ACCEPTED && guest->vm.ops->authorize)
		why = ask_policy(call, others);
	return why;
}

/* Records a parameter's buffer, which the call uses until it ends. */
static inline enum om_refusal hold(struct om_call *call, uint32_t index)
{
	struct om_guest *guest = call->guest;

	call->held[call->held_count++] = index;
	return om_map_param(&guest->mapping, &call->mapped, guest->shm.buffers[index].pages);
}

/* Gets a registered buffer that a parameter names. */
static inline enum om_refusal get_buffer(struct om_call *call, struct om_guest *guest,
					 const struct optee_msg_param_rmem *rmem)
{
	om_cookie_t cookie = { rmem->shm_ref };
	uint32_t i = om_shm_get_in_transit(&guest->shm, cookie);
	enum om_refusal why;
	uint64_t size;

	if (i == OM_NONE)
		return OM_REFUSED_COOKIE;
	why = hold(call, i);
	if (why != OM_ACCEPTED)
		return why;
	size = guest->shm.buffers[i].size;
	if (rmem->offs > size || rmem->size > size - rmem->offs)
		return OM_REFUSED_RANGE;
	return OM_ACCEPTED;
}

static inline enum om_refusal get_buffers(struct om_call *call, struct om_guest *guest)
{
	uint32_t params = om_params_of(call->kinds, OM_PARAMS_RMEM);
	enum om_refusal why = OM_ACCEPTED;

	while (params && why == OM_ACCEPTED)
		why = get_buffer(call, guest,
				 &call->message.param[om_next_param(&params)].u.rmem);
	return why;
}

enum om_refusal om_message_fetch(struct om_call *call, const struct om_regs *regs)
{
	struct om_guest *guest = call->guest;
	enum om_refusal why = locate(call, regs);

	if (why == OM_ACCEPTED)
		why = fetch(call);
	if (why == OM_ACCEPTED)
		why = om_message_check(&call->message, om_async_offered(&guest->vm), &call->kinds);
	if (why == OM_ACCEPTED)
		why = admit(call, guest);
	return why == OM_ACCEPTED ? get_buffers(call, guest) : why;
}

static OM_NOINLINE enum om_refusal begin_translation(struct om_call *call,
						      struct optee_msg_param_tmem *tmem)
{
	bool registers = call->message.hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM;
	struct om_region region = {
		.kind = registers ? OM_SHARE_REGISTERED : OM_SHARE_TEMPORARY,
		.buf_ptr = tmem->buf_ptr,
		.size = tmem->size,
		/*
		 * OP-TEE is given cookie 0 for temporary memory: no message can name it
		 * (invariant I7).
		 */
		.cookie = { registers ? tmem->shm_ref : 0 },
	};
	enum om_refusal why = om_translation_begin(&call->guest->shm, &region, &call->lists,
						   &call->translation);

	if (registers)
		call->target = call->translation.buffer;
	else if (call->translation.buffer != OM_NONE && hold(call, call->translation.buffer))
		why = OM_REFUSED_QUOTA;
	/* The private copy is what OP-TEE will be shown. */
	tmem->buf_ptr = call->translation.list_start;
	tmem->shm_ref = region.cookie.raw;
	return why;
}

enum om_refusal om_message_load(struct om_call *call)
{
	uint32_t lists = om_params_of(call->kinds, OM_PARAMS_LIST);
	uint32_t i = om_next_param(&lists);
	enum om_refusal why = OM_ACCEPTED;

	if (!call->translation.remaining)
		why = begin_translation(call, &call->message.param[i].u.tmem);
	if (why == OM_ACCEPTED)
		why = om_translation_step(&call->guest->shm, &call->lists, &call->translation);
	if (why == OM_ACCEPTED && call->translation.remaining == 0)
		call->kinds -= OM_PARAMS_LIST << i;
	return why;
}

/*
 * Claims the buffer that UNREGISTER_SHM names. OP-TEE waits for calls that use it there. Calls
 * in transit are waited for here, because they would reach OP-TEE with a cookie that names
 * nothing any more, or another buffer (invariant I7). The wait is bounded, because the guest's
 * scheduler may never run those calls meanwhile; then the buffer stays registered.
 */
static enum om_refusal claim_buffer(struct om_call *call)
{
	om_cookie_t cookie = { call->message.param[0].u.rmem.shm_ref };
	uint32_t i = om_shm_claim_arrived(&call->guest->shm, cookie);

	call->waits = i == OM_BUSY ? call->waits + 1 : 0;
	if (i == OM_NONE || call->waits > OM_WAIT_TRIES)
		return OM_REFUSED_COOKIE;
	if (i == OM_BUSY)
		return OM_ACCEPTED;
	call->target = i;
	/* OP-TEE reads a cookie whatever the guest's attribute, so it is shown that of a cookie. */
	call->message.param[0].attr = OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	return OM_ACCEPTED;
}

/*
 * Claims the session that CLOSE_SESSION names. Calls in transit are waited for, because they
 * would reach OP-TEE when the id may already name a session of another TA. OP-TEE waits for
 * calls that are in the TA.
 */
static enum om_refusal close_session(struct om_call *call)
{
	struct om_sessions *sessions = &call->guest->sessions;

	if (call->closes == OM_NONE) {
		if (!om_session_close(sessions, call->session))
			return OM_REFUSED_SESSION;
		call->closes = call->session;
		call->session = OM_NONE;
	}
	call->waits = om_session_is_unused(sessions, call->closes) ? 0 : call->waits + 1;
	/* Bounded as for a buffer; then the session stays open. */
	return call->waits > OM_WAIT_TRIES ? OM_REFUSED_SESSION : OM_ACCEPTED;
}

enum om_refusal om_message_claim(struct om_call *call)
{
	return call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION ? close_session(call) :
								      claim_buffer(call);
}

/* Shows OP-TEE the TA's alias; the private copy keeps the guest's UUID. */
static OM_COLD void emit_ta(const struct om_call *call, struct optee_msg_param *shadow)
{
	uint8_t alias[OM_TA_UUID_SIZE];

	om_ta_alias(&call->guest->vm, call->message.param[0].u.octets, alias);
	om_copy(shadow->u.octets, alias, sizeof(alias));
}

void om_message_address(struct om_call *call)
{
	uint64_t pa = call->shadow->page.pa.raw;

	/* OP-TEE need not know that the guest's message was in a registered buffer. */
	call->secure = (struct om_regs){ .a = {
		has_inline_rpc(call) ? OPTEE_SMC_CALL_WITH_RPC_ARG : OPTEE_SMC_CALL_WITH_ARG,
		om_high(pa), om_low(pa), 0, 0, 0, 0, call->guest->vm.id } };
}

void om_message_emit(struct om_call *call)
{
	struct om_message *message = &call->message;
	struct om_message *shadow = call->shadow->page.va;

	/* Results are zeroed, because some commands do not write them. */
	message->hdr.pad = 0;
	message->hdr.ret = 0;
	message->hdr.ret_origin = 0;
	om_copy(shadow, message, OPTEE_MSG_ARG_SIZE(call->params));
	if (message->hdr.cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		emit_ta(call, shadow->param);
	om_message_address(call);
}

static OM_COLD void trace_output(const struct om_call *call, size_t i, uint64_t a, uint64_t b)
{
	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_RESULT_PARAM,
		 .arg = { i, call->message.param[i].attr & OPTEE_MSG_ATTR_TYPE_MASK, a, b } });
}

/* Outputs are copied from the shadow to the guest, each word loaded once. */
static inline int write_value(const struct om_call *call, const struct om_message *shadow,
			      size_t i)
{
	const struct optee_msg_param_value *value = &shadow->param[i].u.value;
	const uint64_t out[2] = { om_read_once64(&value->a), om_read_once64(&value->b) };

	if (om_traced(&call->guest->vm))
		trace_output(call, i, out[0], out[1]);
	return om_message_write(call, offsetof(struct om_message, param[0].u.value.a) +
				i * sizeof(shadow->param[0]), out, sizeof(out));
}

static inline int write_size(const struct om_call *call, const struct om_message *shadow,
			     size_t i)
{
	const uint64_t out = om_read_once64(&shadow->param[i].u.rmem.size);

	if (om_traced(&call->guest->vm))
		trace_output(call, i, 0, out);
	return om_message_write(call, offsetof(struct om_message, param[0].u.rmem.size) +
				i * sizeof(shadow->param[0]), &out, sizeof(out));
}

static inline int write_outputs(const struct om_call *call, const struct om_message *shadow,
				int failed)
{
	uint32_t values = om_params_of(call->kinds, OM_PARAMS_VALUE);
	uint32_t sizes = om_params_of(call->kinds, OM_PARAMS_SIZE);

	while (values)
		failed |= write_value(call, shadow, om_next_param(&values));
	while (sizes)
		failed |= write_size(call, shadow, om_next_param(&sizes));
	return failed;
}

static OM_COLD void trace_result(const struct om_call *call, const uint32_t out[2])
{
	const struct optee_msg_hdr *hdr = &call->message.hdr;

	om_call_trace(call, &(struct om_trace_event){
		 .id = OM_TRACE_RESULT, .arg = { hdr->cmd, out[0], out[1], hdr->session } });
}

/* Writes ret and ret_origin, which lie side by side. Last, when the outputs are complete. */
static inline int write_ret(const struct om_call *call, const uint32_t out[2])
{
	if (om_traced(&call->guest->vm))
		trace_result(call, out);
	return om_message_write(call, offsetof(struct optee_msg_hdr, ret), out,
				2 * sizeof(out[0]));
}

/* Writes the id of the session that was opened, 0 when none was. */
static int finish_open(struct om_call *call, bool success)
{
	const struct optee_msg_hdr *shadow = call->shadow->page.va;
	uint32_t session = om_read_once32(&shadow->session);

	call->message.hdr.session = session;
	if (success)
		om_session_publish(&call->guest->sessions, call->opens, session, call->loads_ta);
	else
		om_session_end(&call->guest->sessions, call->opens);
	call->opens = OM_NONE;
	return om_message_write(call, offsetof(struct optee_msg_hdr, session), &session,
				sizeof(session));
}

/* Whatever OP-TEE answers to a CLOSE, it has no such session any more. */
static void finish_close(struct om_call *call)
{
	om_session_end(&call->guest->sessions, call->closes);
	call->closes = OM_NONE;
}

/*
 * Publishes or forgets the target buffer, by the result: a registration that succeeded and an
 * UNREGISTER that failed leave it shared, the other two do not.
 */
static void complete_buffer(struct om_call *call, bool success)
{
	bool registers = call->message.hdr.cmd == OPTEE_MSG_CMD_REGISTER_SHM;

	if (call->target == OM_NONE)
		return;
	if (success == registers)
		om_shm_publish(&call->guest->shm, call->target);
	else
		om_shm_forget(&call->guest->shm, call->target);
}

/* Rolls back when OP-TEE gave no result: a session is neither opened nor closed. */
static void roll_back_session(struct om_call *call)
{
	if (call->opens != OM_NONE)
		om_session_end(&call->guest->sessions, call->opens);
	call->opens = OM_NONE;
	if (call->closes != OM_NONE)
		om_session_reopen(&call->guest->sessions, call->closes);
	call->closes = OM_NONE;
}

static void roll_back(struct om_call *call)
{
	complete_buffer(call, false);
	roll_back_session(call);
}

/* Carries out what commands other than INVOKE mean beyond their outputs. */
static OM_NOINLINE int finish_command(struct om_call *call, bool success)
{
	uint32_t cmd = call->message.hdr.cmd;
	int failed = 0;

	complete_buffer(call, success);
	if (cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		failed = finish_open(call, success);
	else if (cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		finish_close(call);
	else if (cmd == OPTEE_MSG_CMD_STOP_ASYNC_NOTIF && success)
		om_store_relaxed(&call->guest->notify_enabled, 0);
	return failed;
}

void om_message_finish(struct om_call *call)
{
	const struct om_message *shadow = call->shadow->page.va;
	const uint32_t out[2] = { om_read_once32(&shadow->hdr.ret),
				  om_read_once32(&shadow->hdr.ret_origin) };
	int failed = 0;

	if (call->message.hdr.cmd != OPTEE_MSG_CMD_INVOKE_COMMAND)
		failed = finish_command(call, out[0] == TEEC_SUCCESS);
	/* REGISTER_SHM has no outputs: its parameter kinds say so. */
	failed = write_outputs(call, shadow, failed);
	failed |= write_ret(call, out);
	call->result = failed ? OPTEE_SMC_RETURN_EBADADDR : OPTEE_SMC_RETURN_OK;
}

static uint32_t refusal_ret(const struct om_call *call, enum om_refusal why)
{
	if (why == OM_REFUSED_POLICY)
		return call->policy;
	/* OP-TEE has another code for CLOSE_SESSION alone: core/tee/entry_std.c. */
	if (why == OM_REFUSED_SESSION && call->message.hdr.cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		return call->closes != OM_NONE ? TEEC_ERROR_BUSY : TEEC_ERROR_ITEM_NOT_FOUND;
	return om_refusal_teec(why);
}

/*
 * An unknown session is refused with OP-TEE's own code and origin, although OP-TEE is not asked.
 * A session whose CLOSE claimed it, and waited in vain, is open.
 */
static uint32_t refusal_origin(const struct om_call *call, enum om_refusal why)
{
	return why == OM_REFUSED_SESSION && call->closes == OM_NONE ? TEEC_ORIGIN_TEE :
								      TEEC_ORIGIN_COMMS;
}

void om_message_refuse(struct om_call *call, enum om_refusal why)
{
	uint32_t code = om_refusal_smc(why);
	const uint32_t out[2] = { refusal_ret(call, why), refusal_origin(call, why) };

	roll_back(call);
	om_refused(call, why, code ? code : out[0]);
	if (code == OPTEE_SMC_RETURN_OK && write_ret(call, out))
		code = OPTEE_SMC_RETURN_EBADADDR;
	call->result = code;
}

void om_message_fail(struct om_call *call, uint32_t code)
{
	roll_back(call);
	call->result = code;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call to OP-TEE as ioctls. See tee_calls.h.
 *
 * The core writes the messages: it has checked the command, the number and types of the
 * parameters, that each cookie is known and that each range is inside its buffer. This
 * module does not rely on that: it refuses what the core never sends.
 *
 * Source of the ioctls: Linux, include/uapi/linux/tee.h, drivers/tee/tee_core.c.
 */
#define _GNU_SOURCE
#include "tee_calls.h"

#include <errno.h>
#include <linux/tee.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE ((size_t)OPTEE_MSG_PAGE_SIZE)

_Static_assert(OPTEE_MSG_ATTR_TYPE_VALUE_INOUT == TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT &&
	       OPTEE_MSG_ATTR_TYPE_RMEM_INPUT == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INPUT &&
	       OPTEE_MSG_ATTR_TYPE_RMEM_INOUT == TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT,
	       "tee.h numbers parameter types as optee_msg.h does");

int om_tee_calls_init(struct om_tee_calls *calls, struct om_memory *memory,
		      uint32_t registrations)
{
	calls->open_count = 0;
	calls->open = calloc(calls->sessions, sizeof(*calls->open));
	if (!calls->open)
		return OM_KVM_ERR_NO_MEMORY;
	pthread_mutex_init(&calls->lock, NULL);
	om_tee_shm_init(&calls->shm, &calls->device, memory, registrations);
	return OM_KVM_OK;
}

void om_tee_calls_exit(struct om_tee_calls *calls)
{
	om_tee_shm_exit(&calls->shm);
	pthread_mutex_destroy(&calls->lock);
	free(calls->open);
}

/* There is room: the session was charged before. */
static void note_open(struct om_tee_calls *calls, uint32_t session)
{
	pthread_mutex_lock(&calls->lock);
	calls->open[calls->open_count++] = session;
	pthread_mutex_unlock(&calls->lock);
}

/* Refunds a session; not one that was never opened, which a guest may name as well. */
static void note_closed(struct om_tee_calls *calls, uint32_t session)
{
	uint32_t i = 0;

	pthread_mutex_lock(&calls->lock);
	while (i < calls->open_count && calls->open[i] != session)
		i++;
	if (i < calls->open_count) {
		calls->open[i] = calls->open[--calls->open_count];
		om_tee_uncount(&calls->device, OM_KVM_COUNT_SESSIONS_NOW);
	}
	pthread_mutex_unlock(&calls->lock);
}

static bool is_memory(uint32_t type)
{
	return type >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && type <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

static bool is_output(uint32_t type)
{
	return type == OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT ||
	       type == OPTEE_MSG_ATTR_TYPE_VALUE_INOUT ||
	       type == OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT || type == OPTEE_MSG_ATTR_TYPE_RMEM_INOUT;
}

static void answer(struct om_tee_call *call, uint32_t ret)
{
	call->ret = ret;
	call->ret_origin = TEEC_ORIGIN_COMMS;
}

/*
 * The answer when a system call failed. EINVAL counts as OP-TEE's own refusal: Linux looks
 * sessions up instead of OP-TEE, and everything else was checked before.
 */
static void answer_error(struct om_tee_call *call, int error)
{
	answer(call, om_tee_error(error));
	if (error == -EINVAL)
		call->ret_origin = TEEC_ORIGIN_TEE;
}

/* A TMEM parameter: a page list of pages that are pinned for the call, or NULL. */
static uint32_t read_temporary(const struct optee_msg_param *from, struct om_tee_param *param)
{
	const struct optee_msg_param_tmem *tmem = &from->u.tmem;

	param->type = (uint32_t)(from->attr & OPTEE_MSG_ATTR_TYPE_MASK) -
		      OPTEE_MSG_ATTR_TYPE_TMEM_INPUT + OPTEE_MSG_ATTR_TYPE_RMEM_INPUT;
	param->size = tmem->size;
	if (!tmem->buf_ptr)
		return TEEC_SUCCESS;
	if (!(from->attr & OPTEE_MSG_ATTR_NONCONTIG))
		return TEEC_ERROR_BAD_PARAMETERS;
	param->buffer = om_tee_buffer_new(tmem->buf_ptr, tmem->size, 0);
	param->temporary = true;
	return param->buffer ? TEEC_SUCCESS : TEEC_ERROR_OUT_OF_MEMORY;
}

static uint32_t read_registered(struct om_tee_calls *calls, const struct optee_msg_param *from,
				struct om_tee_param *param)
{
	const struct optee_msg_param_rmem *rmem = &from->u.rmem;

	param->type = (uint32_t)(from->attr & OPTEE_MSG_ATTR_TYPE_MASK);
	param->offs = rmem->offs;
	param->size = rmem->size;
	param->buffer = om_tee_shm_get(&calls->shm, rmem->shm_ref);
	return param->buffer ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS;
}

static uint32_t read_param(struct om_tee_calls *calls, const struct optee_msg_param *from,
			   struct om_tee_param *param)
{
	switch (from->attr & OPTEE_MSG_ATTR_TYPE_MASK) {
	case OPTEE_MSG_ATTR_TYPE_NONE:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_VALUE_INOUT:
		param->type = (uint32_t)(from->attr & OPTEE_MSG_ATTR_TYPE_MASK);
		param->value = from->u.value;
		return TEEC_SUCCESS;
	case OPTEE_MSG_ATTR_TYPE_RMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_RMEM_INOUT:
		return read_registered(calls, from, param);
	case OPTEE_MSG_ATTR_TYPE_TMEM_INPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT:
	case OPTEE_MSG_ATTR_TYPE_TMEM_INOUT:
		return read_temporary(from, param);
	default:
		return TEEC_ERROR_BAD_PARAMETERS;
	}
}

static uint32_t read_params(struct om_tee_calls *calls, const struct optee_msg_param *from,
			    uint32_t n, struct om_tee_call *call)
{
	uint32_t ret = TEEC_SUCCESS;

	if (n > OPTEE_MSG_CALL_PARAMS)
		return TEEC_ERROR_BAD_PARAMETERS;
	while (call->num_params < n && ret == TEEC_SUCCESS) {
		ret = read_param(calls, &from[call->num_params], &call->param[call->num_params]);
		call->num_params++;
	}
	return ret;
}

/* Charges the session; om_tee_call_make() refunds it if it is not opened. */
static uint32_t begin_open(struct om_tee_calls *calls, const struct optee_msg_param *from,
			   uint32_t n, struct om_tee_call *call)
{
	uint32_t ret;

	if (n < OPTEE_MSG_META_PARAMS)
		return TEEC_ERROR_BAD_PARAMETERS;
	memcpy(call->ta_uuid, from[0].u.octets, sizeof(call->ta_uuid));
	call->login = (uint32_t)from[1].u.value.c;
	ret = read_params(calls, from + OPTEE_MSG_META_PARAMS, n - OPTEE_MSG_META_PARAMS, call);
	if (ret != TEEC_SUCCESS)
		return ret;
	if (om_tee_count_below(&calls->device, OM_KVM_COUNT_SESSIONS_NOW, calls->sessions))
		return TEEC_SUCCESS;
	om_tee_count(&calls->device, OM_KVM_COUNT_REFUSED_SESSIONS, 1);
	return TEEC_ERROR_OUT_OF_MEMORY;
}

/* Only remembers the buffer: it is registered with OP-TEE when a call first uses it. */
static uint32_t register_buffer(struct om_tee_calls *calls, const struct optee_msg_param *from)
{
	const struct optee_msg_param_tmem *tmem = &from->u.tmem;
	struct om_tee_buffer *buffer = om_tee_buffer_new(tmem->buf_ptr, tmem->size, tmem->shm_ref);

	if (!buffer)
		return TEEC_ERROR_OUT_OF_MEMORY;
	om_tee_shm_add(&calls->shm, buffer);
	return TEEC_SUCCESS;
}

static uint32_t removal_answer(enum om_tee_removal removal)
{
	return removal == OM_TEE_REMOVED ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS;
}

bool om_tee_call_begin(struct om_tee_calls *calls, const void *message, struct om_tee_call *call)
{
	const struct optee_msg_hdr *hdr = message;
	const struct optee_msg_param *param = (const void *)(hdr + 1);
	enum om_tee_removal removal;

	*call = (struct om_tee_call){
		.cmd = hdr->cmd, .func = hdr->func, .session = hdr->session,
		.cancel_id = hdr->cancel_id,
	};
	switch (call->cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		answer(call, begin_open(calls, param, hdr->num_params, call));
		return call->ret == TEEC_SUCCESS;
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		answer(call, read_params(calls, param, hdr->num_params, call));
		return call->ret == TEEC_SUCCESS;
	case OPTEE_MSG_CMD_CLOSE_SESSION:
	case OPTEE_MSG_CMD_CANCEL:
		return true;
	case OPTEE_MSG_CMD_REGISTER_SHM:
		answer(call, register_buffer(calls, param));
		return false;
	case OPTEE_MSG_CMD_UNREGISTER_SHM:
		call->cookie = param->u.rmem.shm_ref;
		removal = om_tee_shm_remove(&calls->shm, call->cookie);
		answer(call, removal_answer(removal));
		return removal == OM_TEE_REMOVE_WAITS;
	default:
		answer(call, TEEC_ERROR_NOT_SUPPORTED);
		return false;
	}
}

/* A reference takes whole pages: OP-TEE maps whole pages for the TA. */
static size_t arena_size(const struct om_tee_param *param)
{
	return param->size ? (size_t)(param->size + PAGE - 1) / PAGE * PAGE : PAGE;
}

/* Large registered buffers are passed in place; everything else is copied to the arena. */
static size_t place_memory(struct om_tee_calls *calls, struct om_tee_call *call,
			   struct tee_ioctl_param *out)
{
	size_t copied = 0;
	int32_t id;
	uint32_t i;

	for (i = 0; i < call->num_params; i++) {
		struct om_tee_param *param = &call->param[i];

		if (!param->buffer)
			continue;
		if (!param->temporary && param->size > OM_TEE_COPY_BELOW &&
		    om_tee_buffer_register(&calls->shm, param->buffer, &id)) {
			out[i].a = param->offs;
			out[i].c = (uint32_t)id;
			continue;
		}
		param->copied = true;
		param->at = copied;
		copied += arena_size(param);
	}
	return copied;
}

/*
 * Copies memory parameters into the arena. Outputs too, because what the TA does not write
 * must not change. The rest of the last page is zeroed: it may hold data of another call.
 */
static void fill_arena(struct om_tee_calls *calls, struct om_tee_call *call,
		       struct om_tee_arena *arena, struct tee_ioctl_param *out)
{
	uint32_t i;

	for (i = 0; i < call->num_params; i++) {
		struct om_tee_param *param = &call->param[i];
		size_t size = (size_t)param->size;

		if (!param->copied)
			continue;
		om_tee_copy_in(param->buffer, param->offs, arena->va + param->at, size);
		memset(arena->va + param->at + size, 0, arena_size(param) - size);
		out[i].a = param->at;
		out[i].c = (uint32_t)arena->id;
		om_tee_count(&calls->device, OM_KVM_COUNT_COPIED, 1);
		om_tee_count(&calls->device, OM_KVM_COUNT_COPIED_BYTES, size);
	}
}

static uint32_t write_params(struct om_tee_calls *calls, struct om_tee_call *call,
			     struct om_tee_arena *arena, struct tee_ioctl_param *out)
{
	size_t copied;
	uint32_t i;
	int error = 0;

	for (i = 0; i < call->num_params; i++) {
		const struct om_tee_param *param = &call->param[i];

		out[i].attr = param->type;
		out[i].a = param->value.a;
		out[i].b = param->value.b;
		out[i].c = param->value.c;
		if (!is_memory(param->type))
			continue;
		out[i].a = 0;
		out[i].b = param->size;
		out[i].c = TEE_MEMREF_NULL;
	}
	copied = place_memory(calls, call, out);
	if (copied)
		error = om_tee_arena_reserve(&calls->shm, arena, copied);
	if (error)
		return om_tee_error(error);
	fill_arena(calls, call, arena, out);
	return TEEC_SUCCESS;
}

/*
 * Takes over sizes and values, each read once, and copies outputs back from the arena, at
 * most as many bytes as the guest provided.
 */
static void read_results(struct om_tee_call *call, const struct om_tee_arena *arena,
			 const struct tee_ioctl_param *out)
{
	uint32_t i;

	for (i = 0; i < call->num_params; i++) {
		struct om_tee_param *param = &call->param[i];
		uint64_t size = param->size;

		if (!is_output(param->type))
			continue;
		param->value.a = out[i].a;
		param->value.b = out[i].b;
		if (!is_memory(param->type))
			continue;
		param->size = out[i].b;
		if (param->copied)
			om_tee_copy_out(param->buffer, param->offs, arena->va + param->at,
					(size_t)(param->size < size ? param->size : size));
	}
	call->answered = true;
}

/* The argument of OPEN_SESSION or INVOKE with all its parameters. */
union arg {
	struct tee_ioctl_open_session_arg open;
	struct tee_ioctl_invoke_arg invoke;
	uint8_t bytes[sizeof(struct tee_ioctl_open_session_arg) +
		      OPTEE_MSG_CALL_PARAMS * sizeof(struct tee_ioctl_param)];
};

/* Makes the ioctl. Its parameters lie in arg after `head` bytes. False: it failed. */
static bool call_with_params(struct om_tee_calls *calls, struct om_tee_call *call,
			     struct om_tee_arena *arena, unsigned long request, union arg *arg,
			     size_t head)
{
	struct tee_ioctl_param *param = (void *)(arg->bytes + head);
	struct tee_ioctl_buf_data data = {
		.buf_ptr = (uintptr_t)arg,
		.buf_len = head + call->num_params * sizeof(*param),
	};
	int result;

	answer(call, write_params(calls, call, arena, param));
	if (call->ret != TEEC_SUCCESS)
		return false;
	result = om_tee_ioctl(&calls->device, request, &data);
	if (result < 0) {
		answer_error(call, result);
		return false;
	}
	read_results(call, arena, param);
	return true;
}

static void call_open(struct om_tee_calls *calls, struct om_tee_call *call,
		      struct om_tee_arena *arena)
{
	union arg arg = { .open = { .clnt_login = call->login, .cancel_id = call->cancel_id,
				    .num_params = call->num_params } };
	gid_t group = getegid();

	memcpy(arg.open.uuid, call->ta_uuid, sizeof(arg.open.uuid));
	/* Linux wants a group of this process; it would refuse one that the guest names. */
	if (call->login == TEE_IOCTL_LOGIN_GROUP)
		memcpy(arg.open.clnt_uuid, &group, sizeof(group));
	if (!call_with_params(calls, call, arena, TEE_IOC_OPEN_SESSION, &arg, sizeof(arg.open)))
		return;
	call->session = arg.open.session;
	call->ret = arg.open.ret;
	call->ret_origin = arg.open.ret_origin;
}

static void call_invoke(struct om_tee_calls *calls, struct om_tee_call *call,
			struct om_tee_arena *arena)
{
	union arg arg = { .invoke = { .func = call->func, .session = call->session,
				      .cancel_id = call->cancel_id,
				      .num_params = call->num_params } };

	if (!call_with_params(calls, call, arena, TEE_IOC_INVOKE, &arg, sizeof(arg.invoke)))
		return;
	call->ret = arg.invoke.ret;
	call->ret_origin = arg.invoke.ret_origin;
}

/*
 * Linux forgets a session before it asks OP-TEE to close it, also when OP-TEE then fails
 * (drivers/tee/optee/call.c, optee_close_session()), and EINVAL says that there was none. So
 * whatever the result is, nobody can close it again, and it is refunded.
 */
static int close_session(struct om_tee_calls *calls, uint32_t session)
{
	struct tee_ioctl_close_session_arg arg = { .session = session };
	int result = om_tee_ioctl(&calls->device, TEE_IOC_CLOSE_SESSION, &arg);

	note_closed(calls, session);
	return result;
}

static void call_close(struct om_tee_calls *calls, struct om_tee_call *call)
{
	int result = close_session(calls, call->session);

	answer_error(call, result);
	/* OP-TEE's code for an unknown session: entry_std.c, tee_ta_close_session(). */
	if (result == -EINVAL)
		call->ret = TEEC_ERROR_ITEM_NOT_FOUND;
}

static void call_cancel(struct om_tee_calls *calls, struct om_tee_call *call)
{
	struct tee_ioctl_cancel_arg arg = { .cancel_id = call->cancel_id,
					    .session = call->session };

	answer_error(call, om_tee_ioctl(&calls->device, TEE_IOC_CANCEL, &arg));
}

void om_tee_call_make(struct om_tee_calls *calls, struct om_tee_call *call,
		      struct om_tee_arena *arena)
{
	switch (call->cmd) {
	case OPTEE_MSG_CMD_OPEN_SESSION:
		call->session = 0;
		call_open(calls, call, arena);
		if (call->ret == TEEC_SUCCESS)
			note_open(calls, call->session);
		else
			om_tee_uncount(&calls->device, OM_KVM_COUNT_SESSIONS_NOW);
		break;
	case OPTEE_MSG_CMD_INVOKE_COMMAND:
		call_invoke(calls, call, arena);
		break;
	case OPTEE_MSG_CMD_CLOSE_SESSION:
		call_close(calls, call);
		break;
	case OPTEE_MSG_CMD_CANCEL:
		call_cancel(calls, call);
		break;
	default:	/* UNREGISTER_SHM */
		answer(call, removal_answer(om_tee_shm_remove_waiting(&calls->shm, call->cookie)));
		break;
	}
	om_tee_arena_trim(&calls->shm, arena);
}

static void write_outputs(const struct om_tee_call *call, struct optee_msg_param *param)
{
	uint32_t i;

	for (i = 0; i < call->num_params; i++) {
		const struct om_tee_param *from = &call->param[i];

		if (!is_output(from->type))
			continue;
		if (is_memory(from->type)) {
			param[i].u.rmem.size = from->size;
		} else {
			param[i].u.value.a = from->value.a;
			param[i].u.value.b = from->value.b;
		}
	}
}

void om_tee_call_write(const struct om_tee_call *call, void *message)
{
	struct optee_msg_hdr *hdr = message;
	struct optee_msg_param *param = (void *)(hdr + 1);

	if (call->cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		hdr->session = call->ret == TEEC_SUCCESS ? call->session : 0;
		param += OPTEE_MSG_META_PARAMS;
	}
	if (call->answered)
		write_outputs(call, param);
	hdr->ret = call->ret;
	hdr->ret_origin = call->ret_origin;
}

void om_tee_call_release(struct om_tee_calls *calls, struct om_tee_call *call)
{
	uint32_t i;

	for (i = 0; i < call->num_params; i++) {
		struct om_tee_buffer *buffer = call->param[i].buffer;

		if (call->param[i].temporary)
			om_tee_buffer_free(buffer);
		else if (buffer)
			om_tee_shm_put(&calls->shm, buffer);
	}
	call->num_params = 0;
}

void om_tee_calls_forget_all(struct om_tee_calls *calls)
{
	while (calls->open_count)
		(void)close_session(calls, calls->open[calls->open_count - 1]);
	om_tee_shm_forget_all(&calls->shm);
}

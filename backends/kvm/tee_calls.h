/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call to OP-TEE as ioctls on the TEE device: the message is read into a call on
 * a vCPU's thread, made by a worker, and answered on a vCPU's thread again. Knows
 * messages and ioctls; knows nothing of threads and SMCs.
 */
#ifndef OM_KVM_TEE_CALLS_H
#define OM_KVM_TEE_CALLS_H

#include <optee_mediator/abi_msg.h>

#include "tee_shm.h"

/* A parameter of a call. type: OPTEE_MSG_ATTR_TYPE_*, memory as RMEM. */
struct om_tee_param {
	uint32_t type;
	struct optee_msg_param_value value;
	/* Memory: NULL for a NULL reference, which only has a size. */
	struct om_tee_buffer *buffer;
	uint64_t offs;
	uint64_t size;
	bool temporary;		/* the buffer is this call's own */
	bool copied;		/* through the arena, at: */
	size_t at;
};

struct om_tee_call {
	uint32_t cmd;		/* OPTEE_MSG_CMD_* */
	uint32_t func;
	uint32_t session;
	uint32_t cancel_id;
	uint8_t ta_uuid[16];
	uint32_t login;
	uint64_t cookie;	/* UNREGISTER_SHM */
	uint32_t num_params;
	struct om_tee_param param[OPTEE_MSG_CALL_PARAMS];
	uint32_t ret;
	uint32_t ret_origin;
	bool answered;		/* there are outputs */
};

/* What calls need to be made. */
struct om_tee_calls {
	struct om_tee_device device;
	struct om_tee_shm shm;
	uint32_t sessions;	/* at once */
};

/*
 * Reads a message in a shadow page. True: the call wants a worker. False: it is
 * answered already, without system calls. Either way om_tee_call_release() ends it.
 */
bool om_tee_call_begin(struct om_tee_calls *calls, const void *message, struct om_tee_call *call);

/* Makes the call. On a worker; may take as long as OP-TEE does. */
void om_tee_call_make(struct om_tee_calls *calls, struct om_tee_call *call,
		      struct om_tee_arena *arena);

/* Writes the results of a call that was answered to its message. */
void om_tee_call_write(const struct om_tee_call *call, void *message);

/* Gives back what the call held. */
void om_tee_call_release(struct om_tee_calls *calls, struct om_tee_call *call);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call to OP-TEE as ioctls on the TEE device. A vCPU's thread reads the message into a
 * struct om_tee_call, a worker makes the call, a vCPU's thread writes the results. This
 * module knows messages and ioctls, but neither threads nor SMCs.
 */
#ifndef OM_KVM_TEE_CALLS_H
#define OM_KVM_TEE_CALLS_H

#include <optee_mediator/abi_msg.h>

#include "tee_shm.h"

/* A parameter of a call. type: OPTEE_MSG_ATTR_TYPE_*; TMEM is stored as RMEM. */
struct om_tee_param {
	uint32_t type;
	struct optee_msg_param_value value;
	/* The buffer of a memory parameter; NULL for a NULL reference, which has only a size. */
	struct om_tee_buffer *buffer;
	uint64_t offs;
	uint64_t size;
	bool temporary;		/* the buffer belongs to this call alone */
	bool copied;		/* through the worker's arena, */
	size_t at;		/* at this offset */
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
	bool answered;		/* the outputs are valid */
};

/* The environment of all calls of a guest. */
struct om_tee_calls {
	struct om_tee_device device;
	struct om_tee_shm shm;
	uint32_t sessions;	/* limit of those open at once */
	pthread_mutex_t lock;	/* of the two below; held briefly */
	uint32_t *open;		/* the sessions that are open, in any order */
	uint32_t open_count;
};

/* The caller has set device and sessions. Returns OM_KVM_OK, or OM_KVM_ERR_NO_MEMORY. */
int om_tee_calls_init(struct om_tee_calls *calls, struct om_memory *memory,
		      uint32_t registrations);
void om_tee_calls_exit(struct om_tee_calls *calls);

/*
 * Closes all sessions and ends all registrations of buffers, on the descriptor that stays
 * open. Blocks until OP-TEE has done so. No call may be under way.
 */
void om_tee_calls_forget_all(struct om_tee_calls *calls);

/*
 * Reads a message in a shadow page. True: a worker has to make the call. False: it is
 * answered already, without system calls. Call om_tee_call_release() in both cases.
 */
bool om_tee_call_begin(struct om_tee_calls *calls, const void *message, struct om_tee_call *call);

/* Makes the call. Called on a worker; blocks until OP-TEE returns. */
void om_tee_call_make(struct om_tee_calls *calls, struct om_tee_call *call,
		      struct om_tee_arena *arena);

/* Writes the results of a call to its message. */
void om_tee_call_write(const struct om_tee_call *call, void *message);

/* Puts back the buffers of the call's parameters. */
void om_tee_call_release(struct om_tee_calls *calls, struct om_tee_call *call);

#endif

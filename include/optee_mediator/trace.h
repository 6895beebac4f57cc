/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace: an event for each step inside the library, and a decoder into text.
 *
 * Events go to ops->trace as they happen and are stored nowhere. They contain host
 * addresses, so a guest must not see them. The numbers of events and the
 * meaning of their arguments are stable; new events get new numbers.
 */
#ifndef OPTEE_MEDIATOR_TRACE_H
#define OPTEE_MEDIATOR_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/mediator.h>

enum om_trace_id {
	OM_TRACE_GUEST_SMC = 1,	/* arg: a0..a7 from the guest, 32-bit */
	OM_TRACE_GUEST_RETURN,	/* arg: a0..a3 to the guest; function id called */
	OM_TRACE_SECURE_SMC,	/* arg: a0..a7 to OP-TEE */
	OM_TRACE_SECURE_RETURN,	/* arg: a0..a3 from OP-TEE, 32-bit; function id called */
	OM_TRACE_MESSAGE,	/* arg: cmd, func, session, cancel_id, num_params */
	OM_TRACE_MESSAGE_PARAM,	/* arg: index, attr, a, b, c, cmd as the guest wrote them */
	OM_TRACE_RESULT,	/* arg: cmd, ret, ret_origin, session */
	OM_TRACE_RESULT_PARAM,	/* arg: index, type, then values a, b or 0, size; outputs only */
	OM_TRACE_REQUEST,	/* arg: RPC cmd, num_params, 1 when the mediator's own */
	OM_TRACE_REQUEST_PARAM,	/* arg: index, attr, a, b, c, RPC cmd */
	OM_TRACE_REPLY,		/* arg: RPC cmd, ret, num_params */
	OM_TRACE_REPLY_PARAM,	/* arg: index, attr, a, b, c, RPC cmd */
	OM_TRACE_SHARE,		/* arg: cookie, enum om_trace_share, pages: all pinned */
	OM_TRACE_UNSHARE,	/* arg: cookie, enum om_trace_share, pages: forgotten */
	OM_TRACE_REFUSED,	/* arg: enum om_counter that names the reason, code given */
	OM_TRACE_STATE,		/* arg: from, event, to; see docs/design.md */
	OM_TRACE_GUEST,		/* arg: enum om_trace_guest */
	OM_TRACE_IDS		/* one past the last */
};

/* Kinds of buffers, by why they are shared. */
enum om_trace_share {
	OM_SHARE_REGISTERED,	/* REGISTER_SHM */
	OM_SHARE_PAYLOAD,	/* SHM_ALLOC */
	OM_SHARE_RPC_ARG,	/* RPC ALLOC */
	OM_SHARE_TEMPORARY,	/* for the length of a call */
};

enum om_trace_guest {
	OM_GUEST_CREATED,
	OM_GUEST_RESET,
	OM_GUEST_DESTROYED,
};

struct om_trace_event {
	uint32_t id;		/* enum om_trace_id */
	uint32_t guest;		/* the guest's id */
	uint32_t vcpu;		/* as given to om_guest_call() */
	uint32_t call;		/* the call id that the guest sees in a3, or 0 */
	uint64_t arg[8];	/* those listed for the id; the others are 0 */
};

/* An event's name, a static string; "?" for an unknown id. Any context. */
OM_API const char *om_trace_name(uint32_t id);

/*
 * Writes an event as one readable line without line end, such as
 * "guest 1 vcpu 0 call 1.0: INVOKE_COMMAND func 1 session 0x2, 4 params".
 *
 * buf, size: where the line goes; always NUL-terminated when size > 0, truncated when
 * it is too short. 200 bytes are enough for any event. Returns the length of the whole
 * line without NUL, like snprintf. Pure; any context.
 */
OM_API size_t om_trace_text(const struct om_trace_event *event, char *buf, size_t size);

/*
 * Writes an event as one line of a Mermaid sequence diagram with the participants
 * Guest, Mediator and OPTEE; the caller writes "sequenceDiagram" before the first.
 * An event that is no message between two of them becomes a Note, or nothing: then
 * this returns 0 and buf is the empty string.
 */
OM_API size_t om_trace_mermaid(const struct om_trace_event *event, char *buf, size_t size);

#endif

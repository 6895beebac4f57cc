/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the specification share: spec.c follows an SMC from its beginning
 * to its end, spec_fast.c knows fast calls, spec_message.c messages, spec_session.c
 * sessions, spec_rpc.c requests and replies, spec_shm.c buffers and page lists.
 */
#ifndef TESTS_FUZZ_SPEC_PRIV_H
#define TESTS_FUZZ_SPEC_PRIV_H

#include "spec.h"

#define SPEC_LIST_ATTR	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)
/* Reasons as a set. */
#define SPEC_WHY_BIT(counter)	(1u << ((counter) - OM_COUNT_REFUSED_FUNCTION))
#define SPEC_WHY(what)		SPEC_WHY_BIT(OM_COUNT_REFUSED_##what)
#define SPEC_REASONS		(OM_COUNT_REFUSED_SESSION - OM_COUNT_REFUSED_FUNCTION + 1u)

/* Counters of refusals have others between them: new ones go to the end. */
static inline bool spec_is_reason(uint32_t counter)
{
	return (counter >= OM_COUNT_REFUSED_FUNCTION && counter <= OM_COUNT_REFUSED_REPLY) ||
	       counter == OM_COUNT_REFUSED_SESSION;
}

/* Pages of its parameters that each call has to itself, when there are as many. */
#define SPEC_OWN_PAGES 4u

static inline uint64_t spec_pair(uint64_t high, uint64_t low)
{
	return high << 32 | (uint32_t)low;
}

static inline uint64_t spec_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Says what is wrong, unless it is right or this SMC is excused. Returns good. */
bool spec_check(struct spec *s, bool good, const char *what);

/* Outcomes. */
void spec_set_outcome(struct spec *s, uint64_t a0, uint64_t a1, uint64_t a2, bool id, bool ends);
void spec_add_write(struct spec *s, uint64_t pa, const void *data, uint32_t len);
/* To the message of the call, or where an RPC's argument is; in one page or over two. */
void spec_add_result(struct spec *s, uint64_t offset, const void *data, uint32_t len);
void spec_add_request(struct spec *s, const void *data, uint32_t len);

/* Buffers: a new one has one user, its maker, and is not live. */
struct spec_buffer *spec_buffer_new(struct spec *s, enum spec_kind kind, uint64_t cookie,
				    uint64_t size, uint32_t offset, uint32_t pages);
void spec_buffer_forget(struct spec_buffer *b);
void spec_buffer_put(struct spec *s, struct spec_buffer *b);
void spec_buffer_hold(struct spec *s, struct spec_buffer *b);
void spec_buffer_release(struct spec *s, struct spec_buffer *b);
/* What a call has lent OP-TEE. */
void spec_lent_hold(struct spec *s, struct spec_call *c);
void spec_lent_release(struct spec *s, struct spec_call *c);
struct spec_buffer *spec_find_live(struct spec *s, uint64_t cookie, enum spec_kind kind);

/* The argument of the call's RPC is not used any more. */
void spec_put_arg(struct spec *s, struct spec_call *c);

/* Some call was broken off: what is charged now is not known exactly. */
bool spec_others_paused(const struct spec *s);

/*
 * A guest's page list: false when an entry or a list page cannot be shared. Fills in
 * where the pages are; n is at most SPEC_PAGES.
 */
bool spec_walk_guest(struct spec *s, uint64_t buf_ptr, uint32_t n, uint64_t *pa);
/* The list that OP-TEE was given names exactly these pages. */
void spec_check_list(struct spec *s, uint64_t start, uint32_t n, const uint64_t *pa);
/* The list's pages as OP-TEE sees them, for an SMC that only can be followed. */
void spec_read_list(struct spec *s, uint64_t start, uint32_t n, uint64_t *pa);
static inline uint64_t spec_pages_of(uint64_t buf_ptr, uint64_t size)
{
	return (buf_ptr % OPTEE_MSG_PAGE_SIZE + size + OPTEE_MSG_PAGE_SIZE - 1) /
	       OPTEE_MSG_PAGE_SIZE;
}

/* The mediator reads the page at pa in this SMC. */
void spec_visit(struct spec *s, uint64_t pa);

/* What is wrong with memory of this size by itself; 0 when it can be asked for. */
uint32_t spec_size_reasons(const struct spec *s, uint64_t buf_ptr, uint64_t size);
/* The quotas, for so much more: sets QUOTA as certain or, when others are paused, perhaps. */
void spec_quota(struct spec *s, uint64_t pages, uint64_t lists, uint32_t buffers,
		uint32_t rpc_args);

/*
 * Of pages that OP-TEE may have to map, so many more for the call under way: those its
 * parameters name, or those it allocates.
 */
void spec_map_quota(struct spec *s, uint64_t params, uint64_t payload);
/* They are: b is a payload of this call's. */
void spec_map_payload(struct spec *s, struct spec_call *c, struct spec_buffer *b);
/* OP-TEE lets go of it, in the course of call c. */
void spec_unmap_payload(struct spec *s, struct spec_call *c, const struct spec_buffer *b);

/* spec_session.c */
/* OPEN_SESSION: charges a session. INVOKE, CLOSE, CANCEL: finds theirs. */
void spec_session_begin(struct spec *s);
/* CLOSE_SESSION goes on: it waits for calls that are on their way to the session. */
void spec_session_wait(struct spec *s);
/* OP-TEE may look up now which session the call is about. */
void spec_session_entered(struct spec *s);
/* OP-TEE has done what it was asked; opened: under this id. */
void spec_session_opened(struct spec *s, uint32_t id);
void spec_session_closed(struct spec_call *c);
/* ... or has not, or never will: no session is opened or closed. */
void spec_session_undo(struct spec *s, struct spec_call *c);
/* Charged now. */
uint32_t spec_sessions(const struct spec *s);

/* spec_fast.c */
void spec_fast_enters(struct spec *s);
void spec_fast_entered(struct spec *s, const struct om_regs *regs);
void spec_fast_returned(struct spec *s, const struct om_regs *regs);

/* spec_message.c */
void spec_message_begin(struct spec *s, const struct om_regs *regs);
void spec_message_again(struct spec *s);
void spec_message_entered(struct spec *s, const struct om_regs *regs);
void spec_message_finished(struct spec *s);
void spec_message_failed(struct spec *s);
/* UNREGISTER: its buffer cannot be named any more. */
void spec_message_claim(struct spec *s);
void spec_message_policy(struct spec *s, const struct om_request *request);
/* The sessions of a TA, those of other calls' OPENs too. */
uint32_t spec_sessions_of(const struct spec *s, const uint8_t *ta);
/* The call is over: nothing of it is left. */
void spec_call_end(struct spec *s, struct spec_call *c);

/* spec_rpc.c */
void spec_rpc_resume(struct spec *s, const struct om_regs *regs);
void spec_rpc_entered(struct spec *s, const struct om_regs *regs);
void spec_rpc_asked(struct spec *s, const struct om_regs *regs);
/* OP-TEE will find that its request has failed. */
void spec_rpc_check_failure(struct spec *s);
/* The payload that was on its way to OP-TEE is not given to it. */
void spec_rpc_drop(struct spec *s, struct spec_call *c);

#endif

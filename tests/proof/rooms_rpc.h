/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rooms below rpc.c, by their contracts: what shm.h, page_list.h and mapping.h
 * promise, no more. That the real ones keep it is proved in om_shm_reserve/,
 * om_share_page/, om_translation_begin/, om_translation_step/ and om_map_param/. They look
 * on, too: an argument is held and put once, a buffer is published or forgotten and put, a
 * page list is pinned no longer than it is read, a payload is charged before it is shared
 * and given back once.
 */
#ifndef TESTS_PROOF_ROOMS_RPC_H
#define TESTS_PROOF_ROOMS_RPC_H

#include "mem.h"
#include "world.h"

/* Buffers; WORLD_BUFFERS has to be 3. */
#define ROOMS_ARG	0u	/* an RPC argument */
#define ROOMS_NEW	1u	/* one that is being made */
#define ROOMS_NAMED	2u	/* one that a request names by cookie */

/* Shadow pages, and WORLD_SHADOWS has to be 3: the message's is 0. */
#define ROOMS_ARG_SHADOW	1u
#define ROOMS_NEW_SHADOW	2u	/* of a new argument, or its first list page */

enum rooms_made {
	ROOMS_NOTHING,
	ROOMS_RESERVED,
	ROOMS_LIVE,
	ROOMS_FORGOTTEN,
};

struct rooms {
	uint32_t arg_users;	/* of the argument, that are this call's */
	bool arg_came;		/* the request came in an argument */
	om_pa_t arg_page;	/* the guest's, pinned */
	enum rooms_made made;	/* the buffer that is being made */
	om_pa_t new_page;	/* its page, when it is one page */
	om_cookie_t new_cookie;
	enum om_trace_share new_kind;
	uint64_t new_address;	/* that the guest named */
	bool source_pinned;	/* the guest's page list */
	uint32_t steps;		/* of a translation, and of a release */
	/* A cookie to watch, which can be any: what it names, and when it was looked up. */
	uint64_t watched;
	uint64_t watched_bytes;	/* of its pages, from where it begins */
	uint32_t lookups;
	/* The last cookie that was asked for, and whether it names anything. */
	om_cookie_t asked;
	bool known;
	/* Payloads: what is charged for the one being made, and what its list asks for. */
	uint64_t charged;
	uint64_t region_pages;
	/* The buffer that is named: how often it is held, and given back to the account. */
	uint32_t named_users;
	uint32_t unmapped;
	/* What was taken away from OP-TEE and the guest. */
	uint32_t refusals;	/* that were counted */
	uint32_t removals;
	om_cookie_t removed;
	enum om_trace_share removed_kind;
};

extern struct rooms rooms;

/*
 * What is behind the shadow pages: a message with a request, a request. The message has
 * as many parameters as any; fewer only move the request to where there is more room.
 */
extern struct world_message rooms_message;
extern struct om_request_copy rooms_arg;

/*
 * world_init(), and a call in the middle of its life: message and shadow in place, with
 * an argument in ROOMS_ARG or none.
 */
void rooms_init(bool has_arg);

/* The request in shadow memory, as OP-TEE sees it; and where the guest looks for it. */
struct om_request_copy *rooms_shadow(void);
uint64_t rooms_guest_arg(void);

/* What is true while the guest has a request and owes the reply. */
bool rooms_is_waiting(void);

/*
 * For who includes rpc.c after this. om_refused() of call.c names a counter by a
 * variable, which makes all of a call a matter of bytes for the checker; memory that is
 * zeroed is always a whole object here, and an assignment it knows better than bytes.
 */
void rooms_refused(struct om_call *call, enum om_refusal why, uint32_t code);
#define om_refused	rooms_refused
#define om_zero(p, len)	((void)(len), *(p) = (__typeof__(*(p))){ 0 })

/* The SMC that resumes OP-TEE answers an ALLOC with what it can never take for a page. */
bool rooms_is_no_page(void);

/* The SMC that resumes OP-TEE, with this page and cookie. */
bool rooms_is_resume(uint64_t pa, uint64_t cookie);

/* What the guest gets of OP-TEE's registers: which RPC, and two words of it. */
bool rooms_is_return(uint64_t a0, uint64_t a1, uint64_t a2);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An executable specification of what a guest sees of the mediator.
 *
 * It stands beside one guest and looks on: an SMC of the guest begins, the secure world
 * is entered and answers, the SMC ends. Before each of them the specification says what
 * may come, from what it saw so far; what comes else is a failure. It is written from
 * docs/design.md and the headers, in their order and words, and must not know lib/: where
 * they leave a choice (which of two mistakes of one message is named), it allows either.
 *
 * What it predicts: whether OP-TEE is entered, and with what registers and message, page
 * lists included; a0..a3 for the guest; every byte of guest memory, because what is not
 * written on purpose stays as it was; the counters; which pages must stay pinned.
 *
 * What it does not: how often the mediator pauses when should_yield says so, and results
 * of an SMC in which an operation of the host failed (excused): there it only follows.
 */
#ifndef TESTS_FUZZ_SPEC_H
#define TESTS_FUZZ_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>
#include <optee_mediator/host.h>
#include <optee_mediator/limits.h>
#include <optee_mediator/mediator.h>

#define SPEC_CALLS	8u
#define SPEC_BUFFERS	24u
#define SPEC_PAGES	1200u	/* in one buffer, and in all that a call lends */
#define SPEC_PARAMS	(OPTEE_MSG_META_PARAMS + OPTEE_MSG_CALL_PARAMS)
#define SPEC_LENT	OPTEE_MSG_CALL_PARAMS
#define SPEC_OLD_IDS	64u
#define SPEC_SESSIONS	64u
#define SPEC_VISITED	16u

/* The world around a guest. All addresses are what the secure world is given. */
struct spec_world {
	void *ctx;
	/* The guest's own writable RAM at this page of its, and where that is. */
	bool (*page)(void *ctx, uint64_t ipa, uint64_t *pa);
	/* Guest memory as it has to be: the specification's own copy, NULL if not RAM. */
	uint8_t *(*image)(void *ctx, uint64_t pa);
	/* Guest memory as it is. */
	const uint8_t *(*actual)(void *ctx, uint64_t pa);
	/* Memory as the secure world sees it, within a page; a failure if it must not. */
	const void *(*secure)(void *ctx, uint64_t pa, size_t len);
	/* The secure world uses a page from now on, and no more. */
	void (*hold)(void *ctx, uint64_t pa);
	void (*release)(void *ctx, uint64_t pa);
	/* An operation of the host failed in this SMC. */
	bool (*excused)(void *ctx);
	uint64_t (*counter)(void *ctx, enum om_counter which);
	void (*fail)(void *ctx, const char *what);
};

/* What holds for the guest's whole life. */
struct spec_config {
	uint32_t id;
	struct om_limits limits;	/* threads: what OP-TEE has counts as well */
	bool async;			/* notification is offered */
	bool rpc_arg;			/* RPC arguments behind the message are offered */
	bool policy;			/* there is an authorize() */
	bool aliases;			/* there is an alias(), which answers spec_alias() */
};

/* As which UUID OP-TEE knows a TA, where there are aliases. */
static inline void spec_alias(const uint8_t ta[16], uint8_t alias[16])
{
	for (uint32_t i = 0; i < 16; i++)
		alias[i] = ta[i];
	alias[15] ^= 0xa5;
}

enum spec_kind { SPEC_REGISTERED, SPEC_PAYLOAD, SPEC_RPC_ARG };

struct spec_buffer {
	bool charged;		/* counted by the quotas */
	bool known;		/* its cookie is taken */
	bool live;		/* can be named */
	bool held;		/* OP-TEE may use it */
	bool perhaps;		/* its call was broken off and may have given it up */
	enum spec_kind kind;
	uint32_t users;		/* calls that have it in use */
	uint64_t cookie;
	uint64_t size;
	uint32_t offset;
	uint32_t pages;
	uint64_t shadow;	/* SPEC_RPC_ARG: where OP-TEE has it */
	uint32_t owner;		/* SPEC_PAYLOAD: which call it was allocated for */
	uint64_t *pa;
};

enum spec_session_state {
	SPEC_CLOSED,		/* nobody's */
	SPEC_OPEN,
	SPEC_CLOSING,		/* a CLOSE_SESSION has it: nobody else can name it */
	SPEC_STALE,		/* OP-TEE gave its id again although it was open */
};

struct spec_session {
	enum spec_session_state state;
	bool closed;		/* OP-TEE was told to close it: the id may be another's */
	uint32_t id;
	uint8_t ta[16];
	bool loaded;		/* the TA is not a part of OP-TEE: it has a place of its own */
};

/* A request and a reply of an RPC. */
struct spec_rpc {
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[OPTEE_MSG_RPC_PARAMS];
};

/* A page list that OP-TEE was given and may still read. */
struct spec_list {
	uint64_t start;
	uint64_t size;
	const uint64_t *pa;
};

/* What a guest will get: registers, and what is written to its memory before. */
struct spec_outcome {
	uint64_t a[4];
	uint32_t next;			/* enum spec_pending from then on */
	bool ends;			/* the call is over */
	bool id_in_a3;
	uint32_t writes;
	struct { uint64_t pa; uint32_t len, from; } write[SPEC_PARAMS + 3];
	uint32_t used;
	uint8_t data[OPTEE_MSG_ARG_SIZE(SPEC_PARAMS)];
};

enum spec_pending {
	SPEC_LOADING,		/* OP-TEE does not have it yet */
	SPEC_INTERRUPTED,	/* goes on without an answer */
	SPEC_ASKED_ALLOC,
	SPEC_ASKED_FREE,
	SPEC_ASKED_CMD,
	SPEC_ASKED_SHM_ALLOC,
	SPEC_ASKED_UNDO,
	SPEC_HELD_BACK,		/* the mediator paused before it handed out an outcome */
};

/* What OP-TEE must find when it goes on. */
enum spec_answer { SPEC_NOTHING, SPEC_FAILURE };

struct spec_call {
	bool used;
	bool entered;		/* OP-TEE has begun it */
	bool resumed;
	bool paused;		/* the mediator itself broke off, charges are not known */
	bool spoiled;		/* ... after an operation of the host had failed */
	bool late;		/* what OP-TEE freed meanwhile counts until it returns */
	bool ready;		/* loaded: OP-TEE had no thread for it, it is tried again */
	bool entering;		/* buffers and the session it names stay what they are */
	uint32_t id;
	uint32_t serial;		/* no other call of this life has it */
	uint32_t fid;
	uint64_t at;		/* its message in guest memory */
	uint64_t next;		/* ... and the page in which it goes on; 0: it does not */
	uint64_t secure_at;	/* ... and the shadow */
	struct optee_msg_hdr hdr;
	struct optee_msg_param param[SPEC_PARAMS];
	uint32_t params;
	uint32_t thread;
	enum spec_pending pending;
	enum spec_answer answer;
	struct spec_outcome held_back;

	struct spec_buffer *target;	/* REGISTER, UNREGISTER: what it is about */
	struct spec_buffer *message_buffer;	/* REGD_ARG */
	struct spec_session *session;	/* INVOKE, CLOSE, CANCEL: whose it is */
	struct spec_session *closes;	/* CLOSE: has it to itself */
	bool opens;			/* OPEN: a session is charged for it */
	bool loads_ta;			/* ... and OP-TEE has asked for the TA */
	bool elsewhere;			/* its parameters are mapped in the TA's own place */
	struct spec_buffer *held[SPEC_LENT];
	uint32_t helds;
	struct spec_list lent[SPEC_LENT];
	uint32_t lents;
	bool lent_held;			/* OP-TEE may use it */
	bool exact;			/* what its page lists name is known */
	uint32_t lent_pages, lists;	/* charged */
	uint32_t named_pages;		/* of all buffers that it names */
	/* Allocated for OP-TEE in its course; others may have freed some of the second. */
	uint32_t payload_pages, payload_pages_most;

	struct spec_buffer *arg;	/* of the RPC that was asked; NULL: inline */
	uint64_t answer_at;		/* where OP-TEE looks for the answer */
	struct spec_rpc request;
	struct spec_rpc reply;		/* to SHM_ALLOC, as it was read */
	bool hidden;			/* the last request was not shown */
	bool for_page;			/* ... and may have been one for a page */
	bool judged;			/* it was: from now on only its list counts */
	bool can_undo;
	uint64_t refused_cookie;
	struct spec_buffer *payload;
	struct spec_list payload_list;
	uint32_t payload_lists;
	uint64_t lent_pa[SPEC_PAGES];
};

enum spec_smc { SPEC_NO_SMC, SPEC_FAST, SPEC_BEGIN, SPEC_RESUME, SPEC_REFUSED };

struct spec {
	const struct spec_world *world;
	struct spec_config config;
	bool yields;			/* should_yield may say so in this SMC */
	bool notified;			/* it has asked for notifications */
	bool dead;			/* could not be reset: every call fails */

	struct spec_buffer buffer[SPEC_BUFFERS];
	uint32_t pages, buffers, rpc_args, lists;	/* charged now */
	uint32_t payload_pages;		/* of all that is allocated for OP-TEE */
	struct spec_session session[SPEC_SESSIONS];
	uint32_t begun;
	uint32_t old_ids[SPEC_OLD_IDS], ended;

	/*
	 * Guest memory changes as soon as it was read: two lists in one page, or a list in
	 * the message's own, is what the guest has to blame itself for.
	 */
	bool mutates, read_twice;
	uint64_t visited[SPEC_VISITED];
	uint32_t visits;

	/* The SMC under way. */
	enum spec_smc smc;
	struct om_regs in;
	uint32_t fid;
	struct spec_call *now;
	uint32_t entered;		/* how often OP-TEE was */
	bool may_enter, must_enter;
	/* Refusals that are counted: of the guest's message or reply, of OP-TEE's request. */
	uint32_t must_refuse, may_refuse, must_hide;
	bool must_wait;			/* FOREIGN_INTR until another call is further on */
	struct spec_outcome outcome;
	bool decided;			/* outcome says what will come */
	uint64_t reply_pa;		/* to RPC ALLOC */
	bool policy_asked;
	uint32_t policy_code;
	uint64_t before[OM_COUNTERS], after[OM_COUNTERS];

	struct spec_call call[SPEC_CALLS];
	uint64_t pa[SPEC_BUFFERS][SPEC_PAGES];
};

/* A guest that was just created, or reset. s: zero before the first time. */
void spec_begin(struct spec *s, const struct spec_world *world, const struct spec_config *config);
/* It was reset: ids of before stay unknown. */
void spec_restart(struct spec *s);
/* VM_DESTROYED returned: the secure world has let go of everything. */
void spec_end(struct spec *s);

/* An SMC of the guest, with what happens in between; yields: should_yield may say so. */
void spec_guest_enters(struct spec *s, const struct om_regs *regs, bool yields);
void spec_secure_enters(struct spec *s, const struct om_regs *regs);
void spec_secure_returns(struct spec *s, const struct om_regs *regs);
void spec_policy(struct spec *s, const struct om_request *request, uint32_t code);
void spec_guest_returns(struct spec *s, const struct om_regs *regs);

/* Calls in flight; the i-th suspended one, NULL when there are fewer. */
uint32_t spec_calls(const struct spec *s);
/* Of them, those that are not on their way out. */
uint32_t spec_calls_under_way(const struct spec *s);
const struct spec_call *spec_suspended(const struct spec *s, uint32_t i);
/* Where a byte of its message is, and of the argument of the RPC that it waits for. */
uint64_t spec_message_at(const struct spec_call *c, uint64_t offset);
uint64_t spec_argument_at(const struct spec_call *c, uint64_t offset);
/* True when what is charged is known exactly: no call is broken off by the mediator. */
bool spec_is_settled(const struct spec *s);
/* The buffer with this cookie, NULL if it is not taken. */
struct spec_buffer *spec_find(struct spec *s, uint64_t cookie);
/* The i-th open session, NULL when there are fewer. */
const struct spec_session *spec_open_session(const struct spec *s, uint32_t i);
/* Pages that must be pinned now; exact when spec_is_settled(). */
uint64_t spec_pinned(const struct spec *s);

#endif

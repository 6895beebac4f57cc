/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest's inside: its memory, its OP-TEE client, its checks.
 *
 * Shared by the files of this folder only. Everything hangs off one struct
 * cg_guest, which lives at the start of guest RAM; there are no variables beside
 * it. Nothing here is known to, or knows, whoever runs the guest (guest.h is).
 */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#include "guest.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#define CG_PAGE			OPTEE_MSG_PAGE_SIZE
#define CG_RPC_ARGS		64u	/* RPC argument buffers the guest can hold */
#define CG_PAYLOADS		64u	/* SHM_ALLOC buffers it can hold */
#define CG_NOTIFS		512u	/* notification values it can remember */
#define CG_MAX_CALLS		34u	/* calls a scenario keeps in flight */
#define CG_NO_PAGE		0xffffffffu

/* ---- checks (check.c) ---- */

/* What the scenario that runs has come to. */
struct cg_verdict {
	uint32_t checks;
	uint32_t unchecked;
	uint32_t failures;
	uint64_t digest;
	const char *skipped;	/* why; NULL: it ran */
	/* The first failure. */
	const char *what;
	const char *file;
	uint32_t line;
	uint64_t got;
	uint64_t want;
};

/* ---- memory (memory.c) ---- */

/*
 * A buffer as OP-TEE is told about it: a page list and the pages in it. The list
 * is the only record of the pages, so that a buffer of any length fits here.
 */
struct cg_buf {
	uint32_t list;		/* first list page */
	uint32_t pages;		/* entries in the list; 0: there is no buffer */
	uint32_t offset;	/* of the data in its first page */
	uint64_t size;		/* bytes */
	uint64_t cookie;
	bool repeat;		/* every entry is one and the same page */
};

/* ---- RPC server (rpc_server.c) ---- */

/* A page that OP-TEE puts its RPC requests in. */
struct cg_rpc_arg {
	uint64_t cookie;	/* 0: free entry */
	uint32_t page;
};

struct cg_call;

/* A buffer that OP-TEE asked for with SHM_ALLOC. */
struct cg_payload {
	uint64_t cookie;	/* 0: free entry */
	uint64_t type;
	struct cg_buf buf;
};

/* ---- the guest ---- */

struct cg_guest {
	const struct cg_platform *platform;
	uint8_t *ram;
	uint64_t ipa;
	uint32_t pages;		/* of RAM */
	uint32_t first_page;	/* the first that can be allocated */
	uint32_t stride;	/* coprime to what can be allocated: scatters pages */

	/* Used by several vCPUs at once: atomics, or under the lock. */
	uint64_t *used;		/* a bit per page */
	uint32_t cursor;
	uint32_t pages_held;
	uint64_t next_cookie;
	uint32_t anomalies;	/* things no scenario expects; always a failure */
	const char *anomaly_file;	/* of the first one */
	uint32_t anomaly_line;
	const char *leak;	/* the first one is a host address: where it was seen */
	uint64_t leaked;	/* ... and which */
	uint32_t lock;
	struct cg_rpc_arg rpc_args[CG_RPC_ARGS];
	struct cg_payload payloads[CG_PAYLOADS];
	uint32_t notified[CG_NOTIFS / 32];
	/*
	 * What the RPC server answers to LOAD_TA: 0 not found, else there is a
	 * TA of that many bytes, these, or NULL for some that OP-TEE will find to be
	 * rubbish.
	 */
	uint32_t ta_size;
	const uint8_t *ta;
	/* Serves an FS request and returns its ret; NULL: nothing is found. */
	uint32_t (*serve_fs)(struct cg_call *c);
	/* RPCs served, by kind, for scenarios that count them. */
	uint32_t served_alloc;
	uint32_t served_free;
	uint32_t served_interrupt;
	uint32_t served_cmd;
	uint32_t served_shm_alloc;
	uint32_t served_shm_free;

	struct cg_verdict verdict;
	struct cg_stress *stress;	/* stress.c; NULL otherwise */
};

/* ---- checks ---- */

/*
 * CG_EQ: the value must be the expected one, and goes into the digest, so it must
 * be the same on every OP-TEE. CG_IS: the same without the digest. CG_OK: the
 * condition must hold. All say whether they did.
 */
#define CG_EQ(g, what, got, want) \
	cg_check(g, what, __FILE__, __LINE__, (uint64_t)(got), (uint64_t)(want), true)
#define CG_IS(g, what, got, want) \
	cg_check(g, what, __FILE__, __LINE__, (uint64_t)(got), (uint64_t)(want), false)
#define CG_OK(g, what, cond) \
	cg_check(g, what, __FILE__, __LINE__, (uint64_t)((cond) ? 1 : 0), 1, false)

bool cg_check(struct cg_guest *g, const char *what, const char *file, uint32_t line,
	      uint64_t got, uint64_t want, bool digest);
/* A call, served to its end, or started and served: CG_EQ of its result. */
#define CG_FINISH(c, what, want)	(cg_finish(c), CG_EQ((c)->g, what, cg_result(c), want))
#define CG_DO(c, what, want)		(cg_do(c), CG_EQ((c)->g, what, cg_result(c), want))
/* A value for the digest that is not checked here. */
void cg_observe(struct cg_guest *g, uint64_t value);
/* The platform has no means for one check; for the whole scenario. */
void cg_unchecked(struct cg_guest *g);
void cg_skip(struct cg_guest *g, const char *why);
/* Something that must never be seen, wherever it is noticed. Any vCPU. */
#define CG_ANOMALY(g) cg_anomaly(g, __FILE__, __LINE__)
void cg_anomaly(struct cg_guest *g, const char *file, uint32_t line);
/* A host address, and where it was seen. */
#define CG_LEAK(g, where, value) cg_leak(g, __FILE__, __LINE__, where, value)
void cg_leak(struct cg_guest *g, const char *file, uint32_t line, const char *where,
	     uint64_t value);

/* ---- memory ---- */

void cg_memory_init(struct cg_guest *g, const struct cg_platform *platform);
void cg_copy(void *dst, const void *src, size_t len);
void cg_fill(void *dst, uint8_t value, size_t len);
bool cg_same(const void *a, const void *b, size_t len);
uint64_t cg_random(uint64_t *state);

void cg_lock(struct cg_guest *g);
void cg_unlock(struct cg_guest *g);

/* A page, not zeroed, never next to the one before; CG_NO_PAGE when none is left. */
uint32_t cg_page_get(struct cg_guest *g);
/* A page of the caller's choice; false: somebody has it. */
bool cg_page_take(struct cg_guest *g, uint32_t page);
void cg_page_put(struct cg_guest *g, uint32_t page);
void *cg_page_va(struct cg_guest *g, uint32_t page);
uint64_t cg_page_ipa(struct cg_guest *g, uint32_t page);
/* The page at an IPA, CG_NO_PAGE when it is not RAM that can be allocated. */
uint32_t cg_page_at(struct cg_guest *g, uint64_t ipa);

uint64_t cg_cookie(struct cg_guest *g);
/* False, with nothing held, when RAM is short. The buffer gets a cookie. */
bool cg_buf_make(struct cg_guest *g, struct cg_buf *b, uint64_t size, uint32_t offset);
/* A buffer of n pages that are all the same page. */
bool cg_buf_repeat(struct cg_guest *g, struct cg_buf *b, uint32_t n);
/* Gives back list and pages; the list must be as cg_buf_make() left it. */
void cg_buf_free(struct cg_guest *g, struct cg_buf *b);
uint64_t *cg_buf_entry(struct cg_guest *g, const struct cg_buf *b, uint32_t i);
uint8_t *cg_buf_at(struct cg_guest *g, const struct cg_buf *b, uint64_t pos);
/* What goes into tmem.buf_ptr. */
uint64_t cg_buf_ptr(struct cg_guest *g, const struct cg_buf *b);
/* Fills the buffer with a pattern and returns the 8-bit sum of it. */
uint8_t cg_buf_pattern(struct cg_guest *g, const struct cg_buf *b, uint64_t seed);

/* ---- calls (client.c) ---- */

enum cg_state {
	CG_IDLE,	/* not begun */
	CG_WAITING,	/* left OP-TEE for an RPC; a[] says which */
	CG_ENDED,	/* a[0] is its end */
};

/* Words that a guest can know to be its own: of a message, of a request's reply. */
#define CG_MSG_WORDS	(OPTEE_MSG_ARG_SIZE(6) / 8u)
#define CG_RPC_WORDS	(OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS) / 8u)

/* A message with as many parameters as there can be, and an RPC argument behind it. */
#define CG_CARRIED_WORDS	(CG_MSG_WORDS + CG_RPC_WORDS)

/* One yielding call from its message to its end. */
struct cg_call {
	struct cg_guest *g;
	unsigned int vcpu;	/* that issues the next SMC */
	enum cg_state state;
	uint32_t fid;		/* OPTEE_SMC_CALL_WITH_* */
	uint32_t page;		/* the message's, or CG_NO_PAGE for REGD_ARG */
	uint64_t where;		/* IPA of the message; REGD_ARG: the cookie */
	uint32_t offset;	/* REGD_ARG: of the message in its buffer */
	uint8_t *msg;		/* where this program sees it */
	/* REGD_ARG: msg are CG_CARRIED_WORDS that are copied there and back; or NULL. */
	const struct cg_buf *message_buffer;
	uint64_t id;		/* as given by the last RPC return */
	uint32_t a[4];		/* as returned by the last SMC */
	uint64_t x[8];		/* what the next resume passes */
	uint8_t *rpc;		/* the RPC's message, when it is a CMD */
	uint8_t *inline_rpc;	/* where it is when it comes with the call */
	uint32_t interrupts;	/* FOREIGN_INTR so far */
	uint32_t resumes;	/* so far */
	/*
	 * What the guest itself has written, and may so find again: the message as it
	 * was at the start and before the last SMC, the last reply that says something.
	 */
	uint64_t first[CG_MSG_WORDS];
	uint64_t last[CG_MSG_WORDS];
	uint64_t reply[CG_RPC_WORDS];
};

static inline struct optee_msg_hdr *cg_hdr(struct cg_call *c)
{
	return (struct optee_msg_hdr *)(void *)c->msg;
}

static inline struct optee_msg_param *cg_param(struct cg_call *c, uint32_t i)
{
	return (struct optee_msg_param *)(void *)(c->msg + OPTEE_MSG_ARG_SIZE(i));
}

static inline struct optee_msg_hdr *cg_rpc_hdr(struct cg_call *c)
{
	return (struct optee_msg_hdr *)(void *)c->rpc;
}

static inline struct optee_msg_param *cg_rpc_param(struct cg_call *c, uint32_t i)
{
	return (struct optee_msg_param *)(void *)(c->rpc + OPTEE_MSG_ARG_SIZE(i));
}

/* An SMC with the checks that hold for all of them; see client.c. */
void cg_smc(struct cg_guest *g, unsigned int vcpu, uint64_t x[8]);
/* A fast call with one argument; returns a0, the rest in out[4] if not NULL. */
uint32_t cg_fast(struct cg_guest *g, uint32_t fid, uint64_t a1, uint32_t out[4]);

/* A call with a page of its own, zeroed, CALL_WITH_ARG. False: no memory. */
bool cg_call_init(struct cg_call *c, struct cg_guest *g, uint32_t cmd, uint32_t num_params);
/* Gives the page back; a call that has not ended is an anomaly. */
void cg_call_fini(struct cg_call *c);
/* Issues the first SMC. May be used again when the call has ended. */
void cg_start(struct cg_call *c);
/* Goes on after an RPC with the registers in x[]. */
void cg_resume(struct cg_call *c);

/* Prepares the answer to the pending RPC. False: it has to wait (NOTIFICATION). */
bool cg_serve(struct cg_call *c);
/* Serves RPCs until the call ends; an anomaly, and still waiting, when it never does. */
void cg_finish(struct cg_call *c);
/* Starts and finishes. */
void cg_do(struct cg_call *c);
/*
 * Serves RPCs until one with this a0, and for CMD with this command, is pending,
 * and leaves it pending: true; false when the call ended before, or never does.
 */
bool cg_until(struct cg_call *c, uint32_t rpc);
bool cg_until_cmd(struct cg_call *c, uint32_t cmd);
/*
 * The same for FS or SHM_FREE of the payload with this cookie. Others may come before it:
 * OP-TEE asks again for what it was refused, if it likes.
 */
bool cg_until_cmd_of(struct cg_call *c, uint32_t cmd, uint64_t cookie);
/* Finishes several at once, each served in turn, so that they can wait for each other. */
void cg_finish_all(struct cg_call *calls, uint32_t n);

/* ---- RPC server (rpc_server.c) ---- */

/* Remembers a page as RPC argument buffer under a cookie; for ALLOC. */
bool cg_rpc_arg_add(struct cg_guest *g, uint64_t cookie, uint32_t page);
/* Forgets it and gives the page back; false when unknown. */
bool cg_rpc_arg_drop(struct cg_guest *g, uint64_t cookie);
uint32_t cg_rpc_arg_page(struct cg_guest *g, uint64_t cookie);
/* The same for payload buffers. */
bool cg_payload_add(struct cg_guest *g, uint64_t type, const struct cg_buf *b);
bool cg_payload_drop(struct cg_guest *g, uint64_t type, uint64_t cookie);
struct cg_payload *cg_payload_find(struct cg_guest *g, uint64_t cookie);
/* Forgets all of both: OP-TEE has. */
void cg_rpc_forget(struct cg_guest *g);
/* How many of both the guest holds. */
uint32_t cg_rpc_held(struct cg_guest *g);

/* ---- everyday operations (ops.c): each returns the message's ret, or the SMC's a0
 * with bit 63 set when that was not OK ---- */

#define CG_SMC_ERROR	(1ull << 63)

extern const uint8_t cg_uuid_invoke[16];
extern const uint8_t cg_uuid_stats[16];
extern const uint8_t cg_uuid_device[16];
extern const uint8_t cg_uuid_unknown[16];

/* Functions of the pseudo-TAs. */
#define CG_INVOKE_PARAMS	1u
#define CG_INVOKE_MUTEX		7u
#define CG_INVOKE_NULL		10u
#define CG_STATS_GET_TIME	4u
#define CG_DEVICE_GET		0u

/*
 * The model's test TA, which only answers where CG_MODEL_TA is set. A copy of the
 * few constants from tests/model/model_ta.h; test_conformance.c compares them.
 */
extern const uint8_t cg_uuid_model[16];
#define CG_MODEL_INTERRUPT	0u	/* value in a: that many FOREIGN_INTR */
#define CG_MODEL_PAYLOAD	1u	/* value inout {size, type}: SHM_ALLOC to SHM_FREE */
#define CG_MODEL_PAYLOAD_KEEP	2u	/* value inout {size, type}: out a is a handle */
#define CG_MODEL_PAYLOAD_CHECK	3u	/* value in a: handle */
#define CG_MODEL_PAYLOAD_DROP	4u	/* value in a: handle */
#define CG_MODEL_WAIT_CANCEL	7u	/* FOREIGN_INTR until CANCEL */
#define CG_MODEL_SUSPEND_MEMREF	14u	/* value in a: that many SUSPEND; inverts memrefs */

void cg_set_value(struct cg_call *c, uint32_t i, uint64_t attr, uint64_t a, uint64_t b,
		  uint64_t cc);
void cg_set_tmem(struct cg_call *c, uint32_t i, uint64_t attr, const struct cg_buf *b);
void cg_set_rmem(struct cg_call *c, uint32_t i, uint64_t attr, uint64_t cookie,
		 uint64_t offs, uint64_t size);
/* Fills params 0 and 1 of an OPEN_SESSION. */
void cg_set_open(struct cg_call *c, const uint8_t uuid[16]);
/* An INVOKE of stats GET_TIME, not started. */
bool cg_time_init(struct cg_call *c, struct cg_guest *g, uint32_t session);

uint64_t cg_result(struct cg_call *c);
uint64_t cg_open(struct cg_guest *g, const uint8_t uuid[16], uint32_t *session);
uint64_t cg_close(struct cg_guest *g, uint32_t session);
/* Value test: *a + b by the secure world, into *a. */
uint64_t cg_add(struct cg_guest *g, uint32_t session, uint64_t *a, uint64_t b);
/* Memref test on registered memory; *sum is byte 0 afterwards. */
uint64_t cg_sum(struct cg_guest *g, uint32_t session, const struct cg_buf *b,
		uint64_t offs, uint64_t size, uint8_t *sum);
uint64_t cg_register(struct cg_guest *g, const struct cg_buf *b);
uint64_t cg_unregister(struct cg_guest *g, uint64_t cookie);
/* An INVOKE with 4 empty parameters, not started. */
bool cg_invoke_init(struct cg_call *c, struct cg_guest *g, uint32_t session, uint32_t func);
/* A call must have been refused by the mediator: a0 OK, this ret, origin COMMS. */
#define CG_REFUSED(c, what, ret) cg_refused(c, what, ret, __FILE__, __LINE__)
void cg_refused(struct cg_call *c, const char *what, uint32_t ret, const char *file,
		uint32_t line);
/* After refusals: every slot is still good for a call. */
void cg_slots_are_free(struct cg_guest *g);
/* Calls that can be in flight, as the guest is told. */
uint32_t cg_threads(struct cg_guest *g);
/* For cg_scenario_entry.lacks: two calls at once, the model's TA. */
const char *cg_lacks_calls(struct cg_guest *g);
const char *cg_lacks_model(struct cg_guest *g);
/* Pages one buffer can have at most: its whole list is held while it is read. */
uint32_t cg_longest(struct cg_guest *g);
/*
 * Pages that one call, when there is no other, can never have OP-TEE map; and those that
 * it always can. How calls share the guest's limit is the mediator's business: within
 * CG_MAPPED_SLACK pages of each slot either answer is right.
 */
#define CG_MAPPED_SLACK	4u
uint32_t cg_mapped_never(struct cg_guest *g);
uint32_t cg_mapped_always(struct cg_guest *g);
/* True when guest memory shows an address of the host. */
bool cg_leaks(struct cg_guest *g, const void *mem, size_t len);

/* ---- scenarios ---- */

struct cg_scenario_entry {
	const char *numbers;
	const char *invariants;
	const char *name;
	/* One of them: by itself, or in a session of this TA. */
	void (*run)(struct cg_guest *g);
	void (*run_in)(struct cg_guest *g, uint32_t session);
	const uint8_t *ta;
	/* Optional: why the scenario must be skipped here; NULL when it need not be. */
	const char *(*lacks)(struct cg_guest *g);
};

/* Each ends with an entry without name. */
extern const struct cg_scenario_entry cg_scenarios_fast[];
extern const struct cg_scenario_entry cg_scenarios_calls[];
extern const struct cg_scenario_entry cg_scenarios_params[];
extern const struct cg_scenario_entry cg_scenarios_resume[];
extern const struct cg_scenario_entry cg_scenarios_rpc[];
extern const struct cg_scenario_entry cg_scenarios_payload[];
extern const struct cg_scenario_entry cg_scenarios_shm[];
extern const struct cg_scenario_entry cg_scenarios_registry[];
extern const struct cg_scenario_entry cg_scenarios_quota[];
extern const struct cg_scenario_entry cg_scenarios_mapping[];
extern const struct cg_scenario_entry cg_scenarios_edges[];
extern const struct cg_scenario_entry cg_scenarios_kexec[];
extern const struct cg_scenario_entry cg_scenarios_drivers[];

#define CG_SCENARIO(numbers, invariants, fn) \
	CG_SCENARIO_IF(NULL, numbers, invariants, fn)
#define CG_SCENARIO_IF(lacks, numbers, invariants, fn) \
	{ numbers, invariants, #fn, fn, NULL, NULL, lacks }
#define CG_IN_SESSION(numbers, invariants, ta, fn) \
	CG_IN_SESSION_IF(NULL, numbers, invariants, ta, fn)
#define CG_IN_SESSION_IF(lacks, numbers, invariants, ta, fn) \
	{ numbers, invariants, #fn, NULL, fn, ta, lacks }
#define CG_SCENARIOS_END { NULL, NULL, NULL, NULL, NULL, NULL, NULL }

#endif

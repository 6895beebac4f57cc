/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest of a proof, in any state that its invariants allow, and so small that a
 * checker can look at all of them. WORLD_* say how small; a harness may define them.
 *
 * The functions under proof never look at how many records there are, but for
 * om_shm_init() and the end of a guest: they follow lists and obey quotas. So the sizes
 * here are not tied to the limits, which are any.
 */
#ifndef TESTS_PROOF_WORLD_H
#define TESTS_PROOF_WORLD_H

#include "proof.h"

#include "call.h"
#include "guest.h"
#include "host.h"
#include "sessions.h"

/* How many there are of each; a harness that wants others says so in "Options:". */
#ifndef WORLD_BUFFERS
#define WORLD_BUFFERS	2u
#endif
#ifndef WORLD_PINS
#define WORLD_PINS	2u
#endif
#ifndef WORLD_BUCKETS
#define WORLD_BUCKETS	2u
#endif
#ifndef WORLD_SHADOWS
#define WORLD_SHADOWS	2u
#endif
#ifndef WORLD_SESSIONS
#define WORLD_SESSIONS	2u
#endif

extern struct om_mediator world_mediator;
extern struct om_guest world_guest;
extern struct om_call world_call;
extern struct om_buffer world_buffers[WORLD_BUFFERS];
extern struct om_shadow world_shadows[WORLD_SHADOWS];
extern struct om_session world_sessions[WORLD_SESSIONS];
extern uint32_t world_buckets[WORLD_BUCKETS];

/*
 * The records of pins, as what they mostly are: an index into an array of addresses
 * is something a checker can reason about, one into bytes is not.
 */
#define WORLD_PIN_WORDS	(sizeof(struct om_pins) / sizeof(om_pa_t))
extern om_pa_t *world_pins;

static inline struct om_pins *world_record(uint32_t i)
{
	return &((struct om_pins *)world_pins)[i];
}

/* What can be behind a shadow page: a message with its RPC argument, or a page list. */
struct world_message {
	struct om_message message;
	struct om_request_copy request;
};
#define WORLD_ENTRIES	(OPTEE_MSG_LIST_NEXT + 1u)
/* Memory for a page list, that holds anything. */
uint64_t *world_new_list(void);

/*
 * host_init(), a mediator that knows any reserved memory, and a guest with any limits;
 * the shadow pages are distinct and usable, as alloc_pages() in lifetime.c saw to it.
 * Everything in the registry and the call is any value; the harness says more, and what
 * is behind the shadow pages.
 */
void world_init(void);

/* A shadow page of this guest. */
bool is_shadow_page(uint64_t pa);

/* An address that the secure world may be given (invariant I2), or at least in theory. */
bool is_usable(uint64_t pa);

#endif

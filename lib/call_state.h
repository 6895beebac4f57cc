/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of a yielding call, as a pure function.
 *
 *   FREE       nobody uses the slot
 *   LOADING    a vCPU copies, checks and translates the guest's message
 *   CLAIMING   a vCPU claims the buffer or the session that the message ends, and waits
 *              for the calls that are on their way to it
 *   SECURE     a vCPU is in OP-TEE
 *   ASKING     OP-TEE's request (an RPC) was checked; a vCPU shows it to the guest
 *   WAITING    the guest has a request and owes the reply
 *   REPLYING   a vCPU checks the guest's reply
 *   SHARING    the reply was checked and has memory, which a vCPU translates
 *   ENDING     a vCPU gives back what the call held
 *   INTERRUPTED the guest takes an interrupt; the resume goes straight to OP-TEE
 *   *_PAUSED   the same, but it was the mediator that gave way in its own work; a call
 *              that waits for others is CLAIMING_PAUSED
 *   BROKEN     never reached; a step gave an event that its state does not know
 *
 * In the states from LOADING to ENDING exactly one vCPU owns the call and may touch
 * it. In all others it belongs to nobody: who resumes it takes it by one atomic
 * exchange (invariant I6). A diagram is in docs/design.md.
 */
#ifndef OM_LIB_CALL_STATE_H
#define OM_LIB_CALL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

enum om_call_state {
	OM_CALL_FREE = 0,
	OM_CALL_LOADING,
	OM_CALL_CLAIMING,
	OM_CALL_SECURE,
	OM_CALL_ASKING,
	OM_CALL_REPLYING,
	OM_CALL_SHARING,
	OM_CALL_ENDING,
	OM_CALL_LOADING_PAUSED,
	OM_CALL_CLAIMING_PAUSED,
	OM_CALL_ASKING_PAUSED,
	OM_CALL_SHARING_PAUSED,
	OM_CALL_ENDING_PAUSED,
	OM_CALL_INTERRUPTED,
	OM_CALL_WAITING,
	OM_CALL_BROKEN,
	OM_CALL_STATES
};

enum om_call_event {
	OM_EVENT_BEGIN,		/* the guest starts a call */
	OM_EVENT_RESUME,	/* the guest resumes it */
	OM_EVENT_PAUSE,		/* an interrupt is pending; the mediator stops its work */
	OM_EVENT_CLAIM,		/* the message ends a buffer or a session */
	OM_EVENT_ENTER,		/* the call is ready for OP-TEE */
	OM_EVENT_INTERRUPT,	/* there is no request: the guest only has to resume */
	OM_EVENT_REQUEST,	/* OP-TEE returned with an RPC */
	OM_EVENT_ASK,		/* the guest has been given the request */
	OM_EVENT_SHARE,		/* the guest replied with memory */
	OM_EVENT_END,		/* OP-TEE is done, or is not asked */
	OM_EVENT_RELEASE,	/* the call holds nothing any more */
	OM_CALL_EVENTS
};

/*
 * The table. An entry is the next state ^ BROKEN, so that an empty entry is BROKEN. It is here and
 * not in call_state.c so that a compiler can follow a step whose state and event it knows.
 */
#define OM_CALL_TABLE 16u
#define OM_STEP(event, state) [OM_EVENT_##event] = (OM_CALL_##state ^ OM_CALL_BROKEN)

static const uint8_t om_call_table[OM_CALL_TABLE][OM_CALL_TABLE] = {
	[OM_CALL_FREE] = { OM_STEP(BEGIN, LOADING) },
	[OM_CALL_LOADING] = { OM_STEP(PAUSE, LOADING_PAUSED), OM_STEP(CLAIM, CLAIMING),
			      OM_STEP(ENTER, SECURE), OM_STEP(END, ENDING) },
	[OM_CALL_CLAIMING] = { OM_STEP(PAUSE, CLAIMING_PAUSED), OM_STEP(ENTER, SECURE),
			       OM_STEP(END, ENDING) },
	[OM_CALL_SECURE] = { OM_STEP(INTERRUPT, INTERRUPTED), OM_STEP(REQUEST, ASKING),
			     OM_STEP(END, ENDING) },
	[OM_CALL_ASKING] = { OM_STEP(PAUSE, ASKING_PAUSED), OM_STEP(ASK, WAITING),
			     OM_STEP(INTERRUPT, INTERRUPTED) },
	[OM_CALL_REPLYING] = { OM_STEP(SHARE, SHARING), OM_STEP(ENTER, SECURE) },
	[OM_CALL_SHARING] = { OM_STEP(PAUSE, SHARING_PAUSED), OM_STEP(ASK, WAITING),
			      OM_STEP(ENTER, SECURE) },
	[OM_CALL_ENDING] = { OM_STEP(PAUSE, ENDING_PAUSED), OM_STEP(RELEASE, FREE) },
	[OM_CALL_LOADING_PAUSED] = { OM_STEP(RESUME, LOADING) },
	[OM_CALL_CLAIMING_PAUSED] = { OM_STEP(RESUME, CLAIMING) },
	[OM_CALL_ASKING_PAUSED] = { OM_STEP(RESUME, ASKING) },
	[OM_CALL_SHARING_PAUSED] = { OM_STEP(RESUME, SHARING) },
	[OM_CALL_ENDING_PAUSED] = { OM_STEP(RESUME, ENDING) },
	[OM_CALL_INTERRUPTED] = { OM_STEP(RESUME, SECURE) },
	[OM_CALL_WAITING] = { OM_STEP(RESUME, REPLYING) },
};
_Static_assert(OM_CALL_STATES <= OM_CALL_TABLE && OM_CALL_EVENTS <= OM_CALL_TABLE,
	       "states and events fit the table");

/* The state that follows; OM_CALL_BROKEN when the state does not know the event. */
static inline enum om_call_state om_call_next(enum om_call_state state,
					      enum om_call_event event)
{
	uint32_t s = (uint32_t)state, e = (uint32_t)event;

	/* One check, as the size is a power of two. No guest chooses a state, so no mask. */
	if ((s | e) >= OM_CALL_TABLE)
		return OM_CALL_BROKEN;
	return (enum om_call_state)(om_call_table[s][e] ^ OM_CALL_BROKEN);
}

/* True when a vCPU owns a call in this state and has to continue it. */
static inline bool om_call_is_owned(enum om_call_state state)
{
	return (uint32_t)state - OM_CALL_LOADING <= OM_CALL_ENDING - OM_CALL_LOADING;
}

/*
 * What a call has, as bits. om_call_rules says what goes with which state; a call that has come
 * to a state has no more and no less.
 */
#define OM_HAS_MESSAGE		0x001u	/* the place of the message, pinned or in use */
#define OM_HAS_TRANSIT		0x002u	/* OP-TEE may not have looked up what it names */
#define OM_HAS_TARGET		0x004u	/* the buffer that it registers or unregisters */
#define OM_HAS_LISTS		0x008u	/* list pages for what its parameters lend */
#define OM_HAS_SESSION		0x010u	/* a session that it uses; only in transit */
#define OM_HAS_OPEN		0x020u	/* a session that it opens, charged */
#define OM_HAS_CLOSE		0x040u	/* a session that it closes, claimed */
#define OM_HAS_SOURCE		0x080u	/* a page of the guest's page list, pinned */
#define OM_HAS_ARG		0x100u	/* the RPC argument, in use */
#define OM_HAS_PAYLOAD		0x200u	/* list pages for the memory of a reply */
#define OM_HAS_RELEASE		0x400u	/* buffers to give back */

struct om_call_rule {
	uint16_t must;
	uint16_t may;	/* beside what it must have */
};
extern const struct om_call_rule om_call_rules[OM_CALL_TABLE];

/* True when a call in this state may have this, and nothing is missing. */
static inline bool om_call_may_have(enum om_call_state state, uint32_t has)
{
	const struct om_call_rule *rule = &om_call_rules[om_index(state, OM_CALL_TABLE)];

	if ((has & OM_HAS_SESSION) && !(has & OM_HAS_TRANSIT))
		return false;
	return (has & rule->must) == rule->must && !(has & ~((uint32_t)rule->must | rule->may));
}

/* Names for traces; static strings, "?" when unknown. */
const char *om_call_state_name(uint32_t state);
const char *om_call_event_name(uint32_t event);

#endif

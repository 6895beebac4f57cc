/* SPDX-License-Identifier: BSD-2-Clause */
/* What a call has in each state, and names. Independent of what a call does. */
#include "call_state.h"

#define MESSAGE		OM_HAS_MESSAGE
#define TRANSIT		OM_HAS_TRANSIT
#define LOADED		(OM_HAS_TARGET | OM_HAS_LISTS | OM_HAS_SESSION | OM_HAS_OPEN)
#define SENT		(TRANSIT | LOADED | OM_HAS_CLOSE)
#define REPLY		(OM_HAS_SOURCE | OM_HAS_PAYLOAD)

const struct om_call_rule om_call_rules[OM_CALL_TABLE] = {
	/* TRANSIT means nothing here, nor in ENDING_PAUSED. */
	[OM_CALL_FREE] = { 0, TRANSIT },
	[OM_CALL_LOADING] = { TRANSIT, MESSAGE | LOADED | OM_HAS_SOURCE },
	[OM_CALL_LOADING_PAUSED] = { MESSAGE | TRANSIT, LOADED | OM_HAS_SOURCE },
	[OM_CALL_CLAIMING] = { MESSAGE | TRANSIT, OM_HAS_SESSION | OM_HAS_CLOSE },
	[OM_CALL_CLAIMING_PAUSED] = { MESSAGE | TRANSIT, OM_HAS_CLOSE },
	[OM_CALL_SECURE] = { MESSAGE, SENT | OM_HAS_PAYLOAD | OM_HAS_RELEASE },
	[OM_CALL_INTERRUPTED] = { MESSAGE, SENT | OM_HAS_PAYLOAD | OM_HAS_RELEASE },
	[OM_CALL_ASKING] = { MESSAGE, SENT | OM_HAS_ARG | OM_HAS_RELEASE },
	[OM_CALL_ASKING_PAUSED] = { MESSAGE | OM_HAS_RELEASE, SENT | OM_HAS_ARG },
	[OM_CALL_WAITING] = { MESSAGE, SENT | OM_HAS_ARG },
	[OM_CALL_REPLYING] = { MESSAGE, SENT | OM_HAS_ARG },
	[OM_CALL_SHARING] = { MESSAGE, SENT | OM_HAS_ARG | REPLY | OM_HAS_RELEASE },
	[OM_CALL_SHARING_PAUSED] = { MESSAGE, SENT | OM_HAS_ARG | REPLY | OM_HAS_RELEASE },
	[OM_CALL_ENDING] = { 0, MESSAGE | TRANSIT | OM_HAS_TARGET | OM_HAS_LISTS |
			     OM_HAS_SESSION | REPLY | OM_HAS_RELEASE },
	[OM_CALL_ENDING_PAUSED] = { OM_HAS_RELEASE, TRANSIT },
	[OM_CALL_BROKEN] = { 0xffff, 0 },	/* no call has all of it */
};

/* Arrays of characters, because pointers would need relocations and a data section. */
#define STATE(name) [OM_CALL_##name] = #name
static const char state_names[OM_CALL_STATES][20] = {
	STATE(FREE), STATE(LOADING), STATE(CLAIMING), STATE(SECURE), STATE(ASKING),
	STATE(REPLYING), STATE(SHARING), STATE(ENDING), STATE(LOADING_PAUSED),
	STATE(CLAIMING_PAUSED), STATE(ASKING_PAUSED), STATE(SHARING_PAUSED),
	STATE(ENDING_PAUSED), STATE(INTERRUPTED), STATE(WAITING), STATE(BROKEN),
};

#define EVENT(name) [OM_EVENT_##name] = #name
static const char event_names[OM_CALL_EVENTS][12] = {
	EVENT(BEGIN), EVENT(RESUME), EVENT(PAUSE), EVENT(CLAIM), EVENT(ENTER), EVENT(INTERRUPT),
	EVENT(REQUEST), EVENT(ASK), EVENT(SHARE), EVENT(END), EVENT(RELEASE),
};

const char *om_call_state_name(uint32_t state)
{
	return state < OM_CALL_STATES ? state_names[om_index(state, OM_CALL_STATES)] : "?";
}

const char *om_call_event_name(uint32_t event)
{
	return event < OM_CALL_EVENTS ? event_names[om_index(event, OM_CALL_EVENTS)] : "?";
}

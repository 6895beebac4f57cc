/* SPDX-License-Identifier: BSD-2-Clause */
/* The state table of a yielding call. Independent of what a call does. */
#include "call_state.h"

#define TO(state) (OM_CALL_##state ^ OM_CALL_BROKEN)

const uint8_t om_call_table[OM_CALL_TABLE][OM_CALL_TABLE] = {
	[OM_CALL_FREE] = {
		[OM_EVENT_BEGIN] = TO(LOADING),
	},
	[OM_CALL_LOADING] = {
		[OM_EVENT_PAUSE] = TO(LOADING_PAUSED),
		[OM_EVENT_ENTER] = TO(SECURE),
		[OM_EVENT_END] = TO(ENDING),
	},
	[OM_CALL_SECURE] = {
		[OM_EVENT_INTERRUPT] = TO(INTERRUPTED),
		[OM_EVENT_REQUEST] = TO(ASKING),
		[OM_EVENT_END] = TO(ENDING),
	},
	[OM_CALL_ASKING] = {
		[OM_EVENT_PAUSE] = TO(ASKING_PAUSED),
		[OM_EVENT_ASK] = TO(WAITING),
		[OM_EVENT_INTERRUPT] = TO(INTERRUPTED),
	},
	[OM_CALL_REPLYING] = {
		[OM_EVENT_PAUSE] = TO(REPLYING_PAUSED),
		[OM_EVENT_ASK] = TO(WAITING),
		[OM_EVENT_ENTER] = TO(SECURE),
	},
	[OM_CALL_ENDING] = {
		[OM_EVENT_PAUSE] = TO(ENDING_PAUSED),
		[OM_EVENT_RELEASE] = TO(FREE),
	},
	[OM_CALL_LOADING_PAUSED] = { [OM_EVENT_RESUME] = TO(LOADING) },
	[OM_CALL_ASKING_PAUSED] = { [OM_EVENT_RESUME] = TO(ASKING) },
	[OM_CALL_REPLYING_PAUSED] = { [OM_EVENT_RESUME] = TO(REPLYING) },
	[OM_CALL_ENDING_PAUSED] = { [OM_EVENT_RESUME] = TO(ENDING) },
	[OM_CALL_INTERRUPTED] = { [OM_EVENT_RESUME] = TO(SECURE) },
	[OM_CALL_WAITING] = { [OM_EVENT_RESUME] = TO(REPLYING) },
};
_Static_assert(OM_CALL_STATES <= OM_CALL_TABLE && OM_CALL_EVENTS <= OM_CALL_TABLE,
	       "states and events fit the table");

/* Arrays of characters, because pointers would need relocations and a data section. */
static const char state_names[OM_CALL_STATES][20] = {
	[OM_CALL_FREE] = "FREE",
	[OM_CALL_LOADING] = "LOADING",
	[OM_CALL_SECURE] = "SECURE",
	[OM_CALL_ASKING] = "ASKING",
	[OM_CALL_REPLYING] = "REPLYING",
	[OM_CALL_ENDING] = "ENDING",
	[OM_CALL_LOADING_PAUSED] = "LOADING_PAUSED",
	[OM_CALL_ASKING_PAUSED] = "ASKING_PAUSED",
	[OM_CALL_REPLYING_PAUSED] = "REPLYING_PAUSED",
	[OM_CALL_ENDING_PAUSED] = "ENDING_PAUSED",
	[OM_CALL_INTERRUPTED] = "INTERRUPTED",
	[OM_CALL_WAITING] = "WAITING",
	[OM_CALL_BROKEN] = "BROKEN",
};

static const char event_names[OM_CALL_EVENTS][12] = {
	[OM_EVENT_BEGIN] = "BEGIN",
	[OM_EVENT_RESUME] = "RESUME",
	[OM_EVENT_PAUSE] = "PAUSE",
	[OM_EVENT_ENTER] = "ENTER",
	[OM_EVENT_INTERRUPT] = "INTERRUPT",
	[OM_EVENT_REQUEST] = "REQUEST",
	[OM_EVENT_ASK] = "ASK",
	[OM_EVENT_END] = "END",
	[OM_EVENT_RELEASE] = "RELEASE",
};

const char *om_call_state_name(uint32_t state)
{
	return state < OM_CALL_STATES ? state_names[om_index(state, OM_CALL_STATES)] : "?";
}

const char *om_call_event_name(uint32_t event)
{
	return event < OM_CALL_EVENTS ? event_names[om_index(event, OM_CALL_EVENTS)] : "?";
}

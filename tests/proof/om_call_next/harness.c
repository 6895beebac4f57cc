/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_call_next() and the names of states and events: the state table, for all numbers.
 *
 * Assumes: nothing; states and events are any 32-bit number, as in a trace.
 * Proves: memory safety; from a state that is not known, or by an event that is not
 * legal there, a call only ever becomes BROKEN, which nothing leaves; a state that nobody
 * owns is left by BEGIN or RESUME alone, and only those lead to an owned one from it (I6);
 * only FREE begins; names are strings that end.
 *
 * Class: quick
 * Sources: call_state.c
 * Unwind: 21
 *   Names have at most 20 characters.
 */
#include "proof.h"

#include "call_state.h"

static bool ends(const char *name)
{
	uint32_t i;

	for (i = 0; i < 20; i++)
		if (!name[i])
			return true;
	return false;
}

int main(void)
{
	uint32_t s = any_u32(), e = any_u32();
	enum om_call_state state = (enum om_call_state)s;
	enum om_call_event event = (enum om_call_event)e;
	enum om_call_state next = om_call_next(state, event);

	PROVE((uint32_t)next < OM_CALL_STATES, "what follows is a state");
	PROVE(IMPLIES(s >= OM_CALL_BROKEN || e >= OM_CALL_EVENTS, next == OM_CALL_BROKEN),
	      "what is not known leads nowhere (I8)");
	if (next != OM_CALL_BROKEN) {
		bool takes = event == OM_EVENT_BEGIN || event == OM_EVENT_RESUME;

		PROVE(om_call_is_owned(state) != takes, "BEGIN and RESUME take what nobody owns (I6)");
		PROVE(IMPLIES(takes, om_call_is_owned(next)), "... and then somebody owns it (I6)");
		PROVE((event == OM_EVENT_BEGIN) == (state == OM_CALL_FREE), "a free slot begins");
		PROVE((event == OM_EVENT_RELEASE) == (next == OM_CALL_FREE),
		      "a slot becomes free by RELEASE alone (I9)");
		PROVE(IMPLIES(next == OM_CALL_FREE, state == OM_CALL_ENDING),
		      "... and from ENDING alone (I9)");
		REACHED("a legal step");
	}
	PROVE(ends(om_call_state_name(s)) && ends(om_call_event_name(e)), "names end");
	REACHED("the end");
	return 0;
}

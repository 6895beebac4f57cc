/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the state table as the lines of docs/design.md's diagram. */
#include <stdio.h>

#include "call_state.h"

int main(void)
{
	for (int from = 0; from < OM_CALL_STATES; from++)
		for (int event = 0; event < OM_CALL_EVENTS; event++) {
			enum om_call_state to = om_call_next((enum om_call_state)from,
							     (enum om_call_event)event);

			if (to != OM_CALL_BROKEN)
				printf("%s --> %s: %s\n", om_call_state_name((uint32_t)from),
				       om_call_state_name(to),
				       om_call_event_name((uint32_t)event));
		}
	return 0;
}

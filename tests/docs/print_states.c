/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the tables of lib/call_state.[ch] as docs/design.md has them: a diagram, and its rules. */
#include <stdio.h>

#include "call_state.h"

static const char *const has_names[] = {
	"message", "in transit", "target", "lists", "session", "open", "close", "source",
	"argument", "payload", "release",
};

static void print_steps(uint32_t from)
{
	for (uint32_t event = 0; event < OM_CALL_EVENTS; event++) {
		enum om_call_state to = om_call_next((enum om_call_state)from,
						     (enum om_call_event)event);

		if (to != OM_CALL_BROKEN)
			printf("%s --> %s: %s\n", om_call_state_name(from),
			       om_call_state_name(to), om_call_event_name(event));
	}
}

static void print_names(uint32_t has)
{
	const char *before = "";

	for (uint32_t i = 0; i < sizeof(has_names) / sizeof(has_names[0]); i++)
		if (has >> i & 1) {
			printf("%s%s", before, has_names[i]);
			before = ", ";
		}
	if (!has)
		printf("nothing");
}

static void print_rule(uint32_t state)
{
	printf("| %s | ", om_call_state_name(state));
	print_names(om_call_rules[state].must);
	printf(" | ");
	print_names(om_call_rules[state].may);
	printf(" |\n");
}

int main(void)
{
	for (uint32_t state = 0; state < OM_CALL_BROKEN; state++) {
		print_steps(state);
		print_rule(state);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_name_of(), with each table of trace_names.c; om_trace_name(), om_counter_name(),
 * om_result_text(), om_fdt_result_text().
 *
 * Assumes: nothing; any number, any id.
 * Proves: memory safety; what is returned is NULL or a string that ends, in its table, and
 * has at most 31 characters, an attribute's at most 12 (which om_trace_text/ relies on);
 * none of them means something to Mermaid or ends a line; an event always has a name, and
 * a result a text of at most 71 characters.
 *
 * Class: quick
 * Sources: counters.c fdt.c mediator.c trace_names.c trace_text.c
 * Unwind: 34
 *   No table has more than 31 names, no name more than 31 characters and a NUL.
 * Options: --unwindset strlen.0:73
 *   No text has more.
 */
#include "proof.h"

#include <string.h>

#include <optee_mediator/fdt.h>
#include <optee_mediator/trace.h>

#include "trace_names.h"

#include "../put_dec/pieces.h"

static struct om_names any_table(void)
{
	switch (any_below(12)) {
	case 0: return om_names_fid();
	case 1: return om_names_status();
	case 2: return om_names_rpc();
	case 3: return om_names_command();
	case 4: return om_names_rpc_command();
	case 5: return om_names_attr();
	case 6: return om_names_teec();
	case 7: return om_names_origin();
	case 8: return om_names_login();
	case 9: return om_names_shm_type();
	case 10: return om_names_fs();
	default: return om_names_notification();
	}
}

/* Ends after at most this many characters; any of them is harmless. */
static bool is_name(const char *name, uint32_t longest)
{
	char c = name[any_below(longest)];

	return name[0] && !name[longest] && c != ';' && c != '#' && c != '"' &&
	       (c == '\0' || (c >= ' ' && c <= '~'));
}

int main(void)
{
	struct om_names names = any_table();
	const char *name = om_name_of(names, any_u64());

	if (name) {
		PROVE(is_name(name, names.first == om_names_attr().first ? PIECE_ATTR : PIECE_NAME),
		      "a name is a short and harmless string");
		REACHED("a number with a name");
	} else {
		REACHED("a number without a name");
	}
	name = om_counter_name((enum om_counter)any_u32());
	if (name)
		PROVE(is_name(name, 19), "a counter has a short and harmless name");
	PROVE(is_name(om_trace_name(any_u32()), 15), "an event has a name");
	name = any_bool() ? om_result_text((enum om_result)any_u32()) :
			    om_fdt_result_text((enum om_fdt_result)any_u32());
	PROVE(strlen(name) < 72, "a result has a text");
	return 0;
}

# SPDX-License-Identifier: BSD-2-Clause
#
# The table of scripts/bench --recorded: what attribute.awk says of the bench alone, and of the
# same with the recorder around the library, into a ring and into a stream; in this order.

FNR == 1 { run++ }
$1 == "cost" { cost[run, $2] = $3 }
$1 == "recorded" { bytes = $2 }

function row(op, text)
{
	printf "%-38s %9d %9d %9d\n", text, cost[1, op], cost[2, op], cost[3, op]
}

END {
	if (run != 3 || !cost[3, "invoke"] || !bytes) {
		print "recorded.awk: something is missing" > "/dev/stderr"
		exit 1
	}
	printf "%-38s %9s %9s %9s\n", "Instructions of the library's, recorded", "not", "ring",
		"stream"
	row("invoke", "INVOKE, 4 params")
	row("invoke_interrupt", "  with FOREIGN_INTR")
	row("invoke_time", "  with ALLOC, GET_TIME, FREE")
	row("invoke_payload", "  with ALLOC, SHM_ALLOC, SHM_FREE, FREE")
	row("regd", "INVOKE from a registered page")
	row("share_1", "REGISTER + UNREGISTER, 1 page")
	row("share_128", "  128 pages")
	row("share_2048", "  2048 pages")
	printf "\nWithout a clock, and without what the embedder does with a stream. %.0f bytes for" \
		" each call\nof the guest's, of all of these operations.\n", bytes
}

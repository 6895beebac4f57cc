# SPDX-License-Identifier: BSD-2-Clause
#
# The table of scripts/bench, from what attribute.awk and bench.c print. Targets
# and Xen's figures stand beside the results; nothing here fails.

$1 == "instructions" {
	op = $2
	pages[op] = $4
	inside[op] = $5 / $3
	host[op] = ($6 - $7) / $3
	conduit[op] = $7 / $3
	if ($4) {
		per_page[op] = $5 / $3 / $4
		beyond[op] = ($6 - $7 - $8 - $9) / $3 / $4
	}
}
$1 == "file" && $2 == "invoke" { file[++files] = $3; of_file[files] = $4 }
$1 == "counts" { bytes_in[$2] = $3; bytes_out[$2] = $4; locks[$2] = $8; allocated += $9 }
$1 == "time" { rate[$2, $3] = $5; median[$2, $3] = $6; alone[$2, $3] = $7; windows = $8 }

# A number with thousands separated.
function n(v,	s, out)
{
	for (s = sprintf("%.0f", v); length(s) > 3; s = substr(s, 1, length(s) - 3))
		out = "," substr(s, length(s) - 2) out
	return s out
}

# goal: of the library / with host
function row(op, text, xen, goal)
{
	printf "%-40s %9s %9s %8s %8s %8s %6s  %13s  %13s\n", text, n(inside[op]), n(host[op]),
		n(conduit[op]), n(bytes_in[op]), n(bytes_out[op]), n(locks[op]), xen, goal
}

function file_rows(	i)
{
	for (i = 1; i <= files; i++)
		printf "  %-38s %9.0f\n", file[i], of_file[i]
}

function page_row(op, text)
{
	printf "%-38s %9.1f %9.1f\n", text, per_page[op], beyond[op]
}

function flat_row(op, text)
{
	printf "%-38s %9.1f %9.1f %+7.2f%%\n", text, inside[op], host[op],
		(inside[op] / inside["invoke"] - 1) * 100
}

function speed_row(op, lineup, text)
{
	printf "%-38s %9.0f %9.3f %9.3f %8.2fx %8.2fx %7d\n", text,
		1e9 / median[op, lineup] * (lineup == "one" ? 1 : 2), rate[op, lineup] / 1e6,
		median[op, lineup] / 1e6, rate[op, lineup] / rate[op, "one"],
		median[op, lineup] / median[op, "one"], alone[op, lineup]
}

function speed_rows(op, name)
{
	speed_row(op, "one", name ", 1 vCPU")
	speed_row(op, "two_own", "  2 vCPUs, a buffer each")
	if ((op, "two_same") in rate)
		speed_row(op, "two_same", "  2 vCPUs, the same buffer")
	speed_row(op, "two_guests", "  2 guests, 1 vCPU each")
}

END {
	print "Instructions per operation (x86-64, gcc -O2, callgrind)       guest memory, bytes"
	printf "%-40s %9s %9s %8s %8s %8s %6s  %13s  %13s\n", "", "library", "with host", "conduit",
		"read", "written", "locks", "Xen's (*)", "goal"
	row("invoke", "INVOKE, 4 params", "449 /  1,731", "480 /    660")
	row("invoke_interrupt", "  with FOREIGN_INTR", "613 /  1,961", "640 /    860")
	row("invoke_time", "  with ALLOC, GET_TIME, FREE", "1,193 /  3,497", "1,500 /  1,900")
	row("invoke_payload", "  with ALLOC, SHM_ALLOC, SHM_FREE, FREE", "1,887 /  5,135", "2,500 /  3,400")
	row("regd", "INVOKE from a registered page", "-", "560 /    760")
	row("regd_time", "  with GET_TIME inline", "-", "950 /  1,150")
	row("share_1", "REGISTER + UNREGISTER, 1 page", "899 /  3,860", "1,250 /  1,850")
	row("share_8", "  8 pages", "-", "-")
	row("share_32", "  32 pages", "-", "-")
	row("share_128", "  128 pages", "5,852 / 12,335", "4,700 /  9,000")
	row("share_511", "  511 pages", "-", "-")
	row("share_2048", "  2048 pages", "-", "-")
	row("share_16384", "  16384 pages", "-", "-")
	print "  docs/performance.md says of each goal that is missed why it is"
	print ""
	print "The library's own of an INVOKE, by the file that it is written in"
	file_rows()
	print ""
	print "Per registered page                      library  all but pin, unpin"
	page_row("share_128", "  of 128")
	page_row("share_16384", "  of 16384")
	print "  target: at most 30 beyond the backend's pin"
	print ""
	print "INVOKE as buffers are registered         library  with host   change"
	flat_row("invoke", "  only the one it uses")
	flat_row("invoke_16", "  16, each used in turn")
	flat_row("invoke_100", "  100")
	flat_row("invoke_1000", "  1000")
	flat_row("invoke_10000", "  10000")
	print "  target: within 5 %"
	print ""
	print "Time (guest and conduit included), of those of " windows " windows that were left alone"
	printf "%-38s %9s %9s %9s %9s %9s %7s\n", "", "ns median", "M/s best", "median",
		"of 1 best", "median", "windows"
	speed_rows("invoke", "INVOKE")
	speed_rows("invoke_time", "with ALLOC, GET_TIME, FREE")
	speed_rows("invoke_payload", "with ALLOC, SHM_ALLOC, SHM_FREE, FREE")
	speed_rows("share_1", "REGISTER + UNREGISTER, 1 page")
	speed_rows("invoke_payload+5000", "ALLOC ... FREE, OP-TEE takes 5 us an SMC")
	speed_rows("share_1+5000", "REGISTER ..., OP-TEE takes 5 us an SMC")
	print "  target: 1.85x on two vCPUs of a guest; two guests show what the machine can do."
	print "  Xen's mediator: 1.25x."
	print ""
	print "Shadow pages allocated while calls ran: " allocated " (Xen's: one and an object per call)"
	print ""
	print "library: lib/ and its memcpy; with host: also pins, copies and locks of tests/bench;"
	print "conduit: the stub for the secure world, in neither of the two. (*) behind comparable"
	print "shims, cookies of RMEM unchecked; it reads 4,096 bytes of guest memory per call."
}

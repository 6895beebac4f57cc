# SPDX-License-Identifier: BSD-2-Clause
#
# The table of scripts/bench --real, from the lines that tests/bench/real leaves:
#
#	cost MACHINE OPERATION minimum|median SMCS INSTRUCTIONS EL2
#	rate MACHINE OPERATION WINDOW WORKER OPERATIONS-A-SECOND
#
# In even windows worker 0 is alone, in odd ones both are at it.

$1 == "cost" { all[$2, $3, $4] = $6; smcs[$3] = $5; if ($2 == "mediated") el2[$3, $4] = $7 }
$1 == "rate" && $4 % 2 == 0 && $6 > alone[$2, $3] { alone[$2, $3] = $6 }
$1 == "rate" && $4 % 2 {
	if (!(($2, $3, $4) in other))
		other[$2, $3, $4] = $6
	else if (other[$2, $3, $4] + $6 > both[$2, $3])
		both[$2, $3] = other[$2, $3, $4] + $6
}

# A number with thousands separated.
function n(v,	s, out)
{
	for (s = sprintf("%.0f", v); s ~ /[0-9][0-9][0-9][0-9]/; s = substr(s, 1, length(s) - 3))
		out = "," substr(s, length(s) - 2) out
	return s out
}

function row(op, text,	native, mediated, trap)
{
	if (!(("native", op, "median") in all) || !(("mediated", op, "median") in all)) {
		printf "%-34s was not measured\n", text
		failed = 1
		return
	}
	native = all["native", op, "median"]
	mediated = all["mediated", op, "median"]
	trap = smcs[op] * el2["nothing", "minimum"]
	printf "%-34s %4d %10s %10s %10s %10s %8s %+6.1f%% %7s %7s %8s\n", text, smcs[op],
		n(all["native", op, "minimum"]), n(native), n(all["mediated", op, "minimum"]),
		n(mediated), n(mediated - native), (mediated / native - 1) * 100, n(trap),
		n(el2[op, "median"] - trap), n(mediated - native - el2[op, "median"])
}

function speed(machine, op, text)
{
	if (!alone[machine, op] || !both[machine, op]) {
		printf "%-34s was not measured\n", text
		failed = 1
		return
	}
	printf "%-34s %10s %10s %9.2fx\n", text, n(alone[machine, op]), n(both[machine, op]),
		both[machine, op] / alone[machine, op]
}

function speeds(op, text)
{
	speed("native", op, text ", native")
	speed("mediated", op, "  2 vCPUs of a guest")
	speed("guests", op, "  2 guests, 1 vCPU each")
}

END {
	print "Instructions of all exception levels between an SMC of the guest and its return, summed up over an operation"
	printf "%-34s %4s %21s %21s %16s %24s\n", "", "", "native", "mediated", "difference", "of that"
	printf "%-34s %4s %10s %10s %10s %10s %8s %7s %7s %7s %8s\n", "", "SMCs", "minimum",
		"median", "minimum", "median", "median", "", "trap", "library", "OP-TEE"
	row("invoke", "INVOKE of a pseudo-TA, a value")
	row("memref", "  with a registered memref, 64 B")
	row("rpcs", "  with ALLOC, GET_TIME, FREE")
	row("share_1", "REGISTER + UNREGISTER, 4 KiB")
	row("share_16", "  64 KiB")
	row("open_ta", "OPEN of a user TA + CLOSE")
	print ""
	printf "%-34s %10s %10s %10s\n", "Operations a second, at best", "one CPU", "two", "of one"
	speeds("invoke", "INVOKE")
	speeds("rpcs", "with RPCs")
	speeds("share_1", "REGISTER + UNREGISTER")
	print ""
	print "native: without hypervisor, on OP-TEE's build without virtualization. trap: SMCs times what one that"
	print "is not for OP-TEE takes at EL2, " n(el2["nothing", "minimum"]) ". library: the rest at EL2, with the backend's operations. OP-TEE: what its"
	print "build with virtualization takes more. Operations a second are those of QEMU, on this machine, now."
	exit failed
}

# SPDX-License-Identifier: BSD-2-Clause
#
# The table of scripts/bench --kvm: awk -f kvm.awk lines-of-bench_kvm callgrind.out.1 \
#	callgrind.out.2, which is of as many INVOKEs through optee-mediatord
#
# Instructions are those of the process, by the part of the backend whose function they are in;
# what it calls of libc counts with it. Wants the dump with --compress-strings=no
# --compress-pos=no.

function part_of(file)
{
	if (file ~ /\/backends\/kvm\/trap\.[ch]$/)
		return "registers"
	if (file ~ /\/backends\/kvm\/(tee_workers|wake)\.[ch]$/)
		return "hand-over"
	if (file ~ /\/backends\/kvm\/tee_[a-z]+\.[ch]$/)
		return "ioctl"
	if (file ~ /\/backends\/kvm\/[a-z]+\.[ch]$/)
		return "memory"
	if (file ~ /\/tools\/(client|optee-mediatord)\/[a-z_]+\.[ch]$/)
		return "socket"
	if (file ~ /\/lib\/[a-z_]+\.[ch]$/)
		return "core"
	return file ~ /\/tests\// ? "stand-in" : ""
}

FNR == 1 { dump++ }
$1 == "invokes" { invokes = $2; next }
$1 == "time" { ns[$2] = $3; sleeps[$2] = $4; next }
/^fl=/ { file = called = substr($0, 4); part = part_of(file); next }
/^fn=/ { called = file; next }
/^cf[il]=/ { called = substr($0, 5); next }
/^calls=/ {
	getline
	# A part pays for the libc that it calls; for another part that one pays itself.
	if (part != "" && part_of(called) == "")
		cost[dump, part] += $2
	called = file
	next
}
/^[0-9]+ [0-9]+$/ { cost[dump, part] += $2 }

# Instructions of one INVOKE: in a dump, which counts the lines as the first file.
function of(part, dump)
{
	return cost[dump, part] / invokes
}

function row(what, instructions, calls)
{
	printf "%-50s %8s %6s\n", what, instructions == "" ? "-" : sprintf("%.0f", instructions),
		calls ? calls : "-"
}

function sum(what, instructions, calls, time,	all)
{
	all = instructions + calls * CALL
	printf "%-50s %8.0f %6d %8.0f %6.2f %8d %6.2f\n", what, instructions, calls, all,
		all / (5 * CALL), ns[time], sleeps[time]
}

END {
	if (!invokes || !ns["floor"] || !cost[2, "core"] || !cost[3, "socket"]) {
		print "kvm.awk: something is missing" > "/dev/stderr"
		exit 1
	}
	# What KVM_GET_ONE_REG takes on arm64 (docs/kvm.md); others take no less.
	CALL = 3200
	own = of("registers", 2) + of("core", 2) + of("memory", 2) + of("ioctl", 2)
	printf "%-50s %8s %6s\n", "One INVOKE of four values, on KVM", "instr.", "calls"
	row("exit to the VMM", "", 1)
	row("registers: two read, one written", of("registers", 2), 3)
	row("core: check, shadow, results (lib/)", of("core", 2))
	row("what the core asks for: copies, lock, pins", of("memory", 2))
	row("the message as an ioctl, and back", of("ioctl", 2), 1)
	row("hand-over to a worker and back, if it sleeps", of("hand-over", 2), 4)
	row("in place of registers: client, daemon, messages", of("socket", 3), 3 + 4)
	printf "\n%-50s %8s %6s %8s %6s %8s %6s\n", "", "instr.", "calls", "together", "floors",
		"ns", "sleeps"
	sum("floor: exit, three registers, ioctl", 0, 5, "floor")
	sum("INVOKE, the worker is awake (config.spin_us)", own, 5, "awake")
	sum("the same through optee-mediatord", own - of("registers", 2) + of("socket", 3), 9, "socket")
	sum("INVOKE, the worker sleeps", own + of("hand-over", 2), 9, "asleep")
	print "\ntogether: with " CALL " instructions for each system call, without the switch from" \
		" thread to thread.\nns: of this machine, its system calls do nothing; sleeps: of" \
		" both threads."
}

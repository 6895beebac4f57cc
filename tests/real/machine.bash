# SPDX-License-Identifier: BSD-2-Clause
#
# The emulated machine of tests/real, for scripts that source this: starts QEMU, writes
# what its normal world says to standard output, and makes sure that it ends. Knows
# nothing of what is booted.
#
#   machine=(...)     the arguments every machine here has in common
#   counting=(...)    those of one that counts instructions
#   run_machine LOG LIMIT QEMU-ARGUMENT...
#
# The normal world's console goes to LOG, OP-TEE's to LOG.optee. Returns when the machine
# was switched off. After a panic of OP-TEE, a failure of QEMU or when nothing happens any
# more it calls die() of the script, which must not return.
#
# Nobody knows how long a run takes on a machine that has more to do, so no clock on the wall
# ends it. These do, in seconds:
#
#   OM_SILENCE        no new byte on either console (300): so much of the processor used by
#                     QEMU, or so much waited while QEMU hardly wanted the processor
#   LIMIT             so much of the processor used in all, for a machine that talks without
#                     end; OM_LIMIT, when set, is used instead

# The Cortex-A57 has no pages of 16 KiB.
cpu=cortex-a57
case ${OM_KERNEL:-},${OM_GUEST_KERNEL:-} in *16k*) cpu=cortex-a76 ;; esac
machine=(-machine "virt,secure=on,virtualization=on,gic-version=3" -cpu "$cpu"
	-nic none -display none -monitor none -no-reboot)
# One CPU that does an instruction in each nanosecond of its time, exactly, whatever the host does.
# shellcheck disable=SC2034 # it is others that use it
counting=(-smp 1 -icount "shift=0,sleep=off")

# QEMU never outlives the script: it is ours by pid, it is killed when we leave, and
# by the kernel should we be killed ourselves.
machine_qemu="" machine_teller=""
stop_machine()
{
	local pid
	for pid in $machine_qemu $machine_teller; do
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	machine_qemu="" machine_teller=""
}
trap stop_machine EXIT
trap 'exit 2' INT TERM HUP

# What QEMU has used of the processors, and for how long it has wanted one in vain, in
# hundredths of a second (the kernel's ticks, on every architecture): $used and $waited.
# Fails when QEMU has ended.
measure_machine()
{
	local fields task ns=0
	read -r fields <"/proc/$machine_qemu/stat" || return 1
	# What precedes is the name, which may hold anything.
	read -ra fields <<<"${fields##*) }"
	used=$((fields[11] + fields[12]))
	# Without the kernel's schedstat a machine that gets no processor looks like one that
	# wants none.
	for task in "/proc/$machine_qemu/task"/*/schedstat; do
		read -ra fields <"$task" && ns=$((ns + fields[1]))
	done
	waited=$((ns / 10000000))
} 2>/dev/null

# end_machine LOG REASON SETTING
end_machine()
{
	stop_machine
	tail -n 20 "$1.optee" >&2
	die "$2: QEMU stopped (OP-TEE's last lines are above). If it would have gone on, set $3 to more seconds."
}

# A panic or abort of OP-TEE stops only the CPU it happens on: nothing would follow.
look_for_panic()
{
	local log=$1 panic="Panic \(at\|'\)\|Core [a-z]*-abort"
	tail -c 65536 "$log.optee" | grep -aq "$panic" || return 0
	sleep 0.3
	stop_machine
	grep -a "$panic" "$log.optee" | sort -u >&2
	die "OP-TEE panicked, QEMU stopped."
}

# watch_machine LOG LIMIT SILENCE: until QEMU has ended by itself
watch_machine()
{
	local log=$1 limit=$2 silence=$3 used=0 waited=0 looks=0 said said_last=""
	local used_last=0 busy_last=0 busy
	while kill -0 "$machine_qemu" 2>/dev/null && measure_machine; do
		said=$(stat -c %s "$log" "$log.optee")
		if [ "$said" != "$said_last" ]; then
			look_for_panic "$log"
			said_last=$said used_last=$used busy_last=$((used + waited)) looks=0
		fi
		busy=$((used + waited - busy_last))
		# Four looks take a second or more: what stops this script stops its clock, too.
		if ((looks >= 4 * silence && 4 * busy < 25 * looks)); then
			end_machine "$log" "not a word for $silence s, and it has nothing to do" OM_SILENCE
		fi
		if ((used - used_last >= 100 * silence)); then
			end_machine "$log" "not a word while it used $silence s of the processor" OM_SILENCE
		fi
		if ((used >= 100 * limit)); then
			end_machine "$log" "no end after $limit s of the processor" OM_LIMIT
		fi
		looks=$((looks + 1))
		sleep 0.25
	done
}

run_machine()
{
	local log=$1 limit=${OM_LIMIT:-$2} status=0 with_us=()
	shift 2
	if command -v setpriv >/dev/null && setpriv --pdeathsig KILL true 2>/dev/null; then
		with_us=(setpriv --pdeathsig KILL)
	fi
	: >"$log"
	: >"$log.optee"
	"${with_us[@]}" qemu-system-aarch64 "${machine[@]}" -serial "file:$log" \
		-serial "file:$log.optee" "$@" </dev/null 2>"$log.qemu" &
	machine_qemu=$!
	tail -n +1 -s 0.1 -f --pid="$machine_qemu" "$log" 2>/dev/null &
	machine_teller=$!

	watch_machine "$log" "$limit" "${OM_SILENCE:-300}"
	wait "$machine_qemu" || status=$?
	machine_qemu=""
	wait "$machine_teller" || :
	machine_teller=""
	((status == 0)) || { cat "$log.qemu" >&2; die "QEMU failed."; }
}

# SPDX-License-Identifier: BSD-2-Clause
#
# The emulated machine of tests/real, for scripts that source this: starts QEMU, writes
# what its normal world says to standard output, and makes sure that it ends. Knows
# nothing of what is booted.
#
#   machine=(...)     the arguments every machine here has in common
#   run_machine LOG LIMIT QEMU-ARGUMENT...
#
# The normal world's console goes to LOG, OP-TEE's to LOG.optee. Returns when the machine
# was switched off; after LIMIT seconds, a panic of OP-TEE or a failure of QEMU it calls
# die() of the script, which must not return.

machine=(-machine "virt,secure=on,virtualization=on,gic-version=3" -cpu cortex-a57
	-nic none -display none -monitor none -no-reboot)

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

run_machine()
{
	local log=$1 limit=$2 since=$SECONDS status=0 panic="Panic \(at\|'\)\|Core [a-z]*-abort" with_us=()
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

	while kill -0 "$machine_qemu" 2>/dev/null; do
		if ((SECONDS - since >= limit)); then
			stop_machine
			tail -n 20 "$log.optee" >&2
			die "no end after $limit s, QEMU stopped (OP-TEE's last lines are above)."
		fi
		# A panic or abort of OP-TEE stops only the CPU it happens on: nothing would follow.
		if tail -c 65536 "$log.optee" | grep -aq "$panic"; then
			sleep 0.3
			stop_machine
			grep -a "$panic" "$log.optee" | sort -u >&2
			die "OP-TEE panicked, QEMU stopped."
		fi
		sleep 0.1
	done
	wait "$machine_qemu" || status=$?
	machine_qemu=""
	wait "$machine_teller" || :
	machine_teller=""
	((status == 0)) || { cat "$log.qemu" >&2; die "QEMU failed."; }
}

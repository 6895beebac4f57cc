# SPDX-License-Identifier: BSD-2-Clause
#
# For the programs of this folder, which source it: guests on the KVM host, and what
# the host holds for them. Runs in the host's initramfs, with busybox' shell.

say() { echo "om: kvm: $*"; }

# How a VMM gets its guest's OP-TEE; becomes the VMM.
launch() { exec kvm-vmm --tee /dev/tee0 --login --counters "$@"; }

# start N WORDS [PARAMETER...]: starts guest N. Its console, the VMM's own words and its
# counters go to ours, each line with the guest's name in front, and to /tmp/guest-N.
# $initramfs is the guest's, when it is not the usual one; $options are more for the VMM.
# $vmm is the VMM's pid, $teller that of the one who tells; nothing waits.
# shellcheck disable=SC2034 # both are for who calls
start()
{
	local n=$1 words=$2
	shift 2
	rm -f "/tmp/guest-$n" "/tmp/pipe-$n"
	: >"/tmp/guest-$n"
	mkfifo "/tmp/pipe-$n"
	launch --kernel /guest/Image --initrd "${initramfs:-/guest/initramfs}" --cpus 2 --memory 384 \
		${options:-} \
		--cmdline "console=ttyAMA0 quiet panic=-1 om.supplicant=no om.run=$words $*" \
		>"/tmp/pipe-$n" 2>&1 &
	vmm=$!
	awk -v n="$n" '
		{ gsub(/\r/, "") }
		sub(/^vmm: count /, "count ") { print "hypervisor: guest " n ": " $0; next }
		{ print "guest " n ": " $0; print >>"/tmp/guest-" n; fflush("") }
	' <"/tmp/pipe-$n" &
	teller=$!
	say "guest $n starts, VMM $vmm"
}

# finish N VMM TELLER: waits for the end of guest N. It has to have switched itself off,
# after init came to its end with success.
finish()
{
	local status=0
	wait "$2" || status=$?
	wait "$3"
	if [ $status = 0 ] && grep -q '^om: end status 0$' "/tmp/guest-$1"; then
		say "guest $1 ended well"
		return 0
	fi
	say "guest $1 FAILED, exit status of the VMM $status"
	return 1
}

# await SECONDS COMMAND...: until the command succeeds. Seconds as this machine counts them, in
# which a busy one gets little done: they end nothing that goes on.
await()
{
	local tenths=$((10 * $1))
	shift
	until "$@"; do
		tenths=$((tenths - 1))
		[ $tenths -gt 0 ] || { say "waited in vain for: $*"; return 1; }
		usleep 100000
	done
}

# What is held for guests, in numbers that are the same again when all is given back: pages
# that the TEE driver pins, which are what is registered; open TEE devices, to which sessions
# belong; bytes of OP-TEE's heap (sessions, registrations) and of its memory for TAs.
held()
{
	local pins files secure
	pins=$(awk '/^nr_foll_pin_acquired/ { n += $2 } /^nr_foll_pin_released/ { n -= $2 }
		END { print n }' /proc/vmstat)
	files=$(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c -e '-> /dev/tee[0-9]')
	secure=$(xtest --stats --alloc | awk '
		/^Pool:/ { pool = $2 }
		/^Bytes allocated:/ && pool == "Heap" { heap = $NF }
		/^Bytes allocated:/ && pool == "Physical" { ta = $NF }
		END { print "heap " heap " TA memory " ta }')
	echo "pinned pages $pins, open devices $files, OP-TEE's $secure"
}

# held(), when it has not changed for a second: the end of a process takes a moment. Some of
# its heap OP-TEE takes at the first use of a service and keeps: the host is the first, in
# these cases, lest that be taken for what a guest left.
held_at_rest()
{
	local now before=none
	xtest -t regression 1001 1006 1008 6009 >/tmp/first-uses ||
		{ say "the host's own uses FAILED"; cat /tmp/first-uses; } >&2
	while now=$(held) && [ "$now" != "$before" ]; do
		before=$now
		sleep 1
	done
	echo "$now"
}

# What a killed process held is given back a moment after it is gone.
held_is() { [ "$(held)" = "$1" ]; }

# nothing_left BEFORE: holds the host as much as BEFORE said?
nothing_left()
{
	if await 120 held_is "$1"; then
		say "nothing is left behind: $1"
	else
		say "LEFT BEHIND: $(held); before it was: $1"
		return 1
	fi
}

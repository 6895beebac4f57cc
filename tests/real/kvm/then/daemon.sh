# SPDX-License-Identifier: BSD-2-Clause
#
# For the programs of this folder, which source it: optee-mediatord has the TEE device, and VMMs
# that may not open it. $before is what the host held before the first guest.
. /then/kvm.sh

# Users of their own, and no other may open what each has.
daemon_user=1001 vmm_user=1002
mkdir -p /etc
for user in $daemon_user $vmm_user; do
	echo "user$user:x:$user:$user::/:/bin/sh" >>/etc/passwd
	echo "user$user:x:$user:" >>/etc/group
done
chown $daemon_user /dev/tee0
chown $vmm_user /dev/kvm
chmod 600 /dev/tee0 /dev/kvm
mkdir -m 711 /tmp/mediatord
chown $daemon_user /tmp/mediatord
socket=/tmp/mediatord/guest.socket

# as USER PROGRAM [ARGUMENT...]: becomes that
as()
{
	local user=$1 program=$2
	shift 2
	exec start-stop-daemon -S -c "$user:$user" -p /tmp/no-such-file -x "$program" -- "$@"
}
launch() { as $vmm_user /usr/bin/kvm-vmm --tee-socket $socket "$@"; }

failed=0

# The daemon's process that serves a guest, or will: the younger of two.
server()
{
	local pid
	for pid in $(pidof optee-mediatord); do
		[ "$pid" = "$daemon" ] || echo "$pid"
	done
}
serves() { [ -S $socket ] && [ -n "$(server)" ]; }
# A thread of that process waits inside TEE_IOC_INVOKE.
in_a_call() { cat /proc/$(server)/task/*/syscall 2>/dev/null | grep -q '^29 0x[0-9a-f]* 0x8010a403 '; }

as $daemon_user /usr/bin/optee-mediatord --socket $socket &
daemon=$!
await 60 serves || exit 1
chown $vmm_user $socket
chmod 600 $socket
before=$(held_at_rest)

# SPDX-License-Identifier: BSD-2-Clause
#
# Which OP-TEE and which Linux kernel the machine has, and where they are below $build; for
# scripts that source this. What scripts/demo is told by --optee and --kernel:
#
#   OM_OPTEE    the suite that OP-TEE and its client come from, trixie when unset
#   OM_KERNEL   a kernel-NAME of scripts/packages.list, 6.12 when unset
#   OM_GUEST_KERNEL   that of the guests of a KVM host, the host's when unset
#
# Whatever is not as when unset has folders and logs of its own.
# shellcheck disable=SC2034 # it is others that use these
optee=${OM_OPTEE:-trixie} kernel=${OM_KERNEL:-6.12}
of_optee=-$optee of_kernel=-$kernel
[ "$optee" != trixie ] || of_optee=''
[ "$kernel" != 6.12 ] || of_kernel=''

guest_kernel=${OM_GUEST_KERNEL:-$kernel} of_guest=''
[ "$guest_kernel" = "$kernel" ] || of_guest=-with-$guest_kernel

optee_group=optee-$optee client_group=client-$optee kernel_group=kernel-$kernel
packages=${build:?}/packages
images=$build/real$of_optee		# firmware.bin, hypervisor.bin, guest.bin, all logs
plain=$images-plain			# firmware.bin with OP-TEE's build without virtualization
initramfs=$images/initramfs$of_kernel.gz
kexec_initramfs=$images/kexec$of_kernel.gz
logs_of_linux=$images/linux$of_kernel	# how the names of logs begin
kvm=$build/kvm$of_optee$of_kernel$of_guest	# what the machine with a KVM host is made of, and logs

# The only file that one of these patterns stands for, below the folder of a group.
only_one()
{
	local folder=$packages/$1 found=() pattern
	shift
	for pattern; do
		# shellcheck disable=SC2206 # wildcards
		found+=($folder/$pattern)
	done
	for pattern in "${found[@]}"; do
		[ ! -e "$pattern" ] || { printf '%s\n' "$pattern"; return; }
	done
	die "no $* in $folder: run scripts/packages ${folder##*/}."
}

# Debian puts both in one place or the other, according to the release.
kernel_image() { only_one "$kernel_group" 'boot/vmlinuz-*' 'usr/lib/modules/*/vmlinuz'; }
kernel_modules() { only_one "$kernel_group" 'usr/lib/modules/*' 'lib/modules/*'; }

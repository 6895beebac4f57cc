#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Exports the folder for a Xen tree and compiles all of it as Xen's build would.
#
#   freestanding.sh DIRECTORY CONFIG...
#
# CONFIG: options as -D takes them. Debug and release build, with the flags that Xen
# 4.20 gives to a C file for arm64, and the stand-in's headers in the place of Xen's.
# Exits with 77 when the compiler is not there.
set -euo pipefail

readonly here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly root=$(cd "$here/../.." && pwd)
readonly directory=$1
shift

readonly cc=aarch64-linux-gnu-gcc
if ! command -v $cc >/dev/null; then
	echo "$cc is not installed: skipped"
	exit 77
fi

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

# From Config.mk, xen/Makefile and xen/arch/arm/arch.mk.
readonly flags=(-std=gnu99 -fno-strict-aliasing -nostdinc -fno-builtin -fno-common -pipe
	-Wall -Werror -Wstrict-prototypes -Wredundant-decls -Wwrite-strings -Wno-pointer-arith
	-Wdeclaration-after-statement -Wuninitialized -Wvla -Winit-self -Wnested-externs
	-Wno-unused-but-set-variable -Wno-unused-local-typedefs
	-mcpu=generic -mgeneral-regs-only -mno-outline-atomics -fno-pie -fno-stack-protector
	-fno-exceptions -fno-asynchronous-unwind-tables -D__XEN__ -include xen/config.h)

readonly folder=$directory/optee_mediator
rm -rf "$directory"
mkdir -p "$directory/taken"

"$root/backends/xen/export" "$folder" >/dev/null
echo mine >"$directory/taken/file"
! "$root/backends/xen/export" "$directory/taken" 2>/dev/null || fail 'a folder of others is replaced'
[[ $(cat "$directory/taken/file") == mine ]] || fail 'a file of others is gone'
touch "$folder/old.c"
"$root/backends/xen/export" "$folder" >/dev/null
[[ ! -e $folder/old.c ]] || fail 'a file of the last export is left'

# The list of objects as the Makefile makes it, without Xen's around it.
list()
{
	printf '%s\n' 'include Makefile' 'all: ; @printf "%s\n" $(obj-y)' |
		make -s -C "$folder" -f - srcdir=. "$@" all
}

# The debug build records.
for build in '-O1 -fno-omit-frame-pointer -DCONFIG_OPTEE_MEDIATOR_RECORD=1' \
	'-O2 -fomit-frame-pointer -DNDEBUG'; do
	recorded=0
	[[ $build != *RECORD* ]] || recorded=1
	mapfile -t objects < <(if ((recorded)); then list CONFIG_OPTEE_MEDIATOR_RECORD=y; else list; fi)
	((${#objects[@]} == $(grep -c '^[^#]' "$root/lib/sources.list") + 1 + recorded)) ||
		fail "the Makefile names ${#objects[@]} objects"
	out=$directory/${build:1:2}
	mkdir "$out"
	for object in "${objects[@]}"; do
		# shellcheck disable=SC2086 # the build is several flags
		$cc "${flags[@]}" $build "${@/#/-D}" -I"$here/include" -I"$folder/include" \
			-I"$folder/shim" -c "$folder/${object%.o}.c" -o "$out/$object" ||
			fail "${object%.o}.c does not compile ($build)"
	done
	aarch64-linux-gnu-ld -r "$out"/*.o -o "$out/all"
	echo "$build, $(aarch64-linux-gnu-size "$out/all" | awk 'NR == 2 { print $1, "bytes of text,", $2, "of data,", $3, "of bss" }')"
	echo "  it needs: $(aarch64-linux-gnu-nm -u "$out/all" | awk '{ print $2 }' | xargs)"
done

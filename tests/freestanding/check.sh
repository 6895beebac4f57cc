#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Compiles the core as a hypervisor would and checks what comes out.
#
#   check.sh matrix DIRECTORY COMPILER   at -O0, -O2 and -Os: no warnings, nothing
#           undefined but mem*, no .data and .bss, small stack frames; with sizes.
#           COMPILER: a gcc or clang, or clang-aarch64 for that target of clang
#   check.sh gnu99 DIRECTORY             for aarch64 in Xen's dialect
#   check.sh exports LIBRARY HEADER...   a shared library exports what the public
#           headers declare OM_API, no more and no less
#
# Exits with 77 when the compiler is not there.
set -euo pipefail

readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly allowed='memcpy|memmove|memset|memcmp'
readonly stack_limit=512
readonly flags=(-ffreestanding -nostdlib -fno-stack-protector -mgeneral-regs-only
	-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
	-Wundef -Wvla -Werror -I"$root/include")

failures=0

fail()
{
	printf 'FAIL: %s\n' "$*" >&2
	failures=$((failures + 1))
}

sources()
{
	grep -v -e '^#' -e '^$' "$root/lib/sources.list"
}

# compile DIRECTORY COMMAND...: every source, one object and one .su file each
compile()
{
	local directory=$1 source
	shift
	rm -rf "$directory"
	mkdir -p "$directory"
	for source in $(sources); do
		"$@" -c "$root/lib/$source" -o "$directory/${source%.c}.o" ||
			fail "$source does not compile: $*"
	done
}

# check_symbols DIRECTORY NM: what is undefined once the objects stand together
check_symbols()
{
	local directory=$1 nm=$2 undefined
	undefined=$(comm -23 \
		<("$nm" -g --undefined-only "$directory"/*.o | awk '$1 == "U" { print $2 }' | sort -u) \
		<("$nm" -g --defined-only "$directory"/*.o | awk 'NF == 3 { print $3 }' | sort -u) |
		grep -v -x -E "$allowed" || true)
	[[ -z $undefined ]] || fail "undefined symbols: ${undefined//$'\n'/ }"
}

# check_size DIRECTORY LABEL SIZE: a row of the table
check_size()
{
	local directory=$1 label=$2 size=$3 text data bss
	read -r text data bss < <("$size" -t "$directory"/*.o | awk 'END { print $1, $2, $3 }')
	printf '%-32s %8d %6d %6d' "$label" "$text" "$data" "$bss"
	[[ $data -eq 0 && $bss -eq 0 ]] || fail "$label: .data $data and .bss $bss, expected none"
}

# check_stack DIRECTORY LABEL: the largest frames, from -fstack-usage
check_stack()
{
	local directory=$1 label=$2 dynamic
	awk -F '\t' '
		$2 + 0 > largest { largest = $2 + 0; where = $1; sub(/.*:/, "", where) }
		END { printf "   %5d  %s\n", largest, where }' "$directory"/*.su
	awk -F '\t' -v limit=$stack_limit '$2 > limit { print $1, $2 }' "$directory"/*.su |
		while read -r name bytes; do
			printf 'FAIL: %s: %s has a stack frame of %d bytes, at most %d\n' \
				"$label" "${name##*:}" "$bytes" $stack_limit >&2
			echo x
		done >"$directory/too-large"
	failures=$((failures + $(wc -l <"$directory/too-large")))
	# A frame whose size depends on data has no bound at all.
	dynamic=$(awk -F '\t' '$3 !~ /static|bounded/ { print $1 }' "$directory"/*.su)
	[[ -z $dynamic ]] || fail "$label: unbounded stack: $dynamic"
}

matrix()
{
	local directory=$1 name=$2 level label before tools=''
	local -a command=("$name")

	case $name in
	clang-aarch64)
		command=(clang --target=aarch64-linux-gnu)
		tools=aarch64-linux-gnu- ;;
	aarch64-linux-gnu-*)
		tools=aarch64-linux-gnu- ;;
	esac
	if ! command -v "${command[0]}" >/dev/null || ! command -v "${tools}nm" >/dev/null; then
		echo "${command[0]} or ${tools}nm is not installed: skipped"
		exit 77
	fi
	command+=("${flags[@]}")
	if [[ -n $tools ]]; then
		command+=(-mno-outline-atomics)
	else
		command+=(-mno-red-zone)
	fi

	printf '%-32s %8s %6s %6s   %5s  %s\n' build text data bss stack 'in function'
	for level in -O0 -O2 -Os; do
		label="$name $level"
		before=$failures
		compile "$directory/$level" "${command[@]}" -std=c11 $level -fstack-usage
		((failures == before)) || return 0
		check_size "$directory/$level" "$label" "${tools}size"
		# Frames of unoptimised code say nothing about the product.
		if [[ $level == -O0 ]]; then
			echo
		else
			check_stack "$directory/$level" "$label"
		fi
		check_symbols "$directory/$level" "${tools}nm"
	done
}

gnu99()
{
	local directory=$1
	if ! command -v aarch64-linux-gnu-gcc >/dev/null; then
		echo 'aarch64-linux-gnu-gcc is not installed: skipped'
		exit 77
	fi
	compile "$directory" aarch64-linux-gnu-gcc "${flags[@]}" -std=gnu99 -O2 -fno-builtin \
		-fno-common -fno-strict-aliasing -fno-optimize-sibling-calls \
		-mno-outline-atomics -Wdeclaration-after-statement -Wredundant-decls
	((failures > 0)) || check_symbols "$directory" aarch64-linux-gnu-nm
}

# A declaration begins with OM_API and may go on for lines; its name is the word in
# front of the first parenthesis.
declared()
{
	awk '
		/^OM_API/ { declaration = ""; open = 1 }
		open { declaration = declaration " " $0 }
		open && /;/ {
			sub(/\(.*/, "", declaration)
			sub(/.*[ \t*]/, "", declaration)
			print declaration
			open = 0
		}' "$@"
}

exports()
{
	local library=$1 header
	local -a files=()
	shift
	for header; do
		files+=("$root/include/optee_mediator/$header")
	done
	if ! diff -u --label declared <(declared "${files[@]}" | sort) \
		--label exported <(nm -D --defined-only "$library" |
			awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort); then
		fail "$(basename "$library") does not export what is declared"
	fi
}

case ${1-} in
matrix | gnu99 | exports)
	"$@" ;;
*)
	sed -n '4,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2 ;;
esac
((failures == 0))

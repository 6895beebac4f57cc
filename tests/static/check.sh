#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What can be said of lib/ without running it. Each is one test; findings fail it.
#
#   check.sh limits DIRECTORY      complexity, length, recursion, stack below each entry
#   check.sh cppcheck DIRECTORY
#   check.sh clang-tidy DIRECTORY  what .clang-tidy asks for
#   check.sh analyzer DIRECTORY    gcc -fanalyzer
#   check.sh suppressions          lib/ silences none of the above, nor coverage
#   check.sh floors DIRECTORY      who uses whom: lib/floors.list
#   check.sh indices               none that a guest chooses is left to a branch: om_index()
#
# The last line is a figure for the table of scripts/assure. Exits with 77 when a tool
# is not there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
readonly here root
readonly complexity=10 lines=60 stack=512
cd "$root"

sources=()
while read -r source; do
	sources+=("lib/$source")
done < <(grep -v -e '^#' -e '^$' lib/sources.list)
# Without the one that is a program's, not a hypervisor's: it has a libc.
freestanding=("${sources[@]}" lib/fdt.c)
everything=("${freestanding[@]}" lib/policy.c)
flags=(-std=c11 -ffreestanding -Iinclude -Ilib)

need()
{
	if ! command -v "$1" >/dev/null; then
		echo "$1 is not installed: skipped"
		exit 77
	fi
}

# A function's complexity counts a switch as one decision: a flat table of cases is
# as simple to read with twenty rows as with two.
functions()
{
	pmccabe lib/*.c lib/*.h | awk -v complexity=$complexity -v lines=$lines '
		{ n++ }
		$1 > most { most = $1; which = $NF }
		$5 > longest { longest = $5; where = $NF }
		$1 > complexity { print "FAIL: " $6 " " $NF " has complexity " $1; failed = 1 }
		$5 > lines { print "FAIL: " $6 " " $NF " has " $5 " lines"; failed = 1 }
		END {
			printf "%d functions; complexity at most %d (%s), %d lines at most (%s)\n",
				n, most, which, longest, where
			exit failed
		}'
}

# stack NAME DIRECTORY COMPILER...: a table of every public function, and their worst
stack()
{
	local name=$1 directory=$2 source
	shift 2
	rm -rf "$directory"
	mkdir -p "$directory"
	for source in "${sources[@]}"; do
		"$@" -std=c11 -ffreestanding -fno-stack-protector -mgeneral-regs-only -Iinclude \
			-fstack-usage -fcallgraph-info=su -c "$source" \
			-o "$directory/$(basename "${source%.c}").o"
	done
	echo "$name: stack in bytes, and the path"
	"$here/stack.py" $stack include/optee_mediator "$directory"/*.ci |
		tee "$directory/table"
}

limits()
{
	local directory=$1 level
	need pmccabe
	functions >"$directory/functions" || { cat "$directory/functions"; return 1; }
	for level in -O2 -Os; do
		stack "x86-64 $level" "$directory/x86-64$level" gcc $level -mno-red-zone
		if command -v aarch64-linux-gnu-gcc >/dev/null; then
			stack "aarch64 $level" "$directory/aarch64$level" \
				aarch64-linux-gnu-gcc $level -mno-outline-atomics
		fi
	done
	printf '%s; %s; no recursion\n' "$(cat "$directory/functions")" \
		"$(cat "$directory"/*/table | sort -n | awk '
			/ om_record_guest_/ { recorded = $1; next }
			{ most = $1 }
			END { printf "%d bytes of stack at most, %d with the recorder", most, recorded }')"
}

check_cppcheck()
{
	local directory=$1 api
	need cppcheck
	# A function nobody calls is only right when it is part of the interface.
	api=$(sed -n 's/^OM_API.*\b\(om_[a-z_]*\)(.*/\1/p' include/optee_mediator/*.h |
		paste -sd'|')
	# System headers are not looked at: -ffreestanding leaves next to none.
	cppcheck -q --std=c11 --enable=all --inconclusive -Iinclude -Ilib \
		--suppress=missingIncludeSystem --template='{file}:{line}: {id}: {message}' \
		lib/*.c 2>&1 | grep -vE "unusedFunction: The function '($api)'" |
		grep -E '^[^ ]+:[0-9]+: ' >"$directory/cppcheck" || true
	cat "$directory/cppcheck"
	[[ ! -s $directory/cppcheck ]] || return 1
	echo "0 findings in ${#everything[@]} files"
}

check_clang_tidy()
{
	need clang-tidy
	clang-tidy --quiet "${freestanding[@]}" -- "${flags[@]}" 2>/dev/null
	echo "0 findings in ${#freestanding[@]} files"
}

analyzer()
{
	local source
	for source in "${everything[@]}"; do
		gcc "${flags[@]}" -O2 -Wall -Wextra -fanalyzer -Werror -c "$source" -o /dev/null
	done
	echo "0 findings in ${#everything[@]} files"
}

suppressions()
{
	if grep -rnE 'NOLINT|cppcheck-suppress|[GL]COVR?_EXCL|#pragma' lib include; then
		return 1
	fi
	echo '0 in lib/ and include/'
}

floors()
{
	local directory=$1 source
	need python3
	for source in "${sources[@]}"; do
		gcc "${flags[@]}" -O2 -c "$source" -o "$directory/$(basename "${source%.c}").o"
	done
	"$here/floors.py" --controls
	"$here/floors.py" "$directory"
}

# An om_index() that is left out has to be seen, or the check is worth nothing.
indices()
{
	need clang
	need python3
	"$here/indices.py"
	"$here/indices.py" --controls
}

directory=${2:-}
[[ -z $directory ]] || mkdir -p "$directory"
case ${1-} in
limits | analyzer | suppressions | floors | indices) "$1" "$directory" ;;
cppcheck) check_cppcheck "$directory" ;;
clang-tidy) check_clang_tidy ;;
*) sed -n '4,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

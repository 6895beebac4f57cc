#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The interface of the shared libraries as binaries see it: what changed since it was
# recorded last.
#
#   tests/abi/check.sh check LIBRARY     against the record beside this script
#   tests/abi/check.sh record LIBRARY    after a change that is meant, with the commit
#
# Before 1.0 an interface may change, but not unnoticed. Built for x86-64 with -g.
# Exits with 77 when abidiff is not there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here headers=$here/../../include kvm=$here/../../backends/kvm/include
command=${1-} library=${2-}
if [[ $command != check && $command != record ]] || [[ ! -e $library ]]; then
	sed -n '4,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
fi
if ! command -v abidiff >/dev/null; then
	echo 'abidiff is not installed: skipped'
	exit 77
fi
name=$(basename "$library")
record=$here/${name%%.so*}.abi

# dump: the interface that the public headers show, without where it was built
dump()
{
	abidw --headers-dir "$headers" --headers-dir "$kvm" --drop-private-types --no-show-locs \
		--no-corpus-path --no-comp-dir-path "$library" |
		# abidiff wants its own element first.
		sed -e '1a <!-- SPDX-License-Identifier: BSD-2-Clause -->' \
			-e "s,path='[^']*/\(lib\|backends\)/,path='\1/,"
}

if [[ $command == record ]]; then
	dump >"$record"
	exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
dump >"$scratch/now.abi"
if ! abidiff "$record" "$scratch/now.abi"; then
	echo "$name has another interface than ${record##*/}. If that is meant, and"
	echo 'CHANGELOG.md says so: tests/abi/check.sh record LIBRARY'
	exit 1
fi
echo "$(grep -c "<elf-symbol .*type='func-type'" "$record") functions, as recorded"

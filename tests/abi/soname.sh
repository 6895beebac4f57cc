#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fault_e3: before 1.0 a minor version may change the interface, so a program must not be run
# with the library of another one: the soname carries MAJOR.MINOR, and from 1.0 on MAJOR.
#
#   tests/abi/soname.sh VERSION LIBRARY...
set -euo pipefail

version=$1
shift
expected=${version%%.*}
if [[ $expected == 0 ]]; then
	expected=${version%.*}
fi
for library; do
	name=$(basename "$library")
	name=${name%%.so*}.so.$expected
	if ! LC_ALL=C readelf -d "$library" | grep -qF "Library soname: [$name]"; then
		echo "$library: its soname is not $name"
		exit 1
	fi
	echo "$name"
done

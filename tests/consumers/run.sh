#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds and runs one consumer; see CMakeLists.txt beside this file.
#
#   run.sh NAME SOURCE STAGE DIRECTORY CC CMAKE FDT KVM POLICY
#
# NAME: pkg_config, find_package or add_subdirectory, each also with _static, or
# sources. SOURCE: the repository. STAGE: an installation. DIRECTORY: to build in.
# FDT, KVM, POLICY: ON when optee_mediator_fdt, _kvm, _policy are there too.
set -euo pipefail

readonly name=$1 source=$2 stage=$3 directory=$4 cc=$5 cmake=$6 fdt=$7 kvm=$8 policy=$9
readonly here=$source/tests/consumers

rm -rf "$directory"
mkdir -p "$directory"
cd "$directory"

linkage=''
[[ $name != *_static ]] || linkage=_static

with_cmake()
{
	"$cmake" -S "$here/$1" -B . -G Ninja -DCMAKE_C_COMPILER="$cc" \
		-DCMAKE_BUILD_TYPE=Release -DLINKAGE=$linkage -DFDT="$fdt" -DKVM="$kvm" \
		-DPOLICY="$policy" \
		-DCMAKE_PREFIX_PATH="$stage" -DMEDIATOR_SOURCE="$source"
	"$cmake" --build .
}

# Of the staged libraries the .pc files are beside; whatever libdir is called.
stage_libdir()
{
	dirname "$(dirname "$(find "$stage" -name optee_mediator.pc)")"
}

case $name in
pkg_config*)
	# The installation may be moved after it was made.
	cp -a "$stage" moved
	moved=moved/$(realpath --relative-to="$stage" "$(stage_libdir)")
	export PKG_CONFIG_PATH=$PWD/$moved/pkgconfig
	export LD_LIBRARY_PATH=$PWD/$moved
	make -f "$here/pkg_config/Makefile" CC="$cc" STATIC="${linkage:+1}" \
		FDT="$([[ $fdt == ON ]] && echo 1 || true)" \
		KVM="$([[ $kvm == ON ]] && echo 1 || true)" \
		POLICY="$([[ $policy == ON ]] && echo 1 || true)"
	[[ $(pkg-config --modversion optee_mediator) == [0-9]*.[0-9]*.[0-9]* ]] ;;
find_package*)
	with_cmake find_package ;;
add_subdirectory*)
	with_cmake add_subdirectory ;;
sources)
	# As a hypervisor's build: nothing of ours but the list and the flags in it.
	grep -v -e '^#' -e '^$' "$source/lib/sources.list" | while read -r file; do
		"$cc" -std=gnu99 -O2 -ffreestanding -I"$source/include" \
			-c "$source/lib/$file" -o "${file%.c}.o"
	done
	"$cc" -I"$source/include" "$here/consumer.c" ./*.o -o consumer ;;
*)
	echo "unknown consumer $name" >&2
	exit 2 ;;
esac

./consumer

# It must have got the kind of library that it asked for.
needed=$(readelf -d consumer | grep -c 'NEEDED.*liboptee_mediator\.so\.0' || true)
if [[ $name == sources || -n $linkage ]]; then
	((needed == 0))
else
	((needed == 1))
fi

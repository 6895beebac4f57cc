#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Fault E2: a static consumer is told where libfdt is when it lies in a folder of its own, as
# another architecture's does. The linker says which libfdt it took.
#
#   fdt_elsewhere.sh SOURCE DIRECTORY CC CMAKE LIBFDT INCLUDE
#
# LIBFDT, INCLUDE: the libfdt.a and the headers of this machine, which are copied.
set -euo pipefail

readonly source=$1 directory=$2 cc=$3 cmake=$4 libfdt=$5 include=$6
readonly elsewhere=$directory/elsewhere

rm -rf "$directory"
mkdir -p "$elsewhere/include"
cp "$libfdt" "$elsewhere"
cp "$include"/libfdt*.h "$include/fdt.h" "$elsewhere/include"

"$cmake" -S "$source" -B "$directory/build" -G Ninja -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_INSTALL_PREFIX="$directory/stage" -DCMAKE_INSTALL_LIBDIR=lib \
	-DOM_BUILD_SHARED=OFF -DOM_BUILD_KVM=OFF -DOM_BUILD_POLICY=OFF -DOM_BUILD_TESTS=OFF \
	-DOM_BUILD_EXAMPLES=OFF -DOM_BUILD_TOOLS=OFF \
	-Dlibfdt_LIBRARY="$elsewhere/libfdt.a" -Dlibfdt_INCLUDE_DIR="$elsewhere/include"
"$cmake" --build "$directory/build" --target install

export PKG_CONFIG_PATH=$directory/stage/lib/pkgconfig
# The words of the flags are meant to be split.
# shellcheck disable=SC2046
"$cc" -static -DHAVE_FDT -Wl,--trace -o "$directory/consumer" "$source/tests/consumers/consumer.c" \
	$(pkg-config --static --cflags --libs optee_mediator optee_mediator_fdt) |
	tee "$directory/trace"
"$directory/consumer"
grep -F "$elsewhere/libfdt.a" "$directory/trace"

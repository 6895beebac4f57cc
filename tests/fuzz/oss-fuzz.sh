#!/bin/bash -eu
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds the fuzzers for OSS-Fuzz or ClusterFuzzLite: their build.sh is a call of this.
# They set CC, CFLAGS, LIB_FUZZING_ENGINE, SRC, WORK and OUT; what they want in OUT is each
# target and a zip of its corpus.
#
# Needs cmake, ninja, pkg-config, python3, zip, libfdt (static, for OUT is run elsewhere)
# and cmocka.

here=$(cd "$(dirname "$0")" && pwd)
build=${WORK:?}/optee_mediator

cmake -S "$here/../.." -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None \
	-DOM_BUILD_FUZZERS=ON -DOM_BUILD_SHARED=OFF -DOM_BUILD_EXAMPLES=OFF \
	-DOM_TEST_PACKAGING=OFF "-Dlibfdt_LIBRARY=$("${CC:-clang}" -print-file-name=libfdt.a)"
for corpus in "$here"/corpus/*.hex; do
	target=$(basename "$corpus" .hex)
	cmake --build "$build" --target "fuzz_$target"
	cp "$build/tests/fuzz_$target" "${OUT:?}/$target"
	(cd "$build/tests/fuzz/corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
done

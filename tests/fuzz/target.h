/* SPDX-License-Identifier: BSD-2-Clause */
/* What every fuzz target is: one function that takes bytes, as libFuzzer calls it. */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest as a benchmark: see bench.c and tests/bench/real.
 */
#ifndef REAL_GUEST_BENCH_H
#define REAL_GUEST_BENCH_H

#include "glue.h"
#include "guest_info.h"

/* A signed TA for OP-TEE to load, behind the guest's image; nothing: that is left out. */
#define BENCH_TA	0x80080000u

/* What guest_info.bench asks for. The platform is changed to what it needs. */
bool bench(struct cg_guest *g, struct cg_platform *platform, const struct guest_info *info);

/* Serves an FS request; returns its ret (files.c). */
uint32_t serve_files(struct cg_call *c);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* What instrument.c asks of explore.c. */
#ifndef TESTS_EXPLORE_EXPLORE_H
#define TESTS_EXPLORE_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

/* True for what vCPUs share while they run: slots, buffers, buckets; no counters. */
bool explore_is_shared(const volatile void *p);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenarios of shared memory share: pins, charges and list pages are exact after
 * every success, failure and interruption; which pages OP-TEE came to know.
 */
#ifndef TESTS_SCENARIOS_SHM_H
#define TESTS_SCENARIOS_SHM_H

#include "fixture.h"

/* REGISTER_SHM of a buffer, UNREGISTER_SHM of a cookie; not started. */
void register_init(struct cg_call *c, struct fx_guest *g, const struct cg_buf *b);
void unregister_init(struct cg_call *c, struct fx_guest *g, uint64_t cookie);

/* So much is pinned and charged, and no more. */
void assert_held(struct fx_guest *g, uint64_t pages, uint64_t buffers);
/* What OP-TEE took for the buffer is what the guest put into its list. */
void assert_translated(struct fx_guest *g, const struct cg_buf *b);

#endif

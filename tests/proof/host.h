/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host of a proof: operations that keep the contract of host.h, no more, and
 * look on. Results are any that the contract allows, failures included.
 *
 * What it knows of pages it knows of one, ghost.page, which can be any. What is proved
 * of a page that can be any is proved of all; so no list of pinned pages is needed.
 */
#ifndef TESTS_PROOF_HOST_H
#define TESTS_PROOF_HOST_H

#include "proof.h"

#include "guest.h"

struct ghost {
	/* A page of guest memory, page aligned. */
	uint64_t page;
	uint32_t pins;		/* how often it is pinned for the guest now */
	/* A byte of a pinned page: how often it was fetched. */
	uint64_t byte;
	uint32_t fetches;
	/* All pages: how many were pinned and unpinned. */
	uint32_t pinned;
	uint32_t unpinned;
	bool locked;
	/* Shadow pages that page_alloc() gave and page_free() took. */
	uint32_t allocated;
	uint32_t freed;
	/* The SMCs that were made, and the last as it was made. */
	uint32_t smcs;
	struct om_regs smc;
	uint32_t notified;
	uint32_t traced;
	/* As which UUID OP-TEE knows the TA that is asked about; any, the same each time. */
	uint64_t alias[2];
};

extern struct ghost ghost;

/* Filled in by host_init(); optional operations are there or not. */
extern struct om_host_ops host_ops;

/* Any page and byte to watch, nothing pinned. */
void host_init(void);

/* The secure world writes to what it was given; a harness says what that is. */
void host_secure_world(struct om_regs *regs);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of the pages that OP-TEE may have to map for a guest.
 *
 * OP-TEE maps a buffer as a whole, in one of two places:
 *
 *   Its own window, one for each guest, has payloads until OP-TEE frees them, and the
 *   parameters of commands for TAs that are built into OP-TEE. OP-TEE panics, for all
 *   guests, when it has no translation table for the next 2 MiB of a window (OP-TEE OS,
 *   core_mmu_map_pages()).
 *
 *   The address space of a loaded TA has the parameters of its commands. When it is
 *   full, OP-TEE returns an error.
 *
 * So every buffer that may be mapped in the window is charged here before OP-TEE learns of
 * it (invariant I5). mapped_pages bounds all calls of a guest together; call_pages bounds
 * each call, whichever the place.
 *
 * The first pages of a call's parameters are set aside for that call, so that small calls
 * on several vCPUs write no common word.
 */
#ifndef OM_LIB_MAPPING_H
#define OM_LIB_MAPPING_H

#include "refusal.h"

/* The account of a guest. */
struct om_mapping {
	uint32_t call_pages;	/* om_limits.call_pages */
	uint32_t own;		/* pages set aside for each call */
	uint32_t left;		/* pages left for all calls beyond those; atomic */
};

/* The account of a call. */
struct om_mapped {
	uint32_t param_pages;	/* charged for its parameters */
	uint32_t payload_pages;	/* allocated for OP-TEE by this call, not freed yet */
	bool uses_window;	/* its parameters are mapped in the window */
};

/* Sets up the account of a new guest: nothing is mapped. */
void om_mapping_init(struct om_mapping *mapping, const struct om_limits *limits);

/* Charges a buffer that a parameter of the call names. */
enum om_refusal om_map_param(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages);

/* Refunds all that om_map_param() charged, when the call is over. */
void om_unmap_params(struct om_mapping *mapping, struct om_mapped *call);

/* Charges a payload that the guest allocated during this call. */
enum om_refusal om_map_payload(struct om_mapping *mapping, struct om_mapped *call, uint64_t pages);

/* Refunds a payload. call: the call that was charged, NULL when it is over. */
void om_unmap_payload(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages);

#endif

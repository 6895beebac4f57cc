/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of what OP-TEE may have to map for a guest.
 *
 * OP-TEE maps a buffer as a whole, in one of two places:
 *
 *   its own window, one for each guest: what was allocated for it (payloads), until it
 *   frees that, and the parameters of commands for TAs that are a part of it. It panics,
 *   for everybody, when it has no translation table for the next 2 MiB of the window
 *   (OP-TEE OS, core_mmu_map_pages()).
 *
 *   the address space of a TA that was loaded: the parameters of its commands. Where that
 *   has no room, OP-TEE says so.
 *
 * So every way into the window is charged here before OP-TEE learns of the buffer
 * (invariant I5): mapped_pages bounds a guest's calls together. call_pages bounds each
 * call by itself, whichever place it is.
 *
 * The first pages of a call's parameters are the call's own, so that small calls on
 * several vCPUs have no word in common.
 */
#ifndef OM_LIB_MAPPING_H
#define OM_LIB_MAPPING_H

#include "refusal.h"

/* A guest's account. */
struct om_mapping {
	uint32_t call_pages;	/* om_limits.call_pages */
	uint32_t own;		/* pages each call may map of its own */
	uint32_t left;		/* ... and all of them together beyond; atomic */
};

/* A call's part of it. */
struct om_mapped {
	uint32_t param_pages;	/* of all its parameters, as charged */
	uint32_t payload_pages;	/* allocated for OP-TEE by this call, not freed yet */
	bool uses_window;	/* its parameters are mapped by OP-TEE itself */
};

/* At the beginning of a guest's life: nothing is mapped. */
void om_mapping_init(struct om_mapping *mapping, const struct om_limits *limits);

/* Charges one more buffer that a parameter of the call names. */
enum om_refusal om_map_param(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages);

/* Gives back all that om_map_param() charged: the call is over. */
void om_unmap_params(struct om_mapping *mapping, struct om_mapped *call);

/* Charges a payload that the guest allocated in the course of this call. */
enum om_refusal om_map_payload(struct om_mapping *mapping, struct om_mapped *call, uint64_t pages);

/* Gives a payload's pages back. call: the one that was charged, NULL when it is over. */
void om_unmap_payload(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages);

#endif

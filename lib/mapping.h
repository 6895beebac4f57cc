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

#include "call.h"

/* At the beginning of a guest's life: nothing is mapped. */
void om_mapping_init(struct om_guest *guest);

/* Charges one more buffer that a parameter of the call names. */
enum om_refusal om_map_param(struct om_call *call, uint32_t pages);

/* Gives back all that om_map_param() charged: the call is over. */
void om_unmap_params(struct om_call *call);

/* Charges a payload that the guest allocated in the course of this call. */
enum om_refusal om_map_payload(struct om_call *call, uint64_t pages);

/*
 * Gives a payload's pages back. owner: the id of the call that was charged; this call
 * may be another one.
 */
void om_unmap_payload(struct om_call *call, uint32_t owner, uint32_t pages);

#endif

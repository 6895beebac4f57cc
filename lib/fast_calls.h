/* SPDX-License-Identifier: BSD-2-Clause */
/* Fast calls: all that a guest may ask of OP-TEE without a message. */
#ifndef OM_LIB_FAST_CALLS_H
#define OM_LIB_FAST_CALLS_H

#include "guest.h"

/* Handles a fast call; fid has no SVE hint. Regs are as they were when it is refused. */
enum om_refusal om_fast_call(struct om_guest *guest, uint32_t fid, struct om_regs *regs);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Fast calls: functions without a message. */
#ifndef OM_LIB_FAST_CALLS_H
#define OM_LIB_FAST_CALLS_H

#include "guest.h"

/* Handles a fast call; fid has no SVE hint. When it is refused, regs are unchanged. */
enum om_refusal om_fast_call(struct om_guest *guest, uint32_t fid, struct om_regs *regs);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of a guest's lifetime that dispatch.c needs; the embedder's is in mediator.h. */
#ifndef OM_LIB_LIFETIME_H
#define OM_LIB_LIFETIME_H

#include "guest.h"

/* True when the guest has a buffer, a session or a call, of this or of an earlier kernel. */
bool om_guest_holds(const struct om_guest *guest);

#endif

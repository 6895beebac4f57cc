/* SPDX-License-Identifier: BSD-2-Clause */
/* What dispatch.c asks about a guest's life; what an embedder does is in mediator.h. */
#ifndef OM_LIB_LIFETIME_H
#define OM_LIB_LIFETIME_H

#include "guest.h"

/* True when the guest has a buffer, a session or a call, its own or an earlier kernel's. */
bool om_guest_holds(const struct om_guest *guest);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: keys that are pressed on the console while it is Xen's. */
#ifndef STAND_IN_XEN_KEYHANDLER_H
#define STAND_IN_XEN_KEYHANDLER_H

#include <xen/types.h>

/* Runs on an idle vCPU, or for a toolstack on its own; what it prints is not rate-limited. */
typedef void keyhandler_fn_t(unsigned char key);

/* One for each key. diagnostic: it is also run when all of those are asked for at once. */
void register_keyhandler(unsigned char key, keyhandler_fn_t *fn, const char *desc,
			 bool diagnostic);

#endif

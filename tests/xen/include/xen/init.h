/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: sections of code and data that is only there at boot. None here. */
#ifndef STAND_IN_XEN_INIT_H
#define STAND_IN_XEN_INIT_H

#define __init
#define __initdata

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's <stdbool.h> inside Xen, which is built with -nostdinc. */
#ifndef OPTEE_MEDIATOR_XEN_STDBOOL_H
#define OPTEE_MEDIATOR_XEN_STDBOOL_H

#include <xen/types.h>

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's <stddef.h> inside Xen, which is built with -nostdinc. */
#ifndef OPTEE_MEDIATOR_XEN_STDDEF_H
#define OPTEE_MEDIATOR_XEN_STDDEF_H

#include <xen/types.h>

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

#endif

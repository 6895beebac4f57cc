/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's <stdint.h> inside Xen, which is built with -nostdinc. */
#ifndef OPTEE_MEDIATOR_XEN_STDINT_H
#define OPTEE_MEDIATOR_XEN_STDINT_H

#include <xen/types.h>

#ifndef UINT64_MAX
#define UINT64_MAX (~(uint64_t)0)
#endif

#ifndef SIZE_MAX
#define SIZE_MAX (~(size_t)0)
#endif

#endif

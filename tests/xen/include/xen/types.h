/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: integer types. The same as a libc's, so that both can be seen. */
#ifndef STAND_IN_XEN_TYPES_H
#define STAND_IN_XEN_TYPES_H

#ifndef bool
#define bool _Bool
#define true 1
#define false 0
#endif

#ifndef NULL
#define NULL ((void *)0)
#endif

typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef __SIZE_TYPE__ size_t;

#ifndef UINT32_MAX
#define INT32_MAX	(2147483647)
#define UINT32_MAX	(4294967295U)
#endif

typedef uint64_t paddr_t;
typedef uint64_t register_t;
typedef uint16_t domid_t;

#endif

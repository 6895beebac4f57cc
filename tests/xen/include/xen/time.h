/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: nanoseconds since the machine was booted. */
#ifndef STAND_IN_XEN_TIME_H
#define STAND_IN_XEN_TIME_H

#include <xen/types.h>

typedef int64_t s_time_t;

s_time_t stand_in_now(void);
#define NOW() (stand_in_now())

#endif

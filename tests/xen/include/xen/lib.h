/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: small helpers and the console. */
#ifndef STAND_IN_XEN_LIB_H
#define STAND_IN_XEN_LIB_H

#include <xen/types.h>

#define ARRAY_SIZE(x)		(sizeof(x) / sizeof((x)[0]))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define test_and_set_bool(b)	__atomic_exchange_n(&(b), true, __ATOMIC_SEQ_CST)

/* %pd is a domain. Lines that begin with XENLOG_GUEST are rate-limited. */
void printk(const char *format, ...);

/* On behalf of the current guest; in a release build nothing. */
#ifdef NDEBUG
static inline void gdprintk(const char *level, const char *format, ...) {}
#else
#define gdprintk(level, format, args...) printk(XENLOG_GUEST level format, ## args)
#endif

#endif

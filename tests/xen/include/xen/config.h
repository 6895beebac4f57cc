/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-in for Xen: what is in front of every file of a Xen build (-include).
 *
 * Like the other headers of this folder it declares what backends/xen uses and
 * nothing else, from what Xen's documentation and callers say it does. The names
 * are Xen's: they are the interface. tests/xen/hypervisor.c is behind them.
 *
 * The macros that no C file would expect are here on purpose: the library has to
 * live with them.
 */
#ifndef STAND_IN_XEN_CONFIG_H
#define STAND_IN_XEN_CONFIG_H

#define noinline	__attribute__((__noinline__))
#define noreturn	__attribute__((__noreturn__))
#define always_inline	inline __attribute__((__always_inline__))
#define fallthrough	__attribute__((__fallthrough__))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define barrier()	__asm__ __volatile__("" : : : "memory")
#define __aligned(a)	__attribute__((__aligned__(a)))
#define __used		__attribute__((__used__))

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1L << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))

/* Log levels, and the one that is rate-limited because guests can cause it. */
#define XENLOG_ERR	"<0>"
#define XENLOG_WARNING	"<1>"
#define XENLOG_DEBUG	"<3>"
#define XENLOG_GUEST	"<G>"

#endif

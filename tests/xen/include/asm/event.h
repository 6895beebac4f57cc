/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: in the real one hypercall_preempt_check() needs this header. */

/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: whether this physical CPU has something else to do. */
#ifndef STAND_IN_XEN_SOFTIRQ_H
#define STAND_IN_XEN_SOFTIRQ_H

unsigned int stand_in_softirq_pending(unsigned int cpu);
#define softirq_pending(cpu) (stand_in_softirq_pending(cpu))

/* Runs what waits, for who takes long: no lock is held. */
void process_pending_softirqs(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: locks that are not taken twice. */
#ifndef STAND_IN_XEN_SPINLOCK_H
#define STAND_IN_XEN_SPINLOCK_H

typedef struct {
	int taken;
} spinlock_t;

#define DEFINE_SPINLOCK(name) spinlock_t name = { 0 }

void spin_lock_init(spinlock_t *lock);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);

#endif

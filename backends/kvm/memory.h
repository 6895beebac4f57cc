/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's memory: where its regions are mapped in this process, and how
 * often each page is pinned. Independent of OP-TEE and of KVM.
 */
#ifndef OM_KVM_MEMORY_H
#define OM_KVM_MEMORY_H

#include <pthread.h>

#include <optee_mediator/kvm.h>

#include "wake.h"

struct om_memory_region;

struct om_memory {
	pthread_mutex_t lock;
	struct om_memory_region *regions;	/* a list, because VMMs have few */
	uint64_t pinned;			/* pages; one that is pinned twice counts twice */
	uint32_t free;				/* leaving regions without a pin */
	struct om_wake *wake;			/* OM_WAKE_MEMORY while there are any */
};

void om_memory_init(struct om_memory *memory, struct om_wake *wake);

/* Frees all regions. No page may be pinned. */
void om_memory_exit(struct om_memory *memory);

/* As om_kvm_add_memory(), om_kvm_remove_memory() and om_kvm_may_discard(). */
int om_memory_add(struct om_memory *memory, const struct om_kvm_memory *what);
int om_memory_remove(struct om_memory *memory, uint64_t id);
int om_memory_may_discard(struct om_memory *memory, uint64_t gpa, uint64_t size);

/* As om_host_ops.pin and .unpin; a "PA" is the page's address in this process. */
int om_memory_pin(struct om_memory *memory, const om_ipa_t *ipa, size_t n, om_pa_t *pa);
void om_memory_unpin(struct om_memory *memory, const om_pa_t *pa, size_t n);

/* True when the mapping of this pinned page is MAP_SHARED. */
bool om_memory_is_shared(struct om_memory *memory, const void *page);

/*
 * Maps pinned pages a second time, anywhere: of the size bytes at va as many as are certain
 * to be in one file without a gap, at least a page. The caller unmaps what it gets.
 * Returns the address, with *mapped set; or MAP_FAILED, with errno.
 */
void *om_memory_map_again(struct om_memory *memory, void *va, size_t size, size_t *mapped);

uint64_t om_memory_pinned(struct om_memory *memory);

#endif

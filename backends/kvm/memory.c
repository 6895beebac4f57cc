/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's memory. See memory.h.
 *
 * Each region has a counter for each page. The counters are mapped on demand, so those
 * of pages that were never pinned cost no memory. The top bit of a counter says that
 * memory_released() has to be called when the page is no longer pinned.
 */
#define _GNU_SOURCE
#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optee_mediator/abi_msg.h>

#define PAGE		((uint64_t)OPTEE_MSG_PAGE_SIZE)
#define WANTED		0x80000000u

struct om_memory_region {
	struct om_memory_region *next;
	uint64_t gpa;
	uint64_t size;
	uint64_t hva;
	bool shared;
	bool leaving;		/* removed from the guest, but some of it is pinned */
	uint64_t pinned;	/* sum of the counters */
	uint32_t *pins;		/* one for each page */
};

void om_memory_init(struct om_memory *memory,
		    void (*released)(void *user, uint64_t gpa, uint64_t size), void *user)
{
	pthread_mutex_init(&memory->lock, NULL);
	memory->regions = NULL;
	memory->pinned = 0;
	memory->released = released;
	memory->user = user;
}

static size_t pins_size(uint64_t size)
{
	return (size_t)(size / PAGE * sizeof(uint32_t));
}

static void region_free(struct om_memory_region *region)
{
	munmap(region->pins, pins_size(region->size));
	free(region);
}

void om_memory_exit(struct om_memory *memory)
{
	while (memory->regions) {
		struct om_memory_region *region = memory->regions;

		memory->regions = region->next;
		region_free(region);
	}
	pthread_mutex_destroy(&memory->lock);
}

/* No length is 0 and no sum wraps: om_memory_add() has checked that. */
static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static bool is_taken(const struct om_memory *memory, uint64_t gpa, uint64_t size, uint64_t hva)
{
	const struct om_memory_region *r;

	for (r = memory->regions; r; r = r->next) {
		/* A leaving region is not in the guest any more, but is still mapped here. */
		if (!r->leaving && overlap(gpa, size, r->gpa, r->size))
			return true;
		if (overlap(hva, size, r->hva, r->size))
			return true;
	}
	return false;
}

static struct om_memory_region *region_new(uint64_t gpa, uint64_t size, uint64_t hva, bool shared)
{
	struct om_memory_region *region = calloc(1, sizeof(*region));

	if (!region)
		return NULL;
	region->pins = mmap(NULL, pins_size(size), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (region->pins == MAP_FAILED) {
		free(region);
		return NULL;
	}
	region->gpa = gpa;
	region->size = size;
	region->hva = hva;
	region->shared = shared;
	return region;
}

static bool is_valid(uint64_t gpa, uint64_t size, uint64_t hva)
{
	uint64_t unit = (uint64_t)sysconf(_SC_PAGESIZE);

	if (unit < PAGE)
		unit = PAGE;
	return size && hva && (gpa | size | hva) % unit == 0 && gpa <= UINT64_MAX - size &&
	       hva <= UINT64_MAX - size;
}

int om_memory_add(struct om_memory *memory, uint64_t gpa, uint64_t size, void *hva,
		  unsigned int flags)
{
	struct om_memory_region *region;
	int result = OM_KVM_ERR_OVERLAP;

	if (flags & ~(unsigned int)(OM_KVM_MEMORY_SHARED | OM_KVM_MEMORY_READ_ONLY) ||
	    !is_valid(gpa, size, (uintptr_t)hva))
		return OM_KVM_ERR_ARGUMENT;
	if (flags & OM_KVM_MEMORY_READ_ONLY)
		return OM_KVM_ERR_READ_ONLY;
	region = region_new(gpa, size, (uintptr_t)hva, flags & OM_KVM_MEMORY_SHARED);
	if (!region)
		return OM_KVM_ERR_NO_MEMORY;

	pthread_mutex_lock(&memory->lock);
	if (!is_taken(memory, gpa, size, region->hva)) {
		region->next = memory->regions;
		memory->regions = region;
		result = OM_KVM_OK;
	}
	pthread_mutex_unlock(&memory->lock);
	if (result != OM_KVM_OK)
		region_free(region);
	return result;
}

static void unlink_region(struct om_memory *memory, const struct om_memory_region *region)
{
	struct om_memory_region **link = &memory->regions;

	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
}

/* The region of the guest in which the whole range lies. */
static struct om_memory_region *find_gpa(const struct om_memory *memory, uint64_t gpa,
					 uint64_t size)
{
	struct om_memory_region *r;

	for (r = memory->regions; r; r = r->next)
		if (!r->leaving && gpa >= r->gpa && gpa - r->gpa < r->size &&
		    size <= r->size - (gpa - r->gpa))
			return r;
	return NULL;
}

/* The region of a pinned page, leaving or not. */
static struct om_memory_region *find_hva(const struct om_memory *memory, uint64_t hva)
{
	struct om_memory_region *r;

	for (r = memory->regions; r; r = r->next)
		if (hva - r->hva < r->size)
			return r;
	return NULL;
}

int om_memory_remove(struct om_memory *memory, uint64_t gpa, uint64_t size)
{
	struct om_memory_region *region;
	int result = OM_KVM_OK;

	pthread_mutex_lock(&memory->lock);
	region = find_gpa(memory, gpa, size);
	if (!region || region->gpa != gpa || region->size != size) {
		region = NULL;
		result = OM_KVM_ERR_NO_REGION;
	} else if (region->pinned == 0) {
		unlink_region(memory, region);
	} else {
		region->leaving = memory->released != NULL;
		result = region->leaving ? OM_KVM_DEFERRED : OM_KVM_ERR_PINNED;
		region = NULL;
	}
	pthread_mutex_unlock(&memory->lock);
	if (region)
		region_free(region);
	return result;
}

int om_memory_discard(struct om_memory *memory, uint64_t gpa, uint64_t size)
{
	struct om_memory_region *region;
	int result = OM_KVM_OK;
	uint64_t i;

	if (size == 0 || (gpa | size) % PAGE)
		return OM_KVM_ERR_NO_REGION;
	pthread_mutex_lock(&memory->lock);
	region = find_gpa(memory, gpa, size);
	if (!region)
		result = OM_KVM_ERR_NO_REGION;
	/* Without a pin in the region its counters are not read: that would allocate them. */
	for (i = 0; region && region->pinned && i < size; i += PAGE) {
		uint32_t *pins = &region->pins[(gpa - region->gpa + i) / PAGE];

		if (*pins == 0)
			continue;
		result = memory->released ? OM_KVM_DEFERRED : OM_KVM_ERR_PINNED;
		if (memory->released)
			*pins |= WANTED;
	}
	pthread_mutex_unlock(&memory->lock);
	return result;
}

static void count_pin(struct om_memory *memory, struct om_memory_region *region, uint64_t offset)
{
	region->pins[offset / PAGE]++;
	region->pinned++;
	memory->pinned++;
}

int om_memory_pin(struct om_memory *memory, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct om_memory_region *region = NULL;
	size_t i;

	pthread_mutex_lock(&memory->lock);
	for (i = 0; i < n; i++) {
		/* Most buffers lie in one region: look up only what is not in the last one. */
		if (!region || ipa[i].raw - region->gpa >= region->size)
			region = find_gpa(memory, ipa[i].raw, PAGE);
		if (!region)
			break;
		pa[i].raw = region->hva + (ipa[i].raw - region->gpa);
		count_pin(memory, region, ipa[i].raw - region->gpa);
	}
	pthread_mutex_unlock(&memory->lock);
	if (i == n)
		return 0;
	om_memory_unpin(memory, pa, i);
	return -1;
}

/* The range to call memory_released() for after an unpin; size 0: none. */
struct release {
	uint64_t gpa;
	uint64_t size;
};

static struct release unpin_one(struct om_memory *memory, uint64_t hva)
{
	struct om_memory_region *region = find_hva(memory, hva);
	struct release release = { 0, 0 };
	uint64_t offset;
	uint32_t *pins;

	if (!region)
		return release;		/* the page was never pinned */
	offset = hva - region->hva;
	pins = &region->pins[offset / PAGE];
	memory->pinned--;
	region->pinned--;
	if (--*pins == WANTED) {
		*pins = 0;
		release = (struct release){ region->gpa + offset, PAGE };
	}
	if (!region->leaving)
		return release;
	/* A region that leaves is released as a whole, not page by page. */
	release.size = 0;
	if (region->pinned == 0) {
		release = (struct release){ region->gpa, region->size };
		unlink_region(memory, region);
		region_free(region);
	}
	return release;
}

void om_memory_unpin(struct om_memory *memory, const om_pa_t *pa, size_t n)
{
	size_t i;

	pthread_mutex_lock(&memory->lock);
	for (i = 0; i < n; i++) {
		struct release release = unpin_one(memory, pa[i].raw);

		if (!release.size)
			continue;
		pthread_mutex_unlock(&memory->lock);
		memory->released(memory->user, release.gpa, release.size);
		pthread_mutex_lock(&memory->lock);
	}
	pthread_mutex_unlock(&memory->lock);
}

bool om_memory_is_shared(struct om_memory *memory, const void *page)
{
	const struct om_memory_region *region;
	bool shared;

	pthread_mutex_lock(&memory->lock);
	region = find_hva(memory, (uintptr_t)page);
	shared = region && region->shared;
	pthread_mutex_unlock(&memory->lock);
	return shared;
}

uint64_t om_memory_pinned(struct om_memory *memory)
{
	uint64_t pinned;

	pthread_mutex_lock(&memory->lock);
	pinned = memory->pinned;
	pthread_mutex_unlock(&memory->lock);
	return pinned;
}

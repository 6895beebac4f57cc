/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's memory. See memory.h.
 *
 * Each region has a counter for each page. The counters are mapped on demand, so those
 * of pages that were never pinned cost no memory.
 *
 * The same memory may be in several regions: while one leaves, a VMM adds it again. A pin
 * counts in one of them, and is taken from any that has one: their sum is what matters,
 * since the memory stays mapped until none of them has a pin.
 */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optee_mediator/abi_msg.h>

#define PAGE		((uint64_t)OPTEE_MSG_PAGE_SIZE)

struct om_memory_region {
	struct om_memory_region *next;
	uint64_t id;
	uint64_t gpa;
	uint64_t size;
	uint64_t hva;
	bool shared;
	bool leaving;		/* removed from the guest, but the VMM does not know it free */
	bool mapped;		/* the mapping at hva is our own */
	int fd;			/* a duplicate of the VMM's; -1: not given as a file */
	struct stat file;	/* of fd */
	uint64_t offset;	/* in the file */
	uint64_t pinned;	/* sum of the counters */
	uint32_t *pins;		/* one for each page */
};

void om_memory_init(struct om_memory *memory, struct om_wake *wake)
{
	pthread_mutex_init(&memory->lock, NULL);
	memory->regions = NULL;
	memory->pinned = 0;
	memory->free = 0;
	memory->wake = wake;
}

static size_t pins_size(uint64_t size)
{
	return (size_t)(size / PAGE * sizeof(uint32_t));
}

static void region_free(struct om_memory_region *region)
{
	if (region->pins)
		munmap(region->pins, pins_size(region->size));
	if (region->mapped)
		munmap((void *)(uintptr_t)region->hva, (size_t)region->size);
	if (region->fd >= 0)
		close(region->fd);
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

/* Whether a region can be added, by those that are there. */
static int check_place(const struct om_memory *memory, const struct om_memory_region *region)
{
	const struct om_memory_region *r;

	for (r = memory->regions; r; r = r->next) {
		if (r->id == region->id)
			return OM_KVM_ERR_ID;
		/* A leaving region is not in the guest any more. */
		if (!r->leaving && overlap(region->gpa, region->size, r->gpa, r->size))
			return OM_KVM_ERR_OVERLAP;
	}
	return OM_KVM_OK;
}

/* Why a system call on the VMM's descriptor failed. */
static int file_error(int error)
{
	return error == ENOMEM || error == EMFILE ? OM_KVM_ERR_NO_MEMORY : OM_KVM_ERR_FILE;
}

static int take_file(struct om_memory_region *region, const struct om_kvm_memory *what)
{
	void *va;

	region->offset = what->offset;
	region->fd = fcntl(what->fd, F_DUPFD_CLOEXEC, 0);
	if (region->fd < 0 || fstat(region->fd, &region->file) < 0)
		return file_error(errno);
	/* Behind the end of a file there is SIGBUS; devices have no size. */
	if (S_ISREG(region->file.st_mode) &&
	    what->offset + what->size > (uint64_t)region->file.st_size)
		return OM_KVM_ERR_FILE;
	if (what->hva)
		return OM_KVM_OK;
	va = mmap(NULL, (size_t)what->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd,
		  (off_t)what->offset);
	if (va == MAP_FAILED)
		return file_error(errno);
	region->hva = (uintptr_t)va;
	region->mapped = true;
	return OM_KVM_OK;
}

static int region_fill(struct om_memory_region *region, const struct om_kvm_memory *what)
{
	void *pins = mmap(NULL, pins_size(what->size), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pins == MAP_FAILED)
		return OM_KVM_ERR_NO_MEMORY;
	region->pins = pins;
	region->id = what->id;
	region->gpa = what->gpa;
	region->size = what->size;
	region->hva = (uintptr_t)what->hva;
	region->shared = what->flags != 0;
	return what->flags & OM_KVM_MEMORY_FILE ? take_file(region, what) : OM_KVM_OK;
}

static bool is_valid(const struct om_kvm_memory *what)
{
	bool file = what->flags & OM_KVM_MEMORY_FILE;
	uint64_t hva = (uintptr_t)what->hva;
	uint64_t offset = file ? what->offset : 0;
	uint64_t unit = (uint64_t)sysconf(_SC_PAGESIZE);

	if (unit < PAGE)
		unit = PAGE;
	return !(what->flags & ~(unsigned int)(OM_KVM_MEMORY_SHARED | OM_KVM_MEMORY_FILE)) &&
	       what->size && (hva || file) && (what->gpa | what->size | hva | offset) % unit == 0 &&
	       what->gpa <= UINT64_MAX - what->size && hva <= UINT64_MAX - what->size &&
	       offset <= INT64_MAX && what->size <= INT64_MAX - offset;
}

int om_memory_add(struct om_memory *memory, const struct om_kvm_memory *what)
{
	struct om_memory_region *region;
	int result;

	if (!is_valid(what))
		return OM_KVM_ERR_ARGUMENT;
	region = calloc(1, sizeof(*region));
	if (!region)
		return OM_KVM_ERR_NO_MEMORY;
	region->fd = -1;
	result = region_fill(region, what);
	if (result == OM_KVM_OK) {
		pthread_mutex_lock(&memory->lock);
		result = check_place(memory, region);
		if (result == OM_KVM_OK) {
			region->next = memory->regions;
			memory->regions = region;
		}
		pthread_mutex_unlock(&memory->lock);
	}
	if (result != OM_KVM_OK)
		region_free(region);
	return result;
}

/* The region of the guest that has this page. */
static struct om_memory_region *find_gpa(const struct om_memory *memory, uint64_t gpa)
{
	struct om_memory_region *r;

	for (r = memory->regions; r; r = r->next)
		if (!r->leaving && gpa - r->gpa < r->size)
			return r;
	return NULL;
}

/* Sets the number of regions that the VMM can be told are free. */
static void set_free(struct om_memory *memory, uint32_t n)
{
	memory->free = n;
	om_wake_set(memory->wake, OM_WAKE_MEMORY, n != 0);
}

int om_memory_remove(struct om_memory *memory, uint64_t id)
{
	struct om_memory_region **link = &memory->regions;
	struct om_memory_region *region;
	int result = OM_KVM_ERR_NO_REGION;

	pthread_mutex_lock(&memory->lock);
	while (*link && (*link)->id != id)
		link = &(*link)->next;
	region = *link;
	if (region && region->pinned) {
		region->leaving = true;
		region = NULL;
		result = OM_KVM_AGAIN;
	} else if (region) {
		*link = region->next;
		if (region->leaving)
			set_free(memory, memory->free - 1);
		result = OM_KVM_OK;
	}
	pthread_mutex_unlock(&memory->lock);
	if (region)
		region_free(region);
	return result;
}

/* The counter in r of the page at hva; NULL: r does not have that page, or no pin at all. */
static uint32_t *counter_of(const struct om_memory_region *r, uint64_t hva)
{
	/* Without a pin in the region its counters are not read: that would allocate them. */
	return r->pinned && hva - r->hva < r->size ? &r->pins[(hva - r->hva) / PAGE] : NULL;
}

/* The region in which a page is pinned: one that leaves, if there is one. NULL: none. */
static struct om_memory_region *find_pinned(const struct om_memory *memory, uint64_t hva)
{
	struct om_memory_region *r, *found = NULL;

	for (r = memory->regions; r && !(found && found->leaving); r = r->next) {
		const uint32_t *pins = counter_of(r, hva);

		if (pins && *pins)
			found = r;
	}
	return found;
}

/* Where else a page of `of`, at offset in it, is mapped for r; 0: r is of another file. */
static uint64_t same_page(const struct om_memory_region *r, const struct om_memory_region *of,
			  uint64_t offset)
{
	if (r->fd < 0 || of->fd < 0 || r->file.st_dev != of->file.st_dev ||
	    r->file.st_ino != of->file.st_ino)
		return 0;
	return r->hva + (of->offset + offset - r->offset);
}

static bool is_in_use(const struct om_memory *memory, const struct om_memory_region *region,
		      uint64_t offset)
{
	const struct om_memory_region *r;

	if (find_pinned(memory, region->hva + offset))
		return true;
	/* Regions of one file that the backend mapped have it at several addresses. */
	for (r = memory->regions; r; r = r->next) {
		const uint32_t *pins = counter_of(r, same_page(r, region, offset));

		if (pins && *pins)
			return true;
	}
	return false;
}

int om_memory_may_discard(struct om_memory *memory, uint64_t gpa, uint64_t size)
{
	const struct om_memory_region *region = NULL;
	int result = OM_KVM_OK;
	uint64_t i;

	if (size == 0 || (gpa | size) % PAGE || gpa > UINT64_MAX - size)
		return OM_KVM_ERR_NO_REGION;
	pthread_mutex_lock(&memory->lock);
	for (i = gpa; i < gpa + size && result != OM_KVM_ERR_NO_REGION; i += PAGE) {
		if (!region || i - region->gpa >= region->size)
			region = find_gpa(memory, i);
		if (!region)
			result = OM_KVM_ERR_NO_REGION;
		else if (result == OM_KVM_OK && is_in_use(memory, region, i - region->gpa))
			result = OM_KVM_IN_USE;
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
			region = find_gpa(memory, ipa[i].raw);
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

void om_memory_unpin(struct om_memory *memory, const om_pa_t *pa, size_t n)
{
	size_t i;

	pthread_mutex_lock(&memory->lock);
	for (i = 0; i < n; i++) {
		struct om_memory_region *region = find_pinned(memory, pa[i].raw);

		if (!region)
			continue;	/* the page was never pinned */
		region->pins[(pa[i].raw - region->hva) / PAGE]--;
		region->pinned--;
		memory->pinned--;
		if (region->leaving && !region->pinned)
			set_free(memory, memory->free + 1);
	}
	pthread_mutex_unlock(&memory->lock);
}

bool om_memory_is_shared(struct om_memory *memory, const void *page)
{
	const struct om_memory_region *region;
	bool shared;

	pthread_mutex_lock(&memory->lock);
	region = find_pinned(memory, (uintptr_t)page);
	shared = region && region->shared;
	pthread_mutex_unlock(&memory->lock);
	return shared;
}

void *om_memory_map_again(struct om_memory *memory, void *va, size_t size, size_t *mapped)
{
	const struct om_memory_region *region;
	void *again;

	/* Under the lock, because the region has to keep its descriptor. */
	pthread_mutex_lock(&memory->lock);
	region = find_pinned(memory, (uintptr_t)va);
	if (region && region->fd >= 0) {
		uint64_t skip = (uintptr_t)va - region->hva;

		*mapped = size < region->size - skip ? size : (size_t)(region->size - skip);
		again = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd,
			     (off_t)(region->offset + skip));
	} else {
		/*
		 * One page, because a region may be of several mappings: Linux would take all
		 * of a longer range from the file of the first, where pages may follow that
		 * are not the guest's. An old size of 0 keeps the old mapping.
		 */
		*mapped = PAGE;
		again = mremap(va, 0, PAGE, MREMAP_MAYMOVE);
	}
	pthread_mutex_unlock(&memory->lock);
	return again;
}

uint64_t om_memory_pinned(struct om_memory *memory)
{
	uint64_t pinned;

	pthread_mutex_lock(&memory->lock);
	pinned = memory->pinned;
	pthread_mutex_unlock(&memory->lock);
	return pinned;
}

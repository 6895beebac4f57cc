/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory that is passed to the TEE device. See tee_shm.h. Independent of calls. */
#define _GNU_SOURCE
#include "tee_shm.h"

#include <errno.h>
#include <linux/tee.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optee_mediator/abi_msg.h>

#define PAGE		((size_t)OPTEE_MSG_PAGE_SIZE)

/*
 * The most pages in aliases at once. Each may be a mapping of its own, and Linux allows a
 * process 65530 mappings (vm.max_map_count), of which the VMM needs some itself.
 */
#define ALIAS_PAGES	((size_t)32768)

/*
 * The number of pages in aliases. The limit is that of the process, so all guests in it
 * share this counter: a bound for each would have to know how many guests there will be.
 */
static atomic_size_t aliased;

/* An arena that has grown beyond this is freed after the call. */
#define ARENA_KEEP	((size_t)1 << 20)

void om_tee_shm_init(struct om_tee_shm *shm, struct om_tee_device *device,
		     struct om_memory *memory, uint32_t limit)
{
	memset(shm, 0, sizeof(*shm));
	shm->device = device;
	shm->memory = memory;
	shm->limit = limit;
	pthread_mutex_init(&shm->lock, NULL);
	pthread_mutex_init(&shm->registering, NULL);
}

void om_tee_shm_exit(struct om_tee_shm *shm)
{
	pthread_mutex_destroy(&shm->registering);
	pthread_mutex_destroy(&shm->lock);
}

/* Most cookies are addresses, whose low bits are equal: the hash takes the high ones. */
static struct om_tee_buffer **bucket_of(struct om_tee_shm *shm, uint64_t cookie)
{
	return &shm->bucket[(cookie * 0x9e3779b97f4a7c15u) >> 56];
}
_Static_assert(OM_TEE_BUCKETS == 1u << 8, "bucket_of() gives 8 bits");

/* A position in a page list in shadow memory, which neither the guest nor OP-TEE writes. */
struct list {
	const uint64_t *page;
	size_t index;
};

static uint8_t *next_entry(struct list *list)
{
	if (list->index == OPTEE_MSG_LIST_NEXT) {
		list->page = (const uint64_t *)(uintptr_t)list->page[OPTEE_MSG_LIST_NEXT];
		list->index = 0;
	}
	return (uint8_t *)(uintptr_t)list->page[list->index++];
}

/* Counts the runs in a list of n pages, and writes them to run unless it is NULL. */
static size_t find_runs(uint64_t list_start, size_t n, struct om_tee_run *run)
{
	struct list list = { (const uint64_t *)(uintptr_t)list_start, 0 };
	uint8_t *end = NULL;
	size_t runs = 0;

	for (; n; n--) {
		uint8_t *va = next_entry(&list);

		if (va != end)
			runs++;
		if (run && va != end)
			run[runs - 1] = (struct om_tee_run){ va, 0 };
		if (run)
			run[runs - 1].size += PAGE;
		end = va + PAGE;
	}
	return runs;
}

struct om_tee_buffer *om_tee_buffer_new(uint64_t buf_ptr, uint64_t size, uint64_t cookie)
{
	uint32_t offset = (uint32_t)(buf_ptr % PAGE);
	size_t pages = (size_t)((offset + size + PAGE - 1) / PAGE);
	uint64_t list = buf_ptr - offset;
	size_t runs = find_runs(list, pages, NULL);
	struct om_tee_buffer *buffer = calloc(1, sizeof(*buffer) + runs * sizeof(buffer->run[0]));

	if (!buffer)
		return NULL;
	buffer->cookie = cookie;
	buffer->size = size;
	buffer->offset = offset;
	buffer->fd = -1;
	buffer->runs = find_runs(list, pages, buffer->run);
	return buffer;
}

static size_t total_size(const struct om_tee_buffer *buffer)
{
	size_t size = 0;
	size_t i;

	for (i = 0; i < buffer->runs; i++)
		size += buffer->run[i].size;
	return size;
}

static bool alias_charge(size_t pages)
{
	size_t now = atomic_load(&aliased);

	do {
		if (pages > ALIAS_PAGES - now)
			return false;
	} while (!atomic_compare_exchange_weak(&aliased, &now, now + pages));
	return true;
}

static void alias_free(struct om_tee_buffer *buffer)
{
	size_t size = total_size(buffer);

	if (!buffer->alias)
		return;
	munmap(buffer->alias, size);
	atomic_fetch_sub(&aliased, size / PAGE);
	buffer->alias = NULL;
}

/* An alias under construction. */
struct alias {
	uint8_t *va;		/* a reserved range of addresses */
	size_t size;
	size_t made;		/* bytes mapped so far, from va */
	size_t lost;		/* bytes after those that another thread may own now, or 0 */
};

/*
 * Maps some of the size bytes at `from` a second time, as the next piece of an alias.
 * Returns 0, or -errno.
 */
static int alias_piece(struct om_tee_shm *shm, struct alias *alias, uint8_t *from, size_t size)
{
	size_t mapped;
	/* First anywhere, because a refusal then has changed nothing. */
	void *piece = om_memory_map_again(shm->memory, from, size, &mapped);
	int error;

	if (piece == MAP_FAILED)
		return -errno;
	if (mremap(piece, mapped, mapped, MREMAP_MAYMOVE | MREMAP_FIXED,
		   alias->va + alias->made) == MAP_FAILED) {
		/* Linux may have unmapped it before it failed; then another thread may map it. */
		error = -errno;
		munmap(piece, mapped);
		alias->lost = mapped;
		return error;
	}
	alias->made += mapped;
	return 0;
}

static int alias_run(struct om_tee_shm *shm, struct alias *alias, const struct om_tee_run *run)
{
	size_t begin = alias->made;
	int error = 0;

	while (!error && alias->made - begin < run->size)
		error = alias_piece(shm, alias, run->va + (alias->made - begin),
				    run->size - (alias->made - begin));
	return error;
}

static int alias_runs(struct om_tee_shm *shm, struct alias *alias,
		      const struct om_tee_buffer *buffer)
{
	int error = 0;
	size_t i;

	for (i = 0; i < buffer->runs && !error; i++)
		error = alias_run(shm, alias, &buffer->run[i]);
	return error;
}

/* Unmaps an unfinished alias, except the piece that another thread may own now. */
static void alias_undo(const struct alias *alias)
{
	size_t behind = alias->made + alias->lost;

	if (alias->made)
		munmap(alias->va, alias->made);
	if (behind < alias->size)
		munmap(alias->va + behind, alias->size - behind);
	/* The lost piece may still be mapped, so it stays counted. */
	atomic_fetch_sub(&aliased, (alias->size - alias->lost) / PAGE);
}

/* Avoids an attempt that would fail. The kernel decides for each page in the end. */
static bool is_shared(struct om_tee_shm *shm, const struct om_tee_buffer *buffer)
{
	size_t i;

	for (i = 0; i < buffer->runs; i++)
		if (!om_memory_is_shared(shm->memory, buffer->run[i].va))
			return false;
	return true;
}

static bool alias_new(struct om_tee_shm *shm, struct om_tee_buffer *buffer)
{
	struct alias alias = { .size = total_size(buffer) };
	void *va;
	int error;

	/* A guest page smaller than a host page cannot be mapped by itself. */
	if (sysconf(_SC_PAGESIZE) != (long)PAGE || !is_shared(shm, buffer)) {
		buffer->copy_only = true;
		return false;
	}
	if (!alias_charge(alias.size / PAGE))
		return false;
	va = mmap(NULL, alias.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (va == MAP_FAILED) {
		atomic_fetch_sub(&aliased, alias.size / PAGE);
		return false;
	}
	alias.va = va;
	error = alias_runs(shm, &alias, buffer);
	if (error) {
		alias_undo(&alias);
		buffer->copy_only = error == -EINVAL || error == -EFAULT;
		return false;
	}
	buffer->alias = va;
	return true;
}

/* Makes TEE_IOC_SHM_REGISTER. Returns the descriptor with *id set, or -errno. */
static int shm_register(struct om_tee_shm *shm, const void *va, uint64_t size, int32_t *id)
{
	struct tee_ioctl_shm_register_data data = { .addr = (uintptr_t)va, .length = size };
	int fd = om_tee_ioctl(shm->device, TEE_IOC_SHM_REGISTER, &data);

	*id = data.id;
	return fd < 0 ? fd : om_tee_close_on_exec(shm->device, fd);
}

/* Ends a buffer's registration. The caller holds registering. */
static void unregister(struct om_tee_shm *shm, struct om_tee_buffer *buffer)
{
	if (buffer->fd >= 0) {
		om_tee_unregister(shm->device, buffer->fd);
		om_tee_uncount(shm->device, OM_KVM_COUNT_REGISTRATIONS_NOW);
		shm->registered--;
	}
	buffer->fd = -1;
	alias_free(buffer);
}

void om_tee_buffer_free(struct om_tee_buffer *buffer)
{
	free(buffer);
}

static struct om_tee_buffer *idle_in(struct om_tee_buffer *buffer)
{
	/* A call that gets this buffer later checks under registering whether it is registered. */
	while (buffer && (buffer->users || buffer->fd < 0))
		buffer = buffer->next;
	return buffer;
}

/*
 * Ends the registration of a buffer that no call uses. The caller holds registering, so
 * the buffer cannot be freed meanwhile: a registered one is only removed under that lock.
 */
static bool evict(struct om_tee_shm *shm)
{
	struct om_tee_buffer *buffer = NULL;
	uint32_t i;

	pthread_mutex_lock(&shm->lock);
	for (i = 0; i < OM_TEE_BUCKETS && !buffer; i++)
		buffer = idle_in(shm->bucket[shm->next_evicted++ % OM_TEE_BUCKETS]);
	pthread_mutex_unlock(&shm->lock);
	if (!buffer)
		return false;
	unregister(shm, buffer);
	om_tee_count(shm->device, OM_KVM_COUNT_EVICTED, 1);
	return true;
}

/* True when trying again later would not help: the kernel cannot pin this memory. */
static bool is_final(int error)
{
	return error == -EFAULT || error == -EOPNOTSUPP;
}

static bool register_now(struct om_tee_shm *shm, struct om_tee_buffer *buffer)
{
	enum om_kvm_counter how = OM_KVM_COUNT_IN_PLACE;
	uint8_t *va = buffer->run[0].va;

	if (buffer->copy_only || (shm->registered >= shm->limit && !evict(shm)))
		return false;
	if (buffer->runs > 1) {
		if (!alias_new(shm, buffer))
			return false;
		va = buffer->alias;
		how = OM_KVM_COUNT_ALIASED;
	}
	buffer->fd = shm_register(shm, va + buffer->offset, buffer->size, &buffer->id);
	if (buffer->fd < 0) {
		buffer->copy_only = is_final(buffer->fd);
		buffer->fd = -1;
		alias_free(buffer);
		return false;
	}
	shm->registered++;
	om_tee_count(shm->device, OM_KVM_COUNT_REGISTRATIONS_NOW, 1);
	om_tee_count(shm->device, how, 1);
	return true;
}

bool om_tee_buffer_register(struct om_tee_shm *shm, struct om_tee_buffer *buffer, int32_t *id)
{
	bool registered;

	pthread_mutex_lock(&shm->lock);
	buffer->maybe_registered = true;
	pthread_mutex_unlock(&shm->lock);

	pthread_mutex_lock(&shm->registering);
	registered = buffer->fd >= 0 || register_now(shm, buffer);
	*id = buffer->id;
	pthread_mutex_unlock(&shm->registering);
	return registered;
}

void om_tee_shm_add(struct om_tee_shm *shm, struct om_tee_buffer *buffer)
{
	struct om_tee_buffer **bucket = bucket_of(shm, buffer->cookie);

	pthread_mutex_lock(&shm->lock);
	buffer->next = *bucket;
	*bucket = buffer;
	pthread_mutex_unlock(&shm->lock);
}

/* The link to the buffer of a cookie, or to NULL. The caller holds lock. */
static struct om_tee_buffer **find(struct om_tee_shm *shm, uint64_t cookie)
{
	struct om_tee_buffer **link = bucket_of(shm, cookie);

	while (*link && (*link)->cookie != cookie)
		link = &(*link)->next;
	return link;
}

/* Removes a buffer from the table; one that may be registered only with `registered`. */
static enum om_tee_removal take(struct om_tee_shm *shm, uint64_t cookie, bool registered,
				struct om_tee_buffer **buffer)
{
	enum om_tee_removal result = OM_TEE_REMOVED;
	struct om_tee_buffer **link;

	pthread_mutex_lock(&shm->lock);
	link = find(shm, cookie);
	*buffer = *link;
	if (!*buffer || (*buffer)->users)
		result = OM_TEE_NOT_REMOVED;
	else if ((*buffer)->maybe_registered && !registered)
		result = OM_TEE_REMOVE_WAITS;
	else
		*link = (*buffer)->next;
	pthread_mutex_unlock(&shm->lock);
	return result;
}

enum om_tee_removal om_tee_shm_remove(struct om_tee_shm *shm, uint64_t cookie)
{
	struct om_tee_buffer *buffer;
	enum om_tee_removal result = take(shm, cookie, false, &buffer);

	if (result == OM_TEE_REMOVED)
		free(buffer);
	return result;
}

enum om_tee_removal om_tee_shm_remove_waiting(struct om_tee_shm *shm, uint64_t cookie)
{
	struct om_tee_buffer *buffer;
	enum om_tee_removal result;

	pthread_mutex_lock(&shm->registering);
	result = take(shm, cookie, true, &buffer);
	if (result == OM_TEE_REMOVED) {
		unregister(shm, buffer);
		free(buffer);
	}
	pthread_mutex_unlock(&shm->registering);
	return result;
}

struct om_tee_buffer *om_tee_shm_get(struct om_tee_shm *shm, uint64_t cookie)
{
	struct om_tee_buffer *buffer;

	pthread_mutex_lock(&shm->lock);
	buffer = *find(shm, cookie);
	if (buffer)
		buffer->users++;
	pthread_mutex_unlock(&shm->lock);
	return buffer;
}

void om_tee_shm_put(struct om_tee_shm *shm, struct om_tee_buffer *buffer)
{
	pthread_mutex_lock(&shm->lock);
	buffer->users--;
	pthread_mutex_unlock(&shm->lock);
}

void om_tee_shm_forget_all(struct om_tee_shm *shm)
{
	uint32_t i;

	for (i = 0; i < OM_TEE_BUCKETS; i++)
		while (shm->bucket[i]) {
			struct om_tee_buffer *buffer = shm->bucket[i];

			shm->bucket[i] = buffer->next;
			unregister(shm, buffer);
			free(buffer);
		}
}

void om_tee_arena_free(struct om_tee_shm *shm, struct om_tee_arena *arena)
{
	if (!arena->va)
		return;
	om_tee_unregister(shm->device, arena->fd);
	munmap(arena->va, arena->size);
	*arena = (struct om_tee_arena){ 0 };
}

void om_tee_arena_trim(struct om_tee_shm *shm, struct om_tee_arena *arena)
{
	if (arena->size > ARENA_KEEP)
		om_tee_arena_free(shm, arena);
}

int om_tee_arena_reserve(struct om_tee_shm *shm, struct om_tee_arena *arena, size_t size)
{
	/* Space for four small references at least: most calls never need more. */
	size_t grown = 4 * OM_TEE_COPY_BELOW;
	size_t unit = (size_t)sysconf(_SC_PAGESIZE);
	void *va;
	int fd;

	if (size <= arena->size)
		return 0;
	om_tee_arena_free(shm, arena);
	if (grown < size)
		grown = size;
	grown = (grown + unit - 1) / unit * unit;
	va = mmap(NULL, grown, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (va == MAP_FAILED)
		return -ENOMEM;
	fd = shm_register(shm, va, grown, &arena->id);
	if (fd < 0) {
		munmap(va, grown);
		/* This memory can be registered, so EINVAL says that OP-TEE cannot map more. */
		return fd == -EINVAL ? -ENOMEM : fd;
	}
	arena->va = va;
	arena->size = grown;
	arena->fd = fd;
	return 0;
}

/* Copies to memory of this process (in) or from it. */
static void copy(struct om_tee_buffer *buffer, uint64_t offs, void *own, size_t size, bool in)
{
	uint64_t skip = buffer->offset + offs;
	uint8_t *at = own;
	size_t i;

	for (i = 0; i < buffer->runs && size; i++) {
		const struct om_tee_run *run = &buffer->run[i];
		size_t n;

		if (skip >= run->size) {
			skip -= run->size;
			continue;
		}
		n = run->size - (size_t)skip;
		if (n > size)
			n = size;
		if (in)
			memcpy(at, run->va + skip, n);
		else
			memcpy(run->va + skip, at, n);
		at += n;
		size -= n;
		skip = 0;
	}
}

void om_tee_copy_in(struct om_tee_buffer *buffer, uint64_t offs, void *to, size_t size)
{
	copy(buffer, offs, to, size, true);
}

void om_tee_copy_out(struct om_tee_buffer *buffer, uint64_t offs, const void *from, size_t size)
{
	copy(buffer, offs, (void *)(uintptr_t)from, size, false);
}

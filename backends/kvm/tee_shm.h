/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory on its way to the TEE device.
 *
 * A *buffer* is a list of guest pages under the guest's cookie. It costs nothing in
 * OP-TEE until a call uses it: then it is registered where it is, if its pages
 * follow each other in this process; else through an *alias*, a second mapping of
 * the pages in the right order. What can be neither, and what is small, is copied
 * through an *arena*: memory of this process that is registered once for a worker.
 *
 * Registering may wait for OP-TEE: only workers do it. A vCPU only finds buffers.
 */
#ifndef OM_KVM_TEE_SHM_H
#define OM_KVM_TEE_SHM_H

#include <pthread.h>

#include "memory.h"
#include "tee_device.h"

/* Up to here a copy is cheaper than to register and unregister: some 50,000 instructions. */
#define OM_TEE_COPY_BELOW	4096u

#define OM_TEE_BUCKETS		256u

/*
 * Pages that follow each other in this process, maybe over the edge of a region. So they
 * can be read, written and registered as one; the mappings they are of are not one.
 */
struct om_tee_run {
	uint8_t *va;
	size_t size;
};

struct om_tee_buffer {
	struct om_tee_buffer *next;	/* in its bucket */
	uint64_t cookie;
	uint64_t size;
	uint32_t offset;		/* of the data in the first page */
	/* Under om_tee_shm.lock: */
	uint32_t users;
	bool touched;			/* a worker may have registered it */
	/* Under om_tee_shm.registering: */
	bool hopeless;			/* cannot be registered: is copied */
	int fd;				/* of the registration; -1 when there is none */
	int32_t id;
	void *alias;
	size_t runs;
	struct om_tee_run run[];
};

struct om_tee_shm {
	struct om_tee_device *device;
	struct om_memory *memory;
	uint32_t limit;			/* of registrations */
	uint32_t registered;		/* under registering */
	uint32_t hand;			/* the bucket eviction looks at next; under registering */
	/*
	 * lock is held for table operations, registering by a worker around system
	 * calls; who holds registering may take lock, not the other way round.
	 */
	pthread_mutex_t lock;
	pthread_mutex_t registering;
	struct om_tee_buffer *bucket[OM_TEE_BUCKETS];
};

void om_tee_shm_init(struct om_tee_shm *shm, struct om_tee_device *device,
		     struct om_memory *memory, uint32_t limit);
/* Gives up all buffers and their registrations. No worker works. */
void om_tee_shm_forget_all(struct om_tee_shm *shm);
void om_tee_shm_exit(struct om_tee_shm *shm);

/*
 * Makes a buffer of a page list in a shadow (docs/design.md, abi_msg.h), of pages
 * that stay pinned while it exists. NULL: no memory.
 */
struct om_tee_buffer *om_tee_buffer_new(uint64_t buf_ptr, uint64_t size, uint64_t cookie);
/* Frees one that never was in the table. */
void om_tee_buffer_free(struct om_tee_buffer *buffer);

/* Puts a buffer into the table. */
void om_tee_shm_add(struct om_tee_shm *shm, struct om_tee_buffer *buffer);

enum om_tee_removal {
	OM_TEE_REMOVED,
	OM_TEE_REMOVE_WAITS,	/* OP-TEE may know it: om_tee_shm_remove_waiting() */
	OM_TEE_NOT_REMOVED,	/* unknown, or a call uses it */
};

/* Takes a buffer out and frees it. The first never waits for OP-TEE. */
enum om_tee_removal om_tee_shm_remove(struct om_tee_shm *shm, uint64_t cookie);
enum om_tee_removal om_tee_shm_remove_waiting(struct om_tee_shm *shm, uint64_t cookie);

/* The buffer of a cookie, kept from eviction until it is put back; NULL: unknown. */
struct om_tee_buffer *om_tee_shm_get(struct om_tee_shm *shm, uint64_t cookie);
void om_tee_shm_put(struct om_tee_shm *shm, struct om_tee_buffer *buffer);

/* True when the buffer, held by om_tee_shm_get(), is registered now under id. */
bool om_tee_buffer_register(struct om_tee_shm *shm, struct om_tee_buffer *buffer, int32_t *id);

/* A worker's own memory for copies. All zero is an empty one. */
struct om_tee_arena {
	uint8_t *va;
	size_t size;
	int fd;
	int32_t id;
};

/* Makes room for size bytes, whatever was in it. Returns 0, or -errno. */
int om_tee_arena_reserve(struct om_tee_shm *shm, struct om_tee_arena *arena, size_t size);
/* Empties an arena, or only one that is larger than is worth keeping. */
void om_tee_arena_free(struct om_tee_shm *shm, struct om_tee_arena *arena);
void om_tee_arena_trim(struct om_tee_shm *shm, struct om_tee_arena *arena);

/* Copies size bytes at offs of a buffer to or from memory of this process. */
void om_tee_copy_in(struct om_tee_buffer *buffer, uint64_t offs, void *to, size_t size);
void om_tee_copy_out(struct om_tee_buffer *buffer, uint64_t offs, const void *from, size_t size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory that is passed to the TEE device.
 *
 * A *buffer* is a list of guest pages under the guest's cookie. It costs OP-TEE nothing
 * until a call uses it. Then it is registered in place if its pages follow each other in
 * this process; if not, through an *alias*, which is a second mapping of the pages in
 * the right order. A small buffer, or one that allows neither, is copied through an
 * *arena*, which is memory of this process that is registered once for each worker.
 *
 * Registering may block in OP-TEE, so only workers register. vCPUs only look buffers up.
 */
#ifndef OM_KVM_TEE_SHM_H
#define OM_KVM_TEE_SHM_H

#include <pthread.h>

#include "memory.h"
#include "tee_device.h"

/* Up to this size a copy costs less than to register and unregister (50,000 instructions). */
#define OM_TEE_COPY_BELOW	4096u

#define OM_TEE_BUCKETS		256u

/*
 * A run: pages that follow each other in this process. A run can be read, written and
 * registered as one range, but may lie in several regions and so in several mappings.
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
	bool maybe_registered;		/* a worker has tried, or is about to */
	/* Under om_tee_shm.registering: */
	bool copy_only;			/* cannot be registered */
	int fd;				/* of the registration; -1: not registered */
	int32_t id;
	void *alias;
	size_t runs;
	struct om_tee_run run[];
};

struct om_tee_shm {
	struct om_tee_device *device;
	struct om_memory *memory;
	uint32_t limit;			/* most registrations at once */
	uint32_t registered;		/* registrations now; under registering */
	uint32_t next_evicted;		/* the bucket to evict from next; under registering */
	/*
	 * lock is held for table operations only; a worker holds registering while it
	 * makes system calls. Lock order: registering, then lock.
	 */
	pthread_mutex_t lock;
	pthread_mutex_t registering;
	struct om_tee_buffer *bucket[OM_TEE_BUCKETS];
};

void om_tee_shm_init(struct om_tee_shm *shm, struct om_tee_device *device,
		     struct om_memory *memory, uint32_t limit);
/* Frees all buffers and ends their registrations. No worker may have a job. */
void om_tee_shm_forget_all(struct om_tee_shm *shm);
void om_tee_shm_exit(struct om_tee_shm *shm);

/*
 * Makes a buffer from a page list in a shadow page (abi_msg.h). The caller keeps the
 * pages pinned while the buffer exists. NULL: no memory.
 */
struct om_tee_buffer *om_tee_buffer_new(uint64_t buf_ptr, uint64_t size, uint64_t cookie);
/* Frees a buffer that was never added to the table. */
void om_tee_buffer_free(struct om_tee_buffer *buffer);

/* Puts a buffer into the table. */
void om_tee_shm_add(struct om_tee_shm *shm, struct om_tee_buffer *buffer);

enum om_tee_removal {
	OM_TEE_REMOVED,
	OM_TEE_REMOVE_WAITS,	/* may be registered: use om_tee_shm_remove_waiting() */
	OM_TEE_NOT_REMOVED,	/* unknown cookie, or a call uses the buffer */
};

/* Removes a buffer from the table and frees it. Only the second may wait for OP-TEE. */
enum om_tee_removal om_tee_shm_remove(struct om_tee_shm *shm, uint64_t cookie);
enum om_tee_removal om_tee_shm_remove_waiting(struct om_tee_shm *shm, uint64_t cookie);

/* The buffer of a cookie; it is not removed or evicted until it is put back. NULL: unknown. */
struct om_tee_buffer *om_tee_shm_get(struct om_tee_shm *shm, uint64_t cookie);
void om_tee_shm_put(struct om_tee_shm *shm, struct om_tee_buffer *buffer);

/* Registers a buffer that om_tee_shm_get() returned. True: registered, *id is set. */
bool om_tee_buffer_register(struct om_tee_shm *shm, struct om_tee_buffer *buffer, int32_t *id);

/* A worker's memory for copies. Zeroed, it is empty. */
struct om_tee_arena {
	uint8_t *va;
	size_t size;
	int fd;
	int32_t id;
};

/* Grows an arena to at least size bytes; its content is lost. Returns 0, or -errno. */
int om_tee_arena_reserve(struct om_tee_shm *shm, struct om_tee_arena *arena, size_t size);
/* Frees an arena; the second does so only if it is too large to keep for later calls. */
void om_tee_arena_free(struct om_tee_shm *shm, struct om_tee_arena *arena);
void om_tee_arena_trim(struct om_tee_shm *shm, struct om_tee_arena *arena);

/* Copy size bytes at offset offs of a buffer to or from memory of this process. */
void om_tee_copy_in(struct om_tee_buffer *buffer, uint64_t offs, void *to, size_t size);
void om_tee_copy_out(struct om_tee_buffer *buffer, uint64_t offs, const void *from, size_t size);

#endif

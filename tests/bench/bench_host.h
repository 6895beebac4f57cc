/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bench's host: as little hypervisor and secure world as a fair measurement
 * needs. tests/host checks everything; this one only does what any backend has
 * to do, so that its cost can be set against the library's.
 *
 * Its parts, so that instructions can be told apart by function name:
 *
 *	host operations	bench_host_*: a guest's RAM behind a page table (IPA is not
 *			PA, neighbours are not neighbours), one record a page
 *			with its owner and pin count, a test-and-set lock
 *	secure world	bench_smc: a stub that answers by script
 *	guest		bench_guest.c: writes messages, serves RPCs; never counted
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/host.h>
#include <optee_mediator/mediator.h>

#define BENCH_PAGE		4096u
#define BENCH_RAM_PAGES		65536u		/* per guest; only touched ones cost memory */
#define BENCH_SHADOW_PAGES	256u		/* per host */
#define BENCH_IPA_BASE		0x40000000ull
#define BENCH_PA_BASE		0x800000000ull
#define BENCH_SHADOW_PA_BASE	0x1000000000ull
#define BENCH_RESERVED_PA	0x70000000ull	/* OP-TEE's reserved shared memory */
#define BENCH_RESERVED_SIZE	0x200000u

/* Room for every operation of bench.c: 10000 buffers, one of 16384 pages. */
#define BENCH_LIMITS { \
	.threads = 16, .buffers = 12288, .rpc_args = 16, .pages = 49152, .list_pages = 40, \
}

/* What the secure world does with an INVOKE. */
enum bench_script {
	BENCH_PLAIN,		/* answers */
	BENCH_INTERRUPT,	/* FOREIGN_INTR first */
	BENCH_TIME,		/* ALLOC, GET_TIME, FREE first; only GET_TIME when inline */
	BENCH_PAYLOAD,		/* ALLOC, SHM_ALLOC, SHM_FREE, FREE first */
};

/* One page of the machine. A cache line each, as vCPUs pin different ones at once. */
struct bench_frame {
	uint32_t pins;		/* atomic */
	uint32_t owner;		/* guest id */
} __attribute__((aligned(64)));

/* What the host operations were asked, when the host is made to count. */
struct bench_counts {
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t reads;
	uint64_t writes;
	uint64_t pinned;
	uint64_t locks;
};

/* A suspended or running thread of the secure world; one for each shadow page. */
struct bench_thread {
	uint8_t *arg;
	uint8_t *rpc;
	uint64_t cookie;
	uint64_t payload;	/* the cookie that came with a SHM_ALLOC */
	uint32_t fid;
	uint32_t step;
} __attribute__((aligned(64)));

struct bench_host {
	struct om_mediator mediator;
	enum bench_script script;
	uint32_t takes;			/* nanoseconds that each SMC takes, beside the stub's own */
	bool interrupt_waits;
	uint8_t *shadow;		/* BENCH_SHADOW_PAGES */
	uint32_t shadow_used;
	uint64_t page_allocs;
	uint64_t page_frees;
	uint32_t sessions;		/* opened so far */
	struct bench_thread threads[BENCH_SHADOW_PAGES];
};

struct bench_guest {
	struct om_guest *om;
	uint32_t id;
	uint64_t *table;		/* of pages: PA and BENCH_ENTRY_* */
	struct bench_frame *frames;
	uint8_t *ram;
	void *memory;			/* the library's */
	uint32_t next_page;		/* never used so far */
	struct bench_counts counts;
	uint32_t spinlock __attribute__((aligned(64)));
} __attribute__((aligned(64)));

/* An entry of the guest's page table. */
#define BENCH_ENTRY_RAM		1u
#define BENCH_ENTRY_WRITABLE	2u

/* bench_host.c. All end the program with a message when something fails. */

/* count: operations also fill bench_guest.counts, for one thread only. */
struct bench_host *bench_host_new(bool count);
void bench_host_free(struct bench_host *host);
struct bench_guest *bench_guest_new(struct bench_host *host, uint32_t id);
void bench_guest_free(struct bench_guest *guest);
/* A page of RAM that was not handed out before. */
uint64_t bench_guest_page(struct bench_guest *guest);
/* The guest's own view of it. */
void *bench_guest_va(struct bench_guest *guest, uint64_t ipa);
void bench_die(const char *what) __attribute__((noreturn));

/* bench_guest.c */

struct bench_vcpu {
	struct bench_guest *guest;
	unsigned int index;
	uint64_t message_ipa;
	uint8_t *message;
	uint64_t rpc_ipa;		/* the page it gives for an ALLOC */
	uint8_t *rpc;
	uint64_t rpc_cookie;
	uint64_t payload_ipa;		/* the list of one page that it gives for a SHM_ALLOC */
	uint64_t message_buffer;		/* cookie of the message page when registered */
	uint32_t session;		/* its own, of a TA that is a part of OP-TEE */
};

/* A list of n pages of the guest, as REGISTER_SHM names it. */
struct bench_list {
	uint64_t ipa;
	uint32_t pages;
};

void bench_vcpu_init(struct bench_vcpu *vcpu, struct bench_guest *guest, unsigned int index);
struct bench_list bench_list_new(struct bench_guest *guest, uint32_t pages);
void bench_register(struct bench_vcpu *vcpu, const struct bench_list *list, uint64_t cookie);
void bench_unregister(struct bench_vcpu *vcpu, uint64_t cookie);
/* Shares the message page itself, for CALL_WITH_REGD_ARG, until bench_uncarry(). */
void bench_carry(struct bench_vcpu *vcpu);
void bench_uncarry(struct bench_vcpu *vcpu);
/* Four parameters: two VALUE_INOUT, one RMEM_INOUT in the buffer, one NONE. */
void bench_invoke(struct bench_vcpu *vcpu, uint32_t fid, uint64_t cookie);

#endif

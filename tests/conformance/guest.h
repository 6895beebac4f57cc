/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest: a guest that uses OP-TEE, honestly and otherwise, and
 * says for each scenario whether it saw what it must see.
 *
 * This header is what a platform needs to run it: a way to issue an SMC, a piece
 * of RAM, a way to print a line. The same code is linked into a host test, where
 * the SMC is a function call into the mediator and OP-TEE a model, and into an
 * image that runs at EL1, where the SMC is an instruction and OP-TEE the real
 * one. So it uses no libc and keeps all its state in the RAM it is given.
 *
 * An image needs nothing to link it but what a compiler may call on its own (memcpy,
 * memset), a stack of 32 KiB, and, as it uses atomics, its RAM mapped cacheable.
 *
 * It knows the wire (abi_smc.h, abi_msg.h) and nothing else of the project: not
 * the mediator, not the model, not which of the two worlds it is in.
 */
#ifndef CONFORMANCE_GUEST_H
#define CONFORMANCE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most vCPUs that may use one guest at once. */
#define CG_MAX_VCPUS		8u

/* Guest RAM that every scenario can run in; a few need more and say so. */
#define CG_RAM_MIN		(8u << 20)

/* cg_platform.flags */
/* The guest is offered asynchronous notification. */
#define CG_ASYNC_NOTIF		(1u << 0)
/* OP-TEE is the model: its test TA, which no real OP-TEE has, is there. */
#define CG_MODEL_TA		(1u << 1)
/* Foreign interrupts arrive by themselves, for example from a timer. */
#define CG_INTERRUPTS		(1u << 2)
/* A driver that begins gets an OP-TEE which holds nothing of an earlier one. */
#define CG_NEW_DRIVER		(1u << 3)

/* The om_limits the mediator was given for this guest; see limits.h there. */
struct cg_limits {
	uint32_t threads;
	uint32_t buffers;
	uint32_t rpc_args;
	uint32_t pages;
	uint32_t list_pages;
	uint32_t call_pages;	/* 0: no limit of its own */
	uint32_t mapped_pages;	/* of all calls together; 0: no such limit */
};

/*
 * What a platform supplies. Zero the struct first: 0 is "there is none" for
 * every optional field, and a check that needs it is then counted as skipped.
 */
struct cg_platform {
	void *ctx;	/* passed to the functions below as it is */

	/*
	 * Issues an SMC on the given vCPU: x0..x7 in, x0..x7 out as the guest
	 * would find them. vcpu is below `vcpus`; a platform that cannot have
	 * another vCPU than the calling one issue it sets vcpus to 1 for
	 * cg_run().
	 */
	void (*smc)(void *ctx, unsigned int vcpu, uint64_t x[8]);

	/* Prints one line; it has no line end. Not used by cg_stress(). */
	void (*log)(void *ctx, const char *line);

	/* Optional: called while one vCPU waits for another, and in every RPC
	 * that asks to wait. May yield the CPU or do nothing. */
	void (*relax)(void *ctx, unsigned int vcpu);

	/*
	 * Optional: true when the value is, or points into, something of the
	 * host's that the guest must never see: a shadow page's PA or VA, a PA
	 * of its own RAM. Used on registers and on memory the guest shared.
	 */
	bool (*is_host_address)(void *ctx, uint64_t value);

	/*
	 * Guest RAM: where this program sees it, where the guest believes it
	 * is, how long. Page aligned, at least CG_RAM_MIN, not at IPA 0. All of
	 * it belongs to the conformance guest and may hold anything at first.
	 */
	void *ram;
	uint64_t ram_ipa;
	uint64_t ram_size;

	/*
	 * All RAM of the guest's, `ram` being its end; size 0: `ram` is all there is.
	 * Nothing may be mapped in the page before it nor in the page behind it.
	 */
	uint64_t all_ipa;
	uint64_t all_size;

	/* Optional page addresses in the guest's IPA space, outside of `ram`. */
	uint64_t hole_ipa;	/* nothing is mapped there */
	uint64_t readonly_ipa;	/* RAM that the guest may only read */
	uint64_t mmio_ipa;	/* a device */
	uint64_t reserved_ipa;	/* maps to OP-TEE's reserved shared memory */

	struct cg_limits limits;
	/* Threads OP-TEE has for one guest; 0: unknown. */
	uint32_t secure_threads;
	/*
	 * Pages OP-TEE itself can have registered at once for one guest, as its
	 * heap bounds them; 0: more than limits.pages. A quota above this cannot
	 * be reached, the tests of it are skipped.
	 */
	uint32_t secure_pages;

	uint32_t vcpus;		/* 1..CG_MAX_VCPUS */
	uint32_t flags;		/* CG_* */

	/* Optional: what another guest of the same mediator holds right now. */
	uint64_t foreign_cookie;	/* of a registered buffer */
	uint32_t foreign_call;		/* id of a suspended call */
};

struct cg_summary {
	uint32_t passed;
	uint32_t failed;
	uint32_t skipped;	/* scenarios of which nothing could be run */
	uint32_t checks;	/* single checks that were made */
	uint32_t unchecked;	/* single checks that the platform has no means for */
	/*
	 * Over the digests of all scenarios that ran. A digest covers the values
	 * that must not depend on whose OP-TEE it is; each line of the log shows
	 * the scenario's own.
	 */
	uint64_t digest;
};

/*
 * Runs the scenarios, one after the other, on vCPU 0 (a few use others too), and
 * logs a line for each:
 *
 *   ok 24 s24_stale_ids_are_eresume [0123456789abcdef]
 *   FAIL 24 s24_stale_ids_are_eresume: 'text of the check' rpc.c line 12: got 0x0 want 0x3
 *   skip 24 s24_stale_ids_are_eresume: why
 *
 * filter: NULL for all, else only scenarios whose name is or begins with it.
 * summary: overwritten. Returns true when at least one ran or was skipped and
 * none failed.
 */
bool cg_run(const struct cg_platform *platform, const char *filter,
	    struct cg_summary *summary);

/* What there is to run: for a test runner that wants them one by one. */
struct cg_scenario_info {
	const char *numbers;	/* of scenarios.md, such as "24, 25" */
	const char *invariants;	/* of design.md, such as "I6"; may be empty */
	const char *name;
};

/* The i-th scenario, false behind the last one. Constant from run to run. */
bool cg_scenario(unsigned int i, struct cg_scenario_info *info);

/*
 * The concurrency worker: a random mix of valid and hostile operations on one
 * vCPU. Call cg_stress_init() once, then cg_stress() on each vCPU at once, each
 * with its own vcpu and any seed; it returns when its iterations are done and
 * every call it knows of has ended. cg_stress_end() at last, when all are back.
 *
 * cg_stress() returns the number of anomalies it saw, cg_stress_end() those of
 * the guest as a whole (memory not given back); both must be 0.
 */
void cg_stress_init(const struct cg_platform *platform);
uint32_t cg_stress(const struct cg_platform *platform, unsigned int vcpu,
		   uint64_t seed, uint32_t iterations);
uint32_t cg_stress_end(const struct cg_platform *platform);

#endif

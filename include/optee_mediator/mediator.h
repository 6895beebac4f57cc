/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mediator: guests and their calls.
 *
 * An embedder fills a struct om_host_ops (host.h), initialises one mediator,
 * creates a guest for each virtual machine that may use OP-TEE, and hands every
 * SMC (or HVC) that such a guest makes to om_guest_call(). See docs/porting.md.
 *
 * The library allocates nothing, keeps no global state and uses no libc: all
 * memory is the caller's, and any number of mediators can exist side by side.
 */
#ifndef OPTEE_MEDIATOR_MEDIATOR_H
#define OPTEE_MEDIATOR_MEDIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/host.h>
#include <optee_mediator/limits.h>

#if defined(__GNUC__)
#define OM_API __attribute__((__visibility__("default")))
#else
#define OM_API
#endif

#define OM_VERSION_MAJOR 0
#define OM_VERSION_MINOR 2
#define OM_VERSION_PATCH 0

/* Results. The comment of each function lists those that it returns. */
enum om_result {
	OM_OK = 0,
	OM_AGAIN,			/* preempted: call again to go on */
	OM_ERR_ARGUMENT,		/* an argument is not what its comment asks */
	OM_ERR_EXISTS,			/* a guest with this id is alive */
	OM_ERR_NO_MEMORY,		/* page_alloc() failed, or its page cannot be used */
	OM_ERR_NOT_OPTEE,		/* no OP-TEE answers (CALLS_UID) */
	OM_ERR_REVISION,		/* an OP-TEE whose protocol is not 2.x */
	OM_ERR_NO_THREADS,		/* OP-TEE does not say how many threads it has */
	OM_ERR_NO_DYNAMIC_SHM,		/* OP-TEE cannot share memory that it did not reserve */
	OM_ERR_NO_VIRTUALIZATION,	/* OP-TEE built without CFG_NS_VIRTUALIZATION */
	OM_ERR_REFUSED,			/* OP-TEE refused VM_CREATED */
	OM_ERR_NOT_RELEASED,		/* OP-TEE did not say OK to VM_DESTROYED */
};

/* The result as a sentence; a static string, never NULL. Any context. */
OM_API const char *om_result_text(enum om_result result);

/*
 * One secure world with its guests. The caller owns the memory and must not
 * touch the fields; they are here so that it can be placed anywhere.
 */
struct om_mediator {
	const struct om_host_ops *ops;
	void *host;
	/* Found by the probe in om_mediator_init() and constant from then on. */
	uint32_t sec_caps;
	uint32_t threads;
	/*
	 * OP-TEE's reserved memory, set once; atomic. A virtualized OP-TEE 4.x does
	 * not tell where it is before the first yielding call of any guest.
	 */
	uint32_t reserved_known;
	uint64_t reserved_base;
	uint64_t reserved_size;
	/* A bit for each guest id in use; atomic. */
	uint32_t live[65536 / 32];
};

/*
 * Checks the operations and probes the secure world through ops->smc, with
 * a7 = 0. On error *m must not be used. There is nothing to give back in either case.
 *
 * m: about 8 KiB of the caller's memory; its content does not matter.
 * ops: must outlive *m. host: passed to the operations unchanged.
 * Context: once, before anything else; not concurrently with itself on one *m.
 * Returns OM_OK, OM_ERR_ARGUMENT (a required operation is NULL), OM_ERR_NOT_OPTEE,
 * OM_ERR_REVISION, OM_ERR_NO_THREADS, OM_ERR_NO_DYNAMIC_SHM, OM_ERR_NO_VIRTUALIZATION.
 */
OM_API enum om_result om_mediator_init(struct om_mediator *m,
				       const struct om_host_ops *ops, void *host);

struct om_guest;

/* Alignment of the memory given to om_guest_create(). */
#define OM_GUEST_ALIGN	64u

/*
 * Bytes of private memory that a guest with these limits needs, 0 when a limit
 * is out of its range. A pure function; any context.
 */
OM_API size_t om_guest_size(const struct om_limits *limits);

/* The range of guest ids; 0 is the hypervisor itself. */
#define OM_GUEST_ID_MIN	1u
#define OM_GUEST_ID_MAX	0xffffu

/*
 * Creates a guest: takes its shadow pages, then tells OP-TEE (VM_CREATED).
 *
 * id: identifies the guest to OP-TEE (a7), OM_GUEST_ID_MIN..MAX, unique among
 * live guests. ctx: passed to the operations unchanged, as `guest`. mem, size: at
 * least om_guest_size(limits) bytes aligned to OM_GUEST_ALIGN, private to the
 * hypervisor, owned by the guest until om_guest_destroy() returned OM_OK.
 * Context: any; several guests may be created at once. Never asks should_yield: it
 * zeroes mem and takes every shadow page, so the time it takes grows with the limits.
 *
 * Returns OM_OK with *out set; or, with nothing held and *out untouched,
 * OM_ERR_ARGUMENT (limits, id, mem), OM_ERR_EXISTS, OM_ERR_NO_MEMORY,
 * OM_ERR_REFUSED.
 */
OM_API enum om_result om_guest_create(struct om_mediator *m, uint32_t id,
				      const struct om_limits *limits, void *ctx,
				      void *mem, size_t size,
				      struct om_guest **out);

/* Outcomes of om_guest_call(). OM_NOT_HANDLED is 0, so that it can be tested like a bool. */
enum om_outcome {
	OM_NOT_HANDLED = 0,		/* not an SMC for OP-TEE */
	OM_HANDLED,
	OM_HANDLED_NEW_DRIVER,		/* handled; and the guest holds what an old driver left */
};

/*
 * Handles one SMC or HVC of the guest, to its end or to the point where the
 * guest has to do something (an RPC).
 *
 * vcpu: index of the calling vCPU; a hint for locality, also shown in traces. Any
 * value is safe. regs: x0..x7 of the guest; the upper halves are ignored. On return
 * a[0]..a[3] are the results, zero-extended, to be written to x0..x3; a[4]..a[7] are
 * unchanged.
 * Context: that of the vCPU's trap, with interrupts enabled or not; concurrently for
 * any number of vCPUs, but not while the guest is being reset or destroyed.
 *
 * Returns OM_HANDLED when the function identifier is in the trusted-OS or
 * trusted-application range, whatever the call's result; OM_NOT_HANDLED, with regs
 * untouched, for any other.
 *
 * OM_HANDLED_NEW_DRIVER: as OM_HANDLED, for an EXCHANGE_CAPABILITIES of a guest that
 * has buffers, sessions or calls. Every driver makes this call once, when it starts.
 * So the guest has started another kernel (by kexec, or from a boot loader), which the
 * hypervisor cannot see. The caller should stop the guest's other vCPUs, call
 * om_guest_reset() until it no longer returns OM_AGAIN, and let the vCPUs go on. If it
 * does not, the new kernel has less quota: what the old one shared stays shared, pinned
 * and charged, and its cookies stay taken, until om_guest_reset() or om_guest_destroy().
 */
OM_API enum om_outcome om_guest_call(struct om_guest *guest, unsigned int vcpu,
				     struct om_regs *regs);

/*
 * Passes the notification interrupt of OP-TEE on to this guest if it asked for
 * notifications. OP-TEE has one interrupt for all guests: call this for each guest.
 * Context: any in which ops->notify may be called, interrupt context included. Never
 * blocks.
 */
OM_API void om_guest_interrupt(struct om_guest *guest);

/*
 * Resets the guest's OP-TEE (the guest reboots, or another kernel has started):
 * everything it shared is given back and OP-TEE forgets its sessions. The ids of its
 * calls in flight become unknown.
 * Context: all vCPUs stopped. Asks should_yield at least once every 64 pages or 64
 * records, used or not. When it returns OM_AGAIN, call it again before any other
 * function on this guest but om_guest_destroy(), which may take its place.
 * Returns OM_OK; OM_AGAIN; OM_ERR_REFUSED when OP-TEE refused to create the guest
 * again: nothing is shared, every call of the guest fails, and it can only be reset or
 * destroyed; OM_ERR_NOT_RELEASED, see om_guest_destroy().
 */
OM_API enum om_result om_guest_reset(struct om_guest *guest);

/*
 * Destroys the guest: tells OP-TEE (VM_DESTROYED), then unpins every page and frees
 * every shadow page, in steps bounded as those of om_guest_reset(). Safe on a guest in
 * any state.
 * Context: all vCPUs stopped. When it returns OM_AGAIN, call it again; after
 * OM_OK the guest and its memory are the caller's and *guest must not be used.
 *
 * Returns OM_OK; OM_AGAIN; or OM_ERR_NOT_RELEASED when OP-TEE did not say OK to
 * VM_DESTROYED and may still use what the guest shared. Then nothing is unpinned or
 * freed, every call of the guest fails, and its id stays taken. Call this again, at
 * once or later: OP-TEE is asked each time. Until it returns OM_OK, neither free nor
 * reuse the guest's RAM and the memory given to om_guest_create(), if need be for ever.
 */
OM_API enum om_result om_guest_destroy(struct om_guest *guest);

/* Counters of a guest. The order is stable; new ones go to the end. */
enum om_counter {
	OM_COUNT_FAST_CALLS,		/* fast calls, refused ones included */
	OM_COUNT_CALLS,			/* yielding calls begun */
	OM_COUNT_RESUMES,		/* RETURN_FROM_RPC that found their call */
	OM_COUNT_INTERRUPTED,		/* times OP-TEE gave way to an interrupt */
	OM_COUNT_PAUSED,		/* times the mediator itself did */
	OM_COUNT_RPC_ALLOC,
	OM_COUNT_RPC_FREE,
	OM_COUNT_RPC_CMD,		/* all RPC commands, the next two included */
	OM_COUNT_RPC_SHM_ALLOC,
	OM_COUNT_RPC_SHM_FREE,
	OM_COUNT_RPC_UNDO,		/* SHM_FREE by the mediator, of a refused SHM_ALLOC */
	OM_COUNT_REFUSED_FUNCTION,	/* SMC unknown or not allowed to guests */
	OM_COUNT_REFUSED_ADDRESS,	/* the message cannot be read or written there */
	OM_COUNT_REFUSED_COMMAND,	/* unknown message command */
	OM_COUNT_REFUSED_THREADS,	/* too many calls in flight */
	OM_COUNT_REFUSED_RESUME,	/* resume of a call that is unknown, or running */
	OM_COUNT_REFUSED_PARAMS,	/* number or kind of parameters */
	OM_COUNT_REFUSED_COOKIE,	/* unknown, in use, or 0 */
	OM_COUNT_REFUSED_RANGE,		/* not inside the buffer, or wrapping */
	OM_COUNT_REFUSED_PAGE,		/* page list or page that cannot be shared */
	OM_COUNT_REFUSED_QUOTA,		/* a limit of om_limits is reached */
	OM_COUNT_REFUSED_POLICY,	/* authorize() refused */
	OM_COUNT_REFUSED_REQUEST,	/* RPC of OP-TEE that the guest is not shown */
	OM_COUNT_REFUSED_REPLY,		/* reply to an RPC that OP-TEE is not given */
	OM_COUNT_PAGES_NOW,		/* pages charged to the quota now */
	OM_COUNT_PAGES_PEAK,		/* the most so far, with freed RPC arguments */
	OM_COUNT_BUFFERS_NOW,		/* buffers and RPC arguments held now */
	OM_COUNT_REFUSED_SESSION,	/* not open, or being closed */
	OM_COUNT_SESSIONS_NOW,		/* sessions charged to the limit now */
	OM_COUNTERS			/* the number of counters */
};

/*
 * The value of a counter since the guest's creation, 0 for an unknown counter. May be
 * read at any time; while calls run it may be outdated when this returns.
 */
OM_API uint64_t om_guest_counter(const struct om_guest *guest, enum om_counter which);

/* Its name in lower case with underscores, a static string; NULL when unknown. */
OM_API const char *om_counter_name(enum om_counter which);

#endif

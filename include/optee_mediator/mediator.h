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
#define OM_VERSION_MINOR 1
#define OM_VERSION_PATCH 0

/* What the functions below return. Each says which of these it can. */
enum om_result {
	OM_OK = 0,
	OM_AGAIN,			/* preempted: call again to go on */
	OM_ERR_ARGUMENT,		/* an argument is not what its comment asks */
	OM_ERR_EXISTS,			/* a guest with this id is alive */
	OM_ERR_NO_MEMORY,		/* page_alloc() failed or gave a page of no use */
	OM_ERR_NOT_OPTEE,		/* no OP-TEE answers (CALLS_UID) */
	OM_ERR_REVISION,		/* an OP-TEE whose protocol is not 2.x */
	OM_ERR_NO_THREADS,		/* OP-TEE does not say how many threads it has */
	OM_ERR_NO_DYNAMIC_SHM,		/* OP-TEE takes no memory of the normal world */
	OM_ERR_NO_VIRTUALIZATION,	/* OP-TEE built without CFG_NS_VIRTUALIZATION */
	OM_ERR_REFUSED,			/* OP-TEE refused VM_CREATED */
	OM_ERR_NOT_RELEASED,		/* OP-TEE did not say OK to VM_DESTROYED */
};

/* A sentence for a person; a static string, never NULL. Any context. */
OM_API const char *om_result_text(enum om_result result);

/*
 * One secure world with its guests. The caller owns the memory and must not
 * touch the fields; they are here so that it can be placed anywhere.
 */
struct om_mediator {
	const struct om_host_ops *ops;
	void *host;
	/* What the probe learnt; constant from then on. */
	uint32_t sec_caps;
	uint32_t threads;
	/*
	 * OP-TEE's reserved memory. A virtualized OP-TEE 4.x only tells it after
	 * the first yielding call of any guest; atomic, set once.
	 */
	uint32_t reserved_known;
	uint64_t reserved_base;
	uint64_t reserved_size;
	/* One bit per guest id that is alive; atomic. */
	uint32_t live[65536 / 32];
};

/*
 * Checks the operations and probes the secure world through ops->smc, with
 * a7 = 0. On error *m is of no use, and nothing is held either way.
 *
 * m: memory of the caller's, about 8 KiB, needs no preparation.
 * ops: must outlive *m. host: passed to the host operations as it is.
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

/* Guest ids that can be used; 0 is the hypervisor's. */
#define OM_GUEST_ID_MIN	1u
#define OM_GUEST_ID_MAX	0xffffu

/*
 * Creates a guest: takes its shadow pages, then tells OP-TEE (VM_CREATED).
 *
 * id: what OP-TEE knows the guest by (a7), OM_GUEST_ID_MIN..MAX, unique among
 * live guests. ctx: passed to the guest operations as it is. mem, size: at
 * least om_guest_size(limits) bytes aligned to OM_GUEST_ALIGN, private to the
 * hypervisor, owned by the guest until om_guest_destroy() returned OM_OK.
 * Context: any; several guests may be created at once. It never asks should_yield:
 * it zeroes mem and makes every shadow page, so the time it takes grows with the limits.
 *
 * Returns OM_OK with *out set; or, with nothing held and *out untouched,
 * OM_ERR_ARGUMENT (limits, id, mem), OM_ERR_EXISTS, OM_ERR_NO_MEMORY,
 * OM_ERR_REFUSED.
 */
OM_API enum om_result om_guest_create(struct om_mediator *m, uint32_t id,
				      const struct om_limits *limits, void *ctx,
				      void *mem, size_t size,
				      struct om_guest **out);

/* What om_guest_call() did. Not handled is 0, so that it can be tested like a bool. */
enum om_outcome {
	OM_NOT_HANDLED = 0,		/* not the mediator's business */
	OM_HANDLED,
	OM_HANDLED_NEW_DRIVER,		/* handled; and the guest holds what an old driver left */
};

/*
 * Handles one SMC or HVC of the guest, to its end or to the point where the
 * guest has to do something (an RPC).
 *
 * vcpu: index of the calling vCPU; only a hint for locality, and it shows in
 * traces. Any value is safe. regs: x0..x7 as the guest had them; the upper
 * halves are ignored. On return a[0]..a[3] are the results, zero-extended, to be
 * written to x0..x3; a[4]..a[7] are as they were.
 * Context: the vCPU's own, with interrupts as they are while a guest's trap is
 * handled; concurrently for any number of vCPUs, but not while the guest is
 * being reset or destroyed.
 *
 * Returns OM_HANDLED when the call was in the trusted-OS or trusted-application
 * range, whatever its result; OM_NOT_HANDLED, with regs untouched, when it is not the
 * mediator's business.
 *
 * OM_HANDLED_NEW_DRIVER: the same as OM_HANDLED, for an EXCHANGE_CAPABILITIES of a guest
 * that has buffers, sessions or calls. Every driver makes this call once, when it starts;
 * so another kernel runs now (kexec, a boot loader's successor), and nobody told the
 * hypervisor. The caller should stop the guest's other vCPUs, call om_guest_reset()
 * until it no longer returns OM_AGAIN, and let the vCPUs go on. A caller that does not
 * loses nothing but room: what the old kernel shared stays shared, pinned and charged,
 * and its cookies stay taken, until om_guest_reset() or om_guest_destroy().
 */
OM_API enum om_outcome om_guest_call(struct om_guest *guest, unsigned int vcpu,
				     struct om_regs *regs);

/*
 * The notification interrupt of OP-TEE fired: passes it on if this guest asked
 * for notifications. There is one interrupt for all: call it for each guest.
 * Context: interrupt context is fine if ops->notify is. Never blocks.
 */
OM_API void om_guest_interrupt(struct om_guest *guest);

/*
 * The guest starts over (reboot, kexec): everything it shared is given back and
 * OP-TEE forgets its sessions. Its ids of calls in flight are unknown from now on.
 * Context: all vCPUs stopped. should_yield is asked at least every 64 pages or 64
 * records, used or not. When it returns OM_AGAIN, call it again before any other
 * function on this guest but om_guest_destroy(), which may take its place.
 * Returns OM_OK; OM_AGAIN; OM_ERR_REFUSED when OP-TEE did not take the guest
 * back: nothing is shared, every call fails, it can only be reset or destroyed;
 * OM_ERR_NOT_RELEASED, see om_guest_destroy().
 */
OM_API enum om_result om_guest_reset(struct om_guest *guest);

/*
 * The guest is gone: VM_DESTROYED first, then every page unpinned and every
 * shadow page freed, in steps bounded as those of om_guest_reset(). Safe on a guest in
 * any state.
 * Context: all vCPUs stopped. When it returns OM_AGAIN, call it again; after
 * OM_OK the guest and its memory are the caller's and *guest must not be used.
 *
 * Returns OM_OK; OM_AGAIN; or OM_ERR_NOT_RELEASED when OP-TEE did not say OK to
 * VM_DESTROYED, and so may go on to use what the guest shared. Then nothing is
 * unpinned or freed, every call of the guest fails, and its id stays taken. Call it
 * again, at once or later: OP-TEE is asked again each time. Until it returns OM_OK,
 * never free the guest's RAM, nor the memory given to om_guest_create(), and give
 * none of it to anybody else: to keep it for ever is the only other way out.
 */
OM_API enum om_result om_guest_destroy(struct om_guest *guest);

/* What is counted, per guest. The order is stable; new ones go to the end. */
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
	OM_COUNT_RPC_UNDO,		/* SHM_FREE of the mediator's own */
	OM_COUNT_REFUSED_FUNCTION,	/* SMC unknown or not a guest's to make */
	OM_COUNT_REFUSED_ADDRESS,	/* command buffer of no use */
	OM_COUNT_REFUSED_COMMAND,	/* unknown message command */
	OM_COUNT_REFUSED_THREADS,	/* too many calls in flight */
	OM_COUNT_REFUSED_RESUME,	/* resume of a call that does not wait */
	OM_COUNT_REFUSED_PARAMS,	/* number or kind of parameters */
	OM_COUNT_REFUSED_COOKIE,	/* unknown, in use, or 0 */
	OM_COUNT_REFUSED_RANGE,		/* not inside the buffer, or wrapping */
	OM_COUNT_REFUSED_PAGE,		/* page list or page that cannot be shared */
	OM_COUNT_REFUSED_QUOTA,		/* a limit of om_limits */
	OM_COUNT_REFUSED_POLICY,	/* authorize() said no */
	OM_COUNT_REFUSED_REQUEST,	/* RPC of OP-TEE's that was not passed on */
	OM_COUNT_REFUSED_REPLY,		/* reply to an RPC that OP-TEE was not given */
	OM_COUNT_PAGES_NOW,		/* pages charged to the quota now */
	OM_COUNT_PAGES_PEAK,		/* ... and at most so far */
	OM_COUNT_BUFFERS_NOW,		/* buffers and RPC arguments held now */
	OM_COUNT_REFUSED_SESSION,	/* not open, or being closed */
	OM_COUNT_SESSIONS_NOW,		/* sessions charged to the limit now */
	OM_COUNTERS			/* how many there are */
};

/*
 * The value of a counter since creation, 0 for an unknown one. May be read at
 * any time; while calls run the figure is that of a moment.
 */
OM_API uint64_t om_guest_counter(const struct om_guest *guest, enum om_counter which);

/* Its name in lower case with underscores, a static string; NULL when unknown. */
OM_API const char *om_counter_name(enum om_counter which);

#endif

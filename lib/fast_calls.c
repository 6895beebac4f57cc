/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fast calls: a table row for each, to be compared with docs/design.md and OP-TEE's
 * core/arch/arm/tee/entry_fast.c. A function without a row is refused and never forwarded
 * (invariant I8). This module knows no messages, and of buffers only how to remove an RPC
 * argument.
 */
#include "fast_calls.h"

#include <optee_mediator/abi_smc.h>

#include "call.h"
#include "secure.h"

enum action {
	PASS,		/* forwarded without arguments; a0..a3 are returned */
	COUNT,		/* the mediator's own number of functions */
	THREADS,	/* the number of calls that the guest can have in flight */
	CAPABILITIES,	/* filtered both ways */
	CACHE_OFF,	/* gives RPC argument buffers back, one at a time */
	CACHE_ON,
	NOTIFY_ON,	/* these two only where notification is offered */
	NOTIFY_VALUE,
	NO_MEMORY,	/* guests are not told of reserved memory */
	DENY,		/* for the hypervisor or the firmware, or has an address */
};

struct row {
	uint32_t fid;
	uint32_t action;	/* enum action */
};

static const struct row rows[] = {
	{ OPTEE_SMC_CALLS_COUNT,		COUNT },
	{ OPTEE_SMC_CALLS_UID,			PASS },
	{ OPTEE_SMC_CALLS_REVISION,		PASS },
	{ OPTEE_SMC_GET_OS_UUID,		PASS },
	{ OPTEE_SMC_GET_OS_REVISION,		PASS },
	{ OPTEE_SMC_GET_SHM_CONFIG,		NO_MEMORY },
	{ OPTEE_SMC_L2CC_MUTEX,			DENY },
	{ OPTEE_SMC_EXCHANGE_CAPABILITIES,	CAPABILITIES },
	{ OPTEE_SMC_DISABLE_SHM_CACHE,		CACHE_OFF },
	{ OPTEE_SMC_ENABLE_SHM_CACHE,		CACHE_ON },
	{ OPTEE_SMC_BOOT_SECONDARY,		DENY },
	{ OPTEE_SMC_VM_CREATED,			DENY },
	{ OPTEE_SMC_VM_DESTROYED,		DENY },
	{ OPTEE_SMC_GET_THREAD_COUNT,		THREADS },
	{ OPTEE_SMC_ENABLE_ASYNC_NOTIF,		NOTIFY_ON },
	{ OPTEE_SMC_GET_ASYNC_NOTIF_VALUE,	NOTIFY_VALUE },
	{ OPTEE_SMC_GET_PROTMEM_CONFIG,		DENY },
	{ OPTEE_SMC_LOAD_IMAGE,			DENY },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The yielding calls count as functions of the interface, too. */
#define YIELDING_CALLS 4u

static enum action action_of(uint32_t fid)
{
	uint32_t i;

	for (i = 0; i < ROWS; i++)
		if (rows[i].fid == fid)
			return (enum action)rows[i].action;
	return DENY;
}

static uint32_t count_functions(void)
{
	uint32_t n = YIELDING_CALLS;
	uint32_t i;

	for (i = 0; i < ROWS; i++)
		n += rows[i].action != DENY;
	return n;
}

static struct om_regs result(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	return (struct om_regs){ .a = { a0, a1, a2, a3 } };
}

static struct om_regs forward(struct om_guest *guest, uint32_t fid, uint32_t a1)
{
	return om_fast_smc(guest->vm.mediator, fid, a1, guest->vm.id);
}

/* Exchanges capabilities; shows those that a guest may know and hides all others (I8). */
static struct om_regs capabilities(struct om_guest *guest, uint32_t nsec)
{
	struct om_regs r = forward(guest, OPTEE_SMC_EXCHANGE_CAPABILITIES,
				   nsec & OPTEE_SMC_NSEC_CAP_UNIPROCESSOR);
	uint32_t shown = OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
			 OPTEE_SMC_SEC_CAP_MEMREF_NULL | OPTEE_SMC_SEC_CAP_RPMB_PROBE;
	uint32_t caps = (uint32_t)r.a[1];

	if (r.a[0] != OPTEE_SMC_RETURN_OK || !(caps & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM))
		return result(OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	if (om_async_offered(&guest->vm))
		shown |= OPTEE_SMC_SEC_CAP_ASYNC_NOTIF;
	if (om_rpc_arg_offered(&guest->vm))
		shown |= OPTEE_SMC_SEC_CAP_RPC_ARG;
	caps &= shown;
	return result(OPTEE_SMC_RETURN_OK, caps,
		      (caps & OPTEE_SMC_SEC_CAP_ASYNC_NOTIF) ? r.a[2] : 0,
		      (caps & OPTEE_SMC_SEC_CAP_RPC_ARG) ? OPTEE_MSG_RPC_PARAMS : 0);
}

/*
 * On any unexpected answer to these two functions Linux waits until another of its calls ends.
 * So EBUSY is returned only while there is one; otherwise OP-TEE is asked again.
 */
#define BUSY_TRIES 4

static struct om_regs forward_cache(struct om_guest *guest, uint32_t fid)
{
	uint32_t i;

	for (i = 0; i < BUSY_TRIES; i++) {
		struct om_regs r = forward(guest, fid, 0);

		if (r.a[0] != OPTEE_SMC_RETURN_EBUSY || om_call_others(guest, NULL))
			return r;
	}
	return result(OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
}

/*
 * Takes an RPC argument out of OP-TEE's cache; its cookie is forgotten before the guest is told
 * it (I7).
 */
static struct om_regs cache_off(struct om_guest *guest)
{
	struct om_regs r = forward_cache(guest, OPTEE_SMC_DISABLE_SHM_CACHE);
	struct om_release release = { OM_NONE };
	om_cookie_t cookie = { om_pair(r.a[1], r.a[2]) };

	if (r.a[0] == OPTEE_SMC_RETURN_EBUSY)
		return result(OPTEE_SMC_RETURN_EBUSY, 0, 0, 0);
	if (r.a[0] != OPTEE_SMC_RETURN_OK)
		return result(OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	if (!om_shm_free_arg(&guest->shm, cookie, 0, &release)) {
		om_count_guest(guest, OM_COUNT_REFUSED_REQUEST);
		return result(OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
	}
	/* It is one page, so should_yield is not asked. */
	while (om_shm_release_step(&guest->shm, &release))
		;
	return result(OPTEE_SMC_RETURN_OK, om_high(cookie.raw), om_low(cookie.raw), 0);
}

static struct om_regs cache_on(struct om_guest *guest)
{
	struct om_regs r = forward_cache(guest, OPTEE_SMC_ENABLE_SHM_CACHE);

	/* Without the cache everything works, only slower. */
	if (r.a[0] != OPTEE_SMC_RETURN_EBUSY)
		r.a[0] = OPTEE_SMC_RETURN_OK;
	return result(r.a[0], 0, 0, 0);
}

static struct om_regs notify_on(struct om_guest *guest)
{
	struct om_regs r = forward(guest, OPTEE_SMC_ENABLE_ASYNC_NOTIF, 0);

	if (r.a[0] == OPTEE_SMC_RETURN_OK)
		om_store_relaxed(&guest->notify_enabled, 1);
	return result(r.a[0], 0, 0, 0);
}

static struct om_regs notify_value(struct om_guest *guest)
{
	struct om_regs r = forward(guest, OPTEE_SMC_GET_ASYNC_NOTIF_VALUE, 0);

	if (r.a[0] != OPTEE_SMC_RETURN_OK)
		return result(r.a[0], 0, 0, 0);
	return result(r.a[0], r.a[1],
		      r.a[2] & (OPTEE_SMC_ASYNC_NOTIF_VALID | OPTEE_SMC_ASYNC_NOTIF_PENDING), 0);
}

enum om_refusal om_fast_call(struct om_guest *guest, uint32_t fid, struct om_regs *regs)
{
	enum action action = action_of(fid);
	struct om_regs r;

	om_count_guest(guest, OM_COUNT_FAST_CALLS);
	if ((action == NOTIFY_ON || action == NOTIFY_VALUE) && !om_async_offered(&guest->vm))
		action = DENY;
	switch (action) {
	case PASS:
		r = forward(guest, fid, 0);
		break;
	case COUNT:
		r = result(count_functions(), 0, 0, 0);
		break;
	case THREADS:
		r = result(OPTEE_SMC_RETURN_OK, guest->vm.limits.threads, 0, 0);
		break;
	case CAPABILITIES:
		r = capabilities(guest, (uint32_t)regs->a[1]);
		break;
	case CACHE_OFF:
		r = cache_off(guest);
		break;
	case CACHE_ON:
		r = cache_on(guest);
		break;
	case NOTIFY_ON:
		r = notify_on(guest);
		break;
	case NOTIFY_VALUE:
		r = notify_value(guest);
		break;
	case NO_MEMORY:
		r = result(OPTEE_SMC_RETURN_ENOTAVAIL, 0, 0, 0);
		break;
	default:
		return OM_REFUSED_FUNCTION;
	}
	om_copy(regs->a, r.a, 4 * sizeof(r.a[0]));
	return OM_ACCEPTED;
}

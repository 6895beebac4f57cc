/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the counters, as the sum over a guest and its calls, and names them. */
#include "call.h"
#include "guest.h"

static const char names[OM_COUNTERS][20] = {
	[OM_COUNT_FAST_CALLS] = "fast_calls",
	[OM_COUNT_CALLS] = "calls",
	[OM_COUNT_RESUMES] = "resumes",
	[OM_COUNT_INTERRUPTED] = "interrupted",
	[OM_COUNT_PAUSED] = "paused",
	[OM_COUNT_RPC_ALLOC] = "rpc_alloc",
	[OM_COUNT_RPC_FREE] = "rpc_free",
	[OM_COUNT_RPC_CMD] = "rpc_cmd",
	[OM_COUNT_RPC_SHM_ALLOC] = "rpc_shm_alloc",
	[OM_COUNT_RPC_SHM_FREE] = "rpc_shm_free",
	[OM_COUNT_RPC_UNDO] = "rpc_undo",
	[OM_COUNT_REFUSED_FUNCTION] = "refused_function",
	[OM_COUNT_REFUSED_ADDRESS] = "refused_address",
	[OM_COUNT_REFUSED_COMMAND] = "refused_command",
	[OM_COUNT_REFUSED_THREADS] = "refused_threads",
	[OM_COUNT_REFUSED_RESUME] = "refused_resume",
	[OM_COUNT_REFUSED_PARAMS] = "refused_params",
	[OM_COUNT_REFUSED_COOKIE] = "refused_cookie",
	[OM_COUNT_REFUSED_RANGE] = "refused_range",
	[OM_COUNT_REFUSED_PAGE] = "refused_page",
	[OM_COUNT_REFUSED_QUOTA] = "refused_quota",
	[OM_COUNT_REFUSED_POLICY] = "refused_policy",
	[OM_COUNT_REFUSED_REQUEST] = "refused_request",
	[OM_COUNT_REFUSED_REPLY] = "refused_reply",
	[OM_COUNT_PAGES_NOW] = "pages_now",
	[OM_COUNT_PAGES_PEAK] = "pages_peak",
	[OM_COUNT_BUFFERS_NOW] = "buffers_now",
	[OM_COUNT_REFUSED_SESSION] = "refused_session",
	[OM_COUNT_SESSIONS_NOW] = "sessions_now",
};

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* What is charged, without what is parked, which another CPU may change meanwhile. */
static uint64_t not_parked(const struct om_shm *shm, uint32_t used)
{
	uint32_t parked = om_shm_parked(shm);

	return used > parked ? used - parked : 0;
}

uint64_t om_guest_counter(const struct om_guest *guest, enum om_counter which)
{
	const struct om_shm *shm = &guest->shm;
	uint32_t row = om_index((uint32_t)which, OM_COUNTERS);
	uint64_t sum;
	uint32_t i;

	switch (which) {
	case OM_COUNT_PAGES_NOW:
		return not_parked(shm, om_load_relaxed(&shm->pages_used));
	case OM_COUNT_PAGES_PEAK:
		return om_load_relaxed(&shm->pages_peak);
	case OM_COUNT_BUFFERS_NOW:
		return (uint64_t)om_load_relaxed(&shm->buffers_used) +
		       not_parked(shm, om_load_relaxed(&shm->rpc_args_used));
	case OM_COUNT_SESSIONS_NOW:
		return om_load_relaxed(&guest->sessions.used);
	default:
		break;
	}
	if ((uint32_t)which >= OM_COUNTERS)
		return 0;
	sum = load(&guest->counters[row]);
	for (i = 0; i < guest->vm.limits.threads; i++)
		sum += load(&guest->calls[i].counters[row]);
	return sum;
}

const char *om_counter_name(enum om_counter which)
{
	return (uint32_t)which < OM_COUNTERS ? names[om_index((uint32_t)which, OM_COUNTERS)] : NULL;
}

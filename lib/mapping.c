/* SPDX-License-Identifier: BSD-2-Clause */
/* The account of what OP-TEE maps. See mapping.h. Knows pages, not buffers. */
#include "mapping.h"

/* Pages of parameters that are each call's own. */
#define OWN_PAGES 4u

void om_mapping_init(struct om_guest *guest)
{
	const struct om_limits *limits = &guest->limits;
	uint32_t own = limits->mapped_pages / limits->threads;

	guest->mapped_own = om_least(own, OWN_PAGES);
	guest->mapped_left = limits->mapped_pages - limits->threads * guest->mapped_own;
}

/* Takes from what all calls share; false when there is not as much. */
static bool take(struct om_guest *guest, uint32_t pages)
{
	uint32_t left = om_load_relaxed(&guest->mapped_left);

	while (pages <= left) {
		if (om_exchange(&guest->mapped_left, left, left - pages))
			return true;
		left = om_load_relaxed(&guest->mapped_left);
	}
	return false;
}

static void give(struct om_guest *guest, uint32_t pages)
{
	__atomic_fetch_add(&guest->mapped_left, pages, __ATOMIC_RELAXED);
}

/* What a call with so many pages in its parameters takes of what all calls share. */
static uint32_t shared_part(const struct om_call *call, uint32_t pages)
{
	uint32_t own = call->guest->mapped_own;

	return call->uses_window && pages > own ? pages - own : 0;
}

enum om_refusal om_map_param(struct om_call *call, uint32_t pages)
{
	struct om_guest *guest = call->guest;
	uint32_t sum = call->param_pages + pages;

	if (pages > guest->limits.call_pages - call->param_pages ||
	    !take(guest, shared_part(call, sum) - shared_part(call, call->param_pages)))
		return OM_REFUSED_QUOTA;
	call->param_pages = sum;
	return OM_ACCEPTED;
}

void om_unmap_params(struct om_call *call)
{
	uint32_t shared = shared_part(call, call->param_pages);

	if (shared)
		give(call->guest, shared);
	call->param_pages = 0;
}

enum om_refusal om_map_payload(struct om_call *call, uint64_t pages)
{
	uint32_t room = call->guest->limits.call_pages - call->param_pages - call->payload_pages;

	if (pages > room || !take(call->guest, (uint32_t)pages))
		return OM_REFUSED_QUOTA;
	call->payload_pages += (uint32_t)pages;
	return OM_ACCEPTED;
}

void om_unmap_payload(struct om_call *call, uint32_t owner, uint32_t pages)
{
	give(call->guest, pages);
	/* An id comes again after 2^24 calls of its slot: what is older is not in this sum. */
	if (owner == om_call_id(call) && pages <= call->payload_pages)
		call->payload_pages -= pages;
}

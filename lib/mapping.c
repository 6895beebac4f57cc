/* SPDX-License-Identifier: BSD-2-Clause */
/* The account of what OP-TEE maps. See mapping.h. This module knows pages, not buffers. */
#include "mapping.h"

#include "mem.h"

/* Pages of parameters that are set aside for each call. */
#define OWN_PAGES 4u

void om_mapping_init(struct om_mapping *mapping, const struct om_limits *limits)
{
	uint32_t own = limits->mapped_pages / limits->threads;

	mapping->call_pages = limits->call_pages;
	mapping->own = om_least(own, OWN_PAGES);
	mapping->left = limits->mapped_pages - limits->threads * mapping->own;
}

/* Takes pages that all calls share; false when there are not enough. */
static bool take(struct om_mapping *mapping, uint32_t pages)
{
	uint32_t left;

	/* An exchange of nothing would make vCPUs compete for the word. */
	if (pages == 0)
		return true;
	left = om_load_relaxed(&mapping->left);
	while (pages <= left) {
		if (om_exchange(&mapping->left, left, left - pages))
			return true;
		left = om_load_relaxed(&mapping->left);
	}
	return false;
}

static void give(struct om_mapping *mapping, uint32_t pages)
{
	__atomic_fetch_add(&mapping->left, pages, __ATOMIC_RELAXED);
}

/* The shared pages that a call with so many pages of parameters takes. */
static uint32_t shared_part(const struct om_mapping *mapping, const struct om_mapped *call,
			    uint32_t pages)
{
	return call->uses_window && pages > mapping->own ? pages - mapping->own : 0;
}

enum om_refusal om_map_param(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages)
{
	uint32_t sum = call->param_pages + pages;

	if (pages > mapping->call_pages - call->param_pages ||
	    !take(mapping, shared_part(mapping, call, sum) -
		  shared_part(mapping, call, call->param_pages)))
		return OM_REFUSED_QUOTA;
	call->param_pages = sum;
	return OM_ACCEPTED;
}

void om_unmap_params(struct om_mapping *mapping, struct om_mapped *call)
{
	uint32_t shared = shared_part(mapping, call, call->param_pages);

	if (shared)
		give(mapping, shared);
	call->param_pages = 0;
}

enum om_refusal om_map_payload(struct om_mapping *mapping, struct om_mapped *call, uint64_t pages)
{
	uint32_t room = mapping->call_pages - call->param_pages - call->payload_pages;

	if (pages > room || !take(mapping, (uint32_t)pages))
		return OM_REFUSED_QUOTA;
	call->payload_pages += (uint32_t)pages;
	return OM_ACCEPTED;
}

void om_unmap_payload(struct om_mapping *mapping, struct om_mapped *call, uint32_t pages)
{
	give(mapping, pages);
	/* An id comes again after 2^24 calls of its slot; an older payload is not in this sum. */
	if (call && pages <= call->payload_pages)
		call->payload_pages -= pages;
}

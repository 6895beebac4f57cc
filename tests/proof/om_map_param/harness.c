/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapping.c, all: the account of what OP-TEE may have to map for a guest.
 *
 * One step from any state of the account, by induction, while other vCPUs take from it and
 * give back.
 *
 * Assumes: limits as place() in lifetime.c leaves them; that a call's parameters are charged
 * before it has a payload (om_call_run/), for a buffer of at most OM_LIMIT_PAGES; that
 * what is given back was charged (om_call_run/, om_rpc_ask/, reply_shm_alloc/). A payload
 * may be of any call, and its owner's id may have come again since.
 * Proves: memory safety, no wrap for any number of pages; a call is never charged for
 * more than call_pages (I5); what of it lies in OP-TEE's window is taken from what all calls
 * share, but for its own part, by one exchange, while there is as much; what is given back
 * is what was taken. So all calls together never have more than mapped_pages there (I5). A
 * refusal changes nothing, and there is one only when there is not as much.
 *
 * Class: quick
 * Replace: om_load_relaxed:load_among_others om_exchange:exchange_among_others
 * Unwind: 5
 *   Others come between a look and the exchange three times, which is as good as a million.
 */
#include "proof.h"

#include "mapping.c"

#define CHANGES	3u

static struct om_mapping mapping;
static struct om_mapped call;

/* What all calls share of the window: how much there is, and what this step took or gave back. */
static struct {
	uint32_t all;
	uint32_t seen;		/* left, when it was looked at last */
	uint32_t taken;
	uint32_t exchanges;	/* that did not fail */
	uint32_t failures;
} account;

/* Others take and give back. */
static void disturb(void)
{
	uint32_t left = any_u32();

	ASSUME(left <= account.all);
	mapping.left = left;
}

uint32_t load_among_others(const uint32_t *p)
{
	uint32_t word = *p;

	if (p != &mapping.left)
		return word;
	account.seen = word;
	if (any_bool())
		disturb();
	return word;
}

bool exchange_among_others(uint32_t *p, uint32_t expected, uint32_t v)
{
	PROVE(p == &mapping.left, "what calls share is in one word");
	if (*p != expected) {
		account.failures++;
		ASSUME(account.failures <= CHANGES);
		return false;
	}
	PROVE(v <= expected, "no more is taken than there is (I5)");
	*p = v;
	account.taken = expected - v;
	account.exchanges++;
	return true;
}

/* Of what a loaded TA maps, nothing; else what is beyond the call's own part. */
static uint32_t shared_part_of(uint32_t pages)
{
	return call.uses_window && pages > mapping.own ? pages - mapping.own : 0;
}

/* A new guest's account; threads in 8 bits are numbers that a checker can divide by. */
static void prove_init(void)
{
	struct om_limits all = { .call_pages = any_u32() }, *limits = &all;

	limits->threads = 1 + (uint32_t)any_u8() % OM_LIMIT_THREADS;
	limits->mapped_pages = any_u32();
	ASSUME(limits->mapped_pages >= 1 && limits->mapped_pages <= OM_LIMIT_PAGES);

	om_mapping_init(&mapping, limits);

	PROVE(mapping.own <= OWN_PAGES && mapping.left <= limits->mapped_pages &&
	      limits->mapped_pages - mapping.left == limits->threads * mapping.own,
	      "what calls have of their own and what they share are all there is (I5)");
	PROVE(mapping.call_pages == limits->call_pages, "... and what each may have is what it was");
	REACHED("a new account");
}

/* A call between its steps. */
static void init(void)
{
	mapping.call_pages = any_u32();
	ASSUME(mapping.call_pages >= 1 && mapping.call_pages <= OM_LIMIT_PAGES);
	mapping.own = any_below(OWN_PAGES + 1);
	account.all = any_below(OM_LIMIT_PAGES + 1);
	call.uses_window = any_bool();
	call.param_pages = any_u32();
	call.payload_pages = any_u32();
	ASSUME(call.param_pages <= mapping.call_pages &&
	       call.payload_pages <= mapping.call_pages - call.param_pages);
	disturb();
}

static void prove_call(void)
{
	PROVE(call.param_pages <= mapping.call_pages &&
	      call.payload_pages <= mapping.call_pages - call.param_pages,
	      "a call has no more than a call may have (I5)");
	PROVE(mapping.left <= account.all, "no more is left than there is (I5)");
}

static void prove_param(void)
{
	uint32_t pages = any_u32(), before = call.param_pages, needed;
	enum om_refusal why;

	ASSUME(call.payload_pages == 0 && pages <= OM_LIMIT_PAGES);
	needed = shared_part_of(before + pages) - shared_part_of(before);

	why = om_map_param(&mapping, &call, pages);

	prove_call();
	if (why == OM_ACCEPTED) {
		PROVE(call.param_pages == before + pages, "a parameter is charged to its call");
		PROVE(account.exchanges == (needed > 0) && account.taken == needed,
		      "... and but for the call's own part to all, once");
		REACHED("charged");
		if (!call.uses_window)
			REACHED("charged to its call alone");
		if (account.failures == CHANGES)
			REACHED("others were quicker");
		return;
	}
	PROVE(why == OM_REFUSED_QUOTA && call.param_pages == before && account.exchanges == 0,
	      "a refusal changes nothing");
	PROVE(pages > mapping.call_pages - before || needed > account.seen,
	      "what there is room for is not refused");
	REACHED("refused");
}

static void prove_payload(void)
{
	uint64_t pages = any_u64();
	uint32_t before = call.payload_pages;
	enum om_refusal why = om_map_payload(&mapping, &call, pages);

	prove_call();
	if (why == OM_ACCEPTED) {
		PROVE(call.payload_pages - before == pages, "a payload is charged to its call");
		PROVE(account.exchanges == (pages > 0) && account.taken == pages,
		      "... and to all, once");
		REACHED("a payload is charged");
		return;
	}
	PROVE(why == OM_REFUSED_QUOTA && call.payload_pages == before && account.exchanges == 0,
	      "a payload's refusal changes nothing");
	PROVE(pages > mapping.call_pages - call.param_pages - before || pages > account.seen,
	      "a payload that there is room for is not refused");
	REACHED("a payload is refused");
}

/* What is given back was taken, so there is room for it. */
static void prove_given(uint32_t left, uint32_t pages)
{
	prove_call();
	PROVE(mapping.left - left == pages, "what was taken is given back, and no more (I5)");
}

/*
 * A call frees a payload: its own, one that it takes for its own because an earlier call had
 * its id, or another's.
 */
static void prove_payload_freed(void)
{
	struct om_mapped *owner = any_bool() ? &call : NULL;
	uint32_t pages = any_u32();
	uint32_t before = call.payload_pages, left = mapping.left;
	bool own = owner && pages <= before;

	ASSUME(pages <= account.all - left);

	om_unmap_payload(&mapping, owner, pages);

	PROVE(call.payload_pages == (own ? before - pages : before),
	      "a payload is given back to the call that was charged, and no id makes its sum wrap");
	prove_given(left, pages);
	if (own)
		REACHED("an own payload is freed");
	else
		REACHED("another's payload is freed");
}

static void prove_params_freed(void)
{
	uint32_t shared = shared_part_of(call.param_pages), left = mapping.left;

	ASSUME(shared <= account.all - left);
	om_unmap_params(&mapping, &call);
	PROVE(call.param_pages == 0, "parameters are given back");
	prove_given(left, shared);
	REACHED("parameters are given back");
}

int main(void)
{
	if (any_bool()) {
		prove_init();
		return 0;
	}
	init();
	switch (any_below(4)) {
	case 0:
		prove_param();
		break;
	case 1:
		prove_payload();
		break;
	case 2:
		prove_payload_freed();
		break;
	default:
		prove_params_freed();
		break;
	}
	return 0;
}

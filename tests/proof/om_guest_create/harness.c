/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_guest_create(): a guest is there, or nothing is.
 *
 * Assumes: page_alloc() keeps host.h, whose pages can be of no use. Of om_guest_size(),
 * place(), om_shm_init() and om_call_init() what om_guest_size/, place/, om_shm_init/ and
 * call.h say, at their models here.
 * Bounded: 2 calls, 4 shadow pages. Loops look at no limit but how many.
 * Proves: memory safety; what is out of range is refused before anything is done, an id that
 * is in use before anything is taken; OP-TEE is told last, by the hypervisor, when every
 * shadow page is there and usable (I2, I5); on any error nothing is held: pages are freed,
 * once each, the id is free, *out is not touched; no other's id ever is.
 *
 * Class: quick
 * Sources: lifetime.c
 * Model: host.c world.c
 * Replace: live_word:ids_word place:place_here om_guest_size:any_guest_size
 * Unwind: 6
 *   There are 4 shadow pages.
 */
#include "ids.h"
#include "world.h"
#include "untraced.h"

#include "mapping.h"

#define CALLS	2u
#define SHADOWS	(CALLS + 2u)
#define ROWS	3u	/* of the registry's tables */
#define NEEDED	4096u	/* bytes */

static struct om_guest guest;
static struct om_call calls[CALLS];
static struct om_shadow shadows[SHADOWS];
/* What is behind a shadow page; which one makes no difference. */
static uint8_t behind[OPTEE_MSG_PAGE_SIZE];
/* Where the guest is to be; what becomes of these bytes is said at place/. */
static uint64_t memory[OM_GUEST_ALIGN] __attribute__((__aligned__(OM_GUEST_ALIGN)));

static struct {
	uint32_t allocated, freed;
	uint32_t emptied;	/* registry and calls */
	uint32_t rows;
	uint32_t accounts;	/* of pages that are mapped, and of sessions */
	uint32_t placed;
	uint32_t told;
	bool accepted;		/* by OP-TEE */
	bool out_of_range;	/* limits */
} seen;

/* For place(): a guest that is laid out, and zero but for what it is told. */
struct om_guest *place_here(struct om_mediator *m, uint32_t of, const struct om_limits *limits,
			    void *ctx, void *mem)
{
	PROVE(m == &world_mediator && of == ids.id && ids_is_taken() && mem == memory,
	      "an id is taken before a guest is made");
	seen.placed++;
	guest.vm.mediator = m;
	guest.vm.ops = &host_ops;
	guest.vm.ctx = ctx;
	guest.vm.id = of;
	guest.vm.traced = any_bool();
	guest.vm.limits = *limits;
	guest.calls = calls;
	guest.shm.shadows = shadows;
	return &guest;
}

static int page_alloc(void *host, struct om_page *page)
{
	(void)host;
	PROVE(seen.allocated < SHADOWS && page == &shadows[seen.allocated].page,
	      "every shadow page is allocated once (I5)");
	if (any_bool())
		return -1;
	seen.allocated++;
	page->va = any_bool() ? behind : NULL;
	page->pa.raw = any_u64();
	return 0;
}

static void page_free(void *host, const struct om_page *page)
{
	(void)host;
	PROVE(seen.freed < seen.allocated &&
	      page == &shadows[seen.allocated - 1 - seen.freed].page,
	      "what was allocated is freed, once");
	PROVE(seen.told == 0 || !seen.accepted, "... and not while OP-TEE knows the guest (I4)");
	seen.freed++;
}

struct om_regs om_fast_smc(const struct om_mediator *m, uint32_t fid, uint32_t a1, uint32_t client)
{
	uint32_t i;

	PROVE(m == &world_mediator && fid == OPTEE_SMC_VM_CREATED && a1 == ids.id &&
	      client == OPTEE_SMC_CLIENT_HYPERVISOR, "OP-TEE is told by the hypervisor, of this guest");
	PROVE(seen.allocated == SHADOWS && seen.freed == 0 && seen.emptied == 1 + CALLS &&
	      seen.rows == ROWS && seen.accounts == 2,
	      "... when all of it is there");
	for (i = 0; i < SHADOWS; i++)
		PROVE(shadows[i].page.va && is_usable(shadows[i].page.pa.raw),
		      "every shadow page is one that OP-TEE may be given (I2)");
	seen.told++;
	seen.accepted = any_bool();
	return (struct om_regs){ .a = { seen.accepted ? OPTEE_SMC_RETURN_OK : any_u32() | 1u } };
}

void om_shm_init(struct om_shm *of, uint32_t rpc_shadow, uint32_t list_shadow)
{
	PROVE(of == &guest.shm && rpc_shadow == CALLS && list_shadow == CALLS + 1 &&
	      seen.emptied == 0, "a registry is made once, with pages that are no call's");
	seen.emptied++;
}

uint32_t om_shm_rows(const struct om_limits *limits)
{
	(void)limits;
	return ROWS;
}

void om_shm_init_row(struct om_shm *of, uint32_t i)
{
	PROVE(of == &guest.shm && i == seen.rows && i < ROWS && seen.emptied == 1,
	      "each row of the registry is made once");
	seen.rows++;
}

void om_mapping_init(struct om_mapping *of, const struct om_limits *limits)
{
	PROVE(limits->threads != 0 && of == &guest.mapping && seen.emptied == 1, "the account of what is mapped begins anew");
	seen.accounts++;
}

void om_sessions_init(struct om_sessions *of)
{
	PROVE(of == &guest.sessions && seen.emptied == 1, "... and so does that of sessions");
	seen.accounts++;
}

void om_sessions_init_row(struct om_sessions *of, uint32_t i)
{
	(void)i;
	PROVE(of == &guest.sessions && seen.emptied == 1, "... and each row of them");
}

void om_call_init(struct om_call *call, struct om_guest *of, uint32_t index)
{
	PROVE(of == &guest && index < CALLS && call == &calls[index] &&
	      seen.emptied == 1 + index, "each call is made once");
	seen.emptied++;
}

/* om_guest_size/ */
size_t any_guest_size(const struct om_limits *limits)
{
	return limits && !seen.out_of_range ? NEEDED : 0;
}

static void prove_created(const struct om_guest *out)
{
	PROVE(out == &guest && guest.stage == OM_STAGE_ALIVE, "a guest is alive");
	PROVE(seen.placed == 1 && seen.allocated == SHADOWS && seen.freed == 0 && seen.told == 1 &&
	      seen.accepted, "... and has all of its pages (I5)");
	REACHED("created");
}

/* With these; the memory is large enough or not. */
static void create(const struct om_limits *limits, void *mem, struct om_guest **out)
{
	uint32_t id = any_u32();
	bool in_range;
	size_t size = any_size();
	enum om_result result;

	ids_init(id);
	seen.out_of_range = any_bool();
	in_range = limits && !seen.out_of_range && mem == memory && size >= NEEDED && out &&
		   id >= OM_GUEST_ID_MIN && id <= OM_GUEST_ID_MAX;

	result = om_guest_create(&world_mediator, id, limits, NULL, mem, size, out);

	PROVE(ids_others_are_kept(), "no other's id is touched");
	PROVE((result == OM_ERR_ARGUMENT) == !in_range, "what is out of range is refused");
	PROVE((result == OM_ERR_EXISTS) == (in_range && ids_was_taken()), "... and so is a guest's id");
	PROVE(ids_is_taken() == (ids_was_taken() || result == OM_OK),
	      "an id is taken while there is a guest");
	PROVE(IMPLIES(result == OM_ERR_ARGUMENT || result == OM_ERR_EXISTS,
		      seen.allocated == 0 && seen.told == 0), "... before anything is done");
	if (result == OM_OK) {
		prove_created(*out);
		return;
	}
	PROVE(seen.freed == seen.allocated && (!out || !*out), "on error nothing is held (I9)");
	PROVE(IMPLIES(result == OM_ERR_NO_MEMORY, seen.told == 0), "OP-TEE is told last");
	if (result == OM_ERR_REFUSED) {
		PROVE(seen.told == 1 && !seen.accepted, "OP-TEE refuses, or nobody");
		REACHED("refused by OP-TEE");
	} else if (result == OM_ERR_NO_MEMORY) {
		REACHED("there is no page");
	} else if (result == OM_ERR_EXISTS) {
		REACHED("there is such a guest");
	} else {
		PROVE(result == OM_ERR_ARGUMENT, "nothing else can become of it");
		REACHED("out of range");
	}
}

int main(void)
{
	struct om_limits limits = { .threads = CALLS, .rpc_args = 1, .list_pages = 1 };
	struct om_guest *out = NULL;
	/* OM_GUEST_ALIGN bytes, somewhere in memory that is aligned so. */
	uint32_t at = any_bool() ? 0 : any_below(OM_GUEST_ALIGN);

	world_init();
	host_ops.page_alloc = page_alloc;
	host_ops.page_free = page_free;
	create(any_bool() ? &limits : NULL, any_bool() ? (uint8_t *)memory + at : NULL,
	       any_bool() ? &out : NULL);
	return 0;
}

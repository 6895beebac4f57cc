/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_guest_destroy() and om_guest_reset(): a guest goes, whatever it was doing.
 *
 * One of the two, from any point at which either may have given way, by induction: what is
 * true there (is_leaving()) is proved of every OM_AGAIN, and assumed at the beginning.
 *
 * Assumes: no vCPU of the guest runs (mediator.h); of a guest that is alive, that what it
 * has pinned is in its records, its calls' pages and the lists they read, which
 * om_translation_step/, om_share_page/ and om_message_fetch/ prove. Of shm.c, call.c and
 * page_list.c what their headers promise, at their models here.
 * Bounded: 2 records, 2 calls, 4 shadow pages. Loops look at no limit but how many.
 * Proves: memory safety; OP-TEE is told before the first page is unpinned, once (I4), and of
 * this guest; each page is unpinned as often as it was pinned, whichever calls were in
 * flight; a shadow page is freed once, and when nothing of the guest's is held; pieces are
 * bounded and whoever gives way was asked to; a guest that starts over is as new, or
 * refused and can still go; the id is free for others last, and nobody else's is touched.
 *
 * Class: long
 * Solver: kissat
 * Sources: lifetime.c
 * Model: builtin.c host.c world.c
 * Replace: live_word:ids_word
 * Unwind: 6
 *   At most 4 of anything.
 * Options: -DWORLD_SHADOWS=4u
 * Scale: OM_PIN_BATCH=3u
 *   As in om_translation_step/.
 */
#include "ids.h"
#include "world.h"

#include "mapping.h"

#define CALLS	2u
#define RECORDS	2u
#define ROWS	3u	/* of the registry's tables, the largest of which has no records */

struct om_call nondet_call(void);
struct om_pins nondet_pins(void);

static struct om_call calls[CALLS];
static struct om_pins records[RECORDS];

static struct {
	bool destroyed;		/* OP-TEE said OK to VM_DESTROYED, now or before */
	uint32_t told;		/* ... was told, now */
	uint32_t created;
	bool accepted;		/* by OP-TEE, the guest that starts over */
	bool begun;		/* nothing is charged: the registry is being emptied, or is */
	bool row_is_new, call_is_new;	/* those that are watched */
	uint32_t freed;		/* shadow pages */
	uint32_t accounts;	/* of pages that are mapped, and of sessions */
	bool yielded;
	bool held;		/* the pin that is watched, at first */
	uint32_t unpinned;	/* ... how often */
} seen;

/*
 * One pin that is watched, which can be any: entry `entry` of record `record`, else the
 * message's page or the list of call `of_call`.
 */
static struct {
	bool recorded, paged;
	uint32_t record, entry, of_call;
} pin;

/* A row of the registry and a call that are watched, which can be any. */
static uint32_t row, watched_call;

/* That it is among the first n entries of record i; that it is of call i. */
static bool is_pin_in(uint32_t i, size_t n)
{
	return pin.recorded && pin.record == i && pin.entry < n;
}

static bool is_pin_of(uint32_t i, bool paged)
{
	return !pin.recorded && pin.of_call == i && pin.paged == paged;
}

/* Whether the guest still says that it has it. */
static bool is_held(void)
{
	bool held = false;
	uint32_t i;

	for (i = 0; i < RECORDS; i++)
		held |= is_pin_in(i, records[i].count);
	for (i = 0; i < CALLS; i++)
		held |= (is_pin_of(i, true) && calls[i].page.raw) ||
			(is_pin_of(i, false) && calls[i].translation.source.raw);
	return held;
}

static void unpin(void *guest, const om_pa_t *pa, size_t n)
{
	uint32_t places = 0;
	bool covers = false;
	uint32_t i;

	(void)guest;
	PROVE(seen.destroyed, "OP-TEE lets go before a page is unpinned (I4)");
	PROVE(!seen.yielded, "who is asked to give way does");
	for (i = 0; i < RECORDS; i++) {
		places += pa == records[i].pa && n >= 1 && n <= records[i].count;
		covers |= pa == records[i].pa && is_pin_in(i, n);
	}
	for (i = 0; i < CALLS; i++) {
		places += (pa == &calls[i].page || pa == &calls[i].translation.source) && n == 1;
		covers |= (pa == &calls[i].page && is_pin_of(i, true)) ||
			  (pa == &calls[i].translation.source && is_pin_of(i, false));
	}
	PROVE(places == 1, "what is unpinned was recorded as pinned (I4)");
	PROVE(!covers || (is_held() && seen.unpinned == 0), "... and is unpinned once");
	seen.unpinned += covers;
}

static bool should_yield(void *host)
{
	(void)host;
	seen.yielded = any_bool();
	return seen.yielded;
}

static void page_free(void *host, const struct om_page *page)
{
	(void)host;
	PROVE(!is_held() && seen.destroyed, "a shadow page is freed when nothing is held (I4)");
	PROVE(!seen.yielded, "who is asked to give way does");
	PROVE(seen.freed < WORLD_SHADOWS && page == &world_shadows[seen.freed].page,
	      "each shadow page is freed once");
	seen.freed++;
}

struct om_regs om_fast_smc(const struct om_mediator *m, uint32_t fid, uint32_t a1, uint32_t client)
{
	PROVE(m == &world_mediator && a1 == world_guest.vm.id && client == OPTEE_SMC_CLIENT_HYPERVISOR,
	      "OP-TEE is told by the hypervisor, of this guest");
	if (fid == OPTEE_SMC_VM_DESTROYED) {
		PROVE(!seen.destroyed && seen.told == 0, "... once that it is gone");
		seen.destroyed = any_bool();
		seen.told++;
		return (struct om_regs){ .a = { seen.destroyed ? OPTEE_SMC_RETURN_OK :
								 any_u32() | 1u } };
	} else {
		PROVE(fid == OPTEE_SMC_VM_CREATED && seen.destroyed && !is_held() && seen.begun &&
		      seen.row_is_new && seen.call_is_new,
		      "... that it is there again when nothing is left of it");
		seen.created++;
	}
	seen.accepted = any_bool();
	return (struct om_regs){ .a = { seen.accepted ? OPTEE_SMC_RETURN_OK : any_u32() | 1u } };
}

/* The end of a call's list, as page_list.h says. */
void om_translation_end(struct om_shm *shm, struct om_translation *t)
{
	PROVE(t == &calls[0].translation || t == &calls[1].translation, "a call's own");
	if (t->source.raw)
		shm->vm.ops->unpin(shm->vm.ctx, &t->source, 1);
	t->source.raw = 0;
}

uint32_t om_shm_pins_count(const struct om_limits *limits)
{
	(void)limits;
	return RECORDS;
}

void om_shm_init(struct om_shm *shm, uint32_t rpc_shadow, uint32_t list_shadow)
{
	const struct om_limits *limits = &world_guest.vm.limits;

	(void)shm;
	PROVE(rpc_shadow == limits->threads && list_shadow == limits->threads + limits->rpc_args,
	      "shadow pages are laid out as they were");
	PROVE(!seen.begun && seen.destroyed, "a registry is emptied once, when OP-TEE has let go");
	seen.begun = true;
}

uint32_t om_shm_rows(const struct om_limits *limits)
{
	(void)limits;
	return ROWS;
}

void om_shm_init_row(struct om_shm *shm, uint32_t i)
{
	PROVE(shm == &world_guest.shm && i < ROWS && seen.begun, "a row of this registry");
	if (i < RECORDS) {
		PROVE(!is_pin_in(i, records[i].count) || seen.unpinned == 1,
		      "a record is emptied when its pins are given back (I4)");
		records[i].count = 0;
	}
	seen.row_is_new |= i == row;
}

void om_mapping_init(struct om_mapping *mapping, const struct om_limits *limits)
{
	PROVE(limits->threads != 0 && mapping == &world_guest.mapping && seen.begun, "the account of what is mapped begins anew");
	seen.accounts++;
}

void om_sessions_init(struct om_sessions *sessions)
{
	PROVE(sessions == &world_guest.sessions && seen.begun, "... and so does that of sessions");
	seen.accounts++;
}

void om_sessions_init_row(struct om_sessions *sessions, uint32_t i)
{
	(void)i;
	PROVE(sessions == &world_guest.sessions && seen.begun, "... and each row of them");
}

void om_call_init(struct om_call *call, struct om_guest *guest, uint32_t index)
{
	PROVE(guest == &world_guest && index < CALLS && call == &calls[index], "a call of this guest");
	PROVE(!(is_pin_of(index, true) && call->page.raw) || seen.unpinned == 1,
	      "a call is emptied when its page is given back (I4)");
	call->page.raw = 0;
	seen.call_is_new |= index == watched_call;
}

void om_trace(const struct om_vm *vm, uint32_t vcpu, uint32_t call,
	      struct om_trace_event *event)
{
	(void)vm, (void)event;
	PROVE(call == 0 && vcpu == 0, "a guest's life is nobody's call");
}

static bool records_are_empty(uint32_t n)
{
	uint32_t i;

	for (i = 0; i < RECORDS; i++)
		if (i < n && records[i].count != 0)
			return false;
	return true;
}

static bool calls_are_empty(uint32_t n)
{
	uint32_t i;

	for (i = 0; i < CALLS; i++)
		if (i < n && (calls[i].page.raw != 0 || calls[i].translation.source.raw != 0))
			return false;
	return true;
}

/* True at every point at which a guest that goes may be found. */
static bool is_leaving(void)
{
	uint32_t cursor = world_guest.cursor;

	if (seen.begun != seen.destroyed ||
	    seen.row_is_new != (world_guest.stage > OM_STAGE_EMPTY_REGISTRY ||
				(world_guest.stage == OM_STAGE_EMPTY_REGISTRY && row < cursor)) ||
	    seen.call_is_new != (world_guest.stage > OM_STAGE_EMPTY_CALLS ||
				 (world_guest.stage == OM_STAGE_EMPTY_CALLS && watched_call < cursor)))
		return false;
	/* It asks for no notification any more: no call of its gets as far. */
	if (world_guest.stage != OM_STAGE_ALIVE && world_guest.notify_enabled)
		return false;
	if (seen.held != (is_held() || seen.unpinned) || seen.destroyed != (world_guest.stage > OM_STAGE_LEAVING))
		return false;
	switch (world_guest.stage) {
	case OM_STAGE_ALIVE:
	case OM_STAGE_LEAVING:
		return seen.freed == 0;
	case OM_STAGE_EMPTY_REGISTRY:
		return cursor <= ROWS && records_are_empty(cursor) && seen.freed == 0;
	case OM_STAGE_EMPTY_CALLS:
		return cursor <= CALLS && records_are_empty(RECORDS) && calls_are_empty(cursor) &&
		       seen.freed == 0;
	case OM_STAGE_EMPTY:
	case OM_STAGE_FREE_PAGES:
		return records_are_empty(RECORDS) && calls_are_empty(CALLS) &&
		       cursor == seen.freed && cursor < WORLD_SHADOWS &&
		       (world_guest.stage == OM_STAGE_FREE_PAGES) == (cursor > 0);
	default:
		return false;
	}
}

static void init(enum om_guest_stage stage, uint32_t cursor)
{
	struct om_limits *limits = &world_guest.vm.limits;
	uint32_t i;

	world_init();
	host_ops.unpin = unpin;
	host_ops.page_free = page_free;
	if (host_ops.should_yield)
		host_ops.should_yield = should_yield;
	limits->threads = CALLS;
	limits->rpc_args = 1;
	limits->list_pages = 1;
	limits->sessions = 1;
	world_guest.calls = calls;
	for (i = 0; i < CALLS; i++)
		calls[i] = nondet_call();
	/* A record never says more than it holds: om_share_page/, om_translation_step/. */
	for (i = 0; i < RECORDS; i++) {
		records[i] = nondet_pins();
		ASSUME(records[i].count <= OM_PIN_BATCH);
	}
	world_guest.shm.pins = records;
	world_guest.stage = stage;
	world_guest.cursor = cursor;
	seen.destroyed = stage > OM_STAGE_LEAVING;
	seen.freed = stage == OM_STAGE_FREE_PAGES ? cursor : 0;
	pin.recorded = any_bool();
	pin.paged = any_bool();
	pin.record = any_below(RECORDS);
	pin.entry = any_below(OM_PIN_BATCH);
	pin.of_call = any_below(CALLS);
	row = any_below(ROWS);
	watched_call = any_below(CALLS);
	seen.begun = seen.destroyed;
	seen.row_is_new = any_bool();
	seen.call_is_new = any_bool();
	seen.held = is_held();
	ASSUME(is_leaving());
}

static void prove_paused(bool was_alive)
{
	PROVE(seen.yielded, "who gives way was asked to");
	PROVE(is_leaving(), "a guest that goes can go on (I4)");
	PROVE(seen.created == 0, "... and is not there again");
	PROVE(seen.told == was_alive, "... and OP-TEE knows");
	if (world_guest.stage == OM_STAGE_EMPTY_REGISTRY)
		REACHED("paused among the buffers");
	if (world_guest.stage == OM_STAGE_EMPTY_CALLS)
		REACHED("paused among the calls");
	if (world_guest.stage == OM_STAGE_FREE_PAGES)
		REACHED("paused among the shadow pages");
}

/* OP-TEE did not let go: all stays as it is, and either can be called again. */
static void prove_not_released(bool was_alive)
{
	PROVE(was_alive && seen.told == 1 && !seen.destroyed, "OP-TEE was asked, and did not say OK");
	PROVE(seen.unpinned == 0 && seen.freed == 0 && seen.created == 0 && !seen.begun,
	      "what OP-TEE did not let go of stays (I4)");
	PROVE(world_guest.stage == OM_STAGE_LEAVING && world_guest.notify_enabled == 0 && is_leaving(),
	      "... and its guest is not alive, and can go later");
	REACHED("not released");
}

static void prove_gone(bool was_alive)
{
	PROVE(!is_held() && seen.unpinned == seen.held, "what was pinned is unpinned (I4)");
	PROVE(seen.told == was_alive, "OP-TEE was told once");
}

static void reset(bool was_alive)
{
	enum om_result result;

	/* mediator.h: a destroy that has begun is not turned into a reset. */
	ASSUME(world_guest.stage != OM_STAGE_FREE_PAGES);
	result = om_guest_reset(&world_guest);
	PROVE(seen.freed == 0, "a guest that starts over keeps its shadow pages (I5)");
	if (result == OM_AGAIN) {
		prove_paused(was_alive);
		return;
	}
	if (result == OM_ERR_NOT_RELEASED) {
		prove_not_released(was_alive);
		return;
	}
	prove_gone(was_alive);
	PROVE(world_guest.notify_enabled == 0, "nobody is interrupted who did not ask anew");
	PROVE(seen.row_is_new && seen.call_is_new && seen.created == 1, "... and is as new");
	PROVE(result == (seen.accepted ? OM_OK : OM_ERR_REFUSED), "... as OP-TEE says");
	if (result == OM_OK) {
		PROVE(world_guest.stage == OM_STAGE_ALIVE, "... and alive");
		REACHED("started over");
	} else {
		PROVE(world_guest.stage == OM_STAGE_EMPTY && is_leaving(),
		      "... or dead, and can start over or go");
		REACHED("refused");
	}
}

static void destroy(bool was_alive)
{
	enum om_result result;

	ids_init(world_guest.vm.id);
	ASSUME(ids_is_taken());
	result = om_guest_destroy(&world_guest);
	PROVE(ids_others_are_kept(), "no other's id is touched");
	PROVE(ids_is_taken() == (result != OM_OK),
	      "an id is free when its guest is gone, and not before");
	PROVE(seen.created == 0, "a guest that goes does not come back");
	if (result == OM_AGAIN) {
		prove_paused(was_alive);
		return;
	}
	if (result == OM_ERR_NOT_RELEASED) {
		prove_not_released(was_alive);
		return;
	}
	PROVE(result == OM_OK, "nothing else can become of it");
	prove_gone(was_alive);
	PROVE(seen.freed == WORLD_SHADOWS, "each shadow page is freed (I5)");
	REACHED("gone");
}

/* One of the two, of a guest that is found there. */
static void go(enum om_guest_stage stage, uint32_t cursor)
{
	bool was_alive = stage <= OM_STAGE_LEAVING;

	init(stage, cursor);
	if (any_bool())
		reset(was_alive);
	else
		destroy(was_alive);
}

/* Each point for itself: then where the guest is are numbers, and not variables. */
int main(void)
{
	switch (any_below(12)) {
	case 11:
		go(OM_STAGE_EMPTY_REGISTRY, ROWS);
		break;
	case 10:
		go(OM_STAGE_LEAVING, 0);
		break;
	case 0:
		go(OM_STAGE_ALIVE, any_u32());
		break;
	case 1:
		go(OM_STAGE_EMPTY_REGISTRY, 0);
		break;
	case 2:
		go(OM_STAGE_EMPTY_REGISTRY, 1);
		break;
	case 3:
		go(OM_STAGE_EMPTY_REGISTRY, RECORDS);
		break;
	case 4:
		go(OM_STAGE_EMPTY_CALLS, 1);
		break;
	case 5:
		go(OM_STAGE_EMPTY_CALLS, CALLS);
		break;
	case 6:
		go(OM_STAGE_EMPTY, 0);
		break;
	case 7:
		go(OM_STAGE_FREE_PAGES, 1);
		break;
	case 8:
		go(OM_STAGE_FREE_PAGES, 2);
		break;
	default:
		go(OM_STAGE_FREE_PAGES, WORLD_SHADOWS - 1);
		break;
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory registry on a long random walk, compared with a simple
 * registry of the test's own all the way; and interrupted by another vCPU.
 */
#include "rig_shm.h"

/* --- A long random walk ---------------------------------------------------------- */

#define WALK_STEPS	400000u
#define WALK_BUFFERS	10u
#define WALK_RPC_ARGS	3u
#define WALK_THREADS	2u
#define WALK_PAGES	120u
#define WALK_LISTS	5u
#define WALK_COOKIES	24u
#define WALK_SLOTS	(WALK_BUFFERS + WALK_RPC_ARGS + WALK_THREADS * 4u)

enum ref_state { REF_FREE, REF_RESERVED, REF_LIVE, REF_CLAIMED, REF_FORGOTTEN, REF_RELEASED };

struct ref {
	enum ref_state state;
	enum om_trace_share kind;
	uint64_t cookie;
	uint32_t users;		/* its maker or claimer included */
	uint32_t pages;		/* charged */
	uint32_t pinned;
	uint32_t index;
	uint32_t lists;		/* charged and not given back */
	uint32_t list;		/* one that was taken, or OM_NONE */
};

struct walk {
	struct rig *rig;
	struct ref ref[WALK_SLOTS];
	uint64_t cookies[WALK_COOKIES];
	struct om_release release;
	uint32_t stack[WALK_SLOTS];	/* of released ones, as the list has them */
	uint32_t depth;
	uint32_t peak;
	uint64_t life[WALK_SLOTS];	/* of each entry: its hold in the last one, at first */
	uint64_t seed;
};

static uint32_t pick(struct walk *w, uint32_t n)
{
	return (uint32_t)(rig_random(&w->seed) % n);
}

static uint32_t sum(const struct walk *w, enum om_trace_share kind, bool others)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WALK_SLOTS; i++)
		n += w->ref[i].state != REF_FREE &&
		     (w->ref[i].kind == kind || (others && w->ref[i].kind == OM_SHARE_PAYLOAD));
	return n;
}

static uint32_t pages_used(const struct walk *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WALK_SLOTS; i++)
		n += w->ref[i].state != REF_FREE ? w->ref[i].pages : 0;
	return n;
}

static uint32_t lists_left(const struct walk *w)
{
	uint32_t n = WALK_LISTS;

	for (uint32_t i = 0; i < WALK_SLOTS; i++)
		n -= w->ref[i].lists;
	return n;
}

/* Whoever has this cookie, or NULL. */
static struct ref *owner(struct walk *w, uint64_t cookie)
{
	for (uint32_t i = 0; i < WALK_SLOTS; i++) {
		struct ref *r = &w->ref[i];

		if (r->kind != OM_SHARE_TEMPORARY && r->cookie == cookie &&
		    (r->state == REF_RESERVED || r->state == REF_LIVE || r->state == REF_CLAIMED))
			return r;
	}
	return NULL;
}

static enum om_refusal expect_reserve(struct walk *w, const struct om_share *s)
{
	if (s->kind != OM_SHARE_TEMPORARY && (s->cookie.raw == 0 || owner(w, s->cookie.raw)))
		return OM_REFUSED_COOKIE;
	if (pages_used(w) + s->pages > WALK_PAGES || s->lists > lists_left(w))
		return OM_REFUSED_QUOTA;
	if (s->kind == OM_SHARE_RPC_ARG && sum(w, OM_SHARE_RPC_ARG, false) == WALK_RPC_ARGS)
		return OM_REFUSED_QUOTA;
	if ((s->kind == OM_SHARE_REGISTERED || s->kind == OM_SHARE_PAYLOAD) &&
	    sum(w, OM_SHARE_REGISTERED, true) == WALK_BUFFERS)
		return OM_REFUSED_QUOTA;
	return OM_ACCEPTED;
}

static void take_list(struct walk *w, struct ref *r)
{
	r->list = om_shm_take_list(&w->rig->guest->shm);
	assert_in_range(r->list, WALK_THREADS + WALK_RPC_ARGS,
			WALK_THREADS + WALK_RPC_ARGS + WALK_LISTS - 1);
	for (uint32_t i = 0; i < WALK_SLOTS; i++)
		if (&w->ref[i] != r && w->ref[i].lists)
			assert_int_not_equal(w->ref[i].list, r->list);
}

static void walk_reserve(struct walk *w)
{
	enum om_trace_share kind = (enum om_trace_share)pick(w, KINDS);
	struct om_share s = share_of(kind, w->cookies[pick(w, WALK_COOKIES)], 1 + pick(w, 40));
	enum om_refusal expected;
	uint32_t index = OM_NONE;
	struct ref *r = w->ref;

	/* The caller's part: one temporary buffer for each parameter of each call. */
	if (kind == OM_SHARE_TEMPORARY && sum(w, kind, false) == WALK_THREADS * 4u)
		return;
	s.lists = pick(w, 3);
	if (kind == OM_SHARE_RPC_ARG) {
		s.size = OPTEE_MSG_PAGE_SIZE;
		s.pages = 1;
		s.lists = 0;
		s.entry = pick(w, WALK_RPC_ARGS);
	}
	expected = expect_reserve(w, &s);
	assert_int_equal(om_shm_reserve(&w->rig->guest->shm, &s, &index, NULL), expected);
	if (expected != OM_ACCEPTED) {
		assert_int_equal(index, OM_NONE);
		return;
	}
	for (uint32_t i = 0; i < WALK_SLOTS; i++)
		if (w->ref[i].state != REF_FREE)
			assert_int_not_equal(w->ref[i].index, index);
	/* Whoever compares it with what it was in an earlier life sees that it is another. */
	assert_true(w->rig->guest->shm.buffers[index].hold > w->life[index]);
	w->life[index] = w->rig->guest->shm.buffers[index].hold;
	while (r->state != REF_FREE)
		r++;
	*r = (struct ref){ .state = REF_RESERVED, .kind = kind, .cookie = s.cookie.raw,
			   .users = 1, .pages = s.pages, .index = index, .lists = s.lists,
			   .list = OM_NONE };
	if (s.lists && pick(w, 2))
		take_list(w, r);
	if (pages_used(w) > w->peak)
		w->peak = pages_used(w);
}

static void walk_pin(struct walk *w, struct ref *r)
{
	uint32_t n = r->pages - r->pinned;

	if (r->state != REF_RESERVED || n == 0)
		return;
	n = 1 + pick(w, n);
	pin(w->rig, r->index, n);
	r->pinned += n;
}

static void walk_publish_or_forget(struct walk *w, struct ref *r)
{
	bool publish = pick(w, 2);

	if (r->kind == OM_SHARE_TEMPORARY ||
	    (r->state != REF_RESERVED && r->state != REF_CLAIMED))
		return;
	if (publish)
		om_shm_publish(&w->rig->guest->shm, r->index);
	else
		om_shm_forget(&w->rig->guest->shm, r->index);
	r->state = publish ? REF_LIVE : REF_FORGOTTEN;
}

static void walk_get(struct walk *w)
{
	enum om_trace_share kind = (enum om_trace_share)pick(w, KINDS);
	uint64_t cookie = w->cookies[pick(w, WALK_COOKIES)];
	struct ref *r = owner(w, cookie);
	bool alone = kind == OM_SHARE_RPC_ARG && pick(w, 4) == 0;
	bool found = r && r->state == REF_LIVE && r->kind == kind && !(alone && r->users);

	assert_int_equal(get(w->rig, kind, cookie, alone), found ? r->index : OM_NONE);
	if (found)
		r->users++;
}

static void walk_claim(struct walk *w)
{
	enum om_trace_share kind = (enum om_trace_share)pick(w, KINDS);
	om_cookie_t cookie = { w->cookies[pick(w, WALK_COOKIES)] };
	struct ref *r = owner(w, cookie.raw);
	bool found = r && r->state == REF_LIVE && r->kind == kind;
	struct om_shm *shm = &w->rig->guest->shm;
	/* No call is on its way with any of them. */
	uint32_t index = kind == OM_SHARE_REGISTERED ? om_shm_claim_arrived(shm, cookie) :
			 om_shm_claim(shm, cookie, kind);

	assert_int_equal(index, found ? r->index : OM_NONE);
	if (!found)
		return;
	r->users++;
	r->state = REF_CLAIMED;
}

static void walk_put(struct walk *w, struct ref *r)
{
	/* Its maker or claimer has to publish or forget it first. */
	uint32_t kept = r->kind != OM_SHARE_TEMPORARY &&
			(r->state == REF_RESERVED || r->state == REF_CLAIMED);
	uint32_t before = w->release.head;

	if (r->state == REF_FREE || r->state == REF_RELEASED || r->users <= kept)
		return;
	let_go(w->rig, r->index, &w->release);
	r->users--;
	if (r->users || r->state == REF_LIVE) {
		assert_int_equal(w->release.head, before);
		return;
	}
	assert_int_equal(w->release.head, r->index);
	r->state = REF_RELEASED;
	w->stack[w->depth++] = (uint32_t)(r - w->ref);
}

static void walk_give_lists(struct walk *w, struct ref *r)
{
	if (r->lists == 0)
		return;
	om_shm_give_lists(&w->rig->guest->shm, r->list, r->list, r->lists);
	r->lists = 0;
	r->list = OM_NONE;
}

static void walk_release(struct walk *w)
{
	struct ref *r;
	uint32_t batch;

	assert_int_equal(om_shm_release_step(&w->rig->guest->shm, &w->release), w->depth != 0);
	if (w->depth == 0)
		return;
	r = &w->ref[w->stack[w->depth - 1]];
	batch = r->pinned < OM_PIN_BATCH ? r->pinned : OM_PIN_BATCH;
	r->pinned -= batch;
	if (r->pinned)
		return;
	w->depth--;
	walk_give_lists(w, r);
	r->state = REF_FREE;
}

static void walk_compare(struct walk *w)
{
	const struct om_shm *shm = &w->rig->guest->shm;
	uint32_t pinned = 0;

	assert_int_equal(shm->pages_used - om_shm_parked(shm), pages_used(w));
	assert_in_range(shm->pages_peak, w->peak, w->peak + WALK_RPC_ARGS);
	assert_int_equal(shm->lists_left, lists_left(w));
	assert_int_equal(shm->buffers_used, sum(w, OM_SHARE_REGISTERED, true));
	assert_int_equal(shm->rpc_args_used - om_shm_parked(shm), sum(w, OM_SHARE_RPC_ARG, false));
	for (uint32_t i = 0; i < WALK_SLOTS; i++)
		pinned += w->ref[i].state != REF_FREE ? w->ref[i].pinned : 0;
	assert_int_equal(w->rig->ram->pinned, pinned);
	for (uint32_t i = 0; i < WALK_COOKIES; i++)
		assert_int_equal(known(w->rig, w->cookies[i]), owner(w, w->cookies[i]) != NULL);
}

/* One that nobody uses is parked; any other is released by its last user. */
static void walk_free_arg(struct walk *w)
{
	om_cookie_t cookie = { w->cookies[pick(w, WALK_COOKIES)] };
	struct ref *r = owner(w, cookie.raw);
	bool found = r && r->state == REF_LIVE && r->kind == OM_SHARE_RPC_ARG;

	if (found && !r->pinned)
		return;
	assert_int_equal(om_shm_free_arg(&w->rig->guest->shm, cookie, pick(w, WALK_RPC_ARGS),
					 &w->release), found);
	if (!found)
		return;
	r->state = r->users ? REF_FORGOTTEN : REF_FREE;
}

static void walk_step(struct walk *w)
{
	struct ref *r = &w->ref[pick(w, WALK_SLOTS)];

	switch (pick(w, 16)) {
	case 0: case 1: case 2:
		walk_reserve(w);
		break;
	case 3:
		walk_pin(w, r);
		break;
	case 4: case 5:
		walk_publish_or_forget(w, r);
		break;
	case 6: case 7:
		walk_get(w);
		break;
	case 8:
		walk_claim(w);
		break;
	case 9: case 10: case 11:
		walk_put(w, r);
		break;
	case 12:
		walk_give_lists(w, r);
		break;
	case 13:
		walk_free_arg(w);
		break;
	default:
		walk_release(w);
		break;
	}
}

/* All that is left goes, in whatever state it is. */
static void walk_end(struct walk *w)
{
	for (uint32_t i = 0; i < WALK_SLOTS; i++) {
		struct ref *r = &w->ref[i];

		walk_give_lists(w, r);
		if (r->state == REF_LIVE) {
			assert_int_equal(om_shm_claim(&w->rig->guest->shm, (om_cookie_t){ r->cookie },
						      r->kind), r->index);
			r->users++;
			r->state = REF_CLAIMED;
		}
		if (r->kind != OM_SHARE_TEMPORARY &&
		    (r->state == REF_RESERVED || r->state == REF_CLAIMED)) {
			om_shm_forget(&w->rig->guest->shm, r->index);
			r->state = REF_FORGOTTEN;
		}
		while (r->state != REF_FREE && r->state != REF_RELEASED)
			walk_put(w, r);
	}
	while (w->depth)
		walk_release(w);
	walk_compare(w);
	expect_usage(w->rig, 0, 0, 0);
}

TEST(test_random_walk)
{
	static const struct rig_setup setup = {
		.limits = { .threads = WALK_THREADS, .buffers = WALK_BUFFERS,
			    .rpc_args = WALK_RPC_ARGS, .pages = WALK_PAGES,
			    .list_pages = WALK_LISTS },
		.ram_pages = 64,
	};
	struct walk w = { .rig = rig_new(&setup), .release = { OM_NONE }, .seed = 2026 };

	/* Half of them in one chain, one of them not allowed at all. */
	find_colliding(w.rig, w.cookies, WALK_COOKIES / 2, 1000);
	for (uint32_t i = WALK_COOKIES / 2; i < WALK_COOKIES - 1; i++)
		w.cookies[i] = rig_random(&w.seed);
	w.peak = w.rig->guest->shm.pages_peak;
	for (uint32_t i = 0; i < WALK_STEPS; i++) {
		walk_step(&w);
		if (i % 8 == 0)
			walk_compare(&w);
	}
	walk_end(&w);
	rig_free(w.rig);
}

/* --- Several vCPUs ---------------------------------------------------------------- */

/* Whether this vCPU holds the lock: then the other could only wait. */
static uint32_t locked;

static void take_lock(void *guest)
{
	(void)guest;
	om_store_release(&locked, 1);
}

static void give_lock(void *guest)
{
	(void)guest;
	om_store_release(&locked, 0);
}

static void with_lock_seen(struct rig *rig)
{
	rig->host->ops.lock = take_lock;
	rig->host->ops.unlock = give_lock;
}

static const struct rig_setup race_setup = {
	.limits = { .threads = 1, .buffers = 4, .rpc_args = 1, .pages = 8, .list_pages = 1 },
	.ram_pages = 8, .prepare = with_lock_seen,
};

/* What the other vCPU did when this one was interrupted. */
static struct {
	struct om_guest *guest;
	uint32_t turn;
	uint32_t cookie;	/* 1 or 2: which one there is */
	uint32_t held;		/* a use that it keeps for a while, or OM_NONE */
	struct om_release release;
} other;

static void other_replaces_the_buffer(void)
{
	const struct om_share s = share_of(OM_SHARE_REGISTERED, 3 - other.cookie, 1);
	uint32_t i = om_shm_claim(&other.guest->shm, (om_cookie_t){ other.cookie }, OM_SHARE_REGISTERED);

	if (i == OM_NONE)
		return;
	om_shm_forget(&other.guest->shm, i);
	om_shm_put(&other.guest->shm, i, &other.release);
	while (om_shm_release_step(&other.guest->shm, &other.release))
		;
	/* Its slot is taken again, unless somebody still holds it. */
	if (om_shm_reserve(&other.guest->shm, &s, &i, NULL) != OM_ACCEPTED)
		abort();
	other.cookie = 3 - other.cookie;
	om_shm_publish(&other.guest->shm, i);
	om_shm_put(&other.guest->shm, i, &other.release);
}

static void other_vcpu(int signal)
{
	(void)signal;
	if (locked)
		return;
	if (other.held != OM_NONE) {
		om_shm_put(&other.guest->shm, other.held, &other.release);
		other.held = OM_NONE;
	} else if (other.turn++ % 2) {
		other.held = om_shm_get(&other.guest->shm, (om_cookie_t){ other.cookie },
					OM_SHARE_REGISTERED);
	} else {
		other_replaces_the_buffer();
	}
}

/* What is held is what was asked for, whatever another vCPU does between two instructions. */
RIG_TEST_BY(test_invariant_7_replaced_at_any_instruction, rig_new(&race_setup))
{
	struct om_release release = { OM_NONE };
	uint32_t i, wrong = 0;

	other.guest = rig->guest;
	other.held = OM_NONE;
	other.release.head = OM_NONE;
	other.cookie = 1;
	share(rig, OM_SHARE_REGISTERED, 1);
	rig_preempt(other_vcpu, 20);
	for (uint32_t n = 0; n < 300000; n++) {
		om_cookie_t cookie = { 1 + n % 2 };

		i = om_shm_get(&rig->guest->shm, cookie, OM_SHARE_REGISTERED);
		if (i != OM_NONE) {
			wrong += rig->guest->shm.buffers[i].cookie != cookie.raw;
			om_shm_put(&rig->guest->shm, i, &release);
		}
		while (om_shm_release_step(&rig->guest->shm, &release))
			;
	}
	rig_preempt(NULL, 0);
	assert_int_equal(wrong, 0);
	if (other.held != OM_NONE)
		om_shm_put(&rig->guest->shm, other.held, &other.release);
	drain(rig, &other.release);
	unshare(rig, OM_SHARE_REGISTERED, other.cookie);
	expect_usage(rig, 0, 0, 0);
}

/* A call on another vCPU that allocates the freed argument, without the lock, and frees it. */
static struct {
	struct rig *rig;
	uint32_t entry;		/* of the argument that is parked */
	bool has_it;
	volatile bool runs;	/* it is its turn at any moment */
} allocator;

static void allocator_takes_it(int signal)
{
	struct om_share s = share_of(OM_SHARE_RPC_ARG, 3, 1);
	struct om_shm *shm = &allocator.rig->guest->shm;
	uint32_t index;

	(void)signal;
	if (!allocator.runs || allocator.has_it ||
	    !(shm->buffers[allocator.entry].hold & OM_HOLD_PARKED))
		return;
	s.entry = allocator.entry;
	if (om_shm_reserve(shm, &s, &index, NULL) != OM_ACCEPTED || index != allocator.entry)
		abort();
	allocator.has_it = true;
}

/* Gives it back, or frees what this vCPU has got: an argument is parked again. */
static void park_again(struct rig *rig, uint32_t index)
{
	struct om_release release = { OM_NONE };

	pin(rig, index, 1);
	om_shm_publish_put(&rig->guest->shm, index);
	assert_true(om_shm_free_arg(&rig->guest->shm, (om_cookie_t){ 3 }, index, &release));
	assert_int_equal(release.head, OM_NONE);
	allocator.has_it = false;
	allocator.entry = index;
}

/* Invariant I7: a freed argument is one call's, or its cookie another buffer's. */
RIG_TEST_BY(test_invariant_7_freed_argument_is_allocated_at_any_instruction, rig_new(&race_setup))
{
	uint32_t index;

	allocator.rig = rig;
	park_again(rig, reserve(rig, OM_SHARE_RPC_ARG, 3, 1));
	rig_preempt(allocator_takes_it, 20);
	for (uint32_t n = 0; n < 200000; n++) {
		bool alloc = n % 2;
		struct om_share s = share_of(alloc ? OM_SHARE_RPC_ARG : OM_SHARE_REGISTERED, 3, 1);
		enum om_refusal why;

		s.entry = allocator.entry;
		allocator.runs = true;
		why = om_shm_reserve(&rig->guest->shm, &s, &index, NULL);
		allocator.runs = false;
		assert_int_equal(why == OM_ACCEPTED, !allocator.has_it);
		if (allocator.has_it)
			index = allocator.entry;
		if (!alloc && why == OM_ACCEPTED) {
			drop(rig, index);
			index = reserve(rig, OM_SHARE_RPC_ARG, 3, 1);
		}
		park_again(rig, index);
	}
	rig_preempt(NULL, 0);
	assert_int_equal(rig->ram->pinned, 0);
	assert_int_equal(om_shm_parked(&rig->guest->shm), 1);
}

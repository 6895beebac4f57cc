/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Creation, reset and destruction of a guest, and the layout of its memory. This module knows
 * what a guest consists of, but not what its calls do.
 */
#include "lifetime.h"

#include <optee_mediator/abi_msg.h>
#include <optee_mediator/abi_smc.h>

#include "call.h"
#include "mapping.h"
#include "secure.h"
#include "sessions.h"

/* The layout of a guest's memory, as byte offsets. */
struct layout {
	size_t calls;
	size_t pins;
	size_t buffers;
	size_t sessions;
	size_t shadows;
	size_t buckets;
	size_t size;
};

static size_t aligned(size_t n)
{
	return (n + OM_GUEST_ALIGN - 1) & ~(size_t)(OM_GUEST_ALIGN - 1);
}

static bool in_range(uint32_t n, uint32_t max)
{
	return n >= 1 && n <= max;
}

static bool are_valid(const struct om_limits *l)
{
	return l && in_range(l->threads, OM_LIMIT_THREADS) &&
	       in_range(l->buffers, OM_LIMIT_BUFFERS) &&
	       in_range(l->rpc_args, OM_LIMIT_RPC_ARGS) &&
	       in_range(l->pages, OM_LIMIT_PAGES) &&
	       in_range(l->list_pages, OM_LIMIT_LIST_PAGES) &&
	       l->call_pages <= OM_LIMIT_PAGES && l->mapped_pages <= OM_LIMIT_PAGES &&
	       l->sessions <= OM_LIMIT_SESSIONS;
}

static uint32_t session_count(const struct om_limits *l)
{
	return l->sessions ? l->sessions : OM_SESSIONS_DEFAULT;
}

/* One shadow page for each slot, then those of RPC arguments, then list pages. */
static uint32_t shadow_count(const struct om_limits *l)
{
	return l->threads + l->rpc_args + l->list_pages;
}

static struct layout layout_of(const struct om_limits *l)
{
	struct layout at;

	at.calls = aligned(sizeof(struct om_guest));
	at.pins = at.calls + l->threads * aligned(sizeof(struct om_call));
	at.buffers = at.pins + om_shm_pins_count(l) * aligned(sizeof(struct om_pins));
	at.sessions = at.buffers + aligned(om_shm_buffer_count(l) * sizeof(struct om_buffer));
	at.shadows = at.sessions + aligned(session_count(l) * sizeof(struct om_session));
	at.buckets = at.shadows + aligned(shadow_count(l) * sizeof(struct om_shadow));
	at.size = at.buckets + aligned(om_shm_bucket_count(l) * sizeof(uint32_t));
	return at;
}

size_t om_guest_size(const struct om_limits *limits)
{
	return are_valid(limits) ? layout_of(limits).size : 0;
}

static uint32_t *live_word(struct om_mediator *m, uint32_t id)
{
	return &m->live[id / 32];
}

/* Takes the id; false when another guest has it, which OP-TEE would not notice. */
static bool take_id(struct om_mediator *m, uint32_t id)
{
	uint32_t bit = 1u << id % 32;

	return !(__atomic_fetch_or(live_word(m, id), bit, __ATOMIC_ACQ_REL) & bit);
}

static void give_id(struct om_mediator *m, uint32_t id)
{
	__atomic_fetch_and(live_word(m, id), ~(1u << id % 32), __ATOMIC_ACQ_REL);
}

static void free_pages(struct om_guest *guest, uint32_t n)
{
	while (n--)
		guest->vm.ops->page_free(guest->vm.mediator->host, &guest->shm.shadows[n].page);
}

/* Allocates every shadow page that the guest will ever need (I5). */
static bool alloc_pages(struct om_guest *guest)
{
	uint32_t n = shadow_count(&guest->vm.limits);
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct om_page *page = &guest->shm.shadows[i].page;

		if (guest->vm.ops->page_alloc(guest->vm.mediator->host, page)) {
			free_pages(guest, i);
			return false;
		}
		if (!page->va || !om_pa_is_usable(guest->vm.mediator, page->pa)) {
			free_pages(guest, i + 1);
			return false;
		}
		/* OP-TEE sees the whole page, also the part that no message or list has filled. */
		om_zero(page->va, OPTEE_MSG_PAGE_SIZE);
	}
	return true;
}

static void init_registry(struct om_guest *guest)
{
	const struct om_limits *l = &guest->vm.limits;

	om_shm_init(&guest->shm, l->threads, l->threads + l->rpc_args);
	om_mapping_init(&guest->mapping, l);
	om_sessions_init(&guest->sessions);
}

/* A row is the i-th element of each table that has one. */
static uint32_t row_count(const struct om_guest *guest)
{
	uint32_t n = om_shm_rows(&guest->vm.limits);

	return n < guest->vm.limits.sessions ? guest->vm.limits.sessions : n;
}

static void init_row(struct om_guest *guest, uint32_t i)
{
	om_shm_init_row(&guest->shm, i);
	om_sessions_init_row(&guest->sessions, i);
}

/* Sets up the tables of a new guest; for a reset leave() does so, piece by piece. */
static void init_tables(struct om_guest *guest)
{
	uint32_t rows = row_count(guest);
	uint32_t i;

	init_registry(guest);
	for (i = 0; i < rows; i++)
		init_row(guest, i);
	for (i = 0; i < guest->vm.limits.threads; i++)
		om_call_init(&guest->calls[i], guest, i);
}

static void trace_life(struct om_guest *guest, enum om_trace_guest what)
{
	if (om_traced(&guest->vm))
		om_trace(&guest->vm, 0, 0, &(struct om_trace_event){
			 .id = OM_TRACE_GUEST, .arg = { what } });
}

static bool vm_created(struct om_guest *guest)
{
	return om_fast_smc(guest->vm.mediator, OPTEE_SMC_VM_CREATED, guest->vm.id,
			   OPTEE_SMC_CLIENT_HYPERVISOR).a[0] == OPTEE_SMC_RETURN_OK;
}

static void init_vm(struct om_vm *vm, struct om_mediator *m, uint32_t id,
		    const struct om_limits *limits, void *ctx)
{
	vm->mediator = m;
	vm->ops = m->ops;
	vm->ctx = ctx;
	vm->id = id;
	vm->traced = m->ops->trace != NULL;
	vm->limits = *limits;
	/*
	 * Never more calls than OP-TEE has threads: the guest must be told that there are too
	 * many when it starts a call, not when it resumes one.
	 */
	if (limits->threads > m->threads)
		vm->limits.threads = m->threads;
	if (limits->mapped_pages == 0)
		vm->limits.mapped_pages = OM_MAPPED_PAGES_DEFAULT;
	if (limits->call_pages == 0)
		vm->limits.call_pages = vm->limits.mapped_pages;
	vm->limits.sessions = session_count(limits);
}

/* Lays a guest out in its memory, which is still private to this function. */
static struct om_guest *place(struct om_mediator *m, uint32_t id, const struct om_limits *limits,
			      void *ctx, void *mem)
{
	struct layout at = layout_of(limits);
	struct om_guest *guest = mem;
	uint8_t *base = mem;

	om_zero(mem, at.size);
	init_vm(&guest->vm, m, id, limits, ctx);
	guest->shm.vm = guest->vm;
	guest->sessions.vm = &guest->vm;
	guest->sessions.count = guest->vm.limits.sessions;
	guest->calls = (void *)(base + at.calls);
	guest->shm.pins = (void *)(base + at.pins);
	guest->shm.buffers = (void *)(base + at.buffers);
	guest->sessions.table = (void *)(base + at.sessions);
	guest->shm.shadows = (void *)(base + at.shadows);
	guest->shm.buckets = (void *)(base + at.buckets);
	return guest;
}

static enum om_result bring_up(struct om_guest *guest)
{
	if (!alloc_pages(guest))
		return OM_ERR_NO_MEMORY;
	init_tables(guest);
	/* Last, because it is the one step that has an effect outside. */
	if (!vm_created(guest)) {
		free_pages(guest, shadow_count(&guest->vm.limits));
		return OM_ERR_REFUSED;
	}
	trace_life(guest, OM_GUEST_CREATED);
	return OM_OK;
}

/* Checks the memory for a guest; om_guest_size() checks the limits. */
static bool is_enough(const void *mem, size_t size, const struct om_limits *limits)
{
	size_t needed = om_guest_size(limits);

	return mem && (uintptr_t)mem % OM_GUEST_ALIGN == 0 && needed != 0 && size >= needed;
}

enum om_result om_guest_create(struct om_mediator *m, uint32_t id,
			       const struct om_limits *limits, void *ctx,
			       void *mem, size_t size, struct om_guest **out)
{
	struct om_guest *guest;
	enum om_result result;

	if (!m || !out || !is_enough(mem, size, limits) ||
	    id < OM_GUEST_ID_MIN || id > OM_GUEST_ID_MAX)
		return OM_ERR_ARGUMENT;
	if (!take_id(m, id))
		return OM_ERR_EXISTS;
	guest = place(m, id, limits, ctx, mem);
	result = bring_up(guest);
	if (result == OM_OK)
		*out = guest;
	else
		give_id(m, id);
	return result;
}

/* Rows of tables between two calls of should_yield. */
#define ROWS	64u

/* Unpins record i, whatever it belongs to: so no pin can be missed. */
static bool unpin_record(struct om_guest *guest, uint32_t i)
{
	struct om_pins *pins = &guest->shm.pins[i];

	if (i >= om_shm_pins_count(&guest->vm.limits) || pins->count == 0)
		return false;
	guest->vm.ops->unpin(guest->vm.ctx, pins->pa, pins->count);
	return true;
}

static bool empty_registry(struct om_guest *guest)
{
	uint32_t n = row_count(guest);

	while (guest->cursor < n) {
		uint32_t i = guest->cursor++;
		bool unpinned = unpin_record(guest, i);

		init_row(guest, i);
		if ((unpinned || guest->cursor % ROWS == 0) && om_should_yield(&guest->vm))
			return false;
	}
	return true;
}

static bool empty_calls(struct om_guest *guest)
{
	while (guest->cursor < guest->vm.limits.threads) {
		uint32_t i = guest->cursor++;
		struct om_call *call = &guest->calls[i];

		om_translation_end(&guest->shm, &call->translation);
		if (call->page.raw)
			guest->vm.ops->unpin(guest->vm.ctx, &call->page, 1);
		om_call_init(call, guest, i);
		if (om_should_yield(&guest->vm))
			return false;
	}
	return true;
}

static void next_stage(struct om_guest *guest, enum om_guest_stage stage)
{
	guest->stage = stage;
	guest->cursor = 0;
}

/* False: it is not known what OP-TEE still uses, so everything stays (I4). */
static bool vm_destroyed(struct om_guest *guest)
{
	om_store_relaxed(&guest->notify_enabled, 0);
	next_stage(guest, OM_STAGE_LEAVING);
	return om_fast_smc(guest->vm.mediator, OPTEE_SMC_VM_DESTROYED, guest->vm.id,
			   OPTEE_SMC_CLIENT_HYPERVISOR).a[0] == OPTEE_SMC_RETURN_OK;
}

/*
 * Gives back all that the guest holds and resets its tables, in the order of invariant I4:
 * OP-TEE is told first. The vCPUs are stopped, so no lock is needed.
 */
static enum om_result leave(struct om_guest *guest)
{
	if (guest->stage <= OM_STAGE_LEAVING) {
		if (!vm_destroyed(guest))
			return OM_ERR_NOT_RELEASED;
		init_registry(guest);
		next_stage(guest, OM_STAGE_EMPTY_REGISTRY);
	}
	if (guest->stage == OM_STAGE_EMPTY_REGISTRY) {
		if (!empty_registry(guest))
			return OM_AGAIN;
		next_stage(guest, OM_STAGE_EMPTY_CALLS);
	}
	if (guest->stage == OM_STAGE_EMPTY_CALLS) {
		if (!empty_calls(guest))
			return OM_AGAIN;
		next_stage(guest, OM_STAGE_EMPTY);
	}
	return OM_OK;
}

enum om_result om_guest_reset(struct om_guest *guest)
{
	enum om_result result = leave(guest);

	if (result != OM_OK)
		return result;
	if (!vm_created(guest))
		return OM_ERR_REFUSED;
	next_stage(guest, OM_STAGE_ALIVE);
	trace_life(guest, OM_GUEST_RESET);
	return OM_OK;
}

enum om_result om_guest_destroy(struct om_guest *guest)
{
	uint32_t n = shadow_count(&guest->vm.limits);
	enum om_result result = leave(guest);

	if (result != OM_OK)
		return result;
	guest->stage = OM_STAGE_FREE_PAGES;
	while (guest->cursor < n) {
		guest->vm.ops->page_free(guest->vm.mediator->host,
				      &guest->shm.shadows[guest->cursor++].page);
		if (guest->cursor < n && om_should_yield(&guest->vm))
			return OM_AGAIN;
	}
	trace_life(guest, OM_GUEST_DESTROYED);
	give_id(guest->vm.mediator, guest->vm.id);
	return OM_OK;
}

bool om_guest_holds(const struct om_guest *guest)
{
	uint32_t i;

	if (om_load_relaxed(&guest->shm.buffers_used) ||
	    om_load_relaxed(&guest->shm.rpc_args_used) != om_shm_parked(&guest->shm) ||
	    om_load_relaxed(&guest->sessions.used))
		return true;
	for (i = 0; i < guest->vm.limits.threads; i++)
		if (om_call_state(&guest->calls[i]) != OM_CALL_FREE)
			return true;
	return false;
}

void om_guest_interrupt(struct om_guest *guest)
{
	if (om_load_relaxed(&guest->notify_enabled))
		guest->vm.ops->notify(guest->vm.ctx);
}

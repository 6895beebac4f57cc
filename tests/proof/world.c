/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest of a proof. See world.h. */
#include "world.h"

#include <stdlib.h>

struct om_mediator world_mediator;
struct om_guest world_guest;
struct om_call world_call;
struct om_buffer world_buffers[WORLD_BUFFERS];
om_pa_t *world_pins;
struct om_shadow world_shadows[WORLD_SHADOWS];
struct om_session world_sessions[WORLD_SESSIONS];
uint32_t world_buckets[WORLD_BUCKETS];

struct om_limits nondet_limits(void);
struct om_call nondet_call(void);
struct om_buffer nondet_buffer(void);
struct om_session nondet_session(void);

bool is_usable(uint64_t pa)
{
	return om_pa_is_usable(&world_mediator, (om_pa_t){ pa });
}

bool is_shadow_page(uint64_t pa)
{
	uint32_t i;

	for (i = 0; i < WORLD_SHADOWS; i++)
		if (world_shadows[i].page.pa.raw == pa)
			return true;
	return false;
}

static void init_limits(struct om_limits *limits)
{
	*limits = nondet_limits();
	/* are_valid() in lifetime.c; place() turns the last three into what 0 stands for. */
	ASSUME(limits->threads >= 1 && limits->threads <= OM_LIMIT_THREADS);
	ASSUME(limits->buffers >= 1 && limits->buffers <= OM_LIMIT_BUFFERS);
	ASSUME(limits->rpc_args >= 1 && limits->rpc_args <= OM_LIMIT_RPC_ARGS);
	ASSUME(limits->pages >= 1 && limits->pages <= OM_LIMIT_PAGES);
	ASSUME(limits->list_pages >= 1 && limits->list_pages <= OM_LIMIT_LIST_PAGES);
	ASSUME(limits->call_pages >= 1 && limits->call_pages <= OM_LIMIT_PAGES);
	ASSUME(limits->mapped_pages >= 1 && limits->mapped_pages <= OM_LIMIT_PAGES);
	ASSUME(limits->sessions >= 1 && limits->sessions <= OM_LIMIT_SESSIONS);
}

static void init_shadows(void)
{
	uint32_t i, k;

	for (i = 0; i < WORLD_SHADOWS; i++) {
		uint64_t pa = any_u64();

		/* alloc_pages() refuses what is not usable; a page is aligned. */
		ASSUME(pa % OPTEE_MSG_PAGE_SIZE == 0 && is_usable(pa));
		for (k = 0; k < i; k++)
			ASSUME(pa != world_shadows[k].page.pa.raw);
		world_shadows[i].page.pa.raw = pa;
		world_shadows[i].next = any_u32();
	}
	/* host.h: no guest can reach a shadow page, so none of its pages is one. */
	ASSUME(!is_shadow_page(ghost.page));
}

uint64_t *world_new_list(void)
{
	return malloc(WORLD_ENTRIES * sizeof(uint64_t));
}

static void init_registry(struct om_shm *shm)
{
	uint32_t i;

	for (i = 0; i < WORLD_BUFFERS; i++)
		world_buffers[i] = nondet_buffer();
	world_pins = malloc(WORLD_PINS * WORLD_PIN_WORDS * sizeof(*world_pins));
	for (i = 0; i < WORLD_BUCKETS; i++)
		world_buckets[i] = any_u32();
	*shm = (struct om_shm){
		.vm = world_guest.vm, .buffers = world_buffers, .pins = world_record(0), .shadows = world_shadows,
		.buckets = world_buckets, .bucket_mask = WORLD_BUCKETS - 1,
		.free_buffers = any_u32(), .free_pins = any_u32(),
		.rpc_shadow = any_u32(), .free_args = any_u32(), .free_lists = any_u32(),
		.lists_left = any_u32(), .buffers_used = any_u32(),
		.rpc_args_used = any_u32(), .pages_used = any_u32(), .pages_peak = any_u32(),
	};
}

void world_init(void)
{
	uint32_t i;

	host_init();
	world_mediator.ops = &host_ops;
	world_mediator.sec_caps = any_u32();
	world_mediator.threads = any_u32();
	world_mediator.reserved_known = any_u32();
	world_mediator.reserved_base = any_u64();
	world_mediator.reserved_size = any_u64();

	world_guest.vm.mediator = &world_mediator;
	world_guest.vm.ops = &host_ops;
	world_guest.vm.id = any_u32();
	ASSUME(world_guest.vm.id >= OM_GUEST_ID_MIN && world_guest.vm.id <= OM_GUEST_ID_MAX);
	world_guest.vm.traced = any_bool();
	world_guest.notify_enabled = any_u32();
	init_limits(&world_guest.vm.limits);
	world_guest.calls = &world_call;
	init_shadows();
	init_registry(&world_guest.shm);
	world_guest.mapping.call_pages = world_guest.vm.limits.call_pages;
	world_guest.mapping.own = any_u32();
	world_guest.mapping.left = any_u32();
	for (i = 0; i < WORLD_SESSIONS; i++) {
		world_sessions[i] = nondet_session();
		world_sessions[i].loaded = any_bool();
	}
	world_guest.sessions.vm = &world_guest.vm;
	world_guest.sessions.table = world_sessions;
	world_guest.sessions.count = world_guest.vm.limits.sessions;
	world_guest.sessions.used = any_u32();

	world_call = nondet_call();
	world_call.guest = &world_guest;
	world_call.shadow = &world_shadows[0];
}

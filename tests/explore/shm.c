/* SPDX-License-Identifier: BSD-2-Clause */
/* Races of the registry: one cookie for two, chains, pages in use, and RPC arguments. */
#include "world.h"

#include "guest.h"
#include "page_list.h"

/* --- The registry ------------------------------------------------------------------------------- */

static void buffers_begin(void)
{
	begin();
	fx_buffer(&world.buf[0], world.g, CG_PAGE, 0);
	fx_buffer(&world.buf[1], world.g, CG_PAGE, 0);
	/* Two buffers, one name. */
	world.buf[1].cookie = world.buf[0].cookie;
}

static void registered_begin(void)
{
	buffers_begin();
	if (cg_register(world.g->cg, &world.buf[0]) != TEEC_SUCCESS)
		test_fail("register");
}

static uint64_t on_buffer(uint32_t cmd, uint32_t which, uint32_t i)
{
	struct cg_call *c = &world.call[schedule_vcpu()][i];

	if (cmd == OPTEE_MSG_CMD_INVOKE_COMMAND) {
		fx_nop(c, world.g, world.session);
		cg_set_rmem(c, 1, RMEM_IN, world.buf[which].cookie, 0, 8);
	} else {
		fx_call(c, world.g, cmd, 1);
		if (cmd == OPTEE_MSG_CMD_REGISTER_SHM)
			cg_set_tmem(c, 0, ATTR_LIST, &world.buf[which]);
		else
			cg_set_rmem(c, 0, RMEM_IN, world.buf[which].cookie, 0, 0);
	}
	do_call(c, &world.result[schedule_vcpu()][i]);
	return world.result[schedule_vcpu()][i];
}

static void register_it(void)
{
	on_buffer(OPTEE_MSG_CMD_REGISTER_SHM, schedule_vcpu(), 0);
}

static void unregister_it(void)
{
	on_buffer(OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 0);
}

static void use_it(void)
{
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 0, 0);
}

static void use_it_twice(void)
{
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 0, 0);
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 0, 1);
}

static void register_and_unregister(void)
{
	if (on_buffer(OPTEE_MSG_CMD_REGISTER_SHM, schedule_vcpu(), 0) == TEEC_SUCCESS)
		on_buffer(OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 1);
}

static void unregister_and_register(void)
{
	on_buffer(OPTEE_MSG_CMD_UNREGISTER_SHM, 0, 0);
	on_buffer(OPTEE_MSG_CMD_REGISTER_SHM, 1, 1);
}

/* What is found under the one name becomes a buffer of another. */
static void two_names_begin(void)
{
	registered_begin();
	world.buf[1].cookie = world.buf[0].cookie + 1;
}

static void end_two_names(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	must(world.result[0][1] == TEEC_SUCCESS, "register another");
	for (uint32_t i = 0; i < CALLS; i++)
		must(is_one_of(world.result[1][i], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	must(cg_unregister(world.g->cg, world.buf[1].cookie) == TEEC_SUCCESS, "the other");
	end();
}

static uint32_t bucket_of(uint64_t cookie)
{
	const struct om_share share = { .kind = OM_SHARE_PAYLOAD, .cookie = { cookie }, .pages = 1 };
	struct om_guest *om = world.g->om;
	struct om_release release = { OM_NONE };
	uint32_t bucket = 0;
	uint32_t i;

	if (om_shm_reserve(&om->shm, &share, &i, NULL) != OM_ACCEPTED)
		test_fail("reserve");
	while (om->shm.buckets[bucket] != i)
		bucket++;
	om_shm_forget(&om->shm, i);
	om_shm_put(&om->shm, i, &release);
	while (om_shm_release_step(&om->shm, &release))
		;
	return bucket;
}

static void register_as(uint32_t which, uint64_t cookie)
{
	world.buf[which].cookie = cookie;
	if (cg_register(world.g->cg, &world.buf[which]) != TEEC_SUCCESS)
		test_fail("register");
}

static void unregister(uint64_t cookie)
{
	if (cg_unregister(world.g->cg, cookie) != TEEC_SUCCESS)
		test_fail("unregister");
}

/*
 * Both buffers are in one chain, the first one ahead. And the one that is the next to
 * be taken from the free list was, in an earlier life, the second: it still says so.
 */
static void earlier_lives_begin(void)
{
	const uint64_t second = 100;
	uint64_t first = second + 1;

	begin();
	fx_buffer(&world.buf[0], world.g, CG_PAGE, 0);
	fx_buffer(&world.buf[1], world.g, CG_PAGE, 0);
	while (bucket_of(first) != bucket_of(second))
		first++;
	register_as(1, second);
	register_as(0, 1);
	register_as(0, 2);
	unregister(second);
	unregister(2);
	unregister(1);
	register_as(1, second);
	register_as(0, first);
}

static void use_the_second(void)
{
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 1, 0);
	on_buffer(OPTEE_MSG_CMD_INVOKE_COMMAND, 1, 1);
}

static void end_earlier_lives(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	for (uint32_t i = 0; i < CALLS; i++)
		must(world.result[1][i] == TEEC_SUCCESS, "use of a buffer that is registered");
	unregister(world.buf[1].cookie);
	end();
}

/* After the race: what is registered now can be unregistered, once. */
static void end_with(uint32_t registered)
{
	uint64_t want = registered ? TEEC_SUCCESS : TEEC_ERROR_BAD_PARAMETERS;

	must(cg_unregister(world.g->cg, world.buf[0].cookie) == want, "what is registered");
	end();
}

static void end_register_unregister(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "register");
	must(is_one_of(world.result[1][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "unregister");
	end_with(world.result[1][0] != TEEC_SUCCESS);
}

static void end_one_register(void)
{
	must((world.result[0][0] == TEEC_SUCCESS) + (world.result[1][0] == TEEC_SUCCESS) == 1 &&
	     world.result[0][0] + world.result[1][0] == TEEC_ERROR_BAD_PARAMETERS,
	     "two registrations of one cookie");
	end_with(1);
}

static void end_one_unregister(void)
{
	must((world.result[0][0] == TEEC_SUCCESS) + (world.result[1][0] == TEEC_SUCCESS) == 1 &&
	     world.result[0][0] + world.result[1][0] == TEEC_ERROR_BAD_PARAMETERS,
	     "two releases of one buffer");
	end_with(0);
}

static void end_unregister_use(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	must(is_one_of(world.result[1][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	end_with(0);
}

static void end_reregister_use(void)
{
	must(world.result[0][0] == TEEC_SUCCESS, "unregister");
	/* The pages still in use are charged still, but the cookie is free. */
	must(world.result[0][1] == TEEC_SUCCESS, "register again");
	for (uint32_t i = 0; i < CALLS; i++)
		must(is_one_of(world.result[1][i], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	end_with(1);
}

static void end_both_register_unregister(void)
{
	for (uint32_t v = 0; v < 2; v++) {
		must(is_one_of(world.result[v][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS),
		     "register");
		/* What it registered nobody else has unregistered. */
		must(world.result[v][0] != TEEC_SUCCESS || world.result[v][1] == TEEC_SUCCESS,
		     "unregister");
	}
	must(world.result[0][0] == TEEC_SUCCESS || world.result[1][0] == TEEC_SUCCESS, "nobody");
	end_with(0);
}

/* --- RPC arguments ------------------------------------------------------------------------------- */

static void ask_time(void)
{
	struct cg_call *c = &world.call[schedule_vcpu()][0];

	if (!cg_invoke_init(c, world.g->cg, world.session, MODEL_TA_PAYLOAD))
		test_fail("memory");
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, CG_PAGE, 0, 0);
	do_call(c, &world.result[schedule_vcpu()][0]);
}

static void empty_cache(void)
{
	uint32_t out[4];

	while (cg_fast(world.g->cg, OPTEE_SMC_DISABLE_SHM_CACHE, 0, out) == OPTEE_SMC_RETURN_OK)
		if (!cg_rpc_arg_drop(world.g->cg, (uint64_t)out[1] << 32 | out[2]))
			test_fail("a cookie that is not the guest's");
}

static void empty_cache_and_end(void)
{
	empty_cache();
	end();
}

static void end_rpc(void)
{
	must(world.result[0][0] == TEEC_SUCCESS && world.result[1][0] == TEEC_SUCCESS, "payloads");
	empty_cache_and_end();
}

/*
 * What was the buffer is now the RPC argument, and OP-TEE asks with it more than once.
 * Between two requests the other vCPU, which stood where it had found the buffer, goes on.
 */
static void unregister_and_ask(void)
{
	struct cg_call *c = &world.call[0][1];

	unregister_it();
	if (!cg_invoke_init(c, world.g->cg, world.session, MODEL_TA_PAYLOAD))
		test_fail("memory");
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, CG_PAGE, 0, 0);
	if (!cg_until_cmd(c, OPTEE_RPC_CMD_GET_TIME))
		test_fail("no request");
	schedule_give_way();
	cg_finish(c);
	world.result[0][1] = cg_result(c);
	cg_call_fini(c);
}

static void asking_begin(void)
{
	registered_begin();
	world.refused = fx_counter(world.g, OM_COUNT_REFUSED_REQUEST);
}

static void end_asking(void)
{
	must(world.result[0][0] == TEEC_SUCCESS && world.result[0][1] == TEEC_SUCCESS &&
	     fx_counter(world.g, OM_COUNT_REFUSED_REQUEST) == world.refused, "a request");
	must(is_one_of(world.result[1][0], TEEC_SUCCESS, TEEC_ERROR_BAD_PARAMETERS), "use");
	empty_cache_and_end();
}

/*
 * An argument that was freed is taken again without the lock, so what comes in between is
 * tried on the registry itself. Entry 0 has the argument; the guest may have one more.
 */
#define FREED 0x77u
#define OTHER 0x78u

static struct om_shm *registry(void)
{
	return &world.g->om->shm;
}

static bool allocate(enum om_trace_share kind, uint64_t cookie, uint32_t *index)
{
	const struct om_share share = { .kind = kind, .cookie = { cookie }, .pages = 1,
					.size = CG_PAGE };

	return om_share_page(registry(), &share, cg_page_ipa(world.g->cg, 0), index) ==
	       OM_ACCEPTED;
}

static void allocate_live(uint64_t cookie)
{
	uint32_t i;

	if (!allocate(OM_SHARE_RPC_ARG, cookie, &i))
		test_fail("allocate");
	om_shm_publish_put(registry(), i);
}

static bool free_arg(uint64_t cookie)
{
	struct om_release release = { OM_NONE };
	bool found = om_shm_free_arg(registry(), (om_cookie_t){ cookie }, 0, &release);

	while (om_shm_release_step(registry(), &release))
		;
	return found;
}

/* Gives back what was reserved. */
static void give_up(uint32_t index)
{
	struct om_release release = { OM_NONE };

	om_shm_forget(registry(), index);
	om_shm_put(registry(), index, &release);
	while (om_shm_release_step(registry(), &release))
		;
}

static void live_begin(void)
{
	begin();
	empty_cache();
	allocate_live(FREED);
}

static void freed_begin(void)
{
	live_begin();
	if (!free_arg(FREED))
		test_fail("free");
}

/* As freed_begin(), and the guest has no more arguments. */
static void full_begin(void)
{
	freed_begin();
	allocate_live(OTHER);
}

static void take_as(enum om_trace_share kind, uint64_t cookie)
{
	uint32_t i = OM_NONE;
	bool taken = allocate(kind, cookie, &i);

	world.result[schedule_vcpu()][0] = taken;
	world.result[schedule_vcpu()][1] = i;
}

static void take_again(void)
{
	take_as(OM_SHARE_RPC_ARG, FREED);
}

static void take_to_register(void)
{
	take_as(OM_SHARE_REGISTERED, FREED);
}

static void take_the_entry(void)
{
	take_as(OM_SHARE_RPC_ARG, OTHER + 1);
}

static void take_and_free(void)
{
	uint32_t i;

	world.result[0][0] = allocate(OM_SHARE_RPC_ARG, FREED, &i);
	if (!world.result[0][0])
		return;
	om_shm_publish_put(registry(), i);
	must(free_arg(FREED), "free what was taken");
}

static void free_it(void)
{
	world.result[schedule_vcpu()][0] = free_arg(FREED);
}

static void use_arg(void)
{
	struct om_release release = { OM_NONE };
	uint32_t i = om_shm_get_arg(registry(), (om_cookie_t){ FREED }, 0);

	world.result[1][0] = i != OM_NONE;
	if (i == OM_NONE)
		return;
	must(om_shm_first_page(registry(), i).raw != 0 && registry()->pins[i].count <= 1, "use");
	om_shm_put(registry(), i, &release);
	while (om_shm_release_step(registry(), &release))
		;
}

static void end_registry(void)
{
	struct om_shm *shm = registry();

	for (uint32_t v = 0; v < 2; v++)
		if (world.result[v][0] == 1 && world.result[v][1] < OM_NONE)
			give_up((uint32_t)world.result[v][1]);
	(void)free_arg(OTHER);
	must(shm->rpc_args_used == om_shm_parked(shm) && shm->pages_used == om_shm_parked(shm) &&
	     shm->buffers_used == 0, "what is charged");
	end();
}

static void end_one_has_it(void)
{
	must(world.result[0][0] + world.result[1][0] == 1, "one cookie for two");
	end_registry();
}

/* Whoever comes first; a second one finds no entry, or the first one has given it back. */
static void end_one_entry(void)
{
	must(world.result[0][0] || world.result[1][0], "an entry that is free");
	end_registry();
}

static void end_freed(void)
{
	must(world.result[0][0] == 1, "free");
	end_registry();
}

const struct race_case races_of_shm[] = {
	{ { "freed argument: allocate, allocate", 2, freed_begin, { take_again, take_again },
	    end_one_has_it }, 2, 1 },
	{ { "freed argument: allocate, register", 2, freed_begin, { take_again, take_to_register },
	    end_one_has_it }, 2, 1 },
	{ { "freed argument: allocate, take its entry", 2, full_begin,
	    { take_and_free, take_the_entry }, end_one_entry }, 2, 1 },
	{ { "argument: free, free", 2, live_begin, { free_it, free_it }, end_one_has_it }, 2, 1 },
	{ { "argument: free, use", 2, live_begin, { free_it, use_arg }, end_freed }, 2, 1 },
	{ { "register, unregister", 2, buffers_begin, { register_it, unregister_it },
	    end_register_unregister }, 2, 1 },
	{ { "register, register", 2, buffers_begin, { register_it, register_it },
	    end_one_register }, 2, 1 },
	{ { "unregister, unregister", 2, registered_begin, { unregister_it, unregister_it },
	    end_one_unregister }, 2, 1 },
	{ { "2 x (register, unregister)", 2, buffers_begin,
	    { register_and_unregister, register_and_unregister },
	    end_both_register_unregister }, 2, 1 },
	{ { "unregister, use", 2, registered_begin, { unregister_it, use_it },
	    end_unregister_use }, 2, 1 },
	{ { "unregister + register again, use twice", 2, registered_begin,
	    { unregister_and_register, use_it_twice }, end_reregister_use }, 2, 1 },
	{ { "unregister + register another, use twice", 2, two_names_begin,
	    { unregister_and_register, use_it_twice }, end_two_names }, 2, 1 },
	{ { "fault_b1: unregister one, use another", 2, earlier_lives_begin,
	    { unregister_it, use_the_second }, end_earlier_lives }, 2, 1 },
	{ { "fault_b10: unregister + ask, use", 2, asking_begin,
	    { unregister_and_ask, use_it }, end_asking }, 2, 1 },
	{ { "payload, payload", 2, begin, { ask_time, ask_time }, end_rpc }, 2, 1 },
	{ { .name = NULL }, 0, 0 },
};

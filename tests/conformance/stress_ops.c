/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the concurrency worker does: good use with the results it must have, and
 * bad use with the answers it must get, whatever the other vCPUs are doing.
 *
 * Must not know of the mailbox, nor use checks of a scenario.
 */
#include "stress.h"

/* ---- good use ---- */

static void add(struct worker *w)
{
	uint32_t a = cg_stress_pick(w, 1000);
	uint32_t b = cg_stress_pick(w, 1000);
	struct cg_call c;

	if (!cg_invoke_init(&c, w->g, w->s->invoke, CG_INVOKE_PARAMS))
		return;
	if (cg_stress_pick(w, 2))
		c.fid = OPTEE_SMC_CALL_WITH_RPC_ARG;
	cg_set_value(&c, 2, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, a, b, 0);
	EXPECT(w, cg_stress_run(w, &c) == TEEC_SUCCESS);
	EXPECT(w, cg_param(&c, 2)->u.value.a == a + b);
	cg_call_fini(&c);
}

static void session(struct worker *w)
{
	struct cg_call c;

	if (!cg_call_init(&c, w->g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return;
	cg_set_open(&c, cg_uuid_invoke);
	EXPECT(w, cg_stress_run(w, &c) == TEEC_SUCCESS);
	cg_hdr(&c)->cmd = OPTEE_MSG_CMD_CLOSE_SESSION;
	cg_hdr(&c)->num_params = 0;
	EXPECT(w, cg_stress_run(w, &c) == TEEC_SUCCESS);
	cg_call_fini(&c);
}

static uint64_t do_register(struct worker *w, const struct cg_buf *b)
{
	uint64_t result = CG_SMC_ERROR;
	struct cg_call c;

	if (!cg_call_init(&c, w->g, OPTEE_MSG_CMD_REGISTER_SHM, 1))
		return result;
	cg_set_tmem(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, b);
	result = cg_stress_run(w, &c);
	cg_call_fini(&c);
	return result;
}

static uint64_t do_unregister(struct worker *w, uint64_t cookie)
{
	uint64_t result = CG_SMC_ERROR;
	struct cg_call c;

	if (!cg_call_init(&c, w->g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1))
		return result;
	cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, cookie, 0, 0);
	result = cg_stress_run(w, &c);
	cg_call_fini(&c);
	return result;
}

/* Registered or in place: the secure world sums up a buffer of this vCPU's own. */
static void own_buffer(struct worker *w)
{
	uint64_t tmem = OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG;
	bool registered = cg_stress_pick(w, 2);
	struct cg_call c;
	struct cg_buf b;
	uint8_t want;

	if (!cg_buf_make(w->g, &b, 1 + cg_stress_pick(w, 40000), cg_stress_pick(w, 4096)))
		return;
	want = cg_buf_pattern(w->g, &b, w->seed);
	if (registered)
		EXPECT(w, do_register(w, &b) == TEEC_SUCCESS);
	if (cg_invoke_init(&c, w->g, w->s->invoke, CG_INVOKE_PARAMS)) {
		if (registered)
			cg_set_rmem(&c, 1, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b.cookie, 0, b.size);
		else
			cg_set_tmem(&c, 1, tmem, &b);
		EXPECT(w, cg_stress_run(w, &c) == TEEC_SUCCESS);
		EXPECT(w, *cg_buf_at(w->g, &b, 0) == want);
		cg_call_fini(&c);
	}
	if (registered)
		EXPECT(w, do_unregister(w, b.cookie) == TEEC_SUCCESS);
	cg_buf_free(w->g, &b);
}

/* Somebody may have registered it, be using it or let it go in between. */
static void shared_buffer(struct worker *w)
{
	const struct cg_buf *b = &w->s->shared[cg_stress_pick(w, SHARED)];
	struct cg_call c;
	uint64_t result;

	switch (cg_stress_pick(w, 3)) {
	case 0:
		result = do_register(w, b);
		break;
	case 1:
		result = do_unregister(w, b->cookie);
		break;
	default:
		if (!cg_invoke_init(&c, w->g, w->s->invoke, CG_INVOKE_PARAMS))
			return;
		cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b->cookie, 0, b->size);
		result = cg_stress_run(w, &c);
		cg_call_fini(&c);
		break;
	}
	EXPECT(w, result == TEEC_SUCCESS || result == TEEC_ERROR_BAD_PARAMETERS ||
	       result == TEEC_ERROR_BUSY);
}

/* ---- bad use ---- */

static void bad_resume(struct worker *w)
{
	uint64_t x[8] = { OPTEE_SMC_RETURN_FROM_RPC, 0, 0, cg_stress_pick(w, 2) ? 0 : 0xffffffff,
			  0, 0, 0, 0 };

	cg_smc(w->g, w->vcpu, x);
	EXPECT(w, x[0] == OPTEE_SMC_RETURN_ERESUME);
}

static void bad_fast(struct worker *w)
{
	static const uint32_t fids[] = { OPTEE_SMC_VM_DESTROYED, OPTEE_SMC_VM_CREATED,
					 OPTEE_SMC_BOOT_SECONDARY, OPTEE_SMC_L2CC_MUTEX,
					 0xb2000055, 0x32000099, 0xbf00ff77 };
	uint64_t x[8] = { fids[cg_stress_pick(w, 7)], 1, 2, 3, 4, 5, 6, 7 };

	cg_smc(w->g, w->vcpu, x);
	EXPECT(w, x[0] == OPTEE_SMC_RETURN_UNKNOWN_FUNCTION);
}

/*
 * An argument that is taken away counts until its call has returned. Where the limit has
 * no room for those as well, another call could be refused its own by it.
 */
static bool taken_arguments_have_room(const struct cg_platform *p)
{
	uint32_t threads = p->limits.threads;

	if (p->secure_threads && p->secure_threads < threads)
		threads = p->secure_threads;
	return p->limits.rpc_args >= threads + p->vcpus;
}

static void cache(struct worker *w)
{
	uint64_t x[8] = { cg_stress_pick(w, 3) ? OPTEE_SMC_DISABLE_SHM_CACHE : OPTEE_SMC_ENABLE_SHM_CACHE,
			  0, 0, 0, 0, 0, 0, 0 };
	bool disable = x[0] == OPTEE_SMC_DISABLE_SHM_CACHE;

	if (!taken_arguments_have_room(w->g->platform))
		return;
	cg_smc(w->g, w->vcpu, x);
	EXPECT(w, x[0] == OPTEE_SMC_RETURN_OK || x[0] == OPTEE_SMC_RETURN_EBUSY ||
	       (disable && x[0] == OPTEE_SMC_RETURN_ENOTAVAIL));
	if (disable && x[0] == OPTEE_SMC_RETURN_OK)
		EXPECT(w, cg_rpc_arg_drop(w->g, x[1] << 32 | x[2]));
}

/* A message of random words, with no session and no cookie of anybody's in it. */
static void bad_message(struct worker *w)
{
	static const uint32_t attrs[] = { 0, 1, 2, 3, 4, 5, 6, 7, 9, 0xa, 0xb, 0x209, 0x20a,
					  0x20b, 0x101, 0x401, 0x30a, 0xff };
	struct cg_call c;
	struct cg_buf b;

	if (!cg_call_init(&c, w->g, cg_stress_pick(w, 13), cg_stress_pick(w, 6)))
		return;
	if (!cg_buf_make(w->g, &b, 1 + cg_stress_pick(w, 9000), 0)) {
		cg_call_fini(&c);
		return;
	}
	if (cg_stress_pick(w, 8) == 0)
		cg_hdr(&c)->num_params = (uint32_t)cg_random(&w->seed);
	/* 6 and 7 would turn notifications off for everybody. */
	if (cg_hdr(&c)->cmd == OPTEE_MSG_CMD_DO_BOTTOM_HALF ||
	    cg_hdr(&c)->cmd == OPTEE_MSG_CMD_STOP_ASYNC_NOTIF)
		cg_hdr(&c)->cmd = 0xffff;
	cg_hdr(&c)->session = 0xf0000000 | cg_stress_pick(w, 0xffff);
	cg_hdr(&c)->func = cg_stress_pick(w, 16);
	/* A list that breaks off somewhere, or does not. */
	if (cg_stress_pick(w, 2))
		*cg_buf_entry(w->g, &b, b.pages - 1) |= cg_stress_pick(w, 2) ? 0x10 : 0;
	for (uint32_t i = 0; i < 6; i++)
		cg_set_value(&c, i, attrs[cg_stress_pick(w, sizeof(attrs) / sizeof(attrs[0]))],
			     cg_stress_pick(w, 2) ? cg_buf_ptr(w->g, &b) : cg_random(&w->seed),
			     cg_stress_pick(w, 2) ? b.size : cg_random(&w->seed),
			     0xdead000000000000ull | w->vcpu << 8 | cg_stress_pick(w, 0xff));
	cg_stress_start(w, &c);
	cg_stress_finish(w, &c);
	EXPECT(w, c.a[0] == OPTEE_SMC_RETURN_OK || c.a[0] == OPTEE_SMC_RETURN_EBADCMD);
	if (c.a[0] == OPTEE_SMC_RETURN_OK && cg_hdr(&c)->cmd == OPTEE_MSG_CMD_REGISTER_SHM &&
	    cg_hdr(&c)->ret == TEEC_SUCCESS)
		EXPECT(w, do_unregister(w, cg_param(&c, 0)->u.tmem.shm_ref) == TEEC_SUCCESS);
	*cg_buf_entry(w->g, &b, b.pages - 1) &= ~0x10ull;
	cg_buf_free(w->g, &b);
	cg_call_fini(&c);
}

/* Everybody's message page, rewritten by everybody while it is in use. */
static void shared_message(struct worker *w)
{
	uint32_t *word = cg_page_va(w->g, w->s->page);
	struct cg_call c;

	cg_fill(&c, 0, sizeof(c));
	c.g = w->g;
	c.fid = OPTEE_SMC_CALL_WITH_ARG;
	c.page = CG_NO_PAGE;
	c.where = cg_page_ipa(w->g, w->s->page);
	__atomic_store_n(&word[0], OPTEE_MSG_CMD_CLOSE_SESSION + cg_stress_pick(w, 2), __ATOMIC_RELAXED);
	__atomic_store_n(&word[7], cg_stress_pick(w, 2), __ATOMIC_RELAXED);
	cg_stress_start(w, &c);
	/* No look at it: it may be in anybody's hands. */
	cg_stress_finish(w, &c);
	EXPECT(w, c.a[0] == OPTEE_SMC_RETURN_OK);
}

static void bad_address(struct worker *w)
{
	const struct cg_platform *p = w->g->platform;
	const uint64_t where[] = { 0, 1, p->ram_ipa + 8, p->hole_ipa, p->mmio_ipa,
				   p->reserved_ipa, ~(uint64_t)(CG_PAGE - 1) };
	uint64_t ipa = where[cg_stress_pick(w, 7)];
	uint32_t tries = 0;
	uint64_t x[8];

	do {
		x[0] = OPTEE_SMC_CALL_WITH_ARG;
		x[1] = ipa >> 32;
		x[2] = (uint32_t)ipa;
		cg_fill(&x[3], 0, 5 * sizeof(x[0]));
		cg_smc(w->g, w->vcpu, x);
		if (x[0] != OPTEE_SMC_RETURN_ETHREAD_LIMIT)
			break;
		cg_stress_help(w);
	} while (!cg_stress_is_stuck(w, &tries));
	EXPECT(w, x[0] == OPTEE_SMC_RETURN_EBADADDR);
}

/* ---- one step ---- */

void cg_stress_good(struct worker *w)
{
	static void (*const what[])(struct worker *w) = {
		add, add, session, own_buffer, own_buffer, shared_buffer, shared_buffer,
	};

	what[cg_stress_pick(w, sizeof(what) / sizeof(what[0]))](w);
}

void cg_stress_bad(struct worker *w)
{
	static void (*const what[])(struct worker *w) = {
		bad_resume, bad_fast, cache, bad_message, bad_message, bad_message,
		shared_message, shared_message, bad_address,
	};

	what[cg_stress_pick(w, sizeof(what) / sizeof(what[0]))](w);
}

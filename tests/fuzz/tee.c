/* SPDX-License-Identifier: BSD-2-Clause */
/* A secure world that says what the input says. See tee.h. */
#include "tee.h"

#include <string.h>

#define ALL_CAPS (OPTEE_SMC_SEC_CAP_RESERVED_SHM | OPTEE_SMC_SEC_CAP_UNREGISTERED_SHM | \
		  OPTEE_SMC_SEC_CAP_DYNAMIC_SHM | OPTEE_SMC_SEC_CAP_VIRTUALIZATION | \
		  OPTEE_SMC_SEC_CAP_MEMREF_NULL | OPTEE_SMC_SEC_CAP_ASYNC_NOTIF | \
		  OPTEE_SMC_SEC_CAP_RPC_ARG | OPTEE_SMC_SEC_CAP_RPMB_PROBE)

static void set(struct om_regs *r, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	r->a[0] = a0;
	r->a[1] = a1;
	r->a[2] = a2;
	r->a[3] = a3;
}

/* Bits above 31 mean nothing, and early errors leave anything behind them. */
static void dirty(struct tee *t, struct om_regs *r)
{
	uint8_t junk = t->mood == TEE_RAVES ? in_u8(t->world->in) : 0;

	/* OP-TEE alone knows what its threads are called; this one changes its mind. */
	if (r->a[0] >> 16 == 0xffffu)
		r->a[3] |= (uint64_t)junk << 8;
	for (uint32_t i = 0; i < 4 && junk; i++)
		r->a[i] |= (uint64_t)junk << 36;
}

static void raw(struct tee *t, struct om_regs *r)
{
	struct input *in = t->world->in;

	/* High words of no address of the host's. */
	set(r, in_u32(in), in_pick(in, 16), in_u32(in), in_u32(in));
}

/* --- The hypervisor's own calls, and fast ones ---------------------------------------------- */

static void honest_fast(struct tee *t, struct om_regs *r)
{
	switch (r->a[0]) {
	case OPTEE_SMC_CALLS_UID:
		set(r, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3);
		break;
	case OPTEE_SMC_CALLS_REVISION:
		set(r, OPTEE_MSG_REVISION_MAJOR, 0, 0, 0);
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		set(r, OPTEE_SMC_RETURN_OK, t->world->threads, 0, 0);
		break;
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		set(r, OPTEE_SMC_RETURN_OK, t->world->sec_caps, 64, OPTEE_MSG_RPC_PARAMS);
		break;
	case OPTEE_SMC_GET_SHM_CONFIG:
		set(r, OPTEE_SMC_RETURN_OK, TEST_RESERVED_PA, TEST_RESERVED_SIZE, 1);
		break;
	case OPTEE_SMC_VM_CREATED:
		set(r, t->refuses_vm ? OPTEE_SMC_RETURN_ENOTAVAIL : OPTEE_SMC_RETURN_OK, 0, 0, 0);
		t->refuses_vm = false;
		break;
	default:
		set(r, OPTEE_SMC_RETURN_OK, 0, 0, 0);
		break;
	}
}

/* A cookie that the guest has shared as this, or any. */
static uint64_t a_cookie(struct tee *t, struct world_guest *g, enum spec_kind kind)
{
	struct input *in = t->world->in;
	uint8_t which = in_u8(in);
	uint32_t n = 0;

	for (uint32_t i = 0; i < SPEC_BUFFERS && which < 224; i++)
		if (g->spec->buffer[i].live && g->spec->buffer[i].kind == kind)
			n++;
	for (uint32_t i = 0; i < SPEC_BUFFERS && n; i++)
		if (g->spec->buffer[i].live && g->spec->buffer[i].kind == kind && which-- % n == 0)
			return g->spec->buffer[i].cookie;
	return world_cookie(in);
}

static void guest_fast(struct tee *t, struct world_guest *g, struct om_regs *r)
{
	uint32_t fid = (uint32_t)r->a[0];
	uint64_t cookie;

	if (t->mood == TEE_RAVES && in_rarely(t->world->in, 3)) {
		raw(t, r);
	} else if (fid == OPTEE_SMC_DISABLE_SHM_CACHE) {
		cookie = a_cookie(t, g, SPEC_RPC_ARG);
		set(r, in_rarely(t->world->in, 4) ? OPTEE_SMC_RETURN_EBUSY :
		    cookie ? OPTEE_SMC_RETURN_OK : OPTEE_SMC_RETURN_ENOTAVAIL, cookie >> 32,
		    (uint32_t)cookie, 0);
	} else {
		honest_fast(t, r);
	}
}

/* --- Results ------------------------------------------------------------------------------------ */

static void *memory(struct world_guest *g, uint64_t pa, size_t len)
{
	return test_secure_access(g->world->host, g->test->id, pa, len, true);
}

static struct optee_msg_param *param_of(struct optee_msg_hdr *hdr, uint32_t i)
{
	return (struct optee_msg_param *)(void *)(hdr + 1) + i;
}

/* --- Sessions ---------------------------------------------------------------------- */

/* The lowest id that is free, so that what was closed just now is used again; 0: none. */
static uint32_t new_session(struct tee *t, struct world_guest *g, const uint8_t *ta)
{
	struct tee_session *session = t->session[g->test->id - 1];
	uint32_t id = 1;

	while (id < TEE_SESSIONS && session[id].open)
		id++;
	/* Raving, it gives some id twice. */
	if (t->mood == TEE_RAVES && in_rarely(t->world->in, 4))
		id = in_pick(t->world->in, 8);
	if (id == TEE_SESSIONS)
		return 0;
	session[id].open = true;
	memcpy(session[id].ta, ta, sizeof(session[id].ta));
	return id;
}

/* From here on it is settled whose command it is, and a session that ends has ended. */
static void look_up(struct tee *t, struct world_guest *g, struct tee_thread *th)
{
	const struct optee_msg_hdr *hdr = memory(g, th->message, TEST_PAGE);
	struct tee_session *session;

	if (th->looked_up || !hdr)
		return;
	th->looked_up = true;
	if (hdr->cmd != OPTEE_MSG_CMD_INVOKE_COMMAND && hdr->cmd != OPTEE_MSG_CMD_CANCEL &&
	    hdr->cmd != OPTEE_MSG_CMD_CLOSE_SESSION)
		return;
	session = &t->session[g->test->id - 1][hdr->session % TEE_SESSIONS];
	if (t->honest && (hdr->session >= TEE_SESSIONS || !session->open))
		test_fail("guest %u: a command for session %u, that is not open", g->test->id,
			  hdr->session);
	if (t->honest && t->carried_out)
		t->carried_out(g, hdr->cmd, session->ta);
	if (hdr->cmd == OPTEE_MSG_CMD_CLOSE_SESSION)
		session->open = false;
}

/* Fills what OP-TEE may write with something; raving, what it must not as well. */
static void results(struct tee *t, struct world_guest *g, const struct tee_thread *th,
		    struct om_regs *r)
{
	struct input *in = t->world->in;
	struct optee_msg_hdr *hdr = memory(g, th->message, TEST_PAGE);
	bool good = !in_rarely(in, 4);
	uint32_t junk;

	set(r, OPTEE_SMC_RETURN_OK, 0, 0, 0);
	if (!hdr)
		return;
	hdr->ret = good ? TEEC_SUCCESS : in_u32(in);
	hdr->ret_origin = in_pick(in, 6);
	junk = in_u16(in);
	if (hdr->cmd == OPTEE_MSG_CMD_OPEN_SESSION) {
		good = hdr->ret == TEEC_SUCCESS;
		hdr->session = good ? new_session(t, g, param_of(hdr, 0)->u.octets) : 0;
		if (good && !hdr->session && t->mood != TEE_RAVES)
			hdr->ret = TEEC_ERROR_OUT_OF_MEMORY;
	}
	for (uint32_t i = 0; i < th->params && junk; i++) {
		struct optee_msg_param *p = param_of(hdr, i);

		junk = junk * 1103515245u + 12345u;
		p->u.value.a = junk;
		p->u.value.b = (uint64_t)junk << 3;
		p->u.value.c = ~junk;
		if (t->mood == TEE_RAVES && junk & 0x100)
			p->attr = junk >> 16;
	}
	if (t->mood != TEE_RAVES || !in_rarely(in, 4))
		return;
	hdr->cmd = in_u8(in);
	hdr->num_params = in_u8(in);
	hdr->session = in_u8(in);
}

/* --- Requests ------------------------------------------------------------------------------------- */

static uint64_t an_attr(struct input *in)
{
	static const uint64_t attrs[] = {
		OPTEE_MSG_ATTR_TYPE_NONE, OPTEE_MSG_ATTR_TYPE_VALUE_INPUT,
		OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT,
		OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT,
		OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, OPTEE_MSG_ATTR_TYPE_TMEM_INPUT,
		OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT,
		OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG,
	};
	uint32_t i = in_pick(in, 12);

	return i < 11 ? attrs[i] : in_number(in);
}

static void a_request_param(struct tee *t, struct world_guest *g, struct optee_msg_param *p)
{
	struct input *in = t->world->in;

	p->attr = an_attr(in);
	p->u.value.a = 0;
	p->u.value.b = in_number(in);
	p->u.value.c = 0;
	if (p->attr >= OPTEE_MSG_ATTR_TYPE_RMEM_INPUT && p->attr <= OPTEE_MSG_ATTR_TYPE_RMEM_INOUT) {
		p->u.rmem.offs = in_rarely(in, 4) ? in_number(in) : 0;
		p->u.rmem.shm_ref = a_cookie(t, g, in_rarely(in, 3) ? SPEC_REGISTERED : SPEC_PAYLOAD);
	} else if (in_rarely(in, 4)) {
		p->u.value.a = in_number(in);
		p->u.value.c = in_number(in);
	}
}

static void any_request(struct tee *t, struct world_guest *g, struct optee_msg_hdr *hdr)
{
	struct input *in = t->world->in;

	hdr->cmd = in_pick(in, 26);
	hdr->num_params = in_pick(in, 6);
	if (t->mood == TEE_RAVES && in_rarely(in, 16))
		hdr->num_params = in_u32(in);
	for (uint32_t i = 0; i < hdr->num_params && i < OPTEE_MSG_RPC_PARAMS; i++)
		a_request_param(t, g, param_of(hdr, i));
}

static bool opens(struct world_guest *g, const struct tee_thread *th)
{
	const struct optee_msg_hdr *hdr = memory(g, th->message, TEST_PAGE);

	return hdr && hdr->cmd == OPTEE_MSG_CMD_OPEN_SESSION;
}

/* Most often of the TA that is opened. */
static void load_request(struct tee *t, struct world_guest *g, const struct tee_thread *th,
			 struct optee_msg_hdr *hdr)
{
	struct optee_msg_hdr *message = memory(g, th->message, TEST_PAGE);

	hdr->cmd = OPTEE_RPC_CMD_LOAD_TA;
	if (!t->world->aliases || !message || in_rarely(t->world->in, 4))
		return;
	param_of(hdr, 0)->attr = OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	param_of(hdr, 0)->u = param_of(message, 0)->u;
}

static void shm_request(struct tee *t, struct world_guest *g, struct optee_msg_hdr *hdr, bool alloc)
{
	struct input *in = t->world->in;
	struct optee_msg_param *p = param_of(hdr, 0);

	hdr->cmd = alloc ? OPTEE_RPC_CMD_SHM_ALLOC : OPTEE_RPC_CMD_SHM_FREE;
	hdr->num_params = in_rarely(in, 32) ? in_u8(in) : 1;
	p->attr = in_rarely(in, 32) ? in_u8(in) : OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	p->u.value.a = in_pick(in, 4);
	p->u.value.b = alloc ? in_number(in) : a_cookie(t, g, SPEC_PAYLOAD);
	p->u.value.c = 0;
}

/* Returns the command it asks for, SHM_FREE when it names what is not there. */
static uint32_t request(struct tee *t, struct world_guest *g, const struct tee_thread *th,
			struct om_regs *r, uint32_t thread)
{
	struct input *in = t->world->in;
	uint64_t cookie = th->inline_rpc && !in_rarely(in, 8) ? 0 : a_cookie(t, g, SPEC_RPC_ARG);
	const struct spec_buffer *b = cookie ? spec_find(g->spec, cookie) : NULL;
	uint64_t at = th->message + OPTEE_MSG_ARG_SIZE(th->params);
	struct optee_msg_hdr *hdr;

	set(r, OPTEE_SMC_RETURN_RPC_CMD, cookie >> 32, (uint32_t)cookie, thread);
	if (b && b->shadow && b->live)
		at = b->shadow;
	else if (cookie || !th->inline_rpc)
		return OPTEE_RPC_CMD_SHM_FREE;
	/* What another thread has asked with it stays as it is. */
	if (b && b->users)
		return OPTEE_RPC_CMD_SHM_FREE;
	hdr = memory(g, at, OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS));
	if (!hdr)
		return OPTEE_RPC_CMD_SHM_FREE;
	hdr->ret = TEEC_ERROR_GENERIC;
	hdr->session = in_pick(in, 3);
	switch (in_pick(in, 4)) {
	case 0:
		shm_request(t, g, hdr, true);
		break;
	case 1:
		shm_request(t, g, hdr, false);
		break;
	case 2:
		any_request(t, g, hdr);
		/* Some TAs it has to load first. */
		if (opens(g, th))
			load_request(t, g, th, hdr);
		break;
	default:
		any_request(t, g, hdr);
		break;
	}
	return hdr->cmd;
}

/* --- Yielding calls ---------------------------------------------------------------------------------- */

static void code(struct tee *t, struct om_regs *r, bool *busy)
{
	raw(t, r);
	r->a[0] = in_pick(t->world->in, 9);
	*busy = false;
}

static void answer(struct tee *t, struct world_guest *g, uint32_t i, struct om_regs *r)
{
	struct input *in = t->world->in;
	struct tee_thread *th = &t->thread[g->test->id - 1][i];
	bool *busy = &t->busy[g->test->id - 1][i];
	uint32_t what = in_pick(in, t->mood == TEE_RAVES ? 16 : t->mood == TEE_ASKS ? 14 : 6);
	uint64_t cookie;

	/* What it has begun it does not call off. */
	if (what == 5 && th->looked_up && t->mood != TEE_RAVES)
		what = 0;
	th->asked_page = false;
	switch (what) {
	case 0:
	case 1:
	case 2:
	case 3:
		look_up(t, g, th);
		results(t, g, th, r);
		*busy = false;
		break;
	case 4:
		set(r, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0, i);
		break;
	case 5:
		code(t, r, busy);
		if (r->a[0] != OPTEE_SMC_RETURN_OK || t->mood == TEE_RAVES)
			break;
		look_up(t, g, th);
		results(t, g, th, r);
		break;
	case 6:
	case 7:
		set(r, OPTEE_SMC_RETURN_RPC_ALLOC, in_rarely(in, 8) ? in_u32(in) : 160, 0, i);
		th->asked_page = true;
		break;
	case 8:
		cookie = a_cookie(t, g, SPEC_RPC_ARG);
		if (th->to_free && in_rarely(in, 2))
			cookie = th->to_free;
		set(r, OPTEE_SMC_RETURN_RPC_FREE, cookie >> 32, (uint32_t)cookie, i);
		break;
	case 14:
		raw(t, r);
		r->a[3] = i | (r->a[3] & 0xff00u);
		*busy = (r->a[0] >> 16) == 0xffffu && r->a[0] != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
		break;
	default:
		/* Only for a lock of its own it waits before it has looked anything up. */
		if (request(t, g, th, r, i) != OPTEE_RPC_CMD_NOTIFICATION)
			look_up(t, g, th);
		break;
	}
	dirty(t, r);
}

/* Any address that is aligned is a page, 0 like others: it will be written to. */
static void take_page(struct world_guest *g, struct tee_thread *th, const struct om_regs *r)
{
	uint64_t pa = r->a[1] << 32 | r->a[2];

	if (!th->asked_page)
		return;
	if (pa % TEST_PAGE == 0)
		(void)memory(g, pa, TEST_PAGE);
	else
		th->to_free = r->a[4] << 32 | r->a[5];
}

static void yielding(struct tee *t, struct world_guest *g, struct om_regs *r)
{
	bool *busy = t->busy[g->test->id - 1];
	struct tee_thread *th = t->thread[g->test->id - 1];
	uint32_t i = (uint32_t)r->a[3] & 0xffu;
	const struct optee_msg_hdr *hdr;

	if (r->a[0] == OPTEE_SMC_RETURN_FROM_RPC) {
		if (i >= TEE_THREADS || !busy[i])
			test_fail("a thread is resumed that is not suspended (I6)");
		take_page(g, &th[i % TEE_THREADS], r);
		answer(t, g, i % TEE_THREADS, r);
		return;
	}
	for (i = 0; i < TEE_THREADS && busy[i]; i++)
		;
	if (i == TEE_THREADS)
		test_fail("there are more calls than threads (I5)");
	th[i].message = r->a[1] << 32 | r->a[2];
	hdr = memory(g, th[i].message, TEST_PAGE);
	th[i].params = hdr ? hdr->num_params : 0;
	th[i].asked_page = false;
	th[i].to_free = 0;
	th[i].looked_up = false;
	th[i].inline_rpc = r->a[0] == OPTEE_SMC_CALL_WITH_RPC_ARG;
	busy[i] = true;
	answer(t, g, i, r);
}

static void tee_smc(void *arg, struct om_regs *r)
{
	struct tee *t = arg;
	struct world_guest *g = &t->world->guest[r->a[7] ? r->a[7] - 1 : 0];

	if (r->a[0] == OPTEE_SMC_VM_DESTROYED) {
		memset(t->busy[r->a[1] - 1], 0, sizeof(t->busy[0]));
		memset(t->session[r->a[1] - 1], 0, sizeof(t->session[0]));
	}
	if (!r->a[7])
		honest_fast(t, r);
	else if (r->a[0] & SMCCC_FID_FAST)
		guest_fast(t, g, r);
	else
		yielding(t, g, r);
}

struct tee *tee_begin(struct world *w, enum tee_mood mood)
{
	static struct tee tee;

	tee = (struct tee){ .world = w, .mood = mood, .honest = mood != TEE_RAVES };
	world_take_secure(w, tee_smc, &tee);
	w->sec_caps = ALL_CAPS;
	w->threads = TEE_THREADS - 2;
	return &tee;
}

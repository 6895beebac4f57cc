/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of real drivers, each in its own way: the probe, the devices that OP-TEE
 * offers, memory, sessions, requests. What is known of them is in docs/guests.md.
 *
 * A driver is a table; what is played is the same for all. Nothing here is hostile, so all of
 * it has to come out as on a machine without a hypervisor.
 */
#include "client.h"

#define LIST_ATTR	(OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG)

/* Of which no header of ours has a name. */
#define TEEC_ERROR_NOT_IMPLEMENTED		0xffff0009u
#define TEE_ERROR_STORAGE_NOT_AVAILABLE		0xf0100003u

/* Linux packs its messages in slots of a registered page. */
#define SLOT_SIZE	384u
#define SLOTS		10u

/* A fast call of the probe: what has to come back in a0, unless it is a number of OP-TEE's. */
struct fast {
	uint32_t fid;
	uint64_t a1;
	uint32_t a0;
	bool any;
};

/* What a driver says to a request that it does not serve as the conformance guest does. */
struct answer {
	uint32_t cmd;
	uint32_t ret;
};

enum after_list { ZERO, JUNK, LINK };

struct driver {
	struct fast probe[10];
	struct answer answers[6];
	uint32_t time;			/* what GET_TIME comes to */
	uint32_t fid;			/* of its messages */
	uint32_t shm_fid;		/* of REGISTER_SHM and UNREGISTER_SHM */
	uint64_t null_attr;		/* NULL memory, to be written by OP-TEE */
	uint32_t offset;		/* of what it allocates, in its page */
	enum after_list after_list;	/* in the link of a list page that is full and the last */
	bool client_is_ta;		/* the client's UUID is the TA's */
	bool page_as_payload;		/* one page goes without a list */
	bool keeps_args;		/* OP-TEE keeps buffers for requests between calls */
	bool lends;			/* memory that it allocated is not registered */
};

#define UID		{ OPTEE_SMC_CALLS_UID, 0, OPTEE_MSG_UID_0, false }
#define OS_REVISION	{ OPTEE_SMC_GET_OS_REVISION, 0, 0, true }
#define REVISION	{ OPTEE_SMC_CALLS_REVISION, 0, 2, false }
#define THREADS		{ OPTEE_SMC_GET_THREAD_COUNT, 0, OPTEE_SMC_RETURN_OK, false }
#define CAPS(one_cpu)	{ OPTEE_SMC_EXCHANGE_CAPABILITIES, one_cpu, OPTEE_SMC_RETURN_OK, false }
#define NO_CACHE	{ OPTEE_SMC_DISABLE_SHM_CACHE, 0, OPTEE_SMC_RETURN_ENOTAVAIL, false }
#define CACHE		{ OPTEE_SMC_ENABLE_SHM_CACHE, 0, OPTEE_SMC_RETURN_OK, false }

static const struct driver uboot = {
	.probe = { UID, OS_REVISION, REVISION, CAPS(OPTEE_SMC_NSEC_CAP_UNIPROCESSOR) },
	.answers = {
		{ OPTEE_RPC_CMD_FS, TEE_ERROR_STORAGE_NOT_AVAILABLE },
		{ OPTEE_RPC_CMD_LOAD_TA, TEEC_ERROR_NOT_IMPLEMENTED },
		{ OPTEE_RPC_CMD_GET_TIME, TEEC_ERROR_NOT_IMPLEMENTED },
	},
	.time = TEEC_ERROR_NOT_IMPLEMENTED,
	.fid = OPTEE_SMC_CALL_WITH_ARG, .shm_fid = OPTEE_SMC_CALL_WITH_ARG,
	.null_attr = OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, .offset = 64, .after_list = LINK,
	.client_is_ta = true,
};

static const struct driver zephyr = {
	.probe = { UID, OS_REVISION, CAPS(0) },
	.fid = OPTEE_SMC_CALL_WITH_ARG, .shm_fid = OPTEE_SMC_CALL_WITH_ARG,
	.null_attr = OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, .offset = 16, .after_list = ZERO,
	.client_is_ta = true,
};

static const struct driver nuttx = {
	.probe = { OS_REVISION, UID, REVISION, CAPS(OPTEE_SMC_NSEC_CAP_UNIPROCESSOR) },
	.answers = {
		{ OPTEE_RPC_CMD_FS, TEEC_ERROR_NOT_SUPPORTED },
		{ OPTEE_RPC_CMD_LOAD_TA, TEEC_ERROR_NOT_SUPPORTED },
	},
	.fid = OPTEE_SMC_CALL_WITH_ARG, .shm_fid = OPTEE_SMC_CALL_WITH_ARG,
	.null_attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, .offset = 8, .after_list = LINK,
	.page_as_payload = true, .lends = true,
};

static const struct driver linux_5_2 = {
	.probe = { UID, OS_REVISION, REVISION, CAPS(0), CACHE },
	.fid = OPTEE_SMC_CALL_WITH_ARG, .shm_fid = OPTEE_SMC_CALL_WITH_ARG,
	.null_attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, .after_list = LINK,
	.client_is_ta = true, .keeps_args = true,
};

static const struct driver linux_6_12 = {
	.probe = { UID, OS_REVISION, REVISION, THREADS, CAPS(0), NO_CACHE },
	.fid = OPTEE_SMC_CALL_WITH_REGD_ARG, .shm_fid = OPTEE_SMC_CALL_WITH_RPC_ARG,
	.null_attr = OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT, .after_list = JUNK,
};

/* A driver while it runs. */
struct transcript {
	struct cg_guest *g;
	const struct driver *d;
	struct cg_buf slots;		/* for CALL_WITH_REGD_ARG */
	uint32_t slot;
};

/* ---- calls ---- */

/* Prepares a message where the driver has its own. */
static bool begin(struct transcript *p, struct cg_call *c, uint32_t cmd, uint32_t n)
{
	bool shm = cmd == OPTEE_MSG_CMD_REGISTER_SHM || cmd == OPTEE_MSG_CMD_UNREGISTER_SHM;

	if (!cg_call_init(c, p->g, cmd, n))
		return false;
	c->fid = shm ? p->d->shm_fid : p->d->fid;
	if (c->fid != OPTEE_SMC_CALL_WITH_REGD_ARG)
		return true;
	c->where = p->slots.cookie;
	c->offset = p->slot++ % SLOTS * SLOT_SIZE;
	c->msg = cg_buf_at(p->g, &p->slots, c->offset);
	cg_fill(c->msg, 0, SLOT_SIZE);
	cg_hdr(c)->cmd = cmd;
	cg_hdr(c)->num_params = n;
	return true;
}

/* A payload as the driver makes it. */
static uint32_t allocate(struct transcript *p, struct cg_call *c)
{
	struct optee_msg_param *param = cg_rpc_param(c, 0);
	uint64_t type = param->u.value.a, size = param->u.value.b;
	bool page = p->d->page_as_payload && size <= CG_PAGE;
	struct cg_buf b;

	if (!cg_buf_make(p->g, &b, size, page ? 0 : p->d->offset))
		return TEEC_ERROR_OUT_OF_MEMORY;
	cg_payload_add(p->g, type, &b);
	param->attr = page ? OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT : LIST_ATTR;
	param->u.tmem.buf_ptr = page ? *cg_buf_entry(p->g, &b, 0) : cg_buf_ptr(p->g, &b);
	param->u.tmem.size = size;
	param->u.tmem.shm_ref = b.cookie;
	return TEEC_SUCCESS;
}

static void serve(struct transcript *p, struct cg_call *c)
{
	uint32_t cmd = cg_rpc_hdr(c)->cmd;
	const struct answer *a;

	if (cmd == OPTEE_RPC_CMD_SHM_ALLOC) {
		cg_rpc_hdr(c)->ret = allocate(p, c);
		return;
	}
	for (a = p->d->answers; a->ret; a++) {
		if (a->cmd != cmd)
			continue;
		cg_rpc_hdr(c)->ret = a->ret;
		return;
	}
	cg_serve(c);
}

/* To its end. An interrupt is taken and the call resumed at once: they all do so. */
static uint64_t run(struct transcript *p, struct cg_call *c)
{
	while (cg_until(c, OPTEE_SMC_RETURN_RPC_CMD)) {
		if (c->rpc)
			serve(p, c);
		cg_resume(c);
	}
	return cg_result(c);
}

static uint64_t run_and_end(struct transcript *p, struct cg_call *c)
{
	uint64_t result = run(p, c);

	cg_call_fini(c);
	return result;
}

static uint64_t open_session(struct transcript *p, const uint8_t uuid[16], uint32_t *session)
{
	struct cg_call c;
	uint64_t result;

	*session = 0;
	if (!begin(p, &c, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return CG_SMC_ERROR;
	cg_set_open(&c, uuid);
	if (p->d->client_is_ta)
		cg_copy(cg_param(&c, 1)->u.octets, uuid, 16);
	result = run(p, &c);
	*session = cg_hdr(&c)->session;
	cg_call_fini(&c);
	return result;
}

static uint64_t close_session(struct transcript *p, uint32_t session)
{
	struct cg_call c;

	if (!begin(p, &c, OPTEE_MSG_CMD_CLOSE_SESSION, 0))
		return CG_SMC_ERROR;
	cg_hdr(&c)->session = session;
	return run_and_end(p, &c);
}

/* ---- memory ---- */

/* A list page that ends with the last entry: what follows means nothing. */
static void end_list(struct transcript *p, const struct cg_buf *b)
{
	uint64_t *last = cg_buf_entry(p->g, b, b->pages - 1);

	if (b->pages % OPTEE_MSG_LIST_ENTRIES == 0 && p->d->after_list == ZERO)
		last[1] = 0;
	else if (b->pages % OPTEE_MSG_LIST_ENTRIES == 0 && p->d->after_list == LINK)
		last[1] = cg_page_ipa(p->g, b->list) + CG_PAGE;
}

static uint64_t share(struct transcript *p, const struct cg_buf *b)
{
	struct cg_call c;

	end_list(p, b);
	if (!begin(p, &c, OPTEE_MSG_CMD_REGISTER_SHM, 1))
		return CG_SMC_ERROR;
	cg_set_tmem(&c, 0, LIST_ATTR, b);
	return run_and_end(p, &c);
}

static uint64_t unshare(struct transcript *p, const struct cg_buf *b)
{
	struct cg_call c;

	if (!begin(p, &c, OPTEE_MSG_CMD_UNREGISTER_SHM, 1))
		return CG_SMC_ERROR;
	cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, b->cookie, 0, 0);
	return run_and_end(p, &c);
}

/* The bytes of a buffer, summed up by the secure world. */
static void sum_up(struct transcript *p, uint32_t session, struct cg_buf *b, bool lent)
{
	uint8_t want = cg_buf_pattern(p->g, b, b->size);
	struct cg_call c;

	if (!begin(p, &c, OPTEE_MSG_CMD_INVOKE_COMMAND, 1))
		return;
	cg_hdr(&c)->session = session;
	cg_hdr(&c)->func = CG_INVOKE_PARAMS;
	if (lent)
		cg_set_tmem(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_INOUT | OPTEE_MSG_ATTR_NONCONTIG, b);
	else
		cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b->cookie, 0, b->size);
	CG_EQ(p->g, "invoke", run(p, &c), TEEC_SUCCESS);
	CG_EQ(p->g, "sum", *cg_buf_at(p->g, b, 0), want);
	cg_call_fini(&c);
}

static void play_buffer(struct transcript *p, uint32_t session, uint64_t size)
{
	uint64_t pages = (p->d->offset + size + CG_PAGE - 1) / CG_PAGE;
	struct cg_buf b;

	if (pages > cg_longest(p->g) || pages > cg_mapped_always(p->g)) {
		cg_unchecked(p->g);
		return;
	}
	if (!CG_OK(p->g, "memory", cg_buf_make(p->g, &b, size, p->d->offset)))
		return;
	CG_EQ(p->g, "register", share(p, &b), TEEC_SUCCESS);
	if (size)
		sum_up(p, session, &b, false);
	CG_EQ(p->g, "unregister", unshare(p, &b), TEEC_SUCCESS);
	if (p->d->lends && size)
		sum_up(p, session, &b, true);
	cg_buf_free(p->g, &b);
}

/* ---- what they do ---- */

static void play_probe(struct transcript *p)
{
	const struct fast *f;
	uint32_t out[4];

	for (f = p->d->probe; f->fid; f++) {
		uint32_t a0 = cg_fast(p->g, f->fid, f->a1, out);

		if (!f->any)
			CG_EQ(p->g, "probe", a0, f->a0);
		if (f->fid == OPTEE_SMC_EXCHANGE_CAPABILITIES)
			CG_EQ(p->g, "dynamic shm", out[1] & OPTEE_SMC_SEC_CAP_DYNAMIC_SHM,
			      OPTEE_SMC_SEC_CAP_DYNAMIC_SHM);
	}
}

/* OP-TEE writes a size, and UUIDs if there is memory. */
static uint64_t ask_for_devices(struct transcript *p, uint32_t session, uint32_t func,
				uint64_t attr, const struct cg_buf *b, uint64_t *size)
{
	struct cg_call c;
	uint64_t result;

	if (!begin(p, &c, OPTEE_MSG_CMD_INVOKE_COMMAND, 1))
		return CG_SMC_ERROR;
	cg_hdr(&c)->session = session;
	cg_hdr(&c)->func = func;
	cg_set_value(&c, 0, attr, 0, *size, b ? b->cookie : 0);
	result = run(p, &c);
	*size = cg_param(&c, 0)->u.rmem.size;
	cg_call_fini(&c);
	return result;
}

/* First how much there is, then all of it, then nothing for what needs a supplicant. */
static void play_devices(struct transcript *p)
{
	uint64_t size = 0, again;
	uint32_t session;
	struct cg_buf b;

	CG_EQ(p->g, "open", open_session(p, cg_uuid_device, &session), TEEC_SUCCESS);
	CG_EQ(p->g, "how much", ask_for_devices(p, session, CG_DEVICE_GET, p->d->null_attr, NULL,
						 &size), TEEC_ERROR_SHORT_BUFFER);
	CG_OK(p->g, "UUIDs", size && size % 16 == 0);
	again = size;
	if (CG_OK(p->g, "memory", cg_buf_make(p->g, &b, size, p->d->offset))) {
		CG_EQ(p->g, "register", share(p, &b), TEEC_SUCCESS);
		CG_EQ(p->g, "devices", ask_for_devices(p, session, CG_DEVICE_GET,
			OPTEE_MSG_ATTR_TYPE_RMEM_OUTPUT, &b, &again), TEEC_SUCCESS);
		CG_IS(p->g, "as much", again, size);
		CG_EQ(p->g, "unregister", unshare(p, &b), TEEC_SUCCESS);
		cg_buf_free(p->g, &b);
	}
	size = 0;
	again = ask_for_devices(p, session, CG_DEVICE_GET + 1, p->d->null_attr, NULL, &size);
	CG_IS(p->g, "what needs a supplicant", again, size ? TEEC_ERROR_SHORT_BUFFER : TEEC_SUCCESS);
	CG_EQ(p->g, "close", close_session(p, session), TEEC_SUCCESS);
}

static void play_memory(struct transcript *p)
{
	uint32_t session;

	CG_EQ(p->g, "open", open_session(p, cg_uuid_invoke, &session), TEEC_SUCCESS);
	play_buffer(p, session, 1);
	play_buffer(p, session, 3 * CG_PAGE);
	play_buffer(p, session, OPTEE_MSG_LIST_ENTRIES * CG_PAGE - p->d->offset);
	play_buffer(p, session, OPTEE_MSG_LIST_ENTRIES * CG_PAGE + 1);
	if (p->d->offset)
		play_buffer(p, session, 0);
	CG_EQ(p->g, "close", close_session(p, session), TEEC_SUCCESS);
}

/* Twice, so that what OP-TEE keeps for the second time is used. */
static void play_requests(struct transcript *p)
{
	uint32_t session;
	struct cg_call c;

	CG_EQ(p->g, "open", open_session(p, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (uint32_t i = 0; i < 2 && begin(p, &c, OPTEE_MSG_CMD_INVOKE_COMMAND, 2); i++) {
		cg_hdr(&c)->session = session;
		cg_hdr(&c)->func = CG_STATS_GET_TIME;
		cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
		cg_set_value(&c, 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
		CG_EQ(p->g, "time", run_and_end(p, &c), p->d->time);
	}
	CG_EQ(p->g, "close", close_session(p, session), TEEC_SUCCESS);
	/* OP-TEE looks for it in storage and at the supplicant's. */
	CG_OK(p->g, "no such TA", open_session(p, cg_uuid_unknown, &session) != TEEC_SUCCESS);
}

/* As at a shutdown: what OP-TEE keeps is given back. */
static void drop_args(struct transcript *p)
{
	uint32_t out[4];

	while (cg_fast(p->g, OPTEE_SMC_DISABLE_SHM_CACHE, 0, out) == OPTEE_SMC_RETURN_OK)
		if (!CG_OK(p->g, "a cookie of ours",
			   cg_rpc_arg_drop(p->g, (uint64_t)out[1] << 32 | out[2])))
			return;
	CG_EQ(p->g, "all are back", out[0], OPTEE_SMC_RETURN_ENOTAVAIL);
}

static void play(struct cg_guest *g, const struct driver *d, void (*act)(struct transcript *p))
{
	struct transcript p = { .g = g, .d = d };
	bool slots = d->fid == OPTEE_SMC_CALL_WITH_REGD_ARG;

	play_probe(&p);
	if (slots && !CG_OK(g, "memory", cg_buf_make(g, &p.slots, CG_PAGE, 0)))
		return;
	if (slots)
		CG_EQ(g, "register", share(&p, &p.slots), TEEC_SUCCESS);
	act(&p);
	if (d->keeps_args)
		drop_args(&p);
	if (!slots)
		return;
	CG_EQ(g, "unregister", unshare(&p, &p.slots), TEEC_SUCCESS);
	cg_buf_free(g, &p.slots);
}

static void driver_uboot_devices(struct cg_guest *g) { play(g, &uboot, play_devices); }
static void driver_uboot_memory(struct cg_guest *g) { play(g, &uboot, play_memory); }
static void driver_uboot_requests(struct cg_guest *g) { play(g, &uboot, play_requests); }

static void driver_zephyr_devices(struct cg_guest *g) { play(g, &zephyr, play_devices); }
static void driver_zephyr_memory(struct cg_guest *g) { play(g, &zephyr, play_memory); }
static void driver_zephyr_requests(struct cg_guest *g) { play(g, &zephyr, play_requests); }

static void driver_nuttx_devices(struct cg_guest *g) { play(g, &nuttx, play_devices); }
static void driver_nuttx_memory(struct cg_guest *g) { play(g, &nuttx, play_memory); }
static void driver_nuttx_requests(struct cg_guest *g) { play(g, &nuttx, play_requests); }

static void driver_linux_5_2_devices(struct cg_guest *g) { play(g, &linux_5_2, play_devices); }
static void driver_linux_5_2_memory(struct cg_guest *g) { play(g, &linux_5_2, play_memory); }
static void driver_linux_5_2_requests(struct cg_guest *g) { play(g, &linux_5_2, play_requests); }

static void driver_linux_6_12_devices(struct cg_guest *g) { play(g, &linux_6_12, play_devices); }
static void driver_linux_6_12_memory(struct cg_guest *g) { play(g, &linux_6_12, play_memory); }
static void driver_linux_6_12_requests(struct cg_guest *g) { play(g, &linux_6_12, play_requests); }

const struct cg_scenario_entry cg_scenarios_drivers[] = {
	CG_SCENARIO("64", "", driver_uboot_devices),
	CG_SCENARIO("64", "", driver_uboot_memory),
	CG_SCENARIO("64", "", driver_uboot_requests),
	CG_SCENARIO("64", "", driver_zephyr_devices),
	CG_SCENARIO("64", "", driver_zephyr_memory),
	CG_SCENARIO("64", "", driver_zephyr_requests),
	CG_SCENARIO("64", "", driver_nuttx_devices),
	CG_SCENARIO("64", "", driver_nuttx_memory),
	CG_SCENARIO("64", "", driver_nuttx_requests),
	CG_SCENARIO("64", "", driver_linux_5_2_devices),
	CG_SCENARIO("64", "", driver_linux_5_2_memory),
	CG_SCENARIO("64", "", driver_linux_5_2_requests),
	CG_SCENARIO("64", "", driver_linux_6_12_devices),
	CG_SCENARIO("64", "", driver_linux_6_12_memory),
	CG_SCENARIO("64", "", driver_linux_6_12_requests),
	CG_SCENARIOS_END
};

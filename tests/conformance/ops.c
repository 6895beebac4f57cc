/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everyday use of OP-TEE: sessions, invokes, registered memory.
 *
 * What several scenarios need, in the shape they need it: run to the end, one
 * number back. Must not know what the scenarios prove with it.
 */
#include "client.h"

const uint8_t cg_uuid_invoke[16] = {
	0xd9, 0x6a, 0x5b, 0x40, 0xc3, 0xe5, 0x21, 0xe3,
	0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b,
};
const uint8_t cg_uuid_stats[16] = {
	0xd9, 0x6a, 0x5b, 0x40, 0xe2, 0xc7, 0xb1, 0xaf,
	0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b,
};
const uint8_t cg_uuid_device[16] = {
	0x70, 0x11, 0xa6, 0x88, 0xdd, 0xde, 0x40, 0x53,
	0xa5, 0xa9, 0x7b, 0x3c, 0x4d, 0xdf, 0x13, 0xb8,
};
const uint8_t cg_uuid_model[16] = {
	0x8f, 0x1e, 0x6f, 0x0a, 0x6d, 0x6f, 0x4d, 0x5f,
	0xa0, 0x01, 0x6f, 0x6d, 0x5f, 0x74, 0x65, 0x73,
};
/* Nobody's: OP-TEE looks for it in every place it knows. */
const uint8_t cg_uuid_unknown[16] = {
	0x0b, 0xad, 0x0b, 0xad, 0x0b, 0xad, 0x4b, 0xad,
	0x8b, 0xad, 0x0b, 0xad, 0x0b, 0xad, 0x0b, 0xad,
};

void cg_set_value(struct cg_call *c, uint32_t i, uint64_t attr, uint64_t a, uint64_t b,
		  uint64_t cc)
{
	struct optee_msg_param *p = cg_param(c, i);

	p->attr = attr;
	p->u.value.a = a;
	p->u.value.b = b;
	p->u.value.c = cc;
}

void cg_set_tmem(struct cg_call *c, uint32_t i, uint64_t attr, const struct cg_buf *b)
{
	cg_set_value(c, i, attr, cg_buf_ptr(c->g, b), b->size, b->cookie);
}

void cg_set_rmem(struct cg_call *c, uint32_t i, uint64_t attr, uint64_t cookie,
		 uint64_t offs, uint64_t size)
{
	cg_set_value(c, i, attr, offs, size, cookie);
}

void cg_set_open(struct cg_call *c, const uint8_t uuid[16])
{
	uint64_t attr = OPTEE_MSG_ATTR_META | OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;

	/* The client: nobody in particular, TEE_LOGIN_PUBLIC. */
	cg_set_value(c, 0, attr, 0, 0, 0);
	cg_set_value(c, 1, attr, 0, 0, 0);
	cg_copy(cg_param(c, 0)->u.octets, uuid, 16);
}

bool cg_invoke_init(struct cg_call *c, struct cg_guest *g, uint32_t session, uint32_t func)
{
	if (!cg_call_init(c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
		return false;
	cg_hdr(c)->func = func;
	cg_hdr(c)->session = session;
	return true;
}

bool cg_time_init(struct cg_call *c, struct cg_guest *g, uint32_t session)
{
	if (!cg_call_init(c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 2))
		return false;
	cg_hdr(c)->func = CG_STATS_GET_TIME;
	cg_hdr(c)->session = session;
	cg_set_value(c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
	cg_set_value(c, 1, OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT, 0, 0, 0);
	return true;
}

uint64_t cg_result(struct cg_call *c)
{
	if (c->a[0] != OPTEE_SMC_RETURN_OK)
		return CG_SMC_ERROR | c->a[0];
	return cg_hdr(c)->ret;
}

/* The whole of a call that has nothing to bring back but its result. */
static uint64_t do_and_end(struct cg_call *c)
{
	uint64_t result;

	cg_do(c);
	result = cg_result(c);
	cg_call_fini(c);
	return result;
}

uint64_t cg_open(struct cg_guest *g, const uint8_t uuid[16], uint32_t *session)
{
	struct cg_call c;
	uint64_t result;

	*session = 0;
	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_OPEN_SESSION, 2))
		return CG_SMC_ERROR;
	cg_set_open(&c, uuid);
	cg_do(&c);
	result = cg_result(&c);
	*session = cg_hdr(&c)->session;
	cg_call_fini(&c);
	return result;
}

uint64_t cg_close(struct cg_guest *g, uint32_t session)
{
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_CLOSE_SESSION, 0))
		return CG_SMC_ERROR;
	cg_hdr(&c)->session = session;
	return do_and_end(&c);
}

uint64_t cg_add(struct cg_guest *g, uint32_t session, uint64_t *a, uint64_t b)
{
	struct cg_call c;
	uint64_t result;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
		return CG_SMC_ERROR;
	cg_hdr(&c)->func = CG_INVOKE_PARAMS;
	cg_hdr(&c)->session = session;
	cg_set_value(&c, 0, OPTEE_MSG_ATTR_TYPE_VALUE_INOUT, *a, b, 0);
	cg_do(&c);
	result = cg_result(&c);
	*a = cg_param(&c, 0)->u.value.a;
	cg_call_fini(&c);
	return result;
}

uint64_t cg_sum(struct cg_guest *g, uint32_t session, const struct cg_buf *b,
		uint64_t offs, uint64_t size, uint8_t *sum)
{
	struct cg_call c;
	uint64_t result;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_INVOKE_COMMAND, 4))
		return CG_SMC_ERROR;
	cg_hdr(&c)->func = CG_INVOKE_PARAMS;
	cg_hdr(&c)->session = session;
	cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INOUT, b->cookie, offs, size);
	cg_do(&c);
	result = cg_result(&c);
	*sum = *cg_buf_at(g, b, offs);
	cg_call_fini(&c);
	return result;
}

uint64_t cg_register(struct cg_guest *g, const struct cg_buf *b)
{
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_REGISTER_SHM, 1))
		return CG_SMC_ERROR;
	cg_set_tmem(&c, 0, OPTEE_MSG_ATTR_TYPE_TMEM_OUTPUT | OPTEE_MSG_ATTR_NONCONTIG, b);
	return do_and_end(&c);
}

uint64_t cg_unregister(struct cg_guest *g, uint64_t cookie)
{
	struct cg_call c;

	if (!cg_call_init(&c, g, OPTEE_MSG_CMD_UNREGISTER_SHM, 1))
		return CG_SMC_ERROR;
	cg_set_rmem(&c, 0, OPTEE_MSG_ATTR_TYPE_RMEM_INPUT, cookie, 0, 0);
	return do_and_end(&c);
}

void cg_refused(struct cg_call *c, const char *what, uint32_t ret, const char *file,
		uint32_t line)
{
	cg_check(c->g, what, file, line, c->a[0], OPTEE_SMC_RETURN_OK, true);
	cg_check(c->g, what, file, line, cg_hdr(c)->ret, ret, true);
	cg_check(c->g, what, file, line, cg_hdr(c)->ret_origin, TEEC_ORIGIN_COMMS, true);
}

uint32_t cg_threads(struct cg_guest *g)
{
	uint32_t out[4];

	if (cg_fast(g, OPTEE_SMC_GET_THREAD_COUNT, 0, out) != OPTEE_SMC_RETURN_OK)
		return 0;
	return out[1] < CG_MAX_CALLS ? out[1] : CG_MAX_CALLS - 1;
}

const char *cg_lacks_calls(struct cg_guest *g)
{
	return cg_threads(g) < 2 ? "needs two calls at once" : NULL;
}

const char *cg_lacks_model(struct cg_guest *g)
{
	return g->platform->flags & CG_MODEL_TA ? NULL : "needs the model's TA";
}

uint32_t cg_longest(struct cg_guest *g)
{
	uint64_t n = (uint64_t)g->platform->limits.list_pages * OPTEE_MSG_LIST_ENTRIES;

	return n < g->platform->limits.pages ? (uint32_t)n : g->platform->limits.pages;
}

/* limit: of all calls together, 0 for none. */
static uint32_t mapped(struct cg_guest *g, uint32_t limit)
{
	const struct cg_limits *l = &g->platform->limits;
	uint32_t n = l->call_pages ? l->call_pages : l->pages;
	/* Each request has an argument, which is a page of the quota. */
	uint32_t quota = l->pages - 2;

	if (limit && n > limit)
		n = limit;
	if (n > quota)
		n = quota;
	return n < cg_longest(g) ? n : cg_longest(g);
}

uint32_t cg_mapped_never(struct cg_guest *g)
{
	return mapped(g, g->platform->limits.mapped_pages) + 1;
}

uint32_t cg_mapped_always(struct cg_guest *g)
{
	const struct cg_limits *l = &g->platform->limits;
	uint32_t slack = CG_MAPPED_SLACK * l->threads;

	return mapped(g, l->mapped_pages ? l->mapped_pages - slack : 0);
}

/* As many calls at once as there are threads get past the slots. */
void cg_slots_are_free(struct cg_guest *g)
{
	uint32_t threads = cg_threads(g);
	struct cg_call calls[CG_MAX_CALLS];
	uint32_t session;
	uint32_t n;

	CG_IS(g, "open stats", cg_open(g, cg_uuid_stats, &session), TEEC_SUCCESS);
	for (n = 0; n < threads && cg_time_init(&calls[n], g, session); n++) {
		cg_start(&calls[n]);
		CG_OK(g, "a slot for each thread", calls[n].state == CG_WAITING);
	}
	cg_finish_all(calls, n);
	while (n--)
		cg_call_fini(&calls[n]);
	CG_IS(g, "close stats", cg_close(g, session), TEEC_SUCCESS);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small OP-TEE client: calls that can be stopped at each RPC and gone on with.
 *
 * What holds for every SMC is checked here, so that each scenario proves it too:
 * results are 32-bit values, x4..x7 stay as they were, no host address is seen.
 * Must not know what a call is for, nor decide what an RPC is answered.
 */
#include "client.h"

/* What is put where nobody must look: the upper half of a register, unused ones. */
#define JUNK_HIGH	0xbadc0de500000000ull
#define JUNK		0x7e577e57deadbea7ull

/* A call that cannot go on for want of a notification is taken for lost after this. */
#define PATIENCE	1000000u
/*
 * Of one call: far more than interrupts and requests add up to. Released while another
 * call uses it, a buffer is waited for by OP-TEE, which asks again for as long as it gets
 * no answer: for ever, when the host can no longer show a request to its guest.
 */
#define RESUMES		100000u

static bool is_host(struct cg_guest *g, uint64_t value)
{
	const struct cg_platform *p = g->platform;

	return p->is_host_address && p->is_host_address(p->ctx, value);
}

bool cg_leaks(struct cg_guest *g, const void *mem, size_t len)
{
	const uint64_t *word = mem;

	if (!g->platform->is_host_address)
		return false;
	for (size_t i = 0; i < len / sizeof(*word); i++)
		if (is_host(g, word[i]))
			return true;
	return false;
}

/* A register, or two as the ABI passes an address; what was passed in is no news. */
static void check_value(struct cg_guest *g, const uint64_t in[8], const char *where,
			uint64_t value)
{
	if (!is_host(g, value))
		return;
	for (unsigned int i = 0; i < 8; i++)
		if (value == in[i] || value == (uint32_t)in[i] ||
		    (i < 7 && value == (in[i] << 32 | (uint32_t)in[i + 1])))
			return;
	if (!cg_payload_find(g, value) && cg_rpc_arg_page(g, value) == CG_NO_PAGE)
		CG_LEAK(g, where, value);
}

static void check_registers(struct cg_guest *g, const uint64_t in[8], const uint64_t out[8])
{
	static const char *const where[] = {
		"host address in x0", "host address in x1", "host address in x2",
		"host address in x3",
	};
	uint32_t fid = (uint32_t)in[0] & ~SMCCC_FID_SVE_HINT;

	for (unsigned int i = 4; i < 8; i++)
		if (out[i] != in[i])
			CG_ANOMALY(g);
	if (fid & SMCCC_FID_SMC64)
		return;
	for (unsigned int i = 0; i < 4; i++)
		if (out[i] >> 32)
			CG_ANOMALY(g);
	/* UUIDs and build ids are random numbers: they may look like anything. */
	if (fid == OPTEE_SMC_CALLS_UID || fid == OPTEE_SMC_GET_OS_UUID ||
	    fid == OPTEE_SMC_GET_OS_REVISION)
		return;
	for (unsigned int i = 0; i < 4; i++)
		check_value(g, in, where[i], out[i]);
	check_value(g, in, "host address in x1 and x2", out[1] << 32 | out[2]);
	check_value(g, in, "host address in x2 and x1", out[2] << 32 | out[1]);
}

void cg_smc(struct cg_guest *g, unsigned int vcpu, uint64_t x[8])
{
	uint64_t in[8];

	cg_copy(in, x, sizeof(in));
	g->platform->smc(g->platform->ctx, vcpu, x);
	check_registers(g, in, x);
}

uint32_t cg_fast(struct cg_guest *g, uint32_t fid, uint64_t a1, uint32_t out[4])
{
	uint64_t x[8] = { fid, a1, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK };

	cg_smc(g, 0, x);
	for (unsigned int i = 0; out && i < 4; i++)
		out[i] = (uint32_t)x[i];
	return (uint32_t)x[0];
}

/* ---- a call ---- */

bool cg_call_init(struct cg_call *c, struct cg_guest *g, uint32_t cmd, uint32_t num_params)
{
	cg_fill(c, 0, sizeof(*c));
	c->g = g;
	c->state = CG_IDLE;
	c->fid = OPTEE_SMC_CALL_WITH_ARG;
	c->page = cg_page_get(g);
	/* No check of a scenario's: several vCPUs may be here at once. */
	if (c->page == CG_NO_PAGE) {
		CG_ANOMALY(g);
		return false;
	}
	c->where = cg_page_ipa(g, c->page);
	c->msg = cg_page_va(g, c->page);
	cg_fill(c->msg, 0, CG_PAGE);
	cg_hdr(c)->cmd = cmd;
	cg_hdr(c)->num_params = num_params;
	return true;
}

void cg_call_fini(struct cg_call *c)
{
	if (c->state == CG_WAITING)
		CG_ANOMALY(c->g);
	if (c->page != CG_NO_PAGE)
		cg_page_put(c->g, c->page);
	c->page = CG_NO_PAGE;
}

static bool is_rpc(uint32_t a0)
{
	return (a0 & OPTEE_SMC_RETURN_RPC_PREFIX_MASK) == OPTEE_SMC_RETURN_RPC_PREFIX &&
	       a0 != OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

/* The message of a CMD: in the buffer of its cookie, or with the call itself. */
static uint8_t *find_rpc(struct cg_call *c)
{
	uint64_t cookie = (uint64_t)c->a[1] << 32 | c->a[2];
	uint32_t page;

	if (cookie == 0 && c->fid != OPTEE_SMC_CALL_WITH_ARG)
		return c->inline_rpc;
	page = cg_rpc_arg_page(c->g, cookie);
	return page == CG_NO_PAGE ? NULL : cg_page_va(c->g, page);
}

/* ---- what is the guest's own ---- */

static bool is_among(uint64_t value, const uint64_t *words, size_t n)
{
	while (n--) {
		uint64_t word = words[n];

		if (value == word || value == (uint32_t)word || value == word >> 32)
			return true;
	}
	return false;
}

/* The guest wrote it itself: whatever it looks like, it tells the guest nothing. */
static bool is_own(struct cg_call *c, uint64_t value)
{
	return is_among(value, c->first, CG_MSG_WORDS) ||
	       is_among(value, c->last, CG_MSG_WORDS) ||
	       is_among(value, c->reply, CG_RPC_WORDS) || cg_payload_find(c->g, value) ||
	       cg_rpc_arg_page(c->g, value) != CG_NO_PAGE;
}

static void keep(uint64_t *words, const uint8_t *from, size_t n)
{
	if (from)
		cg_copy(words, from, n * sizeof(*words));
}

/* Before each SMC of a call. */
static void keep_own(struct cg_call *c, bool first)
{
	keep(c->last, c->msg, CG_MSG_WORDS);
	if (first) {
		keep(c->first, c->msg, CG_MSG_WORDS);
		cg_fill(c->reply, 0, sizeof(c->reply));
	}
	/* In a reply to NOTIFICATION there is nothing; the one before may come back yet. */
	if (c->rpc && cg_rpc_hdr(c)->cmd != OPTEE_RPC_CMD_NOTIFICATION)
		keep(c->reply, c->rpc, CG_RPC_WORDS);
}

static void check_memory(struct cg_call *c, const char *where, const uint8_t *mem, size_t n)
{
	const uint64_t *words = (const uint64_t *)(const void *)mem;

	for (size_t i = 0; i < n; i++)
		if (is_host(c->g, words[i]) && !is_own(c, words[i]))
			CG_LEAK(c->g, where, words[i]);
}

/* Behind a request's parameters is what the guest had there before it lent the page. */
static size_t request_words(struct cg_call *c)
{
	uint32_t n = cg_rpc_hdr(c)->num_params;

	return OPTEE_MSG_ARG_SIZE(n < OPTEE_MSG_RPC_PARAMS ? n : OPTEE_MSG_RPC_PARAMS) / 8u;
}

/*
 * Takes in what an SMC returned. The answer is prepared as Linux has it: a1..a3
 * go back as they came, a4..a7 hold anything.
 */
static void after_smc(struct cg_call *c, const uint64_t x[8])
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		c->a[i] = (uint32_t)x[i];
	if (!is_rpc(c->a[0])) {
		c->state = CG_ENDED;
		if (c->msg)
			check_memory(c, "host address in a message", c->msg, CG_MSG_WORDS);
		return;
	}
	c->state = CG_WAITING;
	c->id = c->a[3];
	c->x[0] = OPTEE_SMC_RETURN_FROM_RPC | JUNK_HIGH;
	for (i = 1; i < 4; i++)
		c->x[i] = c->a[i] | JUNK_HIGH;
	for (; i < 8; i++)
		c->x[i] = JUNK + i;
	if (c->a[0] == OPTEE_SMC_RETURN_RPC_FOREIGN_INTR)
		c->interrupts++;
	c->rpc = NULL;
	if (c->a[0] != OPTEE_SMC_RETURN_RPC_CMD)
		return;
	c->rpc = find_rpc(c);
	if (c->rpc)
		check_memory(c, "host address in a request", c->rpc, request_words(c));
	else
		CG_ANOMALY(c->g);
}

/*
 * A message in a buffer may go on in another page, which this program, unlike a guest with
 * larger pages, does not see right behind the first: it has a copy in one piece.
 */
static void carry(struct cg_call *c, bool back)
{
	uint64_t size = c->message_buffer ? c->message_buffer->size - c->offset : 0;

	for (uint64_t i = 0; i < CG_CARRIED_WORDS * sizeof(uint64_t) && i < size; i++) {
		uint8_t *at = cg_buf_at(c->g, c->message_buffer, c->offset + i);

		if (back)
			c->msg[i] = *at;
		else
			*at = c->msg[i];
	}
}

static void issue(struct cg_call *c, uint64_t x[8])
{
	carry(c, false);
	cg_smc(c->g, c->vcpu, x);
	carry(c, true);
	after_smc(c, x);
}

void cg_start(struct cg_call *c)
{
	uint64_t x[8] = { c->fid, c->where >> 32, (uint32_t)c->where,
			  c->fid == OPTEE_SMC_CALL_WITH_REGD_ARG ? c->offset : JUNK,
			  JUNK, JUNK, JUNK, JUNK };

	c->interrupts = 0;
	c->resumes = 0;
	c->rpc = NULL;
	keep_own(c, true);
	/* num_params may be changed while the call runs: this one counts. */
	c->inline_rpc = c->msg ? c->msg + OPTEE_MSG_ARG_SIZE(cg_hdr(c)->num_params) : NULL;
	issue(c, x);
}

void cg_resume(struct cg_call *c)
{
	uint64_t x[8];

	c->resumes++;
	keep_own(c, false);
	cg_copy(x, c->x, sizeof(x));
	issue(c, x);
}

/* ---- running it on ---- */

static void relax(struct cg_guest *g, unsigned int vcpu)
{
	if (g->platform->relax)
		g->platform->relax(g->platform->ctx, vcpu);
}

static void serve_and_resume(struct cg_call *c)
{
	uint32_t spins = 0;

	while (!cg_serve(c)) {
		relax(c->g, c->vcpu);
		if (++spins > PATIENCE) {
			CG_ANOMALY(c->g);
			break;
		}
	}
	cg_resume(c);
}

/* There is an RPC to serve, and some hope that it helps. */
static bool goes_on(struct cg_call *c)
{
	if (c->state != CG_WAITING)
		return false;
	if (c->resumes < RESUMES)
		return true;
	CG_ANOMALY(c->g);
	return false;
}

void cg_finish(struct cg_call *c)
{
	while (goes_on(c))
		serve_and_resume(c);
}

void cg_do(struct cg_call *c)
{
	cg_start(c);
	cg_finish(c);
}

bool cg_until(struct cg_call *c, uint32_t rpc)
{
	if (c->state == CG_IDLE)
		cg_start(c);
	for (; goes_on(c); serve_and_resume(c))
		if (c->a[0] == rpc)
			return true;
	return false;
}

static bool asks(struct cg_call *c, uint32_t cmd)
{
	return c->a[0] == OPTEE_SMC_RETURN_RPC_CMD && c->rpc && cg_rpc_hdr(c)->cmd == cmd;
}

bool cg_until_cmd(struct cg_call *c, uint32_t cmd)
{
	if (c->state == CG_IDLE)
		cg_start(c);
	for (; goes_on(c); serve_and_resume(c))
		if (asks(c, cmd))
			return true;
	return false;
}

/* Of a request that is pending, FS or SHM_FREE. */
static bool names(struct cg_call *c, uint64_t cookie)
{
	if (cg_rpc_hdr(c)->cmd == OPTEE_RPC_CMD_SHM_FREE)
		return cg_rpc_param(c, 0)->u.value.b == cookie;
	return cg_rpc_hdr(c)->num_params > 1 && cg_rpc_param(c, 1)->u.rmem.shm_ref == cookie;
}

bool cg_until_cmd_of(struct cg_call *c, uint32_t cmd, uint64_t cookie)
{
	while (cg_until_cmd(c, cmd)) {
		if (names(c, cookie))
			return true;
		serve_and_resume(c);
	}
	return false;
}

void cg_finish_all(struct cg_call *calls, uint32_t n)
{
	uint32_t stuck = 0;
	uint32_t left = n;

	while (left && stuck < PATIENCE) {
		left = 0;
		stuck++;
		for (uint32_t i = 0; i < n; i++) {
			struct cg_call *c = &calls[i];

			if (c->state != CG_WAITING)
				continue;
			left++;
			if (!cg_serve(c))
				continue;
			cg_resume(c);
			stuck = 0;
		}
		if (stuck)
			relax(calls[0].g, calls[0].vcpu);
	}
	if (left)
		CG_ANOMALY(calls[0].g);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's SMC entry: who calls, fast calls, the life of guests.
 *
 * Fast calls answer as OP-TEE's entry_fast.c does: a register that the real one
 * does not write comes back as it went in.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_priv.h"

#define JUNK_HIGH	0xdeadbeef00000000ull

void violation(struct model *m, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (m->violations < MODEL_VIOLATIONS) {
		m->violation[m->violations] = malloc(sizeof(text));
		if (!m->violation[m->violations])
			abort();
		memcpy(m->violation[m->violations], text, sizeof(text));
	}
	m->violations++;
}

struct model_config model_config_default(void)
{
	return (struct model_config){
		.threads = 2,
		.shm_tables = 4,
		.sec_caps = OPTEE_SMC_SEC_CAP_RESERVED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
			    OPTEE_SMC_SEC_CAP_VIRTUALIZATION | OPTEE_SMC_SEC_CAP_MEMREF_NULL |
			    OPTEE_SMC_SEC_CAP_ASYNC_NOTIF | OPTEE_SMC_SEC_CAP_RPC_ARG |
			    OPTEE_SMC_SEC_CAP_RPMB_PROBE,
		.rpc_params = OPTEE_MSG_RPC_PARAMS,
		.max_notif_value = 0x42,
		.reserved_pa = TEST_RESERVED_PA,
		.reserved_size = TEST_RESERVED_SIZE,
		.async_notif = true,
		.garbage_high = true,
	};
}

struct model *model_new(struct test_host *h, const struct model_config *config)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->host = h;
	m->config = config ? *config : model_config_default();
	pthread_mutex_init(&m->mutex, NULL);
	h->smc = model_smc;
	h->tee = m;
	return m;
}

struct model_config *model_config(struct model *m)
{
	return &m->config;
}

void model_free(struct model *m)
{
	for (size_t i = 0; i < MODEL_GUESTS_MAX; i++)
		if (m->guest[i].live)
			drop_guest(&m->guest[i]);
	model_violations_reset(m);
	if (m->host->tee == m) {
		m->host->smc = NULL;
		m->host->tee = NULL;
	}
	pthread_mutex_destroy(&m->mutex);
	free(m);
}

/* --- Guests --------------------------------------------------------------------- */

static struct mguest *find_guest(struct model *m, uint32_t id)
{
	for (size_t i = 0; i < MODEL_GUESTS_MAX; i++)
		if (m->guest[i].live && m->guest[i].id == id)
			return &m->guest[i];
	return NULL;
}

static struct mguest *add_guest(struct model *m, uint32_t id)
{
	for (size_t i = 0; i < MODEL_GUESTS_MAX; i++) {
		struct mguest *g = &m->guest[i];

		if (g->live)
			continue;
		memset(g, 0, sizeof(*g));
		g->live = true;
		g->id = id;
		g->model = m;
		for (uint32_t n = 0; n < MODEL_THREADS_MAX; n++) {
			g->thread[n].guest = g;
			g->thread[n].index = n;
		}
		return g;
	}
	return NULL;
}

void drop_guest(struct mguest *g)
{
	/* Messages are in no list, all else is in one of the buckets. */
	for (uint32_t i = 0; i < MODEL_THREADS_MAX; i++)
		mobj_free(g->thread[i].run.arg);
	for (uint32_t i = 0; i < MODEL_BUCKETS; i++)
		while (g->bucket[i])
			mobj_free(g->bucket[i]);
	g->live = false;
}

static uint32_t vm_created(struct model *m, uint32_t id)
{
	uint32_t refused = m->refuse_vm;

	m->refuse_vm = 0;
	if (!id || id > OPTEE_SMC_CLIENT_MAX)
		violation(m, "VM_CREATED of guest id 0x%x", id);
	else if (find_guest(m, id))
		violation(m, "VM_CREATED of guest %u, which exists", id);
	else if (!refused)
		return add_guest(m, id) ? OPTEE_SMC_RETURN_OK : OPTEE_SMC_RETURN_ENOTAVAIL;
	return refused ? refused : OPTEE_SMC_RETURN_ENOTAVAIL;
}

static uint32_t vm_destroyed(struct model *m, uint32_t id)
{
	struct mguest *g = find_guest(m, id);

	if (g)
		drop_guest(g);
	else
		violation(m, "VM_DESTROYED of guest %u, which does not exist", id);
	return OPTEE_SMC_RETURN_OK;
}

/* --- Fast calls ------------------------------------------------------------------- */

static bool any_thread_busy(struct mguest *g)
{
	for (uint32_t i = 0; i < MODEL_THREADS_MAX; i++)
		if (g->thread[i].state != MTHREAD_FREE)
			return true;
	return false;
}

static void disable_shm_cache(struct mguest *g, struct om_regs *regs)
{
	regs->a[0] = OPTEE_SMC_RETURN_EBUSY;
	if (any_thread_busy(g))
		return;
	for (uint32_t i = 0; i < MODEL_THREADS_MAX; i++) {
		struct mthread *t = &g->thread[i];

		if (!t->rpc_mobj)
			continue;
		regs->a[0] = OPTEE_SMC_RETURN_OK;
		regs->a[1] = t->rpc_mobj->cookie >> 32;
		regs->a[2] = (uint32_t)t->rpc_mobj->cookie;
		mobj_free(t->rpc_mobj);
		t->rpc_mobj = NULL;
		t->rpc_arg_pa = 0;
		return;
	}
	g->rpc_cache = false;
	regs->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
}

static void enable_shm_cache(struct mguest *g, struct om_regs *regs)
{
	regs->a[0] = any_thread_busy(g) ? OPTEE_SMC_RETURN_EBUSY : OPTEE_SMC_RETURN_OK;
	if (regs->a[0] == OPTEE_SMC_RETURN_OK)
		g->rpc_cache = true;
}

static void get_notif_value(struct mguest *g, struct om_regs *regs)
{
	uint32_t value = 0;

	regs->a[0] = OPTEE_SMC_RETURN_OK;
	regs->a[1] = 0;
	regs->a[2] = 0;
	if (!g || !g->notif)
		return;
	while (!(g->notif & 1ull << value))
		value++;
	g->notif &= ~(1ull << value);
	regs->a[1] = value;
	regs->a[2] = OPTEE_SMC_ASYNC_NOTIF_VALID;
	if (g->notif)
		regs->a[2] |= OPTEE_SMC_ASYNC_NOTIF_PENDING;
}

static void exchange_capabilities(struct model *m, struct om_regs *regs)
{
	if (regs->a[1] & ~(uint64_t)OPTEE_SMC_NSEC_CAP_UNIPROCESSOR) {
		violation(m, "EXCHANGE_CAPABILITIES with NSEC bits 0x%llx",
			  (unsigned long long)regs->a[1]);
		regs->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
		return;
	}
	regs->a[0] = OPTEE_SMC_RETURN_OK;
	regs->a[1] = m->config.sec_caps;
	if (m->config.async_notif)
		regs->a[2] = m->config.max_notif_value;
	else
		regs->a[1] &= ~(uint64_t)OPTEE_SMC_SEC_CAP_ASYNC_NOTIF;
	regs->a[3] = m->config.rpc_params;
}

static void set_regs(struct om_regs *regs, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
	regs->a[0] = a0;
	regs->a[1] = a1;
	regs->a[2] = a2;
	regs->a[3] = a3;
}

/* What anybody may ask, the hypervisor included; false: not one of these. */
static bool identity_smc(struct model *m, struct om_regs *regs)
{
	switch (regs->a[0]) {
	case OPTEE_SMC_CALLS_COUNT:
		regs->a[0] = 14;
		return true;
	case OPTEE_SMC_CALLS_UID:
		if (m->config.wrong_uid)
			set_regs(regs, 0x12345678u, 0x9abcdef0u, 0x0fedcba9u, 0x87654321u);
		else
			set_regs(regs, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2,
				 OPTEE_MSG_UID_3);
		return true;
	case OPTEE_SMC_CALLS_REVISION:
		regs->a[0] = OPTEE_MSG_REVISION_MAJOR;
		regs->a[1] = 0;
		return true;
	case OPTEE_SMC_GET_OS_UUID:
		set_regs(regs, 0x486178e0u, 0xe7f811e3u, 0xbc5e0002u, 0xa5d5c51bu);
		return true;
	case OPTEE_SMC_GET_OS_REVISION:
		set_regs(regs, 4, 10, 0x1ab0cafeu, (uint32_t)regs->a[3]);
		return true;
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		exchange_capabilities(m, regs);
		return true;
	case OPTEE_SMC_GET_THREAD_COUNT:
		regs->a[0] = OPTEE_SMC_RETURN_OK;
		regs->a[1] = m->config.threads;
		return true;
	default:
		return false;
	}
}

/* What only the hypervisor may ask; a guest's id in a7 is the mediator's mistake. */
static bool hypervisor_smc(struct model *m, struct om_regs *regs)
{
	uint32_t fid = (uint32_t)regs->a[0];

	if (fid != OPTEE_SMC_VM_CREATED && fid != OPTEE_SMC_VM_DESTROYED &&
	    fid != OPTEE_SMC_GET_SHM_CONFIG)
		return false;
	if (regs->a[7]) {
		violation(m, "0x%x is forwarded for guest %u (I8)", fid, (uint32_t)regs->a[7]);
		regs->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
		return true;
	}
	if (fid == OPTEE_SMC_GET_SHM_CONFIG)
		set_regs(regs, OPTEE_SMC_RETURN_OK, m->config.reserved_pa,
			 m->config.reserved_size, 1);
	else if (fid == OPTEE_SMC_VM_CREATED)
		regs->a[0] = vm_created(m, (uint32_t)regs->a[1]);
	else
		regs->a[0] = vm_destroyed(m, (uint32_t)regs->a[1]);
	return true;
}

/* What needs a guest: the real one asserts, or loses its global state, without. */
static bool guest_smc(struct model *m, struct mguest *g, struct om_regs *regs)
{
	uint32_t fid = (uint32_t)regs->a[0];
	bool notif = fid == OPTEE_SMC_ENABLE_ASYNC_NOTIF || fid == OPTEE_SMC_GET_ASYNC_NOTIF_VALUE;

	if (!notif && fid != OPTEE_SMC_DISABLE_SHM_CACHE && fid != OPTEE_SMC_ENABLE_SHM_CACHE)
		return false;
	if (notif && !m->config.async_notif) {
		regs->a[0] = OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
		return true;
	}
	if (!g) {
		violation(m, "0x%x with a7 = 0 would panic OP-TEE (I10)", fid);
		regs->a[0] = OPTEE_SMC_RETURN_ENOTAVAIL;
	} else if (fid == OPTEE_SMC_DISABLE_SHM_CACHE) {
		disable_shm_cache(g, regs);
	} else if (fid == OPTEE_SMC_ENABLE_SHM_CACHE) {
		enable_shm_cache(g, regs);
	} else if (fid == OPTEE_SMC_ENABLE_ASYNC_NOTIF) {
		g->notif_started = true;
		regs->a[0] = OPTEE_SMC_RETURN_OK;
	} else {
		get_notif_value(g, regs);
	}
	return true;
}

static void fast_smc(struct model *m, struct mguest *g, struct om_regs *regs)
{
	if (identity_smc(m, regs) || hypervisor_smc(m, regs) || guest_smc(m, g, regs))
		return;
	violation(m, "fast call 0x%llx is forwarded (I8)", (unsigned long long)regs->a[0]);
	regs->a[0] = OPTEE_SMC_RETURN_UNKNOWN_FUNCTION;
}

/* --- Entry -------------------------------------------------------------------------- */

static void count_smc(struct model *m, const struct om_regs *regs)
{
	uint32_t fid = (uint32_t)regs->a[0];

	m->last = *regs;
	m->smcs++;
	if (fid & SMCCC_FID_FAST)
		m->fast_smcs[fid & 0xffu]++;
	else
		m->std_smcs[fid & 0xffu]++;
}

static void dispatch(struct model *m, struct om_regs *regs)
{
	bool fast = regs->a[0] & SMCCC_FID_FAST;
	uint32_t id = (uint32_t)regs->a[7];
	struct mguest *g = find_guest(m, id);

	if (fast && (g || !id)) {
		fast_smc(m, g, regs);
	} else if (g) {
		yielding_smc(m, g, regs);
	} else {
		violation(m, id ? "call 0x%llx for guest %u, which does not exist" :
			  "yielding call 0x%llx with a7 = %u would panic OP-TEE (I10)",
			  (unsigned long long)regs->a[0], id);
		set_regs(regs, OPTEE_SMC_RETURN_ENOTAVAIL, 0xbad00001u, 0xbad00002u, 0xbad00003u);
	}
}

void model_smc(void *model, struct om_regs *regs)
{
	struct model *m = model;

	pthread_mutex_lock(&m->mutex);
	count_smc(m, regs);
	for (size_t i = 0; i < 8; i++)
		if (regs->a[i] >> 32)
			violation(m, "a%zu is not 32-bit (I10)", i);
	if (!scripted_answer(m, regs))
		dispatch(m, regs);
	if (m->config.garbage_high)
		for (size_t i = 0; i < 4; i++)
			regs->a[i] |= JUNK_HIGH;
	pthread_mutex_unlock(&m->mutex);
}

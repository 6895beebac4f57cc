/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests ask the model, and how they make it misbehave.
 *
 * Every function here takes the model's mutex; none is called from a hook. The
 * scripted answers are used by model.c and model_thread.c.
 */
#include <stdlib.h>
#include <string.h>

#include "model_priv.h"

static void take(struct model *m)
{
	pthread_mutex_lock(&m->mutex);
}

static void give(struct model *m)
{
	pthread_mutex_unlock(&m->mutex);
}

/* --- Violations ------------------------------------------------------------------ */

size_t model_violations(struct model *m)
{
	size_t n;

	take(m);
	n = m->violations;
	give(m);
	return n;
}

const char *model_violation(struct model *m, size_t i)
{
	const char *text = NULL;

	take(m);
	if (i < m->violations && i < MODEL_VIOLATIONS)
		text = m->violation[i];
	give(m);
	return text;
}

void model_violations_reset(struct model *m)
{
	take(m);
	for (size_t i = 0; i < MODEL_VIOLATIONS; i++) {
		free(m->violation[i]);
		m->violation[i] = NULL;
	}
	m->violations = 0;
	give(m);
}

void model_assert_clean(struct model *m)
{
	const char *first = model_violation(m, 0);

	if (first)
		test_fail("model: %s (violation 1 of %zu)", first, model_violations(m));
}

/* --- Observation ------------------------------------------------------------------ */

uint64_t model_smcs(struct model *m)
{
	uint64_t n;

	take(m);
	n = m->smcs;
	give(m);
	return n;
}

uint64_t model_smcs_of(struct model *m, uint32_t fid)
{
	uint64_t n;

	take(m);
	n = fid & SMCCC_FID_FAST ? m->fast_smcs[fid & 0xffu] : m->std_smcs[fid & 0xffu];
	give(m);
	return n;
}

struct om_regs model_last_smc(struct model *m)
{
	struct om_regs regs;

	take(m);
	regs = m->last;
	give(m);
	return regs;
}

/* The guest with the mutex taken, NULL (but taken) when there is none. */
static struct mguest *take_guest(struct model *m, uint32_t id)
{
	take(m);
	for (size_t i = 0; i < MODEL_GUESTS_MAX; i++)
		if (m->guest[i].live && m->guest[i].id == id)
			return &m->guest[i];
	return NULL;
}

bool model_vm_exists(struct model *m, uint32_t guest)
{
	bool exists = take_guest(m, guest) != NULL;

	give(m);
	return exists;
}

uint32_t model_vms(struct model *m)
{
	uint32_t n = 0;

	take(m);
	for (size_t i = 0; i < MODEL_GUESTS_MAX; i++)
		n += m->guest[i].live;
	give(m);
	return n;
}

uint32_t model_threads_in_use(struct model *m, uint32_t guest)
{
	struct mguest *g = take_guest(m, guest);
	uint32_t n = 0;

	for (size_t i = 0; g && i < MODEL_THREADS_MAX; i++)
		n += g->thread[i].state != MTHREAD_FREE;
	give(m);
	return n;
}

uint32_t model_sessions(struct model *m, uint32_t guest)
{
	struct mguest *g = take_guest(m, guest);
	uint32_t n = 0;

	for (size_t i = 0; g && i < MODEL_SESSIONS; i++)
		n += g->session[i].id != 0;
	give(m);
	return n;
}

uint32_t model_buffers(struct model *m, uint32_t guest)
{
	struct mguest *g = take_guest(m, guest);
	uint32_t n = g ? g->buffers : 0;

	give(m);
	return n;
}

size_t model_buffer_pa(struct model *m, uint32_t guest, uint64_t cookie, uint64_t *pa, size_t max)
{
	struct mguest *g = take_guest(m, guest);
	struct mobj *o = g ? mobj_find(g, cookie) : NULL;
	size_t n = o ? o->pages : 0;

	for (size_t i = 0; i < n && i < max; i++)
		pa[i] = o->pa[i];
	give(m);
	return n;
}

bool model_notif_started(struct model *m, uint32_t guest)
{
	struct mguest *g = take_guest(m, guest);
	bool is = g && g->notif_started;

	give(m);
	return is;
}

void model_notify(struct model *m, uint32_t guest, uint32_t value)
{
	struct mguest *g = take_guest(m, guest);

	if (g)
		g->notif |= 1ull << (value & 63u);
	give(m);
}

/* --- Misbehaviour ------------------------------------------------------------------ */

void model_on_enter(struct model *m, model_hook *hook, void *arg)
{
	take(m);
	m->on_enter = hook;
	m->on_enter_arg = arg;
	give(m);
}

void model_on_ta(struct model *m, model_ta_hook *hook, void *arg)
{
	take(m);
	m->on_ta = hook;
	m->on_ta_arg = arg;
	give(m);
}

void model_on_return(struct model *m, model_hook *hook, void *arg)
{
	take(m);
	m->on_return = hook;
	m->on_return_arg = arg;
	give(m);
}

static void push(struct manswer *queue, size_t *n, const struct manswer *answer)
{
	if (*n == MODEL_QUEUE)
		test_fail("model: more than %u scripted answers", MODEL_QUEUE);
	else
		queue[(*n)++] = *answer;
}

static bool pop(struct manswer *queue, size_t *n, uint32_t when, bool any, struct manswer *out)
{
	for (size_t i = 0; i < *n; i++) {
		if (queue[i].any ? !any : queue[i].when != when)
			continue;
		*out = queue[i];
		(*n)--;
		memmove(&queue[i], &queue[i + 1], (*n - i) * sizeof(*queue));
		return true;
	}
	return false;
}

void model_answer_next(struct model *m, uint32_t fid, uint64_t a0, uint64_t a1, uint64_t a2,
		       uint64_t a3)
{
	struct manswer answer = { .when = fid, .any = !fid, .a = { a0, a1, a2, a3 } };

	take(m);
	push(m->answer, &m->answers, &answer);
	give(m);
}

void model_replace_next(struct model *m, uint32_t when, uint64_t a0, uint64_t a1, uint64_t a2,
			uint64_t a3)
{
	struct manswer answer = { .when = when, .a = { a0, a1, a2, a3 } };

	take(m);
	push(m->replace, &m->replaces, &answer);
	give(m);
}

bool scripted_answer(struct model *m, struct om_regs *regs)
{
	uint32_t fid = (uint32_t)regs->a[0];
	struct manswer answer;

	if (!pop(m->answer, &m->answers, fid, !(fid & SMCCC_FID_FAST), &answer))
		return false;
	memcpy(regs->a, answer.a, sizeof(answer.a));
	return true;
}

void scripted_return(struct mthread *t, struct om_regs *regs)
{
	struct model *m = t->guest->model;
	struct manswer answer;

	if (pop(m->replace, &m->replaces, (uint32_t)regs->a[0], false, &answer))
		memcpy(regs->a, answer.a, sizeof(answer.a));
}

static void set_code(struct model *m, uint32_t *where, uint32_t code)
{
	take(m);
	*where = code;
	give(m);
}

void model_refuse_register(struct model *m, uint32_t code)
{
	set_code(m, &m->refuse_register, code);
}

void model_refuse_unregister(struct model *m, uint32_t code)
{
	set_code(m, &m->refuse_unregister, code);
}

void model_refuse_vm(struct model *m, uint32_t code)
{
	set_code(m, &m->refuse_vm, code);
}

void model_inject_rpc(struct model *m, const struct model_rpc *rpc)
{
	take(m);
	if (m->injects == MODEL_QUEUE)
		test_fail("model: more than %u RPCs to inject", MODEL_QUEUE);
	else
		m->inject[m->injects++] = *rpc;
	give(m);
}

bool model_injected(struct model *m, size_t i, struct model_rpc_result *result)
{
	bool there;

	take(m);
	there = i < m->results;
	if (there)
		*result = m->result[i];
	give(m);
	return there;
}

void model_injected_reset(struct model *m)
{
	take(m);
	m->results = 0;
	give(m);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's threads: a yielding SMC gets one, or finds the suspended one it
 * resumes, and runs it until it is done or leaves for the normal world.
 *
 * What a command does is in model_std.c. It knows the SMC registers and the
 * message's place, nothing of its contents.
 */
#include <string.h>

#include "model_priv.h"

/* OP-TEE leaves whatever was there in a1..a3 on its early error paths. */
static void answer_error(struct om_regs *regs, uint32_t code)
{
	regs->a[0] = code;
	regs->a[1] = 0xbad00001u;
	regs->a[2] = 0xbad00002u;
	regs->a[3] = 0xbad00003u;
}

static bool bad_address(struct mthread *t, uint64_t pa, const char *why)
{
	violation(t->guest->model, "guest %u: message at 0x%llx %s", t->guest->id,
		  (unsigned long long)pa, why);
	t->run.rv = OPTEE_SMC_RETURN_EBADADDR;
	return false;
}

/* Maps the message, and the RPC argument behind it; false: rv says why. */
static bool map_message(struct mthread *t)
{
	struct mrun *r = &t->run;
	struct optee_msg_hdr *hdr;
	size_t size;

	if (r->arg_pa & (OPTEE_MSG_PAGE_SIZE - 1u))
		return bad_address(t, r->arg_pa, "is not page-aligned");
	r->arg = mobj_new(t->guest, MOBJ_ARG, &r->arg_pa, 1, 0, 0);
	if (!r->arg)
		return bad_address(t, r->arg_pa, "is no memory to use");
	hdr = msg_hdr(t);
	r->num_params = hdr->num_params;
	if (r->num_params > OPTEE_MSG_MAX_NUM_PARAMS)
		return bad_address(t, r->arg_pa, "has too many parameters");
	size = OPTEE_MSG_ARG_SIZE(r->num_params);
	if (r->fid == OPTEE_SMC_CALL_WITH_RPC_ARG &&
	    size + OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS) > OPTEE_MSG_PAGE_SIZE)
		return bad_address(t, r->arg_pa, "leaves no room for the RPC argument");
	return true;
}

static struct model_event event_of(struct mthread *t, struct om_regs *regs)
{
	struct model_event event = {
		.guest = t->guest->id,
		.thread = t->index,
		.regs = regs,
	};

	if (t->run.arg)
		event.arg = mem_at(t->guest, t->run.arg_pa, OPTEE_MSG_PAGE_SIZE, true);
	if (t->rpc_arg_pa)
		event.rpc_arg = mem_at(t->guest, t->rpc_arg_pa,
				       OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS), true);
	return event;
}

static void enter_hook(struct mthread *t)
{
	struct model *m = t->guest->model;
	struct model_event event;

	if (!m->on_enter)
		return;
	event = event_of(t, &m->last);
	m->on_enter(m->on_enter_arg, &event);
}

static bool interrupt_due(struct mthread *t)
{
	struct model *m = t->guest->model;

	return m->config.interrupt_every && ++m->runs % m->config.interrupt_every == 0;
}

/* std_smc_entry() and call_entry_std() of the real one. */
static bool run_call(struct mthread *t)
{
	struct mguest *g = t->guest;
	struct mrun *r = &t->run;

	PT_BEGIN(&r->pt_entry)
	if (interrupt_due(t))
		PT_CALL(&r->pt_entry, leave_foreign_intr(t));
	if (!map_message(t))
		PT_EXIT(&r->pt_entry);
	enter_hook(t);
	if (r->fid == OPTEE_SMC_CALL_WITH_RPC_ARG) {
		if (g->rpc_cache)
			PT_CALL(&r->pt_entry, rpc_free_arg(t));
		t->rpc_arg_pa = r->arg_pa + OPTEE_MSG_ARG_SIZE(r->num_params);
	}
	PT_CALL(&r->pt_entry, std_entry(t));
	PT_CALL(&r->pt_entry, fs_cache_clear(t));
	if (r->fid == OPTEE_SMC_CALL_WITH_RPC_ARG)
		t->rpc_arg_pa = 0;
	if (r->rv == OPTEE_SMC_RETURN_OK && !g->rpc_cache)
		PT_CALL(&r->pt_entry, rpc_free_arg(t));
	PT_END(&r->pt_entry);
}

static void run_thread(struct mthread *t, struct om_regs *regs)
{
	struct model *m = t->guest->model;
	struct mrun *r = &t->run;
	struct model_event event;

	t->state = MTHREAD_ACTIVE;
	if (run_call(t)) {
		t->state = MTHREAD_FREE;
		regs->a[0] = r->rv;
		regs->a[1] = 0;
		regs->a[2] = 0;
		regs->a[3] = 0;
	} else {
		t->state = MTHREAD_SUSPENDED;
		regs->a[0] = r->out[0];
		regs->a[1] = r->out[1];
		regs->a[2] = r->out[2];
		regs->a[3] = t->index;
	}
	scripted_return(t, regs);
	if (m->on_return) {
		event = event_of(t, regs);
		m->on_return(m->on_return_arg, &event);
	}
	if (t->state == MTHREAD_FREE) {
		mobj_free(r->arg);
		r->arg = NULL;
	}
}

static void begin_call(struct model *m, struct mguest *g, struct om_regs *regs)
{
	for (uint32_t i = 0; i < m->config.threads; i++) {
		struct mthread *t = &g->thread[i];

		if (t->state != MTHREAD_FREE)
			continue;
		memset(&t->run, 0, sizeof(t->run));
		t->run.fid = (uint32_t)regs->a[0];
		t->run.gone_before = g->gone_count;
		t->run.arg_pa = regs->a[1] << 32 | (uint32_t)regs->a[2];
		run_thread(t, regs);
		return;
	}
	answer_error(regs, OPTEE_SMC_RETURN_ETHREAD_LIMIT);
}

static void resume_call(struct model *m, struct mguest *g, struct om_regs *regs)
{
	uint32_t i = (uint32_t)regs->a[3];
	struct mthread *t;

	if (i >= m->config.threads || g->thread[i].state != MTHREAD_SUSPENDED) {
		violation(m, "guest %u: thread 0x%x is resumed, which is not suspended (I6)",
			  g->id, i);
		answer_error(regs, OPTEE_SMC_RETURN_ERESUME);
		return;
	}
	t = &g->thread[i];
	if (t->run.copy_args) {
		t->run.in[0] = (uint32_t)regs->a[1];
		t->run.in[1] = (uint32_t)regs->a[2];
		t->run.in[2] = (uint32_t)regs->a[4];
		t->run.in[3] = (uint32_t)regs->a[5];
	}
	run_thread(t, regs);
}

void yielding_smc(struct model *m, struct mguest *g, struct om_regs *regs)
{
	switch (regs->a[0]) {
	case OPTEE_SMC_RETURN_FROM_RPC:
		resume_call(m, g, regs);
		break;
	case OPTEE_SMC_CALL_WITH_ARG:
	case OPTEE_SMC_CALL_WITH_RPC_ARG:
		begin_call(m, g, regs);
		break;
	case OPTEE_SMC_CALL_WITH_REGD_ARG:
		/* Would put OP-TEE's hands on guest memory as a message. */
		violation(m, "guest %u: CALL_WITH_REGD_ARG is forwarded (I1)", g->id);
		answer_error(regs, OPTEE_SMC_RETURN_EBADADDR);
		break;
	default:
		violation(m, "guest %u: unknown yielding call 0x%llx is forwarded (I8)", g->id,
			  (unsigned long long)regs->a[0]);
		answer_error(regs, OPTEE_SMC_RETURN_EBADCMD);
		break;
	}
}

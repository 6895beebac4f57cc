/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend: the operations that the library calls, and all calls of the library.
 * docs/porting.md explains it.
 */
#include <optee_mediator/abi_smc.h>

#include "hyp.h"

/*
 * Limits of the conformance guest. Every build of this OP-TEE can map mapped_pages for a
 * guest (docs/porting.md); one call may use most of them.
 */
static struct om_limits limits = {
	.threads = 2, .buffers = 128, .rpc_args = 8, .pages = 2200, .list_pages = 4,
	.call_pages = 600, .mapped_pages = OM_MAPPED_PAGES_DEFAULT,
};
static const struct om_limits linux_limits = OM_LIMITS_DEFAULT;

#define GUEST_MEM_SIZE	(640 * 1024)

static struct om_mediator mediator;

/*
 * The library's memory: shadow pages, and om_guest_size() bytes for each guest. No guest's
 * stage 2 maps it.
 */
static struct {
	uint8_t shadow[SHADOW_PAGES][PAGE];
	uint8_t guest[GUESTS][GUEST_MEM_SIZE];
} memory __attribute__((aligned(4096)));

/* A stack of free shadow pages. */
static uint32_t free_pages[SHADOW_PAGES];
static unsigned int free_count;
static uint32_t pages_lock;

/* ---- operations for the library (host.h) ---- */

static int pin(void *ctx, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct guest *g = ctx;
	size_t i;

	/* Guest memory never moves, so to translate a page is to pin it. */
	for (i = 0; i < n; i++)
		if (!stage2_ram(g, ipa[i].raw, &pa[i].raw))
			return -1;
	__atomic_fetch_add(&g->pinned, (uint32_t)n, __ATOMIC_RELAXED);
	return 0;
}

static void unpin(void *ctx, const om_pa_t *pa, size_t n)
{
	struct guest *g = ctx;

	(void)pa;
	__atomic_fetch_sub(&g->pinned, (uint32_t)n, __ATOMIC_RELAXED);
}

/* All RAM is mapped at EL2, at its PA. */
static int read_page(void *ctx, om_pa_t pa, void *dst, size_t len)
{
	(void)ctx;
	__builtin_memcpy(dst, (const void *)pa.raw, len);
	return 0;
}

static int write_page(void *ctx, om_pa_t pa, const void *src, size_t len)
{
	(void)ctx;
	__builtin_memcpy((void *)pa.raw, src, len);
	return 0;
}

static int page_alloc(void *host, struct om_page *page)
{
	int ret = -1;

	(void)host;
	lock(&pages_lock);
	if (free_count) {
		page->va = memory.shadow[free_pages[--free_count]];
		page->pa.raw = (uintptr_t)page->va;
		ret = 0;
	}
	unlock(&pages_lock);
	return ret;
}

static void page_free(void *host, const struct om_page *page)
{
	(void)host;
	lock(&pages_lock);
	free_pages[free_count++] =
		(uint32_t)((page->pa.raw - (uintptr_t)memory.shadow) / PAGE);
	unlock(&pages_lock);
}

/* The conduit: an SMC made at EL2 goes to the firmware. */
static void conduit(void *host, struct om_regs *regs)
{
	(void)host;
	smc(regs->a);
}

static void lock_guest(void *ctx)
{
	lock(&((struct guest *)ctx)->lock);
}

static void unlock_guest(void *ctx)
{
	unlock(&((struct guest *)ctx)->lock);
}

/* Interrupts are masked at EL2, so a pending one waits until the guest is entered. */
static bool should_yield(void *host)
{
	(void)host;
	return irq_waiting();
}

/* The guest's vCPU may be on the other core. */
static void notify(void *ctx)
{
	vgic_notify(ctx);
}

static void trace(void *ctx, const struct om_trace_event *event)
{
	char line[200];

	if (((struct guest *)ctx)->id != trace_guest || event->id == OM_TRACE_STATE)
		return;
	om_trace_text(event, line, sizeof(line));
	say("trace: %s\n", line);
}

static struct om_host_ops ops = {
	.pin = pin, .unpin = unpin, .read = read_page, .write = write_page,
	.page_alloc = page_alloc, .page_free = page_free, .smc = conduit,
	.lock = lock_guest, .unlock = unlock_guest,
	.should_yield = should_yield, .notify = notify,
};

/* ---- calls of the library (mediator.h) ---- */

void backend_init(bool for_linux, unsigned int pages, uint64_t record)
{
	enum om_result result;

	if (for_linux)
		limits = linux_limits;
	if (pages) {
		limits.pages = pages;
		limits.list_pages = (pages + 510) / 511;
	}
	for (free_count = 0; free_count < SHADOW_PAGES; free_count++)
		free_pages[free_count] = free_count;
	if (trace_guest)
		ops.trace = trace;
	record_begin(record, &ops);
	result = recorder ? om_record_mediator_init(recorder, &mediator) :
			    om_mediator_init(&mediator, &ops, NULL);
	if (result != OM_OK)
		fatal(om_result_text(result));
}

void backend_create(struct guest *g)
{
	void *mem = memory.guest[g - guests];
	struct om_guest *om;
	enum om_result result;

	if (recorder) {
		result = om_record_guest_create(recorder, &g->recorded, &mediator, g->id,
						&limits, g, mem, GUEST_MEM_SIZE);
		om = g->recorded.guest;
	} else {
		result = om_guest_create(&mediator, g->id, &limits, g, mem, GUEST_MEM_SIZE, &om);
	}
	if (result != OM_OK)
		fatal(om_result_text(result));
	lock(&g->om_lock);
	g->om = om;
	unlock(&g->om_lock);
}

/*
 * The guest runs another kernel than the one that shared memory and opened sessions, so
 * its OP-TEE is reset. This vCPU has just started the new driver; the others wait.
 */
static void reset(struct vcpu *v)
{
	struct guest *g = v->guest;
	enum om_result result;
	unsigned int steps = 1;

	if (!vcpus_hold(v))
		return;
	while ((result = recorder ? om_record_guest_reset(&g->recorded) :
				    om_guest_reset(g->om)) == OM_AGAIN) {
		irq_handle(v);
		steps++;
	}
	__builtin_memset(g->moves.waiting, 0, sizeof(g->moves.waiting));
	/* On any error the guest has no OP-TEE from now on: its next calls fail. */
	say("hypervisor: guest %u: another kernel, OP-TEE starts over in %u steps: %s; "
	    "%u pages pinned\n", g->id, steps, om_result_text(result), g->pinned);
	vcpus_release(v);
}

/* Handles an SMC or HVC of a guest, on the vCPU's core; false when it is not for OP-TEE. */
bool backend_smc(struct vcpu *v, uint64_t x[8])
{
	struct guest *g = v->guest;
	enum om_outcome outcome;
	struct om_regs regs;

	__builtin_memcpy(regs.a, x, sizeof(regs.a));
	outcome = recorder ? om_record_guest_call(&g->recorded, v->index, &regs) :
			     om_guest_call(g->om, v->index, &regs);
	if (outcome == OM_NOT_HANDLED)
		return false;
	moves_note(&g->moves, v->index, x, regs.a);
	__builtin_memcpy(x, regs.a, 4 * sizeof(x[0]));
	if (outcome == OM_HANDLED_NEW_DRIVER)
		reset(v);
	/* For the demonstration: the guest dies while OP-TEE waits for its reply. */
	if (g->kill_in && !g->kill_text && x[0] == OPTEE_SMC_RETURN_RPC_CMD && --g->kill_in == 0)
		guest_stop(v, "killed, in the middle of a call");
	return true;
}

/* Passes on OP-TEE's notification interrupt, of which there is one for all guests. */
void backend_interrupt(void)
{
	unsigned int i;

	for (i = 0; i < guest_count; i++) {
		lock(&guests[i].om_lock);
		if (guests[i].om && recorder)
			om_record_guest_interrupt(&guests[i].recorded);
		else if (guests[i].om)
			om_guest_interrupt(guests[i].om);
		unlock(&guests[i].om_lock);
	}
}

/* All vCPUs of the guest are stopped. OP-TEE drops the calls that it has not ended. */
void backend_destroy(struct guest *g)
{
	struct om_guest *om = g->om;
	enum om_result result;
	unsigned int steps = 1;

	lock(&g->om_lock);
	g->om = NULL;
	unlock(&g->om_lock);
	say("hypervisor: guest %u: %u pages pinned, %u shadow pages free\n", g->id, g->pinned,
	    free_count);
	/* OM_AGAIN: an interrupt is pending on this core; take it, then continue. */
	while ((result = recorder ? om_record_guest_destroy(&g->recorded) :
				    om_guest_destroy(om)) == OM_AGAIN) {
		irq_handle(g->stopped_by);
		steps++;
	}
	if (result != OM_OK)
		fatal(om_result_text(result));
	say("hypervisor: guest %u: destroyed in %u steps; %u pages pinned, %u shadow pages free\n",
	    g->id, steps, g->pinned, free_count);
	if (g->pinned)
		fatal("pages are still pinned after the guest's end");
}

bool backend_is_empty(void)
{
	return free_count == SHADOW_PAGES;
}

void backend_limits(struct guest_info *info)
{
	info->threads = limits.threads;
	info->buffers = limits.buffers;
	info->rpc_args = limits.rpc_args;
	info->pages = limits.pages;
	info->list_pages = limits.list_pages;
	info->call_pages = limits.call_pages;
	info->mapped_pages = limits.mapped_pages;
}

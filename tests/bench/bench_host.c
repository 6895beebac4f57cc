/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor and the secure world of the bench. See bench_host.h. */
#define _GNU_SOURCE	/* MAP_ANONYMOUS, MAP_NORESERVE */

#include "bench_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <optee_mediator/abi_smc.h>

/* Odd, so that it permutes the pages: no two neighbours stay together. */
#define SCATTER		40503u
#define ENTRY_BITS	((uint64_t)BENCH_PAGE - 1)
#define SECURE_THREADS	16u

void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

/* Zeroed pages that cost nothing until they are touched. */
static void *map(size_t size)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (va == MAP_FAILED)
		bench_die("out of memory");
	return va;
}

static void *allocate(size_t size)
{
	void *p = aligned_alloc(OM_GUEST_ALIGN, (size + OM_GUEST_ALIGN - 1) &
				~(size_t)(OM_GUEST_ALIGN - 1));

	if (!p)
		bench_die("out of memory");
	return p;
}

/*
 * Host operations: guest memory.
 */

static struct bench_frame *frame_of(struct bench_guest *guest, uint64_t pa)
{
	return &guest->frames[(pa - BENCH_PA_BASE) / BENCH_PAGE];
}

/* One page: in RAM, writable, this guest's. */
static bool pin_page(struct bench_guest *guest, uint64_t ipa, om_pa_t *pa)
{
	const uint64_t wanted = BENCH_ENTRY_RAM | BENCH_ENTRY_WRITABLE;
	uint64_t page = (ipa - BENCH_IPA_BASE) / BENCH_PAGE;
	struct bench_frame *frame;
	uint64_t entry;

	if (page >= BENCH_RAM_PAGES)
		return false;
	entry = guest->table[page];
	if ((entry & ENTRY_BITS) != wanted)
		return false;
	pa->raw = entry & ~ENTRY_BITS;
	frame = frame_of(guest, pa->raw);
	if (frame->owner != guest->id)
		return false;
	__atomic_fetch_add(&frame->pins, 1, __ATOMIC_RELAXED);
	return true;
}

static void bench_host_unpin(void *ctx, const om_pa_t *pa, size_t n)
{
	struct bench_guest *guest = ctx;

	for (size_t i = 0; i < n; i++)
		__atomic_fetch_sub(&frame_of(guest, pa[i].raw)->pins, 1, __ATOMIC_RELEASE);
}

static int bench_host_pin(void *ctx, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct bench_guest *guest = ctx;

	for (size_t i = 0; i < n; i++) {
		if (!pin_page(guest, ipa[i].raw, &pa[i])) {
			bench_host_unpin(guest, pa, i);
			return -1;
		}
	}
	return 0;
}

/* The direct map of guest RAM; NULL when it is not there. */
static uint8_t *ram_at(struct bench_guest *guest, om_pa_t pa)
{
	uint64_t offset = pa.raw - BENCH_PA_BASE;

	return offset < (uint64_t)BENCH_RAM_PAGES * BENCH_PAGE ? guest->ram + offset : NULL;
}

static int bench_host_read(void *ctx, om_pa_t pa, void *dst, size_t len)
{
	const uint8_t *src = ram_at(ctx, pa);

	if (!src)
		return -1;
	memcpy(dst, src, len);
	return 0;
}

static int bench_host_write(void *ctx, om_pa_t pa, const void *src, size_t len)
{
	uint8_t *dst = ram_at(ctx, pa);

	if (!dst)
		return -1;
	memcpy(dst, src, len);
	return 0;
}

static void bench_host_lock(void *ctx)
{
	struct bench_guest *guest = ctx;

	while (__atomic_exchange_n(&guest->spinlock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&guest->spinlock, __ATOMIC_RELAXED))
			;
}

static void bench_host_unlock(void *ctx)
{
	struct bench_guest *guest = ctx;

	__atomic_store_n(&guest->spinlock, 0, __ATOMIC_RELEASE);
}

static bool bench_host_should_yield(void *ctx)
{
	struct bench_host *host = ctx;

	return __atomic_load_n(&host->interrupt_waits, __ATOMIC_RELAXED);
}

/* Pages are not used twice: a guest takes all of its own when it is created. */
static int bench_host_page_alloc(void *ctx, struct om_page *page)
{
	struct bench_host *host = ctx;
	uint32_t i = host->shadow_used;

	host->page_allocs++;
	if (i == BENCH_SHADOW_PAGES)
		return -1;
	host->shadow_used++;
	page->va = host->shadow + (size_t)i * BENCH_PAGE;
	page->pa.raw = BENCH_SHADOW_PA_BASE + (uint64_t)i * BENCH_PAGE;
	return 0;
}

static void bench_host_page_free(void *ctx, const struct om_page *page)
{
	struct bench_host *host = ctx;

	(void)page;
	host->page_frees++;
}

/*
 * The secure world. Its whole cost is that of bench_smc and what it calls.
 */

static uint8_t *shadow_at(struct bench_host *host, uint64_t pa)
{
	return host->shadow + (pa - BENCH_SHADOW_PA_BASE);
}

static void give(struct om_regs *regs, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	regs->a[0] = a0;
	regs->a[1] = a1;
	regs->a[2] = a2;
	regs->a[3] = a3;
}

/* Writes what OP-TEE writes: outputs by attribute, ret, origin. */
static void finish(struct bench_host *host, struct bench_thread *thread, struct om_regs *regs)
{
	struct optee_msg_hdr *hdr = (void *)thread->arg;
	struct optee_msg_param *param = (void *)(hdr + 1);

	for (uint32_t i = 0; i < hdr->num_params; i++) {
		if (param[i].attr == OPTEE_MSG_ATTR_TYPE_VALUE_INOUT) {
			param[i].u.value.a++;
			param[i].u.value.b++;
		} else if (param[i].attr == OPTEE_MSG_ATTR_TYPE_RMEM_INOUT) {
			param[i].u.rmem.size /= 2;
		}
	}
	if (hdr->cmd == OPTEE_MSG_CMD_OPEN_SESSION)
		hdr->session = ++host->sessions;
	hdr->ret = TEEC_SUCCESS;
	hdr->ret_origin = TEEC_ORIGIN_TRUSTED_APP;
	give(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
}

static void ask(struct bench_thread *thread, struct om_regs *regs, uint32_t index, uint32_t cmd)
{
	struct optee_msg_hdr *hdr = (void *)thread->rpc;
	struct optee_msg_param *param = (void *)(hdr + 1);

	hdr->cmd = cmd;
	hdr->ret = TEEC_ERROR_GENERIC;
	hdr->num_params = 1;
	param->attr = cmd == OPTEE_RPC_CMD_GET_TIME ? OPTEE_MSG_ATTR_TYPE_VALUE_OUTPUT :
						      OPTEE_MSG_ATTR_TYPE_VALUE_INPUT;
	param->u.value.a = OPTEE_RPC_SHM_TYPE_KERNEL;
	param->u.value.b = cmd == OPTEE_RPC_CMD_SHM_FREE ? thread->payload : BENCH_PAGE;
	param->u.value.c = 0;
	give(regs, OPTEE_SMC_RETURN_RPC_CMD, thread->cookie >> 32, (uint32_t)thread->cookie,
	     index);
}

static void enter(struct bench_host *host, struct om_regs *regs)
{
	uint64_t pa = regs->a[1] << 32 | regs->a[2];
	uint32_t index = (uint32_t)((pa - BENCH_SHADOW_PA_BASE) / BENCH_PAGE);
	struct bench_thread *thread = &host->threads[index];
	const struct optee_msg_hdr *hdr;

	thread->arg = shadow_at(host, pa);
	thread->fid = (uint32_t)regs->a[0];
	thread->step = 0;
	hdr = (const void *)thread->arg;
	if (hdr->cmd != OPTEE_MSG_CMD_INVOKE_COMMAND || host->script == BENCH_PLAIN) {
		finish(host, thread, regs);
	} else if (host->script == BENCH_INTERRUPT) {
		give(regs, OPTEE_SMC_RETURN_RPC_FOREIGN_INTR, 0, 0, index);
	} else if (thread->fid == OPTEE_SMC_CALL_WITH_RPC_ARG) {
		thread->rpc = thread->arg + OPTEE_MSG_ARG_SIZE(hdr->num_params);
		thread->cookie = 0;
		ask(thread, regs, index, OPTEE_RPC_CMD_GET_TIME);
	} else {
		give(regs, OPTEE_SMC_RETURN_RPC_ALLOC,
		     OPTEE_MSG_ARG_SIZE(OPTEE_MSG_RPC_PARAMS), 0, index);
	}
}

static void resume(struct bench_host *host, struct om_regs *regs)
{
	uint32_t index = (uint32_t)regs->a[3] % BENCH_SHADOW_PAGES;
	struct bench_thread *thread = &host->threads[index];
	const struct optee_msg_param *param;

	if (host->script == BENCH_INTERRUPT || thread->fid == OPTEE_SMC_CALL_WITH_RPC_ARG) {
		finish(host, thread, regs);
		return;
	}
	switch (thread->step++) {
	case 0:
		thread->rpc = shadow_at(host, regs->a[1] << 32 | regs->a[2]);
		thread->cookie = regs->a[4] << 32 | regs->a[5];
		ask(thread, regs, index, host->script == BENCH_TIME ? OPTEE_RPC_CMD_GET_TIME :
								      OPTEE_RPC_CMD_SHM_ALLOC);
		break;
	case 1:
		if (host->script == BENCH_PAYLOAD) {
			param = (void *)(thread->rpc + sizeof(struct optee_msg_hdr));
			thread->payload = param->u.tmem.shm_ref;
			ask(thread, regs, index, OPTEE_RPC_CMD_SHM_FREE);
			break;
		}
		thread->step++;
		/* fall through */
	case 2:
		give(regs, OPTEE_SMC_RETURN_RPC_FREE, thread->cookie >> 32,
		     (uint32_t)thread->cookie, index);
		break;
	default:
		finish(host, thread, regs);
		break;
	}
}

/* What the mediator asks when it probes, and VM_CREATED and VM_DESTROYED. */
static void answer_fast(struct om_regs *regs)
{
	switch (regs->a[0]) {
	case OPTEE_SMC_CALLS_UID:
		give(regs, OPTEE_MSG_UID_0, OPTEE_MSG_UID_1, OPTEE_MSG_UID_2, OPTEE_MSG_UID_3);
		break;
	case OPTEE_SMC_CALLS_REVISION:
		give(regs, OPTEE_MSG_REVISION_MAJOR, 0, 0, 0);
		break;
	case OPTEE_SMC_GET_THREAD_COUNT:
		give(regs, OPTEE_SMC_RETURN_OK, SECURE_THREADS, 0, 0);
		break;
	case OPTEE_SMC_EXCHANGE_CAPABILITIES:
		give(regs, OPTEE_SMC_RETURN_OK,
		     OPTEE_SMC_SEC_CAP_RESERVED_SHM | OPTEE_SMC_SEC_CAP_DYNAMIC_SHM |
		     OPTEE_SMC_SEC_CAP_VIRTUALIZATION | OPTEE_SMC_SEC_CAP_MEMREF_NULL |
		     OPTEE_SMC_SEC_CAP_RPC_ARG, 0, OPTEE_MSG_RPC_PARAMS);
		break;
	case OPTEE_SMC_GET_SHM_CONFIG:
		give(regs, OPTEE_SMC_RETURN_OK, BENCH_RESERVED_PA, BENCH_RESERVED_SIZE, 1);
		break;
	case OPTEE_SMC_VM_CREATED:
	case OPTEE_SMC_VM_DESTROYED:
		give(regs, OPTEE_SMC_RETURN_OK, 0, 0, 0);
		break;
	default:
		give(regs, OPTEE_SMC_RETURN_UNKNOWN_FUNCTION, 0, 0, 0);
		break;
	}
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Time that OP-TEE would spend, and nobody waits for. */
static void take(uint32_t ns)
{
	uint64_t start = now();

	while (now() - start < ns)
		;
}

static void bench_smc(void *ctx, struct om_regs *regs)
{
	const struct bench_host *host = ctx;

	if (host->takes)
		take(host->takes);
	switch (regs->a[0]) {
	case OPTEE_SMC_CALL_WITH_ARG:
	case OPTEE_SMC_CALL_WITH_RPC_ARG:
		enter(ctx, regs);
		break;
	case OPTEE_SMC_RETURN_FROM_RPC:
		resume(ctx, regs);
		break;
	default:
		answer_fast(regs);
		break;
	}
}

static const struct om_host_ops plain_ops = {
	.pin = bench_host_pin,
	.unpin = bench_host_unpin,
	.read = bench_host_read,
	.write = bench_host_write,
	.page_alloc = bench_host_page_alloc,
	.page_free = bench_host_page_free,
	.smc = bench_smc,
	.lock = bench_host_lock,
	.unlock = bench_host_unlock,
	.should_yield = bench_host_should_yield,
};

/*
 * The same with counting, which is a run of its own: it would weigh on the others.
 */

static int count_pin(void *ctx, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	struct bench_guest *guest = ctx;

	guest->counts.pinned += n;
	return bench_host_pin(ctx, ipa, n, pa);
}

static int count_read(void *ctx, om_pa_t pa, void *dst, size_t len)
{
	struct bench_guest *guest = ctx;

	guest->counts.reads++;
	guest->counts.read_bytes += len;
	return bench_host_read(ctx, pa, dst, len);
}

static int count_write(void *ctx, om_pa_t pa, const void *src, size_t len)
{
	struct bench_guest *guest = ctx;

	guest->counts.writes++;
	guest->counts.written_bytes += len;
	return bench_host_write(ctx, pa, src, len);
}

static void count_lock(void *ctx)
{
	struct bench_guest *guest = ctx;

	guest->counts.locks++;
	bench_host_lock(ctx);
}

static const struct om_host_ops counting_ops = {
	.pin = count_pin,
	.unpin = bench_host_unpin,
	.read = count_read,
	.write = count_write,
	.page_alloc = bench_host_page_alloc,
	.page_free = bench_host_page_free,
	.smc = bench_smc,
	.lock = count_lock,
	.unlock = bench_host_unlock,
	.should_yield = bench_host_should_yield,
};

/*
 * Setting it up.
 */

struct bench_host *bench_host_new(bool count)
{
	struct bench_host *host = allocate(sizeof(*host));

	memset(host, 0, sizeof(*host));
	host->shadow = map((size_t)BENCH_SHADOW_PAGES * BENCH_PAGE);
	if (om_mediator_init(&host->mediator, count ? &counting_ops : &plain_ops, host) != OM_OK)
		bench_die("om_mediator_init failed");
	return host;
}

void bench_host_free(struct bench_host *host)
{
	if (host->page_frees != host->page_allocs)
		bench_die("shadow pages were not given back");
	munmap(host->shadow, (size_t)BENCH_SHADOW_PAGES * BENCH_PAGE);
	free(host);
}

struct bench_guest *bench_guest_new(struct bench_host *host, uint32_t id)
{
	const struct om_limits limits = BENCH_LIMITS;
	struct bench_guest *guest = allocate(sizeof(*guest));
	size_t size = om_guest_size(&limits);

	memset(guest, 0, sizeof(*guest));
	guest->id = id;
	guest->table = map(BENCH_RAM_PAGES * sizeof(guest->table[0]));
	guest->frames = map(BENCH_RAM_PAGES * sizeof(guest->frames[0]));
	guest->ram = map((size_t)BENCH_RAM_PAGES * BENCH_PAGE);
	for (uint32_t i = 0; i < BENCH_RAM_PAGES; i++) {
		uint64_t frame = i * SCATTER % BENCH_RAM_PAGES;

		guest->table[i] = (BENCH_PA_BASE + frame * BENCH_PAGE) |
				  BENCH_ENTRY_RAM | BENCH_ENTRY_WRITABLE;
		guest->frames[frame].owner = id;
	}
	guest->memory = allocate(size);
	if (om_guest_create(&host->mediator, id, &limits, guest, guest->memory, size,
			    &guest->om) != OM_OK)
		bench_die("om_guest_create failed");
	return guest;
}

void bench_guest_free(struct bench_guest *guest)
{
	if (om_guest_destroy(guest->om) != OM_OK)
		bench_die("om_guest_destroy failed");
	for (uint32_t i = 0; i < BENCH_RAM_PAGES; i++)
		if (guest->frames[i].pins)
			bench_die("a page is still pinned");
	munmap(guest->table, BENCH_RAM_PAGES * sizeof(guest->table[0]));
	munmap(guest->frames, BENCH_RAM_PAGES * sizeof(guest->frames[0]));
	munmap(guest->ram, (size_t)BENCH_RAM_PAGES * BENCH_PAGE);
	free(guest->memory);
	free(guest);
}

uint64_t bench_guest_page(struct bench_guest *guest)
{
	if (guest->next_page == BENCH_RAM_PAGES)
		bench_die("the guest has no RAM left");
	return BENCH_IPA_BASE + (uint64_t)guest->next_page++ * BENCH_PAGE;
}

void *bench_guest_va(struct bench_guest *guest, uint64_t ipa)
{
	uint64_t entry = guest->table[(ipa - BENCH_IPA_BASE) / BENCH_PAGE];

	return guest->ram + ((entry & ~ENTRY_BITS) - BENCH_PA_BASE);
}

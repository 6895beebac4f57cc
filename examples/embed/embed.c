/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest embedder: one guest whose RAM is contiguous and never moves, so that
 * translation is an addition and there is nothing to pin. A static-partitioning
 * hypervisor supplies much the same.
 *
 * pretend_optee() takes the place of the SMC instruction; see pretend_optee.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optee_mediator/abi_smc.h>
#include <optee_mediator/mediator.h>

#include "pretend_optee.h"

#define PAGE	 4096
#define RAM_IPA	 0x40000000	/* where the guest sees its RAM */
#define RAM_SIZE (64 * PAGE)

static uint8_t ram[RAM_SIZE] __attribute__((aligned(PAGE)));

/* README: begin */
static int pin(void *guest, const om_ipa_t *ipa, size_t n, om_pa_t *pa)
{
	(void)guest;
	for (size_t i = 0; i < n; i++) {
		if (ipa[i].raw - RAM_IPA >= RAM_SIZE)
			return -1;	/* not this guest's RAM: refuse all */
		/* % keeps a CPU that mispredicts the check in bounds, too. */
		pa[i].raw = (uintptr_t)ram + (ipa[i].raw - RAM_IPA) % RAM_SIZE;
	}
	return 0;
}

static void unpin(void *guest, const om_pa_t *pa, size_t n)
{
	(void)guest, (void)pa, (void)n;	/* this RAM never goes away */
}

static int read_guest(void *guest, om_pa_t pa, void *dst, size_t len)
{
	(void)guest;
	memcpy(dst, (const void *)(uintptr_t)pa.raw, len);
	return 0;
}

static int write_guest(void *guest, om_pa_t pa, const void *src, size_t len)
{
	(void)guest;
	memcpy((void *)(uintptr_t)pa.raw, src, len);
	return 0;
}

static int page_alloc(void *host, struct om_page *page)
{
	(void)host;
	page->va = aligned_alloc(PAGE, PAGE);
	page->pa.raw = (uintptr_t)page->va;
	return page->va ? 0 : -1;
}

static void page_free(void *host, const struct om_page *page)
{
	(void)host;
	free(page->va);
}

static void smc(void *host, struct om_regs *regs)
{
	(void)host;
	pretend_optee(regs);		/* at EL2: the SMC instruction */
}

static void no_lock(void *guest)
{
	(void)guest;			/* one vCPU: nobody to lock out */
}

static const struct om_host_ops ops = {
	.pin = pin, .unpin = unpin, .read = read_guest, .write = write_guest,
	.page_alloc = page_alloc, .page_free = page_free, .smc = smc,
	.lock = no_lock, .unlock = no_lock,
};

/* The guest's SMC was trapped: regs are its x0..x7, vcpu is who made it. */
static bool on_guest_smc(struct om_guest *guest, unsigned int vcpu, struct om_regs *regs)
{
	return om_guest_call(guest, vcpu, regs);	/* false: somebody else's */
}
/* README: end */

int main(void)
{
	static struct om_mediator mediator;
	const struct om_limits limits = {
		.threads = 2, .buffers = 16, .rpc_args = 2, .pages = 64, .list_pages = 8,
	};
	size_t size = om_guest_size(&limits);
	void *mem = aligned_alloc(OM_GUEST_ALIGN, size);
	struct om_regs regs = { .a = { OPTEE_SMC_GET_OS_REVISION } };
	struct om_guest *guest;
	enum om_result result;

	result = om_mediator_init(&mediator, &ops, NULL);
	if (result == OM_OK)
		result = mem ? om_guest_create(&mediator, 1, &limits, NULL, mem, size, &guest) :
			       OM_ERR_NO_MEMORY;
	if (result != OM_OK) {
		fprintf(stderr, "embed: %s\n", om_result_text(result));
		free(mem);
		return 1;
	}

	on_guest_smc(guest, 0, &regs);
	printf("embed: the guest sees OP-TEE %u.%u\n", (unsigned)regs.a[0], (unsigned)regs.a[1]);
	do
		result = om_guest_destroy(guest);
	while (result == OM_AGAIN);
	if (result == OM_OK)
		free(mem);	/* else OP-TEE may still use it: never free it */
	return result != OM_OK;
}

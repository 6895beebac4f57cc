/* SPDX-License-Identifier: BSD-2-Clause */
/* See on_host.h. Must not know what a scenario is about, nor what OP-TEE there is. */
#include "on_host.h"

#include <string.h>

void on_host_smc(void *ctx, unsigned int vcpu, uint64_t x[8])
{
	struct test_guest *guest = ctx;
	struct om_regs regs;

	memcpy(regs.a, x, sizeof(regs.a));
	switch (test_guest_call(guest, vcpu, &regs)) {
	case OM_NOT_HANDLED:
		test_fail("an SMC of the guest's was not the mediator's: 0x%llx",
			  (unsigned long long)x[0]);
		break;
	case OM_HANDLED_NEW_DRIVER:
		while (om_guest_reset(guest->om) == OM_AGAIN)
			;
		break;
	default:
		break;
	}
	memcpy(x, regs.a, sizeof(regs.a));
}

bool on_host_is_host_address(void *ctx, uint64_t value)
{
	const struct test_guest *guest = ctx;

	return test_host_is_host_address(guest->host, value);
}

struct cg_platform on_host(struct test_guest *guest, const struct om_limits *limits)
{
	return (struct cg_platform){
		.ctx = guest,
		.smc = on_host_smc,
		.is_host_address = on_host_is_host_address,
		.ram = guest->ram,
		.ram_ipa = guest->ipa,
		.ram_size = (uint64_t)guest->ram_pages * TEST_PAGE,
		.hole_ipa = guest->hole_ipa,
		.readonly_ipa = guest->readonly_ipa,
		.mmio_ipa = guest->mmio_ipa,
		.reserved_ipa = guest->reserved_ipa,
		.limits = { limits->threads, limits->buffers, limits->rpc_args, limits->pages,
			    limits->list_pages, limits->call_pages,
			    limits->mapped_pages ? limits->mapped_pages :
						   OM_MAPPED_PAGES_DEFAULT },
		.vcpus = 4,
	};
}

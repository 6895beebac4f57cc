/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_is_page_address(), om_is_usable(), om_pair(), om_high(), om_low(): the small ones that
 * decide on addresses, against what they mean.
 *
 * Assumes: that OP-TEE's reserved memory does not wrap around the end of all memory; where
 * it claims to, om_is_usable() refuses too little of it, which harms nobody but OP-TEE.
 * Proves: a page address is a multiple of 4096 and not 0; a usable page is not 0 and not in
 * the reserved memory; an address passed in two registers comes back as it was.
 *
 * Class: quick
 * Unwind: 1
 *   No loop.
 */
#include "proof.h"

#include "page_list.h"

int main(void)
{
	const struct om_reserved reserved = { .base = any_u64(), .size = any_u64() };
	const om_pa_t pa = { any_u64() };
	uint64_t ipa = any_u64();

	PROVE(om_is_page_address(ipa) == (ipa != 0 && ipa % OPTEE_MSG_PAGE_SIZE == 0),
	      "a page address is aligned and not 0");
	PROVE(om_pair(om_high(ipa), om_low(ipa)) == ipa, "an address survives two registers");
	PROVE(om_high(ipa) <= UINT32_MAX && om_low(ipa) <= UINT32_MAX,
	      "an address is passed in 32-bit registers (I10)");
	ASSUME(reserved.base <= UINT64_MAX - reserved.size);
	PROVE(om_is_usable(&reserved, pa) ==
	      (pa.raw != 0 && (pa.raw < reserved.base || pa.raw >= reserved.base + reserved.size)),
	      "a usable page is not 0 and not in the reserved memory (I2)");
	REACHED("the end");
	return 0;
}

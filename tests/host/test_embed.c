/* SPDX-License-Identifier: BSD-2-Clause */
/* The edges of RAM in examples/embed: what its pin() takes, and what it must not. */

#include "test.h"

int embed_main(void);
#define main embed_main
#include "../../examples/embed/embed.c"
#undef main

static bool pinned(uint64_t ipa)
{
	om_ipa_t both[2] = { { RAM_IPA }, { ipa } };
	om_pa_t pa[2];

	return pin(NULL, both, 2, pa) == 0;
}

TEST(fault_g1_embed_pins_its_ram_and_no_page_beside)
{
	assert_true(pinned(RAM_IPA));
	assert_true(pinned(RAM_IPA + RAM_SIZE - PAGE));
	assert_false(pinned(RAM_IPA - PAGE));
	assert_false(pinned(RAM_IPA + RAM_SIZE));
	assert_false(pinned(0));
	assert_false(pinned(UINT64_MAX - PAGE + 1));
}

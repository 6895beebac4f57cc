/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edges of RAM in examples/el2-hypervisor: what its stage 2 gives to guests and its
 * pin() takes. The file is the hypervisor's own; its few instructions are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define __asm__
#define volatile(...) ((void)0)
#include "../../examples/el2-hypervisor/hyp.h"
#undef write_reg
#define write_reg(reg, v) ((void)(v))
#include "../../examples/el2-hypervisor/stage2.c"
#undef volatile
#undef __asm__

struct guest guests[GUESTS];

void fatal(const char *what)
{
	fail_msg("%s", what);
	abort();
}

static bool is_ram(const struct guest *g, uint64_t ipa)
{
	uint64_t pa;

	return stage2_ram(g, ipa, &pa);
}

static void edges(uint64_t ram_size, bool is_linux)
{
	struct guest *g = &guests[1];

	memset(tables, 0, sizeof(tables));
	g->ram_size = ram_size;
	g->is_linux = is_linux;
	stage2_build(g);
	assert_true(is_ram(g, GUEST_IMAGE_IPA));
	assert_true(is_ram(g, GUEST_RAM_IPA));
	assert_true(is_ram(g, GUEST_RAM_IPA + ram_size - PAGE));
	assert_false(is_ram(g, GUEST_IMAGE_IPA - PAGE));
	assert_false(is_ram(g, GUEST_RAM_IPA + ram_size));
	assert_false(is_ram(g, GUEST_IMAGE_IPA + ENTRIES * BLOCK));
	assert_false(is_ram(g, 0));
	assert_false(is_ram(g, UINT64_MAX - PAGE + 1));
}

TEST(fault_g1_stage2_ends_where_ram_ends)
{
	edges(GUEST_RAM_SIZE, false);
	edges(LINUX_RAM_SIZE, true);
	/* All that the tables can map. */
	edges(GUEST_IMAGE_IPA + ENTRIES * BLOCK - GUEST_RAM_IPA, true);
}

/* What a test guest has between its image and its RAM is no RAM to write. */
TEST(fault_g1_pages_before_the_tests_ram_are_no_ram)
{
	struct guest *g = &guests[0];

	memset(tables, 0, sizeof(tables));
	g->ram_size = GUEST_RAM_SIZE;
	stage2_build(g);
	assert_false(is_ram(g, GUEST_HOLE_IPA));
	assert_false(is_ram(g, GUEST_INFO_IPA));
	assert_false(is_ram(g, GUEST_DEVICE_IPA));
	assert_true(is_ram(g, GUEST_DEVICE_IPA - PAGE));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2: the guest's (intermediate) physical address space.
 *
 * No IPA equals its PA: a guest's RAM is 2 MiB blocks in permuted order, mixed with those
 * of the other guest, and the 2 MiB before it are 4 KiB pages in another order. The tables
 * are built once and never change.
 */
#include "hyp.h"

#define ENTRIES		512
#define CACHE_LINE	64

/* 32-bit IPAs from level 1, 4 KiB granules, 40-bit PAs, cacheable walks. */
#define VTCR_EL2	(1u << 31 | 2u << 16 | 3u << 12 | 1u << 10 | 1u << 8 | 1u << 6 | 32u)

#define VALID		(1ull << 0)
#define TABLE		(1ull << 1)	/* at level 3: a page */
#define MEMORY		(0xfull << 2)	/* MemAttr: cacheable */
#define DEVICE		(0x1ull << 2)
#define ATTR_MASK	(0xfull << 2)
#define READ		(1ull << 6)	/* S2AP */
#define WRITE		(1ull << 7)
#define SHARED		(3ull << 8)	/* inner shareable */
#define ACCESSED	(1ull << 10)
#define EXECUTE_NEVER	(1ull << 54)
#define ADDRESS		0x0000fffffffff000ull

#define RAM		(VALID | MEMORY | READ | WRITE | SHARED | ACCESSED)

static struct tables {
	uint64_t l1[ENTRIES];
	uint64_t l2[ENTRIES];	/* the GiB at GUEST_IMAGE_IPA */
	uint64_t l3[ENTRIES];	/* its first 2 MiB */
} tables[GUESTS] __attribute__((aligned(4096)));

_Static_assert(GUEST_LOW + GUESTS * (LINUX_RAM_SIZE / 2 + BLOCK) <= LINUX_KERNEL,
	       "guests' memory would overlap the images that they are copied from");

/*
 * The PA of block n of a guest; block 0 is the one in 4 KiB pages. This is a permutation
 * as long as the number of blocks is no multiple of 5.
 */
static uint64_t block_pa(const struct guest *g, unsigned int n)
{
	uint64_t at = (n * 5 + 3) % (g->ram_size / BLOCK + 1);

	return (at % 2 ? GUEST_HIGH : GUEST_LOW) +
	       (at / 2 * GUESTS + (uint64_t)(g - guests)) * BLOCK;
}

static uint64_t *l3_entry(struct tables *t, uint64_t ipa)
{
	return &t->l3[(ipa / PAGE) % ENTRIES];
}

void stage2_build(struct guest *g)
{
	struct tables *t = &tables[g - guests];
	unsigned int n;

	t->l1[GUEST_IMAGE_IPA >> 30] = (uintptr_t)t->l2 | TABLE | VALID;
	t->l2[0] = (uintptr_t)t->l3 | TABLE | VALID;
	for (n = 1; n <= g->ram_size / BLOCK; n++)
		t->l2[n] = block_pa(g, n) | RAM;
	for (n = 0; n < ENTRIES; n++)
		t->l3[n] = (block_pa(g, 0) + (n * 173 + 57) % ENTRIES * PAGE) | RAM | TABLE;
	if (g->is_linux)
		return;

	*l3_entry(t, GUEST_INFO_IPA) &= ~WRITE;
	*l3_entry(t, GUEST_HOLE_IPA) = 0;
	*l3_entry(t, GUEST_DEVICE_IPA) =
		CLOCK | VALID | TABLE | DEVICE | READ | ACCESSED | EXECUTE_NEVER;
	/*
	 * No hypervisor should map this memory, which OP-TEE has reserved to share it with
	 * the normal world. Here a test tries to share it and has to be refused.
	 */
	*l3_entry(t, GUEST_RESERVED_IPA) = OPTEE_SHM | RAM | TABLE | EXECUTE_NEVER;
}

void stage2_use(const struct guest *g)
{
	write_reg(vtcr_el2, VTCR_EL2);
	write_reg(vttbr_el2, (uintptr_t)tables[g - guests].l1 | (uint64_t)g->id << 48);
	isb();
	__asm__ volatile("dsb ishst; tlbi vmalls12e1is; dsb ish; isb" : : : "memory");
}

/* The descriptor that maps an IPA, 0 for none; *size: the bytes that it maps. */
static uint64_t walk(const struct guest *g, uint64_t ipa, uint64_t *size)
{
	const struct tables *t = &tables[g - guests];
	uint64_t at = ipa - GUEST_IMAGE_IPA;

	if (ipa < GUEST_IMAGE_IPA || at >= ENTRIES * BLOCK)
		return 0;
	*size = at < BLOCK ? PAGE : BLOCK;
	/* % keeps a CPU that mispredicts one of the checks inside the tables. */
	return at < BLOCK ? t->l3[at / PAGE % ENTRIES] : t->l2[at / BLOCK % ENTRIES];
}

bool stage2_ram(const struct guest *g, uint64_t ipa, uint64_t *pa)
{
	uint64_t size;
	uint64_t entry = walk(g, ipa, &size);

	if (!(entry & VALID) || (entry & ATTR_MASK) != MEMORY || !(entry & WRITE))
		return false;
	*pa = (entry & ADDRESS) + ipa % size;
	return true;
}

uint64_t stage2_page(const struct guest *g, uint64_t ipa)
{
	uint64_t size;
	uint64_t entry = walk(g, ipa, &size);

	if (!(entry & VALID) || (entry & ATTR_MASK) != MEMORY)
		fatal("the hypervisor has used an IPA that is not RAM");
	return (entry & ADDRESS) + ipa % size;
}

void stage2_write(const struct guest *g, uint64_t ipa, const void *from, size_t size)
{
	const uint8_t *at = from;

	while (size) {
		size_t n = PAGE - ipa % PAGE < size ? PAGE - ipa % PAGE : size;
		uint64_t pa = stage2_page(g, ipa);
		uint64_t line;

		__builtin_memcpy((void *)pa, at, n);
		/* The guest starts with caches off and may execute what was written. */
		for (line = pa & ~(CACHE_LINE - 1ull); line < pa + n; line += CACHE_LINE)
			__asm__ volatile("dc civac, %0" : : "r"(line) : "memory");
		ipa += n;
		at += n;
		size -= n;
	}
	__asm__ volatile("dsb ish; ic ialluis; dsb ish; isb" : : : "memory");
}

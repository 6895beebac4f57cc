/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: device trees. The input builds a tree, so what must be found in it is
 * known; then it may damage it, and nothing may be believed any more. Finding changes
 * nothing; adding changes nothing but for the node it adds, and nothing when it fails.
 */
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include <optee_mediator/fdt.h>

#include "host/host.h"
#include "input.h"
#include "target.h"

#define TREE_MAX	4096
#define DEPTH_MAX	4u

/* A tree, and what om_fdt_find_optee() must say of it. */
struct tree {
	struct input *in;
	uint8_t *fdt;
	bool firmware;			/* the first /firmware has begun */
	bool in_firmware;
	bool exists;			/* an OP-TEE node anywhere, or something called so */
	bool decided;
	enum om_fdt_result result;
	struct om_fdt_optee found;
};

static void check(bool good, const char *what)
{
	if (!good)
		test_fail("device tree: %s", what);
}

static void put_string(struct tree *t, const char *name, const char *value, size_t size)
{
	check(fdt_property(t->fdt, name, value, (int)size) == 0, "the generator has no room");
}

static const char *const methods[] = { "smc", "hvc", "", "smcc", "sm" };
static const char *const statuses[] = { "okay", "ok", "disabled", "okay\0x", "" };

/* The properties of a node that OP-TEE might be. */
static void put_tee(struct tree *t, bool candidate)
{
	/* The lengths count: what is found in a list ends with a NUL. */
	static const struct { const char *text; size_t size; bool is; } compatibles[] = {
		{ "linaro,optee-tz", 16, true },
		{ "vendor,tee\0linaro,optee-tz", 27, true },
		{ "linaro,optee-tz2", 17, false },
		{ "linaro,optee", 13, false },
	};
	struct input *in = t->in;
	uint32_t compatible = in_pick(in, 5);
	uint32_t status = in_pick(in, 8);
	uint32_t method = in_pick(in, 6);
	uint32_t bytes = in_pick(in, 24);
	bool enabled = status >= 5 || status < 2;
	bool is = compatible < 4 && compatibles[compatible].is;
	_Alignas(4) uint8_t cells[24];

	for (uint32_t i = 0; i < sizeof(cells); i++)
		cells[i] = (uint8_t)(i * 17 + compatible);
	if (compatible < 4)
		put_string(t, "compatible", compatibles[compatible].text,
			   compatibles[compatible].size);
	if (status < 5)
		put_string(t, "status", statuses[status], status == 3 ? 7 :
			   strlen(statuses[status]) + 1);
	if (method < 5)
		put_string(t, "method", methods[method], strlen(methods[method]) + 1);
	if (bytes < 22)
		check(fdt_property(t->fdt, "interrupts", cells, (int)bytes) == 0, "no room");
	t->exists |= is;
	if (!candidate || t->decided || !is || !enabled)
		return;
	t->decided = true;
	t->found.method = method == 1 ? OM_FDT_HVC : OM_FDT_SMC;
	t->found.interrupt_cells = bytes < 22 ? bytes / 4 : 0;
	t->result = method > 1 ? OM_FDT_ERR_METHOD : bytes < 22 && bytes % 4 ? OM_FDT_ERR_TREE :
		    bytes < 22 && bytes > 16 ? OM_FDT_ERR_ARGUMENT : OM_FDT_OK;
	for (uint32_t i = 0; i < t->found.interrupt_cells && i < 4; i++)
		t->found.interrupt[i] = fdt32_ld((const fdt32_t *)(const void *)&cells[4 * i]);
}

static void put_node(struct tree *t, uint32_t depth);

static void put_subnodes(struct tree *t, uint32_t depth)
{
	for (uint32_t n = in_pick(t->in, depth ? 3 : 5); n; n--)
		put_node(t, depth + 1);
}

static void put_node(struct tree *t, uint32_t depth)
{
	static const char *const names[] = { "firmware", "optee", "tee@1", "chosen", "optee@2" };
	uint32_t name = in_pick(t->in, 5);
	bool firmware = depth == 1 && name == 0 && !t->firmware;

	check(fdt_begin_node(t->fdt, names[name]) == 0, "no room for a node");
	if (firmware) {
		t->firmware = true;
		t->in_firmware = true;
	}
	/* A unit address may be left out of a path. */
	t->exists |= depth == 2 && t->in_firmware && (name == 1 || name == 4);
	put_tee(t, depth == 2 && t->in_firmware);
	if (depth < DEPTH_MAX)
		put_subnodes(t, depth);
	check(fdt_end_node(t->fdt) == 0, "no room for an end");
	if (firmware)
		t->in_firmware = false;
}

static size_t make(struct tree *t)
{
	check(fdt_create(t->fdt, TREE_MAX * 16) == 0, "create");
	for (uint32_t n = in_pick(t->in, 3); n; n--)
		fdt_add_reservemap_entry(t->fdt, n * 4096, 4096);
	fdt_finish_reservemap(t->fdt);
	fdt_begin_node(t->fdt, "");
	put_subnodes(t, 0);
	fdt_end_node(t->fdt);
	check(fdt_finish(t->fdt) == 0, "finish");
	if (!t->decided)
		t->result = OM_FDT_ERR_NOT_FOUND;
	return fdt_totalsize(t->fdt);
}

/* A block of exactly this size, so that a sanitizer sees any byte too many. */
static uint8_t *block(const uint8_t *from, size_t n, size_t size)
{
	uint8_t *p = malloc(size ? size : 1);

	if (!p)
		abort();
	memset(p, 0xa5, size);
	memcpy(p, from, n < size ? n : size);
	return p;
}

static void find(const struct tree *t, size_t size, bool damaged)
{
	uint8_t *fdt = block(t->fdt, size, size);
	struct om_fdt_optee out, before;
	enum om_fdt_result result;

	memset(&out, 0x5a, sizeof(out));
	before = out;
	result = om_fdt_find_optee(fdt, size, &out);
	check(memcmp(fdt, t->fdt, size) == 0, "finding has changed it");
	check(result == OM_FDT_OK || memcmp(&out, &before, sizeof(out)) == 0,
	      "nothing is found, and something given");
	check(result != OM_FDT_OK || (out.method <= OM_FDT_HVC &&
				      out.interrupt_cells <= OM_FDT_INTERRUPT_CELLS_MAX),
	      "what is found is out of range");
	check(damaged || result == t->result, "not what the tree says");
	if (!damaged && result == OM_FDT_OK)
		check(out.method == t->found.method &&
		      out.interrupt_cells == t->found.interrupt_cells &&
		      memcmp(out.interrupt, t->found.interrupt, out.interrupt_cells * 4) == 0,
		      "another OP-TEE than the tree's is found");
	free(fdt);
}

/* The next node that is in both trees: two of the new one's are not. */
static int next_old(const void *fdt, int node, int *depth, int skip1, int skip2)
{
	do
		node = fdt_next_node(fdt, node, depth);
	while (node >= 0 && (node == skip1 || node == skip2));
	return node;
}

static void check_same_node(const void *a, int na, const void *b, int nb)
{
	int pa = fdt_first_property_offset(a, na), pb = fdt_first_property_offset(b, nb);

	check(strcmp(fdt_get_name(a, na, NULL), fdt_get_name(b, nb, NULL)) == 0,
	      "a node has another name");
	while (pa >= 0 && pb >= 0) {
		const char *namea, *nameb;
		int lena, lenb;
		const void *va = fdt_getprop_by_offset(a, pa, &namea, &lena);
		const void *vb = fdt_getprop_by_offset(b, pb, &nameb, &lenb);

		check(lena == lenb && !strcmp(namea, nameb) && !memcmp(va, vb, (size_t)lena),
		      "a property has changed");
		pa = fdt_next_property_offset(a, pa);
		pb = fdt_next_property_offset(b, pb);
	}
	check(pa < 0 && pb < 0, "a node has lost or won properties");
}

/* All that was there is there, and one node more: two if there was no /firmware. */
static void check_added(const uint8_t *old, const uint8_t *fdt, bool had_firmware)
{
	int ours = fdt_path_offset(fdt, "/firmware/optee");
	int firmware = had_firmware ? -1 : fdt_path_offset(fdt, "/firmware");
	int a = -1, b = -1, da = 0, db = 0;

	check(ours >= 0, "the node is not there");
	do {
		a = fdt_next_node(old, a, &da);
		b = next_old(fdt, b, &db, ours, firmware);
		check((a >= 0) == (b >= 0), "there are more nodes, or fewer");
		if (a >= 0 && b >= 0)
			check_same_node(old, a, fdt, b);
	} while (a >= 0 && b >= 0);
}

static void add(const struct tree *t, size_t used, bool damaged)
{
	struct input *in = t->in;
	size_t room = in_rarely(in, 2) ? in_u8(in) : 1024;
	size_t size = used + room;
	uint8_t *fdt = block(t->fdt, used, size);
	uint8_t *before = block(fdt, size, size);
	struct om_fdt_optee optee = { .method = in_rarely(in, 3) ? OM_FDT_HVC : OM_FDT_SMC,
				      .interrupt_cells = in_pick(in, 6),
				      .interrupt = { 0, in_u8(in), 4, in_u8(in) } };
	struct om_fdt_optee found;
	enum om_fdt_result result = om_fdt_add_optee(fdt, size, &optee);

	check(result == OM_FDT_OK || memcmp(fdt, before, size) == 0, "an error has changed it");
	if (optee.interrupt_cells > OM_FDT_INTERRUPT_CELLS_MAX)
		check(result == OM_FDT_ERR_ARGUMENT, "too many cells are taken");
	else if (!damaged && t->exists)
		check(result == OM_FDT_ERR_EXISTS, "a second OP-TEE is taken");
	else if (!damaged && result != OM_FDT_OK)
		check(result == OM_FDT_ERR_SPACE && room < 256, "a good tree is refused");
	if (result == OM_FDT_OK) {
		check(fdt_totalsize(fdt) == size && fdt_check_full(fdt, size) == 0,
		      "the new tree is damaged");
		if (!damaged)
			check_added(t->fdt, fdt, t->firmware);
		check(om_fdt_find_optee(fdt, size, &found) == OM_FDT_OK &&
		      found.method == optee.method &&
		      found.interrupt_cells == optee.interrupt_cells &&
		      memcmp(found.interrupt, optee.interrupt, 4 * found.interrupt_cells) == 0,
		      "what was added is not found");
	}
	free(before);
	free(fdt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static _Alignas(8) uint8_t memory[TREE_MAX * 16];
	struct tree t = { .in = &in, .fdt = memory };
	uint32_t spoilt = in_rarely(&in, 2) ? in_pick(&in, 8) : 0;
	size_t used;

	memset(memory, 0, sizeof(memory));
	used = make(&t);
	for (uint32_t i = 0; i < spoilt; i++) {
		size_t at = in_u16(&in) % used;

		/* The header decides most: every second time. */
		memory[i % 2 ? at : at % sizeof(struct fdt_header)] = in_u8(&in);
	}
	if (spoilt == 7)
		used = in_u16(&in) % used;
	find(&t, used, spoilt);
	add(&t, used, spoilt);
	return 0;
}

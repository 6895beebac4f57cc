/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_fdt_add_optee(): any memory that may be a guest's device tree, of any size.
 *
 * Assumes: the contract of fdt.h, size bytes can be read and written; of libfdt what
 * trees.h says. What changes a tree may fail at any time, or (is_sound) only for lack of
 * room, counted as the Devicetree specification does.
 * Proves: memory safety, no overflow and no cast that cuts, for any sizes and offsets in a
 * header; the results are those of fdt.h; nothing is asked of a tree before it was checked;
 * as long as libfdt keeps its word, the tree is not touched on any error, and what is found
 * to be enough room is enough; a failure of libfdt's is never passed off as success; the
 * node says what the caller said.
 *
 * Class: quick
 * Sources: fdt.c
 * Model: trees.c
 * Unwind: 20
 *   4 cells, and strings of at most 19 characters.
 */
#include "trees.h"

#include <string.h>

#include <optee_mediator/fdt.h>

struct om_fdt_optee nondet_optee(void);

static struct om_fdt_optee optee;
static uint32_t properties;

/* The bytes of a value are those of a text and its NUL. */
static bool is_text(const uint8_t *value, int len, const char *text)
{
	int i;

	if (len != (int)strlen(text) + 1)
		return false;
	for (i = 0; i < len; i++)
		if (value[i] != (uint8_t)text[i])
			return false;
	return true;
}

void tree_property_set(const char *name, const void *value, int len)
{
	const uint8_t *at = value;
	uint32_t i;

	properties++;
	if (name[0] == 'c') {
		PROVE(is_text(at, len, "linaro,optee-tz"), "the node is OP-TEE's");
	} else if (name[0] == 'm') {
		PROVE(is_text(at, len, optee.method == OM_FDT_SMC ? "smc" : "hvc"),
		      "the method is the caller's");
	} else {
		PROVE((uint32_t)len == optee.interrupt_cells * 4 && len > 0,
		      "there are as many cells as the caller has");
		i = any_below(optee.interrupt_cells);
		PROVE(((uint32_t)at[4 * i] << 24 | (uint32_t)at[4 * i + 1] << 16 |
		       (uint32_t)at[4 * i + 2] << 8 | at[4 * i + 3]) == optee.interrupt[i],
		      "the interrupt is the caller's");
	}
}

int main(void)
{
	bool has_optee = any_bool();
	enum om_fdt_result result;

	optee = nondet_optee();
	tree_init();
	result = om_fdt_add_optee(tree.fdt, tree.size, has_optee ? &optee : NULL);

	if (!tree.fdt || !has_optee)
		PROVE(result == OM_FDT_ERR_ARGUMENT, "NULL is refused");
	if (tree.is_sound)
		PROVE(tree.failed == 0, "there is room for all that is written, and a root");
	if (result != OM_FDT_OK) {
		PROVE(result == OM_FDT_ERR_TREE || result == OM_FDT_ERR_EXISTS ||
		      result == OM_FDT_ERR_SPACE || result == OM_FDT_ERR_ARGUMENT,
		      "the errors are those of fdt.h");
		PROVE(tree.writes == 0 || tree.failed > 0, "on error nothing changed");
		if (result == OM_FDT_ERR_SPACE)
			REACHED("no room");
		if (tree.failed)
			REACHED("libfdt failed");
		return 0;
	}
	PROVE(tree.checked && tree.failed == 0, "a failure of libfdt's is no success");
	PROVE(tree.room == (tree.size < 0x7ffffff8u ? tree.size : 0x7ffffff8u),
	      "the tree is as long as its buffer, or as libfdt's longest");
	PROVE(properties == 2u + (optee.interrupt_cells > 0), "the node has its properties");
	PROVE(optee.interrupt_cells <= OM_FDT_INTERRUPT_CELLS_MAX &&
	      (optee.method == OM_FDT_SMC || optee.method == OM_FDT_HVC), "only what is valid");
	REACHED("added");
	return 0;
}

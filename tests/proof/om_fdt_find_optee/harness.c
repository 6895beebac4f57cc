/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * om_fdt_find_optee(): any memory that may be a device tree, of any size.
 *
 * Assumes: the contract of fdt.h, size bytes can be read; of libfdt what trees.h says.
 * Bounded: 3 subnodes of /firmware. An iteration remembers nothing of the one before but
 * where it is, and that is any offset.
 * Proves: memory safety, and that no value is read past the length that libfdt reports;
 * nothing is asked of a tree before it was checked in full, nor read when it is too short
 * for a header; out is set on OM_FDT_OK only, and then it is what the tree says of a node
 * that is compatible and enabled; the results are those of fdt.h.
 *
 * Class: quick
 * Sources: fdt.c
 * Model: trees.c
 * Unwind: 20
 *   3 subnodes, 4 cells, and strings of at most 19 characters.
 */
#include "trees.h"

#include <string.h>

#include <optee_mediator/fdt.h>

struct om_fdt_optee nondet_optee(void);

void tree_property_set(const char *name, const void *value, int len)
{
	(void)name, (void)value, (void)len;
	PROVE(false, "a host's tree is not changed");
}

static bool is_value(enum tree_property which, const char *text)
{
	size_t n = strlen(text) + 1, i;

	if (!tree.value[which] || tree.length[which] != (int)n)
		return false;
	for (i = 0; i < n; i++)
		if (tree.value[which][i] != (uint8_t)text[i])
			return false;
	return true;
}

/* Cell i of the interrupt, in the byte order of a tree. */
static uint32_t cell(uint32_t i)
{
	const uint8_t *at = tree.value[TREE_INTERRUPTS] + i * 4;

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_same(const struct om_fdt_optee *a, const struct om_fdt_optee *b)
{
	uint32_t i = any_below(OM_FDT_INTERRUPT_CELLS_MAX);

	return a->method == b->method && a->interrupt_cells == b->interrupt_cells &&
	       a->interrupt[i] == b->interrupt[i];
}

int main(void)
{
	struct om_fdt_optee out = nondet_optee();
	const struct om_fdt_optee before = out;
	bool has_out = any_bool();
	enum om_fdt_result result;
	uint32_t i;

	tree_init();
	result = om_fdt_find_optee(tree.fdt, tree.size, has_out ? &out : NULL);

	PROVE((result == OM_FDT_ERR_ARGUMENT && (!tree.fdt || !has_out)) || (tree.fdt && has_out),
	      "NULL is refused");
	if (result != OM_FDT_OK) {
		PROVE(result == OM_FDT_ERR_TREE || result == OM_FDT_ERR_NOT_FOUND ||
		      result == OM_FDT_ERR_METHOD || result == OM_FDT_ERR_ARGUMENT,
		      "the errors are those of fdt.h");
		PROVE(is_same(&out, &before), "on error nothing changed");
		if (result == OM_FDT_ERR_METHOD)
			REACHED("refused late");
		return 0;
	}
	PROVE(tree.checked && tree.has_root && tree.is_compatible, "what is found is in a whole tree, and OP-TEE's");
	PROVE(tree.asked[TREE_STATUS] &&
	      (!tree.value[TREE_STATUS] || is_value(TREE_STATUS, "okay") ||
	       is_value(TREE_STATUS, "ok")), "what is found is enabled");
	PROVE(is_value(TREE_METHOD, out.method == OM_FDT_SMC ? "smc" : "hvc"),
	      "the method is what the tree says");
	PROVE(out.interrupt_cells <= OM_FDT_INTERRUPT_CELLS_MAX, "cells have room");
	PROVE((int)(out.interrupt_cells * 4) ==
	      (tree.value[TREE_INTERRUPTS] ? tree.length[TREE_INTERRUPTS] : 0),
	      "there are as many cells as the tree has");
	if (out.interrupt_cells == 0)
		return 0;
	i = any_below(out.interrupt_cells);
	PROVE(out.interrupt[i] == cell(i), "the interrupt is what the tree says");
	REACHED("found, with an interrupt");
	return 0;
}

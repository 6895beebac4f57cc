/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libfdt in the proofs of fdt.c: functions that give any result that libfdt.h allows, of
 * any tree. What they know of a tree is what the library was told of it.
 *
 * Beyond libfdt.h it is only assumed of the read-only functions that a tree which
 * fdt_check_full() took has a count of reservations. That it has a root is not assumed.
 */
#ifndef TESTS_PROOF_TREES_H
#define TESTS_PROOF_TREES_H

#include "proof.h"

/* Properties that are read, by the first letter of their name. */
enum tree_property {
	TREE_STATUS,
	TREE_METHOD,
	TREE_INTERRUPTS,
	TREE_PROPERTIES
};

struct tree {
	void *fdt;		/* what the library was given */
	size_t size;
	bool checked;		/* fdt_check_full() took it */
	bool has_root;		/* which fdt_check_full() does not ask for */
	int node;		/* the last offset that was given out, or 0 */
	uint32_t nodes;		/* how many in a row */
	bool is_compatible;	/* that node */
	/* What was asked of it, and the value: NULL when it is not there. */
	bool asked[TREE_PROPERTIES];
	const uint8_t *value[TREE_PROPERTIES];
	int length[TREE_PROPERTIES];
	/*
	 * Whether what writes fails only for an offset that is none, or for lack of room:
	 * for what the Devicetree specification, 5.4, says a node and a property take.
	 */
	bool is_sound;
	uint64_t end;		/* of what is in use */
	uint64_t room;
	uint32_t writes;	/* calls that may have changed the tree */
	uint32_t failed;	/* how many of them failed */
};

extern struct tree tree;

/* Any memory of any size that may be a tree, or none of it. */
void tree_init(void);

/* A property that the library sets; a harness says what it should be. */
void tree_property_set(const char *name, const void *value, int len);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* libfdt in the proofs of fdt.c. See trees.h. */
#include "trees.h"

#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

/* Nodes in a row; no step of the library's remembers the one before. */
#define IN_A_ROW	3u

struct tree tree;

void tree_init(void)
{
	tree.size = any_size();
	/* Longer than any tree, and a buffer is smaller than the address space. */
	ASSUME(tree.size <= UINT64_C(1) << 40);
	tree.fdt = any_bool() ? malloc(tree.size) : NULL;
	tree.is_sound = any_bool();
	tree.has_root = any_bool();
}

static int any_error(void)
{
	int error = any_int();

	ASSUME(error >= -FDT_ERR_MAX && error < 0);
	return error;
}

static int any_offset(void)
{
	int offset = any_int();

	ASSUME(offset >= 0);
	tree.node = offset;
	return offset;
}

static int any_offset_or_error(void)
{
	return any_bool() ? any_offset() : any_error();
}

static void check_tree(const void *fdt)
{
	PROVE(fdt == tree.fdt && tree.checked, "tree: nothing is believed before it is checked");
}

static void check_node(const void *fdt, int node)
{
	check_tree(fdt);
	PROVE(node == tree.node && node >= 0, "tree: a node is one that libfdt found");
}

int fdt_check_full(const void *fdt, size_t bufsize)
{
	PROVE(fdt == tree.fdt && bufsize <= tree.size, "tree: no more than the buffer is read");
	tree.checked = any_bool();
	return tree.checked ? 0 : any_error();
}

int fdt_path_offset(const void *fdt, const char *path)
{
	check_tree(fdt);
	PROVE(path[0] == '/', "tree: a path is absolute");
	return any_offset_or_error();
}

/* The first or the next of some nodes. */
static int any_subnode(void)
{
	tree.is_compatible = tree.asked[TREE_STATUS] = false;
	return tree.nodes++ < IN_A_ROW ? any_offset_or_error() : -FDT_ERR_NOTFOUND;
}

int fdt_first_subnode(const void *fdt, int offset)
{
	check_node(fdt, offset);
	tree.nodes = 0;
	return any_subnode();
}

int fdt_next_subnode(const void *fdt, int offset)
{
	check_node(fdt, offset);
	return any_subnode();
}

int fdt_node_check_compatible(const void *fdt, int nodeoffset, const char *compatible)
{
	(void)compatible;
	check_node(fdt, nodeoffset);
	tree.is_compatible = any_bool();
	if (tree.is_compatible)
		return 0;
	return any_bool() ? 1 : any_error();
}

int fdt_node_offset_by_compatible(const void *fdt, int startoffset, const char *compatible)
{
	(void)startoffset, (void)compatible;
	check_tree(fdt);
	return any_offset_or_error();
}

static enum tree_property property_of(const char *name)
{
	return name[0] == 's' ? TREE_STATUS : name[0] == 'm' ? TREE_METHOD : TREE_INTERRUPTS;
}

/* A value of any length, which is memory of just that length. */
const void *fdt_getprop(const void *fdt, int nodeoffset, const char *name, int *lenp)
{
	enum tree_property which = property_of(name);
	int len = any_bool() ? any_error() : any_int();

	check_node(fdt, nodeoffset);
	ASSUME(len >= -FDT_ERR_MAX);
	tree.asked[which] = true;
	tree.value[which] = len < 0 ? NULL : malloc((size_t)len);
	tree.length[which] = len;
	*lenp = len;
	return tree.value[which];
}

int fdt_num_mem_rsv(const void *fdt)
{
	int n = any_int();

	check_tree(fdt);
	ASSUME(n >= 0);
	return n;
}

const char *fdt_get_name(const void *fdt, int nodeoffset, int *lenp)
{
	check_node(fdt, nodeoffset);
	PROVE(nodeoffset == 0 && !lenp, "tree: the root's name is asked for");
	return tree.has_root ? "" : NULL;
}

/* Notes an attempt to change the tree, for which so many bytes more are needed. */
static int change(const void *fdt, int node, uint64_t bytes)
{
	check_tree(fdt);
	tree.writes++;
	tree.end += bytes;
	if (node >= 0 && tree.has_root && tree.end <= tree.room && (tree.is_sound || any_bool()))
		return 0;
	tree.failed++;
	return any_error();
}

static uint64_t align4(uint64_t n)
{
	return (n + 3) / 4 * 4;
}

/* Puts the blocks of a tree in order and together, so they end no later than before. */
int fdt_open_into(const void *fdt, void *buf, int bufsize)
{
	PROVE(buf == tree.fdt && bufsize >= 0 && (size_t)bufsize <= tree.size,
	      "tree: no more than the buffer is written");
	tree.end = (uint64_t)fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt);
	tree.room = (uint64_t)bufsize;
	return change(fdt, 0, 0);
}

int fdt_add_subnode(void *fdt, int parentoffset, const char *name)
{
	int failed = change(fdt, parentoffset, 8 + align4(strlen(name) + 1));

	return failed ? failed : any_offset();
}

int fdt_setprop(void *fdt, int nodeoffset, const char *name, const void *val, int len)
{
	PROVE(len >= 0 && __CPROVER_r_ok(val, (size_t)len), "tree: a value is its length long");
	tree_property_set(name, val, len);
	return change(fdt, nodeoffset, 12 + align4((uint64_t)len) + strlen(name) + 1);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees: finding OP-TEE, adding it, and leaving a tree alone on any error. */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include <libfdt.h>

#include <optee_mediator/fdt.h>

#define TREE_MAX 4096

/* Trees are 8-byte aligned, as the specification asks. */
static _Alignas(8) unsigned char tree[TREE_MAX];

/* What a tree of the tests has. NULL: not at all. */
struct recipe {
	bool firmware;
	const char *compatible;
	const char *status;
	const char *method;
	int interrupt_bytes;	/* -1: no property */
};

static const struct recipe usual = {
	.firmware = true,
	.compatible = "linaro,optee-tz",
	.method = "smc",
	.interrupt_bytes = -1,
};

static const uint32_t cells_be[5] = {
	/* Big-endian 0, 1, 2, 3, 4 on a little-endian machine. */
	0, 0x01000000, 0x02000000, 0x03000000, 0x04000000,
};

static void must(int err)
{
	assert_int_equal(err, 0);
}

static void add_string(const char *name, const char *value)
{
	must(fdt_property(tree, name, value, (int)strlen(value) + 1));
}

static void add_tee_node(const char *name, const struct recipe *recipe)
{
	must(fdt_begin_node(tree, name));
	add_string("compatible", recipe->compatible);
	if (recipe->status)
		add_string("status", recipe->status);
	if (recipe->method)
		add_string("method", recipe->method);
	if (recipe->interrupt_bytes >= 0)
		must(fdt_property(tree, "interrupts", cells_be, recipe->interrupt_bytes));
	must(fdt_end_node(tree));
}

/* Makes the tree; returns its length. */
static size_t make_tree(const struct recipe *recipe)
{
	memset(tree, 0, sizeof(tree));
	must(fdt_create(tree, sizeof(tree)));
	must(fdt_add_reservemap_entry(tree, 0x1000, 0x1000));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	add_string("model", "test");
	must(fdt_begin_node(tree, "chosen"));
	must(fdt_end_node(tree));
	if (recipe->firmware) {
		must(fdt_begin_node(tree, "firmware"));
		must(fdt_begin_node(tree, "other"));
		add_string("compatible", "vendor,other");
		must(fdt_end_node(tree));
		if (recipe->compatible)
			add_tee_node("optee", recipe);
		must(fdt_end_node(tree));
	}
	must(fdt_begin_node(tree, "memory@40000000"));
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
	return fdt_totalsize(tree);
}

/* Finds in a copy of exactly the given size, so that a sanitizer sees any overrun. */
static enum om_fdt_result find_in_copy(size_t size, struct om_fdt_optee *out)
{
	unsigned char *copy = malloc(size ? size : 1);
	enum om_fdt_result result;

	assert_non_null(copy);
	memcpy(copy, tree, size);
	result = om_fdt_find_optee(copy, size, out);
	assert_memory_equal(copy, tree, size);
	free(copy);
	return result;
}

static void expect_find(const struct recipe *recipe, enum om_fdt_result expected)
{
	struct om_fdt_optee out, before;

	memset(&out, 0x5a, sizeof(out));
	before = out;
	assert_int_equal(find_in_copy(make_tree(recipe), &out), expected);
	if (expected != OM_FDT_OK)
		assert_memory_equal(&out, &before, sizeof(out));
}

TEST(test_find_method)
{
	struct recipe recipe = usual;
	struct om_fdt_optee out;

	assert_int_equal(find_in_copy(make_tree(&recipe), &out), OM_FDT_OK);
	assert_int_equal(out.method, OM_FDT_SMC);
	assert_int_equal(out.interrupt_cells, 0);
	recipe.method = "hvc";
	assert_int_equal(find_in_copy(make_tree(&recipe), &out), OM_FDT_OK);
	assert_int_equal(out.method, OM_FDT_HVC);
}

TEST(test_find_bad_method)
{
	static const char *const methods[] = { NULL, "", "smcc", "sm", "SMC", "xyz" };
	struct recipe recipe = usual;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		recipe.method = methods[i];
		expect_find(&recipe, OM_FDT_ERR_METHOD);
	}
}

TEST(test_find_status)
{
	static const char *const off[] = { "disabled", "fail", "reserved", "", "okayy", "o" };
	struct recipe recipe = usual;

	recipe.status = "okay";
	expect_find(&recipe, OM_FDT_OK);
	recipe.status = "ok";
	expect_find(&recipe, OM_FDT_OK);
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		recipe.status = off[i];
		expect_find(&recipe, OM_FDT_ERR_NOT_FOUND);
	}
}

TEST(test_find_nothing)
{
	struct recipe recipe = usual;

	recipe.compatible = NULL;
	expect_find(&recipe, OM_FDT_ERR_NOT_FOUND);
	recipe.compatible = "linaro,optee";
	expect_find(&recipe, OM_FDT_ERR_NOT_FOUND);
	recipe.firmware = false;
	expect_find(&recipe, OM_FDT_ERR_NOT_FOUND);
}

/* A disabled node in front of the one in use. */
TEST(test_find_second_node)
{
	struct recipe disabled = usual;
	struct om_fdt_optee out;

	disabled.status = "disabled";
	disabled.method = "garbage";
	memset(tree, 0, sizeof(tree));
	must(fdt_create(tree, sizeof(tree)));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	must(fdt_begin_node(tree, "firmware"));
	add_tee_node("optee-old", &disabled);
	add_tee_node("tee", &usual);
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
	assert_int_equal(find_in_copy(fdt_totalsize(tree), &out), OM_FDT_OK);
	assert_int_equal(out.method, OM_FDT_SMC);
}

TEST(test_find_interrupts)
{
	struct recipe recipe = usual;
	struct om_fdt_optee out;

	for (uint32_t n = 0; n <= OM_FDT_INTERRUPT_CELLS_MAX; n++) {
		recipe.interrupt_bytes = (int)(4 * n);
		assert_int_equal(find_in_copy(make_tree(&recipe), &out), OM_FDT_OK);
		assert_int_equal(out.interrupt_cells, n);
		for (uint32_t i = 0; i < OM_FDT_INTERRUPT_CELLS_MAX; i++)
			assert_int_equal(out.interrupt[i], i < n ? i : 0);
	}
	recipe.interrupt_bytes = 20;
	expect_find(&recipe, OM_FDT_ERR_ARGUMENT);
	recipe.interrupt_bytes = 6;
	expect_find(&recipe, OM_FDT_ERR_TREE);
}

TEST(test_find_arguments)
{
	size_t size = make_tree(&usual);
	struct om_fdt_optee out;

	assert_int_equal(om_fdt_find_optee(NULL, size, &out), OM_FDT_ERR_ARGUMENT);
	assert_int_equal(om_fdt_find_optee(tree, size, NULL), OM_FDT_ERR_ARGUMENT);
}

TEST(test_find_truncated_at_every_length)
{
	size_t size = make_tree(&usual);
	struct om_fdt_optee out;

	for (size_t n = 0; n < size; n++)
		assert_int_equal(find_in_copy(n, &out), OM_FDT_ERR_TREE);
	assert_int_equal(find_in_copy(size, &out), OM_FDT_OK);
}

/* The same, with a header that agrees to be shorter. */
TEST(test_find_cut_at_every_length)
{
	size_t size = make_tree(&usual);
	struct om_fdt_optee out;

	for (size_t n = sizeof(struct fdt_header); n < size; n++) {
		make_tree(&usual);
		fdt_set_totalsize(tree, (uint32_t)n);
		assert_int_equal(find_in_copy(n, &out), OM_FDT_ERR_TREE);
	}
}

/* Whatever one byte is changed to, nothing is read outside (the sanitizers' job). */
TEST(test_find_and_add_survive_any_byte)
{
	static const unsigned char flips[] = { 0x01, 0x80, 0xff };
	struct recipe bare = usual;
	size_t size;

	bare.compatible = NULL;
	size = make_tree(&usual);
	for (size_t i = 0; i < size; i++) {
		for (size_t j = 0; j < sizeof(flips); j++) {
			struct om_fdt_optee out = { .method = OM_FDT_SMC };
			unsigned char *copy;
			size_t room;

			make_tree(&usual);
			tree[i] ^= flips[j];
			(void)find_in_copy(size, &out);

			room = make_tree(&bare) + 256;
			tree[i] ^= flips[j];
			copy = malloc(room);
			assert_non_null(copy);
			memcpy(copy, tree, room);
			if (om_fdt_add_optee(copy, room, &out) != OM_FDT_OK)
				assert_memory_equal(copy, tree, room);
			else
				must(fdt_check_full(copy, room));
			free(copy);
		}
	}
}

TEST(test_find_totalsize_beyond_buffer)
{
	size_t size = make_tree(&usual);
	struct om_fdt_optee out;

	fdt_set_totalsize(tree, (uint32_t)size + 1);
	assert_int_equal(find_in_copy(size, &out), OM_FDT_ERR_TREE);
}

/* A guest's tree, not yet with OP-TEE. */
static size_t make_guest_tree(bool firmware)
{
	struct recipe recipe = usual;

	recipe.firmware = firmware;
	recipe.compatible = NULL;
	return make_tree(&recipe);
}

/* Adds in a buffer of exactly the given size; on error it has to be as it was. */
static enum om_fdt_result add_in_copy(size_t size, const struct om_fdt_optee *optee,
				      struct om_fdt_optee *found)
{
	unsigned char *copy = malloc(size ? size : 1);
	enum om_fdt_result result;

	assert_non_null(copy);
	memcpy(copy, tree, size);
	result = om_fdt_add_optee(copy, size, optee);
	if (result == OM_FDT_OK) {
		assert_int_equal(fdt_totalsize(copy), size);
		must(fdt_check_full(copy, size));
		assert_true(fdt_path_offset(copy, "/firmware/optee") >= 0);
		assert_true(fdt_path_offset(copy, "/memory@40000000") >= 0);
		assert_int_equal(fdt_num_mem_rsv(copy), 1);
		assert_int_equal(om_fdt_find_optee(copy, size, found), OM_FDT_OK);
	} else {
		assert_memory_equal(copy, tree, size);
	}
	free(copy);
	return result;
}

TEST(test_add_round_trip)
{
	static const enum om_fdt_method methods[] = { OM_FDT_SMC, OM_FDT_HVC };
	struct om_fdt_optee in = { .interrupt = { 0, 5, 1, 9 } }, out;

	for (int firmware = 0; firmware < 2; firmware++) {
		size_t size = make_guest_tree(firmware) + 256;

		for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
			for (uint32_t cells = 0; cells <= OM_FDT_INTERRUPT_CELLS_MAX; cells++) {
				in.method = methods[m];
				in.interrupt_cells = cells;
				assert_int_equal(add_in_copy(size, &in, &out), OM_FDT_OK);
				assert_int_equal(out.method, in.method);
				assert_int_equal(out.interrupt_cells, cells);
				for (uint32_t i = 0; i < cells; i++)
					assert_int_equal(out.interrupt[i], in.interrupt[i]);
			}
		}
	}
}

/* What the binding asks for, and in the order people write it. */
TEST(test_add_properties)
{
	static const char *const order[] = { "compatible", "method", "interrupts" };
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC, .interrupt_cells = 3 };
	const char *name;
	size_t i = 0;
	int node, property;

	make_guest_tree(false);
	assert_int_equal(om_fdt_add_optee(tree, sizeof(tree), &optee), OM_FDT_OK);
	node = fdt_path_offset(tree, "/firmware/optee");
	fdt_for_each_property_offset(property, tree, node) {
		assert_non_null(fdt_getprop_by_offset(tree, property, &name, NULL));
		assert_true(i < sizeof(order) / sizeof(order[0]));
		assert_string_equal(name, order[i++]);
	}
	assert_int_equal(i, sizeof(order) / sizeof(order[0]));
	assert_int_equal(fdt_node_check_compatible(tree, node, "linaro,optee-tz"), 0);
}

/* From no buffer at all to one with room: errors first, then success for good. */
TEST(test_add_at_every_size)
{
	struct om_fdt_optee in = { .method = OM_FDT_HVC, .interrupt_cells = 4 }, out;

	for (int firmware = 0; firmware < 2; firmware++) {
		size_t length = make_guest_tree(firmware), n, fits = 0;

		for (n = 0; n < length + 256; n++) {
			enum om_fdt_result result = add_in_copy(n, &in, &out);

			if (n < length) {
				assert_int_equal(result, OM_FDT_ERR_TREE);
			} else if (!fits && result == OM_FDT_OK) {
				fits = n;
			} else {
				assert_int_equal(result, fits ? OM_FDT_OK : OM_FDT_ERR_SPACE);
			}
		}
		/* The room asked for is an upper bound, but not a lavish one. */
		assert_in_range(fits, length + 1, length + 160);
	}
}

TEST(test_add_twice)
{
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC };
	unsigned char before[TREE_MAX];

	make_guest_tree(true);
	assert_int_equal(om_fdt_add_optee(tree, sizeof(tree), &optee), OM_FDT_OK);
	memcpy(before, tree, sizeof(tree));
	assert_int_equal(om_fdt_add_optee(tree, sizeof(tree), &optee), OM_FDT_ERR_EXISTS);
	assert_memory_equal(tree, before, sizeof(tree));
}

/* Disabled or elsewhere or a stranger of that name: it is there. */
TEST(test_add_exists)
{
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC };
	struct recipe recipe = usual;
	struct om_fdt_optee out;

	recipe.status = "disabled";
	assert_int_equal(add_in_copy(make_tree(&recipe) + 256, &optee, &out), OM_FDT_ERR_EXISTS);
	recipe = usual;
	recipe.compatible = "vendor,unknown";
	assert_int_equal(add_in_copy(make_tree(&recipe) + 256, &optee, &out), OM_FDT_ERR_EXISTS);

	memset(tree, 0, sizeof(tree));
	must(fdt_create(tree, sizeof(tree)));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	add_tee_node("trusted-os", &usual);
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
	assert_int_equal(add_in_copy(1024, &optee, &out), OM_FDT_ERR_EXISTS);
}

TEST(test_add_arguments)
{
	size_t size = make_guest_tree(true) + 256;
	struct om_fdt_optee optee = { .method = OM_FDT_SMC }, out;

	assert_int_equal(om_fdt_add_optee(NULL, size, &optee), OM_FDT_ERR_ARGUMENT);
	assert_int_equal(om_fdt_add_optee(tree, size, NULL), OM_FDT_ERR_ARGUMENT);
	optee.interrupt_cells = OM_FDT_INTERRUPT_CELLS_MAX + 1;
	assert_int_equal(add_in_copy(size, &optee, &out), OM_FDT_ERR_ARGUMENT);
	optee.interrupt_cells = 0;
	optee.method = (enum om_fdt_method)2;
	assert_int_equal(add_in_copy(size, &optee, &out), OM_FDT_ERR_ARGUMENT);
}

TEST(test_add_old_and_odd_trees)
{
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC };
	size_t size = make_guest_tree(true);
	unsigned char *moved = malloc(2 * TREE_MAX);
	uint32_t strings = fdt_off_dt_strings(tree), rsvmap = fdt_off_mem_rsvmap(tree);
	struct om_fdt_optee out;

	assert_non_null(moved);
	/*
	 * In version 16 the strings may be longer than the header says, and libfdt does
	 * not mind: a name that is added would be written over those that are there.
	 */
	fdt_set_version(tree, 16);
	fdt_set_size_dt_strings(tree, 0);
	must(fdt_check_full(tree, size));
	assert_int_equal(add_in_copy(size + 256, &optee, &out), OM_FDT_ERR_TREE);
	/* libfdt could not write to an older one. */
	size = make_guest_tree(true);
	fdt_set_version(tree, 3);
	fdt_set_last_comp_version(tree, 2);
	assert_int_equal(add_in_copy(size + 256, &optee, &out), OM_FDT_ERR_TREE);
	assert_int_equal(find_in_copy(size, &out), OM_FDT_ERR_TREE);

	/* A copy of the reservations behind the strings: whole, but out of order. */
	size = make_guest_tree(true);
	size = (size + 7) & ~(size_t)7;
	memcpy(tree + size, tree + rsvmap, 32);
	fdt_set_off_mem_rsvmap(tree, (uint32_t)size);
	fdt_set_totalsize(tree, (uint32_t)size + 32);
	must(fdt_check_full(tree, size + 32));
	assert_int_equal(add_in_copy(size + 512, &optee, &out), OM_FDT_ERR_TREE);

	/* The strings in front of the structure. */
	size = make_guest_tree(true);
	memset(moved, 0, 2 * TREE_MAX);
	memcpy(moved, tree, sizeof(struct fdt_header));
	memcpy(moved + rsvmap, tree + rsvmap, 32);
	memcpy(moved + rsvmap + 32, tree + strings, fdt_size_dt_strings(tree));
	memcpy(moved + rsvmap + 512, tree + fdt_off_dt_struct(tree), fdt_size_dt_struct(tree));
	fdt_set_off_dt_strings(moved, rsvmap + 32);
	fdt_set_off_dt_struct(moved, rsvmap + 512);
	fdt_set_totalsize(moved, 2048);
	memcpy(tree, moved, TREE_MAX);
	must(fdt_check_full(tree, 2048));
	assert_int_equal(add_in_copy(3072, &optee, &out), OM_FDT_ERR_TREE);
	free(moved);
}

/* libfdt calls a tree whole that is over before it began, and finds no root in others. */
TEST(test_trees_without_a_root)
{
	/* FDT_END and FDT_NOP, in the place of the root's FDT_BEGIN_NODE. */
	static const fdt32_t ends[] = { 0x09000000, 0, 0x02000000, 0x09000000 };
	static const fdt32_t nops[] = { 0x04000000, 0x01000000, 0, 0x02000000, 0x09000000 };
	const struct { const fdt32_t *tags; size_t size; } trees[] = {
		{ ends, sizeof(ends) }, { nops, sizeof(nops) },
	};
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC };
	struct om_fdt_optee out;

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		size_t size = make_guest_tree(true);

		memcpy(tree + fdt_off_dt_struct(tree), trees[i].tags, trees[i].size);
		fdt_set_size_dt_struct(tree, (uint32_t)trees[i].size);
		must(fdt_check_full(tree, size));
		assert_int_equal(find_in_copy(size, &out), OM_FDT_ERR_TREE);
		assert_int_equal(add_in_copy(size + 256, &optee, &out), OM_FDT_ERR_TREE);
	}
}

/* A mapping so large that libfdt could not count its bytes: only its head is used. */
TEST(test_add_in_huge_buffer)
{
	const struct om_fdt_optee optee = { .method = OM_FDT_SMC };
	struct om_fdt_optee out;

	make_guest_tree(true);
	assert_int_equal(om_fdt_add_optee(tree, (size_t)INT32_MAX + 1, &optee), OM_FDT_OK);
	assert_int_equal(fdt_totalsize(tree), 0x7ffffff8);
	must(fdt_pack(tree));
	assert_int_equal(om_fdt_find_optee(tree, sizeof(tree), &out), OM_FDT_OK);
}

/*
 * libfdt is asked to change a tree only when nothing can fail any more. If it says
 * that something did all the same, that is not success. The linker puts these in
 * front of libfdt's own.
 */
static int broken_call;		/* which call fails; 0: none */
static int calls;

static int broken(int result)
{
	return ++calls == broken_call ? -FDT_ERR_INTERNAL : result;
}

int __real_fdt_open_into(const void *fdt, void *buf, int bufsize);
int __wrap_fdt_open_into(const void *fdt, void *buf, int bufsize);
int __wrap_fdt_open_into(const void *fdt, void *buf, int bufsize)
{
	return broken(__real_fdt_open_into(fdt, buf, bufsize));
}

int __real_fdt_setprop(void *fdt, int node, const char *name, const void *val, int len);
int __wrap_fdt_setprop(void *fdt, int node, const char *name, const void *val, int len);
int __wrap_fdt_setprop(void *fdt, int node, const char *name, const void *val, int len)
{
	return broken(__real_fdt_setprop(fdt, node, name, val, len));
}

TEST(test_add_with_a_broken_libfdt)
{
	const struct om_fdt_optee optee = { .method = OM_FDT_HVC, .interrupt_cells = 3 };

	for (broken_call = 4; broken_call >= 0; broken_call--) {
		make_guest_tree(true);
		calls = 0;
		assert_int_equal(om_fdt_add_optee(tree, sizeof(tree), &optee),
				 broken_call ? OM_FDT_ERR_TREE : OM_FDT_OK);
		assert_int_equal(calls, 4);
	}
}

TEST(test_result_texts)
{
	for (int result = OM_FDT_OK; result <= OM_FDT_ERR_ARGUMENT + 1; result++) {
		const char *text = om_fdt_result_text((enum om_fdt_result)result);

		assert_non_null(text);
		assert_true(strlen(text) > 0);
		for (int other = OM_FDT_OK; other < result; other++)
			assert_string_not_equal(text,
						om_fdt_result_text((enum om_fdt_result)other));
	}
}

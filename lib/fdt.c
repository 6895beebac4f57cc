/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE in device trees, on libfdt. A library of its own, independent of the core.
 *
 * A tree is checked in full before anything in it is used, and a guest's tree is changed
 * only when nothing can fail any more.
 */
#include <optee_mediator/fdt.h>

#include <string.h>

#include <libfdt.h>

#define FIRMWARE	"/firmware"
#define COMPATIBLE	"linaro,optee-tz"

/* The versions that libfdt writes; Devicetree specification, 5.2: 17, or 16. */
#define OLDEST_VERSION	16u
/*
 * The version that a tree must have to be changed. In an older one names may lie behind the end
 * of the strings block, where a new name would go, and libfdt accepts that.
 */
#define WRITTEN_VERSION	17u
/* libfdt refuses a tree of INT32_MAX bytes or more. */
#define SIZE_MAX_FDT	0x7ffffff8u

/*
 * Checks that a tree is valid and no longer than size. The version is checked first, because
 * older ones have another layout. The root is checked last, because libfdt accepts a tree that
 * ends before it.
 */
static bool is_tree(const void *fdt, size_t size)
{
	return size >= sizeof(struct fdt_header) && fdt_version(fdt) >= OLDEST_VERSION &&
	       fdt_check_full(fdt, size) == 0 && fdt_get_name(fdt, 0, NULL);
}

/* True for a property that is exactly this string, with its NUL. */
static bool is_string(const void *value, int len, const char *text)
{
	size_t n = strlen(text) + 1;

	return (size_t)len == n && memcmp(value, text, n) == 0;
}

/* Devicetree specification, 2.3.4: a node without a status is enabled. */
static bool is_enabled(const void *fdt, int node)
{
	int len;
	const void *status = fdt_getprop(fdt, node, "status", &len);

	return !status || is_string(status, len, "okay") || is_string(status, len, "ok");
}

static enum om_fdt_result read_method(const void *fdt, int node, enum om_fdt_method *method)
{
	int len;
	const void *value = fdt_getprop(fdt, node, "method", &len);

	if (!value)
		return OM_FDT_ERR_METHOD;
	if (is_string(value, len, "smc"))
		*method = OM_FDT_SMC;
	else if (is_string(value, len, "hvc"))
		*method = OM_FDT_HVC;
	else
		return OM_FDT_ERR_METHOD;
	return OM_FDT_OK;
}

static enum om_fdt_result read_interrupt(const void *fdt, int node, struct om_fdt_optee *out)
{
	const fdt32_t *cell;
	uint32_t i;
	int len;

	cell = fdt_getprop(fdt, node, "interrupts", &len);
	if (!cell)
		return OM_FDT_OK;
	if ((size_t)len % sizeof(*cell) != 0)
		return OM_FDT_ERR_TREE;
	if ((size_t)len / sizeof(*cell) > OM_FDT_INTERRUPT_CELLS_MAX)
		return OM_FDT_ERR_ARGUMENT;
	out->interrupt_cells = (uint32_t)((size_t)len / sizeof(*cell));
	for (i = 0; i < out->interrupt_cells; i++)
		out->interrupt[i] = fdt32_to_cpu(cell[i]);
	return OM_FDT_OK;
}

enum om_fdt_result om_fdt_find_optee(const void *fdt, size_t size, struct om_fdt_optee *out)
{
	struct om_fdt_optee found = { 0 };
	enum om_fdt_result result;
	int firmware;
	int node;

	if (!fdt || !out)
		return OM_FDT_ERR_ARGUMENT;
	if (!is_tree(fdt, size))
		return OM_FDT_ERR_TREE;

	firmware = fdt_path_offset(fdt, FIRMWARE);
	if (firmware < 0)
		return OM_FDT_ERR_NOT_FOUND;
	fdt_for_each_subnode(node, fdt, firmware) {
		if (fdt_node_check_compatible(fdt, node, COMPATIBLE) == 0 && is_enabled(fdt, node))
			break;
	}
	if (node < 0)
		return OM_FDT_ERR_NOT_FOUND;

	result = read_method(fdt, node, &found.method);
	if (result == OM_FDT_OK)
		result = read_interrupt(fdt, node, &found);
	if (result == OM_FDT_OK)
		*out = found;
	return result;
}

/*
 * The most bytes that the node adds, when /firmware and every property name are new. Devicetree
 * specification, 5.4: a node is two tags and its padded name, a property a tag, two cells and
 * its padded value.
 */
#define ALIGN4(n)	(((n) + 3u) & ~(size_t)3u)
#define NODE(name)	(2 * sizeof(fdt32_t) + ALIGN4(sizeof(name)))
#define PROP(len)	(3 * sizeof(fdt32_t) + ALIGN4(len))
#define GROWTH(cells) \
	(NODE("firmware") + NODE("optee") + PROP(sizeof(COMPATIBLE)) + PROP(sizeof("smc")) + \
	 PROP((cells) * sizeof(fdt32_t)) + \
	 sizeof("compatible") + sizeof("method") + sizeof("interrupts"))

/*
 * Checks that the blocks are in the order of the specification (5.1): reservations, structure,
 * strings. That they follow the header is already checked. libfdt could change another order,
 * but only by rewriting the whole tree.
 */
static bool is_in_order(const void *fdt)
{
	uint64_t rsvmap_size = ((uint64_t)fdt_num_mem_rsv(fdt) + 1) *
			       sizeof(struct fdt_reserve_entry);

	return fdt_off_dt_struct(fdt) >= fdt_off_mem_rsvmap(fdt) + rsvmap_size &&
	       fdt_off_dt_strings(fdt) >= (uint64_t)fdt_off_dt_struct(fdt) +
					  fdt_size_dt_struct(fdt);
}

static bool has_optee(const void *fdt)
{
	return fdt_path_offset(fdt, FIRMWARE "/optee") >= 0 ||
	       fdt_node_offset_by_compatible(fdt, -1, COMPATIBLE) >= 0;
}

static bool is_valid(const struct om_fdt_optee *optee)
{
	return (optee->method == OM_FDT_SMC || optee->method == OM_FDT_HVC) &&
	       optee->interrupt_cells <= OM_FDT_INTERRUPT_CELLS_MAX;
}

/*
 * Checks everything that could fail, before the first change. size: the size to which the tree
 * may grow, at most SIZE_MAX_FDT.
 */
static enum om_fdt_result check_room(const void *fdt, size_t size, uint32_t cells)
{
	uint64_t end;

	if (!is_tree(fdt, size) || fdt_version(fdt) < WRITTEN_VERSION || !is_in_order(fdt))
		return OM_FDT_ERR_TREE;
	if (has_optee(fdt))
		return OM_FDT_ERR_EXISTS;
	end = (uint64_t)fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt);
	return end + GROWTH(cells) > size ? OM_FDT_ERR_SPACE : OM_FDT_OK;
}

/* Writes the node's properties, the last one first, because each new one goes in front. */
static int set_properties(void *fdt, int node, const struct om_fdt_optee *optee)
{
	fdt32_t cell[OM_FDT_INTERRUPT_CELLS_MAX];
	int len = (int)(optee->interrupt_cells * sizeof(cell[0]));
	int failed = 0;
	uint32_t i;

	for (i = 0; i < optee->interrupt_cells; i++)
		cell[i] = cpu_to_fdt32(optee->interrupt[i]);
	if (len)
		failed = fdt_setprop(fdt, node, "interrupts", cell, len);
	failed |= fdt_setprop(fdt, node, "method",
			      optee->method == OM_FDT_SMC ? "smc" : "hvc", (int)sizeof("smc"));
	failed |= fdt_setprop(fdt, node, "compatible", COMPATIBLE, (int)sizeof(COMPATIBLE));
	return failed;
}

enum om_fdt_result om_fdt_add_optee(void *fdt, size_t size, const struct om_fdt_optee *optee)
{
	enum om_fdt_result result;
	int firmware;
	int node;
	int failed;

	if (!fdt || !optee || !is_valid(optee))
		return OM_FDT_ERR_ARGUMENT;
	if (size > SIZE_MAX_FDT)
		size = SIZE_MAX_FDT;
	result = check_room(fdt, size, optee->interrupt_cells);
	if (result != OM_FDT_OK)
		return result;

	/* From here on nothing can fail: the tree is valid and has enough space. */
	failed = fdt_open_into(fdt, fdt, (int)size);
	firmware = fdt_path_offset(fdt, FIRMWARE);
	if (firmware < 0)
		firmware = fdt_add_subnode(fdt, 0, &FIRMWARE[1]);
	node = fdt_add_subnode(fdt, firmware, "optee");
	failed |= set_properties(fdt, node, optee);

	/* If libfdt fails nevertheless, that is reported. */
	return failed ? OM_FDT_ERR_TREE : OM_FDT_OK;
}

const char *om_fdt_result_text(enum om_fdt_result result)
{
	switch (result) {
	case OM_FDT_OK:
		return "success";
	case OM_FDT_ERR_TREE:
		return "not a device tree, or a damaged one";
	case OM_FDT_ERR_NOT_FOUND:
		return "the tree has no enabled OP-TEE node";
	case OM_FDT_ERR_METHOD:
		return "the OP-TEE node's method is neither \"smc\" nor \"hvc\"";
	case OM_FDT_ERR_EXISTS:
		return "the tree has an OP-TEE node already";
	case OM_FDT_ERR_SPACE:
		return "the tree's buffer has no room for the OP-TEE node";
	case OM_FDT_ERR_ARGUMENT:
		return "an argument is NULL or out of range";
	}
	return "unknown result";
}

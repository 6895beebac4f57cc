/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OP-TEE in device trees: finds the node in a host's tree, adds one to a guest's.
 *
 * A separate library (optee_mediator_fdt) on top of libfdt; the core does not
 * use it. Binding: Linux, Documentation/devicetree/bindings/arm/firmware/
 * linaro,optee-tz.yaml.
 */
#ifndef OPTEE_MEDIATOR_FDT_H
#define OPTEE_MEDIATOR_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optee_mediator/mediator.h>

enum om_fdt_result {
	OM_FDT_OK = 0,
	OM_FDT_ERR_TREE,	/* not a device tree, damaged, or longer than the buffer */
	OM_FDT_ERR_NOT_FOUND,	/* no enabled OP-TEE node */
	OM_FDT_ERR_METHOD,	/* the node's method is neither "smc" nor "hvc" */
	OM_FDT_ERR_EXISTS,	/* the tree has an OP-TEE node already */
	OM_FDT_ERR_SPACE,	/* the buffer is too small for the node */
	OM_FDT_ERR_ARGUMENT,	/* a NULL pointer, or more cells than the struct can hold */
};

enum om_fdt_method {
	OM_FDT_SMC,
	OM_FDT_HVC,
};

/* Cells of an interrupt specifier; 3 for a GIC. */
#define OM_FDT_INTERRUPT_CELLS_MAX 4u

struct om_fdt_optee {
	enum om_fdt_method method;
	/*
	 * The notification interrupt as the interrupt parent's cells; 0 cells:
	 * none. Only for a guest whose backend has ops->notify.
	 */
	uint32_t interrupt_cells;
	uint32_t interrupt[OM_FDT_INTERRUPT_CELLS_MAX];
};

/*
 * Finds OP-TEE in a host's tree: a node under /firmware compatible with
 * "linaro,optee-tz" whose status, if any, is "okay" or "ok".
 *
 * fdt, size: the tree and the bytes that may be read; the tree's own length is
 * checked against it. out: set on OM_FDT_OK only. An interrupt specifier longer
 * than OM_FDT_INTERRUPT_CELLS_MAX is OM_FDT_ERR_ARGUMENT.
 * Returns OM_FDT_OK, _ERR_TREE, _ERR_NOT_FOUND, _ERR_METHOD, _ERR_ARGUMENT.
 */
OM_API enum om_fdt_result om_fdt_find_optee(const void *fdt, size_t size,
					    struct om_fdt_optee *out);

/*
 * Adds the node /firmware/optee to a guest's tree in place, and /firmware if missing.
 *
 * fdt, size: the tree, of version 17, and the bytes of its buffer; the tree may grow
 * up to size, and its totalsize becomes size, or at most 0x7ffffff8. On any error the
 * tree is unchanged.
 * Returns OM_FDT_OK, _ERR_TREE, _ERR_EXISTS, _ERR_SPACE, _ERR_ARGUMENT.
 */
OM_API enum om_fdt_result om_fdt_add_optee(void *fdt, size_t size,
					   const struct om_fdt_optee *optee);

/* The result as a sentence; a static string, never NULL. */
OM_API const char *om_fdt_result_text(enum om_fdt_result result);

#endif

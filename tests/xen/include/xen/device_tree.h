/* SPDX-License-Identifier: BSD-2-Clause */
/* Stand-in for Xen: the machine's device tree. */
#ifndef STAND_IN_XEN_DEVICE_TREE_H
#define STAND_IN_XEN_DEVICE_TREE_H

struct dt_device_node;

/* The first node behind `from` (NULL: of all) that is compatible, or NULL. */
struct dt_device_node *dt_find_compatible_node(struct dt_device_node *from, const char *type,
					       const char *compatible);

#endif

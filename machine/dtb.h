/* SPDX-License-Identifier: BSD-2-Clause */
/* What a device tree says about one node (dtb_node.c), for whoever puts it together (dtb.c). */
#ifndef MACHINE_DTB_H
#define MACHINE_DTB_H

#include "internal.h"

#include <libfdt.h>

struct tree {
	const void *fdt;
	const struct where *w;
};

/* Part of a property. */
struct cells {
	const fdt32_t *c;
	unsigned n;
};

/* `expected WHAT in NODE`; -1. */
int dtb_fail(const struct tree *t, int node, const char *what);

/* Empty: there is none, or it is not made of cells. */
struct cells dtb_cells(const struct tree *t, int node, const char *name);
bool dtb_has(const struct tree *t, int node, const char *name);
uint32_t dtb_cell(const struct cells *p, unsigned i);
uint32_t dtb_one_cell(const struct tree *t, int node, const char *name, uint32_t otherwise);
bool dtb_is(const struct tree *t, int node, const char *compatible);

/* Software may use it: neither its own status nor that of a node above says otherwise. -1 for a
 * status that there is not. */
int dtb_enabled(const struct tree *t, int node, bool *yes);

/* Address of the first entry of `reg`. */
int dtb_address(const struct tree *t, int node, uint64_t *base);

#define DTB_INTERRUPTS 16u
/* Specifiers of interrupts-extended, or else of interrupts, each without its controller; `*n` 0:
 * it has neither. */
int dtb_interrupts(const struct tree *t, int node, struct cells list[DTB_INTERRUPTS], unsigned *n);

#endif

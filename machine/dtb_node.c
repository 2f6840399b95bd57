/* SPDX-License-Identifier: BSD-2-Clause */
/* One node of a device tree (Devicetree Specification, chapter 2); see dtb.h. */
#include "dtb.h"

#include <string.h>

int dtb_fail(const struct tree *t, int node, const char *what)
{
	const char *name = fdt_get_name(t->fdt, node, NULL);

	return fail_at(t->w, (size_t)fdt_off_dt_struct(t->fdt) + (size_t)node, "expected %s in %s",
		       what, name ? name : "the node");
}

/* ---- properties ---- */

struct cells dtb_cells(const struct tree *t, int node, const char *name)
{
	struct cells p = {NULL, 0};
	int len;
	const void *data = fdt_getprop(t->fdt, node, name, &len);

	if (data && len >= 0 && len % 4 == 0) {
		p.c = data;
		p.n = (unsigned)len / 4;
	}
	return p;
}

bool dtb_has(const struct tree *t, int node, const char *name)
{
	return fdt_getprop(t->fdt, node, name, NULL) != NULL;
}

/* fdt32_ld reads bytes: a damaged tree need not align its properties. */
uint32_t dtb_cell(const struct cells *p, unsigned i)
{
	return fdt32_ld(p->c + i);
}

uint32_t dtb_one_cell(const struct tree *t, int node, const char *name, uint32_t otherwise)
{
	struct cells p = dtb_cells(t, node, name);

	return p.n == 1 ? dtb_cell(&p, 0) : otherwise;
}

bool dtb_is(const struct tree *t, int node, const char *compatible)
{
	return !fdt_node_check_compatible(t->fdt, node, compatible);
}

/* ---- status ---- */

static int status_of(const struct tree *t, int node, bool *yes)
{
	int len;
	const char *s = fdt_getprop(t->fdt, node, "status", &len);

	if (!s)
		return 0;
	if (len < 1 || s[len - 1])
		return dtb_fail(t, node, "a status that is text");
	if (!strcmp(s, "okay") || !strcmp(s, "ok"))
		return 0;
	*yes = false;
	if (!strcmp(s, "disabled") || !strcmp(s, "reserved") || !strcmp(s, "fail") ||
	    !strncmp(s, "fail-", 5))
		return 0;
	return dtb_fail(t, node, "a status of okay, disabled, reserved or fail");
}

int dtb_enabled(const struct tree *t, int node, bool *yes)
{
	*yes = true;
	for (; node >= 0 && *yes; node = fdt_parent_offset(t->fdt, node))
		if (status_of(t, node, yes))
			return -1;
	return 0;
}

/* ---- address ---- */

int dtb_address(const struct tree *t, int node, uint64_t *base)
{
	struct cells reg = dtb_cells(t, node, "reg");
	int parent = fdt_parent_offset(t->fdt, node);
	int ac = fdt_address_cells(t->fdt, parent < 0 ? 0 : parent);
	int sc = fdt_size_cells(t->fdt, parent < 0 ? 0 : parent), i;

	if (ac < 1 || ac > 2 || sc < 0 || reg.n < (unsigned)(ac + sc))
		return dtb_fail(t, node, "reg with the address of the registers");
	for (i = 0; i < ac; i++)
		*base = *base << 32 | dtb_cell(&reg, (unsigned)i);
	return 0;
}

/* ---- interrupts ---- */

/* 0: no such controller. */
static uint32_t specifier_cells(const struct tree *t, uint32_t phandle)
{
	int controller = phandle ? fdt_node_offset_by_phandle(t->fdt, phandle) : -1;

	return controller < 0 ? 0 : dtb_one_cell(t, controller, "#interrupt-cells", 0);
}

/* Of the controller that `node` reports to, as it or a node above says; 0: nobody does. */
static uint32_t parent_cells(const struct tree *t, int node)
{
	for (; node >= 0; node = fdt_parent_offset(t->fdt, node)) {
		uint32_t per = specifier_cells(t, dtb_one_cell(t, node, "interrupt-parent", 0));

		if (per)
			return per;
	}
	return 0;
}

/* Each with a controller of its own in front. */
static int extended(const struct tree *t, int node, struct cells list[DTB_INTERRUPTS], unsigned *n)
{
	struct cells p = dtb_cells(t, node, "interrupts-extended");
	unsigned at = 0;

	while (at < p.n) {
		uint32_t per = specifier_cells(t, dtb_cell(&p, at));

		if (!per || *n == DTB_INTERRUPTS || per > p.n - at - 1)
			break;
		list[(*n)++] = (struct cells){p.c + at + 1, per};
		at += 1 + per;
	}
	return at && at == p.n
		       ? 0
		       : dtb_fail(t, node,
				  "interrupts-extended of controllers with whole specifiers");
}

int dtb_interrupts(const struct tree *t, int node, struct cells list[DTB_INTERRUPTS], unsigned *n)
{
	struct cells p = dtb_cells(t, node, "interrupts");
	uint32_t per = parent_cells(t, node);

	*n = 0;
	/* It counts where both are there. */
	if (dtb_has(t, node, "interrupts-extended"))
		return extended(t, node, list, n);
	if (!dtb_has(t, node, "interrupts"))
		return 0;
	if (!p.n || !per || p.n % per || p.n / per > DTB_INTERRUPTS)
		return dtb_fail(t, node, "interrupts in whole specifiers of a controller");
	for (; *n < p.n / per; (*n)++)
		list[*n] = (struct cells){p.c + (size_t)*n * per, per};
	return 0;
}

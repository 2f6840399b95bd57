/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees: SMMUv3 nodes and PCI host bridges (bindings iommu/arm,smmu-v3,
 * pci/pci-iommu, pci/pci-msi, pci/host-generic-pci).
 */
#include "internal.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define TREE_MAX     (16u << 20)
#define GIC_SPI	     0u
#define GIC_SPI_BASE 32u
#define GIC_PPI_BASE 16u
#define MAP_CELLS    4u
#define RID_LIMIT    0x10000u

struct tree {
	const void *fdt;
	const struct where *w;
};

struct cells {
	const fdt32_t *c;
	unsigned n;
};

static int fail_node(const struct tree *t, int node, const char *what)
{
	const char *name = fdt_get_name(t->fdt, node, NULL);

	return fail_at(t->w, (size_t)fdt_off_dt_struct(t->fdt) + (size_t)node, "expected %s in %s",
		       what, name ? name : "the node");
}

static struct cells property(const struct tree *t, int node, const char *name)
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

static bool has(const struct tree *t, int node, const char *name)
{
	return fdt_getprop(t->fdt, node, name, NULL) != NULL;
}

/* fdt32_ld reads bytes: a damaged tree need not align its properties. */
static uint32_t cell(const struct cells *p, unsigned i)
{
	return fdt32_ld(p->c + i);
}

static uint32_t one_cell(const struct tree *t, int node, const char *name, uint32_t otherwise)
{
	struct cells p = property(t, node, name);

	return p.n == 1 ? cell(&p, 0) : otherwise;
}

/* Cells per interrupt of the controller that `node` reports to; a GIC has 3. */
static uint32_t interrupt_cells(const struct tree *t, int node)
{
	for (; node >= 0; node = fdt_parent_offset(t->fdt, node)) {
		uint32_t phandle = one_cell(t, node, "interrupt-parent", 0);
		int parent = phandle ? fdt_node_offset_by_phandle(t->fdt, phandle) : -1;

		if (parent >= 0)
			return one_cell(t, parent, "#interrupt-cells", 3);
	}
	return 3;
}

static int interrupt_ids(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells p = property(t, node, "interrupts");
	uint32_t per = interrupt_cells(t, node);
	unsigned i;
	const struct {
		const char *name;
		uint32_t *id;
	} wanted[] = {{"eventq", &s->eventq_irq},
		      {"priq", &s->priq_irq},
		      {"cmdq-sync", &s->cmdq_irq},
		      {"gerror", &s->gerror_irq}};

	if (!p.n)
		return 0;
	if (!per || p.n % per)
		return fail_node(t, node, "interrupts in whole specifiers");
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int k = fdt_stringlist_search(t->fdt, node, "interrupt-names", wanted[i].name);
		uint32_t at = (uint32_t)k * per;

		if (k < 0)
			continue;
		if (at + per > p.n)
			return fail_node(t, node, "an interrupt for each of interrupt-names");
		if (per < 3)
			*wanted[i].id = cell(&p, at);
		else
			*wanted[i].id = cell(&p, at + 1) +
					(cell(&p, at) == GIC_SPI ? GIC_SPI_BASE : GIC_PPI_BASE);
	}
	return 0;
}

static int add_smmu(struct machine *m, const struct tree *t, int node)
{
	struct cells reg = property(t, node, "reg");
	int parent = fdt_parent_offset(t->fdt, node);
	int ac = fdt_address_cells(t->fdt, parent < 0 ? 0 : parent);
	int sc = fdt_size_cells(t->fdt, parent < 0 ? 0 : parent), i;
	struct machine_smmu *s;

	if (ac < 1 || ac > 2 || sc < 0 || reg.n < (unsigned)(ac + sc))
		return fail_node(t, node, "reg with the address of the registers");
	s = grow(&m->smmus, &m->n_smmus, sizeof(*s));
	if (!s)
		return fail_memory(t->w);
	for (i = 0; i < ac; i++)
		s->base = s->base << 32 | cell(&reg, (unsigned)i);
	s->node = fdt_get_phandle(t->fdt, node);
	return interrupt_ids(t, node, s);
}

static int add_smmus(struct machine *m, const struct tree *t)
{
	int node = -1;

	while ((node = fdt_node_offset_by_compatible(t->fdt, node, "arm,smmu-v3")) >= 0) {
		if (add_smmu(m, t, node))
			return -1;
	}
	return 0;
}

static int smmu_of(const struct machine *m, uint32_t phandle)
{
	unsigned i;

	for (i = 0; i < m->n_smmus; i++) {
		if (m->smmus[i].node == phandle)
			return (int)i;
	}
	return MACHINE_NONE;
}

/* Both maps have the same form: (first id, phandle, first output, length). */
static int check_map(const struct tree *t, int node, const char *name, struct cells *p)
{
	unsigned i;
	int len;

	*p = property(t, node, name);
	if (!fdt_getprop(t->fdt, node, name, &len))
		return 0;
	if (!p->n || p->n % MAP_CELLS)
		return fail_node(t, node, "iommu-map and msi-map in entries of four cells");
	for (i = 0; i < p->n; i += MAP_CELLS) {
		uint32_t first = cell(p, i), output = cell(p, i + 2), length = cell(p, i + 3);

		if (!length || first >= RID_LIMIT || length > RID_LIMIT - first ||
		    length - 1 > UINT32_MAX - output)
			return fail_node(t, node, "map entries of 1 to 0x10000 requester ids");
		if (fdt_node_offset_by_phandle(t->fdt, cell(p, i + 1)) < 0)
			return fail_node(t, node, "map entries that name a node");
	}
	return 0;
}

static int add_host(struct machine *m, struct firmware *fw, const struct tree *t, int node,
		    uint32_t number)
{
	struct cells map, msi, buses = property(t, node, "bus-range");
	unsigned i;

	if (check_map(t, node, "iommu-map", &map) || check_map(t, node, "msi-map", &msi))
		return -1;
	if (buses.n &&
	    (buses.n != 2 || cell(&buses, 0) > cell(&buses, 1) || cell(&buses, 1) > 0xff))
		return fail_node(t, node, "bus-range with two bus numbers");
	for (i = 0; i < map.n; i += MAP_CELLS) {
		struct id_map *r = grow(&fw->maps, &fw->n_maps, sizeof(*r));

		if (!r)
			return fail_memory(t->w);
		r->segment = one_cell(t, node, "linux,pci-domain", number);
		r->bus_first = buses.n ? cell(&buses, 0) : 0;
		r->bus_last = buses.n ? cell(&buses, 1) : 0xff;
		r->mask = one_cell(t, node, "iommu-map-mask", 0xffff);
		r->first = cell(&map, i);
		r->last = r->first + cell(&map, i + 3) - 1;
		r->output = cell(&map, i + 2);
		r->ats = has(t, node, "ats-supported");
		r->smmu = smmu_of(m, cell(&map, i + 1));
	}
	return 0;
}

static bool is_pci(const struct tree *t, int node)
{
	int len;
	const char *type = node < 0 ? NULL : fdt_getprop(t->fdt, node, "device_type", &len);

	return type && len == 4 && !memcmp(type, "pci", 4);
}

static int add_hosts(struct machine *m, struct firmware *fw, const struct tree *t)
{
	uint32_t number = 0;
	int node;

	for (node = fdt_next_node(t->fdt, -1, NULL); node >= 0;
	     node = fdt_next_node(t->fdt, node, NULL)) {
		/* A bridge below a host bridge may be described too; it maps nothing. */
		if (!is_pci(t, node) || is_pci(t, fdt_parent_offset(t->fdt, node)))
			continue;
		if (add_host(m, fw, t, node, number++))
			return -1;
	}
	return 0;
}

int dtb_load(struct machine *m, struct firmware *fw, const struct where *w)
{
	struct tree t = {.w = w};
	char *data;
	size_t len;
	int rc;

	if (file_read(w, TREE_MAX, &data, &len))
		return -1;
	t.fdt = data;
	rc = len < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED : fdt_check_full(data, len);
	if (rc)
		rc = fail_at(w, 0, "expected a whole flattened device tree: %s", fdt_strerror(rc));
	else
		rc = add_smmus(m, &t) || add_hosts(m, fw, &t) ? -1 : 0;
	free(data);
	return rc;
}

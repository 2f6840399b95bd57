/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees: SMMUv3 and RISC-V IOMMU nodes, and PCI host bridges (bindings
 * iommu/arm,smmu-v3, iommu/riscv,iommu, pci/pci-iommu, pci/pci-msi,
 * pci/host-generic-pci).
 */
#include "internal.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_MAX     (16u << 20)
#define GIC_CELLS    3u
#define GIC_SPI	     0u
#define GIC_SPI_BASE 32u
#define GIC_PPI_BASE 16u
#define MAP_CELLS    4u
#define RID_LIMIT    0x10000u
/* RISC-V IOMMU specification, 2.1: a device id has at most 24 bits. */
#define DEVICE_ID_LIMIT (1u << 24)
/* PCI bus binding, phys.hi: bus, device and function, in configuration space. */
#define PCI_CELLS	5u
#define PCI_RID_SHIFT	8u
#define PCI_NOT_THE_RID 0xff0000ffu

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

static bool is(const struct tree *t, int node, const char *compatible)
{
	return !fdt_node_check_compatible(t->fdt, node, compatible);
}

static uint32_t one_cell(const struct tree *t, int node, const char *name, uint32_t otherwise)
{
	struct cells p = property(t, node, name);

	return p.n == 1 ? cell(&p, 0) : otherwise;
}

/* Cells per interrupt of the controller that `node` reports to; `otherwise` if it names none. */
static uint32_t interrupt_cells(const struct tree *t, int node, uint32_t otherwise)
{
	for (; node >= 0; node = fdt_parent_offset(t->fdt, node)) {
		uint32_t phandle = one_cell(t, node, "interrupt-parent", 0);
		int parent = phandle ? fdt_node_offset_by_phandle(t->fdt, phandle) : -1;

		if (parent >= 0)
			return one_cell(t, parent, "#interrupt-cells", otherwise);
	}
	return otherwise;
}

static int interrupt_ids(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells p = property(t, node, "interrupts");
	uint32_t per = interrupt_cells(t, node, GIC_CELLS);
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
		if (per < GIC_CELLS)
			*wanted[i].id = cell(&p, at);
		else
			*wanted[i].id = cell(&p, at + 1) +
					(cell(&p, at) == GIC_SPI ? GIC_SPI_BASE : GIC_PPI_BASE);
	}
	return 0;
}

/* Of the first entry of `reg`. */
static int address_of(const struct tree *t, int node, uint64_t *base)
{
	struct cells reg = property(t, node, "reg");
	int parent = fdt_parent_offset(t->fdt, node);
	int ac = fdt_address_cells(t->fdt, parent < 0 ? 0 : parent);
	int sc = fdt_size_cells(t->fdt, parent < 0 ? 0 : parent), i;

	if (ac < 1 || ac > 2 || sc < 0 || reg.n < (unsigned)(ac + sc))
		return fail_node(t, node, "reg with the address of the registers");
	for (i = 0; i < ac; i++)
		*base = *base << 32 | cell(&reg, (unsigned)i);
	return 0;
}

static struct machine_smmu *new_iommu(struct machine *m, const struct tree *t, int node,
				      enum machine_iommu kind)
{
	struct machine_smmu *s;

	if (m->n_smmus && m->smmus[0].kind != kind) {
		fail_node(t, node, "IOMMUs of one kind, not SMMUv3 and RISC-V,");
		return NULL;
	}
	s = grow(&m->smmus, &m->n_smmus, sizeof(*s));
	if (!s) {
		fail_memory(t->w);
		return NULL;
	}
	s->kind = kind;
	s->node = fdt_get_phandle(t->fdt, node);
	return s;
}

static int add_smmu(struct machine *m, const struct tree *t, int node)
{
	struct machine_smmu *s = new_iommu(m, t, node, MACHINE_SMMUV3);

	return !s || address_of(t, node, &s->base) ? -1 : interrupt_ids(t, node, s);
}

static bool is_pci(const struct tree *t, int node)
{
	int len;
	const char *type = node < 0 ? NULL : fdt_getprop(t->fdt, node, "device_type", &len);

	return type && len == 4 && !memcmp(type, "pci", 4);
}

/* The PCI host bridge behind `node`. A bridge below one may be described too; it maps nothing. */
static int next_host(const struct tree *t, int node)
{
	do
		node = fdt_next_node(t->fdt, node, NULL);
	while (node >= 0 && (!is_pci(t, node) || is_pci(t, fdt_parent_offset(t->fdt, node))));
	return node;
}

/* Host bridges that do not say which segment they have are numbered as they come. */
static uint32_t segment_of(const struct tree *t, int host)
{
	uint32_t number = 0;
	int node = -1;

	while ((node = next_host(t, node)) >= 0 && node != host)
		number++;
	return one_cell(t, host, "linux,pci-domain", number);
}

static int vectors(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells p = property(t, node, "interrupts");
	uint32_t per = interrupt_cells(t, node, 0);

	if (!has(t, node, "interrupts"))
		return 0;
	if (!p.n || !per || p.n % per || p.n / per > MACHINE_MAX_VECTORS)
		return fail_node(t, node, "1 to 4 interrupts in whole specifiers");
	while (s->n_vectors < p.n / per) {
		s->vectors[s->n_vectors] = cell(&p, s->n_vectors * per);
		s->n_vectors++;
	}
	return 0;
}

/* It is a function of a segment, which its host bridge has. */
static int function_of(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells reg = property(t, node, "reg");
	int host = fdt_parent_offset(t->fdt, node);
	uint32_t rid;

	if (!is_pci(t, host))
		return fail_node(t, node, "a PCI bridge above riscv,pci-iommu");
	if (reg.n < PCI_CELLS || (cell(&reg, 0) & PCI_NOT_THE_RID))
		return fail_node(t, node, "reg with bus, device and function");
	while (is_pci(t, fdt_parent_offset(t->fdt, host)))
		host = fdt_parent_offset(t->fdt, host);
	rid = cell(&reg, 0) >> PCI_RID_SHIFT;
	snprintf(s->function, sizeof(s->function), "%04x:%02x:%02x.%x", segment_of(t, host),
		 rid >> 8, rid >> 3 & 0x1f, rid & 7);
	return 0;
}

static int add_riscv(struct machine *m, const struct tree *t, int node)
{
	struct machine_smmu *s = new_iommu(m, t, node, MACHINE_RISCV);
	int rc;

	if (!s)
		return -1;
	if (one_cell(t, node, "#iommu-cells", 0) != 1)
		return fail_node(t, node, "#iommu-cells of 1");
	rc = is(t, node, "riscv,pci-iommu") ? function_of(t, node, s)
					    : address_of(t, node, &s->base);
	return rc ? rc : vectors(t, node, s);
}

static int add_iommus(struct machine *m, const struct tree *t)
{
	int node, rc = 0;

	for (node = fdt_next_node(t->fdt, -1, NULL); node >= 0 && !rc;
	     node = fdt_next_node(t->fdt, node, NULL)) {
		if (is(t, node, "arm,smmu-v3"))
			rc = add_smmu(m, t, node);
		else if (is(t, node, "riscv,iommu") || is(t, node, "riscv,pci-iommu"))
			rc = add_riscv(m, t, node);
	}
	return rc;
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

/* Whatever a requester id is mapped to has to be found in one entry. */
static int check_overlap(const struct tree *t, int node, const struct cells *p, uint32_t mask)
{
	uint8_t seen[RID_LIMIT / 8] = {0};
	unsigned i;
	uint32_t id;

	for (i = 0; i < p->n; i += MAP_CELLS) {
		if (cell(p, i) & ~mask)
			return fail_node(t, node, "an iommu-map within iommu-map-mask");
		for (id = cell(p, i); id < cell(p, i) + cell(p, i + 3); id++) {
			if (seen[id / 8] & 1u << id % 8)
				return fail_node(t, node, "iommu-map entries that do not overlap");
			seen[id / 8] |= (uint8_t)(1u << id % 8);
		}
	}
	return 0;
}

static int check_host(const struct tree *t, int node, struct cells *map, const struct cells *buses)
{
	struct cells msi;

	if (check_map(t, node, "iommu-map", map) || check_map(t, node, "msi-map", &msi))
		return -1;
	if (has(t, node, "iommu-map-mask") && property(t, node, "iommu-map-mask").n != 1)
		return fail_node(t, node, "iommu-map-mask of one cell");
	if (buses->n && (buses->n != 2 || cell(buses, 0) > cell(buses, 1) || cell(buses, 1) > 0xff))
		return fail_node(t, node, "bus-range with two bus numbers");
	return check_overlap(t, node, map, one_cell(t, node, "iommu-map-mask", 0xffff));
}

static int add_host(struct machine *m, struct firmware *fw, const struct tree *t, int node,
		    uint32_t number)
{
	struct cells map, buses = property(t, node, "bus-range");
	unsigned i;

	if (check_host(t, node, &map, &buses))
		return -1;
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
		if (r->smmu != MACHINE_NONE && m->smmus[r->smmu].kind == MACHINE_RISCV &&
		    r->output + (r->last - r->first) >= DEVICE_ID_LIMIT)
			return fail_node(t, node, "RISC-V device ids of at most 24 bits");
	}
	return 0;
}

static int add_hosts(struct machine *m, struct firmware *fw, const struct tree *t)
{
	uint32_t number = 0;
	int node = -1;

	while ((node = next_host(t, node)) >= 0) {
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
		rc = add_iommus(m, &t) || add_hosts(m, fw, &t) ? -1 : 0;
	free(data);
	return rc;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees: SMMUv3 and RISC-V IOMMU nodes, PCI host bridges, other masters (bindings
 * iommu/arm,smmu-v3, iommu/riscv,iommu, iommu/iommu, pci/pci-iommu, pci/pci-msi,
 * pci/host-generic-pci). What is not enabled is not there.
 */
#include "dtb.h"

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

/* ---- IOMMUs ---- */

static int interrupt_ids(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells list[DTB_INTERRUPTS];
	unsigned i, n;
	const struct {
		const char *name;
		uint32_t *id;
	} wanted[] = {{"eventq", &s->eventq_irq},
		      {"priq", &s->priq_irq},
		      {"cmdq-sync", &s->cmdq_irq},
		      {"gerror", &s->gerror_irq}};

	if (dtb_interrupts(t, node, list, &n))
		return -1;
	for (i = 0; n && i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int k = fdt_stringlist_search(t->fdt, node, "interrupt-names", wanted[i].name);

		if (k < 0)
			continue;
		if ((unsigned)k >= n)
			return dtb_fail(t, node, "an interrupt for each of interrupt-names");
		if (list[k].n < GIC_CELLS)
			*wanted[i].id = dtb_cell(&list[k], 0);
		else
			*wanted[i].id =
				dtb_cell(&list[k], 1) +
				(dtb_cell(&list[k], 0) == GIC_SPI ? GIC_SPI_BASE : GIC_PPI_BASE);
	}
	return 0;
}

static struct machine_smmu *new_iommu(struct machine *m, const struct tree *t, int node,
				      enum machine_iommu kind)
{
	struct machine_smmu *s;

	if (m->n_smmus && m->smmus[0].kind != kind) {
		dtb_fail(t, node, "IOMMUs of one kind, not SMMUv3 and RISC-V,");
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

	return !s || dtb_address(t, node, &s->base) ? -1 : interrupt_ids(t, node, s);
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

/* Host bridges that do not say which segment they have are numbered as they come; whoever asks
 * has looked whether it is enabled. */
static uint32_t segment_of(const struct tree *t, int host)
{
	uint32_t number = 0;
	int node = -1;
	bool yes;

	while ((node = next_host(t, node)) >= 0 && node != host)
		number += !dtb_enabled(t, node, &yes) && yes;
	return dtb_one_cell(t, host, "linux,pci-domain", number);
}

static int vectors(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells list[DTB_INTERRUPTS];
	unsigned n;

	if (dtb_interrupts(t, node, list, &n))
		return -1;
	if (n > MACHINE_MAX_VECTORS)
		return dtb_fail(t, node, "at most 4 interrupts");
	while (s->n_vectors < n) {
		s->vectors[s->n_vectors] = dtb_cell(&list[s->n_vectors], 0);
		s->n_vectors++;
	}
	return 0;
}

/* It is a function of a segment, which its host bridge has. */
static int function_of(const struct tree *t, int node, struct machine_smmu *s)
{
	struct cells reg = dtb_cells(t, node, "reg");
	int host = fdt_parent_offset(t->fdt, node);
	uint32_t rid;

	if (!is_pci(t, host))
		return dtb_fail(t, node, "a PCI bridge above riscv,pci-iommu");
	if (reg.n < PCI_CELLS || (dtb_cell(&reg, 0) & PCI_NOT_THE_RID))
		return dtb_fail(t, node, "reg with bus, device and function");
	while (is_pci(t, fdt_parent_offset(t->fdt, host)))
		host = fdt_parent_offset(t->fdt, host);
	rid = dtb_cell(&reg, 0) >> PCI_RID_SHIFT;
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
	rc = dtb_is(t, node, "riscv,pci-iommu") ? function_of(t, node, s)
						: dtb_address(t, node, &s->base);
	return rc ? rc : vectors(t, node, s);
}

/* Ids that lead to one that is not enabled go past all: it is a node like any other. */
static int add_iommu(struct machine *m, const struct tree *t, int node)
{
	bool smmuv3 = dtb_is(t, node, "arm,smmu-v3"), yes;

	if (!smmuv3 && !dtb_is(t, node, "riscv,iommu") && !dtb_is(t, node, "riscv,pci-iommu"))
		return 0;
	if (dtb_enabled(t, node, &yes))
		return -1;
	if (!yes)
		return machine_note(m, "%s is not enabled: no id is taken to be behind it",
				    fdt_get_name(t->fdt, node, NULL))
			       ? fail_memory(t->w)
			       : 0;
	if (dtb_one_cell(t, node, "#iommu-cells", 0) != 1)
		return dtb_fail(t, node, "#iommu-cells of 1");
	return smmuv3 ? add_smmu(m, t, node) : add_riscv(m, t, node);
}

static int add_iommus(struct machine *m, const struct tree *t)
{
	int node, rc = 0;

	for (node = fdt_next_node(t->fdt, -1, NULL); node >= 0 && !rc;
	     node = fdt_next_node(t->fdt, node, NULL))
		rc = add_iommu(m, t, node);
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

	*p = dtb_cells(t, node, name);
	if (!fdt_getprop(t->fdt, node, name, &len))
		return 0;
	if (!p->n || p->n % MAP_CELLS)
		return dtb_fail(t, node, "iommu-map and msi-map in entries of four cells");
	for (i = 0; i < p->n; i += MAP_CELLS) {
		uint32_t first = dtb_cell(p, i), output = dtb_cell(p, i + 2),
			 length = dtb_cell(p, i + 3);

		if (!length || first >= RID_LIMIT || length > RID_LIMIT - first ||
		    length - 1 > UINT32_MAX - output)
			return dtb_fail(t, node, "map entries of 1 to 0x10000 requester ids");
		if (fdt_node_offset_by_phandle(t->fdt, dtb_cell(p, i + 1)) < 0)
			return dtb_fail(t, node, "map entries that name a node");
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
		if (dtb_cell(p, i) & ~mask)
			return dtb_fail(t, node, "an iommu-map within iommu-map-mask");
		for (id = dtb_cell(p, i); id < dtb_cell(p, i) + dtb_cell(p, i + 3); id++) {
			if (seen[id / 8] & 1u << id % 8)
				return dtb_fail(t, node, "iommu-map entries that do not overlap");
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
	if (dtb_has(t, node, "iommu-map-mask") && dtb_cells(t, node, "iommu-map-mask").n != 1)
		return dtb_fail(t, node, "iommu-map-mask of one cell");
	if (buses->n &&
	    (buses->n != 2 || dtb_cell(buses, 0) > dtb_cell(buses, 1) || dtb_cell(buses, 1) > 0xff))
		return dtb_fail(t, node, "bus-range with two bus numbers");
	return check_overlap(t, node, map, dtb_one_cell(t, node, "iommu-map-mask", 0xffff));
}

static int add_host(struct machine *m, struct firmware *fw, const struct tree *t, int node,
		    uint32_t number)
{
	struct cells map, buses = dtb_cells(t, node, "bus-range");
	unsigned i;

	if (check_host(t, node, &map, &buses))
		return -1;
	for (i = 0; i < map.n; i += MAP_CELLS) {
		struct id_map *r = grow(&fw->maps, &fw->n_maps, sizeof(*r));

		if (!r)
			return fail_memory(t->w);
		r->segment = dtb_one_cell(t, node, "linux,pci-domain", number);
		r->bus_first = buses.n ? dtb_cell(&buses, 0) : 0;
		r->bus_last = buses.n ? dtb_cell(&buses, 1) : 0xff;
		r->mask = dtb_one_cell(t, node, "iommu-map-mask", 0xffff);
		r->first = dtb_cell(&map, i);
		r->last = r->first + dtb_cell(&map, i + 3) - 1;
		r->output = dtb_cell(&map, i + 2);
		r->ats = dtb_has(t, node, "ats-supported");
		r->smmu = smmu_of(m, dtb_cell(&map, i + 1));
		if (r->smmu != MACHINE_NONE && m->smmus[r->smmu].kind == MACHINE_RISCV &&
		    r->output + (r->last - r->first) >= DEVICE_ID_LIMIT)
			return dtb_fail(t, node, "RISC-V device ids of at most 24 bits");
	}
	return 0;
}

static int add_hosts(struct machine *m, struct firmware *fw, const struct tree *t)
{
	uint32_t number = 0;
	int node = -1;
	bool yes;

	while ((node = next_host(t, node)) >= 0) {
		if (dtb_enabled(t, node, &yes) || (yes && add_host(m, fw, t, node, number++)))
			return -1;
	}
	return 0;
}

/* ---- masters that are no PCI functions ---- */

static int add_master(struct machine *m, const struct tree *t, int node, int smmu, uint32_t id)
{
	struct machine_master *e = grow(&m->masters, &m->n_masters, sizeof(*e));

	if (!e)
		return fail_memory(t->w);
	e->smmu = smmu;
	e->id = id;
	if (fdt_get_path(t->fdt, node, e->path, sizeof(e->path)))
		return dtb_fail(t, node, "a path of at most 127 characters");
	if (m->smmus[smmu].kind == MACHINE_RISCV && id >= DEVICE_ID_LIMIT)
		return dtb_fail(t, node, "RISC-V device ids of at most 24 bits");
	return 0;
}

/* (IOMMU, id) any number of times; the cells of other IOMMUs are as many as they say. */
static int add_masters_of(struct machine *m, const struct tree *t, int node)
{
	struct cells p = dtb_cells(t, node, "iommus");
	unsigned at = 0;

	while (at < p.n) {
		uint32_t phandle = dtb_cell(&p, at), per;
		int iommu = fdt_node_offset_by_phandle(t->fdt, phandle), smmu = smmu_of(m, phandle);

		if (iommu < 0 || !dtb_has(t, iommu, "#iommu-cells"))
			break;
		per = dtb_one_cell(t, iommu, "#iommu-cells", 0);
		if (per > p.n - at - 1)
			break;
		if (smmu != MACHINE_NONE && add_master(m, t, node, smmu, dtb_cell(&p, at + 1)))
			return -1;
		at += 1 + per;
	}
	return at && at == p.n ? 0 : dtb_fail(t, node, "iommus that name IOMMUs and whole ids");
}

static int add_masters(struct machine *m, const struct tree *t)
{
	int node;
	bool yes;

	for (node = fdt_next_node(t->fdt, -1, NULL); node >= 0;
	     node = fdt_next_node(t->fdt, node, NULL)) {
		if (!dtb_has(t, node, "iommus"))
			continue;
		if (dtb_enabled(t, node, &yes) || (yes && add_masters_of(m, t, node)))
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
		rc = add_iommus(m, &t) || add_hosts(m, fw, &t) || add_masters(m, &t) ? -1 : 0;
	free(data);
	return rc;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI IORT (Arm DEN 0049): SMMUv3 nodes, PCI root complexes and their id
 * mappings, ITS groups. Every offset is checked against the table, and every
 * reference against the list of nodes.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX	 (16u << 20)
#define TABLE_LENGTH	 4
#define TABLE_NODES	 36
#define TABLE_FIRST_NODE 40
#define TABLE_HEADER	 48

enum { NODE_ITS, NODE_NAMED, NODE_ROOT_COMPLEX, NODE_SMMU, NODE_SMMUV3, NODE_PMCG, NODE_RMR };

/* Any node */
#define NODE_TYPE	0
#define NODE_LENGTH	1
#define NODE_MAPPINGS	8
#define NODE_MAPPING_AT 12
#define NODE_HEADER	16
/* ITS group */
#define ITS_COUNT 16
#define ITS_SIZE  20
/* PCI root complex */
#define RC_ATS		 24
#define RC_ATS_SUPPORTED 1u
#define RC_SEGMENT	 28
#define RC_SIZE		 32
/* SMMUv3 */
#define SMMUV3_BASE	  16
#define SMMUV3_EVENT_GSIV 44
#define SMMUV3_PRI_GSIV	  48
#define SMMUV3_GERR_GSIV  52
#define SMMUV3_SYNC_GSIV  56
#define SMMUV3_SIZE	  60
/* Id mapping */
#define MAP_INPUT     0
#define MAP_COUNT     4 /* number of ids minus one */
#define MAP_OUTPUT    8
#define MAP_REFERENCE 12
#define MAP_FLAGS     16
#define MAP_SINGLE    1u
#define MAP_SIZE      20

struct table {
	const uint8_t *d;
	uint32_t len;
	uint32_t *nodes; /* offsets, ascending */
	unsigned n_nodes;
	const struct where *w;
};

/* Callers have checked that `off` lies in the table. */
static uint32_t get16(const struct table *t, size_t off)
{
	return t->d[off] | (uint32_t)t->d[off + 1] << 8;
}

static uint32_t get32(const struct table *t, size_t off)
{
	return get16(t, off) | get16(t, off + 2) << 16;
}

static uint64_t get64(const struct table *t, size_t off)
{
	return get32(t, off) | (uint64_t)get32(t, off + 4) << 32;
}

static int check_header(struct table *t, size_t file_len)
{
	uint8_t sum = 0;
	uint32_t i;

	if (file_len < TABLE_HEADER || memcmp(t->d, "IORT", 4))
		return fail_at(t->w, 0, "expected an IORT of at least %u bytes", TABLE_HEADER);
	t->len = get32(t, TABLE_LENGTH);
	if (t->len < TABLE_HEADER || t->len > file_len)
		return fail_at(t->w, TABLE_LENGTH, "expected a table of %u bytes, the file has %zu",
			       t->len, file_len);
	for (i = 0; i < t->len; i++)
		sum = (uint8_t)(sum + t->d[i]);
	if (sum)
		return fail_at(t->w, 9, "expected a checksum that makes the sum of all bytes 0");
	return 0;
}

static uint32_t minimum(unsigned type)
{
	switch (type) {
	case NODE_ITS:
		return ITS_SIZE;
	case NODE_ROOT_COMPLEX:
		return RC_SIZE;
	case NODE_SMMUV3:
		return SMMUV3_SIZE;
	default:
		return NODE_HEADER;
	}
}

static int check_node(const struct table *t, uint32_t at, uint32_t len)
{
	unsigned type = t->d[at + NODE_TYPE];
	uint32_t n = get32(t, at + NODE_MAPPINGS), off = get32(t, at + NODE_MAPPING_AT);

	if (len < minimum(type))
		return fail_at(t->w, at + NODE_LENGTH, "expected a node of at least %u bytes",
			       minimum(type));
	/* Memory ranges of an RMR node are its own matter; nothing here reads them. */
	if (n && (off < NODE_HEADER || off > len || n > (len - off) / MAP_SIZE))
		return fail_at(t->w, at + NODE_MAPPINGS,
			       "expected %u id mappings to lie inside their node", n);
	if (type == NODE_ITS && get32(t, at + ITS_COUNT) > (len - ITS_SIZE) / 4)
		return fail_at(t->w, at + ITS_COUNT, "expected the ITS list inside its node");
	return 0;
}

static int find_nodes(struct table *t)
{
	uint32_t n = get32(t, TABLE_NODES), at = get32(t, TABLE_FIRST_NODE), len, i;

	if (at < TABLE_HEADER && n)
		return fail_at(t->w, TABLE_FIRST_NODE, "expected the first node behind the header");
	for (i = 0; i < n; i++, at += len) {
		uint32_t *slot;

		if (at > t->len || t->len - at < NODE_HEADER)
			return fail_at(t->w, at, "expected node %u of %u inside the table", i, n);
		len = get16(t, at + NODE_LENGTH);
		if (len < NODE_HEADER || len > t->len - at)
			return fail_at(t->w, at + NODE_LENGTH,
				       "expected a node length of %u to %u, found %u", NODE_HEADER,
				       t->len - at, len);
		if (check_node(t, at, len))
			return -1;
		slot = grow(&t->nodes, &t->n_nodes, sizeof(*slot));
		if (!slot)
			return fail_memory(t->w);
		*slot = at;
	}
	return 0;
}

static int add_smmus(struct machine *m, const struct table *t)
{
	unsigned i;

	for (i = 0; i < t->n_nodes; i++) {
		uint32_t at = t->nodes[i];
		struct machine_smmu *s;

		if (t->d[at] != NODE_SMMUV3)
			continue;
		s = grow(&m->smmus, &m->n_smmus, sizeof(*s));
		if (!s)
			return fail_memory(t->w);
		s->node = at;
		s->base = get64(t, at + SMMUV3_BASE);
		s->eventq_irq = get32(t, at + SMMUV3_EVENT_GSIV);
		s->priq_irq = get32(t, at + SMMUV3_PRI_GSIV);
		s->gerror_irq = get32(t, at + SMMUV3_GERR_GSIV);
		s->cmdq_irq = get32(t, at + SMMUV3_SYNC_GSIV);
	}
	return 0;
}

/* A mapping must lead to the start of a node that can take it. */
static int target(const struct machine *m, const struct table *t, uint32_t map, int *smmu)
{
	uint32_t ref = get32(t, map + MAP_REFERENCE);
	unsigned i, s;

	*smmu = MACHINE_NONE;
	for (i = 0; i < t->n_nodes && t->nodes[i] != ref; i++)
		;
	if (i == t->n_nodes)
		return fail_at(t->w, map + MAP_REFERENCE,
			       "expected the offset of a node, 0x%x is none", ref);
	for (s = 0; s < m->n_smmus; s++) {
		if (m->smmus[s].node == ref)
			*smmu = (int)s;
	}
	if (*smmu == MACHINE_NONE && t->d[ref] != NODE_ITS && t->d[ref] != NODE_SMMU)
		return fail_at(t->w, map + MAP_REFERENCE, "expected an SMMU or ITS node at 0x%x",
			       ref);
	return 0;
}

static int add_mapping(struct machine *m, struct firmware *fw, const struct table *t, uint32_t rc,
		       uint32_t map)
{
	uint32_t count = get32(t, map + MAP_COUNT);
	struct id_map *r = grow(&fw->maps, &fw->n_maps, sizeof(*r));

	if (!r)
		return fail_memory(t->w);
	r->segment = get32(t, rc + RC_SEGMENT);
	r->bus_last = 0xff;
	r->mask = 0xffffffffu;
	r->ats = get32(t, rc + RC_ATS) & RC_ATS_SUPPORTED;
	r->first = get32(t, map + MAP_INPUT);
	r->output = get32(t, map + MAP_OUTPUT);
	r->single = get32(t, map + MAP_FLAGS) & MAP_SINGLE;
	if (r->single)
		count = 0;
	if (count > UINT32_MAX - r->first || count > UINT32_MAX - r->output)
		return fail_at(t->w, map + MAP_COUNT,
			       "expected at most 32 bits of ids, found %u more", count);
	r->last = r->first + count;
	return target(m, t, map, &r->smmu);
}

/*
 * Some firmware (QEMU up to 7.2 among it) writes the number of ids where the
 * number minus one belongs, in some mappings of a table and not in others. It
 * shows when the last id of one range is the first of another: it is then
 * the latter's.
 */
static int trim_counts(struct machine *m, struct firmware *fw, unsigned start)
{
	unsigned i, j;

	for (i = start; i < fw->n_maps; i++) {
		struct id_map *a = &fw->maps[i];

		if (a->single || a->last == a->first)
			continue;
		for (j = start; j < fw->n_maps; j++) {
			const struct id_map *b = &fw->maps[j];

			if (j == i || b->single || b->first != a->last)
				continue;
			a->last--;
			if (machine_note(
				    m,
				    "IORT: id 0x%x is in two ranges; taken as the start of the "
				    "second, the count 0x%x of the first as a number of ids",
				    b->first, b->first - a->first))
				return -1;
			break;
		}
	}
	return 0;
}

static int add_root_complex(struct machine *m, struct firmware *fw, const struct table *t,
			    uint32_t at)
{
	uint32_t n = get32(t, at + NODE_MAPPINGS), off = get32(t, at + NODE_MAPPING_AT), i;
	unsigned start = fw->n_maps;

	for (i = 0; i < n; i++) {
		if (add_mapping(m, fw, t, at, at + off + i * MAP_SIZE))
			return -1;
	}
	return trim_counts(m, fw, start) ? fail_memory(t->w) : 0;
}

static int load(struct machine *m, struct firmware *fw, struct table *t, size_t len)
{
	unsigned i;

	if (check_header(t, len) || find_nodes(t) || add_smmus(m, t))
		return -1;
	for (i = 0; i < t->n_nodes; i++) {
		if (t->d[t->nodes[i]] == NODE_ROOT_COMPLEX &&
		    add_root_complex(m, fw, t, t->nodes[i]))
			return -1;
	}
	return 0;
}

int iort_load(struct machine *m, struct firmware *fw, const struct where *w)
{
	struct table t = {.w = w};
	char *data;
	size_t len;
	int rc;

	if (file_read(w, TABLE_MAX, &data, &len))
		return -1;
	t.d = (const uint8_t *)data;
	rc = load(m, fw, &t, len);
	free(t.nodes);
	free(data);
	return rc;
}

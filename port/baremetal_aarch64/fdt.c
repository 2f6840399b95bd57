/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a flattened device tree (Devicetree Specification, chapter 5). The
 * image needs a dozen properties of a blob that whoever started it vouches for,
 * so this walks the structure block each time instead of keeping anything.
 */
#include "baremetal.h"
#include "freestanding.h"

#define MAGIC	   0xd00dfeedu
#define BEGIN_NODE 1u
#define END_NODE   2u
#define PROP	   3u
#define NOP	   4u
#define MAX_DEPTH  16

static const uint8_t *blob, *structure, *strings;
static uint32_t structure_size;

static uint32_t be32(const void *at)
{
	const uint8_t *p = at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool bm_fdt_init(const void *at)
{
	blob = at;
	if (!at || ((uintptr_t)at & 7) || be32(at) != MAGIC || be32(blob + 20) < 16)
		return false;
	structure = blob + be32(blob + 8);
	strings = blob + be32(blob + 12);
	structure_size = be32(blob + 36);
	return be32(structure) == BEGIN_NODE;
}

size_t bm_fdt_size(void)
{
	return be32(blob + 4);
}

static uint32_t up4(uint32_t n)
{
	return (n + 3) & ~3u;
}

/* Behind the token at `at`; nothing lies behind the end. */
static uint32_t after(uint32_t at)
{
	switch (be32(structure + at)) {
	case BEGIN_NODE:
		return at + 4 + up4((uint32_t)bm_strlen((const char *)structure + at + 4) + 1);
	case PROP:
		return at + 12 + up4(be32(structure + at + 4));
	case END_NODE:
	case NOP:
		return at + 4;
	default:
		return structure_size;
	}
}

/* The next node in the order of the tree. */
static int next_node(int node)
{
	uint32_t at = node < 0 ? 0 : after((uint32_t)node);

	for (; at < structure_size; at = after(at))
		if (be32(structure + at) == BEGIN_NODE)
			return (int)at;
	return -1;
}

static int parent(int node)
{
	int path[MAX_DEPTH], depth = 0;

	for (uint32_t at = 0; at < structure_size; at = after(at)) {
		uint32_t token = be32(structure + at);

		if (token == BEGIN_NODE) {
			if ((int)at == node)
				return depth ? path[depth - 1] : -1;
			if (depth == MAX_DEPTH)
				return -1;
			path[depth++] = (int)at;
		} else if (token == END_NODE && depth) {
			depth--;
		}
	}
	return -1;
}

const void *bm_fdt_prop(int node, const char *name, unsigned *len)
{
	if (node < 0)
		return NULL;
	for (uint32_t at = after((uint32_t)node); at < structure_size; at = after(at)) {
		uint32_t token = be32(structure + at);

		if (token == BEGIN_NODE || token == END_NODE)
			return NULL; /* properties come first */
		if (token != PROP ||
		    !bm_streq((const char *)strings + be32(structure + at + 8), name))
			continue;
		if (len)
			*len = be32(structure + at + 4);
		return structure + at + 12;
	}
	return NULL;
}

int bm_fdt_string(int node, const char *name, const char *value)
{
	unsigned len = 0;
	const char *s = bm_fdt_prop(node, name, &len);

	for (int i = 0; s && len; i++) {
		unsigned n = (unsigned)bm_strlen(s) + 1;

		if (bm_streq(s, value))
			return i;
		if (n >= len)
			break;
		len -= n;
		s += n;
	}
	return -1;
}

int bm_fdt_having(int from, const char *prop, const char *value)
{
	do
		from = next_node(from);
	while (from >= 0 && bm_fdt_string(from, prop, value) < 0);
	return from;
}

int bm_fdt_compatible(int from, const char *compatible)
{
	return bm_fdt_having(from, "compatible", compatible);
}

int bm_fdt_by_phandle(uint32_t phandle)
{
	int node = -1;

	do
		node = next_node(node);
	while (node >= 0 && bm_fdt_u32(node, "phandle", 0) != phandle);
	return node;
}

uint32_t bm_fdt_u32(int node, const char *name, unsigned i)
{
	return (uint32_t)bm_fdt_u64(node, name, i, 1);
}

uint64_t bm_fdt_u64(int node, const char *name, unsigned i, unsigned n)
{
	unsigned len = 0;
	const uint8_t *p = bm_fdt_prop(node, name, &len);
	uint64_t v = 0;

	if (!p || (i + n) * 4 > len)
		return 0;
	while (n--)
		v = v << 32 | be32(p + 4 * i++);
	return v;
}

bool bm_fdt_reg(int node, unsigned i, uint64_t *addr, uint64_t *size)
{
	int up = parent(node);
	unsigned a =
		bm_fdt_prop(up, "#address-cells", NULL) ? bm_fdt_u32(up, "#address-cells", 0) : 2;
	unsigned s = bm_fdt_prop(up, "#size-cells", NULL) ? bm_fdt_u32(up, "#size-cells", 0) : 1;
	unsigned len = 0;

	/* Empty ranges say that the parent's addresses are its parent's. */
	if (up > 0 && (!bm_fdt_prop(up, "ranges", &len) || len))
		return false;
	if (!bm_fdt_prop(node, "reg", &len) || (i + 1) * (a + s) * 4 > len)
		return false;
	*addr = bm_fdt_u64(node, "reg", i * (a + s), a);
	*size = bm_fdt_u64(node, "reg", i * (a + s) + a, s);
	return true;
}

/* The GIC's binding: type, number, flags. */
bool bm_fdt_irq(int node, unsigned i, unsigned *irq, bool *edge)
{
	unsigned len = 0;

	if (!bm_fdt_prop(node, "interrupts", &len) || (i + 1) * 12 > len)
		return false;
	*irq = bm_fdt_u32(node, "interrupts", 3 * i + 1) +
	       (bm_fdt_u32(node, "interrupts", 3 * i) == 0 ? 32 : 16);
	*edge = (bm_fdt_u32(node, "interrupts", 3 * i + 2) & 0xf) <= 2;
	return true;
}

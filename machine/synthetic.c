/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine made up: as many alike functions behind one SMMU as asked for, and behind them
 * in number, on buses counted down from the last one, those below bridges.
 */
#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

#define PER_BUS	 32u
#define LAST_BUS 255u
#define PCIE_AT	 0x40u
#define ATS_AT	 0x100u
#define PASID_AT 0x110u
#define PASIDS	 4u /* width, bits */

const struct machine_synthetic machine_synthetic_mixed = {.share_every = 16, .pasid_every = 8};

static unsigned rid_of(unsigned i)
{
	return (i / PER_BUS + 1) << 8 | (i % PER_BUS) << 3;
}

void machine_synthetic_name(unsigned i, char name[20])
{
	snprintf(name, 20, "0000:%02x:%02x.0", (i / PER_BUS + 1) & 0xff, i % PER_BUS);
}

static void put16(uint8_t *c, unsigned at, unsigned v)
{
	c[at] = (uint8_t)v;
	c[at + 1] = (uint8_t)(v >> 8);
}

/* Type 0 header, PCI Express with FLR, ATS. */
static void make_config(uint8_t *c, bool pasid)
{
	put16(c, 0, 0x1af4);
	put16(c, 2, 0x1042);
	put16(c, 4, 0x0006);
	put16(c, 6, 0x0010);
	c[0x34] = PCIE_AT;
	put16(c, PCIE_AT, 0x0010);
	put16(c, PCIE_AT + 2, 0x0002);
	put16(c, PCIE_AT + 6, 0x1000); /* FLR */
	put16(c, ATS_AT, 0x000f);
	put16(c, ATS_AT + 2, pasid ? PASID_AT << 4 | 1 : 0x0001);
	put16(c, ATS_AT + 4, 0x0020);
	if (pasid) {
		put16(c, PASID_AT, 0x001b);
		put16(c, PASID_AT + 2, 0x0001);
		put16(c, PASID_AT + 4, PASIDS << 8);
	}
}

static bool add_function(struct machine *m, unsigned i, const struct machine_synthetic *how)
{
	bool pasid = how->pasid_every && i % how->pasid_every == 0;
	bool shares = how->share_every && i % how->share_every == how->share_every - 1 && i;
	unsigned at = m->n_functions++;
	struct machine_function *f = &m->functions[at];
	struct machine_group *g = &m->groups[shares ? m->n_groups - 1 : m->n_groups];

	*f = (struct machine_function){
		.bus = (uint8_t)(rid_of(i) >> 8),
		.dev = (uint8_t)(i % PER_BUS),
		.rid = (uint16_t)rid_of(i),
		.vendor = 0x1af4,
		.device = 0x1042,
		.config = calloc(1, 4096),
		.config_len = 4096,
		.pf = MACHINE_NONE,
		.upstream = MACHINE_NONE,
		.pcie_type = MACHINE_PCIE_ENDPOINT,
		.pcie = PCIE_AT,
		.ats = ATS_AT,
		.pasid = pasid ? PASID_AT : 0,
		.pasid_bits = pasid ? PASIDS : 0,
		.flr = true,
		.reset = MACHINE_RESET_FLR,
		.stream_ids = {rid_of(i)},
		.n_stream_ids = 1,
		.noted_group = MACHINE_NONE,
		.ats_platform = true,
	};
	machine_synthetic_name(i, f->bdf);
	if (!shares) {
		*g = (struct machine_group){(int)at, malloc(MACHINE_BELOW_BRIDGE * sizeof(int)), 0};
		m->n_groups++;
	}
	f->group = (int)m->n_groups - 1;
	if (!f->config || !g->functions)
		return false;
	g->functions[g->n_functions++] = (int)at;
	make_config(f->config, pasid);
	return true;
}

/* Type 1 header, PCI Express root port. */
static void make_port_config(uint8_t *c, uint8_t bus)
{
	put16(c, 0, 0x1b36);
	put16(c, 2, 0x000c);
	put16(c, 4, 0x0006);
	put16(c, 6, 0x0010);
	c[0x0b] = 0x06; /* class: PCI to PCI bridge */
	c[0x0a] = 0x04;
	c[0x0e] = 1;
	c[0x19] = c[0x1a] = bus;
	c[0x34] = PCIE_AT;
	put16(c, PCIE_AT, 0x0010);
	put16(c, PCIE_AT + 2, MACHINE_PCIE_ROOT_PORT << 4 | 2);
}

static unsigned below_bridge(unsigned i)
{
	return 1 + i % MACHINE_BELOW_BRIDGE;
}

static bool add_port(struct machine *m, unsigned i)
{
	unsigned at = m->n_functions++;
	struct machine_function *f = &m->functions[at];
	struct machine_group *g = &m->groups[m->n_groups++];

	*f = (struct machine_function){
		.dev = (uint8_t)i,
		.rid = (uint16_t)(i << 3),
		.vendor = 0x1b36,
		.device = 0x000c,
		.class_code = 0x060400,
		.config = calloc(1, 4096),
		.config_len = 4096,
		.pf = MACHINE_NONE,
		.upstream = MACHINE_NONE,
		.is_bridge = true,
		.secondary = (uint8_t)(LAST_BUS - i),
		.subordinate = (uint8_t)(LAST_BUS - i),
		.pcie_type = MACHINE_PCIE_ROOT_PORT,
		.pcie = PCIE_AT,
		.stream_ids = {i << 3},
		.n_stream_ids = 1,
		.group = (int)m->n_groups - 1,
		.noted_group = MACHINE_NONE,
		.ats_platform = true,
	};
	snprintf(f->bdf, sizeof(f->bdf), "0000:00:%02x.0", i & 0x1f);
	*g = (struct machine_group){(int)at, malloc(sizeof(int)), 0};
	if (!f->config || !g->functions)
		return false;
	g->functions[g->n_functions++] = (int)at;
	make_port_config(f->config, f->secondary);
	return true;
}

/* A bridge, and a bus with functions that nothing keeps apart. */
static bool add_bridge(struct machine *m, unsigned i)
{
	unsigned port = m->n_functions, first = (LAST_BUS - i - 1) * PER_BUS;
	struct machine_group *g;

	if (!add_port(m, i))
		return false;
	for (unsigned k = 0; k < below_bridge(i); k++) {
		unsigned at = m->n_functions;
		struct machine_function *f = &m->functions[at];

		if (!add_function(m, first + k, &(struct machine_synthetic){0}))
			return false;
		f->upstream = (int)port;
		if (!k)
			continue;
		/* With the first one of its bus. */
		free(m->groups[--m->n_groups].functions);
		g = &m->groups[m->n_groups - 1];
		f->group = (int)m->n_groups - 1;
		g->functions[g->n_functions++] = (int)at;
	}
	return true;
}

bool machine_synthesize(struct machine *m, unsigned n, const struct machine_synthetic *how)
{
	unsigned all = n + how->bridges * (1 + MACHINE_BELOW_BRIDGE);
	bool ok;

	*m = (struct machine){0};
	m->functions = calloc(all, sizeof(*m->functions));
	m->groups = calloc(all, sizeof(*m->groups));
	m->smmus = calloc(1, sizeof(*m->smmus));
	ok = m->functions && m->groups && m->smmus;
	m->n_smmus = m->smmus != NULL;
	for (unsigned i = 0; ok && i < n; i++)
		ok = add_function(m, i, how);
	for (unsigned i = 0; ok && i < how->bridges; i++)
		ok = add_bridge(m, i);
	if (!ok)
		machine_free(m);
	return ok;
}

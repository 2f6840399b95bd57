/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine made up: as many alike functions behind one SMMU as asked for. */
#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

#define PER_BUS	 32u
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

static bool make_function(struct machine *m, unsigned i, const struct machine_synthetic *how)
{
	bool pasid = how->pasid_every && i % how->pasid_every == 0;
	bool shares = how->share_every && i % how->share_every == how->share_every - 1 && i;
	struct machine_function *f = &m->functions[i];
	struct machine_group *g = &m->groups[shares ? m->n_groups - 1 : m->n_groups];

	m->n_functions = i + 1;
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
		*g = (struct machine_group){(int)i, malloc(2 * sizeof(int)), 0};
		m->n_groups++;
	}
	f->group = (int)m->n_groups - 1;
	if (!f->config || !g->functions)
		return false;
	g->functions[g->n_functions++] = (int)i;
	make_config(f->config, pasid);
	return true;
}

bool machine_synthesize(struct machine *m, unsigned n, const struct machine_synthetic *how)
{
	bool ok;

	*m = (struct machine){0};
	m->functions = calloc(n, sizeof(*m->functions));
	m->groups = calloc(n, sizeof(*m->groups));
	m->smmus = calloc(1, sizeof(*m->smmus));
	ok = m->functions && m->groups && m->smmus;
	m->n_smmus = m->smmus != NULL;
	for (unsigned i = 0; ok && i < n; i++)
		ok = make_function(m, i, how);
	if (!ok)
		machine_free(m);
	return ok;
}

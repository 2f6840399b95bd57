/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What config space says: capabilities, virtual functions, the bridge above
 * each function, and the reset methods that Linux finds when it adds it.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* Config space header (PCI local bus 3.0, 6.1; PCI-to-PCI bridge 1.2, 3.2). */
#define CFG_VENDOR	0x00
#define CFG_DEVICE	0x02
#define CFG_STATUS	0x06
#define STATUS_CAPS	0x0010
#define CFG_CLASS_REV	0x08
#define CFG_HEADER_TYPE 0x0e
#define HEADER_LAYOUT	0x7f
#define HEADER_MULTI	0x80
#define HEADER_BRIDGE	1
#define CFG_SECONDARY	0x19
#define CFG_SUBORDINATE 0x1a
#define CFG_CAP_POINTER 0x34
#define CFG_EXTENDED	0x100

#define CAP_PM	  0x01
#define CAP_PCIE  0x10
#define CAP_AF	  0x13
#define EXT_ACS	  0x000d
#define EXT_ARI	  0x000e
#define EXT_ATS	  0x000f
#define EXT_SRIOV 0x0010
#define EXT_PRI	  0x0013
#define EXT_PASID 0x001b

#define PM_CONTROL	 4
#define PM_NO_SOFT_RESET 0x0008
#define AF_CAPS		 3
#define AF_TP_AND_FLR	 0x03
#define PCIE_FLAGS	 2
#define PCIE_DEVCAP	 4
#define DEVCAP_FLR	 (1u << 28)
#define PCIE_SLOTCAP	 0x14
#define SLOTCAP_HOTPLUG	 (1u << 6)
#define PCIE_FLAGS_SLOT	 0x0100
#define ATS_CAP		 4
#define ATS_QUEUE_DEPTH	 0x1f
#define PASID_CAP	 4
#define ACS_CAP		 4
#define ACS_CONTROL	 6
/* Source validation, request redirect, completion redirect, upstream forwarding. */
#define ACS_ISOLATION	0x001d
#define SRIOV_CONTROL	0x08
#define SRIOV_VF_ENABLE 0x0001
#define SRIOV_NUM_VFS	0x10
#define SRIOV_FIRST_VF	0x14
#define SRIOV_VF_STRIDE 0x16
#define SRIOV_VF_DEVICE 0x1a

unsigned cfg8(const struct machine_function *f, unsigned off)
{
	return off < f->config_len ? f->config[off] : 0;
}

unsigned cfg16(const struct machine_function *f, unsigned off)
{
	return cfg8(f, off) | cfg8(f, off + 1) << 8;
}

uint32_t cfg32(const struct machine_function *f, unsigned off)
{
	return cfg16(f, off) | (uint32_t)cfg16(f, off + 2) << 16;
}

static bool answers(const struct machine_function *f)
{
	return cfg8(f, CFG_HEADER_TYPE) != 0xff;
}

static void walk_capabilities(struct machine_function *f)
{
	unsigned off = cfg8(f, CFG_CAP_POINTER) & ~3u, guard;

	if (!(cfg16(f, CFG_STATUS) & STATUS_CAPS))
		return;
	for (guard = 0; off >= 0x40 && guard < 48; guard++) {
		unsigned id = cfg8(f, off);

		if (id == CAP_PM && !f->pm)
			f->pm = (uint16_t)off;
		else if (id == CAP_PCIE && !f->pcie)
			f->pcie = (uint16_t)off;
		else if (id == CAP_AF && !f->af)
			f->af = (uint16_t)off;
		off = cfg8(f, off + 1) & ~3u;
	}
}

static uint16_t *ext_slot(struct machine_function *f, unsigned id)
{
	switch (id) {
	case EXT_ACS:
		return &f->acs;
	case EXT_ARI:
		return &f->ari;
	case EXT_ATS:
		return &f->ats;
	case EXT_SRIOV:
		return &f->sriov;
	case EXT_PRI:
		return &f->pri;
	case EXT_PASID:
		return &f->pasid;
	default:
		return NULL;
	}
}

static void walk_extended(struct machine_function *f)
{
	unsigned off = CFG_EXTENDED, guard;

	for (guard = 0; off >= CFG_EXTENDED && guard < 960; guard++) {
		uint32_t head = cfg32(f, off);
		uint16_t *slot;

		if (!head || head == 0xffffffffu)
			break;
		slot = ext_slot(f, head & 0xffff);
		if (slot && !*slot)
			*slot = (uint16_t)off;
		off = head >> 20 & ~3u;
	}
}

/* A bit that the capability does not offer is taken as hard-wired, as Linux
 * does (PCIe 6.12.1: required where it would matter). */
static bool acs_enabled(const struct machine_function *f)
{
	unsigned need = ACS_ISOLATION & cfg16(f, f->acs + ACS_CAP);

	return f->acs && (cfg16(f, f->acs + ACS_CONTROL) & need) == need;
}

static bool isolates(const struct machine_function *f)
{
	switch (f->pcie_type) {
	case MACHINE_NONE:
	case MACHINE_PCIE_TO_PCI:
	case MACHINE_PCI_TO_PCIE:
	case MACHINE_PCIE_RC_EVENT:
		return false;
	case MACHINE_PCIE_ROOT_PORT:
	case MACHINE_PCIE_DOWNSTREAM:
		return acs_enabled(f);
	default:
		return !f->multifunction || acs_enabled(f);
	}
}

static void describe(struct machine_function *f)
{
	f->pf = f->upstream = f->smmu = f->group = f->pcie_type = MACHINE_NONE;
	if (!answers(f))
		return;
	walk_capabilities(f);
	if (f->pcie && f->config_len > CFG_EXTENDED)
		walk_extended(f);
	if (cfg16(f, CFG_VENDOR) != 0xffff) {
		f->vendor = (uint16_t)cfg16(f, CFG_VENDOR);
		f->device = (uint16_t)cfg16(f, CFG_DEVICE);
	}
	f->class_code = cfg32(f, CFG_CLASS_REV) >> 8;
	f->multifunction = (cfg8(f, CFG_HEADER_TYPE) & HEADER_MULTI) || f->fn;
	if (f->pcie) {
		f->pcie_type = (int)(cfg16(f, f->pcie + PCIE_FLAGS) >> 4 & 0xf);
		f->flr = cfg32(f, f->pcie + PCIE_DEVCAP) & DEVCAP_FLR;
	}
	if ((cfg8(f, CFG_HEADER_TYPE) & HEADER_LAYOUT) == HEADER_BRIDGE) {
		f->is_bridge = true;
		f->secondary = (uint8_t)cfg8(f, CFG_SECONDARY);
		f->subordinate = (uint8_t)cfg8(f, CFG_SUBORDINATE);
	}
	if (f->ats) {
		unsigned depth = cfg16(f, f->ats + ATS_CAP) & ATS_QUEUE_DEPTH;

		f->ats_depth = depth ? depth : 32; /* 0 means 32 (PCIe 10.5.1.2) */
	}
	if (f->pasid)
		f->pasid_bits = cfg16(f, f->pasid + PASID_CAP) >> 8 & 0x1f;
}

/* PCIe 9.3.3: VF n has the requester id PF + offset + n * stride. The ARI next
 * function fields are of no use, in a dump they may point in a circle. */
static void claim_vfs(struct machine *m, unsigned pf)
{
	const struct machine_function *p = &m->functions[pf];
	unsigned n, num = cfg16(p, p->sriov + SRIOV_NUM_VFS);
	unsigned first = cfg16(p, p->sriov + SRIOV_FIRST_VF);
	unsigned stride = cfg16(p, p->sriov + SRIOV_VF_STRIDE), i;

	if (!(cfg16(p, p->sriov + SRIOV_CONTROL) & SRIOV_VF_ENABLE))
		return;
	for (i = 0; i < m->n_functions; i++) {
		struct machine_function *f = &m->functions[i];
		unsigned delta = (unsigned)f->rid - p->rid - first;

		if (f->segment != p->segment || i == pf || f->pf != MACHINE_NONE || f->sriov)
			continue;
		n = stride ? delta / stride : 0;
		if (delta > 0xffff || (stride ? delta % stride : delta) || n >= num)
			continue;
		f->is_vf = true;
		f->pf = (int)pf;
		if (f->ats && p->ats) /* they share its queue */
			f->ats_depth = p->ats_depth;
		f->multifunction = false;
		if (f->vendor == 0xffff && f->device == 0xffff) {
			f->vendor = p->vendor;
			f->device = (uint16_t)cfg16(p, p->sriov + SRIOV_VF_DEVICE);
		}
	}
}

static int bridge_to(const struct machine *m, uint32_t segment, unsigned bus)
{
	unsigned i;

	for (i = 0; i < m->n_functions; i++) {
		const struct machine_function *f = &m->functions[i];

		/* Secondary above own bus: no walk upstream can go in a circle. */
		if (f->is_bridge && f->segment == segment && f->secondary == bus &&
		    f->secondary > f->bus)
			return (int)i;
	}
	return MACHINE_NONE;
}

/* Linux lists methods while it adds a function. A bus reset is offered when no
 * other function was on that bus by then (so: the first one), or, to a
 * single function in a hot-plug slot that is already known, through the slot;
 * the latter happens to VFs, which come late. */
static bool bus_reset_offered(const struct machine *m, unsigned index)
{
	const struct machine_function *f = &m->functions[index], *up;
	unsigned i;

	if (f->upstream == MACHINE_NONE)
		return false;
	up = &m->functions[f->upstream];
	if (f->is_vf)
		return !f->dev && up->pcie &&
		       (cfg16(up, up->pcie + PCIE_FLAGS) & PCIE_FLAGS_SLOT) &&
		       (cfg32(up, up->pcie + PCIE_SLOTCAP) & SLOTCAP_HOTPLUG);
	for (i = 0; i < m->n_functions; i++) {
		const struct machine_function *o = &m->functions[i];

		if (o->segment == f->segment && o->bus == f->bus && !o->is_vf && o->rid < f->rid)
			return false;
	}
	return true;
}

static unsigned reset_methods(const struct machine *m, unsigned i)
{
	const struct machine_function *f = &m->functions[i];
	unsigned methods = 0;

	if (f->flr)
		methods |= MACHINE_RESET_FLR;
	if (f->af && (cfg8(f, f->af + AF_CAPS) & AF_TP_AND_FLR) == AF_TP_AND_FLR)
		methods |= MACHINE_RESET_AF_FLR;
	if (f->pm && !(cfg16(f, f->pm + PM_CONTROL) & PM_NO_SOFT_RESET))
		methods |= MACHINE_RESET_PM;
	if (bus_reset_offered(m, i))
		methods |= MACHINE_RESET_BUS;
	return methods;
}

int pci_describe(struct machine *m)
{
	unsigned i;

	for (i = 0; i < m->n_functions; i++)
		describe(&m->functions[i]);
	for (i = 0; i < m->n_functions; i++) {
		if (m->functions[i].sriov)
			claim_vfs(m, i);
	}
	for (i = 0; i < m->n_functions; i++) {
		struct machine_function *f = &m->functions[i];

		/* VFs may sit on a bus number that no bridge names; the port is the PF's. */
		f->upstream = bridge_to(m, f->segment, f->is_vf ? m->functions[f->pf].bus : f->bus);
		f->acs_isolates = isolates(f);
	}
	for (i = 0; i < m->n_functions; i++) {
		struct machine_function *f = &m->functions[i];

		f->reset = answers(f) ? reset_methods(m, i) : 0;
		if (!answers(f) && machine_note(m, "%s answers with all ones", f->bdf))
			return -1;
	}
	return 0;
}

int pci_for_each_alias(const struct machine *m, int function, alias_fn fn, void *ctx)
{
	const struct machine_function *f = &m->functions[function];
	int up, rc = fn(ctx, f->rid, MACHINE_NONE);

	for (up = f->upstream; !rc && up != MACHINE_NONE; up = m->functions[up].upstream) {
		const struct machine_function *b = &m->functions[up];

		if (b->pcie_type == MACHINE_PCIE_TO_PCI)
			rc = fn(ctx, (uint16_t)(b->secondary << 8), up);
		else if (b->pcie_type == MACHINE_PCI_TO_PCIE || b->pcie_type == MACHINE_NONE)
			rc = fn(ctx, b->rid, up);
	}
	return rc;
}

const char *machine_reset_names(unsigned methods, char *buf, size_t len)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{MACHINE_RESET_FLR, "flr"},
		     {MACHINE_RESET_AF_FLR, "af_flr"},
		     {MACHINE_RESET_PM, "pm"},
		     {MACHINE_RESET_BUS, "bus"}};
	size_t i, n = 0;

	if (len)
		buf[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((methods & names[i].bit) && n < len)
			n += (size_t)snprintf(buf + n, len - n, "%s%s", n ? "," : "",
					      names[i].name);
	}
	return buf;
}

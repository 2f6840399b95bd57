/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space of the endpoint model: which bits are read-only, read-write or
 * write-one-to-clear, what a reset does to them, and the writes that act.
 * Bits that no part of the model gives a meaning to are read-only.
 */
#include <string.h>

#include "ep.h"

#define COMMAND		0x04u
#define COMMAND_MASTER	0x0004u
#define BRIDGE_CTL	0x3eu
#define BRIDGE_CTL_SBR	0x40u
#define DEVCTL_FLR_HIGH 0x80u /* bit 15, in the upper byte */
#define DEVSTA_PENDING	0x0020u
#define LNKCTL_RETRAIN	0x20u
#define LNKSTA_ACTIVE	0x2000u
#define SRIOV_VFE	0x01u
#define DPC_TRIGGERED	0x01u
#define CXL_UNMASK_SBR	0x0001u
#define ACS_TB		0x0002u
#define AER_ACS		(1u << 21)
#define ATS_ENABLE	0x8000u

/* Extended capabilities. */
#define EXT_AER	  0x01u
#define EXT_ACS	  0x0du
#define EXT_ATS	  0x0fu
#define EXT_SRIOV 0x10u
#define EXT_PRI	  0x13u
#define EXT_PASID 0x1bu
#define EXT_DPC	  0x1du
#define EXT_CXL	  0x23u

uint32_t ep_get(const struct lzm_ep *ep, unsigned off, unsigned width)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v |= (uint32_t)ep->cfg[off + i] << (8 * i);
	return v;
}

static void set_bytes(uint8_t *p, unsigned off, unsigned width, uint32_t v)
{
	if (off + width > LZM_EP_CFG)
		return;
	for (unsigned i = 0; i < width; i++)
		p[off + i] = (uint8_t)(v >> (8 * i));
}

static unsigned find_cap(const struct lzm_ep *ep, uint8_t id)
{
	unsigned at = ep->cfg[0x34] & ~3u;

	if (!(ep->cfg[0x06] & 0x10))
		return 0;
	for (int n = 0; n < 48 && at >= 0x40; n++) {
		if (ep->cfg[at] == id)
			return at;
		at = ep->cfg[at + 1] & ~3u;
	}
	return 0;
}

/* One that does not fit into the space is none: the dump is damaged. */
static bool fits(unsigned at, uint16_t id)
{
	unsigned size = 0x10;

	if (id == EXT_AER)
		size = 0x2c;
	else if (id == EXT_SRIOV)
		size = 0x40;
	else if (id == EXT_ACS || id == EXT_ATS || id == EXT_PASID)
		size = 8;
	return at + size <= LZM_EP_CFG;
}

static unsigned find_ext(const struct lzm_ep *ep, uint16_t id, unsigned *last)
{
	unsigned at = 0x100;

	*last = 0;
	for (int n = 0; n < 480 && at >= 0x100 && ep->len > 0x100; n++) {
		uint32_t h = ep_get(ep, at, 4);

		if (!h || h == UINT32_MAX)
			break;
		if ((h & 0xffff) == id)
			return fits(at, id) ? at : 0;
		*last = at;
		at = h >> 20 & 0xffc;
	}
	return 0;
}

/* At the end of the space, where dumps have zeroes. */
static void append_ats(struct lzm_ep *ep, unsigned last)
{
	unsigned at = last ? LZM_EP_CFG - 8 : 0x100;

	ep->len = LZM_EP_CFG;
	set_bytes(ep->cfg, at, 4, 0x0001000f);
	set_bytes(ep->cfg, at + 4, 4, 0x20); /* depth 32, page aligned */
	if (last)
		set_bytes(ep->cfg, last, 4, (ep_get(ep, last, 4) & 0x000fffff) | at << 20);
	ep->ats = at;
}

static void init_bars(struct lzm_ep *ep, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned off = 0x10 + 4 * i;
		uint32_t v = ep_get(ep, off, 4);

		if (!v)
			continue;
		set_bytes(ep->wr, off, 4, v & 1 ? 0xffffff00u : 0xfffff000u);
		if ((v & 7) == 4 && i + 1 < n) {
			set_bytes(ep->wr, off + 4, 4, UINT32_MAX);
			i++;
		}
	}
}

static void init_header(struct lzm_ep *ep)
{
	bool bridge = (ep->cfg[0x0e] & 0x7f) == 1;

	/* SR-IOV: of COMMAND a virtual function implements Bus Master only. */
	set_bytes(ep->wr, COMMAND, 2, ep->vf ? COMMAND_MASTER : 0x0547);
	set_bytes(ep->w1c, 0x06, 2, 0xf900);
	init_bars(ep, bridge ? 2 : 6);
	if (!ep->vf) {
		set_bytes(ep->wr, 0x0c, 2, bridge ? 0x00ff : 0xffff);
		ep->wr[0x3c] = 0xff;
	}
	if (!bridge)
		return;
	set_bytes(ep->wr, 0x18, 4, 0x00ffffff);
	set_bytes(ep->wr, 0x1c, 2, 0xf0f0);
	set_bytes(ep->w1c, 0x1e, 2, 0xf900);
	set_bytes(ep->wr, 0x20, 4, 0xfff0fff0);
	set_bytes(ep->wr, 0x24, 4, 0xfff0fff0);
	set_bytes(ep->wr, 0x28, 4, UINT32_MAX);
	set_bytes(ep->wr, 0x2c, 4, UINT32_MAX);
	set_bytes(ep->wr, BRIDGE_CTL, 2, 0x005f);
}

static void init_msi(struct lzm_ep *ep)
{
	unsigned msi = find_cap(ep, 0x05), msix = find_cap(ep, 0x11);

	if (msix)
		set_bytes(ep->wr, msix + 2, 2, 0xc000);
	if (!msi)
		return;

	uint32_t ctl = ep_get(ep, msi + 2, 2);
	unsigned data = msi + (ctl & 0x80 ? 0xc : 8);

	set_bytes(ep->wr, msi + 2, 2, 0x0071);
	set_bytes(ep->wr, msi + 4, 4, 0xfffffffc);
	if (ctl & 0x80)
		set_bytes(ep->wr, msi + 8, 4, UINT32_MAX);
	set_bytes(ep->wr, data, 2, 0xffff);
	if (ctl & 0x100)
		set_bytes(ep->wr, data + 4, 4, UINT32_MAX);
}

static void init_caps(struct lzm_ep *ep)
{
	if (ep->pm) {
		set_bytes(ep->wr, ep->pm + 4, 2, 0x0103);
		set_bytes(ep->w1c, ep->pm + 4, 2, 0x8000);
	}
	if (ep->exp) {
		set_bytes(ep->w1c, ep->exp + 0xa, 2, 0x000f);
		set_bytes(ep->cfg, ep->exp + 0xa, 2,
			  ep_get(ep, ep->exp + 0xa, 2) & ~DEVSTA_PENDING);
	}
	if (ep->exp && !ep->vf) {
		set_bytes(ep->wr, ep->exp + 8, 2, 0x7fff);
		set_bytes(ep->sticky, ep->exp + 8, 2, 0x00e0); /* payload size outlives FLR */
		set_bytes(ep->wr, ep->exp + 0x10, 2, 0x01c3);
		set_bytes(ep->sticky, ep->exp + 0x10, 2, 0x01c3);
		if ((ep->cfg[ep->exp + 2] & 0xf) >= 2)
			set_bytes(ep->wr, ep->exp + 0x28, 2, 0x043f);
	}
}

static void init_ext_caps(struct lzm_ep *ep)
{
	if (ep->aer) {
		set_bytes(ep->w1c, ep->aer + 4, 4, UINT32_MAX);
		set_bytes(ep->wr, ep->aer + 8, 4, UINT32_MAX);
		set_bytes(ep->wr, ep->aer + 0xc, 4, UINT32_MAX);
		set_bytes(ep->w1c, ep->aer + 0x10, 4, UINT32_MAX);
		set_bytes(ep->wr, ep->aer + 0x14, 4, UINT32_MAX);
		memset(ep->sticky + ep->aer, 0xff, 0x2c);
	}
	/* STU reads 0 in virtual functions: theirs is the physical function's. */
	if (ep->ats)
		set_bytes(ep->wr, ep->ats + 6, 2, ep->vf ? ATS_ENABLE : ATS_ENABLE | 0x1f);
	if (ep->pasid)
		set_bytes(ep->wr, ep->pasid + 6, 2, 1 | (ep_get(ep, ep->pasid + 4, 2) & 6));
	if (ep->pri) {
		set_bytes(ep->wr, ep->pri + 4, 2, 1);
		set_bytes(ep->w1c, ep->pri + 6, 2, 3);
		set_bytes(ep->wr, ep->pri + 0xc, 4, UINT32_MAX);
	}
	if (ep->sriov) {
		set_bytes(ep->wr, ep->sriov + 8, 2, 0x0019);
		set_bytes(ep->wr, ep->sriov + 0x10, 2, 0xffff);
		set_bytes(ep->wr, ep->sriov + 0x20, 4, UINT32_MAX);
		for (unsigned i = 0; i < 6; i++)
			set_bytes(ep->wr, ep->sriov + 0x24 + 4 * i, 4, 0xfffff000);
	}
	if (ep->dpc)
		set_bytes(ep->w1c, ep->dpc + 8, 2, DPC_TRIGGERED | 0x8);
	if (ep->cxl)
		set_bytes(ep->wr, ep->cxl + 0xc, 2, CXL_UNMASK_SBR);
	if (ep->acs)
		set_bytes(ep->wr, ep->acs + 6, 2, ep_get(ep, ep->acs + 4, 2) & 0x7f);
}

void ep_config_init(struct lzm_ep *ep, const uint8_t *config, size_t len, bool add_ats)
{
	unsigned last;

	ep->len = (unsigned)(len < LZM_EP_CFG ? len : LZM_EP_CFG);
	memcpy(ep->cfg, config, ep->len);
	ep->vf = ep_get(ep, 0, 2) == 0xffff;
	ep->pm = find_cap(ep, 0x01);
	ep->exp = find_cap(ep, 0x10);
	ep->af = find_cap(ep, 0x13);
	ep->msix = find_cap(ep, 0x11);
	ep->aer = find_ext(ep, EXT_AER, &last);
	ep->acs = find_ext(ep, EXT_ACS, &last);
	ep->pri = find_ext(ep, EXT_PRI, &last);
	ep->sriov = find_ext(ep, EXT_SRIOV, &last);
	ep->dpc = find_ext(ep, EXT_DPC, &last);
	ep->cxl = find_ext(ep, EXT_CXL, &last);
	if (ep->cxl && (ep_get(ep, ep->cxl + 4, 2) != 0x1e98 || ep_get(ep, ep->cxl + 8, 2) != 3))
		ep->cxl = 0; /* not that of a CXL port */
	ep->pasid = find_ext(ep, EXT_PASID, &last);
	ep->ats = find_ext(ep, EXT_ATS, &last);
	if (!ep->ats && add_ats && ep->exp)
		append_ats(ep, last);
	init_header(ep);
	init_msi(ep);
	init_caps(ep);
	init_ext_caps(ep);
	for (unsigned i = 0; i < LZM_EP_CFG; i++)
		ep->def[i] = ep->cfg[i] & (uint8_t) ~(ep->wr[i] | ep->w1c[i]);
	if (ep->exp && !ep->vf) /* relaxed ordering, no snoop, 512 bytes per read */
		set_bytes(ep->def, ep->exp + 8, 2, 0x2810);
	if (ep->pri)
		ep->def[ep->pri + 7] |= 1; /* Stopped */
}

void ep_config_reset(struct lzm_ep *ep)
{
	for (unsigned i = 0; i < LZM_EP_CFG; i++)
		ep->cfg[i] = (ep->cfg[i] & ep->sticky[i]) | (ep->def[i] & (uint8_t)~ep->sticky[i]);
}

void ep_drop_ats_enable(struct lzm_ep *ep)
{
	if (ep->ats)
		ep->cfg[ep->ats + 7] &= 0x7f;
}

bool ep_acs_blocks(const struct lzm_ep *port)
{
	return port->acs && ep_get(port, port->acs + 6, 2) & ACS_TB;
}

void ep_acs_violation(struct lzm_ep *port)
{
	if (port->aer)
		set_bytes(port->cfg, port->aer + 4, 4, ep_get(port, port->aer + 4, 4) | AER_ACS);
}

static void reset_bus_below(struct lzm_ep *port)
{
	for (struct lzm_ep *c = port->children; c; c = c->sibling) {
		lzm_ep_bus_reset(c);
		reset_bus_below(c);
	}
}

void lzm_ep_contain(struct lzm_ep *port)
{
	if (!port->dpc)
		return;
	port->cfg[port->dpc + 8] |= DPC_TRIGGERED;
	reset_bus_below(port);
}

bool ep_in_d0(const struct lzm_ep *ep)
{
	return !ep->pm || !(ep->cfg[ep->pm + 4] & 3);
}

/* PCIe 7.8.9: virtual functions use what their physical function has. */
bool lzm_ep_pasid_enabled(const struct lzm_ep *ep, uint32_t pasid)
{
	if (ep->vf && ep->pf)
		ep = ep->pf;
	return ep->pasid && ep->cfg[ep->pasid + 6] & 1 &&
	       !(pasid >> (ep->cfg[ep->pasid + 5] & 0x1f));
}

bool lzm_ep_ats_enabled(const struct lzm_ep *ep)
{
	return ep->ats && !ep_has(ep, LZM_EP_REMOVED) && ep_get(ep, ep->ats + 6, 2) & ATS_ENABLE;
}

bool lzm_ep_bus_master(const struct lzm_ep *ep)
{
	return !ep_has(ep, LZM_EP_REMOVED) && ep_get(ep, COMMAND, 2) & COMMAND_MASTER;
}

static bool link_down(const struct lzm_ep *port)
{
	return ep_has(port, LZM_EP_LINK_DOWN) || ep_has(port, LZM_EP_LINK_ASLEEP) ||
	       (port->dpc && port->cfg[port->dpc + 8] & DPC_TRIGGERED);
}

bool ep_cut_off(const struct lzm_ep *ep)
{
	const struct lzm_ep *pf = ep->pf;

	if (pf && (ep_config_dead(pf) || (pf->sriov && !(pf->cfg[pf->sriov + 8] & SRIOV_VFE))))
		return true;
	for (const struct lzm_ep *p = ep->upstream; p; p = p->upstream)
		if (link_down(p) || ep_has(p, LZM_EP_REMOVED))
			return true;
	return false;
}

bool ep_config_dead(const struct lzm_ep *ep)
{
	return ep_has(ep, LZM_EP_REMOVED) || ep_has(ep, LZM_EP_CONFIG_ONES) || ep_in_reset(ep);
}

static bool bad_access(unsigned off, unsigned width)
{
	return (width != 1 && width != 2 && width != 4) || off % width || off > LZM_EP_CFG - width;
}

static uint32_t ones(unsigned width)
{
	return width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
}

uint32_t lzm_ep_cfg_read(struct lzm_ep *ep, unsigned off, unsigned width)
{
	if (bad_access(off, width))
		return UINT32_MAX;
	/* A conventional function claims nothing above its 256 bytes. */
	if (ep_config_dead(ep) || (off >= 0x100 && ep->len <= 0x100))
		return ones(width);

	uint32_t v = ep_get(ep, off, width);
	unsigned devsta = ep->exp + 0xa;

	if (ep->exp && off <= devsta && devsta < off + width && ep_now(ep) < ep->busy_until)
		v |= DEVSTA_PENDING << 8 * (devsta - off);
	if (ep->af && off <= ep->af + 5 && ep->af + 5 < off + width && ep_now(ep) < ep->busy_until)
		v |= 1u << 8 * (ep->af + 5 - off);
	if (ep->exp && off == ep->exp + 0x12 && width == 2 && link_down(ep))
		v &= ~LNKSTA_ACTIVE;
	return v;
}

/* The byte at `at` of a write, 0 when the write does not cover it. */
static uint8_t written(unsigned off, unsigned width, uint32_t v, unsigned at)
{
	return at >= off && at < off + width ? (uint8_t)(v >> 8 * (at - off)) : 0;
}

void lzm_ep_cfg_write(struct lzm_ep *ep, unsigned off, unsigned width, uint32_t v)
{
	if (bad_access(off, width) || ep_config_dead(ep) || (off >= 0x100 && ep->len <= 0x100))
		return;

	bool ats = lzm_ep_ats_enabled(ep), d0 = ep_in_d0(ep);
	uint8_t bridge = ep->cfg[BRIDGE_CTL];
	bool contained = ep->dpc && ep->cfg[ep->dpc + 8] & DPC_TRIGGERED;

	ep->knows_bus = true;
	for (unsigned i = 0; i < width; i++) {
		uint8_t b = (uint8_t)(v >> 8 * i), *r = &ep->cfg[off + i];

		/* PCIe 7.8.9.3: undefined while ATS is enabled. Here: no effect. */
		if (ats && ep->pasid && (off + i) / 2 == (ep->pasid + 6) / 2)
			continue;
		*r = (*r & (uint8_t)~ep->wr[off + i]) | (b & ep->wr[off + i]);
		*r &= (uint8_t) ~(b & ep->w1c[off + i]);
	}

	if (ep_has(ep, LZM_EP_ATC_UNSUPPORTED))
		ep_drop_ats_enable(ep);
	/* PCIe 10.3.7: Enable 0 -> 1 is an implicit invalidation of everything. */
	if (!ats && lzm_ep_ats_enabled(ep))
		ep_atc_empty(ep);
	if (ep->pri && off <= ep->pri + 4 && ep->pri + 4 < off + width) {
		if (ep->cfg[ep->pri + 4] & 1)
			ep->cfg[ep->pri + 7] &= 0xfe;
		else
			ep->cfg[ep->pri + 7] |= 1;
	}
	if (ep->wr[BRIDGE_CTL] & ~bridge & ep->cfg[BRIDGE_CTL] & BRIDGE_CTL_SBR &&
	    !(ep->cxl && !(ep->cfg[ep->cxl + 0xc] & CXL_UNMASK_SBR)))
		reset_bus_below(ep);
	if (ep->exp && written(off, width, v, ep->exp + 0x10) & LNKCTL_RETRAIN)
		ep->faults &= ~(1u << LZM_EP_LINK_ASLEEP);
	if (contained && !(ep->cfg[ep->dpc + 8] & DPC_TRIGGERED))
		reset_bus_below(ep);
	/* D3hot -> D0 without No_Soft_Reset is a reset of the function. */
	if (!d0 && ep_in_d0(ep) && !(ep->cfg[ep->pm + 4] & 8) && !ep_has(ep, LZM_EP_PM_FAILS))
		ep_soft_reset(ep);
	if (ep->exp && written(off, width, v, ep->exp + 9) & DEVCTL_FLR_HIGH &&
	    (ep_get(ep, ep->exp + 4, 4) >> 28 & 1 || ep_vendor_has_flr(ep)))
		ep_start_flr(ep);
	else if (ep->af && written(off, width, v, ep->af + 4) & 1 && ep->cfg[ep->af + 3] & 2)
		ep_start_flr(ep);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Vendor registers in BAR 0 that take part in a reset, and what some functions
 * want of an FLR. Offsets as in the facts' table of device specific resets. */
#include "ep.h"

#define COMMAND_MEMORY 0x02u
#define COMMAND_MASTER 0x04u
#define MSIX_ON_MASKED 0xc0u /* upper byte of message control */

#define NVME_CLASS 0x010802u
#define NVME_EN	   0x1u
#define NVME_TO	   20u /* times 500 ms */

#define HINIC_FLR 0x40000u

#define PANEL_BITS  0xb0000000u
#define PANEL_OFF   UINT64_C(50000000)
#define STOP_TIME   UINT64_C(150000000)
#define HINIC_DELAY UINT64_C(100000000)

static bool is(const struct lzm_ep *ep, uint16_t vendor, uint16_t device)
{
	return ep->vendor == vendor && ep->device == device;
}

static bool is_ivb(const struct lzm_ep *ep)
{
	return is(ep, 0x8086, 0x0156) || is(ep, 0x8086, 0x0166);
}

static bool is_nvme(const struct lzm_ep *ep)
{
	return ep_get(ep, 8, 4) >> 8 == NVME_CLASS;
}

static bool is_hinic(const struct lzm_ep *ep)
{
	return is(ep, 0x19e5, 0x375e);
}

static bool is_chelsio(const struct lzm_ep *ep)
{
	return ep->vendor == 0x1425 && (ep->device & 0xf000) == 0x4000;
}

void ep_vendor_init(struct lzm_ep *ep)
{
	ep->vendor_regs = (struct ep_vendor){
		.panel = 1,
		.panel_off_at = LZM_NEVER,
		.cc = NVME_EN,
		.stopped_at = LZM_NEVER,
	};
}

/* What a reset of the function leaves: hinic's firmware runs on. */
void ep_vendor_reset(struct lzm_ep *ep)
{
	ep->vendor_regs.cc = 0;
	ep->vendor_regs.stopped_at = 0;
}

bool ep_vendor_has_flr(const struct lzm_ep *ep)
{
	return is(ep, 0x8086, 0x10ed);
}

/* NVMe still ready: what FLR of some enabled controllers ends in. */
static bool stopped(const struct lzm_ep *ep)
{
	return ep_now(ep) >= ep->vendor_regs.stopped_at;
}

bool ep_vendor_survives_flr(const struct lzm_ep *ep)
{
	const uint8_t *cfg = ep->cfg;

	if (is_chelsio(ep))
		return cfg[4] & COMMAND_MASTER && ep->msix &&
		       (cfg[ep->msix + 3] & MSIX_ON_MASKED) == MSIX_ON_MASKED;
	return !is(ep, 0x144d, 0xa804) || stopped(ep) || ep_has(ep, LZM_EP_MUTE_VENDOR);
}

static uint32_t swap(uint32_t v)
{
	return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}

static uint32_t nvme_read(const struct lzm_ep *ep, unsigned off)
{
	switch (off) {
	case 0x00:
		return NVME_TO << 24 | 0xff;
	case 0x14:
		return ep->vendor_regs.cc;
	case 0x1c:
		return !stopped(ep);
	}
	return 0;
}

/* Firmware acknowledges a while after the reset, to the bus number it knows. */
static bool hinic_done(const struct lzm_ep *ep)
{
	return !ep_has(ep, LZM_EP_MUTE_VENDOR) && ep->knows_bus &&
	       ep_now(ep) >= ep->reset_end + HINIC_DELAY;
}

static uint32_t hinic_read(struct lzm_ep *ep, unsigned off)
{
	if (off == 0x1000)
		return ep_has(ep, LZM_EP_OLD_VENDOR) ? 0 : swap(1u << 30);
	if (off != 0xe80)
		return 0;
	if (ep->reset_end && hinic_done(ep))
		ep->vendor_regs.op &= ~HINIC_FLR;
	return swap(ep->vendor_regs.op);
}

static uint32_t ivb_read(const struct lzm_ep *ep, unsigned off)
{
	if (off == 0xc7200)
		return ep_now(ep) < ep->vendor_regs.panel_off_at ? PANEL_BITS : 0;
	return off == 0xc7204 ? ep->vendor_regs.panel : 0;
}

static bool no_access(const struct lzm_ep *ep, unsigned off, unsigned width)
{
	return width != 4 || off % 4 || ep_config_dead(ep) ||
	       (!ep->vf && !(ep->cfg[4] & COMMAND_MEMORY));
}

uint32_t lzm_ep_bar_read(struct lzm_ep *ep, unsigned off, unsigned width)
{
	if (no_access(ep, off, width))
		return UINT32_MAX;
	if (is_hinic(ep))
		return hinic_read(ep, off);
	if (is_ivb(ep))
		return ivb_read(ep, off);
	return is_nvme(ep) ? nvme_read(ep, off) : UINT32_MAX;
}

static void nvme_write(struct lzm_ep *ep, unsigned off, uint32_t v)
{
	struct ep_vendor *r = &ep->vendor_regs;

	if (off != 0x14)
		return;
	if (r->cc & ~v & NVME_EN)
		r->stopped_at = ep_has(ep, LZM_EP_MUTE_VENDOR) ? LZM_NEVER : ep_now(ep) + STOP_TIME;
	r->cc = v;
}

/* Reset when it was asked for, its panel is off and power is told so. */
static void ivb_write(struct lzm_ep *ep, unsigned off, uint32_t v)
{
	struct ep_vendor *r = &ep->vendor_regs;

	if (off == 0x45010)
		r->message = v;
	if (off == 0xc7204) {
		r->panel = v;
		if (!(v & 1) && !ep_has(ep, LZM_EP_MUTE_VENDOR))
			r->panel_off_at = ep_now(ep) + PANEL_OFF;
	}
	if (off == 0xd0100 && v == 2 && r->message == 2 && ep_now(ep) >= r->panel_off_at &&
	    ep->link.reset)
		ep->link.reset(ep->link.ctx, ep);
}

void lzm_ep_bar_write(struct lzm_ep *ep, unsigned off, unsigned width, uint32_t v)
{
	if (no_access(ep, off, width))
		return;
	if (is_hinic(ep) && off == 0xe80)
		ep->vendor_regs.op = swap(v);
	else if (is_ivb(ep))
		ivb_write(ep, off, v);
	else if (is_nvme(ep))
		nvme_write(ep, off, v);
}

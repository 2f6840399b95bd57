/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space, the scan, groups and stream ids. */
#include "pci.h"

#include "freestanding.h"
#include "pci_windows.h"
#include "shim.h"
#include "sys.h"

#define CAP_EXPRESS	 0x10u
#define EXT_ACS		 0x0du
#define EXT_ATS		 0x0fu
#define DEVCTL		 0x08u /* of the Express capability */
#define DEVCTL_FLR	 (1u << 15)
#define TYPE_ENDPOINT_RC 9u

static struct pci_function functions[PCI_MAX_FUNCTIONS];
static unsigned n_functions;
static uint64_t ecam, ecam_size;
static unsigned first_bus, last_bus, next_bus;
static int host;

/* ---- config space ---- */

uint32_t pci_read(const struct pci_function *f, unsigned off, unsigned width)
{
	uintptr_t at = f->config + off;

	if (width == 1)
		return *(const volatile uint8_t *)at;
	return width == 2 ? *(const volatile uint16_t *)at : *(const volatile uint32_t *)at;
}

void pci_write(struct pci_function *f, unsigned off, unsigned width, uint32_t v)
{
	uintptr_t at = f->config + off;

	if (width == 1)
		*(volatile uint8_t *)at = (uint8_t)v;
	else if (width == 2)
		*(volatile uint16_t *)at = (uint16_t)v;
	else
		*(volatile uint32_t *)at = v;
	/* A device that the shim plays dead comes back with its reset. */
	if (f->express && off == f->express + DEVCTL && v & DEVCTL_FLR)
		shim_device_reset(f->sid);
}

static uint32_t access_read(void *ctx, unsigned off, unsigned width)
{
	return pci_read(ctx, off, width);
}

static void access_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	pci_write(ctx, off, width, v);
}

static void access_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	bm_delay(ns);
}

unsigned pci_cap(const struct pci_function *f, unsigned id, unsigned from)
{
	unsigned at = from ? pci_read(f, from + 1, 1) : pci_read(f, 0x34, 1);

	if (!(pci_read(f, 6, 2) & 0x10))
		return 0;
	for (unsigned n = 0; at >= 0x40 && n < 48; n++, at = pci_read(f, at + 1, 1))
		if (pci_read(f, at, 1) == id)
			return at;
	return 0;
}

static unsigned extended(const struct pci_function *f, unsigned id)
{
	unsigned at = 0x100;

	for (unsigned n = 0; f->express && at >= 0x100 && n < 96; n++) {
		uint32_t head = pci_read(f, at, 4);

		if (!head || head == UINT32_MAX)
			return 0;
		if ((head & 0xffff) == id)
			return at;
		at = head >> 20;
	}
	return 0;
}

/* ---- the scan ---- */

static void name(struct pci_function *f)
{
	static const char hex[] = "0123456789abcdef";
	char *n = f->name;

	memcpy(n, "0000:00:00.0", 13);
	n[5] = hex[f->bus >> 4];
	n[6] = hex[f->bus & 15];
	n[8] = hex[f->devfn >> 7];
	n[9] = hex[f->devfn >> 3 & 15];
	n[11] = hex[f->devfn & 7];
}

/* iommu-map: requester ids from `base` on, length ids, to a node's ids. */
static void find_stream(struct pci_function *f)
{
	uint32_t rid = (uint32_t)f->bus << 8 | f->devfn;
	unsigned len = 0, mask_len = 0;

	if (bm_fdt_prop(host, "iommu-map-mask", &mask_len))
		rid &= bm_fdt_u32(host, "iommu-map-mask", 0);
	f->smmu = -1;
	if (!bm_fdt_prop(host, "iommu-map", &len))
		return;
	for (unsigned i = 0; i + 4 <= len / 4; i += 4) {
		uint32_t base = bm_fdt_u32(host, "iommu-map", i);

		if (rid - base >= bm_fdt_u32(host, "iommu-map", i + 3))
			continue;
		f->sid = rid - base + bm_fdt_u32(host, "iommu-map", i + 2);
		f->smmu = bm_fdt_by_phandle(bm_fdt_u32(host, "iommu-map", i + 1));
		return;
	}
}

/*
 * Who shares a group: the functions of one device, which need not keep their
 * requests to each other off; everything below a port without access control
 * services. A port that has them is told to send everything up to the SMMU.
 */
static unsigned group_of(struct pci_function *f)
{
	static unsigned groups;

	for (struct pci_function *up = f->up; up; up = up->up)
		if (!up->acs)
			return up->group;
	for (struct pci_function *o = functions; o < f; o++)
		if (o->bus == f->bus && o->devfn >> 3 == f->devfn >> 3)
			return o->group;
	return groups++;
}

static void acs_on(struct pci_function *f)
{
	/* Source validation, request and completion redirect, upstream forwarding. */
	uint32_t want = 0x1d;

	if (!f->acs)
		return;
	want &= pci_read(f, f->acs + 4, 2);
	pci_write(f, f->acs + 6, 2, want);
}

static struct pci_function *add(unsigned bus, unsigned devfn, struct pci_function *up)
{
	struct pci_function *f = &functions[n_functions];
	uint32_t id;

	if (n_functions == PCI_MAX_FUNCTIONS)
		return NULL;
	*f = (struct pci_function){.bus = (uint8_t)bus, .devfn = (uint8_t)devfn, .up = up};
	f->config = ecam + ((bus - first_bus) << 20) + (devfn << 12);
	id = pci_read(f, 0, 4);
	if (id == UINT32_MAX || !id)
		return NULL;
	n_functions++;
	f->vendor = (uint16_t)id;
	f->device = (uint16_t)(id >> 16);
	f->class_code = pci_read(f, 8, 4) >> 8;
	f->bridge = (pci_read(f, 0x0e, 1) & 0x7f) == 1;
	f->express = pci_cap(f, CAP_EXPRESS, 0);
	f->ats = extended(f, EXT_ATS);
	f->acs = f->bridge ? extended(f, EXT_ACS) : 0;
	name(f);
	find_stream(f);
	f->access = (struct lz_pci_access){.ctx = f,
					   .read = access_read,
					   .write = access_write,
					   .sleep = access_sleep,
					   .upstream = up ? &up->access : NULL};
	f->group = group_of(f);
	acs_on(f);
	return f;
}

static bool scan(unsigned bus, struct pci_function *up);

static bool scan_below(struct pci_function *f)
{
	if (next_bus > last_bus)
		return false;
	f->secondary = (uint8_t)next_bus++;
	/* Everything above passes while it is not known how much there is. */
	pci_write(f, 0x18, 4, (uint32_t)last_bus << 16 | (uint32_t)f->secondary << 8 | f->bus);
	if (!scan(f->secondary, f))
		return false;
	f->subordinate = (uint8_t)(next_bus - 1);
	pci_write(f, 0x1a, 1, f->subordinate);
	return true;
}

static bool scan(unsigned bus, struct pci_function *up)
{
	/* A link has one device. */
	unsigned n = up && up->express ? 1 : 32;

	if (!bm_map_device(ecam + ((uint64_t)(bus - first_bus) << 20), 1 << 20))
		return false;
	for (unsigned dev = 0; dev < n; dev++) {
		for (unsigned fn = 0; fn < 8; fn++) {
			struct pci_function *f = add(bus, dev << 3 | fn, up);

			if (f && f->bridge && !scan_below(f))
				return false;
			if (!fn && (!f || !(pci_read(f, 0x0e, 1) & 0x80)))
				break;
		}
	}
	return true;
}

bool pci_init(void)
{
	host = bm_fdt_compatible(-1, "pci-host-ecam-generic");
	if (!bm_fdt_reg(host, 0, &ecam, &ecam_size))
		return false;
	first_bus = bm_fdt_u32(host, "bus-range", 0);
	last_bus = bm_fdt_u32(host, "bus-range", 1);
	if (last_bus - first_bus >= ecam_size >> 20)
		last_bus = first_bus + (unsigned)(ecam_size >> 20) - 1;
	next_bus = first_bus + 1;
	return scan(first_bus, NULL) && pci_windows(host, functions, n_functions);
}

/* ---- what was found ---- */

unsigned pci_count(void)
{
	return n_functions;
}

struct pci_function *pci_at(unsigned i)
{
	return &functions[i];
}

struct pci_function *pci_find(uint16_t vendor, uint16_t device, unsigned nth)
{
	for (unsigned i = 0; i < n_functions; i++)
		if (functions[i].vendor == vendor && functions[i].device == device && !nth--)
			return &functions[i];
	return NULL;
}

void pci_enable(struct pci_function *f)
{
	pci_write(f, 4, 2, (pci_read(f, 4, 2) & ~1u) | 6);
}

uintptr_t pci_bar(struct pci_function *f, unsigned bar)
{
	if (!f->bar_size[bar] || !bm_map_device(f->bar[bar], f->bar_size[bar]))
		return 0;
	return f->bar[bar];
}

void pci_print(void)
{
	for (unsigned i = 0; i < n_functions; i++) {
		const struct pci_function *f = &functions[i];

		bm_print("%s  %04x:%04x  group %u", f->name, f->vendor, f->device, f->group);
		if (f->smmu >= 0)
			bm_print("  stream 0x%x", f->sid);
		if (f->bridge)
			bm_print("  bridge to %02x-%02x%s", f->secondary, f->subordinate,
				 f->acs ? ", ACS on" : "");
		bm_print("%s\n", f->ats ? "  ATS" : "");
		for (unsigned b = 0; b < 6; b++)
			if (f->bar_size[b])
				bm_print("    BAR %u  0x%lx  0x%lx bytes\n", b, f->bar[b],
					 f->bar_size[b]);
	}
}

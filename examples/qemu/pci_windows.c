/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses: bottom up through two windows of the host bridge, one of 32 bits
 * and one of 64 bits for what is prefetchable and wide. A bridge's windows cover
 * what was given out below it. I/O space is left off.
 */
#include "pci_windows.h"

#define GRANULE 0x100000ull /* of a bridge window */

struct window {
	uint64_t next, end;
};

static struct window low, high;

static uint64_t round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

static void find_windows(int host)
{
	unsigned len = 0;

	low = high = (struct window){0, 0};
	if (!bm_fdt_prop(host, "ranges", &len))
		return;
	/* Three cells of PCI address, two of the parent's, two of size. */
	for (unsigned i = 0; i + 7 <= len / 4; i += 7) {
		uint32_t space = bm_fdt_u32(host, "ranges", i) >> 24 & 3;
		uint64_t pci = bm_fdt_u64(host, "ranges", i + 1, 2);
		uint64_t cpu = bm_fdt_u64(host, "ranges", i + 3, 2);
		uint64_t size = bm_fdt_u64(host, "ranges", i + 5, 2);

		/* BARs are used as CPU addresses. */
		if (pci != cpu || space < 2)
			continue;
		*(pci >> 32 ? &high : &low) = (struct window){pci, pci + size};
	}
}

static bool give(struct window *w, uint64_t size, uint64_t *at)
{
	*at = round_up(w->next, size);
	if (!size || *at + size > w->end)
		return false;
	w->next = *at + size;
	return true;
}

/* One BAR, sized and placed; how many registers it takes, 0: no room. */
static unsigned place(struct pci_function *f, unsigned bar)
{
	unsigned off = 0x10 + 4 * bar;
	uint32_t was = pci_read(f, off, 4), mask;
	bool wide = (was & 7) == 4;
	uint64_t size, at;

	if (was & 1) {
		pci_write(f, off, 4, 0);
		return 1;
	}
	pci_write(f, off, 4, UINT32_MAX);
	mask = pci_read(f, off, 4) & ~15u;
	pci_write(f, off, 4, was);
	size = mask ? ~(uint64_t)(mask | 0xffffffff00000000ull) + 1 : 0;
	if (wide && !mask)
		return 0; /* 4 GiB and more */
	if (!size)
		return 1;
	if (!give(wide && was & 8 && high.end ? &high : &low, size, &at))
		return 0;
	f->bar[bar] = at;
	f->bar_size[bar] = size;
	pci_write(f, off, 4, (uint32_t)at);
	if (wide)
		pci_write(f, off + 4, 4, (uint32_t)(at >> 32));
	return wide ? 2 : 1;
}

static bool place_all(struct pci_function *f)
{
	unsigned n = f->bridge ? 2 : 6, step;

	pci_write(f, 4, 2, pci_read(f, 4, 2) & ~3u); /* no decoding meanwhile */
	for (unsigned bar = 0; bar < n; bar += step) {
		step = place(f, bar);
		if (!step)
			return false;
	}
	return true;
}

/* From `start` to `end`, or closed: the base above the limit. */
static void open_bridge(struct pci_function *f, uint64_t m0, uint64_t m1, uint64_t p0, uint64_t p1)
{
	pci_write(f, 0x1c, 2, 0x00f0);
	pci_write(f, 0x20, 4,
		  m1 > m0 ? (uint32_t)(m0 >> 16 & 0xfff0) | (uint32_t)((m1 - 1) & 0xfff00000)
			  : 0x0000fff0);
	if (p1 <= p0) {
		pci_write(f, 0x28, 4, UINT32_MAX);
		pci_write(f, 0x2c, 4, 0);
		pci_write(f, 0x24, 4, 0x0000fff0);
	} else {
		pci_write(f, 0x24, 4,
			  (uint32_t)(p0 >> 16 & 0xfff0) | (uint32_t)((p1 - 1) & 0xfff00000));
		pci_write(f, 0x28, 4, (uint32_t)(p0 >> 32));
		pci_write(f, 0x2c, 4, (uint32_t)((p1 - 1) >> 32));
	}
	pci_write(f, 4, 2, pci_read(f, 4, 2) | 6);
}

static bool bus(struct pci_function *all, unsigned n, struct pci_function *up)
{
	for (unsigned i = 0; i < n; i++) {
		struct pci_function *f = &all[i];
		uint64_t m0, p0;

		if (f->up != up)
			continue;
		if (!place_all(f))
			return false;
		if (!f->bridge)
			continue;
		m0 = low.next = round_up(low.next, GRANULE);
		p0 = high.next = round_up(high.next, GRANULE);
		if (!bus(all, n, f))
			return false;
		low.next = round_up(low.next, GRANULE);
		high.next = round_up(high.next, GRANULE);
		open_bridge(f, m0, low.next, p0, high.next);
	}
	return true;
}

bool pci_windows(int host, struct pci_function *functions, unsigned n)
{
	find_windows(host);
	return low.end && bus(functions, n, NULL);
}

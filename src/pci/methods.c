/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets of one function, and the order in which they are tried. What each has
 * in common with the others is in steps.c.
 */
#include "core/mem.h"
#include "pci/reset.h"

/* PCI PM 1.2, 5.6.1: into D3hot and out of it. */
#define D3HOT_DELAY LZ_MS(10)

/* ---- FLR (PCIe 6.6.2) ---- */

enum lz_status lz_pci_can_flr(struct lz_device *dev)
{
	const struct lz_pci_access *a = LZ_CONFIG_FLR ? dev->pci : NULL;
	unsigned exp = a ? lz_pci_find_cap(a, PCI_CAP_EXP) : 0;
	uint32_t cap = exp ? cfg_read32(a, exp + PCI_EXP_DEVCAP) : 0;

	if (cap == PCI_CONFIG_ONES || !(cap & PCI_EXP_DEVCAP_FLR))
		return LZ_ENOTSUP;
	return LZ_OK;
}

enum lz_status lz_pci_flr(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	unsigned exp = lz_pci_find_cap(a, PCI_CAP_EXP);

	if (!exp) /* it was there: the function has gone since */
		return LZ_ENODEV;
	cfg_write16(a, exp + PCI_EXP_DEVCTL,
		    cfg_read16(a, exp + PCI_EXP_DEVCTL) | PCI_EXP_DEVCTL_FLR);
	return lz_pci_settle(dev);
}

const struct lz_pci_method lz_pci_method_flr = {"flr", lz_pci_can_flr, lz_pci_flr, false};

/* ---- FLR of the Advanced Features capability ---- */

static enum lz_status probe_af_flr(struct lz_device *dev)
{
	const uint8_t needed = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	unsigned af = lz_pci_find_cap(dev->pci, PCI_CAP_AF);
	uint8_t cap = af ? cfg_read8(dev->pci, af + PCI_AF_CAP) : 0;

	return cap != 0xff && (cap & needed) == needed ? LZ_OK : LZ_ENOTSUP;
}

static enum lz_status run_af_flr(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	unsigned af = lz_pci_find_cap(a, PCI_CAP_AF);

	if (!af)
		return LZ_ENODEV;
	a->write(a->ctx, af + PCI_AF_CTL, 1, PCI_AF_CTL_FLR);
	return lz_pci_settle(dev);
}

/* ---- D3hot and back (PCI PM 1.2, 5.4) ---- */

static enum lz_status probe_pm(struct lz_device *dev)
{
	unsigned pm = lz_pci_find_cap(dev->pci, PCI_CAP_PM);
	uint16_t csr = pm ? cfg_read16(dev->pci, pm + PCI_PM_CSR) : 0xffff;

	/* With No_Soft_Reset nothing is reset, and from another state than D0
	 * the function is somebody's who put it there. */
	if (csr == 0xffff || csr & (PCI_PM_CSR_NO_RESET | PCI_PM_CSR_STATE))
		return LZ_ENOTSUP;
	return LZ_OK;
}

static enum lz_status run_pm(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	unsigned pm = lz_pci_find_cap(a, PCI_CAP_PM);
	uint16_t csr;

	if (!pm)
		return LZ_ENODEV;
	csr = cfg_read16(a, pm + PCI_PM_CSR) &
	      (uint16_t) ~(PCI_PM_CSR_STATE | PCI_PM_CSR_PME); /* PME status: write 1 to clear */
	cfg_write16(a, pm + PCI_PM_CSR, csr | PCI_PM_CSR_STATE);
	a->sleep(a->ctx, D3HOT_DELAY);
	cfg_write16(a, pm + PCI_PM_CSR, csr);
	a->sleep(a->ctx, D3HOT_DELAY);
	return LZ_OK;
}

/* ---- firmware (ACPI 7.3.25, _RST) ---- */

static enum lz_status probe_firmware(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;

	return a->firmware_reset && a->firmware_reset(a->ctx, true) == LZ_OK ? LZ_OK : LZ_ENOTSUP;
}

static enum lz_status run_firmware(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	enum lz_status r = a->firmware_reset(a->ctx, false);

	return r == LZ_OK ? lz_pci_settle(dev) : r;
}

/* ---- the order ---- */

/* A slot's reset before the bus's: a bus reset behind the back of a slot's
 * controller looks like a removal to it. */
static const struct lz_pci_method methods[] = {
	{"device_specific", lz_pci_probe_vendor, lz_pci_run_vendor, false},
	{"acpi", probe_firmware, run_firmware, true},
	{"flr", lz_pci_can_flr, lz_pci_flr, false},
	{"af_flr", probe_af_flr, run_af_flr, false},
	{"pm", probe_pm, run_pm, false},
	{"slot", lz_pci_probe_slot, lz_pci_run_slot, true},
	{"bus", lz_pci_probe_bus, lz_pci_run_bus, true},
	{"cxl_bus", lz_pci_probe_cxl_bus, lz_pci_run_cxl_bus, true},
};

#define N_METHODS (sizeof(methods) / sizeof(methods[0]))
/* In lz_device.reset_methods: 4 bits per place, method + 1; all ones: the end. */
#define END 0xfu
_Static_assert(N_METHODS * 4 <= 32, "the order fits its word");

const struct lz_pci_method *lz_pci_method_at(const struct lz_device *dev, unsigned i)
{
	uint32_t order = lz_load32(&dev->reset_methods);
	unsigned m;

	if (!LZ_CONFIG_METHODS)
		return i ? NULL : &lz_pci_method_flr;
	if (i >= N_METHODS)
		return NULL;
	if (!order)
		return &methods[i];
	m = order >> 4 * i & END;
	return m && m != END ? &methods[m - 1] : NULL;
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

enum lz_status lz_pci_reset_methods_get(struct lz_device *dev, char *out, size_t size)
{
	const struct lz_pci_method *m;
	size_t at = 0;

	if (size < LZ_PCI_METHODS_SIZE)
		return LZ_EINVAL;
	out[0] = '\0';
	if (!LZ_CONFIG_FLR || !dev->pci)
		return LZ_OK;
	for (unsigned i = 0; (m = lz_pci_method_at(dev, i)); i++) {
		size_t n = length(m->name);

		if (m->probe(dev) != LZ_OK)
			continue;
		if (at)
			out[at++] = ' ';
		memcpy(out + at, m->name, n + 1);
		at += n;
	}
	return LZ_OK;
}

static bool is_separator(char c)
{
	return c == ' ' || c == ',' || c == '\n';
}

/* The next word of *list, its length 0 at the end. */
static size_t next_word(const char **list)
{
	size_t n = 0;

	while (is_separator(**list))
		(*list)++;
	while ((*list)[n] && !is_separator((*list)[n]))
		n++;
	return n;
}

static bool is_word(const char *word, size_t n, const char *name)
{
	return length(name) == n && memcmp(word, name, n) == 0;
}

/* Its number + 1; 0 when there is none of the name. */
static unsigned find_method(const char *word, size_t n)
{
	for (unsigned m = 0; m < N_METHODS; m++)
		if (is_word(word, n, methods[m].name))
			return m + 1;
	return 0;
}

enum lz_status lz_pci_reset_methods_set(struct lz_device *dev, const char *list)
{
	uint32_t order = 0, seen = 0;
	unsigned places = 0;
	size_t n;

	if (!LZ_CONFIG_FLR || !LZ_CONFIG_METHODS || !dev->pci)
		return LZ_ENOTSUP;
	for (; (n = next_word(&list)); list += n) {
		unsigned m = find_method(list, n);

		if (!seen && is_word(list, n, "default")) {
			list += n;
			if (next_word(&list))
				return LZ_EINVAL;
			lz_store32(&dev->reset_methods, 0);
			return LZ_OK;
		}
		if (!m || seen >> m & 1)
			return LZ_EINVAL;
		if (methods[m - 1].probe(dev) != LZ_OK)
			return LZ_ENOTSUP;
		seen |= 1u << m;
		order |= m << 4 * places++;
	}
	if (places < N_METHODS)
		order |= END << 4 * places;
	lz_store32(&dev->reset_methods, order);
	return LZ_OK;
}

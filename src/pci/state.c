/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function's config space across a reset, and the evidence of the reset.
 *
 * Nothing in the interface of most resets says that it happened: the bit of FLR
 * always reads 0, and a function that ignores it is ready at once and answers
 * everything. Believing that would release memory which its ATC still reaches.
 * So read-write bits that do no harm in a blocked function and whose reset value
 * is 0 are set first: parity error response and INTx disable, which virtual
 * functions lack, and the MSI-X function mask. A bit that could be changed to 1,
 * and Bus Master if it happens to be on, is a mark; one that is still set
 * afterwards is a failed reset, and so is a function that takes no mark at all.
 */
#include "pci/reset.h"

#define MARK_COMMAND (PCI_COMMAND_PARITY | PCI_COMMAND_INTX_OFF)
/* Memory and I/O decoding, Bus Master, parity, SERR, INTx disable. */
#define COMMAND_BITS 0x0547u

/* ---- config space across the reset ---- */

/* Keeps the register at `off`, without the bits of `drop`. */
static void keep_but(struct lz_pci_saved *s, const struct lz_pci_access *a, unsigned off,
		     unsigned width, uint32_t drop)
{
	lz_assert(s->n < LZ_PCI_MAX_SAVED);
	s->reg[s->n].off = (uint16_t)off;
	s->reg[s->n].width = (uint8_t)width;
	s->reg[s->n].value = a->read(a->ctx, off, width) & ~drop;
	s->n++;
}

static void keep(struct lz_pci_saved *s, const struct lz_pci_access *a, unsigned off,
		 unsigned width)
{
	keep_but(s, a, off, width, 0);
}

static void keep_header(struct lz_pci_saved *s, const struct lz_pci_access *a)
{
	bool bridge =
		(cfg_read8(a, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE;

	keep(s, a, PCI_CACHE_LINE_SIZE, 1);
	keep(s, a, PCI_LATENCY_TIMER, 1);
	for (unsigned i = 0; i < (bridge ? 2u : 6u); i++)
		keep(s, a, PCI_BAR0 + 4 * i, 4);
	keep(s, a, PCI_INTERRUPT_LINE, 1);
	if (!bridge) {
		keep(s, a, PCI_ROM_ADDRESS, 4);
		return;
	}
	keep(s, a, PCI_BRIDGE_BUSES, 4);
	keep(s, a, PCI_BRIDGE_IO, 2); /* the other half is write one to clear */
	for (unsigned off = PCI_BRIDGE_MEMORY; off < PCI_CAP_POINTER; off += 4)
		keep(s, a, off, 4);
	keep(s, a, PCI_BRIDGE_CONTROL, 2);
}

static void keep_msi(struct lz_pci_saved *s, const struct lz_pci_access *a)
{
	unsigned msi = lz_pci_find_cap(a, PCI_CAP_MSI);
	unsigned msix = lz_pci_find_cap(a, PCI_CAP_MSIX);

	if (msi) {
		uint16_t flags = cfg_read16(a, msi + PCI_MSI_FLAGS);
		unsigned data = msi + PCI_MSI_ADDRESS + (flags & PCI_MSI_FLAGS_64BIT ? 8 : 4);

		for (unsigned off = msi + PCI_MSI_ADDRESS; off < data; off += 4)
			keep(s, a, off, 4);
		keep(s, a, data, 2);
		if (flags & PCI_MSI_FLAGS_MASK)
			keep(s, a, data + 4, 4);
		keep(s, a, msi + PCI_MSI_FLAGS, 2);
	}
	if (msix)
		keep(s, a, msix + PCI_MSIX_FLAGS, 2);
}

/* SR-IOV: a reset of the physical function takes VF Enable, and with it the
 * virtual functions; what VF Enable needs is written before it. */
static void keep_sriov(struct lz_pci_saved *s, const struct lz_pci_access *a)
{
	unsigned sriov = lz_pci_find_ext_cap(a, PCI_EXT_CAP_SRIOV);

	s->sriov = sriov;
	if (!sriov)
		return;
	keep(s, a, sriov + PCI_SRIOV_NUM_VFS, 2);
	keep(s, a, sriov + PCI_SRIOV_PAGE_SIZE, 4);
	for (unsigned i = 0; i < 6; i++)
		keep(s, a, sriov + PCI_SRIOV_BAR0 + 4 * i, 4);
	keep(s, a, sriov + PCI_SRIOV_CTL, 2);
}

bool lz_pci_save(struct lz_pci_saved *s, const struct lz_pci_access *a)
{
	unsigned pm = lz_pci_find_cap(a, PCI_CAP_PM);
	unsigned exp = lz_pci_find_cap(a, PCI_CAP_EXP);
	unsigned ats = lz_pci_find_ext_cap(a, PCI_EXT_CAP_ATS);
	unsigned pasid = lz_pci_find_ext_cap(a, PCI_EXT_CAP_PASID);

	s->n = 0;
	if (pm)
		keep_but(s, a, pm + PCI_PM_CSR, 2, PCI_PM_CSR_VOLATILE);
	if (exp) {
		keep_but(s, a, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_FLR);
		keep(s, a, exp + PCI_EXP_LNKCTL, 2);
		if ((cfg_read16(a, exp + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_VERSION) >= 2)
			keep(s, a, exp + PCI_EXP_DEVCTL2, 2);
	}
	/* The STU belongs to the virtual functions too; Enable is done()'s. */
	if (ats)
		keep_but(s, a, ats + PCI_ATS_CTL, 2, PCI_ATS_CTL_ENABLE);
	if (pasid)
		keep(s, a, pasid + PCI_PASID_CTL, 2);
	keep_header(s, a);
	keep_msi(s, a);
	keep_sriov(s, a);
	keep(s, a, PCI_COMMAND, 2); /* last: decoding and mastering start here */
	return lz_pci_present(a);
}

void lz_pci_restore(const struct lz_pci_saved *s, const struct lz_pci_access *a)
{
	/* With VF Enable on, as after a reset without effect, the registers that
	 * it needs may not be written (SR-IOV 3.3.7). */
	bool vfs = s->sriov && cfg_read16(a, s->sriov + PCI_SRIOV_CTL) & PCI_SRIOV_CTL_VFE;

	for (unsigned i = 0; i < s->n; i++)
		if (!vfs || s->reg[i].off < s->sriov || s->reg[i].off >= s->sriov + 0x40)
			a->write(a->ctx, s->reg[i].off, s->reg[i].width, s->reg[i].value);
}

/* ---- marks ---- */

void lz_pci_plant(struct lz_pci_marks *m, const struct lz_pci_access *a)
{
	uint16_t command = cfg_read16(a, PCI_COMMAND);

	m->msix_at = lz_pci_find_cap(a, PCI_CAP_MSIX);
	m->msix = 0;
	cfg_write16(a, PCI_COMMAND, command | MARK_COMMAND);
	if (m->msix_at) {
		unsigned at = m->msix_at + PCI_MSIX_FLAGS;

		cfg_write16(a, at, cfg_read16(a, at) | PCI_MSIX_FLAGS_MASKALL);
		m->msix = cfg_read16(a, at) & PCI_MSIX_FLAGS_MASKALL;
	}
	/* Only what changed: a bit that is hardwired to 1 would never go. */
	m->command = cfg_read16(a, PCI_COMMAND) & ((MARK_COMMAND & ~command) | PCI_COMMAND_MASTER);
}

bool lz_pci_marks_gone(const struct lz_pci_marks *m, const struct lz_pci_access *a)
{
	if (!m->command && !m->msix)
		return false;
	if (cfg_read16(a, PCI_COMMAND) & m->command)
		return false;
	return !m->msix || !(cfg_read16(a, m->msix_at + PCI_MSIX_FLAGS) & m->msix);
}

bool lz_pci_as_reset(const struct lz_pci_access *a)
{
	return !(cfg_read16(a, PCI_COMMAND) & COMMAND_BITS) && !lz_pci_ats_enabled(a);
}

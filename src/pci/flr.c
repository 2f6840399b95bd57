/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function level reset, with its real result (H02, H04).
 *
 * 1 prepare: DMA blocked, invalidations stopped and drained
 * 2 wait for pending transactions, bounded; still pending is no reason to stop
 * 3 save config space
 * 4 plant marks: values that a reset has to undo
 * 5 FLR, settle 100 ms, wait until it is ready
 * 6 look at the marks
 * 7 restore config space, also after a failure
 * 8 done(result)
 *
 * Nothing in the interface of FLR says that it happened: the bit always reads
 * 0, and a function that ignores it is ready at once and answers everything.
 * Believing that would release memory which its ATC still reaches. So read-write
 * bits that do no harm in a blocked function and whose reset value is 0 are set
 * first: parity error response and INTx disable, which virtual functions lack,
 * and the MSI-X function mask. A bit that could be changed to 1, and Bus Master
 * if it happens to be on, is a mark; one that is still set afterwards is a
 * failed reset, and so is a function that takes no mark at all.
 */
#include "pci/access.h"

#include "core/driver.h"

#define SETTLE_NS      LZ_MS(100)
#define READY_LIMIT_MS 60000u
#define MARK_COMMAND   (PCI_COMMAND_PARITY | PCI_COMMAND_INTX_OFF)
#define MAX_SAVED      40u

enum lz_status lz_pci_can_flr(struct lz_device *dev)
{
	const struct lz_pci_access *a = LZ_CONFIG_FLR ? dev->pci : NULL;
	unsigned exp = a ? lz_pci_find_cap(a, PCI_CAP_EXP) : 0;
	uint32_t cap = exp ? cfg_read32(a, exp + PCI_EXP_DEVCAP) : 0;

	if (cap == PCI_CONFIG_ONES || !(cap & PCI_EXP_DEVCAP_FLR))
		return LZ_ENOTSUP;
	return LZ_OK;
}

/* ---- config space across the reset ---- */

struct saved {
	unsigned n;
	struct {
		uint16_t off;
		uint8_t width;
		uint32_t value;
	} reg[MAX_SAVED];
};

/* Keeps the register at `off`, without the bits of `drop`. */
static void keep_but(struct saved *s, const struct lz_pci_access *a, unsigned off, unsigned width,
		     uint32_t drop)
{
	lz_assert(s->n < MAX_SAVED);
	s->reg[s->n].off = (uint16_t)off;
	s->reg[s->n].width = (uint8_t)width;
	s->reg[s->n].value = a->read(a->ctx, off, width) & ~drop;
	s->n++;
}

static void keep(struct saved *s, const struct lz_pci_access *a, unsigned off, unsigned width)
{
	keep_but(s, a, off, width, 0);
}

static void keep_header(struct saved *s, const struct lz_pci_access *a)
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

static void keep_msi(struct saved *s, const struct lz_pci_access *a)
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

/* False when the function does not answer (any more): nothing was saved. */
static bool save(struct saved *s, const struct lz_pci_access *a)
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
	keep(s, a, PCI_COMMAND, 2); /* last: decoding and mastering start here */
	return lz_pci_present(a);
}

static void restore(const struct saved *s, const struct lz_pci_access *a)
{
	for (unsigned i = 0; i < s->n; i++)
		a->write(a->ctx, s->reg[i].off, s->reg[i].width, s->reg[i].value);
}

/* ---- marks ---- */

struct marks {
	uint16_t command, msix;
	unsigned msix_at;
};

static void plant(struct marks *m, const struct lz_pci_access *a)
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

static bool marks_gone(const struct marks *m, const struct lz_pci_access *a)
{
	if (!m->command && !m->msix)
		return false;
	if (cfg_read16(a, PCI_COMMAND) & m->command)
		return false;
	return !m->msix || !(cfg_read16(a, m->msix_at + PCI_MSIX_FLAGS) & m->msix);
}

/* ---- the reset ---- */

static bool ready(const struct lz_pci_access *a)
{
	return cfg_read16(a, PCI_VENDOR_ID) != PCI_VENDOR_RETRY && lz_pci_present(a);
}

/* Sleeps 1, 2, 4 ... ms; gives up when the next sleep would exceed the limit. */
static enum lz_status wait_ready(const struct lz_pci_access *a)
{
	for (unsigned ms = 1; !ready(a); ms *= 2) {
		if (ms > READY_LIMIT_MS)
			return LZ_ETIMEDOUT;
		a->sleep(a->ctx, LZ_MS(ms));
	}
	return LZ_OK;
}

static enum lz_status do_flr(struct lz_device *dev, unsigned exp)
{
	const struct lz_pci_access *a = dev->pci;
	struct marks marks;
	enum lz_status st;

	plant(&marks, a);
	cfg_write16(a, exp + PCI_EXP_DEVCTL,
		    cfg_read16(a, exp + PCI_EXP_DEVCTL) | PCI_EXP_DEVCTL_FLR);
	a->sleep(a->ctx, SETTLE_NS);
	st = wait_ready(a);
	if (st != LZ_OK) {
		lz_log(dev->lz, LZ_LOG_ERR, dev->name, "not ready after FLR; giving up");
		return st;
	}
	if (!marks_gone(&marks, a)) {
		lz_log(dev->lz, LZ_LOG_ERR, dev->name, "FLR had no visible effect");
		return LZ_EIO;
	}
	return LZ_OK;
}

enum lz_status lz_pci_reset_flr(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	enum lz_reset_result result = LZ_RESET_NOT_ATTEMPTED;
	enum lz_status st, done;
	struct saved saved;
	unsigned exp;

	/* H01: what cannot be done is found out before anything is touched. */
	st = lz_pci_can_flr(dev);
	if (st != LZ_OK)
		return st;
	st = lz_reset_prepare(dev);
	if (st != LZ_OK)
		return st;
	if (lz_pci_wait_pending(a) == LZ_ETIMEDOUT)
		lz_log(dev->lz, LZ_LOG_WARN, dev->name,
		       "transactions still pending, going on with FLR");
	st = LZ_ENODEV;
	exp = lz_pci_find_cap(a, PCI_CAP_EXP);
	if (exp && save(&saved, a)) {
		st = do_flr(dev, exp);
		restore(&saved, a);
		result = st == LZ_OK ? LZ_RESET_OK : LZ_RESET_FAILED;
	}

	/* H02, H03, H04: the core and the caller both hear what happened. */
	done = lz_reset_done(dev, result);
	return st == LZ_OK ? done : st;
}

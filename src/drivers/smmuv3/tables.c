/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream table entries and context descriptors of one device (sections 5.2,
 * 5.4). The gate of the device's group serialises whoever changes them, with
 * one exception: the fence, which comes from the engine at any time and clears
 * EATS. So word 1 is stored under the fence lock, and whoever stores it looks
 * at the fence under the same lock (H44, H45, H46). Word 1 is a whole 64-bit
 * store, never a read-modify-write outside the lock.
 *
 * Each single store leaves a valid old or a valid new entry: the words that
 * Config makes live are written while word 0 says abort.
 */
#include "drivers/smmuv3/smmu.h"

static void store_word1(struct lz_smmu_dev *sd, uint64_t w)
{
	struct lz_device *dev = sd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	/* A suspect keeps what it asks for, as one whose tables nobody touches
	 * does: nobody would give it back when it turns out to be innocent. */
	if (dev->fence >= LZ_FENCE_FENCING)
		w &= ~SMMU_STE1_EATS;
	for (unsigned i = 0; i < dev->n_streams; i++)
		lz_dma_store64(&sd->ste[i][1], w);
	lz_spin_unlock(&dev->fence_lock, flags);
}

static void store_word0(struct lz_smmu_dev *sd, uint64_t w)
{
	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		lz_dma_store64(&sd->ste[i][0], w);
}

static uint64_t config(unsigned c)
{
	return SMMU_STE0_V | SMMU_FIELD(SMMU_STE0_CONFIG, c);
}

void lz_smmu_ste_abort(struct lz_smmu_dev *sd)
{
	store_word0(sd, config(SMMU_STE_CONFIG_ABORT));
	lz_smmu_ste_eats_off(sd);
}

/* All stream ids of the device (H49). The other fields of word 1 stay: what
 * untranslated traffic sees does not change by this (H74). */
void lz_smmu_ste_eats_off_locked(struct lz_smmu_dev *sd)
{
	lz_assert(lz_spin_held(&sd->dev->fence_lock));
	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		uint64_t w = lz_dma_load64(&sd->ste[i][1]);

		lz_dma_store64(&sd->ste[i][1], w & ~SMMU_STE1_EATS);
	}
	lz_dma_wmb();
}

void lz_smmu_ste_eats_off(struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&sd->dev->fence_lock);

	lz_smmu_ste_eats_off_locked(sd);
	lz_spin_unlock(&sd->dev->fence_lock, flags);
}

void lz_smmu_ste_bypass(struct lz_smmu_dev *sd)
{
	store_word1(sd, SMMU_FIELD(SMMU_STE1_SHCFG, SMMU_STE_SHCFG_INCOMING));
	lz_dma_wmb();
	store_word0(sd, config(SMMU_STE_CONFIG_BYPASS));
	lz_dma_wmb();
}

void lz_smmu_ste_prepare_s1(struct lz_smmu_dev *sd, bool ats)
{
	uint64_t w = SMMU_FIELD(SMMU_STE1_S1CIR, 1) | SMMU_FIELD(SMMU_STE1_S1COR, 1) |
		     SMMU_FIELD(SMMU_STE1_S1CSH, SMMU_SH_INNER) |
		     SMMU_FIELD(SMMU_STE1_SHCFG, SMMU_STE_SHCFG_INCOMING);

	if (sd->dev->pasid_bits)
		w |= SMMU_FIELD(SMMU_STE1_S1DSS, SMMU_STE_S1DSS_SSID0);
	if (sd->smmu->stall_model == 0)
		w |= SMMU_STE1_S1STALLD; /* PCIe must not stall */
	if (ats)
		w |= SMMU_FIELD(SMMU_STE1_EATS, SMMU_STE_EATS_FULL);
	store_word1(sd, w);
	lz_dma_wmb();
}

void lz_smmu_ste_commit_s1(struct lz_smmu_dev *sd)
{
	store_word0(sd, config(SMMU_STE_CONFIG_S1) | (sd->cd_phys & SMMU_STE0_S1CONTEXTPTR) |
				SMMU_FIELD(SMMU_STE0_S1CDMAX, sd->dev->pasid_bits));
	lz_dma_wmb();
}

/* ---- context descriptors ---- */

static uint64_t *cd_of(struct lz_smmu_dev *sd, uint32_t ssid)
{
	return &sd->cd[(size_t)ssid * SMMU_CD_WORDS];
}

void lz_smmu_cd_clear(struct lz_smmu_dev *sd, uint32_t ssid)
{
	lz_dma_store64(cd_of(sd, ssid), 0);
	lz_dma_wmb();
}

/* The entry was not valid, with effect. */
void lz_smmu_cd_write(struct lz_smmu_dev *sd, uint32_t ssid, const struct lz_smmu_domain *sdom)
{
	const struct lz_pt *pt = &sdom->dom->pt;
	uint64_t *cd = cd_of(sd, ssid);

	lz_dma_store64(&cd[1], pt->root_phys & SMMU_CD1_TTB0);
	lz_dma_store64(&cd[3], SMMU_CD3_MAIR0);
	lz_dma_wmb();
	lz_dma_store64(&cd[0], SMMU_FIELD(SMMU_CD0_T0SZ, 64 - pt->ias) |
				       SMMU_FIELD(SMMU_CD0_IR0, 1) | SMMU_FIELD(SMMU_CD0_OR0, 1) |
				       SMMU_FIELD(SMMU_CD0_SH0, SMMU_SH_INNER) | SMMU_CD0_EPD1 |
				       SMMU_CD0_V | SMMU_FIELD(SMMU_CD0_IPS, sd->smmu->oas_code) |
				       SMMU_CD0_AFFD | SMMU_CD0_AA64 | SMMU_CD0_R | SMMU_CD0_A |
				       SMMU_CD0_ASET | SMMU_FIELD(SMMU_CD0_ASID, sdom->asid));
	lz_dma_wmb();
}

void lz_smmu_owe_cfgi(struct lz_smmu *s)
{
	(void)lz_fetch_add32(&s->cfgi_owed, 1);
	lz_iommu_kick(&s->iommu);
}

/* Makes changes of the device's entries effective: the STEs, and one CD too. A
 * command that could not be queued is owed. */
enum lz_status lz_smmu_cfgi(struct lz_smmu_dev *sd, uint32_t ssid, bool cd, lz_ns *deadline)
{
	struct lz_smmu_cmd cmd[2 * LZ_MAX_STREAMS];
	struct lz_smmu *s = sd->smmu;
	enum lz_status st;
	uint32_t n = 0;

	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		cmd[n++] = lz_smmu_cmd_cfgi_ste(sd->dev->streams[i]);
		if (cd)
			cmd[n++] = lz_smmu_cmd_cfgi_cd(sd->dev->streams[i], ssid);
	}
	if (lz_load32(&s->held_error) && !lz_load32(&s->retry)) {
		/* The queue stands still: nothing would come of it but entries. */
		lz_smmu_owe_cfgi(s);
		return LZ_ETIMEDOUT;
	}
	st = lz_smmu_queue_run(s, cmd, n, deadline);
	if (st != LZ_OK)
		lz_smmu_owe_cfgi(s);
	return st;
}

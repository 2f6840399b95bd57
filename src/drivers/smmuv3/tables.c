/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream table entries and context descriptors of one device (sections 5.2,
 * 5.4). The gate of the device's group serialises whoever changes them, with
 * one exception: the fence, which comes from the engine at any time and clears
 * EATS. So word 1 is stored under the fence lock, and whoever stores it looks
 * at the fence under the same lock (H44, H45, H46). Word 1 is a whole 64-bit
 * store, never a read-modify-write outside the lock.
 *
 * An entry may belong to several devices of a group. It lives in the tables of one,
 * `live`, who writes it; the others leave it alone, except that the fence of each
 * keeps EATS off in it. Their fence locks are different ones, so word 1 and `closed`
 * have a lock of their own inside those. EATS is only for who answers the id's
 * invalidations: nobody else has an ATC that they reach.
 *
 * Each single store leaves a valid old or a valid new entry: the words that
 * Config makes live are written while word 0 says abort.
 */
#include "drivers/smmuv3/smmu.h"

static bool lives_in(const struct lz_smmu_dev *sd, unsigned i)
{
	return sd->stream[i]->live == sd;
}

/* Which of the device's ids an entry is for. */
static unsigned index_of(const struct lz_smmu_dev *sd, const struct lz_smmu_stream *st)
{
	unsigned i = 0;

	while (sd->stream[i] != st)
		i++;
	return i;
}

/* Has the device an ATC that is reached by its id number `i`? */
static bool has_atc(const struct lz_smmu_dev *sd, unsigned i)
{
	return sd->dev->ats_capable && lz_smmu_answers(sd, i);
}

/* Returns whether anything changed. */
static bool store_word1_of(struct lz_smmu_dev *sd, unsigned i, uint64_t w)
{
	struct lz_device *dev = sd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	unsigned long inner = lz_spin_lock(&sd->smmu->share_lock);
	bool changed;

	/* A suspect keeps what it asks for, as one whose tables nobody touches
	 * does: nobody would give it back when it turns out to be innocent. */
	if (dev->fence >= LZ_FENCE_FENCING || sd->stream[i]->closed || !lz_smmu_answers(sd, i))
		w &= ~SMMU_STE1_EATS;
	changed = lz_dma_load64(&sd->ste[i][1]) != w;
	lz_dma_store64(&sd->ste[i][1], w);
	lz_spin_unlock(&sd->smmu->share_lock, inner);
	lz_spin_unlock(&dev->fence_lock, flags);
	return changed;
}

static void store_word1(struct lz_smmu_dev *sd, uint64_t w)
{
	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		if (lives_in(sd, i))
			(void)store_word1_of(sd, i, w);
}

static void store_word0(struct lz_smmu_dev *sd, uint64_t w)
{
	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		if (lives_in(sd, i))
			lz_dma_store64(&sd->ste[i][0], w);
}

static uint64_t config(unsigned c)
{
	return SMMU_STE0_V | SMMU_FIELD(SMMU_STE0_CONFIG, c);
}

/* `all`: also in those where nobody lives, or another device. The other fields of
 * word 1 stay: what untranslated traffic sees does not change by this (H74). */
static void eats_off_locked(struct lz_smmu_dev *sd, bool all)
{
	unsigned long flags = lz_spin_lock(&sd->smmu->share_lock);

	lz_assert(lz_spin_held(&sd->dev->fence_lock));
	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		if (all || lives_in(sd, i))
			lz_dma_store64(&sd->ste[i][1],
				       lz_dma_load64(&sd->ste[i][1]) & ~SMMU_STE1_EATS);
	}
	lz_spin_unlock(&sd->smmu->share_lock, flags);
	lz_dma_wmb();
}

/* All stream ids of the device (H49). */
void lz_smmu_ste_eats_off_locked(struct lz_smmu_dev *sd)
{
	eats_off_locked(sd, true);
}

void lz_smmu_ste_eats_off(struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&sd->dev->fence_lock);

	eats_off_locked(sd, false);
	lz_spin_unlock(&sd->dev->fence_lock, flags);
}

void lz_smmu_ste_abort(struct lz_smmu_dev *sd)
{
	store_word0(sd, config(SMMU_STE_CONFIG_ABORT));
	lz_smmu_ste_eats_off(sd);
}

void lz_smmu_ste_close(struct lz_smmu_dev *sd)
{
	lz_smmu_ste_abort(sd);
	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		if (lives_in(sd, i))
			sd->stream[i]->live = NULL;
}

void lz_smmu_ste_bypass(struct lz_smmu_dev *sd)
{
	store_word1(sd, SMMU_FIELD(SMMU_STE1_SHCFG, SMMU_STE_SHCFG_INCOMING));
	lz_dma_wmb();
	store_word0(sd, config(SMMU_STE_CONFIG_BYPASS));
	lz_dma_wmb();
}

/* S1DSS is the same for all, also for who has no PASIDs, where hardware ignores it:
 * so an entry may go from one device's tables to another's. */
static uint64_t s1_word1(const struct lz_smmu_dev *sd, bool ats)
{
	uint64_t w = SMMU_FIELD(SMMU_STE1_S1DSS, SMMU_STE_S1DSS_SSID0) |
		     SMMU_FIELD(SMMU_STE1_S1CIR, 1) | SMMU_FIELD(SMMU_STE1_S1COR, 1) |
		     SMMU_FIELD(SMMU_STE1_S1CSH, SMMU_SH_INNER) |
		     SMMU_FIELD(SMMU_STE1_SHCFG, SMMU_STE_SHCFG_INCOMING);

	if (sd->smmu->stall_model == 0)
		w |= SMMU_STE1_S1STALLD; /* PCIe must not stall */
	if (ats)
		w |= SMMU_FIELD(SMMU_STE1_EATS, SMMU_STE_EATS_FULL);
	return w;
}

static uint64_t s1_word0(const struct lz_smmu_dev *sd)
{
	return config(SMMU_STE_CONFIG_S1) | (sd->cd_phys & SMMU_STE0_S1CONTEXTPTR) |
	       SMMU_FIELD(SMMU_STE0_S1CDMAX, sd->dev->pasid_bits);
}

void lz_smmu_ste_prepare_s1(struct lz_smmu_dev *sd, bool ats)
{
	store_word1(sd, s1_word1(sd, ats));
	lz_dma_wmb();
}

void lz_smmu_ste_commit_s1(struct lz_smmu_dev *sd)
{
	store_word0(sd, s1_word0(sd));
	lz_dma_wmb();
}

/* ---- entries that several devices share ---- */

void lz_smmu_ste_claim(struct lz_smmu_dev *sd, const struct lz_domain_part *part)
{
	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		struct lz_smmu_stream *st = sd->stream[i];

		if (!st->live || (lz_smmu_answers(sd, i) && st->live->installed != part))
			st->live = sd;
	}
}

/* Word 0 alone: both tables say the same of requests without a PASID. */
bool lz_smmu_ste_take_over(struct lz_smmu_dev *sd)
{
	bool any = false;

	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		struct lz_smmu_stream *st = sd->stream[i];

		if (lives_in(sd, i) || !has_atc(sd, i) || has_atc(st->live, index_of(st->live, st)))
			continue;
		st->live = sd;
		lz_dma_store64(&sd->ste[i][0], s1_word0(sd));
		any = true;
	}
	lz_dma_wmb();
	return any;
}

/* The entry goes on translating, for `heir`. EATS first: what the old one cached
 * by this id is not the new one's to answer for. */
static void pass_on(struct lz_smmu_dev *heir, struct lz_smmu_stream *st)
{
	unsigned i = index_of(heir, st);

	st->live = heir;
	if (LZ_CONFIG_IDENTITY && heir->installed->dom->type != LZ_DOMAIN_PAGING)
		return; /* so was the old one: they are in one domain */
	(void)store_word1_of(heir, i, s1_word1(heir, heir->dev->ats_on));
	lz_dma_wmb();
	lz_dma_store64(&heir->ste[i][0], s1_word0(heir));
}

void lz_smmu_ste_leave(struct lz_smmu_dev *sd)
{
	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		struct lz_smmu_dev *heir;

		if (!lives_in(sd, i))
			continue;
		heir = lz_smmu_stream_heir(sd->smmu, sd->dev->streams[i], sd);
		if (heir)
			pass_on(heir, sd->stream[i]);
	}
	lz_smmu_ste_close(sd);
}

bool lz_smmu_ste_left(struct lz_smmu_dev *sd)
{
	bool changed = false;

	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		struct lz_smmu_dev *o = sd->stream[i]->live;

		if (o && o != sd && o->installed && o->installed->dom->type == LZ_DOMAIN_PAGING)
			changed |= store_word1_of(o, index_of(o, sd->stream[i]),
						  s1_word1(o, o->dev->ats_on));
	}
	return changed;
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
	const struct lz_pt *pt = &sdom->part->dom->pt;
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
	struct lz_command cmd[2 * LZ_MAX_STREAMS];
	struct lz_smmu *s = sd->smmu;
	enum lz_status st;
	uint32_t n = 0;

	for (unsigned i = 0; i < sd->dev->n_streams; i++) {
		cmd[n++] = lz_smmu_cmd_cfgi_ste(sd->dev->streams[i]);
		if (cd)
			cmd[n++] = lz_smmu_cmd_cfgi_cd(sd->dev->streams[i], ssid);
	}
	if (lz_load32(&s->cmdq.held_error) && !lz_load32(&s->cmdq.ladder.retry)) {
		/* The queue stands still: nothing would come of it but entries. */
		lz_smmu_owe_cfgi(s);
		return LZ_ETIMEDOUT;
	}
	st = lz_smmu_queue_run(&s->cmdq, cmd, n, deadline);
	if (st != LZ_OK)
		lz_smmu_owe_cfgi(s);
	return st;
}

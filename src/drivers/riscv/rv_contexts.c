/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device contexts and process contexts of one device (2.1 - 2.3). The gate of the
 * device's group serialises whoever changes them, with one exception: the fence, which
 * comes from the work at any time and clears ATS. So tc is stored under the fence lock,
 * and whoever stores it looks at the fence under the same lock (H44, H45, H46): a whole
 * 64-bit store, in which EN_ATS, EN_PRI, T2GPA and PRPR go together, since one of them
 * alone makes the context misconfigured. A context that several devices send to has one
 * lock more inside those (rv_shared.c); it is changed for the one that it lives in.
 *
 * A context is never invalid again once it was valid. V = 0 would have page requests
 * answered with a Response Failure, which switches PRI off for a whole family, and DTF
 * would be without effect: a flood of records. Blocked is V = 1, DTF, and an empty table
 * where the page table or the process directory would be.
 *
 * The IOTLB knows translations by PSCID, not by table. Whoever shares a domain with a
 * device that was blocked goes on filling it, so a blocked context must have a PSCID of
 * its own kind: 0, for which nothing is ever cached. It is stored when fsc is empty with
 * effect, since old tables with the new PSCID would be cached for everybody who is blocked.
 *
 * fsc decides what everything means that is untranslated, in one store. The others are
 * with effect before it makes them count, so each single store leaves a valid old or a
 * valid new context. While a store has no effect yet hardware may use either; operands of
 * what makes it effective come from the old one.
 */
#include "drivers/riscv/riscv.h"

static bool lives_in(const struct lz_rv_dev *rd, unsigned i)
{
	return lz_rv_stream_of(rd, i)->live == rd;
}

uint64_t lz_rv_dc_nothing(const struct lz_rv_dev *rd, const struct lz_rv_stream *st)
{
	uint64_t mode = st->pdtv ? RV_PDTP_PD8 : RV_ATP_SV39;

	return RV_FIELD(RV_ATP_MODE, mode) | RV_FIELD(RV_ATP_PPN, rd->s->nothing_phys / LZ_PAGE);
}

uint64_t lz_rv_dc_fsc(const struct lz_rv_dev *rd, const struct lz_rv_stream *st)
{
	uint64_t mode = rd->pdt_bits > RV_PD8_BITS ? RV_PDTP_PD17 : RV_PDTP_PD8;

	return st->pdtv ? RV_FIELD(RV_ATP_MODE, mode) | RV_FIELD(RV_ATP_PPN, rd->pdt_phys / LZ_PAGE)
			: rd->fsc;
}

/* Nothing more is sent to who will not be heard (H70). What its ATC holds counts until
 * EN_ATS is off with effect, unless it has said that it is empty. [fence_lock] */
void lz_rv_hush_locked(struct lz_rv_dev *rd)
{
	rd->hushes++;
	if (rd->voice != RV_LOUD)
		return;
	rd->hushed = UINT64_MAX;
	lz_store8_release(&rd->voice, RV_HUSHED);
	lz_mb(); /* before EN_ATS */
}

/* EN_ATS before the count, which whoever pushes reads first. [fence_lock] */
static void count_hushed(struct lz_rv_dev *rd)
{
	if (rd->voice == RV_HUSHED)
		rd->hushed = lz_fetch_add64(&rd->s->shuts, 1) + 1;
}

/* Its own fence, and one of somebody who sends the id too (H45). A suspect keeps what it
 * asks for, as one whose tables nobody touches does. Nobody but who answers the id's
 * invalidations has an ATC that they reach. */
void lz_rv_dc_store_tc(struct lz_rv_dev *rd, unsigned i, uint64_t how)
{
	const struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

	lz_assert(lz_spin_held(&rd->s->share_lock));
	if (rd->dev->fence >= LZ_FENCE_FENCING || st->closed)
		how = RV_TC_DTF;
	if (!lz_answers(&rd->sending, i))
		how &= ~RV_TC_ATS;
	lz_dma_store64(&rd->dc[i][RV_DC_TC],
		       RV_TC_V | (st->pdtv ? RV_TC_PDTV | RV_TC_DPE : 0) | how);
}

/* A device is heard by each id that it answers, or by none: voice is one for all. */
static void store_tc(struct lz_rv_dev *rd, uint64_t how)
{
	struct lz_device *dev = rd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);

	if (dev->fence >= LZ_FENCE_FENCING || lz_rv_dc_is_closed(rd))
		how &= ~RV_TC_ATS;
	if (!(how & RV_TC_EN_ATS))
		lz_rv_hush_locked(rd);
	for (unsigned i = 0; i < dev->n_streams; i++)
		if (lives_in(rd, i))
			lz_rv_dc_store_tc(rd, i, how);
	if (!(how & RV_TC_EN_ATS))
		count_hushed(rd);
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* The PSCIDs go. */
static void shut(struct lz_rv_dev *rd)
{
	unsigned long flags = lz_spin_lock(&rd->s->share_lock);
	/* fsc before the count, which whoever pushes reads first */
	uint64_t now = lz_fetch_add64(&rd->s->shuts, 1) + 1;

	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		if (!lives_in(rd, i) || st->pdtv || !lz_load32(&st->pscid))
			continue;
		st->shut = true;
		st->when = now;
	}
	lz_spin_unlock(&rd->s->share_lock, flags);
}

void lz_rv_dc_abort(struct lz_rv_dev *rd)
{
	rd->listens = false;
	for (unsigned i = 0; i < rd->dev->n_streams; i++)
		if (lives_in(rd, i))
			lz_dma_store64(&rd->dc[i][RV_DC_FSC],
				       lz_rv_dc_nothing(rd, lz_rv_stream_of(rd, i)));
	shut(rd);
	store_tc(rd, RV_TC_DTF);
	lz_dma_wmb();
}

void lz_rv_dc_close(struct lz_rv_dev *rd)
{
	lz_rv_dc_abort(rd);
	for (unsigned i = 0; i < rd->dev->n_streams; i++)
		if (lives_in(rd, i))
			lz_rv_stream_of(rd, i)->live = NULL;
}

/* `owes`: those by which somebody else is heard wait until nothing is out for him any
 * more (H70). [fence_lock] */
static void ats_off_locked(struct lz_rv_dev *rd, bool owes)
{
	lz_assert(lz_spin_held(&rd->dev->fence_lock));
	lz_rv_hush_locked(rd);
	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		uint64_t *word = &rd->dc[i][RV_DC_TC], tc = lz_dma_load64(word);
		uint64_t dtf = owes || lz_rv_stream_of(rd, i)->closed ? RV_TC_DTF : 0;

		if (lz_answers(&rd->sending, i) || (owes && !(tc & RV_TC_EN_ATS)))
			lz_dma_store64(word, (tc & ~RV_TC_ATS) | dtf);
		else if (owes)
			lz_rv_stream_of(rd, i)->owed = true;
	}
	count_hushed(rd);
	lz_dma_wmb();
}

/* All ids of the device (H49). The rest of tc stays, and fsc: what untranslated traffic
 * reaches does not change by this (H74). DTF keeps away the records of every translated
 * request that is refused from here on. */
void lz_rv_dc_ats_off_locked(struct lz_rv_dev *rd)
{
	unsigned long flags = lz_spin_lock(&rd->s->share_lock);

	ats_off_locked(rd, true);
	lz_spin_unlock(&rd->s->share_lock, flags);
}

bool lz_rv_dc_deafen_begin(struct lz_rv_dev *rd, uint32_t *hushes)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);
	bool owed = lz_rv_dc_is_owed(rd);

	if (owed)
		lz_rv_hush_locked(rd);
	*hushes = rd->hushes;
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
	return owed;
}

/* Somebody else may have paid, and the device have been let back: then it has been hushed
 * for nothing, unless somebody else did that too. */
void lz_rv_dc_deafen(struct lz_rv_dev *rd, uint32_t hushes)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);

	if (lz_rv_dc_is_owed(rd))
		ats_off_locked(rd, false);
	else if (rd->hushes == hushes && rd->voice == RV_HUSHED && rd->hushed == UINT64_MAX)
		lz_store8_release(&rd->voice, RV_LOUD);
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
}

/* Whoever sends its ids too is blocked with it, and was not found broken: their fences
 * do not forbid it here (H13). */
bool lz_rv_dc_listen(struct lz_rv_dev *rd)
{
	struct lz_device *dev = rd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);
	bool may = dev->fence < LZ_FENCE_FENCING;

	for (unsigned i = 0; i < dev->n_streams && may; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		if (!lz_answers(&rd->sending, i))
			continue;
		if (!st->live)
			st->live = rd;
		if (st->live == rd)
			lz_dma_store64(&rd->dc[i][RV_DC_TC],
				       RV_TC_V | (st->pdtv ? RV_TC_PDTV | RV_TC_DPE : 0) |
					       RV_TC_EN_ATS | RV_TC_DTF);
	}
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&dev->fence_lock, flags);
	lz_dma_wmb();
	return may;
}

bool lz_rv_dc_hears(struct lz_rv_dev *rd)
{
	return lz_dma_load64(&rd->dc[0][RV_DC_TC]) & RV_TC_EN_ATS;
}

/* Without a fence: its faults are worth telling. */
void lz_rv_dc_ats_off(struct lz_rv_dev *rd)
{
	store_tc(rd, 0);
	lz_dma_wmb();
}

static uint64_t atp(const struct lz_domain_part *part)
{
	unsigned ias = part->dom->pt.ias;
	unsigned mode = ias == 56 ? RV_ATP_SV57 : ias == 47 ? RV_ATP_SV48 : RV_ATP_SV39;

	if (LZ_CONFIG_IDENTITY && part->dom->type != LZ_DOMAIN_PAGING)
		return 0; /* Bare */
	return RV_FIELD(RV_ATP_MODE, mode) |
	       RV_FIELD(RV_ATP_PPN, part->dom->pt.root_phys / LZ_PAGE);
}

static uint32_t pscid_of(const struct lz_domain_part *part)
{
	const struct lz_rv_domain *rdom = part->drv;

	return part->dom->type == LZ_DOMAIN_PAGING ? rdom->pscid : RV_PSCID_IDENTITY;
}

/* Everything aborts that lives in it, with effect. */
void lz_rv_dc_prepare(struct lz_rv_dev *rd, const struct lz_domain_part *part, bool ats)
{
	unsigned long flags;

	if (rd->pdt)
		lz_rv_pc_write(rd, 0, part);
	rd->fsc = atp(part);
	lz_rv_dc_take_over(rd);
	flags = lz_spin_lock(&rd->s->share_lock);
	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		if (!lives_in(rd, i) || st->pdtv)
			continue;
		st->shut = false;
		lz_store32(&st->pscid, pscid_of(part));
		lz_dma_store64(&rd->dc[i][RV_DC_TA], RV_FIELD(RV_TA_PSCID, pscid_of(part)));
	}
	lz_spin_unlock(&rd->s->share_lock, flags);
	store_tc(rd, ats ? RV_TC_EN_ATS : 0);
	lz_dma_wmb();
}

void lz_rv_dc_commit(struct lz_rv_dev *rd)
{
	for (unsigned i = 0; i < rd->dev->n_streams; i++)
		if (lives_in(rd, i))
			lz_dma_store64(&rd->dc[i][RV_DC_FSC],
				       lz_rv_dc_fsc(rd, lz_rv_stream_of(rd, i)));
	lz_dma_wmb();
}

/* ---- process contexts; 0 is for requests without a PASID (DPE) ---- */

/* Leaf pages follow the root page, if there is one. */
static uint64_t *pc_of(struct lz_rv_dev *rd, uint32_t pid)
{
	uint64_t *leaves = rd->pdt + (rd->pdt_bits > RV_PD8_BITS ? LZ_PAGE / 8 : 0);

	return &leaves[(size_t)pid * RV_PC_WORDS];
}

void lz_rv_pc_clear(struct lz_rv_dev *rd, uint32_t pid)
{
	lz_dma_store64(&pc_of(rd, pid)[RV_PC_TA], 0);
	lz_dma_wmb();
}

/* The entry was not valid, with effect, and such ones are in no cache. */
void lz_rv_pc_write(struct lz_rv_dev *rd, uint32_t pid, const struct lz_domain_part *part)
{
	uint64_t *pc = pc_of(rd, pid);

	lz_dma_store64(&pc[RV_PC_FSC], atp(part));
	lz_dma_wmb(); /* the other word before V */
	lz_dma_store64(&pc[RV_PC_TA], RV_TA_V | RV_FIELD(RV_TA_PSCID, pscid_of(part)));
	lz_dma_wmb();
}

enum lz_status lz_rv_pdt_init(struct lz_rv_dev *rd, unsigned bits)
{
	unsigned leaves = bits > RV_PD8_BITS ? 1u << (bits - RV_PD8_BITS) : 1;
	bool root = bits > RV_PD8_BITS;

	if (!LZ_CONFIG_PASID || !bits)
		return LZ_OK;
	rd->pdt_bits = bits;
	rd->pdt_bytes = (size_t)(leaves + root) * LZ_PAGE;
	rd->pdt = lz_mem_dma_alloc(rd->s->lz, rd->pdt_bytes, LZ_PAGE, &rd->pdt_phys);
	if (!rd->pdt)
		return LZ_ENOMEM;
	for (unsigned i = 0; root && i < leaves; i++)
		lz_dma_store64(&rd->pdt[i],
			       RV_FIELD(RV_TABLE_PPN, rd->pdt_phys / LZ_PAGE + 1 + i) | RV_TABLE_V);
	return LZ_OK;
}

/* ---- effect ---- */

void lz_rv_owe(struct lz_rv *s)
{
	(void)lz_fetch_add32(&s->push_owed, 1);
	lz_iommu_kick(&s->iommu);
}

static enum lz_status run_or_owe(struct lz_rv *s, const struct lz_command *cmd, uint32_t n,
				 lz_ns *deadline)
{
	enum lz_status st = LZ_ETIMEDOUT;

	/* A queue that stands still would get nothing but entries. */
	if (!lz_load32(&s->held_error) || lz_load32(&s->ladder.retry))
		st = lz_rv_queue_run(s, cmd, n, deadline);
	if (st != LZ_OK)
		lz_rv_owe(s);
	return st;
}

/* Section 6.2: by what the context was before. */
static enum lz_status push(struct lz_rv_dev *rd, lz_ns *deadline)
{
	struct lz_command cmd[2 * LZ_MAX_STREAMS];
	uint32_t n = 0, last = RV_PSCID_NOTHING;
	bool all = false;

	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		cmd[n++] = lz_rv_cmd_ddt(rd->dev->streams[i]);
		all |= lz_rv_stream_of(rd, i)->pdtv;
	}
	for (unsigned i = 0; i < rd->dev->n_streams && !all; i++) {
		uint32_t pscid = lz_load32(&lz_rv_stream_of(rd, i)->pscid);

		if (pscid != RV_PSCID_NOTHING && pscid != last)
			cmd[n++] = lz_rv_cmd_vma_space(pscid);
		last = pscid;
	}
	if (all)
		cmd[n++] = lz_rv_cmd_vma_all();
	return run_or_owe(rd->s, cmd, n, deadline);
}

/* What had been done when the count was `until` is in effect. True: a context that had
 * been shut is empty with effect, and has no PSCID any more. The work pushes for a fence
 * while somebody with the gate changes contexts, so who was first is decided under the
 * locks. */
static bool take_effect(struct lz_rv_dev *rd, uint64_t until)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);
	bool drop = false;

	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		if (!st->shut || st->when > until)
			continue;
		st->shut = false;
		lz_dma_store64(&rd->dc[i][RV_DC_TA], RV_FIELD(RV_TA_PSCID, RV_PSCID_NOTHING));
		drop = true;
	}
	if (rd->voice == RV_HUSHED && rd->hushed <= until)
		lz_store8_release(&rd->voice, RV_QUIET);
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
	lz_dma_wmb();
	return drop;
}

enum lz_status lz_rv_push(struct lz_rv_dev *rd, lz_ns *deadline)
{
	uint64_t until = lz_load64_acquire(&rd->s->shuts);
	enum lz_status st = push(rd, deadline);

	if (st == LZ_OK && take_effect(rd, until))
		st = push(rd, deadline);
	return st;
}

enum lz_status lz_rv_push_process(struct lz_rv_dev *rd, uint32_t pid,
				  const struct lz_domain_part *part, lz_ns *deadline)
{
	struct lz_command cmd[LZ_MAX_STREAMS + 1];
	uint32_t n = 0;

	for (unsigned i = 0; i < rd->dev->n_streams; i++)
		cmd[n++] = lz_rv_cmd_pdt(rd->dev->streams[i], pid);
	if (part && pscid_of(part))
		cmd[n++] = lz_rv_cmd_vma_space(pscid_of(part));
	return run_or_owe(rd->s, cmd, n, deadline);
}

static bool all_take_effect(struct lz_rv *s, uint64_t until)
{
	unsigned long flags = lz_spin_lock(&s->iommu.lock);
	bool any = false;

	for (struct lz_device *d = s->iommu.devices; d; d = d->next_in_iommu)
		any |= take_effect(lz_rv_dev_of(d), until);
	lz_spin_unlock(&s->iommu.lock, flags);
	return any;
}

/* The debt stands until the fence has succeeded, so that nobody takes another one's
 * attempt for it. */
enum lz_status lz_rv_pay(struct lz_rv *s)
{
	const struct lz_command all[2] = {lz_rv_cmd_ddt_all(), lz_rv_cmd_vma_all()};
	uint64_t until = lz_load64_acquire(&s->shuts);
	lz_ns deadline = 0;
	enum lz_status st;
	uint32_t owed;

	if (!lz_rv_is_owed(s, &owed))
		return LZ_OK;
	st = lz_rv_queue_run(s, all, 2, &deadline);
	if (st == LZ_OK && all_take_effect(s, until))
		st = lz_rv_queue_run(s, all, 2, &deadline);
	if (st == LZ_OK)
		lz_store32(&s->push_paid, owed);
	return st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device contexts that several devices of a group send to (H13). Each lives in the tables
 * of one of them, who writes it; the others leave it alone, except that the fence of each
 * keeps EN_ATS off in it. Their fence locks are different ones, so tc and `closed` have a
 * lock of their own inside those.
 *
 * EN_ATS is on only for who answers the id's invalidations. When the fence of another one
 * switches it off his answers are not heard any more (H70): first nothing more is sent to
 * him and what is out is waited for, so that fence owes it until then.
 *
 * Whoever sends an id first decides whether its context has process contexts, since a
 * context cannot change from one form to the other in one store. So it passes from one
 * device to another in one store or without any, and nobody's requests are refused
 * meanwhile: all who translate by it are in one domain.
 */
#include "drivers/riscv/riscv.h"

/* Which of the device's ids a context is for. */
static unsigned index_of(const struct lz_rv_dev *rd, const struct lz_rv_stream *st)
{
	unsigned i = 0;

	while (lz_rv_stream_of(rd, i) != st)
		i++;
	return i;
}

static void begin(struct lz_rv_dev *rd, unsigned i)
{
	struct lz_rv_stream *st = lz_rv_stream_of(rd, i);
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);

	st->begun = true;
	st->pdtv = rd->pdt;
	lz_dma_store64(&rd->dc[i][RV_DC_IOHGATP], 0);
	lz_dma_store64(&rd->dc[i][RV_DC_TA], RV_FIELD(RV_TA_PSCID, RV_PSCID_NOTHING));
	lz_dma_store64(&rd->dc[i][RV_DC_FSC], lz_rv_dc_nothing(rd, st));
	lz_dma_wmb(); /* the others before V */
	lz_rv_dc_store_tc(rd, i, RV_TC_DTF);
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
}

enum lz_status lz_rv_dc_begin(struct lz_rv_dev *rd)
{
	const struct lz_rv_stream *own = lz_rv_stream_of(rd, 0);
	enum lz_status st = LZ_OK;

	for (unsigned i = 0; i < rd->dev->n_streams && st == LZ_OK; i++) {
		const struct lz_rv_stream *shared = lz_rv_stream_of(rd, i);

		if (shared->begun && shared->pdtv && !rd->pdt)
			st = lz_rv_pdt_init(rd, RV_PD8_BITS);
	}
	if (LZ_CONFIG_PASID && own->begun && !own->pdtv)
		rd->dev->pasid_bits = 0;
	for (unsigned i = 0; i < rd->dev->n_streams && st == LZ_OK; i++)
		if (!lz_rv_stream_of(rd, i)->begun)
			begin(rd, i);
	lz_dma_wmb();
	return st;
}

void lz_rv_dc_claim(struct lz_rv_dev *rd, const struct lz_domain_part *part)
{
	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		if (!st->live || (lz_answers(&rd->sending, i) && st->live->installed != part))
			st->live = rd;
	}
}

/* fsc alone, if anything: both tables say the same of requests without a PASID. */
void lz_rv_dc_take_over(struct lz_rv_dev *rd)
{
	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		if (st->live == rd || !rd->dev->ats_capable || !lz_answers(&rd->sending, i))
			continue;
		st->live = rd;
		if (st->pdtv)
			lz_dma_store64(&rd->dc[i][RV_DC_FSC], lz_rv_dc_fsc(rd, st));
	}
	lz_dma_wmb();
}

/* The context goes on translating, for `heir`. EN_ATS first: what the old one cached by
 * this id is not the new one's to answer for. */
static void pass_on(struct lz_rv_dev *heir, struct lz_rv_stream *st)
{
	unsigned i = index_of(heir, st);
	unsigned long flags = lz_spin_lock(&heir->dev->fence_lock);
	unsigned long inner = lz_spin_lock(&heir->s->share_lock);

	st->live = heir;
	lz_rv_dc_store_tc(heir, i, heir->voice == RV_LOUD ? RV_TC_EN_ATS : 0);
	lz_dma_wmb();
	if (st->pdtv)
		lz_dma_store64(&heir->dc[i][RV_DC_FSC], lz_rv_dc_fsc(heir, st));
	lz_spin_unlock(&heir->s->share_lock, inner);
	lz_spin_unlock(&heir->dev->fence_lock, flags);
}

static bool is_installed(const struct lz_sending *s)
{
	return ((const struct lz_rv_dev *)s)->installed;
}

void lz_rv_dc_leave(struct lz_rv_dev *rd)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);

	lz_rv_hush_locked(rd);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);
		struct lz_sending *heir;

		if (st->live != rd)
			continue;
		heir = lz_streams_other(&rd->s->streams, rd->dev->streams[i], &rd->sending,
					is_installed);
		if (heir)
			pass_on((struct lz_rv_dev *)heir, st);
	}
	lz_rv_dc_close(rd);
}

/* ---- fences ---- */

void lz_rv_dc_closed(struct lz_rv_dev *rd, int by)
{
	unsigned long flags = lz_spin_lock(&rd->s->share_lock);

	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);

		st->closed += (uint32_t)by;
		st->owed = st->owed && st->closed;
	}
	lz_spin_unlock(&rd->s->share_lock, flags);
}

bool lz_rv_dc_is_closed(const struct lz_rv_dev *rd)
{
	bool closed = false;

	for (unsigned i = 0; i < rd->dev->n_streams; i++)
		closed |= lz_answers(&rd->sending, i) && lz_rv_stream_of(rd, i)->closed;
	return closed;
}

bool lz_rv_dc_is_owed(const struct lz_rv_dev *rd)
{
	bool owed = false;

	for (unsigned i = 0; i < rd->dev->n_streams; i++)
		owed |= lz_answers(&rd->sending, i) && lz_rv_stream_of(rd, i)->owed;
	return owed;
}

static bool is_owed(struct lz_rv_dev *rd, unsigned i)
{
	unsigned long flags = lz_spin_lock(&rd->s->share_lock);
	bool owed = lz_rv_stream_of(rd, i)->owed;

	lz_spin_unlock(&rd->s->share_lock, flags);
	return owed;
}

struct lz_device *lz_rv_dc_next_owed(struct lz_rv_dev *rd)
{
	struct lz_device *dev = NULL;

	for (unsigned i = 0; i < rd->dev->n_streams && !dev; i++)
		if (is_owed(rd, i) && (lz_dma_load64(&rd->dc[i][RV_DC_TC]) & RV_TC_EN_ATS))
			dev = lz_streams_answering(&rd->s->streams, rd->dev->streams[i], NULL);
	return dev == rd->dev ? NULL : dev;
}

/* One that has left meanwhile has nothing out any more. */
void lz_rv_dc_paid(struct lz_rv_dev *rd)
{
	unsigned long flags = lz_spin_lock(&rd->s->share_lock);

	for (unsigned i = 0; i < rd->dev->n_streams; i++) {
		struct lz_rv_stream *st = lz_rv_stream_of(rd, i);
		uint64_t *tc = &rd->dc[i][RV_DC_TC];

		if (st->owed)
			lz_dma_store64(tc, (lz_dma_load64(tc) & ~RV_TC_ATS) | RV_TC_DTF);
		st->owed = false;
	}
	lz_spin_unlock(&rd->s->share_lock, flags);
	lz_dma_wmb();
}

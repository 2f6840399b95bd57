/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What differs between the kinds of command queues: where an error stands and how it
 * is acknowledged, and how a queue is stopped and started again.
 *
 *   CMDQ    GERROR and GERRORN bit 0 (7.5); enabled by CR0 (6.3.9)
 *   ECMDQ   CONS.ERR and PROD.ERRACK; PROD.EN and CONS.ENACK (3.5.6, 6.3.108)
 *   VCMDQ   a GERROR, CONFIG and STATUS of its own
 *
 * PROD of an ECMDQ belongs to two: whoever publishes, and whoever acknowledges. Each
 * writes all of it, so each takes the queue's PROD lock, and what the other one has
 * written stands in `published` and `flags` (letter Q).
 */
#include "drivers/smmuv3/smmu.h"

/* ---- PROD of an ECMDQ ---- */

static void write_prod_locked(struct lz_smmu_queue *q, uint64_t pos)
{
	lz_assert(lz_spin_held(&q->prod_lock));
	lz_mmio_write32(q->prod, SMMU_CMDQ_PROD, ((uint32_t)pos & q->wrap) | lz_load32(&q->flags));
}

/* One publisher at a time: those in front have published. */
void lz_smmu_ecmdq_post(struct lz_smmu_queue *q, uint64_t pos, uint64_t next)
{
	unsigned long flags;

	while (lz_load64_acquire(&q->ring.published) != pos)
		lz_cpu_relax();
	flags = lz_spin_lock(&q->prod_lock);
	lz_dma_wmb(); /* P: entries before PROD */
	write_prod_locked(q, next);
	lz_store64_release(&q->ring.published, next);
	lz_spin_unlock(&q->prod_lock, flags);
}

/* ---- errors ---- */

bool lz_smmu_queue_error_active(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uint32_t active;

	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ) {
		uint32_t cons = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS),
			 flags = lz_load32(&q->flags);

		/* PROD may not be written while EN and ENACK differ (6.3.108): that of one that
		 * is about to stop is nobody's, and ends when it has stopped. */
		return (cons ^ flags) & SMMU_ECMDQ_ERR && flags & SMMU_ECMDQ_EN;
	}
	if (LZ_CONFIG_LANES && q->kind == SMMU_VCMDQ) {
		active = lz_mmio_read32(q->regs, CMDQV_QUEUE_GERROR) ^
			 lz_mmio_read32(q->regs, CMDQV_QUEUE_GERRORN);
		return active & CMDQV_QUEUE_ERR;
	}
	active = lz_smmu_read32(s, SMMU_GERROR) ^ lz_smmu_read32(s, SMMU_GERRORN);
	return active & SMMU_GERROR_CMDQ_ERR;
}

uint32_t lz_smmu_queue_error_code(const struct lz_smmu_queue *q, uint32_t cons)
{
	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ)
		return (uint32_t)SMMU_GET(SMMU_ECMDQ_REASON, cons);
	return (uint32_t)SMMU_GET(SMMU_CMDQ_CONS_ERR, cons);
}

/* Only its own bit, from what is acknowledged now (H38, H79). Looked at again: an ECMDQ may
 * have been told to stop meanwhile. */
void lz_smmu_queue_toggle_locked(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	lz_assert(lz_spin_held(&s->err_lock));
	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ) {
		unsigned long flags = lz_spin_lock(&q->prod_lock);

		if (q->flags & SMMU_ECMDQ_EN) {
			lz_store32(&q->flags, q->flags ^ SMMU_ECMDQ_ERR);
			write_prod_locked(q, q->ring.published);
		}
		lz_spin_unlock(&q->prod_lock, flags);
	} else if (LZ_CONFIG_LANES && q->kind == SMMU_VCMDQ) {
		uint32_t gerrorn = lz_mmio_read32(q->regs, CMDQV_QUEUE_GERRORN);

		lz_mmio_write32(q->regs, CMDQV_QUEUE_GERRORN, gerrorn ^ CMDQV_QUEUE_ERR);
	} else {
		uint32_t gerrorn = lz_smmu_read32(s, SMMU_GERRORN);

		lz_smmu_write32(s, SMMU_GERRORN, gerrorn ^ SMMU_GERROR_CMDQ_ERR);
	}
}

/* ---- off and on ---- */

/* Of an ECMDQ whose ENACK has followed; who asks twice waits for the first. */
static void set_enable(struct lz_smmu_queue *q, uint32_t on)
{
	unsigned long flags = lz_spin_lock(&q->prod_lock);

	if ((q->flags & SMMU_ECMDQ_EN) != on) {
		lz_store32(&q->flags, q->flags ^ SMMU_ECMDQ_EN);
		write_prod_locked(q, q->ring.published);
	}
	lz_spin_unlock(&q->prod_lock, flags);
}

/* Producers are frozen. */
void lz_smmu_queue_stop(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ) {
		set_enable(q, 0);
	} else if (LZ_CONFIG_LANES && q->kind == SMMU_VCMDQ) {
		lz_mmio_write32(q->regs, CMDQV_QUEUE_CONFIG, 0);
	} else {
		s->cr0 &= ~SMMU_CR0_CMDQEN;
		lz_smmu_write32(s, SMMU_CR0, s->cr0);
	}
}

static bool is_running(struct lz_smmu_queue *q)
{
	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ)
		return lz_mmio_read32(q->cons, SMMU_CMDQ_CONS) & SMMU_ECMDQ_EN;
	if (LZ_CONFIG_LANES && q->kind == SMMU_VCMDQ)
		return lz_mmio_read32(q->regs, CMDQV_QUEUE_STATUS) & CMDQV_EN;
	return lz_smmu_read32(q->smmu, SMMU_CR0ACK) & SMMU_CR0_CMDQEN;
}

bool lz_smmu_queue_stopped(void *queue)
{
	return !is_running(queue);
}

static bool started(void *queue)
{
	return is_running(queue);
}

/* CONS of a queue that has stopped. An ECMDQ is enabled with ERR equal to ERRACK
 * only, so its error ends here. */
void lz_smmu_queue_set_cons(struct lz_smmu_queue *q, uint64_t pos)
{
	uint32_t cons = (uint32_t)pos & q->wrap;

	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ)
		cons |= lz_load32(&q->flags) & SMMU_ECMDQ_ERR;
	lz_mmio_write32(q->cons, SMMU_CMDQ_CONS, cons);
}

enum lz_status lz_smmu_queue_start(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ) {
		set_enable(q, SMMU_ECMDQ_EN);
	} else if (LZ_CONFIG_LANES && q->kind == SMMU_VCMDQ) {
		lz_mmio_write32(q->regs, CMDQV_QUEUE_CONFIG, CMDQV_EN);
	} else {
		return lz_smmu_write_cr0(s, s->cr0 | SMMU_CR0_CMDQEN);
	}
	return lz_wait(s->lz, started, q, lz_now(s->lz) + s->lz->cfg.sync_bound) ? LZ_OK
										 : LZ_ETIMEDOUT;
}

/* A guest's VCMDQ refuses what is not listed for it. */
bool lz_smmu_queue_accepts(const struct lz_smmu_queue *q, uint64_t w0)
{
	if (!LZ_CONFIG_LANES || !q->limited)
		return true;
	switch (lz_smmu_cmd_op(w0)) {
	case SMMU_OP_TLBI_NH_ASID:
	case SMMU_OP_TLBI_NH_VA:
	case SMMU_OP_ATC_INV:
	case SMMU_OP_SYNC:
		return true;
	default:
		return false;
	}
}

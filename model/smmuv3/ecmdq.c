/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of the enhanced command queues (3.5.6, 6.2.5, 6.3.107 to 6.3.109):
 * where the control pages are, and BASE, PROD and CONS of each queue with enable,
 * error and their acknowledges in them.
 */
#include "smmu.h"

static unsigned pages(const struct lzm_smmu *s)
{
	return s->n_ecmdq ? 1u << s->cfg.ecmdq_pages_log2 : 0;
}

uint32_t lzm_smmu_mmio_size(const struct lzm_smmu *s)
{
	return ECMDQ_PAGES + pages(s) * CONTROL_PAGE_SIZE;
}

uint32_t lzm_ecmdq_id(const struct lzm_smmu *s, uint32_t offset)
{
	uint32_t n = (offset - R_CONTROL_PAGES) / CONTROL_PAGE_STRIDE;

	if (!s->n_ecmdq)
		return 0;
	if (offset == R_IDR6)
		return IDR6_PAGES(s->cfg.ecmdq_pages_log2) | IDR6_QUEUES(s->cfg.ecmdq_queues_log2);
	if (offset < R_CONTROL_PAGES || n >= pages(s))
		return 0;
	switch (offset % CONTROL_PAGE_STRIDE) {
	case 0:
		return (ECMDQ_PAGES + n * CONTROL_PAGE_SIZE) | CONTROL_PAGE_GS_64K |
		       (uint32_t)CONTROL_PAGE_PRESENT;
	case 8:
	case 12:
		return 1;
	default:
		return 0;
	}
}

bool lzm_ecmdq_register(const struct lzm_smmu *s, uint32_t offset)
{
	return offset >= ECMDQ_PAGES && offset < lzm_smmu_mmio_size(s);
}

/* NULL: nothing is there. */
static struct lzm_cmdq *decode(struct lzm_smmu *s, uint32_t offset, uint32_t *reg)
{
	uint32_t stride = CONTROL_PAGE_SIZE >> s->cfg.ecmdq_queues_log2;
	uint32_t in_page = offset % CONTROL_PAGE_SIZE;
	uint32_t page = (offset - ECMDQ_PAGES) / CONTROL_PAGE_SIZE;

	*reg = in_page % stride;
	return *reg < 16 ? &s->ecmdq[(page << s->cfg.ecmdq_queues_log2) + in_page / stride] : NULL;
}

uint32_t lzm_ecmdq_read(struct lzm_smmu *s, uint32_t offset)
{
	uint32_t reg;
	const struct lzm_cmdq *q = decode(s, offset, &reg);

	switch (q ? reg : 16) {
	case 0:
		return (uint32_t)q->q.base;
	case 4:
		return (uint32_t)(q->q.base >> 32);
	case ECMDQ_PROD:
		return q->q.prod | (q->errack ? (uint32_t)ECMDQ_ERR : 0) |
		       (q->en ? (uint32_t)ECMDQ_EN : 0);
	case ECMDQ_CONS:
		return q->q.cons | (q->err ? (uint32_t)ECMDQ_ERR : 0) | ECMDQ_REASON(q->err_code) |
		       (q->enack ? (uint32_t)ECMDQ_EN : 0);
	default:
		return 0;
	}
}

static bool disabled(struct lzm_smmu *s, const struct lzm_cmdq *q, const char *name)
{
	if (!q->en && !q->enack)
		return true;
	lzm_misuse(s, "%s written while the queue is enabled", name);
	return false;
}

static void write_base_half(struct lzm_smmu *s, struct lzm_cmdq *q, uint32_t value, bool high)
{
	uint64_t base = q->q.base;

	if (!disabled(s, q, "ECMDQ_BASE"))
		return;
	base = high ? (base & UINT32_MAX) | (uint64_t)value << 32
		    : (base & ~(uint64_t)UINT32_MAX) | value;
	lzm_write_base(s, &q->q, base, s->cfg.cmdq_log2);
}

/* Matching them acknowledges; a mismatch that no error made is unpredictable:
 * the queue stops, as if there were one. */
static void write_errack(struct lzm_smmu *s, struct lzm_cmdq *q, bool errack)
{
	if (errack == q->errack)
		return;
	if (q->err == q->errack && (q->en || q->enack))
		lzm_misuse(s, "ECMDQ_PROD.ERRACK changed without an error");
	q->errack = errack;
	lzm_cmdq_restart_fetch(q);
	if (s->cfg.knobs.scramble_err)
		q->err_code = (uint32_t)lzm_random(s) & 7;
}

static void write_prod(struct lzm_smmu *s, struct lzm_cmdq *q, uint32_t value)
{
	bool en = (value & ECMDQ_EN) != 0, errack = (value & ECMDQ_ERR) != 0;

	if (q->en != q->enack) {
		lzm_misuse(s, "ECMDQ_PROD written before ENACK followed EN");
		return;
	}
	if (en != q->en &&
	    (errack != q->errack || (value & Q_INDEX_MASK) != (q->q.prod & Q_INDEX_MASK)))
		lzm_misuse(s, "ECMDQ_PROD.EN changed together with WR or ERRACK");
	if (en && !q->en && errack != q->err)
		lzm_misuse(s, "ECMDQ enabled with ERRACK other than ERR");
	write_errack(s, q, errack);
	lzm_cmdq_write_prod(s, q, value);
	if (en != q->en) {
		q->en = en;
		q->en_due = lzm_now(s) + s->cfg.knobs.ack_delay_ns;
	}
}

static void write_cons(struct lzm_smmu *s, struct lzm_cmdq *q, uint32_t value)
{
	if (!disabled(s, q, "ECMDQ_CONS"))
		return;
	q->rd = value & Q_INDEX_MASK & lzm_q_wrap_mask(lzm_q_log2(&q->q));
	lzm_cmdq_publish(q);
	q->err = (value & ECMDQ_ERR) != 0;
	q->err_code = (value & ECMDQ_REASON_MASK) >> 24;
}

void lzm_ecmdq_write(struct lzm_smmu *s, uint32_t offset, uint32_t value)
{
	uint32_t reg;
	struct lzm_cmdq *q = decode(s, offset, &reg);

	switch (q ? reg : 16) {
	case 0:
	case 4:
		write_base_half(s, q, value, reg == 4);
		break;
	case ECMDQ_PROD:
		write_prod(s, q, value);
		break;
	case ECMDQ_CONS:
		write_cons(s, q, value);
		break;
	default:
		lzm_misuse(s, "write to unknown register 0x%x", offset);
		break;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register file: what each register reads, what a write does and when it is
 * refused, acknowledge registers, global errors and interrupts.
 */
#include "smmu.h"

#include <stdarg.h>
#include <stdio.h>

void lzm_misuse(struct lzm_smmu *s, const char *fmt, ...)
{
	va_list ap;

	s->stats.illegal_driver_use++;
	va_start(ap, fmt);
	vsnprintf(s->stats.last_misuse, sizeof(s->stats.last_misuse), fmt, ap);
	va_end(ap);
}

uint64_t lzm_random(struct lzm_smmu *s)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return s->rng;
}

uint64_t lzm_q_slot(const struct lzm_queue *q, uint32_t index, unsigned entry_log2)
{
	uint32_t log2 = lzm_q_log2(q);
	uint64_t size = BIT(log2 + entry_log2);
	uint64_t base = q->base & SMMU_ADDR_MASK & ~UINT64_C(0x1f) & ~(size - 1);

	return base + ((uint64_t)(index & (BIT(log2) - 1)) << entry_log2);
}

/* ---- global errors (6.3.19) and interrupts (3.18) ---- */

bool lzm_gerror_active(const struct lzm_smmu *s, uint32_t bit)
{
	return ((s->gerror ^ s->gerrorn) & bit) != 0;
}

/* Becomes visible in a step of its own: CONS.ERR, then GERROR, then the
 * interrupt. An error that is active already is not remembered. */
void lzm_gerror_raise(struct lzm_smmu *s, uint32_t bits)
{
	s->gerror_pending |= bits & ~(s->gerror ^ s->gerrorn);
}

static void gerror_activate(struct lzm_smmu *s)
{
	uint32_t bits = s->gerror_pending & ~(s->gerror ^ s->gerrorn);

	s->gerror_pending = 0;
	s->gerror ^= bits;
	if (bits & ~GERROR_MSI_GERROR)
		lzm_irq_raise(s, LZM_IRQ_GERROR);
}

static void write_gerrorn(struct lzm_smmu *s, uint32_t value)
{
	uint32_t active = s->gerror ^ s->gerrorn;
	uint32_t all = GERROR_ALL | (s->n_ecmdq ? GERROR_CMDQP : 0);
	uint32_t toggled = (value ^ s->gerrorn) & all;

	if (toggled & ~active) {
		lzm_misuse(s, "GERRORN toggled for an inactive error (0x%x)", toggled & ~active);
		if (!s->cfg.knobs.gerrorn_activates)
			toggled &= active;
	}
	s->gerrorn ^= toggled;
	if (!(toggled & active & GERROR_CMDQ))
		return;
	/* Entries from RD on may have been rewritten: nothing fetched survives. */
	lzm_cmdq_restart_fetch(&s->cmdq);
	if (s->cfg.knobs.scramble_err)
		s->cmdq.err_code = (uint32_t)lzm_random(s) & (CONS_ERR_MASK >> 24);
}

void lzm_irq_raise(struct lzm_smmu *s, enum lzm_irq line)
{
	static const uint32_t enable[LZM_IRQ_COUNT] = {
		[LZM_IRQ_GERROR] = IRQ_CTRL_GERROR,
		[LZM_IRQ_EVTQ] = IRQ_CTRL_EVENTQ,
		[LZM_IRQ_PRIQ] = IRQ_CTRL_PRIQ,
	};

	if (line == LZM_IRQ_CMD_SYNC || (s->irq_ctrlack & enable[line]))
		s->irq_pending |= 1u << line;
}

bool lzm_msi_write(struct lzm_smmu *s, uint64_t addr, uint32_t data, uint32_t abort_bit)
{
	bool ok = !s->msi_abort && s->bus->mem_write(s->bus->ctx, addr, &data, sizeof(data));

	s->msi_abort = false;
	if (!ok)
		lzm_gerror_raise(s, abort_bit);
	return ok;
}

static void irq_deliver(struct lzm_smmu *s)
{
	const struct lzm_irq_cfg *msi = NULL;
	uint32_t abort_bit = 0;
	unsigned line = 0;

	while (!(s->irq_pending & (1u << line)))
		line++;
	s->irq_pending &= ~(1u << line);
	if (line == LZM_IRQ_GERROR) {
		msi = &s->gerror_irq;
		abort_bit = GERROR_MSI_GERROR;
	} else if (line == LZM_IRQ_EVTQ) {
		msi = &s->evtq_irq;
		abort_bit = GERROR_MSI_EVENTQ;
	} else if (line == LZM_IRQ_PRIQ) {
		msi = &s->priq_irq;
		abort_bit = GERROR_MSI_PRIQ;
	}
	if (msi && msi->addr)
		lzm_msi_write(s, msi->addr, msi->data, abort_bit);
	else if (s->bus->irq)
		s->bus->irq(s->bus->ctx, (enum lzm_irq)line);
}

/* ---- acknowledge registers ---- */

static uint32_t cr0_next_ack(const struct lzm_smmu *s, uint64_t now)
{
	uint32_t ack = s->cr0;

	if ((s->cr0ack & ~s->cr0 & CR0_CMDQEN) && !lzm_cmdq_may_stop(s, &s->cmdq, now))
		ack |= CR0_CMDQEN;
	return ack;
}

static bool cr0_step(struct lzm_smmu *s, uint64_t now)
{
	uint32_t ack;

	if (s->cr0 == s->cr0ack || now < s->cr0_due)
		return false;
	ack = cr0_next_ack(s, now);
	if (ack == s->cr0ack)
		return false;
	if (s->cr0ack & ~ack & CR0_CMDQEN)
		lzm_cmdq_stop(s, &s->cmdq);
	s->cr0ack = ack;
	return true;
}

bool lzm_registers_step(struct lzm_smmu *s, uint64_t now)
{
	if (s->gerror_pending) {
		gerror_activate(s);
		return true;
	}
	if (s->irq_pending) {
		irq_deliver(s);
		return true;
	}
	if (cr0_step(s, now))
		return true;
	if (s->irq_ctrl != s->irq_ctrlack && now >= s->irq_ctrl_due) {
		s->irq_ctrlack = s->irq_ctrl;
		return true;
	}
	if (s->gbpa & GBPA_UPDATE) {
		s->gbpa = s->gbpa_next;
		return true;
	}
	return false;
}

uint64_t lzm_registers_wake(const struct lzm_smmu *s, uint64_t now)
{
	uint64_t wake = LZM_NEVER;

	if (s->gerror_pending || s->irq_pending || (s->gbpa & GBPA_UPDATE))
		return now;
	if (s->cr0 != s->cr0ack) {
		if (now < s->cr0_due)
			wake = s->cr0_due;
		else if (cr0_next_ack(s, now) != s->cr0ack)
			return now;
		else if (s->cmdq.sync_waiting && s->cfg.knobs.sync_never)
			wake = s->cmdq.sync_since + s->cfg.knobs.ats_timeout_ns;
	}
	if (s->irq_ctrl != s->irq_ctrlack && s->irq_ctrl_due < wake)
		wake = s->irq_ctrl_due;
	return wake > now ? wake : now;
}

static void write_cr0(struct lzm_smmu *s, uint32_t value)
{
	uint32_t mask = CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK | CR0_VMW;
	uint32_t unstable = s->cr0 ^ s->cr0ack, again;

	if (s->cfg.pri)
		mask |= CR0_PRIQEN;
	value &= mask;
	again = (value ^ s->cr0) & unstable;
	if (again) {
		lzm_misuse(s, "CR0 bits 0x%x changed again before CR0ACK", again);
		value ^= again;
	}
	if (value == s->cr0)
		return;
	s->cr0 = value;
	s->cr0_due = lzm_now(s) + s->cfg.knobs.ack_delay_ns;
}

/* ---- guarded registers: bit and ACK must be 0 ---- */

static bool writable(struct lzm_smmu *s, uint64_t cr0_bits, const char *name)
{
	if (!((s->cr0 | s->cr0ack) & cr0_bits))
		return true;
	lzm_misuse(s, "%s written while CR0/CR0ACK is 0x%x/0x%x", name, s->cr0, s->cr0ack);
	return false;
}

static bool irq_cfg_writable(struct lzm_smmu *s, uint64_t bit, const char *name)
{
	if (!((s->irq_ctrl | s->irq_ctrlack) & bit))
		return true;
	lzm_misuse(s, "%s written while the interrupt is enabled", name);
	return false;
}

void lzm_write_base(struct lzm_smmu *s, struct lzm_queue *q, uint64_t value, unsigned max_log2)
{
	value &= SMMU_ADDR_MASK | BIT(62);
	if ((value & 0x1f) > max_log2) {
		lzm_misuse(s, "queue of 2^%u entries, 2^%u is the most", (unsigned)(value & 0x1f),
			   max_log2);
		value = (value & ~UINT64_C(0x1f)) | max_log2;
	}
	q->base = value;
}

/* CR1.QUEUE_* is every queue's (6.3.11). */
static bool lanes_enabled(struct lzm_smmu *s)
{
	unsigned i, n = lzm_lanes(s);

	for (i = 1; i < n; i++)
		if (lzm_lane(s, i)->en || lzm_lane(s, i)->enack) {
			lzm_misuse(s, "CR1.QUEUE_* written while a queue is enabled");
			return true;
		}
	return false;
}

static void write_cr1(struct lzm_smmu *s, uint32_t value)
{
	uint32_t changed = (value ^ s->cr1) & (CR1_QUEUE | CR1_TABLE);

	if ((changed & CR1_QUEUE) &&
	    (lanes_enabled(s) ||
	     !writable(s, CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN, "CR1.QUEUE_*")))
		changed &= ~CR1_QUEUE;
	if ((changed & CR1_TABLE) && !writable(s, CR0_SMMUEN, "CR1.TABLE_*"))
		changed &= ~CR1_TABLE;
	s->cr1 ^= changed;
}

static void write_gbpa(struct lzm_smmu *s, uint32_t value)
{
	if (!(value & GBPA_UPDATE) || (s->gbpa & GBPA_UPDATE)) {
		lzm_misuse(s, "GBPA written %s",
			   value & GBPA_UPDATE ? "while Update is 1" : "without Update");
		return;
	}
	s->gbpa_next = value & GBPA_MASK;
	s->gbpa |= GBPA_UPDATE;
}

static void write_cmdq_cons(struct lzm_smmu *s, uint32_t value)
{
	if (!writable(s, CR0_CMDQEN, "CMDQ_CONS"))
		return;
	s->cmdq.rd = value & Q_INDEX_MASK & lzm_q_wrap_mask(lzm_q_log2(&s->cmdq.q));
	s->cmdq.q.cons = s->cmdq.rd;
	s->cmdq.err_code = (value & CONS_ERR_MASK) >> 24;
}

static void write_out_cons(struct lzm_smmu *s, struct lzm_queue *q, uint64_t enable, uint32_t value,
			   const char *name)
{
	uint32_t log2 = lzm_q_log2(q), old = lzm_q_used(q->prod, q->cons, log2);

	if (lzm_enabled(s, enable) && lzm_q_used(q->prod, value, log2) > old)
		lzm_misuse(s, "%s moved beyond PROD or backwards", name);
	q->cons = value & (Q_INDEX_MASK | (uint32_t)Q_OVERFLOW);
}

/* ---- reads ---- */

static uint32_t read_id(const struct lzm_smmu *s, uint32_t offset)
{
	const struct lzm_smmu_config *c = &s->cfg;
	uint64_t v = 0;

	switch (offset) {
	case R_IDR0:
		v = IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_ASID16 | IDR0_TTENDIAN_LE | IDR0_STALL_NONE |
		    IDR0_TERM_ABORT;
		v |= c->stage2 ? IDR0_S2P | IDR0_VMID16 : 0;
		v |= c->cohacc ? IDR0_COHACC : 0;
		v |= c->ats ? IDR0_ATS | IDR0_ATSRECERR : 0;
		v |= c->ats && !c->stage2 ? IDR0_NS1ATS : 0;
		v |= c->msi ? IDR0_MSI : 0;
		v |= c->pri ? IDR0_PRI : 0;
		v |= c->ssid_bits ? IDR0_CD2L : 0;
		v |= c->two_level ? IDR0_ST_TWO_LEVEL : 0;
		break;
	case R_IDR1:
		v = (s->n_ecmdq ? IDR1_ECMDQ : 0) | c->sid_bits | c->ssid_bits << 6 |
		    (c->pri ? c->priq_log2 << 11 : 0) | c->evtq_log2 << 16 | c->cmdq_log2 << 21;
		break;
	case R_IDR3:
		v = c->range_inv ? IDR3_RIL : 0;
		break;
	case R_IDR5:
		v = c->oas | IDR5_GRAN4K;
		break;
	case R_AIDR:
		v = s->n_ecmdq ? 3 : 2; /* v3.2; ECMDQs came with v3.3 */
		break;
	default:
		v = lzm_ecmdq_id(s, offset);
		break;
	}
	return (uint32_t)v;
}

/* 64-bit registers; false: `offset` is none. */
static bool reg64(struct lzm_smmu *s, uint32_t offset, uint64_t **reg)
{
	switch (offset & ~7u) {
	case R_GERROR_IRQ_CFG0:
		*reg = &s->gerror_irq.addr;
		return true;
	case R_STRTAB_BASE:
		*reg = &s->strtab_base;
		return true;
	case R_CMDQ_BASE:
		*reg = &s->cmdq.q.base;
		return true;
	case R_EVENTQ_BASE:
		*reg = &s->evtq.base;
		return true;
	case R_EVENTQ_IRQ_CFG0:
		*reg = &s->evtq_irq.addr;
		return true;
	case R_PRIQ_BASE:
		*reg = &s->priq.base;
		return true;
	case R_PRIQ_IRQ_CFG0:
		*reg = &s->priq_irq.addr;
		return true;
	default:
		return false;
	}
}

static uint32_t read32(struct lzm_smmu *s, uint32_t offset)
{
	uint64_t *reg;

	if (lzm_ecmdq_register(s, offset))
		return lzm_ecmdq_read(s, offset);
	if (reg64(s, offset, &reg))
		return (uint32_t)(*reg >> (offset & 4 ? 32 : 0));
	switch (offset) {
	case R_CR0:
		return s->cr0;
	case R_CR0ACK:
		return s->cr0ack;
	case R_CR1:
		return s->cr1;
	case R_CR2:
		return s->cr2;
	case R_GBPA:
		return s->gbpa;
	case R_AGBPA:
		return s->agbpa;
	case R_IRQ_CTRL:
		return s->irq_ctrl;
	case R_IRQ_CTRLACK:
		return s->irq_ctrlack;
	case R_GERROR:
		return s->gerror;
	case R_GERRORN:
		return s->gerrorn;
	case R_GERROR_IRQ_CFG0 + 8:
		return s->gerror_irq.data;
	case R_GERROR_IRQ_CFG0 + 12:
		return s->gerror_irq.attr;
	case R_STRTAB_BASE_CFG:
		return s->strtab_cfg;
	case R_CMDQ_PROD:
		return s->cmdq.q.prod;
	case R_CMDQ_CONS:
		return CONS_ERR(s->cmdq.err_code) | s->cmdq.q.cons;
	case R_EVENTQ_IRQ_CFG0 + 8:
		return s->evtq_irq.data;
	case R_EVENTQ_IRQ_CFG0 + 12:
		return s->evtq_irq.attr;
	case R_PRIQ_IRQ_CFG0 + 8:
		return s->priq_irq.data;
	case R_PRIQ_IRQ_CFG0 + 12:
		return s->priq_irq.attr;
	case R_EVENTQ_PROD:
		return s->evtq.prod;
	case R_EVENTQ_CONS:
		return s->evtq.cons;
	case R_PRIQ_PROD:
		return s->priq.prod;
	case R_PRIQ_CONS:
		return s->priq.cons;
	default:
		return read_id(s, offset);
	}
}

/* Anything else is unpredictable: reads as zero, writes are ignored. */
static bool possible(struct lzm_smmu *s, uint32_t offset, unsigned size)
{
	if ((size == 4 || size == 8) && offset % size == 0 && offset < lzm_smmu_mmio_size(s))
		return true;
	lzm_misuse(s, "access of %u bytes at 0x%x", size, offset);
	return false;
}

uint64_t lzm_smmu_read(struct lzm_smmu *s, uint32_t offset, unsigned size)
{
	if (!possible(s, offset, size))
		return 0;
	if (size == 8)
		return read32(s, offset) | (uint64_t)read32(s, offset + 4) << 32;
	return read32(s, offset);
}

/* ---- writes ---- */

static void write64(struct lzm_smmu *s, uint32_t offset, uint64_t value)
{
	switch (offset) {
	case R_GERROR_IRQ_CFG0:
		if (irq_cfg_writable(s, IRQ_CTRL_GERROR, "GERROR_IRQ_CFG0"))
			s->gerror_irq.addr = s->cfg.msi ? value & SMMU_ADDR_MASK & ~3ull : 0;
		break;
	case R_EVENTQ_IRQ_CFG0:
		if (irq_cfg_writable(s, IRQ_CTRL_EVENTQ, "EVENTQ_IRQ_CFG0"))
			s->evtq_irq.addr = s->cfg.msi ? value & SMMU_ADDR_MASK & ~3ull : 0;
		break;
	case R_PRIQ_IRQ_CFG0:
		if (irq_cfg_writable(s, IRQ_CTRL_PRIQ, "PRIQ_IRQ_CFG0"))
			s->priq_irq.addr = s->cfg.msi ? value & SMMU_ADDR_MASK & ~3ull : 0;
		break;
	case R_STRTAB_BASE:
		if (writable(s, CR0_SMMUEN, "STRTAB_BASE"))
			s->strtab_base = value & (BIT(62) | (SMMU_ADDR_MASK & ~0x3full));
		break;
	case R_CMDQ_BASE:
		if (writable(s, CR0_CMDQEN, "CMDQ_BASE"))
			lzm_write_base(s, &s->cmdq.q, value, s->cfg.cmdq_log2);
		break;
	case R_EVENTQ_BASE:
		if (writable(s, CR0_EVENTQEN, "EVENTQ_BASE"))
			lzm_write_base(s, &s->evtq, value, s->cfg.evtq_log2);
		break;
	case R_PRIQ_BASE:
		if (writable(s, CR0_PRIQEN, "PRIQ_BASE"))
			lzm_write_base(s, &s->priq, value, s->cfg.priq_log2);
		break;
	default:
		break;
	}
}

static void write_irq_cfg(struct lzm_smmu *s, struct lzm_irq_cfg *c, uint32_t which, uint64_t bit,
			  uint32_t value)
{
	if (!irq_cfg_writable(s, bit, "*_IRQ_CFG1/2"))
		return;
	if (which == 8)
		c->data = value;
	else
		c->attr = value;
}

static void write32(struct lzm_smmu *s, uint32_t offset, uint32_t value)
{
	if (lzm_ecmdq_register(s, offset)) {
		lzm_ecmdq_write(s, offset, value);
		return;
	}
	switch (offset) {
	case R_CR0:
		write_cr0(s, value);
		break;
	case R_CR1:
		write_cr1(s, value);
		break;
	case R_CR2:
		if (writable(s, CR0_SMMUEN, "CR2"))
			s->cr2 = value & CR2_MASK & (s->cfg.ats ? ~0u : (uint32_t)~CR2_REC_CFG_ATS);
		break;
	case R_GBPA:
		write_gbpa(s, value);
		break;
	case R_AGBPA:
		s->agbpa = value;
		break;
	case R_IRQ_CTRL:
		s->irq_ctrl = value & (IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ |
				       (s->cfg.pri ? IRQ_CTRL_PRIQ : 0));
		s->irq_ctrl_due = lzm_now(s) + s->cfg.knobs.ack_delay_ns;
		break;
	case R_GERRORN:
		write_gerrorn(s, value);
		break;
	case R_GERROR_IRQ_CFG0 + 8:
	case R_GERROR_IRQ_CFG0 + 12:
		write_irq_cfg(s, &s->gerror_irq, offset - R_GERROR_IRQ_CFG0, IRQ_CTRL_GERROR,
			      value);
		break;
	case R_EVENTQ_IRQ_CFG0 + 8:
	case R_EVENTQ_IRQ_CFG0 + 12:
		write_irq_cfg(s, &s->evtq_irq, offset - R_EVENTQ_IRQ_CFG0, IRQ_CTRL_EVENTQ, value);
		break;
	case R_PRIQ_IRQ_CFG0 + 8:
	case R_PRIQ_IRQ_CFG0 + 12:
		write_irq_cfg(s, &s->priq_irq, offset - R_PRIQ_IRQ_CFG0, IRQ_CTRL_PRIQ, value);
		break;
	case R_STRTAB_BASE_CFG:
		if (writable(s, CR0_SMMUEN, "STRTAB_BASE_CFG"))
			s->strtab_cfg = value & 0x307ff;
		break;
	case R_CMDQ_PROD:
		lzm_cmdq_write_prod(s, &s->cmdq, value);
		break;
	case R_CMDQ_CONS:
		write_cmdq_cons(s, value);
		break;
	case R_EVENTQ_PROD:
		if (writable(s, CR0_EVENTQEN, "EVENTQ_PROD"))
			s->evtq.prod = value & (Q_INDEX_MASK | (uint32_t)Q_OVERFLOW);
		break;
	case R_EVENTQ_CONS:
		write_out_cons(s, &s->evtq, CR0_EVENTQEN, value, "EVENTQ_CONS");
		break;
	case R_PRIQ_PROD:
		if (writable(s, CR0_PRIQEN, "PRIQ_PROD"))
			s->priq.prod = value & (Q_INDEX_MASK | (uint32_t)Q_OVERFLOW);
		break;
	case R_PRIQ_CONS:
		write_out_cons(s, &s->priq, CR0_PRIQEN, value, "PRIQ_CONS");
		break;
	default:
		lzm_misuse(s, "write to read-only or unknown register 0x%x", offset);
		break;
	}
}

void lzm_smmu_write(struct lzm_smmu *s, uint32_t offset, unsigned size, uint64_t value)
{
	uint64_t *reg;

	if (!possible(s, offset, size))
		return;
	if (!reg64(s, offset, &reg)) {
		write32(s, offset, (uint32_t)value);
		if (size == 8)
			write32(s, offset + 4, (uint32_t)(value >> 32));
		return;
	}
	if (size == 4 && (offset & 4))
		value = (*reg & UINT32_MAX) | value << 32;
	else if (size == 4)
		value = (*reg & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX);
	write64(s, offset & ~7u, value);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register file: what each register reads, what a write does and when its result
 * is unspecified, busy bits, interrupts.
 */
#include "riscv/riscv.h"

#include <stdarg.h>
#include <stdio.h>

void lzm_rv_misuse(struct lzm_riscv *s, const char *fmt, ...)
{
	va_list ap;

	s->stats.illegal_driver_use++;
	va_start(ap, fmt);
	vsnprintf(s->stats.last_misuse, sizeof(s->stats.last_misuse), fmt, ap);
	va_end(ap);
}

uint64_t lzm_rv_random(struct lzm_riscv *s)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return s->rng;
}

/* ---- interrupts: pending until ipsr is written ---- */

static unsigned vector(const struct lzm_riscv *s, unsigned which)
{
	return (unsigned)(s->icvec >> (4 * which)) & (MSI_VECTORS - 1);
}

static enum lzm_irq wire(unsigned which)
{
	static const enum lzm_irq line[IP_COUNT] = {[IP_CMD] = LZM_IRQ_GERROR,
						    [IP_FAULT] = LZM_IRQ_EVTQ,
						    [IP_PM] = LZM_IRQ_CMD_SYNC,
						    [IP_PAGE] = LZM_IRQ_PRIQ};

	return line[which];
}

void lzm_rv_interrupt(struct lzm_riscv *s, unsigned which)
{
	if (s->ipsr & 1u << which)
		return;
	s->ipsr |= 1u << which;
	s->msi_pending |= 1u << which;
}

static bool masked(const struct lzm_riscv *s, unsigned which)
{
	return !(s->fctl & FCTL_WSI) && (s->msi[vector(s, which)].control & 1);
}

static bool deliver(struct lzm_riscv *s)
{
	for (unsigned i = 0; i < IP_COUNT; i++) {
		unsigned v = vector(s, i);

		if (!(s->msi_pending & 1u << i) || masked(s, i))
			continue;
		s->msi_pending &= ~(1u << i);
		if (s->fctl & FCTL_WSI) {
			if (s->bus->irq)
				s->bus->irq(s->bus->ctx, wire(i));
		} else if (!s->bus->mem_write(s->bus->ctx, s->msi[v].addr, &s->msi[v].data, 4)) {
			struct lzm_rv_access a = {.ttyp = 0};
			struct lzm_rv_fault f = {.cause = CAUSE_MSI_WRITE,
						 .iotval = s->msi[v].addr};

			lzm_rv_fault(s, &a, NULL, &f);
		}
		return true;
	}
	return false;
}

/* ---- busy ---- */

static bool queue_step(struct lzm_riscv *s, struct lzm_rv_queue *q, uint64_t now)
{
	bool on = (q->csr & QCSR_ON) != 0, en = (q->csr & QCSR_EN) != 0;

	if (!(q->csr & QCSR_BUSY) || now < q->due)
		return false;
	q->csr &= ~(uint32_t)QCSR_BUSY;
	if (on == en)
		return true;
	q->csr ^= (uint32_t)QCSR_ON;
	if (q == &s->cq)
		(en ? lzm_rv_cmdq_on : lzm_rv_cmdq_off)(s);
	else if (en)
		q->csr &= ~(uint32_t)QCSR_W1C;
	if (en && q != &s->cq)
		q->tail = 0;
	return true;
}

bool lzm_rv_registers_step(struct lzm_riscv *s, uint64_t now)
{
	if (deliver(s))
		return true;
	if (queue_step(s, &s->cq, now) || queue_step(s, &s->fq, now) || queue_step(s, &s->pq, now))
		return true;
	if ((s->ddtp & DDTP_BUSY) && now >= s->ddtp_due) {
		s->ddtp = s->ddtp_next;
		return true;
	}
	return false;
}

uint64_t lzm_rv_registers_wake(const struct lzm_riscv *s, uint64_t now)
{
	const struct lzm_rv_queue *q[3] = {&s->cq, &s->fq, &s->pq};
	uint64_t wake = LZM_NEVER;

	for (unsigned i = 0; i < IP_COUNT; i++)
		if ((s->msi_pending & 1u << i) && !masked(s, i))
			return now;
	for (unsigned i = 0; i < 3; i++)
		if ((q[i]->csr & QCSR_BUSY) && q[i]->due < wake)
			wake = q[i]->due;
	if ((s->ddtp & DDTP_BUSY) && s->ddtp_due < wake)
		wake = s->ddtp_due;
	return wake > now ? wake : now;
}

/* ---- reads ---- */

static uint64_t capabilities(const struct lzm_riscv *s)
{
	const struct lzm_riscv_config *c = &s->cfg;
	uint64_t v = CAP_VERSION | CAP_SV39 | CAP_PD8 | CAP_PD17 | CAP_PAS(c->pas);

	v |= (c->sv48 ? CAP_SV48 : 0) | (c->sv57 ? CAP_SV57 : 0) | (c->pd20 ? CAP_PD20 : 0);
	if (c->stage2)
		v |= CAP_SV39X4 | (c->sv48 ? CAP_SV48X4 : 0) | (c->sv57 ? CAP_SV57X4 : 0);
	v |= (c->ats ? CAP_ATS : 0) | (c->msi_flat ? CAP_MSI_FLAT : 0);
	return v | (c->wired ? CAP_IGS_BOTH : CAP_IGS_MSI);
}

static uint64_t read64(struct lzm_riscv *s, uint32_t offset)
{
	if (offset >= R_MSI_CFG && offset < R_MSI_CFG + 16 * MSI_VECTORS) {
		unsigned i = (offset - R_MSI_CFG) / 16;

		return offset & 8 ? s->msi[i].data | (uint64_t)s->msi[i].control << 32
				  : s->msi[i].addr;
	}
	switch (offset) {
	case R_CAPABILITIES:
		return capabilities(s);
	case R_FCTL:
		return s->fctl;
	case R_DDTP:
		return s->ddtp;
	case R_CQB:
		return s->cq.base;
	case R_CQH:
		return s->cq.head | (uint64_t)s->cq.tail << 32;
	case R_FQB:
		return s->fq.base;
	case R_FQH:
		return s->fq.head | (uint64_t)s->fq.tail << 32;
	case R_PQB:
		return s->pq.base;
	case R_PQH:
		return s->pq.head | (uint64_t)s->pq.tail << 32;
	case R_CQCSR:
		return s->cq.csr | (uint64_t)s->fq.csr << 32;
	case R_PQCSR:
		return s->pq.csr | (uint64_t)s->ipsr << 32;
	case R_ICVEC:
		return s->icvec;
	default:
		return 0;
	}
}

uint64_t lzm_riscv_read(struct lzm_riscv *s, uint32_t offset, unsigned size)
{
	uint64_t v = read64(s, offset & ~7u);

	return size == 8 ? v : (uint32_t)(v >> (offset & 4 ? 32 : 0));
}

/* ---- writes ---- */

static void write_csr(struct lzm_riscv *s, struct lzm_rv_queue *q, uint32_t w1c, uint32_t value)
{
	const uint32_t rw = (uint32_t)(QCSR_EN | QCSR_IE);

	if (q->csr & QCSR_BUSY) {
		lzm_rv_misuse(s, "queue csr written while busy");
		return;
	}
	q->csr = (q->csr & ~rw & ~(value & w1c)) | (value & rw);
	if (!(q->csr & QCSR_EN) == !(q->csr & QCSR_ON) && !s->cfg.knobs.busy_ns)
		return;
	q->csr |= (uint32_t)QCSR_BUSY;
	q->due = lzm_rv_now(s) + s->cfg.knobs.busy_ns;
}

static void write_base(struct lzm_riscv *s, struct lzm_rv_queue *q, uint64_t value)
{
	if (q->csr & (QCSR_ON | QCSR_BUSY)) {
		lzm_rv_misuse(s, "queue base written while the queue is on");
		return;
	}
	q->base = value & (DDTP_PPN_MASK | 31);
	q->head &= QB_MASK(q->base);
	q->tail &= QB_MASK(q->base);
}

static void write_ddtp(struct lzm_riscv *s, uint64_t value)
{
	unsigned from = DDTP_MODE(s->ddtp), to = DDTP_MODE(value);

	if (s->ddtp & DDTP_BUSY) {
		lzm_rv_misuse(s, "ddtp written while busy");
		return;
	}
	if (to > DDTP_3LVL)
		return;
	if (from > DDTP_BARE && to > DDTP_BARE && from != to)
		lzm_rv_misuse(s, "ddtp changed from %u to %u levels directly", from - 1, to - 1);
	s->ddtp_next = value & (15 | DDTP_PPN_MASK);
	s->ddtp |= DDTP_BUSY;
	s->ddtp_due = lzm_rv_now(s) + s->cfg.knobs.busy_ns;
}

static void write_fctl(struct lzm_riscv *s, uint32_t value)
{
	if (DDTP_MODE(s->ddtp) != DDTP_OFF || ((s->cq.csr | s->fq.csr | s->pq.csr) & QCSR_ON)) {
		lzm_rv_misuse(s, "fctl written while the IOMMU is on");
		return;
	}
	s->fctl = s->cfg.wired ? value & (uint32_t)FCTL_WSI : 0;
}

/* A cause that is still there interrupts again. */
static void write_ipsr(struct lzm_riscv *s, uint32_t value)
{
	s->ipsr &= ~value;
	if ((s->cq.csr & QCSR_IE) && (s->cq.csr & CQCSR_W1C))
		lzm_rv_interrupt(s, IP_CMD);
	if ((s->fq.csr & QCSR_IE) && (s->fq.csr & QCSR_W1C))
		lzm_rv_interrupt(s, IP_FAULT);
	if ((s->pq.csr & QCSR_IE) && (s->pq.csr & QCSR_W1C))
		lzm_rv_interrupt(s, IP_PAGE);
}

static void write_tail(struct lzm_riscv *s, uint32_t value)
{
	uint32_t mask = QB_MASK(s->cq.base), room = (s->cq.tail - s->rd) & mask;

	if ((s->cq.csr & QCSR_ON) && ((value - s->rd) & mask) < room && !(s->cq.csr & CQCSR_STOP))
		lzm_rv_misuse(s, "cqt moved back to 0x%x", value);
	s->cq.tail = value & mask;
}

static void write_msi(struct lzm_riscv *s, uint32_t offset, uint32_t value)
{
	unsigned i = (offset - R_MSI_CFG) / 16;

	switch (offset & 12) {
	case 0:
		s->msi[i].addr = (s->msi[i].addr & ~(uint64_t)UINT32_MAX) | (value & ~3u);
		break;
	case 4:
		s->msi[i].addr = (s->msi[i].addr & UINT32_MAX) | (uint64_t)(value & 0x00ffffffu)
									 << 32;
		break;
	case 8:
		s->msi[i].data = value;
		break;
	default:
		s->msi[i].control = value & 1;
		break;
	}
}

static void write32(struct lzm_riscv *s, uint32_t offset, uint32_t value)
{
	if (offset >= R_MSI_CFG && offset < R_MSI_CFG + 16 * MSI_VECTORS) {
		write_msi(s, offset, value);
		return;
	}
	switch (offset) {
	case R_FCTL:
		write_fctl(s, value);
		break;
	case R_CQT:
		write_tail(s, value);
		break;
	case R_FQH:
		s->fq.head = value & QB_MASK(s->fq.base);
		break;
	case R_PQH:
		s->pq.head = value & QB_MASK(s->pq.base);
		break;
	case R_CQCSR:
		write_csr(s, &s->cq, (uint32_t)CQCSR_W1C, value);
		break;
	case R_FQCSR:
		write_csr(s, &s->fq, (uint32_t)QCSR_W1C, value);
		break;
	case R_PQCSR:
		write_csr(s, &s->pq, (uint32_t)QCSR_W1C, value);
		break;
	case R_IPSR:
		write_ipsr(s, value);
		break;
	case R_ICVEC:
		s->icvec = value & 0xffff;
		break;
	case R_ICVEC + 4:
		break;
	default:
		lzm_rv_misuse(s, "write to read-only or unknown register 0x%x", offset);
		break;
	}
}

void lzm_riscv_write(struct lzm_riscv *s, uint32_t offset, unsigned size, uint64_t value)
{
	uint32_t at = offset & ~7u;

	if (at == R_DDTP || at == R_CQB || at == R_FQB || at == R_PQB) {
		uint64_t old = at == R_DDTP ? s->ddtp : read64(s, at);

		/* Half a register: the specification wants both, lower half first. */
		if (size == 4)
			value = offset & 4 ? (old & UINT32_MAX) | value << 32
					   : (old & ~(uint64_t)UINT32_MAX) | (uint32_t)value;
		if (at == R_DDTP)
			write_ddtp(s, value);
		else
			write_base(s, at == R_CQB ? &s->cq : at == R_FQB ? &s->fq : &s->pq, value);
		return;
	}
	write32(s, offset, (uint32_t)value);
	if (size == 8)
		write32(s, offset + 4, (uint32_t)(value >> 32));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command queue: fetched in order, carried out in any order between fences (knob
 * lazy), stopped by cmd_to, cmd_ill and cqmf, resumed when the bit is cleared
 * (chapter 4, 6.15).
 */
#include "riscv/riscv.h"

#include <string.h>

static uint32_t mask(const struct lzm_riscv *s)
{
	return QB_MASK(s->cq.base);
}

static void publish(struct lzm_riscv *s)
{
	s->cq.head = s->rd;
	s->unpublished = 0;
}

void lzm_rv_cmdq_on(struct lzm_riscv *s)
{
	s->rd = 0;
	publish(s);
	s->fence_waits = false;
	s->n_lazy = 0;
	s->cq.csr &= ~(uint32_t)CQCSR_W1C;
}

/* What was fetched is dropped, what is out stays out. */
void lzm_rv_cmdq_off(struct lzm_riscv *s)
{
	s->fence_waits = false;
	s->n_lazy = 0;
	publish(s);
	if (s->cfg.knobs.stop_forgets)
		lzm_rv_inv_forget_all(s);
}

static bool stop(struct lzm_riscv *s, uint64_t bit)
{
	publish(s);
	s->fence_waits = false;
	s->cq.csr |= (uint32_t)bit;
	s->stats.cmd_errors++;
	if (s->cq.csr & QCSR_IE)
		lzm_rv_interrupt(s, IP_CMD);
	return true;
}

static void consume(struct lzm_riscv *s)
{
	s->rd = (s->rd + 1) & mask(s);
	s->stats.commands++;
	if (++s->unpublished >= s->cfg.knobs.cqh_batch)
		publish(s);
}

/* One of those that were taken ahead of their execution. */
static void carry_out(struct lzm_riscv *s)
{
	unsigned i = (unsigned)(lzm_rv_random(s) % s->n_lazy);
	uint64_t cmd[2];

	memcpy(cmd, s->lazy[i], sizeof(cmd));
	memcpy(s->lazy[i], s->lazy[--s->n_lazy], sizeof(cmd));
	lzm_rv_command(s, cmd);
}

static bool signal_fence(struct lzm_riscv *s, const uint64_t cmd[2])
{
	uint32_t data = (uint32_t)(cmd[0] >> 32);

	if ((cmd[0] & FENCE_AV) && !s->bus->mem_write(s->bus->ctx, cmd[1] << 2, &data, 4))
		return stop(s, QCSR_MF);
	if (cmd[0] & FENCE_WSI) {
		s->cq.csr |= (uint32_t)CQCSR_FENCE;
		if (s->cq.csr & QCSR_IE)
			lzm_rv_interrupt(s, IP_CMD);
	}
	s->fence_waits = false;
	s->stats.fences++;
	consume(s);
	return true;
}

static bool fence(struct lzm_riscv *s, const uint64_t cmd[2], uint64_t now)
{
	bool first = !s->fence_waits;

	if (s->n_lazy) {
		carry_out(s);
		return true;
	}
	s->fence_waits = true;
	switch (lzm_rv_fence_try(s, now, first)) {
	case FENCE_FAILS:
		return stop(s, CQCSR_TO);
	case FENCE_WAITS:
		if (first)
			memcpy(s->fence, cmd, sizeof(s->fence));
		if (s->unpublished)
			publish(s);
		return first;
	case FENCE_DONE:
		break;
	}
	return signal_fence(s, cmd);
}

static bool stopped(const struct lzm_riscv *s)
{
	return !(s->cq.csr & QCSR_ON) || !(s->cq.csr & QCSR_EN) || (s->cq.csr & CQCSR_STOP);
}

bool lzm_rv_cmdq_step(struct lzm_riscv *s, uint64_t now)
{
	uint64_t cmd[2];

	if (stopped(s) || now < s->stalled_until)
		return false;
	if (s->rd == s->cq.tail) {
		if (s->n_lazy) {
			carry_out(s);
			return true;
		}
		if (!s->unpublished)
			return false;
		publish(s);
		return true;
	}
	if (s->fence_waits)
		return fence(s, s->fence, now);
	if (s->cmdq_fault || !lzm_rv_read(s, QB_ADDR(s->cq.base) + (uint64_t)s->rd * 16, cmd, 16)) {
		s->cmdq_fault = false;
		return stop(s, QCSR_MF);
	}
	if (!lzm_rv_command_legal(s, cmd))
		return stop(s, CQCSR_ILL);
	if (CMD_OP(cmd[0]) == OP_IOFENCE)
		return fence(s, cmd, now);
	if (s->cfg.knobs.lazy && s->n_lazy < RV_LAZY)
		memcpy(s->lazy[s->n_lazy++], cmd, sizeof(cmd));
	else
		lzm_rv_command(s, cmd);
	consume(s);
	return true;
}

uint64_t lzm_rv_cmdq_wake(const struct lzm_riscv *s, uint64_t now)
{
	bool work = s->rd != s->cq.tail;

	if (stopped(s) || (!work && !s->n_lazy && !s->unpublished))
		return LZM_NEVER;
	if (now < s->stalled_until)
		return s->stalled_until;
	return work && s->fence_waits && !s->n_lazy ? lzm_rv_fence_wake(s, now) : now;
}

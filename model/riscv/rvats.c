/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidate Requests on their way, and what a fence behind them finds: a timeout
 * is silent until then, and nothing names the device (4.3). What the fence does when
 * it is executed again after cmd_to was cleared is knob `resync`: the specification's
 * reference model forgets the timeout at the moment it is reported, so the repeated
 * fence succeeds (H67).
 */
#include "riscv/riscv.h"

#include "memory.h"

static void *grow(void *p, size_t len, size_t *cap, size_t size)
{
	if (len < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	return lzm_longer(p, len * size, *cap * size);
}

static void settle(struct lzm_riscv *s, struct lzm_rv_inv *r)
{
	if (r->state == INV_SETTLED)
		return;
	if (r->state == INV_TIMED_OUT)
		s->timed_out--;
	r->state = INV_SETTLED;
	s->unsettled--;
}

static void compact(struct lzm_riscv *s)
{
	size_t n = 0;

	if (s->unsettled && s->n_inv < 2 * s->unsettled + 64)
		return;
	for (size_t i = 0; s->unsettled && i < s->n_inv; i++)
		if (s->inv[i].state != INV_SETTLED)
			s->inv[n++] = s->inv[i];
	s->n_inv = n;
}

void lzm_rv_inv_forget_all(struct lzm_riscv *s)
{
	s->n_inv = 0;
	s->unsettled = 0;
	s->timed_out = 0;
}

/* The range coding is PCIe's: the lowest zero bit from bit 12 on is the size. */
static void span(uint64_t payload, struct lzm_atc_inv *inv)
{
	unsigned n = 12;

	inv->addr = payload & ~UINT64_C(0xfff);
	inv->size = 4096;
	if (!(payload & ATS_S))
		return;
	while (n < 63 && (payload & BIT(n)))
		n++;
	if (n >= 63) {
		inv->addr = 0;
		inv->size = 0;
		return;
	}
	inv->size = BIT(n + 1);
	inv->addr = payload & ~(inv->size - 1);
}

void lzm_rv_inv_issue(struct lzm_riscv *s, const uint64_t cmd[2])
{
	uint32_t segment = cmd[0] & ATS_DSV ? ATS_DSEG(cmd[0]) : 0;
	struct lzm_atc_inv inv = {
		.sid = ATS_RID(cmd[0]) | segment << 16,
		.ssv = (cmd[0] & ATS_PV) != 0,
	};

	if (inv.ssv) {
		inv.ssid = ATS_PID(cmd[0]);
		inv.global = (cmd[1] & ATS_G) != 0;
	}
	span(cmd[1], &inv);
	s->stats.ats_invals++;
	compact(s);
	s->inv = grow(s->inv, s->n_inv, &s->cap_inv, sizeof(*s->inv));
	s->inv[s->n_inv++] =
		(struct lzm_rv_inv){.tag = s->next_tag, .issued = lzm_rv_now(s), .did = inv.sid};
	s->unsettled++;
	if (s->bus->atc_inv)
		s->bus->atc_inv(s->bus->ctx, s->next_tag, &inv);
	s->next_tag++;
}

/* ---- answers ---- */

/* With EN_ATS = 0 a completion message is not supported: the request goes on
 * waiting and times out, innocent or not (H70). */
static bool listens(struct lzm_riscv *s, uint32_t did)
{
	struct lzm_rv_dc spare;
	struct lzm_rv_fault f;
	const struct lzm_rv_dc *dc = lzm_rv_dc_find(s, did, RV_PEEK, &spare, &f);

	return dc && (dc->tc & TC_EN_ATS);
}

static void take(struct lzm_riscv *s, uint64_t tag)
{
	for (size_t i = 0; i < s->n_inv; i++)
		if (s->inv[i].tag == tag && s->inv[i].state == INV_WAIT &&
		    listens(s, s->inv[i].did))
			settle(s, &s->inv[i]);
}

void lzm_riscv_atc_answer(struct lzm_riscv *s, uint64_t tag, enum lzm_atc_answer answer)
{
	(void)answer;
	if (!s->cfg.knobs.ats_out_of_order) {
		take(s, tag);
		return;
	}
	s->answers = grow(s->answers, s->n_answers, &s->cap_answers, sizeof(*s->answers));
	s->answers[s->n_answers++] = tag;
}

bool lzm_rv_answers_step(struct lzm_riscv *s)
{
	size_t i;

	if (!s->n_answers)
		return false;
	i = lzm_rv_choose(s, LZM_CHOOSE_ANSWER, (unsigned)s->n_answers);
	take(s, s->answers[i]);
	s->answers[i] = s->answers[--s->n_answers];
	return true;
}

/* What waits is given up at its own time; "until reset" ends here. */
void lzm_riscv_device_reset(struct lzm_riscv *s, uint32_t did)
{
	for (size_t i = 0; i < s->n_inv; i++)
		if (s->inv[i].did == did)
			settle(s, &s->inv[i]);
}

/* ---- the fence ---- */

static void give_up(struct lzm_riscv *s, struct lzm_rv_inv *r)
{
	r->state = INV_TIMED_OUT;
	r->fails_left = s->cfg.knobs.resync_fails;
	s->timed_out++;
	s->stats.ats_timeouts++;
}

static bool expired(const struct lzm_riscv *s, const struct lzm_rv_inv *r, uint64_t now)
{
	return r->state == INV_WAIT && now - r->issued >= s->cfg.knobs.ats_timeout_ns;
}

/* Whether those that were reported make the fence time out once more. */
static bool again(struct lzm_riscv *s)
{
	bool fails = false;

	for (size_t i = 0; s->timed_out && i < s->n_inv; i++) {
		struct lzm_rv_inv *r = &s->inv[i];

		if (r->state != INV_TIMED_OUT)
			continue;
		if (s->cfg.knobs.resync == LZM_RESYNC_FAILS_UNTIL_RESET ||
		    (s->cfg.knobs.resync == LZM_RESYNC_FAILS_N && r->fails_left--))
			fails = true;
		else
			settle(s, r);
	}
	return fails;
}

/* The fence reports when nothing waits any more: done or given up. */
enum lzm_rv_fence lzm_rv_fence_try(struct lzm_riscv *s, uint64_t now, bool first)
{
	bool fresh = false, waits = false;

	if (!s->unsettled)
		return FENCE_DONE;
	if (s->cfg.knobs.fence_never)
		return FENCE_WAITS;
	if (first && s->timed_out && again(s))
		return FENCE_FAILS;
	for (size_t i = 0; i < s->n_inv; i++)
		fresh |= expired(s, &s->inv[i], now);
	for (size_t i = 0; i < s->n_inv; i++) {
		struct lzm_rv_inv *r = &s->inv[i];

		if (expired(s, r, now) ||
		    (fresh && r->state == INV_WAIT && s->cfg.knobs.late_subset &&
		     lzm_rv_choose(s, LZM_CHOOSE_LOST, 2)))
			give_up(s, r);
		waits |= r->state == INV_WAIT;
	}
	if (waits)
		return FENCE_WAITS;
	return s->timed_out ? FENCE_FAILS : FENCE_DONE;
}

uint64_t lzm_rv_fence_wake(const struct lzm_riscv *s, uint64_t now)
{
	uint64_t wake = LZM_NEVER;

	if (!s->unsettled)
		return now;
	if (s->cfg.knobs.fence_never)
		return LZM_NEVER;
	for (size_t i = 0; i < s->n_inv; i++)
		if (s->inv[i].state == INV_WAIT &&
		    s->inv[i].issued + s->cfg.knobs.ats_timeout_ns < wake)
			wake = s->inv[i].issued + s->cfg.knobs.ats_timeout_ns;
	return wake > now ? wake : now;
}

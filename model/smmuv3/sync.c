/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CMD_SYNC: waits for the outstanding Invalidate Requests, fails when one has
 * timed out (3.9.1.4, 4.7.3), and signals completion. What a repeated sync
 * does about requests that were reported is left open by the architecture:
 * knob `resync`.
 */
#include "smmu.h"

static void expire(struct lzm_smmu *s, struct lzm_atc_req *r)
{
	r->state = ATC_TIMED_OUT;
	r->fails_left = s->cfg.knobs.resync_fails;
	s->atc_timed_out++;
	s->stats.atc_timeouts++;
}

static void forget_reported(struct lzm_smmu *s)
{
	size_t i;

	for (i = 0; s->atc_timed_out && i < s->atc_len; i++)
		if (s->atc[i].state == ATC_TIMED_OUT)
			lzm_atc_settle(s, &s->atc[i]);
}

/* LZM_RESYNC_FAILS_N: counts one failure per reported request, forgets those
 * that have failed often enough. */
static bool fails_again(struct lzm_smmu *s)
{
	bool again = false;
	size_t i;

	for (i = 0; i < s->atc_len; i++) {
		struct lzm_atc_req *r = &s->atc[i];

		if (r->state != ATC_TIMED_OUT)
			continue;
		if (r->fails_left) {
			r->fails_left--;
			again = true;
		} else {
			lzm_atc_settle(s, r);
		}
	}
	return again;
}

static bool reported_fail(struct lzm_smmu *s)
{
	switch (s->cfg.knobs.resync) {
	case LZM_RESYNC_FAILS_N:
		return fails_again(s);
	case LZM_RESYNC_FAILS_UNTIL_RESET:
		return true;
	case LZM_RESYNC_SUCCEEDS:
		break;
	}
	forget_reported(s);
	return false;
}

/* Which requests failed is unknown to software: with late_subset some that
 * were still in time are given up along with the dead ones. */
static bool timed_out(struct lzm_smmu *s, uint64_t now)
{
	struct lzm_atc_req *r = lzm_atc_first_wait(s);
	size_t i;

	if (!r || now - r->issued < s->cfg.knobs.ats_timeout_ns)
		return false;
	for (i = s->atc_first_wait; i < s->atc_len; i++) {
		r = &s->atc[i];
		if (r->state != ATC_WAIT)
			continue;
		if (now - r->issued >= s->cfg.knobs.ats_timeout_ns ||
		    (s->cfg.knobs.late_subset && (lzm_random(s) & 1)))
			expire(s, r);
	}
	return true;
}

enum lzm_sync_state lzm_sync_try(struct lzm_smmu *s, uint64_t now, bool first)
{
	if (!s->atc_unsettled)
		return SYNC_DONE;
	if (s->cfg.knobs.sync_never)
		return SYNC_WAITS;
	if (first && s->atc_timed_out && reported_fail(s))
		return SYNC_FAILS;
	if (!s->atc_unsettled)
		return SYNC_DONE;
	return timed_out(s, now) ? SYNC_FAILS : SYNC_WAITS;
}

uint64_t lzm_sync_wake(const struct lzm_smmu *s, uint64_t now)
{
	size_t i = s->atc_first_wait;
	uint64_t due;

	if (!s->atc_unsettled)
		return now;
	if (s->cfg.knobs.sync_never)
		return LZM_NEVER;
	while (i < s->atc_len && s->atc[i].state != ATC_WAIT)
		i++;
	if (i == s->atc_len)
		return LZM_NEVER;
	due = s->atc[i].issued + s->cfg.knobs.ats_timeout_ns;
	return due > now ? due : now;
}

/* The consumption is visible in CONS before the MSI is (4.7.3). */
void lzm_sync_signal(struct lzm_smmu *s, const uint64_t cmd[2])
{
	uint64_t addr = cmd[1] & SMMU_ADDR_MASK & ~UINT64_C(3);

	if (CMD_SYNC_CS(cmd[0]) != 1)
		return;
	lzm_cmdq_publish(s);
	if (s->cfg.msi && addr)
		lzm_msi_write(s, addr, (uint32_t)(cmd[0] >> 32), GERROR_MSI_CMDQ);
	else
		lzm_irq_raise(s, LZM_IRQ_CMD_SYNC);
}

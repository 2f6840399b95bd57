/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidate Requests on their way: every CMD_ATC_INV that was consumed and
 * not yet covered by a successful CMD_SYNC (4.5.1, 4.7.3).
 */
#include "smmu.h"

#include "memory.h"

static void *grow(void *p, size_t len, size_t *cap, size_t size)
{
	if (len < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	return lzm_longer(p, len * size, *cap * size);
}

void lzm_atc_settle(struct lzm_atc_set *a, struct lzm_atc_req *r)
{
	if (r->state == ATC_SETTLED)
		return;
	if (r->state == ATC_TIMED_OUT)
		a->timed_out--;
	r->state = ATC_SETTLED;
	a->unsettled--;
}

static void compact(struct lzm_atc_set *a)
{
	size_t i, n = 0;

	if (a->unsettled && a->len < 2 * a->unsettled + 64)
		return;
	for (i = 0; a->unsettled && i < a->len; i++)
		if (a->req[i].state != ATC_SETTLED)
			a->req[n++] = a->req[i];
	a->len = n;
	a->first_wait = 0;
}

void lzm_atc_forget_all(struct lzm_atc_set *a)
{
	a->len = 0;
	a->first_wait = 0;
	a->unsettled = 0;
	a->timed_out = 0;
}

struct lzm_atc_req *lzm_atc_first_wait(struct lzm_atc_set *a)
{
	while (a->first_wait < a->len && a->req[a->first_wait].state != ATC_WAIT)
		a->first_wait++;
	return a->first_wait < a->len ? &a->req[a->first_wait] : NULL;
}

void lzm_atc_issue(struct lzm_smmu *s, struct lzm_cmdq *q, const uint64_t cmd[2])
{
	unsigned size = (unsigned)(cmd[1] & 0x3f);
	struct lzm_atc_set *a = &q->atc;
	struct lzm_atc_inv inv = {
		.sid = CMD_SID(cmd[0]),
		.ssv = (cmd[0] & CMD_SSV) != 0,
	};

	if (inv.ssv) {
		inv.ssid = CMD_SSID(cmd[0]);
		inv.global = (cmd[0] & CMD_GLOBAL) != 0;
	}
	if (size < 52) {
		inv.size = UINT64_C(4096) << size;
		inv.addr = CMD_ADDR(cmd[1]) & ~(inv.size - 1);
	}
	compact(a);
	a->req = grow(a->req, a->len, &a->cap, sizeof(*a->req));
	a->req[a->len++] = (struct lzm_atc_req){
		.tag = s->next_tag,
		.issued = lzm_now(s),
		.sid = inv.sid,
	};
	a->unsettled++;
	s->stats.atc_invs++;
	/* The answer may come inside this call. */
	s->bus->atc_inv(s->bus->ctx, s->next_tag++, &inv);
}

static struct lzm_atc_req *find(const struct lzm_atc_set *a, uint64_t tag)
{
	size_t lo = 0, hi = a->len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->req[mid].tag < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < a->len && a->req[lo].tag == tag ? &a->req[lo] : NULL;
}

/* A late answer, and "unsupported request" too, settles the request: the
 * endpoint is done with it. What was reported before stays reported. */
static void take(struct lzm_smmu *s, uint64_t tag)
{
	unsigned i, n = lzm_lanes(s);

	for (i = 0; i < n; i++) {
		struct lzm_atc_set *a = &lzm_lane(s, i)->atc;
		struct lzm_atc_req *r = a->unsettled ? find(a, tag) : NULL;

		if (r)
			lzm_atc_settle(a, r);
	}
}

void lzm_smmu_atc_answer(struct lzm_smmu *s, uint64_t tag, enum lzm_atc_answer answer)
{
	(void)answer;
	if (!s->cfg.knobs.atc_out_of_order) {
		take(s, tag);
		return;
	}
	s->answers = grow(s->answers, s->answers_len, &s->answers_cap, sizeof(*s->answers));
	s->answers[s->answers_len++] = tag;
}

bool lzm_atc_step(struct lzm_smmu *s)
{
	size_t i;

	if (!s->answers_len)
		return false;
	i = lzm_random(s) % s->answers_len;
	take(s, s->answers[i]);
	s->answers[i] = s->answers[--s->answers_len];
	return true;
}

void lzm_smmu_device_reset(struct lzm_smmu *s, uint32_t sid)
{
	unsigned i, n = lzm_lanes(s);
	size_t k;

	for (i = 0; i < n; i++) {
		struct lzm_atc_set *a = &lzm_lane(s, i)->atc;

		for (k = 0; k < a->len; k++)
			if (a->req[k].sid == sid)
				lzm_atc_settle(a, &a->req[k]);
	}
}

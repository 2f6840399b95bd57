/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Knob defaults and the named sets of knobs a bench runs under.
 */
#include "lazaret-model/smmuv3.h"

#include <string.h>

#define MS UINT64_C(1000000)

void lzm_smmu_knobs_default(struct lzm_smmu_knobs *k)
{
	*k = (struct lzm_smmu_knobs){
		.resync = LZM_RESYNC_SUCCEEDS,
		.ats_timeout_ns = 50 * MS,
		.cons_batch = 1,
		.seed = 1,
	};
}

static void fail_once(struct lzm_smmu_knobs *k)
{
	k->resync = LZM_RESYNC_SUCCEEDS;
}

static void fail_thrice(struct lzm_smmu_knobs *k)
{
	k->resync = LZM_RESYNC_FAILS_N;
	k->resync_fails = 2;
}

static void fail_forever(struct lzm_smmu_knobs *k)
{
	k->resync = LZM_RESYNC_FAILS_UNTIL_RESET;
}

static void sync_never(struct lzm_smmu_knobs *k)
{
	k->sync_never = true;
}

static void restart_forgets(struct lzm_smmu_knobs *k)
{
	k->resync = LZM_RESYNC_FAILS_UNTIL_RESET;
	k->restart_forgets = true;
}

static void subset_late(struct lzm_smmu_knobs *k)
{
	k->late_subset = true;
}

static void late_hw(struct lzm_smmu_knobs *k)
{
	k->ats_timeout_ns = 90000 * MS;
}

static void cons_jumps(struct lzm_smmu_knobs *k)
{
	k->cons_batch = 7;
	k->prefetch = 4;
	k->ack_delay_ns = 20000;
}

static void irq_late(struct lzm_smmu_knobs *k)
{
	k->gerror_irq_delay_ns = 20 * MS;
}

static void hostile(struct lzm_smmu_knobs *k)
{
	k->scramble_err = true;
	k->gerrorn_activates = true;
	k->oas_truncates = true;
	k->atc_out_of_order = true;
	k->restart_waits = true;
}

static const struct {
	const char *name;
	void (*set)(struct lzm_smmu_knobs *k);
} regimes[] = {
	{"fail_once", fail_once},
	{"fail_thrice", fail_thrice},
	{"fail_forever", fail_forever},
	{"sync_never", sync_never},
	{"restart_forgets", restart_forgets},
	{"subset_late", subset_late},
	{"late_hw", late_hw},
	{"cons_jumps", cons_jumps},
	{"irq_late", irq_late},
	{"hostile", hostile},
};

#define COUNT (sizeof(regimes) / sizeof(regimes[0]))

bool lzm_smmu_regime(const char *name, struct lzm_smmu_knobs *k)
{
	const struct lzm_smmu_knobs before = *k;
	unsigned i;

	for (i = 0; i < COUNT; i++) {
		if (strcmp(regimes[i].name, name))
			continue;
		lzm_smmu_knobs_default(k);
		k->ats_timeout_ns = before.ats_timeout_ns;
		k->seed = before.seed;
		k->engine = before.engine;
		k->shared_timeouts = before.shared_timeouts;
		regimes[i].set(k);
		return true;
	}
	return false;
}

const char *lzm_smmu_regime_name(unsigned i)
{
	return i < COUNT ? regimes[i].name : NULL;
}

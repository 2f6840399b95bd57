/* SPDX-License-Identifier: BSD-2-Clause */
/* What has come of a run, to compare runs by: everything that a caller of the
 * library could tell, but no times and no addresses. */
#include "explore/rig.h"

static void mix(uint64_t *h, uint64_t v)
{
	*h = ex_mix(*h ^ v);
}

static void mix_device(uint64_t *h, const struct exr *r, const struct exr_dev *d)
{
	struct lz_health health;

	mix(h, (uint64_t)d->told << 32 | (uint64_t)d->resumed << 8 | d->unfenced);
	mix(h, (uint64_t)d->guilty << 1 | d->broken);
	mix(h, d->dev != NULL);
	if (!d->dev)
		return;
	lz_device_health(d->dev, &health);
	mix(h, (uint64_t)health.fence << 32 | health.block);
	mix(h, (uint64_t)health.generation << 32 | health.reset_depth);
	mix(h, (uint64_t)lzm_ep_atc_used(d->ep) << 1 | lzm_ep_ats_enabled(d->ep));
	for (unsigned i = 0; i < EXR_DOMS; i++)
		mix(h, r->dom[i].dom && lz_attached(d->dev, LZ_NO_PASID) == r->dom[i].dom);
}

uint64_t exr_outcome(struct exr *r)
{
	struct lzm_iommu_counts hw;
	struct sim_stats port;
	struct lz_stats st;
	uint64_t h = 1;

	for (unsigned i = 0; i < EXR_DOMS; i++) {
		mix(&h, r->dom[i].released);
		for (unsigned p = 0; p < EXR_PAGES; p++)
			mix(&h, r->dom[i].page[p]);
	}
	for (unsigned i = 0; i < r->n_devs; i++)
		mix_device(&h, r, &r->dev[i]);
	lz_stats_get(r->lz, &st);
	mix(&h, st.custody_pages << 32 | st.blocked_ids);
	sim_stats_get(&port);
	mix(&h, port.live_allocs);
	for (unsigned i = 0; i < r->n_units; i++) {
		lzm_iommu_counts_get(r->unit[i].model, &hw);
		mix(&h, hw.commands << 32 | hw.syncs);
		mix(&h, hw.invalidations << 32 | hw.errors);
	}
	return h | 1;
}

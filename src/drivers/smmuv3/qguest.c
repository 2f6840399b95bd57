/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CMDQV's interrupt, and queues that belong to guests: those are left alone, their
 * errors are passed on to whoever runs the guest.
 */
#include "drivers/smmuv3/smmu.h"

#define VINTFS_MAX 64u

static bool tell_owner(struct lz_smmu *s, unsigned vintf)
{
	uintptr_t regs = s->cmdqv + CMDQV_VINTF(vintf);
	uint32_t map[4], any = 0;

	for (unsigned i = 0; i < 4; i++)
		any |= map[i] = lz_mmio_read32(regs, CMDQV_VINTF_ERRORS + 4 * i);
	if (any && s->guest_fn)
		s->guest_fn(s->guest_ctx, &s->iommu, vintf, map);
	return any;
}

/* The maps follow GERROR and GERRORN of the queues: nothing is written to them. Our own
 * queues are looked at whatever the map says, as whoever waits may have been first (H37). */
bool lz_smmuv3_cmdqv_irq(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	bool any = false;

	if (!LZ_CONFIG_LANES || !s->cmdqv)
		return false;
	for (unsigned i = 0; i < VINTFS_MAX / 32; i++) {
		uint32_t map = lz_mmio_read32(s->cmdqv, CMDQV_VINTF_ERR_MAP + 4 * i);

		for (; map; map &= map - 1) {
			unsigned vintf = 32 * i + (unsigned)__builtin_ctz(map);

			if (vintf)
				any |= tell_owner(s, vintf);
		}
	}
	return lz_smmu_scan_lanes(s) || any;
}

void lz_smmuv3_set_guest_error_handler(struct lz_iommu *iommu, lz_smmuv3_guest_error_fn fn,
				       void *ctx)
{
	struct lz_smmu *s = lz_smmu_of(iommu);

	s->guest_fn = fn;
	s->guest_ctx = ctx;
}

/* Known before it is published: whoever sees it fail knows whose it is. */
static enum lz_status send_flush(struct lz_smmu_queue *q, uint64_t *pos, lz_ns *deadline)
{
	unsigned long flags;

	while (lz_ring_reserve(&q->ring, 1, pos, &flags) != LZ_OK) {
		enum lz_status st = lz_smmu_queue_wait_room(q, 1, deadline);

		if (st != LZ_OK)
			return st;
	}
	lz_store64(&q->smmu->guest_flush, *pos + 1);
	lz_ring_write(&q->ring, *pos, lz_smmu_cmd_sync());
	lz_ring_publish(&q->ring, *pos, 1, flags);
	return LZ_OK;
}

enum lz_status lz_smmuv3_guest_queue_off(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	enum lz_status st = LZ_EIO;
	lz_ns deadline = 0;
	uint64_t pos;

	if (lz_smmu_dead(s))
		return LZ_ENODEV;
	/* One that fails has told of it, or of something else. */
	for (uint32_t i = 0; st == LZ_EIO && i <= s->lz->cfg.settle_max; i++) {
		st = send_flush(&s->cmdq, &pos, &deadline);
		if (st == LZ_OK)
			st = lz_smmu_queue_wait(&s->cmdq, pos, &deadline);
	}
	return st == LZ_EIO ? LZ_ETIMEDOUT : st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the command queue share: a look inside the driver. */
#ifndef TESTS_HAZARDS_QUEUE_H
#define TESTS_HAZARDS_QUEUE_H

#include "drivers/smmuv3/smmu.h"
#include "tests/hazards/rig.h"

#define IOVA 0x10000000ull

static inline struct lz_smmu *drv(struct rig *r)
{
	return (struct lz_smmu *)r->iommu;
}

static inline struct lz_smmu_queue *queue(struct rig *r)
{
	return &drv(r)->cmdq;
}

/* Registers as the hardware has them, without a visible operation. */
static inline uint32_t peek(struct rig *r, uint32_t off)
{
	return (uint32_t)lzm_smmu_read(r->smmu, off, 4);
}

static inline uint32_t active_errors(struct rig *r)
{
	return peek(r, SMMU_GERROR) ^ peek(r, SMMU_GERRORN);
}

/* Has the hardware consumed the entry before the index in PROD? */
static inline bool drained(struct rig *r)
{
	return SMMU_GET(SMMU_CMDQ_CONS_RD, peek(r, SMMU_CMDQ_CONS)) == peek(r, SMMU_CMDQ_PROD);
}

/* CONS as a position; in a hook of PROD, before it counts. */
static inline uint64_t hardware_cons(struct rig *r)
{
	uint64_t end = queue(r)->ring.published;
	uint32_t rd = (uint32_t)SMMU_GET(SMMU_CMDQ_CONS_RD, peek(r, SMMU_CMDQ_CONS));

	return end - (((uint32_t)end - rd) & (2 * queue(r)->ring.size - 1));
}

static inline struct lz_command atc_of(struct rig *r, unsigned device)
{
	return (struct lz_command){{lz_smmu_cmd_atc0(r->dev[device].sid, 0), SMMU_ATC1_ALL}};
}

static inline struct lz_command illegal(void)
{
	return (struct lz_command){{0xff, 0}};
}

/* Publishes commands and a sync; the sync's position. */
static inline uint64_t send(struct rig *r, const struct lz_command *cmd, uint32_t n)
{
	lz_ns deadline = 0;
	uint64_t sync = 0;

	assert_int_equal(lz_ring_submit(&queue(r)->ring, cmd, n, &sync, &deadline), LZ_OK);
	return sync;
}

static inline uint64_t send_atc(struct rig *r, unsigned device)
{
	struct lz_command cmd = atc_of(r, device);

	return send(r, &cmd, 1);
}

static inline uint64_t send_illegal(struct rig *r)
{
	struct lz_command cmd = illegal();

	return send(r, &cmd, 1);
}

static inline enum lz_status wait_sync(struct rig *r, uint64_t sync, lz_ns ns)
{
	lz_ns deadline = sim_now() + ns;

	return lz_smmu_queue_wait(queue(r), sync, &deadline);
}

/* A page mapped, and cached by the device. */
static inline void warm(struct rig *r, struct lz_domain *dom, lz_iova iova, unsigned devs)
{
	assert_int_equal(lz_map(dom, iova, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < devs; i++)
		assert_true(rig_dma(r, i, iova, true));
}

/* Sleeps until the owner of a device was told that it is broken. */
static inline void await_told(struct rig *r, unsigned device)
{
	lz_ns end = sim_now() + LZ_SEC(100);

	while (!r->dev[device].told && sim_now() < end)
		rig_sleep(LZ_MS(1));
	assert_true(r->dev[device].told);
}

/* For tests without a worker: from here on there is one; everything is worked
 * off, and the domain goes. */
static inline void finish(struct rig *r, struct lz_domain *dom)
{
	if (!r->worker.lz)
		rig_start_worker(r);
	lz_iommu_kick(r->iommu);
	assert_true(rig_until(r, rig_idle, LZ_SEC(100)));
	if (dom)
		rig_drop(r, dom);
}

#endif

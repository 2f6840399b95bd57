/* SPDX-License-Identifier: BSD-2-Clause */
/* Further command queues: errors of their own, and queues that belong to guests. */
#include "tests/hazards/queue.h"

static void ecmdqs(struct lzm_smmu_config *c)
{
	c->ecmdq = true;
	c->ecmdq_queues_log2 = 1;
}

/* ---- H35 on a lane: whose interrupt does not come drains by himself ---- */

static void no_interrupt(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	warm(r, dom, IOVA, 2);
	rig_silence(r, 0);
	r->irq_off = true;
	assert_int_equal(drv(r)->n_lanes, 1);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	await_told(r, 0);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 0);
	/* The SMMU's own queue had no error, and has none. */
	assert_int_equal(active_errors(r) & SMMU_GERROR_CMDQ_ERR, 0);
	finish(r, dom);
}

static void h35_issuer_drains_an_ecmdq(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .tune = ecmdqs}, 4, no_interrupt);
}

static void h35_issuer_drains_a_vcmdq(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .cmdqv = true}, 4, no_interrupt);
}

/* ---- queues of guests ---- */

#define GUEST_PAGE0 (0x10000u + 0x80u * 2) /* VCMDQ 2 is the first of VINTF 1 */
#define GUEST_PAGE1 (0x20000u + 0x80u * 2)

static uint32_t vcmdq_read(struct rig *r, uint32_t reg)
{
	return (uint32_t)lzm_cmdqv_read(r->cmdqv, GUEST_PAGE0 + reg, 4);
}

static void vcmdq_write(struct rig *r, uint32_t reg, uint32_t v)
{
	lzm_cmdqv_write(r->cmdqv, GUEST_PAGE0 + reg, 4, v);
	sim_hw_changed();
}

/* As a host does for a guest: interface 1, stream id 5 is device 0. */
static uint64_t *guest_queue(struct rig *r)
{
	uintptr_t vintf = CMDQV_VINTF(1);
	lz_phys phys;
	uint64_t *ring = lz_mem_dma_alloc(r->lz, 256, 256, &phys);

	lzm_cmdqv_write(r->cmdqv, CMDQV_ALLOC(2), 4,
			CMDQV_ALLOCATED | (uint32_t)SMMU_FIELD(CMDQV_ALLOC_VINTF, 1));
	lzm_cmdqv_write(r->cmdqv, (uint32_t)vintf + CMDQV_VINTF_MATCH, 4, 5 << 1 | 1);
	lzm_cmdqv_write(r->cmdqv, (uint32_t)vintf + CMDQV_VINTF_REPLACE, 4, r->dev[0].sid);
	lzm_cmdqv_write(r->cmdqv, (uint32_t)vintf + CMDQV_VINTF_CONFIG, 4, CMDQV_EN);
	lzm_cmdqv_write(r->cmdqv, GUEST_PAGE1 + CMDQV_QUEUE_BASE, 8, phys | 4);
	vcmdq_write(r, CMDQV_QUEUE_CONFIG, CMDQV_EN);
	rig_sleep(LZ_US(10));
	assert_true(vcmdq_read(r, CMDQV_QUEUE_STATUS) & CMDQV_EN);
	return ring;
}

static void guest_sends(struct rig *r, uint64_t *ring, unsigned at, uint64_t w0, uint64_t w1)
{
	ring[2 * at] = w0;
	ring[2 * at + 1] = w1;
	vcmdq_write(r, CMDQV_QUEUE_PROD, at + 1);
}

static void guest_error(void *ctx, struct lz_iommu *iommu, unsigned vintf, const uint32_t map[4])
{
	(void)iommu;
	*(uint32_t *)ctx = vintf << 16 | map[0];
}

static void error_of_a_guest(struct rig *r)
{
	uint32_t told = 0;
	uint64_t *ring = guest_queue(r);

	lz_smmuv3_set_guest_error_handler(r->iommu, guest_error, &told);
	guest_sends(r, ring, 0, SMMU_OP_CFGI_ALL, 31); /* not for guests */
	rig_sleep(LZ_MS(1));
	assert_true(lz_smmuv3_cmdqv_irq(r->iommu));
	assert_int_equal(told, 1u << 16 | 1u);
	/* It is the guest's to acknowledge. */
	assert_int_not_equal(vcmdq_read(r, CMDQV_QUEUE_GERROR), vcmdq_read(r, CMDQV_QUEUE_GERRORN));
	vcmdq_write(r, CMDQV_QUEUE_CONFIG, 0);
	rig_sleep(LZ_US(10));
	lz_mem_dma_free(r->lz, ring, 256);
	finish(r, NULL);
}

static void a_guests_error_is_its_own(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1, .cmdqv = true}, 2, error_of_a_guest);
}

/* ---- what a guest's queue leaves behind blames nobody ---- */

static void tells_of_it(struct lzm_smmu_config *c)
{
	c->knobs.drain_reports = true;
}

static void left_behind(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	uint64_t *ring = guest_queue(r);
	lz_ns end = sim_now() + LZ_SEC(1);
	enum lz_status st;

	warm(r, dom, IOVA, 2);
	rig_silence(r, 0);
	guest_sends(r, ring, 0, lz_smmu_cmd_atc0(5, 0), SMMU_ATC1_ALL);
	rig_sleep(LZ_US(10));
	vcmdq_write(r, CMDQV_QUEUE_CONFIG, 0);
	rig_sleep(LZ_US(10));
	lz_mem_dma_free(r->lz, ring, 256);
	do
		st = lz_smmuv3_guest_queue_off(r->iommu);
	while (st == LZ_ETIMEDOUT && sim_now() < end);
	assert_int_equal(st, LZ_OK);
	assert_true(rig_model_stats(r).cmdq_errors > 0);
	for (int d = 0; d < 2; d++)
		assert_int_equal(rig_count(r, LZ_EV_SUSPECT, d), 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY); /* its own fault */
	await_told(r, 0);
	finish(r, dom);
}

static void a_guests_timeout_blames_nobody(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .cmdqv = true, .tune = tells_of_it}, 2,
		      left_behind);
}

/* ---- ... whoever's sync it meets (H35 to H38 for what nobody flushed yet) ---- */

/* Device 0 is the guest's and does not answer. */
static uint64_t *guest_waits(struct rig *r)
{
	uint64_t *ring = guest_queue(r);

	rig_silence(r, 0);
	guest_sends(r, ring, 0, lz_smmu_cmd_atc0(5, 0), SMMU_ATC1_ALL);
	rig_sleep(LZ_MS(5)); /* it has timed out */
	return ring;
}

static void nobody_is_blamed(struct rig *r)
{
	assert_true(rig_model_stats(r).cmdq_errors > 0);
	assert_true(rig_until(r, rig_idle, LZ_SEC(5)));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, -1), 0);
	assert_int_equal(rig_health(r, 1).fence, LZ_FENCE_OPEN);
}

/* A TLB invalidation's sync, while queues keep their timeouts apart: that is not taken
 * for a sign that they do not. */
static void meets_a_tlbi(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1, 1);
	uint64_t *ring = guest_waits(r);

	warm(r, dom, IOVA, 0);
	vcmdq_write(r, CMDQV_QUEUE_CONFIG, 0);
	rig_sleep(LZ_US(10));
	lz_mem_dma_free(r->lz, ring, 256);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	nobody_is_blamed(r);
	assert_false(drv(r)->shares_timeouts);
	finish(r, dom);
}

static void a_guests_timeout_says_nothing_about_lanes(void **state)
{
	(void)state;
	rig_run_seeds(
		&(struct rig_opts){
			.devs = 2, .cmdqv = true, .own_timeouts = true, .tune = tells_of_it},
		4, meets_a_tlbi);
}

/* The guest's queue goes while the host's ATC_INV is out, which the SMMU's own queue has
 * carried, since the lane is lost. */
static void guest_goes(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	(void)inv;
	if (device == 1)
		lzm_cmdqv_write(r->cmdqv, GUEST_PAGE0 + CMDQV_QUEUE_CONFIG, 4, 0);
}

static void meets_an_atc_inv(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1, 1);
	uint64_t *ring = guest_waits(r);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 1, IOVA, true));
	lz_store32(&drv(r)->lanes[0].refuses, 1);
	lz_smmu_lanes_alert(drv(r));
	r->on_atc = guest_goes;
	/* The sync fails, or what it is taken for ends before it is looked at. */
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	r->on_atc = NULL;
	nobody_is_blamed(r);
	assert_int_equal(rig_count(r, LZ_EV_EXONERATED, 1), 1);
	assert_int_equal(r->released, LZ_PAGE);
	lz_mem_dma_free(r->lz, ring, 256);
	finish(r, dom);
}

static void a_guests_timeout_names_no_device_of_the_host(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .cmdqv = true, .tune = tells_of_it}, 4,
		      meets_an_atc_inv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h35_issuer_drains_an_ecmdq),
		cmocka_unit_test(h35_issuer_drains_a_vcmdq),
		cmocka_unit_test(a_guests_error_is_its_own),
		cmocka_unit_test(a_guests_timeout_blames_nobody),
		cmocka_unit_test(a_guests_timeout_says_nothing_about_lanes),
		cmocka_unit_test(a_guests_timeout_names_no_device_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

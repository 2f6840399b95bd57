/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes: finding the queues that the hardware has beside the SMMU's own, and bringing
 * them up and down. ECMDQs are found in the ID registers (3.5.6); a Tegra241 CMDQV
 * where the embedder says. Without either, or when one does not obey, ATC_INVs go to
 * the SMMU's own queue.
 */
#include "drivers/smmuv3/smmu.h"

static bool wait_bits(struct lz_smmu *s, bool (*pred)(void *), void *arg)
{
	return lz_wait(s->lz, pred, arg, lz_now(s->lz) + s->lz->cfg.sync_bound);
}

struct bit {
	uintptr_t base;
	uint32_t reg, mask, value;
};

static bool has_value(void *arg)
{
	const struct bit *b = arg;

	return (lz_mmio_read32(b->base, b->reg) & b->mask) == b->value;
}

static bool await_bit(struct lz_smmu *s, uintptr_t base, uint32_t reg, uint32_t mask, uint32_t v)
{
	struct bit b = {base, reg, mask, v};

	return wait_bits(s, has_value, &b);
}

/* ---- ECMDQs ---- */

/* Offset of a control page from page 0; 0: it is not there, or not mapped. */
static uint64_t control_page(struct lz_smmu *s, unsigned n)
{
	uint64_t base = lz_mmio_read64(s->mmio, SMMU_CONTROL_PAGE + SMMU_CONTROL_PAGE_STRIDE * n);
	uint64_t at = base & SMMU_CONTROL_PAGE_ADDR;

	if (!(base & SMMU_CONTROL_PAGE_PRESENT) ||
	    SMMU_GET(SMMU_CONTROL_PAGE_GS, base) != SMMU_CONTROL_PAGE_GS_64K ||
	    at + SMMU_CONTROL_PAGE_BYTES > s->mmio_bytes)
		return 0;
	return at;
}

/* The registers of queue `n`, or 0. */
static uintptr_t ecmdq(struct lz_smmu *s, unsigned n)
{
	uint64_t at = control_page(s, n >> s->ecmdq_log2);
	unsigned in_page = n & ((1u << s->ecmdq_log2) - 1);

	if (!at)
		return 0;
	return s->mmio + (uintptr_t)at + in_page * (SMMU_CONTROL_PAGE_BYTES >> s->ecmdq_log2);
}

static bool ecmdq_off(struct lz_smmu *s, uintptr_t regs)
{
	uint32_t prod = lz_mmio_read32(regs, SMMU_ECMDQ_PROD);

	/* In between PROD cannot be written. */
	if (!await_bit(s, regs, SMMU_ECMDQ_CONS, SMMU_ECMDQ_EN, prod & SMMU_ECMDQ_EN))
		return false;
	if (prod & SMMU_ECMDQ_EN)
		lz_mmio_write32(regs, SMMU_ECMDQ_PROD, prod & ~SMMU_ECMDQ_EN);
	return await_bit(s, regs, SMMU_ECMDQ_CONS, SMMU_ECMDQ_EN, 0);
}

static bool ecmdq_up(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	if (!ecmdq_off(s, q->regs))
		return false;
	lz_mmio_write64(q->regs, SMMU_ECMDQ_BASE,
			SMMU_QUEUE_BASE_RWA | (q->ring.phys & SMMU_QUEUE_BASE_ADDR) | q->ring.log2);
	lz_mmio_write32(q->regs, SMMU_ECMDQ_CONS, 0);
	lz_mmio_write32(q->regs, SMMU_ECMDQ_PROD, 0);
	return lz_smmu_queue_start(q) == LZ_OK;
}

/* ---- CMDQV ---- */

static uint32_t per_vintf(const struct lz_smmu *s)
{
	uint32_t param = lz_mmio_read32(s->cmdqv, CMDQV_PARAM);
	uint32_t queues = (uint32_t)SMMU_GET(CMDQV_PARAM_VCMDQS, param);
	uint32_t vintfs = (uint32_t)SMMU_GET(CMDQV_PARAM_VINTFS, param);

	return queues < vintfs ? 0 : 1u << (queues - vintfs);
}

/* Every queue is given to its interface, and none is allocated. */
static void cmdqv_assign(struct lz_smmu *s)
{
	uint32_t param = lz_mmio_read32(s->cmdqv, CMDQV_PARAM), each = per_vintf(s);
	uint32_t n = 1u << SMMU_GET(CMDQV_PARAM_VCMDQS, param);

	for (uint32_t i = 0; each && i < n; i++)
		lz_mmio_write32(s->cmdqv, CMDQV_ALLOC(i),
				(uint32_t)(SMMU_FIELD(CMDQV_ALLOC_VINTF, i / each) |
					   SMMU_FIELD(CMDQV_ALLOC_LVCMDQ, i % each)));
}

static bool cmdqv_enable(struct lz_smmu *s, bool on)
{
	lz_mmio_write32(s->cmdqv, CMDQV_CONFIG, on ? CMDQV_EN : 0);
	return await_bit(s, s->cmdqv, CMDQV_STATUS, CMDQV_EN, on ? CMDQV_EN : 0);
}

/* VINTF 0 is the host's. Inside a guest HYP_OWN reads 0 whatever was written. */
static bool vintf_up(struct lz_smmu *s, uint32_t n)
{
	uintptr_t vintf = s->cmdqv + CMDQV_VINTF(0);
	uint32_t param = lz_mmio_read32(s->cmdqv, CMDQV_PARAM);

	for (uint32_t i = 0; i < 1u << SMMU_GET(CMDQV_PARAM_SIDS, param); i++) {
		lz_mmio_write32(vintf, CMDQV_VINTF_MATCH + 4 * i, 0);
		lz_mmio_write32(vintf, CMDQV_VINTF_REPLACE + 4 * i, 0);
	}
	lz_mmio_write32(vintf, CMDQV_VINTF_CONFIG, CMDQV_VINTF_HYP_OWN);
	lz_mmio_write32(vintf, CMDQV_VINTF_CONFIG, CMDQV_VINTF_HYP_OWN | CMDQV_EN);
	if (!await_bit(s, vintf, CMDQV_VINTF_STATUS, CMDQV_EN, CMDQV_EN))
		return false;
	s->cmdqv_guest = !(lz_mmio_read32(vintf, CMDQV_VINTF_CONFIG) & CMDQV_VINTF_HYP_OWN);
	for (uint32_t i = 0; i < n; i++)
		lz_mmio_write32(s->cmdqv, CMDQV_ALLOC(i),
				CMDQV_ALLOCATED | (uint32_t)SMMU_FIELD(CMDQV_ALLOC_LVCMDQ, i));
	for (unsigned i = 0; i < 2; i++)
		lz_mmio_write32(s->cmdqv, CMDQV_VINTF_INT_MASK + 4 * i, 0);
	return true;
}

static bool vcmdq_up(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uintptr_t page1 = q->regs + (CMDQV_LOGICAL_PAGE1 - CMDQV_LOGICAL_PAGE0);
	uint32_t gerrorn, active;

	lz_mmio_write32(q->regs, CMDQV_QUEUE_CONFIG, 0);
	if (!await_bit(s, q->regs, CMDQV_QUEUE_STATUS, CMDQV_EN, 0))
		return false;
	q->limited = s->cmdqv_guest;
	lz_mmio_write64(page1, CMDQV_QUEUE_BASE,
			(q->ring.phys & SMMU_QUEUE_BASE_ADDR) | q->ring.log2);
	lz_mmio_write64(page1, CMDQV_QUEUE_DRAM, 0);
	lz_mmio_write32(q->regs, CMDQV_QUEUE_PROD, 0);
	lz_mmio_write32(q->regs, CMDQV_QUEUE_CONS, 0);
	gerrorn = lz_mmio_read32(q->regs, CMDQV_QUEUE_GERRORN);
	active = lz_mmio_read32(q->regs, CMDQV_QUEUE_GERROR) ^ gerrorn;
	if (active)
		lz_mmio_write32(q->regs, CMDQV_QUEUE_GERRORN, gerrorn ^ active);
	return lz_smmu_queue_start(q) == LZ_OK;
}

/* ---- both ---- */

/* How many queues there are to have. */
static unsigned found(struct lz_smmu *s)
{
	uint32_t idr6 = lz_smmu_read32(s, SMMU_IDR6);
	unsigned pages = 0;

	if (s->cmdqv)
		return per_vintf(s);
	/* At most 256 queues of a page (6.2.5): each has its 16 bytes. */
	if (!(lz_smmu_read32(s, SMMU_IDR1) & SMMU_IDR1_ECMDQ) ||
	    SMMU_GET(SMMU_IDR6_NUMQ, idr6) > 8 || SMMU_GET(SMMU_IDR6_NUMP, idr6) > 8)
		return 0;
	s->ecmdq_log2 = (unsigned)SMMU_GET(SMMU_IDR6_NUMQ, idr6);
	while (pages < 1u << SMMU_GET(SMMU_IDR6_NUMP, idr6) && control_page(s, pages))
		pages++;
	return pages << s->ecmdq_log2;
}

static void place(struct lz_smmu *s, unsigned i)
{
	struct lz_smmu_queue *q = &s->lanes[i];

	q->smmu = s;
	q->ring.log2 = s->cmdq.ring.log2;
	lz_spin_init(&q->prod_lock, &lz_smmu_prod_class);
	if (s->cmdqv) {
		q->kind = SMMU_VCMDQ;
		q->regs = s->cmdqv + CMDQV_LOGICAL_PAGE0 + i * CMDQV_QUEUE_STRIDE;
		q->prod = q->regs + CMDQV_QUEUE_PROD - SMMU_CMDQ_PROD;
		q->cons = q->regs + CMDQV_QUEUE_CONS - SMMU_CMDQ_CONS;
	} else {
		q->kind = SMMU_ECMDQ;
		q->regs = ecmdq(s, i);
		q->prod = q->regs + SMMU_ECMDQ_PROD - SMMU_CMDQ_PROD;
		q->cons = q->regs + SMMU_ECMDQ_CONS - SMMU_CMDQ_CONS;
	}
}

enum lz_status lz_smmu_lanes_init(struct lz_smmu *s, const struct lz_smmuv3_desc *d)
{
	unsigned n = 0;
	uint8_t *memory;

	for (unsigned i = 0; i < LZ_MAX_CPUS; i++)
		s->lane[i] = &s->cmdq;
	s->mmio_bytes = d->mmio_size ? d->mmio_size : 0x20000;
	s->own_timeouts = d->own_timeouts;
	s->cmdqv = d->cmdqv;
	if (LZ_CONFIG_LANES && s->lz->cfg.lanes != LZ_LANES_OFF && s->ats)
		n = found(s);
	/* One, unless errors are known to say whose they are. */
	if (n > (s->own_timeouts ? LZ_MAX_CPUS : 1))
		n = s->own_timeouts ? LZ_MAX_CPUS : 1;
	if (!n)
		return LZ_OK;
	memory = lz_mem_alloc(s->lz, n * sizeof(*s->lanes) + LZ_RING_LINE);
	if (!memory)
		return LZ_ENOMEM;
	s->lanes_memory = memory;
	s->lanes = (struct lz_smmu_queue *)(void *)(memory +
						    (-(uintptr_t)memory & (LZ_RING_LINE - 1)));
	s->lanes_room = n;
	for (unsigned i = 0; i < n; i++) {
		enum lz_status st;

		place(s, i);
		st = lz_smmu_queue_alloc(&s->lanes[i]);
		if (st != LZ_OK)
			return st;
	}
	return LZ_OK;
}

void lz_smmu_lanes_fini(struct lz_smmu *s, bool unused)
{
	for (unsigned i = 0; i < s->lanes_room; i++)
		lz_smmu_queue_free(&s->lanes[i], unused);
	lz_mem_free(s->lz, s->lanes_memory, s->lanes_room * sizeof(*s->lanes) + LZ_RING_LINE);
}

/* CR1 holds the attributes of all queues, and is written with all of them off; a
 * previous user may have left some on. */
bool lz_smmu_lanes_off(struct lz_smmu *s)
{
	unsigned n = LZ_CONFIG_LANES ? found(s) : 0;

	if (LZ_CONFIG_LANES && s->cmdqv)
		return cmdqv_enable(s, false);
	for (unsigned i = 0; i < n; i++)
		if (!ecmdq_off(s, ecmdq(s, i)))
			return false;
	return true;
}

/* The SMMU's own queue works. What does not come up is not used. */
void lz_smmu_lanes_on(struct lz_smmu *s)
{
	unsigned n = s->lanes_room, up = 0;

	if (!LZ_CONFIG_LANES || !n)
		return;
	if (s->cmdqv) {
		if (!cmdqv_enable(s, false) || !cmdqv_enable(s, true))
			n = 0;
		else
			cmdqv_assign(s);
		n = n && vintf_up(s, n) ? n : 0;
	}
	while (up < n && (s->cmdqv ? vcmdq_up : ecmdq_up)(&s->lanes[up]))
		up++;
	if (up < s->lanes_room)
		lz_log(s->lz, LZ_LOG_WARN, s->iommu.name,
		       "only %u of %u further command queues can be used", up, s->lanes_room);
	s->n_lanes = up;
	s->iommu.traits.queues_apart = up && s->own_timeouts;
	for (unsigned i = 0; up && i < LZ_MAX_CPUS; i++)
		s->lane[i] = &s->lanes[i % up];
}

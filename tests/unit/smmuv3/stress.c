/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everybody at once, at random: three tasks and two workers map, unmap (also in
 * interrupts), attach, detach, reset, remove and add again, while two of four
 * devices stop answering now and then. No physical page is used twice, so a
 * page that was given back must never be reached again (A); the two sound
 * devices are never found broken (C); in the end everybody recovers (D) and the
 * rig checks that nothing is left over (E).
 */
#include "tests/hazards/rig.h"

#include <stdlib.h>
#include <string.h>

#define DOMS	      2u
#define SLOTS	      12u
#define TASKS	      3u
#define PAGES	      4096u
#define IOVA(i)	      (0x10000000ull + (i)*LZ_PAGE)
#define NEVER_DEAD(i) ((i) >= 2)

enum slot_state { EMPTY, BUSY, MAPPED, HELD };

struct slot {
	enum slot_state state;
	unsigned page;
	bool released; /* while BUSY */
};

struct stress {
	struct rig *rig;
	struct lz_domain *dom[DOMS];
	struct slot slot[DOMS][SLOTS];
	bool free_page[PAGES];
	unsigned next_page;
	unsigned users[RIG_DEVS]; /* operations that use the pointer */
	bool absent[RIG_DEVS];	  /* being removed or added */
	bool resetting[RIG_DEVS];
	bool dead[RIG_DEVS];
	unsigned ops, running;
	uint64_t random;
	struct sim_worker worker;
};

static struct stress st;

static unsigned pick(unsigned n)
{
	st.random ^= st.random << 13;
	st.random ^= st.random >> 7;
	st.random ^= st.random << 17;
	return (unsigned)(st.random % n);
}

/* ---- oracle A ---- */

static void check_dma(struct rig *r, unsigned i)
{
	uint64_t page = (r->dma_pa - RIG_MEM) / LZ_PAGE;

	if (r->dma_pa && page < PAGES && st.free_page[page])
		fail_msg("device %u reached page %u after it was free (seed %u)", i, (unsigned)page,
			 (unsigned)r->opt.seed);
}

static void give_back(struct slot *s)
{
	st.free_page[s->page] = true;
	s->state = EMPTY;
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct slot *table = ctx;

	(void)dom;
	for (unsigned i = 0; i < SLOTS; i++) {
		if (IOVA(i) < iova || IOVA(i) >= iova + size)
			continue;
		assert_true(table[i].state == BUSY || table[i].state == HELD);
		if (table[i].state == HELD)
			give_back(&table[i]);
		else
			table[i].released = true;
	}
}

static const struct lz_domain_ops domain_ops = {.release = on_release};

/* ---- operations ---- */

static void op_map(void)
{
	unsigned d = pick(DOMS), i = pick(SLOTS);
	struct slot *s = &st.slot[d][i];

	if (s->state != EMPTY || st.next_page == PAGES)
		return;
	s->state = BUSY;
	s->page = st.next_page++;
	assert_int_equal(lz_map(st.dom[d], IOVA(i), RIG_MEM + s->page * LZ_PAGE, LZ_PAGE,
				LZ_READ | LZ_WRITE),
			 LZ_OK);
	s->state = MAPPED;
}

static void op_unmap(void)
{
	unsigned d = pick(DOMS), i = pick(SLOTS);
	struct slot *s = &st.slot[d][i];
	enum lz_status r;

	if (s->state != MAPPED)
		return;
	s->state = BUSY;
	s->released = false;
	r = pick(2) ? lz_unmap(st.dom[d], IOVA(i), LZ_PAGE)
		    : rig_unmap_irq(st.dom[d], IOVA(i), LZ_PAGE);
	assert_true(r == LZ_OK || r == LZ_IN_CUSTODY);
	if (r == LZ_OK || s->released)
		give_back(s);
	else
		s->state = HELD;
}

static struct lz_device *get(unsigned i)
{
	if (st.absent[i] || !st.rig->dev[i].dev)
		return NULL;
	st.users[i]++;
	return st.rig->dev[i].dev;
}

static void op_dma(void)
{
	unsigned i = pick(RIG_DEVS);

	st.rig->dma_pa = 0;
	if (pick(3))
		(void)rig_dma(st.rig, i, IOVA(pick(SLOTS)), true);
	else
		(void)rig_dma_cached(st.rig, i);
	check_dma(st.rig, i);
}

static void op_attach(void)
{
	unsigned i = pick(RIG_DEVS), d = pick(DOMS);
	struct lz_device *dev = get(i);
	enum lz_status r;

	if (!dev)
		return;
	r = lz_attach(dev, st.dom[d]);
	assert_true(r == LZ_OK || r == LZ_EBUSY || r == LZ_ETIMEDOUT || r == LZ_EIO);
	st.users[i]--;
}

static void op_pasid(void)
{
	unsigned i = pick(RIG_DEVS), d = pick(DOMS), pasid = 1 + pick(2);
	struct lz_device *dev = get(i);

	if (!dev)
		return;
	if (pick(2))
		(void)!lz_attach_pasid(dev, pasid, st.dom[d]);
	else
		lz_detach_pasid(dev, pasid);
	st.users[i]--;
}

static void op_detach(void)
{
	unsigned i = pick(RIG_DEVS);
	struct lz_device *dev = get(i);

	if (!dev)
		return;
	lz_detach(dev);
	st.users[i]--;
}

static void op_reset(void)
{
	unsigned i = pick(RIG_DEVS);
	struct lz_device *dev = st.resetting[i] ? NULL : get(i);

	if (!dev)
		return;
	st.resetting[i] = true;
	if (pick(4)) {
		if (pick(2))
			st.dead[i] = false, lzm_ep_fault(st.rig->dev[i].ep, LZM_EP_SOUND, 0, 0);
		(void)!lz_pci_reset_flr(dev);
	} else if (lz_reset_prepare(dev) == LZ_OK) {
		rig_sleep(pick(3) * LZ_US(300));
		(void)!lz_reset_done(dev, pick(2) ? LZ_RESET_NOT_ATTEMPTED : LZ_RESET_FAILED);
	}
	st.resetting[i] = false;
	st.users[i]--;
}

static void op_silence(void)
{
	unsigned i = pick(2);

	if (pick(4))
		return;
	st.dead[i] = true;
	if (pick(2))
		lzm_ep_fault(st.rig->dev[i].ep, LZM_EP_ATC_SILENT_N, 1 + pick(3), 0);
	else
		rig_silence(st.rig, i);
}

static void add_again(unsigned i)
{
	struct rig_dev *d = &st.rig->dev[i];
	uint32_t sids[LZ_MAX_STREAMS];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = st.rig->iommu,
				      .streams = sids,
				      .n_streams = st.rig->opt.streams,
				      .pci = &d->pci,
				      .ats = true,
				      .pasid_bits = st.rig->opt.pasid_bits,
				      .owner = &d->owner,
				      .owner_ctx = d};

	/* The ladder may have taken bus master away: its driver's to set. */
	lzm_ep_cfg_write(d->ep, 4, 2, lzm_ep_cfg_read(d->ep, 4, 2) | 6);
	for (unsigned k = 0; k < st.rig->opt.streams; k++)
		sids[k] = d->sid + k;
	if (lz_device_add(d->group, &desc, &d->dev) != LZ_OK)
		d->dev = NULL;
}

static void op_remove(void)
{
	unsigned i = pick(RIG_DEVS);

	if (st.absent[i] || st.users[i] || pick(3))
		return;
	st.absent[i] = true;
	if (st.rig->dev[i].dev)
		rig_remove(st.rig, i);
	if (pick(2))
		rig_sleep(pick(5) * LZ_MS(1));
	add_again(i);
	st.absent[i] = false;
}

static void op_report(void)
{
	struct lz_device *dev = pick(8) ? NULL : get(0);

	if (!dev)
		return;
	lz_device_report_broken(dev);
	st.users[0]--;
}

static void op_sleep(void)
{
	static const lz_ns ns[] = {LZ_US(1), LZ_US(20), LZ_US(500), LZ_MS(3)};

	rig_sleep(ns[pick(4)]);
}

static void task(void *arg)
{
	static void (*const op[])(void) = {op_map,    op_map,	 op_map,    op_unmap, op_unmap,
					   op_unmap,  op_dma,	 op_dma,    op_dma,   op_dma,
					   op_attach, op_attach, op_detach, op_reset, op_silence,
					   op_remove, op_report, op_pasid,  op_sleep, op_sleep};

	(void)arg;
	for (unsigned i = 0; i < st.ops; i++)
		op[pick(sizeof(op) / sizeof(op[0]))]();
	st.running--;
}

/* ---- in the end ---- */

static bool tasks_done(struct rig *r)
{
	(void)r;
	return !st.running;
}

static bool is_healthy(unsigned i)
{
	struct lz_health h;

	lz_device_health(st.rig->dev[i].dev, &h);
	return h.fence == LZ_FENCE_OPEN && !h.block;
}

/* With a sync that fails until a device is reset nobody gets on before it was,
 * be it in the library or not. */
static bool heal(struct rig *r)
{
	bool well = true;

	for (unsigned i = 0; i < RIG_DEVS; i++) {
		lzm_ep_fault(r->dev[i].ep, LZM_EP_SOUND, 0, 0);
		if (!r->dev[i].dev) {
			lzm_ep_bus_reset(r->dev[i].ep);
			rig_sleep(LZ_SEC(1));
			add_again(i);
		}
		if (r->dev[i].dev && !is_healthy(i))
			(void)!lz_pci_reset_flr(r->dev[i].dev);
		well = well && r->dev[i].dev && is_healthy(i);
	}
	return well;
}

/* Hardware that tells late, or never, has everybody look healthy until then: who is
 * found broken only now needs its reset now. */
static bool recovered(struct rig *r)
{
	return heal(r) && rig_until(r, rig_idle, LZ_SEC(5)) && heal(r);
}

static void check_recovered(struct rig *r, unsigned i)
{
	bool now, uncached;
	enum lz_status s = LZ_EBUSY;

	for (unsigned tries = 0; s != LZ_OK && tries < 100; tries++) {
		s = lz_attach(r->dev[i].dev, st.dom[0]);
		if (s != LZ_OK)
			rig_sleep(LZ_SEC(1));
	}
	assert_int_equal(s, LZ_OK);
	lzm_smmu_eats_effective(r->smmu, r->dev[i].sid, &now, &uncached);
	assert_true(now);
	assert_true(uncached);
	assert_true(lzm_ep_ats_enabled(r->dev[i].ep));
	r->dma_pa = 0;
	if (st.slot[0][0].state == MAPPED) {
		assert_true(rig_dma(r, i, IOVA(0), true));
		check_dma(r, i);
	}
}

static void check_innocent(struct rig *r)
{
	for (unsigned i = 0; i < r->n_events; i++) {
		const struct rig_event *e = &r->events[i];

		if (e->ev.kind == LZ_EV_QUARANTINED && e->device >= 0 && NEVER_DEAD(e->device) &&
		    e->ev.evidence != LZ_EVIDENCE_ASSUMED)
			fail_msg("device %d is sound (seed %u)", e->device, (unsigned)r->opt.seed);
	}
}

static void body(struct rig *r)
{
	unsigned ops = st.ops;

	memset(&st, 0, sizeof(st));
	st.rig = r;
	st.ops = ops;
	st.random = r->opt.seed * 0x9e3779b97f4a7c15ull + 12345;
	st.running = TASKS;
	st.worker.lz = r->lz;
	sim_task("second worker", 2, sim_worker_task, &st.worker);
	for (unsigned d = 0; d < DOMS; d++)
		assert_int_equal(lz_domain_create(r->iommu, LZ_DOMAIN_PAGING, &domain_ops,
						  st.slot[d], &st.dom[d]),
				 LZ_OK);
	for (unsigned i = 0; i < RIG_DEVS; i++)
		(void)!lz_attach(r->dev[i].dev, st.dom[i & 1]);
	for (unsigned t = 0; t < TASKS; t++)
		sim_task("stress", t == 1 ? 3 : t, task, NULL);
	assert_true(rig_until(r, tasks_done, LZ_SEC(3000)));
	check_innocent(r);
	for (unsigned tries = 0; !recovered(r); tries++) {
		assert_true(tries < 60);
		rig_sleep(LZ_SEC(5));
	}
	for (unsigned d = 0; d < DOMS; d++)
		for (unsigned i = 0; i < SLOTS; i++)
			assert_true(st.slot[d][i].state == EMPTY || st.slot[d][i].state == MAPPED);
	for (unsigned i = 0; i < RIG_DEVS; i++)
		check_recovered(r, i);
	for (unsigned i = 0; i < RIG_DEVS; i++)
		lz_detach(r->dev[i].dev);
	for (unsigned d = 0; d < DOMS; d++) {
		enum lz_status s = lz_domain_destroy(st.dom[d]);

		assert_true(s == LZ_OK || s == LZ_IN_CUSTODY);
	}
	st.worker.stop = true;
	rig_sleep(LZ_MS(200));
}

/* STRESS_SEEDS, STRESS_FROM and STRESS_REGIME choose other runs. */
static void everybody_at_once(void **state)
{
	static const unsigned log2[] = {2, 3, 6};
	unsigned seeds = getenv("STRESS_SEEDS") ? (unsigned)atoi(getenv("STRESS_SEEDS")) : 2;
	unsigned from = getenv("STRESS_FROM") ? (unsigned)atoi(getenv("STRESS_FROM")) : 0;
	const char *name, *only = getenv("STRESS_REGIME");

	(void)state;
	for (unsigned k = 0; (name = lzm_smmu_regime_name(k)) != NULL; k++) {
		if (only && strcmp(only, name))
			continue;
		for (unsigned seed = from; seed < from + seeds; seed++) {
			struct rig_opts o = {.devs = RIG_DEVS,
					     .streams = 1,
					     .pasid_bits = 2,
					     .cmdq_log2 = log2[seed % 3],
					     .regime = name,
					     .ats_timeout = seed & 1 ? LZ_US(50) : LZ_MS(2),
					     .seed = seed,
					     .switch_one_in = 1 + seed % 9};

			st.ops = 60;
			print_message("%s, seed %u\n", name, seed);
			rig_run(&o, body);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

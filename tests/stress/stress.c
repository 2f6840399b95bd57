/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on real threads: one thread per device attaches, detaches,
 * breaks, resets and removes it; others map and unmap in domains that all
 * devices share, in task and in interrupt context; DMA runs all the time. What
 * must hold whatever happens:
 *
 *   A  no access reaches a page that the library has given back
 *   C  the device that never broke is never named
 *   E  the books balance at the end (rig)
 *
 * stress [operations per thread] [seed]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/rig.h"

#define DOMAINS	   3u
#define MAPPERS	   3u
#define SLOTS	   24u /* per mapper and domain */
#define SLOT_PAGES 8u
#define SPARE	   8u /* pages more than slots need */
#define PAGES	   (DOMAINS * SLOTS * SLOT_PAGES + SPARE)
#define SOUND	   (RIG_DEVS - 1) /* the device that never breaks */

enum slot_state { EMPTY, MAPPED, LEAVING };

struct slot {
	uint32_t state;	      /* enum slot_state; atomic */
	uint32_t left;	      /* pages not released yet; atomic */
	uint32_t page, pages; /* page number in the mapper's pool */
};

struct mapper {
	struct rig *r;
	unsigned index;
	uint64_t rng;
	struct slot slot[DOMAINS][SLOTS];
	uint32_t owned[PAGES]; /* 1: the hardware may reach it; atomic */
	uint32_t next;
};

struct owner {
	struct rig *r;
	unsigned index;
	uint64_t rng;
};

struct stress {
	struct lz_domain *dom[DOMAINS];
	struct mapper mapper[MAPPERS];
	struct owner owner[RIG_DEVS];
	uint64_t dma_rng, dma_next; /* [hw lock] */
	uint32_t dma_on;	    /* atomic: while nothing passes untranslated */
	uint32_t stray, framed;	    /* atomic: broken promises */
	uint32_t failures;	    /* atomic: unexpected answers */
	uint64_t dmas, custody;	    /* atomic: for the summary */
};

static unsigned operations = 300;
static uint64_t seed = 1;

static uint32_t pick(uint64_t *rng, uint32_t n)
{
	*rng = *rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*rng >> 33) % n;
}

static uint32_t get(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void put(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

#define EXPECT(s, cond, what)                                                             \
	do {                                                                              \
		if (!(cond)) {                                                            \
			fprintf(stderr, "line %d: %s: %d\n", __LINE__, #cond, (int)what); \
			__atomic_fetch_add(&(s)->failures, 1, __ATOMIC_RELAXED);          \
		}                                                                         \
	} while (0)

/* ---- who may reach what ---- */

static uint64_t pa_of(const struct mapper *m, uint32_t page)
{
	return RIG_MEM + (((uint64_t)m->index << 20) + page) * LZ_PAGE;
}

static lz_iova iova_of(unsigned mapper, unsigned slot)
{
	return RIG_IOVA + ((uint64_t)mapper << 24) + (uint64_t)slot * SLOT_PAGES * LZ_PAGE;
}

/* [hw lock] */
static void on_dma(struct rig *r, unsigned device, uint64_t pa, bool translated)
{
	struct stress *s = r->test;
	uint64_t page = (pa - RIG_MEM) / LZ_PAGE;
	uint64_t mapper = page >> 20;

	s->dmas++;
	page &= (1u << 20) - 1;
	if (pa >= RIG_MEM && mapper < MAPPERS && page < PAGES &&
	    get(&s->mapper[mapper].owned[page]))
		return;
	fprintf(stderr, "stray access of device %u to 0x%llx (translated %d)\n", device,
		(unsigned long long)pa, translated);
	__atomic_fetch_add(&s->stray, 1, __ATOMIC_RELAXED);
}

static void give_back(struct mapper *m, struct slot *slot, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		put(&m->owned[slot->page + i], 0);
	if (__atomic_sub_fetch(&slot->left, n, __ATOMIC_ACQ_REL) == 0)
		put(&slot->state, EMPTY);
}

static void on_release(struct rig *r, struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct stress *s = r->test;
	unsigned d = 0;

	while (d < DOMAINS && s->dom[d] != dom)
		d++;
	for (; size; size -= LZ_PAGE, iova += LZ_PAGE) {
		uint64_t off = iova - RIG_IOVA;
		struct mapper *m = &s->mapper[off >> 24];
		uint32_t page = (uint32_t)((off & 0xffffff) / LZ_PAGE);

		EXPECT(s, d < DOMAINS && off >> 24 < MAPPERS, off >> 24);
		give_back(m, &m->slot[d][page / SLOT_PAGES], page % SLOT_PAGES, 1);
	}
}

static void on_event(struct rig *r, const struct lz_event *ev)
{
	struct stress *s = r->test;

	if (ev->kind == LZ_EV_QUARANTINED && ev->evidence != LZ_EVIDENCE_ASSUMED &&
	    lz_device_user(ev->device) == &r->dev[SOUND])
		__atomic_fetch_add(&s->framed, 1, __ATOMIC_RELAXED);
}

/* ---- mappers ---- */

/* Pages in a row that nobody may reach, or PAGES. */
static uint32_t find_pages(struct mapper *m, uint32_t n)
{
	for (uint32_t tried = 0; tried < PAGES; tried++) {
		uint32_t first = m->next = (m->next + 1) % PAGES, k = 0;

		while (k < n && first + k < PAGES && !get(&m->owned[first + k]))
			k++;
		if (k == n)
			return first;
	}
	return PAGES;
}

static void map_slot(struct mapper *m, unsigned d, unsigned i)
{
	struct stress *s = m->r->test;
	struct slot *slot = &m->slot[d][i];
	uint32_t n = 1 + pick(&m->rng, SLOT_PAGES), page = find_pages(m, n);
	enum lz_status st;

	if (page == PAGES)
		return;
	for (uint32_t k = 0; k < n; k++)
		put(&m->owned[page + k], 1);
	slot->page = page;
	slot->pages = n;
	put(&slot->left, n);
	put(&slot->state, MAPPED);
	st = lz_map(s->dom[d], iova_of(m->index, i), pa_of(m, page), n * LZ_PAGE,
		    LZ_READ | LZ_WRITE);
	EXPECT(s, st == LZ_OK, st);
}

static void unmapped(struct mapper *m, struct slot *slot, enum lz_status st)
{
	struct stress *s = m->r->test;

	EXPECT(s, st == LZ_OK || st == LZ_IN_CUSTODY, st);
	if (st == LZ_OK)
		give_back(m, slot, 0, slot->pages);
	else
		__atomic_fetch_add(&s->custody, 1, __ATOMIC_RELAXED);
}

static void unmap_slot(struct mapper *m, unsigned d, unsigned i)
{
	struct stress *s = m->r->test;
	struct slot *slot = &m->slot[d][i];
	lz_iova iova = iova_of(m->index, i);
	size_t size = slot->pages * LZ_PAGE;

	put(&slot->state, LEAVING);
	if (pick(&m->rng, 3) == 0)
		unmapped(m, slot, rig_unmap_irq(s->dom[d], iova, size));
	else
		unmapped(m, slot, lz_unmap(s->dom[d], iova, size));
}

/* Few enough for one sync, so that all of it has one outcome. */
static void gather(struct mapper *m, unsigned d, unsigned from)
{
	struct stress *s = m->r->test;
	struct lz_gather g = {0};
	struct slot *in[LZ_GATHER_RANGES];
	unsigned k = 0;
	enum lz_status st;

	for (unsigned i = from; i < SLOTS && i < from + LZ_GATHER_RANGES; i++) {
		struct slot *slot = &m->slot[d][i];

		if (get(&slot->state) != MAPPED)
			continue;
		put(&slot->state, LEAVING);
		st = lz_unmap_gather(s->dom[d], iova_of(m->index, i), slot->pages * LZ_PAGE, &g);
		EXPECT(s, st == LZ_OK, st);
		in[k++] = slot;
	}
	if (!k)
		return;
	st = lz_gather_sync(&g);
	for (unsigned i = 0; i < k; i++)
		unmapped(m, in[i], st);
}

static void mapper_main(void *arg)
{
	struct mapper *m = arg;

	for (unsigned op = 0; op < operations * 4; op++) {
		unsigned d = pick(&m->rng, DOMAINS), i = pick(&m->rng, SLOTS);
		uint32_t state = get(&m->slot[d][i].state);

		if (state == EMPTY)
			map_slot(m, d, i);
		else if (state == MAPPED && pick(&m->rng, 8) == 0)
			gather(m, d, i);
		else if (state == MAPPED)
			unmap_slot(m, d, i);
		else
			host_sleep(LZ_US(20));
	}
	for (unsigned d = 0; d < DOMAINS; d++)
		for (unsigned i = 0; i < SLOTS; i++)
			if (get(&m->slot[d][i].state) == MAPPED)
				unmap_slot(m, d, i);
}

/* ---- owners of devices ---- */

static void bus_reset(struct rig_dev *d)
{
	host_hw_lock();
	lzm_ep_fault(d->ep, LZM_EP_SOUND, 0, 0);
	lzm_ep_bus_reset(d->ep);
	host_hw_unlock();
	host_sleep(LZ_MS(2));
	d->pci.write(d->pci.ctx, 0x04, 2, 0x0006); /* memory, bus master */
}

static void add(struct owner *o)
{
	struct stress *s = o->r->test;
	struct rig_dev *d = &o->r->dev[o->index];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = o->r->unit[0].iommu,
				      .streams = &d->sid,
				      .n_streams = 1,
				      .pci = &d->pci,
				      .ats = true,
				      .owner = &d->owner,
				      .owner_ctx = d,
				      .user = d};
	enum lz_status st;

	/* The queue may stand still, and with it the removal of the old one: on
	 * some hardware until the device that does not answer is reset again. */
	while ((st = lz_device_add(d->group, &desc, &d->dev)) == LZ_ETIMEDOUT || st == LZ_EEXIST) {
		host_sleep(LZ_MS(20));
		bus_reset(d);
	}
	EXPECT(s, st == LZ_OK, st);
}

static void replace(struct owner *o)
{
	struct stress *s = o->r->test;
	struct rig_dev *d = &o->r->dev[o->index];
	enum lz_status st = lz_device_remove(d->dev);

	EXPECT(s, st == LZ_OK, st);
	d->dev = NULL;
	bus_reset(d);
	add(o);
}

static void reset(struct owner *o, unsigned how)
{
	struct stress *s = o->r->test;
	struct lz_device *dev = o->r->dev[o->index].dev;
	enum lz_status st;

	if (how < 4) {
		/* ENOTSUP: its config space shows nothing any more. */
		st = lz_pci_reset_flr(dev);
		EXPECT(s,
		       st == LZ_OK || st == LZ_EIO || st == LZ_ETIMEDOUT || st == LZ_EBUSY ||
			       st == LZ_ENODEV || st == LZ_ENOTSUP,
		       st);
		return;
	}
	st = lz_reset_prepare(dev);
	EXPECT(s, st == LZ_OK || st == LZ_EBUSY, st);
	if (st != LZ_OK)
		return;
	host_sleep(LZ_US(100));
	st = lz_reset_done(dev, how == 4 ? LZ_RESET_NOT_ATTEMPTED : LZ_RESET_FAILED);
	EXPECT(s, st == LZ_OK || st == LZ_EIO || st == LZ_ETIMEDOUT, st);
}

static void harm(struct owner *o)
{
	static const enum lzm_ep_fault fault[] = {LZM_EP_ATC_SILENT,	  LZM_EP_ATC_SILENT,
						  LZM_EP_ATC_SILENT_N,	  LZM_EP_ATC_RANGES,
						  LZM_EP_ATC_UNSUPPORTED, LZM_EP_REMOVED};
	unsigned n = sizeof(fault) / sizeof(fault[0]);

	if (o->index == SOUND)
		return;
	if (pick(&o->rng, 8) == 0) {
		lz_device_report_broken(o->r->dev[o->index].dev);
		return;
	}
	host_hw_lock();
	lzm_ep_fault(o->r->dev[o->index].ep, fault[pick(&o->rng, n)], 2, 0);
	host_hw_unlock();
}

static void owner_step(struct owner *o)
{
	struct stress *s = o->r->test;
	struct lz_device *dev = o->r->dev[o->index].dev;
	unsigned what = pick(&o->rng, 100);
	struct lz_health h;
	enum lz_status st;

	lz_device_health(dev, &h);
	if (h.block && what < 50) {
		reset(o, what % 6);
	} else if (h.block && what < 70) {
		replace(o);
	} else if (what < 55) {
		st = lz_attach(dev, s->dom[pick(&o->rng, DOMAINS)]);
		EXPECT(s, st == LZ_OK || st == LZ_EBUSY || st == LZ_EIO || st == LZ_ETIMEDOUT, st);
	} else if (what < 62) {
		lz_detach(dev);
	} else if (what < 76) {
		harm(o);
	} else if (what < 80) {
		reset(o, what % 6);
	} else if (what < 83) {
		replace(o);
	} else {
		host_sleep(LZ_US(500));
	}
}

static void owner_main(void *arg)
{
	struct owner *o = arg;

	for (unsigned op = 0; op < operations; op++)
		owner_step(o);
	/* So that custody empties. */
	replace(o);
}

/* ---- hardware ---- */

static bool dma_step(void *arg)
{
	struct rig *r = arg;
	struct stress *s = r->test;
	struct lzm_ep *ep = r->dev[pick(&s->dma_rng, RIG_DEVS)].ep;

	if (!get(&s->dma_on) || host_hw_now(NULL) < s->dma_next)
		return false;
	s->dma_next = host_hw_now(NULL) + 20000;
	(void)lzm_ep_dma_cached(ep, LZM_WRITE);
	(void)lzm_ep_dma(ep,
			 iova_of(pick(&s->dma_rng, MAPPERS), pick(&s->dma_rng, SLOTS)) +
				 pick(&s->dma_rng, SLOT_PAGES) * LZ_PAGE,
			 LZM_WRITE);
	return true;
}

static uint64_t dma_wake(void *arg)
{
	return ((struct stress *)((struct rig *)arg)->test)->dma_next;
}

static void build(struct rig *r)
{
	static struct stress stress; /* the hardware may look at it until the port stops */
	struct stress *s = &stress;

	memset(s, 0, sizeof(*s));
	r->test = s;
	s->dma_rng = seed;
	for (unsigned i = 0; i < MAPPERS; i++)
		s->mapper[i] = (struct mapper){.r = r, .index = i, .rng = seed * 100 + i};
	for (unsigned i = 0; i < RIG_DEVS; i++)
		s->owner[i] = (struct owner){.r = r, .index = i, .rng = seed * 200 + i};
	host_hw_add(&(struct host_hw){"dma", dma_step, dma_wake, r});
}

/* ---- the job ---- */

struct job {
	void (*fn)(void *arg);
	void *arg;
};

static void run_job(void *arg)
{
	((struct job *)arg)->fn(((struct job *)arg)->arg);
}

static void body(struct rig *r)
{
	struct stress *s = r->test;
	struct job job[MAPPERS + RIG_DEVS];
	void *arg[MAPPERS + RIG_DEVS];
	unsigned n = 0;

	for (unsigned d = 0; d < DOMAINS; d++)
		s->dom[d] = rig_domain(r);
	for (unsigned i = 0; i < MAPPERS; i++)
		job[n++] = (struct job){mapper_main, &s->mapper[i]};
	for (unsigned i = 0; i < RIG_DEVS; i++)
		job[n++] = (struct job){owner_main, &s->owner[i]};
	for (unsigned i = 0; i < n; i++)
		arg[i] = &job[i];
	put(&s->dma_on, 1);
	host_tasks(run_job, arg, n);

	assert_true(rig_until(r, rig_idle));
	for (unsigned i = 0; i < MAPPERS; i++)
		for (unsigned p = 0; p < PAGES; p++)
			if (get(&s->mapper[i].owned[p]))
				fail_msg("page %u of mapper %u was never given back", p, i);
	for (unsigned d = 0; d < DOMAINS; d++)
		rig_drop(r, s->dom[d]);
	print_message(
		"%s: %llu accesses, %llu unmaps into custody, %u quarantines, %u recoveries\n",
		r->opt.regime ? r->opt.regime : "mild", (unsigned long long)s->dmas,
		(unsigned long long)s->custody, rig_count(r, LZ_EV_QUARANTINED, -1),
		rig_count(r, LZ_EV_RECOVERED, -1));
	assert_int_equal(s->stray, 0);
	assert_int_equal(s->framed, 0);
	assert_int_equal(s->failures, 0);
	put(&s->dma_on, 0);
}

static void run(const char *regime)
{
	rig_run(&(struct rig_opts){.devs = RIG_DEVS,
				   .regime = regime,
				   .hurry = 50,
				   .sync_bound = LZ_MS(100),
				   .late_bound = LZ_SEC(2),
				   .setup = build,
				   .on_event = on_event,
				   .on_release = on_release,
				   .on_dma = on_dma},
		body);
}

static void mild_hardware(void **state)
{
	(void)state;
	run(NULL);
}

/* Every regime of the model, with fewer operations. */
static void every_regime(void **state)
{
	unsigned all = operations;
	const char *name;

	(void)state;
	operations = all / 8;
	for (unsigned i = 0; (name = lzm_smmu_regime_name(i)) != NULL; i++)
		run(name);
	operations = all;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mild_hardware),
		cmocka_unit_test(every_regime),
	};

	if (argc > 1)
		operations = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* See bench.h. */
#include "tests/unit/core/bench.h"

#include <stdio.h>
#include <string.h>

struct bench bench;

static bench_body current_body;
static unsigned running;

/* ---- what the library tells ---- */

static void on_event(void *ctx, const struct lz_event *ev)
{
	(void)ctx;
	if (bench.n_ev < BENCH_EVENTS)
		bench.ev[bench.n_ev++] = *ev;
}

static void on_log(void *ctx, enum lz_log_level level, const char *line)
{
	(void)ctx, (void)level;
	snprintf(bench.last_log, sizeof(bench.last_log), "%s", line);
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)ctx;
	if (bench.on_release)
		bench.on_release(&bench, dom, iova, size);
	if (bench.n_released < BENCH_RELEASES) {
		bench.released[bench.n_released].iova = iova;
		bench.released[bench.n_released++].size = size;
	}
}

static void on_destroyed(void *ctx)
{
	(void)ctx;
	bench.n_destroyed++;
}

static void on_detected(void *ctx, struct lz_device *dev, enum lz_evidence evidence,
			uint32_t generation)
{
	(void)ctx, (void)evidence, (void)generation;
	bench.n_detected++;
	if (bench.on_error)
		bench.on_error(&bench, dev);
}

static void on_resume(void *ctx, struct lz_device *dev)
{
	(void)ctx, (void)dev;
	bench.n_resumed++;
}

static void on_blocked(void *ctx, struct lz_device *dev, unsigned cause, uint32_t generation)
{
	(void)ctx, (void)dev;
	bench.n_blocked++;
	bench.cause = cause;
	bench.cause_generation = generation;
}

static const struct lz_domain_ops domain_ops = {.release = on_release, .destroyed = on_destroyed};
static const struct lz_owner_ops owner_ops = {
	.error_detected = on_detected,
	.resume = on_resume,
	.blocked = on_blocked,
};

/* ---- the run ---- */

static void main_task(void *arg)
{
	struct lz_stats s;

	(void)arg;
	assert_int_equal(lz_init(sim_port(), &bench.cfg, &bench.lz), LZ_OK);
	fake_init(&bench.fake, bench.lz);
	bench.iommu = &bench.fake.iommu;
	bench.worker = (struct sim_worker){.lz = bench.lz};
	sim_task("worker", 1, sim_worker_task, &bench.worker);
	current_body(&bench);

	bench_settle();
	lz_stats_get(bench.lz, &s);
	assert_int_equal(s.custody_pages, 0);
	assert_int_equal(s.blocked_ids, 0);
	assert_int_equal(s.references, 0);
	bench.worker.stop = true;
	assert_int_equal(lz_iommu_fini(bench.iommu), LZ_OK);
	assert_int_equal(lz_fini(bench.lz), LZ_OK);
}

void bench_run(uint64_t seed, unsigned switch_one_in, bench_tune tune, bench_body body)
{
	struct sim_config cfg = {
		.cpus = 4,
		.seed = seed,
		.switch_one_in = switch_one_in,
		.op_cost = 2,
		.dma_bytes = 4u << 20,
		.dma_base = 0x80000000,
		.log = on_log,
	};
	struct sim_stats st;

	memset(&bench, 0, sizeof(bench));
	running = 0;
	bench.seed = seed;
	lz_config_default(&bench.cfg);
	bench.cfg.sync_bound = LZ_MS(1);
	bench.cfg.event = on_event;
	if (tune)
		tune(&bench.cfg);
	current_body = body;
	sim_start(&cfg);
	sim_task("main", 0, main_task, NULL);
	assert_int_equal(sim_run(LZ_SEC(100)), 0);
	sim_stats_get(&st);
	if (st.violations)
		print_error("seed %llu: %s\n", (unsigned long long)seed, st.first_violation);
	if (bench.fake.rules_broken)
		print_error("seed %llu: %s\n", (unsigned long long)seed, bench.fake.first_broken);
	assert_int_equal(st.violations, 0);
	assert_int_equal(bench.fake.rules_broken, 0);
	assert_int_equal(st.live_allocs, 0);
	sim_stop();
}

void bench_seeds(unsigned n, bench_body body)
{
	for (unsigned seed = 1; seed <= n; seed++)
		bench_run(seed, 3, NULL, body);
}

/* ---- objects ---- */

struct lz_group *bench_group(unsigned id)
{
	struct lz_group *g;

	assert_int_equal(lz_group_create(bench.lz, id, &g), LZ_OK);
	return g;
}

struct lz_device *bench_device(struct lz_group *g, uint32_t first, unsigned streams,
			       const struct lz_pci_access *pci)
{
	uint32_t ids[LZ_MAX_STREAMS];
	struct lz_device_desc desc = {
		.name = "0000:00:03.0",
		.iommu = bench.iommu,
		.streams = ids,
		.n_streams = streams,
		.pci = pci,
		.ats = true,
		.pasid_bits = 2,
		.owner = &owner_ops,
	};
	struct lz_device *dev;

	for (unsigned i = 0; i < streams; i++)
		ids[i] = first + i;
	assert_int_equal(lz_device_add(g, &desc, &dev), LZ_OK);
	return dev;
}

const struct lz_owner_ops *bench_owner(void)
{
	return &owner_ops;
}

struct lz_domain *bench_domain(void)
{
	struct lz_domain *dom;

	assert_int_equal(lz_domain_create(bench.iommu, LZ_DOMAIN_PAGING, &domain_ops, NULL, &dom),
			 LZ_OK);
	return dom;
}

void bench_one(struct lz_group **g, struct lz_device **dev, struct lz_domain **dom)
{
	*g = bench_group(1);
	*dev = bench_device(*g, 8, 1, NULL);
	*dom = bench_domain();
	assert_int_equal(lz_attach(*dev, *dom), LZ_OK);
}

void bench_one_done(struct lz_group *g, struct lz_device *dev, struct lz_domain *dom)
{
	lz_detach(dev);
	bench_destroy(dom);
	bench_remove(dev, g);
}

void bench_report(struct lz_device *dev, uint32_t generation)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool fits = dev->generation == generation && !(generation & 1);

	if (fits)
		lz_store8(&dev->fence, LZ_FENCE_FENCED);
	lz_spin_unlock(&dev->fence_lock, flags);
	if (fits)
		lz_report_broken(dev, generation, LZ_EVIDENCE_PROBED);
}

void bench_remove(struct lz_device *dev, struct lz_group *g)
{
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	bench_settle();
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

void bench_destroy(struct lz_domain *dom)
{
	unsigned before = bench.n_destroyed;
	enum lz_status r = lz_domain_destroy(dom);

	if (r == LZ_OK)
		return;
	assert_int_equal(r, LZ_IN_CUSTODY);
	bench_settle();
	assert_int_equal(bench.n_destroyed, before + 1);
}

void bench_settle(void)
{
	bench_sleep(LZ_SEC(1));
}

void bench_sleep(lz_ns ns)
{
	sim_sleep_until(sim_now() + ns);
}

unsigned bench_events(enum lz_event_kind k)
{
	unsigned n = 0;

	for (unsigned i = 0; i < bench.n_ev; i++)
		n += bench.ev[i].kind == k;
	return n;
}

int bench_event_at(enum lz_event_kind k)
{
	for (unsigned i = 0; i < bench.n_ev; i++)
		if (bench.ev[i].kind == k)
			return (int)i;
	return -1;
}

void bench_break(struct lz_device *dev, struct lz_domain *dom)
{
	lz_iova iova = 0x7f000000;

	assert_int_equal(lz_map(dom, iova, 0x10000000, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	fake_of(dev)->mute = true;
	assert_int_equal(lz_unmap(dom, iova, LZ_PAGE), LZ_IN_CUSTODY);
	bench_settle();
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
}

/* ---- other tasks ---- */

static struct spawned {
	void (*fn)(void *);
	void *arg;
} spawned[8];

static void spawned_task(void *arg)
{
	struct spawned *s = arg;

	s->fn(s->arg);
	__atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
}

void bench_spawn(const char *name, unsigned cpu, void (*fn)(void *), void *arg)
{
	struct spawned *s = &spawned[running++];

	assert_true(running <= 8);
	*s = (struct spawned){fn, arg};
	sim_task(name, cpu, spawned_task, s);
}

void bench_join(void)
{
	while (running)
		bench_sleep(LZ_US(10));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The oracles themselves: each sees what it is there for, and nothing else. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "bench/oracle.h"

#define IOVA 0x10000u
#define PA   0x40000000u

struct fixture {
	struct rig rig;
	struct result res;
	struct rig_fn fn, *odd[1];
	struct lzm_bus bus;
	struct rig_domain dom;
	struct lzm_ep *ep;
	uint8_t config[256];
};

/* The SMMU of the tests: a linear stream table, and a queue that runs when they say so. */
#define STRTAB 0x1000u
#define CMDQ   0x4000u
#define BYPASS (1u | 4u << 1)
#define ABORT  1u

static uint64_t memory[0x5000 / 8];

static bool read_memory(void *ctx, uint64_t pa, void *buf, size_t len)
{
	(void)ctx;
	if (pa + len > sizeof(memory))
		return false;
	memcpy(buf, (const uint8_t *)memory + pa, len);
	return true;
}

static bool write_memory(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	(void)ctx;
	(void)pa;
	(void)buf;
	(void)len;
	return false;
}

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

static void control(struct fixture *f, unsigned cr0)
{
	lzm_iommu_write(&f->rig.unit[0].model, 0x20, 4, cr0);
	while (lzm_iommu_step(&f->rig.unit[0].model))
		oracle_hardware(&f->rig.unit[0]);
}

static void start_smmu(struct fixture *f)
{
	struct lzm_smmu_config cfg;
	struct lzm_iommu *m = &f->rig.unit[0].model;

	memset(memory, 0, sizeof(memory));
	f->bus = (struct lzm_bus){
		.mem_read = read_memory, .mem_write = write_memory, .now = no_time};
	lzm_smmu_config_default(&cfg);
	m->smmu = lzm_smmu_create(&cfg, &f->bus);
	lzm_iommu_write(m, 0x80, 8, STRTAB);
	lzm_iommu_write(m, 0x88, 4, 6);
	lzm_iommu_write(m, 0x90, 8, CMDQ | 4);
	control(f, 1);
}

static int setup(void **state)
{
	struct sim_config sim = {.cpus = 1, .seed = 1, .dma_bytes = 1 << 20, .dma_base = 1 << 30};
	struct fixture *f = calloc(1, sizeof(*f));
	struct lzm_ep_link link = {.ctx = f, .now = no_time};
	struct lzm_ep_config cfg = {.name = "fn",
				    .config = f->config,
				    .config_len = sizeof(f->config),
				    .add_ats = true};

	/* PCI Express, so that ATS can be added. */
	f->config[0x06] = 0x10;
	f->config[0x34] = 0x40;
	f->config[0x40] = 0x10;
	sim_start(&sim);
	f->rig.hw = &hardware_smmuv3;
	start_smmu(f);
	f->rig.res = &f->res;
	f->rig.unit[0].rig = &f->rig;
	f->rig.n_units = 1;
	f->rig.fns = &f->fn;
	f->rig.n_fns = 1;
	f->rig.odd = f->odd;
	f->rig.armed = true;
	f->res.events = calloc(RESULT_EVENTS, sizeof(*f->res.events));
	f->dom.rig = &f->rig;
	f->dom.id = 1;
	f->fn.rig = &f->rig;
	f->fn.unit = &f->rig.unit[0];
	f->fn.dom = &f->dom;
	f->fn.dev = (struct lz_device *)f; /* compared, never followed */
	f->ep = lzm_ep_create(&cfg, &link);
	f->fn.ep = f->ep;
	strcpy(f->fn.name, "fn");
	assert_true(shadow_init(&f->rig.shadow));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	shadow_fini(&f->rig.shadow);
	lzm_ep_destroy(f->ep);
	lzm_iommu_destroy(&f->rig.unit[0].model);
	free(f->res.events);
	sim_stop();
	free(f);
	return 0;
}

static uint64_t violations(const struct fixture *f, enum inv i)
{
	return f->res.inv[i].violations;
}

static void a_sees_access_to_what_was_given_back(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	oracle_dma(&f->fn, 0, IOVA, PA, true, true); /* never mapped */
	assert_int_equal(f->res.stale_writes, 1);
	shadow_map(s, 1, IOVA, PA, 4096, 0);
	oracle_dma(&f->fn, 0, IOVA + 8, PA + 8, true, true);
	shadow_unmap_begin(s, 1, IOVA, 4096, 0);
	oracle_dma(&f->fn, 0, IOVA, PA, false, true);
	assert_int_equal(violations(f, INV_A), 1);
	shadow_unmap_end(s, 1, IOVA, 4096, false, 0);
	oracle_dma(&f->fn, 0, IOVA, PA, false, true);
	assert_int_equal(f->res.stale_reads, 1);
	assert_int_equal(violations(f, INV_A), 2);
}

static void a_allows_custody_until_release(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	shadow_map(s, 1, IOVA, PA, 8192, 0);
	shadow_unmap_begin(s, 1, IOVA, 8192, 0);
	shadow_unmap_end(s, 1, IOVA, 8192, true, 0);
	assert_int_equal(s->custody_pages, 2);
	assert_true(shadow_pa_held(s, PA));
	oracle_dma(&f->fn, 0, IOVA, PA, true, true);
	assert_int_equal(violations(f, INV_A), 0);
	assert_int_equal(f->res.custody_accesses, 1);
	assert_int_equal(shadow_release(s, 1, IOVA, 4096, 0), 0);
	assert_false(shadow_pa_held(s, PA));
	oracle_dma(&f->fn, 0, IOVA, PA, true, true);
	assert_int_equal(violations(f, INV_A), 1);
	assert_int_equal(shadow_release(s, 1, IOVA, 4096, 0), 1); /* twice is odd */
}

static void a_sees_the_old_page_behind_a_new_mapping(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	shadow_map(s, 1, IOVA, PA, 4096, 0);
	shadow_unmap_begin(s, 1, IOVA, 4096, 0);
	shadow_unmap_end(s, 1, IOVA, 4096, false, 0);
	shadow_map(s, 1, IOVA, PA + 0x5000, 4096, 0);
	oracle_dma(&f->fn, 0, IOVA, PA, false, true);
	assert_int_equal(violations(f, INV_A), 1);
}

static void release_while_the_unmap_returns(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	shadow_map(s, 1, IOVA, PA, 4096, 0);
	shadow_unmap_begin(s, 1, IOVA, 4096, 0);
	assert_int_equal(shadow_release(s, 1, IOVA, 4096, 0), 0);
	shadow_unmap_end(s, 1, IOVA, 4096, true, 0);
	assert_int_equal(s->custody_pages, 0);
	assert_int_equal(shadow_find(s, 1, IOVA / 4096)->state, SHADOW_FREE);
}

static void b_sees_translated_access_of_a_fenced_device(void **state)
{
	struct fixture *f = *state;

	shadow_map(&f->rig.shadow, 1, IOVA, PA, 4096, 0);
	f->fn.fenced = true;
	oracle_dma(&f->fn, 0, IOVA, PA, true, false); /* untranslated: not the fence's business */
	assert_int_equal(violations(f, INV_B), 0);
	oracle_dma(&f->fn, 0, IOVA, PA, true, true);
	assert_int_equal(violations(f, INV_B), 1);
}

/* Does B see it? The device is quarantined, and its DMA got through. */
static bool seen(struct fixture *f)
{
	uint64_t before = violations(f, INV_B);

	oracle_dma(&f->fn, 0, IOVA, PA, true, false);
	return violations(f, INV_B) > before;
}

/* A command, for when the queue runs. */
static void submit(struct fixture *f, uint64_t cmd, uint64_t leaf)
{
	struct lzm_iommu *m = &f->rig.unit[0].model;
	uint64_t prod = lzm_iommu_read(m, 0x98, 4);

	memory[CMDQ / 8 + prod * 2] = cmd;
	memory[CMDQ / 8 + prod * 2 + 1] = leaf;
	lzm_iommu_write(m, 0x98, 4, prod + 1);
}

static void b_excuses_a_block_on_its_way_and_nothing_else(void **state)
{
	struct fixture *f = *state;

	shadow_map(&f->rig.shadow, 1, IOVA, PA, 4096, 0);
	f->fn.blocked = true;
	/* The queue stood when it was blocked. */
	memory[STRTAB / 8] = ABORT;
	submit(f, 0x46, 0);
	oracle_blocked(&f->fn);
	assert_false(seen(f));
	memory[STRTAB / 8] = BYPASS; /* no block is in the entry */
	assert_true(seen(f));
	memory[STRTAB / 8] = ABORT;
	assert_false(seen(f));
	/* All is carried out, and what is cached is not dropped. */
	control(f, 9);
	assert_true(seen(f));
	control(f, 1);
	submit(f, 0x46, 0); /* it has been empty */
	assert_true(seen(f));
	submit(f, 0x03, 1); /* CFGI_STE: it is on its way after all */
	assert_false(seen(f));
	memory[STRTAB / 8] = BYPASS;
	assert_true(seen(f));
	memory[STRTAB / 8] = ABORT;
	control(f, 9);
	assert_true(seen(f));
	/* Nothing was in the queue. */
	oracle_blocked(&f->fn);
	assert_true(seen(f));
	f->fn.blocked = false;
	assert_false(seen(f));
}

/* A restart moves the indices: that is no progress. */
static void b_waits_for_what_is_carried_out(void **state)
{
	struct fixture *f = *state;

	shadow_map(&f->rig.shadow, 1, IOVA, PA, 4096, 0);
	f->fn.blocked = true;
	memory[STRTAB / 8] = ABORT;
	submit(f, 0x46, 0);
	oracle_blocked(&f->fn);
	lzm_iommu_write(&f->rig.unit[0].model, 0x9c, 4, 1);
	oracle_hardware(&f->rig.unit[0]);
	assert_false(seen(f));
	submit(f, 0x46, 0);
	control(f, 9);
	assert_true(seen(f));
}

static void b_sees_who_does_not_answer_and_goes_free(void **state)
{
	static const struct lzm_atc_inv range = {.size = 4096}, all = {.size = 0};
	struct fixture *f = *state;

	f->rig.cfg.contain = LZ_CONTAIN_ON;
	memory[STRTAB / 8] = BYPASS; /* ATSCHK is off: translated requests pass */
	lzm_ep_cfg_write(f->ep, 0x106, 2, 0x8000);
	assert_true(lzm_ep_ats_enabled(f->ep));
	lzm_ep_fault(f->ep, LZM_EP_ATC_SILENT, 0, 0);
	oracle_settled(&f->rig); /* nobody has asked it */
	oracle_invalidate(&f->fn, &all);
	oracle_settled(&f->rig); /* the whole of nothing */
	assert_int_equal(violations(f, INV_B), 0);
	oracle_invalidate(&f->fn, &range);
	oracle_settled(&f->rig);
	assert_int_equal(violations(f, INV_B), 1);
	f->fn.dev = NULL; /* out */
	oracle_settled(&f->rig);
	assert_int_equal(violations(f, INV_B), 1);
}

static struct lz_event quarantine(struct fixture *f, enum lz_evidence e, uint32_t generation)
{
	return (struct lz_event){.kind = LZ_EV_QUARANTINED,
				 .evidence = e,
				 .generation = generation,
				 .device = f->fn.dev};
}

static void c_sees_a_quarantine_of_one_that_answers(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = quarantine(f, LZ_EVIDENCE_PROBED, 0);

	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 1);
	assert_int_equal(f->res.false_quarantines, 1);
}

/* Its removal is not finished; meanwhile it gets a power cycle. */
static void leave(struct fixture *f, bool guilty)
{
	f->fn.last_dev = f->fn.dev = (struct lz_device *)f;
	f->fn.leaving = true;
	f->fn.guilty = guilty;
	f->fn.dev = NULL;
	oracle_reset(&f->fn);
	assert_false(f->fn.guilty);
}

static struct lz_event convicted(struct fixture *f)
{
	return (struct lz_event){.kind = LZ_EV_FENCE_BEGIN,
				 .evidence = LZ_EVIDENCE_NAMED,
				 .device = (struct lz_device *)f};
}

static void c_remembers_guilt_over_a_power_cycle(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = convicted(f);

	leave(f, true);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 0);
	/* That life is over. */
	ev.kind = LZ_EV_REMOVED;
	oracle_event(&f->rig, &ev);
	ev = convicted(f);
	leave(f, false);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 1);
}

/* Fences of resets and removals carry the evidence of the last fault. */
static void c_judges_the_verdict(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = convicted(f);

	ev.kind = LZ_EV_FENCED;
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 0);
	ev.kind = LZ_EV_FENCE_BEGIN;
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 1);
	/* A reset cures it until it is asked again. */
	f->fn.guilty = true;
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 1);
	oracle_reset(&f->fn);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 2);
}

static void c_allows_assumed_and_the_guilty(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = quarantine(f, LZ_EVIDENCE_ASSUMED, 0);

	oracle_event(&f->rig, &ev);
	lzm_ep_fault(f->ep, LZM_EP_ATC_SILENT, 0, 0);
	ev = quarantine(f, LZ_EVIDENCE_PROBED, 2);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 0);
	assert_int_equal(f->fn.n_quarantined, 2);
}

static void g_sees_a_second_event_of_one_generation(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = quarantine(f, LZ_EVIDENCE_NAMED, 4);

	f->fn.guilty = true;
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_G), 0);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_G), 1);
	ev = quarantine(f, LZ_EVIDENCE_NONE, 6);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_G), 2);
}

static void f_sees_a_long_unmap(void **state)
{
	struct fixture *f = *state;

	f->rig.cfg.atomic_wait = LZ_US(100);
	f->rig.cfg.sync_bound = LZ_SEC(1);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_OK, LZ_US(150), true);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_IN_CUSTODY, LZ_MS(900), false);
	assert_int_equal(violations(f, INV_F), 0);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_OK, LZ_MS(1), true);
	assert_int_equal(violations(f, INV_F), 1);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_ENOENT, 0, false);
	assert_int_equal(violations(f, INV_E), 1);
}

/* What lz_device_add() may say of one that comes back, and no more. */
static void only_documented_refusals_pass(void **state)
{
	struct fixture *f = *state;

	for (enum lz_status st = LZ_IN_CUSTODY; st <= LZ_EFAULT; st++)
		assert_int_equal(build_may_refuse(&f->fn, st), st == LZ_EEXIST);
	f->rig.storm = (struct storm *)f;
	for (enum lz_status st = LZ_IN_CUSTODY; st <= LZ_EFAULT; st++)
		assert_int_equal(build_may_refuse(&f->fn, st),
				 st == LZ_EEXIST || st == LZ_ETIMEDOUT);
	lzm_ep_fault(f->ep, LZM_EP_REMOVED, 0, 0);
	assert_true(build_may_refuse(&f->fn, LZ_EIO));
	assert_false(build_may_refuse(&f->fn, LZ_ENOMEM));
	f->rig.armed = false; /* the first time */
	assert_false(build_may_refuse(&f->fn, LZ_EIO) || build_may_refuse(&f->fn, LZ_ETIMEDOUT));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sees_access_to_what_was_given_back),
		TEST(a_allows_custody_until_release),
		TEST(a_sees_the_old_page_behind_a_new_mapping),
		TEST(release_while_the_unmap_returns),
		TEST(b_sees_translated_access_of_a_fenced_device),
		TEST(b_excuses_a_block_on_its_way_and_nothing_else),
		TEST(b_waits_for_what_is_carried_out),
		TEST(b_sees_who_does_not_answer_and_goes_free),
		TEST(c_sees_a_quarantine_of_one_that_answers),
		TEST(c_remembers_guilt_over_a_power_cycle),
		TEST(c_judges_the_verdict),
		TEST(c_allows_assumed_and_the_guilty),
		TEST(g_sees_a_second_event_of_one_generation),
		TEST(f_sees_a_long_unmap),
		TEST(only_documented_refusals_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

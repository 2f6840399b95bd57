/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many of everything on one SMMU whose registers are memory: what one operation costs in
 * commands and memory must not grow with what else there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "figures/flat.h"

#define FUNCTIONS  8192u
#define ODD	   40503u /* i * ODD modulo 2^16 visits everything in no order */
#define CMDQ_LOG2  11u
#define INDEX_DEEP 33u /* an id has 32 bits */

static struct flat *f;
static struct flat_device *fn; /* the library's devices, as many as a test adds */
static struct lz_port counting;
static const struct lz_port *real;
static size_t bytes; /* of plain memory; a stream table once grown stays */

/* ---- counting ---- */

static void *count_alloc(void *ctx, size_t size)
{
	bytes += size;
	return real->alloc(ctx, size);
}

static void count_free(void *ctx, void *p, size_t size)
{
	bytes -= size;
	real->free(ctx, p, size);
}

static uint64_t commands(void)
{
	return lz_load64(&flat_smmu(f)->cmdq.ring.published);
}

static int set_up(void **state)
{
	(void)state;
	f = flat_make(0, LZ_CONTAIN_ON, CMDQ_LOG2);
	fn = calloc(FUNCTIONS, sizeof(*fn));
	assert_non_null(fn);
	real = f->lz->port;
	counting = *real;
	counting.alloc = count_alloc;
	counting.free = count_free;
	f->lz->port = &counting;
	bytes = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(bytes, 0);
	f->lz->port = real;
	flat_free(f);
	free(fn);
	return 0;
}

/* ---- functions ---- */

static uint32_t config_read(void *ctx, unsigned off, unsigned width)
{
	uint32_t v = 0;

	memcpy(&v, (uint8_t *)ctx + off, width);
	return v;
}

static void config_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	memcpy((uint8_t *)ctx + off, &v, width);
}

static void add(unsigned i, unsigned streams)
{
	struct flat_device *d = &fn[i];
	uint32_t ids[LZ_MAX_STREAMS], ats = 0x0001000fu;
	struct lz_device_desc desc = {.name = "function",
				      .iommu = f->iommu,
				      .streams = ids,
				      .n_streams = streams,
				      .pci = &d->pci,
				      .ats = true};

	for (unsigned k = 0; k < streams; k++)
		ids[k] = (i * streams + k) * ODD & 0xffff;
	d->config[0] = 1;
	d->config[6] = 0x10;	/* has capabilities: */
	d->config[0x34] = 0x40; /* PCI Express */
	d->config[0x40] = 0x10;
	d->config[0x42] = 2;
	memcpy(&d->config[0x100], &ats, sizeof(ats));
	d->pci = (struct lz_pci_access){
		.ctx = d->config, .read = config_read, .write = config_write};
	assert_int_equal(lz_group_create(f->lz, i, &d->group), LZ_OK);
	assert_int_equal(lz_device_add(d->group, &desc, &d->dev), LZ_OK);
}

static void drop(unsigned i)
{
	lz_detach(fn[i].dev);
	assert_int_equal(lz_device_remove(fn[i].dev), LZ_OK);
	(void)lz_poll(f->lz);
	assert_int_equal(lz_group_destroy(fn[i].group), LZ_OK);
}

/* ---- 65 536 stream ids ---- */

static unsigned depth_of(const struct lz_smmu_stream *st)
{
	unsigned a = st ? depth_of(st->child[0]) : 0, b = st ? depth_of(st->child[1]) : 0;

	return st ? 1 + (a > b ? a : b) : 0;
}

static void every_stream_id_is_taken(void **state)
{
	uint64_t first = commands(), last = 0;
	size_t first_bytes = 0, before = 0;

	(void)state;
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		last = commands();
		before = bytes;
		add(i, LZ_MAX_STREAMS);
		if (!i) {
			first = commands() - first;
			first_bytes = bytes;
		}
	}
	assert_int_equal(commands() - last, first);
	assert_int_equal(bytes - before, first_bytes);
	assert_in_range(depth_of(flat_smmu(f)->streams), 16, INDEX_DEEP);
	for (uint32_t n = 0; n < 65536; n++) {
		struct lz_smmu_dev *sd = lz_smmu_sid_get(flat_smmu(f), n * ODD & 0xffff, NULL);

		assert_ptr_equal(sd->dev, fn[n / LZ_MAX_STREAMS].dev);
		lz_device_put(sd->dev);
	}
	/* In another order than they came; who stays is found. */
	for (unsigned k = 0; k < FUNCTIONS; k++) {
		unsigned i = k * 4099u % FUNCTIONS, next = (k + 1) * 4099u % FUNCTIONS;
		struct lz_smmu_dev *sd;

		drop(i);
		sd = lz_smmu_sid_get(flat_smmu(f), next * LZ_MAX_STREAMS * ODD & 0xffff, NULL);
		assert_true(k + 1 == FUNCTIONS ? !sd : sd && sd->dev == fn[next].dev);
		if (sd)
			lz_device_put(sd->dev);
	}
	assert_null(flat_smmu(f)->streams);
}

/* ---- 4096 devices in 1000 domains ---- */

#define MANY_DEVICES 4096u
#define MANY_DOMAINS 1000u

static void many_devices_in_many_domains(void **state)
{
	static struct lz_domain *dom[MANY_DOMAINS];
	uint64_t was, first = 0;
	size_t first_bytes = 0;

	(void)state;
	for (unsigned i = 0; i < MANY_DEVICES; i++)
		add(i, 1);
	for (unsigned i = 0; i < MANY_DOMAINS; i++) {
		size_t before = bytes;

		assert_int_equal(lz_domain_create(f->iommu, LZ_DOMAIN_PAGING, NULL, NULL, &dom[i]),
				 LZ_OK);
		if (!i)
			first_bytes = bytes - before;
		assert_int_equal(bytes - before, first_bytes);
	}
	for (unsigned i = 0; i < MANY_DEVICES; i++) {
		size_t before = bytes;

		was = commands();
		assert_int_equal(lz_attach(fn[i].dev, dom[i % MANY_DOMAINS]), LZ_OK);
		if (!i)
			first = commands() - was;
		assert_int_equal(commands() - was, first);
		assert_int_equal(bytes, before); /* room for a few is there */
	}
	for (unsigned i = 0; i < MANY_DOMAINS; i++) {
		unsigned entries = (MANY_DEVICES - i - 1) / MANY_DOMAINS + 1;

		assert_int_equal(lz_map(dom[i], FLAT_IOVA, FLAT_IOVA, LZ_PAGE, LZ_READ), LZ_OK);
		was = commands();
		assert_int_equal(lz_unmap(dom[i], FLAT_IOVA, LZ_PAGE), LZ_OK);
		assert_int_equal(commands() - was, 2 + entries + 1);
	}
	was = commands();
	lz_detach(fn[0].dev);
	first = commands() - was;
	for (unsigned i = 1; i < MANY_DEVICES; i++) {
		was = commands();
		lz_detach(fn[i].dev);
		assert_int_equal(commands() - was, first);
	}
	for (unsigned i = 0; i < MANY_DEVICES; i++)
		drop(i);
	for (unsigned i = 0; i < MANY_DOMAINS; i++)
		assert_int_equal(lz_domain_destroy(dom[i]), LZ_OK);
}

/* ---- an invalidation array with 1000 entries ---- */

#define ENTRIES 1000u

/* ATC_INVs since `from`: each stream id once, in rising order. */
static void assert_sorted(uint64_t from)
{
	struct lz_smmu_queue *q = &flat_smmu(f)->cmdq;
	uint32_t last = 0;
	unsigned n = 0;

	for (uint64_t pos = from; pos < commands(); pos++) {
		uint64_t w = lz_dma_load64(lz_ring_slot(&q->ring, pos));

		if (lz_smmu_cmd_op(w) != SMMU_OP_ATC_INV)
			continue;
		assert_true(!n || (uint32_t)(w >> 32) > last);
		last = (uint32_t)(w >> 32);
		n++;
	}
	assert_int_equal(n, ENTRIES);
}

static void a_thousand_entries_in_one_array(void **state)
{
	struct lz_domain *dom;
	uint64_t was, attach = 0;
	unsigned batches =
		(ENTRIES + flat_smmu(f)->cmdq.ring.guard - 1) / flat_smmu(f)->cmdq.ring.guard;
	size_t before;

	(void)state;
	assert_int_equal(lz_domain_create(f->iommu, LZ_DOMAIN_PAGING, NULL, NULL, &dom), LZ_OK);
	for (unsigned i = 0; i < ENTRIES; i++)
		add(i, 1);
	before = bytes;
	for (unsigned i = 0; i < ENTRIES; i++) {
		was = commands();
		assert_int_equal(lz_attach(fn[i].dev, dom), LZ_OK);
		if (!i)
			attach = commands() - was;
		assert_int_equal(commands() - was, attach);
	}
	/* Two arrays, each at most twice as large as need be. */
	assert_true(bytes - before <= 2 * 2 * (ENTRIES + 1) * sizeof(struct lz_link));
	assert_int_equal(lz_map(dom, FLAT_IOVA, FLAT_IOVA, LZ_PAGE, LZ_READ), LZ_OK);
	was = commands();
	assert_int_equal(lz_unmap(dom, FLAT_IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(commands() - was, 2 + ENTRIES + batches);
	assert_sorted(was);
	for (unsigned i = 0; i < ENTRIES; i++)
		drop(i);
	assert_int_equal(lz_domain_destroy(dom), LZ_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_stream_id_is_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_devices_in_many_domains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_thousand_entries_in_one_array, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

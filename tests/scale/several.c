/* SPDX-License-Identifier: BSD-2-Clause */
/* One domain behind two SMMUs: who can walk whose page table, and what each is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "figures/flat.h"

#define OAS_40 2u /* of IDR5 */
#define OAS_48 5u

static struct flat *f;
static struct lz_iommu *other;
static uint8_t *other_mmio;
static struct lz_group *group;
static struct lz_device *dev;
static struct lz_port port;
static const struct lz_port *real;
static char line[256];

static void on_log(void *ctx, enum lz_log_level level, const char *text)
{
	(void)ctx;
	(void)level;
	strncpy(line, text, sizeof(line) - 1);
}

/* A device with two stream ids behind the other one. */
static void set_up(uint32_t oas)
{
	uint32_t ids[] = {0x10, 0x20};
	struct lz_device_desc desc = {.name = "function", .streams = ids, .n_streams = 2};

	f = flat_make(1, LZ_CONTAIN_ON, 8);
	real = f->lz->port;
	port = *real;
	port.log = on_log;
	f->lz->port = &port;
	line[0] = '\0';
	other = flat_another(f, oas, &other_mmio);
	desc.iommu = other;
	assert_int_equal(lz_group_create(f->lz, 100, &group), LZ_OK);
	assert_int_equal(lz_device_add(group, &desc, &dev), LZ_OK);
}

static void tear_down(void)
{
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	while (lz_poll(f->lz) <= flat_now())
		;
	assert_int_equal(lz_group_destroy(group), LZ_OK);
	assert_int_equal(lz_smmuv3_remove(other), LZ_OK);
	f->lz->port = real;
	flat_free(f);
	free(other_mmio);
}

static uint64_t commands(struct lz_iommu *iommu)
{
	return lz_load64(&lz_smmu_of(iommu)->cmdq.ring.published);
}

static void table_with_more_output_bits_is_refused(void **state)
{
	(void)state;
	set_up(OAS_40);
	assert_int_equal(lz_attach(dev, f->dom), LZ_ENOTSUP);
	assert_non_null(strstr(line, "cannot walk a page table of another IOMMU"));
	assert_non_null(strstr(line, "48 output address bits of 40"));
	assert_null(lz_attached(dev, LZ_NO_PASID));
	tear_down();
}

static void table_with_fewer_output_bits_is_walked(void **state)
{
	struct lz_domain *narrow;

	(void)state;
	set_up(OAS_40);
	assert_int_equal(lz_domain_create(other, LZ_DOMAIN_PAGING, NULL, NULL, &narrow), LZ_OK);
	lz_detach(f->device[0].dev);
	assert_int_equal(lz_attach(f->device[0].dev, narrow), LZ_OK);
	lz_detach(f->device[0].dev);
	/* Its part behind the first is still to be swept. */
	assert_int_equal(lz_domain_destroy(narrow), LZ_IN_CUSTODY);
	tear_down();
}

static void each_is_sent_what_its_devices_need(void **state)
{
	uint64_t first, second;

	(void)state;
	set_up(OAS_48);
	assert_int_equal(lz_attach(dev, f->dom), LZ_OK);
	assert_int_equal(lz_map(f->dom, FLAT_IOVA, FLAT_IOVA, LZ_PAGE, LZ_READ), LZ_OK);
	first = commands(f->iommu);
	second = commands(other);
	assert_int_equal(lz_unmap(f->dom, FLAT_IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(commands(f->iommu) - first, 4); /* TLBI, sync, ATC_INV, sync */
	assert_int_equal(commands(other) - second, 2);	 /* no ATS */
	/* Its part goes, and with it all that the other one has of the domain. */
	lz_detach(dev);
	assert_int_equal(lz_smmuv3_remove(other), LZ_EBUSY);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_with_more_output_bits_is_refused),
		cmocka_unit_test(table_with_fewer_output_bits_is_walked),
		cmocka_unit_test(each_is_sent_what_its_devices_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* An embedder without hardware, PCI or interrupts gets clean answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host.h"
#include "lazaret/device.h"
#include "lazaret/riscv.h"
#include "lazaret/smmuv3.h"

static uintptr_t zeros, ones;

static void setup(void *arg)
{
	(void)arg;
	zeros = host_registers(0);
	ones = host_registers(0xff);
}

static struct lz *instance(void)
{
	struct lz_config cfg;
	struct lz *lz;

	lz_config_default(&cfg);
	assert_int_equal(lz_init(host_port(), &cfg, &lz), LZ_OK);
	return lz;
}

static void refuses_body(void *arg)
{
	struct lz_port port = *host_port();
	struct lz_config cfg;
	struct lz *lz = (struct lz *)arg;

	lz_config_default(&cfg);
	port.now = NULL;
	assert_int_equal(lz_init(&port, &cfg, &lz), LZ_EINVAL);
	assert_null(lz);
	port = *host_port();
	port.dma_virt = NULL;
	assert_int_equal(lz_init(&port, &cfg, &lz), LZ_EINVAL);
	cfg.atomic_wait = 0;
	assert_int_equal(lz_init(host_port(), &cfg, &lz), LZ_EINVAL);
}

static void idle_body(void *arg)
{
	struct lz *lz = instance();
	struct lz_group *group;
	struct lz_stats st;

	(void)arg;
	assert_true(lz_poll(lz) == LZ_NEVER);
	assert_int_equal(lz_group_create(lz, 7, &group), LZ_OK);
	assert_int_equal(lz_group_id(group), 7);
	assert_int_equal(lz_group_recovery_count(group), 0);
	assert_int_equal(lz_fini(lz), LZ_EBUSY);
	assert_int_equal(lz_group_destroy(group), LZ_OK);
	lz_stats_get(lz, &st);
	assert_int_equal(st.work_pending, 0);
	assert_int_equal(st.references, 0);
	assert_int_equal(lz_fini(lz), LZ_OK);
}

static void nobody(uintptr_t registers)
{
	struct lz_smmuv3_desc desc = {.name = "nobody", .mmio = registers, .coherent = true};
	struct lz_riscv_desc riscv = {.name = "nobody", .mmio = registers, .coherent = true};
	struct lz *lz = instance();
	struct lz_iommu *iommu;

	assert_int_equal(lz_smmuv3_add(lz, &desc, &iommu), LZ_ENOTSUP);
	assert_null(iommu);
	assert_int_equal(lz_riscv_add(lz, &riscv, &iommu), LZ_ENOTSUP);
	assert_null(iommu);
	assert_true(lz_poll(lz) == LZ_NEVER);
	assert_int_equal(lz_fini(lz), LZ_OK);
}

static void no_iommu_body(void *arg)
{
	(void)arg;
	nobody(zeros);
	nobody(ones);
}

/* Memory that runs out while an instance is made. */
static void *no_alloc(void *ctx, size_t size)
{
	(void)ctx;
	(void)size;
	return NULL;
}

static void no_memory_body(void *arg)
{
	struct lz_port port = *host_port();
	struct lz_config cfg;
	struct lz *lz = (struct lz *)arg;

	lz_config_default(&cfg);
	port.alloc = no_alloc;
	assert_int_equal(lz_init(&port, &cfg, &lz), LZ_ENOMEM);
	assert_null(lz);
}

static void refuses_half_a_port(void **state)
{
	(void)state;
	host_run(setup, refuses_body, &zeros);
}

static void idles(void **state)
{
	(void)state;
	host_run(setup, idle_body, NULL);
}

static void no_iommu_is_not_supported(void **state)
{
	(void)state;
	host_run(setup, no_iommu_body, NULL);
}

static void no_memory(void **state)
{
	(void)state;
	host_run(setup, no_memory_body, &zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_half_a_port),
		cmocka_unit_test(idles),
		cmocka_unit_test(no_iommu_is_not_supported),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

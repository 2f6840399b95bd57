/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver to copy (src/drivers/template) finds nobody, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/template/template.h"
#include "host.h"

static uintptr_t zeros, ones;

static void setup(void *arg)
{
	(void)arg;
	zeros = host_registers(0);
	ones = host_registers(0xff);
}

static void nobody(uintptr_t registers)
{
	struct lz_iommu *iommu = (struct lz_iommu *)&zeros;
	struct lz_config cfg;
	struct lz *lz;

	lz_config_default(&cfg);
	assert_int_equal(lz_init(host_port(), &cfg, &lz), LZ_OK);
	assert_int_equal(lz_template_add(lz, registers, "nobody", &iommu), LZ_ENOTSUP);
	assert_null(iommu);
	assert_true(lz_poll(lz) == LZ_NEVER);
	assert_int_equal(lz_fini(lz), LZ_OK);
}

static void absent_body(void *arg)
{
	(void)arg;
	nobody(zeros);
	nobody(ones);
}

static void absent(void **state)
{
	(void)state;
	host_run(setup, absent_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pci/core.h"

struct lz_iommu fake_iommu;
size_t fake_allocated;
bool fake_no_memory;

static const struct lz_lock_class iommu_class = {"iommu", LZ_RANK_IOMMU};
static unsigned turn;

static struct lz lz;

void fake_start(void)
{
	memset(&fake_iommu, 0, sizeof(fake_iommu));
	lz_spin_init(&fake_iommu.lock, &iommu_class);
	turn = 0;
	fake_allocated = 0;
	fake_no_memory = false;
}

void fake_device(struct fake *f, const char *name, const struct lz_pci_access *pci,
		 const struct lz_device *pf)
{
	memset(f, 0, sizeof(*f));
	f->result = LZ_RESET_NOT_ATTEMPTED;
	f->dev.lz = &lz;
	f->dev.iommu = &fake_iommu;
	f->dev.pci = pci;
	f->dev.pf = pf;
	strcpy(f->dev.name, name);
	f->dev.next_in_iommu = fake_iommu.devices;
	fake_iommu.devices = &f->dev;
}

struct fake *fake_of(const struct lz_device *dev)
{
	return (struct fake *)(uintptr_t)dev;
}

void fake_check_balance(void)
{
	for (struct lz_device *d = fake_iommu.devices; d; d = d->next_in_iommu) {
		struct fake *f = fake_of(d);

		assert_int_equal(f->prepares, f->dones);
		assert_int_equal(f->refs, 0);
		assert_int_equal(d->in_pci_reset, 0);
		assert_int_equal(d->in_owner, 0);
		assert_int_equal(d->holds, 0);
	}
	assert_int_equal(fake_allocated, 0);
}

/* ---- what the files under test call ---- */

void *lz_mem_alloc(const struct lz *l, size_t size)
{
	assert_ptr_equal(l, &lz);
	if (fake_no_memory)
		return NULL;
	fake_allocated += size;
	return calloc(1, size);
}

void lz_mem_free(const struct lz *l, void *p, size_t size)
{
	assert_ptr_equal(l, &lz);
	fake_allocated -= size;
	free(p);
}

enum lz_status lz_reset_prepare(struct lz_device *dev)
{
	struct fake *f = fake_of(dev);

	if (f->on_prepare)
		f->on_prepare(f);
	if (f->prepare_says == LZ_OK) {
		f->prepares++;
		f->prepared_at = ++turn;
	}
	return f->prepare_says;
}

enum lz_status lz_reset_done(struct lz_device *dev, enum lz_reset_result result)
{
	struct fake *f = fake_of(dev);

	assert_true(f->dones < f->prepares);
	f->dones++;
	f->done_at = ++turn;
	f->result = result;
	if (f->on_done)
		f->on_done(f);
	return f->done_says;
}

void lz_device_get(struct lz_device *dev)
{
	fake_of(dev)->refs++;
}

bool lz_device_hold(struct lz_device *dev)
{
	if (dev->presence == LZ_PRESENT)
		dev->holds++;
	return dev->presence == LZ_PRESENT;
}

void lz_device_let(struct lz_device *dev)
{
	assert_true(dev->holds > 0);
	dev->holds--;
}

void lz_device_put(struct lz_device *dev)
{
	assert_true(fake_of(dev)->refs > 0);
	fake_of(dev)->refs--;
}

uint32_t lz_owner_enter(struct lz_device *dev)
{
	return dev->in_owner++;
}

void lz_owner_leave(struct lz_device *dev, uint32_t outer)
{
	assert_int_equal(dev->in_owner, outer + 1);
	dev->in_owner = outer;
}

void lz_log_out(struct lz *l, enum lz_log_level level, const char *who, const char *fmt, ...)
{
	assert_ptr_equal(l, &lz);
	assert_true(level <= LZ_LOG_WARN);
	assert_true(who[0] != '\0');
	assert_non_null(fmt);
}

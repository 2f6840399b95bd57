/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation arrays: which (stream id, PASID) pairs may hold translations of
 * a domain. Readers take no lock; writers replace the whole array.
 *
 * Who excludes whom:
 *
 *             | link | unlink | read (invalidate) | fence state
 *   link      | writer token  | grace             | not stored here
 *   unlink    | writer token  | grace             | not stored here
 *   read      | grace         | -                 | read per command
 *
 * A device's fence is in the device, not in the arrays: fencing it once mutes
 * it in every domain it is attached to (H58), no flag can get lost in a copy
 * (H57), and there is no user count to go wrong (H56).
 *
 * A read section has interrupts masked and lasts from loading the array to the
 * publication of its commands, never while waiting (core/epoch.h). Letter:
 *
 *  A  unmap: clear the PTE; enter a section; load the array.
 *     attach: publish the array; grace period; write the tables. Either the
 *     unmap sees the new device, or the device sees the cleared entry (G).
 */
#include "core/mem.h"
#include "drivers/smmuv3/smmu.h"

void lz_smmu_grace(struct lz_smmu *s)
{
	lz_epoch_grace(s->lz, &s->readers, s->iommu.name);
}

/* ---- writers ---- */

static bool writer_free(void *arg)
{
	return lz_load32(arg) == 0;
}

static void writer_enter(struct lz_smmu_domain *sdom)
{
	struct lz_smmu *s = lz_smmu_of(sdom->part->iommu);
	uint32_t none = 0;

	while (!lz_cas32(&sdom->writer, &none, 1)) {
		(void)lz_wait(s->lz, writer_free, &sdom->writer,
			      lz_now(s->lz) + s->lz->cfg.sync_bound);
		none = 0;
	}
}

static void writer_leave(struct lz_smmu_domain *sdom)
{
	lz_store32_release(&sdom->writer, 0);
}

static size_t array_bytes(uint32_t room)
{
	return sizeof(struct lz_smmu_inv_array) + room * sizeof(struct lz_smmu_inv_entry);
}

static struct lz_smmu_inv_array *array_alloc(struct lz *lz, uint32_t room)
{
	struct lz_smmu_inv_array *a = lz_mem_alloc(lz, array_bytes(room));

	if (a)
		a->room = room;
	return a;
}

static void array_free(struct lz *lz, struct lz_smmu_inv_array *a)
{
	if (a)
		lz_mem_free(lz, a, array_bytes(a->room));
}

enum lz_status lz_smmu_array_init(struct lz_smmu_domain *sdom)
{
	struct lz *lz = sdom->part->iommu->lz;

	sdom->array = array_alloc(lz, LZ_MAX_STREAMS);
	sdom->spare = array_alloc(lz, LZ_MAX_STREAMS);
	if (sdom->array && sdom->spare)
		return LZ_OK;
	lz_smmu_array_fini(sdom);
	return LZ_ENOMEM;
}

void lz_smmu_array_fini(struct lz_smmu_domain *sdom)
{
	array_free(sdom->part->iommu->lz, sdom->array);
	array_free(sdom->part->iommu->lz, sdom->spare);
	sdom->array = sdom->spare = NULL;
}

/* Publishes `next`; the array that was there becomes the spare one, or is freed
 * when it is the smaller of the two. */
static void replace(struct lz_smmu_domain *sdom, struct lz_smmu_inv_array *next)
{
	struct lz_smmu_inv_array *old = sdom->array;

	lz_store_ptr(&sdom->array, next);
	lz_smmu_grace(lz_smmu_of(sdom->part->iommu)); /* A */
	sdom->spare = old;
}

/* Both arrays have room for `n` entries afterwards, so that taking entries out
 * never needs memory. */
static enum lz_status grow(struct lz_smmu_domain *sdom, uint32_t n)
{
	struct lz *lz = sdom->part->iommu->lz;
	struct lz_smmu_inv_array *now = sdom->array, *a, *b;

	if (n <= now->room)
		return LZ_OK;
	a = array_alloc(lz, n * 2);
	b = array_alloc(lz, n * 2);
	if (!a || !b) {
		array_free(lz, a);
		array_free(lz, b);
		return LZ_ENOMEM;
	}
	a->n = now->n;
	memcpy(a->e, now->e, now->n * sizeof(*now->e));
	array_free(lz, sdom->spare);
	replace(sdom, a);
	array_free(lz, sdom->spare); /* the one that was published */
	sdom->spare = b;
	return LZ_OK;
}

/* Two devices that answer to one id have an entry each. */
static uint32_t position(const struct lz_smmu_inv_array *a, const struct lz_device *dev,
			 uint32_t sid, uint32_t ssid)
{
	uint32_t i = 0;

	while (i < a->n && (a->e[i].sid < sid || (a->e[i].sid == sid && a->e[i].ssid < ssid)))
		i++;
	while (i < a->n && a->e[i].sid == sid && a->e[i].ssid == ssid && a->e[i].dev != dev)
		i++;
	return i;
}

static void add_or_take(struct lz_smmu_inv_array *a, struct lz_device *dev, uint32_t sid,
			uint32_t ssid, bool in)
{
	uint32_t i = position(a, dev, sid, ssid);
	struct lz_smmu_inv_entry *e = &a->e[i];
	bool there = i < a->n && e->sid == sid && e->ssid == ssid;
	size_t rest = (a->n - i) * sizeof(*e);

	lz_assert(!in || !there); /* a link is made once */
	if (in) {
		memmove(e + 1, e, rest);
		*e = (struct lz_smmu_inv_entry){
			.sid = sid, .ssid = ssid, .atc0 = lz_smmu_cmd_atc0(sid, ssid), .dev = dev};
		a->n++;
	} else if (there) {
		memmove(e, e + 1, rest - sizeof(*e));
		a->n--;
	}
}

static void copy_to_spare(struct lz_smmu_domain *sdom)
{
	const struct lz_smmu_inv_array *now = sdom->array;

	sdom->spare->n = now->n;
	memcpy(sdom->spare->e, now->e, now->n * sizeof(*now->e));
}

static enum lz_status change(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part,
			     bool in)
{
	struct lz_smmu_domain *sdom = part->drv;
	enum lz_status st = LZ_OK;

	if (part->dom->type != LZ_DOMAIN_PAGING || !dev->ats_capable)
		return LZ_OK; /* holds no translations of its own */
	writer_enter(sdom);
	if (in)
		st = grow(sdom, ((struct lz_smmu_inv_array *)sdom->array)->n + dev->n_streams);
	if (st == LZ_OK) {
		copy_to_spare(sdom);
		/* It was put in for what it answered then, which may be more. */
		for (unsigned i = 0; i < dev->n_streams; i++)
			if (!in || lz_smmu_answers(lz_smmu_dev_of(dev), i))
				add_or_take(sdom->spare, dev, dev->streams[i], pasid, in);
		/* Whoever reads 0 looks at no array: up before it, down after it. */
		if (in)
			lz_store32(&sdom->ats_entries, sdom->spare->n);
		replace(sdom, sdom->spare);
		lz_store32(&sdom->ats_entries, ((struct lz_smmu_inv_array *)sdom->array)->n);
	}
	writer_leave(sdom);
	return st;
}

enum lz_status lz_smmu_link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	return change(dev, pasid, part, true);
}

void lz_smmu_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	(void)change(dev, pasid, part, false);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Writers of invalidation arrays. */
#include "drivers/common/links.h"

#include "core/mem.h"

static bool writer_free(void *arg)
{
	return lz_load32(arg) == 0;
}

static void writer_enter(struct lz *lz, struct lz_links *l)
{
	uint32_t none = 0;

	while (!lz_cas32(&l->writer, &none, 1)) {
		(void)lz_wait(lz, writer_free, &l->writer, lz_now(lz) + lz->cfg.sync_bound);
		none = 0;
	}
}

static size_t array_bytes(uint32_t room)
{
	return sizeof(struct lz_link_array) + room * sizeof(struct lz_link);
}

static struct lz_link_array *array_alloc(struct lz *lz, uint32_t room)
{
	struct lz_link_array *a = lz_mem_alloc(lz, array_bytes(room));

	if (a)
		a->room = room;
	return a;
}

static void array_free(struct lz *lz, struct lz_link_array *a)
{
	if (a)
		lz_mem_free(lz, a, array_bytes(a->room));
}

enum lz_status lz_links_init(struct lz *lz, struct lz_links *l)
{
	l->array = array_alloc(lz, LZ_MAX_STREAMS);
	l->spare = array_alloc(lz, LZ_MAX_STREAMS);
	if (l->array && l->spare)
		return LZ_OK;
	lz_links_fini(lz, l);
	return LZ_ENOMEM;
}

void lz_links_fini(struct lz *lz, struct lz_links *l)
{
	array_free(lz, l->array);
	array_free(lz, l->spare);
	l->array = l->spare = NULL;
}

/* Publishes `next`; the array that was there becomes the spare one. */
static void replace(struct lz_links *l, const struct lz_link_change *c, struct lz_link_array *next)
{
	struct lz_link_array *old = l->array;

	lz_store_ptr(&l->array, next);
	lz_epoch_grace(c->dev->lz, c->readers, c->dev->iommu->name); /* A */
	l->spare = old;
}

/* Both arrays have room for `n` entries afterwards, so that taking entries out never
 * needs memory. */
static enum lz_status grow(struct lz_links *l, const struct lz_link_change *c, uint32_t n)
{
	struct lz *lz = c->dev->lz;
	struct lz_link_array *now = l->array, *a, *b;

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
	array_free(lz, l->spare);
	replace(l, c, a);
	array_free(lz, l->spare); /* the one that was published */
	l->spare = b;
	return LZ_OK;
}

/* Two devices that answer to one id have an entry each. */
static uint32_t position(const struct lz_link_array *a, const struct lz_device *dev, uint32_t id,
			 uint32_t pasid)
{
	uint32_t i = lz_links_from(a, id, pasid);

	while (i < a->n && a->e[i].id == id && a->e[i].pasid == pasid && a->e[i].dev != dev)
		i++;
	return i;
}

static void put_in(struct lz_link_array *a, const struct lz_link_change *c, uint32_t id)
{
	uint32_t i = position(a, c->dev, id, c->pasid);

	/* A link is made once. */
	lz_assert(i == a->n || a->e[i].id != id || a->e[i].pasid != c->pasid);
	memmove(&a->e[i + 1], &a->e[i], (a->n - i) * sizeof(*a->e));
	a->e[i] = (struct lz_link){
		.id = id, .pasid = c->pasid, .command = c->command(id, c->pasid), .dev = c->dev};
	a->n++;
}

static void take_out(struct lz_link_array *a, const struct lz_link_change *c, uint32_t id)
{
	uint32_t i = position(a, c->dev, id, c->pasid);

	if (i == a->n || a->e[i].id != id || a->e[i].pasid != c->pasid)
		return;
	memmove(&a->e[i], &a->e[i + 1], (a->n - i - 1) * sizeof(*a->e));
	a->n--;
}

static void copy_to_spare(struct lz_links *l)
{
	const struct lz_link_array *now = l->array;

	l->spare->n = now->n;
	memcpy(l->spare->e, now->e, now->n * sizeof(*now->e));
}

enum lz_status lz_links_add(struct lz_links *l, const struct lz_link_change *c)
{
	const struct lz_device *dev = c->dev;
	enum lz_status st;

	writer_enter(dev->lz, l);
	st = grow(l, c, ((struct lz_link_array *)l->array)->n + dev->n_streams);
	if (st == LZ_OK) {
		copy_to_spare(l);
		for (unsigned i = 0; i < dev->n_streams; i++)
			if (c->streams >> i & 1)
				put_in(l->spare, c, dev->streams[i]);
		/* Whoever reads 0 looks at no array: up before it. */
		lz_store32(&l->entries, l->spare->n);
		replace(l, c, l->spare);
	}
	lz_store32_release(&l->writer, 0);
	return st;
}

void lz_links_take(struct lz_links *l, const struct lz_link_change *c)
{
	const struct lz_device *dev = c->dev;

	writer_enter(dev->lz, l);
	copy_to_spare(l);
	for (unsigned i = 0; i < dev->n_streams; i++)
		take_out(l->spare, c, dev->streams[i]);
	replace(l, c, l->spare);
	lz_store32(&l->entries, ((struct lz_link_array *)l->array)->n); /* down after it */
	lz_store32_release(&l->writer, 0);
}

/* ---- readers ---- */

bool lz_links_held(struct lz_links *l, struct lz_epoch *readers)
{
	struct lz_epoch_section section = lz_epoch_enter(readers);
	const struct lz_link_array *a = lz_links_read(l);
	bool yes = false;

	for (uint32_t i = 0; i < a->n && !yes; i++) {
		uint8_t fence = lz_load8_acquire(&a->e[i].dev->fence);

		yes = fence == LZ_FENCE_SUSPECT || fence == LZ_FENCE_FENCING;
	}
	lz_epoch_leave(readers, section);
	return yes;
}

uint32_t lz_links_from(const struct lz_link_array *a, uint32_t id, uint32_t pasid)
{
	uint32_t lo = 0, hi = a->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct lz_link *e = &a->e[mid];

		if (e->id < id || (e->id == id && e->pasid < pasid))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

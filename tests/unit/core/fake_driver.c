/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_driver.h. */
#include "tests/unit/core/fake_driver.h"

#include <stdio.h>
#include <string.h>

#include "core/core.h"
#include "pci/pci.h"

static struct fake *fake_iommu(struct lz_iommu *iommu)
{
	return (struct fake *)(void *)iommu; /* first member */
}

struct fake_device *fake_of(const struct lz_device *dev)
{
	return dev->drv;
}

static void rule(struct fake *f, bool ok, const char *what)
{
	if (ok)
		return;
	if (!f->rules_broken++)
		snprintf(f->first_broken, sizeof(f->first_broken), "%s", what);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void fake_pause(struct lz *lz, lz_ns ns)
{
	if (ns)
		lz_await(never, NULL, lz_now(lz) + ns);
}

static struct fake_call *note(struct fake *f, enum fake_op op, struct lz_device *dev,
			      struct lz_domain *dom, uint32_t pasid)
{
	struct fake_call *c = &f->call[f->n_calls < FAKE_CALLS ? f->n_calls++ : FAKE_CALLS - 1];

	f->count[op]++;
	*c = (struct fake_call){.op = op, .dev = dev, .dom = dom, .pasid = pasid};
	if (dev)
		c->block = dev->block;
	return c;
}

static enum lz_status planned(struct fake *f, enum fake_op op)
{
	if (f->fail_skip[op]) {
		f->fail_skip[op]--;
		return LZ_OK;
	}
	if (!f->fail_count[op])
		return LZ_OK;
	f->fail_count[op]--;
	return f->fail[op];
}

/* Begins a call of task context under the gate; what it shall answer. */
static struct fake_call *begin(struct fake *f, enum fake_op op, struct lz_device *dev,
			       struct lz_domain *dom, uint32_t pasid)
{
	struct fake_call *c = note(f, op, dev, dom, pasid);

	rule(f, !lz_in_atomic(), "task operation in atomic context");
	rule(f, dev->group->gate == 1, "operation outside the gate");
	c->result = planned(f, op);
	fake_pause(f->iommu.lz, f->delay);
	return c;
}

static void set_fence(struct lz_device *dev, enum lz_fence_state s)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	lz_store8(&dev->fence, (uint8_t)s);
	lz_spin_unlock(&dev->fence_lock, flags);
}

void fake_forget(struct fake_device *d, const struct lz_domain *dom, lz_iova start, lz_iova end)
{
	for (unsigned i = 0; i < FAKE_ATC; i++)
		if ((!dom || d->atc[i].dom == dom) && d->atc[i].iova >= start &&
		    d->atc[i].iova < end)
			d->atc[i].dom = NULL;
}

/* ---- devices ---- */

static enum lz_status op_device_add(struct lz_device *dev)
{
	struct fake *f = fake_iommu(dev->iommu);
	struct fake_call *c = begin(f, OP_ADD, dev, NULL, 0);

	if (f->stalled)
		c->result = LZ_ETIMEDOUT;
	if (c->result)
		return c->result;
	for (unsigned i = 0; i < FAKE_DEVICES; i++)
		if (!f->device[i].dev) {
			f->device[i] = (struct fake_device){.dev = dev};
			dev->drv = &f->device[i];
			dev->ats_capable = dev->ats_allowed;
			if (dev->pasid_bits > 2)
				dev->pasid_bits = 2;
			if (dev->pci && dev->pasid_bits > lz_pci_pasid_bits(dev->pci))
				dev->pasid_bits = lz_pci_pasid_bits(dev->pci);
			return LZ_OK;
		}
	return LZ_ENOMEM;
}

static void op_device_remove(struct lz_device *dev)
{
	struct fake *f = fake_iommu(dev->iommu);

	begin(f, OP_REMOVE, dev, NULL, 0);
	for (unsigned i = 0; i < FAKE_PASIDS; i++)
		rule(f, !fake_of(dev)->link[i][0] && !fake_of(dev)->link[i][1],
		     "removed with links");
	rule(f, dev->fence == LZ_FENCE_FENCED || f->iommu.dead, "removed without fence");
	*fake_of(dev) = (struct fake_device){.dev = NULL};
	dev->drv = NULL;
}

static void op_device_free(struct lz_device *dev)
{
	struct fake *f = fake_iommu(dev->iommu);

	note(f, OP_FREE, dev, NULL, 0);
	rule(f, !lz_in_atomic(), "freed in atomic context");
	rule(f, !dev->drv, "freed before it was removed");
}

static enum lz_status op_block(struct lz_device *dev)
{
	struct fake *f = fake_iommu(dev->iommu);
	struct fake_call *c = begin(f, OP_BLOCK, dev, NULL, 0);
	struct fake_device *d = fake_of(dev);

	if (c->result)
		return c->result;
	set_fence(dev, LZ_FENCE_FENCING);
	d->closing = f->stalled;
	if (f->stalled)
		return c->result = LZ_ETIMEDOUT;
	memset(d->table, 0, sizeof(d->table));
	fake_forget(d, NULL, 0, UINT64_MAX); /* or useless: EATS is off with effect */
	set_fence(dev, LZ_FENCE_FENCED);
	return LZ_OK;
}

static void op_unfence(struct lz_device *dev)
{
	struct fake *f = fake_iommu(dev->iommu);

	begin(f, OP_UNFENCE, dev, NULL, 0);
	set_fence(dev, LZ_FENCE_OPEN);
}

static enum lz_status op_probe(struct lz_device *dev)
{
	struct fake *f = fake_iommu(dev->iommu);
	struct fake_call *c = begin(f, OP_PROBE, dev, NULL, 0);

	if (!c->result && f->stalled)
		c->result = LZ_ETIMEDOUT;
	if (!c->result && fake_of(dev)->mute)
		c->result = LZ_EIO;
	return c->result;
}

static void op_reset_succeeded(struct lz_device *dev)
{
	begin(fake_iommu(dev->iommu), OP_RESET_SUCCEEDED, dev, NULL, 0);
}

static void op_accuse(struct lz_device *dev, enum lz_evidence evidence)
{
	struct fake *f = fake_iommu(dev->iommu);
	uint32_t generation = lz_load32(&dev->generation);
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool fenced = dev->fence >= LZ_FENCE_FENCING;
	bool report = lz_report_fenced_locked(dev, evidence);

	lz_spin_unlock(&dev->fence_lock, flags);
	note(f, OP_ACCUSE, dev, NULL, 0);
	if (report)
		lz_report_queue(dev, 0);
	if (fenced)
		return;
	set_fence(dev, LZ_FENCE_FENCED);
	lz_report_broken(dev, generation, evidence);
}

/* ---- tables ---- */

/* The slot that links `dom`, or NULL. */
static struct lz_domain **link_of(struct fake_device *d, uint32_t pasid, struct lz_domain *dom)
{
	for (unsigned i = 0; i < 2; i++)
		if (d->link[pasid][i] == dom)
			return &d->link[pasid][i];
	return NULL;
}

static enum lz_status op_link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct fake *f = fake_iommu(dev->iommu);
	struct fake_call *c = begin(f, OP_LINK, dev, dom, pasid);
	struct lz_domain **slot = link_of(fake_of(dev), pasid, NULL);

	rule(f, slot && !link_of(fake_of(dev), pasid, dom), "linked twice");
	if (!c->result && slot)
		*slot = dom;
	return c->result;
}

static void op_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct fake *f = fake_iommu(dev->iommu);
	struct fake_device *d = fake_of(dev);

	begin(f, OP_UNLINK, dev, dom, pasid);
	rule(f, !f->stalled || d->table[pasid] != dom || f->iommu.dead,
	     "unlink while the tables may still point there");
	rule(f, link_of(d, pasid, dom), "unlink without link");
	if (link_of(d, pasid, dom))
		*link_of(d, pasid, dom) = NULL;
}

static enum lz_status op_install(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *to,
				 struct lz_domain_part *from)
{
	struct lz_domain *new_ = to ? to->dom : NULL, *old = from ? from->dom : NULL;
	struct fake *f = fake_iommu(dev->iommu);
	struct fake_call *c = begin(f, OP_INSTALL, dev, new_, pasid);
	struct fake_device *d = fake_of(dev);

	rule(f, !new_ || link_of(d, pasid, new_), "install before link");
	rule(f, d->table[pasid] == old || f->stalled || d->closing, "install from something else");
	/* A suspect may have become one just now; degraded means tables under a fence. */
	rule(f,
	     !new_ || dev->fence <= LZ_FENCE_SUSPECT || dev->degraded ||
		     dev->reported == dev->generation + 1,
	     "install under a fence");
	if (!c->result && (f->stalled || (!new_ && dev->fence == LZ_FENCE_FENCING)))
		c->result = LZ_ETIMEDOUT;
	if (!c->result) {
		d->table[pasid] = new_;
		d->closing = false;
		if (to)
			to->drv = to; /* its id is in caches from here on */
	}
	if (!c->result && old)
		fake_forget(d, old, 0, UINT64_MAX);
	return c->result;
}

/* ---- domains ---- */

static enum lz_status op_domain_init(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct fake *f = fake_iommu(part->iommu);
	enum lz_status r = planned(f, OP_DOMAIN_INIT);

	note(f, OP_DOMAIN_INIT, NULL, dom, 0);
	if (!r && !part->index && dom->type == LZ_DOMAIN_PAGING)
		r = lz_pt_init(&dom->pt, dom->lz->port, 39, 40);
	return r;
}

static void op_domain_fini(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct fake *f = fake_iommu(part->iommu);

	note(f, OP_DOMAIN_FINI, NULL, dom, 0);
	rule(f, !part->drv || f->iommu.dead || !lz_contains(dom->lz),
	     "its id is free while caches have it");
	rule(f, !part->index || !lz_load32(&part->users), "freed while it is invalidated");
	part->drv = NULL;
	for (unsigned i = 0; i < FAKE_DEVICES; i++)
		for (unsigned p = 0; p < FAKE_PASIDS && f->device[i].dev; p++)
			rule(f, f->device[i].table[p] != dom || f->iommu.dead,
			     "domain freed while a table has it");
}

bool fake_is_linked(struct fake_device *d, struct lz_domain *dom)
{
	bool linked = false;

	for (uint32_t p = 0; p < FAKE_PASIDS && d->dev; p++)
		linked |= link_of(d, p, dom) != NULL;
	return linked;
}

static enum lz_status invalidate(struct fake *f, struct lz_domain *dom, lz_iova start, lz_iova end)
{
	enum lz_status r = f->stalled ? LZ_ETIMEDOUT : LZ_OK;

	for (unsigned i = 0; i < FAKE_DEVICES && !r; i++) {
		struct fake_device *d = &f->device[i];

		if (!fake_is_linked(d, dom) || d->dev->fence == LZ_FENCE_FENCED)
			continue;
		if (d->dev->fence != LZ_FENCE_OPEN) {
			r = LZ_EBUSY;
		} else if (d->mute) {
			set_fence(d->dev, LZ_FENCE_SUSPECT);
			lz_iommu_kick(&f->iommu);
			r = LZ_EIO;
		} else {
			fake_forget(d, dom, start, end);
		}
	}
	return r;
}

static enum lz_status op_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				    size_t granule)
{
	struct lz_domain *dom = part->dom;
	struct fake *f = fake_iommu(part->iommu);
	struct fake_call *c = note(f, OP_INVALIDATE, NULL, dom, (uint32_t)granule);

	c->start = start;
	c->end = end;
	if (!lz_in_atomic())
		fake_pause(dom->lz, f->delay);
	c->result = planned(f, OP_INVALIDATE);
	if (!c->result)
		c->result = invalidate(f, dom, start, end);
	return c->result;
}

static enum lz_status op_invalidate_all(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct fake *f = fake_iommu(part->iommu);
	struct fake_call *c = note(f, OP_INVALIDATE_ALL, NULL, dom, 0);
	enum lz_status r;

	rule(f, !lz_in_atomic(), "invalidate_all in atomic context");
	r = planned(f, OP_INVALIDATE_ALL);
	if (!r)
		r = invalidate(f, dom, 0, UINT64_MAX);
	if (!r)
		part->drv = NULL;
	/* What a block or a detach wrote for a leaving device takes effect. */
	for (unsigned i = 0; i < FAKE_DEVICES && !r; i++)
		for (unsigned p = 0; p < FAKE_PASIDS && f->device[i].dev; p++)
			if (f->device[i].table[p] == dom && !lz_attached(f->device[i].dev, p))
				f->device[i].table[p] = NULL;
	/* The answer is of now; what happens later is not covered. */
	fake_pause(dom->lz, f->delay + f->sweep_delay);
	return c->result = r;
}

/* ---- work: probes whoever is suspect ---- */

static void identify(struct fake *f, struct lz_device *dev)
{
	uint32_t generation = lz_load32(&dev->generation);
	bool mute = fake_of(dev)->mute;
	unsigned long flags;
	bool fenced;

	lz_device_get(dev);
	fake_pause(f->iommu.lz, f->delay);
	flags = lz_spin_lock(&dev->fence_lock);
	fenced = mute && !(generation & 1) && generation == dev->generation;
	if (fenced) {
		lz_store8(&dev->fence, LZ_FENCE_FENCED);
		fake_forget(fake_of(dev), NULL, 0, UINT64_MAX); /* at once */
	} else if (!mute && dev->fence == LZ_FENCE_SUSPECT) {
		lz_store8(&dev->fence, LZ_FENCE_OPEN);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	if (fenced)
		lz_report_broken(dev, generation, LZ_EVIDENCE_PROBED);
	lz_device_put(dev);
}

static struct lz_work_next op_work(struct lz_iommu *iommu)
{
	struct fake *f = fake_iommu(iommu);

	note(f, OP_WORK, NULL, NULL, 0);
	for (unsigned i = 0; i < FAKE_DEVICES && !f->stalled; i++) {
		struct fake_device *d = &f->device[i];

		if (d->dev && d->dev->fence == LZ_FENCE_SUSPECT)
			identify(f, d->dev);
		else if (d->dev && d->dev->fence == LZ_FENCE_FENCING) {
			if (lz_load32(&d->dev->block)) /* more than a fence */
				memset(d->table, 0, sizeof(d->table));
			fake_forget(d, NULL, 0, UINT64_MAX);
			set_fence(d->dev, LZ_FENCE_FENCED);
		}
	}
	return (struct lz_work_next){.due = LZ_NEVER, .queue_works = !f->stalled};
}

static const struct lz_iommu_ops ops = {
	.device_add = op_device_add,
	.device_remove = op_device_remove,
	.device_free = op_device_free,
	.domain_init = op_domain_init,
	.domain_fini = op_domain_fini,
	.link = op_link,
	.unlink = op_unlink,
	.install = op_install,
	.block = op_block,
	.unfence = op_unfence,
	.probe = op_probe,
	.reset_succeeded = op_reset_succeeded,
	.accuse = op_accuse,
	.invalidate = op_invalidate,
	.invalidate_all = op_invalidate_all,
	.work = op_work,
};

void fake_init(struct fake *f, struct lz *lz)
{
	memset(f, 0, sizeof(*f));
	lz_iommu_init(&f->iommu, lz, &ops, "fake0");
}

/* ---- looking ---- */

void fake_translate(struct lz_device *dev, lz_iova iova)
{
	struct fake_device *d = fake_of(dev);
	lz_phys phys;

	/* Nobody runs between the last look at the table and the entry. */
	if (!d->table[0] || !lz_iova_to_phys(d->table[0], iova, &phys) || !d->table[0])
		return;
	for (unsigned i = 0; i < FAKE_ATC && dev->fence != LZ_FENCE_FENCED; i++)
		if (!d->atc[i].dom) {
			d->atc[i].dom = d->table[0];
			d->atc[i].iova = iova;
			return;
		}
}

bool fake_reaches(const struct lz_device *dev, const struct lz_domain *dom, lz_iova start,
		  lz_iova end)
{
	const struct fake_device *d = fake_of(dev);

	for (unsigned i = 0; d && i < FAKE_ATC; i++)
		if (d->atc[i].dom == dom && d->atc[i].iova >= start && d->atc[i].iova < end)
			return true;
	return false;
}

int fake_find(const struct fake *f, enum fake_op op, unsigned n)
{
	for (unsigned i = 0; i < f->n_calls; i++)
		if (f->call[i].op == op && n-- == 0)
			return (int)i;
	return -1;
}

int fake_find_last(const struct fake *f, enum fake_op op)
{
	for (unsigned i = f->n_calls; i-- > 0;)
		if (f->call[i].op == op)
			return (int)i;
	return -1;
}

/* ---- config space ---- */

static uint32_t pci_read(void *ctx, unsigned offset, unsigned width)
{
	struct fake_pci *p = ctx;
	uint32_t v = 0xffffffff;

	if (!p->gone) {
		v = 0;
		memcpy(&v, &p->space[offset], width);
	}
	return v;
}

static void pci_write(void *ctx, unsigned offset, unsigned width, uint32_t value)
{
	struct fake_pci *p = ctx;

	if (!p->gone && !(p->stuck && offset >= 0x100))
		memcpy(&p->space[offset], &value, width);
}

void fake_pci_init(struct fake_pci *p)
{
	static const uint8_t id[4] = {0x36, 0x1b, 0x10, 0x00};
	static const uint8_t ats[4] = {0x0f, 0x00, 0x01, 0x11};
	static const uint8_t pasid[6] = {0x1b, 0x00, 0x01, 0x00, 0x00, 0x02}; /* two bits */

	memset(p, 0, sizeof(*p));
	memcpy(p->space, id, sizeof(id));
	p->space[0x06] = 0x10; /* has a list: PCI Express at 0x40 */
	p->space[0x34] = 0x40;
	p->space[0x40] = 0x10;
	memcpy(&p->space[0x100], ats, sizeof(ats));
	memcpy(&p->space[0x110], pasid, sizeof(pasid));
	p->access = (struct lz_pci_access){.ctx = p, .read = pci_read, .write = pci_write};
}

bool fake_pci_ats_on(const struct fake_pci *p)
{
	return p->space[0x107] & 0x80;
}

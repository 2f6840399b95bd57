/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and domains: what the core asks of the driver, put together. */
#include "drivers/riscv/riscv.h"
#include "pci/pci.h"

/* How soon what could not be done is tried again. */
#define OWED_RETRY LZ_MS(10)
#define BUSY_RETRY LZ_US(50)
/* Errors taken in per call; with more of them the work is due again. */
#define DRAIN_BUDGET 64u

/* ---- devices ---- */

/* All that fencing and blocking will need is taken here. */
static enum lz_status prepare_device(struct lz_rv *s, struct lz_rv_dev *rd)
{
	struct lz_device *dev = rd->dev;
	enum lz_status st = LZ_OK;

	if (dev->n_streams > s->cmdq.guard)
		return LZ_ENOTSUP; /* its probe would not fit into the queue */
	for (unsigned i = 0; st == LZ_OK && i < dev->n_streams; i++)
		st = lz_rv_ddt_get(s, dev->streams[i], &rd->dc[i]);
	if (st != LZ_OK)
		return st;
	if (LZ_CONFIG_PASID && dev->pasid_bits > s->pid_bits)
		dev->pasid_bits = s->pid_bits;
	if (LZ_CONFIG_PASID && dev->pci && dev->pasid_bits > lz_pci_pasid_bits(dev->pci))
		dev->pasid_bits = lz_pci_pasid_bits(dev->pci);
	dev->ats_capable = s->ats && dev->ats_allowed && dev->pci && lz_pci_has_ats(dev->pci);
	return lz_rv_pdt_init(rd, dev->pasid_bits);
}

/* Once the ids are out of the index nobody new finds the device, and whoever found it
 * before has a reference: the memory goes in device_free() (H25). */
static void leave(struct lz_rv_dev *rd)
{
	lz_streams_remove(&rd->s->streams, &rd->sending);
	lz_suspect_leave(rd->dev);
}

static enum lz_status device_add(struct lz_device *dev)
{
	struct lz_rv *s = lz_rv_of(dev->iommu);
	struct lz_rv_dev *rd;
	enum lz_status st;
	lz_ns deadline = 0;

	if (lz_rv_dead(s))
		return LZ_ENODEV;
	rd = lz_mem_alloc(s->lz, sizeof(*rd));
	if (!rd)
		return LZ_ENOMEM;
	rd->dev = rd->sending.dev = dev;
	rd->s = s;
	rd->clean = true;
	rd->voice = RV_QUIET;
	dev->drv = rd;
	st = prepare_device(s, rd);
	if (st == LZ_OK)
		st = lz_streams_insert(&s->streams, &rd->sending);
	if (st == LZ_OK)
		st = lz_rv_dc_begin(rd);
	if (st == LZ_OK)
		st = lz_rv_push(rd, &deadline);
	if (st != LZ_OK)
		leave(rd);
	return st;
}

/* Its contexts abort, with effect, or as soon as what is owed is paid. */
static void device_remove(struct lz_device *dev)
{
	leave(lz_rv_dev_of(dev));
	lz_port_unblock(dev);
}

/* The work may have looked at it until the last reference went (H25). */
static void device_free(struct lz_device *dev)
{
	struct lz_rv_dev *rd = dev->drv;

	if (!rd)
		return;
	lz_streams_put(&rd->s->streams, &rd->sending);
	lz_mem_dma_free(dev->lz, rd->pdt, rd->pdt_bytes);
	lz_mem_free(dev->lz, rd, sizeof(*rd));
}

/* ---- domains ---- */

static enum lz_status pscid_alloc(struct lz_rv *s, uint32_t *pscid)
{
	unsigned long flags = lz_spin_lock(&s->pscid_lock);
	enum lz_status st = LZ_ELIMIT;

	for (uint32_t w = 0; w < RV_PSCIDS / 32 && st != LZ_OK; w++) {
		if (s->pscid_map[w] == UINT32_MAX)
			continue;
		uint32_t bit = (uint32_t)__builtin_ctz(~s->pscid_map[w]);

		s->pscid_map[w] |= 1u << bit;
		*pscid = w * 32 + bit;
		st = LZ_OK;
	}
	lz_spin_unlock(&s->pscid_lock, flags);
	return st;
}

static void pscid_free(struct lz_rv *s, uint32_t pscid)
{
	unsigned long flags = lz_spin_lock(&s->pscid_lock);

	s->pscid_map[pscid / 32] &= ~(1u << pscid % 32);
	lz_spin_unlock(&s->pscid_lock, flags);
}

static void fini_domain(struct lz_rv *s, struct lz_rv_domain *rdom)
{
	lz_links_fini(s->lz, &rdom->links);
	pscid_free(s, rdom->pscid);
	lz_mem_free(s->lz, rdom, sizeof(*rdom));
}

static void domain_fini(struct lz_domain_part *part)
{
	if (part->drv)
		fini_domain(lz_rv_of(part->iommu), part->drv);
	part->drv = NULL;
}

/* The table of a domain that was made for another IOMMU. Output addresses may not be
 * wider than this one's, or what is mapped up there would fault. */
static enum lz_status may_walk(struct lz_rv *s, const struct lz_pt *pt)
{
	if (pt->sv && pt->ias < s->sv && pt->oas <= s->pas)
		return LZ_OK;
	lz_log(s->lz, LZ_LOG_WARN, s->iommu.name,
	       "cannot walk a page table of another IOMMU: %s, %u input address bits of %u, "
	       "%u output address bits of %u",
	       pt->sv ? "RISC-V format" : "Arm format", pt->ias, s->sv - 1, pt->oas, s->pas);
	return LZ_ENOTSUP;
}

static enum lz_status domain_init(struct lz_domain_part *part)
{
	struct lz_rv *s = lz_rv_of(part->iommu);
	struct lz_pt *pt = &part->dom->pt;
	struct lz_rv_domain *rdom;
	enum lz_status st = LZ_OK;

	if (part->dom->type != LZ_DOMAIN_PAGING)
		return LZ_OK;
	if (part->index)
		st = may_walk(s, pt);
	if (st != LZ_OK)
		return st;
	rdom = lz_mem_alloc(s->lz, sizeof(*rdom));
	if (!rdom)
		return LZ_ENOMEM;
	st = pscid_alloc(s, &rdom->pscid);
	if (st != LZ_OK) {
		lz_mem_free(s->lz, rdom, sizeof(*rdom));
		return st;
	}
	st = lz_links_init(s->lz, &rdom->links);
	if (st == LZ_OK && !part->index)
		st = lz_pt_init_sv(pt, s->lz->port, s->sv, s->pas);
	if (st != LZ_OK) {
		fini_domain(s, rdom);
		return st;
	}
	part->drv = rdom;
	return LZ_OK;
}

/* ---- ATS of a device ---- */

static void ats_off_in_config(struct lz_device *dev)
{
	lz_store8(&dev->ats_on, 0); /* before config space says so: the core's believe() */
	if (dev->pci)
		(void)lz_pci_ats_disable(dev->pci);
}

static bool is_judged(void *arg)
{
	return lz_load8_acquire(&((struct lz_device *)arg)->fence) != LZ_FENCE_SUSPECT;
}

/* One that is being asked must be able to answer: the verdict gets its time. Who has none
 * after that cannot be asked with EN_ATS off, so it is assumed broken. */
static bool is_open(struct lz_device *dev, bool leave_it)
{
	uint8_t fence = lz_load8(&dev->fence); /* it may be accused in between */

	if (fence == LZ_FENCE_SUSPECT) {
		(void)lz_wait(dev->lz, is_judged, dev, lz_now(dev->lz) + dev->lz->cfg.sync_bound);
		fence = lz_load8(&dev->fence);
	}
	if (leave_it && fence == LZ_FENCE_SUSPECT)
		lz_accuse_told(dev, LZ_EVIDENCE_ASSUMED);
	return fence == LZ_FENCE_OPEN;
}

/* Orderly end of ATS (H76, H70): off at the endpoint, everything invalidated, nothing
 * out any more; EN_ATS is for the caller. A suspect gets no ATS.INVAL. Once nothing is
 * out it can have been accused by what was before only, so then it is looked again. */
static enum lz_status ats_stop(struct lz_rv_dev *rd, bool leave_it)
{
	struct lz_device *dev = rd->dev;
	enum lz_status st;

	if (!dev->ats_on)
		return LZ_OK;
	if (!is_open(dev, leave_it))
		return LZ_EBUSY;
	ats_off_in_config(dev);
	st = lz_rv_ats_flush(rd, 0);
	if (st == LZ_EBUSY && is_open(dev, leave_it)) /* accused meanwhile */
		st = lz_rv_ats_flush(rd, 0);
	if (st == LZ_OK) {
		lz_rv_set_voice(rd, RV_QUIET);
		st = lz_rv_hush(rd);
	} else if (is_open(dev, leave_it) && lz_load8(&rd->voice) != RV_LOUD) {
		/* Not heard for the fence of another one that sends its ids: what its ATC
		 * holds counts for nothing as long as EN_ATS is off. */
		rd->stale = true;
		st = lz_rv_hush(rd);
	}
	/* What its ATC holds is not known, or something is out whose answer will not be
	 * heard: nor can this one be asked. */
	if (st != LZ_OK && leave_it && !lz_rv_dead(rd->s))
		lz_accuse_told(dev, LZ_EVIDENCE_ASSUMED);
	else if (!is_open(dev, leave_it)) /* by what was out until here */
		st = LZ_EIO;
	return lz_rv_dead(rd->s) ? LZ_OK : st;
}

/* What was left on earlier, when config space did not obey, goes too (H91). */
static void go_without_ats(struct lz_device *dev)
{
	(void)lz_pci_ats_disable(dev->pci);
	lz_log(dev->lz, LZ_LOG_WARN, dev->name, "ATS cannot be enabled, going on without");
}

/* `on`: EN_ATS is, in its contexts. */
static enum lz_status ats_start(struct lz_rv_dev *rd, bool on)
{
	struct lz_device *dev = rd->dev;
	lz_ns deadline = 0;

	/* It may not change while ATS is on. */
	if (lz_device_pasid_on(dev) != LZ_OK)
		lz_log(dev->lz, LZ_LOG_WARN, dev->name,
		       "PASID cannot be enabled, going on without");
	/* A fenced one asks for nothing: what it would get is refused. */
	if (!dev->ats_capable || lz_load8_acquire(&dev->fence) >= LZ_FENCE_FENCING)
		return LZ_OK;
	if (!on) {
		go_without_ats(dev);
		return LZ_OK;
	}
	if (lz_rv_loud(rd) && lz_pci_ats_enable(dev->pci, 0) == LZ_OK) {
		rd->clean = false;
		lz_store8(&dev->ats_on, 1);
		return LZ_OK;
	}
	go_without_ats(dev);
	(void)lz_rv_hush(rd);
	lz_rv_dc_ats_off(rd);
	return lz_rv_push(rd, &deadline);
}

/* A change of contexts was not confirmed; there is no ATS for some PASIDs only. */
static void ats_off_unconfirmed(struct lz_rv_dev *rd)
{
	if (!rd->dev->ats_on)
		return;
	ats_off_in_config(rd->dev);
	(void)lz_rv_hush(rd);
	lz_rv_dc_ats_off(rd);
}

/* ---- attaching the RID ---- */

static enum lz_status to_blocking(struct lz_rv_dev *rd)
{
	lz_ns deadline = 0;
	enum lz_status st;

	rd->clean = ats_stop(rd, true) == LZ_OK && !rd->stale;
	rd->installed = NULL;
	lz_rv_dc_leave(rd);
	st = lz_rv_push(rd, &deadline);
	if (rd->dev->ats_on) /* fence order: off after EN_ATS */
		ats_off_in_config(rd->dev);
	lz_device_pasid_off(rd->dev);
	return st == LZ_OK || lz_rv_dead(rd->s) ? LZ_OK : LZ_ETIMEDOUT;
}

/*
 * What is new was not confirmed; the old domain is back, and a push is owed. Hardware
 * may go on with what it has cached of the new one, and the core is about to forget that
 * the device could reach that domain. Its IOTLB entries go with the address space id; its
 * ATC must not get any (A). Nor is it known when EN_ATS is on again, and before that no
 * answer would be heard (H70). So ATS stays off until the next attach or reset.
 */
static enum lz_status roll_back(struct lz_rv_dev *rd, struct lz_domain_part *old, enum lz_status st)
{
	ats_off_unconfirmed(rd);
	lz_rv_dc_abort(rd);
	if (old) {
		lz_rv_dc_prepare(rd, old, false);
		lz_rv_dc_commit(rd);
	} else {
		lz_rv_dc_leave(rd);
	}
	lz_rv_owe(rd->s);
	return st;
}

static enum lz_status to_domain(struct lz_rv_dev *rd, struct lz_domain_part *new_,
				struct lz_domain_part *old)
{
	bool paging = !LZ_CONFIG_IDENTITY || new_->dom->type == LZ_DOMAIN_PAGING;
	lz_ns deadline = 0;
	enum lz_status st = ats_stop(rd, false);
	bool ats;

	if (st != LZ_OK) { /* no context has been touched */
		if (st != LZ_EBUSY)
			(void)ats_start(rd, true);
		return st == LZ_EIO || st == LZ_EBUSY ? st : LZ_ETIMEDOUT;
	}
	if (rd->listens) /* it has been asked */
		rd->stale = false;
	ats = paging && !rd->stale && lz_device_ats_is_off(rd->dev);
	lz_rv_dc_claim(rd, new_);
	lz_rv_dc_abort(rd);
	if (rd->pdt)
		lz_rv_pc_clear(rd, 0);
	st = lz_rv_push(rd, &deadline);
	if (st != LZ_OK)
		return roll_back(rd, old, st);
	if (!paging)
		lz_device_pasid_off(rd->dev);
	/* Words other than fsc are with effect before fsc makes them live. */
	lz_rv_dc_prepare(rd, new_, ats);
	st = lz_rv_push(rd, &deadline);
	if (st != LZ_OK)
		return roll_back(rd, old, st);
	lz_rv_dc_commit(rd);
	st = lz_rv_push(rd, &deadline);
	if (st == LZ_OK && paging)
		st = ats_start(rd, ats);
	if (st != LZ_OK)
		return roll_back(rd, old, st);
	rd->installed = new_;
	return LZ_OK;
}

/* ---- attaching a PASID ---- */

static enum lz_status pasid_clear(struct lz_rv_dev *rd, uint32_t pasid,
				  const struct lz_domain_part *old)
{
	lz_ns deadline = 0;
	enum lz_status st;

	lz_rv_pc_clear(rd, pasid);
	st = lz_rv_push_process(rd, pasid, old, &deadline);
	if (st == LZ_OK && rd->dev->ats_on) {
		st = lz_rv_ats_flush(rd, pasid);
		/* A suspect gets no ATS.INVAL (H85), and its ATC goes on counting: it may
		 * be found innocent. One that is fenced reaches nothing. */
		if (st == LZ_EBUSY && lz_load8_acquire(&rd->dev->fence) == LZ_FENCE_FENCED)
			st = LZ_OK;
	}
	return lz_rv_dead(rd->s) ? LZ_OK : st;
}

static enum lz_status install_pasid(struct lz_rv_dev *rd, uint32_t pasid,
				    struct lz_domain_part *new_, struct lz_domain_part *old)
{
	lz_ns deadline = 0;
	enum lz_status st;

	if (!new_)
		return pasid_clear(rd, pasid, old) == LZ_OK ? LZ_OK : LZ_ETIMEDOUT;
	if (new_->dom->type != LZ_DOMAIN_PAGING)
		return LZ_ENOTSUP;
	/* What it sends has no PASID, and would be refused if it had. */
	if (rd->dev->pci && !rd->dev->pasid_on)
		return LZ_EIO;
	st = pasid_clear(rd, pasid, old);
	if (st == LZ_OK) {
		lz_rv_pc_write(rd, pasid, new_);
		st = lz_rv_push_process(rd, pasid, new_, &deadline);
		if (st != LZ_OK)
			ats_off_unconfirmed(rd);
	}
	if (st != LZ_OK) {
		lz_rv_pc_clear(rd, pasid);
		if (old)
			lz_rv_pc_write(rd, pasid, old);
		lz_rv_owe(rd->s);
	}
	return st;
}

static enum lz_status install(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *new_,
			      struct lz_domain_part *old)
{
	struct lz_rv_dev *rd = lz_rv_dev_of(dev);

	if (new_ && lz_rv_dead(rd->s))
		return LZ_ENODEV;
	if (new_ && new_->dom->type == LZ_DOMAIN_BLOCKING)
		new_ = NULL;
	if (LZ_CONFIG_PASID && pasid)
		return install_pasid(rd, pasid, new_, old);
	return new_ ? to_domain(rd, new_, old) : to_blocking(rd);
}

/* ---- deferred work ---- */

static struct lz_work_next work(struct lz_iommu *iommu)
{
	struct lz_rv *s = lz_rv_of(iommu);
	struct lz_work_next next = {LZ_NEVER, true};
	lz_ns again = LZ_NEVER;
	bool records_done;

	if (lz_rv_dead(s)) {
		lz_settle_dead(iommu);
		return next;
	}
	if (lz_abort_ordered(iommu))
		return next;
	for (unsigned i = 0; i < DRAIN_BUDGET && lz_rv_drain(s); i++)
		;
	records_done = lz_rv_faultq_poll(s);
	if (lz_ladder(iommu, &s->cmdq, &s->ladder, &again)) {
		next.queue_works = lz_rv_dead(s);
	} else {
		uint64_t head = lz_rv_queue_head(s);
		bool idle = head == lz_load64_acquire(&s->cmdq.published);
		/* Before the next probe, behind which the queue may stand again. */
		bool paid = idle && lz_rv_pay(s) == LZ_OK;
		uint32_t owed;

		if (!lz_identify(iommu, &next.due))
			next.queue_works = false;
		else if (paid)
			lz_fence_retry(iommu);
		/* Whoever cleared an error woke us before the queue moved on. */
		if (lz_rv_is_owed(s, &owed) && next.due > lz_now(s->lz) + OWED_RETRY)
			next.due = lz_now(s->lz) + OWED_RETRY;
		/* No sweep into a queue that does not move. */
		next.queue_works = next.queue_works && (idle || head != s->swept_at);
		s->swept_at = head;
		/* One that could not be taken in since the register was busy. */
		if (!lz_load32(&s->held_error) && lz_rv_error_pending(s))
			again = lz_now(s->lz) + BUSY_RETRY;
	}
	if (!records_done && again > lz_now(s->lz) + BUSY_RETRY)
		again = lz_now(s->lz) + BUSY_RETRY;
	if (again < next.due)
		next.due = again;
	return next;
}

const struct lz_iommu_ops lz_rv_ops = {
	.faults = &lz_rv_fault_ops,
	.device_add = device_add,
	.device_remove = device_remove,
	.device_free = device_free,
	.domain_init = domain_init,
	.domain_fini = domain_fini,
	.link = lz_rv_link,
	.unlink = lz_rv_unlink,
	.install = install,
	.block = lz_fence_block,
	.unfence = lz_fence_lift,
	.probe = lz_probe,
	.reset_succeeded = lz_rv_reset_succeeded,
	.accuse = lz_accuse_told,
	.invalidate = lz_rv_invalidate,
	.invalidate_all = lz_rv_invalidate_all,
	.work = work,
	.abort = lz_abort_order,
};

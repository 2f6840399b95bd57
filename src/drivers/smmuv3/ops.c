/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and domains: what the core asks of the driver, put together. */
#include "drivers/smmuv3/smmu.h"
#include "pci/pci.h"

/* How soon a change of tables without effect yet is tried again. */
#define OWED_RETRY LZ_MS(10)
/* Errors consumed per call; with more of them the work is due again. */
#define DRAIN_BUDGET 64u

/* ---- devices ---- */

static void free_device(struct lz_smmu_dev *sd)
{
	struct lz *lz = sd->smmu->lz;

	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		lz_smmu_stream_put(sd->smmu, sd->stream[i]);
	lz_mem_dma_free(lz, sd->cd, sd->cd_bytes);
	lz_mem_free(lz, sd, sizeof(*sd));
}

static void forget_streams(struct lz_smmu_dev *sd, unsigned n)
{
	while (n--)
		lz_smmu_sid_remove(sd->smmu, sd->dev->streams[n], sd);
}

/* All that fencing and blocking will need is taken here. */
static enum lz_status prepare_device(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	struct lz *lz = s->lz;
	struct lz_device *dev = sd->dev;
	enum lz_status st = LZ_OK;

	if (dev->n_streams > s->cmdq.ring.guard)
		return LZ_ENOTSUP; /* its probe would not fit into the queue */
	for (unsigned i = 0; st == LZ_OK && i < dev->n_streams; i++)
		st = lz_smmu_strtab_get(s, dev->streams[i], &sd->ste[i]);
	if (st != LZ_OK)
		return st;
	if (LZ_CONFIG_PASID && dev->pasid_bits > s->ssid_bits)
		dev->pasid_bits = s->ssid_bits;
	if (LZ_CONFIG_PASID && dev->pci && dev->pasid_bits > lz_pci_pasid_bits(dev->pci))
		dev->pasid_bits = lz_pci_pasid_bits(dev->pci);
	sd->cd_bytes = (size_t)(SMMU_CD_WORDS * 8) << dev->pasid_bits;
	sd->cd = lz_mem_dma_alloc(lz, sd->cd_bytes, 64, &sd->cd_phys);
	dev->ats_capable = s->ats && dev->ats_allowed && dev->pci && lz_pci_has_ats(dev->pci);
	return sd->cd ? LZ_OK : LZ_ENOMEM;
}

/* Once the stream ids are out of the index nobody new finds the device, and
 * whoever found it before has a reference: the memory goes in device_free() (H25). */
static void leave(struct lz_smmu_dev *sd, unsigned n_streams)
{
	forget_streams(sd, n_streams);
	lz_suspect_leave(sd->dev);
}

static enum lz_status device_add(struct lz_device *dev)
{
	struct lz_smmu *s = lz_smmu_of(dev->iommu);
	struct lz_command cmd[LZ_MAX_STREAMS];
	struct lz_smmu_dev *sd;
	enum lz_status st;
	lz_ns deadline = 0;
	unsigned n = 0;

	if (lz_smmu_dead(s))
		return LZ_ENODEV;
	sd = lz_mem_alloc(s->lz, sizeof(*sd));
	if (!sd)
		return LZ_ENOMEM;
	sd->dev = dev;
	sd->smmu = s;
	sd->clean = true;
	dev->drv = sd;
	st = prepare_device(s, sd);
	if (st == LZ_OK)
		st = lz_smmu_sid_insert(s, sd);
	if (st == LZ_OK) {
		n = dev->n_streams;
		/* Entries that nobody lives in abort already, or as ever. */
		for (unsigned i = 0; i < n; i++)
			cmd[i] = lz_smmu_cmd_cfgi_ste_all_levels(dev->streams[i]);
		st = lz_smmu_queue_run(&s->cmdq, cmd, n, &deadline);
	}
	if (st != LZ_OK)
		leave(sd, n);
	return st;
}

static void device_remove(struct lz_device *dev)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	lz_ns deadline = 0;

	leave(sd, dev->n_streams);
	if (lz_smmu_ste_left(sd))
		(void)lz_smmu_cfgi(sd, 0, false, &deadline); /* or owed */
	lz_port_unblock(dev);
}

/* The engine may have looked at it until the last reference went (H25). */
static void device_free(struct lz_device *dev)
{
	if (dev->drv)
		free_device(lz_smmu_dev_of(dev));
}

/* ---- domains ---- */

static enum lz_status asid_alloc(struct lz_smmu *s, uint32_t *asid)
{
	uint32_t words = (s->asid16 ? 65536u : 256u) / 32;
	unsigned long flags = lz_spin_lock(&s->asid_lock);
	enum lz_status st = LZ_ELIMIT;

	for (uint32_t w = 0; w < words && st != LZ_OK; w++) {
		if (s->asid_map[w] == UINT32_MAX)
			continue;
		uint32_t bit = (uint32_t)__builtin_ctz(~s->asid_map[w]);

		s->asid_map[w] |= 1u << bit;
		*asid = w * 32 + bit;
		st = LZ_OK;
	}
	lz_spin_unlock(&s->asid_lock, flags);
	return st;
}

static void asid_free(struct lz_smmu *s, uint32_t asid)
{
	unsigned long flags = lz_spin_lock(&s->asid_lock);

	s->asid_map[asid / 32] &= ~(1u << asid % 32);
	lz_spin_unlock(&s->asid_lock, flags);
}

static void fini_domain(struct lz_smmu *s, struct lz_smmu_domain *sdom)
{
	lz_links_fini(s->lz, &sdom->links);
	asid_free(s, sdom->asid);
	lz_mem_free(s->lz, sdom, sizeof(*sdom));
}

static void domain_fini(struct lz_domain_part *part)
{
	if (part->drv)
		fini_domain(lz_smmu_of(part->iommu), part->drv);
	part->drv = NULL;
}

/* The table of a domain that was made for another IOMMU: output addresses may not be
 * wider than this one's, or what is mapped up there would fault. */
static enum lz_status may_walk(struct lz_smmu *s, const struct lz_pt *pt)
{
	if (pt->sv || pt->oas > s->oas_bits) {
		lz_log(s->lz, LZ_LOG_WARN, s->iommu.name,
		       "cannot walk a page table of another IOMMU: %s, %u output address bits of "
		       "%u",
		       pt->sv ? "RISC-V format" : "Arm format", pt->oas, s->oas_bits);
		return LZ_ENOTSUP;
	}
	return LZ_OK;
}

static enum lz_status domain_init(struct lz_domain_part *part)
{
	struct lz_smmu *s = lz_smmu_of(part->iommu);
	struct lz_pt *pt = &part->dom->pt;
	struct lz_smmu_domain *sdom;
	enum lz_status st = LZ_OK;

	if (part->dom->type != LZ_DOMAIN_PAGING)
		return LZ_OK;
	if (part->index)
		st = may_walk(s, pt);
	if (st != LZ_OK)
		return st;
	sdom = lz_mem_alloc(s->lz, sizeof(*sdom));
	if (!sdom)
		return LZ_ENOMEM;
	sdom->part = part;
	st = asid_alloc(s, &sdom->asid);
	if (st != LZ_OK) {
		lz_mem_free(s->lz, sdom, sizeof(*sdom));
		return st;
	}
	st = lz_links_init(s->lz, &sdom->links);
	if (st == LZ_OK && !part->index)
		st = lz_pt_init(pt, s->lz->port, 48, s->oas_bits);
	if (st != LZ_OK) {
		fini_domain(s, sdom);
		return st;
	}
	part->drv = sdom;
	return LZ_OK;
}

/* ---- attaching the RID ---- */

/* Orderly end of ATS (H76): off at the endpoint, everything invalidated. Both
 * are needed only while the device is trusted; a fenced or suspect one gets no
 * ATC_INV, its EATS goes first. */
static enum lz_status ats_stop(struct lz_smmu_dev *sd)
{
	struct lz_device *dev = sd->dev;
	enum lz_status st;

	if (!dev->ats_on)
		return LZ_OK;
	if (lz_load8(&dev->fence) != LZ_FENCE_OPEN)
		return LZ_EBUSY;
	lz_store8(&dev->ats_on, 0); /* before config space says so: see believe() */
	(void)lz_pci_ats_disable(dev->pci);
	st = lz_smmu_atc_flush(sd, 0);
	if (st == LZ_EBUSY) /* accused meanwhile: as if it had not answered */
		st = LZ_EIO;
	return lz_smmu_dead(sd->smmu) ? LZ_OK : st;
}

/* What was left on earlier, when config space did not obey, goes too (H91). */
static void go_without_ats(struct lz_device *dev)
{
	(void)lz_pci_ats_disable(dev->pci);
	lz_log(dev->lz, LZ_LOG_WARN, dev->name, "ATS cannot be enabled, going on without");
}

/* `eats`: it is on in the entry, or the tables were not touched. */
static enum lz_status ats_start(struct lz_smmu_dev *sd, bool eats)
{
	struct lz_device *dev = sd->dev;
	lz_ns deadline = 0;

	/* It may not change while ATS is on. */
	if (lz_device_pasid_on(dev) != LZ_OK)
		lz_log(dev->lz, LZ_LOG_WARN, dev->name,
		       "PASID cannot be enabled, going on without");
	/* A fenced one asks for nothing: what it would get is aborted. */
	if (!dev->ats_capable || lz_load8_acquire(&dev->fence) >= LZ_FENCE_FENCING)
		return LZ_OK;
	if (!eats) {
		go_without_ats(dev);
		return LZ_OK;
	}
	if (lz_pci_ats_enable(dev->pci, 0) == LZ_OK) {
		sd->clean = false;
		lz_store8(&dev->ats_on, 1);
		return LZ_OK;
	}
	go_without_ats(dev);
	/* ATS on in the entry and off at the endpoint is no state to be in. */
	lz_smmu_ste_eats_off(sd);
	return lz_smmu_cfgi(sd, 0, false, &deadline);
}

static void all_eats_off(struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&sd->dev->fence_lock);

	lz_smmu_ste_eats_off_locked(sd);
	lz_spin_unlock(&sd->dev->fence_lock, flags);
}

static enum lz_status to_blocking(struct lz_smmu_dev *sd)
{
	struct lz_device *dev = sd->dev;
	lz_ns deadline = 0;
	enum lz_status st;

	sd->clean = ats_stop(sd) == LZ_OK;
	sd->installed = NULL;
	lz_smmu_ste_leave(sd);
	/* When it was not answered, EATS off in all its entries is the proof. */
	if (!sd->clean)
		all_eats_off(sd);
	st = lz_smmu_cfgi(sd, 0, true, &deadline);
	if (dev->ats_on) {		    /* fence order: ATS off after EATS */
		lz_store8(&dev->ats_on, 0); /* see believe() */
		if (dev->pci)
			(void)lz_pci_ats_disable(dev->pci);
	}
	lz_device_pasid_off(dev);
	if (st == LZ_OK || lz_smmu_dead(sd->smmu)) {
		lz_smmu_cd_clear(sd, 0);
		return LZ_OK;
	}
	return LZ_ETIMEDOUT;
}

static void put_tables(struct lz_smmu_dev *sd, struct lz_domain_part *part, bool ats)
{
	if (!part || part->dom->type == LZ_DOMAIN_BLOCKING)
		return;
	if (LZ_CONFIG_IDENTITY && part->dom->type == LZ_DOMAIN_IDENTITY) {
		lz_smmu_ste_bypass(sd);
		return;
	}
	lz_smmu_cd_write(sd, 0, part->drv);
	lz_smmu_ste_prepare_s1(sd, ats);
	lz_smmu_ste_commit_s1(sd);
}

/*
 * The queue did not confirm; the old tables are back, and a CFGI is owed. When
 * the new ones have been live the hardware may go on with what it has cached of
 * them, and the core is about to forget that the device could reach that domain.
 * Its TLB entries go with the address space id; its ATC must not get any: ATS
 * stays off until the next attach or reset (A).
 */
static enum lz_status roll_back(struct lz_smmu_dev *sd, struct lz_domain_part *old,
				enum lz_status st, bool live)
{
	bool ats = !live && lz_device_ats_is_off(sd->dev);

	lz_smmu_ste_abort(sd);
	lz_smmu_cd_clear(sd, 0);
	put_tables(sd, old, ats);
	if (!old)
		lz_smmu_ste_leave(sd);
	lz_smmu_owe_cfgi(sd->smmu);
	if (ats && old && old->dom->type == LZ_DOMAIN_PAGING)
		(void)ats_start(sd, true);
	return st;
}

static enum lz_status to_domain(struct lz_smmu_dev *sd, struct lz_domain_part *new_,
				struct lz_domain_part *old)
{
	bool paging = !LZ_CONFIG_IDENTITY || new_->dom->type == LZ_DOMAIN_PAGING;
	lz_ns deadline = 0;
	enum lz_status st = ats_stop(sd);
	bool ats;

	if (st != LZ_OK) { /* no table has been touched */
		if (st != LZ_EBUSY)
			(void)ats_start(sd, true);
		return st == LZ_EIO || st == LZ_EBUSY ? st : LZ_ETIMEDOUT;
	}
	ats = paging && lz_device_ats_is_off(sd->dev);
	lz_smmu_ste_claim(sd, new_);
	lz_smmu_ste_abort(sd);
	st = lz_smmu_cfgi(sd, 0, true, &deadline);
	if (st != LZ_OK)
		return roll_back(sd, old, st, false);
	lz_smmu_cd_clear(sd, 0);
	if (paging) {
		st = lz_smmu_cfgi(sd, 0, true, &deadline);
		lz_smmu_cd_write(sd, 0, new_->drv);
		if (lz_smmu_ste_take_over(sd) && st == LZ_OK)
			st = lz_smmu_cfgi(sd, 0, true, &deadline);
		lz_smmu_ste_prepare_s1(sd, ats);
	} else {
		lz_smmu_ste_bypass(sd);
		lz_device_pasid_off(sd->dev);
	}
	/* Entries other than word 0 are with effect before word 0 makes them live. */
	if (st == LZ_OK)
		st = lz_smmu_cfgi(sd, 0, paging, &deadline);
	if (st != LZ_OK)
		return roll_back(sd, old, st, false);
	if (paging) {
		lz_smmu_ste_commit_s1(sd);
		st = lz_smmu_cfgi(sd, 0, true, &deadline);
		if (st == LZ_OK)
			st = ats_start(sd, ats);
	}
	if (st != LZ_OK)
		return roll_back(sd, old, st, true);
	sd->installed = new_;
	return LZ_OK;
}

/* ---- attaching a PASID ---- */

static enum lz_status pasid_clear(struct lz_smmu_dev *sd, uint32_t pasid)
{
	lz_ns deadline = 0;
	enum lz_status st;

	lz_smmu_cd_clear(sd, pasid);
	st = lz_smmu_cfgi(sd, pasid, true, &deadline);
	if (st == LZ_OK && sd->dev->ats_on) {
		st = lz_smmu_atc_flush(sd, pasid);
		/* A suspect gets no ATC_INV (H85), and its ATC goes on counting:
		 * it may be found innocent. One that is fenced reaches nothing. */
		if (st == LZ_EBUSY && lz_load8_acquire(&sd->dev->fence) == LZ_FENCE_FENCED)
			st = LZ_OK;
	}
	return lz_smmu_dead(sd->smmu) ? LZ_OK : st;
}

/* For roll_back()'s reason: there is no ATS for the other PASIDs only. */
static void ats_off_unconfirmed(struct lz_smmu_dev *sd)
{
	struct lz_device *dev = sd->dev;

	if (!dev->ats_on)
		return;
	lz_store8(&dev->ats_on, 0);
	(void)lz_pci_ats_disable(dev->pci);
	lz_smmu_ste_eats_off(sd);
}

static enum lz_status install_pasid(struct lz_smmu_dev *sd, uint32_t pasid,
				    struct lz_domain_part *new_, struct lz_domain_part *old)
{
	lz_ns deadline = 0;
	enum lz_status st;

	if (!new_)
		return pasid_clear(sd, pasid) == LZ_OK ? LZ_OK : LZ_ETIMEDOUT;
	if (new_->dom->type != LZ_DOMAIN_PAGING)
		return LZ_ENOTSUP;
	/* What it sends has no PASID, and would be refused if it had. */
	if (sd->dev->pci && !sd->dev->pasid_on)
		return LZ_EIO;
	st = pasid_clear(sd, pasid);
	if (st == LZ_OK) {
		lz_smmu_cd_write(sd, pasid, new_->drv);
		st = lz_smmu_cfgi(sd, pasid, true, &deadline);
		if (st != LZ_OK)
			ats_off_unconfirmed(sd);
	}
	if (st != LZ_OK) {
		lz_smmu_cd_clear(sd, pasid);
		if (old)
			lz_smmu_cd_write(sd, pasid, old->drv);
		lz_smmu_owe_cfgi(sd->smmu);
	}
	return st;
}

static enum lz_status install(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *new_,
			      struct lz_domain_part *old)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);

	if (new_ && lz_smmu_dead(sd->smmu))
		return LZ_ENODEV;
	if (new_ && new_->dom->type == LZ_DOMAIN_BLOCKING)
		new_ = NULL;
	if (LZ_CONFIG_PASID && pasid)
		return install_pasid(sd, pasid, new_, old);
	return new_ ? to_domain(sd, new_, old) : to_blocking(sd);
}

/* ---- deferred work ---- */

/* Service failure mode: everything is terminated, queues are not read any more
 * (section 12.3). CR0 is cleared for order's sake; its ACK may never come. No
 * lock is held here (H39). Waiters see `dead`, custody closes (H90). */
static void service_failure(struct lz_smmu *s)
{
	struct lz_event ev = {.kind = LZ_EV_SERVICE_FAILURE, .iommu = &s->iommu};

	lz_smmu_declare_dead(s);
	lz_smmu_write32(s, SMMU_CR0, 0);
	lz_emit(s->lz, &ev);
}

/* Tables were changed and could not be made effective then. */
static bool pay_cfgi(struct lz_smmu *s)
{
	struct lz_command all = lz_smmu_cmd_cfgi_all();
	lz_ns deadline = 0;
	uint32_t owed;

	if (!lz_smmu_cfgi_is_owed(s, &owed))
		return true;
	if (lz_smmu_queue_run(&s->cmdq, &all, 1, &deadline) != LZ_OK)
		return false;
	lz_store32(&s->cfgi_paid, owed);
	return true;
}

/* Who is owed it may find no moment in which the queue is empty. So it stands in the queue
 * once, waited for by nobody: it takes effect when the queue comes to it, and the debt is
 * paid later all the same. */
static void send_cfgi(struct lz_smmu *s)
{
	struct lz_ring *q = &s->cmdq.ring;
	unsigned long flags;
	uint32_t owed;
	uint64_t pos;

	if (!lz_smmu_cfgi_is_owed(s, &owed) || lz_smmu_queue_cons(&s->cmdq) < s->cfgi_sent ||
	    lz_ring_reserve(q, 2, &pos, &flags) != LZ_OK)
		return;
	lz_ring_write(q, pos, lz_smmu_cmd_cfgi_all());
	lz_ring_write(q, pos + 1, lz_smmu_cmd_sync());
	lz_ring_publish(q, pos, 2, flags);
	s->cfgi_sent = pos + 2;
}

/* No sweep into a queue that does not move. */
static bool takes_sweep(struct lz_smmu_queue *q)
{
	uint64_t cons = lz_smmu_queue_cons(q);
	bool moves = cons == lz_load64_acquire(&q->ring.published) || cons != q->swept_at;

	q->swept_at = cons;
	return moves;
}

/* Each stands or climbs for itself. One that was given up is tried again when the work
 * runs, and keeps nobody awake: a reset or an error wakes it. What has begun to stop is
 * watched. True: one can be used, or all are given up and the SMMU's own queue is. */
static bool climb_lanes(struct lz_smmu *s, lz_ns *due)
{
	bool usable = false, lost = true;

	for (unsigned i = 0; LZ_CONFIG_LANES && i < s->n_lanes; i++) {
		struct lz_smmu_queue *q = &s->lanes[i];
		lz_ns again = LZ_NEVER;

		if (!lz_ladder(&s->iommu, q, &q->ladder, &again))
			usable |= takes_sweep(q);
		lz_smmu_lane_judge(q);
		lost = lost && lz_load32(&q->given_up);
		if ((!lz_load32(&q->given_up) || lz_smmu_lane_stops(q)) && again < *due)
			*due = again;
	}
	return usable || lost;
}

static struct lz_work_next work(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	struct lz_work_next next = {LZ_NEVER, true};
	lz_ns again = LZ_NEVER;
	bool lane;

	if (lz_smmu_dead(s)) {
		lz_settle_dead(iommu);
		return next;
	}
	if (lz_load32(&s->sfm_seen)) {
		service_failure(s);
		return next;
	}
	if (lz_abort_ordered(iommu))
		return next;
	for (unsigned i = 0; i < DRAIN_BUDGET && lz_smmu_drain_all(s); i++)
		;
	lz_smmu_evtq_poll(s);
	lane = climb_lanes(s, &again);
	if (lz_smmu_dead(s)) {
		next.due = again;
		return next;
	}
	if (lz_ladder(iommu, &s->cmdq, &s->cmdq.ladder, &next.due)) {
		next.queue_works = lz_smmu_dead(s);
	} else {
		uint64_t cons = lz_smmu_queue_cons(&s->cmdq);
		bool idle = cons == lz_load64_acquire(&s->cmdq.ring.published);
		/* Before the next probe, behind which the queue may stand again. */
		bool paid = idle && pay_cfgi(s);
		lz_ns ladder = next.due;
		uint32_t owed;

		next.due = LZ_NEVER;
		if (!idle)
			send_cfgi(s);
		if (!lz_identify(iommu, &next.due))
			next.queue_works = false;
		else if (paid)
			lz_fence_retry(iommu);
		/* Whoever acknowledged an error woke us before the queue moved on. */
		if (lz_smmu_cfgi_is_owed(s, &owed) && next.due > lz_now(s->lz) + OWED_RETRY)
			next.due = lz_now(s->lz) + OWED_RETRY;
		next.queue_works = takes_sweep(&s->cmdq) && lane && next.queue_works;
		if (ladder < next.due)
			next.due = ladder;
	}
	if (again < next.due)
		next.due = again;
	return next;
}

const struct lz_iommu_ops lz_smmu_ops = {
	.faults = &lz_smmu_faults,
	.device_add = device_add,
	.device_remove = device_remove,
	.device_free = device_free,
	.domain_init = domain_init,
	.domain_fini = domain_fini,
	.link = lz_smmu_link,
	.unlink = lz_smmu_unlink,
	.install = install,
	.block = lz_fence_block,
	.unfence = lz_fence_lift,
	.probe = lz_probe,
	.reset_succeeded = lz_smmu_reset_succeeded,
	.accuse = lz_accuse_told,
	.invalidate = lz_smmu_invalidate,
	.invalidate_all = lz_smmu_invalidate_all,
	.work = work,
	.abort = lz_abort_order,
	.stalled_for = lz_smmu_stalled_for,
};

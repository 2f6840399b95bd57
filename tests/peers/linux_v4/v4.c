/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another identify-and-fence stage in place of ours, by the description of the
 * published v4 series; everything else is the library's own. It is put in by the
 * linker (--wrap), below the operations of the driver:
 *
 *   invalidate   a batch of ATC_INVs and a sync; when that fails for an ATC the
 *                issuer itself, at once, issues them again one by one, each with
 *                its own sync; whoever fails alone is broken
 *   broken       EATS off, CFGI_STE, sync; marked; reported; from then on skipped
 *   identify     nothing: there are no suspects, nobody is held meanwhile
 *
 * What is said of it stands in `v4_traits`; each can be repaired, so that what
 * one of them does can be seen although another one shows sooner:
 * LZ_V4=masked,first,timeout,mark,sticky (all without the variable).
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/smmuv3/smmu.h"

#define MAX_CMD 16u

enum {
	V4_MASKED,  /* a spinlock, interrupts off, across all of the re-issue */
	V4_FIRST,   /* the first command of each stream id only */
	V4_TIMEOUT, /* a poll that gave up counts as answered */
	V4_MARK,    /* marked broken whatever became of CFGI_STE */
	V4_STICKY,  /* one sync after the other, although syncs go on failing */
	V4_TRAITS
};
static const char *const v4_traits[V4_TRAITS] = {"masked", "first", "timeout", "mark", "sticky"};

static bool has(unsigned trait)
{
	const char *list = getenv("LZ_V4");

	return !list || strstr(list, v4_traits[trait]);
}

/* One SMMU at a time. It lives from the first domain to the last, in memory of the
 * simulation: a run that is cut short may leave it locked. */
struct retry {
	struct lz_spinlock lock;
	uint32_t token; /* of the repaired form: waited for asleep */
};
static struct retry *retry;
static const struct lz_lock_class retry_class = {"v4.retry", LZ_RANK_DOMAIN};

enum lz_status __real_lz_links_init(struct lz *lz, struct lz_links *l);
enum lz_status __wrap_lz_links_init(struct lz *lz, struct lz_links *l);
void __real_lz_links_fini(struct lz *lz, struct lz_links *l);
void __wrap_lz_links_fini(struct lz *lz, struct lz_links *l);
enum lz_status __wrap_lz_smmu_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
					 size_t granule);
enum lz_status __wrap_lz_smmu_invalidate_all(struct lz_domain_part *part);
bool __wrap_lz_identify(struct lz_iommu *iommu, lz_ns *again);

static bool is_only_domain(const struct lz_links *l)
{
	const char *sdom = (const char *)l - offsetof(struct lz_smmu_domain, links);

	return !((const struct lz_smmu_domain *)(const void *)sdom)->part->iommu->n_parts;
}

enum lz_status __wrap_lz_links_init(struct lz *lz, struct lz_links *l)
{
	if (is_only_domain(l)) {
		retry = lz_mem_alloc(lz, sizeof(*retry));
		if (!retry)
			return LZ_ENOMEM;
		lz_spin_init(&retry->lock, &retry_class);
	}
	return __real_lz_links_init(lz, l);
}

void __wrap_lz_links_fini(struct lz *lz, struct lz_links *l)
{
	__real_lz_links_fini(lz, l);
	if (is_only_domain(l))
		lz_mem_free(lz, retry, sizeof(*retry));
}

/* ---- the fence ---- */

static void mark(struct lz_smmu_dev *sd)
{
	struct lz_device *dev = sd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	if (!dev->left) {
		lz_fence_set_locked(dev, LZ_FENCE_FENCED);
		lz_store8(&dev->evidence, LZ_EVIDENCE_PROBED);
		lz_emit_device(dev, LZ_EV_FENCED, LZ_OK, 0);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* Without the two traits that forbid it: others hold back from here on. */
static void announce(struct lz_smmu_dev *sd)
{
	unsigned long flags;

	if (lz_in_atomic())
		return;
	flags = lz_spin_lock(&sd->dev->fence_lock);
	lz_fence_set_locked(sd->dev, LZ_FENCE_FENCING);
	lz_spin_unlock(&sd->dev->fence_lock, flags);
	lz_smmu_grace(sd->smmu);
}

static enum lz_status fence(struct lz_smmu_dev *sd, uint32_t gen, lz_ns deadline)
{
	enum lz_status st;

	if (!has(V4_MARK) && !lz_in_atomic()) {
		st = lz_fence(sd->dev, gen, LZ_EVIDENCE_PROBED);
		return st == LZ_EBUSY ? LZ_ETIMEDOUT : st;
	}
	announce(sd);
	lz_smmu_ste_eats_off(sd);
	st = lz_smmu_cfgi(sd, 0, false, &deadline);
	if (st != LZ_OK && !has(V4_MARK))
		return st;
	mark(sd);
	return LZ_OK;
}

/* Whether the memory may go. */
static enum lz_status broken(struct lz_smmu *s, uint32_t sid, uint32_t gen, lz_ns deadline)
{
	struct lz_smmu_dev *sd = lz_smmu_sid_any(s, sid);
	enum lz_status st;

	if (!sd)
		return LZ_OK;
	st = fence(sd, gen, deadline);
	lz_report_broken(sd->dev, gen, LZ_EVIDENCE_PROBED);
	lz_device_put(sd->dev);
	return st;
}

/* What the issuer knows of a device before it asks again. */
static bool is_marked(struct lz_smmu *s, uint32_t sid, uint32_t *gen)
{
	struct lz_smmu_dev *sd = lz_smmu_sid_any(s, sid);
	bool yes = sd && lz_load8_acquire(&sd->dev->fence) == LZ_FENCE_FENCED;

	*gen = sd ? lz_load32(&sd->dev->generation) : 0;
	if (sd)
		lz_device_put(sd->dev);
	return yes;
}

/* ---- the re-issue ---- */

struct batch {
	struct lz_command cmd[MAX_CMD];
	uint32_t n, from; /* `from`: entries of the array that are done */
};

static enum lz_status again_one(struct lz_smmu *s, struct lz_command cmd, uint32_t gen)
{
	lz_ns deadline = lz_now(s->lz) + s->lz->cfg.sync_bound;
	enum lz_status st = LZ_OK;
	uint64_t sync;

	if (!has(V4_STICKY)) /* settle: whatever is still failing goes by first */
		st = lz_smmu_queue_run(&s->cmdq, NULL, 0, &deadline);
	if (st == LZ_OK)
		st = lz_ring_submit(&s->cmdq.ring, &cmd, 1, &sync, &deadline);
	if (st == LZ_OK)
		st = lz_smmu_queue_wait(&s->cmdq, sync, &deadline);
	if (st == LZ_EIO)
		return broken(s, lz_smmu_cmd_sid(cmd.w[0]), gen, deadline);
	return has(V4_TIMEOUT) ? LZ_OK : st;
}

static bool seen_before(const struct batch *b, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (lz_smmu_cmd_sid(b->cmd[k].w[0]) == lz_smmu_cmd_sid(b->cmd[i].w[0]))
			return true;
	return false;
}

static bool token_free(void *arg)
{
	return lz_load32(arg) == 0;
}

static enum lz_status again_all(struct lz_smmu *s, const struct batch *b)
{
	enum lz_status st = LZ_OK;

	for (uint32_t i = 0; i < b->n; i++) {
		enum lz_status one = LZ_OK;
		uint32_t gen;

		/* By another issuer, since the batch was put together. */
		if (is_marked(s, lz_smmu_cmd_sid(b->cmd[i].w[0]), &gen))
			continue;
		if (!has(V4_FIRST) || !seen_before(b, i))
			one = again_one(s, b->cmd[i], gen);
		st = st == LZ_OK ? one : st;
	}
	return st;
}

static enum lz_status identify_and_fence(struct lz_smmu *s, const struct batch *b)
{
	lz_ns deadline = lz_now(s->lz) + s->lz->cfg.atomic_wait;
	enum lz_status st;
	uint32_t none = 0;

	if (has(V4_MASKED)) {
		unsigned long flags = lz_spin_lock(&retry->lock);

		st = again_all(s, b);
		lz_spin_unlock(&retry->lock, flags);
		return st;
	}
	while (!lz_cas32(&retry->token, &none, 1)) {
		if (!lz_wait(s->lz, token_free, &retry->token, deadline))
			return LZ_ETIMEDOUT;
		none = 0;
	}
	st = again_all(s, b);
	lz_store32_release(&retry->token, 0);
	return st;
}

/* ---- invalidation ---- */

/* As many as fit into a batch; published from inside the read section. */
static enum lz_status send(struct lz_smmu *s, struct lz_smmu_domain *sdom, uint64_t atc1,
			   struct batch *b, uint64_t *sync)
{
	struct lz_epoch_section section = lz_epoch_enter(&s->readers);
	const struct lz_link_array *a = lz_links_read(&sdom->links);
	uint32_t max = s->cmdq.ring.guard < MAX_CMD ? s->cmdq.ring.guard : MAX_CMD;
	enum lz_status st = LZ_ENOENT;
	uint32_t i = b->from;
	unsigned long flags;
	uint64_t pos;

	for (b->n = 0; i < a->n && b->n < max && st != LZ_ETIMEDOUT; i++) {
		uint8_t fence_now = lz_load8_acquire(&a->e[i].dev->fence);

		if (fence_now == LZ_FENCE_FENCING) /* in a reset, or announced */
			st = LZ_ETIMEDOUT;
		else if (fence_now != LZ_FENCE_FENCED)
			b->cmd[b->n++] = (struct lz_command){{a->e[i].command, atc1}};
	}
	if (b->n && st != LZ_ETIMEDOUT) {
		st = lz_ring_reserve(&s->cmdq.ring, b->n + 1, &pos, &flags);
		if (st == LZ_OK) {
			lz_store32(&s->cmdq.ring.slot_seq[(pos + b->n) & s->cmdq.ring.mask],
				   lz_load32(&s->lz->resets));
			for (uint32_t k = 0; k < b->n; k++)
				lz_ring_write(&s->cmdq.ring, pos + k, b->cmd[k]);
			lz_ring_write(&s->cmdq.ring, pos + b->n, lz_smmu_cmd_sync());
			lz_ring_publish(&s->cmdq.ring, pos, b->n + 1, flags);
			*sync = pos + b->n;
			b->from = i;
		}
	}
	lz_epoch_leave(&s->readers, section);
	return st;
}

static enum lz_status atcs(struct lz_smmu *s, struct lz_smmu_domain *sdom, uint64_t atc1,
			   lz_ns *deadline)
{
	struct batch b = {.from = 0};

	for (;;) {
		uint64_t sync = 0;
		enum lz_status st = send(s, sdom, atc1, &b, &sync);

		if (st == LZ_ENOENT)
			return LZ_OK;
		if (st == LZ_ETIMEDOUT)
			return st;
		if (st == LZ_EBUSY) {
			st = lz_smmu_queue_wait_room(&s->cmdq, b.n + 1, deadline);
			if (st != LZ_OK)
				return st;
			continue;
		}
		st = lz_smmu_queue_wait(&s->cmdq, sync, deadline);
		if (st == LZ_EIO)
			st = identify_and_fence(s, &b);
		if (st != LZ_OK)
			return st;
	}
}

static enum lz_status everywhere(struct lz_domain_part *part, const struct lz_command *tlbi,
				 uint32_t n, uint64_t atc1)
{
	struct lz_smmu *s = lz_smmu_of(part->iommu);
	lz_ns deadline = 0;
	uint32_t owed;
	bool pay = lz_smmu_cfgi_is_owed(s, &owed);
	struct lz_command all = lz_smmu_cmd_cfgi_all();
	enum lz_status st = LZ_OK;

	if (lz_smmu_dead(s))
		return LZ_OK;
	if (pay)
		st = lz_smmu_queue_run(&s->cmdq, &all, 1, &deadline);
	if (st == LZ_OK && pay)
		lz_store32(&s->cfgi_paid, owed);
	if (st == LZ_OK)
		st = lz_smmu_queue_run(&s->cmdq, tlbi, n, &deadline);
	if (st == LZ_OK && part->drv)
		st = atcs(s, part->drv, atc1, &deadline);
	return lz_smmu_dead(s) ? LZ_OK : st;
}

enum lz_status __wrap_lz_smmu_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
					 size_t granule)
{
	struct lz_smmu_domain *sdom = part->drv;
	struct lz_command cmd[MAX_CMD];
	uint32_t n = 0;

	if ((end - start) / granule > MAX_CMD)
		cmd[n++] = lz_smmu_cmd_tlbi_asid(sdom->asid);
	else
		for (lz_iova va = start; va < end; va += granule)
			cmd[n++] = lz_smmu_cmd_tlbi_va(sdom->asid, va);
	return everywhere(part, cmd, n, lz_smmu_cmd_atc1(start, end));
}

enum lz_status __wrap_lz_smmu_invalidate_all(struct lz_domain_part *part)
{
	struct lz_smmu_domain *sdom = part->drv;
	struct lz_command cmd = sdom ? lz_smmu_cmd_tlbi_asid(sdom->asid) : lz_smmu_cmd_cfgi_all();

	return everywhere(part, &cmd, 1, SMMU_ATC1_ALL);
}

/* ---- no suspects ---- */

bool __wrap_lz_identify(struct lz_iommu *iommu, lz_ns *again)
{
	struct lz_device *dev;

	(void)again;
	while ((dev = lz_suspect_first(iommu)) != NULL) {
		unsigned long flags;

		lz_suspect_drop(dev, lz_accusation_of(dev).gen);
		flags = lz_spin_lock(&dev->fence_lock);
		if (dev->fence == LZ_FENCE_SUSPECT)
			lz_fence_set_locked(dev, LZ_FENCE_OPEN);
		lz_spin_unlock(&dev->fence_lock, flags);
		lz_device_put(dev);
	}
	return true;
}

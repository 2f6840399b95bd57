/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * I/O address spaces: attach, map, unmap, custody.
 *
 * What a call answers while device D is in a state:
 *
 *   call                          | open  | suspect, fencing | fenced/blocked | resetting
 *   attach paging or identity     | done  | BUSY             | BUSY           | BUSY
 *   attach blocking               | done  | done, no ATC_INV | retained only  | retained only
 *   detach (cannot fail)          | done  | into custody     | pointer only   | pointer only
 *   unmap in a domain that D is in| ATC_INV | hold, custody  | skip, released | skip, released
 *   attach another device to it   | done  | done             | done           | done
 *   remove D                      | done  | done, fenced     | done           | done
 *
 * A fence stops translated DMA only. Until the device is blocked as well, detach and
 * attach blocking write its tables, without ATC_INV.
 */
#ifndef LAZARET_DOMAIN_H
#define LAZARET_DOMAIN_H

#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a domain does to the addresses of its devices. */
enum lz_domain_type {
	LZ_DOMAIN_PAGING,   /**< translates what is mapped */
	LZ_DOMAIN_IDENTITY, /**< passes addresses through, without ATS */
	LZ_DOMAIN_BLOCKING, /**< lets nothing through: a name for "detached" */
};

/** Permissions of a mapping. */
#define LZ_READ	 (1u << 0) /**< the device may read memory */
#define LZ_WRITE (1u << 1) /**< the device may write memory */
#define LZ_MMIO	 (1u << 2) /**< device memory, such as an MSI doorbell */

/** Callbacks of whoever owns the memory of a domain. Any may be NULL. */
struct lz_domain_ops {
	/** `size` bytes at `iova` that were in custody are free now: neither
	 *  IOVA nor pages can be reached by hardware any more. Called once per
	 *  contiguous run, task context, no lock held; may map and unmap. */
	void (*release)(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size);
	/** A domain whose destruction went into custody is gone now. */
	void (*destroyed)(void *ctx);
};

/**
 * Makes a domain. Its page table is of the format and address widths of `iommu`;
 * devices behind other IOMMUs of the same instance may be attached too, where those can
 * walk it. Then an unmap is done when all of them have answered. `ops` may be NULL, else
 * it is referenced until the domain is destroyed. Task context. LZ_ENOMEM,
 * LZ_ENOTSUP (identity domains were left out of the build), LZ_ELIMIT (no address
 * space id left). The caller owns the domain: lz_domain_destroy().
 */
LZ_MUST_CHECK enum lz_status lz_domain_create(struct lz_iommu *iommu, enum lz_domain_type type,
					      const struct lz_domain_ops *ops, void *ctx,
					      struct lz_domain **out);

/**
 * Destroys a domain that no device is attached to, whatever is still mapped.
 * LZ_OK, or LZ_IN_CUSTODY: tables, context memory and what was mapped are
 * released when hardware cannot reach them any more (`destroyed` tells); that is so also
 * just after the last device behind another IOMMU has left. The
 * pointer is dead for the caller at once. LZ_EBUSY while a device is attached.
 * Task context.
 */
LZ_MUST_CHECK enum lz_status lz_domain_destroy(struct lz_domain *dom);

/** Attaches the device's untranslated and ATS traffic (RID). All devices of a
 *  group are in one domain or blocked. Task context; see the table above.
 *  LZ_EBUSY, LZ_EINVAL (another instance), LZ_ENOTSUP (its IOMMU cannot walk the
 *  domain's page table; the log says why), LZ_ELIMIT (no address space id is left, or
 *  the domain is behind 32 IOMMUs), LZ_ENOMEM, LZ_ETIMEDOUT/LZ_EIO with the old
 *  attachment intact. */
LZ_MUST_CHECK enum lz_status lz_attach(struct lz_device *dev, struct lz_domain *dom);
/** Back to blocking. Cannot fail. Task context. */
void lz_detach(struct lz_device *dev);
/** The same for one PASID (1..2^pasid_bits-1). A paging domain must be
 *  attached to the RID. LZ_ENOTSUP without PASID support, LZ_EIO also when config space
 *  does not take PASID Enable. Task context. */
LZ_MUST_CHECK enum lz_status lz_attach_pasid(struct lz_device *dev, uint32_t pasid,
					     struct lz_domain *dom);
/** Takes one PASID back to blocking. Cannot fail; without effect when nothing is
 *  attached. Task context. */
void lz_detach_pasid(struct lz_device *dev, uint32_t pasid);
/** The domain that the core keeps for the RID or a PASID; NULL = blocking. The
 *  reference stays the caller's who attached it. Any context. */
struct lz_domain *lz_attached(const struct lz_device *dev, uint32_t pasid);

/**
 * Maps [iova, iova+size) to [phys, phys+size); all multiples of LZ_PAGE. Uses
 * blocks where alignment allows. Any context. Callers keep operations on one
 * range apart. LZ_EINVAL, LZ_ENOMEM, LZ_EEXIST (something is mapped there),
 * LZ_EBUSY (part of it is in custody), LZ_ELIMIT. On failure nothing of the
 * range is mapped.
 */
LZ_MUST_CHECK enum lz_status lz_map(struct lz_domain *dom, lz_iova iova, lz_phys phys, size_t size,
				    unsigned prot);

/**
 * Unmaps whatever is mapped in [iova, iova+size) and waits for the hardware:
 * sync_bound in task context, atomic_wait in atomic context, for each IOMMU that devices
 * of the domain are behind and for none after one that has not answered.
 *
 * LZ_OK: nothing can reach the pages any more. LZ_IN_CUSTODY: unmapped, but
 * somebody may still reach them: `release` will tell, IOVA and pages are not
 * to be reused before. LZ_EINVAL: misaligned, or the range cuts a block
 * mapping; nothing was changed. LZ_ENOENT: nothing was mapped. Any context.
 */
LZ_MUST_CHECK enum lz_status lz_unmap(struct lz_domain *dom, lz_iova iova, size_t size);

/** Ranges that a gather keeps apart. */
#define LZ_GATHER_RANGES 8u
/** A gather: several unmaps, one invalidation. Zero-initialise; any context,
 *  one user at a time. Adjacent ranges merge. The outcome of a sync is that of
 *  every range gathered since the one before. */
struct lz_gather {
	struct lz_domain *dom; /**< set by the first unmap */
	/** What waits to be invalidated. */
	struct {
		lz_iova start; /**< first byte */
		lz_iova end;   /**< behind the last one */
	} range[LZ_GATHER_RANGES];
	unsigned n;	/**< ranges in use */
	size_t granule; /**< smallest entry unmapped since the last sync, bytes */
};
/** Unmaps without waiting. The pages are in flight until lz_gather_sync().
 *  LZ_ELIMIT: no slot is left for this range: sync first, nothing was unmapped.
 *  LZ_EINVAL also for a gather of another domain, LZ_ENOENT, LZ_ENOTSUP when gathers
 *  were left out of the build. Any context. */
LZ_MUST_CHECK enum lz_status lz_unmap_gather(struct lz_domain *dom, lz_iova iova, size_t size,
					     struct lz_gather *gather);
/** Waits for everything gathered. LZ_OK or LZ_IN_CUSTODY as lz_unmap(), for all of
 *  it alike; the gather is empty afterwards. Any context. */
LZ_MUST_CHECK enum lz_status lz_gather_sync(struct lz_gather *gather);

/** Waits until nothing of the domain is in custody, at most `bound`. LZ_OK or
 *  LZ_ETIMEDOUT. Task context; somebody else runs lz_poll(). */
LZ_MUST_CHECK enum lz_status lz_domain_wait(struct lz_domain *dom, lz_ns bound);

/** What the page table says about the byte at `iova`; 0 and false when not mapped.
 *  Any context. */
bool lz_iova_to_phys(struct lz_domain *dom, lz_iova iova, lz_phys *phys);

/** Pages of LZ_PAGE bytes that hardware may still reach. */
struct lz_custody {
	uint64_t pages;	    /**< in custody now */
	uint64_t pages_max; /**< most at any time */
	uint64_t page_us;   /**< pages times microseconds spent in custody; zero when
				 counters were left out of the build */
};
/** A snapshot into `*out`. Any context. */
void lz_domain_custody(const struct lz_domain *dom, struct lz_custody *out);
/** What lz_domain_create() was given as `ctx`. Any context. */
void *lz_domain_ctx(const struct lz_domain *dom);

#ifdef __cplusplus
}
#endif
#endif

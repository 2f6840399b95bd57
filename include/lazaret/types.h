/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Base types of the public interface.
 *
 * Every function that can fail returns enum lz_status and is marked
 * LZ_MUST_CHECK: an outcome that nobody looks at is how a stale translation
 * escapes.
 */
#ifndef LAZARET_TYPES_H
#define LAZARET_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The compiler warns when the result is not looked at. */
#define LZ_MUST_CHECK __attribute__((warn_unused_result))

/** Nanoseconds of the port's monotonic clock. */
typedef uint64_t lz_ns;
/** A deadline that never comes. */
#define LZ_NEVER UINT64_MAX
/** Microseconds in ns. */
#define LZ_US(n) ((lz_ns)(n)*1000u)
/** Milliseconds in ns. */
#define LZ_MS(n) ((lz_ns)(n)*1000000u)
/** Seconds in ns. */
#define LZ_SEC(n) ((lz_ns)(n)*1000000000u)

/** A physical (bus) address as the IOMMU and DMA masters see it, in bytes. */
typedef uint64_t lz_phys;
/** An I/O virtual address, in bytes. */
typedef uint64_t lz_iova;

/** The substream id that stands for "request without a PASID". */
#define LZ_NO_PASID 0u
/** The smallest mapping, in bytes. */
#define LZ_PAGE 4096u

/** Outcomes. */
enum lz_status {
	LZ_OK = 0, /**< done, with effect */
	/** Success of an unmap or destroy, but the memory is not free yet:
	 *  hardware may still reach it. `release` says when it is. */
	LZ_IN_CUSTODY,
	LZ_EINVAL,    /**< an argument is out of range or misaligned */
	LZ_ENOMEM,    /**< the port had no memory; nothing was changed */
	LZ_EBUSY,     /**< not in this state (see the table in domain.h) */
	LZ_EIO,	      /**< hardware reported that a device did not answer */
	LZ_ETIMEDOUT, /**< no answer within the bound; says nothing about whom */
	LZ_ENODEV,    /**< the device is gone, or there is none */
	LZ_ENOTSUP,   /**< the hardware or the build cannot do it */
	LZ_EEXIST,    /**< already there */
	LZ_ENOENT,    /**< not there */
	LZ_ELIMIT,    /**< the domain's custody limit is reached */
	LZ_EFAULT,    /**< the command was refused as illegal or overwritten */
};

/** A short constant name such as "busy"; never NULL. Any context. */
const char *lz_status_name(enum lz_status s);

/** One instance of the library. */
struct lz;
/** One IOMMU instance. */
struct lz_iommu;
/** Devices that the fabric cannot isolate from each other. */
struct lz_group;
/** One requester: a PCIe function or a platform device. */
struct lz_device;
/** One I/O address space. */
struct lz_domain;

#ifdef __cplusplus
}
#endif
#endif

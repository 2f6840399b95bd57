/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IOMMU driver without hardware, for tests of the core: devices answer or
 * do not, the queue works or does not, each call can be made to fail and takes
 * time so that others run in between. It keeps its own opinion of what the
 * hardware can reach and of the rules of core/driver.h.
 */
#ifndef FAKE_DRIVER_H
#define FAKE_DRIVER_H

#include "core/driver.h"
#include "core/gate.h"

enum fake_op {
	OP_ADD,
	OP_REMOVE,
	OP_FREE,
	OP_DOMAIN_INIT,
	OP_DOMAIN_FINI,
	OP_LINK,
	OP_UNLINK,
	OP_INSTALL,
	OP_BLOCK,
	OP_UNFENCE,
	OP_PROBE,
	OP_RESET_SUCCEEDED,
	OP_ACCUSE,
	OP_INVALIDATE,
	OP_INVALIDATE_ALL,
	OP_WORK,
	OP_COUNT
};

struct fake_call {
	enum fake_op op;
	struct lz_device *dev;
	struct lz_domain *dom;
	uint32_t pasid;
	enum lz_status result;
	lz_iova start, end;
	uint32_t block; /* of dev, when it was called */
};

#define FAKE_CALLS   2048u
#define FAKE_DEVICES 8u
#define FAKE_PASIDS  4u
#define FAKE_ATC     8u

/* One device as the hardware has it. */
struct fake_device {
	struct lz_device *dev;
	bool mute;			      /* does not answer invalidations */
	bool closing;			      /* blocked without effect: `table` is of before */
	struct lz_domain *table[FAKE_PASIDS]; /* what its tables point to */
	struct {
		struct lz_domain *dom; /* NULL: free */
		lz_iova iova;
	} atc[FAKE_ATC];
	struct lz_domain *link[FAKE_PASIDS][2];
};

struct fake {
	struct lz_iommu iommu;
	const struct lz_iommu_ops *usual; /* when somebody puts others in front */
	struct fake_device device[FAKE_DEVICES];
	bool stalled; /* no sync completes */
	/* After `fail_skip` calls of an operation `fail_count` answer `fail`. */
	enum lz_status fail[OP_COUNT];
	unsigned fail_skip[OP_COUNT], fail_count[OP_COUNT];
	lz_ns delay;	   /* of each call in task context */
	lz_ns sweep_delay; /* of invalidate_all in addition, behind its answer */
	struct fake_call call[FAKE_CALLS];
	unsigned n_calls, count[OP_COUNT];
	unsigned rules_broken;
	char first_broken[80];
};

void fake_init(struct fake *f, struct lz *lz);
struct fake_device *fake_of(const struct lz_device *dev);
/* The device caches the translation of a page of its RID's domain, when it may. */
void fake_translate(struct lz_device *dev, lz_iova iova);
/* Can the device use an old translation in [start, end) of `dom`? */
bool fake_reaches(const struct lz_device *dev, const struct lz_domain *dom, lz_iova start,
		  lz_iova end);
/* Its cached translations in [start, end) of `dom`, or of any domain, are gone. */
void fake_forget(struct fake_device *d, const struct lz_domain *dom, lz_iova start, lz_iova end);
/* Is the domain linked for any PASID of the device? */
bool fake_is_linked(struct fake_device *d, struct lz_domain *dom);
/* Position of the n-th (from 0) call of `op` in the log, or -1. */
int fake_find(const struct fake *f, enum fake_op op, unsigned n);
int fake_find_last(const struct fake *f, enum fake_op op);
/* Takes time: others may run. */
void fake_pause(struct lz *lz, lz_ns ns);

/* A function's config space with an ATS capability at 0x100. */
struct fake_pci {
	struct lz_pci_access access;
	uint8_t space[4096];
	bool gone, stuck;
};
void fake_pci_init(struct fake_pci *p);
bool fake_pci_ats_on(const struct fake_pci *p);

#endif

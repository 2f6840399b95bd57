/* SPDX-License-Identifier: BSD-2-Clause */
/* Deferred work, run by lz_poll(). */
#ifndef LZ_CORE_WORK_H
#define LZ_CORE_WORK_H

#include "core/arch.h"

#include "lazaret/types.h"

struct lz;
struct lz_work;
typedef void (*lz_work_fn)(struct lz_work *w);

struct lz_work {
	struct lz *lz;
	lz_work_fn fn;
	bool frees_itself;     /* fn may free the work; never disabled */
	lz_ns due;	       /* [wq lock] */
	bool queued, disabled; /* [wq lock] */
	uint32_t running;      /* written under [wq lock] */
	struct lz_work *next;  /* [wq lock] */
};

struct lz_workqueue {
	struct lz_spinlock lock;
	struct lz_work *head;
	uint64_t pending; /* queued or running */
};

void lz_work_init(struct lz *lz, struct lz_work *w, lz_work_fn fn);
/* Runs fn at `due` or soon after; an earlier time wins. False when it is
 * disabled, or was queued already (a work that is running may be queued
 * again). Any context. */
bool lz_work_queue(struct lz_work *w, lz_ns due);
/* No run starts after this, and none is under way when it returns. True when a
 * queued run was cancelled: whoever cancels drops what the run would have
 * dropped (H27). Task context, no lock or gate that fn takes (H20, H21); not
 * from fn itself. */
bool lz_work_disable(struct lz_work *w);
/* The contrary. */
void lz_work_enable(struct lz_work *w);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a test's body as a task of a simulation, with a worker and the fake driver. */
#ifndef CORE_BENCH_H
#define CORE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/sim/sim.h"
#include "tests/unit/core/fake_driver.h"

#define BENCH_EVENTS   512u
#define BENCH_RELEASES 64u

struct bench {
	struct lz_config cfg; /* may be changed before bench_run() by `tune` */
	struct lz *lz;
	struct fake fake;
	struct lz_iommu *iommu;
	struct sim_worker worker;
	uint64_t seed;
	struct lz_event ev[BENCH_EVENTS];
	unsigned n_ev;
	struct {
		lz_iova iova;
		size_t size;
	} released[BENCH_RELEASES];
	unsigned n_released, n_destroyed;
	unsigned n_detected, n_resumed, n_blocked;
	unsigned cause; /* that blocked() was told last */
	uint32_t cause_generation;
	char last_log[256];
	/* Called from release, before it is noted. */
	void (*on_release)(struct bench *b, struct lz_domain *dom, lz_iova iova, size_t size);
	void (*on_error)(struct bench *b, struct lz_device *dev);
	void *user;
};

extern struct bench bench;

typedef void (*bench_body)(struct bench *b);
/* Changes the configuration before lz_init(); may be NULL. */
typedef void (*bench_tune)(struct lz_config *cfg);

/* One run; the books must be empty at the end. */
void bench_run(uint64_t seed, unsigned switch_one_in, bench_tune tune, bench_body body);
/* Seeds 1..n with many switches. */
void bench_seeds(unsigned n, bench_body body);

struct lz_group *bench_group(unsigned id);
/* A device with `streams` consecutive ids from `first`, ATS allowed. */
struct lz_device *bench_device(struct lz_group *g, uint32_t first, unsigned streams,
			       const struct lz_pci_access *pci);
/* Counts what it is told in `bench`. */
const struct lz_owner_ops *bench_owner(void);
struct lz_domain *bench_domain(void);
/* What most tests begin with: a device, alone in its group, attached to a domain. */
void bench_one(struct lz_group **g, struct lz_device **dev, struct lz_domain **dom);
void bench_one_done(struct lz_group *g, struct lz_device *dev, struct lz_domain *dom);
/* As the driver does: fences, then reports, when the generation is still that one. */
void bench_report(struct lz_device *dev, uint32_t generation);
void bench_remove(struct lz_device *dev, struct lz_group *g);
/* Destroys and waits until it is gone. */
void bench_destroy(struct lz_domain *dom);
/* Sleeps until the library is idle: no work due within a second. */
void bench_settle(void);
void bench_sleep(lz_ns ns);
unsigned bench_events(enum lz_event_kind k);
/* Position of the first event of the kind, -1 when there is none. */
int bench_event_at(enum lz_event_kind k);

/* Breaks a device that is attached: unmaps a page while it is mute, waits for
 * the quarantine. */
void bench_break(struct lz_device *dev, struct lz_domain *dom);

/* Other agents of a race. */
void bench_spawn(const char *name, unsigned cpu, void (*fn)(void *), void *arg);
/* Waits until all spawned tasks are done. */
void bench_join(void);

#endif

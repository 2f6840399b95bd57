/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ftrace text of the kernel's iommu events, read as a stream: plain or gzip,
 * bare or with the kprobe lines that name the domain.
 */
#ifndef MACHINE_TRACE_H
#define MACHINE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_context { TRACE_TASK, TRACE_SOFTIRQ, TRACE_HARDIRQ, TRACE_CONTEXTS };

enum trace_kind {
	TRACE_MAP,
	TRACE_UNMAP,
	TRACE_ATTACH,
	TRACE_ADD_GROUP,
	TRACE_REMOVE_GROUP,
	TRACE_FLUSH, /* the domain's whole TLB (lazy mode) */
	TRACE_MARK,  /* text written to the trace by a person or script */
};

struct trace_event {
	enum trace_kind kind;
	unsigned long line;
	uint64_t time_ns;
	unsigned cpu;
	int pid;
	enum trace_context context;
	/* The kernel's domain pointer; 0 with `attributed` in a trace without
	 * kprobe lines, whose events are all taken as one domain. */
	uint64_t domain;
	bool attributed;
	uint64_t iova, size, paddr; /* bytes; size of an unmap: what was unmapped */
	bool has_prot;
	unsigned prot;	  /* IOMMU_READ 1, WRITE 2, CACHE 4, NOEXEC 8, MMIO 16 */
	char bdf[20];	  /* attach, add_group, remove_group */
	int group;	  /* add_group, remove_group */
	const char *text; /* mark; valid during the callback */
};

/* Each may be NULL. A value other than 0 stops the reading without an error. */
struct trace_ops {
	int (*map)(void *ctx, const struct trace_event *e);
	int (*unmap)(void *ctx, const struct trace_event *e);
	int (*attach)(void *ctx, const struct trace_event *e);
	int (*add_group)(void *ctx, const struct trace_event *e);
	int (*remove_group)(void *ctx, const struct trace_event *e);
	int (*flush)(void *ctx, const struct trace_event *e);
	int (*mark)(void *ctx, const struct trace_event *e);
	/* Now and then; in bytes of the file as stored. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
};

/*
 * Reads `path` and calls `ops` in the order of the file. Stops behind `limit`
 * map and unmap events (0: no limit). 0, or -1 with `FILE:LINE: what was
 * expected` in `err`; events before that line have been delivered.
 */
int trace_read(const char *path, const struct trace_ops *ops, void *ctx, uint64_t limit, char *err,
	       size_t errlen);

/* Sums over a trace, with a shadow of every domain's mapped pages. */
struct trace_summary {
	uint64_t maps, unmaps, attaches, flushes, marks;
	uint64_t unmaps_by_context[TRACE_CONTEXTS];
	unsigned domains, devices;
	uint64_t pages, peak_pages; /* of 4 KiB, mapped now and at most */
	uint64_t first_ns, last_ns;
	/* Errors */
	uint64_t overlaps;	/* a map over a mapped page */
	uint64_t unknown_pages; /* an unmap of a page that is not mapped */
	uint64_t unattributed;	/* no kprobe line says which domain */
	uint64_t errors;
	uint64_t first_error_line; /* 0: none */
};

struct trace_shadow;

struct trace_shadow *trace_shadow_new(void);
void trace_shadow_free(struct trace_shadow *s);
/* The operations to hand to trace_read() with the shadow as context. A caller
 * with a progress line of its own copies the table and sets `progress`. */
extern const struct trace_ops trace_shadow_ops;
const struct trace_summary *trace_shadow_summary(const struct trace_shadow *s);
/* True when memory ran out on the way: the summary is not complete. */
bool trace_shadow_failed(const struct trace_shadow *s);

#endif

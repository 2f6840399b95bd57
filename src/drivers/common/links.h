/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation arrays: which (requester id, PASID) pairs may hold translations of a
 * domain. Readers take no lock; writers replace the whole array. For any driver.
 *
 * Who excludes whom:
 *
 *           | add | take          | read (invalidate) | fence state
 *   add     | writer token        | grace             | not stored here
 *   take    | writer token        | grace             | not stored here
 *   read    | grace               | -                 | read per command
 *
 * A device's fence is in the device, not in the arrays: fencing it once mutes it in
 * every domain it is attached to (H58), no flag can get lost in a copy (H57), and there
 * is no user count to go wrong (H56).
 *
 * A read section has interrupts masked and lasts from loading the array to the
 * publication of its commands, never while waiting (core/epoch.h). Letter:
 *
 *  A  unmap: clear the entry; enter a section; load the array.
 *     attach: publish the array; grace period; write the tables. Either the unmap sees
 *     the new device, or the device sees the cleared entry (G).
 */
#ifndef LZ_DRIVERS_LINKS_H
#define LZ_DRIVERS_LINKS_H

#include "core/driver.h"
#include "core/epoch.h"

struct lz_link {
	uint32_t id, pasid;
	uint64_t command; /* first word of its invalidation, ready to store */
	struct lz_device *dev;
};

struct lz_link_array {
	uint32_t n, room;
	struct lz_link e[]; /* sorted by (id, pasid) */
};

struct lz_links {
	void *array;		     /* published struct lz_link_array * */
	struct lz_link_array *spare; /* [writer] same room as the published one */
	uint32_t writer;	     /* 1 while somebody changes the array */
	uint32_t entries;	     /* atomic; 0 only while the array is empty */
};

/* What comes in, or goes out. */
struct lz_link_change {
	struct lz_device *dev;
	uint32_t pasid;
	uint32_t streams; /* bits: which of the device's ids; all of them go out */
	uint64_t (*command)(uint32_t id, uint32_t pasid);
	struct lz_epoch *readers;
};

enum lz_status lz_links_init(struct lz *lz, struct lz_links *l);
void lz_links_fini(struct lz *lz, struct lz_links *l);
/* Task context. With LZ_OK every reader from here on finds them. LZ_ENOMEM. */
enum lz_status lz_links_add(struct lz_links *l, const struct lz_link_change *c);
/* Likewise; no reader has them any more. Cannot fail: memory was taken by add. */
void lz_links_take(struct lz_links *l, const struct lz_link_change *c);

/* Is a device of this domain held, as a suspect or while it is being fenced? Then the
 * outcome is custody whatever the queue does, and the sweep repeats everything: send
 * nothing. */
bool lz_links_held(struct lz_links *l, struct lz_epoch *readers);

/* The first entry that is not below (`id`, `pasid`). [reader] */
uint32_t lz_links_from(const struct lz_link_array *a, uint32_t id, uint32_t pasid);

/* [reader] */
static inline const struct lz_link_array *lz_links_read(struct lz_links *l)
{
	return lz_load_ptr(&l->array);
}

#endif

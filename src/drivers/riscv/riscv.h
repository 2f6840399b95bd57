/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V IOMMU driver's state and what its files offer each other. Low to high:
 * rv_queue, rv_error, rv_directory, rv_contexts, rv_shared, rv_invalidate, rv_faults, rv_ladder,
 * rv_ops, rv_probe.
 */
#ifndef LZ_RISCV_RISCV_H
#define LZ_RISCV_RISCV_H

#include "core/driver.h"
#include "core/epoch.h"
#include "drivers/common/links.h"
#include "drivers/common/senders.h"
#include "drivers/riscv/rv_queue.h"
#include "lazaret/riscv.h"

/* May it be sent an ATS.INVAL? */
enum lz_rv_voice {
	RV_LOUD,   /* yes */
	RV_HUSHED, /* no, and memory that it may reach has to wait */
	RV_QUIET,  /* no, nor is there any need */
};

/* A device context, with all devices that send its id (H13). */
struct lz_rv_stream {
	struct lz_stream s;	/* first */
	bool begun, pdtv;	/* has process contexts, as who came first has them; [gate] */
	struct lz_rv_dev *live; /* whose tables it points to; NULL: aborts; [gate] */
	uint32_t pscid;		/* that the IOTLB may know it by; 0 none; atomic */
	uint32_t closed;	/* devices whose fence forbids EN_ATS; [share_lock] */
	bool owed;		/* it is on for another one: deafen() first; [share_lock] */
	/* Everything aborts, but it still has a PSCID: see lz_rv_push(). */
	bool shut;     /* [share_lock] */
	uint64_t when; /* it was shut: lz_rv.shuts then; [share_lock] */
};

struct lz_rv_dev {
	struct lz_sending sending; /* first; its streams are struct lz_rv_stream */
	struct lz_device *dev;
	struct lz_rv *s;
	uint64_t *dc[LZ_MAX_STREAMS]; /* device contexts, in the directory */
	/* Process directory: a root page when there are two levels, then leaf pages.
	 * NULL: none of its contexts has process contexts. */
	uint64_t *pdt;
	lz_phys pdt_phys;
	unsigned pdt_bits;
	size_t pdt_bytes;
	struct lz_domain_part *installed; /* the RID's; NULL: its tables abort; [gate] */
	uint64_t fsc; /* what contexts have that translate without a directory; [gate] */
	bool clean;   /* nothing is cached by it, as it has said; [gate] */
	bool stale;   /* it was not heard: what its ATC holds is not known; [gate] */
	/* enum lz_rv_voice, see rv_faults.c. Written under the fence lock, read without
	 * (atomic). */
	uint8_t voice;
	uint64_t hushed; /* EN_ATS went off: lz_rv.shuts then; [fence_lock] */
	uint32_t hushes; /* counts who asked for it; [fence_lock] */
	bool listens;	 /* EN_ATS is on for a probe alone, with effect; [gate] */
};

struct lz_rv_domain {
	uint32_t pscid;
	struct lz_links links;
};

/* In lz_iommu.alert, whose lower half counts devices. */
#define RV_ALERT_STALLED (1u << 31) /* cmdq.stalled_at is set */
#define RV_ALERT_DEAD	 (1u << 30) /* iommu.dead is set */

#define RV_PSCID_NOTHING  0u /* of what aborts: nothing is cached for it */
#define RV_PSCID_IDENTITY 1u
#define RV_PSCIDS	  65536u /* of the 20 bits that there are */
#define RV_DDT_LEVELS	  3u

struct lz_rv {
	struct lz_iommu iommu; /* first */
	void *memory;	       /* what was allocated for it; it is aligned in there */
	uintptr_t mmio;
	struct lz *lz;

	/* Constant after probe. */
	bool ats;
	bool extended;	   /* device contexts of 64 bytes */
	unsigned sv;	   /* 39, 48 or 57 */
	unsigned pas;	   /* physical address bits */
	unsigned pid_bits; /* of process ids */
	unsigned did_bits;

	struct lz_ring cmdq;
	struct lz_spinlock err_lock; /* queue errors: marks, accusations; cqcsr, fqcsr */
	uint32_t held_error;	     /* written under err_lock: left for the ladder */

	struct lz_streams streams;     /* by device id */
	struct lz_spinlock share_lock; /* tc of contexts, inside the fence lock */

	_Alignas(LZ_RING_LINE) struct lz_epoch readers; /* of invalidation arrays */

	/* Device directory: `levels` deep; pages of level 1 and 2 are found through
	 * the entries. */
	unsigned levels;
	uint64_t *ddt;
	lz_phys ddt_phys;
	/* A page of zeroes: as a page table or a process directory it aborts everything. */
	uint64_t *nothing;
	lz_phys nothing_phys;

	uint64_t *faultq;
	lz_phys faultq_phys;
	unsigned faultq_log2;
	lz_riscv_fault_fn fault_fn;
	void *fault_ctx;

	uint32_t pscid_map[RV_PSCIDS / 32]; /* [pscid_lock] */
	struct lz_spinlock pscid_lock;
	/* Counts changes of contexts without effect, and up to where they are made
	 * good; atomic. */
	uint32_t push_owed, push_paid;
	uint64_t shuts; /* counts them; atomic */

	struct lz_ladder ladder;
	bool frozen;	   /* a restart waits for cqon; work() only */
	uint64_t swept_at; /* cqh when custody was swept last; work() only */
};

static inline struct lz_rv *lz_rv_of(struct lz_iommu *iommu)
{
	return (struct lz_rv *)iommu;
}
static inline struct lz_rv_dev *lz_rv_dev_of(struct lz_device *dev)
{
	return dev->drv;
}
static inline struct lz_rv_stream *lz_rv_stream_of(const struct lz_rv_dev *rd, unsigned i)
{
	return (struct lz_rv_stream *)rd->sending.stream[i];
}
static inline uint32_t lz_rv_read32(const struct lz_rv *s, uint32_t off)
{
	return lz_mmio_read32(s->mmio, off);
}
static inline void lz_rv_write32(const struct lz_rv *s, uint32_t off, uint32_t v)
{
	lz_mmio_write32(s->mmio, off, v);
}
static inline bool lz_rv_dead(struct lz_rv *s)
{
	return lz_load32(&s->iommu.dead) != 0;
}

/* rv_probe.c */
/* Writes cqcsr, fqcsr or ddtp and waits until it is not busy any more. */
enum lz_status lz_rv_write_csr(struct lz_rv *s, uint32_t reg, uint32_t v);
enum lz_status lz_rv_write_ddtp(struct lz_rv *s, uint64_t v);
/* Nothing is translated any more. */
enum lz_status lz_rv_hw_abort_all(struct lz_rv *s);

/* rv_error.c */
/* Takes in a queue error; false when there was none, or it is held for the ladder.
 * Any context. */
bool lz_rv_drain(struct lz_rv *s);
/* Is there one that can be taken in now; is there one at all? */
bool lz_rv_error_active(struct lz_rv *s);
bool lz_rv_error_pending(struct lz_rv *s);
/* Accuses every device with an ATS.INVAL in front of the fence at `pos`. `told`: by the
 * hardware, so a sole one is named. [err_lock] */
void lz_rv_accuse_unsettled(struct lz_rv *s, uint64_t pos, bool told);
/* The operation. [err_lock] */
bool lz_rv_next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			   struct lz_unanswered *out);
/* Clears what is active, for the ladder. [err_lock] */
void lz_rv_clear_locked(struct lz_rv *s);

/* rv_directory.c: device ids, and where their contexts are */
enum lz_status lz_rv_ddt_init(struct lz_rv *s);
/* Device id bits that so many levels have. */
unsigned lz_rv_ddt_bits(const struct lz_rv *s, unsigned levels);
/* `unused`: by hardware; else the tables stay where they are, for ever. */
void lz_rv_ddt_fini(struct lz_rv *s, bool unused);
/* The context of a device id; made (V = 0) when there is no page for it yet. */
enum lz_status lz_rv_ddt_get(struct lz_rv *s, uint32_t did, uint64_t **dc);

/* rv_shared.c: contexts that several devices send to. [gate] */
/* Contexts that nobody lives in abort, if they have not before; room for what the others
 * need. LZ_ENOMEM. */
enum lz_status lz_rv_dc_begin(struct lz_rv_dev *rd);
/* Those live in the device from now on that nobody lives in, or somebody with another
 * domain although it is the device that is heard by them. */
void lz_rv_dc_claim(struct lz_rv_dev *rd, const struct lz_domain_part *part);
/* Those go on for it by which it is heard, and that live in another one without ATS. */
void lz_rv_dc_take_over(struct lz_rv_dev *rd);
/* Those that live in it go on for another one, or abort. */
void lz_rv_dc_leave(struct lz_rv_dev *rd);
/* One more, or one fewer, whose fence forbids ATS in them. [fence_lock] */
void lz_rv_dc_closed(struct lz_rv_dev *rd, int by);
/* Is ATS forbidden in one by which the device is heard; does a fence owe it there?
 * [share_lock] */
bool lz_rv_dc_is_closed(const struct lz_rv_dev *rd);
bool lz_rv_dc_is_owed(const struct lz_rv_dev *rd);
/* The next device, with a reference, whose answers may be heard by a context of `rd`
 * although a fence forbids it; NULL. And when it is not heard any more. */
struct lz_device *lz_rv_dc_next_owed(struct lz_rv_dev *rd);
void lz_rv_dc_paid(struct lz_rv_dev *rd);

/* rv_contexts.c: those that live in one device. Each is stored; lz_rv_push() makes it
 * count. */
/* What a context has that aborts everything, or that translates for the device. */
uint64_t lz_rv_dc_nothing(const struct lz_rv_dev *rd, const struct lz_rv_stream *st);
uint64_t lz_rv_dc_fsc(const struct lz_rv_dev *rd, const struct lz_rv_stream *st);
/* tc but for what the fences forbid; `how`: EN_ATS, DTF. [fence_lock, share_lock] */
void lz_rv_dc_store_tc(struct lz_rv_dev *rd, unsigned i, uint64_t how);
/* Room for process contexts. */
enum lz_status lz_rv_pdt_init(struct lz_rv_dev *rd, unsigned bits);
/* Everything aborts, and ATS is off; close: and nobody lives there. */
void lz_rv_dc_abort(struct lz_rv_dev *rd);
void lz_rv_dc_close(struct lz_rv_dev *rd);
/* ATS off in all its contexts. [fence_lock] */
void lz_rv_dc_ats_off_locked(struct lz_rv_dev *rd);
void lz_rv_dc_ats_off(struct lz_rv_dev *rd);
/* ATS off wherever it is heard, for the fence of another one: it is hushed, and when
 * nothing is out for it any more, with what begin has counted, not heard. Nothing happens
 * when that fence does not owe it any more: false. */
bool lz_rv_dc_deafen_begin(struct lz_rv_dev *rd, uint32_t *hushes);
void lz_rv_dc_deafen(struct lz_rv_dev *rd, uint32_t hushes);
/* It aborts: its answers are heard all the same. False: it is being fenced. */
bool lz_rv_dc_listen(struct lz_rv_dev *rd);
/* EN_ATS is on, or about to have effect. */
bool lz_rv_dc_hears(struct lz_rv_dev *rd);
/* Everything but what makes it translate; then (after a push) that. */
void lz_rv_dc_prepare(struct lz_rv_dev *rd, const struct lz_domain_part *part, bool ats);
void lz_rv_dc_commit(struct lz_rv_dev *rd);
void lz_rv_pc_clear(struct lz_rv_dev *rd, uint32_t pid);
void lz_rv_pc_write(struct lz_rv_dev *rd, uint32_t pid, const struct lz_domain_part *part);
/* Makes changes of the device's contexts effective; what could not be is owed. */
enum lz_status lz_rv_push(struct lz_rv_dev *rd, lz_ns *deadline);
/* The same for one process; `part`: where it was. */
enum lz_status lz_rv_push_process(struct lz_rv_dev *rd, uint32_t pid,
				  const struct lz_domain_part *part, lz_ns *deadline);
void lz_rv_owe(struct lz_rv *s);
/* Nothing is called invalidated before it is paid. */
static inline bool lz_rv_is_owed(struct lz_rv *s, uint32_t *owed)
{
	*owed = lz_load32(&s->push_owed);
	return *owed != lz_load32(&s->push_paid);
}
/* LZ_OK: nothing is owed any more. */
enum lz_status lz_rv_pay(struct lz_rv *s);

/* rv_invalidate.c */
enum lz_status lz_rv_link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part);
void lz_rv_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part);
enum lz_status lz_rv_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				size_t granule);
enum lz_status lz_rv_invalidate_all(struct lz_domain_part *part);
/* Somebody's patience ended: whoever may not sleep need not find out again before cqh
 * has moved. */
void lz_rv_stall_note(struct lz_rv *s);
void lz_rv_stall_forget(struct lz_rv *s);
void lz_rv_declare_dead(struct lz_rv *s);

/* rv_faults.c: what the core asks about a device that does not answer */
extern const struct lz_fault_ops lz_rv_fault_ops;
/* Invalidates everything a device may hold (of one PASID, or 0: of all), with outcome;
 * LZ_EBUSY: it is not open, nothing was sent. Task context. */
enum lz_status lz_rv_ats_flush(struct lz_rv_dev *rd, uint32_t pid);
/* Nothing is sent to the device until lz_rv_loud(); LZ_OK: and no ATS.INVAL of it is out. */
enum lz_status lz_rv_hush(struct lz_rv_dev *rd);
void lz_rv_hush_locked(struct lz_rv_dev *rd);
void lz_rv_set_voice(struct lz_rv_dev *rd, enum lz_rv_voice voice);
/* False: it is not heard. */
bool lz_rv_loud(struct lz_rv_dev *rd);
void lz_rv_reset_succeeded(struct lz_device *dev);

/* rv_ladder.c: operations */
enum lz_status lz_rv_rung_restart(struct lz_iommu *iommu, void *queue);
uint64_t lz_rv_head(struct lz_iommu *iommu, void *queue, bool *empty);
void lz_rv_stands(struct lz_iommu *iommu, void *queue, bool accuse);
void lz_rv_let_go(struct lz_iommu *iommu, void *queue);
bool lz_rv_try_again(struct lz_iommu *iommu, void *queue);

/* rv_faultq.c. False: its register was busy, look again. */
bool lz_rv_faultq_poll(struct lz_rv *s);

/* rv_ops.c */
extern const struct lz_iommu_ops lz_rv_ops;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * What a hardware model needs from the bench that hosts it: memory,
 * interrupts, time and the link to the endpoints. Models are passive: they act
 * only inside mmio accesses, step() and the calls below; whoever tests owns
 * clock and progress. A model has no lock: one call at a time, from any context.
 */
#ifndef LAZARET_MODEL_BUS_H
#define LAZARET_MODEL_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A time that never comes. */
#define LZM_NEVER UINT64_MAX

/** Which interrupt wants attention (wired lines). */
enum lzm_irq {
	LZM_IRQ_GERROR,	  /**< global error */
	LZM_IRQ_EVTQ,	  /**< event queue not empty any more */
	LZM_IRQ_PRIQ,	  /**< PRI queue */
	LZM_IRQ_CMD_SYNC, /**< CMD_SYNC completed */
	LZM_IRQ_CMDQV,	  /**< error in a queue of a CMDQV */
	LZM_IRQ_COUNT	  /**< how many there are */
};

/** An ATS Invalidate Request on its way to an endpoint. */
struct lzm_atc_inv {
	uint32_t sid;  /**< stream id of the endpoint */
	bool ssv;      /**< has a PASID */
	uint32_t ssid; /**< the PASID */
	bool global;   /**< the PASID does not matter */
	uint64_t addr; /**< start of the span, aligned */
	uint64_t size; /**< bytes; 0 = the whole address space */
};

/** How the endpoint (or the fabric in front of it) answered. */
enum lzm_atc_answer {
	LZM_ATC_DONE, /**< Invalidate Completion */
	LZM_ATC_UR,   /**< unsupported request */
};

/** What may come in more than one order, or go either way. */
enum lzm_choice {
	LZM_CHOOSE_ANSWER, /**< which of the answers of an endpoint that are due; 0: the oldest */
	LZM_CHOOSE_LOST,   /**< 1: this request is given up too, with knob late_subset */
	LZM_CHOOSE_QUEUE,  /**< which of the command queues goes on; 0: whose turn it is */
};
/** Who takes such decisions in place of the models: 0 .. n-1, n at least 2. It must not
 *  call the model. A larger number counts as 0. */
struct lzm_chooser {
	/** First argument of choose(). */
	void *ctx;
	/** One of `n`. */
	unsigned (*choose)(void *ctx, enum lzm_choice what, unsigned n);
};

/** Memory for the models' own state. */
struct lzm_memory {
	/** First argument of both. */
	void *ctx;
	/** Zeroed, aligned for every type; NULL: there is none. */
	void *(*alloc)(void *ctx, size_t size);
	/** Gives it back. */
	void (*free)(void *ctx, void *p);
};
/** Models created from here on take their memory from `m` (referenced); NULL: libc's.
 *  Not while a model exists: what one allocator gave the other cannot take back. */
void lzm_set_memory(const struct lzm_memory *m);

/** The bench's services. Called from inside model calls; they may call the model back
 *  where they say so. */
struct lzm_bus {
	/** First argument of every service. */
	void *ctx;
	/** Reads `len` bytes of physical memory. false: the access aborts. */
	bool (*mem_read)(void *ctx, uint64_t pa, void *buf, size_t len);
	/** Writes them. */
	bool (*mem_write)(void *ctx, uint64_t pa, const void *buf, size_t len);
	/** Edge on a wired interrupt line. */
	void (*irq)(void *ctx, enum lzm_irq line);
	/** Time in ns; never goes back. */
	uint64_t (*now)(void *ctx);
	/** Sends an Invalidate Request. The answer comes by
	 * lzm_smmu_atc_answer(smmu, tag, ...), inside this call or later, or
	 * never. Tags do not repeat. */
	void (*atc_inv)(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv);
};

#ifdef __cplusplus
}
#endif
#endif

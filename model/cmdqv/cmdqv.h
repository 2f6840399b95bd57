/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the CMDQV model. Its queues run in the SMMU's step().
 */
#ifndef LZM_CMDQV_CMDQV_H
#define LZM_CMDQV_CMDQV_H

#include "cmdqv/regs.h"
#include "lazaret-model/cmdqv.h"
#include "smmuv3/smmu.h"

struct vcmdq {
	struct lzm_cmdq q;
	bool config_en;
	uint32_t alloc;
	uint64_t cons_indx_base;
};

struct vintf {
	struct lzm_vintf s;
	uint32_t config;
};

struct lzm_cmdqv {
	struct lzm_cmdqv_config cfg;
	struct lzm_smmu *smmu;
	uint32_t config;
	uint64_t int_mask; /* by VINTF */
	bool irq_pending;
	struct vcmdq *queue;
	struct vintf *vintf;
	unsigned n_queues, n_vintfs;
};

/* cmdqv.c */
void lzm_cmdqv_update(struct lzm_cmdqv *v);
bool lzm_cmdqv_queue_failed(const struct vcmdq *c);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* NVM Express base specification 1.4, as much as the checks need. */
#include "nvme.h"

#include "check.h"
#include "freestanding.h"
#include "sys.h"

#define CAP   0x00u
#define CC    0x14u
#define CSTS  0x1cu
#define AQA   0x24u
#define ASQ   0x28u
#define ACQ   0x30u
#define BELLS 0x1000u

#define CC_ON	 (1u | 6u << 16 | 4u << 20) /* enable; entries of 64 and 16 bytes */
#define CSTS_RDY 1u
#define CSTS_CFS 2u

#define OP_CREATE_SQ 0x01u
#define OP_CREATE_CQ 0x05u
#define OP_IDENTIFY  0x06u
#define OP_WRITE     0x01u
#define OP_READ	     0x02u

struct command {
	uint32_t cdw0, nsid, cdw2[2];
	uint64_t metadata, prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13[3];
};

struct completion {
	uint32_t result, reserved;
	uint16_t sq_head, sq_id, id, status;
};

uint32_t nvme_status(const struct nvme *n)
{
	return bm_get32(n->regs + CSTS);
}

/* ---- queues ---- */

static void ring(struct nvme *n, const struct nvme_queue *q, bool completions, unsigned v)
{
	lz_dma_wmb();
	bm_put32(n->regs + BELLS + (2 * q->id + completions) * n->stride, v);
}

static bool completed(const struct nvme_queue *q)
{
	const volatile struct completion *c = q->cq.va;

	return (c[q->head].status & 1) == q->phase;
}

struct pending {
	const struct nvme *n;
	const struct nvme_queue *q;
};

/* A controller that cannot reach its queues says so. */
static bool completed_or_fatal(void *arg)
{
	const struct pending *p = arg;

	return completed(p->q) || nvme_status(p->n) & CSTS_CFS;
}

static int submit(struct nvme *n, struct nvme_queue *q, struct command cmd)
{
	struct command *sq = q->sq.va;
	const volatile struct completion *cq = q->cq.va;
	struct pending pending = {n, q};
	int status;

	cmd.cdw0 |= (uint32_t)++n->next_id << 16;
	sq[q->tail] = cmd;
	q->tail = (q->tail + 1) % NVME_ENTRIES;
	ring(n, q, false, q->tail);
	(void)wait_for(completed_or_fatal, &pending, LZ_SEC(5));
	if (!completed(q))
		return NVME_SILENT;
	lz_dma_rmb();
	status = cq[q->head].status >> 1;
	if (++q->head == NVME_ENTRIES) {
		q->head = 0;
		q->phase ^= 1;
	}
	ring(n, q, true, q->head);
	return status;
}

static bool queue_alloc(struct nvme *n, struct nvme_queue *q, lz_iova iova)
{
	return shared_alloc(&q->sq, LZ_PAGE, iova) &&
	       shared_alloc(&q->cq, LZ_PAGE, iova + LZ_PAGE) &&
	       shared_map(n->c, &q->sq, LZ_READ) == LZ_OK &&
	       shared_map(n->c, &q->cq, LZ_READ | LZ_WRITE) == LZ_OK;
}

static void queue_reset(struct nvme_queue *q, unsigned id)
{
	memset(q->sq.va, 0, LZ_PAGE);
	memset(q->cq.va, 0, LZ_PAGE);
	q->id = id;
	q->tail = q->head = 0;
	q->phase = 1;
}

/* ---- the controller ---- */

static bool ready(void *arg)
{
	return nvme_status(arg) & CSTS_RDY;
}

static bool off(void *arg)
{
	return !(nvme_status(arg) & CSTS_RDY);
}

static bool create_io(struct nvme *n)
{
	struct command cq = {.cdw0 = OP_CREATE_CQ,
			     .prp1 = n->io.cq.iova,
			     .cdw10 = (NVME_ENTRIES - 1) << 16 | 1,
			     .cdw11 = 1};
	struct command sq = {.cdw0 = OP_CREATE_SQ,
			     .prp1 = n->io.sq.iova,
			     .cdw10 = (NVME_ENTRIES - 1) << 16 | 1,
			     .cdw11 = 1u << 16 | 1};

	return submit(n, &n->admin, cq) == 0 && submit(n, &n->admin, sq) == 0;
}

bool nvme_enable(struct nvme *n)
{
	bm_put32(n->regs + CC, 0);
	if (!wait_for(off, n, LZ_SEC(5)))
		return false;
	queue_reset(&n->admin, 0);
	queue_reset(&n->io, 1);
	bm_put32(n->regs + AQA, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
	bm_put64(n->regs + ASQ, n->admin.sq.iova);
	bm_put64(n->regs + ACQ, n->admin.cq.iova);
	lz_dma_wmb();
	bm_put32(n->regs + CC, CC_ON);
	return wait_for(ready, n, LZ_SEC(5)) && create_io(n);
}

bool nvme_up(struct nvme *n, struct client *c, lz_iova iova)
{
	*n = (struct nvme){.c = c, .regs = pci_bar(c->fn, 0)};
	if (!n->regs)
		return false;
	n->stride = 4u << (bm_get32(n->regs + CAP + 4) & 15);
	return queue_alloc(n, &n->admin, iova) && queue_alloc(n, &n->io, iova + 2 * LZ_PAGE) &&
	       nvme_enable(n);
}

static bool queue_free(struct nvme *n, struct nvme_queue *q)
{
	bool ok = shared_unmap(n->c, &q->sq) == LZ_OK && shared_unmap(n->c, &q->cq) == LZ_OK;

	shared_free(&q->sq);
	shared_free(&q->cq);
	return ok;
}

bool nvme_down(struct nvme *n)
{
	bool ok;

	bm_put32(n->regs + CC, 0);
	ok = wait_for(off, n, LZ_SEC(5));
	ok = queue_free(n, &n->admin) && ok;
	return queue_free(n, &n->io) && ok;
}

int nvme_identify(struct nvme *n, unsigned cns, lz_iova iova)
{
	struct command cmd = {.cdw0 = OP_IDENTIFY, .nsid = cns == 0, .prp1 = iova, .cdw10 = cns};

	return submit(n, &n->admin, cmd);
}

static int transfer(struct nvme *n, unsigned op, uint64_t block, unsigned blocks, lz_iova iova)
{
	struct command cmd = {.cdw0 = op,
			      .nsid = 1,
			      .prp1 = iova,
			      .cdw10 = (uint32_t)block,
			      .cdw11 = (uint32_t)(block >> 32),
			      .cdw12 = blocks - 1};

	return submit(n, &n->io, cmd);
}

int nvme_read(struct nvme *n, uint64_t block, unsigned blocks, lz_iova iova)
{
	return transfer(n, OP_READ, block, blocks, iova);
}

int nvme_write(struct nvme *n, uint64_t block, unsigned blocks, lz_iova iova)
{
	return transfer(n, OP_WRITE, block, blocks, iova);
}

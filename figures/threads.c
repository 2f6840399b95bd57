/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates on real threads; see figures.h. */
#include "figures/figures.h"
#include "figures/flat.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define BURST	    16u /* operations between two looks at the clock */
#define THREADS_MAX 2u
#define ROUNDS_MAX  99u
#define TRIES_MAX   40u /* to find a window in which no thread lost its CPU */
#define CMDQ_LOG2   8u

static struct lz_command commands[64];
static struct lz_command commands_riscv[64];

/* ---- operations ---- */

/* The peer's lock and its PROD share a line: the best it can have. */
struct bed {
	_Alignas(LZ_RING_LINE) struct flat *flat;
	struct flat_peer peer;
	unsigned size;
};
typedef void (*operation)(struct bed *b);

static void queue_ours(struct bed *b)
{
	lz_ns deadline = 0;

	if (lz_smmu_queue_run(&flat_smmu(b->flat)->cmdq, commands, b->size, &deadline) != LZ_OK)
		lz_port_panic("a batch failed", __FILE__, __LINE__);
}

static void queue_ticket(struct bed *b)
{
	flat_ticket(&b->peer, commands, b->size);
}

static void queue_bare(struct bed *b)
{
	flat_bare(&b->peer, commands, b->size);
}

static void inval_ours(struct bed *b)
{
	if (lz_smmu_ops.invalidate(&b->flat->dom->first, FLAT_IOVA, FLAT_IOVA + LZ_PAGE, LZ_PAGE) !=
	    LZ_OK)
		lz_port_panic("an invalidation failed", __FILE__, __LINE__);
}

/* The same commands: one TLBI and its sync, then the ATC_INVs and theirs. */
static void inval_ticket(struct bed *b)
{
	flat_ticket(&b->peer, commands, 1);
	if (b->size)
		flat_ticket(&b->peer, commands, b->size);
}

static void inval_bare(struct bed *b)
{
	flat_bare(&b->peer, commands, 1);
	if (b->size)
		flat_bare(&b->peer, commands, b->size);
}

/* ---- the same on a RISC-V IOMMU ---- */

static void queue_riscv(struct bed *b)
{
	lz_ns deadline = 0;

	if (lz_rv_queue_run(flat_riscv(b->flat), commands_riscv, b->size, &deadline) != LZ_OK)
		lz_port_panic("a batch failed", __FILE__, __LINE__);
}

static void queue_ticket_riscv(struct bed *b)
{
	flat_ticket_riscv(&b->peer, commands_riscv, b->size);
}

static void queue_bare_riscv(struct bed *b)
{
	flat_bare_riscv(&b->peer, commands_riscv, b->size);
}

static void inval_riscv(struct bed *b)
{
	if (lz_rv_ops.invalidate(&b->flat->dom->first, FLAT_IOVA, FLAT_IOVA + LZ_PAGE, LZ_PAGE) !=
	    LZ_OK)
		lz_port_panic("an invalidation failed", __FILE__, __LINE__);
}

static void inval_ticket_riscv(struct bed *b)
{
	flat_ticket_riscv(&b->peer, commands_riscv, 1);
	if (b->size)
		flat_ticket_riscv(&b->peer, commands_riscv, b->size);
}

static void inval_bare_riscv(struct bed *b)
{
	flat_bare_riscv(&b->peer, commands_riscv, 1);
	if (b->size)
		flat_bare_riscv(&b->peer, commands_riscv, b->size);
}

/* ---- one measurement ---- */

struct window {
	operation op;
	struct bed *bed;
	lz_ns length;
	uint32_t ready, threads; /* atomic: nobody starts alone */
};

struct worker {
	pthread_t thread;
	struct window *w;
	unsigned cpu;
	uint64_t done;
	lz_ns begin, end;
	bool disturbed;
};

static lz_ns cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (lz_ns)t.tv_sec * 1000000000u + (lz_ns)t.tv_nsec;
}

static void *work(void *arg)
{
	struct worker *me = arg;
	struct window *w = me->w;
	lz_ns cpu;

	lz_port_cpu = me->cpu;
	(void)lz_fetch_add32(&w->ready, 1);
	while (lz_load32_acquire(&w->ready) < w->threads)
		lz_cpu_relax();
	cpu = cpu_time();
	me->begin = flat_now();
	do {
		for (unsigned i = 0; i < BURST; i++)
			w->op(w->bed);
		me->done += BURST;
		me->end = flat_now();
	} while (me->end - me->begin < w->length);
	me->disturbed = cpu_time() - cpu < (me->end - me->begin) * 9 / 10;
	return NULL;
}

static double measure_once(struct bed *b, operation op, unsigned threads, unsigned window_us,
			   bool *disturbed)
{
	struct window w = {.op = op, .bed = b, .length = LZ_US(window_us), .threads = threads};
	struct worker worker[THREADS_MAX];
	lz_ns begin = LZ_NEVER, end = 0;
	uint64_t done = 0;

	*disturbed = false;
	for (unsigned i = 0; i < threads; i++) {
		worker[i] = (struct worker){.w = &w, .cpu = i};
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			lz_port_panic("no thread", __FILE__, __LINE__);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(worker[i].thread, NULL);
		done += worker[i].done;
		begin = worker[i].begin < begin ? worker[i].begin : begin;
		end = worker[i].end > end ? worker[i].end : end;
		*disturbed = *disturbed || worker[i].disturbed;
	}
	/* Threads that hardly overlap do not contend. */
	*disturbed = *disturbed || end - begin > LZ_US(window_us) * 5 / 4;
	return (double)done * 1e9 / (double)(end - begin);
}

/* On a busy machine windows are repeated; `disturbed` counts those kept anyway. */
static double measure(struct bed *b, operation op, unsigned threads, unsigned window_us,
		      unsigned *disturbed)
{
	bool again = true;
	double rate = 0;

	for (unsigned i = 0; i < TRIES_MAX && again; i++)
		rate = measure_once(b, op, threads, window_us, &again);
	*disturbed += again;
	return rate;
}

/* ---- rows ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void spread(double *v, unsigned n, struct figures_rate *out)
{
	qsort(v, n, sizeof(*v), by_value);
	out->median = (v[(n - 1) / 2] + v[n / 2]) / 2;
	out->min = v[0];
	out->max = v[n - 1];
}

struct plan {
	const char *what;
	bool devices;			   /* `size` is how many */
	operation op[2][FIGURES_VARIANTS]; /* of SMMUv3 and of RISC-V */
};

/* Every variant has an IOMMU of its own. */
static void measure_row(const struct plan *p, struct figures_row *row,
			const struct figures_options *o)
{
	static double samples[FIGURES_VARIANTS][ROUNDS_MAX];
	unsigned rounds = o->rounds < ROUNDS_MAX ? o->rounds : ROUNDS_MAX;
	const operation *op = p->op[row->riscv];
	struct bed bed[FIGURES_VARIANTS];

	lz_port_slow = false;
	for (unsigned v = 0; v < FIGURES_VARIANTS; v++) {
		enum lz_contain contain = v == FIGURES_OFF ? LZ_CONTAIN_OFF : LZ_CONTAIN_ON;
		unsigned devices = p->devices ? row->size : 0;

		bed[v].size = row->size;
		bed[v].flat = row->riscv ? flat_make_riscv(devices, contain, CMDQ_LOG2)
					 : flat_make(devices, contain, CMDQ_LOG2);
		flat_peer_init(&bed[v].peer, bed[v].flat);
	}
	lz_port_slow = !row->instant;
	for (unsigned v = 0; v < FIGURES_VARIANTS; v++)
		flat_slow_begin(bed[v].flat);
	for (unsigned r = 0; r < rounds; r++)
		for (unsigned v = 0; v < FIGURES_VARIANTS; v++)
			if (op[v] && (v != FIGURES_BARE || row->threads == 1))
				samples[v][r] = measure(&bed[v], op[v], row->threads, o->window_us,
							&row->rate[v].disturbed);
	for (unsigned v = 0; v < FIGURES_VARIANTS; v++) {
		if (op[v] && (v != FIGURES_BARE || row->threads == 1))
			spread(samples[v], rounds, &row->rate[v]);
		flat_slow_end(bed[v].flat);
	}
	lz_port_slow = false;
	for (unsigned v = 0; v < FIGURES_VARIANTS; v++)
		flat_free(bed[v].flat);
}

static unsigned measure_all(const struct plan *p, const unsigned *sizes, unsigned n_sizes,
			    struct figures_row *rows, const struct figures_options *o)
{
	unsigned n = 0, total = n_sizes * 4;

	for (unsigned i = 0; i < 64; i++) {
		commands[i] = lz_smmu_cmd_tlbi_va(1, FLAT_IOVA + i * LZ_PAGE);
		commands_riscv[i] = lz_rv_cmd_vma(RV_PSCID_IDENTITY, FLAT_IOVA + i * LZ_PAGE);
	}
	for (unsigned instant = 1; instant + 1 > 0; instant--)
		for (unsigned threads = 1; threads <= THREADS_MAX; threads++)
			for (unsigned i = 0; i < n_sizes; i++) {
				unsigned size = sizes[i];

				if (o->progress)
					o->progress(n, total, p->what);
				rows[n] = (struct figures_row){
					.riscv = o->riscv,
					.size = size,
					.threads = threads,
					.instant = instant,
					.commands = !p->devices ? size + 1
						    : size	? size + 3
								: 2,
				};
				measure_row(p, &rows[n++], o);
			}
	return n;
}

unsigned figures_queue(struct figures_row *rows, const struct figures_options *o)
{
	static const struct plan plan = {
		"command queue",
		false,
		{{queue_ours, NULL, queue_ticket, queue_bare},
		 {queue_riscv, NULL, queue_ticket_riscv, queue_bare_riscv}}};
	static const unsigned sizes[] = {1, 16, 62};

	return measure_all(&plan, sizes, 3, rows, o);
}

unsigned figures_inval(struct figures_row *rows, const struct figures_options *o)
{
	static const struct plan plan = {
		"invalidation",
		true,
		{{inval_ours, inval_ours, inval_ticket, inval_bare},
		 {inval_riscv, inval_riscv, inval_ticket_riscv, inval_bare_riscv}}};
	static const unsigned sizes[] = {0, 1, 4, 16};

	return measure_all(&plan, sizes, 4, rows, o);
}

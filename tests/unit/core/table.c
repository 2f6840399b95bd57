/* SPDX-License-Identifier: BSD-2-Clause */
/* Every operation in every state of a device: the table of lazaret/domain.h. */
#include "tests/unit/core/bench.h"

#include <stdio.h>
#include <string.h>

enum state {
	OPEN,
	SUSPECT,
	FENCING,
	FENCED,		  /* found broken, its report not looked at yet */
	BROKEN,		  /* quarantined */
	RESETTING,	  /* while it was sound */
	RESETTING_BROKEN, /* while it was quarantined */
	RESET_FAILED,
	RESET_WAITS, /* the reset was good, the tables are still to be written */
	PERMANENT,
	OPERATOR,
	STATES
};

enum operation {
	ATTACH,
	ATTACH_IDENTITY,
	ATTACH_PASID,
	ATTACH_BLOCKING,
	DETACH,
	DETACH_PASID,
	UNMAP,
	OTHER, /* another device to the same domain */
	RESET,
	BLOCK,
	CLEAR,
	REPORT,
	REMOVE,
	OPERATIONS
};

#define OK   LZ_OK
#define BUSY LZ_EBUSY
#define HELD LZ_IN_CUSTODY

static const enum lz_status table[OPERATIONS][STATES] = {
	/* open, suspect, fencing, fenced, broken, 2 x resetting, failed, waits, permanent, operator
	 */
	[ATTACH] = {OK, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY},
	[ATTACH_IDENTITY] = {OK, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY},
	[ATTACH_PASID] = {OK, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY},
	[ATTACH_BLOCKING] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[DETACH] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[DETACH_PASID] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[UNMAP] = {OK, HELD, HELD, OK, OK, OK, OK, OK, OK, OK, OK},
	[OTHER] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[RESET] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[BLOCK] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[CLEAR] = {OK, BUSY, BUSY, BUSY, OK, BUSY, BUSY, OK, OK, OK, OK},
	[REPORT] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
	[REMOVE] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK},
};

#define IOVA 0x100000

static enum state in;
static enum operation does;
static struct lz_group *g, *others;
static struct lz_device *dev, *other;
static struct lz_domain *dom, *pasid_dom, *free_dom;
static struct fake_pci pci;

/* ---- the header's table ---- */

static const struct {
	const char *call;
	enum operation first, last;
} rows[] = {
	{"attach paging or identity", ATTACH, ATTACH_PASID},
	{"attach blocking", ATTACH_BLOCKING, ATTACH_BLOCKING},
	{"detach (cannot fail)", DETACH, DETACH_PASID},
	{"unmap in a domain that D is in", UNMAP, UNMAP},
	{"attach another device to it", OTHER, OTHER},
	{"remove D", REMOVE, REMOVE},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Its columns: open; suspect, fencing; fenced, blocked; resetting. */
static unsigned column_of(enum state s)
{
	if (s == OPEN)
		return 0;
	if (s == SUSPECT || s == FENCING)
		return 1;
	return s == RESETTING || s == RESETTING_BROKEN ? 3 : 2;
}

static enum lz_status said(const char *cell)
{
	if (strstr(cell, "BUSY"))
		return BUSY;
	return strstr(cell, "hold") ? HELD : OK;
}

static void compare_row(unsigned row, char *line)
{
	char *cell[5] = {NULL};
	unsigned n = 0;

	for (char *p = strtok(line, "|"); p && n < 5; p = strtok(NULL, "|"))
		cell[n++] = p;
	assert_int_equal(n, 5);
	for (enum operation o = rows[row].first; o <= rows[row].last; o++)
		for (enum state s = OPEN; s < STATES; s++)
			if (table[o][s] != said(cell[1 + column_of(s)]))
				fail_msg("%s, state %d: the header says \"%s\"", rows[row].call, s,
					 cell[1 + column_of(s)]);
}

static void the_header_says_the_same(void **state)
{
	FILE *f = fopen("include/lazaret/domain.h", "r");
	unsigned seen = 0;
	char line[200];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		for (unsigned r = 0; r < ROWS; r++)
			if (!strncmp(line, " *   ", 5) &&
			    !strncmp(line + 5, rows[r].call, strlen(rows[r].call))) {
				compare_row(r, line);
				seen++;
				break;
			}
	fclose(f);
	assert_int_equal(seen, ROWS);
}

/* ---- states ---- */

static void set_fence(enum lz_fence_state f)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	lz_store8(&dev->fence, (uint8_t)f);
	lz_spin_unlock(&dev->fence_lock, flags);
}

static void reset(enum lz_reset_result result, enum lz_status expect)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	fake_of(dev)->mute = false;
	assert_int_equal(lz_reset_done(dev, result), expect);
}

static void quarantine(void)
{
	bench_break(dev, dom);
	fake_of(dev)->mute = false;
}

/* What was quarantined when the device is in the state. */
static unsigned faults(void)
{
	static const unsigned n[STATES] = {
		[BROKEN] = 1, [RESETTING_BROKEN] = 1, [RESET_FAILED] = 1, [PERMANENT] = 2};

	return n[in];
}

static void enter(struct bench *b)
{
	if (faults())
		quarantine();
	switch (in) {
	case SUSPECT:
		set_fence(LZ_FENCE_SUSPECT);
		break;
	case FENCING:
		set_fence(LZ_FENCE_FENCING);
		break;
	case FENCED:
		lz_device_report_broken(dev);
		break;
	case RESETTING:
	case RESETTING_BROKEN:
		assert_int_equal(lz_reset_prepare(dev), LZ_OK);
		break;
	case RESET_FAILED:
		reset(LZ_RESET_FAILED, LZ_OK);
		break;
	case RESET_WAITS:
		b->fake.fail[OP_INSTALL] = LZ_ETIMEDOUT;
		b->fake.fail_count[OP_INSTALL] = 1;
		reset(LZ_RESET_OK, LZ_ETIMEDOUT);
		break;
	case PERMANENT:
		reset(LZ_RESET_OK, LZ_OK);
		quarantine();
		break;
	case OPERATOR:
		assert_int_equal(lz_device_block(dev), LZ_OK);
		break;
	default:
		break;
	}
}

static void set_up(struct bench *b)
{
	fake_pci_init(&pci);
	g = bench_group(1);
	others = bench_group(2);
	dev = bench_device(g, 8, 2, &pci.access);
	other = bench_device(others, 16, 1, NULL);
	dom = bench_domain();
	pasid_dom = bench_domain();
	free_dom = NULL;
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
	assert_int_equal(lz_map(dom, IOVA, 0x1000, LZ_PAGE, LZ_READ), LZ_OK);
	if (does != ATTACH_IDENTITY)
		assert_int_equal(lz_attach_pasid(dev, 1, pasid_dom), LZ_OK);
	enter(b);
}

/* ---- operations ---- */

static struct lz_domain *make(enum lz_domain_type type)
{
	assert_int_equal(lz_domain_create(bench.iommu, type, NULL, NULL, &free_dom), LZ_OK);
	return free_dom;
}

static enum lz_status operate(void)
{
	switch (does) {
	case ATTACH:
		return lz_attach(dev, make(LZ_DOMAIN_PAGING));
	case ATTACH_IDENTITY:
		return lz_attach(dev, make(LZ_DOMAIN_IDENTITY));
	case ATTACH_PASID:
		return lz_attach_pasid(dev, 2, make(LZ_DOMAIN_PAGING));
	case ATTACH_BLOCKING:
		return lz_attach(dev, make(LZ_DOMAIN_BLOCKING));
	case DETACH:
		lz_detach(dev);
		return LZ_OK;
	case DETACH_PASID:
		lz_detach_pasid(dev, 1);
		return LZ_OK;
	case UNMAP:
		return lz_unmap(dom, IOVA, LZ_PAGE);
	case OTHER:
		return lz_attach(other, dom);
	case RESET:
		assert_int_equal(lz_reset_prepare(dev), LZ_OK);
		return lz_reset_done(dev, LZ_RESET_OK);
	case BLOCK:
		return lz_device_block(dev);
	case CLEAR:
		return lz_device_clear(dev);
	case REPORT:
		lz_device_report_broken(dev);
		return LZ_OK;
	default:
		return lz_device_remove(dev);
	}
}

/* ---- what has become of it ---- */

static bool is_detach(void)
{
	return does == DETACH || does == DETACH_PASID || does == ATTACH_BLOCKING;
}

/* Pointer only, from quarantine on; before that untranslated DMA would go on
 * through the old tables (H74). */
static bool touches_hardware(void)
{
	return in <= FENCED && (is_detach() || (in == OPEN && does <= ATTACH_PASID));
}

static void check_hardware(struct bench *b, unsigned installs)
{
	unsigned both = does == DETACH || does == ATTACH_BLOCKING; /* RID and PASID */

	if (does == RESET || does == CLEAR || does == OTHER || does == REMOVE)
		return;
	assert_int_equal(b->fake.count[OP_INSTALL] - installs, touches_hardware() ? 1 + both : 0);
}

static void check_pointers(void)
{
	const struct lz_domain *rid = dom, *pasid = does == ATTACH_IDENTITY ? NULL : pasid_dom;

	if (does == DETACH || does == ATTACH_BLOCKING)
		rid = NULL;
	if (is_detach())
		pasid = NULL;
	if (in == OPEN && (does == ATTACH || does == ATTACH_IDENTITY))
		rid = free_dom;
	/* Without effect yet: what it may still reach is in custody. */
	assert_ptr_equal(dev->rid.leaving, !rid && in == FENCING ? dom : NULL);
	assert_ptr_equal(lz_attached(dev, 0), rid);
	assert_ptr_equal(lz_attached(dev, 1), pasid);
	assert_ptr_equal(lz_attached(dev, 2), in == OPEN && does == ATTACH_PASID ? free_dom : NULL);
}

/* Once everything has run: one quarantine per fault, and no state that nobody
 * has asked for. */
static void check_state(struct bench *b)
{
	bool nested = in == RESETTING || in == RESETTING_BROKEN; /* the outer one is open */
	bool found = in == FENCED && does != RESET;
	bool waits = in == RESET_WAITS && does == REPORT;
	bool told = waits || (does == REPORT && (in == OPEN || in == OPERATOR));
	unsigned more = found || told ? 1 : 0;
	uint32_t block = 0;

	bench_settle();
	assert_int_equal(b->n_detected, faults() + more);
	assert_int_equal(lz_group_recovery_count(g), dev->block ? 2 : 0);
	if (more || in == BROKEN || in == RESETTING_BROKEN)
		block |= LZ_BLOCK_BROKEN;
	if (in == RESET_FAILED)
		block |= LZ_BLOCK_BROKEN | LZ_BLOCK_RESET_FAILED;
	if (in == PERMANENT)
		block |= LZ_BLOCK_PERMANENT | (does == RESET ? 0 : LZ_BLOCK_BROKEN);
	if (does == RESET && !nested)
		block &= LZ_BLOCK_PERMANENT;
	if (in == OPERATOR || does == BLOCK)
		block |= LZ_BLOCK_OPERATOR;
	if (does == CLEAR && !nested)
		block = found ? LZ_BLOCK_BROKEN : 0;
	if (nested || waits)
		block |= LZ_BLOCK_RESET;
	assert_int_equal(dev->block, block);
}

static void end_of_nest(void)
{
	if (in != RESETTING && in != RESETTING_BROKEN)
		return;
	assert_int_equal(dev->reset_depth, 1);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	assert_int_equal(dev->block, does == BLOCK ? LZ_BLOCK_OPERATOR : 0);
}

static void tear_down(void)
{
	if (does != REMOVE)
		assert_int_equal(lz_device_remove(dev), LZ_OK);
	assert_int_equal(lz_device_remove(other), LZ_OK);
	bench_settle();
	bench_destroy(dom);
	bench_destroy(pasid_dom);
	if (free_dom)
		assert_int_equal(lz_domain_destroy(free_dom), LZ_OK);
	assert_int_equal(bench_events(LZ_EV_REMOVED), 2);
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
	assert_int_equal(lz_group_destroy(others), LZ_OK);
}

static void cell_body(struct bench *b)
{
	unsigned installs;
	enum lz_status r;

	set_up(b);
	installs = b->fake.count[OP_INSTALL];
	r = operate();
	if (r != table[does][in])
		print_error("operation %d, state %d\n", does, in);
	assert_int_equal(r, table[does][in]);
	check_hardware(b, installs);
	if (does != REMOVE) {
		check_pointers();
		if (in != SUSPECT && in != FENCING)
			check_state(b);
		end_of_nest();
	}
	tear_down();
}

static void one_recovery(struct lz_config *cfg)
{
	cfg->recovery_max = 1;
}

static void every_operation_in_every_state(void **s)
{
	(void)s;
	for (unsigned o = 0; o < OPERATIONS; o++)
		for (unsigned i = 0; i < STATES; i++) {
			does = (enum operation)o;
			in = (enum state)i;
			bench_run(1, 0, one_recovery, cell_body);
		}
}

/* ---- hot removal ---- */

static void kicker(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		lz_iommu_kick(bench.iommu);
		bench_sleep(300);
	}
}

/* The worker is at it: identifies, fences, quarantines, writes tables. */
static void removal_body(struct bench *b)
{
	set_up(b);
	b->fake.delay = 150;
	pci.gone = true; /* pulled out */
	bench_spawn("kick", 2, kicker, NULL);
	bench_sleep(100 * (b->seed % 16));
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	bench_join();
	b->fake.delay = 0;
	tear_down();
}

static void removal_in_every_state_while_the_worker_runs(void **s)
{
	(void)s;
	does = REMOVE;
	for (unsigned i = 0; i < STATES; i++) {
		in = (enum state)i;
		for (unsigned seed = 1; seed <= 25; seed++)
			bench_run(seed, 3, one_recovery, removal_body);
	}
}

/* ---- coming back ---- */

static void again_body(struct bench *b)
{
	struct lz_health h;
	uint32_t last = 0;

	for (int i = 0; i < 4; i++) {
		bool in_reset = i == 2;

		g = bench_group(1);
		dev = bench_device(g, 8, 1, NULL);
		dom = bench_domain();
		lz_device_health(dev, &h);
		assert_true(!i || h.generation > last);
		assert_int_equal(h.generation & 1, 0);
		assert_int_equal(lz_attach(dev, dom), LZ_OK);
		/* Evidence against the one that was there before. */
		if (i)
			lz_report_broken(dev, last, LZ_EVIDENCE_NAMED);
		bench_settle();
		assert_int_equal(b->n_detected, i > 1 ? 1 : 0);
		if (i == 1) {
			quarantine();
			reset(LZ_RESET_OK, LZ_OK);
		}
		if (in_reset)
			assert_int_equal(lz_reset_prepare(dev), LZ_OK);
		last = dev->generation;
		assert_int_equal(last & 1, in_reset);
		lz_detach(dev);
		bench_destroy(dom);
		bench_remove(dev, g);
	}
}

static void device_that_comes_back_is_of_a_new_generation(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, again_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_says_the_same),
		cmocka_unit_test(every_operation_in_every_state),
		cmocka_unit_test(removal_in_every_state_while_the_worker_runs),
		cmocka_unit_test(device_that_comes_back_is_of_a_new_generation),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}

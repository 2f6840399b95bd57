/* SPDX-License-Identifier: BSD-2-Clause */
/* The board: config space of ordinary functions, and who is wired to whom. */
#include <stdlib.h>

#include "lazaret-model/board.h"
#include "rig.h"

#define ATS_CTL 0x106u
#define ALIAS	(SID + 2)
#define NOBODY	(SID + 3)

struct fn {
	struct lzm_ep *ep;
	unsigned requests, resets, accesses;
	uint32_t last_sid, send_as;
	uint64_t last_pa;
	bool by_atc, deaf, untold;
};

struct bed {
	struct rig *rig;
	struct lzm_board *board;
	struct fn fn[2];
};

static bool on_atc_inv(void *user, const struct lzm_atc_inv *inv)
{
	struct fn *f = user;

	f->requests++;
	f->last_sid = inv->sid;
	return !f->deaf;
}

static void on_dma(void *user, uint64_t iova, uint64_t pa, enum lzm_access access, bool by_atc)
{
	struct fn *f = user;

	assert_int_equal(iova & 0xfff, pa & 0xfff);
	assert_int_equal(access, LZM_WRITE);
	f->accesses++;
	f->last_pa = pa;
	f->by_atc = by_atc;
}

static bool on_reset(void *user)
{
	struct fn *f = user;

	f->resets++;
	return !f->untold;
}

static uint32_t send_as(void *user, uint64_t addr, bool ats)
{
	const struct fn *f = user;

	(void)addr;
	return ats || !f->send_as ? lzm_ep_sid(f->ep) : f->send_as;
}

static const struct lzm_watch watch = {on_atc_inv, on_dma, on_reset, send_as};

static struct lzm_ep *add(struct lzm_board *board, uint32_t sid, const struct lzm_watch *w,
			  struct fn *f)
{
	uint8_t config[LZM_CONFIG_SIZE];
	const struct lzm_ep_config cfg = {.config = config,
					  .config_len = sizeof(config),
					  .sid = sid,
					  .atc_entries = 4,
					  .answer_ns = 100,
					  .flr_ns = 1000};

	lzm_config_make(config, LZM_CAP_FLR | LZM_CAP_ATS);
	return lzm_board_add(board, &cfg, w, f);
}

static int start(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->rig = rig_new(NULL);
	lzm_smmu_destroy(b->rig->smmu);
	b->board = lzm_board_create(&b->rig->cfg, &b->rig->bus);
	assert_non_null(b->board);
	b->rig->smmu = lzm_board_smmu(b->board);
	rig_bases(b->rig);
	rig_run(b->rig);
	for (unsigned i = 0; i < 2; i++) {
		b->fn[i].ep = add(b->board, SID + i, &watch, &b->fn[i]);
		assert_non_null(b->fn[i].ep);
		lzm_board_cfg_write(b->fn[i].ep, ATS_CTL, 2, 0x8000);
		assert_true(lzm_ep_ats_enabled(b->fn[i].ep));
	}
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bed *b = *state;

	assert_int_equal(misuses(b->rig), 0);
	lzm_board_destroy(b->board);
	b->rig->smmu = NULL;
	rig_free(b->rig);
	free(b);
	return 0;
}

/* Until nobody on the board has anything to do, ever. */
static void run(struct bed *b)
{
	uint64_t wake;

	do {
		while (lzm_board_step(b->board))
			;
		wake = lzm_board_wake(b->board);
		assert_true(wake > b->rig->now);
		b->rig->now = wake == LZM_NEVER ? b->rig->now : wake;
	} while (wake != LZM_NEVER);
}

/* An invalidation of everything, and a sync. */
static void invalidate(struct bed *b, uint32_t sid)
{
	put(b->rig, ATC(sid), 52);
	put(b->rig, OP_SYNC, 0);
	run(b);
}

static bool completed(struct bed *b)
{
	return !cmd_error(b->rig) && (rd(b->rig, CMDQ_CONS) & 0xfffff) == b->rig->prod;
}

/* ---- config space ---- */

static void config_has_what_was_asked_for(void **state)
{
	static const struct {
		unsigned cap;
		uint16_t id;
	} known[] = {{LZM_CAP_ATS, 0x0f}, {LZM_CAP_PASID, 0x1b}, {LZM_CAP_PRI, 0x13}};
	uint8_t c[LZM_CONFIG_SIZE];

	(void)state;
	for (unsigned caps = 0; caps < 16; caps++) {
		unsigned at = 0x100;

		lzm_config_make(c, caps);
		assert_int_equal(c[0x34], 0x40);
		assert_int_equal(c[0x40], 0x10);
		assert_int_equal(c[0x47] >> 4 & 1, caps & LZM_CAP_FLR);
		for (unsigned i = 0; i < 3; i++) {
			if (!(caps & known[i].cap))
				continue;
			assert_in_range(at, 0x100, 0x140);
			assert_int_equal(c[at] | c[at + 1] << 8, known[i].id);
			assert_int_equal(c[at + 2] & 15, 1);
			at = c[at + 2] >> 4 | c[at + 3] << 4;
		}
		assert_int_equal(at, caps > LZM_CAP_FLR ? 0 : 0x100);
	}
}

static void a_made_function_obeys(void **state)
{
	struct bed *b = *state;
	struct fn *f = &b->fn[0];

	assert_int_equal(lzm_board_cfg_read(f->ep, 0, 4), 0x10421af4);
	assert_true(lzm_ep_bus_master(f->ep));
	lzm_board_cfg_write(f->ep, 0x48, 2, 0x8000); /* FLR */
	assert_int_equal(f->resets, 1);
	assert_int_equal(lzm_board_cfg_read(f->ep, 0, 4), UINT32_MAX);
	assert_int_equal(lzm_board_wake(b->board), b->rig->now + 1000);
	run(b);
	assert_int_equal(lzm_board_cfg_read(f->ep, 0, 4), 0x10421af4);
	assert_false(lzm_ep_ats_enabled(f->ep));
}

/* ---- wiring ---- */

static void a_request_reaches_its_function(void **state)
{
	struct bed *b = *state;

	invalidate(b, SID + 1);
	assert_true(completed(b));
	assert_int_equal(b->fn[0].requests, 0);
	assert_int_equal(b->fn[1].requests, 1);
	invalidate(b, SID);
	assert_true(completed(b));
	assert_int_equal(b->fn[0].requests, 1);
	assert_int_equal(b->fn[0].last_sid, SID);
	assert_int_equal(b->rig->requests, 0);
}

static void an_alias_reaches_its_function(void **state)
{
	struct bed *b = *state;

	assert_true(lzm_board_alias(b->board, b->fn[0].ep, NOBODY));
	assert_true(lzm_board_alias(b->board, b->fn[0].ep, ALIAS));
	invalidate(b, ALIAS);
	assert_true(completed(b));
	assert_int_equal(b->fn[0].requests, 1);
	assert_int_equal(b->fn[0].last_sid, ALIAS);
	invalidate(b, SID);
	assert_int_equal(b->fn[0].requests, 2);
	assert_int_equal(b->fn[1].requests + b->rig->requests, 0);
}

static void a_request_for_nobody_reaches_the_host(void **state)
{
	struct bed *b = *state;

	invalidate(b, NOBODY);
	assert_true(completed(b));
	assert_int_equal(b->rig->requests, 1);
	assert_int_equal(b->rig->last_inv.sid, NOBODY);
	assert_int_equal(b->fn[0].requests + b->fn[1].requests, 0);
}

static void accesses_go_through_the_smmu(void **state)
{
	struct bed *b = *state;
	struct fn *f = &b->fn[1];

	assert_int_equal(lzm_ep_dma(f->ep, 0x1234, LZM_WRITE), LZM_OK);
	assert_int_equal(f->accesses, 1);
	assert_int_equal(f->last_pa, DATA + 0x234);
	assert_true(f->by_atc);
	assert_int_equal(b->fn[0].accesses, 0);
	assert_int_not_equal(lzm_ep_dma(f->ep, 0x9000, LZM_WRITE), LZM_OK);
	lzm_board_cfg_write(f->ep, ATS_CTL, 2, 0);
	assert_int_equal(lzm_ep_dma(f->ep, 0x1238, LZM_WRITE), LZM_OK);
	assert_int_equal(f->last_pa, DATA + 0x238);
	assert_false(f->by_atc);
	assert_int_equal(f->accesses, 2);
}

/* Stream id 32 has no STE: what goes out with it is refused. */
static void the_bench_may_choose_the_stream_id(void **state)
{
	struct bed *b = *state;
	struct fn *f = &b->fn[0];

	f->send_as = 32;
	assert_int_equal(lzm_ep_dma(f->ep, 0x1234, LZM_WRITE), LZM_OK);
	assert_true(f->by_atc);
	lzm_board_cfg_write(f->ep, ATS_CTL, 2, 0);
	assert_int_not_equal(lzm_ep_dma(f->ep, 0x1234, LZM_WRITE), LZM_OK);
	f->send_as = SID + 1;
	assert_int_equal(lzm_ep_dma(f->ep, 0x1234, LZM_WRITE), LZM_OK);
}

/* What it left unanswered is settled, under every stream id it has; then the
 * stopped queue ends its sync. */
static void a_reset_ends_its_requests(void **state)
{
	struct bed *b = *state;
	const uint32_t sid[] = {SID, ALIAS, SID + 1};

	assert_true(lzm_board_alias(b->board, b->fn[0].ep, ALIAS));
	for (unsigned i = 0; i < 3; i++) {
		struct rig *r = b->rig;

		for (unsigned k = 0; k < 2; k++)
			lzm_ep_fault(b->fn[k].ep, LZM_EP_ATC_SILENT, 0, 0);
		put(r, ATC(sid[i]), 52);
		put(r, OP_SYNC, 0);
		while (lzm_board_step(b->board))
			;
		assert_false(completed(b));
		lzm_ep_bus_reset(b->fn[0].ep);
		assert_int_equal(b->fn[0].resets, i + 1);
		while (lzm_board_step(b->board))
			;
		assert_int_equal(completed(b), i < 2);
	}
}

static void the_bench_may_lose_a_request(void **state)
{
	struct bed *b = *state;

	b->fn[0].deaf = true;
	put(b->rig, ATC(SID), 52);
	put(b->rig, OP_SYNC, 0);
	run(b);
	assert_int_equal(cmd_error(b->rig), 3);
	b->fn[0].deaf = false;
	acknowledge(b->rig);
	run(b);
	invalidate(b, SID);
	assert_true(completed(b));
	assert_int_equal(b->fn[0].requests, 2);
}

/* The request stays outstanding until its timeout. */
static void the_bench_may_keep_a_reset_to_itself(void **state)
{
	struct bed *b = *state;

	b->fn[0].untold = true;
	lzm_ep_fault(b->fn[0].ep, LZM_EP_ATC_SILENT, 0, 0);
	put(b->rig, ATC(SID), 52);
	put(b->rig, OP_SYNC, 0);
	while (lzm_board_step(b->board))
		;
	lzm_ep_bus_reset(b->fn[0].ep);
	assert_int_equal(b->fn[0].resets, 1);
	run(b);
	assert_int_equal(cmd_error(b->rig), 3);
}

static void registers_are_the_smmus(void **state)
{
	struct bed *b = *state;

	assert_int_equal(lzm_board_read(b->board, CR0ACK, 4), ALL_ON);
	lzm_board_write(b->board, CR0, 4, ALL_ON & ~SMMUEN);
	run(b);
	assert_int_equal(rd(b->rig, CR0ACK), ALL_ON & ~SMMUEN);
	assert_int_equal(lzm_board_read(b->board, STRTAB_BASE, 8), STRTAB);
}

/* Nobody has to watch; nobody has to take requests for nobody. */
static void what_is_left_out_is_not_called(void **state)
{
	struct rig *r = rig_new(NULL);
	struct lzm_bus bus = r->bus;
	struct lzm_board *board;
	struct bed b;

	(void)state;
	lzm_smmu_destroy(r->smmu);
	bus.atc_inv = NULL;
	board = lzm_board_create(NULL, &bus);
	assert_non_null(board);
	r->smmu = lzm_board_smmu(board);
	rig_bases(r);
	rig_run(r);
	b = (struct bed){.rig = r, .board = board, .fn[0].ep = add(board, SID, NULL, NULL)};
	assert_non_null(b.fn[0].ep);
	lzm_board_cfg_write(b.fn[0].ep, ATS_CTL, 2, 0x8000);
	assert_int_equal(lzm_ep_dma(b.fn[0].ep, 0x1000, LZM_WRITE), LZM_OK);
	invalidate(&b, SID);
	assert_true(completed(&b));
	lzm_ep_bus_reset(b.fn[0].ep);
	invalidate(&b, NOBODY);
	assert_int_equal(cmd_error(r), 3);
	lzm_board_destroy(board);
	lzm_board_destroy(NULL);
	r->smmu = NULL;
	rig_free(r);
}

/* ---- creation that fails ---- */

static unsigned left_to_give, given;

static void *scarce(void *ctx, size_t size)
{
	(void)ctx;
	if (!left_to_give)
		return NULL;
	left_to_give--;
	given++;
	return calloc(1, size);
}

static void taken_back(void *ctx, void *p)
{
	(void)ctx;
	given--;
	free(p);
}

static void without_memory_there_is_no_board(void **state)
{
	static const struct lzm_memory memory = {NULL, scarce, taken_back};
	struct rig *r = rig_new(NULL);
	struct lzm_ep *ep = NULL;
	bool alias = false;

	(void)state;
	lzm_smmu_destroy(r->smmu);
	r->smmu = NULL;
	lzm_set_memory(&memory);
	for (unsigned n = 0; !alias; n++) {
		struct lzm_board *board;

		assert_in_range(n, 0, 100);
		left_to_give = n;
		board = lzm_board_create(&r->cfg, &r->bus);
		ep = board ? add(board, SID, NULL, NULL) : NULL;
		alias = ep && lzm_board_alias(board, ep, ALIAS);
		assert_true(alias || !left_to_give);
		lzm_board_destroy(board);
		assert_int_equal(given, 0);
	}
	lzm_set_memory(NULL);
	rig_free(r);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_has_what_was_asked_for),
		T(a_made_function_obeys),
		T(a_request_reaches_its_function),
		T(an_alias_reaches_its_function),
		T(a_request_for_nobody_reaches_the_host),
		T(accesses_go_through_the_smmu),
		T(the_bench_may_choose_the_stream_id),
		T(a_reset_ends_its_requests),
		T(the_bench_may_lose_a_request),
		T(the_bench_may_keep_a_reset_to_itself),
		T(registers_are_the_smmus),
		cmocka_unit_test(what_is_left_out_is_not_called),
		cmocka_unit_test(without_memory_there_is_no_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

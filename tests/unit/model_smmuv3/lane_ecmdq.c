/* SPDX-License-Identifier: BSD-2-Clause */
/* Enhanced command queues: discovery, enable, errors by queue, who waits for whom. */
#include "rig.h"

#define IDR1	      0x04u
#define IDR6	      0x190u
#define CONTROL_PAGE  0x4000u
#define CMDQP_ERR     (1u << 9)
#define RING(i)	      (0x300000u + (i)*0x1000u)
#define LANE_LOG2     3
#define EN	      (1u << 31)
#define ERR	      (1u << 23)
#define REASON(cons)  ((cons) >> 24 & 7)
#define INDEX(v)      ((v)&0xfffff)
#define ATC_INV_ERROR 3u
#define TIMEOUT	      (50 * MS)

/* Two control pages of four queues. */
static struct rig *lanes_rig(const struct lzm_smmu_knobs *knobs)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	lzm_smmu_config_default(&cfg);
	cfg.ecmdq = true;
	cfg.ecmdq_pages_log2 = 1;
	cfg.ecmdq_queues_log2 = 2;
	if (knobs)
		cfg.knobs = *knobs;
	r = rig_running(&cfg);
	return r;
}

/* As software finds a queue: page base from the register, spacing from IDR6. */
static uint32_t lane(struct rig *r, unsigned i)
{
	unsigned queues_log2 = rd(r, IDR6) >> 16 & 15;
	uint64_t base = lzm_smmu_read(r->smmu, CONTROL_PAGE + 32 * (i >> queues_log2), 8);

	return (uint32_t)(base & 0x00ffffffffff0000ull) +
	       (i & ((1u << queues_log2) - 1)) * (0x10000u >> queues_log2);
}

static void lane_enable(struct rig *r, unsigned i)
{
	uint32_t at = lane(r, i);

	lzm_smmu_write(r->smmu, at, 8, RING(i) | LANE_LOG2);
	wr(r, at + 12, 0);
	wr(r, at + 8, 0);
	wr(r, at + 8, EN);
	idle(r);
	assert_int_equal(rd(r, at + 12), EN);
}

static void lane_put(struct rig *r, unsigned i, uint64_t d0, uint64_t d1)
{
	uint32_t at = lane(r, i), prod = rd(r, at + 8);
	uint32_t index = INDEX(prod), mask = (2u << LANE_LOG2) - 1;
	uint64_t slot = RING(i) + (index & ((1u << LANE_LOG2) - 1)) * 16;

	store(r, slot, d0);
	store(r, slot + 8, d1);
	wr(r, at + 8, (prod & (EN | ERR)) | ((index + 1) & mask));
}

static bool lane_failed(struct rig *r, unsigned i)
{
	uint32_t at = lane(r, i);

	return ((rd(r, at + 8) ^ rd(r, at + 12)) & ERR) != 0;
}

static bool lane_done(struct rig *r, unsigned i)
{
	uint32_t at = lane(r, i);

	return INDEX(rd(r, at + 8)) == INDEX(rd(r, at + 12));
}

static void lane_acknowledge(struct rig *r, unsigned i)
{
	wr(r, lane(r, i) + 8, rd(r, lane(r, i) + 8) ^ ERR);
}

static void silent_batch(struct rig *r, unsigned i)
{
	r->silent[SID] = true;
	lane_put(r, i, ATC(SID), 52);
	lane_put(r, i, OP_SYNC, 0);
	idle(r);
}

/* Of two queues the one that a chooser names. */
static unsigned second(void *ctx, enum lzm_choice what, unsigned n)
{
	unsigned *asked = ctx;

	assert_int_equal(what, LZM_CHOOSE_QUEUE);
	assert_int_equal(n, 2);
	++*asked;
	return 1;
}

static void a_chooser_says_which_queue_goes_on(void **state)
{
	struct rig *r = lanes_rig(NULL);
	unsigned asked = 0;
	const struct lzm_chooser c = {&asked, second};

	(void)state;
	lane_enable(r, 1);
	lane_enable(r, 2);
	lzm_smmu_set_chooser(r->smmu, &c);
	lane_put(r, 1, OP_SYNC, 0);
	lane_put(r, 1, OP_SYNC, 0);
	lane_put(r, 2, OP_SYNC, 0);
	assert_true(lzm_smmu_step(r->smmu));
	assert_int_equal(asked, 1);
	/* Counted from the queue whose turn it was: 1, then 2. */
	assert_true(lane_done(r, 2));
	assert_false(lane_done(r, 1));
	idle(r);
	assert_int_equal(asked, 1); /* one alone is no choice */
	assert_true(lane_done(r, 1));
	rig_free(r);
}

static void discovery_says_where_the_queues_are(void **state)
{
	struct rig *r = lanes_rig(NULL);

	(void)state;
	assert_true(rd(r, IDR1) & 1u << 31);
	assert_int_equal(rd(r, IDR6), 1u << 24 | 2u << 16);
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(rd(r, CONTROL_PAGE + 32 * n) & 7, 3);
		assert_int_equal(rd(r, CONTROL_PAGE + 32 * n + 8), 1);
		assert_int_equal(rd(r, CONTROL_PAGE + 32 * n + 12), 1);
	}
	assert_int_equal(rd(r, CONTROL_PAGE + 64), 0);
	assert_int_equal(lane(r, 1) - lane(r, 0), 0x4000);
	assert_int_equal(lane(r, 4) - lane(r, 0), 0x10000);
	assert_int_equal(lane(r, 7) + 0x4000, lzm_smmu_mmio_size(r->smmu));
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void without_them_nothing_is_there(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	assert_false(rd(r, IDR1) & 1u << 31);
	assert_int_equal(rd(r, IDR6), 0);
	assert_int_equal(rd(r, CONTROL_PAGE), 0);
	assert_int_equal(lzm_smmu_mmio_size(r->smmu), 0x20000);
	rig_free(r);
}

static void a_queue_takes_what_the_main_one_takes(void **state)
{
	struct rig *r = lanes_rig(NULL);

	(void)state;
	lane_enable(r, 5);
	assert_int_equal(translate(r, 0x1000), DATA);
	map(r, TABLES, 0x1000, 3, (DATA + 0x1000) | D_PAGE | D_NG);
	assert_int_equal(translate(r, 0x1000), DATA); /* cached */
	for (unsigned i = 0; i < 20; i++) {	      /* past the wrap */
		lane_put(r, 5, OP_NH_VA | 1ull << 48, 0x1001);
		lane_put(r, 5, OP_SYNC, 0);
		idle(r);
		assert_true(lane_done(r, 5));
	}
	assert_int_equal(translate(r, 0x1000), DATA + 0x1000);
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void an_error_stops_its_own_queue_only(void **state)
{
	struct rig *r = lanes_rig(NULL);

	(void)state;
	lane_enable(r, 0);
	lane_enable(r, 1);
	silent_batch(r, 0);
	r->now += TIMEOUT;
	idle(r);
	assert_true(lane_failed(r, 0));
	assert_int_equal(REASON(rd(r, lane(r, 0) + 12)), ATC_INV_ERROR);
	assert_int_equal(INDEX(rd(r, lane(r, 0) + 12)), 1);
	/* A notification, and nothing of the main queue's. */
	assert_int_equal(rd(r, GERROR) ^ rd(r, GERRORN), CMDQP_ERR);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	lane_put(r, 1, OP_NH_ALL, 0);
	lane_put(r, 1, OP_SYNC, 0);
	execute(r, OP_NH_ALL, 0);
	assert_true(lane_done(r, 1));
	assert_false(lane_done(r, 0));
	/* Acknowledging the notification does not move the queue. */
	acknowledge(r);
	idle(r);
	assert_true(lane_failed(r, 0));
	lane_acknowledge(r, 0);
	settle(r);
	assert_true(lane_done(r, 0));
	assert_false(lane_failed(r, 0));
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void a_second_error_is_not_announced_while_the_first_is(void **state)
{
	struct rig *r = lanes_rig(NULL);

	(void)state;
	lane_enable(r, 0);
	lane_enable(r, 1);
	lane_put(r, 0, 0xff, 0);
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	lane_put(r, 1, 0xff, 0);
	idle(r);
	assert_true(lane_failed(r, 1));
	assert_int_equal(REASON(rd(r, lane(r, 1) + 12)), 1);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	rig_free(r);
}

static void the_main_queue_s_error_is_its_own(void **state)
{
	struct rig *r = lanes_rig(NULL);

	(void)state;
	lane_enable(r, 0);
	put(r, 0xff, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 1);
	lane_put(r, 0, OP_SYNC, 0);
	idle(r);
	assert_true(lane_done(r, 0));
	assert_false(lane_failed(r, 0));
	rig_free(r);
}

static void a_sync_covers_its_own_queue_only(void **state)
{
	struct rig *r = lanes_rig(NULL);

	(void)state;
	lane_enable(r, 0);
	lane_enable(r, 1);
	silent_batch(r, 0);
	lane_put(r, 1, OP_SYNC, 0);
	execute(r, OP_SYNC, 0);
	assert_true(lane_done(r, 1));
	assert_false(lane_done(r, 0));
	lzm_smmu_atc_answer(r->smmu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_true(lane_done(r, 0));
	rig_free(r);
}

static void one_consumer_sits_on_a_waiting_sync(void **state)
{
	struct lzm_smmu_knobs k;
	struct rig *r;

	(void)state;
	lzm_smmu_knobs_default(&k);
	k.engine = LZM_ENGINE_ONE_CONSUMER;
	r = lanes_rig(&k);
	lane_enable(r, 0);
	lane_enable(r, 1);
	silent_batch(r, 0);
	lane_put(r, 1, OP_SYNC, 0);
	put(r, OP_SYNC, 0);
	idle(r);
	assert_false(lane_done(r, 1));
	assert_int_not_equal(rd(r, CMDQ_CONS), r->prod);
	/* The error sets it free. */
	r->now += TIMEOUT;
	idle(r);
	assert_true(lane_failed(r, 0));
	assert_true(lane_done(r, 1));
	assert_int_equal(rd(r, CMDQ_CONS), r->prod);
	rig_free(r);
}

static void disabling_follows_and_keeps_the_error(void **state)
{
	struct rig *r = lanes_rig(NULL);
	uint32_t at, prod;

	(void)state;
	lane_enable(r, 2);
	at = lane(r, 2);
	lane_put(r, 2, 0xff, 0);
	idle(r);
	prod = rd(r, at + 8);
	wr(r, at + 8, prod & ~EN);
	idle(r);
	assert_int_equal(rd(r, at + 12) & EN, 0);
	assert_true(lane_failed(r, 2));
	assert_int_equal(REASON(rd(r, at + 12)), 1);
	/* Made equal, it may be enabled again. */
	wr(r, at + 12, 0);
	wr(r, at + 8, 0);
	wr(r, at + 8, EN);
	idle(r);
	lane_put(r, 2, OP_SYNC, 0);
	idle(r);
	assert_true(lane_done(r, 2));
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void unpredictable_use_is_counted(void **state)
{
	struct lzm_smmu_knobs k;
	uint64_t before;
	struct rig *r;
	uint32_t at;

	(void)state;
	lzm_smmu_knobs_default(&k);
	k.ack_delay_ns = 1000;
	r = lanes_rig(&k);
	at = lane(r, 0);
	wr(r, at + 8, EN | ERR); /* ERRACK other than ERR, and changed with EN */
	assert_true(misuses(r) >= 2);
	before = misuses(r);
	wr(r, at + 8, EN | ERR | 1); /* ENACK has not followed */
	assert_int_equal(misuses(r), before + 1);
	r->now += 1000;
	idle(r);
	before = misuses(r);
	wr(r, at + 12, 0);
	lzm_smmu_write(r->smmu, at, 8, RING(0) | LANE_LOG2);
	assert_int_equal(misuses(r), before + 3);
	rig_free(r);

	r = lanes_rig(NULL);
	lane_enable(r, 0);
	at = lane(r, 0);
	lane_acknowledge(r, 0); /* nothing to acknowledge: the queue stops */
	assert_int_equal(misuses(r), 1);
	lane_put(r, 0, OP_SYNC, 0);
	idle(r);
	assert_false(lane_done(r, 0));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discovery_says_where_the_queues_are),
		cmocka_unit_test(a_chooser_says_which_queue_goes_on),
		cmocka_unit_test(without_them_nothing_is_there),
		cmocka_unit_test(a_queue_takes_what_the_main_one_takes),
		cmocka_unit_test(an_error_stops_its_own_queue_only),
		cmocka_unit_test(a_second_error_is_not_announced_while_the_first_is),
		cmocka_unit_test(the_main_queue_s_error_is_its_own),
		cmocka_unit_test(a_sync_covers_its_own_queue_only),
		cmocka_unit_test(one_consumer_sits_on_a_waiting_sync),
		cmocka_unit_test(disabling_follows_and_keeps_the_error),
		cmocka_unit_test(unpredictable_use_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

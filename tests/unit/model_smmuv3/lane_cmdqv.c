/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra241 CMDQV: bring-up, both views, errors by queue, guests, what a queue leaves. */
#include "rig.h"

#include "lazaret-model/cmdqv.h"

#define CONFIG	      0x00u
#define PARAM	      0x04u
#define STATUS	      0x08u
#define ERR_MAP	      0x14u
#define CMDQ_ERR_MAP  0x24u
#define ALLOC(q)      (0x200u + 4 * (q))
#define VINTF(v)      (0x1000u + 0x100 * (v))
#define HYP_OWN	      (1u << 17)
#define PHYSICAL(q)   (0x10000u + 0x80 * (q))
#define LOGICAL(v, l) (0x30000u + 0x20000 * (v) + 0x80 * (l))
#define PAGE1	      0x10000u
#define RING(v, l)    (0x300000u + (v)*0x8000u + (l)*0x1000u)
#define LANE_LOG2     3
#define ILL_ACCESS    4u
#define ATC_INV_ERROR 3u
#define CODE(cons)    ((cons) >> 24 & 0x7f)
#define INDEX(v)      ((v)&0xfffff)
#define TIMEOUT	      (50 * MS)

struct bench {
	struct rig *r;
	struct lzm_cmdqv *v;
};

static uint32_t get(struct bench *b, uint32_t offset)
{
	return (uint32_t)lzm_cmdqv_read(b->v, offset, 4);
}

static void set(struct bench *b, uint32_t offset, uint32_t value)
{
	lzm_cmdqv_write(b->v, offset, 4, value);
}

/* Eight queues in four interfaces: queue q is logical queue q % 2 of VINTF q / 2. */
static struct bench bench(const struct lzm_smmu_knobs *knobs)
{
	struct lzm_smmu_config cfg;
	struct lzm_cmdqv_config c;
	struct bench b;

	lzm_smmu_config_default(&cfg);
	cfg.stage2 = true;
	if (knobs)
		cfg.knobs = *knobs;
	b.r = rig_running(&cfg);
	lzm_cmdqv_config_default(&c);
	b.v = lzm_cmdqv_create(&c, b.r->smmu);
	assert_non_null(b.v);
	assert_null(lzm_cmdqv_create(&c, b.r->smmu));
	set(&b, CONFIG, 1);
	assert_int_equal(get(&b, STATUS), 1);
	for (unsigned q = 0; q < 8; q++)
		set(&b, ALLOC(q), (q / 2) << 15 | (q % 2) << 1);
	return b;
}

static void bench_free(struct bench *b)
{
	lzm_cmdqv_destroy(b->v);
	rig_free(b->r);
}

static void vintf_up(struct bench *b, unsigned v, uint32_t config)
{
	set(b, VINTF(v), config);
	set(b, VINTF(v), config | 1);
	assert_int_equal(get(b, VINTF(v) + 4) & 1, 1);
}

static void queue_up(struct bench *b, unsigned v, unsigned l)
{
	unsigned q = v * 2 + l;

	set(b, ALLOC(q), get(b, ALLOC(q)) | 1);
	set(b, LOGICAL(v, l) + 0x00, 0);
	set(b, LOGICAL(v, l) + 0x04, 0);
	lzm_cmdqv_write(b->v, LOGICAL(v, l) + PAGE1, 8, RING(v, l) | LANE_LOG2);
	set(b, LOGICAL(v, l) + 0x08, 1);
	idle(b->r);
	assert_int_equal(get(b, LOGICAL(v, l) + 0x0c), 1);
}

static void lane_put(struct bench *b, unsigned v, unsigned l, uint64_t d0, uint64_t d1)
{
	uint32_t index = get(b, LOGICAL(v, l) + 4), mask = (2u << LANE_LOG2) - 1;
	uint64_t slot = RING(v, l) + (index & ((1u << LANE_LOG2) - 1)) * 16;

	store(b->r, slot, d0);
	store(b->r, slot + 8, d1);
	set(b, LOGICAL(v, l) + 4, (index + 1) & mask);
}

static bool lane_done(struct bench *b, unsigned v, unsigned l)
{
	return INDEX(get(b, LOGICAL(v, l))) == get(b, LOGICAL(v, l) + 4);
}

static unsigned lane_error(struct bench *b, unsigned v, unsigned l)
{
	bool active = (get(b, LOGICAL(v, l) + 0x10) ^ get(b, LOGICAL(v, l) + 0x14)) & 1;

	return active ? CODE(get(b, LOGICAL(v, l))) : 0;
}

static void lane_acknowledge(struct bench *b, unsigned v, unsigned l)
{
	set(b, LOGICAL(v, l) + 0x14, get(b, LOGICAL(v, l) + 0x10));
}

static void silent_batch(struct bench *b, unsigned v, unsigned l, uint32_t sid)
{
	b->r->silent[SID] = true;
	lane_put(b, v, l, ATC(sid), 52);
	lane_put(b, v, l, OP_SYNC, 0);
	idle(b->r);
}

static struct bench host(const struct lzm_smmu_knobs *knobs)
{
	struct bench b = bench(knobs);

	vintf_up(&b, 0, HYP_OWN);
	queue_up(&b, 0, 0);
	queue_up(&b, 0, 1);
	return b;
}

static void a_host_queue_takes_every_command(void **state)
{
	struct bench b = host(NULL);

	(void)state;
	assert_int_equal(get(&b, PARAM), 1 | 3 << 4 | 2 << 8 | 4 << 12);
	assert_int_equal(get(&b, VINTF(0)) & HYP_OWN, HYP_OWN);
	for (unsigned i = 0; i < 12; i++) {
		lane_put(&b, 0, 0, OP_CFGI_ALL, 31);
		lane_put(&b, 0, 0, OP_NH_ALL, 0);
		lane_put(&b, 0, 0, OP_SYNC, 0);
		idle(b.r);
		assert_true(lane_done(&b, 0, 0));
	}
	assert_int_equal(misuses(b.r), 0);
	bench_free(&b);
}

static void both_views_are_one_queue(void **state)
{
	struct bench b = host(NULL);

	(void)state;
	lane_put(&b, 0, 1, OP_SYNC, 0);
	idle(b.r);
	assert_int_equal(get(&b, PHYSICAL(1) + 4), 1);
	assert_int_equal(get(&b, PHYSICAL(1)), 1);
	assert_int_equal(lzm_cmdqv_read(b.v, PHYSICAL(1) + PAGE1, 8), RING(0, 1) | LANE_LOG2);
	/* Not allocated: nothing there. */
	assert_int_equal(get(&b, LOGICAL(1, 0) + 4), 0);
	set(&b, LOGICAL(1, 0) + 4, 1);
	assert_int_equal(misuses(b.r), 1);
	bench_free(&b);
}

static void an_error_is_in_the_maps_until_acknowledged(void **state)
{
	struct bench b = host(NULL);

	(void)state;
	silent_batch(&b, 0, 1, SID);
	b.r->now += TIMEOUT;
	idle(b.r);
	assert_int_equal(lane_error(&b, 0, 1), ATC_INV_ERROR);
	assert_int_equal(b.r->irqs[LZM_IRQ_CMDQV], 1);
	assert_int_equal(get(&b, ERR_MAP), 1);
	assert_int_equal(get(&b, VINTF(0) + 0xc0), 2);
	assert_int_equal(get(&b, CMDQ_ERR_MAP), 2);
	/* The SMMU's own GERROR does not move, the other queue goes on. */
	assert_int_equal(rd(b.r, GERROR), rd(b.r, GERRORN));
	assert_int_equal(b.r->irqs[LZM_IRQ_GERROR], 0);
	lane_put(&b, 0, 0, OP_SYNC, 0);
	execute(b.r, OP_NH_ALL, 0);
	assert_true(lane_done(&b, 0, 0));
	lane_acknowledge(&b, 0, 1);
	settle(b.r);
	assert_int_equal(get(&b, ERR_MAP) | get(&b, VINTF(0) + 0xc0) | get(&b, CMDQ_ERR_MAP), 0);
	assert_true(lane_done(&b, 0, 1));
	assert_int_equal(misuses(b.r), 0);
	bench_free(&b);
}

static void a_masked_interface_does_not_interrupt(void **state)
{
	struct bench b = host(NULL);

	(void)state;
	set(&b, 0x1c, 1);
	lane_put(&b, 0, 0, 0xff, 0);
	idle(b.r);
	assert_int_equal(lane_error(&b, 0, 0), 1);
	assert_int_equal(get(&b, ERR_MAP), 1);
	assert_int_equal(b.r->irqs[LZM_IRQ_CMDQV], 0);
	bench_free(&b);
}

static void a_guest_s_commands_are_limited_and_replaced(void **state)
{
	struct bench b = bench(NULL);

	(void)state;
	vintf_up(&b, 1, 7u << 1);
	queue_up(&b, 1, 0);
	set(&b, VINTF(1) + 0x40, 33u << 1 | 1);
	set(&b, VINTF(1) + 0x80, SID);
	lane_put(&b, 1, 0, ATC(33), 52);
	lane_put(&b, 1, 0, OP_NH_ASID, 0);
	lane_put(&b, 1, 0, OP_SYNC, 0);
	idle(b.r);
	assert_true(lane_done(&b, 1, 0));
	assert_int_equal(b.r->last_inv.sid, SID);
	/* A stream id of somebody else's, and a command that only the host may issue. */
	lane_put(&b, 1, 0, ATC(SID), 52);
	idle(b.r);
	assert_int_equal(lane_error(&b, 1, 0), ILL_ACCESS);
	assert_int_equal(get(&b, ERR_MAP), 2);
	store(b.r, RING(1, 0) + 3 * 16, OP_CFGI_STE | (uint64_t)SID << 32);
	lane_acknowledge(&b, 1, 0);
	idle(b.r);
	assert_int_equal(lane_error(&b, 1, 0), ILL_ACCESS);
	assert_int_equal(b.r->requests, 1);
	bench_free(&b);
}

static void a_guest_invalidates_its_own_vmid(void **state)
{
	struct bench b = bench(NULL);

	(void)state;
	vintf_up(&b, 1, 7u << 1);
	queue_up(&b, 1, 0);
	assert_int_equal(translate(b.r, 0x1000), DATA);
	map(b.r, TABLES, 0x1000, 3, (DATA + 0x1000) | D_PAGE | D_NG);
	/* Naming VMID 0 does not help: the hardware puts 7 there. */
	lane_put(&b, 1, 0, OP_NH_ASID | 1ull << 48, 0);
	lane_put(&b, 1, 0, OP_SYNC, 0);
	idle(b.r);
	assert_int_equal(translate(b.r, 0x1000), DATA);
	bench_free(&b);
}

/* A guest that is gone leaves a timeout behind: the SMMU's own queue drains it. */
static void left_behind(bool reports)
{
	struct lzm_smmu_knobs k;
	struct bench b;

	lzm_smmu_knobs_default(&k);
	k.drain_reports = reports;
	b = host(&k);
	b.r->silent[SID] = true;
	lane_put(&b, 0, 0, ATC(SID), 52);
	idle(b.r);
	set(&b, LOGICAL(0, 0) + 0x08, 0);
	idle(b.r);
	assert_int_equal(get(&b, LOGICAL(0, 0) + 0x0c), 0);
	b.r->now += TIMEOUT;
	put(b.r, OP_SYNC, 0);
	idle(b.r);
	assert_int_equal(cmd_error(b.r), reports ? ATC_INV_ERROR : 0);
	if (reports)
		acknowledge(b.r);
	settle(b.r);
	assert_int_equal(rd(b.r, CMDQ_CONS) & 0xfffff, b.r->prod);
	/* The next owner of the queue sees nothing of it. */
	queue_up(&b, 0, 0);
	lane_put(&b, 0, 0, OP_SYNC, 0);
	idle(b.r);
	assert_true(lane_done(&b, 0, 0));
	bench_free(&b);
}

static void what_a_disabled_queue_left_is_drained(void **state)
{
	(void)state;
	left_behind(false);
	left_behind(true);
}

static void undrained_it_hits_the_next_owner(void **state)
{
	struct bench b = host(NULL);

	(void)state;
	b.r->silent[SID] = true;
	lane_put(&b, 0, 0, ATC(SID), 52);
	idle(b.r);
	set(&b, LOGICAL(0, 0) + 0x08, 0);
	idle(b.r);
	queue_up(&b, 0, 0);
	lane_put(&b, 0, 0, OP_SYNC, 0);
	b.r->now += TIMEOUT;
	idle(b.r);
	assert_int_equal(lane_error(&b, 0, 0), ATC_INV_ERROR);
	bench_free(&b);
}

static void a_queue_stops_with_its_interface(void **state)
{
	struct bench b = host(NULL);

	(void)state;
	set(&b, VINTF(0), HYP_OWN);
	idle(b.r);
	assert_int_equal(get(&b, LOGICAL(0, 0) + 0x0c), 0);
	assert_int_equal(get(&b, VINTF(0) + 4), 0);
	lane_put(&b, 0, 0, OP_SYNC, 0);
	idle(b.r);
	assert_false(lane_done(&b, 0, 0));
	vintf_up(&b, 0, HYP_OWN);
	idle(b.r);
	assert_true(lane_done(&b, 0, 0));
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_queue_takes_every_command),
		cmocka_unit_test(both_views_are_one_queue),
		cmocka_unit_test(an_error_is_in_the_maps_until_acknowledged),
		cmocka_unit_test(a_masked_interface_does_not_interrupt),
		cmocka_unit_test(a_guest_s_commands_are_limited_and_replaced),
		cmocka_unit_test(a_guest_invalidates_its_own_vmid),
		cmocka_unit_test(what_a_disabled_queue_left_is_drained),
		cmocka_unit_test(undrained_it_hits_the_next_owner),
		cmocka_unit_test(a_queue_stops_with_its_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

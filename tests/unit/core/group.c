/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a group is: default domain, claim, release. */
#include "tests/unit/core/bench.h"

static struct lz_group *g;
static struct lz_device *a, *other;
static struct lz_domain *home, *away;
static int me, you;

static void set_up(void)
{
	g = bench_group(1);
	a = bench_device(g, 8, 1, NULL);
	other = bench_device(g, 16, 1, NULL);
	home = bench_domain();
	away = bench_domain();
}

static void tear_down(void)
{
	assert_int_equal(lz_group_set_default_domain(g, NULL), LZ_OK);
	assert_int_equal(lz_device_remove(a), LZ_OK);
	bench_destroy(home);
	bench_destroy(away);
	bench_remove(other, g);
}

static void assert_in(const struct lz_device *d, const struct lz_domain *dom)
{
	assert_ptr_equal(lz_attached(d, 0), dom);
	assert_ptr_equal(fake_of(d)->table[0], dom);
}

/* ---- default domain ---- */

static void default_body(struct bench *b)
{
	struct lz_device *late;

	(void)b;
	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	assert_in(a, home);
	assert_in(other, home);
	/* One that comes later, and one that comes back. */
	late = bench_device(g, 24, 1, NULL);
	assert_in(late, home);
	assert_int_equal(lz_device_remove(late), LZ_OK);
	/* It is not anybody's to leave. */
	assert_int_equal(lz_attach(a, away), LZ_EBUSY);
	assert_in(a, home);
	lz_detach(a);
	lz_detach(other);
	assert_int_equal(lz_attach(a, away), LZ_EBUSY);
	assert_int_equal(lz_attach(a, home), LZ_OK);
	/* All of them move, at once; the domain is kept as long as it is a default. */
	assert_int_equal(lz_group_set_default_domain(g, away), LZ_OK);
	assert_in(a, away);
	assert_in(other, away);
	lz_detach(a);
	lz_detach(other);
	assert_int_equal(lz_domain_destroy(away), LZ_EBUSY);
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	assert_in(a, home);
	assert_int_equal(lz_group_set_default_domain(g, NULL), LZ_OK);
	assert_in(a, NULL);
	assert_in(other, NULL);
	tear_down();
}

static void devices_are_in_the_default_domain(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, default_body);
}

static void refused_body(struct bench *b)
{
	static struct fake second;
	struct lz_domain *foreign;

	set_up();
	fake_init(&second, b->lz);
	assert_int_equal(lz_domain_create(&second.iommu, LZ_DOMAIN_PAGING, NULL, NULL, &foreign),
			 LZ_OK);
	/* One that was made for another IOMMU does as well. */
	assert_int_equal(lz_group_set_default_domain(g, foreign), LZ_OK);
	assert_in(a, foreign);
	assert_int_equal(lz_group_set_default_domain(g, NULL), LZ_OK);
	bench_settle();
	assert_int_equal(lz_attach(other, away), LZ_OK);
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_EBUSY);
	assert_in(a, NULL);
	assert_in(other, away);
	assert_int_equal(lz_group_set_default_domain(g, away), LZ_OK); /* it is there */
	assert_in(a, away);
	/* PASIDs keep the domain a paging one. */
	assert_int_equal(lz_attach_pasid(a, 1, home), LZ_OK);
	assert_int_equal(lz_group_set_default_domain(g, NULL), LZ_EBUSY);
	lz_detach_pasid(a, 1);
	assert_int_equal(lz_group_set_default_domain(g, NULL), LZ_OK);
	assert_int_equal(lz_domain_destroy(foreign), LZ_OK);
	assert_int_equal(lz_iommu_fini(&second.iommu), LZ_OK);
	tear_down();
}

static void default_domain_is_refused_with_a_reason(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, refused_body);
}

static void all_or_none_body(struct bench *b)
{
	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	for (unsigned nth = 0; nth < 2; nth++) {
		b->fake.fail[OP_INSTALL] = LZ_EIO;
		b->fake.fail_skip[OP_INSTALL] = nth;
		b->fake.fail_count[OP_INSTALL] = 1;
		assert_int_equal(lz_group_set_default_domain(g, away), LZ_EIO);
		assert_in(a, home);
		assert_in(other, home);
	}
	/* The domain was not taken either. */
	bench_destroy(away);
	away = bench_domain();
	tear_down();
}

static void default_domain_moves_all_or_none(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, all_or_none_body);
}

static void blocked_body(struct bench *b)
{
	(void)b;
	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	bench_break(a, home);
	/* Retained; hardware is not touched, nor by a claim and its release. */
	assert_int_equal(lz_group_set_default_domain(g, away), LZ_OK);
	assert_ptr_equal(lz_attached(a, 0), away);
	assert_null(fake_of(a)->table[0]);
	bench_destroy(home); /* nothing of it is left */
	home = bench_domain();
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_null(lz_attached(a, 0));
	assert_int_equal(lz_group_release(g, &me), LZ_OK);
	assert_ptr_equal(lz_attached(a, 0), away);
	assert_null(fake_of(a)->table[0]);
	assert_in(other, away);
	fake_of(a)->mute = false;
	assert_int_equal(lz_reset_prepare(a), LZ_OK);
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_int_equal(lz_group_release(g, &me), LZ_OK);
	assert_int_equal(lz_reset_done(a, LZ_RESET_OK), LZ_OK);
	assert_in(a, away);
	tear_down();
}

static void h12_blocked_device_gets_to_the_default_domain_when_it_recovers(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, blocked_body);
}

static void adopt_body(struct bench *b)
{
	struct lz_device_desc d = {
		.name = "late", .iommu = b->iommu, .streams = &(uint32_t){24}, .n_streams = 1};
	struct lz_device *late;

	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	b->fake.fail[OP_INSTALL] = LZ_ENOMEM;
	b->fake.fail_count[OP_INSTALL] = 1;
	assert_int_equal(lz_device_add(g, &d, &late), LZ_ENOMEM);
	assert_null(late);
	assert_int_equal(b->fake.count[OP_FREE], 1); /* nothing of it remains */
	assert_int_equal(lz_device_add(g, &d, &late), LZ_OK);
	assert_in(late, home);
	assert_int_equal(lz_device_remove(late), LZ_OK);
	tear_down();
}

static void device_that_cannot_be_attached_is_not_added(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, adopt_body);
}

/* ---- claims ---- */

static void claim_body(struct bench *b)
{
	struct lz_device *late;

	(void)b;
	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	assert_int_equal(lz_group_claim(g, NULL), LZ_EINVAL);
	assert_int_equal(lz_group_release(g, &me), LZ_EINVAL);
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_in(a, NULL);
	assert_in(other, NULL);
	assert_int_equal(lz_group_claim(g, &you), LZ_EBUSY);
	assert_int_equal(lz_group_release(g, &you), LZ_EINVAL);
	assert_int_equal(lz_attach(a, away), LZ_OK);
	assert_int_equal(lz_attach(other, away), LZ_OK);
	assert_int_equal(lz_attach_pasid(a, 2, home), LZ_OK);
	late = bench_device(g, 24, 1, NULL); /* the owner's to attach */
	assert_in(late, NULL);
	assert_int_equal(lz_device_remove(late), LZ_OK);
	/* Claims of one owner are counted. */
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_in(a, away);
	assert_int_equal(lz_group_release(g, &me), LZ_OK);
	assert_in(a, away);
	assert_int_equal(lz_group_claim(g, &you), LZ_EBUSY);
	assert_int_equal(lz_group_release(g, &me), LZ_OK);
	assert_in(a, home);
	assert_in(other, home);
	assert_null(lz_attached(a, 2));
	assert_int_equal(lz_group_release(g, &me), LZ_EINVAL);
	assert_int_equal(lz_group_claim(g, &you), LZ_OK);
	/* Remembered. */
	assert_int_equal(lz_group_set_default_domain(g, away), LZ_OK);
	assert_in(a, NULL);
	assert_int_equal(lz_group_release(g, &you), LZ_OK);
	assert_in(a, away);
	tear_down();
}

static void claim_and_release(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, claim_body);
}

static void used_body(struct bench *b)
{
	(void)b;
	set_up();
	assert_int_equal(lz_attach(other, away), LZ_OK);
	assert_int_equal(lz_group_claim(g, &me), LZ_EBUSY);
	assert_in(other, away);
	assert_int_equal(lz_group_set_default_domain(g, away), LZ_OK);
	assert_int_equal(lz_attach_pasid(a, 1, home), LZ_OK);
	assert_int_equal(lz_group_claim(g, &me), LZ_EBUSY);
	lz_detach_pasid(a, 1);
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_int_equal(lz_group_release(g, &me), LZ_OK);
	tear_down();
}

static void group_in_use_is_not_claimed(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, used_body);
}

static void failed_release_body(struct bench *b)
{
	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_int_equal(lz_attach(a, away), LZ_OK);
	assert_int_equal(lz_attach(other, away), LZ_OK);
	b->fake.fail[OP_LINK] = LZ_ENOMEM;
	b->fake.fail_count[OP_LINK] = 1;
	assert_int_equal(lz_group_release(g, &me), LZ_ENOMEM);
	assert_true(!lz_attached(a, 0) != !lz_attached(other, 0));
	bench_destroy(away); /* nobody is left there */
	away = bench_domain();
	assert_int_equal(lz_group_claim(g, &you), LZ_OK); /* it is free all the same */
	assert_int_equal(lz_group_release(g, &you), LZ_OK);
	assert_in(a, home);
	assert_in(other, home);
	tear_down();
}

static void release_leaves_nobody_in_the_owners_domain(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, failed_release_body);
}

static void end_body(struct bench *b)
{
	(void)b;
	g = bench_group(2);
	home = bench_domain();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	assert_int_equal(lz_group_claim(g, &me), LZ_OK);
	assert_int_equal(lz_group_destroy(g), LZ_EBUSY);
	assert_int_equal(lz_group_release(g, &me), LZ_OK);
	assert_int_equal(lz_domain_destroy(home), LZ_EBUSY);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
	bench_destroy(home);
}

static void group_gives_its_default_domain_back(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, end_body);
}

/* ---- at the same time ---- */

static void claimer(void *arg)
{
	for (int i = 0; i < 4; i++) {
		if (lz_group_claim(g, arg) != LZ_OK)
			continue;
		assert_int_equal(lz_attach(a, away), LZ_OK);
		bench_sleep(300);
		assert_ptr_equal(lz_attached(a, 0), away);
		assert_int_equal(lz_group_release(g, arg), LZ_OK);
	}
}

static void race_body(struct bench *b)
{
	set_up();
	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	b->fake.delay = 100;
	bench_spawn("me", 2, claimer, &me);
	bench_spawn("you", 3, claimer, &you);
	bench_join();
	assert_in(a, home);
	assert_in(other, home);
	tear_down();
}

static void two_owners_do_not_meet(void **s)
{
	(void)s;
	bench_seeds(100, race_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_in_the_default_domain),
		cmocka_unit_test(default_domain_is_refused_with_a_reason),
		cmocka_unit_test(default_domain_moves_all_or_none),
		cmocka_unit_test(h12_blocked_device_gets_to_the_default_domain_when_it_recovers),
		cmocka_unit_test(device_that_cannot_be_attached_is_not_added),
		cmocka_unit_test(claim_and_release),
		cmocka_unit_test(group_in_use_is_not_claimed),
		cmocka_unit_test(release_leaves_nobody_in_the_owners_domain),
		cmocka_unit_test(group_gives_its_default_domain_back),
		cmocka_unit_test(two_owners_do_not_meet),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}

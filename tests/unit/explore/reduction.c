/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reduced search leaves out changes nothing: on small cases of the machine it
 * comes to the same outcomes and verdicts as every schedule within the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "explore/rig.h"
#include "explore/search.h"

struct outcomes {
	uint64_t of[64];
	unsigned n;
	uint64_t schedules, violations;
};

static struct ex_case a_case(char *body)
{
	static uint32_t number;
	struct ex_case c = {.body = body, .hash = ++number};

	ex_case_default(&c);
	c.devices = c.whole = 1;
	c.clocks = c.dma = 0;
	return c;
}

static void note(struct outcomes *o, uint64_t outcome)
{
	unsigned i = 0;

	while (i < o->n && o->of[i] != outcome)
		i++;
	assert_true(i < sizeof(o->of) / sizeof(o->of[0]));
	o->of[i] = outcome;
	o->n += i == o->n;
}

static void search(const struct ex_case *c, unsigned bound, bool all, struct outcomes *o)
{
	struct ex_dpor *d = ex_dpor_new(bound);
	struct ex_subject s;
	struct ex_run r = {.subject = &s, .strategy = ex_strategy_dpor(d), .brief = true};

	*o = (struct outcomes){.n = 0};
	if (all)
		ex_dpor_all(d);
	assert_true(ex_case_subject(c, &s));
	do {
		ex_execute(&r);
		assert_false(r.unfinished);
		o->schedules++;
		o->violations += r.violation.found;
		note(o, r.violation.found ? (uint64_t)r.violation.invariant : r.outcome);
	} while (ex_dpor_next(d));
	ex_run_free(&r);
	ex_dpor_free(d);
}

static void compare(const struct ex_case *c, unsigned bound, unsigned at_least)
{
	struct outcomes all, reduced;

	search(c, bound, true, &all);
	search(c, bound, false, &reduced);
	assert_in_range(all.n, at_least, 64);
	assert_int_equal(reduced.n, all.n);
	for (unsigned i = 0; i < all.n; i++) {
		note(&reduced, all.of[i]);
		assert_int_equal(reduced.n, all.n);
	}
	assert_int_equal(!reduced.violations, !all.violations);
	assert_in_range(reduced.schedules, 1, all.schedules - 1);
}

/* Two maps that need the same tables: who comes second finds them or frees its own. */
static void tables_that_two_need(void **state)
{
	struct ex_case c = a_case("tables");

	(void)state;
	for (unsigned bound = 1; bound <= 3; bound++)
		compare(&c, bound, 2);
}

static void tables_that_two_need_and_short_memory(void **state)
{
	struct ex_case c = a_case("tables");

	(void)state;
	c.budget[EX_ALLOC] = 2;
	compare(&c, 1, 5);
	compare(&c, 2, 5);
}

/* All of report, fence, block and sweep, wherever somebody has to wait. */
static void two_reports(void **state)
{
	struct ex_case c = a_case("reports");

	(void)state;
	compare(&c, 0, 1);
}

static void an_unmap_that_everybody_answers(void **state)
{
	struct ex_case c = a_case("healthy");

	(void)state;
	compare(&c, 1, 1);
}

static void a_violation_is_found_by_both(void **state)
{
	struct ex_case c = a_case("toy_lost_update");
	struct outcomes all, reduced;

	(void)state;
	search(&c, 2, true, &all);
	search(&c, 2, false, &reduced);
	assert_true(all.violations && reduced.violations);
	assert_true(reduced.schedules <= all.schedules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_that_two_need),
		cmocka_unit_test(tables_that_two_need_and_short_memory),
		cmocka_unit_test(two_reports),
		cmocka_unit_test(an_unmap_that_everybody_answers),
		cmocka_unit_test(a_violation_is_found_by_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

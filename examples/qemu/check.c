/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

static unsigned passed, failed;

bool check(bool ok, const char *what)
{
	passed += ok;
	failed += !ok;
	bm_print("%s  %s\n", ok ? "PASS" : "FAIL", what);
	return ok;
}

bool check_status(enum lz_status got, enum lz_status wanted, const char *what)
{
	if (got != wanted)
		bm_print("      %s instead of %s:\n", lz_status_name(got), lz_status_name(wanted));
	return check(got == wanted, what);
}

bool fine(enum lz_status got, const char *call)
{
	if (got != LZ_OK)
		bm_print("      %s: %s\n", call, lz_status_name(got));
	return got == LZ_OK;
}

void stage(const char *what)
{
	bm_print("\n== %s\n", what);
}

unsigned check_sum(void)
{
	bm_print("\n%u passed, %u failed\n", passed, failed);
	return failed + !passed;
}

bool wait_for(bool (*pred)(void *), void *arg, lz_ns bound)
{
	lz_ns until = bm_now() + bound;

	while (!pred(arg))
		if (bm_now() > until)
			return pred(arg);
	return true;
}

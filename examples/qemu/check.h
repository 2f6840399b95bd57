/* SPDX-License-Identifier: BSD-2-Clause */
/* What is checked, and the count of it. */
#ifndef QEMU_CHECK_H
#define QEMU_CHECK_H

#include "baremetal.h"

/* Prints PASS or FAIL and the text; returns `ok`. Task context. */
bool check(bool ok, const char *what);
/* Prints FAIL, with the status, unless it is the wanted one. */
bool check_status(enum lz_status got, enum lz_status wanted, const char *what);
/* For what only prepares a check: says nothing when it is LZ_OK. */
bool fine(enum lz_status got, const char *call);
/* A heading. */
void stage(const char *what);
/* How many failed; prints the last line. */
unsigned check_sum(void);

/* Waits until pred(arg), at most `bound`; says whether it came. */
bool wait_for(bool (*pred)(void *), void *arg, lz_ns bound);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests that every page table format runs. */
#ifndef PGTABLE_TABLES_H
#define PGTABLE_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pgtable/pgtable.h"
#include "port/sim/sim.h"

#define M2 (2ull << 20)
#define G1 (1ull << 30)
#define RW (LZ_READ | LZ_WRITE)

/* How hardware reads a format's entries, written here once more. */
struct format {
	enum lz_status (*init)(void); /* of `pt`: at least 38 bits in, 40 out */
	unsigned top;		      /* address bits below an entry of the root */
	bool (*is_table)(uint64_t e, unsigned shift);
	lz_phys (*phys)(uint64_t e);
	bool (*is_sound)(uint64_t e); /* of a valid leaf */
};

extern struct lz_pt pt;
extern const struct format *format;

/* Runs `fn` in a task, with tables made; nothing may be left afterwards. */
void run(uint64_t seed, unsigned switch_one_in, void (*fn)(void), const struct sim_hw *hw);
/* Reads like the hardware: no announcement. `*shift`: of the entry that was found. */
uint64_t walk(lz_iova iova, unsigned *shift);

void blocks_are_used_and_not_cut(void **state);
void dead_entries_keep_the_range_until_their_epoch(void **state);
void failed_map_leaves_nothing(void **state);
void bad_input_is_refused(void **state);
void each_store_is_old_valid_or_new_valid(void **state);
void tables_are_installed_once(void **state);

#define TABLE_TESTS                                                              \
	cmocka_unit_test(blocks_are_used_and_not_cut),                           \
		cmocka_unit_test(dead_entries_keep_the_range_until_their_epoch), \
		cmocka_unit_test(failed_map_leaves_nothing),                     \
		cmocka_unit_test(bad_input_is_refused),                          \
		cmocka_unit_test(each_store_is_old_valid_or_new_valid),          \
		cmocka_unit_test(tables_are_installed_once)

#endif

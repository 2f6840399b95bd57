/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of bodies share: the tasks of several bodies, and bodies of
 * bodies_life.c for the table in bodies.c. */
#ifndef LZ_EXPLORE_BODIES_H
#define LZ_EXPLORE_BODIES_H

#include "explore/rig.h"

#define EXR_ALL 7u /* every device */

/* Everybody in domain 0, three pages cached; the second: device 0 is dead. */
void exb_shared(struct exr *r);
void exb_one_dead(struct exr *r);
/* Unmap page 1 or 2 of domain 0; reset device 0. */
void exb_unmap_1(struct exr *r);
void exb_unmap_2(struct exr *r);
void exb_reset_0(struct exr *r);
/* Waits until the owner of device 0 has been told, for 20 ms at most. */
void exb_until_told(struct exr *r);

/* bodies_life.c */
void exb_attach_dead_prepare(struct exr *r);
void exb_attach_dead(struct exr *r);
void exb_report_attach(struct exr *r);
void exb_move_prepare(struct exr *r);
void exb_move(struct exr *r);
void exb_report_reset(struct exr *r);
void exb_late_reset(struct exr *r);
void exb_reset_fails(struct exr *r);
void exb_broken_again(struct exr *r);
void exb_detach_reset_prepare(struct exr *r);
void exb_leave_sound(struct exr *r);
void exb_alias_deaf_prepare(struct exr *r);
void exb_alias_deaf(struct exr *r);
void exb_detach_reset(struct exr *r);
void exb_nested_settle(struct exr *r);
void exb_operator_reset(struct exr *r);
void exb_remove_worker(struct exr *r);
void exb_neighbour_removed(struct exr *r);
void exb_remove_blocked(struct exr *r);
void exb_remove_faults(struct exr *r);
void exb_remove_probed(struct exr *r);
void exb_pasid_prepare(struct exr *r);
void exb_pasid_reset(struct exr *r);
void exb_pasid_muted(struct exr *r);
void exb_laps(struct exr *r);

/* bodies_short.c */
void exb_short_map(struct exr *r);
void exb_tables_prepare(struct exr *r);
void exb_tables(struct exr *r);
void exb_short_domain(struct exr *r);
void exb_short_device(struct exr *r);
void exb_short_dead(struct exr *r);
void exb_many_pasids_prepare(struct exr *r);
void exb_many_pasids(struct exr *r);
void exb_two_ways_prepare(struct exr *r);
void exb_two_ways(struct exr *r);

/* bodies_smmus.c */
void exb_second_stalls(struct exr *r);
void exb_both_owe(struct exr *r);
void exb_first_only(struct exr *r);
void exb_second_comes(struct exr *r);
void exb_second_goes(struct exr *r);
void exb_second_fails(struct exr *r);

/* bodies_lanes.c */
void exb_lanes_prepare(struct exr *r);
void exb_lanes_two_prepare(struct exr *r);
void exb_lanes_two(struct exr *r);
void exb_lanes_stuck(struct exr *r);
void exb_lanes_shared(struct exr *r);

#endif

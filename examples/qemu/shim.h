/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands between the library and QEMU's SMMU: every register access of the
 * library comes through here. Off, it hands everything on. It can
 *
 *   - spoil what is submitted, for checks of checks: make a command illegal, leave
 *     invalidations out (in the driver's own ring, before QEMU looks);
 *   - play address translation services, which QEMU's SMMU does not have: it says
 *     so in IDR0, acknowledges ATSCHK, and copies the command queue to one that
 *     QEMU reads, without the ATC_INVs. Where a stream is told not to answer, the
 *     queue stands at the next CMD_SYNC, and after a while CMDQ_CONS.ERR, GERROR and
 *     its interrupt say so (sections 3.9, 7.1, 7.5).
 */
#ifndef QEMU_SHIM_H
#define QEMU_SHIM_H

#include "baremetal.h"

#define SHIM_TIMEOUT LZ_MS(5)

struct shim_counts {
	unsigned spoiled;    /* commands made illegal */
	unsigned left_out;   /* invalidations that QEMU never saw */
	unsigned atc;	     /* ATC_INVs filtered */
	unsigned unanswered; /* of these: not answered */
	unsigned errors;     /* raised by the shim */
};

/* The SMMU's registers and the interrupt of its global errors. */
void shim_init(uintptr_t base, unsigned gerror_irq);
/* Plays ATS or does not; while no SMMU is in use. */
void shim_ats(bool on);
/* Makes the first command of every `nth` submission illegal, `most` times; 0: none. */
void shim_spoil(unsigned nth, unsigned most);
/* Replaces invalidations by something harmless. */
#define SHIM_TLBI 1u
#define SHIM_CFGI 2u
void shim_leave_out(unsigned which);
/* From now on, until its reset, that stream answers no invalidation. */
void shim_silence(uint32_t sid);
void shim_device_reset(uint32_t sid);
/* Periodically, in an interrupt. */
void shim_tick(void *arg);
struct shim_counts shim_counts(void);
void shim_forget_counts(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of calls of the library that touches every kind of command, made by the
 * image on QEMU's SMMU and by tests/qemu/stream.c on the model, so that what the
 * driver does to the hardware can be compared.
 */
#ifndef QEMU_CALLS_H
#define QEMU_CALLS_H

#include "lazaret/lazaret.h"

/* Streams of functions that are there (QEMU tells nothing of commands for others), and
 * that nobody uses meanwhile. */
#define CALLS_STREAM_A 0x0008u
#define CALLS_STREAM_B 0x0100u

/* mark() is called before each call. LZ_OK, or what went wrong first. */
enum lz_status calls_run(const struct lz_port *port, uintptr_t mmio, void (*mark)(void));

#endif

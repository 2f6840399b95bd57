/* SPDX-License-Identifier: BSD-2-Clause */
/* The stages of the image, in the order in which main.c runs them. */
#ifndef QEMU_STAGES_H
#define QEMU_STAGES_H

#include <stdbool.h>

/* machine.c: what is there. */
bool stage_machine(void);
bool stage_pci(void);
/* stage_*.c */
void stage_stream(void);
void stage_dma(void);
void stage_queue(void);
void stage_recovery(void);
void stage_figures(void);

#endif

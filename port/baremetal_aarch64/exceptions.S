/* SPDX-License-Identifier: BSD-2-Clause */
/* Exception vectors: interrupts of the level itself; everything else is an end. */
#if BM_EL == 2
#define ELR  elr_el2
#define SPSR spsr_el2
#else
#define ELR  elr_el1
#define SPSR spsr_el1
#endif

	.macro	save
	sub	sp, sp, #272
	stp	x0, x1, [sp, #0]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x0, ELR
	stp	x30, x0, [sp, #240]
	mrs	x0, SPSR
	str	x0, [sp, #256]
	.endm

	.macro	fatal kind
	.balign	0x80
	save
	mov	x0, sp
	mov	x1, #\kind
	bl	bm_exception
	b	restore
	.endm

	.text
	.global	bm_vectors
	.balign	0x800
bm_vectors:
	fatal	0
	fatal	1
	fatal	2
	fatal	3
	fatal	4
	.balign	0x80
	b	interrupt
	fatal	6
	fatal	7
	fatal	8
	fatal	9
	fatal	10
	fatal	11
	fatal	12
	fatal	13
	fatal	14
	fatal	15

	.balign	0x80
interrupt:
	save
	bl	bm_irq_dispatch
restore:
	ldr	x0, [sp, #256]
	msr	SPSR, x0
	ldp	x30, x0, [sp, #240]
	msr	ELR, x0
	ldp	x0, x1, [sp, #0]
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	add	sp, sp, #272
	eret

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry points. The image begins with the header of an arm64 boot image, so that
 * whoever loads it hands over the device tree in x0, and runs wherever it was
 * loaded: it relocates itself. Caches and MMU are off here.
 */
#include "stack.h"

	.section .head, "ax"
	.global	bm_image_start
bm_image_start:
	b	start
	.long	0
	.quad	0		/* offset from a multiple of 2 MiB */
	.quad	bm_image_size
	.quad	0xa		/* little endian, 4 KiB pages, anywhere */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

/* To the level that the image is built for. Clobbers x9, x10. */
	.macro	to_level
	mrs	x9, CurrentEL
	lsr	x9, x9, #2
	cmp	x9, #2
#if BM_EL == 2
	b.eq	1f
	/* Started below the level that it was built for: nothing can be said. */
2:	wfe
	b	2b
1:	mov	x9, #(1 << 31)		/* RW: AArch64 below */
	orr	x9, x9, #(1 << 5 | 1 << 4 | 1 << 3)	/* AMO, IMO, FMO: here */
	msr	hcr_el2, x9
	msr	cntvoff_el2, xzr
	msr	S3_4_C12_C9_5, xzr	/* ICC_SRE_EL2, below */
	mov	x9, #0xf
	msr	S3_4_C12_C9_5, x9
	isb
#else
	b.ne	1f
	mov	x9, #(1 << 31)
	msr	hcr_el2, x9
	mov	x9, #3			/* counter and timer for EL1 */
	msr	cnthctl_el2, x9
	msr	cntvoff_el2, xzr
	mov	x9, #0xf		/* ICC_SRE_EL2: system registers, also for EL1 */
	msr	S3_4_C12_C9_5, x9
	mov	x9, #0x33ff		/* nothing trapped */
	msr	cptr_el2, x9
	msr	hstr_el2, xzr
	mrs	x9, mdcr_el2
	and	x9, x9, #0x1f		/* HPMN: all counters */
	msr	mdcr_el2, x9
	mrs	x9, midr_el1
	msr	vpidr_el2, x9
	mrs	x9, mpidr_el1
	msr	vmpidr_el2, x9
	ldr	x9, =0x30d00800		/* SCTLR_EL1 with everything off */
	msr	sctlr_el1, x9
	mov	x9, #0x3c5		/* EL1h, all masked */
	msr	spsr_el2, x9
	adr	x9, 1f
	msr	elr_el2, x9
	eret
1:
#endif
	.endm

	.text
start:
	mov	x19, x0
	to_level
	msr	spsel, #1
	adrp	x0, bm_stacks
	add	x0, x0, :lo12:bm_stacks
	ldr	x1, =BM_STACK_SIZE
	add	sp, x0, x1
	adrp	x0, bm_bss_start
	add	x0, x0, :lo12:bm_bss_start
	adrp	x1, bm_bss_end
	add	x1, x1, :lo12:bm_bss_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b
	/* Words that hold addresses: R_AARCH64_RELATIVE only. */
	adrp	x2, bm_image_start
	add	x2, x2, :lo12:bm_image_start
	adrp	x0, bm_rela_start
	add	x0, x0, :lo12:bm_rela_start
	adrp	x1, bm_rela_end
	add	x1, x1, :lo12:bm_rela_end
2:	cmp	x0, x1
	b.hs	3f
	ldp	x3, x4, [x0], #16
	ldr	x5, [x0], #8
	cmp	w4, #1027
	b.ne	2b
	add	x5, x5, x2
	str	x5, [x2, x3]
	b	2b
3:	mov	x0, x19
	bl	bm_start

	/* x0: struct bm_boot */
	.global	bm_secondary_start
bm_secondary_start:
	mov	x19, x0
	to_level
	msr	spsel, #1
	ldp	x1, x20, [x19]
	mov	sp, x1
	bl	bm_mmu_on
	mov	x0, x20
	bl	bm_start_secondary
	.ltorg

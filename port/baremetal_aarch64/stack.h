/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of stack per CPU; handlers run on it too. */
#define BM_STACK_SIZE 0x8000

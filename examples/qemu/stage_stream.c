/* SPDX-License-Identifier: BSD-2-Clause */
#include "stages.h"

void stage_stream(void)
{
}

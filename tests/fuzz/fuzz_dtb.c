/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a device tree: loaded, or refused with one line. */
#define _GNU_SOURCE
#include "fuzz_file.h"
#include "machine/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file;
	struct machine m;
	char err[256] = "";

	if (machine_load(&m, fuzz_dump(), fuzz_file(&file, data, size), NULL, err, sizeof(err)))
		fuzz_check_error(err);
	else
		machine_free(&m);
	return 0;
}

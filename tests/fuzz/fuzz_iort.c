/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as an IORT, as they are and with a checksum that fits: loaded, or
 * refused with one line. */
#define _GNU_SOURCE
#include "fuzz_file.h"
#include "machine/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const uint8_t *data, size_t size)
{
	static struct fuzz_file file;
	struct machine m;
	char err[256] = "";

	if (machine_load(&m, fuzz_dump(), NULL, fuzz_file(&file, data, size), err, sizeof(err)))
		fuzz_check_error(err);
	else
		machine_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *t, sum = 0;
	size_t i, len;

	load(data, size);
	if (size < 48)
		return 0;
	t = malloc(size);
	if (!t)
		return 0;
	memcpy(t, data, size);
	len = t[4] | (size_t)t[5] << 8 | (size_t)t[6] << 16 | (size_t)t[7] << 24;
	t[9] = 0;
	for (i = 0; i < len && i < size; i++)
		sum = (uint8_t)(sum + t[i]);
	t[9] = (uint8_t)-sum;
	load(t, size);
	free(t);
	return 0;
}
